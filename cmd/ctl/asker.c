/* SPDX-License-Identifier: Apache-2.0 */
/* asker.c - who asks for an address, in why and plan */
#include "asker.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"

#define PREFIX "ipam.spidernet.io/"

static const char *text(const char *s)
{
	return s ? s : "";
}

static int dup_to(char **to, const char *s, size_t len, struct err *e)
{
	free(*to);
	*to = strndup(s, len);
	return *to ? 0 : err_nomem(e);
}

/* ---- the pod ---- */

static int name_pod(struct asker *a, const char *pod, struct err *e)
{
	const char *slash = strchr(pod, '/');
	const char *name = slash ? slash + 1 : pod;
	int r;

	if (!*name || strchr(name, '/') || slash == pod || strlen(pod) > STORE_NAME_MAX)
		return ctl_usage(
			e, "pod \"%.300s\": want NAMESPACE/NAME, or the NAME of one in namespace default",
			pod);
	r = slash ? dup_to(&a->ns, pod, (size_t)(slash - pod), e) : dup_to(&a->ns, "default", 7, e);
	return r < 0 ? r : dup_to(&a->pod, name, strlen(name), e);
}

static int read_args(struct asker *a, const char *args, struct err *e)
{
	int r = cni_args_parse(args, false, &a->args, e);

	if (r < 0)
		return err_wrap(e, "--args");
	if (a->args.pod_name)
		r = dup_to(&a->pod, a->args.pod_name, strlen(a->args.pod_name), e);
	if (r == 0 && a->args.pod_namespace)
		r = dup_to(&a->ns, a->args.pod_namespace, strlen(a->args.pod_namespace), e);
	for (size_t i = 0; r == 0 && i < a->args.ips.n && i < IPAM_REQUESTED_MAX; i++)
		a->req.requested[a->req.n_requested++] = a->args.ips.v[i].p.ip;
	return r;
}

/* ---- what is recorded of it ---- */

struct search {
	struct asker *a;
	const struct asker_opts *opts;
};

/* The pod's attachment of the NIC in question, else any: network and container lead to the cache. */
static int look_at(const struct ipam_attachment *at, void *arg, struct err *e)
{
	const struct search *s = arg;
	struct asker *a = s->a;
	const char *nic = s->opts->nic ? s->opts->nic : "eth0";
	struct cni_cached cached;
	int r;

	if (strcmp(text(at->ns), text(a->ns)) != 0 || strcmp(text(at->pod), a->pod) != 0)
		return 0;
	if (a->nic && strcmp(at->nic, nic) != 0)
		return 0;
	r = dup_to(&a->nic, at->nic, strlen(at->nic), e);
	if (r == 0)
		r = dup_to(&a->network_name, at->network, strlen(at->network), e);
	if (r < 0)
		return r;
	r = cni_cache_read(s->opts->cache_dir ? s->opts->cache_dir : CNI_CACHE_DIR, at->network,
			   at->container, at->nic, &cached, e);
	if (r != 0)
		return 0; /* an unreadable cache is as good as none */
	cni_cached_clear(&a->cached);
	a->cached = cached;
	return 0;
}

/* ---- maps ---- */

struct map_holder {
	struct json_map map;
};
static const struct json_field map_fields[] = {
	JF(struct map_holder, map, "map"),
};
static const struct json_table map_table = JSON_TABLE(struct map_holder, "map", map_fields);

/* Annotations and labels as the runtime passed them in its capability arguments. */
static int from_cache(const struct asker *a, const char *key, struct json_map *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *wrap = NULL;
	struct json_object *v = json_get(a->cached.capability_args, key);
	struct map_holder h;
	int r;

	if (!v)
		return 0;
	wrap = json_object_new_object();
	r = wrap ? json_set(wrap, "map", json_object_get(v), e) : err_nomem(e);
	if (r == 0 && json_decode(&map_table, wrap, NULL, &h, e) < 0)
		return err_wrap(e, "cached capability %s", key);
	if (r == 0)
		*ret = h.map;
	return r;
}

