/* SPDX-License-Identifier: Apache-2.0 */
/* devs.c - interface indexes of both sides by name */
#include "podnet/devs.h"

#include <string.h>

int devs_get(struct devs *d, enum podnet_where w, const char *name, struct rt_link *ret, struct err *e)
{
	int r;

	for (size_t i = 0; i < d->count; i++) {
		if (d->v[i].where != w || strcmp(d->v[i].link.name, name) != 0)
			continue;
		*ret = d->v[i].link;
		return 0;
	}
	r = rt_link_by_name(&podnet_space(d->n, w)->rt, name, ret, e);
	if (r == 0 && d->count < DEVS_MAX) {
		d->v[d->count].where = w;
		d->v[d->count++].link = *ret;
	}
	return r;
}

void devs_forget(struct devs *d)
{
	d->count = 0;
}
