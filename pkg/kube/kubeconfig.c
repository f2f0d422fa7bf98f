/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig.c - a kubeconfig and one of its contexts */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "json/json.h"
#include "kube/config.h"
#include "kube/internal.h"
#include "yaml/yaml.h"

struct cluster {
	char *server, *ca, *ca_data, *tls_name, *proxy;
	bool insecure;
};
struct named_cluster {
	char *name;
	struct cluster v;
};
struct user {
	char *token, *token_file, *cert, *cert_data, *key, *key_data, *username, *password, *as;
	struct json_object *exec, *provider;
};
struct named_user {
	char *name;
	struct user v;
};
struct context {
	char *cluster, *user, *ns;
};
struct named_context {
	char *name;
	struct context v;
};
struct file {
	char *current;
	JSON_LIST(struct named_cluster) clusters;
	JSON_LIST(struct named_user) users;
	JSON_LIST(struct named_context) contexts;
};

static const struct json_field cluster_fields[] = {
	JF(struct cluster, server, "server"),
	JF(struct cluster, ca, "certificate-authority"),
	JF(struct cluster, ca_data, "certificate-authority-data"),
	JF(struct cluster, tls_name, "tls-server-name"),
	JF(struct cluster, proxy, "proxy-url"),
	JF(struct cluster, insecure, "insecure-skip-tls-verify"),
};
static const struct json_table cluster_table = JSON_TABLE(struct cluster, "cluster", cluster_fields);
static const struct json_field named_cluster_fields[] = {
	JF(struct named_cluster, name, "name", .flags = JSON_REQUIRED),
	JS(struct named_cluster, v, "cluster", &cluster_table),
};
static const struct json_table named_cluster_table =
	JSON_TABLE(struct named_cluster, "cluster", named_cluster_fields);

static const struct json_field user_fields[] = {
	JF(struct user, token, "token"),
	JF(struct user, token_file, "tokenFile"),
	JF(struct user, cert, "client-certificate"),
	JF(struct user, cert_data, "client-certificate-data"),
	JF(struct user, key, "client-key"),
	JF(struct user, key_data, "client-key-data"),
	JF(struct user, username, "username"),
	JF(struct user, password, "password"),
	JF(struct user, as, "as"),
	JF(struct user, exec, "exec"),
	JF(struct user, provider, "auth-provider"),
};
static const struct json_table user_table = JSON_TABLE(struct user, "user", user_fields);
static const struct json_field named_user_fields[] = {
	JF(struct named_user, name, "name", .flags = JSON_REQUIRED),
	JS(struct named_user, v, "user", &user_table),
};
static const struct json_table named_user_table = JSON_TABLE(struct named_user, "user", named_user_fields);

static const struct json_field context_fields[] = {
	JF(struct context, cluster, "cluster"),
	JF(struct context, user, "user"),
	JF(struct context, ns, "namespace"),
};
static const struct json_table context_table = JSON_TABLE(struct context, "context", context_fields);
static const struct json_field named_context_fields[] = {
	JF(struct named_context, name, "name", .flags = JSON_REQUIRED),
	JS(struct named_context, v, "context", &context_table),
};
static const struct json_table named_context_table =
	JSON_TABLE(struct named_context, "context", named_context_fields);

static const struct json_field file_fields[] = {
	JF(struct file, current, "current-context"),
	JL(struct file, clusters, "clusters", &named_cluster_table),
	JL(struct file, users, "users", &named_user_table),
	JL(struct file, contexts, "contexts", &named_context_table),
};
static const struct json_table file_table = JSON_TABLE(struct file, "kubeconfig", file_fields);

/* What the functions below share. */
struct reading {
	const char *what, *dir;
	unsigned flags;
	struct file *f;
	struct err *e;
};

