/* SPDX-License-Identifier: Apache-2.0 */
/* test_base.c - errors, buffers, clocks and files */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/own.h"

/* ---- err ---- */

static void errors_carry_codes_and_a_sentence(void **arg)
{
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(err_set(&e, EINVAL, "pool %s: %d", "a", 3), -EINVAL);
	assert_int_equal(e.cni, ERR_INTERNAL);
	assert_int_equal(e.sys, EINVAL);
	assert_string_equal(e.msg, "pool a: 3");
	assert_int_equal(err_code(&e, ERR_CONFIG, ERANGE, "mtu"), -ERANGE);
	assert_int_equal(e.cni, ERR_CONFIG);
	assert_int_equal(e.sys, ERANGE);
	assert_int_equal(err_wrap(&e, "veth %s", "x"), -ERANGE);
	assert_int_equal(err_wrap(&e, "pod"), -ERANGE);
	assert_int_equal(e.cni, ERR_CONFIG);
	assert_string_equal(e.msg, "pod: veth x: mtu");
	assert_int_equal(err_sys(&e, ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(e.cni, ERR_IO);
	assert_string_equal(e.msg, "open /x: No such file or directory");
	assert_int_equal(err_nomem(&e), -ENOMEM);
	assert_string_equal(e.msg, "out of memory");
}

/* Sentences around the limit, made by each of the functions: whole up to 2047 bytes, then cut and marked. */
static void long_sentences_end_in_dots(void **arg)
{
	static char text[ERR_MSG_MAX + 10];

	(void)arg;
	for (size_t len = ERR_MSG_MAX - 40; len < ERR_MSG_MAX + 5; len++) {
		struct err e[3] = { 0 };
		size_t want[3] = { len, len + strlen(": Bad file descriptor"), len + strlen("wrap: ") };

		memset(text, 'x', len);
		text[len] = '\0';
		err_set(&e[0], EINVAL, "%s", text);
		err_sys(&e[1], EBADF, "%s", text);
		err_set(&e[2], EINVAL, "%s", text);
		err_wrap(&e[2], "wrap");
		for (size_t i = 0; i < ARRAY_LEN(e); i++) {
			bool cut = want[i] >= ERR_MSG_MAX;

			if (strlen(e[i].msg) != (cut ? ERR_MSG_MAX - 1 : want[i]))
				fail_msg("function %zu, %zu bytes: %zu are there", i, want[i],
					 strlen(e[i].msg));
			if ((strcmp(e[i].msg + strlen(e[i].msg) - 3, "...") == 0) != cut)
				fail_msg("function %zu, %zu bytes: ends in %s", i, want[i],
					 e[i].msg + strlen(e[i].msg) - 3);
		}
	}
}

/* ---- buf ---- */

static void buffers_grow(void **arg)
{
	struct buf b = BUF_INIT(BUF_MAX_DEFAULT);

	(void)arg;
	assert_string_equal(buf_cstr(&b), "");
	buf_add(&b, "", 0);
	assert_int_equal(b.err, 0);
	for (int i = 0; i < 1000; i++) {
		buf_str(&b, "ab");
		buf_chr(&b, '-');
		buf_add(&b, "c\0d", 3);
		buf_fmt(&b, "%04d", i);
		assert_int_equal(b.len, (i + 1) * 10);
		assert_int_equal(b.s[b.len], '\0');
	}
	assert_memory_equal(b.s + 9990, "ab-c\0d0999", 10);
	assert_int_equal(b.err, 0);
	buf_clear(&b);
	assert_true(!b.s && !b.len && b.max == BUF_MAX_DEFAULT);
}

static void add_bytes(struct buf *b, size_t n)
{
	static const char bytes[100];

	buf_add(b, bytes, n);
}

static void add_text(struct buf *b, size_t n)
{
	buf_fmt(b, "%*s", (int)n, "");
}

static void buffers_have_a_maximum(void **arg)
{
	static void (*const add[])(struct buf * b, size_t n) = { add_bytes, add_text };

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(add); i++) {
		for (size_t n = 60; n <= 70; n++) {
			struct buf b = BUF_INIT(65);

			add[i](&b, n);
			if (b.err != (n > 65 ? -EFBIG : 0) || b.len != (n > 65 ? 0 : n))
				fail_msg("way %zu, %zu bytes: error %d, length %zu", i, n, b.err, b.len);
			buf_clear(&b);
		}
	}
}

static void the_first_failure_sticks(void **arg)
{
	struct buf b = BUF_INIT(5);

	(void)arg;
	buf_str(&b, "abc");
	buf_str(&b, "def");
	assert_int_equal(b.err, -EFBIG);
	buf_chr(&b, 'g');
	buf_fmt(&b, "h");
	assert_string_equal(buf_cstr(&b), "abc");
	buf_reset(&b);
	assert_int_equal(b.err, 0);
	assert_string_equal(buf_cstr(&b), "");
	buf_str(&b, "12345");
	assert_string_equal(buf_cstr(&b), "12345");
	buf_str(&b, "");
	assert_int_equal(b.err, 0);
	buf_clear(&b);
}

/* ---- clock ---- */

static void times_are_read_and_written(void **arg)
{
	static const struct {
		const char *in;
		int64_t ms;
		const char *out; /* NULL: as it was */
	} rows[] = {
		{ "1970-01-01T00:00:00Z", 0, NULL },
		{ "2026-11-22T21:00:00Z", 1795381200000, NULL },
		{ "2026-11-22T21:00:00z", 1795381200000, "2026-11-22T21:00:00Z" },
		{ "2024-02-29T23:59:59Z", 1709251199000, NULL },
		{ "9999-12-31T23:59:59Z", 253402300799000, NULL },
		{ "1969-12-31T23:59:59Z", -1000, NULL },
		{ "1969-12-31T23:59:59.5Z", -500, "1969-12-31T23:59:59Z" },
		{ "0001-01-01T00:00:00Z", -62135596800000, NULL },
		{ "2000-02-29T12:00:00Z", 951825600000, NULL },
		{ "2100-03-01T00:00:00Z", 4107542400000, NULL },
		{ "2026-11-22T21:00:00.5Z", 1795381200500, "2026-11-22T21:00:00Z" },
		{ "2026-11-22T21:00:00.1239999999Z", 1795381200123, "2026-11-22T21:00:00Z" },
		{ "2026-11-22T21:00:00+01:00", 1795377600000, "2026-11-22T20:00:00Z" },
		{ "2026-11-22T21:00:00-01:30", 1795386600000, "2026-11-22T22:30:00Z" },
		{ "2026-11-22T21:00:00.25+00:00", 1795381200250, "2026-11-22T21:00:00Z" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[CLOCK_TEXT_MAX];
		int64_t ms = 0;
		struct err e = { 0 };

		if (clock_parse(rows[i].in, &ms, &e) < 0 || ms != rows[i].ms)
			fail_msg("%s: got %lld %s", rows[i].in, (long long)ms, e.msg);
		if (strcmp(clock_format(ms, text), rows[i].out ? rows[i].out : rows[i].in) != 0)
			fail_msg("%s: printed as %s", rows[i].in, text);
	}
}

static void times_are_written_with_milliseconds(void **arg)
{
	static const struct {
		int64_t ms;
		char colon;
		const char *out;
	} rows[] = {
		{ 0, ':', "1970-01-01T00:00:00.000" },
		{ 1795381200007, ':', "2026-11-22T21:00:00.007" },
		{ 1795381265999, '-', "2026-11-22T21-01-05.999" },
		{ -1, ':', "1969-12-31T23:59:59.999" },
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[CLOCK_TEXT_MAX];

		if (strcmp(clock_format_ms(rows[i].ms, rows[i].colon, text), rows[i].out) != 0)
			fail_msg("%s: got %s", rows[i].out, text);
	}
}

/* Every fifth day of 800 years against libc. */
static void days_are_those_of_the_calendar(void **arg)
{
	(void)arg;
	for (int64_t day = -200000; day < 100000; day += 5) {
		time_t t = (time_t)(day * 86400 + day % 86400);
		char text[CLOCK_TEXT_MAX], want[CLOCK_TEXT_MAX];
		struct tm tm;
		size_t n;

		gmtime_r(&t, &tm);
		n = (size_t)snprintf(want, sizeof(want), "%04d", tm.tm_year + 1900);
		strftime(want + n, sizeof(want) - n, "-%m-%dT%H:%M:%SZ", &tm);
		if (strcmp(clock_format((int64_t)t * 1000, text), want) != 0)
			fail_msg("%s: got %s", want, text);
	}
}

static void other_texts_are_no_times(void **arg)
{
	static const char *const rows[] = {
		"",
		"now",
		"2026-11-22",
		"2026-11-22T21:00:00",
		"2026-11-22 21:00:00Z",
		"2026-11-22T21:00Z",
		"2026-13-22T21:00:00Z",
		"2026-11-32T21:00:00Z",
		"2026-11-22T24:00:00Z",
		"2026-11-22T21:60:00Z",
		"2026-11-22T21:00:00ZZ",
		"2026-11-22T21:00:00Z ",
		"2026-11-22T21:00:00+1:00",
		"2026-11-22T21:00:00+0100",
		"2026-11-22T21:00:00+24:00",
		"2026-11-22T21:00:00+00:60",
		"2026-11-22T21:00:00+01:000",
		"2026-11-22T21:00:00,5Z",
		"2026-11-22T21:00:00.Z",
		"2026-11-22T21:00:00+ 1:00",
		" 2026-11-22T21:00:00Z",
		"2026-1-2T3:4:5Z",
		"2026-11-22T 1:00:00Z",
		"2026-02-30T00:00:00Z",
		"2025-02-29T00:00:00Z",
		"2026-11-22T23:59:60Z",
	};

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		int64_t ms = 77;
		int r = clock_parse(rows[i], &ms, &e);

		if (r != -EINVAL || ms != 77 || !strstr(e.msg, rows[i]))
			fail_msg("\"%s\": answer %d, %lld, %s", rows[i], r, (long long)ms, e.msg);
	}
}

static void wall_time_can_stand_still(void **arg)
{
	(void)arg;
	clock_freeze_wall(1795381200000);
	assert_true(clock_wall_ms() == 1795381200000);
	clock_freeze_wall(0);
	assert_true(clock_wall_ms() == 0);
	clock_freeze_wall(-1);
	assert_true(clock_wall_ms() > 1577836800000);
}

static void deadlines_run_on_the_monotonic_clock(void **arg)
{
	struct deadline far, near = deadline_in(-5);

	(void)arg;
	clock_freeze_wall(0);
	far = deadline_in(3600000);
	assert_true(deadline_left(near) == 0);
	assert_true(deadline_left(far) > 0 && deadline_left(far) <= 3600000);
	assert_true(deadline_min(near, far).at_ms == near.at_ms);
	assert_true(deadline_min(far, near).at_ms == near.at_ms);
	clock_freeze_wall(-1);
}

/* ---- file ---- */

static int make_dir(void **arg)
{
	static char dir[64];

	snprintf(dir, sizeof(dir), "/tmp/test_base.XXXXXX");
	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	*arg = dir;
	return 0;
}

static int remove_dir(void **arg)
{
	static const char *const names[] = { "f", "link", "victim", "d/e/f", "d/e", "d" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		remove(names[i]);
	return chdir("/") < 0 ? -1 : rmdir(*arg);
}

static char *content(const char *path)
{
	struct buf b = BUF_INIT(BUF_MAX_DEFAULT);
	struct err e;

	if (file_read(AT_FDCWD, path, BUF_MAX_DEFAULT, &b, &e) < 0)
		fail_msg("%s", e.msg);
	buf_str(&b, "");
	return b.s;
}

static void check_content(const char *path, const char *want)
{
	CLEANUP(free_p) char *got = content(path);

	assert_string_equal(got, want);
}

static void files_are_read_up_to_a_limit(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(40000);
	static char data[30001];
	struct err e = { 0 };

	(void)arg;
	memset(data, 'x', 30000);
	assert_int_equal(file_read(AT_FDCWD, "f", 100, &b, &e), -ENOENT);
	assert_string_equal(e.msg, "open f: No such file or directory");
	assert_int_equal(file_replace(AT_FDCWD, "f", 0644, data, 30000, false, &e), 0);
	assert_int_equal(file_read(AT_FDCWD, "f", 30000, &b, &e), 0);
	assert_string_equal(b.s, data);
	assert_int_equal(file_read(AT_FDCWD, "f", 29999, &b, &e), -EFBIG);
	assert_string_equal(e.msg, "f: larger than the limit of 29999 bytes");
	buf_reset(&b);
	assert_int_equal(file_read(AT_FDCWD, "/dev/zero", 5000, &b, &e), -EFBIG);
	assert_int_equal(file_read(AT_FDCWD, ".", 5000, &b, &e), -EISDIR);
	b.max = 10;
	assert_int_equal(file_read(AT_FDCWD, "f", 30000, &b, &e), -EFBIG);
}

static void pipes_are_written_and_read_whole(void **arg)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(2000000);
	int fd[2], status;
	struct err e;
	pid_t pid;

	(void)arg;
	assert_int_equal(pipe(fd), 0);
	pid = fork();
	if (pid == 0) {
		static char data[1000000];

		_exit(file_write_fd(fd[1], "pipe", data, sizeof(data), &e) < 0);
	}
	close(fd[1]);
	assert_int_equal(file_read_fd(fd[0], "pipe", 1000000, &b, &e), 0);
	close(fd[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(b.len, 1000000);
}

static void faults_of_writing_are_told(void **arg)
{
	CLEANUP(close_p) int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(file_write_fd(full, "/dev/full", "x", 1, &e), -ENOSPC);
	assert_string_equal(e.msg, "write /dev/full: No space left on device");
	assert_int_equal(file_write_fd(full, "/dev/full", NULL, 0, &e), 0);
	assert_int_equal(file_write_fd(-1, "nothing", "x", 1, &e), -EBADF);
}

static void files_are_replaced_with_their_mode(void **arg)
{
	CLEANUP(close_p) int dir = -1;
	struct err e = { 0 };
	struct stat st;
	mode_t old = umask(077);

	(void)arg;
	assert_int_equal(file_replace(AT_FDCWD, "f", 0644, "one", 3, false, &e), 0);
	umask(old);
	check_content("f", "one");
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(file_replace(AT_FDCWD, "f", 0600, "", 0, true, &e), 0);
	check_content("f", "");
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(mkdir("d", 0700), 0);
	dir = open("d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdir("d/e", 0700), 0);
	assert_int_equal(file_replace(dir, "e/f", 0600, "two", 3, true, &e), 0);
	check_content("d/e/f", "two");
}

/* A link that waits at the temporary name must not lead elsewhere; a link at the name itself is replaced. */
static void links_are_not_followed(void **arg)
{
	char temp[64];
	struct err e = { 0 };
	struct stat st;

	(void)arg;
	assert_int_equal(file_replace(AT_FDCWD, "victim", 0600, "mine", 4, false, &e), 0);
	snprintf(temp, sizeof(temp), "link.%d.tmp", (int)getpid());
	assert_int_equal(symlink("victim", temp), 0);
	assert_int_equal(symlink("victim", "link"), 0);
	assert_int_equal(file_replace(AT_FDCWD, "link", 0600, "new", 3, false, &e), 0);
	check_content("victim", "mine");
	check_content("link", "new");
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(access(temp, F_OK), -1);
}

static void the_old_file_stands_after_a_fault(void **arg)
{
	static char data[10000], name[PATH_MAX];
	struct rlimit old, small = { 5000, RLIM_INFINITY };
	char temp[64];
	struct err e = { 0 };
	int r;

	(void)arg;
	assert_int_equal(file_replace(AT_FDCWD, "f", 0600, "old", 3, false, &e), 0);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small.rlim_max = old.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	r = file_replace(AT_FDCWD, "f", 0600, data, sizeof(data), false, &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	signal(SIGXFSZ, SIG_DFL);
	assert_int_equal(r, -EFBIG);
	check_content("f", "old");
	snprintf(temp, sizeof(temp), "f.%d.tmp", (int)getpid());
	assert_int_equal(access(temp, F_OK), -1);

	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(file_replace(AT_FDCWD, "d", 0600, "x", 1, false, &e), -EISDIR);
	assert_int_equal(file_replace(AT_FDCWD, "none/f", 0600, "x", 1, false, &e), -ENOENT);
	memset(name, 'n', sizeof(name) - 1);
	assert_int_equal(file_replace(AT_FDCWD, name, 0600, "x", 1, false, &e), -ENAMETOOLONG);
	name[300] = '\0';
	assert_int_equal(file_replace(AT_FDCWD, name, 0600, "x", 1, false, &e), -ENAMETOOLONG);
}

/* While another process replaces it over and over, a reader sees one content or the other. */
static void readers_see_no_mix(void **arg)
{
	static char data[2][60000];
	struct err e;
	int status = 0;
	pid_t pid;

	(void)arg;
	memset(data[0], 'a', sizeof(data[0]));
	memset(data[1], 'b', sizeof(data[1]));
	assert_int_equal(file_replace(AT_FDCWD, "f", 0600, data[1], sizeof(data[1]), false, &e), 0);
	pid = fork();
	if (pid == 0) {
		int r = 0;

		for (int i = 0; i < 500 && r == 0; i++)
			r = file_replace(AT_FDCWD, "f", 0600, data[i % 2], sizeof(data[0]), false, &e);
		_exit(r < 0);
	}
	while (waitpid(pid, &status, WNOHANG) == 0) {
		CLEANUP(free_p) char *got = content("f");

		assert_int_equal(strlen(got), sizeof(data[0]));
		assert_memory_equal(got, data[*got == 'b'], sizeof(data[0]));
	}
	assert_int_equal(status, 0);
}

static void what_killed_writers_left_is_removed(void **arg)
{
	static const struct {
		const char *name;
		int64_t age_s, limit_s;
		bool stays;
	} rows[] = {
		{ "f.123.tmp", 0, 0, false },   { "f.123.tmp", 90, 60, false },
		{ "a.b.1.tmp", 90, 60, false }, { "f.123.tmp", 30, 60, true },
		{ "f.123.tmp", -90, 60, true }, { "f.tmp", 90, 60, true },
		{ "f..tmp", 90, 60, true },     { "f.12x.tmp", 90, 60, true },
		{ ".123.tmp", 90, 60, true },   { "f123.tmp", 90, 60, true },
		{ "f.123.tmp2", 90, 60, true }, { "f", 90, 60, true },
		{ "f.123.json", 90, 60, true },
	};
	struct err e;

	(void)arg;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct timespec t[2] = { { .tv_sec = time(NULL) - rows[i].age_s },
					 { .tv_sec = time(NULL) - rows[i].age_s } };

		print_message("# row %zu\n", i);
		assert_int_equal(file_replace(AT_FDCWD, rows[i].name, 0600, "x", 1, false, &e), 0);
		assert_int_equal(utimensat(AT_FDCWD, rows[i].name, t, 0), 0);
		file_tidy(".", rows[i].limit_s * 1000);
		assert_int_equal(access(rows[i].name, F_OK), rows[i].stays ? 0 : -1);
		unlink(rows[i].name);
	}
	assert_int_equal(mkdir("d.1.tmp", 0700), 0);
	file_tidy(".", 0);
	file_tidy("none", 0);
	assert_int_equal(rmdir("d.1.tmp"), 0);
}

static void directories_are_made_with_parents(void **arg)
{
	struct err e = { 0 };
	struct stat st;
	mode_t old = umask(0);

	(void)arg;
	assert_int_equal(file_mkdirs("d/e", 0700, &e), 0);
	umask(old);
	assert_int_equal(stat("d", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755);
	assert_int_equal(stat("d/e", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_mkdirs("d/e", 0711, &e), 0);
	assert_int_equal(stat("d/e", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_replace(AT_FDCWD, "f", 0600, "x", 1, false, &e), 0);
	assert_int_equal(file_mkdirs("f/e", 0700, &e), -ENOTDIR);
	assert_string_equal(e.msg, "make directory f/e: Not a directory");
	assert_int_equal(file_mkdirs("f", 0700, &e), -ENOTDIR);
	assert_int_equal(file_mkdirs("g/", 0700, &e), 0);
	assert_int_equal(stat("g", &st), 0);
	assert_int_equal(rmdir("g"), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(file_mkdirs("", 0700, &e), -EINVAL);
	assert_int_equal(file_mkdirs("/", 0700, &e), 0);
}

#define with_dir(fn) cmocka_unit_test_setup_teardown(fn, make_dir, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(errors_carry_codes_and_a_sentence),
		cmocka_unit_test(long_sentences_end_in_dots),
		cmocka_unit_test(buffers_grow),
		cmocka_unit_test(buffers_have_a_maximum),
		cmocka_unit_test(the_first_failure_sticks),
		cmocka_unit_test(times_are_read_and_written),
		cmocka_unit_test(times_are_written_with_milliseconds),
		cmocka_unit_test(days_are_those_of_the_calendar),
		cmocka_unit_test(other_texts_are_no_times),
		cmocka_unit_test(wall_time_can_stand_still),
		cmocka_unit_test(deadlines_run_on_the_monotonic_clock),
		with_dir(files_are_read_up_to_a_limit),
		with_dir(pipes_are_written_and_read_whole),
		with_dir(faults_of_writing_are_told),
		with_dir(files_are_replaced_with_their_mode),
		with_dir(links_are_not_followed),
		with_dir(the_old_file_stands_after_a_fault),
		with_dir(readers_see_no_mix),
		with_dir(what_killed_writers_left_is_removed),
		with_dir(directories_are_made_with_parents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
