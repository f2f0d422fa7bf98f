/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - asking the network before an address is used, telling it afterwards */
#include "wire.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/usage.h"
#include "probe/probe.h"

#define CONFLICTS_MAX    3 /* in one ADD */
#define DETECT_BUDGET_MS 5000
#define TARGETS_MAX      (4 * 2)

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

static int add_targets(const struct session *s, const struct ipam_attachment *a, struct targets *t,
		       struct err *e)
{
	bool gateways = s->conf.enable_gateway_detection && !makes_gateway(&s->call->conf);

	for (size_t i = 0; i < a->ips.n && t->n + 2 <= TARGETS_MAX; i++) {
		struct ip_prefix p;
		struct ip gw;
		int r = ipam_attachment_ip(a, i, &p, e);

		if (r == 0 && (s->conf.enable_ip_conflict_detection || a->ips.v[i].probe))
			t->v[t->n++] = (struct probe_target){ .ip = p.ip, .kind = PROBE_ADDRESS };
		if (r == 0 && gateways && a->ips.v[i].gateway) {
			r = ip_parse(a->ips.v[i].gateway, &gw, e);
			t->v[t->n++] =
				(struct probe_target){ .ip = gw, .kind = PROBE_GATEWAY, .source = p.ip };
		}
		if (r < 0)
			return r;
	}
	return 0;
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

struct owner {
	const char *mac;
	struct buf text;
};

static int find_owner(const struct ipam_found *f, void *arg, struct err *e)
{
	struct owner *o = arg;
	char addr[IP_TEXT_MAX];

	(void)e;
	if (!block_rec_has_holder(f->rec) || strcmp(f->rec->mac, o->mac) != 0)
		return 0;
	buf_fmt(&o->text, " (pod %s%s%s, container %s, NIC %s of this node, which was given %s)", f->rec->ns,
		f->rec->ns[0] ? "/" : "", f->rec->pod[0] ? f->rec->pod : "-", f->rec->container, f->rec->nic,
		ip_format(f->addr, addr));
	return 1;
}

static bool is_requested(const struct ipam_request *req, struct ip addr)
{
	for (size_t i = 0; i < req->n_requested; i++)
		if (ip_equal(req->requested[i], addr))
			return true;
	return false;
}

static const struct ipam_address *find_address(const struct ipam_attachment *a, struct ip addr)
{
	for (size_t i = 0; i < a->ips.n; i++) {
		struct ip_prefix p;
		struct err e;

		if (ipam_attachment_ip(a, i, &p, &e) == 0 && ip_equal(p.ip, addr))
			return &a->ips.v[i];
	}
	return NULL;
}

/* The same pod's former sandbox, on its way out, answers for the address they share: that is no conflict. */
static bool is_former_self(const struct ipam_attachment *a, const struct probe_target *t)
{
	const struct ipam_address *own = find_address(a, t->ip);
	char mac[LINK_MAC_TEXT];

	return own && own->former_mac && strcmp(own->former_mac, link_mac_format(t->mac, mac)) == 0;
}

/* A conflict, quarantined and replaced; who asked for this very address must not get another one. */
static int take_next(struct session *s, const struct session_request *r, struct ipam_attachment *a,
		     const struct probe_target *t, struct conflicts *c, struct err *e)
{
	struct owner o = { .text = BUF_INIT(1024) };
	char addr[IP_TEXT_MAX];
	int x;

	const struct ipam_address *own = find_address(a, t->ip);

	ip_format(t->ip, addr);
	c->addr[c->n] = t->ip;
	o.mac = link_mac_format(t->mac, c->mac[c->n]);
	c->n++;
	if (own && own->kept)
		return err_code(
			e, ERR_TRY_AGAIN, EADDRINUSE,
			"ip conflict: pod's interface %s: %s, which is kept for this pod, is in use by %s; it stays the pod's, who starts when that is gone",
			r->req.nic, addr, o.mac);
	if (ipam_records(&s->ipam, NULL, find_owner, &o, e) < 0)
		buf_reset(&o.text);
	log_warn(&s->log, "ip conflict: %s is in use by %s%s; quarantined", addr, o.mac, buf_cstr(&o.text));
	buf_clear(&o.text);
	x = ipam_conflict(&s->ipam, &r->req, a, t->ip, o.mac, e);
	if (x < 0)
		return err_wrap(e, "ip conflict: pod's interface %s: %s is in use by %s", r->req.nic, addr,
				o.mac);
	if (is_requested(&r->req, t->ip))
		return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
				"ip conflict: pod's interface %s: the requested address %s is in use by %s; "
				"it is in quarantine",
				r->req.nic, addr, o.mac);
	return 0;
}

/* One MAC for all of them is one culprit, not many wrong addresses: their quarantines are undone. */
static int give_up(struct session *s, const struct session_request *r, const struct conflicts *c,
		   struct err *e)
{
	bool same = true;
	char text[CONFLICTS_MAX][IP_TEXT_MAX];

