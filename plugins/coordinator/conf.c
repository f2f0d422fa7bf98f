/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - what holds: network configuration, agent, defaults, checked */
#include "conf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "ipam/candidates.h"
#include "ipam/networks.h"

static const char config[] = "config", agent[] = "agent";

/* A value and who said it, for the sentence about it. */
struct said {
	const char *where, *text;
};

static struct said first(const char *conf, const char *answer)
{
	return conf && conf[0]       ? (struct said){ config, conf }
	       : answer && answer[0] ? (struct said){ agent, answer }
				     : (struct said){ config, NULL };
}

static int bad(struct said s, const char *key, const char *want, struct err *e)
{
	return err_code(e, ERR_CONFIG, EINVAL, "%s: %s \"%.64s\": want %s", s.where, key, s.text, want);
}

/* ---- texts ---- */

static int mode_word(const char *s)
{
	static const struct {
		const char *word;
		enum coordinator_mode mode;
	} words[] = {
		{ "auto", COORDINATOR_AUTO },        { "underlay", COORDINATOR_UNDERLAY },
		{ "overlay", COORDINATOR_OVERLAY },  { "disable", COORDINATOR_DISABLE },
		{ "disabled", COORDINATOR_DISABLE },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(s, words[i].word) == 0)
			return (int)words[i].mode;
	}
	return -1;
}

static int read_mode(struct said s, enum coordinator_mode *ret, struct err *e)
{
	int mode = s.text ? mode_word(s.text) : COORDINATOR_AUTO;

	if (mode < 0)
		return bad(s, "mode", "auto, underlay, overlay or disabled", e);
	*ret = (enum coordinator_mode)mode;
	return 0;
}

static int read_nic(struct said s, const char *key, char ret[IFNAMSIZ], struct err *e)
{
	if (s.text && !cni_ifname_ok(s.text))
		return bad(s, key, "the name of a NIC: 1 to 15 characters without \"/\", \":\" and blanks",
			   e);
	snprintf(ret, IFNAMSIZ, "%s", s.text ? s.text : "");
	return 0;
}

static int read_mac_prefix(struct said s, struct coordinator_conf *c, struct err *e)
{
	int r = s.text ? options_mac_prefix(s.text, c->mac_prefix, s.where, "podMACPrefix", e) : 0;

	c->has_mac_prefix = s.text && r == 0;
	return r;
}

static int read_link_address(struct said s, struct ip *ret, struct err *e)
{
	struct ip_prefix p;

	if (!s.text)
		return 0;
	if (ip_prefix_parse_any(s.text, &p, e) < 0 || p.ip.ver != 4 || p.len != 32 || p.ip.n == 0 ||
	    ip_is_multicast(p.ip))
		return bad(s, "vethLinkAddress", "one IPv4 address, for example 169.254.200.1", e);
	*ret = p.ip;
	return 0;
}

/* ---- numbers ---- */

static const struct json_field *section_field(const char *key)
{
	const struct json_table *t = &coordinator_section_table;
	size_t i = 0;

	while (strcmp(t->f[i].key, key) != 0)
		i++; /* the keys are ours: there is one */
	return &t->f[i];
}

/* The section has been checked by its table; the agent's number has to keep to the same limits. */
static int read_number(const char *key, struct json_int conf, struct json_int answer, int64_t absent,
		       int64_t *ret, struct err *e)
{
	const struct json_field *f = section_field(key);

	*ret = conf.set ? conf.v : answer.set ? answer.v : absent;
	if (*ret >= f->min && *ret <= f->max)
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL, "%s: %s %lld: want %lld to %lld", conf.set ? config : agent,
			key, (long long)*ret, (long long)f->min, (long long)f->max);
}

/* What is not positive means "not said" to the agent. */
static struct json_int positive(struct json_int n)
{
	return (struct json_int){ n.set && n.v > 0, n.v };
}

/* Tables that the kernel has for itself: default, main, local. */
static bool kernels_table(int64_t t)
{
	return t >= 253 && t <= 255;
}

static int read_numbers(const struct coordinator_section *s, const struct coordinator_answer *a,
			struct coordinator_conf *c, struct err *e)
{
	int64_t table, mtu, queue, filter;
	int r = read_number("hostRuleTable", s->host_rule_table, positive(a->host_rule_table),
			    COORDINATOR_HOST_TABLE, &table, e);

