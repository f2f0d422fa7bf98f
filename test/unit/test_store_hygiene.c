/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_hygiene.c - what is wrong with directory, files, disk or other processes gives a sentence, never
 * a crash, a hang or a changed file. Needs root: mounts and PID namespaces of its own.
 * link: -Wl,--wrap=fstatfs */
#include "store_util.h"

#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <sys/time.h>
#include <time.h>

/* ---- children: cmocka must not run in them ---- */

#define MUST(what) \
	do { \
		if (!(what)) { \
			fprintf(stderr, "# child, line %d: %s: %s\n", __LINE__, #what, err.msg); \
			_exit(99); \
		} \
	} while (0)

#define DAMAGE_EXIT  42
#define TIMEOUT_EXIT 11

static pid_t start(void (*f)(void))
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		static const int cmockas[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
		const struct rlimit none = { 0, 0 };

		for (size_t i = 0; i < ARRAY_LEN(cmockas); i++)
			signal(cmockas[i], SIG_DFL);
		setrlimit(RLIMIT_CORE, &none);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		f();
		_exit(0);
	}
	return pid;
}

static int finish(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void check_child(void (*f)(void))
{
	assert_int_equal(finish(start(f)), 0);
}

static struct store *must_open(struct store_local_opts o)
{
	struct store *st;

	o.dir = dir;
	MUST(store_local_open(&o, soon(), &st, &err) == 0);
	return st;
}

static void must_verify(struct store *st)
{
	MUST(store_local_verify(st, false, print_finding, NULL, &err) == 0);
}

static int try_create(struct store *st, enum store_mode mode, const char *name, const char *data, size_t len)
{
	const struct store_op op = { .kind = STORE_IPPOOL, .name = name, .data = data, .len = len };
	int r = store_begin(st, mode, soon(), &err);

	return r < 0 ? r : store_commit(st, &op, 1, &err);
}

/* 1: read as it should be */
static int try_read(struct store *st, const char *name, const char *want)
{
	struct store_obj o;
	int r = store_begin(st, STORE_READ, soon(), &err);

	if (r == 0)
		r = store_get(st, STORE_IPPOOL, NULL, name, &o, &err);
	if (r == 1 && (o.len != strlen(want) || memcmp(o.data, want, o.len) != 0))
		r = -ENOMSG;
	store_end(st);
	return r;
}

/* ---- a store to begin with ---- */

static int setup(void **state)
{
	struct store *st;

	if (make_dir(state) < 0)
		return -1;
	st = open_store();
	create(st, STORE_IPPOOL, "a", "1");
	store_close(st);
	return 0;
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void rewrite_schema(uint32_t schema, int damage)
{
	struct store *st = open_store();
	struct local *l = local_of(st);
	struct {
		uint64_t sum;
		uint32_t schema, zero;
		uint64_t base;
	} rec = { .schema = schema };
	uint8_t zero = 0;
	MDB_val k = { 1, &zero }, v = { sizeof(rec), &rec };

	check(store_begin(st, STORE_WRITE, soon(), &err));
	rec.sum = local_val_sum(&k, &v) + (unsigned)damage;
	assert_int_equal(mdb_put(l->txn, LOCAL_DBI, &k, &v, 0), 0);
	assert_int_equal(mdb_txn_commit(l->txn), 0);
	l->txn = NULL;
	store_close(st);
}

static void newer_schema(void)
{
	rewrite_schema(2, 0);
}

static void no_schema(void)
{
	rewrite_schema(0, 0);
}

static void damaged_schema(void)
{
	rewrite_schema(1, 1);
}

static void foreign_env(void)
{
	MDB_env *env;

	run("rm %s/*", dir);
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, dir, 0, 0600), 0);
	mdb_env_close(env);
}

/* ---- what may be wrong with the files ---- */

