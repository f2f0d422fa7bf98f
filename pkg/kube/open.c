/* SPDX-License-Identifier: Apache-2.0 */
/* open.c - a client's start and end */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/client.h"
#include "kube/internal.h"
#include "kube/thread.h"

static CURLcode global;

static void init_once(void)
{
	global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

static int copy(const char *s, char **ret)
{
	*ret = s ? strdup(s) : NULL;
	return s && !*ret ? -ENOMEM : 0;
}

static int copy_conf(const struct kube_config *c, struct kube_config *out, struct err *e)
{
	/* The token lives in struct kube_token, keys in files. */
	if (copy(c->server, &out->server) < 0 || copy(c->tls_name, &out->tls_name) < 0 ||
	    copy(c->ns, &out->ns) < 0)
		return err_nomem(e);
	out->insecure = c->insecure;
	return 0;
}

/* libcurl has no option for "this host, that name": it is asked for the name, and told where that is. */
static int make_url(struct kube *k, struct err *e)
{
	const char *host = k->conf.server + strcspn(k->conf.server, ":") + 3;
	size_t scheme = (size_t)(host - k->conf.server), len = strcspn(host, "/"), name;
	CLEANUP(free_p) char *to = NULL;
	const char *port;

	if (!k->conf.tls_name) {
		k->url = strdup(k->conf.server);
		return k->url ? 0 : err_nomem(e);
	}
	port = memrchr(host, ':', len);
	name = port && !memchr(port, ']', len - (size_t)(port - host)) ? (size_t)(port - host) : len;
	if (asprintf(&k->url, "%.*s%s%s", (int)scheme, k->conf.server, k->conf.tls_name, host + name) < 0)
		k->url = NULL;
	if (asprintf(&to, "::%.*s:", (int)name, host) < 0)
		to = NULL;
	k->connect_to = to ? curl_slist_append(NULL, to) : NULL;
	return k->url && k->connect_to ? 0 : err_nomem(e);
}

static void release(struct kube *k)
{
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_mutex_unlock(&k->lock);
	kube_io_end(&k->calls);
	kube_io_end(&k->streams);
	curl_slist_free_all(k->connect_to);
	kube_tls_clear(&k->tls);
	kube_token_clear(&k->token);
	kube_config_clear(&k->conf);
	pthread_cond_destroy(&k->cancelled);
	pthread_mutex_destroy(&k->lock);
	free(k->url);
	free(k);
}

static int open_all(struct kube *k, const struct kube_config *conf, struct err *e)
{
	int r = copy_conf(conf, &k->conf, e);

	if (r == 0)
		r = make_url(k, e);
	if (r == 0)
		r = kube_token_init(&k->token, conf, e);
	if (r == 0)
		r = kube_tls_init(&k->tls, conf, e);
	if (r == 0)
		r = kube_io_start(&k->calls, k, false, e);
	if (r == 0)
		r = kube_io_start(&k->streams, k, true, e);
	return r;
}

int kube_open(const struct kube_config *conf, unsigned flags, struct kube **ret, struct err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct kube *k;
	int r;

	*ret = NULL;
	pthread_once(&once, init_once);
	if (global != CURLE_OK)
		return err_code(e, ERR_IO, EIO, "libcurl: %s", curl_easy_strerror(global));
	k = calloc(1, sizeof(*k));
	if (!k)
		return err_nomem(e);
	pthread_mutex_init(&k->lock, NULL);
	kube_cond_init(&k->cancelled);
	k->flags = flags;
	k->tls = (struct kube_tls){ { .fd = -1 }, { .fd = -1 }, { .fd = -1 } };
	pthread_mutex_init(&k->token.lock, NULL);
	r = open_all(k, conf, e);
	if (r < 0)
		release(k);
	else
		*ret = k;
	return r;
}

static void wake_all(struct kube *k)
{
	for (struct kube_job *j = k->peers; j; j = j->peer_next)
		pthread_cond_broadcast(&j->changed);
	pthread_cond_broadcast(&k->cancelled);
}

void kube_abort(struct kube *k)
{
	pthread_mutex_lock(&k->lock);
	k->aborted = true;
	wake_all(k);
	pthread_mutex_unlock(&k->lock);
}

void kube_close(struct kube *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	wake_all(k);
	while (k->n_calls)
		pthread_cond_wait(&k->cancelled, &k->lock);
	pthread_mutex_unlock(&k->lock);
	release(k);
}

void kube_close_p(struct kube **k)
{
	kube_close(*k);
	*k = NULL;
}

int kube_open_any(const char *file, const char *context, const char *host, const char *port,
		  struct kube **ret, struct err *e)
{
	struct kube_config conf = { 0 };
	int r = kube_config_any(file, context, host, port, &conf, e);

	if (r == 0)
		r = kube_open(&conf, 0, ret, e);
	kube_config_clear(&conf);
	return r;
}
