/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam.c - the engine when memory or the store fails: an error and nothing half done (leaks: run under
 * ASan)
 *
 * A sequence of calls is repeated with the n-th allocation, and then with the n-th store call, failing, for
 * every n until none fails. After each failure the same call is made again and must succeed, and fsck must be
 * content.
 */
#include "inject.h"

#include "../unit/ipam_lab.h"

/* ---- a store that fails once ---- */

struct flaky {
	struct store st;
	struct store *real;
	long left; /* calls until the failure; 0: none */
	long failed;
};

static bool fails(struct store *st, struct err *e)
{
	struct flaky *f = (struct flaky *)st;

	if (!f->left || --f->left)
		return false;
	f->failed++;
	err_code(e, ERR_IO, EIO, "injected");
	return true;
}

static struct store *real(struct store *st)
{
	return ((struct flaky *)st)->real;
}

static int flaky_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	return fails(st, e) ? -EIO : store_begin(real(st), mode, until, e);
}

static int flaky_get(struct store *st, enum store_kind kind, const char *ns, const char *name,
		     struct store_obj *ret, struct err *e)
{
	return fails(st, e) ? -EIO : store_get(real(st), kind, ns, name, ret, e);
}

static int flaky_list(struct store *st, enum store_kind kind, const char *term, const char *from,
		      const char *to, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		      void *arg, struct err *e)
{
	return fails(st, e) ? -EIO : store_list(real(st), kind, term, from, to, each, arg, e);
}

static int flaky_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
			   struct err *e)
{
	return fails(st, e) ? -EIO : store_next_free(real(st), ver, from, to, before, ret, e);
}

static int flaky_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	if (fails(st, e)) {
		store_end(real(st));
		return -EIO;
	}
	return store_commit(real(st), ops, n, e);
}

static void flaky_end(struct store *st)
{
	store_end(real(st));
}

static void flaky_close(struct store *st)
{
	(void)st;
}

static const struct store_impl flaky_impl = {
	.begin = flaky_begin,
	.get = flaky_get,
	.list = flaky_list,
	.next_free = flaky_next_free,
	.commit = flaky_commit,
	.end = flaky_end,
	.close = flaky_close,
};

/* ---- what is done ---- */

static const char ippools[] = "[{\"interface\":\"eth0\",\"ipv4\":[\"a\"],\"ipv6\":[\"s*\"]},"
			      "{\"interface\":\"net1\",\"ipv4\":[\"full\",\"b\"]}]";

static const char app_pool[] = "apiVersion: spiderpool.spidernet.io/v2beta1\n"
			       "kind: SpiderIPPool\n"
			       "metadata:\n"
			       "  name: auto4-web\n"
			       "  labels:\n"
			       "    ipam.spidernet.io/owner-spider-subnet: sub\n"
			       "    ipam.spidernet.io/owner-application-gv: apps_v1\n"
			       "    ipam.spidernet.io/owner-application-kind: Deployment\n"
			       "    ipam.spidernet.io/owner-application-namespace: default\n"
			       "    ipam.spidernet.io/owner-application-name: web\n"
			       "    ipam.spidernet.io/owner-application-uid: app-uid-1\n"
			       "    ipam.spidernet.io/interface: eth0\n"
			       "    ipam.spidernet.io/ip-version: IPv4\n"
			       "spec: {subnet: 10.5.0.0/24, ips: [10.5.0.1-10.5.0.9]}\n";

struct scene {
	struct lab l;
	struct flaky flaky;
	struct json_map_entry entry;
	struct json_map annotations;
};

static bool nobody_lives(const struct ipam_attachment *a, void *arg)
{
	(void)a;
	(void)arg;
	return false;
}

static void scene_open(struct scene *s)
{
	struct ipam_request r = lab_request("filler", "eth0");

	lab_open(&s->l);
	lab_pool(&s->l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9], gateway: 10.0.0.254");
	lab_pool(&s->l, "b",
		 "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.9], routes: [{dst: 10.9.0.0/16, gw: "
		 "10.1.0.254}]");
	lab_pool(&s->l, "full", "subnet: 10.2.0.0/24, ips: [10.2.0.1], default: true");
	lab_pool(&s->l, "s6", "subnet: fd00::/64, ips: ['fd00::1-fd00::9']");
	lab_pool(&s->l, "m", "subnet: 10.6.0.0/24, ips: [10.6.0.1-10.6.0.9], multusName: [kube-system/mv]");
	lab_apply(&s->l, app_pool);
	lab_add(&s->l, &r);
	s->entry = (struct json_map_entry){ (char *)"ipam.spidernet.io/ippools", (char *)ippools };
	s->annotations = (struct json_map){ &s->entry, 1, true };
	s->l.m.conf.keep_by_pod_name = true;
	s->l.m.alive = nobody_lives;
	s->flaky = (struct flaky){ .st = { &flaky_impl }, .real = s->l.st };
	s->l.m.st = &s->flaky.st;
}

