/* SPDX-License-Identifier: Apache-2.0 */
/* test_logfile.c - what may happen to a log file: paths, links, rotation, many writers at once */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/own.h"
#include "logdir.h"

#define DAY     86400000LL
#define WRITERS 8
#define LINES   400

static void check_status(const struct log *l, int sys, const char *want)
{
	assert_int_equal(log_status(l, &err), -sys);
	if (!strstr(err.msg, want) || !strstr(err.msg, l->file.path))
		fail_msg("want a sentence with \"%s\", got: %s", want, err.msg);
}

static void put_file(const char *name, const char *text)
{
	if (file_replace(AT_FDCWD, in_root(name), 0600, text, strlen(text), false, &err) < 0)
		fail_msg("%s", err.msg);
}

static int count_files(const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *ent;
	int n = 0;

	assert_non_null(d);
	while ((ent = readdir(d)))
		n += ent->d_name[0] != '.';
	closedir(d);
	return n;
}

/* ---- names ---- */

static void test_paths(void **state)
{
	static char too_long[LOGFILE_PATH_MAX + 32] = "/var/log", long_name[300] = "/var/log/";
	static const struct {
		const char *path, *state_dir;
		const char *want; /* in the error; NULL: accepted */
	} rows[] = {
		{ "/var/log/x", NULL, NULL },
		{ "/var/log/spidernet/spiderpool.log", NULL, NULL },
		{ "/var/log/..x/.x/x..", NULL, NULL },
		{ "/var/lib/sp/a/x.log", "/var/lib/sp", NULL },
		{ "/var/lib/sp/x.log", "/var/lib/sp//", NULL },
		{ "/var/log/x", "/var/lib/sp", NULL },
		{ "/var/log", NULL, "below /var/log, without" },
		{ "/var/log/", NULL, "below /var/log, without" },
		{ "/var/log/a/", NULL, "below /var/log" },
		{ "/var/log//a", NULL, "below /var/log" },
		{ "/var/logs/x", NULL, "below /var/log" },
		{ "var/log/x", NULL, "below /var/log" },
		{ "x.log", NULL, "below /var/log" },
		{ "/etc/passwd", NULL, "below /var/log" },
		{ "/var/log/../../etc/passwd", NULL, "below /var/log" },
		{ "/var/log/a/../x", NULL, "below /var/log" },
		{ "/var/log/a/..", NULL, "below /var/log" },
		{ "/var/log/./x", NULL, "below /var/log" },
		{ "/var/log/.", NULL, "below /var/log" },
		{ "/var/lib/sp/x.log", NULL, "below /var/log, without" },
		{ "/var/lib/spx/x.log", "/var/lib/sp", "below /var/log or /var/lib/sp, without" },
		{ "/var/lib/sp/../x.log", "/var/lib/sp", "below /var/log or /var/lib/sp, without" },
		{ "/var/lib/sp/data.mdb", "/var/lib/sp", "ends in .log below /var/lib/sp" },
		{ "/var/lib/sp/.log", "/var/lib/sp", "ends in .log" },
		{ "/var/lib/sp", "/var/lib/sp", "below /var/log" },
		{ "/etc/x.log", "/", "below /var/log" },
		{ "etc/x.log", "etc", "below /var/log" },
		{ too_long, NULL, "at most 1023 bytes" },
		{ long_name, NULL, "below /var/log" },
	};

	(void)state;
	for (size_t i = strlen(too_long); i < LOGFILE_PATH_MAX; i++)
		too_long[i] = i % 8 ? 'x' : '/';
	memset(long_name + strlen(long_name), 'x', 240);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct log_conf c = { .path = rows[i].path, .state_dir = rows[i].state_dir };
		struct log l;
		int r = log_init(&l, &c, &err);

		if (!rows[i].want) {
			if (r < 0)
				fail_msg("row %s: %s", rows[i].path, err.msg);
			continue;
		}
		if (r != -EINVAL || err.cni != ERR_CONFIG || !strstr(err.msg, rows[i].want))
			fail_msg("row %s: want \"%s\", got %d %s", rows[i].path, rows[i].want, r, err.msg);
		assert_false(log_wants(&l, LOG_LEVEL_PANIC));
	}
}

/* Every day until 2400, each at another time of day. */
static void test_utc(void **state)
{
	(void)state;
	for (int64_t day = 0; day < 430 * 366; day++) {
		int64_t s = day * 86400 + day * 7919 % 86400;
		char want[64], got[CLOCK_TEXT_MAX];
		time_t t = (time_t)s;
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%S.007", &tm);
		if (strcmp(clock_format_ms(s * 1000 + 7, ':', got), want) != 0)
			fail_msg("%lld: want %s, got %s", (long long)s, want, got);
	}
}

/* ---- opening ---- */

