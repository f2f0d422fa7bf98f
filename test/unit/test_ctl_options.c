/* SPDX-License-Identifier: Apache-2.0 */
/* test_ctl_options.c - the command line of spiderpoolctl, on tables made for the test */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../cmd/ctl/options.c" /* the program's own, no library's */

#define ARGS_MAX 12

struct globals {
	const char *dir;
	bool help;
};
struct values {
	bool all, brief;
	const char *form;
	struct opt_list files;
	struct opt_int n;
	struct opt_duration time;
};

static const char *const forms[] = { "json", "yaml", NULL };
static const struct option global_opts[] = {
	OPT(struct globals, dir, 0, "dir", "DIR", .help = ""),
	OPT(struct globals, help, 'h', "help", NULL, .help = ""),
};
static const struct option opts[] = {
	OPT(struct values, all, 'A', "all", NULL, .help = ""),
	OPT(struct values, brief, 'b', "brief", NULL, .help = ""),
	OPT(struct values, form, 'o', "output", "FORM", .one_of = forms, .help = ""),
	OPT(struct values, files, 'f', "file", "FILE", .help = ""),
	OPT(struct values, n, 0, "count", "N", .min = 1, .max = 10, .help = ""),
	OPT(struct values, time, 0, "for", "TIME", .help = ""),
};
static const struct command cmd_get = {
	.name = "get", .operands = "WHAT [NAME]", OPTIONS(struct values, opts), .min = 1, .max = 2
};
static const struct command cmd_list = { .name = "list" };
static const struct command cmd_secret = { .name = "secret", .hidden = true };
static const struct command *const ip_commands[] = { &cmd_list, NULL };
static const struct command cmd_ip = { .name = "ip", .sub = ip_commands };
static const struct command *const commands[] = { &cmd_get, &cmd_ip, &cmd_secret, NULL };
static const struct command program = { .name = "prog", .sub = commands, .opts = global_opts, .n_opts = 2 };

/* What was understood, as one line. */
static int understood(char *const *argv, char *out, size_t size, struct err *e)
{
	struct globals g = { 0 };
	struct invocation in;
	char name[64];
	size_t len;
	int r = options_parse(&program, &g, &g.help, argv, &in, e);

	if (r == 0 && !g.help)
		r = options_check_operands(&in, e);
	len = (size_t)snprintf(out, size, "%s", invocation_name(&in, name, sizeof(name)));
	if (in.values) {
		const struct values *v = in.values;

		len += (size_t)snprintf(out + len, size - len, "%s%s", v->all ? " all" : "",
					v->brief ? " brief" : "");
		if (v->form)
			len += (size_t)snprintf(out + len, size - len, " form=%s", v->form);
		for (size_t i = 0; i < v->files.n; i++)
			len += (size_t)snprintf(out + len, size - len, " file=%s", v->files.v[i]);
		if (v->n.set)
			len += (size_t)snprintf(out + len, size - len, " n=%lld", (long long)v->n.v);
		if (v->time.set)
			len += (size_t)snprintf(out + len, size - len, " time=%lld", (long long)v->time.ms);
	}
	if (g.dir)
		len += (size_t)snprintf(out + len, size - len, " dir=%s", g.dir);
	if (g.help)
		len += (size_t)snprintf(out + len, size - len, " help");
	for (size_t i = 0; i < in.n_operands; i++)
		len += (size_t)snprintf(out + len, size - len, " [%s]", in.operands[i]);
	options_clear(&in, &g);
	return r;
}

