/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_kube_server.c - the store of a cluster against an API server that refuses, forgets, starts and
 * hangs as it is told to */
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
	atomic_int lost;
	bool all;
	struct err e;
};

static void on_trouble(const char *sentence, void *arg)
{
	struct lab *l = arg;
	size_t n = strlen(l->trouble);

	snprintf(l->trouble + n, sizeof(l->trouble) - n, "%s\n", sentence);
}

static void on_lost(const char *sentence, bool all, void *arg)
{
	struct lab *l = arg;

	l->all = all;
	on_trouble(sentence, arg);
	atomic_fetch_add(&l->lost, 1);
}

static void open_hub(struct lab *l)
{
	const struct store_kube_conf c = {
		.k = l->k, .node = "n1", .dir = l->dir, .lost = on_lost, .trouble = on_trouble, .arg = l
	};

	if (store_kube_open(&c, &l->hub, &l->e) < 0 || !store_kube_wait(l->hub, deadline_in(AMPLE)))
		fail_msg("%s", l->e.msg);
}

/* rows end with one without a path; nothing is there but what they say. */
static void open_lab(struct lab *l, const struct fake_answer *rows)
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

static void close_lab(struct lab *l)
{
	char line[128];

	store_kube_close(l->hub, deadline_in(0));
	fake_stop(&l->f, l->k);
	snprintf(line, sizeof(line), "rm -rf '%s'", l->dir);
	assert_int_equal(system(line), 0);
}

/* How often it was asked for that; the whole of what was asked for must be so. */
static int asked(struct lab *l, const char *what)
{
	int n = 0;

	pthread_mutex_lock(&l->f.lock);
	for (size_t i = 0; i < l->f.n_asked; i++)
		n += strcmp(l->f.asked[i], what) == 0;
	pthread_mutex_unlock(&l->f.lock);
	return n;
}

static struct store_op block_op(const struct store_obj *old, const char *text)
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
	int64_t ms;
};

/* Adds the line to the block. */
static int claim(struct lab *l, const struct claim *c, struct err *e)
{
	static const char attachment_text[] = "{\"of\":\"a\"}";
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 16);
	struct store_obj old = { 0 };
	struct store_op ops[3] = { 0 };
	struct store *st;
	size_t n = 1;
	int r = store_kube_session(l->hub, false, &st, e);

	if (r == 0)
		r = store_begin(st, STORE_WRITE, deadline_in(c->ms ? c->ms : AMPLE), e);
	if (r == 0)
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

static void claims(struct lab *l, const char *line)
{
	const struct claim c = { .line = line };

	if (claim(l, &c, &l->e) < 0)
		fail_msg("%s", l->e.msg);
}

/* ---- blocks ---- */

/* What the server wants to be left alone with it is: also when the caller has no time for it. */
static void test_too_many_requests(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS,
		  .method = "POST",
		  .text = REFUSED("429", "Retry-After: 1\r\n", "TooManyRequests"),
		  .times = 1 },
		{ .path = BLOCKS,
		  .method = "POST",
		  .text = REFUSED("429", "Retry-After: 60\r\n", "TooManyRequests"),
		  .times = 1 },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2") },
		{ 0 },
	};
	const struct claim c = { .line = LINE("0", "a"), .ms = 5000 };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), -ETIMEDOUT);
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	if (!strstr(l.e.msg, "HTTP 429"))
		fail_msg("%s", l.e.msg);
	assert_int_equal(asked(&l, "POST " BLOCKS), 2);
	close_lab(&l);
}

static void *claim_one(void *arg)
{
	struct {
		struct lab *l;
		struct claim c;
		int r;
		struct err e;
	} *x = arg;

	x->r = claim(x->l, &x->c, &x->e);
	return NULL;
}

