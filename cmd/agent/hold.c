/* SPDX-License-Identifier: Apache-2.0 */
/* hold.c - what keeps the address of a pod that is not there: a StatefulSet's ordinal, a virtual machine */
#include <errno.h>

#include "base/own.h"
#include "cluster_impl.h"
#include "ipam/judge.h"
#include "ipam/owner.h"

#define MIGRATION_OF "kubevirt.io/migrationJobName"

static const struct kube_resource migrations = { "kubevirt.io", "v1", "virtualmachineinstancemigrations",
						 "VirtualMachineInstanceMigration", true };

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

static struct judge judge_of(struct cluster *c, struct deadline until)
{
	return (struct judge){ .k = c->conf.k, .cancel = &c->cancel, .until = until };
}

int cluster_hold_dead(struct cluster *c, enum hold hold, const char *ref, struct deadline until, bool *ret,
		      struct err *e)
{
	struct judge j = judge_of(c, until);
	int r = judge_hold(&j, hold, ref, e);

	*ret = r == 0;
	return r < 0 ? r : 0;
}

/* ---- a machine that moves ---- */

int cluster_migration(struct cluster *c, const struct cluster_pod *p, struct deadline until, bool *ret,
		      struct err *e)
{
	const char *name = json_map_get(p->annotations, MIGRATION_OF);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct judge j = judge_of(c, until);
	struct err why;
	int r;

	*ret = false;
	if (p->hold != HOLD_VM || !name)
		return 0;
	r = judge_find(&j, &migrations, p->ns, name, &o, &why);
	*ret = r > 0;
	if (r >= 0)
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
