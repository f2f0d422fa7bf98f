/* SPDX-License-Identifier: Apache-2.0 */
/* cluster_lab.h - the agent's view of a cluster, over an API server of scripted answers */
#ifndef TEST_CLUSTER_LAB_H
#define TEST_CLUSTER_LAB_H

#include "kube_fake.h"

#include <errno.h>

#include "base/own.h"

/* A part of the agent; tests of these names are linked with it. */
#include "../../cmd/agent/cluster_impl.h"

#define AMPLE     30000
#define HTTP_OK   "HTTP/1.1 200 OK\r\n\r\n"
#define NOT_FOUND REFUSED("404", "NotFound")
#define REFUSED(code, reason) \
	"HTTP/1.1 " code " x\r\n\r\n{\"kind\":\"Status\",\"code\":" code ",\"reason\":\"" reason \
	"\",\"message\":\"refused\"}"
#define NO_KIND "HTTP/1.1 404 x\r\n\r\n404 page not found\n"

#define LIST(version, items) \
	HTTP_OK "{\"metadata\":{\"resourceVersion\":\"" version "\"},\"items\":[" items "]}"
#define META(ns, name, uid, more) \
	"\"metadata\":{\"namespace\":\"" ns "\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"resourceVersion\":\"4\"" more "}"
#define OWNED(version, kind, name, uid) \
	",\"ownerReferences\":[{\"apiVersion\":\"x/v1\",\"kind\":\"X\",\"name\":\"x\",\"uid\":\"x\"}," \
	"{\"apiVersion\":\"" version "\",\"kind\":\"" kind "\",\"name\":\"" name "\",\"uid\":\"" uid \
	"\",\"controller\":true}]"
#define GOING ",\"deletionTimestamp\":\"2026-11-23T04:00:00Z\",\"deletionGracePeriodSeconds\":30"
/* Of node n1 and namespace a. */
#define POD(name, uid, meta)          POD_AS(name, uid, meta, "\"spec\":{\"nodeName\":\"n1\"}")
#define POD_AS(name, uid, meta, rest) "{" META("a", name, uid, meta) "," rest "}"
#define PODS(name)                    "/api/v1/namespaces/a/pods/" name
#define LIST_PODS                     "/api/v1/pods?fieldSelector=spec.nodeName%3Dn1&limit"
#define FOLLOW_PODS_FROM              "/api/v1/pods?watch=1"

#define LAB_ANSWERS 32

struct lab {
	struct fake f;
	struct fake_answer answers[LAB_ANSWERS];
	size_t n;
	struct kube *k;
	struct cluster *c;
	char *pods;
	pthread_mutex_t lock;
	char log[1024]; /* "-name(uid)" of what ended */
	char troubles[4096];
};

static inline void lab_ended(const char *ns, const char *name, const char *uid, void *arg)
{
	struct lab *l = arg;
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = strlen(l->log);
	snprintf(l->log + n, sizeof(l->log) - n, "-%s/%s(%s)", ns, name, uid);
	pthread_mutex_unlock(&l->lock);
}

static inline void lab_trouble(const char *sentence, void *arg)
{
	struct lab *l = arg;
	size_t n;

	pthread_mutex_lock(&l->lock);
	n = strlen(l->troubles);
	snprintf(l->troubles + n, sizeof(l->troubles) - n, "%s\n", sentence);
	pthread_mutex_unlock(&l->lock);
}

static inline void lab_answer(struct lab *l, const struct fake_answer *a)
{
	assert_in_range(l->n, 0, LAB_ANSWERS - 1);
	l->answers[l->n++] = *a;
}

/* Answers in the order of their array, which ends with an empty one; NULL for none. */
static inline void lab_answers(struct lab *l, const struct fake_answer *more)
{
	for (; more && more->path; more++)
		lab_answer(l, more);
}

static inline void lab_open(struct lab *l)
{
	fake_start(&l->f, l->answers, l->n, &l->k);
}

/* What is listed and then followed without any news, unless more says otherwise before: pods are the items
 * of their list. */
static inline void lab_start(struct lab *l, const char *pods, const struct fake_answer *more)
{
	static const struct fake_answer common[] = {
		{ .path = FOLLOW_PODS_FROM, .text = HTTP_OK, .stays = true },
		{ .path = "/api/v1/namespaces?watch=1", .text = HTTP_OK, .stays = true },
		{ .path = "/api/v1/nodes?watch=1", .text = HTTP_OK, .stays = true },
		{ .path = "/api/v1/namespaces?limit",
		  .text = LIST("9", "{\"metadata\":{\"name\":\"a\",\"uid\":\"ua\",\"resourceVersion\":\"1\","
				    "\"labels\":{\"l\":\"of-ns\"},\"annotations\":{\"n\":\"of-ns\"}}}") },
		{ .path = "/api/v1/nodes?fieldSelector=metadata.name%3Dn1&limit",
		  .text = LIST("9", "{\"metadata\":{\"name\":\"n1\",\"uid\":\"u1\",\"resourceVersion\":\"1\","
				    "\"labels\":{\"l\":\"of-node\"}}}") },
		{ 0 },
	};
	struct cluster_conf conf = { .node = "n1",
				     .stateful_set = true,
				     .kubevirt = true,
				     .pod_ended = lab_ended,
				     .trouble = lab_trouble,
				     .arg = l };
	struct err e;

	*l = (struct lab){ 0 };
	pthread_mutex_init(&l->lock, NULL);
	lab_answers(l, more);
	assert_true(asprintf(&l->pods, LIST("9", "%s"), pods) > 0);
	lab_answer(l, &(struct fake_answer){ .path = LIST_PODS, .text = l->pods });
	lab_answers(l, common);
	lab_open(l);
	conf.k = l->k;
	if (cluster_start(&conf, &l->c, &e) < 0)
		fail_msg("%s", e.msg);
	if (!cluster_wait(l->c, deadline_in(AMPLE)))
		fail_msg("never listed: %s", l->troubles);
}

static inline void lab_stop(struct lab *l)
{
	cluster_stop(l->c);
	fake_stop(&l->f, l->k);
	pthread_mutex_destroy(&l->lock);
	free(l->pods);
}

/* Its port is another one each time. */
static inline void lab_cut_server(struct lab *l, char *sentence)
{
	char server[64], *at;

	snprintf(server, sizeof(server), "http://127.0.0.1:%d", l->f.port);
	at = strstr(sentence, server);
	if (at)
		memmove(at, at + strlen(server), strlen(at + strlen(server)) + 1);
}

/* How often a path that begins so was asked for. */
static inline unsigned lab_asked(struct lab *l, const char *path)
{
	unsigned n = 0;

	pthread_mutex_lock(&l->f.lock);
	for (size_t i = 0; i < l->f.n_asked; i++)
		n += !strncmp(strchr(l->f.asked[i], ' ') + 1, path, strlen(path));
	pthread_mutex_unlock(&l->f.lock);
	return n;
}

#endif
