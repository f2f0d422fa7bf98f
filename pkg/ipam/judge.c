/* SPDX-License-Identifier: Apache-2.0 */
/* judge.c - what the API says of the owner of an address */
#include "ipam/judge.h"

#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kube/views.h"

/* What a pass remembers: a node, by its name; a hold, by its kind and reference. */
struct judge_seen {
	struct judge_seen *next;
	char *key;
	struct fate_node node;
	char boot[64];
	bool lives;
};

#define UNKNOWN_NODE \
	(struct fate_node) \
	{ \
		.is = FATE_NODE_UNKNOWN, .boot = "" \
	}

int judge_get(struct judge *j, const struct kube_resource *res, const char *ns, const char *name,
	      bool metadata_only, struct json_object **ret, struct err *e)
{
	struct kube_op op = { .res = res,
			      .ns = ns,
			      .name = name,
			      .metadata_only = metadata_only,
			      .until = j->until,
			      .cancel = j->cancel };
	int r;

	*ret = NULL;
	if (res->namespaced && !*ns) /* unlike other names that cannot be, it is not taken for gone */
		return err_code(e, ERR_CONFIG, EINVAL, "%s \"%s\": want a namespace, got none", res->kind,
				name);
	r = kube_get(j->k, &op, ret, e);
	/* A name that the API server could not have is nobody's. */
	if (r == -EINVAL && !op.answer.status)
		return err_set(e, ENOENT, "there is no %s \"%s\"", res->kind, name);
	if (r == -ENXIO)
		return err_code(e, ERR_TRY_AGAIN, ENXIO,
				"%s %s/%s: what answers as the API server does not know this kind of object",
				res->kind, ns ? ns : "", name);
	return r;
}

static int64_t time_of(const char *text, int64_t otherwise)
{
	int64_t ms;
	struct err e;

	return text && clock_parse(text, &ms, &e) == 0 ? ms : otherwise;
}

static int64_t now_of(const struct judge *j)
{
	return clock_wall_ms() + j->skew_ms;
}

/* ---- pods ---- */

