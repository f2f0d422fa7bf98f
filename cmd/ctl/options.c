/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - the command line, from tables */
#include "options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define usage(e, ...) err_code(e, OPTIONS_USAGE, EINVAL, __VA_ARGS__)

/* ---- finding ---- */

const struct command *options_find_command(const struct command *parent, const char *name, size_t len)
{
	for (size_t i = 0; parent->sub && parent->sub[i]; i++)
		if (strncmp(parent->sub[i]->name, name, len) == 0 && !parent->sub[i]->name[len])
			return parent->sub[i];
	return NULL;
}

static const struct option *find_name(const struct command *c, const char *name, size_t len)
{
	for (size_t i = 0; i < c->n_opts; i++)
		if (strncmp(c->opts[i].name, name, len) == 0 && !c->opts[i].name[len])
			return &c->opts[i];
	return NULL;
}

static const struct option *find_letter(const struct command *c, char letter)
{
	for (size_t i = 0; letter && i < c->n_opts; i++)
		if (c->opts[i].letter == letter)
			return &c->opts[i];
	return NULL;
}

const struct option *options_find(const struct command *root, const struct command *command, const char *name,
				  size_t len)
{
	const struct option *o = find_name(command, name, len);

	return o ? o : find_name(root, name, len);
}

const struct option *options_find_letter(const struct command *root, const struct command *command,
					 char letter)
{
	const struct option *o = find_letter(command, letter);

	return o ? o : find_letter(root, letter);
}

/* ---- what was meant ---- */

#define WORD_MAX 40

/* Number of letters to change, insert, drop or swap; beyond WORD_MAX letters everything is far. */
static size_t distance(const char *a, const char *b)
{
	size_t d[3][WORD_MAX + 1], la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return WORD_MAX;
	for (size_t k = 0; k <= lb; k++)
		d[0][k] = k;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];

		row[0] = i;
		for (size_t k = 1; k <= lb; k++) {
			size_t best = up[k - 1] + (a[i - 1] != b[k - 1]);

			if (up[k] + 1 < best)
				best = up[k] + 1;
			if (row[k - 1] + 1 < best)
				best = row[k - 1] + 1;
			if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1] &&
			    up2[k - 2] + 1 < best)
				best = up2[k - 2] + 1;
			row[k] = best;
		}
	}
	return d[la % 3][lb];
}

const char *options_nearest(const char *word, const char *const *words, size_t n)
{
	size_t len = strlen(word), best = len < 4 ? 2 : len < 7 ? 3 : 4; /* this far is too far */
	const char *found = NULL;

	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, words[i]);

		if (len >= 2 && strncmp(word, words[i], len) == 0)
			d = 1; /* the beginning of it */
		if (d < best) {
			best = d;
			found = words[i];
		}
	}
	return found;
}

#define NAMES_MAX 64

static size_t add_names(const struct command *c, const char **names, size_t n)
{
	for (size_t i = 0; i < c->n_opts && n < NAMES_MAX; i++)
		names[n++] = c->opts[i].name;
	return n;
}

static int unknown_option(const struct invocation *in, const char *arg, const char *name, size_t len,
			  struct err *e)
{
	const char *names[NAMES_MAX], *near;
	char word[WORD_MAX + 1], command[128];
	size_t n = add_names(invocation_command(in), names, 0);

	if (in->depth > 1)
		n = add_names(in->path[0], names, n);
	snprintf(word, sizeof(word), "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX), name);
	near = options_nearest(word, names, n);
	invocation_name(in, command, sizeof(command));
	if (near)
		return usage(e, "unknown option %.64s; do you mean --%s?", arg, near);
	return usage(e, "unknown option %.64s; \"%s --help\" lists those there are", arg, command);
}

static int unknown_command(const struct invocation *in, const char *word, struct err *e)
{
	const struct command *c = invocation_command(in);
	const char *names[NAMES_MAX], *near;
	char command[128];
	size_t n = 0;

	for (size_t i = 0; c->sub[i] && n < NAMES_MAX; i++)
		if (!c->sub[i]->hidden)
			names[n++] = c->sub[i]->name;
	near = options_nearest(word, names, n);
	invocation_name(in, command, sizeof(command));
	if (near)
		return usage(e, "unknown command \"%.64s\"; do you mean \"%s %s\"?", word, command, near);
	return usage(e, "unknown command \"%.64s\"; \"%s --help\" lists those there are", word, command);
}

const char *invocation_name(const struct invocation *in, char *out, size_t size)
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < in->depth && len < size; i++)
		len += (size_t)snprintf(out + len, size - len, "%s%s", i ? " " : "", in->path[i]->name);
	return out;
}

