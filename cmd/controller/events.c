/* SPDX-License-Identifier: Apache-2.0 */
/* events.c - v1 Events about objects, behind the caller's back */
#include "events.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "daemon/say.h"
#include "json/json.h"
#include "kube/object.h"
#include "kube/thread.h"

#define WAITING_MAX 256
#define KNOWN_MAX   512     /* Events whose count can be raised */
#define SAME_MS     3600000 /* a sentence that was not said for so long is a new one */
#define CALL_MS     10000
#define STOP_MS     3000
#define MESSAGE_MAX 1024 /* as the API server allows */
#define NAME_MAX_   200  /* of the object, in the Event's name */

struct said {
	struct said *next;
	struct event_object o; /* strings of its own */
	char *reason, *message;
	bool warning;
	uint64_t key;
	unsigned times;
	int64_t at;
};

struct known {
	uint64_t key; /* 0: none */
	char name[NAME_MAX_ + 32];
	char ns[64];
	unsigned count;
	int64_t last; /* monotonic ms */
};

struct events {
	struct kube *k;
	char *component, *instance;
	pthread_t thread;
	struct kube_cancel cancel;
	pthread_mutex_t lock;
	pthread_cond_t work;
	/* lock */
	struct said *first, **last;
	size_t waiting, dropped;
	bool stopping, ended;
	struct deadline until; /* when it stops */
	/* the thread's */
	struct known known[KNOWN_MAX];
};

static void said_free(struct said *s)
{
	if (!s)
		return;
	free((char *)s->o.api_version);
	free((char *)s->o.kind);
	free((char *)s->o.ns);
	free((char *)s->o.name);
	free((char *)s->o.uid);
	free(s->reason);
	free(s->message);
	free(s);
}

/* ---- saying ---- */

static uint64_t key_of(const struct said *s)
{
	const char *const parts[] = { s->o.kind, s->o.ns, s->o.name, s->o.uid, s->reason, s->message };
	uint64_t h = s->warning;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		h = XXH3_64bits_withSeed(parts[i], strlen(parts[i]) + 1, h);
	return h | 1;
}

static struct said *said_new(const struct event_object *o, bool warning, const char *reason,
			     const char *message)
{
	struct said *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->o.api_version = strdup(o->api_version);
	s->o.kind = strdup(o->kind);
	s->o.ns = strdup(o->ns ? o->ns : "");
	s->o.name = strdup(o->name);
	s->o.uid = strdup(o->uid ? o->uid : "");
	s->reason = strdup(reason);
	s->message = strdup(message);
	s->warning = warning;
	s->times = 1;
	s->at = clock_wall_ms();
	if (!s->o.api_version || !s->o.kind || !s->o.ns || !s->o.name || !s->o.uid || !s->reason ||
	    !s->message) {
		said_free(s);
		return NULL;
	}
	s->key = key_of(s);
	return s;
}

/* Takes it over. 1: too much waits, for the first time. */
static bool put(struct events *v, struct said *s)
{
	bool first_drop = false;

	pthread_mutex_lock(&v->lock);
	for (struct said *w = v->first; w; w = w->next) {
		if (w->key == s->key) {
			w->times++;
			w->at = s->at;
			pthread_mutex_unlock(&v->lock);
			said_free(s);
			return false;
		}
	}
	if (v->waiting >= WAITING_MAX || v->stopping) {
		first_drop = !v->stopping && !v->dropped++;
		said_free(s);
	} else {
		*v->last = s;
		v->last = &s->next;
		v->waiting++;
		v->dropped = 0;
		pthread_cond_signal(&v->work);
	}
	pthread_mutex_unlock(&v->lock);
	return first_drop;
}

void events_say(struct events *v, const struct event_object *o, bool warning, const char *reason,
		const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	struct said *s;
	va_list ap;

	if (!v)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	say(warning ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "%s %s%s%s: %s: %s", o->kind, o->ns ? o->ns : "",
	    o->ns && *o->ns ? "/" : "", o->name, reason, message);
	s = said_new(o, warning, reason, message);
	if (s && put(v, s))
		say(LOG_LEVEL_WARN, "too many Events wait to be written: the newest are dropped");
}

