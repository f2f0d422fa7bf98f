/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_cluster_keep.c - what StatefulSets and VMs keep, endpoints, DEL of a pod that lives (spec/ipam.md
 * 3.5 - 3.7, 3.11; L00008, A00017, A00018; weak spots 5, 6 of 13) */
#include "ipam/claim.h"
#include "ipam_cluster.h"

#define STS OWNER_OF("apps/v1", "StatefulSet", "web")
#define POOL(p) \
	{ \
		{ \
			ANNOTATION_IPPOOL, "{\"ipv4\":[\"" p "\"]}" \
		} \
	}
#define A         "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]"
#define B         "subnet: 10.1.0.0/24, ips: [10.1.0.1-10.1.0.9]"
#define C         "subnet: 10.2.0.0/24, ips: [10.2.0.1-10.2.0.9]"
#define NIC(n, p) "{\"interface\":\"" n "\",\"ipv4\":[\"" p "\"]}"

static struct cluster_pod web0(const char *container, const char *uid)
{
	return (struct cluster_pod){
		.container = container, .uid = uid, .pod = "web-0", .owner = STS, .sts = "default/web/0"
	};
}

static const char *add_web0(struct lab *l, const char *container, const char *uid, const char *nic,
			    const char *key, const char *value)
{
	struct cluster_pod p = web0(container, uid);

	p.nic = nic;
	p.annotations[0] = (struct json_map_entry){ (char *)key, (char *)value };
	return cluster_add(l, p);
}

/* ---- looking into the store ---- */

struct look {
	const char *name;
	char *out;
	size_t size;
};

static int look_endpoint(struct txn *t, void *arg, struct err *e)
{
	struct look *x = arg;
	struct store_obj o;
	int r = store_get(t->m->st, STORE_ENDPOINT, "default", x->name, &o, e);

	snprintf(x->out, x->size, "%.*s", r > 0 ? (int)o.len : 0, r > 0 ? o.data : "");
	return r < 0 ? r : 1;
}

static const char *endpoint(struct lab *l, const char *name)
{
	struct look x = { name, l->text, sizeof(l->text) };

	if (txn_run(&l->m, STORE_READ, look_endpoint, &x, &l->e) < 0)
		fail_msg("%s", l->e.msg);
	return l->text;
}

static int forget_record(struct txn *t, void *arg, struct err *e)
{
	struct txn_block *b;
	struct block_rec *rec;
	int r = txn_record(t, lab_ip(arg), &b, &rec, e);

	if (r == 0) {
		block_rec_init(rec);
		b->dirty = true;
	}
	return r;
}

/* A block that was restored, or deleted by hand. */
static void lose(struct lab *l, const char *address)
{
	if (txn_run(&l->m, STORE_WRITE, forget_record, (void *)address, &l->e) < 0)
		fail_msg("%s", l->e.msg);
}

/* ---- StatefulSet ---- */

/* The pod comes again, here or on another node, where nothing is known of its former container. */
static void L00008_address_stays(void **state)
{
	struct cluster_pod p = web0("c1", "u1");
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", podAffinity: {matchLabels: {app: web}}, default: true");
	p.labels[0] = (struct json_map_entry){ "app", "web" };
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	EXPECT(lab_state(&l, "10.0.0.1"), "sts");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "x",
						     .uid = "ux",
						     .pod = "x",
						     .labels = { { "app", "web" } } }),
	       "10.0.0.2/24");
	p.container = "c2";
	p.uid = "u2";
	p.node = "n2";
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	EXPECT_PART(endpoint(&l, "web-0"), "\"uid\":\"u2\",\"node\":\"n2\"");
	/* neither an edit of the affinity nor disabling the pool takes it away */
	lab_del(&l, "c2", "eth0");
	lab_pool(&l, "a", A ", podAffinity: {matchLabels: {app: db}}, default: true, disable: true");
	p.container = "c3";
	p.uid = "u3";
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	/* the hold is dead too */
	if (ipam_del_hold(&l.m, "net", "c3", "eth0", &l.e) < 0)
		fail_msg("%s", l.e.msg);
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	EXPECT(endpoint(&l, "web-0"), "");
	lab_close(&l);
}

