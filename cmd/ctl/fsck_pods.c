/* SPDX-License-Identifier: Apache-2.0 */
/* fsck_pods.c - fsck on a cluster: is each address held by a pod that exists? */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "fsck.h"
#include "ipam/usage.h"
#include "pod.h"

struct holder {
	struct ip addr;
	char *ns, *pod, *uid;
	bool lives;
};
struct holders {
	struct holder *v; /* by namespace and pod */
	size_t n, cap;
};

static void holders_clear(struct holders *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].ns);
		free(l->v[i].pod);
		free(l->v[i].uid);
	}
	free(l->v);
}

/* What a StatefulSet or a machine keeps while its pod is away is no pod's now. */
static int add(const struct ipam_found *f, void *arg, struct err *e)
{
	const struct block_rec *r = f->rec;
	struct holders *l = arg;
	struct holder *v;

	if (!r->pod[0] || !(block_rec_has_holder(r) || r->hold == HOLD_POD))
		return 0;
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 64;

		v = realloc(l->v, cap * sizeof(*v));
		if (!v)
			return err_nomem(e);
		l->v = v;
		l->cap = cap;
	}
	v = &l->v[l->n++];
	*v = (struct holder){ f->addr, strdup(r->ns), strdup(r->pod), strdup(r->uid), false };
	return v->ns && v->pod && v->uid ? 0 : err_nomem(e);
}

static int compare(const void *a, const void *b)
{
	const struct holder *x = a, *y = b;
	int r = strcmp(x->ns, y->ns);

	return r ? r : strcmp(x->pod, y->pod);
}

static int mark(const struct kube_pod *p, void *arg, struct err *e)
{
	const struct holder key = { .ns = p->meta.ns, .pod = p->meta.name };
	struct holders *l = arg;
	struct holder *at = l->n ? bsearch(&key, l->v, l->n, sizeof(*l->v), compare) : NULL;

	(void)e;
	while (at && at > l->v && compare(at - 1, &key) == 0)
		at--;
	for (; at && at < l->v + l->n && compare(at, &key) == 0; at++)
		at->lives = !at->uid[0] || strcmp(at->uid, p->meta.uid) == 0;
	return 0;
}

/* Pods are listed behind the records: one that came meanwhile is there. */
int fsck_pods(struct ctl *c, void (*found)(const char *sentence, bool repaired, void *arg), void *arg,
	      struct err *e)
{
	struct holders l = { 0 };
	int r = ipam_records(ctl_engine(c), NULL, add, &l, e);

	if (r == 0 && l.n)
		qsort(l.v, l.n, sizeof(*l.v), compare);
	if (r == 0)
		r = pods_each(c, mark, &l, e);
	for (size_t i = 0; r == 0 && i < l.n; i++) {
		char text[IP_TEXT_MAX], line[768];

		if (l.v[i].lives)
			continue;
		snprintf(
			line, sizeof(line),
			"address %s is held by pod %.253s/%.253s (UID %.64s), which does not exist; its node's "
			"agent frees it, unless it is gone too: then \"spiderpoolctl ip release --force\" does",
			ip_format(l.v[i].addr, text), l.v[i].ns, l.v[i].pod, l.v[i].uid);
		found(line, false, arg);
	}
	holders_clear(&l);
	return r;
}
