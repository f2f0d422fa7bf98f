/* SPDX-License-Identifier: Apache-2.0 */
/* test_veth_conf.c - veth's configuration: what holds, every sentence, Go's durations */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of a plugin, not of the library. */
#include "../../plugins/veth/conf.c"
#include "../../plugins/veth/fields.c"

#define SUBNETS "\"service_hijack_subnet\":[\"10.96.0.0/12\"],\"overlay_hijack_subnet\":[\"10.244.0.0/16\"]"
#define ALL_DEFAULT \
	" skip=0 only_mac=0 mac= migrate=-1 host=1 rp=2 conflict=0 interval=1000 retries=3 " \
	"hijack=10.96.0.0/12,10.244.0.0/16 dir=/run/spiderpool log=/var/log/meta-plugins/veth.log info 100 5 5 "

static struct err err;

static struct json_object *tree_of(const char *text)
{
	struct json_object *o = NULL;

	if (json_parse(text, strlen(text), "test", &o, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return o;
}

/* All of it as " key=value ... " */
static void dump(struct buf *b, const struct veth_conf *c)
{
	char ip[IP_TEXT_MAX];

	buf_fmt(b, " skip=%d only_mac=%d mac=", c->skip, c->only_mac);
	if (c->has_mac_prefix)
		buf_fmt(b, "%02x:%02x", c->mac_prefix[0], c->mac_prefix[1]);
	buf_fmt(b, " migrate=%d host=%d rp=%d conflict=%d interval=%lld retries=%d hijack=", c->migrate,
		c->rp_filter_on_host, c->rp_filter, c->ip_conflict.enabled, (long long)c->interval_ms,
		c->retries);
	for (size_t i = 0; i < c->hijack.n; i++)
		buf_fmt(b, "%s%s", i ? "," : "", ip_prefix_format(c->hijack.v[i], ip));
	buf_fmt(b, " dir=%s log=%s %s %lld %lld %lld ", c->state_dir, c->log.path,
		log_level_name(c->log.level), (long long)c->log.max_size_mb, (long long)c->log.max_age_days,
		(long long)c->log.max_count);
}

struct row {
	const char *conf; /* keys without braces */
	const char *want; /* a part of the dump or of the sentence */
};

static const struct row good[] = {
	{ SUBNETS, ALL_DEFAULT },
	/* null says nothing, nor does an empty text */
	{ SUBNETS
	  ",\"rp_filter\":null,\"migrate_route\":null,\"log_options\":null,\"ip_conflict\":null,"
	  "\"mac_prefix\":null,\"additional_hijack_subnet\":null,\"skip_call\":null,\"state_dir\":null",
	  ALL_DEFAULT },
	{ SUBNETS
	  ",\"mac_prefix\":\"\",\"state_dir\":\"\",\"additional_hijack_subnet\":[],"
	  "\"ip_conflict\":{\"interval\":\"\"},\"log_options\":{\"log_level\":\"\",\"log_file\":\"\"}",
	  ALL_DEFAULT },
	/* prefixes: in order, none twice, no host bits, no blanks */
	{ "\"service_hijack_subnet\":[\" 10.96.1.1/12\",\"fd00:96::1/112\"],\"overlay_hijack_subnet\":"
	  "[\"10.244.0.0/16 \",\"10.100.0.0/12\"],\"additional_hijack_subnet\":[\"169.254.0.0/16\"]",
	  " hijack=10.96.0.0/12,fd00:96::/112,10.244.0.0/16,169.254.0.0/16 " },
	{ SUBNETS ",\"migrate_route\":1", " migrate=1 " },
	{ SUBNETS ",\"migrate_route\":0", " migrate=0 " },
	{ SUBNETS ",\"migrate_route\":-1", " migrate=-1 " },
	{ SUBNETS ",\"migrate_route\":2", " migrate=-1 " },
	{ SUBNETS ",\"migrate_route\":-2", " migrate=-1 " },
	/* rp_filter: the original's table */
	{ SUBNETS ",\"rp_filter\":{}", " host=0 rp=0 " },
	{ SUBNETS ",\"rp_filter\":{\"value\":1}", " host=0 rp=1 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":false,\"value\":2}", " host=0 rp=2 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":true}", " host=1 rp=2 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":true,\"value\":0}", " host=1 rp=0 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":true,\"value\":3}", " host=1 rp=2 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":true,\"value\":-1}", " host=1 rp=2 " },
	{ SUBNETS ",\"rp_filter\":{\"set_host\":false,\"value\":3}", " host=0 rp=2 " },
	/* MAC */
	{ SUBNETS ",\"mac_prefix\":\"0A:1b\"", " only_mac=0 mac=0a:1b " },
	{ SUBNETS ",\"mac_prefix\":\"fe-ff\"", " mac=fe:ff " },
	{ "\"only_op_mac\":true,\"mac_prefix\":\"0a:1b\"", " only_mac=1 mac=0a:1b " },
	{ "\"only_op_mac\":true,\"mac_prefix\":\"0a:1b\",\"service_hijack_subnet\":[\"what\"]", " hijack= " },
	/* skipped: nothing else is looked at */
	{ "\"skip_call\":true", " skip=1 " },
	{ "\"skip_call\":true,\"mac_prefix\":\"what\",\"only_op_mac\":true", " skip=1 " },
	/* conflict */
	{ SUBNETS ",\"ip_conflict\":{\"enabled\":true}", " conflict=1 interval=1000 retries=3 " },
	{ SUBNETS ",\"ip_conflict\":{\"enabled\":true,\"interval\":\"250ms\",\"retries\":1}",
	  " conflict=1 interval=250 retries=1 " },
	{ SUBNETS ",\"ip_conflict\":{\"retries\":0}", " retries=3 " },
	{ SUBNETS ",\"ip_conflict\":{\"retries\":-5}", " retries=3 " },
	{ SUBNETS ",\"ip_conflict\":{\"retries\":1000}", " retries=1000 " },
	/* log and directory */
	{ SUBNETS
	  ",\"log_options\":{\"log_level\":\"DEBUG\",\"log_file\":\"/var/log/x\",\"log_max_size\":\"7\","
	  "\"log_max_age\":0,\"log_max_count\":\"0\"}",
	  " log=/var/log/x debug 7 0 0 " },
	{ SUBNETS ",\"log_options\":{\"log_level\":\"loud\"}", " log=/var/log/meta-plugins/veth.log info " },
	{ SUBNETS ",\"state_dir\":\"/a/b.c\"", " dir=/a/b.c " },
	{ SUBNETS ",\"prevResult\":{},\"what\":1", ALL_DEFAULT },
};

static const struct row wrong[] = {
	{ "", "config: service_hijack_subnet must be given: want at least one prefix" },
	{ "\"service_hijack_subnet\":[\"10.96.0.0/12\"]", "config: overlay_hijack_subnet must be given" },
	{ "\"service_hijack_subnet\":[],\"overlay_hijack_subnet\":[]",
	  "config: service_hijack_subnet must be" },
	{ "\"service_hijack_subnet\":[\"\"]", "config: service_hijack_subnet[0]: " },
	{ "\"service_hijack_subnet\":[\"10.96.0.0\"]", "config: service_hijack_subnet[0]: " },
	{ SUBNETS ",\"additional_hijack_subnet\":[\"1.0.0.0/8\",\"1.0.0.0/33\"]",
	  "config: additional_hijack_subnet[1]: " },
	{ SUBNETS ",\"mac_prefix\":\"0a\"", "config: mac_prefix \"0a\": want two bytes in hexadecimal" },
	{ SUBNETS ",\"mac_prefix\":\"0a:1\"", "config: mac_prefix" },
	{ SUBNETS ",\"mac_prefix\":\"0a:1b:\"", "config: mac_prefix" },
	{ SUBNETS ",\"mac_prefix\":\"0a.1b\"", "config: mac_prefix" },
	{ SUBNETS ",\"mac_prefix\":\"0,:1b\"", "config: mac_prefix" },
	{ SUBNETS ",\"mac_prefix\":\"03:1b\"",
	  "config: mac_prefix \"03:1b\": want an even first byte: an odd one makes a multicast MAC" },
	{ "\"only_op_mac\":true", "config: only_op_mac is true, but there is no mac_prefix" },
	{ SUBNETS ",\"only_op_mac\":true,\"mac_prefix\":\"\"", "config: only_op_mac is true" },
	{ SUBNETS ",\"ip_conflict\":{\"interval\":\"1\"}",
	  "config: ip_conflict.interval \"1\": want a time of 1ms or more, for example 1s or 300ms" },
	{ SUBNETS ",\"ip_conflict\":{\"retries\":1001}", "config: ip_conflict.retries" },
	{ SUBNETS ",\"ip_conflict\":{\"retries\":\"3\"}", "config: ip_conflict.retries" },
	{ SUBNETS ",\"rp_filter\":2", "config: rp_filter: want an object" },
	{ SUBNETS ",\"rp_filter\":{\"value\":\"2\"}", "config: rp_filter.value" },
	{ SUBNETS ",\"migrate_route\":true", "config: migrate_route" },
	{ SUBNETS ",\"skip_call\":\"yes\"", "config: skip_call: want true or false" },
	{ SUBNETS ",\"state_dir\":\"x\"", "config: state_dir \"x\": want an absolute path" },
	{ SUBNETS ",\"state_dir\":\"/x/../y\"", "config: state_dir" },
	{ SUBNETS ",\"log_options\":{\"log_max_size\":-1}", "config: log_options.log_max_size: want" },
	{ SUBNETS ",\"log_options\":{\"log_max_age\":\"5d\"}",
	  "config: log_options.log_max_age: want a whole number, 0 or more, got \"5d\"" },
	{ SUBNETS ",\"log_options\":{\"log_max_count\":1.5}", "config: log_options.log_max_count: want" },
};

static int read_row(const struct row *row, struct veth_conf *c)
{
	char text[2048];
	struct json_object *tree;
	int r;

	snprintf(text, sizeof(text), "{%s}", row->conf);
	tree = tree_of(text);
	r = veth_conf_read(tree, c, &err);
	json_object_put(tree);
	return r;
}

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(65536);
		struct veth_conf c;

