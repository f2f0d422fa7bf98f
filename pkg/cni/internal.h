/* SPDX-License-Identifier: Apache-2.0 */
/* internal.h - shared inside pkg/cni only */
#ifndef CNI_INTERNAL_H
#define CNI_INTERNAL_H

#include "cni/conflist.h"
#include "cni/network.h"
#include "cni/result.h"

extern const struct json_table cni_dns_table;
extern const struct json_table cni_interface_table;
/* name, mac, sandbox: what an interface had before 1.0.0 */
extern const struct json_table cni_interface_old_table;

/* Releases dns with its extra. */
void cni_dns_clear(struct cni_dns *d);
/* The members of o that t does not name, as a new object; *ret stays NULL when there are none. */
int cni_extra_take(const struct json_table *t, struct json_object *o, struct json_object **ret,
		   struct err *e);
/* Puts them into o, except those named in but (NULL-terminated; NULL: none). */
int cni_extra_put(struct json_object *extra, const char *const *but, struct json_object *o, struct err *e);

/* Fills a zeroed n, which is the caller's to clear also after an error; it may have no plugins yet. inlined:
 * no more of them may be added from files. */
int cni_network_read(const char *text, size_t len, const char *what, struct cni_network *n, bool *inlined,
		     struct err *e);
int cni_network_add_plugin(struct cni_network *n, struct json_object *conf, struct err *e);

/* Names in a directory, sorted; with suffixes (NULL-terminated; NULL: all) only those that end in one. No
 * directory is an empty list. */
int cni_list_dir(const char *dir, const char *const *suffixes, size_t max, struct json_strv *ret,
		 struct err *e);

/* One attachment in a runner's hands: what the caller gave, completed from the cache. All borrowed. */
struct cni_chain {
	const struct cni_network *n;
	const struct cni_runtime *rt;
	const char *container_id, *netns, *ifname;
	struct json_object *args;            /* [["K","V"], ...] or NULL */
	struct json_object *capability_args; /* object or NULL */
};

/* Runs plugin i. prev and valid (the list of valid attachments, for GC) may be NULL. */
int cni_chain_call(const struct cni_chain *c, enum cni_verb verb, size_t i, struct json_object *prev,
		   struct json_object *valid, struct buf *out, struct err *e);
/* A result as printed or cached, checked and in the version of the network. */
int cni_chain_result(const struct cni_chain *c, struct json_object *o, struct json_object **ret,
		     struct err *e);

#endif
