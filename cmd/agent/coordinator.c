/* SPDX-License-Identifier: Apache-2.0 */
/* coordinator.c - the SpiderCoordinator as the coordinator plugin is told it
 *
 * The object says what holds for all pods, and its status where the pods and services of the cluster are. As
 * long as that is not known a pod must not start: it would come up without its routes to them.
 */
#include "coordinator.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cluster_impl.h"
#include "ip/ip.h"

#define NAME           "default"
#define ANNOTATION_NIC "ipam.spidernet.io/default-route-nic"
#define REASON_MAX     600

/* ---- the question ---- */

struct question {
	char *pod, *ns;
};
static const struct json_field question_fields[] = {
	JF(struct question, pod, "podName", .flags = JSON_REQUIRED),
	JF(struct question, ns, "podNamespace", .flags = JSON_REQUIRED),
};
static const struct json_table question_table = JSON_TABLE(struct question, "question", question_fields);

/* ---- the object ---- */

struct route {
	char *dst, *gw;
};
static const struct json_field route_fields[] = {
	JF(struct route, dst, "dst"),
	JF(struct route, gw, "gw"),
};
static const struct json_table route_table = JSON_TABLE(struct route, "route", route_fields);

struct spec {
	char *mode, *route_nic, *link_address, *mac_prefix;
	struct json_strv hijack;
	JSON_LIST(struct route) routes;
	struct json_bool tune_routes;
	struct json_int rule_table, rp_filter, queue_len, veth_mtu;
};

struct status {
	char *phase, *reason;
	struct json_strv pods, services;
};

struct object {
	struct spec spec;
	struct status status;
};

/* What stands in the answer as in the spec; m: where in T. */
#define SPEC_FIELDS(T, m) \
	JF(T, m mode, "mode"), JF(T, m hijack, "hijackCIDR"), JL(T, m routes, "policyRoutes", &route_table), \
		JF(T, m tune_routes, "tunePodRoutes"), JF(T, m route_nic, "podDefaultRouteNIC"), \
		JF(T, m rule_table, "hostRuleTable"), JF(T, m rp_filter, "podRPFilter"), \
		JF(T, m queue_len, "txQueueLen"), JF(T, m link_address, "vethLinkAddress"), \
		JF(T, m veth_mtu, "vethMTU"), JF(T, m mac_prefix, "podMACPrefix")

static const struct json_field spec_fields[] = { SPEC_FIELDS(struct spec, ) };
static const struct json_table spec_table = JSON_TABLE(struct spec, "spec", spec_fields);

static const struct json_field status_fields[] = {
	JF(struct status, phase, "phase"),
	JF(struct status, reason, "reason"),
	JF(struct status, pods, "overlayPodCIDR"),
	JF(struct status, services, "serviceCIDR"),
};
static const struct json_table status_table = JSON_TABLE(struct status, "status", status_fields);

static const struct json_field object_fields[] = {
	JS(struct object, spec, "spec", &spec_table),
	JS(struct object, status, "status", &status_table),
};
static const struct json_table object_table = JSON_TABLE(struct object, "SpiderCoordinator", object_fields);

/* ---- the answer; its members belong to the object and to the pod ---- */

struct answer {
	struct spec spec;
	struct json_strv pods, services;
	char *annotated_nic; /* ours: tells what the pod says from what the object says */
};
static const struct json_field answer_fields[] = {
	SPEC_FIELDS(struct answer, spec.),
	JF(struct answer, pods, "overlayPodCIDR"),
	JF(struct answer, services, "serviceCIDR"),
	JF(struct answer, annotated_nic, "podDefaultRouteNICAnnotation"),
};
static const struct json_table answer_table = JSON_TABLE(struct answer, "answer", answer_fields);

static int check_phase(const struct status *s, struct err *e)
{
	const char *reason = s->reason && s->reason[0] ? s->reason : "no reason is given";

	if (cluster_same(s->phase, "Synced"))
		return 0;
	if (!s->phase || !s->phase[0])
		return err_code(e, ERR_TRY_AGAIN, EAGAIN,
				"SpiderCoordinator " NAME
				" has no status.phase: spiderpool-controller has not found out "
				"the cluster's CIDRs yet; is it running?");
	return err_code(e, ERR_TRY_AGAIN, EAGAIN,
			"SpiderCoordinator " NAME " has the phase %.64s, want Synced: %.*s", s->phase,
			REASON_MAX, reason);
}

static int read_object(struct cluster *c, struct deadline until, struct object **ret, struct err *e)
{
	const struct cluster_get g = { .res = &kube_resources[KUBE_SPIDERCOORDINATORS],
				       .name = NAME,
				       .table = &object_table,
				       .until = until };
	void *view;
	int r = cluster_get(c, &g, &view, e);

	*ret = view;
	if (r == -ENOENT)
		return err_code(e, ERR_TRY_AGAIN, ENOENT,
				"there is no SpiderCoordinator \"" NAME
				"\": create it, coordinator's settings stand in it");
	return r < 0 ? r : check_phase(&(*ret)->status, e);
}

/* Clients of the Go agent read prefixes alone. What is neither is left to the plugin, which says so. */
static int make_prefixes(struct json_strv *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		char text[IP_TEXT_MAX], *copy;
		struct ip_prefix p;
		struct err ignored;

		if (strchr(l->v[i], '/') || ip_prefix_parse_any(l->v[i], &p, &ignored) < 0)
			continue;
		copy = strdup(ip_prefix_format(p, text));
		if (!copy)
			return err_nomem(e);
		free(l->v[i]);
		l->v[i] = copy;
	}
	return 0;
}

static int print(const struct object *o, const struct json_map *annotations, struct buf *out, struct err *e)
{
	struct answer a = { .spec = o->spec, .pods = o->status.pods, .services = o->status.services };
	const char *nic = json_map_get(annotations, ANNOTATION_NIC);

	/* Clients of the Go agent refuse an answer without one of these four. */
	if (!a.spec.mode || !a.spec.mode[0])
		a.spec.mode = (char *)"auto";
	if (!a.spec.tune_routes.set)
		a.spec.tune_routes = (struct json_bool){ true, true };
	a.pods.set = a.services.set = true;
	if (nic && nic[0])
		a.spec.route_nic = a.annotated_nic = (char *)nic;
	return json_encode_text(&answer_table, &a, out, e);
}

static int answer(struct cluster *c, const struct question *q, struct deadline until, struct object **o,
		  struct buf *out, struct err *e)
{
	struct cluster_pod pod;
	int r = read_object(c, until, o, e);

	if (r == 0)
		r = make_prefixes(&(*o)->spec.hijack, e);
	if (r == 0)
		r = cluster_pod_get(c, q->ns, q->pod, "", until, &pod, e);
	if (r < 0)
		return r;
	r = print(*o, pod.annotations, out, e);
	cluster_pod_clear(&pod);
	return r;
}

int coordinator_config(struct cluster *c, const char *body, size_t len, struct deadline until,
		       struct buf *out, struct err *e)
{
	struct object *o = NULL;
	struct question q;
	int r = json_decode_text(&question_table, body, len, "body", &q, e);

	if (r < 0)
		return r;
	r = answer(c, &q, until, &o, out, e);
	cluster_free(&object_table, o);
	json_clear(&question_table, &q);
	return r;
}