		if (read_row(&good[i], &c) < 0)
			fail_msg("%s: %s", good[i].conf, err.msg);
		dump(&b, &c);
		veth_conf_clear(&c);
		if (!strstr(buf_cstr(&b), good[i].want))
			fail_msg("%s:\nwant %s\ngot  %s", good[i].conf, good[i].want, buf_cstr(&b));
	}
}

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct veth_conf c;

		if (read_row(&wrong[i], &c) >= 0)
			fail_msg("%s: want an error", wrong[i].conf);
		if (err.cni != ERR_CONFIG || !strstr(err.msg, wrong[i].want))
			fail_msg("%s:\nwant %s\ngot  %d %s", wrong[i].conf, wrong[i].want, err.cni, err.msg);
	}
}

/* A broken configuration still tells DEL where the records are. */
static void test_essential(void **state)
{
	static const struct row rows[] = {
		{ "{\"state_dir\":\"/a\",\"mac_prefix\":7}", "/a" },
		{ "{\"state_dir\":\"a\"}", VETH_STATE_DIR },
		{ "{\"state_dir\":5}", VETH_STATE_DIR },
		{ "{}", VETH_STATE_DIR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *tree = tree_of(rows[i].conf);
		struct veth_conf c;

		assert_int_equal(veth_conf_read_essential(tree, &c, &err), 0);
		if (strcmp(c.state_dir, rows[i].want) != 0)
			fail_msg("%s: want %s, got %s", rows[i].conf, rows[i].want, c.state_dir);
		veth_conf_clear(&c);
		json_object_put(tree);
	}
}

static void take_note(const char *sentence, void *arg)
{
	buf_fmt(arg, "%s\n", sentence);
}

static void test_notes(void **state)
{
	static const struct row rows[] = {
		{ SUBNETS ",\"name\":\"n\",\"prevResult\":{},\"cni.dev/attachments\":[],\"deviceID\":\"x\"",
		  "" },
		{ SUBNETS ",\"log_options\":{\"log_level\":\"loud\"}",
		  "log_options.log_level: there is no such level, info is taken\n" },
		{ SUBNETS ",\"migrate_route\":2", "migrate_route: want -1, 0 or 1; -1 is taken\n" },
		{ SUBNETS ",\"rp_filter\":{\"value\":3}", "rp_filter.value: want 0, 1 or 2; 2 is taken\n" },
		{ SUBNETS ",\"vethMTU\":9000,\"rp_filter\":{\"x\":1}",
		  "vethMTU: unknown key, ignored\nrp_filter.x: unknown key, ignored\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf b = BUF_INIT(65536);
		struct json_object *tree;
		struct veth_conf c;
		char text[1024];

		snprintf(text, sizeof(text), "{%s}", rows[i].conf);
		tree = tree_of(text);
		assert_int_equal(veth_conf_read(tree, &c, &err), 0);
		veth_conf_notes(&c, tree, take_note, &b);
		veth_conf_clear(&c);
		json_object_put(tree);
		if (strcmp(buf_cstr(&b), rows[i].want) != 0)
			fail_msg("%s:\nwant %s\ngot  %s", rows[i].conf, rows[i].want, buf_cstr(&b));
	}
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: none */
	} rows[] = {
		{ "1s", 1000 },
		{ "300ms", 300 },
		{ "1m", 60000 },
		{ "1m30s", 90000 },
		{ "1.5h", 5400000 },
		{ ".5s", 500 },
		{ "2.s", 2000 },
		{ "+1s", 1000 },
		{ "1500us", 1 },
		{ "1000000ns", 1 },
		{ "1000\xc2\xb5s", 1 },
		{ "1h1m1s1ms", 3661001 },
		{ "0", -1 },
		{ "", -1 },
		{ "1", -1 },
		{ "s", -1 },
		{ "-1s", -1 },
		{ "1 s", -1 },
		{ "1s ", -1 },
		{ "1sm", -1 },
		{ "0.5ms", -1 },
		{ ".s", -1 },
		{ "1x", -1 },
		{ "1s1", -1 },
		{ "999999999h", -1 },
		{ "1e3s", -1 },
		{ "0x10s", -1 },
		{ "1d", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = -1;
		int r = veth_duration(rows[i].text, &ms);

		if (ms != rows[i].ms || r != (rows[i].ms < 0 ? -EINVAL : 0))
			fail_msg("%s: want %lld, got %d and %lld", rows[i].text, (long long)rows[i].ms, r,
				 (long long)ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_essential), cmocka_unit_test(test_notes),
		cmocka_unit_test(test_duration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
