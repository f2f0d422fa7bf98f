/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no setns() */
/* test_netns.c - link: -Wl,--wrap=setns */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/own.h"
#include "netlab.h"
#include "nl/netns.h"

static int setns_calls, setns_fails_at;

int __real_setns(int fd, int type);
int __wrap_setns(int fd, int type);

int __wrap_setns(int fd, int type)
{
	if (++setns_calls == setns_fails_at) {
		errno = EPERM;
		return -1;
	}
	return __real_setns(fd, type);
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void own_id(char out[NETNS_ID_MAX])
{
	CLEANUP(close_p) int fd = -1;
	struct err e;

	assert_int_equal(netns_open_own(&fd, &e), 0);
	assert_int_equal(netns_id(fd, out, &e), 0);
}

static void refuses_what_is_no_netns(void **state)
{
	char dir[] = "/tmp/test_netns.XXXXXX", fifo[64];
	const struct {
		const char *path;
		int want;
		const char *says;
	} rows[] = {
		{ "/nowhere/netns", -ENOENT, "No such file" },
		{ "", -ENOENT, "No such file" },
		{ "/proc/self/exe", -EINVAL, "ordinary file" },
		{ dir, -EINVAL, "ordinary file" },
		{ fifo, -EINVAL, "ordinary file" },
		{ "/dev/null", -EINVAL, "ordinary file" },
		{ "/proc/self/ns/uts", -EINVAL, "another type" },
	};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t before = open_files();
		struct err e = { 0 };
		int fd = -7, r = netns_open(rows[i].path, &fd, &e);

		if (r != rows[i].want || fd != -7 || e.cni != ERR_NETNS || !strstr(e.msg, rows[i].says) ||
		    !strstr(e.msg, rows[i].path) || open_files() != before)
			fail_msg("\"%s\": returned %d, code %d: %s", rows[i].path, r, e.cni, e.msg);
	}
	unlink(fifo);
	rmdir(dir);
}

