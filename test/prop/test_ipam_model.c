/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_model.c - the engine against a naive model: random pools, reservations, ADD, DEL, GC, reboots,
 * conflicts
 *
 * The model is an array of addresses with their holders. After every step the store must hold exactly what
 * the model does, and every answer must be one the model allows. SEED= replays, ROUNDS= sets the number of
 * stores.
 */
#include "../unit/ipam_lab.h"

#include <time.h>

#define POOLS      4
#define ADDRS      96 /* addresses that pools may cover, three blocks */
#define CONTAINERS 40
#define STEPS      400

struct cell {
	int holder;       /* container number + 1, 0 nobody */
	bool kept;        /* waits for its pod */
	int kept_for;     /* pod number + 1 */
	int64_t released; /* 0 never used */
	bool quarantined;
};

struct pool {
	bool exists, disabled;
	int lo, hi, skip; /* offsets; skip is excluded, -1 none */
};

struct model {
	struct lab l;
	struct cell cell[2][ADDRS]; /* IPv4, IPv6 */
	struct pool pool[2][POOLS];
	int reserved[2]; /* -1 none */
	bool added[CONTAINERS];
	int64_t now;
	int boot;
	bool keep;
};

static unsigned rnd(unsigned n)
{
	return (unsigned)random() % n;
}

static void name_pool(int fam, int i, char out[16])
{
	snprintf(out, 16, "p%d-%d", fam ? 6 : 4, i);
}

static void text_addr(int fam, int off, char out[32])
{
	if (fam)
		snprintf(out, 32, "fd00::%x", off + 32);
	else
		snprintf(out, 32, "10.0.0.%d", off + 32);
}

static int offset_of(const char *with_prefix, int *fam)
{
	struct ip_prefix p;
	struct err e;

	assert_int_equal(ip_prefix_parse(with_prefix, &p, &e), 0);
	*fam = p.ip.ver == 6;
	return (int)(p.ip.n & 0xff) - 32;
}

static bool eligible(const struct model *m, int fam, int i, int off)
{
	const struct pool *p = &m->pool[fam][i];

	return p->exists && off >= p->lo && off <= p->hi && off != p->skip && off != m->reserved[fam];
}

static bool is_free(const struct cell *c)
{
	return !c->holder && !c->kept && !c->quarantined;
}

/* ---- what an administrator does ---- */

static void edit_pool(struct model *m)
{
	int fam = (int)rnd(2), i = (int)rnd(POOLS);
	struct pool p = m->pool[fam][i];
	char yaml[512], name[16], lo[32], hi[32], skip[64] = "";
	int base = i * (ADDRS / POOLS);
	bool fits = true;

	/* Pools of one subnet may not overlap: each has its own quarter. */
	p.exists = true;
	p.lo = base + (int)rnd(4);
	p.hi = p.lo + (int)rnd(ADDRS / POOLS - 4);
	p.skip = rnd(3) ? -1 : p.lo + (int)rnd((unsigned)(p.hi - p.lo + 1));
	p.disabled = rnd(6) == 0;
	for (int off = 0; off < ADDRS; off++) {
		const struct cell *c = &m->cell[fam][off];
		bool was = m->pool[fam][i].exists && off >= m->pool[fam][i].lo && off <= m->pool[fam][i].hi &&
			   off != m->pool[fam][i].skip;

		if (was && (c->holder || c->kept) && (off < p.lo || off > p.hi || off == p.skip))
			fits = false;
	}
	name_pool(fam, i, name);
	text_addr(fam, p.lo, lo);
	text_addr(fam, p.hi, hi);
	if (p.skip >= 0) {
		char addr[32];

		text_addr(fam, p.skip, addr);
		snprintf(skip, sizeof(skip), ", excludeIPs: ['%s']", addr);
	}
	snprintf(yaml, sizeof(yaml),
		 "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: %s}\n"
		 "spec: {subnet: '%s', ips: ['%s-%s']%s, disable: %s}\n",
		 name, fam ? "fd00::/64" : "10.0.0.0/24", lo, hi, skip, p.disabled ? "true" : "false");
	if ((lab_try_apply(&m->l, yaml) == 0) != fits)
		fail_msg("%s: want it %s: %s", yaml, fits ? "accepted" : "refused", m->l.e.msg);
	if (fits)
		m->pool[fam][i] = p;
}