/* Of several that are written together the server does not want one: the others do not suffer. */
static void test_split(void **state)
{
	static atomic_bool held = true;
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2"), .held = &held },
		{ .path = BLOCK, .method = "PUT", .has = "bad", .text = REFUSED("422", "", "Invalid") },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("3"), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("4"), .times = 1 },
		{ 0 },
	};
	struct {
		struct lab *l;
		struct claim c;
		int r;
		struct err e;
	} who[] = { { .c.line = LINE("0", "first") },
		    { .c.line = LINE("1", "good") },
		    { .c.line = LINE("2", "bad") },
		    { .c.line = LINE("3", "fine") } };
	pthread_t thread[ARRAY_LEN(who)];
	struct store_kube_stats s;
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	for (size_t i = 0; i < ARRAY_LEN(who); i++) {
		who[i].l = &l;
		pthread_create(&thread[i], NULL, claim_one, &who[i]);
		do /* its change is in the queue */
			store_kube_stats(l.hub, &s);
		while (s.changes <= i && !who[i].r && usleep(1000) == 0);
		if (who[i].r)
			fail_msg("%zu: %s", i, who[i].e.msg);
	}
	atomic_store(&held, false);
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		pthread_join(thread[i], NULL);
	for (size_t i = 0; i < ARRAY_LEN(who); i++)
		if (who[i].r != (i == 2 ? -EINVAL : 0))
			fail_msg("%zu: %d %s", i, who[i].r, who[i].r ? who[i].e.msg : "");
	assert_true(asked(&l, "PUT " BLOCK) >= 3);
	close_lab(&l);
}

/* Somebody deletes the block under us: nothing is given out until what the node had in it is claimed again,
 * not even what was on its way. */
static void test_deleted(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = NOT_FOUND, .times = 1 },
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("9") },
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("10"), .times = 1 }, /* undone */
		{ .path = BLOCK, .method = "PUT", .text = WRITTEN("11") },
		{ 0 },
	};
	const struct claim c = { .line = LINE("0", "a") }, next = { .line = LINE("1", "b"), .ms = 100 };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), -ESTALE);
	assert_int_equal(atomic_load(&l.lost), 1);
	assert_true(l.all);
	assert_int_equal(claim(&l, &next, &l.e), -EBUSY);
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	store_kube_mended(l.hub, store_kube_losses(l.hub));
	claims(&l, LINE("1", "b"));
	close_lab(&l);
}

/* What the server says of a block, or of a write, shows that its state is not what it was. */
static void test_lost(void **state)
{
	static const struct {
		const char *put, *get; /* the first PUT, and the second GET; the first says version 7, address
					  9 is ours */
		int r;
		bool all;
		const char *said; /* NULL: nothing is lost */
	} rows[] = {
		/* another node was quicker with another address */
		{ REFUSED("409", "", "Conflict"), SERVED("8", TLINE("9", "x") TLINE("12", "z")), 0, false,
		  NULL },
		/* the block is older than it was */
		{ REFUSED("409", "", "Conflict"), SERVED("5", TLINE("9", "x")), -ESTALE, true,
		  "an older state" },
		/* newer, but what we wrote is not in it */
		{ REFUSED("409", "", "Conflict"), SERVED("9", ""), -ESTALE, false,
		  "was changed by somebody else" },
		/* the write is the server's third, and the seventh was read before */
		{ WRITTEN("3"), SERVED("3", ""), -ESTALE, true, "an older state" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct fake_answer a[] = {
			{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
			{ .path = BLOCK, .method = "GET", .text = rows[i].get },
			{ .path = BLOCK, .method = "PUT", .text = rows[i].put, .times = 1 },
			{ .path = BLOCK, .method = "PUT", .text = WRITTEN("20"), .times = 1 },
			{ .path = BLOCK, .method = "PUT", .text = WRITTEN("21") },
			{ 0 },
		};
		const struct claim c = { .line = LINE("10", "a") };
		struct lab l;
		int r;

		open_lab(&l, a);
		r = claim(&l, &c, &l.e);
		if (r != rows[i].r || !!atomic_load(&l.lost) != !!rows[i].said || l.all != rows[i].all ||
		    (rows[i].said && !strstr(l.trouble, rows[i].said)))
			fail_msg("row %zu: %d %s: %s", i, r, r ? l.e.msg : "", l.trouble);
		close_lab(&l);
	}
}

/* A server that starts knows neither custom resources yet, which says nothing of any object, nor who may do
 * what. */
static void test_not_served(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = SERVED("7", TLINE("9", "x")), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = REFUSED("403", "", "Forbidden"), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .text = NOT_SERVED, .times = 2 },
		{ .path = BLOCK,
		  .method = "PUT",
		  .has = "\\t"
			 "x\\t",
		  .text = WRITTEN("8") },
		{ .path = BLOCK, .method = "GET", .text = NOT_SERVED },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("9") },
		{ 0 },
	};
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	claims(&l, LINE("0", "a"));
	assert_int_equal(atomic_load(&l.lost), 0);
	assert_int_equal(asked(&l, "POST " BLOCKS), 0);
	assert_int_equal(asked(&l, "PUT " BLOCK), 4);
	close_lab(&l);
}

