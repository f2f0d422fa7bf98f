/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.h - what a plain scalar means, for reading and for knowing what must be quoted */
#ifndef YAML_SCALAR_H
#define YAML_SCALAR_H

#include <stdbool.h>
#include <stdint.h>

#include "json/tree.h"

enum yaml_kind {
	YAML_STRING,
	YAML_NULL,
	YAML_BOOL,
	YAML_INT,
	YAML_UINT, /* beyond int64 */
	YAML_FLOAT,
	YAML_NOT_JSON, /* infinity, NaN */
	YAML_MERGE     /* << */
};

struct yaml_scalar {
	enum yaml_kind kind;
	bool b;
	int64_t i;
	uint64_t u;
	double d;
	char text[JSON_NUMBER_MAX + 1]; /* of a float, as JSON */
};

void yaml_resolve(const char *s, struct yaml_scalar *out);

#endif
