/* SPDX-License-Identifier: Apache-2.0 */
/* kube_shelf.c - objects by namespace and name, in order, with text that can be lent */
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "store/kube_impl.h"

struct blob *blob_new(const char *text, size_t len)
{
	struct blob *b = malloc(sizeof(*b) + len + 1);

	if (!b)
		return NULL;
	b->refs = 1;
	b->len = len;
	if (len)
		memcpy(b->text, text, len);
	b->text[len] = '\0';
	return b;
}

struct blob *blob_ref(struct blob *b)
{
	b->refs++;
	return b;
}

void blob_put(struct blob *b)
{
	if (b && --b->refs == 0)
		free(b);
}

static int compare(const struct shelf_item *i, const char *ns, const char *name)
{
	int r = strcmp(i->ns, ns);

	return r ? r : strcmp(i->name, name);
}

/* Where it is, or would be. */
static size_t where(const struct shelf *s, const char *ns, const char *name)
{
	size_t lo = 0, hi = s->n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (compare(s->v[mid], ns, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct shelf_item *shelf_find(const struct shelf *s, const char *ns, const char *name)
{
	size_t i = where(s, ns, name);

	return i < s->n && compare(s->v[i], ns, name) == 0 ? s->v[i] : NULL;
}

static void terms_free(char **terms)
{
	for (size_t i = 0; terms && terms[i]; i++)
		free(terms[i]);
	free(terms);
}

/* false: out of memory. */
static bool terms_copy(const char *const *in, char ***ret)
{
	size_t n = 0;

	*ret = NULL;
	while (in && in[n])
		n++;
	if (!n)
		return true;
	*ret = calloc(n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < n; i++) {
		(*ret)[i] = strdup(in[i]);
		if (!(*ret)[i]) {
			terms_free(*ret);
			*ret = NULL;
		}
	}
	return *ret != NULL;
}

static void item_free(struct shelf_item *i)
{
	if (!i)
		return;
	free(i->ns);
	free(i->name);
	blob_put(i->data);
	terms_free(i->terms);
	free(i);
}

static struct shelf_item *insert(struct shelf *s, size_t at, const char *ns, const char *name)
{
	struct shelf_item *i = calloc(1, sizeof(*i));

	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 16;
		struct shelf_item **v = realloc(s->v, cap * sizeof(struct shelf_item *));

		if (!v) {
			free(i);
			return NULL;
		}
		s->v = v;
		s->cap = cap;
	}
	if (i) {
		i->ns = strdup(ns);
		i->name = strdup(name);
	}
	if (!i || !i->ns || !i->name) {
		item_free(i);
		return NULL;
	}
	memmove(&s->v[at + 1], &s->v[at], (s->n - at) * sizeof(struct shelf_item *));
	s->v[at] = i;
	s->n++;
	return i;
}

struct shelf_item *shelf_put(struct shelf *s, const char *ns, const char *name, const char *data, size_t len,
			     const char *const *terms, uint64_t version)
{
	size_t at = where(s, ns, name);
	struct shelf_item *i = at < s->n && compare(s->v[at], ns, name) == 0 ? s->v[at] : NULL;
	struct blob *b = blob_new(data, len);
	char **copy = NULL;

	if (!b || !terms_copy(terms, &copy) || (!i && !(i = insert(s, at, ns, name)))) {
		blob_put(b);
		terms_free(copy);
		return NULL;
	}
	blob_put(i->data);
	terms_free(i->terms);
	i->data = b;
	i->terms = copy;
	i->version = version;
	return i;
}

void shelf_drop(struct shelf *s, const char *ns, const char *name)
{
	size_t at = where(s, ns, name);

	if (at == s->n || compare(s->v[at], ns, name) != 0)
		return;
	item_free(s->v[at]);
	s->n--;
	memmove(&s->v[at], &s->v[at + 1], (s->n - at) * sizeof(struct shelf_item *));
}

void shelf_clear(struct shelf *s)
{
	for (size_t i = 0; i < s->n; i++)
		item_free(s->v[i]);
	free(s->v);
	*s = (struct shelf){ 0 };
}