/* ---- endpoints ---- */

#define OF_P(uid, node, more) \
	"{\"metadata\":{\"namespace\":\"ns\",\"name\":\"p\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"5\",\"labels\":{" \
	"\"ipam.spidernet.io/node\":\"" node "\"}" more "},\"status\":{\"current\":{\"node\":\"" node \
	"\"}}}"
#define EP \
	"{\"apiVersion\":\"v\",\"kind\":\"SpiderEndpoint\",\"metadata\":{\"namespace\":\"ns\",\"name\":\"p\"}}"

static void check_asked(struct lab *l, size_t row, const char *const *want)
{
	struct deadline end = deadline_in(AMPLE);
	size_t n = 0;

	while (store_kube_behind(l->hub) && deadline_left(end))
		usleep(1000);
	for (size_t i = 0; i < l->f.n_asked; i++) {
		if (!strstr(l->f.asked[i], "/namespaces/ns/"))
			continue;
		if (!want[n] || strcmp(want[n], l->f.asked[i]) != 0)
			fail_msg("row %zu: asked %s, want %s", row, l->f.asked[i],
				 want[n] ? want[n] : "nothing");
		n++;
	}
	if (want[n])
		fail_msg("row %zu: never asked %s", row, want[n]);
}

/* What stands in the place of an endpoint that is to be written. */
static void test_endpoint_in_the_way(void **state)
{
#define POST_EP   "POST " ENDPOINTS
#define GET_EP    "GET " ENDPOINT
#define PATCH_EP  "PATCH " ENDPOINT
#define PUT_EP    "PUT " ENDPOINT
#define DELETE_EP "DELETE " ENDPOINT
	static const struct {
		const char *there; /* what GET says */
		const char *patch, *put;
		const char *asked[8];
	} rows[] = {
		/* ours, of an earlier agent */
		{ JSON("200", "", OF_P("u1", "n1", "")), NULL, WRITTEN("6"), { POST_EP, GET_EP, PUT_EP } },
		/* on its way out, kept by its finalizer alone */
		{ JSON("200", "", OF_P("u1", "n1", ",\"deletionTimestamp\":\"x\",\"finalizers\":[\"f\"]")),
		  WRITTEN("6"),
		  NULL,
		  { POST_EP, GET_EP, PATCH_EP, POST_EP } },
		/* the same, and it was quicker than we */
		{ JSON("200", "", OF_P("u1", "n1", ",\"deletionTimestamp\":\"x\",\"finalizers\":[\"f\"]")),
		  NOT_FOUND,
		  NULL,
		  { POST_EP, GET_EP, PATCH_EP, POST_EP } },
		/* of a pod of this name on another node */
		{ JSON("200", "", OF_P("u2", "n2", "")),
		  WRITTEN("6"),
		  NULL,
		  { POST_EP, GET_EP, PATCH_EP, DELETE_EP, POST_EP } },
		/* and that is another one by now */
		{ JSON("200", "", OF_P("u2", "n2", "")),
		  REFUSED("409", "", "Conflict"),
		  NULL,
		  { POST_EP, GET_EP, PATCH_EP, POST_EP } },
		/* somebody wrote it between */
		{ JSON("200", "", OF_P("u1", "n1", "")),
		  NULL,
		  REFUSED("409", "", "Conflict"),
		  { POST_EP, GET_EP, PUT_EP, GET_EP, PUT_EP } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fake_answer a[] = {
			{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
			{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2") },
			{ .path = ENDPOINTS,
			  .method = "POST",
			  .text = REFUSED("409", "", "AlreadyExists"),
			  .times = 1 },
			{ .path = ENDPOINTS, .method = "POST", .text = WRITTEN("7") },
			{ .path = ENDPOINT, .method = "GET", .text = rows[i].there },
			{ .path = ENDPOINT,
			  .method = "PATCH",
			  .text = rows[i].patch ? rows[i].patch : NOT_SERVED },
			{ .path = ENDPOINT, .method = "DELETE", .text = WRITTEN("7") },
			{ .path = ENDPOINT,
			  .method = "PUT",
			  .text = rows[i].put ? rows[i].put : NOT_SERVED,
			  .times = 1 },
			{ .path = ENDPOINT, .method = "PUT", .text = WRITTEN("7") },
			{ 0 },
		};
		const struct claim c = { .line = LINE("0", "a"), .endpoint = EP };
		struct lab l;

		open_lab(&l, a);
		if (claim(&l, &c, &l.e) < 0)
			fail_msg("row %zu: %s", i, l.e.msg);
		check_asked(&l, i, rows[i].asked);
		close_lab(&l);
	}
}

/* ---- an agent that ends, and starts again ---- */

static void reopen(struct lab *l)
{
	store_kube_close(l->hub, deadline_in(0));
	open_hub(l);
}

/* Files of the store's directory whose names begin so. */
static int files(struct lab *l, const char *prefix)
{
	DIR *d = opendir(l->dir);
	int n = 0;

	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d));)
		n += strncmp(f->d_name, prefix, strlen(prefix)) == 0;
	closedir(d);
	return n;
}

