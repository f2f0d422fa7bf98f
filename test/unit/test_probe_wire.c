/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no packet sockets */
/* test_probe_wire.c - probing as others on the wire see it: packets, rounds, losses, links that come and go
 */
#include "probelab.h"

#include <poll.h>

#include "probe/probe_impl.h"

/* ---- another thread that watches what arrives at a host and reacts ---- */

struct watcher {
	const struct host *h;
	void (*react)(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth);
	int nth_for[2]; /* questions so far, IPv4 and IPv6 */
	int fd, stop[2];
	struct port port; /* to answer through */
	const struct host *victim;
	pthread_t thread;
};

static void *watch(void *arg)
{
	struct watcher *w = arg;
	struct pollfd p[] = { { .fd = w->fd, .events = POLLIN }, { .fd = w->stop[0], .events = POLLIN } };
	struct frame_seen f;
	struct ip asked;

	while (poll(p, 2, -1) >= 0 && !p[1].revents)
		while (next_frame(w->fd, &f))
			/* Of the kernels' own chatter nothing is for 10/8 or fd00::/16. */
			if (question(&f, &asked) && !ip_is_link_local(asked))
				w->react(w, &f, asked, ++w->nth_for[asked.ver == 6]);
	return NULL;
}

static void watch_start(struct watcher *w)
{
	struct err e;

	w->port = PORT_INIT;
	if (port_open(&w->port, w->h->ns, "eth0", true, true, deadline_in(60000), &e) < 0)
		fail_msg("%s", e.msg);
	w->fd = sniff(w->h);
	assert_int_equal(pipe2(w->stop, O_CLOEXEC), 0);
	assert_int_equal(pthread_create(&w->thread, NULL, watch, w), 0);
}

static void watch_stop(struct watcher *w)
{
	close(w->stop[1]);
	pthread_join(w->thread, NULL);
	close(w->stop[0]);
	close(w->fd);
	port_close(&w->port);
}

/* Says that asked is ours, to whoever put the question: an ARP reply or an advertisement to all. */
static void answer(struct watcher *w, const struct frame_seen *q, struct ip asked)
{
	struct frame f;

	if (asked.ver == 6) {
		nd_advertise(&f, w->port.link.mac, asked);
	} else {
		arp_request(&f, w->port.link.mac, asked, ip_from_bytes(4, q->data + ETH_HLEN + 14));
		f.data[7] = 2;
		memcpy(f.dst, q->data + 6, MAC_LEN);
	}
	assert_int_equal(port_send(&w->port, &f), 0);
}

static void answer_the_second(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth)
{
	if (nth == 2)
		answer(w, f, asked);
}

static void first_question_lost(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host slow = host_new();
	struct watcher w = { .h = &slow, .react = answer_the_second };
	struct probe_target t[] = { address("10.0.0.5"), address("fd00::5") };
	struct probe_target g = gateway("10.0.0.1", "10.0.0.77");

	(void)state;
	watch_start(&w);
	probe_ok(&pod, "eth0", t, 2, patient());
	w.nth_for[0] = 0;
	probe_ok(&pod, "eth0", &g, 1, patient());
	watch_stop(&w);
	expect(&t[0], PROBE_CONFLICT, slow.mac, NULL);
	expect(&t[1], PROBE_CONFLICT, slow.mac, NULL);
	expect(&g, PROBE_REACHABLE, slow.mac, NULL);
	assert_true(w.nth_for[0] >= 2 && w.nth_for[1] >= 2);
}

static void announce_it(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth)
{
	struct frame a;

	(void)f;
	arp_request(&a, w->port.link.mac, asked, asked);
	if (nth == 1)
		assert_int_equal(port_send(&w->port, &a), 0);
}

static void using_is_enough_nobody_has_to_answer(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host user = host_new();
	struct watcher w = { .h = &user, .react = announce_it };
	struct probe_target t = address("10.0.0.5");

	(void)state;
	watch_start(&w);
	probe_ok(&pod, "eth0", &t, 1, patient());
	watch_stop(&w);
	expect(&t, PROBE_CONFLICT, user.mac, NULL);
}

