/* SPDX-License-Identifier: Apache-2.0 */
/* rtlab.h - for tests: a node and a pod, joined by veth0 and eth0 */
#ifndef TEST_RTLAB_H
#define TEST_RTLAB_H

#include <linux/netlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include "ip/ip.h"
#include "netlab.h"
#include "nl/rt.h"
#include "nl/space.h"

static const uint8_t mac_node[LINK_MAC_LEN] = { 0x02, 0, 0x5e, 0, 0x53, 1 };
static const uint8_t mac_pod[LINK_MAC_LEN] = { 0x02, 0, 0x5e, 0, 0x53, 2 };

static struct netspace node, pod;
static int pod_if; /* index of eth0 */

/* A script in the pod or on the node. */
#define ON(space, ...) lab_sh((space)->netns, __VA_ARGS__)

static inline struct ip A(const char *text) {
	struct ip ip;
	struct err e;

	if (ip_parse(text, &ip, &e) < 0)
		fail_msg("%s", e.msg);
	return ip;
}

static inline struct ip_prefix
P(const char *text) {
	struct ip_prefix p;
	struct err e;

	if (strcmp(text, "v4") == 0 || strcmp(text, "v6") == 0)
		return (struct ip_prefix){ .ip.ver = (uint8_t)(text[1] - '0') };
	if (ip_prefix_parse(text, &p, &e) < 0)
		fail_msg("%s", e.msg);
	return p;
}

#define sends(space, b) sends_at(space, b, __FILE__, __LINE__)
static inline void
sends_at(struct netspace *s, struct netlink_batch *b, const char *file, int line)
{
	struct err e;

	if (netlink_send(&s->rt, b, &e) < 0)
		fail_msg("%s:%d: %s", file, line, e.msg);
}

#define fails(space, b, err, sentence) fails_at(space, b, err, sentence, __FILE__, __LINE__)
static inline void fails_at(struct netspace *s, struct netlink_batch *b, int want, const char *sentence,
			    const char *file, int line)
{
	struct err e = { 0 };
	int r = netlink_send(&s->rt, b, &e);

	netlink_batch_clear(b);
	if (r != want || strcmp(e.msg, sentence) != 0)
		fail_msg("%s:%d: %d, \"%s\"\n want %d, \"%s\"", file, line, r, e.msg, want, sentence);
}

static inline struct rt_link link_of(struct netspace *s, const char *name)
{
	struct rt_link l = { 0 };
	struct err e;

	if (rt_link_by_name(&s->rt, name, &l, &e) < 0)
		fail_msg("%s", e.msg);
	return l;
}

/* Off, the kernel ignores what is asked for and tells of everything, as old ones do. */
static inline void be_strict(struct netspace *s, int on)
{
	if (setsockopt(s->rt.fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on)) < 0)
		abort();
}

static inline void add_pair(struct netlink_batch *b)
{
	const struct rt_veth v = {
		.name = "veth0", .peer_name = "eth0", .mtu = 1400, .peer_netns = pod.netns
	};
	struct rt_veth copy = v;

	memcpy(copy.mac, mac_node, LINK_MAC_LEN);
	memcpy(copy.peer_mac, mac_pod, LINK_MAC_LEN);
	rt_veth_add(b, &copy);
}

static inline int lab_up(void **state)
{
	struct netlink_batch b = { 0 };
	struct err e;

	(void)state;
	if (netspace_open(lab_netns(), "node", &node, &e) < 0 ||
	    netspace_open(lab_netns(), "pod", &pod, &e) < 0)
		fail_msg("%s", e.msg);
	/* No addresses but those of the test. */
	ON(&pod, "echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode");
	ON(&node, "echo 1 > /proc/sys/net/ipv6/conf/default/addr_gen_mode");
	add_pair(&b);
	rt_link_set_up(&b, 0, "veth0", true);
	sends(&node, &b);
	rt_link_set_up(&b, 0, "eth0", true);
	sends(&pod, &b);
	pod_if = link_of(&pod, "eth0").index;
	return 0;
}

static inline int lab_down(void **state)
{
	(void)state;
	netspace_close(&node);
	netspace_close(&pod);
	return 0;
}

#endif
