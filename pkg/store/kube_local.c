/* SPDX-License-Identifier: Apache-2.0 */
/* kube_local.c - what concerns this node alone: files, and a copy of them in memory
 *
 * An attachment is written before the blocks ("i-", a hash and what nobody else has: another try may begin
 * before the last one is undone) and gets its name ("a-" and the hash) when they stand; what a crash leaves
 * between is a claim that nobody was answered. Nothing is synced: no container survives a power cut.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/file.h"
#include "base/own.h"
#include "json/json.h"
#include "store/kube_impl.h"

#define NAME_MAX_LEN 80
#define FILE_MAX     (STORE_VALUE_MAX + 65536)

struct page {
	char *ns, *name, *data;
	struct json_strv terms;
};
static const struct json_field page_fields[] = {
	JF(struct page, ns, "ns", .flags = JSON_REQUIRED),
	JF(struct page, name, "name", .flags = JSON_REQUIRED),
	JF(struct page, terms, "terms"),
	JF(struct page, data, "data"),
};
static const struct json_table page_table = JSON_TABLE(struct page, "file", page_fields);

static struct shelf *shelf_of(struct store_kube *h, enum store_kind kind)
{
	return &h->local[kind == STORE_ATTACHMENT];
}

static void file_name(char prefix, const char *ns, const char *name, char out[NAME_MAX_LEN])
{
	XXH3_state_t s;
	XXH128_hash_t d;

	XXH3_INITSTATE(&s);
	XXH3_128bits_reset(&s);
	XXH3_128bits_update(&s, ns, strlen(ns) + 1);
	XXH3_128bits_update(&s, name, strlen(name) + 1);
	d = XXH3_128bits_digest(&s);
	snprintf(out, NAME_MAX_LEN, "%c-%016llx%016llx", prefix, (unsigned long long)d.high64,
		 (unsigned long long)d.low64);
}

static char prefix_of(enum store_kind kind)
{
	return kind == STORE_ATTACHMENT ? 'a' : 'm';
}

static int write_page(struct store_kube *h, const char *file, const char *ns, const char *name,
		      const char *const *terms, const char *data, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(FILE_MAX);
	struct page p = { (char *)ns, (char *)name, (char *)data, { 0 } };
	int r;

	p.terms.v = (char **)terms; /* only lent to the encoder */
	while (terms && terms[p.terms.n])
		p.terms.n++;
	p.terms.set = p.terms.n > 0;
	r = json_encode_text(&page_table, &p, &text, e);
	return r < 0 ? r : file_replace(h->dirfd, file, 0600, text.s, text.len, false, e);
}

int local_intent(struct store_kube *h, const struct store_op *op, struct kube_txn *t, struct err *e)
{
	char base[NAME_MAX_LEN], file[2 * NAME_MAX_LEN];
	char **v;
	int r;

	if (h->dirfd < 0 || op->kind != STORE_ATTACHMENT || op->verb != STORE_CREATE)
		return 0;
	v = realloc(t->intents, (t->n_intents + 1) * sizeof(*v));
	if (!v)
		return err_nomem(e);
	t->intents = v;
	file_name('i', op->ns, op->name, base);
	snprintf(file, sizeof(file), "%s-%llx", base, (unsigned long long)++h->seq);
	v[t->n_intents] = strdup(file);
	if (!v[t->n_intents])
		return err_nomem(e);
	r = write_page(h, file, op->ns, op->name, op->terms, op->data, e);
	t->n_intents++;
	return r;
}

void local_drop_intents(struct store_kube *h, struct kube_txn *t)
{
	for (size_t i = 0; h->dirfd >= 0 && i < t->n_intents; i++)
		unlinkat(h->dirfd, t->intents[i], 0);
}

/* NULL: none was written. */
static const char *intent_of(const struct kube_txn *t, const struct store_op *op)
{
	char base[NAME_MAX_LEN];

	file_name('i', op->ns, op->name, base);
	for (size_t i = 0; i < t->n_intents; i++)
		if (strncmp(t->intents[i], base, strlen(base)) == 0)
			return t->intents[i];
	return NULL;
}

int local_apply(struct store_kube *h, const struct store_op *op, const struct kube_txn *t, struct err *e)
{
	struct shelf *s = shelf_of(h, op->kind);
	const char *from = intent_of(t, op);
	char file[NAME_MAX_LEN];
	int r = 0;

	file_name(prefix_of(op->kind), op->ns, op->name, file);
	if (op->verb == STORE_DELETE) {
		if (h->dirfd >= 0 && unlinkat(h->dirfd, file, 0) < 0 && errno != ENOENT)
			r = err_sys(e, errno, "remove %s/%s", h->dir, file);
		shelf_drop(s, op->ns, op->name);
		return r;
	}
	if (h->dirfd >= 0 && from) {
		if (renameat(h->dirfd, from, h->dirfd, file) < 0)
			return err_sys(e, errno, "rename %s/%s", h->dir, from);
	} else if (h->dirfd >= 0) {
		r = write_page(h, file, op->ns, op->name, op->terms, op->data, e);
	}
	if (r == 0 && !shelf_put(s, op->ns, op->name, op->data, op->len, op->terms, ++h->seq))
		r = err_nomem(e);
	return r;
}

