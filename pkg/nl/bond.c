/* SPDX-License-Identifier: Apache-2.0 */
/* bond.c - bonds in the kernel: made, changed, read, compared */
#include "nl/bond.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "nl/bond_table.h"
#include "nl/rt_impl.h"

/* ---- requests ---- */

/* RTM_NEWLINK; name NULL: of the bond with that index. put() fills IFLA_INFO_DATA. */
static struct nl_msg *bond_message(int index, const char *name, int flags,
				   void (*put)(struct nl_msg **m, const void *arg), const void *arg)
{
	const struct ifinfomsg ifi = { .ifi_index = index };
	struct nl_msg *m = rt_msg(RTM_NEWLINK, flags, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	if (name)
		rt_put_text(&m, IFLA_IFNAME, name);
	info = rt_nest(&m, IFLA_LINKINFO);
	rt_put_text(&m, IFLA_INFO_KIND, "bond");
	data = rt_nest(&m, IFLA_INFO_DATA);
	put(&m, arg);
	rt_nest_end(&m, data);
	rt_nest_end(&m, info);
	return m;
}

static void put_mode(struct nl_msg **m, const void *arg)
{
	rt_put_u8(m, IFLA_BOND_MODE, *(const uint8_t *)arg);
}

void bond_add(struct netlink_batch *b, int index, const char *name, int mode)
{
	const uint8_t value = (uint8_t)mode;
	char text[48];

	netlink_add(b, bond_message(index, name, NLM_F_CREATE | NLM_F_EXCL, put_mode, &value), NETLINK_EXACT,
		    "add link %s type bond mode %s", name, bond_mode_text(mode, text));
}

static void put_targets(struct nl_msg **m, const struct bond_value *v)
{
	struct nlattr *list = rt_nest(m, v->opt->attr);

	for (size_t i = 0; i < v->n_targets; i++)
		rt_put_ip(m, (int)i, v->target[i]);
	if (*m)
		nla_nest_end_keep_empty(*m, list);
}

static void put_option(struct nl_msg **m, const void *arg)
{
	const struct bond_value *v = arg;

	switch ((enum bond_kind)v->opt->kind) {
	case BOND_U8:
		rt_put_u8(m, v->opt->attr, (uint8_t)v->n);
		break;
	case BOND_U16:
		rt_put_u16(m, v->opt->attr, (uint16_t)v->n);
		break;
	case BOND_U32:
	case BOND_LINK:
		rt_put_u32(m, v->opt->attr, v->n);
		break;
	case BOND_MAC:
		rt_put(m, v->opt->attr, v->mac, LINK_MAC_LEN);
		break;
	case BOND_TARGETS:
		put_targets(m, v);
		break;
	}
}

void bond_options_put(struct netlink_batch *b, int index, const char *name, const struct bond_options *o,
		      bool late)
{
	for (size_t i = 0; i < o->n; i++) {
		CLEANUP(buf_clear) struct buf value = BUF_INIT(1024);
		const struct bond_value *v = &o->v[i];

		if (v->opt->late != late)
			continue;
		bond_value_format(v, &value);
		/* EINVAL of a slave that has no link yet: the bond goes on with the one it has. */
		netlink_add(b, bond_message(index, NULL, 0, put_option, v),
			    late ? NETLINK_OK(EINVAL) : NETLINK_EXACT, "set option %s=%.64s of bond %s%s",
			    v->opt->key, buf_cstr(&value), name,
			    v->opt->rounded ? " (which needs miimon)" : "");
	}
}

/* ---- reading ---- */

static struct nlattr *inside(struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

static void read_targets(struct nlattr *list, struct bond_value *v)
{
	struct nlattr *a;
	int left;

	nla_for_each_nested(a, list, left)
	{
		if (nla_len(a) == ip_bits(v->opt->ver) / 8 && v->n_targets < BOND_TARGETS_MAX)
			v->target[v->n_targets++] = ip_from_bytes(v->opt->ver, nla_data(a));
	}
}

static bool read_value(struct nlattr *a, struct bond_value *v)
{
	static const int size[] = {
		[BOND_U8] = 1, [BOND_U16] = 2, [BOND_U32] = 4, [BOND_LINK] = 4, [BOND_MAC] = LINK_MAC_LEN
	};

	if (v->opt->kind == BOND_TARGETS) {
		read_targets(a, v);
		return true;
	}
	if (nla_len(a) < size[v->opt->kind])
		return false;
	if (v->opt->kind == BOND_MAC)
		memcpy(v->mac, nla_data(a), LINK_MAC_LEN);
	else
		v->n = v->opt->kind == BOND_U8    ? nla_get_u8(a)
		       : v->opt->kind == BOND_U16 ? nla_get_u16(a)
						  : nla_get_u32(a);
	return true;
}

static void read_options(struct nlattr *data, struct bond_state *s)
{
	struct nlattr *mode = inside(data, IFLA_BOND_MODE);

	if (mode && nla_len(mode) >= 1)
		s->mode = nla_get_u8(mode);
	for (size_t i = 0; i < bond_table_len; i++) {
		struct nlattr *a = inside(data, bond_table[i].attr);
		struct bond_value *v = &s->have.v[s->have.n];

		*v = (struct bond_value){ .opt = &bond_table[i] };
		if (a && read_value(a, v))
			s->have.n++;
	}
}

struct reading {
	struct rt_link *link;
	struct bond_state *state;
};

static int read_link(struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct reading *r = arg;
	struct nlattr *info;
	int x = rt_link_parse(h, r->link, e);

	if (x <= 0)
		return x < 0 ? x : err_set(e, EBADMSG, "the answer is no link");
	if (strcmp(r->link->kind, "bond") == 0) {
		info = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_LINKINFO);
		read_options(inside(info, IFLA_INFO_DATA), r->state);
	}
	return 0;
}

static struct nl_msg *question(int flags)
{
	const struct ifinfomsg ifi = { 0 };
	struct nl_msg *m = rt_msg(RTM_GETLINK, flags, &ifi, sizeof(ifi));

	rt_put_u32(&m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	return m;
}

int bond_get(struct netlink *nl, const char *name, struct rt_link *ret, struct bond_state *ret_state,
	     struct err *e)
{
	struct reading r = { ret, ret_state };
	struct nl_msg *m = question(0);

	*ret_state = (struct bond_state){ .mode = -1 };
	rt_put_text(&m, IFLA_IFNAME, name);
	return netlink_ask(nl, m, read_link, NULL, &r, e, "get interface %s", name);
}

struct listing {
	struct rt_list list;
	int bond;
};

static int list_slave(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct listing *l = arg;
	struct rt_link link;
	int r = rt_link_parse(h, &link, e);

	/* Old kernels do not filter. */
	return r > 0 && link.master == l->bond ? rt_list_add(&l->list, &link, e) : r < 0 ? r : 0;
}

static void list_again(void *arg)
{
	rt_list_reset(&((struct listing *)arg)->list);
}

int bond_slaves(struct netlink *nl, int bond, const char *name, struct rt_links *ret, struct err *e)
{
	struct listing l = { .list.size = sizeof(struct rt_link), .bond = bond };
	struct nl_msg *m = question(NLM_F_DUMP);
	int r;

	rt_put_u32(&m, IFLA_MASTER, (uint32_t)bond);
	r = netlink_ask(nl, m, list_slave, list_again, &l, e, "list slaves of %s", name);
	if (r < 0)
		free(l.list.v);
	else
		*ret = (struct rt_links){ .v = l.list.v, .n = l.list.n };
	return r;
}

/* ---- comparing ---- */

static const struct bond_value *find(const struct bond_options *o, uint16_t attr)
{
	for (size_t i = 0; i < o->n; i++)
		if (o->v[i].opt->attr == attr)
			return &o->v[i];
	return NULL;
}

static bool same_targets(const struct bond_value *a, const struct bond_value *b)
{
	for (size_t i = 0; i < a->n_targets; i++) {
		bool found = false;

		for (size_t k = 0; k < b->n_targets; k++)
			found |= ip_equal(a->target[i], b->target[k]);
		if (!found)
			return false;
	}
	return true;
}

static bool same(const struct bond_options *all, const struct bond_value *have, const struct bond_value *want)
{
	const struct bond_value *miimon = find(all, IFLA_BOND_MIIMON);
	uint32_t n = want->n;

	switch ((enum bond_kind)want->opt->kind) {
	case BOND_MAC:
		return memcmp(have->mac, want->mac, LINK_MAC_LEN) == 0;
	case BOND_TARGETS:
		return same_targets(have, want) && same_targets(want, have);
	default:
		if (want->opt->rounded && miimon && miimon->n)
			n -= n % miimon->n;
		return have->n == n;
	}
}

static void differs(struct buf *out, const char *key, const char *have, const char *want)
{
	buf_fmt(out, "%s%s is %s, want %s", out->len ? "; " : "", key, have, want);
}

void bond_compare(const struct bond_state *s, int mode, const struct bond_options *want, struct buf *out)
{
	char have_mode[48], want_mode[48];

	if (s->mode != mode)
		differs(out, "mode", bond_mode_text(s->mode, have_mode), bond_mode_text(mode, want_mode));
	for (size_t i = 0; i < want->n; i++) {
		CLEANUP(buf_clear) struct buf have_text = BUF_INIT(1024), want_text = BUF_INIT(1024);
		const struct bond_value *w = &want->v[i], *h = find(&s->have, w->opt->attr);

		if (w->opt->late || (h && same(&s->have, h, w)) || (w->opt->kind == BOND_LINK && w->n == 0))
			continue;
		if (h)
			bond_value_format(h, &have_text);
		bond_value_format(w, &want_text);
		differs(out, w->opt->key, h ? buf_cstr(&have_text) : "not set", buf_cstr(&want_text));
	}
}
