/* SPDX-License-Identifier: Apache-2.0 */
/* discovery.c - what the API server serves */
#include "discovery.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"
#include "kube/object.h"
#include "kube/retry.h"

#define PATH_LEN 512

static const struct kube_resource definitions = { "apiextensions.k8s.io", "v1", "customresourcedefinitions",
						  "CustomResourceDefinition", false };
static const struct kube_resource services = { "apiregistration.k8s.io", "v1", "apiservices", "APIService",
					       false };

static bool fits(char *to, size_t size, const char *s, size_t len)
{
	if (len >= size)
		return false;
	memcpy(to, s, len);
	to[len] = '\0';
	return true;
}

static int not_served(const char *api_version, const char *kind, struct err *e)
{
	return err_code(e, ERR_TRY_AGAIN, ENOENT, "the API server has no kind %.64s in %.253s", kind,
			api_version);
}

static bool take_name(struct discovered *d, const char *api_version, const char *kind)
{
	const char *slash = strchr(api_version, '/'), *version = slash ? slash + 1 : api_version;

	return fits(d->group, sizeof(d->group), api_version, slash ? (size_t)(slash - api_version) : 0) &&
	       fits(d->version, sizeof(d->version), version, strlen(version)) &&
	       fits(d->kind, sizeof(d->kind), kind, strlen(kind));
}

/* Subresources are listed like resources, as "plural/sub". */
static bool has_scale(struct json_object *resources, const char *plural)
{
	char want[sizeof(((struct discovered *)0)->plural) + 8];

	snprintf(want, sizeof(want), "%s/scale", plural);
	for (size_t i = 0; i < json_len(resources); i++) {
		const char *name = json_get_str(json_at(resources, i), "name");

		if (name && !strcmp(name, want))
			return true;
	}
	return false;
}

int discovery_read(struct json_object *list, const char *api_version, const char *kind,
		   struct discovered *ret, struct err *e)
{
	struct json_object *resources = json_get(list, "resources");

	*ret = (struct discovered){ 0 };
	if (!take_name(ret, api_version, kind))
		return not_served(api_version, kind, e);
	for (size_t i = 0; i < json_len(resources); i++) {
		struct json_object *o = json_at(resources, i);
		const char *name = json_get_str(o, "name"), *of = json_get_str(o, "kind");
		bool namespaced = false;

		if (!name || !of || strchr(name, '/') || strcmp(of, kind) != 0 ||
		    !fits(ret->plural, sizeof(ret->plural), name, strlen(name)))
			continue;
		json_get_bool(o, "namespaced", &namespaced);
		ret->res = (struct kube_resource){ ret->group, ret->version, ret->plural, ret->kind,
						   namespaced };
		ret->scale = has_scale(resources, name);
		return 0;
	}
	return not_served(api_version, kind, e);
}

int discovery_find(struct kube *k, const char *api_version, const char *kind, struct deadline until,
		   struct kube_cancel *cancel, struct discovered *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = NULL;
	struct kube_request q = { .method = "GET", .cancel = cancel };
	struct kube_retry again = { 0 };
	struct kube_answer a = { 0 };
	char path[PATH_LEN];
	int r;

	/* Written by whoever owns a pod: it becomes a path. */
	if (strspn(api_version, "abcdefghijklmnopqrstuvwxyz0123456789.-/") != strlen(api_version) ||
	    strstr(api_version, "..") || strchr(api_version, '/') != strrchr(api_version, '/'))
		return not_served(api_version, kind, e);
	snprintf(path, sizeof(path), "%s/%.253s", strchr(api_version, '/') ? "/apis" : "/api", api_version);
	q.path = path;
	do {
		kube_answer_clear(&a);
		r = kube_call(k, &q, until, &a, e);
	} while (r < 0 && kube_retry(k, &again, true, r, &a, until, cancel));
	if (r == 0)
		r = json_parse(buf_cstr(&a.body), a.body.len, path, &list, e);
	kube_answer_clear(&a);
	/* Of a group that is not known at all the answer is no Status. */
	if (r == -ENOENT || r == -ENXIO)
		return not_served(api_version, kind, e);
	return r < 0 ? err_wrap(e, "discovery of %s", path) : discovery_read(list, api_version, kind, ret, e);
}

void discovery_copy(const struct discovered *in, struct discovered *ret)
{
	*ret = *in;
	ret->res = (struct kube_resource){ ret->group, ret->version, ret->plural, ret->kind,
					   in->res.namespaced };
}

/* ---- what is not served ---- */

struct search {
	const char *group, *kind;
	struct json_strv names; /* of definitions of the group */
	bool served_beside;     /* the group, by a server of its own */
};

static void begin(void *arg)
{
	struct search *s = arg;

	json_strv_clear(&s->names);
	s->served_beside = false;
}

/* Called plural.group, and only metadata comes: a schema may be large. */
static int each_definition(struct json_object *o, void *arg, struct err *e)
{
	const char *name = kube_meta(o, "name"), *group = name ? strchr(name, '.') : NULL;
	struct search *s = arg;

	return group && !strcmp(group + 1, s->group) ? json_strv_add(&s->names, name, e) : 0;
}

static int each_service(struct json_object *o, void *arg, struct err *e)
{
	struct json_object *spec = json_get(o, "spec");
	const char *group = json_get_str(spec, "group");
	struct search *s = arg;

	(void)e;
	s->served_beside |= group && !strcmp(group, s->group) && json_get(spec, "service");
	return 0;
}

static int is_of_kind(struct kube *k, struct kube_op *op, const char *kind, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	const char *of;
	int r = kube_get(k, op, &o, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	of = json_get_str(json_get(json_get(o, "spec"), "names"), "kind");
	return of && !strcmp(of, kind);
}

static int search(struct kube *k, struct kube_op *op, struct search *s, struct err *e)
{
	const struct kube_lister in_definitions = { each_definition, begin, s };
	const struct kube_lister in_services = { each_service, NULL, s };
	int r;

	op->res = &definitions;
	op->metadata_only = true;
	r = kube_list(k, op, &in_definitions, NULL, e);
	op->metadata_only = false;
	for (size_t i = 0; r == 0 && i < s->names.n; i++) {
		op->name = s->names.v[i];
		r = is_of_kind(k, op, s->kind, e);
	}
	op->name = NULL;
	op->res = &services;
	if (r == 0)
		r = kube_list(k, op, &in_services, NULL, e);
	return r < 0 ? r : r || s->served_beside;
}

int discovery_defined(struct kube *k, const char *api_version, const char *kind, struct deadline until,
		      struct kube_cancel *cancel, struct err *e)
{
	const char *slash = strchr(api_version, '/');
	char group[254] = "";
	struct search s = { .group = group, .kind = kind };
	struct kube_op op = { .until = until, .cancel = cancel };
	int r;

	if (slash && (size_t)(slash - api_version) < sizeof(group))
		memcpy(group, api_version, (size_t)(slash - api_version));
	/* Groups without a dot are the API server's own: the kind is there in another version. */
	if (!strchr(group, '.'))
		return 1;
	r = search(k, &op, &s, e);
	json_strv_clear(&s.names);
	return r;
}
