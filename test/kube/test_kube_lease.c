/* SPDX-License-Identifier: Apache-2.0 */
/* test_kube_lease.c - one leader among processes, with a leader that dies, goes, hangs, or cannot renew */
#include "lab.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>

#include "kube/lease.h"

#define DURATION 4000
#define RENEW    2500
#define RETRY    400

static char ns[64];

/* ---- a candidate in a process of its own ---- */

struct candidate {
	pid_t pid;
	int says;   /* 'L' and 'l' as it leads and does not */
	int orders; /* a byte: release and go */
};

static void leading(void *arg)
{
	if (write(*(int *)arg, "L", 1) != 1)
		_exit(3);
}

static void lost(void *arg)
{
	if (write(*(int *)arg, "l", 1) != 1)
		_exit(3);
}

static void run_candidate(const char *identity, int says, int orders)
{
	struct kube *k = lab_open();
	struct kube_lease *l;
	struct err e;
	char c;

	ok(kube_lease_start(&(struct kube_lease_conf){ .k = k,
						       .ns = ns,
						       .name = "it",
						       .identity = identity,
						       .duration_ms = DURATION,
						       .renew_ms = RENEW,
						       .retry_ms = RETRY,
						       .leading = leading,
						       .lost = lost,
						       .arg = &says },
			    &l, &e),
	   &e);
	(void)!read(orders, &c, 1);
	kube_lease_stop(l);
	kube_close(k);
	_exit(0);
}

static void candidate(struct candidate *c, const char *identity)
{
	int says[2], orders[2];

	assert_int_equal(pipe2(says, O_CLOEXEC), 0);
	assert_int_equal(pipe2(orders, O_CLOEXEC), 0);
	c->pid = fork();
	assert_true(c->pid >= 0);
	if (c->pid == 0) {
		alarm(120);
		close(orders[1]);
		close(says[0]);
		run_candidate(identity, says[1], orders[0]);
	}
	close(says[1]);
	close(orders[0]);
	c->says = says[0];
	c->orders = orders[1];
}

/* What it says next, 0 when nothing within that time. */
static char next(struct candidate *c, int ms)
{
	struct pollfd p = { .fd = c->says, .events = POLLIN };
	char said = 0;

	if (poll(&p, 1, ms) == 1 && read(c->says, &said, 1) != 1)
		return 'e';
	return said;
}

static void end(struct candidate *c, int sig)
{
	if (sig)
		kill(c->pid, sig);
	else
		assert_int_equal(write(c->orders, "x", 1), 1);
	close(c->orders);
	waitpid(c->pid, NULL, 0);
}

/* The parent has a client only between tests: threads do not survive a fork. */
static void read_lease(char holder[64], int64_t *transitions)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	CLEANUP(kube_close_p) struct kube *k = lab_open();
	struct kube_op op = lab_op(&kube_resources[KUBE_LEASES], ns, "it");
	struct json_object *spec;
	const char *s;
	struct err e;

	ok(kube_get(k, &op, &o, &e), &e);
	spec = json_get(o, "spec");
	s = json_get_str(spec, "holderIdentity");
	snprintf(holder, 64, "%s", s ? s : "");
	assert_true(json_get_int(spec, "leaseTransitions", transitions));
	assert_non_null(json_get_str(spec, "renewTime"));
}

static void expect_holder(const char *want, int64_t transitions)
{
	char holder[64];
	int64_t n;

	read_lease(holder, &n);
	assert_string_equal(holder, want);
	assert_int_equal(n, transitions);
}

static void test_killed(void **state)
{
	struct candidate a, b;

	(void)state;
	candidate(&a, "a");
	assert_int_equal(next(&a, AMPLE), 'L');
	expect_holder("a", 0);
	candidate(&b, "b");
	assert_int_equal(next(&b, 2 * DURATION), 0);
	assert_int_equal(next(&a, 0), 0);
	end(&a, SIGKILL);
	/* Not before the dead one's time has run out. */
	assert_int_equal(next(&b, DURATION - RENEW), 0);
	assert_int_equal(next(&b, AMPLE), 'L');
	expect_holder("b", 1);
	end(&b, 0);
	expect_holder("", 1);
}

static void test_released(void **state)
{
	struct candidate a, b;

	(void)state;
	candidate(&a, "a");
	assert_int_equal(next(&a, AMPLE), 'L');
	candidate(&b, "b");
	assert_int_equal(next(&b, 2 * RETRY), 0);
	end(&a, 0);
	assert_int_equal(next(&a, 0), 'l');
	assert_int_equal(next(&b, AMPLE), 'L');
	end(&b, 0);
}

/* A leader that was stopped finds out when it goes on: never two at a time, by what they say. */
static void test_stopped(void **state)
{
	struct candidate a, b;

	(void)state;
	candidate(&a, "a");
	assert_int_equal(next(&a, AMPLE), 'L');
	candidate(&b, "b");
	kill(a.pid, SIGSTOP);
	assert_int_equal(next(&b, AMPLE), 'L');
	kill(a.pid, SIGCONT);
	assert_int_equal(next(&a, AMPLE), 'l');
	assert_int_equal(next(&b, 0), 0);
	end(&a, 0);
	end(&b, 0);
}

/* Without the server nobody may go on leading, and nobody begins. */
static void test_server_hangs(void **state)
{
	pid_t pid = lab_pid("kube-apiserver");
	struct candidate a;

	(void)state;
	candidate(&a, "a");
	assert_int_equal(next(&a, AMPLE), 'L');
	lab_freeze(pid);
	assert_int_equal(next(&a, AMPLE), 'l');
	assert_int_equal(next(&a, DURATION), 0);
	kill(pid, SIGCONT);
	assert_int_equal(next(&a, AMPLE), 'L');
	lab_freeze(pid);
	/* Returns all the same. */
	end(&a, 0);
	kill(pid, SIGCONT);
	assert_int_equal(next(&a, 0), 'l');
}

static void test_conf(void **state)
{
	static const struct kube_lease_conf rows[] = {
		{ .identity = "" },
		{ .identity = "a", .duration_ms = 1000 },
		{ .identity = "a", .renew_ms = 1000 },
	};
	struct kube_lease *l;
	struct err e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kube_lease_conf c = rows[i];

		c.ns = c.name = "x";
		assert_int_equal(kube_lease_start(&c, &l, &e), -EINVAL);
		assert_null(l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conf),         cmocka_unit_test(test_killed),
		cmocka_unit_test(test_released),     cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_server_hangs),
	};
	struct kube *k = lab_open();

	alarm(240);
	snprintf(ns, sizeof(ns), "%s", lab_namespace(k, "lease"));
	kube_close(k);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
