/* SPDX-License-Identifier: Apache-2.0 */
/* bond.c - bonds in the kernel: made, changed, read, compared */
#include "nl/bond.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "nl/bond_table.h"

/* ---- requests ---- */

/* Begins RTM_NEWLINK for a bond of that name; NULL when memory is gone. put() fills IFLA_INFO_DATA. */
static struct nl_msg *bond_message(const char *name, int flags, int (*put)(struct nl_msg *m, const void *arg),
				   const void *arg)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, flags);
	struct nlattr *info, *data;

	if (!m)
		return NULL;
	if (nlmsg_append(m, (void *)&ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(m, IFLA_IFNAME, name) < 0 || !(info = nla_nest_start(m, IFLA_LINKINFO)) ||
	    nla_put_string(m, IFLA_INFO_KIND, "bond") < 0 || !(data = nla_nest_start(m, IFLA_INFO_DATA)) ||
	    put(m, arg) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	nla_nest_end(m, data);
	nla_nest_end(m, info);
	return m;
}

static int put_mode(struct nl_msg *m, const void *arg)
{
	return nla_put_u8(m, IFLA_BOND_MODE, *(const uint8_t *)arg);
}

void bond_add(struct netlink_batch *b, const char *name, int mode)
{
	const uint8_t value = (uint8_t)mode;
	char text[48];

	netlink_add(b, bond_message(name, NLM_F_CREATE | NLM_F_EXCL, put_mode, &value), NETLINK_EXACT,
		    "add bond %s mode %s", name, bond_mode_text(mode, text));
}

static int put_targets(struct nl_msg *m, const struct bond_value *v)
{
	struct nlattr *list = nla_nest_start(m, v->opt->attr);
	uint8_t bytes[16];
	int r = list ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < v->n_targets; i++) {
		ip_to_bytes(v->target[i], bytes);
		r = nla_put(m, (int)i, ip_bits(v->opt->ver) / 8, bytes);
	}
	if (r == 0)
		nla_nest_end_keep_empty(m, list);
	return r;
}

static int put_option(struct nl_msg *m, const void *arg)
{
	const struct bond_value *v = arg;

	switch ((enum bond_kind)v->opt->kind) {
	case BOND_U8:
		return nla_put_u8(m, v->opt->attr, (uint8_t)v->n);
	case BOND_U16:
		return nla_put_u16(m, v->opt->attr, (uint16_t)v->n);
	case BOND_U32:
	case BOND_LINK:
		return nla_put_u32(m, v->opt->attr, v->n);
	case BOND_MAC:
		return nla_put(m, v->opt->attr, LINK_MAC_LEN, v->mac);
	case BOND_TARGETS:
		return put_targets(m, v);
	}
	return -EINVAL;
}

void bond_options_put(struct netlink_batch *b, const char *name, const struct bond_options *o, bool late)
{
	for (size_t i = 0; i < o->n; i++) {
		CLEANUP(buf_clear) struct buf value = BUF_INIT(1024);
		const struct bond_value *v = &o->v[i];

		if (v->opt->late != late)
			continue;
		bond_value_format(v, &value);
		netlink_add(b, bond_message(name, 0, put_option, v), NETLINK_EXACT,
			    "set option %s=%.64s of bond %s%s", v->opt->key, buf_cstr(&value), name,
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
	const char *name;
	struct bond_state *ret;
};

static int read_link(struct nlmsghdr *h, void *arg, struct err *e)
{
	const struct reading *r = arg;
	struct nlattr *info, *kind;

	if (h->nlmsg_type != RTM_NEWLINK || !nlmsg_valid_hdr(h, sizeof(struct ifinfomsg)))
		return err_set(e, EBADMSG, "bond %s: the kernel's answer is no link", r->name);
	info = nlmsg_find_attr(h, sizeof(struct ifinfomsg), IFLA_LINKINFO);
	kind = inside(info, IFLA_INFO_KIND);
	if (!kind || nla_strcmp(kind, "bond") != 0)
		return err_set(e, EINVAL, "interface %s is no bond", r->name);
	read_options(inside(info, IFLA_INFO_DATA), r->ret);
	return 0;
}

int bond_read(struct netlink *nl, int index, const char *name, struct bond_state *ret, struct err *e)
{
	const struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct reading r = { name, ret };
	struct nl_msg *m = nlmsg_alloc_simple(RTM_GETLINK, 0);

	*ret = (struct bond_state){ .mode = -1 };
	if (!m || nlmsg_append(m, (void *)&ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		return err_nomem(e);
	}
	return netlink_ask(nl, m, read_link, NULL, &r, e, "get bond %s", name);
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

		if (w->opt->late || (h && same(&s->have, h, w)))
			continue;
		if (h)
			bond_value_format(h, &have_text);
		bond_value_format(w, &want_text);
		differs(out, w->opt->key, h ? buf_cstr(&have_text) : "not set", buf_cstr(&want_text));
	}
}