static void test_files(void **state)
{
	static const struct {
		const char *row, *cmd; /* run in the directory */
		void (*f)(void);
		bool create;
		int want;
		const char *says;
	} rows[] = {
		{ "no directory", "rm -r ../$D", NULL, false, -ENOENT, "spiderpoolctl" },
		{ "empty directory", "rm *", NULL, false, -ENOENT, "holds no store" },
		{ "a file", "rm -r ../$D; touch ../$D", NULL, true, -ENOTDIR, "not a directory" },
		{ "a link", "mv ../$D ../$D.real; ln -s $D.real ../$D", NULL, true, -ELOOP, "symbolic link" },
		{ "owner", "chown 1 .", NULL, true, -EPERM, "chown 0 " },
		{ "mode", "chmod 0750 .", NULL, true, -EPERM, "chmod 0700 " },
		{ "data gone", "rm data.mdb", NULL, true, -EUCLEAN, "data.mdb is gone" },
		{ "data and lock gone, a backup there", "rm *.mdb; touch backup.json", NULL, true, -EUCLEAN,
		  "data.mdb is gone" },
		{ "no bytes", ": >data.mdb", NULL, true, -EUCLEAN, "data.mdb is empty" },
		{ "100 bytes", "truncate -s 100 data.mdb", NULL, true, -EUCLEAN, "cut to 100 bytes" },
		{ "a page", "truncate -s 4096 data.mdb", NULL, true, -EUCLEAN, "cut to 4096 bytes" },
		{ "two pages", "truncate -s 8192 data.mdb", NULL, true, -EUCLEAN, "cut to 8192 bytes, " },
		{ "no LMDB", "head -c 20000 /dev/urandom >data.mdb", NULL, true, -EUCLEAN,
		  "not an LMDB file" },
		{ "zeros", "head -c 20000 /dev/zero >data.mdb", NULL, true, -EUCLEAN, "not an LMDB file" },
		{ "second meta page",
		  "dd if=/dev/zero of=data.mdb bs=4096 seek=1 count=1 conv=notrunc 2>/dev/null", NULL, true,
		  -EUCLEAN, "not an LMDB file" },
		{ "page size", "printf '\\0\\0\\0\\0' | dd of=data.mdb bs=1 seek=40 conv=notrunc 2>/dev/null",
		  NULL, true, -EUCLEAN, "make no sense" },
		{ "format", "printf '\\2' | dd of=data.mdb bs=1 seek=20 conv=notrunc 2>/dev/null", NULL, true,
		  -EPROTO, "format 2" },
		{ "data a link", "mv data.mdb x; ln -s x data.mdb", NULL, true, -EUCLEAN, "symbolic link" },
		{ "data a directory", "rm data.mdb; mkdir data.mdb", NULL, true, -EUCLEAN, "regular file" },
		{ "of another program", "", foreign_env, true, -EUCLEAN, "no store of addresses" },
		{ "newer schema", "", newer_schema, true, -EPROTO, "newer version (schema 2" },
		{ "schema 0", "", no_schema, true, -EUCLEAN, "makes no sense" },
		{ "damaged schema", "", damaged_schema, true, -EUCLEAN, "first record is damaged" },
		{ "lock a directory", "rm lock.mdb; mkdir lock.mdb", NULL, true, -EISDIR, "lock.mdb" },
		{ "owner a link", "rm owner; ln -s data.mdb owner", NULL, true, -ELOOP, "owner" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store_local_opts o = { .dir = dir, .create = rows[i].create };
		struct store *st = NULL;
		int fds, r;

		assert_int_equal(setup(NULL), 0);
		if (rows[i].f)
			rows[i].f();
		run("cd %s && D=$(basename $PWD) && %s", dir, *rows[i].cmd ? rows[i].cmd : ":");
		run("find -L %s -type f ! -name lock.mdb ! -name owner 2>/dev/null | sort | xargs -r cksum "
		    ">/tmp/test-store.before",
		    dir);
		fds = count_fds();
		r = store_local_open(&o, soon(), &st, &err);
		if (r != rows[i].want || !strstr(err.msg, rows[i].says) || !strstr(err.msg, dir))
			fail_msg("row \"%s\": got %d, %s", rows[i].row, r, r < 0 ? err.msg : "");
		if (r == -EUCLEAN && !strstr(err.msg, "spiderpoolctl restore --state-dir"))
			fail_msg("row \"%s\": no word of restore: %s", rows[i].row, err.msg);
		if (count_fds() != fds)
			fail_msg("row \"%s\": descriptors are left open", rows[i].row);
		/* lock.mdb is LMDB's, owner is ours, neither has data */
		run("find -L %s -type f ! -name lock.mdb ! -name owner 2>/dev/null | sort | xargs -r cksum | "
		    "diff /tmp/test-store.before - || { echo '# row %s'; false; }",
		    dir, rows[i].row);
		run("rm -rf %s %s.real", dir, dir);
	}
	run("rm -f /tmp/test-store.before");
}

/* A slash must not lead through a symbolic link. */
static void test_slash(void **state)
{
	char path[PATH_MAX + 16];
	struct store_local_opts o = { .dir = path };
	struct store *st;

	(void)state;
	snprintf(path, sizeof(path), "%s///", dir);
	check(store_local_open(&o, soon(), &st, &err));
	store_close(st);
	run("mv %s %s.real; ln -s %s.real %s", dir, dir, dir, dir);
	assert_int_equal(store_local_open(&o, soon(), &st, &err), -ELOOP);
	run("rm %s; mv %s.real %s", dir, dir, dir);
	o.dir = "";
	assert_int_equal(store_local_open(&o, soon(), &st, &err), -EINVAL);
}

static void test_create_deep(void **state)
{
	struct store_local_opts o = { .create = true };
	char home[PATH_MAX], path[PATH_MAX];
	struct store *st;

	(void)state;
	snprintf(home, sizeof(home), "%s", dir);
	snprintf(path, sizeof(path), "%.4000s/x/y/state", home);
	o.dir = path;
	check(store_local_open(&o, soon(), &st, &err));
	store_close(st);
	run("test \"$(stat -c %%a %s)\" = 700 && test \"$(stat -c %%a %s/data.mdb %s/lock.mdb %s/owner | "
	    "sort -u)\" = "
	    "600",
	    path, path, path, path);
}

/* ---- file systems ---- */

static long pretend_fs;
int __real_fstatfs(int fd, struct statfs *fs);
int __wrap_fstatfs(int fd, struct statfs *fs);

int __wrap_fstatfs(int fd, struct statfs *fs)
{
	int r = __real_fstatfs(fd, fs);

	if (pretend_fs)
		fs->f_type = (__typeof__(fs->f_type))pretend_fs;
	return r;
}

static void test_network_fs(void **state)
{
	static const struct {
		long magic;
		const char *name; /* NULL: served */
	} rows[] = {
		{ NFS_SUPER_MAGIC, "NFS" }, { 0xfe534d42, "SMB" },           { 0xff534d42, "CIFS" },
		{ -11317950, "CIFS" }, /* the same, sign-extended */
		{ V9FS_MAGIC, "9p" },       { 0x65735546, "FUSE" },          { CEPH_SUPER_MAGIC, "CephFS" },
		{ 0x01161970, "GFS2" },     { OCFS2_SUPER_MAGIC, "OCFS2" },  { AFS_FS_MAGIC, "AFS" },
		{ EXT4_SUPER_MAGIC, NULL }, { OVERLAYFS_SUPER_MAGIC, NULL },
	};
	struct store_local_opts o = { .dir = dir, .create = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct store *st = NULL;
		int r;

		pretend_fs = rows[i].magic;
		r = store_local_open(&o, soon(), &st, &err);
		pretend_fs = 0;
		store_close(st);
		if (rows[i].name ? r != -ENOTSUP || !strstr(err.msg, rows[i].name) : r < 0)
			fail_msg("row %lx: got %d, %s", rows[i].magic, r, r < 0 ? err.msg : "");
	}
}

static void must_mount(const char *size)
{
	MUST(unshare(CLONE_NEWNS) == 0);
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	MUST(mount("tmpfs", dir, "tmpfs", 0, size) == 0);
	MUST(chmod(dir, 0700) == 0);
}

static void read_only_fs(void)
{
	struct store *st;
	struct store_local_opts o = { .dir = dir, .create = true };

	must_mount("size=4M");
	st = must_open((struct store_local_opts){ .create = true });
	MUST(try_create(st, STORE_WRITE, "a", "1", 1) == 0);
	store_close(st);
	MUST(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);

	st = must_open((struct store_local_opts){ .read_only = true });
	MUST(try_read(st, "a", "1") == 1);
	must_verify(st);
	MUST(store_begin(st, STORE_WRITE, soon(), &err) == -EROFS);
	store_close(st);
	MUST(store_local_open(&o, soon(), &st, &err) == -EROFS && strstr(err.msg, "mounted read-only"));

	/* Another boot wrote the owner, and it cannot be changed: nobody of that boot is here. */
	MUST(mount(NULL, dir, NULL, MS_REMOUNT, "size=4M") == 0);
	MUST(system("for f in /tmp/test-store-*/owner; do [ -s $f ] && echo other >$f; done; true") == 0);
	MUST(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	st = must_open((struct store_local_opts){ .read_only = true });
	MUST(try_read(st, "a", "1") == 1);
	store_close(st);
	/* Nor has it a lock file */
	MUST(mount(NULL, dir, NULL, MS_REMOUNT, "size=4M") == 0);
	MUST(system("rm /tmp/test-store-*/lock.mdb /tmp/test-store-*/owner 2>/dev/null; true") == 0);
	MUST(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	st = must_open((struct store_local_opts){ .read_only = true });
	MUST(try_read(st, "a", "1") == 1);
	store_close(st);
}

static void read_only_files(void)
{
	static const char *const files[] = { "lock.mdb", "owner" };
	char path[PATH_MAX];
	struct store *st;

	MUST(unshare(CLONE_NEWNS) == 0);
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		snprintf(path, sizeof(path), "%.4000s/%s", dir, files[i]);
		MUST(mount(path, path, NULL, MS_BIND, NULL) == 0);
		MUST(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0);
		st = must_open((struct store_local_opts){ .read_only = true });
		MUST(try_read(st, "a", "1") == 1);
		store_close(st);
	}
}

static void test_read_only(void **state)
{
	struct store *st;

	(void)state;
	check_child(read_only_fs);
	check_child(read_only_files);
	st = open_opts((struct store_local_opts){ .read_only = true }); /* on a file system that is not */
	assert_int_equal(try_read(st, "a", "1"), 1);
	assert_int_equal(store_begin(st, STORE_RELEASE, soon(), &err), -EROFS);
	store_close(st);
}

/* ---- full disk ---- */

static size_t free_pages(void)
{
	struct statfs fs;

	MUST(statfs(dir, &fs) == 0);
	return fs.f_bfree;
}

/* Leaves so many pages. */
static void fill_disk(size_t pages)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%.4000s/filler", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	MUST(fd >= 0);
	MUST(free_pages() > pages);
	MUST(fallocate(fd, 0, 0, (off_t)((free_pages() - pages) * 4096)) == 0);
	MUST(free_pages() == pages);
	close(fd);
}

static void full_disk(void)
{
	static char data[3000];
	struct store *st;
	struct store_local_info info;
	unsigned made = 0;
	char name[32], filler[PATH_MAX];

	must_mount("size=8M");
	st = must_open((struct store_local_opts){ .create = true });
	MUST(try_create(st, STORE_WRITE, "first", data, sizeof(data)) == 0);
	fill_disk(0);
	for (;; made++) { /* what lies between the reserve and the end of the file is still for them */
		snprintf(name, sizeof(name), "p%u", made);
		if (try_create(st, STORE_WRITE, name, data, sizeof(data)) < 0)
			break;
		MUST(made < 1000);
	}
	MUST(err.sys == ENOSPC && strstr(err.msg, "disk full: 0 KiB are free, "));
	MUST(store_local_info(st, &info, &err) == 0);
	MUST(info.file_bytes >= info.used_bytes + LOCAL_RESERVE);
	MUST(store_local_backup(st, "", &err) == -ENOSPC);
	store_close(st);

	/* Every release goes through, each in a process of its own. */
	for (unsigned i = 0; i < made; i++) {
		struct store_op op = { .verb = STORE_DELETE, .kind = STORE_IPPOOL, .name = name };
		struct store_obj o;

		st = must_open((struct store_local_opts){ 0 });
		snprintf(name, sizeof(name), "p%u", i);
		MUST(store_begin(st, STORE_RELEASE, soon(), &err) == 0);
		MUST(store_get(st, STORE_IPPOOL, NULL, name, &o, &err) == 1);
		op.version = o.version;
		MUST(store_commit(st, &op, 1, &err) == 0);
		store_close(st);
	}
	snprintf(filler, sizeof(filler), "%.4000s/filler", dir);
	MUST(unlink(filler) == 0);
	st = must_open((struct store_local_opts){ 0 });
	MUST(try_create(st, STORE_WRITE, "again", data, sizeof(data)) == 0);
	must_verify(st);
	store_close(st);
}

/* A release uses what is there even when the file system gave no reserve. */
static void no_reserve(void)
{
	static char data[3000];
	struct store *st;
	char path[PATH_MAX];

	must_mount("size=8M");
	st = must_open((struct store_local_opts){ .create = true });
	MUST(try_create(st, STORE_WRITE, "a", data, sizeof(data)) == 0);
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	MUST(truncate(path, 12 * 4096) == 0);
	fill_disk(40);
	st = must_open((struct store_local_opts){ 0 });
	MUST(try_create(st, STORE_WRITE, "b", data, sizeof(data)) == -ENOSPC);
	MUST(try_create(st, STORE_RELEASE, "b", data, sizeof(data)) == 0);
	must_verify(st);
	store_close(st);
}

/* On a disk with n pages left a new store is made or is not; LMDB's lock file must not die of SIGBUS. */
static size_t pages_left;

static void new_on_full_disk(void)
{
	struct store_local_opts o = { .dir = dir, .create = true };
	struct store *st = NULL;
	int r;

	must_mount("size=4M");
	fill_disk(pages_left);
	r = store_local_open(&o, soon(), &st, &err);
	if (r < 0)
		MUST(r == -ENOSPC && strstr(err.msg, "disk full"));
	else
		MUST(try_create(st, STORE_WRITE, "a", "1", 1) == -ENOSPC);
	store_close(st);
}

static void test_full_disk(void **state)
{
	(void)state;
	check_child(full_disk);
	check_child(no_reserve);
	for (pages_left = 0; pages_left < 30; pages_left++)
		check_child(new_on_full_disk);
}

/* With every number of descriptors: an error or a store. */
static void few_descriptors(void)
{
	struct store_local_opts o = { .dir = dir };
	struct rlimit lim = { 3, 1024 };
	struct store *st = NULL;
	int r = -1;

	for (; r < 0; lim.rlim_cur++) {
		MUST(lim.rlim_cur < 64);
		MUST(setrlimit(RLIMIT_NOFILE, &lim) == 0);
		r = store_local_open(&o, soon(), &st, &err);
		MUST(r == 0 || (r == -EMFILE && strstr(err.msg, "Too many open files")));
	}
	MUST(try_read(st, "a", "1") == 1);
	store_close(st);
}

static void little_address_space(void)
{
	const struct rlimit lim = { (rlim_t)1 << 30, (rlim_t)1 << 30 };
	struct store_local_opts o = { .dir = dir };
	struct store *st = NULL;

	MUST(setrlimit(RLIMIT_AS, &lim) == 0);
	MUST(store_local_open(&o, soon(), &st, &err) == -ENOMEM && strstr(err.msg, "ulimit -v"));
}

static void test_limits(void **state)
{
	(void)state;
	check_child(few_descriptors);
#ifndef __SANITIZE_ADDRESS__ /* which needs all there is */
	check_child(little_address_space);
#else
	(void)little_address_space;
#endif
}

/* ---- the map ---- */

static void map_full(void)
{
	static char data[3000];
	struct store *st;
	char name[32];
	int n = 0;

	local_map_bytes = (size_t)4 << 20;
	st = must_open((struct store_local_opts){ 0 });
	do {
		snprintf(name, sizeof(name), "p%d", n);
		MUST(n++ < 10000);
	} while (try_create(st, STORE_WRITE, name, data, sizeof(data)) == 0);
	MUST(err.sys == ENOSPC && strstr(err.msg, "limit of 4 MiB"));
	MUST(try_create(st, STORE_RELEASE, "r", data, sizeof(data)) == 0);
	must_verify(st);
	store_close(st);
}

/* Another process has a larger map, and has filled it beyond ours. */
static void map_grown(void)
{
	CLEANUP(free_p) char *data = calloc(1, STORE_VALUE_MAX);
	struct store *st;
	int status;
	pid_t pid;

	local_map_bytes = (size_t)4 << 20;
	st = must_open((struct store_local_opts){ 0 });
	MUST(try_read(st, "a", "1") == 1);
	pid = fork();
	if (pid == 0) {
		local_guard_remove(local_of(st));
		local_map_bytes = (size_t)64 << 20;
		st = must_open((struct store_local_opts){ 0 });
		MUST(try_create(st, STORE_WRITE, "big", data, STORE_VALUE_MAX) == 0);
		_exit(0);
	}
	MUST(waitpid(pid, &status, 0) == pid && status == 0);
	MUST(try_read(st, "a", "1") == 1);
	MUST(try_create(st, STORE_WRITE, "b", "2", 1) == 0);
	MUST(try_read(st, "b", "2") == 1);
	must_verify(st);
	store_close(st);
}

static void test_map(void **state)
{
	(void)state;
	check_child(map_full);
	run("rm -r %s", dir);
	assert_int_equal(setup(NULL), 0);
	check_child(map_grown);
}

/* ---- damage while it is open ---- */

static void on_damage(const char *sentence)
{
	if (strstr(sentence, dir) && strstr(sentence, "spiderpoolctl restore --state-dir"))
		_exit(DAMAGE_EXIT);
	_exit(98);
}

static void cut_while_open(void)
{
	struct store *st = must_open((struct store_local_opts){ .on_damage = on_damage });
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	MUST(truncate(path, 8192) == 0);
	try_read(st, "a", "1");
}

/* A fault that has nothing to do with it goes where it went before. */
static void fault_elsewhere(void)
{
	volatile char *p = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must_open((struct store_local_opts){ .on_damage = on_damage });
	*p = 1;
}

static void killed_by_segv(void)
{
	must_open((struct store_local_opts){ .on_damage = on_damage });
	raise(SIGSEGV);
}

static void test_faults(void **state)
{
	(void)state;
	assert_int_equal(finish(start(fault_elsewhere)), -SIGSEGV);
	assert_int_equal(finish(start(killed_by_segv)), -SIGSEGV);
	assert_int_equal(finish(start(cut_while_open)), DAMAGE_EXIT);
}

static int each_count(const struct store_obj *o, void *arg, struct err *e)
{
	(void)e;
	(void)o;
	++*(int *)arg;
	return 0;
}

/* Whatever is read of a damaged file is right, or an error, or on_damage. */
static void read_damaged(void)
{
	struct store_local_opts o = { .dir = dir, .on_damage = on_damage };
	struct store *st;
	int n = 0, r = store_local_open(&o, soon(), &st, &err);
	char name[32], data[32];

	if (r < 0)
		_exit(1);
	MUST(store_begin(st, STORE_READ, soon(), &err) == 0);
	r = store_list(st, STORE_IPPOOL, NULL, NULL, NULL, each_count, &n, &err);
	store_end(st);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "p%03d", i);
		snprintf(data, sizeof(data), "data %d", i);
		/* An object may be lost from sight with a damaged branch, but never be another one. */
		MUST(try_read(st, name, data) != -ENOMSG);
	}
	_exit(r < 0 || store_local_verify(st, false, print_finding, NULL, &err) ? 1 : 0);
}

