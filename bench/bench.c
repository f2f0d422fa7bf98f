/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - the plugin against host-local and against the floors, whole processes, side by side
 *
 *	bench DISK_DIR TMPFS_DIR SPIDERPOOL HOST_LOCAL TOOLS_DIR [TURNS]
 *
 * run.sh has made in both directories: for each number n of taken addresses spiderpool-n, a state directory
 * whose pool "bench" is a /16, and host-local-n; spiderpool-pools with the pools p24, p16, p10, p64; and put.
 */
#include <sched.h>
#include <sys/stat.h>

#include "peers.h"

#define PLACES 2
#define TAKEN  4
#define POOLS  4

static const char *const place_names[PLACES] = { "disk", "tmpfs" };
static const unsigned taken[TAKEN] = { 0, 1000, 10000, 60000 };
static const char *const pools[POOLS] = { "p24", "p16", "p10", "p64" };
static const char *const pool_names[POOLS] = { "/24", "/16", "/10", "/64 (IPv6)" };

static const char *root[PLACES];
static unsigned turns = 200;

/* What the targets look at. */
static struct {
	double empty, version, put[PLACES], add[PLACES][TAKEN], host_local[PLACES][TAKEN],
		pool[PLACES][POOLS];
	double add_all[PLACES], host_local_all[PLACES];
	long memory;
	double size;
} found;

static const char *in(int place, const char *fmt, unsigned n)
{
	static char out[4][256];
	static unsigned next;
	char *o = out[next++ % 4], name[64];

	snprintf(name, sizeof(name), "%s", fmt);
	snprintf(o, 256, n == UINT32_MAX ? "%s/%s" : "%s/%s-%u", root[place], name, n);
	return o;
}

static struct peer *peer_new(void)
{
	struct peer *p = malloc(sizeof(*p));

	if (!p)
		die("memory");
	return p;
}

/* "1.23 ms (1.01)": median and fastest */
static const char *text(struct series *s)
{
	static char out[8][48];
	static unsigned next;
	char *o = out[next++ % 8];
	double m = median(s) / 1e3, f = fastest(s) / 1e3;
	int digits = m < 10 ? 2 : m < 100 ? 1 : 0;

	snprintf(o, 48, "%.*f ms (%.*f)", digits, m, digits, f);
	return o;
}

/* ---- starting ---- */

static void starting(void)
{
	static const char *const names[] = { "empty static program", "spiderpool VERSION",
					     "host-local VERSION" };
	const char *const programs[] = { empty_program, spiderpool, host_local };
	struct peer *p[3];

	for (int i = 0; i < 3; i++) {
		p[i] = peer_new();
		peer_version(p[i], programs[i]);
	}
	peers_measure(p, 3, turns, 5);
	found.empty = median(&p[0]->series[0]);
	found.version = median(&p[1]->series[0]);
	printf("\n### Starting\n\n| | time | of the empty program |\n|---|---:|---:|\n");
	for (int i = 0; i < 3; i++)
		printf("| %s | %s | %.1f |\n", names[i], text(&p[i]->series[0]),
		       median(&p[i]->series[0]) / found.empty);
	for (int i = 0; i < 3; i++)
		free(p[i]);
}

/* ---- one after the other ---- */

static void one_by_one(int place, int t)
{
	struct peer *p[4];
	struct series *sp, *hl;

	for (int i = 0; i < 4; i++)
		p[i] = peer_new();
	peer_spiderpool(p[0], in(place, "spiderpool", taken[t]), "bench", "");
	peer_spiderpool(p[1], in(place, "spiderpool", taken[t]), "bench", ",\"durability\":\"relaxed\"");
	peer_host_local(p[2], in(place, "host-local", taken[t]));
	peer_put(p[3], in(place, "put", UINT32_MAX));
	peers_measure(p, 4, turns, 6);
	sp = p[0]->series;
	hl = p[2]->series;
	found.add[place][t] = median(&sp[0]);
	found.host_local[place][t] = median(&hl[0]);
	if (t == 0)
		found.put[place] = median(&p[3]->series[0]);
	printf("| %s | %u | %s | %s | %s | **%.1f** | %s | %s | **%.1f** | %s |\n", place_names[place],
	       taken[t], text(&sp[0]), text(&p[1]->series[0]), text(&hl[0]), median(&hl[0]) / median(&sp[0]),
	       text(&sp[1]), text(&hl[1]), median(&hl[1]) / median(&sp[1]), text(&p[3]->series[0]));
	fflush(stdout);
	for (int i = 0; i < 4; i++)
		free(p[i]);
}

