/* SPDX-License-Identifier: Apache-2.0 */
/* test_cni_result.c - results in all versions */
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
#include "cni/result.h"

/* Decodes text (assumed version a) and gives it in version v; the error's text when that fails. */
static const char *convert(const char *text, enum cni_version a, enum cni_version v)
{
	static struct buf out = { .max = CNI_RESULT_TEXT_MAX };
	struct cni_result r;
	struct err e;

	buf_clear(&out);
	if (cni_result_parse(text, strlen(text), a, "prevResult", &r, &e) < 0 ||
	    cni_result_print(&r, v, &out, &e) < 0) {
		buf_reset(&out);
		buf_fmt(&out, "%d: %s", e.cni, e.msg);
	}
	cni_result_clear(&r);
	return buf_cstr(&out);
}

/* ---- one rich result through every version ---- */

#define DNS \
	"\"dns\":{\"nameservers\":[\"10.0.0.53\"],\"domain\":\"d\",\"search\":[\"s\"],\"options\":[\"o\"]}"
#define RICH_INTERFACES \
	"\"interfaces\":[{\"name\":\"vethX\",\"mac\":\"02:00:00:00:00:01\"}," \
	"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"sandbox\":\"/n\",\"mtu\":1400," \
	"\"socketPath\":\"/s\",\"pciID\":\"0000:00:1f.6\"}]"
#define OLD_INTERFACES \
	"\"interfaces\":[{\"name\":\"vethX\",\"mac\":\"02:00:00:00:00:01\"}," \
	"{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:02\",\"sandbox\":\"/n\"}]"
#define RICH_ROUTES \
	"\"routes\":[{\"dst\":\"0.0.0.0/" \
	"0\",\"gw\":\"10.0.0.1\",\"mtu\":1300,\"advmss\":1200,\"priority\":5," \
	"\"table\":0,\"scope\":0},{\"dst\":\"10.9.0.0/16\"},{\"dst\":\"::/0\",\"gw\":\"fd00::1\"," \
	"\"table\":100,\"scope\":253}]"

static const char rich[] = "{\"cniVersion\":\"1.1.0\"," RICH_INTERFACES
			   ",\"ips\":[{\"interface\":1,\"address\":\"10.0.0.5/24\",\"gateway\":\"10.0.0.1\"},"
			   "{\"interface\":0,\"address\":\"10.0.0.6/24\"},{\"address\":\"fd00::5/64\","
			   "\"gateway\":\"fd00::1\"}]," RICH_ROUTES "," DNS "}";

#define OLD_IPS \
	",\"ips\":[{\"version\":\"4\",\"interface\":1,\"address\":\"10.0.0.5/" \
	"24\",\"gateway\":\"10.0.0.1\"}," \
	"{\"version\":\"4\",\"interface\":0,\"address\":\"10.0.0.6/24\"},{\"version\":\"6\"," \
	"\"address\":\"fd00::5/64\",\"gateway\":\"fd00::1\"}]," RICH_ROUTES "," DNS "}"
#define OLDEST \
	",\"ip4\":{\"ip\":\"10.0.0.5/24\",\"gateway\":\"10.0.0.1\",\"routes\":[{\"dst\":\"0.0.0.0/0\"," \
	"\"gw\":\"10.0.0.1\"},{\"dst\":\"10.9.0.0/16\"}]},\"ip6\":{\"ip\":\"fd00::5/64\"," \
	"\"gateway\":\"fd00::1\",\"routes\":[{\"dst\":\"::/0\",\"gw\":\"fd00::1\"}]}," DNS "}"

static const char *const rich_as[CNI_VERSION_MAX] = {
	[CNI_V010] = "{\"cniVersion\":\"0.1.0\"" OLDEST,
	[CNI_V020] = "{\"cniVersion\":\"0.2.0\"" OLDEST,
	[CNI_V030] = "{\"cniVersion\":\"0.3.0\"," OLD_INTERFACES OLD_IPS,
	[CNI_V031] = "{\"cniVersion\":\"0.3.1\"," OLD_INTERFACES OLD_IPS,
	[CNI_V040] = "{\"cniVersion\":\"0.4.0\"," OLD_INTERFACES OLD_IPS,
};