/* The next pod is there before anybody heard of the end of the first. */
static void taken_over_from_a_lost_container(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, web0("c1", "u1")), "10.0.0.1/24");
	EXPECT(cluster_add(&l, web0("c2", "u2")), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0"); /* late */
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	lab_close(&l);
}

/* A DEL whose block was written, and then nothing more: the next one finishes it. */
static void cut_off_between_block_and_endpoint(void **state)
{
	const struct cluster_pod p = { .container = "c1", .uid = "u1", .pod = "x" };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	EXPECT_PART(endpoint(&l, "x"), "10.0.0.1/24");
	lose(&l, "10.0.0.1");
	lab_del(&l, "c1", "eth0");
	EXPECT(endpoint(&l, "x"), "");
	lab_close(&l);
}

static void A00009_pool_changed(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	lab_pool(&l, "b", B);
	EXPECT(add_web0(&l, "c1", "u1", "eth0", ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}"), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	EXPECT(add_web0(&l, "c2", "u2", "eth0", ANNOTATION_IPPOOL, "{\"ipv4\":[\"b\"]}"), "10.1.0.1/24");
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	lab_del(&l, "c2", "eth0");
	/* the pool is one of two now, and not the first */
	EXPECT(add_web0(&l, "c3", "u3", "eth0", ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\",\"b\"]}"),
	       "10.1.0.1/24");
	lab_close(&l);
}

/* Several NICs; each row says what the pod asks for when it comes again, and what its NICs get then. */
static void A00017_A00018_W6_nics_whose_pools_change(void **state)
{
	static const struct {
		const char *what, *first, *then, *eth0, *net1, *freed, *kept;
	} rows[] = {
		{ "A00017 nothing changed", "[" NIC("eth0", "a") "," NIC("net1", "b") "]",
		  "[" NIC("eth0", "a") "," NIC("net1", "b") "]", "10.0.0.1/24", "10.1.0.1/24", NULL,
		  "10.1.0.1" },
		{ "A00017 the second NIC's pool", "[" NIC("eth0", "a") "," NIC("net1", "b") "]",
		  "[" NIC("eth0", "a") "," NIC("net1", "c") "]", "10.0.0.1/24", "10.2.0.1/24", "10.1.0.1",
		  "10.0.0.1" },
		{ "W6 the first NIC's pool", "[" NIC("eth0", "a") "," NIC("net1", "b") "]",
		  "[" NIC("eth0", "c") "," NIC("net1", "b") "]", "10.2.0.1/24", "10.1.0.1/24", "10.0.0.1",
		  "10.1.0.1" },
		{ "both", "[" NIC("eth0", "a") "," NIC("net1", "b") "]",
		  "[" NIC("eth0", "b") "," NIC("net1", "a") "]", "10.1.0.2/24", "10.0.0.2/24", "10.1.0.1",
		  NULL },
		{ "one NIC less", "[" NIC("eth0", "a") "," NIC("net1", "b") "]", "[" NIC("eth0", "a") "]",
		  "10.0.0.1/24", NULL, "10.1.0.1", "10.0.0.1" },
		{ "A00018 nothing changed", "[{\"ipv4\":[\"a\"]},{\"ipv4\":[\"b\"]}]",
		  "[{\"ipv4\":[\"a\"]},{\"ipv4\":[\"b\"]}]", "10.0.0.1/24", "10.1.0.1/24", NULL, "10.1.0.1" },
		{ "A00018 a pool changed", "[{\"ipv4\":[\"a\"]},{\"ipv4\":[\"b\"]}]",
		  "[{\"ipv4\":[\"c\"]},{\"ipv4\":[\"b\"]}]", "10.2.0.1/24", "10.1.0.1/24", "10.0.0.1",
		  "10.1.0.1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct lab l;

		print_message("# row %zu: %s\n", i, rows[i].what);
		cluster_open(&l);
		lab_pool(&l, "a", A);
		lab_pool(&l, "b", B);
		lab_pool(&l, "c", C);
		EXPECT(add_web0(&l, "c1", "u1", "eth0", ANNOTATION_IPPOOLS, rows[i].first), "10.0.0.1/24");
		EXPECT(add_web0(&l, "c1", "u1", "net1", ANNOTATION_IPPOOLS, rows[i].first), "10.1.0.1/24");
		lab_del(&l, "c1", "net1");
		lab_del(&l, "c1", "eth0");
		for (int again = 0; again < 2; again++) { /* as often as it is asked */
			EXPECT(add_web0(&l, "c2", "u2", "eth0", ANNOTATION_IPPOOLS, rows[i].then),
			       rows[i].eth0);
			if (rows[i].net1)
				EXPECT(add_web0(&l, "c2", "u2", "net1", ANNOTATION_IPPOOLS, rows[i].then),
				       rows[i].net1);
		}
		if (rows[i].freed)
			EXPECT(lab_state(&l, rows[i].freed), "free");
		if (rows[i].kept)
			EXPECT(lab_state(&l, rows[i].kept), "sts c2");
		lab_close(&l);
	}
}

/* ---- weak spot 5: the endpoint names an address whose record is gone ---- */

static void W5_record_is_gone(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "x", .uid = "ux", .pod = "x" }),
	       "10.0.0.1/24");
	EXPECT(cluster_add(&l, web0("c1", "u1")), "10.0.0.2/24");
	lab_del(&l, "c1", "eth0");
	lab_del(&l, "x", "eth0");
	lose(&l, "10.0.0.1");
	lose(&l, "10.0.0.2");
	EXPECT(cluster_add(&l, web0("c2", "u2")), "10.0.0.2/24"); /* not the first that is free */
	EXPECT(lab_state(&l, "10.0.0.2"), "sts c2");
	lab_close(&l);
}

