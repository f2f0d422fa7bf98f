/* SPDX-License-Identifier: Apache-2.0 */
/* multus_generate.c - the NetworkAttachmentDefinition of a SpiderMultusConfig
 *
 * Keys come in the order, and zeroes with them, that users have in their clusters: an object that says the
 * same must be the same text, or every definition would be written anew with an upgrade.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/check.h"
#include "api/multus_impl.h"
#include "base/own.h"

#define CNI_VERSION     "0.3.1"
#define HOST_RULE_TABLE 500 /* what everybody has, unless they say otherwise */
#define CONFIG_MAX      ((size_t)2 << 20)
#define OVS_RESOURCE    "ovs-cni.network.kubevirt.io/"
#define DEVICE_NAME_MAX 512

/* ---- writing: the first failure sticks ---- */

struct put {
	struct json_object *o;
	struct err *e;
	int r;
};

static void put_value(struct put *p, const char *key, struct json_object *v)
{
	if (p->r == 0)
		p->r = json_set(p->o, key, v, p->e);
	else
		json_object_put(v);
}

static void put_text(struct put *p, const char *key, const char *s) /* also "" */
{
	put_value(p, key, json_object_new_string(s));
}

static void put_some(struct put *p, const char *key, const char *s) /* not "" */
{
	if (s && *s)
		put_text(p, key, s);
}

static void put_bool(struct put *p, const char *key, bool b)
{
	put_value(p, key, json_object_new_boolean(b));
}

static void put_int(struct put *p, const char *key, const struct json_int *v)
{
	if (v->set)
		put_value(p, key, json_object_new_int64(v->v));
}

static void put_list(struct put *p, const char *key, const struct json_strv *l)
{
	struct json_object *a = json_object_new_array();

	if (p->r == 0 && !a)
		p->r = err_nomem(p->e);
	for (size_t i = 0; i < l->n && p->r == 0; i++)
		p->r = json_append(a, json_object_new_string(l->v[i]), p->e);
	put_value(p, key, a);
}

static void put_some_list(struct put *p, const char *key, const struct json_strv *l)
{
	if (l->n)
		put_list(p, key, l);
}

/* An object of its own to go on with; p->o stays where it is. */
static struct put put_object(struct put *p, const char *key)
{
	struct put in = { .o = json_object_new_object(), .e = p->e, .r = p->r };

	if (in.r == 0 && !in.o)
		in.r = err_nomem(p->e);
	p->r = in.r;
	put_value(p, key, in.o);
	in.r = p->r;
	return in;
}

/* The next plugin of the list. */
static struct put put_plugin(struct put *list)
{
	struct put in = { .o = json_object_new_object(), .e = list->e };

	if (list->r == 0)
		list->r = json_append(list->o, in.o, list->e);
	else
		json_object_put(in.o);
	in.r = list->r;
	return in;
}

static void put_done(struct put *list, const struct put *in)
{
	if (list->r == 0)
		list->r = in->r;
}

/* ---- plugins ---- */

static void put_ipam(struct put *p, const struct api_multus_spec *s)
{
	const struct api_multus_pools *pools = multus_pools(s);
	struct put in;

	if (s->disable_ipam.v)
		return;
	in = put_object(p, "ipam");
	put_text(&in, "type", "spiderpool");
	if (pools) {
		put_some_list(&in, "default_ipv4_ippool", &pools->ipv4);
		put_some_list(&in, "default_ipv6_ippool", &pools->ipv6);
		if (pools->match_master_subnet.v)
			put_bool(&in, "match_master_subnet", true);
	}
	put_done(p, &in);
}

static void add_ifacer(struct put *list, const struct api_multus_link *l, bool with_vlan)
{
	struct put p = put_plugin(list), bond;

	if (with_vlan && l->vlan_id.v)
		put_int(&p, "vlanID", &l->vlan_id);
	put_text(&p, "type", "ifacer");
	put_list(&p, "interfaces", &l->master);
	if (l->bond) {
		bond = put_object(&p, "bond");
		put_text(&bond, "name", l->bond->name ? l->bond->name : "");
		put_int(&bond, "mode", &l->bond->mode);
		put_text(&bond, "options", l->bond->options ? l->bond->options : "");
		put_done(&p, &bond);
	}
	put_done(list, &p);
}

/* The interface below the Pod's: the bond when there are several, and its VLAN when ifacer makes one. */
static void put_master(struct put *p, const struct api_multus_link *l, bool with_vlan)
{
	const char *base = l->master.n > 1 ? l->bond->name : l->master.v[0];
	CLEANUP(buf_clear) struct buf b = BUF_INIT(CONFIG_MAX);

	buf_str(&b, base);
	if (with_vlan && l->vlan_id.v)
		buf_fmt(&b, ".%lld", (long long)l->vlan_id.v);
	if (b.err && p->r == 0)
		p->r = err_nomem(p->e);
	put_text(p, "master", buf_cstr(&b));
}

