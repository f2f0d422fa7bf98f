/* SPDX-License-Identifier: Apache-2.0 */
/* kube_endpoint.c - SpiderEndpoint: written behind for pods that nobody looks for elsewhere, else at once */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"
#include "json/json.h"
#include "kube/retry.h"
#include "kube/thread.h"
#include "store/kube_impl.h"

#define NODE_LABEL   "ipam.spidernet.io/node"
#define ATTEMPT_MS   5000
#define ATTEMPTS_MAX 5 /* of one write, against others' */
#define BODY_MAX     ((size_t)1 << 20)
/* Pods that wait for addresses go first: while blocks are being written, endpoints wait, but no longer than
 * this, and not when there are so many. */
#define QUIET_MS 50
#define WAIT_MS  1000
#define MANY     256

#define LATE_MS 65000 /* kube-apiserver ends a request after a minute */

static const struct kube_resource *endpoints(void)
{
	return &kube_resources[KUBE_SPIDERENDPOINTS];
}

struct target {
	struct store_kube *h;
	const char *ns, *name;
	char uid[64];
	bool behind;
	bool planned; /* on what it was at this version; 0: there was none */
	uint64_t version;
	struct deadline until;
};

static struct kube_op op_of(const struct target *t)
{
	return (struct kube_op){ .res = endpoints(),
				 .ns = t->ns,
				 .name = t->name,
				 .until = deadline_min(t->until, deadline_in(ATTEMPT_MS)),
				 .metadata_only = true };
}

static void keep_uid(struct target *t, struct json_object *tree)
{
	const char *uid = tree ? kube_meta(tree, "uid") : NULL;

	if (uid)
		snprintf(t->uid, sizeof(t->uid), "%s", uid);
}

/* ---- one object, now; without the lock ---- */

/* rv NULL: for a create. */
static int body(const char *text, const char *rv, struct buf *out, struct err *e)
{
	static const char *const drop[] = { "uid", "resourceVersion", "creationTimestamp", "generation",
					    "managedFields" };
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct json_object *meta;
	int r = json_parse(text, strlen(text), "SpiderEndpoint", &tree, e);

	if (r < 0)
		return r;
	meta = json_get(tree, "metadata");
	for (size_t i = 0; i < ARRAY_LEN(drop); i++)
		json_object_object_del(meta, drop[i]);
	if (rv)
		r = json_set_str(meta, "resourceVersion", rv, e);
	return r < 0 ? r : json_print(tree, false, out, e);
}

/* A create has nothing to compare with: one of unknown outcome may land even after the object was removed, as
 * long as the server works at it. Then what nobody knows is looked for. */
static void expect_late(struct store_kube *h)
{
	hub_lock(h);
	h->late_at = clock_mono_ms() + LATE_MS;
	hub_unlock(h);
}

static int send_create(struct target *t, const char *text, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *answer = NULL;
	CLEANUP(buf_clear) struct buf b = BUF_INIT(BODY_MAX);
	struct kube_op op = op_of(t);
	int r = body(text, NULL, &b, e);

	if (r == 0)
		r = kube_create(t->h->k, &op, b.s, b.len, &answer, e);
	keep_uid(t, answer);
	if (r < 0 && op.answer.outcome == KUBE_UNKNOWN)
		expect_late(t->h);
	return r;
}

/* Nothing but the finalizer keeps it. */
static int unbind(struct target *t, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(512);
	struct kube_op op = op_of(t);

	buf_fmt(&b, "{\"metadata\":{\"uid\":\"%s\",\"finalizers\":null}}", t->uid);
	return kube_patch(t->h->k, &op, KUBE_MERGE_PATCH, b.s, b.len, NULL, e);
}

static int remove_now(struct target *t, struct err *e)
{
	struct kube_op op = op_of(t);
	int r = unbind(t, e);

	op.if_uid = t->uid;
	if (r == 0)
		r = kube_delete(t->h->k, &op, e);
	/* Another one by now: not ours to remove. */
	return r == -ENOENT || r == -ESTALE ? 0 : r;
}

/* Of a pod of the same name on another node, which will remove it by its UID. One that outlives its pods
 * moves with them. */
static bool is_elsewhere(const struct target *t, struct json_object *o)
{
	const char *node = json_get_str(json_get(json_get(o, "metadata"), "labels"), NODE_LABEL);
	char value[API_LABEL_MAX];

	return t->behind && (!node || strcmp(node, api_label_value(t->h->node, value)) != 0);
}

