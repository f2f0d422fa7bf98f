/* SPDX-License-Identifier: Apache-2.0 */
/* store_lab.h - stores of several nodes with the engine on top, on a real API server, and a bad network
 * between */
#ifndef TEST_KUBE_STORE_LAB_H
#define TEST_KUBE_STORE_LAB_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/block.h"
#include "ipam/ipam.h"
#include "ipam/pool.h"
#include "lab.h"
#include "proxy.h"
#include "store/kube.h"

#define HUBS      4
#define ADDRESSES 256    /* of each family, from the first one on */
#define LATE      120000 /* ms; the store looks for endpoints that came late after 65 s */

struct pod {
	char name[48]; /* of its container and its UID too */
	int at[2];     /* the offset of its addresses, IPv4 and IPv6 */
};

struct rig {
	struct kube *k[HUBS];
	struct store_kube *hub[HUBS];
	char dir[64];
	char node[HUBS][8];
	atomic_int owner[2][ADDRESSES]; /* 0: nobody was answered it */
	pthread_mutex_t lock;
	char failures[2048];
};

__attribute__((format(printf, 2, 3))) static inline void fail_later(struct rig *g, const char *fmt, ...)
{
	size_t n;
	va_list ap;

	pthread_mutex_lock(&g->lock);
	n = strlen(g->failures);
	va_start(ap, fmt);
	n += (size_t)vsnprintf(g->failures + n, sizeof(g->failures) - n, fmt, ap);
	va_end(ap);
	if (n + 1 < sizeof(g->failures))
		snprintf(g->failures + n, sizeof(g->failures) - n, "\n");
	pthread_mutex_unlock(&g->lock);
}

static inline void lab_pool(struct kube *k, const char *name, const char *subnet, const char *range)
{
	char spec[256];

	snprintf(spec, sizeof(spec), "\"spec\":{\"subnet\":\"%s\",\"ips\":[\"%s\"]}", subnet, range);
	lab_create(k, &kube_resources[KUBE_SPIDERIPPOOLS], NULL, name, "", spec);
}

static inline void pod_name(struct pod *p, int hub, int thread, int n)
{
	static atomic_uint all;

	snprintf(p->name, sizeof(p->name), "p-%d-%d-%d-%u", hub, thread, n, atomic_fetch_add(&all, 1));
}

static inline void say_trouble(const char *sentence, void *arg)
{
	(void)arg;
	if (getenv("VERBOSE"))
		print_message("# %s\n", sentence);
}

/* proxy: between the nodes and the API server; NULL: nothing. */
static inline void rig_open(struct rig *g, struct proxy *proxy)
{
	struct kube_config conf;
	struct err e;

	*g = (struct rig){ .dir = "/dev/shm/spiderpool-test-XXXXXX" };
	pthread_mutex_init(&g->lock, NULL);
	assert_non_null(mkdtemp(g->dir));
	ok(kube_config_file(lab_env("KUBECONFIG"), NULL, 0, &conf, &e), &e);
	if (proxy)
		proxy_between(proxy, &conf);
	for (int i = 0; i < HUBS; i++) {
		char dir[80];
		struct store_kube_conf c = {
			.node = g->node[i], .dir = dir, .pool_value = ipam_pool_value, .trouble = say_trouble
		};

		snprintf(g->node[i], sizeof(g->node[i]), "n%d", i);
		snprintf(dir, sizeof(dir), "%s/%d", g->dir, i);
		ok(kube_open(&conf, 0, &g->k[i], &e), &e);
		c.k = g->k[i];
		ok(store_kube_open(&c, &g->hub[i], &e), &e);
		assert_true(store_kube_wait(g->hub[i], deadline_in(AMPLE)));
	}
	kube_config_clear(&conf);
}

static inline void rig_close(struct rig *g)
{
	char line[128];

	for (int i = 0; i < HUBS; i++) {
		store_kube_close(g->hub[i], deadline_in(AMPLE));
		kube_close(g->k[i]);
	}
	/* Nothing but what the node is told at its next start: of that nothing may be left. */
	snprintf(line, sizeof(line), "! find '%s' -type f | grep .", g->dir);
	assert_int_equal(system(line), 0);
	snprintf(line, sizeof(line), "rm -rf '%s'", g->dir);
	assert_int_equal(system(line), 0);
}

