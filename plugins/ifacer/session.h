/* SPDX-License-Identifier: Apache-2.0 */
/* session.h - one call: configuration, records, the kernel, and the lock that keeps calls apart */
#ifndef IFACER_SESSION_H
#define IFACER_SESSION_H

#include "cni/plugin.h"
#include "conf.h"
#include "nl/rt.h"
#include "podnet/record.h"

#define IFACER_RECORDS      "ifacer"
#define IFACER_LOCK_WAIT_MS 30000

struct session {
	struct cni_call *call;
	struct ifacer_conf conf;
	struct ifacer_plan plan;
	const char *state_dir;
	char mark[RT_ALIAS_MAX]; /* alias of what is made here */
	struct podnet_dir dir;
	struct netlink nl;
	int lock;
	int64_t started; /* wall time, ms */
};

/* Reads the configuration; session_end() in any case. */
int session_start(struct cni_call *c, struct session *s, struct err *e);
int session_open_kernel(struct session *s, struct err *e);
/* create false: -ENOENT when nothing was ever recorded. */
int session_open_records(struct session *s, bool create, struct err *e);
/* Waits for the others that make or remove interfaces; writer false: only for these. Code ERR_TRY_AGAIN. */
int session_lock(struct session *s, bool writer, struct err *e);
void session_end(struct session *s);

#endif
