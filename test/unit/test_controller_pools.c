/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_pools.c - which pools a block touches, and what a pool must carry */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/pools_index.c"
#include "../../cmd/controller/pools_meta.c"
#include "../../cmd/controller/pools_patch.c"

#define NOW    1700000000000
#define POOLS  5
#define BLOCKS 8
#define FIRST  ((ip_num)0x0a000000 / 64)

/* ---- the index against a naive one ---- */

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (unsigned)(seed >> 33) % n;
}

struct model {
	bool is_pool[POOLS], is_block[BLOCKS];
	struct ip_set total[POOLS];
	bool names[BLOCKS][POOLS];
	bool told[POOLS];
};

static const char *name_of(unsigned i)
{
	static const char *const names[POOLS] = { "d", "b", "a", "e", "c" };

	return names[i];
}

static void touched(const char *pool, void *arg)
{
	struct model *m = arg;

	for (unsigned i = 0; i < POOLS; i++)
		m->told[i] |= strcmp(pool, name_of(i)) == 0;
}

static bool touches(const struct model *m, unsigned block, unsigned pool)
{
	return (m->is_pool[pool] && ip_set_mask(&m->total[pool], FIRST + block)) || m->names[block][pool];
}

static void change_pool(struct pools_index *ix, struct model *m, unsigned i)
{
	ip_num lo = FIRST * 64 + below(BLOCKS * 64), hi = lo + below(150);
	struct err e;

	ip_set_clear(&m->total[i]);
	m->is_pool[i] = below(3) > 0;
	m->total[i].ver = 4;
	if (m->is_pool[i] && below(4))
		assert_int_equal(ip_set_add(&m->total[i], (struct ip_range){ lo, hi }, &e), 0);
	assert_int_equal(pools_index_pool(ix, name_of(i), m->is_pool[i] ? &m->total[i] : NULL, &e), 0);
	assert_int_equal(pools_index_has_pool(ix, name_of(i)), m->is_pool[i]);
}

static void change_block(struct pools_index *ix, struct model *m, unsigned i)
{
	bool before[POOLS];
	struct buf text = BUF_INIT(65536);
	struct block b;
	struct err e;

	for (unsigned k = 0; k < POOLS; k++)
		before[k] = touches(m, i, k);
	memset(m->names[i], 0, sizeof(m->names[i]));
	memset(m->told, 0, sizeof(m->told));
	m->is_block[i] = below(4) > 0;
	block_init(&b, 4, FIRST + i);
	for (unsigned k = 0; m->is_block[i] && k < 3; k++) {
		struct block_rec *r = &b.rec[below(64)];
		unsigned pool = below(POOLS);

		if (r->hold != HOLD_NONE)
			continue;
		block_rec_init(r);
		r->hold = HOLD_POD;
		r->pool = name_of(pool);
		m->names[i][pool] = true;
	}
	assert_int_equal(block_encode(&b, &text, &e), 0);
	assert_int_equal(
		pools_index_block(ix, 4, FIRST + i, m->is_block[i] ? buf_cstr(&text) : NULL, touched, m, &e),
		0);
	for (unsigned k = 0; k < POOLS; k++)
		if (m->told[k] != (before[k] || touches(m, i, k)))
			fail_msg("block %u: pool %s was%s told", i, name_of(k), m->told[k] ? "" : " not");
	buf_clear(&text);
	block_clear(&b);
}

static void check_all(struct pools_index *ix, const struct model *m)
{
	for (unsigned k = 0; k < POOLS; k++) {
		struct pools_block *v;
		size_t n, at = 0;
		struct err e;

		assert_int_equal(pools_index_of(ix, name_of(k), &m->total[k], &v, &n, &e), 0);
		for (unsigned i = 0; i < BLOCKS; i++) {
			if (!m->is_block[i] || !(m->names[i][k] || ip_set_mask(&m->total[k], FIRST + i)))
				continue;
			assert_true(at < n);
			assert_true(v[at].ver == 4 && v[at].index == FIRST + i);
			at++;
		}
		assert_int_equal(at, n);
		free(v);
	}
}

