/* SPDX-License-Identifier: Apache-2.0 */
/* lab.h - for tests against a real kube-apiserver: its client, and ways to trouble it
 *
 * Run beside the control plane (e2e/kube/20-client.bats): KUBECONFIG and KUBE_DIR are of its instance,
 * CLUSTER is e2e/kube/cluster.sh.
 */
#ifndef TEST_KUBE_LAB_H
#define TEST_KUBE_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "json/json.h"
#include "kube/object.h"

#define AMPLE 60000 /* ms; for what must succeed */

static const struct kube_resource lab_configmaps = { "", "v1", "configmaps", "ConfigMap", true };

static inline const char *lab_env(const char *name)
{
	const char *v = getenv(name);

	if (!v)
		fail_msg("%s is not set: these tests are run by e2e/kube/20-client.bats", name);
	return v;
}

/* Fails the test with the sentence. */
static inline int ok(int r, const struct err *e)
{
	if (r < 0)
		fail_msg("%d: %s", r, e->msg);
	return r;
}

static inline struct kube *lab_open_as(unsigned flags)
{
	struct kube_config conf;
	struct kube *k = NULL;
	struct err e;

	ok(kube_config_file(lab_env("KUBECONFIG"), NULL, 0, &conf, &e), &e);
	ok(kube_open(&conf, flags, &k, &e), &e);
	kube_config_clear(&conf);
	return k;
}

static inline struct kube *lab_open(void)
{
	return lab_open_as(0);
}

/* "stop kube-apiserver" */
static inline void lab_cluster(const char *command)
{
	char line[1024];

	snprintf(line, sizeof(line), "'%s' %s >&2", lab_env("CLUSTER"), command);
	if (system(line) != 0)
		fail_msg("failed: %s", line);
}

static inline pid_t lab_pid(const char *service)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(64);
	char path[512];
	struct err e;

	snprintf(path, sizeof(path), "%s/services/%s.pid", lab_env("KUBE_DIR"), service);
	ok(file_read(AT_FDCWD, path, 64, &text, &e), &e);
	return (pid_t)atoi(buf_cstr(&text));
}

/* SIGSTOP, and until every thread has heard of it. */
static inline void lab_freeze(pid_t pid)
{
	char line[256];

	kill(pid, SIGSTOP);
	snprintf(line, sizeof(line),
		 "for i in $(seq 200); do grep -hs '^State:' /proc/%d/task/*/status | grep -qv T || "
		 "exit 0; sleep 0.01; done; exit 1",
		 (int)pid);
	if (system(line) != 0)
		fail_msg("process %d does not stop", (int)pid);
}

static inline struct kube_op lab_op(const struct kube_resource *res, const char *ns, const char *name)
{
	return (struct kube_op){ .res = res, .ns = ns, .name = name, .until = deadline_in(AMPLE) };
}

/* {"apiVersion":...,"kind":...,"metadata":{"namespace":...,"name":...META},MORE}; static. Parts may be "". */
static inline const char *lab_object(const struct kube_resource *res, const char *ns, const char *name,
				     const char *meta, const char *more)
{
	static __thread struct buf b = { .max = 1 << 20 };

	buf_reset(&b);
	buf_str(&b, "{\"apiVersion\":\"");
	kube_resource_version(res, &b);
	buf_fmt(&b, "\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\"", res->kind, name);
	if (res->namespaced)
		buf_fmt(&b, ",\"namespace\":\"%s\"", ns ? ns : "");
	buf_fmt(&b, "%s%s}%s%s}", *meta ? "," : "", meta, *more ? "," : "", more);
	assert_int_equal(b.err, 0);
	return buf_cstr(&b);
}

static inline void lab_create(struct kube *k, const struct kube_resource *res, const char *ns,
			      const char *name, const char *meta, const char *more)
{
	const char *body = lab_object(res, ns, name, meta, more);
	struct kube_op op = lab_op(res, ns, name);
	struct err e;

	ok(kube_create(k, &op, body, strlen(body), NULL, &e), &e);
	assert_int_equal(op.answer.outcome, KUBE_ANSWERED);
	assert_int_equal(op.answer.status, 201);
}

static inline void lab_delete(struct kube *k, const struct kube_resource *res, const char *ns,
			      const char *name)
{
	struct kube_op op = lab_op(res, ns, name);
	struct err e;

	ok(kube_delete(k, &op, &e), &e);
}

/* Of its own for each program, so that nothing of an earlier one is seen. Empty when it is made; pods in it
 * need no account. */
static inline const char *lab_namespace(struct kube *k, const char *what)
{
	static char name[64];

	snprintf(name, sizeof(name), "%s-%d", what, (int)getpid());
	lab_create(k, &kube_resources[KUBE_NAMESPACES], NULL, name, "", "");
	return name;
}

/* Until the API server answers again. */
static inline void lab_ready(struct kube *k)
{
	struct deadline end = deadline_in(3 * AMPLE);
	struct kube_request q = { .method = "GET", .path = "/readyz" };
	struct kube_answer a;
	struct err e;
	int r;

	do {
		r = kube_call(k, &q, deadline_in(1000), &a, &e);
		kube_answer_clear(&a);
		if (r < 0)
			usleep(100000);
	} while (r < 0 && deadline_left(end));
	ok(r, &e);
}

#endif
