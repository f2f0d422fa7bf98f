/* SPDX-License-Identifier: Apache-2.0 */
/* local_restore.c - a new store from a backup
 *
 * The new data.mdb is made under another name and takes the place of the old one in one rename, so a crash
 * leaves the old store or the new one, and restore can be run again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "store/local_impl.h"
#include "store/local_line.h"

#define BATCH 1000 /* objects in one LMDB transaction */

struct in {
	const char *path;
	FILE *f;
	uint64_t line; /* number of the last one read */
	struct buf buf;
	char what[64]; /* "backup line 17" */
	XXH64_state_t sum;
};

static void in_clear_p(struct in *in)
{
	fclose_p(&in->f);
	buf_clear(&in->buf);
}

static int in_open(struct in *in, const struct local *l, const char *path, struct err *e)
{
	int fd = openat(*path ? AT_FDCWD : l->dirfd, *path ? path : "backup.json", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, errno, "open backup %s%s", *path ? "" : l->dir,
			       *path ? path : "/backup.json");
	in->f = fdopen(fd, "r");
	if (!in->f) {
		close(fd);
		return err_nomem(e);
	}
	XXH64_reset(&in->sum, 0);
	return 0;
}

/* The next line without its end. */
static int in_line(struct in *in, struct err *e)
{
	char chunk[8192];

	buf_reset(&in->buf);
	snprintf(in->what, sizeof(in->what), "backup line %" PRIu64, ++in->line);
	while (fgets(chunk, sizeof(chunk), in->f)) {
		size_t len = strlen(chunk);

		if (len && chunk[len - 1] == '\n') {
			buf_add(&in->buf, chunk, len - 1);
			return in->buf.err ? err_sys(e, -in->buf.err, "%s", in->what) : 0;
		}
		buf_add(&in->buf, chunk, len);
		if (in->buf.err)
			return err_sys(e, -in->buf.err, "%s", in->what);
	}
	if (ferror(in->f))
		return err_sys(e, EIO, "%s", in->what);
	return err_code(e, ERR_DECODE, EBADMSG, "%s: the file ends here; use another backup", in->what);
}

static void in_sum(struct in *in)
{
	XXH64_update(&in->sum, buf_cstr(&in->buf), in->buf.len);
	XXH64_update(&in->sum, "\n", 1);
}

static void head_clear_p(struct line_head *h)
{
	json_clear(&line_head_table, h);
}

static void tail_clear_p(struct line_tail *t)
{
	json_clear(&line_tail_table, t);
}

static void obj_clear_p(struct line_obj *o)
{
	json_clear(&line_obj_table, o);
}

static int read_head(struct in *in, struct line_head *h, int64_t *time, struct err *e)
{
	int r = in_line(in, e);

	if (r == 0)
		r = json_decode_text(&line_head_table, buf_cstr(&in->buf), in->buf.len, in->what, h, e);
	if (r < 0)
		return r;
	if (strcmp(h->format, LINE_FORMAT) != 0)
		return err_code(e, ERR_DECODE, EBADMSG, "%s: this is no backup of a store", in->what);
	if (h->schema > LOCAL_SCHEMA)
		return err_code(e, ERR_IO, EPROTO,
				"%s: written by a newer version (schema %" PRId64
				", this program knows %d); use "
				"the newer program",
				in->what, h->schema, LOCAL_SCHEMA);
	in_sum(in);
	return clock_parse(h->time, time, e);
}

static int read_obj(struct in *in, const struct line_head *h, struct local *n, struct err *e)
{
	CLEANUP(obj_clear_p) struct line_obj o = { 0 };
	CLEANUP(free_p) uint8_t *own = NULL;
	struct store_op op;
	struct local_key k;
	struct local_val val;
	int r = in_line(in, e);

	if (r < 0)
		return r;
	in_sum(in);
	r = line_obj_decode(buf_cstr(&in->buf), in->buf.len, in->what, &o, &op, e);
	if (r < 0)
		return r;
	local_key_obj(&k, op.kind, op.ns, op.name);
	r = local_load(n, &k, &val, e);
	if (r < 0)
		return r;
	if (r > 0 || op.version > (uint64_t)h->revision)
		return err_code(e, ERR_DECODE, EBADMSG, "%s: %s %s is %s", in->what, o.kind, o.name,
				r > 0 ? "there twice" : "newer than the backup");
	val = (struct local_val){
		.version = op.version, .free_at = op.free_at, .data = op.data, .len = op.len
	};
	r = local_terms_pack(op.terms, &own, &val.terms, e);
	return r < 0 ? r : local_put(n, &k, &val, NULL, e);
}

