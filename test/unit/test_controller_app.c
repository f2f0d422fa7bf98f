/* SPDX-License-Identifier: Apache-2.0 */
/* test_controller_app.c - what a workload asks for, how its pools are called, what is written */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Parts of the controller, not of the library. */
#include "../../cmd/controller/app_object.c"
#include "../../cmd/controller/app_name.c"
#include "../../cmd/controller/app_body.c"
#include "../../cmd/controller/app_want.c"
#include "../../cmd/controller/app_plan.c"

#define UID "0b5c2f4e-1111-2222-3333-446655440000"

static struct err err;

/* ---- workloads ---- */

#define META "\"metadata\":{\"namespace\":\"ns\",\"name\":\"web\",\"uid\":\"" UID "\"}"
#define TEMPLATE \
	"\"template\":{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/subnet\":\"S\",\"x\":\"y\"}}}"
#define HOST \
	"\"template\":{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/subnet\":\"S\"}},\"spec\":{\"hostNetwork\":true}}"
#define OWNED(v, k) \
	"\"metadata\":{\"namespace\":\"ns\",\"name\":\"web\",\"uid\":\"u\",\"ownerReferences\":[{\"apiVersion\":\"" v \
	"\",\"kind\":\"" k "\",\"name\":\"o\",\"uid\":\"x\",\"controller\":true}]}"

static const struct {
	const char *name;
	enum app_kind kind;
	const char *text;
	int r;
	bool asks;
	int64_t replicas;
} objects[] = {
	{ "Deployment", APP_DEPLOYMENT, "{" META ",\"spec\":{\"replicas\":3," TEMPLATE "}}", 1, true, 3 },
	{ "no replicas", APP_DEPLOYMENT, "{" META ",\"spec\":{" TEMPLATE "}}", 1, true, 0 },
	{ "negative", APP_DEPLOYMENT, "{" META ",\"spec\":{\"replicas\":-3," TEMPLATE "}}", 1, true, 0 },
	{ "no template", APP_STATEFULSET, "{" META ",\"spec\":{\"replicas\":2}}", 1, false, 2 },
	{ "host's network", APP_DEPLOYMENT, "{" META ",\"spec\":{\"replicas\":3," HOST "}}", 1, false, 3 },
	{ "ReplicaSet of a Deployment", APP_REPLICASET, "{" OWNED("apps/v1", "Deployment") "}", 0, false, 0 },
	{ "ReplicaSet of another", APP_REPLICASET,
	  "{" OWNED("argoproj.io/v1alpha1", "Rollout") ",\"spec\":{\"replicas\":4," TEMPLATE "}}", 1, true,
	  4 },
	{ "DaemonSet, new", APP_DAEMONSET, "{" META ",\"spec\":{" TEMPLATE "}}", 1, true, 0 },
	{ "DaemonSet", APP_DAEMONSET,
	  "{" META ",\"spec\":{\"replicas\":9," TEMPLATE "},\"status\":{\"desiredNumberScheduled\":5}}", 1,
	  true, 5 },
	{ "Job", APP_JOB, "{" META ",\"spec\":{" TEMPLATE "}}", 1, true, 1 },
	{ "Job, completions", APP_JOB,
	  "{" META ",\"spec\":{\"completions\":7,\"parallelism\":2," TEMPLATE "}}", 1, true, 7 },
	{ "Job, parallelism", APP_JOB, "{" META ",\"spec\":{\"parallelism\":2," TEMPLATE "}}", 1, true, 2 },
	{ "Job, none", APP_JOB, "{" META ",\"spec\":{\"completions\":0," TEMPLATE "}}", 1, true, 1 },
	{ "Job of a CronJob", APP_JOB, "{" OWNED("batch/v1beta1", "CronJob") "}", 0, false, 0 },
	{ "Job of another", APP_JOB, "{" OWNED("kubeflow.org/v1", "TrainJob") ",\"spec\":{" TEMPLATE "}}", 1,
	  true, 1 },
	{ "CronJob", APP_CRONJOB,
	  "{" META ",\"spec\":{\"jobTemplate\":{\"spec\":{\"parallelism\":3," TEMPLATE "}}}}", 1, true, 3 },
	{ "CronJob, one", APP_CRONJOB, "{" META ",\"spec\":{\"jobTemplate\":{\"spec\":{" TEMPLATE "}}}}", 1,
	  true, 1 },
	{ "no UID", APP_DEPLOYMENT, "{\"metadata\":{\"namespace\":\"ns\",\"name\":\"web\"}}", 0, false, 0 },
};