static inline size_t rig_waiting(struct rig *g, int hub)
{
	struct store_kube_stats s;

	store_kube_stats(g->hub[hub], &s);
	return s.orphans + store_kube_behind(g->hub[hub]);
}

/* Nothing waits to be written any more. */
static inline void rig_settled(struct rig *g)
{
	struct deadline end = deadline_in(AMPLE);

	for (int i = 0; i < HUBS; i++) {
		while (rig_waiting(g, i) && deadline_left(end))
			usleep(10000);
		assert_int_equal(rig_waiting(g, i), 0);
	}
}

static inline void rig_stats(struct rig *g)
{
	for (int i = 0; i < HUBS; i++) {
		struct store_kube_stats s;

		store_kube_stats(g->hub[i], &s);
		print_message(
			"# n%d: %llu changes in %llu writes, %llu conflicts, %llu unknown, %llu undone\n", i,
			(unsigned long long)s.changes, (unsigned long long)s.writes,
			(unsigned long long)s.conflicts, (unsigned long long)s.unknown,
			(unsigned long long)s.undone);
	}
}

static inline uint64_t rig_unknown(struct rig *g)
{
	uint64_t n = 0;

	for (int i = 0; i < HUBS; i++) {
		struct store_kube_stats s;

		store_kube_stats(g->hub[i], &s);
		n += s.unknown;
	}
	return n;
}

static inline struct ipam rig_engine(struct rig *g, int hub, int64_t ms, struct store **st)
{
	struct ipam m = { .conf = { .cluster = true,
				    .cooldown_ms = IPAM_COOLDOWN_MS,
				    .quarantine_ms = IPAM_QUARANTINE_MS,
				    .ring_key = g->node[hub],
				    .agent_ns = "kube-system" },
			  .until = deadline_in(ms) };
	struct err e;

	ok(store_kube_session(g->hub[hub], false, st, &e), &e);
	m.st = *st;
	return m;
}

static inline int offset_of(const struct ipam_address *a)
{
	struct ip_prefix p;
	struct err e;

	ok(ip_prefix_parse(a->address, &p, &e), &e);
	return (int)(p.ip.n & 0xff);
}

/* pools: "a" or "ab", the letters of those that may serve. */
static inline int rig_add(struct rig *g, int hub, struct pod *p, const char *pools, int64_t ms, struct err *e)
{
	char *four[] = { (char *)"a4", (char *)"b4", NULL }, *six[] = { (char *)"a6", (char *)"b6", NULL };
	const struct json_strv v4 = { .v = four, .n = strlen(pools), .set = true },
			       v6 = { .v = six, .n = strlen(pools), .set = true };
	const struct ipam_request q = { .network = "net",
					.container = p->name,
					.nic = "eth0",
					.netns_path = "",
					.netns_id = "",
					.node = g->node[hub],
					.boot = "boot-1",
					.ns = "default",
					.pod = p->name,
					.uid = p->name,
					.mac = "",
					.pod_labels = { true, NULL },
					.ns_labels = { true, NULL },
					.node_labels = { true, NULL },
					.owner = { "v1", "Pod", "default", p->name, p->name } };
	struct ipam_attachment a;
	struct store *st;
	struct ipam m = rig_engine(g, hub, ms, &st);
	int r;

	m.conf.default_ipv4 = &v4;
	m.conf.default_ipv6 = &v6;
	r = ipam_add(&m, &q, &a, e);
	store_close(st);
	if (r < 0)
		return r;
	assert_int_equal(a.ips.n, 2);
	for (int i = 0; i < 2; i++)
		p->at[strchr(a.ips.v[i].address, ':') != NULL] = offset_of(&a.ips.v[i]);
	ipam_attachment_clear(&a);
	return 0;
}

static inline int rig_del(struct rig *g, int hub, const struct pod *p, int64_t ms, struct err *e)
{
	struct store *st;
	struct ipam m = rig_engine(g, hub, ms, &st);
	int r = ipam_del(&m, "net", p->name, "eth0", e);

	store_close(st);
	return r;
}

