/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no robust mutexes and no faults in maps */
/* test_store_hygiene.c - what is wrong with directory, files or limits gives a sentence, never a crash, a
 * hang or a changed file link: -Wl,--wrap=fstatfs */
#include "store_child.h"

#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/statfs.h>
#include <time.h>

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
		{ "data a pipe", "rm data.mdb; mkfifo data.mdb", NULL, true, -EUCLEAN, "regular file" },
		{ "no store in it", "rm *; chmod 1777 .", NULL, true, -EPERM, "a directory of its own" },
		{ "of somebody else", "rm *; chown 1 .", NULL, true, -EPERM, "a directory of its own" },
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
		    ">%s.before",
		    dir, dir);
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
		    "diff %s.before - || { echo '# row %s'; false; }",
		    dir, dir, rows[i].row);
		run("rm -rf %s %s.real %s.before", dir, dir, dir);
	}
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

#define DAMAGE_EXIT 42

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

static void ignore_finding(const char *sentence, void *arg)
{
	(void)sentence;
	(void)arg;
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
	_exit(r < 0 || store_local_verify(st, false, ignore_finding, NULL, &err) ? 1 : 0);
}

static void fill(struct store *st)
{
	for (int i = 0; i < 300; i++) {
		char name[32], data[32];

		snprintf(name, sizeof(name), "p%03d", i);
		snprintf(data, sizeof(data), "data %d", i);
		check(try_create(st, STORE_WRITE, name, data, strlen(data)));
	}
}

static uint64_t seed, rng;

static uint32_t rnd(uint32_t below)
{
	rng ^= rng >> 12;
	rng ^= rng << 25;
	rng ^= rng >> 27;
	return (uint32_t)((rng * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

/* All of it, all but the page's head, or a few bytes. */
static void damage_page(const char *path, unsigned number)
{
	uint8_t page[4096];
	size_t from = rnd(2) * 16;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pread(fd, page, sizeof(page), number * 4096), sizeof(page));
	if (rnd(2)) {
		for (size_t i = from; i < sizeof(page); i++)
			page[i] = (uint8_t)rnd(256);
	} else {
		for (unsigned n = 1 + rnd(20); n > 0; n--)
			page[rnd(rnd(2) ? 64 : sizeof(page))] = (uint8_t)rnd(256);
	}
	assert_int_equal(pwrite(fd, page, sizeof(page), number * 4096), sizeof(page));
	close(fd);
}

static void test_damaged_pages(void **state)
{
	int outcomes[3] = { 0 }; /* right, error, on_damage */
	struct store *st = open_store();
	struct store_local_info info;
	char path[PATH_MAX];

	(void)state;
	fill(st);
	check(store_local_info(st, &info, &err));
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	run("cp %s %s/good", path, dir);
	for (unsigned i = 0; i < 200; i++) {
		unsigned page = 2 + rnd((unsigned)(info.used_bytes / 4096 - 2));
		int r;

		damage_page(path, page);
		r = finish(start(read_damaged));
		if (r != 0 && r != 1 && r != DAMAGE_EXIT)
			fail_msg("SEED=%llu, round %u, page %u: %d", (unsigned long long)seed, i, page, r);
		outcomes[r == DAMAGE_EXIT ? 2 : r]++;
		run("cp %s/good %s", dir, path);
	}
	print_message("# damaged pages: %d made no difference, %d errors, %d faults\n", outcomes[0],
		      outcomes[1], outcomes[2]);
	assert_true(outcomes[1] > 0 && outcomes[2] > 0);
}

/* A page that has forgotten its last record is a page like any other. */
static void test_lost_record(void **state)
{
	char path[PATH_MAX];
	uint16_t head[8];
	int lost = 0;

	(void)state;
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	run("cp %s %s/good", path, dir);
	for (off_t at = 2 * 4096; at < 12 * 4096; at += 4096) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		struct store *st;

		assert_int_equal(pread(fd, head, sizeof(head), at), sizeof(head));
		head[6] = (uint16_t)(head[6] - 2); /* where its free space begins */
		if (head[5] == 2 && head[6] > 16)  /* a leaf with more than one record */
			assert_int_equal(pwrite(fd, head, sizeof(head), at), sizeof(head));
		close(fd);
		st = open_store();
		lost += verify(st, false);
		store_close(st);
		run("cp %s/good %s", dir, path);
	}
	assert_true(lost > 0);
}

static void patch(const char *path, off_t at, const void *data, size_t len)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_int_equal(pwrite(fd, data, len, at), (ssize_t)len);
	close(fd);
}

#define BLOCKS 200

/* Whatever is wrong with the page: a block that was written is never one that nobody uses. */
static void read_blocks(void)
{
	struct store_local_opts o = { .dir = dir, .on_damage = on_damage };
	char name[IP_BLOCK_NAME_MAX];
	struct store *st;
	int errors = 0;

	if (store_local_open(&o, soon(), &st, &err) < 0)
		_exit(1);
	for (ip_num b = 0; b < BLOCKS; b++) {
		struct store_obj obj;
		int r;

		r = store_begin(st, b % 2 ? STORE_READ : STORE_WRITE, soon(), &err);
		if (r == 0)
			r = store_get(st, STORE_BLOCK, NULL, ip_block_name(4, b, name), &obj, &err);
		else
			MUST(r == -EUCLEAN);
		if (r == 0)
			_exit(77);
		errors += r < 0;
		store_end(st);
	}
	_exit(errors != 0);
}