static void test_objects(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(objects); i++) {
		struct app_object o;
		struct app a, copy;

		if (json_decode_text(&app_object_table, objects[i].text, strlen(objects[i].text), "row", &o,
				     &err) < 0)
			fail_msg("%s: %s", objects[i].name, err.msg);
		if (app_read(objects[i].kind, "g/v7", &o, &a, &err) != objects[i].r ||
		    a.replicas != objects[i].replicas || app_asks(&a) != objects[i].asks)
			fail_msg("%s: replicas %lld, asks %d", objects[i].name, (long long)a.replicas,
				 app_asks(&a));
		if (objects[i].r) {
			assert_int_equal(app_copy(&a, &copy, &err), 0);
			assert_string_equal(copy.api_version, "g/v7");
			assert_true(app_annotations_equal(&a.annotations, &copy.annotations));
			app_clear(&copy);
		}
		app_clear(&a);
		json_clear(&app_object_table, &o);
	}
}

/* ---- wants ---- */

#define ONE(s) "{\"ipv4\":[\"" s "\"]}"
#define DUAL   "{\"ipv4\":[\"s4\"],\"ipv6\":[\"s6\"]}"
#define TWO_NICS \
	"[{\"interface\":\"eth0\",\"ipv4\":[\"a\",\"b\"]},{\"interface\":\"net1\",\"ipv4\":[\"c\"],\"ipv6\":[\"d\"]}]"

