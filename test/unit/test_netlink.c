/* SPDX-License-Identifier: Apache-2.0 */
/* test_netlink.c - the transport against a kernel that misbehaves */
/* link: -Wl,--wrap=recvmsg,--wrap=send */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/own.h"
#include "nl/netlink.h"

#define TYPE 77

/* The other end of a socket pair plays the kernel; what it is to say is said before it is asked. */
static struct netlink nl;
static int kernel = -1;
static int recv_errno, recv_fails_at, recv_calls, recv_flags, send_errno, send_fails, send_calls;

ssize_t __real_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags);
ssize_t __real_send(int fd, const void *data, size_t len, int flags);
ssize_t __wrap_send(int fd, const void *data, size_t len, int flags);

ssize_t __wrap_recvmsg(int fd, struct msghdr *m, int flags)
{
	recv_flags = flags;
	if (++recv_calls == recv_fails_at) {
		errno = recv_errno;
		return -1;
	}
	return __real_recvmsg(fd, m, flags);
}

ssize_t __wrap_send(int fd, const void *data, size_t len, int flags)
{
	send_calls++;
	if (send_fails > 0) {
		send_fails--;
		errno = send_errno;
		return -1;
	}
	return __real_send(fd, data, len, flags);
}

static void begin(int protocol)
{
	const struct timeval soon = { .tv_usec = 10000 };
	struct err e;
	int pair[2];

	netlink_close(&nl);
	close_p(&kernel);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(netlink_adopt(pair[0], protocol, "pod", &nl, &e), 0);
	assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	kernel = pair[1];
	nl.seq = 100; /* the first request is 101 */
	recv_fails_at = recv_calls = send_fails = send_calls = 0;
}

/* ---- what the kernel says ---- */

struct gram {
	uint8_t data[2048];
	size_t len;
};

static struct nlmsghdr *say(struct gram *g, uint32_t seq, int type, int flags, const void *data, size_t len)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(g->data + g->len);

	assert_true(g->len + NLMSG_SPACE(len) <= sizeof(g->data));
	memset(h, 0, NLMSG_SPACE(len));
	*h = (struct nlmsghdr){ .nlmsg_len = NLMSG_LENGTH((uint32_t)len),
				.nlmsg_type = (uint16_t)type,
				.nlmsg_seq = seq };
	h->nlmsg_flags = (uint16_t)flags;
	memcpy(NLMSG_DATA(h), data, len);
	g->len += NLMSG_SPACE(len);
	return h;
}

static void say_error(struct gram *g, uint32_t seq, int err, const char *text)
{
	struct {
		struct nlmsgerr m;
		struct nlattr a;
		char text[64];
	} v = { .m.error = -err, .a.nla_type = NLMSGERR_ATTR_MSG };
	size_t len = sizeof(v.m);

	if (text) {
		v.a.nla_len = (uint16_t)(NLA_HDRLEN + strlen(text) + 1);
		memcpy(v.text, text, strlen(text));
		len += v.a.nla_len;
	}
	say(g, seq, NLMSG_ERROR, NLM_F_CAPPED | (text ? NLM_F_ACK_TLVS : 0), &v, len);
}

static void flush_gram(struct gram *g)
{
	assert_int_equal(__real_send(kernel, g->data, g->len, 0), g->len);
	g->len = 0;
}

static void error_gram(uint32_t seq, int err, const char *text)
{
	struct gram g = { 0 };

	say_error(&g, seq, err, text);
	flush_gram(&g);
}

/* A part of a dump; done with err when >= 0. */
static void dump_gram(uint32_t seq, uint32_t first, uint32_t n, int flags, int done)
{
	struct gram g = { 0 };
	const int err = -done;

	for (uint32_t i = 0; i < n; i++) {
		const uint32_t v = first + i;

		say(&g, seq, TYPE, NLM_F_MULTI | flags, &v, sizeof(v));
	}
	if (done >= 0)
		say(&g, seq, NLMSG_DONE, NLM_F_MULTI | flags, &err, sizeof(err));
	flush_gram(&g);
}

/* ---- batches ---- */

static struct netlink_request *add(struct netlink_batch *b, struct netlink_ok ok, const char *what)
{
	return netlink_add(b, nlmsg_alloc_simple(TYPE, 0), ok, "%s", what);
}

