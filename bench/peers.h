/* SPDX-License-Identifier: Apache-2.0 */
/* peers.h - the programs that are compared, and what was measured of them */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "series.h"
#include "spawn.h"

#define PARALLEL 100

/* ---- programs ---- */

static const char *spiderpool, *host_local, *put_program, *empty_program;
static char netns[64];

struct peer {
	const char *program;
	const char *verbs[2];    /* what one turn is: ADD and DEL, or one thing only */
	char conf[1024];         /* of a plugin; "" for the floors */
	char dir[256];           /* of put */
	unsigned every;          /* takes part in each so many-th turn */
	struct series series[2]; /* a verb each */
};

static void peer_init(struct peer *p, const char *program, const char *verb, const char *verb2)
{
	memset(p, 0, sizeof(*p));
	p->program = program;
	p->verbs[0] = verb;
	p->verbs[1] = verb2;
	p->every = 1;
}

/* more: members of "ipam", each with a comma in front */
static void peer_spiderpool(struct peer *p, const char *dir, const char *pool, const char *more)
{
	peer_init(p, spiderpool, "ADD", "DEL");
	snprintf(
		p->conf, sizeof(p->conf),
		"{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"none\",\"ipam\":{\"type\":\"spiderpool\","
		"\"datastore\":\"local\",\"state_dir\":\"%s\",\"log_file_path\":\"%s/x.log\","
		"\"default_ipv4_ippool\":[\"%s\"]%s}}",
		dir, dir, pool, more);
}

static void peer_host_local(struct peer *p, const char *dir)
{
	peer_init(p, host_local, "ADD", "DEL");
	snprintf(
		p->conf, sizeof(p->conf),
		"{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"none\",\"ipam\":{\"type\":\"host-local\","
		"\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"10.0.0.0/16\"}]]}}",
		dir);
}

static void peer_put(struct peer *p, const char *dir)
{
	peer_init(p, put_program, "put", NULL);
	snprintf(p->dir, sizeof(p->dir), "%s", dir);
}

static void peer_version(struct peer *p, const char *program)
{
	peer_init(p, program, "VERSION", NULL);
	snprintf(p->conf, sizeof(p->conf), "{\"cniVersion\":\"1.0.0\"}");
}

/* One call, ready to run. */
struct call {
	struct child c;
	const char *argv[4], *env[8];
	char container[96], args[256], command[32], ns[96];
};

static void call_make(struct call *k, const struct peer *p, const char *verb, unsigned number)
{
	static const char nic[] = "CNI_IFNAME=eth0", path[] = "CNI_PATH=/opt/cni/bin";

	memset(k, 0, sizeof(*k));
	k->argv[0] = p->program;
	if (p->dir[0]) {
		snprintf(k->args, sizeof(k->args), "%u", number);
		k->argv[1] = p->dir;
		k->argv[2] = k->args;
	} else {
		snprintf(k->command, sizeof(k->command), "CNI_COMMAND=%s", verb);
		snprintf(k->container, sizeof(k->container), "CNI_CONTAINERID=%032x%032x", number, ~number);
		snprintf(k->ns, sizeof(k->ns), "CNI_NETNS=%s", netns);
		snprintf(k->args, sizeof(k->args),
			 "CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=pod-%u;"
			 "K8S_POD_INFRA_CONTAINER_ID=%032x%032x;K8S_POD_UID=00000000-0000-0000-0001-%012x",
			 number, number, ~number, number);
		memcpy(k->env, (const char *[]){ k->command, k->container, k->ns, k->args, nic, path },
		       6 * sizeof(char *));
	}
	k->c = (struct child){ .argv = k->argv, .env = k->env, .in = p->conf };
}

static double call_run(const struct peer *p, const char *verb, unsigned number)
{
	struct call k;

	call_make(&k, p, verb, number);
	return child_run(&k.c);
}

/* ---- measuring ---- */

static unsigned next_number = 1;

static void peer_turn(struct peer *p, bool count)
{
	unsigned number = next_number++;

	for (int i = 0; i < 2 && p->verbs[i]; i++) {
		double us = call_run(p, p->verbs[i], number);

		if (count)
			series_add(&p->series[i], us);
	}
}

/* A B A B ..., in alternating order, so that what disturbs the machine disturbs all alike. A slow one takes
 * part less often: at least 5 times, and no longer than about limit_s. */
static void peers_measure(struct peer *const *p, size_t n, unsigned turns, double limit_s)
{
	for (size_t i = 0; i < n; i++) {
		double start = now_us(), took, fit;

		peer_turn(p[i], false);
		peer_turn(p[i], false);
		took = (now_us() - start) / 2e6;
		fit = limit_s / took;
		if (fit < 5)
			fit = 5;
		p[i]->every = fit >= turns ? 1 : (unsigned)(turns / fit + 0.5);
	}
	for (unsigned t = 0; t < turns; t++)
		for (size_t i = 0; i < n; i++) {
			struct peer *x = p[t % 2 ? n - 1 - i : i];

			if (t % x->every == 0)
				peer_turn(x, true);
		}
}

/* PARALLEL at once; what they took is given back, one after the other. */
static void peer_together(struct peer *p)
{
	static struct call calls[PARALLEL];
	static struct child children[PARALLEL];
	unsigned first = next_number;

	next_number += PARALLEL;
	for (unsigned i = 0; i < PARALLEL; i++) {
		call_make(&calls[i], p, p->verbs[0], first + i);
		children[i] = calls[i].c;
	}
	series_add(&p->series[0], child_run_all(children, PARALLEL));
	for (unsigned i = 0; p->verbs[1] && i < PARALLEL; i++)
		call_run(p, p->verbs[1], first + i);
}

static void peers_together(struct peer *const *p, size_t n, unsigned turns)
{
	for (unsigned t = 0; t < turns; t++)
		for (size_t i = 0; i < n; i++)
			peer_together(p[t % 2 ? n - 1 - i : i]);
}

#endif
