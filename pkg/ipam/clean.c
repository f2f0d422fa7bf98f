/* SPDX-License-Identifier: Apache-2.0 */
/* clean.c - everything of Spiderpool out of a cluster's API */
#include "ipam/clean.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"
#include "ipam/takeover.h"
#include "kube/object.h"
#include "kube/retry.h"

#define KINDS_MAX 64
#define LOOK_MS   200

static const struct kube_resource crds = { "apiextensions.k8s.io", "v1", "customresourcedefinitions",
					   "CustomResourceDefinition", false };
static const struct kube_resource validating = { "admissionregistration.k8s.io", "v1",
						 "validatingwebhookconfigurations",
						 "ValidatingWebhookConfiguration", false };
static const struct kube_resource mutating = { "admissionregistration.k8s.io", "v1",
					       "mutatingwebhookconfigurations",
					       "MutatingWebhookConfiguration", false };
static const struct kube_resource secrets = { "", "v1", "secrets", "Secret", true };
static const struct kube_resource maps = { "", "v1", "configmaps", "ConfigMap", true };

/* Made by who runs, not by a manifest. */
static const struct {
	const struct kube_resource *res;
	const char *name;
} made[] = {
	{ &kube_resources[KUBE_JOBS], "spiderpool-init" },
	{ &kube_resources[KUBE_LEASES], "spiderpool-controller-leases" },
	{ &kube_resources[KUBE_LEASES], TAKEOVER_LEASE },
	{ &secrets, "spiderpool-controller-webhook-certs" },
	{ &maps, "spiderpool-admission" },
	{ &maps, "spiderpool-gc" },
};

/* A kind of our group, as its definition says. */
struct kind {
	char *version, *plural, *kind, *crd;
	bool namespaced;
	size_t n; /* objects met */
};

struct cleaning {
	struct ipam_clean *x;
	struct deadline until;
	struct kind v[KINDS_MAX];
	size_t n;
};

static void tell(struct ipam_clean *x, const char *what, const char *name)
{
	char sentence[512];

	snprintf(sentence, sizeof(sentence), "%s %s %s", what, name,
		 x->dry_run ? "would be removed" : "removed");
	if (x->told)
		x->told(sentence, x->arg);
}

/* The object, or all of its kind. */
static bool is_gone(int r)
{
	return r == -ENOENT || r == -ENXIO;
}

/* What it owns goes too: without saying so, the pods of a Job stay. */
static int delete_whole(struct cleaning *c, const struct kube_op *op, struct err *e)
{
	static const char options[] = "{\"apiVersion\": \"v1\", \"kind\": \"DeleteOptions\", "
				      "\"propagationPolicy\": \"Background\"}";
	CLEANUP(buf_clear) struct buf path = BUF_INIT(4096);
	struct kube_request q = { .method = "DELETE", .body = options, .len = sizeof(options) - 1 };
	struct kube_retry again = { 0 };
	struct kube_answer a = { 0 };
	int r = kube_resource_path(op->res, op->ns, op->name, NULL, &path, e);

	if (r < 0)
		return r;
	q.path = path.s;
	do {
		kube_answer_clear(&a);
		r = kube_call(c->x->k, &q, c->until, &a, e);
	} while (r < 0 && kube_retry(c->x->k, &again, true, r, &a, c->until, NULL));
	kube_answer_clear(&a);
	return r;
}

/* 1: it was there. */
static int remove_one(struct cleaning *c, const struct kube_resource *res, const char *ns, const char *name,
		      struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct kube_op op = { .res = res, .ns = ns, .name = name, .until = c->until };
	int r = c->x->dry_run ? kube_get(c->x->k, &op, &o, e) : delete_whole(c, &op, e);

	return is_gone(r) ? 0 : r < 0 ? r : 1;
}

static int remove_named(struct cleaning *c, const struct kube_resource *res, const char *ns, const char *name,
			struct err *e)
{
	int r = name && *name ? remove_one(c, res, ns, name, e) : 0;

	if (r > 0)
		tell(c->x, res->kind, name);
	return r < 0 ? r : 0;
}

/* ---- objects of a kind ---- */

struct sweeping {
	struct cleaning *c;
	struct kube_resource res;
	size_t n;
};

/* Deleted first: nobody can add another finalizer then. */
static int sweep_one(struct json_object *o, void *arg, struct err *e)
{
	static const char no_finalizers[] = "{\"metadata\":{\"finalizers\":null}}";
	struct sweeping *s = arg;
	const char *name = kube_meta(o, "name"), *ns = kube_meta(o, "namespace");
	struct kube_op op = { .res = &s->res, .ns = ns, .name = name, .until = s->c->until };
	int r;

	if (!name)
		return err_code(e, ERR_DECODE, EBADMSG, "a %s without a name", s->res.kind);
	s->n++;
	if (s->c->x->dry_run)
		return 0;
	r = kube_delete(s->c->x->k, &op, e);
	if (r == 0 && json_len(json_get(json_get(o, "metadata"), "finalizers")))
		r = kube_patch(s->c->x->k, &op, KUBE_MERGE_PATCH, no_finalizers, sizeof(no_finalizers) - 1,
			       NULL, e);
	return is_gone(r) ? 0 : r;
}

static void begin(void *arg)
{
	((struct sweeping *)arg)->n = 0;
}

