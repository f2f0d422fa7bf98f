/* SPDX-License-Identifier: Apache-2.0 */
/* manifest.h - manifests from files, directories and standard input */
#ifndef CTL_MANIFEST_H
#define CTL_MANIFEST_H

#include "ctl.h"

/* What -f takes, the same for all who have it. */
#define MANIFEST_OPTION(T, m) \
	OPT(T, m, 'f', "filename", "FILE|DIR|-", .offer = OFFER_FILE, \
	    .help = "YAML or JSON, any number of documents; may be given several times")

/* Calls each() for every object in the sources, in order; the items of a List one by one. what is
 * "FILE:LINE". Errors, of each() too, are told by ctl_complain() and the rest goes on. */
void manifest_each(struct ctl *c, const struct opt_list *sources,
		   int (*each)(struct ctl *c, struct json_object *o, const char *what, void *arg,
			       struct err *e),
		   void *arg);

#endif
