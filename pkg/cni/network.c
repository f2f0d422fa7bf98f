/* SPDX-License-Identifier: Apache-2.0 */
/* network.c - a network configuration as a runtime loads it */
#include "cni/network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/own.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "cni/internal.h"

static void plugin_clear(struct cni_network_plugin *p)
{
	free(p->type);
	json_put_p(&p->conf);
	json_strv_clear(&p->capabilities);
}

void cni_network_clear(struct cni_network *n)
{
	free(n->name);
	for (size_t i = 0; i < n->plugins.n; i++)
		plugin_clear(&n->plugins.v[i]);
	free(n->plugins.v);
	buf_clear(&n->text);
	*n = (struct cni_network){ 0 };
}

/* ---- one plugin ---- */

static int read_capabilities(struct json_object *conf, struct json_strv *ret, struct err *e)
{
	struct json_object *o = json_get(conf, "capabilities");
	struct json_object_iter it;
	bool on;
	int r;

	if (o && !json_object_is_type(o, json_type_object))
		return err_code(e, ERR_CONFIG, EINVAL, "capabilities: want an object of true and false");
	if (!o)
		return 0;
	json_object_object_foreachC(o, it)
	{
		if (!it.val)
			continue;
		if (!json_boolean(it.val, &on))
			return err_code(e, ERR_CONFIG, EINVAL, "capabilities.%.64s: want true or false",
					it.key);
		r = on ? json_strv_add(ret, it.key, e) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_plugin(struct json_object *conf, struct cni_network_plugin *p, struct err *e)
{
	const char *type = json_get_str(conf, "type");

	if (!json_object_is_type(conf, json_type_object))
		return err_code(e, ERR_CONFIG, EINVAL, "want an object");
	if (!type || !*type)
		return err_code(e, ERR_CONFIG, EINVAL, "type: want the name of a plugin");
	p->conf = json_object_get(conf);
	if (cni_result_set_text(&p->type, type, e) < 0)
		return -ENOMEM;
	return read_capabilities(conf, &p->capabilities, e);
}

int cni_network_add_plugin(struct cni_network *n, struct json_object *conf, struct err *e)
{
	struct cni_network_plugin *v;
	int r;

	if (n->plugins.n == CNI_PLUGINS_MAX)
		return err_code(e, ERR_CONFIG, E2BIG, "more than %d plugins", CNI_PLUGINS_MAX);
	v = realloc(n->plugins.v, (n->plugins.n + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	n->plugins.v = v;
	v[n->plugins.n] = (struct cni_network_plugin){ 0 };
	r = read_plugin(conf, &v[n->plugins.n++], e);
	return r < 0 ? err_wrap(e, "plugin %zu", n->plugins.n) : 0;
}

static int add_plugins(struct cni_network *n, struct json_object *list, struct err *e)
{
	int r = 0;

	if (!json_object_is_type(list, json_type_array) || !json_len(list))
		return err_code(e, ERR_CONFIG, EINVAL, "plugins: want a list of at least one plugin");
	for (size_t i = 0; i < json_len(list) && r == 0; i++)
		r = cni_network_add_plugin(n, json_at(list, i), e);
	return r;
}

/* ---- the list ---- */

/* libcni takes "true" and "false" too. */
static int read_switch(struct json_object *o, const char *key, bool *ret, struct err *e)
{
	struct json_object *v = json_get(o, key);
	const char *text = json_text(v);

	*ret = false;
	if (!v || json_boolean(v, ret))
		return 0;
	if (!text || (strcasecmp(text, "true") != 0 && strcasecmp(text, "false") != 0))
		return err_code(e, ERR_CONFIG, EINVAL, "%s: want true or false", key);
	*ret = strcasecmp(text, "true") == 0;
	return 0;
}

/* Takes text if it is one that we speak and higher than what is there; anything newer is skipped. */
static int offer_version(const char *text, int *best, struct err *e)
{
	int order, v;

	if (cni_version_compare(text, cni_version_text(CNI_VERSION_LATEST), &order, e) < 0)
		return -EINVAL;
	v = cni_version_find(text);
	if (v > *best)
		*best = v;
	return 0;
}

static int choose_version(struct json_object *o, enum cni_version *ret, struct err *e)
{
	struct json_object *one = json_get(o, "cniVersion"), *many = json_get(o, "cniVersions");
	const char *text = json_text(one);
	int best = -1, r = 0;

	if (one && !text)
		return err_code(e, ERR_CONFIG, EINVAL, "cniVersion: want a string");
	if (many && !json_object_is_type(many, json_type_array))
		return err_code(e, ERR_CONFIG, EINVAL, "cniVersions: want a list of strings");
	*ret = CNI_VERSION_DEFAULT;
	if ((!text || !*text) && !json_len(many))
		return 0;
	if (text && *text)
		r = offer_version(text, &best, e);
	for (size_t i = 0; i < json_len(many) && r == 0; i++) {
		text = json_text(json_at(many, i));
		r = text ? offer_version(text, &best, e)
			 : err_code(e, ERR_CONFIG, EINVAL, "cniVersions[%zu]: want a string", i);
	}
	if (r < 0)
		return r;
	if (best < 0)
		return err_code(e, ERR_VERSION, EPROTONOSUPPORT,
				"incompatible CNI versions: cniVersion \"%.32s\", supported are %s", text,
				cni_version_list());
	*ret = (enum cni_version)best;
	return 0;
}

static int read_name(struct json_object *o, char **ret, struct err *e)
{
	const char *name = json_get_str(o, "name");

	if (!name || !cni_name_ok(name))
		return err_code(e, ERR_CONFIG, EINVAL,
				"name \"%.64s\": want a letter or digit, then letters, digits, \"_\", \".\" "
				"and \"-\", at most %d in all",
				name ? name : "", CNI_NAME_MAX);
	return cni_result_set_text(ret, name, e);
}

/* {"name", "cniVersion", "plugins": [conf]} */
static int wrap_single(struct json_object *conf, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = json_object_new_object();
	struct json_object *plugins = json_object_new_array();
	int r;

	if (!list || !plugins) {
		json_object_put(plugins);
		return err_nomem(e);
	}
	r = json_set(list, "plugins", plugins, e);
	if (r == 0)
		r = json_append(plugins, json_object_get(conf), e);
	if (r == 0)
		r = json_set_str(list, "name", json_get_str(conf, "name"), e);
	if (r == 0)
		r = json_set_str(list, "cniVersion", json_get_str(conf, "cniVersion"), e);
	if (r == 0)
		*ret = TAKE_PTR(list);
	return r;
}

/* A list without plugins is fine for now: they may lie in files beside it. */
static int read_list(struct json_object *o, struct cni_network *n, bool *inlined, struct err *e)
{
	struct json_object *plugins = json_get(o, "plugins");
	int r = read_name(o, &n->name, e);

	if (r == 0)
		r = choose_version(o, &n->version, e);
	if (r == 0)
		r = read_switch(o, "disableCheck", &n->disable_check, e);
	if (r == 0)
		r = read_switch(o, "disableGC", &n->disable_gc, e);
	if (r == 0)
		r = read_switch(o, "loadOnlyInlinedPlugins", inlined, e);
	if (r == 0 && plugins)
		r = add_plugins(n, plugins, e);
	return r;
}

static int read_any(struct json_object *o, const char *text, size_t len, struct cni_network *n, bool *inlined,
		    struct err *e)
{
	CLEANUP(json_put_p) struct json_object *list = NULL;
	int r;

	if (!json_object_is_type(o, json_type_object))
		return err_code(e, ERR_DECODE, EINVAL, "want a JSON object");
	if (!json_get(o, "plugins") && json_get(o, "type")) {
		r = wrap_single(o, &list, e);
		if (r == 0)
			r = read_list(list, n, inlined, e);
		*inlined = true;
		return r < 0 ? r : json_print(list, false, &n->text, e);
	}
	r = read_list(o, n, inlined, e);
	buf_add(&n->text, text, len);
	return r == 0 && n->text.err ? err_nomem(e) : r;
}

int cni_network_read(const char *text, size_t len, const char *what, struct cni_network *n, bool *inlined,
		     struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	n->text.max = 2 * CNI_CONF_TEXT_MAX;
	if (len > CNI_CONF_TEXT_MAX)
		return err_code(e, ERR_DECODE, EFBIG, "%s: larger than the limit of %zu bytes", what,
				CNI_CONF_TEXT_MAX);
	r = json_parse(text, len, what, &o, e);
	if (r < 0)
		return r;
	return read_any(o, text, len, n, inlined, e) < 0 ? err_wrap(e, "%s", what) : 0;
}

int cni_network_parse(const char *text, size_t len, const char *what, struct cni_network *ret, struct err *e)
{
	CLEANUP(cni_network_clear) struct cni_network n = { 0 };
	bool inlined;
	int r = cni_network_read(text, len, what, &n, &inlined, e);

	*ret = (struct cni_network){ 0 };
	if (r < 0)
		return r;
	if (!n.plugins.n)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: it has no plugins", what);
	*ret = n;
	n = (struct cni_network){ 0 };
	return 0;
}
