/* SPDX-License-Identifier: Apache-2.0 */
/* admit_other.c - SpiderCoordinator and SpiderMultusConfig */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "api/multus.h"
#include "base/own.h"
#include "kube/object.h"

static bool is_edit(const struct review_request *q)
{
	return admit_is_object(q) && q->object && strcmp(q->operation, "DELETE") != 0;
}

/* ---- SpiderCoordinator ---- */

static int default_coordinator(void *obj, void *arg, struct err *e)
{
	(void)arg;
	return api_coordinator_default(obj, e);
}

int admit_mutate_coordinator(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	if (!is_edit(c->q))
		return 0;
	return admit_patch(&api_coordinator_table, c->q, default_coordinator, NULL, patch, e);
}

int admit_validate_coordinator(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	struct api_coordinator co;
	int r;

	(void)patch;
	if (!is_edit(c->q) || kube_meta(c->q->object, "deletionTimestamp") || admit_same_spec(c->q))
		return 0;
	r = json_decode(&api_coordinator_table, c->q->object, NULL, &co, e);
	if (r < 0)
		return err_wrap(e, API_COORDINATOR_KIND);
	r = api_coordinator_validate(&co, e);
	json_clear(&api_coordinator_table, &co);
	return r;
}

/* ---- SpiderMultusConfig ---- */

static const char *annotation(struct json_object *o, const char *key)
{
	return json_get_str(json_get(json_get(o, "metadata"), "annotations"), key);
}

/* Those that rules are about. */
static bool same_annotations(const struct review_request *q)
{
	static const char *const ruled[] = { API_MULTUS_CR_NAME, API_MULTUS_CNI_VERSION,
					     API_MULTUS_CONFIG_NAME, API_MULTUS_INJECT_RDMA,
					     API_MULTUS_INJECT_NETWORK };
	bool same = true;

	for (size_t i = 0; i < ARRAY_LEN(ruled) && same; i++) {
		const char *was = annotation(q->old, ruled[i]), *is = annotation(q->object, ruled[i]);

		same = was && is ? strcmp(was, is) == 0 : was == is;
	}
	return same;
}

/* The label that was made of an annotation goes with it: Pods find networks by the label. */
static void forget_label(struct api_meta *m, struct json_object *old, const char *key)
{
	const char *was = annotation(old, key), *label = json_map_get(&m->labels, key);

	if (was && label && !json_map_get(&m->annotations, key) && strcmp(was, label) == 0)
		json_map_remove(&m->labels, key);
}

static int default_multus(void *obj, void *arg, struct err *e)
{
	struct api_multus *m = obj;

	if (m->obj.meta.deletion_timestamp)
		return 0;
	forget_label(&m->obj.meta, arg, API_MULTUS_INJECT_RDMA);
	forget_label(&m->obj.meta, arg, API_MULTUS_INJECT_NETWORK);
	return api_multus_default(m, e);
}

int admit_mutate_multus(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	if (!is_edit(c->q))
		return 0;
	return admit_patch(&api_multus_table, c->q, default_multus, c->q->old, patch, e);
}

struct multus_job {
	const struct admit_call *c;
	struct api_multus old, obj;
	struct admit_multus_list others;
	struct json_object *nad;
};

/* Whose the definition is that this one would become; where Multus is not installed there is none. */
static int read_nad(struct multus_job *j, struct err *e)
{
	struct kube_op op = { .res = &kube_resources[KUBE_NETWORK_ATTACHMENTS],
			      .ns = j->obj.obj.meta.ns,
			      .name = api_multus_nad_name(&j->obj),
			      .until = j->c->until };
	int r;

	if (!op.ns || !*op.ns || !*op.name)
		return 0;
	r = kube_get(j->c->a->k, &op, &j->nad, e);
	/* A name that the server could not have is for validation to name. */
	if (r < 0 && (op.answer.status == 404 || r == -EINVAL))
		return 0;
	return r < 0 ? err_wrap(e, "whose NetworkAttachmentDefinition it is could not be read") : 0;
}

static int check_multus(struct multus_job *j, struct err *e)
{
	struct api_multus_world w = { 0 };
	int r = read_nad(j, e);

	if (r == 0)
		r = admit_list_multus(j->c, j->obj.obj.meta.ns, NULL, &j->others, e);
	if (r < 0)
		return r;
	w.nad_owner = j->nad ? api_multus_nad_owner(j->nad) : NULL;
	w.others = (const struct api_multus *const *)j->others.v;
	w.n_others = j->others.n;
	return j->c->q->old ? api_multus_validate_update(&j->old, &j->obj, &w, e)
			    : api_multus_validate_create(&j->obj, &w, e);
}

int admit_validate_multus(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	struct multus_job j = { .c = c };
	int r;

	(void)patch;
	if (!is_edit(c->q) || kube_meta(c->q->object, "deletionTimestamp") ||
	    (admit_same_spec(c->q) && same_annotations(c->q)))
		return 0;
	r = json_decode(&api_multus_table, c->q->object, NULL, &j.obj, e);
	if (r == 0 && c->q->old)
		r = json_decode(&api_multus_table, c->q->old, NULL, &j.old, e);
	if (r < 0)
		err_wrap(e, API_MULTUS_KIND);
	else
		r = check_multus(&j, e);
	json_put_p(&j.nad);
	admit_clear_multus(&j.others);
	json_clear(&api_multus_table, &j.old);
	json_clear(&api_multus_table, &j.obj);
	return r;
}

/* ---- lists of it ---- */

static void multus_begin(void *arg)
{
	admit_clear_multus(arg);
}

static int multus_one(struct json_object *tree, void *arg, struct err *e)
{
	struct admit_multus_list *l = arg;
	struct api_multus **more = realloc(l->v, (l->n + 1) * sizeof(*more));
	struct api_multus *m;
	int r;

	if (!more)
		return err_nomem(e);
	l->v = more;
	m = calloc(1, sizeof(*m));
	if (!m)
		return err_nomem(e);
	r = json_decode(&api_multus_table, tree, NULL, m, e);
	if (r < 0) {
		free(m);
		return err_wrap(e, API_MULTUS_KIND);
	}
	l->v[l->n++] = m;
	return 0;
}

int admit_list_multus(const struct admit_call *c, const char *ns, const char *labels,
		      struct admit_multus_list *ret, struct err *e)
{
	int r;

	*ret = (struct admit_multus_list){ 0 };
	r = admit_each(c, &kube_resources[KUBE_SPIDERMULTUSCONFIGS], ns, labels, multus_one, multus_begin,
		       ret, e);
	if (r < 0)
		admit_clear_multus(ret);
	return r;
}

void admit_clear_multus(struct admit_multus_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		json_clear(&api_multus_table, l->v[i]);
		free(l->v[i]);
	}
	free(l->v);
	*l = (struct admit_multus_list){ 0 };
}
