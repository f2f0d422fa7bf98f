/* SPDX-License-Identifier: Apache-2.0 */
/* retry.c - when to ask again */
#include "kube/retry.h"

#include <errno.h>
#include <sys/random.h>

#define FIRST_MS 20
#define LAST_MS  2000

int64_t kube_backoff(unsigned n, int64_t base, int64_t max)
{
	int64_t ms = base;
	uint32_t dice = 0;

	while (n-- && ms < max)
		ms *= 2;
	if (ms > max)
		ms = max;
	/* Without randomness everybody comes back at the same time: slower, not wrong. */
	(void)!getrandom(&dice, sizeof(dice), GRND_NONBLOCK);
	return ms / 2 + (int64_t)dice % (ms - ms / 2 + 1);
}

/* No answer will be another one without somebody's doing. */
static bool hopeless(int r)
{
	return r == -ECANCELED || r == -ENOMEM || r == -EPROTO || r == -EFBIG || r == -EINVAL || r == -ENOKEY;
}

bool kube_retry(struct kube *k, struct kube_retry *s, bool idempotent, int r, const struct kube_answer *a,
		struct deadline until, struct kube_cancel *cancel)
{
	int64_t ms = kube_backoff(s->n, FIRST_MS, LAST_MS);
	struct err ignored;

	if (hopeless(r))
		return false;
	if (a->outcome == KUBE_ANSWERED && a->status != 429)
		return false;
	if (a->outcome == KUBE_UNKNOWN && !idempotent)
		return false;
	s->n++;
	if (ms < a->retry_after_ms)
		ms = a->retry_after_ms;
	return ms < deadline_left(until) && kube_sleep(k, cancel, ms, &ignored) == 0;
}
