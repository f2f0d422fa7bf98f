/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - certificates of a server */
#include "http/tls.h"

#include <errno.h>
#include <gnutls/abstract.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"

#define CHAIN_MAX 8
#define ID_MAX    64

struct credentials {
	struct credentials *older;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
};

struct http_tls {
	pthread_mutex_t lock;
	struct credentials *newest;
};

static void credentials_free(struct credentials *c)
{
	for (unsigned i = 0; i < c->n; i++)
		gnutls_pcert_deinit(&c->chain[i]);
	gnutls_privkey_deinit(c->key);
	free(c);
}

static int bad(struct err *e, const char *what, int code)
{
	if (code == GNUTLS_E_MEMORY_ERROR)
		return err_nomem(e);
	return err_code(e, ERR_CONFIG, EINVAL, "%s: %s", what, gnutls_strerror(code));
}

/* The key is the certificate's. */
static int check_fit(const struct credentials *c, struct err *e)
{
	unsigned char a[ID_MAX], b[ID_MAX];
	size_t n = sizeof(a), m = sizeof(b);
	gnutls_pubkey_t pub;
	int r = gnutls_pubkey_init(&pub);

	if (r < 0)
		return bad(e, "key", r);
	r = gnutls_pubkey_import_privkey(pub, c->key, 0, 0);
	if (r >= 0)
		r = gnutls_pubkey_get_key_id(pub, 0, a, &n);
	if (r >= 0)
		r = gnutls_pubkey_get_key_id(c->chain[0].pubkey, 0, b, &m);
	gnutls_pubkey_deinit(pub);
	if (r < 0)
		return bad(e, "key", r);
	if (n != m || memcmp(a, b, n) != 0)
		return err_code(e, ERR_CONFIG, EINVAL, "certificate and key do not fit");
	return 0;
}

static int load(const char *cert, const char *key, struct credentials **ret, struct err *e)
{
	const gnutls_datum_t chain = { (unsigned char *)cert, (unsigned)strlen(cert) };
	const gnutls_datum_t secret = { (unsigned char *)key, (unsigned)strlen(key) };
	struct credentials *c = calloc(1, sizeof(*c));
	unsigned n = CHAIN_MAX;
	int r;

	if (!c || gnutls_privkey_init(&c->key) < 0) {
		free(c);
		return err_nomem(e);
	}
	r = gnutls_pcert_list_import_x509_raw(c->chain, &n, &chain, GNUTLS_X509_FMT_PEM, 0);
	if (r < 0) {
		r = bad(e, "certificate", r);
	} else {
		c->n = n;
		r = gnutls_privkey_import_x509_raw(c->key, &secret, GNUTLS_X509_FMT_PEM, NULL, 0);
		r = r < 0 ? bad(e, "key", r) : check_fit(c, e);
	}
	if (r < 0)
		credentials_free(c);
	else
		*ret = c;
	return r;
}

int http_tls_new(const char *cert, const char *key, struct http_tls **ret, struct err *e)
{
	struct http_tls *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return err_nomem(e);
	r = load(cert, key, &t->newest, e);
	if (r < 0) {
		free(t);
		return r;
	}
	pthread_mutex_init(&t->lock, NULL);
	*ret = t;
	return 0;
}

int http_tls_renew(struct http_tls *t, const char *cert, const char *key, struct err *e)
{
	struct credentials *c;
	int r = load(cert, key, &c, e);

	if (r < 0)
		return r;
	pthread_mutex_lock(&t->lock);
	c->older = t->newest;
	t->newest = c;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

void http_tls_free(struct http_tls *t)
{
	if (!t)
		return;
	while (t->newest) {
		struct credentials *c = t->newest;

		t->newest = c->older;
		credentials_free(c);
	}
	pthread_mutex_destroy(&t->lock);
	free(t);
}

/* ---- for microhttpd ---- */

void http_tls_connection(void *arg, struct MHD_Connection *c, void **own,
			 enum MHD_ConnectionNotificationCode what)
{
	(void)c;
	if (what == MHD_CONNECTION_NOTIFY_STARTED)
		*own = arg;
}

/* The session's pointer is microhttpd's connection. */
static int retrieve(gnutls_session_t session, const gnutls_datum_t *authorities, int n_authorities,
		    const gnutls_pk_algorithm_t *algorithms, int n_algorithms, gnutls_pcert_st **ret_chain,
		    unsigned *ret_n, gnutls_privkey_t *ret_key)
{
	struct MHD_Connection *c = gnutls_session_get_ptr(session);
	const union MHD_ConnectionInfo *info =
		c ? MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT) : NULL;
	struct http_tls *t = info ? info->socket_context : NULL;
	struct credentials *newest;

	(void)authorities;
	(void)n_authorities;
	(void)algorithms;
	(void)n_algorithms;
	if (!t)
		return -1;
	pthread_mutex_lock(&t->lock);
	newest = t->newest;
	pthread_mutex_unlock(&t->lock);
	*ret_chain = newest->chain;
	*ret_n = newest->n;
	*ret_key = newest->key;
	return 0;
}

void *http_tls_retrieve(void)
{
	return (void *)retrieve;
}
