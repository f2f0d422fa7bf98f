/* SPDX-License-Identifier: Apache-2.0 */
/* test_ipam_reboot.c - what a reboot and a restored backup mean for those who hold addresses */
#include "ipam_lab.h"

#define POOL "subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.3], default: true"

/* What the machine calls this boot: restore writes it down. */
static void read_boot(char out[64])
{
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "re");

	assert_non_null(f);
	assert_non_null(fgets(out, 64, f));
	fclose(f);
	out[strcspn(out, "\n")] = '\0';
}

static void restore(struct lab *l)
{
	int64_t time;
	uint64_t count;

	store_close(l->st);
	l->st = NULL;
	if (store_local_restore(l->dir, "", &time, &count, &l->e) < 0)
		fail_msg("restore: %s", l->e.msg);
	lab_reopen(l);
}

static void test_reboot(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL);
	lab_add(&l, &r);
	r.container = "c2";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24");
	r.boot = "boot-2"; /* c1 and c2 died with the first boot */
	r.container = "c3";
	EXPECT(lab_add(&l, &r), "10.0.0.3/24");
	r.container = "c4";
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	r.container = "c5";
	EXPECT(lab_add(&l, &r), "10.0.0.2/24");
	r.container = "c6"; /* the boot is known by now */
	EXPECT_PART(lab_add(&l, &r), "used out");
	lab_close(&l);
}

/* The state directory is the machine's, whatever that is called after the reboot. */
static void test_reboot_under_another_name(void **state)
{
	struct lab l;
	struct ipam_request r = lab_request("c1", "eth0");

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", "subnet: 10.0.0.0/24, ips: [10.0.0.1], default: true");
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	r.container = "c2";
	r.node = "n2";
	EXPECT_PART(lab_add(&l, &r), "used out"); /* another name alone frees nothing */
	r.boot = "boot-2";
	EXPECT(lab_add(&l, &r), "10.0.0.1/24");
	lab_close(&l);
}

/* The backup is of the boot before; since then c2 was started, of which it does not know. */
static void test_restore_after_a_reboot(void **state)
{
	struct ipam_request c1 = lab_request("c1", "eth0"), c2 = lab_request("c2", "eth0"),
			    c3 = lab_request("c3", "eth0"), c4 = lab_request("c4", "eth0");
	char boot[64];
	struct lab l;

	(void)state;
	read_boot(boot);
	c2.boot = c3.boot = boot;
	c4.boot = "boot after that";
	lab_open(&l);
	lab_pool(&l, "a", POOL);
	lab_add(&l, &c1);
	assert_int_equal(store_local_backup(l.st, "", &l.e), 0);
	EXPECT(lab_add_probe(&l, &c2), "10.0.0.2/24");
	restore(&l);
	EXPECT(lab_add_probe(&l, &c3), "10.0.0.2/24?"); /* where c2 will answer */
	EXPECT(lab_add_probe(&l, &c4), "10.0.0.3/24");  /* who knows of nobody any more need not ask */
	lab_close(&l);
}

/* The same pod in a new sandbox: its address may be another's by now. */
static void test_restore_and_take_over(void **state)
{
	struct ipam_request c1 = lab_pod("c1", "eth0", "p", "u1"), c2 = lab_pod("c2", "eth0", "p", "u1");
	struct lab l;

	(void)state;
	lab_open(&l);
	lab_pool(&l, "a", POOL);
	EXPECT(lab_add_probe(&l, &c1), "10.0.0.1/24");
	assert_int_equal(store_local_backup(l.st, "", &l.e), 0);
	restore(&l);
	EXPECT(lab_add_probe(&l, &c2), "10.0.0.1/24?");
	lab_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_reboot_under_another_name),
		cmocka_unit_test(test_restore_after_a_reboot),
		cmocka_unit_test(test_restore_and_take_over),
	};

	return cmocka_run_group_tests_name("ipam reboot", tests, NULL, NULL);
}
