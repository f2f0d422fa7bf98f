/* SPDX-License-Identifier: Apache-2.0 */
/* agent_lab.h - a node's agent without its interfaces, over an API server of scripted answers */
#ifndef TEST_AGENT_LAB_H
#define TEST_AGENT_LAB_H

#include "cluster_lab.h"

#include "../../cmd/agent/agent.h"
#include "../../cmd/agent/keys.h"
#include "ipam/reclaim.h"

#define SP_API "/apis/spiderpool.spidernet.io/v2beta1/"
#define BLOCKS SP_API "spideripblocks?labelSelector=node.ipam.spidernet.io%2Fn1&limit"
#define BLOCK  SP_API "spideripblocks/v4-0a000000"
#define BOOT   "boot"
/* The records of the block, and of a list of it alone; the line of the address at offset slot, of pod a/p
 * with UID u. What was written is compared with WROTE of a line without its end. */
#define RECORDS(lines) HTTP_OK RECORDS_OBJECT(lines)
#define RECORDS_OBJECT(lines) \
	"{\"metadata\":{\"name\":\"v4-0a000000\",\"uid\":\"b\",\"resourceVersion\":\"5\"},\"spec\":{\"records\":\"" lines \
	"\"}}"
#define RECORD(slot, hold, container, ref) \
	slot "\\t" hold "\\t1\\tpool\\tnet\\ta\\tp\\tu\\teth0\\tn1\\t" container "\\t" BOOT "\\t\\t\\t" ref \
	     "\\t0\\t\\t\\n"
#define WRITTEN HTTP_OK "{\"metadata\":{\"resourceVersion\":\"6\",\"uid\":\"b\"}}"
/* A pod of node n1 that kubelet runs by itself. */
#define MIRROR ",\"annotations\":{\"kubernetes.io/config.hash\":\"h\"}"

struct agent_lab {
	struct lab l;
	struct agent a;
	char dir[64];
	struct err e;
};

/* pods, as the watch knows them: their items; more: answers, which end with an empty one. */
static inline void agent_open(struct agent_lab *x, const char *pods, const struct fake_answer *more)
{
#define NONE LIST("1", "")
	static const struct fake_answer none[] = {
		{ .path = SP_API "spiderendpoints?", .text = NONE },
		{ .path = SP_API "spiderippools?watch=1", .text = HTTP_OK, .stays = true },
		{ .path = SP_API "spiderreservedips?watch=1", .text = HTTP_OK, .stays = true },
		{ .path = SP_API "spiderippools?", .text = NONE },
		{ .path = SP_API "spiderreservedips?", .text = NONE },
	};
	struct fake_answer all[LAB_ANSWERS] = { 0 };
	struct store_kube_conf hub = { .node = "n1", .dir = x->dir };
	size_t n = 0;

	*x = (struct agent_lab){ .dir = "/dev/shm/spiderpool-test-XXXXXX" };
	assert_non_null(mkdtemp(x->dir));
	for (; more && more[n].path; n++)
		all[n] = more[n];
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		all[n++] = none[i];
	lab_start(&x->l, pods, all);
	hub.k = x->l.k;
	x->a = (struct agent){ .conf = { .node = "n1", .ns = "kube-system", .cluster_network = "" },
			       .boot = BOOT,
			       .notes = x->dir,
			       .k = x->l.k,
			       .cluster = x->l.c,
			       .lock = PTHREAD_MUTEX_INITIALIZER };
	if (store_kube_open(&hub, &x->a.hub, &x->e) < 0 || !store_kube_wait(x->a.hub, deadline_in(AMPLE)) ||
	    keys_new(&x->a.keys, &x->e) < 0)
		fail_msg("%s", x->e.msg);
}

static inline void agent_close(struct agent_lab *x)
{
	char line[128];

	store_kube_close(x->a.hub, deadline_in(0));
	keys_free(x->a.keys);
	lab_stop(&x->l);
	snprintf(line, sizeof(line), "rm -rf '%s'", x->dir);
	assert_int_equal(system(line), 0);
}

/* NIC eth0 of a container of pod a/p with UID u has this address (with prefix length), as its ADD left it. */
static inline struct ipam_attachment agent_attachment(const char *container, char *address, bool detached)
{
	static struct ipam_address ip;

	ip = (struct ipam_address){ .address = address, .pool = "pool" };
	return (struct ipam_attachment){ .network = "net",
					 .container = (char *)container,
					 .nic = "eth0",
					 .node = "n1",
					 .boot = BOOT,
					 .ns = "a",
					 .pod = "p",
					 .uid = "u",
					 .detached = detached,
					 .since = 1,
					 .ips = { .v = &ip, .n = 1, .set = true } };
}

static inline void agent_attach(struct agent_lab *x, const struct ipam_attachment *at)
{
	struct call c;

	if (call_open_plain(&x->a, false, deadline_in(AMPLE), &c, &x->e) < 0 ||
	    ipam_adopt(&c.m, at, &x->e) < 0)
		fail_msg("%s", x->e.msg);
	call_close(&c);
}

/* How many attachments there are. */
static inline size_t agent_attached(struct agent_lab *x)
{
	struct attached l;
	size_t n;

	if (attached_list(&x->a, NULL, NULL, &l, &x->e) < 0)
		fail_msg("%s", x->e.msg);
	n = l.n;
	attached_clear(&l);
	return n;
}

/* How often the block was written with this in it, which an answer of its own looks for. */
static inline int agent_wrote(struct agent_lab *x, const char *has)
{
	int n = 0;

	pthread_mutex_lock(&x->l.f.lock);
	for (size_t i = 0; i < x->l.n; i++)
		if (x->l.answers[i].has && strcmp(x->l.answers[i].has, has) == 0)
			n += x->l.answers[i].used;
	pthread_mutex_unlock(&x->l.f.lock);
	return n;
}

#endif
