/* SPDX-License-Identifier: Apache-2.0 */
/* gc_endpoint.c - SpiderEndpoints that hold nothing any more: their finalizer goes, and what is nobody's goes
 * with it */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "gc_impl.h"
#include "ipam/endpoint.h"
#include "ipam/owner.h"

#define SOON_MS 1000 /* the agent is about to write */

struct look {
	struct gc *g;
	struct kube_cancel *cancel;
	const char *ns, *name;
	struct json_object *o;
};

static struct kube_op op_of(const struct look *l)
{
	return (struct kube_op){ .res = &kube_resources[KUBE_SPIDERENDPOINTS],
				 .ns = l->ns,
				 .name = l->name,
				 .until = deadline_in(GC_CALL_MS),
				 .cancel = l->cancel };
}

/* ---- does it hold anything? ---- */

static bool is_ours(const struct look *l, const struct block_rec *r, const char *nic)
{
	return fate_concerns(r) && strcmp(r->ns, l->ns) == 0 && strcmp(r->nic, nic) == 0 &&
	       (strcmp(r->pod, l->name) == 0 || strcmp(endpoint_record_name(r), l->name) == 0);
}

/* 1: a record says that the endpoint's pod has the address. */
static int holds(struct look *l, const char *address, const char *nic, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = op_of(l);
	char name[IP_BLOCK_NAME_MAX];
	const char *records;
	struct ip_prefix p;
	struct block b;
	int r;

	if (!address || ip_prefix_parse(address, &p, e) < 0)
		return 0;
	op.res = &kube_resources[KUBE_SPIDERIPBLOCKS];
	op.ns = NULL;
	op.name = ip_block_name(p.ip.ver, p.ip.n >> IP_BLOCK_BITS, name);
	r = kube_get(l->g->c->k, &op, &o, e);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	records = json_get_str(json_get(o, "spec"), "records");
	r = block_decode(p.ip.ver, p.ip.n >> IP_BLOCK_BITS, records ? records : "",
			 records ? strlen(records) : 0, &b, e);
	if (r < 0)
		return err_wrap(e, "SpiderIPBlock %s", name);
	r = is_ours(l, &b.rec[p.ip.n & (IP_BLOCK_SIZE - 1)], nic ? nic : "");
	block_clear(&b);
	return r;
}

static int holds_any(struct look *l, struct err *e)
{
	struct json_object *ips = json_get(json_get(json_get(l->o, "status"), "current"), "ips");
	int r = 0;

	for (size_t i = 0; r == 0 && i < json_len(ips); i++) {
		struct json_object *ip = json_at(ips, i);
		const char *nic = json_get_str(ip, "interface");

		r = holds(l, json_get_str(ip, "ipv4"), nic, e);
		if (r == 0)
			r = holds(l, json_get_str(ip, "ipv6"), nic, e);
	}
	return r;
}

/* ---- may it go? ---- */

