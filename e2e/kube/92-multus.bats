#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SpiderMultusConfig: the NetworkAttachmentDefinition that the controller makes of it, on a real API server.
# Every rule: test/unit/test_api_multus_rules.c.
# shellcheck disable=SC2154

load lib
load agent
load controller

setup_file() {
	kube_up api
	agent_install
	controller_install
	controller_start 1 SPIDERPOOL_MULTUS_CONFIG_ENABLED=true
}

teardown() {
	controller_explain 1
	kube_explain
}

teardown_file() {
	kube_down
}

# smc NAME SPEC [METADATA]: in flow style.
smc() {
	kubectl apply ${DRY:+"$DRY"} -f - <<-EOF2
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderMultusConfig
		metadata: {name: $1, namespace: default${3:+, $3}}
		spec: $2
	EOF2
}

nad() { # NAME [JSONPATH]
	local path=${2:-'{.spec.config}'}
	kubectl get network-attachment-definitions "$1" -o "jsonpath=$path"
}

is() { # GOT WANT
	same "$2" "$1"
}

holds() { # GOT TEXT
	local output=$1
	has "$2"
}

nad_is() { # NAME CONFIG
	is "$(nad "$1")" "$2"
}

gone() { # KIND NAME
	! kubectl get "$1" "$2"
}

nad_type() { # NAME TYPE: of its first plugin
	is "$(nad "$1" | jq -r '.plugins[0].type')" "$2"
}

logged() {
	controller_log 1 | grep -qF -- "$1"
}

COORDINATOR='{"tunePodRoutes":true,"mode":"auto","type":"coordinator"}'
MACVLAN='{"type":"macvlan","master":"eth0","mode":"bridge","mtu":0,"ipam":{"type":"spiderpool"}}'

@test "without the definition of NetworkAttachmentDefinitions it waits for it, and says so once" {
	smc early '{cniType: macvlan, macvlan: {master: [eth0]}}'
	eventually 20 logged "the cluster has no network-attachment-definitions.k8s.cni.cncf.io"
	sleep 1
	is "$(controller_log 1 | grep -c 'has no network-attachment-definitions')" 1
	kubectl apply -f - <<-EOF
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: network-attachment-definitions.k8s.cni.cncf.io}
		spec:
		  group: k8s.cni.cncf.io
		  scope: Namespaced
		  names: {plural: network-attachment-definitions, singular: network-attachment-definition,
		          kind: NetworkAttachmentDefinition, shortNames: [net-attach-def]}
		  versions:
		  - name: v1
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema:
		        type: object
		        properties:
		          spec: {type: object, properties: {config: {type: string}}}
	EOF
	eventually 40 nad_is early "{\"cniVersion\":\"0.3.1\",\"name\":\"early\",\"plugins\":[$MACVLAN,$COORDINATOR]}"
}

@test "M00001 M00002 M00003 M00004 M00038: macvlan, ipvlan, sriov, vlan, custom" {
	smc mv '{cniType: macvlan, macvlan: {master: [eth0], ippools: {ipv4: [v4]}}}'
	smc iv '{cniType: ipvlan, ipvlan: {master: [eth0]}}'
	smc vf '{cniType: sriov, sriov: {resourceName: spidernet.io/vf, mtu: 1400}}'
	smc vl '{cniType: vlan, vlan: {master: [eth0], vlanID: 100}}'
	smc cu "{cniType: custom, customCNI: '{\"type\": \"x\"}'}"
	eventually 10 nad_type mv macvlan
	holds "$(nad mv)" '"ipam":{"type":"spiderpool","default_ipv4_ippool":["v4"]}'
	eventually 10 nad_type iv ipvlan
	eventually 10 nad_type vf sriov
	is "$(nad vf '{.metadata.annotations.k8s\.v1\.cni\.cncf\.io/resourceName}')" spidernet.io/vf
	holds "$(nad vf)" '{"type":"tuning","mtu":1400}]}'
	eventually 10 nad_type vl vlan
	eventually 10 nad_is cu '{"type": "x"}'
}

@test "M00006 M00009: an update to two masters, VLAN and bond makes two plugins of it" {
	smc mv '{cniType: macvlan, macvlan: {master: [eth0, eth1], vlanID: 10, bond: {name: bond0, mode: 1}}, enableCoordinator: false}'
	eventually 10 nad_type mv ifacer
	is "$(nad mv | jq -c '[.plugins[].type]')" '["ifacer","macvlan"]'
	is "$(nad mv | jq -r '.plugins[1].master')" bond0.10
}

