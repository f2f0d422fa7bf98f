/* SPDX-License-Identifier: Apache-2.0 */
/* test_store_backup.c - what a backup holds comes back, and a backup that is not right changes nothing */
#include "store_util.h"

#include <signal.h>

static struct store *st;

static int setup(void **state)
{
	if (make_dir(state) < 0)
		return -1;
	st = open_store();
	return 0;
}

static int teardown(void **state)
{
	store_close(st);
	st = NULL;
	return remove_dir(state);
}

static void fill_for_backup(void)
{
	static const char *const terms[] = { "node/a", "", "\"\\\n\xc3\xa4", NULL };
	struct store_op ops[] = {
		op_create(STORE_ENDPOINT, "text", "line\n\ttab \"quoted\" \\ \xe2\x82\xac"),
		op_create(STORE_ENDPOINT, "bytes", "\xff\xfe\x01"),
		{ .kind = STORE_ENDPOINT, .ns = "ns", .name = "nul", .data = "a\0b", .len = 3 },
		{ .kind = STORE_ENDPOINT, .ns = "ns", .name = "empty" },
		op_create(STORE_BLOCK, "v4-0a000000", "r"),
		op_create(STORE_BLOCK, "v6-20010db8000000000000000000000000", "r"),
	};

	ops[0].terms = terms;
	ops[4].free_at = 1234;
	ops[5].free_at = INT64_MAX;
	check(commit(st, ops, ARRAY_LEN(ops)));
	create(st, STORE_IPPOOL, "later", "x");
}

/* "boot":"ID" */
static void read_boot(char out[64])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");
	char id[37];

	assert_non_null(f);
	assert_non_null(fgets(id, sizeof(id), f));
	fclose(f);
	snprintf(out, 64, "\"boot\":\"%s\"", id);
}

static void test_backup(void **state)
{
	int64_t time;
	uint64_t count, text, later;
	struct store_obj o;
	char boot[64];

	(void)state;
	read_boot(boot);
	assert_int_equal(store_local_backup_time(st), 0);
	fill_for_backup();
	text = version_of(st, STORE_ENDPOINT, "text", NULL);
	check(store_local_backup(st, "", &err));
	assert_true(llabs(store_local_backup_time(st) - clock_wall_ms()) < 60000);
	run("test $(stat -c %%a %s/backup.json) = 600", dir);
	/* Anybody can check the sum. */
	run("which xxh64sum >/dev/null || exit 0; test \"$(head -n -1 %s/backup.json | xxh64sum | cut "
	    "-c1-16)\" = "
	    "\"$(tail -1 %s/backup.json | jq -r .xxh64)\"",
	    dir, dir);

	create(st, STORE_IPPOOL, "lost", "x");
	later = version_of(st, STORE_IPPOOL, "lost", "x");
	store_close(st);
	check(store_local_restore(dir, "", &time, &count, &err));
	assert_int_equal(count, 7);
	assert_true(llabs(time - clock_wall_ms()) < 60000);
	st = open_opts((struct store_local_opts){ 0 });
	assert_int_equal(verify(st, false), 0);
	assert_int_equal(version_of(st, STORE_IPPOOL, "lost", NULL), 0);
	assert_int_equal(version_of(st, STORE_ENDPOINT, "text", "line\n\ttab \"quoted\" \\ \xe2\x82\xac"),
			 text);
	version_of(st, STORE_ENDPOINT, "bytes", "\xff\xfe\x01");
	check_list("terms", list(st, STORE_ENDPOINT, "\"\\\n\xc3\xa4", NULL, NULL),
		   "text=line\n\ttab \"quoted\" \\ \xe2\x82\xac");
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_get(st, STORE_ENDPOINT, "ns", "nul", &o, &err), 1);
	assert_int_equal(o.len, 3);
	assert_memory_equal(o.data, "a\0b", 3);
	assert_int_equal(store_get(st, STORE_ENDPOINT, "ns", "empty", &o, &err), 1);
	assert_int_equal(o.len, 0);
	assert_int_equal(store_get(st, STORE_META, NULL, STORE_META_RESTORED, &o, &err), 1);
	assert_non_null(memmem(o.data, o.len, "\"backupTime\":", 13));
	assert_non_null(memmem(o.data, o.len, "\"restoredAt\":", 13));
	assert_non_null(memmem(o.data, o.len, boot, strlen(boot)));
	store_end(st);
	assert_int_equal(next_free(st, 4, 0x0a000000 / 64, 0x0a000000 / 64, 1233), -1);
	assert_int_equal(next_free(st, 4, 0x0a000000 / 64, 0x0a000000 / 64, 1234), 0);
	create(st, STORE_IPPOOL, "new", "x");
	assert_true(version_of(st, STORE_IPPOOL, "new", "x") > later);
	run("ls %s/data.mdb.damaged-*Z >/dev/null && ! ls %s/*tmp* 2>/dev/null", dir, dir);
}

