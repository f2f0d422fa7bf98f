/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no robust mutexes */
/* test_store_crash.c - processes that open, commit and close are killed at random instants: what was
 * acknowledged is there, what is there is whole, and nobody has to wait for the dead */
#include "../unit/store_util.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>

#define WORKERS 6
#define KILLS   1000

static uint64_t seed, rng;

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* Shared with the workers. */
struct worker {
	volatile uint32_t acknowledged, finished;
};
static struct worker *workers;
static pid_t pids[WORKERS];

#define MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# SEED=%llu, line %d: %s: %s\n", (unsigned long long)seed, \
				__LINE__, #what, err.msg); \
			_exit(99); \
		} \
	} while (0)

static void on_lock_timeout(void)
{
	_exit(98);
}

static void on_damage(const char *sentence)
{
	fprintf(stderr, "# %s\n", sentence);
	_exit(97);
}

/* What worker w wrote last: two objects, always alike, and a block. */
static uint32_t read_pair(struct store *st, int w, uint64_t version[3])
{
	static const char *const kinds[] = { "a", "b" };
	uint32_t value[2] = { 0, 0 };
	struct store_obj o;
	char name[48];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof(name), "%s%d", kinds[i], w);
		version[i] = 0;
		if (store_get(st, STORE_ATTACHMENT, "ns", name, &o, &err) != 1)
			continue;
		MUST(o.len > sizeof(value[i]));
		memcpy(&value[i], o.data, sizeof(value[i]));
		version[i] = o.version;
	}
	MUST(value[0] == value[1] && version[0] == version[1]);
	ip_block_name(4, (unsigned)w, name);
	version[2] = store_get(st, STORE_BLOCK, NULL, name, &o, &err) == 1 ? o.version : 0;
	return value[0];
}

static void commit_next(struct store *st, int w)
{
	static char data[3][6000];
	char a[16], b[16], block[IP_BLOCK_NAME_MAX], term[16];
	const char *terms[] = { "all", term, NULL };
	uint64_t version[3];
	uint32_t value;

	MUST(store_begin(st, rnd(2) ? STORE_WRITE : STORE_RELEASE, deadline_in(20000), &err) == 0);
	value = read_pair(st, w, version) + 1;
	MUST(value > workers[w].acknowledged);
	workers[w].acknowledged = value - 1; /* the last one may have been killed before it could say so */
	snprintf(a, sizeof(a), "a%d", w);
	snprintf(b, sizeof(b), "b%d", w);
	snprintf(term, sizeof(term), "t%u", value % 5);
	memcpy(data[0], &value, sizeof(value));
	memcpy(data[1], &value, sizeof(value));
	{
		const enum store_verb verb = value == 1 ? STORE_CREATE : STORE_UPDATE;
		const struct store_op ops[] = {
			{ verb, STORE_ATTACHMENT, "ns", a, version[0], data[0], 5 + rnd(6000 - 5), terms, 0,
			  false },
			{ verb, STORE_BLOCK, NULL, ip_block_name(4, (unsigned)w, block), version[2], data[2],
			  rnd(3000), NULL, rnd(2) ? INT64_MAX : rnd(100), false },
			{ verb, STORE_ATTACHMENT, "ns", b, version[1], data[1], 5 + rnd(500), terms, 0,
			  false },
		};

		MUST(store_commit(st, ops, 3, &err) == 0);
	}
	workers[w].acknowledged = value;
}

/* Opens and closes all the time, as plugins do; a few stay and keep LMDB's lock file in use. */
static void work(int w)
{
	struct store_local_opts o = {
		.dir = dir, .create = true, .on_lock_timeout = on_lock_timeout, .on_damage = on_damage
	};
	struct store *st;

	rng = seed * 31 + (unsigned)w + workers[w].acknowledged * 7919 + 1;
	for (;;) {
		o.relaxed = rnd(2);
		MUST(store_local_open(&o, deadline_in(20000), &st, &err) == 0);
		for (unsigned n = rnd(4) ? 1 : 10; n > 0; n--)
			commit_next(st, w);
		if (rnd(4) == 0) {
			MUST(store_begin(st, STORE_READ, deadline_in(20000), &err) == 0);
			for (int i = 0; i < WORKERS; i++) {
				uint64_t version[3];

				read_pair(st, i, version);
			}
		}
		store_close(st);
		workers[w].finished++;
	}
}

static void start(int w)
{
	pids[w] = fork();
	assert_true(pids[w] >= 0);
	if (pids[w] > 0)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGSEGV, SIG_DFL);
	signal(SIGBUS, SIG_DFL);
	signal(SIGABRT, SIG_DFL);
	work(w);
}

static void stop(int w)
{
	int status;

	assert_true(pids[w] > 0);
	kill(pids[w], SIGKILL);
	assert_int_equal(waitpid(pids[w], &status, 0), pids[w]);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("SEED=%llu: worker %d ended by itself: %x", (unsigned long long)seed, w, status);
}

static void check_store(void)
{
	struct store *st = open_store();

	for (int w = 0; w < WORKERS; w++) {
		uint64_t version[3];
		uint32_t value;

		check(store_begin(st, STORE_READ, soon(), &err));
		value = read_pair(st, w, version);
		store_end(st);
		if (value < workers[w].acknowledged || value > workers[w].acknowledged + 1)
			fail_msg("SEED=%llu: worker %d has %u, acknowledged were %u",
				 (unsigned long long)seed, w, value, workers[w].acknowledged);
	}
	if (verify(st, false))
		fail_msg("SEED=%llu: verify", (unsigned long long)seed);
	store_close(st);
}

static void test_kill(void **state)
{
	unsigned commits = 0, opened = 0;

	(void)state;
	for (int w = 0; w < WORKERS; w++)
		start(w);
	for (int i = 0; i < KILLS; i++) {
		const struct timespec pause = { .tv_nsec = rnd(2500000) };
		int w = (int)rnd(WORKERS);

		nanosleep(&pause, NULL);
		stop(w);
		if (i % 200 == 199) { /* all of them, and look */
			for (int k = 0; k < WORKERS; k++)
				if (k != w)
					stop(k);
			check_store();
			for (int k = 0; k < WORKERS; k++)
				if (k != w)
					start(k);
		}
		start(w);
	}
	for (int w = 0; w < WORKERS; w++) {
		stop(w);
		commits += workers[w].acknowledged;
		opened += workers[w].finished;
	}
	check_store();
	print_message("# %d kills, %u commits, %u stores opened and closed\n", KILLS, commits, opened);
	assert_true(commits > KILLS);
}

static int setup(void **state)
{
	(void)state;
	/* A flush of a real disk would take most of the time; a kill does not lose what the kernel has. */
	snprintf(dir, sizeof(dir), "/dev/shm/test-store-XXXXXX");
	workers = mmap(NULL, WORKERS * sizeof(*workers), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	return mkdtemp(dir) && workers != MAP_FAILED ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_kill, setup, remove_dir) };
	const char *from = getenv("SEED");

	seed = from ? strtoull(from, NULL, 10) : (uint64_t)time(NULL);
	rng = seed * 2 + 1;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("store crash", tests, NULL, NULL);
}
