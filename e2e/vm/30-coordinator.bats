#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator behind ipvlan, which the machine's own kernel may lack, as conf/net.d has it. The guest's nf_tables has no
# tables for IPv4 and IPv6, so not as the pod's first NIC, whose replies are marked: as net1 of a pod whose eth0 is a ptp.

load ../bats/lib
load ../bats/world

setup() {
	lib_setup
	need_root
	need jq ip $CNI_DIR/ipvlan $CNI_DIR/ptp
	underlay
	host_new NODE
	ip -n "$NODE" addr add 10.9.0.2/24 dev eth0
	ip -n "$NODE" addr add fd00:9::2/64 dev eth0
	export CNI_PATH=$BIN:$CNI_DIR
	(cd "$ROOT/conf/pools" && cat underlay.yaml - host.yaml <<<---) >"$DIR/pools.yaml"
	private "$NODE" spiderpoolctl apply -f "$DIR/pools.yaml" >/dev/null
	NETS=$ROOT/conf/net.d
}

teardown() {
	lib_teardown
}

attached() { # VERB CONFLIST POD NIC
	call private "$NODE" spiderpoolctl cni "$1" "$2" "$3" -i "$4"
	succeeded
}

@test "ipvlan-coordinator: net1 beside a ptp; the node reaches both; not without coordinator; DEL leaves nothing" {
	pod_new P
	jq 'del(.plugins[1]) | .name = "without"' "$NETS/ipvlan-coordinator.conflist" >"$DIR/without.conflist"
	attached add "$NETS/ptp.conflist" "$P" eth0
	attached add "$DIR/without.conflist" "$P" net1
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses "$P" net1)"
	pings_not "$NODE" 10.9.0.10
	pings_not "$NODE" fd00:9::10
	attached del "$DIR/without.conflist" "$P" net1

	attached add "$NETS/ipvlan-coordinator.conflist" "$P" net1
	same '["10.9.0.11/24","fd00:9::11/64"]' "$(addresses "$P" net1)"
	# an ipvlan has its master's MAC
	same "$(mac "$NODE" eth0)" "$(mac "$P" net1)"
	pings "$NODE" 10.9.0.11 fd00:9::11 10.20.0.10 fd00:20::10
	pings "$P" 10.9.0.2 fd00:9::2 $GW4 $GW6
	attached check "$NETS/ipvlan-coordinator.conflist" "$P" net1
	attached del "$NETS/ipvlan-coordinator.conflist" "$P" net1
	pings_not "$NODE" 10.9.0.11
	pings "$NODE" 10.20.0.10
	attached del "$NETS/ptp.conflist" "$P" eth0
	same "" "$(ip -n "$NODE" rule show pref 1000)$(ip -n "$NODE" -6 rule show pref 1000)"
	same "" "$(ip -n "$NODE" route show table 500 2>/dev/null)$(ip -n "$NODE" -6 route show table 500 2>/dev/null)"
	same "lo lo eth0" "$(for ns in "$P" "$NODE"; do ip -n "$ns" -j link; done | jq -r '.[].ifname' | paste -sd' ')"
}