static void W5_record_is_anothers(void **state)
{
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, web0("c1", "u1")), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	lose(&l, "10.0.0.1");
	EXPECT(cluster_add(&l, (struct cluster_pod){ .container = "x", .uid = "ux", .pod = "x" }),
	       "10.0.0.1/24");
	EXPECT(cluster_add(&l, web0("c2", "u2")), "10.0.0.2/24");
	EXPECT_PART(endpoint(&l, "web-0"), "\"ipv4\":\"10.0.0.2/24\"");
	assert_null(strstr(endpoint(&l, "web-0"), "10.0.0.1/"));
	EXPECT(lab_state(&l, "10.0.0.1"), "pod x");
	lab_close(&l);
}

/* In the same pod's new sandbox, with one family of two lost. */
static void W5_half_is_gone(void **state)
{
	struct cluster_pod p = web0("c1", "u1");
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	lab_pool(&l, "s", "subnet: fd00::/64, ips: ['fd00::1-fd00::9'], default: true");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24 fd00::1/64");
	lose(&l, "fd00::1");
	p.container = "c2";
	EXPECT(cluster_add(&l, p), "10.0.0.1/24 fd00::1/64");
	EXPECT(lab_state(&l, "fd00::1"), "sts c2");
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c2");
	lab_close(&l);
}

/* ---- virtual machines ---- */

