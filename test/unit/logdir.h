/* SPDX-License-Identifier: Apache-2.0 */
/* logdir.h - for tests of logs: a state directory of their own, a clock that stands, what is in a file */
#ifndef TEST_LOGDIR_H
#define TEST_LOGDIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"

#define NOW      1795381200123 /* 2026-11-22T21:00:00.123Z */
#define NOW_TEXT "2026-11-22T21:00:00.123Z"

static struct err err;
static char root[64]; /* the state directory of the running test */

static const char *in_root(const char *name)
{
	static char path[4][512];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", root, name);
	return path[i];
}

static int setup(void **state)
{
	(void)state;
	snprintf(root, sizeof(root), "/tmp/test-log-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	clock_freeze_wall(-1);
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_log(struct log *l, const char *name)
{
	struct log_conf c = { .path = in_root(name), .state_dir = root, .level = LOG_LEVEL_INFO };

	if (log_init(l, &c, &err) < 0)
		fail_msg("%s", err.msg);
}

static void check_content(const char *name, const char *want)
{
	struct buf b = BUF_INIT(1 << 20);

	if (file_read(AT_FDCWD, in_root(name), 1 << 20, &b, &err) < 0)
		fail_msg("%s", err.msg);
	if (strcmp(buf_cstr(&b), want) != 0)
		fail_msg("%s: want\n%s\ngot\n%s", name, want, buf_cstr(&b));
	buf_clear(&b);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(in_root(name), &st) == 0;
}

#endif