/* ---- writing ---- */

static int set_time(struct json_object *o, const char *key, int64_t at, struct err *e)
{
	char text[CLOCK_TEXT_MAX];

	return json_set_str(o, key, clock_format(at, text), e);
}

static int add_object(struct json_object *o, const struct said *s, struct err *e)
{
	struct json_object *in = json_object_new_object();
	int r = json_set(o, "involvedObject", in, e);

	if (r == 0)
		r = json_set_str(in, "apiVersion", s->o.api_version, e);
	if (r == 0)
		r = json_set_str(in, "kind", s->o.kind, e);
	if (r == 0)
		r = json_set_str(in, "namespace", *s->o.ns ? s->o.ns : NULL, e);
	if (r == 0)
		r = json_set_str(in, "name", s->o.name, e);
	return r < 0 ? r : json_set_str(in, "uid", *s->o.uid ? s->o.uid : NULL, e);
}

static int add_source(struct json_object *o, const struct events *v, struct err *e)
{
	struct json_object *in = json_object_new_object();
	int r = json_set(o, "source", in, e);

	if (r == 0)
		r = json_set_str(in, "component", v->component, e);
	if (r == 0)
		r = json_set_str(o, "reportingComponent", v->component, e);
	return r < 0 ? r : json_set_str(o, "reportingInstance", v->instance, e);
}

static int add_meta(struct json_object *o, const struct known *n, struct err *e)
{
	struct json_object *in = json_object_new_object();
	int r = json_set(o, "metadata", in, e);

	if (r == 0)
		r = json_set_str(in, "name", n->name, e);
	return r < 0 ? r : json_set_str(in, "namespace", n->ns, e);
}

static int body_of(const struct events *v, const struct said *s, const struct known *n, struct buf *out,
		   struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	int r = o ? json_set_str(o, "apiVersion", "v1", e) : err_nomem(e);

	if (r == 0)
		r = json_set_str(o, "kind", "Event", e);
	if (r == 0)
		r = add_meta(o, n, e);
	if (r == 0)
		r = add_object(o, s, e);
	if (r == 0)
		r = add_source(o, v, e);
	if (r == 0)
		r = json_set_str(o, "type", s->warning ? "Warning" : "Normal", e);
	if (r == 0)
		r = json_set_str(o, "reason", s->reason, e);
	if (r == 0)
		r = json_set_str(o, "message", s->message, e);
	if (r == 0)
		r = set_time(o, "firstTimestamp", s->at, e);
	if (r == 0)
		r = set_time(o, "lastTimestamp", s->at, e);
	if (r == 0)
		r = json_set(o, "count", json_object_new_int64(n->count), e);
	return r < 0 ? r : json_print(o, false, out, e);
}

static struct kube_op op_of(struct events *v, const struct known *n, bool create)
{
	struct deadline until = deadline_in(CALL_MS);

	pthread_mutex_lock(&v->lock);
	if (v->stopping)
		until = deadline_min(until, v->until);
	pthread_mutex_unlock(&v->lock);
	return (struct kube_op){ .res = &kube_resources[KUBE_EVENTS],
				 .ns = n->ns,
				 .name = create ? NULL : n->name,
				 .until = until,
				 .cancel = &v->cancel };
}

static int create(struct events *v, const struct said *s, struct known *n, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op;
	int r;

	n->count = s->times;
	snprintf(n->ns, sizeof(n->ns), "%s", *s->o.ns ? s->o.ns : "default");
	snprintf(n->name, sizeof(n->name), "%.*s.%llx", NAME_MAX_, s->o.name,
		 (unsigned long long)(s->key ^ (uint64_t)s->at));
	op = op_of(v, n, true);
	r = body_of(v, s, n, &body, e);
	return r < 0 ? r : kube_create(v->k, &op, body.s, body.len, NULL, e);
}