/* rich as 1.0.0 or 1.1.0 has the same shape. */
static const char *rich_text(enum cni_version v)
{
	static char text[sizeof(rich)];

	if (rich_as[v])
		return rich_as[v];
	memcpy(text, rich, sizeof(rich));
	memcpy(strstr(text, "1.1.0"), cni_version_text(v), 5);
	return text;
}

static void rich_result_goes_down(void **arg)
{
	(void)arg;
	for (int v = 0; v < CNI_VERSION_MAX; v++)
		assert_string_equal(convert(rich, CNI_V010, (enum cni_version)v),
				    rich_text((enum cni_version)v));
}

/* From every version to every version: what the lower of the two can say arrives. */
static void every_version_becomes_every_other(void **arg)
{
	(void)arg;
	for (int from = 0; from < CNI_VERSION_MAX; from++) {
		for (int to = 0; to < CNI_VERSION_MAX; to++) {
			CLEANUP(free_p) char *text = strdup(rich_text((enum cni_version)from));
			CLEANUP(free_p) char *there = strdup(convert(text, CNI_V110, (enum cni_version)to));
			const char *back = convert(there, CNI_V110, (enum cni_version)from);

			/* down loses, so only up and back is the identity; twice down is once down */
			if (from <= to && strcmp(back, text) != 0)
				fail_msg("%s by way of %s: %s", text, there, back);
			if (to < from && strcmp(there, rich_text((enum cni_version)to)) != 0)
				fail_msg("%s is %s", text, there);
			if (strcmp(convert(there, CNI_V110, (enum cni_version)to), there) != 0)
				fail_msg("%s is not stable", there);
		}
	}
}

/* ---- rows ---- */

