/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spiderpoolctl: the table of commands, the surroundings, what is printed and the exit status */
#include <errno.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/own.h"
#include "cni/env.h"
#include "commands.h"
#include "ctl.h"
#include "help.h"

#define TEXT_MAX ((size_t)2 << 30) /* of one run on stdout */

static const char *const formats[] = { "table", "wide", "json", "yaml", "name", NULL }; /* enum out_format */

static const struct option global_options[] = {
	OPT(struct ctl_globals, state_dir, 0, "state-dir", "DIR", .offer = OFFER_FILE,
	    .help = "the state directory (default $SPIDERPOOL_STATE_DIR, else " STORE_LOCAL_DIR ")"),
	OPT(struct ctl_globals, kubeconfig, 0, "kubeconfig", "FILE", .offer = OFFER_FILE,
	    .help = "a cluster, by this file (default $KUBECONFIG, unless a state directory is named)"),
	OPT(struct ctl_globals, context, 0, "context", "NAME", .help = "of the kubeconfig"),
	OPT(struct ctl_globals, in_cluster, 0, "in-cluster", NULL,
	    .help = "the cluster of the pod that this runs in, by its service account"),
	OPT(struct ctl_globals, output, 'o', "output", "FORMAT", .one_of = formats,
	    .help = "table (default), wide, json, yaml or name"),
	OPT(struct ctl_globals, timeout, 0, "timeout", "TIME",
	    .help = "for each wait, such as for the store's lock (default 30s)"),
	OPT(struct ctl_globals, help, 'h', "help", NULL, .help = "this text"),
	OPT(struct ctl_globals, version, 0, "version", NULL, .help = "the version of the program"),
};

static const struct command *const commands[] = {
	&cmd_apply,   &cmd_get,    &cmd_describe, &cmd_delete,
	&cmd_ip,      &cmd_gc,     &cmd_fsck,     &cmd_import,
	&cmd_why,     &cmd_plan,   &cmd_top,      &cmd_backup,
	&cmd_restore, &cmd_status, &cmd_cni,      &cmd_install_plugins,
	&cmd_clean,   &cmd_help,   &cmd_complete, NULL,
};

const struct command cmd_program = {
	.name = "spiderpoolctl",
	.summary = "addresses of containers, on a state directory or a cluster",
	.text = "Exit status: 0 done, 1 refused or failed, 2 called wrong, 3 not found, 4 try again,\n"
		"5 done and the answer is no (fsck found something, plan does not fit).",
	.sub = commands,
	.opts = global_options,
	.n_opts = ARRAY_LEN(global_options),
};

/* ---- what commands say ---- */

int ctl_status_of(const struct err *e)
{
	if (e->cni == OPTIONS_USAGE)
		return CTL_USAGE;
	if (e->cni == ERR_TRY_AGAIN || e->sys == ETIMEDOUT || e->sys == EAGAIN)
		return CTL_AGAIN;
	return e->sys == ENOENT ? CTL_MISSING : CTL_FAILED;
}

/* Sentences quote what files say: nothing in them may steer a terminal. */
static void add_error(struct ctl *c, const char *kind, const char *sentence)
{
	buf_fmt(&c->errors, "spiderpoolctl: %s", kind);
	for (const char *p = sentence; *p; p++)
		buf_chr(&c->errors, (unsigned char)*p < ' ' || *p == 0x7f ? '?' : *p);
	buf_chr(&c->errors, '\n');
}

void ctl_complain(struct ctl *c, const struct err *e)
{
	add_error(c, "", e->msg);
	if (c->status == CTL_OK || c->status == CTL_FINDINGS)
		c->status = ctl_status_of(e);
}

void ctl_warn(struct ctl *c, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_error(c, "warning: ", text);
}

void ctl_note(struct ctl *c, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	add_error(c, "", text);
}

