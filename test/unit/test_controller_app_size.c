/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app_size.c - which pool is an application's, which addresses it has, what becomes of others
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/app_plan.c"
#include "../../cmd/controller/app_size.c"

static struct err err;

/* "1-5,9": addresses of 10.0.0.0/24 by their last byte. */
static struct ip_set set_of(const char *text)
{
	struct ip_set s = { .ver = 4 };

	while (text && *text) {
		char *end;
		ip_num lo = strtoul(text, &end, 10), hi = lo;

		if (*end == '-')
			hi = strtoul(end + 1, &end, 10);
		assert_int_equal(ip_set_add(&s, (struct ip_range){ 0x0a000000 + lo, 0x0a000000 + hi }, &err),
				 0);
		text = *end ? end + 1 : end;
	}
	return s;
}

static const char *text_of(const struct ip_set *s, char out[256])
{
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < s->n && n < 200; i++) {
		unsigned lo = (unsigned)(s->r[i].lo & 255), hi = (unsigned)(s->r[i].hi & 255);

		n += (size_t)(lo == hi ? snprintf(out + n, 256 - n, "%s%u", i ? "," : "", lo)
				       : snprintf(out + n, 256 - n, "%s%u-%u", i ? "," : "", lo, hi));
	}
	return out;
}

static const struct {
	const char *name, *subnet, *others, *reserved, *resting, *now, *own, *other;
	int64_t want;
	const char *ips, *dropped;
	int64_t missing, excess;
	bool changed;
} rows[] = {
	{ "new", "10-99", "", "", "", "", "", "", 5, "10-14", "", 0, 0, true },
	{ "new, none wanted", "10-99", "", "", "", "", "", "", 0, "", "", 0, 0, false },
	{ "new, beside others", "10-99", "10-12,14", "", "", "", "", "", 3, "13,15-16", "", 0, 0, true },
	{ "new, around reserved", "10-99", "", "10-11,13", "", "", "", "", 3, "12,14-15", "", 0, 0, true },
	{ "new, around what a stranger holds", "10-99", "", "", "", "", "", "11", 3, "10,12-13", "", 0, 0,
	  true },
	{ "new, around what rests", "10-99", "", "", "10-19", "", "", "", 3, "20-22", "", 0, 0, true },
	{ "as it is", "10-99", "", "", "", "10-14", "10-14", "", 5, "10-14", "", 0, 0, false },
	{ "grows", "10-99", "15-20", "", "", "10-14", "", "", 7, "10-14,21-22", "", 0, 0, true },
	{ "grows below", "10-99", "", "", "", "20-21", "", "", 4, "10-11,20-21", "", 0, 0, true },
	{ "grows as far as it goes", "10-19", "15-19", "", "", "10-12", "", "", 9, "10-14", "", 4, 0, true },
	{ "cannot grow", "10-19", "13-19", "", "", "10-12", "", "", 9, "10-12", "", 6, 0, false },
	{ "full", "10-19", "10-19", "", "", "", "", "", 2, "", "", 2, 0, false },
	{ "shrinks from below", "10-99", "", "", "", "10-19", "", "", 4, "16-19", "10-15", 0, 0, true },
	{ "shrinks around what is held", "10-99", "", "", "", "10-19", "10,12,14", "", 4, "10,12,14,19",
	  "11,13,15-18", 0, 0, true },
	{ "shrinks as far as it goes", "10-99", "", "", "", "10-19", "10-17", "", 4, "10-17", "18-19", 0, 4,
	  true },
	{ "cannot shrink", "10-99", "", "", "", "10-14", "10-14", "", 1, "10-14", "", 0, 4, false },
	{ "to nothing", "10-99", "", "", "", "10-14", "", "", 0, "", "10-14", 0, 0, true },
	{ "reserved since", "10-99", "", "12", "", "10-14", "", "", 5, "10-11,13-15", "12", 0, 0, true },
	{ "reserved and held", "10-99", "", "12", "", "10-14", "12", "", 5, "10-14", "", 0, 0, false },
	{ "reserved, and nothing else left", "10-14", "", "12", "", "10-14", "", "", 5, "10-11,13-14", "12",
	  1, 0, true },
	{ "claimed while it was given back", "10-99", "", "", "", "14-18", "12", "", 5, "12,15-18", "14", 0,
	  0, true },
	{ "claimed, another pool has it", "10-99", "12", "", "", "14-18", "12", "", 5, "14-18", "", 0, 0,
	  false },
	{ "overlaps, not held", "10-99", "14-15", "", "", "12-16", "", "", 5, "10-13,16", "14-15", 0, 0,
	  true },
	{ "overlaps, held", "10-99", "14-15", "", "", "12-16", "14", "", 5, "10,12-14,16", "15", 0, 0, true },
	{ "a stranger holds one of it", "10-99", "", "", "", "12-16", "", "13", 5, "10,12,14-16", "13", 0, 0,
	  true },
	{ "the subnet lost some", "10-14", "", "", "", "12-16", "", "", 5, "10-14", "15-16", 0, 0, true },
	{ "the subnet lost what is held", "10-14", "", "", "", "12-16", "16", "", 5, "10,12-14,16", "15", 0,
	  0, true },
	{ "rests, and was its own", "10-99", "", "", "10-14", "10-14", "", "", 5, "10-14", "", 0, 0, false },
};

