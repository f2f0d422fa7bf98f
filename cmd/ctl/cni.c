/* SPDX-License-Identifier: Apache-2.0 */
/* cni.c - cni add, del, check, gc, status: a small runtime, for trying a network without one
 *
 * Results are cached in libcni's place and format, so podman, cnitool and this command can undo each other's
 * attachments.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/own.h"
#include "cni/conflist.h"
#include "cni/env.h"
#include "commands.h"
#include "doc.h"
#include "sandbox.h"
#include "section.h"

#define CNI_PATH_DEFAULT "/opt/cni/bin:/usr/lib/cni"
#define INTERRUPTED      130

struct cni_opts {
	const char *ifname, *container, *path, *args, *capability_args, *cache_dir;
	struct opt_list valid;
};

struct call {
	struct ctl *c;
	const struct cni_opts *opts;
	struct cni_network network;
	struct cni_runtime rt;
	struct json_map args;
	struct json_object *capability_args;
	char netns[4096], container[300];
};

/* ---- Ctrl-C: a chain is not cut in the middle ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	static const char text[] = "spiderpoolctl: waiting for the plugins to end; once more ends at once\n";
	ssize_t ignored;

	(void)sig;
	if (interrupted)
		_exit(INTERRUPTED);
	interrupted = 1;
	ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
}

static void catch_interrupts(void)
{
	const struct sigaction sa = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART };

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

/* ---- the call ---- */

static int read_args(const char *text, struct json_map *ret, struct err *e)
{
	int r = 0;

	for (const char *p = text; r == 0 && *p;) {
		size_t len = strcspn(p, ";");
		CLEANUP(free_p) char *pair = strndup(p, len);
		char *eq = pair ? strchr(pair, '=') : NULL;

		if (!pair)
			return err_nomem(e);
		if (len && (!eq || eq == pair))
			return ctl_usage(e, "--args \"%.64s\": want KEY=VALUE;KEY=VALUE", pair);
		if (len) {
			*eq = '\0';
			r = json_map_set(ret, pair, eq + 1, e);
		}
		p += len + (p[len] == ';');
	}
	return r;
}

static int read_capability_args(struct call *x, struct err *e)
{
	const char *text = x->opts->capability_args;

	if (!text)
		return 0;
	if (json_parse(text, strlen(text), "--capability-args", &x->capability_args, e) < 0)
		return ctl_usage(e, "%s", e->msg);
	if (!json_object_is_type(x->capability_args, json_type_object))
		return ctl_usage(e, "--capability-args: want a JSON object such as {\"mac\": \"...\"}");
	return 0;
}

/* A name as "ip netns" has it, or a path; the container's ID follows from it. */
static int name_sandbox(struct call *x, const char *netns, struct err *e)
{
	const char *base = netns ? strrchr(netns, '/') : NULL;

	base = base ? base + 1 : netns;
	if (netns)
		snprintf(x->netns, sizeof(x->netns), "%s%s", strchr(netns, '/') ? "" : "/run/netns/", netns);
	if (x->opts->container)
		snprintf(x->container, sizeof(x->container), "%s", x->opts->container);
	else if (netns && cni_name_ok(base) &&
		 (base == netns || strncmp(netns, "/run/netns/", 11) == 0 ||
		  strncmp(netns, "/var/run/netns/", 15) == 0))
		snprintf(x->container, sizeof(x->container), "%s", base);
	else if (netns)
		snprintf(x->container, sizeof(x->container), "netns-%016llx",
			 (unsigned long long)XXH3_64bits(netns, strlen(netns)));
	else
		return ctl_usage(e, "want NETNS, or --container-id");
	return 0;
}

static int begin(struct call *x, struct ctl *c, const void *args, bool sandbox, struct err *e)
{
	const char *path = *c->env_cni_path ? c->env_cni_path : CNI_PATH_DEFAULT;
	int r;

	*x = (struct call){ .c = c, .opts = args };
	r = sandbox ? name_sandbox(x, ctl_operand(c, 1), e) : 0;
	if (r == 0 && x->opts->args)
		r = read_args(x->opts->args, &x->args, e);
	if (r == 0)
		r = read_capability_args(x, e);
	if (r == 0)
		r = network_load(c->in.operands[0], &x->network, e);
	x->rt = (struct cni_runtime){
		.container_id = x->container,
		.netns = x->netns,
		.ifname = x->opts->ifname ? x->opts->ifname : "eth0",
		.args = x->opts->args ? &x->args : NULL,
		.capability_args = x->capability_args,
		.path = x->opts->path ? x->opts->path : path,
		.cache_dir = x->opts->cache_dir ? x->opts->cache_dir : CNI_CACHE_DIR,
		.envp = c->envp,
		.err_fd = STDERR_FILENO,
		.timeout_ms = c->given.timeout.set && c->timeout_ms < CNI_PLUGIN_TIMEOUT_MS
				      ? (int)c->timeout_ms
				      : 0,
	};
	catch_interrupts();
	return r;
}