	for (size_t i = 0; i < c->n; i++) {
		same &= strcmp(c->mac[i], c->mac[0]) == 0;
		ip_format(c->addr[i], text[i]);
	}
	for (size_t i = 0; same && i < c->n; i++) {
		int x = ipam_conflict_undo(&s->ipam, &r->req, c->addr[i], e);

		if (x < 0)
			return x;
	}
	if (same)
		return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
				"ip conflict: pod's interface %s: %s answers for %s, %s and %s alike; it is "
				"a router with "
				"proxy ARP, or a host or pod with a wrong netmask: find it and mend it",
				r->req.nic, c->mac[0], text[0], text[1], text[2]);
	return err_code(e, ERR_TRY_AGAIN, EADDRINUSE,
			"ip conflict: pod's interface %s with an conflicting ip %s, %s is located at %s; so "
			"were %s at %s and "
			"%s at %s; all are in quarantine",
			r->req.nic, text[2], text[2], c->mac[2], text[0], c->mac[0], text[1], c->mac[1]);
}

/* ---- results ---- */

static int judge(struct session *s, const struct session_request *r, const struct probe_target *t,
		 struct err *e)
{
	char text[IP_TEXT_MAX];

	ip_format(t->ip, text);
	switch (t->result) {
	case PROBE_UNREACHABLE:
		return err_code(e, ERR_TRY_AGAIN, EHOSTUNREACH,
				"gateway %s is unreachable from pod's interface %s", text, r->req.nic);
	case PROBE_UNKNOWN:
		return err_code(
			e, ERR_TRY_AGAIN, ETIMEDOUT, "%s %s could not be checked on pod's interface %s: %s",
			t->kind == PROBE_GATEWAY ? "gateway" : "address", text, r->req.nic, t->reason);
	case PROBE_SKIPPED:
		log_info(&s->log, "%s was not checked: %s", text, t->reason);
		return 0;
	default:
		return 0;
	}
}

/* 1: an address was replaced, look again. */
static int check_once(struct session *s, const struct session_request *r, struct ipam_attachment *a,
		      struct conflicts *c, struct deadline until, struct err *e)
{
	struct probe_opts o = options(&s->conf, until);
	struct targets t = { .n = 0 };
	size_t before = c->n;
	int x = add_targets(s, a, &t, e);

	if (x < 0 || !t.n)
		return x;
	x = probe_run(r->netns, r->req.nic, t.v, t.n, &o, e);
	for (size_t i = 0; x == 0 && i < t.n && c->n < CONFLICTS_MAX; i++)
		if (t.v[i].result == PROBE_CONFLICT && !is_former_self(a, &t.v[i]))
			x = take_next(s, r, a, &t.v[i], c, e);
	if (x == 0 && c->n == CONFLICTS_MAX)
		return give_up(s, r, c, e);
	if (x < 0 || c->n > before)
		return x < 0 ? x : 1;
	for (size_t i = 0; x == 0 && i < t.n; i++)
		x = judge(s, r, &t.v[i], e);
	return x;
}

/* A NIC that is not up yet announces itself when it comes up (macvlan sets arp_notify). Looked at first,
 * because closing a packet socket makes the kernel wait for all CPUs: milliseconds. */
static void announce(struct session *s, const struct session_request *r, const struct ipam_attachment *a,
		     bool checked)
{
	struct probe_opts o = PROBE_OPTS(s->ipam.until);
	struct ip addrs[TARGETS_MAX];
	struct ip_prefix p;
	struct err e;
	size_t n = 0;

	if (!checked && !r->running)
		return;
	if (!checked)
		o.announcements = 1;
	for (size_t i = 0; i < a->ips.n && n < TARGETS_MAX; i++)
		if (ipam_attachment_ip(a, i, &p, &e) == 0)
			addrs[n++] = p.ip;
	if (probe_announce(r->netns, r->req.nic, addrs, n, &o, &e) < 0)
		log_info(&s->log, "addresses were not announced: %s", e.msg);
}

int wire_settle(struct session *s, const struct session_request *r, struct ipam_attachment *a, struct err *e)
{
	const struct ipam_section *c = &s->conf;
	int64_t budget = c->detect_timeout_ms.set ? c->detect_timeout_ms.v : DETECT_BUDGET_MS;
	struct deadline until = deadline_min(s->ipam.until, deadline_in(budget));
	struct conflicts seen = { .n = 0 };
	int x;

	if (c->enable_gateway_detection && makes_gateway(&s->call->conf))
		log_info(&s->log, "the gateway is not checked: %s sets its address itself (isGateway)",
			 s->call->conf.type);

	do {
		x = check_once(s, r, a, &seen, until, e);
	} while (x > 0);
	if (x == 0)
		announce(s, r, a, c->enable_ip_conflict_detection || c->enable_gateway_detection);
	return x;
}