static int refuse(const struct reading *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static int refuse(const struct reading *r, const char *fmt, ...)
{
	char why[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_code(r->e, ERR_CONFIG, EINVAL, "%s: %s", r->what, why);
}

static int copy(const char *s, char **ret, struct err *e)
{
	if (s && *s) {
		*ret = strdup(s);
		if (!*ret)
			return err_nomem(e);
	}
	return 0;
}

/* Names in a kubeconfig are relative to it. */
static int copy_path(const struct reading *r, const char *s, char **ret)
{
	if (!s || !*s)
		return 0;
	if (*s == '/')
		return copy(s, ret, r->e);
	if (asprintf(ret, "%s/%s", r->dir, s) < 0) {
		*ret = NULL;
		return err_nomem(r->e);
	}
	return 0;
}

/* Data wins over a file, as in kubectl. */
static int take_pem(const struct reading *r, const char *key, const char *file, const char *data,
		    struct kube_pem *ret)
{
	if (!data || !*data)
		return copy_path(r, file, &ret->file);
	if (strlen(data) > KUBE_PEM_MAX)
		return refuse(r, "%s-data: longer than the limit of %zu bytes", key, KUBE_PEM_MAX);
	if (kube_base64_text(data, &ret->text, r->e) < 0)
		return err_wrap(r->e, "%s: %s-data", r->what, key);
	return 0;
}

static int take_cluster(const struct reading *r, const struct cluster *c, struct kube_config *out)
{
	int ret;

	if (!c->server || !*c->server)
		return refuse(r, "the cluster of the context has no server");
	if (c->proxy && *c->proxy)
		return refuse(
			r, "proxy-url is not supported: remove it, the API server must be reached directly");
	if (c->insecure && !(r->flags & KUBE_ALLOW_INSECURE))
		return refuse(r, "insecure-skip-tls-verify: anybody could answer as the API server; give "
				 "certificate-authority, or allow it expressly");
	out->insecure = c->insecure;
	ret = copy(c->server, &out->server, r->e);
	if (ret == 0)
		ret = copy(c->tls_name, &out->tls_name, r->e);
	if (ret == 0 && !c->insecure)
		ret = take_pem(r, "certificate-authority", c->ca, c->ca_data, &out->ca);
	return ret;
}

static int take_user(const struct reading *r, const struct user *u, struct kube_config *out)
{
	int ret;

	if (u->exec)
		return refuse(r,
			      "user: exec would start a program for each token, which this program does not "
			      "do: use token, tokenFile or a client certificate");
	if (u->provider)
		return refuse(r, "user: auth-provider is not supported (nor by current kubectl): use token, "
				 "tokenFile or a client certificate");
	if ((u->username && *u->username) || (u->password && *u->password))
		return refuse(r, "user: username and password are not taken by any supported API server: use "
				 "token, tokenFile or a client certificate");
	if (u->as && *u->as)
		return refuse(r,
			      "user: as (impersonation) is not supported: use that user's own credentials");
	/* The file wins, as in kubectl. */
	ret = copy_path(r, u->token_file, &out->token_file);
	if (ret == 0 && !out->token_file)
		ret = copy(u->token, &out->token, r->e);
	if (ret == 0)
		ret = take_pem(r, "client-certificate", u->cert, u->cert_data, &out->cert);
	if (ret == 0)
		ret = take_pem(r, "client-key", u->key, u->key_data, &out->key);
	return ret;
}

#define FIND(list, wanted) \
	__extension__({ \
		__typeof__((list).v) found_ = NULL; \
		for (size_t i_ = 0; i_ < (list).n && !found_; i_++) { \
			if ((wanted) && !strcmp((list).v[i_].name, (wanted))) \
				found_ = &(list).v[i_]; \
		} \
		found_; \
	})

static int resolve(const struct reading *r, const char *name, struct kube_config *out)
{
	const struct named_context *context;
	const struct named_cluster *cluster;
	const struct named_user *user;
	int ret;

	name = name && *name ? name : r->f->current;
	if (!name || !*name)
		return refuse(r, "no current-context: name the context to use");
	context = FIND(r->f->contexts, name);
	if (!context)
		return refuse(r, "there is no context \"%.200s\"", name);
	cluster = FIND(r->f->clusters, context->v.cluster);
	if (!cluster)
		return refuse(r, "context \"%.200s\": there is no cluster \"%.200s\"", name,
			      context->v.cluster ? context->v.cluster : "");
	user = FIND(r->f->users, context->v.user);
	if (!user && context->v.user && *context->v.user)
		return refuse(r, "context \"%.200s\": there is no user \"%.200s\"", name, context->v.user);
	ret = take_cluster(r, &cluster->v, out);
	if (ret == 0 && user)
		ret = take_user(r, &user->v, out);
	if (ret == 0)
		ret = copy(context->v.ns, &out->ns, r->e);
	return ret < 0 ? ret : kube_config_check(out, r->what, r->e);
}

static int one_document(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct json_object **ret = arg;

	(void)line;
	if (*ret)
		return err_code(e, ERR_CONFIG, EINVAL, "more than one document");
	*ret = json_object_get(o);
	return 0;
}

int kube_config_text(const char *text, const char *what, const char *dir, const char *context, unsigned flags,
		     struct kube_config *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *tree = NULL;
	struct file f = { 0 };
	struct reading r = { .what = what, .dir = dir, .flags = flags, .f = &f, .e = e };
	int ret;

	*out = (struct kube_config){ 0 };
	if (yaml_parse(text, strlen(text), what, one_document, &tree, e) < 0) {
		e->cni = ERR_CONFIG;
		return -e->sys;
	}
	ret = json_decode(&file_table, tree, what, &f, e);
	if (ret == 0)
		ret = resolve(&r, context, out);
	json_clear(&file_table, &f);
	if (ret < 0)
		kube_config_clear(out);
	return ret;
}

int kube_config_file(const char *path, const char *context, unsigned flags, struct kube_config *out,
		     struct err *e)
{
	CLEANUP(free_p) char *text = NULL;
	CLEANUP(free_p) char *dir = strdup(path);
	char *slash = dir ? strrchr(dir, '/') : NULL;
	int r;

	*out = (struct kube_config){ 0 };
	if (!dir)
		return err_nomem(e);
	r = kube_config_read(path, KUBE_CONFIG_MAX, &text, e);
	if (r < 0)
		return r;
	if (slash)
		slash[slash == dir] = '\0';
	r = kube_config_text(text, path, slash ? dir : ".", context, flags, out, e);
	explicit_bzero(text, strlen(text));
	return r;
}