static const struct {
	const char *name, *kind, *subnet, *subnets, *number, *reclaim;
	const char *want; /* interface/family/subnet/size/annotation/reclaim, one after another; or the
			     sentence */
	bool no_v6, off;
} wants[] = {
	{ "one", "Deployment", ONE("s"), NULL, NULL, NULL, "eth0/4/s/4/+1/1 ", false, false },
	{ "dual", "Deployment", DUAL, NULL, NULL, NULL, "eth0/4/s4/4/+1/1 eth0/6/s6/4/+1/1 ", false, false },
	{ "a family switched off", "Deployment", DUAL, NULL, NULL, NULL, "eth0/4/s4/4/+1/1 ", true, false },
	{ "only the family switched off", "Deployment", "{\"ipv6\":[\"s\"]}", NULL, NULL, NULL, "", true,
	  false },
	{ "fixed", "Deployment", ONE("s"), NULL, "10", NULL, "eth0/4/s/10/10/1 ", false, false },
	{ "fixed, zeros", "Deployment", ONE("s"), NULL, "007", NULL, "eth0/4/s/7/7/1 ", false, false },
	{ "flexible", "Deployment", ONE("s"), NULL, "+2", NULL, "eth0/4/s/5/+2/1 ", false, false },
	{ "text in front", "Deployment", ONE("s"), NULL, "abc+2", NULL, "eth0/4/s/5/+2/1 ", false, false },
	{ "none more", "Deployment", ONE("s"), NULL, "+0", "false", "eth0/4/s/3/+0/0 ", false, false },
	{ "F", "Deployment", ONE("s"), NULL, "+0", "F", "eth0/4/s/3/+0/0 ", false, false },
	{ "T", "Deployment", ONE("s"), NULL, "+0", "T", "eth0/4/s/3/+0/1 ", false, false },
	{ "another interface", "Deployment", "{\"interface\":\"net7\",\"ipv4\":[\"s\"]}", NULL, NULL, NULL,
	  "net7/4/s/4/+1/1 ", false, false },
	{ "subnets", "Deployment", ONE("unused"), TWO_NICS, NULL, NULL,
	  "eth0/4/a/4/+1/1 net1/4/c/4/+1/1 net1/6/d/4/+1/1 ", false, false },
	{ "feature off", "Deployment", ONE("s"), NULL, NULL, NULL, "", false, true },
	{ "nothing asked", "Deployment", NULL, NULL, "5", NULL, "", false, false },
	{ "a CronJob of any version", "CronJob", ONE("s"), NULL, NULL, NULL, "eth0/4/s/4/+1/1 ", false,
	  false },
	{ "no number of another's", "CloneSet", ONE("s"), NULL, NULL, NULL, "ippool-ip-number", false,
	  false },
	{ "fixed of another's", "CloneSet", ONE("s"), NULL, "6", NULL, "eth0/4/s/6/6/1 ", false, false },
	{ "flexible of another's", "CloneSet", ONE("s"), NULL, "+6", NULL, "eth0/4/s/9/+6/1 ", false, false },
	{ "no JSON", "Deployment", "{", NULL, NULL, NULL, "ipam.spidernet.io/subnet", false, false },
	{ "no names", "Deployment", "{}", NULL, NULL, NULL, "names no subnet", false, false },
	{ "an empty list", "Deployment", NULL, "[]", NULL, NULL, "no subnet is specified", false, false },
	{ "an interface twice", "Deployment", NULL,
	  "[{\"interface\":\"a\",\"ipv4\":[\"a\"]},{\"interface\":\"a\",\"ipv4\":[\"b\"]}]", NULL, NULL,
	  "named twice", false, false },
	{ "no interface", "Deployment", NULL, "[{\"ipv4\":[\"a\"]}]", NULL, NULL, "no name of an interface",
	  false, false },
	{ "negative", "Deployment", ONE("s"), NULL, "-1", NULL, "no number of addresses", false, false },
	{ "two signs", "Deployment", ONE("s"), NULL, "++1", NULL, "no number of addresses", false, false },
	{ "no bool", "Deployment", ONE("s"), NULL, NULL, "yes", "want true or false", false, false },
};

static void show_wants(const struct app_wants *w, struct buf *out)
{
	for (size_t i = 0; i < w->n; i++)
		buf_fmt(out, "%s/%u/%s/%lld/%s/%d ", w->v[i].interface, w->v[i].ver, w->v[i].subnet,
			(long long)w->v[i].size, w->v[i].number, w->v[i].reclaim);
}

static const char *version_of(const char *kind)
{
	return !strcmp(kind, "CronJob")    ? "batch/v1beta1"
	       : !strcmp(kind, "CloneSet") ? "apps.kruise.io/v1alpha1"
					   : "apps/v1";
}

static void test_wants(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wants); i++) {
		const struct ipam_owner id = { version_of(wants[i].kind), wants[i].kind, "ns", "web", UID };
		const struct app_annotations annotations = { (char *)wants[i].subnet,
							     (char *)wants[i].subnets,
							     (char *)wants[i].number,
							     (char *)wants[i].reclaim };
		const struct daemon_file f = { .enable_ipv4 = true,
					       .enable_ipv6 = !wants[i].no_v6,
					       .enable_subnet = true,
					       .enable_auto_pool = !wants[i].off,
					       .flexible_number = 1 };
		struct buf shown = BUF_INIT(4096);
		struct app_wants w;
		struct app a;
		int r;

		assert_int_equal(app_make(&id, &a, &err), 0);
		a.replicas = 3;
		assert_int_equal(app_annotations_copy(&annotations, &a.annotations, &err), 0);
		r = app_wants(&a, &f, &w, &err);
		show_wants(&w, &shown);
		if (r < 0 ? !strstr(err.msg, wants[i].want) || w.n
			  : strcmp(buf_cstr(&shown), wants[i].want) != 0)
			fail_msg("%s: %d %s %s", wants[i].name, r, buf_cstr(&shown), r < 0 ? err.msg : "");
		buf_clear(&shown);
		app_clear(&a);
	}
}