static void scene_close(struct scene *s)
{
	s->l.m.st = s->l.st;
	lab_close(&s->l);
}

static struct ipam_request pod_request(const struct scene *s, const char *container, const char *uid,
				       const char *boot)
{
	struct ipam_request r = lab_pod(container, "eth0", "web-0", uid);

	r.annotations = &s->annotations;
	r.boot = boot;
	return r;
}

static int add(struct scene *s, const struct ipam_request *r)
{
	struct ipam_attachment a;
	int x = ipam_add(&s->l.m, r, &a, &s->l.e);

	if (x == 0)
		ipam_attachment_clear(&a);
	return x;
}

static int do_add(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c1", "u1", "boot-1");

	return add(s, &r);
}

static int do_add_net1(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c1", "u1", "boot-1");

	r.nic = "net1";
	return add(s, &r);
}

static int do_rekey(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c2", "u1", "boot-1");

	return add(s, &r);
}

/* A third sandbox takes over and fails; done again it must end the same. */
static int do_undo(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c2b", "u1", "boot-1");
	struct ipam_attachment a;
	int x = ipam_add(&s->l.m, &r, &a, &s->l.e);

	if (x < 0)
		return x;
	x = ipam_undo(&s->l.m, &r, &a, &s->l.e);
	ipam_attachment_clear(&a);
	return x;
}

static int do_conflict(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c2", "u1", "boot-1");
	struct ipam_attachment a;
	struct ip_prefix p;
	int x = ipam_add(&s->l.m, &r, &a, &s->l.e);

	if (x < 0)
		return x;
	x = ipam_attachment_ip(&a, 0, &p, &s->l.e);
	if (x == 0)
		x = ipam_conflict(&s->l.m, &r, &a, p.ip, "02:00:00:00:00:01", &s->l.e);
	ipam_attachment_clear(&a);
	return x;
}

static int do_recreated(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c3", "u2", "boot-1");

	return add(s, &r);
}

static int do_explain(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c9", "u9", "boot-1");
	struct ipam_explain x;
	int y = ipam_explain(&s->l.m, &r, &x, &s->l.e);

	if (y == 0)
		ipam_explain_clear(&x);
	return y;
}

static int do_check(struct scene *s)
{
	struct ip_prefix none = { 0 };
	int r = ipam_check(&s->l.m, "net", "filler", "eth0", &none, 0, &s->l.e);

	return r == -ENOENT ? 0 : r; /* prevResult does not have it: that is the right answer here */
}

static int do_gc(struct scene *s)
{
	struct ipam_valid valid[] = { { "c3", "eth0" }, { "filler", "eth0" } };
	size_t freed;

	return ipam_gc(&s->l.m, "net", valid, 2, clock_wall_ms(), &freed, &s->l.e);
}

static int do_del(struct scene *s)
{
	return ipam_del(&s->l.m, "net", "c3", "eth0", &s->l.e);
}

static int do_reboot(struct scene *s)
{
	struct ipam_request r = pod_request(s, "c4", "u3", "boot-2");

	return add(s, &r);
}

static int do_release(struct scene *s)
{
	struct ip addr;
	int r = ip_parse("10.2.0.1", &addr, &s->l.e);

	if (r == 0)
		r = ipam_release(&s->l.m, addr, true, &s->l.e);
	return r == -ENOENT ? 0 : r;
}

/* ---- as a node agent ---- */

static int add_in_cluster(struct scene *s, struct ipam_request *r, const char *key, const char *value)
{
	struct json_map_entry of_pod[2] = { { (char *)key, (char *)value },
					    { (char *)ANNOTATION_DEFAULT_NETWORK,
					      (char *)"[{\"name\":\"mv\",\"namespace\":\"kube-system\"}]" } };
	struct json_map_entry of_ns[1] = { { (char *)ANNOTATION_DEFAULT_IPV4, (char *)"[\"m\"]" } };
	struct json_map pod = { of_pod, 2, true }, ns = { of_ns, 1, true };

	s->l.m.conf.cluster = s->l.m.conf.enable_subnet = s->l.m.conf.enable_auto_pool = true;
	s->l.m.conf.keep_by_pod_name = false;
	r->boot = "boot-2";
	r->annotations = &pod;
	r->ns_annotations = &ns;
	return add(s, r);
}