static void test_modes(void **state)
{
	mode_t old = umask(0);
	struct stat st;
	struct log l;

	(void)state;
	open_log(&l, "a/b/x.log");
	log_info(&l, "x");
	umask(old);
	assert_int_equal(log_status(&l, &err), 0);
	assert_int_equal(stat(in_root("a"), &st) | (st.st_mode & 07777), 0750);
	assert_int_equal(stat(in_root("a/b"), &st) | (st.st_mode & 07777), 0750);
	assert_int_equal(stat(in_root("a/b/x.log"), &st) | (st.st_mode & 07777), 0600);
	assert_true(fcntl(l.file.fd, F_GETFD) & FD_CLOEXEC);
	log_close(&l);
}

/* What stands in the file's place, and the reason that is given; nothing is written through it. */
static void test_refused_files(void **state)
{
	static const struct {
		const char *path, *want;
		int sys;
	} rows[] = {
		{ "link.log", "it is a symbolic link", ELOOP },
		{ "dangling.log", "it is a symbolic link", ELOOP },
		{ "linkdir/x.log", "open its directory", ENOTDIR },
		{ "a/linkdir/x.log", "open its directory", ENOTDIR },
		{ "fifo.log", "open", ENXIO },
		{ "dir.log", "open", EISDIR },
		{ "hard.log", "want a regular file with one name", EPERM },
		{ "target/x.log", "open its directory", ENOTDIR },
	};

	(void)state;
	put_file("target", "");
	put_file("linked", "");
	assert_int_equal(mkdir(in_root("real"), 0700) | mkdir(in_root("a"), 0700), 0);
	assert_int_equal(mkdir(in_root("dir.log"), 0700) | mkfifo(in_root("fifo.log"), 0600), 0);
	assert_int_equal(symlink("target", in_root("link.log")) | symlink("none", in_root("dangling.log")),
			 0);
	assert_int_equal(symlink("real", in_root("linkdir")) | symlink("../real", in_root("a/linkdir")), 0);
	assert_int_equal(link(in_root("linked"), in_root("hard.log")), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct log l;

		open_log(&l, rows[i].path);
		assert_int_equal(log_line(&l, LOG_LEVEL_INFO, "x"), -rows[i].sys);
		check_status(&l, rows[i].sys, rows[i].want);
		log_info(&l, "again");
		log_close(&l);
	}
	check_content("target", "");
	check_content("linked", "");
	assert_false(exists("none") || exists("real/x.log"));
}

static void test_other_owner(void **state)
{
	struct log l;

	(void)state;
	if (geteuid() != 0) {
		skip();
		return;
	}
	put_file("x.log", "");
	assert_int_equal(chown(in_root("x.log"), 1, 1), 0);
	open_log(&l, "x.log");
	log_info(&l, "x");
	check_status(&l, EPERM, "owned by this user");
	check_content("x.log", "");
}

/* The root is not ours to make; and a file that did not open is not tried again. */
static void test_no_root(void **state)
{
	char dir[128];
	struct log_conf c = { .path = in_root("gone/x.log"), .state_dir = dir };
	struct log l;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/gone", root);
	assert_int_equal(log_init(&l, &c, &err), 0);
	log_info(&l, "x");
	check_status(&l, ENOENT, "open its directory");
	assert_false(exists("gone"));
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(log_line(&l, LOG_LEVEL_INFO, "x"), -ENOENT);
	assert_false(exists("gone/x.log"));
}

static void test_removed_while_open(void **state)
{
	struct log l;

	(void)state;
	clock_freeze_wall(NOW);
	open_log(&l, "x.log");
	log_info(&l, "one");
	assert_int_equal(unlink(in_root("x.log")), 0);
	log_info(&l, "two");
	log_close(&l);
	check_content("x.log", "time=" NOW_TEXT " level=info msg=\"two\"\n");
}

