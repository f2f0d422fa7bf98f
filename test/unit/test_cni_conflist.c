/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_conflist.c - the runner: what each plugin gets, in which order, and what is remembered */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/env.h"
#include "cnirunlab.h"

/* ---- the whole life of an attachment ---- */

#define CAPS "{\"ips\":[\"10.0.0.5\"],\"mac\":\"02:00:00:00:00:01\",\"portMappings\":[]}"

static void attachment_lives(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	struct cni_runtime rt = runtime();
	struct json_map args = { 0 };
	CLEANUP(buf_clear) struct buf text = BUF_INIT(65536);
	struct json_object *result = NULL, *caps = NULL;
	char want[PATH_MAX + 512];
	struct err e;

	(void)arg;
	assert_int_equal(json_map_set(&args, "IgnoreUnknown", "1", &e), 0);
	assert_int_equal(json_map_set(&args, "K8S_POD_NAME", "p", &e), 0);
	assert_int_equal(json_parse(CAPS, strlen(CAPS), "caps", &caps, &e), 0);
	rt.args = &args;
	rt.capability_args = caps;
	if (cni_network_add(&n, &rt, &result, &e) != 0)
		fail_msg("%s", e.msg);
	assert_int_equal(json_print(result, false, &text, &e), 0);
	assert_string_equal(buf_cstr(&text), B_RESULT); /* as b printed it */
	expect_log("ADD", "ADD a c1 eth0,ADD b c1 eth0");
	expect_file("in.a.ADD", "{" A_CONF "}");
	expect_file("in.b.ADD",
		    "{" B_CONF ",\"prevResult\":" A_RESULT ",\"runtimeConfig\":{\"ips\":[\"10.0.0.5\"]}}");
	snprintf(want, sizeof(want),
		 "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAME=p\nCNI_COMMAND=ADD\nCNI_CONTAINERID=c1\nCNI_IFNAME="
		 "eth0\n"
		 "CNI_NETNS=/run/no-such-netns\nCNI_PATH=%s\nCNI_X=1",
		 plugin_path);
	expect_file("env.a.ADD", want);
	/* CHECK and DEL say less and get the same */
	rt.args = NULL;
	rt.capability_args = NULL;
	assert_int_equal(cni_network_check(&n, &rt, &e), 0);
	expect_log("CHECK", "CHECK a c1 eth0,CHECK b c1 eth0");
	expect_file("in.a.CHECK", "{" A_CONF ",\"prevResult\":" B_RESULT "}");
	rt.netns = "";
	assert_int_equal(cni_network_del(&n, &rt, &e), 0);
	expect_log("DEL", "DEL b c1 eth0,DEL a c1 eth0");
	expect_file("in.b.DEL",
		    "{" B_CONF ",\"prevResult\":" B_RESULT ",\"runtimeConfig\":{\"ips\":[\"10.0.0.5\"]}}");
	memcpy(strstr(want, "ADD"), "DEL", 3);
	expect_file("env.a.DEL", want);
	assert_false(exists(RECORD));
	/* again: nothing is known any more, and that is fine */
	assert_int_equal(cni_network_del(&n, &rt, &e), 0);
	expect_file("in.a.DEL", "{" A_CONF "}");
	json_put_p(&result);
	json_put_p(&caps);
	json_map_clear(&args);
	cni_network_clear(&n);
}

/* ---- failures ---- */