static const struct row {
	const char *name;
	enum cni_version assumed, to;
	const char *text;
	const char *want; /* a result, or the beginning of "CODE: SENTENCE" */
} rows[] = {
	{ "interface 0, table 0, scope 0 are kept", CNI_V110, CNI_V110,
	  "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"interface\":0,\"address\":"
	  "\"10.0.0.1/32\"}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\",\"mtu\":0,\"advmss\":0,\"priority\":0,\"table\":0,"
	  "\"scope\":0}]}",
	  "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"interface\":0,\"address\":"
	  "\"10.0.0.1/32\"}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\",\"mtu\":0,\"advmss\":0,\"priority\":0,\"table\":0,"
	  "\"scope\":0}]}" },
	{ "unknown keys are kept at every level", CNI_V100, CNI_V100,
	  "{\"cniVersion\":\"1.0.0\",\"x\":{\"y\":[1,null,1.50]},\"n\":null,\"interfaces\":[{\"name\":\"a\","
	  "\"ix\":true}],"
	  "\"ips\":[{\"address\":\"10.0.0.1/32\",\"px\":-1}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\",\"rx\":\"\"}],"
	  "\"dns\":{\"dx\":{}}}",
	  "{\"cniVersion\":\"1.0.0\",\"x\":{\"y\":[1,null,1.50]},\"n\":null,\"interfaces\":[{\"name\":\"a\","
	  "\"ix\":true}],"
	  "\"ips\":[{\"px\":-1,\"address\":\"10.0.0.1/32\"}],\"routes\":[{\"rx\":\"\",\"dst\":\"10.0.0.0/"
	  "8\"}],"
	  "\"dns\":{\"dx\":{}}}" },
	{ "unknown keys on the way to 0.4.0", CNI_V110, CNI_V040,
	  "{\"cniVersion\":\"1.1.0\",\"x\":1,\"interfaces\":[{\"name\":\"a\",\"mtu\":9,\"ix\":2}],\"ips\":[{"
	  "\"address\":"
	  "\"10.0.0.1/32\",\"px\":3}]}",
	  "{\"cniVersion\":\"0.4.0\",\"x\":1,\"interfaces\":[{\"name\":\"a\",\"ix\":2}],\"ips\":[{\"px\":3,"
	  "\"version\":"
	  "\"4\",\"address\":\"10.0.0.1/32\"}],\"dns\":{}}" },
	{ "an old document may say more than its version", CNI_V040, CNI_V031,
	  "{\"cniVersion\":\"0.4.0\",\"interfaces\":[{\"name\":\"a\",\"mtu\":9}],\"ips\":[]}",
	  "{\"cniVersion\":\"0.3.1\",\"interfaces\":[{\"name\":\"a\",\"mtu\":9}],\"ips\":[],\"dns\":{}}" },
	{ "unknown keys of ip4 are kept in 0.2.0", CNI_V020, CNI_V020,
	  "{\"cniVersion\":\"0.2.0\",\"x\":1,\"ip4\":{\"ip\":\"10.0.0.1/"
	  "24\",\"fx\":2,\"routes\":[{\"dst\":\"10.0.0.0/8\","
	  "\"rx\":3,\"table\":0}]},\"dns\":{}}",
	  "{\"cniVersion\":\"0.2.0\",\"x\":1,\"ip4\":{\"fx\":2,\"ip\":\"10.0.0.1/"
	  "24\",\"routes\":[{\"rx\":3,\"dst\":"
	  "\"10.0.0.0/8\",\"table\":0}]},\"dns\":{}}" },
	{ "0.2.0 takes only dst and gw of routes", CNI_V110, CNI_V020,
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.1/"
	  "24\",\"px\":1}],\"routes\":[{\"dst\":\"10.0.0.0/8\","
	  "\"rx\":3,\"table\":0}]}",
	  "{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.1/24\",\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\"}]},\"dns\":{}}" },
	{ "0.2.0 drops routes of a family without an address", CNI_V110, CNI_V010,
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"fd00::1/64\"}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\"}]}",
	  "{\"cniVersion\":\"0.1.0\",\"ip6\":{\"ip\":\"fd00::1/64\"},\"dns\":{}}" },
	{ "both forms in one document stay together", CNI_V040, CNI_V040,
	  "{\"cniVersion\":\"0.4.0\",\"ips\":[{\"address\":\"10.0.0.1/8\"}],\"ip4\":{\"ip\":\"10.0.0.1/8\"}}",
	  "{\"cniVersion\":\"0.4.0\",\"ip4\":{\"ip\":\"10.0.0.1/"
	  "8\"},\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],"
	  "\"dns\":{}}" },
	{ "both forms, on the way down only one", CNI_V040, CNI_V020,
	  "{\"cniVersion\":\"0.4.0\",\"x\":1,\"ips\":[{\"address\":\"10.0.0.1/8\"}],\"ip4\":1,\"ip6\":2}",
	  "{\"cniVersion\":\"0.2.0\",\"x\":1,\"ip4\":{\"ip\":\"10.0.0.1/8\"},\"dns\":{}}" },
	{ "what is beside an old address does not become a field", CNI_V020, CNI_V110,
	  "{\"cniVersion\":\"0.2.0\",\"x\":1,\"ip4\":{\"ip\":\"10.0.0.1/"
	  "8\",\"interface\":\"eth0\",\"routes\":[{\"dst\":"
	  "\"10.0.0.0/8\",\"rx\":1}]},\"ips\":3}",
	  "{\"cniVersion\":\"1.1.0\",\"x\":1,\"ips\":[{\"address\":\"10.0.0.1/"
	  "8\"}],\"routes\":[{\"rx\":1,\"dst\":"
	  "\"10.0.0.0/8\"}]}" },
	{ "0.2.0 needs an address", CNI_V110, CNI_V020, "{\"cniVersion\":\"1.1.0\",\"interfaces\":[]}",
	  "7: a CNI 0.2.0 result needs an address and there is none: set cniVersion to 0.3.0" },
	{ "nothing in it", CNI_V110, CNI_V110, "{}", "{\"cniVersion\":\"1.1.0\"}" },
	{ "empty lists stay", CNI_V110, CNI_V110, "{\"interfaces\":[],\"ips\":[],\"routes\":[]}",
	  "{\"cniVersion\":\"1.1.0\",\"interfaces\":[],\"ips\":[],\"routes\":[]}" },
	{ "null is absent", CNI_V110, CNI_V110,
	  "{\"cniVersion\":null,\"interfaces\":null,\"ips\":[{\"address\":\"10.0.0.1/"
	  "8\",\"gateway\":null,\"interface\":"
	  "null}],\"dns\":null}",
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.1/8\"}]}" },
	{ "empty dns from 1.0.0 on", CNI_V100, CNI_V100, "{\"dns\":{}}", "{\"cniVersion\":\"1.0.0\"}" },
	{ "empty dns before 1.0.0", CNI_V030, CNI_V030, "{}", "{\"cniVersion\":\"0.3.0\",\"dns\":{}}" },
	{ "no version: the assumed one, old", CNI_V010, CNI_V100, "{\"ip4\":{\"ip\":\"10.0.0.1/24\"}}",
	  "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.1/24\"}]}" },
	{ "empty version: the assumed one", CNI_V010, CNI_V100,
	  "{\"cniVersion\":\"\",\"ip4\":{\"ip\":\"10.0.0.1/24\"}}",
	  "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.0.0.1/24\"}]}" },
	{ "its own version counts", CNI_V110, CNI_V100,
	  "{\"cniVersion\":\"0.2.0\",\"ip6\":{\"ip\":\"fd00::1/64\"}}",
	  "{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"fd00::1/64\"}]}" },
	{ "host bits of an address are kept, the text is normal", CNI_V110, CNI_V110,
	  "{\"ips\":[{\"address\":\"FD00:0::5/64\",\"gateway\":\"FD00::1\"}]}",
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"fd00::5/64\",\"gateway\":\"fd00::1\"}]}" },
	{ "empty gateway is none", CNI_V110, CNI_V110,
	  "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"gateway\":\"\"}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\",\"gw\":\"\"}]}",
	  "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.1/8\"}],\"routes\":[{\"dst\":\"10.0.0.0/"
	  "8\"}]}" },
	{ "the address says its version", CNI_V040, CNI_V040,
	  "{\"ips\":[{\"version\":\"6\",\"address\":\"10.0.0.1/8\"}]}",
	  "{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.1/8\"}],\"dns\":{}}" },
	{ "interface without a name", CNI_V110, CNI_V110, "{\"interfaces\":[{\"mac\":\"x\"}]}",
	  "{\"cniVersion\":\"1.1.0\",\"interfaces\":[{\"name\":\"\",\"mac\":\"x\"}]}" },
	/* what is refused */
	{ "no object", CNI_V110, CNI_V110, "[]", "6: prevResult: want a JSON object" },
	{ "no JSON", CNI_V110, CNI_V110, "{", "6: prevResult:1:" },
	{ "empty", CNI_V110, CNI_V110, "", "6: prevResult:1:" },
	{ "unknown version", CNI_V110, CNI_V110, "{\"cniVersion\":\"2.0.0\"}",
	  "1: prevResult: cniVersion \"2.0.0\": want one of 0.1.0" },
	{ "version of a wrong type", CNI_V110, CNI_V110, "{\"cniVersion\":1}",
	  "6: prevResult: cniVersion: want a string" },
	{ "address of a wrong type", CNI_V110, CNI_V110, "{\"ips\":[{\"address\":1}]}",
	  "6: prevResult: ips[0].address: want a string" },
	{ "no address", CNI_V110, CNI_V110, "{\"ips\":[{\"gateway\":\"10.0.0.1\"}]}",
	  "6: prevResult: ips[0].address" },
	{ "bad address", CNI_V110, CNI_V110,
	  "{\"ips\":[{\"address\":\"10.0.0.1/8\"},{\"address\":\"10.0.0.1\"}]}",
	  "6: prevResult: ips[1]: address: " },
	{ "bad gateway", CNI_V110, CNI_V110, "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"gateway\":\"x\"}]}",
	  "6: prevResult: ips[0]: gateway: " },
	{ "bad route", CNI_V110, CNI_V110, "{\"routes\":[{\"dst\":\"default\"}]}",
	  "6: prevResult: routes[0]: dst: " },
	{ "bad old route", CNI_V020, CNI_V020,
	  "{\"ip6\":{\"ip\":\"fd00::1/64\",\"routes\":[{\"dst\":\"::/0\",\"gw\":\"g\"}]}}",
	  "6: prevResult: ip6.routes[0]: gw: " },
	{ "bad old address", CNI_V020, CNI_V020, "{\"ip4\":{\"ip\":\"10.0.0.1\"}}",
	  "6: prevResult: ip4: ip: " },
	{ "interface of a wrong type", CNI_V110, CNI_V110,
	  "{\"ips\":[{\"address\":\"10.0.0.1/8\",\"interface\":\"0\"}]}", "6: prevResult: ips[0].interface" },
	{ "table of a wrong type", CNI_V110, CNI_V110,
	  "{\"routes\":[{\"dst\":\"10.0.0.0/8\",\"table\":0.5}]}", "6: prevResult: routes[0].table" },
	{ "list of a wrong type", CNI_V110, CNI_V110, "{\"ips\":{}}", "6: prevResult: ips" },
	{ "null in a list", CNI_V110, CNI_V110, "{\"interfaces\":[null]}", "6: prevResult: interfaces[0]" },
};

