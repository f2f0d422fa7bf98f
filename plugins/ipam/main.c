/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - spiderpool, the CNI IPAM plugin */
#include <string.h>
#include <unistd.h>

#include "base/own.h"
#include "session.h"
#include "verbs.h"

static const struct cni_plugin spiderpool = {
	.name = "spiderpool",
	.add = verb_add,
	.del = verb_del,
	.check = verb_check,
	.gc = verb_gc,
	.status = verb_status,
};

void session_emergency(const char *document, int status)
{
	ssize_t ignored = write(STDOUT_FILENO, document, strlen(document));

	(void)ignored;
	_exit(status);
}

int main(int argc, char **argv, char **envp)
{
	CLEANUP(cni_answer_clear) struct cni_answer a = { 0 };

	(void)argc;
	(void)argv;
	cni_plugin_run(&spiderpool, envp, &(struct cni_io){ STDIN_FILENO, STDERR_FILENO }, &a);
	return cni_answer_write(&a, STDOUT_FILENO, STDERR_FILENO);
}
