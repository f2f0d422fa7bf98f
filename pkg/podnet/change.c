/* SPDX-License-Identifier: Apache-2.0 */
/* change.c - changes as data: made, read back, compared */
#include "podnet/change.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cni/args.h"

static const char *const kinds[] = {
	[PODNET_VETH] = "veth",       [PODNET_UP] = "up",
	[PODNET_MAC] = "mac",         [PODNET_TXQLEN] = "txqlen",
	[PODNET_ADDRESS] = "address", [PODNET_ROUTE] = "route",
	[PODNET_RULE] = "rule",       [PODNET_NEIGHBOUR] = "neighbour",
	[PODNET_SYSCTL] = "sysctl",   [PODNET_MARKS] = "marks",
	[PODNET_KINDS] = NULL,
};
static const char *const wheres[] = { [PODNET_POD] = "pod", [PODNET_NODE] = "node", NULL };

static const struct json_field fields[] = {
	JF(struct podnet_change, kind, "kind", .flags = JSON_REQUIRED, .one_of = kinds),
	JF(struct podnet_change, where, "where", .flags = JSON_REQUIRED, .one_of = wheres),
	JF(struct podnet_change, gone, "gone"),
	JF(struct podnet_change, dev, "dev"),
	JF(struct podnet_change, peer, "peer"),
	JF(struct podnet_change, mac, "mac"),
	JF(struct podnet_change, peer_mac, "peer_mac"),
	JF(struct podnet_change, dst, "dst"),
	JF(struct podnet_change, via, "via"),
	JF(struct podnet_change, src, "src"),
	JF(struct podnet_change, from, "from"),
	JF(struct podnet_change, path, "path"),
	JF(struct podnet_change, value, "value"),
	JF(struct podnet_change, was, "was"),
	JF(struct podnet_change, table, "table"),
	JF(struct podnet_change, scope, "scope"),
	JF(struct podnet_change, priority, "priority"),
	JF(struct podnet_change, mark, "mark"),
	JF(struct podnet_change, mtu, "mtu"),
};
const struct json_table podnet_change_table = JSON_TABLE(struct podnet_change, "change", fields);

/* ---- making ---- */

static struct podnet_change *add(struct podnet_changes *l, enum podnet_kind kind, enum podnet_where where)
{
	struct podnet_change *v;

	if (l->err)
		return NULL;
	if (l->n >= PODNET_CHANGES_MAX) {
		l->err = -E2BIG;
		return NULL;
	}
	v = reallocarray(l->v, l->n + 1, sizeof(*v));
	if (!v) {
		l->err = -ENOMEM;
		return NULL;
	}
	l->v = v;
	l->set = true;
	v += l->n++;
	*v = (struct podnet_change){ .kind = strdup(kinds[kind]), .where = strdup(wheres[where]) };
	if (!v->kind || !v->where)
		l->err = -ENOMEM;
	return v;
}

static void text(struct podnet_changes *l, char **member, const char *value)
{
	*member = strdup(value);
	if (!*member)
		l->err = -ENOMEM;
}

static void number(struct podnet_changes *l, char **member, uint32_t value)
{
	char s[16];

	snprintf(s, sizeof(s), "%u", value);
	text(l, member, s);
}

static void mac_text(struct podnet_changes *l, char **member, const uint8_t mac[LINK_MAC_LEN])
{
	char s[LINK_MAC_TEXT];

	text(l, member, link_mac_format(mac, s));
}

static void ip_text(struct podnet_changes *l, char **member, struct ip ip)
{
	char s[IP_TEXT_MAX];

	if (ip.ver)
		text(l, member, ip_format(ip, s));
}

static void prefix_text(struct podnet_changes *l, char **member, struct ip_prefix p)
{
	char s[IP_TEXT_MAX];

	if (p.ip.ver)
		text(l, member, ip_prefix_format(p, s));
}

void podnet_add_veth(struct podnet_changes *l, const struct podnet_pair *p)
{
	struct podnet_change *c = add(l, PODNET_VETH, PODNET_POD);

	if (!c)
		return;
	text(l, &c->dev, p->dev);
	text(l, &c->peer, p->peer);
	text(l, &c->value, p->alias);
	mac_text(l, &c->mac, p->mac);
	mac_text(l, &c->peer_mac, p->peer_mac);
	c->mtu = p->mtu;
}

