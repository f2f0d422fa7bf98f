/* SPDX-License-Identifier: Apache-2.0 */
/* nft_msg.c - make the messages of nf_tables
 *
 * A rule is a list of expressions which work on register 1: load something into it, mask it, compare it (the
 * rule ends here when it does not match) or write it back. Numbers in attributes are big endian, values in
 * registers are as the kernel has them: marks and states in host order.
 */
#include "nl/nft_msg.h"

#include <arpa/inet.h>
#include <assert.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static_assert((int)NFTA_CHAIN_TABLE == NFTA_TABLE_NAME && (int)NFTA_RULE_TABLE == NFTA_TABLE_NAME,
	      "nft_msg_about() makes all three");

/* ---- attributes: the first failure drops the message, later additions do nothing ---- */

struct maker {
	struct nl_msg *m;
};

static void drop(struct maker *k)
{
	nlmsg_free(k->m);
	k->m = NULL;
}

static struct maker begin(int type, int flags, uint8_t family, uint16_t res_id)
{
	const struct nfgenmsg head = {
		.nfgen_family = family,
		.version = NFNETLINK_V0,
		.res_id = htons(res_id),
	};
	struct maker k = { .m = nlmsg_alloc_simple(type, flags) };

	if (k.m && nlmsg_append(k.m, (void *)(uintptr_t)&head, sizeof(head), NLMSG_ALIGNTO) < 0)
		drop(&k);
	return k;
}

static void put(struct maker *k, int type, const void *data, size_t len)
{
	if (k->m && nla_put(k->m, type, (int)len, data) < 0)
		drop(k);
}

static void put_u32(struct maker *k, int type, uint32_t v)
{
	const uint32_t be = htonl(v);

	put(k, type, &be, sizeof(be));
}

static void put_text(struct maker *k, int type, const char *s)
{
	put(k, type, s, strlen(s) + 1);
}

static struct nlattr *nest(struct maker *k, int type)
{
	struct nlattr *a = k->m ? nla_nest_start(k->m, type) : NULL;

	if (!a)
		drop(k);
	return a;
}

static void nest_end(struct maker *k, struct nlattr *a)
{
	if (k->m && nla_nest_end(k->m, a) < 0)
		drop(k);
}

/* ---- expressions ---- */

struct expr {
	struct nlattr *elem, *data;
};

static struct expr expr_begin(struct maker *k, const char *name)
{
	struct expr x;

	x.elem = nest(k, NFTA_LIST_ELEM);
	put_text(k, NFTA_EXPR_NAME, name);
	x.data = nest(k, NFTA_EXPR_DATA);
	return x;
}

static void expr_end(struct maker *k, struct expr x)
{
	nest_end(k, x.data);
	nest_end(k, x.elem);
}

static void put_value(struct maker *k, int type, const void *v, size_t len)
{
	struct nlattr *a = nest(k, type);

	put(k, NFTA_DATA_VALUE, v, len);
	nest_end(k, a);
}

/* What an expression reads or writes. */
struct field {
	const char *expr;
	uint32_t key;
	int attr_key, attr_dreg, attr_sreg;
};

#define META(key) \
	{ \
		"meta", key, NFTA_META_KEY, NFTA_META_DREG, NFTA_META_SREG \
	}
#define CT(key) \
	{ \
		"ct", key, NFTA_CT_KEY, NFTA_CT_DREG, NFTA_CT_SREG \
	}

static const struct field fields[] = {
	[NFT_IF_IIFNAME] = META(NFT_META_IIFNAME), [NFT_IF_CT_NEW] = CT(NFT_CT_STATE),
	[NFT_IF_MARK] = META(NFT_META_MARK),       [NFT_IF_CT_MARK] = CT(NFT_CT_MARK),
	[NFT_DO_SET_MARK] = META(NFT_META_MARK),   [NFT_DO_SET_CT_MARK] = CT(NFT_CT_MARK),
};

static void add_load(struct maker *k, const struct field *f)
{
	struct expr x = expr_begin(k, f->expr);

	put_u32(k, f->attr_key, f->key);
	put_u32(k, f->attr_dreg, NFT_REG_1);
	expr_end(k, x);
}

static void add_store(struct maker *k, const struct field *f)
{
	struct expr x = expr_begin(k, f->expr);

	put_u32(k, f->attr_key, f->key);
	put_u32(k, f->attr_sreg, NFT_REG_1);
	expr_end(k, x);
}

/* register = (register & mask) ^ xor */
static void add_bitwise(struct maker *k, uint32_t mask, uint32_t xor)
{
	struct expr x = expr_begin(k, "bitwise");

	put_u32(k, NFTA_BITWISE_SREG, NFT_REG_1);
	put_u32(k, NFTA_BITWISE_DREG, NFT_REG_1);
	put_u32(k, NFTA_BITWISE_LEN, sizeof(mask));
	put_value(k, NFTA_BITWISE_MASK, &mask, sizeof(mask));
	put_value(k, NFTA_BITWISE_XOR, &xor, sizeof(xor));
	expr_end(k, x);
}

static void add_compare(struct maker *k, uint32_t op, const void *v, size_t len)
{
	struct expr x = expr_begin(k, "cmp");

	put_u32(k, NFTA_CMP_SREG, NFT_REG_1);
	put_u32(k, NFTA_CMP_OP, op);
	put_value(k, NFTA_CMP_DATA, v, len);
	expr_end(k, x);
}

