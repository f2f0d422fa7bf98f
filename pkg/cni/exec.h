/* SPDX-License-Identifier: Apache-2.0 */
/* exec.h - running another plugin
 *
 * The request is handed over in a memory file, so nothing ever blocks on, or is killed by, a plugin that does
 * not read it. A plugin that does not end in time is killed with its process group. Children it leaves behind
 * cannot hold us up: when the plugin has ended we are done. It starts with default signal handling; the
 * caller's program should ignore SIGPIPE, since err_fd may be a pipe that nobody reads any more.
 */
#ifndef CNI_EXEC_H
#define CNI_EXEC_H

#include <stddef.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "cni/result.h"

#define CNI_STDERR_MAX ((size_t)64 << 10) /* kept for the error; more is passed on but not kept */

struct cni_exec {
	const char *program; /* path */
	char *const *envp;   /* its whole environment */
	const char *in;      /* its stdin */
	size_t in_len;
	struct deadline deadline;
	int err_fd; /* its stderr is passed on to this one; -1: dropped */
};

/* The first regular file of that name in the directories of path ("/a:/b"); the caller frees *ret. ERR_CONFIG
 * for a type that is empty or has a "/", ERR_CONFIG with -ENOENT when there is none. */
int cni_find_program(const char *type, const char *path, char **ret, struct err *e);

/* Runs it. 0: exit status 0, out has what it printed (at most CNI_RESULT_TEXT_MAX). Else the error is the
 * plugin's own, with its code; ERR_TRY_AGAIN with -ETIMEDOUT when it was killed for being late; ERR_IO when
 * it could not be run. "Text file busy" is tried again for some seconds. */
int cni_exec_run(const struct cni_exec *x, struct buf *out, struct err *e);

#endif
