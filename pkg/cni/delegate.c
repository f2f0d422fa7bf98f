/* SPDX-License-Identifier: Apache-2.0 */
/* delegate.c - handing a call on to another plugin */
#include "cni/delegate.h"

#include <errno.h>
#include <stdio.h>

#include "base/own.h"
#include "cni/exec.h"

#define UNDO_MS 20000 /* a DEL after an ADD that used up the time of the call */

static int delegate(const struct cni_call *c, enum cni_verb verb, const char *type, struct deadline d,
		    struct buf *out, struct err *e)
{
	CLEANUP(free_p) char *program = NULL;
	CLEANUP(free_p) char **envp = NULL;
	char command[32];
	int r;

	snprintf(command, sizeof(command), "CNI_COMMAND=%s", cni_verb_text(verb));
	r = cni_env_with(c->envp, (const char *const[]){ command, NULL }, &envp, e);
	if (r == 0)
		r = cni_find_program(type, c->env.path, &program, e);
	if (r == 0)
		r = cni_exec_run(&(struct cni_exec){ .program = program,
						     .envp = envp,
						     .in = buf_cstr(&c->in),
						     .in_len = c->in.len,
						     .deadline = d,
						     .err_fd = c->err_fd },
				 out, e);
	return r < 0 ? err_wrap(e, "delegated plugin %.64s: %s", type, cni_verb_text(verb)) : 0;
}

int cni_delegate(const struct cni_call *c, enum cni_verb verb, const char *type, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = { 0 };

	return delegate(c, verb, type, c->deadline, &out, e);
}

static int add(const struct cni_call *c, const char *type, struct cni_result *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf out = { 0 };
	int r = delegate(c, CNI_ADD, type, c->deadline, &out, e);

	if (r < 0)
		return r;
	r = cni_result_parse(buf_cstr(&out), out.len, c->conf.version, "its result", ret, e);
	if (r == 0 && !ret->ips.n)
		r = err_set(e, EPROTO, "IPAM plugin returned missing IP config");
	return r < 0 ? err_wrap(e, "delegated plugin %.64s: ADD", type) : 0;
}

int cni_delegate_add(const struct cni_call *c, const char *type, struct cni_result *ret, struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result result = { 0 };
	CLEANUP(buf_clear) struct buf out = { 0 };
	struct deadline d = c->deadline;
	struct err ignored;
	int r = add(c, type, &result, e);

	*ret = (struct cni_result){ 0 };
	if (r < 0) {
		if (deadline_left(d) < UNDO_MS)
			d = deadline_in(UNDO_MS);
		delegate(c, CNI_DEL, type, d, &out, &ignored);
		return r;
	}
	*ret = result;
	result = (struct cni_result){ 0 };
	return 0;
}