static void tells_which_is_which(void **state)
{
	CLEANUP(close_p) int a = lab_netns();
	CLEANUP(close_p) int b = lab_netns();
	CLEANUP(close_p) int again = -1;
	CLEANUP(close_p) int own = -1;
	char path[LAB_PATH_MAX], id_a[NETNS_ID_MAX], id_b[NETNS_ID_MAX], id_again[NETNS_ID_MAX];
	unsigned long long dev, ino;
	struct err e;

	(void)state;
	assert_int_equal(netns_open(lab_path(a, path), &again, &e), 0);
	assert_int_equal(netns_open_own(&own, &e), 0);
	assert_int_equal(netns_id(a, id_a, &e), 0);
	assert_int_equal(netns_id(b, id_b, &e), 0);
	assert_int_equal(netns_id(again, id_again, &e), 0);
	assert_string_equal(id_a, id_again);
	assert_string_not_equal(id_a, id_b);
	assert_int_equal(sscanf(id_a, "%llu:%llu", &dev, &ino), 2);
	assert_int_equal(netns_is_own(own, &e), 1);
	assert_int_equal(netns_is_own(a, &e), 0);
	assert_true(fcntl(again, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(netns_id(-1, id_a, &e), -EBADF);
	assert_int_equal(e.cni, ERR_NETNS);
}

static bool sees(int sock, const char *ifname)
{
	struct ifreq q = { 0 };

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", ifname);
	return ioctl(sock, SIOCGIFINDEX, &q) == 0;
}

static void sockets_stay_where_they_were_opened(void **state)
{
	CLEANUP(close_p) int ns = lab_netns();
	char before[NETNS_ID_MAX], after[NETNS_ID_MAX];
	struct netns_item it[] = {
		{ .domain = AF_INET, .type = SOCK_DGRAM },
		{ .domain = AF_INET, .type = SOCK_DGRAM },
	};
	struct err e;

	(void)state;
	lab_sh(ns, "ip link add inside type veth peer name inside2");
	own_id(before);
	assert_int_equal(netns_open_in(ns, it, 1, &e), 0);
	own_id(after);
	assert_string_equal(before, after);
	assert_int_equal(netns_open_in(AT_FDCWD, it + 1, 1, &e), -EBADF);
	assert_int_equal(e.cni, ERR_NETNS);
	assert_true(sees(it[0].fd, "inside"));
	assert_true(fcntl(it[0].fd, F_GETFD) & FD_CLOEXEC);
	close(it[0].fd);
}

static void own_namespace_needs_no_entering(void **state)
{
	CLEANUP(close_p) int own = -1;
	struct netns_item it = { .domain = AF_INET, .type = SOCK_DGRAM };
	struct err e;

	(void)state;
	assert_int_equal(netns_open_own(&own, &e), 0);
	setns_calls = 0;
	assert_int_equal(netns_open_in(own, &it, 1, &e), 0);
	assert_int_equal(setns_calls, 0);
	assert_true(sees(it.fd, "lo"));
	close(it.fd);
}

static void directories_show_that_namespace(void **state)
{
	CLEANUP(close_p) int ns = lab_netns();
	struct netns_item it = { .dir = "/proc/sys/net/ipv4" };
	struct buf there = BUF_INIT(16), here = BUF_INIT(16);
	struct err e;

	(void)state;
	lab_sh(ns, "echo 1 > /proc/sys/net/ipv4/ip_forward; echo 77 > /proc/sys/net/ipv4/ip_default_ttl");
	assert_int_equal(netns_open_in(ns, &it, 1, &e), 0);
	assert_int_equal(file_read(it.fd, "ip_default_ttl", 16, &there, &e), 0);
	assert_int_equal(file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_default_ttl", 16, &here, &e), 0);
	assert_string_equal(buf_cstr(&there), "77\n");
	assert_string_not_equal(buf_cstr(&here), "77\n");
	close(it.fd);
	buf_clear(&there);
	buf_clear(&here);
}

static void all_items_or_none(void **state)
{
	CLEANUP(close_p) int ns = lab_netns();
	CLEANUP(close_p) int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	const struct netns_item good = { .domain = AF_INET, .type = SOCK_DGRAM };
	const struct {
		const char *name;
		int netns;
		struct netns_item bad;
		int want;
		const char *says;
	} rows[] = {
		{ "unknown family",
		  ns,
		  { .domain = 4711, .type = SOCK_DGRAM },
		  -EAFNOSUPPORT,
		  "family 4711" },
		{ "no such directory",
		  ns,
		  { .dir = "/proc/sys/net/nowhere" },
		  -ENOENT,
		  "/proc/sys/net/nowhere" },
		{ "a file, not a directory", ns, { .dir = "/proc/version" }, -ENOTDIR, "/proc/version" },
		{ "not a namespace", null, good, -EINVAL, "enter" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct netns_item it[] = { good, { .dir = "/proc/sys/net/ipv4" }, rows[i].bad, good };
		char before[NETNS_ID_MAX], after[NETNS_ID_MAX];
		size_t files = open_files();
		struct err e = { 0 };
		int r;

		own_id(before);
		r = netns_open_in(rows[i].netns, it, ARRAY_LEN(it), &e);
		own_id(after);
		if (r != rows[i].want || e.cni != ERR_NETNS || !strstr(e.msg, rows[i].says))
			fail_msg("%s: returned %d, code %d: %s", rows[i].name, r, e.cni, e.msg);
		for (size_t k = 0; k < ARRAY_LEN(it); k++)
			if (it[k].fd != -1)
				fail_msg("%s: item %zu is open", rows[i].name, k);
		if (open_files() != files || strcmp(before, after) != 0)
			fail_msg("%s: files left open, or not back", rows[i].name);
	}
}

static void entering_may_be_refused(void **state)
{
	CLEANUP(close_p) int ns = lab_netns();
	struct netns_item it = { .domain = AF_INET, .type = SOCK_DGRAM };
	struct err e;

	(void)state;
	setns_calls = 0;
	setns_fails_at = 1;
	assert_int_equal(netns_open_in(ns, &it, 1, &e), -EPERM);
	setns_fails_at = 0;
	assert_int_equal(e.cni, ERR_NETNS);
	assert_int_equal(it.fd, -1);
}

static void no_way_back_is_the_end(void **state)
{
	CLEANUP(close_p) int ns = lab_netns();
	struct netns_item it = { .domain = AF_INET, .type = SOCK_DGRAM };
	int status = 0;
	struct err e;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGABRT, SIG_DFL); /* cmocka has its own */
		setns_calls = 0;
		setns_fails_at = 2;
		netns_open_in(ns, &it, 1, &e);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_no_netns),
		cmocka_unit_test(tells_which_is_which),
		cmocka_unit_test(sockets_stay_where_they_were_opened),
		cmocka_unit_test(own_namespace_needs_no_entering),
		cmocka_unit_test(directories_show_that_namespace),
		cmocka_unit_test(all_items_or_none),
		cmocka_unit_test(entering_may_be_refused),
		cmocka_unit_test(no_way_back_is_the_end),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