static void test_index(void **state)
{
	struct model m = { .is_pool = { false } };
	struct pools_index *ix;
	struct err e;

	(void)state;
	assert_int_equal(pools_index_new(&ix, &e), 0);
	for (int round = 0; round < 5000; round++) {
		if (below(3))
			change_block(ix, &m, below(BLOCKS));
		else
			change_pool(ix, &m, below(POOLS));
		check_all(ix, &m);
	}
	for (unsigned k = 0; k < POOLS; k++)
		ip_set_clear(&m.total[k]);
	pools_index_free(ix);
}

/* What nobody can read is told to those in whose ranges it lies. */
static void test_unreadable(void **state)
{
	struct model m = { .is_pool = { false } };
	struct pools_index *ix;
	struct err e;

	(void)state;
	assert_int_equal(pools_index_new(&ix, &e), 0);
	m.total[0].ver = 4;
	assert_int_equal(ip_set_add(&m.total[0], (struct ip_range){ FIRST * 64, FIRST * 64 }, &e), 0);
	assert_int_equal(pools_index_pool(ix, name_of(0), &m.total[0], &e), 0);
	assert_true(pools_index_block(ix, 4, FIRST, "garbage\n", touched, &m, &e) < 0);
	assert_true(m.told[0]);
	assert_false(m.told[1]);
	ip_set_clear(&m.total[0]);
	pools_index_free(ix);
}

/* ---- what a pool must carry ---- */

static struct api_ippool *pool_of(const char *text)
{
	struct api_ippool *p = calloc(1, sizeof(*p));
	struct err e;

