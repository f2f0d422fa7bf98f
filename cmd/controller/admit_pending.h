/* SPDX-License-Identifier: Apache-2.0 */
/* admit_pending.h - pools and subnets against what is not stored yet (intents.h); pure
 *
 * Each rule between objects is one between two of them. So it is enough to hold the object against each
 * intent alone, as if that were all there is besides.
 */
#ifndef CONTROLLER_ADMIT_PENDING_H
#define CONTROLLER_ADMIT_PENDING_H

#include "api/api.h"
#include "intents.h"

/* Whether it could be in the way of another request: what is new, a pool that gets more addresses, a subnet
 * that loses some. */
int admit_needs_intent(enum api_kind kind, const void *old, const void *obj, struct err *e);
/* The intent of it, without id. old NULL: a create. */
int admit_make_intent(enum api_kind kind, const struct api_object *old, const void *obj, struct intent *ret,
		      struct err *e);
/* -EAGAIN, code ERR_CONFIG: obj does not go with an intent of before, which w, listed afterwards, does not
 * show to be settled; settled() hears of those that are (NULL: nobody does). w is what obj has been validated
 * against. */
int admit_pending(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
		  const struct intents *before, void (*settled)(const char *id, void *arg), void *arg,
		  struct err *e);

#endif
