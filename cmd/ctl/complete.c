/* SPDX-License-Identifier: Apache-2.0 */
/* complete.c - what the shell may offer for the last word: "spiderpoolctl __complete -- WORD..."
 *
 * From the same tables as everything else, so completion is never behind. completion.bash calls it.
 */
#include <dirent.h>
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"
#include "get.h"
#include "ipam/admin.h"

#define TIMEOUT_MS 1000

struct completion {
	struct ctl *c;
	const struct command *command;
	const struct option *pending; /* its value comes next; NULL: none */
	size_t operands;              /* before the last word */
	const char *first;            /* operand */
	const char *prefix;
};

static void offer(struct completion *x, const char *word)
{
	if (strncmp(word, x->prefix, strlen(x->prefix)) == 0)
		out_line(&x->c->out, "%s", word);
}

/* ---- where the last word stands ---- */

static void look_at_option(struct completion *x, const char *word)
{
	const struct option *o;

	if (word[1] == '-')
		o = options_find(&cmd_program, x->command, word + 2, strlen(word + 2));
	else
		o = word[2] ? NULL : options_find_letter(&cmd_program, x->command, word[1]);
	x->pending = o && o->kind != OPT_FLAG ? o : NULL;
}

static void look_at_value(struct completion *x, const char *word)
{
	if (strcmp(word, "=") == 0) /* bash cuts there */
		return;
	if (strcmp(x->pending->name, "state-dir") == 0) {
		x->c->state_dir = word;
		x->c->cluster = false;
	} else if (strcmp(x->pending->name, "kubeconfig") == 0) {
		x->c->kubeconfig = word;
		x->c->cluster = true;
	} else if (strcmp(x->pending->name, "context") == 0) {
		x->c->given.context = word;
	}
	x->pending = NULL;
}

static void look_at(struct completion *x, const char *word)
{
	const struct command *sub;

	if (x->pending) {
		look_at_value(x, word);
	} else if (word[0] == '-' && word[1]) {
		look_at_option(x, word);
	} else if (x->command->sub) {
		sub = options_find_command(x->command, word, strlen(word));
		x->command = sub ? sub : x->command;
	} else {
		x->first = x->operands++ ? x->first : word;
	}
}

/* ---- names from the store; what cannot be read is not offered ---- */

static int offer_name(struct api_object *obj, void *arg, struct err *e)
{
	(void)e;
	offer(arg, obj->meta.name);
	return 0;
}

static int offer_pod(struct api_object *obj, void *arg, struct err *e)
{
	struct buf b = BUF_INIT(1024);

	(void)e;
	buf_fmt(&b, "%s/%s", obj->meta.ns, obj->meta.name);
	offer(arg, buf_cstr(&b));
	buf_clear(&b);
	return 0;
}

static void offer_objects(struct completion *x, enum api_kind kind, bool pods)
{
	struct ctl *c = x->c;
	struct err unused;

	c->timeout_ms = TIMEOUT_MS;
	if (!*c->state_dir)
		c->state_dir = STORE_LOCAL_DIR;
	if (ctl_open(c, CTL_READ, &unused) == 0)
		(void)admin_each(ctl_engine(c), kind, NULL, NULL, pods ? offer_pod : offer_name, x, &unused);
}

static void offer_named(struct completion *x)
{
	enum api_kind kind;
	const char *name;
	struct err unused;

	if (x->first && get_kind(x->first, &kind, &name, &unused) == 0 && !name)
		offer_objects(x, kind, false);
}

static void offer_kinds(struct completion *x)
{
	for (int k = 0; k < API_KIND_MAX; k++) {
		offer(x, api_kinds[k].plural);
		offer(x, api_kinds[k].short_name);
	}
}

static void offer_netns(struct completion *x)
{
	DIR *d = opendir("/run/netns");
	const struct dirent *entry;

	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			offer(x, entry->d_name);
	if (d)
		closedir(d);
}

static void offer_what(struct completion *x, enum offer what)
{
	switch (what) {
	case OFFER_FILE:
		out_line(&x->c->out, ":files");
		break;
	case OFFER_KIND:
		offer_kinds(x);
		break;
	case OFFER_POOL:
		offer_objects(x, API_IPPOOL, false);
		break;
	case OFFER_NAME:
		offer_named(x);
		break;
	case OFFER_POD:
		offer_objects(x, API_ENDPOINT, true);
		break;
	case OFFER_NETNS:
		offer_netns(x);
		break;
	default:
		break;
	}
}

/* ---- */

static void offer_options(struct completion *x, const struct command *c)
{
	for (size_t i = 0; i < c->n_opts; i++) {
		struct buf b = BUF_INIT(128);

		buf_fmt(&b, "--%s", c->opts[i].name);
		offer(x, buf_cstr(&b));
		buf_clear(&b);
	}
}

static void complete(struct completion *x)
{
	if (x->pending) {
		for (size_t i = 0; x->pending->one_of && x->pending->one_of[i]; i++)
			offer(x, x->pending->one_of[i]);
		offer_what(x, x->pending->offer);
	} else if (x->prefix[0] == '-') {
		offer_options(x, x->command);
		if (x->command != &cmd_program)
			offer_options(x, &cmd_program);
	} else if (x->command->sub) {
		for (size_t i = 0; x->command->sub[i]; i++)
			if (!x->command->sub[i]->hidden)
				offer(x, x->command->sub[i]->name);
	} else if (x->operands < x->command->max) {
		offer_what(x, x->command->offer[x->operands ? 1 : 0]);
	}
}

static int run(struct ctl *c, const void *args, struct err *e)
{
	struct completion x = { .c = c, .command = &cmd_program };
	size_t n = c->in.n_operands;

	(void)args;
	(void)e;
	for (size_t i = 0; i + 1 < n; i++)
		look_at(&x, c->in.operands[i]);
	x.prefix = n ? c->in.operands[n - 1] : "";
	if (x.pending && strcmp(x.prefix, "=") == 0)
		x.prefix = "";
	complete(&x);
	return 0;
}

const struct command cmd_complete = {
	.name = "__complete",
	.operands = "-- WORD...",
	.summary = "what may follow, for the shell",
	.max = OPERANDS_MAX_NO_END,
	.hidden = true,
	.run = run,
};
