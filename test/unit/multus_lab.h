/* SPDX-License-Identifier: Apache-2.0 */
/* multus_lab.h - a SpiderMultusConfig in one line of YAML
 *
 *	{cniType: macvlan, macvlan: {master: [eth0]}} | annotations: {a: b}
 *
 * Its name is "demo", its namespace "ns"; metadata behind the bar may say otherwise.
 */
#ifndef TEST_MULTUS_LAB_H
#define TEST_MULTUS_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "api/multus.h"
#include "base/own.h"
#include "yaml/yaml.h"

static int multus_lab_document(struct json_object *tree, size_t line, void *arg, struct err *e)
{
	(void)line;
	return json_decode(&api_multus_table, tree, "row", arg, e);
}

/* Without defaults. */
static inline void multus_lab_read(const char *line, struct api_multus *ret)
{
	CLEANUP(buf_clear) struct buf text = BUF_INIT(1 << 20);
	const char *bar = strstr(line, " | ");
	struct err e;

	*ret = (struct api_multus){ .obj = { .kind = NULL } };
	buf_fmt(&text, "spec: %.*s\nmetadata: {ns: x%s%s}\n",
		(int)(bar ? (size_t)(bar - line) : strlen(line)), line, bar ? ", " : "", bar ? bar + 3 : "");
	if (yaml_parse(text.s, text.len, "row", multus_lab_document, ret, &e) < 0)
		fail_msg("%s: %s", text.s, e.msg);
	if (!ret->obj.meta.name)
		ret->obj.meta.name = strdup("demo");
	if (!ret->obj.meta.ns)
		ret->obj.meta.ns = strdup("ns");
}

static inline void multus_lab_make(const char *line, struct api_multus *ret)
{
	struct err e;

	multus_lab_read(line, ret);
	assert_int_equal(api_multus_default(ret, &e), 0);
}

static inline void multus_lab_clear(struct api_multus *m)
{
	json_clear(&api_multus_table, m);
}

#endif
