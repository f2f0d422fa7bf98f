/* SPDX-License-Identifier: Apache-2.0 */
/* crash_calls.h - calls of the plugin and of spiderpoolctl: how they start, and what their answers may be */
#ifndef E2E_CRASH_CALLS_H
#define E2E_CRASH_CALLS_H

#include <stdarg.h>

#include "cni/result.h"
#include "crash_model.h"
#include "proc.h"

enum verb {
	FREE,
	ADD,
	DEL,
	CHECK,
	GC,
	STATUS,
	CTL_FSCK,
	CTL_REPAIR,
	CTL_GC,
	CTL_APPLY,
	CTL_BACKUP,
	CTL_GET,
	CTL_RELEASE
};

static const char *const verb_names[] = {
	"-",
	"ADD",
	"DEL",
	"CHECK",
	"GC",
	"STATUS",
	"fsck",
	"fsck --repair",
	"gc",
	"apply",
	"backup",
	"get",
	"ip release --force",
};

struct call {
	enum verb verb;
	bool mortal; /* may be killed */
	struct proc p;
	struct world *w;
	struct slot *s; /* and sandbox and NIC: of CNI verbs and CTL_RELEASE */
	struct sandbox *b;
	unsigned nic;
	/* ADD */
	bool was_held, was_nothing;
	struct nic expected; /* n 0: any addresses will do */
	bool from_old;       /* expected as long as the sandbox before is not torn down */
	unsigned users;      /* the most NICs that may have had a tiny pool's address meanwhile */
};

static struct call calls[2 * PARALLEL];
static const char *plugin, *ctl;
static uint64_t seed, rng;
static unsigned cut_off, refused, done[ARRAY_LEN(verb_names)], cut_off_of[ARRAY_LEN(verb_names)];

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* Everything ends here when a rule is broken; the state directories stay as they are. */
static void violated(const struct call *c, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

static void violated(const struct call *c, const char *fmt, ...)
{
	va_list ap;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].verb && calls[i].p.pid)
			kill(calls[i].p.pid, SIGKILL);
	printf("crash: SEED=%llu, after %u kills: ", (unsigned long long)seed, cut_off);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	if (c) {
		char id[48];

		printf("\nin: %s, state directory %s", verb_names[c->verb], c->w->dir);
		if (c->s)
			printf(", container %s %s, network %s", sandbox_id(c->w, c->s, c->b->gen, id),
			       nic_names[c->nic], c->s->f->network);
		printf("\nstatus %x%s, output: %s", (unsigned)c->p.status, c->p.killed ? " (killed)" : "",
		       buf_cstr(&c->p.text));
	}
	printf("\n");
	exit(1);
}

/* ---- configurations ---- */

static void put_pools(struct buf *b, const char *key, const char *pool)
{
	if (pool)
		buf_fmt(b, ",\"%s\":[\"%s\"]", key, pool);
}

/* more: members in front of "ipam", each with a comma behind it */
static void put_conf(struct buf *b, const struct world *w, const struct flavour *f, const char *more)
{
	buf_fmt(b, "{\"cniVersion\":\"1.1.0\",\"name\":\"%s\",\"type\":\"none\",%s", f->network, more);
	if (f->ippools)
		buf_fmt(b, "\"args\":{\"cni\":{\"ipam.spidernet.io/ippools\":%s}},", f->ippools);
	buf_fmt(b,
		"\"ipam\":{\"type\":\"spiderpool\",\"datastore\":\"local\",\"state_dir\":\"%s\","
		"\"log_file_path\":\"%s/x.log\",\"log_level\":\"error\",\"cooldown_seconds\":1,"
		"\"keep_ip_by_pod_name\":%s,\"durability\":\"%s\"",
		w->dir, w->dir, f->keep ? "true" : "false", rnd(4) ? "full" : "relaxed");
	put_pools(b, "default_ipv4_ippool", f->default4);
	put_pools(b, "default_ipv6_ippool", f->default6);
	buf_str(b, "}}");
}

