/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_socket.c - the bodies of the agent's socket: what comes in and goes out is what clients know */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/socket.h"

union any {
	struct socket_add add;
	struct socket_answer answer;
	struct socket_del del;
	struct socket_batch_del batch_del;
	struct socket_gc gc;
	struct socket_freed freed;
	struct socket_check check;
	struct socket_status status;
	struct socket_conflict conflict;
	struct socket_error error;
	struct socket_workload workload;
};

#define POD "\"podNamespace\":\"blue\",\"podName\":\"web\",\"podUID\":\"u\""
#define ADD "\"containerID\":\"c\",\"ifName\":\"eth0\",\"netNamespace\":\"/n\"," POD
#define ADD_MORE \
	",\"defaultIPv4IPPool\":[\"a\"],\"defaultIPv6IPPool\":[],\"cleanGateway\":true,\"matchMasterSubnet\":true," \
	"\"networkName\":\"net\",\"ips\":[\"10.0.0.1\"],\"deadlineMs\":9000000000,\"netnsID\":\"4:5\",\"mac\":\"m\"," \
	"\"master\":{\"name\":\"pf\",\"addresses\":[\"10.0.0.2/24\"],\"unknown\":\"why\"}"

/* Decoded and encoded again they are the same text: no member is lost, renamed or changed. */
static const struct {
	const struct json_table *t;
	const char *text;
} whole[] = {
	{ &socket_add_table, "{" ADD "}" },
	{ &socket_add_table, "{" ADD ADD_MORE "}" },
	{ &socket_conflict_table, "{" ADD ADD_MORE ",\"address\":\"10.0.0.1\",\"by\":\"m\",\"undo\":true}" },
	{ &socket_answer_table, "{\"ips\":[]}" },
	{ &socket_answer_table,
	  "{\"ips\":[{\"version\":4,\"address\":\"10.0.0.1/24\",\"nic\":\"eth0\",\"ipPool\":\"v4\",\"gateway\":\"g\","
	  "\"vlan\":7,\"mac\":\"m\",\"enableGatewayDetection\":true,\"enableIPConflictDetection\":true,\"probe\":true,"
	  "\"kept\":true,\"formerMac\":\"f\"}],\"routes\":[{\"ifName\":\"eth0\",\"dst\":\"d\",\"gw\":\"g\"}],"
	  "\"dns\":{\"domain\":\"x\",\"nameservers\":[\"n\"],\"options\":[\"o\"],\"search\":[\"s\"]},\"again\":true}" },
	{ &socket_del_table, "{\"containerID\":\"c\",\"ifName\":\"eth0\"," POD "}" },
	{ &socket_del_table, "{" ADD ",\"networkName\":\"net\",\"bootID\":\"b\"}" },
	{ &socket_batch_del_table,
	  "{\"isReleaseConflictIPs\":true,\"containerID\":\"c\",\"netNamespace\":\"/n\"," POD "}" },
	{ &socket_batch_del_table, "{\"containerID\":\"\"," POD "}" },
	{ &socket_gc_table,
	  "{\"networkName\":\"net\",\"attachments\":[{\"containerID\":\"c\",\"ifName\":\"eth0\"}],\"startedMs\":1790000000000}" },
	{ &socket_gc_table, "{\"networkName\":\"net\",\"attachments\":[],\"startedMs\":0}" },
	{ &socket_freed_table, "{\"freed\":0}" },
	{ &socket_check_table,
	  "{\"networkName\":\"net\",\"containerID\":\"c\",\"ifName\":\"eth0\",\"podNamespace\":\"blue\",\"podName\":\"web\","
	  "\"ips\":[\"10.0.0.1/24\"]}" },
	{ &socket_status_table,
	  "{\"networkName\":\"net\",\"defaultIPv4IPPool\":[\"a\"],\"defaultIPv6IPPool\":[\"b\"]}" },
	{ &socket_error_table, "{\"code\":0,\"message\":\"\"}" },
	{ &socket_error_table, "{\"code\":11,\"message\":\"m\"}" },
	{ &socket_workload_table, "{" POD ",\"node\":\"n\",\"interfaces\":[]}" },
	{ &socket_workload_table,
	  "{" POD
	  ",\"node\":\"n\",\"interfaces\":[{\"interface\":\"eth0\",\"ipv4\":\"a\",\"ipv6\":\"b\",\"mac\":\"m\","
	  "\"vlan\":3,\"ipv4Pool\":\"p\",\"ipv6Pool\":\"q\",\"ipv4Gateway\":\"g\",\"ipv6Gateway\":\"h\","
	  "\"routes\":[{\"ifName\":\"eth0\",\"dst\":\"d\",\"gw\":\"g\"}]}]}" },
};

