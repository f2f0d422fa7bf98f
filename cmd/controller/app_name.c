/* SPDX-License-Identifier: Apache-2.0 */
/* app_name.c - how the pool of an application is called, and what on it says whose it is */
#include "app_name.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"

#define AFFINITY_GROUP   APP_LABEL("app-api-group")
#define AFFINITY_VERSION APP_LABEL("app-api-version")
#define AFFINITY_KIND    APP_LABEL("app-kind")
#define AFFINITY_NS      APP_LABEL("app-namespace")
#define AFFINITY_NAME    APP_LABEL("app-name")

#define UID_FIRST 5 /* characters of the UID in the first name that is tried */

/* ---- whose it is ---- */

static void split(const char *api_version, char group[STORE_NAME_MAX + 1], const char **version)
{
	const char *slash = strchr(api_version, '/');

	snprintf(group, STORE_NAME_MAX + 1, "%.*s", slash ? (int)(slash - api_version) : 0, api_version);
	*version = slash ? slash + 1 : api_version;
}

const char *app_key(const char *api_version, const char *kind, const char *ns, const char *name,
		    char out[APP_KEY_MAX])
{
	char group[STORE_NAME_MAX + 1];
	const char *version;

	split(api_version, group, &version);
	snprintf(out, APP_KEY_MAX, "%s|%s|%s|%s", group, kind, ns, name);
	return out;
}

static bool is_set(const char *text)
{
	return text && *text;
}

bool app_pool_owner(const struct api_ippool *p, char text[STORE_NAME_MAX + 1], struct ipam_owner *ret)
{
	const struct api_selector *s = p->spec.pod_affinity;
	const struct json_map *m = s ? &s->match_labels : NULL;
	const char *group, *version;

	if (!m || !json_map_get(&p->obj.meta.labels, API_LABEL_APP_NAME))
		return false;
	group = json_map_get(m, AFFINITY_GROUP);
	version = json_map_get(m, AFFINITY_VERSION);
	*ret = (struct ipam_owner){ text, json_map_get(m, AFFINITY_KIND), json_map_get(m, AFFINITY_NS),
				    json_map_get(m, AFFINITY_NAME), NULL };
	if (!is_set(version) || !is_set(ret->kind) || !is_set(ret->ns) || !is_set(ret->name))
		return false;
	snprintf(text, STORE_NAME_MAX + 1, "%s%s%s", group ? group : "", is_set(group) ? "/" : "", version);
	return true;
}

const char *app_pool_key(const struct api_ippool *p, char out[APP_KEY_MAX])
{
	char version[STORE_NAME_MAX + 1];
	struct ipam_owner o;

	out[0] = '\0';
	return app_pool_owner(p, version, &o) ? app_key(o.api_version, o.kind, o.ns, o.name, out) : out;
}

/* ---- the name ---- */

/* Appends at most max bytes of s as they may stand in a name; dots only where wanted. */
static size_t spell(char *out, size_t n, const char *s, size_t max, bool dots)
{
	for (size_t i = 0; i < max && s[i]; i++) {
		char c = (char)tolower((unsigned char)s[i]);

		out[n++] = (char)(isalnum((unsigned char)c) || (c == '.' && dots) ? c : '-');
	}
	return n;
}

/* FNV-1a over all that makes the pool another one. */
static uint64_t hash(const struct app *a, const struct app_want *w)
{
	const char *const parts[] = {
		a->api_version, a->kind, a->ns, a->name, a->uid, w->interface, w->subnet
	};
	uint64_t h = 0xcbf29ce484222325 ^ w->ver;

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		for (const char *s = parts[i]; *s; s++)
			h = (h ^ (unsigned char)*s) * 0x100000001b3;
		h = (h ^ '|') * 0x100000001b3;
	}
	return h;
}

