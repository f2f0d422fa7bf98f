/* SPDX-License-Identifier: Apache-2.0 */
/* certificate.c - an authority and a certificate of our own, and whether one is still good */
#include "certificate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/own.h"

#define DAY_S   86400
#define EARLY_S 3600
#define CHAIN   8
#define ID_MAX  64

void certificate_clear(struct certificate *c)
{
	if (c->key)
		explicit_bzero(c->key, strlen(c->key));
	free(c->ca);
	free(c->cert);
	free(c->key);
	*c = (struct certificate){ 0 };
}

static bool same(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool certificate_same(const struct certificate *a, const struct certificate *b)
{
	return same(a->cert, b->cert) && same(a->key, b->key);
}

void certificate_names(const char *name, const char *ns, struct certificate_names *ret)
{
	const size_t size = sizeof(ret->text[0]);

	*ret = (struct certificate_names){ 0 };
	snprintf(ret->text[ret->n++], size, "%s.%s.svc", name, ns);
	snprintf(ret->text[ret->n++], size, "%s.%s", name, ns);
	snprintf(ret->text[ret->n++], size, "%s.%s.svc.cluster.local", name, ns);
	snprintf(ret->text[ret->n++], size, "spidernet.io");
	snprintf(ret->text[ret->n++], size, "localhost");
	snprintf(ret->text[ret->n++], size, "127.0.0.1");
	snprintf(ret->text[ret->n++], size, "::1");
}

static int failed(struct err *e, const char *what, int code)
{
	if (code == GNUTLS_E_MEMORY_ERROR)
		return err_nomem(e);
	return err_code(e, ERR_CONFIG, EINVAL, "%s: %s", what, gnutls_strerror(code));
}

/* ---- making ---- */

/* The bytes of an address; 0: it is a name. */
static size_t address_of(const char *text, unsigned char out[16])
{
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

/* What both certificates have. GnuTLS answers 0 or more, or a negative code; the first one counts. */
static int common(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *cn, time_t now)
{
	unsigned char serial[16], id[ID_MAX];
	size_t n = sizeof(id);
	int r = gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial));

	serial[0] = (serial[0] & 0x7f) | 0x40; /* positive, and all of it */
	if (r >= 0)
		r = gnutls_x509_crt_set_version(crt, 3);
	if (r >= 0)
		r = gnutls_x509_crt_set_serial(crt, serial, sizeof(serial));
	if (r >= 0)
		r = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
						  (unsigned)strlen(cn));
	if (r >= 0)
		r = gnutls_x509_crt_set_activation_time(crt, now - EARLY_S);
	if (r >= 0)
		r = gnutls_x509_crt_set_expiration_time(crt, now + CERTIFICATE_DAYS * DAY_S);
	if (r >= 0)
		r = gnutls_x509_crt_set_key(crt, key);
	if (r >= 0)
		r = gnutls_x509_crt_get_key_id(crt, 0, id, &n);
	if (r >= 0)
		r = gnutls_x509_crt_set_subject_key_id(crt, id, n);
	return r;
}

static int make_authority(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, time_t now)
{
	char cn[64];
	int r;

	/* Two authorities with one name could be taken for each other. */
	snprintf(cn, sizeof(cn), "spiderpool-controller-ca-%lld", (long long)now);
	r = common(crt, key, cn, now);
	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 1, 0);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_KEY_CERT_SIGN);
	return r < 0 ? r : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static int make_server(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, gnutls_x509_crt_t ca,
		       gnutls_x509_privkey_t ca_key, const struct certificate_names *names, time_t now)
{
	unsigned char id[ID_MAX], address[16];
	size_t n = sizeof(id);
	int r = common(crt, key, "spiderpool-controller", now);

	for (size_t i = 0; i < names->n && r >= 0; i++) {
		const char *name = names->text[i];
		const size_t len = address_of(name, address);

		r = len ? gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address,
							       (unsigned)len, GNUTLS_FSAN_APPEND)
			: gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
							       (unsigned)strlen(name), GNUTLS_FSAN_APPEND);
	}
	if (r >= 0)
		r = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
	if (r >= 0)
		r = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
	if (r >= 0)
		r = gnutls_x509_crt_get_subject_key_id(ca, id, &n, NULL);
	if (r >= 0)
		r = gnutls_x509_crt_set_authority_key_id(crt, id, n);
	return r < 0 ? r : gnutls_x509_crt_sign2(crt, ca, ca_key, GNUTLS_DIG_SHA256, 0);
}

