/* SPDX-License-Identifier: Apache-2.0 */
/* check.h - the rules that validators are made of (only for pkg/api)
 *
 * Each answers 0 or -EINVAL with a sentence that starts at the value or at the field "spec....": the callers
 * put field, kind and name in front. Code is ERR_CONFIG throughout.
 */
#ifndef API_CHECK_H
#define API_CHECK_H

#include <errno.h>

#include "api/api.h"

#define LABEL_VALUE_MAX 63
#define NAME_MAX_LEN    253

/* Sets *e to the sentence; answers -EINVAL. */
#define check_failed(e, ...) err_code(e, ERR_CONFIG, EINVAL, __VA_ARGS__)

/* ---- names and labels (check_name.c) ---- */

int check_dns_label(const char *s, struct err *e);     /* a namespace */
int check_dns_subdomain(const char *s, struct err *e); /* any other name */
int check_label_key(const char *s, struct err *e);
int check_label_value(const char *s, size_t max, struct err *e);

/* Operators, keys and values as metav1.LabelSelector has them; value_max as for check_label_value(). */
int check_selector(const struct api_selector *s, size_t value_max, struct err *e);

/* ---- the range part of pools and subnets (check_range.c) ---- */

/* What the rules found on their way: valid after check_version() and check_subnet(). */
struct range_facts {
	uint8_t ver;
	struct ip_prefix subnet;
	struct ip_set total; /* ips - excludeIPs, after check_ranges() */
};

int check_version(const struct json_int *ver, const struct api_world *w, uint8_t *ret, struct err *e);
/* A list of ranges, each of which lies in subnet if that is not NULL; unless overlap_ok, none has an address
 * of another. */
int check_list(const char *field, const struct json_strv *l, uint8_t ver, const struct ip_prefix *subnet,
	       bool overlap_ok, struct err *e);
/* All of it but immutability. facts is filled in, release with range_facts_clear(). */
int check_range(const struct api_range_spec *s, const struct api_world *w, struct range_facts *facts,
		struct err *e);
void range_facts_clear(struct range_facts *f);
int check_immutable(const struct json_int *old_ver, const char *old_subnet, const struct json_int *ver,
		    const char *subnet, struct err *e);
/* Every address of kept must be in total; what says who has them and what to do about it. */
int check_kept(const struct ip_set *kept, const struct ip_set *total, const char *what, struct err *e);

/* ---- per kind ---- */

int check_pool(const struct api_ippool *p, const struct api_ippool *old, const struct api_world *w,
	       struct err *e);
int check_subnet(const struct api_subnet *s, const struct api_subnet *old, const struct api_world *w,
		 struct err *e);
int check_reservedip(const struct api_reservedip *r, const struct api_reservedip *old,
		     const struct api_world *w, struct err *e);
int check_ipblock(const struct api_ipblock *b, struct err *e);

#endif
