/* SPDX-License-Identifier: Apache-2.0 */
/* import_kube.c - import spiderpool, import whereabouts: what others recorded in a cluster's API
 *
 * Whereabouts has a custom resource for each range: spec.allocations by the distance from the range's first
 * address, {"id": container, "podref": "namespace/name", "ifname": NIC}.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "doc.h"
#include "import.h"
#include "ipam/takeover.h"
#include "kube/object.h"
#include "pod.h"

/* ---- spiderpool ---- */

struct spiderpool {
	bool dry_run;
};

static void told(const char *sentence, void *arg)
{
	ctl_warn(arg, "%s", sentence);
}

static int tell_due(struct ctl *c, const struct takeover_cluster *t, struct err *e)
{
	struct json_strv due = { 0 };
	int r = takeover_list(t, deadline_in(c->timeout_ms), &due, e);

	for (size_t i = 0; r == 0 && i < due.n; i++)
		ctl_note(c, "SpiderIPPool %s has addresses recorded by an older Spiderpool", due.v[i]);
	if (r == 0)
		ctl_note(c, "%zu pools would be taken over (dry run)", due.n);
	json_strv_clear(&due);
	return r;
}

static int run_spiderpool(struct ctl *c, const void *args, struct err *e)
{
	const struct spiderpool *opts = args;
	char identity[512];
	struct takeover_cluster t = { .identity = identity };
	struct takeover x = { .told = told, .arg = c };
	int r;

	if (!c->cluster)
		return ctl_usage(
			e, "import spiderpool: an older Spiderpool has its addresses in a cluster: want "
			   "--kubeconfig");
	r = ctl_open(c, CTL_WRITE, e);
	t.k = c->k;
	t.ns = c->settings.ns ? c->settings.ns : "kube-system";
	snprintf(identity, sizeof(identity), "spiderpoolctl/%s/%d", c->node, (int)getpid());
	x.stateful_set = c->settings.enable_stateful_set;
	x.kubevirt = c->settings.enable_kubevirt;
	if (r == 0 && opts->dry_run)
		return tell_due(c, &t, e);
	if (r == 0)
		r = takeover_fence(&t, deadline_in(c->timeout_ms), e);
	if (r == 0)
		r = takeover_run(&t, ctl_engine(c), &x, deadline_in(c->timeout_ms), e);
	if (r < 0)
		return r;
	ctl_note(c, "%d pools taken over: %zu addresses, %zu known already, %zu refused", r, x.taken, x.known,
		 x.refused);
	if (x.refused)
		c->status = CTL_FAILED;
	return 0;
}

static const struct option spiderpool_opts[] = {
	OPT(struct spiderpool, dry_run, 0, "dry-run", NULL, .help = "only tell which pools would be"),
};

const struct command import_spiderpool = {
	.name = "spiderpool",
	.summary = "addresses that an older Spiderpool recorded in its pools, on a cluster",
	.text = "What the agents do when they start; afterwards the pools serve again. Refused while pods of the "
		"older\n"
		"one are there.",
	OPTIONS(struct spiderpool, spiderpool_opts),
	.run = run_spiderpool,
};

/* ---- whereabouts ---- */

struct whereabouts {
	const char *pool, *network;
	bool dry_run, skip_refused;
};

struct allocation {
	char *id, *podref, *ifname;
};
static const struct json_field allocation_fields[] = {
	JF(struct allocation, id, "id"),
	JF(struct allocation, podref, "podref", .flags = JSON_REQUIRED),
	JF(struct allocation, ifname, "ifname"),
};
static const struct json_table allocation_table =
	JSON_TABLE(struct allocation, "allocation", allocation_fields);

/* Of a pod, what a request needs. */
struct known_pod {
	struct pod_objects objects;
	struct sandbox box;
};

struct reading {
	struct ctl *c;
	const struct whereabouts *opts;
	struct claims claims;
	struct known_pod **pods; /* one for each claim */
	size_t n;
};

static int parse_offset(const char *text, ip_num *ret)
{
	*ret = 0;
	for (const char *p = text; *p; p++) {
		if (*p < '0' || *p > '9' || *ret > ((ip_num)-1 - 9) / 10)
			return -EINVAL;
		*ret = *ret * 10 + (unsigned)(*p - '0');
	}
	return *text ? 0 : -EINVAL;
}

static int look_up(struct reading *x, struct claim *cl, const char *podref, struct err *e)
{
	const char *slash = strchr(podref, '/');
	char ns[STORE_NAME_MAX + 1];
	struct known_pod *p, **v;
	int r;

	if (!slash || (size_t)(slash - podref) > STORE_NAME_MAX)
		return err_code(e, ERR_DECODE, EBADMSG, "podref \"%.300s\": want NAMESPACE/NAME", podref);
	snprintf(ns, sizeof(ns), "%.*s", (int)(slash - podref), podref);
	v = realloc(x->pods, (x->n + 1) * sizeof(struct known_pod *));
	if (!v)
		return err_nomem(e);
	x->pods = v;
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_nomem(e);
	v[x->n++] = p;
	r = pod_read(x->c, ns, slash + 1, NULL, &p->objects, e);
	if (r < 0)
		return r;
	cl->of = &p->objects;
	if (!p->objects.pod_known) {
		cl->left_out = "its pod does not exist";
		return 0;
	}
	p->box = (struct sandbox){ .ns = p->objects.pod.meta.ns,
				   .pod = p->objects.pod.meta.name,
				   .uid = p->objects.pod.meta.uid };
	cl->box = &p->box;
	return 0;
}

