/* SPDX-License-Identifier: Apache-2.0 */
/* local_dir.c - the state directory: what it must be like, and which processes may share it
 *
 * LMDB tells readers apart by process ID and keeps mutexes of this boot in its lock file, so all who have the
 * store open must be of one PID namespace. The file "owner" names boot and namespace, and who has the store
 * open holds a shared flock on it. Whoever gets the exclusive lock is alone and may write his own name, make
 * the store, and let LMDB initialise its lock file with nobody watching (LMDB itself leaves it half done when
 * killed in between); restore keeps everybody else out with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "base/file.h"
#include "store/local_impl.h"

/* Memory maps of one file are not the same memory on two nodes, or locks are not the same locks. */
static const struct {
	unsigned magic;
	const char *name;
} refused[] = {
	{ NFS_SUPER_MAGIC, "NFS" },     { SMB_SUPER_MAGIC, "SMB" },
	{ CIFS_SUPER_MAGIC, "CIFS" },   { SMB2_SUPER_MAGIC, "SMB" },
	{ V9FS_MAGIC, "9p" },           { FUSE_SUPER_MAGIC, "FUSE (or virtiofs)" },
	{ CEPH_SUPER_MAGIC, "CephFS" }, { AFS_SUPER_MAGIC, "AFS" },
	{ AFS_FS_MAGIC, "AFS" },        { CODA_SUPER_MAGIC, "Coda" },
	{ OCFS2_SUPER_MAGIC, "OCFS2" }, { NCP_SUPER_MAGIC, "NCP" },
	{ 0x01161970, "GFS2" },         { 0x0bd00bd0, "Lustre" },
	{ 0x47504653, "GPFS" },         { 0x19830326, "BeeGFS" },
	{ 0x20030528, "OrangeFS" },     { 0xaad7aaea, "PanFS" },
	{ 0x786f4256, "vboxsf" },       { 0xbacbacbc, "vmhgfs" },
};

/* So that the directory itself survives a power cut. */
static int sync_parents(const char *path, struct err *e)
{
	char part[PATH_MAX];

	snprintf(part, sizeof(part), "%s", path);
	for (char *slash = strrchr(part, '/'); slash; slash = strrchr(part, '/')) {
		CLEANUP(close_p) int fd = -1;

		slash[slash == part] = '\0';
		fd = open(part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0 || fsync(fd) < 0)
			return err_sys(e, errno, "sync directory %s", part);
		if (slash == part)
			break;
	}
	return 0;
}

static int err_open_dir(const struct local *l, int sys, struct err *e)
{
	struct stat st;

	if (sys == ENOENT)
		return err_code(
			e, ERR_IO, ENOENT,
			"state directory %s does not exist; make it and its pools with \"spiderpoolctl "
			"apply --state-dir %s -f FILE\"",
			l->dir, l->dir);
	if (lstat(l->dir, &st) == 0 && S_ISLNK(st.st_mode))
		return err_code(e, ERR_IO, ELOOP,
				"state directory %s is a symbolic link; name the directory it points to",
				l->dir);
	if (sys == ENOTDIR)
		return err_code(e, ERR_IO, ENOTDIR, "state directory %s is not a directory; name another one",
				l->dir);
	return err_sys(e, sys, "open state directory %s", l->dir);
}

static int check_file_system(struct local *l, struct err *e)
{
	struct statfs fs;

	if (fstatfs(l->dirfd, &fs) < 0)
		return err_sys(e, errno, "state directory %s", l->dir);
	for (size_t i = 0; i < ARRAY_LEN(refused); i++)
		if ((unsigned)fs.f_type == refused[i].magic)
			return err_code(
				e, ERR_IO, ENOTSUP,
				"state directory %s is on %s, where the store would not be safe; use a "
				"local file system",
				l->dir, refused[i].name);
	if (!(fs.f_flags & ST_RDONLY))
		return 0;
	if (!l->read_only)
		return local_err(l, EROFS, "open", e);
	l->no_lock = true;
	return 0;
}

