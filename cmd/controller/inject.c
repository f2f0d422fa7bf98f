/* SPDX-License-Identifier: Apache-2.0 */
/* inject.c - what a Pod gets by one annotation */
#include "inject.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define NETWORKS_MAX 65536 /* bytes of the annotation */

static const char *const keys[] = { API_MULTUS_INJECT_RDMA, API_MULTUS_INJECT_NETWORK };

const char *inject_wanted(struct json_object *pod, const struct json_map *of_namespace, const char **value)
{
	struct json_object *annotations = json_get(json_get(pod, "metadata"), "annotations");

	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		*value = json_get_str(annotations, keys[i]);
		if (!*value)
			*value = json_map_get(of_namespace, keys[i]);
		if (*value)
			return keys[i];
	}
	return NULL;
}

bool inject_left_alone(const char *ns, const struct json_strv *exclude, const struct json_strv *include)
{
	return json_strv_has(exclude, ns) || (include->n && !json_strv_has(include, ns));
}

/* ---- networks ---- */

static const char *text(const char *s)
{
	return s ? s : "";
}

static int by_order(const void *a, const void *b)
{
	const struct api_multus *const *x = a, *const *y = b;
	struct api_multus_needs nx, ny;
	int r;

	api_multus_needs(*x, &nx);
	api_multus_needs(*y, &ny);
	r = strcmp(nx.order, ny.order);
	if (r == 0)
		r = strcmp(text((*x)->obj.meta.ns), text((*y)->obj.meta.ns));
	return r ? r : strcmp(text((*x)->obj.meta.name), text((*y)->obj.meta.name));
}

/* The member, an object; made when it is not there. */
static int object_in(struct json_object *o, const char *key, struct json_object **ret, struct err *e)
{
	int r = 0;

	if (!json_object_is_type(json_get(o, key), json_type_object))
		r = json_set(o, key, json_object_new_object(), e);
	*ret = json_get(o, key);
	return r;
}

static int set_networks(struct json_object *pod, struct api_multus *const *configs, size_t n, struct err *e)
{
	CLEANUP(buf_clear) struct buf list = BUF_INIT(NETWORKS_MAX);
	struct json_object *meta, *annotations;
	int r;

	for (size_t i = 0; i < n; i++)
		buf_fmt(&list, "%s%s/%s", i ? "," : "", text(configs[i]->obj.meta.ns),
			api_multus_nad_name(configs[i]));
	if (list.err)
		return err_code(e, ERR_CONFIG, EINVAL, "%zu networks: too many for one Pod", n);
	r = object_in(pod, "metadata", &meta, e);
	if (r == 0)
		r = object_in(meta, "annotations", &annotations, e);
	return r < 0 ? r : json_set_str(annotations, INJECT_NETWORKS, buf_cstr(&list), e);
}

/* ---- resources ---- */

static bool has_limit(struct json_object *containers, const char *resource)
{
	for (size_t i = 0; i < json_len(containers); i++) {
		struct json_object *c = json_at(containers, i);

		if (json_get(json_get(json_get(c, "resources"), "limits"), resource))
			return true;
	}
	return false;
}

static int add_limit(struct json_object *pod, const char *resource, struct err *e)
{
	struct json_object *containers = json_get(json_get(pod, "spec"), "containers");
	struct json_object *resources, *limits;
	int r;

	if (!json_object_is_type(json_at(containers, 0), json_type_object) || has_limit(containers, resource))
		return 0;
	r = object_in(json_at(containers, 0), "resources", &resources, e);
	if (r == 0)
		r = object_in(resources, "limits", &limits, e);
	return r < 0 ? r : json_set_str(limits, resource, "1", e);
}

int inject_pod(struct json_object *pod, const char *key, const char *value, struct api_multus **configs,
	       size_t n, struct err *e)
{
	int r = 0;

	if (!n)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"%s: %s: no SpiderMultusConfig has that annotation: correct it, or create one", key,
			value);
	qsort(configs, n, sizeof(*configs), by_order);
	for (size_t i = 0; i < n && r == 0; i++) {
		r = api_multus_check_inject(configs[i], key, e);
		if (r < 0)
			err_wrap(e, "%s: %s: SpiderMultusConfig %s/%s", key, value,
				 text(configs[i]->obj.meta.ns), text(configs[i]->obj.meta.name));
	}
	if (r == 0)
		r = set_networks(pod, configs, n, e);
	for (size_t i = 0; i < n && r == 0; i++) {
		struct api_multus_needs needs;

		api_multus_needs(configs[i], &needs);
		if (needs.resource)
			r = add_limit(pod, needs.resource, e);
	}
	return r;
}
