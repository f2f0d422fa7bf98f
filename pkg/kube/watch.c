/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - to follow a resource */
#include "kube/watch.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object_impl.h"
#include "kube/retry.h"
#include "kube/thread.h"

#define LASTS_S   300
#define SILENCE_S 150
#define CALL_MS   60000 /* for a page of a list, and for the head of a watch */
#define FIRST_MS  100
#define LAST_MS   15000
#define PARTIAL   "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"

struct kube_watch {
	struct kube_watch_conf c;
	char *ns, *labels, *fields;
	pthread_t thread;
	struct kube_cancel cancel;
	/* the thread's */
	char version[KUBE_VERSION_MAX]; /* where to go on; "": list */
	char seen[KUBE_VERSION_MAX];    /* the newest ever */
	bool quorum;                    /* the next list is a quorum read */
	bool doubt;                     /* the connection broke: the server may be one of an older state */
	unsigned failures;
	int64_t wait_ms; /* what the server wants */
};

static struct kube_op op_of(struct kube_watch *w)
{
	return (struct kube_op){ .res = w->c.res,
				 .ns = w->ns,
				 .labels = w->labels,
				 .fields = w->fields,
				 .metadata_only = w->c.metadata_only,
				 .table = w->c.table,
				 .page = w->c.page,
				 .until = deadline_in(CALL_MS),
				 .cancel = &w->cancel,
				 .once = true };
}

static bool older(const char *a, const char *b)
{
	return strlen(a) != strlen(b) ? strlen(a) < strlen(b) : strcmp(a, b) < 0;
}

static int tell(struct kube_watch *w, enum kube_change change, struct json_object *o, struct err *e)
{
	struct kube_event ev = { .change = change, .object = o };

	if (o) {
		ev.ns = kube_meta(o, "namespace");
		ev.name = kube_meta(o, "name");
		ev.uid = kube_meta(o, "uid");
		ev.version = kube_meta(o, "resourceVersion");
		ev.ns = ev.ns ? ev.ns : "";
		ev.uid = ev.uid ? ev.uid : "";
	}
	return w->c.event(&ev, w->c.arg, e);
}

/* ---- listing ---- */

struct listing {
	struct kube_watch *w;
	struct kube_op *op;
	int begun;
	struct err *e;
};

static void list_begin(void *arg)
{
	struct listing *l = arg;

	l->begun = tell(l->w, KUBE_LISTING, NULL, l->e);
}

static int list_each(struct json_object *o, void *arg, struct err *e)
{
	struct listing *l = arg;

	/* Each page has its own time: what is long is not late. */
	l->op->until = deadline_in(CALL_MS);
	if (l->begun < 0)
		return l->begun;
	if (!kube_meta(o, "name") || !kube_meta(o, "resourceVersion"))
		return err_code(e, ERR_DECODE, EBADMSG, "list of %s: an object without a name or version",
				l->w->c.res->plural);
	return tell(l->w, KUBE_ADDED, o, e);
}

static int tell_synced(struct kube_watch *w, const char *version, struct err *e)
{
	const struct kube_event ev = { .change = KUBE_SYNCED, .back = w->seen[0] && older(version, w->seen) };

	return w->c.event(&ev, w->c.arg, e);
}

static int list_all(struct kube_watch *w, struct err *e)
{
	struct kube_op op = op_of(w);
	struct listing l = { .w = w, .op = &op, .e = e };
	struct kube_lister lister = { .each = list_each, .begin = list_begin, .arg = &l };
	char version[KUBE_VERSION_MAX];
	int r;

	if (w->c.cached && !w->quorum)
		op.version = w->seen[0] ? w->seen : "0";
	r = kube_list(w->c.k, &op, &lister, version, e);
	w->wait_ms = op.answer.retry_after_ms;
	/* It does not know a state as new as ours, any more or yet: ask for the newest that there is. */
	w->quorum = r < 0 && w->seen[0];
	if (r == 0)
		r = l.begun < 0 ? l.begun : tell_synced(w, version, e);
	if (r == 0) {
		memcpy(w->version, version, sizeof(version));
		memcpy(w->seen, version, sizeof(version));
		w->doubt = false;
	}
	return r;
}

/* ---- watching ---- */

static int open_stream(struct kube_watch *w, struct kube_stream **ret, struct kube_answer *a, struct err *e)
{
	CLEANUP(buf_clear) struct buf path = BUF_INIT(KUBE_PATH_MAX);
	struct kube_request q = { .method = "GET",
				  .accept = w->c.metadata_only ? PARTIAL : NULL,
				  .max = KUBE_EVENT_MAX,
				  .cancel = &w->cancel };
	struct kube_op op = op_of(w);
	unsigned lasts = w->c.lasts_s ? w->c.lasts_s : LASTS_S;
	char seconds[16];
	int r = kube_op_path(&op, &path, e);

	if (r < 0)
		return r;
	/* Not all watches of a cluster end at once. */
	snprintf(seconds, sizeof(seconds), "%u", (unsigned)kube_backoff(0, lasts, lasts));
	kube_query(&path, "watch", "1");
	kube_query(&path, "allowWatchBookmarks", "true");
	kube_query(&path, "resourceVersion", w->version);
	kube_query(&path, "timeoutSeconds", seconds);
	kube_query(&path, "labelSelector", w->labels);
	kube_query(&path, "fieldSelector", w->fields);
	if (path.err)
		return err_nomem(e);
	q.path = path.s;
	return kube_stream_open(w->c.k, &q, op.until, ret, a, e);
}

