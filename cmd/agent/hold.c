/* SPDX-License-Identifier: Apache-2.0 */
/* hold.c - what keeps the address of a pod that is not there: a StatefulSet's ordinal, a virtual machine */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/own.h"
#include "cluster_impl.h"
#include "ipam/owner.h"

#define REF_MAX      512
#define MIGRATION_OF "kubevirt.io/migrationJobName"

static const struct kube_resource vmis = { "kubevirt.io", "v1", "virtualmachineinstances",
					   "VirtualMachineInstance", true };
static const struct kube_resource vms = { "kubevirt.io", "v1", "virtualmachines", "VirtualMachine", true };
static const struct kube_resource migrations = { "kubevirt.io", "v1", "virtualmachineinstancemigrations",
						 "VirtualMachineInstanceMigration", true };
static const struct kube_resource crds = { "apiextensions.k8s.io", "v1", "customresourcedefinitions",
					   "CustomResourceDefinition", false };

/* ---- what keeps a pod's addresses ---- */

int cluster_pod_hold(struct cluster *c, struct cluster_pod *p, struct err *e)
{
	const struct kube_owner o = { p->owner.api_version, p->owner.kind, p->owner.name, p->owner.uid,
				      true };
	struct owner_hold h;
	int r = owner_hold_of(&o, p->ns, p->name, c->conf.stateful_set, c->conf.kubevirt, &h, e);

	p->hold = h.hold;
	p->hold_ref = h.ref;
	p->endpoint = h.endpoint;
	return r;
}

/* ---- whether that is gone ---- */

struct ref {
	char text[REF_MAX];
	const char *ns, *name;
	int64_t ordinal;
};

static int ref_parse(enum hold hold, const char *text, struct ref *ret, struct err *e)
{
	char *name, *last;
	bool good = strlen(text) < sizeof(ret->text) && (hold == HOLD_STS || hold == HOLD_VM);

	if (good) {
		memcpy(ret->text, text, strlen(text) + 1);
		name = strchr(ret->text, '/');
		last = name ? strchr(name + 1, '/') : NULL;
		good = name && name != ret->text && name[1] && (hold == HOLD_STS) == !!last;
		if (good && last) {
			*last = '\0';
			good = name[1] && owner_ordinal(last + 1, &ret->ordinal);
		}
		if (good) {
			*name = '\0';
			ret->ns = ret->text;
			ret->name = name + 1;
		}
	}
	return good ? 0
		    : err_code(e, ERR_CONFIG, EINVAL,
			       "\"%s\" of hold %s: want namespace/name/ordinal of a StatefulSet (sts) or "
			       "namespace/name of a virtual machine (vm)",
			       text, hold_name(hold));
}

static int set_dead(struct cluster *c, const struct ref *ref, struct deadline until, bool *ret, struct err *e)
{
	struct cluster_get g = { .res = &kube_resources[KUBE_STATEFULSETS],
				 .ns = ref->ns,
				 .name = ref->name,
				 .table = &kube_stateful_set_table,
				 .until = until };
	struct kube_stateful_set *set;
	int64_t start, replicas;
	struct err why;
	void *view;
	int r = cluster_get(c, &g, &view, &why);

	*ret = r == -ENOENT;
	if (r < 0 && r != -ENOENT)
		*e = why;
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	set = view;
	start = set->spec.ordinals.start.set ? set->spec.ordinals.start.v : 0;
	replicas = set->spec.replicas.set ? set->spec.replicas.v : 1;
	*ret = ref->ordinal < start || ref->ordinal - start >= replicas;
	cluster_free(&kube_stateful_set_table, view);
	return 0;
}

/* 1 when KubeVirt is not installed: an API server that is starting denies every custom resource for a while.
 */