/* Whoever changed it since it was read is not overwritten: -ESTALE, and the call begins again. */
static int compare(const struct target *t, struct json_object *o, struct err *e)
{
	if (!t->planned ||
	    (t->version ? t->version == object_version(o) : !!kube_meta(o, "deletionTimestamp")))
		return 0;
	return err_code(e, ERR_TRY_AGAIN, ESTALE, "it was %s by somebody else meanwhile",
			t->version ? "changed" : "made");
}

/* -EAGAIN: it is on its way out, or was written by somebody else meanwhile. */
static int replace(struct target *t, const char *text, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *old = NULL, *answer = NULL;
	CLEANUP(buf_clear) struct buf b = BUF_INIT(BODY_MAX);
	struct kube_op op = op_of(t);
	int r = kube_get(t->h->k, &op, &old, e);

	if (r < 0)
		return r;
	r = compare(t, old, e);
	if (r < 0)
		return r;
	keep_uid(t, old);
	if (kube_meta(old, "deletionTimestamp")) {
		r = unbind(t, e);
		t->uid[0] = '\0';
		t->version = 0;
		return r < 0 && r != -ENOENT ? r : -EAGAIN;
	}
	if (is_elsewhere(t, old)) {
		r = remove_now(t, e);
		t->uid[0] = '\0';
		return r < 0 ? r : -EAGAIN;
	}
	op = op_of(t);
	r = body(text, kube_meta(old, "resourceVersion"), &b, e);
	if (r == 0)
		r = kube_update(t->h->k, &op, b.s, b.len, &answer, e);
	keep_uid(t, answer);
	return r == -ESTALE ? -EAGAIN : r;
}

static int write_now(struct target *t, const char *text, struct err *e)
{
	int r = -EAGAIN;

	for (int i = 0; r == -EAGAIN && i < ATTEMPTS_MAX && deadline_left(t->until) > 0; i++) {
		r = t->uid[0] || t->version ? -EEXIST : send_create(t, text, e);
		if (r == -EEXIST)
			r = replace(t, text, e);
		if (r == -ENOENT && t->version)
			return err_code(e, ERR_TRY_AGAIN, ESTALE,
					"it was removed by somebody else meanwhile");
		if (r == -ENOENT && t->uid[0]) { /* somebody removed it */
			t->uid[0] = '\0';
			r = -EAGAIN;
		}
	}
	if (r == -EAGAIN && !deadline_left(t->until))
		return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT, "not written in time");
	return r;
}

/* What we did not write, or do not remember: ours by the node it names. */
static int find_uid(struct target *t, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = op_of(t);
	const char *node;
	int r;

	op.metadata_only = false;
	r = kube_get(t->h->k, &op, &o, e);
	if (r < 0)
		return r;
	node = json_get_str(json_get(json_get(o, "status"), "current"), "node");
	if (node && strcmp(node, t->h->node) == 0)
		keep_uid(t, o);
	return 0;
}

static int write_or_remove(struct target *t, const char *text, struct err *e)
{
	int r = 0;

	if (text)
		return write_now(t, text, e);
	if (!t->uid[0])
		r = find_uid(t, e);
	if (r < 0 || !t->uid[0])
		return r == -ENOENT ? 0 : r;
	return remove_now(t, e);
}

int endpoint_write(struct kube_session *s, const struct store_op *op, struct err *e)
{
	struct store_kube *h = s->h;
	struct target t = {
		.h = h, .ns = op->ns, .name = op->name, .version = op->version, .until = s->until
	};
	bool gone = op->verb == STORE_DELETE;
	int r = 0;

	/* What stands on the shelf has a version of its own. */
	t.planned = (s->fixed || hub_is_tool(h)) && !shelf_find(&h->endpoints, op->ns, op->name);
	if (!t.planned || op->verb == STORE_CREATE)
		t.version = 0;
	hub_unlock(h);
	if (gone) {
		struct kube_op get = op_of(&t);
		CLEANUP(json_put_p) struct json_object *o = NULL;

		r = kube_get(h->k, &get, &o, e);
		keep_uid(&t, o);
		if (r == 0)
			r = compare(&t, o, e);
	}
	if (r == 0)
		r = gone ? remove_now(&t, e) : write_now(&t, op->data, e);
	hub_lock(h);
	h->stats.endpoint_writes++;
	if (r < 0 && !(gone && r == -ENOENT))
		return err_wrap(e, "SpiderEndpoint %s/%s", op->ns, op->name);
	return 0;
}

/* ---- behind ---- */

/* As long as jobs wait a writer waits for the first one's turn, or writes: whoever takes one while more are
 * left wakes the next. */
