/* SPDX-License-Identifier: Apache-2.0 */
/* multus_validate.c - the rules of SpiderMultusConfig, in the order in which they are told */
#include <errno.h>
#include <string.h>

#include "api/check.h"
#include "api/multus_impl.h"
#include "base/own.h"

#define VLAN_MAX 4094
#define BOND_MAX 6

/* ---- values ---- */

static int check_int(const struct json_int *v, int64_t min, int64_t max, const char *part, const char *field,
		     struct err *e)
{
	if (!v->set || (v->v >= min && v->v <= max))
		return 0;
	return check_failed(e, "spec.%s.%s: %lld: want %lld to %lld", part, field, (long long)v->v,
			    (long long)min, (long long)max);
}

static int check_vlan_id(const struct json_int *v, const char *part, const char *field, struct err *e)
{
	return check_int(v, 0, VLAN_MAX, part, field, e);
}

static int check_mtu(const struct json_int *v, const char *part, struct err *e)
{
	return check_int(v, 0, INT32_MAX, part, "mtu", e);
}

static int check_text(const char *s, const char *part, const char *field, const char *want, struct err *e)
{
	return s && *s ? 0 : check_failed(e, "spec.%s.%s: missing: want %s", part, field, want);
}

static int check_pools(const struct api_multus_pools *p, enum multus_type t, struct err *e)
{
	if (p && p->match_master_subnet.v && t != MULTUS_SRIOV)
		return check_failed(e, "spec.%s.ippools.matchMasterSubnet: true: only for cniType sriov",
				    multus_types[t].field);
	return 0;
}

/* ---- types ---- */

static int check_masters(const struct api_multus_link *l, const char *part, struct err *e)
{
	if (!l->master.n)
		return check_failed(e, "spec.%s.master: missing: want at least one interface of the node",
				    part);
	for (size_t i = 0; i < l->master.n; i++)
		if (!*l->master.v[i])
			return check_failed(e, "spec.%s.master[%zu]: \"\": want an interface of the node",
					    part, i);
	if (l->master.n > 1 && (!l->bond || !l->bond->name || !*l->bond->name))
		return check_failed(e,
				    "spec.%s.bond.name: missing: want the name of the bond that the %zu "
				    "interfaces of spec.%s.master become",
				    part, l->master.n, part);
	if (l->bond && l->bond->mode.set && (l->bond->mode.v < 0 || l->bond->mode.v > BOND_MAX))
		return check_failed(e, "spec.%s.bond.mode: %lld: want 0 to %d", part,
				    (long long)l->bond->mode.v, BOND_MAX);
	return 0;
}

static int check_vlan_mode(const struct api_multus_link *l, struct err *e)
{
	if (!l->vlan_mode || strcmp(l->vlan_mode, "manual") == 0)
		return l->vlan_id.set ? 0
				      : check_failed(e, "spec.vlan.vlanID: missing: want one with "
							"spec.vlan.vlanMode manual");
	if (strcmp(l->vlan_mode, "auto") != 0)
		return check_failed(e, "spec.vlan.vlanMode: \"%.64s\": want manual or auto", l->vlan_mode);
	if (l->vlan_id.set)
		return check_failed(e, "spec.vlan.vlanID: %lld: want none with spec.vlan.vlanMode auto",
				    (long long)l->vlan_id.v);
	return 0;
}

static int check_link(const struct api_multus_link *l, enum multus_type t, struct err *e)
{
	const char *part = multus_types[t].field;
	int r = check_vlan_id(&l->vlan_id, part, "vlanID", e);

	if (r == 0)
		r = check_mtu(&l->mtu, part, e);
	if (r == 0)
		r = check_masters(l, part, e);
	if (r == 0 && t == MULTUS_VLAN)
		r = check_vlan_mode(l, e);
	return r;
}

static int check_sriov(const struct api_multus_sriov *v, struct err *e)
{
	int r = check_text(v->resource, "sriov", "resourceName", "a resource of the SR-IOV device plugin", e);

	if (r == 0)
		r = check_vlan_id(&v->vlan_id, "sriov", "vlanID", e);
	if (r == 0)
		r = check_mtu(&v->mtu, "sriov", e);
	if (r == 0)
		r = check_int(&v->min_tx_rate, 0, INT32_MAX, "sriov", "minTxRateMbps", e);
	if (r == 0)
		r = check_int(&v->max_tx_rate, 0, INT32_MAX, "sriov", "maxTxRateMbps", e);
	if (r == 0 && v->min_tx_rate.v > v->max_tx_rate.v)
		r = check_failed(e,
				 "spec.sriov.minTxRateMbps: %lld: want at most maxTxRateMbps, which is %lld",
				 (long long)v->min_tx_rate.v, (long long)v->max_tx_rate.v);
	return r;
}