static int do_subnet(struct scene *s)
{
	struct ipam_request r = lab_pod("k1", "eth0", "web-x", "k1");

	r.owner = (struct ipam_owner){ "apps/v1", "Deployment", "default", "web", "app-uid-1" };
	return add_in_cluster(s, &r, ANNOTATION_SUBNET, "{\"ipv4\":[\"sub\"]}");
}

/* What the former pod of the name left is replaced. */
static int do_stale(struct scene *s)
{
	struct ipam_request r = lab_pod("k2", "eth0", "web-x", "k2");

	r.owner = (struct ipam_owner){ "apps/v1", "Deployment", "default", "web", "app-uid-1" };
	return add_in_cluster(s, &r, ANNOTATION_SUBNETS, "[{\"interface\":\"eth0\",\"ipv4\":[\"sub\"]}]");
}

static int add_fixed(struct scene *s, const char *container)
{
	struct ipam_request r = lab_pod(container, "eth0", "db-0", container);

	r.hold = HOLD_STS;
	r.hold_ref = "default/db/0";
	r.owner = (struct ipam_owner){ "apps/v1", "StatefulSet", "default", "db", "app-uid-2" };
	return add_in_cluster(s, &r, "unrelated", "");
}

static int do_fixed(struct scene *s)
{
	return add_fixed(s, "k3");
}

static int do_detach(struct scene *s)
{
	return ipam_detach(&s->l.m, "net", "k3", "eth0", &s->l.e);
}

static int do_fixed_again(struct scene *s)
{
	return add_fixed(s, "k4");
}

static int do_hold_dead(struct scene *s)
{
	return ipam_del_hold(&s->l.m, "net", "k4", "eth0", &s->l.e);
}

static const struct {
	const char *name;
	int (*call)(struct scene *s);
} calls[] = {
	{ "ADD of two NICs", do_add },
	{ "ADD of the NIC claimed ahead", do_add_net1 },
	{ "ADD of a new sandbox", do_rekey },
	{ "ADD of a third sandbox, undone", do_undo },
	{ "conflict", do_conflict },
	{ "ADD of a pod made again", do_recreated },
	{ "explain", do_explain },
	{ "CHECK", do_check },
	{ "GC", do_gc },
	{ "DEL", do_del },
	{ "ADD after a reboot", do_reboot },
	{ "release", do_release },
	{ "ADD from a subnet", do_subnet },
	{ "ADD of a pod with a stale endpoint", do_stale },
	{ "ADD of a fixed address", do_fixed },
	{ "DEL of a pod that lives", do_detach },
	{ "ADD of the next pod with it", do_fixed_again },
	{ "DEL of the last", do_hold_dead },
};

static void check_state(struct scene *s, const char *name, long n)
{
	s->l.m.st = s->l.st;
	if (lab_fsck(&s->l, false))
		fail_msg("%s: fsck after failure %ld", name, n);
	s->l.m.st = &s->flaky.st;
}

/* ---- */

static void test_allocations(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		for (long n = 1;; n++) {
			long failed;
			int r;

			inject_arm(n, 1);
			r = calls[i].call(&s);
			failed = inject_disarm();
			if (failed && r == 0)
				fail_msg("%s: allocation %ld failed and nobody noticed", calls[i].name, n);
			if (!failed) {
				if (r < 0)
					fail_msg("%s: %s", calls[i].name, s.l.e.msg);
				break;
			}
			if (r != -ENOMEM)
				fail_msg("%s: allocation %ld: got %d, %s", calls[i].name, n, r, s.l.e.msg);
			check_state(&s, calls[i].name, n);
		}
	}
	scene_close(&s);
}

static void test_store_calls(void **state)
{
	struct scene s = { 0 };

	(void)state;
	scene_open(&s);
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		for (long n = 1;; n++) {
			int r;

			s.flaky.left = n;
			s.flaky.failed = 0;
			r = calls[i].call(&s);
			s.flaky.left = 0;
			if (!s.flaky.failed) {
				if (r < 0)
					fail_msg("%s: %s", calls[i].name, s.l.e.msg);
				break;
			}
			if (r != -EIO)
				fail_msg("%s: store call %ld: got %d, %s", calls[i].name, n, r, s.l.e.msg);
			check_state(&s, calls[i].name, n);
		}
	}
	scene_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_store_calls),
		cmocka_unit_test(test_allocations),
	};

	return cmocka_run_group_tests_name("ipam faults", tests, NULL, NULL);
}
