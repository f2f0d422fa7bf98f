/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_power.c - power cuts: what was acknowledged is there, what is there is whole
 * link: -l:liblmdb.a -Wl,--wrap=open,--wrap=openat,--wrap=write,--wrap=pwrite,--wrap=writev
 * link: -Wl,--wrap=fsync,--wrap=fdatasync,--wrap=ftruncate,--wrap=fallocate
 * link: -Wl,--wrap=renameat,--wrap=unlinkat
 *
 * A store is made, written, backed up and restored while every write is recorded (power_disk.h). Then the
 * power is cut after each single write, several times, and the store is opened on what may be left.
 */
#include "../unit/store_util.h"

#include <dirent.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "power_disk.h"

#define STEPS 60
#define OBJS  40
#define CUTS  3 /* at each instant */

static uint64_t seed, rng;
static char left[PATH_MAX];   /* the directory after a cut */
static char lock_file[65664]; /* as LMDB left it */

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* What changes the store: step 0 makes it. Step i is recorded as the events [begun, done). */
static struct step {
	size_t begun, done;
	size_t sealed; /* relaxed ones: since then durable, 0 for never */
	bool relaxed;
	uint64_t hash; /* of all objects after it */
} steps[STEPS + 1];
static unsigned n_steps;

/* ---- the state of a store in one number ---- */

static int hash_one(const struct store_obj *o, void *arg, struct err *e)
{
	XXH64_state_t *x = arg;

	(void)e;
	XXH64_update(x, o->ns, strlen(o->ns) + 1);
	XXH64_update(x, o->name, strlen(o->name) + 1);
	XXH64_update(x, &o->version, sizeof(o->version));
	XXH64_update(x, &o->len, sizeof(o->len));
	XXH64_update(x, o->data, o->len);
	return 0;
}

static uint64_t hash_of(struct store *st)
{
	XXH64_state_t x;

	XXH64_reset(&x, 0);
	check(store_begin(st, STORE_READ, soon(), &err));
	for (int kind = 0; kind < STORE_KIND_MAX; kind++) {
		XXH64_update(&x, &kind, sizeof(kind));
		check(store_list(st, (enum store_kind)kind, NULL, NULL, NULL, hash_one, &x, &err));
	}
	store_end(st);
	return XXH64_digest(&x);
}

/* ---- recording ---- */

static void step_begin(void)
{
	steps[n_steps].begun = disk.n;
}

static void step_done(struct store *st, bool relaxed)
{
	struct step *s = &steps[n_steps++];

	s->done = disk.n;
	s->relaxed = relaxed;
	s->hash = hash_of(st);
}

struct change {
	char name[IP_BLOCK_NAME_MAX];
	char data[9000];
	char term[16];
	const char *terms[3];
};

static void change_one(struct store *st, struct change *c, struct store_op *op, unsigned number)
{
	struct store_obj o = { 0 };
	int found;

	op->kind = number % 2 ? STORE_BLOCK : STORE_ATTACHMENT;
	ip_block_name(4, number, c->name);
	snprintf(c->term, sizeof(c->term), "t%u", rnd(5));
	c->terms[0] = "all";
	c->terms[1] = c->term;
	memset(c->data, (int)('a' + rnd(26)), sizeof(c->data));
	found = store_get(st, op->kind, NULL, c->name, &o, &err);
	check(found);
	op->verb = !found ? STORE_CREATE : rnd(4) ? STORE_UPDATE : STORE_DELETE;
	op->name = c->name;
	op->version = o.version;
	op->data = c->data;
	op->len = rnd(4) ? rnd(400) : rnd(sizeof(c->data));
	op->terms = c->terms;
	op->free_at = rnd(3) ? rnd(1000) : INT64_MAX;
}

static void commit_some(struct store *st, bool relaxed)
{
	static struct change changes[6];
	struct store_op ops[6] = { 0 };
	size_t n = 1 + rnd(6);
	unsigned first = rnd(OBJS);

	step_begin();
	check(store_begin(st, rnd(3) ? STORE_WRITE : STORE_RELEASE, soon(), &err));
	for (size_t i = 0; i < n; i++)
		change_one(st, &changes[i], &ops[i], (first + (unsigned)i) % OBJS);
	check(store_commit(st, ops, n, &err));
	step_done(st, relaxed);
}

/* A commit of nothing makes durable what it saw. */
static void seal(struct store *st)
{
	check(commit(st, NULL, 0));
	steps[n_steps - 1].sealed = disk.n;
}

static void begin_in_vain(struct store *st)
{
	check(store_begin(st, STORE_WRITE, soon(), &err));
	store_end(st);
}

static struct store *restore(struct store *st, bool relaxed)
{
	uint64_t count;
	int64_t when;

	check(store_local_backup(st, "", &err));
	commit_some(st, relaxed);
	store_close(st);
	step_begin();
	check(store_local_restore(dir, "", &when, &count, &err));
	st = open_store();
	step_done(st, false);
	return st;
}

static void lock_file_get(void)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, lock_file, sizeof(lock_file)), sizeof(lock_file));
	close(fd);
}