	if (r == 0 && kernels_table(table))
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: hostRuleTable %lld: want another table: 253 (default), 254 (main) and "
				"255 (local) are the kernel's",
				s->host_rule_table.set ? config : agent, (long long)table);
	if (r == 0)
		r = read_number("vethMTU", s->veth_mtu, positive(a->veth_mtu), COORDINATOR_VETH_MTU, &mtu, e);
	if (r == 0)
		r = read_number("txQueueLen", s->tx_queue_len, positive(a->tx_queue_len), 0, &queue, e);
	if (r == 0)
		r = read_number("podRPFilter", s->pod_rp_filter, a->pod_rp_filter, 0, &filter, e);
	if (r < 0)
		return r;
	c->host_rule_table = (uint32_t)table;
	c->veth_mtu = (uint32_t)mtu;
	c->tx_queue_len = (uint32_t)queue;
	c->pod_rp_filter = filter < 0 ? COORDINATOR_RP_LEAVE : (int)filter;
	return 0;
}

/* ---- prefixes and routes ---- */

static int read_hijack(const struct coordinator_section *s, const struct coordinator_answer *a,
		       struct coordinator_conf *c, struct err *e)
{
	const struct {
		const char *key;
		bool bare;
		const struct json_strv *conf, *answer;
	} lists[] = {
		{ "overlayPodCIDR", false, &s->overlay_pod_cidr, &a->overlay_pod_cidr },
		{ "serviceCIDR", false, &s->service_cidr, &a->service_cidr },
		{ "hijackCIDR", true, &s->hijack_cidr, &a->hijack_cidr },
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_LEN(lists); i++) {
		bool ours = lists[i].conf->n > 0;

		r = options_prefixes_add(&c->hijack, ours ? lists[i].conf : lists[i].answer, lists[i].bare,
					 COORDINATOR_ROUTES_MAX, ours ? config : agent, lists[i].key, e);
	}
	return r;
}

static int read_route(const struct coordinator_route_text *t, struct coordinator_route *ret, struct err *e)
{
	char text[64];
	int r = ip_prefix_parse_any(options_trim(t->dst, text), &ret->dst, e);

	if (r < 0)
		return err_wrap(e, "dst");
	r = ip_parse(options_trim(t->gw, text), &ret->gw, e);
	if (r < 0)
		return err_wrap(e, "gw");
	ret->dst = ip_prefix_network(ret->dst);
	if (ret->dst.ip.ver != ret->gw.ver)
		return err_code(e, ERR_CONFIG, EINVAL, "dst \"%.64s\" and gw \"%.64s\": want one family",
				t->dst, t->gw);
	if (ret->gw.n == 0 || ip_is_multicast(ret->gw))
		return err_code(e, ERR_CONFIG, EINVAL, "gw \"%.64s\": want the address of a router", t->gw);
	return 0;
}

/* One destination has one gateway; said twice is said once. */
static int add_route(struct coordinator_conf *c, struct coordinator_route x, struct err *e)
{
	char dst[IP_TEXT_MAX], one[IP_TEXT_MAX], other[IP_TEXT_MAX];

	for (size_t i = 0; i < c->n_routes; i++) {
		const struct coordinator_route *have = &c->routes[i];

		if (!ip_prefix_equal(have->dst, x.dst))
			continue;
		if (ip_equal(have->gw, x.gw))
			return 0;
		return err_code(e, ERR_CONFIG, EINVAL, "dst %s has two gateways, %s and %s; want one",
				ip_prefix_format(x.dst, dst), ip_format(have->gw, one),
				ip_format(x.gw, other));
	}
	c->routes[c->n_routes++] = x;
	return 0;
}

static int read_routes(const struct coordinator_section *s, const struct coordinator_answer *a,
		       struct coordinator_conf *c, struct err *e)
{
	bool ours = s->policy_routes.n > 0;
	const struct coordinator_route_text *v = ours ? s->policy_routes.v : a->policy_routes.v;
	size_t n = ours ? s->policy_routes.n : a->policy_routes.n;

	if (n > COORDINATOR_ROUTES_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "%s: policyRoutes has %zu routes; the limit is %d",
				ours ? config : agent, n, COORDINATOR_ROUTES_MAX);
	c->routes = n ? calloc(n, sizeof(*c->routes)) : NULL;
	if (n && !c->routes)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++) {
		struct coordinator_route x;
		int r = read_route(&v[i], &x, e);

		if (r == 0)
			r = add_route(c, x, e);
		if (r < 0)
			return err_wrap(e, "%s: policyRoutes[%zu]", ours ? config : agent, i);
	}
	return 0;
}

/* ---- the pod's annotations ---- */

/* Entries of the annotation: "a,b" has two. What is no list counts as one, whose name will be the error. */
static int count_networks(const char *text, size_t *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	int r = 0;

	*ret = 1;
	if (strpbrk(text, "[{\"")) {
		r = json_parse(text, strlen(text), "value", &tree, e);
		if (json_object_is_type(tree, json_type_array))
			*ret = json_len(tree);
	} else {
		for (const char *p = text; (p = strchr(p, ',')); p++)
			++*ret;
	}
	if (r == 0 && *ret > COORDINATOR_NETWORKS_MAX)
		r = err_set(e, E2BIG, "%zu networks; the limit is %d", *ret, COORDINATOR_NETWORKS_MAX);
	if (r < 0) {
		e->cni = e->sys == ENOMEM ? e->cni : ERR_CONFIG;
		return err_wrap(e, "annotation " ANNOTATION_NETWORKS);
	}
	return 0;
}

