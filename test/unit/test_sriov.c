/* SPDX-License-Identifier: Apache-2.0 */
/* test_sriov.c - the PF behind a VF, with a sysfs of our own: this machine has no SR-IOV NIC */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "nl/sriov.h"

static void test_pf(void **state)
{
	char dir[] = "/tmp/spiderpool-sysfs-XXXXXX", path[256], pf[IF_NAMESIZE], cmd[300];
	struct err e;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:03:02.1/physfn/net/ens1f0", dir);
	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
	snprintf(path, sizeof(path), "%s/bus/pci/devices/0000:03:02.2/physfn/net", dir);
	assert_int_equal(file_mkdirs(path, 0755, &e), 0);
	assert_int_equal(sriov_pf(dir, "0000:03:02.1", pf, &e), 0);
	assert_string_equal(pf, "ens1f0");
	assert_int_equal(sriov_pf(dir, "0000:03:02.2", pf, &e), -ENODEV);
	assert_int_equal(sriov_pf(dir, "0000:03:02.3", pf, &e), -ENODEV);
	snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
	assert_int_equal(system(cmd), 0);
}

static void test_no_pci(void **state)
{
	int sock = socket(AF_INET, SOCK_DGRAM, 0);
	char bus[SRIOV_BUS_MAX];
	struct err e;

	(void)state;
	assert_true(sriov_bus(sock, "lo", bus, &e) < 0);
	assert_true(sriov_bus(sock, "nosuchif", bus, &e) < 0);
	close(sock);
}

static void test_addresses(void **state)
{
	struct ip_prefix a[4];
	struct err e;
	size_t n;

	(void)state;
	assert_int_equal(sriov_addresses("lo", a, 4, &n, &e), 0);
	assert_true(n >= 1);
	assert_int_equal(a[0].ip.ver, 4);
	assert_int_equal((unsigned)a[0].ip.n, 0x7f000001);
	assert_int_equal(a[0].len, 8);
	assert_int_equal(sriov_addresses("nosuchif", a, 4, &n, &e), 0);
	assert_int_equal(n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pf),
		cmocka_unit_test(test_no_pci),
		cmocka_unit_test(test_addresses),
	};

	return cmocka_run_group_tests_name("sriov", tests, NULL, NULL);
}
