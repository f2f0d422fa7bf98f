/* SPDX-License-Identifier: Apache-2.0 */
/* check_name.c - names and labels as Kubernetes spells them */
#include "api/check.h"

#include <string.h>

/* isalnum() would ask the locale. */
static bool lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool alnum(char c)
{
	return lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? */
static bool is_dns_label(const char *s, size_t len)
{
	if (!len || !lower_alnum(s[0]) || !lower_alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!lower_alnum(s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

static bool is_dns_subdomain(const char *s, size_t len)
{
	const char *end = s + len;

	if (len > NAME_MAX_LEN)
		return false;
	for (;;) {
		const char *dot = memchr(s, '.', (size_t)(end - s));

		if (!is_dns_label(s, (size_t)((dot ? dot : end) - s)))
			return false;
		if (!dot)
			return true;
		s = dot + 1;
	}
}

/* [A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])? */
static bool is_qualified(const char *s, size_t len)
{
	if (!len || !alnum(s[0]) || !alnum(s[len - 1]))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!alnum(s[i]) && !strchr("-_.", s[i]))
			return false;
	}
	return true;
}

int check_dns_label(const char *s, struct err *e)
{
	size_t len = strlen(s);

	if (len <= LABEL_VALUE_MAX && is_dns_label(s, len))
		return 0;
	return check_failed(
		e,
		"\"%s\": want at most %d lower-case letters, digits and -, with a letter or digit at "
		"both ends",
		s, LABEL_VALUE_MAX);
}

int check_dns_subdomain(const char *s, struct err *e)
{
	if (is_dns_subdomain(s, strlen(s)))
		return 0;
	return check_failed(
		e,
		"\"%s\": want at most %d lower-case letters, digits, - and ., with a letter or digit "
		"at both ends and beside each .",
		s, NAME_MAX_LEN);
}

int check_label_key(const char *s, struct err *e)
{
	const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;

	if (slash && !is_dns_subdomain(s, (size_t)(slash - s)))
		return check_failed(e, "\"%s\": want a DNS name before the /", s);
	if (strlen(name) <= LABEL_VALUE_MAX && is_qualified(name, strlen(name)))
		return 0;
	return check_failed(
		e,
		"\"%s\": want a label key: at most %d letters, digits, -, _ and ., with a letter or "
		"digit at both ends, after an optional DNS name and /",
		s, LABEL_VALUE_MAX);
}

int check_label_value(const char *s, size_t max, struct err *e)
{
	size_t len = strlen(s);

	if (!len || (len <= max && is_qualified(s, len)))
		return 0;
	return check_failed(
		e,
		"\"%s\": want a label value: at most %zu letters, digits, -, _ and ., with a letter "
		"or digit at both ends, or nothing",
		s, max);
}
