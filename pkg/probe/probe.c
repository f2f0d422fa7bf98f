/* SPDX-License-Identifier: Apache-2.0 */
/* probe.c - one loop that asks for all targets and hears the answers */
#include "probe/probe.h"

#include <errno.h>
#include <limits.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <stdbool.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "base/own.h"
#include "probe/probe_impl.h"

#define NEVER         INT64_MAX
#define PACKET_MAX    2048
#define RESEND_MIN_MS 10

struct asking {
	bool open;
	int sent;
	int64_t due; /* of the next question; after the last one: of the end */
};

struct run {
	struct port port;
	struct probe_target *t;
	size_t n;
	const struct probe_opts *o;
	struct asking a[PROBE_MAX_TARGETS];
	bool send_failed;
};

const char *probe_result_text(enum probe_result result)
{
	static const char *const text[] = {
		[PROBE_UNKNOWN] = "unknown",     [PROBE_SKIPPED] = "skipped",
		[PROBE_FREE] = "free",           [PROBE_CONFLICT] = "in use",
		[PROBE_REACHABLE] = "reachable", [PROBE_UNREACHABLE] = "unreachable",
	};

	return text[result];
}

static void settle(struct run *r, size_t i, enum probe_result result, const char *reason)
{
	r->t[i].result = result;
	r->t[i].reason = reason;
	r->a[i].open = false;
}

static void settle_all(struct run *r, enum probe_result result, const char *reason)
{
	for (size_t i = 0; i < r->n; i++)
		settle(r, i, result, reason);
}

static int64_t jitter(const struct run *r)
{
	unsigned x = 0;

	/* Without entropy (very early boot) there is no jitter, which is no harm. */
	if (r->o->jitter_ms <= 0 || getrandom(&x, sizeof(x), GRND_NONBLOCK) < 0)
		return 0;
	return x % ((unsigned)r->o->jitter_ms + 1);
}

static int check_target(const struct probe_target *t, size_t i, struct err *e)
{
	if (t->ip.ver != 4 && t->ip.ver != 6)
		return err_set(e, EINVAL, "probe: target %zu has no address", i);
	if (t->kind == PROBE_GATEWAY && t->source.ver != t->ip.ver)
		return err_set(e, EINVAL, "probe: gateway, target %zu: want a source of IP version %d", i,
			       t->ip.ver);
	return 0;
}

static int check_args(struct run *r, struct err *e)
{
	if (r->n > PROBE_MAX_TARGETS)
		return err_set(e, E2BIG, "probe: %zu targets, at most %d are possible", r->n,
			       PROBE_MAX_TARGETS);
	if (r->o->probes < 1 || r->o->interval_ms < 0 || r->o->wait_ms < 0)
		return err_set(e, EINVAL,
			       "probe: %d probes every %d ms, wait %d ms: want at least 1, 0 and 0",
			       r->o->probes, r->o->interval_ms, r->o->wait_ms);
	for (size_t i = 0; i < r->n; i++) {
		int ret = check_target(&r->t[i], i, e);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- asking ---- */

static int ask(struct run *r, const struct probe_target *t)
{
	struct ip sender = t->kind == PROBE_GATEWAY ? t->source : (struct ip){ 0 };
	struct frame f;

	if (t->ip.ver == 4)
		arp_request(&f, r->port.link.mac, sender, t->ip);
	else
		nd_solicit(&f, r->port.link.mac, sender, t->ip);
	return port_send(&r->port, &f);
}

enum readiness { WAIT, GO, MUST_NOT };

/* May the gateway be asked in the name of t's source? */
static enum readiness source_ready(const struct run *r, const struct probe_target *t)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->t[i].kind != PROBE_ADDRESS || !ip_equal(r->t[i].ip, t->source))
			continue;
		if (r->a[i].open)
			return WAIT;
		if (r->t[i].result != PROBE_FREE)
			return MUST_NOT;
	}
	return GO;
}

