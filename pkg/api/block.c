/* SPDX-License-Identifier: Apache-2.0 */
/* block.c - the text form of a block's records, and what a record means for its address */
#include "api/block.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define ONES  0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

enum {
	F_OFFSET,
	F_HOLD,
	F_SINCE,
	F_POOL,
	F_NETWORK,
	F_NS,
	F_POD,
	F_UID,
	F_NIC,
	F_NODE,
	F_CONTAINER,
	F_BOOT,
	F_REQUEST,
	F_NETNS,
	F_REF,
	F_UNTIL,
	F_MAC,
	F_FLAGS,
	F_MAX
};

/* off: where the string is in the record, 0 for the fields that are no plain string (hold has offset 0). */
static const struct {
	const char *name;
	size_t off;
} fields[F_MAX] = {
	[F_OFFSET] = { "offset", 0 },
	[F_HOLD] = { "hold", 0 },
	[F_SINCE] = { "since", 0 },
	[F_POOL] = { "pool", offsetof(struct block_rec, pool) },
	[F_NETWORK] = { "network", offsetof(struct block_rec, network) },
	[F_NS] = { "namespace", offsetof(struct block_rec, ns) },
	[F_POD] = { "pod", offsetof(struct block_rec, pod) },
	[F_UID] = { "uid", offsetof(struct block_rec, uid) },
	[F_NIC] = { "nic", offsetof(struct block_rec, nic) },
	[F_NODE] = { "node", offsetof(struct block_rec, node) },
	[F_CONTAINER] = { "container", offsetof(struct block_rec, container) },
	[F_BOOT] = { "boot", offsetof(struct block_rec, boot) },
	[F_REQUEST] = { "request", offsetof(struct block_rec, request) },
	[F_NETNS] = { "netns", offsetof(struct block_rec, netns) },
	[F_REF] = { "ref", offsetof(struct block_rec, ref) },
	[F_UNTIL] = { "until", 0 },
	[F_MAC] = { "mac", offsetof(struct block_rec, mac) },
	[F_FLAGS] = { "flags", 0 },
};

static const char *const hold_names[HOLD_MAX] = {
	[HOLD_NONE] = "none",
	[HOLD_POD] = "pod",
	[HOLD_STS] = "sts",
	[HOLD_VM] = "vm",
	[HOLD_PIN] = "pin",
	[HOLD_FREE] = "free",
	[HOLD_QUARANTINE] = "quarantine",
};

const char *hold_name(enum hold h)
{
	return (unsigned)h < HOLD_MAX ? hold_names[h] : hold_names[HOLD_NONE];
}

static const char **string_at(struct block_rec *r, int f)
{
	return (const char **)((char *)r + fields[f].off);
}

void block_rec_init(struct block_rec *r)
{
	*r = (struct block_rec){ .pool = "",
				 .network = "",
				 .ns = "",
				 .pod = "",
				 .uid = "",
				 .nic = "",
				 .node = "",
				 .container = "",
				 .boot = "",
				 .request = "",
				 .netns = "",
				 .ref = "",
				 .mac = "" };
}

void block_init(struct block *b, uint8_t ver, ip_num index)
{
	b->ver = ver;
	b->index = index;
	b->text = NULL;
	block_rec_init(&b->rec[0]);
	for (size_t i = 1; i < IP_BLOCK_SIZE; i++)
		b->rec[i] = b->rec[0];
}

void block_clear(struct block *b)
{
	free(b->text);
	block_init(b, b->ver, b->index);
}

/* ---- scanning ---- */

/* The high bit of each byte of eight that is not printable ASCII (tab and newline among them); exact, as no
 * addition carries into the next byte. Lowest byte first. */
static inline uint64_t special_bytes(const char *s, size_t len)
{
	uint64_t x = 0x20 * ONES, low;

	if (len >= 8)
		memcpy(&x, s, 8);
	else
		memcpy(&x, s, len);
	x = le64toh(x);
	low = x & ~HIGHS;
	return (~(low + 0x60 * ONES) | (low + ONES) | x) & HIGHS;
}

/* Positions of the special bytes, at most max of them; returns how many. */
static size_t special_positions(const char *s, size_t len, size_t max, uint32_t *pos)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 8) {
		uint64_t mask = special_bytes(s + i, len - i);

		for (; mask; mask &= mask - 1) {
			if (n == max)
				return n;
			pos[n++] = (uint32_t)(i + (size_t)__builtin_ctzll(mask) / 8);
		}
	}
	return n;
}

static size_t special_count(const char *s, size_t len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i += 8) /* the product's top byte is the sum of all bytes */
		n += (special_bytes(s + i, len - i) >> 7) * ONES >> 56;
	return n;
}

/* ---- decode ---- */

static int bad(struct err *e, int f, const char *what)
{
	err_code(e, ERR_DECODE, EBADMSG, "%s: %s", fields[f].name, what);
	return -EBADMSG;
}

