/* SPDX-License-Identifier: Apache-2.0 */
/* port.c - the interface and the packet sockets on it */
#include "probe/probe_impl.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/own.h"
#include "nl/netns.h"

/* Neighbour solicitations and advertisements only, so that a busy interface does not keep us busy. */
static struct sock_filter nd_filter[] = {
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 6), /* next header */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_ICMPV6, 0, 4),
	BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 40), /* ICMPv6 type */
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 135, 1, 0),
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 136, 0, 1),
	BPF_STMT(BPF_RET | BPF_K, 0xffff),
	BPF_STMT(BPF_RET | BPF_K, 0),
};

static int open_sockets(struct port *p, int netns, bool v4, bool v6, struct err *e)
{
	/* Protocol 0: nothing is received before port_listen() says from which interface. */
	struct netns_item items[] = {
		{ .domain = AF_INET, .type = SOCK_DGRAM },
		{ .domain = AF_PACKET, .type = SOCK_DGRAM | SOCK_NONBLOCK },
		{ .domain = AF_PACKET, .type = SOCK_DGRAM | SOCK_NONBLOCK },
	};
	size_t n = 1;
	int r;

	r = netns_open_in(netns, items, n + v4 + v6, e);
	if (r < 0)
		return r;
	p->ctl = items[0].fd;
	if (v4)
		p->arp = items[n++].fd;
	if (v6)
		p->nd = items[n].fd;
	return 0;
}

static int check_link(struct port *p, const char *ifname, struct err *e)
{
	int r = link_get(p->ctl, ifname, &p->link, e);

	if (r < 0)
		return r;
	if (p->link.type != ARPHRD_ETHER || (p->link.flags & (IFF_NOARP | IFF_LOOPBACK)))
		return err_set(e, EOPNOTSUPP, "interface %s is not an Ethernet that uses ARP", ifname);
	r = link_has_driver(p->ctl, ifname, "ipvlan", e);
	if (r < 0)
		return r;
	p->ipvlan = r;
	return 0;
}

static int bring_up(struct port *p, const char *ifname, struct deadline until, struct err *e)
{
	int r = link_set_up(p->ctl, ifname, e);

	if (r < 0)
		return r;
	r = link_wait_running(p->ctl, ifname, until, e);
	return r == 0 ? err_set(e, ENETDOWN, "interface %s has no carrier", ifname) : r;
}

int port_open(struct port *p, int netns, const char *ifname, bool v4, bool v6, struct deadline until,
	      struct err *e)
{
	int r = open_sockets(p, netns, v4, v6, e);

	if (r < 0)
		return r;
	r = check_link(p, ifname, e);
	if (r < 0)
		return r;
	r = bring_up(p, ifname, until, e);
	return r < 0 ? r : 0;
}

void port_close(struct port *p)
{
	close_p(&p->ctl);
	close_p(&p->arp);
	close_p(&p->nd);
	*p = PORT_INIT;
}

static int bind_to(int fd, int ifindex, uint16_t ethertype, struct err *e)
{
	struct sockaddr_ll a = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(ethertype),
		.sll_ifindex = ifindex,
	};

	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return 0;
	return err_sys(e, errno, "listen for packets of type 0x%04x", ethertype);
}

int port_listen(const struct port *p, struct err *e)
{
	struct sock_fprog prog = { .len = ARRAY_LEN(nd_filter), .filter = nd_filter };
	int r = p->arp < 0 ? 0 : bind_to(p->arp, p->link.index, ETHERTYPE_ARP, e);

	if (r < 0 || p->nd < 0)
		return r;
	if (setsockopt(p->nd, SOL_SOCKET, SO_ATTACH_FILTER, &prog, sizeof(prog)) < 0)
		return err_sys(e, errno, "filter neighbour discovery");
	r = port_join(p, nd_all_nodes_mac, e);
	return r < 0 ? r : bind_to(p->nd, p->link.index, ETHERTYPE_IPV6, e);
}

int port_join(const struct port *p, const uint8_t mac[MAC_LEN], struct err *e)
{
	struct packet_mreq m = {
		.mr_ifindex = p->link.index,
		.mr_type = PACKET_MR_MULTICAST,
		.mr_alen = MAC_LEN,
	};
	char text[LINK_MAC_TEXT];

	memcpy(m.mr_address, mac, MAC_LEN);
	if (setsockopt(p->nd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &m, sizeof(m)) == 0)
		return 0;
	return err_sys(e, errno, "receive packets for %s", link_mac_format(mac, text));
}

int port_send(const struct port *p, const struct frame *f)
{
	struct sockaddr_ll to = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(f->ethertype),
		.sll_ifindex = p->link.index,
		.sll_halen = MAC_LEN,
	};
	int fd = f->ethertype == ETHERTYPE_ARP ? p->arp : p->nd;
	ssize_t n;

	memcpy(to.sll_addr, f->dst, MAC_LEN);
	do
		n = sendto(fd, f->data, f->len, 0, (struct sockaddr *)&to, sizeof(to));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}