void podnet_add_up(struct podnet_changes *l, enum podnet_where w, const char *dev)
{
	struct podnet_change *c = add(l, PODNET_UP, w);

	if (c)
		text(l, &c->dev, dev);
}

void podnet_add_mac(struct podnet_changes *l, const char *dev, const uint8_t mac[LINK_MAC_LEN],
		    const uint8_t was[LINK_MAC_LEN])
{
	struct podnet_change *c = add(l, PODNET_MAC, PODNET_POD);

	if (!c)
		return;
	text(l, &c->dev, dev);
	mac_text(l, &c->mac, mac);
	mac_text(l, &c->was, was);
}

void podnet_add_txqlen(struct podnet_changes *l, const char *dev, uint32_t value, uint32_t was)
{
	struct podnet_change *c = add(l, PODNET_TXQLEN, PODNET_POD);

	if (!c)
		return;
	text(l, &c->dev, dev);
	number(l, &c->value, value);
	number(l, &c->was, was);
}

void podnet_add_address(struct podnet_changes *l, const char *dev, struct ip_prefix p)
{
	struct podnet_change *c = add(l, PODNET_ADDRESS, PODNET_POD);

	if (!c)
		return;
	text(l, &c->dev, dev);
	prefix_text(l, &c->dst, p);
}

void podnet_add_route(struct podnet_changes *l, enum podnet_where w, const struct rt_route *r,
		      const char *dev, bool gone)
{
	struct podnet_change *c = add(l, PODNET_ROUTE, w);

	if (!c)
		return;
	c->gone = gone;
	text(l, &c->dev, dev);
	prefix_text(l, &c->dst, r->dst);
	ip_text(l, &c->via, r->via);
	ip_text(l, &c->src, r->src);
	c->table = r->table;
	c->scope = r->scope;
	c->mtu = r->mtu;
	c->priority = r->metric;
}

void podnet_add_rule(struct podnet_changes *l, enum podnet_where w, const struct rt_rule *r)
{
	struct podnet_change *c = add(l, PODNET_RULE, w);

	if (!c)
		return;
	prefix_text(l, &c->from, r->src);
	text(l, &c->value, r->ver == 4 ? "4" : "6");
	c->mark = r->mark;
	c->table = r->table;
	c->priority = r->priority;
}

void podnet_add_neighbour(struct podnet_changes *l, enum podnet_where w, const char *dev, struct ip ip,
			  const uint8_t mac[LINK_MAC_LEN])
{
	struct podnet_change *c = add(l, PODNET_NEIGHBOUR, w);

	if (!c)
		return;
	text(l, &c->dev, dev);
	ip_text(l, &c->dst, ip);
	mac_text(l, &c->mac, mac);
}

void podnet_add_sysctl(struct podnet_changes *l, enum podnet_where w, const char *path, const char *value,
		       const char *was)
{
	struct podnet_change *c = add(l, PODNET_SYSCTL, w);

	if (!c)
		return;
	text(l, &c->path, path);
	text(l, &c->value, value);
	if (was)
		text(l, &c->was, was);
}

void podnet_add_marks(struct podnet_changes *l, bool has4, bool has6, const char *dev)
{
	struct podnet_change *c = add(l, PODNET_MARKS, PODNET_POD);

	if (!c)
		return;
	text(l, &c->dev, dev);
	text(l, &c->value, has4 && has6 ? "46" : has6 ? "6" : "4");
}

void podnet_changes_clear(struct podnet_changes *l)
{
	for (size_t i = 0; i < l->n; i++)
		json_clear(&podnet_change_table, &l->v[i]);
	free(l->v);
	*l = (struct podnet_changes){ 0 };
}

/* ---- reading ---- */

static int bad(const struct podnet_change *c, const char *field, const char *value, struct err *e)
{
	return err_code(e, ERR_IO, EBADMSG, "a change of kind %s in the record: %s is \"%.64s\"", c->kind,
			field, value ? value : "missing");
}

static int find(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (word && strcmp(words[i], word) == 0)
			return i;
	return -EBADMSG;
}

