/* SPDX-License-Identifier: Apache-2.0 */
/* nft_marks.h - for tests of nf_tables: the table that veth and coordinator need; behind <cmocka.h> */
#ifndef TEST_NFT_MARKS_H
#define TEST_NFT_MARKS_H

#include <sys/socket.h>

#include "nl/netns.h"
#include "nl/nft.h"

/* The three rules that send replies back by the interface that the request came in by. */
static const struct nft_table marks = {
	.family = NFPROTO_IPV4,
	.name = "spiderpool",
	.n = 2,
	.chain = {
		{
			.name = "prerouting",
			.type = "filter",
			.hook = NF_INET_PRE_ROUTING,
			.priority = -150,
			.n = 2,
			.rule = {
				{ .n = 3,
				  .part = { { .what = NFT_IF_IIFNAME, .text = "veth0" },
					    { .what = NFT_IF_CT_NEW },
					    { .what = NFT_DO_SET_MARK, .value = 1 } } },
				{ .n = 2,
				  .part = { { .what = NFT_IF_MARK, .value = 1 },
					    { .what = NFT_DO_SET_CT_MARK, .value = 1 } } },
			},
		},
		{
			.name = "output",
			.type = "route",
			.hook = NF_INET_LOCAL_OUT,
			.priority = -150,
			.n = 1,
			.rule = { { .n = 2,
				    .part = { { .what = NFT_IF_CT_MARK, .value = 1 },
					      { .what = NFT_DO_SET_MARK, .value = 1 } } } },
		},
	},
};

static inline struct netlink open_nf(int netns)
{
	struct netns_item it = { .domain = AF_NETLINK, .type = SOCK_RAW, .protocol = NETLINK_NETFILTER };
	struct netlink nf;
	struct err e;

	assert_int_equal(netns_open_in(netns, &it, 1, &e), 0);
	assert_int_equal(netlink_adopt(it.fd, NETLINK_NETFILTER, "pod", &nf, &e), 0);
	return nf;
}

static inline void expect(int r, int want, const struct err *e, const char *what)
{
	if (r != want)
		fail_msg("%s: got %d, want %d: %s", what, r, want, r < 0 ? e->msg : "");
}

static inline void put(struct netlink *nf, const struct nft_table *t)
{
	struct err e;

	expect(nft_table_put(nf, t, &e), 0, &e, "put");
}

static inline void check(struct netlink *nf, const struct nft_table *t)
{
	struct err e;

	expect(nft_table_check(nf, t, &e), 0, &e, "check");
}

#endif
