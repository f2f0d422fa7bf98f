/* SPDX-License-Identifier: Apache-2.0 */
/* netlink.c - send requests, read what the kernel answers
 *
 * The kernel works requests off within send(), so the answers are there when that returns, in order. The
 * time limit is for what must not happen.
 */
#include "nl/netlink.h"

#include <errno.h>
#include <limits.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/own.h"

#define ANSWER_SECONDS 10
#define RECEIVE_BUF    (1 << 20)
#define ANSWER_MAX     65536 /* lists come in at most 32 KiB */
#define CHUNK_REQUESTS 64
#define CHUNK_BYTES    32768
#define SEND_MAX       ((size_t)192 << 10) /* fits the send buffer of any socket */
#define SEND_TRIES     5
#define ASK_TRIES      16
#define TEXT_MAX       192
#define PENDING        INT_MIN /* a result that no errno makes */

int netlink_adopt(int fd, int protocol, const char *where, struct netlink *ret, struct err *e)
{
	const struct timeval patience = { .tv_sec = ANSWER_SECONDS };
	const int on = 1, size = RECEIVE_BUF;
	int r = 0;

	*ret = (struct netlink){ .fd = fd, .protocol = protocol, .where = where, .buf = malloc(ANSWER_MAX) };
	if (!ret->buf)
		r = err_nomem(e);
	else if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0)
		r = err_sys(e, errno, "%s: netlink socket: limit the wait for answers", where);
	if (r < 0) {
		netlink_close(ret);
		return r;
	}
	/* Kernels without one of these do with less: no sentence, more to sift. */
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->where) /* a zeroed one does not own descriptor 0 */
		close_p(&nl->fd);
	free(nl->buf);
	nl->buf = NULL;
	nl->fd = -1;
}

/* ---- what went wrong ---- */

struct reason {
	int err; /* positive errno */
	char text[TEXT_MAX];
};

static void reason_set(struct reason *why, int err, const char *text)
{
	why->err = err;
	snprintf(why->text, sizeof(why->text), "%s", text);
}

/* The kernel has not spoken. */
static void reason_transport(struct reason *why, int err)
{
	reason_set(why, err,
		   err == ETIMEDOUT  ? "the kernel does not answer"
		   : err == ENOBUFS  ? "answers of the kernel were lost"
		   : err == EMSGSIZE ? "the message is too long"
				     : "");
}

static int refused(const struct netlink *nl, const char *what, const struct reason *why, struct err *e)
{
	const char *text = why->text;

	if (!text[0] && why->err == EEXIST)
		text = "exists already";
	if (!text[0])
		return err_sys(e, why->err, "%s: %s", nl->where, what);
	return err_code(e, ERR_IO, why->err, "%s: %s: %s (%s)", nl->where, what, text, strerror(why->err));
}

static int not_open(const struct netlink *nl, const char *what, struct err *e)
{
	struct reason why;

	reason_set(&why, EPROTONOSUPPORT,
		   nl->protocol == NETLINK_NETFILTER ? "this kernel has no netfilter netlink (nfnetlink)"
						     : "the socket is not open");
	return refused(nl, what, &why, e);
}

/* The errno in an NLMSG_ERROR or NLMSG_DONE, 0 for success; the kernel's sentence, where there is one. */
static void read_status(const struct nlmsghdr *h, struct reason *why)
{
	const struct nlmsgerr *m = nlmsg_data(h);
	size_t len = (size_t)nlmsg_datalen(h), head = sizeof(int);
	const struct nlattr *text = NULL;

	reason_set(why, 0, "");
	if (len < sizeof(int)) {
		if (h->nlmsg_type == NLMSG_ERROR)
			reason_set(why, EBADMSG, "");
		return;
	}
	why->err = m->error < 0 && m->error > -4096 ? -m->error : m->error ? EBADMSG : 0;
	if (h->nlmsg_type == NLMSG_ERROR && len >= sizeof(*m)) {
		head = sizeof(*m);
		if (!(h->nlmsg_flags & NLM_F_CAPPED) && m->msg.nlmsg_len > sizeof(m->msg))
			head += NLMSG_ALIGN((size_t)m->msg.nlmsg_len - sizeof(m->msg));
	}
	if ((h->nlmsg_flags & NLM_F_ACK_TLVS) && head < len)
		text = nla_find((const struct nlattr *)((const char *)m + head), (int)(len - head),
				NLMSGERR_ATTR_MSG);
	if (text)
		snprintf(why->text, sizeof(why->text), "%.*s", nla_len(text), (char *)nla_data(text));
}