static void ask_the_asker(struct watcher *w, const struct frame_seen *q, struct ip asked, int nth)
{
	struct ip asker = ip_from_bytes(4, q->data + ETH_HLEN + 14);
	struct frame f;

	(void)nth;
	/* Known to be here, but neither has heard us. */
	if (asked.ver == 6)
		nd_advertise(&f, w->port.link.mac, asked);
	else
		arp_request(&f, w->port.link.mac, asked, asker);
	assert_int_equal(port_send(&w->port, &f), 0);
	/* Has heard somebody else. */
	if (asked.ver == 4) {
		arp_request(&f, w->port.link.mac, asked, ip_of("10.0.0.66"));
		f.data[7] = 2;
		assert_int_equal(port_send(&w->port, &f), 0);
	}
}

static void a_gateway_must_answer_us(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host gw = host_new();
	struct watcher w = { .h = &gw, .react = ask_the_asker };
	struct probe_target t[] = { gateway("10.0.0.1", "10.0.0.77"), gateway("fd00::1", "fd00::77") };

	(void)state;
	watch_start(&w);
	probe_ok(&pod, "eth0", t, 2, quick());
	watch_stop(&w);
	expect(&t[0], PROBE_UNREACHABLE, NULL, NULL);
	expect(&t[1], PROBE_UNREACHABLE, NULL, NULL);
	assert_true(w.nth_for[0] > 0 && w.nth_for[1] > 0);
}

static void own_up_late(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth)
{
	(void)nth;
	/* Asked for the gateway: by then 10.0.0.77 was found free. */
	if (asked.n == ip_of("10.0.0.1").n) {
		answer(w, f, ip_of("10.0.0.77"));
		answer(w, f, asked);
	}
}

static void late_answer_still_counts(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host late = host_new();
	struct watcher w = { .h = &late, .react = own_up_late };
	struct probe_target t[] = { address("10.0.0.77"), gateway("10.0.0.1", "10.0.0.77") };
	struct probe_opts o = quick();

	(void)state;
	o.wait_ms = 1000;
	o.interval_ms = 5;
	watch_start(&w);
	probe_ok(&pod, "eth0", t, 2, o);
	watch_stop(&w);
	expect(&t[0], PROBE_CONFLICT, late.mac, NULL);
	expect(&t[1], PROBE_REACHABLE, late.mac, NULL);
}

/* ---- how much is sent, and when ---- */

static void many_go_together(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	CLEANUP(close_p) int seen = -1;
	struct probe_target t[16];
	int round = 0, in_round = 0, asked[16] = { 0 };
	struct frame_seen f;
	struct ip ip;

	(void)state;
	host_up(&other);
	host_up(&pod);
	seen = sniff(&other);
	for (int i = 0; i < 16; i++) {
		char text[IP_TEXT_MAX];

		snprintf(text, sizeof(text), i % 2 ? "10.0.0.%d" : "fd00::%d", 100 + i);
		t[i] = address(text);
	}
	probe_ok(&pod, "eth0", t, 16, quick());
	/* Every address once before any a second time. */
	while (next_frame(seen, &f)) {
		int i = 0;

		if (!question(&f, &ip))
			continue;
		while (i < 16 && !ip_equal(t[i].ip, ip))
			i++;
		if (i == 16)
			continue;
		if (asked[i]++ != round)
			fail_msg("address %d asked for the %d. time in round %d", i, asked[i], round + 1);
		if (++in_round == 16)
			round++, in_round = 0;
	}
	assert_int_equal(round, 3);
	assert_int_equal(in_round, 0);
	for (int i = 0; i < 16; i++)
		expect(&t[i], PROBE_FREE, NULL, NULL);
}

static void a_conflict_ends_the_questions(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host own = host_new();
	CLEANUP(close_p) int seen = -1;
	struct probe_target t = address("10.0.0.5"), g = gateway("10.0.0.5", "10.0.0.77");

	(void)state;
	host_up(&own);
	host_up(&pod);
	lab_sh(own.ns, "ip addr add 10.0.0.5/24 dev eth0");
	seen = sniff(&own);
	probe_ok(&pod, "eth0", &t, 1, patient());
	expect(&t, PROBE_CONFLICT, own.mac, NULL);
	assert_int_equal(questions(seen, "10.0.0.5"), 1);
	probe_ok(&pod, "eth0", &g, 1, patient());
	expect(&g, PROBE_REACHABLE, own.mac, NULL);
	assert_int_equal(questions(seen, "10.0.0.5"), 1);
}