static void answers_find_their_requests(void **state)
{
	const int eperm = -EPERM;
	struct netlink_batch b = { 0 };
	struct gram g = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	add(&b, NETLINK_EXACT, "a");
	add(&b, NETLINK_OK(EEXIST), "b");
	add(&b, NETLINK_EXACT, "c");
	add(&b, NETLINK_EXACT, "d");
	add(&b, NETLINK_EXACT, "e");
	say_error(&g, 100, ENOENT, "left behind");
	say_error(&g, 106, ENOENT, "of the future");
	say_error(&g, 104, EPERM, "d is refused");
	say_error(&g, 104, 0, NULL); /* twice */
	flush_gram(&g);
	say_error(&g, 103, EINVAL, "c is refused");
	say(&g, 101, TYPE, 0, &eperm, sizeof(eperm)); /* a notice, no answer */
	say_error(&g, 105, EPERM, "e is refused");
	say_error(&g, 102, EEXIST, NULL);
	say_error(&g, 101, 0, NULL);
	flush_gram(&g);
	assert_int_equal(netlink_send(&nl, &b, &e), -EINVAL);
	assert_string_equal(e.msg, "pod: c: c is refused (Invalid argument)");
	assert_int_equal(e.cni, ERR_IO);
	assert_int_equal(b.n, 5);
	assert_int_equal(b.v[0].result, 0);
	assert_int_equal(b.v[1].result, 1);
	assert_int_equal(b.v[2].result, -EINVAL);
	assert_int_equal(b.v[3].result, -EPERM);
	netlink_batch_clear(&b);
	/* The next batch is not confused by what is left. */
	error_gram(103, EINVAL, "old");
	error_gram(106, 0, NULL);
	add(&b, NETLINK_EXACT, "next");
	assert_int_equal(netlink_send(&nl, &b, &e), 0);
	assert_int_equal(b.n, 0);
	assert_null(b.v);
}

static void sentences(void **state)
{
	const struct {
		int err;
		const char *text, *want;
	} rows[] = {
		{ ENETUNREACH, "Nexthop has invalid gateway",
		  "pod: add x: Nexthop has invalid gateway (Network is unreachable)" },
		{ EEXIST, NULL, "pod: add x: exists already (File exists)" },
		{ EEXIST, "its own words", "pod: add x: its own words (File exists)" },
		{ ENODEV, NULL, "pod: add x: No such device" },
		{ ENODEV, "", "pod: add x: No such device" },
		{ 524, NULL, "pod: add x: Unknown error 524" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct err e = { 0 };

		begin(NETLINK_ROUTE);
		error_gram(101, rows[i].err, rows[i].text);
		add(&b, NETLINK_EXACT, "add x");
		if (netlink_send(&nl, &b, &e) != -rows[i].err || strcmp(e.msg, rows[i].want) != 0)
			fail_msg("row %zu: %s", i, e.msg);
		netlink_batch_clear(&b);
	}
}

/* The request that failed is sent back, whole, by kernels that do not cut it. */
static void sentence_behind_the_request(void **state)
{
	struct {
		struct nlmsgerr m;
		uint8_t body[6 + 2];
		struct nlattr a;
		char text[8];
	} v = { .m.error = -EPERM, .m.msg.nlmsg_len = sizeof(struct nlmsghdr) + 6 };
	struct netlink_batch b = { 0 };
	struct gram g = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	v.a = (struct nlattr){ .nla_type = NLMSGERR_ATTR_MSG, .nla_len = NLA_HDRLEN + 4 };
	memcpy(v.text, "no!!NOT", 8); /* no NUL within */
	say(&g, 101, NLMSG_ERROR, NLM_F_ACK_TLVS, &v, sizeof(v));
	flush_gram(&g);
	add(&b, NETLINK_EXACT, "x");
	assert_int_equal(netlink_send(&nl, &b, &e), -EPERM);
	assert_string_equal(e.msg, "pod: x: no!! (Operation not permitted)");
	netlink_batch_clear(&b);
}

static void broken_answers(void **state)
{
	const struct {
		const char *name;
		int len; /* of the payload; its content is ff ff ... */
		int flags, want;
	} rows[] = {
		{ "empty", 0, 0, -EBADMSG },
		{ "half an errno", 2, 0, -EBADMSG },
		{ "errno alone", 4, 0, -EPERM },
		{ "errno alone, sentence promised", 4, NLM_F_ACK_TLVS, -EPERM },
		{ "the request claims 4 GiB", sizeof(struct nlmsgerr) + 8, NLM_F_ACK_TLVS, -EPERM },
		{ "broken attribute", sizeof(struct nlmsgerr) + 8, NLM_F_ACK_TLVS | NLM_F_CAPPED, -EPERM },
	};
	uint8_t ff[64];

	(void)state;
	memset(ff, 0xff, sizeof(ff));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct gram g = { 0 };
		struct err e = { 0 };
		int r;

		begin(NETLINK_ROUTE);
		say(&g, 101, NLMSG_ERROR, rows[i].flags, ff, (size_t)rows[i].len);
		flush_gram(&g);
		add(&b, NETLINK_EXACT, "x");
		r = netlink_send(&nl, &b, &e);
		if (r != rows[i].want)
			fail_msg("%s: %d, %s", rows[i].name, r, e.msg);
		netlink_batch_clear(&b);
	}
}