static void documents_are_read_and_written(void **arg)
{
	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		const char *got = convert(row->text, row->assumed, row->to);
		bool same = row->want[0] == '{' ? strcmp(got, row->want) == 0
						: strncmp(got, row->want, strlen(row->want)) == 0;

		if (!same)
			fail_msg("%s: %s", row->name, got);
	}
}

/* ---- changing what was got ---- */

static void changing_one_field_keeps_the_rest(void **arg)
{
	static const char text[] =
		"{\"cniVersion\":\"0.4.0\",\"x\":1,\"interfaces\":[{\"name\":\"a\",\"mac\":\"m\",\"sandbox\":"
		"\"/n\","
		"\"ix\":1}],\"ips\":[{\"px\":1,\"version\":\"4\",\"interface\":0,\"address\":\"10.0.0.1/"
		"24\"}],"
		"\"routes\":[{\"rx\":1,\"dst\":\"10.0.0.0/8\",\"table\":0,\"scope\":0}],\"dns\":{\"dx\":1}}";
	CLEANUP(buf_clear) struct buf out = BUF_INIT(CNI_RESULT_TEXT_MAX);
	struct cni_result r;
	struct err e;

	(void)arg;
	assert_int_equal(cni_result_parse(text, strlen(text), CNI_V010, "prevResult", &r, &e), 0);
	assert_int_equal(cni_result_set_text(&r.interfaces.v[0].mac, "02:00:00:00:00:09", &e), 0);
	assert_int_equal(cni_result_add_interface(&r, "veth0", NULL, "/n", &e), 1);
	assert_int_equal(cni_result_print(&r, CNI_V040, &out, &e), 0);
	cni_result_clear(&r);
	assert_string_equal(
		buf_cstr(&out),
		"{\"cniVersion\":\"0.4.0\",\"x\":1,\"interfaces\":[{\"name\":\"a\",\"mac\":"
		"\"02:00:00:00:00:09\",\"sandbox\":\"/n\",\"ix\":1},{\"name\":\"veth0\",\"sandbox\":\"/n\"}],"
		"\"ips\":[{\"px\":1,\"version\":\"4\",\"interface\":0,\"address\":\"10.0.0.1/24\"}],"
		"\"routes\":[{\"rx\":1,\"dst\":\"10.0.0.0/8\",\"table\":0,\"scope\":0}],\"dns\":{\"dx\":1}}");
}

