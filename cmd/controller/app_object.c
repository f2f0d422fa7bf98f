/* SPDX-License-Identifier: Apache-2.0 */
/* app_object.c - of workloads, what decides over their pools */
#include "app_object.h"

#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "ipam/candidates.h"

const struct kube_resource *const app_resources[APP_KINDS] = {
	[APP_DEPLOYMENT] = &kube_resources[KUBE_DEPLOYMENTS],
	[APP_REPLICASET] = &kube_resources[KUBE_REPLICASETS],
	[APP_STATEFULSET] = &kube_resources[KUBE_STATEFULSETS],
	[APP_DAEMONSET] = &kube_resources[KUBE_DAEMONSETS],
	[APP_JOB] = &kube_resources[KUBE_JOBS],
	[APP_CRONJOB] = &kube_resources[KUBE_CRONJOBS],
};

/* ---- tables ---- */

static const struct json_field annotation_fields[] = {
	JF(struct app_annotations, subnet, ANNOTATION_SUBNET),
	JF(struct app_annotations, subnets, ANNOTATION_SUBNETS),
	JF(struct app_annotations, number, ANNOTATION_IP_NUMBER),
	JF(struct app_annotations, reclaim, ANNOTATION_RECLAIM),
};
static const struct json_table annotations_table =
	JSON_TABLE(struct app_annotations, "annotations", annotation_fields);

static const struct json_field template_meta_fields[] = {
	JS(struct app_template_meta, annotations, "annotations", &annotations_table),
};
static const struct json_table template_meta_table =
	JSON_TABLE(struct app_template_meta, "metadata", template_meta_fields);
static const struct json_field template_spec_fields[] = {
	JF(struct app_template_spec, host_network, "hostNetwork"),
};
static const struct json_table template_spec_table =
	JSON_TABLE(struct app_template_spec, "spec", template_spec_fields);
static const struct json_field template_fields[] = {
	JS(struct app_template, meta, "metadata", &template_meta_table),
	JS(struct app_template, spec, "spec", &template_spec_table),
};
static const struct json_table template_table = JSON_TABLE(struct app_template, "template", template_fields);

static const struct json_field job_spec_fields[] = {
	JF(struct app_job_spec, completions, "completions"),
	JF(struct app_job_spec, parallelism, "parallelism"),
	JS(struct app_job_spec, template, "template", &template_table),
};
static const struct json_table job_spec_table = JSON_TABLE(struct app_job_spec, "spec", job_spec_fields);
static const struct json_field job_template_fields[] = {
	JS(struct app_job_template, spec, "spec", &job_spec_table),
};
static const struct json_table job_template_table =
	JSON_TABLE(struct app_job_template, "jobTemplate", job_template_fields);

static const struct json_field spec_fields[] = {
	JF(struct app_spec, replicas, "replicas"),
	JF(struct app_spec, completions, "completions"),
	JF(struct app_spec, parallelism, "parallelism"),
	JS(struct app_spec, template, "template", &template_table),
	JS(struct app_spec, job_template, "jobTemplate", &job_template_table),
};
static const struct json_table spec_table = JSON_TABLE(struct app_spec, "spec", spec_fields);
static const struct json_field status_fields[] = {
	JF(struct app_status, desired, "desiredNumberScheduled"),
};
static const struct json_table status_table = JSON_TABLE(struct app_status, "status", status_fields);

static const struct json_field meta_fields[] = {
	JF(struct app_object_meta, name, "name"),
	JF(struct app_object_meta, ns, "namespace"),
	JF(struct app_object_meta, uid, "uid"),
	JF(struct app_object_meta, deleted_at, "deletionTimestamp"),
	JL(struct app_object_meta, owners, "ownerReferences", &kube_owner_table),
};
static const struct json_table meta_table = JSON_TABLE(struct app_object_meta, "metadata", meta_fields);
static const struct json_field object_fields[] = {
	JS(struct app_object, meta, "metadata", &meta_table),
	JS(struct app_object, spec, "spec", &spec_table),
	JS(struct app_object, status, "status", &status_table),
};
const struct json_table app_object_table = JSON_TABLE(struct app_object, "workload", object_fields);

static const struct json_field pod_meta_fields[] = {
	JF(struct app_pod_meta, name, "name"),
	JF(struct app_pod_meta, ns, "namespace"),
	JF(struct app_pod_meta, uid, "uid"),
	JF(struct app_pod_meta, made_at, "creationTimestamp"),
	JS(struct app_pod_meta, annotations, "annotations", &annotations_table),
	JL(struct app_pod_meta, owners, "ownerReferences", &kube_owner_table),
};
static const struct json_table pod_meta_table = JSON_TABLE(struct app_pod_meta, "metadata", pod_meta_fields);
static const struct json_field pod_fields[] = {
	JS(struct app_pod, meta, "metadata", &pod_meta_table),
	JS(struct app_pod, spec, "spec", &template_spec_table),
};
const struct json_table app_pod_table = JSON_TABLE(struct app_pod, "Pod", pod_fields);

static const struct json_field scale_spec_fields[] = {
	JF(struct app_scale_spec, replicas, "replicas"),
};
static const struct json_table scale_spec_table =
	JSON_TABLE(struct app_scale_spec, "spec", scale_spec_fields);
