/* SPDX-License-Identifier: Apache-2.0 */
/* marks.c - replies leave by the interface their request came in by */
#include "podnet/marks.h"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define TABLE    "spiderpool"
#define PRIORITY NF_IP_PRI_MANGLE /* the same for IPv6 */

/* As a chain of type filter the second one would mark, but the kernel would not choose the route again. */
static struct nft_table table(char version, const char *dev)
{
	return (struct nft_table){
		.family = version == '6' ? NFPROTO_IPV6 : NFPROTO_IPV4,
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

static size_t tables(const char *versions, const char *dev, struct nft_table ret[2])
{
	size_t n = 0;

	while (n < 2 && versions[n]) {
		ret[n] = table(versions[n], dev);
		n++;
	}
	return n;
}

int podnet_marks_put(struct netlink *nf, const char *versions, const char *dev, struct err *e)
{
	struct nft_table t[2];

	return nft_tables_put(nf, t, tables(versions, dev, t), e);
}

int podnet_marks_del(struct netlink *nf, const char *versions, struct err *e)
{
	struct nft_table t[2];

	return nft_tables_del(nf, t, tables(versions, "", t), e);
}

int podnet_marks_check(struct netlink *nf, const char *versions, const char *dev, struct err *e)
{
	struct nft_table t[2];
	size_t n = tables(versions, dev, t);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = nft_table_check(nf, &t[i], e);
	return r;
}