@test "M00007: what is deleted is there again, what is edited is as it was" {
	local uid
	uid=$(nad early '{.metadata.uid}')
	kubectl delete net-attach-def early
	eventually 10 nad_type early macvlan
	[ "$(nad early '{.metadata.uid}')" != "$uid" ]
	kubectl patch net-attach-def early --type=merge -p '{"metadata": {"annotations": {"other": "x"}, "labels": {"l": "m"}}, "spec": {"config": "{}"}}'
	eventually 10 nad_type early macvlan
	is "$(nad early '{.metadata.annotations.other}')" ""
	is "$(nad early '{.metadata.labels.l}')" m
	kubectl patch net-attach-def early --type=json -p '[{"op": "remove", "path": "/metadata/ownerReferences"}]'
	eventually 10 owned_by early early
}

owned_by() { # NAD SMC
	is "$(nad "$1" '{.metadata.ownerReferences[*].name}')" "$2"
	is "$(nad "$1" '{.metadata.ownerReferences[*].uid}')" "$(kubectl get smc "$2" -o 'jsonpath={.metadata.uid}')"
	is "$(nad "$1" '{.metadata.ownerReferences[*].controller}')" true
}

@test "M00008: a definition is owned by its SpiderMultusConfig, and goes with it" {
	# kube-controller-manager removes what has lost its owner; there is none here.
	eventually 10 owned_by early early
	is "$(nad early '{.metadata.ownerReferences[0].kind} {.metadata.ownerReferences[0].apiVersion}')" \
		"SpiderMultusConfig spiderpool.spidernet.io/v2beta1"
	kubectl delete smc early
	kubectl delete net-attach-def early
	sleep 1
	gone net-attach-def early
}

@test "M00010 M00012: another name and another version by annotation" {
	smc named '{cniType: macvlan, macvlan: {master: [eth0]}}' \
		'annotations: {multus.spidernet.io/cr-name: other, multus.spidernet.io/cni-version: 0.4.0, a: b}'
	eventually 10 nad_is other "{\"cniVersion\":\"0.4.0\",\"name\":\"other\",\"plugins\":[$MACVLAN,$COORDINATOR]}"
	gone net-attach-def named
	is "$(nad other '{.metadata.annotations.a}')" b
	owned_by other named
}

@test "M00011: of two that want one definition the first has it; the other gets it when that one is gone" {
	smc other '{cniType: ipvlan, ipvlan: {master: [eth0]}}'
	eventually 10 logged "NetworkAttachmentDefinition other belongs to SpiderMultusConfig named"
	eventually 10 has_event other "NetworkAttachmentDefinition other belongs to SpiderMultusConfig named"
	nad_type other macvlan
	kubectl delete smc named
	kubectl delete net-attach-def other
	eventually 10 nad_type other ipvlan
	owned_by other other
}

has_event() { # SMC TEXT
	holds "$(kubectl get events -o json | jq -r --arg n "$1" '.items[] | select(.involvedObject.name == $n) | .type + " " + .message')" \
		"Warning $2"
}

@test "M00014: a definition that was there before is taken over" {
	kubectl apply -f - <<-EOF
		apiVersion: k8s.cni.cncf.io/v1
		kind: NetworkAttachmentDefinition
		metadata: {name: mine, namespace: default, labels: {keep: me}}
		spec: {config: '{"type": "bridge"}'}
	EOF
	smc mine '{cniType: macvlan, macvlan: {master: [eth0]}}'
	eventually 10 nad_type mine macvlan
	owned_by mine mine
	is "$(nad mine '{.metadata.labels.keep}')" me
}