static void add_link(struct put *list, const struct api_multus_spec *s, enum multus_type t)
{
	const struct api_multus_link *l = multus_link(s);
	bool by_ifacer = t != MULTUS_VLAN; /* who makes the VLAN */
	struct put p;

	if (l->master.n > 1 || (by_ifacer && l->vlan_id.v))
		add_ifacer(list, l, by_ifacer);
	p = put_plugin(list);
	put_text(&p, "type", multus_types[t].name);
	put_master(&p, l, by_ifacer);
	if (t == MULTUS_MACVLAN)
		put_text(&p, "mode", "bridge");
	if (t == MULTUS_VLAN) {
		put_some(&p, "vlanMode", l->vlan_mode);
		put_int(&p, "vlanId", &l->vlan_id);
	}
	put_int(&p, "mtu", &l->mtu);
	put_ipam(&p, s);
	put_done(list, &p);
}

static void add_sriov(struct put *list, const struct api_multus_spec *s)
{
	const struct api_multus_sriov *v = s->sriov;
	struct put p = put_plugin(list);

	put_int(&p, "vlan", &v->vlan_id);
	put_int(&p, "min_tx_rate", &v->min_tx_rate);
	put_int(&p, "max_tx_rate", &v->max_tx_rate);
	put_text(&p, "type", "sriov");
	put_ipam(&p, s);
	put_done(list, &p);
	if (!v->rdma_isolation.v)
		return;
	p = put_plugin(list);
	put_text(&p, "type", "rdma");
	put_done(list, &p);
}

static void add_ibsriov(struct put *list, const struct api_multus_spec *s)
{
	const struct api_multus_ibsriov *b = s->ibsriov;
	struct put p = put_plugin(list);

	put_text(&p, "type", "ib-sriov");
	put_text(&p, "pkey", b->pkey ? b->pkey : "");
	put_some(&p, "link_state", b->link_state);
	if (b->rdma_isolation.set)
		put_bool(&p, "rdmaIsolation", b->rdma_isolation.v);
	if (b->ib_kubernetes.set)
		put_bool(&p, "ibKubernetesEnabled", b->ib_kubernetes.v);
	put_ipam(&p, s);
	put_done(list, &p);
}

static void add_ipoib(struct put *list, const struct api_multus_spec *s)
{
	struct put p = put_plugin(list);

	put_text(&p, "type", "ipoib");
	put_text(&p, "master", s->ipoib->master);
	put_ipam(&p, s);
	put_done(list, &p);
}

static void add_ovs(struct put *list, const struct api_multus_spec *s)
{
	struct put p = put_plugin(list), trunk = { .e = list->e }, item;

	put_int(&p, "vlan", &s->ovs->vlan);
	put_text(&p, "type", "ovs");
	put_text(&p, "bridge", s->ovs->bridge);
	put_some(&p, "deviceID", s->ovs->device_id);
	put_ipam(&p, s);
	if (s->ovs->trunk.n) {
		trunk.o = json_object_new_array();
		trunk.r = trunk.o ? p.r : err_nomem(list->e);
		for (size_t i = 0; i < s->ovs->trunk.n; i++) {
			const struct api_multus_trunk *t = &s->ovs->trunk.v[i];

			item = put_plugin(&trunk);
			put_int(&item, "minID", &t->min_id);
			put_int(&item, "maxID", &t->max_id);
			put_int(&item, "id", &t->id);
			put_done(&trunk, &item);
		}
		put_done(&p, &trunk);
		put_value(&p, "trunk", trunk.o);
	}
	put_done(list, &p);
}

static void put_routes(struct put *p, const struct api_coordinator_spec *c)
{
	struct put list = { .o = json_object_new_array(), .e = p->e }, item;

	list.r = list.o ? p->r : err_nomem(p->e);
	for (size_t i = 0; i < c->policy_routes.n; i++) {
		item = put_plugin(&list);
		put_text(&item, "dst", c->policy_routes.v[i].dst);
		put_text(&item, "gw", c->policy_routes.v[i].gw);
		put_done(&list, &item);
	}
	put_done(p, &list);
	put_value(p, "policyRoutes", list.o);
}

/* Zeroes that are only defaults say nothing here: what SpiderCoordinator says would never count. */
static void put_coordinator(struct put *p, const struct api_coordinator_spec *c)
{
	if (c->tx_queue_len.v)
		put_int(p, "txQueueLen", &c->tx_queue_len);
	put_some(p, "vethLinkAddress", c->veth_link_address);
	put_int(p, "vethMTU", &c->veth_mtu);
	if (c->tune_pod_routes.set)
		put_bool(p, "tunePodRoutes", c->tune_pod_routes.v);
	put_some(p, "podMACPrefix", c->pod_mac_prefix);
	put_some(p, "mode", c->mode);
	put_text(p, "type", "coordinator");
	put_some(p, "podDefaultRouteNic", c->pod_default_route_nic);
	if (c->pod_rp_filter.v || c->pod_cidr_type)
		put_int(p, "podRPFilter", &c->pod_rp_filter);
	put_some_list(p, "hijackCIDR", &c->hijack_cidr);
	if (c->policy_routes.n)
		put_routes(p, c);
	if (c->host_rule_table.v > 0 && c->host_rule_table.v != HOST_RULE_TABLE)
		put_int(p, "hostRuleTable", &c->host_rule_table);
}

