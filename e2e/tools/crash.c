/* SPDX-License-Identifier: Apache-2.0 */
/* crash.c - plugins and spiderpoolctl killed at random instants, a hundred at a time
 *
 *	crash PLUGIN SPIDERPOOLCTL DIR...       each DIR is a state directory to be made
 *
 * What was acknowledged (exit status 0 and a whole document) is remembered, and every later answer must agree
 * with it: no address has two owners, nothing is lost, what DEL gave back is free, nobody waits for the dead.
 * After each round the store itself is held against the model; in the end everything is deleted and nothing
 * may be held. SEED= repeats the choices (not the scheduler's), ROUNDS= and KILLS= say how much.
 */
#include <poll.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "crash_look.h"

#define WORLDS_MAX 2
#define STUCK_MS   90000 /* three times what a plugin waits for anything */

static struct world *worlds;
static unsigned n_worlds, orphans_killed, netns_lost;

/* ---- network namespaces ---- */

static int netns_new(void)
{
	static int next = 100;
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), fd, high;

	if (home < 0 || unshare(CLONE_NEWNET) < 0)
		proc_die("network namespace");
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	high = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, next++);
	if (high < 0 || setns(home, CLONE_NEWNET) < 0)
		proc_die("network namespace");
	close(fd);
	close(home);
	return high;
}

/* The sandboxes in it are dead, and whoever finds out may free what they have. */
static void netns_lose(struct world *w, unsigned k)
{
	char path[48];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), w->netns[k]);
	for (unsigned pass = 0; pass < 2; pass++) {
		for (unsigned i = 0; i < 2 * SLOTS; i++) {
			struct slot *s = &w->slot[i / 2];
			struct sandbox *b = i % 2 ? &s->old : &s->cur;

			if (!b->used || strcmp(b->netns, path) != 0)
				continue;
			if (pass == 0 && (b->busy || (b == &s->old && s->cur.busy)))
				return;
			if (pass == 0)
				continue;
			b->gone = true;
			sandbox_expose(b);
		}
	}
	close(w->netns[k]);
	w->netns[k] = netns_new();
	netns_lost++;
}

/* ---- backups behind a DEL: nobody's children any more, so ours ---- */

static bool is_call(pid_t pid)
{
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		if (calls[i].verb && calls[i].p.pid == pid)
			return true;
	return false;
}

static void orphans_kill(bool all)
{
	FILE *f = fopen("/proc/thread-self/children", "re");
	int pid;

	while (f && fscanf(f, "%d", &pid) == 1) {
		if (is_call(pid) || (!all && rnd(2)))
			continue;
		kill(pid, SIGKILL);
		orphans_killed++;
	}
	fclose_p(&f);
}

/* While nothing else is in flight. */
static void orphans_wait(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void backup_make_due(const struct world *w)
{
	const struct timespec old[2] = { { 1, 0 }, { 1, 0 } };
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/backup.json", w->dir);
	(void)utimensat(AT_FDCWD, path, old, 0);
}

/* ---- what happens next ---- */

static bool advance(struct world *w, struct slot *s)
{
	bool new_pod;

	if (!slot_may_advance(w, s))
		return false;
	/* A kept address follows its pod's name, but not while a former pod's sandbox lives. */
	new_pod = rnd(2) && (!s->f->keep || s->cur.gone || sandbox_is_clean(&s->cur));
	slot_advance(w, s, rnd(NETNS), new_pod);
	return true;
}

static bool next_for_sandbox(struct world *w, struct slot *s)
{
	unsigned nic = rnd(s->f->nics), dice = rnd(100);
	enum have have = s->cur.nic[nic].have;

	if (s->cur.busy)
		return false;
	if (dice < 10 && advance(w, s))
		return true;
	if (s->cur.gone) {
		if (dice < 60 && !advance(w, s))
			start_del(w, s, &s->cur, nic, true);
		return true;
	}
	if (have == HELD && dice < 35)
		start_check(w, s, nic, true);
	else if (have == HELD && dice < 38 && !s->f->keep && !w->ctl_busy)
		start_release(w, s, nic);
	else if (have == NOTHING ? dice < 95 : dice < 65)
		start_add(w, s, nic, true);
	else
		start_del(w, s, &s->cur, nic, true);
	return true;
}

static void next_for_slot(struct world *w)
{
	struct slot *s = &w->slot[rnd(SLOTS)];

	if (s->old.used && !s->old.busy && rnd(3) == 0)
		start_del(w, s, &s->old, rnd(s->f->nics), true);
	else
		next_for_sandbox(w, s);
	if (s->old.used && !s->old.busy && sandbox_is_clean(&s->old))
		s->old.used = false;
}

static void next_for_world(struct world *w)
{
	static unsigned edit;

	if (rnd(4) == 0)
		netns_lose(w, rnd(NETNS));
	if (rnd(16) == 0)
		backup_make_due(w);
	if (rnd(2))
		orphans_kill(false);
	if (!w->gc_busy && rnd(3) == 0)
		start_gc(w);
	else if (rnd(6) == 0)
		start_plugin(call_new(w, STATUS), "", true);
	else if (!w->ctl_busy)
		switch (rnd(6)) {
		case 0:
			start_ctl(call_new(w, CTL_FSCK), "", WORDS("fsck"), true);
			break;
		case 1:
			start_ctl(call_new(w, CTL_REPAIR), "", WORDS("fsck", "--repair"), true);
			break;
		case 2:
			start_ctl(call_new(w, CTL_GC), "", WORDS("gc", "--cni-cache-dir", "/nowhere"), true);
			break;
		case 3:
			start_apply(w, &edits[edit++ % ARRAY_LEN(edits)], 1, true);
			break;
		case 4:
			start_ctl(call_new(w, CTL_BACKUP), "", WORDS("backup"), true);
			break;
		default:
			start_ctl(call_new(w, CTL_GET), "", WORDS("get", "ippools", "-o", "json"), true);
		}
}

/* ---- the loop ---- */

/* Waits until one of them has something to say. */
static void turn(void)
{
	struct pollfd fds[ARRAY_LEN(calls)];
	struct call *of[ARRAY_LEN(calls)];
	nfds_t n = 0;
	int r;

	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		if (!calls[i].verb)
			continue;
		fds[n] = (struct pollfd){ .fd = calls[i].p.out, .events = POLLIN };
		of[n++] = &calls[i];
	}
	r = poll(fds, n, STUCK_MS);
	if (r == 0)
		violated(of[0], "nothing has happened for %d s", STUCK_MS / 1000);
	for (nfds_t i = 0; r > 0 && i < n; i++) {
		if (!fds[i].revents)
			continue;
		proc_read(&of[i]->p);
		if (of[i]->p.ended)
			finish(of[i]);
	}
}