/* ---- values ---- */

int options_duration(const char *text, int64_t *ret_ms)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
	const int64_t most = INT64_C(100) * 365 * 86400000;
	int64_t sum = 0;

	do {
		int64_t n = 0, ms = 0;

		if (*text < '0' || *text > '9')
			return -EINVAL;
		for (; *text >= '0' && *text <= '9'; text++) {
			n = n * 10 + (*text - '0');
			if (n > most)
				return -EINVAL;
		}
		if (!*text && !sum)
			ms = 1000;
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			if (*text && *text == units[i].unit)
				ms = units[i].ms;
		if (!ms || n > most / ms || sum + n * ms > most)
			return -EINVAL;
		sum += n * ms;
		text += *text != '\0';
	} while (*text);
	*ret_ms = sum;
	return 0;
}

static int set_text(const struct option *o, const char *value, const char **to, struct err *e)
{
	char list[256];
	size_t len = 0;

	for (size_t i = 0; o->one_of && o->one_of[i]; i++) {
		if (strcmp(o->one_of[i], value) == 0)
			break;
		len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s", i ? ", " : "", o->one_of[i]);
		if (!o->one_of[i + 1])
			return usage(e, "--%s \"%.64s\": want one of %s", o->name, value, list);
	}
	*to = value;
	return 0;
}

static int set_int(const struct option *o, const char *value, struct opt_int *to, struct err *e)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(value, &end, 10);
	if (!*value || *end || errno || ((o->min || o->max) && (v < o->min || v > o->max)))
		return usage(e, "--%s \"%.64s\": want a whole number from %lld to %lld", o->name, value,
			     (long long)(o->min || o->max ? o->min : INT64_MIN),
			     (long long)(o->min || o->max ? o->max : INT64_MAX));
	*to = (struct opt_int){ true, v };
	return 0;
}

static int set_duration(const struct option *o, const char *value, struct opt_duration *to, struct err *e)
{
	if (options_duration(value, &to->ms) < 0)
		return usage(e, "--%s \"%.64s\": want a time such as 30s, 5m, 1h30m or 2d", o->name, value);
	to->set = true;
	return 0;
}

static int add_list(const char *value, struct opt_list *to, struct err *e)
{
	const char **v = realloc(to->v, (to->n + 2) * sizeof(const char *));

	if (!v)
		return err_nomem(e);
	to->v = v;
	v[to->n++] = value;
	v[to->n] = NULL;
	return 0;
}

static int set(const struct option *o, void *values, const char *value, struct err *e)
{
	void *at = (char *)values + o->off;

	switch (o->kind) {
	case OPT_FLAG:
		*(bool *)at = true;
		return 0;
	case OPT_TEXT:
		return set_text(o, value, at, e);
	case OPT_LIST:
		return add_list(value, at, e);
	case OPT_INT:
		return set_int(o, value, at, e);
	default:
		return set_duration(o, value, at, e);
	}
}

/* ---- walking along argv ---- */

struct walk {
	const struct command *root;
	void *globals;
	char *const *next;
	struct invocation *in;
};

static void *values_of(const struct walk *w, const struct option *o)
{
	const struct command *c = invocation_command(w->in);

	return c != w->root && o >= c->opts && o < c->opts + c->n_opts ? w->in->values : w->globals;
}

