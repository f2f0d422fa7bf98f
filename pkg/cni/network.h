/* SPDX-License-Identifier: Apache-2.0 */
/* network.h - a network configuration as a runtime loads it: a .conflist, or a single .conf
 *
 * cniVersions: the highest version that we speak counts. Unless loadOnlyInlinedPlugins is set, the *.conf
 * files in the directory of the network's name beside the file are more plugins of the list, in the order of
 * their names.
 */
#ifndef CNI_NETWORK_H
#define CNI_NETWORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cni/version.h"
#include "json/json.h"

#define CNI_PLUGINS_MAX 64
#define CNI_FILES_MAX   1024 /* in one directory */

struct cni_network_plugin {
	char *type;
	struct json_object *conf;      /* as written */
	struct json_strv capabilities; /* those declared true */
};

struct cni_network {
	char *name;
	enum cni_version version;
	bool disable_check, disable_gc;
	JSON_LIST(struct cni_network_plugin) plugins;
	struct buf text; /* the list as JSON text; of a single .conf: the list made of it */
};

/* what names the source in errors. Accepts a list ("plugins") and a single plugin ("type"). */
int cni_network_parse(const char *text, size_t len, const char *what, struct cni_network *ret, struct err *e);
int cni_network_load(const char *file, struct cni_network *ret, struct err *e);
/* The network of that name in a directory: .conflist files first, then .conf and .json, each in the order of
 * their names. name NULL: the first file of all, as runtimes choose. -ENOENT when there is none. */
int cni_network_find(const char *dir, const char *name, struct cni_network *ret, struct err *e);
void cni_network_clear(struct cni_network *n);

#endif
