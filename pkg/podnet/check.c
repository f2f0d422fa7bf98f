/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - compares a list of changes with the kernel */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "podnet/devs.h"
#include "podnet/marks.h"

#define TABLES_MAX 8

/* What was asked of the kernel is kept: many changes concern one table. */
struct job {
	struct podnet *n;
	struct devs devs;
	struct {
		enum podnet_where where;
		uint8_t ver;
		uint32_t table;
		struct rt_routes routes;
	} table[TABLES_MAX];
	size_t n_tables;
	struct rt_rules rules[2][2]; /* where, version 4 and 6 */
	bool has_rules[2][2];
	struct buf drift;
};

static void drift(struct job *j, enum podnet_where w, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static void drift(struct job *j, enum podnet_where w, const char *fmt, ...)
{
	char text[RT_TEXT_MAX + 256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (strstr(buf_cstr(&j->drift), text)) /* many changes concern one interface */
		return;
	buf_fmt(&j->drift, "%s%s: %s", j->drift.len ? "; " : "", w == PODNET_POD ? "pod" : "node", text);
}

/* 1: there, 0: not (and told) */
static int dev(struct job *j, enum podnet_where w, const char *name, struct rt_link *ret, struct err *e)
{
	int r = devs_get(&j->devs, w, name, ret, e);

	if (r == 0)
		return 1;
	if (r != -ENODEV)
		return r;
	drift(j, w, "interface %s is missing", name);
	return 0;
}

static int check_veth(struct job *j, const struct podnet_change *c, struct err *e)
{
	char mac[LINK_MAC_TEXT];
	struct rt_link pod, node;
	int r = dev(j, PODNET_POD, c->dev, &pod, e);

	if (r == 1 && strcmp(link_mac_format(pod.mac, mac), c->mac) != 0)
		drift(j, PODNET_POD, "interface %s has MAC %s, want %s", c->dev, mac, c->mac);
	if (r >= 0)
		r = dev(j, PODNET_NODE, c->peer, &node, e);
	if (r == 1 && strcmp(link_mac_format(node.mac, mac), c->peer_mac) != 0)
		drift(j, PODNET_NODE, "interface %s has MAC %s, want %s", c->peer, mac, c->peer_mac);
	return r < 0 ? r : 0;
}

static int check_link(struct job *j, enum podnet_kind kind, enum podnet_where w,
		      const struct podnet_change *c, struct err *e)
{
	char mac[LINK_MAC_TEXT];
	struct rt_link l;
	int r = dev(j, w, c->dev, &l, e);

	if (r <= 0)
		return r;
	if (kind == PODNET_UP && !(l.flags & IFF_UP))
		drift(j, w, "interface %s is down", c->dev);
	if (kind == PODNET_MAC && strcmp(link_mac_format(l.mac, mac), c->mac) != 0)
		drift(j, w, "interface %s has MAC %s, want %s", c->dev, mac, c->mac);
	if (kind == PODNET_TXQLEN && l.txqlen != strtoul(c->value, NULL, 10))
		drift(j, w, "interface %s has txqueuelen %u, want %s", c->dev, l.txqlen, c->value);
	return 0;
}

static int check_address(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_addrs have = { 0 };
	struct rt_addr want;
	struct rt_link l;
	bool found = false;
	int r = podnet_change_address(c, &want, e);

	if (r == 0)
		r = dev(j, w, c->dev, &l, e);
	if (r <= 0)
		return r;
	r = rt_addrs(&podnet_space(j->n, w)->rt, want.p.ip.ver, l.index, &have, e);
	for (size_t i = 0; r == 0 && i < have.n; i++)
		found |= ip_prefix_equal(have.v[i].p, want.p);
	free(have.v);
	if (r == 0 && !found)
		drift(j, w, "address %s on %s is missing", c->dst, c->dev);
	return r;
}

static int routes_of(struct job *j, enum podnet_where w, uint8_t ver, uint32_t table, struct rt_routes **ret,
		     struct err *e)
{
	size_t i;
	int r;

	for (i = 0; i < j->n_tables; i++)
		if (j->table[i].where == w && j->table[i].ver == ver && j->table[i].table == table)
			break;
	if (i == TABLES_MAX) { /* more tables than any plan has: the last one is asked for each time */
		free(j->table[--i].routes.v);
		j->n_tables--;
	}
	*ret = &j->table[i].routes;
	if (i < j->n_tables)
		return 0;
	r = rt_routes(&podnet_space(j->n, w)->rt, ver, table, *ret, e);
	if (r < 0)
		return r;
	j->table[i].where = w;
	j->table[i].ver = ver;
	j->table[i].table = table;
	j->n_tables++;
	return 0;
}

static int check_route(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_routes *have;
	struct rt_route want;
	char text[RT_TEXT_MAX];
	bool found = false;
	struct rt_link l;
	int r = podnet_change_route(c, &want, e);

	if (r == 0)
		r = dev(j, w, c->dev, &l, e);
	if (r <= 0)
		return r;
	want.oif = l.index;
	r = routes_of(j, w, want.dst.ip.ver, want.table, &have, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < have->n; i++)
		found |= rt_route_matches(&have->v[i], &want);
	if (found == c->gone)
		drift(j, w, "route %s is %s", rt_route_text(&want, c->dev, text),
		      found ? "back, it belongs into a table of its own" : "missing");
	return 0;
}

static int check_rule(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_rule want;
	struct rt_rules *have;
	char text[RT_TEXT_MAX];
	int r = podnet_change_rule(c, &want, e), six = want.ver == 6;

	if (r < 0)
		return r;
	have = &j->rules[w][six];
	if (!j->has_rules[w][six])
		r = rt_rules(&podnet_space(j->n, w)->rt, want.ver, have, e);
	if (r < 0)
		return r;
	j->has_rules[w][six] = true;
	for (size_t i = 0; i < have->n; i++)
		if (rt_rule_equal(&have->v[i], &want))
			return 0;
	drift(j, w, "rule %s is missing", rt_rule_text(&want, text));
	return 0;
}

static int check_neighbour(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	struct rt_neighs have = { 0 };
	struct rt_neigh want;
	char mac[LINK_MAC_TEXT] = "";
	struct rt_link l;
	int r = podnet_change_neighbour(c, &want, e);

	if (r == 0)
		r = dev(j, w, c->dev, &l, e);
	if (r <= 0)
		return r;
	r = rt_neighs(&podnet_space(j->n, w)->rt, want.ip.ver, l.index, &have, e);
	for (size_t i = 0; r == 0 && i < have.n; i++)
		if (ip_equal(have.v[i].ip, want.ip) && have.v[i].state == want.state)
			link_mac_format(have.v[i].mac, mac);
	free(have.v);
	if (r == 0 && !mac[0])
		drift(j, w, "permanent neighbour %s dev %s is missing", c->dst, c->dev);
	else if (r == 0 && strcmp(mac, c->mac) != 0)
		drift(j, w, "neighbour %s dev %s has MAC %s, want %s", c->dst, c->dev, mac, c->mac);
	return r;
}

static int check_setting(struct job *j, enum podnet_where w, const struct podnet_change *c, struct err *e)
{
	char value[SYSCTL_TEXT_MAX];
	int r = sysctl_get(podnet_space(j->n, w), c->path, value, e);

	if (r == -ENOENT) /* it went with its interface; one that is needed is told of anyway */
		return 0;
	if (r == 0 && strcmp(value, c->value) != 0)
		drift(j, w, "setting net/%s is %s, want %s", c->path, value, c->value);
	return r;
}

static int check_marks(struct job *j, const struct podnet_change *c, struct err *e)
{
	int r = podnet_marks_check(&j->n->pod.nf, c->value, c->dev, e);

	if (r != -ENOENT)
		return r;
	drift(j, PODNET_POD, "%s", e->msg);
	return 0;
}

static int check_one(struct job *j, const struct podnet_change *c, struct err *e)
{
	enum podnet_kind kind;
	enum podnet_where w;
	int r = podnet_change_kind(c, &kind, &w, e);

	if (r < 0)
		return r;
	switch (kind) {
	case PODNET_VETH:
		return check_veth(j, c, e);
	case PODNET_UP:
	case PODNET_MAC:
	case PODNET_TXQLEN:
		return check_link(j, kind, w, c, e);
	case PODNET_ADDRESS:
		return check_address(j, w, c, e);
	case PODNET_ROUTE:
		return check_route(j, w, c, e);
	case PODNET_RULE:
		return check_rule(j, w, c, e);
	case PODNET_NEIGHBOUR:
		return check_neighbour(j, w, c, e);
	case PODNET_SYSCTL:
		return check_setting(j, w, c, e);
	case PODNET_MARKS:
		return check_marks(j, c, e);
	case PODNET_KINDS:
		break;
	}
	return 0;
}

static void job_clear(struct job *j)
{
	for (size_t i = 0; i < j->n_tables; i++)
		free(j->table[i].routes.v);
	for (int w = 0; w < 2; w++)
		for (int six = 0; six < 2; six++)
			free(j->rules[w][six].v);
	buf_clear(&j->drift);
}

int podnet_check(struct podnet *n, const struct podnet_change *v, size_t count, struct err *e)
{
	CLEANUP(job_clear) struct job j = { .n = n, .devs.n = n, .drift = BUF_INIT(ERR_MSG_MAX) };
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_one(&j, &v[i], e);
	if (r < 0 || !j.drift.len)
		return r;
	return err_set(e, ESTALE, "%s", buf_cstr(&j.drift));
}