static int no_kind(struct cluster *c, const struct kube_resource *res, struct deadline until, struct err *e)
{
	char name[128];
	struct cluster_get g = {
		.res = &crds, .name = name, .metadata_only = true, .table = &kube_object_table, .until = until
	};
	void *view;
	int r;

	snprintf(name, sizeof(name), "%s.%s", res->plural, res->group);
	r = cluster_get(c, &g, &view, e);
	cluster_free(&kube_object_table, view);
	if (r == 0)
		return err_code(e, ERR_TRY_AGAIN, EAGAIN, "the API server does not serve %s yet", name);
	return r == -ENOENT ? 1 : r;
}

/* 1 with its metadata, 0: there is none. */
static int find(struct cluster *c, const struct kube_resource *res, const char *ns, const char *name,
		struct deadline until, struct kube_object **ret, struct err *e)
{
	struct cluster_get g = { .res = res,
				 .ns = ns,
				 .name = name,
				 .metadata_only = true,
				 .table = &kube_object_table,
				 .until = until };
	struct err why;
	void *view;
	int r = cluster_get(c, &g, &view, &why);

	*ret = view;
	if (r == 0)
		return 1;
	if (r == -ENXIO)
		r = no_kind(c, res, until, &why);
	if (r > 0 || r == -ENOENT)
		return 0;
	*e = why;
	return r;
}

/* 1: it is there, and is not being deleted. */
static int stands(struct cluster *c, const struct kube_resource *res, const char *ns, const char *name,
		  struct deadline until, struct err *e)
{
	struct kube_object *o;
	int r = find(c, res, ns, name, until, &o, e);

	if (r > 0 && o->meta.deleted_at)
		r = 0;
	cluster_free(&kube_object_table, o);
	return r;
}

/* A machine that is stopped has no instance, and keeps its address; it has the name of its instance. */
static int vm_dead(struct cluster *c, const struct ref *ref, struct deadline until, bool *ret, struct err *e)
{
	struct kube_object *vmi;
	const struct kube_owner *up;
	int r = find(c, &vmis, ref->ns, ref->name, until, &vmi, e);

	*ret = false;
	if (r == 0) {
		r = stands(c, &vms, ref->ns, ref->name, until, e);
		*ret = r == 0;
	} else if (r > 0 && vmi->meta.deleted_at) {
		up = kube_controller(&vmi->meta);
		r = 0;
		if (up && cluster_same(up->api_version, OWNER_KUBEVIRT) && cluster_same(up->kind, vms.kind) &&
		    up->name)
			r = stands(c, &vms, ref->ns, up->name, until, e);
		*ret = r == 0;
	}
	cluster_free(&kube_object_table, vmi);
	return r < 0 ? r : 0;
}

int cluster_hold_dead(struct cluster *c, enum hold hold, const char *ref, struct deadline until, bool *ret,
		      struct err *e)
{
	struct ref parsed;
	int r;

	*ret = false;
	r = ref_parse(hold, ref, &parsed, e);
	if (r < 0)
		return r;
	return hold == HOLD_STS ? set_dead(c, &parsed, until, ret, e) : vm_dead(c, &parsed, until, ret, e);
}

/* ---- a machine that moves ---- */

int cluster_migration(struct cluster *c, const struct cluster_pod *p, struct deadline until, bool *ret,
		      struct err *e)
{
	const char *name = json_map_get(p->annotations, MIGRATION_OF);
	struct kube_object *o;
	struct err why;
	int r;

	*ret = false;
	if (p->hold != HOLD_VM || !name)
		return 0;
	r = find(c, &migrations, p->ns, name, until, &o, &why);
	cluster_free(&kube_object_table, o);
	*ret = r > 0;
	/* A name that no object can have is no object's. */
	if (r >= 0 || r == -EINVAL)
		return 0;
	if (r == -EACCES) {
		err_wrap(&why,
			 "pod %s/%s: whether migration \"%s\" is under way is not known, so its addresses "
			 "are looked for on the wire as always; let the agent get %s.kubevirt.io",
			 p->ns, p->name, name, migrations.plural);
		cluster_trouble(c, &why);
		return 0;
	}
	*e = why;
	return err_wrap(e, "pod %s/%s: migration \"%s\"", p->ns, p->name, name);
}
