/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_section.c - the ipam section of a network configuration: accepted ones have every default filled in */
#include <stdio.h>
#include <stdlib.h>

#include "ipam/section.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	fprintf(stderr, "%s\n", what);
	abort();
}

static void ignore(const char *path, void *arg)
{
	(void)arg;
	must(path[0], "an unknown key without a name");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *tree = NULL;
	struct ipam_section s;
	struct ipam_conf c;
	struct err e = { .sys = -1 };

	if (json_parse((const char *)data, size, "section", &tree, &e) < 0)
		return 0;
	if (ipam_section_read(tree, &s, ignore, NULL, &e) == 0) {
		c = ipam_section_conf(&s);
		must(s.state_dir && s.datastore && s.durability && s.log_level && s.log_file_path,
		     "a default");
		must(c.cooldown_ms >= 0 && c.quarantine_ms > 0, "a time");
		ipam_section_clear(&s);
	} else {
		must(e.sys > 0 && e.msg[0], "an error without a sentence");
	}
	if (ipam_section_read_essential(tree, &s, &e) == 0) {
		must(s.state_dir && s.datastore, "an essential");
		ipam_section_clear(&s);
	}
	json_object_put(tree);
	return 0;
}