static int add_allocation(struct reading *x, struct ip_prefix range, const char *offset,
			  struct json_object *o, struct err *e)
{
	struct allocation a;
	struct ip ip = range.ip;
	ip_num n;
	int r = json_decode(&allocation_table, o, NULL, &a, e);

	if (r < 0)
		return r;
	if (parse_offset(offset, &n) < 0 || range.ip.n + n < n)
		r = err_code(e, ERR_DECODE, EBADMSG, "\"%.64s\" is no distance from an address", offset);
	ip.n += n;
	/* Versions before 0.5 did not say the NIC. */
	if (r == 0)
		r = claims_add(&x->claims, ip, x->opts->network ? x->opts->network : "whereabouts",
			       a.id && *a.id ? a.id : a.podref, a.ifname && *a.ifname ? a.ifname : "net1", e);
	if (r == 0)
		r = look_up(x, &x->claims.v[x->claims.n - 1], a.podref, e);
	if (r == 0 && !(a.id && *a.id))
		x->claims.v[x->claims.n - 1].left_out = "its container is not recorded";
	json_clear(&allocation_table, &a);
	return r;
}

static int add_range(struct json_object *o, void *arg, struct err *e)
{
	struct json_object *spec = json_get(o, "spec"), *all = json_get(spec, "allocations");
	const char *text = json_get_str(spec, "range");
	struct reading *x = arg;
	struct ip_prefix range;
	int r = ip_prefix_parse_any(text ? text : "", &range, e);

	if (r == 0 && all && json_object_is_type(all, json_type_object)) {
		json_object_object_foreach(all, offset, allocation)
		{
			r = add_allocation(x, range, offset, allocation, e);
			if (r < 0)
				break;
		}
	}
	return r < 0 ? err_wrap(e, "IPPool %s of Whereabouts", kube_meta(o, "name")) : 0;
}

static void forget(void *arg)
{
	struct reading *x = arg;

	claims_clear(&x->claims);
}

static int read_ranges(struct reading *x, struct err *e)
{
	static const struct kube_resource pools = { "whereabouts.cni.cncf.io", "v1alpha1", "ippools",
						    "IPPool", true };
	struct kube_op op = { .res = &pools, .until = deadline_in(x->c->timeout_ms) };
	const struct kube_lister l = { .each = add_range, .begin = forget, .arg = x };
	int r = kube_list(x->c->k, &op, &l, NULL, e);

	return r == -ENXIO ? err_code(e, ERR_CONFIG, ENOENT,
				      "the cluster has no Whereabouts: it does not know IPPools of "
				      "whereabouts.cni.cncf.io")
			   : r;
}

static int run_whereabouts(struct ctl *c, const void *args, struct err *e)
{
	const struct whereabouts *opts = args;
	struct reading x = { .c = c, .opts = opts };
	int r;

	if (!c->cluster)
		return ctl_usage(e, "import whereabouts: Whereabouts has its addresses in a cluster: want "
				    "--kubeconfig");
	r = ctl_open(c, CTL_WRITE, e);
	if (r == 0)
		r = read_ranges(&x, e);
	if (r == 0)
		r = import_claims(c, &x.claims, opts->pool, opts->dry_run, opts->skip_refused, e);
	claims_clear(&x.claims);
	for (size_t i = 0; i < x.n; i++) {
		pod_clear(&x.pods[i]->objects);
		free(x.pods[i]);
	}
	free(x.pods);
	return r;
}

static const struct option whereabouts_opts[] = {
	OPT(struct whereabouts, pool, 0, "pool", "POOL", .offer = OFFER_POOL,
	    .help = "only into this pool (default: whichever has the address)"),
	OPT(struct whereabouts, network, 0, "network", "NAME",
	    .help = "the network's name in its new configuration (default whereabouts)"),
	OPT(struct whereabouts, skip_refused, 0, "skip-refused", NULL,
	    .help = "import what can be; otherwise one refusal changes nothing"),
	OPT(struct whereabouts, dry_run, 0, "dry-run", NULL, .help = "only tell what would be imported"),
};

const struct command import_whereabouts = {
	.name = "whereabouts",
	.summary = "addresses that Whereabouts gave out, on a cluster",
	.text = "Pods keep their addresses when a network changes its IPAM to spiderpool: make pools for its "
		"ranges,\n"
		"start no pods meanwhile, and restart the agents afterwards. Allocations of pods that do not "
		"exist\n"
		"are left out.",
	OPTIONS(struct whereabouts, whereabouts_opts),
	.run = run_whereabouts,
};
