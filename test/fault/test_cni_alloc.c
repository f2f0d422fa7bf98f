/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_alloc.c - each allocation of pkg/cni fails once */
#include "inject.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/cache.h"
#include "cni/conf.h"
#include "cni/error.h"
#include "cni/network.h"
#include "cni/plugin.h"

#include "../unit/cnilab.h"

#define RESULT \
	"{\"cniVersion\":\"1.1.0\",\"x\":1,\"interfaces\":[{\"name\":\"a\",\"ix\":1}],\"ips\":[{" \
	"\"address\":" \
	"\"10.0.0.1/" \
	"24\",\"gateway\":\"10.0.0.2\",\"interface\":0,\"px\":1}],\"routes\":[{\"dst\":\"10.0.0.0/" \
	"8\",\"rx\":1," \
	"\"table\":0}],\"dns\":{\"domain\":\"d\",\"dx\":1}}"
#define OLD_RESULT \
	"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.1/" \
	"24\",\"fx\":1,\"routes\":[{\"dst\":\"10.0.0.0/8\"}]}}"

static const char request[] =
	"{\"cniVersion\":\"1.1.0\",\"name\":\"n\",\"type\":\"t\",\"prevResult\":" RESULT
	",\"runtimeConfig\":{\"ips\":"
	"[\"10.0.0.1\"],\"mac\":\"02:00:00:00:00:01\",\"deviceID\":\"d\"},\"args\":{\"cni\":{\"ips\":[]}},"
	"\"cni.dev/valid-attachments\":[{\"containerID\":\"a\",\"ifname\":\"b\"}]}";
static const char args[] =
	"IgnoreUnknown=1;K8S_POD_NAME=p;K8S_POD_NAMESPACE=n;K8S_POD_UID=u;A=b;IP=10.0.0.1,10.0.0.2";
static const char list[] = "{\"name\":\"n\",\"cniVersions\":[\"1.0.0\"],\"plugins\":[{\"type\":\"a\","
			   "\"capabilities\":{\"ips\":true}},"
			   "{\"type\":\"b\"}]}";

static int op_args(struct err *e)
{
	struct cni_args a;
	int r = cni_args_parse(args, false, &a, e);

	cni_args_clear(&a);
	return r;
}

static int op_conf(struct err *e)
{
	struct cni_conf c;
	int r = cni_conf_parse(request, strlen(request), &c, NULL, e);

	cni_conf_clear(&c);
	return r;
}

static int op_request(struct err *e)
{
	struct cni_request q = { 0 };
	struct cni_args a = { 0 };
	struct cni_conf c;
	int r = cni_conf_parse("{\"name\":\"n\",\"pciBusID\":\"x\"}", 27, &c, NULL, e);

	if (r == 0)
		r = cni_args_parse(args, false, &a, e);
	if (r == 0)
		r = cni_request_read(&c, &a, &q, e);
	cni_request_clear(&q);
	cni_args_clear(&a);
	cni_conf_clear(&c);
	return r;
}

static int convert(const char *text, enum cni_version v, struct err *e)
{
	struct buf out = BUF_INIT(65536);
	struct cni_result result;
	int r = cni_result_parse(text, strlen(text), CNI_V010, "result", &result, e);

	if (r == 0)
		r = cni_result_print(&result, v, &out, e);
	cni_result_clear(&result);
	buf_clear(&out);
	return r;
}

static int op_result(struct err *e)
{
	return convert(RESULT, CNI_V110, e);
}

static int op_result_down(struct err *e)
{
	return convert(RESULT, CNI_V020, e);
}

static int op_result_up(struct err *e)
{
	return convert(OLD_RESULT, CNI_V040, e);
}

static int op_env(struct err *e)
{
	static const char *const set[] = { "A=1", NULL };
	char **out = NULL;
	int r = cni_env_with((char *const *)set, set, &out, e);

	free(out);
	return r;
}

static int op_env_sentence(struct err *e)
{
	static const char *const vars[] = { "CNI_COMMAND=ADD", NULL };
	struct cni_env env;
	int r = cni_env_read((char *const *)vars, &env, e);

	return r == -EINVAL ? 0 : r;
}

static int op_network(struct err *e)
{
	struct cni_network n;
	int r = cni_network_parse(list, strlen(list), "list", &n, e);

	cni_network_clear(&n);
	return r;
}

