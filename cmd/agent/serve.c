/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - the agent's HTTP interfaces: bodies to verbs, and back */
#include <errno.h>
#include <string.h>

#include "agent.h"
#include "base/own.h"
#include "coordinator.h"
#include "daemon/signals.h"
#include "json/json.h"

#define SOCKET_MODE 0600

/* ---- answers ---- */

/* Clients of the Go agent read a JSON text; ours an object with the code of CNI. */
static int fail(struct http_exchange *x, bool ours, const struct err *e)
{
	struct err ignored;

	if (!ours) {
		http_say(x, 500, "%s", e->msg);
		return 0;
	}
	x->status = 500;
	return json_encode_text(&socket_error_table,
				&(struct socket_error){ .code = (uint32_t)e->cni, .message = (char *)e->msg },
				&x->answer, &ignored);
}

static int decode(struct http_exchange *x, const struct json_table *t, void *out, struct err *e)
{
	return json_decode_text(t, x->body, x->len, "body", out, e);
}

/* A body that cannot be read: whose it is is not known. */
static int unreadable(struct http_exchange *x, struct err *e)
{
	e->cni = ERR_CONFIG;
	return fail(x, strstr(x->body, "\"networkName\"") != NULL, e);
}

static int reply(struct http_exchange *x, const struct json_table *t, const void *v, struct err *e)
{
	return json_encode_text(t, v, &x->answer, e);
}

/* ---- ADD, DEL ---- */