static void put_pool(struct buf *b, const struct pool *p)
{
	buf_fmt(b,
		"{apiVersion: spiderpool.spidernet.io/v2beta1, kind: SpiderIPPool, metadata: {name: %s}, "
		"spec: {%s}}\n---\n",
		p->name, p->spec);
}

/* ---- starting ---- */

static struct call *call_new(struct world *w, enum verb verb)
{
	struct call *c = calls;

	while (c->verb)
		c++; /* there are as many as may be in flight */
	*c = (struct call){ .verb = verb, .w = w };
	w->in_flight++;
	return c;
}

/* One of those in flight is killed, wherever it is just now. */
static void kill_one(void)
{
	size_t first = rnd(ARRAY_LEN(calls));

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		struct call *c = &calls[(first + i) % ARRAY_LEN(calls)];

		if (!c->verb || !c->mortal || c->p.killed || !proc_lives(&c->p))
			continue;
		proc_kill(&c->p);
		return;
	}
}

static void start(struct call *c, const char *const *argv, const char *const *env, const struct buf *in,
		  bool mortal)
{
	c->mortal = mortal;
	proc_start(&c->p, argv, env, buf_cstr(in), in->len, c->verb >= CTL_FSCK);
	if (mortal && rnd(2))
		kill_one();
}

static void start_plugin(struct call *c, const char *more, bool mortal)
{
	static const char *const words[] = {
		[ADD] = "ADD", [DEL] = "DEL", [CHECK] = "CHECK", [GC] = "GC", [STATUS] = "STATUS"
	};
	const struct flavour *f = c->s ? c->s->f : &flavours[0];
	const char *argv[] = { plugin, NULL }, *env[8];
	char command[32], container[64], nic[32], netns[64], args[256];
	struct buf conf = BUF_INIT(1 << 20);
	size_t n = 0;

	snprintf(command, sizeof(command), "CNI_COMMAND=%s", words[c->verb]);
	env[n++] = command;
	env[n++] = "CNI_PATH=/nowhere";
	if (c->s) {
		char id[48];

		snprintf(container, sizeof(container), "CNI_CONTAINERID=%s",
			 sandbox_id(c->w, c->s, c->b->gen, id));
		snprintf(nic, sizeof(nic), "CNI_IFNAME=%s", nic_names[c->nic]);
		snprintf(netns, sizeof(netns), "CNI_NETNS=%s", c->b->netns);
		snprintf(args, sizeof(args),
			 "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=pod%u;K8S_POD_UID=uid%u",
			 c->s->number, c->b->uid);
		env[n++] = container;
		env[n++] = nic;
		env[n++] = netns;
		if (f->pod)
			env[n++] = args;
	}
	env[n] = NULL;
	put_conf(&conf, c->w, f, more);
	start(c, argv, env, &conf, mortal);
	buf_clear(&conf);
}

static struct call *nic_call(struct world *w, struct slot *s, struct sandbox *b, unsigned nic, enum verb verb)
{
	struct call *c = call_new(w, verb);

	c->s = s;
	c->b = b;
	c->nic = nic;
	b->busy = true;
	return c;
}

/* Somebody begins to tear down what ADD calls in flight hoped to take over. */
static void hopes_end(const struct world *w, const struct slot *s)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].verb == ADD && calls[i].w == w && calls[i].from_old && (!s || calls[i].s == s))
			calls[i].expected.n = 0;
}

static void expect_addresses(struct call *c)
{
	struct slot *s = c->s;
	const struct nic *old = &s->old.nic[c->nic];

	if (s->kept[c->nic].n) {
		c->expected = s->kept[c->nic];
	} else if (s->f->pod && s->old.used && s->old.uid == s->cur.uid && !s->old.busy &&
		   old->have == HELD) {
		c->expected = *old;
		c->from_old = true;
	}
	sandbox_expose(&s->old); /* this one takes it over */
}

