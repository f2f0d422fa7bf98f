/* SPDX-License-Identifier: Apache-2.0 */
/* init.c - spiderpool-controller init, also called spiderpool-init: what a cluster is given once
 *
 * What is there already is left as it is, so this may run any number of times. Everything is tried again
 * until its time is over: webhooks, definitions and the API server come up in any order.
 */
#include "init.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"
#include "controller.h"
#include "kube/object.h"

#define AGAIN_MS 2000
#define CALL_MS  15000

struct init {
	struct init_conf conf;
	struct kube *k;
	struct deadline until;
};

static struct deadline one_call(const struct init *x)
{
	return deadline_min(x->until, deadline_in(CALL_MS));
}

/* As often as it says -EAGAIN, and says why; the same sentence once. */
static int try(struct init *x, int (*step)(struct init *x, void *arg, struct err *e), void *arg,
	       struct err *e)
{
	char said[ERR_MSG_MAX] = "";
	const struct timespec pause = { AGAIN_MS / 1000, AGAIN_MS % 1000 * 1000000L };

	while (step(x, arg, e) < 0) {
		if (e->sys == ENOMEM || deadline_left(x->until) <= AGAIN_MS)
			return -e->sys;
		if (strcmp(said, e->msg) != 0)
			say(LOG_LEVEL_WARN, "trying again: %s", e->msg);
		snprintf(said, sizeof(said), "%s", e->msg);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* ---- steps ---- */

static int open_api(struct init *x, void *arg, struct err *e)
{
	(void)arg;
	return kube_open_any(x->conf.kubeconfig, NULL, x->conf.kube_host, x->conf.kube_port, &x->k, e);
}

static int find_controller(struct init *x, void *arg, struct err *e)
{
	static const struct kube_resource endpoints = { "", "v1", "endpoints", "Endpoints", true };
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = {
		.res = &endpoints, .ns = x->conf.ns, .name = x->conf.controller, .until = one_call(x)
	};
	struct json_object *subsets;
	int r = kube_get(x->k, &op, &o, e);

	(void)arg;
	if (r < 0)
		return r;
	subsets = json_get(o, "subsets");
	for (size_t i = 0; i < json_len(subsets); i++)
		if (json_len(json_get(json_at(subsets, i), "addresses")))
			return 0;
	return err_code(e, ERR_TRY_AGAIN, EAGAIN, "no controller is ready: Service %s/%s has no endpoint",
			x->conf.ns, x->conf.controller);
}

static int find_network(struct init *x, void *arg, struct err *e)
{
	return init_network(x->conf.cni_dir, arg, e);
}

static int create(struct init *x, void *arg, struct err *e)
{
	const struct init_object *o = arg;
	CLEANUP(buf_clear) struct buf b = BUF_INIT(KUBE_REQUEST_MAX);
	struct kube_op op = { .res = o->res, .ns = o->ns, .until = one_call(x) };
	int r = json_print(o->body, false, &b, e);

	if (r == 0)
		r = kube_create(x->k, &op, buf_cstr(&b), b.len, NULL, e);
	if (r < 0 && r != -EEXIST)
		return r;
	say(LOG_LEVEL_INFO, "%s %s%s%s: %s", o->res->kind, o->ns ? o->ns : "", o->ns ? "/" : "", o->name,
	    r == 0 ? "made" : "is there already, left as it is");
	return 0;
}

static int make_all(struct init *x, struct err *e)
{
	CLEANUP(free_p) char *network = NULL;
	struct init_object v[INIT_OBJECTS_MAX];
	int n, r = try(x, find_controller, NULL, e);

	if (r == 0 && x->conf.multus && *x->conf.cni_name) {
		network = strdup(x->conf.cni_name);
		r = network ? 0 : err_nomem(e);
	} else if (r == 0 && x->conf.multus) {
		r = try(x, find_network, &network, e);
	}
	n = r < 0 ? r : init_objects(&x->conf, network, v, e);
	for (int i = 0; r == 0 && i < n; i++)
		r = try(x, create, &v[i], e);
	init_objects_clear(v, n);
	return n < 0 ? n : r;
}

int init_main(int argc, char **argv, char **envp)
{
	struct init x = { .k = NULL };
	struct err e;
	int r;

	/* "spiderpool-init", or "spiderpool-controller init" */
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "init") != 0))
		r = err_code(&e, ERR_CONFIG, EINVAL,
			     "no arguments are wanted: what to make is in the environment");
	else
		r = init_read(envp, &x.conf, &e);
	if (r < 0) {
		fprintf(stderr, "spiderpool-init: %s\n", e.msg);
		return 2;
	}
	x.until = deadline_in(x.conf.wait_s * 1000);
	r = try(&x, open_api, NULL, &e);
	if (r == 0)
		r = make_all(&x, &e);
	if (r < 0)
		say(LOG_LEVEL_ERROR, "%s", e.msg);
	else
		say(LOG_LEVEL_INFO, "done");
	kube_close(x.k);
	init_clear(&x.conf);
	return r < 0;
}
