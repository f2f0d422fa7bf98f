/* SPDX-License-Identifier: Apache-2.0 */
/* test_cluster_watch.c - of which pods it is told that they have ended; what is watched and kept */
#include "cluster_lab.h"

#define LINE(type, object) "{\"type\":\"" type "\",\"object\":" object "}\n"
#define AT(name, uid, version, meta, rest) \
	"{\"metadata\":{\"namespace\":\"a\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"" version "\"" meta \
	"},\"spec\":{\"nodeName\":\"n1\",\"restartPolicy\":\"Never\"}" rest "}"
#define RUNS(name, uid, version)   AT(name, uid, version, "", "")
#define LEAVES(name, uid, version) AT(name, uid, version, GOING, "")
#define FAILED(name, uid, version) AT(name, uid, version, "", ",\"status\":{\"phase\":\"Failed\"}")
#define FROM(version)              FOLLOW_PODS_FROM "&allowWatchBookmarks=true&resourceVersion=" version "&"
/* What comes last, so that all before it has been seen. */
#define END LINE("DELETED", RUNS("end", "end", "99"))
#define LAST \
	{ \
		.path = FROM("99"), .text = HTTP_OK, .stays = true \
	}
#define GONE "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410,\"reason\":\"Expired\"}}\n"

struct row {
	const char *name;
	const char *pods; /* of the first list, beside "end" */
	struct fake_answer answers[6];
	const char *want;
};

static struct row rows[] = {
	{ "told once that it is going, once that it is gone",
	  RUNS("p", "u", "1"),
	  { { .path = FROM("9"),
	      .text = HTTP_OK LINE("MODIFIED", RUNS("p", "u", "10")) LINE("MODIFIED", LEAVES("p", "u", "11"))
		      LINE("MODIFIED", LEAVES("p", "u", "12")) LINE("DELETED", LEAVES("p", "u", "13")) END },
	    LAST },
	  "-a/p(u)-a/p(u)" },
	{ "gone at once",
	  RUNS("p", "u", "1"),
	  { { .path = FROM("9"), .text = HTTP_OK LINE("DELETED", RUNS("p", "u", "13")) END }, LAST },
	  "-a/p(u)" },
	{ "failed for good",
	  RUNS("p", "u", "1"),
	  { { .path = FROM("9"), .text = HTTP_OK LINE("MODIFIED", FAILED("p", "u", "13")) END }, LAST },
	  "-a/p(u)" },
	{ "dead when it is first seen, and one that is new",
	  FAILED("p", "u", "1"),
	  { { .path = FROM("9"),
	      .text = HTTP_OK LINE("ADDED", RUNS("q", "v", "10")) LINE("ADDED", FAILED("r", "w", "11")) END },
	    LAST },
	  "-a/p(u)-a/r(w)" },
	{ "another one of its name",
	  RUNS("p", "u", "1"),
	  { { .path = FROM("9"), .text = HTTP_OK LINE("MODIFIED", RUNS("p", "v", "10")) END }, LAST },
	  "-a/p(u)" },
	{ "another one of its name, dead too",
	  FAILED("p", "u", "1"),
	  { { .path = FROM("9"), .text = HTTP_OK LINE("MODIFIED", FAILED("p", "v", "10")) END }, LAST },
	  "-a/p(u)-a/p(u)-a/p(v)" },
	{ "went while the watch was broken: the next list does not have it",
	  RUNS("p", "u", "1") "," RUNS("q", "v", "2"),
	  { { .path = FROM("9"), .text = HTTP_OK GONE, .times = 1 },
	    { .path = FROM("20"), .text = HTTP_OK END },
	    LAST },
	  "-a/p(u)" },
	{ "one that cannot be read has not ended, and has when it is gone",
	  AT("p", "u", "1", ",\"labels\":{\"l\":1}", ""),
	  { { .path = FROM("9"), .text = HTTP_OK LINE("DELETED", RUNS("p", "u", "10")) END }, LAST },
	  "-a/p(u)" },
};

/* The first list is the row's, any later one has q and "end". */
static void answers_of(struct row *t, const char *first, struct fake_answer *out)
{
	size_t n = 0;

	out[n++] = (struct fake_answer){ .path = LIST_PODS, .text = first, .times = 1 };
	out[n++] =
		(struct fake_answer){ .path = LIST_PODS,
				      .text = LIST("20", RUNS("q", "v", "2") "," RUNS("end", "end", "3")) };
	for (size_t i = 0; i < ARRAY_LEN(t->answers) && t->answers[i].path; i++)
		out[n++] = t->answers[i];
	out[n] = (struct fake_answer){ 0 };
}

