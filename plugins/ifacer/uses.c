/* SPDX-License-Identifier: Apache-2.0 */
/* uses.c - which interfaces are needed by which attachments */
#include "uses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_use(const struct podnet_record *rec, struct ifacer_use *ret)
{
	struct ifacer_plan plan;
	struct err ignored;
	int r = ifacer_conf_read(rec->conf, &ret->conf, &plan, &ignored);

	if (r < 0)
		return r;
	ret->record = rec;
	memcpy(ret->bond, plan.bond, sizeof(ret->bond));
	memcpy(ret->vlan, plan.vlan, sizeof(ret->vlan));
	return 0;
}

int ifacer_uses_read(const struct podnet_dir *d, struct ifacer_uses *ret, struct err *e)
{
	int r;

	*ret = (struct ifacer_uses){ .n = 0 };
	r = podnet_records_all(d, NULL, &ret->records, &ret->bad, e);
	if (r < 0)
		return r;
	ret->v = calloc(ret->records.n + 1, sizeof(*ret->v));
	if (!ret->v) {
		ifacer_uses_clear(ret);
		return err_nomem(e);
	}
	for (size_t i = 0; i < ret->records.n; i++) {
		r = read_use(&ret->records.v[i], &ret->v[ret->n]);
		if (r == -ENOMEM) {
			ifacer_uses_clear(ret);
			return err_nomem(e);
		}
		ret->n += r == 0;
		ret->bad += r < 0;
	}
	return 0;
}

void ifacer_uses_clear(struct ifacer_uses *u)
{
	for (size_t i = 0; i < u->n; i++)
		ifacer_conf_clear(&u->v[i].conf);
	free(u->v);
	podnet_records_clear(&u->records);
	*u = (struct ifacer_uses){ 0 };
}

bool ifacer_uses_interface(const struct ifacer_uses *u, const char *name)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->v[i].bond, name) == 0 || strcmp(u->v[i].vlan, name) == 0)
			return true;
	return false;
}

/* No interface is named twice in either. */
static bool same_ports(const struct json_strv *a, const struct ifacer_plan *p)
{
	for (size_t i = 0; i < p->ports; i++)
		if (!json_strv_has(a, p->port[i]))
			return false;
	return a->n == p->ports;
}

const struct ifacer_use *ifacer_uses_differently(const struct ifacer_uses *u, const struct ifacer_plan *p)
{
	for (size_t i = 0; i < u->n; i++)
		if (strcmp(u->v[i].bond, p->bond) == 0 && !same_ports(&u->v[i].conf.interfaces, p))
			return &u->v[i];
	return NULL;
}