/* Restored twice from one backup, with commits between: no version comes again. */
static void test_restore_twice(void **state)
{
	uint64_t count, v[3];
	int64_t time;

	(void)state;
	create(st, STORE_IPPOOL, "a", "x");
	check(store_local_backup(st, "", &err));
	for (int i = 0; i < 3; i++) {
		create(st, STORE_IPPOOL, "b", "x");
		v[i] = version_of(st, STORE_IPPOOL, "b", "x");
		assert_true(i == 0 || v[i] > v[i - 1]);
		store_close(st);
		/* "nobody commits a million times in a second": give the clock its second */
		clock_freeze_wall(clock_wall_ms() + 1000);
		check(store_local_restore(dir, "", &time, &count, &err));
		st = open_store();
	}
	clock_freeze_wall(-1);
}

static void test_restore_elsewhere(void **state)
{
	char file[PATH_MAX + 16], home[PATH_MAX];
	uint64_t count;
	int64_t time;

	(void)state;
	fill_for_backup();
	snprintf(file, sizeof(file), "%s/copy.json", dir);
	check(store_local_backup(st, file, &err));
	store_close(st);
	snprintf(home, sizeof(home), "%s", dir);
	snprintf(dir, sizeof(dir), "%.4000s/new/state", home);
	check(store_local_restore(dir, file, &time, &count, &err));
	st = open_opts((struct store_local_opts){ 0 });
	assert_int_equal(verify(st, false), 0);
	version_of(st, STORE_IPPOOL, "later", "x");
	snprintf(dir, sizeof(dir), "%s", home);
}

/* In a directory where others may write, a file that was there before may still be open to them. */
static void test_backup_beside_a_trap(void **state)
{
	char file[PATH_MAX + 16], trap[2][PATH_MAX + 64];
	int fd[2];
	struct stat s;

	(void)state;
	fill_for_backup();
	snprintf(file, sizeof(file), "%s/copy.json", dir);
	snprintf(trap[0], sizeof(trap[0]), "%s.tmp", file);
	snprintf(trap[1], sizeof(trap[1]), "%s.%d.tmp", file, (int)getpid());
	for (int i = 0; i < 2; i++) {
		fd[i] = open(trap[i], O_RDWR | O_CREAT | O_CLOEXEC, 0666);
		assert_true(fd[i] >= 0);
	}
	check(store_local_backup(st, file, &err));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(fstat(fd[i], &s), 0);
		assert_int_equal(s.st_size, 0);
		close(fd[i]);
	}
	run("test $(stat -c %%a %s) = 600 && test -s %s", file, file);
}

static void test_restore_refused(void **state)
{
	static const struct {
		const char *row, *sed, *says; /* what is done to the file, the sentence */
	} rows[] = {
		{ "cut", "$d", "ends here" },
		{ "cut in a line", "$s/.....$//", "backup line" },
		{ "a line less", "3d", "line 8" },
		{ "a bit", "4s/line/lIne/", "checksum" },
		{ "a byte in the sum", "$s/\"xxh64\":\"./\"xxh64\":\"/", "checksum" },
		{ "more behind it", "$s/$/\\n{}/", "checksum" },
		{ "no JSON", "2s/{//", "line 2" },
		{ "kind", "2s/Spider/Spinner/", "Spinner" },
		{ "name", "2s/\"name\":\"[^\"]*\"/\"name\":\"\"/", "line 2" },
		{ "twice",
		  "4s/.*/{\"kind\":\"SpiderEndpoint\",\"name\":\"text\",\"version\":1,\"data\":\"\"}/;"
		  "2s/.*/{\"kind\":\"SpiderEndpoint\",\"name\":\"text\",\"version\":1,\"data\":\"\"}/",
		  "twice" },
		{ "version", "2s/\"version\":[0-9]*/\"version\":99999/", "newer than the backup" },
		{ "negative", "2s/\"version\":[0-9]*/\"version\":-1/", "version" },
		{ "both", "2s/\"data\":/\"hex\":\"00\",\"data\":/", "either" },
		{ "not hex", "2s/\"data\":\"[^\"]*\"/\"hex\":\"0\"/", "either" },
		{ "newer", "1s/\"schema\":1/\"schema\":2/", "newer version" },
		{ "no backup", "1s/spiderpool-backup/something/", "no backup" },
		{ "head", "1s/\"count\":7/\"count\":-7/", "count" },
		{ "empty", "d", "ends here" },
	};
	uint64_t count;
	int64_t time;

	(void)state;
	fill_for_backup();
	check(store_local_backup(st, "", &err));
	create(st, STORE_IPPOOL, "still there", "x");
	store_close(st);
	run("cp %s/backup.json %s/good.json", dir, dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r;

		run("sed '%s' %s/good.json >%s/backup.json", rows[i].sed, dir, dir);
		r = store_local_restore(dir, "", &time, &count, &err);
		if (r >= 0 || !strstr(err.msg, rows[i].says))
			fail_msg("row \"%s\": got %d, %s", rows[i].row, r, r < 0 ? err.msg : "");
		run("! ls %s/*tmp* %s/*damaged* 2>/dev/null", dir, dir);
	}
	run("rm %s/backup.json", dir);
	assert_int_equal(store_local_restore(dir, "", &time, &count, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "backup.json"));
	st = open_store();
	version_of(st, STORE_IPPOOL, "still there", "x");
}

