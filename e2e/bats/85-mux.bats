#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# e2e/kube/mux, which stands in for Multus: what plugins are told, and when, with plugins that write it down.

load lib

setup() {
	lib_setup
	need_root
	need jq python3 nsenter
	netns_new POD
	MUX=$BATS_TEST_DIRNAME/../kube/mux
	export LOG=$DIR/log
	mkdir -p "$DIR"/{bin,networks/{ns,kube-system}}
	cat >"$DIR/bin/first" <<-'SH'
		#!/bin/bash
		# Writes down how it was called; makes a NIC, or passes on what was before.
		conf=$(cat) me=${0##*/}
		jq -c --arg me "$me" --arg verb "$CNI_COMMAND" --arg nic "$CNI_IFNAME" --arg args "$CNI_ARGS" --arg id "$CNI_CONTAINERID" \
			'{$verb, network: .name, $me, $nic, $args, $id, conf: .}' <<<"$conf" >>"$LOG"
		if [ -e "$LOG.fail.$me.$CNI_COMMAND" ]; then
			echo '{"cniVersion":"1.0.0","code":50,"msg":"sorry","details":"'"$me"'"}'
			exit 1
		fi
		case $CNI_COMMAND in
		ADD)
			before=$(jq -c '.prevResult // empty' <<<"$conf")
			[ -z "$before" ] || { echo "$before"; exit 0; }
			n=$(wc -l <"$LOG")
			nsenter --net="$CNI_NETNS" ip link add "$CNI_IFNAME" type bridge
			nsenter --net="$CNI_NETNS" ip addr add "10.0.$n.2/24" dev "$CNI_IFNAME"
			nsenter --net="$CNI_NETNS" ip link set "$CNI_IFNAME" up
			nsenter --net="$CNI_NETNS" ip route append default via "10.0.$n.1" dev "$CNI_IFNAME"
			jq -c --arg nic "$CNI_IFNAME" --arg n "$n" '{cniVersion, interfaces: [{name: $nic, sandbox: "x"}],
				ips: [{address: "10.0.\($n).2/24", interface: 0, gateway: "10.0.\($n).1"}],
				routes: [{dst: "0.0.0.0/0"}]}' <<<"$conf"
			;;
		DEL) [ -z "$CNI_NETNS" ] || nsenter --net="$CNI_NETNS" ip link del "$CNI_IFNAME" 2>/dev/null || true ;;
		esac
	SH
	chmod +x "$DIR/bin/first"
	for p in second chained; do ln "$DIR/bin/first" "$DIR/bin/$p"; done
	echo '{"cniVersion":"1.0.0","name":"cluster","plugins":[{"type":"first"},{"type":"chained"}]}' >"$DIR/cluster.conflist"
	echo '{"cniVersion":"1.0.0","name":"blue","plugins":[{"type":"second","capabilities":{"ips":true,"mac":true}},
		{"type":"chained"}]}' >"$DIR/networks/ns/blue.conf"
	echo '{"cniVersion":"0.4.0","type":"second"}' >"$DIR/networks/ns/plain.conf"
	echo '{"cniVersion":"1.0.0","name":"other","plugins":[{"type":"second"}]}' >"$DIR/networks/kube-system/other.conf"
}

teardown() {
	lib_teardown
}

# mux VERB [NETWORKS ANNOTATION] [JQ PROGRAM OVER THE CONFIGURATION]: the plugin is called, for a pod with it.
mux() {
	jq -n --arg dir "$DIR" --arg networks "${2:-}" '{cniVersion: "1.0.0", name: "mux", type: "mux",
		clusterNetwork: "\($dir)/cluster.conflist", networks: "\($dir)/networks", state: "\($dir)/mux",
		capabilities: {"io.kubernetes.cri.pod-annotations": true}, runtimeConfig: {"io.kubernetes.cri.pod-annotations":
		(if $networks == "" then {} else {"k8s.v1.cni.cncf.io/networks": $networks} end)}} | '"${3:-.}" |
		CNI_COMMAND=$1 CNI_CONTAINERID=${CONTAINER:-c1} CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$POD CNI_PATH=$DIR/bin \
			CNI_ARGS="K8S_POD_UID=u1;IgnoreUnknown=1;X=y;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_NAME=web;K8S_POD_NAMESPACE=ns" \
			"$MUX"
}