/* ---- datagrams ---- */

/* The kernel has done nothing yet when this is interrupted or short of memory. */
static int transmit(const struct netlink *nl, const void *data, size_t len)
{
	for (int i = 0;; i++) {
		if (send(nl->fd, data, len, MSG_NOSIGNAL) >= 0)
			return 0;
		if (i >= SEND_TRIES || (errno != EINTR && errno != ENOBUFS))
			return -errno;
		poll(NULL, 0, i);
	}
}

/* One datagram of the kernel into nl->buf; its length, or -EMSGSIZE when it was cut. */
static int receive(const struct netlink *nl, int flags)
{
	struct deadline until = deadline_in(ANSWER_SECONDS * 1000);

	do {
		struct sockaddr_nl from = { 0 };
		struct iovec iov = { .iov_base = nl->buf, .iov_len = ANSWER_MAX };
		struct msghdr m = {
			.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov, .msg_iovlen = 1
		};
		ssize_t n = recvmsg(nl->fd, &m, flags);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (n == 0)
			return -ECONNRESET;
		if (m.msg_namelen >= sizeof(from) && from.nl_pid != 0)
			continue; /* of some process */
		return m.msg_flags & MSG_TRUNC ? -EMSGSIZE : (int)n;
	} while (deadline_left(until) > 0);
	return -ETIMEDOUT;
}

/* ---- batches ---- */

static int vformat(char out[NETLINK_WHAT_MAX], const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
static int vformat(char out[NETLINK_WHAT_MAX], const char *fmt, va_list ap)
{
	int n = vsnprintf(out, NETLINK_WHAT_MAX, fmt, ap);

	if (n >= NETLINK_WHAT_MAX)
		memcpy(out + NETLINK_WHAT_MAX - 4, "...", 4);
	return n;
}

static struct netlink_request *next_request(struct netlink_batch *b)
{
	if (b->err < 0)
		return NULL;
	if (b->n == NETLINK_BATCH_MAX) {
		b->err = -E2BIG;
		return NULL;
	}
	if (b->n == b->cap) {
		size_t cap = b->cap ? b->cap * 2 : 16;
		struct netlink_request *v = realloc(b->v, cap * sizeof(*v));

		if (!v) {
			b->err = -ENOMEM;
			return NULL;
		}
		b->v = v;
		b->cap = cap;
	}
	b->v[b->n] = (struct netlink_request){ .result = -ECANCELED };
	return &b->v[b->n++];
}

struct netlink_request *netlink_add(struct netlink_batch *b, struct nl_msg *msg, struct netlink_ok ok,
				    const char *what, ...)
{
	struct netlink_request *q = NULL;
	va_list ap;

	if (!msg && b->err == 0)
		b->err = -ENOMEM;
	q = next_request(b);
	if (!q) {
		nlmsg_free(msg);
		return NULL;
	}
	q->msg = msg;
	q->ok = ok;
	va_start(ap, what);
	vformat(q->what, what, ap);
	va_end(ap);
	return q;
}

void netlink_refuse(struct netlink_batch *b, int sys, const char *sentence, ...)
{
	struct netlink_request *q = next_request(b);
	va_list ap;

	if (!q)
		return;
	va_start(ap, sentence);
	vformat(q->what, sentence, ap);
	va_end(ap);
	q->result = -sys;
	b->err = -sys;
}

void netlink_batch_clear(struct netlink_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		nlmsg_free(b->v[i].msg);
	free(b->v);
	*b = (struct netlink_batch){ 0 };
}

static int sticky(const struct netlink *nl, const struct netlink_batch *b, struct err *e)
{
	if (b->n > 0 && !b->v[b->n - 1].msg)
		return err_code(e, ERR_CONFIG, -b->err, "%s: %s", nl->where, b->v[b->n - 1].what);
	if (b->err == -E2BIG)
		return err_set(e, E2BIG, "%s: more than %d changes at once", nl->where, NETLINK_BATCH_MAX);
	return err_nomem(e);
}

/* What goes in one system call, and the first failure of all that went. */
struct chunk {
	struct netlink_request *v;
	size_t n, open; /* open: not yet answered */
	uint32_t seq;   /* of the first */
	struct netlink_request *failed;
	struct reason why;
};

static bool tolerated(const struct netlink_request *q, int err)
{
	for (size_t i = 0; i < ARRAY_LEN(q->ok.v); i++)
		if (err == q->ok.v[i])
			return true;
	return false;
}

/* Requests without an answer get one. */
static void give_up(struct chunk *c, int err)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].result == PENDING)
			c->v[i].result = -err;
	c->open = 0;
}

