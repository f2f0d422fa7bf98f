/* SPDX-License-Identifier: Apache-2.0 */
/* plugin.c - the frame of a plugin: from environment and stdin to one document and an exit status */
#include "cni/plugin.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/error.h"
#include "json/json.h"

static const char no_memory[] = "{\"cniVersion\":\"1.1.0\",\"code\":999,\"msg\":\"out of memory\"}\n";

struct versions {
	char *version;
	struct json_strv supported;
};

static const struct json_field versions_fields[] = {
	JF(struct versions, version, "cniVersion"),
	JF(struct versions, supported, "supportedVersions"),
};
static const struct json_table versions_table = JSON_TABLE(struct versions, "versions", versions_fields);

static int print_versions(struct buf *out, struct err *e)
{
	char *list[CNI_VERSION_MAX + 1] = { NULL };
	const struct versions v = {
		.version = (char *)cni_version_text(CNI_VERSION_LATEST),
		.supported = { .v = list, .n = CNI_VERSION_MAX, .set = true },
	};

	for (int i = 0; i < CNI_VERSION_MAX; i++)
		list[i] = (char *)cni_version_text((enum cni_version)i);
	return json_encode_text(&versions_table, &v, out, e);
}

/* A standard descriptor that is closed would be given to the next file, and the document written into that.
 * What stands in cannot be written to, so that a document without a reader is still a failure. */
static void occupy_standard_fds(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return; /* no /dev: nothing to be done about it */
}

/* All of stdin; a runtime that never closes it must not hold us. */
static int read_request(int fd, struct deadline d, struct buf *in, struct err *e)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char chunk[16384];
	ssize_t n;

	if (fd < 0)
		return err_sys(e, EBADF, "read stdin");
	for (;;) {
		int ready = poll(&p, 1, (int)deadline_left(d));

		if (ready < 0 && errno == EINTR)
			continue;
		if (ready == 0)
			return err_code(e, ERR_IO, ETIMEDOUT, "stdin was not closed within %d s",
					CNI_STDIN_TIMEOUT_MS / 1000);
		n = read(fd, chunk, sizeof(chunk));
		if (n == 0)
			break;
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return err_sys(e, errno, "read stdin");
		if (n > 0)
			buf_add(in, chunk, (size_t)n);
		if (in->err == -EFBIG)
			return err_code(e, ERR_DECODE, EFBIG,
					"network configuration: larger than the limit of %zu bytes", in->max);
		if (in->err)
			return err_nomem(e);
	}
	return 0;
}

/* A plugin that works in its own namespace by mistake would rework the host's network. DEL then undoes what
 * can be undone without a namespace, as when it is gone: failing would keep the rest of the chain from being
 * deleted. */
static int check_netns(struct cni_env *env, struct err *e)
{
	if (env->netns_override || !*env->netns || !cni_netns_is_own(env->netns))
		return 0;
	if (env->verb == CNI_DEL) {
		env->netns = "";
		return 0;
	}
	return err_code(
		e, ERR_NETNS, EINVAL,
		"CNI_NETNS %.256s is the plugin's own network namespace: name that of the container, or set "
		"CNI_NETNS_OVERRIDE=1",
		env->netns);
}

static int prepare(const struct cni_io *io, struct cni_call *c, enum cni_version *version, struct err *e)
{
	int r = read_request(io->in, deadline_min(c->deadline, deadline_in(CNI_STDIN_TIMEOUT_MS)), &c->in, e);

	if (r == 0)
		r = cni_conf_parse(buf_cstr(&c->in), c->in.len, &c->conf, version, e);
	if (r == 0)
		r = cni_verb_allowed(c->env.verb, c->conf.version, e);
	if (r == 0)
		r = cni_args_parse(c->env.args, c->env.verb == CNI_DEL, &c->args, e);
	if (r == 0)
		r = check_netns(&c->env, e);
	if (r == 0 && c->env.verb == CNI_GC && !c->conf.valid.set)
		/* no list is not an empty list: do not delete everything */
		r = err_code(e, ERR_CONFIG, EINVAL,
			     "network configuration: GC needs the list cni.dev/valid-attachments");
	return r;
}

