/* SPDX-License-Identifier: Apache-2.0 */
/* cabundle.h - whom the API server trusts when it asks us: clientConfig.caBundle of our webhook
 * configurations
 *
 * Ours are the MutatingWebhookConfigurations NAME and NAME-pods and the ValidatingWebhookConfiguration NAME.
 * One that is annotated for cert-manager's injection is left to it.
 */
#ifndef CONTROLLER_CABUNDLE_H
#define CONTROLLER_CABUNDLE_H

#include <json-c/json.h>

#include "base/buf.h"
#include "kube/client.h"

/* Pure: operations of RFC 6902 that give every webhook of the configuration this bundle (base64), held
 * against the version that was read; *ret is NULL when there is nothing to do. */
int cabundle_patch(struct json_object *config, const char *coded, struct json_object **ret, struct err *e);

/* Appends what the API server trusts now, of all our configurations: PEM, maybe twice the same. */
int cabundle_read(struct kube *k, const char *name, struct deadline until, struct kube_cancel *cancel,
		  struct buf *out, struct err *e);
/* Makes it the bundle (PEM); writes only what differs. 1: something was written, 0: nothing had to be. */
int cabundle_write(struct kube *k, const char *name, const char *bundle, struct deadline until,
		   struct kube_cancel *cancel, struct err *e);

#endif
