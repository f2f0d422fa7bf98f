/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - keys and certificates as files */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "base/own.h"
#include "kube/internal.h"

static int make(struct kube_file *f, const char *name, const struct kube_pem *p, struct err *e)
{
	f->fd = -1;
	if (p->text) {
		f->fd = memfd_create(name, MFD_CLOEXEC);
		if (f->fd < 0)
			return err_sys(e, errno, "memfd_create");
		if (file_write_fd(f->fd, name, p->text, strlen(p->text), e) < 0)
			return -e->sys;
		if (asprintf(&f->path, "/proc/self/fd/%d", f->fd) < 0)
			f->path = NULL;
	} else if (p->file) {
		/* libcurl says of a missing file that it could not be loaded, and no more. */
		if (access(p->file, R_OK) < 0)
			return err_code(e, ERR_CONFIG, errno, "%s %s: %s", name, p->file, strerror(errno));
		f->path = strdup(p->file);
	} else {
		return 0;
	}
	return f->path ? 0 : err_nomem(e);
}

int kube_tls_init(struct kube_tls *t, const struct kube_config *c, struct err *e)
{
	int r;

	t->ca.fd = t->cert.fd = t->key.fd = -1;
	r = make(&t->ca, "certificate-authority", &c->ca, e);
	if (r == 0)
		r = make(&t->cert, "client-certificate", &c->cert, e);
	if (r == 0)
		r = make(&t->key, "client-key", &c->key, e);
	return r;
}

static void drop(struct kube_file *f)
{
	close_p(&f->fd);
	free(f->path);
	*f = (struct kube_file){ .fd = -1 };
}

void kube_tls_clear(struct kube_tls *t)
{
	drop(&t->ca);
	drop(&t->cert);
	drop(&t->key);
}