static unsigned in_flight(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_worlds; i++)
		n += worlds[i].in_flight;
	return n;
}

static void drain(void)
{
	while (in_flight())
		turn();
}

static void fsck(void)
{
	for (unsigned i = 0; i < n_worlds; i++)
		start_ctl(call_new(&worlds[i], CTL_FSCK), "", WORDS("fsck"), false);
	drain();
}

static void storm(unsigned kills)
{
	while (cut_off < kills) {
		for (unsigned i = 0; i < n_worlds; i++) {
			struct world *w = &worlds[i];

			/* Often full, often nearly empty: the first and the last one have work of their own.
			 */
			if (rnd(10) == 0)
				w->crowd = rnd(2) ? PARALLEL - 2 : rnd(4);
			for (unsigned tries = 0; tries < 20 && w->in_flight < w->crowd; tries++) {
				next_for_slot(w);
				if (rnd(50) == 0)
					next_for_world(w);
			}
		}
		if (in_flight())
			turn();
	}
	drain();
	orphans_kill(true);
	orphans_wait();
	for (unsigned i = 0; i < n_worlds; i++)
		look_compare(&worlds[i]);
	fsck();
}

/* ---- the end ---- */

/* One call for each sandbox that has something; false when there is none. */
static bool start_clean(struct world *w)
{
	bool any = false;

	for (unsigned i = 0; i < 2 * SLOTS; i++) {
		struct slot *s = &w->slot[i / 2];
		struct sandbox *b = i % 2 ? &s->old : &s->cur;

		for (unsigned k = 0; k < NICS && b->used && w->in_flight < PARALLEL; k++) {
			if (b->nic[k].have == NOTHING)
				continue;
			start_del(w, s, b, k, false);
			any = true;
			break;
		}
	}
	return any;
}

static void clean(void)
{
	bool any = true;

	while (any) {
		any = false;
		for (unsigned i = 0; i < n_worlds; i++)
			any |= start_clean(&worlds[i]);
		drain();
	}
	orphans_kill(true);
	orphans_wait();
	fsck();
	for (unsigned i = 0; i < n_worlds; i++)
		look_at_end(&worlds[i]);
	fsck();
}

static unsigned env_number(const char *name, unsigned absent)
{
	const char *s = getenv(name);

	return s && *s ? (unsigned)strtoul(s, NULL, 10) : absent;
}

static void setup(int argc, char **argv)
{
	struct rlimit files;

	plugin = argv[1];
	ctl = argv[2];
	n_worlds = (unsigned)argc - 3;
	worlds = calloc(n_worlds, sizeof(*worlds));
	if (!worlds)
		proc_die("worlds");
	if (getrlimit(RLIMIT_NOFILE, &files) < 0)
		proc_die("setup");
	files.rlim_cur = files.rlim_max; /* each network namespace has a number of its own */
	if (setrlimit(RLIMIT_NOFILE, &files) < 0 || prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		proc_die("setup");
	for (unsigned i = 0; i < n_worlds; i++) {
		for (unsigned k = 0; k < NETNS; k++)
			worlds[i].netns[k] = netns_new();
		world_init(&worlds[i], i, argv[3 + i]);
		start_apply(&worlds[i], pools, ARRAY_LEN(pools), false);
	}
	drain();
}

int main(int argc, char **argv)
{
	unsigned rounds = env_number("ROUNDS", 4), kills = env_number("KILLS", 4000);
	const char *from = getenv("SEED");

	if (argc < 4 || argc > 3 + WORLDS_MAX) {
		fprintf(stderr, "usage: %s PLUGIN SPIDERPOOLCTL DIR [DIR]\n", argv[0]);
		return 2;
	}
	seed = from && *from ? strtoull(from, NULL, 10) : (uint64_t)clock_wall_ms();
	rng = seed * 2 + 1;
	printf("crash: SEED=%llu ROUNDS=%u KILLS=%u\n", (unsigned long long)seed, rounds, kills);
	fflush(stdout);
	setup(argc, argv);
	for (unsigned i = 1; i <= rounds; i++)
		storm((unsigned)((uint64_t)kills * i / rounds));
	clean();
	for (size_t i = 1; i < ARRAY_LEN(verb_names); i++)
		printf("%s%s %u/%u", i > 1 ? ", " : "crash: finished/killed: ", verb_names[i], done[i],
		       cut_off_of[i]);
	printf("\ncrash: %u killed; of those in doubt at the end of a round %u had written and %u had not; "
	       "%u backups behind a DEL killed, %u network namespaces lost, %u ADDs rightly refused\n",
	       cut_off, written, unwritten, orphans_killed, netns_lost, refused);
	return 0;
}
