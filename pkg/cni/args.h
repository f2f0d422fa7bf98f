/* SPDX-License-Identifier: Apache-2.0 */
/* args.h - CNI_ARGS: "IgnoreUnknown=1;K8S_POD_NAME=a;IP=10.0.0.5/24,fd00::5"
 *
 * The first "=" separates, later ones belong to the value; empty pairs and empty values count as absent; of a
 * key that comes twice the last one wins. Keys are case-sensitive. A key that we do not know is an error
 * unless IgnoreUnknown is 1 or true; the unknown ones are kept in other, in order.
 */
#ifndef CNI_ARGS_H
#define CNI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "ip/ip.h"
#include "json/json.h"

#define CNI_ARGS_MAX     65536 /* bytes */
#define CNI_ARGS_PAIRS   256
#define CNI_IPS_MAX      64
#define CNI_MAC_TEXT_MAX 18

/* Addresses someone asked for. */
struct cni_ip {
	struct ip_prefix p; /* of a bare address: /32 or /128 */
	bool bare;          /* it came without a prefix length */
};
struct cni_ips {
	struct cni_ip *v;
	size_t n;
};

struct cni_args {
	bool ignore_unknown;
	char *pod_name, *pod_namespace, *pod_uid, *infra_container_id; /* NULL when absent */
	struct cni_ips ips;                                            /* IP=a/24,b as Multus writes it */
	char mac[CNI_MAC_TEXT_MAX]; /* "aa:bb:cc:dd:ee:ff", "" when absent */
	struct json_map other;
};

/* Code ERR_ENV names the pair. With lenient, what cannot be read is skipped: DEL must not fail for a text
 * that made ADD fail. */
int cni_args_parse(const char *text, bool lenient, struct cni_args *ret, struct err *e);
void cni_args_clear(struct cni_args *a);

/* Adds "10.0.0.5/24" or "10.0.0.5"; the code of the error is ERR_CONFIG. */
int cni_ips_add(struct cni_ips *l, const char *text, struct err *e);
void cni_ips_clear(struct cni_ips *l);
/* Six bytes, separated by ":" or "-"; false when it is none. */
bool cni_mac_normalize(const char *text, char out[CNI_MAC_TEXT_MAX]);

#endif
