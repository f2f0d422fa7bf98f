#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A cluster on which an older Spiderpool gave out addresses: pools with status.allocatedIPs, endpoints, no blocks.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	kube_up api
	agent_install
	# Pretended nodes: nobody starts pods there, and no controller takes them away.
	for n in a b c; do agent_pretend $n; done
}

setup() {
	lib_setup
}

teardown() {
	lib_teardown
	agent_explain a b c
	kube_explain
}

teardown_file() {
	kube_down
}

ctl() {
	cluster control env -u SPIDERPOOL_STATE_DIR "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" "$@"
}

# old_endpoint NODE POD ADDRESS OWNER-KIND OWNER: as the older one leaves it, without a container.
old_endpoint() {
	kubectl apply -f - <<-YAML >&2
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderEndpoint
		metadata: {name: $2, namespace: default, finalizers: [spiderpool.spidernet.io]}
		status:
		  ownerControllerType: $4
		  ownerControllerName: $5
		  current:
		    uid: $(pod_uid "$2")
		    node: $1
		    ips: [{interface: eth0, ipv4: $3/16, ipv4Pool: old, vlan: 0, cleanGateway: false}]
	YAML
}

# recorded POD ADDRESS...: text for status.allocatedIPs.
recorded() {
	jq -n --arg pod "default/$1" --arg uid "$(pod_uid "$1")" '$ARGS.positional | map({(.): {pod: $pod, podUid: $uid}}) | add' --args "${@:2}"
}

# old_status POOL OBJECT...: its status is what the older one wrote.
old_status() {
	local pool=$1
	shift
	printf '%s\n' "$@" | jq -s 'add | {allocatedIPCount: length, totalIPCount: 99, allocatedIPs: tojson}' >"$BATS_TEST_TMPDIR/status"
	status_patch "spiderippools/$pool" "$(cat "$BATS_TEST_TMPDIR/status")"
}

marked() {
	[ -n "$(kubectl get sp "$1" -o 'jsonpath={.metadata.annotations.ipam\.spidernet\.io/taken-over}')" ]
}

# takers: agents that say that they took pools over.
takers() {
	for n in a b c; do agent_log $n; done | grep -c 'are taken over' || true
}

@test "while pods of the older one are there no agent serves" {
	kubectl create -f - <<-YAML
		apiVersion: v1
		kind: Pod
		metadata: {name: older, namespace: kube-system, labels: {app.kubernetes.io/component: spiderpool-agent}}
		spec: {nodeName: b, containers: [{name: c, image: x}]}
	YAML
	agent_spawn a
	eventually 20 bash -c "grep 'pods of an older Spiderpool are there, such as kube-system/older' '$KUBE_DIR/agents/a/log'"
	[ ! -S "$(cat "$KUBE_DIR/agents/a/socket")" ]
	run agent_ready a
	[ "$status" != 0 ]
	fails 4 ctl import spiderpool
	has "older Spiderpool"
	kubectl delete pod -n kube-system older --force --grace-period=0
	eventually 20 agent_ready a
	agent_stop a
}

@test "an account that may write the status of pools takes nothing over" {
	kube_pool rights 10.111.0.0/16 10.111.31.1-10.111.31.9
	bare_pod a rights
	old_status rights "$(recorded rights 10.111.31.3)"
	kubectl create clusterrole tk --verb=update --resource=spiderippools.spiderpool.spidernet.io/status
	kubectl create clusterrolebinding tk --clusterrole=tk --serviceaccount=kube-system:spiderpool-agent
	agent_spawn a
	eventually 20 bash -c "grep 'this account may still write' '$KUBE_DIR/agents/a/log'"
	run marked rights
	[ "$status" != 0 ]
	kubectl delete clusterrolebinding tk
	eventually 20 agent_ready a
	marked rights
	agent_stop a
}

