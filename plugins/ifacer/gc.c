/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - what nobody needs any more */
#include "gc.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "uses.h"

/* All that went wrong, in one sentence. */
struct failures {
	struct buf text;
	int sys;
};

static void failed(struct failures *f, const struct err *e)
{
	buf_fmt(&f->text, "%s%s", f->text.len ? "; " : "", e->msg);
	f->sys = f->sys ? f->sys : e->sys;
}

/* ---- records ---- */

static void forget(struct session *s, struct failures *f)
{
	const struct cni_conf *conf = &s->call->conf;
	struct podnet_records all;
	struct err e;

	if (podnet_records_all(&s->dir, conf->name, &all, NULL, &e) < 0) {
		failed(f, &e);
		return;
	}
	for (size_t i = 0; i < all.n; i++) {
		const struct podnet_record *rec = &all.v[i];

		/* The list was made before a younger one was there. */
		if (rec->created >= s->started || cni_conf_valid_has(conf, rec->container, rec->ifname))
			continue;
		if (podnet_record_remove(&s->dir, rec->container, rec->ifname, rec->network, &e) < 0)
			failed(f, &e);
	}
	podnet_records_clear(&all);
}

/* ---- interfaces ---- */

/* Something is on it that we know nothing of: another interface, or an address that somebody has given it. */
static int in_use(struct session *s, const struct rt_links *all, const struct rt_link *l, struct err *e)
{
	struct rt_addrs addrs = { 0 };
	bool found = false;
	int r;

	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].link == l->index && all->v[i].link_netnsid == -1 && all->v[i].index)
			return 1;
	r = rt_addrs(&s->nl, 0, l->index, &addrs, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < addrs.n; i++)
		found |= addrs.v[i].scope < RT_SCOPE_LINK;
	free(addrs.v);
	return found;
}

static int remove_link(struct session *s, struct rt_link *l, struct err *e)
{
	CLEANUP(netlink_batch_clear) struct netlink_batch b = { 0 };
	int r;

	rt_link_del(&b, l->index, l->name);
	r = netlink_send(&s->nl, &b, e);
	if (r == 0)
		l->index = 0; /* nothing is on its parent any more */
	return r;
}

static void remove_kind(struct session *s, const char *kind, struct rt_links *all,
			const struct ifacer_uses *uses, struct failures *f)
{
	struct err e;

	for (size_t i = 0; i < all->n; i++) {
		struct rt_link *l = &all->v[i];
		int r;

		if (strcmp(l->kind, kind) != 0 || strcmp(l->alias, s->mark) != 0 ||
		    ifacer_uses_interface(uses, l->name))
			continue;
		r = in_use(s, all, l, &e);
		if (r == 0)
			r = remove_link(s, l, &e);
		if (r < 0)
			failed(f, &e);
	}
}

static void remove_unused(struct session *s, struct failures *f)
{
	CLEANUP(ifacer_uses_clear) struct ifacer_uses uses = { 0 };
	struct rt_links all = { 0 };
	struct err e;
	int r = ifacer_uses_read(&s->dir, &uses, &e);

	if (r == 0 && uses.bad)
		r = err_set(&e, EBADMSG,
			    "%zu attachment records in %s cannot be read, so no interface is removed: it may "
			    "be needed; remove those files",
			    uses.bad, s->dir.path);
	if (r == 0)
		r = session_open_kernel(s, &e);
	if (r == 0)
		r = rt_links(&s->nl, &all, &e);
	if (r < 0) {
		failed(f, &e);
		return;
	}
	/* Twice, because a VLAN may stand on another one. */
	for (int i = 0; i < 2; i++)
		remove_kind(s, "vlan", &all, &uses, f);
	remove_kind(s, "bond", &all, &uses, f);
	free(all.v);
}

int ifacer_gc(struct session *s, struct err *e)
{
	struct failures f = { .text = BUF_INIT(ERR_MSG_MAX) };
	int r = 0;

	forget(s, &f);
	if (s->conf.remove_unused)
		remove_unused(s, &f);
	if (f.text.len)
		r = err_set(e, f.sys ? f.sys : EIO, "%s", buf_cstr(&f.text));
	buf_clear(&f.text);
	return r;
}
