/* SPDX-License-Identifier: Apache-2.0 */
/* alive.c - every pod of a cluster that lives */
#include "ipam/alive.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static uint64_t key_of(const char *ns, const char *name, const char *uid)
{
	uint64_t h = XXH3_64bits_withSeed(ns, strlen(ns), XXH3_64bits(name, strlen(name)));

	return XXH3_64bits_withSeed(uid, strlen(uid), h);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void forget(void *arg)
{
	struct alive *a = arg;

	a->n = 0;
}

static int add(struct json_object *o, void *arg, struct err *e)
{
	const char *ns = kube_meta(o, "namespace"), *name = kube_meta(o, "name"), *uid = kube_meta(o, "uid");
	struct alive *a = arg;

	if (!ns || !name || !uid || kube_meta(o, "deletionTimestamp"))
		return 0;
	if (a->n == a->cap) {
		size_t cap = a->cap ? a->cap + a->cap / 2 : 256;
		uint64_t *v = realloc(a->v, cap * sizeof(*v));

		if (!v)
			return err_nomem(e);
		a->v = v;
		a->cap = cap;
	}
	a->v[a->n++] = key_of(ns, name, uid);
	return 0;
}

int alive_list(struct kube *k, struct kube_cancel *cancel, struct deadline until, struct alive *ret,
	       struct err *e)
{
	struct kube_op op = { .res = &kube_resources[KUBE_PODS],
			      .fields = "status.phase!=Succeeded,status.phase!=Failed",
			      .metadata_only = true,
			      .until = until,
			      .cancel = cancel };
	const struct kube_lister l = { .each = add, .begin = forget, .arg = ret };
	int r;

	*ret = (struct alive){ .n = 0 };
	r = kube_list(k, &op, &l, NULL, e);
	if (r < 0)
		alive_clear(ret);
	else if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return r;
}

bool alive_has(const struct alive *a, const char *ns, const char *name, const char *uid)
{
	uint64_t key = key_of(ns, name, uid);

	return a->n && bsearch(&key, a->v, a->n, sizeof(key), compare);
}

void alive_clear(struct alive *a)
{
	free(a->v);
	*a = (struct alive){ .n = 0 };
}
