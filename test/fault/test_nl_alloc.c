/* SPDX-License-Identifier: Apache-2.0 */
/* test_nl_alloc.c - each allocation of a batch and of a question fails once */
#include "inject.h"

#include <stdarg.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/own.h"
#include "nl/rt.h"

static const struct ip_prefix net = { { 4, 0x0a000000 }, 24 };
static const struct ip gateway = { 4, 0x0a000001 };

/* The answer to every request there may be. */
static void say(int kernel, int type, uint32_t seq, const void *data, size_t len)
{
	uint8_t gram[128] = { 0 };
	struct nlmsghdr h = { .nlmsg_len = NLMSG_LENGTH((uint32_t)len), .nlmsg_seq = seq };

	h.nlmsg_type = (uint16_t)type;
	memcpy(gram, &h, sizeof(h));
	memcpy(gram + NLMSG_HDRLEN, data, len);
	if (send(kernel, gram, h.nlmsg_len, 0) < 0)
		abort();
}

static int op_batch(struct netlink *nl, int kernel, struct err *e)
{
	const struct nlmsgerr ok = { 0 };
	struct netlink_batch b = { 0 };
	int r;

	for (int i = 0; i < 4; i++) {
		rt_veth_add(&b, &(struct rt_veth){ .name = "a", .peer_name = "b", .mtu = 1500 });
		rt_vlan_add(&b, "v", 1, 5);
		rt_link_set_alias(&b, 1, "a", "alias");
		rt_link_set_master(&b, 1, "a", 2);
		rt_addr_put(&b, &(struct rt_addr){ .index = 1, .p = net, .flags = 1 }, "a");
		rt_route_put(&b, &(struct rt_route){ .dst = net, .via = gateway, .oif = 1, .mtu = 1 }, "a");
		rt_rule_put(&b, &(struct rt_rule){ .ver = 4, .src = net, .mark = 1, .mask = 1 });
		rt_neigh_put(&b, &(struct rt_neigh){ .index = 1, .ip = gateway }, "a");
	}
	for (uint32_t i = 1; i <= b.n && b.err == 0; i++)
		say(kernel, NLMSG_ERROR, nl->seq + i, &ok, sizeof(ok));
	r = netlink_send(nl, &b, e);
	netlink_batch_clear(&b);
	return r;
}

static int op_list(struct netlink *nl, int kernel, struct err *e)
{
	const struct rtmsg route = { .rtm_family = AF_INET };
	struct rt_routes routes = { 0 };
	int r;

	for (int i = 0; i < 40; i++)
		say(kernel, RTM_NEWROUTE, nl->seq + 1, &route, sizeof(route));
	say(kernel, NLMSG_DONE, nl->seq + 1, &(int){ 0 }, sizeof(int));
	r = rt_routes(nl, 4, 0, &routes, e);
	free(routes.v);
	return r;
}

static int op_link(struct netlink *nl, int kernel, struct err *e)
{
	const struct ifinfomsg link = { .ifi_index = 1 };
	struct rt_link l;

	say(kernel, RTM_NEWLINK, nl->seq + 1, &link, sizeof(link));
	return rt_link_by_name(nl, "a", &l, e);
}

static int op_lookup(struct netlink *nl, int kernel, struct err *e)
{
	const struct rtmsg route = { .rtm_family = AF_INET };
	struct rt_route r;

	say(kernel, RTM_NEWROUTE, nl->seq + 1, &route, sizeof(route));
	return rt_route_lookup(nl, gateway, &r, e);
}

/* With a socket of its own each time: what a failed one left unread is gone. */
static int run(int (*op)(struct netlink *nl, int kernel, struct err *e), struct err *e)
{
	struct netlink nl;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	r = netlink_adopt(pair[0], NETLINK_ROUTE, "pod", &nl, e);
	if (r == 0)
		r = op(&nl, pair[1], e);
	netlink_close(&nl);
	close(pair[1]);
	return r;
}

static void each_allocation_fails_once(void **state)
{
	static int (*const ops[])(struct netlink * nl, int kernel, struct err *e) = { op_batch, op_list,
										      op_link, op_lookup };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
		long n, failed = 1;

		for (n = 1; failed; n++) {
			long live = inject_live();
			struct err e = { 0 };
			int r;

			inject_arm(n, 1);
			r = run(ops[i], &e);
			failed = inject_disarm();
			if (r != (failed ? -ENOMEM : 0) || (failed && e.sys != ENOMEM))
				fail_msg("operation %zu, allocation %ld: %d, %s", i, n, r, e.msg);
			if (inject_live() != live)
				fail_msg("operation %zu, allocation %ld: %ld blocks are left", i, n,
					 inject_live() - live);
		}
		assert_true(n > 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(each_allocation_fails_once) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
