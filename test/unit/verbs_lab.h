/* SPDX-License-Identifier: Apache-2.0 */
/* verbs_lab.h - the agent's verbs on the engine and a local store: a cluster of one pod, that says what a
 * test wants
 *
 * What the verbs hear of the cluster, and what a hub does beside keeping objects, is the lab's; all else is
 * the agent's own.
 */
#ifndef TEST_VERBS_LAB_H
#define TEST_VERBS_LAB_H

#include "ipam_lab.h"

#define cluster_pod_get         verbs_pod_get
#define cluster_pod_clear       verbs_pod_clear
#define cluster_pod_known_alive verbs_pod_known_alive
#define cluster_pod_fate        verbs_pod_fate
#define cluster_hold_dead       verbs_hold_dead
#define cluster_migration       verbs_migration
#define store_kube_session      verbs_session
#define store_kube_skew         verbs_skew
#define store_kube_fence        verbs_fence
#define store_kube_intents      verbs_intents
#define store_kube_intents_end  verbs_intents_end
#define store_kube_losses       verbs_losses
#define store_kube_mended       verbs_mended
#define store_kube_node_blocks  verbs_node_blocks

/* Parts of the agent, not of the library; each has some helpers of the same names. */
#include "../../cmd/agent/keys.c"
#define text add_text
#include "../../cmd/agent/add.c"
#undef text
#define text del_text
#include "../../cmd/agent/del.c"
#undef text
#define text release_text
#include "../../cmd/agent/release.c"
#undef text
#define text request_text
#include "../../cmd/agent/request.c"
#undef text
#define text settle_text
#include "../../cmd/agent/settle.c"
#undef text

struct verbs_lab {
	struct lab l;
	struct agent a;
	struct store_impl session; /* closing one leaves the store open */
	const struct store_impl *impl;
	struct err e;
	char text[ERR_MSG_MAX]; /* the last answer */

	/* what the cluster says */
	enum cluster_fate fate;
	bool no_migrations;            /* they cannot be asked for */
	void (*asked_migration)(void); /* while that is asked */
	void (*opened)(void);          /* with each session */
	struct deadline until;         /* of the last question for a pod */
	const char *intent;            /* what was cut off; NULL: nothing */
};

static struct verbs_lab *verbs;

/* ---- the cluster ---- */

int verbs_pod_get(struct cluster *c, const char *ns, const char *name, const char *uid, struct deadline until,
		  struct cluster_pod *ret, struct err *e)
{
	static const struct json_map none;

	(void)c;
	(void)e;
	verbs->until = until;
	*ret = (struct cluster_pod){
		.ns = ns,
		.name = name,
		.uid = uid,
		.labels = &none,
		.annotations = &none,
		.ns_labels = &none,
		.ns_annotations = &none,
		.node_labels = &none,
		.hold = HOLD_POD,
		.owner = { (char *)"v1", (char *)"Pod", (char *)ns, (char *)name, (char *)uid },
		.alive = verbs->fate == FATE_ALIVE,
	};
	return 0;
}

void verbs_pod_clear(struct cluster_pod *p)
{
	(void)p;
}

bool verbs_pod_known_alive(struct cluster *c, const char *ns, const char *name, const char *uid)
{
	(void)c;
	(void)ns;
	(void)name;
	(void)uid;
	return verbs->fate == FATE_ALIVE;
}

int verbs_pod_fate(struct cluster *c, const char *ns, const char *name, const char *uid,
		   struct deadline until, enum cluster_fate *ret, int64_t *ret_grace_s, struct err *e)
{
	(void)c;
	(void)ns;
	(void)name;
	(void)uid;
	(void)until;
	(void)e;
	*ret = verbs->fate;
	*ret_grace_s = 0;
	return 0;
}

int verbs_hold_dead(struct cluster *c, enum hold hold, const char *ref, struct deadline until, bool *ret,
		    struct err *e)
{
	(void)c;
	(void)hold;
	(void)ref;
	(void)until;
	(void)e;
	*ret = false;
	return 0;
}

int verbs_migration(struct cluster *c, const struct cluster_pod *p, struct deadline until, bool *ret,
		    struct err *e)
{
	(void)c;
	(void)p;
	(void)until;
	*ret = false;
	if (verbs->asked_migration)
		verbs->asked_migration();
	return verbs->no_migrations ? err_code(e, ERR_TRY_AGAIN, EIO, "migrations cannot be read") : 0;
}

/* ---- the hub ---- */

int verbs_session(struct store_kube *h, bool fixed, struct store **ret, struct err *e)
{
	(void)h;
	(void)fixed;
	(void)e;
	if (verbs->opened)
		verbs->opened();
	*ret = verbs->l.st;
	return 0;
}

int64_t verbs_skew(struct store_kube *h)
{
	(void)h;
	return 0;
}

