/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.h - one run of spiderpoolctl: what was asked for in general, the store, what is to be printed
 *
 * A command writes into c->out and says what it could not do with ctl_complain(); main.c prints both when the
 * command is done, so that nothing appears half. Only main.c reads the environment.
 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "ipam/ipam.h"
#include "options.h"
#include "out.h"
#include "store/kube.h"
#include "store/local.h"

/* Exit statuses; spiderpoolctl(8) lists them. */
enum {
	CTL_OK = 0,
	CTL_FAILED = 1,   /* refused, or failed */
	CTL_USAGE = 2,    /* called wrong */
	CTL_MISSING = 3,  /* what was named does not exist */
	CTL_AGAIN = 4,    /* the same may work later */
	CTL_FINDINGS = 5, /* done, and the answer is no: fsck found something, plan does not fit */
};

#define CTL_TIMEOUT_MS 30000

struct ctl_globals {
	const char *state_dir, *kubeconfig, *context, *output;
	struct opt_duration timeout;
	bool in_cluster, help, version;
};

/* Of the cluster's ConfigMap, what the engine goes by. */
struct ctl_settings {
	char *ns; /* where it lies; NULL: there is none, and what follows are its defaults */
	bool enable_ipv4, enable_ipv6, enable_stateful_set, enable_kubevirt, enable_subnet, enable_auto_pool;
};

struct ctl {
	struct ctl_globals given;
	const char *state_dir;
	bool cluster;           /* the store is a cluster's, and then */
	const char *kubeconfig; /* ... its file; NULL: what a pod is given */
	int64_t timeout_ms;
	struct invocation in;
	struct out out;
	struct buf errors; /* lines for stderr */
	int status;
	/* surroundings */
	char *const *envp; /* for plugins */
	const char *env_cni_path, *env_kubeconfig, *env_kube_host, *env_kube_port;
	bool tty, color, utf8;
	/* after ctl_open() */
	struct store *store;
	struct ipam ipam;
	char node[256], boot[64];
	struct kube *k; /* of a cluster */
	struct store_kube *hub;
	struct ctl_settings settings;
};

enum ctl_mode { CTL_READ, CTL_WRITE, CTL_CREATE };
/* Opens the store; ctl_engine() works from then on. */
int ctl_open(struct ctl *c, enum ctl_mode mode, struct err *e);
void ctl_close(struct ctl *c);
/* The cluster's part of the two (cluster.c). */
int cluster_open(struct ctl *c, struct err *e);
void cluster_close(struct ctl *c);
/* The store in a sentence: "state directory DIR", "cluster URL". */
const char *ctl_place(const struct ctl *c, char *out, size_t len);
/* With a fresh deadline: for each call of the engine. */
struct ipam *ctl_engine(struct ctl *c);
/* Host name in lower case and boot ID, into c->node and c->boot; ctl_open() does it too. */
int ctl_surroundings(struct ctl *c, struct err *e);

/* "spiderpoolctl: SENTENCE" on stderr; the command goes on, and the exit status will be that of the first
 * such error. */
void ctl_complain(struct ctl *c, const struct err *e);
/* "spiderpoolctl: warning: SENTENCE"; the status stays. */
void ctl_warn(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A sentence on stderr that is no failure. */
void ctl_note(struct ctl *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ctl_usage(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int ctl_status_of(const struct err *e);

/* Prints what there is now, for commands that go on. */
int ctl_flush(struct ctl *c, struct err *e);

static inline const char *ctl_operand(const struct ctl *c, size_t i)
{
	return i < c->in.n_operands ? c->in.operands[i] : NULL;
}

#endif
