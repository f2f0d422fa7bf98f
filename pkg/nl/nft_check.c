/* SPDX-License-Identifier: Apache-2.0 */
/* nft_check.c - compare a table with what the kernel has
 *
 * What the kernel shows of an object holds all that made it, and more (handles, counts). So the message that
 * would make the object is made, and each of its attributes looked for in what is shown.
 */
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "nl/nft.h"
#include "nl/nft_msg.h"

/* ---- attributes ---- */

struct attrs {
	const struct nlattr *head;
	int len;
};

static struct attrs attrs_of(struct nlmsghdr *h)
{
	const int head = sizeof(struct nfgenmsg);

	return (struct attrs){ nlmsg_attrdata(h, head), nlmsg_attrlen(h, head) };
}

/* The one with that number (from 0) among those of the type, NULL when there are fewer. */
static const struct nlattr *attr_nth(struct attrs in, int type, int nth)
{
	const struct nlattr *a;
	int rest;

	nla_for_each_attr(a, in.head, in.len, rest)
	{
		if (nla_type(a) == type && nth-- == 0)
			return a;
	}
	return NULL;
}

static const char *attr_text(struct attrs in, int type)
{
	const struct nlattr *a = attr_nth(in, type, 0);

	return a && nla_len(a) > 0 && !((const char *)nla_data(a))[nla_len(a) - 1] ? nla_data(a) : "";
}

static int attrs_differ(struct attrs have, struct attrs want);

static bool attr_same(const struct nlattr *have, const struct nlattr *want)
{
	if (want->nla_type & NLA_F_NESTED)
		return !attrs_differ((struct attrs){ nla_data(have), nla_len(have) },
				     (struct attrs){ nla_data(want), nla_len(want) });
	return nla_len(have) == nla_len(want) &&
	       !memcmp(nla_data(have), nla_data(want), (size_t)nla_len(want));
}

/* 0, or the type of which have holds others than want: other values, or more, or fewer. */
static int attrs_differ(struct attrs have, struct attrs want)
{
	const struct nlattr *w;
	int rest;

	nla_for_each_attr(w, want.head, want.len, rest)
	{
		const int type = nla_type(w);
		int nth = 0;

		while (attr_nth(want, type, nth) != w)
			nth++;
		const struct nlattr *h = attr_nth(have, type, nth);
		if (!h || !attr_same(h, w))
			return type;
		if (!attr_nth(want, type, nth + 1) && attr_nth(have, type, nth + 1))
			return type;
	}
	return 0;
}

/* ---- a table ---- */

struct check {
	const struct nft_table *t;
	bool is_there[NFT_CHAINS_MAX];
	size_t rules[NFT_CHAINS_MAX]; /* seen so far */
	char differs[NFT_TEXT_MAX + 128];
};

static void restart(void *arg)
{
	struct check *c = arg;
	const struct nft_table *t = c->t;

	*c = (struct check){ .t = t };
}

/* The first difference is kept. */
static void __attribute__((format(printf, 2, 3))) differs(struct check *c, const char *fmt, ...)
{
	va_list ap;

	if (c->differs[0])
		return;
	va_start(ap, fmt);
	vsnprintf(c->differs, sizeof(c->differs), fmt, ap);
	va_end(ap);
}

/* 1 when have shows what want (taken over) makes; 0 with the type of the attribute that differs. */
static int shows(struct nlmsghdr *have, struct nl_msg *want, int *ret_type, struct err *e)
{
	if (!want)
		return err_nomem(e);
	*ret_type = attrs_differ(attrs_of(have), attrs_of(nlmsg_hdr(want)));
	nlmsg_free(want);
	return *ret_type == 0;
}

/* A dump of chains shows those of all tables, and old kernels do so with rules, too. */
static bool is_of_table(const struct check *c, struct nlmsghdr *h, int type)
{
	return h->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | type) &&
	       nlmsg_valid_hdr(h, sizeof(struct nfgenmsg)) &&
	       !strcmp(attr_text(attrs_of(h), NFTA_TABLE_NAME), c->t->name);
}

