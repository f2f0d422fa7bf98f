/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_conf.c - the common part of a request, what is asked for, error documents */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/conf.h"
#include "cni/error.h"

static int parse(const char *text, struct cni_conf *c, enum cni_version *v, struct err *e)
{
	return cni_conf_parse(text, strlen(text), c, v, e);
}

static void everything_arrives(void **arg)
{
	static const char text[] =
		"{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"veth\",\"capabilities\":{\"ips\":true}"
		","
		"\"prevResult\":{\"ips\":[{\"address\":\"10.0.0.1/8\"}]},\"runtimeConfig\":{\"mac\":\"x\"},"
		"\"args\":{\"cni\":{\"labels\":[]},\"other\":1},\"ipam\":{\"type\":\"spiderpool\"},"
		"\"dns\":{\"domain\":\"d\"},\"own\":5}";
	enum cni_version v;
	struct cni_result r;
	struct cni_conf c;
	struct err e;
	int64_t own;

	(void)arg;
	assert_int_equal(parse(text, &c, &v, &e), 0);
	assert_int_equal(v, CNI_V100);
	assert_int_equal(c.version, CNI_V100);
	assert_string_equal(c.name, "net");
	assert_string_equal(c.type, "veth");
	assert_string_equal(c.dns.domain, "d");
	assert_string_equal(json_get_str(c.ipam, "type"), "spiderpool");
	assert_string_equal(json_get_str(c.runtime_config, "mac"), "x");
	assert_non_null(json_get(cni_conf_args_cni(&c), "labels"));
	assert_true(json_get_int(c.tree, "own", &own) && own == 5);
	assert_false(c.valid.set);
	assert_int_equal(cni_conf_prev_result(&c, &r, &e), 0);
	assert_int_equal(r.version, CNI_V100); /* it has none of its own */
	assert_int_equal(r.ips.n, 1);
	cni_result_clear(&r);
	cni_conf_clear(&c);
	assert_int_equal(parse("{\"name\":\"n\"}", &c, NULL, &e), 0);
	assert_int_equal(c.version, CNI_V010);
	assert_null(c.type);
	assert_int_equal(cni_conf_prev_result(&c, &r, &e), 1);
	assert_null(cni_conf_args_cni(&c));
	cni_conf_clear(&c);
}

static const struct bad_row {
	const char *text;
	int code;
	const char *error;
	enum cni_version version; /* for the error document */
} bad_rows[] = {
	{ "", ERR_DECODE, "network configuration:1:", CNI_V110 },
	{ "{", ERR_DECODE, "network configuration:1:", CNI_V110 },
	{ "[]", ERR_DECODE, "want a JSON object", CNI_V110 },
	{ "null", ERR_DECODE, "want a JSON object", CNI_V110 },
	{ "{\"name\":\"n\"} x", ERR_DECODE, "network configuration:1:", CNI_V110 },
	{ "{'name':'n'}", ERR_DECODE, "network configuration:1:", CNI_V110 },
	{ "{\"cniVersion\":1,\"name\":\"n\"}", ERR_DECODE, "cniVersion: want a string", CNI_V110 },
	{ "{\"cniVersion\":\"2.0.0\",\"name\":\"n\"}", ERR_VERSION, "incompatible CNI versions", CNI_V110 },
	{ "{\"cniVersion\":\"0.3.2\",\"name\":\"n\"}", ERR_VERSION, "\"0.3.2\"", CNI_V110 },
	{ "{\"cniVersion\":\"2.0.0\"}", ERR_VERSION, "incompatible CNI versions", CNI_V110 },
	{ "{\"cniVersion\":\"0.4.0\"}", ERR_CONFIG, "name is missing", CNI_V040 },
	{ "{\"name\":\"\"}", ERR_CONFIG, "name is missing", CNI_V010 },
	{ "{\"name\":\"a b\"}", ERR_CONFIG, "name \"a b\": want", CNI_V010 },
	{ "{\"name\":\"../x\"}", ERR_CONFIG, "name \"../x\": want", CNI_V010 },
	{ "{\"name\":1}", ERR_DECODE, "network configuration: name: want a string", CNI_V010 },
	{ "{\"name\":\"n\",\"type\":{}}", ERR_DECODE, "network configuration: type: want a string",
	  CNI_V010 },
	{ "{\"name\":\"n\",\"prevResult\":1}", ERR_CONFIG, "prevResult: want an object", CNI_V010 },
	{ "{\"name\":\"n\",\"runtimeConfig\":[]}", ERR_CONFIG, "runtimeConfig: want an object", CNI_V010 },
	{ "{\"name\":\"n\",\"args\":\"x\"}", ERR_CONFIG, "args: want an object", CNI_V010 },
	{ "{\"name\":\"n\",\"ipam\":\"x\"}", ERR_CONFIG, "ipam: want an object", CNI_V010 },
	{ "{\"name\":\"n\",\"dns\":{\"search\":\"x\"}}", ERR_DECODE, "dns.search", CNI_V010 },
	{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":{}}", ERR_DECODE, "cni.dev/valid-attachments",
	  CNI_V010 },
	{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":[{\"containerID\":\"a\"}]}", ERR_DECODE, "ifname",
	  CNI_V010 },
};