static int sweep_kind(struct cleaning *c, struct kind *k, struct err *e)
{
	struct sweeping s = { .c = c, .res = { API_GROUP, k->version, k->plural, k->kind, k->namespaced } };
	struct kube_op op = { .res = &s.res, .metadata_only = true, .until = c->until };
	const struct kube_lister l = { .each = sweep_one, .begin = begin, .arg = &s };
	int r = kube_list(c->x->k, &op, &l, NULL, e);

	if (s.n > k->n)
		k->n = s.n;
	/* The definition has just gone, or is not served yet. */
	return is_gone(r) ? 0 : r;
}

/* ---- definitions ---- */

static int served_version(struct json_object *spec, const char **ret)
{
	struct json_object *versions = json_get(spec, "versions");

	*ret = NULL;
	for (size_t i = 0; i < json_len(versions) && !*ret; i++) {
		bool served = false;

		if (json_get_bool(json_at(versions, i), "served", &served) && served)
			*ret = json_get_str(json_at(versions, i), "name");
	}
	return *ret != NULL;
}

/* Kept when the definition goes: for what is told at the end. */
static struct kind *find_kind(struct cleaning *c, const char *crd)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].crd, crd) == 0)
			return &c->v[i];
	return NULL;
}

static int add_kind(struct cleaning *c, struct json_object *o, struct err *e)
{
	struct json_object *spec = json_get(o, "spec"), *names = json_get(spec, "names");
	const char *version, *scope = json_get_str(spec, "scope"), *crd = kube_meta(o, "name"),
			     *plural = json_get_str(names, "plural"), *word = json_get_str(names, "kind");
	struct kind *k = &c->v[c->n];

	if (!crd || !plural || !word || !scope || !served_version(spec, &version))
		return err_code(e, ERR_DECODE, EBADMSG, "definition %.200s is not understood",
				crd ? crd : "");
	if (c->n == KINDS_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "more than %d kinds of group " API_GROUP, KINDS_MAX);
	*k = (struct kind){ strdup(version),
			    strdup(plural),
			    strdup(word),
			    strdup(crd),
			    strcmp(scope, "Namespaced") == 0,
			    0 };
	c->n++;
	return k->version && k->plural && k->kind && k->crd ? 0 : err_nomem(e);
}

struct looking {
	struct cleaning *c;
	struct json_strv there;
};

static int look_at_definition(struct json_object *o, void *arg, struct err *e)
{
	struct looking *l = arg;
	const char *group = json_get_str(json_get(o, "spec"), "group"), *name = kube_meta(o, "name");
	int r;

	if (!group || !name || strcmp(group, API_GROUP) != 0)
		return 0;
	r = find_kind(l->c, name) ? 0 : add_kind(l->c, o, e);
	return r < 0 ? r : json_strv_add(&l->there, name, e);
}

static void look_again(void *arg)
{
	json_strv_clear(&((struct looking *)arg)->there);
}

/* What is there, is told to go; the number of definitions that were there. */
static int round_trip(struct cleaning *c, struct err *e)
{
	struct looking l = { .c = c };
	struct kube_op op = { .res = &crds, .page = 20, .until = c->until };
	const struct kube_lister lister = { .each = look_at_definition, .begin = look_again, .arg = &l };
	int r = kube_list(c->x->k, &op, &lister, NULL, e);

	for (size_t i = 0; r >= 0 && i < l.there.n; i++) {
		r = sweep_kind(c, find_kind(c, l.there.v[i]), e);
		if (r == 0 && !c->x->dry_run)
			r = remove_one(c, &crds, NULL, l.there.v[i], e);
	}
	if (r >= 0)
		r = (int)l.there.n;
	json_strv_clear(&l.there);
	return r;
}

static int remove_kinds(struct cleaning *c, struct err *e)
{
	int r = round_trip(c, e);

	while (r > 0 && !c->x->dry_run) {
		if (deadline_left(c->until) <= LOOK_MS)
			return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
					"%d definitions of group " API_GROUP
					" are still there, as somebody makes objects of them, or the API "
					"server is slow; "
					"remove the workloads, and repeat this",
					r);
		r = kube_sleep(c->x->k, NULL, LOOK_MS, e);
		if (r == 0)
			r = round_trip(c, e);
	}
	return r < 0 ? r : 0;
}

static void tell_kinds(struct cleaning *c)
{
	char what[64];

	for (size_t i = 0; i < c->n; i++) {
		struct kind *k = &c->v[i];

		snprintf(what, sizeof(what), "%zu objects and the definition", k->n);
		tell(c->x, what, k->crd);
		c->x->objects += k->n;
		c->x->kinds++;
	}
}

static void clear(struct cleaning *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].version);
		free(c->v[i].plural);
		free(c->v[i].kind);
		free(c->v[i].crd);
	}
}

int ipam_clean(struct ipam_clean *x, struct deadline until, struct err *e)
{
	struct cleaning c = { .x = x, .until = until };
	int r = remove_named(&c, &validating, NULL, x->validating, e);

	if (r == 0)
		r = remove_named(&c, &mutating, NULL, x->mutating, e);
	if (r == 0)
		r = remove_kinds(&c, e);
	if (r == 0)
		tell_kinds(&c);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(made); i++)
		r = remove_named(&c, made[i].res, x->ns, made[i].name, e);
	clear(&c);
	return r;
}