static void impossible_errno(void **state)
{
	const int rows[] = { 1, INT32_MAX, -INT32_MAX, -4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct err e = { 0 };

		begin(NETLINK_ROUTE);
		error_gram(101, -rows[i], NULL);
		add(&b, NETLINK_EXACT, "x");
		if (netlink_send(&nl, &b, &e) != -EBADMSG)
			fail_msg("%d: %s", rows[i], e.msg);
		netlink_batch_clear(&b);
	}
}

static void goes_in_chunks(void **state)
{
	const struct {
		const char *name;
		int protocol;
		size_t requests, bytes; /* bytes: of an attribute in each */
		size_t want[5];
	} rows[] = {
		{ "one", NETLINK_ROUTE, 1, 0, { 1 } },
		{ "64", NETLINK_ROUTE, 64, 0, { 64 } },
		{ "65", NETLINK_ROUTE, 65, 0, { 64, 1 } },
		{ "200", NETLINK_ROUTE, 200, 0, { 64, 64, 64, 8 } },
		{ "big", NETLINK_ROUTE, 40, 3001, { 10, 10, 10, 10 } },
		{ "a transaction", NETLINK_NETFILTER, 200, 0, { 200 } },
		{ "a big transaction", NETLINK_NETFILTER, 40, 3001, { 40 } },
	};
	static uint8_t junk[4000], data[256 << 10];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct gram g = { 0 };
		uint32_t seq = 100;
		struct err e = { 0 };

		begin(rows[i].protocol);
		for (uint32_t k = 0; k < rows[i].requests; k++) {
			struct nl_msg *m = nlmsg_alloc_simple(TYPE, 0);

			if (rows[i].bytes)
				nla_put(m, 1, (int)rows[i].bytes, junk);
			else
				nlmsg_append(m, junk, 3, 0); /* to be padded */
			netlink_add(&b, m, NETLINK_EXACT, "x");
			say_error(&g, 101 + k, 0, NULL);
			if (k % 2 == 1 || k + 1 == rows[i].requests) /* never across chunks */
				flush_gram(&g);
		}
		if (netlink_send(&nl, &b, &e) != 0)
			fail_msg("%s: %s", rows[i].name, e.msg);
		for (size_t k = 0; rows[i].want[k]; k++) {
			int len = (int)recv(kernel, data, sizeof(data), MSG_DONTWAIT);
			struct nlmsghdr *h = (struct nlmsghdr *)data;
			size_t n = 0;

			for (; nlmsg_ok(h, len); h = nlmsg_next(h, &len), n++)
				if (h->nlmsg_seq != ++seq || h->nlmsg_flags != (NLM_F_REQUEST | NLM_F_ACK))
					fail_msg("%s: request %u", rows[i].name, seq);
			if (n != rows[i].want[k] || len != 0)
				fail_msg("%s: piece %zu has %zu", rows[i].name, k, n);
		}
		assert_int_equal(recv(kernel, data, sizeof(data), MSG_DONTWAIT), -1);
	}
}

static void too_much(void **state)
{
	static uint8_t junk[3900];
	struct netlink_batch b = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	for (size_t i = 0; i < NETLINK_BATCH_MAX; i++)
		assert_non_null(add(&b, NETLINK_EXACT, "x"));
	assert_null(add(&b, NETLINK_EXACT, "x"));
	assert_null(add(&b, NETLINK_EXACT, "x"));
	assert_int_equal(netlink_send(&nl, &b, &e), -E2BIG);
	assert_string_equal(e.msg, "pod: more than 4096 changes at once");
	assert_int_equal(send_calls, 0);
	netlink_batch_clear(&b);
	begin(NETLINK_NETFILTER);
	for (size_t i = 0; i < 100; i++) {
		struct nl_msg *m = nlmsg_alloc_simple(TYPE, 0);

		nla_put(m, 1, sizeof(junk), junk);
		netlink_add(&b, m, NETLINK_EXACT, "transaction");
	}
	assert_int_equal(netlink_send(&nl, &b, &e), -EMSGSIZE);
	assert_string_equal(e.msg, "pod: transaction: the message is too long (Message too long)");
	assert_int_equal(send_calls, 0);
	netlink_batch_clear(&b);
}

