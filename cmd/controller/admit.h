/* SPDX-License-Identifier: Apache-2.0 */
/* admit.h - what may be stored: defaults are filled in, rules are held against what there is
 *
 * The rules themselves are pkg/api's. What they need to know is read from the API by quorum for each
 * question, and only that: an edit which touches no address reads nothing.
 */
#ifndef CONTROLLER_ADMIT_H
#define CONTROLLER_ADMIT_H

#include "api/api.h"
#include "config.h"
#include "intents.h"
#include "kube/client.h"
#include "review.h"

struct admit_world; /* admit_world.c */

struct admit {
	struct kube *k;
	const struct controller_config *conf;
	struct intents_book *book;
	struct admit_world *all, *subnets; /* what is read of the world: pools and subnets, subnets */
	char *self;                        /* the user that we are; "": could not be found out */
};

int admit_new(struct kube *k, const struct controller_config *conf, struct admit **ret, struct err *e);
void admit_free(struct admit *a); /* accepts NULL */

/* One question. */
struct admit_call {
	struct admit *a;
	const struct review_request *q;
	struct deadline until;
};

/* 0: allowed, *patch may have been made. Otherwise the refusal: code ERR_CONFIG is the object's fault. */
struct admit_path {
	const char *path;
	int (*serve)(const struct admit_call *c, struct json_object **patch, struct err *e);
};
extern const struct admit_path admit_paths[];
extern const size_t admit_paths_n;

/* ---- the kinds ---- */

int admit_mutate_pool(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_mutate_subnet(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_mutate_reserved(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_validate_pool(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_validate_subnet(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_validate_reserved(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_mutate_coordinator(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_validate_coordinator(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_mutate_multus(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_validate_multus(const struct admit_call *c, struct json_object **patch, struct err *e);
int admit_mutate_pod(const struct admit_call *c, struct json_object **patch, struct err *e);

/* Whether something is to be done at all: not for a subresource. */
bool admit_is_object(const struct review_request *q);
/* An edit of labels, annotations or finalizers: what is wrong with the spec was wrong before. */
bool admit_same_spec(const struct review_request *q);
/* Reads the object with the table, lets change() work on it, and makes a patch of what it did; not to a spec
 * that the edit leaves as it was. An object that cannot be read is left alone: the server's schema or
 * validation says what is wrong with it. */
int admit_patch(const struct json_table *t, const struct review_request *q,
		int (*change)(void *obj, void *arg, struct err *e), void *arg, struct json_object **patch,
		struct err *e);

/* ---- what there is (admit_world.c) ---- */

/* Pools and subnets, by quorum, without status. Requests that ask at the same time share one. */
struct admit_snapshot {
	const struct api_ippool *const *pools;
	const struct api_subnet *const *subnets;
	size_t n_pools, n_subnets;
};
int admit_world_new(bool with_pools, struct admit_world **ret, struct err *e);
void admit_world_free(struct admit_world *w); /* nobody uses it any more; accepts NULL */
/* Read wholly after the call has begun. */
int admit_snapshot(struct admit_world *w, const struct admit_call *c, const struct admit_snapshot **ret,
		   struct err *e);
void admit_snapshot_done(struct admit_world *w, const struct admit_snapshot *s); /* accepts NULL */
/* Each object of res in ns (NULL: all, or none). */
struct kube_resource;
int admit_each(const struct admit_call *c, const struct kube_resource *res, const char *ns,
	       const char *labels, int (*each)(struct json_object *o, void *arg, struct err *e),
	       void (*begin)(void *arg), void *arg, struct err *e);

struct api_multus;
struct admit_multus_list {
	struct api_multus **v;
	size_t n;
};
/* SpiderMultusConfigs of a namespace (NULL: all), with these labels (NULL: any). */
int admit_list_multus(const struct admit_call *c, const char *ns, const char *labels,
		      struct admit_multus_list *ret, struct err *e);
void admit_clear_multus(struct admit_multus_list *l);

/* Addresses of set that pods have or keep; pool: under its name, NULL: any. Quarantined ones are nobody's. */
int admit_held(const struct admit_call *c, const struct ip_set *set, const char *pool, struct ip_set *ret,
	       struct err *e);

/* The name of the user that we are for the API server; new, "" when nothing tells. */
int admit_self(struct kube *k, const struct controller_config *conf, char **ret, struct err *e);

#endif
