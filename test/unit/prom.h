/* SPDX-License-Identifier: Apache-2.0 */
/* prom.h - for tests: is a text Prometheus' exposition format, as its own parser and "promtool check" read
 * it? */
#ifndef TEST_PROM_H
#define TEST_PROM_H

#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PROM_NAME  "[a-zA-Z_:][a-zA-Z0-9_:]*"
#define PROM_LABEL "[a-zA-Z_][a-zA-Z0-9_]*=\"([^\"\\]|\\\\[\\\"n])*\""
#define PROM_VALUE "([+-]?Inf|NaN|[+-]?[0-9.]+(e[+-]?[0-9]+)?)"

#define PROM_FAMILIES 300

struct prom {
	regex_t help, type, sample;
	char family[PROM_FAMILIES][128]; /* those that were declared, the current one last */
	size_t families;
	bool helped; /* a HELP has come, its TYPE has not */
	char kind[16];
	char bucket[1024]; /* the series of buckets that is being counted, up to its le */
	double count;      /* of its last bucket */
	bool infinite;     /* that was +Inf */
	char why[256];
};

static inline bool prom_no(struct prom *p, const char *why)
{
	snprintf(p->why, sizeof(p->why), "%s", why);
	return false;
}

/* HELP, then TYPE, once for each name. */
static inline bool prom_comment(struct prom *p, const char *line)
{
	char name[128];

	if (regexec(&p->help, line, 0, NULL, 0) == 0) {
		if (p->helped || p->families == PROM_FAMILIES || sscanf(line, "# HELP %127s", name) != 1)
			return prom_no(p, "HELP is not wanted here");
		for (size_t i = 0; i < p->families; i++)
			if (strcmp(p->family[i], name) == 0)
				return prom_no(p, "a second HELP");
		memcpy(p->family[p->families++], name, sizeof(name));
		p->helped = true;
		return true;
	}
	if (regexec(&p->type, line, 0, NULL, 0) != 0 || !p->helped ||
	    sscanf(line, "# TYPE %127s %15s", name, p->kind) != 2 ||
	    strcmp(name, p->family[p->families - 1]) != 0)
		return prom_no(p, "neither HELP nor the TYPE that belongs to it");
	p->helped = false;
	return true;
}

/* Buckets never fall, the last is +Inf, and _count is the same. */
static inline bool prom_histogram(struct prom *p, const char *line, const char *suffix)
{
	double v = strtod(strrchr(line, ' ') + 1, NULL);
	const char *le = strstr(line, "le=\"");

	if (strncmp(suffix, "_bucket{", 8) == 0 && le) {
		size_t n = (size_t)(le - line);

		if (strncmp(p->bucket, line, n) == 0 && p->bucket[n] == '\0' && v < p->count)
			return prom_no(p, "a bucket has less than the one before");
		snprintf(p->bucket, sizeof(p->bucket), "%.*s", (int)n, line);
		p->count = v;
		p->infinite = strncmp(le, "le=\"+Inf\"", 9) == 0;
		return true;
	}
	if (strncmp(suffix, "_sum", 4) == 0)
		return p->infinite || prom_no(p, "no bucket of +Inf");
	if (strncmp(suffix, "_count", 6) == 0)
		return v == p->count || prom_no(p, "_count is not that of the last bucket");
	return prom_no(p, "a histogram has _bucket, _sum and _count");
}

static inline bool prom_sample(struct prom *p, const char *line)
{
	const char *family = p->families ? p->family[p->families - 1] : "-";
	size_t n = strlen(family);

	if (regexec(&p->sample, line, 0, NULL, 0) != 0)
		return prom_no(p, "this is no sample");
	if (p->helped || strncmp(line, family, n) != 0)
		return prom_no(p, "a sample of another metric");
	if (strcmp(p->kind, "histogram") == 0)
		return prom_histogram(p, line, line + n);
	return strchr(" {", line[n]) || prom_no(p, "a sample of another metric");
}

/* NULL when all is well, otherwise what is not; the answer is static. */
static inline const char *prom_check(const char *text)
{
	static char said[1500];
	static struct prom p;
	const char *bad = NULL;

	memset(&p, 0, sizeof(p));
	regcomp(&p.help, "^# HELP " PROM_NAME " ([^\\]|\\\\[\\n])+$", REG_EXTENDED | REG_NOSUB);
	regcomp(&p.type, "^# TYPE " PROM_NAME " (counter|gauge|histogram)$", REG_EXTENDED | REG_NOSUB);
	regcomp(&p.sample, "^" PROM_NAME "([{]" PROM_LABEL "(," PROM_LABEL ")*[}])? " PROM_VALUE "$",
		REG_EXTENDED | REG_NOSUB);
	while (*text && !bad) {
		char line[1024];
		size_t n = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)n, text);
		if (text[n] == '\0')
			snprintf(p.why, sizeof(p.why), "no line end");
		if (text[n] == '\0' || !(line[0] == '#' ? prom_comment(&p, line) : prom_sample(&p, line)))
			snprintf(said, sizeof(said), "%s: %s", p.why, line), bad = said;
		text += n + (text[n] != '\0');
	}
	regfree(&p.help);
	regfree(&p.type);
	regfree(&p.sample);
	return bad;
}

#endif