static void failed_add_is_rolled_back(void **arg)
{
	static const struct {
		const char *name, *file, *text, *log;
		int code;
		const char *msg;
	} rows[] = {
		{ "first fails", "fail.a.ADD", "{\"code\":11,\"msg\":\"later\"}",
		  "ADD a c1 eth0,DEL a c1 eth0", 11, "network net: plugin a: ADD: later" },
		{ "second fails", "fail.b.ADD", "{\"code\":100,\"msg\":\"no\"}",
		  "ADD a c1 eth0,ADD b c1 eth0,DEL b c1 eth0,DEL a c1 eth0", 100,
		  "network net: plugin b: ADD: no" },
		{ "second prints rubbish", "result.b", "rubbish",
		  "ADD a c1 eth0,ADD b c1 eth0,DEL b c1 eth0,DEL a c1 eth0", ERR_DECODE,
		  "plugin b: ADD: result:1:" },
		{ "second prints nothing", "result.b", "",
		  "ADD a c1 eth0,ADD b c1 eth0,DEL b c1 eth0,DEL a c1 eth0", ERR_DECODE,
		  "plugin b: ADD: result" },
		{ "second prints a bad result", "result.b",
		  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"x\"}]}",
		  "ADD a c1 eth0,ADD b c1 eth0,DEL b c1 eth0,DEL a c1 eth0", ERR_DECODE, "ips[0]: address" },
		{ "the record cannot be written", "cache/results", "a file", /* a directory is wanted */
		  "ADD a c1 eth0,ADD b c1 eth0,DEL b c1 eth0,DEL a c1 eth0", ERR_IO, "cache/results" },
	};
	struct cni_network n = network("1.1.0", "");

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };

		assert_int_equal(file_mkdirs(lab_path("cache"), 0700, &e), 0);
		lab_write(rows[i].file, 0644, rows[i].text);
		if (add(&n, &e) >= 0 || e.cni != rows[i].code || !strstr(e.msg, rows[i].msg))
			fail_msg("%s: code %d, %s", rows[i].name, e.cni, e.msg);
		expect_log(rows[i].name, rows[i].log);
		assert_false(exists(RECORD));
		unlink(lab_path(rows[i].file));
		write_result("b", RESULT_B, "1.1.0");
	}
	cni_network_clear(&n);
}

static void rollback_passes_on_what_is_known(void **arg)
{
	static const struct {
		const char *version, *in;
	} rows[] = {
		{ "1.1.0", ",\"prevResult\":" A_RESULT }, { "0.3.1", "" }, /* DEL had no prevResult then */
	};
	struct err e;

	(void)arg;
	lab_write("fail.b.ADD", 0644, "{\"code\":7,\"msg\":\"no\"}");
	lab_write("fail.b.DEL", 0644, "{\"code\":7,\"msg\":\"not this either\"}");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cni_network n = network(rows[i].version, "");
		char want[512];

		write_result("a", RESULT_A, rows[i].version);
		e = (struct err){ 0 };
		assert_true(add(&n, &e) < 0);
		assert_non_null(
			strstr(e.msg, "ADD: no; undoing it: network net: plugin b: DEL: not this either"));
		snprintf(want, sizeof(want),
			 "{\"type\":\"a\",\"own\":{\"x\":1.10},\"name\":\"net\",\"cniVersion\":\"%s\"%s}",
			 rows[i].version, rows[i].in);
		expect_file("in.a.DEL", want); /* b's failure did not stop it */
		cni_network_clear(&n);
	}
}

static void a_second_add_does_no_harm(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	struct err e;

	(void)arg;
	assert_int_equal(add(&n, &e), 0);
	expect_log("first", "ADD a c1 eth0,ADD b c1 eth0");
	assert_int_equal(add(&n, &e), -EEXIST);
	assert_non_null(strstr(e.msg, "container c1 is already attached to network net as eth0"));
	expect_log("second", "");
	assert_true(exists(RECORD));
	cni_network_clear(&n);
}

static void failed_del_can_be_repeated(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	assert_int_equal(add(&n, &e), 0);
	expect_log("ADD", "ADD a c1 eth0,ADD b c1 eth0");
	lab_write("fail.b.DEL", 0644, "{\"code\":11,\"msg\":\"later\"}");
	assert_true(cni_network_del(&n, &rt, &e) < 0);
	assert_int_equal(e.cni, ERR_TRY_AGAIN);
	expect_log("DEL", "DEL b c1 eth0");
	assert_true(exists(RECORD));
	unlink(lab_path("fail.b.DEL"));
	assert_int_equal(cni_network_del(&n, &rt, &e), 0);
	expect_log("DEL", "DEL b c1 eth0,DEL a c1 eth0");
	assert_false(exists(RECORD));
	cni_network_clear(&n);
}