static void take_answer(struct chunk *c, const struct nlmsghdr *h)
{
	uint32_t i = h->nlmsg_seq - c->seq;
	struct netlink_request *q = c->v + i;
	struct reason why;

	/* What earlier requests left behind is none of ours. */
	if (i >= c->n || h->nlmsg_type != NLMSG_ERROR)
		return;
	read_status(h, &why);
	if (!q->no_ack && q->result != PENDING)
		return;
	q->result = why.err == 0 ? 0 : tolerated(q, why.err) ? 1 : -why.err;
	if (q->result < 0 && (!c->failed || q < c->failed)) {
		c->failed = q;
		c->why = why;
	}
	if (!q->no_ack)
		c->open--;
	else if (q->result < 0)
		give_up(c, ECANCELED); /* the whole transaction */
}

static int chunk_pack(struct netlink *nl, struct chunk *c, size_t left, struct buf *out)
{
	bool whole = nl->protocol == NETLINK_NETFILTER;

	c->seq = nl->seq + 1;
	c->open = 0;
	buf_reset(out);
	for (c->n = 0; c->n < left; c->n++) {
		struct netlink_request *q = c->v + c->n;
		struct nlmsghdr *h = nlmsg_hdr(q->msg);

		if (!whole && c->n > 0 && (c->n == CHUNK_REQUESTS || out->len + h->nlmsg_len > CHUNK_BYTES))
			break;
		h->nlmsg_seq = ++nl->seq;
		h->nlmsg_flags |= NLM_F_REQUEST | (q->no_ack ? 0 : NLM_F_ACK);
		q->result = q->no_ack ? 0 : PENDING;
		c->open += !q->no_ack;
		buf_add(out, h, h->nlmsg_len);
		buf_add(out, "\0\0\0", NLMSG_ALIGN(h->nlmsg_len) - h->nlmsg_len);
	}
	return out->err == -EFBIG ? -EMSGSIZE : out->err;
}

static int chunk_exchange(struct netlink *nl, struct chunk *c, const struct buf *out)
{
	int r = transmit(nl, out->s, out->len), lost = 0;

	if (r < 0)
		return r;
	while (c->open > 0) {
		int len = receive(nl, lost ? MSG_DONTWAIT : 0);
		struct nlmsghdr *h = (struct nlmsghdr *)nl->buf;

		if (len < 0 && lost)
			return lost;
		if (len == -ENOBUFS || len == -EMSGSIZE)
			lost = len;
		else if (len < 0)
			return len;
		for (; nlmsg_ok(h, len); h = nlmsg_next(h, &len))
			take_answer(c, h);
	}
	return 0;
}

