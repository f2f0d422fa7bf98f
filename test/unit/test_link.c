/* SPDX-License-Identifier: Apache-2.0 */
/* emulator: no, it emulates no namespaces */
/* test_link.c - interfaces by name, against the kernel */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include "base/own.h"
#include "netlab.h"
#include "nl/link.h"
#include "nl/netns.h"

static int ns = -1, sock = -1;

static void names(void **state)
{
	const struct {
		const char *name;
		int want;
		const char *says;
	} rows[] = {
		{ "lo", 0, "" },
		{ "nosuch", -ENODEV, "interface nosuch does not exist" },
		{ "fifteen-letters", -ENODEV, "does not exist" },
		{ "sixteen--letters", -EINVAL, "1 to 15 characters" },
		{ "", -EINVAL, "1 to 15 characters" },
		{ "lo:1", -EINVAL, "without blank, colon" },
		{ "a/b", -EINVAL, "slash" },
		{ "a b", -EINVAL, "blank" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct link_info l = { .index = -7 };
		struct err e = { 0 };
		int r[] = { link_get(sock, rows[i].name, &l, &e), link_set_up(sock, rows[i].name, &e),
			    link_wait_running(sock, rows[i].name, deadline_in(0), &e) };

		for (size_t k = 0; k < ARRAY_LEN(r); k++)
			if (rows[i].want ? r[k] != rows[i].want : r[k] < 0)
				fail_msg("\"%s\", call %zu: returned %d, want %d", rows[i].name, k, r[k],
					 rows[i].want);
		if (!strstr(e.msg, rows[i].says) || (rows[i].want < 0 && l.index != -7))
			fail_msg("\"%s\": %s", rows[i].name, e.msg);
	}
}

static void tells_what_it_is(void **state)
{
	const uint8_t mac[LINK_MAC_LEN] = { 0x02, 0x00, 0x5e, 0x00, 0x53, 0x0a };
	const uint8_t zero[LINK_MAC_LEN] = { 0 };
	char text[LINK_MAC_TEXT];
	struct link_info l;
	struct err e;

	(void)state;
	assert_int_equal(link_get(sock, "left", &l, &e), 0);
	assert_int_equal(l.type, ARPHRD_ETHER);
	assert_memory_equal(l.mac, mac, LINK_MAC_LEN);
	assert_string_equal(link_mac_format(l.mac, text), "02:00:5e:00:53:0a");
	assert_true(l.index > 1);
	assert_int_equal(l.flags & (IFF_LOOPBACK | IFF_NOARP), 0);
	assert_int_equal(link_get(sock, "lo", &l, &e), 0);
	assert_int_equal(l.type, ARPHRD_LOOPBACK);
	assert_true(l.flags & IFF_LOOPBACK);
	assert_int_equal(link_get(sock, "tun", &l, &e), 0);
	assert_int_equal(l.type, ARPHRD_NONE);
	assert_true(l.flags & IFF_NOARP);
	assert_memory_equal(l.mac, zero, LINK_MAC_LEN);
}

static void driver(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(link_has_driver(sock, "left", "veth", &e), 1);
	assert_int_equal(link_has_driver(sock, "left", "ipvlan", &e), 0);
	assert_int_equal(link_has_driver(sock, "lo", "ipvlan", &e), 0); /* has no driver to tell of */
	assert_string_equal(e.msg, "");
	assert_int_equal(link_has_driver(sock, "nosuch", "ipvlan", &e), -ENODEV);
}

static void up_and_running(void **state)
{
	struct link_info l;
	struct err e;

	(void)state;
	assert_int_equal(link_wait_running(sock, "left", deadline_in(0), &e), 0);
	assert_int_equal(link_set_up(sock, "left", &e), 0);
	assert_int_equal(link_set_up(sock, "left", &e), 0);
	assert_int_equal(link_get(sock, "left", &l, &e), 0);
	assert_true(l.flags & IFF_UP);
	/* Up, but the other end is not. */
	assert_int_equal(link_wait_running(sock, "left", deadline_in(20), &e), 0);
	assert_int_equal(link_set_up(sock, "right", &e), 0);
	assert_int_equal(link_wait_running(sock, "left", deadline_in(60000), &e), 1);
}

static int setup(void **state)
{
	struct netns_item it = { .domain = AF_INET, .type = SOCK_DGRAM };
	struct err e;

	(void)state;
	ns = lab_netns();
	lab_sh(ns, "ip link add left address 02:00:5e:00:53:0a type veth peer name right; ip tuntap add tun "
		   "mode tun");
	if (netns_open_in(ns, &it, 1, &e) < 0)
		return -1;
	sock = it.fd;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close_p(&sock);
	close_p(&ns);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(tells_what_it_is),
		cmocka_unit_test(driver),
		cmocka_unit_test(up_and_running),
	};

	lab_begin();
	return cmocka_run_group_tests(tests, setup, teardown);
}
