/* SPDX-License-Identifier: Apache-2.0 */
/* test_bond.c - options of a bond: text, and comparing with what the kernel has */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/if_link.h>
#include <string.h>

#include "base/own.h"
#include "nl/bond.h"
#include "nl/bond_table.h"

static void accepted(void **state)
{
	const struct {
		const char *text, *want;
	} rows[] = {
		{ "", "" },
		{ " ; ;", "" },
		{ "miimon=100", "miimon=100" },
		{ "miimon=100;", "miimon=100" },
		{ ";miimon = 100 ; min_links=1", "miimon=100;min_links=1" },
		{ "miimon=0;arp_interval=100", "miimon=0;arp_interval=100" },
		{ "miimon=100;arp_interval=0", "miimon=100;arp_interval=0" },
		{ "min_links=2;miimon=100", "miimon=100;min_links=2" }, /* the kernel's order */
		{ "up_delay=200", "up_delay=200" },
		{ "updelay=200", "up_delay=200" },
		{ "downdelay=200", "downdelay=200" },
		{ "down_delay=200", "downdelay=200" },
		{ "peer_notif_delay=300;num_peer_notif=7", "peer_notif_delay=300;num_peer_notif=7" },
		{ "num_grat_arp=7", "num_peer_notif=7" },
		{ "primary=eth1;active_slave=eth0.5", "primary=eth1;active_slave=eth0.5" },
		{ "ad_actor_system=02-00-5E-00-53-01", "ad_actor_system=02:00:5e:00:53:01" },
		{ "ad_actor_sys_prio=65535;ad_user_port_key=1023",
		  "ad_actor_sys_prio=65535;ad_user_port_key=1023" },
		{ "lacp_rate=fast;ad_select=count", "lacp_rate=1;ad_select=2" },
		{ "xmit_hash_policy=layer3+4", "xmit_hash_policy=1" },
		{ "xmit_hash_policy=vlan+srcmac;fail_over_mac=follow", "fail_over_mac=2;xmit_hash_policy=5" },
		{ "arp_validate=filter_backup;arp_all_targets=all", "arp_validate=6;arp_all_targets=1" },
		{ "primary_reselect=failure;tlb_dynamic_lb=off", "primary_reselect=2;tlb_dynamic_lb=0" },
		{ "use_carrier=on;all_slaves_active=1", "use_carrier=1;all_slaves_active=1" },
		{ "lp_interval=2147483647;packets_per_slave=0;resend_igmp=255",
		  "resend_igmp=255;lp_interval=2147483647;packets_per_slave=0" },
		{ "arp_ip_target=10.0.0.1", "arp_ip_target=10.0.0.1" },
		{ "arp_ip_target=10.0.0.1, 10.0.0.2", "arp_ip_target=10.0.0.1,10.0.0.2" },
		{ "arp_ip_target=[\"10.0.0.1\",\"10.0.0.2\"]", "arp_ip_target=10.0.0.1,10.0.0.2" },
		{ "arp_ip_target=[]", "arp_ip_target=[]" },
		{ "ns_ip6_target=[\"fd00::1\"];lacp_active=off;missed_max=3",
		  "ns_ip6_target=fd00::1;missed_max=3;lacp_active=0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);
		struct bond_options o;
		struct err e = { 0 };

		if (bond_options_parse(rows[i].text, &o, &e) < 0)
			fail_msg("\"%s\": %s", rows[i].text, e.msg);
		bond_options_format(&o, &text);
		if (strcmp(buf_cstr(&text), rows[i].want) != 0)
			fail_msg("\"%s\": got \"%s\", want \"%s\"", rows[i].text, buf_cstr(&text),
				 rows[i].want);
	}
}

static void refused(void **state)
{
	const struct {
		const char *text, *says;
	} rows[] = {
		{ "miimon", "bond options: \"miimon\": want key=value" },
		{ "miimon=100;junk;min_links=1", "\"junk\": want key=value" },
		{ "junk;miimon=100", "\"junk\": want key=value" },
		{ "miimon=", "\"miimon=\": want key=value" },
		{ "miimon= ", "\"miimon=\": want key=value" },
		{ "miimon=1=2", "\"miimon=1=2\": want key=value" },
		{ "=1", "\"\" is no option" },
		{ "mimon=100",
		  "\"mimon\" is no option of a bond; known: miimon, up_delay, downdelay, peer_notif_delay" },
		{ "mode=1", "\"mode\" is no option" },
		{ "Miimon=100", "\"Miimon\" is no option" },
		{ "miimon=100;miimon=100", "miimon is given twice" },
		{ "up_delay=1;updelay=1", "up_delay is given twice" },
		{ "miimon=-1", "invalid bond miimon \"-1\": want a number from 0 to 2147483647" },
		{ "miimon=+1", "invalid bond miimon" },
		{ "miimon=1e3", "invalid bond miimon" },
		{ "miimon=\"1\"", "invalid bond miimon" },
		{ "miimon=2147483648", "invalid bond miimon" },
		{ "miimon=99999999999999999999999999", "invalid bond miimon" },
		{ "lacp_rate=256",
		  "invalid bond lacp_rate \"256\": want a number from 0 to 255 or one of slow, fast" },
		{ "lacp_rate=Fast", "invalid bond lacp_rate" },
		{ "ad_actor_sys_prio=65536", "want a number from 0 to 65535" },
		{ "ad_actor_system=02:00:5e:00:53", "invalid bond ad_actor_system" },
		{ "ad_actor_system=fast", "invalid bond ad_actor_system \"fast\": want six bytes" },
		{ "primary=a/b", "invalid bond primary \"a/b\": want the name of an interface" },
		{ "primary=a-name-too-long-by-far", "invalid bond primary" },
		{ "arp_ip_target=10.0.0.256", "invalid bond arp_ip_target \"10.0.0.256\": want IPv4" },
		{ "arp_ip_target=fd00::1", "invalid bond arp_ip_target" },
		{ "arp_ip_target=10.0.0.1,,10.0.0.2", "invalid bond arp_ip_target \"\"" },
		{ "arp_ip_target=[\"10.0.0.1\"", "invalid bond arp_ip_target" },
		{ "arp_ip_target=[10]", "invalid bond arp_ip_target" },
		{ "arp_ip_target=[null]", "invalid bond arp_ip_target" },
		{ "ns_ip6_target=10.0.0.1", "invalid bond ns_ip6_target \"10.0.0.1\": want IPv6" },
		{ "arp_ip_target=1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,1.0.0.9,"
		  "1.0.0.10,1.0.0.11,1.0.0.12,1.0.0.13,1.0.0.14,1.0.0.15,1.0.0.16,1.0.0.17",
		  "bond arp_ip_target: more than 16 addresses" },
		{ "miimon=100;arp_interval=50",
		  "miimon=100 and arp_interval=50: a bond is watched in one way only" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct bond_options o = { .n = 7 };
		struct err e = { 0 };
		int r = bond_options_parse(rows[i].text, &o, &e);

		if (r >= 0 || r != -e.sys || e.cni != ERR_CONFIG || o.n != 0)
			fail_msg("\"%s\": returned %d, code %d, %zu options", rows[i].text, r, e.cni, o.n);
		if (!strstr(e.msg, rows[i].says))
			fail_msg("\"%s\": %s", rows[i].text, e.msg);
	}
}

static void links(void **state)
{
	struct bond_options o;
	const char *key = NULL;
	struct err e;

	(void)state;
	assert_int_equal(bond_options_parse("active_slave=eth0;miimon=1;primary=eth1", &o, &e), 0);
	assert_string_equal(bond_options_link(&o, 0, &key)->link, "eth1");
	assert_string_equal(key, "primary");
	assert_string_equal(bond_options_link(&o, 1, &key)->link, "eth0");
	assert_string_equal(key, "active_slave");
	assert_null(bond_options_link(&o, 2, &key));
}

static void modes(void **state)
{
	char text[48];

	(void)state;
	assert_string_equal(bond_mode_text(0, text), "0 (balance-rr)");
	assert_string_equal(bond_mode_text(6, text), "6 (balance-alb)");
	assert_string_equal(bond_mode_text(7, text), "7");
	assert_string_equal(bond_mode_text(-1, text), "-1");
}

static void compared(void **state)
{
	const struct {
		int have_mode;
		const char *have;
		int mode;
		const char *want, *says;
	} rows[] = {
		{ 1, "miimon=100;lacp_rate=0", 1, "", "" },
		{ 1, "miimon=100", 1, "miimon=100", "" },
		{ 0, "miimon=100", 1, "miimon=100", "mode is 0 (balance-rr), want 1 (active-backup)" },
		{ 1, "miimon=100;min_links=0", 1, "miimon=50;min_links=1",
		  "miimon is 100, want 50; min_links is 0, want 1" },
		{ 1, "", 1, "lacp_rate=1", "lacp_rate is not set, want 1" },
		{ 1, "", 1, "miimon=0", "miimon is not set, want 0" },
		{ 1, "miimon=100;updelay=200", 1, "updelay=250", "" },
		{ 1, "miimon=100;updelay=200", 1, "updelay=300", "up_delay is 200, want 300" },
		{ 1, "miimon=0;updelay=0", 1, "updelay=300", "up_delay is 0, want 300" },
		{ 1, "miimon=100;min_links=100", 1, "min_links=150", "min_links is 100, want 150" },
		{ 1, "arp_ip_target=10.0.0.1,10.0.0.2", 1, "arp_ip_target=10.0.0.2,10.0.0.1", "" },
		{ 1, "arp_ip_target=10.0.0.1,10.0.0.2", 1, "arp_ip_target=10.0.0.1",
		  "arp_ip_target is 10.0.0.1,10.0.0.2, want 10.0.0.1" },
		{ 1, "arp_ip_target=10.0.0.1", 1, "arp_ip_target=10.0.0.1,10.0.0.2",
		  "arp_ip_target is 10.0.0.1, want 10.0.0.1,10.0.0.2" },
		{ 4, "ad_actor_system=02:00:00:00:00:01", 4, "ad_actor_system=02:00:00:00:00:02",
		  "ad_actor_system is 02:00:00:00:00:01, want 02:00:00:00:00:02" },
		{ 1, "", 1, "active_slave=eth0;primary=eth0", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP(buf_clear) struct buf text = BUF_INIT(4096);
		struct bond_state s = { .mode = rows[i].have_mode };
		struct bond_options want;
		struct err e;

		assert_int_equal(bond_options_parse(rows[i].have, &s.have, &e), 0);
		assert_int_equal(bond_options_parse(rows[i].want, &want, &e), 0);
		bond_compare(&s, rows[i].mode, &want, &text);
		if (strcmp(buf_cstr(&text), rows[i].says) != 0)
			fail_msg("\"%s\" and \"%s\": got \"%s\", want \"%s\"", rows[i].have, rows[i].want,
				 buf_cstr(&text), rows[i].says);
	}
}

/* Each name of the kernel's header has a row, but for what is no option. */
static void table(void **state)
{
	(void)state;
	for (int attr = IFLA_BOND_UNSPEC + 1; attr <= IFLA_BOND_NS_IP6_TARGET; attr++) {
		size_t rows = 0;

		for (size_t i = 0; i < bond_table_len; i++)
			rows += bond_table[i].attr == attr;
		if (rows != (attr == IFLA_BOND_MODE || attr == IFLA_BOND_AD_INFO ? 0 : 1))
			fail_msg("attribute %d: %zu rows", attr, rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accepted), cmocka_unit_test(refused),  cmocka_unit_test(links),
		cmocka_unit_test(modes),    cmocka_unit_test(compared), cmocka_unit_test(table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
