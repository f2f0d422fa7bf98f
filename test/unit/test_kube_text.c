/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_text.c - what the API server says, as text: errors, paths, lines, events, views */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kube/event.h"
#include "kube/retry.h"
#include "kube/views.h"

static void test_status(void **state)
{
	static const struct {
		int http, r, cni;
		const char *body, *said;
	} rows[] = {
		{ 404, -ENOENT, ERR_IO,
		  "{\"kind\":\"Status\",\"reason\":\"NotFound\",\"message\":\"pods \\\"x\\\"\"}",
		  "pods \"x\" (NotFound, HTTP 404)" },
		{ 404, -ENXIO, ERR_TRY_AGAIN, "404 page not found\n", "404 page not found (HTTP 404)" },
		{ 404, -ENXIO, ERR_TRY_AGAIN, "", "refused without a reason (HTTP 404)" },
		{ 409, -EEXIST, ERR_IO, "{\"kind\":\"Status\",\"reason\":\"AlreadyExists\"}",
		  "refused without a reason (AlreadyExists, HTTP 409)" },
		{ 409, -ESTALE, ERR_TRY_AGAIN,
		  "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"m\"}",
		  "m (Conflict, HTTP 409)" },
		{ 409, -ESTALE, ERR_TRY_AGAIN,
		  "{\"kind\":\"Status\",\"reason\":\"Conflict\",\"message\":\"a\\u0000b\"}",
		  "b (Conflict, HTTP 409)" },
		{ 410, -EIDRM, ERR_TRY_AGAIN, "{\"kind\":\"Status\",\"reason\":\"Expired\"}",
		  "(Expired, HTTP 410)" },
		{ 422, -EINVAL, ERR_IO, "{\"kind\":\"Status\",\"code\":200}", "(HTTP 422)" },
		{ 401, -EPERM, ERR_IO, "", "refused without a reason (HTTP 401)" },
		{ 403, -EACCES, ERR_IO, "no", "no (HTTP 403)" },
		{ 413, -EFBIG, ERR_IO, "{}", "{} (HTTP 413)" },
		{ 429, -EAGAIN, ERR_TRY_AGAIN, "a\nb\t\xff  c", "a b c (HTTP 429)" },
		{ 502, -EAGAIN, ERR_TRY_AGAIN, "<html>", "<html> (HTTP 502)" },
		{ 418, -EIO, ERR_IO, "", "(HTTP 418)" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_status s;
		struct err e = { 0 };

		kube_status_read(rows[i].body, strlen(rows[i].body), &s);
		s.code = rows[i].http;
		if (kube_status_err(&s, &e) != rows[i].r || e.cni != rows[i].cni ||
		    !strstr(e.msg, rows[i].said))
			fail_msg("row %zu: %d %d: %s", i, -e.sys, e.cni, e.msg);
	}
}

static void test_retry_after(void **state)
{
	static const char text[] = "{\"kind\":\"Status\",\"details\":{\"retryAfterSeconds\":3}}";
	struct kube_status s;

	(void)state;
	kube_status_read(text, strlen(text), &s);
	assert_int_equal(s.retry_after_ms, 3000);
}

static void test_paths(void **state)
{
	static const struct {
		enum kube_resource_id res;
		const char *ns, *name, *sub, *path;
	} rows[] = {
		{ KUBE_PODS, "default", "a", "status", "/api/v1/namespaces/default/pods/a/status" },
		{ KUBE_PODS, NULL, NULL, NULL, "/api/v1/pods" },
		{ KUBE_PODS, "", NULL, NULL, "/api/v1/pods" },
		{ KUBE_NODES, "ignored", "n", NULL, "/api/v1/nodes/n" },
		{ KUBE_SPIDERIPPOOLS, NULL, "p", NULL,
		  "/apis/spiderpool.spidernet.io/v2beta1/spiderippools/p" },
		{ KUBE_LEASES, "a b", "\xc3\xa4", NULL,
		  "/apis/coordination.k8s.io/v1/namespaces/a%20b/leases/%C3%A4" },
		{ KUBE_PODS, "default", "..", NULL, NULL },
		{ KUBE_PODS, "default", "a/b", NULL, NULL },
		{ KUBE_PODS, "default", "", NULL, NULL },
		{ KUBE_PODS, "a%2f", "b", NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);
		struct err e = { 0 };
		int r = kube_resource_path(&kube_resources[rows[i].res], rows[i].ns, rows[i].name,
					   rows[i].sub, &b, &e);

		if (rows[i].path ? r < 0 || strcmp(buf_cstr(&b), rows[i].path) != 0 : r != -EINVAL)
			fail_msg("row %zu: %d: %s %s", i, r, buf_cstr(&b), e.msg);
	}
}

static void test_query(void **state)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);

	(void)state;
	buf_str(&b, "/x");
	kube_query(&b, "a", NULL);
	kube_query(&b, "b", "x in (1,2)");
	kube_query(&b, "c", "");
	assert_string_equal(buf_cstr(&b), "/x?b=x%20in%20%281%2C2%29&c=");
}

