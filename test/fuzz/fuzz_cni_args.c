/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_cni_args.c - CNI_ARGS
 *
 * Properties: what is read can be written as CNI_ARGS again and is read as the same; what is read strictly is
 * read the same leniently; lenient never fails; an error has code 4 and a sentence.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "cni/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void write_text(struct buf *b, const char *key, const char *value)
{
	if (value)
		buf_fmt(b, ";%s=%s", key, value);
}

static void write_args(const struct cni_args *a, struct buf *b)
{
	char text[IP_TEXT_MAX];

	buf_str(b, a->ignore_unknown ? "IgnoreUnknown=1" : "IgnoreUnknown=0");
	write_text(b, "K8S_POD_NAME", a->pod_name);
	write_text(b, "K8S_POD_NAMESPACE", a->pod_namespace);
	write_text(b, "K8S_POD_UID", a->pod_uid);
	write_text(b, "K8S_POD_INFRA_CONTAINER_ID", a->infra_container_id);
	write_text(b, "MAC", *a->mac ? a->mac : NULL);
	for (size_t i = 0; i < a->ips.n; i++)
		buf_fmt(b, "%s%s", i ? "," : ";IP=",
			a->ips.v[i].bare ? ip_format(a->ips.v[i].p.ip, text)
					 : ip_prefix_format(a->ips.v[i].p, text));
	for (size_t i = 0; i < a->other.n; i++)
		write_text(b, a->other.v[i].key, a->other.v[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf first = BUF_INIT(1 << 20), second = BUF_INIT(1 << 20);
	CLEANUP(cni_args_clear) struct cni_args a = { 0 }, lenient = { 0 }, again = { 0 };
	CLEANUP(free_p) char *text = strndup((const char *)data, size);
	struct err e = { 0 };
	int r;

	demand(cni_args_parse(text, true, &lenient, &e) == 0, "lenient failed");
	r = cni_args_parse(text, false, &a, &e);
	if (r < 0) {
		demand(e.cni == ERR_ENV && *e.msg, "an error without code or sentence");
		return 0;
	}
	for (size_t i = 0; i < a.ips.n; i++)
		demand(!a.ips.v[i].bare || a.ips.v[i].p.len == ip_bits(a.ips.v[i].p.ip.ver),
		       "bare with a length");
	for (size_t i = 0; i < a.other.n; i++)
		demand(!strchr(a.other.v[i].key, '='), "not the first \"=\"");
	write_args(&a, &first);
	write_args(&lenient, &second);
	demand(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0, "lenient is different");
	demand(cni_args_parse(buf_cstr(&first), false, &again, &e) == 0, "cannot be read again");
	buf_reset(&second);
	write_args(&again, &second);
	demand(strcmp(buf_cstr(&first), buf_cstr(&second)) == 0, "is read as something else");
	return 0;
}
