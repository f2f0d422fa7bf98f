/* SPDX-License-Identifier: Apache-2.0 */
/* multus_impl.h - shared by the files of multus.h */
#ifndef API_MULTUS_IMPL_H
#define API_MULTUS_IMPL_H

#include "api/multus.h"

enum multus_type {
	MULTUS_MACVLAN,
	MULTUS_IPVLAN,
	MULTUS_VLAN,
	MULTUS_SRIOV,
	MULTUS_OVS,
	MULTUS_IBSRIOV,
	MULTUS_IPOIB,
	MULTUS_CUSTOM,
	MULTUS_TYPES
};

/* What cniType says, and the member of spec that belongs to it. */
struct multus_type_info {
	const char *name, *field;
};
extern const struct multus_type_info multus_types[MULTUS_TYPES];

/* MULTUS_TYPES: it is none of them. */
enum multus_type multus_type_of(const struct api_multus_spec *s);
/* The member of spec that belongs to a type, NULL when it is absent and for custom. */
const void *multus_part(const struct api_multus_spec *s, enum multus_type t);
/* That of the object's own type, if it is macvlan, ipvlan or vlan; else NULL. */
const struct api_multus_link *multus_link(const struct api_multus_spec *s);
/* ippools of the object's own type, NULL for none. */
const struct api_multus_pools *multus_pools(const struct api_multus_spec *s);

/* All rules of an object alone. */
int multus_check(const struct api_multus *m, struct err *e);
/* One text of chainCNIJsonData; *ret belongs to the caller. */
int multus_parse_plugin(const char *text, struct json_object **ret, struct err *e);

#endif
