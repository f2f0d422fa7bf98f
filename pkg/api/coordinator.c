/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.c - SpiderCoordinator: fields, defaults, rules */
#include "api/coordinator.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/check.h"
#include "api/tables.h"
#include "base/own.h"

#define MTU_MIN 68
#define MTU_MAX 65535

/* ---- fields ---- */

#define S struct api_coordinator_spec
static const struct json_field spec_fields[] = {
	JF(S, mode, "mode", .doc = "auto, underlay, overlay or disabled"),
	JF(S, pod_cidr_type, "podCIDRType",
	   .doc = "Where the CIDRs of the cluster's own Pods are taken from: auto, cluster, calico, cilium, none"),
	JF(S, hijack_cidr, "hijackCIDR",
	   .doc = "More addresses and prefixes that are reached through the node"),
	JL(S, policy_routes, "policyRoutes", &api_route_table, .doc = "Routes through the NIC"),
	JF(S, pod_mac_prefix, "podMACPrefix", .doc = "The first two bytes of every MAC, as 0a:1b"),
	JF(S, tune_pod_routes, "tunePodRoutes",
	   .doc = "With several NICs: answer through the NIC a request came in by"),
	JF(S, pod_default_route_nic, "podDefaultRouteNIC", .doc = "The NIC of the default route"),
	JF(S, host_rule_table, "hostRuleTable", .doc = "The node's routing table of Pod addresses"),
	JF(S, pod_rp_filter, "podRPFilter", .doc = "Reverse path filter: 0, 1, 2; less than 0: leave it"),
	JF(S, tx_queue_len, "txQueueLen", .doc = "Transmit queue of the NIC; 0: leave it"),
	JF(S, veth_link_address, "vethLinkAddress", .doc = "IPv4 address of the Pod's end of the veth"),
	JF(S, veth_mtu, "vethMTU", .doc = "MTU of the veth"),
};
#undef S
const struct json_table api_coordinator_spec_table =
	JSON_TABLE(struct api_coordinator_spec, "spec", spec_fields);

static const struct json_field status_fields[] = {
	JF(struct api_coordinator_status, phase, "phase", .doc = "Synced or NotReady"),
	JF(struct api_coordinator_status, reason, "reason", .doc = "Why it is not ready"),
	JF(struct api_coordinator_status, overlay_pod_cidr, "overlayPodCIDR", .doc = "Of the cluster's Pods"),
	JF(struct api_coordinator_status, service_cidr, "serviceCIDR", .doc = "Of services"),
};
const struct json_table api_coordinator_status_table =
	JSON_TABLE(struct api_coordinator_status, "status", status_fields);

static const struct json_field fields[] = {
	JF(struct api_coordinator, obj.api_version, "apiVersion", .doc = API_VERSION),
	JF(struct api_coordinator, obj.kind, "kind", .doc = API_COORDINATOR_KIND),
	JS(struct api_coordinator, obj.meta, "metadata", &api_meta_table, .doc = "Object metadata"),
	JS(struct api_coordinator, spec, "spec", &api_coordinator_spec_table, .doc = "What to do"),
	JS(struct api_coordinator, status, "status", &api_coordinator_status_table,
	   .doc = "Where the cluster's Pods and services are"),
};
const struct json_table api_coordinator_table =
	JSON_TABLE(struct api_coordinator, API_COORDINATOR_KIND, fields);

/* ---- defaults ---- */

static int to_prefix(char **text, struct err *e)
{
	char out[IP_TEXT_MAX], *copy;
	struct ip_prefix p;
	struct err wrong;

	if (!*text || strchr(*text, '/') || ip_prefix_parse_any(*text, &p, &wrong) < 0)
		return 0;
	copy = strdup(ip_prefix_format(p, out));
	if (!copy)
		return err_nomem(e);
	free(*text);
	*text = copy;
	return 0;
}

int api_coordinator_normalize(struct api_coordinator_spec *s, struct err *e)
{
	int r = 0;

	for (size_t i = 0; i < s->hijack_cidr.n && r == 0; i++)
		r = to_prefix(&s->hijack_cidr.v[i], e);
	for (size_t i = 0; i < s->policy_routes.n && r == 0; i++)
		r = to_prefix(&s->policy_routes.v[i].dst, e);
	return r;
}

