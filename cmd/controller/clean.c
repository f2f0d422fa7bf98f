/* SPDX-License-Identifier: Apache-2.0 */
/* clean.c - spiderpool-controller clean: everything of Spiderpool out of the cluster, before it is
 * uninstalled
 *
 * Of the SR-IOV operator, which is not installed with it, nothing is removed.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "controller.h"
#include "ipam/clean.h"

#define CLEAN_MS 300000

static void told(const char *sentence, void *arg)
{
	(void)arg;
	say(LOG_LEVEL_INFO, "%s", sentence);
}

/* --NAME VALUE, --NAME=VALUE. */
static bool option(char **argv, int argc, int *i, const char *name, const char **ret)
{
	size_t len = strlen(name);

	if (strncmp(argv[*i], name, len) != 0)
		return false;
	if (argv[*i][len] == '=')
		*ret = argv[*i] + len + 1;
	else if (argv[*i][len] || *i + 1 == argc)
		return false;
	else
		*ret = argv[++*i];
	return true;
}

static int read_args(int argc, char **argv, struct ipam_clean *x, struct err *e)
{
	for (int i = 2; i < argc; i++)
		if (!option(argv, argc, &i, "--validate", &x->validating) &&
		    !option(argv, argc, &i, "--mutating", &x->mutating))
			return err_code(
				e, ERR_CONFIG, EINVAL,
				"usage: spiderpool-controller clean [--validate NAME] [--mutating NAME]: "
				"names of webhook configurations; got \"%.64s\"",
				argv[i]);
	return 0;
}

int clean_main(int argc, char **argv, char **envp)
{
	struct ipam_clean x = { .ns = cni_env_get(envp, "SPIDERPOOL_POD_NAMESPACE"), .told = told };
	CLEANUP(kube_close_p) struct kube *k = NULL;
	struct err e;
	int r = read_args(argc, argv, &x, &e);

	if (r < 0) {
		fprintf(stderr, "spiderpool-controller: %s\n", e.msg);
		return 2;
	}
	if (!*x.ns)
		x.ns = "kube-system";
	r = kube_open_any(cni_env_get(envp, "KUBECONFIG"), NULL, cni_env_get(envp, "KUBERNETES_SERVICE_HOST"),
			  cni_env_get(envp, "KUBERNETES_SERVICE_PORT"), &k, &e);
	x.k = k;
	if (r == 0)
		r = ipam_clean(&x, deadline_in(CLEAN_MS), &e);
	if (r < 0)
		say(LOG_LEVEL_ERROR, "%s", e.msg);
	return r < 0;
}
