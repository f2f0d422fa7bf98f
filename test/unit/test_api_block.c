/* SPDX-License-Identifier: Apache-2.0 */
/* test_api_block.c - text form of block records, and what they mean */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "api/block.h"
#include "base/own.h"

#define BLOCK_10 ((ip_num)0x0a000000 / 64) /* 10.0.0.0/26 */

/* One line: everything but the first and last fields is short or empty. */
#define LINE(offset, hold, since, until, flags) \
	offset "\t" hold "\t" since \
	       "\tp1\tnet\tdefault\tweb-0\tuid-1\teth0\tnode1\tc1\tboot\treq\t4:77\tdefault/web/" \
	       "0\t" until "\tde:ad:be:ef:00:01\t" flags "\n"
#define FREE(offset) \
	offset "\tfree\t1000" \
	       "\t\t\t\t\t\t\t\t\t\t\t\t\t0\t\t\n"

static const char full_line[] = LINE("7", "sts", "1700000000123", "42", "u");

static void test_decode(void **state)
{
	struct block b;
	struct err e;
	const struct block_rec *r;

	(void)state;
	assert_int_equal(block_decode(4, BLOCK_10, full_line, strlen(full_line), &b, &e), 0);
	r = &b.rec[7];
	assert_int_equal(r->hold, HOLD_STS);
	assert_true(r->unconfirmed);
	assert_int_equal(r->since, 1700000000123);
	assert_int_equal(r->until, 42);
	assert_string_equal(r->pool, "p1");
	assert_string_equal(r->network, "net");
	assert_string_equal(r->ns, "default");
	assert_string_equal(r->pod, "web-0");
	assert_string_equal(r->uid, "uid-1");
	assert_string_equal(r->nic, "eth0");
	assert_string_equal(r->node, "node1");
	assert_string_equal(r->container, "c1");
	assert_string_equal(r->boot, "boot");
	assert_string_equal(r->request, "req");
	assert_string_equal(r->netns, "4:77");
	assert_string_equal(r->ref, "default/web/0");
	assert_string_equal(r->mac, "de:ad:be:ef:00:01");
	for (int i = 0; i < IP_BLOCK_SIZE; i++) {
		if (i != 7)
			assert_int_equal(b.rec[i].hold, HOLD_NONE);
	}
	block_clear(&b);
	assert_string_equal(b.rec[7].pool, "");
}

static void encodes_to(const struct block *b, const char *text, size_t row)
{
	struct buf out = BUF_INIT(BLOCK_TEXT_MAX);
	struct err e = { .msg = "" };

	if (block_encode(b, &out, &e) != 0 || e.msg[0])
		fail_msg("row %zu: %s", row, e.msg);
	if (strcmp(buf_cstr(&out), text) != 0)
		fail_msg("row %zu: encodes to \"%s\", want \"%s\"", row, buf_cstr(&out), text);
	buf_clear(&out);
}

static void test_identity(void **state)
{
	static const char *const texts[] = {
		"",
		LINE("0", "pod", "0", "0", ""),
		LINE("63", "quarantine", "9223372036854775807", "9223372036854775807", "u"),
		FREE("0"),
		FREE("0") FREE("1") FREE("2"),
		FREE("1") LINE("2", "vm", "1", "0", "") LINE("10", "pin", "1", "0", "u") FREE("63"),
	};
	struct block b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (block_decode(4, BLOCK_10, texts[i], strlen(texts[i]), &b, &e) < 0)
			fail_msg("row %zu: %s", i, e.msg);
		encodes_to(&b, texts[i], i);
		block_clear(&b);
	}
}