	if (json_decode_text(&api_ippool_table, text, strlen(text), "pool", p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

static struct api_subnet *subnet_of(const char *text)
{
	struct api_subnet *s = calloc(1, sizeof(*s));
	struct err e;

	if (json_decode_text(&api_subnet_table, text, strlen(text), "subnet", s, &e) < 0)
		fail_msg("%s", e.msg);
	return s;
}

#define MARK     "\"annotations\":{\"ipam.spidernet.io/taken-over\":\"t\"}"
#define FINAL    "\"finalizers\":[\"spiderpool.spidernet.io\"]"
#define LABEL    "\"ipam.spidernet.io/ippool-cidr\":\"10-0-0-0-24\""
#define POOL(m)  "{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"resourceVersion\":\"5\"" m "},\"spec\":{"
#define CIDR     "\"subnet\":\"10.0.0.0/24\""
#define OWNED    "\"ipam.spidernet.io/owner-spider-subnet\":\"s\""
#define OWNERREF "\"ownerReferences\":[{\"controller\":true,\"uid\":\"su\"}]"
#define SUBNET \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"su\"},\"spec\":{" CIDR \
	",\"ipVersion\":4,\"gateway\":\"10.0.0.1\"," \
	"\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}]}}"
#define HEAD "{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"5\""
#define REF \
	"\"ownerReferences\":[{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderSubnet\"," \
	"\"name\":\"s\",\"uid\":\"su\",\"controller\":true,\"blockOwnerDeletion\":true}]"
#define TAKEN "\"annotations\":{\"ipam.spidernet.io/taken-over\":\"2023-11-14T22:13:20Z\"}"

static const struct {
	const char *what, *pool;
	bool owner;
	const char *patch; /* NULL: nothing to do */
} repairs[] = {
	{ "as it should be", POOL("," MARK "," FINAL ",\"labels\":{" LABEL "}") CIDR ",\"ipVersion\":4}}",
	  false, NULL },
	{ "slipped past admission", POOL("") CIDR "}}", false,
	  HEAD "," FINAL ",\"labels\":{" LABEL "}," TAKEN "},\"spec\":{\"ipVersion\":4}}" },
	{ "not marked", POOL("," FINAL ",\"labels\":{" LABEL "}") CIDR ",\"ipVersion\":4}}", false,
	  HEAD "," TAKEN "}}" },
	{ "somebody else's finalizer stays",
	  POOL("," MARK ",\"finalizers\":[\"x\"],\"labels\":{" LABEL "}") CIDR ",\"ipVersion\":4}}", false,
	  HEAD ",\"finalizers\":[\"x\",\"spiderpool.spidernet.io\"]}}" },
	{ "an orphan", POOL("," MARK "," FINAL ",\"labels\":{" LABEL "}") CIDR ",\"ipVersion\":4}}", true,
	  HEAD ",\"labels\":{" OWNED "}," REF "},\"spec\":{\"gateway\":\"10.0.0.1\",\"routes\":[{\"dst\":"
	       "\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}]}}" },
	{ "an orphan with values of its own",
	  POOL("," MARK "," FINAL ",\"labels\":{" LABEL "}") CIDR
	  ",\"ipVersion\":4,\"gateway\":\"10.0.0.9\",\"routes\":[]}}",
	  true, HEAD ",\"labels\":{" OWNED "}," REF "}}" },
	{ "adopted: what it has no more it does not inherit again",
	  POOL("," MARK "," FINAL "," OWNERREF ",\"labels\":{" LABEL "," OWNED "}") CIDR ",\"ipVersion\":4}}",
	  true, NULL },
	{ "labelled, but without its owner",
	  POOL("," MARK "," FINAL ",\"labels\":{" LABEL "," OWNED "}") CIDR
	  ",\"ipVersion\":4,\"gateway\":\"10.0.0.9\",\"routes\":[]}}",
	  true, HEAD "," REF "}}" },
	{ "being deleted", POOL(",\"deletionTimestamp\":\"2023-11-14T22:13:20Z\"") CIDR "}}", true, NULL },
	{ "a network that cannot be read is left to the administrator",
	  POOL("," MARK "," FINAL) "\"subnet\":\"x\"}}", false, NULL },
};

static void test_repair(void **state)
{
	struct api_subnet *s = subnet_of(SUBNET);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(repairs); i++) {
		struct api_ippool *p = pool_of(repairs[i].pool);
		struct buf out = BUF_INIT(65536);
		struct err e;
		int r = pools_meta_patch(p, repairs[i].owner ? s : NULL, NOW, &out, &e);

		if (r != (repairs[i].patch != NULL) ||
		    strcmp(buf_cstr(&out), repairs[i].patch ? repairs[i].patch : "") != 0)
			fail_msg("%s: %d, %s\nwant %s", repairs[i].what, r, buf_cstr(&out),
				 repairs[i].patch ? repairs[i].patch : "nothing");
		buf_clear(&out);
		api_free(API_IPPOOL, &p->obj);
	}
	api_free(API_SUBNET, &s->obj);
}

static void test_release(void **state)
{
	struct api_ippool *p = pool_of(POOL(",\"finalizers\":[\"x\",\"spiderpool.spidernet.io\"]") "}}");
	struct buf out = BUF_INIT(65536);
	struct err e;

	(void)state;
	assert_int_equal(pools_meta_release(&p->obj.meta, &out, &e), 1);
	assert_string_equal(buf_cstr(&out), HEAD ",\"finalizers\":[\"x\"]}}");
	api_free(API_IPPOOL, &p->obj);
	p = pool_of(POOL(",\"finalizers\":[\"x\"]") "}}");
	buf_reset(&out);
	assert_int_equal(pools_meta_release(&p->obj.meta, &out, &e), 0);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
	api_free(API_IPPOOL, &p->obj);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_index),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_repair),
		cmocka_unit_test(test_release),
	};
	const char *text = getenv("SEED");

	seed = text ? strtoull(text, NULL, 10) : (uint64_t)clock_wall_ms();
	print_message("SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
