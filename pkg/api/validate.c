/* SPDX-License-Identifier: Apache-2.0 */
/* validate.c - what the validating webhook answers: create, update, delete of every kind */
#include <string.h>

#include "api/check.h"
#include "api/tables.h"

/* Puts kind and name in front. */
static int say_which(enum api_kind kind, const struct api_object *o, struct err *e)
{
	const struct api_meta *m = &o->meta;
	bool ns = api_kinds[kind].namespaced && m->ns, name = m->name && *m->name;

	return err_wrap(e, "%s%s%s%s%s", api_kinds[kind].kind, name ? " " : "", name && ns ? m->ns : "",
			name && ns ? "/" : "", name ? m->name : "");
}

static int check_meta(enum api_kind kind, const struct api_meta *m, struct err *e)
{
	if (!m->name || !*m->name)
		return check_failed(e, "metadata.name: missing: want a name");
	if (check_dns_subdomain(m->name, e) < 0)
		return err_wrap(e, "metadata.name");
	if (!api_kinds[kind].namespaced)
		return 0;
	if (!m->ns)
		return check_failed(e, "metadata.namespace: missing: want a namespace");
	return check_dns_label(m->ns, e) < 0 ? err_wrap(e, "metadata.namespace") : 0;
}

static int check(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
		 struct err *e)
{
	int r = check_meta(kind, &((const struct api_object *)obj)->meta, e);

	if (r < 0)
		return r;
	switch (kind) {
	case API_IPPOOL:
		return validate_pool(obj, old, w, e);
	case API_SUBNET:
		return validate_subnet(obj, old, w, e);
	case API_RESERVEDIP:
		return validate_reservedip(obj, old, w, e);
	case API_IPBLOCK:
		return validate_ipblock(obj, e);
	default:
		return 0;
	}
}

int api_validate_create(enum api_kind kind, const void *obj, const struct api_world *w, struct err *e)
{
	return check(kind, NULL, obj, w, e) < 0 ? say_which(kind, obj, e) : 0;
}

/* ---- update ---- */

static int same_text(const struct json_table *t, const void *a, const void *b, struct err *e)
{
	struct buf x = BUF_INIT(BUF_MAX_DEFAULT), y = BUF_INIT(BUF_MAX_DEFAULT);
	int r;

	r = json_encode_text(t, a, &x, e);
	if (r == 0)
		r = json_encode_text(t, b, &y, e);
	if (r == 0)
		r = strcmp(buf_cstr(&x), buf_cstr(&y)) == 0;
	buf_clear(&x);
	buf_clear(&y);
	return r;
}

static int same_spec(enum api_kind kind, const void *old, const void *obj, struct err *e)
{
	switch (kind) {
	case API_IPPOOL:
		return same_text(&api_ippool_spec_table, &((const struct api_ippool *)old)->spec,
				 &((const struct api_ippool *)obj)->spec, e);
	case API_SUBNET:
		return same_text(&api_subnet_spec_table, &((const struct api_subnet *)old)->spec,
				 &((const struct api_subnet *)obj)->spec, e);
	case API_RESERVEDIP:
		return same_text(&api_reservedip_spec_table, &((const struct api_reservedip *)old)->spec,
				 &((const struct api_reservedip *)obj)->spec, e);
	default:
		return 1;
	}
}

/* What goes away changes no more; its metadata must, finalizers are removed one by one. */
static int check_terminating(enum api_kind kind, const void *old, const void *obj, struct err *e)
{
	int same = same_spec(kind, old, obj, e);

	if (same)
		return same < 0 ? same : 0;
	return check_failed(e, "spec: cannot change any more, the object is being deleted since %s",
			    ((const struct api_object *)obj)->meta.deletion_timestamp);
}

int api_validate_update(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
			struct err *e)
{
	int r;

	if (((const struct api_object *)obj)->meta.deletion_timestamp)
		r = check_terminating(kind, old, obj, e);
	else
		r = check(kind, old, obj, w, e);
	return r < 0 ? say_which(kind, obj, e) : 0;
}

int api_validate_metadata(enum api_kind kind, const void *old, const void *obj, const struct api_world *w,
			  struct err *e)
{
	if (kind != API_IPPOOL || ((const struct api_object *)obj)->meta.deletion_timestamp)
		return 0;
	return validate_pool_identity(obj, old, w, e) < 0 ? say_which(kind, obj, e) : 0;
}

/* ---- delete ---- */

static int check_unused(const struct api_world *w, struct err *e)
{
	char example[IP_TEXT_MAX];

	if (!w->held || !w->held->n)
		return 0;
	return err_code(e, ERR_CONFIG, EBUSY, "%lld of its addresses in use, %s for one: %s",
			(long long)ip_set_count(w->held),
			ip_format((struct ip){ .ver = w->held->ver, .n = w->held->r[0].lo }, example),
			check_held_advice(w));
}

int api_validate_delete(enum api_kind kind, const void *obj, const struct api_world *w, struct err *e)
{
	int r;

	if (!w->refuse_delete_in_use || (kind != API_IPPOOL && kind != API_SUBNET))
		return 0;
	r = check_unused(w, e);
	if (r == 0 && kind == API_SUBNET)
		r = validate_subnet_delete(obj, w, e);
	return r < 0 ? say_which(kind, obj, e) : 0;
}