static void test_malformed(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "\n", "line 1 of its records: offset: the line has too few fields" },
		{ "7", "line 1 of its records: offset: the line ends too early" },
		{ "7\tpod\t0\n", "since: the line has too few fields" },
		{ "7\tpod\t0\t\t\t\t\t\t\t\t\t\t\t\t\t0\t\t\t\n", "flags: the line has too many fields" },
		{ "7\tpod\t0\t\t\t\t\t\t\t\t\t\t\t\t\t0\t\t", "flags: the line ends too early" },
		{ FREE("7") "\n", "line 2 of its records: offset" },
		{ FREE("64"), "offset: number is too large" },
		{ FREE("-1"), "offset: want a decimal number" },
		{ FREE(""), "offset: want a decimal number" },
		{ FREE("07"), "offset: want a decimal number without leading zeros" },
		{ FREE(" 7"), "offset: want a decimal number" },
		{ FREE("99999999999999999999"), "offset: number is too large" },
		{ FREE("7") FREE("7"), "line 2 of its records: offset: lines are not sorted" },
		{ FREE("7") FREE("6"), "line 2 of its records: offset: lines are not sorted" },
		{ LINE("7", "none", "0", "0", ""), "hold: want pod, sts, vm, pin, free or quarantine" },
		{ LINE("7", "Pod", "0", "0", ""), "hold: want" },
		{ LINE("7", "pods", "0", "0", ""), "hold: want" },
		{ LINE("7", "", "0", "0", ""), "hold: want" },
		{ LINE("7", "pod", "", "0", ""), "since: want a decimal" },
		{ LINE("7", "pod", "9223372036854775808", "0", ""), "since: number is too large" },
		{ LINE("7", "pod", "-1", "0", ""), "since: want a decimal" },
		{ LINE("7", "pod", "0", "00", ""), "until: want a decimal" },
		{ LINE("7", "pod", "0", "1x", ""), "until: want a decimal" },
		{ LINE("7", "pod", "0", "0", "x"), "flags: want \"u\"" },
		{ LINE("7", "pod", "0", "0", "uu"), "flags: want \"u\"" },
		{ "7\tpod\t0\ta\rb\n", "pool: a character is not printable" },
		{ "7\tpod\t0\ta\x7f\n", "pool: a character is not printable" },
		{ "7\tpod\t0\ta\xc3\xa9\n", "pool: a character is not printable" },
	};
	struct block b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *t = rows[i].text;

		if (block_decode(4, BLOCK_10, t, strlen(t), &b, &e) != -EBADMSG)
			fail_msg("row %zu: accepted", i);
		if (!strstr(e.msg, rows[i].says) || !strstr(e.msg, "block v4-0a000000: line ") ||
		    e.cni != ERR_DECODE)
			fail_msg("row %zu: says \"%s\", want \"%s\"", i, e.msg, rows[i].says);
		if (b.text || block_held_mask(&b, 0) || block_free_at(&b))
			fail_msg("row %zu: the block is not empty", i);
	}
}

static void test_malformed_nul(void **state)
{
	char text[] = LINE("7", "pod", "0", "0", "");
	struct block b;
	struct err e;

	(void)state;
	text[9] = '\0';
	assert_int_equal(block_decode(4, BLOCK_10, text, sizeof(text) - 1, &b, &e), -EBADMSG);
}

/* A field of exactly the maximum passes both ways, one more does not. */
static void test_field_length(void **state)
{
	char name[BLOCK_FIELD_MAX + 2];
	struct buf text = BUF_INIT(BLOCK_TEXT_MAX);
	struct block b, again;
	struct err e;

	(void)state;
	memset(name, 'x', sizeof(name));
	name[BLOCK_FIELD_MAX] = '\0';
	block_init(&b, 4, BLOCK_10);
	b.rec[0].hold = HOLD_POD;
	b.rec[0].pod = name;
	assert_int_equal(block_encode(&b, &text, &e), 0);
	assert_int_equal(block_decode(4, BLOCK_10, text.s, text.len, &again, &e), 0);
	assert_string_equal(again.rec[0].pod, name);
	block_clear(&again);
	buf_reset(&text);
	name[BLOCK_FIELD_MAX] = 'x';
	name[BLOCK_FIELD_MAX + 1] = '\0';
	assert_int_equal(block_encode(&b, &text, &e), -EINVAL);
	assert_non_null(strstr(e.msg, "address 0: pod"));
	buf_reset(&text);
	buf_fmt(&text, "0\tpod\t0\t%s\t", name);
	assert_int_equal(block_decode(4, BLOCK_10, text.s, text.len, &again, &e), -EBADMSG);
	assert_non_null(strstr(e.msg, "pool: the field is too long"));
	buf_clear(&text);
}

static void test_text_length(void **state)
{
	char text[8192];
	struct block b;
	struct err e;

	(void)state;
	memset(text, '\t', sizeof(text)); /* more separators than a block can have */
	assert_int_equal(block_decode(4, BLOCK_10, text, sizeof(text), &b, &e), -EBADMSG);
	memset(text, '\n', sizeof(text));
	assert_int_equal(block_decode(4, BLOCK_10, text, sizeof(text), &b, &e), -EBADMSG);
	assert_int_equal(block_decode(4, BLOCK_10, "", (size_t)BLOCK_TEXT_MAX + 1, &b, &e), -EBADMSG);
}

