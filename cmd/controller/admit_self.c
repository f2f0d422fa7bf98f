/* SPDX-License-Identifier: Apache-2.0 */
/* admit_self.c - who we are for the API server: our own changes of pools made for applications are let
 * through
 *
 * A token of a service account says it itself (the claim "sub" of a JWT). Any other token is shown to the API
 * server, which says whose it is (a TokenReview, if we may). A client certificate has it as its common name.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "admit.h"
#include "base/file.h"
#include "base/own.h"
#include "kube/object.h"

#define REVIEW_MS 5000

static const struct kube_resource token_reviews = { "authentication.k8s.io", "v1", "tokenreviews",
						    "TokenReview", false };

static void buf_wipe(struct buf *b)
{
	if (b->s)
		explicit_bzero(b->s, b->cap);
	buf_clear(b);
}

static int read_pem(const struct kube_pem *p, const char *what, size_t max, struct buf *out, struct err *e)
{
	if (p->text)
		buf_str(out, p->text);
	if (p->text || !p->file)
		return 0;
	return file_read(AT_FDCWD, p->file, max, out, e) < 0 ? err_wrap(e, "%s", what) : 0;
}

static int set_name(char **ret, const char *name, struct err *e)
{
	*ret = strdup(name);
	return *ret ? 0 : err_nomem(e);
}

/* The claim "sub"; *ret stays as it is when it is no such token. */
static int name_of_jwt(const char *token, char **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *claims = NULL;
	const char *from = strchr(token, '.'), *to = from ? strchr(from + 1, '.') : NULL, *sub;
	CLEANUP(buf_wipe) struct buf coded = BUF_INIT(KUBE_TOKEN_MAX);
	gnutls_datum_t in, out = { 0 };
	struct err ignored;
	int r;

	if (!to)
		return 0;
	for (const char *p = from + 1; p < to; p++) /* the alphabet of URLs */
		buf_chr(&coded, *p == '-' ? '+' : *p == '_' ? '/' : *p);
	while (coded.len % 4 && !coded.err)
		buf_chr(&coded, '=');
	in = (gnutls_datum_t){ (unsigned char *)coded.s, (unsigned)coded.len };
	if (coded.err || gnutls_base64_decode2(&in, &out) < 0)
		return 0;
	r = json_parse((const char *)out.data, out.size, "token", &claims, &ignored);
	gnutls_free(out.data);
	sub = r < 0 ? NULL : json_get_str(claims, "sub");
	return sub && strncmp(sub, "system:", 7) == 0 ? set_name(ret, sub, e) : 0;
}

static int review_body(const char *token, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	struct json_object *spec = json_object_new_object();
	int r;

	if (!o) {
		json_put_p(&spec);
		return err_nomem(e);
	}
	r = json_set(o, "spec", spec, e);
	if (r == 0)
		r = json_set_str(o, "apiVersion", "authentication.k8s.io/v1", e);
	if (r == 0)
		r = json_set_str(o, "kind", "TokenReview", e);
	if (r == 0)
		r = json_set_str(spec, "token", token, e);
	return r < 0 ? r : json_print(o, false, out, e);
}

/* Without the right to ask we are nobody, which is no reason not to serve. */
static int name_by_review(struct kube *k, const char *token, char **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *answer = NULL;
	CLEANUP(buf_wipe) struct buf body = BUF_INIT(2 * KUBE_TOKEN_MAX);
	struct kube_op op = { .res = &token_reviews, .until = deadline_in(REVIEW_MS) };
	const char *name;
	int r = review_body(token, &body, e);

	if (r == 0)
		r = kube_create(k, &op, body.s, body.len, &answer, e);
	if (r < 0 && r != -ENOMEM && e->cni != ERR_TRY_AGAIN)
		return 0;
	if (r < 0)
		return r;
	name = json_get_str(json_get(json_get(answer, "status"), "user"), "username");
	return name ? set_name(ret, name, e) : 0;
}

static int name_of_certificate(const char *pem, size_t len, char **ret, struct err *e)
{
	const gnutls_datum_t in = { (unsigned char *)pem, (unsigned)len };
	gnutls_x509_crt_t crt;
	char name[256];
	size_t size = sizeof(name);
	int r = 0;

	if (gnutls_x509_crt_init(&crt) < 0)
		return err_nomem(e);
	if (gnutls_x509_crt_import(crt, &in, GNUTLS_X509_FMT_PEM) == 0 &&
	    gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &size) == 0)
		r = set_name(ret, name, e);
	gnutls_x509_crt_deinit(crt);
	return r;
}

static int find(struct kube *k, const struct kube_config *kc, char **ret, struct err *e)
{
	const struct kube_pem token = { .file = kc->token_file, .text = kc->token };
	CLEANUP(buf_wipe) struct buf b = BUF_INIT(KUBE_PEM_MAX);
	int r = read_pem(&token, "token", KUBE_TOKEN_MAX, &b, e);

	if (r == 0 && b.len) {
		b.s[strcspn(b.s, "\r\n")] = '\0';
		r = name_of_jwt(b.s, ret, e);
		return r == 0 && !*ret ? name_by_review(k, b.s, ret, e) : r;
	}
	if (r == 0)
		r = read_pem(&kc->cert, "client certificate", KUBE_PEM_MAX, &b, e);
	return r == 0 && b.len ? name_of_certificate(b.s, b.len, ret, e) : r;
}

int admit_self(struct kube *k, const struct controller_config *conf, char **ret, struct err *e)
{
	struct kube_config kc = { 0 };
	int r = kube_config_any(conf->kubeconfig, NULL, conf->kube_host, conf->kube_port, &kc, e);

	*ret = NULL;
	if (r == 0)
		r = find(k, &kc, ret, e);
	kube_config_clear(&kc);
	if (r == 0 && !*ret)
		r = set_name(ret, "", e);
	return r;
}