static void record(void)
{
	struct store *st;
	bool relaxed = false;

	disk_start(dir);
	step_begin();
	st = open_store();
	step_done(st, false);
	while (n_steps < STEPS) {
		if (n_steps == STEPS / 2) {
			st = restore(st, relaxed);
			relaxed = false;
		}
		if (rnd(8) == 0) {
			store_close(st);
			relaxed = rnd(2);
			st = open_opts((struct store_local_opts){ .relaxed = relaxed });
			if (!relaxed)
				seal(st);
		}
		if (rnd(8) == 0)
			begin_in_vain(st);
		if (rnd(12) == 0)
			check(store_local_backup(st, "", &err));
		commit_some(st, relaxed);
	}
	disk_stop();
	lock_file_get();
	store_close(st);
}

/* ---- cutting ---- */

static unsigned cuts, undone, finished; /* of cuts in the middle of a step: what became of it */

static void cut_failed(const char *why)
{
	fail_msg("SEED=%llu, power cut after write %zu of %zu, step %u: %s (%s)", (unsigned long long)seed,
		 play.at, disk.n, n_steps, why, err.msg);
}

static void empty_left(void)
{
	DIR *d = opendir(left);
	const struct dirent *f;

	if (!d)
		fail_msg("opendir %s", left);
	while ((f = readdir(d)))
		if (f->d_name[0] != '.')
			unlinkat(dirfd(d), f->d_name, 0);
	closedir(d);
}

/* What the kernel had of the lock file is written back at any time, or never. */
static void lock_file_put(void)
{
	char path[PATH_MAX + 16];
	int fd;

	snprintf(path, sizeof(path), "%s/lock.mdb", left);
	fd = rnd(2) ? open(path, O_WRONLY) : -1;
	if (fd < 0)
		return;
	assert_int_equal(write(fd, lock_file, sizeof(lock_file)), sizeof(lock_file));
	close(fd);
}

/* The steps whose outcome may be seen now: lo is the last that must be, hi the last that can be. */
static void window(int *lo, int *hi)
{
	*lo = *hi = -1;
	for (unsigned i = 0; i < n_steps; i++) {
		if (steps[i].begun < play.at)
			*hi = (int)i;
		if (steps[i].done > play.at)
			continue;
		*lo = (int)i;
		if (steps[i].relaxed && !(steps[i].sealed && steps[i].sealed <= play.at))
			*lo -= 1; /* the last one may be lost */
	}
}

static void check_state(struct store *st)
{
	uint64_t hash = hash_of(st);
	int lo, hi;

	window(&lo, &hi);
	for (int i = hi; i >= 0 && i >= lo; i--)
		if (steps[i].hash == hash) {
			if (steps[hi].done > play.at)
				*(i == hi ? &finished : &undone) += 1;
			return;
		}
	err.msg[0] = '\0';
	for (int i = lo - 1; i >= 0; i--)
		if (steps[i].hash == hash)
			snprintf(err.msg, sizeof(err.msg), "step %d is there, want %d to %d", i, lo, hi);
	cut_failed(err.msg[0] ? "an acknowledged commit is lost" : "a state that never was");
}

/* A backup that has its name is whole. */
static void check_backup(void)
{
	char path[PATH_MAX + 16];
	struct store *st;
	uint64_t count;
	int64_t when;

	snprintf(path, sizeof(path), "%s/backup.json", left);
	if (access(path, F_OK) < 0)
		return;
	if (store_local_restore(left, "", &when, &count, &err) < 0)
		cut_failed("the backup is of no use");
	if (store_local_open(&(struct store_local_opts){ .dir = left }, soon(), &st, &err) < 0)
		cut_failed("what was restored cannot be opened");
	if (verify(st, false))
		cut_failed("what was restored is damaged");
	store_close(st);
}

static void cut(void)
{
	struct store *st;
	bool made = play.at >= steps[0].done;

	empty_left();
	disk_cut(left, (enum disk_fate)rnd(FATE_MAX), rnd);
	lock_file_put();
	if (store_local_open(&(struct store_local_opts){ .dir = left, .create = !made }, soon(), &st, &err) <
	    0)
		cut_failed("it cannot be opened");
	if (verify(st, false))
		cut_failed("it is damaged");
	check_state(st);
	/* And goes on. */
	begin_in_vain(st);
	store_close(st);
	if (rnd(20) == 0)
		check_backup();
	cuts++;
}

static void test_power(void **state)
{
	(void)state;
	record();
	while (play.at < disk.n) {
		play_next();
		for (unsigned i = 0; i < (play.n_pending ? CUTS : 1); i++)
			cut();
	}
	print_message(
		"# %zu writes and flushes in %u steps, %u cuts; the step in flight was undone %u times, done %u times\n",
		disk.n, n_steps, cuts, undone, finished);
	assert_true(undone > cuts / 20 && finished > 0);
}

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/dev/shm/test-store-XXXXXX");
	if (!mkdtemp(dir))
		return -1;
	snprintf(left, sizeof(left), "/dev/shm/test-store-XXXXXX");
	return mkdtemp(left) ? 0 : -1;
}

static int teardown(void **state)
{
	run("rm -rf '%s'", left);
	return remove_dir(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test_setup_teardown(test_power, setup, teardown) };
	const char *from = getenv("SEED");

	seed = from ? strtoull(from, NULL, 10) : (uint64_t)time(NULL);
	rng = seed * 2 + 1;
	local_map_bytes = (size_t)64 << 20; /* opened thousands of times */
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("store power", tests, NULL, NULL);
}
