/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - asking the network before an address is used, telling it afterwards */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "probe/probe.h"

#define CONFLICTS_MAX    3 /* in one ADD */
#define DETECT_BUDGET_MS 5000
#define TARGETS_MAX      (GRANT_MAX * 2)

struct conflicts {
	struct ip addr[CONFLICTS_MAX];
	char mac[CONFLICTS_MAX][LINK_MAC_TEXT];
	size_t n;
};

struct targets {
	struct probe_target v[TARGETS_MAX];
	size_t n;
};

/* The main plugin "bridge" gives the gateway's address to its bridge when IPAM has answered. */
static bool makes_gateway(const struct cni_conf *c)
{
	static const char *const keys[] = { "isGateway", "isDefaultGateway" };
	bool on;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (json_get_bool(c->tree, keys[i], &on) && on)
			return true;
	return false;
}

static void add_targets(const struct add *a, struct targets *t)
{
	bool skip_gateways = makes_gateway(&a->s->call->conf);

	for (size_t i = 0; i < a->grant.result.ips.n; i++) {
		const struct cni_ip_config *c = &a->grant.result.ips.v[i];
		const struct grant_ip *ip = &a->grant.ip[i];

		if (ip->detect_conflict)
			t->v[t->n++] = (struct probe_target){ .ip = c->address.ip, .kind = PROBE_ADDRESS };
		if (ip->detect_gateway && c->gateway.ver && !skip_gateways)
			t->v[t->n++] = (struct probe_target){ .ip = c->gateway,
							      .kind = PROBE_GATEWAY,
							      .source = c->address.ip };
	}
}

static struct probe_opts options(const struct ipam_section *c, struct deadline until)
{
	struct probe_opts o = PROBE_OPTS(until);

	if (c->detect_probes.set)
		o.probes = (int)c->detect_probes.v;
	if (c->detect_interval_ms.set)
		o.interval_ms = o.wait_ms = (int)c->detect_interval_ms.v;
	return o;
}

/* ---- conflicts ---- */

static bool is_requested(const struct ipam_request *req, struct ip addr)
{
	for (size_t i = 0; i < req->n_requested; i++)
		if (ip_equal(req->requested[i], addr))
			return true;
	return false;
}

/* The same pod's former sandbox, on its way out, answers for the address they share: that is no conflict. */
static bool is_former_self(const struct grant *g, const struct probe_target *t)
{
	int i = grant_find(g, t->ip);
	char mac[LINK_MAC_TEXT];

	return i >= 0 && strcmp(g->ip[i].former_mac, link_mac_format(t->mac, mac)) == 0;
}

static void log_conflict(struct add *a, const char *addr, const char *mac)
{
	const struct datastore *d = datastore_of(a->s);
	struct buf owner = BUF_INIT(1024);

	if (d->owner)
		d->owner(a, mac, &owner);
	log_warn(&a->s->log, "ip conflict: %s is in use by %s%s%s%s; to be quarantined", addr, mac,
		 owner.len ? " (" : "", buf_cstr(&owner), owner.len ? ")" : "");
	buf_clear(&owner);
}

/* A conflict, quarantined and replaced; who asked for this very address must not get another one. */
static int take_next(struct add *a, const struct probe_target *t, struct conflicts *c, struct err *e)
{
	int own = grant_find(&a->grant, t->ip);
	char addr[IP_TEXT_MAX];
	const char *mac;
	int r;

	ip_format(t->ip, addr);
	c->addr[c->n] = t->ip;
	mac = link_mac_format(t->mac, c->mac[c->n]);
	c->n++;
	if (own >= 0 && a->grant.ip[own].kept)
		return err_code(
			e, ERR_TRY_AGAIN, EADDRINUSE,
			"ip conflict: pod's interface %s: %s, which is kept for this pod, is in use by %s; it stays the pod's, who starts when that is gone",
			a->r.req.nic, addr, mac);
	log_conflict(a, addr, mac);
	r = datastore_of(a->s)->replace(a, t->ip, mac, e);
	if (r < 0)
		return err_wrap(e, "ip conflict: pod's interface %s: %s is in use by %s", a->r.req.nic, addr,
				mac);
	if (is_requested(&a->r.req, t->ip))
		return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
				"ip conflict: pod's interface %s: the requested address %s is in use by %s; "
				"it is in quarantine",
				a->r.req.nic, addr, mac);
	return 0;
}

