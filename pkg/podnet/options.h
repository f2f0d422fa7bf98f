/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - what the configurations of plugins that change a pod have in common, under whatever keys
 *
 * Errors have the code ERR_CONFIG and begin with where ("config"), the place the value was written in.
 */
#ifndef PODNET_OPTIONS_H
#define PODNET_OPTIONS_H

#include "base/log.h"
#include "ip/ip.h"
#include "json/json.h"

/* ---- a path ---- */

#define OPTIONS_STATE_DIR_MAX 1024

/* A text that is NULL or "" becomes absent; any other must be absolute, at most max bytes, and without steps
 * that lead elsewhere. */
int options_path(char **s, const char *key, const char *absent, size_t max, struct err *e);
/* The same out of a configuration that is wrong otherwise: what makes no sense counts as absent. A copy, NULL
 * when memory is out. */
char *options_path_of(struct json_object *tree, const char *key, const char *absent, size_t max);

/* ---- the log ---- */

struct options_log {
	char *level, *file;
	struct json_object *max_size, *max_age, *max_count; /* numbers, or such in quotes */
};

/* Fills what *ret does not say by itself: path, level, sizes; a value that is absent leaves it. t, of a
 * struct options_log, has its fields in this order. A level that is none is an error. */
int options_log_read(const struct options_log *o, const struct json_table *t, struct log_conf *ret,
		     struct err *e);

/* ---- prefixes ---- */

struct options_prefixes {
	struct ip_prefix *v;
	size_t n;
};

/* Those of texts that are not in it already, without blanks around and without host bits. bare: an address
 * without a length is one host. At most max in all. */
int options_prefixes_add(struct options_prefixes *l, const struct json_strv *texts, bool bare, size_t max,
			 const char *where, const char *key, struct err *e);
void options_prefixes_clear(struct options_prefixes *l);
/* One text without the blanks around; what is too long to be an address stays wrong. */
const char *options_trim(const char *s, char out[64]);

/* ---- others ---- */

/* "0a:1b", "0a-1b" */
int options_mac_prefix(const char *text, uint8_t ret[2], const char *where, const char *key, struct err *e);
/* Each key that neither the table nor the protocol knows. */
void options_unknown(const struct json_table *t, struct json_object *tree,
		     void (*note)(const char *sentence, void *arg), void *arg);

#endif
