#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# SpiderCoordinator's status on a real API server: where the cluster's own pods and services are.
# What pods make of it (V00007, V00008): test/unit/test_agent_coordinator.c, test_coordinator_conf.c. ServiceCIDR objects, which
# Kubernetes 1.20 does not have: test/unit/test_controller_coordinator.c, on recorded replies.
# shellcheck disable=SC2154

load lib
load agent
load controller

setup_file() {
	kube_up api
	agent_install
	controller_install
	mkdir -p "$KUBE_DIR/cni"
	controller_start 1 SPIDERPOOL_COORDINATOR_ENABLED=true SPIDERPOOL_CNI_CONFIG_DIR="$KUBE_DIR/cni"
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || kubectl get scc -o yaml
	controller_explain 1
	kube_explain
}

teardown_file() {
	kube_down
}

# scc TYPE: what podCIDRType of the object says.
scc() {
	kubectl patch scc default --type=merge -p "{\"spec\": {\"podCIDRType\": \"$1\"}}"
}

status() { # [NAME]
	kubectl get scc "${1:-default}" -o json | jq -r '.status | "\(.phase) \(.overlayPodCIDR) \(.serviceCIDR)"'
}

synced() { # PODS SERVICES: as JSON lists
	same "Synced $1 $2" "$(status)"
	same "" "$(kubectl get scc default -o 'jsonpath={.status.reason}')"
}

not_ready() { # TEXT: in the reason, and in an Event
	local output
	same "NotReady [] []" "$(status)"
	output=$(kubectl get scc default -o 'jsonpath={.status.reason}')
	has "$1"
	output=$(kubectl get events -o json | jq -r '.items[] | select(.reason == "ClusterNotReady") | .type + " " + .message')
	has "$1"
}

kubeadm() { # [POD SUBNETS] [SERVICE SUBNETS]
	printf 'kind: ClusterConfiguration\nnetworking:\n  dnsDomain: cluster.local\n' >"$BATS_TEST_TMPDIR/c"
	[ -z "$1" ] || printf '  podSubnet: %s\n' "$1" >>"$BATS_TEST_TMPDIR/c"
	[ -z "$2" ] || printf '  serviceSubnet: %s\n' "$2" >>"$BATS_TEST_TMPDIR/c"
	kubectl create configmap kubeadm-config -n kube-system --from-file=ClusterConfiguration="$BATS_TEST_TMPDIR/c" \
		--dry-run=client -o yaml | kubectl apply -f -
}

