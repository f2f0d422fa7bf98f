/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_kube_behind.c - what is beside the blocks: endpoints that are written behind, files that outlive
 * the agent, reserved addresses */
#include <sys/stat.h>

#include "store_kube_lab.h"

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

/* Of a pod that keeps its address: what another node has written since it was read is not overwritten. */
#define AT(rv, more) \
	JSON("200", "", \
	     "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"p\",\"uid\":\"u1\",\"resourceVersion\":\"" rv \
	     "\"" more "}}")
#define GOING   ",\"deletionTimestamp\":\"x\",\"finalizers\":[\"f\"]"
#define NOT_YET REFUSED("409", "", "AlreadyExists")
static const struct {
	const char *name;
	enum store_verb verb;
	const char *read, *there, *post, *put; /* the first answers */
	int want;
	const char *asked[9];
} meanwhile[] = {
	{ "as it was",
	  STORE_UPDATE,
	  AT("5", ""),
	  AT("5", ""),
	  NULL,
	  WRITTEN("6"),
	  0,
	  { GET_EP, GET_EP, PUT_EP } },
	{ "changed", STORE_UPDATE, AT("5", ""), AT("6", ""), NULL, NULL, -ESTALE, { GET_EP, GET_EP } },
	{ "changed at the last moment",
	  STORE_UPDATE,
	  AT("5", ""),
	  AT("5", ""),
	  NULL,
	  REFUSED("409", "", "Conflict"),
	  -ESTALE,
	  { GET_EP, GET_EP, PUT_EP, GET_EP } },
	{ "removed", STORE_UPDATE, AT("5", ""), NOT_FOUND, NULL, NULL, -ESTALE, { GET_EP, GET_EP } },
	{ "on its way out",
	  STORE_UPDATE,
	  AT("5", GOING),
	  AT("5", GOING),
	  WRITTEN("7"),
	  NULL,
	  0,
	  { GET_EP, GET_EP, PATCH_EP, POST_EP } },
	{ "made", STORE_CREATE, NOT_FOUND, AT("6", ""), NOT_YET, NULL, -ESTALE, { GET_EP, POST_EP, GET_EP } },
	{ "there, on its way out",
	  STORE_CREATE,
	  NOT_FOUND,
	  AT("6", GOING),
	  NOT_YET,
	  NULL,
	  0,
	  { GET_EP, POST_EP, GET_EP, PATCH_EP, POST_EP } },
	{ "as it was, and goes",
	  STORE_DELETE,
	  AT("5", ""),
	  AT("5", ""),
	  NULL,
	  NULL,
	  0,
	  { GET_EP, GET_EP, PATCH_EP, DELETE_EP } },
	{ "changed, and would go",
	  STORE_DELETE,
	  AT("5", ""),
	  AT("6", ""),
	  NULL,
	  NULL,
	  -ESTALE,
	  { GET_EP, GET_EP } },
};

static void test_endpoint_changed_meanwhile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(meanwhile); i++) {
		struct fake_answer a[] = {
			{ .path = ENDPOINT, .method = "GET", .text = meanwhile[i].read, .times = 1 },
			{ .path = ENDPOINT, .method = "GET", .text = meanwhile[i].there, .times = 1 },
			{ .path = ENDPOINT, .method = "GET", .text = AT("6", "") },
			{ .path = ENDPOINTS, .method = "POST", .text = meanwhile[i].post, .times = 1 },
			{ .path = ENDPOINTS, .method = "POST", .text = WRITTEN("7") },
			{ .path = ENDPOINT, .method = "PUT", .text = meanwhile[i].put, .times = 1 },
			{ .path = ENDPOINT, .method = "PUT", .text = WRITTEN("7") },
			{ .path = ENDPOINT, .method = "PATCH", .text = WRITTEN("8") },
			{ .path = ENDPOINT, .method = "DELETE", .text = WRITTEN("8") },
			{ 0 },
		};
		struct store_op op = { .verb = meanwhile[i].verb,
				       .kind = STORE_ENDPOINT,
				       .ns = "ns",
				       .name = "p",
				       .data = EP,
				       .len = strlen(EP) };
		struct store_obj was = { 0 };
		struct store *st;
		struct lab l;
		int r;

		print_message("# %s\n", meanwhile[i].name);
		open_lab(&l, a);
		assert_int_equal(store_kube_session(l.hub, true, &st, &l.e), 0);
		assert_int_equal(store_begin(st, STORE_WRITE, deadline_in(AMPLE), &l.e), 0);
		assert_true(store_get(st, STORE_ENDPOINT, "ns", "p", &was, &l.e) >= 0);
		op.version = was.version;
		r = store_commit(st, &op, 1, &l.e);
		if (r != meanwhile[i].want)
			fail_msg("%s: got %d: %s", meanwhile[i].name, r, r < 0 ? l.e.msg : "");
		check_asked(&l, i, meanwhile[i].asked);
		store_close(st);
		close_lab(&l);
	}
}

