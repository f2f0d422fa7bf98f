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
#define SUMMARY_MAX     ((size_t)8 * IP_RANGE_MAX)

/* Sets *e to the sentence; answers -EINVAL. */
#define check_failed(e, ...) err_code(e, ERR_CONFIG, EINVAL, __VA_ARGS__)

/* ---- names and labels (check_name.c) ---- */

int check_dns_label(const char *s, struct err *e);     /* a namespace */
int check_dns_subdomain(const char *s, struct err *e); /* any other name */
int check_label_key(const char *s, struct err *e);
int check_label_value(const char *s, size_t max, struct err *e);

/* What to do about addresses that are held. */
static inline const char *check_held_advice(const struct api_world *w)
{
	return w->held_advice ? w->held_advice : "delete the Pods that have them first";
}

/* Operators, keys and values as metav1.LabelSelector has them; value_max as for check_label_value(). */
int check_selector(const struct api_selector *s, size_t value_max, struct err *e);

/* ---- the range part of pools and subnets (check_range.c, check_list.c) ---- */

/* What the rules found on their way; release with check_facts_clear(). */
struct check_facts {
	uint8_t ver;
	struct ip_prefix subnet;
	struct ip_set total; /* ips - excludeIPs */
};

/* Present, 4 or 6, and enabled. */
int check_version(const struct json_int *ver, const struct api_world *w, uint8_t *ret, struct err *e);
/* Every item is a range of that version, in subnet if that is not NULL. */
int check_list(const char *field, const struct json_strv *l, uint8_t ver, const struct ip_prefix *subnet,
	       struct err *e);
/* No address is in two items; the list passed check_list(). */
int check_no_overlap(const char *field, const struct json_strv *l, uint8_t ver, struct err *e);
/* All rules of the spec alone. The spelling of subnet matters only for a new object. */
int check_range(const struct api_range_spec *s, const struct api_world *w, bool create,
		struct check_facts *facts, struct err *e);
void check_facts_clear(struct check_facts *f);

int check_version_kept(const struct json_int *old, const struct json_int *ver, struct err *e);
int check_subnet_kept(const char *old, const char *subnet, struct err *e);
/* Addresses of kept that were in old_total must be in total; NULL old_total: all of them. why says who has
 * them and what to do; -EBUSY. */
int check_kept(const struct ip_set *kept, const struct ip_set *old_total, const struct ip_set *total,
	       const char *why, struct err *e);
/* "10.0.0.1-10.0.0.3, 10.0.0.9 and 7 more ranges" */
const char *check_summary(const struct ip_set *s, char out[SUMMARY_MAX]);

/* ---- what pools and subnets have to do with each other (check_world.c) ---- */

/* "" for an object that somebody stored without a name. */
const char *api_name_of(const struct api_object *o);
/* The subnet of the same CIDR, NULL for none or when the feature is off. */
const struct api_subnet *api_find_owner(const struct api_range_spec *pool, const struct api_world *w);
/* The network of another object; false when it cannot be read. */
bool api_read_network(const struct api_range_spec *s, struct ip_prefix *ret);
/* api_range_total() of another object, whose kind and name go in front of the error. */
int api_other_total(enum api_kind kind, const struct api_object *o, const struct api_range_spec *s,
		    struct ip_set *out, struct err *e);
/* The same for an object whose mistakes are not the question: 1, 0 when it cannot be read, or -ENOMEM. */
int api_try_total(const struct api_range_spec *s, struct ip_set *out, struct err *e);
/* pool must lie in subnet, the totals of both. */
int check_inside(const struct ip_set *pool, const struct ip_set *subnet, const char *why, struct err *e);

/* ---- kinds; old is NULL for a new object ---- */

int validate_pool(const struct api_ippool *p, const struct api_ippool *old, const struct api_world *w,
		  struct err *e);
/* Whose pool it is; also for an edit that leaves the spec alone. */
int validate_pool_identity(const struct api_ippool *p, const struct api_ippool *old,
			   const struct api_world *w, struct err *e);
int validate_subnet(const struct api_subnet *s, const struct api_subnet *old, const struct api_world *w,
		    struct err *e);
int validate_subnet_delete(const struct api_subnet *s, const struct api_world *w, struct err *e);
int validate_reservedip(const struct api_reservedip *r, const struct api_reservedip *old,
			const struct api_world *w, struct err *e);
int validate_ipblock(const struct api_ipblock *b, struct err *e);

#endif
