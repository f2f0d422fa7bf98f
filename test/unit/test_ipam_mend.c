/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_mend.c - fsck: what is made whole, and what is left to the operator */
#include "ipam_lab.h"

#define POOL4 "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], gateway: 10.0.0.254"
#define POOL6 "subnet: fd00::/64, ips: ['fd00::1-fd00::9']"

/* The other half of what fsck can find is made from the one that is there. */
static void test_fsck_mends(void **state)
{
	struct lab l;
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u1"), r2 = lab_pod("c2", "eth0", "q", "u2");
	struct store_obj o;
	struct ipam_key key;
	struct store_op op = { .verb = STORE_DELETE, .kind = STORE_ATTACHMENT };

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	lab_add(&l, &r);
	lab_add(&l, &r2);
	ipam_attachment_key("net", "c1", "eth0", &key);
	assert_int_equal(store_begin(l.st, STORE_WRITE, deadline_in(1000), &l.e), 0);
	assert_int_equal(store_get(l.st, STORE_ATTACHMENT, key.ns, key.name, &o, &l.e), 1);
	op.ns = key.ns;
	op.name = key.name;
	op.version = o.version;
	assert_int_equal(store_commit(l.st, &op, 1, &l.e), 0);
	l.quiet = true;
	assert_int_equal(lab_fsck(&l, false), 1);
	assert_int_equal(lab_fsck(&l, true), 1);
	assert_int_equal(lab_fsck(&l, false), 0);
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 0.0.0.0/0>10.0.0.254");
	/* the blocks are lost: the attachments bring them back */
	assert_int_equal(store_begin(l.st, STORE_WRITE, deadline_in(1000), &l.e), 0);
	assert_int_equal(store_get(l.st, STORE_BLOCK, "", "v4-0a000000", &o, &l.e), 1);
	op = (struct store_op){
		.verb = STORE_DELETE, .kind = STORE_BLOCK, .name = "v4-0a000000", .version = o.version
	};
	assert_int_equal(store_commit(l.st, &op, 1, &l.e), 0);
	assert_int_equal(lab_fsck(&l, true), 4); /* two attachments, two endpoints that were not true then */
	lab_close(&l);
}

/* An attachment that nothing but itself knows of. */
static void put_stray(struct lab *l, const char *pod)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"network\":\"net\",\"container\":\"cX\",\"nic\":\"eth0\",\"boot\":\"boot-1\","
		 "\"namespace\":\"default\",\"pod\":\"%s\",\"uid\":\"u9\",\"since\":1,"
		 "\"ips\":[{\"address\":\"10.0.0.1/24\",\"pool\":\"a\"}]}",
		 pod);
	lab_put(l, STORE_ATTACHMENT, "cX", "eth0/net", text);
}

/* What is kept for another pod, or in quarantine, is not the stray's; what waits for its own pod is. */
static void test_a_stray_and_a_kept_address(void **state)
{
	static const struct {
		bool keep, quarantine;
		const char *pod, *want;
	} rows[] = {
		{ true, false, "other", "pin" },
		{ true, false, "p", "pin cX" },
		{ false, true, "p", "quarantine" },
		{ false, false, "other", "pod cX" }, /* nobody's */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
		struct lab l;

		print_message("# row %zu\n", i);
		lab_open(&l);
		lab_pool(&l, "a", POOL4 ", default: true");
		l.m.conf.keep_by_pod_name = rows[i].keep;
		lab_add(&l, &r);
		lab_del(&l, "c1", "eth0");
		l.m.conf.keep_by_pod_name = false; /* spiderpoolctl knows of no network */
		if (rows[i].quarantine)
			assert_int_equal(
				ipam_quarantine(&l.m, lab_ip("10.0.0.1"), clock_wall_ms() + 100000, &l.e), 0);
		put_stray(&l, rows[i].pod);
		l.quiet = true;
		assert_true(lab_fsck(&l, true) > 0);
		EXPECT(lab_state(&l, "10.0.0.1"), rows[i].want);
		lab_del(&l, "cX", "eth0");
		lab_fsck(&l, true);
		lab_close(&l);
	}
}

static const char endpoint[] =
	"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderEndpoint\","
	"\"metadata\":{\"name\":\"p\",\"namespace\":\"default\"},\"status\":{\"current\":{\"uid\":\"u\","
	"\"node\":\"n1\",\"ips\":[{\"interface\":\"eth0\",\"ipv4\":\"%s\",\"ipv4Pool\":\"a\","
	"\"ipv6\":\"%s\",\"ipv6Pool\":\"b\"}]},\"ownerControllerType\":\"Pod\","
	"\"ownerControllerName\":\"p\"}}";

static void put_endpoint(struct lab *l, const char *ipv4, const char *ipv6)
{
	char text[1024];

	snprintf(text, sizeof(text), endpoint, ipv4, ipv6);
	lab_put(l, STORE_ENDPOINT, "default", "p", text);
}