static void bad_runtimes_are_refused(void **arg)
{
	static const struct {
		const char *container_id, *netns, *ifname, *msg;
	} rows[] = {
		{ "../x", "/n", "eth0", "container ID" },
		{ "", "/n", "eth0", "container ID" },
		{ "c1", "/n", "a/b", "interface name" },
		{ "c1", "", "eth0", "ADD needs the path of a network namespace" },
		{ "c1", NULL, "eth0", "ADD needs the path" },
	};
	struct cni_network n = network("1.1.0", "");
	char longest[CNI_NAME_MAX + 1];
	struct json_object *result;
	struct json_map args = { 0 };
	struct cni_runtime rt;
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		rt = runtime();
		rt.container_id = rows[i].container_id;
		rt.netns = rows[i].netns;
		rt.ifname = rows[i].ifname;
		if (cni_network_add(&n, &rt, &result, &e) >= 0 || e.cni != ERR_CONFIG ||
		    !strstr(e.msg, rows[i].msg))
			fail_msg("\"%s\" \"%s\": %s", rows[i].container_id, rows[i].ifname, e.msg);
	}
	memset(longest, 'a', CNI_NAME_MAX);
	longest[CNI_NAME_MAX] = '\0';
	rt = runtime();
	rt.container_id = longest;
	assert_int_equal(cni_network_add(&n, &rt, &result, &e), -ENAMETOOLONG); /* before anything is made */
	rt = runtime();
	assert_int_equal(json_map_set(&args, "A", "1;B=2", &e), 0);
	rt.args = &args;
	assert_int_equal(cni_network_add(&n, &rt, &result, &e), -EINVAL);
	json_map_clear(&args);
	expect_log("none", "");
	cni_network_clear(&n);
}

/* ---- versions and switches ---- */

static void old_versions(void **arg)
{
	static const char *const versions[] = {
		"0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"
	};
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	for (int v = 0; v < CNI_VERSION_MAX; v++) {
		struct cni_network n = network(versions[v], "");
		CLEANUP(free_p) char *del = NULL;
		int r;

		write_result("a", v < CNI_V030 ? "{\"ip4\":{\"ip\":\"10.0.0.5/24\"}}" : RESULT_A,
			     versions[v]);
		write_result("b", v < CNI_V030 ? "{\"ip4\":{\"ip\":\"10.0.0.5/24\"}}" : RESULT_B,
			     versions[v]);
		if (add(&n, &e) != 0)
			fail_msg("%s: %s", versions[v], e.msg);
		r = cni_network_check(&n, &rt, &e);
		if (v < CNI_V040 ? r >= 0 || e.cni != ERR_VERSION : r != 0)
			fail_msg("CHECK of %s: %d", versions[v], r);
		assert_int_equal(cni_network_del(&n, &rt, &e), 0);
		del = lab_read("in.b.DEL");
		if (!strstr(del, "prevResult") != (v < CNI_V040))
			fail_msg("DEL of %s: %s", versions[v], del);
		assert_false(exists(RECORD));
		unlink(lab_path("log"));
		assert_int_equal(cni_network_status(&n, &rt, &e), 0);
		assert_int_equal(cni_network_gc(&n, &rt, NULL, 0, &e), 0);
		expect_log(versions[v], v < CNI_V110 ? "" : "STATUS a,STATUS b,GC a,GC b");
		cni_network_clear(&n);
	}
}

/* A plugin may answer in a version of its own; the next one gets that of the network. */
static void results_are_brought_to_one_version(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	write_result("a", "{\"cniVersion\":\"%s\",\"ip4\":{\"ip\":\"10.0.0.5/24\"}}", "0.2.0");
	assert_int_equal(add(&n, &e), 0);
	expect_file("in.b.ADD",
		    "{" B_CONF
		    ",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.5/24\"}]}}");
	/* one that says no version means that of its configuration; the next one is told */
	assert_int_equal(cni_network_del(&n, &rt, &e), 0);
	write_result("a", "{\"ips\":[{\"address\":\"10.0.0.5/%s\"}]}", "24");
	assert_int_equal(add(&n, &e), 0);
	expect_file("in.b.ADD",
		    "{" B_CONF
		    ",\"prevResult\":{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.5/24\"}]}}");
	cni_network_clear(&n);
}

