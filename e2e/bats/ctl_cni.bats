#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# spiderpoolctl cni: the small runtime.

load lib

setup() {
	lib_setup
	need_root
	need jq /usr/lib/cni/ptp /usr/lib/cni/loopback
	netns_new ns
	pool blue 10.99.0.0/24 10.99.0.10-10.99.0.12 "gateway: 10.99.0.1" "default: true" | spiderpoolctl apply -f -
	jq -n --arg dir "$STATE" '{cniVersion: "1.0.0", name: "lab", plugins: [{type: "ptp",
		ipam: {type: "spiderpool", datastore: "local", state_dir: $dir, log_file_path: ($dir + "/x.log")}}]}' \
		>"$DIR/lab.conflist"
}

teardown() {
	lib_teardown
}

# cni VERB [MORE]...
cni() {
	spiderpoolctl cni "$1" "$DIR/lab.conflist" "${@:2}" --cni-path "$BIN:/usr/lib/cni" --cache-dir "$DIR/cni"
}

# A plugin that leaves a mark when it begins and takes a while.
slow_plugin() {
	mkdir -p "$DIR/bin"
	cat >"$DIR/bin/slow" <<-END
		#!/bin/sh
		echo \$CNI_COMMAND >>$DIR/slow.log
		[ \$CNI_COMMAND = ADD ] || exit 0
		sleep 1
		echo '{"cniVersion": "1.0.0"}'
	END
	chmod +x "$DIR/bin/slow"
	echo '{"cniVersion": "1.0.0", "name": "lab", "plugins": [{"type": "slow"}]}' >"$DIR/lab.conflist"
}

@test "add, check, del in a namespace named or by path" {
	run -0 --separate-stderr cni add "$ns"
	jq_is '.ips[0].address' 10.99.0.10/24
	same "10.99.0.10/24" "$(ip -n "$ns" -j addr show eth0 | jq -r '.[0].addr_info[] | select(.family=="inet") | .local + "/" + (.prefixlen|tostring)')"
	[ -f "$DIR/cni/results/lab-$ns-eth0" ]
	fails 1 cni add "$ns"
	has "already attached"
	run -0 cni check "$ns"
	same "" "$output"
	run -0 --separate-stderr cni check "/run/netns/$ns" -o json
	jq_is '.verb + " " + (.done|tostring) + " " + .containerID' "CHECK true $ns"
	ip -n "$ns" addr flush dev eth0
	fails 1 cni check "$ns"
	run -0 cni del "$ns"
	[ ! -f "$DIR/cni/results/lab-$ns-eth0" ]
	run -0 cni del "$ns"
	run -0 --separate-stderr cni add "/run/netns/$ns" -i net1 --container-id c7 -o yaml
	has "address: 10.99.0.1"
	run -0 cni del --container-id c7 --ifname net1
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '.items | length' 0
}

@test "CNI_ARGS and capability arguments reach the plugin" {
	cni add "$ns" --args "$(pod shop web-0);IP=10.99.0.12"
	run -0 spiderpoolctl get se web-0 -n shop -o json
	jq_is '.status.current.ips[0].ipv4' 10.99.0.12/24
	jq_is '.status.current.uid' uid-web-0
	cni del "$ns"
	fails 2 cni add "$ns" --args nonsense
	fails 2 cni add "$ns" --capability-args '[]'
	fails 2 cni add "$ns" --capability-args '{'
}

@test "gc removes attachments whose namespace is gone and keeps the named ones" {
	netns_new second
	netns_new third
	for n in "$ns" "$second" "$third"; do cni add "$n" >/dev/null; done
	ip netns del "$second"
	ip netns del "$third"
	run -0 cni gc --valid "$third/eth0"
	has "2 attachments are valid"
	run -0 spiderpoolctl ip list -o json
	same "$(printf '%s\n' "$ns" "$third" | sort | tr '\n' ' ')" "$(jq -r '.items[] | select(.state == "in-use").container' <<<"$output" | sort | tr '\n' ' ')"
	fails 2 cni gc --valid nonsense
	cni del "$third"
	cni del "$ns"
}

@test "status: ready, not ready, and what cannot be loaded" {
	jq '.cniVersion = "1.1.0" | .plugins = [{type: "spiderpool", ipam: .plugins[0].ipam}]' "$DIR/lab.conflist" >"$DIR/s"
	mv "$DIR/s" "$DIR/lab.conflist"
	run -0 cni status
	spiderpoolctl delete sp blue
	jq '.plugins[0].ipam.default_ipv4_ippool = ["nope"]' "$DIR/lab.conflist" >"$DIR/s" && mv "$DIR/s" "$DIR/lab.conflist"
	fails 5 cni status
	has "spiderpoolctl: "
	fails 3 spiderpoolctl cni status "$DIR/none.conflist"
	fails 3 spiderpoolctl cni status no-such-network
	echo '{"name": "x"' >"$DIR/lab.conflist"
	fails 1 cni status
	fails 2 spiderpoolctl cni add "$DIR/lab.conflist"
	fails 2 spiderpoolctl cni del "$DIR/lab.conflist"
}

@test "a plugin that fails is undone and its sentence told" {
	fails 1 cni add no-such-namespace
	has "no-such-namespace"
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '.items | length' 0
	spiderpoolctl ip quarantine 10.99.0.10 10.99.0.11 10.99.0.12
	fails 4 cni add "$ns"
	has "all IP addresses used out"
	[ ! -e "$DIR/cni/results/lab-$ns-eth0" ]
}

@test "Ctrl-C during add undoes it" {
	slow_plugin
	PATH=$DIR/bin:$PATH
	spiderpoolctl cni add "$DIR/lab.conflist" "$ns" --cni-path "$DIR/bin" --cache-dir "$DIR/cni" >"$DIR/out" 2>"$DIR/err" 3>&- &
	pid=$!
	until [ -f "$DIR/slow.log" ]; do sleep 0.05; done
	kill -TERM "$pid"
	status=0
	wait "$pid" || status=$?
	same 130 "$status"
	same "ADD DEL" "$(tr '\n' ' ' <"$DIR/slow.log" | sed 's/ $//')"
	same "" "$(cat "$DIR/out")"
	[ ! -e "$DIR/cni/results/lab-$ns-eth0" ]
}