static void test_encode_refuses(void **state)
{
	static const char *const values[] = { "a\tb", "a\nb", "\x01", "\x7f", "caf\xc3\xa9" };
	struct buf out = BUF_INIT(BLOCK_TEXT_MAX);
	struct block b;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(values); i++) {
		block_init(&b, 4, BLOCK_10);
		b.rec[3].hold = HOLD_POD;
		b.rec[3].ref = values[i];
		if (block_encode(&b, &out, &e) != -EINVAL ||
		    !strstr(e.msg, "block v4-0a000000: address 3: ref"))
			fail_msg("value %zu", i);
	}
	block_init(&b, 4, BLOCK_10);
	b.rec[3].hold = HOLD_MAX;
	assert_int_equal(block_encode(&b, &out, &e), -EINVAL);
	b.rec[3].hold = HOLD_POD;
	b.rec[3].since = -1;
	assert_int_equal(block_encode(&b, &out, &e), -EINVAL);
	block_init(&b, 4, BLOCK_10);
	b.rec[3].container = "c1"; /* a holder without a hold would be lost */
	assert_int_equal(block_encode(&b, &out, &e), -EINVAL);
	buf_clear(&out);
	out = BUF_INIT(5);
	b.rec[3].hold = HOLD_POD;
	assert_int_equal(block_encode(&b, &out, &e), -EFBIG);
	buf_clear(&out);
}

static void test_meaning(void **state)
{
	static const struct {
		enum hold hold;
		const char *container;
		int64_t since, until;
		bool held_at_1000;
		int64_t free_at;
	} rows[] = {
		{ HOLD_NONE, "", 0, 0, false, 0 },
		{ HOLD_POD, "c", 5, 0, true, INT64_MAX },
		{ HOLD_POD, "", 5, 0, true, INT64_MAX }, /* detached: the API shows the pod alive */
		{ HOLD_STS, "", 5, 0, true, INT64_MAX },
		{ HOLD_VM, "", 5, 0, true, INT64_MAX },
		{ HOLD_PIN, "", 5, 0, true, INT64_MAX },
		{ HOLD_FREE, "", 5, 0, false, 5 },
		{ HOLD_FREE, "", 5000, 0, false, 5000 },
		{ HOLD_FREE, "c", 5, 0, true, INT64_MAX },
		{ HOLD_QUARANTINE, "", 5, 0, true, INT64_MAX },
		{ HOLD_QUARANTINE, "", 5, 1001, true, 1001 },
		{ HOLD_QUARANTINE, "", 5, 1000, false, 1000 },
		{ HOLD_QUARANTINE, "c", 5, 1000, true, INT64_MAX },
	};
	struct block b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		block_init(&b, 4, BLOCK_10);
		for (int j = 0; j < IP_BLOCK_SIZE; j++)
			b.rec[j].hold = HOLD_POD;
		b.rec[63].hold = rows[i].hold;
		b.rec[63].container = rows[i].container;
		b.rec[63].since = rows[i].since;
		b.rec[63].until = rows[i].until;
		if (block_rec_held(&b.rec[63], 1000) != rows[i].held_at_1000 ||
		    (block_held_mask(&b, 1000) >> 63) != rows[i].held_at_1000 ||
		    block_rec_has_holder(&b.rec[63]) != (rows[i].container[0] != '\0') ||
		    block_rec_free_at(&b.rec[63]) != rows[i].free_at || block_free_at(&b) != rows[i].free_at)
			fail_msg("row %zu", i);
		assert_int_equal(block_held_mask(&b, 1000) & (UINT64_MAX >> 1), UINT64_MAX >> 1);
	}
}

static void test_free_at(void **state)
{
	struct block b;

	(void)state;
	block_init(&b, 4, BLOCK_10);
	for (int i = 0; i < IP_BLOCK_SIZE; i++) {
		b.rec[i].hold = HOLD_FREE;
		b.rec[i].since = 1000 + (i * 7 + 5) % IP_BLOCK_SIZE;
	}
	assert_int_equal(block_free_at(&b), 1000);
	b.rec[40].hold = HOLD_NONE;
	assert_int_equal(block_free_at(&b), 0);
}

static void test_hold_names(void **state)
{
	(void)state;
	assert_string_equal(hold_name(HOLD_NONE), "none");
	assert_string_equal(hold_name(HOLD_QUARANTINE), "quarantine");
	assert_string_equal(hold_name((enum hold)99), "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decode),         cmocka_unit_test(test_identity),
		cmocka_unit_test(test_malformed),      cmocka_unit_test(test_malformed_nul),
		cmocka_unit_test(test_field_length),   cmocka_unit_test(test_text_length),
		cmocka_unit_test(test_encode_refuses), cmocka_unit_test(test_meaning),
		cmocka_unit_test(test_free_at),        cmocka_unit_test(test_hold_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
