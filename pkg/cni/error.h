/* SPDX-License-Identifier: Apache-2.0 */
/* error.h - the error document that a plugin prints on stdout
 */
#ifndef CNI_ERROR_H
#define CNI_ERROR_H

#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cni/version.h"

/* Appends {"cniVersion", "code", "msg", "details"}; details may be NULL. An e without a code is ERR_INTERNAL.
 * Cannot fail but for memory, which sticks in out. */
void cni_error_print(const struct err *e, enum cni_version v, const char *details, struct buf *out);

/* What a plugin that failed has to say, as the caller's error: the document's code, and its msg and details
 * in one sentence; without a document what it wrote to stderr, else that it said nothing. how is the way it
 * ended, "exit status 1". Always returns a negative number. */
int cni_error_read(const char *out, size_t out_len, const char *err_text, const char *how, struct err *e);

#endif
