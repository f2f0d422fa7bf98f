#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator: what pod and node have afterwards in every scenario, all of it, as data.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip nft
	node_world
	pod_plain P
	before=$(all_of "$NODE")
}

teardown() {
	lib_teardown
}

# is NETNS: what it has is what stands on stdin; MACs by the names of their interfaces.
is() {
	local want
	want=$(LC_ALL=C sort)
	same "$want" "$(all_of "$1" | sed -E "s/$(mac "$P" "$POD_END")/POD/; s/$(mac "$NODE" "$NODE_END")/NODE/")"
}

underlay_eth0() { # what eth0 alone makes in the pod; rules, main, neighbours
	cat <<-EOT
		4 1000 from all mark 0x1/0x1 lookup 100
		6 1000 from all mark 0x1/0x1 lookup 100
		4 main 10.9.0.2 dev veth0 src 10.9.0.50 scope link
		4 main 10.96.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 main 169.254.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 main default via 10.9.0.1 dev eth0
		6 main fd00:9::2 dev veth0
		6 main fd00:96::/112 via fd00:9::2 dev veth0
		6 main default via fd00:9::1 dev eth0
		4 100 default via 10.9.0.2 dev veth0 src 10.9.0.50
		6 100 default via fd00:9::2 dev veth0
		4 101 10.9.0.2 dev veth0 src 10.9.0.50 scope link
		6 101 fd00:9::2 dev veth0
		10.9.0.2 veth0 NODE
		fd00:9::2 veth0 NODE
	EOT
}

# underlay_more NIC SUBNET-DIGIT TABLE PRIORITY: what a further NIC makes; the node's addresses are in 101 already
underlay_more() {
	cat <<-EOT
		4 $4 from 10.$2.0.50 lookup $3
		6 $4 from fd00:$2::50 lookup $3
		4 $3 10.$2.0.0/24 dev $1 src 10.$2.0.50 scope link
		4 $3 10.96.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 $3 169.254.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 $3 default via 10.$2.0.1 dev $1
		6 $3 fd00:$2::/64 dev $1
		6 $3 fd00:96::/112 via fd00:9::2 dev veth0
		6 $3 default via fd00:$2::1 dev $1
	EOT
}

node_has() { # DEV DIGIT...: routes and neighbours
	local dev=$1 n
	shift
	for n in "$@"; do
		printf '4 500 10.%s.0.50 dev %s scope link\n6 500 fd00:%s::50 dev %s\n' "$n" "$dev" "$n" "$dev"
		printf '10.%s.0.50 %s POD\nfd00:%s::50 %s POD\n' "$n" "$dev" "$n" "$dev"
	done
	printf '4 1000 from all lookup 500\n6 1000 from all lookup 500\n'
}