/* Pods that wait for an address go first: an endpoint is not written beside a block, unless it gets late. */
static void test_endpoint_last(void **state)
{
	static atomic_bool held = true;
	static const struct fake_answer rows[] = {
		{ .path = BLOCK, .method = "GET", .text = NOT_FOUND },
		{ .path = BLOCKS, .method = "POST", .text = WRITTEN("2"), .held = &held },
		{ .path = ENDPOINTS, .method = "POST", .text = WRITTEN("3") },
		{ 0 },
	};
	static const char *const then[] = { "POST " ENDPOINTS, NULL };
	const struct store_op op = { .verb = STORE_CREATE,
				     .kind = STORE_ENDPOINT,
				     .ns = "ns",
				     .name = "p",
				     .data = EP,
				     .len = strlen(EP),
				     .behind = true };
	struct claimer first = { .c.line = LINE("0", "a") };
	struct store_kube_stats s;
	pthread_t thread;
	int64_t start;
	struct store *st;
	struct lab l;

	(void)state;
	open_lab(&l, rows);
	first.l = &l;
	pthread_create(&thread, NULL, claim_one, &first);
	do
		store_kube_stats(l.hub, &s);
	while (!s.changes && usleep(1000) == 0);
	assert_int_equal(store_kube_session(l.hub, false, &st, &l.e), 0);
	assert_int_equal(store_begin(st, STORE_WRITE, deadline_in(AMPLE), &l.e), 0);
	start = clock_mono_ms();
	assert_int_equal(store_commit(st, &op, 1, &l.e), 0);
	store_close(st);
	usleep(200000);
	if (asked(&l, then[0]) && clock_mono_ms() - start < 900)
		fail_msg("it is written while a block is");
	atomic_store(&held, false);
	pthread_join(thread, NULL);
	assert_int_equal(first.r, 0);
	check_asked(&l, 0, then);
	close_lab(&l);
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

/* That of the one whose name begins so, another one once the file was written again. */
static ino_t inode(struct lab *l, const char *prefix)
{
	DIR *d = opendir(l->dir);
	ino_t ino = 0;

	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d));)
		if (strncmp(f->d_name, prefix, strlen(prefix)) == 0)
			ino = f->d_ino;
	closedir(d);
	return ino;
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
	ino_t was;

	(void)state;
	open_lab(&l, rows);
	assert_int_equal(claim(&l, &c, &l.e), 0);
	assert_int_equal(files(&l, "e-"), 1);
	store_kube_close(l.hub, deadline_in(0));
	assert_int_equal(files(&l, "e-"), 1);
	was = inode(&l, "e-");
	open_hub(&l);
	assert_true(inode(&l, "e-") == was); /* it is being listed */
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

	(void)state;
	for (int stays = 0; stays < 2; stays++) {
		char path[128], aside[128], sentence[256];
		struct lab l;
		FILE *f;

		print_message("# cannot be put aside: %d\n", stays);
		open_lab(&l, rows);
		snprintf(path, sizeof(path), "%s/a-0123456789abcdef", l.dir);
		snprintf(aside, sizeof(aside), "%s/bad.a-0123456789abcdef", l.dir);
		snprintf(sentence, sizeof(sentence),
			 "%s cannot be read and %s bad.a-0123456789abcdef: ", path,
			 stays ? "could not be renamed to" : "is now");
		f = fopen(path, "w");
		assert_non_null(f);
		fputs("{\"ns\":\"net\",\"na", f);
		fclose(f);
		assert_true(!stays || mkdir(aside, 0700) == 0);
		reopen(&l);
		if (!strstr(l.trouble, sentence))
			fail_msg("%s", l.trouble);
		assert_int_equal(files(&l, "bad."), 1);
		assert_int_equal(files(&l, "a-"), stays);
		close_lab(&l);
	}
}

/* The last process was killed while it wrote. */
static void test_half_written_file(void **state)
{
	static const struct fake_answer rows[] = { { 0 } };
	char path[128];
	struct lab l;
	FILE *f;

	(void)state;
	open_lab(&l, rows);
	snprintf(path, sizeof(path), "%s/i-0123456789abcdef-1.77.tmp", l.dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fclose(f);
	assert_int_equal(files(&l, "i-"), 1);
	reopen(&l);
	assert_int_equal(files(&l, "i-"), 0);
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
		cmocka_unit_test(test_endpoint_in_the_way), cmocka_unit_test(test_endpoint_changed_meanwhile),
		cmocka_unit_test(test_endpoint_last),       cmocka_unit_test(test_intent),
		cmocka_unit_test(test_endpoint_waits),      cmocka_unit_test(test_damaged_file),
		cmocka_unit_test(test_half_written_file),   cmocka_unit_test(test_unreadable_reservation),
	};

	alarm(120);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
