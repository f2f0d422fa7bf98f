/* SPDX-License-Identifier: Apache-2.0 */
/* test_coordinator_agent.c - an agent that answers, refuses, is away or was never there; what is kept for DEL
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "peer.h"

/* Parts of a plugin, not of the library. */
#include "../../plugins/coordinator/agent.c"
#include "../../plugins/coordinator/section.c"
#include "../../plugins/coordinator/fields.c"

#define OK    "HTTP/1.1 200 OK\r\n\r\n"
#define NO    "HTTP/1.1 500 Internal Server Error\r\n\r\n"
#define SOON  300
#define AMPLE 30000

static struct err err;
static char pod[] = "web-0", ns[] = "default";
static const struct cni_args args = { .pod_name = pod, .pod_namespace = ns };

/* ---- asking ---- */

struct row {
	const char *name;
	struct peer peer;
	int ms, r, code;
	const char *said; /* the mode, or a part of the sentence */
};

static const struct row rows[] = {
	{ "answer",
	  { .text = OK "{\"mode\":\"overlay\",\"serviceCIDR\":null,\"detectGateway\":false}" },
	  AMPLE,
	  0,
	  0,
	  "overlay" },
	{ "chunks",
	  { .text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{\"mode\":\"auto\"}\n\r\n0\r\n\r\n" },
	  AMPLE,
	  0,
	  0,
	  "auto" },
	{ "text",
	  { .text = NO "\"spidercoordinator: default\\nno ready\"\n" },
	  AMPLE,
	  -EAGAIN,
	  ERR_TRY_AGAIN,
	  "GET /v1/coordinator/config: status 500: spidercoordinator: default no ready" },
	{ "object",
	  { .text = NO "{\"code\":602,\"message\":\"podName in body is required\"}" },
	  AMPLE,
	  -EAGAIN,
	  ERR_TRY_AGAIN,
	  "status 500: podName in body is required" },
	{ "plain",
	  { .text = "HTTP/1.1 404 Not Found\r\n\r\n404 page not found\n" },
	  AMPLE,
	  -EAGAIN,
	  ERR_TRY_AGAIN,
	  "status 404: 404 page not found" },
	{ "no reason", { .text = NO " \n" }, AMPLE, -EAGAIN, ERR_TRY_AGAIN, "status 500: (no reason given)" },
	{ "nothing", { .text = "" }, AMPLE, -ECONNRESET, ERR_TRY_AGAIN, "closed without an answer" },
	{ "silence", { .stays = true }, SOON, -ETIMEDOUT, ERR_TRY_AGAIN, "no answer before the deadline" },
	{ "garbage", { .text = "what\r\n" }, AMPLE, -EBADMSG, ERR_TRY_AGAIN, "no HTTP/1.1 answer" },
	{ "no JSON", { .text = OK "{" }, AMPLE, -EINVAL, ERR_DECODE, "answer:1:2" },
	{ "wrong type",
	  { .text = OK "{\"vethMTU\":\"1500\"}" },
	  AMPLE,
	  -EINVAL,
	  ERR_CONFIG,
	  "answer: vethMTU: want a whole number" },
	{ "half a route",
	  { .text = OK "{\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":null}]}" },
	  AMPLE,
	  -EINVAL,
	  ERR_CONFIG,
	  "answer: policyRoutes[0].gw" },
};

static void check_row(const struct row *w)
{
	CLEANUP(coordinator_answer_clear) struct coordinator_answer a = { 0 };
	struct peer_proc x;
	int r;

	peer_start(&x, &w->peer);
	err = (struct err){ 0 };
	r = coordinator_agent_fetch(x.socket, "/nonexistent", &args, deadline_in(w->ms), &a, &err);
	if (r != w->r || err.cni != w->code)
		fail_msg("%s: got %d, code %d, \"%s\"", w->name, r, err.cni, err.msg);
	if (r == 0 && (!a.mode || strcmp(a.mode, w->said) != 0))
		fail_msg("%s: got %s", w->name, a.mode);
	if (r < 0 && (!strstr(err.msg, w->said) || !strstr(err.msg, x.socket) || a.mode ||
		      strncmp(err.msg, "spiderpool-agent: ", 18) != 0))
		fail_msg("%s: got \"%s\"", w->name, err.msg);
	peer_stop(&x);
	peer_remove(&x);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_row(&rows[i]);
}

