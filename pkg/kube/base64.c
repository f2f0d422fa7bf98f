/* SPDX-License-Identifier: Apache-2.0 */
/* base64.c - RFC 4648, as kubeconfigs hold certificates */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kube/internal.h"

static int digit(char c)
{
	static const char all[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(all, c) : NULL;

	return at ? (int)(at - all) : -1;
}

/* Line ends between digits are skipped, as `base64` writes them. Text alone is wanted: a NUL is an error. */
int kube_base64_text(const char *in, char **ret, struct err *e)
{
	char *out = malloc(strlen(in) / 4 * 3 + 4);
	size_t n = 0, digits = 0;
	unsigned bits = 0;

	if (!out)
		return err_nomem(e);
	for (; *in && *in != '='; in++) {
		int v = digit(*in);

		if (*in == '\n' || *in == '\r' || *in == ' ')
			continue;
		if (v < 0)
			break;
		bits = bits << 6 | (unsigned)v;
		if (++digits % 4 == 1)
			continue;
		out[n++] = (char)(bits >> (digits % 4 == 2 ? 4 : digits % 4 == 3 ? 2 : 0));
	}
	for (; *in == '=' && digits % 4; in++)
		digits++;
	in += strspn(in, "\r\n ");
	out[n] = '\0';
	if (!*in && digits % 4 == 0 && strlen(out) == n) {
		*ret = out;
		return 0;
	}
	explicit_bzero(out, n);
	free(out);
	return err_code(e, ERR_CONFIG, EINVAL, "want base64 of text");
}
