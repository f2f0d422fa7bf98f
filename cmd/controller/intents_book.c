/* SPDX-License-Identifier: Apache-2.0 */
/* intents_book.c - intents in a ConfigMap: read, changed, written back at the version that was read
 *
 * Requests wait in a queue. Who comes first takes all that wait, writes for them, and wakes them; so a
 * hundred at once are a few writes, and replicas get in each other's way a few times, not a hundred. Nobody
 * is held beyond his own time by that, nor fails because another's was over.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "daemon/say.h"
#include "intents.h"
#include "kube/object.h"
#include "kube/retry.h"
#include "kube/thread.h"

#define KEY         "intents"
#define REMOVE_MS   1500
#define SHARE_MS    1000
#define LEAVING_MAX 512
#define PAUSE_MS    5
#define PAUSE_MOST  100

static const struct kube_resource config_maps = { "", "v1", "configmaps", "ConfigMap", true };

enum { WAITS, TAKEN, DONE };

struct entry {
	struct entry *next;
	const struct intent *add;
	struct intents *before;
	struct deadline until;
	int state;
	int r; /* once DONE */
	struct err e;
};

/* To be taken out with the next write. */
struct leaving {
	bool is_uid; /* of an object that was seen; else the intent's id */
	char text[INTENT_ID_MAX + 1];
};

struct intents_book {
	struct kube *k;
	char *ns;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* lock */
	struct entry *head;
	uint64_t begun, ended; /* writes; they differ while one is under way */
	struct leaving leaving[LEAVING_MAX];
	size_t n_leaving;
};

int intents_book_new(struct kube *k, const char *ns, struct intents_book **ret, struct err *e)
{
	struct intents_book *b = calloc(1, sizeof(*b));

	if (!b)
		return err_nomem(e);
	b->k = k;
	b->ns = strdup(ns);
	if (!b->ns) {
		free(b);
		return err_nomem(e);
	}
	pthread_mutex_init(&b->lock, NULL);
	kube_cond_init(&b->changed);
	*ret = b;
	return 0;
}

void intents_book_free(struct intents_book *b)
{
	if (!b)
		return;
	pthread_cond_destroy(&b->changed);
	pthread_mutex_destroy(&b->lock);
	free(b->ns);
	free(b);
}

/* ---- one read, one write ---- */

static struct kube_op op_of(struct intents_book *b, struct deadline until)
{
	return (struct kube_op){ .res = &config_maps, .ns = b->ns, .name = INTENTS_NAME, .until = until };
}

static int new_map(struct intents_book *b, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = json_object_new_object();
	struct json_object *meta = json_object_new_object();
	int r;

	if (!map) {
		json_put_p(&meta);
		return err_nomem(e);
	}
	r = json_set(map, "metadata", meta, e);
	if (r == 0)
		r = json_set_str(map, "apiVersion", "v1", e);
	if (r == 0)
		r = json_set_str(map, "kind", "ConfigMap", e);
	if (r == 0)
		r = json_set_str(meta, "namespace", b->ns, e);
	if (r == 0)
		r = json_set_str(meta, "name", INTENTS_NAME, e);
	if (r == 0)
		*ret = TAKE_PTR(map);
	return r;
}

/* What somebody wrote there by hand is no reason to refuse everything from then on. */
static int read_list(struct json_object *map, struct intents *ret, struct err *e)
{
	const char *text = json_get_str(json_get(map, "data"), KEY);
	int r;

	*ret = (struct intents){ 0 };
	if (!text)
		return 0;
	r = intents_decode(text, strlen(text), ret, e);
	if (r < 0 && r != -ENOMEM) {
		say(LOG_LEVEL_WARN, "ConfigMap " INTENTS_NAME ": %s: begun anew", e->msg);
		r = 0;
	}
	return r;
}

/* *ret_map: what is there, NULL for nothing; now: the API server's clock. */
static int read_map(struct intents_book *b, struct deadline until, struct json_object **ret_map,
		    struct intents *ret, int64_t *now, struct err *e)
{
	struct kube_op op = op_of(b, until);
	int r = kube_get(b->k, &op, ret_map, e);

	if (r == -ENOENT)
		r = 0;
	if (r < 0)
		return err_wrap(e, "what is being created cannot be read");
	*now = op.answer.date_ms ? op.answer.date_ms : clock_wall_ms();
	return read_list(*ret_map, ret, e);
}

