/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no robust mutexes */
/* test_store_process.c - processes that are stopped, killed, of another PID namespace (root) or boot */
#include "store_child.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/time.h>

/* ---- the writer lock ---- */

#define TIMEOUT_EXIT 11

static void on_lock_timeout(void)
{
	_exit(TIMEOUT_EXIT);
}

static int to_parent[2];

static void tell_parent(void)
{
	MUST(write(to_parent[1], "x", 1) == 1);
}

static void wait_for_child(void)
{
	char c;

	assert_int_equal(read(to_parent[0], &c, 1), 1);
}

static void hold_writer_lock(void)
{
	struct store *st = must_open((struct store_local_opts){ 0 });

	MUST(store_begin(st, STORE_WRITE, soon(), &err) == 0);
	tell_parent();
	pause();
}

static void hold_open(void)
{
	must_open((struct store_local_opts){ 0 });
	tell_parent();
	pause();
}

static void wait_for_writer_lock(void)
{
	struct store *st = must_open((struct store_local_opts){ .on_lock_timeout = on_lock_timeout });

	store_begin(st, STORE_WRITE, deadline_in(200), &err);
}

static void wait_with_alarm_blocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	wait_for_writer_lock();
}

static void commit_one(void)
{
	struct store *st = must_open((struct store_local_opts){ .on_lock_timeout = on_lock_timeout });

	MUST(try_create(st, STORE_WRITE, "next", "1", 1) == 0);
}

/* A holder of the lock that is stopped makes others give up in time; one that is killed, or killed while it
 * is stopped, does not stand in anybody's way. */
static void test_lock_holder(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to_parent), 0);
	pid = start(hold_writer_lock);
	wait_for_child();
	kill(pid, SIGSTOP);
	assert_int_equal(finish(start(wait_for_writer_lock)), TIMEOUT_EXIT);
	assert_int_equal(finish(start(wait_with_alarm_blocked)), TIMEOUT_EXIT);
	kill(pid, SIGKILL);
	assert_int_equal(finish(pid), -SIGKILL);
	assert_int_equal(finish(start(commit_one)), 0);

	/* Somebody else keeps the lock file alive, so that the mutex is inherited from a dead process. */
	run("rm -r %s", dir);
	assert_int_equal(setup(NULL), 0);
	{
		pid_t other = start(hold_open);

		wait_for_child();
		pid = start(hold_writer_lock);
		wait_for_child();
		kill(pid, SIGKILL);
		assert_int_equal(finish(pid), -SIGKILL);
		assert_int_equal(finish(start(commit_one)), 0);
		kill(other, SIGKILL);
		finish(other);
	}
	close(to_parent[0]);
	close(to_parent[1]);
}

