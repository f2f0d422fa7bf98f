/* SPDX-License-Identifier: Apache-2.0 */
/* world_views.h - field tables of the structs of world.h */
#ifndef CONTROLLER_WORLD_VIEWS_H
#define CONTROLLER_WORLD_VIEWS_H

#include "world.h"

extern const struct json_table world_pod_table, world_endpoint_table, world_node_table, world_sts_table;

#endif
