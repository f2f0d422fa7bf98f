/* SPDX-License-Identifier: Apache-2.0 */
/* help.c - help texts, from the command tables */
#include "help.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "commands.h"
#include "ctl.h"

#define SYNOPSIS_MAX 64

static const char *synopsis(const struct option *o, char out[SYNOPSIS_MAX])
{
	size_t len;

	if (o->letter)
		snprintf(out, SYNOPSIS_MAX, "-%c, --%s", o->letter, o->name);
	else
		snprintf(out, SYNOPSIS_MAX, "    --%s", o->name);
	len = strlen(out);
	if (o->arg)
		snprintf(out + len, SYNOPSIS_MAX - len, " %s", o->arg);
	return out;
}

static void options(struct out *o, const char *title, const struct command *c)
{
	char text[SYNOPSIS_MAX];
	size_t width = 0;

	if (!c->n_opts)
		return;
	for (size_t i = 0; i < c->n_opts; i++) {
		size_t len = strlen(synopsis(&c->opts[i], text));

		width = len > width ? len : width;
	}
	out_line(o, "%s", "");
	out_line(o, "%s:", title);
	for (size_t i = 0; i < c->n_opts; i++)
		out_line(o, "  %-*s  %s", (int)width, synopsis(&c->opts[i], text), c->opts[i].help);
}

static void commands(struct out *o, const struct command *c)
{
	size_t width = 0;

	for (size_t i = 0; c->sub[i]; i++)
		if (!c->sub[i]->hidden && strlen(c->sub[i]->name) > width)
			width = strlen(c->sub[i]->name);
	out_line(o, "%s", "");
	out_line(o, "Commands:");
	for (size_t i = 0; c->sub[i]; i++)
		if (!c->sub[i]->hidden)
			out_line(o, "  %-*s  %s", (int)width, c->sub[i]->name, c->sub[i]->summary);
}

static void paragraphs(struct out *o, const char *text)
{
	out_line(o, "%s", "");
	buf_str(&o->text, text);
	buf_chr(&o->text, '\n');
}

void help_print(const struct invocation *in, struct out *o)
{
	const struct command *c = invocation_command(in);
	char name[128];

	invocation_name(in, name, sizeof(name));
	out_line(o, "%s - %s", name, c->summary);
	out_line(o, "%s", "");
	out_line(o, "Usage: %s [OPTION]...%s%s", name,
		 c->sub        ? " COMMAND"
		 : c->operands ? " "
			       : "",
		 !c->sub && c->operands ? c->operands : "");
	if (c->text)
		paragraphs(o, c->text);
	if (c->sub)
		commands(o, c);
	if (c != in->path[0])
		options(o, "Options", c);
	options(o, "General options", in->path[0]);
}

/* ---- help COMMAND... ---- */

static int run(struct ctl *c, const void *args, struct err *e)
{
	struct invocation in = { .path = { &cmd_program }, .depth = 1 };

	(void)args;
	for (size_t i = 0; i < c->in.n_operands; i++) {
		const char *word = c->in.operands[i];
		const struct command *sub = options_find_command(invocation_command(&in), word, strlen(word));

		if (!sub)
			return ctl_usage(e, "no help for \"%.64s\": there is no such command", word);
		in.path[in.depth++] = sub;
	}
	help_print(&in, &c->out);
	return 0;
}

const struct command cmd_help = {
	.name = "help",
	.operands = "[COMMAND]...",
	.summary = "the same as --help",
	.max = OPTIONS_DEPTH_MAX - 1,
	.run = run,
};