static void bad_requests_have_their_code(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(bad_rows); i++) {
		enum cni_version v = CNI_VERSION_MAX;
		struct cni_conf c;
		struct err e;

		if (parse(bad_rows[i].text, &c, &v, &e) >= 0 || e.cni != bad_rows[i].code ||
		    !strstr(e.msg, bad_rows[i].error) || v != bad_rows[i].version || c.tree || c.name)
			fail_msg("%s: code %d, version %d, %s", bad_rows[i].text, e.cni, v, e.msg);
	}
}

static void size_is_bounded(void **arg)
{
	size_t len = CNI_CONF_TEXT_MAX + 1;
	CLEANUP(free_p) char *text = malloc(len + 1);
	struct cni_conf c;
	struct err e;

	(void)arg;
	memset(text, ' ', len);
	memcpy(text, "{\"name\":\"n\"}", 12);
	assert_int_equal(cni_conf_parse(text, len, &c, NULL, &e), -EFBIG);
	assert_int_equal(e.cni, ERR_DECODE);
	assert_int_equal(cni_conf_parse(text, len - 1, &c, NULL, &e), 0);
	cni_conf_clear(&c);
}

static void both_spellings_of_the_gc_list_count(void **arg)
{
#define ONE "[{\"containerID\":\"a\",\"ifname\":\"eth0\"}]"
#define TWO \
	"[{\"containerID\":\"b\",\"ifname\":\"eth0\",\"x\":1},{\"containerID\":\"a\",\"ifname\":\"net1\"}]"
	static const struct {
		const char *text;
		bool set, a0, b0, a1;
	} rows[] = {
		{ "{\"name\":\"n\"}", false, false, false, false },
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":[]}", true, false, false, false },
		/* how Go writes an empty list */
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":null}", true, false, false, false },
		{ "{\"name\":\"n\",\"cni.dev/attachments\":null}", true, false, false, false },
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":" ONE "}", true, true, false, false },
		{ "{\"name\":\"n\",\"cni.dev/attachments\":" TWO "}", true, false, true, true },
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":" ONE ",\"cni.dev/attachments\":" TWO "}",
		  true, true, true, true },
		{ "{\"name\":\"n\",\"cni.dev/valid-attachments\":" TWO ",\"cni.dev/attachments\":" TWO "}",
		  true, false, true, true },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cni_conf c;
		struct err e;

		if (parse(rows[i].text, &c, NULL, &e) != 0)
			fail_msg("%s: %s", rows[i].text, e.msg);
		if (c.valid.set != rows[i].set || cni_conf_valid_has(&c, "a", "eth0") != rows[i].a0 ||
		    cni_conf_valid_has(&c, "b", "eth0") != rows[i].b0 ||
		    cni_conf_valid_has(&c, "a", "net1") != rows[i].a1)
			fail_msg("%s", rows[i].text);
		assert_false(cni_conf_valid_has(&c, "b", "net1"));
		cni_conf_clear(&c);
	}
}