static int op_network_single(struct err *e)
{
	static const char single[] = "{\"name\":\"n\",\"type\":\"a\",\"cniVersion\":\"1.0.0\"}";
	struct cni_network n;
	int r = cni_network_parse(single, strlen(single), "single", &n, e);

	cni_network_clear(&n);
	return r;
}

static int op_cache(struct err *e)
{
	const struct cni_cached c = { .network = (char *)"n",
				      .container_id = (char *)"c",
				      .ifname = (char *)"i",
				      .config = { .s = (char *)"abc", .len = 3 } };
	struct cni_cached back;
	int r = cni_cache_write(lab_dir, &c, e);

	if (r == 0)
		r = cni_cache_read(lab_dir, "n", "c", "i", &back, e);
	else
		back = (struct cni_cached){ 0 };
	cni_cached_clear(&back);
	return r;
}

static const struct {
	const char *name;
	int (*run)(struct err *e);
	long least; /* allocations, so that a row which reaches nothing is noticed */
} ops[] = {
	{ "args", op_args, 8 },
	{ "conf", op_conf, 60 },
	{ "request", op_request, 15 },
	{ "result", op_result, 100 },
	{ "result down", op_result_down, 90 },
	{ "result up", op_result_up, 50 },
	{ "environment", op_env, 1 },
	{ "environment's sentence", op_env_sentence, 1 },
	{ "network", op_network, 30 },
	{ "network of one plugin", op_network_single, 20 },
	{ "cache", op_cache, 30 },
};

static void every_allocation_may_fail(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		long n, live = inject_live();
		struct err e;
		int r;

		for (n = 1;; n++) {
			inject_arm(n, 1);
			r = ops[i].run(&e);
			if (!inject_disarm())
				break;
			if (r != -ENOMEM)
				fail_msg("%s: allocation %ld: %d, %s", ops[i].name, n, r, r < 0 ? e.msg : "");
			if (inject_live() != live)
				fail_msg("%s: allocation %ld: a leak", ops[i].name, n);
		}
		if (r != 0 || n <= ops[i].least)
			fail_msg("%s: %d after %ld allocations", ops[i].name, r, n);
	}
}

/* ---- a whole plugin: there is always one document, and a failure is never a success ---- */

static int add(struct cni_call *c, struct err *e)
{
	struct cni_request q = { 0 };
	struct cni_result prev = { 0 };
	int r = cni_conf_prev_result(&c->conf, &prev, e);

	if (r == 0)
		r = cni_request_read(&c->conf, &c->args, &q, e);
	if (r == 0)
		r = cni_result_print(&prev, c->conf.version, c->out, e);
	cni_request_clear(&q);
	cni_result_clear(&prev);
	return r;
}

static void a_plugin_without_memory_says_so(void **arg)
{
	static const struct cni_plugin plugin = { .name = "test", .add = add };
	static const char *const vars[] = { "CNI_COMMAND=ADD",
					    "CNI_CONTAINERID=c",
					    "CNI_NETNS=/none",
					    "CNI_IFNAME=eth0",
					    "CNI_ARGS=IgnoreUnknown=1;A=b",
					    NULL };
	int in = memfd_create("stdin", MFD_CLOEXEC);
	long n, live = inject_live();

	(void)arg;
	assert_int_equal(write(in, request, strlen(request)), strlen(request));
	for (n = 1;; n++) {
		struct cni_answer a = { 0 };
		long failed;

		assert_int_equal(lseek(in, 0, SEEK_SET), 0);
		inject_arm(n, 1);
		cni_plugin_run(&plugin, (char *const *)vars, &(struct cni_io){ in, -1 }, &a);
		failed = inject_disarm();
		if (failed &&
		    (a.status != 1 || (!a.out.err && !strstr(buf_cstr(&a.out), "\"code\":999,\"msg\":\""))))
			fail_msg("allocation %ld: status %d, %s", n, a.status, buf_cstr(&a.out));
		if (!failed && a.status)
			fail_msg("%s", buf_cstr(&a.out));
		cni_answer_clear(&a);
		if (inject_live() != live)
			fail_msg("allocation %ld: a leak", n);
		if (!failed)
			break;
	}
	assert_true(n > 100);
	close(in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_allocation_may_fail),
		cmocka_unit_test(a_plugin_without_memory_says_so),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
