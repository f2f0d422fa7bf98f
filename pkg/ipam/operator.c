/* SPDX-License-Identifier: Apache-2.0 */
/* operator.c - what an operator does to one address: release, quarantine */
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "ipam/claim.h"
#include "ipam/endpoint.h"
#include "ipam/release.h"

struct operation {
	struct ip addr;
	bool force;
	int64_t until;
};

static bool is_address(const char *with_prefix, struct ip addr)
{
	struct ip_prefix p;
	struct err e;

	return with_prefix && ip_prefix_parse(with_prefix, &p, &e) == 0 && ip_equal(p.ip, addr);
}

/* The attachment remembers that it lost the address, so that CHECK can tell; without any left it goes. */
static int forget_in_attachment(struct txn *t, const struct block_rec *rec, const char *network,
				struct ip addr, struct err *e)
{
	CLEANUP(stored_clear) struct stored_attachment s = { 0 };
	int r = stored_get(t, network, rec->container, rec->nic, &s, e);
	bool named = false;
	size_t left = 0;

	if (r <= 0)
		return r;
	for (size_t i = 0; i < s.a.ips.n; i++) {
		if (is_address(s.a.ips.v[i].address, addr))
			named = s.a.ips.v[i].released = true;
		left += !s.a.ips.v[i].released;
	}
	if (!named)
		return 0;
	if (left)
		return claim_put(t, network, &s.a, s.version, e);
	r = release_ahead(t, &s, e); /* no DEL will find it any more, nor what it claimed ahead */
	return r < 0 ? r : txn_delete(t, STORE_ATTACHMENT, s.key.ns, s.key.name, s.version, e);
}

static int forget_in_endpoint(struct txn *t, const struct block_rec *rec, struct ip addr, struct err *e)
{
	struct txn_endpoint *ep;
	int r = endpoint_of_record(t, rec, &ep, e);

	if (r == 0)
		endpoint_forget(ep, rec->nic, addr);
	return r;
}

static int release_body(struct txn *t, void *arg, struct err *e)
{
	const struct operation *o = arg;
	char text[IP_TEXT_MAX];
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, o->addr, &b, &rec, e);

	if (r < 0)
		return r;
	ip_format(o->addr, text);
	if (rec->hold == HOLD_NONE || rec->hold == HOLD_FREE)
		return err_code(e, ERR_CONFIG, ENOENT, "address %s is not held", text);
	if (block_rec_has_holder(rec) && !o->force)
		return err_code(e, ERR_CONFIG, EBUSY,
				"address %s is in use by pod %s%s%s (container %s, NIC %s); releasing it "
				"would let another "
				"pod have it too; if that container is gone for certain, use --force",
				text, rec->ns, rec->ns[0] ? "/" : "", rec->pod[0] ? rec->pod : "-",
				rec->container, rec->nic);
	r = forget_in_attachment(t, rec, rec->network, o->addr, e);
	if (r == 0)
		r = forget_in_attachment(t, rec, "", o->addr, e);
	if (r == 0)
		r = forget_in_endpoint(t, rec, o->addr, e);
	if (r == 0)
		release_record(t, b, rec);
	return r;
}

int ipam_release(struct ipam *m, struct ip addr, bool force, struct err *e)
{
	struct operation o = { .addr = addr, .force = force };

	return txn_run(m, STORE_RELEASE, release_body, &o, e);
}

static int quarantine_body(struct txn *t, void *arg, struct err *e)
{
	const struct operation *o = arg;
	char text[IP_TEXT_MAX];
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, o->addr, &b, &rec, e);

	if (r < 0)
		return r;
	if (block_rec_held(rec, t->now) && rec->hold != HOLD_QUARANTINE)
		return err_code(e, ERR_CONFIG, EBUSY,
				"address %s is held by pod %s%s%s (container %s); only an address that "
				"nobody holds can be "
				"put into quarantine",
				ip_format(o->addr, text), rec->ns, rec->ns[0] ? "/" : "",
				rec->pod[0] ? rec->pod : "-", rec->container[0] ? rec->container : "-");
	block_rec_init(rec);
	rec->hold = HOLD_QUARANTINE;
	rec->since = t->now;
	rec->until = o->until;
	b->dirty = true;
	return 0;
}

int ipam_quarantine(struct ipam *m, struct ip addr, int64_t until_ms, struct err *e)
{
	struct operation o = { .addr = addr, .until = until_ms };

	return txn_run(m, STORE_WRITE, quarantine_body, &o, e);
}
