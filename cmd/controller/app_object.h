/* SPDX-License-Identifier: Apache-2.0 */
/* app_object.h - of workloads, what decides over their pools; which of them are applications
 *
 * An application is a workload that no other one stands above: what the agent finds when it climbs from a pod
 * (ipam/owner.h).
 */
#ifndef CONTROLLER_APP_OBJECT_H
#define CONTROLLER_APP_OBJECT_H

#include "ipam/ipam.h"
#include "ipam/owner.h"
#include "world.h"

enum app_kind {
	APP_DEPLOYMENT,
	APP_REPLICASET,
	APP_STATEFULSET,
	APP_DAEMONSET,
	APP_JOB,
	APP_CRONJOB,
	APP_KINDS,
	APP_FOREIGN = APP_KINDS /* anything else that controls pods */
};

extern const struct kube_resource *const app_resources[APP_KINDS];

/* Members of the annotations' map: no other ones are kept. */
struct app_annotations {
	char *subnet, *subnets, *number, *reclaim;
};
struct app_template_meta {
	struct app_annotations annotations;
};
struct app_template_spec {
	bool host_network;
};
struct app_template {
	struct app_template_meta meta;
	struct app_template_spec spec;
};
struct app_job_spec {
	struct json_int completions, parallelism;
	struct app_template template;
};
struct app_job_template {
	struct app_job_spec spec;
};
struct app_spec {
	struct json_int replicas, completions, parallelism;
	struct app_template template;
	struct app_job_template job_template;
};
struct app_status {
	struct json_int desired; /* desiredNumberScheduled */
};
struct app_object_meta {
	char *name, *ns, *uid, *deleted_at;
	JSON_LIST(struct kube_owner) owners;
};
struct app_object {
	struct app_object_meta meta;
	struct app_spec spec;
	struct app_status status;
};
/* A pod, of which the annotations count as those of the template it was made from. */
struct app_pod_meta {
	char *name, *ns, *uid, *made_at;
	struct app_annotations annotations;
	JSON_LIST(struct kube_owner) owners;
};
struct app_pod {
	struct app_pod_meta meta;
	struct app_template_spec spec;
};
/* A Scale. */
struct app_scale_spec {
	struct json_int replicas;
};
struct app_scale {
	struct app_scale_spec spec;
};
extern const struct json_table app_object_table, app_pod_table, app_scale_table;

struct app {
	enum app_kind kind_id;
	char *api_version, *kind, *ns, *name, *uid;
	bool deleting;
	int64_t replicas;
	struct app_annotations annotations; /* all NULL: it asks for no pools */
	int64_t told_ms;                    /* when the pod was made that they are of; 0: of none */
};

/* 1: *ret (overwritten) is an application, 0: it is none, as another workload has it, or lacks what every
 * object has. api_version: that of the resource as it is served. Pods on the host's network ask for nothing.
 */
int app_read(enum app_kind kind, const char *api_version, const struct app_object *o, struct app *ret,
	     struct err *e);
int app_copy(const struct app *in, struct app *ret, struct err *e); /* ret is overwritten */
void app_clear(struct app *a);
/* An empty one with a name, of any kind. */
int app_make(const struct ipam_owner *id, struct app *ret, struct err *e);
int app_annotations_copy(const struct app_annotations *in, struct app_annotations *ret, struct err *e);
void app_annotations_clear(struct app_annotations *a);
bool app_annotations_equal(const struct app_annotations *a, const struct app_annotations *b);
bool app_asks(const struct app *a); /* for pools from subnets */
struct ipam_owner app_owner(const struct app *a);

/* Which of the kinds it is; APP_FOREIGN for any other. */
enum app_kind app_kind_of(const char *api_version, const char *kind);
/* Whose pods an owner of a pod or workload is; NULL for none. */
const struct kube_owner *app_controller(const struct kube_owner *v, size_t n);

#endif