static void test_size(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ip_set subnet = set_of(rows[i].subnet), others = set_of(rows[i].others),
			      reserved = set_of(rows[i].reserved), resting = set_of(rows[i].resting),
			      now = set_of(rows[i].now);
		struct app_held held = { set_of(rows[i].own), set_of(rows[i].other) };
		const struct app_size_in in = { &subnet, &others, &reserved,   &resting,
						&now,    &held,   rows[i].want };
		char ips[256], dropped[256];
		struct app_size s;

		assert_int_equal(app_size(&in, &s, &err), 0);
		if (strcmp(text_of(&s.ips, ips), rows[i].ips) != 0 ||
		    strcmp(text_of(&s.dropped, dropped), rows[i].dropped) != 0 ||
		    s.missing != rows[i].missing || s.excess != rows[i].excess ||
		    s.changed != rows[i].changed)
			fail_msg("%s: %s, dropped %s, missing %lld, excess %lld, changed %d", rows[i].name,
				 ips, dropped, (long long)s.missing, (long long)s.excess, s.changed);
		app_size_clear(&s);
		app_held_clear(&held);
		ip_set_clear(&subnet);
		ip_set_clear(&others);
		ip_set_clear(&reserved);
		ip_set_clear(&resting);
		ip_set_clear(&now);
	}
}

/* No address is counted one by one. */
static void test_wide(void **state)
{
	const char *range = "fd00::-fd00::ffff:ffff:ffff";
	struct ip_set subnet, none = { .ver = 6 };
	struct app_held held = { 0 };
	struct app_size_in in = { &subnet, &none, &none, &none, &none, &held, 999999999 };
	struct app_size s;

	(void)state;
	assert_int_equal(ip_set_parse(&range, 1, 6, &subnet, &err), 0);
	assert_int_equal(app_size(&in, &s, &err), 0);
	assert_int_equal(s.ips.n, 1);
	assert_int_equal(ip_set_count(&s.ips), 999999999);
	app_size_clear(&s);
	ip_set_clear(&subnet);
}

static void test_held(void **state)
{
	struct app_held h = { 0 };
	struct block b;
	char text[256];

	(void)state;
	block_init(&b, 4, 0x0a000000 >> IP_BLOCK_BITS);
	b.rec[3].hold = HOLD_POD;
	b.rec[3].pool = "mine";
	b.rec[3].container = "c";
	b.rec[4].hold = HOLD_STS;
	b.rec[4].pool = "other";
	b.rec[5].hold = HOLD_FREE;
	b.rec[5].pool = "mine";
	b.rec[6].hold = HOLD_QUARANTINE;
	b.rec[6].pool = "mine";
	b.rec[6].until = 1000;
	assert_int_equal(app_held_add(&h, &b, 999, "mine", &err), 0);
	assert_string_equal(text_of(&h.own, text), "3,6");
	assert_string_equal(text_of(&h.other, text), "4");
	assert_int_equal(app_held_forget(&h, 4, b.index + 1, &err), 0);
	assert_string_equal(text_of(&h.own, text), "3,6");
	assert_int_equal(app_held_forget(&h, 4, b.index, &err), 0);
	assert_string_equal(text_of(&h.own, text), "");
	assert_string_equal(text_of(&h.other, text), "");
	/* A pool that does not exist yet has nothing, not even what names no pool. */
	b.rec[3].pool = "";
	assert_int_equal(app_held_add(&h, &b, 1001, "", &err), 0);
	assert_string_equal(text_of(&h.own, text), "");
	assert_string_equal(text_of(&h.other, text), "3-4");
	app_held_clear(&h);
	block_clear(&b);
}

/* ---- which pool ---- */

