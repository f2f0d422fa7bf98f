/* SPDX-License-Identifier: Apache-2.0 */
/* podnet.c - coordinator and veth, whole processes, against one "ip -batch" that makes the same kernel
 *objects
 *
 *	podnet BIN_DIR POD_NETNS_PATH STATE_DIR ADD_BATCH DEL_BATCH [TURNS]
 *
 * podnet.sh has made the node (the namespace this runs in), a pod with eth0, and the batches. In each turn
 *everyone makes and removes its things once; what is told is the median and, in brackets, the fastest.
 */
#include <sys/stat.h>

#include "series.h"
#include "spawn.h"

enum { COORDINATOR, VETH, IP, PEERS };
static const char *const names[PEERS] = { "coordinator", "veth", "ip -batch" };

static char program[PEERS][256], conf[2][2048], netns_env[300], batch[2][256];
static struct series took[PEERS][2]; /* ADD, DEL */
static long peak[2];

static const char prev[] =
	"\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"x\"}],"
	"\"ips\":[{\"address\":\"10.9.0.50/24\",\"interface\":0},{\"address\":\"fd00:9::50/64\","
	"\"interface\":0}]}";

static struct child call(int peer, int verb)
{
	static const char *const verbs[] = { "CNI_COMMAND=ADD", "CNI_COMMAND=DEL" };
	static const char *env[2][8], *argv[PEERS][2][4];
	const char **a = argv[peer][verb], **e = env[verb];

	a[0] = program[peer];
	if (peer == IP) {
		a[1] = "-batch";
		a[2] = batch[verb];
	}
	e[0] = verbs[verb];
	e[1] = netns_env;
	e[2] = "CNI_CONTAINERID=bench0123456789";
	e[3] = "CNI_IFNAME=eth0";
	e[4] = "CNI_PATH=/nowhere";
	return (struct child){ .argv = a, .env = e, .in = peer == IP ? "" : conf[peer] };
}

static void turn(int peer)
{
	for (int verb = 0; verb < 2; verb++) {
		struct child c = call(peer, verb);

		series_add(&took[peer][verb], child_run(&c));
	}
}

static void memory(int peer)
{
	struct child add = call(peer, 0), del = call(peer, 1);

	peak[peer] = child_memory(&add).peak;
	child_run(&del);
}

static void target(const char *what, double got, double want, const char *unit)
{
	printf("| %s | at most %g%s | %.2f%s | %s |\n", what, want, unit, got, unit,
	       got <= want ? "met" : "**missed**");
}

static void report(void)
{
	char what[128];

	printf("| | ADD | times ip -batch | DEL | times ip -batch | peak memory | size |\n"
	       "|---|---:|---:|---:|---:|---:|---:|\n");
	for (int p = 0; p < PEERS; p++) {
		struct stat st = { 0 };

		printf("| %s | %.2f ms (%.2f) | %.2f | %.2f ms (%.2f) | %.2f |", names[p],
		       median(&took[p][0]) / 1e3, fastest(&took[p][0]) / 1e3,
		       median(&took[p][0]) / median(&took[IP][0]), median(&took[p][1]) / 1e3,
		       fastest(&took[p][1]) / 1e3, median(&took[p][1]) / median(&took[IP][1]));
		if (p == IP || stat(program[p], &st) < 0)
			printf(" | |\n");
		else
			printf(" %.2f MiB | %.2f MiB |\n", (double)peak[p] / 1024,
			       (double)st.st_size / (1 << 20));
	}
	printf("\n| target | wanted | measured | |\n|---|---|---:|---|\n");
	for (int p = 0; p < IP; p++)
		for (int v = 0; v < 2; v++) {
			snprintf(what, sizeof(what), "%s of %s, times ip -batch", v ? "DEL" : "ADD",
				 names[p]);
			target(what, median(&took[p][v]) / median(&took[IP][v]), 1.2, "");
		}
	target("peak memory of coordinator", (double)peak[COORDINATOR] / 1024, 4, " MiB");
}

int main(int argc, char **argv)
{
	int turns = argc > 6 ? atoi(argv[6]) : 200;

	if (argc < 6) {
		fprintf(stderr, "usage: %s BIN_DIR POD_NETNS_PATH STATE_DIR ADD_BATCH DEL_BATCH [TURNS]\n",
			argv[0]);
		return 2;
	}
	snprintf(program[COORDINATOR], sizeof(program[0]), "%s/coordinator", argv[1]);
	snprintf(program[VETH], sizeof(program[0]), "%s/veth", argv[1]);
	snprintf(program[IP], sizeof(program[0]), "/sbin/ip");
	snprintf(netns_env, sizeof(netns_env), "CNI_NETNS=%s", argv[2]);
	snprintf(batch[0], sizeof(batch[0]), "%s", argv[4]);
	snprintf(batch[1], sizeof(batch[1]), "%s", argv[5]);
	snprintf(conf[COORDINATOR], sizeof(conf[0]),
		 "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"coordinator\",\"stateDir\":\"%s\","
		 "\"serviceCIDR\":[\"10.96.0.0/12\",\"fd00:96::/112\"],\"hijackCIDR\":[\"169.254.0.0/16\"],"
		 "\"logOptions\":{\"logLevel\":\"error\"},%s}",
		 argv[3], prev);
	snprintf(
		conf[VETH], sizeof(conf[0]),
		"{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"veth\",\"state_dir\":\"%s\","
		"\"service_hijack_subnet\":[\"10.96.0.0/12\",\"fd00:96::/112\"],\"overlay_hijack_subnet\":[\"169.254.0.0/16\"],"
		"\"rp_filter\":{\"set_host\":false,\"value\":0},\"log_options\":{\"log_level\":\"error\"},%s}",
		argv[3], prev);
	for (int i = 0; i < turns; i++)
		for (int p = 0; p < PEERS; p++)
			turn(p);
	memory(COORDINATOR);
	memory(VETH);
	report();
	return 0;
}
