#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator in a chain: a pod and its node reach each other, clusterIPs, NodePorts; none of it without the plugin.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip ping nft timeout $PYTHON $CNI_DIR/macvlan
	node_world
	pools
	macvlan='"type":"macvlan","master":"eth0"'
	conflist net "$macvlan" "" "$FIRST"
	conflist without "$macvlan" "" -
}

teardown() {
	lib_teardown
}

@test "macvlan, dual stack: node and pod reach each other, IPv4 and IPv6; without coordinator they do not" {
	pod_plain P
	pod_plain Q
	cni add net "$P"
	cni add without "$Q"
	pings "$NODE" 10.9.0.10 fd00:9::10
	pings "$P" $NODE4 $NODE6 $FAR4 $FAR6 $CLIENT4
	pings "$CLIENT" 10.9.0.10 fd00:9::10
	# pods of one node reach each other as before
	pings "$P" 10.9.0.11 fd00:9::11
	not_pings "$NODE" 10.9.0.11 fd00:9::11
	not_pings "$Q" $NODE4 $NODE6
	pings "$Q" $FAR4
	cni check net "$P"
	cni del net "$P"
	not_pings "$NODE" 10.9.0.10 fd00:9::10
	cni del net "$P"
}

@test "IPv4 alone, IPv6 alone: nothing of the other family is made" {
	local four='"default_ipv4_ippool":["v4"]' six='"default_ipv6_ippool":["v6"]'
	conflist four "$macvlan" "$four" "$FIRST"
	conflist six "$macvlan" "$six" "$FIRST"',"vethLinkAddress":"169.254.200.1"'
	pod_plain P
	pod_plain Q
	pod_plain R
	cni add four "$P"
	cni add six "$Q"
	cni add without "$R"
	pings "$NODE" 10.9.0.10 fd00:9::10
	pings "$P" $NODE4 $FAR4
	pings "$Q" $NODE6 $FAR6
	not_pings "$NODE" 10.9.0.11 fd00:9::11
	same "" "$(all_of "$P" | grep -E '^6 |fd00:')"
	same "" "$(all_of "$Q" | grep -E '^4 |10\.|169\.254')"
	# the node's side: each family has its rule with its pod, and loses it with the last one
	same "4 1000 from all lookup 500,6 1000 from all lookup 500" "$(rules_of "$NODE" | paste -sd,)"
	cni del four "$P"
	same "6 1000 from all lookup 500" "$(rules_of "$NODE")"
	cni del six "$Q"
	same "" "$(rules_of "$NODE")"
	same 0 "$(records)"
}

@test "clusterIP from a pod: served by the node itself and by another pod of this node" {
	pod_plain P
	pod_plain Q
	pod_plain R
	cni add net "$P"
	cni add net "$Q"
	cni add without "$R"
	serve "$NODE"
	serve "$Q"
	nat ip "ip daddr 10.96.0.1 tcp dport 443 dnat to $NODE4:8080" "ip daddr 10.96.0.10 tcp dport 80 dnat to 10.9.0.11:8080"
	nat ip6 "ip6 daddr fd00:96::1 tcp dport 443 dnat to [$NODE6]:8080" \
		"ip6 daddr fd00:96::10 tcp dport 80 dnat to [fd00:9::11]:8080"
	same 10.9.0.10 "$(who "$P" 10.96.0.1 443)"
	same 10.9.0.10 "$(who "$P" 10.96.0.10 80)"
	same fd00:9::10 "$(who "$P" fd00:96::1 443)"
	same fd00:9::10 "$(who "$P" fd00:96::10 80)"
	same $NODE4 "$(who "$NODE" 10.96.0.10 80)"
	# controls: without coordinator; without the marks the other pod answers past the node
	same "" "$(who "$R" 10.96.0.1 443 0.3)"
	ip netns exec "$Q" nft delete table ip spiderpool
	same "" "$(who "$P" 10.96.0.10 80 0.3)"
}

@test "NodePort with externalTrafficPolicy Local: the reply to a client far away goes back through the node" {
	pod_plain P
	cni add net "$P"
	serve "$P"
	nat ip "ip daddr $NODE4 tcp dport 30080 dnat to 10.9.0.10:8080"
	nat ip6 "ip6 daddr $NODE6 tcp dport 30080 dnat to [fd00:9::10]:8080"
	# the pod sees the client's own address: nothing was masqueraded
	same $CLIENT4 "$(who "$CLIENT" $NODE4 30080)"
	same $CLIENT6 "$(who "$CLIENT" $NODE6 30080)"
	# who asks the pod itself is answered directly
	same $CLIENT4 "$(who "$CLIENT" 10.9.0.10 8080)"
	ip netns exec "$P" nft delete table ip spiderpool
	same "" "$(who "$CLIENT" $NODE4 30080 0.3)"
	ip netns exec "$P" nft delete table ip6 spiderpool
	same "" "$(who "$CLIENT" $NODE6 30080 0.3)"
	same $CLIENT4 "$(who "$CLIENT" 10.9.0.10 8080)"
}

@test "the same with podRPFilter 1" {
	conflist strict "$macvlan" "" "$FIRST"',"podRPFilter":1'
	pod_plain P
	sysctls "$P" ipv4/conf/default/rp_filter=0
	cni add strict "$P"
	serve "$P"
	nat ip "ip daddr $NODE4 tcp dport 30080 dnat to 10.9.0.10:8080"
	same 1 "$(setting "$P" ipv4/conf/veth0/rp_filter)"
	same $CLIENT4 "$(who "$CLIENT" $NODE4 30080)"
	pings "$NODE" 10.9.0.10
	pings "$P" $NODE4
	sysctls "$P" ipv4/conf/veth0/src_valid_mark=0
	same "" "$(who "$CLIENT" $NODE4 30080 0.3)"
}

@test "marks of others stay: only the lowest bit is ours" {
	pod_plain P
	cni add net "$P"
	serve "$P"
	nat ip "ip daddr $NODE4 tcp dport 30080 dnat to 10.9.0.10:8080"
	# somebody else marks packets and connections before us, and counts what still has that mark on its way out
	ip netns exec "$P" nft -f - <<-EOT
		table ip mesh {
			chain in { type filter hook prerouting priority -160; meta mark set 0x40; ct state new ct mark set 0x80; }
			chain look { type filter hook prerouting priority -140; meta mark & 0x41 == 0x41 counter; }
			chain out { type filter hook output priority -140; ct mark & 0x81 == 0x81 counter; }
		}
	EOT
	same $CLIENT4 "$(who "$CLIENT" $NODE4 30080)"
	same "0" "$(ip netns exec "$P" nft -j list table ip mesh | jq '[.. | .counter? | objects | select(.packets == 0)] | length')"
}