static int one_intent(const struct store_obj *o, void *arg, struct err *e)
{
	(void)e;
	assert_string_equal(o->data, "{\"of\":\"a\"}");
	++*(int *)arg;
	return 0;
}

static int intents(struct lab *l)
{
	int n = 0;

	assert_int_equal(store_kube_intents(l->hub, one_intent, &n, &l->e), 0);
	return n;
}

/* 1: it is there. */
static int attachment(struct lab *l, const char *name)
{
	struct store *st;
	struct store_obj o;
	int r;

	assert_int_equal(store_kube_session(l->hub, false, &st, &l->e), 0);
	assert_int_equal(store_begin(st, STORE_READ, deadline_in(AMPLE), &l->e), 0);
	r = store_get(st, STORE_ATTACHMENT, "net", name, &o, &l->e);
	store_close(st);
	return r;
}

/* A claim of which nobody was told is known to the next agent, until it says that it has settled it. */
static void test_intent(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2"), .times = 1 },
		{ .path = BLOCK, .method = "PUT", .stays = true },
		{ 0 },
	};
	const struct claim good = { .line = LINE("0", "b"), .attachment = "b" };
	const struct claim cut = { .line = LINE("1", "a"), .attachment = "a", .ms = 1000 };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &good, &l.e), 0);
	assert_int_equal(files(&l, "i-"), 0);
	assert_int_equal(claim(&l, &cut, &l.e), -ETIMEDOUT);
	reopen(&l);
	assert_int_equal(intents(&l), 1);
	assert_int_equal(attachment(&l, "a"), 0);
	assert_int_equal(attachment(&l, "b"), 1);
	reopen(&l); /* it did not live to settle it */
	assert_int_equal(intents(&l), 1);
	store_kube_intents_end(l.hub);
	assert_int_equal(intents(&l), 0);
	reopen(&l);
	assert_int_equal(intents(&l), 0);
	assert_int_equal(files(&l, "i-"), 0);
	close_lab(&l);
}

/* An endpoint that was not written yet is by the next one. */
static void test_endpoint_waits(void **state)
{
	static const struct fake_answer rows[] = {
		{ .path = ENDPOINTS, .method = "POST", .text = REFUSED("503", "", "ServiceUnavailable") },
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2") },
		{ 0 },
	};
	const struct claim c = { .line = LINE("0", "a"), .endpoint = EP };
	static const char *const then[] = { "POST " ENDPOINTS, NULL };
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), 0);
	assert_int_equal(files(&l, "e-"), 1);
	store_kube_close(l.hub, deadline_in(0));
	assert_int_equal(files(&l, "e-"), 1);
	l.f.n_asked = 0; /* nobody asks now */
	l.answers[0].text = WRITTEN("5");
	l.answers[0].has = "SpiderEndpoint";
	open_hub(&l);
	check_asked(&l, 0, then);
	assert_int_equal(files(&l, "e-"), 0);
	close_lab(&l);
}

