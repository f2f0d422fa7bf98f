/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - the part of a request on stdin that all plugins share */
#include "cni/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "cni/internal.h"

#define KEY_VALID     "cni.dev/valid-attachments"
#define KEY_VALID_OLD "cni.dev/attachments" /* what libcni called it by mistake, and still sends */

struct wire {
	char *version, *name, *type;
	struct cni_dns dns;
	JSON_LIST(struct cni_attachment) valid, valid_old;
	struct json_object *prev_result, *runtime_config, *args, *ipam;
};

static const struct json_field attachment_fields[] = {
	JF(struct cni_attachment, container_id, "containerID", .flags = JSON_REQUIRED),
	JF(struct cni_attachment, ifname, "ifname", .flags = JSON_REQUIRED),
};
static const struct json_table attachment_table =
	JSON_TABLE(struct cni_attachment, "attachment", attachment_fields);

static const struct json_field fields[] = {
	JF(struct wire, version, "cniVersion"),
	JF(struct wire, name, "name"),
	JF(struct wire, type, "type"),
	JS(struct wire, dns, "dns", &cni_dns_table),
	JL(struct wire, valid, KEY_VALID, &attachment_table),
	JL(struct wire, valid_old, KEY_VALID_OLD, &attachment_table),
	JF(struct wire, prev_result, "prevResult"),
	JF(struct wire, runtime_config, "runtimeConfig"),
	JF(struct wire, args, "args"),
	JF(struct wire, ipam, "ipam"),
};
static const struct json_table table = JSON_TABLE(struct wire, "network configuration", fields);

void cni_conf_clear(struct cni_conf *c)
{
	free(c->name);
	free(c->type);
	cni_dns_clear(&c->dns);
	for (size_t i = 0; i < c->valid.n; i++)
		json_clear(&attachment_table, &c->valid.v[i]);
	free(c->valid.v);
	json_put_p(&c->prev_result);
	json_put_p(&c->runtime_config);
	json_put_p(&c->args);
	json_put_p(&c->ipam);
	json_put_p(&c->tree);
	*c = (struct cni_conf){ 0 };
}

static int find_version(struct json_object *tree, enum cni_version *ret, struct err *e)
{
	struct json_object *member = json_get(tree, "cniVersion");
	const char *text = json_text(member);
	int v;

	if (member && !text)
		return err_code(e, ERR_DECODE, EINVAL, "network configuration: cniVersion: want a string");
	if (!text || !*text) {
		*ret = CNI_VERSION_DEFAULT;
		return 0;
	}
	v = cni_version_find(text);
	if (v < 0)
		return err_code(
			e, ERR_VERSION, EPROTONOSUPPORT,
			"incompatible CNI versions: the network configuration has cniVersion \"%.32s\"",
			text);
	*ret = (enum cni_version)v;
	return 0;
}

static bool has_key(struct json_object *o, const char *key)
{
	struct json_object_iter it;

	json_object_object_foreachC(o, it)
	{
		if (strcmp(it.key, key) == 0)
			return true;
	}
	return false;
}

/* The two lists in one. Go writes an empty list as null, so the key itself says that there is a list. */
static int take_valid(struct wire *w, struct cni_conf *c, struct err *e)
{
	size_t n = w->valid.n + w->valid_old.n;

	c->valid.set = has_key(c->tree, KEY_VALID) || has_key(c->tree, KEY_VALID_OLD);
	if (!n)
		return 0;
	c->valid.v = calloc(n, sizeof(*c->valid.v));
	if (!c->valid.v)
		return err_nomem(e);
	c->valid.n = n;
	for (size_t i = 0; i < w->valid.n; i++) {
		c->valid.v[i] = w->valid.v[i];
		w->valid.v[i] = (struct cni_attachment){ 0 };
	}
	for (size_t i = 0; i < w->valid_old.n; i++) {
		c->valid.v[w->valid.n + i] = w->valid_old.v[i];
		w->valid_old.v[i] = (struct cni_attachment){ 0 };
	}
	return 0;
}