/* A full disk, played by a file size limit: reported, no death, and the next line is tried. */
static void test_write_fails(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		struct rlimit small = { 100, 100 };
		struct log l;

		signal(SIGXFSZ, SIG_IGN);
		open_log(&l, "x.log");
		if (setrlimit(RLIMIT_FSIZE, &small) < 0)
			_exit(2);
		if (log_line(&l, LOG_LEVEL_INFO, "%s", "short") != 0)
			_exit(3);
		if (log_line(&l, LOG_LEVEL_INFO, "%s", "does not fit as a whole any more") != -ENOSPC)
			_exit(4);
		if (log_line(&l, LOG_LEVEL_INFO, "%s", "nothing") != -EFBIG)
			_exit(5);
		_exit(log_status(&l, &err) == -EFBIG && strstr(err.msg, "write") ? 0 : 6);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

/* ---- rotation ---- */

/* A file rotated at the time, as we or the Go programs name it. */
static void put_old(const char *stem, int64_t ms, const char *ext)
{
	char stamp[CLOCK_TEXT_MAX], name[128];

	snprintf(name, sizeof(name), "%s-%s%s", stem, clock_format_ms(ms, '-', stamp), ext);
	put_file(name, "");
}

static void test_rotation(void **state)
{
	static const char *const first = "time=" NOW_TEXT " level=info msg=\"1\"\n";
	static const char *const bare[] = { "plain", ".dot" };
	struct log l;

	(void)state;
	clock_freeze_wall(NOW);
	open_log(&l, "x.log");
	l.file.max_bytes = 2 * (int64_t)strlen(first);
	for (int i = 1; i <= 5; i++)
		log_info(&l, "%d", i);
	assert_int_equal(log_status(&l, &err), 0);
	log_close(&l);
	/* The second one finds its name taken. */
	check_content("x-2026-11-22T21-00-00.123.log", "time=" NOW_TEXT " level=info msg=\"1\"\n"
						       "time=" NOW_TEXT " level=info msg=\"2\"\n");
	check_content("x-2026-11-22T21-00-00.124.log", "time=" NOW_TEXT " level=info msg=\"3\"\n"
						       "time=" NOW_TEXT " level=info msg=\"4\"\n");
	check_content("x.log", "time=" NOW_TEXT " level=info msg=\"5\"\n");
	assert_int_equal(count_files(root), 3);

	/* A line larger than a file, and names without an extension. */
	for (size_t i = 0; i < ARRAY_LEN(bare); i++) {
		char name[64];

		open_log(&l, "y.d.log");
		memcpy(strstr(l.file.path, "y.d.log"), bare[i], strlen(bare[i]) + 1);
		l.file.max_bytes = 1;
		log_info(&l, "1");
		log_info(&l, "2");
		log_close(&l);
		snprintf(name, sizeof(name), "%s-2026-11-22T21-00-00.123", bare[i]);
		check_content(name, first);
	}
}

static void test_prune(void **state)
{
	/* Newer than all but one: taken for ours, they would push out others. */
	static const char *const others[] = {
		"x-2026-11-22T20-00-00.000.lo",    "x-2026-11-22T20-00-00.000.log.gz",
		"x-2026-11-22T20-00-00.00.log",    "x-2026-11-22T20-00-00,000.log",
		"x-2026-11-22T20:00:00.000.log",   "x-2026-11-2aT20-00-00.000.log",
		"x_2026-11-22T20-00-00.000.log",   "y-2026-11-22T20-00-00.000.log",
		"x-2026-11-22T20-00-00.000-1.log", "x-2026-11-22T20-00-00.000",
		"x-2026011-22T20-00-00.000.log",   "x-2026-11-22T20-00-00.000.txt",
	};
	static const struct {
		int age, count;
		int kept; /* of one rotated now and the five put there: 0.5, 1.5, 2.5, 40, 50 days old */
	} rows[] = {
		{ 0, 0, 6 },  { 30, 0, 4 }, { 0, 2, 2 },       { 2, 10, 3 },
		{ 30, 2, 2 }, { 0, 1, 1 },  { 1 << 20, 9, 6 },
	};

	(void)state;
	clock_freeze_wall(NOW);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct log l;

		open_log(&l, "x.log");
		l.file.max_bytes = 1;
		l.file.max_age_days = rows[i].age;
		l.file.max_count = rows[i].count;
		for (size_t k = 0; k < ARRAY_LEN(others); k++)
			put_file(others[k], "");
		put_old("x", NOW - DAY / 2, ".log");
		put_old("x", NOW - 3 * DAY / 2, ".log");
		put_old("x", NOW - 5 * DAY / 2, ".log");
		put_old("x", NOW - 40 * DAY, ".log");
		put_old("x", NOW - 50 * DAY, ".log");
		log_info(&l, "1");
		log_info(&l, "2");
		assert_int_equal(log_status(&l, &err), 0);
		log_close(&l);
		for (size_t k = 0; k < ARRAY_LEN(others); k++) {
			if (unlink(in_root(others[k])) < 0)
				fail_msg("row %zu: %s was removed", i, others[k]);
		}
		if (count_files(root) != rows[i].kept + 1)
			fail_msg("row %zu: %d rotated files are left", i, count_files(root) - 1);
		assert_true(exists("x.log") && exists("x-2026-11-22T21-00-00.123.log"));
		assert_int_equal(teardown(NULL) | mkdir(root, 0700), 0);
		clock_freeze_wall(NOW);
	}
}