static int check_ibsriov(const struct api_multus_ibsriov *b, struct err *e)
{
	static const char *const states[] = { "auto", "enable", "disable" };
	int r = check_text(b->resource, "ibsriov", "resourceName", "a resource of the SR-IOV device plugin",
			   e);

	if (r < 0 || !b->link_state)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(states); i++)
		if (strcmp(b->link_state, states[i]) == 0)
			return 0;
	return check_failed(e, "spec.ibsriov.linkState: \"%.64s\": want auto, enable or disable",
			    b->link_state);
}

static int check_trunk(const struct api_multus_trunk *t, size_t i, struct err *e)
{
	char at[64];
	int r;

	snprintf(at, sizeof(at), "ovs.trunk[%zu]", i);
	r = check_vlan_id(&t->min_id, at, "minID", e);
	if (r == 0)
		r = check_vlan_id(&t->max_id, at, "maxID", e);
	if (r == 0)
		r = check_vlan_id(&t->id, at, "id", e);
	if (r < 0)
		return r;
	if (t->min_id.set != t->max_id.set)
		return check_failed(e, "spec.%s.%s: missing: want both ends of the range", at,
				    t->min_id.set ? "maxID" : "minID");
	if (t->min_id.v > t->max_id.v)
		return check_failed(e, "spec.%s.maxID: %lld: want at least minID, which is %lld", at,
				    (long long)t->max_id.v, (long long)t->min_id.v);
	return 0;
}

static int check_ovs(const struct api_multus_ovs *o, struct err *e)
{
	int r = check_text(o->bridge, "ovs", "bridge", "a bridge of Open vSwitch", e);

	if (r == 0)
		r = check_vlan_id(&o->vlan, "ovs", "vlan", e);
	for (size_t i = 0; i < o->trunk.n && r == 0; i++)
		r = check_trunk(&o->trunk.v[i], i, e);
	return r;
}

static int check_custom(const char *text, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	if (!text || !*text)
		return 0;
	r = json_parse(text, strlen(text), "spec.customCNI", &o, e);
	if (r < 0)
		return r;
	if (!json_object_is_type(o, json_type_object))
		return check_failed(e, "spec.customCNI: want a network configuration, a JSON object");
	return 0;
}

/* The part of the object's own type, and no other. */
static int check_part(const struct api_multus_spec *s, enum multus_type t, struct err *e)
{
	if (t == MULTUS_TYPES)
		return check_failed(
			e,
			"spec.cniType: \"%.64s\": want macvlan, ipvlan, vlan, sriov, ovs, ib-sriov, "
			"ipoib or custom",
			s->cni_type);
	if (t != MULTUS_CUSTOM && !multus_part(s, t))
		return check_failed(e, "spec.%s: missing: want it for cniType %s", multus_types[t].field,
				    multus_types[t].name);
	for (enum multus_type other = 0; other < MULTUS_CUSTOM; other++)
		if (other != t && multus_part(s, other))
			return check_failed(e, "spec.%s: not for cniType %s: remove it",
					    multus_types[other].field, multus_types[t].name);
	if (t != MULTUS_CUSTOM && s->custom && *s->custom)
		return check_failed(e, "spec.customCNI: not for cniType %s: remove it", multus_types[t].name);
	return check_pools(multus_pools(s), t, e);
}

static int check_type(const struct api_multus_spec *s, struct err *e)
{
	enum multus_type t = multus_type_of(s);
	int r = check_part(s, t, e);

	if (r < 0)
		return r;
	switch (t) {
	case MULTUS_SRIOV:
		return check_sriov(s->sriov, e);
	case MULTUS_OVS:
		return check_ovs(s->ovs, e);
	case MULTUS_IBSRIOV:
		return check_ibsriov(s->ibsriov, e);
	case MULTUS_IPOIB:
		return check_text(s->ipoib->master, "ipoib", "master", "an interface of the node", e);
	case MULTUS_CUSTOM:
		return check_custom(s->custom, e);
	default:
		return check_link(multus_link(s), t, e);
	}
}

/* ---- annotations, plugins behind ---- */

/* As CNI has it; the name of the object always is one. */
static int check_network_name(const struct json_map *annotations, struct err *e)
{
	const char *name = json_map_get(annotations, API_MULTUS_CONFIG_NAME);
	bool ok = name && *name && !strchr("-_.", *name) && strlen(name) <= NAME_MAX_LEN;

	for (const char *s = name; ok && *s; s++)
		ok = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z') || (*s >= '0' && *s <= '9') ||
		     strchr("-_.", *s);
	if (!name || ok)
		return 0;
	return check_failed(e,
			    "metadata.annotations: " API_MULTUS_CONFIG_NAME
			    ": \"%.300s\": want letters, digits, "
			    "_, - and ., with a letter or digit first",
			    name);
}