/* Plain decimal, the only spelling of its number. */
static int number(const char *s, int f, int64_t max, int64_t *ret, struct err *e)
{
	int64_t v = 0;

	if (!*s || (*s == '0' && s[1]))
		return bad(e, f, "want a decimal number without leading zeros");
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return bad(e, f, "want a decimal number");
		if (v > (max - (*s - '0')) / 10)
			return bad(e, f, "number is too large");
		v = v * 10 + (*s - '0');
	}
	*ret = v;
	return 0;
}

static int parse_hold(const char *s, enum hold *ret, struct err *e)
{
	for (int h = HOLD_NONE + 1; h < HOLD_MAX; h++) {
		if (*s == *hold_names[h] && strcmp(s, hold_names[h]) == 0) {
			*ret = (enum hold)h;
			return 0;
		}
	}
	return bad(e, F_HOLD, "want pod, sts, vm, pin, free or quarantine");
}

/* v: the fields of one line; prev: the offset of the line before, -1 for none. Returns the offset. */
static int parse_line(struct block *b, char *const v[F_MAX], int prev, struct err *e)
{
	struct block_rec *r;
	int64_t offset;
	int ret;

	ret = number(v[F_OFFSET], F_OFFSET, IP_BLOCK_SIZE - 1, &offset, e);
	if (ret < 0)
		return ret;
	if (offset <= prev)
		return bad(e, F_OFFSET, "lines are not sorted, or one address has two");
	r = &b->rec[offset];
	ret = parse_hold(v[F_HOLD], &r->hold, e);
	if (ret == 0)
		ret = number(v[F_SINCE], F_SINCE, INT64_MAX, &r->since, e);
	if (ret == 0)
		ret = number(v[F_UNTIL], F_UNTIL, INT64_MAX, &r->until, e);
	if (ret < 0)
		return ret;
	if (v[F_FLAGS][0] && strcmp(v[F_FLAGS], "u") != 0)
		return bad(e, F_FLAGS, "want \"u\" or nothing");
	r->unconfirmed = v[F_FLAGS][0];
	for (int f = F_POOL; f < F_FLAGS; f++) {
		if (fields[f].off)
			*string_at(r, f) = v[f];
	}
	return (int)offset;
}

/* Cuts the line that starts at text + start into its fields. sep: n positions of its and all later special
 * bytes. */
static int cut_line(char *text, size_t start, const uint32_t *sep, size_t n, char *v[F_MAX], struct err *e)
{
	for (size_t f = 0; f < F_MAX; f++) {
		if (f == n)
			return bad(e, (int)f, "the line ends too early");
		if (text[sep[f]] != (f == F_MAX - 1 ? '\n' : '\t'))
			return bad(e, (int)f,
				   text[sep[f]] == '\n'   ? "the line has too few fields"
				   : text[sep[f]] == '\t' ? "the line has too many fields"
							  : "a character is not printable ASCII");
		if (sep[f] - start > BLOCK_FIELD_MAX)
			return bad(e, (int)f, "the field is too long");
		text[sep[f]] = '\0';
		v[f] = text + start;
		start = sep[f] + 1;
	}
	return 0;
}

static int decode_lines(struct block *b, size_t len, int *line, struct err *e)
{
	uint32_t sep[IP_BLOCK_SIZE * F_MAX];
	size_t n = special_positions(b->text, len, ARRAY_LEN(sep), sep);
	size_t start = 0, done = 0;
	char *v[F_MAX];
	int prev = -1, r;

	for (*line = 1; start < len; (*line)++) {
		r = cut_line(b->text, start, sep + done, n - done, v, e);
		if (r < 0)
			return r;
		prev = parse_line(b, v, prev, e);
		if (prev < 0)
			return prev;
		done += F_MAX;
		start = sep[done - 1] + 1;
	}
	return 0;
}

int block_decode(uint8_t ver, ip_num index, const char *text, size_t len, struct block *b, struct err *e)
{
	char name[IP_BLOCK_NAME_MAX];
	int r, line;

	block_init(b, ver, index);
	if (len > BLOCK_TEXT_MAX)
		return err_code(e, ERR_DECODE, EBADMSG, "block %s: %zu bytes of records, at most %d can be",
				ip_block_name(ver, index, name), len, BLOCK_TEXT_MAX);
	if (!len)
		return 0;
	b->text = malloc(len);
	if (!b->text)
		return err_nomem(e);
	memcpy(b->text, text, len);
	r = decode_lines(b, len, &line, e);
	if (r < 0) {
		block_clear(b);
		return err_wrap(e, "block %s: line %d of its records", ip_block_name(ver, index, name), line);
	}
	return 0;
}

/* ---- encode ---- */

/* Room for one line: every field at its longest with its separator, numbers included. */
#define LINE_MAX_LEN (F_MAX * (BLOCK_FIELD_MAX + 1))

struct line {
	char s[LINE_MAX_LEN];
	size_t len;
};

