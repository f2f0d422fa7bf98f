/* SPDX-License-Identifier: Apache-2.0 */
/* lease.h - one leader of several, by a coordination.k8s.io Lease (as client-go does it, and with it)
 *
 * Clocks need not agree: how long a holder has been silent is measured by our own monotonic clock, from when
 * we saw its last renewal. Who leads stops believing so renew_ms after its last renewal was sent; others wait
 * duration_ms from when they saw it, which is later and longer.
 */
#ifndef KUBE_LEASE_H
#define KUBE_LEASE_H

#include "kube/client.h"

#define KUBE_HOLDER_MAX 254 /* bytes of an identity and its NUL */

struct kube_lease_conf {
	struct kube *k;
	const char *ns, *name, *identity;         /* copied; the identity is nobody else's */
	unsigned duration_ms, renew_ms, retry_ms; /* 0: 15000, 10000, 2000 */
	/* On the lease's thread; they should be short, as nothing is renewed meanwhile. lost() comes after
	 * each leading(), at the end too: what only a leader may do must stop there. May be NULL. */
	void (*leading)(void *arg);
	void (*lost)(void *arg);
	/* Why the lease was neither taken nor seen to be another's; tried again. May be NULL. */
	void (*trouble)(const struct err *why, void *arg);
	void *arg;
};

struct kube_lease;

/* -EINVAL: duration_ms > renew_ms > retry_ms does not hold, or the identity is empty or too long. */
int kube_lease_start(const struct kube_lease_conf *c, struct kube_lease **ret, struct err *e);
/* Whether we lead at this moment. What must not be done by two asks right before it. */
bool kube_lease_held(struct kube_lease *l);
/* Who leads as far as we know, "" for nobody. Returns out. */
const char *kube_lease_holder(struct kube_lease *l, char out[KUBE_HOLDER_MAX]);
/* Gives the lease back, so that another need not wait, and returns within some seconds whatever the server
 * does. Not from a callback. Accepts NULL. */
void kube_lease_stop(struct kube_lease *l);

#endif