# calls: who was called, a line each.
calls() {
	jq -r '"\(.verb) \(.network) \(.me) \(.nic)"' "$LOG"
}

# of_call N FILTER: of the Nth call.
of_call() {
	jq -cs ".[$1 - 1] | $2" "$LOG"
}

@test "VERSION" {
	run -0 mux VERSION
	jq_is '.supportedVersions[-1]' 1.1.0
}

@test "without an annotation: the cluster network alone, and its result" {
	run -0 mux ADD
	jq_is '.cniVersion, .interfaces[0].name, .ips[0].address' $'1.0.0\neth0\n10.0.1.2/24'
	same $'ADD cluster first eth0\nADD cluster chained eth0' "$(calls)"
	same '"10.0.1.2/24"' "$(of_call 2 '.conf.prevResult.ips[0].address')"
}

@test "several networks: NICs net1.., order, arguments; DEL backwards with what ADD had, without the annotation" {
	run -0 mux ADD "blue, kube-system/other@data, plain"
	jq_is '.interfaces[0].name' eth0
	same "ADD cluster first eth0
ADD cluster chained eth0
ADD blue second net1
ADD blue chained net1
ADD other second data
ADD plain second net3" "$(calls)"
	for i in 1 3 6; do
		same '"IgnoreUnknown=true;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u1;X=y"' \
			"$(of_call $i .args)"
	done
	same '["0.4.0","plain",null]' "$(of_call 6 '[.conf.cniVersion, .conf.name, .conf.runtimeConfig]')"

	rm "$LOG" "$DIR/networks/ns/blue.conf"
	run -0 mux DEL
	same "" "$output"
	same "DEL plain second net3
DEL other second data
DEL blue chained net1
DEL blue second net1
DEL cluster chained eth0
DEL cluster first eth0" "$(calls)"
	same '"net1"' "$(of_call 3 '.conf.prevResult.interfaces[0].name')"
	rm "$LOG"
	run -0 mux DEL # nobody knows of more than the cluster network
	same $'DEL cluster chained eth0\nDEL cluster first eth0' "$(calls)"
}

@test "requests of the annotation: capabilities where declared, arguments, cni-args; not for the cluster network" {
	mux ADD '[{"name": "blue", "ips": ["10.9.0.5/24", "fd00::5"], "mac": "0a:00:00:00:00:01", "cni-args": {"a": 1}},
		{"name": "other", "namespace": "kube-system", "interface": "x0", "mac": "0a:00:00:00:00:02"}]' >/dev/null
	same '[null,null]' "$(of_call 1 '[.conf.runtimeConfig, .conf.args]')"
	same '[{"ips":["10.9.0.5/24","fd00::5"],"mac":"0a:00:00:00:00:01"},{"cni":{"a":1}}]' \
		"$(of_call 3 '[.conf.runtimeConfig, .conf.args]')"
	[[ $(of_call 3 .args) == *';X=y;MAC=0a:00:00:00:00:01;IP=10.9.0.5/24,fd00::5"' ]]
	same '[null,{"cni":{"a":1}}]' "$(of_call 4 '[.conf.runtimeConfig, .conf.args]')" # chained, without capabilities
	same '["x0",null]' "$(of_call 5 '[.nic, .conf.runtimeConfig]')"
	[[ $(of_call 5 .args) == *';MAC=0a:00:00:00:00:02"' ]]
}

@test "what the runtime itself offers goes to all that declare it" {
	echo '{"cniVersion":"1.0.0","name":"cluster","plugins":[{"type":"first","capabilities":{"portMappings":true}}]}' \
		>"$DIR/cluster.conflist"
	mux ADD "" '.runtimeConfig.portMappings = [{hostPort: 80}]' >/dev/null
	same '{"portMappings":[{"hostPort":80}]}' "$(of_call 1 .conf.runtimeConfig)"
}

@test "default-network: another one for eth0" {
	mux ADD "" '.runtimeConfig[]["v1.multus-cni.io/default-network"] = "other"' >/dev/null
	same 'ADD other second eth0' "$(calls)"
}

