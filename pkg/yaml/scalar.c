/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.c - plain scalars as Kubernetes' YAML library resolves them */
#include "yaml/scalar.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define DIGITS "0123456789"

static const struct {
	const char *word;
	enum yaml_kind kind;
	bool b;
} words[] = {
	{ "", YAML_NULL, false },         { "~", YAML_NULL, false },        { "null", YAML_NULL, false },
	{ "Null", YAML_NULL, false },     { "NULL", YAML_NULL, false },     { "y", YAML_BOOL, true },
	{ "Y", YAML_BOOL, true },         { "yes", YAML_BOOL, true },       { "Yes", YAML_BOOL, true },
	{ "YES", YAML_BOOL, true },       { "true", YAML_BOOL, true },      { "True", YAML_BOOL, true },
	{ "TRUE", YAML_BOOL, true },      { "on", YAML_BOOL, true },        { "On", YAML_BOOL, true },
	{ "ON", YAML_BOOL, true },        { "n", YAML_BOOL, false },        { "N", YAML_BOOL, false },
	{ "no", YAML_BOOL, false },       { "No", YAML_BOOL, false },       { "NO", YAML_BOOL, false },
	{ "false", YAML_BOOL, false },    { "False", YAML_BOOL, false },    { "FALSE", YAML_BOOL, false },
	{ "off", YAML_BOOL, false },      { "Off", YAML_BOOL, false },      { "OFF", YAML_BOOL, false },
	{ ".nan", YAML_NOT_JSON, false }, { ".NaN", YAML_NOT_JSON, false }, { ".NAN", YAML_NOT_JSON, false },
	{ "<<", YAML_MERGE, false },
};

static bool resolve_word(const char *s, struct yaml_scalar *out)
{
	const char *bare = *s == '+' || *s == '-' ? s + 1 : s;

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcmp(words[i].word, s) != 0)
			continue;
		out->kind = words[i].kind;
		out->b = words[i].b;
		return true;
	}
	if (strcmp(bare, ".inf") != 0 && strcmp(bare, ".Inf") != 0 && strcmp(bare, ".INF") != 0)
		return false;
	out->kind = YAML_NOT_JSON;
	return true;
}

static bool resolve_digits(const char *s, int base, bool negative, struct yaml_scalar *out)
{
	static const char all[] = "0123456789abcdefABCDEF";
	size_t allowed = base == 16 ? sizeof(all) - 1 : (size_t)base;
	char digits[sizeof(all)];
	unsigned long long u;

	snprintf(digits, sizeof(digits), "%.*s", (int)allowed, all);
	if (!*s || s[strspn(s, digits)])
		return false;
	errno = 0;
	u = strtoull(s, NULL, base);
	if (errno || (negative && u > (uint64_t)INT64_MAX + 1))
		return false;
	out->kind = u > INT64_MAX && !negative ? YAML_UINT : YAML_INT;
	out->u = u;
	out->i = (int64_t)(negative ? -u : u);
	return true;
}

/* 12, -0x1f, 0b11, 017 and 0o17 */
static bool resolve_int(const char *s, struct yaml_scalar *out)
{
	bool negative = *s == '-';

	if (*s == '-' || *s == '+')
		s++;
	if (s[0] != '0' || !s[1])
		return resolve_digits(s, 10, negative, out);
	switch (s[1]) {
	case 'x':
	case 'X':
		return resolve_digits(s + 2, 16, negative, out);
	case 'o':
	case 'O':
		return resolve_digits(s + 2, 8, negative, out);
	case 'b':
	case 'B':
		return resolve_digits(s + 2, 2, negative, out);
	default:
		return resolve_digits(s + 1, 8, negative, out);
	}
}

struct shape {
	bool sign, fraction, exponent;
	size_t before, after; /* digits on both sides of the point */
	bool zero;            /* the first digit is 0 */
};

/* [-+]? (.digits | digits (. digits?)?) ([eE][-+]?digits)? */
static bool float_shape(const char *s, struct shape *f)
{
	*f = (struct shape){ .sign = *s == '+' || *s == '-' };
	s += f->sign;
	f->zero = *s == '0';
	f->before = strspn(s, DIGITS);
	s += f->before;
	f->fraction = *s == '.';
	if (f->fraction) {
		f->after = strspn(s + 1, DIGITS);
		s += 1 + f->after;
	}
	if (!f->before && !f->after)
		return false;
	f->exponent = *s == 'e' || *s == 'E';
	if (f->exponent) {
		s++;
		s += *s == '+' || *s == '-';
		if (!strspn(s, DIGITS))
			return false;
		s += strspn(s, DIGITS);
	}
	return !*s;
}

/* As JSON, and so that it is still no whole number. */
static void print_double(double d, char out[JSON_NUMBER_MAX + 1])
{
	int n = snprintf(out, JSON_NUMBER_MAX, "%.17g", d);

	if (!strpbrk(out, ".e"))
		snprintf(out + n, JSON_NUMBER_MAX - (size_t)n, ".0");
}

static bool resolve_float(const char *s, struct yaml_scalar *out)
{
	struct shape f;
	bool json;

	if (!float_shape(s, &f))
		return false;
	/* 08 is no octal number: Kubernetes takes it for 8. */
	if (!f.fraction && !f.exponent && resolve_digits(s + f.sign, 10, *s == '-', out))
		return true;
	out->d = strtod(s, NULL);
	json = *s != '+' && f.before && (!f.zero || f.before == 1) && (!f.fraction || f.after);
	if (!json && !isfinite(out->d))
		return false;
	if (json)
		snprintf(out->text, sizeof(out->text), "%s", s);
	else
		print_double(out->d, out->text);
	out->kind = YAML_FLOAT;
	return true;
}

void yaml_resolve(const char *s, struct yaml_scalar *out)
{
	char plain[JSON_NUMBER_MAX + 1];
	size_t n = 0;

	out->kind = YAML_STRING;
	if (resolve_word(s, out) || !*s || !strchr(DIGITS "+-.", *s))
		return;
	/* 1_000 is 1000, but ._5 is text. */
	for (const char *p = s; *p; p++) {
		if (*p == '_' && *s != '.')
			continue;
		if (n == JSON_NUMBER_MAX)
			return;
		plain[n++] = *p;
	}
	plain[n] = '\0';
	if (!resolve_int(plain, out))
		resolve_float(plain, out);
}