/* ---- names ---- */

static struct app sample(const char *version, const char *kind, const char *name, const char *uid)
{
	const struct ipam_owner id = { version, kind, "ns", name, uid };
	struct app a;

	assert_int_equal(app_make(&id, &a, &err), 0);
	return a;
}

static struct app_want sample_want(const char *interface, uint8_t ver, const char *subnet)
{
	struct app_want w = { .ver = ver, .size = 5, .number = "+1", .reclaim = true };

	snprintf(w.interface, sizeof(w.interface), "%s", interface);
	snprintf(w.subnet, sizeof(w.subnet), "%s", subnet);
	return w;
}

#define A50  "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
#define A250 A50 A50 A50 A50 A50

static const struct {
	const char *name, *interface, *uid;
	uint8_t ver;
	unsigned n;
	const char *want;
} names[] = {
	{ "web", "eth0", UID, 4, 0, "auto4-web-eth0-44665" },
	{ "web", "eth0", UID, 6, 1, "auto6-web-eth0-446655" },
	{ "web", "eth0", UID, 4, 7, "auto4-web-eth0-446655440000" },
	{ "web.v1", "Net_1", "ABCDEF", 4, 0, "auto4-web.v1-net-1-abcde" },
	{ "web", "eth0.100", UID, 4, 0, "auto4-web-eth0-100-44665" },
	{ A250, "eth0", UID, 4, 0, NULL },
	{ A50 A50 A50 A50 "aaaaaaaaaabbbbbbbbbbccccccccccddddd.f", "eth0", UID, 4, 0, NULL },
	{ A250, "net1234567890ab", UID, 6, 8, NULL },
};

static void test_names(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct app a = sample("apps/v1", "Deployment", names[i].name, names[i].uid);
		struct app_want w = sample_want(names[i].interface, names[i].ver, "s");
		char out[STORE_NAME_MAX + 1], *bad;

		assert_true(app_pool_name(&a, &w, names[i].n, out));
		if (names[i].want ? strcmp(out, names[i].want) != 0 : strlen(out) > 253 || strlen(out) < 240)
			fail_msg("%s: %s (%zu)", names[i].name, out, strlen(out));
		bad = strstr(out, ".-");
		if (bad || strstr(out, "-."))
			fail_msg("%s: %s: no name of an object", names[i].name, out);
		assert_false(app_pool_name(&a, &w, APP_NAMES, out));
		app_clear(&a);
	}
}

/* The last name differs in everything that makes another pool of it. */
static void test_last_names(void **state)
{
	struct app a = sample("apps/v1", "Deployment", "web", UID),
		   b = sample("apps/v1", "StatefulSet", "web", UID);
	struct app_want w = sample_want("eth0", 4, "s"), w2 = sample_want("eth0", 4, "t");
	char one[STORE_NAME_MAX + 1], two[STORE_NAME_MAX + 1];

	(void)state;
	assert_true(app_pool_name(&a, &w, APP_NAMES - 1, one));
	assert_true(app_pool_name(&b, &w, APP_NAMES - 1, two));
	assert_string_not_equal(one, two);
	assert_true(app_pool_name(&a, &w2, APP_NAMES - 1, two));
	assert_string_not_equal(one, two);
	app_clear(&a);
	app_clear(&b);
}

/* ---- what is written ---- */

static struct api_ippool *pool_of(const char *text)
{
	struct api_ippool *p = calloc(1, sizeof(*p));