static void a_gateway_gets_several_chances(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	CLEANUP(close_p) int seen = -1;
	struct probe_target t[] = { gateway("10.0.0.1", "10.0.0.77"), gateway("fd00::1", "fd00::77") };
	struct probe_opts o = quick();

	(void)state;
	host_up(&other);
	host_up(&pod);
	seen = sniff(&other);
	o.probes = 5;
	probe_ok(&pod, "eth0", t, 1, o);
	assert_int_equal(questions(seen, "10.0.0.1"), 5);
	probe_ok(&pod, "eth0", t + 1, 1, o);
	assert_int_equal(questions(seen, "fd00::1"), 5);
	expect(&t[0], PROBE_UNREACHABLE, NULL, NULL);
	expect(&t[1], PROBE_UNREACHABLE, NULL, NULL);
}

/* A budget that is not kept hangs here until the alarm. */
static void the_deadline_is_kept(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	CLEANUP(close_p) int seen = -1;
	struct probe_target t[] = { address("10.0.0.77"), address("fd00::77"),
				    gateway("10.0.0.1", "10.0.0.77") };
	struct probe_opts o = quick();

	(void)state;
	host_up(&other);
	host_up(&pod);
	seen = sniff(&other);
	o.deadline = deadline_in(0);
	probe_ok(&pod, "eth0", t, 3, o);
	assert_int_equal(questions(seen, "10.0.0.77"), 0);
	for (int i = 0; i < 3; i++)
		expect(&t[i], PROBE_UNKNOWN, NULL, "deadline");
	o.deadline = deadline_in(100);
	o.interval_ms = 3600 * 1000;
	probe_ok(&pod, "eth0", t, 3, o);
	assert_int_equal(questions(seen, "10.0.0.77"), 1);
	for (int i = 0; i < 3; i++)
		expect(&t[i], PROBE_UNKNOWN, NULL, "deadline");
	/* IPv4 alone: no packet of some kernel's own wakes us up. */
	o = quick();
	o.wait_ms = 3600 * 1000;
	o.deadline = deadline_in(200);
	probe_ok(&pod, "eth0", t, 1, o);
	expect(&t[0], PROBE_UNKNOWN, NULL, "deadline");
}

static void no_carrier(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	struct probe_target t[] = { address("10.0.0.77"), gateway("fd00::1", "fd00::77") };
	struct probe_opts o = quick();
	struct err e;

	(void)state;
	lab_sh(base, "ip link set p%d down", pod.port);
	o.deadline = deadline_in(50);
	probe_ok(&pod, "eth0", t, 2, o);
	expect(&t[0], PROBE_UNKNOWN, NULL, "no carrier");
	expect(&t[1], PROBE_UNKNOWN, NULL, "no carrier");
	assert_int_equal(probe_announce(pod.ns, "eth0", &t[0].ip, 1, &o, &e), -ENETDOWN);
}

static void *carrier_comes(void *arg)
{
	const struct host *h = arg;

	poll(NULL, 0, 50);
	lab_sh(base, "ip link set p%d up", h->port);
	return NULL;
}

static void carrier_comes_late(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host own = host_new();
	struct probe_target t = address("10.0.0.5");
	pthread_t thread;

	(void)state;
	lab_sh(own.ns, "ip link set eth0 up; ip addr add 10.0.0.5/24 dev eth0");
	lab_sh(base, "ip link set p%d down", pod.port);
	assert_int_equal(pthread_create(&thread, NULL, carrier_comes, &pod), 0);
	probe_ok(&pod, "eth0", &t, 1, patient());
	pthread_join(thread, NULL);
	expect(&t, PROBE_CONFLICT, own.mac, NULL);
}

static void cut_the_line(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth)
{
	(void)f;
	(void)asked;
	if (nth == 1)
		lab_sh(base, "ip link set p%d down", w->victim->port);
}

static void silence_of_a_dead_link_means_nothing(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	struct watcher w = { .h = &other, .react = cut_the_line, .victim = &pod };
	struct probe_target t = address("10.0.0.77"), g = gateway("10.0.0.1", "10.0.0.77");
	struct probe_opts o = quick();

	(void)state;
	o.wait_ms = 1000;
	watch_start(&w);
	probe_ok(&pod, "eth0", &t, 1, o);
	lab_sh(base, "ip link set p%d up", pod.port);
	w.nth_for[0] = 0;
	probe_ok(&pod, "eth0", &g, 1, o);
	watch_stop(&w);
	expect(&t, PROBE_UNKNOWN, NULL, "carrier");
	expect(&g, PROBE_UNKNOWN, NULL, "carrier");
}

static void set_down(struct watcher *w, const struct frame_seen *f, struct ip asked, int nth)
{
	(void)f;
	(void)asked;
	if (nth == 1)
		lab_sh(w->victim->ns, "ip link set eth0 down");
}

