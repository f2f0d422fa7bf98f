/* SPDX-License-Identifier: Apache-2.0 */
/* install.c - install-plugins: the CNI plugins of an image, into a node's directory
 *
 * Nobody may find a plugin missing or half of it, whenever this is killed: each one is renamed into place
 * when it is complete and on disk. Containers have the same process ID, and with it the same temporary names,
 * so one at a time works in a directory.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/own.h"
#include "commands.h"
#include "ctl.h"

#define FROM "/usr/lib/spiderpool/cni" /* of the image */
#define TO   "/opt/cni/bin"
#define OLD  ".old"

struct install {
	const char *from, *to;
};

static void closedir_p(DIR **d)
{
	if (*d)
		closedir(*d);
}

static int open_dir(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? err_sys(e, errno, "open directory %s", path) : fd;
}

/* 1: there is a program of that name; 0: none that could be kept. */
static int read_present(int to, const char *name, struct buf *out, mode_t *ret_mode, struct err *e)
{
	struct stat st;
	int r;

	if (fstatat(to, name, &st, 0) < 0)
		return errno == ENOENT ? 0 : err_sys(e, errno, "look at %s", name);
	if (!S_ISREG(st.st_mode))
		return err_code(e, ERR_CONFIG, EINVAL, "%s is not a file; move it away", name);
	*ret_mode = st.st_mode & 07777;
	r = file_read(to, name, BUF_MAX_DEFAULT, out, e);
	return r < 0 ? r : 1;
}

static bool is_same(const struct buf *a, const struct buf *b)
{
	return a->len == b->len && (!a->len || memcmp(a->s, b->s, a->len) == 0);
}

/* NAME.PID.tmp, or NAME.old.PID.tmp: of one that was killed (base/file.h). Nobody else works here now. */
static bool is_leftover(const char *entry, const char *name)
{
	size_t len = strlen(name), digits;

	if (strncmp(entry, name, len) != 0)
		return false;
	entry += len;
	if (strncmp(entry, OLD ".", sizeof(OLD)) == 0)
		entry += sizeof(OLD) - 1;
	digits = *entry == '.' ? strspn(entry + 1, "0123456789") : 0;
	return digits && strcmp(entry + 1 + digits, ".tmp") == 0;
}

static void sweep(const char *to, const char *name)
{
	CLEANUP(closedir_p) DIR *d = opendir(to);
	struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (is_leftover(entry->d_name, name))
			unlinkat(dirfd(d), entry->d_name, 0);
}

/* 1: installed; 0: it was there. The one before stays beside it, as NAME.old. */
static int install_one(int from, int to, const char *name, struct err *e)
{
	CLEANUP(buf_clear) struct buf wanted = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(buf_clear) struct buf present = BUF_INIT(BUF_MAX_DEFAULT);
	char old[NAME_MAX + sizeof(OLD)];
	mode_t mode = 0;
	int r = file_read(from, name, BUF_MAX_DEFAULT, &wanted, e), there;

	if (r < 0)
		return r;
	there = read_present(to, name, &present, &mode, e);
	if (there < 0)
		return there;
	if (there && mode == 0755 && is_same(&wanted, &present))
		return 0;
	snprintf(old, sizeof(old), "%s" OLD, name);
	if (there && !is_same(&wanted, &present))
		r = file_replace(to, old, 0755, present.s, present.len, true, e);
	if (r == 0)
		r = file_replace(to, name, 0755, wanted.s, wanted.len, true, e);
	return r < 0 ? r : 1;
}

static bool is_file(int dir, const char *name)
{
	struct stat st;

	return fstatat(dir, name, &st, 0) == 0 && S_ISREG(st.st_mode);
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	const struct install *o = args;
	const char *from = o->from ? o->from : FROM, *to = o->to ? o->to : TO;
	CLEANUP(closedir_p) DIR *d = NULL;
	CLEANUP(close_p) int target = -1;
	struct dirent *entry;
	size_t n = 0;
	int r = file_mkdirs(to, 0755, e);

	if (r < 0)
		return r;
	target = open_dir(to, e);
	if (target < 0)
		return target;
	if (flock(target, LOCK_EX) < 0)
		return err_sys(e, errno, "lock %s", to);
	d = opendir(from);
	if (!d)
		return err_sys(e, errno, "open directory %s", from);
	while (r >= 0 && (entry = readdir(d))) {
		if (!is_file(dirfd(d), entry->d_name))
			continue;
		n++;
		sweep(to, entry->d_name);
		r = install_one(dirfd(d), target, entry->d_name, e);
		if (r < 0)
			err_wrap(e, "%s in %s", entry->d_name, to);
		else
			ctl_note(c, "%s/%s: %s", to, entry->d_name, r ? "installed" : "is there already");
	}
	if (r >= 0 && !n)
		return err_code(e, ERR_CONFIG, ENOENT, "%s: there is no plugin", from);
	return r < 0 ? r : 0;
}

static const struct option opts[] = {
	OPT(struct install, to, 0, "to", "DIR", .offer = OFFER_FILE,
	    .help = "the node's directory of plugins (default " TO ")"),
	OPT(struct install, from, 0, "from", "DIR", .offer = OFFER_FILE,
	    .help = "where the plugins are (default " FROM ", of the image)"),
};

const struct command cmd_install_plugins = {
	.name = "install-plugins",
	.summary = "bring the CNI plugins to a node, as the agent's pod does",
	.text = "Each plugin is renamed into place when it is complete; what was there before is kept as\n"
		"NAME.old, and what is the same already is left alone.",
	.only_local = "plugins are installed on the node that this runs on",
	OPTIONS(struct install, opts),
	.run = run,
};
