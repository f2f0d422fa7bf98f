/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one call on the local datastore: configuration, log, store, engine */
#ifndef PLUGIN_IPAM_SESSION_H
#define PLUGIN_IPAM_SESSION_H

#include "base/log.h"
#include "cni/plugin.h"
#include "ipam/section.h"
#include "store/local.h"

struct session {
	struct cni_call *call;
	struct ipam_section conf;
	struct log log;
	struct store *store;
	struct ipam ipam; /* st is NULL until session_open_store() */
	char node[256], boot[64];
	int64_t started; /* wall time, ms */
};

/* Reads the configuration and starts the log. */
int session_start(struct cni_call *c, struct session *s, struct err *e);
/* datastore local: opens the store. giving: to give addresses out, which a node that belongs to a cluster
 * must have allowed; giving back is always allowed, for pods that are older than the cluster. */
int session_open_store(struct session *s, bool giving, struct err *e);
void session_end(struct session *s);

/* The request of this call; strings point into the session's call and into r. */
struct session_request {
	struct ipam_request req;
	struct json_map annotations, pod_labels, ns_labels;
	struct cni_request asked; /* runtimeConfig, args.cni, CNI_ARGS */
	struct ipam_master master;
	char netns_id[64], netns_dir[64], mac[24];
	int netns;    /* -1: none */
	bool running; /* the NIC exists, is up and has carrier */
};
int session_request_read(struct session *s, struct session_request *r, struct err *e);
void session_request_clear(struct session_request *r);

/* Prints the document on stdout and ends the process; called from signal handlers (main.c). */
void session_emergency(const char *document, int status) __attribute__((noreturn));

#endif