/* One MAC for all of them is one culprit, not many wrong addresses: their quarantines are undone. */
static int give_up(struct add *a, const struct conflicts *c, struct err *e)
{
	bool same = true;
	char text[CONFLICTS_MAX][IP_TEXT_MAX];

	for (size_t i = 0; i < c->n; i++) {
		same &= strcmp(c->mac[i], c->mac[0]) == 0;
		ip_format(c->addr[i], text[i]);
	}
	for (size_t i = 0; same && i < c->n; i++) {
		int r = datastore_of(a->s)->restore(a, c->addr[i], c->mac[i], e);

		if (r < 0)
			return r;
	}
	if (same)
		return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
				"ip conflict: pod's interface %s: %s answers for %s, %s and %s alike; it is "
				"a router with "
				"proxy ARP, or a host or pod with a wrong netmask: find it and mend it",
				a->r.req.nic, c->mac[0], text[0], text[1], text[2]);
	return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
			"ip conflict: pod's interface %s with an conflicting ip %s, %s is located at %s; so "
			"were %s at %s and "
			"%s at %s; all are in quarantine",
			a->r.req.nic, text[2], text[2], c->mac[2], text[0], c->mac[0], text[1], c->mac[1]);
}

/* ---- results ---- */

static int judge(struct add *a, const struct probe_target *t, struct err *e)
{
	const char *nic = a->r.req.nic;
	char text[IP_TEXT_MAX];

	ip_format(t->ip, text);
	switch (t->result) {
	case PROBE_UNREACHABLE:
		return err_code(e, ERR_TRY_AGAIN, EHOSTUNREACH,
				"gateway %s is unreachable from pod's interface %s", text, nic);
	case PROBE_UNKNOWN:
		return err_code(e, ERR_TRY_AGAIN, ETIMEDOUT,
				"%s %s could not be checked on pod's interface %s: %s",
				t->kind == PROBE_GATEWAY ? "gateway" : "address", text, nic, t->reason);
	case PROBE_SKIPPED:
		log_info(&a->s->log, "%s was not checked: %s", text, t->reason);
		return 0;
	default:
		return 0;
	}
}

/* 1: an address was replaced, look again. */
static int check_once(struct add *a, struct conflicts *c, struct deadline until, struct err *e)
{
	struct probe_opts o = options(&a->s->conf, until);
	struct targets t = { .n = 0 };
	size_t before = c->n;
	int r;

	add_targets(a, &t);
	if (!t.n)
		return 0;
	r = probe_run(a->r.netns, a->r.req.nic, t.v, t.n, &o, e);
	for (size_t i = 0; r == 0 && i < t.n && c->n < CONFLICTS_MAX; i++)
		if (t.v[i].result == PROBE_CONFLICT && !is_former_self(&a->grant, &t.v[i]))
			r = take_next(a, &t.v[i], c, e);
	if (r == 0 && c->n == CONFLICTS_MAX)
		return give_up(a, c, e);
	if (r < 0 || c->n > before)
		return r < 0 ? r : 1;
	for (size_t i = 0; r == 0 && i < t.n; i++)
		r = judge(a, &t.v[i], e);
	return r;
}

/* ---- */

struct asked {
	bool gateway, any;
};

static struct asked what_is_asked(const struct grant *g)
{
	struct asked w = { false, false };

	for (size_t i = 0; i < g->result.ips.n; i++) {
		w.gateway |= g->ip[i].detect_gateway;
		w.any |= g->ip[i].detect_gateway || g->ip[i].detect_conflict;
	}
	return w;
}

/* A NIC that is not up yet announces itself when it comes up (macvlan sets arp_notify). Looked at first,
 * because closing a packet socket makes the kernel wait for all CPUs: milliseconds. */
static void announce(struct add *a, bool checked)
{
	struct probe_opts o = PROBE_OPTS(a->s->until);
	size_t n = a->grant.result.ips.n;
	struct ip addrs[GRANT_MAX];
	struct err e;

	if (!checked && !a->r.running)
		return;
	if (!checked)
		o.announcements = 1;
	for (size_t i = 0; i < n; i++)
		addrs[i] = a->grant.result.ips.v[i].address.ip;
	if (probe_announce(a->r.netns, a->r.req.nic, addrs, n, &o, &e) < 0)
		log_info(&a->s->log, "addresses were not announced: %s", e.msg);
}

int wire_settle(struct add *a, struct err *e)
{
	const struct ipam_section *c = &a->s->conf;
	int64_t budget = c->detect_timeout_ms.set ? c->detect_timeout_ms.v : DETECT_BUDGET_MS;
	struct deadline until = deadline_min(a->s->until, deadline_in(budget));
	struct asked asked = what_is_asked(&a->grant);
	struct conflicts seen = { .n = 0 };
	int r;

	if (asked.gateway && makes_gateway(&a->s->call->conf))
		log_info(&a->s->log, "the gateway is not checked: %s sets its address itself (isGateway)",
			 a->s->call->conf.type);

	do {
		r = check_once(a, &seen, until, e);
	} while (r > 0);
	if (r == 0)
		announce(a, asked.any);
	return r;
}