/* Somebody holds the lock and does not let go: lines go on where they went. */
static void test_lock_held(void **state)
{
	struct log l;
	int fd;

	(void)state;
	clock_freeze_wall(NOW);
	open_log(&l, "x.log");
	l.file.max_bytes = 1;
	log_info(&l, "1");
	fd = open(in_root("x.log"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	log_info(&l, "2");
	assert_int_equal(log_status(&l, &err), 0);
	check_content("x.log", "time=" NOW_TEXT " level=info msg=\"1\"\n"
			       "time=" NOW_TEXT " level=info msg=\"2\"\n");
	/* It was rotating: the file at the path is another one, and only that is full enough to care. */
	assert_int_equal(rename(in_root("x.log"), in_root("moved")), 0);
	log_info(&l, "3");
	check_content("x.log", "time=" NOW_TEXT " level=info msg=\"3\"\n");
	close(fd);
	log_close(&l);
}

/* No free name: the file grows on, and the reason is kept. */
static void test_cannot_rotate(void **state)
{
	struct log l;
	int fd;

	(void)state;
	clock_freeze_wall(NOW);
	for (int i = 0; i < 1000; i++)
		put_old("x", NOW + i, ".log");
	open_log(&l, "x.log");
	l.file.max_bytes = 1;
	log_info(&l, "1");
	assert_int_equal(log_line(&l, LOG_LEVEL_INFO, "2"), 0);
	check_status(&l, EEXIST, "rotate");
	fd = open(in_root("x.log"), O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0); /* others may try */
	close(fd);
	log_close(&l);
	check_content("x.log", "time=" NOW_TEXT " level=info msg=\"1\"\n"
			       "time=" NOW_TEXT " level=info msg=\"2\"\n");
}

/* Each line opens the file anew, as processes that live for one line do, or keeps it open. */
static void writer(int id, int max_count)
{
	struct log l;

	open_log(&l, "p/x.log");
	log_context(&l, "cmd", "ADD");
	l.file.max_bytes = 4000;
	l.file.max_count = max_count;
	for (int i = 0; i < LINES; i++) {
		log_info(&l, "writer %d line %d %.*s", id, i, i % 50,
			 "..................................................");
		if (id % 2)
			log_close(&l);
	}
	_exit(log_status(&l, &err) == 0 ? 0 : 1);
}

static void run_writers(int max_count)
{
	pid_t pid[WRITERS];

	for (int i = 0; i < WRITERS; i++) {
		pid[i] = fork();
		assert_true(pid[i] >= 0);
		if (pid[i] == 0)
			writer(i, max_count);
	}
	for (int i = 0; i < WRITERS; i++) {
		int status = -1;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
}

/* Counts each writer's lines of all files; a torn one fits no pattern. */
static int read_lines(int seen[WRITERS][LINES])
{
	DIR *d = opendir(in_root("p"));
	struct dirent *ent;
	int files = 0;

	assert_non_null(d);
	while ((ent = readdir(d))) {
		struct buf b = BUF_INIT(1 << 20);
		char path[NAME_MAX + 3], *save = NULL;

		if (ent->d_name[0] == '.')
			continue;
		files++;
		snprintf(path, sizeof(path), "p/%s", ent->d_name);
		assert_int_equal(file_read(AT_FDCWD, in_root(path), 1 << 20, &b, &err), 0);
		assert_true(b.len && b.s[b.len - 1] == '\n');
		for (char *p = strtok_r(b.s, "\n", &save); p; p = strtok_r(NULL, "\n", &save)) {
			int id = -1, i = -1, end = 0;

			sscanf(p, "time=%*24[-0-9T:.Z] level=info msg=\"writer %d line %d %*[.\"] cmd=ADD%n",
			       &id, &i, &end);
			if (id < 0 || id >= WRITERS || i < 0 || i >= LINES || p[end] || end == 0)
				fail_msg("%s: torn: %s", ent->d_name, p);
			seen[id][i]++;
		}
		buf_clear(&b);
	}
	closedir(d);
	return files;
}

static void test_many_writers(void **state)
{
	static int seen[WRITERS][LINES];
	int files;

	(void)state;
	run_writers(0);
	files = read_lines(seen);
	for (int id = 0; id < WRITERS; id++) {
		for (int i = 0; i < LINES; i++) {
			if (seen[id][i] != 1)
				fail_msg("writer %d line %d is there %d times", id, i, seen[id][i]);
		}
	}
	if (files < 3) /* about 90, fewer when the one who rotates has to wait for a processor */
		fail_msg("%d files: no rotation to speak of", files);
}

static void test_many_writers_few_files(void **state)
{
	static int seen[WRITERS][LINES];

	(void)state;
	run_writers(3);
	assert_in_range(read_lines(seen), 2, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_utc),
		cmocka_unit_test_setup_teardown(test_modes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_root, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_while_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_write_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_prune, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lock_held, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cannot_rotate, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_writers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_writers_few_files, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
