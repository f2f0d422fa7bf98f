/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - aligned blocks of 64 addresses: which ones a set touches, and their names */
#include "ip/ip.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "ip/priv.h"

#define BLOCK_LAST  (~(ip_num)0 >> IP_BLOCK_BITS) /* of the larger family */
#define OFFSET_MASK ((ip_num)IP_BLOCK_SIZE - 1)

uint64_t ip_set_mask(const struct ip_set *s, ip_num block)
{
	ip_num lo = block << IP_BLOCK_BITS, hi = lo | OFFSET_MASK;
	uint64_t mask = 0;

	if (block > BLOCK_LAST)
		return 0;
	for (size_t i = ip_set_find(s, lo); i < s->n && s->r[i].lo <= hi; i++) {
		unsigned int a = s->r[i].lo > lo ? (unsigned int)(s->r[i].lo - lo) : 0;
		unsigned int b = s->r[i].hi < hi ? (unsigned int)(s->r[i].hi - lo) : IP_BLOCK_SIZE - 1;

		mask |= ~(uint64_t)0 >> (IP_BLOCK_SIZE - 1 - (b - a)) << a;
	}
	return mask;
}

/* The blocks of range i that no earlier range touches; false when there are none. */
static bool own_blocks(const struct ip_set *s, size_t i, ip_num *ret_first, ip_num *ret_last)
{
	*ret_first = s->r[i].lo >> IP_BLOCK_BITS;
	*ret_last = s->r[i].hi >> IP_BLOCK_BITS;
	if (i && s->r[i - 1].hi >> IP_BLOCK_BITS == *ret_first)
		++*ret_first;
	return *ret_first <= *ret_last;
}

uint64_t ip_set_blocks(const struct ip_set *s)
{
	uint64_t sum = 0;
	ip_num first, last;

	for (size_t i = 0; i < s->n; i++) {
		if (!own_blocks(s, i, &first, &last))
			continue;
		if (last - first >= UINT64_MAX - sum)
			return UINT64_MAX;
		sum += (uint64_t)(last - first) + 1;
	}
	return sum;
}

ip_num ip_set_block_at(const struct ip_set *s, uint64_t k)
{
	ip_num first, last;

	for (size_t i = 0; i < s->n; i++) {
		if (!own_blocks(s, i, &first, &last))
			continue;
		if (k <= last - first)
			return first + k;
		k -= (uint64_t)(last - first) + 1;
	}
	assert(false); /* k is not below ip_set_blocks() */
	return 0;
}

bool ip_set_block_next(const struct ip_set *s, ip_num from, ip_num *ret)
{
	ip_num lo = from << IP_BLOCK_BITS;
	size_t i;

	if (from > BLOCK_LAST)
		return false;
	i = ip_set_find(s, lo);
	if (i == s->n)
		return false;
	*ret = s->r[i].lo > lo ? s->r[i].lo >> IP_BLOCK_BITS : from;
	return true;
}

/* ---- names ---- */

const char *ip_block_name(uint8_t ver, ip_num block, char out[IP_BLOCK_NAME_MAX])
{
	ip_num n = block << IP_BLOCK_BITS;
	char *p = stpcpy(out, ver == 6 ? "v6-" : "v4-");

	for (int shift = ip_bits(ver) - 4; shift >= 0; shift -= 4)
		*p++ = "0123456789abcdef"[(unsigned int)(n >> shift) & 0xf];
	*p = '\0';
	return out;
}

static bool read_name(const char *name, uint8_t ver, ip_num *ret_block)
{
	const char *hex = name + strlen("v4-");
	size_t digits = ip_bits(ver) / 4;
	ip_num n = 0;

	if (strspn(hex, "0123456789abcdef") != digits || hex[digits])
		return false;
	for (; *hex; hex++)
		n = n << 4 | (ip_num)(*hex <= '9' ? *hex - '0' : *hex - 'a' + 10);
	*ret_block = n >> IP_BLOCK_BITS;
	return !(n & OFFSET_MASK) && !ip_touches_mapped(ver, (struct ip_range){ n, n });
}

int ip_block_parse(const char *name, uint8_t *ret_ver, ip_num *ret_block, struct err *e)
{
	uint8_t ver = strncmp(name, "v4-", 3) == 0 ? 4 : strncmp(name, "v6-", 3) == 0 ? 6 : 0;
	ip_num block;

	if (!ver || !read_name(name, ver, &block))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"block name \"%.64s\": want v4- or v6- and the first address of a block of %d in "
			"lower-case hex, for example v4-0a000000",
			name, IP_BLOCK_SIZE);
	*ret_ver = ver;
	*ret_block = block;
	return 0;
}