@test "M00017 M00019 M00021 M00022 M00024 M00033 M00034: options" {
	smc noipam '{cniType: macvlan, macvlan: {master: [eth0], mtu: 1400}, disableIPAM: true}'
	eventually 10 nad_type noipam macvlan
	is "$(nad noipam | jq -c '.plugins[0]')" '{"type":"macvlan","master":"eth0","mode":"bridge","mtu":1400}'
	smc chain "{cniType: ipvlan, ipvlan: {master: [eth0], mtu: 1300}, chainCNIJsonData: ['{\"type\": \"tuning\", \"sysctl\": {\"a\": \"b\"}}'], coordinator: {podRPFilter: 2, podMACPrefix: '0a:1b'}}"
	eventually 10 nad_type chain ipvlan
	is "$(nad chain | jq -c '[.plugins[].type]')" '["ipvlan","tuning","coordinator"]'
	is "$(nad chain | jq -c '.plugins[2] | [.podRPFilter, .podMACPrefix]')" '[2,"0a:1b"]'
	is "$(nad chain | jq -c '.plugins[0].mtu')" 1300
	smc empty '{}'
	eventually 10 kubectl get net-attach-def empty
	is "$(nad empty)" ""
}

@test "one that is wrong, past the webhook, is said, and what there was stays" {
	smc chain '{cniType: ipvlan, ipvlan: {master: [a, b]}}'
	eventually 10 has_event chain "spec.ipvlan.bond.name: missing"
	nad_type chain ipvlan
	smc chain '{cniType: macvlan, macvlan: {master: [eth0]}}'
	eventually 10 nad_type chain macvlan
}

@test "a definition that is being deleted is waited for" {
	kubectl patch net-attach-def mine --type=merge -p '{"metadata": {"finalizers": ["example.com/x"]}}'
	kubectl delete net-attach-def mine --wait=false
	smc mine '{cniType: ipvlan, ipvlan: {master: [eth0]}}'
	sleep 1
	nad_type mine macvlan
	kubectl patch net-attach-def mine --type=merge -p '{"metadata": {"finalizers": null}}'
	eventually 10 nad_type mine ipvlan
}

@test "what is as it should be is not written, also not by a controller that starts; what happened meanwhile is made up for" {
	local before
	eventually 10 nad_type mine ipvlan
	before=$(kubectl get net-attach-def -o 'jsonpath={.items[*].metadata.resourceVersion}')
	controller_stop 1
	controller_start 1 SPIDERPOOL_MULTUS_CONFIG_ENABLED=true
	sleep 2
	is "$(kubectl get net-attach-def -o 'jsonpath={.items[*].metadata.resourceVersion}')" "$before"
	controller_stop 1
	kubectl delete net-attach-def mine
	smc late '{cniType: ovs, ovs: {bridge: br1}}'
	controller_start 1 SPIDERPOOL_MULTUS_CONFIG_ENABLED=true
	eventually 20 nad_type mine ipvlan
	eventually 20 nad_type late ovs
}

# hooks FILE...: of deploy/webhooks, by URL instead of by a Service that nobody routes here.
hooks() {
	local f
	for f in "$@"; do
		sed "s|service: {.*path: \(/[^}]*\)}|url: \"https://127.0.0.1:$(controller_port 1 2)\\1\"|" \
			"$BATS_TEST_DIRNAME/../../deploy/webhooks/$f.yaml" | kubectl apply -f - >&2
	done
}

# refused TEXT SPEC [METADATA]: with a sentence that has the text; nothing is stored anyway.
refused() {
	local output
	if output=$(DRY=--dry-run=server smc "${NAME:-x}" "${@:2}" 2>&1); then
		echo "not refused: $1"
		return 1
	fi
	has "$1"
}