	assert_non_null(p);
	if (api_decode_text(API_IPPOOL, text, strlen(text), "pool", p, &err) < 0)
		fail_msg("%s: %s", err.msg, text);
	return p;
}

static void pool_free(struct api_ippool *p)
{
	api_free(API_IPPOOL, &p->obj);
}

static struct api_subnet subnet_of(const char *text)
{
	struct api_subnet s;

	if (api_decode_text(API_SUBNET, text, strlen(text), "subnet", &s, &err) < 0)
		fail_msg("%s: %s", err.msg, text);
	return s;
}

#define SUBNET \
	"{\"metadata\":{\"name\":\"s\",\"uid\":\"su\"},\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":" \
	"[\"10.0.0.10-10.0.0.99\"],\"excludeIPs\":[\"10.0.0.50\"],\"gateway\":\"10.0.0.1\"," \
	"\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}]}}"

static struct ip_set set_of(const char *range)
{
	struct ip_set s;

	assert_int_equal(ip_set_parse(&range, 1, strchr(range, ':') ? 6 : 4, &s, &err), 0);
	return s;
}

static const char created[] =
	"{\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderIPPool\",\"metadata\":{"
	"\"name\":\"auto4-web-eth0-44665\",\"labels\":{\"ipam.spidernet.io/owner-spider-subnet\":\"s\","
	"\"ipam.spidernet.io/owner-application-gv\":\"apps_v1\","
	"\"ipam.spidernet.io/owner-application-kind\":\"Deployment\","
	"\"ipam.spidernet.io/owner-application-namespace\":\"ns\","
	"\"ipam.spidernet.io/owner-application-name\":\"web\","
	"\"ipam.spidernet.io/owner-application-uid\":\"" UID "\",\"ipam.spidernet.io/interface\":\"eth0\","
	"\"ipam.spidernet.io/ippool-reclaim\":\"true\",\"ipam.spidernet.io/ip-version\":\"IPv4\","
	"\"ipam.spidernet.io/ippool-cidr\":\"10-0-0-0-24\"},"
	"\"annotations\":{\"ipam.spidernet.io/ippool-ip-number\":\"+1\"},"
	"\"finalizers\":[\"spiderpool.spidernet.io\"],\"ownerReferences\":[{"
	"\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\",\"kind\":\"SpiderSubnet\",\"name\":\"s\","
	"\"uid\":\"su\",\"controller\":true,\"blockOwnerDeletion\":true}]},"
	"\"spec\":{\"subnet\":\"10.0.0.0/24\",\"ips\":[\"10.0.0.10-10.0.0.14\"],\"gateway\":\"10.0.0.1\","
	"\"routes\":[{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.0.0.2\"}],\"ipVersion\":4,"
	"\"podAffinity\":{\"matchLabels\":{"
	"\"ipam.spidernet.io/app-api-version\":\"v1\",\"ipam.spidernet.io/app-api-group\":\"apps\",\"ipam.spidernet.io/app-kind\":\"Deployment\","
	"\"ipam.spidernet.io/app-namespace\":\"ns\",\"ipam.spidernet.io/app-name\":\"web\"}}}}";

static void test_create(void **state)
{
	struct app a = sample("apps/v1", "Deployment", "web", UID);
	struct app_want w = sample_want("eth0", 4, "s");
	struct api_subnet s = subnet_of(SUBNET);
	struct ip_set ips = set_of("10.0.0.10-10.0.0.14");
	struct buf out = BUF_INIT(1 << 16);
	struct api_ippool *p;
	char key[APP_KEY_MAX];

	(void)state;
	assert_int_equal(app_body_create(&a, &w, &s, "auto4-web-eth0-44665", &ips, &out, &err), 0);
	assert_string_equal(buf_cstr(&out), created);
	p = pool_of(buf_cstr(&out));
	assert_string_equal(app_pool_key(p, key), "apps|Deployment|ns|web");
	assert_true(app_pool_serves(p, &w));
	assert_true(app_pool_of_uid(p, UID));
	pool_free(p);
	ip_set_clear(&ips);
	buf_clear(&out);
	api_clear(API_SUBNET, &s);
	app_clear(&a);
}

static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	struct buf b = BUF_INIT(1 << 16);

	assert_non_null(at);
	buf_add(&b, text, (size_t)(at - text));
	buf_str(&b, to);
	buf_str(&b, at + strlen(from));
	return b.s;
}

