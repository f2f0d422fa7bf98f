/* SPDX-License-Identifier: Apache-2.0 */
/* judge_hold.c - whether what keeps the address of a pod that is not there lives: a StatefulSet's ordinal, a
 * virtual machine */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/judge.h"
#include "ipam/owner.h"

#define REF_MAX BLOCK_FIELD_MAX

static const struct kube_resource vmis = { "kubevirt.io", "v1", "virtualmachineinstances",
					   "VirtualMachineInstance", true };
static const struct kube_resource vms = { "kubevirt.io", "v1", "virtualmachines", "VirtualMachine", true };
static const struct kube_resource crds = { "apiextensions.k8s.io", "v1", "customresourcedefinitions",
					   "CustomResourceDefinition", false };

/* "namespace/name/ordinal", "namespace/name" */
struct ref {
	char text[REF_MAX + 1];
	const char *ns, *name;
	int64_t ordinal;
};

static bool split(struct ref *f, bool ordinal)
{
	char *name = strchr(f->text, '/'), *last = name ? strchr(name + 1, '/') : NULL;

	if (!name || ordinal != !!last)
		return false;
	*name++ = '\0';
	if (last) {
		*last++ = '\0';
		if (!owner_ordinal(last, &f->ordinal))
			return false;
	}
	f->ns = f->text;
	f->name = name;
	return f->ns[0] && f->name[0];
}

static int ref_parse(enum hold hold, const char *text, struct ref *ret, struct err *e)
{
	snprintf(ret->text, sizeof(ret->text), "%s", text);
	if (strlen(text) <= REF_MAX && split(ret, hold == HOLD_STS))
		return 0;
	return err_code(e, ERR_CONFIG, EINVAL,
			"\"%s\" of hold %s: want namespace/name/ordinal of a StatefulSet (sts) or "
			"namespace/name of a virtual machine (vm)",
			text, hold_name(hold));
}

static int set_lives(struct judge *j, const struct ref *ref, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct json_object *spec;
	int64_t start = 0, replicas = 1;
	struct err why;
	int r = judge_get(j, &kube_resources[KUBE_STATEFULSETS], ref->ns, ref->name, false, &o, &why);

	if (r == -ENOENT)
		return 0;
	if (r < 0) {
		*e = why;
		return r;
	}
	spec = json_get(o, "spec");
	(void)json_get_int(spec, "replicas", &replicas);
	(void)json_get_int(json_get(spec, "ordinals"), "start", &start);
	return ref->ordinal >= start && ref->ordinal - start < replicas;
}

/* 0: KubeVirt is not installed. An API server that starts denies every custom resource for a while. */
static int has_kind(struct judge *j, const struct kube_resource *res, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	char name[128];
	struct err why;
	int r;

	snprintf(name, sizeof(name), "%s.%s", res->plural, res->group);
	r = judge_get(j, &crds, NULL, name, true, &o, &why);
	if (r == -ENOENT)
		return 0;
	if (r == 0)
		return err_code(e, ERR_TRY_AGAIN, EAGAIN, "the API server does not serve %s yet", name);
	*e = why;
	return r;
}

int judge_find(struct judge *j, const struct kube_resource *res, const char *ns, const char *name,
	       struct json_object **ret, struct err *e)
{
	struct err why;
	int r = judge_get(j, res, ns, name, true, ret, &why);

	if (r == 0)
		return 1;
	if (r == -ENOENT)
		return 0;
	if (r == -ENXIO)
		return has_kind(j, res, e);
	*e = why;
	return r;
}

/* It is there, and is not being deleted. */
static int stands(struct judge *j, const char *ns, const char *name, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r = judge_find(j, &vms, ns, name, &o, e);

	return r > 0 && kube_meta(o, "deletionTimestamp") ? 0 : r;
}

static bool is_text(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

/* The machine that controls the instance; NULL for none. */
static const char *machine_of(struct json_object *vmi)
{
	struct json_object *owners = json_get(json_get(vmi, "metadata"), "ownerReferences");

	for (size_t i = 0; i < json_len(owners); i++) {
		struct json_object *o = json_at(owners, i);
		bool controls = false;

		if (json_get_bool(o, "controller", &controls) && controls)
			return is_text(json_get_str(o, "apiVersion"), OWNER_KUBEVIRT) &&
					       is_text(json_get_str(o, "kind"), vms.kind)
				       ? json_get_str(o, "name")
				       : NULL;
	}
	return NULL;
}

/* A machine that is stopped has no instance, and keeps its address; it has the name of its instance. */
static int machine_lives(struct judge *j, const struct ref *ref, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *vmi = NULL;
	const char *up;
	int r = judge_find(j, &vmis, ref->ns, ref->name, &vmi, e);

	if (r < 0)
		return r;
	if (r == 0)
		return stands(j, ref->ns, ref->name, e);
	if (!kube_meta(vmi, "deletionTimestamp"))
		return 1;
	up = machine_of(vmi);
	return up ? stands(j, ref->ns, up, e) : 0;
}

int judge_hold(struct judge *j, enum hold hold, const char *ref, struct err *e)
{
	struct ref parsed = { .ns = "" };
	int r = ref_parse(hold, ref, &parsed, e);

	if (r == 0)
		r = hold == HOLD_STS ? set_lives(j, &parsed, e) : machine_lives(j, &parsed, e);
	return r < 0 ? err_wrap(e, "what keeps it (%s %s)", hold_name(hold), ref) : r;
}