static void edit_reserved(struct model *m)
{
	int fam = (int)rnd(2), off = (int)rnd(ADDRS);
	char yaml[512], addr[32];

	text_addr(fam, off, addr);
	snprintf(
		yaml, sizeof(yaml),
		"apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: r%d}\n"
		"spec: {ips: ['%s']}\n",
		fam, addr);
	lab_apply(&m->l, yaml);
	m->reserved[fam] = off;
}

/* ---- ADD ---- */

struct choice {
	char names[2][POOLS][16];
	char *ptr[2][POOLS + 1];
	struct json_strv list[2];
	int index[2][POOLS];
	int n[2];
};

/* A random order of some pools, of one family or both. */
static void choose_pools(struct choice *c)
{
	memset(c, 0, sizeof(*c));
	for (int fam = 0; fam < 2; fam++) {
		int order[POOLS];

		for (int i = 0; i < POOLS; i++)
			order[i] = i;
		for (int i = POOLS - 1; i > 0; i--) {
			int k = (int)rnd((unsigned)i + 1), t = order[i];

			order[i] = order[k];
			order[k] = t;
		}
		c->n[fam] = (int)rnd(POOLS + 1);
		for (int i = 0; i < c->n[fam]; i++) {
			c->index[fam][i] = order[i];
			name_pool(fam, order[i], c->names[fam][i]);
			c->ptr[fam][i] = c->names[fam][i];
		}
		c->list[fam] = (struct json_strv){ c->ptr[fam], (size_t)c->n[fam], true };
	}
	if (!c->n[0] && !c->n[1]) {
		c->n[0] = 1;
		name_pool(0, 0, c->names[0][0]);
		c->ptr[0][0] = c->names[0][0];
		c->list[0] = (struct json_strv){ c->ptr[0], 1, true };
	}
}

static bool family_can(const struct model *m, const struct choice *c, int fam)
{
	for (int i = 0; i < c->n[fam]; i++)
		for (int off = 0; off < ADDRS; off++)
			if (!m->pool[fam][c->index[fam][i]].disabled &&
			    eligible(m, fam, c->index[fam][i], off) && is_free(&m->cell[fam][off]))
				return true;
	return false;
}

/* An address that still cools is given only when no other of that pool is left. */
static void check_rested(const struct model *m, int fam, int pool, int off)
{
	const struct cell *c = &m->cell[fam][off];

	if (!c->released || m->now - c->released >= IPAM_COOLDOWN_MS)
		return;
	for (int o = 0; o < ADDRS; o++) {
		const struct cell *x = &m->cell[fam][o];

		if (eligible(m, fam, pool, o) && is_free(x) &&
		    (!x->released || m->now - x->released >= IPAM_COOLDOWN_MS))
			fail_msg("offset %d of family %d still cools, %d does not", off, fam, o);
	}
}

/* The first pool in the user's order that can, gives. */
static void check_order(const struct model *m, const struct choice *c, int fam, int pool)
{
	for (int i = 0; i < c->n[fam] && c->index[fam][i] != pool; i++)
		for (int off = 0; off < ADDRS; off++)
			if (!m->pool[fam][c->index[fam][i]].disabled &&
			    eligible(m, fam, c->index[fam][i], off) && is_free(&m->cell[fam][off]))
				fail_msg("pool %d of family %d was skipped for %d", c->index[fam][i], fam,
					 pool);
}

static void take(struct model *m, const struct choice *c, int container, const char *address,
		 const char *pool)
{
	int fam, off = offset_of(address, &fam), p = pool[3] - '0';
	struct cell *cell = &m->cell[fam][off];

	if (cell->kept && cell->kept_for == container + 1 && !cell->holder) {
		cell->holder = container + 1;
		return;
	}
	if (!is_free(cell))
		fail_msg("%s was given to container %d, but is held by %d (kept for %d)", address, container,
			 cell->holder - 1, cell->kept_for - 1);
	if (!eligible(m, fam, p, off) || m->pool[fam][p].disabled)
		fail_msg("%s is not %s's to give", address, pool);
	check_order(m, c, fam, p);
	check_rested(m, fam, p, off);
	cell->holder = container + 1;
	cell->kept = m->keep;
	cell->kept_for = container + 1;
}

