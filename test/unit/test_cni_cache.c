/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_cache.c - what the runner remembers, and records that libcni wrote */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/cache.h"
#include "cnirunlab.h"

static void record_is_that_of_libcni(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	const char *config =
		"eyJjbmlWZXJzaW9uIjoiMS4xLjAiLCJuYW1lIjoibmV0Iiwi"; /* {"cniVersion":"1.1.0","name":"net"," */
	CLEANUP(free_p) char *text = NULL;
	struct stat st;
	struct err e;

	(void)arg;
	assert_int_equal(add(&n, &e), 0);
	assert_int_equal(stat(lab_path(RECORD), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(lab_path("cache/results"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	text = lab_read(RECORD);
	assert_ptr_equal(strstr(text, "{\"kind\":\"cniCacheV1\",\"containerId\":\"c1\",\"config\":\""), text);
	assert_int_equal(strncmp(strstr(text, "\"config\":\"") + 10, config, strlen(config)), 0);
	assert_non_null(strstr(
		text, "\",\"ifName\":\"eth0\",\"networkName\":\"net\",\"netns\":\"/run/no-such-netns\","
		      "\"result\":" B_RESULT "}"));
	cni_network_clear(&n);
}

/* ---- records that others wrote ---- */

/* As Go's encoding/json writes it; the config is {"name":"net"} */
#define LIBCNI \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"c1\",\"config\":\"eyJuYW1lIjoibmV0In0=\",\"ifName\":" \
	"\"eth0\"," \
	"\"networkName\":\"net\",\"netns\":\"/run/" \
	"old\",\"cniArgs\":[[\"K8S_POD_NAME\",\"p\"],[\"IgnoreUnknown\",\"1\"]]," \
	"\"capabilityArgs\":{\"ips\":[\"10.0.0.9\"]},\"result\":{\"cniVersion\":\"0.4.0\",\"dns\":{}," \
	"\"ips\":[{" \
	"\"address\":\"10.0.0.9/24\",\"version\":\"4\"}]}}"
#define LEGACY \
	"{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.9/24\"}],\"dns\":{}}"
#define OTHER \
	"{\"kind\":\"cniCacheV1\",\"containerId\":\"c1-eth0\",\"config\":\"\",\"ifName\":\"x\"," \
	"\"networkName\":\"net\"," \
	"\"result\":{}}"

static const struct record_row {
	const char *name, *text;
	const char *in;  /* what a gets on DEL after its configuration */
	const char *env; /* what of its environment */
	bool kept;       /* the file is not ours to remove */
} record_rows[] = {
	{ "libcni", LIBCNI,
	  ",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.9/24\"}]}",
	  "CNI_ARGS=K8S_POD_NAME=p;IgnoreUnknown=1\nCNI_COMMAND=DEL\nCNI_CONTAINERID=c1\nCNI_IFNAME=eth0\n"
	  "CNI_NETNS=/run/old\n",
	  false },
	{ "before cniCacheV1", LEGACY,
	  ",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.9/24\"}]}", "CNI_ARGS=\n",
	  false },
	{ "damaged", "{\"kind\":", "", "CNI_ARGS=\n", false },
	{ "empty", "", "", "CNI_ARGS=\n", false },
	{ "a result that is none",
	  "{\"kind\":\"cniCacheV1\",\"containerId\":\"c1\",\"config\":\"\",\"ifName\":\"eth0\","
	  "\"networkName\":\"net\",\"result\":{\"ips\":1}}",
	  "", "CNI_ARGS=\n", false },
	{ "of a newer kind", "{\"kind\":\"cniCacheV2\"}", "", "CNI_ARGS=\n", false },
	{ "of another attachment with the same file name", OTHER, "", "CNI_ARGS=\n", true },
};

static void records_of_others_are_read(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	rt.netns = NULL;
	assert_int_equal(file_mkdirs(lab_path("cache/results"), 0700, &e), 0);
	for (size_t i = 0; i < ARRAY_LEN(record_rows); i++) {
		const struct record_row *row = &record_rows[i];
		CLEANUP(free_p) char *in = NULL;
		CLEANUP(free_p) char *env = NULL;
		char want[512];

		lab_write(RECORD, 0600, row->text);
		if (cni_network_del(&n, &rt, &e) != 0)
			fail_msg("%s: %s", row->name, e.msg);
		snprintf(want, sizeof(want), "{" A_CONF "%s}", row->in);
		in = lab_read("in.a.DEL");
		env = lab_read("env.a.DEL");
		if (strcmp(in, want) != 0 || strncmp(env, row->env, strlen(row->env)) != 0)
			fail_msg("%s: %s %s", row->name, in, env);
		if (exists(RECORD) != row->kept)
			fail_msg("%s: the record", row->name);
	}
	cni_network_clear(&n);
}

static void configuration_is_remembered(void **arg)
{
	struct cni_cached c;
	struct err e;

	(void)arg;
	assert_int_equal(file_mkdirs(lab_path("cache/results"), 0700, &e), 0);
	assert_int_equal(cni_cache_read(cache, "net", "c1", "eth0", &c, &e), 1);
	lab_write(RECORD, 0600, LIBCNI);
	assert_int_equal(cni_cache_read(cache, "net", "c1", "eth0", &c, &e), 0);
	assert_string_equal(buf_cstr(&c.config), "{\"name\":\"net\"}");
	cni_cached_clear(&c);
	/* every length of base64 */
	for (int len = 0; len < 8; len++) {
		const struct cni_cached in = {
			.network = (char *)"net",
			.container_id = (char *)"c1",
			.ifname = (char *)"eth0",
			.config = { .s = (char *)"\377\001\200?>ab", .len = (size_t)len },
		};

		assert_int_equal(cni_cache_write(cache, &in, &e), 0);
		assert_int_equal(cni_cache_read(cache, "net", "c1", "eth0", &c, &e), 0);
		assert_int_equal(c.config.len, len);
		assert_memory_equal(buf_cstr(&c.config), in.config.s, (size_t)len);
		cni_cached_clear(&c);
	}
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, run_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(record_is_that_of_libcni),
		TEST(records_of_others_are_read),
		TEST(configuration_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