/* Does what is due for one open target; returns when it wants to be looked at again. */
static int64_t step(struct run *r, size_t i, int64_t now)
{
	const struct probe_target *t = &r->t[i];
	struct asking *a = &r->a[i];
	enum readiness ready = t->kind == PROBE_GATEWAY && a->sent == 0 ? source_ready(r, t) : GO;

	if (ready == MUST_NOT)
		settle(r, i, PROBE_SKIPPED, "the address that was to ask is not known to be free");
	if (ready != GO)
		return NEVER;
	if (a->due > now)
		return a->due;
	if (a->sent == r->o->probes) {
		settle(r, i, t->kind == PROBE_GATEWAY ? PROBE_UNREACHABLE : PROBE_FREE, NULL);
		return NEVER;
	}
	if (ask(r, t) < 0) {
		/* A question that did not leave does not count. */
		r->send_failed = true;
		a->due = now + (r->o->interval_ms > RESEND_MIN_MS ? r->o->interval_ms : RESEND_MIN_MS);
		return a->due;
	}
	a->sent++;
	a->due = now + (a->sent == r->o->probes ? r->o->wait_ms : r->o->interval_ms + jitter(r));
	return a->due;
}

static bool step_all(struct run *r, enum probe_kind kind, int64_t now, int64_t *next)
{
	bool open = false;

	for (size_t i = 0; i < r->n; i++) {
		int64_t due;

		if (r->t[i].kind != kind || !r->a[i].open)
			continue;
		due = step(r, i, now);
		if (due < *next)
			*next = due;
		open |= r->a[i].open;
	}
	return open;
}

/* ---- hearing ---- */

static void take_claim(struct run *r, const struct claim *c)
{
	/* Neither our own packets nor what a switch or bridge reflects is a second owner. */
	if (memcmp(c->mac, r->port.link.mac, MAC_LEN) == 0)
		return;
	for (size_t i = 0; i < r->n; i++) {
		struct probe_target *t = &r->t[i];

		if (!ip_equal(t->ip, c->ip))
			continue;
		/* A late answer still turns FREE, as long as others keep the loop going. */
		if (t->kind == PROBE_ADDRESS && t->result != PROBE_CONFLICT)
			settle(r, i, PROBE_CONFLICT, NULL);
		else if (t->kind == PROBE_GATEWAY && r->a[i].open && c->kind == CLAIM_ANSWERS &&
			 ip_equal(c->to, t->source))
			settle(r, i, PROBE_REACHABLE, NULL);
		else
			continue;
		memcpy(t->mac, c->mac, MAC_LEN);
	}
}

static void receive(struct run *r, int fd)
{
	uint8_t buf[PACKET_MAX];

	/* All of it: a verdict must not come before an answer that is already here. */
	while (deadline_left(r->o->deadline) > 0) {
		struct sockaddr_ll from = { 0 };
		socklen_t from_len = sizeof(from);
		struct claim c;
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &from_len);
		bool ok;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return; /* nothing more; or the link went down, which the end looks at */
		ok = fd == r->port.arp ? arp_claim(buf, (size_t)n, &c)
				       : nd_claim(buf, (size_t)n, from.sll_addr, &c);
		if (ok)
			take_claim(r, &c);
	}
}

static int wait_packets(struct run *r, int64_t ms, struct err *e)
{
	struct pollfd p[] = { { .fd = r->port.arp, .events = POLLIN },
			      { .fd = r->port.nd, .events = POLLIN } };
	int n = poll(p, ARRAY_LEN(p), ms > INT_MAX ? INT_MAX : (int)ms);

	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "wait for packets");
	for (size_t i = 0; n > 0 && i < ARRAY_LEN(p); i++)
		if (p[i].revents)
			receive(r, p[i].fd);
	return 0;
}

/* ---- the run ---- */

/* Silence means something only on a link that still works. */
static void check_silence(struct run *r, const char *ifname)
{
	struct err ignored;

	if (link_running(r->port.ctl, ifname, &ignored) > 0)
		return;
	for (size_t i = 0; i < r->n; i++)
		if (r->t[i].result == PROBE_FREE || r->t[i].result == PROBE_UNREACHABLE)
			settle(r, i, PROBE_UNKNOWN, "the interface lost its carrier");
}