static void whole_bodies_come_back(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(JSON_TEXT_MAX);
		union any body;
		struct err e = { 0 };
		int r = json_decode_text(whole[i].t, whole[i].text, strlen(whole[i].text), NULL, &body, &e);

		if (r == 0)
			r = json_encode_text(whole[i].t, &body, &b, &e);
		if (r < 0)
			fail_msg("row %zu: %s", i, e.msg);
		if (strcmp(buf_cstr(&b), whole[i].text) != 0)
			fail_msg("row %zu: want %s\ngot %s", i, whole[i].text, buf_cstr(&b));
		json_clear(whole[i].t, &body);
	}
}

/* Each required member taken away in turn: it is named. */
static const struct {
	const struct json_table *t;
	const char *required[8];
} rows[] = {
	{ &socket_add_table,
	  { "containerID", "ifName", "netNamespace", "podNamespace", "podName", "podUID" } },
	{ &socket_conflict_table, { "containerID", "podUID", "address", "by" } },
	{ &socket_del_table, { "containerID", "ifName", "podNamespace", "podName", "podUID" } },
	{ &socket_batch_del_table, { "containerID", "podNamespace", "podName", "podUID" } },
	{ &socket_answer_table, { "ips" } },
	{ &socket_gc_table, { "networkName", "attachments", "startedMs" } },
	{ &socket_check_table, { "networkName", "containerID", "ifName", "ips" } },
	{ &socket_status_table, { "networkName" } },
	{ &socket_error_table, { "code", "message" } },
};

static const char *whole_of(const struct json_table *t)
{
	const char *text = NULL;

	for (size_t i = 0; i < ARRAY_LEN(whole); i++)
		if (whole[i].t == t)
			text = whole[i].text;
	return text;
}

static void what_is_required_is_missed(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *text = whole_of(rows[i].t);

		for (size_t k = 0; rows[i].required[k]; k++) {
			CLEANUP(json_put_p) struct json_object *tree = NULL;
			union any body;
			struct err e = { 0 };

			assert_int_equal(json_parse(text, strlen(text), "row", &tree, &e), 0);
			json_object_object_del(tree, rows[i].required[k]);
			if (json_decode(rows[i].t, tree, NULL, &body, &e) == 0 ||
			    !strstr(e.msg, rows[i].required[k]))
				fail_msg("row %zu: %s: %s", i, rows[i].required[k], e.msg);
		}
	}
}

/* Of a pod that is none, and of nobody's namespace: the keys that others insist on are there all the same. */
static void empty_texts_are_sent(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(JSON_TEXT_MAX);
	struct socket_add add = { 0 };
	struct socket_del del = { 0 };
	struct err e;

	(void)arg;
	assert_int_equal(json_encode_text(&socket_add_table, &add, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "{\"containerID\":\"\",\"ifName\":\"\",\"netNamespace\":\"\","
					  "\"podNamespace\":\"\",\"podName\":\"\",\"podUID\":\"\"}");
	buf_reset(&b);
	assert_int_equal(json_encode_text(&socket_del_table, &del, &b, &e), 0);
	assert_string_equal(buf_cstr(&b), "{\"containerID\":\"\",\"ifName\":\"\",\"podNamespace\":\"\","
					  "\"podName\":\"\",\"podUID\":\"\"}");
}

/* Clients of other versions send more, and write false where we write nothing. */
static void others_are_understood(void **arg)
{
	static const char add[] =
		"{" ADD ",\"cleanGateway\":false,\"defaultIPv4IPPool\":null,\"newer\":{\"x\":1}}";
	static const char answer[] =
		"{\"dns\":{\"nameservers\":null,\"options\":null,\"search\":null},\"ips\":[{\"address\":\"10.6.0.9/16\","
		"\"enableGatewayDetection\":false,\"enableIPConflictDetection\":true,\"gateway\":\"10.6.0.1\","
		"\"ipPool\":\"v4\",\"nic\":\"eth0\",\"version\":4,\"vlan\":0}],\"routes\":null}";
	union any body;
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(json_decode_text(&socket_add_table, add, strlen(add), NULL, &body, &e), 0);
	assert_null(body.add.network);
	assert_false(body.add.default_ipv4.set);
	json_clear(&socket_add_table, &body);
	assert_int_equal(json_decode_text(&socket_answer_table, answer, strlen(answer), NULL, &body, &e), 0);
	assert_int_equal(body.answer.ips.n, 1);
	assert_string_equal(body.answer.ips.v[0].pool, "v4");
	assert_true(body.answer.ips.v[0].detect_conflict && !body.answer.ips.v[0].detect_gateway);
	assert_int_equal(body.answer.routes.n, 0);
	json_clear(&socket_answer_table, &body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_bodies_come_back),
		cmocka_unit_test(what_is_required_is_missed),
		cmocka_unit_test(empty_texts_are_sent),
		cmocka_unit_test(others_are_understood),
	};

	return cmocka_run_group_tests_name("ipam_socket", tests, NULL, NULL);
}
