/* SPDX-License-Identifier: Apache-2.0 */
/* test_ifacer.c - ifacer's configuration, its lock, and what its records say */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/file.h>

#include "../../plugins/ifacer/conf.c" /* the program's own, no library's */
#include "../../plugins/ifacer/fields.c"
#include "../../plugins/ifacer/session.c"
#include "../../plugins/ifacer/uses.c"

static char dir[] = "/tmp/spiderpool-test-XXXXXX";

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;
	struct err e;

	if (json_parse(text, strlen(text), "conf", &o, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return o;
}

static void plans(void **state)
{
	const struct {
		const char *conf, *bond, *vlan;
		size_t ports;
		int mode;
	} rows[] = {
		{ "{\"interfaces\":[\"eth0\"]}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":0}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":null,\"bond\":null}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\"],\"bond\":{\"mode\":9,\"options\":\"x\"}}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\",\"eth1\"]}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\",\"eth1\"],\"vlanID\":5}", "", "", 0, 0 },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":4094}", "", "eth0.4094", 1, 0 },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":1,\"bond\":{\"mode\":1}}", "", "eth0.1", 1, 0 },
		{ "{\"interfaces\":[\"eth0\",\"eth1\"],\"bond\":{}}", "sp_bond0", "", 2, 0 },
		{ "{\"interfaces\":[\"eth0\",\"eth1\"],\"bond\":{\"name\":\"\",\"mode\":6}}", "sp_bond0", "",
		  2, 6 },
		{ "{\"interfaces\":[\"eth0\",\"eth1\",\"eth2\"],\"vlanID\":7,\"bond\":{\"name\":\"b\","
		  "\"mode\":1,\"options\":\"primary=eth2\"}}",
		  "b", "b.7", 3, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p) struct json_object *o = parse(rows[i].conf);
		struct ifacer_conf c;
		struct ifacer_plan p;
		struct err e = { 0 };

		if (ifacer_conf_read(o, &c, &p, &e) < 0)
			fail_msg("%s: %s", rows[i].conf, e.msg);
		if (strcmp(p.bond, rows[i].bond) != 0 || strcmp(p.vlan, rows[i].vlan) != 0 ||
		    p.ports != rows[i].ports || p.mode != rows[i].mode)
			fail_msg("%s: bond \"%s\" mode %d, vlan \"%s\", %zu ports", rows[i].conf, p.bond,
				 p.mode, p.vlan, p.ports);
		assert_int_equal(ifacer_plan_is_empty(&p), rows[i].ports == 0);
		ifacer_conf_clear(&c);
	}
}

#define TWO(more) "{\"interfaces\":[\"eth0\",\"eth1\"]," more "}"

static void refused(void **state)
{
	const struct {
		const char *conf, *says;
	} rows[] = {
		{ "{}", "interfaces have at least one interface" },
		{ "{\"interfaces\":[]}", "interfaces have at least one interface" },
		{ "{\"interfaces\":\"eth0\"}", "interfaces: want a list" },
		{ "{\"interfaces\":[5]}", "interfaces[0]: want a string" },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":-1}", "vlanID: want a whole number from 0 to 4094" },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":4095}",
		  "vlanID: want a whole number from 0 to 4094" },
		{ "{\"interfaces\":[\"eth0\"],\"vlanID\":\"5\"}", "vlanID: want a" },
		{ "{\"interfaces\":[\"a/b\"],\"vlanID\":5}", "interfaces[0]: \"a/b\" is no name" },
		{ "{\"interfaces\":[\"elevenchars\"],\"vlanID\":4094}",
		  "vlanID: the VLAN 4094 on elevenchars would be named elevenchars.4094; want a name of at most 15 "
		  "characters" },
		{ "{\"interfaces\":[\"a%d\"],\"vlanID\":5}", "without percent sign" },
		{ "{\"interfaces\":[\"eth0\",\"eth0\"],\"bond\":{}}", "interfaces: eth0 is named twice" },
		{ TWO("\"bond\":{\"mode\":7}"), "unknown bond mode: 7, available mode: [0,6]" },
		{ TWO("\"bond\":{\"mode\":-1}"), "unknown bond mode: -1, available mode: [0,6]" },
		{ TWO("\"bond\":{\"mode\":\"1\"}"), "bond.mode: want" },
		{ TWO("\"bond\":{\"modes\":1}"), "bond.modes" },
		{ TWO("\"bond\":{\"name\":\"eth1\"}"), "bond.name: eth1 is one of the interfaces" },
		{ TWO("\"bond\":{\"name\":\"b%d\"}"), "bond.name: \"b%d\" cannot be the name" },
		{ TWO("\"bond\":{\"name\":\"a-name-that-is-long\"}"), "bond.name: \"a-name-that-is-long\"" },
		{ TWO("\"bond\":{\"options\":\"miimon\"}"), "bond options: \"miimon\": want key=value" },
		{ TWO("\"bond\":{\"options\":{}}"), "bond.options: want a string" },
		{ TWO("\"bond\":{\"options\":\"primary=eth2\"}"),
		  "bond.options: primary=eth2: want one of the interfaces of the bond" },
		{ TWO("\"vlanID\":4094,\"bond\":{\"name\":\"elevenchars\"}"),
		  "would be named elevenchars.4094" },
		{ "{\"interfaces\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\",\"12\",\"13\","
		  "\"14\",\"15\",\"16\",\"17\",\"18\",\"19\",\"20\",\"21\",\"22\",\"23\",\"24\",\"25\",\"26\",\"27\","
		  "\"28\",\"29\",\"30\",\"31\",\"32\",\"33\"],\"bond\":{}}",
		  "interfaces: want at most 32, got 33" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(json_put_p) struct json_object *o = parse(rows[i].conf);
		struct ifacer_conf c;
		struct ifacer_plan p;
		struct err e = { 0 };
		int r = ifacer_conf_read(o, &c, &p, &e);

		if (r >= 0 || e.cni != ERR_CONFIG || c.interfaces.v)
			fail_msg("%s: returned %d, code %d", rows[i].conf, r, e.cni);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("%s: %s", rows[i].conf, e.msg);
	}
}

