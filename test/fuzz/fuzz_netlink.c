/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_netlink.c - messages of the kernel, and those we make
 *
 * The first byte chooses: 'k' what a kernel answers to a batch of two and to a dump (datagrams, a length byte
 * in front of each), 'p' one message for each parser, 'r' 'u' 'n' 'a' build a route, rule, neighbour, address
 * from the rest and read it back.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "nl/rt_impl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MUST(x) \
	do { \
		if (!(x)) \
			abort(); \
	} while (0)

/* ---- the transport ---- */

static int each(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct rt_link l;

	*(size_t *)arg += h->nlmsg_len;
	return rt_link_parse(h, &l, e);
}

static void forget(void *arg)
{
	*(size_t *)arg = 0;
}

static void ask(struct netlink *nl, struct err *e)
{
	struct netlink_batch b = { 0 };
	size_t bytes = 0;
	int r;

	netlink_add(&b, nlmsg_alloc_simple(RTM_SETLINK, 0), NETLINK_OK(ENODEV), "first")->no_ack = true;
	netlink_add(&b, nlmsg_alloc_simple(RTM_SETLINK, 0), NETLINK_OK(ENODEV), "second");
	r = netlink_send(nl, &b, e);
	MUST(r == 0 ? b.n == 0 : b.n == 2 && e->sys == -r && strncmp(e->msg, "pod: ", 5) == 0);
	for (size_t i = 0; i < b.n; i++)
		MUST(b.v[i].result > -4096 && b.v[i].result <= 1);
	netlink_batch_clear(&b);
	r = netlink_ask(nl, nlmsg_alloc_simple(RTM_GETLINK, NLM_F_DUMP), each, forget, &bytes, e, "list");
	MUST(r == 0 || (e->sys == -r && strncmp(e->msg, "pod: list", 9) == 0));
}