static int default_text(char **s, const char *text, struct err *e)
{
	if (*s)
		return 0;
	*s = strdup(text);
	return *s ? 0 : err_nomem(e);
}

static void default_int(struct json_int *v, int64_t n)
{
	if (!v->set)
		*v = (struct json_int){ .set = true, .v = n };
}

int api_coordinator_default(struct api_coordinator *c, struct err *e)
{
	struct api_coordinator_spec *s = &c->spec;
	struct api_meta *m = &c->obj.meta;
	int r = 0;

	if (m->deletion_timestamp)
		return 0;
	free(TAKE_PTR(m->ns));
	if (!json_strv_has(&m->finalizers, API_FINALIZER))
		r = json_strv_add(&m->finalizers, API_FINALIZER, e);
	if (r == 0)
		r = default_text(&s->mode, "auto", e);
	if (r < 0)
		return r;
	if (!s->tune_pod_routes.set)
		s->tune_pod_routes = (struct json_bool){ true, true };
	default_int(&s->host_rule_table, 500);
	default_int(&s->pod_rp_filter, 0);
	default_int(&s->tx_queue_len, 0);
	default_int(&s->veth_mtu, 1500);
	return api_coordinator_normalize(s, e);
}

/* ---- rules ---- */

static int check_word(const char *s, const char *const *words, const char *at, const char *field,
		      const char *want, struct err *e)
{
	for (; s && *words; words++)
		if (strcmp(s, *words) == 0)
			return 0;
	if (!s)
		return check_failed(e, "%s.%s: missing: want %s", at, field, want);
	return check_failed(e, "%s.%s: \"%.64s\": want %s", at, field, s, want);
}

static int check_words(const struct api_coordinator_spec *s, const char *at, bool in_multus, struct err *e)
{
	static const char *const modes[] = { "auto", "underlay", "overlay", "disabled", NULL };
	static const char *const types[] = { "auto", "cluster", "calico", "cilium", "none", NULL };

	if ((s->mode || !in_multus) &&
	    check_word(s->mode, modes, at, "mode", "auto, underlay, overlay or disabled", e) < 0)
		return -EINVAL;
	if (s->pod_cidr_type || !in_multus)
		return check_word(s->pod_cidr_type, types, at, "podCIDRType",
				  "auto, cluster, calico, cilium or none", e);
	return 0;
}

static int check_hijack(const struct json_strv *l, const char *at, struct err *e)
{
	struct ip_prefix p;

	if (l->n > API_COORDINATOR_ROUTES)
		return check_failed(e, "%s.hijackCIDR: %zu items: want at most %d", at, l->n,
				    API_COORDINATOR_ROUTES);
	for (size_t i = 0; i < l->n; i++)
		if (ip_prefix_parse_any(l->v[i], &p, e) < 0)
			return err_wrap(e, "%s.hijackCIDR[%zu]", at, i);
	return 0;
}

static int check_route(const struct api_route *route, const char *at, size_t i, struct err *e)
{
	struct ip_prefix dst;
	struct ip gw;

	if (!route->dst || !*route->dst)
		return check_failed(e, "%s.policyRoutes[%zu].dst: missing: want an address or a prefix", at,
				    i);
	if (!route->gw || !*route->gw)
		return check_failed(e, "%s.policyRoutes[%zu].gw: missing: want the address of a gateway", at,
				    i);
	if (ip_prefix_parse_any(route->dst, &dst, e) < 0)
		return err_wrap(e, "%s.policyRoutes[%zu].dst", at, i);
	if (ip_parse(route->gw, &gw, e) < 0)
		return err_wrap(e, "%s.policyRoutes[%zu].gw", at, i);
	if (gw.ver != dst.ip.ver)
		return check_failed(e, "%s.policyRoutes[%zu].gw: %s: want IPv%d as dst %s is", at, i,
				    route->gw, dst.ip.ver, route->dst);
	return 0;
}

static int check_mac_prefix(const char *s, struct err *e)
{
	bool ok = strlen(s) == 5 && s[2] == ':';

	for (size_t i = 0; ok && i < 5; i++)
		ok = i == 2 || isxdigit((unsigned char)s[i]);
	if (!ok)
		return check_failed(e, "\"%.64s\": want two bytes in hexadecimal, for example 0a:1b", s);
	/* The lowest bit of the first byte, 1: a group address. */
	if (strchr("13579bBdDfF", s[1]))
		return check_failed(
			e,
			"\"%s\": want a unicast prefix: an even first byte, an odd one makes a multicast MAC",
			s);
	return 0;
}

