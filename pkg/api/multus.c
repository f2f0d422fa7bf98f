/* SPDX-License-Identifier: Apache-2.0 */
/* multus.c - SpiderMultusConfig: its parts, defaults, names, and what a Pod needs to get it */
#include "api/multus.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "api/multus_impl.h"
#include "base/own.h"

/* ---- parts ---- */

const struct multus_type_info multus_types[MULTUS_TYPES] = {
	[MULTUS_MACVLAN] = { "macvlan", "macvlan" },
	[MULTUS_IPVLAN] = { "ipvlan", "ipvlan" },
	[MULTUS_VLAN] = { "vlan", "vlan" },
	[MULTUS_SRIOV] = { "sriov", "sriov" },
	[MULTUS_OVS] = { "ovs", "ovs" },
	[MULTUS_IBSRIOV] = { "ib-sriov", "ibsriov" },
	[MULTUS_IPOIB] = { "ipoib", "ipoib" },
	[MULTUS_CUSTOM] = { "custom", "customCNI" },
};

enum multus_type multus_type_of(const struct api_multus_spec *s)
{
	enum multus_type t = 0;

	if (!s->cni_type || !*s->cni_type)
		return MULTUS_CUSTOM;
	while (t < MULTUS_TYPES && strcmp(multus_types[t].name, s->cni_type) != 0)
		t++;
	return t;
}

const void *multus_part(const struct api_multus_spec *s, enum multus_type t)
{
	switch (t) {
	case MULTUS_MACVLAN:
		return s->macvlan;
	case MULTUS_IPVLAN:
		return s->ipvlan;
	case MULTUS_VLAN:
		return s->vlan;
	case MULTUS_SRIOV:
		return s->sriov;
	case MULTUS_OVS:
		return s->ovs;
	case MULTUS_IBSRIOV:
		return s->ibsriov;
	case MULTUS_IPOIB:
		return s->ipoib;
	default:
		return NULL;
	}
}

const struct api_multus_link *multus_link(const struct api_multus_spec *s)
{
	enum multus_type t = multus_type_of(s);

	return t <= MULTUS_VLAN ? multus_part(s, t) : NULL;
}

/* Where the pools of each type are; NULL for custom and for a part that is not there. */
static struct api_multus_pools *const *pools_of(const struct api_multus_spec *s)
{
	enum multus_type t = multus_type_of(s);

	if (!multus_part(s, t))
		return NULL;
	switch (t) {
	case MULTUS_SRIOV:
		return &s->sriov->pools;
	case MULTUS_OVS:
		return &s->ovs->pools;
	case MULTUS_IBSRIOV:
		return &s->ibsriov->pools;
	case MULTUS_IPOIB:
		return &s->ipoib->pools;
	default:
		return &multus_link(s)->pools;
	}
}

const struct api_multus_pools *multus_pools(const struct api_multus_spec *s)
{
	struct api_multus_pools *const *p = pools_of(s);

	return p ? *p : NULL;
}

/* ---- defaults ----
 *
 * Texts stay absent: kube-apiserver 1.20 of Debian takes an empty text in a custom resource for null, and
 * refuses it.
 */

static void default_int(struct json_int *v, int64_t n)
{
	if (!v->set)
		*v = (struct json_int){ .set = true, .v = n };
}

static void default_bool(struct json_bool *v, bool b)
{
	if (!v->set)
		*v = (struct json_bool){ .set = true, .v = b };
}

static int default_text(char **s, const char *text, struct err *e)
{
	if (*s && **s)
		return 0;
	free(*s);
	*s = strdup(text);
	return *s ? 0 : err_nomem(e);
}

static int default_link(struct api_multus_link *l, bool is_vlan, struct err *e)
{
	int r = 0;

	default_int(&l->mtu, 0);
	if (is_vlan)
		r = default_text(&l->vlan_mode, "manual", e);
	if (r == 0 && (!is_vlan || strcmp(l->vlan_mode, "manual") == 0))
		default_int(&l->vlan_id, 0);
	if (l->bond)
		default_int(&l->bond->mode, 0);
	return r;
}

static int default_part(struct api_multus_spec *s, struct err *e)
{
	enum multus_type t = multus_type_of(s);

	if (!multus_part(s, t))
		return 0;
	switch (t) {
	case MULTUS_MACVLAN:
	case MULTUS_IPVLAN:
	case MULTUS_VLAN:
		return default_link(t == MULTUS_MACVLAN  ? s->macvlan
				    : t == MULTUS_IPVLAN ? s->ipvlan
							 : s->vlan,
				    t == MULTUS_VLAN, e);
	case MULTUS_SRIOV:
		default_int(&s->sriov->vlan_id, 0);
		default_int(&s->sriov->mtu, 0);
		default_int(&s->sriov->min_tx_rate, 0);
		default_int(&s->sriov->max_tx_rate, 0);
		default_bool(&s->sriov->rdma_isolation, false);
		return 0;
	case MULTUS_OVS:
		default_int(&s->ovs->vlan, 0);
		return 0;
	case MULTUS_IBSRIOV:
		default_bool(&s->ibsriov->rdma_isolation, true);
		default_bool(&s->ibsriov->ib_kubernetes, false);
		return default_text(&s->ibsriov->link_state, "enable", e);
	default:
		return 0;
	}
}

static int default_coordinator(struct api_multus_spec *s, struct err *e)
{
	struct api_coordinator_spec *c;
	int r;

	if (!s->coordinator && s->enable_coordinator.v) {
		s->coordinator = calloc(1, sizeof(*s->coordinator));
		if (!s->coordinator)
			return err_nomem(e);
	}
	c = s->coordinator;
	if (!c)
		return 0;
	r = default_text(&c->mode, "auto", e);
	if (r < 0)
		return r;
	default_bool(&c->tune_pod_routes, true);
	default_int(&c->pod_rp_filter, 0);
	default_int(&c->tx_queue_len, 0);
	c->hijack_cidr.set = true;
	c->policy_routes.set = true;
	return api_coordinator_normalize(c, e);
}