static void push(struct store_kube *h, struct shelf_item *it)
{
	it->queued = true;
	it->queued_at = clock_mono_ms();
	/* Else whoever waits for the first one's turn looks at this one, too. */
	if (!h->job_first || h->job_first->not_before > it->queued_at)
		pthread_cond_signal(&h->jobs);
	it->next_job = NULL;
	if (h->job_last)
		h->job_last->next_job = it;
	else
		h->job_first = it;
	h->job_last = it;
}

int endpoint_queue(struct store_kube *h, const char *ns, const char *name, const char *data, struct err *e)
{
	struct shelf_item *it = shelf_find(&h->endpoints, ns, name);

	if (!it && !data)
		it = shelf_put(&h->endpoints, ns, name, "", 0, NULL, ++h->seq);
	else if (data)
		it = shelf_put(&h->endpoints, ns, name, data, strlen(data), NULL, ++h->seq);
	if (!it)
		return err_nomem(e);
	if (!data) {
		blob_put(it->data);
		it->data = NULL;
	}
	it->version = ++h->seq;
	if (it->running) {
		it->again = true;
	} else if (!it->queued) {
		h->n_jobs++;
		push(h, it);
	}
	return 0;
}

int endpoint_behind(struct store_kube *h, const char *ns, const char *name, const char *data, struct err *e)
{
	int r = endpoint_queue(h, ns, name, data, e);

	if (r == 0)
		local_pending(h, ns, name, data);
	return r;
}

/* When an endpoint may be written, monotonic ms, as it looks now. */
static int64_t turn_of(const struct store_kube *h, const struct shelf_item *it, int64_t now)
{
	int64_t quiet = (h->n_flushing ? now : h->flushed_at) + QUIET_MS;
	int64_t turn = it->queued_at + WAIT_MS;

	if (h->closing || h->n_jobs > MANY)
		turn = 0;
	else if (quiet < turn)
		turn = quiet;
	return turn > it->not_before ? turn : it->not_before;
}

static struct shelf_item *pop(struct store_kube *h, struct deadline *next)
{
	int64_t now = clock_mono_ms();
	struct shelf_item **at = &h->job_first, *before = NULL;

	for (; *at; before = *at, at = &(*at)->next_job) {
		struct shelf_item *it = *at;
		int64_t turn = turn_of(h, it, now);

		if (turn > now) {
			*next = deadline_min(*next, (struct deadline){ turn });
			continue;
		}
		*at = it->next_job;
		if (h->job_last == it)
			h->job_last = before;
		it->queued = false;
		it->running = true;
		it->again = false;
		if (h->job_first)
			pthread_cond_signal(&h->jobs);
		return it;
	}
	return NULL;
}

static void finish(struct store_kube *h, struct shelf_item *it, const struct target *t, int r)
{
	it->running = false;
	h->stats.endpoint_writes++;
	memcpy(it->uid, t->uid, sizeof(it->uid));
	if (r < 0) {
		it->failures++;
		it->not_before = clock_mono_ms() + kube_backoff(it->failures, 100, 5000);
	} else {
		it->failures = 0;
		it->not_before = 0;
	}
	if (r < 0 || it->again) {
		push(h, it);
		return;
	}
	h->n_jobs--;
	local_pending_end(h, it->ns, it->name);
	if (!it->data)
		shelf_drop(&h->endpoints, it->ns, it->name);
	if (!h->n_jobs)
		pthread_cond_broadcast(&h->changed);
}

static void run(struct store_kube *h, struct shelf_item *it)
{
	struct target t = {
		.h = h, .ns = it->ns, .name = it->name, .behind = true, .until = deadline_in(2 * ATTEMPT_MS)
	};
	struct blob *text = it->data ? blob_ref(it->data) : NULL;
	char sentence[ERR_MSG_MAX];
	struct err e;
	int r;

	/* Made and gone before it was ever written. */
	memcpy(t.uid, it->uid, sizeof(t.uid));
	hub_unlock(h);
	r = write_or_remove(&t, text ? text->text : NULL, &e);
	hub_lock(h);
	blob_put(text);
	if (r < 0 && h->conf.trouble && it->failures % 8 == 3) {
		snprintf(sentence, sizeof(sentence), "SpiderEndpoint %.253s/%.253s: not written yet: %.1200s",
			 it->ns, it->name, e.msg);
		h->conf.trouble(sentence, h->conf.arg);
	}
	finish(h, it, &t, r);
}

void *kube_writer(void *hub)
{
	struct store_kube *h = hub;

	hub_lock(h);
	while (!h->stopping) {
		struct deadline next = deadline_in(1000);
		struct shelf_item *it = pop(h, &next);

		if (it)
			run(h, it);
		else
			kube_cond_wait(&h->jobs, &h->lock, next);
	}
	hub_unlock(h);
	return NULL;
}