static void start_add(struct world *w, struct slot *s, unsigned nic, bool mortal)
{
	struct call *c = nic_call(w, s, &s->cur, nic, ADD);
	struct nic *n = &s->cur.nic[nic];

	c->was_held = n->have == HELD;
	c->was_nothing = n->have == NOTHING;
	if (!c->was_held) {
		expect_addresses(c);
		n->have = UNKNOWN;
	}
	if (s->f->tiny) {
		unsigned users = tiny_users(w);

		for (size_t i = 0; i < ARRAY_LEN(calls); i++)
			if (calls[i].verb == ADD && calls[i].w == w && calls[i].users < users)
				calls[i].users = users;
	}
	start_plugin(c, "", mortal);
}

static void start_del(struct world *w, struct slot *s, struct sandbox *b, unsigned nic, bool mortal)
{
	struct call *c = nic_call(w, s, b, nic, DEL);

	if (b == &s->old)
		hopes_end(w, s);
	nic_become(&b->nic[nic], b->nic[nic].have == NOTHING ? NOTHING : UNKNOWN);
	start_plugin(c, "", mortal);
}

static void start_check(struct world *w, struct slot *s, unsigned nic, bool mortal)
{
	struct call *c = nic_call(w, s, &s->cur, nic, CHECK);
	struct buf prev = BUF_INIT(1 << 16);

	buf_fmt(&prev, "\"prevResult\":%s,", s->cur.nic[nic].answer);
	start_plugin(c, buf_cstr(&prev), mortal);
	buf_clear(&prev);
}

/* Every slot's sandbox is valid, and so is the next one; the ones before them are not. */
static void start_gc(struct world *w)
{
	struct call *c = call_new(w, GC);
	struct buf list = BUF_INIT(1 << 20);

	buf_str(&list, "\"cni.dev/valid-attachments\":[");
	for (unsigned i = 0; i < SLOTS; i++) {
		struct slot *s = &w->slot[i];

		s->gen_at_gc = s->cur.gen;
		if (s->f->network == flavours[0].network)
			sandbox_expose(&s->old);
		for (unsigned k = 0; k < 2 * NICS; k++) {
			char id[48];

			buf_fmt(&list, "%s{\"containerID\":\"%s\",\"ifname\":\"%s\"}", i || k ? "," : "",
				sandbox_id(w, s, s->cur.gen + k / NICS, id), nic_names[k % NICS]);
		}
	}
	buf_str(&list, "],");
	hopes_end(w, NULL);
	w->gc_busy = true;
	start_plugin(c, buf_cstr(&list), true);
	buf_clear(&list);
}

static void start_ctl(struct call *c, const char *in, const char *const *words, bool mortal)
{
	const char *argv[12] = { ctl, "--state-dir", c->w->dir }, *env[] = { "LC_ALL=C.UTF-8", NULL };
	struct buf text = BUF_INIT(1 << 16);

	for (size_t n = 3; *words; n++)
		argv[n] = *words++;
	buf_str(&text, in);
	c->w->ctl_busy = true;
	start(c, argv, env, &text, mortal);
	buf_clear(&text);
}
#define WORDS(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void start_apply(struct world *w, const struct pool *list, size_t n, bool mortal)
{
	struct buf manifest = BUF_INIT(1 << 16);

	for (size_t i = 0; i < n; i++)
		put_pool(&manifest, &list[i]);
	start_ctl(call_new(w, CTL_APPLY), buf_cstr(&manifest), WORDS("apply", "-f", "-"), mortal);
	buf_clear(&manifest);
}

/* An operator frees an address under its container. */
static void start_release(struct world *w, struct slot *s, unsigned nic)
{
	struct call *c = nic_call(w, s, &s->cur, nic, CTL_RELEASE);
	struct nic *n = &s->cur.nic[nic];
	char text[IP_TEXT_MAX];

	ip_format(n->ip[rnd((uint32_t)n->n)], text);
	nic_become(n, UNKNOWN);
	s->robbed = true;
	start_ctl(c, "", WORDS("ip", "release", "--force", text), true);
}

/* ---- answers ---- */

