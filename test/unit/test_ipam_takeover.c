/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_takeover.c - what an older Spiderpool recorded in pools becomes records of blocks */
#include "ipam/takeover.h"
#include "ipam/pool.h"
#include "ipam/endpoint.h"
#include "ipam_cluster.h"

struct told {
	size_t n;
	char last[ERR_MSG_MAX];
};

static void note(const char *sentence, void *arg)
{
	struct told *t = arg;

	t->n++;
	snprintf(t->last, sizeof(t->last), "%s", sentence);
}

/* A pool as the API server has it. */
static void put_pool(struct lab *l, const char *name, const char *ips, const char *allocated, bool marked)
{
	char text[4096];

	snprintf(text, sizeof(text),
		 "{\"apiVersion\":\"" API_VERSION
		 "\",\"kind\":\"SpiderIPPool\",\"metadata\":{\"name\":\"%s\"%s},"
		 "\"spec\":{\"ipVersion\":4,\"subnet\":\"10.6.0.0/16\",\"ips\":[\"%s\"]},"
		 "\"status\":{\"totalIPCount\":9,\"allocatedIPs\":\"%s\"}}",
		 name, marked ? ",\"annotations\":{\"" API_ANNOTATION_TAKEN_OVER "\":\"now\"}" : "", ips,
		 allocated);
	lab_put(l, STORE_IPPOOL, "", name, text);
}

/* As the older one wrote it: no container, no label. */
static void put_endpoint(struct lab *l, const char *pod, const char *uid, const char *ip, const char *owner,
			 const char *of)
{
	char text[2048];

	snprintf(
		text, sizeof(text),
		"{\"apiVersion\":\"" API_VERSION
		"\",\"kind\":\"SpiderEndpoint\",\"metadata\":{\"name\":\"%s\","
		"\"namespace\":\"default\"},\"status\":{\"current\":{\"uid\":\"%s\",\"node\":\"n1\",\"ips\":["
		"{\"interface\":\"eth0\",\"ipv4\":\"%s/16\",\"ipv4Pool\":\"old\"}]},"
		"\"ownerControllerType\":\"%s\",\"ownerControllerName\":\"%s\"}}",
		pod, uid, ip, owner, of);
	lab_put(l, STORE_ENDPOINT, "default", pod, text);
}

static int read_pool(struct txn *t, void *arg, struct err *e)
{
	struct api_ippool *p = arg;
	struct store_obj o;
	int r = store_get(t->m->st, STORE_IPPOOL, "", "old", &o, e);

	return r <= 0 ? -ENOENT : api_decode_text(API_IPPOOL, o.data, o.len, "old", p, e) < 0 ? -e->sys : 1;
}

static int try_takeover(struct lab *l, struct takeover *x)
{
	struct api_ippool p = { 0 };
	int r = txn_run(&l->m, STORE_READ, read_pool, &p, &l->e);

	assert_int_equal(r, 0);
	r = ipam_takeover(&l->m, &p, x, &l->e);
	api_clear(API_IPPOOL, &p);
	return r;
}

struct look {
	struct ip addr;
	char text[512];
};

static int look_body(struct txn *t, void *arg, struct err *e)
{
	struct look *k = arg;
	struct txn_block *b;
	struct block_rec *r;

	if (txn_record(t, k->addr, &b, &r, e) < 0)
		return -e->sys;
	snprintf(k->text, sizeof(k->text), "%s %s pool=%s %s/%s uid=%s nic=%s node=%s container=%s until=%d",
		 hold_name(r->hold), r->ref, r->pool, r->ns, r->pod, r->uid, r->nic, r->node, r->container,
		 (int)r->until);
	return 1;
}

static void record_is(struct lab *l, const char *addr, const char *want)
{
	struct look k;

	assert_int_equal(ip_parse(addr, &k.addr, &l->e), 0);
	assert_int_equal(txn_run(&l->m, STORE_READ, look_body, &k, &l->e), 0);
	if (strcmp(k.text, want) != 0)
		fail_msg("%s\n is   %s\n want %s", addr, k.text, want);
}

struct labelled {
	const char *pod;
	char node[64];
};

static int label_body(struct txn *t, void *arg, struct err *e)
{
	struct labelled *x = arg;
	struct txn_endpoint *ep;
	int r = endpoint_get(t, "default", x->pod, &ep, e);
	const char *node = r == 0 ? json_map_get(&ep->ep.obj.meta.labels, ENDPOINT_LABEL_NODE) : NULL;

	snprintf(x->node, sizeof(x->node), "%s", node ? node : "");
	return r < 0 ? r : 1;
}

static void label_is(struct lab *l, const char *pod, const char *want)
{
	struct labelled x = { .pod = pod };

	assert_int_equal(txn_run(&l->m, STORE_READ, label_body, &x, &l->e), 0);
	assert_string_equal(x.node, want);
}

#define P(ip, pod, uid) "\\\"" ip "\\\":{\\\"pod\\\":\\\"" pod "\\\",\\\"podUid\\\":\\\"" uid "\\\"}"