static int serve_add(struct http_exchange *x, void *arg)
{
	struct agent *a = arg;
	double start = clock_mono_s();
	struct socket_answer ans = { 0 };
	struct socket_add q;
	struct err e;
	int r = decode(x, &socket_add_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_add(a, &q, x->until, &ans, &e);
	gauges_add(r, &e, clock_mono_s() - start);
	if (r == 0)
		r = reply(x, &socket_answer_table, &ans, &e);
	if (r < 0) {
		say(LOG_LEVEL_WARN, "ADD pod=%s/%s container=%s nic=%s failed: %s", q.pod_namespace,
		    q.pod_name, q.container_id, q.ifname, e.msg);
		r = fail(x, q.network != NULL, &e);
	} else if (!ans.again) {
		x->own = x; /* it may have to be undone */
	}
	json_clear(&socket_answer_table, &ans);
	json_clear(&socket_add_table, &q);
	return r;
}

/* The plugin did not live to read its answer: nobody has the address. */
static void after(struct http_exchange *x, bool delivered, void *arg)
{
	struct agent *a = arg;
	struct socket_add q;
	struct err e;

	if (delivered || !x->own || decode(x, &socket_add_table, &q, &e) < 0)
		return;
	const struct socket_del d = { .container_id = q.container_id,
				      .ifname = q.ifname,
				      .pod_namespace = q.pod_namespace,
				      .pod_name = q.pod_name,
				      .pod_uid = q.pod_uid,
				      .network = q.network };
	say(LOG_LEVEL_WARN,
	    "ADD pod=%s/%s container=%s nic=%s: the plugin is gone, its address is given back",
	    q.pod_namespace, q.pod_name, q.container_id, q.ifname);
	if (verb_undo(a, &d, deadline_in(AGENT_DEL_MS), &e) < 0)
		say(LOG_LEVEL_ERROR, "ADD container=%s nic=%s could not be undone: %s", q.container_id,
		    q.ifname, e.msg);
	json_clear(&socket_add_table, &q);
}

static int serve_del(struct http_exchange *x, void *arg)
{
	double start = clock_mono_s();
	struct socket_del q;
	struct err e;
	int r = decode(x, &socket_del_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_del(arg, &q, x->until, &e);
	gauges_release(clock_mono_s() - start);
	if (r < 0)
		r = fail(x, q.network != NULL, &e);
	json_clear(&socket_del_table, &q);
	return r;
}

static int serve_undo(struct http_exchange *x, void *arg)
{
	struct socket_del q;
	struct err e;
	int r = decode(x, &socket_del_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_undo(arg, &q, x->until, &e);
	if (r < 0)
		r = fail(x, true, &e);
	json_clear(&socket_del_table, &q);
	return r;
}

static int serve_conflict(struct http_exchange *x, void *arg)
{
	struct socket_answer ans = { 0 };
	struct socket_conflict q;
	struct err e;
	int r = decode(x, &socket_conflict_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_conflict(arg, &q, x->until, &ans, &e);
	if (r == 0)
		r = reply(x, &socket_answer_table, &ans, &e);
	if (r < 0)
		r = fail(x, true, &e);
	json_clear(&socket_answer_table, &ans);
	json_clear(&socket_conflict_table, &q);
	return r;
}

static int serve_nothing(struct http_exchange *x, void *arg)
{
	(void)x;
	(void)arg;
	return 0;
}

static int serve_batch(struct http_exchange *x, void *arg)
{
	double start = clock_mono_s();
	struct socket_batch_del q;
	struct err e;
	int r = decode(x, &socket_batch_del_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_batch_del(arg, &q, x->until, &e);
	gauges_release(clock_mono_s() - start);
	if (r < 0) {
		gauges_release_failed(&e);
		http_say(x, e.cni == SOCKET_FORBID_STATEFUL || e.cni == SOCKET_FORBID_STATELESS ? e.cni : 500,
			 "%s", e.msg);
	}
	json_clear(&socket_batch_del_table, &q);
	return 0;
}

/* ---- GC, CHECK, STATUS ---- */

static int serve_gc(struct http_exchange *x, void *arg)
{
	struct socket_freed freed = { 0 };
	struct socket_gc q;
	struct err e;
	int r = decode(x, &socket_gc_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_gc(arg, &q, x->until, &freed.freed, &e);
	r = r < 0 ? fail(x, true, &e) : reply(x, &socket_freed_table, &freed, &e);
	json_clear(&socket_gc_table, &q);
	return r;
}

static int serve_check(struct http_exchange *x, void *arg)
{
	struct socket_check q;
	struct err e;
	int r = decode(x, &socket_check_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_check(arg, &q, x->until, &e);
	if (r < 0)
		r = fail(x, true, &e);
	json_clear(&socket_check_table, &q);
	return r;
}

static int serve_status(struct http_exchange *x, void *arg)
{
	struct socket_status q;
	struct err e;
	int r = decode(x, &socket_status_table, &q, &e);

	if (r < 0)
		return unreadable(x, &e);
	r = verb_status(arg, &q, x->until, &e);
	if (r < 0)
		r = fail(x, true, &e);
	json_clear(&socket_status_table, &q);
	return r;
}

static int serve_workload(struct http_exchange *x, void *arg)
{
	const char *ns = http_query(x, "podNamespace"), *pod = http_query(x, "podName");
	struct socket_workload w;
	struct err e;
	int r;

	if (!ns || !*ns || !pod || !*pod) {
		http_say(x, 400, "want ?podNamespace=NAMESPACE&podName=NAME");
		return 0;
	}
	r = verb_workload(arg, ns, pod, x->until, &w, &e);
	if (r == 0) {
		r = reply(x, &socket_workload_table, &w, &e);
		json_clear(&socket_workload_table, &w);
	}
	if (r < 0)
		http_say(x, r == -ENOENT ? 404 : 500, "%s", e.msg);
	return 0;
}

static int serve_coordinator(struct http_exchange *x, void *arg)
{
	struct agent *a = arg;
	struct err e;

	if (coordinator_config(a->cluster, x->body, x->len, x->until, &x->answer, &e) < 0)
		http_say(x, 500, "%s", e.msg);
	return 0;
}

/* ---- probes, metrics ---- */

static int serve_probe(struct http_exchange *x, void *arg)
{
	struct agent *a = arg;

	if (!a->started)
		http_say(x, 500, "spiderpool-agent is not ready: it has not read the cluster's state yet");
	return 0;
}

static int serve_not_here(struct http_exchange *x, void *arg)
{
	(void)arg;
	http_say(x, 501, "%s is served on the agent's unix socket alone", x->path);
	return 0;
}

static int serve_metrics(struct http_exchange *x, void *arg)
{
	x->type = METRICS_TYPE;
	gauges_print(arg, &x->answer);
	return 0;
}

/* ---- */

static const struct http_route socket_routes[] = {
	{ "GET", SOCKET_PATH_HEALTHY, serve_nothing },
	{ "POST", SOCKET_PATH_IP, serve_add },
	{ "DELETE", SOCKET_PATH_IP, serve_del },
	{ "POST", SOCKET_PATH_IPS, serve_nothing },
	{ "DELETE", SOCKET_PATH_IPS, serve_batch },
	{ "GET", SOCKET_PATH_WORKLOAD, serve_workload },
	{ "GET", "/v1/coordinator/config", serve_coordinator },
	{ "POST", SOCKET_PATH_UNDO, serve_undo },
	{ "POST", SOCKET_PATH_CONFLICT, serve_conflict },
	{ "POST", SOCKET_PATH_GC, serve_gc },
	{ "POST", SOCKET_PATH_CHECK, serve_check },
	{ "POST", SOCKET_PATH_STATUS, serve_status },
};
static const struct http_route health_routes[] = {
	{ "GET", "/v1/runtime/startup", serve_probe },    { "GET", "/v1/runtime/readiness", serve_probe },
	{ "GET", "/v1/runtime/liveness", serve_nothing }, { "GET", SOCKET_PATH_HEALTHY, serve_not_here },
	{ "POST", SOCKET_PATH_IP, serve_not_here },       { "DELETE", SOCKET_PATH_IP, serve_not_here },
	{ "POST", SOCKET_PATH_IPS, serve_not_here },      { "DELETE", SOCKET_PATH_IPS, serve_not_here },
};
static const struct http_route metrics_routes[] = { { "GET", NULL, serve_metrics } };

int serve_probes(struct agent *a, struct err *e)
{
	const struct http_server_conf health = { .routes = health_routes,
						 .n = ARRAY_LEN(health_routes),
						 .arg = a };
	const struct http_server_conf metrics = { .routes = metrics_routes,
						  .n = ARRAY_LEN(metrics_routes),
						  .arg = a };
	int r = http_server_tcp(&health, NULL, (uint16_t)a->conf.health_port, &a->health, e);

	if (r < 0)
		return err_wrap(e, "SPIDERPOOL_HEALTH_PORT %lld", (long long)a->conf.health_port);
	if (!a->conf.metrics)
		return 0;
	r = http_server_tcp(&metrics, NULL, (uint16_t)a->conf.metrics_port, &a->metrics, e);
	return r < 0 ? err_wrap(e, "SPIDERPOOL_METRIC_HTTP_PORT %lld", (long long)a->conf.metrics_port) : 0;
}

int serve_start(struct agent *a, struct err *e)
{
	const struct http_server_conf c = {
		.routes = socket_routes, .n = ARRAY_LEN(socket_routes), .after = after, .arg = a
	};
	int r = http_server_unix(&c, a->conf.file.socket, SOCKET_MODE, &a->socket, e);

	return r < 0 ? err_wrap(e, "ipamUnixSocketPath") : 0;
}

void serve_stop(struct agent *a, struct deadline until)
{
	daemon_server_stop(a->socket, until);
	daemon_server_stop(a->health, until);
	daemon_server_stop(a->metrics, until);
}
