/* SPDX-License-Identifier: Apache-2.0 */
/* env.c - what a runtime tells a plugin by environment variables */
#include "cni/env.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/own.h"

#define BIT(verb)   (1u << (verb))
#define ATTACHMENT  (BIT(CNI_ADD) | BIT(CNI_DEL) | BIT(CNI_CHECK))
#define SHOWN_BYTES "64" /* of a bad value, in sentences */

const char *cni_env_get(char *const *envp, const char *name)
{
	size_t len = strlen(name);

	for (; *envp; envp++)
		if (strncmp(*envp, name, len) == 0 && (*envp)[len] == '=')
			return *envp + len + 1;
	return "";
}

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool cni_name_ok(const char *s)
{
	size_t len = 0;

	if (!is_alnum(*s))
		return false;
	for (; *s; s++, len++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return len <= CNI_NAME_MAX;
}

bool cni_ifname_ok(const char *s)
{
	size_t len = strlen(s);

	return len >= 1 && len <= 15 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0 &&
	       !strpbrk(s, "/: \t\n\v\f\r");
}

static bool path_ok(const char *s)
{
	size_t n = 1;

	for (; *s; s++)
		n += *s == ':';
	return n <= CNI_PATH_MAX;
}

static bool any_ok(const char *s)
{
	(void)s;
	return true;
}

/* The variables, the verbs that need them and what they must be. */
static const struct {
	const char *name;
	size_t off;
	unsigned required, looked_at;
	bool (*ok)(const char *s);
	const char *want;
} vars[] = {
	{ "CNI_CONTAINERID", offsetof(struct cni_env, container_id), ATTACHMENT, ATTACHMENT, cni_name_ok,
	  "a letter or digit, then letters, digits, \"_\", \".\" and \"-\", at most 253 in all" },
	{ "CNI_NETNS", offsetof(struct cni_env, netns), BIT(CNI_ADD) | BIT(CNI_CHECK), ATTACHMENT, any_ok,
	  "" },
	{ "CNI_IFNAME", offsetof(struct cni_env, ifname), ATTACHMENT, ATTACHMENT, cni_ifname_ok,
	  "1 to 15 bytes without \"/\", \":\" and white space, not \".\" or \"..\"" },
	{ "CNI_ARGS", offsetof(struct cni_env, args), 0, ATTACHMENT, any_ok, "" },
	{ "CNI_PATH", offsetof(struct cni_env, path), BIT(CNI_GC), ~0u, path_ok, "at most 32 directories" },
};

/* Appends what is wrong with each variable to one sentence. */
static void check_vars(const struct cni_env *env, struct buf *bad)
{
	for (size_t i = 0; i < ARRAY_LEN(vars); i++) {
		const char *v = *(const char *const *)((const char *)env + vars[i].off);
		const char *sep = bad->len ? ", " : "";

		if (!*v && (vars[i].required & BIT(env->verb)))
			buf_fmt(bad, "%s%s is missing", sep, vars[i].name);
		else if (*v && !vars[i].ok(v))
			buf_fmt(bad, "%s%s is \"%." SHOWN_BYTES "s\", want %s", sep, vars[i].name, v,
				vars[i].want);
	}
}

int cni_env_read(char *const *envp, struct cni_env *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf bad = BUF_INIT(ERR_MSG_MAX);
	const char *command = cni_env_get(envp, "CNI_COMMAND");
	const char *override = cni_env_get(envp, "CNI_NETNS_OVERRIDE");
	int verb = cni_verb_find(command);

	*ret = (struct cni_env){ .container_id = "", .netns = "", .ifname = "", .args = "", .path = "" };
	if (!*command)
		return err_code(e, ERR_ENV, EINVAL, "CNI_COMMAND is missing");
	if (verb < 0)
		return err_code(e, ERR_ENV, EINVAL,
				"unknown CNI_COMMAND \"%." SHOWN_BYTES
				"s\": want ADD, DEL, CHECK, GC, STATUS or VERSION",
				command);
	ret->verb = (enum cni_verb)verb;
	ret->netns_override = strcmp(override, "1") == 0 || strcasecmp(override, "true") == 0;
	if (verb == CNI_VERSION)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(vars); i++)
		if (vars[i].looked_at & BIT(verb))
			*(const char **)((char *)ret + vars[i].off) = cni_env_get(envp, vars[i].name);
	check_vars(ret, &bad);
	if (bad.err == -ENOMEM)
		return err_nomem(e);
	if (bad.len)
		return err_code(e, ERR_ENV, EINVAL, "environment of %s: %s", command, buf_cstr(&bad));
	return 0;
}

static bool same_key(const char *a, const char *b)
{
	size_t len = strcspn(b, "=");

	return strncmp(a, b, len) == 0 && a[len] == '=';
}

static bool is_replaced(const char *var, const char *const *set)
{
	for (; *set; set++)
		if (same_key(var, *set))
			return true;
	return false;
}

int cni_env_with(char *const *envp, const char *const *set, char ***ret, struct err *e)
{
	size_t n = 0, m = 0;
	char **out;

	while (envp[n])
		n++;
	while (set[m])
		m++;
	out = calloc(n + m + 1, sizeof(*out));
	if (!out)
		return err_nomem(e);
	*ret = out;
	for (size_t i = 0; i < n; i++)
		if (!is_replaced(envp[i], set))
			*out++ = envp[i];
	for (size_t i = 0; i < m; i++)
		*out++ = (char *)set[i];
	return 0;
}

bool cni_netns_is_own(const char *netns)
{
	struct stat own, other;

	return stat("/proc/self/ns/net", &own) == 0 && stat(netns, &other) == 0 &&
	       own.st_dev == other.st_dev && own.st_ino == other.st_ino;
}
