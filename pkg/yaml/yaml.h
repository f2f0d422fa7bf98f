/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - manifests: YAML or JSON text, one or many documents, to the same json-c trees
 *
 * Scalars resolve as in Kubernetes (YAML 1.1 booleans and numbers, octal with 0 or 0o, quoted text is a
 * string, so are times and 1:30). Anchors, aliases, merge keys, tags other than the core ones, keys that are
 * not text and duplicate keys are refused by line and column: none of them is needed in a manifest, and
 * aliases are how small files become huge trees. Text that is one JSON value is read by the JSON parser.
 * Empty documents (and those that are just null) are skipped.
 */
#ifndef YAML_YAML_H
#define YAML_YAML_H

#include <json-c/json.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

#define YAML_TEXT_MAX ((size_t)16 << 20)
#define YAML_DOCS_MAX 100000

/* Calls doc() for each document, in order, with the line it starts at (first line is 1); the tree is only
 * lent. Stops at the first negative answer and returns it. Text is read as it is needed: documents before a
 * faulty one have been handed out. Errors are "WHAT:line:column: ...", code ERR_DECODE. Depth and size of a
 * tree are limited as in json/tree.h, lists and mappings to JSON_LIST_MAX. */
int yaml_parse(const char *text, size_t len, const char *what,
	       int (*doc)(struct json_object *o, size_t line, void *arg, struct err *e), void *arg,
	       struct err *e);

/* Appends o as YAML in block style, keys in the order of the tree; it reads back as the same tree. */
int yaml_print(struct json_object *o, struct buf *out, struct err *e);

#endif
