/* SPDX-License-Identifier: Apache-2.0 */
/* label.c - texts of ours as values of labels: at most 63 characters of [-_.A-Za-z0-9] */
#include "api/api.h"

#include <stdio.h>
#include <string.h>

int api_cidr_label(const char *cidr, char out[API_LABEL_MAX], struct err *e)
{
	char text[IP_TEXT_MAX];
	struct ip_prefix p;
	size_t n = 0;
	int r;

	r = ip_prefix_parse(cidr, &p, e);
	if (r < 0)
		return r;
	ip_prefix_format(ip_prefix_network(p), text);
	/* A value may not start with "-"; no network is written 0::, so this meets no other one. */
	if (text[0] == ':')
		out[n++] = '0';
	for (const char *s = text; *s; s++) {
		out[n] = *s;
		if (strchr(".:/", *s))
			out[n] = '-';
		n++;
	}
	out[n] = '\0';
	return 0;
}

/* FNV-1a: the same text has the same label on every node and in every version. */
static uint64_t hash(const char *s)
{
	uint64_t h = 0xcbf29ce484222325;

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3;
	return h;
}

const char *api_label_value(const char *text, char out[API_LABEL_MAX])
{
	if (strlen(text) < API_LABEL_MAX)
		snprintf(out, API_LABEL_MAX, "%s", text);
	else
		snprintf(out, API_LABEL_MAX, "%.46s-%016llx", text, (unsigned long long)hash(text));
	return out;
}