static void give_up(struct run *r)
{
	const char *why = r->send_failed ? "packets could not be sent before the deadline"
					 : "the deadline came before the end of the probes";

	for (size_t i = 0; i < r->n; i++)
		if (r->a[i].open)
			settle(r, i, PROBE_UNKNOWN, why);
}

static int loop(struct run *r, struct err *e)
{
	for (;;) {
		int64_t left = deadline_left(r->o->deadline), now = clock_mono_ms(), next = NEVER;
		bool open;
		int ret;

		if (left == 0)
			return 0;
		/* Addresses first: a gateway waits for the address that asks. */
		open = step_all(r, PROBE_ADDRESS, now, &next);
		open |= step_all(r, PROBE_GATEWAY, now, &next);
		if (!open)
			return 0;
		ret = wait_packets(r, next - now < left ? next - now : left, e);
		if (ret < 0)
			return ret;
	}
}

static int start(struct run *r, struct err *e)
{
	int64_t now = clock_mono_ms();
	int ret = port_listen(&r->port, e);

	for (size_t i = 0; i < r->n && ret == 0; i++) {
		const struct probe_target *t = &r->t[i];
		bool gateway = t->kind == PROBE_GATEWAY;
		uint8_t group[MAC_LEN];

		if (r->port.ipvlan && (gateway || t->ip.ver == 4)) {
			settle(r, i, PROBE_SKIPPED,
			       "ipvlan drops answers to an address that is not yet configured");
			continue;
		}
		r->a[i] = (struct asking){ .open = true, .due = gateway ? now : now + jitter(r) };
		if (t->ip.ver == 6 && !gateway) {
			nd_group_mac(t->ip, group);
			ret = port_join(&r->port, group, e);
		}
	}
	return ret;
}

/* 1 when the interface is ready, 0 when all results are set because it cannot be. */
static int open_port(struct run *r, int netns, const char *ifname, struct err *e)
{
	bool v4 = false, v6 = false;
	struct err why;
	int ret;

	for (size_t i = 0; i < r->n; i++) {
		v4 |= r->t[i].ip.ver == 4;
		v6 |= r->t[i].ip.ver == 6;
	}
	ret = port_open(&r->port, netns, ifname, v4, v6, r->o->deadline, &why);
	if (ret == 0)
		return 1;
	if (ret == -ENODEV)
		settle_all(r, PROBE_SKIPPED, "there is no such interface yet");
	else if (ret == -EOPNOTSUPP)
		settle_all(r, PROBE_SKIPPED, "the interface is not an Ethernet that uses ARP");
	else if (ret == -ENETDOWN)
		settle_all(r, PROBE_UNKNOWN, "the interface had no carrier before the deadline");
	else
		*e = why;
	return ret == -ENODEV || ret == -EOPNOTSUPP || ret == -ENETDOWN ? 0 : ret;
}

static int run_on(struct run *r, const char *ifname, struct err *e)
{
	int ret = start(r, e);

	if (ret == 0)
		ret = loop(r, e);
	if (ret < 0)
		return ret;
	give_up(r);
	check_silence(r, ifname);
	return 0;
}

int probe_run(int netns, const char *ifname, struct probe_target *targets, size_t n,
	      const struct probe_opts *opts, struct err *e)
{
	struct run r = { .port = PORT_INIT, .t = targets, .n = n, .o = opts };
	int ret = check_args(&r, e);

	if (ret < 0 || n == 0)
		return ret;
	settle_all(&r, PROBE_UNKNOWN, NULL);
	ret = open_port(&r, netns, ifname, e);
	if (ret > 0)
		ret = run_on(&r, ifname, e);
	port_close(&r.port);
	if (ret == 0)
		return 0;
	settle_all(&r, PROBE_UNKNOWN, "probing failed");
	return err_wrap(e, "probe addresses on interface %s", ifname);
}