/* A new string; what GnuTLS made is released. */
static int take_text(gnutls_datum_t *from, char **ret)
{
	*ret = strndup((const char *)from->data, from->size);
	explicit_bzero(from->data, from->size);
	gnutls_free(from->data);
	return *ret ? 0 : GNUTLS_E_MEMORY_ERROR;
}

static int export_all(gnutls_x509_crt_t ca, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
		      struct certificate *ret)
{
	gnutls_datum_t text;
	int r = gnutls_x509_crt_export2(ca, GNUTLS_X509_FMT_PEM, &text);

	if (r >= 0)
		r = take_text(&text, &ret->ca);
	if (r >= 0)
		r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text);
	if (r >= 0)
		r = take_text(&text, &ret->cert);
	if (r >= 0)
		r = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
						      &text);
	return r < 0 ? r : take_text(&text, &ret->key);
}

int certificate_make(const struct certificate_names *names, int64_t now, struct certificate *ret,
		     struct err *e)
{
	const unsigned bits = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
	const time_t now_s = (time_t)(now / 1000);
	gnutls_x509_privkey_t ca_key = NULL, key = NULL;
	gnutls_x509_crt_t ca = NULL, crt = NULL;
	int r = gnutls_x509_privkey_init(&ca_key);

	*ret = (struct certificate){ 0 };
	if (r >= 0)
		r = gnutls_x509_privkey_init(&key);
	if (r >= 0)
		r = gnutls_x509_crt_init(&ca);
	if (r >= 0)
		r = gnutls_x509_crt_init(&crt);
	if (r >= 0)
		r = gnutls_x509_privkey_generate(ca_key, GNUTLS_PK_ECDSA, bits, 0);
	if (r >= 0)
		r = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, bits, 0);
	if (r >= 0)
		r = make_authority(ca, ca_key, now_s);
	if (r >= 0)
		r = make_server(crt, key, ca, ca_key, names, now_s);
	if (r >= 0)
		r = export_all(ca, crt, key, ret);
	gnutls_x509_crt_deinit(crt);
	gnutls_x509_crt_deinit(ca);
	gnutls_x509_privkey_deinit(key);
	gnutls_x509_privkey_deinit(ca_key);
	if (r >= 0)
		return 0;
	certificate_clear(ret);
	return failed(e, "a certificate could not be made", r);
}

/* ---- looking ---- */

struct chain {
	gnutls_x509_crt_t crt[CHAIN];
	unsigned n;
};

static void chain_free(struct chain *c)
{
	for (unsigned i = 0; i < c->n; i++)
		gnutls_x509_crt_deinit(c->crt[i]);
}

/* 0 or a code of GnuTLS. */
static int chain_read(const char *pem, struct chain *ret)
{
	const gnutls_datum_t in = { (unsigned char *)pem, (unsigned)strlen(pem) };
	unsigned n = CHAIN;
	int r = gnutls_x509_crt_list_import(ret->crt, &n, &in, GNUTLS_X509_FMT_PEM, 0);

	ret->n = r < 0 ? 0 : (unsigned)r;
	return r < 0 ? r : 0;
}