void local_pending(struct store_kube *h, const char *ns, const char *name, const char *text)
{
	char file[NAME_MAX_LEN];
	struct err e;

	if (h->dirfd < 0)
		return;
	file_name('e', ns, name, file);
	if (write_page(h, file, ns, name, NULL, text, &e) < 0 && h->conf.trouble)
		h->conf.trouble(e.msg, h->conf.arg);
}

void local_pending_end(struct store_kube *h, const char *ns, const char *name)
{
	char file[NAME_MAX_LEN];

	if (h->dirfd < 0)
		return;
	file_name('e', ns, name, file);
	unlinkat(h->dirfd, file, 0);
}

/* ---- at start ---- */

static int take_page(struct store_kube *h, const char *file, struct page *p, struct err *e)
{
	const char *const *terms = p->terms.n ? (const char *const *)p->terms.v : NULL;
	struct shelf *s = &h->local[file[0] == 'a'];

	if (file[0] == 'e')
		return endpoint_queue(h, p->ns, p->name, p->data, e);
	if (!p->data)
		return err_set(e, EBADMSG, "no data");
	if (file[0] == 'i')
		return shelf_put(&h->intents, "", file, p->data, strlen(p->data), NULL, ++h->seq)
			       ? 0
			       : err_nomem(e);
	if (!shelf_put(s, p->ns, p->name, p->data, strlen(p->data), terms, ++h->seq))
		return err_nomem(e);
	return 0;
}

/* A file that cannot be read is put aside and told of: the rest must go on. No other file is written, for the
 * directory is being listed: on some file systems one that is replaced meanwhile is met again, for ever. */
static int read_page(struct store_kube *h, const char *file, struct err *e)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(FILE_MAX);
	char aside[NAME_MAX_LEN + 8], sentence[ERR_MSG_MAX];
	struct page p = { 0 };
	bool moved;
	int r = file_read(h->dirfd, file, FILE_MAX, &text, e);

	if (r == 0)
		r = json_decode_text(&page_table, buf_cstr(&text), text.len, file, &p, e);
	if (r == 0)
		r = take_page(h, file, &p, e);
	json_clear(&page_table, &p);
	if (r == 0 || r == -ENOMEM)
		return r;
	snprintf(aside, sizeof(aside), "bad.%s", file);
	moved = renameat(h->dirfd, file, h->dirfd, aside) == 0;
	snprintf(sentence, sizeof(sentence), "%.300s/%.60s cannot be read and %s %.60s: %.1200s", h->dir,
		 file, moved ? "is now" : "could not be renamed to", aside, e->msg);
	if (h->conf.trouble)
		h->conf.trouble(sentence, h->conf.arg);
	return 0;
}

int local_open(struct store_kube *h, struct err *e)
{
	DIR *d = NULL;
	int fd, r;

	if (!h->dir)
		return 0;
	r = file_mkdirs(h->dir, 0700, e);
	if (r < 0)
		return r;
	file_tidy(h->dir, 0);
	h->dirfd = open(h->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	fd = h->dirfd < 0 ? -1 : dup(h->dirfd);
	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, errno, "open %s", h->dir);
	for (struct dirent *f; r == 0 && (f = readdir(d));)
		if (strchr("aime", f->d_name[0]) && f->d_name[1] == '-' && strlen(f->d_name) < NAME_MAX_LEN &&
		    !strchr(f->d_name, '.'))
			r = read_page(h, f->d_name, e);
	closedir(d);
	return r;
}

int store_kube_intents(struct store_kube *h, int (*each)(const struct store_obj *o, void *arg, struct err *e),
		       void *arg, struct err *e)
{
	for (size_t i = 0; i < h->intents.n; i++) {
		const struct shelf_item *it = h->intents.v[i];
		const struct store_obj o = { "", it->name, it->version, it->data->text, it->data->len };
		int r = each(&o, arg, e);

		if (r < 0)
			return r;
	}
	return 0;
}

void store_kube_intents_end(struct store_kube *h)
{
	for (size_t i = 0; i < h->intents.n; i++)
		unlinkat(h->dirfd, h->intents.v[i]->name, 0);
	shelf_clear(&h->intents);
}
