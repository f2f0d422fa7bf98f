/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no namespaces */
/* test_nl_space.c - link: -Wl,--wrap=setns,--wrap=socket,--wrap=access,--wrap=setsockopt */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netlab.h"
#include "nl/link.h"
#include "nl/netns.h"
#include "nl/rt.h"
#include "nl/space.h"

static int setns_calls;
static bool no_nfnetlink, no_ipv6, no_timeout;

int __real_setns(int fd, int type);
int __wrap_setns(int fd, int type);
int __real_socket(int domain, int type, int protocol);
int __wrap_socket(int domain, int type, int protocol);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_setsockopt(int fd, int level, int name, const void *v, socklen_t len);
int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len);

int __wrap_setns(int fd, int type)
{
	setns_calls++;
	return __real_setns(fd, type);
}

int __wrap_socket(int domain, int type, int protocol)
{
	if (no_nfnetlink && domain == AF_NETLINK && protocol == NETLINK_NETFILTER) {
		errno = EPROTONOSUPPORT;
		return -1;
	}
	return __real_socket(domain, type, protocol);
}

int __wrap_access(const char *path, int mode)
{
	if (no_ipv6 && strstr(path, "ipv6")) {
		errno = ENOENT;
		return -1;
	}
	return __real_access(path, mode);
}

int __wrap_setsockopt(int fd, int level, int name, const void *v, socklen_t len)
{
	if (no_timeout && level == SOL_SOCKET && name == SO_RCVTIMEO) {
		errno = EDOM;
		return -1;
	}
	return __real_setsockopt(fd, level, name, v, len);
}

