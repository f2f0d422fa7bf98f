/* SPDX-License-Identifier: Apache-2.0 */
/* env.h - what a runtime tells a plugin by environment variables
 *
 * The texts point into envp and live as long as that. What a variable must be follows from the verb: ADD and
 * CHECK need container ID, netns and interface name, DEL needs container ID and interface name, GC needs
 * CNI_PATH. CNI_PATH is optional for the others, as in the specification: who never delegates never needs it.
 */
#ifndef CNI_ENV_H
#define CNI_ENV_H

#include <stdbool.h>

#include "base/err.h"
#include "cni/version.h"

#define CNI_NAME_MAX 253 /* container ID and network name; they become parts of file names */
#define CNI_PATH_MAX 32  /* directories in CNI_PATH */

struct cni_env {
	enum cni_verb verb;
	const char *container_id, *netns, *ifname, *args, *path; /* "" when not set */
	bool netns_override; /* CNI_NETNS_OVERRIDE: netns may be the plugin's own */
};

/* The value of a variable, "" when it is not set. */
const char *cni_env_get(char *const *envp, const char *name);
/* All of it. One sentence with code ERR_ENV names every variable that is missing or bad. */
int cni_env_read(char *const *envp, struct cni_env *ret, struct err *e);

/* The rule for container IDs and network names: a letter or digit, then letters, digits, "_", ".", "-". */
bool cni_name_ok(const char *s);
/* 1 to 15 bytes, not "." or "..", no "/", ":" or white space. */
bool cni_ifname_ok(const char *s);

/* A copy of envp in which the variables of set ("KEY=value", NULL-terminated) stand instead of their old
 * values. One block of memory: release with free(). The texts of both stay borrowed. */
int cni_env_with(char *const *envp, const char *const *set, char ***ret, struct err *e);

/* netns is the namespace we are in; false also when nothing is there. */
bool cni_netns_is_own(const char *netns);

#endif