static void test_find(void **state)
{
	(void)state;
	assert_ptr_equal(kube_resource_find("apps/v1beta1", "ReplicaSet"), &kube_resources[KUBE_REPLICASETS]);
	assert_ptr_equal(kube_resource_find("v1", "Pod"), &kube_resources[KUBE_PODS]);
	assert_null(kube_resource_find("apps/v1", "Pod"));
	assert_null(kube_resource_find("apps.kruise.io/v1", "StatefulSet"));
}

/* Whatever the pieces, the lines are the same. */
static void test_lines(void **state)
{
	static const char text[] = "one\n\n\r\ntwo\r\nthree is longer\n\nfour\nrest";

	(void)state;
	for (size_t step = 1; step < sizeof(text); step++) {
		struct kube_lines l = KUBE_LINES_INIT;
		char got[128] = "";
		const char *line;
		size_t len;

		for (size_t i = 0; i < sizeof(text) - 1; i += step) {
			size_t n = sizeof(text) - 1 - i;

			buf_add(&l.in, text + i, n < step ? n : step);
			while (kube_lines_next(&l, &line, &len)) {
				strncat(got, line, len);
				strcat(got, "|");
			}
		}
		assert_string_equal(got, "one|two|three is longer|four|");
		kube_lines_clear(&l);
	}
}

static void test_events(void **state)
{
	static const struct {
		const char *line;
		int r; /* change, or -EBADMSG */
		const char *version;
	} rows[] = {
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\"}}}",
		  KUBE_ADDED, "7" },
		{ "{\"type\":\"BOOKMARK\",\"object\":{\"metadata\":{\"resourceVersion\":\"8\"}}}",
		  KUBE_BOOKMARK, "8" },
		{ "{\"type\":\"ERROR\",\"object\":{\"kind\":\"Status\",\"code\":410}}", KUBE_ERROR, "" },
		/* What a user may write into an annotation, as the API server prints it. */
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":\"7\","
		  "\"annotations\":{\"x\":\"a\\u0000b\\ud800\"}}}}",
		  KUBE_ADDED, "7" },
		{ "{\"type\":\"ERROR\",\"object\":{}}", -EBADMSG, "" },
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\"}}}", -EBADMSG, "" },
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"resourceVersion\":\"7\"}}}", -EBADMSG,
		  "" },
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":7}}}",
		  -EBADMSG, "" },
		{ "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"name\":\"a\",\"resourceVersion\":"
		  "\"12345678901234567890123456789012\"}}}",
		  -EBADMSG, "" },
		{ "{\"type\":\"OTHER\",\"object\":{}}", -EBADMSG, "" },
		{ "{\"object\":{}}", -EBADMSG, "" },
		{ "[]", -EBADMSG, "" },
		{ "null", -EBADMSG, "" },
		{ "{", -EBADMSG, "" },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(rows); i++) {
		const struct json_table *keep = i % 2 ? &kube_pod_table : NULL;
		const char *line = rows[i / 2].line, *version = rows[i / 2].version;
		int want = rows[i / 2].r;
		struct kube_line l;
		struct err e = { 0 };
		int r = kube_line_decode(line, strlen(line), keep, &l, &e);

		if (r < 0 ? r != want || l.object || !e.msg[0] || e.cni != ERR_DECODE
			  : (int)l.change != want || strcmp(l.version, version) != 0)
			fail_msg("row %zu: %d: %s", i / 2, r, e.msg);
		kube_line_clear(&l);
	}
}