static void counts(const struct takeover *x, size_t taken, size_t known, size_t refused)
{
	assert_int_equal(x->taken, taken);
	assert_int_equal(x->known, known);
	assert_int_equal(x->refused, refused);
}

/* Not fsck: an attachment is on the pod's node, or comes with its next sandbox. */
static void end(struct lab *l)
{
	store_close(l->st);
	lab_remove(l);
}

static void test_records(void **state)
{
	struct takeover x = { .stateful_set = true, .kubevirt = true };
	struct lab l;

	(void)state;
	cluster_open(&l);
	put_endpoint(&l, "web", "u1", "10.6.0.2", "Deployment", "web");
	put_endpoint(&l, "db-1", "u2", "10.6.0.3", "StatefulSet", "db");
	put_endpoint(&l, "vm", "u3", "10.6.0.4", "VirtualMachineInstance", "vm");
	put_pool(&l, "old", "10.6.0.2-10.6.0.90",
		 "{" P("10.6.0.2", "default/web", "u1") "," P("10.6.0.3", "default/db-1", "u2") "," P(
			 "10.6.0.4", "default/vm", "u3") "," P("10.6.0.80", "default/lost", "u4") "}",
		 false);
	assert_int_equal(try_takeover(&l, &x), 0);
	counts(&x, 4, 0, 0);
	record_is(&l, "10.6.0.2", "pod  pool=old default/web uid=u1 nic=eth0 node=n1 container= until=0");
	record_is(&l, "10.6.0.3",
		  "sts default/db/1 pool=old default/db-1 uid=u2 nic=eth0 node=n1 container= until=0");
	record_is(&l, "10.6.0.4",
		  "vm default/vm pool=old default/vm uid=u3 nic=eth0 node=n1 container= until=0");
	label_is(&l, "web", "n1");
	record_is(&l, "10.6.0.80", "pod  pool=old default/lost uid=u4 nic= node= container= until=0");
	assert_int_equal(try_takeover(&l, &x), 0);
	counts(&x, 4, 4, 0);
	end(&l);
}

static void test_serves_nothing_before(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	put_pool(&l, "old", "10.6.0.2-10.6.0.3", "{" P("10.6.0.2", "default/web", "u1") "}", false);
	cluster_add(&l, (struct cluster_pod){ .annotations = { { (char *)"ipam.spidernet.io/ippool",
								 (char *)"{\"ipv4\":[\"old\"]}" } } });
	assert_non_null(strstr(l.text, "not taken over yet"));
	assert_int_equal(l.e.cni, ERR_TRY_AGAIN);
	assert_int_equal(l.e.sys, EAGAIN);
	put_pool(&l, "old", "10.6.0.2-10.6.0.3", "{" P("10.6.0.2", "default/web", "u1") "}", true);
	cluster_add(&l, (struct cluster_pod){ .annotations = { { (char *)"ipam.spidernet.io/ippool",
								 (char *)"{\"ipv4\":[\"old\"]}" } } });
	assert_non_null(strstr(l.text, "10.6.0."));
	end(&l);
}

/* A new sandbox of a pod that was there before: its UID tells. */
static void test_same_pod_keeps(void **state)
{
	struct cluster_pod pod = { .pod = "web",
				   .uid = "u1",
				   .annotations = { { (char *)"ipam.spidernet.io/ippool",
						      (char *)"{\"ipv4\":[\"old\"]}" } } };
	struct takeover x = { 0 };
	struct lab l;

	(void)state;
	cluster_open(&l);
	put_endpoint(&l, "web", "u1", "10.6.0.9", "Pod", "web");
	put_pool(&l, "old", "10.6.0.2-10.6.0.20", "{" P("10.6.0.9", "default/web", "u1") "}", false);
	assert_int_equal(try_takeover(&l, &x), 0);
	put_pool(&l, "old", "10.6.0.2-10.6.0.20", "", true);
	cluster_add(&l, pod);
	if (!strstr(l.text, "10.6.0.9"))
		fail_msg("%s", l.text);
	pod.pod = "other";
	pod.uid = "u2";
	pod.container = "c2";
	cluster_add(&l, pod);
	assert_null(strstr(l.text, "10.6.0.9"));
	end(&l);
}

static void test_claimed_twice(void **state)
{
	struct told told = { 0 };
	struct takeover x = { .told = note, .arg = &told };
	struct lab l;

	(void)state;
	cluster_open(&l);
	put_pool(&l, "old", "10.6.0.2-10.6.0.20", "{" P("10.6.0.9", "default/a", "ua") "}", false);
	assert_int_equal(try_takeover(&l, &x), 0);
	put_pool(&l, "old", "10.6.0.2-10.6.0.20", "{" P("10.6.0.9", "default/b", "ub") "}", false);
	assert_int_equal(try_takeover(&l, &x), 0);
	counts(&x, 1, 0, 1);
	assert_int_equal(told.n, 1);
	assert_non_null(strstr(told.last, "default/a"));
	assert_non_null(strstr(told.last, "default/b"));
	record_is(&l, "10.6.0.9", "quarantine  pool= / uid= nic= node= container= until=0");
	assert_int_equal(try_takeover(&l, &x), 0);
	assert_int_equal(told.n, 1);
	end(&l);
}