static int take(struct wire *w, struct cni_conf *c, struct err *e)
{
	c->name = TAKE_PTR(w->name);
	c->type = TAKE_PTR(w->type);
	c->dns = w->dns;
	w->dns = (struct cni_dns){ 0 };
	c->prev_result = TAKE_PTR(w->prev_result);
	c->runtime_config = TAKE_PTR(w->runtime_config);
	c->args = TAKE_PTR(w->args);
	c->ipam = TAKE_PTR(w->ipam);
	return take_valid(w, c, e);
}

static int check(const struct cni_conf *c, struct err *e)
{
	const struct {
		const char *key;
		struct json_object *v;
	} objects[] = {
		{ "prevResult", c->prev_result },
		{ "runtimeConfig", c->runtime_config },
		{ "args", c->args },
		{ "ipam", c->ipam },
	};

	if (!c->name || !*c->name)
		return err_code(e, ERR_CONFIG, EINVAL, "network configuration: name is missing");
	if (!cni_name_ok(c->name))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"network configuration: name \"%.64s\": want a letter or digit, then letters, "
			"digits, \"_\", \".\" and \"-\", at most %d in all",
			c->name, CNI_NAME_MAX);
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (objects[i].v && !json_object_is_type(objects[i].v, json_type_object))
			return err_code(e, ERR_CONFIG, EINVAL, "network configuration: %s: want an object",
					objects[i].key);
	return 0;
}

static int parse(const char *text, size_t len, struct cni_conf *c, enum cni_version *version, struct err *e)
{
	struct wire w;
	int r;

	if (len > CNI_CONF_TEXT_MAX)
		return err_code(e, ERR_DECODE, EFBIG,
				"network configuration: larger than the limit of %zu bytes",
				CNI_CONF_TEXT_MAX);
	r = json_parse(text, len, "network configuration", &c->tree, e);
	if (r < 0)
		return r;
	if (!json_object_is_type(c->tree, json_type_object))
		return err_code(e, ERR_DECODE, EINVAL, "network configuration: want a JSON object on stdin");
	r = find_version(c->tree, version, e);
	if (r < 0)
		return r;
	c->version = *version;
	r = json_decode(&table, c->tree, "network configuration", &w, e);
	if (r < 0) {
		if (r != -ENOMEM)
			e->cni = ERR_DECODE;
		return r;
	}
	r = take(&w, c, e);
	json_clear(&table, &w);
	return r < 0 ? r : check(c, e);
}

int cni_conf_parse(const char *text, size_t len, struct cni_conf *ret, enum cni_version *ret_version,
		   struct err *e)
{
	CLEANUP(cni_conf_clear) struct cni_conf c = { 0 };
	enum cni_version version = CNI_VERSION_LATEST;
	int r = parse(text, len, &c, &version, e);

	*ret = (struct cni_conf){ 0 };
	if (ret_version)
		*ret_version = version;
	if (r < 0)
		return r;
	*ret = c;
	c = (struct cni_conf){ 0 };
	return 0;
}

bool cni_conf_valid_has(const struct cni_conf *c, const char *container_id, const char *ifname)
{
	for (size_t i = 0; i < c->valid.n; i++)
		if (strcmp(c->valid.v[i].container_id, container_id) == 0 &&
		    strcmp(c->valid.v[i].ifname, ifname) == 0)
			return true;
	return false;
}

struct json_object *cni_conf_args_cni(const struct cni_conf *c)
{
	return json_get(c->args, "cni");
}

int cni_conf_prev_result(const struct cni_conf *c, struct cni_result *ret, struct err *e)
{
	int r;

	*ret = (struct cni_result){ 0 };
	if (!c->prev_result)
		return 1;
	r = cni_result_decode(c->prev_result, c->version, "prevResult", ret, e);
	return r < 0 ? r : 0;
}
