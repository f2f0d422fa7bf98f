/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_alloc.c - each allocation of pkg/api, and of the libraries below, fails once */
#include "inject.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "api/api.h"
#include "api/block.h"
#include "base/own.h"

#define HEAD(kind, name) \
	"{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"" kind "\",\"metadata\":{\"name\":\"" name \
	"\",\"uid\":\"u\"},"
#define NET "\"spec\":{\"ipVersion\":4,\"subnet\":\"10.0.0.0/24\","

static const char pool[] =
	HEAD("SpiderIPPool",
	     "p") "\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.9\",\"10.0.0.1-10.0.0.5\"],"
		  "\"excludeIPs\":[\"10.0.0.2\",\"10.0.0.4\"],\"multusName\":[\"a/b\"],"
		  "\"podAffinity\":{\"matchLabels\":{\"a\":\"b\"}}}}";
static const char other[] = HEAD("SpiderIPPool", "q") NET "\"ips\":[\"10.0.0.20\",\"10.0.0.30-10.0.0.40\"]}}";
static const char subnet[] = HEAD("SpiderSubnet", "s") NET
	"\"ips\":[\"10.0.0.1-10.0.0.50\"],\"gateway\":\"10.0.0.254\","
	"\"routes\":[{\"dst\":\"1.0.0.0/8\",\"gw\":\"10.0.0.254\"},{\"dst\":\"2.0.0.0/"
	"8\",\"gw\":\"10.0.0.254\"}]}}";
static const char records[] = "7\tpod\t1\tp\t\t\t\t\t\t\tc\t\t\t\t\t0\t\t\n";

struct state {
	struct api_ippool fresh, made, other; /* as decoded; after api_default() */
	struct api_subnet subnet;
	const struct api_ippool *pools[1];
	const struct api_subnet *subnets[1];
	struct ip_set held;
	struct api_world w;
	struct block block, out;
	struct api_ippool scratch;
	struct buf buf;
};

static int op_decode(struct state *s, struct err *e)
{
	return api_decode_text(API_IPPOOL, pool, strlen(pool), "pool", &s->scratch, e);
}

static int op_decode_new(struct state *s, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct api_object *o = NULL;
	enum api_kind kind;
	int r;

	(void)s;
	r = json_parse(pool, strlen(pool), "pool", &tree, e);
	if (r == 0)
		r = api_decode(tree, "pool", &kind, &o, e);
	api_free(API_IPPOOL, o);
	return r;
}

static int op_encode(struct state *s, struct err *e)
{
	return api_encode_text(API_IPPOOL, &s->made, &s->buf, e);
}

static int op_default(struct state *s, struct err *e)
{
	struct api_ippool p;
	int r = json_copy(api_kinds[API_IPPOOL].table, &s->fresh, &p, e);

	if (r == 0)
		r = api_default(API_IPPOOL, &p, &s->w, e);
	api_clear(API_IPPOOL, &p);
	return r;
}

static int op_default_subnet(struct state *s, struct err *e)
{
	struct api_subnet copy;
	int r = json_copy(api_kinds[API_SUBNET].table, &s->subnet, &copy, e);

	if (r == 0)
		r = api_default(API_SUBNET, &copy, &s->w, e);
	api_clear(API_SUBNET, &copy);
	return r;
}

static int op_default_endpoint(struct state *s, struct err *e)
{
	struct api_endpoint n = { .obj.meta.name = NULL };
	int r = api_default(API_ENDPOINT, &n, &s->w, e);

	api_clear(API_ENDPOINT, &n);
	return r;
}

static int op_create(struct state *s, struct err *e)
{
	return api_validate_create(API_IPPOOL, &s->made, &s->w, e);
}

static int op_update(struct state *s, struct err *e)
{
	return api_validate_update(API_IPPOOL, &s->made, &s->made, &s->w, e);
}

/* A spec that cannot be read for want of memory must not pass for one that is wrong. */
static int op_update_subnet(struct state *s, struct err *e)
{
	return api_validate_update(API_SUBNET, &s->subnet, &s->subnet, &s->w, e);
}

static int op_create_subnet(struct state *s, struct err *e)
{
	struct api_world w = s->w;

	w.n_subnets = 0;
	return api_validate_create(API_SUBNET, &s->subnet, &w, e);
}

