/* SPDX-License-Identifier: Apache-2.0 */
/* chain.c - running one plugin of a network, with the request and environment that libcni would give it */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "cni/env.h"
#include "cni/exec.h"
#include "cni/internal.h"

/* Only what the plugin declares; whatever stands in its configuration stays when there is nothing. */
static int inject_runtime_config(const struct cni_chain *c, const struct cni_network_plugin *p,
				 struct json_object *request, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *rc = json_object_new_object();
	bool any = false;
	int r = rc ? 0 : err_nomem(e);

	for (size_t i = 0; i < p->capabilities.n && r == 0; i++) {
		struct json_object *v = json_get(c->capability_args, p->capabilities.v[i]);

		if (!v)
			continue;
		r = json_set(rc, p->capabilities.v[i], json_object_get(v), e);
		any = true;
	}
	if (r < 0 || !any)
		return r;
	return json_set(request, "runtimeConfig", TAKE_PTR(rc), e);
}

static int inject(const struct cni_chain *c, const struct cni_network_plugin *p, struct json_object *prev,
		  struct json_object *valid, struct json_object *request, struct err *e)
{
	int r = cni_extra_put(p->conf, NULL, request, e); /* a copy: the configuration is used again */

	if (r == 0)
		r = json_set_str(request, "name", c->n->name, e);
	if (r == 0)
		r = json_set_str(request, "cniVersion", cni_version_text(c->n->version), e);
	if (r == 0 && prev)
		r = json_set(request, "prevResult", json_object_get(prev), e);
	if (r == 0 && valid)
		r = json_set(request, "cni.dev/valid-attachments", json_object_get(valid), e);
	if (r == 0 && valid)
		r = json_set(request, "cni.dev/attachments", json_object_get(valid), e);
	return r < 0 ? r : inject_runtime_config(c, p, request, e);
}

static int make_request(const struct cni_chain *c, const struct cni_network_plugin *p, enum cni_verb verb,
			struct json_object *prev, struct json_object *valid, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	int r;

	if (!o)
		return err_nomem(e);
	r = verb == CNI_VERSION ? json_set_str(o, "cniVersion", cni_version_text(c->n->version), e)
				: inject(c, p, prev, valid, o, e);
	return r < 0 ? r : json_print(o, false, out, e);
}

static int set_var(struct json_strv *set, const char *key, const char *value, struct err *e)
{
	CLEANUP(free_p) char *var = NULL;

	if (asprintf(&var, "%s=%s", key, value ? value : "") < 0) {
		var = NULL;
		return err_nomem(e);
	}
	return json_strv_add(set, var, e);
}

static int set_args(struct json_strv *set, struct json_object *args, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(CNI_ARGS_MAX);

	for (size_t i = 0; i < json_len(args); i++) {
		const char *key = json_text(json_at(json_at(args, i), 0));
		const char *value = json_text(json_at(json_at(args, i), 1));

		if (key && value)
			buf_fmt(&text, "%s%s=%s", text.len ? ";" : "", key, value);
	}
	if (text.err)
		return err_code(e, ERR_CONFIG, -text.err, "CNI_ARGS: more than %d bytes", CNI_ARGS_MAX);
	return set_var(set, "CNI_ARGS", buf_cstr(&text), e);
}

static int make_environment(const struct cni_chain *c, enum cni_verb verb, struct json_strv *set, char ***ret,
			    struct err *e)
{
	int r = set_var(set, "CNI_COMMAND", cni_verb_text(verb), e);

	if (r == 0)
		r = set_var(set, "CNI_CONTAINERID", c->container_id, e);
	if (r == 0)
		r = set_var(set, "CNI_NETNS", c->netns, e);
	if (r == 0)
		r = set_var(set, "CNI_IFNAME", c->ifname, e);
	if (r == 0)
		r = set_args(set, c->args, e);
	if (r == 0)
		r = set_var(set, "CNI_PATH", c->rt->path, e);
	return r < 0 ? r : cni_env_with(c->rt->envp, (const char *const *)set->v, ret, e);
}

static int run(const struct cni_chain *c, enum cni_verb verb, const struct cni_network_plugin *p,
	       struct json_object *prev, struct json_object *valid, struct buf *out, struct err *e)
{
	CLEANUP(buf_clear) struct buf request = BUF_INIT(2 * CNI_CONF_TEXT_MAX);
	CLEANUP(json_strv_clear) struct json_strv set = { 0 };
	CLEANUP(free_p) char *program = NULL;
	CLEANUP(free_p) char **envp = NULL;
	int timeout_ms = c->rt->timeout_ms ? c->rt->timeout_ms : CNI_PLUGIN_TIMEOUT_MS;
	int r = cni_find_program(p->type, c->rt->path, &program, e);

	if (r == 0)
		r = make_request(c, p, verb, prev, valid, &request, e);
	if (r == 0)
		r = make_environment(c, verb, &set, &envp, e);
	if (r < 0)
		return r;
	return cni_exec_run(&(struct cni_exec){ .program = program,
						.envp = envp,
						.in = buf_cstr(&request),
						.in_len = request.len,
						.deadline = deadline_in(timeout_ms),
						.err_fd = c->rt->err_fd },
			    out, e);
}

int cni_chain_call(const struct cni_chain *c, enum cni_verb verb, size_t i, struct json_object *prev,
		   struct json_object *valid, struct buf *out, struct err *e)
{
	const struct cni_network_plugin *p = &c->n->plugins.v[i];

	if (run(c, verb, p, prev, valid, out, e) < 0)
		return err_wrap(e, "network %.64s: plugin %.64s: %s", c->n->name, p->type,
				cni_verb_text(verb));
	return 0;
}

int cni_chain_result(const struct cni_chain *c, struct json_object *o, struct json_object **ret,
		     struct err *e)
{
	CLEANUP(cni_result_clear) struct cni_result result = { 0 };
	int r = cni_result_decode(o, c->n->version, "result", &result, e);

	*ret = NULL;
	if (r < 0)
		return r;
	if (result.version != c->n->version || !json_get(o, "cniVersion"))
		return cni_result_encode(&result, c->n->version, ret, e);
	*ret = json_object_get(o);
	return 0;
}
