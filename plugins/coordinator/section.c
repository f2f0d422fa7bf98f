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

#define SOCKET_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

static int fill_log(struct coordinator_section *s, struct err *e)
{
	s->log = (struct log_conf){
		.path = COORDINATOR_LOG_FILE,
		.state_dir = s->state_dir,
		.level = LOG_LEVEL_INFO,
		.max_size_mb = -1, /* the log's own defaults */
		.max_age_days = -1,
		.max_count = -1,
	};
	return options_log_read(&s->log_options, &coordinator_log_table, &s->log, e);
}

int coordinator_section_read(struct json_object *tree, struct coordinator_section *ret, struct err *e)
{
	int r = json_decode(&coordinator_section_table, tree, "config", ret, e);

	if (r == 0)
		r = options_path(&ret->state_dir, "stateDir", COORDINATOR_STATE_DIR, OPTIONS_STATE_DIR_MAX,
				 e);
	if (r == 0)
		r = options_path(&ret->agent_socket, "agentSocket", COORDINATOR_SOCKET, SOCKET_MAX, e);
	if (r == 0)
		r = fill_log(ret, e);
	if (r < 0)
		coordinator_section_clear(ret);
	return r;
}

int coordinator_section_read_essential(struct json_object *tree, struct coordinator_section *ret,
				       struct err *e)
{
	*ret = (struct coordinator_section){
		.state_dir = options_path_of(tree, "stateDir", COORDINATOR_STATE_DIR, OPTIONS_STATE_DIR_MAX),
		.agent_socket = options_path_of(tree, "agentSocket", COORDINATOR_SOCKET, SOCKET_MAX),
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

void coordinator_section_notes(struct json_object *tree, void (*note)(const char *sentence, void *arg),
			       void *arg)
{
	static const char *const idle[] = { "multusNicPrefix", "hostRPFilter", "detectIPConflict",
					    "detectGateway", "detectOptions" };
	char text[128];

	for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
		if (!json_get(tree, idle[i]))
			continue;
		snprintf(text, sizeof(text), "%s: this key has no effect here%s", idle[i],
			 strncmp(idle[i], "detect", 6) == 0 ? "; the IPAM plugin detects" : "");
		note(text, arg);
	}
	options_unknown(&coordinator_section_table, tree, note, arg);
}
