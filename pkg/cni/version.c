/* SPDX-License-Identifier: Apache-2.0 */
/* version.c - versions of the CNI specification and their verbs */
#include "cni/version.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const char *const versions[CNI_VERSION_MAX] = {
	[CNI_V010] = "0.1.0", [CNI_V020] = "0.2.0", [CNI_V030] = "0.3.0", [CNI_V031] = "0.3.1",
	[CNI_V040] = "0.4.0", [CNI_V100] = "1.0.0", [CNI_V110] = "1.1.0",
};

static const struct {
	const char *text;
	enum cni_version since;
} verbs[CNI_VERB_MAX] = {
	[CNI_ADD] = { "ADD", CNI_V010 },       [CNI_DEL] = { "DEL", CNI_V010 },
	[CNI_CHECK] = { "CHECK", CNI_V040 },   [CNI_GC] = { "GC", CNI_V110 },
	[CNI_STATUS] = { "STATUS", CNI_V110 }, [CNI_VERSION] = { "VERSION", CNI_V010 },
};

const char *cni_version_text(enum cni_version v)
{
	return versions[v];
}

int cni_version_find(const char *text)
{
	for (int i = 0; i < CNI_VERSION_MAX; i++)
		if (strcmp(versions[i], text) == 0)
			return i;
	return -EINVAL;
}

const char *cni_version_list(void)
{
	return "0.1.0, 0.2.0, 0.3.0, 0.3.1, 0.4.0, 1.0.0, 1.1.0";
}

/* One number of at most six digits. */
static bool parse_number(const char **p, long *ret)
{
	const char *start = *p;

	*ret = 0;
	for (; **p >= '0' && **p <= '9' && *p - start < 6; (*p)++)
		*ret = *ret * 10 + (**p - '0');
	return *p > start;
}

static int parse_triple(const char *text, long ret[3], struct err *e)
{
	const char *p = text;

	for (int i = 0; i < 3; i++)
		if (!parse_number(&p, &ret[i]) || *p++ != (i < 2 ? '.' : '\0'))
			return err_code(e, ERR_CONFIG, EINVAL,
					"CNI version \"%.32s\": want three numbers, for example 1.0.0", text);
	return 0;
}

int cni_version_compare(const char *a, const char *b, int *ret, struct err *e)
{
	long x[3] = { 0 }, y[3] = { 0 };

	if (parse_triple(a, x, e) < 0 || parse_triple(b, y, e) < 0)
		return -EINVAL;
	*ret = 0;
	for (int i = 0; i < 3 && *ret == 0; i++)
		*ret = (x[i] > y[i]) - (x[i] < y[i]);
	return 0;
}

const char *cni_verb_text(enum cni_verb v)
{
	return verbs[v].text;
}

int cni_verb_find(const char *text)
{
	for (int i = 0; i < CNI_VERB_MAX; i++)
		if (strcmp(verbs[i].text, text) == 0)
			return i;
	return -EINVAL;
}

int cni_verb_allowed(enum cni_verb verb, enum cni_version v, struct err *e)
{
	if (v >= verbs[verb].since)
		return 0;
	return err_code(e, ERR_VERSION, EPROTONOSUPPORT,
			"a configuration of version %s has no %s: set cniVersion to %s or later", versions[v],
			verbs[verb].text, versions[verbs[verb].since]);
}
