/* SPDX-License-Identifier: Apache-2.0 */
/* store_util.h - a state directory for a test, and short words for what tests do with a store */
#ifndef TEST_STORE_UTIL_H
#define TEST_STORE_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "store/local_impl.h"

static struct err err;
static char dir[PATH_MAX]; /* made by make_dir() */

static __attribute__((unused)) int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/test-store-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static __attribute__((unused)) void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* By the shell; the test fails if it fails. */
static void run(const char *fmt, ...)
{
	char cmd[PATH_MAX * 2];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	if (system(cmd) != 0)
		fail_msg("failed: %s", cmd);
}

static __attribute__((unused)) int remove_dir(void **state)
{
	(void)state;
	run("rm -rf '%s'", dir);
	return 0;
}

static __attribute__((unused)) struct deadline soon(void)
{
	return deadline_in(10000);
}

static __attribute__((unused)) void check(int r)
{
	if (r < 0)
		fail_msg("%s", err.msg);
}

static __attribute__((unused)) struct store *open_opts(struct store_local_opts o)
{
	struct store *st = NULL;

	o.dir = dir;
	check(store_local_open(&o, soon(), &st, &err));
	return st;
}

static __attribute__((unused)) struct store *open_store(void)
{
	return open_opts((struct store_local_opts){ .create = true });
}

/* One commit of its own; returns what store_commit() says. */
static __attribute__((unused)) int commit(struct store *st, const struct store_op *ops, size_t n)
{
	check(store_begin(st, STORE_WRITE, soon(), &err));
	return store_commit(st, ops, n, &err);
}

static __attribute__((unused)) struct store_op op_create(enum store_kind kind, const char *name,
							 const char *data)
{
	return (struct store_op){
		.verb = STORE_CREATE, .kind = kind, .name = name, .data = data, .len = strlen(data)
	};
}

static __attribute__((unused)) void create(struct store *st, enum store_kind kind, const char *name,
					   const char *data)
{
	const struct store_op op = op_create(kind, name, data);

	check(commit(st, &op, 1));
}

/* The object's version, 0 when there is none; data is compared unless NULL. */
static __attribute__((unused)) uint64_t version_of(struct store *st, enum store_kind kind, const char *name,
						   const char *data)
{
	struct store_obj o = { 0 };
	int r;

	check(store_begin(st, STORE_READ, soon(), &err));
	r = store_get(st, kind, NULL, name, &o, &err);
	check(r);
	if (r && data && (o.len != strlen(data) || memcmp(o.data, data, o.len) != 0))
		fail_msg("%s: want \"%s\", got \"%.*s\"", name, data, (int)o.len, o.data);
	store_end(st);
	return r ? o.version : 0;
}

static __attribute__((unused)) void print_finding(const char *sentence, void *arg)
{
	(void)arg;
	print_message("# finding: %s\n", sentence);
}

/* The number of findings. */
static __attribute__((unused)) int verify(struct store *st, bool repair)
{
	int n = store_local_verify(st, repair, print_finding, NULL, &err);

	check(n);
	return n;
}

static char listed[1024];

static __attribute__((unused)) int each_name(const struct store_obj *o, void *arg, struct err *e)
{
	size_t len = strlen(listed);

	(void)e;
	snprintf(listed + len, sizeof(listed) - len, "%s%s%s%s=%.*s", len ? " " : "", o->ns,
		 *o->ns ? "/" : "", o->name, (int)o->len, o->data);
	return arg && --*(int *)arg == 0 ? 17 : 0;
}

static __attribute__((unused)) const char *list(struct store *st, enum store_kind kind, const char *term,
						const char *from, const char *to)
{
	listed[0] = '\0';
	check(store_begin(st, STORE_READ, soon(), &err));
	assert_int_equal(store_list(st, kind, term, from, to, each_name, NULL, &err), 0);
	store_end(st);
	return listed;
}

static __attribute__((unused)) void check_list(const char *row, const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		fail_msg("row \"%s\": want \"%s\", got \"%s\"", row, want, got);
}

/* The block's distance from from; -1 for none. */
static __attribute__((unused)) int64_t next_free(struct store *st, uint8_t ver, ip_num from, ip_num to,
						 int64_t before)
{
	ip_num b = 0;
	int r;

	check(store_begin(st, STORE_READ, soon(), &err));
	r = store_next_free(st, ver, from, to, before, &b, &err);
	check(r);
	store_end(st);
	return r ? (int64_t)(b - from) : -1;
}

#endif
