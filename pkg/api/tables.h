/* SPDX-License-Identifier: Apache-2.0 */
/* tables.h - the field tables of the kinds, for api_kinds[] */
#ifndef API_TABLES_H
#define API_TABLES_H

#include "api/api.h"

extern const struct json_table api_ippool_table, api_subnet_table, api_reservedip_table, api_endpoint_table,
	api_ipblock_table;

/* A pool but for status.allocatedIPs, which is as large as the pool is full: for those who keep many. */
extern const struct json_table api_ippool_brief_table;

/* metadata of any of them. */
extern const struct json_table api_meta_table;

/* Only a spec: compared before and after an update. */
extern const struct json_table api_ippool_spec_table, api_subnet_spec_table, api_reservedip_spec_table;

#endif
