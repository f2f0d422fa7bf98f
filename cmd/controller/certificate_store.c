/* SPDX-License-Identifier: Apache-2.0 */
/* certificate_store.c - the certificate in a Secret that all replicas share, or in files that somebody gives
 * us */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/own.h"
#include "certificate.h"
#include "daemon/say.h"
#include "json/tree.h"
#include "kube/object.h"

#define CA       "ca.crt"
#define CERT     "tls.crt"
#define KEY      "tls.key"
#define OWNER    "app.kubernetes.io/managed-by" /* label of the Secret: we renew only what we made */
#define OWNED    "spiderpool-controller"
#define TRIES    8
#define TEXT_MAX ((size_t)1 << 20)

static const struct kube_resource secrets = { "", "v1", "secrets", "Secret", true };

/* ---- files ---- */

static int read_file(const char *path, bool optional, char **ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(CERTIFICATE_PEM_MAX);
	int r = file_read(AT_FDCWD, path, CERTIFICATE_PEM_MAX, &b, e);

	if (r < 0 && !(optional && r == -ENOENT)) {
		e->cni = ERR_CONFIG;
		return r;
	}
	*ret = strdup(buf_cstr(&b));
	if (b.s)
		explicit_bzero(b.s, b.cap);
	return *ret ? 0 : err_nomem(e);
}

int certificate_read_files(const struct controller_config *conf, struct certificate *ret, struct err *e)
{
	const char *slash = strrchr(conf->cert, '/');
	CLEANUP(free_p) char *ca = NULL;
	int r;

	*ret = (struct certificate){ 0 };
	if (asprintf(&ca, "%.*s" CA, slash ? (int)(slash + 1 - conf->cert) : 0, conf->cert) < 0) {
		ca = NULL;
		return err_nomem(e);
	}
	r = read_file(conf->cert, false, &ret->cert, e);
	if (r == 0)
		r = read_file(conf->key, false, &ret->key, e);
	if (r == 0)
		r = read_file(ca, true, &ret->ca, e);
	if (r == 0)
		r = certificate_check(ret, NULL, clock_wall_ms(), e);
	if (r >= 0) /* when it is renewed is not our business */
		return 0;
	certificate_clear(ret);
	return err_wrap(e, "%s", conf->cert);
}

/* ---- the Secret as a tree ---- */

static int decode_one(struct json_object *secret, const char *key, char **ret, struct err *e)
{
	const char *text = json_get_str(json_get(secret, "data"), key);
	const gnutls_datum_t in = { (unsigned char *)text, text ? (unsigned)strlen(text) : 0 };
	gnutls_datum_t out = { 0 };
	int r;

	if (!in.size) {
		*ret = strdup("");
		return *ret ? 0 : err_nomem(e);
	}
	r = gnutls_base64_decode2(&in, &out);
	if (r < 0)
		return err_code(e, ERR_CONFIG, EINVAL, "data[%s]: %s", key, gnutls_strerror(r));
	*ret = strndup((const char *)out.data, out.size);
	explicit_bzero(out.data, out.size);
	gnutls_free(out.data);
	return *ret ? 0 : err_nomem(e);
}

static int decode(struct json_object *secret, struct certificate *ret, struct err *e)
{
	int r = decode_one(secret, CA, &ret->ca, e);

	if (r == 0)
		r = decode_one(secret, CERT, &ret->cert, e);
	if (r == 0)
		r = decode_one(secret, KEY, &ret->key, e);
	if (r < 0)
		certificate_clear(ret);
	return r;
}

static int encode_one(struct json_object *data, const char *key, const char *text, struct err *e)
{
	const gnutls_datum_t in = { (unsigned char *)text, (unsigned)strlen(text) };
	CLEANUP(free_p) char *coded = NULL;
	gnutls_datum_t out;
	int r = gnutls_base64_encode2(&in, &out);

	if (r < 0)
		return err_nomem(e);
	coded = strndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	return coded ? json_set_str(data, key, coded, e) : err_nomem(e);
}

static int member(struct json_object *o, const char *key, struct json_object **ret, struct err *e)
{
	int r = json_get(o, key) ? 0 : json_set(o, key, json_object_new_object(), e);

	*ret = json_get(o, key);
	return r;
}

static int fill(struct json_object *secret, const char *ns, const char *name, const struct certificate *c,
		struct err *e)
{
	struct json_object *meta, *labels, *data;
	int r = json_set_str(secret, "apiVersion", "v1", e);

	if (r == 0)
		r = json_set_str(secret, "kind", "Secret", e);
	if (r == 0)
		r = json_set_str(secret, "type", "kubernetes.io/tls", e);
	if (r == 0)
		r = member(secret, "metadata", &meta, e);
	if (r == 0)
		r = json_set_str(meta, "namespace", ns, e);
	if (r == 0)
		r = json_set_str(meta, "name", name, e);
	if (r == 0)
		r = member(meta, "labels", &labels, e);
	if (r == 0)
		r = json_set_str(labels, OWNER, OWNED, e);
	if (r == 0)
		r = member(secret, "data", &data, e);
	if (r == 0)
		r = encode_one(data, CA, c->ca, e);
	if (r == 0)
		r = encode_one(data, CERT, c->cert, e);
	if (r == 0)
		r = encode_one(data, KEY, c->key, e);
	return r;
}

/* ---- reading, making, renewing ---- */

struct keeping {
	struct kube *k;
	const struct controller_config *conf;
	const struct certificate *mine;
	const char *trusted;
	struct kube_op op;
	struct certificate_names names;
	char name[320];
};

/* Creates the Secret, or replaces the version that was read. */
static int write_secret(struct keeping *s, struct json_object *secret, const struct certificate *c,
			struct err *e)
{
	CLEANUP(json_put_p) struct json_object *fresh = NULL;
	struct buf text = BUF_INIT(TEXT_MAX);
	const bool create = !secret;
	int r;