static void wrong_before_it_is_sent(void **state)
{
	struct netlink_batch b = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	add(&b, NETLINK_EXACT, "good");
	netlink_refuse(&b, EINVAL, "interface \"%s\": want a better name", "x");
	assert_null(add(&b, NETLINK_EXACT, "late"));
	netlink_refuse(&b, EPERM, "late");
	assert_int_equal(netlink_send(&nl, &b, &e), -EINVAL);
	assert_string_equal(e.msg, "pod: interface \"x\": want a better name");
	assert_int_equal(e.cni, ERR_CONFIG);
	assert_int_equal(send_calls, 0);
	assert_int_equal(b.v[0].result, -ECANCELED);
	netlink_batch_clear(&b);
	assert_null(netlink_add(&b, NULL, NETLINK_EXACT, "no memory"));
	assert_int_equal(netlink_send(&nl, &b, &e), -ENOMEM);
	netlink_batch_clear(&b);
	assert_int_equal(netlink_send(&nl, &b, &e), 0); /* nothing to do */
}

static void silence(void **state)
{
	struct netlink_batch b = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	for (size_t i = 0; i < 66; i++)
		add(&b, NETLINK_EXACT, i == 1 ? "unanswered" : "x");
	error_gram(101, 0, NULL);
	error_gram(103, 0, NULL);
	assert_int_equal(netlink_send(&nl, &b, &e), -ETIMEDOUT);
	assert_string_equal(e.msg, "pod: unanswered: the kernel does not answer (Connection timed out)");
	assert_int_equal(b.v[0].result, 0);
	assert_int_equal(b.v[1].result, -ETIMEDOUT);
	assert_int_equal(b.v[2].result, 0);
	assert_int_equal(b.v[65].result, -ECANCELED); /* another chunk */
	netlink_batch_clear(&b);
}

