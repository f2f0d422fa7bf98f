/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no mount() without a type */
/* test_store_disk.c - read-only file systems and full disks, on mounts of its own (root) */
#include "store_child.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/statfs.h>

static void must_mount(const char *size)
{
	MUST(unshare(CLONE_NEWNS) == 0);
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	MUST(mount("tmpfs", dir, "tmpfs", 0, size) == 0);
	MUST(chmod(dir, 0700) == 0);
}

static void in_dir(const char *cmd)
{
	char all[PATH_MAX + 64];

	snprintf(all, sizeof(all), "cd %s && %s", dir, cmd);
	MUST(system(all) == 0);
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
	in_dir("echo other >owner");
	MUST(mount(NULL, dir, NULL, MS_REMOUNT | MS_RDONLY, NULL) == 0);
	st = must_open((struct store_local_opts){ .read_only = true });
	MUST(try_read(st, "a", "1") == 1);
	store_close(st);
	/* Nor has it a lock file */
	MUST(mount(NULL, dir, NULL, MS_REMOUNT, "size=4M") == 0);
	in_dir("rm lock.mdb owner");
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
	/* By which the file became long enough, but there are no blocks for it. */
	MUST(try_create(st, STORE_WRITE, "c", data, sizeof(data)) == -ENOSPC);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_read_only),
		T(test_full_disk),
	};

	return cmocka_run_group_tests_name("store disk", tests, NULL, NULL);
}