static int write_map(struct intents_book *b, struct deadline until, struct json_object *map,
		     const struct intents *l, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *fresh = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(JSON_TEXT_MAX);
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op = op_of(b, until);
	const bool create = !map;
	int r = intents_encode(l, &text, e);

	if (r == 0 && text.len > INTENTS_TEXT_MAX)
		r = err_code(e, ERR_CONFIG, EAGAIN,
			     "too much is being changed at this moment: try again in a minute");
	if (r == 0 && create) {
		r = new_map(b, &fresh, e);
		map = fresh;
	}
	if (r == 0 && !json_get(map, "data"))
		r = json_set(map, "data", json_object_new_object(), e);
	if (r == 0)
		r = json_set_str(json_get(map, "data"), KEY, buf_cstr(&text), e);
	if (r == 0)
		r = json_print(map, false, &body, e);
	if (r == 0)
		r = (create ? kube_create : kube_update)(b->k, &op, body.s, body.len, NULL, e);
	return r;
}

/* ---- what waits ---- */

/* Those in front of the place. */
static int copy_front(const struct intents *l, size_t n, struct intents *ret, struct err *e)
{
	*ret = (struct intents){ 0 };
	ret->list.v = calloc(n ? n : 1, sizeof(*ret->list.v));
	if (!ret->list.v)
		return err_nomem(e);
	for (; ret->list.n < n; ret->list.n++) {
		int r = intent_copy(&l->list.v[ret->list.n], &ret->list.v[ret->list.n], e);

		if (r < 0) {
			intents_clear(ret);
			return r;
		}
	}
	return 0;
}

/* Does to the list what the entries want; true when it is another one now. Their answers are those that hold
 * if the list is written. */
static bool apply(struct intents *l, struct entry *batch, int64_t now)
{
	bool changed = false;

	for (struct entry *x = batch; x; x = x->next) {
		const size_t n = l->list.n;

		intents_clear(x->before);
		x->r = intents_add(l, x->add, now, &x->e);
		if (x->r >= 0)
			x->r = copy_front(l, (size_t)x->r, x->before, &x->e);
		changed |= l->list.n != n;
	}
	return changed;
}

static bool take_out(struct intents *l, const struct leaving *gone, size_t n)
{
	bool changed = false;

	for (size_t i = 0; i < n; i++)
		changed |= gone[i].is_uid ? intents_remove_create(l, gone[i].text)
					  : intents_remove(l, gone[i].text);
	return changed;
}

/* What is written together. */
struct batch {
	struct entry *head;
	struct leaving *leaving;
	size_t n_leaving;
};

static int attempt(struct intents_book *b, const struct batch *batch, struct deadline until, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = NULL;
	struct intents l = { 0 };
	int64_t now;
	int r = read_map(b, until, &map, &l, &now, e);

	if (r == 0) {
		bool changed = intents_expire(&l, now);

		changed |= take_out(&l, batch->leaving, batch->n_leaving);
		if (apply(&l, batch->head, now) || changed)
			r = write_map(b, until, map, &l, e);
	}
	intents_clear(&l);
	return r;
}

/* Until it is written or time is up. What an unknown outcome did is seen by the next read. */
static int write_all(struct intents_book *b, const struct batch *batch, struct deadline until, struct err *e)
{
	for (unsigned n = 0;; n++) {
		int r = attempt(b, batch, until, e);
		bool again = r == -EEXIST || (r < 0 && e->cni == ERR_TRY_AGAIN); /* -ESTALE is one of these */
		struct err ignored;

		if (r == 0 || !again || !deadline_left(until))
			return r;
		if (kube_sleep(b->k, NULL, kube_backoff(n, PAUSE_MS, PAUSE_MOST), &ignored) < 0)
			return r;
	}
}

/* late: somebody's time is over, which is no reason for those who have more. The lock is held. */
static void finish(struct intents_book *b, struct entry *batch, bool late, int r, const struct err *e)
{
	struct entry **last = &b->head;

	while (*last)
		last = &(*last)->next;
	for (struct entry *x = batch, *next; x; x = next) {
		next = x->next; /* its owner goes on as soon as it is done */
		if (r < 0 && late && deadline_left(x->until)) {
			x->state = WAITS;
			x->next = NULL;
			*last = x;
			last = &x->next;
			continue;
		}
		if (r < 0) {
			x->r = r;
			x->e = *e;
		}
		x->state = DONE;
	}
}

/* The lock is held. */
static void leave(struct intents_book *b, bool is_uid, const char *text)
{
	struct leaving *x = &b->leaving[b->n_leaving];

	if (b->n_leaving == LEAVING_MAX || strlen(text) > INTENT_ID_MAX)
		return;
	x->is_uid = is_uid;
	memcpy(x->text, text, strlen(text) + 1);
	b->n_leaving++;
}

/* Those who have about as long as the writer; *until: what all of them have. The lock is held. */
static struct entry *take(struct intents_book *b, struct deadline *until)
{
	const int64_t least = until->at_ms - SHARE_MS;
	struct entry *taken = NULL, **last = &taken, **at = &b->head;