static bool log_ends(struct lab *l, const char *with)
{
	bool is;

	pthread_mutex_lock(&l->lock);
	is = strstr(l->log, with);
	pthread_mutex_unlock(&l->lock);
	return is;
}

static void test_ended(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct deadline end = deadline_in(AMPLE);
		struct fake_answer answers[10];
		CLEANUP(free_p) char *first = NULL;
		struct lab l;

		assert_true(asprintf(&first, LIST("9", "%s,%s"), rows[i].pods, RUNS("end", "end", "3")) > 0);
		answers_of(&rows[i], first, answers);
		lab_start(&l, "", answers);
		while (!log_ends(&l, "-a/end(end)") && deadline_left(end))
			usleep(2000);
		lab_stop(&l);
		l.log[strlen(l.log) - strlen("-a/end(end)")] = '\0';
		if (strcmp(l.log, rows[i].want) != 0)
			fail_msg("%s: \"%s\", want \"%s\"", rows[i].name, l.log, rows[i].want);
	}
}

/* Pods of this node, namespaces and this node; of the latter two, metadata alone; lists are the server's
 * own. */
static void test_asked(void **state)
{
	const char *pods = "GET " LIST_PODS "=200&resourceVersion=0";
	struct lab l;

	(void)state;
	lab_start(&l, "", NULL);
	while (lab_asked(&l, "") < 6)
		usleep(1000);
	for (size_t i = 0; i < l.f.n_asked; i++) {
		const char *s = l.f.asked[i];

		if (!strstr(s, "watch=1") && !strstr(s, "&resourceVersion=0"))
			fail_msg("%s: a quorum read", s);
		if (strncmp(s, "GET /api/v1/pods?", 17) == 0 &&
		    !strstr(s, "fieldSelector=spec.nodeName%3Dn1"))
			fail_msg("%s: not of this node", s);
		if (strncmp(s, "GET /api/v1/nodes?", 18) == 0 &&
		    !strstr(s, "fieldSelector=metadata.name%3Dn1"))
			fail_msg("%s: not this node", s);
	}
	assert_int_equal(lab_asked(&l, "/api/v1/pods"), 2);
	assert_int_equal(lab_asked(&l, "/api/v1/nodes"), 2);
	assert_int_equal(lab_asked(&l, "/api/v1/namespaces"), 2);
	assert_int_equal(lab_asked(&l, pods + 4), 1);
	lab_stop(&l);
}

/* Until everything has been listed nobody is told that it is; what keeps it from that is said. */
static void test_wait(void **state)
{
	static const struct fake_answer answers[] = {
		{ .path = "/api/v1/nodes", .text = REFUSED("403", "Forbidden") }, { 0 }
	};
	struct cluster_conf conf = { .node = "n1", .trouble = lab_trouble };
	struct deadline end = deadline_in(AMPLE);
	struct fake_answer all[] = {
		answers[0],
		{ .path = "/api/v1/pods?watch", .text = HTTP_OK, .stays = true },
		{ .path = "/api/v1/namespaces?watch", .text = HTTP_OK, .stays = true },
		{ .path = "/api/v1/", .text = LIST("9", "") },
	};
	struct lab l = { .n = ARRAY_LEN(all) };
	struct err e;

	(void)state;
	pthread_mutex_init(&l.lock, NULL);
	memcpy(l.answers, all, sizeof(all));
	lab_open(&l);
	conf.k = l.k;
	conf.arg = &l;
	assert_int_equal(cluster_start(&conf, &l.c, &e), 0);
	for (bool said = false; !said && deadline_left(end); usleep(2000)) {
		pthread_mutex_lock(&l.lock);
		said = l.troubles[0];
		pthread_mutex_unlock(&l.lock);
	}
	assert_non_null(strstr(l.troubles, "refused (Forbidden, HTTP 403)"));
	assert_false(cluster_wait(l.c, deadline_in(50)));
	lab_stop(&l);
}

static void test_names(void **state)
{
	static const char *const bad[] = { NULL, "", "a,b", "a=b", "N1", "a b", "n1&limit=1" };
	struct cluster *c;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		int r = cluster_start(&(struct cluster_conf){ .node = bad[i] }, &c, &e);

		if (r != -EINVAL || e.cni != ERR_CONFIG || c)
			fail_msg("\"%s\": %d", bad[i] ? bad[i] : "NULL", r);
	}
	cluster_stop(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ended),
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
