/* SPDX-License-Identifier: Apache-2.0 */
/* nft.c - replace and remove a table in one transaction, ask whether the kernel could */
#include "nl/nft.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>

#include "base/own.h"
#include "nl/nft_msg.h"

/* ---- what the kernel refuses ---- */

#define NFT_TYPE(msg) (NFNL_SUBSYS_NFTABLES << 8 | (msg))

static const struct hint {
	int type, sys;
	bool missing; /* a part of the kernel: becomes -EOPNOTSUPP, whatever errno the kernel chose for it */
	const char *text;
} hints[] = {
	{ NFNL_MSG_BATCH_BEGIN, EOPNOTSUPP, true,
	  "this kernel has no nf_tables: load its module nf_tables on the node (modprobe nf_tables)" },
	{ NFNL_MSG_BATCH_BEGIN, EPROTONOSUPPORT, true,
	  "load the module nf_tables, which brings that, on the node (modprobe nf_tables)" },
	{ NFNL_MSG_BATCH_BEGIN, EPERM, false, "this needs the capability CAP_NET_ADMIN" },
	{ NFT_TYPE(NFT_MSG_NEWTABLE), EOPNOTSUPP, true,
	  "nf_tables of this kernel does not know the family: it must be built with CONFIG_NF_TABLES_IPV4 and "
	  "CONFIG_NF_TABLES_IPV6" },
	{ NFT_TYPE(NFT_MSG_NEWTABLE), EAFNOSUPPORT, true,
	  "nf_tables of this kernel does not know the family: load the modules nf_tables_ipv4 and "
	  "nf_tables_ipv6 on the node" },
	{ NFT_TYPE(NFT_MSG_NEWTABLE), EPERM, false,
	  "a running process owns a table of this name: `nft list tables` shows which program" },
	{ NFT_TYPE(NFT_MSG_NEWCHAIN), ENOENT, true,
	  "nf_tables of this kernel has no chains of this type: load the module nft_chain_route_ipv4 or "
	  "nft_chain_route_ipv6 on the node; since Linux 5.2 that is part of nf_tables" },
	{ NFT_TYPE(NFT_MSG_NEWCHAIN), EOPNOTSUPP, true,
	  "nf_tables of this kernel has no such chains: it must be built with CONFIG_NF_TABLES_IPV4 and "
	  "CONFIG_NF_TABLES_IPV6" },
	{ NFT_TYPE(NFT_MSG_NEWRULE), ENOENT, true,
	  "a module of nf_tables is missing: load nft_ct on the node (modprobe nft_ct; old kernels need "
	  "nft_meta, too)" },
	{ NFT_TYPE(NFT_MSG_NEWRULE), EPROTONOSUPPORT, true,
	  "this kernel does not track connections of the family: load the module nf_conntrack on the node; "
	  "before Linux 4.19 nf_conntrack_ipv4 and nf_conntrack_ipv6" },
	{ NFT_TYPE(NFT_MSG_NEWRULE), EOPNOTSUPP, true,
	  "connections have no marks in this kernel: its module nf_conntrack must be built with "
	  "CONFIG_NF_CONNTRACK_MARK" },
};

static const struct netlink_request *first_failure(const struct netlink_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		if (b->v[i].result < 0)
			return &b->v[i];
	return NULL;
}

/* Puts what to do behind the sentence of the kernel. */
static int explain(const struct netlink_batch *b, struct err *e)
{
	const struct netlink_request *q = first_failure(b);
	const struct err was = *e;

	for (size_t i = 0; q && i < ARRAY_LEN(hints); i++) {
		const struct hint *h = &hints[i];

		if (nlmsg_hdr(q->msg)->nlmsg_type == h->type && was.sys == h->sys)
			return err_code(e, was.cni, h->missing ? EOPNOTSUPP : was.sys, "%s; %s", was.msg,
					h->text);
	}
	return -was.sys;
}

/* ---- transactions ---- */

static void frame(struct netlink_batch *b, int type, const char *what, uint8_t family, const char *table)
{
	struct netlink_request *q = netlink_add(b, nft_msg_frame(type), NETLINK_EXACT, "%s nf_tables %s %s",
						what, nft_family_text(family), table);

	if (q)
		q->no_ack = true;
}