static void add_part(struct maker *k, const struct nft_part *p)
{
	const struct field *f = &fields[p->what];
	const uint32_t none = 0;
	char name[IFNAMSIZ] = "";

	add_load(k, f);
	switch (p->what) {
	case NFT_IF_IIFNAME:
		assert(strlen(p->text) < sizeof(name));
		memcpy(name, p->text, strlen(p->text));
		add_compare(k, NFT_CMP_EQ, name, sizeof(name));
		break;
	case NFT_IF_CT_NEW:
		add_bitwise(k, NF_CT_STATE_BIT(IP_CT_NEW), 0);
		add_compare(k, NFT_CMP_NEQ, &none, sizeof(none));
		break;
	case NFT_IF_MARK:
	case NFT_IF_CT_MARK:
		add_bitwise(k, p->value, 0);
		add_compare(k, NFT_CMP_EQ, &p->value, sizeof(p->value));
		break;
	case NFT_DO_SET_MARK:
	case NFT_DO_SET_CT_MARK:
		add_bitwise(k, ~p->value, p->value);
		add_store(k, f);
		break;
	}
}

/* ---- messages ---- */

struct nl_msg *nft_msg_frame(int type)
{
	return begin(type, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES).m;
}

static struct maker begin_about(int type, int flags, uint8_t family, const char *table)
{
	struct maker k = begin(NFNL_SUBSYS_NFTABLES << 8 | type, flags, family, 0);

	/* Without a name, or an empty one, the kernel would delete every table there is. */
	assert(table[0] && strlen(table) < NFT_NAME_MAX);
	put_text(&k, NFTA_TABLE_NAME, table);
	return k;
}

struct nl_msg *nft_msg_about(int type, int flags, uint8_t family, const char *table)
{
	return begin_about(type, flags, family, table).m;
}

struct nl_msg *nft_msg_table(const struct nft_table *t)
{
	struct maker k = begin_about(NFT_MSG_NEWTABLE, NLM_F_CREATE, t->family, t->name);

	put_u32(&k, NFTA_TABLE_FLAGS, 0);
	return k.m;
}

struct nl_msg *nft_msg_chain(const struct nft_table *t, const struct nft_chain *c)
{
	struct maker k = begin_about(NFT_MSG_NEWCHAIN, NLM_F_CREATE, t->family, t->name);
	struct nlattr *hook;

	assert(strlen(c->name) < NFT_NAME_MAX);
	put_text(&k, NFTA_CHAIN_NAME, c->name);
	put_text(&k, NFTA_CHAIN_TYPE, c->type);
	hook = nest(&k, NFTA_CHAIN_HOOK);
	put_u32(&k, NFTA_HOOK_HOOKNUM, c->hook);
	put_u32(&k, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	nest_end(&k, hook);
	put_u32(&k, NFTA_CHAIN_POLICY, NF_ACCEPT);
	return k.m;
}

struct nl_msg *nft_msg_rule(const struct nft_table *t, const struct nft_chain *c, const struct nft_rule *r)
{
	struct maker k = begin_about(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, t->family, t->name);
	struct nlattr *list;

	assert(r->n <= NFT_PARTS_MAX);
	put_text(&k, NFTA_RULE_CHAIN, c->name);
	list = nest(&k, NFTA_RULE_EXPRESSIONS);
	for (size_t i = 0; i < r->n; i++)
		add_part(&k, &r->part[i]);
	nest_end(&k, list);
	return k.m;
}

/* ---- text ---- */

#define PART_TEXT_MAX (NFT_TEXT_MAX / NFT_PARTS_MAX - 1)

static void part_text(const struct nft_part *p, char out[PART_TEXT_MAX])
{
	const uint32_t v = p->value;

	switch (p->what) {
	case NFT_IF_IIFNAME:
		snprintf(out, PART_TEXT_MAX, "iifname \"%s\"", p->text);
		break;
	case NFT_IF_CT_NEW:
		snprintf(out, PART_TEXT_MAX, "ct state new");
		break;
	case NFT_IF_MARK:
		snprintf(out, PART_TEXT_MAX, "meta mark & 0x%08x == 0x%08x", v, v);
		break;
	case NFT_IF_CT_MARK:
		snprintf(out, PART_TEXT_MAX, "ct mark & 0x%08x == 0x%08x", v, v);
		break;
	case NFT_DO_SET_MARK:
		snprintf(out, PART_TEXT_MAX, "meta mark set meta mark | 0x%08x", v);
		break;
	case NFT_DO_SET_CT_MARK:
		snprintf(out, PART_TEXT_MAX, "ct mark set ct mark | 0x%08x", v);
		break;
	}
}

const char *nft_rule_text(const struct nft_rule *r, char out[NFT_TEXT_MAX])
{
	char part[PART_TEXT_MAX];
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < r->n; i++) {
		part_text(&r->part[i], part);
		len += (size_t)snprintf(out + len, NFT_TEXT_MAX - len, "%s%s", i ? " " : "", part);
	}
	return out;
}

const char *nft_family_text(uint8_t family)
{
	return family == NFPROTO_IPV6 ? "ip6" : "ip";
}
