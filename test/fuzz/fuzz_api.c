/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_api.c - objects from text: identity, defaults once and for all, validation that means what it accepts
 *
 * Input: a byte of switches, then one JSON object a line. The last line is the object in question, the others
 * are the world; if the one before the last has the same kind, it is the old object of an update.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/api.h"
#include "base/own.h"

#define OBJECTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct err err;

struct object {
	enum api_kind kind;
	struct api_object *o;
};

static void must(int ok)
{
	if (!ok)
		abort();
}

/* What was decoded is encoded, and that text stands for itself. */
static void check_identity(const struct object *o, struct buf *text)
{
	CLEANUP(free_p) struct api_object *again = calloc(1, api_kinds[o->kind].size);
	struct buf second = BUF_INIT(BUF_MAX_DEFAULT);

	must(again != NULL);
	buf_reset(text);
	must(api_encode_text(o->kind, o->o, text, &err) == 0);
	must(api_decode_text(o->kind, text->s, text->len, "again", again, &err) == 0);
	must(api_encode_text(o->kind, again, &second, &err) == 0);
	must(strcmp(text->s, second.s) == 0);
	api_clear(o->kind, again);
	buf_clear(&second);
}

static void check_defaults(const struct object *o, const struct api_world *w)
{
	struct buf first = BUF_INIT(BUF_MAX_DEFAULT), second = BUF_INIT(BUF_MAX_DEFAULT);

	must(api_default(o->kind, o->o, w, &err) == 0);
	check_identity(o, &first);
	must(api_default(o->kind, o->o, w, &err) == 0);
	check_identity(o, &second);
	must(strcmp(first.s, second.s) == 0);
	buf_clear(&first);
	buf_clear(&second);
}

/* What any new pool that was accepted promises. */
static void check_accepted(const struct api_ippool *p, const struct api_world *w)
{
	const struct api_range_spec *s = &p->spec.range;
	struct ip_set total, other;
	struct ip_prefix net, theirs;
	struct ip gw;

	must(ip_prefix_parse(s->subnet, &net, &err) == 0 && net.ip.ver == api_range_version(s));
	must(api_range_total(s, &total, &err) == 0);
	must(!total.n || (total.r[0].lo >= ip_prefix_range(net).lo &&
			  total.r[total.n - 1].hi <= ip_prefix_range(net).hi));
	if (s->gateway)
		must(ip_parse(s->gateway, &gw, &err) == 0 && ip_prefix_contains(net, gw) &&
		     !ip_set_has(&total, gw.n));
	for (size_t i = 0; i < w->n_pools; i++) {
		if (api_range_total(&w->pools[i]->spec.range, &other, &err) == 0)
			must(!ip_set_overlaps(&total, &other) || !w->pools[i]->spec.range.subnet ||
			     ip_prefix_parse(w->pools[i]->spec.range.subnet, &theirs, &err) < 0 ||
			     !ip_prefix_overlaps(net, theirs));
		ip_set_clear(&other);
	}
	ip_set_clear(&total);
}

static void check_answer(const struct object *o, int r)
{
	must(r <= 0);
	if (r == 0)
		return;
	must(err.cni == ERR_CONFIG && r == -err.sys);
	must(strncmp(err.msg, api_kinds[o->kind].kind, strlen(api_kinds[o->kind].kind)) == 0);
}

static void check_all(const struct object *objects, size_t n, struct api_world *w, bool defaults)
{
	const struct object *o = &objects[n - 1], *old = n > 1 ? &objects[n - 2] : NULL;
	int r;

	if (defaults)
		check_defaults(o, w);
	r = api_validate_create(o->kind, o->o, w, &err);
	check_answer(o, r);
	if (r == 0 && o->kind == API_IPPOOL)
		check_accepted((const struct api_ippool *)o->o, w);
	if (old && old->kind == o->kind)
		check_answer(o, api_validate_update(o->kind, old->o, o->o, w, &err));
	check_answer(o, api_validate_delete(o->kind, o->o, w, &err));
}

static size_t read_objects(char *text, struct object *objects)
{
	size_t n = 0;

	for (char *line = strtok(text, "\n"); line && n < OBJECTS_MAX; line = strtok(NULL, "\n")) {
		CLEANUP(json_put_p) struct json_object *tree = NULL;
		struct object *o = &objects[n];

		if (json_parse(line, strlen(line), "fuzz", &tree, &err) == 0 &&
		    api_decode(tree, "fuzz", &o->kind, &o->o, &err) == 0)
			n++;
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct api_ippool *pools[OBJECTS_MAX];
	const struct api_subnet *subnets[OBJECTS_MAX];
	struct object objects[OBJECTS_MAX];
	struct buf text = BUF_INIT(BUF_MAX_DEFAULT);
	struct ip_set held = { 0 };
	struct api_world w = { .pools = pools, .subnets = subnets };
	char *copy;
	size_t n;

	if (!size)
		return 0;
	w.enable_ipv4 = !(data[0] & 1);
	w.enable_ipv6 = !(data[0] & 2);
	w.enable_subnet = !(data[0] & 4);
	w.by_controller = data[0] & 8;
	w.refuse_delete_in_use = true;
	copy = strndup((const char *)data + 1, size - 1);
	must(copy != NULL);
	n = read_objects(copy, objects);
	for (size_t i = 0; i + 1 < n; i++) {
		if (objects[i].kind == API_IPPOOL)
			pools[w.n_pools++] = (const struct api_ippool *)objects[i].o;
		if (objects[i].kind == API_SUBNET)
			subnets[w.n_subnets++] = (const struct api_subnet *)objects[i].o;
	}
	/* The pool's own first address counts as held. */
	if (n && objects[0].kind == API_IPPOOL &&
	    api_range_total(&((struct api_ippool *)objects[0].o)->spec.range, &held, &err) == 0)
		w.held = &held;
	for (size_t i = 0; i < n; i++)
		check_identity(&objects[i], &text);
	if (n)
		check_all(objects, n, &w, !(data[0] & 16));
	for (size_t i = 0; i < n; i++)
		api_free(objects[i].kind, objects[i].o);
	ip_set_clear(&held);
	buf_clear(&text);
	free(copy);
	return 0;
}
