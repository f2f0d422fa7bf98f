/* SPDX-License-Identifier: Apache-2.0 */
/* multus_fields.c - the fields of SpiderMultusConfig */
#include "api/multus.h"
#include "api/tables.h"

#define VLAN_DOC "VLAN, 1 to 4094; 0: none"

static const struct json_field pools_fields[] = {
	JF(struct api_multus_pools, match_master_subnet, "matchMasterSubnet",
	   .doc = "Only pools of the master's subnet; SR-IOV only"),
	JF(struct api_multus_pools, ipv4, "ipv4", .doc = "Default IPv4 pools"),
	JF(struct api_multus_pools, ipv6, "ipv6", .doc = "Default IPv6 pools"),
};
static const struct json_table pools_table = JSON_TABLE(struct api_multus_pools, "ippools", pools_fields);

static const struct json_field bond_fields[] = {
	JF(struct api_multus_bond, name, "name", .doc = "Name of the bond"),
	JF(struct api_multus_bond, mode, "mode", .doc = "0 to 6, as the kernel counts bonding modes"),
	JF(struct api_multus_bond, options, "options", .doc = "key=value;key=value"),
};
static const struct json_table bond_table = JSON_TABLE(struct api_multus_bond, "bond", bond_fields);

#define L struct api_multus_link
#define LINK_ROWS \
	JF(L, master, "master", .doc = "Interface of the node; two and more become a bond"), \
		JF(L, mtu, "mtu", .doc = "MTU; 0: the master's"), JF(L, vlan_id, "vlanID", .doc = VLAN_DOC), \
		JP(L, bond, "bond", &bond_table, .doc = "The bond of several masters"), \
		JF(L, rdma_resource, "rdmaResourceName", .doc = "Resource of the RDMA device plugin"), \
		JP(L, pools, "ippools", &pools_table, .doc = "Default pools")

static const struct json_field link_fields[] = { LINK_ROWS };
static const struct json_table link_table = JSON_TABLE(L, "link", link_fields);

static const struct json_field vlan_fields[] = {
	LINK_ROWS,
	JF(L, vlan_mode, "vlanMode", .doc = "manual: vlanID says which; auto: a provider does"),
};
static const struct json_table vlan_table = JSON_TABLE(L, "vlan", vlan_fields);
#undef L

#define V struct api_multus_sriov
static const struct json_field sriov_fields[] = {
	JF(V, resource, "resourceName", .doc = "Resource of the SR-IOV device plugin"),
	JF(V, vlan_id, "vlanID", .doc = VLAN_DOC),
	JF(V, mtu, "mtu", .doc = "MTU; 0: as it is"),
	JF(V, min_tx_rate, "minTxRateMbps", .doc = "Mbit/s"),
	JF(V, max_tx_rate, "maxTxRateMbps", .doc = "Mbit/s"),
	JF(V, rdma_isolation, "rdmaIsolation", .doc = "The RDMA device moves into the Pod"),
	JP(V, pools, "ippools", &pools_table, .doc = "Default pools"),
};
static const struct json_table sriov_table = JSON_TABLE(V, "sriov", sriov_fields);
#undef V

#define B struct api_multus_ibsriov
static const struct json_field ibsriov_fields[] = {
	JF(B, resource, "resourceName", .doc = "Resource of the SR-IOV device plugin"),
	JF(B, pkey, "pkey", .doc = "InfiniBand partition key"),
	JF(B, link_state, "linkState", .doc = "auto, enable or disable"),
	JF(B, rdma_isolation, "rdmaIsolation", .doc = "The RDMA device moves into the Pod"),
	JF(B, ib_kubernetes, "enableIbKubernetes", .doc = "ib-kubernetes hands out the GUID"),
	JP(B, pools, "ippools", &pools_table, .doc = "Default pools"),
};
static const struct json_table ibsriov_table = JSON_TABLE(B, "ibsriov", ibsriov_fields);
#undef B

static const struct json_field ipoib_fields[] = {
	JF(struct api_multus_ipoib, master, "master", .doc = "Interface of the node"),
	JP(struct api_multus_ipoib, pools, "ippools", &pools_table, .doc = "Default pools"),
};
static const struct json_table ipoib_table = JSON_TABLE(struct api_multus_ipoib, "ipoib", ipoib_fields);

static const struct json_field trunk_fields[] = {
	JF(struct api_multus_trunk, min_id, "minID", .doc = "First VLAN of a range"),
	JF(struct api_multus_trunk, max_id, "maxID", .doc = "Last VLAN of a range"),
	JF(struct api_multus_trunk, id, "id", .doc = "One VLAN"),
};
static const struct json_table trunk_table = JSON_TABLE(struct api_multus_trunk, "trunk", trunk_fields);

static const struct json_field ovs_fields[] = {
	JF(struct api_multus_ovs, bridge, "bridge", .doc = "Bridge of Open vSwitch"),
	JF(struct api_multus_ovs, vlan, "vlan", .doc = VLAN_DOC),
	JL(struct api_multus_ovs, trunk, "trunk", &trunk_table, .doc = "VLANs that pass"),
	JF(struct api_multus_ovs, device_id, "deviceID", .doc = "PCI address, for hardware offload"),
	JP(struct api_multus_ovs, pools, "ippools", &pools_table, .doc = "Default pools"),
};
static const struct json_table ovs_table = JSON_TABLE(struct api_multus_ovs, "ovs", ovs_fields);

#define S struct api_multus_spec
static const struct json_field spec_fields[] = {
	JF(S, cni_type, "cniType",
	   .doc = "macvlan, ipvlan, vlan, sriov, ovs, ib-sriov, ipoib or custom; only the member that belongs "
		  "to it may be there"),
	JP(S, macvlan, "macvlan", &link_table, .doc = "For macvlan"),
	JP(S, ipvlan, "ipvlan", &link_table, .doc = "For ipvlan"),
	JP(S, vlan, "vlan", &vlan_table, .doc = "For vlan"),
	JP(S, sriov, "sriov", &sriov_table, .doc = "For sriov"),
	JP(S, ovs, "ovs", &ovs_table, .doc = "For ovs"),
	JP(S, ibsriov, "ibsriov", &ibsriov_table, .doc = "For ib-sriov"),
	JP(S, ipoib, "ipoib", &ipoib_table, .doc = "For ipoib"),
	JF(S, enable_coordinator, "enableCoordinator", .doc = "The coordinator comes behind; not for custom"),
	JF(S, disable_ipam, "disableIPAM", .doc = "The network has no addresses"),
	JP(S, coordinator, "coordinator", &api_coordinator_spec_table,
	   .doc = "What the coordinator does here, before what SpiderCoordinator says"),
	JF(S, chain, "chainCNIJsonData", .doc = "More plugins, each one configuration as JSON text"),
	JF(S, custom, "customCNI", .doc = "For custom: the whole configuration as JSON text"),
};
#undef S
const struct json_table api_multus_spec_table = JSON_TABLE(struct api_multus_spec, "spec", spec_fields);

static const struct json_field fields[] = {
	JF(struct api_multus, obj.api_version, "apiVersion", .doc = API_VERSION),
	JF(struct api_multus, obj.kind, "kind", .doc = API_MULTUS_KIND),
	JS(struct api_multus, obj.meta, "metadata", &api_meta_table, .doc = "Object metadata"),
	JS(struct api_multus, spec, "spec", &api_multus_spec_table, .doc = "The network"),
};
const struct json_table api_multus_table = JSON_TABLE(struct api_multus, API_MULTUS_KIND, fields);