/* ---- sizes of pools ---- */

static void sizes_of_pools(int place)
{
	struct peer *p[POOLS];

	for (int i = 0; i < POOLS; i++) {
		p[i] = peer_new();
		peer_spiderpool(p[i], in(place, "spiderpool-pools", UINT32_MAX), i == 3 ? "" : pools[i], "");
		if (i == 3)
			snprintf(strstr(p[i]->conf, ",\"default_ipv4_ippool\""), 64,
				 ",\"default_ipv6_ippool\":[\"%s\"]}}", pools[i]);
	}
	peers_measure(p, POOLS, turns, 60);
	for (int i = 0; i < POOLS; i++) {
		found.pool[place][i] = median(&p[i]->series[0]);
		printf("| %s | %s | %s | %s | %.2f |\n", place_names[place], pool_names[i],
		       text(&p[i]->series[0]), text(&p[i]->series[1]),
		       found.pool[place][i] / found.pool[place][0]);
	}
	for (int i = 0; i < POOLS; i++)
		free(p[i]);
}

/* ---- all at once ---- */

static void all_at_once(int place, int t)
{
	struct peer *p[4];

	for (int i = 0; i < 4; i++)
		p[i] = peer_new();
	peer_spiderpool(p[0], in(place, "spiderpool", taken[t]), "bench", "");
	peer_spiderpool(p[1], in(place, "spiderpool", taken[t]), "bench", ",\"durability\":\"relaxed\"");
	peer_host_local(p[2], in(place, "host-local", taken[t]));
	peer_put(p[3], in(place, "put", UINT32_MAX));
	peers_together(p, 4, taken[t] ? 2 : 15); /* host-local takes its time */
	if (t == 0) {
		found.add_all[place] = median(&p[0]->series[0]);
		found.host_local_all[place] = median(&p[2]->series[0]);
	}
	printf("| %s | %u | %s | %s | %s | **%.1f** | %s |\n", place_names[place], taken[t],
	       text(&p[0]->series[0]), text(&p[1]->series[0]), text(&p[2]->series[0]),
	       median(&p[2]->series[0]) / median(&p[0]->series[0]), text(&p[3]->series[0]));
	fflush(stdout);
	for (int i = 0; i < 4; i++)
		free(p[i]);
}

/* ---- memory and size ---- */

static struct memory memory_of(const struct peer *p)
{
	struct memory m;
	struct call k;

	call_make(&k, p, "ADD", next_number);
	m = child_memory(&k.c);
	call_run(p, "DEL", next_number++);
	return m;
}

static void memory(int t)
{
	struct peer *sp = peer_new(), *hl = peer_new();
	struct memory a, b;

	peer_spiderpool(sp, in(1, "spiderpool", taken[t]), "bench", "");
	peer_host_local(hl, in(1, "host-local", taken[t]));
	a = memory_of(sp);
	b = memory_of(hl);
	if (a.peak > found.memory)
		found.memory = a.peak;
	printf("| ADD, %u taken | %.2f MiB (%.2f) | %.2f MiB (%.2f) |\n", taken[t], (double)a.peak / 1024,
	       (double)a.anon / 1024, (double)b.peak / 1024, (double)b.anon / 1024);
	free(sp);
	free(hl);
}

static double size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (double)st.st_size / (1 << 20);
}

/* ---- targets ---- */

static void target(const char *what, double got, double want, bool at_least, const char *unit)
{
	printf("| %s | %s %g%s | %.2f%s | %s |\n", what, at_least ? "at least" : "at most", want, unit, got,
	       unit, (at_least ? got >= want : got <= want) ? "met" : "**missed**");
}

