/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_subnets.c - what is published about subnets, and which pools follow their gateway and
 * routes
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/pools_patch.c"
#include "../../cmd/controller/status.c"
#include "../../cmd/controller/status_subnet.c"
#include "../../cmd/controller/subnets_follow.c"

#define NOW 1700000000000

static void *object_of(enum api_kind kind, const char *text)
{
	void *o = calloc(1, api_kinds[kind].size);
	struct err e;

	if (json_decode_text(api_kinds[kind].table, text, strlen(text), "object", o, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	return o;
}

/* ---- status ---- */

#define SUBNET(rest) \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"su\",\"resourceVersion\":\"8\"},\"spec\":{" rest "}}"
#define CIDR "\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\""
#define POOL(name, labels, spec) \
	"{\"metadata\":{\"name\":\"" name "\",\"labels\":{" labels \
	"}},\"spec\":{\"ipVersion\":4,\"subnet\":" spec "}}"
#define AUTO(gv) \
	"\"ipam.spidernet.io/owner-application-gv\":\"" gv "\"," \
	"\"ipam.spidernet.io/owner-application-kind\":\"Deployment\"," \
	"\"ipam.spidernet.io/owner-application-namespace\":\"ns\"," \
	"\"ipam.spidernet.io/owner-application-name\":\"web\""

static const struct {
	const char *what, *subnet, *pools[5], *controlled;
	int64_t total, allocated;
	const char *exhausted, *reason;
} rows[] = {
	{ "no pool",
	  SUBNET(CIDR ",\"ips\":[\"10.0.0.1-10.0.0.10\"]"),
	  { NULL },
	  NULL,
	  10,
	  0,
	  "False",
	  "SomeFree" },
	{ "by name; what is excluded is not in it",
	  SUBNET(CIDR ",\"ips\":[\"10.0.0.1-10.0.0.10\"],\"excludeIPs\":[\"10.0.0.5\"]"),
	  { POOL("b", "", "\"10.0.0.0/24\",\"ips\":[\"10.0.0.4-10.0.0.6\"]"),
	    POOL("a", "", "\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.3\"],\"excludeIPs\":[\"10.0.0.2\"]") },
	  "{\"a\":{\"ips\":[\"10.0.0.1\",\"10.0.0.3\"]},\"b\":{\"ips\":[\"10.0.0.4\",\"10.0.0.6\"]}}",
	  9,
	  4,
	  "False",
	  "SomeFree" },
	{ "pools without addresses and of other networks are not named",
	  SUBNET(CIDR ",\"ips\":[\"10.0.0.1-10.0.0.2\"]"),
	  { POOL("a", "", "\"10.0.0.0/24\""), POOL("b", "", "\"10.0.1.0/24\",\"ips\":[\"10.0.1.1\"]"),
	    POOL("c", "", "\"10.0.0.0/24\",\"ips\":[\"10.0.0.9\"]"),
	    POOL("d", "", "\"10.0.0.0/24\",\"ips\":[\"10.0.0.8-10.0.0.1\"]") },
	  NULL,
	  2,
	  0,
	  "False",
	  "SomeFree" },
	{ "of an application",
	  SUBNET(CIDR ",\"ips\":[\"10.0.0.1-10.0.0.2\"]"),
	  { POOL("auto4-web", AUTO("apps_v1"), "\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.2\"]") },
	  "{\"auto4-web\":{\"ips\":[\"10.0.0.1-10.0.0.2\"],\"application\":\"apps_v1_Deployment_ns_web\"}}",
	  2,
	  2,
	  "True",
	  "AllInPools" },
	{ "nothing to give", SUBNET(CIDR), { NULL }, NULL, 0, 0, "True", "NoAddresses" },
};

static void test_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct api_subnet *s = object_of(API_SUBNET, rows[i].subnet);
		const struct api_ippool *pools[5];
		struct status_subnet now = { 0 };
		const struct status_condition *c;
		struct err e;
		size_t n = 0;

		for (; n < 5 && rows[i].pools[n]; n++)
			pools[n] = object_of(API_IPPOOL, rows[i].pools[n]);
		print_message("%s\n", rows[i].what);
		assert_int_equal(status_subnet_fill(s, pools, n, NOW, &now, &e), 0);
		if (rows[i].controlled)
			assert_string_equal(now.controlled_pools, rows[i].controlled);
		else
			assert_null(now.controlled_pools);
		assert_int_equal(now.total.v, rows[i].total);
		assert_int_equal(now.allocated.v, rows[i].allocated);
		c = status_find(&now.conditions, STATUS_EXHAUSTED);
		assert_non_null(c);
		assert_string_equal(c->status, rows[i].exhausted);
		assert_string_equal(c->reason, rows[i].reason);
		json_clear(&status_subnet_table, &now);
		while (n)
			api_free(API_IPPOOL, (struct api_object *)&pools[--n]->obj);
		api_free(API_SUBNET, &s->obj);
	}
}