/* Index of the chain, t->n when it is none of ours. */
static size_t chain_index(const struct nft_table *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->chain[i].name, name) != 0)
		i++;
	return i;
}

static int each_table(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct check *c = arg;
	int type, r;

	if (!is_of_table(c, h, NFT_MSG_NEWTABLE))
		return 0;
	r = shows(h, nft_msg_table(c->t), &type, e);
	if (r == 0)
		differs(c, "it has other flags, is dormant perhaps");
	return r < 0 ? r : 0;
}

static int each_chain(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct check *c = arg;
	const char *name;
	int type, r;
	size_t i;

	if (!is_of_table(c, h, NFT_MSG_NEWCHAIN))
		return 0;
	name = attr_text(attrs_of(h), NFTA_CHAIN_NAME);
	i = chain_index(c->t, name);
	if (i == c->t->n) {
		differs(c, "there is another chain, %s", name);
		return 0;
	}
	c->is_there[i] = true;
	r = shows(h, nft_msg_chain(c->t, &c->t->chain[i]), &type, e);
	if (r == 0)
		differs(c, "chain %s has another %s", name,
			type == NFTA_CHAIN_HOOK     ? "hook or priority"
			: type == NFTA_CHAIN_POLICY ? "policy"
						    : "type");
	return r < 0 ? r : 0;
}

static int each_rule(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct check *c = arg;
	const struct nft_chain *chain;
	char text[NFT_TEXT_MAX];
	int type, r;
	size_t i, k;

	if (!is_of_table(c, h, NFT_MSG_NEWRULE))
		return 0;
	i = chain_index(c->t, attr_text(attrs_of(h), NFTA_RULE_CHAIN));
	if (i == c->t->n)
		return 0;
	chain = &c->t->chain[i];
	k = c->rules[i]++;
	if (k >= chain->n) {
		differs(c, "chain %s has more rules than our %zu", chain->name, chain->n);
		return 0;
	}
	r = shows(h, nft_msg_rule(c->t, chain, &chain->rule[k]), &type, e);
	if (r == 0)
		differs(c, "chain %s: rule %zu is not \"%s\"", chain->name, k + 1,
			nft_rule_text(&chain->rule[k], text));
	return r < 0 ? r : 0;
}

static int ask(struct netlink *nf, struct check *c, int type, int flags, netlink_each *each, struct err *e)
{
	const struct nft_table *t = c->t;

	return netlink_ask(nf, nft_msg_about(type, flags, t->family, t->name), each, restart, c, e,
			   "look at table %s %s", nft_family_text(t->family), t->name);
}

static int ask_all(struct netlink *nf, struct check *c, struct err *e)
{
	const struct nft_table *t = c->t;
	char text[NFT_TEXT_MAX];
	int r = ask(nf, c, NFT_MSG_GETTABLE, 0, each_table, e);

	if (r < 0 || c->differs[0])
		return r;
	r = ask(nf, c, NFT_MSG_GETCHAIN, NLM_F_DUMP, each_chain, e);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (!c->is_there[i])
			differs(c, "chain %s is not there", t->chain[i].name);
	if (r < 0 || c->differs[0])
		return r;
	r = ask(nf, c, NFT_MSG_GETRULE, NLM_F_DUMP, each_rule, e);
	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (c->rules[i] < t->chain[i].n)
			differs(c, "chain %s: rule %zu, \"%s\", is not there", t->chain[i].name,
				c->rules[i] + 1, nft_rule_text(&t->chain[i].rule[c->rules[i]], text));
	return r;
}

int nft_table_check(struct netlink *nf, const struct nft_table *t, struct err *e)
{
	struct check c = { .t = t };
	int r = ask_all(nf, &c, e);

	if (r == -ENOENT)
		return err_set(e, ENOENT, "%s: table %s %s is not there", nf->where,
			       nft_family_text(t->family), t->name);
	if (r < 0)
		return r;
	if (c.differs[0])
		return err_set(e, ENOENT, "%s: table %s %s is not as it was made: %s", nf->where,
			       nft_family_text(t->family), t->name, c.differs);
	return 0;
}
