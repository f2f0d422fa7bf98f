/* SPDX-License-Identifier: Apache-2.0 */
/* get.h - objects as rows of a table, and the words they are named by */
#ifndef CTL_GET_H
#define CTL_GET_H

#include "ctl.h"

/* The columns that kubectl shows for the kind (printer columns of the CRD). */
struct get_view {
	const struct out_column *columns;
	size_t n;
	void (*cells)(struct out *o, const struct api_object *obj);
};
extern const struct get_view get_views[API_KIND_MAX];

/* An operand such as "sp", "ippools", "SpiderIPPool", "sp/blue": the kind, and the name behind the slash or
 * NULL. Short words without "spider" are known too. Code OPTIONS_USAGE. */
int get_kind(const char *word, enum api_kind *ret, const char **ret_name, struct err *e);

/* "3d", "5h", "12m", "40s"; "-" for 0 and what is no time. */
#define AGE_MAX 32
const char *get_age(const char *timestamp, char out[AGE_MAX]);

#endif
