/* SPDX-License-Identifier: Apache-2.0 */
/* delegate.h - handing a call on to another plugin, an IPAM plugin mostly
 *
 * The delegate gets our environment with only CNI_COMMAND replaced, and our stdin byte for byte. Its stderr
 * goes to ours. It must end by the deadline of our own call.
 */
#ifndef CNI_DELEGATE_H
#define CNI_DELEGATE_H

#include "base/err.h"
#include "cni/plugin.h"
#include "cni/result.h"

/* ADD. The result must have an address. When the delegate fails, or its answer is no good, it has been called
 * with DEL before this returns; when the caller fails later, it calls cni_delegate(c, CNI_DEL, ...) itself.
 */
int cni_delegate_add(const struct cni_call *c, const char *type, struct cni_result *ret, struct err *e);
/* DEL, CHECK, GC, STATUS: the delegate's error is returned with its code. */
int cni_delegate(const struct cni_call *c, enum cni_verb verb, const char *type, struct err *e);

#endif