static int from_options(const char *option, const char *prefix, const struct opt_list *list,
			struct json_map *ret, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchr(list->v[i], '=');
		CLEANUP(free_p) char *key = NULL;
		int r;

		if (!eq || eq == list->v[i])
			return ctl_usage(e, "--%s \"%.64s\": want KEY=VALUE", option, list->v[i]);
		if (asprintf(&key, "%s%.*s", memchr(list->v[i], '/', (size_t)(eq - list->v[i])) ? "" : prefix,
			     (int)(eq - list->v[i]), list->v[i]) < 0) {
			key = NULL;
			return err_nomem(e);
		}
		r = json_map_set(ret, key, eq + 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* In a cluster: from what the API server has. */
static int from_objects(struct asker *a, struct err *e)
{
	const struct pod_objects *p = &a->objects;
	int r = 0;

	if (p->pod_known)
		r = json_map_copy(&p->pod.meta.annotations, &a->annotations, e);
	if (r == 0 && p->pod_known)
		r = json_map_copy(&p->pod.meta.labels, &a->pod_labels, e);
	if (r == 0 && p->ns_known)
		r = json_map_copy(&p->ns.meta.labels, &a->ns_labels, e);
	if (r == 0 && p->node_known)
		r = json_map_copy(&p->node.meta.labels, &a->node_labels, e);
	a->pod_labels.set |= p->pod_known;
	a->ns_labels.set |= p->ns_known;
	a->node_labels.set |= p->node_known;
	return r;
}

static int read_maps(struct asker *a, const struct asker_opts *o, struct err *e)
{
	int r = from_objects(a, e);

	if (r == 0)
		r = from_cache(a, "io.kubernetes.cri.pod-annotations", &a->annotations, e);

	if (r == 0)
		r = from_cache(a, "io.kubernetes.cri.pod-labels", &a->pod_labels, e);
	if (r == 0)
		r = from_cache(a, "io.kubernetes.cri.namespace-labels", &a->ns_labels, e);
	if (r == 0)
		r = from_options("annotation", PREFIX, &o->annotations, &a->annotations, e);
	if (r == 0)
		r = from_options("pod-label", "", &o->pod_labels, &a->pod_labels, e);
	if (r == 0)
		r = from_options("namespace-label", "", &o->ns_labels, &a->ns_labels, e);
	if (r == 0 && a->section.node_labels.set)
		r = json_map_copy(&a->section.node_labels, &a->node_labels, e);
	return r < 0 ? r : from_options("node-label", "", &o->node_labels, &a->node_labels, e);
}

/* ---- the network's configuration ---- */

static int read_network(struct asker *a, struct ctl *c, const struct asker_opts *o, struct err *e)
{
	int r;

	if (o->conflist) {
		r = network_load(o->conflist, &a->network, e);
	} else if (a->cached.config.len) {
		r = cni_network_parse(buf_cstr(&a->cached.config), a->cached.config.len,
				      "cached configuration", &a->network, e);
		a->from_cache = r == 0;
	} else {
		return 0;
	}
	if (r < 0)
		return r;
	r = section_read(&a->network, &a->section, e);
	if (r == 0 && o->conflist)
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: no plugin has \"ipam\": {\"type\": \"spiderpool\"}", o->conflist);
	if (r > 0 && c->cluster && ipam_section_is_local(&a->section))
		ctl_warn(c, "network %s takes its addresses from state directories, not from a cluster",
			 a->network.name);
	if (r > 0 && !c->cluster && !section_is_of(&a->section, c->state_dir))
		ctl_warn(c, "network %s takes its addresses from %s, not from %s", a->network.name,
			 ipam_section_is_local(&a->section) ? a->section.state_dir : "another datastore",
			 c->state_dir);
	return r < 0 ? r : 0;
}

static int copy_names(const struct opt_list *from, struct json_strv *to, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < from->n; i++)
		r = json_strv_add(to, from->v[i], e);
	return r;
}

static int set_conf(struct asker *a, struct ctl *c, const struct asker_opts *o, struct err *e)
{
	struct ipam_conf *conf = &c->ipam.conf;
	int r = copy_names(&o->default_ipv4, &a->default_ipv4, e);

	if (r == 0)
		r = copy_names(&o->default_ipv6, &a->default_ipv6, e);
	conf->default_ipv4 = a->default_ipv4.n ? &a->default_ipv4 : &a->section.default_ipv4_ippool;
	conf->default_ipv6 = a->default_ipv6.n ? &a->default_ipv6 : &a->section.default_ipv6_ippool;
	section_apply(&a->section, c);
	return r;
}

/* ---- */

