/* SPDX-License-Identifier: Apache-2.0 */
/* admit_world.c - what there is: lists by quorum, shared by those who ask at the same time */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "base/own.h"
#include "kube/object.h"
#include "kube/thread.h"

/* A pool's status may be half a megabyte. */
#define PAGE       500
#define PAGE_SMALL 24

int admit_each(const struct admit_call *c, const struct kube_resource *res, const char *ns,
	       const char *labels, int (*each)(struct json_object *o, void *arg, struct err *e),
	       void (*begin)(void *arg), void *arg, struct err *e)
{
	static const unsigned pages[] = { PAGE, PAGE_SMALL };
	const struct kube_lister l = { .each = each, .begin = begin, .arg = arg };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		struct kube_op op = {
			.res = res, .ns = ns, .labels = labels, .page = pages[i], .until = c->until
		};

		if (begin)
			begin(arg);
		r = kube_list(c->a->k, &op, &l, NULL, e);
		if (r != -EFBIG)
			break;
	}
	return r;
}

/* ---- one list ---- */

struct shared {
	struct admit_snapshot s; /* first: admit_snapshot_done() gets back from it */
	unsigned refs;           /* the world's lock */
	struct api_ippool **pools;
	struct api_subnet **subnets;
};

struct listing {
	enum api_kind kind;
	void **v;
	size_t n, cap;
};

static void list_clear(enum api_kind kind, void **v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		api_free(kind, v[i]);
	free(v);
}

static void list_begin(void *arg)
{
	struct listing *x = arg;

	list_clear(x->kind, x->v, x->n);
	*x = (struct listing){ .kind = x->kind };
}

static int list_one(struct json_object *tree, void *arg, struct err *e)
{
	struct listing *x = arg;
	const struct api_kind_info *info = &api_kinds[x->kind];
	void *o;
	int r;

	if (x->n == x->cap) {
		const size_t cap = x->cap ? 2 * x->cap : 64;
		void **more = realloc(x->v, cap * sizeof(*more));

		if (!more)
			return err_nomem(e);
		x->v = more;
		x->cap = cap;
	}
	json_object_object_del(tree, "status");
	o = calloc(1, info->size);
	if (!o)
		return err_nomem(e);
	r = json_decode(info->table, tree, NULL, o, e);
	if (r < 0) {
		free(o);
		return err_wrap(e, "%s", info->kind);
	}
	x->v[x->n++] = o;
	return 0;
}

static void shared_free(struct shared *s)
{
	list_clear(API_IPPOOL, (void **)s->pools, s->s.n_pools);
	list_clear(API_SUBNET, (void **)s->subnets, s->s.n_subnets);
	free(s);
}

static int read_all(const struct admit_call *c, bool with_pools, struct shared **ret, struct err *e)
{
	struct listing pools = { .kind = API_IPPOOL }, subnets = { .kind = API_SUBNET };
	struct shared *s = calloc(1, sizeof(*s));
	int r = s ? 0 : err_nomem(e);

	if (r == 0 && with_pools)
		r = admit_each(c, &kube_resources[KUBE_SPIDERIPPOOLS], NULL, NULL, list_one, list_begin,
			       &pools, e);
	if (r == 0)
		r = admit_each(c, &kube_resources[KUBE_SPIDERSUBNETS], NULL, NULL, list_one, list_begin,
			       &subnets, e);
	if (r < 0) {
		list_clear(API_IPPOOL, pools.v, pools.n);
		list_clear(API_SUBNET, subnets.v, subnets.n);
		free(s);
		return err_wrap(e, "cannot be compared with what there is");
	}
	s->pools = (struct api_ippool **)pools.v;
	s->subnets = (struct api_subnet **)subnets.v;
	s->s = (struct admit_snapshot){ (const struct api_ippool *const *)s->pools,
					(const struct api_subnet *const *)s->subnets, pools.n, subnets.n };
	*ret = s;
	return 0;
}

/* ---- shared ---- */

/* Lists are numbered. Who comes needs one that begins after that; whoever finds none under way reads it for
 * all who wait by then. */
struct admit_world {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool with_pools;
	/* lock */
	uint64_t begun, ended;
	unsigned waiting;    /* calls that have no answer yet */
	struct shared *last; /* of the list `ended`, for those who wait for it; NULL: it failed */
	int r;
	struct err e;
	bool late; /* it failed, and whoever read it had no time left */
};

int admit_world_new(bool with_pools, struct admit_world **ret, struct err *e)
{
	struct admit_world *w = calloc(1, sizeof(*w));

	if (!w)
		return err_nomem(e);
	w->with_pools = with_pools;
	pthread_mutex_init(&w->lock, NULL);
	kube_cond_init(&w->changed);
	*ret = w;
	return 0;
}

static void put(struct shared *s)
{
	if (s && --s->refs == 0)
		shared_free(s);
}

void admit_world_free(struct admit_world *w)
{
	if (!w)
		return;
	put(w->last);
	pthread_cond_destroy(&w->changed);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* The lock is held, and is again afterwards. */
static void list_now(struct admit_world *w, const struct admit_call *c)
{
	struct shared *s = NULL;
	struct err e;
	int r;

	w->begun++;
	pthread_mutex_unlock(&w->lock);
	r = read_all(c, w->with_pools, &s, &e);
	pthread_mutex_lock(&w->lock);
	put(w->last);
	w->last = s;
	if (s)
		s->refs = 1;
	w->r = r;
	w->late = r < 0 && !deadline_left(c->until);
	if (r < 0)
		w->e = e;
	w->ended = w->begun;
	pthread_cond_broadcast(&w->changed);
}

int admit_snapshot(struct admit_world *w, const struct admit_call *c, const struct admit_snapshot **ret,
		   struct err *e)
{
	uint64_t wanted;
	int r;

	*ret = NULL;
	pthread_mutex_lock(&w->lock);
	wanted = w->begun + 1;
	w->waiting++;
	while (w->ended < wanted && deadline_left(c->until)) {
		if (w->begun == w->ended)
			list_now(w, c);
		else
			kube_cond_wait(&w->changed, &w->lock, c->until);
		if (w->ended >= wanted && w->late && deadline_left(c->until))
			wanted = w->begun + 1; /* another's time was over, not ours */
	}
	if (w->ended < wanted) {
		r = err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
			     "cannot be compared with what there is: that could not be read in time");
	} else if (w->r < 0) {
		*e = w->e;
		r = w->r;
	} else {
		w->last->refs++;
		*ret = &w->last->s;
		r = 0;
	}
	/* Who comes later may not be answered from it. */
	if (--w->waiting == 0) {
		put(w->last);
		w->last = NULL;
	}
	pthread_mutex_unlock(&w->lock);
	return r;
}

void admit_snapshot_done(struct admit_world *w, const struct admit_snapshot *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&w->lock);
	put((struct shared *)s);
	pthread_mutex_unlock(&w->lock);
}
