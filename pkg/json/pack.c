/* SPDX-License-Identifier: Apache-2.0 */
/* pack.c - a struct and all that it points to, in one piece of memory */
#include <string.h>

#include "json/internal.h"

#define MEMBERS_ALIGN _Alignof(int64_t) /* of whatever a table describes */

/* Walks twice: to count, then to copy. */
struct packer {
	char *base; /* NULL: counting */
	size_t used;
	const struct json_shared *shared;
};

static void pack_members(struct packer *p, const struct json_table *t, const void *in, void *out);

/* The next n bytes, copied from in; NULL while counting. */
static void *add(struct packer *p, const void *in, size_t n, size_t align)
{
	void *to;

	p->used = (p->used + align - 1) & ~(align - 1);
	to = p->base ? p->base + p->used : NULL;
	p->used += n;
	if (to && n)
		memcpy(to, in, n);
	return to;
}

static void pack_str(struct packer *p, const char *in, char **out)
{
	const struct json_shared *s = p->shared;
	void *to;

	if (!in)
		return;
	for (size_t i = 0; s && i < s->n; i++) {
		if (strcmp(s->v[i], in) != 0)
			continue;
		if (out)
			*out = (char *)s->v[i]; /* NOLINT: who packs promises not to write */
		return;
	}
	to = add(p, in, strlen(in) + 1, 1);
	if (out)
		*out = to;
}

static void pack_strv(struct packer *p, const struct json_strv *in, struct json_strv *out)
{
	char **v = add(p, in->v, in->v ? (in->n + 1) * sizeof(*v) : 0, _Alignof(char *));

	if (out)
		out->v = in->v ? v : NULL;
	for (size_t i = 0; i < in->n; i++)
		pack_str(p, in->v[i], out ? &v[i] : NULL);
}

static void pack_map(struct packer *p, const struct json_map *in, struct json_map *out)
{
	struct json_map_entry *v = add(p, in->v, in->n * sizeof(*v), _Alignof(char *));

	if (out)
		out->v = in->n ? v : NULL;
	for (size_t i = 0; i < in->n; i++) {
		pack_str(p, in->v[i].key, out ? &v[i].key : NULL);
		pack_str(p, in->v[i].value, out ? &v[i].value : NULL);
	}
}

static void pack_structs(struct packer *p, const struct json_table *t, const struct json_list *in,
			 struct json_list *out)
{
	char *v = add(p, in->v, in->n * t->size, MEMBERS_ALIGN);

	if (out)
		out->v = in->n ? v : NULL;
	for (size_t i = 0; i < in->n; i++)
		pack_members(p, t, (const char *)in->v + i * t->size, out ? v + i * t->size : NULL);
}

static void pack_ptr(struct packer *p, const struct json_table *t, const void *in, void **out)
{
	void *to = in ? add(p, in, t->size, MEMBERS_ALIGN) : NULL;

	if (out)
		*out = to;
	if (in)
		pack_members(p, t, in, to);
}

static void pack_field(struct packer *p, const struct json_field *f, const void *in, void *out)
{
	const void *from = json_member(in, f);
	void *to = out ? json_member(out, f) : NULL;

	switch (f->kind) {
	case JSON_STR:
		pack_str(p, *(char *const *)from, to);
		break;
	case JSON_STRV:
		pack_strv(p, from, to);
		break;
	case JSON_MAP:
		pack_map(p, from, to);
		break;
	case JSON_RAW:
		if (to)
			json_object_get(*(struct json_object **)to);
		break;
	case JSON_STRUCT:
		pack_members(p, f->tab, from, to);
		break;
	case JSON_PTR:
		pack_ptr(p, f->tab, *(void *const *)from, to);
		break;
	case JSON_STRUCTS:
		pack_structs(p, f->tab, from, to);
		break;
	default:
		break;
	}
}

/* out, when there is one, is a copy of in, byte for byte. */
static void pack_members(struct packer *p, const struct json_table *t, const void *in, void *out)
{
	for (size_t i = 0; i < t->n; i++)
		pack_field(p, &t->f[i], in, out);
}

static size_t pack(struct packer *p, const struct json_table *t, const void *in)
{
	void *out = add(p, in, t->size, MEMBERS_ALIGN);

	pack_members(p, t, in, out);
	return p->used;
}

size_t json_pack_size(const struct json_table *t, const void *in, const struct json_shared *shared)
{
	struct packer p = { .shared = shared };

	return pack(&p, t, in);
}

void json_pack(const struct json_table *t, const void *in, const struct json_shared *shared, void *room)
{
	struct packer p = { .base = room, .shared = shared };

	(void)pack(&p, t, in);
}

void json_pack_clear(const struct json_table *t, void *packed)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct json_field *f = &t->f[i];
		void *m = json_member(packed, f);
		struct json_list *l = m;

		if (f->kind == JSON_RAW)
			json_put_p(m);
		else if (f->kind == JSON_STRUCT)
			json_pack_clear(f->tab, m);
		else if (f->kind == JSON_PTR && *(void **)m)
			json_pack_clear(f->tab, *(void **)m);
		for (size_t n = 0; f->kind == JSON_STRUCTS && n < l->n; n++)
			json_pack_clear(f->tab, (char *)l->v + n * f->tab->size);
	}
}
