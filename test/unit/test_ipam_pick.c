/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_pick.c - which address of a block is next: nodes that share it seldom mean the same one */
#include "ipam_lab.h"

#define SIZE IP_BLOCK_SIZE
#define POOL "subnet: 10.0.0.0/24, ips: [10.0.0.64-10.0.0.127], default: true"

static const char *const nodes[] = { "node1", "node2", "node3", "worker-a", "worker-b", "10.0.3.17" };

/* What an ADD of this node would get; nothing is claimed. */
static int next(struct lab *l, const char *node)
{
	struct ipam_request q = lab_request("asks", "eth0");
	struct ipam_explain x;
	int at;

	l->m.conf.ring_key = node;
	l->m.until = deadline_in(60000);
	if (ipam_explain(&l->m, &q, &x, &l->e) < 0)
		fail_msg("%s", l->e.msg);
	assert_int_equal(x.n, 1);
	at = x.rows[0].has_next ? (int)x.rows[0].next.n % SIZE : -1;
	ipam_explain_clear(&x);
	return at;
}

static void claim(struct lab *l, const char *node, int n)
{
	char container[16];
	struct ipam_request q = lab_request(container, "eth0");

	snprintf(container, sizeof(container), "c%d", n);
	l->m.conf.ring_key = node;
	EXPECT_PART(lab_add(l, &q), "10.0.0.");
}

static void open_pool(struct lab *l)
{
	lab_open(l);
	lab_pool(l, "a", POOL);
}

/* Alone a node comes to every address, and to each once. */
static void test_each_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(nodes); i++) {
		bool seen[SIZE] = { false };
		struct lab l;

		open_pool(&l);
		for (int n = 0; n < SIZE; n++) {
			int at = next(&l, nodes[i]);

			if (at < 0 || seen[at])
				fail_msg("%s: %d at %d", nodes[i], at, n);
			seen[at] = true;
			claim(&l, nodes[i], n);
		}
		assert_int_equal(next(&l, nodes[i]), -1);
		lab_close(&l);
	}
}

/* While one node fills the block the others mostly mean other addresses than it. */
static void test_apart(void **state)
{
	int same = 0, asked = 0;
	struct lab l;

	(void)state;
	open_pool(&l);
	for (int n = 0; n < SIZE - 8; n++) {
		int at = next(&l, nodes[n % 2]);

		for (size_t i = 2; i < ARRAY_LEN(nodes); i++, asked++)
			same += next(&l, nodes[i]) == at;
		claim(&l, nodes[n % 2], n);
	}
	if (same > asked / 8)
		fail_msg("%d of %d are the same", same, asked);
	lab_close(&l);
}

/* Without a key, as on a single machine, the lowest first. */
static void test_lowest(void **state)
{
	struct lab l;

	(void)state;
	open_pool(&l);
	for (int n = 0; n < SIZE; n++) {
		assert_int_equal(next(&l, ""), n);
		claim(&l, "", n);
	}
	lab_close(&l);
}

/* What was used before comes back in the order of its release, whoever asks; never used ones come first. */
static void test_rested(void **state)
{
	static const int order[] = { 7, 40, 3 };
	struct lab l;

	(void)state;
	open_pool(&l);
	clock_freeze_wall(1700000000000);
	for (int n = 0; n < SIZE; n++)
		claim(&l, "", n); /* container cN has address N */
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		char c[16];

		clock_freeze_wall(1700000000000 + 1000 * (int64_t)(i + 1));
		snprintf(c, sizeof(c), "c%d", order[i]);
		lab_del(&l, c, "eth0");
	}
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		for (size_t k = 0; k < ARRAY_LEN(nodes); k++)
			assert_int_equal(next(&l, nodes[k]), order[i]);
		claim(&l, nodes[i], SIZE + (int)i);
	}
	clock_freeze_wall(-1);
	lab_close(&l);
}

static void keep_note(const char *sentence, void *arg)
{
	struct lab *l = arg;

	snprintf(l->text, sizeof(l->text), "%s", sentence);
}

/* Of a block that cannot be read nothing is given out; the pool has others. */
static void test_damaged(void **state)
{
	struct ipam_request q = lab_request("c1", "eth0"), q2 = lab_request("c2", "eth0");
	char note[sizeof(((struct lab *)NULL)->text)];
	struct ipam_attachment at;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.63-10.0.0.64], default: true");
	lab_put(&l, STORE_BLOCK, "", "v4-0a000000", "5\tpod\n");
	l.m.note = keep_note;
	l.m.note_arg = &l;
	l.m.until = deadline_in(60000);
	if (ipam_add(&l.m, &q, &at, &l.e) < 0)
		fail_msg("%s", l.e.msg);
	snprintf(note, sizeof(note), "%s", l.text);
	EXPECT(at.ips.v[0].address, "10.0.0.64/24");
	ipam_attachment_clear(&at);
	EXPECT_PART(note, "nothing is given out of what cannot be read: SpiderIPBlock v4-0a000000: ");
	EXPECT_PART(lab_add(&l, &q2), "all IP addresses used out");
	store_close(l.st);
	lab_remove(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once), cmocka_unit_test(test_apart),
		cmocka_unit_test(test_lowest),    cmocka_unit_test(test_rested),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