static int op_terminating(struct state *s, struct err *e)
{
	struct api_ippool p = s->made;

	p.obj.meta.deletion_timestamp = (char *)"2026-01-01T00:00:00Z";
	return api_validate_update(API_IPPOOL, &s->made, &p, &s->w, e);
}

static int op_block_decode(struct state *s, struct err *e)
{
	int r = block_decode(4, 1, records, strlen(records), &s->out, e);

	block_clear(&s->out);
	return r;
}

static int op_block_encode(struct state *s, struct err *e)
{
	return block_encode(&s->block, &s->buf, e);
}

static const struct {
	const char *name;
	int (*run)(struct state *s, struct err *e);
	long least; /* allocations, so that a row which reaches nothing is noticed */
} ops[] = {
	{ "decode", op_decode, 40 },
	{ "decode anew", op_decode_new, 40 },
	{ "encode", op_encode, 40 },
	{ "default", op_default, 50 },
	{ "default subnet", op_default_subnet, 15 },
	{ "default endpoint", op_default_endpoint, 1 },
	{ "create", op_create, 8 },
	{ "update", op_update, 10 },
	{ "create subnet", op_create_subnet, 5 },
	{ "update subnet", op_update_subnet, 5 },
	{ "terminating", op_terminating, 80 },
	{ "block decode", op_block_decode, 1 },
	{ "block encode", op_block_encode, 1 },
};

static void run(struct state *s, size_t row, long count)
{
	for (long n = 1;; n++) {
		const long live = inject_live();
		struct err e = { .msg = "" };
		long failed;
		int r;

		inject_arm(n, count);
		r = ops[row].run(s, &e);
		failed = inject_disarm();
		api_clear(API_IPPOOL, &s->scratch);
		buf_clear(&s->buf);
		if (inject_live() != live)
			fail_msg("%s, allocation %ld: %ld blocks leaked", ops[row].name, n,
				 inject_live() - live);
		if (!failed && r == 0 && n > ops[row].least)
			return;
		if (!failed || r != -ENOMEM || e.sys != ENOMEM)
			fail_msg("%s, allocation %ld: failed %ld, answer %d, \"%s\"", ops[row].name, n,
				 failed, r, e.msg);
	}
}

static void prepare(struct state *s)
{
	struct err e = { .msg = "" };

	*s = (struct state){ .buf = BUF_INIT(BUF_MAX_DEFAULT) };
	s->w = (struct api_world){ .enable_ipv4 = true, .enable_ipv6 = true, .enable_subnet = true };
	s->w.pools = s->pools;
	s->w.subnets = s->subnets;
	s->pools[s->w.n_pools++] = &s->other;
	s->subnets[s->w.n_subnets++] = &s->subnet;
	s->w.held = &s->held;
	s->held.ver = 4;
	assert_int_equal(ip_set_add(&s->held, (struct ip_range){ 0x0a000001, 0x0a000001 }, &e), 0);
	assert_int_equal(api_decode_text(API_IPPOOL, pool, strlen(pool), "p", &s->fresh, &e), 0);
	assert_int_equal(api_decode_text(API_IPPOOL, pool, strlen(pool), "p", &s->made, &e), 0);
	assert_int_equal(api_decode_text(API_IPPOOL, other, strlen(other), "q", &s->other, &e), 0);
	assert_int_equal(api_decode_text(API_SUBNET, subnet, strlen(subnet), "s", &s->subnet, &e), 0);
	assert_int_equal(api_default(API_IPPOOL, &s->made, &s->w, &e), 0);
	assert_int_equal(block_decode(4, 1, records, strlen(records), &s->block, &e), 0);
}

static void run_all(long count)
{
	struct state s;

	prepare(&s);
	for (size_t i = 0; i < ARRAY_LEN(ops); i++)
		run(&s, i, count);
	api_clear(API_IPPOOL, &s.fresh);
	api_clear(API_IPPOOL, &s.made);
	api_clear(API_IPPOOL, &s.other);
	api_clear(API_SUBNET, &s.subnet);
	ip_set_clear(&s.held);
	block_clear(&s.block);
}

static void one_allocation_fails(void **arg)
{
	(void)arg;
	run_all(1);
}

static void all_further_allocations_fail(void **arg)
{
	(void)arg;
	run_all(1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_allocation_fails),
		cmocka_unit_test(all_further_allocations_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
