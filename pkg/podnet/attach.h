/* SPDX-License-Identifier: Apache-2.0 */
/* attach.h - the life of one attachment: noted, made, compared, undone
 *
 * What is the same in every plugin that changes a pod: the order of record and changes, so that whatever
 * instant it is killed at, the record covers what was done.
 */
#ifndef PODNET_ATTACH_H
#define PODNET_ATTACH_H

#include "base/log.h"
#include "cni/plugin.h"
#include "podnet/podnet.h"

struct podnet_attach {
	const struct cni_call *call;
	struct log *log; /* may be NULL */
	struct podnet_dir dir;
	struct podnet n;
	struct podnet_records others; /* of the same sandbox */
	bool had_pair; /* an earlier ADD with this configuration made the pair: it stays, others have routes
			  by it */
};

/* For ADD: opens the records and both namespaces. What an earlier ADD of this attachment did is undone, so
 * that the plan starts from what the main plugin left. */
int podnet_attach_begin(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
			struct podnet_attach *ret, struct err *e);
/* Notes the changes and makes them; a failure undoes them. mode and table are for the record. */
int podnet_attach_make(struct podnet_attach *a, const struct podnet_changes *l, const char *mode,
		       uint32_t table, struct err *e);
void podnet_attach_end(struct podnet_attach *a);
/* The neighbours know the NIC's addresses by a former MAC: tells them. That it could not is a line in the
 * log. */
void podnet_attach_announce(struct podnet_attach *a, const char *nic);
/* Into the result: the new pair, node's end first; the NIC's new MAC, when the result tells of it. */
int podnet_attach_report_pair(const struct podnet_attach *a, const struct podnet_path *p,
			      struct cni_result *res, struct err *e);
int podnet_attach_report_mac(const char *nic, const uint8_t mac[LINK_MAC_LEN], struct cni_result *res,
			     struct err *e);

/* DEL. 1: undone by its record; 0: there is none. Needs no namespace, no agent, no prevResult. */
int podnet_attach_undo(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
		       struct err *e);
/* CHECK. -ENOENT: there is no record (e is set). */
int podnet_attach_check(const struct cni_call *c, const char *state_dir, const char *plugin, struct err *e);
/* GC: undoes what the records of this network tell of attachments that are not valid. Goes on after a failure
 * and returns the first. started: wall time; younger records are left alone. */
int podnet_attach_gc(const struct cni_call *c, const char *state_dir, const char *plugin, struct log *log,
		     int64_t started, size_t *ret_n, struct err *e);
/* STATUS: can records be written, does the kernel have what is needed? marks: nf_tables too. */
int podnet_attach_status(const char *state_dir, const char *plugin, bool marks, struct err *e);

#endif