/* What an IPAM plugin makes: no interfaces, no index. */
static void ipam_result_is_built(void **arg)
{
	static const char *const want[CNI_VERSION_MAX] = {
		[CNI_V020] =
			"{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"10.0.0.5/24\",\"gateway\":\"10.0.0.1\","
			"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}]},\"dns\":{}}",
		[CNI_V031] =
			"{\"cniVersion\":\"0.3.1\",\"ips\":[{\"version\":\"4\",\"address\":\"10.0.0.5/"
			"24\",\"gateway\":"
			"\"10.0.0.1\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}],\"dns\":{}}",
		[CNI_V110] = "{\"cniVersion\":\"1.1.0\",\"ips\":[{\"address\":\"10.0.0.5/"
			     "24\",\"gateway\":\"10.0.0.1\"}],"
			     "\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.0.0.1\"}]}",
	};
	CLEANUP(cni_result_clear) struct cni_result r = { 0 };
	struct ip_prefix address, dst;
	struct ip gw;
	struct err e;

	(void)arg;
	assert_int_equal(ip_prefix_parse("10.0.0.5/24", &address, &e), 0);
	assert_int_equal(ip_prefix_parse("0.0.0.0/0", &dst, &e), 0);
	assert_int_equal(ip_parse("10.0.0.1", &gw, &e), 0);
	assert_int_equal(cni_result_add_ip(&r, address, gw, -1, &e), 0);
	assert_int_equal(cni_result_add_route(&r, dst, gw, &e), 0);
	for (int v = 0; v < CNI_VERSION_MAX; v++) {
		CLEANUP(buf_clear) struct buf out = BUF_INIT(CNI_RESULT_TEXT_MAX);

		assert_int_equal(cni_result_print(&r, (enum cni_version)v, &out, &e), 0);
		if (want[v])
			assert_string_equal(buf_cstr(&out), want[v]);
	}
}

