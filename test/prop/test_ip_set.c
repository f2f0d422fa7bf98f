/* SPDX-License-Identifier: Apache-2.0 */
/* test_ip_set.c - sets against a bitmap: random sets in 1024 addresses, at both ends of both families and in
 * the middle */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "ip/ip.h"

#define SIZE   1024
#define ROUNDS 5000
#define PARTS  24

static uint64_t seed, rng;
static struct err err;

/* Where the universe lies, and what is not in it is not in the sets. */
static uint8_t ver;
static ip_num base;

struct model {
	bool has[SIZE];
};

#define CHECK(what) \
	do { \
		if (!(what)) \
			fail_msg("SEED=%llu, IPv%d: %s", (unsigned long long)seed, ver, #what); \
	} while (0)

/* xorshift64*: the same numbers everywhere. */
static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static void choose_universe(void)
{
	static const struct {
		uint8_t ver;
		uint64_t hi, lo;
	} at[] = {
		{ 4, 0, 0 },
		{ 4, 0, 0x0a000000 },
		{ 4, 0, 0x7ffffe21 }, /* across a sign bit, not on a block's start */
		{ 4, 0, 0x100000000 - SIZE },
		{ 6, 0, 0 },
		{ 6, 0x20010db8ULL << 32, 0xfffffffffffffe00 }, /* across the lower 64 bits */
		{ 6, 0x7fffffffffffffff, 0xfffffffffffffe27 },
		{ 6, 0xfe80ULL << 48, 0x4321 },
		{ 6, UINT64_MAX, UINT64_MAX - SIZE + 1 },
	};
	uint32_t i = rnd(ARRAY_LEN(at));

	ver = at[i].ver;
	base = (ip_num)at[i].hi << 64 | at[i].lo;
}

static struct ip_range random_range(void)
{
	static const uint32_t longest[] = { 1, 2, 8, 70, SIZE };
	uint32_t lo = rnd(8) ? rnd(SIZE) : 0, len = 1 + rnd(longest[rnd(ARRAY_LEN(longest))]);

	if (!rnd(8) || lo + len > SIZE)
		len = SIZE - lo;
	return (struct ip_range){ base + lo, base + lo + len - 1 };
}

static void check_invariant(const struct ip_set *s)
{
	CHECK(s->ver == ver && s->n <= s->cap);
	for (size_t i = 0; i < s->n; i++) {
		CHECK(s->r[i].lo <= s->r[i].hi && s->r[i].hi <= ip_max(ver));
		CHECK(i == 0 || s->r[i].lo - 1 > s->r[i - 1].hi);
	}
}

static bool same(const struct ip_set *a, const struct ip_set *b)
{
	return a->n == b->n && (!a->n || memcmp(a->r, b->r, a->n * sizeof(*a->r)) == 0);
}

static void check_equal(const struct ip_set *s, const struct model *m)
{
	int64_t count = 0;

	check_invariant(s);
	for (uint32_t i = 0; i < SIZE; i++) {
		CHECK(ip_set_has(s, base + i) == m->has[i]);
		count += m->has[i];
	}
	if (base)
		CHECK(!ip_set_has(s, base - 1));
	if (base + (SIZE - 1) < ip_max(ver))
		CHECK(!ip_set_has(s, base + SIZE));
	CHECK(ip_set_count(s) == count);
}

static uint64_t model_mask(const struct model *m, ip_num block)
{
	uint64_t mask = 0;

	for (int i = 0; i < IP_BLOCK_SIZE; i++) {
		ip_num at = (block << IP_BLOCK_BITS | (ip_num)i) - base;

		if (at < SIZE && m->has[at])
			mask |= (uint64_t)1 << i;
	}
	return mask;
}

/* Forward over the universe's blocks, one more on each side where there is one. */
static void check_blocks(const struct ip_set *s, const struct model *m)
{
	ip_num first = base >> IP_BLOCK_BITS, last = (base + (SIZE - 1)) >> IP_BLOCK_BITS;
	ip_num next = 0, from;
	uint64_t k = 0;

	first -= first > 0;
	last += last < ip_max(ver) >> IP_BLOCK_BITS;
	from = first;
	for (ip_num b = first; b <= last; b++) {
		uint64_t mask = model_mask(m, b);

		CHECK(ip_set_mask(s, b) == mask);
		if (!mask)
			continue;
		CHECK(ip_set_block_at(s, k) == b);
		k++;
		for (; from <= b; from++)
			CHECK(ip_set_block_next(s, from, &next) && next == b);
	}
	CHECK(ip_set_blocks(s) == k);
	for (; from <= last; from++)
		CHECK(!ip_set_block_next(s, from, &next));
}

/* The same set made range by range and from shuffled text. */
static void random_set(struct ip_set *s, struct model *m)
{
	CLEANUP(ip_set_clear) struct ip_set parsed = { 0 };
	char text[PARTS][IP_RANGE_MAX];
	const char *texts[PARTS];
	uint32_t n = rnd(PARTS + 1);

	*s = (struct ip_set){ .ver = ver };
	memset(m, 0, sizeof(*m));
	for (uint32_t i = 0; i < n; i++) {
		struct ip_range r = random_range();

		CHECK(ip_set_add(s, r, &err) == 0);
		check_invariant(s);
		texts[i] = ip_range_format(ver, r, text[i]);
		for (ip_num a = r.lo - base; a <= r.hi - base; a++)
			m->has[a] = true;
	}
	for (uint32_t i = n; i > 1; i--) {
		uint32_t j = rnd(i);
		const char *t = texts[i - 1];

		texts[i - 1] = texts[j];
		texts[j] = t;
	}
	if (ip_set_parse(texts, n, ver, &parsed, &err) < 0)
		fail_msg("SEED=%llu: %s", (unsigned long long)seed, err.msg);
	CHECK(same(s, &parsed));
}

typedef int set_op(struct ip_set *s, const struct ip_set *other, struct err *e);

static bool either(bool a, bool b)
{
	return a || b;
}

static bool without(bool a, bool b)
{
	return a && !b;
}

static bool both(bool a, bool b)
{
	return a && b;
}

/* On a copy; the operand stays; and with itself as the operand. */
static void check_op(set_op *op, bool (*logic)(bool, bool), const struct ip_set *a, const struct model *ma,
		     const struct ip_set *b, const struct model *mb)
{
	CLEANUP(ip_set_clear) struct ip_set s = { 0 }, self = { 0 }, keep = { 0 };
	struct model want, alone;

	for (uint32_t i = 0; i < SIZE; i++) {
		want.has[i] = logic(ma->has[i], mb->has[i]);
		alone.has[i] = logic(ma->has[i], ma->has[i]);
	}
	CHECK(ip_set_copy(a, &s, &err) == 0 && same(a, &s));
	CHECK(ip_set_copy(b, &keep, &err) == 0);
	CHECK(op(&s, b, &err) == 0);
	check_equal(&s, &want);
	check_blocks(&s, &want);
	CHECK(same(b, &keep));
	CHECK(ip_set_copy(a, &self, &err) == 0);
	CHECK(op(&self, &self, &err) == 0);
	check_equal(&self, &alone);
}

static void check_relations(const struct ip_set *a, const struct model *ma, const struct ip_set *b,
			    const struct model *mb)
{
	struct ip_range r = { 0, 0 };
	uint32_t first = 0, last;
	bool contains = true;

	for (uint32_t i = 0; i < SIZE; i++)
		contains = contains && (ma->has[i] || !mb->has[i]);
	while (first < SIZE && !(ma->has[first] && mb->has[first]))
		first++;
	for (last = first; last + 1 < SIZE && ma->has[last + 1] && mb->has[last + 1];)
		last++;
	CHECK(ip_set_contains(a, b) == contains);
	CHECK(ip_set_overlaps(a, b) == (first < SIZE));
	CHECK(ip_set_first_common(a, b, &r) == (first < SIZE));
	if (first < SIZE)
		CHECK(r.lo == base + first && r.hi == base + last);
}

static void one_round(void)
{
	CLEANUP(ip_set_clear) struct ip_set a = { 0 }, b = { 0 };
	struct model ma, mb;

	choose_universe();
	random_set(&a, &ma);
	random_set(&b, &mb);
	check_equal(&a, &ma);
	check_blocks(&a, &ma);
	check_relations(&a, &ma, &b, &mb);
	check_op(ip_set_add_set, either, &a, &ma, &b, &mb);
	check_op(ip_set_subtract, without, &a, &ma, &b, &mb);
	check_op(ip_set_intersect, both, &a, &ma, &b, &mb);
	/* Random sets seldom contain each other. */
	CHECK(ip_set_intersect(&b, &a, &err) == 0);
	CHECK(ip_set_contains(&a, &b));
}

static void test_against_bitmap(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++)
		one_round();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_bitmap) };
	const char *text = getenv("SEED");

	seed = text ? strtoull(text, NULL, 10) : (uint64_t)time(NULL) << 20 ^ (uint64_t)getpid();
	rng = seed ? seed : 1;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