/* Tables that the kernel has other uses for, or that cannot be one; 0 and less mean the default. */
static int check_table(const struct json_int *t, const char *at, struct err *e)
{
	if (!t->set || t->v <= 0 || ((t->v < 253 || t->v > 255) && t->v <= UINT32_MAX))
		return 0;
	return check_failed(
		e,
		"%s.hostRuleTable: %lld: want a routing table of its own, 1 to 4294967295 but not 253, "
		"254 and 255",
		at, (long long)t->v);
}

static int check_number(const struct json_int *v, int64_t min, int64_t max, const char *at, const char *field,
			struct err *e)
{
	if (!v->set || (v->v >= min && v->v <= max))
		return 0;
	return check_failed(e, "%s.%s: %lld: want %lld to %lld", at, field, (long long)v->v, (long long)min,
			    (long long)max);
}

static int check_numbers(const struct api_coordinator_spec *s, const char *at, bool in_multus, struct err *e)
{
	int r = check_table(&s->host_rule_table, at, e);

	if (r == 0 && !in_multus && !s->pod_rp_filter.set)
		r = check_failed(e, "%s.podRPFilter: missing: want 0, 1 or 2, or -1 to leave it as it is",
				 at);
	if (r == 0 && s->pod_rp_filter.set && (s->pod_rp_filter.v > 2 || s->pod_rp_filter.v < INT32_MIN))
		r = check_failed(e, "%s.podRPFilter: %lld: want 0, 1 or 2, or -1 to leave it as it is", at,
				 (long long)s->pod_rp_filter.v);
	if (r == 0)
		r = check_number(&s->tx_queue_len, 0, INT32_MAX, at, "txQueueLen", e);
	if (r == 0)
		r = check_number(&s->veth_mtu, MTU_MIN, MTU_MAX, at, "vethMTU", e);
	return r;
}

static int check_link_address(const char *s, struct err *e)
{
	struct ip ip;
	int r = ip_parse(s, &ip, e);

	if (r == 0 && ip.ver != 4)
		r = check_failed(e, "%s: want an IPv4 address, for example 169.254.200.1", s);
	return r;
}

int api_coordinator_check(const struct api_coordinator_spec *s, const char *at, bool in_multus, struct err *e)
{
	int r = check_words(s, at, in_multus, e);

	if (r == 0)
		r = check_hijack(&s->hijack_cidr, at, e);
	if (r == 0 && s->policy_routes.n > API_COORDINATOR_ROUTES)
		r = check_failed(e, "%s.policyRoutes: %zu items: want at most %d", at, s->policy_routes.n,
				 API_COORDINATOR_ROUTES);
	for (size_t i = 0; i < s->policy_routes.n && r == 0; i++)
		r = check_route(&s->policy_routes.v[i], at, i, e);
	if (r == 0 && s->pod_mac_prefix && *s->pod_mac_prefix) {
		r = check_mac_prefix(s->pod_mac_prefix, e);
		if (r < 0)
			err_wrap(e, "%s.podMACPrefix", at);
	}
	if (r == 0)
		r = check_numbers(s, at, in_multus, e);
	if (r == 0 && s->veth_link_address && *s->veth_link_address) {
		r = check_link_address(s->veth_link_address, e);
		if (r < 0)
			err_wrap(e, "%s.vethLinkAddress", at);
	}
	return r;
}

int api_coordinator_validate(const struct api_coordinator *c, struct err *e)
{
	const struct api_meta *m = &c->obj.meta;
	int r = 0;

	if (m->deletion_timestamp)
		return 0;
	if (!m->name || !*m->name)
		r = check_failed(e, "metadata.name: missing: want a name");
	else if (check_dns_subdomain(m->name, e) < 0)
		r = err_wrap(e, "metadata.name");
	if (r == 0)
		r = api_coordinator_check(&c->spec, "spec", false, e);
	return r < 0 ? err_wrap(e, API_COORDINATOR_KIND "%s%s", m->name && *m->name ? " " : "",
				m->name ? m->name : "")
		     : 0;
}