static void a_vm_keeps_its_address(void **state)
{
	struct cluster_pod p = { .container = "c1",
				 .uid = "u1",
				 .pod = "virt-launcher-db-x1",
				 .owner = OWNER_OF("kubevirt.io/v1", "VirtualMachineInstance", "db"),
				 .vm = "default/db",
				 .endpoint = "db" };
	struct cluster_pod target = p;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	EXPECT_PART(endpoint(&l, "db"), "\"ownerControllerType\":\"VirtualMachineInstance\"");
	EXPECT(endpoint(&l, "virt-launcher-db-x1"), "");
	target.pod = "virt-launcher-db-y2"; /* live migration: the other pod has it too, from now on */
	target.container = "c2";
	target.uid = "u2";
	target.node = "n2";
	EXPECT(cluster_add(&l, target), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0");
	EXPECT(lab_state(&l, "10.0.0.1"), "vm c2");
	assert_int_equal(lab_fsck(&l, false), 0);
	lab_del(&l, "c2", "eth0");
	EXPECT(lab_state(&l, "10.0.0.1"), "vm");
	p.container = "c3";
	p.uid = "u3";
	p.pod = "virt-launcher-db-z3";
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	lab_close(&l);
}

/* ---- endpoints ---- */

static void an_endpoint_of_a_cluster(void **state)
{
	struct cluster_pod p = { .owner = OWNER_OF("apps/v1", "Deployment", "web") };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	cluster_add(&l, p);
	EXPECT_PART(endpoint(&l, "p"), "\"finalizers\":[\"spiderpool.spidernet.io\"]");
	EXPECT_PART(endpoint(&l, "p"), "\"labels\":{\"ipam.spidernet.io/node\":\"n1\"}");
	EXPECT_PART(
		endpoint(&l, "p"),
		"\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"p\",\"uid\":\"u1\"}]");
	EXPECT_PART(endpoint(&l, "p"),
		    "\"ownerControllerType\":\"Deployment\",\"ownerControllerName\":\"web\"");
	cluster_add(&l, web0("c2", "u2"));
	assert_null(strstr(endpoint(&l, "web-0"), "ownerReferences"));
	EXPECT_PART(endpoint(&l, "web-0"), "\"finalizers\":[\"spiderpool.spidernet.io\"]");
	lab_close(&l);
}

/* A store that looks at what is committed, and passes it on. */
struct spy {
	struct store st;
	struct store *real;
	int behind, in_time; /* writes of endpoints */
	bool of_cluster;     /* an attachment with what only a cluster's has */
};

static struct store *real(struct store *st)
{
	return ((struct spy *)st)->real;
}

static int spy_begin(struct store *st, enum store_mode mode, struct deadline until, struct err *e)
{
	return store_begin(real(st), mode, until, e);
}

static int spy_get(struct store *st, enum store_kind kind, const char *ns, const char *name,
		   struct store_obj *ret, struct err *e)
{
	return store_get(real(st), kind, ns, name, ret, e);
}

static int spy_list(struct store *st, enum store_kind kind, const char *term, const char *from,
		    const char *to, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		    void *arg, struct err *e)
{
	return store_list(real(st), kind, term, from, to, each, arg, e);
}

static int spy_next_free(struct store *st, uint8_t ver, ip_num from, ip_num to, int64_t before, ip_num *ret,
			 struct err *e)
{
	return store_next_free(real(st), ver, from, to, before, ret, e);
}

static int spy_commit(struct store *st, const struct store_op *ops, size_t n, struct err *e)
{
	struct spy *s = (struct spy *)st;

	for (size_t i = 0; i < n; i++) {
		if (ops[i].kind == STORE_ENDPOINT)
			*(ops[i].behind ? &s->behind : &s->in_time) += 1;
		else
			assert_false(ops[i].behind);
		if (ops[i].kind == STORE_ATTACHMENT && ops[i].verb != STORE_DELETE)
			s->of_cluster |= strstr(ops[i].data, "owner") || strstr(ops[i].data, "hold") ||
					 strstr(ops[i].data, "endpoint") || strstr(ops[i].data, "detached") ||
					 strstr(ops[i].data, "cleanGateway");
	}
	return store_commit(s->real, ops, n, e);
}

static void spy_end(struct store *st)
{
	store_end(real(st));
}

static const struct store_impl spy_impl = {
	.begin = spy_begin,
	.get = spy_get,
	.list = spy_list,
	.next_free = spy_next_free,
	.commit = spy_commit,
	.end = spy_end,
};

static void what_may_be_written_behind(void **state)
{
	static const struct {
		const char *what;
		bool cluster, sts;
		int behind, in_time; /* of an ADD and its DEL */
	} rows[] = {
		{ "a pod that takes its address with it", true, false, 2, 0 },
		{ "what the next node must find", true, true, 0, 1 },
		{ "the local store", false, false, 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct cluster_pod p = rows[i].sts ? web0("c1", "u1") : (struct cluster_pod){ 0 };
		struct ipam_request r = cluster_request(&p);
		struct lab l;
		struct spy spy = { .st = { &spy_impl } };

		print_message("# row %zu: %s\n", i, rows[i].what);
		cluster_open(&l);
		lab_pool(&l, "a", A ", default: true");
		l.m.conf.cluster = rows[i].cluster;
		if (!rows[i].cluster)
			r.owner = (struct ipam_owner){ 0 };
		spy.real = l.st;
		l.m.st = &spy.st;
		EXPECT(lab_add(&l, &r), "10.0.0.1/24");
		lab_del(&l, "c1", "eth0");
		assert_int_equal(spy.behind, rows[i].behind);
		assert_int_equal(spy.in_time, rows[i].in_time);
		assert_int_equal(spy.of_cluster, rows[i].cluster);
		l.m.st = l.st;
		lab_close(&l);
	}
}

/* What a former pod of the name left is not this one's, and does not stay. */
static void a_stale_endpoint_is_replaced(void **state)
{
	struct cluster_pod p = { .annotations = POOL("a") };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	p.nic = "net1";
	EXPECT(cluster_add(&l, p), "10.0.0.2/24");
	p = (struct cluster_pod){ .container = "c2", .uid = "u2", .annotations = POOL("a") };
	EXPECT(cluster_add(&l, p), "10.0.0.3/24");
	EXPECT_PART(endpoint(&l, "p"), "\"uid\":\"u2\"");
	EXPECT_PART(endpoint(&l, "p"), "\"10.0.0.3/24\"");
	assert_null(strstr(endpoint(&l, "p"), "net1"));
	assert_null(strstr(endpoint(&l, "p"), "u1"));
	lab_del(&l, "c1", "eth0"); /* of the former pod, late */
	lab_del(&l, "c1", "net1");
	EXPECT_PART(endpoint(&l, "p"), "\"10.0.0.3/24\"");
	lab_del(&l, "c2", "eth0");
	EXPECT(endpoint(&l, "p"), "");
	/* nor is what a pod without a controller had a promise to the StatefulSet's */
	EXPECT(cluster_add(&l,
			   (struct cluster_pod){
				   .container = "x", .uid = "ux", .pod = "x", .annotations = POOL("a") }),
	       "10.0.0.4/24");
	p = (struct cluster_pod){ .container = "c4", .uid = "u4", .pod = "web-0", .annotations = POOL("a") };
	EXPECT(cluster_add(&l, p), "10.0.0.5/24");
	lab_del(&l, "x", "eth0");
	lose(&l, "10.0.0.4");
	lose(&l, "10.0.0.5");
	EXPECT(add_web0(&l, "c5", "u5", "eth0", ANNOTATION_IPPOOL, "{\"ipv4\":[\"a\"]}"), "10.0.0.4/24");
	assert_null(strstr(endpoint(&l, "web-0"), "ownerReferences"));
	lab_del(&l, "c4", "eth0");
	lab_close(&l);
}

/* An endpoint that is being deleted cannot be saved by an update. */
static void an_endpoint_that_is_going(void **state)
{
	static const char text[] =
		"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderEndpoint\","
		"\"metadata\":{\"name\":\"web-0\",\"namespace\":\"default\",\"uid\":\"endpoint-1\","
		"\"deletionTimestamp\":\"2026-01-01T00:00:00Z\","
		"\"finalizers\":[\"spiderpool.spidernet.io\"]},"
		"\"status\":{\"current\":{\"uid\":\"u1\",\"node\":\"n1\",\"ips\":["
		"{\"interface\":\"eth0\",\"ipv4\":\"10.0.0.7/24\",\"ipv4Pool\":\"a\"}]},"
		"\"ownerControllerType\":\"StatefulSet\",\"ownerControllerName\":\"web\"}}";
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	lab_put(&l, STORE_ENDPOINT, "default", "web-0", text);
	EXPECT(cluster_add(&l, web0("c2", "u2")), "10.0.0.7/24");
	assert_null(strstr(endpoint(&l, "web-0"), "deletionTimestamp"));
	assert_null(strstr(endpoint(&l, "web-0"), "endpoint-1"));
	EXPECT_PART(endpoint(&l, "web-0"), "\"uid\":\"u2\"");
	lab_close(&l);
}

/* ---- DEL of a pod that lives ---- */

static void detached_and_taken_over(void **state)
{
	struct cluster_pod p = { .annotations = { { ANNOTATION_IPPOOLS,
						    "[" NIC("eth0", "a") "," NIC("net1", "b") "]" } } };
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A);
	lab_pool(&l, "b", B);
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	p.nic = "net1";
	EXPECT(cluster_add(&l, p), "10.1.0.1/24");
	for (int again = 0; again < 2; again++)
		if (ipam_detach(&l.m, "net", "c1", "eth0", &l.e) < 0 ||
		    ipam_detach(&l.m, "net", "c1", "net1", &l.e) < 0 ||
		    ipam_detach(&l.m, "net", "nobody", "eth0", &l.e) < 0)
			fail_msg("%s", l.e.msg);
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c1");
	p.container = "c2";
	EXPECT(cluster_add(&l, p), "10.1.0.1/24");
	p.nic = "eth0";
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	lab_del(&l, "c1", "eth0"); /* late */
	EXPECT(lab_state(&l, "10.0.0.1"), "pod c2");
	if (ipam_detach(&l.m, "net", "c2", "eth0", &l.e) < 0)
		fail_msg("%s", l.e.msg);
	lab_del(&l, "c2", "eth0");
	lab_del(&l, "c2", "net1");
	EXPECT(lab_state(&l, "10.0.0.1"), "free");
	EXPECT(lab_state(&l, "10.1.0.1"), "free");
	lab_close(&l);
}

static bool is_detached(const struct ipam_attachment *a, void *arg)
{
	size_t *n = arg;

	*n += a->detached;
	return false;
}

static void detached_is_written_down(void **state)
{
	size_t n = 0, freed;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	cluster_add(&l, (struct cluster_pod){ 0 });
	if (ipam_detach(&l.m, "net", "c1", "eth0", &l.e) < 0 ||
	    ipam_sweep(&l.m, is_detached, &n, &freed, &l.e) < 0)
		fail_msg("%s", l.e.msg);
	assert_int_equal(n, 1);
	EXPECT(cluster_add(&l, (struct cluster_pod){ 0 }), "10.0.0.1/24"); /* that very container again */
	n = 0;
	if (ipam_sweep(&l.m, is_detached, &n, &freed, &l.e) < 0)
		fail_msg("%s", l.e.msg);
	assert_int_equal(n, 0);
	lab_close(&l);
}

/* What ipam_undo() and a repair make of an attachment keeps what keeps it. */
static void undone_and_mended(void **state)
{
	struct cluster_pod p = web0("c1", "u1"), again = web0("c2", "u1");
	struct ipam_request r = cluster_request(&again);
	struct ipam_attachment a;
	struct lab l;

	(void)state;
	cluster_open(&l);
	lab_pool(&l, "a", A ", default: true");
	EXPECT(cluster_add(&l, p), "10.0.0.1/24");
	l.m.until = deadline_in(60000);
	if (ipam_add(&l.m, &r, &a, &l.e) < 0 || ipam_undo(&l.m, &r, &a, &l.e) < 0)
		fail_msg("%s", l.e.msg);
	assert_true(a.ips.v[0].kept);
	ipam_attachment_clear(&a);
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c1");
	assert_int_equal(lab_fsck(&l, false), 0);
	l.quiet = true;
	lose(&l, "10.0.0.1");
	assert_int_equal(lab_fsck(&l, true), 2); /* the attachment's, the endpoint's */
	EXPECT(lab_state(&l, "10.0.0.1"), "sts c1");
	l.quiet = false;
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(L00008_address_stays),
		cmocka_unit_test(taken_over_from_a_lost_container),
		cmocka_unit_test(A00009_pool_changed),
		cmocka_unit_test(A00017_A00018_W6_nics_whose_pools_change),
		cmocka_unit_test(W5_record_is_gone),
		cmocka_unit_test(W5_record_is_anothers),
		cmocka_unit_test(W5_half_is_gone),
		cmocka_unit_test(a_vm_keeps_its_address),
		cmocka_unit_test(an_endpoint_of_a_cluster),
		cmocka_unit_test(what_may_be_written_behind),
		cmocka_unit_test(a_stale_endpoint_is_replaced),
		cmocka_unit_test(an_endpoint_that_is_going),
		cmocka_unit_test(detached_and_taken_over),
		cmocka_unit_test(detached_is_written_down),
		cmocka_unit_test(undone_and_mended),
		cmocka_unit_test(cut_off_between_block_and_endpoint),
	};

	return cmocka_run_group_tests_name("ipam: what is kept in a cluster", tests, NULL, NULL);
}