static inline void rig_remember(struct rig *g, const struct pod *p)
{
	for (int i = 0; i < 2; i++)
		if (atomic_exchange(&g->owner[i][p->at[i]], 1))
			fail_later(g, "IPv%d address %d was given to %s, and is somebody's", i ? 6 : 4,
				   p->at[i], p->name);
}

static inline void rig_forget(struct rig *g, const struct pod *p)
{
	for (int i = 0; i < 2; i++)
		atomic_store(&g->owner[i][p->at[i]], 0);
}

static inline int free_block(struct json_object *o, void *arg, struct err *e)
{
	const char *text = json_get_str(json_get(o, "spec"), "records"), *name = kube_meta(o, "name");
	const char *labels = json_object_to_json_string(json_get(json_get(o, "metadata"), "labels"));
	struct rig *g = arg;
	struct block b;
	uint8_t ver;
	ip_num index;

	text = text ? text : ""; /* a block in which all that was claimed was undone */
	ok(ip_block_parse(name, &ver, &index, e), e);
	ok(block_decode(ver, index, text, strlen(text), &b, e), e);
	for (int i = 0; i < IP_BLOCK_SIZE; i++)
		if (b.rec[i].hold != HOLD_NONE && b.rec[i].hold != HOLD_FREE)
			fail_later(g, "%s: address %d is still %s's", name, i, b.rec[i].container);
	if (strstr(labels, "ipam.spidernet.io"))
		fail_later(g, "%s has labels %s", name, labels);
	block_clear(&b);
	return 0;
}

static inline int name_endpoint(struct json_object *o, void *arg, struct err *e)
{
	(void)e;
	buf_fmt(arg, " %s", kube_meta(o, "name"));
	return 0;
}

static inline void no_names(void *arg)
{
	buf_clear(arg);
}

static inline int wipe_one(struct json_object *o, void *arg, struct err *e)
{
	static const char none[] = "{\"metadata\":{\"finalizers\":null}}";
	const char *name = kube_meta(o, "name"), *ns = kube_meta(o, "namespace");
	struct kube_op op =
		lab_op(&kube_resources[ns ? KUBE_SPIDERENDPOINTS : KUBE_SPIDERIPBLOCKS], ns, name);

	ok(kube_patch(arg, &op, KUBE_MERGE_PATCH, none, strlen(none), NULL, e), e);
	(void)kube_delete(arg, &op, e); /* one that was going has gone */
	return 0;
}

/* What a test that failed has left. */
static inline void rig_wipe(struct kube *k)
{
	const struct kube_lister l = { .each = wipe_one, .arg = k };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS], .until = deadline_in(AMPLE) };
	struct err e;

	ok(kube_list(k, &op, &l, NULL, &e), &e);
	op = (struct kube_op){ .res = &kube_resources[KUBE_SPIDERENDPOINTS], .until = deadline_in(AMPLE) };
	ok(kube_list(k, &op, &l, NULL, &e), &e);
}

/* In the API, not in what a node thinks of it. An endpoint whose create timed out may come after its pod has
 * gone: the store looks for those after a minute. */
static inline void rig_check_free(struct rig *g, struct kube *k)
{
	CLEANUP(buf_clear) struct buf left = BUF_INIT(1 << 16);
	const struct kube_lister blocks = { .each = free_block, .arg = g };
	const struct kube_lister endpoints = { .each = name_endpoint, .begin = no_names, .arg = &left };
	struct kube_op op = { .res = &kube_resources[KUBE_SPIDERIPBLOCKS], .until = deadline_in(AMPLE) };
	struct deadline end = deadline_in(LATE);
	struct err e;

	ok(kube_list(k, &op, &blocks, NULL, &e), &e);
	do {
		buf_clear(&left);
		op = (struct kube_op){ .res = &kube_resources[KUBE_SPIDERENDPOINTS],
				       .until = deadline_in(AMPLE) };
		ok(kube_list(k, &op, &endpoints, NULL, &e), &e);
		usleep(left.len ? 500000 : 0);
	} while (left.len && deadline_left(end) > 0);
	if (left.len)
		fail_later(g, "SpiderEndpoints that are left:%s", buf_cstr(&left));
}

#endif
