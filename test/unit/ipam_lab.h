/* SPDX-License-Identifier: Apache-2.0 */
/* ipam_lab.h - an engine on a local store of its own, for tests: manifests in, one-line answers out */
#ifndef TEST_IPAM_LAB_H
#define TEST_IPAM_LAB_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/own.h"
#include "ipam/admin.h"
#include "ipam/candidates.h"
#include "ipam/fsck.h"
#include "ipam/ipam.h"
#include "ipam/txn.h"
#include "ipam/usage.h"
#include "store/local.h"
#include "yaml/yaml.h"

struct lab {
	char dir[64];
	struct store *st;
	struct ipam m;
	struct err e;
	char text[4096]; /* the last answer */
	size_t findings;
	bool quiet; /* findings are expected */
};

static inline void lab_remove(struct lab *l)
{
	char cmd[128];

	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", l->dir);
	assert_int_equal(system(cmd), 0);
}

static inline void lab_reopen(struct lab *l)
{
	const struct store_local_opts o = { .dir = l->dir, .create = true, .relaxed = true };

	store_close(l->st);
	l->st = NULL;
	if (store_local_open(&o, deadline_in(10000), &l->st, &l->e) < 0)
		fail_msg("open: %s", l->e.msg);
	l->m.st = l->st;
	l->m.until = deadline_in(60000);
}

/* A new store on tmpfs. */
static inline void lab_open(struct lab *l)
{
	*l = (struct lab){ .dir = "/dev/shm/spiderpool-test-XXXXXX" };
	assert_non_null(mkdtemp(l->dir));
	l->m.conf = (struct ipam_conf){ .cooldown_ms = IPAM_COOLDOWN_MS,
					.quarantine_ms = IPAM_QUARANTINE_MS,
					.ring_key = "" };
	lab_reopen(l);
}

static inline void lab_found(const char *sentence, bool repaired, void *arg)
{
	struct lab *l = arg;

	l->findings++;
	if (!l->quiet)
		print_error("fsck: %s%s\n", sentence, repaired ? " (mended)" : "");
}

static inline void lab_found_raw(const char *sentence, void *arg)
{
	lab_found(sentence, false, arg);
}

struct lab_object {
	enum store_kind kind;
	const char *ns, *name, *text;
};

static inline int lab_put_body(struct txn *t, void *arg, struct err *e)
{
	const struct lab_object *p = arg;
	struct buf v = BUF_INIT(STORE_VALUE_MAX);
	struct store_obj o = { 0 };
	int r = store_get(t->m->st, p->kind, p->ns, p->name, &o, e);

	buf_str(&v, p->text);
	return r < 0 ? r : txn_put(t, p->kind, p->ns, p->name, o.version, &v, e);
}

/* Writes behind the engine's back: what damage, or an older release, may have left. */
static inline void lab_put(struct lab *l, enum store_kind kind, const char *ns, const char *name,
			   const char *text)
{
	struct lab_object o = { kind, ns, name, text };

	if (txn_run(&l->m, STORE_WRITE, lab_put_body, &o, &l->e) < 0)
		fail_msg("put: %s", l->e.msg);
}

/* Number of findings of all checks. */
static inline int lab_fsck(struct lab *l, bool repair)
{
	const struct ipam_fsck f = { .repair = repair, .found = lab_found, .arg = l };
	int raw, r;

	l->findings = 0;
	l->m.until = deadline_in(60000);
	raw = store_local_verify(l->st, false, lab_found_raw, l, &l->e);
	r = ipam_fsck(&l->m, &f, &l->e);
	if (raw < 0 || r < 0)
		fail_msg("fsck: %s", l->e.msg);
	return raw + r;
}

/* Every test leaves a store that fsck likes. */
static inline void lab_close(struct lab *l)
{
	assert_int_equal(lab_fsck(l, false), 0);
	store_close(l->st);
	lab_remove(l);
}

static inline int lab_apply_one(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct lab *l = arg;
	enum api_kind kind;
	enum admin_result r;

	(void)line;
	return admin_apply(&l->m, o, "manifest", NULL, &kind, NULL, &r, e);
}

/* 0, or a negative errno with the sentence in l->e. */
static inline int lab_try_apply(struct lab *l, const char *yaml)
{
	return yaml_parse(yaml, strlen(yaml), "manifest", lab_apply_one, l, &l->e);
}

static inline void lab_apply(struct lab *l, const char *yaml)
{
	if (lab_try_apply(l, yaml) < 0)
		fail_msg("apply: %s", l->e.msg);
}

/* Shorthand for a pool; spec is flow YAML without braces: "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]". */
static inline void lab_pool(struct lab *l, const char *name, const char *spec)
{
	char yaml[4096];

	snprintf(yaml, sizeof(yaml),
		 "apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: "
		 "%s}\nspec: {%s}\n",
		 name, spec);
	lab_apply(l, yaml);
}