/* flags: of the table's request */
static void add_table(struct netlink_batch *b, const struct nft_table *t, int flags)
{
	const char *family = nft_family_text(t->family);
	struct nl_msg *table = nft_msg_table(t);

	assert(t->n <= NFT_CHAINS_MAX);
	if (table)
		nlmsg_hdr(table)->nlmsg_flags |= (uint16_t)flags;
	netlink_add(b, table, NETLINK_EXACT, "add table %s %s", family, t->name);
	for (size_t i = 0; i < t->n; i++)
		netlink_add(b, nft_msg_chain(t, &t->chain[i]), NETLINK_EXACT, "add chain %s %s %s of type %s",
			    family, t->name, t->chain[i].name, t->chain[i].type);
	for (size_t i = 0; i < t->n; i++) {
		const struct nft_chain *c = &t->chain[i];
		char text[NFT_TEXT_MAX];

		assert(c->n <= NFT_RULES_MAX);
		for (size_t k = 0; k < c->n; k++)
			netlink_add(b, nft_msg_rule(t, c, &c->rule[k]), NETLINK_EXACT, "add rule %s %s %s %s",
				    family, t->name, c->name, nft_rule_text(&c->rule[k], text));
	}
}

static int transact(struct netlink *nf, struct netlink_batch *b, struct err *e)
{
	int r = netlink_send(nf, b, e);

	return r < 0 ? explain(b, e) : r;
}

/* Deleting fails when there is none: so first make sure that there is one, whatever is in it. */
static void del_table(struct netlink_batch *b, const struct nft_table *t)
{
	const char *family = nft_family_text(t->family);

	netlink_add(b, nft_msg_about(NFT_MSG_NEWTABLE, NLM_F_CREATE, t->family, t->name), NETLINK_EXACT,
		    "add table %s %s", family, t->name);
	netlink_add(b, nft_msg_about(NFT_MSG_DELTABLE, 0, t->family, t->name), NETLINK_EXACT,
		    "delete table %s %s", family, t->name);
}

static int put(struct netlink *nf, const struct nft_table *t, size_t n, bool replace, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };

	frame(&b, NFNL_MSG_BATCH_BEGIN, "change", t->family, t->name);
	for (size_t i = 0; i < n; i++) {
		if (replace)
			del_table(&b, &t[i]);
		add_table(&b, &t[i], replace ? 0 : NLM_F_EXCL);
	}
	frame(&b, NFNL_MSG_BATCH_END, "commit", t->family, t->name);
	return transact(nf, &b, e);
}

/* Deleting, even of nothing, makes the kernel wait some 20 ms for all its readers when the socket is closed,
 * so it is tried without. */
int nft_tables_put(struct netlink *nf, const struct nft_table *t, size_t n, struct err *e)
{
	int r = put(nf, t, n, false, e);

	return r == -EEXIST ? put(nf, t, n, true, e) : r;
}

int nft_tables_del(struct netlink *nf, const struct nft_table *t, size_t n, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	int r;

	frame(&b, NFNL_MSG_BATCH_BEGIN, "change", t->family, t->name);
	for (size_t i = 0; i < n; i++)
		del_table(&b, &t[i]);
	frame(&b, NFNL_MSG_BATCH_END, "commit", t->family, t->name);
	r = transact(nf, &b, e);
	/* No nf_tables, no table. */
	return r == -EOPNOTSUPP ? 0 : r;
}

int nft_supported(struct netlink *nf, uint8_t family, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	const struct nft_table all = {
		.family = family,
		.name = "spiderpool-question",
		.n = 2,
		.chain = { { .name = "filter",
			     .type = "filter",
			     .hook = NF_INET_PRE_ROUTING,
			     .n = 2,
			     .rule = { { .n = 3,
					 .part = { { .what = NFT_IF_IIFNAME, .text = "lo" },
						   { .what = NFT_IF_CT_NEW },
						   { .what = NFT_DO_SET_MARK, .value = 1 } } },
				       { .n = 2,
					 .part = { { .what = NFT_IF_MARK, .value = 1 },
						   { .what = NFT_DO_SET_CT_MARK, .value = 1 } } } } },
			   { .name = "route", .type = "route", .hook = NF_INET_LOCAL_OUT } },
	};

	/* A transaction without an end: the kernel looks at all of it, answers, and forgets it. */
	frame(&b, NFNL_MSG_BATCH_BEGIN, "try", family, all.name);
	add_table(&b, &all, 0);
	return transact(nf, &b, e);
}