static void test_never_over_anothers(void **state)
{
	struct told told = { 0 };
	struct takeover x = { .told = note, .arg = &told };
	struct lab l;

	(void)state;
	cluster_open(&l);
	put_pool(&l, "old", "10.6.0.9", "", true);
	cluster_add(&l, (struct cluster_pod){ .annotations = { { (char *)"ipam.spidernet.io/ippool",
								 (char *)"{\"ipv4\":[\"old\"]}" } } });
	assert_non_null(strstr(l.text, "10.6.0.9"));
	put_pool(&l, "old", "10.6.0.9", "{" P("10.6.0.9", "default/b", "ub") "}", false);
	assert_int_equal(try_takeover(&l, &x), 0);
	counts(&x, 0, 0, 1);
	assert_int_equal(told.n, 1);
	record_is(&l, "10.6.0.9", "pod  pool=old default/p uid=u1 nic=eth0 node=n1 container=c1 until=0");
	end(&l);
}

static void test_many(void **state)
{
	static char text[100000];
	struct takeover x = { 0 };
	struct api_ippool p = { .status.allocated_ips = text };
	struct lab l;
	size_t n = 0;

	(void)state;
	cluster_open(&l);
	p.obj.meta.name = (char *)"old";
	text[n++] = '{';
	for (unsigned i = 0; i < 1000; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "%s\"10.6.%u.%u\":{\"pod\":\"d/p%u\",\"podUid\":\"u%u\"}", i ? "," : "",
				      i / 200, i % 200, i, i);
	text[n] = '}';
	assert_int_equal(ipam_takeover(&l.m, &p, &x, &l.e), 0);
	counts(&x, 1000, 0, 0);
	record_is(&l, "10.6.4.199", "pod  pool=old d/p999 uid=u999 nic= node= container= until=0");
	end(&l);
}

static void test_unreadable(void **state)
{
	static const char *const rows[] = { "[]", "{\"10.6.0.1\":{}}", "{\"x\":{\"pod\":\"a/b\"}}",
					    "{\"10.6.0.1\":{\"pod\":\"b\"}}", "{\"10.6.0.1\":" };
	struct lab l;

	(void)state;
	cluster_open(&l);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct takeover x = { 0 };
		struct api_ippool p = { .status.allocated_ips = (char *)rows[i] };

		p.obj.meta.name = (char *)"old";
		if (ipam_takeover(&l.m, &p, &x, &l.e) >= 0 || !strstr(l.e.msg, "SpiderIPPool old"))
			fail_msg("row %zu: %s", i, l.e.msg);
	}
	end(&l);
}

static void test_due(void **state)
{
	static const struct {
		const char *pool;
		bool due;
	} rows[] = {
		{ "\"status\":{\"allocatedIPs\":\"{\\\"10.6.0.1\\\":{}}\"}", true },
		{ "\"metadata\":{\"annotations\":{\"ipam.spidernet.io/taken-over\":\"x\"}},"
		  "\"status\":{\"allocatedIPs\":\"{\\\"10.6.0.1\\\":{}}\"}",
		  false },
		/* an edit has lost the mark, but our controller wrote the status */
		{ "\"status\":{\"allocatedIPs\":\"{\\\"10.6.0.1\\\":{}}\",\"observedGeneration\":3}", false },
		{ "\"status\":{\"allocatedIPs\":\"{}\"}", false },
		{ "\"status\":{\"totalIPCount\":1}", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct buf text = BUF_INIT(BUF_MAX_DEFAULT), value = BUF_INIT(BUF_MAX_DEFAULT);
		struct json_object *tree;
		struct api_ippool p;
		const char *terms[4];
		struct err e;

		buf_fmt(&text, "{\"apiVersion\":\"" API_VERSION "\",\"kind\":\"SpiderIPPool\",%s}",
			rows[i].pool);
		assert_int_equal(json_parse(text.s, text.len, "row", &tree, &e), 0);
		assert_int_equal(ipam_pool_value(tree, &value, terms, &e), 0);
		/* what the engine sees, and what it is told */
		assert_int_equal(api_decode_text(API_IPPOOL, text.s, text.len, "row", &p, &e), 0);
		if (takeover_due(&p) != rows[i].due || !strstr(value.s, "allocatedIPs") == rows[i].due)
			fail_msg("row %zu: %d, %s", i, takeover_due(&p), value.s);
		json_object_put(tree);
		api_clear(API_IPPOOL, &p);
		buf_clear(&value);
		buf_clear(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_records),
		cmocka_unit_test(test_serves_nothing_before),
		cmocka_unit_test(test_same_pod_keeps),
		cmocka_unit_test(test_claimed_twice),
		cmocka_unit_test(test_never_over_anothers),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_unreadable),
		cmocka_unit_test(test_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
