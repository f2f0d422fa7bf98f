/* SPDX-License-Identifier: Apache-2.0 */
/* result.h - the result of ADD in every version of the specification
 *
 * A result is decoded from any version into one struct and encoded to any version. Keys that we do not know
 * are kept per element (extra) and come out again, and the optional numbers carry "set", so that interface 0,
 * table 0 and scope 0 survive. A result that a plugin got and hands on: decode, change, encode.
 *
 * What the versions cannot say is left out on the way down: before 1.0.0 an interface has only name, mac and
 * sandbox; 0.1.0 and 0.2.0 have no interfaces, one address a family and routes with dst and gw only. Between
 * these two and the later ones unknown keys beside an address do not travel. An IPAM plugin simply adds no
 * interfaces and gives its addresses none.
 */
#ifndef CNI_RESULT_H
#define CNI_RESULT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "cni/version.h"
#include "ip/ip.h"
#include "json/json.h"

#define CNI_RESULT_TEXT_MAX ((size_t)4 << 20)

struct cni_dns {
	struct json_strv nameservers, search, options;
	char *domain;
	struct json_object *extra; /* here and below: an object with the unknown keys, or NULL */
};

struct cni_interface {
	char *name, *mac, *sandbox; /* sandbox NULL: on the host */
	struct json_int mtu;
	char *socket_path, *pci_id;
	struct json_object *extra;
};

struct cni_ip_config {
	struct json_int interface; /* index into interfaces */
	struct ip_prefix address;  /* with host bits */
	struct ip gateway;         /* ver 0: none */
	struct json_object *extra;
};

struct cni_route {
	struct ip_prefix dst;
	struct ip gw; /* ver 0: none */
	struct json_int mtu, advmss, priority, table, scope;
	struct json_object *extra;
};

struct cni_result {
	JSON_LIST(struct cni_interface) interfaces;
	JSON_LIST(struct cni_ip_config) ips;
	JSON_LIST(struct cni_route) routes;
	struct cni_dns dns;
	struct json_object *extra;
	bool decoded; /* it came from a document of this version */
	enum cni_version version;
};

/* The document's own cniVersion counts, assumed when it has none. Code ERR_DECODE for what is not a result,
 * ERR_VERSION for a version we do not speak. what names the source in errors ("prevResult"). */
int cni_result_decode(struct json_object *o, enum cni_version assumed, const char *what,
		      struct cni_result *ret, struct err *e);
int cni_result_parse(const char *text, size_t len, enum cni_version assumed, const char *what,
		     struct cni_result *ret, struct err *e);
/* A new tree. Fails with ERR_CONFIG when v cannot say it: 0.1.0 and 0.2.0 need an address. */
int cni_result_encode(const struct cni_result *r, enum cni_version v, struct json_object **ret,
		      struct err *e);
/* Encode and append the text. */
int cni_result_print(const struct cni_result *r, enum cni_version v, struct buf *out, struct err *e);
void cni_result_clear(struct cni_result *r);

/* Building. Each returns the index of the new element; the element is v[index] of its list and may be filled
 * further. mac and sandbox may be NULL, interface -1, gw.ver 0. */
int cni_result_add_interface(struct cni_result *r, const char *name, const char *mac, const char *sandbox,
			     struct err *e);
int cni_result_add_ip(struct cni_result *r, struct ip_prefix address, struct ip gateway, int interface,
		      struct err *e);
int cni_result_add_route(struct cni_result *r, struct ip_prefix dst, struct ip gw, struct err *e);
/* Replaces a text member (mac, say) by a copy. */
int cni_result_set_text(char **member, const char *text, struct err *e);

/* The interface an address is on; NULL when it names none or one that is not there. */
const struct cni_interface *cni_result_ip_interface(const struct cni_result *r,
						    const struct cni_ip_config *ip);
/* Index of the interface of that name in that sandbox (NULL: any sandbox, but not the host), or -1. */
int cni_result_find_interface(const struct cni_result *r, const char *name, const char *sandbox);

#endif