static void test_damaged_pages(void **state)
{
	int outcomes[3] = { 0 }; /* right, error, on_damage */
	struct store *st = open_store();
	struct store_local_info info;

	(void)state;
	for (int i = 0; i < 300; i++) {
		char name[32], data[32];

		snprintf(name, sizeof(name), "p%03d", i);
		snprintf(data, sizeof(data), "data %d", i);
		check(try_create(st, STORE_WRITE, name, data, strlen(data)));
	}
	check(store_local_info(st, &info, &err));
	store_close(st);
	run("cp %s/data.mdb %s/good", dir, dir);
	for (unsigned i = 2; i < info.used_bytes / 4096; i++) {
		int r;

		run("cp %s/good %s/data.mdb; head -c 4096 /dev/urandom | "
		    "dd of=%s/data.mdb bs=4096 seek=%u conv=notrunc 2>/dev/null",
		    dir, dir, dir, i);
		r = finish(start(read_damaged));
		if (r == -SIGABRT) /* LMDB does not always notice, then a sanitizer does */
			r = 1;
		if (r != 0 && r != 1 && r != DAMAGE_EXIT)
			fail_msg("page %u: %d", i, r);
		outcomes[r == DAMAGE_EXIT ? 2 : r]++;
	}
	print_message("# damaged pages: %d unused, %d errors, %d faults\n", outcomes[0], outcomes[1],
		      outcomes[2]);
	assert_true(outcomes[1] + outcomes[2] >= 3);
}

/* ---- other processes ---- */

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
		"", "x", "00000000-0000-0000-0000-000000000000 4026531836",
		"a long line that is longer than what is written there, by a good deal, "
		"and then some more of it that goes on"
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
		cmocka_unit_test(test_files),
		T(test_slash),
		T(test_create_deep),
		T(test_network_fs),
		T(test_read_only),
		T(test_full_disk),
		T(test_limits),
		T(test_map),
		T(test_faults),
		T(test_damaged_pages),
		T(test_lock_holder),
		T(test_process_state),
		T(test_killed_reader),
		T(test_pid_namespace),
		T(test_boot),
		T(test_start_together),
	};

	return cmocka_run_group_tests_name("store hygiene", tests, NULL, NULL);
}
