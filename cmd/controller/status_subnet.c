/* SPDX-License-Identifier: Apache-2.0 */
/* status_subnet.c - what is published about a subnet, from the pools below it */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "status.h"

#define LABEL(word) "ipam.spidernet.io/owner-application-" word
#define TEXT_MAX    ((size_t)1 << 20)

/* "apps_v1_Deployment_default_web"; NULL in *ret for a pool of no application. */
static int application_of(const struct api_ippool *p, char **ret, struct err *e)
{
	static const char *const keys[] = { LABEL("gv"), LABEL("kind"), LABEL("namespace"), LABEL("name") };
	struct buf b = BUF_INIT(1024);

	*ret = NULL;
	if (!json_map_get(&p->obj.meta.labels, API_LABEL_APP_NAME))
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const char *v = json_map_get(&p->obj.meta.labels, keys[i]);

		buf_fmt(&b, "%s%s", i ? "_" : "", v ? v : "");
	}
	if (b.err) {
		buf_clear(&b);
		return err_nomem(e);
	}
	*ret = b.s;
	return 0;
}

static int add_ranges(struct json_object *o, const struct ip_set *s, struct err *e)
{
	struct json_object *a = json_object_new_array();
	char text[IP_RANGE_MAX];
	int r = json_set(o, "ips", a, e);

	for (size_t i = 0; r == 0 && i < s->n; i++)
		r = json_append(a, json_object_new_string(ip_range_format(s->ver, s->r[i], text)), e);
	return r;
}

static int add_pool(struct json_object *map, const struct api_ippool *p, const struct ip_set *own,
		    struct err *e)
{
	CLEANUP(free_p) char *application = NULL;
	struct json_object *o = json_object_new_object();
	int r = json_set(map, p->obj.meta.name, o, e);

	if (r == 0)
		r = add_ranges(o, own, e);
	if (r == 0)
		r = application_of(p, &application, e);
	return r < 0 ? r : json_set_str(o, "application", application, e);
}

static int compare(const void *a, const void *b)
{
	const struct api_ippool *const *x = a, *const *y = b;

	return strcmp((*x)->obj.meta.name, (*y)->obj.meta.name);
}

/* Those of the subnet's CIDR, by name. */
static int below(const struct api_subnet *s, const struct api_ippool *const *pools, size_t n,
		 const struct api_ippool ***ret, size_t *ret_n, struct err *e)
{
	const struct api_ippool **v = calloc(n + 1, sizeof(*v));

	if (!v)
		return err_nomem(e);
	*ret = v;
	*ret_n = 0;
	for (size_t i = 0; i < n; i++)
		if (pools[i]->spec.range.subnet && pools[i]->obj.meta.name && s->spec.subnet &&
		    strcmp(pools[i]->spec.range.subnet, s->spec.subnet) == 0)
			v[(*ret_n)++] = pools[i];
	qsort(v, *ret_n, sizeof(*v), compare);
	return 0;
}

/* A pool whose ranges cannot be read has none. */
static int own_of(const struct api_ippool *p, const struct ip_set *total, struct ip_set *ret, struct err *e)
{
	struct err why;
	int r = api_range_total(&p->spec.range, ret, &why);

	if (r == -ENOMEM)
		return err_nomem(e);
	return r < 0 ? 0 : ip_set_intersect(ret, total, e);
}

static int collect(const struct api_ippool *const *v, size_t n, const struct ip_set *total,
		   struct ip_set *given, struct json_object *map, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct ip_set own = { .ver = total->ver };

		r = own_of(v[i], total, &own, e);
		if (r == 0 && own.n)
			r = add_pool(map, v[i], &own, e);
		if (r == 0)
			r = ip_set_add_set(given, &own, e);
		ip_set_clear(&own);
	}
	return r;
}

static int controlled(struct json_object *map, struct status_subnet *now, struct err *e)
{
	CLEANUP(buf_clear) struct buf b = BUF_INIT(TEXT_MAX);
	int r = json_object_object_length(map) ? json_print(map, false, &b, e) : 0;

	free(now->controlled_pools);
	now->controlled_pools = r == 0 ? TAKE_PTR(b.s) : NULL;
	return r;
}

static int say_subnet(const struct api_subnet *s, int64_t now_ms, struct status_subnet *now, struct err *e)
{
	bool none = !now->total.v, is = now->allocated.v >= now->total.v;
	const struct status_said said = { STATUS_EXHAUSTED, is, false,
					  none ? "NoAddresses"
					  : is ? "AllInPools"
					       : "SomeFree",
					  none ? "the subnet has no addresses"
					  : is ? "every address is in a pool"
					       : "addresses are in no pool yet" };
	int r = status_say(&now->conditions, &said, s->obj.meta.generation.v, now_ms, e);

	return r < 0 ? r : 0;
}

int status_subnet_fill(const struct api_subnet *s, const struct api_ippool *const *pools, size_t n,
		       int64_t now_ms, struct status_subnet *now, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *map = json_object_new_object();
	CLEANUP(free_p) const struct api_ippool **v = NULL;
	CLEANUP(ip_set_clear) struct ip_set total = { 0 };
	CLEANUP(ip_set_clear) struct ip_set given = { 0 };
	size_t n_below = 0;
	int r = map ? api_range_total(&s->spec, &total, e) : err_nomem(e);

	given.ver = total.ver;
	if (r == 0)
		r = below(s, pools, n, &v, &n_below, e);
	if (r == 0)
		r = collect(v, n_below, &total, &given, map, e);
	if (r == 0)
		r = controlled(map, now, e);
	now->total = (struct json_int){ true, ip_set_count(&total) };
	now->allocated = (struct json_int){ true, ip_set_count(&given) };
	return r < 0 ? r : say_subnet(s, now_ms, now, e);
}
