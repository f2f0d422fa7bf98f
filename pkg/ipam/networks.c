/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c - the Multus networks annotation (spec/plugins.md 7.1) */
#include "ipam/networks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/candidates.h"

struct selection {
	char *name, *ns, *interface;
};
struct selections {
	JSON_LIST(struct selection) items;
};

static const struct json_field selection_fields[] = {
	JF(struct selection, name, "name"),
	JF(struct selection, ns, "namespace"),
	JF(struct selection, interface, "interface"),
};
static const struct json_table selection_table = JSON_TABLE(struct selection, "networks", selection_fields);
static const struct json_field selections_fields[] = {
	JL(struct selections, items, "items", &selection_table),
};
static const struct json_table selections_table =
	JSON_TABLE(struct selections, "networks", selections_fields);

/* One entry of the annotation, its parts "" when it does not have them. */
struct entry {
	char name[256], ns[256], interface[64];
};

static void copy(char *to, size_t size, const char *from, size_t len)
{
	snprintf(to, size, "%.*s", (int)len, from);
}

/* Entry k of "a,ns/b@net7": 1, or 0 beyond the last. */
static int from_list(const char *text, size_t k, struct entry *ret)
{
	const char *p = text, *slash, *at;
	size_t len;

	for (; k; k--) {
		p = strchr(p, ',');
		if (!p)
			return 0;
		p++;
	}
	p += strspn(p, " \t\n");
	len = strcspn(p, ", \t\n");
	at = memchr(p, '@', len);
	if (at) {
		copy(ret->interface, sizeof(ret->interface), at + 1, len - (size_t)(at + 1 - p));
		len = (size_t)(at - p);
	}
	slash = memchr(p, '/', len);
	if (slash) {
		copy(ret->ns, sizeof(ret->ns), p, (size_t)(slash - p));
		len -= (size_t)(slash + 1 - p);
		p = slash + 1;
	}
	copy(ret->name, sizeof(ret->name), p, len);
	return 1;
}

static void copy_text(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from ? from : "");
}

static int from_json(const char *key, const char *text, size_t k, struct entry *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL, *wrap = json_object_new_object();
	struct selections s;
	bool found;
	int r;

	if (!wrap)
		return err_nomem(e);
	r = json_parse(text, strlen(text), "value", &tree, e);
	if (r == 0)
		r = json_set(wrap, "items", TAKE_PTR(tree), e);
	if (r == 0)
		r = json_decode(&selections_table, wrap, NULL, &s, e);
	if (r < 0) {
		if (e->sys != ENOMEM)
			e->cni = ERR_CONFIG;
		return err_wrap(e, "annotation %s", key);
	}
	found = k < s.items.n;
	if (found) {
		copy_text(ret->name, sizeof(ret->name), s.items.v[k].name);
		copy_text(ret->ns, sizeof(ret->ns), s.items.v[k].ns);
		copy_text(ret->interface, sizeof(ret->interface), s.items.v[k].interface);
	}
	json_clear(&selections_table, &s);
	return found;
}

/* Entry k of the annotation key: 1, or 0 beyond the last. */
static int entry_at(const char *key, const char *text, size_t k, struct entry *ret, struct err *e)
{
	*ret = (struct entry){ 0 };
	return strpbrk(text, "[{\"") ? from_json(key, text, k, ret, e) : from_list(text, k, ret);
}

int networks_nic_name(const char *annotation, size_t index, char **ret, struct err *e)
{
	struct entry entry = { 0 };
	int r = 0;

	if (index == 0)
		snprintf(entry.interface, sizeof(entry.interface), "eth0");
	else if (annotation)
		r = entry_at(ANNOTATION_NETWORKS, annotation, index - 1, &entry, e);
	if (r < 0)
		return r;
	if (!entry.interface[0])
		snprintf(entry.interface, sizeof(entry.interface), "net%zu", index);
	free(*ret); /* items without a name may carry an empty one */
	*ret = strdup(entry.interface);
	return *ret ? 0 : err_nomem(e);
}

static int full_name(const struct entry *entry, const char *ns, char ret[NETWORK_NAME_MAX])
{
	if (!entry->name[0])
		return 0;
	snprintf(ret, NETWORK_NAME_MAX, "%.253s/%.253s", entry->ns[0] ? entry->ns : ns, entry->name);
	return 1;
}

int networks_of_nic(const char *annotation, const char *nic, const char *ns, char ret[NETWORK_NAME_MAX],
		    struct err *e)
{
	struct entry entry;
	int r;

	for (size_t k = 0; annotation && k < IPAM_NICS_MAX; k++) {
		r = entry_at(ANNOTATION_NETWORKS, annotation, k, &entry, e);
		if (r <= 0)
			return r;
		if (!entry.interface[0])
			snprintf(entry.interface, sizeof(entry.interface), "net%zu", k + 1);
		if (strcmp(entry.interface, nic) == 0)
			return full_name(&entry, ns, ret);
	}
	return 0;
}

int networks_default(const char *annotation, const char *ns, char ret[NETWORK_NAME_MAX], struct err *e)
{
	struct entry entry;
	int r = annotation ? entry_at(ANNOTATION_DEFAULT_NETWORK, annotation, 0, &entry, e) : 0;

	return r <= 0 ? r : full_name(&entry, ns, ret);
}
