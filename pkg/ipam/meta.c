/* SPDX-License-Identifier: Apache-2.0 */
/* meta.c - what is known about the whole store */
#include "ipam/meta.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS 3600000

/* "boot/<node>", "conflicts/<pool>"; names are at most 253 bytes, so the key is cut, never refused. */
static const char *meta_name(const char *what, const char *of, char out[STORE_NAME_MAX + 1])
{
	snprintf(out, STORE_NAME_MAX + 1, "%s/%s", what, of);
	return out;
}

int meta_restored(struct txn *t, bool *ret, struct err *e)
{
	struct store_obj o;
	int r = store_get(t->m->st, STORE_META, "", "restored", &o, e);

	*ret = r > 0;
	return r < 0 ? r : 0;
}

int meta_boot_get(struct txn *t, const char *node, char *out, size_t size, uint64_t *ret_version,
		  struct err *e)
{
	char name[STORE_NAME_MAX + 1];
	struct store_obj o = { 0 };
	int r = store_get(t->m->st, STORE_META, "", meta_name("boot", node, name), &o, e);

	if (r < 0)
		return r;
	snprintf(out, size, "%.*s", (int)o.len, r ? o.data : "");
	*ret_version = o.version;
	return 0;
}

int meta_boot_put(struct txn *t, const char *node, const char *boot, uint64_t version, struct err *e)
{
	char name[STORE_NAME_MAX + 1];
	struct buf value = BUF_INIT(256);
	struct store_obj o;
	int r;

	buf_str(&value, boot);
	r = txn_put(t, STORE_META, "", meta_name("boot", node, name), version, &value, e);
	buf_clear(&value);
	if (r < 0)
		return r;
	/* Whatever the backup did not know of is dead since the reboot. */
	r = store_get(t->m->st, STORE_META, "", "restored", &o, e);
	return r <= 0 ? r : txn_delete(t, STORE_META, "", "restored", o.version, e);
}

/* "<start of the hour> <count>" */
static int conflicts_get(struct txn *t, const char *pool, int64_t *start, int *count, uint64_t *version,
			 struct err *e)
{
	char name[STORE_NAME_MAX + 1], text[64];
	struct store_obj o = { 0 };
	long long at = 0;
	int r = store_get(t->m->st, STORE_META, "", meta_name("conflicts", pool, name), &o, e);

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
	r = txn_put(t, STORE_META, "", meta_name("conflicts", pool, name), version, &value, e);
	buf_clear(&value);
	return r;
}
