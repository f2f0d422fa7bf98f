/* SPDX-License-Identifier: Apache-2.0 */
/* store_kube_lab.h - the store of a cluster over an API server of scripted answers */
#ifndef TEST_STORE_KUBE_LAB_H
#define TEST_STORE_KUBE_LAB_H

#include "kube_fake.h"

#include <dirent.h>
#include <errno.h>

#include "base/own.h"
#include "store/kube_impl.h"

#define AMPLE                  30000
#define API                    "/apis/spiderpool.spidernet.io/v2beta1/"
#define BLOCKS                 API "spideripblocks"
#define BLOCK                  BLOCKS "/v4-0a000000"
#define ENDPOINTS              API "namespaces/ns/spiderendpoints"
#define ENDPOINT               ENDPOINTS "/p"
#define JSON(code, head, body) "HTTP/1.1 " code " x\r\nConnection: close\r\n" head "\r\n" body
#define REFUSED(code, head, reason) \
	JSON(code, head, \
	     "{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason \
	     "\",\"message\":\"the server says so\"}")
#define NOT_FOUND     REFUSED("404", "", "NotFound")
#define NOT_SERVED    JSON("404", "", "404 page not found\n")
#define WRITTEN(rv)   JSON("200", "", "{\"metadata\":{\"resourceVersion\":\"" rv "\",\"uid\":\"u-new\"}}")
#define LINE(slot, c) slot "\tpod\t1\tp\tnet\tns\tpod\tu\teth0\tn1\t" c "\tboot\t\t\t\t0\t\t\n"
#define TLINE(slot, c) \
	slot "\\tpod\\t1\\tp\\tnet\\tns\\tpod\\tu\\teth0\\tn1\\t" c "\\tboot\\t\\t\\t\\t0\\t\\t\\n"
/* A block as the server has it. */
#define SERVED(rv, lines) \
	JSON("200", "", \
	     "{\"metadata\":{\"resourceVersion\":\"" rv "\"},\"spec\":{\"records\":\"" lines "\"}}")

struct lab {
	struct fake f;
	struct kube *k;
	struct store_kube *hub;
	struct fake_answer answers[32];
	char dir[64], trouble[2048];
	atomic_int lost, pools_changed, caught_up; /* times told */
	bool all;
	struct err e;
};

static inline void on_trouble(const char *sentence, void *arg)
{
	struct lab *l = arg;
	size_t n = strlen(l->trouble);

	snprintf(l->trouble + n, sizeof(l->trouble) - n, "%s\n", sentence);
}

static inline void on_lost(const char *sentence, bool all, void *arg)
{
	struct lab *l = arg;

	l->all = all;
	on_trouble(sentence, arg);
	atomic_fetch_add(&l->lost, 1);
}

static inline void on_pools_changed(void *arg)
{
	atomic_fetch_add(&((struct lab *)arg)->pools_changed, 1);
}

static inline void on_caught_up(void *arg)
{
	atomic_fetch_add(&((struct lab *)arg)->caught_up, 1);
}

static inline void open_hub(struct lab *l)
{
	const struct store_kube_conf c = { .k = l->k,
					   .node = "n1",
					   .dir = l->dir,
					   .pools_changed = on_pools_changed,
					   .pools_caught_up = on_caught_up,
					   .lost = on_lost,
					   .trouble = on_trouble,
					   .arg = l };

	if (store_kube_open(&c, &l->hub, &l->e) < 0 || !store_kube_wait(l->hub, deadline_in(AMPLE)))
		fail_msg("%s", l->e.msg);
}

