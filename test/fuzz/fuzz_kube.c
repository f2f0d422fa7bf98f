/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_kube.c - what comes over a watch, and why a request was refused
 *
 * The first byte says how the rest is cut into pieces. Properties: pieces make no difference to the lines; an
 * event has a version and, unless it is a bookmark, a name; an error has a sentence and the right code; a
 * status fits into its struct and makes a sentence.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "kube/event.h"
#include "kube/views.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

/* The same event comes of a part of its object. */
static void same_line(const char *line, size_t len, const struct kube_line *whole)
{
	struct err e = { 0 };
	struct kube_line l;

	must(kube_line_decode(line, len, &kube_pod_table, &l, &e) == 0, "a part is no event");
	must(l.change == whole->change && !strcmp(l.version, whole->version), "a part is another event");
	must(!l.object == !whole->object && l.status.code == whole->status.code, "a part has another object");
	kube_line_clear(&l);
}

static void one_line(const char *line, size_t len)
{
	struct err e = { 0 };
	struct kube_line l;
	int r = kube_line_decode(line, len, NULL, &l, &e);

	if (r == 0)
		same_line(line, len, &l);
	if (r < 0) {
		must(e.sys == EBADMSG && e.cni == ERR_DECODE && e.msg[0] && !l.object, "error");
	} else if (l.change == KUBE_ERROR) {
		must(!l.object && kube_status_err(&l.status, &e) < 0 && e.msg[0], "status");
	} else {
		must(l.change <= KUBE_BOOKMARK && l.version[0] && strlen(l.version) < sizeof(l.version),
		     "version");
		must(!strcmp(kube_meta(l.object, "resourceVersion"), l.version), "other version");
		must(l.change == KUBE_BOOKMARK || kube_meta(l.object, "name"), "name");
	}
	kube_line_clear(&l);
}

/* All lines, each with an end, one behind the other. */
static void lines(const char *text, size_t len, size_t step, bool decode, struct buf *out)
{
	struct kube_lines l = KUBE_LINES_INIT;
	const char *line;
	size_t n;

	for (size_t i = 0; i < len; i += step) {
		buf_add(&l.in, text + i, len - i < step ? len - i : step);
		while (kube_lines_next(&l, &line, &n)) {
			must(n && !memchr(line, '\n', n), "no line");
			if (decode)
				one_line(line, n);
			buf_add(out, line, n);
			buf_chr(out, '\n');
		}
	}
	kube_lines_clear(&l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf a = BUF_INIT(1 << 24), b = BUF_INIT(1 << 24);
	struct kube_status s;
	struct err e = { 0 };

	if (!size)
		return 0;
	lines((const char *)data + 1, size - 1, size, true, &a);
	lines((const char *)data + 1, size - 1, data[0] % 32 + 1u, false, &b);
	must(a.len == b.len && !memcmp(buf_cstr(&a), buf_cstr(&b), a.len), "pieces");
	kube_status_read((const char *)data + 1, size - 1, &s);
	must(strlen(s.reason) < sizeof(s.reason) && strlen(s.message) < sizeof(s.message), "long");
	must(s.code >= 0 && s.code <= 999 && s.retry_after_ms >= 0 && s.retry_after_ms <= 3600000, "numbers");
	must(kube_status_err(&s, &e) < 0 && e.msg[0], "sentence");
	return 0;
}
