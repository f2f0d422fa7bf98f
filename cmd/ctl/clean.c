/* SPDX-License-Identifier: Apache-2.0 */
/* clean.c - clean: everything of Spiderpool out of a cluster */
#include "ipam/clean.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"

#define CONTROLLER "spiderpool-controller"
#define NAMESPACE  "kube-system"
#define CLEAN_MS   300000

struct clean {
	const char *ns, *validate, *mutating;
	bool yes, dry_run;
};

static void told(const char *sentence, void *arg)
{
	ctl_note(arg, "%s", sentence);
}

/* On a terminal, by its server's name: whoever has two clusters may be in the wrong one. */
static int confirm(struct ctl *c, struct ipam_clean *x, struct err *e)
{
	char line[16] = "";
	int r;

	if (!isatty(STDIN_FILENO))
		return ctl_usage(e,
				 "clean: this removes all pools and every record of who has which address; "
				 "say --yes, or --dry-run to see what there is");
	x->dry_run = true;
	r = ipam_clean(x, deadline_in(CLEAN_MS), e);
	if (r < 0)
		return r;
	x->dry_run = false;
	x->objects = x->kinds = 0;
	ctl_note(c, "cluster %s: pods that run lose the record of their addresses. Type \"yes\" to go on:",
		 kube_server(x->k));
	r = ctl_flush(c, e);
	if (r < 0)
		return r;
	if (!fgets(line, sizeof(line), stdin) || strcmp(line, "yes\n") != 0)
		return err_set(e, ECANCELED, "clean: nothing was removed");
	return 0;
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct clean *o = args;
	struct ipam_clean x = { .ns = o->ns ? o->ns : NAMESPACE,
				.validating = o->validate ? o->validate : CONTROLLER,
				.mutating = o->mutating ? o->mutating : CONTROLLER,
				.dry_run = o->dry_run,
				.told = told,
				.arg = c };
	CLEANUP(kube_close_p) struct kube *k = NULL;
	int r;

	if (!c->cluster)
		return ctl_usage(e, "clean: want --kubeconfig FILE; a state directory is removed by rm");
	r = kube_open_any(c->kubeconfig, c->given.context, c->env_kube_host, c->env_kube_port, &k, e);
	x.k = k;
	if (r == 0 && !o->yes && !o->dry_run)
		r = confirm(c, &x, e);
	if (r == 0)
		r = ipam_clean(&x, deadline_in(c->given.timeout.set ? c->timeout_ms : CLEAN_MS), e);
	if (r < 0)
		return r;
	ctl_note(c, "%zu objects of %zu kinds%s", x.objects, x.kinds,
		 o->dry_run ? " (dry run)" : "; now \"kubectl delete -k deploy\"");
	return 0;
}

static const struct option opts[] = {
	OPT(struct clean, yes, 'y', "yes", NULL, .help = "do not ask"),
	OPT(struct clean, dry_run, 0, "dry-run", NULL, .help = "only tell what there is"),
	OPT(struct clean, ns, 'n', "namespace", "NS",
	    .help = "where it is installed (default " NAMESPACE ")"),
	OPT(struct clean, validate, 0, "validate", "NAME",
	    .help = "the validating webhook configuration (default " CONTROLLER ")"),
	OPT(struct clean, mutating, 0, "mutating", "NAME",
	    .help = "the mutating webhook configuration (default " CONTROLLER ")"),
};

const struct command cmd_clean = {
	.name = "clean",
	.summary = "remove everything of Spiderpool from a cluster, before it is uninstalled",
	.text = "Webhook configurations, all objects of group spiderpool.spidernet.io with their finalizers,\n"
		"their definitions. Remove what has Pods on its networks first: nobody knows afterwards who\n"
		"has which address.",
	OPTIONS(struct clean, opts),
	.run = run,
};
