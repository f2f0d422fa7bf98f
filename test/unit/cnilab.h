/* SPDX-License-Identifier: Apache-2.0 */
/* cnilab.h - a directory of shell-script plugins for the tests of pkg/cni */
#ifndef CNILAB_H
#define CNILAB_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"

static char lab_dir[PATH_MAX - 300]; /* removed at the end */

static inline int lab_setup(void **arg)
{
	(void)arg;
	snprintf(lab_dir, sizeof(lab_dir), "%s/cnilab.XXXXXX", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
	return mkdtemp(lab_dir) ? 0 : -1;
}

static inline int lab_remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline int lab_teardown(void **arg)
{
	(void)arg;
	return nftw(lab_dir, lab_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* dir/name; one of four buffers in turn */
static inline const char *lab_path(const char *name)
{
	static char path[4][PATH_MAX];
	static unsigned turn;
	char *p = path[turn++ % 4];

	snprintf(p, PATH_MAX, "%s/%s", lab_dir, name);
	return p;
}

static inline void lab_write(const char *name, mode_t mode, const char *text)
{
	struct err e;

	if (file_replace(AT_FDCWD, lab_path(name), mode, text, strlen(text), false, &e) < 0) {
		fprintf(stderr, "%s\n", e.msg);
		abort();
	}
}

/* A plugin; $D is the directory. */
static inline void lab_script(const char *name, const char *body)
{
	char text[4096];

	snprintf(text, sizeof(text), "#!/bin/sh\nD=%s\n%s\n", lab_dir, body);
	lab_write(name, 0755, text);
}

/* A file's text without a last line end, "" when there is none; the caller frees it. */
static inline char *lab_read(const char *name)
{
	struct buf b = BUF_INIT(1 << 22);
	struct err e;

	buf_str(&b, "");
	if (file_read(AT_FDCWD, lab_path(name), 1 << 22, &b, &e) < 0)
		b.s[0] = '\0';
	else if (b.len && b.s[b.len - 1] == '\n')
		b.s[b.len - 1] = '\0';
	return b.s;
}

#endif
