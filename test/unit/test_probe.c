/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no packet sockets */
/* test_probe.c - probing on real links: who is found, by whom */
#include "probelab.h"

#include <dirent.h>

/* The owner is the gateway, too. */
static struct host owner = { .ns = -1 };

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void both_families_at_once(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t[] = { address("10.0.0.5"), address("10.0.0.77"), address("fd00::5"),
				    address("fd00::77") };
	size_t files = open_files();

	(void)state;
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	expect(&t[0], PROBE_CONFLICT, owner.mac, NULL);
	expect(&t[1], PROBE_FREE, NULL, NULL);
	expect(&t[2], PROBE_CONFLICT, owner.mac, NULL);
	expect(&t[3], PROBE_FREE, NULL, NULL);
	assert_int_equal(open_files(), files);
}

static void one_family_alone(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t4 = address("10.0.0.5"), t6 = address("fd00::5");

	(void)state;
	probe_ok(&pod, "eth0", &t4, 1, quick());
	probe_ok(&pod, "eth0", &t6, 1, quick());
	expect(&t4, PROBE_CONFLICT, owner.mac, NULL);
	expect(&t6, PROBE_CONFLICT, owner.mac, NULL);
}

static void gateways(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t[] = {
		gateway("10.0.0.1", "10.0.0.77"),
		gateway("fd00::1", "fd00::77"),
		gateway("fe80::1", "fd00::77"),
		gateway("10.0.0.254", "10.0.0.77"),
		gateway("fd00::fe", "fd00::77"),
		address("10.0.0.77"),
		address("fd00::77"),
	};

	(void)state;
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	for (size_t i = 0; i < 3; i++)
		expect(&t[i], PROBE_REACHABLE, owner.mac, NULL);
	expect(&t[3], PROBE_UNREACHABLE, NULL, NULL);
	expect(&t[4], PROBE_UNREACHABLE, NULL, NULL);
	expect(&t[5], PROBE_FREE, NULL, NULL);
	expect(&t[6], PROBE_FREE, NULL, NULL);
}

static void gateway_without_conflict_check(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t[] = { gateway("10.0.0.1", "10.0.0.77"), gateway("fd00::1", "fd00::77") };

	(void)state;
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	expect(&t[0], PROBE_REACHABLE, owner.mac, NULL);
	expect(&t[1], PROBE_REACHABLE, owner.mac, NULL);
}

static void nobody_asks_in_the_name_of_another(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(close_p) int seen = sniff(&owner);
	struct probe_target t[] = { gateway("10.0.0.1", "10.0.0.5"), address("10.0.0.5"),
				    gateway("fd00::1", "fd00::5"), address("fd00::5") };

	(void)state;
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	expect(&t[0], PROBE_SKIPPED, NULL, "not known to be free");
	expect(&t[1], PROBE_CONFLICT, owner.mac, NULL);
	expect(&t[2], PROBE_SKIPPED, NULL, "not known to be free");
	expect(&t[3], PROBE_CONFLICT, owner.mac, NULL);
	assert_int_equal(questions(seen, "10.0.0.1"), 0);
}

/* The reason why a gateway is not asked from ::, as the kernel of a gateway sees it. */
static void leaves_a_gateway_alone_that_is_coming_up(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host gw = host_new();
	struct probe_target t[] = { gateway("fd00::99", "fd00::77"), address("fd00::77") };
	struct probe_opts o = quick();

	(void)state;
	o.interval_ms = 5;
	o.wait_ms = 5;
	host_up(&pod);
	host_up(&gw);
	lab_sh(gw.ns, "echo 5 > /proc/sys/net/ipv6/conf/eth0/dad_transmits\n"
		      "ip addr add fd00::99/64 dev eth0\n"
		      "until ip -6 maddr show dev eth0 | grep -q ff02::1:ff00:99; do sleep 0.01; done");
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), o);
	lab_sh(gw.ns, "ip -6 addr show dev eth0 | grep -q 'fd00::99.*tentative'\n"
		      "! ip -6 addr show dev eth0 | grep -q dadfailed");
}

static void disabled_ipv6(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t[] = { address("fd00::5"), address("fd00::77"), gateway("fd00::1", "fd00::77") };

	(void)state;
	lab_sh(pod.ns, "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6");
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	expect(&t[0], PROBE_CONFLICT, owner.mac, NULL);
	expect(&t[1], PROBE_FREE, NULL, NULL);
	expect(&t[2], PROBE_REACHABLE, owner.mac, NULL);
}