static struct ipam_request request(const struct model *m, int container, char names[3][16])
{
	struct ipam_request r;

	snprintf(names[0], 16, "c%d", container);
	snprintf(names[1], 16, "pod%d", container);
	snprintf(names[2], 16, "boot%d", m->boot);
	r = lab_pod(names[0], "eth0", names[1], "");
	r.boot = names[2];
	return r;
}

static bool has_kept(const struct model *m, int container, int fam)
{
	for (int off = 0; off < ADDRS; off++)
		if (m->cell[fam][off].kept && m->cell[fam][off].kept_for == container + 1)
			return true;
	return false;
}

static void forget(struct model *m, int container);

/* Now and then the answer cannot be used: what was there before the call is there again. */
static void maybe_undo(struct model *m, const struct ipam_request *req, struct ipam_attachment *a,
		       int container)
{
	bool was = m->added[container];

	m->added[container] = true;
	if (rnd(8) == 0) {
		if (ipam_undo(&m->l.m, req, a, &m->l.e) < 0)
			fail_msg("undo: %s", m->l.e.msg);
		if (!was)
			forget(m, container);
	}
	ipam_attachment_clear(a);
}

static void do_add(struct model *m)
{
	int container = (int)rnd(CONTAINERS);
	struct ipam_attachment a;
	struct choice c;
	char names[3][16];
	struct ipam_request req = request(m, container, names);
	struct err e;
	int r;

	choose_pools(&c);
	/* Kept addresses make the expectation depend on the pools asked for; those cases have unit tests. */
	if (!m->added[container] && (has_kept(m, container, 0) || has_kept(m, container, 1)))
		return;
	m->l.m.conf.default_ipv4 = &c.list[0];
	m->l.m.conf.default_ipv6 = &c.list[1];
	m->l.m.until = deadline_in(60000);
	r = ipam_add(&m->l.m, &req, &a, &e);
	if (m->added[container]) {
		if (r < 0)
			fail_msg("ADD repeated: %s", e.msg);
		for (size_t i = 0; i < a.ips.n; i++) {
			int fam, off = offset_of(a.ips.v[i].address, &fam);

			assert_int_equal(m->cell[fam][off].holder, container + 1);
		}
		maybe_undo(m, &req, &a, container);
		return;
	}
	for (int fam = 0; r < 0 && fam < 2; fam++)
		if (c.n[fam] && !family_can(m, &c, fam))
			return; /* rightly refused */
	if (r < 0)
		fail_msg("ADD was refused without need: %s", e.msg);
	assert_int_equal(a.ips.n, (c.n[0] > 0) + (c.n[1] > 0));
	for (size_t i = 0; i < a.ips.n; i++)
		take(m, &c, container, a.ips.v[i].address, a.ips.v[i].pool);
	maybe_undo(m, &req, &a, container);
}

/* ---- giving back ---- */

static void forget(struct model *m, int container)
{
	for (int fam = 0; fam < 2; fam++) {
		for (int off = 0; off < ADDRS; off++) {
			struct cell *c = &m->cell[fam][off];

			if (c->holder != container + 1)
				continue;
			c->holder = 0;
			if (!c->kept)
				c->released = m->now;
		}
	}
	m->added[container] = false;
}

static void do_del(struct model *m)
{
	int container = (int)rnd(CONTAINERS);
	char name[16];

	snprintf(name, sizeof(name), "c%d", container);
	lab_del(&m->l, name, "eth0");
	forget(m, container);
}

static void do_gc(struct model *m)
{
	struct ipam_valid valid[CONTAINERS];
	char names[CONTAINERS][16];
	size_t n = 0, freed;
	bool keep[CONTAINERS];

	for (int i = 0; i < CONTAINERS; i++) {
		keep[i] = rnd(3) != 0;
		snprintf(names[i], 16, "c%d", i);
		if (keep[i])
			valid[n++] = (struct ipam_valid){ names[i], "eth0" };
	}
	if (ipam_gc(&m->l.m, "net", valid, n, m->now, &freed, &m->l.e) < 0)
		fail_msg("gc: %s", m->l.e.msg);
	for (int i = 0; i < CONTAINERS; i++)
		if (!keep[i])
			forget(m, i);
}

