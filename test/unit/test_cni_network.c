/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_network.c - network configurations: lists, single plugins, files, directories */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/own.h"
#include "cni/conf.h"
#include "cni/network.h"
#include "cnilab.h"

/* "name version check gc: type(cap,cap) type" */
static const char *show(const struct cni_network *n)
{
	static struct buf out = { .max = 65536 };

	buf_clear(&out);
	buf_fmt(&out, "%s %s%s%s:", n->name, cni_version_text(n->version), n->disable_check ? " nocheck" : "",
		n->disable_gc ? " nogc" : "");
	for (size_t i = 0; i < n->plugins.n; i++) {
		const struct cni_network_plugin *p = &n->plugins.v[i];

		buf_fmt(&out, " %s", p->type);
		for (size_t k = 0; k < p->capabilities.n; k++)
			buf_fmt(&out, "%c%s", k ? ',' : '+', p->capabilities.v[k]);
	}
	return buf_cstr(&out);
}

#define LIST(x) "{\"name\":\"n\"," x ",\"plugins\":[{\"type\":\"a\"}]}"

static const struct row {
	const char *text, *want; /* or the sentence of the error */
	int code;
} rows[] = {
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{\"type\":\"b\"}]}", "n 0.1.0: a b", 0 },
	{ LIST("\"cniVersion\":\"0.4.0\""), "n 0.4.0: a", 0 },
	/* the highest that we speak */
	{ LIST("\"cniVersions\":[\"0.3.1\",\"1.0.0\",\"0.4.0\"]"), "n 1.0.0: a", 0 },
	{ LIST("\"cniVersion\":\"1.1.0\",\"cniVersions\":[\"0.3.1\",\"1.0.0\"]"), "n 1.1.0: a", 0 },
	{ LIST("\"cniVersion\":\"0.3.1\",\"cniVersions\":[\"1.0.0\"]"), "n 1.0.0: a", 0 },
	{ LIST("\"cniVersion\":\"1.0.0\",\"cniVersions\":[\"1.0.0\",\"2.0.0\",\"1.10.0\"]"), "n 1.0.0: a",
	  0 },
	{ LIST("\"cniVersion\":\"9.0.0\",\"cniVersions\":[\"0.4.0\"]"), "n 0.4.0: a", 0 },
	{ LIST("\"cniVersions\":[]"), "n 0.1.0: a", 0 },
	{ LIST("\"cniVersions\":[\"2.0.0\"]"), "test: incompatible CNI versions: ", ERR_VERSION },
	{ LIST("\"cniVersion\":\"2.0.0\""), "test: incompatible CNI versions: cniVersion \"2.0.0\"",
	  ERR_VERSION },
	{ LIST("\"cniVersion\":\"x\""), "test: CNI version \"x\": want three numbers", ERR_CONFIG },
	{ LIST("\"cniVersions\":[\"1.0.0\",\"y\"]"), "test: CNI version \"y\"", ERR_CONFIG },
	{ LIST("\"cniVersions\":[1]"), "test: cniVersions[0]: want a string", ERR_CONFIG },
	{ LIST("\"cniVersions\":\"1.0.0\""), "test: cniVersions: want a list", ERR_CONFIG },
	{ LIST("\"cniVersion\":1"), "test: cniVersion: want a string", ERR_CONFIG },
	/* switches */
	{ LIST("\"disableCheck\":true,\"disableGC\":false"), "n 0.1.0 nocheck: a", 0 },
	{ LIST("\"disableCheck\":\"False\",\"disableGC\":\"TRUE\""), "n 0.1.0 nogc: a", 0 },
	{ LIST("\"disableGC\":1"), "test: disableGC: want true or false", ERR_CONFIG },
	{ LIST("\"disableCheck\":\"yes\""), "test: disableCheck: want true or false", ERR_CONFIG },
	/* capabilities */
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"ips\":true,\"mac\":false,\"x\":"
	  "null,"
	  "\"y\":true}}]}",
	  "n 0.1.0: a+ips,y", 0 },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":{\"ips\":1}}]}",
	  "test: plugin 1: capabilities.ips: want true or false", ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\",\"capabilities\":[]}]}",
	  "test: plugin 1: capabilities: want", ERR_CONFIG },
	/* a single plugin */
	{ "{\"name\":\"n\",\"type\":\"a\",\"cniVersion\":\"0.3.1\",\"capabilities\":{\"ips\":true}}",
	  "n 0.3.1: a+ips", 0 },
	{ "{\"name\":\"n\",\"type\":\"a\"}", "n 0.1.0: a", 0 },
	{ "{\"type\":\"a\"}", "test: name \"\": want", ERR_CONFIG },
	/* refused */
	{ "", "test:1:", ERR_DECODE },
	{ "[]", "test: want a JSON object", ERR_DECODE },
	{ "{}", "test: name", ERR_CONFIG },
	{ "{\"name\":\"n\"}", "test: it has no plugins", ERR_CONFIG },
	{ "{\"name\":\"a/b\",\"plugins\":[{\"type\":\"a\"}]}", "test: name \"a/b\": want", ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":[]}", "test: plugins: want a list of at least one", ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":{}}", "test: plugins: want a list", ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":[1]}", "test: plugin 1: want an object", ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"},{\"name\":\"b\"}]}", "test: plugin 2: type: want",
	  ERR_CONFIG },
	{ "{\"name\":\"n\",\"plugins\":[{\"type\":\"\"}]}", "test: plugin 1: type: want", ERR_CONFIG },
};