/* The word of LMDB's writer mutex, as soon as somebody waits for us to unlock it. */
static uint32_t *find_waited_for(void)
{
	const uint32_t want = (uint32_t)getpid() | FUTEX_WAITERS;
	char path[PATH_MAX + 16];
	struct stat file;
	uint32_t *map;
	int fd;

	snprintf(path, sizeof(path), "%s/lock.mdb", dir);
	fd = open(path, O_RDWR | O_CLOEXEC);
	MUST(fd >= 0 && fstat(fd, &file) == 0);
	map = mmap(NULL, (size_t)file.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	MUST(map != MAP_FAILED);
	for (size_t i = 0;; i = (i + 1) % ((size_t)file.st_size / sizeof(*map)))
		if (__atomic_load_n(&map[i], __ATOMIC_RELAXED) == want)
			return &map[i];
}

static void unlock_silently(void)
{
	struct store *st = must_open((struct store_local_opts){ 0 });

	MUST(store_begin(st, STORE_WRITE, soon(), &err) == 0);
	tell_parent();
	__atomic_and_fetch(find_waited_for(), ~FUTEX_WAITERS, __ATOMIC_RELAXED);
	store_end(st);
	pause();
}

/* A process that is killed when it was just woken takes that wake with it. If by then a newcomer has the
 * lock, who does not know that others wait, those are not woken by him either: they must look by themselves.
 */
static void test_lost_wake(void **state)
{
	pid_t holder, waiter;

	(void)state;
	assert_int_equal(pipe(to_parent), 0);
	holder = start(unlock_silently);
	wait_for_child();
	waiter = start(commit_one);
	assert_int_equal(finish(waiter), 0);
	kill(holder, SIGKILL);
	finish(holder);
	close(to_parent[0]);
	close(to_parent[1]);
}

static volatile sig_atomic_t alarms;

static void own_alarm(int sig)
{
	(void)sig;
	alarms++;
}

static void alarm_is_given_back(void)
{
	struct sigaction sa = { .sa_handler = own_alarm }, now;
	const struct itimerval t = { .it_value = { .tv_sec = 1000 } };
	struct itimerval left;
	struct store *st;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sigaction(SIGALRM, &sa, NULL);
	setitimer(ITIMER_REAL, &t, NULL);
	st = must_open((struct store_local_opts){ .on_lock_timeout = on_lock_timeout });
	MUST(try_create(st, STORE_WRITE, "x", "1", 1) == 0);
	store_close(st);
	sigaction(SIGALRM, NULL, &now);
	getitimer(ITIMER_REAL, &left);
	sigprocmask(SIG_BLOCK, NULL, &set);
	MUST(now.sa_handler == own_alarm && left.it_value.tv_sec > 900 && sigismember(&set, SIGALRM) &&
	     !alarms);
}

static void on_damage(const char *sentence)
{
	(void)sentence;
	_exit(98);
}

static void faults_are_given_back(void)
{
	struct sigaction before[2], after[2];
	struct store *st;

	sigaction(SIGBUS, NULL, &before[0]);
	sigaction(SIGSEGV, NULL, &before[1]);
	st = must_open((struct store_local_opts){ .on_damage = on_damage });
	sigaction(SIGBUS, NULL, &after[0]);
	MUST(after[0].sa_handler != before[0].sa_handler);
	store_close(st);
	sigaction(SIGBUS, NULL, &after[0]);
	sigaction(SIGSEGV, NULL, &after[1]);
	MUST(after[0].sa_handler == before[0].sa_handler && after[1].sa_handler == before[1].sa_handler);
}

static void descriptors_are_closed_on_exec(void)
{
	int before = count_fds();
	struct store *st;
	bool old[256];

	for (int fd = 0; fd < 256; fd++)
		old[fd] = fcntl(fd, F_GETFD) >= 0;
	st = must_open((struct store_local_opts){ 0 });
	MUST(try_read(st, "a", "1") == 1);
	for (int fd = 0; fd < 256; fd++)
		MUST(old[fd] || fcntl(fd, F_GETFD) < 0 || fcntl(fd, F_GETFD) & FD_CLOEXEC);
	store_close(st);
	MUST(count_fds() == before);
}

static void test_process_state(void **state)
{
	(void)state;
	check_child(alarm_is_given_back);
	check_child(faults_are_given_back);
	check_child(descriptors_are_closed_on_exec);
}

static void read_and_stay(void)
{
	struct store *st = must_open((struct store_local_opts){ 0 });
	struct store_obj o;

	MUST(store_begin(st, STORE_READ, soon(), &err) == 0);
	MUST(store_get(st, STORE_IPPOOL, NULL, "a", &o, &err) == 1);
	tell_parent();
	pause();
}

/* A reader that was killed does not keep the file growing, even when others keep the lock file in use. */
static void test_killed_reader(void **state)
{
	struct store_local_info before, after;
	pid_t reader, other;
	struct store *st;

	(void)state;
	assert_int_equal(pipe(to_parent), 0);
	other = start(hold_open);
	wait_for_child();
	reader = start(read_and_stay);
	wait_for_child();
	kill(reader, SIGKILL);
	finish(reader);
	st = open_store();
	check(store_local_info(st, &before, &err));
	for (int i = 0; i < 300; i++) {
		struct store_op op = {
			.verb = STORE_UPDATE, .kind = STORE_IPPOOL, .name = "a", .data = "2", .len = 1
		};

		op.version = version_of(st, STORE_IPPOOL, "a", NULL);
		check(commit(st, &op, 1));
	}
	check(store_local_info(st, &after, &err));
	assert_true(after.used_bytes < before.used_bytes + 64 * 4096);
	store_close(st);
	kill(other, SIGKILL);
	finish(other);
	close(to_parent[0]);
	close(to_parent[1]);
}

/* ---- PID namespaces and boots ---- */

static void (*in_namespace)(void);

static void enter_namespace(void)
{
	int status;
	pid_t pid;

	MUST(unshare(CLONE_NEWPID) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		in_namespace();
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 97);
}

static void refused_here(void)
{
	struct store_local_opts o = { .dir = dir };
	struct store *st;

	MUST(store_local_open(&o, soon(), &st, &err) == -EBUSY);
	MUST(strstr(err.msg, "another PID namespace"));
	MUST(err.cni == ERR_IO);
}

static void test_pid_namespace(void **state)
{
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(to_parent), 0);
	/* Host, then container, then host: one after the other is fine. */
	in_namespace = commit_one;
	check_child(enter_namespace);
	pid = start(hold_open);
	wait_for_child();
	/* The host has it open. */
	in_namespace = refused_here;
	check_child(enter_namespace);
	kill(pid, SIGKILL);
	finish(pid);
	/* The container has it open. */
	in_namespace = hold_open;
	pid = start(enter_namespace);
	wait_for_child();
	check_child(refused_here);
	kill(pid, SIGKILL);
	finish(pid);
	close(to_parent[0]);
	close(to_parent[1]);
}

/* After a boot the file owner is of another time, or cut, or nonsense. */
static void test_boot(void **state)
{
	static const char *const rows[] = {
		"",
		"x",
		"00000000-0000-0000-0000-000000000000 4026531836",
		"a line that is longer than what is written there, by a good deal and some more of it",
	};
	struct store *st;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		run("echo '%s' >%s/owner", rows[i], dir);
		st = open_store();
		store_close(st);
		run("grep -q \"^$(cat /proc/sys/kernel/random/boot_id) $(stat -Lc %%i /proc/self/ns/pid)$\" "
		    "%s/owner && "
		    "test $(wc -l <%s/owner) = 1",
		    dir, dir);
	}
}

/* ---- all at once ---- */

static void create_and_commit(void)
{
	struct store *st = must_open((struct store_local_opts){ .create = true });
	char name[32];

	snprintf(name, sizeof(name), "p%d", (int)getpid());
	MUST(try_create(st, STORE_WRITE, name, "1", 1) == 0);
	store_close(st);
}

static void test_start_together(void **state)
{
	enum { N = 40 };
	pid_t pids[N];
	struct store *st;
	struct store_local_info info;

	(void)state;
	run("rm %s/*", dir);
	for (int i = 0; i < N; i++)
		pids[i] = start(create_and_commit);
	for (int i = 0; i < N; i++)
		assert_int_equal(finish(pids[i]), 0);
	st = open_store();
	check(store_local_info(st, &info, &err));
	assert_int_equal(info.objects, N);
	assert_int_equal(verify(st, false), 0);
	store_close(st);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_lock_holder),   T(test_lost_wake), T(test_process_state),  T(test_killed_reader),
		T(test_pid_namespace), T(test_boot),      T(test_start_together),
	};

	return cmocka_run_group_tests_name("store process", tests, NULL, NULL);
}
