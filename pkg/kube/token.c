/* SPDX-License-Identifier: Apache-2.0 */
/* token.c - the bearer token; kubelet writes a new one long before the old one ends */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/internal.h"

static bool same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void forget(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

/* A line of the request's head comes of it. */
static int check(const char *text, const char *what, struct err *e)
{
	if (!*text)
		return err_code(e, ERR_CONFIG, EINVAL, "%s: holds no token", what);
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p > '~')
			return err_code(e, ERR_CONFIG, EINVAL,
					"%s: want one token, got blanks or bytes that are not ASCII in it",
					what);
	}
	return 0;
}

static int read_token(struct kube_token *t, struct err *e)
{
	struct stat now;
	char *text = NULL, *start;
	int r;

	if (stat(t->path, &now) < 0)
		return err_code(e, ERR_CONFIG, errno, "token file %s: %s", t->path, strerror(errno));
	if (t->text && same(&now, &t->seen))
		return 0;
	r = kube_config_read(t->path, KUBE_TOKEN_MAX, &text, e);
	if (r < 0)
		return r;
	start = text + strspn(text, " \t\r\n");
	start[strcspn(start, " \t\r\n")] = '\0';
	r = check(start, t->path, e);
	if (r == 0) {
		memmove(text, start, strlen(start) + 1);
		forget(&t->text);
		t->text = TAKE_PTR(text);
		t->seen = now;
	}
	forget(&text);
	return r;
}

int kube_token_init(struct kube_token *t, const struct kube_config *c, struct err *e)
{
	t->path = c->token_file ? strdup(c->token_file) : NULL;
	t->text = c->token && !c->token_file ? strdup(c->token) : NULL;
	if ((c->token_file && !t->path) || (c->token && !c->token_file && !t->text))
		return err_nomem(e);
	if (t->path)
		return read_token(t, e);
	return t->text ? check(t->text, "token", e) : 0;
}

void kube_token_clear(struct kube_token *t)
{
	pthread_mutex_destroy(&t->lock);
	forget(&t->text);
	free(t->path);
	t->path = NULL;
}

int kube_token_header(struct kube_token *t, struct buf *out, struct err *e)
{
	struct err ignored;

	pthread_mutex_lock(&t->lock);
	if (t->path)
		(void)read_token(t, &ignored);
	if (t->text)
		buf_fmt(out, "Authorization: Bearer %s", t->text);
	pthread_mutex_unlock(&t->lock);
	return out->err ? err_nomem(e) : 0;
}