/* ---- reading ---- */

int endpoint_read(struct kube_session *s, const char *ns, const char *name, struct store_obj *ret,
		  struct err *e)
{
	struct shelf_item *it = shelf_find(&s->h->endpoints, ns, name);
	int r;

	/* What waits to be written is newer than what the API has. */
	if (!it && (s->fixed || hub_is_tool(s->h)))
		return object_read(s, STORE_ENDPOINT, ns, name, ret, e);
	if (!it || !it->data)
		return 0;
	*ret = (struct store_obj){ .version = it->version, .data = it->data->text, .len = it->data->len };
	r = session_lend(s, it->data, e);
	if (r == 0)
		r = session_lend_text(s, ns, strlen(ns), &ret->ns, e);
	if (r == 0)
		r = session_lend_text(s, name, strlen(name), &ret->name, e);
	return r < 0 ? r : 1;
}

/* Of a pod that nobody looks for elsewhere: it goes with the pod. */
static bool is_stateless(struct json_object *o)
{
	struct json_object *owners = json_get(json_get(o, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_len(owners); i++) {
		const char *kind = json_get_str(json_at(owners, i), "kind");

		if (kind && strcmp(kind, "Pod") == 0)
			return true;
	}
	return false;
}

/* The same of a whole object that may have lost its owner. */
static bool is_kept(struct json_object *o)
{
	const char *kind = json_get_str(json_get(o, "status"), "ownerControllerType");

	return kind && (strcmp(kind, "StatefulSet") == 0 || strcmp(kind, "VirtualMachineInstance") == 0) &&
	       !is_stateless(o);
}

static int recall(struct json_object *o, void *arg, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(STORE_VALUE_MAX);
	struct store_kube *h = arg;
	const char *name = kube_meta(o, "name"), *ns = kube_meta(o, "namespace"), *uid = kube_meta(o, "uid");
	const char *terms[4];
	struct shelf_item *it;
	int r;

	if (!name || !ns || !uid || is_kept(o))
		return 0;
	r = object_value(h, STORE_ENDPOINT, o, &text, terms, e);
	if (r < 0)
		return r;
	hub_lock(h);
	it = shelf_find(&h->endpoints, ns, name); /* what waits on disk is newer */
	if (!it)
		it = shelf_put(&h->endpoints, ns, name, buf_cstr(&text), text.len, NULL, ++h->seq);
	if (it)
		snprintf(it->uid, sizeof(it->uid), "%s", uid);
	hub_unlock(h);
	return it ? 0 : err_nomem(e);
}

static int find_late(struct json_object *o, void *arg, struct err *e)
{
	const char *name = kube_meta(o, "name"), *ns = kube_meta(o, "namespace"), *uid = kube_meta(o, "uid");
	struct store_kube *h = arg;
	struct shelf_item *it;
	int r = 0;

	if (!name || !ns || !uid || !is_stateless(o))
		return 0;
	hub_lock(h);
	if (!shelf_find(&h->endpoints, ns, name)) {
		r = endpoint_behind(h, ns, name, NULL, e);
		it = shelf_find(&h->endpoints, ns, name);
		if (it)
			snprintf(it->uid, sizeof(it->uid), "%s", uid);
	}
	hub_unlock(h);
	return r;
}

static int list_ours(struct store_kube *h, int (*each)(struct json_object *o, void *arg, struct err *e),
		     bool metadata_only, struct deadline until, struct err *e)
{
	char label[sizeof(NODE_LABEL) + API_LABEL_MAX + 1], value[API_LABEL_MAX];
	struct kube_op op = {
		.res = endpoints(), .until = until, .labels = label, .metadata_only = metadata_only
	};
	const struct kube_lister l = { .each = each, .arg = h };

	snprintf(label, sizeof(label), "%s=%s", NODE_LABEL, api_label_value(h->node, value));
	return kube_list(h->k, &op, &l, NULL, e);
}

void endpoint_late(struct store_kube *h)
{
	struct err e;
	int r;

	if (!h->late_at || clock_mono_ms() < h->late_at)
		return;
	h->late_at = 0;
	hub_unlock(h);
	r = list_ours(h, find_late, true, deadline_in(ATTEMPT_MS), &e);
	if (r < 0)
		expect_late(h);
	hub_lock(h);
}

int endpoint_recall(struct store_kube *h, struct deadline until, struct err *e)
{
	return list_ours(h, recall, false, until, e);
}