int netlink_send(struct netlink *nl, struct netlink_batch *b, struct err *e)
{
	struct buf out = BUF_INIT(SEND_MAX);
	struct chunk c = { 0 };
	int r = 0;

	if (b->err < 0)
		return sticky(nl, b, e);
	if (nl->fd < 0 && b->n > 0)
		return not_open(nl, b->v[0].what, e);
	for (size_t i = 0; i < b->n && r == 0; i += c.n) {
		c.v = b->v + i;
		r = chunk_pack(nl, &c, b->n - i, &out);
		if (r == 0)
			r = chunk_exchange(nl, &c, &out);
	}
	buf_clear(&out);
	if (r < 0) {
		struct netlink_request *q = c.v;

		while (q < c.v + c.n - 1 && q->result != PENDING)
			q++;
		give_up(&c, -r);
		if (!c.failed) {
			c.failed = q;
			reason_transport(&c.why, -r);
		}
	}
	if (c.failed)
		return refused(nl, c.failed->what, &c.why, e);
	netlink_batch_clear(b);
	return 0;
}

/* ---- questions ---- */

struct question {
	netlink_each *each;
	void *arg;
	struct err *e;
	uint32_t seq;
	bool dump, done, again;
	int lost;          /* what is wrong with the answers that came, or 0 */
	int refused;       /* by each() */
	struct reason why; /* by the kernel */
};

static void take_reply(struct question *q, struct nlmsghdr *h)
{
	if (h->nlmsg_seq != q->seq || q->done)
		return;
	q->again |= (h->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
	if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
		read_status(h, &q->why);
		q->done = true;
		return;
	}
	if (h->nlmsg_type < NLMSG_MIN_TYPE)
		return;
	/* A dump is read to its end even if nobody wants the rest: until then the kernel allows no other. */
	if (q->refused == 0)
		q->refused = q->each(h, q->arg, q->e);
	if (q->refused > 0)
		q->refused = 0;
	q->done = !q->dump;
}

/* 0, or what is wrong with the transport. */
static int ask_once(struct netlink *nl, struct nlmsghdr *m, struct question *q)
{
	int r;

	q->seq = m->nlmsg_seq = ++nl->seq;
	q->done = q->again = false;
	q->lost = q->refused = 0;
	reason_set(&q->why, 0, "");
	r = transmit(nl, m, m->nlmsg_len);
	while (r == 0 && !q->done) {
		int len = receive(nl, 0);
		struct nlmsghdr *h = (struct nlmsghdr *)nl->buf;

		if (len == -ENOBUFS) {
			q->again = true;
			q->done = !q->dump;
		} else if (len == -EMSGSIZE) {
			q->lost = len;
			q->done = !q->dump;
		} else if (len < 0) {
			r = len;
		}
		for (; nlmsg_ok(h, len); h = nlmsg_next(h, &len))
			take_reply(q, h);
	}
	return r < 0 ? r : q->lost;
}

static int ask(struct netlink *nl, struct nlmsghdr *m, struct question *q, void (*reset)(void *arg),
	       const char *what)
{
	int r = 0;

	for (int i = 0; i < ASK_TRIES; i++) {
		if (i > 0 && reset)
			reset(q->arg);
		r = ask_once(nl, m, q);
		if (r < 0 || !q->again)
			break;
		poll(NULL, 0, i);
	}
	if (r == 0 && q->again)
		reason_set(&q->why, EAGAIN, "things change faster than they can be listed");
	else if (r < 0)
		reason_transport(&q->why, -r);
	if (q->why.err)
		return refused(nl, what, &q->why, q->e);
	return q->refused < 0 ? err_wrap(q->e, "%s: %s", nl->where, what) : 0;
}

int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_each *each, void (*reset)(void *arg),
		void *arg, struct err *e, const char *fmt, ...)
{
	struct question q = { .each = each, .arg = arg, .e = e };
	char what[NETLINK_WHAT_MAX];
	struct nlmsghdr *m;
	va_list ap;
	int r;

	if (!msg)
		return err_nomem(e);
	va_start(ap, fmt);
	vformat(what, fmt, ap);
	va_end(ap);
	m = nlmsg_hdr(msg);
	m->nlmsg_flags |= NLM_F_REQUEST;
	q.dump = (m->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	r = nl->fd < 0 ? not_open(nl, what, e) : ask(nl, m, &q, reset, what);
	nlmsg_free(msg);
	return r;
}