@test "one fails: all so far get DEL, backwards, and the sentence is passed on" {
	touch "$LOG.fail.second.ADD"
	fails 1 mux ADD blue,plain
	jq_is '.code, .msg' $'999\n[ns/web:blue]: error adding container to network "blue": sorry; second'
	same "ADD cluster first eth0
ADD cluster chained eth0
ADD blue second net1
DEL blue chained net1
DEL blue second net1
DEL cluster chained eth0
DEL cluster first eth0" "$(calls)"
	[ -z "$(ls "$DIR/mux")" ]
}

@test "DEL fails in one network: the others go, and all is tried again next time" {
	mux ADD blue >/dev/null
	rm "$LOG"
	touch "$LOG.fail.second.DEL"
	fails 1 mux DEL blue
	jq_is .msg 'error deleting pod from network "blue": sorry; second'
	same $'DEL blue chained net1\nDEL blue second net1\nDEL cluster chained eth0\nDEL cluster first eth0' "$(calls)"
	rm "$LOG" "$LOG.fail.second.DEL"
	mux DEL
	same 4 "$(wc -l <"$LOG")"
}

@test "default-route: the NIC that has it is the only one with a default route" {
	mux ADD '[{"name": "blue", "default-route": ["10.0.3.9"]}, {"name": "plain"}]' >/dev/null
	same "default via 10.0.3.9 dev net1" "$(ip -n "$POD" route show default | sed 's/ *$//')"
	same '[{"dst":"0.0.0.0/0","gw":"10.0.3.9"}]' "$(jq -c '.[1].result.routes' "$DIR/mux/c1.json")"
	same '[]' "$(jq -c '.[0].result.routes' "$DIR/mux/c1.json")"
	same '[]' "$(jq -c '.[2].result.routes' "$DIR/mux/c1.json")"
}

@test "wrong annotations, networks that are not there, a NIC that is" {
	for row in '[{"name"=is not JSON' 'Blue=Blue\" is not a name' 'blue@a/b=a/b\" is not the name of a NIC' \
		'blue@sixteen-letters-=is not the name of a NIC' 'nowhere=cannot read network' '"x"=is not a list of objects' \
		'[{"name":"blue","default-route":["10.0.0.1"]},{"name":"plain","default-route":["10.0.0.2"]}]=more than one'; do
		fails 1 mux ADD "${row%=*}"
		has "${row##*=}"
	done
	[ ! -e "$LOG" ]
	fails 1 mux ADD blue@eth0
	has 'interface name eth0 already exists'
}

@test "GC and STATUS: of the cluster network alone" {
	sed -i 's/1.0.0/1.1.0/' "$DIR/cluster.conflist"
	mux ADD blue >/dev/null
	ip -n "$POD" link del eth0
	ip -n "$POD" link del net1
	CONTAINER=c2 mux ADD blue >/dev/null
	rm "$LOG"
	valid='."cni.dev/valid-attachments" = [{containerID: "c2", ifname: "eth0"}]'
	mux GC "" "$valid"
	same "DEL cluster chained c1
DEL cluster first c1
GC cluster first
GC cluster chained" "$(jq -r '"\(.verb) \(.network) \(.me) \(if .verb == "DEL" then .id else "" end)"' "$LOG" | sed 's/ $//')"
	same '[{"containerID":"c2","ifname":"eth0"}]' "$(of_call 4 '.conf["cni.dev/valid-attachments"]')"
	rm "$LOG"
	mux STATUS
	same $'STATUS cluster first\nSTATUS cluster chained' "$(jq -r '"\(.verb) \(.network) \(.me)"' "$LOG")"
	touch "$LOG.fail.chained.STATUS"
	fails 1 mux STATUS
	jq_is '.code, .msg' $'50\nsorry; chained'
	sed -i 's/1.1.0/1.0.0/' "$DIR/cluster.conflist"
	rm "$LOG"
	mux STATUS
	[ ! -e "$LOG" ]
}

@test "CHECK: every plugin, with its network's result" {
	mux ADD blue >/dev/null
	rm "$LOG"
	mux CHECK
	same $'CHECK cluster first eth0\nCHECK cluster chained eth0\nCHECK blue second net1\nCHECK blue chained net1' "$(calls)"
	same '"net1"' "$(of_call 3 '.conf.prevResult.interfaces[0].name')"
}
