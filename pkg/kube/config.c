/* SPDX-License-Identifier: Apache-2.0 */
/* config.c - what a pod is given, and what every configuration must keep to */
#include "kube/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "base/own.h"
#include "kube/internal.h"

static void wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
}

static void pem_clear(struct kube_pem *p)
{
	free(p->file);
	wipe(&p->text);
}

void kube_config_clear(struct kube_config *c)
{
	free(c->server);
	free(c->tls_name);
	free(c->ns);
	pem_clear(&c->ca);
	pem_clear(&c->cert);
	pem_clear(&c->key);
	wipe(&c->token);
	free(c->token_file);
	*c = (struct kube_config){ 0 };
}

static bool has_pem(const struct kube_pem *p)
{
	return p->file || p->text;
}

/* A host goes into a URL: nothing that would end it there. */
static bool plain(const char *s)
{
	return *s && !s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:-_[]%~/")];
}

static int check_server(struct kube_config *c, const char *what, struct err *e)
{
	size_t len = strlen(c->server);
	bool tls = !strncasecmp(c->server, "https://", 8);

	if ((!tls && strncasecmp(c->server, "http://", 7) != 0) || !plain(c->server) || len > 1024)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"%s: server: want https://HOST:PORT without user, query or fragment, got \"%.200s\"",
			what, c->server);
	while (len && c->server[len - 1] == '/')
		c->server[--len] = '\0';
	if (tls)
		return 0;
	if (c->token || c->token_file || has_pem(&c->cert))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"%s: server: \"%.200s\" would be sent credentials in clear text; want https://", what,
			c->server);
	return 0;
}

int kube_config_check(struct kube_config *c, const char *what, struct err *e)
{
	int r = check_server(c, what, e);

	if (r < 0)
		return r;
	if (has_pem(&c->cert) != has_pem(&c->key))
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: a client certificate and its key go together; the %s is missing", what,
				has_pem(&c->cert) ? "key" : "certificate");
	if (c->tls_name && !plain(c->tls_name))
		return err_code(e, ERR_CONFIG, EINVAL,
				"%s: tls-server-name: want a host name, got \"%.200s\"", what, c->tls_name);
	if (!has_pem(&c->ca) && !c->insecure && !strncasecmp(c->server, "https", 5))
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"%s: no certificate-authority: the system's authorities are not trusted with a "
			"cluster, give the cluster's own",
			what);
	return 0;
}

int kube_config_read(const char *path, size_t max, char **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(max);
	int r = file_read(AT_FDCWD, path, max, &text, e);

	if (r < 0)
		return r;
	if (text.len != strlen(buf_cstr(&text)))
		return err_code(e, ERR_CONFIG, EINVAL, "%s: holds a NUL byte", path);
	*ret = text.s ? TAKE_PTR(text.s) : strdup("");
	return *ret ? 0 : err_nomem(e);
}

/* The account's namespace is only a default: a pod without it may still work. */
static int pod_namespace(const char *dir, char **ret, struct err *e)
{
	CLEANUP(free_p) char *path = NULL;
	struct err ignored;

	if (asprintf(&path, "%s/namespace", dir) < 0)
		return err_nomem(e);
	if (kube_config_read(path, KUBE_PEM_MAX, ret, &ignored) < 0)
		return 0;
	(*ret)[strcspn(*ret, " \r\n\t")] = '\0';
	return 0;
}

int kube_config_pod(const char *host, const char *port, const char *dir, struct kube_config *out,
		    struct err *e)
{
	struct kube_config c = { 0 };
	int r;

	*out = (struct kube_config){ 0 };
	dir = dir ? dir : KUBE_ACCOUNT_DIR;
	if (!host || !*host || !port || !*port)
		return err_code(
			e, ERR_CONFIG, EINVAL,
			"KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod, "
			"give a kubeconfig");
	if (asprintf(&c.server, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host, port) < 0)
		c.server = NULL;
	if (asprintf(&c.ca.file, "%s/ca.crt", dir) < 0)
		c.ca.file = NULL;
	if (asprintf(&c.token_file, "%s/token", dir) < 0)
		c.token_file = NULL;
	r = c.server && c.ca.file && c.token_file ? pod_namespace(dir, &c.ns, e) : err_nomem(e);
	if (r == 0)
		r = kube_config_check(&c, "service account", e);
	if (r < 0)
		kube_config_clear(&c);
	*out = c;
	return r;
}

int kube_config_any(const char *file, const char *context, const char *host, const char *port,
		    struct kube_config *out, struct err *e)
{
	return file && *file ? kube_config_file(file, context, 0, out, e)
			     : kube_config_pod(host, port, NULL, out, e);
}