# crd PLURAL.GROUP KIND VERSION: cluster-scoped, of any fields.
crd() {
	kubectl apply -f - <<-EOF2
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: $1}
		spec:
		  group: ${1#*.}
		  scope: Cluster
		  names: {plural: ${1%%.*}, singular: ${2,,}, kind: $2, listKind: $2List}
		  versions:
		  - {name: $3, served: true, storage: true,
		     schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
	EOF2
	kubectl wait --for=condition=Established --timeout=20s "crd/$1"
}

# object API KIND NAME SPEC
object() {
	printf '{"apiVersion": "%s", "kind": "%s", "metadata": {"name": "%s"}, "spec": %s}' "$1" "$2" "$3" "$4" >"$BATS_TEST_TMPDIR/o"
	eventually 20 kubectl apply -f "$BATS_TEST_TMPDIR/o"
}

@test "V00006 V00011: without kubeadm-config and kube-controller-manager it is not ready, and says why" {
	scc cluster
	eventually 20 not_ready "neither the ConfigMap kube-system/kubeadm-config nor a Pod with the label"
}

@test "V00010: the flags of kube-controller-manager" {
	kubectl apply -f - <<-EOF
		apiVersion: v1
		kind: ServiceAccount
		metadata: {name: default, namespace: kube-system}
		---
		apiVersion: v1
		kind: Pod
		metadata: {name: kube-controller-manager-a, namespace: kube-system, labels: {component: kube-controller-manager}}
		spec:
		  automountServiceAccountToken: false
		  containers:
		  - name: kube-controller-manager
		    image: none
		    command: [kube-controller-manager, --cluster-cidr=10.7.0.0/16]
		    args: [--service-cluster-ip-range, "10.8.0.0/16,fd00:8::/112"]
	EOF
	scc none
	eventually 20 synced '[]' '["10.8.0.0/16","fd00:8::/112"]'
	scc cluster
	eventually 20 synced '["10.7.0.0/16"]' '["10.8.0.0/16","fd00:8::/112"]'
}

@test "V00009: kubeadm-config comes first, and is followed" {
	kubeadm 10.244.0.0/16,fd00:244::/56 10.96.0.0/12
	eventually 5 synced '["10.244.0.0/16","fd00:244::/56"]' '["10.96.0.0/12"]'
	kubeadm "" 10.97.0.0/16
	eventually 5 synced '["10.7.0.0/16"]' '["10.97.0.0/16"]'
	kubeadm 10.244.0.0/16 10.96.0.0/12
	eventually 5 synced '["10.244.0.0/16"]' '["10.96.0.0/12"]'
}

@test "V00003: Calico's pools, and what becomes of them" {
	scc calico
	eventually 20 not_ready "the cluster has no ippools.crd.projectcalico.org"
	crd ippools.crd.projectcalico.org IPPool v1
	object crd.projectcalico.org/v1 IPPool b '{"cidr": "10.51.0.0/16"}'
	eventually 40 synced '["10.51.0.0/16"]' '["10.96.0.0/12"]' # by the slow look: nothing could be followed
	sleep 1 # age is in whole seconds
	object crd.projectcalico.org/v1 IPPool a '{"cidr": "10.50.0.0/16"}'
	object crd.projectcalico.org/v1 IPPool off '{"cidr": "10.52.0.0/16", "disabled": true}'
	eventually 5 synced '["10.51.0.0/16","10.50.0.0/16"]' '["10.96.0.0/12"]'
	kubectl delete ippools.crd.projectcalico.org b
	eventually 5 synced '["10.50.0.0/16"]' '["10.96.0.0/12"]'
}

@test "V00004: Cilium's ConfigMap and its pools" {
	scc cilium
	eventually 20 not_ready "there is no ConfigMap kube-system/cilium-config"
	kubectl create configmap cilium-config -n kube-system --from-literal=ipam=cluster-pool \
		--from-literal=cluster-pool-ipv4-cidr=10.60.0.0/16 --from-literal=cluster-pool-ipv6-cidr=fd60::/64
	eventually 5 synced '["10.60.0.0/16","fd60::/64"]' '["10.96.0.0/12"]'
	kubectl patch configmap cilium-config -n kube-system --type=merge -p '{"data": {"ipam": "kubernetes"}}'
	eventually 5 synced '["10.244.0.0/16"]' '["10.96.0.0/12"]'
	kubectl patch configmap cilium-config -n kube-system --type=merge -p '{"data": {"ipam": "eni"}}'
	eventually 5 not_ready 'ipam: "eni": want cluster-pool'
	crd ciliumpodippools.cilium.io CiliumPodIPPool v2alpha1
	object cilium.io/v2alpha1 CiliumPodIPPool default '{"ipv4": {"cidrs": ["10.61.0.0/16"], "maskSize": 27}, "ipv6": {"cidrs": ["fd61::/80"]}}'
	kubectl patch configmap cilium-config -n kube-system --type=merge -p '{"data": {"ipam": "multi-pool"}}'
	eventually 5 synced '["10.61.0.0/16","fd61::/80"]' '["10.96.0.0/12"]'
}

@test "V00002 V00001: the type is found by the CNI directory" {
	scc auto
	eventually 20 synced '[]' '["10.96.0.0/12"]'
	echo '{"cniVersion": "0.3.1", "name": "k8s-pod-network", "plugins": [{"type": "calico"}]}' >"$KUBE_DIR/cni/10-calico.conflist"
	echo '{"name": "cilium", "type": "multus"}' >"$KUBE_DIR/cni/00-multus.conf"
	eventually 40 synced '["10.50.0.0/16"]' '["10.96.0.0/12"]'
	echo '{"cniVersion": "0.3.1", "name": "cilium", "plugins": [{"type": "cilium-cni"}]}' >"$KUBE_DIR/cni/05-cilium.conflist"
	scc none # what changes makes it look
	scc auto
	eventually 20 synced '["10.61.0.0/16","fd61::/80"]' '["10.96.0.0/12"]'
	rm "$KUBE_DIR"/cni/*
	mv "$KUBE_DIR/cni" "$KUBE_DIR/cni.off"
	scc none
	scc auto
	eventually 20 not_ready "spec.podCIDRType: auto: CNI directory $KUBE_DIR/cni: No such file or directory"
	mv "$KUBE_DIR/cni.off" "$KUBE_DIR/cni"
}

@test "V00005: none: no pods, but services" {
	scc none
	eventually 20 synced '[]' '["10.96.0.0/12"]'
}

@test "what is as it should be is not written, also not by a controller that starts; an edited status is as it was" {
	local before
	before=$(kubectl get scc default -o 'jsonpath={.metadata.resourceVersion}')
	controller_stop 1
	controller_start 1 SPIDERPOOL_COORDINATOR_ENABLED=true SPIDERPOOL_CNI_CONFIG_DIR="$KUBE_DIR/cni"
	sleep 2
	same "$before" "$(kubectl get scc default -o 'jsonpath={.metadata.resourceVersion}')"
	status_patch spidercoordinators/default '{"phase": "NotReady", "reason": "x", "overlayPodCIDR": ["1.0.0.0/8"]}'
	eventually 10 synced '[]' '["10.96.0.0/12"]'
}

no_scc() { # NAME
	! kubectl get scc "$1"
}

@test "one that goes is let go, also of another name, which counts for nothing else" {
	kubectl apply -f - <<-EOF
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderCoordinator
		metadata: {name: other, finalizers: [spiderpool.spidernet.io]}
		spec: {podCIDRType: none}
	EOF
	sleep 1
	same "null null null" "$(status other)"
	kubectl delete scc other --wait=false
	eventually 10 no_scc other
	kubectl patch scc default --type=merge -p '{"metadata": {"finalizers": ["spiderpool.spidernet.io", "example.com/x"]}}'
	kubectl delete scc default --wait=false
	eventually 10 finalizers_are '["example.com/x"]'
	kubectl patch scc default --type=merge -p '{"metadata": {"finalizers": null}}'
	eventually 10 no_scc default
	coordinator_settings
	eventually 10 synced '[]' '["10.96.0.0/12"]'
}

finalizers_are() {
	same "$1" "$(kubectl get scc default -o json | jq -c .metadata.finalizers)"
}

@test "switched off, it says nothing" {
	controller_stop 1
	controller_start 1
	status_patch spidercoordinators/default '{"phase": "x"}'
	sleep 2
	same x "$(kubectl get scc default -o 'jsonpath={.status.phase}')"
}
