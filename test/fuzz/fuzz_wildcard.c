/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_wildcard.c - against a matcher that tries everything; input: pattern, newline, name */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"

#define PATTERN_MAX 64
#define NAME_LIMIT  64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One place of a pattern: which characters it takes, or a star. */
struct token {
	bool star, set[256];
};

/* Reads one possibly escaped character of a class. */
static bool read_class_char(const char **p, unsigned char *ret)
{
	if (!**p || strchr("-]", **p))
		return false;
	if (**p == '\\')
		(*p)++;
	if (!**p)
		return false;
	*ret = (unsigned char)*(*p)++;
	return **p;
}

static bool read_class(const char **p, struct token *t)
{
	bool negated = **p == '^';
	size_t n = 0;

	*p += negated;
	for (; n == 0 || **p != ']'; n++) {
		unsigned char lo, hi;

		if (!read_class_char(p, &lo))
			return false;
		hi = lo;
		if (**p == '-') {
			(*p)++;
			if (!read_class_char(p, &hi))
				return false;
		}
		for (int c = lo; c <= hi; c++)
			t->set[c] = true;
	}
	(*p)++;
	for (int c = 0; negated && c < 256; c++)
		t->set[c] = !t->set[c];
	return true;
}

/* Number of tokens, -1 when malformed. */
static int read_pattern(const char *p, struct token *t)
{
	int n = 0;

	for (; *p; n++) {
		char c = *p++;

		memset(&t[n], 0, sizeof(t[n]));
		if (c == '*') {
			t[n].star = true;
		} else if (c == '?') {
			memset(t[n].set, true, sizeof(t[n].set));
			t[n].set['/'] = false;
		} else if (c == '[') {
			if (!read_class(&p, &t[n]))
				return -1;
		} else {
			if (c == '\\' && !(c = *p++))
				return -1;
			t[n].set[(unsigned char)c] = true;
		}
	}
	return n;
}

/* ok[i][j]: tokens from i match the name from j. */
static bool matches(const struct token *t, int n, const char *name, int len)
{
	static bool ok[PATTERN_MAX + 1][NAME_LIMIT + 1];

	for (int i = n; i >= 0; i--) {
		for (int j = len; j >= 0; j--) {
			if (i == n)
				ok[i][j] = j == len;
			else if (t[i].star)
				ok[i][j] = ok[i + 1][j] || (j < len && name[j] != '/' && ok[i][j + 1]);
			else
				ok[i][j] = j < len && t[i].set[(unsigned char)name[j]] && ok[i + 1][j + 1];
		}
	}
	return ok[0][0];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct token tokens[PATTERN_MAX + 1];
	char text[PATTERN_MAX + NAME_LIMIT + 2] = "", *name;
	struct err e;
	int n, r;

	if (size > PATTERN_MAX + NAME_LIMIT + 1)
		return 0;
	memcpy(text, data, size);
	name = strchr(text, '\n');
	if (!name)
		return 0;
	*name++ = '\0';
	if (strlen(text) > PATTERN_MAX || strlen(name) > NAME_LIMIT)
		return 0;
	r = api_wildcard_match(text, name, &e);
	n = read_pattern(text, tokens);
	if ((r == -EINVAL) != (n < 0))
		abort();
	/* Go settles each chunk at its leftmost place, so a class that takes "/" may hide a match: not
	 * compared. */
	if (n < 0 || (strchr(name, '/') && strchr(text, '[')))
		return 0;
	if (r != matches(tokens, n, name, (int)strlen(name)))
		abort();
	return 0;
}
