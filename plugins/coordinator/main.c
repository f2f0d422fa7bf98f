/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - coordinator, the CNI plugin that makes underlay pods reachable from their node */
#include <unistd.h>

#include "base/own.h"
#include "verbs.h"

static const struct cni_plugin coordinator = {
	.name = "coordinator",
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
	cni_plugin_run(&coordinator, envp, &(struct cni_io){ STDIN_FILENO, STDERR_FILENO }, &a);
	return cni_answer_write(&a, STDOUT_FILENO, STDERR_FILENO);
}