static inline struct ipam_request lab_request(const char *container, const char *nic)
{
	return (struct ipam_request){ .network = "net",
				      .container = container,
				      .nic = nic,
				      .netns_path = "",
				      .netns_id = "",
				      .node = "n1",
				      .boot = "boot-1",
				      .ns = "",
				      .pod = "",
				      .uid = "",
				      .mac = "" };
}

/* The same for a pod. */
static inline struct ipam_request lab_pod(const char *container, const char *nic, const char *pod,
					  const char *uid)
{
	struct ipam_request r = lab_request(container, nic);

	r.ns = "default";
	r.pod = pod;
	r.uid = uid;
	return r;
}

/* A list that ends in NULL. */
static inline struct json_strv lab_strv(const char *const *v)
{
	struct json_strv l = { .v = (char **)v, .set = true };

	while (v[l.n])
		l.n++;
	return l;
}

/* A pod's only annotation. */
static inline struct json_map lab_annotation(struct json_map_entry *entry, const char *key, const char *value)
{
	*entry = (struct json_map_entry){ (char *)key, (char *)value };
	return (struct json_map){ entry, 1, true };
}

static inline void lab_describe(struct lab *l, const struct ipam_attachment *a)
{
	size_t n = 0;

	l->text[0] = '\0';
	for (size_t i = 0; i < a->ips.n; i++)
		n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, "%s%s", n ? " " : "",
				      a->ips.v[i].address);
	for (size_t i = 0; i < a->routes.n; i++)
		n += (size_t)snprintf(l->text + n, sizeof(l->text) - n, " %s>%s", a->routes.v[i].dst,
				      a->routes.v[i].gw);
}

/* "10.0.0.1/24 fd00::1/64 0.0.0.0/0>10.0.0.254", or the error's sentence. */
static inline const char *lab_add(struct lab *l, const struct ipam_request *req)
{
	struct ipam_attachment a;
	struct err e;

	l->m.until = deadline_in(60000);
	if (ipam_add(&l->m, req, &a, &e) < 0) {
		l->e = e;
		snprintf(l->text, sizeof(l->text), "%s", e.msg);
		return l->text;
	}
	lab_describe(l, &a);
	ipam_attachment_clear(&a);
	return l->text;
}

static inline void lab_del(struct lab *l, const char *container, const char *nic)
{
	if (ipam_del(&l->m, "net", container, nic, &l->e) < 0)
		fail_msg("del: %s", l->e.msg);
}

static inline struct ip lab_ip(const char *text)
{
	struct ip ip;
	struct err e;

	if (ip_parse(text, &ip, &e) < 0)
		fail_msg("%s", e.msg);
	return ip;
}

static inline int lab_state_found(const struct ipam_found *f, void *arg, struct err *e)
{
	struct lab *l = arg;

	(void)e;
	snprintf(l->text, sizeof(l->text), "%s%s%s%s", hold_name(f->rec->hold),
		 f->rec->container[0] ? " " : "", f->rec->container,
		 f->rec->unconfirmed ? " unconfirmed" : "");
	return 1;
}

/* The answer, with "?" for an address that is to be probed before use. */
static inline const char *lab_add_probe(struct lab *l, const struct ipam_request *req)
{
	struct ipam_attachment a;

	if (ipam_add(&l->m, req, &a, &l->e) < 0)
		return l->e.msg;
	snprintf(l->text, sizeof(l->text), "%s%s", a.ips.v[0].address, a.ips.v[0].probe ? "?" : "");
	ipam_attachment_clear(&a);
	return l->text;
}

/* What the address's record says: "none", "free", "free unconfirmed", "pod c1", "pin c1",
 * "pin". */
static inline const char *lab_state(struct lab *l, const char *address)
{
	struct ip ip = lab_ip(address);
	struct ip_set set = { .ver = ip.ver };

	snprintf(l->text, sizeof(l->text), "none");
	if (ip_set_add(&set, (struct ip_range){ ip.n, ip.n }, &l->e) < 0 ||
	    ipam_records(&l->m, &set, lab_state_found, l, &l->e) < 0)
		fail_msg("%s", l->e.msg);
	ip_set_clear(&set);
	return l->text;
}

static inline void expect(const char *got, const char *want, const char *file, int line)
{
	if (strcmp(got, want) != 0)
		fail_msg("%s:%d: got \"%s\", want \"%s\"", file, line, got, want);
}
#define EXPECT(got, want) expect((got), (want), __FILE__, __LINE__)

static inline void expect_part(const char *got, const char *part, const char *file, int line)
{
	if (!strstr(got, part))
		fail_msg("%s:%d: \"%s\" is not in \"%s\"", file, line, part, got);
}
#define EXPECT_PART(got, part) expect_part((got), (part), __FILE__, __LINE__)

#endif