static void add_coordinator(struct put *list, const struct api_multus_spec *s)
{
	struct put p;

	if (!s->enable_coordinator.v)
		return;
	p = put_plugin(list);
	if (s->coordinator)
		put_coordinator(&p, s->coordinator);
	else
		put_text(&p, "type", "coordinator");
	put_done(list, &p);
}

static void add_tuning(struct put *list, const struct api_multus_sriov *v)
{
	struct put p = put_plugin(list);

	put_text(&p, "type", "tuning");
	put_int(&p, "mtu", &v->mtu);
	put_done(list, &p);
}

static void add_chain(struct put *list, const struct json_strv *texts)
{
	for (size_t i = 0; i < texts->n && list->r == 0; i++) {
		struct json_object *o = NULL;

		list->r = multus_parse_plugin(texts->v[i], &o, list->e);
		if (list->r == 0)
			list->r = json_append(list->o, o, list->e);
	}
}

static int make_plugins(const struct api_multus_spec *s, struct json_object *array, struct err *e)
{
	enum multus_type t = multus_type_of(s);
	struct put list = { .o = array, .e = e };

	switch (t) {
	case MULTUS_SRIOV:
		add_sriov(&list, s);
		break;
	case MULTUS_OVS:
		add_ovs(&list, s);
		break;
	case MULTUS_IBSRIOV:
		add_ibsriov(&list, s);
		break;
	case MULTUS_IPOIB:
		add_ipoib(&list, s);
		break;
	default:
		add_link(&list, s, t);
		break;
	}
	add_chain(&list, &s->chain);
	add_coordinator(&list, s);
	if (t == MULTUS_SRIOV && s->sriov->mtu.v > 0) /* last: it changes what the others have made */
		add_tuning(&list, s->sriov);
	return list.r;
}

/* ---- the whole ---- */

static int make_config(const struct api_multus *m, struct buf *out, struct err *e)
{
	const struct json_map *a = &m->obj.meta.annotations;
	const char *version = json_map_get(a, API_MULTUS_CNI_VERSION),
		   *name = json_map_get(a, API_MULTUS_CONFIG_NAME);
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	struct json_object *plugins = json_object_new_array();
	struct put p = { .o = o, .e = e };

	if (!o || !plugins) {
		json_object_put(plugins);
		return err_nomem(e);
	}
	put_text(&p, "cniVersion", version ? version : CNI_VERSION);
	put_text(&p, "name", name ? name : api_multus_nad_name(m));
	put_value(&p, "plugins", plugins);
	if (p.r == 0)
		p.r = make_plugins(&m->spec, plugins, e);
	return p.r < 0 ? p.r : json_print(o, false, out, e);
}

/* What Multus asks the device plugin for; "" for none. */
static const char *resource_name(const struct api_multus_spec *s, char out[DEVICE_NAME_MAX])
{
	switch (multus_type_of(s)) {
	case MULTUS_SRIOV:
		return s->sriov->resource;
	case MULTUS_IBSRIOV:
		return s->ibsriov->resource;
	case MULTUS_OVS:
		if (s->ovs->device_id && *s->ovs->device_id)
			snprintf(out, DEVICE_NAME_MAX, OVS_RESOURCE "%s", s->ovs->bridge);
		return out;
	default:
		return out;
	}
}

static int generate(const struct api_multus *m, struct api_multus_nad *ret, struct err *e)
{
	const char *custom = m->spec.custom ? m->spec.custom : "", *resource;
	char text[DEVICE_NAME_MAX] = "";
	int r;

	ret->name = api_multus_nad_name(m);
	r = json_map_copy(&m->obj.meta.annotations, &ret->annotations, e);
	resource = resource_name(&m->spec, text);
	if (r == 0 && *resource)
		r = json_map_set(&ret->annotations, API_MULTUS_RESOURCE_NAME, resource, e);
	if (r < 0)
		return r;
	if (multus_type_of(&m->spec) != MULTUS_CUSTOM) {
		ret->has_config = true;
		return make_config(m, &ret->config, e);
	}
	ret->has_config = *custom != '\0';
	buf_str(&ret->config, custom);
	return ret->config.err ? err_nomem(e) : 0;
}

int api_multus_generate(const struct api_multus *m, struct api_multus_nad *ret, struct err *e)
{
	int r;

	*ret = (struct api_multus_nad){ .config = BUF_INIT(CONFIG_MAX) };
	r = multus_check(m, e);
	if (r < 0)
		return r;
	r = generate(m, ret, e);
	if (r < 0)
		api_multus_nad_clear(ret);
	return r;
}

void api_multus_nad_clear(struct api_multus_nad *n)
{
	json_map_clear(&n->annotations);
	buf_clear(&n->config);
	*n = (struct api_multus_nad){ .name = NULL };
}
