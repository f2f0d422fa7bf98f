/* SPDX-License-Identifier: Apache-2.0 */
/* probe.h - is an address in use on the wire, does the gateway answer, tell the wire that we are here
 *
 * One call looks after all addresses of an interface at once: many addresses take the time of one. Nothing
 * has to be configured on the interface before, no link-local address is needed, and IPv6 may be disabled.
 *
 * In use (RFC 5227 section 2.1.1, RFC 4862 section 5.4): some other MAC says that the address is its own, or
 * is checking it at this moment. The question is an ARP request from 0.0.0.0 or a neighbour solicitation from
 * ::, which leave no trace in anybody's tables.
 *
 * Gateway: asked only when the address that asks was found free (or was not to be checked), and with that
 * address as the sender. Asking without a sender, as above, would be quicker by one round trip, but a gateway
 * that is just coming up checks its own address the same way and would take our question for a conflict: a
 * node full of pods that retry could keep a gateway down for good.
 *
 * Not seen: an owner behind a switch that holds back answers, an owner with our own MAC, and on ipvlan all
 * that is answered by unicast, because that driver drops what is not for an address already configured; what
 * could not be seen is SKIPPED, never FREE.
 */
#ifndef PROBE_PROBE_H
#define PROBE_PROBE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "ip/ip.h"
#include "nl/link.h"

#define PROBE_MAX_TARGETS 64

enum probe_kind {
	PROBE_ADDRESS, /* may ip be taken into use? */
	PROBE_GATEWAY, /* does ip answer source? */
};

enum probe_result {
	PROBE_UNKNOWN,     /* no carrier, or the deadline came first: nothing is known */
	PROBE_SKIPPED,     /* cannot or must not be asked here */
	PROBE_FREE,        /* address: every question unanswered */
	PROBE_CONFLICT,    /* address: in use by mac */
	PROBE_REACHABLE,   /* gateway: mac answered */
	PROBE_UNREACHABLE, /* gateway: every question unanswered */
};

struct probe_target {
	struct ip ip;
	enum probe_kind kind;
	struct ip source; /* gateway: who asks; same version as ip */

	enum probe_result result;  /* out */
	uint8_t mac[LINK_MAC_LEN]; /* out, with CONFLICT and REACHABLE */
	const char *reason;        /* out, with UNKNOWN and SKIPPED: why; a literal, nobody frees it */
};

/* The structure is RFC 5227's, the times are not: a pod cannot wait for its 7 seconds. */
struct probe_opts {
	int probes;      /* questions before silence counts (PROBE_NUM); at least 1 */
	int interval_ms; /* between two questions (PROBE_MIN) */
	int jitter_ms;   /* up to so much more, at random, also before the first (PROBE_MAX, PROBE_WAIT) */
	int wait_ms;     /* after the last question (ANNOUNCE_WAIT) */
	int announcements, announce_gap_ms; /* ANNOUNCE_NUM, ANNOUNCE_INTERVAL */
	struct deadline deadline;           /* over all, the wait for carrier included */
};

/* The usual: about a third of a second when nobody answers. */
#define PROBE_OPTS(until) \
	((struct probe_opts){ .probes = 3, \
			      .interval_ms = 100, \
			      .jitter_ms = 20, \
			      .wait_ms = 100, \
			      .announcements = 2, \
			      .announce_gap_ms = 10, \
			      .deadline = (until) })

/* Sets the interface up, waits for carrier and fills in every target's result. 0 also when nothing could be
 * asked (no such interface yet, loopback, no ARP): results tell. Negative only for wrong arguments and for
 * what should not happen (no permission, not a network namespace); nothing is known then. */
int probe_run(int netns, const char *ifname, struct probe_target *targets, size_t n,
	      const struct probe_opts *opts, struct err *e);

/* Tells all neighbours where the addresses are now: ARP announcements (requests, RFC 5227 section 3 says why
 * not replies) and unsolicited neighbour advertisements with the override flag. A failure is worth a line in
 * a log and no more: -ENODEV no such interface yet, -EOPNOTSUPP one without ARP, -ENETDOWN no carrier. */
int probe_announce(int netns, const char *ifname, const struct ip *addrs, size_t n,
		   const struct probe_opts *opts, struct err *e);

/* "free", "in use", ... */
const char *probe_result_text(enum probe_result result);

#endif