static int check_key(const char *pem, gnutls_x509_crt_t crt, struct err *e)
{
	const gnutls_datum_t in = { (unsigned char *)pem, (unsigned)strlen(pem) };
	unsigned char a[ID_MAX], b[ID_MAX];
	size_t n = sizeof(a), m = sizeof(b);
	gnutls_x509_privkey_t key = NULL;
	int r = gnutls_x509_privkey_init(&key);

	if (r >= 0)
		r = gnutls_x509_privkey_import2(key, &in, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (r >= 0)
		r = gnutls_x509_privkey_get_key_id(key, 0, a, &n);
	if (r >= 0)
		r = gnutls_x509_crt_get_key_id(crt, 0, b, &m);
	gnutls_x509_privkey_deinit(key);
	if (r < 0)
		return failed(e, "tls.key", r);
	if (n != m || memcmp(a, b, n) != 0)
		return err_code(e, ERR_CONFIG, EINVAL, "tls.key: does not fit tls.crt");
	return 0;
}

static int check_names(gnutls_x509_crt_t crt, const struct certificate_names *names, struct err *e)
{
	unsigned char address[16];

	for (size_t i = 0; i < names->n; i++) {
		const char *name = names->text[i];
		const size_t len = address_of(name, address);

		if (!(len ? gnutls_x509_crt_check_ip(crt, address, (unsigned)len, 0)
			  : gnutls_x509_crt_check_hostname(crt, name)))
			return err_code(e, ERR_CONFIG, EINVAL, "tls.crt: is not for %s", name);
	}
	return 0;
}

/* One of the bundle signed the last certificate of the chain. */
static int check_issuer(const struct chain *c, const char *bundle, struct err *e)
{
	struct chain ca = { 0 };
	unsigned status = GNUTLS_CERT_INVALID;
	int r = chain_read(bundle, &ca);

	if (r == 0)
		r = gnutls_x509_crt_list_verify(c->crt, (int)c->n, ca.crt, (int)ca.n, NULL, 0,
						GNUTLS_VERIFY_DISABLE_TIME_CHECKS, &status);
	chain_free(&ca);
	if (r < 0)
		return failed(e, "ca.crt", r);
	if (status)
		return err_code(e, ERR_CONFIG, EINVAL, "ca.crt: is not the authority of tls.crt");
	return 0;
}

/* 1: two thirds are over. */
static int check_time(gnutls_x509_crt_t crt, time_t now, struct err *e)
{
	const time_t from = gnutls_x509_crt_get_activation_time(crt);
	const time_t to = gnutls_x509_crt_get_expiration_time(crt);

	if (now < from || now >= to)
		return err_code(e, ERR_CONFIG, EINVAL, "tls.crt: is %s",
				now < from ? "not valid yet" : "not valid any more");
	return now - from >= (to - from) / 3 * 2;
}

int certificate_check(const struct certificate *c, const struct certificate_names *names, int64_t now,
		      struct err *e)
{
	struct chain chain = { 0 };
	int r = chain_read(c->cert, &chain);

	if (r < 0)
		return failed(e, "tls.crt", r);
	r = check_key(c->key, chain.crt[0], e);
	if (r == 0 && names)
		r = check_names(chain.crt[0], names, e);
	if (r == 0 && c->ca[0])
		r = check_issuer(&chain, c->ca, e);
	if (r == 0)
		r = check_time(chain.crt[0], (time_t)(now / 1000), e);
	chain_free(&chain);
	return r;
}

int64_t certificate_end(const struct certificate *c)
{
	struct chain chain = { 0 };
	int64_t end = 0;

	if (chain_read(c->cert, &chain) >= 0)
		end = (int64_t)gnutls_x509_crt_get_expiration_time(chain.crt[0]) * 1000;
	chain_free(&chain);
	return end;
}

/* ---- bundles ---- */

static int add_text(gnutls_x509_crt_t crt, size_t *n, struct buf *out)
{
	CLEANUP(free_p) char *pem = NULL;
	gnutls_datum_t text;
	int r = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &text);

	if (r >= 0)
		r = take_text(&text, &pem);
	if (r < 0)
		return r;
	if (out->len && strstr(buf_cstr(out), pem))
		return 0;
	buf_str(out, pem);
	++*n;
	return 0;
}

int certificate_bundle(const char *first, const char *second, int64_t now, struct buf *out, struct err *e)
{
	const char *const both[] = { first, second };
	const time_t now_s = (time_t)(now / 1000);
	size_t n = 0;
	int r = 0;

	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		struct chain c = { 0 };

		if (!both[i] || chain_read(both[i], &c) < 0)
			continue;
		for (unsigned k = 0; k < c.n && n < CERTIFICATE_BUNDLE && r >= 0; k++) {
			if (now_s < gnutls_x509_crt_get_expiration_time(c.crt[k]))
				r = add_text(c.crt[k], &n, out);
		}
		chain_free(&c);
	}
	if (r < 0)
		return failed(e, "ca.crt", r);
	return out->err ? err_set(e, -out->err, "ca.crt: %s", strerror(-out->err)) : 0;
}
