/* SPDX-License-Identifier: Apache-2.0 */
/* probelab.h - for tests of pkg/probe: hosts on a bridge, and what they see
 *
 *	base: bridge lan -- p1 == eth0 of host 1
 *	                 -- p2 == eth0 of host 2 ...
 */
#ifndef TEST_PROBELAB_H
#define TEST_PROBELAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netlab.h"
#include "nl/netns.h"
#include "probe/probe.h"

struct host {
	int ns;
	int port; /* p<port> is its end in base */
	uint8_t mac[LINK_MAC_LEN];
};

static int base = -1;

static inline void host_gone(struct host *h)
{
	if (h->ns < 0)
		return;
	lab_sh(base, "ip link del p%d 2>/dev/null || true", h->port);
	close_p(&h->ns);
}

/* A host without any address; its eth0 is down, base's end is up. */
static inline struct host host_new(void)
{
	static int count;
	char path[LAB_PATH_MAX], text[LINK_MAC_TEXT];
	struct host h = { .ns = lab_netns(), .port = ++count };

	memcpy(h.mac, (uint8_t[]){ 2, 0, 0x5e, 0, 0x53, (uint8_t)count }, LINK_MAC_LEN);
	lab_sh(base,
	       "ip link add p%d type veth peer name eth0 address %s netns %s\n"
	       "ip link set p%d master lan up",
	       h.port, link_mac_format(h.mac, text), lab_path(h.ns, path), h.port);
	return h;
}

/* Sets eth0 up and waits until the bridge forwards: from then on no frame is lost. */
static inline void host_up(const struct host *h)
{
	lab_sh(h->ns, "ip link set eth0 up");
	lab_sh(base, "until bridge link show dev p%d | grep -q 'state forwarding'; do sleep 0.01; done",
	       h->port);
}

static inline struct ip ip_of(const char *text)
{
	struct ip ip = { 0 };
	struct err e;

	if (ip_parse(text, &ip, &e) < 0)
		fail_msg("%s", e.msg);
	return ip;
}

static inline struct probe_target address(const char *ip)
{
	return (struct probe_target){ .ip = ip_of(ip), .kind = PROBE_ADDRESS };
}

static inline struct probe_target gateway(const char *ip, const char *source)
{
	return (struct probe_target){ .ip = ip_of(ip), .kind = PROBE_GATEWAY, .source = ip_of(source) };
}

/* Short, without chance; the deadline only keeps a broken probe from hanging. */
static inline struct probe_opts quick(void)
{
	struct probe_opts o = PROBE_OPTS(deadline_in(60000));

	o.interval_ms = 30;
	o.jitter_ms = 0;
	o.wait_ms = 60;
	return o;
}

/* For tests in which another thread has to do something before the probes run out. */
static inline struct probe_opts patient(void)
{
	struct probe_opts o = quick();

	o.probes = 1000;
	return o;
}

static inline void probe_ok(const struct host *h, const char *ifname, struct probe_target *t, size_t n,
			    struct probe_opts o)
{
	struct err e;

	if (probe_run(h->ns, ifname, t, n, &o, &e) != 0)
		fail_msg("probe: %s", e.msg);
}

/* mac and reason may be NULL: not looked at. */
static inline void expect(const struct probe_target *t, enum probe_result want, const uint8_t *mac,
			  const char *reason)
{
	char ip[IP_TEXT_MAX], got[LINK_MAC_TEXT];

	if (t->result != want || (reason && (!t->reason || !strstr(t->reason, reason))))
		fail_msg("%s: %s (%s), want %s (%s)", ip_format(t->ip, ip), probe_result_text(t->result),
			 t->reason ? t->reason : "-", probe_result_text(want), reason ? reason : "any");
	if ((want == PROBE_UNKNOWN || want == PROBE_SKIPPED) != (t->reason != NULL))
		fail_msg("%s: %s %s a reason", ip_format(t->ip, ip), probe_result_text(want),
			 t->reason ? "with" : "without");
	if (mac && memcmp(mac, t->mac, LINK_MAC_LEN) != 0)
		fail_msg("%s: wrong MAC %s", ip_format(t->ip, ip), link_mac_format(t->mac, got));
}

/* ---- what comes in at a host ---- */

struct frame_seen {
	size_t len;
	uint8_t data[256]; /* from the Ethernet header on */
};

/* A socket on which everything that eth0 of h receives can be read. */
static inline int sniff(const struct host *h)
{
	struct netns_item it[] = { { .domain = AF_PACKET, .type = SOCK_RAW | SOCK_NONBLOCK },
				   { .domain = AF_INET, .type = SOCK_DGRAM } };
	struct sockaddr_ll a = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	struct link_info l;
	struct err e;

	if (netns_open_in(h->ns, it, ARRAY_LEN(it), &e) < 0 || link_get(it[1].fd, "eth0", &l, &e) < 0)
		fail_msg("%s", e.msg);
	close(it[1].fd);
	a.sll_ifindex = l.index;
	assert_int_equal(bind(it[0].fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return it[0].fd;
}

/* The next frame that came in; false when there is none. */
static inline bool next_frame(int fd, struct frame_seen *f)
{
	for (;;) {
		struct sockaddr_ll from = { 0 };
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(fd, f->data, sizeof(f->data), 0, (struct sockaddr *)&from, &len);

		if (n < 0 && errno == ENETDOWN)
			continue;
		if (n < 0)
			return false;
		f->len = (size_t)n;
		if (from.sll_pkttype != PACKET_OUTGOING)
			return true;
	}
}

/* Whether f asks for an address, and which: ARP request or neighbour solicitation. */
static inline bool question(const struct frame_seen *f, struct ip *ret)
{
	const uint8_t *p = f->data + ETH_HLEN;
	unsigned type = (unsigned)f->data[12] << 8 | f->data[13];

	if (type == ETHERTYPE_ARP && p[7] == 1)
		*ret = ip_from_bytes(4, p + 24);
	else if (type == ETHERTYPE_IPV6 && p[6] == IPPROTO_ICMPV6 && p[40] == 135)
		*ret = ip_from_bytes(6, p + 48);
	else
		return false;
	return true;
}

/* How often ip was asked for; reads all there is. */
static inline int questions(int fd, const char *ip)
{
	struct ip want = ip_of(ip), got;
	struct frame_seen f;
	int n = 0;

	while (next_frame(fd, &f))
		n += question(&f, &got) && ip_equal(got, want);
	return n;
}

static inline int lab_setup(void **state)
{
	struct err e;

	(void)state;
	if (netns_open_own(&base, &e) < 0)
		return -1;
	lab_sh(base, "ip link add name lan type bridge stp_state 0 mcast_snooping 0; ip link set lan up");
	return 0;
}

static inline int lab_teardown(void **state)
{
	(void)state;
	close_p(&base);
	return 0;
}

#endif