static const struct json_field scale_fields[] = {
	JS(struct app_scale, spec, "spec", &scale_spec_table),
};
const struct json_table app_scale_table = JSON_TABLE(struct app_scale, "Scale", scale_fields);

/* ---- whose it is ---- */

enum app_kind app_kind_of(const char *api_version, const char *kind)
{
	const struct kube_resource *res = kube_resource_find(api_version, kind);

	for (size_t i = 0; i < APP_KINDS; i++)
		if (res == app_resources[i])
			return (enum app_kind)i;
	return APP_FOREIGN;
}

const struct kube_owner *app_controller(const struct kube_owner *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (v[i].controller)
			return &v[i];
	return NULL;
}

/* ---- how many pods ---- */

static int64_t job_pods(const struct json_int *completions, const struct json_int *parallelism)
{
	int64_t n = completions->set ? completions->v : parallelism->set ? parallelism->v : 1;

	return n ? n : 1;
}

static int64_t pods(enum app_kind kind, const struct app_object *o)
{
	const struct app_spec *s = &o->spec;
	int64_t n = s->replicas.set ? s->replicas.v : 0;

	if (kind == APP_DAEMONSET)
		n = o->status.desired.set ? o->status.desired.v : 0;
	else if (kind == APP_JOB)
		n = job_pods(&s->completions, &s->parallelism);
	else if (kind == APP_CRONJOB)
		n = job_pods(&s->job_template.spec.completions, &s->job_template.spec.parallelism);
	return n > 0 ? n : 0;
}

/* ---- applications ---- */

static int put(char **to, const char *s)
{
	*to = s ? strdup(s) : NULL;
	return s && !*to ? -1 : 0;
}

void app_annotations_clear(struct app_annotations *a)
{
	free(a->subnet);
	free(a->subnets);
	free(a->number);
	free(a->reclaim);
	*a = (struct app_annotations){ 0 };
}

int app_annotations_copy(const struct app_annotations *in, struct app_annotations *ret, struct err *e)
{
	*ret = (struct app_annotations){ 0 };
	if (put(&ret->subnet, in->subnet) == 0 && put(&ret->subnets, in->subnets) == 0 &&
	    put(&ret->number, in->number) == 0 && put(&ret->reclaim, in->reclaim) == 0)
		return 0;
	app_annotations_clear(ret);
	return err_nomem(e);
}

static bool same(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool app_annotations_equal(const struct app_annotations *a, const struct app_annotations *b)
{
	return same(a->subnet, b->subnet) && same(a->subnets, b->subnets) && same(a->number, b->number) &&
	       same(a->reclaim, b->reclaim);
}

void app_clear(struct app *a)
{
	free(a->api_version);
	free(a->kind);
	free(a->ns);
	free(a->name);
	free(a->uid);
	app_annotations_clear(&a->annotations);
	*a = (struct app){ 0 };
}

struct ipam_owner app_owner(const struct app *a)
{
	return (struct ipam_owner){ a->api_version, a->kind, a->ns, a->name, a->uid };
}

int app_make(const struct ipam_owner *id, struct app *ret, struct err *e)
{
	*ret = (struct app){ .kind_id = app_kind_of(id->api_version, id->kind) };
	if (put(&ret->api_version, id->api_version) == 0 && put(&ret->kind, id->kind) == 0 &&
	    put(&ret->ns, id->ns) == 0 && put(&ret->name, id->name) == 0 && put(&ret->uid, id->uid) == 0)
		return 0;
	app_clear(ret);
	return err_nomem(e);
}

int app_copy(const struct app *in, struct app *ret, struct err *e)
{
	const struct ipam_owner id = app_owner(in);
	int r = app_make(&id, ret, e);

	if (r < 0)
		return r;
	ret->kind_id = in->kind_id;
	ret->deleting = in->deleting;
	ret->replicas = in->replicas;
	ret->told_ms = in->told_ms;
	r = app_annotations_copy(&in->annotations, &ret->annotations, e);
	if (r < 0)
		app_clear(ret);
	return r;
}

bool app_asks(const struct app *a)
{
	return a->annotations.subnet || a->annotations.subnets;
}

int app_read(enum app_kind kind, const char *api_version, const struct app_object *o, struct app *ret,
	     struct err *e)
{
	const struct kube_resource *res = app_resources[kind];
	const struct ipam_owner id = { api_version, res->kind, o->meta.ns, o->meta.name, o->meta.uid };
	const struct app_template *t =
		kind == APP_CRONJOB ? &o->spec.job_template.spec.template : &o->spec.template;
	int r;

	*ret = (struct app){ 0 };
	if (!o->meta.ns || !o->meta.name || !o->meta.uid ||
	    owner_above(res, app_controller(o->meta.owners.v, o->meta.owners.n)))
		return 0;
	r = app_make(&id, ret, e);
	if (r < 0)
		return r;
	ret->kind_id = kind;
	ret->deleting = o->meta.deleted_at;
	ret->replicas = pods(kind, o);
	if (!t->spec.host_network)
		r = app_annotations_copy(&t->meta.annotations, &ret->annotations, e);
	if (r < 0)
		app_clear(ret);
	return r < 0 ? r : 1;
}