/* ---- what is asked for ---- */

#define RC(x)  "\"runtimeConfig\":{" x "}"
#define AC(x)  "\"args\":{\"cni\":{" x "}}"
#define IPS(x) "\"ips\":[" x "]"
#define MAC(x) "\"mac\":\"" x "\""
#define R_IP   IPS("\"10.0.0.1/24\",\"fd00::1\"")
#define A_IP   IPS("\"10.0.0.2\"")
#define E_IP   "IP=10.0.0.3/24,10.0.0.4"
#define R_MAC  MAC("02:00:00:00:00:01")
#define A_MAC  MAC("02:00:00:00:00:02")
#define E_MAC  "MAC=02:00:00:00:00:03"
#define C(x)   "{\"name\":\"n\"," x "}"

static const struct ask_row {
	const char *conf, *args;
	const char *want; /* NULL: an error */
	int code;
	const char *error;
} ask_rows[] = {
	{ C("\"x\":1"), "", "", 0, NULL },
	{ C(RC(R_IP "," R_MAC) "," AC(A_IP "," A_MAC)), E_IP ";" E_MAC,
	  "10.0.0.1/24 fd00::1/128(bare) 02:00:00:00:00:01", 0, NULL },
	{ C(AC(A_IP "," A_MAC)), E_IP ";" E_MAC, "10.0.0.2/32(bare) 02:00:00:00:00:02", 0, NULL },
	{ C("\"x\":1"), E_IP ";" E_MAC, "10.0.0.3/24 10.0.0.4/32(bare) 02:00:00:00:00:03", 0, NULL },
	/* each thing by itself, and an empty list asks for nothing */
	{ C(RC(R_MAC) "," AC(A_IP)), E_IP ";" E_MAC, "10.0.0.2/32(bare) 02:00:00:00:00:01", 0, NULL },
	{ C(RC(IPS("") "," MAC(""))), E_IP ";" E_MAC, "10.0.0.3/24 10.0.0.4/32(bare) 02:00:00:00:00:03", 0,
	  NULL },
	{ C(RC("\"ips\":null")), E_IP, "10.0.0.3/24 10.0.0.4/32(bare)", 0, NULL },
	{ C(RC(MAC("02-00-00-00-00-0A"))), "", "02:00:00:00:00:0a", 0, NULL },
	/* devices: capability first, then what Multus writes into the configuration */
	{ C(RC("\"deviceID\":\"a\"") ",\"deviceID\":\"b\",\"pciBusID\":\"c\""), "", "dev a", 0, NULL },
	{ C("\"deviceID\":\"b\",\"pciBusID\":\"c\""), "", "dev b", 0, NULL },
	{ C("\"pciBusID\":\"c\""), "", "dev c", 0, NULL },
	{ C("\"deviceID\":\"\",\"pciBusID\":\"c\""), "", "dev c", 0, NULL },
	/* refused */
	{ C(RC(IPS("\"10.0.0.1\",\"x\""))), "", NULL, ERR_CONFIG, "runtimeConfig: ips: " },
	{ C(AC(IPS("\"10.0.0.1/40\""))), "", NULL, ERR_CONFIG, "args.cni: ips: " },
	{ C(RC("\"ips\":\"10.0.0.1\"")), "", NULL, ERR_CONFIG, "runtimeConfig: ips: want" },
	{ C(RC(MAC("x"))), "", NULL, ERR_CONFIG, "runtimeConfig: mac \"x\": want six bytes" },
	{ C(RC("\"deviceID\":1")), "", NULL, ERR_CONFIG, "runtimeConfig: deviceID: want a string" },
};

static const char *show(const struct cni_request *q)
{
	static char out[512];
	char ip[IP_TEXT_MAX];
	int n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < q->ips.n; i++)
		n += snprintf(out + n, sizeof(out) - (size_t)n, "%s%s%s", n ? " " : "",
			      ip_prefix_format(q->ips.v[i].p, ip), q->ips.v[i].bare ? "(bare)" : "");
	if (*q->mac)
		n += snprintf(out + n, sizeof(out) - (size_t)n, "%s%s", n ? " " : "", q->mac);
	if (q->device_id)
		snprintf(out + n, sizeof(out) - (size_t)n, "%sdev %s", n ? " " : "", q->device_id);
	return out;
}

