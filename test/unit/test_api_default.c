/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_default.c - what is filled in; helpers on valid objects */
#include "api_rows.h"

#define S "subnet: 10.0.0.0/24, "

struct default_row {
	const char *rule, *world, *obj;
	const char *want; /* metadata and spec of the result, JSON; NULL: nothing changes */
	unsigned flags;
};

#define HEAD(kind) "{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"" kind "\","
#define POOL_META(labels) \
	HEAD("SpiderIPPool") \
	"\"metadata\":{\"name\":\"p\",\"labels\":{" labels "},\"finalizers\":[\"" API_FINALIZER "\"]},"
#define SUBNET_META(labels) \
	HEAD("SpiderSubnet") \
	"\"metadata\":{\"name\":\"s\",\"labels\":{" labels "},\"finalizers\":[\"" API_FINALIZER "\"]},"
#define CIDR    "\"ipam.spidernet.io/ippool-cidr\":\"10-0-0-0-24\""
#define OWNED   CIDR ",\"ipam.spidernet.io/owner-spider-subnet\":\"s\""
#define FALSES  "\"default\":false,\"disable\":false}}"
#define NET     "\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\","
#define GATEWAY "\"gateway\":\"10.0.0.254\","
#define ROUTES  "\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"10.0.0.254\"}],"
#define PARENT  "subnet s {" S "gateway: 10.0.0.254, routes: [{dst: 1.0.0.0/8, gw: 10.0.0.254}]}"
#define OWNER_OF(name, uid) \
	"{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"SpiderSubnet\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"controller\":true,\"blockOwnerDeletion\":true}"
