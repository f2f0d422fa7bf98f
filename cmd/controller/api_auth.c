/* SPDX-License-Identifier: Apache-2.0 */
/* api_auth.c - who calls the HTTP API, and may they */
#include "api_auth.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/own.h"
#include "kube/object.h"

#define TOKEN_MAX  8192
#define REVIEW_MS  5000
#define SCHEME     "Bearer "
#define ANSWER_MAX ((size_t)64 << 10)

static const struct kube_resource tokens = { "authentication.k8s.io", "v1", "tokenreviews", "TokenReview",
					     false };
static const struct kube_resource rights = { "authorization.k8s.io", "v1", "subjectaccessreviews",
					     "SubjectAccessReview", false };

/* A review with its spec, which is taken over; the answer's status is in *ret, to be released. */
static int review(struct controller *c, const struct kube_resource *res, struct json_object *spec,
		  struct json_object **ret, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *o = json_object_new_object();
	CLEANUP(buf_clear) struct buf version = BUF_INIT(128), text = BUF_INIT(ANSWER_MAX);
	struct kube_op op = { .res = res, .until = deadline_in(REVIEW_MS) };
	int r;

	*ret = NULL;
	if (!o) {
		json_object_put(spec);
		return err_nomem(e);
	}
	kube_resource_version(res, &version);
	r = json_set(o, "spec", spec, e);
	if (r == 0)
		r = json_set_str(o, "apiVersion", buf_cstr(&version), e);
	if (r == 0)
		r = json_set_str(o, "kind", res->kind, e);
	if (r == 0)
		r = json_print(o, false, &text, e);
	return r < 0 ? r : kube_create(c->k, &op, text.s, text.len, ret, e);
}

static const char *token_of(const struct http_exchange *x)
{
	const char *header = http_header(x, "Authorization");

	if (!header || strncasecmp(header, SCHEME, sizeof(SCHEME) - 1) != 0)
		return NULL;
	header += sizeof(SCHEME) - 1;
	return header[0] && strlen(header) <= TOKEN_MAX ? header : NULL;
}

/* 1 and the answer with the user, 0: the token is nobody's. */
static int identify(struct controller *c, const char *token, struct json_object **ret, struct err *e)
{
	struct json_object *spec = json_object_new_object();
	bool known = false;
	int r;

	if (!spec)
		return err_nomem(e);
	r = json_set_str(spec, "token", token, e);
	if (r < 0) {
		json_object_put(spec);
		return r;
	}
	r = review(c, &tokens, spec, ret, e);
	return r < 0 ? r : json_get_bool(json_get(*ret, "status"), "authenticated", &known) && known;
}

static int ask_spec(struct json_object *user, const struct http_exchange *x, struct json_object *spec,
		    struct err *e)
{
	struct json_object *groups = NULL, *what = json_object_new_object();
	char verb[16];
	size_t n = 0;
	int r;

	for (; x->method[n] && n + 1 < sizeof(verb); n++)
		verb[n] = (char)tolower((unsigned char)x->method[n]);
	verb[n] = '\0';
	r = json_set(spec, "nonResourceAttributes", what, e);
	if (r == 0)
		r = json_set_str(what, "path", x->path, e);
	if (r == 0)
		r = json_set_str(what, "verb", verb, e);
	if (r == 0)
		r = json_set_str(spec, "user", json_get_str(user, "username"), e);
	if (r == 0)
		r = json_dup(json_get(user, "groups"), &groups, e);
	return r < 0 || !groups ? r : json_set(spec, "groups", groups, e);
}

/* 1: allowed. */
static int allowed(struct controller *c, struct json_object *user, const struct http_exchange *x,
		   struct err *e)
{
	CLEANUP(json_put_p) struct json_object *answer = NULL;
	struct json_object *spec = json_object_new_object();
	bool yes = false;
	int r;

	if (!spec)
		return err_nomem(e);
	r = ask_spec(user, x, spec, e);
	if (r < 0) {
		json_object_put(spec);
		return r;
	}
	r = review(c, &rights, spec, &answer, e);
	return r < 0 ? r : json_get_bool(json_get(answer, "status"), "allowed", &yes) && yes;
}

int api_auth(struct controller *c, struct http_exchange *x, char **user)
{
	CLEANUP(json_put_p) struct json_object *answer = NULL;
	const char *token = token_of(x), *name;
	struct json_object *who;
	struct err e;
	int r = token ? identify(c, token, &answer, &e) : 0;

	*user = NULL;
	who = json_get(json_get(answer, "status"), "user");
	name = json_get_str(who, "username");
	if (r == 0 || (r > 0 && !name)) {
		http_say(x, 401, "want the bearer token of somebody in the header Authorization");
		return -EACCES;
	}
	if (r > 0)
		r = allowed(c, who, x, &e);
	if (r == 0) {
		http_say(
			x, 403,
			"%s may not %s %s: it takes a rule with this path in nonResourceURLs and the method, in "
			"lower case, in verbs",
			name, x->method, x->path);
		return -EACCES;
	}
	if (r > 0)
		*user = strdup(name);
	if (*user)
		return 0;
	http_say(x, 503, "who calls could not be found out: %s", r < 0 ? e.msg : "out of memory");
	return -EAGAIN;
}
