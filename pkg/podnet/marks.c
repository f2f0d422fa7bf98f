/* SPDX-License-Identifier: Apache-2.0 */
/* marks.c - replies leave by the interface their request came in by */
#include "podnet/marks.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define TABLE    "spiderpool"
#define PRIORITY NF_IP_PRI_MANGLE /* the same for IPv6 */

static uint8_t family(uint8_t ver)
{
	return ver == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* As a chain of type filter the second one would mark, but the kernel would not choose the route again. */
static struct nft_table table(uint8_t ver, const char *dev)
{
	return (struct nft_table){
		.family = family(ver),
		.name = TABLE,
		.n = 2,
		.chain = {
			{ .name = "prerouting",
			  .type = "filter",
			  .hook = NF_INET_PRE_ROUTING,
			  .priority = PRIORITY,
			  .n = 3,
			  .rule = { { .n = 3,
				      .part = { { NFT_IF_IIFNAME, 0, dev },
						{ NFT_IF_CT_NEW, 0, NULL },
						{ NFT_DO_SET_MARK, PODNET_MARK, NULL } } },
				    { .n = 2,
				      .part = { { NFT_IF_MARK, PODNET_MARK, NULL },
						{ NFT_DO_SET_CT_MARK, PODNET_MARK, NULL } } },
				    /* With rp_filter each further packet needs the mark, too. */
				    { .n = 3,
				      .part = { { NFT_IF_IIFNAME, 0, dev },
						{ NFT_IF_CT_MARK, PODNET_MARK, NULL },
						{ NFT_DO_SET_MARK, PODNET_MARK, NULL } } } } },
			{ .name = "output",
			  .type = "route",
			  .hook = NF_INET_LOCAL_OUT,
			  .priority = PRIORITY,
			  .n = 1,
			  .rule = { { .n = 2,
				      .part = { { NFT_IF_CT_MARK, PODNET_MARK, NULL },
						{ NFT_DO_SET_MARK, PODNET_MARK, NULL } } } } },
		},
	};
}

int podnet_marks_put(struct netlink *nf, uint8_t ver, const char *dev, struct err *e)
{
	struct nft_table t = table(ver, dev);

	return nft_table_put(nf, &t, e);
}

int podnet_marks_del(struct netlink *nf, uint8_t ver, struct err *e)
{
	return nft_table_del(nf, family(ver), TABLE, e);
}

int podnet_marks_check(struct netlink *nf, uint8_t ver, const char *dev, struct err *e)
{
	struct nft_table t = table(ver, dev);

	return nft_table_check(nf, &t, e);
}