static void do_reboot(struct model *m)
{
	char boot[16];

	m->boot++;
	snprintf(boot, sizeof(boot), "boot%d", m->boot);
	if (ipam_boot(&m->l.m, boot, &m->l.e) < 0)
		fail_msg("boot: %s", m->l.e.msg);
	for (int i = 0; i < CONTAINERS; i++)
		forget(m, i);
}

static void do_operator(struct model *m)
{
	int fam = (int)rnd(2), off = (int)rnd(ADDRS);
	struct cell *c = &m->cell[fam][off];
	char text[32];
	struct ip addr;
	int r;

	text_addr(fam, off, text);
	assert_int_equal(ip_parse(text, &addr, &m->l.e), 0);
	if (rnd(2)) {
		r = ipam_quarantine(&m->l.m, addr, m->now + 1000000000, &m->l.e);
		assert_int_equal(r == 0, !c->holder && !c->kept);
		c->quarantined |= r == 0;
		return;
	}
	r = ipam_release(&m->l.m, addr, false, &m->l.e);
	assert_int_equal(r == 0, !c->holder && (c->kept || c->quarantined));
	if (r == 0)
		*c = (struct cell){ .released = m->now };
}

/* ---- */

static int count_held(const struct ipam_found *f, void *arg, struct err *e)
{
	struct model *m = arg;
	int fam = f->addr.ver == 6, off = (int)(f->addr.n & 0xff) - 32;
	const struct cell *c = &m->cell[fam][off];
	int holder = block_rec_has_holder(f->rec) ? atoi(f->rec->container + 1) + 1 : 0;

	(void)e;
	if (holder != c->holder)
		fail_msg("family %d, offset %d: held by %d, the model says %d", fam, off, holder - 1,
			 c->holder - 1);
	if ((f->rec->hold == HOLD_PIN) != c->kept || (f->rec->hold == HOLD_QUARANTINE) != c->quarantined)
		fail_msg("family %d, offset %d: hold %s", fam, off, hold_name(f->rec->hold));
	m->l.findings += f->rec->hold != HOLD_FREE;
	return 0;
}

static void compare(struct model *m)
{
	size_t want = 0;

	m->l.findings = 0;
	if (ipam_records(&m->l.m, NULL, count_held, m, &m->l.e) < 0)
		fail_msg("%s", m->l.e.msg);
	for (int fam = 0; fam < 2; fam++)
		for (int off = 0; off < ADDRS; off++)
			want += !is_free(&m->cell[fam][off]);
	assert_int_equal(m->l.findings, want);
}

static void step(struct model *m)
{
	unsigned what = rnd(100);

	m->now += rnd(4) ? rnd(1000) : rnd(2 * IPAM_COOLDOWN_MS);
	clock_freeze_wall(m->now);
	if (what < 50)
		do_add(m);
	else if (what < 80)
		do_del(m);
	else if (what < 88)
		edit_pool(m);
	else if (what < 90)
		edit_reserved(m);
	else if (what < 94)
		do_operator(m);
	else if (what < 96)
		do_gc(m);
	else if (what < 97)
		do_reboot(m);
	else
		lab_reopen(&m->l);
	compare(m);
}

static void one_store(void)
{
	struct model *m = calloc(1, sizeof(*m));

	assert_non_null(m);
	lab_open(&m->l);
	m->keep = rnd(3) == 0;
	m->l.m.conf.keep_by_pod_name = m->keep;
	m->l.m.conf.ring_key = rnd(2) ? "some node" : "";
	m->reserved[0] = m->reserved[1] = -1;
	m->now = 1700000000000;
	clock_freeze_wall(m->now);
	do_reboot(m);
	for (int i = 0; i < STEPS; i++)
		step(m);
	lab_close(&m->l);
	clock_freeze_wall(-1);
	free(m);
}

static void test_model(void **state)
{
	const char *seed_text = getenv("SEED"), *rounds_text = getenv("ROUNDS");
	unsigned seed = seed_text ? (unsigned)strtoul(seed_text, NULL, 10) : (unsigned)time(NULL);
	int rounds = rounds_text ? atoi(rounds_text) : 20;

	(void)state;
	print_message("# SEED=%u ROUNDS=%d\n", seed, rounds);
	srandom(seed);
	for (int i = 0; i < rounds; i++)
		one_store();
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_model) };

	return cmocka_run_group_tests_name("ipam model", tests, NULL, NULL);
}