static void end(struct call *x)
{
	if (interrupted)
		x->c->status = INTERRUPTED;
	cni_network_clear(&x->network);
	json_map_clear(&x->args);
	json_put_p(&x->capability_args);
}

/* Programs are told that it was done; people hear nothing when nothing went wrong. */
static int tell(struct call *x, const char *verb, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct doc d;

	if (!out_is_tree(&x->c->out))
		return 0;
	d = doc_new(e);
	doc_text(&d, "verb", verb);
	doc_text(&d, "network", x->network.name);
	doc_text(&d, "containerID", x->container);
	doc_text(&d, "ifname", x->container[0] ? x->rt.ifname : NULL);
	doc_bool(&d, "done", true);
	return doc_end(&d, &tree) < 0 ? -e->sys : out_tree(&x->c->out, tree, e);
}

/* ---- verbs ---- */

static int add(struct call *x, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *result = NULL;
	enum out_format format = x->c->out.format;
	int r = cni_network_add(&x->network, &x->rt, &result, e);

	if (r < 0)
		return r;
	if (interrupted) {
		r = cni_network_del(&x->network, &x->rt, e);
		return r < 0 ? err_wrap(e, "interrupted; undoing ADD") : 0;
	}
	if (format != OUT_YAML)
		x->c->out.format = OUT_JSON; /* a result is JSON, whoever reads it */
	return out_tree(&x->c->out, result, e);
}

static int run_add(struct ctl *c, const void *args, struct err *e)
{
	struct call x;
	int r = begin(&x, c, args, true, e);

	if (r == 0)
		r = add(&x, e);
	end(&x);
	return r;
}

static int run_del(struct ctl *c, const void *args, struct err *e)
{
	struct call x;
	int r = begin(&x, c, args, true, e);

	if (r == 0)
		r = cni_network_del(&x.network, &x.rt, e);
	if (r == 0)
		r = tell(&x, "DEL", e);
	end(&x);
	return r;
}

static int run_check(struct ctl *c, const void *args, struct err *e)
{
	struct call x;
	int r = begin(&x, c, args, true, e);

	if (r == 0)
		r = cni_network_check(&x.network, &x.rt, e);
	if (r == 0)
		r = tell(&x, "CHECK", e);
	end(&x);
	return r;
}

static int run_status(struct ctl *c, const void *args, struct err *e)
{
	struct call x;
	int r = begin(&x, c, args, false, e);

	if (r == 0)
		r = cni_network_status(&x.network, &x.rt, e);
	if (r < 0 && (e->cni == ERR_UNAVAILABLE || e->cni == ERR_LIMITED)) {
		ctl_complain(c, e);
		c->status = CTL_FINDINGS;
		r = 0;
	} else if (r == 0) {
		r = tell(&x, "STATUS", e);
	}
	end(&x);
	return r;
}

/* ---- gc ---- */

static int add_valid(struct cni_attachment **list, size_t *n, const char *container, size_t len,
		     const char *ifname, struct err *e)
{
	struct cni_attachment *v = realloc(*list, (*n + 1) * sizeof(*v));

	if (!v)
		return err_nomem(e);
	*list = v;
	v[*n] = (struct cni_attachment){ strndup(container, len), strdup(ifname) };
	++*n;
	return v[*n - 1].container_id && v[*n - 1].ifname ? 0 : err_nomem(e);
}

static void free_valid(struct cni_attachment *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		free(v[i].container_id);
		free(v[i].ifname);
	}
	free(v);
}

/* Those named, and those whose network namespace may still be there. */
static int list_valid(const struct call *x, struct cni_attachment **list, size_t *n, struct err *e)
{
	CLEANUP(sandboxes_clear) struct sandboxes known = { 0 };
	int r = 0;

	for (size_t i = 0; r == 0 && i < x->opts->valid.n; i++) {
		const char *id = x->opts->valid.v[i], *slash = strchr(id, '/');

		if (!slash || slash == id || !slash[1])
			return ctl_usage(e, "--valid \"%.64s\": want CONTAINER-ID/IFNAME", id);
		r = add_valid(list, n, id, (size_t)(slash - id), slash + 1, e);
	}
	if (r == 0)
		r = sandboxes_load(x->rt.cache_dir, &known, e);
	for (size_t i = 0; r == 0 && i < known.n; i++) {
		const struct sandbox *s = &known.v[i];

		if (strcmp(s->network, x->network.name) == 0 && netns_look_path(s->netns) != NETNS_GONE)
			r = add_valid(list, n, s->container, strlen(s->container), s->nic, e);
	}
	return r;
}

