/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_collect.c - many addresses taken from the dead in few commits, each only from whom it was judged
 * by */
#include "ipam/collect.h"
#include "ipam_cluster.h"

#define STS   OWNER_OF("apps/v1", "StatefulSet", "web")
#define COUNT 150 /* three blocks */

struct seen {
	struct collect_item v[COUNT];
	char container[COUNT][16], uid[COUNT][16];
	size_t n;
	size_t unconfirmed;
};

static int see(const struct ipam_found *f, void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	s->unconfirmed += f->rec->unconfirmed && f->rec->hold == HOLD_FREE;
	if (!block_rec_held(f->rec, INT64_MAX))
		return 0;
	snprintf(s->container[s->n], sizeof(s->container[0]), "%s", f->rec->container);
	snprintf(s->uid[s->n], sizeof(s->uid[0]), "%s", f->rec->uid);
	s->v[s->n] = (struct collect_item){ .addr = f->addr,
					    .container = s->container[s->n],
					    .uid = s->uid[s->n],
					    .since = f->rec->since,
					    .hold = f->rec->hold };
	s->n++;
	return 0;
}

static void look(struct lab *l, struct seen *s)
{
	*s = (struct seen){ 0 };
	if (ipam_records(&l->m, NULL, see, s, &l->e) < 0)
		fail_msg("%s", l->e.msg);
}

static size_t collect(struct lab *l, struct collect_item *v, size_t n)
{
	size_t done;

	l->m.until = deadline_in(60000);
	if (ipam_collect(&l->m, v, n, &done, &l->e) < 0)
		fail_msg("collect: %s", l->e.msg);
	return done;
}

static void close_lab(struct lab *l) /* attachments stay: they are the node's */
{
	l->quiet = true;
	store_close(l->st);
	lab_remove(l);
}

static void open_lab(struct lab *l)
{
	cluster_open(l);
	lab_pool(l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.250], default: true");
}

static void add(struct lab *l, int i)
{
	char container[16], pod[16], uid[16];
	struct cluster_pod p = { .container = container, .pod = pod, .uid = uid };

	snprintf(container, sizeof(container), "c%d", i);
	snprintf(pod, sizeof(pod), "p%d", i);
	snprintf(uid, sizeof(uid), "u%d", i);
	EXPECT_PART(cluster_add(l, p), "10.0.0.");
}

static void test_many(void **state)
{
	struct seen s;
	struct lab l;

	(void)state;
	open_lab(&l);
	for (int i = 0; i < COUNT; i++)
		add(&l, i);
	look(&l, &s);
	assert_int_equal(s.n, COUNT);
	for (size_t i = 0; i < s.n; i++)
		s.v[i].unconfirmed = i % 3 == 0;
	assert_int_equal(collect(&l, s.v, s.n), COUNT);
	for (size_t i = 0; i < s.n; i++)
		assert_true(s.v[i].done);
	assert_int_equal(collect(&l, s.v, s.n), 0); /* once */
	assert_false(s.v[0].done);
	look(&l, &s);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.unconfirmed, COUNT / 3);
	close_lab(&l);
}

/* Between the judgement and the change somebody else got it, or the same pod a new sandbox. */
static void test_compared(void **state)
{
	static const struct {
		const char *what, *container, *uid;
		int64_t since;
		enum hold hold;
	} rows[] = {
		{ "another container", "other", "u0", 0, HOLD_POD },
		{ "another pod", "c0", "other", 0, HOLD_POD },
		{ "another time", "c0", "u0", 1, HOLD_POD },
		{ "kept by now", "c0", "u0", 0, HOLD_STS },
		{ "freed by now", "", "", 0, HOLD_FREE },
	};
	struct seen s;
	struct lab l;

	(void)state;
	open_lab(&l);
	add(&l, 0);
	look(&l, &s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct collect_item it = s.v[0];

		it.container = rows[i].container;
		it.uid = rows[i].uid;
		it.since += rows[i].since;
		it.hold = rows[i].hold;
		if (collect(&l, &it, 1) || it.done)
			fail_msg("%s: it was freed", rows[i].what);
	}
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c0");
	assert_int_equal(collect(&l, s.v, 1), 1);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	close_lab(&l);
}

/* With "?" when it is to be probed before use. */
static const char *add_web0(struct lab *l, const char *container, const char *uid)
{
	struct cluster_pod p = {
		.container = container, .uid = uid, .pod = "web-0", .owner = STS, .sts = "default/web/0"
	};
	struct ipam_request r = cluster_request(&p);

	return lab_add_probe(l, &r);
}

/* The holder of a StatefulSet's address goes, the address waits; a new pod of that name has it; then the set
 * is gone. */
static void test_kept(void **state)
{
	struct seen s;
	struct lab l;

	(void)state;
	open_lab(&l);
	EXPECT(add_web0(&l, "c1", "u1"), "10.0.0.1/24");
	look(&l, &s);
	s.v[0].clear = s.v[0].unconfirmed = true;
	assert_int_equal(collect(&l, s.v, 1), 1);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts unconfirmed");
	EXPECT(add_web0(&l, "c2", "u2"), "10.0.0.1/24?"); /* where c1 may answer */
	assert_int_equal(collect(&l, s.v, 1), 0);         /* late */
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	look(&l, &s);
	assert_int_equal(collect(&l, s.v, 1), 1);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	close_lab(&l);
}

/* That nothing but a pod has an address is no reason to keep it without one. */
static void test_clear_of_pod(void **state)
{
	struct seen s;
	struct lab l;

	(void)state;
	open_lab(&l);
	add(&l, 0);
	look(&l, &s);
	s.v[0].clear = true;
	assert_int_equal(collect(&l, s.v, 1), 0);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c0");
	close_lab(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_many), cmocka_unit_test(test_compared),
					    cmocka_unit_test(test_kept),
					    cmocka_unit_test(test_clear_of_pod) };

	return cmocka_run_group_tests_name("ipam collect", tests, NULL, NULL);
}
