/* SPDX-License-Identifier: Apache-2.0 */
/* confdoc.c - writes docs/reference from the field tables, so that the pages cannot disagree with the code */
#include <stdio.h>
#include <string.h>

#include "api/api.h"
#include "ipam/section.h"
#include "../cmd/agent/config.h"
#include "../cmd/controller/config.h"
#include "../plugins/coordinator/conf.h"
#include "../plugins/ifacer/conf.h"
#include "../plugins/veth/conf.h"

static const char *kind_text(const struct json_field *f)
{
	switch (f->kind) {
	case JSON_STR:
		return "string";
	case JSON_BOOL:
	case JSON_OPT_BOOL:
		return "true or false";
	case JSON_U32:
	case JSON_I64:
	case JSON_OPT_INT:
		return "number";
	case JSON_STRV:
		return "list of strings";
	case JSON_MAP:
		return "object of strings";
	case JSON_RAW:
		return "any";
	case JSON_STRUCTS:
		return "list of objects";
	default:
		return "object";
	}
}

static void print_limits(FILE *out, const struct json_field *f)
{
	if (f->min || f->max)
		fprintf(out, ", %lld to %lld", (long long)f->min, (long long)f->max);
	for (size_t i = 0; f->one_of && f->one_of[i]; i++)
		fprintf(out, "%s `%s`", i ? " or" : ":", f->one_of[i]);
}

static void print_table(FILE *out, const struct json_table *t, const char *path)
{
	char sub[256];

	for (size_t i = 0; i < t->n; i++) {
		const struct json_field *f = &t->f[i];

		fprintf(out, "| `%s%s` | %s", path, f->key, kind_text(f));
		print_limits(out, f);
		fprintf(out, "%s | %s |\n", f->flags & JSON_REQUIRED ? ", required" : "",
			f->doc ? f->doc : "");
		if (!f->tab || strcmp(f->key, "metadata") == 0)
			continue;
		snprintf(sub, sizeof(sub), "%s%s%s.", path, f->key, f->kind == JSON_STRUCTS ? "[]" : "");
		print_table(out, f->tab, sub);
	}
}

static FILE *page(const char *dir, const char *name, const char *title, const char *text)
{
	char path[512];
	FILE *out;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
		return NULL;
	}
	fprintf(out,
		"<!-- Written by tools/confdoc.c from the field tables: \"make docs\". -->\n# %s\n\n%s\n",
		title, text);
	return out;
}

static int write_keys(const char *dir, const char *name, const char *title, const char *text,
		      const struct json_table *t)
{
	FILE *out = page(dir, name, title, text);

	if (!out)
		return 1;
	fprintf(out, "| key | type | meaning |\n|---|---|---|\n");
	print_table(out, t, "");
	return fclose(out) != 0;
}

static int write_ipam(const char *dir)
{
	return write_keys(dir, "ipam-section.md", "The `ipam` section of a network configuration",
			  "Keys of `\"ipam\": {\"type\": \"spiderpool\", ...}`. Keys that are not listed are "
			  "ignored with a line in "
			  "the log.\n",
			  &ipam_section_table);
}

static int write_coordinator(const char *dir)
{
	return write_keys(
		dir, "coordinator.md", "Keys of `coordinator`",
		"Keys of `{\"type\": \"coordinator\", ...}` in the `plugins` of a network configuration. "
		"\"From the agent\": when the key is absent or empty, what spiderpool-agent says holds, if "
		"the node has one (docs/coordinator.md). Keys that are not listed are ignored with a line "
		"in the log.\n",
		&coordinator_section_table);
}

static int write_veth(const char *dir)
{
	return write_keys(
		dir, "veth.md", "Keys of `veth`",
		"Keys of `{\"type\": \"veth\", ...}` in the `plugins` of a network configuration, behind the "
		"main plugin (docs/veth.md). Keys that are not listed are ignored with a line in the log.\n",
		&veth_conf_table);
}

