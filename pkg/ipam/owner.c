/* SPDX-License-Identifier: Apache-2.0 */
/* owner.c - whom a pod belongs to, and what keeps its addresses */
#include "ipam/owner.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/own.h"

#define REF_MAX     512
#define ORDINAL_MAX INT32_MAX

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

/* What of Kubernetes' own stands between a pod and its workload. What controls it counts when it is of the
 * group and kind above (of any version: a CronJob of an older cluster is batch/v1beta1). */
static const struct step {
	const char *api_version, *kind;
	enum kube_resource_id res, above;
} steps[] = {
	{ "apps/v1", "ReplicaSet", KUBE_REPLICASETS, KUBE_DEPLOYMENTS },
	{ "batch/v1", "Job", KUBE_JOBS, KUBE_CRONJOBS },
};

const struct kube_resource *owner_below(const struct kube_owner *o)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (same(o->api_version, steps[i].api_version) && same(o->kind, steps[i].kind) && o->name &&
		    o->uid)
			return &kube_resources[steps[i].res];
	return NULL;
}

bool owner_above(const struct kube_resource *below, const struct kube_owner *up)
{
	for (size_t i = 0; i < ARRAY_LEN(steps); i++)
		if (below == &kube_resources[steps[i].res])
			return up && up->api_version && up->kind &&
			       kube_resource_find(up->api_version, up->kind) ==
				       &kube_resources[steps[i].above];
	return false;
}

bool owner_ordinal(const char *s, int64_t *ret)
{
	size_t len = strlen(s);

	if (!len || len > 10 || strspn(s, "0123456789") != len || (*s == '0' && len > 1))
		return false;
	*ret = strtoll(s, NULL, 10);
	return *ret <= ORDINAL_MAX;
}

/* The ordinal behind "SET-", or NULL. */
static const char *ordinal_of(const char *pod, const char *set)
{
	size_t len = strlen(set);
	int64_t n;

	if (strncmp(pod, set, len) != 0 || pod[len] != '-' || !owner_ordinal(pod + len + 1, &n))
		return NULL;
	return pod + len + 1;
}

static int set_ref(struct owner_hold *h, const struct kube_owner *o, const char *ns, enum hold hold,
		   const char *more, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(REF_MAX);

	buf_fmt(&b, "%s/%s%s%s", ns, o->name, more ? "/" : "", more ? more : "");
	if (b.err == -EFBIG)
		return err_code(e, ERR_IO, EFBIG, "%s %s/%s: its name is too long", o->kind, ns, o->name);
	if (b.err)
		return err_nomem(e);
	h->hold = hold;
	h->ref = TAKE_PTR(b.s);
	return 0;
}

int owner_hold_of(const struct kube_owner *o, const char *ns, const char *pod, bool stateful_set,
		  bool kubevirt, struct owner_hold *ret, struct err *e)
{
	const char *n;

	*ret = (struct owner_hold){ .hold = HOLD_POD };
	if (!o->api_version || !o->kind || !o->name)
		return 0;
	if (stateful_set && !strcmp(o->api_version, "apps/v1") && !strcmp(o->kind, "StatefulSet")) {
		n = ordinal_of(pod, o->name);
		return n ? set_ref(ret, o, ns, HOLD_STS, n, e) : 0;
	}
	if (!kubevirt || strcmp(o->api_version, OWNER_KUBEVIRT) != 0 ||
	    strcmp(o->kind, "VirtualMachineInstance") != 0)
		return 0;
	ret->endpoint = strdup(o->name);
	return ret->endpoint ? set_ref(ret, o, ns, HOLD_VM, NULL, e) : err_nomem(e);
}

void owner_hold_clear(struct owner_hold *h)
{
	free(h->ref);
	free(h->endpoint);
	*h = (struct owner_hold){ 0 };
}