static void texts_are_read(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cni_network n;
		struct err e = { 0 };
		int r = cni_network_parse(rows[i].text, strlen(rows[i].text), "test", &n, &e);

		if (rows[i].code == 0 && (r != 0 || strcmp(show(&n), rows[i].want) != 0))
			fail_msg("%s: %s", rows[i].text, r ? e.msg : show(&n));
		if (rows[i].code && (r >= 0 || e.cni != rows[i].code ||
				     strncmp(e.msg, rows[i].want, strlen(rows[i].want)) != 0))
			fail_msg("%s: code %d, %s", rows[i].text, e.cni, e.msg);
		cni_network_clear(&n);
	}
}

static void number_of_plugins_is_bounded(void **arg)
{
	(void)arg;
	for (int count = CNI_PLUGINS_MAX; count <= CNI_PLUGINS_MAX + 1; count++) {
		CLEANUP(buf_clear) struct buf text = BUF_INIT(65536);
		struct cni_network n;
		struct err e;

		buf_str(&text, "{\"name\":\"n\",\"plugins\":[");
		for (int i = 0; i < count; i++)
			buf_fmt(&text, "%s{\"type\":\"a\"}", i ? "," : "");
		buf_str(&text, "]}");
		assert_int_equal(cni_network_parse(buf_cstr(&text), text.len, "test", &n, &e),
				 count > CNI_PLUGINS_MAX ? -E2BIG : 0);
		cni_network_clear(&n);
	}
}

/* What the cache records as configuration. */
static void text_is_kept(void **arg)
{
	static const char list[] = " {\"name\":\"n\",  \"plugins\":[{\"type\":\"a\"}]}\n";
	static const char single[] = "{\"type\":\"a\",\"name\":\"n\",\"cniVersion\":\"1.0.0\",\"x\":1.10}";
	struct cni_network n;
	struct err e;

	(void)arg;
	assert_int_equal(cni_network_parse(list, strlen(list), "test", &n, &e), 0);
	assert_string_equal(buf_cstr(&n.text), list);
	cni_network_clear(&n);
	assert_int_equal(cni_network_parse(single, strlen(single), "test", &n, &e), 0);
	assert_string_equal(buf_cstr(&n.text),
			    "{\"plugins\":[{\"type\":\"a\",\"name\":\"n\",\"cniVersion\":\"1.0.0\","
			    "\"x\":1.10}],\"name\":\"n\",\"cniVersion\":\"1.0.0\"}");
	cni_network_clear(&n);
}

/* ---- files ---- */