/* The Pod webhook finds networks by label. */
static int copy_to_label(struct api_meta *m, const char *key, struct err *e)
{
	const char *value = json_map_get(&m->annotations, key);

	return value ? json_map_set(&m->labels, key, value, e) : 0;
}

int api_multus_default(struct api_multus *m, struct err *e)
{
	struct api_multus_spec *s = &m->spec;
	int r;

	if (m->obj.meta.deletion_timestamp)
		return 0;
	r = default_text(&s->cni_type, multus_types[MULTUS_CUSTOM].name, e);
	if (r == 0)
		r = copy_to_label(&m->obj.meta, API_MULTUS_INJECT_RDMA, e);
	if (r == 0)
		r = copy_to_label(&m->obj.meta, API_MULTUS_INJECT_NETWORK, e);
	if (r == 0)
		r = default_part(s, e);
	if (r < 0)
		return r;
	if (multus_type_of(s) == MULTUS_CUSTOM && s->coordinator) {
		json_clear(&api_coordinator_spec_table, s->coordinator);
		free(TAKE_PTR(s->coordinator));
	}
	if (multus_type_of(s) == MULTUS_CUSTOM)
		s->enable_coordinator = (struct json_bool){ true, false };
	if (multus_pools(s))
		default_bool(&(*pools_of(s))->match_master_subnet, false);
	default_bool(&s->enable_coordinator, true);
	default_bool(&s->disable_ipam, false);
	s->chain.set = true;
	return default_coordinator(s, e);
}

/* ---- names ---- */

const char *api_multus_nad_name(const struct api_multus *m)
{
	const char *name = json_map_get(&m->obj.meta.annotations, API_MULTUS_CR_NAME);

	return name ? name : api_name_of(&m->obj);
}

const char *api_multus_nad_owner(struct json_object *nad)
{
	struct json_object *refs = json_get(json_get(nad, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_len(refs); i++) {
		struct json_object *ref = json_at(refs, i);
		const char *kind = json_get_str(ref, "kind"), *v = json_get_str(ref, "apiVersion");

		if (kind && strcmp(kind, API_MULTUS_KIND) == 0 && v &&
		    strncmp(v, API_GROUP "/", strlen(API_GROUP "/")) == 0)
			return json_get_str(ref, "name");
	}
	return NULL;
}

/* ---- what a Pod needs ---- */

void api_multus_needs(const struct api_multus *m, struct api_multus_needs *ret)
{
	const struct api_multus_spec *s = &m->spec;
	const struct api_multus_pools *pools = multus_pools(s);
	const struct api_multus_link *l = multus_link(s);

	*ret = (struct api_multus_needs){ .order = "" };
	ret->pools = pools && (pools->ipv4.n || pools->ipv6.n);
	if (l) {
		ret->resource = l->rdma_resource;
		ret->master = (const char *const *)l->master.v;
		ret->n_masters = l->master.n;
		ret->order = l->master.n ? l->master.v[0] : "";
		if (l->master.n > 1 && l->bond && l->bond->name)
			ret->order = l->bond->name;
	} else if (multus_type_of(s) == MULTUS_SRIOV && s->sriov) {
		ret->resource = ret->order = s->sriov->resource;
	} else if (multus_type_of(s) == MULTUS_IBSRIOV && s->ibsriov) {
		ret->resource = ret->order = s->ibsriov->resource;
	} else if (multus_type_of(s) == MULTUS_IPOIB && s->ipoib && s->ipoib->master) {
		ret->order = s->ipoib->master;
		ret->master = (const char *const *)&s->ipoib->master;
		ret->n_masters = 1;
	}
	if (ret->resource && !*ret->resource)
		ret->resource = NULL;
	if (!ret->order)
		ret->order = "";
}

int api_multus_check_inject(const struct api_multus *m, const char *key, struct err *e)
{
	bool rdma = strcmp(key, API_MULTUS_INJECT_RDMA) == 0;
	enum multus_type t = multus_type_of(&m->spec);
	struct api_multus_needs n;

	api_multus_needs(m, &n);
	if (t == MULTUS_OVS || t >= MULTUS_CUSTOM || (rdma && t == MULTUS_IPOIB))
		return check_failed(
			e,
			"metadata.annotations: %s: not for cniType %s: want macvlan, ipvlan, vlan, "
			"sriov%s ib-sriov%s",
			key, m->spec.cni_type ? m->spec.cni_type : "custom", rdma ? " or" : ",",
			rdma ? "" : " or ipoib");
	if (rdma && !n.resource)
		return check_failed(
			e, "metadata.annotations: %s: want a resource of a device plugin in spec.%s.%s", key,
			multus_types[t].field,
			t == MULTUS_SRIOV || t == MULTUS_IBSRIOV ? "resourceName" : "rdmaResourceName");
	if (n.resource && !n.pools)
		return check_failed(
			e,
			"metadata.annotations: %s: want at least one pool in spec.%s.ippools, since the Pods "
			"that get the network name none",
			key, multus_types[t].field);
	return 0;
}

bool api_multus_is_provider_vlan(const struct api_multus *m)
{
	const struct api_multus_link *l = multus_link(&m->spec);

	return l && multus_type_of(&m->spec) == MULTUS_VLAN && l->vlan_mode &&
	       strcmp(l->vlan_mode, "auto") == 0;
}
