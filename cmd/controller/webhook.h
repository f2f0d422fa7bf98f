/* SPDX-License-Identifier: Apache-2.0 */
/* webhook.h - admission over HTTPS, on every replica
 *
 * webhook_start() and webhook_stop() are in controller.h. Whoever starts pods needs none of this: only the
 * edit of a pool, a subnet or a network asks.
 */
#ifndef CONTROLLER_WEBHOOK_H
#define CONTROLLER_WEBHOOK_H

#include "admit.h"
#include "room.h"

#define WEBHOOK_HEALTH "/webhook-health-check"

/* Answers the AdmissionReview in body for this path: the HTTP status, and the text of the answer. room: for
 * what is read of it. */
int webhook_answer(struct admit *a, struct room *room, const struct admit_path *path, const char *body,
		   size_t len, struct deadline until, struct buf *out);
/* "10s" of the question's query, less what the way back takes. */
int64_t webhook_time(const char *text);

#endif
