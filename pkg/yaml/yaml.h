/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - manifests: YAML or JSON text, one or many documents, to the same json-c trees
 *
 * Scalars resolve as in Kubernetes (YAML 1.1 booleans and numbers, quoted text is a string). Anchors,
 * aliases, merge keys, tags other than the core ones and duplicate keys are refused by line and column: none
 * of them is needed in a manifest, and aliases are how small files become huge trees. Empty documents are
 * skipped.
 */
#ifndef YAML_YAML_H
#define YAML_YAML_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/err.h"

#define YAML_TEXT_MAX ((size_t)16 << 20)
#define YAML_DOCS_MAX 100000

/* Calls doc() for each document, in order, with the line it starts at (first line is 1); the tree is only
 * lent. Stops at the first negative answer and returns it. what names the source in errors. */
int yaml_parse(const char *text, size_t len, const char *what,
	       int (*doc)(struct json_object *o, size_t line, void *arg, struct err *e), void *arg,
	       struct err *e);

/* Appends o as YAML in block style, keys in the order of the tree. */
struct buf;
int yaml_print(struct json_object *o, struct buf *out, struct err *e);

#endif