/* What cannot be read is put aside, with a sentence, and keeps nobody from starting. */
static void test_damaged_file(void **state)
{
	static const struct fake_answer rows[] = { { 0 } };
	char path[128];
	struct lab l;
	FILE *f;

	(void)state;
	open_lab(&l, rows);
	snprintf(path, sizeof(path), "%s/a-0123456789abcdef", l.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("{\"ns\":\"net\",\"na", f);
	fclose(f);
	reopen(&l);
	assert_non_null(
		strstr(l.trouble, "a-0123456789abcdef cannot be read and is now bad.a-0123456789abcdef"));
	assert_int_equal(files(&l, "bad."), 1);
	assert_int_equal(files(&l, "a-"), 0);
	close_lab(&l);
}

/* ---- reserved addresses ---- */

static int take_text(const struct store_obj *o, void *arg, struct err *e)
{
	(void)e;
	snprintf(arg, 512, "%.*s", (int)o->len, o->data);
	return 0;
}

static void test_unreadable_reservation(void **state)
{
	static const struct {
		const char *spec, *kept, *said; /* said NULL: nothing */
	} rows[] = {
		{ "{\"ips\":[\"10.0.0.1\",\"10.0.0.5-10.0.0.9\"]}", "[\"10.0.0.1\",\"10.0.0.5-10.0.0.9\"]",
		  NULL },
		{ "{\"ipVersion\":4,\"ips\":[\"10.0.0.1\",\"10.0.0.5-10.0.0.x\",\"10.0.0.7\"]}",
		  "[\"10.0.0.1\",\"10.0.0.7\"]",
		  "SpiderReservedIP r: \"10.0.0.5-10.0.0.x\" of spec.ips cannot be read" },
		{ "{\"ipVersion\":6,\"ips\":[\"10.0.0.1\",\"fd00::1\"]}", "[\"fd00::1\"]", "\"10.0.0.1\"" },
		{ "{\"ips\":[\"10.0.0.1\",\"fd00::1\"]}", "[\"10.0.0.1\"]", "\"fd00::1\"" },
		{ "{\"ips\":[7,\"fd00::1\"]}", "[\"fd00::1\"]", "it is no text" },
		{ "{\"ips\":[\"\"]}", "[]", "RESERVES NOTHING until it is mended" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char list[512], text[512] = "", want[256];
		const struct fake_answer a[] = {
			{ .path = API "spiderreservedips?watch=1",
			  .text = "HTTP/1.1 200 OK\r\n\r\n",
			  .stays = true },
			{ .path = API "spiderreservedips?", .text = list },
			{ 0 },
		};
		struct store *st;
		struct lab l;

		snprintf(
			list, sizeof(list),
			JSON("200", "",
			     "{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":[{\"metadata\":{\"name\":\"r\","
			     "\"resourceVersion\":\"1\"},\"spec\":%s}]}"),
			rows[i].spec);
		open_lab(&l, a);
		assert_int_equal(store_kube_session(l.hub, false, &st, &l.e), 0);
		assert_int_equal(store_begin(st, STORE_READ, deadline_in(AMPLE), &l.e), 0);
		assert_int_equal(store_list(st, STORE_RESERVEDIP, NULL, NULL, NULL, take_text, text, &l.e),
				 0);
		store_close(st);
		snprintf(want, sizeof(want), "\"ips\":%s", rows[i].kept);
		if (!strstr(text, want) ||
		    (rows[i].said ? !strstr(l.trouble, rows[i].said) : l.trouble[0] != 0))
			fail_msg("row %zu: %s: %s", i, text, l.trouble);
		close_lab(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_too_many_requests),
		cmocka_unit_test(test_split),
		cmocka_unit_test(test_deleted),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_not_served),
		cmocka_unit_test(test_endpoint_in_the_way),
		cmocka_unit_test(test_intent),
		cmocka_unit_test(test_endpoint_waits),
		cmocka_unit_test(test_damaged_file),
		cmocka_unit_test(test_unreadable_reservation),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
