/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.h - netlink sockets bound for life to one network namespace, and batches of requests
 *
 * A batch is a list of requests that the kernel gets in as few system calls as possible and works off in
 * order. It answers each; what it says (errno and, where it gives one, its own sentence) is in the error,
 * behind what was attempted: "pod: add route default via 10.0.0.1 dev net1 table 101: Nexthop has invalid
 * gateway (Network is unreachable)". A request that failed does not keep later ones of the batch from being
 * tried.
 *
 * Messages are made with libnl's nlmsg_ and nla_ functions and sent here: libnl's own sockets fold several
 * errno values into one and drop the kernel's sentence.
 */
#ifndef NL_NETLINK_H
#define NL_NETLINK_H

#include <netlink/msg.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct netlink {
	int fd; /* -1: not open; every request fails */
	int protocol;
	uint32_t seq;
	const char *where; /* a literal in front of sentences: "node", "pod" */
	uint8_t *buf;      /* for answers, owned */
};

/* Takes a netlink socket over, also when it fails. protocol: NETLINK_ROUTE, NETLINK_NETFILTER. */
int netlink_adopt(int fd, int protocol, const char *where, struct netlink *ret, struct err *e);
void netlink_close(struct netlink *nl); /* accepts a zeroed one */

/* ---- batches ---- */

#define NETLINK_BATCH_MAX 4096 /* requests */
#define NETLINK_WHAT_MAX  192

/* Errno values that count as success. */
struct netlink_ok {
	int v[3]; /* 0: unused */
};
#define NETLINK_OK(...) ((struct netlink_ok){ { __VA_ARGS__ } })
#define NETLINK_EXACT   ((struct netlink_ok){ { 0 } })

struct netlink_request {
	struct nl_msg *msg; /* owned; NULL: refused by us */
	struct netlink_ok ok;
	bool no_ack; /* the frame of an nf_tables transaction is answered only when all of it fails */
	int result;  /* out: 0, 1 for a tolerated errno, or a negative errno; -ECANCELED: not tried */
	char what[NETLINK_WHAT_MAX];
};

struct netlink_batch {
	struct netlink_request *v;
	size_t n, cap;
	int err; /* sticky: 0, -ENOMEM, -E2BIG or that of netlink_refuse() */
};

/* Takes msg over (NULL sticks as -ENOMEM). NLM_F_REQUEST and, unless no_ack, NLM_F_ACK are added when it is
 * sent. what: "add route ...". Returns the request, good until the next one is added; NULL once err is set.
 */
struct netlink_request *netlink_add(struct netlink_batch *b, struct nl_msg *msg, struct netlink_ok ok,
				    const char *what, ...) __attribute__((format(printf, 4, 5)));
/* A request that is wrong before the kernel has seen it: nothing of the batch will be sent, the sentence is
 * what netlink_send() fails with. */
void netlink_refuse(struct netlink_batch *b, int sys, const char *sentence, ...)
	__attribute__((format(printf, 3, 4)));
/* Sends all; those of NETLINK_NETFILTER in one piece, as a transaction must be. The first failure is
 * returned; result tells each. The batch is empty afterwards when 0 is returned, otherwise it is left for the
 * caller to look at. */
int netlink_send(struct netlink *nl, struct netlink_batch *b, struct err *e);
void netlink_batch_clear(struct netlink_batch *b);

/* ---- questions ---- */

typedef int netlink_each(struct nlmsghdr *h, void *arg, struct err *e);

/* Sends msg (taken over) and calls each() for every answer: one, or all of a dump when flags has NLM_F_DUMP.
 * A dump that changes of the kernel cut through is begun again; then reset() is called first (may be NULL
 * when no dump). -ENODEV, -ENOENT, ... as the kernel says. */
int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void (*reset)(void *arg),
		void *arg, struct err *e, const char *what, ...) __attribute__((format(printf, 7, 8)));

#endif
