/* SPDX-License-Identifier: Apache-2.0 */
/* conf.h - the part of a request on stdin that all plugins share
 *
 * tree is the whole request; a plugin decodes its own fields from it with its own table (an open one:
 * runtimes add keys). Everything here belongs to the struct; raw members are references into the tree.
 */
#ifndef CNI_CONF_H
#define CNI_CONF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "cni/args.h"
#include "cni/result.h"
#include "cni/version.h"
#include "json/json.h"

#define CNI_CONF_TEXT_MAX ((size_t)4 << 20) /* stdin of a plugin */

struct cni_attachment {
	char *container_id, *ifname;
};

struct cni_conf {
	enum cni_version version; /* CNI_VERSION_DEFAULT when the text names none */
	char *name, *type;        /* type may be NULL */
	struct cni_dns dns;
	/* GC: the union of cni.dev/valid-attachments and its older name cni.dev/attachments; set tells
	 * whether the runtime sent one at all. */
	JSON_LIST(struct cni_attachment) valid;
	struct json_object *tree;
	struct json_object *prev_result, *runtime_config, *args, *ipam; /* NULL when absent */
};

/* Codes: ERR_DECODE no JSON object or a key of the wrong type, ERR_VERSION a version we do not speak,
 * ERR_CONFIG name missing or bad. The version is looked at first, so that *ret_version (may be NULL; set to
 * latest while unknown) can be used for the error document. */
int cni_conf_parse(const char *text, size_t len, struct cni_conf *ret, enum cni_version *ret_version,
		   struct err *e);
void cni_conf_clear(struct cni_conf *c);
bool cni_conf_valid_has(const struct cni_conf *c, const char *container_id, const char *ifname);
/* args.cni, NULL when absent. */
struct json_object *cni_conf_args_cni(const struct cni_conf *c);
/* Decodes prevResult (its own version, else that of the configuration). 0: *ret is filled, 1: there is none.
 */
int cni_conf_prev_result(const struct cni_conf *c, struct cni_result *ret, struct err *e);

/* What the runtime asks for this one attachment. Of the three places runtimeConfig, args.cni and CNI_ARGS the
 * first that says something counts. */
struct cni_request {
	struct cni_ips ips;
	char mac[CNI_MAC_TEXT_MAX]; /* "" when none */
	char *device_id; /* runtimeConfig.deviceID, else the keys deviceID and pciBusID of Multus */
};

int cni_request_read(const struct cni_conf *c, const struct cni_args *a, struct cni_request *ret,
		     struct err *e);
void cni_request_clear(struct cni_request *r);

#endif
