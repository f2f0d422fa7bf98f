#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# spiderpoolctl on a cluster.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	kube_up api
	agent_install
	agent_pretend a
	agent_start a
}

setup() {
	lib_setup
}

teardown() {
	lib_teardown
	agent_explain a
	kube_explain
}

teardown_file() {
	kube_down
}

# ctl ARGUMENT...: beside the control plane; what it says on stderr is in $errors.
ctl() {
	cluster control env -u SPIDERPOOL_STATE_DIR "${BUILD_DIR:-$BATS_TEST_DIRNAME/../../${BUILD:-build}}/bin/spiderpoolctl" "$@"
}

# one_pool NAME RANGE [LINE OF spec]...: by spiderpoolctl.
one_pool() {
	pool "$1" 10.111.0.0/16 "${@:2}" | ctl apply -f - >&2
}

@test "which store: a state directory that is named, a kubeconfig, KUBECONFIG, else the directory" {
	run -0 ctl status -o json
	jq_is .cluster "https://10.111.0.1:6443"
	fails 3 ctl status --state-dir "$BATS_TEST_TMPDIR/none"
	has "$BATS_TEST_TMPDIR/none does not exist"
	fails 3 cluster control env SPIDERPOOL_STATE_DIR="$BATS_TEST_TMPDIR/none" "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" status
	has "$BATS_TEST_TMPDIR/none does not exist"
	run -0 cluster control env -u KUBECONFIG SPIDERPOOL_STATE_DIR="$BATS_TEST_TMPDIR/none" \
		"$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" status --kubeconfig "$KUBECONFIG" -o json
	jq_is .cluster "https://10.111.0.1:6443"
	fails 2 ctl status --state-dir /x --kubeconfig "$KUBECONFIG"
	fails 1 ctl status --context nobody
	has 'there is no context "nobody"'
	fails 2 env -u KUBECONFIG "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" status --context nobody
}

@test "what belongs to one machine says so" {
	for words in "restore" "cni add a b" "import host-local /tmp"; do
		# shellcheck disable=SC2086
		fails 1 ctl $words
		has "this asks a cluster"
	done
	fails 2 ctl backup
	has "want a FILE"
}

@test "apply, get, describe, delete: as on a state directory; others' labels and annotations stay" {
	pool edit 10.111.0.0/16 10.111.20.1-10.111.20.9 >"$BATS_TEST_TMPDIR/edit.yaml"
	run -0 ctl apply --dry-run -f "$BATS_TEST_TMPDIR/edit.yaml"
	has "created (dry run)"
	fails 3 ctl get sp edit
	run -0 ctl apply -f "$BATS_TEST_TMPDIR/edit.yaml"
	has "spiderippool.spiderpool.spidernet.io/edit created"
	run -0 ctl apply -f "$BATS_TEST_TMPDIR/edit.yaml"
	has "edit unchanged"
	kubectl annotate sp edit ipam.spidernet.io/taken-over=then
	sed -i 's/20\.9/20.8/' "$BATS_TEST_TMPDIR/edit.yaml"
	run -0 ctl apply -f "$BATS_TEST_TMPDIR/edit.yaml"
	has "edit configured"
	run -0 kubectl get sp edit -o json
	jq_is '.spec.ips[0]' 10.111.20.1-10.111.20.8
	jq_is '.metadata.annotations["ipam.spidernet.io/taken-over"]' "then"
	pool edit2 10.111.0.0/16 10.111.20.8 >"$BATS_TEST_TMPDIR/edit2.yaml"
	fails 1 ctl apply -f "$BATS_TEST_TMPDIR/edit2.yaml"
	has "edit"
	run -0 ctl describe sp edit
	has "10.111.20.1-10.111.20.8"
	run -0 ctl delete sp edit
	has "is being deleted"
	kubectl patch sp edit --type merge -p '{"metadata": {"finalizers": null}}'
	fails 3 ctl get sp edit
	fails 3 ctl delete sp edit
}