static void fuzz_kernel(const uint8_t *p, size_t len)
{
	struct netlink nl;
	struct err e;
	int pair[2];

	MUST(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	MUST(netlink_adopt(pair[0], NETLINK_NETFILTER, "pod", &nl, &e) == 0);
	for (size_t n; len > 0; p += n, len -= n) {
		n = *p++;
		len--;
		n = n < len ? n : len;
		/* Who waited for room in the socket would be woken by the fuzzer's alarm only. */
		if (n > 0 && send(pair[1], p, n, MSG_DONTWAIT) < 0)
			break;
	}
	/* That was all: nobody waits for more. */
	MUST(shutdown(pair[1], SHUT_WR) == 0);
	ask(&nl, &e);
	netlink_close(&nl);
	close(pair[1]);
}

/* ---- parsers ---- */

static void fuzz_parsers(const uint8_t *p, size_t len)
{
	struct rt_list routes = { .size = sizeof(struct rt_route) };
	/* In a block of its own size, so that ASan sees the first byte read beyond. */
	CLEANUP(free_p) struct nlmsghdr *h = malloc(len < sizeof(*h) ? sizeof(*h) : len);
	struct rt_link l;
	struct rt_addr a;
	struct rt_rule u;
	struct rt_neigh n;
	struct err e;
	int r;

	MUST(h);
	if (len < sizeof(*h))
		return;
	memcpy(h, p, len);
	h->nlmsg_len = (uint32_t)len;
	r = rt_link_parse(h, &l, &e);
	MUST(r < 1 ||
	     (strlen(l.name) < IFNAMSIZ && strlen(l.kind) < RT_KIND_MAX && strlen(l.alias) < RT_ALIAS_MAX));
	r = rt_addr_parse(h, &a, &e);
	MUST(r < 1 || (a.p.ip.ver && a.p.len <= ip_bits(a.p.ip.ver)));
	r = rt_rule_parse(h, &u, &e);
	MUST(r < 1 || (u.ver && u.src.len <= ip_bits(u.ver) && u.dst.len <= ip_bits(u.ver)));
	r = rt_neigh_parse(h, &n, &e);
	MUST(r < 1 || n.ip.ver);
	r = rt_route_parse(h, &routes, &e);
	MUST(r == 1 || routes.n == 0);
	for (size_t i = 0; i < routes.n; i++) {
		const struct rt_route *v = (struct rt_route *)routes.v + i;
		char text[RT_TEXT_MAX];

		MUST(v->dst.ip.ver && ip_prefix_equal(v->dst, ip_prefix_network(v->dst)));
		MUST(v->hops > 0);
		MUST(rt_route_matches(v, v) && strlen(rt_route_text(v, "eth0", text)) < RT_TEXT_MAX);
	}
	free(routes.v);
}

/* ---- there and back ---- */

struct input {
	const uint8_t *p;
	size_t len;
};

static uint32_t number(struct input *in)
{
	uint32_t v = 0;
	size_t n = in->len < sizeof(v) ? in->len : sizeof(v);

	memcpy(&v, in->p, n);
	in->p += n;
	in->len -= n;
	return v;
}

static struct ip address(struct input *in, uint8_t ver)
{
	uint8_t bytes[16] = { 0 };
	size_t n = in->len < sizeof(bytes) ? in->len : sizeof(bytes);

	memcpy(bytes, in->p, n);
	in->p += n;
	in->len -= n;
	return ver ? ip_from_bytes(ver, bytes) : (struct ip){ 0 };
}

static struct ip_prefix prefix(struct input *in, uint8_t ver)
{
	return (struct ip_prefix){ address(in, ver), (uint8_t)(number(in) % (ip_bits(ver) + 1u)) };
}

static struct nlmsghdr *made(struct netlink_batch *b)
{
	MUST(b->err == 0 && b->n == 1);
	return nlmsg_hdr(b->v[0].msg);
}

static void fuzz_route(struct input *in)
{
	uint8_t ver = number(in) % 2 ? 6 : 4, via = (uint8_t[]){ 0, 4, 6 }[number(in) % 3];
	struct rt_list l = { .size = sizeof(struct rt_route) };
	struct netlink_batch b = { 0 };
	struct rt_route r = { .dst = prefix(in, ver), .via = address(in, via) }, *back;
	struct err e;

	r.src = address(in, number(in) % 2 ? ver : 0);
	r.oif = (int)number(in);
	r.table = number(in);
	r.metric = number(in);
	r.mtu = number(in);
	r.advmss = number(in);
	r.scope = (uint8_t)number(in);
	r.type = (uint8_t)number(in);
	rt_route_put(&b, &r, "eth0");
	MUST(rt_route_parse(made(&b), &l, &e) == 1 && l.n == 1);
	back = l.v;
	MUST(rt_route_matches(back, &r));
	MUST(ip_equal(back->src, r.src) && back->metric == r.metric && back->advmss == r.advmss);
	MUST(back->mtu == r.mtu && back->scope == r.scope && back->oif == r.oif);
	MUST(back->type == (r.type ? r.type : RTN_UNICAST) && back->hops == 1);
	free(l.v);
	netlink_batch_clear(&b);
}

static void fuzz_rule(struct input *in)
{
	uint8_t ver = number(in) % 2 ? 6 : 4;
	struct netlink_batch b = { 0 };
	struct rt_rule r = { .ver = ver }, back;
	struct err e;

	if (number(in) % 2)
		r.src = prefix(in, ver);
	if (number(in) % 2)
		r.dst = prefix(in, ver);
	r.mark = number(in);
	r.mask = number(in);
	r.table = number(in);
	r.priority = number(in);
	r.protocol = (uint8_t)number(in);
	r.action = (uint8_t)number(in);
	rt_rule_put(&b, &r);
	MUST(rt_rule_parse(made(&b), &back, &e) == 1);
	MUST(rt_rule_equal(&r, &back) && rt_rule_equal(&back, &r) && back.protocol == r.protocol);
	back.priority ^= 1;
	MUST(!rt_rule_equal(&r, &back));
	netlink_batch_clear(&b);
}

static void fuzz_neigh(struct input *in)
{
	uint8_t ver = number(in) % 2 ? 6 : 4;
	struct rt_neigh n = { .index = (int)number(in),
			      .ip = address(in, ver),
			      .state = (uint16_t)number(in) },
			back;
	struct netlink_batch b = { 0 };
	uint32_t mac = number(in);
	struct err e;

	memcpy(n.mac, &mac, sizeof(mac));
	rt_neigh_put(&b, &n, "eth0");
	MUST(rt_neigh_parse(made(&b), &back, &e) == 1);
	MUST(back.index == n.index && ip_equal(back.ip, n.ip) && memcmp(back.mac, n.mac, LINK_MAC_LEN) == 0);
	MUST(n.state ? back.state == n.state : back.state != 0);
	netlink_batch_clear(&b);
}

static void fuzz_addr(struct input *in)
{
	uint8_t ver = number(in) % 2 ? 6 : 4;
	struct rt_addr a = { .index = (int)number(in), .p = prefix(in, ver) }, back;
	struct netlink_batch b = { 0 };
	struct err e;

	a.flags = number(in);
	a.scope = (uint8_t)number(in);
	rt_addr_put(&b, &a, "eth0");
	MUST(rt_addr_parse(made(&b), &back, &e) == 1);
	MUST(back.index == a.index && ip_prefix_equal(back.p, a.p) && back.flags == a.flags);
	MUST(back.scope == a.scope);
	netlink_batch_clear(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data + 1, .len = size - 1 };

	if (size < 1 || size > 4096)
		return 0;
	switch (data[0]) {
	case 'k':
		fuzz_kernel(in.p, in.len);
		break;
	case 'p':
		fuzz_parsers(in.p, in.len);
		break;
	case 'r':
		fuzz_route(&in);
		break;
	case 'u':
		fuzz_rule(&in);
		break;
	case 'n':
		fuzz_neigh(&in);
		break;
	case 'a':
		fuzz_addr(&in);
		break;
	}
	return 0;
}
