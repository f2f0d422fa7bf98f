/* SPDX-License-Identifier: Apache-2.0 */
/* networks.c - the Multus networks annotation (spec/plugins.md 7.1) */
#include "ipam/networks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "ipam/candidates.h"

struct selection {
	char *interface;
};
struct selections {
	JSON_LIST(struct selection) items;
};

static const struct json_field selection_fields[] = {
	JF(struct selection, interface, "interface"),
};
static const struct json_table selection_table = JSON_TABLE(struct selection, "networks", selection_fields);
static const struct json_field selections_fields[] = {
	JL(struct selections, items, "items", &selection_table),
};
static const struct json_table selections_table =
	JSON_TABLE(struct selections, "networks", selections_fields);

/* Entry k of "a,ns/b@net7": the text behind "@", empty when there is none. */
static void from_list(const char *text, size_t k, char *out, size_t size)
{
	const char *p = text;

	out[0] = '\0';
	for (; k; k--) {
		p = strchr(p, ',');
		if (!p)
			return;
		p++;
	}
	p += strspn(p, " \t\n");
	size_t len = strcspn(p, ", \t\n");
	const char *at = memchr(p, '@', len);

	if (at)
		snprintf(out, size, "%.*s", (int)(len - (size_t)(at + 1 - p)), at + 1);
}

static int from_json(const char *text, size_t k, char *out, size_t size, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL, *wrap = json_object_new_object();
	struct selections s;
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
		return err_wrap(e, "annotation " ANNOTATION_NETWORKS);
	}
	if (k < s.items.n && s.items.v[k].interface)
		snprintf(out, size, "%s", s.items.v[k].interface);
	json_clear(&selections_table, &s);
	return 0;
}

int networks_nic_name(const char *annotation, size_t index, char **ret, struct err *e)
{
	char name[64] = "";
	int r = 0;

	if (index == 0)
		snprintf(name, sizeof(name), "eth0");
	else if (annotation && strpbrk(annotation, "[{\""))
		r = from_json(annotation, index - 1, name, sizeof(name), e);
	else if (annotation)
		from_list(annotation, index - 1, name, sizeof(name));
	if (r < 0)
		return r;
	if (!name[0])
		snprintf(name, sizeof(name), "net%zu", index);
	free(*ret); /* items without a name may carry an empty one */
	*ret = strdup(name);
	return *ret ? 0 : err_nomem(e);
}
