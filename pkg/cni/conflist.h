/* SPDX-License-Identifier: Apache-2.0 */
/* conflist.h - the runtime's side: running the plugins of a network for one attachment, as libcni does
 *
 * Each plugin gets its own configuration plus name, cniVersion, prevResult, and runtimeConfig with those
 * capability arguments that it declares. Nothing is changed in what it gets otherwise.
 */
#ifndef CNI_CONFLIST_H
#define CNI_CONFLIST_H

#include <stddef.h>

#include "base/err.h"
#include "cni/conf.h"
#include "cni/network.h"
#include "json/json.h"

#define CNI_PLUGIN_TIMEOUT_MS 120000

struct cni_runtime {
	const char *container_id, *netns, *ifname;
	const struct json_map *args;         /* CNI_ARGS; NULL: none; DEL and CHECK: those of ADD */
	struct json_object *capability_args; /* object, NULL: the same */
	const char *path;                    /* CNI_PATH */
	const char *cache_dir;               /* NULL: CNI_CACHE_DIR */
	char *const *envp;                   /* environment of the plugins, CNI_* replaced */
	int err_fd;                          /* their stderr; -1: dropped */
	int timeout_ms;                      /* for each plugin; 0: CNI_PLUGIN_TIMEOUT_MS */
};

/* ADD through the chain; *ret is the last result, as printed, and is cached. When a plugin fails, it and
 * those before it get DEL, last first, and what could not be undone is said behind the error. -EEXIST when
 * the attachment is recorded already: a rollback would destroy it. */
int cni_network_add(const struct cni_network *n, const struct cni_runtime *rt, struct json_object **ret,
		    struct err *e);
/* Last plugin first, with the cached result as prevResult from 0.4.0 on; stops at the first failure, so that
 * it can be repeated. Removes the record. Without a netns the recorded one is used. */
int cni_network_del(const struct cni_network *n, const struct cni_runtime *rt, struct err *e);
/* First failure ends it. Nothing is called with disableCheck. */
int cni_network_check(const struct cni_network *n, const struct cni_runtime *rt, struct err *e);
/* DEL for the recorded attachments of this network that are not in valid, then GC for every plugin from 1.1.0
 * on. Goes on after failures; the error names all of them. Nothing is called with disableGC. */
int cni_network_gc(const struct cni_network *n, const struct cni_runtime *rt,
		   const struct cni_attachment *valid, size_t n_valid, struct err *e);
/* The first plugin that is not ready; nothing before 1.1.0. */
int cni_network_status(const struct cni_network *n, const struct cni_runtime *rt, struct err *e);
/* Asks every plugin for its versions (VERSION): each must be there and speak that of the network. */
int cni_network_validate(const struct cni_network *n, const struct cni_runtime *rt, struct err *e);

#endif