/* One family of an entry is false, the other is what keeps the pod's address: one repair makes it right. */
static void test_an_entry_half_false(void **state)
{
	static const char *const rows[][2] = { { "10.0.0.1/24", "fd00::77/64" },
					       { "10.0.0.3/24", "fd00::77/64" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
		struct lab l;

		print_message("# row %zu\n", i);
		lab_open(&l);
		lab_pool(&l, "a", POOL4 ", default: true");
		l.m.conf.keep_by_pod_name = true;
		lab_add(&l, &r);
		lab_del(&l, "c1", "eth0");
		put_endpoint(&l, rows[i][0], rows[i][1]);
		l.quiet = true;
		assert_true(lab_fsck(&l, true) > 0);
		l.quiet = false;
		assert_int_equal(lab_fsck(&l, false), 0);
		r.container = "c2";
		r.uid = "u2";
		EXPECT_PART(lab_add(&l, &r), "10.0.0.1/24");
		lab_close(&l);
	}
}

/* Two pins of one family for one NIC: fsck tells, and does not choose. */
static void test_two_pins_of_one_nic(void **state)
{
	struct ipam_request p = lab_pod("c1", "eth0", "p", "u"), q = lab_pod("c2", "eth0", "p", "u2");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	l.m.conf.keep_by_pod_name = true;
	lab_add(&l, &p);
	put_endpoint(&l, "10.0.0.3/24", "fd00::77/64"); /* so that the second one is not given the first */
	EXPECT_PART(lab_add(&l, &q), "10.0.0.2/24");
	l.quiet = true;
	assert_int_equal(lab_fsck(&l, true), 1);
	EXPECT(lab_state(&l, "10.0.0.1"), "pin c1");
	EXPECT(lab_state(&l, "10.0.0.2"), "pin c2");
	q.container = "c3"; /* a new sandbox gets what the living one has */
	EXPECT_PART(lab_add(&l, &q), "10.0.0.2/24");
	assert_int_equal(ipam_release(&l.m, lab_ip("10.0.0.1"), true, &l.e), 0);
	lab_close(&l);
}

/* ---- what changes between finding and mending ---- */

struct meddler {
	struct lab *l;
	int found;
};

/* Behind the first finding, what the second one is about changes hands. */
static void meddle(const char *sentence, bool repaired, void *arg)
{
	struct meddler *m = arg;
	struct ipam_request r = lab_request("c3", "eth0");

	(void)sentence;
	assert_true(repaired);
	if (m->found++)
		return;
	lab_put(m->l, STORE_ATTACHMENT, "c2", "eth0/net",
		"{\"network\":\"net\",\"container\":\"c2\",\"nic\":\"eth0\",\"boot\":\"boot-1\",\"since\":1,"
		"\"ips\":[{\"address\":\"10.0.0.2/24\",\"pool\":\"a\"}]}");
	lab_del(m->l, "c2", "eth0");
	r.n_requested = 1;
	r.requested[0] = lab_ip("10.0.0.2");
	EXPECT_PART(lab_add(m->l, &r), "10.0.0.2/24");
}

static int delete_body(struct txn *t, void *arg, struct err *e)
{
	const struct ipam_key *key = arg;
	struct store_obj o;
	int r = store_get(t->m->st, STORE_ATTACHMENT, key->ns, key->name, &o, e);

	return r <= 0 ? r : txn_delete(t, STORE_ATTACHMENT, key->ns, key->name, o.version, e);
}

static void test_mending_looks_again(void **state)
{
	struct lab l;
	struct meddler m = { .l = &l };
	const struct ipam_fsck call = { .repair = true, .found = meddle, .arg = &m };
	struct ipam_request r = lab_request("c3", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	for (int i = 1; i <= 2; i++) {
		char container[4];
		struct ipam_request gone;
		struct ipam_key key;

		snprintf(container, sizeof(container), "c%d", i);
		gone = lab_request(container, "eth0");
		lab_add(&l, &gone);
		ipam_attachment_key("net", container, "eth0", &key);
		assert_int_equal(txn_run(&l.m, STORE_WRITE, delete_body, &key, &l.e), 0);
	}
	if (ipam_fsck(&l.m, &call, &l.e) < 0)
		fail_msg("%s", l.e.msg);
	assert_int_equal(m.found, 2);
	/* c3's attachment has its address once */
	EXPECT(lab_add(&l, &r), "10.0.0.2/24 0.0.0.0/0>10.0.0.254");
	lab_close(&l);
}

/* ---- one family is kept, the other is not ---- */

static void test_only_one_family_is_kept(void **state)
{
	struct ipam_request r = lab_pod("c1", "eth0", "p", "u");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL4 ", default: true");
	l.m.conf.keep_by_pod_name = true;
	lab_add(&l, &r);
	lab_del(&l, "c1", "eth0");
	l.m.conf.keep_by_pod_name = false;
	lab_pool(&l, "b", POOL6 ", default: true");
	r.container = "c2";
	r.uid = "u2";
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::1/64 0.0.0.0/0>10.0.0.254");
	lab_del(&l, "c2", "eth0");
	EXPECT(lab_state(&l, "10.0.0.1"), "pin");
	EXPECT(lab_state(&l, "fd00::1"), "free");
	assert_int_equal(lab_fsck(&l, false), 0);
	r.container = "c3";
	r.uid = "u3";
	EXPECT(lab_add(&l, &r), "10.0.0.1/24 fd00::2/64 0.0.0.0/0>10.0.0.254");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fsck_mends),          cmocka_unit_test(test_a_stray_and_a_kept_address),
		cmocka_unit_test(test_an_entry_half_false), cmocka_unit_test(test_two_pins_of_one_nic),
		cmocka_unit_test(test_mending_looks_again), cmocka_unit_test(test_only_one_family_is_kept),
	};

	return cmocka_run_group_tests_name("ipam mend", tests, NULL, NULL);
}
