/* SPDX-License-Identifier: Apache-2.0 */
/* listen.h - listening sockets: a name in the file system that is taken over in one step, and TCP ports */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <stdint.h>
#include <sys/stat.h>

#include "base/err.h"

/* A file that is ours as long as it is the same one. */
struct listen_name {
	dev_t dev;
	ino_t ino;
};

/* Both as in server.h; the caller closes *ret. */
int listen_unix(const char *path, mode_t mode, int *ret, struct listen_name *name, struct err *e);
int listen_tcp(const char *host, uint16_t port, int *ret, struct err *e);
/* Removes the file unless somebody else's has taken its place. */
void listen_remove(const char *path, const struct listen_name *name);

#endif
