/* SPDX-License-Identifier: Apache-2.0 */
/* rt_rule.c - policy routing rules */
#include <errno.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "nl/rt_impl.h"

static bool has_more(struct nlattr **tb, const struct fib_rule_hdr *f)
{
	static const int attrs[] = { FRA_IIFNAME,   FRA_OIFNAME,  FRA_TUN_ID,      FRA_L3MDEV,
				     FRA_UID_RANGE, FRA_IP_PROTO, FRA_SPORT_RANGE, FRA_DPORT_RANGE };

	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (tb[attrs[i]])
			return true;
	return f->tos != 0 || (f->flags & FIB_RULE_INVERT);
}

int rt_rule_parse(struct nlmsghdr *h, struct rt_rule *ret, struct err *e)
{
	struct nlattr *tb[FRA_MAX + 1];
	struct fib_rule_hdr *f = nlmsg_data(h);
	uint8_t ver;
	int r;

	if (h->nlmsg_type != RTM_NEWRULE)
		return 0;
	r = rt_attrs(h, sizeof(*f), tb, FRA_MAX, e);
	if (r < 0)
		return r;
	ver = rt_version(f->family);
	if (!ver || f->src_len > ip_bits(ver) || f->dst_len > ip_bits(ver))
		return 0;
	*ret = (struct rt_rule){ .ver = ver,
				 .src.len = f->src_len,
				 .dst.len = f->dst_len,
				 .mark = rt_u32(tb[FRA_FWMARK]),
				 .mask = rt_u32(tb[FRA_FWMASK]),
				 .table = tb[FRA_TABLE] ? rt_u32(tb[FRA_TABLE]) : f->table,
				 .priority = rt_u32(tb[FRA_PRIORITY]),
				 .action = f->action,
				 .more = has_more(tb, f) };
	rt_ip(tb[FRA_SRC], ver, &ret->src.ip);
	rt_ip(tb[FRA_DST], ver, &ret->dst.ip);
	if (tb[FRA_PROTOCOL] && nla_len(tb[FRA_PROTOCOL]) > 0)
		ret->protocol = nla_get_u8(tb[FRA_PROTOCOL]);
	return 1;
}

struct rule_list {
	struct rt_list l; /* first: rt_list_reset() */
	uint8_t ver;
};

static int each_rule(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct rule_list *a = arg;
	struct rt_rule rule;
	int r = rt_rule_parse(h, &rule, e);

	return r > 0 && (!a->ver || a->ver == rule.ver) ? rt_list_add(&a->l, &rule, e) : r;
}

int rt_rules(struct netlink *nl, uint8_t ver, struct rt_rules *ret, struct err *e)
{
	const struct fib_rule_hdr head = { .family = rt_family(ver) };
	struct rule_list a = { .l.size = sizeof(struct rt_rule), .ver = ver };
	int r = netlink_ask(nl, rt_msg(RTM_GETRULE, NLM_F_DUMP, &head, sizeof(head)), each_rule,
			    rt_list_reset, &a, e, "list rules");

	if (r == -EAFNOSUPPORT) { /* the kernel does without this family */
		a.l.n = 0;
		r = 0;
	}
	if (r < 0)
		free(a.l.v);
	else
		*ret = (struct rt_rules){ .v = a.l.v, .n = a.l.n };
	return r;
}

static uint8_t action_of(const struct rt_rule *r)
{
	return r->action ? r->action : FR_ACT_TO_TBL;
}

static struct nl_msg *rule_msg(int type, int flags, const struct rt_rule *r)
{
	const struct fib_rule_hdr head = { .family = rt_family(r->ver),
					   .src_len = r->src.ip.ver ? r->src.len : 0,
					   .dst_len = r->dst.ip.ver ? r->dst.len : 0,
					   .table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
					   .action = action_of(r) };
	struct nl_msg *m = rt_msg(type, flags, &head, sizeof(head));

	if (head.src_len)
		rt_put_ip(&m, FRA_SRC, ip_prefix_network(r->src).ip);
	if (head.dst_len)
		rt_put_ip(&m, FRA_DST, ip_prefix_network(r->dst).ip);
	if (r->mask) {
		rt_put_u32(&m, FRA_FWMARK, r->mark);
		rt_put_u32(&m, FRA_FWMASK, r->mask);
	}
	rt_put_u32(&m, FRA_TABLE, r->table);
	rt_put_u32(&m, FRA_PRIORITY, r->priority);
	return m;
}

void rt_rule_put(struct netlink_batch *b, const struct rt_rule *r)
{
	struct nl_msg *m = rule_msg(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r);
	char text[RT_TEXT_MAX];

	if (r->protocol)
		rt_put_u8(&m, FRA_PROTOCOL, r->protocol);
	netlink_add(b, m, NETLINK_OK(EEXIST), "add rule %s", rt_rule_text(r, text));
}

void rt_rule_del(struct netlink_batch *b, const struct rt_rule *r)
{
	char text[RT_TEXT_MAX];

	netlink_add(b, rule_msg(RTM_DELRULE, 0, r), NETLINK_OK(ENOENT, ESRCH, EAFNOSUPPORT), "delete rule %s",
		    rt_rule_text(r, text));
}

static bool same_prefix(struct ip_prefix a, struct ip_prefix b)
{
	bool any_a = a.ip.ver == 0 || a.len == 0, any_b = b.ip.ver == 0 || b.len == 0;

	return any_a || any_b ? any_a == any_b : ip_prefix_equal(ip_prefix_network(a), ip_prefix_network(b));
}

bool rt_rule_equal(const struct rt_rule *a, const struct rt_rule *b)
{
	return a->ver == b->ver && same_prefix(a->src, b->src) && same_prefix(a->dst, b->dst) &&
	       a->mask == b->mask && (a->mask == 0 || a->mark == b->mark) && a->table == b->table &&
	       a->priority == b->priority && action_of(a) == action_of(b) && !a->more && !b->more;
}

static const char *prefix_text(struct ip_prefix p, char out[IP_TEXT_MAX])
{
	return p.len == ip_bits(p.ip.ver) ? ip_format(p.ip, out)
					  : ip_prefix_format(ip_prefix_network(p), out);
}

const char *rt_rule_text(const struct rt_rule *r, char out[RT_TEXT_MAX])
{
	char ip[IP_TEXT_MAX];
	size_t n;

	n = (size_t)snprintf(out, RT_TEXT_MAX, "from %s", r->src.ip.ver ? prefix_text(r->src, ip) : "all");
	if (r->dst.ip.ver)
		n += (size_t)snprintf(out + n, RT_TEXT_MAX - n, " to %s", prefix_text(r->dst, ip));
	if (r->mask)
		n += (size_t)snprintf(out + n, RT_TEXT_MAX - n, " fwmark 0x%x/0x%x", r->mark, r->mask);
	snprintf(out + n, RT_TEXT_MAX - n, " lookup %u pref %u", r->table, r->priority);
	return out;
}