bool app_pool_name(const struct app *a, const struct app_want *w, unsigned n, char out[STORE_NAME_MAX + 1])
{
	const char *group = strrchr(a->uid, '-');
	char tail[64];
	size_t len, at = 5;

	group = group ? group + 1 : a->uid;
	if (n >= APP_NAMES)
		return false;
	if (n == APP_NAMES - 1)
		snprintf(tail, sizeof(tail), "%016llx", (unsigned long long)hash(a, w));
	else
		snprintf(tail, sizeof(tail), "%.*s", (int)(UID_FIRST + n), group);
	len = strlen(w->interface) + strlen(tail) + 2;
	memcpy(out, w->ver == 4 ? "auto4" : "auto6", at);
	out[at++] = '-';
	at = spell(out, at, a->name, STORE_NAME_MAX - at - len, true);
	while (out[at - 1] == '.') /* where the name was cut: no part of a name may start with what follows */
		at--;
	out[at++] = '-';
	at = spell(out, at, w->interface, APP_INTERFACE_MAX, false);
	out[at++] = '-';
	at = spell(out, at, tail, sizeof(tail), false);
	out[at] = '\0';
	return true;
}

/* ---- labels ---- */

static int label(struct json_map *m, const char *key, const char *value, struct err *e)
{
	char text[API_LABEL_MAX];

	return json_map_set(m, key, api_label_value(value, text), e);
}

int app_pool_labels(const struct app *a, const struct app_want *w, const char *cidr, struct json_map *labels,
		    struct err *e)
{
	char gv[STORE_NAME_MAX + 1], cidr_label[API_LABEL_MAX];
	char *slash;
	int r = api_cidr_label(cidr, cidr_label, e);

	if (r < 0)
		return r;
	snprintf(gv, sizeof(gv), "%s", a->api_version);
	slash = strchr(gv, '/');
	if (slash)
		*slash = '_';
	const struct {
		const char *key, *value;
	} all[] = {
		{ API_LABEL_OWNER, w->subnet },
		{ APP_LABEL("owner-application-gv"), gv },
		{ APP_LABEL("owner-application-kind"), a->kind },
		{ APP_LABEL("owner-application-namespace"), a->ns },
		{ API_LABEL_APP_NAME, a->name },
		{ APP_LABEL_UID, a->uid },
		{ APP_LABEL("interface"), w->interface },
		{ APP_LABEL_RECLAIM, w->reclaim ? "true" : "false" },
		{ APP_LABEL("ip-version"), w->ver == 4 ? "IPv4" : "IPv6" },
		{ API_LABEL_POOL_CIDR, cidr_label },
	};
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(all); i++)
		r = label(labels, all[i].key, all[i].value, e);
	return r;
}

int app_pool_affinity(const struct app *a, struct json_map *m, struct err *e)
{
	char group[STORE_NAME_MAX + 1];
	const char *version;
	int r;

	split(a->api_version, group, &version);
	r = json_map_set(m, AFFINITY_VERSION, version, e);
	/* Of the core group there is none: some API servers take an empty string for null, and refuse it. */
	if (r == 0 && *group)
		r = json_map_set(m, AFFINITY_GROUP, group, e);
	if (r == 0)
		r = json_map_set(m, AFFINITY_KIND, a->kind, e);
	if (r == 0)
		r = json_map_set(m, AFFINITY_NS, a->ns, e);
	if (r == 0)
		r = json_map_set(m, AFFINITY_NAME, a->name, e);
	return r;
}

static bool has(const struct api_ippool *p, const char *key, const char *value)
{
	const char *have = json_map_get(&p->obj.meta.labels, key);
	char text[API_LABEL_MAX];

	return have && !strcmp(have, api_label_value(value, text));
}

bool app_pool_serves(const struct api_ippool *p, const struct app_want *w)
{
	return has(p, API_LABEL_OWNER, w->subnet) && has(p, APP_LABEL("interface"), w->interface) &&
	       has(p, APP_LABEL("ip-version"), w->ver == 4 ? "IPv4" : "IPv6");
}