static const char *first_of(const char *a, const char *b, const char *c, const char *d)
{
	return a ? a : b ? b : c ? c : d;
}

static void fill_objects(struct asker *a)
{
	const struct pod_objects *p = &a->objects;
	struct ipam_request *req = &a->req;

	if (p->ns_known)
		req->ns_annotations = &p->ns.meta.annotations;
	req->owner = (struct ipam_owner){ text(p->owner.api_version), text(p->owner.kind), req->ns,
					  text(p->owner.name), text(p->owner.uid) };
	req->hold = p->hold.hold;
	req->hold_ref = p->hold.ref;
	req->endpoint = p->hold.endpoint;
	if (p->pod_known)
		req->uid = p->pod.meta.uid;
}

static void fill(struct asker *a, const struct ctl *c, const struct asker_opts *o)
{
	struct ipam_request *req = &a->req;

	req->network = first_of(o->network, a->network.name, a->network_name, "");
	req->nic = first_of(o->nic, a->nic, NULL, "eth0");
	req->node = first_of(o->node, a->objects.pod.spec.node, NULL, c->cluster ? "" : c->node);
	req->container = req->netns_path = req->netns_id = req->mac = "";
	req->boot = c->boot;
	req->ns = text(a->ns);
	req->pod = text(a->pod);
	req->uid = text(a->args.pod_uid);
	req->annotations = &a->annotations;
	req->pod_labels = (struct ipam_labels){ a->pod_labels.set, &a->pod_labels };
	req->ns_labels = (struct ipam_labels){ a->ns_labels.set, &a->ns_labels };
	req->node_labels = (struct ipam_labels){ a->node_labels.set, &a->node_labels };
	if (c->cluster)
		fill_objects(a);
}

static int read_objects(struct asker *a, struct ctl *c, const struct asker_opts *o, struct err *e)
{
	const struct kube_pod *p = &a->objects.pod;
	int r = pod_read(c, text(a->ns), a->pod, o->node, &a->objects, e);

	if (r < 0)
		return r;
	if (!a->objects.pod_known)
		ctl_note(c,
			 "pod %s/%s does not exist: this is about one of that name that the options describe",
			 text(a->ns), a->pod);
	else if (!p->spec.node && !o->node)
		ctl_note(c, "pod %s/%s has no node yet: --node NODE tells for one", p->meta.ns, p->meta.name);
	else if (p->spec.host_network)
		ctl_note(c, "pod %s/%s uses the network of its node: it needs no address", p->meta.ns,
			 p->meta.name);
	if (a->objects.pod_known && !kube_pod_alive(p))
		ctl_note(c, "pod %s/%s is on its way out or has ended; it gets no address", p->meta.ns,
			 p->meta.name);
	return 0;
}

int asker_init(struct asker *a, struct ctl *c, const struct asker_opts *opts, const char *pod, struct err *e)
{
	struct search s = { a, opts };
	int r = pod ? name_pod(a, pod, e) : 0;

	if (r == 0 && opts->args)
		r = read_args(a, opts->args, e);
	if (r == 0 && opts->nic && !cni_ifname_ok(opts->nic))
		r = ctl_usage(e, "--nic \"%.32s\": want the name of an interface", opts->nic);
	if (r == 0 && a->pod)
		r = c->cluster ? read_objects(a, c, opts, e) : attachments_each(c, look_at, &s, e);
	if (r == 0)
		r = read_network(a, c, opts, e);
	if (r == 0)
		r = read_maps(a, opts, e);
	if (r == 0)
		r = set_conf(a, c, opts, e);
	if (r == 0)
		fill(a, c, opts);
	if (c->cluster)
		c->ipam.conf.ring_key = text(a->req.node); /* as the agent of that node begins */
	return r;
}

void asker_clear(struct asker *a)
{
	pod_clear(&a->objects);
	cni_args_clear(&a->args);
	cni_network_clear(&a->network);
	ipam_section_clear(&a->section);
	cni_cached_clear(&a->cached);
	json_map_clear(&a->annotations);
	json_map_clear(&a->pod_labels);
	json_map_clear(&a->ns_labels);
	json_map_clear(&a->node_labels);
	json_strv_clear(&a->default_ipv4);
	json_strv_clear(&a->default_ipv6);
	free(a->ns);
	free(a->pod);
	free(a->network_name);
	free(a->nic);
	*a = (struct asker){ 0 };
}