static int raise_count(struct events *v, const struct said *s, struct known *n, struct err *e)
{
	CLEANUP(buf_clear) struct buf body = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op = op_of(v, n, false);
	char at[CLOCK_TEXT_MAX];

	n->count += s->times;
	buf_fmt(&body, "{\"count\":%u,\"lastTimestamp\":\"%s\"}", n->count, clock_format(s->at, at));
	return body.err ? err_nomem(e) : kube_patch(v->k, &op, KUBE_MERGE_PATCH, body.s, body.len, NULL, e);
}

/* The Event of the same sentence, or the seat of the one that was said longest ago. */
static struct known *seat_of(struct events *v, uint64_t key)
{
	struct known *oldest = &v->known[0];

	for (size_t i = 0; i < KNOWN_MAX; i++) {
		struct known *n = &v->known[i];

		if (n->key == key && clock_mono_ms() - n->last < SAME_MS)
			return n;
		if (!n->key || (oldest->key && n->last < oldest->last))
			oldest = n;
	}
	oldest->key = 0;
	return oldest;
}

static void write_one(struct events *v, const struct said *s)
{
	struct known *n = seat_of(v, s->key);
	struct err e;
	int r = -ENOENT;

	if (n->key)
		r = raise_count(v, s, n, &e);
	if (r == -ENOENT) /* the API server forgets Events after an hour or so */
		r = create(v, s, n, &e);
	n->key = r < 0 ? 0 : s->key;
	n->last = clock_mono_ms();
	if (r < 0 && r != -ECANCELED)
		say(LOG_LEVEL_WARN, "an Event was not written: %s", e.msg);
}

/* ---- the thread ---- */

/* NULL: the end. */
static struct said *take(struct events *v)
{
	struct said *s;

	pthread_mutex_lock(&v->lock);
	while (!v->first && !v->stopping)
		kube_cond_wait(&v->work, &v->lock, deadline_in(SAME_MS));
	s = v->stopping && !deadline_left(v->until) ? NULL : v->first;
	if (s) {
		v->first = s->next;
		v->last = v->first ? v->last : &v->first;
		v->waiting--;
	}
	pthread_mutex_unlock(&v->lock);
	return s;
}

static void *run(void *arg)
{
	struct events *v = arg;
	struct said *s;

	while ((s = take(v))) {
		write_one(v, s);
		said_free(s);
	}
	pthread_mutex_lock(&v->lock);
	v->ended = true;
	pthread_cond_broadcast(&v->work);
	pthread_mutex_unlock(&v->lock);
	return NULL;
}

static void events_free(struct events *v)
{
	while (v->first) {
		struct said *s = v->first;

		v->first = s->next;
		said_free(s);
	}
	pthread_mutex_destroy(&v->lock);
	pthread_cond_destroy(&v->work);
	free(v->component);
	free(v->instance);
	free(v);
}

int events_start(struct kube *k, const char *component, const char *instance, struct events **ret,
		 struct err *e)
{
	struct events *v = calloc(1, sizeof(*v));
	int r;

	*ret = NULL;
	if (!v)
		return err_nomem(e);
	v->k = k;
	v->last = &v->first;
	v->component = strdup(component);
	v->instance = strdup(instance);
	pthread_mutex_init(&v->lock, NULL);
	kube_cond_init(&v->work);
	r = v->component && v->instance ? kube_thread(&v->thread, run, v, e) : err_nomem(e);
	if (r < 0)
		events_free(v);
	else
		*ret = v;
	return r;
}

void events_stop(struct events *v)
{
	if (!v)
		return;
	pthread_mutex_lock(&v->lock);
	v->stopping = true;
	v->until = deadline_in(STOP_MS);
	pthread_cond_broadcast(&v->work);
	while (!v->ended && deadline_left(v->until))
		kube_cond_wait(&v->work, &v->lock, v->until);
	pthread_mutex_unlock(&v->lock);
	kube_cancel(v->k, &v->cancel);
	pthread_join(v->thread, NULL);
	events_free(v);
}
