#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator and several NICs: which way a reply goes, on the wire; overlay beside underlay; the default route's NIC.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip ping nft tcpdump timeout $PYTHON
	node_world
}

teardown() {
	lib_teardown
}

# capture: every echo reply that the router gets from the node's networks.
capture() {
	background ip netns exec "$UNDERLAY" tcpdump -i any -nlq --immediate-mode -Q in \
		'icmp[icmptype] == icmp-echoreply or (icmp6 and ip6[40] == 129)' >"$DIR/wire" 2>"$DIR/tcpdump"
	TCPDUMP=$!
	until_true grep -q 'listening on' "$DIR/tcpdump"
}

# on_wire: "NIC SOURCE" of each reply so far.
on_wire() {
	awk '$2 ~ /^p[0-9]$/ { sub(/^p/, "eth", $2); for (i = 3; i < NF; i++) if ($i == ">") print $2, $(i - 1) }' \
		"$DIR/wire" | sort -u | paste -sd,
}

on_wire_is() { [ "$(on_wire)" = "$1" ]; }

# captured WANT: waits until that is what was seen. (Of one reply a ping, tcpdump may be late with the last ones.)
captured() {
	until_true on_wire_is "$1" || same "$1" "$(on_wire)"
	kill -INT "$TCPDUMP"
	wait "$TCPDUMP" || true
}

# keys of a conflist for the second network, and of the third
nets() { # MORE KEYS OF coordinator
	need $CNI_DIR/macvlan
	pools
	conflist net0 '"type":"macvlan","master":"eth0"' "" "$1"
	conflist net1 '"type":"macvlan","master":"eth1"' '"default_ipv4_ippool":["second4"],"default_ipv6_ippool":["second6"]' "$1"
	conflist net2 '"type":"macvlan","master":"eth2"' '"default_ipv4_ippool":["third4"],"default_ipv6_ippool":["third6"]' "$1"
}

@test "three NICs, podRPFilter 1, IPv4 and IPv6: every reply leaves by the NIC that the request came in by" {
	nets "$FIRST"',"podRPFilter":1'
	pod_plain P
	cni add net0 "$P" eth0
	cni add net1 "$P" net1
	cni add net2 "$P" net2
	capture
	pings "$CLIENT" 10.9.0.10 10.8.0.10 10.7.0.10 fd00:9::10 fd00:8::10 fd00:7::10
	captured "eth0 10.9.0.10,eth0 fd00:9::10,eth1 10.8.0.10,eth1 fd00:8::10,eth2 10.7.0.10,eth2 fd00:7::10"
	pings "$NODE" 10.9.0.10 10.8.0.10 10.7.0.10 fd00:9::10 fd00:8::10 fd00:7::10
	pings "$P" $NODE4 $NODE6 $CLIENT4 $CLIENT6
	# what the pod asks with the address of a NIC leaves by it, too
	ip netns exec "$P" ping -n -q -c1 -W2 -I 10.7.0.10 $CLIENT4 >/dev/null
	cni check net0 "$P" eth0
	cni check net1 "$P" net1
	cni check net2 "$P" net2
	cni del net2 "$P" net2
	cni check net1 "$P" net1
	pings "$CLIENT" 10.9.0.10 10.8.0.10 fd00:8::10
	cni del net1 "$P" net1
	pings "$CLIENT" 10.9.0.10
	cni check net0 "$P" eth0
	cni del net0 "$P" eth0
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
}

@test "control: with tunePodRoutes false the reply leaves by the wrong NIC, and with podRPFilter 1 there is none" {
	pod_plain P
	eth0 "$P" 50
	nic "$P" net1 eth1 10.8.0.50 fd00:8::50
	co ADD c1 eth0 "$P" "$FIRST"
	co ADD c1 net1 "$P" "$FIRST"',"tunePodRoutes":false'
	same "" "$(rules_of "$P" | grep -v 'lookup 100')"
	capture
	pings "$CLIENT" 10.8.0.50 fd00:8::50
	captured "eth0 10.8.0.50,eth0 fd00:8::50"
	co ADD c1 net1 "$P" "$FIRST"',"tunePodRoutes":false,"podRPFilter":1'
	not_pings "$CLIENT" 10.8.0.50
	# the node is answered whatever the rules are
	pings "$NODE" 10.8.0.50 fd00:8::50
}

