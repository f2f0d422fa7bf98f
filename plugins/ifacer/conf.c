/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - the configuration of ifacer */
#include "conf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cni/env.h"
#include "podnet/record.h"

static int bad(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int bad(struct err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_code(e, ERR_CONFIG, EINVAL, "%s", text);
}

/* The kernel takes a percent sign in a new name for a pattern. */
static bool name_ok(const char *name)
{
	return cni_ifname_ok(name) && !strchr(name, '%');
}

static int add_ports(const struct ifacer_conf *c, struct ifacer_plan *p, struct err *e)
{
	if (c->interfaces.n > IFACER_INTERFACES_MAX)
		return bad(e, "interfaces: want at most %d, got %zu", IFACER_INTERFACES_MAX, c->interfaces.n);
	for (size_t i = 0; i < c->interfaces.n; i++) {
		const char *name = c->interfaces.v[i];

		if (!cni_ifname_ok(name))
			return bad(e, "interfaces[%zu]: \"%.64s\" is no name of an interface", i, name);
		for (size_t k = 0; k < i; k++)
			if (strcmp(name, c->interfaces.v[k]) == 0)
				return bad(e, "interfaces: %s is named twice", name);
		p->port[p->ports++] = name;
	}
	return 0;
}

static bool is_port(const struct ifacer_plan *p, const char *name)
{
	for (size_t i = 0; i < p->ports; i++)
		if (strcmp(name, p->port[i]) == 0)
			return true;
	return false;
}

static int check_bond_links(struct ifacer_plan *p, struct err *e)
{
	const struct bond_value *v;
	const char *key;

	for (size_t i = 0; (v = bond_options_link(&p->options, i, &key)); i++)
		if (!is_port(p, v->link))
			return bad(e, "bond.options: %s=%s: want one of the interfaces of the bond", key,
				   v->link);
	return 0;
}

static int plan_bond(const struct ifacer_bond *b, struct ifacer_plan *p, struct err *e)
{
	const char *name = b->name && b->name[0] ? b->name : IFACER_BOND_NAME;
	int r;

	if (!name_ok(name))
		return bad(e, "bond.name: \"%.64s\" cannot be the name of an interface", name);
	if (is_port(p, name))
		return bad(e, "bond.name: %s is one of the interfaces to be bonded", name);
	if (b->mode < 0 || b->mode >= BOND_MODES)
		return bad(e, "bond.mode: unknown bond mode: %lld, available mode: [0,6]",
			   (long long)b->mode);
	snprintf(p->bond, sizeof(p->bond), "%s", name);
	p->mode = (int)b->mode;
	r = bond_options_parse(b->options ? b->options : "", &p->options, e);
	return r < 0 ? r : check_bond_links(p, e);
}

static int plan_vlan(int64_t id, struct ifacer_plan *p, struct err *e)
{
	const char *parent = p->bond[0] ? p->bond : p->port[0];
	char name[64];
	int len = snprintf(name, sizeof(name), "%s.%d", parent, (int)id);

	if (len >= IFNAMSIZ || !name_ok(name))
		return bad(e,
			   "vlanID: the VLAN %d on %s would be named %s; want a name of at most %d "
			   "characters, without percent sign",
			   (int)id, parent, name, IFNAMSIZ - 1);
	snprintf(p->vlan, sizeof(p->vlan), "%.15s", name);
	p->vlan_id = (uint16_t)id;
	return 0;
}

static int make_plan(const struct ifacer_conf *c, struct ifacer_plan *p, struct err *e)
{
	int r = 0;

	if (c->interfaces.n == 0)
		return bad(e, "interfaces have at least one interface, none is given");
	if (c->interfaces.n == 1 ? c->vlan_id == 0 : !c->bond)
		return 0;
	r = add_ports(c, p, e);
	if (r == 0 && c->interfaces.n > 1)
		r = plan_bond(c->bond, p, e);
	if (r == 0 && c->vlan_id)
		r = plan_vlan(c->vlan_id, p, e);
	return r;
}

int ifacer_conf_read(struct json_object *tree, struct ifacer_conf *ret, struct ifacer_plan *ret_plan,
		     struct err *e)
{
	int r = json_decode(&ifacer_conf_table, tree, "config", ret, e);

	*ret_plan = (struct ifacer_plan){ .ports = 0 };
	if (r < 0)
		return r;
	r = make_plan(ret, ret_plan, e);
	if (r < 0)
		ifacer_conf_clear(ret);
	return r;
}

void ifacer_conf_clear(struct ifacer_conf *c)
{
	json_clear(&ifacer_conf_table, c);
}

const char *ifacer_conf_state_dir(struct json_object *tree)
{
	const char *dir = json_get_str(tree, "stateDir");

	return dir && dir[0] ? dir : PODNET_STATE_DIR;
}
