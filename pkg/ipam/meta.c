/* SPDX-License-Identifier: Apache-2.0 */
/* meta.c - what is known about the whole store */
#include "ipam/meta.h"

#include <stdio.h>
#include <string.h>

#include "base/own.h"
#include "json/json.h"

#define BOOT    "boot"
#define HOUR_MS 3600000

/* Names are at most 253 bytes, so the key is cut, never refused. */
static const char *conflicts_name(const char *pool, char out[STORE_NAME_MAX + 1])
{
	snprintf(out, STORE_NAME_MAX + 1, "conflicts/%s", pool);
	return out;
}

int meta_restored(struct txn *t, bool *ret, struct err *e)
{
	struct store_obj o;
	int r = store_get(t->m->st, STORE_META, "", STORE_META_RESTORED, &o, e);

	*ret = r > 0;
	return r < 0 ? r : 0;
}

int meta_boot_get(struct txn *t, char *out, size_t size, uint64_t *ret_version, struct err *e)
{
	struct store_obj o = { 0 };
	int r = store_get(t->m->st, STORE_META, "", BOOT, &o, e);

	if (r < 0)
		return r;
	snprintf(out, size, "%.*s", (int)o.len, r ? o.data : "");
	*ret_version = o.version;
	return 0;
}

/* 1: in this very boot. */
static int restored_in(const struct store_obj *o, const char *boot, struct err *e)
{
	CLEANUP(json_put_p) struct json_object *note = NULL;
	const char *in;
	int r = json_parse(o->data, o->len, STORE_META_RESTORED, &note, e);

	if (r < 0)
		return r;
	in = json_get_str(note, "boot");
	return in && strcmp(in, boot) == 0;
}

/* What the backup did not know of is dead since a reboot, if that came after the restore. */
static int end_restored(struct txn *t, const char *boot, struct err *e)
{
	struct store_obj o;
	int r = store_get(t->m->st, STORE_META, "", STORE_META_RESTORED, &o, e);

	if (r <= 0)
		return r;
	r = restored_in(&o, boot, e);
	if (r)
		return r < 0 ? r : 0;
	return txn_delete(t, STORE_META, "", STORE_META_RESTORED, o.version, e);
}

int meta_boot_put(struct txn *t, const char *boot, uint64_t version, struct err *e)
{
	struct buf value = BUF_INIT(256);
	int r;

	buf_str(&value, boot);
	r = txn_put(t, STORE_META, "", BOOT, version, &value, e);
	buf_clear(&value);
	return r < 0 ? r : end_restored(t, boot, e);
}

/* "<start of the hour> <count>" */
static int conflicts_get(struct txn *t, const char *pool, int64_t *start, int *count, uint64_t *version,
			 struct err *e)
{
	char name[STORE_NAME_MAX + 1], text[64];
	struct store_obj o = { 0 };
	long long at = 0;
	int r = store_get(t->m->st, STORE_META, "", conflicts_name(pool, name), &o, e);

	if (r < 0)
		return r;
	snprintf(text, sizeof(text), "%.*s", (int)o.len, r ? o.data : "");
	*version = o.version;
	if (sscanf(text, "%lld %d", &at, count) != 2 || at > t->now || t->now - at >= HOUR_MS) {
		at = t->now;
		*count = 0;
	}
	*start = at;
	return 0;
}

int meta_conflicts_count(struct txn *t, const char *pool, unsigned *ret, struct err *e)
{
	uint64_t version;
	int64_t start;
	int count = 0;
	int r = conflicts_get(t, pool, &start, &count, &version, e);

	*ret = count > 0 ? (unsigned)count : 0;
	return r;
}

int meta_conflicts_add(struct txn *t, const char *pool, int change, struct err *e)
{
	char name[STORE_NAME_MAX + 1];
	struct buf value = BUF_INIT(256);
	uint64_t version;
	int64_t start;
	int count = 0;
	int r = conflicts_get(t, pool, &start, &count, &version, e);

	if (r < 0)
		return r;
	buf_fmt(&value, "%lld %d", (long long)start, count + change > 0 ? count + change : 0);
	r = txn_put(t, STORE_META, "", conflicts_name(pool, name), version, &value, e);
	buf_clear(&value);
	return r;
}
