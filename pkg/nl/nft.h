/* SPDX-License-Identifier: Apache-2.0 */
/* nft.h - nf_tables without any program of the host: a table that is ours alone, replaced in one transaction
 *
 * A table belongs to one family and to us; nothing of other tables is looked at or touched. The kernel works
 * a transaction off completely or not at all, so a table is never half made. nf_tables gives no sentences of
 * its own: a missing module is recognised by its errno and named (nf_tables, nft_ct, nft_chain_route, ...).
 */
#ifndef NL_NFT_H
#define NL_NFT_H

#include <netinet/in.h> /* before the kernel's, they clash the other way round */

#include <linux/netfilter.h> /* NF_INET_*, NFPROTO_* */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "nl/netlink.h"

#define NFT_PARTS_MAX  4
#define NFT_RULES_MAX  4
#define NFT_CHAINS_MAX 2
#define NFT_NAME_MAX   32 /* of a table or chain; with the NUL */

/* What a rule is made of; all conditions of a rule must hold for its statements to run. */
enum nft_what {
	NFT_IF_IIFNAME,     /* text, below IFNAMSIZ: the packet came in by this interface */
	NFT_IF_CT_NEW,      /* it begins a connection */
	NFT_IF_MARK,        /* packet mark & value == value */
	NFT_IF_CT_MARK,     /* connection mark & value == value */
	NFT_DO_SET_MARK,    /* packet mark |= value; other bits stay */
	NFT_DO_SET_CT_MARK, /* connection mark |= value; other bits stay */
};
struct nft_part {
	enum nft_what what;
	uint32_t value;
	const char *text;
};
struct nft_rule {
	struct nft_part part[NFT_PARTS_MAX];
	size_t n;
};
struct nft_chain {
	const char *name;
	const char *type; /* "filter"; "route": a changed mark makes the kernel choose the route again */
	uint32_t hook;    /* NF_INET_* */
	int32_t priority;
	struct nft_rule rule[NFT_RULES_MAX];
	size_t n;
};
struct nft_table {
	uint8_t family; /* NFPROTO_IPV4, NFPROTO_IPV6 */
	const char *name;
	struct nft_chain chain[NFT_CHAINS_MAX];
	size_t n;
};

/* Replaces the tables by exactly these (n, NFT_TABLES_MAX at most), all or nothing. */
int nft_tables_put(struct netlink *nf, const struct nft_table *t, size_t n, struct err *e);
/* Removes them, all or nothing; one that is not there is success. Of t only family and name count. */
int nft_tables_del(struct netlink *nf, const struct nft_table *t, size_t n, struct err *e);
static inline int nft_table_put(struct netlink *nf, const struct nft_table *t, struct err *e)
{
	return nft_tables_put(nf, t, 1, e);
}
static inline int nft_table_del(struct netlink *nf, uint8_t family, const char *name, struct err *e)
{
	return nft_tables_del(nf, &(struct nft_table){ .family = family, .name = name }, 1, e);
}
/* 0: it is there as it was put. -ENOENT: not, and the sentence names what differs (table, chain, rule). */
int nft_table_check(struct netlink *nf, const struct nft_table *t, struct err *e);
/* The kernel has nf_tables for this family; -EOPNOTSUPP names the module. Changes nothing. */
int nft_supported(struct netlink *nf, uint8_t family, struct err *e);

#endif