/* While a process has it open, and when that process was just killed. */
static void test_restore_in_use(void **state)
{
	int ready[2], status;
	uint64_t count;
	int64_t time;
	char c;
	pid_t pid;

	(void)state;
	create(st, STORE_IPPOOL, "a", "x");
	check(store_local_backup(st, "", &err));
	store_close(st);
	st = NULL;
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		st = open_store();
		if (write(ready[1], "r", 1) == 1)
			pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &c, 1), 1);
	assert_int_equal(store_local_restore(dir, "", &time, &count, &err), -EBUSY);
	assert_non_null(strstr(err.msg, "another process has the store open"));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	check(store_local_restore(dir, "", &time, &count, &err));
	close(ready[0]);
	close(ready[1]);
}

/* A page that lost its last record: the backup would be without it. */
static void test_backup_of_less(void **state)
{
	char path[PATH_MAX];
	int refused = 0;

	(void)state;
	fill_for_backup();
	check(store_local_backup(st, "", &err));
	store_close(st);
	snprintf(path, sizeof(path), "%.4000s/data.mdb", dir);
	run("cd %s && cp data.mdb good && cp backup.json good.json", dir);
	for (off_t at = 2 * 4096; at < 12 * 4096; at += 4096) {
		int fd = open(path, O_RDWR | O_CLOEXEC), r;
		uint16_t head[8];

		assert_int_equal(pread(fd, head, sizeof(head), at), sizeof(head));
		head[6] = (uint16_t)(head[6] - 2); /* where its free space begins */
		if (head[5] == 2 && head[6] > 16)  /* a leaf with more than one record */
			assert_int_equal(pwrite(fd, head, sizeof(head), at), sizeof(head));
		close(fd);
		st = open_store();
		r = store_local_backup(st, "", &err);
		if (r < 0 && (r != -EUCLEAN || !strstr(err.msg, "can be reached")))
			fail_msg("page %lld: %d, %s", (long long)at / 4096, r, err.msg);
		refused += r < 0;
		if (r < 0)
			run("cmp %s/good.json %s/backup.json && ! ls %s/*tmp* 2>/dev/null", dir, dir, dir);
		store_close(st);
		run("cp %s/good %s; cp %s/good.json %s/backup.json", dir, path, dir, dir);
	}
	assert_true(refused > 0);
	st = open_store();
}

/* Only a file is replaced, and nothing beside it. */
static void test_backup_target(void **state)
{
	static const struct {
		const char *row, *cmd, *says; /* says NULL: written */
	} rows[] = {
		{ "new", ":", NULL },
		{ "a file", "echo old >b", NULL },
		{ "its neighbours", "echo mine >b.tmp; echo mine >b.1", NULL },
		{ "a link", "echo mine >mine; ln -s mine b", "a symbolic link" },
		{ "a link to nowhere", "ln -s mine b", "a symbolic link" },
		{ "a pipe", "mkfifo b", "no regular file" },
		{ "a device", "mknod b c 1 3", "no regular file" },
		{ "a directory", "mkdir b", "a directory" },
	};
	char file[PATH_MAX + 16];

	(void)state;
	create(st, STORE_IPPOOL, "a", "x");
	snprintf(file, sizeof(file), "%s/out/b", dir);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int r;

		run("mkdir %s/out && cd %s/out && { %s; } && ls -l --time-style=+ >../before", dir, dir,
		    rows[i].cmd);
		r = store_local_backup(st, file, &err);
		if (rows[i].says ? r != -EINVAL || !strstr(err.msg, rows[i].says) : r < 0)
			fail_msg("row \"%s\": %d, %s", rows[i].row, r, r < 0 ? err.msg : "");
		if (rows[i].says)
			run("cd %s/out && ls -l --time-style=+ | diff ../before -", dir);
		else
			run("cd %s/out && grep -q xxh64 b && test $(stat -c %%a b) = 600 && "
			    "{ ! test -e b.1 || grep -q mine b.1; } && { ! test -e b.tmp || grep -q mine b.tmp; } && "
			    "test $(ls | wc -l) -le 3",
			    dir);
		run("rm -r %s/out", dir);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_backup),
		T(test_restore_twice),
		T(test_restore_elsewhere),
		T(test_backup_beside_a_trap),
		T(test_restore_refused),
		T(test_restore_in_use),
		T(test_backup_of_less),
		T(test_backup_target),
	};

	return cmocka_run_group_tests_name("store backup", tests, NULL, NULL);
}
