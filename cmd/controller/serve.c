/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - probes, metrics and the HTTP API of a replica */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "controller.h"
#include "daemon/signals.h"
#include "http/server.h"
#include "metrics/metrics.h"

static int serve_startup(struct http_exchange *x, void *arg)
{
	struct controller *c = arg;

	if (!c->started)
		http_say(x, 500, "spiderpool-controller is starting");
	return 0;
}

static int serve_readiness(struct http_exchange *x, void *arg)
{
	char holder[KUBE_HOLDER_MAX];
	struct controller *c = arg;

	if (!c->started)
		http_say(x, 500, "spiderpool-controller is starting");
	else if (!*kube_lease_holder(c->lease, holder))
		http_say(x, 500, "no replica leads yet");
	return 0;
}

static int serve_liveness(struct http_exchange *x, void *arg)
{
	(void)x;
	(void)arg;
	return 0;
}

static double read_leading(void *arg)
{
	struct controller *c = arg;

	return c->leading;
}

static int serve_metrics(struct http_exchange *x, void *arg)
{
	struct controller *c = arg;
	const struct metric rows[] = {
		METRIC_READ("spiderpool_controller_leading", "1: this replica leads", read_leading, c),
	};

	x->type = METRICS_TYPE;
	metrics_print(&(struct metrics){ rows, ARRAY_LEN(rows) }, &x->answer);
	webhook_metrics(&x->answer);
	gc_metrics(c, &x->answer);
	if (!lead_use(c))
		return 0;
	pools_metrics(c, &x->answer);
	lead_done(c);
	return 0;
}

static const struct http_route metrics_routes[] = { { "GET", NULL, serve_metrics } };
static const struct http_route probes[] = {
	{ "GET", "/v1/runtime/startup", serve_startup },
	{ "GET", "/v1/runtime/readiness", serve_readiness },
	{ "GET", "/v1/runtime/liveness", serve_liveness },
};

static int serve_health(struct controller *c, struct err *e)
{
	static struct http_route routes[ARRAY_LEN(probes) + 8];
	const struct http_server_conf health = { .routes = routes,
						 .n = ARRAY_LEN(probes) + controller_api_n,
						 .arg = c };

	memcpy(routes, probes, sizeof(probes));
	memcpy(routes + ARRAY_LEN(probes), controller_api_routes,
	       controller_api_n * sizeof(controller_api_routes[0]));
	if (http_server_tcp(&health, NULL, (uint16_t)c->conf.health_port, &c->health, e) < 0)
		return err_wrap(e, "SPIDERPOOL_HEALTH_PORT %lld", (long long)c->conf.health_port);
	return 0;
}

int serve_start(struct controller *c, struct err *e)
{
	const struct http_server_conf metrics = { .routes = metrics_routes,
						  .n = ARRAY_LEN(metrics_routes),
						  .arg = c };
	int r = serve_health(c, e);

	if (r < 0 || !c->conf.metrics)
		return r;
	r = http_server_tcp(&metrics, NULL, (uint16_t)c->conf.metrics_port, &c->metrics, e);
	return r < 0 ? err_wrap(e, "SPIDERPOOL_METRIC_HTTP_PORT %lld", (long long)c->conf.metrics_port) : 0;
}

void serve_stop(struct controller *c, struct deadline until)
{
	daemon_server_stop(c->health, until);
	daemon_server_stop(c->metrics, until);
}
