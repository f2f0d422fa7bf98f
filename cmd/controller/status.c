/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - conditions, and the patch that publishes a status */
#include "status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/own.h"

static const struct json_field condition_fields[] = {
	JF(struct status_condition, type, "type"),
	JF(struct status_condition, status, "status"),
	JF(struct status_condition, reason, "reason"),
	JF(struct status_condition, message, "message"),
	JF(struct status_condition, generation, "observedGeneration"),
	JF(struct status_condition, changed_at, "lastTransitionTime"),
};
static const struct json_table condition_table =
	JSON_TABLE(struct status_condition, "condition", condition_fields);

static const struct json_field pool_fields[] = {
	JF(struct status_pool, allocated_ips, "allocatedIPs"),
	JF(struct status_pool, total, "totalIPCount"),
	JF(struct status_pool, allocated, "allocatedIPCount"),
	JF(struct status_pool, observed_generation, "observedGeneration"),
	JF(struct status_pool, observed_version, "observedVersion"),
	JL(struct status_pool, conditions, "conditions", &condition_table),
};
const struct json_table status_pool_table = JSON_TABLE(struct status_pool, "status", pool_fields);

static const struct json_field subnet_fields[] = {
	JF(struct status_subnet, controlled_pools, "controlledIPPools"),
	JF(struct status_subnet, total, "totalIPCount"),
	JF(struct status_subnet, allocated, "allocatedIPCount"),
	JL(struct status_subnet, conditions, "conditions", &condition_table),
};
const struct json_table status_subnet_table = JSON_TABLE(struct status_subnet, "status", subnet_fields);

/* ---- conditions ---- */

const struct status_condition *status_find(const struct status_conditions *l, const char *type)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i].type && strcmp(l->v[i].type, type) == 0)
			return &l->v[i];
	return NULL;
}

bool status_is(const struct status_conditions *l, const char *type)
{
	const struct status_condition *c = status_find(l, type);

	return c && c->status && strcmp(c->status, "True") == 0;
}

static struct status_condition *add_condition(struct status_conditions *l, const char *type, struct err *e)
{
	struct status_condition *v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v) {
		(void)err_nomem(e);
		return NULL;
	}
	l->v = v;
	l->set = true;
	v = &v[l->n];
	*v = (struct status_condition){ .type = strdup(type) };
	if (!v->type) {
		(void)err_nomem(e);
		return NULL;
	}
	l->n++;
	return v;
}

/* 1: it was something else. */
static int replace(char **s, const char *with, struct err *e)
{
	char *copy;

	if (*s && strcmp(*s, with) == 0)
		return 0;
	copy = strdup(with);
	if (!copy)
		return err_nomem(e);
	free(*s);
	*s = copy;
	return 1;
}

int status_say(struct status_conditions *l, const struct status_said *s, int64_t generation, int64_t now,
	       struct err *e)
{
	struct status_condition *c = (struct status_condition *)status_find(l, s->type);
	char at[CLOCK_TEXT_MAX];
	int r, changed = 0;

	if (!c && s->quiet && !s->is)
		return 0;
	if (!c)
		c = add_condition(l, s->type, e);
	if (!c)
		return -ENOMEM;
	r = replace(&c->status, s->is ? "True" : "False", e);
	if (r > 0 || (r == 0 && !c->changed_at))
		changed = r = replace(&c->changed_at, clock_format(now, at), e);
	if (r >= 0)
		changed |= r = replace(&c->reason, s->reason, e);
	if (r >= 0)
		changed |= r = replace(&c->message, s->message, e);
	if (r < 0)
		return r;
	changed |= !c->generation.set || c->generation.v != generation;
	c->generation = (struct json_int){ true, generation };
	return changed;
}

int status_read(const struct json_table *t, struct json_object *object, void *out, struct err *e)
{
	struct json_object *status = json_get(object, "status");

	memset(out, 0, t->size);
	return status ? json_decode(t, status, "status", out, e) : 0;
}

/* ---- the patch ---- */

/* A merge patch takes away what it names as null. */
static int null_absent(const struct json_table *t, struct json_object *o, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < t->n; i++)
		if (!json_get(o, t->f[i].key))
			r = json_put_member(o, t->f[i].key, NULL, e);
	return r;
}

static int wrap(const char *uid, const char *version, struct json_object *status, struct json_object *o,
		struct err *e)
{
	struct json_object *meta = json_object_new_object();
	int r = json_set(o, "metadata", meta, e);

	if (r == 0)
		r = json_set_str(meta, "uid", uid, e);
	if (r == 0)
		r = json_set_str(meta, "resourceVersion", version, e);
	return r < 0 ? r : json_set(o, "status", json_object_get(status), e);
}

static bool is_equal(const struct json_table *t, const void *old, const void *now)
{
	CLEANUP(buf_clear) struct buf a = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(buf_clear) struct buf b = BUF_INIT(BUF_MAX_DEFAULT);
	struct err e;

	return json_encode_text(t, old, &a, &e) == 0 && json_encode_text(t, now, &b, &e) == 0 &&
	       a.len == b.len && memcmp(buf_cstr(&a), buf_cstr(&b), a.len) == 0;
}

int status_patch(const struct json_table *t, const char *uid, const char *version, const void *old,
		 const void *now, struct buf *out, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *status = NULL;
	CLEANUP(json_put_p) struct json_object *o = NULL;
	int r;

	if (is_equal(t, old, now))
		return 0;
	r = json_encode(t, now, &status, e);
	if (r == 0)
		r = null_absent(t, status, e);
	o = json_object_new_object();
	if (r == 0)
		r = o ? wrap(uid, version, status, o, e) : err_nomem(e);
	if (r == 0)
		r = json_print(o, false, out, e);
	return r < 0 ? r : 1;
}