@test "a pod's address: ip show, list, top, release, fsck; a pod that is gone" {
	one_pool life 10.111.21.1-10.111.21.9
	netns_new POD
	bare_pod a life
	run -0 agent_ipam a ADD c-life eth0 "/run/netns/$POD" life '"default_ipv4_ippool": ["life"]'
	ip=$(jq -r '.ips[0].address' <<<"$output")
	ip=${ip%/*}
	run -0 ctl ip show "$ip" -o json
	jq_is .pod default/life
	jq_is .node a
	jq_is .container c-life
	run -0 ctl ip list --pool life
	has "$ip"
	run -0 ctl top life -o json
	jq_is '.items[0].inUse' 1
	fails 1 ctl ip release "$ip"
	has "is in use by pod default/life"
	run -0 ctl fsck
	has "everything agrees"
	fails 1 ctl delete sp life
	has "$ip"
	agent_stop a
	kubectl delete pod life --force --grace-period=0
	fails 5 ctl fsck
	has "address $ip is held by pod default/life"
	has "which does not exist"
	run -0 ctl ip release --force "$ip"
	agent_start a
	run -0 ctl ip list --pool life --state in-use
	hasnt "$ip"
}

@test "quarantine: not given out, until it is released" {
	one_pool q 10.111.22.1
	netns_new POD
	bare_pod a q
	run -0 ctl ip quarantine 10.111.22.1 --for 1h
	fails 1 agent_ipam a ADD c-q eth0 "/run/netns/$POD" q '"default_ipv4_ippool": ["q"]'
	has "all IP addresses used out"
	run -0 ctl ip release 10.111.22.1
	run -0 agent_ipam a ADD c-q eth0 "/run/netns/$POD" q '"default_ipv4_ippool": ["q"]'
	has "10.111.22.1/16"
	run -0 agent_ipam a DEL c-q eth0 "/run/netns/$POD" q
}

# same_sentence POD ANNOTATION: what why says of the pod is what its ADD says.
same_sentence() {
	bare_pod a "$1" "annotations: {$2}"
	fails 1 agent_ipam a ADD "c-$1" eth0 "/run/netns/$POD" "$1"
	said=$(jq -r .details <<<"$output")
	[ "$said" != null ] && [ -n "$said" ] || said=$(jq -r .msg <<<"$output")
	echo "ADD: $said"
	errors=$(ctl why "$1" -o json 2>&1 >"$BATS_TEST_TMPDIR/why") || true
	sentence=$(jq -r '.error // ""' "$BATS_TEST_TMPDIR/why")
	[ -n "$sentence" ] || sentence=$(sed -n 's/^spiderpoolctl: //p' <<<"$errors" | tail -n 1)
	echo "why: $sentence"
	[ -n "$sentence" ]
	[[ $said == *"$sentence"* ]]
}

@test "why a pod cannot start: the sentence of its ADD" {
	netns_new POD
	one_pool other 10.111.23.1 'nodeName: [b]'
	one_pool full 10.111.23.2
	one_pool labels 10.111.23.3 'podAffinity: {matchLabels: {app: x}}'
	one_pool spaces 10.111.23.4 'namespaceAffinity: {matchLabels: {team: x}}'
	one_pool places 10.111.23.5 'nodeAffinity: {matchLabels: {zone: x}}'
	run -0 ctl ip quarantine 10.111.23.2
	same_sentence w1 'ipam.spidernet.io/ippool: "{\"ipv4\": [\"other\", \"full\"]}"'
	same_sentence w2 'ipam.spidernet.io/ippool: "{\"ipv4\": [\"full\"]}"'
	same_sentence w3 'ipam.spidernet.io/ippool: "{\"ipv4\": [\"labels\", \"spaces\", \"places\"]}"'
	same_sentence w4 'ipam.spidernet.io/ippool: "{\"ipv4\": [\"nobody\"]}"'
	same_sentence w5 'ipam.spidernet.io/ippool: "{"'
}

@test "why and plan with what the API server has: labels, namespace, node; options come before" {
	one_pool fits 10.111.24.1-10.111.24.3 'podAffinity: {matchLabels: {app: fits}}' \
		'nodeAffinity: {matchLabels: {kubernetes.io/hostname: a}}' 'namespaceAffinity: {matchLabels: {tier: one}}'
	kubectl label namespace default tier=one --overwrite
	bare_pod a fits 'labels: {app: fits}' 'annotations: {ipam.spidernet.io/ippool: "{\"ipv4\": [\"fits\"]}"}'
	run -0 ctl why fits -o json
	jq_is .node a
	jq_is '.next[0].pool' fits
	jq_is '.next[0].address | startswith("10.111.24.")' true
	run -0 ctl why fits --node nowhere -o json
	jq_is '.next[0].address' null
	has "nodeAffinity"
	run -0 ctl plan --replicas 3 fits
	fails 5 ctl plan --replicas 4 fits
	has "1 more addresses"
	run -0 ctl why not-there --annotation 'ippool={"ipv4": ["fits"]}' --pod-label app=fits --node a
	has "does not exist"
	has "10.111.24."
}

@test "a StatefulSet's pod has its address kept, and why says so" {
	one_pool sts 10.111.25.1-10.111.25.3
	netns_new POD
	kubectl apply -f - <<-YAML
		apiVersion: apps/v1
		kind: StatefulSet
		metadata: {name: db}
		spec:
		  replicas: 2
		  serviceName: db
		  selector: {matchLabels: {app: db}}
		  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: c, image: x}]}}
	YAML
	owner="ownerReferences: [{apiVersion: apps/v1, kind: StatefulSet, name: db, controller: true, uid: $(kubectl get sts db -o 'jsonpath={.metadata.uid}')}]"
	note='annotations: {ipam.spidernet.io/ippool: "{\"ipv4\": [\"sts\"]}"}'
	bare_pod a db-1 "$owner" "$note"
	run -0 agent_ipam a ADD c-db eth0 "/run/netns/$POD" db-1
	ip=$(jq -r '.ips[0].address' <<<"$output")
	ip=${ip%/*}
	kubectl delete pod db-1 --force --grace-period=0
	run -0 agent_ipam a DEL c-db eth0 "/run/netns/$POD" db-1
	bare_pod a db-1 "$owner" "$note"
	run -0 ctl why db-1 -o json
	jq_is '.next[0].address' "$ip"
	jq_is '.next[0].kept' true
	run -0 ctl ip show "$ip" -o json
	jq_is .keptFor default/db/1
}

@test "backup is a list that kubectl applies: blocks that were lost are back" {
	run -0 ctl backup "$BATS_TEST_TMPDIR/backup.json"
	run -0 kubectl get sib -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.records}{"\n"}{end}'
	before=$output
	[ -n "$before" ]
	agent_stop a
	kubectl delete sib --all
	kubectl apply -f "$BATS_TEST_TMPDIR/backup.json"
	run -0 kubectl get sib -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.records}{"\n"}{end}'
	same "$before" "$output"
	agent_start a
	run -0 bash -c 'jq -r ".items[] | .kind" "$1" | sort -u | tr "\n" " "' - "$BATS_TEST_TMPDIR/backup.json"
	has "SpiderIPBlock"
	has "SpiderIPPool"
}

@test "import whereabouts: pods that live keep their addresses, by node and StatefulSet" {
	kubectl apply -f - <<-YAML
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: ippools.whereabouts.cni.cncf.io}
		spec:
		  group: whereabouts.cni.cncf.io
		  names: {kind: IPPool, listKind: IPPoolList, plural: ippools, singular: ippool}
		  scope: Namespaced
		  versions:
		  - {name: v1alpha1, served: true, storage: true, schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}
	YAML
	kubectl wait --for=condition=Established --timeout=20s crd ippools.whereabouts.cni.cncf.io
	one_pool where 10.111.26.1-10.111.26.90
	bare_pod a where
	eventually 20 kubectl apply -f - <<-YAML
		apiVersion: whereabouts.cni.cncf.io/v1alpha1
		kind: IPPool
		metadata: {name: 10.111.26.0-24, namespace: kube-system}
		spec:
		  range: 10.111.26.0/24
		  allocations:
		    "5": {id: c-where, podref: default/where, ifname: net1}
		    "6": {id: c-gone, podref: default/gone, ifname: net1}
	YAML
	run -0 ctl import whereabouts --dry-run
	has "can be claimed"
	run -0 ctl import whereabouts
	has "its pod does not exist"
	has "1 attachments imported, 0 refused"
	run -0 ctl ip show 10.111.26.5 -o json
	jq_is .pod default/where
	jq_is .node a
	jq_is .container c-where
	jq_is .nic net1
	run -0 ctl ip show 10.111.26.6 -o json
	jq_is .state free
	run -0 ctl import whereabouts
	has "1 attachments imported, 0 refused"
	# The agent of its node lets it go with its pod.
	agent_stop a
	agent_start a
	run -0 ctl ip show 10.111.26.5 -o json
	jq_is .state in-use
	kubectl delete pod where --force --grace-period=0
	eventually 20 bash -c "$(declare -f ctl cluster); BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME; ctl ip show 10.111.26.5 | grep -E 'State: +(cooling|free)'"
}