static int run_gc(struct ctl *c, const void *args, struct err *e)
{
	struct cni_attachment *valid = NULL;
	struct call x;
	size_t n = 0;
	int r = begin(&x, c, args, false, e);

	if (r == 0)
		r = list_valid(&x, &valid, &n, e);
	if (r == 0)
		r = cni_network_gc(&x.network, &x.rt, valid, n, e);
	if (r == 0)
		r = tell(&x, "GC", e);
	if (r == 0)
		ctl_note(c, "network %s: %zu attachments are valid, what others left is removed",
			 x.network.name, n);
	free_valid(valid, n);
	end(&x);
	return r;
}

/* ---- tables ---- */

#define COMMON_OPTIONS \
	OPT(struct cni_opts, path, 0, "cni-path", "DIR:DIR", .offer = OFFER_FILE, \
	    .help = "where the plugins are (default $CNI_PATH, else " CNI_PATH_DEFAULT ")"), \
		OPT(struct cni_opts, cache_dir, 0, "cache-dir", "DIR", .offer = OFFER_FILE, \
		    .help = "where results are remembered (default " CNI_CACHE_DIR ")")

static const struct option sandbox_opts[] = {
	OPT(struct cni_opts, ifname, 'i', "ifname", "NIC", .help = "the interface's name (default eth0)"),
	OPT(struct cni_opts, container, 0, "container-id", "ID", .help = "default: follows from NETNS"),
	OPT(struct cni_opts, args, 0, "args", "K=V;...", .help = "CNI_ARGS"),
	OPT(struct cni_opts, capability_args, 0, "capability-args", "JSON",
	    .help = "an object; each plugin gets what it declares"),
	COMMON_OPTIONS,
};

static const struct option gc_opts[] = {
	OPT(struct cni_opts, valid, 0, "valid", "ID/NIC",
	    .help = "keep this one too; may be given several times"),
	COMMON_OPTIONS,
};

static const struct option status_opts[] = { COMMON_OPTIONS };

static const struct command cmd_add = {
	.name = "add",
	.operands = "CONFLIST NETNS",
	.summary = "attach a network namespace to a network and print the result",
	OPTIONS(struct cni_opts, sandbox_opts),
	.min = 2,
	.max = 2,
	.offer = { OFFER_FILE, OFFER_NETNS },
	.run = run_add,
};

static const struct command cmd_del = {
	.name = "del",
	.operands = "CONFLIST [NETNS]",
	.summary = "undo add; NETNS may be gone, or be left out with --container-id",
	OPTIONS(struct cni_opts, sandbox_opts),
	.min = 1,
	.max = 2,
	.offer = { OFFER_FILE, OFFER_NETNS },
	.run = run_del,
};

static const struct command cmd_check = {
	.name = "check",
	.operands = "CONFLIST [NETNS]",
	.summary = "is everything still as add left it?",
	OPTIONS(struct cni_opts, sandbox_opts),
	.min = 1,
	.max = 2,
	.offer = { OFFER_FILE, OFFER_NETNS },
	.run = run_check,
};

static const struct command cmd_cni_gc = {
	.name = "gc",
	.operands = "CONFLIST",
	.summary = "remove what attachments without a network namespace have left",
	OPTIONS(struct cni_opts, gc_opts),
	.min = 1,
	.max = 1,
	.offer = { OFFER_FILE },
	.run = run_gc,
};

static const struct command cmd_cni_status = {
	.name = "status",
	.operands = "CONFLIST",
	.summary = "are the plugins of the network ready? Exit status 5 when not",
	OPTIONS(struct cni_opts, status_opts),
	.min = 1,
	.max = 1,
	.offer = { OFFER_FILE },
	.run = run_status,
};

static const struct command *const commands[] = {
	&cmd_add, &cmd_del, &cmd_check, &cmd_cni_gc, &cmd_cni_status, NULL,
};

const struct command cmd_cni = {
	.name = "cni",
	.summary = "run the plugins of a network by hand, as a runtime would",
	.text = "CONFLIST is a .conflist or .conf file, or the name of a network in " NETWORK_DIR ".\n"
		"NETNS is a name as in \"ip netns\" or a path.",
	.only_local = "in a cluster kubelet's runtime runs the plugins of a network",
	.sub = commands,
};