/* rows end with one without a path; nothing is there but what they say. */
static inline void open_lab(struct lab *l, const struct fake_answer *rows)
{
#define NONE JSON("200", "", "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[]}")
	static const struct fake_answer empty[] = {
		{ .path = API "spiderendpoints?", .text = NONE },
		{ .path = API "spiderippools?watch=1", .text = "HTTP/1.1 200 OK\r\n\r\n", .stays = true },
		{ .path = API "spiderreservedips?watch=1", .text = "HTTP/1.1 200 OK\r\n\r\n", .stays = true },
		{ .path = API "spiderippools?", .text = NONE },
		{ .path = API "spiderreservedips?", .text = NONE },
	};
	size_t n = 0;

	*l = (struct lab){ .dir = "/dev/shm/spiderpool-test-XXXXXX" };
	assert_non_null(mkdtemp(l->dir));
	for (; rows[n].path; n++)
		l->answers[n] = rows[n];
	for (size_t i = 0; i < ARRAY_LEN(empty); i++)
		l->answers[n++] = empty[i];
	fake_start(&l->f, l->answers, n, &l->k);
	open_hub(l);
}

static inline void close_lab(struct lab *l)
{
	char line[128];

	store_kube_close(l->hub, deadline_in(0));
	fake_stop(&l->f, l->k);
	snprintf(line, sizeof(line), "rm -rf '%s'", l->dir);
	assert_int_equal(system(line), 0);
}

/* How often it was asked for that; the whole of what was asked for must be so. */
static inline int asked(struct lab *l, const char *what)
{
	int n = 0;

	pthread_mutex_lock(&l->f.lock);
	for (size_t i = 0; i < l->f.n_asked; i++)
		n += strcmp(l->f.asked[i], what) == 0;
	pthread_mutex_unlock(&l->f.lock);
	return n;
}

static inline struct store_op block_op(const struct store_obj *old, const char *text)
{
	return (struct store_op){ .verb = old->version ? STORE_UPDATE : STORE_CREATE,
				  .kind = STORE_BLOCK,
				  .ns = "",
				  .name = "v4-0a000000",
				  .version = old->version,
				  .data = text,
				  .len = strlen(text) };
}

struct claim {
	const char *line, *attachment, *endpoint; /* NULL: none */
	const char *pool;                         /* is looked at before; NULL: none */
	int64_t ms;
};

/* Adds the line to the block. */
static inline int claim(struct lab *l, const struct claim *c, struct err *e)
{
	static const char attachment_text[] = "{\"of\":\"a\"}";
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 16);
	struct store_obj old = { 0 }, pool;
	struct store_op ops[3] = { 0 };
	struct store *st;
	size_t n = 1;
	int r = store_kube_session(l->hub, false, &st, e);

	if (r == 0)
		r = store_begin(st, STORE_WRITE, deadline_in(c->ms ? c->ms : AMPLE), e);
	if (r == 0 && c->pool)
		r = store_get(st, STORE_IPPOOL, "", c->pool, &pool, e);
	if (r >= 0)
		r = store_get(st, STORE_BLOCK, "", "v4-0a000000", &old, e);
	if (r >= 0) {
		buf_fmt(&text, "%s%s", old.data ? old.data : "", c->line);
		ops[0] = block_op(&old, buf_cstr(&text));
		if (c->attachment)
			ops[n++] = (struct store_op){ .verb = STORE_CREATE,
						      .kind = STORE_ATTACHMENT,
						      .ns = "net",
						      .name = c->attachment,
						      .data = attachment_text,
						      .len = strlen(attachment_text) };
		if (c->endpoint)
			ops[n++] = (struct store_op){ .verb = STORE_CREATE,
						      .kind = STORE_ENDPOINT,
						      .ns = "ns",
						      .name = "p",
						      .data = c->endpoint,
						      .len = strlen(c->endpoint),
						      .behind = true };
		r = store_commit(st, ops, n, e);
	}
	store_close(st);
	return r;
}

static inline void claims(struct lab *l, const char *line)
{
	const struct claim c = { .line = line };

	if (claim(l, &c, &l->e) < 0)
		fail_msg("%s", l->e.msg);
}

/* A claim on a thread of its own. */
struct claimer {
	struct lab *l;
	struct claim c;
	int r;
	struct err e;
};

static inline void *claim_one(void *arg)
{
	struct claimer *x = arg;

	x->r = claim(x->l, &x->c, &x->e);
	return NULL;
}

#endif