static void test_question(void **state)
{
	static const struct peer peer = { .text = OK "{}" };
	const struct cni_args nobody = { 0 };
	struct coordinator_answer a;
	struct peer_proc x;

	(void)state;
	peer_start(&x, &peer);
	assert_int_equal(
		coordinator_agent_fetch(x.socket, "/nonexistent", &args, deadline_in(AMPLE), &a, &err), 0);
	assert_true(strncmp(peer_asked(&x), "GET /v1/coordinator/config HTTP/1.1\r\n", 37) == 0);
	assert_string_equal(strstr(peer_asked(&x), "\r\n\r\n"),
			    "\r\n\r\n{\"podName\":\"web-0\",\"podNamespace\":\"default\"}");
	assert_int_equal(
		coordinator_agent_fetch(x.socket, "/nonexistent", &nobody, deadline_in(AMPLE), &a, &err), 0);
	assert_string_equal(strstr(peer_asked(&x), "\r\n\r\n"),
			    "\r\n\r\n{\"podName\":\"\",\"podNamespace\":\"\"}");
	peer_stop(&x);
	peer_remove(&x);
}

/* Is there an agent? Its socket, its marker, both, or none. */
static void test_away(void **state)
{
	struct coordinator_answer a;
	struct peer_proc x;
	char marker[96];
	int fd;

	(void)state;
	peer_start(&x, &(struct peer){ 0 });
	peer_stop(&x);
	snprintf(marker, sizeof(marker), "%s/marker", x.dir);
	assert_int_equal(coordinator_agent_fetch(x.socket, marker, &args, deadline_in(AMPLE), &a, &err),
			 -ECONNREFUSED);
	assert_int_equal(err.cni, ERR_TRY_AGAIN);
	assert_non_null(strstr(err.msg, "nobody listens"));
	unlink(x.socket);
	assert_int_equal(coordinator_agent_fetch(x.socket, marker, &args, deadline_in(AMPLE), &a, &err), 1);
	assert_int_equal(coordinator_agent_healthy(x.socket, marker, deadline_in(AMPLE), &err), 1);
	fd = open(marker, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	close(fd);
	assert_int_equal(coordinator_agent_fetch(x.socket, marker, &args, deadline_in(AMPLE), &a, &err),
			 -ENOENT);
	assert_int_equal(err.cni, ERR_TRY_AGAIN);
	assert_non_null(strstr(err.msg, "there is no such socket; this node has an agent ("));
	assert_int_equal(coordinator_agent_healthy(x.socket, marker, deadline_in(AMPLE), &err), -ENOENT);
	unlink(marker);
	peer_remove(&x);
}

static void test_healthy(void **state)
{
	static const struct {
		struct peer peer;
		int r;
	} answers[] = { { { .text = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" }, 0 },
			{ { .text = NO "\"starting\"" }, -EAGAIN },
			{ { .text = "" }, -ECONNRESET } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		struct peer_proc x;

		peer_start(&x, &answers[i].peer);
		assert_int_equal(
			coordinator_agent_healthy(x.socket, "/nonexistent", deadline_in(AMPLE), &err),
			answers[i].r);
		assert_true(strncmp(peer_asked(&x), "GET /v1/ipam/healthy HTTP/1.1\r\n", 31) == 0);
		assert_null(strstr(peer_asked(&x), "Content-Length"));
		peer_stop(&x);
		peer_remove(&x);
	}
}

/* ---- keeping ---- */

static void decode(const char *text, struct coordinator_answer *a)
{
	if (json_decode_text(&coordinator_answer_table, text, strlen(text), "test", a, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
}

static void test_keep(void **state)
{
	static const char all[] =
		"{\"mode\":\"overlay\",\"overlayPodCIDR\":[\"10.244.0.0/16\"],\"serviceCIDR\":[],\"hijackCIDR\":[\"1.1.1.1\"],"
		"\"policyRoutes\":[{\"dst\":\"1.1.1.1\",\"gw\":\"1.1.1.2\"}],\"tunePodRoutes\":false,%s\"hostRuleTable\":7,"
		"\"podRPFilter\":0,\"txQueueLen\":3,\"vethLinkAddress\":\"169.254.1.1\",\"vethMTU\":9000,"
		"\"podMACPrefix\":\"0a:1b\"}";
	static const char nics[] =
		"\"podDefaultRouteNIC\":\"net1\",\"podDefaultRouteNICAnnotation\":\"net2\",";
	CLEANUP(coordinator_answer_clear) struct coordinator_answer a = { 0 }, b = { 0 }, c = { 0 };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(ANSWER_MAX);
	char root[] = "/tmp/spiderpool-keep-XXXXXX", above[64], dir[80], file[128], want[1024], given[1024];
	struct stat st, again;

	(void)state;
	snprintf(want, sizeof(want), all, "");
	snprintf(given, sizeof(given), all, nics);
	decode(given, &a);
	assert_non_null(mkdtemp(root));
	snprintf(above, sizeof(above), "%s/lib", root);
	snprintf(dir, sizeof(dir), "%s/coordinator", above);
	snprintf(file, sizeof(file), "%s/agent-config.json", dir);
	assert_int_equal(coordinator_agent_kept(dir, &b, &err), 1);
	assert_int_equal(coordinator_agent_keep(dir, &a, &err), 0);
	/* All but what belongs to one pod; for root only, as the embedded store wants its directory. */
	assert_int_equal(file_read(AT_FDCWD, file, ANSWER_MAX, &text, &err), 0);
	assert_string_equal(buf_cstr(&text), want);
	assert_int_equal(stat(above, &st) | (int)(st.st_mode & 077), 0);
	assert_int_equal(stat(dir, &st) | (int)(st.st_mode & 077), 0);
	assert_int_equal(stat(file, &st) | (int)(st.st_mode & 077), 0);
	assert_string_equal(a.annotated_route_nic, "net2");
	assert_int_equal(coordinator_agent_kept(dir, &b, &err), 0);
	assert_int_equal(b.host_rule_table.v, 7);
	assert_null(b.pod_default_route_nic);
	/* The same again writes nothing, another one replaces it. */
	assert_int_equal(coordinator_agent_keep(dir, &b, &err), 0);
	assert_int_equal(stat(file, &again), 0);
	assert_int_equal(again.st_ino, st.st_ino);
	decode("{\"mode\":\"disabled\"}", &c);
	assert_int_equal(coordinator_agent_keep(dir, &c, &err), 0);
	coordinator_answer_clear(&b);
	assert_int_equal(coordinator_agent_kept(dir, &b, &err), 0);
	assert_string_equal(b.mode, "disabled");
	coordinator_answer_clear(&b);
	/* Damaged: said, and mended by the next answer. */
	assert_int_equal(file_replace(AT_FDCWD, file, 0600, "{", 1, false, &err), 0);
	assert_true(coordinator_agent_kept(dir, &b, &err) < 0);
	assert_non_null(strstr(err.msg, dir));
	assert_non_null(strstr(err.msg, "agent-config.json:1:"));
	assert_int_equal(coordinator_agent_keep(dir, &c, &err), 0);
	assert_int_equal(coordinator_agent_kept(dir, &b, &err), 0);
	unlink(file);
	rmdir(dir);
	rmdir(above);
	assert_int_equal(rmdir(root), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),    cmocka_unit_test(test_question), cmocka_unit_test(test_away),
		cmocka_unit_test(test_healthy), cmocka_unit_test(test_keep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
