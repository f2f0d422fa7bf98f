/* SPDX-License-Identifier: Apache-2.0 */
/* local_val.c - keys and values of the embedded store */
#include <assert.h>
#include <errno.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/local_impl.h"

#define HASH_BYTES 3

struct head { /* of an object's value; the index terms and the data follow */
	uint64_t sum, version;
	int64_t free_at;
	uint16_t terms_len;
} __attribute__((packed));

uint64_t local_sum(uint64_t seed, const void *data, size_t len)
{
	return XXH3_64bits_withSeed(data, len, seed);
}

MDB_val local_key_val(struct local_key *k)
{
	return (MDB_val){ k->len, k->b };
}

static void key_add(struct local_key *k, const void *data, size_t len)
{
	assert(len <= LOCAL_KEY_MAX - k->len);
	memcpy(k->b + k->len, data, len);
	k->len += len;
}

void local_key_obj(struct local_key *k, enum store_kind kind, const char *ns, const char *name)
{
	k->b[0] = (uint8_t)(LOCAL_KEY_OBJ + kind);
	k->len = 1;
	key_add(k, ns, strlen(ns) + 1);
	key_add(k, name, strlen(name) + 1);
}

static uint32_t term_hash(const void *term, size_t len)
{
	return (uint32_t)local_sum(0, term, len) & 0xffffff;
}

void local_key_index(struct local_key *k, const struct local_key *obj, const void *term, size_t len)
{
	uint32_t hash = term_hash(term, len);

	k->b[0] = (uint8_t)(obj->b[0] - LOCAL_KEY_OBJ + LOCAL_KEY_INDEX);
	k->len = 1;
	key_add(k, &hash, HASH_BYTES);
	key_add(k, obj->b + 1, obj->len - 2); /* the NUL at the end would be one byte too many */
}

int local_key_index_obj(const MDB_val *index, struct local_key *obj)
{
	const uint8_t *b = index->mv_data;

	if (index->mv_size < 1 + HASH_BYTES + 2 || index->mv_size > LOCAL_KEY_MAX || b[0] < LOCAL_KEY_INDEX ||
	    b[0] >= LOCAL_KEY_INDEX + STORE_KIND_MAX)
		return -EUCLEAN;
	obj->b[0] = (uint8_t)(b[0] - LOCAL_KEY_INDEX + LOCAL_KEY_OBJ);
	obj->len = 1;
	key_add(obj, b + 1 + HASH_BYTES, index->mv_size - 1 - HASH_BYTES);
	key_add(obj, "", 1);
	return 0;
}

int local_key_parse(const MDB_val *k, enum store_kind *kind, const char **ns, const char **name)
{
	const char *b = k->mv_data, *mid, *end;

	if (k->mv_size < 4 || (uint8_t)b[0] < LOCAL_KEY_OBJ ||
	    (uint8_t)b[0] >= LOCAL_KEY_OBJ + STORE_KIND_MAX)
		return -EUCLEAN;
	mid = memchr(b + 1, '\0', k->mv_size - 1);
	end = b + k->mv_size - 1;
	if (!mid || mid + 1 >= end || memchr(mid + 1, '\0', (size_t)(end - mid)) != end)
		return -EUCLEAN;
	*kind = (enum store_kind)((uint8_t)b[0] - LOCAL_KEY_OBJ);
	*ns = b + 1;
	*name = mid + 1;
	return 0;
}

bool local_key_follows(struct local_key *last, const MDB_val *k)
{
	size_t common = k->mv_size < last->len ? k->mv_size : last->len;
	int diff = memcmp(last->b, k->mv_data, common);

	if (k->mv_size > LOCAL_KEY_MAX || diff > 0 || (diff == 0 && k->mv_size <= last->len))
		return false;
	memcpy(last->b, k->mv_data, k->mv_size);
	last->len = k->mv_size;
	return true;
}

uint64_t local_val_sum(const MDB_val *k, const MDB_val *v)
{
	const size_t skip = sizeof(uint64_t);

	return local_sum(local_sum(0, k->mv_data, k->mv_size), (const uint8_t *)v->mv_data + skip,
			 v->mv_size - skip);
}

static bool terms_well_formed(struct local_terms t)
{
	while (t.len && t.len > t.p[0]) {
		t.len -= t.p[0] + 1U;
		t.p += t.p[0] + 1U;
	}
	return t.len == 0;
}

int local_val_decode(const MDB_val *k, const MDB_val *v, struct local_val *ret)
{
	struct head h;

	if (v->mv_size < sizeof(h))
		return -EUCLEAN;
	memcpy(&h, v->mv_data, sizeof(h));
	if (h.sum != local_val_sum(k, v) || h.terms_len > v->mv_size - sizeof(h))
		return -EUCLEAN;
	*ret = (struct local_val){
		.version = h.version,
		.free_at = h.free_at,
		.terms = { (const uint8_t *)v->mv_data + sizeof(h), h.terms_len },
		.data = (const char *)v->mv_data + sizeof(h) + h.terms_len,
		.len = v->mv_size - sizeof(h) - h.terms_len,
	};
	return terms_well_formed(ret->terms) && ret->free_at >= 0 ? 0 : -EUCLEAN;
}

size_t local_val_size(const struct local_val *val)
{
	return sizeof(struct head) + val->terms.len + val->len;
}

void local_val_encode(const struct local_key *k, const struct local_val *val, void *out)
{
	struct head h = { .version = val->version,
			  .free_at = val->free_at,
			  .terms_len = (uint16_t)val->terms.len };
	MDB_val key = { k->len, (void *)k->b }, v = { local_val_size(val), out };
	uint8_t *p = out;

	memcpy(p, &h, sizeof(h));
	if (val->terms.len)
		memcpy(p + sizeof(h), val->terms.p, val->terms.len);
	if (val->len)
		memcpy(p + sizeof(h) + val->terms.len, val->data, val->len);
	h.sum = local_val_sum(&key, &v);
	memcpy(p, &h.sum, sizeof(h.sum));
}

bool local_terms_next(struct local_terms *it, const uint8_t **term, size_t *len)
{
	if (!it->len)
		return false;
	*len = it->p[0];
	*term = it->p + 1;
	it->p += *len + 1;
	it->len -= *len + 1;
	return true;
}

bool local_terms_have(struct local_terms terms, const void *term, size_t len)
{
	const uint8_t *t;
	size_t n;

	while (local_terms_next(&terms, &t, &n))
		if (n == len && memcmp(t, term, len) == 0)
			return true;
	return false;
}

bool local_terms_share(struct local_terms terms, const void *term, size_t len)
{
	uint32_t hash = term_hash(term, len);
	const uint8_t *t;
	size_t n;

	while (local_terms_next(&terms, &t, &n))
		if (term_hash(t, n) == hash)
			return true;
	return false;
}

int local_terms_pack(const char *const *terms, uint8_t **out, struct local_terms *ret, struct err *e)
{
	size_t len = 0;
	uint8_t *p;

	*ret = (struct local_terms){ NULL, 0 };
	for (size_t i = 0; terms && terms[i]; i++)
		len += strlen(terms[i]) + 1;
	if (!len)
		return 0;
	*out = p = malloc(len);
	if (!p)
		return err_nomem(e);
	*ret = (struct local_terms){ p, len };
	for (size_t i = 0; terms[i]; i++) {
		size_t n = strlen(terms[i]);

		*p++ = (uint8_t)n;
		memcpy(p, terms[i], n);
		p += n;
	}
	return 0;
}
