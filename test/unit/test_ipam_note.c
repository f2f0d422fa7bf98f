/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_note.c - release notes: written, found again, damaged, removed */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "ipam/note.h"

static char top[64], state[96], dir[128];

static int setup(void **arg)
{
	(void)arg;
	snprintf(top, sizeof(top), "/tmp/note.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(state, sizeof(state), "%s/state", top);
	snprintf(dir, sizeof(dir), "%s/" NOTE_DIR, state);
	return 0;
}

static int remove_one(const struct note *n, const char *file, const struct err *why, void *arg, struct err *e)
{
	char path[PATH_MAX];

	(void)n;
	(void)why;
	(void)arg;
	(void)e;
	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return unlink(path);
}

static int teardown(void **arg)
{
	struct err e;

	(void)arg;
	(void)note_each(dir, remove_one, NULL, &e);
	rmdir(dir);
	rmdir(state);
	return rmdir(top);
}

#define NOTE(c, i, w) \
	((struct note){ .container = (char *)(c), .nic = (char *)(i), .network = (char *)(w), .at = 5 })

struct seen {
	unsigned notes, bad;
	char last[256], file[64], why[ERR_MSG_MAX];
	int answer;
};

static int see(const struct note *n, const char *file, const struct err *why, void *arg, struct err *e)
{
	struct seen *s = arg;

	(void)e;
	snprintf(s->file, sizeof(s->file), "%s", file);
	if (n) {
		s->notes++;
		snprintf(s->last, sizeof(s->last), "%s %s %s %s/%s %s %s %lld", n->container, n->nic,
			 n->network, n->ns ? n->ns : "-", n->pod ? n->pod : "-", n->uid ? n->uid : "-",
			 n->boot ? n->boot : "-", (long long)n->at);
		assert_null(why);
	} else {
		s->bad++;
		snprintf(s->why, sizeof(s->why), "%s", why->msg);
	}
	return s->answer;
}

static struct seen look(void)
{
	struct seen s = { 0 };
	struct err e;

	assert_int_equal(note_each(dir, see, &s, &e), 0);
	return s;
}

static void put(const struct note *n)
{
	struct err e = { 0 };

	if (note_write(dir, n, &e) < 0)
		fail_msg("%s", e.msg);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void all_of_it_comes_back(void **arg)
{
	struct note n = NOTE("c1", "eth0", "net");
	char path[PATH_MAX];
	struct seen s;

	(void)arg;
	s = look(); /* no directory */
	assert_int_equal(s.notes + s.bad, 0);
	n.ns = (char *)"blue";
	n.pod = (char *)"web-0";
	n.uid = (char *)"u-1";
	n.boot = (char *)"b-1";
	put(&n);
	s = look();
	assert_int_equal(s.notes, 1);
	assert_string_equal(s.last, "c1 eth0 net blue/web-0 u-1 b-1 5");
	assert_int_equal(mode_of(state), 0700);
	assert_int_equal(mode_of(dir), 0700);
	snprintf(path, sizeof(path), "%s/%s", dir, s.file);
	assert_int_equal(mode_of(path), 0600);
}

static void one_note_an_attachment(void **arg)
{
	const struct note notes[] = {
		NOTE("c1", "eth0", "net"),   NOTE("c1", "eth1", "net"), NOTE("c2", "eth0", "net"),
		NOTE("c1", "eth0", "other"), NOTE("c1e", "th0", "net"), /* the parts do not run together */
	};
	struct note again = notes[0];
	struct err e;

	(void)arg;
	for (size_t i = 0; i < sizeof(notes) / sizeof(notes[0]); i++) {
		put(&notes[i]);
		assert_int_equal(look().notes, i + 1);
	}
	again.at = 77;
	put(&again);
	assert_int_equal(look().notes, 5);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(note_remove(dir, &notes[i], &e), 0);
		assert_int_equal(note_remove(dir, &notes[i], &e), 0); /* again */
		assert_int_equal(look().notes, 4 - i);
	}
}

static void a_walk_can_be_ended(void **arg)
{
	struct seen s = { .answer = -EINTR };
	struct err e;

	(void)arg;
	put(&NOTE("c1", "eth0", "net"));
	put(&NOTE("c2", "eth0", "net"));
	assert_int_equal(note_each(dir, see, &s, &e), -EINTR);
	assert_int_equal(s.notes, 1);
}

static void damaged_ones_are_told_and_skipped(void **arg)
{
	static const char *const rows[][2] = {
		{ "", "1:1" },
		{ "{\"container\":\"c1\",\"nic\":\"eth0\"", "want" },
		{ "{\"container\":\"c1\",\"nic\":\"eth0\"}", "network" },
		{ "{\"container\":3,\"nic\":\"eth0\",\"network\":\"net\"}", "want a string" },
		{ "{\"container\":\"cX\",\"nic\":\"eth0\",\"network\":\"net\"}",
		  "it is not that of container cX" },
	};
	char path[PATH_MAX], other[PATH_MAX];
	struct seen s;
	struct err e;

	(void)arg;
	put(&NOTE("c1", "eth0", "net"));
	snprintf(path, sizeof(path), "%s/%s", dir, look().file);
	put(&NOTE("c2", "eth0", "net"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(
			file_replace(AT_FDCWD, path, 0600, rows[i][0], strlen(rows[i][0]), false, &e), 0);
		s = look();
		if (s.notes != 1 || s.bad != 1 || !strstr(s.why, rows[i][1]))
			fail_msg("row %zu: %u notes, %u bad: %s", i, s.notes, s.bad, s.why);
		assert_string_equal(s.last, "c2 eth0 net -/- - - 5");
	}
	/* what a killed writer left is no note */
	snprintf(other, sizeof(other), "%s/0123.json.77.tmp", dir);
	assert_int_equal(rename(path, other), 0);
	s = look();
	assert_int_equal(s.bad, 0);
	assert_int_equal(s.notes, 1);
	unlink(other);
}

static void where_it_cannot_be_written(void **arg)
{
	struct err e = { 0 };

	(void)arg;
	assert_int_equal(file_replace(AT_FDCWD, state, 0600, "x", 1, false, &e), 0);
	assert_int_equal(note_write(dir, &NOTE("c1", "eth0", "net"), &e), -ENOTDIR);
	assert_non_null(strstr(e.msg, state));
	unlink(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_of_it_comes_back),       TEST(one_note_an_attachment),
		TEST(a_walk_can_be_ended),        TEST(damaged_ones_are_told_and_skipped),
		TEST(where_it_cannot_be_written),
	};

	return cmocka_run_group_tests_name("ipam_note", tests, NULL, NULL);
}
