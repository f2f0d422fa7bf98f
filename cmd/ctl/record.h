/* SPDX-License-Identifier: Apache-2.0 */
/* record.h - who has an address, in words */
#ifndef CTL_RECORD_H
#define CTL_RECORD_H

#include "doc.h"
#include "out.h"
#include "ipam/usage.h"

enum record_state {
	RECORD_IN_USE,     /* a container has it */
	RECORD_KEPT,       /* it waits for its pod */
	RECORD_QUARANTINE, /* somebody else answers for it, or an operator said so */
	RECORD_COOLING,    /* free, but only just */
	RECORD_FREE,
};

/* For options: without "free". NULL-terminated. */
extern const char *const record_states[];
const char *record_state_name(enum record_state s); /* "in-use", "kept", "quarantine", "cooling", "free" */
enum record_state record_state(const struct ipam *m, const struct block_rec *r);

#define POD_TEXT_MAX 520
/* "namespace/name", "" when there is no name; NULL is "". Returns out. */
const char *record_pod(const char *ns, const char *pod, char out[POD_TEXT_MAX]);

/* Members address, state, pool, pod ("namespace/name"), nic, network, node, container, since, ... */
void record_doc(struct doc *d, const struct ipam *m, const struct ipam_found *f);
/* Columns for rows made by record_doc(). */
extern const struct out_column record_columns[];
extern const size_t record_n_columns;

#endif