/* ---- with a directory ---- */

static void save(const struct podnet_dir *d, const char *container, const char *conf)
{
	CLEANUP(json_put_p) struct json_object *o = parse(conf);
	struct podnet_record rec = {
		.container = (char *)container, .ifname = (char *)"net1", .network = (char *)"net", .conf = o
	};
	struct err e;

	if (podnet_record_save(d, &rec, &e) < 0)
		fail_msg("%s", e.msg);
}

static void uses(void **state)
{
	const char *const others = "{\"interfaces\":[\"eth0\",\"eth2\"],\"bond\":{\"name\":\"b\"}}";
	CLEANUP(podnet_dir_close) struct podnet_dir d = { .fd = -1 };
	struct ifacer_plan same = { .port = { "eth1", "eth0" }, .ports = 2, .bond = "b" };
	struct ifacer_plan fewer = { .port = { "eth0" }, .ports = 1, .bond = "b" };
	struct ifacer_plan other_name = { .port = { "eth0" }, .ports = 1, .bond = "c" };
	struct ifacer_uses u;
	struct err e;

	(void)state;
	assert_int_equal(podnet_dir_open(dir, "ifacer", true, &d, &e), 0);
	assert_int_equal(ifacer_uses_read(&d, &u, &e), 0);
	assert_int_equal(u.n + u.bad, 0);
	ifacer_uses_clear(&u);
	save(&d, "c1", "{\"interfaces\":[\"eth0\"],\"vlanID\":5}");
	save(&d, "c2", TWO("\"vlanID\":6,\"bond\":{\"name\":\"b\"}"));
	save(&d, "c3", "{\"interfaces\":[]}");
	assert_int_equal(ifacer_uses_read(&d, &u, &e), 0);
	assert_int_equal(u.n, 2);
	assert_int_equal(u.bad, 1);
	assert_true(ifacer_uses_interface(&u, "eth0.5"));
	assert_true(ifacer_uses_interface(&u, "b"));
	assert_true(ifacer_uses_interface(&u, "b.6"));
	assert_false(ifacer_uses_interface(&u, "eth0"));
	assert_false(ifacer_uses_interface(&u, "b.5"));
	assert_null(ifacer_uses_differently(&u, &same));
	assert_null(ifacer_uses_differently(&u, &other_name));
	assert_string_equal(ifacer_uses_differently(&u, &fewer)->record->container, "c2");
	ifacer_uses_clear(&u);
	save(&d, "c2", others);
	assert_int_equal(ifacer_uses_read(&d, &u, &e), 0);
	assert_non_null(ifacer_uses_differently(&u, &same));
	ifacer_uses_clear(&u);
}

static void locks(void **state)
{
	const struct {
		int held; /* by somebody else */
		bool writer;
		int want;
	} rows[] = {
		{ LOCK_UN, true, 0 },          { LOCK_UN, false, 0 },         { LOCK_SH, false, 0 },
		{ LOCK_SH, true, -ETIMEDOUT }, { LOCK_EX, true, -ETIMEDOUT }, { LOCK_EX, false, -ETIMEDOUT },
	};
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/ifacer/.lock", dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(close_p) int other = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		struct cni_call c = { .deadline = deadline_in(20) };
		struct session s = { .call = &c, .lock = -1, .dir.fd = -1 };
		struct err e = { 0 };
		int r;

		assert_int_equal(flock(other, rows[i].held), 0);
		assert_int_equal(podnet_dir_open(dir, "ifacer", true, &s.dir, &e), 0);
		r = session_lock(&s, rows[i].writer, &e);
		if (r != rows[i].want)
			fail_msg("row %zu: returned %d, want %d: %s", i, r, rows[i].want, e.msg);
		if (r < 0 && (e.cni != ERR_TRY_AGAIN || !strstr(e.msg, "/ifacer/.lock for too long")))
			fail_msg("row %zu: code %d: %s", i, e.cni, e.msg);
		session_end(&s);
	}
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans),
		cmocka_unit_test(refused),
		cmocka_unit_test(uses),
		cmocka_unit_test(locks),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
