/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_again.c - the same pod comes again, in the same sandbox or in a new one */
#include "ipam_lab.h"

#include "ipam/claim.h"

#define POOL4 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], default: true"
#define POOL6 "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true"

/* ---- taking over ---- */

/* One address was taken away: both families are given, and what is left is kept. */
static void test_one_family_was_released(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	lab_pool(&l, "b", POOL6);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64");
	assert_int_equal(ipam_release(&l.m, lab_ip("10.0.0.1"), true, &l.e), 0);
	r.container = "c2";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24 fd00::1/64");
	lab_close(&l);
}

static int second_address(struct txn *t, void *arg, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip("10.0.0.9"), &b, &rec, e);

	return r < 0 ? r : claim_record(t, arg, "eth0", "a", b, rec, e);
}

/* A NIC with two addresses of one family, of which the pod's endpoint can name but one. */
static void test_what_the_endpoint_does_not_name(void **state)
{
	static const struct {
		bool keep;
		const char *uid; /* of the pod that comes */
	} rows[] = { { false, "u" }, { true, "u" }, { true, "u2" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
		struct lab l;

		print_message("# row %zu\n", i);
		lab_open(&l);
		l.m.conf.keep_by_pod_name = rows[i].keep;
		lab_pool(&l, "a", POOL4);
		lab_add(&l, &r);
		assert_int_equal(txn_run(&l.m, STORE_WRITE, second_address, &r, &l.e), 0);
		lab_put(&l, STORE_ATTACHMENT, "c1", "eth0/net",
			"{\"network\":\"net\",\"container\":\"c1\",\"nic\":\"eth0\",\"node\":\"n1\",\"boot\":"
			"\"boot-1\","
			"\"namespace\":\"default\",\"pod\":\"p\",\"uid\":\"u\",\"since\":1,\"ips\":["
			"{\"address\":\"10.0.0.1/24\",\"pool\":\"a\"},{\"address\":\"10.0.0.9/"
			"24\",\"pool\":\"a\"}]}");
		r.container = "c2";
		r.uid = rows[i].uid;
		EXPECT(lab_add(&l, &r), "10.0.0.1/24");
		EXPECT(lab_state(&l, "10.0.0.9"), "free");
		lab_close(&l);
	}
}

/* ---- an answer that cannot be used ---- */

static struct ipam_attachment add(struct lab *l, const struct ipam_request *req, const char *want)
{
	struct ipam_attachment a;

	if (ipam_add(&l->m, req, &a, &l->e) < 0)
		fail_msg("add: %s", l->e.msg);
	lab_describe(l, &a);
	EXPECT(l->text, want);
	return a;
}

static void undo(struct lab *l, const struct ipam_request *req, struct ipam_attachment *a)
{
	if (ipam_undo(&l->m, req, a, &l->e) < 0)
		fail_msg("undo: %s", l->e.msg);
	ipam_attachment_clear(a);
	assert_int_equal(lab_fsck(l, false), 0);
}

static void test_undo_of_a_new_claim(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	a = add(&l, &r, "10.0.0.1/24");
	undo(&l, &r, &a);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_close(&l);
}

/* The container runs with it: what fails is a call that came once more. */
static void test_undo_of_a_repeated_add(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4);
	lab_add(&l, &r);
	a = add(&l, &r, "10.0.0.1/24");
	undo(&l, &r, &a);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c1");
	/* also when one of its addresses was replaced meanwhile */
	a = add(&l, &r, "10.0.0.1/24");
	assert_int_equal(ipam_conflict(&l.m, &r, &a, lab_ip("10.0.0.1"), "02:00:00:00:00:01", &l.e), 0);
	undo(&l, &r, &a);
	EXPECT(lab_state(&l, "10.0.0.2"), "pod c1");
	lab_close(&l);
}