static void test_lost_block(void **state)
{
	struct store *st = open_store();
	char path[PATH_MAX], name[IP_BLOCK_NAME_MAX];
	struct store_local_info info;
	int errors = 0;

	(void)state;
	for (ip_num b = 0; b < BLOCKS; b++)
		create(st, STORE_BLOCK, ip_block_name(4, b, name), "record");
	check(store_local_info(st, &info, &err));
	assert_int_equal(verify(st, false), 0);
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	run("cp %s %s/good", path, dir);
	for (off_t at = 2 * 4096; at < (off_t)info.used_bytes; at += 4096) {
		for (int how = 0; how < 40; how++) {
			uint16_t none = 16;
			uint8_t byte = (uint8_t)rnd(256);
			int r;

			/* no record; or a byte in the page's head, the offsets or the records */
			if (how == 0)
				patch(path, at + 12, &none, sizeof(none));
			else
				patch(path, at + 10 + rnd(how % 2 ? 200 : 4086), &byte, 1);
			r = finish(start(read_blocks));
			if (r != 0 && r != 1 && r != DAMAGE_EXIT)
				fail_msg("SEED=%llu, page %lld, %d: %d", (unsigned long long)seed,
					 (long long)at / 4096, how, r);
			errors += r == 1;
			run("cp %s/good %s", dir, path);
		}
	}
	assert_true(errors > 0);
}

/* A store that does not know its blocks yet counts them when the next one comes. */
static void test_count_begins(void **state)
{
	struct store *st;

	(void)state;
	rewrite_schema(1, 0); /* as it was before they were counted */
	st = open_store();
	create(st, STORE_BLOCK, "v4-0a000000", "r");
	create(st, STORE_BLOCK, "v4-0a000040", "r");
	assert_int_equal(version_of(st, STORE_BLOCK, "v4-0b000000", NULL), 0);
	assert_int_equal(verify(st, false), 0);
	store_close(st);
}

/* What keeps the next one from writing is found. */
static void write_or_find(void)
{
	struct store_local_opts o = { .dir = dir, .on_damage = on_damage };
	struct store *st;
	int found;

	if (store_local_open(&o, soon(), &st, &err) < 0)
		_exit(1);
	found = store_local_verify(st, false, ignore_finding, NULL, &err);
	if (try_create(st, STORE_WRITE, "new", "x", 1) < 0)
		_exit(found ? 1 : 77);
	_exit(0);
}

static void test_free_list(void **state)
{
	static const uint8_t zeros[4096 - 16];
	char path[PATH_MAX];
	struct store *st = open_store();
	struct store_local_info info;
	int errors = 0;

	(void)state;
	fill(st);
	check(store_local_info(st, &info, &err));
	assert_int_equal(verify(st, false), 0);
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	run("cp %s %s/good", path, dir);
	for (off_t at = 2 * 4096; at < (off_t)info.used_bytes; at += 4096) {
		int r;

		patch(path, at, zeros, sizeof(zeros));
		r = finish(start(write_or_find));
		if (r != 0 && r != 1 && r != DAMAGE_EXIT)
			fail_msg("page %lld: %d", (long long)at / 4096, r);
		errors += r != 0;
		run("cp %s/good %s", dir, path);
	}
	assert_true(errors > 0);
}

/* A branch that leads to the same leaf twice must not be followed twice. */
static void test_twisted_tree(void **state)
{
	struct store *st = open_store();
	char path[PATH_MAX], page[4096];
	int errors = 0, n = 0;

	(void)state;
	fill(st);
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	for (off_t at = 2 * 4096; at < 40 * 4096; at += 4096) {
		int fd = open(path, O_RDWR | O_CLOEXEC);
		uint16_t head[12]; /* page head and the offsets of the first nodes */

		assert_int_equal(pread(fd, page, sizeof(page), at), sizeof(page));
		memcpy(head, page, sizeof(head));
		if (head[5] == 1 && head[6] >= sizeof(head)) { /* a branch with four children or more */
			memcpy(page + head[10], page + head[9], 4);
			assert_int_equal(pwrite(fd, page, sizeof(page), at), sizeof(page));
		}
		close(fd);
	}
	st = open_store();
	check(store_begin(st, STORE_READ, soon(), &err));
	errors = store_list(st, STORE_IPPOOL, NULL, NULL, NULL, each_count, &n, &err) == -EUCLEAN;
	store_end(st);
	store_close(st);
	assert_int_equal(errors, 1);
	assert_true(n <= 301);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, remove_dir)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files),
		T(test_slash),
		T(test_create_deep),
		T(test_network_fs),
		T(test_limits),
		T(test_map),
		T(test_faults),
		T(test_damaged_pages),
		T(test_lost_record),
		T(test_lost_block),
		T(test_count_begins),
		T(test_free_list),
		T(test_twisted_tree),
	};

	const char *from = getenv("SEED");

	seed = from ? strtoull(from, NULL, 10) : (uint64_t)time(NULL);
	rng = seed * 2 + 1;
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("store hygiene", tests, NULL, NULL);
}