	if (create)
		secret = fresh = json_object_new_object();
	if (!secret)
		return err_nomem(e);
	r = fill(secret, s->conf->ns, s->name, c, e);
	if (r == 0)
		r = json_print(secret, false, &text, e);
	if (r == 0)
		r = (create ? kube_create : kube_update)(s->k, &s->op, text.s, text.len, NULL, e);
	if (text.s)
		explicit_bzero(text.s, text.cap);
	buf_clear(&text);
	return r;
}

/* Another certificate; who trusts the old authority goes on doing so. */
static int make(struct keeping *s, const char *old_bundle, struct certificate *ret, struct err *e)
{
	CLEANUP(buf_clear) struct buf bundle = BUF_INIT(CERTIFICATE_PEM_MAX);
	CLEANUP(buf_clear) struct buf old = BUF_INIT(8 * CERTIFICATE_PEM_MAX);
	const int64_t now = clock_wall_ms();
	int r = certificate_make(&s->names, now, ret, e);

	buf_fmt(&old, "%s\n%s\n%s", old_bundle, s->mine->ca ? s->mine->ca : "", s->trusted);
	if (r == 0)
		r = certificate_bundle(ret->ca, buf_cstr(&old), now, &bundle, e);
	if (r < 0)
		return r;
	free(ret->ca);
	ret->ca = strdup(buf_cstr(&bundle));
	return ret->ca ? 0 : err_nomem(e);
}

static int copy(const struct certificate *in, struct certificate *out, struct err *e)
{
	out->ca = strdup(in->ca);
	out->cert = strdup(in->cert);
	out->key = strdup(in->key);
	return out->ca && out->cert && out->key ? 0 : err_nomem(e);
}

/* There is none: ours is stored again, if we have one, since it is what the API server trusts. */
static int create(struct keeping *s, struct certificate *ret, struct err *e)
{
	struct err ignored;
	int r;

	if (s->mine->cert && certificate_check(s->mine, &s->names, clock_wall_ms(), &ignored) == 0)
		r = copy(s->mine, ret, e);
	else
		r = make(s, "", ret, e);
	if (r == 0)
		r = write_secret(s, NULL, ret, e);
	if (r == 0)
		say(LOG_LEVEL_INFO, "made the certificate of admission: Secret %s/%s", s->conf->ns, s->name);
	return r;
}

static bool is_ours(struct json_object *secret)
{
	const char *owner = json_get_str(json_get(json_get(secret, "metadata"), "labels"), OWNER);

	return owner && strcmp(owner, OWNED) == 0;
}

static int renew(struct keeping *s, struct json_object *secret, const char *why, struct certificate *c,
		 struct err *e)
{
	struct certificate fresh = { 0 };
	int r = make(s, c->ca ? c->ca : "", &fresh, e);

	if (r == 0)
		r = write_secret(s, secret, &fresh, e);
	if (r < 0) {
		certificate_clear(&fresh);
		return r;
	}
	say(LOG_LEVEL_INFO, "renewed the certificate of admission: Secret %s/%s: %s", s->conf->ns, s->name,
	    why);
	certificate_clear(c);
	*c = fresh;
	return 0;
}

static int look(struct keeping *s, struct json_object *secret, struct certificate *ret, struct err *e)
{
	const bool ours = is_ours(secret);
	struct err why;
	int r = decode(secret, ret, &why);

	if (r == 0)
		r = certificate_check(ret, ours ? &s->names : NULL, clock_wall_ms(), &why);
	if (r == 0 || (r == 1 && !ours))
		return 0;
	if (r == -ENOMEM)
		return err_nomem(e);
	if (!ours)
		return err_code(
			e, ERR_IO, EINVAL,
			"Secret %s/%s: %s: it was not made by the controller: correct it, or delete it to let "
			"the controller make one",
			s->conf->ns, s->name, why.msg);
	if (r < 0)
		return renew(s, secret, why.msg, ret, e);
	r = renew(s, secret, "two thirds of its time are over", ret, e);
	if (r == 0 || r == -ESTALE || r == -ENOMEM)
		return r;
	/* Early enough to wait for a better moment. */
	err_wrap(e, "Secret %s/%s: two thirds of its time are over, and it could not be renewed", s->conf->ns,
		 s->name);
	return 1;
}

static int attempt(struct keeping *s, struct certificate *ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *secret = NULL;
	int r = kube_get(s->k, &s->op, &secret, e);

	if (r == -ENOENT)
		return create(s, ret, e);
	return r < 0 ? r : look(s, secret, ret, e);
}

int certificate_read_secret(struct kube *k, const struct controller_config *conf,
			    const struct certificate *mine, const char *trusted, struct deadline until,
			    struct kube_cancel *cancel, struct certificate *ret, struct err *e)
{
	struct keeping s = { .k = k, .conf = conf, .mine = mine, .trusted = trusted };
	int r = -ESTALE;

	certificate_names(conf->name, conf->ns, &s.names);
	snprintf(s.name, sizeof(s.name), "%s" CERTIFICATE_SECRET, conf->name);
	s.op = (struct kube_op){
		.res = &secrets, .ns = conf->ns, .name = s.name, .until = until, .cancel = cancel
	};
	*ret = (struct certificate){ 0 };
	/* Another replica may be faster. */
	for (int i = 0; i < TRIES && (r == -ESTALE || r == -EEXIST); i++) {
		certificate_clear(ret);
		r = attempt(&s, ret, e);
	}
	if (r < 0) {
		certificate_clear(ret);
		return err_wrap(e, "the certificate of admission");
	}
	return r;
}
