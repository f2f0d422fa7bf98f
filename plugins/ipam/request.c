/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - from a CNI call to a request of the engine */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "api/block.h"
#include "base/own.h"
#include "cni/pod.h"
#include "nl/link.h"
#include "nl/netns.h"
#include "nl/sriov.h"
#include "session.h"

#define ANNOTATION_PREFIX "ipam.spidernet.io/"
#define NETWORKS          "k8s.v1.cni.cncf.io/networks"

static int read_annotations(const struct cni_conf *c, struct session_request *r, struct err *e)
{
	static const char *const keys[] = {
		ANNOTATION_PREFIX "ippools", ANNOTATION_PREFIX "ippool", ANNOTATION_PREFIX "routes",
		ANNOTATION_PREFIX "subnets", ANNOTATION_PREFIX "subnet", NETWORKS,
	};

	return cni_pod_annotations(c, keys, ARRAY_LEN(keys), &r->annotations, e);
}

static int read_labels(const struct cni_conf *c, const char *key, struct json_map *map,
		       struct ipam_labels *ret, struct err *e)
{
	struct json_object *from =
		json_get(c->runtime_config, key) ? c->runtime_config : cni_conf_args_cni(c);
	int r = cni_pod_map(from, key, map, e);

	*ret = (struct ipam_labels){ map->set, map };
	return r;
}

static int read_requested(struct session_request *r, struct err *e)
{
	if (r->asked.ips.n > IPAM_REQUESTED_MAX)
		return err_code(e, ERR_CONFIG, E2BIG,
				"%zu addresses are requested; want at most one of each family",
				r->asked.ips.n);
	for (size_t i = 0; i < r->asked.ips.n; i++)
		r->req.requested[r->req.n_requested++] = r->asked.ips.v[i].p.ip;
	return 0;
}

/* What goes into the records: one line each. */
static int check_text(const char *name, const char *value, size_t max, struct err *e)
{
	size_t len = strlen(value);

	if (len > max)
		return err_code(e, ERR_ENV, EINVAL, "%s is %zu bytes long; want at most %zu", name, len, max);
	for (const char *p = value; *p; p++)
		if (*p < ' ' || *p > '~')
			return err_code(e, ERR_ENV, EINVAL, "%s is \"%.64s\"; want printable ASCII", name,
					value);
	return 0;
}

static int check_texts(const struct ipam_request *r, struct err *e)
{
	const struct {
		const char *name, *value;
		size_t max;
	} texts[] = {
		{ "CNI_IFNAME", r->nic, 15 },
		{ "CNI_ARGS: K8S_POD_NAMESPACE", r->ns, STORE_NAME_MAX },
		{ "CNI_ARGS: K8S_POD_NAME", r->pod, STORE_NAME_MAX },
		{ "CNI_ARGS: K8S_POD_UID", r->uid, BLOCK_FIELD_MAX },
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (check_text(texts[i].name, texts[i].value, texts[i].max, e) < 0)
			return -e->sys;
	return 0;
}

/* Every failure is the reason why no pool matches. */
static void read_master(struct ipam_master *m, int sock, const char *ifname)
{
	char bus[SRIOV_BUS_MAX];
	struct err e;
	int r = sriov_bus(sock, ifname, bus, &e);

	if (r == 0)
		r = sriov_pf(SRIOV_SYSFS, bus, m->name, &e);
	if (r == 0)
		r = sriov_addresses(m->name, m->addr, IPAM_MASTER_MAX, &m->n, &e);
	if (r < 0)
		snprintf(m->unknown, sizeof(m->unknown), "%.200s", e.msg);
}

/* The NIC, if it exists already: some main plugins make it after calling us. */
static void read_link(struct session_request *r, const char *ifname, bool match_master)
{
	struct netns_item sock = { .domain = AF_INET, .type = SOCK_DGRAM };
	struct link_info link;
	struct err e;

	if (netns_open_in(r->netns, &sock, 1, &e) < 0)
		return;
	if (link_get(sock.fd, ifname, &link, &e) == 0) {
		link_mac_format(link.mac, r->mac);
		r->running = (link.flags & IFF_UP) && (link.flags & IFF_RUNNING);
	}
	if (match_master)
		read_master(&r->master, sock.fd, ifname);
	close(sock.fd);
}

static int read_netns(const struct session *s, struct session_request *r, struct err *e)
{
	const struct cni_env *env = &s->call->env;
	int x = netns_open(env->netns, &r->netns, e);

	if (s->conf.match_master_subnet)
		r->req.master = &r->master;

	if (x == 0)
		x = netns_id(r->netns, r->netns_id, e);
	if (x == 0)
		read_link(r, env->ifname, s->conf.match_master_subnet);
	return x;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

int session_request_read(struct session *s, struct session_request *r, struct err *e)
{
	const struct cni_call *c = s->call;
	int x;

	*r = (struct session_request){ .netns = -1 };
	r->req = (struct ipam_request){
		.network = c->conf.name,
		.container = c->env.container_id,
		.nic = c->env.ifname,
		.netns_path = c->env.netns,
		.netns_id = r->netns_id,
		.netns_dir = netns_dir_id(c->env.netns, r->netns_dir),
		.node = s->node,
		.boot = s->boot,
		.ns = text(c->args.pod_namespace),
		.pod = text(c->args.pod_name),
		.uid = text(c->args.pod_uid),
		.mac = r->mac,
		.annotations = &r->annotations,
		.node_labels = { s->conf.node_labels.set, &s->conf.node_labels },
	};
	x = check_texts(&r->req, e);
	if (x == 0)
		x = read_annotations(&c->conf, r, e);
	if (x == 0)
		x = read_labels(&c->conf, CNI_POD_LABELS, &r->pod_labels, &r->req.pod_labels, e);
	if (x == 0)
		x = read_labels(&c->conf, CNI_NAMESPACE_LABELS, &r->ns_labels, &r->req.ns_labels, e);
	if (x == 0)
		x = cni_request_read(&c->conf, &c->args, &r->asked, e);
	if (x == 0)
		x = read_requested(r, e);
	return x < 0 ? x : read_netns(s, r, e);
}

void session_request_clear(struct session_request *r)
{
	json_map_clear(&r->annotations);
	json_map_clear(&r->pod_labels);
	json_map_clear(&r->ns_labels);
	cni_request_clear(&r->asked);
	close_p(&r->netns);
}
