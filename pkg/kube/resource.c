/* SPDX-License-Identifier: Apache-2.0 */
/* resource.c - the resources that we read or write */
#include "kube/resource.h"

#include <errno.h>
#include <string.h>

#define SPIDER(p, k, ns) \
	{ \
		"spiderpool.spidernet.io", "v2beta1", p, k, ns \
	}

const struct kube_resource kube_resources[KUBE_RESOURCE_MAX] = {
	[KUBE_PODS] = { "", "v1", "pods", "Pod", true },
	[KUBE_NODES] = { "", "v1", "nodes", "Node", false },
	[KUBE_NAMESPACES] = { "", "v1", "namespaces", "Namespace", false },
	[KUBE_EVENTS] = { "", "v1", "events", "Event", true },
	[KUBE_LEASES] = { "coordination.k8s.io", "v1", "leases", "Lease", true },
	[KUBE_REPLICASETS] = { "apps", "v1", "replicasets", "ReplicaSet", true },
	[KUBE_DEPLOYMENTS] = { "apps", "v1", "deployments", "Deployment", true },
	[KUBE_STATEFULSETS] = { "apps", "v1", "statefulsets", "StatefulSet", true },
	[KUBE_DAEMONSETS] = { "apps", "v1", "daemonsets", "DaemonSet", true },
	[KUBE_JOBS] = { "batch", "v1", "jobs", "Job", true },
	[KUBE_CRONJOBS] = { "batch", "v1", "cronjobs", "CronJob", true },
	[KUBE_NETWORK_ATTACHMENTS] = { "k8s.cni.cncf.io", "v1", "network-attachment-definitions",
				       "NetworkAttachmentDefinition", true },
	[KUBE_SPIDERIPPOOLS] = SPIDER("spiderippools", "SpiderIPPool", false),
	[KUBE_SPIDERSUBNETS] = SPIDER("spidersubnets", "SpiderSubnet", false),
	[KUBE_SPIDERRESERVEDIPS] = SPIDER("spiderreservedips", "SpiderReservedIP", false),
	[KUBE_SPIDERENDPOINTS] = SPIDER("spiderendpoints", "SpiderEndpoint", true),
	[KUBE_SPIDERIPBLOCKS] = SPIDER("spideripblocks", "SpiderIPBlock", false),
	[KUBE_SPIDERMULTUSCONFIGS] = SPIDER("spidermultusconfigs", "SpiderMultusConfig", true),
	[KUBE_SPIDERCOORDINATORS] = SPIDER("spidercoordinators", "SpiderCoordinator", false),
};

/* Of a group, any version: an owner may have been written by another one. */
const struct kube_resource *kube_resource_find(const char *api_version, const char *kind)
{
	const char *slash = strchr(api_version, '/');
	size_t len = slash ? (size_t)(slash - api_version) : 0;

	for (size_t i = 0; i < KUBE_RESOURCE_MAX; i++) {
		const struct kube_resource *r = &kube_resources[i];

		if (!strcmp(r->kind, kind) && strlen(r->group) == len && !memcmp(r->group, api_version, len))
			return r;
	}
	return NULL;
}

void kube_resource_version(const struct kube_resource *r, struct buf *out)
{
	buf_fmt(out, "%s%s%s", r->group, *r->group ? "/" : "", r->version);
}

static void escape(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		    strchr("-._~", c))
			buf_chr(out, (char)c);
		else
			buf_fmt(out, "%%%02X", c);
	}
}

/* The API server's own rule for what may stand in a path. */
static int segment(struct buf *out, const char *what, const char *s, struct err *e)
{
	if (!*s || !strcmp(s, ".") || !strcmp(s, "..") || strpbrk(s, "/%") || strlen(s) > 253)
		return err_code(e, ERR_IO, EINVAL,
				"%s \"%.253s\": want a name of 1 to 253 bytes without / and %%", what, s);
	buf_chr(out, '/');
	escape(out, s);
	return 0;
}

int kube_resource_path(const struct kube_resource *r, const char *ns, const char *name, const char *sub,
		       struct buf *out, struct err *e)
{
	int ret = 0;

	buf_fmt(out, *r->group ? "/apis/%s/%s" : "/api%s/%s", r->group, r->version);
	if (r->namespaced && ns && *ns) {
		buf_str(out, "/namespaces");
		ret = segment(out, "namespace", ns, e);
	}
	buf_fmt(out, "/%s", r->plural);
	if (ret == 0 && name)
		ret = segment(out, r->kind, name, e);
	if (ret == 0 && sub)
		ret = segment(out, "subresource", sub, e);
	if (ret == 0 && out->err)
		ret = out->err == -ENOMEM ? err_nomem(e) : err_code(e, ERR_IO, EFBIG, "a path too long");
	return ret;
}

void kube_query(struct buf *out, const char *key, const char *value)
{
	if (!value)
		return;
	buf_chr(out, strchr(buf_cstr(out), '?') ? '&' : '?');
	buf_str(out, key);
	buf_chr(out, '=');
	escape(out, value);
}
