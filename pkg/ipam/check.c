/* SPDX-License-Identifier: Apache-2.0 */
/* check.c - CHECK and STATUS: does what is recorded hold? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/plan.h"
#include "ipam/release.h"

struct check {
	const char *network, *container, *nic;
	const struct ip_prefix *have;
	size_t n_have;
};

static int check_record(struct txn *t, const struct ipam_attachment *a, struct ip_prefix p, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	char text[IP_TEXT_MAX];
	int r = txn_record(t, p.ip, &b, &rec, e);

	if (r < 0)
		return r;
	ip_format(p.ip, text);
	if (!block_rec_has_holder(rec))
		return err_set(e, ENOENT, "address %s of container %s, NIC %s is not held any more (%s)",
			       text, a->container, a->nic, hold_name(rec->hold));
	if (strcmp(rec->container, a->container) != 0 || strcmp(rec->nic, a->nic) != 0)
		return err_set(e, EADDRINUSE,
			       "address %s of container %s, NIC %s is held by container %s, NIC %s", text,
			       a->container, a->nic, rec->container, rec->nic);
	return 0;
}

static int check_have(const struct check *c, struct ip_prefix p, struct err *e)
{
	char text[IP_TEXT_MAX];

	for (size_t i = 0; i < c->n_have; i++)
		if (ip_prefix_equal(c->have[i], p))
			return 0;
	return err_set(
		e, ENOENT,
		"prevResult of container %s, NIC %s does not have address %s, which is recorded for it",
		c->container, c->nic, ip_prefix_format(p, text));
}

static int check_body(struct txn *t, void *arg, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	const struct check *c = arg;
	int r = stored_get(t, c->network, c->container, c->nic, &s, e);

	if (r < 0)
		return r;
	if (r == 0)
		return err_code(e, ERR_UNKNOWN_CONTAINER, ENOENT,
				"container %s, NIC %s, network %s: no address is recorded", c->container,
				c->nic, c->network);
	for (size_t i = 0; i < s.a.ips.n; i++) {
		struct ip_prefix p;

		r = ipam_attachment_ip(&s.a, i, &p, e);
		if (r == 0 && s.a.ips.v[i].released)
			r = err_set(e, ENOENT,
				    "address %s of container %s, NIC %s was released by an operator",
				    s.a.ips.v[i].address, c->container, c->nic);
		if (r == 0)
			r = check_record(t, &s.a, p, e);
		if (r == 0)
			r = check_have(c, p, e);
		if (r < 0)
			return r;
	}
	return 1;
}

int ipam_check(struct ipam *m, const char *network, const char *container, const char *nic,
	       const struct ip_prefix *have, size_t n_have, struct err *e)
{
	struct check c = { network, container, nic, have, n_have };

	return txn_run(m, STORE_READ, check_body, &c, e);
}

/* ---- STATUS ---- */

static int any_pool(const struct store_obj *o, void *arg, struct err *e)
{
	const char *pattern = arg;
	int r = pattern ? api_wildcard_match(pattern, o->name, e) : 1;

	return r; /* 1 stops the listing */
}

static int exists(struct txn *t, const char *name, struct err *e)
{
	struct store_obj o;

	if (api_is_wildcard(name))
		return store_list(t->m->st, STORE_IPPOOL, NULL, NULL, NULL, any_pool, (void *)name, e);
	return store_get(t->m->st, STORE_IPPOOL, "", name, &o, e);
}

/* 1 when one of the names exists. */
static int one_exists(struct txn *t, const struct json_strv *names, struct err *e)
{
	int r = 0;

	for (size_t i = 0; names && i < names->n && r == 0; i++)
		r = exists(t, names->v[i], e);
	return r;
}

static int status_body(struct txn *t, void *arg, struct err *e)
{
	const struct ipam_conf *c = &t->m->conf;
	bool named = (c->default_ipv4 && c->default_ipv4->n) || (c->default_ipv6 && c->default_ipv6->n);
	int r = 0;

	(void)arg;
	if (named) {
		r = one_exists(t, c->default_ipv4, e);
		if (r == 0)
			r = one_exists(t, c->default_ipv6, e);
	} else {
		r = store_list(t->m->st, STORE_IPPOOL, NULL, NULL, NULL, any_pool, NULL, e);
	}
	if (r < 0)
		return r;
	if (r > 0)
		return 1;
	if (named)
		return err_code(
			e, ERR_UNAVAILABLE, ENOENT,
			"none of the pools that default_ipv4_ippool/default_ipv6_ippool name exists (%s ...)",
			c->default_ipv4 && c->default_ipv4->n ? c->default_ipv4->v[0]
							      : c->default_ipv6->v[0]);
	return err_code(e, ERR_UNAVAILABLE, ENOENT, "there is no SpiderIPPool");
}

int ipam_status(struct ipam *m, struct err *e)
{
	/* For writing, because an ADD must be able to: on a full disk none is. */
	int r = txn_run(m, STORE_WRITE, status_body, NULL, e);

	if (r < 0)
		e->cni = ERR_UNAVAILABLE;
	return r;
}
