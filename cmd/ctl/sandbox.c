/* SPDX-License-Identifier: Apache-2.0 */
/* sandbox.c - what tells whether a container still lives */
#include "sandbox.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/result.h"
#include "ipam/txn.h"
#include "nl/netns.h"

/* ---- the cache ---- */

static int compare(const void *a, const void *b)
{
	const struct sandbox *x = a, *y = b;
	int r = strcmp(x->container, y->container);

	if (r == 0)
		r = strcmp(x->nic, y->nic);
	return r ? r : strcmp(x->network, y->network);
}

/* The value of a key in [["K","V"], ...]. */
static const char *cached_arg(struct json_object *args, const char *key)
{
	for (size_t i = 0; i < json_len(args); i++) {
		const char *k = json_text(json_at(json_at(args, i), 0));

		if (k && strcmp(k, key) == 0)
			return json_text(json_at(json_at(args, i), 1));
	}
	return NULL;
}

static int dup_to(char **to, const char *s, struct err *e)
{
	*to = s && *s ? strdup(s) : NULL;
	return s && *s && !*to ? err_nomem(e) : 0;
}

/* The NIC's address on the wire, as the last plugin told it. */
static int read_mac(const struct cni_cached *c, struct sandbox *s, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result res = { 0 };
	struct err unreadable;
	int i;

	if (!c->result || cni_result_decode(c->result, CNI_VERSION_DEFAULT, "result", &res, &unreadable) < 0)
		return 0;
	i = cni_result_find_interface(&res, c->ifname, NULL);
	return i < 0 ? 0 : dup_to(&s->mac, res.interfaces.v[i].mac, e);
}

static int add(const struct cni_cached *c, void *arg, struct err *e)
{
	struct sandboxes *list = arg;
	struct sandbox *s;
	int r;

	if (list->n == list->cap) {
		size_t cap = list->cap ? 2 * list->cap : 64;

		s = realloc(list->v, cap * sizeof(*s));
		if (!s)
			return err_nomem(e);
		list->v = s;
		list->cap = cap;
	}
	s = &list->v[list->n];
	*s = (struct sandbox){ 0 };
	list->n++;
	r = dup_to(&s->network, c->network, e);
	if (r == 0)
		r = dup_to(&s->container, c->container_id, e);
	if (r == 0)
		r = dup_to(&s->nic, c->ifname, e);
	if (r == 0)
		r = dup_to(&s->netns, c->netns, e);
	if (r == 0)
		r = dup_to(&s->ns, cached_arg(c->args, "K8S_POD_NAMESPACE"), e);
	if (r == 0)
		r = dup_to(&s->pod, cached_arg(c->args, "K8S_POD_NAME"), e);
	if (r == 0)
		r = dup_to(&s->uid, cached_arg(c->args, "K8S_POD_UID"), e);
	if (r == 0)
		r = read_mac(c, s, e);
	return r;
}

int sandboxes_load(const char *dir, struct sandboxes *ret, struct err *e)
{
	int r;

	*ret = (struct sandboxes){ 0 };
	r = cni_cache_each(dir ? dir : CNI_CACHE_DIR, add, ret, e);
	if (r < 0) {
		sandboxes_clear(ret);
		return r;
	}
	if (ret->n)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare);
	return 0;
}

void sandboxes_clear(struct sandboxes *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct sandbox *x = &s->v[i];
		char *const owned[] = { x->network, x->container, x->nic, x->netns,
					x->ns,      x->pod,       x->uid, x->mac };

		for (size_t k = 0; k < ARRAY_LEN(owned); k++)
			free(owned[k]);
	}
	free(s->v);
	*s = (struct sandboxes){ 0 };
}

const struct sandbox *sandboxes_find(const struct sandboxes *s, const char *container, const char *nic,
				     const char *network)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strcmp(s->v[mid].container, container) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (; lo < s->n && strcmp(s->v[lo].container, container) == 0; lo++)
		if ((!nic || strcmp(s->v[lo].nic, nic) == 0) &&
		    (!network || strcmp(s->v[lo].network, network) == 0))
			return &s->v[lo];
	return NULL;
}

/* ---- namespaces ---- */

/* id NULL: any. Where a file is without being a namespace, its mount may be hidden from us. */
static enum netns_state look(const char *path, const char *id)
{
	CLEANUP(close_p) int fd = -1;
	char now[NETNS_ID_MAX];
	struct err e;
	int r = netns_open(path, &fd, &e);

	if (r == -ENOENT)
		return NETNS_GONE;
	if (r < 0)
		return NETNS_UNKNOWN;
	if (!id || !*id || netns_id(fd, now, &e) < 0 || strcmp(now, id) == 0)
		return NETNS_THERE;
	return NETNS_GONE;
}

enum netns_state netns_look(const struct ipam_attachment *a)
{
	char dir[NETNS_ID_MAX];
	enum netns_state state = a->netns_path ? look(a->netns_path, a->netns) : NETNS_UNKNOWN;

	if (state == NETNS_GONE &&
	    (!a->netns_dir || strcmp(netns_dir_id(a->netns_path, dir), a->netns_dir) != 0))
		return NETNS_UNKNOWN;
	return state;
}

static int is_visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static bool has_entries(const char *path)
{
	CLEANUP(free_p) char *dir = strdup(path);
	struct dirent **list = NULL;
	int n = dir ? scandir(dirname(dir), &list, is_visible, NULL) : -1;

	for (int i = 0; i < n; i++)
		free(list[i]);
	free(list);
	return n > 0;
}

enum netns_state netns_look_path(const char *path)
{
	enum netns_state state = path && *path ? look(path, NULL) : NETNS_UNKNOWN;

	if (state == NETNS_GONE && strncmp(path, "/proc/", 6) != 0 && !has_entries(path))
		return NETNS_UNKNOWN;
	return state;
}

/* ---- attachments ---- */

struct each {
	int (*each)(const struct ipam_attachment *a, void *arg, struct err *e);
	void *arg;
};

static int one(const struct store_obj *o, void *arg, struct err *e)
{
	const struct each *x = arg;
	struct ipam_attachment a;
	int r = ipam_attachment_decode(o, &a, e);

	if (r < 0)
		return r;
	r = x->each(&a, x->arg, e);
	ipam_attachment_clear(&a);
	return r;
}

static int list_body(struct txn *t, void *arg, struct err *e)
{
	int r = store_list(t->m->st, STORE_ATTACHMENT, NULL, NULL, NULL, one, arg, e);

	return r < 0 ? r : 1;
}

int attachments_each(struct ctl *c, int (*each)(const struct ipam_attachment *a, void *arg, struct err *e),
		     void *arg, struct err *e)
{
	struct each x = { each, arg };

	return txn_run(ctl_engine(c), STORE_READ, list_body, &x, e);
}