/* A new sandbox fails: the former one has everything again, and its DEL gives everything back. */
static void test_undo_of_a_take_over(void **state)
{
	(void)state;
	for (int keep = 0; keep < 2; keep++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u"), r2 = lab_pod("c2", "eth0", "p", "u");
		struct ipam_attachment a;
		struct json_map_entry entry;
		struct json_map map =
			lab_annotation(&entry, ANNOTATION_IPPOOLS,
				       "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"],\"ipv6\":[\"b\"]},"
				       "{\"interface\":\"net1\",\"ipv4\":[\"a\"]}]");
		struct lab l;

		print_message("# keep %d\n", keep);
		lab_open(&l);
		l.m.conf.keep_by_pod_name = keep;
		lab_pool(&l, "a", POOL4);
		lab_pool(&l, "b", POOL6);
		r.annotations = r2.annotations = &map;
		EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64");
		a = add(&l, &r2, "10.0.0.1/24 fd00::1/64");
		EXPECT(lab_state(&l, "10.0.0.1"), keep ? "pin c2" : "pod c2");
		undo(&l, &r2, &a);
		EXPECT(lab_state(&l, "10.0.0.1"), keep ? "pin c1" : "pod c1");
		EXPECT(lab_state(&l, "fd00::1"), keep ? "pin c1" : "pod c1");
		EXPECT(lab_state(&l, "10.0.0.2"), keep ? "pin c1" : "pod c1"); /* net1's, claimed ahead */
		r.nic = "net1";
		EXPECT(lab_add(&l, &r), "10.0.0.2/24");
		lab_del(&l, "c2", "eth0");
		EXPECT(lab_state(&l, "10.0.0.1"), keep ? "pin c1" : "pod c1");
		lab_del(&l, "c1", "net1");
		lab_del(&l, "c1", "eth0");
		EXPECT(lab_state(&l, "10.0.0.1"), keep ? "pin" : "free");
		EXPECT(lab_state(&l, "fd00::1"), keep ? "pin" : "free");
		EXPECT(lab_state(&l, "10.0.0.2"), keep ? "pin" : "free");
		lab_close(&l);
	}
}

/* What was found in use meanwhile stays in quarantine, what took its place is free, the rest goes back. */
static void test_undo_after_a_conflict(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u"), r2 = lab_pod("c2", "eth0", "p", "u");
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	for (int ended = 0; ended < 2; ended++) {
		print_message("# quarantine ended: %d\n", ended);
		lab_open(&l);
		lab_pool(&l, "a", POOL4);
		lab_pool(&l, "b", POOL6);
		lab_add(&l, &r);
		a = add(&l, &r2, "10.0.0.1/24 fd00::1/64");
		assert_int_equal(ipam_conflict(&l.m, &r2, &a, lab_ip("10.0.0.1"), "02:00:00:00:00:01", &l.e),
				 0);
		if (ended)
			assert_int_equal(ipam_conflict_undo(&l.m, &r2, lab_ip("10.0.0.1"), &l.e), 0);
		undo(&l, &r2, &a);
		EXPECT(lab_state(&l, "10.0.0.1"), ended ? "pod c1" : "quarantine");
		EXPECT(lab_state(&l, "10.0.0.2"), "free");
		EXPECT(lab_state(&l, "fd00::1"), "pod c1");
		lab_del(&l, "c1", "eth0");
		EXPECT(lab_state(&l, "fd00::1"), "free");
		lab_close(&l);
	}
}

static bool is_alive(const struct ipam_attachment *a, void *arg)
{
	(void)arg;
	return strcmp(a->container, "c1") != 0;
}

/* The former sandbox had its DEL while the new one was probing: nobody would come for it again. */
static void test_undo_when_the_former_is_gone(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u"), r2 = lab_pod("c2", "eth0", "p", "u");
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	lab_open(&l);
	l.m.alive = is_alive;
	lab_pool(&l, "a", POOL4);
	r.netns_id = "4:1";
	lab_add(&l, &r);
	a = add(&l, &r2, "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	undo(&l, &r2, &a);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undo_of_a_new_claim),
		cmocka_unit_test(test_undo_of_a_repeated_add),
		cmocka_unit_test(test_undo_of_a_take_over),
		cmocka_unit_test(test_undo_after_a_conflict),
		cmocka_unit_test(test_undo_when_the_former_is_gone),
		cmocka_unit_test(test_one_family_was_released),
		cmocka_unit_test(test_what_the_endpoint_does_not_name),
	};

	return cmocka_run_group_tests_name("ipam again", tests, NULL, NULL);
}