static int call_handler(const struct cni_plugin *p, struct cni_call *c, struct err *e)
{
	cni_handler *const handlers[CNI_VERB_MAX] = {
		[CNI_ADD] = p->add, [CNI_DEL] = p->del,       [CNI_CHECK] = p->check,
		[CNI_GC] = p->gc,   [CNI_STATUS] = p->status,
	};
	cni_handler *handler = handlers[c->env.verb];
	int r;

	assert(p->add);
	r = handler ? handler(c, e) : 0;
	if (r < 0)
		return r;
	if (c->env.verb != CNI_ADD)
		buf_reset(c->out);
	else if (!c->out->len && !c->out->err)
		return err_set(e, EPROTO, "%s: ADD made no result", p->name);
	return c->out->err ? err_sys(e, -c->out->err, "print the result") : 0;
}

static void call_clear(struct cni_call *c)
{
	cni_args_clear(&c->args);
	cni_conf_clear(&c->conf);
	buf_clear(&c->in);
}

static int run(const struct cni_plugin *p, char *const *envp, const struct cni_io *io, struct buf *out,
	       enum cni_version *version, struct err *e)
{
	CLEANUP(call_clear)
	struct cni_call c = {
		.in = BUF_INIT(CNI_CONF_TEXT_MAX),
		.envp = envp,
		.err_fd = io->err,
		.deadline = deadline_in(p->timeout_ms ? p->timeout_ms : CNI_CALL_TIMEOUT_MS),
		.out = out,
	};
	int r = cni_env_read(envp, &c.env, e);

	if (r < 0)
		return r;
	if (c.env.verb == CNI_VERSION)
		return print_versions(out, e);
	r = prepare(io, &c, version, e);
	return r < 0 ? r : call_handler(p, &c, e);
}

void cni_plugin_run(const struct cni_plugin *p, char *const *envp, const struct cni_io *io,
		    struct cni_answer *a)
{
	enum cni_version version = CNI_VERSION_LATEST;
	struct err e = { 0 };
	char supported[128];

	a->out.max = CNI_RESULT_TEXT_MAX;
	a->err.max = ERR_MSG_MAX;
	signal(SIGPIPE, SIG_IGN);
	occupy_standard_fds();
	if (!*cni_env_get(envp, "CNI_COMMAND")) {
		buf_fmt(&a->err,
			"CNI plugin %s %s (Spiderpool); it is run by a container runtime\n"
			"CNI protocol versions supported: %s\n",
			p->name, SPIDERPOOL_VERSION, cni_version_list());
		return;
	}
	if (run(p, envp, io, &a->out, &version, &e) < 0) {
		buf_reset(&a->out);
		snprintf(supported, sizeof(supported), "%s supports %s", p->name, cni_version_list());
		cni_error_print(&e, version, e.cni == ERR_VERSION ? supported : NULL, &a->out);
		a->status = 1;
	}
	if (a->out.len)
		buf_chr(&a->out, '\n');
	if (a->out.err)
		a->status = 1;
}

void cni_call_log(const struct cni_call *c, struct log *l)
{
	log_context(l, "cmd", cni_verb_text(c->env.verb));
	log_context(l, "network", c->conf.name);
	log_context(l, "containerID", c->env.container_id);
	log_context(l, "ifname", c->env.ifname);
	log_context(l, "namespace", c->args.pod_namespace);
	log_context(l, "pod", c->args.pod_name);
}

int cni_answer_write(const struct cni_answer *a, int out_fd, int err_fd)
{
	const char *text = a->out.err ? no_memory : buf_cstr(&a->out);
	struct err e = { 0 };
	int r;

	if (a->err.len)
		file_write_fd(err_fd, "stderr", a->err.s, a->err.len, &e);
	r = file_write_fd(out_fd, "stdout", text, strlen(text), &e);
	if (r == 0)
		return a->status;
	file_write_fd(err_fd, "stderr", e.msg, strlen(e.msg), &(struct err){ 0 });
	return 1;
}

void cni_answer_clear(struct cni_answer *a)
{
	buf_clear(&a->out);
	buf_clear(&a->err);
}