/* A pool that somebody wrote by hand: an application that lacks a part of its name is nobody. */
static void test_nobodys(void **state)
{
	static const char *const parts[] = { "app-api-version\":\"v1", "app-kind\":\"Deployment",
					     "app-namespace\":\"ns", "app-name\":\"web" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		CLEANUP(free_p) char *to = strdup(parts[i]);
		CLEANUP(free_p) char *text = NULL;
		struct ipam_owner o;
		struct api_ippool *p;
		char version[STORE_NAME_MAX + 1], key[APP_KEY_MAX];

		strrchr(to, '"')[1] = '\0';
		text = replaced(created, parts[i], to);
		p = pool_of(text);
		if (app_pool_owner(p, version, &o) || *app_pool_key(p, key))
			fail_msg("%s: %s", to, key);
		pool_free(p);
	}
}

/* What is told of it, of names longer than labels may be: the agent's rules and the API server's hold. */
static void test_long(void **state)
{
	struct app a = sample("very.long.group.of.somebody.with.much.time.and.many.dots.example.com/v1alpha1",
			      "ReplicationController", A50 "." A50 "." A50, UID);
	struct app_want w = sample_want("eth0", 6, A50 "." A50);
	struct api_subnet s = subnet_of(
		"{\"metadata\":{\"name\":\"" A50 "." A50
		"\",\"uid\":\"su\"},\"spec\":{\"subnet\":\"fd00::/112\",\"ips\":[\"fd00::10-fd00::99\"]}}");
	struct ip_set ips = set_of("fd00::10-fd00::14");
	struct buf out = BUF_INIT(1 << 16);
	struct api_ippool *p;
	char key[APP_KEY_MAX], own[APP_KEY_MAX], name[STORE_NAME_MAX + 1];
	struct api_world world = {
		.enable_ipv4 = true, .enable_ipv6 = true, .enable_subnet = true, .by_controller = true
	};

	(void)state;
	assert_true(app_pool_name(&a, &w, 0, name));
	assert_int_equal(app_body_create(&a, &w, &s, name, &ips, &out, &err), 0);
	p = pool_of(buf_cstr(&out));
	assert_string_equal(app_pool_key(p, key), app_key(a.api_version, a.kind, a.ns, a.name, own));
	assert_true(app_pool_serves(p, &w));
	for (size_t i = 0; i < p->obj.meta.labels.n; i++)
		assert_true(strlen(p->obj.meta.labels.v[i].value) < API_LABEL_MAX);
	if (api_default(API_IPPOOL, p, &world, &err) < 0 ||
	    api_validate_create(API_IPPOOL, p, &world, &err) < 0)
		fail_msg("%s", err.msg);
	pool_free(p);
	ip_set_clear(&ips);
	buf_clear(&out);
	api_clear(API_SUBNET, &s);
	app_clear(&a);
}

/* ---- of the core group (weak spot 14) ---- */

static void test_core(void **state)
{
	struct app a = sample("v1", "ReplicationController", "rc", UID);
	struct json_map m = { 0 };
	char key[APP_KEY_MAX];

	(void)state;
	assert_int_equal(app_pool_affinity(&a, &m, &err), 0);
	assert_null(json_map_get(&m, "ipam.spidernet.io/app-api-group"));
	assert_string_equal(json_map_get(&m, "ipam.spidernet.io/app-api-version"), "v1");
	assert_string_equal(app_key("v1", "ReplicationController", "ns", "rc", key),
			    "|ReplicationController|ns|rc");
	json_map_clear(&m);
	app_clear(&a);
}