int ctl_usage(struct err *e, const char *fmt, ...)
{
	char text[ERR_MSG_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return err_code(e, OPTIONS_USAGE, EINVAL, "%s", text);
}

int ctl_flush(struct ctl *c, struct err *e)
{
	struct err on_stderr;
	int r = out_finish(&c->out, e);

	if (r == 0)
		r = file_write_fd(STDOUT_FILENO, "standard output", buf_cstr(&c->out.text), c->out.text.len,
				  e);
	buf_reset(&c->out.text);
	(void)file_write_fd(STDERR_FILENO, "standard error", buf_cstr(&c->errors), c->errors.len, &on_stderr);
	buf_reset(&c->errors);
	return r;
}

/* ---- one run ---- */

static void read_environment(struct ctl *c, char *const *envp)
{
	const char *term = cni_env_get(envp, "TERM");

	setlocale(LC_CTYPE, "");
	c->envp = envp;
	c->state_dir = cni_env_get(envp, "SPIDERPOOL_STATE_DIR");
	c->env_kubeconfig = cni_env_get(envp, "KUBECONFIG");
	c->env_kube_host = cni_env_get(envp, "KUBERNETES_SERVICE_HOST");
	c->env_kube_port = cni_env_get(envp, "KUBERNETES_SERVICE_PORT");
	c->env_cni_path = cni_env_get(envp, "CNI_PATH");
	c->utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	c->tty = isatty(STDOUT_FILENO);
	c->color = c->tty && !*cni_env_get(envp, "NO_COLOR") && *term && strcmp(term, "dumb") != 0;
}

/* The plugin, which is told the name in a sentence, runs elsewhere. */
static int make_absolute(struct ctl *c, struct err *e)
{
	static char path[2 * PATH_MAX];
	size_t len;

	if (c->state_dir[0] == '/')
		return 0;
	if (!getcwd(path, PATH_MAX))
		return err_sys(e, errno, "find out the working directory");
	len = strlen(path);
	snprintf(path + len, sizeof(path) - len, "/%s", c->state_dir);
	c->state_dir = path;
	return 0;
}

/* What an option says comes before the environment, there a state directory before a kubeconfig. */
static int choose_store(struct ctl *c, struct err *e)
{
	const struct ctl_globals *g = &c->given;
	bool named = g->kubeconfig || g->context || g->in_cluster;

	if (g->state_dir && named)
		return ctl_usage(
			e,
			"--state-dir is a store of its own: leave out --kubeconfig, --context and --in-cluster");
	if (g->in_cluster && (g->kubeconfig || g->context))
		return ctl_usage(e, "--in-cluster: leave out --kubeconfig and --context");
	c->cluster = named || (!g->state_dir && !*c->state_dir && *c->env_kubeconfig);
	if (!c->cluster || g->in_cluster)
		return 0;
	c->kubeconfig = g->kubeconfig ? g->kubeconfig : c->env_kubeconfig;
	if (!*c->kubeconfig)
		return ctl_usage(e,
				 "--context: want --kubeconfig FILE too, or KUBECONFIG in the environment");
	if (!g->kubeconfig && strchr(c->kubeconfig, ':'))
		return ctl_usage(e, "KUBECONFIG names several files; name one with --kubeconfig");
	return 0;
}

static int refuse_cluster(struct ctl *c, struct err *e)
{
	for (size_t i = 0; c->cluster && i < c->in.depth; i++)
		if (c->in.path[i]->only_local)
			return err_code(e, ERR_CONFIG, ENOTSUP,
					"%s: %s (this asks a cluster; --state-dir DIR asks that directory)",
					c->in.path[i]->name, c->in.path[i]->only_local);
	return 0;
}

static int take_globals(struct ctl *c, struct err *e)
{
	const struct ctl_globals *g = &c->given;
	const struct command *cmd = invocation_command(&c->in);

	if (choose_store(c, e) < 0 || refuse_cluster(c, e) < 0)
		return -e->sys;
	if (g->state_dir)
		c->state_dir = g->state_dir;
	else if (!*c->state_dir)
		c->state_dir = STORE_LOCAL_DIR;
	if (make_absolute(c, e) < 0)
		return -e->sys;
	if (g->timeout.set && !g->timeout.ms)
		return ctl_usage(e, "--timeout: want more than 0");
	c->timeout_ms = g->timeout.set ? g->timeout.ms : CTL_TIMEOUT_MS;
	while (g->output && strcmp(formats[c->out.format], g->output) != 0)
		c->out.format++;
	c->out.color = c->color;
	if (c->out.format == OUT_NAME && !cmd->names)
		return ctl_usage(e, "-o name is for objects: get, apply and delete have it");
	return 0;
}

static int run(struct ctl *c, char *const *argv, struct err *e)
{
	const struct command *cmd;
	int r = options_parse(&cmd_program, &c->given, &c->given.help, argv, &c->in, e);

	if (r < 0)
		return r;
	if (c->given.help) {
		help_print(&c->in, &c->out);
		return 0;
	}
	if (c->given.version) {
		out_line(&c->out, "spiderpoolctl %s", SPIDERPOOL_VERSION);
		return 0;
	}
	r = options_check_operands(&c->in, e);
	if (r == 0)
		r = take_globals(c, e);
	cmd = invocation_command(&c->in);
	return r < 0 ? r : cmd->run(c, c->in.values, e);
}

int main(int argc, char **argv, char **envp)
{
	struct ctl c = { .errors = BUF_INIT(BUF_MAX_DEFAULT),
			 .out = { .text = BUF_INIT(TEXT_MAX), .cells = BUF_INIT(TEXT_MAX) } };
	struct err e;

	signal(SIGPIPE, SIG_IGN);
	read_environment(&c, envp);
	if (run(&c, argv + (argc > 0), &e) < 0) {
		buf_reset(&c.out.text); /* half an answer is none */
		ctl_complain(&c, &e);
	}
	ctl_close(&c);
	if (ctl_flush(&c, &e) < 0 && e.sys != EPIPE) {
		ctl_complain(&c, &e);
		(void)ctl_flush(&c, &e);
	}
	out_clear(&c.out);
	buf_clear(&c.errors);
	options_clear(&c.in, &c.given);
	return c.status;
}