	while (*at) {
		struct entry *x = *at;

		if (x->until.at_ms < least) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		x->next = NULL;
		x->state = TAKEN;
		*until = deadline_min(*until, x->until);
		*last = x;
		last = &x->next;
	}
	return taken;
}

static bool is_busy(const struct intents_book *b)
{
	return b->begun != b->ended;
}

/* The lock is held, and is again afterwards. */
static int serve(struct intents_book *b, struct deadline until)
{
	CLEANUP(free_p) struct leaving *leaving = malloc(sizeof(b->leaving));
	struct batch batch = { .head = take(b, &until), .leaving = leaving };
	struct err e;
	int r;

	b->begun++;
	if (leaving) {
		batch.n_leaving = b->n_leaving;
		memcpy(leaving, b->leaving, b->n_leaving * sizeof(*leaving));
		b->n_leaving = 0;
	}
	pthread_mutex_unlock(&b->lock);
	r = write_all(b, &batch, until, &e);
	pthread_mutex_lock(&b->lock);
	b->ended = b->begun;
	finish(b, batch.head, !deadline_left(until), r, &e);
	for (size_t i = 0; i < batch.n_leaving && r < 0; i++)
		leave(b, leaving[i].is_uid, leaving[i].text);
	pthread_cond_broadcast(&b->changed);
	return r;
}

static void enqueue(struct intents_book *b, struct entry *x)
{
	struct entry **last = &b->head;

	while (*last)
		last = &(*last)->next;
	*last = x;
}

static void dequeue(struct intents_book *b, struct entry *x)
{
	struct entry **at = &b->head;

	while (*at != x)
		at = &(*at)->next;
	*at = x->next;
}

static int run(struct intents_book *b, struct entry *x, struct err *e)
{
	pthread_mutex_lock(&b->lock);
	enqueue(b, x);
	while (x->state != DONE) {
		if (x->state == WAITS && !deadline_left(x->until)) {
			dequeue(b, x);
			pthread_cond_broadcast(&b->changed);
			x->state = DONE;
			x->r = err_code(&x->e, ERR_TRY_AGAIN, ETIMEDOUT,
					"what is being created could not be written in time: try again");
		} else if (!is_busy(b) && x->state == WAITS) {
			(void)serve(b, x->until);
		} else {
			/* The writer of who was taken gives up no later than his time is over. */
			kube_cond_wait(&b->changed, &b->lock,
				       x->state == WAITS ? x->until : deadline_in(1000));
		}
	}
	pthread_mutex_unlock(&b->lock);
	if (x->r < 0)
		*e = x->e;
	return x->r;
}

/* The next write takes out what leaves: somebody's who waits, or ours. The lock is held. */
static void write_leaving(struct intents_book *b, struct deadline until)
{
	const uint64_t wanted = b->begun + 1;

	while (b->ended < wanted && deadline_left(until)) {
		if (is_busy(b) || b->head)
			kube_cond_wait(&b->changed, &b->lock, until);
		else
			(void)serve(b, until);
	}
}

/* ---- for requests ---- */

int intents_book_add(struct intents_book *b, const struct intent *i, struct deadline until,
		     struct intents *ret_before, struct err *e)
{
	struct entry x = { .add = i, .before = ret_before, .until = until };
	int r;

	*ret_before = (struct intents){ 0 };
	r = run(b, &x, e);
	if (r < 0)
		intents_clear(ret_before);
	return r;
}

int intents_book_read(struct intents_book *b, struct deadline until, struct intents *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = NULL;
	int64_t now;
	int r = read_map(b, until, &map, ret, &now, e);

	if (r == 0)
		intents_expire(ret, now);
	return r;
}

/* What does not succeed soon goes with a later write. */
static void take_away(struct intents_book *b, bool is_uid, const char *text)
{
	pthread_mutex_lock(&b->lock);
	leave(b, is_uid, text);
	write_leaving(b, deadline_in(REMOVE_MS));
	pthread_mutex_unlock(&b->lock);
}

void intents_book_remove(struct intents_book *b, const char *id)
{
	take_away(b, false, id);
}

void intents_book_exists(struct intents_book *b, const char *uid)
{
	take_away(b, true, uid);
}

void intents_book_settled(struct intents_book *b, const char *id)
{
	pthread_mutex_lock(&b->lock);
	leave(b, false, id);
	pthread_mutex_unlock(&b->lock);
}

void intents_book_flush(struct intents_book *b)
{
	pthread_mutex_lock(&b->lock);
	if (b->n_leaving)
		write_leaving(b, deadline_in(REMOVE_MS));
	pthread_mutex_unlock(&b->lock);
}