/* Nobody shall be told to take /tmp away from the others. */
static bool is_ours(const struct local *l)
{
	static const char *const files[] = { "data.mdb", "lock.mdb", "owner", "backup.json" };

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		if (faccessat(l->dirfd, files[i], F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			return true;
	return false;
}

int local_dir_open(struct local *l, bool create, struct err *e)
{
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	struct stat st;
	int r;

	l->dirfd = open(l->dir, flags);
	if (l->dirfd < 0 && errno == ENOENT && create) {
		r = file_mkdirs(l->dir, 0700, e);
		if (r == 0)
			r = sync_parents(l->dir, e);
		if (r < 0)
			return r;
		l->dirfd = open(l->dir, flags);
	}
	if (l->dirfd < 0)
		return err_open_dir(l, errno, e);
	if (fstat(l->dirfd, &st) < 0)
		return err_sys(e, errno, "state directory %s", l->dir);
	if ((st.st_uid != geteuid() || (st.st_mode & 077)) && !is_ours(l))
		return err_code(
			e, ERR_IO, EPERM,
			"state directory %s is somebody else's (user %u, mode %04o) and holds no store; name a "
			"directory of its own, which is made if it does not exist",
			l->dir, st.st_uid, st.st_mode & 07777);
	if (st.st_uid != geteuid())
		return err_code(
			e, ERR_IO, EPERM,
			"state directory %s belongs to user %u, not to %u; \"chown %u %s\" if nobody else "
			"could write there",
			l->dir, st.st_uid, geteuid(), geteuid(), l->dir);
	if (st.st_mode & 077)
		return err_code(e, ERR_IO, EPERM,
				"state directory %s is open to others (mode %04o); \"chmod 0700 %s\"", l->dir,
				st.st_mode & 07777, l->dir);
	return check_file_system(l, e);
}

/* ---- owner ---- */

/* "BOOT-ID NAMESPACE\n" of this process */
static int own_name(struct local *l, struct err *e)
{
	static const char boot[] = "/proc/sys/kernel/random/boot_id", ns[] = "/proc/self/ns/pid";
	CLEANUP(close_p) int fd = open(boot, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd < 0)
		return err_sys(e, errno, "open %s", boot);
	n = read(fd, l->owner, 36);
	if (n != 36)
		return err_sys(e, n < 0 ? errno : EIO, "read %s", boot);
	if (stat(ns, &st) < 0)
		return err_sys(e, errno, "read %s", ns);
	snprintf(l->owner + 36, sizeof(l->owner) - 36, " %llu\n", (unsigned long long)st.st_ino);
	return 0;
}

static bool owner_is_us(const struct local *l)
{
	char text[sizeof(l->owner)];
	ssize_t n = pread(l->ownerfd, text, sizeof(text), 0);

	return n == (ssize_t)strlen(l->owner) && memcmp(text, l->owner, (size_t)n) == 0;
}

static int owner_write(const struct local *l, struct err *e)
{
	size_t len = strlen(l->owner);
	ssize_t n;

	if (l->no_lock) /* read-only, and nobody else is here */
		return 0;
	n = pwrite(l->ownerfd, l->owner, len, 0);
	if (n < 0 || ftruncate(l->ownerfd, (off_t)len) < 0)
		return local_err(l, errno, "write owner", e);
	return n == (ssize_t)len ? 0 : local_err(l, ENOSPC, "write owner", e);
}

int local_owner_open(struct local *l, struct err *e)
{
	const int flags = O_NOFOLLOW | O_CLOEXEC;

	l->ownerfd =
		openat(l->dirfd, "owner", l->no_lock ? O_RDONLY | flags : O_RDWR | O_CREAT | flags, 0600);
	if (l->ownerfd < 0 && l->read_only && (errno == EACCES || errno == EPERM || errno == EROFS)) {
		l->no_lock = true;
		l->ownerfd = openat(l->dirfd, "owner", O_RDONLY | flags);
	}
	if (l->ownerfd < 0 && !(l->no_lock && errno == ENOENT))
		return local_err(l, errno, "open owner", e);
	return own_name(l, e);
}

int local_owner_busy(const struct local *l, struct err *e)
{
	err_code(e, ERR_TRY_AGAIN, EBUSY,
		 "state directory %s: another process is just opening or restoring it", l->dir);
	return 1;
}

static int lock_failed(const struct local *l, struct err *e)
{
	return errno == EWOULDBLOCK ? local_owner_busy(l, e) : local_err(l, errno, "lock owner", e);
}

int local_owner_lock(struct local *l, bool *alone, struct err *e)
{
	*alone = false;
	if (l->ownerfd < 0)
		return 0;
	if (flock(l->ownerfd, LOCK_EX | LOCK_NB) == 0) {
		*alone = true;
		return owner_is_us(l) ? 0 : owner_write(l, e);
	}
	if (errno != EWOULDBLOCK || flock(l->ownerfd, LOCK_SH | LOCK_NB) < 0)
		return lock_failed(l, e);
	if (owner_is_us(l))
		return 0;
	flock(l->ownerfd, LOCK_UN);
	err_code(e, ERR_IO, EBUSY,
		 "state directory %s is in use by processes of another PID namespace (a container?); all who "
		 "use "
		 "it must run on the host, or all in one container",
		 l->dir);
	return 1;
}

int local_owner_share(struct local *l, struct err *e)
{
	if (l->ownerfd < 0)
		return 0;
	/* Not atomic: between the two locks somebody else may have had his own exclusive one. */
	if (flock(l->ownerfd, LOCK_SH | LOCK_NB) < 0)
		return lock_failed(l, e);
	return owner_is_us(l) || l->no_lock ? 0 : local_owner_busy(l, e);
}
