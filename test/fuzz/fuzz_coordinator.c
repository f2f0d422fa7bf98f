/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_coordinator.c - network configuration, agent's answer and the networks annotation of one pod
 *
 * The input is one JSON document: {"conf": {...}, "agent": {...}, "annotations": {...}}. Properties: what is
 * taken keeps to the limits that the rest of the plugin counts on, an error has a code and a sentence, and
 * DEL can always be told something.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

/* Parts of a plugin, not of the library. */
#include "../../plugins/coordinator/conf.c"
#include "../../plugins/coordinator/section.c"
#include "../../plugins/coordinator/fields.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what, const struct err *e)
{
	if (holds)
		return;
	fprintf(stderr, "%s: %s\n", what, e->msg);
	abort();
}

static void ignore(const char *sentence, void *arg)
{
	(void)arg;
	must(sentence[0] != '\0', "an empty note", &(struct err){ 0 });
}

static void check_prefix(struct ip_prefix p)
{
	must((p.ip.ver == 4 || p.ip.ver == 6) && ip_prefix_equal(p, ip_prefix_network(p)), "prefix",
	     &(struct err){ 0 });
}

static void check_conf(const struct coordinator_conf *c, const struct err *e)
{
	if (c->mode == COORDINATOR_DISABLE)
		return;
	must(cni_ifname_ok(c->pod_nic), "podDefaultCniNic", e);
	must(!c->default_route_nic[0] || cni_ifname_ok(c->default_route_nic), "podDefaultRouteNic", e);
	must(c->host_rule_table && (c->host_rule_table < 253 || c->host_rule_table > 255), "table", e);
	must(c->pod_rp_filter >= -1 && c->pod_rp_filter <= 2, "podRPFilter", e);
	must(c->veth_mtu >= 68 && c->veth_mtu <= 65535, "vethMTU", e);
	must(c->veth_link_address.ver == 0 || c->veth_link_address.ver == 4, "vethLinkAddress", e);
	must(!(c->mac_prefix[0] & 1), "podMACPrefix", e);
	must(c->hijack.n <= COORDINATOR_ROUTES_MAX && c->n_routes <= COORDINATOR_ROUTES_MAX &&
		     c->networks.n <= COORDINATOR_NETWORKS_MAX,
	     "limits", e);
	for (size_t i = 0; i < c->hijack.n; i++)
		check_prefix(c->hijack.v[i]);
	for (size_t i = 0; i < c->n_routes; i++) {
		check_prefix(c->routes[i].dst);
		must(c->routes[i].gw.ver == c->routes[i].dst.ip.ver && c->routes[i].gw.n, "gateway", e);
	}
}

static void merge_all(struct json_object *conf, const struct coordinator_answer *a, struct json_object *notes)
{
	CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };
	CLEANUP(coordinator_conf_clear) struct coordinator_conf c = { 0 };
	CLEANUP(json_map_clear) struct json_map m = { 0 };
	struct err e = { 0 };
	const char *nic = json_get_str(notes, COORDINATOR_ANNOTATION_DEFAULT_NIC);
	const char *networks = json_get_str(notes, ANNOTATION_NETWORKS);

	if (nic)
		json_map_set(&m, COORDINATOR_ANNOTATION_DEFAULT_NIC, nic, &e);
	if (networks)
		json_map_set(&m, ANNOTATION_NETWORKS, networks, &e);
	if (coordinator_section_read(conf, &s, &e) < 0) {
		must(e.cni == ERR_CONFIG && e.msg[0], "section", &e);
		return;
	}
	must(s.state_dir[0] == '/' && s.agent_socket[0] == '/' && s.log.path, "paths", &e);
	coordinator_section_notes(conf, ignore, NULL);
	if (coordinator_conf_merge(&s, a, &m, &c, &e) < 0)
		must(e.cni == ERR_CONFIG && e.msg[0] && !c.hijack.v && !c.routes, "merge", &e);
	else
		check_conf(&c, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(coordinator_section_clear) struct coordinator_section s = { 0 };
	CLEANUP(coordinator_answer_clear) struct coordinator_answer a = { 0 };
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct coordinator_conf del;
	struct err e = { 0 };
	bool has;

	if (json_parse((const char *)data, size, "input", &tree, &e) < 0 || !json_get(tree, "conf"))
		return 0;
	has = json_get(tree, "agent") &&
	      json_decode(&coordinator_answer_table, json_get(tree, "agent"), "agent", &a, &e) == 0;
	merge_all(json_get(tree, "conf"), has ? &a : NULL, json_get(tree, "annotations"));
	coordinator_conf_for_del(json_get(tree, "conf"), has ? &a : NULL, &del);
	must(cni_ifname_ok(del.pod_nic) && del.host_rule_table &&
		     (del.host_rule_table < 253 || del.host_rule_table > 255),
	     "DEL", &e);
	must(coordinator_section_read_essential(json_get(tree, "conf"), &s, &e) == 0 && s.state_dir[0] == '/',
	     "DEL's paths", &e);
	return 0;
}
