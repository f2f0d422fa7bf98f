/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line, from tables: commands, their options, where the values go
 *
 *	static const struct option opts[] = {
 *		OPT(struct get, ns, 'n', "namespace", "NS", .help = "only objects of this namespace"),
 *	};
 *	static const struct command cmd_get = { .name = "get", OPTIONS(struct get, opts), .run = run };
 *
 * The kind of an option follows from the type of its member. Options may stand before or after operands, "--"
 * ends them; those of the program (the global table) may stand before the command's name too. Values are lent
 * from argv.
 */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define OPTIONS_DEPTH_MAX 3 /* commands below commands, the program included */

enum opt_kind {
	OPT_FLAG,     /* bool */
	OPT_TEXT,     /* const char *, NULL when not given */
	OPT_LIST,     /* struct opt_list: may be given several times */
	OPT_INT,      /* struct opt_int */
	OPT_DURATION, /* struct opt_duration: 30s, 5m, 1h30m, 2d; a bare number is seconds */
};

struct opt_list {
	const char **v; /* NULL behind the last */
	size_t n;
};
struct opt_int {
	bool set;
	int64_t v;
};
struct opt_duration {
	bool set;
	int64_t ms;
};

/* What the shell may offer for a value or an operand. */
enum offer { OFFER_NONE, OFFER_FILE, OFFER_KIND, OFFER_POOL, OFFER_NAME, OFFER_POD, OFFER_NETNS };

struct option {
	char letter; /* 0: none */
	const char *name;
	const char *arg; /* what help calls the value; NULL: flag */
	enum opt_kind kind;
	size_t off;
	int64_t min, max;          /* numbers; both 0: any */
	const char *const *one_of; /* texts; NULL-terminated */
	enum offer offer;
	const char *help;
};

#define OPT_KIND(m) \
	_Generic(&(m),                                \
		bool *: OPT_FLAG,                     \
		const char **: OPT_TEXT,              \
		struct opt_list *: OPT_LIST,          \
		struct opt_int *: OPT_INT,            \
		struct opt_duration *: OPT_DURATION)

#define OPT(T, m, l, n, a, ...) \
	{ \
		.letter = (l), .name = (n), .arg = (a), .kind = OPT_KIND(((T *)0)->m), \
		.off = offsetof(T, m), __VA_ARGS__ \
	}

struct ctl;

struct command {
	const char *name;
	const char *operands;             /* for help: "KIND [NAME]" */
	const char *summary;              /* half a line */
	const char *text;                 /* what help says behind it; NULL: nothing */
	const struct command *const *sub; /* NULL-terminated; then there is no run */
	const struct option *opts;
	size_t n_opts, size; /* size of the struct that takes the values */
	size_t min, max;     /* operands */
	enum offer offer[2]; /* for the first operand and for the others */
	bool names;          /* -o name makes sense */
	bool hidden;
	const char *only_local; /* why it does not work on a cluster, as a sentence; NULL: it does */
	int (*run)(struct ctl *c, const void *opts, struct err *e);
};

#define OPTIONS(T, table)   .opts = (table), .n_opts = sizeof(table) / sizeof((table)[0]), .size = sizeof(T)
#define OPERANDS_MAX_NO_END ((size_t)-1)

struct invocation {
	const struct command *path[OPTIONS_DEPTH_MAX]; /* the program, command, sub-command */
	size_t depth;
	void *values; /* of the last command's options */
	const char **operands;
	size_t n_operands;
};

/* Code of every error that means "you called it wrong". */
#define OPTIONS_USAGE (-1)

/* root is the program: its opts are the global ones, globals takes their values. Stops early, and leaves the
 * rest unchecked, when the flag at stop (a member of globals: --help) is set. Errors have the code
 * OPTIONS_USAGE. */
int options_parse(const struct command *root, void *globals, const bool *stop, char *const *argv,
		  struct invocation *ret, struct err *e);
/* That operands are as many as the command wants. */
int options_check_operands(const struct invocation *i, struct err *e);
/* globals: the struct whose lists are to be released too. */
void options_clear(struct invocation *i, void *globals);

static inline const struct command *invocation_command(const struct invocation *i)
{
	return i->path[i->depth - 1];
}
/* "spiderpoolctl ip list" */
const char *invocation_name(const struct invocation *i, char *out, size_t size);

/* ---- pieces ---- */

int options_duration(const char *text, int64_t *ret_ms); /* -EINVAL when it is none */
const struct command *options_find_command(const struct command *parent, const char *name, size_t len);
/* Looks at the options of command and of root. */
const struct option *options_find(const struct command *root, const struct command *command, const char *name,
				  size_t len);
const struct option *options_find_letter(const struct command *root, const struct command *command,
					 char letter);
/* Of n words the one that was probably meant, NULL when none is near. */
const char *options_nearest(const char *word, const char *const *words, size_t n);

#endif