static void read_answer(const struct call *c, struct nic *ret)
{
	struct cni_result r;
	struct err e;

	if (cni_result_parse(buf_cstr(&c->p.text), c->p.text.len, CNI_VERSION_LATEST, "result", &r, &e) < 0)
		violated(c, "exit status 0 without a whole document: %s", e.msg);
	if (r.ips.n < 1 || r.ips.n > ARRAY_LEN(ret->ip))
		violated(c, "an answer with %zu addresses", r.ips.n);
	*ret = (struct nic){ .have = HELD, .n = r.ips.n };
	for (size_t i = 0; i < r.ips.n; i++)
		ret->ip[i] = r.ips.v[i].address.ip;
	cni_result_clear(&r);
}

static void judge_answer(struct call *c)
{
	struct nic *n = &c->b->nic[c->nic], got;
	char where[64], text[IP_TEXT_MAX];

	read_answer(c, &got);
	for (size_t i = 0; i < got.n; i++)
		if (find_holder(c->w, got.ip[i], n, where))
			violated(c, "%s has two owners: %s has it too", ip_format(got.ip[i], text), where);
	if (c->was_held && strcmp(n->answer, buf_cstr(&c->p.text)) != 0)
		violated(c, "ADD repeated gave another answer than %s", n->answer);
	if (!c->was_held && c->expected.n && !nic_same(&c->expected, &got))
		violated(c, "the pod lost its address %s", ip_format(c->expected.ip[0], text));
	if (c->was_nothing && !c->s->robbed && got.n != c->s->f->ips[c->nic])
		violated(c, "%zu addresses, want %u", got.n, c->s->f->ips[c->nic]);
	if (c->was_held)
		return;
	if (c->s->f->keep && !c->s->kept[c->nic].n)
		c->s->kept[c->nic] = got;
	got.answer = strdup(buf_cstr(&c->p.text));
	if (!got.answer)
		proc_die("strdup");
	nic_become(n, NOTHING);
	*n = got;
}

/* Only a pool that was really full may refuse. */
static void judge_refusal(struct call *c)
{
	if (!c->s->f->tiny || c->was_held || !strstr(buf_cstr(&c->p.text), "used out"))
		violated(c, "ADD failed");
	if (c->users - 1 < TINY_POOL)
		violated(c, "\"used out\" while at most %u others had addresses of a pool of %u",
			 c->users - 1, TINY_POOL);
	if (c->was_nothing)
		nic_become(&c->b->nic[c->nic], NOTHING);
	refused++;
}

static void judge(struct call *c)
{
	if (proc_was_cut_off(&c->p)) {
		cut_off++;
		cut_off_of[c->verb]++;
		return;
	}
	if (!WIFEXITED(c->p.status))
		violated(c, "it died");
	done[c->verb]++;
	if (c->verb == ADD && !proc_succeeded(&c->p)) {
		judge_refusal(c);
		return;
	}
	if (c->verb == CTL_BACKUP && strstr(buf_cstr(&c->p.text), "another process is just writing it"))
		return;
	if (!proc_succeeded(&c->p))
		violated(c, "%s failed", verb_names[c->verb]);
	if (c->verb == ADD)
		judge_answer(c);
	if (c->verb == DEL)
		nic_become(&c->b->nic[c->nic], NOTHING);
	if ((c->verb == CTL_FSCK || c->verb == CTL_REPAIR) &&
	    !strstr(buf_cstr(&c->p.text), "everything agrees"))
		violated(c, "fsck found something");
}

/* Its output has ended. */
static void finish(struct call *c)
{
	bool is_ctl = c->verb >= CTL_FSCK;

	proc_reap(&c->p);
	judge(c);
	if (c->s)
		c->b->busy = false;
	if (is_ctl)
		c->w->ctl_busy = false;
	if (c->verb == GC)
		c->w->gc_busy = false;
	if (c->s && c->b == &c->s->old && sandbox_is_clean(c->b))
		c->s->old.used = false;
	c->w->in_flight--;
	buf_clear(&c->p.text);
	c->verb = FREE;
}

#endif
