/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - fixed-size errors */
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Marks a cut sentence, so that nobody takes half a list for the whole. */
static void mark_cut(struct err *e, int wanted)
{
	if (wanted >= ERR_MSG_MAX)
		memcpy(e->msg + ERR_MSG_MAX - 4, "...", 4);
}

static void __attribute__((format(printf, 4, 0)))
set_v(struct err *e, int cni, int sys, const char *fmt, va_list ap)
{
	int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);

	mark_cut(e, n);
	e->cni = cni;
	e->sys = sys;
}

int err_set(struct err *e, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_v(e, ERR_INTERNAL, sys, fmt, ap);
	va_end(ap);
	return -sys;
}

int err_code(struct err *e, int cni, int sys, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	set_v(e, cni, sys, fmt, ap);
	va_end(ap);
	return -sys;
}

int err_sys(struct err *e, int sys, const char *fmt, ...)
{
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	set_v(e, ERR_IO, sys, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	mark_cut(e, (int)len + snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", strerror(sys)));
	return -sys;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char old[ERR_MSG_MAX];
	size_t len;
	va_list ap;

	memcpy(old, e->msg, sizeof(old));
	va_start(ap, fmt);
	set_v(e, e->cni, e->sys, fmt, ap);
	va_end(ap);
	len = strlen(e->msg);
	mark_cut(e, (int)len + snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", old));
	return -e->sys;
}

int err_nomem(struct err *e)
{
	return err_set(e, ENOMEM, "out of memory");
}