static void expect_load(const char *file, const char *want)
{
	struct cni_network n;
	struct err e;

	if (cni_network_load(lab_path(file), &n, &e) < 0) {
		if (!strstr(e.msg, want))
			fail_msg("%s: %s", file, e.msg);
		return;
	}
	if (strcmp(show(&n), want) != 0)
		fail_msg("%s: %s", file, show(&n));
	cni_network_clear(&n);
}

static void files_are_loaded(void **arg)
{
	struct err e;

	(void)arg;
	assert_int_equal(file_mkdirs(lab_path("n"), 0755, &e), 0);
	lab_write("n/20.conf", 0644, "{\"type\":\"late\"}");
	lab_write("n/10.conf", 0644, "{\"type\":\"early\"}");
	lab_write("n/ignored.txt", 0644, "x");
	lab_write("list", 0644, "{\"name\":\"n\",\"plugins\":[{\"type\":\"a\"}]}");
	expect_load("list", "n 0.1.0: a early late");
	lab_write("list", 0644, "{\"name\":\"n\"}");
	expect_load("list", "n 0.1.0: early late");
	lab_write("list", 0644,
		  "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true,\"plugins\":[{\"type\":\"a\"}]}");
	expect_load("list", "n 0.1.0: a");
	lab_write("list", 0644, "{\"name\":\"n\",\"loadOnlyInlinedPlugins\":true}");
	expect_load("list", "it has no plugins");
	lab_write("list", 0644, "{\"name\":\"n\",\"type\":\"single\"}");
	expect_load("list", "n 0.1.0: single");
	lab_write("list", 0644, "{\"name\":\"m\"}");
	expect_load("list", "it has no plugins");
	lab_write("n/15.conf", 0644, "{\"x\":1}");
	lab_write("list", 0644, "{\"name\":\"n\"}");
	expect_load("list", "n/15.conf: plugin 2: type: want");
	lab_write("n/15.conf", 0644, "{");
	expect_load("list", "n/15.conf:1:");
	expect_load("none", "No such file");
}

static void expect_find(const char *name, const char *want)
{
	struct cni_network n;
	struct err e;

	if (cni_network_find(lab_path("d"), name, &n, &e) < 0) {
		if (!strstr(e.msg, want))
			fail_msg("%s: %s", name ? name : "any", e.msg);
		return;
	}
	if (strcmp(show(&n), want) != 0)
		fail_msg("%s: %s", name ? name : "any", show(&n));
	cni_network_clear(&n);
}

static void networks_are_found_by_name(void **arg)
{
	struct err e;

	(void)arg;
	expect_find(NULL, "no network configuration in ");
	assert_int_equal(file_mkdirs(lab_path("d/dir.conf"), 0755, &e), 0);
	expect_find("x", "no network \"x\" in ");
	lab_write("d/05.conf", 0644, "{\"name\":\"x\",\"type\":\"single\"}");
	lab_write("d/10.json", 0644, "{\"name\":\"y\",\"type\":\"json\"}");
	lab_write("d/20.conflist", 0644, "{\"name\":\"x\",\"plugins\":[{\"type\":\"second\"}]}");
	lab_write("d/15.conflist", 0644, "{\"name\":\"z\",\"plugins\":[{\"type\":\"first\"}]}");
	lab_write("d/99.bak", 0644, "rubbish");
	expect_find(NULL, "x 0.1.0: single"); /* the first file of all */
	expect_find("x", "x 0.1.0: second");  /* lists before single ones */
	expect_find("y", "y 0.1.0: json");
	expect_find("z", "z 0.1.0: first");
	expect_find("none", "no network \"none\" in ");
	lab_write("d/16.conflist", 0644, "rubbish");
	expect_find("z", "z 0.1.0: first");
	expect_find("x", "d/16.conflist:1:");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(number_of_plugins_is_bounded),
		cmocka_unit_test(text_is_kept),
		cmocka_unit_test(files_are_loaded),
		cmocka_unit_test(networks_are_found_by_name),
	};

	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