static void interrupted_and_overrun(void **state)
{
	const struct {
		const char *name;
		int recv_errno, recv_at, send_errno, send_fails;
		uint32_t answers;
		int want;
	} rows[] = {
		{ "signal while receiving", EINTR, 1, 0, 0, 2, 0 },
		{ "overrun, but all answers are there", ENOBUFS, 2, 0, 0, 2, 0 },
		{ "overrun, an answer is lost", ENOBUFS, 2, 0, 0, 1, -ENOBUFS },
		{ "signal while sending", 0, 0, EINTR, 2, 2, 0 },
		{ "no buffer for sending", 0, 0, ENOBUFS, 2, 2, 0 },
		{ "never a buffer for sending", 0, 0, ENOBUFS, 100, 2, -ENOBUFS },
		{ "may not send", 0, 0, EPERM, 1, 2, -EPERM },
		{ "broken socket", EIO, 1, 0, 0, 2, -EIO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct err e = { 0 };
		int r;

		begin(NETLINK_ROUTE);
		recv_errno = rows[i].recv_errno;
		recv_fails_at = rows[i].recv_at;
		send_errno = rows[i].send_errno;
		send_fails = rows[i].send_fails;
		add(&b, NETLINK_EXACT, "x");
		add(&b, NETLINK_EXACT, "y");
		for (uint32_t k = 0; k < rows[i].answers; k++)
			error_gram(101 + k, 0, NULL);
		r = netlink_send(&nl, &b, &e);
		if (r != rows[i].want)
			fail_msg("%s: %d, %s", rows[i].name, r, e.msg);
		/* What is not there after a loss will not come. */
		if (rows[i].recv_errno == ENOBUFS)
			assert_int_equal(recv_flags, MSG_DONTWAIT);
		netlink_batch_clear(&b);
	}
}

static void transactions(void **state)
{
	const struct {
		const char *name;
		uint32_t seq[4];
		int err[4];
		int want;
		const char *says;
		int results[4];
	} rows[] = {
		{ "done", { 102, 103 }, { 0, 0 }, 0, "", { 0 } },
		{ "a rule is refused",
		  { 102, 103 },
		  { 0, ENOENT },
		  -ENOENT,
		  "pod: rule: No such file",
		  { 0, 0, -ENOENT, 0 } },
		{ "all of it is refused",
		  { 101 },
		  { EOPNOTSUPP },
		  -EOPNOTSUPP,
		  "pod: begin: Operation not supp",
		  { -EOPNOTSUPP, -ECANCELED, -ECANCELED, 0 } },
		{ "answers to the frame, too", { 101, 102, 103, 104 }, { 0, 0, 0, 0 }, 0, "", { 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netlink_batch b = { 0 };
		struct err e = { 0 };
		int r;

		begin(NETLINK_NETFILTER);
		add(&b, NETLINK_EXACT, "begin")->no_ack = true;
		add(&b, NETLINK_EXACT, "table");
		add(&b, NETLINK_EXACT, "rule");
		add(&b, NETLINK_EXACT, "end")->no_ack = true;
		for (size_t k = 0; k < 4 && rows[i].seq[k]; k++)
			error_gram(rows[i].seq[k], rows[i].err[k], NULL);
		r = netlink_send(&nl, &b, &e);
		if (r != rows[i].want || (r < 0 && !strstr(e.msg, rows[i].says)))
			fail_msg("%s: %d, %s", rows[i].name, r, e.msg);
		for (size_t k = 0; k < b.n; k++)
			if (b.v[k].result != rows[i].results[k])
				fail_msg("%s: result %zu is %d", rows[i].name, k, b.v[k].result);
		netlink_batch_clear(&b);
	}
}

/* ---- questions ---- */

struct seen {
	uint32_t v[64];
	size_t n, resets, calls;
	int fails_at;
};

static int each(struct nlmsghdr *h, void *arg, struct err *e)
{
	struct seen *s = arg;

	s->calls++;
	assert_int_equal(h->nlmsg_type, TYPE);
	assert_true(s->n < ARRAY_LEN(s->v));
	if (s->fails_at && (int)s->n + 1 == s->fails_at)
		return err_set(e, ERANGE, "does not want it");
	memcpy(&s->v[s->n++], nlmsg_data(h), sizeof(uint32_t));
	return 1;
}

static void forget(void *arg)
{
	struct seen *s = arg;

	s->n = 0;
	s->resets++;
}

static int question(struct seen *s, int flags, struct err *e)
{
	return netlink_ask(&nl, nlmsg_alloc_simple(TYPE, flags), each, forget, s, e, "ask for %s", "x");
}

static void a_single_answer(void **state)
{
	const uint32_t v[] = { 7, 8 };
	struct seen s = { 0 };
	struct gram g = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	say(&g, 99, TYPE, 0, &v[1], 4);
	say(&g, 101, NLMSG_NOOP, 0, "", 0);
	say(&g, 101, TYPE, 0, &v[0], 4);
	say(&g, 101, TYPE, 0, &v[1], 4);
	flush_gram(&g);
	assert_int_equal(question(&s, 0, &e), 0);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.v[0], 7);
	error_gram(102, ENODEV, NULL);
	assert_int_equal(question(&s, 0, &e), -ENODEV);
	assert_string_equal(e.msg, "pod: ask for x: No such device");
	error_gram(103, 0, NULL); /* nothing to tell */
	assert_int_equal(question(&s, 0, &e), 0);
	assert_int_equal(question(&s, 0, &e), -ETIMEDOUT);
	s.fails_at = 2;
	say(&g, 105, TYPE, 0, &v[0], 4);
	flush_gram(&g);
	assert_int_equal(question(&s, 0, &e), -ERANGE);
	assert_string_equal(e.msg, "pod: ask for x: does not want it");
	assert_int_equal(s.n, 1);
}

static void dumps(void **state)
{
	struct seen s = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	dump_gram(100, 90, 3, 0, -1); /* of an earlier one */
	dump_gram(101, 0, 20, 0, -1);
	dump_gram(101, 20, 5, 0, 0);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), 0);
	assert_int_equal(s.n, 25);
	for (uint32_t i = 0; i < 25; i++)
		assert_int_equal(s.v[i], i);
	assert_int_equal(s.resets, 0);
	/* It fails at once, or in its midst. */
	error_gram(102, EOPNOTSUPP, "cannot list that");
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -EOPNOTSUPP);
	assert_string_equal(e.msg, "pod: ask for x: cannot list that (Operation not supported)");
	dump_gram(103, 0, 2, 0, ENOMEM);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -ENOMEM);
}