#define A63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static const struct default_row rows[] = {
	{ .rule = "pool", .obj = "pool p {" S "}", .want = POOL_META(CIDR) NET FALSES },
	{ .rule = "pool keeps what it has",
	  .obj = "pool p {ipVersion: 4, " S
		 "default: true, disable: true} | labels: {a: b}, finalizers: [x, spiderpool.spidernet.io]",
	  .want = HEAD("SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"b\"," CIDR
				       "},\"finalizers\":[\"x\",\"spiderpool.spidernet.io\"]}," NET
				       "\"default\":true,\"disable\":true}}" },
	{ .rule = "pool with a namespace",
	  .obj = "pool p {" S "} | namespace: x",
	  .want = POOL_META(CIDR) NET FALSES },
	{ .rule = "version of ips",
	  .obj = "pool p {ips: [x, \"fd00::1\"]}",
	  .want = HEAD("SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"finalizers\":[\"spiderpool.spidernet."
				       "io\"]},"
				       "\"spec\":{\"ipVersion\":6,\"ips\":[\"x\",\"fd00::1\"]," FALSES },
	{ .rule = "version of excludeIPs",
	  .obj = "pool p {excludeIPs: [10.0.0.1]}",
	  .want = HEAD("SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"finalizers\":[\"spiderpool.spidernet."
				       "io\"]},"
				       "\"spec\":{\"ipVersion\":4,\"excludeIPs\":[\"10.0.0.1\"]," FALSES },
	{ .rule = "version that is wrong stays",
	  .obj = "pool p {ipVersion: 0, " S "ips: [10.0.0.2, 10.0.0.1]}",
	  .want = POOL_META(CIDR) "\"spec\":{\"ipVersion\":0,\"subnet\":\"10.0.0.0/"
				  "24\",\"ips\":[\"10.0.0.2\",\"10.0.0.1\"]," FALSES },
	{ .rule = "label of the network",
	  .obj = "pool p {ipVersion: 4, subnet: 10.0.0.1/24}",
	  .want = POOL_META(CIDR) "\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.1/24\"," FALSES },

	{ .rule = "ranges are merged",
	  .obj = "pool p {" S "ips: [10.0.0.9, 10.0.0.4-10.0.0.6, 10.0.0.1-10.0.0.3, 10.0.0.5, 10.0.0.9], "
		 "excludeIPs: [10.0.0.8-10.0.0.9, 10.0.0.7-10.0.0.8]}",
	  .want = POOL_META(CIDR) NET
	  "\"ips\":[\"10.0.0.1-10.0.0.6\",\"10.0.0.9\"],\"excludeIPs\":[\"10.0.0.7-10.0.0.9\"]," FALSES },
	{ .rule = "one range stays as it is",
	  .obj = "pool p {" S "ips: [10.0.0.1-10.0.0.1], excludeIPs: []}",
	  .want = POOL_META(CIDR) NET "\"ips\":[\"10.0.0.1-10.0.0.1\"],\"excludeIPs\":[]," FALSES },
	{ .rule = "one address as a range is merged with others",
	  .obj = "pool p {" S "ips: [10.0.0.1-10.0.0.1, 10.0.0.3]}",
	  .want = POOL_META(CIDR) NET "\"ips\":[\"10.0.0.1\",\"10.0.0.3\"]," FALSES },
	{ .rule = "wrong ranges stay",
	  .obj = "pool p {" S "ips: [10.0.0.3, 10.0.0.9-10.0.0.1], excludeIPs: [b, a]}",
	  .want = POOL_META(CIDR) NET
	  "\"ips\":[\"10.0.0.3\",\"10.0.0.9-10.0.0.1\"],\"excludeIPs\":[\"b\",\"a\"]," FALSES },
	{ .rule = "gateway is empty",
	  .obj = "pool p {" S "gateway: \"\"}",
	  .want = POOL_META(CIDR) NET FALSES },

	{ .rule = "inherits",
	  .world = PARENT,
	  .obj = "pool p {" S "}",
	  .want = POOL_META(OWNED) NET GATEWAY ROUTES FALSES },
	{ .rule = "inherits, empty gateway and null routes",
	  .world = PARENT,
	  .obj = "pool p {" S "gateway: \"\", routes: null}",
	  .want = POOL_META(OWNED) NET GATEWAY ROUTES FALSES },
	{ .rule = "inherits no routes",
	  .world = PARENT,
	  .obj = "pool p {" S "routes: []}",
	  .want = POOL_META(OWNED) NET GATEWAY "\"routes\":[]," FALSES },
	{ .rule = "inherits no gateway",
	  .world = PARENT,
	  .obj = "pool p {" S "gateway: 10.0.0.1}",
	  .want = POOL_META(OWNED) NET "\"gateway\":\"10.0.0.1\"," ROUTES FALSES },
	{ .rule = "subnet has nothing to inherit",
	  .world = "subnet s {" S "routes: []}",
	  .obj = "pool p {" S "}",
	  .want = POOL_META(OWNED) NET FALSES },
	{ .rule = "feature is off",
	  .world = PARENT,
	  .obj = "pool p {" S "}",
	  .want = POOL_META(CIDR) NET FALSES,
	  .flags = NO_SUBNETS },
	{ .rule = "another subnet",
	  .world = "subnet s {subnet: 10.0.0.0/25, gateway: 10.0.0.1}",
	  .obj = "pool p {" S "}",
	  .want = POOL_META(CIDR) NET FALSES },
	{ .rule = "subnet is being deleted",
	  .world = PARENT " | deletionTimestamp: x",
	  .obj = "pool p {" S "}",
	  .want = POOL_META(CIDR) NET FALSES },
	{ .rule = "owner",
	  .world = "subnet s {" S "} | uid: u1",
	  .obj = "pool p {" S "}",
	  .want = HEAD("SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"labels\":{" OWNED
				       "},\"finalizers\":[\"spiderpool.spidernet.io\"],"
				       "\"ownerReferences\":[" OWNER_OF("s", "u1") "]}," NET FALSES },
	{ .rule = "owner beside others",
	  .world = "subnet s {" S "} | uid: u1",
	  .obj = "pool p {" S "} | ownerReferences: [{name: x, controller: false}]",
	  .want = HEAD("SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"labels\":{" OWNED
				       "},\"finalizers\":[\"spiderpool.spidernet.io\"],"
				       "\"ownerReferences\":[{\"name\":\"x\",\"controller\":false}," OWNER_OF(
					       "s", "u1") "]}," NET FALSES },
	{ .rule = "another controller",
	  .world = "subnet s {" S "} | uid: u1",
	  .obj = "pool p {" S "} | ownerReferences: [{name: x, controller: true}]",
	  .want = HEAD(
		  "SpiderIPPool") "\"metadata\":{\"name\":\"p\",\"labels\":{" OWNED
				  "},\"finalizers\":[\"spiderpool.spidernet.io\"],"
				  "\"ownerReferences\":[{\"name\":\"x\",\"controller\":true}]}," NET FALSES },
	{ .rule = "subnet with a long name",
	  .world = "subnet " A63 "h {" S "}",
	  .obj = "pool p {" S "}",
	  .want = POOL_META(CIDR ",\"ipam.spidernet.io/owner-spider-subnet\":"
				 "\"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeee-a10f56989c98f49a\"")
		  NET FALSES },
	{ .rule = "pool that is being deleted",
	  .world = PARENT,
	  .obj = "pool p {" S "ips: [10.0.0.2, 10.0.0.1]} | deletionTimestamp: x" },

	{ .rule = "subnet",
	  .world = PARENT,
	  .obj = "subnet s {subnet: \"fd00::/64\", ips: [\"fd00::2\", \"fd00::1\"], excludeIPs: "
		 "[\"fd00::9\", \"fd00::8\"]}",
	  .want = SUBNET_META(
		  "\"ipam.spidernet.io/subnet-cidr\":\"fd00---64\"") "\"spec\":{\"ipVersion\":6,\"subnet\":"
								     "\"fd00::/"
								     "64\",\"ips\":[\"fd00::1-fd00::2\"],"
								     "\"excludeIPs\":[\"fd00::8-fd00::9\"]}"
								     "}" },
	{ .rule = "subnet that is being deleted", .obj = "subnet s {" S "} | deletionTimestamp: x" },
	{ .rule = "reserved",
	  .obj = "reserved r {ips: [\"fd00::2\", \"fd00::1\"]}",
	  .want = HEAD("SpiderReservedIP") "\"metadata\":{\"name\":\"r\"},\"spec\":{\"ipVersion\":6,\"ips\":["
					   "\"fd00::1-fd00::2\"]}}" },
	{ .rule = "reserved nothing", .obj = "reserved r {ips: []}" },
	{ .rule = "reserved of another family",
	  .obj = "reserved r {ipVersion: 9, ips: [10.0.0.2, 10.0.0.1]}" },
	{ .rule = "endpoint",
	  .obj = "endpoint web {}",
	  .want = HEAD("SpiderEndpoint") "\"metadata\":{\"name\":\"web\",\"namespace\":\"default\"},"
					 "\"status\":{\"current\":"
					 "{\"uid\":\"\",\"node\":\"\"},\"ownerControllerType\":\"\","
					 "\"ownerControllerName\":\"\"}}" },
	{ .rule = "endpoint with namespace", .obj = "endpoint web {} | namespace: a" },
	{ .rule = "block", .obj = "block v4-0a000000 {ipVersion: 4}" },
};

static void test_defaults(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row row = { .rule = rows[i].rule,
					 .world = rows[i].world,
					 .flags = rows[i].flags };
		struct row_object o = row_object(row.rule, rows[i].obj, strlen(rows[i].obj));
		struct buf before = BUF_INIT(BUF_MAX_DEFAULT), after = BUF_INIT(BUF_MAX_DEFAULT);
		const char *want = rows[i].want;
		struct row_run run;
		struct err e = { .msg = "" };

		row_start(&run, &row);
		assert_int_equal(api_encode_text(o.kind, o.o, &before, &e), 0);
		if (!want)
			want = before.s;
		for (int pass = 1; pass <= 2; pass++) { /* what is filled in once stays so */
			buf_reset(&after);
			if (api_default(o.kind, o.o, &run.w, &e) != 0 || e.msg[0])
				fail_msg("%s: %s", row.rule, e.msg);
			assert_int_equal(api_encode_text(o.kind, o.o, &after, &e), 0);
			if (strcmp(after.s, want) != 0)
				fail_msg("%s: pass %d: is\n\t%s\nwant\n\t%s", row.rule, pass, after.s, want);
		}
		buf_clear(&before);
		buf_clear(&after);
		api_free(o.kind, o.o);
		row_end(&run);
	}
}

static void test_labels(void **state)
{
	static const struct {
		const char *cidr, *want;
	} cidrs[] = {
		{ "172.18.40.0/24", "172-18-40-0-24" },
		{ "172.18.40.7/24", "172-18-40-0-24" },
		{ "abcd:1234::/120", "abcd-1234---120" },
		{ "ABCD:1234:0::/120", "abcd-1234---120" },
		{ "::/0", "0---0" },
		{ "1111:2222:3333:4444:5555:6666:7777:8888/128",
		  "1111-2222-3333-4444-5555-6666-7777-8888-128" },
	};
	char out[API_LABEL_MAX];
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cidrs); i++) {
		assert_int_equal(api_cidr_label(cidrs[i].cidr, out, &e), 0);
		assert_string_equal(out, cidrs[i].want);
	}
	assert_int_equal(api_cidr_label("10.0.0.0", out, &e), -EINVAL);
	assert_string_equal(api_label_value("web", out), "web");
	assert_string_equal(api_label_value(A63, out), A63);
	assert_int_equal(strlen(api_label_value(A63 "h", out)), API_LABEL_MAX - 1);
	assert_string_not_equal(api_label_value(A63 "i", out),
				"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeee-a10f56989c98f49a");
}

static void test_total(void **state)
{
	static const struct {
		const char *obj;
		int64_t count; /* -1: an error */
	} totals[] = {
		{ "pool p {" S "ips: [10.0.0.1-10.0.0.9, 10.0.0.5-10.0.0.20], excludeIPs: [10.0.0.2, "
		  "10.0.0.19-10.0.0.30]}",
		  17 },
		{ "pool p {" S "}", 0 },
		{ "pool p {ipVersion: 6, ips: [\"8000::-ffff::\"]}", INT64_MAX },
		{ "pool p {ips: [10.0.0.1]}", -1 },
		{ "pool p {ipVersion: 3, " S "}", -1 },
		{ "pool p {" S "ips: [\"fd00::1\"]}", -1 },
		{ "pool p {" S "ips: [10.0.0.1], excludeIPs: [x]}", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(totals); i++) {
		struct row_object o = row_object("total", totals[i].obj, strlen(totals[i].obj));
		struct ip_set set;
		struct err e;
		int r = api_range_total(&((struct api_ippool *)o.o)->spec.range, &set, &e);

		if (r != (totals[i].count < 0 ? -EINVAL : 0) ||
		    (r == 0 && ip_set_count(&set) != totals[i].count) ||
		    (r < 0 && (set.n || e.cni != ERR_CONFIG)))
			fail_msg("row %zu: %d", i, r);
		ip_set_clear(&set);
		api_free(o.kind, o.o);
	}
}

static void test_reserved_set(void **state)
{
	static const struct {
		const char *obj;
		int64_t count; /* -1: not valid */
		uint8_t ver;
	} ranges[] = {
		{ "reserved r {ipVersion: 4, ips: [10.0.0.1, 10.0.0.2-10.0.0.5]}", 5, 4 },
		{ "reserved r {ips: [10.0.0.1]}", 1, 4 },
		{ "reserved r {ips: [\"fd00::1-fd00::2\"]}", 2, 6 },
		{ "reserved r {ips: []}", 0, 0 },
		{ "reserved r {ips: [10.0.0.1, \"fd00::1\"]}", -1, 0 },
		{ "reserved r {ips: [x]}", -1, 0 },
		{ "reserved r {ipVersion: 9, ips: [10.0.0.1]}", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ranges); i++) {
		struct row_object o = row_object("reserved", ranges[i].obj, strlen(ranges[i].obj));
		struct ip_set set;
		struct err e;
		int r = api_reserved_set((const struct api_reservedip *)o.o, &set, &e);

		if (ranges[i].count < 0 ? r >= 0 || set.n
					: r < 0 || (int64_t)ip_set_count(&set) != ranges[i].count ||
						  set.ver != ranges[i].ver)
			fail_msg("row %zu: %d", i, r);
		ip_set_clear(&set);
		api_free(o.kind, o.o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_labels),
		cmocka_unit_test(test_total),
		cmocka_unit_test(test_reserved_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