static int check_annotations(const struct api_multus *m, struct err *e)
{
	static const char *const versions[] = { "0.3.0", "0.3.1", "0.4.0", "1.0.0" };
	const struct json_map *a = &m->obj.meta.annotations;
	const char *version = json_map_get(a, API_MULTUS_CNI_VERSION);
	bool known = !version;

	if (check_dns_subdomain(api_multus_nad_name(m), e) < 0)
		return err_wrap(e, "metadata.annotations: " API_MULTUS_CR_NAME);
	for (size_t i = 0; i < ARRAY_LEN(versions) && !known; i++)
		known = strcmp(version, versions[i]) == 0;
	if (!known)
		return check_failed(e,
				    "metadata.annotations: " API_MULTUS_CNI_VERSION
				    ": \"%.64s\": want 0.3.0, 0.3.1, 0.4.0 or 1.0.0",
				    version);
	return check_network_name(a, e);
}

static int check_injects(const struct api_multus *m, struct err *e)
{
	static const char *const keys[] = { API_MULTUS_INJECT_RDMA, API_MULTUS_INJECT_NETWORK };
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(keys) && r == 0; i++)
		if (json_map_get(&m->obj.meta.annotations, keys[i]))
			r = api_multus_check_inject(m, keys[i], e);
	return r;
}

int multus_parse_plugin(const char *text, struct json_object **ret, struct err *e)
{
	const char *type;
	int r = json_parse(text, strlen(text), "plugin", ret, e);

	if (r < 0)
		return r;
	type = json_get_str(*ret, "type");
	if (type && *type)
		return 0;
	json_put_p(ret);
	return check_failed(e, "want the configuration of a plugin, a JSON object with \"type\"");
}

static int check_chain(const struct json_strv *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		CLEANUP(json_put_p) struct json_object *o = NULL;

		if (multus_parse_plugin(l->v[i], &o, e) < 0)
			return err_wrap(e, "spec.chainCNIJsonData[%zu]", i);
	}
	return 0;
}

int multus_check(const struct api_multus *m, struct err *e)
{
	int r = check_annotations(m, e);

	if (r == 0)
		r = check_type(&m->spec, e);
	if (r == 0)
		r = check_injects(m, e);
	if (r == 0 && m->spec.coordinator)
		r = api_coordinator_check(m->spec.coordinator, "spec.coordinator", true, e);
	if (r == 0)
		r = check_chain(&m->spec.chain, e);
	return r;
}

/* ---- others ---- */

static int owned(const char *nad, const char *owner, struct err *e)
{
	return err_code(
		e, ERR_CONFIG, EEXIST,
		"NetworkAttachmentDefinition %.253s belongs to SpiderMultusConfig %.253s: want another "
		"name, or another one in the annotation " API_MULTUS_CR_NAME,
		nad, owner);
}

static int check_owner(const struct api_multus *m, const struct api_multus_world *w, struct err *e)
{
	const char *name = api_name_of(&m->obj), *nad = api_multus_nad_name(m);

	if (w->nad_owner && strcmp(w->nad_owner, name) != 0)
		return owned(nad, w->nad_owner, e);
	for (size_t i = 0; i < w->n_others; i++) {
		const char *other = api_name_of(&w->others[i]->obj);

		if (strcmp(other, name) != 0 && strcmp(api_multus_nad_name(w->others[i]), nad) == 0)
			return owned(nad, other, e);
	}
	return 0;
}

/* The definition that Pods name would stay behind with nobody to look after it. */
static int check_name_kept(const struct api_multus *old, const struct api_multus *m, struct err *e)
{
	const char *was = api_multus_nad_name(old), *is = api_multus_nad_name(m);

	if (strcmp(was, is) == 0)
		return 0;
	return check_failed(
		e,
		"metadata.annotations: " API_MULTUS_CR_NAME
		": cannot change: the NetworkAttachmentDefinition would be %.300s instead of %.300s: "
		"make another SpiderMultusConfig",
		*is ? is : "\"\"", was);
}

static int validate(const struct api_multus *old, const struct api_multus *m,
		    const struct api_multus_world *w, struct err *e)
{
	const struct api_meta *meta = &m->obj.meta;
	int r = 0;

	if (!meta->name || !*meta->name)
		r = check_failed(e, "metadata.name: missing: want a name");
	else if (check_dns_subdomain(meta->name, e) < 0)
		r = err_wrap(e, "metadata.name");
	if (r == 0 && old)
		r = check_name_kept(old, m, e);
	if (r == 0)
		r = multus_check(m, e);
	if (r == 0 && w)
		r = check_owner(m, w, e);
	return r < 0 ? err_wrap(e, API_MULTUS_KIND " %s%s%s", meta->ns ? meta->ns : "", meta->ns ? "/" : "",
				meta->name && *meta->name ? meta->name : "without name")
		     : 0;
}

int api_multus_validate_create(const struct api_multus *m, const struct api_multus_world *w, struct err *e)
{
	return validate(NULL, m, w, e);
}

int api_multus_validate_update(const struct api_multus *old, const struct api_multus *m,
			       const struct api_multus_world *w, struct err *e)
{
	return m->obj.meta.deletion_timestamp ? 0 : validate(old, m, w, e);
}