static void what_could_not_be_sent_does_not_count(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	struct watcher w = { .h = &other, .react = set_down, .victim = &pod };
	struct probe_target t = address("10.0.0.77");
	struct probe_opts o = patient();

	(void)state;
	o.deadline = deadline_in(1000);
	watch_start(&w);
	probe_ok(&pod, "eth0", &t, 1, o);
	watch_stop(&w);
	expect(&t, PROBE_UNKNOWN, NULL, "could not be sent");
}

/* ---- announcements ---- */

static void announces_all_addresses(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	CLEANUP(close_p) int seen = -1;
	struct ip addrs[] = { ip_of("10.0.0.77"), ip_of("fd00::77"), ip_of("10.0.0.78") };
	struct probe_opts o = quick();
	uint8_t frames[3][ETH_HLEN + FRAME_MAX];
	size_t len[3];
	int count[3] = { 0 };
	struct frame_seen f;
	struct err e;

	(void)state;
	for (int i = 0; i < 3; i++) {
		struct frame want;

		if (addrs[i].ver == 4)
			arp_request(&want, pod.mac, addrs[i], addrs[i]);
		else
			nd_advertise(&want, pod.mac, addrs[i]);
		memcpy(frames[i], want.dst, MAC_LEN);
		memcpy(frames[i] + MAC_LEN, pod.mac, MAC_LEN);
		frames[i][12] = (uint8_t)(want.ethertype >> 8);
		frames[i][13] = (uint8_t)want.ethertype;
		memcpy(frames[i] + ETH_HLEN, want.data, want.len);
		len[i] = ETH_HLEN + want.len;
	}
	host_up(&other);
	host_up(&pod);
	seen = sniff(&other);
	o.announcements = 4;
	o.announce_gap_ms = 1;
	assert_int_equal(probe_announce(pod.ns, "eth0", addrs, 3, &o, &e), 0);
	while (next_frame(seen, &f))
		for (int i = 0; i < 3; i++)
			count[i] += f.len == len[i] && memcmp(f.data, frames[i], len[i]) == 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(count[i], 4);
	assert_int_equal(probe_announce(pod.ns, "eth0", NULL, 0, &o, &e), 0);
	assert_int_equal(probe_announce(pod.ns, "eth0", &(struct ip){ 0 }, 1, &o, &e), -EINVAL);
	o.announce_gap_ms = 3600 * 1000;
	o.deadline = deadline_in(100);
	assert_int_equal(probe_announce(pod.ns, "eth0", addrs, 3, &o, &e), 0);
}

/* What it is for: a neighbour that knew somebody else under the address. */
static void announcement_corrects_neighbours(void **state)
{
	CLEANUP(host_gone) struct host pod = host_new();
	CLEANUP(host_gone) struct host other = host_new();
	struct ip addrs[] = { ip_of("10.0.0.77"), ip_of("fd00::77") };
	struct probe_opts o = quick();
	char mac[LINK_MAC_TEXT];
	struct err e;

	(void)state;
	host_up(&other);
	host_up(&pod);
	lab_sh(other.ns, "ip addr add 10.0.0.9/24 dev eth0; ip addr add fd00::9/64 dev "
			 "eth0 nodad\n"
			 "for a in 10.0.0.77 fd00::77; do ip neigh add $a lladdr 02:00:00:00:00:99 nud stale "
			 "dev eth0; done");
	assert_int_equal(probe_announce(pod.ns, "eth0", addrs, 2, &o, &e), 0);
	lab_sh(other.ns, "for a in 10.0.0.77 fd00::77; do ip neigh show $a | grep -q %s; done",
	       link_mac_format(pod.mac, mac));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_question_lost),
		cmocka_unit_test(using_is_enough_nobody_has_to_answer),
		cmocka_unit_test(a_gateway_must_answer_us),
		cmocka_unit_test(late_answer_still_counts),
		cmocka_unit_test(many_go_together),
		cmocka_unit_test(a_conflict_ends_the_questions),
		cmocka_unit_test(a_gateway_gets_several_chances),
		cmocka_unit_test(the_deadline_is_kept),
		cmocka_unit_test(no_carrier),
		cmocka_unit_test(carrier_comes_late),
		cmocka_unit_test(silence_of_a_dead_link_means_nothing),
		cmocka_unit_test(what_could_not_be_sent_does_not_count),
		cmocka_unit_test(announces_all_addresses),
		cmocka_unit_test(announcement_corrects_neighbours),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, lab_setup, lab_teardown);
}