@test "underlay: eth0, then net1, then net2; taken down in any order, what is left is as before" {
	POD_END=veth0 NODE_END=vethc1
	eth0 "$P" 50
	bare=$(all_of "$P")
	co ADD c1 eth0 "$P"
	{ underlay_eth0 && echo "links: eth0 veth0"; } | is "$P"
	{ node_has vethc1 9 && sed 's/eth2/eth2 vethc1/' <<<"$before"; } | is "$NODE"
	one=$(all_of "$P") one_node=$(all_of "$NODE")
	same "ip ip6" "$(ip netns exec "$P" nft list tables | awk '/spiderpool/ { print $2 }' | paste -sd' ')"
	same "0 0 0" "$(setting "$P" ipv4/conf/all/rp_filter) $(setting "$P" ipv4/conf/veth0/rp_filter) $(setting "$P" ipv6/conf/all/disable_ipv6)"
	same 0 "$(setting "$NODE" ipv6/conf/vethc1/accept_ra)"

	net1 "$P" 50
	two_bare=$(all_of "$P")
	co ADD c1 net1 "$P"
	{ underlay_eth0 && underlay_more net1 8 101 999 && echo "links: eth0 net1 veth0"; } | is "$P"
	{ node_has vethc1 9 8 && sed 's/eth2/eth2 vethc1/' <<<"$before"; } | is "$NODE"
	two=$(all_of "$P") two_node=$(all_of "$NODE")

	net2 "$P" 50
	co ADD c1 net2 "$P"
	{
		underlay_eth0
		underlay_more net1 8 101 999
		underlay_more net2 7 102 998
		echo "4 102 10.9.0.2 dev veth0 src 10.9.0.50 scope link"
		echo "6 102 fd00:9::2 dev veth0"
		echo "links: eth0 net1 net2 veth0"
	} | is "$P"
	{ node_has vethc1 9 8 7 && sed 's/eth2/eth2 vethc1/' <<<"$before"; } | is "$NODE"
	for nic in eth0 net1 net2; do co CHECK c1 $nic "$P"; done

	co DEL c1 net2 "$P"
	ip -n "$P" link del net2
	same "$two" "$(all_of "$P")"
	same "$two_node" "$(all_of "$NODE")"
	co DEL c1 net1 "$P"
	same "$two_bare" "$(all_of "$P")"
	ip -n "$P" link del net1
	same "$one" "$(all_of "$P")"
	same "$one_node" "$(all_of "$NODE")"
	co DEL c1 eth0 "$P"
	same "$bare" "$(all_of "$P")"
	same "$before" "$(all_of "$NODE")"
	same "" "$(ip netns exec "$P" nft list ruleset)"
	[ ! -e "$DIR/run/coordinator/c1" ]
}

@test "underlay: the first NIC goes first; tables and priorities of the others stay, and none is given twice" {
	eth0 "$P" 50
	net1 "$P" 50
	co ADD c1 eth0 "$P"
	co ADD c1 net1 "$P"
	net2 "$P" 50
	co ADD c1 net2 "$P"
	co DEL c1 net1 "$P"
	co CHECK c1 net2 "$P"
	co ADD c1 net1 "$P"
	same "101 102" "$(rules_of "$P" | awk '/^4 .* from 10/ { print $NF }' | sort | paste -sd' ')"
	same "101" "$(rules_of "$P" | awk '/^4 .* from 10.8/ { print $NF }')"
	co DEL c1 eth0 "$P"
	co DEL c1 net1 "$P"
	co DEL c1 net2 "$P"
	same "" "$(rules_of "$P")"
	same "" "$(routes_of "$P" | grep -v main)"
	same "$before" "$(all_of "$NODE")"
	same 0 "$(records)"
}

overlay_eth0() {
	cat <<-EOT
		4 32765 from 10.8.0.50 lookup 101
		4 32764 from 10.20.0.50 lookup 100
		6 32765 from fd00:8::50 lookup 101
		6 32764 from fd00:20::50 lookup 100
		4 main 10.9.0.2 dev eth0 src 10.20.0.50 scope link
		4 main 10.96.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
		4 main 169.254.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
		4 main 169.254.1.1 dev eth0 scope link
		4 main default via 169.254.1.1 dev eth0
		6 main fd00:9::2 dev eth0
		6 main fd00:96::/112 via fd00:9::2 dev eth0
		6 main default via fe80::1 dev eth0
		4 100 default via 169.254.1.1 dev eth0
		6 100 default via fe80::1 dev eth0
		4 101 10.9.0.2 dev eth0 src 10.20.0.50 scope link
		4 101 10.8.0.0/24 dev net1 src 10.8.0.50 scope link
		4 101 default via 10.8.0.1 dev net1
		6 101 fd00:9::2 dev eth0
		6 101 fd00:8::/64 dev net1
		6 101 default via fd00:8::1 dev net1
		10.9.0.2 eth0 NODE
		fd00:9::2 eth0 NODE
	EOT
}