/* value is what stood behind "=" or behind the letter; NULL: the next argument is the value. */
static int take(struct walk *w, const struct option *o, const char *value, struct err *e)
{
	if (o->kind != OPT_FLAG && !value) {
		if (!*w->next)
			return usage(e, "--%s needs a value: %s", o->name, o->arg);
		value = *w->next++;
	}
	return set(o, values_of(w, o), value, e);
}

static int take_long(struct walk *w, const char *arg, struct err *e)
{
	const char *name = arg + 2, *eq = strchr(name, '=');
	size_t len = eq ? (size_t)(eq - name) : strlen(name);
	const struct option *o = options_find(w->root, invocation_command(w->in), name, len);

	if (!o)
		return unknown_option(w->in, arg, name, len, e);
	if (eq && o->kind == OPT_FLAG)
		return usage(e, "--%s takes no value", o->name);
	return take(w, o, eq ? eq + 1 : NULL, e);
}

/* "-Aoyaml": flags, then at most one option with a value. */
static int take_letters(struct walk *w, const char *arg, struct err *e)
{
	for (const char *p = arg + 1; *p; p++) {
		const struct option *o = options_find_letter(w->root, invocation_command(w->in), *p);
		int r;

		if (!o)
			return unknown_option(w->in, arg, "", 0, e);
		if (o->kind != OPT_FLAG)
			return take(w, o, p[1] ? p + 1 + (p[1] == '=') : NULL, e);
		r = take(w, o, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int take_word(struct walk *w, const char *arg, struct err *e)
{
	struct invocation *in = w->in;
	const struct command *c = invocation_command(in);

	if (!c->sub) {
		in->operands[in->n_operands++] = arg;
		return 0;
	}
	c = options_find_command(c, arg, strlen(arg));
	if (!c)
		return unknown_command(in, arg, e);
	in->path[in->depth++] = c;
	if (!c->size)
		return 0;
	in->values = calloc(1, c->size);
	return in->values ? 0 : err_nomem(e);
}

int options_parse(const struct command *root, void *globals, const bool *stop, char *const *argv,
		  struct invocation *ret, struct err *e)
{
	struct walk w = { root, globals, argv, ret };
	bool ended = false;
	size_t n = 0;
	int r = 0;

	while (argv[n])
		n++;
	*ret = (struct invocation){ .path = { root }, .depth = 1 };
	ret->operands = calloc(n + 1, sizeof(const char *));
	if (!ret->operands)
		return err_nomem(e);
	while (*w.next && r == 0 && !*stop) {
		const char *arg = *w.next++;

		if (ended || arg[0] != '-' || !arg[1])
			r = take_word(&w, arg, e);
		else if (strcmp(arg, "--") == 0)
			ended = true;
		else
			r = arg[1] == '-' ? take_long(&w, arg, e) : take_letters(&w, arg, e);
	}
	return r;
}

int options_check_operands(const struct invocation *in, struct err *e)
{
	const struct command *c = invocation_command(in);
	char name[128];
	const char *command = invocation_name(in, name, sizeof(name)), *space = strchr(name, ' ');

	if (c->sub)
		return usage(e, "want a command; \"%s --help\" lists those there are", command);
	command = space ? space + 1 : command; /* the program's name stands before each sentence */
	if (in->n_operands < c->min)
		return usage(e, "%s: too few operands; want %s", command, c->operands);
	if (in->n_operands > c->max)
		return usage(e, "%s: \"%.64s\" is one operand too many; want %s", command,
			     in->operands[c->max], c->max ? c->operands : "none");
	return 0;
}

static void clear_lists(const struct command *c, void *values)
{
	for (size_t i = 0; values && i < c->n_opts; i++)
		if (c->opts[i].kind == OPT_LIST)
			free(((struct opt_list *)(void *)((char *)values + c->opts[i].off))->v);
}

void options_clear(struct invocation *in, void *globals)
{
	if (!in->depth)
		return;
	clear_lists(in->path[0], globals);
	if (in->depth > 1)
		clear_lists(invocation_command(in), in->values);
	free(in->values);
	free(in->operands);
	*in = (struct invocation){ 0 };
}