static void put_number(struct line *l, int64_t n)
{
	char digits[20];
	size_t i = sizeof(digits);

	do {
		digits[--i] = (char)('0' + n % 10);
		n /= 10;
	} while (n);
	memcpy(l->s + l->len, digits + i, sizeof(digits) - i);
	l->len += sizeof(digits) - i;
}

static int put_string(struct line *l, int f, const char *s, struct err *e)
{
	size_t len = strnlen(s, BLOCK_FIELD_MAX + 1);

	if (len > BLOCK_FIELD_MAX)
		return err_set(e, EINVAL, "%s \"%.40s...\" is longer than the %d bytes a record can keep",
			       fields[f].name, s, BLOCK_FIELD_MAX);
	memcpy(l->s + l->len, s, len);
	l->len += len;
	return 0;
}

static int put_field(struct line *l, int f, int offset, const struct block_rec *r, struct err *e)
{
	switch (f) {
	case F_OFFSET:
		put_number(l, offset);
		return 0;
	case F_HOLD:
		return put_string(l, f, hold_names[r->hold], e);
	case F_SINCE:
		put_number(l, r->since);
		return 0;
	case F_UNTIL:
		put_number(l, r->until);
		return 0;
	case F_FLAGS:
		return put_string(l, f, r->unconfirmed ? "u" : "", e);
	default:
		return put_string(l, f, *string_at((struct block_rec *)r, f), e);
	}
}

/* The line has a byte that is neither printable nor one of its separators: says in which field. */
static int unprintable(const struct block_rec *r, struct err *e)
{
	int f = F_POOL;

	for (; f < F_MAC; f++) {
		const char *s;

		if (!fields[f].off)
			continue;
		s = *string_at((struct block_rec *)r, f);
		if (special_count(s, strlen(s)))
			break;
	}
	return err_set(e, EINVAL, "%s: only printable ASCII can be recorded", fields[f].name);
}

static int encode_rec(int offset, const struct block_rec *r, struct buf *out, struct err *e)
{
	struct line l;
	int ret;

	if (r->hold == HOLD_NONE || (unsigned)r->hold >= HOLD_MAX)
		return err_set(e, EINVAL, "hold %d cannot be recorded", (int)r->hold);
	if (r->since < 0 || r->until < 0)
		return err_set(e, EINVAL, "a time lies before 1970");
	l.len = 0;
	for (int f = 0; f < F_MAX; f++) {
		ret = put_field(&l, f, offset, r, e);
		if (ret < 0)
			return ret;
		l.s[l.len++] = f == F_MAX - 1 ? '\n' : '\t';
	}
	if (special_count(l.s, l.len) != F_MAX)
		return unprintable(r, e);
	buf_add(out, l.s, l.len);
	return 0;
}

int block_encode(const struct block *b, struct buf *out, struct err *e)
{
	char name[IP_BLOCK_NAME_MAX];
	int r;

	for (int i = 0; i < IP_BLOCK_SIZE; i++) {
		if (b->rec[i].hold == HOLD_NONE && !block_rec_has_holder(&b->rec[i]))
			continue;
		r = encode_rec(i, &b->rec[i], out, e);
		if (r < 0)
			return err_wrap(e, "block %s: address %d", ip_block_name(b->ver, b->index, name), i);
	}
	if (out->err)
		return err_set(e, -out->err, "block %s: its records do not fit into memory",
			       ip_block_name(b->ver, b->index, name));
	return 0;
}

/* ---- meaning ---- */

bool block_rec_has_holder(const struct block_rec *r)
{
	return r->container[0] != '\0';
}

bool block_rec_held(const struct block_rec *r, int64_t now)
{
	if (block_rec_has_holder(r))
		return true;
	switch (r->hold) {
	case HOLD_POD:
	case HOLD_STS:
	case HOLD_VM:
	case HOLD_PIN:
		return true;
	case HOLD_QUARANTINE:
		/* A clock that was ahead may have written it: nothing lasts longer than it was to. */
		return !r->until || (r->until > now && now >= r->since - (r->until - r->since));
	default:
		return false;
	}
}

uint64_t block_held_mask(const struct block *b, int64_t now)
{
	uint64_t mask = 0;

	for (int i = 0; i < IP_BLOCK_SIZE; i++) {
		if (block_rec_held(&b->rec[i], now))
			mask |= UINT64_C(1) << i;
	}
	return mask;
}

int64_t block_rec_free_at(const struct block_rec *r)
{
	if (block_rec_has_holder(r))
		return INT64_MAX;
	switch (r->hold) {
	case HOLD_NONE:
		return 0;
	case HOLD_FREE:
		return r->since;
	case HOLD_QUARANTINE:
		return r->until ? r->until : INT64_MAX;
	default:
		return INT64_MAX;
	}
}

int64_t block_free_at(const struct block *b)
{
	int64_t min = INT64_MAX;

	for (int i = 0; i < IP_BLOCK_SIZE && min; i++) {
		int64_t at = block_rec_free_at(&b->rec[i]);

		if (at < min)
			min = at;
	}
	return min;
}