static int read_networks(const char *text, struct json_strv *ret, struct err *e)
{
	size_t n = 0;
	int r = text && text[strspn(text, " \t\r\n")] ? count_networks(text, &n, e) : 0;

	for (size_t i = 1; r == 0 && i <= n; i++) {
		CLEANUP(free_p) char *name = NULL;

		r = networks_nic_name(text, i, &name, e);
		if (r == 0)
			r = json_strv_add(ret, name, e);
	}
	return r;
}

static int read_annotations(const struct coordinator_section *s, const struct coordinator_answer *a,
			    const struct json_map *annotations, struct coordinator_conf *c, struct err *e)
{
	static const struct json_map none;
	const struct json_map *m = annotations ? annotations : &none;
	const char *text = json_map_get(m, COORDINATOR_ANNOTATION_DEFAULT_NIC);
	struct said nic = first(s->pod_default_route_nic, a->pod_default_route_nic);
	int r;

	/* What a pod asks for comes before what holds for a network. */
	if (a->annotated_route_nic && a->annotated_route_nic[0])
		nic = (struct said){ agent, a->annotated_route_nic };
	if (text && text[0])
		nic = (struct said){ "annotation " COORDINATOR_ANNOTATION_DEFAULT_NIC, text };
	r = read_nic(nic, "podDefaultRouteNic", c->default_route_nic, e);
	c->networks_known = m->set;
	return r < 0 ? r : read_networks(json_map_get(m, ANNOTATION_NETWORKS), &c->networks, e);
}

/* ---- all of it ---- */

void coordinator_conf_clear(struct coordinator_conf *c)
{
	options_prefixes_clear(&c->hijack);
	free(c->routes);
	json_strv_clear(&c->networks);
	*c = (struct coordinator_conf){ 0 };
}

static int merge(const struct coordinator_section *s, const struct coordinator_answer *a,
		 const struct json_map *annotations, struct coordinator_conf *c, struct err *e)
{
	int r = read_mode(first(s->mode, a->mode), &c->mode, e);

	if (r < 0 || c->mode == COORDINATOR_DISABLE)
		return r;
	c->tune_pod_routes = s->tune_pod_routes.set   ? s->tune_pod_routes.v
			     : a->tune_pod_routes.set ? a->tune_pod_routes.v
						      : true;
	r = read_nic(first(s->pod_default_cni_nic, COORDINATOR_NIC), "podDefaultCniNic", c->pod_nic, e);
	if (r == 0)
		r = read_hijack(s, a, c, e);
	if (r == 0)
		r = read_routes(s, a, c, e);
	if (r == 0)
		r = read_numbers(s, a, c, e);
	if (r == 0)
		r = read_link_address(first(s->veth_link_address, a->veth_link_address),
				      &c->veth_link_address, e);
	if (r == 0)
		r = read_mac_prefix(first(s->pod_mac_prefix, a->pod_mac_prefix), c, e);
	return r < 0 ? r : read_annotations(s, a, annotations, c, e);
}

int coordinator_conf_merge(const struct coordinator_section *s, const struct coordinator_answer *a,
			   const struct json_map *annotations, struct coordinator_conf *ret, struct err *e)
{
	static const struct coordinator_answer silent;
	int r;

	*ret = (struct coordinator_conf){ 0 };
	r = merge(s, a ? a : &silent, annotations, ret, e);
	if (r < 0)
		coordinator_conf_clear(ret);
	return r;
}

void coordinator_conf_for_del(struct json_object *tree, const struct coordinator_answer *a,
			      struct coordinator_conf *ret)
{
	static const struct coordinator_answer silent;
	const struct json_field *limits = section_field("hostRuleTable");
	const char *nic = json_get_str(tree, "podDefaultCniNic");
	const char *mode = json_get_str(tree, "mode");
	int64_t table = 0;
	int word;

	a = a ? a : &silent;
	word = mode && mode[0] ? mode_word(mode) : a->mode ? mode_word(a->mode) : -1;
	if (!json_get_int(tree, "hostRuleTable", &table) && a->host_rule_table.set)
		table = a->host_rule_table.v;
	if (table < limits->min || table > limits->max || kernels_table(table))
		table = COORDINATOR_HOST_TABLE;
	*ret = (struct coordinator_conf){
		.mode = word < 0 ? COORDINATOR_AUTO : (enum coordinator_mode)word,
		.host_rule_table = (uint32_t)table,
	};
	snprintf(ret->pod_nic, IFNAMSIZ, "%s", nic && cni_ifname_ok(nic) ? nic : COORDINATOR_NIC);
}
