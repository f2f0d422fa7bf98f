/* SPDX-License-Identifier: Apache-2.0 */
/* note.h - release notes: what DEL leaves on the node when the agent is away
 *
 * One small file an attachment, which survives power loss; the agent takes them up when it is back, and
 * judges by what it knows then. Applying one twice has the effect of once, so has writing one twice. Only the
 * file of an attachment whose name fits its content counts: what is damaged is told and left where it is.
 */
#ifndef IPAM_NOTE_H
#define IPAM_NOTE_H

#include <stdint.h>

#include "base/err.h"

#define NOTE_DIR "notes" /* in the state directory */

struct note {
	char *container, *nic, *network;
	char *ns, *pod, *uid; /* NULL or "" when not known */
	char *boot;           /* boot ID of the node */
	int64_t at;           /* wall time, ms */
};

/* Makes dir and the one above it, 0700, if need be; replaces the attachment's older note. */
int note_write(const char *dir, const struct note *n, struct err *e);

/* One file: n, or NULL and in why what is wrong with it. What n holds is lent. Anything but 0 ends the walk.
 */
typedef int note_handler(const struct note *n, const char *file, const struct err *why, void *arg,
			 struct err *e);
/* In no order. A directory that is not there has no notes. each() may remove the note that it was given. */
int note_each(const char *dir, note_handler *each, void *arg, struct err *e);

/* What writers that were killed have left. Those that live are done within seconds. */
void note_tidy(const char *dir);

/* Success also when there is none. */
int note_remove(const char *dir, const struct note *n, struct err *e);

#endif
