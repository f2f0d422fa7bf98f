/* SPDX-License-Identifier: Apache-2.0 */
/* devs.h - interface indexes of both sides by name, asked for once (internal to podnet) */
#ifndef PODNET_DEVS_H
#define PODNET_DEVS_H

#include "podnet/podnet.h"

#define DEVS_MAX 16

struct devs {
	struct podnet *n;
	struct {
		enum podnet_where where;
		struct rt_link link;
	} v[DEVS_MAX];
	size_t count;
};

static inline struct netspace *podnet_space(struct podnet *n, enum podnet_where w)
{
	return w == PODNET_POD ? &n->pod : &n->node;
}

/* Until devs_forget(). -ENODEV. */
int devs_get(struct devs *d, enum podnet_where w, const char *name, struct rt_link *ret, struct err *e);
void devs_forget(struct devs *d);

#endif
