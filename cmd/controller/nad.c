/* SPDX-License-Identifier: Apache-2.0 */
/* nad.c - a NetworkAttachmentDefinition: is it as wanted, and the object that is */
#include "nad.h"

#include <string.h>

#include "base/own.h"
#include "kube/resource.h"

/* ---- what there is ---- */

static const struct json_field owner_fields[] = {
	JF(struct kube_owner, api_version, "apiVersion"),
	JF(struct kube_owner, kind, "kind"),
	JF(struct kube_owner, name, "name"),
	JF(struct kube_owner, uid, "uid"),
	JF(struct kube_owner, controller, "controller"),
};
static const struct json_table owner_table = JSON_TABLE(struct kube_owner, "owner", owner_fields);

static const struct json_field meta_fields[] = {
	JF(struct kube_meta_view, name, "name"),
	JF(struct kube_meta_view, ns, "namespace"),
	JF(struct kube_meta_view, uid, "uid"),
	JF(struct kube_meta_view, version, "resourceVersion"),
	JF(struct kube_meta_view, deleted_at, "deletionTimestamp"),
	JF(struct kube_meta_view, annotations, "annotations"),
	JL(struct kube_meta_view, owners, "ownerReferences", &owner_table),
};
static const struct json_table meta_table = JSON_TABLE(struct kube_meta_view, "metadata", meta_fields);

static const struct json_field spec_fields[] = { JF(struct nad_spec, config, "config") };
static const struct json_table spec_table = JSON_TABLE(struct nad_spec, "spec", spec_fields);

static const struct json_field fields[] = {
	JS(struct nad, meta, "metadata", &meta_table),
	JS(struct nad, spec, "spec", &spec_table),
};
const struct json_table nad_table = JSON_TABLE(struct nad, "NetworkAttachmentDefinition", fields);

static bool is(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

static bool same_map(const struct json_map *a, const struct json_map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!is(a->v[i].value, json_map_get(b, a->v[i].key)))
			return false;
	return true;
}

static bool controlled_by(const struct nad *n, const char *uid)
{
	const struct kube_owner *o = kube_controller(&n->meta);

	return o && is(o->uid, uid);
}

const struct kube_owner *nad_owner(const struct nad *n)
{
	for (size_t i = 0; i < n->meta.owners.n; i++) {
		const struct kube_owner *o = &n->meta.owners.v[i];

		if (is(o->kind, API_MULTUS_KIND) && o->api_version &&
		    strncmp(o->api_version, API_GROUP "/", strlen(API_GROUP "/")) == 0)
			return o;
	}
	return NULL;
}

bool nad_is(const struct nad *n, const struct api_multus_nad *want, const struct api_multus *owner)
{
	if (want->has_config ? !is(n->spec.config, buf_cstr(&want->config)) : n->spec.config != NULL)
		return false;
	return same_map(&n->meta.annotations, &want->annotations) && controlled_by(n, owner->obj.meta.uid);
}

/* ---- what it should be ---- */

static int set_owner(struct json_object *meta, const struct api_multus *m, struct err *e)
{
	struct kube_owner owner = { .api_version = (char *)API_VERSION,
				    .kind = (char *)API_MULTUS_KIND,
				    .name = m->obj.meta.name,
				    .uid = m->obj.meta.uid,
				    .controller = true };
	struct json_object *list = json_object_new_array(), *ref;
	int r = list ? json_encode(&owner_table, &owner, &ref, e) : err_nomem(e);

	if (r == 0)
		r = json_append(list, ref, e);
	if (r == 0)
		r = json_set(ref, "blockOwnerDeletion", json_object_new_boolean(true), e);
	if (r == 0)
		return json_set(meta, "ownerReferences", list, e);
	json_object_put(list);
	return r;
}

static int set_annotations(struct json_object *meta, const struct json_map *map, struct err *e)
{
	struct json_object *o = json_object_new_object();
	int r = o ? 0 : err_nomem(e);

	for (size_t i = 0; i < map->n && r == 0; i++)
		r = json_set_str(o, map->v[i].key, map->v[i].value, e);
	if (r == 0)
		return json_set(meta, "annotations", o, e);
	json_object_put(o);
	return r;
}

/* The member, made when it is absent. */
static int member(struct json_object *o, const char *key, struct json_object **ret, struct err *e)
{
	int r;

	*ret = json_get(o, key);
	if (*ret)
		return 0;
	*ret = json_object_new_object();
	r = json_set(o, key, *ret, e);
	return r;
}

int nad_change(struct json_object *nad, const struct api_multus_nad *want, const struct api_multus *owner,
	       struct buf *out, struct err *e)
{
	struct json_object *meta = NULL, *spec = NULL;
	int r = member(nad, "metadata", &meta, e);

	if (r == 0)
		r = member(nad, "spec", &spec, e);
	if (r == 0)
		r = set_annotations(meta, &want->annotations, e);
	if (r == 0)
		r = set_owner(meta, owner, e);
	if (r < 0)
		return r;
	json_object_object_del(spec, "config");
	if (want->has_config)
		r = json_set_str(spec, "config", buf_cstr(&want->config), e);
	return r < 0 ? r : json_print(nad, false, out, e);
}

int nad_new(const struct api_multus_nad *want, const struct api_multus *owner, struct buf *out, struct err *e)
{
	const struct kube_resource *res = &kube_resources[KUBE_NETWORK_ATTACHMENTS];
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(buf_clear) struct buf version = BUF_INIT(256);
	struct json_object *meta = NULL;
	int r;

	kube_resource_version(res, &version);
	r = o && !version.err ? 0 : err_nomem(e);
	if (r == 0)
		r = json_set_str(o, "apiVersion", buf_cstr(&version), e);
	if (r == 0)
		r = json_set_str(o, "kind", res->kind, e);
	if (r == 0)
		r = member(o, "metadata", &meta, e);
	if (r == 0)
		r = json_set_str(meta, "name", want->name, e);
	if (r == 0)
		r = json_set_str(meta, "namespace", owner->obj.meta.ns, e);
	return r < 0 ? r : nad_change(o, want, owner, out, e);
}