static void dumps_that_change_are_begun_again(void **state)
{
	struct seen s = { 0 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	dump_gram(101, 0, 2, 0, -1);
	dump_gram(101, 50, 2, NLM_F_DUMP_INTR, 0);
	dump_gram(102, 0, 2, 0, -1);
	dump_gram(102, 2, 0, NLM_F_DUMP_INTR, 0); /* only its end tells */
	dump_gram(103, 0, 3, 0, 0);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), 0);
	assert_int_equal(s.resets, 2);
	assert_int_equal(s.n, 3);
	/* Something was lost on the way. */
	dump_gram(104, 0, 2, 0, -1);
	dump_gram(104, 0, 2, 0, 0);
	dump_gram(105, 0, 4, 0, 0);
	recv_errno = ENOBUFS;
	recv_calls = 0;
	recv_fails_at = 2;
	s = (struct seen){ 0 };
	assert_int_equal(question(&s, NLM_F_DUMP, &e), 0);
	assert_int_equal(s.resets, 1);
	assert_int_equal(s.n, 4);
	/* No end of it. */
	for (uint32_t i = 106; i < 126; i++)
		dump_gram(i, 0, 1, NLM_F_DUMP_INTR, 0);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -EAGAIN);
	assert_non_null(strstr(e.msg, "pod: ask for x: things change faster"));
}

/* The kernel refuses a dump as long as another one is unread. */
static void dumps_are_read_to_the_end(void **state)
{
	static uint8_t big[70000];
	struct seen s = { .fails_at = 2 };
	struct err e = { 0 };

	(void)state;
	begin(NETLINK_ROUTE);
	dump_gram(101, 0, 3, 0, -1);
	dump_gram(101, 3, 3, 0, 0);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -ERANGE);
	assert_int_equal(recv_calls, 2);
	assert_int_equal(s.calls, 2);
	s = (struct seen){ 0 };
	assert_int_equal(__real_send(kernel, big, sizeof(big), 0), sizeof(big));
	dump_gram(102, 0, 3, 0, 0);
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -EMSGSIZE);
	assert_int_equal(recv_calls, 4);
	close(kernel);
	kernel = -1;
	assert_int_equal(question(&s, NLM_F_DUMP, &e), -ECONNRESET); /* it left without reading */
}

static void not_open(void **state)
{
	struct netlink none = { .fd = -1, .protocol = NETLINK_NETFILTER, .where = "pod" };
	struct netlink zeroed = { 0 };
	struct netlink_batch b = { 0 };
	struct err e = { 0 };

	(void)state;
	add(&b, NETLINK_EXACT, "add table x");
	assert_int_equal(netlink_send(&none, &b, &e), -EPROTONOSUPPORT);
	assert_string_equal(e.msg, "pod: add table x: this kernel has no netfilter netlink (nfnetlink) "
				   "(Protocol not supported)");
	assert_int_equal(netlink_ask(&none, nlmsg_alloc_simple(TYPE, 0), each, NULL, NULL, &e, "x"),
			 -EPROTONOSUPPORT);
	assert_int_equal(netlink_ask(&none, NULL, each, NULL, NULL, &e, "x"), -ENOMEM);
	netlink_batch_clear(&b);
	netlink_close(&none);
	netlink_close(&zeroed);
	assert_int_equal(fcntl(0, F_GETFD) < 0, 0); /* descriptor 0 is not its own */
	assert_int_equal(netlink_adopt(dup(2), NETLINK_ROUTE, "pod", &none, &e), -ENOTSOCK);
	assert_int_equal(none.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_find_their_requests),
		cmocka_unit_test(sentences),
		cmocka_unit_test(sentence_behind_the_request),
		cmocka_unit_test(broken_answers),
		cmocka_unit_test(impossible_errno),
		cmocka_unit_test(goes_in_chunks),
		cmocka_unit_test(too_much),
		cmocka_unit_test(wrong_before_it_is_sent),
		cmocka_unit_test(silence),
		cmocka_unit_test(interrupted_and_overrun),
		cmocka_unit_test(transactions),
		cmocka_unit_test(a_single_answer),
		cmocka_unit_test(dumps),
		cmocka_unit_test(dumps_that_change_are_begun_again),
		cmocka_unit_test(dumps_are_read_to_the_end),
		cmocka_unit_test(not_open),
	};
	int failed;

	alarm(120);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	netlink_close(&nl);
	close_p(&kernel);
	return failed;
}
