/* SPDX-License-Identifier: Apache-2.0 */
/* admit.c - which question goes where, and how an object becomes a patch */
#include "admit.h"

#include <errno.h>
#include <stdlib.h>

#include "base/own.h"
#include "daemon/say.h"

#define OURS "-spiderpool-spidernet-io-v2beta1-"

/* One row a question: the paths are those that users' webhook configurations have. */
const struct admit_path admit_paths[] = {
	{ "/mutate" OURS "spiderippool", admit_mutate_pool },
	{ "/validate" OURS "spiderippool", admit_validate_pool },
	{ "/mutate" OURS "spidersubnet", admit_mutate_subnet },
	{ "/validate" OURS "spidersubnet", admit_validate_subnet },
	{ "/mutate" OURS "spiderreservedip", admit_mutate_reserved },
	{ "/validate" OURS "spiderreservedip", admit_validate_reserved },
	{ "/mutate" OURS "spidercoordinator", admit_mutate_coordinator },
	{ "/validate" OURS "spidercoordinator", admit_validate_coordinator },
	{ "/mutate" OURS "spidermultusconfig", admit_mutate_multus },
	{ "/validate" OURS "spidermultusconfig", admit_validate_multus },
	{ "/mutate--v1-pod", admit_mutate_pod },
};
const size_t admit_paths_n = ARRAY_LEN(admit_paths);

int admit_new(struct kube *k, const struct controller_config *conf, struct admit **ret, struct err *e)
{
	struct admit *a = calloc(1, sizeof(*a));
	int r;

	if (!a)
		return err_nomem(e);
	a->k = k;
	a->conf = conf;
	r = admit_self(k, conf, &a->self, e);
	if (r == 0)
		r = intents_book_new(k, conf->ns, &a->book, e);
	if (r == 0)
		r = admit_world_new(true, &a->all, e);
	if (r == 0)
		r = admit_world_new(false, &a->subnets, e);
	if (r < 0) {
		admit_free(a);
		return r;
	}
	if (!a->self[0])
		say(LOG_LEVEL_WARN,
		    "admission: who we are for the API server could not be found out: pools made "
		    "for applications cannot be resized");
	*ret = a;
	return 0;
}

void admit_free(struct admit *a)
{
	if (!a)
		return;
	admit_world_free(a->all);
	admit_world_free(a->subnets);
	intents_book_free(a->book);
	free(a->self);
	free(a);
}

bool admit_is_object(const struct review_request *q)
{
	return !q->subresource || !*q->subresource;
}

bool admit_same_spec(const struct review_request *q)
{
	return q->old && json_object_equal(json_get(q->object, "spec"), json_get(q->old, "spec"));
}

int admit_patch(const struct json_table *t, const struct review_request *q,
		int (*change)(void *obj, void *arg, struct err *e), void *arg, struct json_object **patch,
		struct err *e)
{
	CLEANUP(json_put_p) struct json_object *before = NULL;
	CLEANUP(json_put_p) struct json_object *after = NULL;
	CLEANUP(free_p) void *obj = calloc(1, t->size);
	int r;

	if (!obj)
		return err_nomem(e);
	r = json_decode(t, q->object, NULL, obj, e);
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	r = json_encode(t, obj, &before, e);
	if (r == 0)
		r = change(obj, arg, e);
	if (r == 0)
		r = json_encode(t, obj, &after, e);
	if (r == 0 && admit_same_spec(q)) {
		json_object_object_del(before, "spec");
		json_object_object_del(after, "spec");
	}
	if (r == 0)
		r = review_diff(q->object, before, after, patch, e);
	json_clear(t, obj);
	return r;
}
