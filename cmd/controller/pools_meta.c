/* SPDX-License-Identifier: Apache-2.0 */
/* pools_meta.c - what admission would have made of a pool or subnet */
#include "pools_meta.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "api/tables.h"
#include "base/clock.h"
#include "base/own.h"
#include "pools_patch.h"

static bool has_controller(const struct api_meta *m)
{
	bool is;

	for (size_t i = 0; i < json_len(m->owner_references); i++)
		if (json_get_bool(json_at(m->owner_references, i), "controller", &is) && is)
			return true;
	return false;
}

static bool label_is(const struct api_meta *m, const char *key, const char *value)
{
	const char *v = json_map_get(&m->labels, key);

	return v && strcmp(v, value) == 0;
}

static bool is_owned(const struct api_ippool *p, const struct api_subnet *owner)
{
	char value[API_LABEL_MAX];

	return label_is(&p->obj.meta, API_LABEL_OWNER, api_label_value(owner->obj.meta.name, value)) &&
	       (has_controller(&p->obj.meta) || !owner->obj.meta.uid);
}

/* What every object of ours has. A CIDR that makes no label is left alone. */
static bool is_plain(const struct api_meta *m, const struct api_range_spec *s, const char *key)
{
	char value[API_LABEL_MAX];
	struct err unreadable;

	if (!json_strv_has(&m->finalizers, API_FINALIZER))
		return false;
	if (s->subnet && api_cidr_label(s->subnet, value, &unreadable) == 0 && !label_is(m, key, value))
		return false;
	return s->ip_version.set || !api_range_version(s);
}

bool pools_meta_due(const struct api_ippool *p, const struct api_subnet *owner)
{
	const struct api_meta *m = &p->obj.meta;

	if (m->deletion_timestamp)
		return false;
	return !json_map_get(&m->annotations, API_ANNOTATION_TAKEN_OVER) ||
	       !is_plain(m, &p->spec.range, API_LABEL_POOL_CIDR) || (owner && !is_owned(p, owner));
}

/* ---- finalizer, labels, owner ---- */

static int patch_meta(struct pools_patch *x, const struct api_meta *was, const struct api_meta *is,
		      struct err *e)
{
	int r = 0;

	if (was->finalizers.n != is->finalizers.n)
		r = pools_patch_finalizers(x, &is->finalizers, e);
	for (size_t i = 0; r == 0 && i < is->labels.n; i++)
		if (!label_is(was, is->labels.v[i].key, is->labels.v[i].value))
			r = pools_patch_text(x, "metadata", "labels", is->labels.v[i].key,
					     is->labels.v[i].value, e);
	if (r == 0 && json_len(was->owner_references) != json_len(is->owner_references))
		r = pools_patch_raw(x, "metadata", "ownerReferences", is->owner_references, e);
	return r;
}

static int patch_version(struct pools_patch *x, const struct api_range_spec *was,
			 const struct api_range_spec *is, struct err *e)
{
	if (was->ip_version.set || !is->ip_version.set)
		return 0;
	return pools_patch_put(x, "spec", "ipVersion", json_object_new_int64(is->ip_version.v), e);
}

static int mark(struct pools_patch *x, const struct api_meta *m, int64_t now, struct err *e)
{
	char at[CLOCK_TEXT_MAX];

	if (json_map_get(&m->annotations, API_ANNOTATION_TAKEN_OVER))
		return 0;
	return pools_patch_text(x, "metadata", "annotations", API_ANNOTATION_TAKEN_OVER,
				clock_format(now, at), e);
}

int pools_meta_patch(const struct api_ippool *p, const struct api_subnet *owner, int64_t now, struct buf *out,
		     struct err *e)
{
	const struct api_world w = { .enable_subnet = true, .subnets = &owner, .n_subnets = owner != NULL };
	struct pools_patch x = { 0 };
	struct api_ippool d;
	int r;

	if (!pools_meta_due(p, owner))
		return 0;
	r = json_copy(&api_ippool_table, p, &d, e);
	if (r == 0)
		r = api_default(API_IPPOOL, &d, &w, e);
	if (r == 0)
		r = pools_patch_begin(&x, &p->obj.meta, e);
	if (r == 0)
		r = patch_meta(&x, &p->obj.meta, &d.obj.meta, e);
	if (r == 0)
		r = patch_version(&x, &p->spec.range, &d.spec.range, e);
	if (r == 0)
		r = mark(&x, &p->obj.meta, now, e);
	if (r == 0 && owner && !is_owned(p, owner))
		r = pools_patch_inherited(&x, &p->spec.range, &d.spec.range, e);
	if (r == 0)
		r = pools_patch_end(&x, out, e);
	pools_patch_clear(&x);
	json_clear(&api_ippool_table, &d);
	return r;
}

int pools_meta_release(const struct api_meta *m, struct buf *out, struct err *e)
{
	struct pools_patch x = { 0 };
	struct json_strv left = { .set = true };
	int r = 0;

	if (!json_strv_has(&m->finalizers, API_FINALIZER))
		return 0;
	for (size_t i = 0; r == 0 && i < m->finalizers.n; i++)
		if (strcmp(m->finalizers.v[i], API_FINALIZER) != 0)
			r = json_strv_add(&left, m->finalizers.v[i], e);
	if (r == 0)
		r = pools_patch_begin(&x, m, e);
	if (r == 0)
		r = pools_patch_finalizers(&x, &left, e);
	if (r == 0)
		r = pools_patch_end(&x, out, e);
	pools_patch_clear(&x);
	json_strv_clear(&left);
	return r;
}
