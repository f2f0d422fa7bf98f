/* SPDX-License-Identifier: Apache-2.0 */
/* sample.h - a struct with a field of every kind, for the tests of pkg/json */
#ifndef TEST_SAMPLE_H
#define TEST_SAMPLE_H

#include "json/json.h"

struct sample_leaf {
	char *a;
};

struct sample_node {
	char *a;
	JSON_LIST(struct sample_leaf) more;
};

struct sample {
	char *name, *level;
	bool flag, shown;
	uint32_t n;
	int64_t big;
	struct json_bool opt;
	struct json_int num;
	struct json_strv list, none;
	struct json_map map;
	struct json_object *raw;
	struct sample_node in, *ptr;
	JSON_LIST(struct sample_node) many;
};

static const char *const sample_levels[] = { "debug", "info", "warn", NULL };

static const struct json_field sample_leaf_fields[] = {
	JF(struct sample_leaf, a, "a", .flags = JSON_REQUIRED),
};
static const struct json_table sample_leaf_table = JSON_TABLE(struct sample_leaf, "leaf", sample_leaf_fields);

static const struct json_field sample_node_fields[] = {
	JF(struct sample_node, a, "a", .flags = JSON_REQUIRED),
	JL(struct sample_node, more, "more", &sample_leaf_table),
};
static const struct json_table sample_node_table = {
	.name = "node",
	.f = sample_node_fields,
	.n = sizeof(sample_node_fields) / sizeof(sample_node_fields[0]),
	.size = sizeof(struct sample_node),
	.closed = true,
};

static const struct json_field sample_fields[] = {
	JF(struct sample, name, "name"),
	JF(struct sample, level, "level", .one_of = sample_levels),
	JF(struct sample, flag, "flag"),
	JF(struct sample, shown, "shown", .flags = JSON_EMPTY),
	JF(struct sample, n, "n", .max = 65535),
	JF(struct sample, big, "big"),
	JF(struct sample, opt, "opt"),
	JF(struct sample, num, "num", .min = -1, .max = 10),
	JF(struct sample, list, "list"),
	JF(struct sample, none, "none"),
	JF(struct sample, map, "map"),
	JF(struct sample, raw, "raw"),
	JS(struct sample, in, "in", &sample_node_table),
	JP(struct sample, ptr, "ptr", &sample_node_table),
	JL(struct sample, many, "many", &sample_node_table),
};
static const struct json_table sample_table = JSON_TABLE(struct sample, "sample", sample_fields);

#endif
