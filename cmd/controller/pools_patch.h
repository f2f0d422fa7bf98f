/* SPDX-License-Identifier: Apache-2.0 */
/* pools_patch.h - a merge patch of a pool or subnet, for the version that was read */
#ifndef CONTROLLER_POOLS_PATCH_H
#define CONTROLLER_POOLS_PATCH_H

#include "api/api.h"

struct pools_patch {
	struct json_object *o;
	size_t n; /* changes */
};

int pools_patch_begin(struct pools_patch *x, const struct api_meta *m, struct err *e);
/* part: "metadata" or "spec". v is taken over; NULL takes the member away. */
int pools_patch_put(struct pools_patch *x, const char *part, const char *key, struct json_object *v,
		    struct err *e);
/* One entry of the map part.map. */
int pools_patch_text(struct pools_patch *x, const char *part, const char *map, const char *key,
		     const char *value, struct err *e);
int pools_patch_raw(struct pools_patch *x, const char *part, const char *key, struct json_object *copied,
		    struct err *e);
int pools_patch_finalizers(struct pools_patch *x, const struct json_strv *all, struct err *e);
int pools_patch_gateway(struct pools_patch *x, const struct api_range_spec *is, struct err *e);
int pools_patch_routes(struct pools_patch *x, const struct api_range_spec *is, struct err *e);
/* What was not there before. */
int pools_patch_inherited(struct pools_patch *x, const struct api_range_spec *was,
			  const struct api_range_spec *is, struct err *e);
/* Appends the patch: 1, or 0 when nothing changes. */
int pools_patch_end(struct pools_patch *x, struct buf *out, struct err *e);
void pools_patch_clear(struct pools_patch *x);

/* The list as JSON; NULL and 0 when it is absent. */
int pools_patch_routes_json(const struct api_range_spec *s, struct json_object **ret, struct err *e);

#endif
