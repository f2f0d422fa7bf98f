/* SPDX-License-Identifier: Apache-2.0 */
/* wildcard.c - pool names with *, ? and [...], as Go's filepath.Match reads them
 *
 * A pattern is cut at its stars into chunks; each chunk is put at the leftmost place where it fits and stays
 * there, so the cost is at most pattern times name. Bytes are compared, not runes: names are ASCII. A pattern
 * is malformed whether or not matching would get to the bad place (Go since 1.16).
 */
#include "api/api.h"

#include <errno.h>
#include <string.h>

bool api_is_wildcard(const char *name)
{
	return strchr(name, '*') || strchr(name, '?') || (strchr(name, '[') && strchr(name, ']'));
}

/* One character of a class, which may be escaped; NULL when there is none. */
static const char *class_char(const char *p, char *ret)
{
	if (*p == '\0' || *p == '-' || *p == ']')
		return NULL;
	if (*p == '\\' && *++p == '\0')
		return NULL;
	*ret = *p++;
	return *p ? p : NULL; /* at least the "]" must follow */
}

/* p: behind "[". Answers where the class ends (behind "]"), NULL when it is malformed. */
static const char *match_class(const char *p, char c, bool *ret_match)
{
	bool negated = *p == '^', in = false;
	unsigned char lo, hi, u = (unsigned char)c;

	if (negated)
		p++;
	for (bool first = true; first || *p != ']'; first = false) {
		p = class_char(p, (char *)&lo);
		if (!p)
			return NULL;
		hi = lo;
		if (*p == '-') {
			p = class_char(p + 1, (char *)&hi);
			if (!p)
				return NULL;
		}
		in |= lo <= u && u <= hi;
	}
	*ret_match = in != negated;
	return p + 1;
}

/* Where the chunk at p ends: at the next star that is neither escaped nor in a class. */
static const char *chunk_end(const char *p)
{
	bool in_class = false;

	for (; *p && (in_class || *p != '*'); p++) {
		if (*p == '\\' && p[1])
			p++;
		else if (*p == '[')
			in_class = true;
		else if (*p == ']')
			in_class = false;
	}
	return p;
}

/* Puts the chunk [p, end) at *name, which is then what is left of it. */
static bool match_chunk(const char *p, const char *end, const char **name)
{
	const char *s = *name;
	bool in;

	for (; p < end; s++) {
		if (!*s)
			return false;
		switch (*p) {
		case '[':
			p = match_class(p + 1, *s, &in);
			if (!in)
				return false;
			break;
		case '?':
			if (*s == '/')
				return false;
			p++;
			break;
		case '\\':
			p++;
			/* fall through */
		default:
			if (*p++ != *s)
				return false;
		}
	}
	*name = s;
	return true;
}

static bool well_formed(const char *p)
{
	bool in;

	while (*p) {
		if (*p == '[') {
			p = match_class(p + 1, 'x', &in);
			if (!p)
				return false;
		} else if (*p == '\\' && p[1] == '\0') {
			return false;
		} else {
			p += *p == '\\' ? 2 : 1;
		}
	}
	return true;
}

/* Puts one chunk, moving right over what the star before it takes; the last one must reach the end. */
static const char *place_chunk(const char *p, const char *end, bool star, const char *name)
{
	for (;; name++) {
		const char *rest = name;

		if (match_chunk(p, end, &rest) && (*end || !*rest))
			return rest;
		if (!star || !*name || *name == '/')
			return NULL;
	}
}

static bool matches(const char *p, const char *name)
{
	while (*p) {
		bool star = *p == '*';
		const char *end;

		while (*p == '*')
			p++;
		end = chunk_end(p);
		name = place_chunk(p, end, star, name);
		if (!name)
			return false;
		p = end;
	}
	return !*name;
}

int api_wildcard_match(const char *pattern, const char *name, struct err *e)
{
	if (!well_formed(pattern))
		return err_code(e, ERR_CONFIG, EINVAL,
				"\"%s\" is a malformed wildcard: a [ without its ], an empty class, or a \\ "
				"at the end",
				pattern);
	return matches(pattern, name);
}
