/* SPDX-License-Identifier: Apache-2.0 */
/* local_err.c - what went wrong in LMDB or on the disk, as a sentence that says what to do */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "store/local_impl.h"

int local_damaged(const struct local *l, struct err *e, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	return err_code(e, ERR_IO, EUCLEAN,
			"state directory %s: %s; restore the last backup with \"spiderpoolctl restore "
			"--state-dir %s\"",
			l->dir, what, l->dir);
}

unsigned long long local_free_kib(const struct local *l)
{
	struct statvfs vfs;

	if (fstatvfs(l->dirfd, &vfs) < 0)
		return 0;
	return (unsigned long long)vfs.f_bavail * vfs.f_frsize / 1024;
}

int local_disk_full(const struct local *l, size_t needed, struct err *e)
{
	return err_code(
		e, ERR_IO, ENOSPC,
		"state directory %s: disk full: %llu KiB are free, %zu KiB are needed; free space there%s",
		l->dir, local_free_kib(l), (needed + 1023) / 1024,
		l->mode == STORE_RELEASE ? "" : " (addresses can still be released)");
}

static int err_lmdb(const struct local *l, int rc, const char *doing, struct err *e)
{
	switch (rc) {
	case MDB_MAP_FULL:
		return err_code(e, ERR_IO, ENOSPC,
				"state directory %s: %s: the store has reached its limit of "
				"%zu MiB; release what is no longer needed, then back up and restore to make "
				"it small",
				l->dir, doing, local_map_bytes >> 20);
	case MDB_READERS_FULL:
		return err_code(e, ERR_TRY_AGAIN, EAGAIN,
				"state directory %s: %s: %d processes read it already", l->dir, doing,
				LOCAL_READERS);
	case MDB_TXN_FULL:
		return err_code(e, ERR_IO, E2BIG, "state directory %s: %s: too much for one transaction",
				l->dir, doing);
	case MDB_PANIC:
		return err_code(e, ERR_IO, EIO,
				"state directory %s: %s: an earlier write of this process failed", l->dir,
				doing);
	case MDB_VERSION_MISMATCH:
		return err_code(e, ERR_IO, EPROTO,
				"state directory %s: %s: a program with another version of LMDB has it open; "
				"end that program",
				l->dir, doing);
	default:
		return local_damaged(l, e, "%s: %s", doing, mdb_strerror(rc));
	}
}

int local_err(const struct local *l, int rc, const char *doing, struct err *e)
{
	if (rc < 0)
		return err_lmdb(l, rc, doing, e);
	/* LMDB reports a short write, which is how a full disk often shows, as EIO. */
	if (rc == ENOSPC || rc == EDQUOT || (rc == EIO && local_free_kib(l) < LOCAL_RESERVE / 1024))
		return local_disk_full(l, LOCAL_RESERVE, e);
	if (rc == EROFS)
		return err_code(
			e, ERR_IO, EROFS,
			"state directory %s: %s: the file system is mounted read-only; mount it writable",
			l->dir, doing);
	return err_sys(e, rc, "state directory %s: %s", l->dir, doing);
}