static void switches(void **arg)
{
	struct cni_network n = network("1.1.0", ",\"disableCheck\":true,\"disableGC\":\"TRUE\"");
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	assert_int_equal(cni_network_check(&n, &rt, &e), 0);
	assert_int_equal(cni_network_gc(&n, &rt, NULL, 0, &e), 0);
	expect_log("switched off", "");
	cni_network_clear(&n);
	n = network("1.1.0", "");
	assert_true(cni_network_check(&n, &rt, &e) < 0);
	assert_int_equal(e.cni, ERR_UNKNOWN_CONTAINER); /* no ADD was recorded */
	expect_log("no record", "");
	cni_network_clear(&n);
}

/* ---- GC, STATUS, VERSION ---- */

static void add_as(const struct cni_network *n, const char *container_id, const char *ifname)
{
	struct cni_runtime rt = runtime();
	struct json_object *result = NULL;
	struct err e;

	rt.container_id = container_id;
	rt.ifname = ifname;
	if (cni_network_add(n, &rt, &result, &e) != 0)
		fail_msg("%s", e.msg);
	json_put_p(&result);
}

static void gc_deletes_what_is_not_valid(void **arg)
{
	const struct cni_attachment valid[] = { { (char *)"c1", (char *)"eth0" },
						{ (char *)"c9", (char *)"eth0" } };
	struct cni_network n = network("1.1.0", ""), other = network("1.1.0", "");
	const struct cni_runtime rt = runtime();
	struct err e = { 0 };

	(void)arg;
	memcpy(other.name, "oth", 3);
	add_as(&n, "c1", "eth0");
	add_as(&n, "c1", "net1");
	add_as(&n, "c2", "eth0");
	add_as(&other, "c3", "eth0");
	unlink(lab_path("log"));
	lab_write("cache/results/rubbish", 0600, "x");
	assert_int_equal(cni_network_gc(&n, &rt, valid, 2, &e), 0);
	expect_log("GC", "DEL b c1 net1,DEL a c1 net1,DEL b c2 eth0,DEL a c2 eth0,GC a,GC b");
	expect_file("in.a.GC",
		    "{" A_CONF ",\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"},"
		    "{\"containerID\":\"c9\",\"ifname\":\"eth0\"}],\"cni.dev/attachments\":[{\"containerID\":"
		    "\"c1\",\"ifname\":\"eth0\"},{\"containerID\":\"c9\",\"ifname\":\"eth0\"}]}");
	expect_file("in.a.DEL", "{" A_CONF ",\"prevResult\":" B_RESULT "}");
	assert_true(exists("cache/results/net-c1-eth0"));
	assert_true(exists("cache/results/oth-c3-eth0"));
	assert_false(exists("cache/results/net-c1-net1"));
	assert_false(exists("cache/results/net-c2-eth0"));
	/* failures do not stop it, and all are named */
	add_as(&n, "c2", "eth0");
	unlink(lab_path("log"));
	lab_write("fail.b.DEL", 0644, "{\"code\":11,\"msg\":\"first\"}");
	lab_write("fail.a.GC", 0644, "{\"code\":7,\"msg\":\"second\"}");
	assert_true(cni_network_gc(&n, &rt, valid, 1, &e) < 0);
	expect_log("failing GC", "DEL b c2 eth0,GC a,GC b");
	assert_int_equal(e.cni, 11);
	assert_non_null(strstr(e.msg, "plugin b: DEL: first; also: network net: plugin a: GC: second"));
	cni_network_clear(&n);
	cni_network_clear(&other);
}

static void status_is_the_first_that_is_not_ready(void **arg)
{
	struct cni_network n = network("1.1.0", "");
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	assert_int_equal(cni_network_status(&n, &rt, &e), 0);
	expect_log("ready", "STATUS a,STATUS b");
	expect_file("in.b.STATUS", "{" B_CONF "}");
	lab_write("fail.a.STATUS", 0644, "{\"code\":50,\"msg\":\"away\"}");
	lab_write("fail.b.STATUS", 0644, "{\"code\":51,\"msg\":\"too\"}");
	assert_true(cni_network_status(&n, &rt, &e) < 0);
	assert_int_equal(e.cni, ERR_UNAVAILABLE);
	expect_log("not ready", "STATUS a");
	cni_network_clear(&n);
}

