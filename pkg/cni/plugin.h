/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.h - the frame of a plugin: from environment and stdin to one document and an exit status
 *
 *	static const struct cni_plugin veth = { .name = "veth", .add = veth_add, .del = veth_del };
 *
 *	int main(int argc, char **argv, char **envp)
 *	{
 *		CLEANUP(cni_answer_clear) struct cni_answer a = { 0 };
 *
 *		cni_plugin_run(&veth, envp, &(struct cni_io){ STDIN_FILENO, STDERR_FILENO }, &a);
 *		return cni_answer_write(&a, STDOUT_FILENO, STDERR_FILENO);
 *	}
 *
 * The frame reads and checks everything that is the same in all plugins, calls the handler of the verb and
 * turns its error into the error document. Exactly one document goes to stdout: the result of ADD, the answer
 * of VERSION, an error; nothing when DEL, CHECK, GC and STATUS succeed. Without CNI_COMMAND it tells on
 *stderr what the program is.
 */
#ifndef CNI_PLUGIN_H
#define CNI_PLUGIN_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "cni/args.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "cni/result.h"
#include "cni/version.h"

/* One call, as a handler sees it. */
struct cni_call {
	struct cni_env env; /* DEL: netns is "" also when it turned out to be our own namespace */
	struct cni_args args;
	struct cni_conf conf;
	struct buf in;            /* stdin, byte for byte, for delegation */
	char *const *envp;        /* all of the environment, for delegation */
	int err_fd;               /* where a delegate's stderr goes */
	struct deadline deadline; /* when the whole call should be over */
	struct buf *out;          /* ADD: cni_result_print(&r, c->conf.version, c->out, e) */
};

/* Which call it is, behind each line of the log. */
void cni_call_log(const struct cni_call *c, struct log *l);

typedef int cni_handler(struct cni_call *c, struct err *e);

struct cni_plugin {
	const char *name;
	cni_handler *add;                       /* never NULL */
	cni_handler *del, *check, *gc, *status; /* NULL: nothing to do, success */
	int timeout_ms;                         /* for one call, 0: CNI_CALL_TIMEOUT_MS */
};
#define CNI_CALL_TIMEOUT_MS  110000 /* below kubelet's two minutes */
#define CNI_STDIN_TIMEOUT_MS 30000

struct cni_io {
	int in;  /* the request; not read for VERSION */
	int err; /* for delegates */
};

struct cni_answer {
	struct buf out, err; /* for stdout and stderr */
	int status;          /* exit status */
};

/* Fills a (zeroed by the caller). Never prints, never exits. Ignores SIGPIPE from then on: neither a delegate
 * nor a runtime that went away may kill a plugin halfway. */
void cni_plugin_run(const struct cni_plugin *p, char *const *envp, const struct cni_io *io,
		    struct cni_answer *a);
/* Writes both texts; returns the exit status, 1 when stdout could not take all of it (then the reason is
 * tried on err_fd). */
int cni_answer_write(const struct cni_answer *a, int out_fd, int err_fd);
void cni_answer_clear(struct cni_answer *a);

#endif