static bool is_of_pod(struct json_object *o)
{
	struct json_object *owners = json_get(json_get(o, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_len(owners); i++) {
		const char *kind = json_get_str(json_at(owners, i), "kind");

		if (kind && strcmp(kind, "Pod") == 0)
			return true;
	}
	return false;
}

/* 1: what it would be kept for lives. */
static int is_kept(struct look *l, struct judge *j, struct err *e)
{
	CLEANUP(buf_clear) struct buf ref = BUF_INIT(BLOCK_FIELD_MAX);
	struct json_object *status = json_get(l->o, "status");
	const char *kind = json_get_str(status, "ownerControllerType");
	const char *owner = json_get_str(status, "ownerControllerName"), *ordinal = strrchr(l->name, '-');
	enum hold hold = HOLD_POD;
	int64_t n;

	if (kind && owner && ordinal && strcmp(kind, "StatefulSet") == 0 && owner_ordinal(ordinal + 1, &n)) {
		hold = HOLD_STS;
		buf_fmt(&ref, "%s/%s/%s", l->ns, owner, ordinal + 1);
	} else if (kind && strcmp(kind, "VirtualMachineInstance") == 0) {
		hold = HOLD_VM;
		buf_fmt(&ref, "%s/%s", l->ns, l->name);
	}
	if (ref.err)
		return err_nomem(e);
	return hold == HOLD_POD ? 0 : judge_hold(j, hold, buf_cstr(&ref), e);
}

/* 1: nobody is behind it any more; 0: it stays; *ret_ms more than 0: for now. */
static int is_outdated(struct look *l, int64_t *ret_ms, struct err *e)
{
	struct judge j = gc_judge(l->g, l->cancel);
	const char *uid = json_get_str(json_get(json_get(l->o, "status"), "current"), "uid");
	struct judge_pod p;
	int64_t due;
	int r;

	*ret_ms = 0;
	if (!is_of_pod(l->o) && !l->g->c->conf.file.clean_endpoints)
		return 0;
	r = judge_pod(&j, l->ns, l->name, uid ? uid : "", INT64_MAX, &p, e);
	if (r < 0 || p.pod.is != FATE_POD_ABSENT)
		return r;
	/* As long as an agent may be at it, it is the agent's. */
	due = gc_seen_gone(&l->g->seen, l->ns, l->name, uid ? uid : "", gc_now(l->g)) + FATE_AGENT_MS;
	if (gc_now(l->g) < due) {
		*ret_ms = due - gc_now(l->g) + SOON_MS;
		return 0;
	}
	r = is_of_pod(l->o) ? 0 : is_kept(l, &j, e);
	return r < 0 ? r : !r;
}

/* ---- going ---- */

static int finalizers(struct json_object *o, struct buf *out, struct err *e)
{
	struct json_object *l = json_get(json_get(o, "metadata"), "finalizers");
	const char *comma = "";

	buf_str(out, "[");
	for (size_t i = 0; i < json_len(l); i++) {
		const char *f = json_text(json_at(l, i));

		if (!f || strcmp(f, API_FINALIZER) == 0)
			continue;
		buf_fmt(out, "%s\"%s\"", comma, f); /* qualified names: nothing to escape */
		comma = ",";
	}
	buf_str(out, "]");
	return out->err ? err_nomem(e) : 0;
}

static bool is_bound(struct json_object *o)
{
	struct json_object *l = json_get(json_get(o, "metadata"), "finalizers");

	for (size_t i = 0; i < json_len(l); i++) {
		const char *f = json_text(json_at(l, i));

		if (f && strcmp(f, API_FINALIZER) == 0)
			return true;
	}
	return false;
}

/* As it was read, or not at all: a new pod of that name may have it by now. */
static int unbind(struct look *l, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(4096);
	struct kube_op op = op_of(l);
	int r;

	if (!is_bound(l->o))
		return 0;
	buf_fmt(&b, "{\"metadata\":{\"uid\":\"%s\",\"resourceVersion\":\"%s\",\"finalizers\":",
		kube_meta(l->o, "uid"), kube_meta(l->o, "resourceVersion"));
	r = finalizers(l->o, &b, e);
	buf_str(&b, "}}");
	if (r == 0)
		r = kube_patch(l->g->c->k, &op, KUBE_MERGE_PATCH, b.s, b.len, NULL, e);
	if (r == 0)
		say(LOG_LEVEL_INFO, "SpiderEndpoint %s/%s holds nothing any more: its finalizer is removed",
		    l->ns, l->name);
	return r == -ENOENT ? 0 : r;
}

/* First it is on its way out, so that who wants one makes another; then nothing keeps it. */
static int remove_it(struct look *l, struct err *e)
{
	struct kube_op op = op_of(l);
	int r;

	op.if_uid = kube_meta(l->o, "uid");
	op.if_version = kube_meta(l->o, "resourceVersion");
	r = kube_delete(l->g->c->k, &op, e);
	if (r == 0)
		say(LOG_LEVEL_INFO, "SpiderEndpoint %s/%s is nobody's any more: it is deleted", l->ns,
		    l->name);
	return r == -ENOENT ? 0 : r;
}

int64_t gc_endpoint(struct gc *g, const char *ns, const char *name, struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct look l = { .g = g, .cancel = cancel, .ns = ns, .name = name };
	struct kube_op op = op_of(&l);
	int64_t ms = 0;
	int r = kube_get(g->c->k, &op, &o, e);

	if (r == -ENOENT)
		return 0;
	l.o = o;
	if (r == 0)
		r = holds_any(&l, e);
	if (r)
		return r < 0 ? r : 0;
	if (kube_meta(o, "deletionTimestamp"))
		return unbind(&l, e);
	r = is_outdated(&l, &ms, e);
	if (r <= 0)
		return r < 0 ? r : ms;
	r = remove_it(&l, e);
	/* Then it has another version, and is looked at as one that is going. */
	return r < 0 ? r : 1;
}
