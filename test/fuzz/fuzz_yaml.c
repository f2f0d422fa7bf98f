/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_yaml.c - YAML text to trees and back
 *
 * Properties: each document printed as YAML and as JSON is read as one document with an equal tree; text that
 * the JSON parser takes (without duplicate keys) gives the same tree here.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/own.h"
#include "json/tree.h"
#include "yaml/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void demand(bool ok, const char *what, const struct buf *text, const struct err *e)
{
	if (ok)
		return;
	fprintf(stderr, "%s: %s\n%s\n", what, e->msg, text ? buf_cstr(text) : "");
	abort();
}

struct expect {
	struct json_object *o;
	const struct buf *text;
	size_t docs;
};

static int compare(struct json_object *o, size_t line, void *arg, struct err *e)
{
	struct expect *x = arg;

	demand(line > 0, "line 0", x->text, e);
	demand(json_object_equal(o, x->o), "what was printed is another tree", x->text, e);
	x->docs++;
	return 0;
}

static void read_back(struct json_object *o, const struct buf *text)
{
	struct expect x = { .o = o, .text = text };
	struct err e = { 0 };
	int r = yaml_parse(buf_cstr(text), text->len, "printed", compare, &x, &e);

	demand(r == 0 && x.docs == (o != NULL), "read back", text, &e);
}

static int doc(struct json_object *o, size_t line, void *arg, struct err *e)
{
	CLEANUP(buf_clear) struct buf yaml = BUF_INIT(BUF_MAX_DEFAULT), json = BUF_INIT(BUF_MAX_DEFAULT);

	demand(line > 0 && o, "an empty document", NULL, e);
	demand(yaml_print(o, &yaml, e) == 0, "print YAML", &yaml, e);
	read_back(o, &yaml);
	demand(json_print(o, false, &json, e) == 0, "print JSON", &json, e);
	if (json_object_is_type(o, json_type_object) || json_object_is_type(o, json_type_array))
		read_back(o, &json);
	++*(size_t *)arg;
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(buf_clear) struct buf yaml = BUF_INIT(BUF_MAX_DEFAULT);
	CLEANUP(json_put_p) struct json_object *o = NULL;
	struct err e = { 0 };
	size_t docs = 0;
	int r = yaml_parse((const char *)data, size, "input", doc, &docs, &e);

	demand(r == 0 || (e.msg[0] && e.cni == ERR_DECODE), "an error without a sentence", NULL, &e);
	if (json_parse_as((const char *)data, size, "input", JSON_UNIQUE, &o, &e) < 0)
		return 0;
	demand(yaml_print(o, &yaml, &e) == 0, "print JSON as YAML", &yaml, &e);
	read_back(o, &yaml);
	return 0;
}