int podnet_change_kind(const struct podnet_change *c, enum podnet_kind *kind, enum podnet_where *where,
		       struct err *e)
{
	int k = find(kinds, c->kind), w = find(wheres, c->where);

	if (k < 0 || w < 0)
		return err_code(e, ERR_IO, EBADMSG, "the record has a change of unknown kind \"%.32s\"",
				c->kind ? c->kind : "");
	*kind = (enum podnet_kind)k;
	*where = (enum podnet_where)w;
	if (k != PODNET_RULE && k != PODNET_SYSCTL && !c->dev)
		return bad(c, "dev", NULL, e);
	if ((k == PODNET_RULE || k == PODNET_MARKS) && (!c->value || !strchr("46", c->value[0])))
		return bad(c, "value", c->value, e);
	return 0;
}

static int read_ip(const struct podnet_change *c, const char *field, const char *value, struct ip *ret,
		   struct err *e)
{
	if (!value)
		return 0;
	return ip_parse(value, ret, e) < 0 ? bad(c, field, value, e) : 0;
}

int podnet_mac_parse(const char *s, uint8_t mac[LINK_MAC_LEN], struct err *e)
{
	char plain[CNI_MAC_TEXT_MAX];
	unsigned b[LINK_MAC_LEN];

	if (!s || !cni_mac_normalize(s, plain) ||
	    sscanf(plain, "%2x:%2x:%2x:%2x:%2x:%2x", &b[0], &b[1], &b[2], &b[3], &b[4], &b[5]) !=
		    LINK_MAC_LEN)
		return err_code(e, ERR_IO, EBADMSG, "\"%.32s\" is no MAC address", s ? s : "");
	for (int i = 0; i < LINK_MAC_LEN; i++)
		mac[i] = (uint8_t)b[i];
	return 0;
}

int podnet_change_route(const struct podnet_change *c, struct rt_route *ret, struct err *e)
{
	int r;

	*ret = (struct rt_route){
		.table = c->table, .scope = (uint8_t)c->scope, .mtu = c->mtu, .metric = c->priority
	};
	if (!c->dst || ip_prefix_parse(c->dst, &ret->dst, e) < 0)
		return bad(c, "dst", c->dst, e);
	r = read_ip(c, "via", c->via, &ret->via, e);
	return r < 0 ? r : read_ip(c, "src", c->src, &ret->src, e);
}

int podnet_change_rule(const struct podnet_change *c, struct rt_rule *ret, struct err *e)
{
	*ret = (struct rt_rule){
		.table = c->table, .priority = c->priority, .mark = c->mark, .mask = c->mark
	};
	if (!c->value)
		return bad(c, "value", NULL, e);
	ret->ver = c->value[0] == '6' ? 6 : 4;
	if (c->from && ip_prefix_parse(c->from, &ret->src, e) < 0)
		return bad(c, "from", c->from, e);
	return 0;
}

int podnet_change_neighbour(const struct podnet_change *c, struct rt_neigh *ret, struct err *e)
{
	*ret = (struct rt_neigh){ .state = NUD_PERMANENT };
	if (!c->dst || ip_parse(c->dst, &ret->ip, e) < 0)
		return bad(c, "dst", c->dst, e);
	return podnet_mac_parse(c->mac, ret->mac, e);
}

int podnet_change_address(const struct podnet_change *c, struct rt_addr *ret, struct err *e)
{
	*ret = (struct rt_addr){ 0 };
	if (!c->dst || ip_prefix_parse(c->dst, &ret->p, e) < 0)
		return bad(c, "dst", c->dst, e);
	return 0;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

bool podnet_change_same(const struct podnet_change *a, const struct podnet_change *b)
{
	return same_text(a->kind, b->kind) && same_text(a->where, b->where) && a->gone == b->gone &&
	       same_text(a->dev, b->dev) && same_text(a->peer, b->peer) && same_text(a->mac, b->mac) &&
	       same_text(a->dst, b->dst) && same_text(a->via, b->via) && same_text(a->src, b->src) &&
	       same_text(a->from, b->from) && same_text(a->path, b->path) && same_text(a->value, b->value) &&
	       a->table == b->table && a->scope == b->scope && a->priority == b->priority &&
	       a->mark == b->mark && a->mtu == b->mtu;
}