static void the_best_place_counts(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(ask_rows); i++) {
		const struct ask_row *row = &ask_rows[i];
		struct cni_request q;
		struct cni_conf c;
		struct cni_args a;
		struct err e;
		int r;

		assert_int_equal(parse(row->conf, &c, NULL, &e), 0);
		assert_int_equal(cni_args_parse(row->args, false, &a, &e), 0);
		r = cni_request_read(&c, &a, &q, &e);
		if (row->want && (r != 0 || strcmp(show(&q), row->want) != 0))
			fail_msg("%s %s: %s", row->conf, row->args, r ? e.msg : show(&q));
		if (!row->want && (r >= 0 || e.cni != row->code || !strstr(e.msg, row->error)))
			fail_msg("%s: %d, code %d, %s", row->conf, r, e.cni, r < 0 ? e.msg : "");
		cni_request_clear(&q);
		cni_args_clear(&a);
		cni_conf_clear(&c);
	}
}

/* ---- error documents ---- */

static void error_documents_are_printed(void **arg)
{
	CLEANUP(buf_clear) struct buf out = BUF_INIT(65536);
	struct err e;

	(void)arg;
	err_code(&e, ERR_TRY_AGAIN, EAGAIN, "agent \"x\" is away\n");
	cni_error_print(&e, CNI_V040, NULL, &out);
	assert_string_equal(buf_cstr(&out),
			    "{\"cniVersion\":\"0.4.0\",\"code\":11,\"msg\":\"agent \\\"x\\\" is away\\n\"}");
	buf_reset(&out);
	err_code(&e, 0, 0, "bytes \377");
	cni_error_print(&e, CNI_V110, "d", &out);
	assert_string_equal(
		buf_cstr(&out),
		"{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"bytes \357\277\275\",\"details\":\"d\"}");
}

static void failed_plugins_are_understood(void **arg)
{
	static const struct {
		const char *out, *err;
		int code;
		const char *msg;
	} rows[] = {
		{ "{\"cniVersion\":\"1.0.0\",\"code\":7,\"msg\":\"m\",\"details\":\"d\"}\n", "noise", 7,
		  "m; d" },
		{ "{\"code\":11,\"msg\":\"m\"}", "", 11, "m" },
		{ "{\"code\":11,\"msg\":\"m\",\"details\":\"\"}", "", 11, "m" },
		{ "{\"code\":0,\"msg\":\"m\"}", "", 999, "m" },
		{ "{\"msg\":\"m\"}", "", 999, "m" },
		{ "{\"code\":9999999999,\"msg\":\"m\"}", "", 999, "m" },
		{ "{\"code\":100}", "", 100, "failed without an error message: exit status 1" },
		{ "", "", 999, "failed without an error message: exit status 1" },
		{ "", " \n", 999, "failed without an error message: exit status 1" },
		{ "", "panic: x\n\n", 999, "failed with exit status 1: panic: x" },
		{ "log line\n", "", 999,
		  "failed with exit status 1, and what it printed is no error document: log line" },
		{ "{\"code\":\"7\",\"msg\":\"m\"}", "", 999,
		  "failed with exit status 1, and what it printed is no error document: "
		  "{\"code\":\"7\",\"msg\":\"m\"}" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e;

		if (cni_error_read(rows[i].out, strlen(rows[i].out), rows[i].err, "exit status 1", &e) >= 0 ||
		    e.cni != rows[i].code || strcmp(e.msg, rows[i].msg) != 0)
			fail_msg("%s %s: %d: %s", rows[i].out, rows[i].err, e.cni, e.msg);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_arrives),
		cmocka_unit_test(bad_requests_have_their_code),
		cmocka_unit_test(size_is_bounded),
		cmocka_unit_test(both_spellings_of_the_gc_list_count),
		cmocka_unit_test(the_best_place_counts),
		cmocka_unit_test(error_documents_are_printed),
		cmocka_unit_test(failed_plugins_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
