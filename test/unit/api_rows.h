/* SPDX-License-Identifier: Apache-2.0 */
/* api_rows.h - objects in one line each, for tables of validation tests
 *
 *	pool p1 {subnet: 10.0.0.0/24, ips: [10.0.0.1-10.0.0.9]} | labels: {a: b}
 *
 * Kind, name, spec in YAML, and optionally more metadata behind a bar.
 */
#ifndef TEST_API_ROWS_H
#define TEST_API_ROWS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"
#include "yaml/yaml.h"

#define ROW_OBJECTS_MAX 8

enum {
	NO_V4 = 1 << 0,
	NO_V6 = 1 << 1,
	NO_SUBNETS = 1 << 2,
	BY_CONTROLLER = 1 << 3,
	NO_DEFAULTS = 1 << 4, /* the object came past the mutating webhook */
};

struct row {
	const char *rule;  /* what a failing row is called */
	const char *world; /* lines; NULL for nothing */
	const char *old;   /* NULL: create */
	const char *obj;
	const char *says; /* NULL: accepted; else the sentence contains this */
	unsigned flags;
	const char *held; /* ranges separated by blanks */
};

#define ROW(the_rule, the_world, the_old, the_obj, the_says, ...) \
	{ \
		.rule = (the_rule), .world = (the_world), .old = (the_old), .obj = (the_obj), \
		.says = (the_says), __VA_ARGS__ \
	}

struct row_object {
	enum api_kind kind;
	struct api_object *o;
};

/* What one row is about, decoded. */
struct row_run {
	struct row_object objects[ROW_OBJECTS_MAX];
	size_t n;
	const struct api_ippool *pools[ROW_OBJECTS_MAX];
	const struct api_subnet *subnets[ROW_OBJECTS_MAX];
	struct ip_set held;
	struct api_world w;
};

static int row_document(struct json_object *tree, size_t line, void *arg, struct err *e)
{
	struct row_object *ret = arg;

	(void)line;
	return api_decode(tree, "row", &ret->kind, &ret->o, e);
}

static struct row_object row_object(const char *rule, const char *line, size_t len)
{
	static const struct {
		const char *word, *kind;
	} kinds[] = { { "pool", "SpiderIPPool" },
		      { "subnet", "SpiderSubnet" },
		      { "reserved", "SpiderReservedIP" },
		      { "endpoint", "SpiderEndpoint" },
		      { "block", "SpiderIPBlock" } };
	char word[16], name[300], spec[2000], meta[600] = "";
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct row_object ret = { .o = NULL };
	const char *kind = "?";
	struct err e;

	buf_add(&text, line, len);
	if (sscanf(text.s, "%15s %299s %1999[^|]| %599[^\n]", word, name, spec, meta) < 3)
		fail_msg("%s: cannot read \"%s\"", rule, text.s);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(word, kinds[i].word) == 0)
			kind = kinds[i].kind;
	}
	buf_reset(&text);
	buf_fmt(&text, "apiVersion: " API_VERSION "\nkind: %s\nmetadata: {name: %s, %s}\nspec: %s\n", kind,
		strcmp(name, "-") ? name : "", meta, spec);
	if (yaml_parse(text.s, text.len, rule, row_document, &ret, &e) < 0 || !ret.o)
		fail_msg("%s: %s", text.s, e.msg);
	buf_clear(&text);
	return ret;
}

static void row_world(struct row_run *run, const struct row *row)
{
	for (const char *line = row->world; line && *line;) {
		const char *end = strchrnul(line, '\n');
		struct row_object o = row_object(row->rule, line, (size_t)(end - line));

		assert_true(run->n < ROW_OBJECTS_MAX);
		run->objects[run->n++] = o;
		if (o.kind == API_IPPOOL)
			run->pools[run->w.n_pools++] = (const struct api_ippool *)o.o;
		else
			run->subnets[run->w.n_subnets++] = (const struct api_subnet *)o.o;
		line = *end ? end + 1 : end;
	}
}

static void row_held(struct row_run *run, const char *held)
{
	char text[IP_RANGE_MAX];
	struct ip_range r;
	struct err e;
	int n;

	for (; held && sscanf(held, " %95s%n", text, &n) == 1; held += n) {
		if (ip_range_parse(text, 0, &r, &run->held.ver, &e) < 0 || ip_set_add(&run->held, r, &e) < 0)
			fail_msg("held: %s", e.msg);
	}
}

/* The world of a row; the old object of an update is in it as well. */
static void row_start(struct row_run *run, const struct row *row)
{
	*run = (struct row_run){ .n = 0 };
	run->w = (struct api_world){
		.enable_ipv4 = !(row->flags & NO_V4),
		.enable_ipv6 = !(row->flags & NO_V6),
		.enable_subnet = !(row->flags & NO_SUBNETS),
		.by_controller = row->flags & BY_CONTROLLER,
		.guard_apps = !(row->flags & NO_SUBNETS),
		.pools = run->pools,
		.subnets = run->subnets,
	};
	row_world(run, row);
	row_held(run, row->held);
	run->w.held = row->held ? &run->held : NULL;
}

static void row_end(struct row_run *run)
{
	for (size_t i = 0; i < run->n; i++)
		api_free(run->objects[i].kind, run->objects[i].o);
	ip_set_clear(&run->held);
}

static inline int row_validate(struct row_run *run, const struct row *row, struct row_object *o,
			       struct err *e)
{
	struct row_object old;
	int r;

	if (!(row->flags & NO_DEFAULTS) && api_default(o->kind, o->o, &run->w, e) < 0)
		fail_msg("%s: default: %s", row->rule, e->msg);
	if (!row->old)
		return api_validate_create(o->kind, o->o, &run->w, e);
	old = row_object(row->rule, row->old, strlen(row->old));
	assert_int_equal(old.kind, o->kind);
	if (!(row->flags & NO_DEFAULTS) && api_default(old.kind, old.o, &run->w, e) < 0)
		fail_msg("%s: default: %s", row->rule, e->msg);
	if (old.kind == API_IPPOOL)
		run->pools[run->w.n_pools++] = (const struct api_ippool *)old.o;
	else if (old.kind == API_SUBNET)
		run->subnets[run->w.n_subnets++] = (const struct api_subnet *)old.o;
	run->objects[run->n++] = old;
	r = api_validate_update(o->kind, old.o, o->o, &run->w, e);
	return r;
}

static inline void row_check(const struct row *row)
{
	struct row_object o = row_object(row->rule, row->obj, strlen(row->obj));
	struct row_run run;
	struct err e = { 0 };
	int r;

	row_start(&run, row);
	r = row_validate(&run, row, &o, &e);
	if (!row->says && (r != 0 || e.msg[0]))
		fail_msg("%s: refused: %d, \"%s\"", row->rule, r, e.msg);
	if (row->says && r >= 0)
		fail_msg("%s: accepted", row->rule);
	if (row->says && !strstr(e.msg, row->says))
		fail_msg("%s: says\n\t%s\nwant\n\t%s", row->rule, e.msg, row->says);
	if (row->says && e.cni != ERR_CONFIG)
		fail_msg("%s: code %d", row->rule, e.cni);
	api_free(o.kind, o.o);
	row_end(&run);
}

#endif
