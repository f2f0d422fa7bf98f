/* SPDX-License-Identifier: Apache-2.0 */
/* cache.h - what a runtime remembers of an attachment, in the place and format of libcni
 *
 * <dir>/results/<network>-<container>-<ifname>, kind cniCacheV1; readable by libcni and the other way round.
 * Files that libcni wrote before it had a kind hold the bare result; they are read too.
 */
#ifndef CNI_CACHE_H
#define CNI_CACHE_H

#include "base/buf.h"
#include "base/err.h"
#include "json/json.h"

#define CNI_CACHE_DIR       "/var/lib/cni"
#define CNI_CACHE_TEXT_MAX  ((size_t)8 << 20)
#define CNI_CACHE_FILES_MAX 65536

struct cni_cached {
	char *network, *container_id, *ifname, *netns; /* netns NULL when not recorded */
	struct buf config;                             /* the list it was added with */
	struct json_object *args;                      /* [["K","V"], ...] or NULL */
	struct json_object *capability_args;           /* object or NULL */
	struct json_object *result;
};

/* Whether a new record can be written: the names must fit into one file name, and -EEXIST when it is taken.
 */
int cni_cache_check(const char *dir, const char *network, const char *container_id, const char *ifname,
		    struct err *e);
int cni_cache_write(const char *dir, const struct cni_cached *c, struct err *e);
/* 0: *ret is filled, 1: nothing is recorded (or the file is another attachment's). */
int cni_cache_read(const char *dir, const char *network, const char *container_id, const char *ifname,
		   struct cni_cached *ret, struct err *e);
/* What is not there is fine. */
int cni_cache_delete(const char *dir, const char *network, const char *container_id, const char *ifname,
		     struct err *e);
/* Calls each() for every record in the order of the file names; files that are no records are skipped. Stops
 * at the first negative answer and returns it. */
int cni_cache_each(const char *dir, int (*each)(const struct cni_cached *c, void *arg, struct err *e),
		   void *arg, struct err *e);
void cni_cached_clear(struct cni_cached *c);

#endif