@test "what is wrong is refused when it is written (M00005 M00011 M00013 M00015 M00016 M00020 M00023 M00024 M00025 M00028 M00029 M00030 M00032 M00033 M00034 M00035 M00040)" {
	local inject=cni.spidernet.io/rdma-resource-inject network=cni.spidernet.io/network-resource-inject
	smc taken '{cniType: ovs, ovs: {bridge: br1}}'
	eventually 10 nad_type taken ovs
	hooks mutating validating
	eventually 60 refused 'spec.macvlan: missing' '{cniType: macvlan}'
	refused 'spec.customCNI:1:2' '{cniType: custom, customCNI: "{"}'                                            # M00005
	refused 'NetworkAttachmentDefinition taken belongs to SpiderMultusConfig taken' '{}' 'annotations: {multus.spidernet.io/cr-name: taken}' # M00011
	refused 'want 0.3.0, 0.3.1, 0.4.0 or 1.0.0' '{}' 'annotations: {multus.spidernet.io/cni-version: x}'        # M00013
	refused 'spec.macvlan: missing' '{cniType: macvlan, ipvlan: {master: [eth0]}}'                              # M00015
	refused 'spec.ipvlan: not for cniType macvlan' '{cniType: macvlan, macvlan: {master: [a]}, ipvlan: {master: [a]}}'
	refused 'spec.macvlan.vlanID' '{cniType: macvlan, macvlan: {master: [eth0], vlanID: 4095}}'                 # M00016
	refused 'multus.spidernet.io/cr-name: "": want' '{}' 'annotations: {multus.spidernet.io/cr-name: ""}'     # M00020
	refused 'multus.spidernet.io/cr-name' '{}' "annotations: {multus.spidernet.io/cr-name: $(printf 'a%.0s' {1..254})}"
	refused 'spec.coordinator.podRPFilter: 14' '{cniType: macvlan, macvlan: {master: [a]}, coordinator: {podRPFilter: 14}}' # M00023
	refused 'want a unicast prefix' '{cniType: macvlan, macvlan: {master: [a]}, coordinator: {podMACPrefix: "01:10"}}'      # M00024
	refused 'multus.spidernet.io/cr-name: "a_b"' '{}' 'annotations: {multus.spidernet.io/cr-name: a_b}'       # M00025
	refused 'want a resource' '{cniType: macvlan, macvlan: {master: [a], ippools: {ipv4: [p]}}}' "annotations: {$inject: x}" # M00028
	refused 'want at least one pool' '{cniType: macvlan, macvlan: {master: [a], rdmaResourceName: r}}' "annotations: {$inject: x}" # M00029
	refused 'not for cniType ovs' '{cniType: ovs, ovs: {bridge: b}}' "annotations: {$inject: x}"                # M00030
	refused 'want at least one pool' '{cniType: macvlan, macvlan: {master: [a], rdmaResourceName: r}}' "annotations: {$network: x}" # M00032
	refused 'spec.macvlan.mtu' '{cniType: macvlan, macvlan: {master: [a], mtu: -1}}'                            # M00033
	refused 'spec.ipvlan.mtu' '{cniType: ipvlan, ipvlan: {master: [a], mtu: -1}}'                               # M00034
	refused 'spec.sriov.mtu' '{cniType: sriov, sriov: {resourceName: r, mtu: -1}}'                              # M00035
	refused 'minTxRateMbps: 2' '{cniType: sriov, sriov: {resourceName: r, minTxRateMbps: 2}}'
	refused 'want none with spec.vlan.vlanMode auto' '{cniType: vlan, vlan: {master: [a], vlanMode: auto, vlanID: 5}}'      # M00040
	NAME=taken refused 'cannot change' '{cniType: ovs, ovs: {bridge: br1}}' 'annotations: {multus.spidernet.io/cr-name: other}'
}

@test "what is right is let through with its defaults, and made (M00001 M00019 M00027 M00031 M00039)" {
	smc through '{cniType: macvlan, macvlan: {master: [eth0], rdmaResourceName: r, ippools: {ipv4: [p]}}}' \
		'annotations: {cni.spidernet.io/rdma-resource-inject: red, cni.spidernet.io/network-resource-inject: blue}'
	is "$(kubectl get smc through -o json | jq -c '[.spec.macvlan.mtu, .spec.macvlan.vlanID, .spec.coordinator.mode, .metadata.labels]')" \
		'[0,0,"auto",{"cni.spidernet.io/network-resource-inject":"blue","cni.spidernet.io/rdma-resource-inject":"red"}]'
	eventually 10 nad_type through macvlan
	smc hole '{}'
	eventually 10 kubectl get net-attach-def hole
	smc provider '{cniType: vlan, vlan: {master: [eth0], vlanMode: auto}}'
	eventually 10 nad_type provider vlan
	is "$(nad provider | jq -c '.plugins[0] | [.vlanMode, .vlanId]')" '["auto",null]'
	smc bond '{cniType: vlan, vlan: {master: [eth0, eth1], vlanID: 3, bond: {name: b, mode: 1}}}'
	eventually 10 nad_type bond ifacer
	kubectl delete mutatingwebhookconfigurations,validatingwebhookconfigurations --all
}

@test "switched off, it makes nothing" {
	controller_stop 1
	controller_start 1
	smc nothing '{cniType: macvlan, macvlan: {master: [eth0]}}'
	sleep 2
	gone net-attach-def nothing
}