/* As host_new(), but eth0 is a macvlan, which passes on no group that was not asked for. */
static struct host macvlan_new(bool ipv6)
{
	static int count = 1000;
	char path[LAB_PATH_MAX], text[LINK_MAC_TEXT];
	struct host h = { .ns = lab_netns(), .port = ++count };

	memcpy(h.mac, (uint8_t[]){ 2, 0, 0x5e, 0, 0x54, (uint8_t)count }, LINK_MAC_LEN);
	lab_sh(base,
	       "ip link add p%d type veth peer name parent%d\n"
	       "ip link set p%d master lan up; ip link set parent%d up\n"
	       "ip link add link parent%d name mv%d address %s type macvlan mode bridge\n"
	       "ip link set mv%d netns %s name eth0",
	       h.port, h.port, h.port, h.port, h.port, h.port, link_mac_format(h.mac, text), h.port,
	       lab_path(h.ns, path));
	/* A small MTU takes away what is left of IPv6 when it is disabled, its groups. */
	if (!ipv6)
		lab_sh(h.ns, "echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6; ip link set eth0 mtu 1200");
	return h;
}

static void on_macvlan(void **state)
{
	(void)state;
	for (int ipv6 = 0; ipv6 < 2; ipv6++) {
		CLEANUP(host_gone) struct host pod = macvlan_new(ipv6);
		struct probe_target t[] = { address("10.0.0.5"),
					    address("fd00::5"),
					    address("10.0.0.77"),
					    address("fd00::77"),
					    gateway("10.0.0.1", "10.0.0.77"),
					    gateway("fd00::1", "fd00::77") };

		probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
		expect(&t[0], PROBE_CONFLICT, owner.mac, NULL);
		expect(&t[1], PROBE_CONFLICT, owner.mac, NULL);
		expect(&t[2], PROBE_FREE, NULL, NULL);
		expect(&t[3], PROBE_FREE, NULL, NULL);
		expect(&t[4], PROBE_REACHABLE, owner.mac, NULL);
		expect(&t[5], PROBE_REACHABLE, owner.mac, NULL);
	}
}

static void what_the_bridge_reflects_is_no_conflict(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(close_p) int seen = sniff(&pod);
	struct probe_target t[] = { address("10.0.0.77"), address("fd00::77"),
				    gateway("10.0.0.254", "10.0.0.77") };

	(void)state;
	host_up(&pod);
	lab_sh(base, "bridge link set dev p%d hairpin on", pod.port);
	probe_ok(&pod, "eth0", t, ARRAY_LEN(t), quick());
	expect(&t[0], PROBE_FREE, NULL, NULL);
	expect(&t[1], PROBE_FREE, NULL, NULL);
	expect(&t[2], PROBE_UNREACHABLE, NULL, NULL);
	/* It was reflected indeed. */
	assert_int_equal(questions(seen, "10.0.0.77"), 3);
}

struct prober {
	const struct host *h;
	struct probe_target t[2];
	pthread_barrier_t *start;
};

static void *probe_thread(void *arg)
{
	struct prober *p = arg;
	struct probe_opts o = quick();

	o.probes = 20; /* enough to meet; the last one standing goes through all of them */
	pthread_barrier_wait(p->start);
	probe_ok(p->h, "eth0", p->t, 2, o);
	return NULL;
}

/* RFC 5227 2.1.1, RFC 4862 5.4.3: who sees another's probe steps back; both may. */
static void two_want_the_same(void **state)
{
	CLEANUP(host_gone) struct host a = macvlan_new(false);
	CLEANUP(host_gone) struct host b = macvlan_new(false);
	pthread_barrier_t start;
	struct prober p[] = { { &a, { address("10.0.0.88"), address("fd00::88") }, &start },
			      { &b, { address("10.0.0.88"), address("fd00::88") }, &start } };
	pthread_t other;

	(void)state;
	pthread_barrier_init(&start, NULL, 2);
	host_up(&a);
	host_up(&b);
	assert_int_equal(pthread_create(&other, NULL, probe_thread, &p[1]), 0);
	probe_thread(&p[0]);
	pthread_join(other, NULL);
	pthread_barrier_destroy(&start);
	for (size_t i = 0; i < 2; i++) {
		const struct probe_target *ta = &p[0].t[i], *tb = &p[1].t[i];

		assert_true(ta->result == PROBE_CONFLICT || ta->result == PROBE_FREE);
		assert_true(tb->result == PROBE_CONFLICT || tb->result == PROBE_FREE);
		if (ta->result == PROBE_CONFLICT)
			expect(ta, PROBE_CONFLICT, b.mac, NULL);
		if (tb->result == PROBE_CONFLICT)
			expect(tb, PROBE_CONFLICT, a.mac, NULL);
		assert_false(ta->result == PROBE_FREE && tb->result == PROBE_FREE);
	}
}

