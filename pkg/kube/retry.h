/* SPDX-License-Identifier: Apache-2.0 */
/* retry.h - when to ask again
 *
 *	struct kube_retry again = { 0 };
 *	do
 *		r = kube_call(k, &q, until, &a, e);
 *	while (r < 0 && kube_retry(k, &again, idempotent, r, &a, until, cancel));
 *
 * What was not sent, and what the server turned away unlooked at (429), may always be sent again; what has an
 * unknown outcome only when twice is as good as once.
 */
#ifndef KUBE_RETRY_H
#define KUBE_RETRY_H

#include "kube/client.h"

struct kube_retry {
	unsigned n; /* attempts that failed */
};

/* Waits, longer each time, with jitter, at least as long as the server wants, and true; false at once when
 * trying again cannot help, or not before the deadline. */
bool kube_retry(struct kube *k, struct kube_retry *s, bool idempotent, int r, const struct kube_answer *a,
		struct deadline until, struct kube_cancel *cancel);
/* Milliseconds before attempt n + 1: base doubled each time up to max, of which 50 to 100 percent. */
int64_t kube_backoff(unsigned n, int64_t base, int64_t max);

#endif