static double worst(const double *v, size_t n)
{
	double w = 0;

	for (size_t i = 1; i < n; i++)
		if (v[i] / v[0] > w)
			w = v[i] / v[0];
	return w;
}

static void targets(void)
{
	char what[128];

	printf("\n### Targets\n\n| target | wanted | measured | |\n|---|---|---:|---|\n");
	for (int p = 0; p < PLACES; p++) {
		const char *n = place_names[p];

		snprintf(what, sizeof(what), "durable ADD, times one durable LMDB put (%s)", n);
		target(what, found.add[p][0] / found.put[p], 3, false, "");
		snprintf(what, sizeof(what), "ADD with 60 000 taken, times that of an empty pool (%s)", n);
		target(what, found.add[p][3] / found.add[p][0], 1.2, false, "");
		snprintf(what, sizeof(what),
			 "ADD from the slowest of /16, /10, /64, times that from a /24 (%s)", n);
		target(what, worst(found.pool[p], POOLS), 1.2, false, "");
		snprintf(what, sizeof(what), "ADD with 10 000 taken, times faster than host-local (%s)", n);
		target(what, found.host_local[p][2] / found.add[p][2], 40, true, "");
		snprintf(what, sizeof(what), "100 ADDs at once, times faster than host-local (%s)", n);
		target(what, found.host_local_all[p] / found.add_all[p], 2, true, "");
	}
	target("VERSION, times an empty static program", found.version / found.empty, 3, false, "");
	target("peak memory of ADD", (double)found.memory / 1024, 4, false, " MiB");
	target("the static plugin's size", found.size, 1.5, false, " MiB");
}

/* ---- */

/* One network namespace for the containers, another one for everything else: the plugin refuses its own. */
static void make_namespaces(void)
{
	int fd;

	if (unshare(CLONE_NEWNET) < 0)
		die("network namespace (root is needed)");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || unshare(CLONE_NEWNET) < 0)
		die("network namespace");
	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", (int)getpid(), fd);
}

static void report(void)
{
	starting();
	printf("\n### ADD and DEL, one after the other\n\n"
	       "| on | taken | ADD | ADD relaxed | host-local ADD | times faster | DEL | host-local DEL | times "
	       "faster | one LMDB put |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n");
	for (int i = 0; i < PLACES * TAKEN; i++)
		one_by_one(i / TAKEN, i % TAKEN);
	printf("\n### Sizes of pools\n\n| on | pool | ADD | DEL | ADD, of /24 |\n|---|---|---:|---:|---:|\n");
	for (int i = 0; i < PLACES; i++)
		sizes_of_pools(i);
	printf("\n### 100 ADDs at once, until the last has ended\n\n"
	       "| on | taken | spiderpool | relaxed | host-local | times faster | 100 LMDB puts |\n"
	       "|---|---:|---:|---:|---:|---:|---:|\n");
	for (int i = 0; i < PLACES; i++)
		all_at_once(i, 0);
	all_at_once(0, 2);
	printf("\n### Memory and size\n\n| | spiderpool | host-local |\n|---|---:|---:|\n");
	for (int i = 0; i < TAKEN; i++)
		memory(i);
	found.size = size_of(spiderpool);
	printf("| size of the program | %.2f MiB | %.2f MiB |\n", found.size, size_of(host_local));
	targets();
}

int main(int argc, char **argv)
{
	static char tools[2][256];

	if (argc < 6) {
		fprintf(stderr, "usage: %s DISK_DIR TMPFS_DIR SPIDERPOOL HOST_LOCAL TOOLS_DIR [TURNS]\n",
			argv[0]);
		return 2;
	}
	root[0] = argv[1];
	root[1] = argv[2];
	spiderpool = argv[3];
	host_local = argv[4];
	snprintf(tools[0], sizeof(tools[0]), "%s/put", argv[5]);
	snprintf(tools[1], sizeof(tools[1]), "%s/empty", argv[5]);
	put_program = tools[0];
	empty_program = tools[1];
	if (argc > 6)
		turns = (unsigned)atoi(argv[6]);
	make_namespaces();
	report();
	return 0;
}