static void cannot_be_asked_here(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	const struct {
		const char *ifname, *reason;
		int announce;
	} rows[] = {
		{ "net1", "no such interface", -ENODEV },
		{ "lo", "not an Ethernet", -EOPNOTSUPP },
		{ "tun0", "not an Ethernet", -EOPNOTSUPP },
		{ "noarp0", "not an Ethernet", -EOPNOTSUPP },
	};

	(void)state;
	lab_sh(pod.ns, "ip tuntap add tun0 mode tun; ip link add noarp0 arp off type veth peer name x");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct probe_target t[] = { address("10.0.0.5"), gateway("fd00::1", "fd00::77") };
		struct probe_opts o = quick();
		size_t files = open_files();
		struct err e;
		int r;

		probe_ok(&pod, rows[i].ifname, t, 2, o);
		expect(&t[0], PROBE_SKIPPED, NULL, rows[i].reason);
		expect(&t[1], PROBE_SKIPPED, NULL, rows[i].reason);
		r = probe_announce(pod.ns, rows[i].ifname, &t[0].ip, 1, &o, &e);
		if (r != rows[i].announce || !strstr(e.msg, rows[i].ifname))
			fail_msg("announce on %s: %d, %s", rows[i].ifname, r, e.msg);
		assert_int_equal(open_files(), files);
	}
}

static void wrong_arguments(void **state)
{
	CLEANUP(close_p) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct probe_target many[PROBE_MAX_TARGETS + 1] = { 0 }, a = address("10.0.0.5"), none = { 0 };
	struct probe_target mixed = { .ip = a.ip, .kind = PROBE_GATEWAY, .source = ip_of("fd00::1") };
	struct probe_opts good = quick(), zero = quick();
	const struct {
		int netns;
		struct probe_target *t;
		size_t n;
		const struct probe_opts *o;
		int want;
		const char *says;
	} rows[] = {
		{ base, many, ARRAY_LEN(many), &good, -E2BIG, "65 targets, at most 64" },
		{ base, &none, 1, &good, -EINVAL, "target 0 has no address" },
		{ base, &mixed, 1, &good, -EINVAL, "source of IP version 4" },
		{ base, &a, 1, &zero, -EINVAL, "0 probes" },
		{ null, &a, 1, &good, -EINVAL, "interface eth0: enter the network namespace" },
		{ base, NULL, 0, &good, 0, "" },
	};

	(void)state;
	zero.probes = 0;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		int r = probe_run(rows[i].netns, "eth0", rows[i].t, rows[i].n, rows[i].o, &e);

		if (r != rows[i].want || !strstr(e.msg, rows[i].says))
			fail_msg("row %zu: %d, %s", i, r, e.msg);
	}
}

static int setup(void **state)
{
	if (lab_setup(state) < 0)
		return -1;
	owner = host_new();
	host_up(&owner);
	lab_sh(owner.ns, "ip addr add 10.0.0.1/24 dev eth0; ip addr add 10.0.0.5/24 dev eth0\n"
			 "for a in fd00::1 fd00::5 fe80::1; do ip addr add $a/64 dev eth0 nodad; done");
	return 0;
}

static int teardown(void **state)
{
	host_gone(&owner);
	return lab_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_families_at_once),
		cmocka_unit_test(one_family_alone),
		cmocka_unit_test(gateways),
		cmocka_unit_test(gateway_without_conflict_check),
		cmocka_unit_test(nobody_asks_in_the_name_of_another),
		cmocka_unit_test(leaves_a_gateway_alone_that_is_coming_up),
		cmocka_unit_test(disabled_ipv6),
		cmocka_unit_test(on_macvlan),
		cmocka_unit_test(what_the_bridge_reflects_is_no_conflict),
		cmocka_unit_test(two_want_the_same),
		cmocka_unit_test(cannot_be_asked_here),
		cmocka_unit_test(wrong_arguments),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, setup, teardown);
}
