/* SPDX-License-Identifier: Apache-2.0 */
/* pod.c - what a runtime says about the pod */
#include "cni/pod.h"

#include "base/own.h"

struct map_holder {
	struct json_map map;
};

int cni_pod_map(struct json_object *from, const char *key, struct json_map *ret, struct err *e)
{
	const struct json_field fields[] = { JF(struct map_holder, map, key) };
	const struct json_table table = JSON_TABLE(struct map_holder, "labels or annotations", fields);
	struct map_holder h;
	int r;

	*ret = (struct json_map){ 0 };
	if (!json_get(from, key))
		return 0;
	r = json_decode(&table, from, NULL, &h, e);
	if (r == 0)
		*ret = h.map;
	return r;
}

static int add_arg(struct json_map *annotations, struct json_object *cni, const char *key, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct json_object *v = json_get(cni, key);
	int r;

	if (!v || json_map_get(annotations, key))
		return 0; /* what the runtime says comes first */
	if (json_text(v))
		return json_map_set(annotations, key, json_text(v), e);
	r = json_print(v, false, &text, e);
	return r < 0 ? r : json_map_set(annotations, key, buf_cstr(&text), e);
}

int cni_pod_annotations(const struct cni_conf *c, const char *const *keys, size_t n, struct json_map *ret,
			struct err *e)
{
	struct json_object *cni = cni_conf_args_cni(c);
	int r = cni_pod_map(c->runtime_config, CNI_POD_ANNOTATIONS, ret, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_arg(ret, cni, keys[i], e);
	return r;
}