/* ---- gateway and routes ---- */

#define PASSED(list) \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"su\",\"resourceVersion\":\"8\",\"annotations\":{" \
	"\"ipam.spidernet.io/passed-on\":\"" list "\"}},\"spec\":{"
#define OLD \
	"[{\\\"gateway\\\":\\\"10.0.0.1\\\",\\\"routes\\\":[{\\\"dst\\\":\\\"10.9.0.0/16\\\",\\\"gw\\\":\\\"10.0.0.1\\\"}]}]"
#define NEW CIDR ",\"gateway\":\"10.0.0.2\",\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}]}}"
#define BELOW(spec) \
	"{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":\"5\"},\"spec\":{" CIDR spec "}}"
#define IPS  ",\"ips\":[\"10.0.0.2-10.0.0.9\"]"
#define HEAD "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"5\"}"
#define OLDR ",\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.1\"}]"
#define NEWR "\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}]"

static const struct {
	const char *what, *subnet, *pool, *patch;
	bool due, stuck;
} follows[] = {
	{ "both", PASSED(OLD) NEW, BELOW(",\"gateway\":\"10.0.0.1\"" OLDR),
	  HEAD ",\"spec\":{\"gateway\":\"10.0.0.2\"," NEWR "}}", true, false },
	{ "its own gateway stays", PASSED(OLD) NEW, BELOW(",\"gateway\":\"10.0.0.7\"" OLDR),
	  HEAD ",\"spec\":{" NEWR "}}", true, false },
	{ "its own routes stay", PASSED(OLD) NEW, BELOW(",\"gateway\":\"10.0.0.1\",\"routes\":[]"),
	  HEAD ",\"spec\":{\"gateway\":\"10.0.0.2\"}}", true, false },
	{ "has them already", PASSED(OLD) NEW, BELOW(",\"gateway\":\"10.0.0.2\"," NEWR), "", false, false },
	{ "the gateway is one of its addresses", PASSED(OLD) NEW,
	  BELOW(",\"gateway\":\"10.0.0.1\"," NEWR IPS), "", false, true },
	{ "nothing was passed on", SUBNET(CIDR ",\"gateway\":\"10.0.0.2\""),
	  BELOW(",\"gateway\":\"10.0.0.1\""), "", false, false },
	{ "the subnet has none any more", PASSED(OLD) CIDR "}}", BELOW(",\"gateway\":\"10.0.0.1\"" OLDR),
	  HEAD ",\"spec\":{\"gateway\":null,\"routes\":null}}", true, false },
	{ "the subnet had none", PASSED("[{}]") NEW, BELOW(""),
	  HEAD ",\"spec\":{\"gateway\":\"10.0.0.2\"," NEWR "}}", true, false },
	{ "the subnet had none, the pool wants none", PASSED("[{}]") NEW,
	  BELOW(",\"gateway\":\"10.0.0.3\",\"routes\":[]"), "", false, false },
	{ "an edit that was overtaken",
	  PASSED("[{\\\"gateway\\\":\\\"10.0.0.5\\\"},{\\\"gateway\\\":\\\"10.0.0.1\\\"}]") CIDR
	  ",\"gateway\":\"10.0.0.2\"}}",
	  BELOW(",\"gateway\":\"10.0.0.1\""), HEAD ",\"spec\":{\"gateway\":\"10.0.0.2\"}}", true, false },
	{ "what cannot be read", PASSED("[") NEW, BELOW(",\"gateway\":\"10.0.0.1\""), "", false, false },
};

