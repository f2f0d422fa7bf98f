#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator: CHECK finds each kind of drift and names it; what is not its affair is none.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip nft
	node_world
	pod_plain P
	all="$FIRST"',"podRPFilter":1,"podMACPrefix":"0a:1b","txQueueLen":77,"vethLinkAddress":"169.254.200.1",
		"policyRoutes":[{"dst":"198.51.100.0/24","gw":"GW"}]'
}

teardown() {
	lib_teardown
}

# drifts NIC KEYS: each line of stdin is "COMMAND | what CHECK says"; afterwards ADD puts it right.
drifts() {
	local damage says
	while IFS='|' read -r damage says; do
		damage=${damage%"${damage##*[![:blank:]]}"} says=${says# }
		co ADD c1 "$1" "$P" "$2"
		co CHECK c1 "$1" "$P" "$2"
		eval "$damage" || { echo "$damage" && return 1; }
		co_try CHECK c1 "$1" "$P" "$2"
		refused 999 "$says" || { echo "after: $damage" && return 1; }
	done
	co ADD c1 "$1" "$P" "$2"
	co CHECK c1 "$1" "$P" "$2"
}

pod_ip() { ip -n "$P" "$@"; }
node_ip() { ip -n "$NODE" "$@"; }
pod_nft() { ip netns exec "$P" nft "$@"; }

@test "the first underlay NIC: links, MACs, address, routes, rules, neighbours, settings, nf_tables" {
	eth0 "$P" 50
	net1 "$P" 50
	drifts eth0 "${all/GW/10.9.0.9}" <<-'EOT'
		pod_ip link del veth0 | pod: interface veth0 is missing
		pod_ip link set veth0 down | pod: interface veth0 is down
		node_ip link set vethc1 down | node: interface vethc1 is down
		pod_ip link set veth0 address 02:00:00:00:00:01 | pod: interface veth0 has MAC 02:00:00:00:00:01, want
		node_ip link set vethc1 address 02:00:00:00:00:02 | node: interface vethc1 has MAC 02:00:00:00:00:02, want
		pod_ip link set eth0 address 02:00:00:00:00:03 | pod: interface eth0 has MAC 02:00:00:00:00:03, want 0a:1b:0a:09:00:32
		pod_ip link set eth0 txqueuelen 78 | pod: interface eth0 has txqueuelen 78, want 77
		pod_ip addr del 169.254.200.1/32 dev veth0 | pod: address 169.254.200.1/32 on veth0 is missing
		pod_ip route del 10.96.0.0/16 | pod: route 10.96.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50 is missing
		pod_ip route replace 169.254.0.0/16 via 10.9.0.2 dev veth0 | pod: route 169.254.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50 is missing
		pod_ip route del fd00:96::/112 | pod: route fd00:96::/112 via fd00:9::2 dev veth0 is missing
		pod_ip route del default table 100 | pod: route default via 10.9.0.2 dev veth0 src 10.9.0.50 table 100 is missing
		pod_ip route del 198.51.100.0/24 | pod: route 198.51.100.0/24 via 10.9.0.9 dev eth0 is missing
		pod_ip rule del pref 1000 | pod: rule from all fwmark 0x1/0x1 lookup 100 pref 1000 is missing
		pod_ip -6 rule del pref 1000; pod_ip -6 rule add fwmark 1 lookup 100 pref 1001 | pod: rule from all fwmark 0x1/0x1 lookup 100 pref 1000 is missing
		pod_ip neigh del 10.9.0.2 dev veth0 | pod: permanent neighbour 10.9.0.2 dev veth0 is missing
		pod_ip neigh replace fd00:9::2 lladdr 02:00:00:00:00:04 dev veth0 nud permanent | pod: neighbour fd00:9::2 dev veth0 has MAC 02:00:00:00:00:04, want
		node_ip neigh replace 10.9.0.50 lladdr 02:00:00:00:00:05 dev vethc1 nud permanent | node: neighbour 10.9.0.50 dev vethc1 has MAC 02:00:00:00:00:05, want
		node_ip neigh change 10.9.0.50 lladdr 02:00:00:00:00:05 dev vethc1 nud stale | node: permanent neighbour 10.9.0.50 dev vethc1 is missing
		node_ip route del 10.9.0.50 table 500 | node: route 10.9.0.50 dev vethc1 table 500 is missing
		node_ip -6 route del fd00:9::50 table 500 | node: route fd00:9::50 dev vethc1 table 500 is missing
		node_ip rule del pref 1000 | node: rule from all lookup 500 pref 1000 is missing
		sysctls "$P" ipv4/conf/all/rp_filter=2 | pod: setting net/ipv4/conf/all/rp_filter is 2, want 1
		sysctls "$P" ipv4/conf/veth0/src_valid_mark=0 | pod: setting net/ipv4/conf/veth0/src_valid_mark is 0, want 1
		sysctls "$NODE" ipv6/conf/vethc1/accept_ra=1 | node: setting net/ipv6/conf/vethc1/accept_ra is 1, want 0
		pod_nft delete table ip spiderpool | pod: table ip spiderpool is not there
		pod_nft delete table ip6 spiderpool | pod: table ip6 spiderpool is not there
		pod_nft flush chain ip spiderpool output | chain output: rule 1
		pod_nft insert rule ip spiderpool prerouting accept | chain prerouting
		pod_nft flush chain ip6 spiderpool prerouting | table ip6 spiderpool is not as it was made
		pod_nft 'flush table ip spiderpool; delete chain ip spiderpool output' | chain output is not there
		node_ip link set vethc1 name other | node: interface vethc1 is missing
		pod_ip link set eth0 down | pod: interface eth0 is down
	EOT
}

@test "a further underlay NIC: what was moved, and what came back" {
	eth0 "$P" 50
	net1 "$P" 50
	co ADD c1 eth0 "$P" "$FIRST"',"podRPFilter":1'
	drifts net1 "${all/GW/10.8.0.9}" <<-'EOT'
		pod_ip route append default via 10.8.0.1 dev net1 | pod: route default via 10.8.0.1 dev net1 is back, it belongs into a table of its own
		pod_ip rule del pref 999 | pod: rule from 10.8.0.50 lookup 101 pref 999 is missing
		pod_ip -6 rule del pref 999 | pod: rule from fd00:8::50 lookup 101 pref 999 is missing
		pod_ip route del default table 101 | pod: route default via 10.8.0.1 dev net1 table 101 is missing
		pod_ip route flush table 101 | pod: route 10.9.0.2 dev veth0 src 10.9.0.50 table 101 is missing; pod: route
		pod_ip route del 198.51.100.0/24 table 101 | pod: route 198.51.100.0/24 via 10.8.0.9 dev net1 table 101 is missing
		node_ip neigh del fd00:8::50 dev vethc1 | node: permanent neighbour fd00:8::50 dev vethc1 is missing
	EOT
	# links that are gone are told of once, whatever hangs on them
	ip -n "$P" link del net1
	co_try CHECK c1 net1 "$P"
	refused 999 "pod: interface net1 is missing"
	same 1 "$(grep -o 'net1 is missing' <<<"$output" | wc -l)"
	# the first one is still as it was
	co CHECK c1 eth0 "$P"
}

@test "an overlay NIC" {
	cali "$P" 50
	net1 "$P" 50
	drifts net1 "${all/GW/10.8.0.9}" <<-'EOT'
		pod_ip rule del pref 32765 | pod: rule from 10.8.0.50 lookup 101 pref 32765 is missing
		pod_ip rule del pref 32764 | pod: rule from 10.20.0.50 lookup 100 pref 32764 is missing
		pod_ip -6 route del default table 100 | pod: route default via fe80::1 dev eth0 table 100 is missing
		pod_ip neigh del 10.9.0.2 dev eth0 | pod: permanent neighbour 10.9.0.2 dev eth0 is missing
		node_ip route del 10.8.0.50 table 500 | node: route 10.8.0.50 dev cali1 table 500 is missing
	EOT
	ip -n "$NODE" link set cali1 down
	ip -n "$NODE" link set cali1 name cali2
	co_try CHECK c1 net1 "$P"
	refused 999 "node: interface cali1 is missing"
}

@test "so much drift that it does not fit into one sentence" {
	eth0 "$P" 50
	many=$(seq -f '"10.97.%g.0/24"' -s, 1 200)
	co ADD c1 eth0 "$P" '"serviceCIDR":['"$many"']'
	same 200 "$(ip -n "$P" -j route show via 10.9.0.2 | jq length)"
	co CHECK c1 eth0 "$P"
	for i in $(seq 1 200); do echo "route del 10.97.$i.0/24"; done | ip -n "$P" -batch -
	co_try CHECK c1 eth0 "$P"
	refused 999 "pod: route 10.97.1.0/24 via 10.9.0.2 dev veth0 src 10.9.0.50 is missing"
	documents 1
}

@test "what others do is no drift" {
	eth0 "$P" 50
	co ADD c1 eth0 "$P"
	net1 "$P" 50
	sysctls "$P" ipv4/conf/net1/rp_filter=2
	ip -n "$P" -batch - <<-EOT
		route add 203.0.113.0/24 via 10.9.0.9
		rule add from 10.1.1.1 lookup 77
		addr add 10.9.0.77/24 dev eth0
		neigh add 10.9.0.9 dev eth0 lladdr 02:00:00:00:00:01
	EOT
	ip netns exec "$P" nft 'add table ip mesh; add chain ip mesh c { type filter hook output priority 0; }'
	ip -n "$NODE" route add 10.9.0.99 dev vethc1 table 500
	co CHECK c1 eth0 "$P"
}

@test "nothing on record; the namespace is gone; mode disabled; version" {
	eth0 "$P" 50
	co_try CHECK c1 eth0 "$P"
	refused 999 "nothing is recorded in $DIR/run/coordinator for interface eth0 of container c1"
	co ADD c1 eth0 "$P"
	co_try CHECK c1 eth0 gone
	refused 8 "/run/netns/gone"
	co CHECK c2 eth0 "$P" '"mode":"disabled"'
	call co_call CHECK c1 eth0 "$P" "$(co_conf eth0 "$P" | sed 's/"cniVersion":"1.1.0"/"cniVersion":"0.3.1"/')"
	refused 1 ""
	echo "{" >"$(echo "$DIR"/run/coordinator/c1/*)"
	co_try CHECK c1 eth0 "$P"
	refused 6 "cannot be read"
}