static int read_tail(struct in *in, const struct line_head *h, struct err *e)
{
	CLEANUP(tail_clear_p) struct line_tail t = { 0 };
	char sum[LINE_SUM_MAX];
	int r = in_line(in, e);

	if (r == 0)
		r = json_decode_text(&line_tail_table, buf_cstr(&in->buf), in->buf.len, in->what, &t, e);
	if (r < 0)
		return r;
	snprintf(sum, sizeof(sum), "%016" PRIx64, (uint64_t)XXH64_digest(&in->sum));
	if (t.count != h->count || strcmp(t.xxh64, sum) != 0 || fgetc(in->f) != EOF)
		return err_code(
			e, ERR_DECODE, EBADMSG,
			"%s: the checksum is not right: the backup is damaged or was edited; use another one",
			in->what);
	return 0;
}

/* So that whoever serves from this store knows that it has forgotten something. */
static int put_note(const struct local *l, struct local *n, int64_t time, struct err *e)
{
	char text[160];
	struct local_key k;
	struct local_val old, val = { .version = local_version(n), .data = text };
	int r;

	val.len =
		(size_t)snprintf(text, sizeof(text),
				 "{\"backupTime\":%" PRId64 ",\"restoredAt\":%" PRId64 ",\"boot\":\"%.36s\"}",
				 time, clock_wall_ms(), l->owner);
	local_key_obj(&k, STORE_META, "", STORE_META_RESTORED);
	r = local_load(n, &k, &old, e);
	return r < 0 ? r : local_put(n, &k, &val, r > 0 ? &old : NULL, e);
}

static int fill(const struct local *l, struct in *in, const struct line_head *h, struct local *n,
		int64_t time, struct err *e)
{
	int r = 0;

	for (int64_t i = 0; i < h->count && r == 0; i++) {
		if (i % BATCH == BATCH - 1)
			r = local_new_commit(n, e);
		if (r == 0)
			r = read_obj(in, h, n, e);
	}
	if (r == 0)
		r = read_tail(in, h, e);
	return r < 0 ? r : put_note(l, n, time, e);
}

/* Versions go on above the backup's and, because nobody commits a million times in a second, above those of
 * every earlier life of the directory, however much of it can still be read. */
static uint64_t new_base(const struct line_head *h)
{
	uint64_t revision = (uint64_t)h->revision, now = (uint64_t)(clock_wall_ms() / 1000) << 20;

	return revision > now ? revision : now;
}

static int keep_old(const struct local *l, struct err *e)
{
	char time[CLOCK_TEXT_MAX], name[96];

	clock_format(clock_wall_ms(), time);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), i ? "data.mdb.damaged-%s.%d" : "data.mdb.damaged-%s", time, i);
		if (linkat(l->dirfd, "data.mdb", l->dirfd, name, 0) == 0 || errno == ENOENT)
			return 0;
		if (errno != EEXIST)
			break;
	}
	return local_err(l, errno, "keep the old data.mdb", e);
}

static int restore(const struct local *l, struct in *in, int64_t *ret_time, uint64_t *ret_count,
		   struct err *e)
{
	CLEANUP(head_clear_p) struct line_head h = { 0 };
	struct local *n;
	int64_t time;
	int r = read_head(in, &h, &time, e);

	if (r < 0)
		return r;
	n = local_new_begin(l, new_base(&h), e);
	if (!n)
		return -e->sys;
	r = fill(l, in, &h, n, time, e);
	if (r == 0)
		r = keep_old(l, e);
	if (r == 0)
		r = local_new_finish(l, n, e);
	local_new_drop(l, n);
	if (r < 0)
		return r;
	unlinkat(l->dirfd, "lock.mdb", 0); /* it knows the old store's last transaction */
	*ret_time = time;
	*ret_count = (uint64_t)h.count;
	return 0;
}

/* Nobody else may have the store open, nor open it meanwhile. */
static int keep_out(struct local *l, struct err *e)
{
	const struct deadline until = deadline_in(500);
	const struct timespec pause = { .tv_nsec = 1000000 };
	bool alone;
	int r;

	do {
		r = local_owner_lock(l, &alone, e);
		if (r < 0 || alone)
			return r;
		if (r == 0)
			flock(l->ownerfd, LOCK_UN);
		nanosleep(&pause, NULL);
	} while (deadline_left(until) > 0);
	return err_code(
		e, ERR_IO, EBUSY,
		"state directory %s: another process has the store open; stop what uses it, then restore",
		l->dir);
}

int store_local_restore(const char *dir, const char *path, int64_t *ret_time, uint64_t *ret_count,
			struct err *e)
{
	const struct store_local_opts o = { .dir = dir };
	struct local *l = local_alloc(&o, e);
	CLEANUP(store_close_p) struct store *st = l ? &l->st : NULL;
	CLEANUP(in_clear_p) struct in in = { .path = path, .buf = { .max = JSON_TEXT_MAX } };
	int r;

	if (!l)
		return -e->sys;
	r = local_dir_open(l, *path, e);
	if (r == 0)
		r = local_owner_open(l, e);
	if (r == 0)
		r = keep_out(l, e);
	if (r == 0)
		r = in_open(&in, l, path, e);
	if (r == 0)
		r = restore(l, &in, ret_time, ret_count, e);
	return r < 0 ? err_wrap(e, "restore") : 0;
}