static const struct {
	char *argv[ARGS_MAX];
	const char *want; /* what was understood, or a part of the error */
	bool fails;
} rows[] = {
	{ { "get", "sp" }, "prog get [sp]", false },
	{ { "get", "sp", "-A", "blue" }, "prog get all [sp] [blue]", false },
	{ { "get", "-o", "json", "sp" }, "prog get form=json [sp]", false },
	{ { "get", "-ojson", "sp" }, "prog get form=json [sp]", false },
	{ { "get", "-o=json", "sp" }, "prog get form=json [sp]", false },
	{ { "get", "--output=json", "sp" }, "prog get form=json [sp]", false },
	{ { "get", "--output", "json", "sp" }, "prog get form=json [sp]", false },
	{ { "get", "-Abojson", "sp" }, "prog get all brief form=json [sp]", false },
	{ { "get", "-f", "a", "sp", "--file=b", "-f", "-" }, "prog get file=a file=b file=- [sp]", false },
	{ { "get", "-" }, "prog get [-]", false },
	{ { "get", "--", "-A", "--" }, "prog get [-A] [--]", false },
	{ { "--dir", "/x", "get", "sp", "--dir=/y" }, "prog get dir=/y [sp]", false },
	{ { "get", "sp", "--count", "10" }, "prog get n=10 [sp]", false },
	{ { "get", "sp", "--for", "1h30m" }, "prog get time=5400000 [sp]", false },
	{ { "ip", "list" }, "prog ip list", false },
	{ { "ip", "-h" }, "prog ip help", false },
	{ { "get", "--help", "--nonsense" }, "prog get help", false },
	{ { "--help" }, "prog help", false },
	{ { "secret" }, "prog secret", false },
	{ { "get", "sp", "--output=" }, "want one of json, yaml", true },
	{ { NULL }, "want a command", true },
	{ { "ip" }, "want a command; \"prog ip --help\"", true },
	{ { "gte" }, "do you mean \"prog get\"?", true },
	{ { "secrte" }, "\"prog --help\" lists", true },
	{ { "completely-else" }, "\"prog --help\" lists", true },
	{ { "ip", "lst" }, "do you mean \"prog ip list\"?", true },
	{ { "get" }, "too few operands; want WHAT [NAME]", true },
	{ { "get", "a", "b", "c" }, "\"c\" is one operand too many", true },
	{ { "ip", "list", "x" }, "want none", true },
	{ { "get", "--outptu", "json" }, "do you mean --output?", true },
	{ { "get", "--out=json" }, "do you mean --output?", true },
	{ { "get", "--zzzzzz" }, "\"prog get --help\"", true },
	{ { "get", "-x" }, "unknown option -x", true },
	{ { "-A", "get" }, "unknown option -A", true },
	{ { "get", "sp", "-o" }, "--output needs a value: FORM", true },
	{ { "get", "sp", "-o", "xml" }, "--output \"xml\": want one of json, yaml", true },
	{ { "get", "sp", "--all=yes" }, "--all takes no value", true },
	{ { "get", "sp", "--count", "0" }, "from 1 to 10", true },
	{ { "get", "sp", "--count", "11" }, "from 1 to 10", true },
	{ { "get", "sp", "--count", "1x" }, "\"1x\": want a whole number", true },
	{ { "get", "sp", "--count", "" }, "\"\": want a whole number", true },
	{ { "get", "sp", "--count", "99999999999999999999" }, "want a whole number", true },
	{ { "get", "sp", "--for", "soon" }, "want a time such as", true },
};

static void command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct err e = { 0 };
		char got[512];
		int r = understood(rows[i].argv, got, sizeof(got), &e);

		if (rows[i].fails && (r >= 0 || e.cni != OPTIONS_USAGE || !strstr(e.msg, rows[i].want)))
			fail_msg("row %zu (%s): got \"%s\"", i, rows[i].want, r < 0 ? e.msg : got);
		if (!rows[i].fails && (r < 0 || strcmp(got, rows[i].want) != 0))
			fail_msg("row %zu: got \"%s\", want \"%s\"", i, r < 0 ? e.msg : got, rows[i].want);
	}
}

static const struct {
	const char *text;
	int64_t ms; /* -1: none */
} durations[] = {
	{ "30s", 30000 },
	{ "5m", 300000 },
	{ "1h30m", 5400000 },
	{ "2d", 172800000 },
	{ "7", 7000 },
	{ "0", 0 },
	{ "0s", 0 },
	{ "90m", 5400000 },
	{ "", -1 },
	{ "s", -1 },
	{ "1h30", -1 },
	{ "-5s", -1 },
	{ "1.5h", -1 },
	{ "5 m", -1 },
	{ "5M", -1 },
	{ "99999999d", -1 },
	{ "36500d", INT64_C(36500) * 86400000 },
	{ "9223372036854775807", -1 },
	{ "18446744073709551617s", -1 },
};

static void times(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(durations); i++) {
		int64_t ms = -1;
		int r = options_duration(durations[i].text, &ms);

		if ((r < 0) != (durations[i].ms < 0) || (r == 0 && ms != durations[i].ms))
			fail_msg("\"%s\": got %d, %lld", durations[i].text, r, (long long)ms);
	}
}

static void nearest(void **state)
{
	static const char *const words[] = { "release", "quarantine", "list", "show" };
	static const struct {
		const char *word, *want;
	} v[] = {
		{ "relaese", "release" },
		{ "quarantin", "quarantine" },
		{ "q", NULL },
		{ "sh", "show" },
		{ "shwo", "show" },
		{ "lits", "list" },
		{ "xxxx", NULL },
		{ "", NULL },
		{ "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const char *got = options_nearest(v[i].word, words, ARRAY_LEN(words));

		if (!got != !v[i].want || (got && strcmp(got, v[i].want) != 0))
			fail_msg("\"%s\": got %s, want %s", v[i].word, got ? got : "nothing",
				 v[i].want ? v[i].want : "nothing");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(times),
		cmocka_unit_test(nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