@test "overlay: net1, then net2 beside an eth0 of Calico" {
	POD_END=eth0 NODE_END=cali1
	cali "$P" 50
	bare=$(all_of "$P")
	before=$(all_of "$NODE")
	net1 "$P" 50
	co ADD c1 net1 "$P"
	{ overlay_eth0 && echo "links: eth0 net1"; } | is "$P"
	{ node_has cali1 8 && echo "$before"; } | is "$NODE"
	one=$(all_of "$P") one_node=$(all_of "$NODE")
	net2 "$P" 50
	co ADD c1 net2 "$P"
	{
		overlay_eth0
		cat <<-EOT
			4 32763 from 10.7.0.50 lookup 102
			6 32763 from fd00:7::50 lookup 102
			4 102 10.9.0.2 dev eth0 src 10.20.0.50 scope link
			4 102 10.96.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
			4 102 169.254.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
			4 102 10.7.0.0/24 dev net2 src 10.7.0.50 scope link
			4 102 default via 10.7.0.1 dev net2
			6 102 fd00:9::2 dev eth0
			6 102 fd00:96::/112 via fd00:9::2 dev eth0
			6 102 fd00:7::/64 dev net2
			6 102 default via fd00:7::1 dev net2
			links: eth0 net1 net2
		EOT
	} | is "$P"
	{ node_has cali1 8 7 && echo "$before"; } | is "$NODE"
	same "" "$(ip netns exec "$P" nft list ruleset)"
	# the first of them again, with the second one there: the same
	all=$(all_of "$P")
	co ADD c1 net1 "$P"
	same "$all" "$(all_of "$P")"
	co CHECK c1 net1 "$P"
	co CHECK c1 net2 "$P"
	co DEL c1 net2 "$P"
	ip -n "$P" link del net2
	same "$one" "$(all_of "$P")"
	same "$one_node" "$(all_of "$NODE")"
	co DEL c1 net1 "$P"
	ip -n "$P" link del net1
	same "$bare" "$(all_of "$P")"
	same "$before" "$(all_of "$NODE")"
}

@test "overlay, podDefaultRouteNic net1: eth0's routes are set aside" {
	POD_END=eth0 NODE_END=cali1
	cali "$P" 50
	net1 "$P" 50
	bare=$(all_of "$P")
	co ADD c1 net1 "$P" "$FIRST"',"podDefaultRouteNic":"net1"'
	is "$P" <<-EOT
		4 32765 from 10.20.0.50 lookup 101
		6 32765 from fd00:20::50 lookup 101
		4 main 10.9.0.2 dev eth0 src 10.20.0.50 scope link
		4 main 10.96.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
		4 main 169.254.0.0/16 via 10.9.0.2 dev eth0 src 10.20.0.50
		4 main 169.254.1.1 dev eth0 scope link
		4 main default via 10.8.0.1 dev net1
		6 main fd00:9::2 dev eth0
		6 main fd00:96::/112 via fd00:9::2 dev eth0
		6 main default via fd00:8::1 dev net1
		4 101 10.9.0.2 dev eth0 src 10.20.0.50 scope link
		4 101 169.254.1.1 dev eth0 scope link
		4 101 default via 169.254.1.1 dev eth0
		6 101 fd00:9::2 dev eth0
		6 101 fd00:20::50 dev eth0
		6 101 default via fe80::1 dev eth0
		10.9.0.2 eth0 NODE
		fd00:9::2 eth0 NODE
		links: eth0 net1
	EOT
	co CHECK c1 net1 "$P"
	co DEL c1 net1 "$P"
	same "$bare" "$(all_of "$P")"
}

@test "policyRoutes: in main for the first underlay NIC, in its own table for any other; other families are left out" {
	eth0 "$P" 50
	nic "$P" net1 eth1 10.8.0.50 - 10.8.0.1 -
	routes='"policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.9.0.9"},{"dst":"203.0.113.7","gw":"10.9.0.9"},{"dst":"2001:db8:1::/48","gw":"fd00:9::9"}]'
	co ADD c1 eth0 "$P" "$FIRST,$routes"
	same "4 main 198.51.100.0/24 via 10.9.0.9 dev eth0,4 main 203.0.113.7 via 10.9.0.9 dev eth0,6 main 2001:db8:1::/48 via fd00:9::9 dev eth0" \
		"$(routes_of "$P" | grep ':9 \|\.9 \|::9' | paste -sd,)"
	co ADD c1 net1 "$P" "$FIRST"',"policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.8.0.9"},{"dst":"2001:db8:1::/48","gw":"fd00:8::9"}]'
	same "4 101 198.51.100.0/24 via 10.8.0.9 dev net1" "$(routes_of "$P" | grep ' 101 .*9 dev net1')"
	co CHECK c1 net1 "$P"
}