static void interfaces_are_found(void **arg)
{
	CLEANUP(cni_result_clear) struct cni_result r = { 0 };
	const struct cni_ip_config on[] = {
		{ .interface = { false, 0 } }, { .interface = { true, -1 } }, { .interface = { true, 0 } },
		{ .interface = { true, 3 } },  { .interface = { true, 4 } },
	};
	struct err e;

	(void)arg;
	assert_int_equal(cni_result_add_interface(&r, "eth0", NULL, NULL, &e), 0);
	assert_int_equal(cni_result_add_interface(&r, "eth0", NULL, "", &e), 1);
	assert_int_equal(cni_result_add_interface(&r, "eth0", NULL, "/a", &e), 2);
	assert_int_equal(cni_result_add_interface(&r, "eth0", NULL, "/b", &e), 3);
	assert_int_equal(cni_result_find_interface(&r, "eth0", NULL), 2);
	assert_int_equal(cni_result_find_interface(&r, "eth0", "/b"), 3);
	assert_int_equal(cni_result_find_interface(&r, "eth0", "/c"), -1);
	assert_int_equal(cni_result_find_interface(&r, "eth1", NULL), -1);
	assert_null(cni_result_ip_interface(&r, &on[0]));
	assert_null(cni_result_ip_interface(&r, &on[1]));
	assert_ptr_equal(cni_result_ip_interface(&r, &on[2]), &r.interfaces.v[0]);
	assert_ptr_equal(cni_result_ip_interface(&r, &on[3]), &r.interfaces.v[3]);
	assert_null(cni_result_ip_interface(&r, &on[4]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rich_result_goes_down),
		cmocka_unit_test(every_version_becomes_every_other),
		cmocka_unit_test(documents_are_read_and_written),
		cmocka_unit_test(changing_one_field_keeps_the_rest),
		cmocka_unit_test(ipam_result_is_built),
		cmocka_unit_test(interfaces_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
