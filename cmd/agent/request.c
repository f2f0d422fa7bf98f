/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - what a plugin asks and what the API says of its pod, as one request of the engine */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"

static const char *text(const char *s)
{
	return s ? s : "";
}

static void log_note(const char *sentence, void *arg)
{
	const struct call *c = arg;

	say(LOG_LEVEL_WARN, "pod %s/%s: %s", text(c->req.ns), text(c->req.pod), sentence);
}

static struct ipam_conf conf_of(struct agent *a)
{
	const struct agent_config *c = &a->conf;

	return (struct ipam_conf){
		.disable_ipv4 = !c->file.enable_ipv4,
		.disable_ipv6 = !c->file.enable_ipv6,
		.cooldown_ms = c->cooldown_s * 1000,
		.quarantine_ms = c->quarantine_s * 1000,
		.ring_key = c->node,
		.cluster = true,
		.enable_subnet = c->file.enable_subnet,
		.enable_auto_pool = c->file.enable_auto_pool,
		.agent_ns = c->ns,
		.cluster_network = c->cluster_network[0] ? c->cluster_network : NULL,
		.flexible_number = c->file.flexible_number,
		.skew_ms = store_kube_skew(a->hub),
	};
}

int call_open_plain(struct agent *a, bool fixed, struct deadline until, struct call *c, struct err *e)
{
	*c = (struct call){ 0 };
	c->m = (struct ipam){ .conf = conf_of(a), .until = until, .note = log_note, .note_arg = c };
	if (store_kube_session(a->hub, fixed, &c->st, e) < 0)
		return -e->sys;
	c->m.st = c->st;
	return 0;
}

static int read_requested(const struct json_strv *ips, struct ipam_request *req, struct err *e)
{
	if (ips->n > IPAM_REQUESTED_MAX)
		return err_code(e, ERR_CONFIG, E2BIG,
				"%zu addresses are requested; want at most one of each family", ips->n);
	for (size_t i = 0; i < ips->n; i++) {
		struct ip_prefix p;

		if (ip_prefix_parse_any(ips->v[i], &p, e) < 0)
			return err_wrap(e, "requested address");
		req->requested[req->n_requested++] = p.ip;
	}
	return 0;
}

static int read_master(const struct socket_add *q, struct call *c, struct err *e)
{
	struct ipam_master *m = &c->master;

	if (!q->match_master_subnet)
		return 0;
	c->req.master = m;
	if (!q->master) {
		snprintf(m->unknown, sizeof(m->unknown), "the plugin did not say which physical NIC it is");
		return 0;
	}
	snprintf(m->name, sizeof(m->name), "%s", text(q->master->name));
	snprintf(m->unknown, sizeof(m->unknown), "%s", text(q->master->unknown));
	for (size_t i = 0; i < q->master->addresses.n && m->n < IPAM_MASTER_MAX; i++)
		if (ip_prefix_parse_any(q->master->addresses.v[i], &m->addr[m->n++], e) < 0)
			return err_wrap(e, "master.addresses");
	return 0;
}

static void fill(struct agent *a, const struct socket_add *q, struct call *c)
{
	const struct cluster_pod *p = &c->pod;

	c->req = (struct ipam_request){
		.network = q->network ? q->network : "-",
		.container = q->container_id,
		.nic = q->ifname,
		.netns_path = text(q->netns),
		.netns_id = text(q->netns_id),
		.node = a->conf.node,
		.boot = a->boot,
		.ns = p->ns,
		.pod = p->name,
		.uid = p->uid,
		.mac = text(q->mac),
		.annotations = p->annotations,
		.ns_annotations = p->ns_annotations,
		.pod_labels = { true, p->labels },
		.ns_labels = { p->ns_known, p->ns_labels },
		.node_labels = { p->node_known, p->node_labels },
		.hold = p->hold,
		.hold_ref = p->hold_ref,
		.endpoint = p->endpoint,
		.owner = { p->owner.api_version, p->owner.kind, p->owner.ns, p->owner.name, p->owner.uid },
	};
	c->m.conf.default_ipv4 = &q->default_ipv4;
	c->m.conf.default_ipv6 = &q->default_ipv6;
	c->m.conf.clean_gateway = q->clean_gateway;
}

int call_open(struct agent *a, const struct socket_add *q, struct deadline until, struct call *c,
	      struct err *e)
{
	struct cluster_pod pod;
	int r = cluster_pod_get(a->cluster, q->pod_namespace, q->pod_name, q->pod_uid, until, &pod, e);

	*c = (struct call){ 0 };
	if (r < 0)
		return r;
	r = call_open_plain(a, pod.hold != HOLD_POD, until, c, e);
	c->pod = pod;
	fill(a, q, c);
	if (r == 0)
		r = read_requested(&q->ips, &c->req, e);
	if (r == 0)
		r = read_master(q, c, e);
	/* Now: behind the claim an error would leave it to nobody. */
	if (r == 0 && a->conf.file.conflict_detection)
		r = cluster_migration(a->cluster, &c->pod, until, &c->migrates, e);
	return r;
}

void call_close(struct call *c)
{
	store_close(c->st);
	cluster_pod_clear(&c->pod);
}