static void plugins_are_asked_for_their_versions(void **arg)
{
	static const struct {
		const char *versions;
		int code;
	} rows[] = {
		{ ALL_VERSIONS, 0 },
		{ "{\"cniVersion\":\"0.2.0\",\"supportedVersions\":[\"0.1.0\",\"0.2.0\"]}", ERR_VERSION },
		{ "{\"cniVersion\":\"1.1.0\"}", ERR_VERSION },
		{ "1.1.0", ERR_DECODE },
	};
	struct cni_network n = network("1.1.0", "");
	const struct cni_runtime rt = runtime();
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		lab_write("versions.b", 0644, rows[i].versions);
		e = (struct err){ 0 };
		if (cni_network_validate(&n, &rt, &e) != -e.sys || e.cni != rows[i].code)
			fail_msg("%s: code %d, %s", rows[i].versions, e.cni, e.msg);
	}
	expect_file("in.b.VERSION", "{\"cniVersion\":\"1.1.0\"}");
	unlink(lab_path("b"));
	assert_true(cni_network_validate(&n, &rt, &e) < 0);
	assert_non_null(strstr(e.msg, "plugin \"b\" is not in CNI_PATH"));
	cni_network_clear(&n);
}

/* ---- with a plugin that is not ours ---- */

static void host_local_takes_part(void **arg)
{
	struct cni_runtime rt = runtime();
	struct json_object *result = NULL;
	struct cni_network n;
	char text[PATH_MAX + 512], config[PATH_MAX];
	struct err e;

	(void)arg;
	if (access("/usr/lib/cni/host-local", X_OK) < 0) {
		assert_null(getenv("STRICT"));
		skip();
	}
	snprintf(config, sizeof(config), "%s/hl", lab_dir);
	snprintf(text, sizeof(text),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"host-local\",\"ipam\":{"
		 "\"type\":"
		 "\"host-local\",\"subnet\":\"10.7.0.0/"
		 "24\",\"dataDir\":\"%s\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}},"
		 "{\"type\":\"b\"}]}",
		 config);
	assert_int_equal(cni_network_parse(text, strlen(text), "test", &n, &e), 0);
	write_result("b", RESULT_B, "1.0.0");
	if (cni_network_validate(&n, &rt, &e) != 0 || cni_network_add(&n, &rt, &result, &e) != 0)
		fail_msg("%s", e.msg);
	expect_file("in.b.ADD", "{\"type\":\"b\",\"name\":\"net\",\"cniVersion\":\"1.0.0\",\"prevResult\":{"
				"\"cniVersion\":\"1.0.0\",\"ips\":["
				"{\"address\":\"10.7.0.2/"
				"24\",\"gateway\":\"10.7.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],"
				"\"dns\":{}}}");
	assert_true(exists("hl/net/10.7.0.2"));
	if (cni_network_check(&n, &rt, &e) != 0 || cni_network_del(&n, &rt, &e) != 0)
		fail_msg("%s", e.msg);
	assert_false(exists("hl/net/10.7.0.2"));
	assert_true(cni_network_check(&n, &rt, &e) < 0);
	json_put_p(&result);
	cni_network_clear(&n);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, run_setup, lab_teardown)
	const struct CMUnitTest tests[] = {
		TEST(attachment_lives),
		TEST(failed_add_is_rolled_back),
		TEST(rollback_passes_on_what_is_known),
		TEST(a_second_add_does_no_harm),
		TEST(failed_del_can_be_repeated),
		TEST(bad_runtimes_are_refused),
		TEST(old_versions),
		TEST(results_are_brought_to_one_version),
		TEST(switches),
		TEST(gc_deletes_what_is_not_valid),
		TEST(status_is_the_first_that_is_not_ready),
		TEST(plugins_are_asked_for_their_versions),
		TEST(host_local_takes_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
