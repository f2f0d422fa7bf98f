/* SPDX-License-Identifier: Apache-2.0 */
/* calls.c - calls of the plugin, each a whole process as a runtime starts it, some at a time
 *
 *	calls SPIDERPOOL VERB NETNS THREADS RESULTS
 *
 * stdin: lines of SOCKET STATE_DIR POOL POD UID NUMBER. RESULTS: a line each, POD and its address, or what
 *the plugin said. stdout: "COUNT FAILED SECONDS MEDIAN_MS FASTEST_MS SLOWEST_MS".
 */
#include "jobs.h"

static const char *program, *verb, *netns;

struct call {
	char socket[256], state[256], pool[64], pod[64], uid[64];
	unsigned number;
	char command[32], container[96], ns[300], args[512], conf[1024];
};

static void call_read(struct call *c, const char *text)
{
	if (sscanf(text, "%255s %255s %63s %63s %63s %u", c->socket, c->state, c->pool, c->pod, c->uid,
		   &c->number) != 6)
		die(text);
	snprintf(c->command, sizeof(c->command), "CNI_COMMAND=%s", verb);
	snprintf(c->container, sizeof(c->container), "CNI_CONTAINERID=%032x%032x", c->number, ~c->number);
	snprintf(c->ns, sizeof(c->ns), "CNI_NETNS=%s", netns);
	snprintf(c->args, sizeof(c->args),
		 "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=%s;"
		 "K8S_POD_INFRA_CONTAINER_ID=%032x%032x;K8S_POD_UID=%s",
		 c->pod, c->number, ~c->number, c->uid);
	snprintf(
		c->conf, sizeof(c->conf),
		"{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"none\",\"ipam\":{\"type\":"
		"\"spiderpool\",\"ipam_unix_socket_path\":\"%s\",\"state_dir\":\"%s\",\"log_file_path\":\"\","
		"\"default_ipv4_ippool\":[\"%s\"]}}",
		c->socket, c->state, c->pool);
}

/* What stands behind "address":" in a result. */
static const char *address_of(char *text)
{
	char *p = strstr(text, "\"address\"");

	p = p ? strchr(p + 9, '"') : NULL;
	if (!p)
		return "-";
	p[1 + strcspn(p + 1, "/\"")] = '\0';
	return p + 1;
}

static void call(struct line *l)
{
	struct call c;
	const char *const argv[] = { program, NULL };
	const char *const env[] = { c.command, c.container,       c.ns,
				    c.args,    "CNI_IFNAME=eth0", "CNI_PATH=/opt/cni/bin",
				    NULL };
	struct child p = { .argv = argv, .env = env, .in = c.conf };
	int status = -1, r;

	call_read(&c, l->text);
	child_prepare(&p);
	child_start(&p, false);
	child_read(&p);
	if (waitpid(p.pid, &status, 0) != p.pid)
		die("waitpid");
	close(p.in_fd);
	close(p.out[0]);
	l->failed = status != 0;
	for (char *s = p.text; *s; s++)
		if (*s == '\n')
			*s = ' ';
	if (l->failed)
		r = asprintf(&l->result, "%s FAILED %s", c.pod, p.text);
	else
		r = asprintf(&l->result, "%s %s", c.pod, address_of(p.text));
	if (r < 0)
		die("memory");
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s SPIDERPOOL VERB NETNS THREADS RESULTS\n", argv[0]);
		return 2;
	}
	program = argv[1];
	verb = argv[2];
	netns = argv[3];
	jobs_run(argv[4], argv[5], call);
	return 0;
}
