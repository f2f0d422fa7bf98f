/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one call: configuration, log, deadline; with the local datastore also store and engine */
#ifndef PLUGIN_IPAM_SESSION_H
#define PLUGIN_IPAM_SESSION_H

#include "base/log.h"
#include "cni/plugin.h"
#include "ipam/section.h"
#include "store/local.h"

#define SESSION_BOOT_MAX 64

struct session {
	struct cni_call *call;
	struct ipam_section conf;
	struct log log;
	int64_t started;       /* wall time, ms */
	struct deadline until; /* for every wait on others */
	/* datastore local, after session_open_store() */
	struct store *store;
	struct ipam ipam;
	char node[256], boot[SESSION_BOOT_MAX];
};

/* Reads the configuration and starts the log. DEL does with less than all of the configuration. */
int session_start(struct cni_call *c, struct session *s, struct err *e);
/* datastore local: opens the store. giving: to give addresses out, which a node that belongs to a cluster
 * must have allowed; giving back is always allowed, for pods that are older than the cluster. */
int session_open_store(struct session *s, bool giving, struct err *e);
/* The node's boot ID. */
int session_read_boot(char out[SESSION_BOOT_MAX], struct err *e);
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
