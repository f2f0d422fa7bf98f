/* SPDX-License-Identifier: Apache-2.0 */
/* kube_lost.c - an API server that does not have what it had: nothing is given out until that is settled */
#include "store/kube_impl.h"

void hub_lost(struct store_kube *h, bool all, const char *sentence)
{
	if (!h->conf.lost)
		return;
	h->losses++;
	h->conf.lost(sentence, all, h->conf.arg);
}

void hub_set_back(struct store_kube *h)
{
	blocks_forget(h);
	hub_lost(
		h, true,
		"kube-apiserver has an older state than before, as after a restore of etcd; what pods of this "
		"node have is claimed again");
}

void hub_doubtful(struct store_kube *h)
{
	blocks_forget(h);
	hub_lost(h, false,
		 "kube-apiserver is another one than before, or was away: what pods of this node have is "
		 "looked for in it");
}

uint64_t store_kube_losses(struct store_kube *h)
{
	uint64_t n;

	hub_lock(h);
	n = h->losses;
	hub_unlock(h);
	return n;
}

void store_kube_mended(struct store_kube *h, uint64_t losses)
{
	hub_lock(h);
	h->mended = losses;
	pthread_cond_broadcast(&h->changed);
	hub_unlock(h);
}
