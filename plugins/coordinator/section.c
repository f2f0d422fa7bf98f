/* SPDX-License-Identifier: Apache-2.0 */
/* section.c - coordinator's keys of the network configuration */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/own.h"
#include "conf.h"

void coordinator_section_clear(struct coordinator_section *s)
{
	json_clear(&coordinator_section_table, s);
}

void coordinator_answer_clear(struct coordinator_answer *a)
{
	json_clear(&coordinator_answer_table, a);
}

/* Absolute, and without steps that lead elsewhere. */
static bool path_ok(const char *path, size_t max)
{
	if (path[0] != '/' || strlen(path) > max)
		return false;
	for (const char *p = path; *p; p += strcspn(p, "/")) {
		p += strspn(p, "/");
		size_t len = strcspn(p, "/");

		if ((len == 1 && p[0] == '.') || (len == 2 && p[0] == '.' && p[1] == '.'))
			return false;
	}
	return true;
}

#define STATE_DIR_MAX 1024
#define SOCKET_MAX    (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static int fill_path(char **s, const char *key, const char *absent, size_t max, struct err *e)
{
	if (*s && (*s)[0] && !path_ok(*s, max))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"config: %s \"%.200s\": want an absolute path without \".\" and \"..\", of at "
			"most %zu bytes, for example %s",
			key, *s, max, absent);
	if (*s && (*s)[0])
		return 0;
	free(*s);
	*s = strdup(absent);
	return *s ? 0 : err_nomem(e);
}

/* The documentation of the original shows numbers in quotes, its code wants them bare: both are read. */
static int read_number(const char *key, struct json_object *v, int64_t *ret, struct err *e)
{
	const char *text = v ? json_text(v) : NULL;
	char *end;

	*ret = -1; /* the log's own default */
	if (!v || (json_number(v, ret) && *ret >= 0))
		return 0;
	if (text && text[0] >= '0' && text[0] <= '9') {
		errno = 0;
		*ret = strtoll(text, &end, 10);
		if (!*end && !errno)
			return 0;
	}
	return err_code(e, ERR_CONFIG, EINVAL,
			"config: logOptions.%s: want a whole number, 0 or more, got %s%.64s%s", key,
			text ? "\"" : "", text ? text : "something else", text ? "\"" : "");
}

static int fill_log(struct coordinator_section *s, struct err *e)
{
	const struct coordinator_log_options *o = &s->log_options;
	int r = 0;

	s->log = (struct log_conf){
		.path = o->file && o->file[0] ? o->file : COORDINATOR_LOG_FILE,
		.state_dir = s->state_dir,
		.level = LOG_LEVEL_INFO,
	};
	if (o->level && o->level[0])
		r = log_level_parse(o->level, &s->log.level, e);
	if (r < 0)
		return err_wrap(e, "config: logOptions.logLevel");
	r = read_number("logMaxSize", o->max_size, &s->log.max_size_mb, e);
	if (r == 0)
		r = read_number("logMaxAge", o->max_age, &s->log.max_age_days, e);
	if (r == 0)
		r = read_number("logMaxCount", o->max_count, &s->log.max_count, e);
	return r;
}

int coordinator_section_read(struct json_object *tree, struct coordinator_section *ret, struct err *e)
{
	int r = json_decode(&coordinator_section_table, tree, "config", ret, e);

	if (r == 0)
		r = fill_path(&ret->state_dir, "stateDir", COORDINATOR_STATE_DIR, STATE_DIR_MAX, e);
	if (r == 0)
		r = fill_path(&ret->agent_socket, "agentSocket", COORDINATOR_SOCKET, SOCKET_MAX, e);
	if (r == 0)
		r = fill_log(ret, e);
	if (r < 0)
		coordinator_section_clear(ret);
	return r;
}

static char *dup_path(struct json_object *tree, const char *key, const char *absent, size_t max)
{
	const char *s = json_get_str(tree, key);

	return strdup(s && path_ok(s, max) ? s : absent);
}

int coordinator_section_read_essential(struct json_object *tree, struct coordinator_section *ret,
				       struct err *e)
{
	*ret = (struct coordinator_section){
		.state_dir = dup_path(tree, "stateDir", COORDINATOR_STATE_DIR, STATE_DIR_MAX),
		.agent_socket = dup_path(tree, "agentSocket", COORDINATOR_SOCKET, SOCKET_MAX),
	};
	if (ret->state_dir && ret->agent_socket)
		return 0;
	coordinator_section_clear(ret);
	return err_nomem(e);
}

bool coordinator_section_disabled(const struct coordinator_section *s)
{
	return s->mode && (strcmp(s->mode, "disable") == 0 || strcmp(s->mode, "disabled") == 0);
}

/* ---- what a user should know ---- */

struct notes {
	void (*note)(const char *sentence, void *arg);
	void *arg;
};

/* Keys of every plugin: the protocol's, and what Multus writes into each. */
static bool is_common(const char *key)
{
	static const char *const common[] = {
		"cniVersion",   "name",       "type",     "dns",      "ipam",         "args",
		"capabilities", "prevResult", "deviceID", "pciBusID", "resourceName", "runtimeConfig",
	};

	for (size_t i = 0; i < ARRAY_LEN(common); i++) {
		if (strcmp(key, common[i]) == 0)
			return true;
	}
	return strncmp(key, "cni.dev/", strlen("cni.dev/")) == 0;
}

static void unknown(const char *path, void *arg)
{
	const struct notes *n = arg;
	char text[256];

	if (is_common(path))
		return;
	snprintf(text, sizeof(text), "%.200s: unknown key, ignored", path);
	n->note(text, n->arg);
}

void coordinator_section_notes(struct json_object *tree, void (*note)(const char *sentence, void *arg),
			       void *arg)
{
	static const char *const idle[] = { "multusNicPrefix", "hostRPFilter", "detectIPConflict",
					    "detectGateway", "detectOptions" };
	struct notes n = { note, arg };
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		if (!json_get(tree, idle[i]))
			continue;
		snprintf(text, sizeof(text), "%s: this key has no effect here%s", idle[i],
			 strncmp(idle[i], "detect", 6) == 0 ? "; the IPAM plugin detects" : "");
		note(text, arg);
	}
	json_unknown(&coordinator_section_table, tree, unknown, &n);
}