static int take_line(struct kube_watch *w, const char *line, size_t len, struct err *e)
{
	struct kube_keep keep;
	struct kube_line l;
	int r = kube_line_decode(line, len, kube_kept(w->c.table, w->c.metadata_only, &keep), &l, e);

	if (r < 0)
		return r;
	if (l.change == KUBE_ERROR) {
		r = kube_status_err(&l.status, e);
		return err_wrap(e, "watch of %s", w->c.res->plural);
	}
	if (l.change != KUBE_BOOKMARK)
		r = tell(w, l.change, l.object, e);
	if (r == 0) {
		memcpy(w->version, l.version, sizeof(l.version));
		memcpy(w->seen, l.version, sizeof(l.version));
	}
	kube_line_clear(&l);
	return r;
}

static int take_lines(struct kube_watch *w, struct kube_lines *lines, struct err *e)
{
	const char *line;
	size_t len;
	int r = 0;

	while (r == 0 && kube_lines_next(lines, &line, &len))
		r = take_line(w, line, len, e);
	return r;
}

/* Until the watch ends (0) or breaks; *heard: something came. */
static int follow(struct kube_watch *w, struct kube_stream *s, bool *heard, struct err *e)
{
	struct kube_lines lines = KUBE_LINES_INIT;
	int64_t silence = (w->c.silence_s ? w->c.silence_s : SILENCE_S) * (int64_t)1000;
	struct deadline end = deadline_in((w->c.lasts_s ? w->c.lasts_s : LASTS_S) * (int64_t)1000 + silence);
	int r;

	do {
		r = kube_stream_read(s, &lines.in, deadline_min(end, deadline_in(silence)), e);
		if (r <= 0)
			break;
		r = take_lines(w, &lines, e);
		*heard = true;
		w->failures = 0;
	} while (r == 0);
	kube_lines_clear(&lines);
	return r;
}

/* A server whose store was restored to an older state takes a watch from a version that it has not reached,
 * and sends nothing until it gets there: what happens meanwhile would be missed. */
static int resolve_doubt(struct kube_watch *w, struct err *e)
{
	struct kube_op op = op_of(w);
	struct json_object *page = NULL;
	const char *version;
	int r;

	op.page = 1;
	op.metadata_only = true;
	r = kube_list_page(w->c.k, &op, &page, e);
	if (r < 0)
		return r;
	version = kube_meta(page, "resourceVersion");
	if (!version || older(version, w->version)) {
		w->version[0] = '\0';
		w->quorum = true;
	}
	w->doubt = false;
	json_object_put(page);
	return 0;
}

static int watch_once(struct kube_watch *w, struct err *e)
{
	struct kube_answer a = { 0 };
	struct kube_stream *s = NULL;
	int64_t start = clock_mono_ms();
	bool heard = false;
	int r = open_stream(w, &s, &a, e);

	if (r == 0)
		r = follow(w, s, &heard, e);
	kube_stream_close(s);
	if (r == -ECANCELED) {
		/* The end. */
	} else if (r == -EIDRM || r == -EBADMSG || r == -EFBIG || (s && !heard && r == -ETIMEDOUT)) {
		w->version[0] = '\0';
		w->quorum = true;
	} else if (r < 0) {
		w->doubt = true;
	} else if (!heard && clock_mono_ms() - start < 1000) {
		r = err_code(e, ERR_TRY_AGAIN, ECONNRESET, "watch of %s: ended as soon as it began",
			     w->c.res->plural);
	}
	w->wait_ms = a.retry_after_ms;
	kube_answer_clear(&a);
	return r;
}

static int once(struct kube_watch *w, struct err *e)
{
	int r = 0;

	w->wait_ms = 0;
	if (w->version[0] && w->doubt)
		r = resolve_doubt(w, e);
	if (r == 0 && !w->version[0])
		r = list_all(w, e);
	return r < 0 ? r : watch_once(w, e);
}

static void *run(void *arg)
{
	struct kube_watch *w = arg;
	struct err e;
	int64_t ms;
	int r = 0;

	while (r != -ECANCELED) {
		r = once(w, &e);
		if (r == 0 || r == -ECANCELED)
			continue;
		if (w->c.trouble)
			w->c.trouble(&e, w->c.arg);
		ms = kube_backoff(w->failures++, FIRST_MS, LAST_MS);
		r = kube_sleep(w->c.k, &w->cancel, ms > w->wait_ms ? ms : w->wait_ms, &e);
	}
	return NULL;
}

/* ---- start and stop ---- */

static void release(struct kube_watch *w)
{
	free(w->ns);
	free(w->labels);
	free(w->fields);
	free(w);
}

static int copy(const char *s, char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

int kube_watch_start(const struct kube_watch_conf *c, struct kube_watch **ret, struct err *e)
{
	struct kube_watch *w = calloc(1, sizeof(*w));
	int r;

	*ret = NULL;
	if (!w)
		return err_nomem(e);
	w->c = *c;
	if (copy(c->ns, &w->ns) < 0 || copy(c->labels, &w->labels) < 0 || copy(c->fields, &w->fields) < 0) {
		release(w);
		return err_nomem(e);
	}
	r = kube_thread(&w->thread, run, w, e);
	if (r < 0)
		release(w);
	else
		*ret = w;
	return r;
}

void kube_watch_stop(struct kube_watch *w)
{
	if (!w)
		return;
	kube_cancel(w->c.k, &w->cancel);
	pthread_join(w->thread, NULL);
	release(w);
}
