/* SPDX-License-Identifier: Apache-2.0 */
/* multus.h - SpiderMultusConfig: a network in few words, and the NetworkAttachmentDefinition made of it
 *
 * Pure, as api.h. Release with json_clear() and api_multus_table.
 */
#ifndef API_MULTUS_H
#define API_MULTUS_H

#include "api/coordinator.h"

#define API_MULTUS_KIND "SpiderMultusConfig"

/* Annotations of a SpiderMultusConfig */
#define API_MULTUS_CR_NAME        "multus.spidernet.io/cr-name"
#define API_MULTUS_CNI_VERSION    "multus.spidernet.io/cni-version"
#define API_MULTUS_CONFIG_NAME    "cni.spidernet.io/cniconfig-name"
#define API_MULTUS_INJECT_RDMA    "cni.spidernet.io/rdma-resource-inject"
#define API_MULTUS_INJECT_NETWORK "cni.spidernet.io/network-resource-inject"
/* Annotation of the NetworkAttachmentDefinition: what Multus asks the device plugin for */
#define API_MULTUS_RESOURCE_NAME "k8s.v1.cni.cncf.io/resourceName"

struct api_multus_pools {
	struct json_bool match_master_subnet;
	struct json_strv ipv4, ipv6;
};

struct api_multus_bond {
	char *name;
	struct json_int mode;
	char *options;
};

struct api_multus_link { /* macvlan, ipvlan and vlan; vlan_mode is of vlan alone */
	struct json_strv master;
	struct json_int mtu;
	char *vlan_mode;
	struct json_int vlan_id;
	struct api_multus_bond *bond;
	char *rdma_resource;
	struct api_multus_pools *pools;
};

struct api_multus_sriov {
	char *resource;
	struct json_int vlan_id, mtu, min_tx_rate, max_tx_rate;
	struct json_bool rdma_isolation;
	struct api_multus_pools *pools;
};

struct api_multus_ibsriov {
	char *resource, *pkey, *link_state;
	struct json_bool rdma_isolation, ib_kubernetes;
	struct api_multus_pools *pools;
};

struct api_multus_ipoib {
	char *master;
	struct api_multus_pools *pools;
};

struct api_multus_trunk {
	struct json_int min_id, max_id, id;
};

struct api_multus_ovs {
	char *bridge;
	struct json_int vlan;
	JSON_LIST(struct api_multus_trunk) trunk;
	char *device_id;
	struct api_multus_pools *pools;
};

struct api_multus_spec {
	char *cni_type;
	struct api_multus_link *macvlan, *ipvlan, *vlan;
	struct api_multus_sriov *sriov;
	struct api_multus_ovs *ovs;
	struct api_multus_ibsriov *ibsriov;
	struct api_multus_ipoib *ipoib;
	struct json_bool enable_coordinator, disable_ipam;
	struct api_coordinator_spec *coordinator;
	struct json_strv chain;
	char *custom;
};

struct api_multus {
	struct api_object obj;
	struct api_multus_spec spec;
};

extern const struct json_table api_multus_table, api_multus_spec_table;

/* What the mutating webhook does. Wrong values stay for validation; an object that is being deleted is left
 * alone. Only -ENOMEM. */
int api_multus_default(struct api_multus *m, struct err *e);

/* What validation compares with. NULL instead of it: those rules are not asked. */
struct api_multus_world {
	/* The SpiderMultusConfig that the existing NetworkAttachmentDefinition api_multus_nad_name() in the
	 * object's namespace belongs to, api_multus_nad_owner(); NULL: there is none, or it is nobody's. */
	const char *nad_owner;
	/* Others of the same namespace, whose NetworkAttachmentDefinition may not be there yet; may contain
	 * the object itself (by name). */
	const struct api_multus *const *others;
	size_t n_others;
};

/* After api_multus_default(): "SpiderMultusConfig NS/NAME: spec.field: ...", code ERR_CONFIG, the first rule
 * broken. -EEXIST: the NetworkAttachmentDefinition belongs to another one; -EINVAL: all else. An update of
 * an object that is being deleted is let through, so that it can go. */
int api_multus_validate_create(const struct api_multus *m, const struct api_multus_world *w, struct err *e);
int api_multus_validate_update(const struct api_multus *old, const struct api_multus *m,
			       const struct api_multus_world *w, struct err *e);

/* ---- the NetworkAttachmentDefinition ---- */

/* The annotation cr-name, else the object's own name; "" for none. Lent. */
const char *api_multus_nad_name(const struct api_multus *m);
/* The SpiderMultusConfig that an existing one belongs to, NULL for none. Lent. */
const char *api_multus_nad_owner(struct json_object *nad);

struct api_multus_nad {
	const char *name; /* lent from the config */
	struct json_map annotations;
	bool has_config;   /* false: no spec.config at all, Multus looks for a file of that name */
	struct buf config; /* the network configuration, JSON text */
};

/* m has its defaults. -EINVAL with the sentence of validation when it cannot be made. */
int api_multus_generate(const struct api_multus *m, struct api_multus_nad *ret, struct err *e);
void api_multus_nad_clear(struct api_multus_nad *n);

/* ---- what a Pod that gets the network by the Pod webhook needs; all lent ---- */

struct api_multus_needs {
	const char *resource;      /* of a device plugin, to be asked for in limits; NULL: none */
	const char *const *master; /* interfaces of the node below it; NULL: none */
	size_t n_masters;
	const char *order; /* networks of one Pod are sorted by this first: master, bond or resource; "" */
	bool pools;        /* it names at least one pool */
};
void api_multus_needs(const struct api_multus *m, struct api_multus_needs *ret);
/* May the object be injected by this annotation (API_MULTUS_INJECT_*)? -EINVAL says why not. */
int api_multus_check_inject(const struct api_multus *m, const char *key, struct err *e);
/* vlanMode auto: a provider's network, which takes a sub-ENI of the node. */
bool api_multus_is_provider_vlan(const struct api_multus *m);

#endif