int verbs_fence(struct store_kube *h, uint8_t ver, ip_num index, struct deadline until, struct err *e)
{
	(void)h;
	(void)ver;
	(void)index;
	(void)until;
	(void)e;
	return 0;
}

int verbs_intents(struct store_kube *h, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		  void *arg, struct err *e)
{
	const struct store_obj o = { "", "i-1", 1, verbs->intent, verbs->intent ? strlen(verbs->intent) : 0 };

	(void)h;
	return verbs->intent ? each(&o, arg, e) : 0;
}

void verbs_intents_end(struct store_kube *h)
{
	(void)h;
	verbs->intent = NULL;
}

uint64_t verbs_losses(struct store_kube *h)
{
	(void)h;
	return 0;
}

void verbs_mended(struct store_kube *h, uint64_t losses)
{
	(void)h;
	(void)losses;
}

int verbs_node_blocks(struct store_kube *h, struct deadline until,
		      int (*each)(const struct store_obj *o, void *arg, struct err *e), void *arg,
		      struct err *e)
{
	int r = store_begin(verbs->l.st, STORE_READ, until, e);

	(void)h;
	if (r == 0)
		r = store_list(verbs->l.st, STORE_BLOCK, NULL, NULL, NULL, each, arg, e);
	store_end(verbs->l.st);
	return r;
}

/* ---- what the agent counts ---- */

void gauges_release_failed(const struct err *e)
{
	(void)e;
}

void gauges_wait(bool release, double seconds)
{
	(void)release;
	(void)seconds;
}

void gauges_waited_for_pool(void)
{
}

/* ---- the lab ---- */

/* A node n1 in boot b, with a pool of ten addresses. */
static inline void verbs_open(struct verbs_lab *v)
{
	*v = (struct verbs_lab){ .fate = FATE_ALIVE };
	verbs = v;
	lab_open(&v->l);
	lab_pool(&v->l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.10], default: true");
	v->impl = v->l.st->impl;
	v->session = *v->impl;
	v->session.close = v->impl->end;
	v->l.st->impl = &v->session;
	pthread_mutex_init(&v->a.lock, NULL);
	v->a.conf.node = (char *)"n1";
	v->a.conf.ns = (char *)"kube-system";
	v->a.conf.cluster_network = (char *)"";
	v->a.conf.file.enable_ipv4 = v->a.conf.file.enable_ipv6 = true;
	v->a.conf.cooldown_s = 60;
	v->a.conf.quarantine_s = 3600;
	snprintf(v->a.boot, sizeof(v->a.boot), "b");
	assert_true(asprintf(&v->a.notes, "%s/notes", v->l.dir) > 0);
	assert_int_equal(keys_new(&v->a.keys, &v->e), 0);
	say_level(LOG_LEVEL_ERROR);
}

static inline void verbs_close(struct verbs_lab *v)
{
	v->l.st->impl = v->impl;
	lab_close(&v->l);
	keys_free(v->a.keys);
	free(v->a.notes);
	pthread_mutex_destroy(&v->a.lock);
}

/* The address that the container's eth0 got, without prefix length, or why there is none. */
static inline const char *verbs_add(struct verbs_lab *v, const char *container, int64_t deadline_ms)
{
	const struct socket_add q = { .container_id = (char *)container,
				      .ifname = (char *)"eth0",
				      .netns = (char *)"",
				      .pod_namespace = (char *)"default",
				      .pod_name = (char *)"p",
				      .pod_uid = (char *)"u",
				      .network = (char *)"net",
				      .deadline_ms = deadline_ms };
	struct socket_answer ret;

	if (verb_add(&v->a, &q, deadline_in(60000), &ret, &v->e) < 0) {
		snprintf(v->text, sizeof(v->text), "%s", v->e.msg);
		return v->text;
	}
	snprintf(v->text, sizeof(v->text), "%.*s", (int)strcspn(ret.ips.v[0].address, "/"),
		 ret.ips.v[0].address);
	json_clear(&socket_answer_table, &ret);
	return v->text;
}

static inline struct socket_del verbs_which(const char *container)
{
	return (struct socket_del){ .container_id = (char *)container,
				    .ifname = (char *)"eth0",
				    .pod_namespace = (char *)"default",
				    .pod_name = (char *)"p",
				    .pod_uid = (char *)"u",
				    .network = (char *)"net" };
}

static inline void verbs_undo(struct verbs_lab *v, const char *container)
{
	const struct socket_del q = verbs_which(container);

	if (verb_undo(&v->a, &q, deadline_in(60000), &v->e) < 0)
		fail_msg("undo: %s", v->e.msg);
}

static inline void verbs_del(struct verbs_lab *v, const char *container)
{
	const struct socket_del q = verbs_which(container);

	if (verb_del(&v->a, &q, deadline_in(60000), &v->e) < 0)
		fail_msg("del: %s", v->e.msg);
}

#endif
