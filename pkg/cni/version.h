/* SPDX-License-Identifier: Apache-2.0 */
/* version.h - versions of the CNI specification and the verbs that each of them has
 *
 * A version that we speak is an enum whose order is the order of the releases, so "at least 0.4.0" is a plain
 * comparison. Text appears only at the edges.
 */
#ifndef CNI_VERSION_H
#define CNI_VERSION_H

#include "base/err.h"

enum cni_version { CNI_V010, CNI_V020, CNI_V030, CNI_V031, CNI_V040, CNI_V100, CNI_V110, CNI_VERSION_MAX };
#define CNI_VERSION_LATEST  CNI_V110
#define CNI_VERSION_DEFAULT CNI_V010 /* a configuration that names none */

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION, CNI_VERB_MAX };

const char *cni_version_text(enum cni_version v); /* "1.1.0" */
/* The enum, or -EINVAL when we do not speak it. */
int cni_version_find(const char *text);
/* "0.1.0, 0.2.0, ..." for sentences. */
const char *cni_version_list(void);
/* Compares any two versions as triples of numbers, known to us or not; *ret is -1, 0 or 1. -EINVAL, code
 * ERR_CONFIG, when one of them is no version. */
int cni_version_compare(const char *a, const char *b, int *ret, struct err *e);

const char *cni_verb_text(enum cni_verb v); /* "ADD" */
int cni_verb_find(const char *text);        /* the enum, or -EINVAL */
/* Code ERR_VERSION when a configuration of this version does not have the verb (CHECK came with 0.4.0, GC and
 * STATUS with 1.1.0). */
int cni_verb_allowed(enum cni_verb verb, enum cni_version v, struct err *e);

#endif
