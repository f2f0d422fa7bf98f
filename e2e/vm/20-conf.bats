#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods behind a VLAN, a bond, and a VLAN on a bond, as conf/net.d has them: real packets, on the wire with their tag.

load ../bats/lib
load ../bats/world
load ifacer

setup() {
	lib_setup
	need_root
	need jq ip tcpdump $CNI_DIR/macvlan $CNI_DIR/ipvlan
	host
	CONF=$ROOT/conf
	RUN=$DIR/run-spiderpool # see private()
	export CNI_PATH=$BIN:$CNI_DIR
	private "$A" spiderpoolctl apply -f "$CONF/pools/underlay.yaml" >/dev/null
	pod_new P
	pod_new Q
}

teardown() {
	lib_teardown
}

# router DEVICE: the gateway of the pools is there.
router() {
	ip -n "$SWITCH" link set "$1" up
	ip -n "$SWITCH" addr add $GW4/24 dev "$1"
	ip -n "$SWITCH" addr add $GW6/64 dev "$1" nodad
}

# bridge: of s0 and s1, as switches are.
bridge() {
	ip -n "$SWITCH" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$SWITCH" link set br0 up
	ip -n "$SWITCH" link set s0 master br0
	ip -n "$SWITCH" link set s1 master br0
}

cni() { # VERB SAMPLE POD
	private "$A" spiderpoolctl cni "$1" "$CONF/net.d/$2.conflist" "$3"
}

# attach SAMPLE: both pods; without ifacer the same list fails.
attach() {
	private "$A" sh -c 'jq "del(.plugins[0])" "$0" >"$1"' "$CONF/net.d/$1.conflist" "$DIR/without.conflist"
	call private "$A" spiderpoolctl cni add "$DIR/without.conflist" "$P"
	[ "$status" != 0 ]
	for pod in "$P" "$Q"; do
		call cni add "$1" "$pod"
		succeeded
		cni check "$1" "$pod"
	done
}

# on_wire DEVICE FILTER COMMAND...: frames that match it are seen on the switch's device meanwhile.
on_wire() {
	local device=$1 filter=$2 pid
	shift 2
	ip netns exec "$SWITCH" tcpdump -lne -i "$device" -c 2 "$filter" >"$DIR/wire" 2>"$DIR/wire.err" 3>&- 4>&- &
	pid=$!
	echo $pid >>"$DIR/pids"
	until_true grep -q "listening on" "$DIR/wire.err"
	"$@"
	until_true test "$(wc -l <"$DIR/wire")" -ge 2 || [ "$(wc -l <"$DIR/wire")" -ge 2 ] || {
		echo "not seen on $device: $filter"
		return 1
	}
	kill $pid 2>/dev/null || true
}

private_gc() { # CONF [VALID]: ifacer alone
	CNI_COMMAND=GC CNI_PATH=$BIN private "$A" ifacer <<<"${1%\}},\"cni.dev/valid-attachments\":[${2:-}]}"
}

@test "vlan-macvlan: both families, tagged on the wire" {
	ip -n "$SWITCH" link add link s0 name v type vlan id 100
	router v
	attach vlan-macvlan
	shows eth0.100 UP "vlan protocol 802.1Q id 100"
	same 1 "$(wc -w <<<"$(vlans)")"
	on_wire s0 "vlan 100 and icmp" pings "$P" $GW4
	on_wire s0 "vlan 100 and ip6" pings "$P" $GW6
	pings "$Q" $GW4 $GW6
	for pod in "$P" "$Q"; do cni del vlan-macvlan "$pod"; done
	same 0 "$(records)"
	shows eth0.100 UP
}

@test "bond-vlan-ipvlan: both families, tagged, and a cable that is pulled is not noticed" {
	bridge
	ip -n "$SWITCH" link add link br0 name v type vlan id 100
	router v
	attach bond-vlan-ipvlan
	shows bond0 "bond mode active-backup" "miimon 100" "primary eth0" "active_slave eth0"
	on_wire s0 "vlan 100 and icmp" pings "$P" $GW4
	pings "$P" $GW6
	pings "$Q" $GW4 $GW6
	ip -n "$SWITCH" link set s0 down
	until_true shows bond0 "active_slave eth1"
	until_true pings "$P" $GW4
	on_wire s1 "vlan 100 and icmp" pings "$P" $GW4
	pings "$P" $GW6
	cni check bond-vlan-ipvlan "$P"
	for pod in "$P" "$Q"; do cni del bond-vlan-ipvlan "$pod"; done
	same 0 "$(records)"
}

@test "bond-macvlan: watched by ARP, untagged; GC removes the bond when no pod is left" {
	bridge
	router br0
	attach bond-macvlan
	shows sp_bond0 "arp_interval 100" "arp_ip_target $GW4"
	pings "$P" $GW4 $GW6
	pings "$Q" $GW4 $GW6
	cni del bond-macvlan "$P"
	# Debian's macvlan does not know version 1.1.0, which GC came with: for ifacer alone
	c=$(jq -c '.plugins[0] + {cniVersion: "1.1.0", name: .name, removeUnused: true}' "$CONF/net.d/bond-macvlan.conflist")
	private_gc "$c" "$(find "$RUN" -name '*.json' -exec jq -c '{containerID: .container, ifname}' {} +)"
	shows sp_bond0 UP
	pings "$Q" $GW4
	ip netns del "$Q" # its DEL never comes
	private_gc "$c"
	absent sp_bond0
	same 0 "$(records)"
}

@test "one VLAN from three networks of old and new versions, six pods at once" {
	ip -n "$SWITCH" link add link s0 name v type vlan id 100
	router v
	for v in 0.2.0 0.3.1 1.0.0; do
		jq '.cniVersion = "'$v'" | .name += "-'$v'"' "$CONF/net.d/vlan-macvlan.conflist" >"$DIR/$v.conflist"
		for n in 1 2; do
			pod_new POD
			echo "$POD" >>"$DIR/pods"
			private "$A" spiderpoolctl cni add "$DIR/$v.conflist" "$POD" >"$DIR/out.$POD" 2>&1 3>&- 4>&- &
		done
	done
	wait
	cat "$DIR"/out.*
	while read -r pod; do pings "$pod" $GW4 $GW6; done <"$DIR/pods"
	same "eth0.100 6" "$(vlans) $(records)"
}