static void test_follow(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(follows); i++) {
		struct api_subnet *s = object_of(API_SUBNET, follows[i].subnet);
		struct api_ippool *p = object_of(API_IPPOOL, follows[i].pool);
		struct buf out = BUF_INIT(65536);
		struct pools_follow f;
		struct err e;

		assert_int_equal(pools_meta_follow(p, s, &f, &out, &e), 0);
		if (f.due != follows[i].due || f.stuck != follows[i].stuck ||
		    strcmp(buf_cstr(&out), follows[i].patch) != 0)
			fail_msg("%s: due %d, stuck %d, %s", follows[i].what, f.due, f.stuck, buf_cstr(&out));
		buf_clear(&out);
		api_free(API_IPPOOL, &p->obj);
		api_free(API_SUBNET, &s->obj);
	}
}

#define FULL(annotation) \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"u\",\"resourceVersion\":\"5\",\"finalizers\":[\"spiderpool." \
	"spidernet.io\"],\"labels\":{\"ipam.spidernet.io/subnet-cidr\":\"10-0-0-0-24\"}" annotation \
	"},\"spec\":{" CIDR ",\"gateway\":\"10.0.0.2\"}}"
#define NOTE(text) ",\"annotations\":{\"ipam.spidernet.io/passed-on\":\"" text "\"}"
#define GW(n)      "{\\\"gateway\\\":\\\"10.0.0." n "\\\"}"
#define HEAD_      "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"5\""

static const struct {
	const char *what, *subnet;
	bool settled;
	const char *patch;
} notes[] = {
	{ "first seen", FULL(""), true, HEAD_ NOTE("[" GW("2") "]") "}}" },
	{ "as it is", FULL(NOTE("[" GW("2") "]")), true, NULL },
	{ "an edit: pools are told next", FULL(NOTE("[" GW("1") "]")), false,
	  HEAD_ NOTE("[" GW("1") "," GW("2") "]") "}}" },
	{ "pools are being told", FULL(NOTE("[" GW("1") "," GW("2") "]")), false, NULL },
	{ "pools have been told", FULL(NOTE("[" GW("1") "," GW("2") "]")), true,
	  HEAD_ NOTE("[" GW("2") "]") "}}" },
	{ "back to what it was, before all had heard", FULL(NOTE("[" GW("2") "," GW("1") "]")), false,
	  HEAD_ NOTE("[" GW("1") "," GW("2") "]") "}}" },
	{ "slipped past admission",
	  "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"5\"},\"spec\":{\"subnet\":\"10.0.0.0/24\"}}",
	  true,
	  HEAD_
	  ",\"finalizers\":[\"spiderpool.spidernet.io\"],\"labels\":{\"ipam.spidernet.io/subnet-cidr\":\"10-0-0-0-"
	  "24\"},\"annotations\":{\"ipam.spidernet.io/passed-on\":\"[{}]\"}},\"spec\":{\"ipVersion\":4}}" },
	{ "being deleted", "{\"metadata\":{\"deletionTimestamp\":\"2023-11-14T22:13:20Z\"},\"spec\":{}}",
	  true, NULL },
};

static void test_notes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		struct api_subnet *s = object_of(API_SUBNET, notes[i].subnet);
		struct buf out = BUF_INIT(65536);
		struct err e;
		int r = subnets_meta_patch(s, notes[i].settled, &out, &e);

		if (r != (notes[i].patch != NULL) ||
		    strcmp(buf_cstr(&out), notes[i].patch ? notes[i].patch : "") != 0)
			fail_msg("%s: %d, %s", notes[i].what, r, buf_cstr(&out));
		buf_clear(&out);
		api_free(API_SUBNET, &s->obj);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_follow),
		cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
