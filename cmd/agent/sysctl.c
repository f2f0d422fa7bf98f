/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.c - settings of the node that pods on an underlay want */
#include "sysctl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

static const struct setting {
	const char *path, *value;
	bool at_least;
} settings[] = {
	{ "ipv4/neigh/default/gc_thresh3", "28160", true },
	{ "ipv6/neigh/default/gc_thresh3", "28160", true },
	{ "ipv4/conf/all/arp_notify", "1", false },
	{ "ipv4/conf/all/forwarding", "1", false },
	{ "ipv6/conf/all/forwarding", "1", false },
	{ "ipv4/conf/all/rp_filter", "0", false },
};

/* 1: changed. */
static int set_one(const struct netspace *node, const struct setting *s, char was[SYSCTL_TEXT_MAX],
		   struct err *e)
{
	int r = sysctl_get(node, s->path, was, e);

	if (r < 0)
		return r;
	if (strcmp(was, s->value) == 0 ||
	    (s->at_least && strtoll(was, NULL, 10) >= strtoll(s->value, NULL, 10)))
		return 0;
	r = sysctl_set(node, s->path, s->value, e);
	return r < 0 ? r : 1;
}

int agent_tune_sysctls(const struct netspace *node, void (*note)(const char *sentence, void *arg), void *arg,
		       struct err *e)
{
	int ret = 0;

	for (size_t i = 0; i < ARRAY_LEN(settings); i++) {
		char was[SYSCTL_TEXT_MAX], text[256];
		struct err why;
		int r = set_one(node, &settings[i], was, &why);

		if (r == -ENOENT)
			(void)snprintf(text, sizeof(text), "sysctl %s: this kernel has none here, left out",
				       settings[i].path);
		else if (r > 0)
			(void)snprintf(text, sizeof(text), "sysctl %s: was %s, is %s now", settings[i].path,
				       was, settings[i].value);
		if (r == -ENOENT || r > 0)
			note(text, arg);
		else if (r < 0 && ret == 0) {
			*e = why;
			ret = r;
		}
	}
	return ret;
}
