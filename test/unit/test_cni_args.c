/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_args.c - CNI_ARGS */
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
#include "cni/args.h"

/* All of it in one line, so that a row can say what it wants. */
static const char *show(const struct cni_args *a)
{
	static char out[1024];
	char ip[IP_TEXT_MAX];
	int n = 0;

#define ADD(...) n += snprintf(out + n, sizeof(out) - (size_t)n, __VA_ARGS__)
	out[0] = '\0';
	if (a->pod_namespace || a->pod_name)
		ADD("pod %s/%s ", a->pod_namespace ? a->pod_namespace : "-", a->pod_name ? a->pod_name : "-");
	if (a->pod_uid)
		ADD("uid %s ", a->pod_uid);
	if (a->infra_container_id)
		ADD("infra %s ", a->infra_container_id);
	for (size_t i = 0; i < a->ips.n; i++) {
		if (a->ips.v[i].bare)
			ADD("ip %s ", ip_format(a->ips.v[i].p.ip, ip));
		else
			ADD("ip %s ", ip_prefix_format(a->ips.v[i].p, ip));
	}
	if (*a->mac)
		ADD("mac %s ", a->mac);
	for (size_t i = 0; i < a->other.n; i++)
		ADD("other %s=%s ", a->other.v[i].key, a->other.v[i].value);
#undef ADD
	if (n)
		out[n - 1] = '\0';
	return out;
}

static const struct row {
	const char *text;
	const char *want;    /* NULL: an error */
	const char *error;   /* part of its sentence */
	const char *lenient; /* what DEL makes of it; NULL: as want */
} rows[] = {
	{ "", "", NULL, NULL },
	/* what kubelet and containerd send, and what Multus sends */
	{ "IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_"
	  "UID=u-1",
	  "pod ns/web-0 uid u-1 infra abc", NULL, NULL },
	{ "IgnoreUnknown=true;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID="
	  "u;"
	  "MAC=02:00:0A:00:00:05;IP=10.0.0.5/24,fd00::5",
	  "pod ns/p uid u infra abc ip 10.0.0.5/24 ip fd00::5 mac 02:00:0a:00:00:05", NULL, NULL },
	{ "IP=10.0.0.5", "ip 10.0.0.5", NULL, NULL },
	{ "IP=10.0.0.5/32", "ip 10.0.0.5/32", NULL, NULL },
	{ "IP=a/24,b", NULL, "CNI_ARGS: IP: ", "" },
	{ "IP=10.0.0.5/24,x", NULL, "CNI_ARGS: IP: ", "ip 10.0.0.5/24" },
	{ "IP=10.0.0.1,,10.0.0.2,", "ip 10.0.0.1 ip 10.0.0.2", NULL, NULL },
	{ "IP=", "", NULL, NULL },
	{ "IP=10.0.0.1;IP=10.0.0.2", "ip 10.0.0.2", NULL, NULL },
	{ "IP=10.0.0.0/33", NULL, "IP", "" },
	{ "IP=::ffff:10.0.0.1", NULL, "IP", "" },
	{ "MAC=02-00-0a-00-00-05", "mac 02:00:0a:00:00:05", NULL, NULL },
	{ "MAC=02:00:0a:00:00", NULL, "CNI_ARGS: MAC: \"02:00:0a:00:00\": want six bytes", "" },
	{ "MAC=02:00-0a:00:00:05", NULL, "MAC", "" },
	{ "MAC=02:00:0a:00:00:0g", NULL, "MAC", "" },
	/* later "=" belong to the value */
	{ "IgnoreUnknown=1;LABEL=app=web;B64=YWI=", "other LABEL=app=web other B64=YWI=", NULL, NULL },
	{ "K8S_POD_NAME=a=b", "pod -/a=b", NULL, NULL },
	/* unknown keys */
	{ "FOO=1", NULL, "CNI_ARGS: unknown FOO: remove it or add IgnoreUnknown=1", "other FOO=1" },
	{ "FOO=1;BAR=2;K8S_POD_NAME=p", NULL, "unknown FOO, BAR:", "pod -/p other FOO=1 other BAR=2" },
	{ "FOO=1;IgnoreUnknown=TRUE", "other FOO=1", NULL, NULL },
	{ "FOO=1;IgnoreUnknown=0", NULL, "unknown FOO", "other FOO=1" },
	{ "FOO=1;IgnoreUnknown=1;IgnoreUnknown=false", NULL, "unknown FOO", "other FOO=1" },
	{ "IgnoreUnknown=yes", NULL, "CNI_ARGS: IgnoreUnknown: \"yes\": want 1, true, 0 or false", "" },
	{ "ignoreunknown=1;FOO=1", NULL, "unknown ignoreunknown, FOO", "other ignoreunknown=1 other FOO=1" },
	{ "k8s_pod_name=a;IgnoreUnknown=1", "other k8s_pod_name=a", NULL, NULL },
	{ "IgnoreUnknown=1;FOO=1;FOO=2", "other FOO=2", NULL, NULL },
	/* pairs */
	{ ";;K8S_POD_NAME=a;", "pod -/a", NULL, NULL },
	{ "K8S_POD_NAME=", "", NULL, NULL },
	{ "K8S_POD_NAME=a;K8S_POD_NAME=", "pod -/a", NULL, NULL },
	{ "K8S_POD_NAME=a;K8S_POD_NAME=b", "pod -/b", NULL, NULL },
	{ "K8S_POD_NAME", NULL, "CNI_ARGS: \"K8S_POD_NAME\": want KEY=VALUE", "" },
	{ "K8S_POD_NAME=a;nonsense;K8S_POD_UID=u", NULL, "\"nonsense\": want KEY=VALUE", "pod -/a uid u" },
	{ "=x;K8S_POD_UID=u", NULL, "\"=x\"", "uid u" },
};

