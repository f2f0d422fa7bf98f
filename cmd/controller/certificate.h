/* SPDX-License-Identifier: Apache-2.0 */
/* certificate.h - what admission is served with: a certificate, its key, and the authority that vouches for
 * it
 *
 * The controller makes its own. The authority lives for one signature: its key is never stored, so a renewal
 * is a new authority too, and the bundle names the older ones beside it for as long as they are valid.
 */
#ifndef CONTROLLER_CERTIFICATE_H
#define CONTROLLER_CERTIFICATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "config.h"
#include "kube/client.h"

#define CERTIFICATE_DAYS    365
#define CERTIFICATE_BUNDLE  4 /* authorities in a bundle */
#define CERTIFICATE_NAMES   8
#define CERTIFICATE_PEM_MAX ((size_t)256 << 10)
#define CERTIFICATE_SECRET  "-webhook-certs" /* behind the name of the Service */

/* PEM; none is NULL once it was filled in. */
struct certificate {
	char *ca; /* a bundle; "": none that we should tell anybody */
	char *cert, *key;
};

void certificate_clear(struct certificate *c);
bool certificate_same(const struct certificate *a, const struct certificate *b);

/* ---- pure but for random numbers (certificate.c) ---- */

struct certificate_names {
	char text[CERTIFICATE_NAMES][320];
	size_t n;
};
/* What a server certificate of Service name in ns is to be valid for. */
void certificate_names(const char *name, const char *ns, struct certificate_names *ret);

/* now: ms. Valid from an hour ago, as clocks differ. */
int certificate_make(const struct certificate_names *names, int64_t now, struct certificate *ret,
		     struct err *e);
/* 0: fine; 1: it is time for another one, two thirds of its time are over. -EINVAL: it is of no use, e says
 * why. names NULL: whatever it is for. */
int certificate_check(const struct certificate *c, const struct certificate_names *names, int64_t now,
		      struct err *e);
/* When it is over, ms; 0: what is no certificate. */
int64_t certificate_end(const struct certificate *c);
/* Appends the certificates of both bundles that are valid at now, each once, at most CERTIFICATE_BUNDLE. What
 * is no certificate is left out. */
int certificate_bundle(const char *first, const char *second, int64_t now, struct buf *out, struct err *e);

/* ---- where it is kept ---- */

/* From the Secret; made or renewed when that is our business. mine: what we serve with, to be stored again
 * should the Secret be gone; NULL members: none. trusted: a bundle that the API server trusts until now.
 * 1: it is good, but it is time for another one, which could not be stored; e says why. */
int certificate_read_secret(struct kube *k, const struct controller_config *conf,
			    const struct certificate *mine, const char *trusted, struct deadline until,
			    struct kube_cancel *cancel, struct certificate *ret, struct err *e);
/* From conf->cert and conf->key; ca.crt beside the first is the bundle. Code ERR_CONFIG. */
int certificate_read_files(const struct controller_config *conf, struct certificate *ret, struct err *e);

#endif
