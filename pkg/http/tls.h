/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - the certificate of a server, which may be renewed while it serves (only for pkg/http)
 *
 * A handshake takes the newest; connections that are open keep theirs. An old one is kept until the server is
 * gone, since a handshake may still have it: renewals are rare.
 */
#ifndef HTTP_TLS_H
#define HTTP_TLS_H

#include <microhttpd.h>

#include "base/err.h"

struct http_tls;

/* PEM: a chain and its key. -EINVAL, code ERR_CONFIG: it cannot be read, or they do not fit. */
int http_tls_new(const char *cert, const char *key, struct http_tls **ret, struct err *e);
int http_tls_renew(struct http_tls *t, const char *cert, const char *key, struct err *e);
void http_tls_free(struct http_tls *t); /* no handshake is under way; accepts NULL */

/* MHD_OPTION_HTTPS_CERT_CALLBACK, and MHD_OPTION_NOTIFY_CONNECTION with the http_tls as its argument. */
void *http_tls_retrieve(void);
void http_tls_connection(void *arg, struct MHD_Connection *c, void **own,
			 enum MHD_ConnectionNotificationCode what);

#endif