/* ---- changes ---- */

#define VERSIONED "\"metadata\":{\"uid\":\"pu\",\"resourceVersion\":\"9\","

static const struct {
	const char *name, *from, *to, *ips, *want;
} updates[] = {
	{ "as it is", "\"metadata\":{", VERSIONED, NULL, NULL },
	{ "addresses", "\"metadata\":{", VERSIONED, "10.0.0.11-10.0.0.12",
	  "{\"metadata\":{\"uid\":\"pu\",\"resourceVersion\":\"9\"},\"spec\":{\"ips\":[\"10.0.0.11-10.0.0.12\"]}}" },
	{ "another application's of the name", "uid\":\"" UID, "uid\":\"old", NULL,
	  "{\"metadata\":{\"labels\":{\"ipam.spidernet.io/owner-application-uid\":\"" UID
	  "\"},\"uid\":\"pu\",\"resourceVersion\":\"9\"}}" },
	{ "kept until now", "reclaim\":\"true", "reclaim\":\"false", NULL,
	  "{\"metadata\":{\"labels\":{\"ipam.spidernet.io/ippool-reclaim\":\"true\"},\"uid\":\"pu\","
	  "\"resourceVersion\":\"9\"}}" },
	{ "another number, and somebody's annotation", "\"ipam.spidernet.io/ippool-ip-number\":\"+1\"",
	  "\"mine\":\"x\"", NULL,
	  "{\"metadata\":{\"annotations\":{\"ipam.spidernet.io/ippool-ip-number\":\"+1\"},\"uid\":\"pu\","
	  "\"resourceVersion\":\"9\"}}" },
	{ "excluded by somebody", "\"gateway\":", "\"excludeIPs\":[\"10.0.0.10\"],\"gateway\":", "10.0.0.11",
	  "{\"metadata\":{\"uid\":\"pu\",\"resourceVersion\":\"9\"},\"spec\":{\"ips\":[\"10.0.0.11\"],\"excludeIPs\":null}}" },
	{ "of another version", "app-api-version\":\"v1\"", "app-api-version\":\"v1beta1\"", NULL,
	  "{\"metadata\":{\"uid\":\"pu\",\"resourceVersion\":\"9\"},\"spec\":{\"podAffinity\":{\"matchLabels\":{"
	  "\"ipam.spidernet.io/app-api-version\":\"v1\"}}}}" },
};

static void test_updates(void **state)
{
	struct app a = sample("apps/v1", "Deployment", "web", UID);
	struct app_want w = sample_want("eth0", 4, "s");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(updates); i++) {
		char *versioned = replaced(created, "\"metadata\":{", VERSIONED);
		char *text = i && strcmp(updates[i].to, VERSIONED) != 0
				     ? replaced(versioned, updates[i].from, updates[i].to)
				     : strdup(versioned);
		struct api_ippool *p = pool_of(text);
		struct ip_set ips = updates[i].ips ? set_of(updates[i].ips) : (struct ip_set){ 0 };
		struct buf out = BUF_INIT(1 << 16);
		int r = app_body_update(&a, &w, p, updates[i].ips ? &ips : NULL, &out, &err);

		if (r != (updates[i].want != NULL) || (r && strcmp(buf_cstr(&out), updates[i].want) != 0))
			fail_msg("%s: %d %s", updates[i].name, r, buf_cstr(&out));
		buf_clear(&out);
		ip_set_clear(&ips);
		pool_free(p);
		free(text);
		free(versioned);
	}
	app_clear(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects), cmocka_unit_test(test_wants),
		cmocka_unit_test(test_names),   cmocka_unit_test(test_last_names),
		cmocka_unit_test(test_create),  cmocka_unit_test(test_long),
		cmocka_unit_test(test_nobodys), cmocka_unit_test(test_core),
		cmocka_unit_test(test_updates),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
