/* SPDX-License-Identifier: Apache-2.0 */
/* cabundle.c - caBundle of our webhook configurations */
#include "cabundle.h"

#include <errno.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/tree.h"
#include "kube/object.h"

#define GROUP    "admissionregistration.k8s.io"
#define INJECTOR "cert-manager.io/inject-ca-from" /* and "...-secret" */
#define TRIES    4

static const struct kube_resource kinds[] = {
	{ GROUP, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", false },
	{ GROUP, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", false },
};

static const struct {
	const struct kube_resource *res;
	const char *suffix;
} ours[] = { { &kinds[0], "" }, { &kinds[1], "" }, { &kinds[0], "-pods" } };

/* ---- pure ---- */

static bool is_injected(struct json_object *config)
{
	struct json_object *annotations = json_get(json_get(config, "metadata"), "annotations");

	return json_get(annotations, INJECTOR) || json_get(annotations, INJECTOR "-secret");
}

static int operation(struct json_object *patch, const char *op, const char *path, const char *value,
		     struct err *e)
{
	struct json_object *o = json_object_new_object();
	int r = json_append(patch, o, e);

	if (r == 0)
		r = json_set_str(o, "op", op, e);
	if (r == 0)
		r = json_set_str(o, "path", path, e);
	return r < 0 ? r : json_set_str(o, "value", value, e);
}

int cabundle_patch(struct json_object *config, const char *coded, struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *patch = json_object_new_array();
	struct json_object *hooks = json_get(config, "webhooks");
	const char *version = kube_meta(config, "resourceVersion");
	int r = patch ? 0 : err_nomem(e);

	*ret = NULL;
	if (r < 0 || is_injected(config) || !version)
		return r;
	r = operation(patch, "test", "/metadata/resourceVersion", version, e);
	for (size_t i = 0; i < json_len(hooks) && r == 0; i++) {
		struct json_object *client = json_get(json_at(hooks, i), "clientConfig");
		const char *now = json_get_str(client, "caBundle");
		char path[64];

		if (!client || (now && strcmp(now, coded) == 0))
			continue;
		snprintf(path, sizeof(path), "/webhooks/%zu/clientConfig/caBundle", i);
		r = operation(patch, "add", path, coded, e);
	}
	if (r == 0 && json_len(patch) > 1)
		*ret = TAKE_PTR(patch);
	return r;
}

/* ---- the API ---- */

struct where {
	struct kube *k;
	char name[320];
	struct kube_op op;
};

static void where(struct kube *k, const char *name, size_t i, struct deadline until,
		  struct kube_cancel *cancel, struct where *ret)
{
	ret->k = k;
	snprintf(ret->name, sizeof(ret->name), "%s%s", name, ours[i].suffix);
	ret->op = (struct kube_op){ .res = ours[i].res, .name = ret->name, .until = until, .cancel = cancel };
}

static void add_bundles(struct json_object *config, struct buf *out)
{
	struct json_object *hooks = json_get(config, "webhooks");

	for (size_t i = 0; i < json_len(hooks); i++) {
		const char *coded = json_get_str(json_get(json_at(hooks, i), "clientConfig"), "caBundle");
		const gnutls_datum_t in = { (unsigned char *)coded, coded ? (unsigned)strlen(coded) : 0 };
		gnutls_datum_t text = { 0 };

		if (!in.size || gnutls_base64_decode2(&in, &text) < 0)
			continue;
		buf_add(out, text.data, text.size);
		buf_chr(out, '\n');
		gnutls_free(text.data);
	}
}

int cabundle_read(struct kube *k, const char *name, struct deadline until, struct kube_cancel *cancel,
		  struct buf *out, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		CLEANUP(json_put_p) struct json_object *config = NULL;
		struct where w;
		int r;

		where(k, name, i, until, cancel, &w);
		r = kube_get(k, &w.op, &config, e);
		if (r < 0 && r != -ENOENT)
			return r;
		add_bundles(config, out);
	}
	return 0;
}

/* 1: written. */
static int write_one(struct where *w, const char *coded, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *config = NULL;
	CLEANUP(json_put_p) struct json_object *patch = NULL;
	CLEANUP(buf_clear) struct buf text = BUF_INIT(KUBE_REQUEST_MAX);
	int r = kube_get(w->k, &w->op, &config, e);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = cabundle_patch(config, coded, &patch, e);
	if (r < 0 || !patch)
		return r;
	r = json_print(patch, false, &text, e);
	if (r == 0)
		r = kube_patch(w->k, &w->op, KUBE_JSON_PATCH, text.s, text.len, NULL, e);
	return r < 0 ? r : 1;
}

static int encode(const char *bundle, char **ret, struct err *e)
{
	const gnutls_datum_t in = { (unsigned char *)bundle, (unsigned)strlen(bundle) };
	gnutls_datum_t out;

	if (gnutls_base64_encode2(&in, &out) < 0)
		return err_nomem(e);
	*ret = strndup((const char *)out.data, out.size);
	gnutls_free(out.data);
	return *ret ? 0 : err_nomem(e);
}

int cabundle_write(struct kube *k, const char *name, const char *bundle, struct deadline until,
		   struct kube_cancel *cancel, struct err *e)
{
	CLEANUP(free_p) char *coded = NULL;
	int r = encode(bundle, &coded, e), wrote = 0;

	for (size_t i = 0; i < ARRAY_LEN(ours) && r >= 0; i++) {
		struct where w;

		where(k, name, i, until, cancel, &w);
		r = -ESTALE;
		/* A patch whose test fails is 422: somebody else has written. */
		for (int n = 0; n < TRIES && (r == -ESTALE || r == -EINVAL); n++)
			r = write_one(&w, coded, e);
		wrote |= r > 0;
	}
	return r < 0 ? err_wrap(e, "caBundle of the webhooks") : wrote;
}
