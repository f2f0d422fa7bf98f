/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - ifacer, the CNI plugin that makes VLANs and bonds for the main plugin behind it */
#include <unistd.h>

#include "base/own.h"
#include "verbs.h"

static const struct cni_plugin ifacer = {
	.name = "ifacer",
	.add = verb_add,
	.del = verb_del,
	.check = verb_check,
	.gc = verb_gc,
	.status = verb_status,
};

int main(int argc, char **argv, char **envp)
{
	CLEANUP(cni_answer_clear) struct cni_answer a = { 0 };

	(void)argc;
	(void)argv;
	cni_plugin_run(&ifacer, envp, &(struct cni_io){ STDIN_FILENO, STDERR_FILENO }, &a);
	return cni_answer_write(&a, STDOUT_FILENO, STDERR_FILENO);
}
