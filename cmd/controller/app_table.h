/* SPDX-License-Identifier: Apache-2.0 */
/* app_table.h - applications by key (app_name.h), for any number of threads */
#ifndef CONTROLLER_APP_TABLE_H
#define CONTROLLER_APP_TABLE_H

#include "app_name.h"

struct app_table; /* opaque */

int app_table_new(struct app_table **ret, struct err *e);
void app_table_free(struct app_table *t); /* accepts NULL */

/* A copy: 1, or 0 when there is none. */
int app_table_get(struct app_table *t, const char *key, struct app *ret, struct err *e);
/* Takes a over (it is empty afterwards), with a number that its list has: 1 when that changed anything, 0
 * when it was known so. Without memory nothing has changed. */
int app_table_put(struct app_table *t, const char *key, struct app *a, uint64_t list, struct err *e);
bool app_table_has(struct app_table *t, const char *key);
bool app_table_drop(struct app_table *t, const char *key); /* whether it was there */
/* Drops those of the kind that were put with a list before this one; gone() is told, unlocked. */
void app_table_sweep(struct app_table *t, enum app_kind kind, uint64_t list,
		     void (*gone)(const char *key, void *arg), void *arg);
/* Locked: be short. */
void app_table_each(struct app_table *t, void (*each)(const char *key, void *arg), void *arg);

#endif