static void test_alive(void **state)
{
	static const struct {
		const char *pod;
		bool alive;
	} rows[] = {
		{ "{}", true },
		{ "{\"status\":{\"phase\":\"Running\"}}", true },
		{ "{\"metadata\":{\"deletionTimestamp\":\"2026-11-22T21:00:00Z\"}}", false },
		{ "{\"status\":{\"phase\":\"Succeeded\"},\"spec\":{\"restartPolicy\":\"Always\"}}", true },
		{ "{\"status\":{\"phase\":\"Succeeded\"},\"spec\":{\"restartPolicy\":\"OnFailure\"}}",
		  false },
		{ "{\"status\":{\"phase\":\"Failed\"},\"spec\":{\"restartPolicy\":\"OnFailure\"}}", false },
		{ "{\"status\":{\"phase\":\"Failed\"},\"spec\":{\"restartPolicy\":\"Never\"}}", false },
		{ "{\"status\":{\"phase\":\"Failed\"},\"spec\":{\"restartPolicy\":\"Always\"}}", false },
		{ "{\"status\":{\"phase\":\"Failed\",\"reason\":\"Evicted\"},\"spec\":{\"restartPolicy\":\"Always\"}}",
		  false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_pod p;
		struct err e;

		assert_int_equal(
			json_decode_text(&kube_pod_table, rows[i].pod, strlen(rows[i].pod), NULL, &p, &e), 0);
		if (kube_pod_alive(&p) != rows[i].alive)
			fail_msg("%s", rows[i].pod);
		json_clear(&kube_pod_table, &p);
	}
	assert_false(kube_pod_alive(NULL));
}

static void test_views(void **state)
{
	static const char text[] =
		"{\"metadata\":{\"name\":\"web-0\",\"namespace\":\"n\",\"uid\":\"u\",\"deletionGracePeriodSeconds\":30,"
		"\"annotations\":{\"kubernetes.io/config.hash\":\"h\"},\"ownerReferences\":[{\"kind\":\"X\",\"name\":"
		"\"a\",\"apiVersion\":\"v1\",\"uid\":\"1\"},{\"kind\":\"StatefulSet\",\"name\":\"web\",\"apiVersion\":"
		"\"apps/v1\",\"uid\":\"2\",\"controller\":true}]},\"spec\":{\"nodeName\":\"n1\",\"hostNetwork\":true}}";
	static const char set[] = "{\"spec\":{\"replicas\":0,\"ordinals\":{\"start\":5}}}";
	struct kube_stateful_set s;
	struct kube_pod p;
	struct err e;

	(void)state;
	assert_int_equal(json_decode_text(&kube_pod_table, text, strlen(text), NULL, &p, &e), 0);
	assert_string_equal(kube_controller(&p.meta)->name, "web");
	assert_string_equal(kube_pod_config_hash(&p), "h");
	assert_string_equal(p.spec.node, "n1");
	assert_true(p.spec.host_network && p.meta.grace_s.set && p.meta.grace_s.v == 30);
	json_clear(&kube_pod_table, &p);
	assert_null(kube_controller(&p.meta));
	assert_int_equal(json_decode_text(&kube_stateful_set_table, set, strlen(set), NULL, &s, &e), 0);
	assert_true(s.spec.replicas.set && !s.spec.replicas.v && s.spec.ordinals.start.v == 5);
	json_clear(&kube_stateful_set_table, &s);
}

static void test_backoff(void **state)
{
	(void)state;
	for (int i = 0; i < 1000; i++) {
		assert_in_range(kube_backoff(0, 20, 2000), 10, 20);
		assert_in_range(kube_backoff(3, 20, 2000), 80, 160);
		assert_in_range(kube_backoff(1000000, 20, 2000), 1000, 2000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status), cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_paths),  cmocka_unit_test(test_query),
		cmocka_unit_test(test_find),   cmocka_unit_test(test_lines),
		cmocka_unit_test(test_events), cmocka_unit_test(test_alive),
		cmocka_unit_test(test_views),  cmocka_unit_test(test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
