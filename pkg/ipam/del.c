/* SPDX-License-Identifier: Apache-2.0 */
/* del.c - DEL: what this container's NIC held is free */
#include "base/own.h"
#include "ipam/claim.h"

struct del {
	const char *network, *container, *nic;
	bool hold_dead, unseen, detach, undo;
};

/* 1 when there was something. */
static int release_key(struct txn *t, const struct del *d, const char *network, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, network, d->container, d->nic, &s, e);

	if (r <= 0)
		return r;
	if (d->detach || (d->undo && s.a.rekeyed)) {
		s.a.detached = true;
		r = claim_put(t, network, &s.a, s.version, e);
	} else {
		/* What a former sandbox had it may have on, whatever became of this one. */
		t->unseen = d->unseen && (!s.a.detached || s.a.rekeyed);
		r = release_attachment(t, &s, e);
	}
	return r < 0 ? r : 1;
}

static int del_body(struct txn *t, void *arg, struct err *e)
{
	const struct del *d = arg;
	int own, ahead;

	t->hold_dead = d->hold_dead;
	own = release_key(t, d, d->network, e);
	ahead = own < 0 ? own : release_key(t, d, "", e);
	if (ahead < 0)
		return ahead;
	return own || ahead ? 0 : 1;
}

static int del(struct ipam *m, struct del *d, struct err *e)
{
	return txn_run(m, STORE_RELEASE, del_body, d, e);
}

int ipam_del(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e)
{
	return del(m, &(struct del){ .network = network, .container = container, .nic = nic }, e);
}

int ipam_del_hold(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e)
{
	return del(m,
		   &(struct del){ .network = network, .container = container, .nic = nic, .hold_dead = true },
		   e);
}

int ipam_del_unseen(struct ipam *m, const char *network, const char *container, const char *nic,
		    bool hold_dead, struct err *e)
{
	return del(m,
		   &(struct del){ .network = network,
				  .container = container,
				  .nic = nic,
				  .hold_dead = hold_dead,
				  .unseen = true },
		   e);
}

int ipam_detach(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e)
{
	return del(m, &(struct del){ .network = network, .container = container, .nic = nic, .detach = true },
		   e);
}

int ipam_give_up(struct ipam *m, const char *network, const char *container, const char *nic, struct err *e)
{
	return del(m, &(struct del){ .network = network, .container = container, .nic = nic, .undo = true },
		   e);
}