@test "eth0 added once more leaves net1 and its routes as they were" {
	eth0 "$P" 50
	co ADD c1 eth0 "$P" "$FIRST"',"vethLinkAddress":"169.254.200.1"'
	net1 "$P" 50
	co ADD c1 net1 "$P"
	pod=$(all_of "$P")
	node=$(all_of "$NODE")
	co ADD c1 eth0 "$P" "$FIRST"',"vethLinkAddress":"169.254.200.1"'
	same "$pod" "$(all_of "$P")"
	same "$node" "$(all_of "$NODE")"
	co CHECK c1 net1 "$P"
	co CHECK c1 eth0 "$P" "$FIRST"',"vethLinkAddress":"169.254.200.1"'
	pings "$NODE" 10.9.0.50 10.8.0.50
}

@test "the pod has by the pair what the node speaks to it from, be it an address of lo or of a bridge" {
	ip -n "$NODE" addr add 10.20.0.1/32 dev lo
	eth0 "$P" 50
	co ADD c1 eth0 "$P"
	net1 "$P" 50
	co ADD c1 net1 "$P"
	pings "$NODE" 10.9.0.50 10.8.0.50
	[[ $(routes_of "$P") == *"4 101 10.20.0.1 dev veth0"* ]]
	ip -n "$P" route del 10.20.0.1 table 101
	not_pings "$NODE" 10.8.0.50
}

@test "the node's addresses: the one it speaks from first, no container networks" {
	ip -n "$NODE" -batch - <<-EOT
		addr add 10.8.0.2/24 dev eth1
		addr add 10.254.0.1/32 dev lo
		link add docker0 type bridge
		link add kube-ipvs0 type bridge
		link add cni0 type bridge
		link add br-lan type bridge
		addr add 172.17.0.1/16 dev docker0
		addr add 10.96.0.10/32 dev kube-ipvs0
		addr add 10.20.0.1/24 dev cni0
		addr add 169.254.7.7/16 dev br-lan
		addr add 10.6.0.2/24 dev br-lan
	EOT
	nic "$P" eth0 eth1 10.8.0.50 fd00:8::50 10.8.0.1 -
	co ADD c1 eth0 "$P"
	# that of lo, too: over a link without addresses the kernel speaks from the first one that it has
	same "10.254.0.1 10.6.0.2 10.8.0.2 10.9.0.2" "$(routes_of "$P" | awk '/^4 main .* scope link/ { print $3 }' | paste -sd' ')"
	same "10.8.0.2" "$(routes_of "$P" | awk '/^4 main 10.96/ { print $5 }')"
	# the node has no address in fd00:8::/64: the one of its default route
	same "fd00:9::2" "$(routes_of "$P" | awk '/^6 main fd00:96/ { print $5 }')"
}

@test "one default route over two NICs: IPv6 is taken apart, IPv4 cannot be" {
	eth0 "$P" 50
	net1 "$P" 50
	co ADD c1 eth0 "$P"
	ip -n "$P" -4 route flush exact default
	ip -n "$P" route add default nexthop via 10.9.0.1 dev eth0 nexthop via 10.8.0.1 dev net1
	all=$(all_of "$P")
	co_try ADD c1 net1 "$P"
	refused 999 "the default route of net1 is one route over several interfaces"
	same "$all" "$(all_of "$P")"
	same 1 "$(records)"
	ip -n "$P" -4 route flush exact default
	ip -n "$P" route append default via 10.9.0.1 dev eth0
	ip -n "$P" route append default via 10.8.0.1 dev net1
	co ADD c1 net1 "$P"
	same "10.9.0.1 eth0 fd00:9::1 eth0" "$(default_route "$P" 4) $(default_route "$P" 6)"
}
