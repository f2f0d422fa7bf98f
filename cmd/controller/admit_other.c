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
	return admit_patch(&api_coordinator_table, c->q->object, default_coordinator, NULL, patch, e);
}

int admit_validate_coordinator(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	struct api_coordinator co;
	int r;

	(void)patch;
	if (!is_edit(c->q) || kube_meta(c->q->object, "deletionTimestamp"))
		return 0;
	r = json_decode(&api_coordinator_table, c->q->object, NULL, &co, e);
	if (r < 0)
		return err_wrap(e, API_COORDINATOR_KIND);
	r = api_coordinator_validate(&co, e);
	json_clear(&api_coordinator_table, &co);
	return r;
}

/* ---- SpiderMultusConfig ---- */

static int default_multus(void *obj, void *arg, struct err *e)
{
	(void)arg;
	return api_multus_default(obj, e);
}

int admit_mutate_multus(const struct admit_call *c, struct json_object **patch, struct err *e)
{
	if (!is_edit(c->q))
		return 0;
	return admit_patch(&api_multus_table, c->q->object, default_multus, NULL, patch, e);
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
	if (!is_edit(c->q) || kube_meta(c->q->object, "deletionTimestamp"))
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