static size_t open_files(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void all_of_it_there(void **state)
{
	struct netspace s, own;
	struct rt_link l;
	struct link_info info;
	size_t files = open_files();
	int ns = lab_netns();
	struct err e;

	(void)state;
	lab_sh(ns, "ip link add there type veth peer name there2");
	setns_calls = 0;
	assert_int_equal(netspace_open(ns, "pod", &s, &e), 0);
	assert_int_equal(setns_calls, 2); /* in and out */
	assert_int_equal(netspace_open(-1, "node", &own, &e), 0);
	assert_int_equal(setns_calls, 2);
	assert_int_equal(netns_is_own(own.netns, &e), 1);
	assert_int_equal(netns_is_own(s.netns, &e), 0);
	assert_int_equal(rt_link_by_name(&s.rt, "there", &l, &e), 0);
	assert_int_equal(rt_link_by_name(&own.rt, "there", &l, &e), -ENODEV);
	assert_int_equal(link_get(s.sock, "there", &info, &e), 0);
	assert_int_equal(link_get(own.sock, "there", &info, &e), -ENODEV);
	assert_true(s.has_ipv6);
	assert_true(s.nf.fd >= 0);
	for (int *fd = (int[]){ s.rt.fd, s.nf.fd, s.sock, s.sysctl4, s.sysctl6, s.netns, -1 }; *fd >= 0; fd++)
		assert_true(fcntl(*fd, F_GETFD) & FD_CLOEXEC);
	netspace_close(&s);
	netspace_close(&own);
	netspace_close(&own); /* again */
	assert_int_equal(open_files(), files);
}

static void kernels_without(void **state)
{
	struct netlink_batch b = { 0 };
	char text[SYSCTL_TEXT_MAX];
	struct netspace s;
	struct err e;

	(void)state;
	no_ipv6 = no_nfnetlink = true;
	assert_int_equal(netspace_open(lab_netns(), "pod", &s, &e), 0);
	no_ipv6 = no_nfnetlink = false;
	assert_false(s.has_ipv6);
	assert_int_equal(s.sysctl6, -1);
	assert_int_equal(s.nf.fd, -1);
	assert_int_equal(sysctl_get(&s, "ipv4/ip_forward", text, &e), 0);
	assert_int_equal(sysctl_get(&s, "ipv6/conf/all/forwarding", text, &e), -ENOENT);
	assert_string_equal(e.msg, "pod: sysctl ipv6/conf/all/forwarding: this kernel has no IPv6");
	netlink_add(&b, nlmsg_alloc_simple(1, 0), NETLINK_EXACT, "add table spider");
	assert_int_equal(netlink_send(&s.nf, &b, &e), -EPROTONOSUPPORT);
	assert_string_equal(e.msg, "pod: add table spider: this kernel has no netfilter netlink (nfnetlink) "
				   "(Protocol not supported)");
	netlink_batch_clear(&b);
	netspace_close(&s);
}

static void nothing_stays_open(void **state)
{
	struct netspace zeroed = { 0 }, s;
	size_t files = open_files();
	struct err e;

	(void)state;
	assert_int_equal(netspace_open(open("/dev/null", O_RDONLY | O_CLOEXEC), "pod", &s, &e), -EINVAL);
	assert_int_equal(e.cni, ERR_NETNS);
	assert_memory_equal(e.msg, "pod: enter the network namespace", 32);
	netspace_close(&s);
	no_timeout = true;
	assert_int_equal(netspace_open(lab_netns(), "pod", &s, &e), -EDOM);
	no_timeout = false;
	netspace_close(&s);
	assert_int_equal(open_files(), files);
	netspace_close(&zeroed);
	assert_int_equal(open_files(), files);
}

/* ---- settings ---- */

static struct netspace pod;

static void get_and_set(void **state)
{
	const struct {
		const char *path, *value;
	} rows[] = {
		{ "ipv4/conf/all/rp_filter", "2" },
		{ "ipv4/conf/eth0.100/rp_filter", "0" },
		{ "ipv6/conf/eth0.100/disable_ipv6", "1" },
		{ "ipv6/conf/all/forwarding", "1" },
		{ "ipv4/ip_local_port_range", "20000\t30001" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[SYSCTL_TEXT_MAX];
		struct err e = { 0 };

		if (sysctl_set(&pod, rows[i].path, rows[i].value, &e) < 0 ||
		    sysctl_set(&pod, rows[i].path, rows[i].value, &e) < 0 ||
		    sysctl_get(&pod, rows[i].path, text, &e) < 0)
			fail_msg("%s: %s", rows[i].path, e.msg);
		assert_string_equal(text, rows[i].value);
		lab_sh(pod.netns, "test \"$(cat /proc/sys/net/%s)\" = '%s'", rows[i].path, rows[i].value);
	}
}

static void bad_settings(void **state)
{
	const struct {
		const char *path, *value;
		int want;
		const char *says;
	} rows[] = {
		{ "ipv4/conf/nosuch/rp_filter", "1", -ENOENT,
		  "pod: sysctl ipv4/conf/nosuch/rp_filter: No such file" },
		{ "ipv4/conf/all/rp_filter", "many", -EINVAL,
		  "pod: sysctl ipv4/conf/all/rp_filter: set to \"many\": Invalid argument" },
		{ "ipv4/conf/all", "1", -EISDIR, "pod: sysctl ipv4/conf/all: read: Is a directory" },
		{ "ipv4/tcp_available_congestion_control", "x", -EACCES,
		  "congestion_control: Permission denied" },
		{ "core/somaxconn", "1", -EINVAL, "want a path below ipv4/ or ipv6/" },
		{ "", "1", -EINVAL, "want a path" },
		{ "ipv4", "1", -EINVAL, "want a path" },
		{ "ipv4/", "1", -EINVAL, "want a path" },
		{ "ipv4//etc/passwd", "1", -EINVAL, "want a path" },
		{ "ipv4/../core/somaxconn", "1", -EINVAL, "want a path" },
		{ "ipv4/conf/../ip_forward", "1", -EINVAL, "want a path" },
		{ "ipv4/conf/..", "1", -EINVAL, "want a path" },
		{ "ipv4/./ip_forward", "1", -EINVAL, "want a path" },
		{ "ipv4/conf/", "1", -EINVAL, "want a path" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		int r = sysctl_set(&pod, rows[i].path, rows[i].value, &e);

		if (r != rows[i].want || !strstr(e.msg, rows[i].says))
			fail_msg("%s: %d, %s", rows[i].path, r, e.msg);
	}
}

static void what_is_set_is_not_written(void **state)
{
	char text[SYSCTL_TEXT_MAX];
	struct err e;

	(void)state;
	/* Read-only: writing it would fail. */
	assert_int_equal(sysctl_get(&pod, "ipv4/tcp_available_congestion_control", text, &e), 0);
	assert_int_equal(sysctl_set(&pod, "ipv4/tcp_available_congestion_control", text, &e), 0);
}

static void values_too_long(void **state)
{
	char text[SYSCTL_TEXT_MAX] = "as it was";
	struct err e;

	(void)state;
	/* 63 bytes, then 64 and 69. */
	lab_sh(pod.netns, "echo 10001,10003,10005,10007,10009,10011,10013,10015,10017,10019,901 > "
			  "/proc/sys/net/ipv4/ip_local_reserved_ports");
	assert_int_equal(sysctl_get(&pod, "ipv4/ip_local_reserved_ports", text, &e), 0);
	assert_int_equal(strlen(text), SYSCTL_TEXT_MAX - 1);
	for (int i = 0; i < 2; i++) {
		lab_sh(pod.netns,
		       "echo 10001,10003,10005,10007,10009,10011,10013,10015,10017,10019,1901%s > "
		       "/proc/sys/net/ipv4/ip_local_reserved_ports",
		       i ? ",2000" : "");
		assert_int_equal(sysctl_get(&pod, "ipv4/ip_local_reserved_ports", text, &e), -EFBIG);
		assert_int_equal(strlen(text), SYSCTL_TEXT_MAX - 1);
	}
}

static int note(const char *name, void *arg, struct err *e)
{
	char *seen = arg;

	if (strcmp(name, "lo") == 0 && seen[0] == '!')
		return err_set(e, ERANGE, "not lo");
	strcat(seen, name);
	strcat(seen, " ");
	return 1;
}

static void each_interface(void **state)
{
	char seen[1024] = " ", stop[1024] = "!";
	struct err e;

	(void)state;
	assert_int_equal(sysctl_each(&pod, "ipv4/conf", note, seen, &e), 0);
	for (const char **name =
		     (const char *[]){ " all ", " default ", " lo ", " eth0 ", " eth0.100 ", NULL };
	     *name; name++)
		if (!strstr(seen, *name))
			fail_msg("%s is missing in%s", *name, seen);
	assert_null(strstr(seen, "."
				 " "));
	assert_int_equal(strlen(seen), strlen(" all default lo eth0 eth0.100 "));
	assert_int_equal(sysctl_each(&pod, "ipv6/conf", note, stop, &e), -ERANGE);
	assert_string_equal(e.msg, "not lo");
	assert_int_equal(sysctl_each(&pod, "ipv6/nosuch", note, seen, &e), -ENOENT);
	assert_int_equal(sysctl_each(&pod, "ipv4/ip_forward", note, seen, &e), -ENOTDIR);
	assert_int_equal(sysctl_each(&pod, "ipv4/..", note, seen, &e), -EINVAL);
}

static int setup(void **state)
{
	struct err e;

	(void)state;
	if (netspace_open(lab_netns(), "pod", &pod, &e) < 0)
		return -1;
	lab_sh(pod.netns, "ip link add eth0 type veth peer name eth0.100");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	netspace_close(&pod);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_there),
		cmocka_unit_test(kernels_without),
		cmocka_unit_test(nothing_stays_open),
		cmocka_unit_test_setup_teardown(get_and_set, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_settings, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_set_is_not_written, setup, teardown),
		cmocka_unit_test_setup_teardown(values_too_long, setup, teardown),
		cmocka_unit_test_setup_teardown(each_interface, setup, teardown),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