static bool is_text(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* Without a UID: it is that of its name, if that was there before the record. */
static bool is_it(const struct kube_pod *p, const char *uid, int64_t since)
{
	if (!uid[0])
		return time_of(p->meta.created_at, 0) <= since;
	return is_text(p->meta.uid, uid) || is_text(kube_pod_config_hash(p), uid);
}

static void fill(struct json_object *tree, const struct kube_pod *p, bool same, int64_t now,
		 struct judge_pod *ret)
{
	const char *ip = json_get_str(json_get(tree, "status"), "podIP");

	snprintf(ret->node, sizeof(ret->node), "%s", p->spec.node ? p->spec.node : "");
	if (!same) {
		ret->created_at = time_of(p->meta.created_at, 0);
		ret->pod.is = kube_pod_config_hash(p) ? FATE_POD_STATIC : FATE_POD_ABSENT;
		return;
	}
	ret->pod.is = FATE_POD_SAME;
	ret->pod.alive = kube_pod_alive(p);
	ret->pod.silent = is_text(p->status.phase, "Running") && (!ip || !ip[0]);
	ret->pod.deleted_at = p->meta.deleted_at ? time_of(p->meta.deleted_at, now) : 0;
}

int judge_pod(struct judge *j, const char *ns, const char *name, const char *uid, int64_t since,
	      struct judge_pod *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct kube_pod p;
	struct err why;
	int r = judge_get(j, &kube_resources[KUBE_PODS], ns, name, false, &tree, &why);

	*ret = (struct judge_pod){ .pod.is = FATE_POD_ABSENT };
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		*e = why;
	else
		r = json_decode(&kube_pod_table, tree, "Pod", &p, e);
	if (r < 0)
		return err_wrap(e, "pod %s/%s", ns, name);
	if (p.meta.uid)
		fill(tree, &p, is_it(&p, uid, since), now_of(j), ret);
	else
		r = err_code(e, ERR_DECODE, EBADMSG, "pod %s/%s: an answer without a UID", ns, name);
	json_clear(&kube_pod_table, &p);
	return r;
}

/* ---- what a pass remembers ---- */

static struct judge_seen *recall(const struct judge *j, const char *key)
{
	struct judge_seen *s = j->seen;

	while (s && strcmp(s->key, key) != 0)
		s = s->next;
	return s;
}

/* It stays where it is until judge_end(): facts lend from it. */
static int remember(struct judge *j, const char *key, struct judge_seen **ret, struct err *e)
{
	struct judge_seen *s = calloc(1, sizeof(*s));

	if (s)
		s->key = strdup(key);
	if (!s || !s->key) {
		free(s);
		return err_nomem(e);
	}
	s->next = j->seen;
	*ret = j->seen = s;
	return 0;
}

void judge_end(struct judge *j)
{
	while (j->seen) {
		struct judge_seen *s = j->seen;

		j->seen = s->next;
		free(s->key);
		free(s);
	}
}

/* ---- nodes ---- */

static void fill_node(struct json_object *o, int64_t now, struct judge_seen *s)
{
	struct json_object *status = json_get(o, "status"), *conditions = json_get(status, "conditions");
	const char *boot = json_get_str(json_get(status, "nodeInfo"), "bootID");

	/* A node that never said so is not ready from its beginning. */
	s->node.is = FATE_NODE_NOT_READY;
	s->node.since = time_of(kube_meta(o, "creationTimestamp"), now);
	for (size_t i = 0; i < json_len(conditions); i++) {
		struct json_object *c = json_at(conditions, i);
		const char *changed = json_get_str(c, "lastTransitionTime");

		if (!is_text(json_get_str(c, "type"), "Ready"))
			continue;
		s->node.is =
			is_text(json_get_str(c, "status"), "True") ? FATE_NODE_READY : FATE_NODE_NOT_READY;
		s->node.since = time_of(changed, now);
	}
	snprintf(s->boot, sizeof(s->boot), "%s", boot ? boot : "");
}

static int node_of(struct judge *j, const char *name, struct fate_node *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct judge_seen *s;
	struct err why;
	int r;

	*ret = UNKNOWN_NODE;
	if (!name[0])
		return 0;
	s = recall(j, name);
	if (!s) {
		r = judge_get(j, &kube_resources[KUBE_NODES], NULL, name, false, &o, &why);
		if (r < 0 && r != -ENOENT) {
			*e = why;
			return r;
		}
		if (remember(j, name, &s, e) < 0)
			return -ENOMEM;
		s->node.is = FATE_NODE_ABSENT;
		if (r == 0)
			fill_node(o, now_of(j), s);
	}
	*ret = s->node;
	ret->boot = s->boot;
	return 0;
}

/* ---- holds ---- */

static int hold_of(struct judge *j, const struct block_rec *r, bool *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf key = BUF_INIT(BLOCK_FIELD_MAX + 32);
	struct judge_seen *s;
	int lives;

	buf_fmt(&key, "%s %s", hold_name(r->hold), r->ref);
	if (key.err)
		return err_nomem(e);
	s = recall(j, buf_cstr(&key));
	if (s) {
		*ret = s->lives;
		return 0;
	}
	lives = judge_hold(j, r->hold, r->ref, e);
	if (lives < 0)
		return lives;
	if (remember(j, buf_cstr(&key), &s, e) < 0)
		return -ENOMEM;
	*ret = s->lives = lives > 0;
	return 0;
}

/* ---- records ---- */

static int read_facts(struct judge *j, const struct block_rec *r, struct fate_facts *f, struct err *e)
{
	struct judge_pod p;
	int ret = judge_pod(j, r->ns, r->pod, r->uid, r->since, &p, e);
	int64_t now = now_of(j);

	if (ret < 0)
		return ret;
	if (p.pod.is == FATE_POD_STATIC && strcmp(p.node, r->node) != 0)
		p.pod.is = FATE_POD_ABSENT;
	if (p.pod.is == FATE_POD_ABSENT) {
		int64_t at_most = p.created_at && p.created_at < now ? p.created_at : now;

		p.pod.gone_since = j->gone_since ? j->gone_since(r, at_most, j->arg) : at_most;
	}
	f->pod = p.pod;
	if (p.pod.is == FATE_POD_SAME && p.pod.alive && !(j->rules.running_without_ip && p.pod.silent))
		return 0; /* nothing else counts */
	return node_of(j, r->node[0] || p.pod.is != FATE_POD_SAME ? r->node : p.node, &f->node, e);
}

int judge_record(struct judge *j, const struct block_rec *r, struct fate *ret, struct err *e)
{
	struct fate_facts f = { .node = UNKNOWN_NODE };
	bool fixed = r->hold == HOLD_STS || r->hold == HOLD_VM;
	int err = 0;

	if (fate_concerns(r) && !fate_waits(r) && r->pod[0])
		err = read_facts(j, r, &f, e);
	if (err == 0 && fixed && !(f.pod.is == FATE_POD_SAME && f.pod.alive))
		err = hold_of(j, r, &f.hold_lives, e);
	if (err < 0)
		return err;
	f.now = now_of(j);
	*ret = fate_of(r, &f, &j->rules);
	return 0;
}