struct chosen {
	const char *name, *subnet, *interface, *version, *kind, *app, *uid, *reclaim, *deleted;
	bool is; /* the one for Deployment ns/web of UID u, eth0, IPv4, subnet s */
};

static const struct chosen chosen[] = {
	{ "p", "s", "eth0", "IPv4", "Deployment", "web", "u", "true", NULL, true },
	{ "kept, of another UID", "s", "eth0", "IPv4", "Deployment", "web", "old", "false", NULL, true },
	{ "left behind", "s", "eth0", "IPv4", "Deployment", "web", "old", "true", NULL, false },
	{ "another subnet", "t", "eth0", "IPv4", "Deployment", "web", "u", "true", NULL, false },
	{ "another interface", "s", "net1", "IPv4", "Deployment", "web", "u", "true", NULL, false },
	{ "another family", "s", "eth0", "IPv6", "Deployment", "web", "u", "true", NULL, false },
	{ "another kind", "s", "eth0", "IPv4", "StatefulSet", "web", "old", "false", NULL, false },
	{ "another application", "s", "eth0", "IPv4", "Deployment", "db", "u", "true", NULL, false },
	{ "going", "s", "eth0", "IPv4", "Deployment", "web", "u", "true", "2026-11-23T00:00:00Z", false },
};

static struct api_ippool *chosen_pool(const struct chosen *c)
{
	struct buf b = BUF_INIT(1 << 16);
	struct api_ippool *p = calloc(1, sizeof(*p));

	buf_fmt(&b,
		"{\"metadata\":{\"name\":\"%s\",\"labels\":{\"ipam.spidernet.io/owner-spider-subnet\":\"%s\","
		"\"ipam.spidernet.io/interface\":\"%s\",\"ipam.spidernet.io/ip-version\":\"%s\","
		"\"ipam.spidernet.io/owner-application-name\":\"%s\",\"ipam.spidernet.io/owner-application-uid\":\"%s\","
		"\"ipam.spidernet.io/ippool-reclaim\":\"%s\"}",
		c->name, c->subnet, c->interface, c->version, c->app, c->uid, c->reclaim);
	if (c->deleted)
		buf_fmt(&b, ",\"deletionTimestamp\":\"%s\"", c->deleted);
	buf_fmt(&b,
		"},\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.7\"],\"podAffinity\":{\"matchLabels\":{"
		"\"ipam.spidernet.io/app-api-group\":\"apps\",\"ipam.spidernet.io/app-api-version\":\"v1\","
		"\"ipam.spidernet.io/app-kind\":\"%s\",\"ipam.spidernet.io/app-namespace\":\"ns\","
		"\"ipam.spidernet.io/app-name\":\"%s\"}}}}",
		c->kind, c->app);
	assert_non_null(p);
	if (api_decode_text(API_IPPOOL, b.s, b.len, "pool", p, &err) < 0)
		fail_msg("%s", err.msg);
	buf_clear(&b);
	return p;
}

static void test_choose(void **state)
{
	const struct ipam_owner id = { "apps/v1", "Deployment", "ns", "web", "u" };
	const struct app_want w = { .interface = "eth0", .ver = 4, .subnet = "s" };
	struct api_ippool *all[ARRAY_LEN(chosen)];
	struct app a;

	(void)state;
	assert_int_equal(app_make(&id, &a, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(chosen); i++) {
		const struct api_ippool *one;
		const struct app_pools pools = { &one, 1 };

		one = all[i] = chosen_pool(&chosen[i]);
		if ((app_choose(&a, &w, &pools) == one) != chosen[i].is)
			fail_msg("%s", chosen[i].name);
	}
	/* Of several that which has its UID. */
	for (size_t i = 0; i < 2; i++) {
		const struct api_ippool *two[] = { all[i], all[1 - i] };
		const struct app_pools pools = { two, 2 };

		assert_ptr_equal(app_choose(&a, &w, &pools), all[0]);
	}
	for (size_t i = 0; i < ARRAY_LEN(chosen); i++)
		api_free(API_IPPOOL, &all[i]->obj);
	app_clear(&a);
}

static const struct {
	const char *name, *uid, *reclaim, *deleted, *app_uid; /* NULL: the application is not known */
	bool asks;
	enum app_fate fate;
} fates[] = {
	{ "of the application, which asks for others", "u", "true", NULL, "u", true, APP_LEAVE },
	{ "asks for nothing any more", "u", "true", NULL, "u", false, APP_KEEP },
	{ "kept", "u", "false", NULL, "u", true, APP_KEEP },
	{ "kept, nobody there", "u", "false", NULL, NULL, false, APP_KEEP },
	{ "nobody there", "u", "true", NULL, NULL, false, APP_GONE },
	{ "another one there", "old", "true", NULL, "u", true, APP_GONE },
	{ "another one there that asks for nothing", "old", "true", NULL, "u", false, APP_GONE },
	{ "going already", "u", "true", "2026-11-23T00:00:00Z", NULL, false, APP_KEEP },
};

static void test_fate(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fates); i++) {
		const struct chosen c = {
			"p",   "s",          "eth0",           "IPv4",           "Deployment",
			"web", fates[i].uid, fates[i].reclaim, fates[i].deleted, false
		};
		const struct ipam_owner id = { "apps/v1", "Deployment", "ns", "web", fates[i].app_uid };
		struct api_ippool *p = chosen_pool(&c);
		struct app a;

		assert_int_equal(app_make(&id, &a, &err), 0);
		if (app_fate_of(fates[i].app_uid ? &a : NULL, fates[i].asks, p) != fates[i].fate)
			fail_msg("%s", fates[i].name);
		app_clear(&a);
		api_free(API_IPPOOL, &p->obj);
	}
}