static int write_ifacer(const char *dir)
{
	return write_keys(
		dir, "ifacer.md", "Keys of `ifacer`",
		"Keys of `{\"type\": \"ifacer\", ...}`, the first of the `plugins` of a network configuration "
		"(docs/ifacer.md). Keys that are not listed are ignored, in `bond` they are an error.\n",
		&ifacer_conf_table);
}

static int write_resources(const char *dir)
{
	FILE *out = page(dir, "resources.md", "Resources",
			 "Group and version: `" API_VERSION
			 "`. A manifest has `apiVersion`, `kind`, `metadata` and what is "
			 "listed here. Fields that are not listed are dropped with a warning.\n");

	if (!out)
		return 1;
	for (int k = 0; k < API_KIND_MAX; k++) {
		fprintf(out,
			"## %s\n\nNames for `spiderpoolctl get`: `%s`, `%s`, `%s`. %s\n\n| field | type | "
			"meaning |\n|---|---|---|\n",
			api_kinds[k].kind, api_kinds[k].plural, api_kinds[k].singular,
			api_kinds[k].short_name, api_kinds[k].namespaced ? "Namespaced." : "Not namespaced.");
		print_table(out, api_kinds[k].table, "");
		fprintf(out, "\n");
	}
	return fclose(out) != 0;
}

static void print_variable(FILE *out, const struct daemon_variable *v)
{
	static const char *const kinds[] = {
		[DAEMON_TEXT] = "string",
		[DAEMON_BOOL] = "true or false",
		[DAEMON_NUMBER] = "number",
		[DAEMON_LEVEL] = "level",
	};

	fprintf(out, "| `%s` | %s", v->name, kinds[v->kind]);
	if (v->kind == DAEMON_NUMBER)
		fprintf(out, ", %lld to %lld", (long long)v->min, (long long)v->max);
	if (!v->fallback)
		fprintf(out, ", required");
	fprintf(out, " | ");
	if (v->fallback && *v->fallback)
		fprintf(out, "`%s`", v->fallback);
	fprintf(out, " | %s |\n", v->doc);
}

static void print_variables(FILE *out, const struct daemon_variable *v, size_t n)
{
	fprintf(out, "\n## Environment\n\n| variable | type | default | meaning |\n|---|---|---|---|\n");
	for (size_t i = 0; i < n; i++)
		print_variable(out, &v[i]);
}

static int write_controller(const char *dir)
{
	FILE *out = page(
		dir, "controller.md", "What `spiderpool-controller` is told",
		"The file that `--config-path` names, by default `" DAEMON_CONFIG_PATH
		"`, is the agent's: its keys are in [agent.md](agent.md). With `--tls-server-cert FILE` and "
		"`--tls-server-key FILE` admission is served with that certificate, else with one of the "
		"controller's own.\n");

	if (!out)
		return 1;
	print_variables(out, controller_variables, controller_variables_n);
	fprintf(out, "\nThese have no effect:\n\n| variable | why |\n|---|---|\n");
	for (size_t i = 0; i < controller_unused_n; i++)
		fprintf(out, "| `%s` | %s |\n", controller_unused[i].name, controller_unused[i].why);
	return fclose(out) != 0;
}

static int write_agent(const char *dir)
{
	FILE *out = page(
		dir, "agent.md", "What `spiderpool-agent` is told",
		"Keys of the file that `--config-path` names, by default `" DAEMON_CONFIG_PATH "`, which is "
		"`conf.yml` of the ConfigMap `spiderpool-conf` (docs/cluster.md). What is true or false is "
		"false when it is absent. Keys that are not listed are ignored with a line in the log.\n");

	if (!out)
		return 1;
	fprintf(out, "| key | type | meaning |\n|---|---|---|\n");
	print_table(out, &daemon_file_table, "");
	print_variables(out, agent_variables, agent_variables_n);
	return fclose(out) != 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: %s DIR\n", argv[0]);
		return 2;
	}
	return write_ipam(argv[1]) || write_coordinator(argv[1]) || write_veth(argv[1]) ||
	       write_ifacer(argv[1]) || write_agent(argv[1]) || write_controller(argv[1]) ||
	       write_resources(argv[1]);
}