@test "three agents start together: one takes over, all pods keep their addresses, nothing is given out twice" {
	kube_pool old 10.111.0.0/16 10.111.32.1-10.111.32.40
	kube_pool two 10.111.0.0/16 10.111.33.1-10.111.33.3
	for i in 1 2 3 4 5 6; do bare_pod "$(cut -c "$((i % 3 + 1))" <<<abc)" "p$i"; done
	bare_pod a db-0
	for i in 1 2 3 4 5 6; do
		old_endpoint "$(cut -c "$((i % 3 + 1))" <<<abc)" "p$i" "10.111.32.$i" Deployment web
	done
	old_endpoint a db-0 10.111.32.20 StatefulSet db
	old_status old "$(for i in 1 2 3 4 5 6; do recorded "p$i" "10.111.32.$i"; done)" "$(recorded db-0 10.111.32.20)"
	old_status two "$(recorded p1 10.111.33.1)" "$(recorded p2 10.111.33.2)"
	for n in a b c; do : >"$KUBE_DIR/agents/$n/log"; done
	for n in a b c; do agent_spawn $n; done
	for n in a b c; do eventually 40 agent_ready $n; done
	marked old
	marked two
	same 1 "$(takers)"
	run -0 ctl ip list --pool old -o json
	jq_is '.items | length' 7
	jq_is '[.items[] | select(.pod == "default/p3")][0].address' 10.111.32.3
	jq_is '[.items[] | select(.pod == "default/p3")][0].node' a
	jq_is '[.items[] | select(.pod == "default/db-0")][0].keptFor' default/db/0
	# The last address of the pool goes to a new pod, and no more.
	netns_new POD
	bare_pod b new1
	bare_pod b new2
	run -0 eventually 10 agent_ipam b ADD c-new1 eth0 "/run/netns/$POD" new1 '"default_ipv4_ippool": ["two"]'
	run -0 agent_ipam b ADD c-new1 eth0 "/run/netns/$POD" new1 '"default_ipv4_ippool": ["two"]'
	jq_is '.ips[0].address' 10.111.33.3/16
	fails 1 agent_ipam b ADD c-new2 eth0 "/run/netns/$POD" new2 '"default_ipv4_ippool": ["two"]'
	has "all IP addresses used out"
}

@test "a pod of the older one gets a new sandbox: the same address; it goes: the address is free" {
	netns_new POD
	run -0 agent_ipam a ADD c-p3 eth0 "/run/netns/$POD" p3 '"default_ipv4_ippool": ["old"]'
	jq_is '.ips[0].address' 10.111.32.3/16
	# A container that our agent has never seen ends, and its pod goes.
	run -0 agent_ipam b DEL c-older eth0 "" p4
	kubectl delete pod p4 --force --grace-period=0
	eventually 20 bash -c "$(declare -f ctl cluster); BATS_TEST_DIRNAME=$BATS_TEST_DIRNAME; ctl ip show 10.111.32.4 | grep -E 'State: +(cooling|free)'"
	run -0 ctl ip show 10.111.32.1 -o json
	jq_is .pod default/p1
}

@test "an address claimed twice is told and kept back; it is done once" {
	for n in a b c; do agent_stop $n; done
	kube_pool x1 10.111.0.0/16 10.111.34.1-10.111.34.9
	kube_pool x2 10.111.0.0/16 10.111.34.1-10.111.34.9
	old_status x1 "$(recorded p1 10.111.34.5)"
	old_status x2 "$(recorded p2 10.111.34.5)"
	old_status old "$(recorded p6 10.111.32.30)"
	: >"$KUBE_DIR/agents/a/log"
	agent_start a
	agent_log a | grep 'address 10.111.34.5: pool x2 had it for pod default/p2'
	run -0 ctl ip show 10.111.34.5 -o json
	jq_is .state quarantine
	# What the status of a marked pool says is nobody's business.
	run -0 ctl ip show 10.111.32.30 -o json
	jq_is .state free
	for n in b c; do agent_start $n; done
}