/* ---- subnets, and what others have of them ---- */

static struct api_subnet subnet_of(const char *text)
{
	struct api_subnet s;

	if (api_decode_text(API_SUBNET, text, strlen(text), "subnet", &s, &err) < 0)
		fail_msg("%s: %s", err.msg, text);
	return s;
}

static void test_subnet(void **state)
{
	struct api_subnet
		v4 = subnet_of("{\"metadata\":{\"name\":\"s\"},\"spec\":{\"subnet\":\"10.0.0.0/24\"}}"),
		going = subnet_of(
			"{\"metadata\":{\"name\":\"s\",\"deletionTimestamp\":\"2026-11-23T00:00:00Z\"},"
			"\"spec\":{\"subnet\":\"10.0.0.0/24\"}}");
	struct app_want w = { .interface = "eth0", .ver = 4, .subnet = "s" };

	(void)state;
	assert_int_equal(app_check_subnet(&w, &v4, &err), 0);
	assert_int_equal(app_check_subnet(&w, NULL, &err), -ENOENT);
	assert_int_equal(app_check_subnet(&w, &going, &err), -EBUSY);
	w.ver = 6;
	assert_int_equal(app_check_subnet(&w, &v4, &err), -EINVAL);
	api_clear(API_SUBNET, &v4);
	api_clear(API_SUBNET, &going);
}

static void test_others(void **state)
{
	static const char *const pools[] = {
		("{\"metadata\":{\"name\":\"a\"},\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.1-10.0.0.9\"],"
		 "\"excludeIPs\":[\"10.0.0.5\"]}}"),
		"{\"metadata\":{\"name\":\"b\"},\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.20\"]}}",
		"{\"metadata\":{\"name\":\"c\"},\"spec\":{\"subnet\":\"10.0.1.0/24\",\"ips\":[\"10.0.1.1\"]}}",
		"{\"metadata\":{\"name\":\"broken\"},\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"x\"]}}",
	};
	struct api_subnet s =
		subnet_of("{\"metadata\":{\"name\":\"s\"},\"spec\":{\"subnet\":\"10.0.0.0/24\"}}");
	struct api_ippool p[ARRAY_LEN(pools)];
	const struct api_ippool *list[ARRAY_LEN(pools)];
	const struct app_pools all = { list, ARRAY_LEN(pools) };
	struct ip_set set;
	char text[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pools); i++) {
		assert_int_equal(api_decode_text(API_IPPOOL, pools[i], strlen(pools[i]), "pool", &p[i], &err),
				 0);
		list[i] = &p[i];
	}
	assert_int_equal(app_others(&s, &all, NULL, &set, &err), 0);
	assert_string_equal(text_of(&set, text), "1-4,6-9,20");
	ip_set_clear(&set);
	assert_int_equal(app_others(&s, &all, &p[0], &set, &err), 0);
	assert_string_equal(text_of(&set, text), "20");
	ip_set_clear(&set);
	for (size_t i = 0; i < ARRAY_LEN(pools); i++)
		api_clear(API_IPPOOL, &p[i]);
	api_clear(API_SUBNET, &s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),   cmocka_unit_test(test_wide), cmocka_unit_test(test_held),
		cmocka_unit_test(test_choose), cmocka_unit_test(test_fate), cmocka_unit_test(test_subnet),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