# overlay MAIN-PLUGIN DEV: an eth0 of it that coordinator knows nothing of, and underlay NICs; DEV: by which the node finds
# the pod (its first four letters)
overlay() {
	local more='"serviceCIDR":["10.96.0.0/16","fd00:96::/112"],"overlayPodCIDR":["10.20.0.0/24","fd00:20::/64"]'
	nets "$more"',"podRPFilter":1'
	conflist pods "$1" '"default_ipv4_ippool":["local4"],"default_ipv6_ippool":["local6"]' -
	conflist bare '"type":"macvlan","master":"eth1"' '"default_ipv4_ippool":["second4"],"default_ipv6_ippool":["second6"]' -
	ip -n "$NODE" addr add 10.8.0.2/24 dev eth1
	ip -n "$NODE" addr add fd00:8::2/64 dev eth1 nodad
	pod_plain P
	pod_plain Q
	cni add pods "$P"
	cni add pods "$Q"
	# The default route is eth0's; the main plugin adds another one for each NIC.
	cni add net1 "$P" net1
	cni add net2 "$P" net2
	cni add bare "$Q" net1
	same "$2" "$(routes_of "$NODE" | awk '/^4 500 10.8/ { print substr($5, 1, 4) }')"
	pings "$NODE" 10.20.0.10 10.8.0.10 10.7.0.10 fd00:20::10 fd00:8::10 fd00:7::10
	pings "$P" 10.20.0.1 $NODE4 10.8.0.2 fd00:20::1 $NODE6 fd00:8::2
	not_pings "$NODE" 10.8.0.11 fd00:8::11
	capture
	pings "$CLIENT" 10.8.0.10 10.7.0.10 fd00:8::10 fd00:7::10
	captured "eth1 10.8.0.10,eth1 fd00:8::10,eth2 10.7.0.10,eth2 fd00:7::10"
	# with any of its addresses the pod reaches what the node serves
	serve "$NODE"
	nat ip "ip daddr 10.96.0.1 tcp dport 443 dnat to $NODE4:8080"
	nat ip6 "ip6 daddr fd00:96::1 tcp dport 443 dnat to [$NODE6]:8080"
	same 10.20.0.10 "$(who "$P" 10.96.0.1 443)"
	same fd00:20::10 "$(who "$P" fd00:96::1 443)"
	cni check net1 "$P" net1
	cni check net2 "$P" net2
	cni del net2 "$P" net2
	cni del net1 "$P" net1
	pings "$NODE" 10.20.0.10 fd00:20::10
	same "" "$(rules_of "$P")$(rules_of "$NODE")"
	same "" "$(routes_of "$NODE" | grep ' 500 ')$(neighbours_of "$NODE")"
	same 0 "$(records)"
}

@test "overlay eth0 by ptp, net1 and net2 by macvlan" {
	need $CNI_DIR/ptp
	overlay '"type":"ptp"' veth
}

@test "overlay eth0 by bridge, net1 and net2 by macvlan" {
	need $CNI_DIR/bridge
	overlay '"type":"bridge","bridge":"cni0","isGateway":true' cni0
}

@test "podDefaultRouteNic: the chosen NIC has the default route, the first one answers by itself" {
	pod_plain P
	eth0 "$P" 50
	net1 "$P" 50
	net2 "$P" 50
	chosen="$FIRST"',"podRPFilter":1,"podDefaultRouteNic":"net1"'
	co ADD c1 eth0 "$P" "$chosen"
	co ADD c1 net1 "$P" "$chosen"
	co ADD c1 net2 "$P" "$chosen"
	same "10.8.0.1 net1 fd00:8::1 net1" "$(default_route "$P" 4) $(default_route "$P" 6)"
	capture
	pings "$CLIENT" 10.9.0.50 10.8.0.50 10.7.0.50 fd00:9::50 fd00:8::50 fd00:7::50
	captured "eth0 10.9.0.50,eth0 fd00:9::50,eth1 10.8.0.50,eth1 fd00:8::50,eth2 10.7.0.50,eth2 fd00:7::50"
	pings "$NODE" 10.9.0.50 10.8.0.50 10.7.0.50
	same "net1 10.8.0.50" "$(ip -n "$P" -j route get $CLIENT4 | jq -r '.[0] | "\(.dev) \(.prefsrc)"')"
	same "veth0" "$(ip -n "$P" -j route get 10.96.0.1 | jq -r '.[0].dev')"
	co DEL c1 net1 "$P" "$chosen"
	same "10.9.0.1 eth0" "$(default_route "$P" 4 | grep eth0)"
	co DEL c1 net2 "$P" "$chosen"
	co DEL c1 eth0 "$P" "$chosen"
	same "" "$(rules_of "$P")"
}

annotated() { # JSON OF ANNOTATIONS
	echo '"runtimeConfig":{"io.kubernetes.cri.pod-annotations":'"$1"'},'"$FIRST"
}

@test "podDefaultRouteNic from the pod's annotation comes before the network's; NICs that come later; NICs that never do" {
	pod_plain P
	eth0 "$P" 50
	net1 "$P" 50
	co ADD c1 eth0 "$P" "$FIRST"
	# net2 is not there yet, but the pod has asked for it
	listed='{"ipam.spidernet.io/default-route-nic":"net2","k8s.v1.cni.cncf.io/networks":"kube-system/b, kube-system/c"}'
	co ADD c1 net1 "$P" "$(annotated "$listed")"',"podDefaultRouteNic":"eth0"'
	same "10.9.0.1 eth0" "$(default_route "$P" 4)"
	net2 "$P" 50
	co ADD c1 net2 "$P" "$(annotated "$listed")"',"podDefaultRouteNic":"eth0"'
	same "10.7.0.1 net2 fd00:7::1 net2" "$(default_route "$P" 4) $(default_route "$P" 6)"
	pings "$CLIENT" 10.9.0.50 10.8.0.50 10.7.0.50
	co DEL c1 net2 "$P"
	ip -n "$P" link del net2
	# nobody has asked for it
	before=$(all_of "$P")
	for keys in '"podDefaultRouteNic":"net2",'"$FIRST" \
		"$(annotated '{"ipam.spidernet.io/default-route-nic":"net2"}')" \
		"$(annotated '{"ipam.spidernet.io/default-route-nic":"net2","k8s.v1.cni.cncf.io/networks":"kube-system/b"}')" \
		"$(annotated '{"ipam.spidernet.io/default-route-nic":"net2","k8s.v1.cni.cncf.io/networks":"b@net1,c@net5"}')"; do
		co_try ADD c1 net1 "$P" "$keys"
		refused 7 "podDefaultRouteNIC: net2 don't exist in pod"
	done
	co ADD c1 net1 "$P" "$FIRST"
	same "$before" "$(all_of "$P")"
	# named otherwise in the annotation
	co ADD c1 net1 "$P" "$(annotated '{"ipam.spidernet.io/default-route-nic":"data","k8s.v1.cni.cncf.io/networks":"b,c@data"}')"
}