static void texts_are_read(void **arg)
{
	struct cni_args a;
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		const char *lenient = row->lenient ? row->lenient : row->want;
		int r = cni_args_parse(row->text, false, &a, &e);

		if (row->want && (r != 0 || strcmp(show(&a), row->want) != 0))
			fail_msg("%s: %s", row->text, r ? e.msg : show(&a));
		if (!row->want && (r >= 0 || e.cni != ERR_ENV || !strstr(e.msg, row->error) || *show(&a)))
			fail_msg("%s: %d, code %d, %s", row->text, r, e.cni, r < 0 ? e.msg : show(&a));
		cni_args_clear(&a);
		if (cni_args_parse(row->text, true, &a, &e) != 0 || strcmp(show(&a), lenient) != 0)
			fail_msg("lenient %s: %s", row->text, show(&a));
		cni_args_clear(&a);
	}
}

/* n times text. */
static char *repeat(const char *text, size_t n)
{
	struct buf b = BUF_INIT(1 << 20);

	for (size_t i = 0; i < n; i++)
		buf_str(&b, text);
	return b.s;
}

static void sizes_are_bounded(void **arg)
{
	static const struct {
		const char *text;
		size_t n;
		int want;
	} sizes[] = {
		{ "MAC=;", CNI_ARGS_PAIRS, 0 },
		{ "MAC=;", CNI_ARGS_PAIRS + 1, -E2BIG },
		{ ";", CNI_ARGS_MAX, 0 },
		{ ";", CNI_ARGS_MAX + 1, -E2BIG },
	};
	struct cni_ips ips = { 0 };
	struct cni_args a;
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(free_p) char *text = repeat(sizes[i].text, sizes[i].n);

		if (cni_args_parse(text, false, &a, &e) != sizes[i].want)
			fail_msg("%zu times %s", sizes[i].n, sizes[i].text);
		assert_int_equal(cni_args_parse(text, true, &a, &e), 0);
	}
	for (size_t i = 0; i < CNI_IPS_MAX; i++)
		assert_int_equal(cni_ips_add(&ips, "10.0.0.1", &e), 0);
	assert_int_equal(cni_ips_add(&ips, "10.0.0.1", &e), -E2BIG);
	assert_int_equal(e.cni, ERR_CONFIG);
	cni_ips_clear(&ips);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(sizes_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
