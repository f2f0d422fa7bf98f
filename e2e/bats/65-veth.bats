#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# veth in a chain and by itself: packets between node and pod, what pod and node have afterwards, every option.

load lib
load world
load podnet
load veth

setup() {
	lib_setup
	need_root
	need jq ip ping
	node_world
}

teardown() {
	lib_teardown
}

# veth_list NAME [KEYS OF ipam] [KEYS OF veth, "-": without it]: a conflist of macvlan, spiderpool and veth.
veth_list() {
	local ve=',{"type":"veth",'$(keys "${3:-$HIJACK}")'}'
	[ "${3:-}" != - ] || ve=
	echo '{"cniVersion":"1.0.0","name":"'"$1"'","plugins":[
		{"type":"macvlan","master":"eth0","ipam":{"type":"spiderpool","datastore":"local","state_dir":"'"$STATE"'",
		"log_file_path":"'"$STATE"'/x.log"'"${2:+,$2}"'}}'"$ve"']}' >"$DIR/$1.conflist"
}

@test "macvlan, dual stack: node and pod reach each other, IPv4 and IPv6; without veth they do not" {
	need $CNI_DIR/macvlan
	pools
	veth_list net
	veth_list without "" -
	pod_plain P
	pod_plain Q
	cni add net "$P"
	jq_is '.interfaces | map(.name) | join(" ")' "eth0 $(links_of "$NODE" | grep -o 'veth[^ ]*') veth0"
	cni add without "$Q"
	pings "$NODE" 10.9.0.10 fd00:9::10
	pings "$P" $NODE4 $NODE6 $FAR4 $FAR6 $CLIENT4
	pings "$CLIENT" 10.9.0.10 fd00:9::10
	pings "$P" 10.9.0.11 fd00:9::11
	not_pings "$NODE" 10.9.0.11 fd00:9::11
	not_pings "$Q" $NODE4 $NODE6
	pings "$Q" $FAR4
	cni check net "$P"
	cni del net "$P"
	not_pings "$NODE" 10.9.0.10 fd00:9::10
	cni del net "$P"
	same 0 "$(records)"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
}

@test "IPv4 alone, IPv6 alone: nothing of the other family is made" {
	need $CNI_DIR/macvlan
	pools
	veth_list four '"default_ipv4_ippool":["v4"]'
	veth_list six '"default_ipv6_ippool":["v6"]'
	pod_plain P
	pod_plain Q
	cni add four "$P"
	cni add six "$Q"
	pings "$NODE" 10.9.0.10 fd00:9::10
	pings "$P" $NODE4 $FAR4
	pings "$Q" $NODE6 $FAR6
	same "" "$(all_of "$P" | grep -E '^6 |fd00:')"
	same "" "$(all_of "$Q" | grep -E '^4 |10\.')"
	cni check four "$P"
	cni check six "$Q"
}

@test "the families are those of prevResult, whatever else the NIC has" {
	pod_plain P
	eth0 "$P" 50
	bare=$(all_of "$P" | grep -E '^6 |fd00:')
	VE6=- ve ADD c1 eth0 "$P"
	same "$bare" "$(all_of "$P" | grep -E '^6 |fd00:')"
	same "" "$(all_of "$NODE" | grep 'fd00:9::50')"
	pings "$NODE" 10.9.0.50
	VE4=- VE6=- ve_try ADD c1 eth0 "$P"
	refused 7 "prevResult has no IP address"
	nic "$P" net1 eth1 10.8.0.50 -
	VE4=- ve_try ADD c1 net1 "$P"
	refused 999 'no usable IP addresses on "net1"'
}

@test "clusterIP: a pod reaches a service of the node; a pod without veth does not" {
	need nft timeout $PYTHON
	pod_plain P
	pod_plain Q
	eth0 "$P" 50
	eth0 "$Q" 51
	ve ADD c1 eth0 "$P"
	serve "$NODE"
	nat ip "ip daddr 10.96.0.1 tcp dport 443 dnat to $NODE4:8080"
	nat ip6 "ip6 daddr fd00:96::1 tcp dport 443 dnat to [$NODE6]:8080"
	same 10.9.0.50 "$(who "$P" 10.96.0.1 443)"
	same fd00:9::50 "$(who "$P" fd00:96::1 443)"
	same "" "$(who "$Q" 10.96.0.1 443 0.3)"
}

# ---- what there is, as data ----

first_nic() { # what eth0 makes in the pod; rules, main, neighbours
	cat <<-EOT
		4 main 10.9.0.2 dev veth0 src 10.9.0.50 scope link
		4 main 10.96.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 main 10.244.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 main 10.245.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50
		4 main default via 10.9.0.1 dev eth0
		6 main fd00:9::2 dev veth0
		6 main fd00:96::/112 via fd00:9::2 dev veth0
		6 main default via fd00:9::1 dev eth0
		10.9.0.2 veth0 NODE
		fd00:9::2 veth0 NODE
	EOT
}

further_nic() { # NIC SUBNET-DIGIT TABLE PRIORITY
	cat <<-EOT
		4 $4 from 10.$2.0.50 lookup $3
		6 $4 from fd00:$2::50 lookup $3
		4 $3 10.$2.0.0/24 dev $1 src 10.$2.0.50 scope link
		4 $3 10.9.0.2 dev veth0 src 10.$2.0.50 scope link
		4 $3 10.96.0.0/16 via 10.9.0.2 dev veth0 src 10.$2.0.50
		4 $3 10.244.0.0/16 via 10.9.0.2 dev veth0 src 10.$2.0.50
		4 $3 10.245.0.0/16 via 10.9.0.2 dev veth0 src 10.$2.0.50
		4 $3 default via 10.$2.0.1 dev $1
		6 $3 fd00:$2::/64 dev $1
		6 $3 fd00:9::2 dev veth0
		6 $3 fd00:96::/112 via fd00:9::2 dev veth0
		6 $3 default via fd00:$2::1 dev $1
	EOT
}

node_has() { # DIGIT...: routes and neighbours
	local n
	for n in "$@"; do
		printf '4 main 10.%s.0.50 dev vethc1 scope link\n6 main fd00:%s::50 dev vethc1\n' "$n" "$n"
		printf '10.%s.0.50 vethc1 POD\nfd00:%s::50 vethc1 POD\n' "$n" "$n"
	done
	sed 's/eth2/eth2 vethc1/' <<<"$before"
}

is() { # NETNS: what it has stands on stdin
	local want
	want=$(LC_ALL=C sort)
	same "$want" "$(all_of "$1" | sed -E "s/$(mac "$P" veth0)/POD/; s/$(mac "$NODE" vethc1)/NODE/")"
}

@test "eth0, then net1, then net2: all of it; taken down in another order, what is left is as before" {
	pod_plain P
	before=$(all_of "$NODE")
	eth0 "$P" 50
	bare=$(all_of "$P")
	ve ADD c1 eth0 "$P"
	{ first_nic && echo "links: eth0 veth0"; } | is "$P"
	node_has 9 | is "$NODE"
	net1 "$P" 50
	ve ADD c1 net1 "$P"
	{ first_nic && further_nic net1 8 100 32765 && echo "links: eth0 net1 veth0"; } | is "$P"
	node_has 9 8 | is "$NODE"
	net2 "$P" 50
	ve ADD c1 net2 "$P"
	{ first_nic && further_nic net1 8 100 32765 && further_nic net2 7 101 32764 && echo "links: eth0 net1 net2 veth0"; } |
		is "$P"
	node_has 9 8 7 | is "$NODE"
	for n in eth0 net1 net2; do ve CHECK c1 $n "$P"; done
	same 3 "$(records)"
	ve DEL c1 net1 "$P"
	{ first_nic && further_nic net2 7 101 32764 && echo "links: eth0 net1 net2 veth0" &&
		printf '4 main default via 10.8.0.1 dev net1\n6 main default via fd00:8::1 dev net1\n'; } | is "$P"
	node_has 9 7 | is "$NODE"
	ve CHECK c1 net2 "$P"
	ve DEL c1 eth0 "$P"
	ve DEL c1 net2 "$P"
	same "$before" "$(all_of "$NODE")"
	ip -n "$P" link del net1
	ip -n "$P" link del net2
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
}

@test "ADD twice leaves one of each; stale routes and neighbours of the pod's address are replaced" {
	pod_plain P
	before=$(all_of "$NODE")
	eth0 "$P" 50
	ip -n "$NODE" link add vold type veth peer name vold0
	ip -n "$NODE" link set vold up
	ip -n "$NODE" route add 10.9.0.50 dev vold
	ip -n "$NODE" neigh add 10.9.0.50 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
	not_pings "$NODE" 10.9.0.50
	ve ADD c1 eth0 "$P"
	ve ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50
	ip -n "$NODE" link del vold
	{ first_nic && echo "links: eth0 veth0"; } | is "$P"
	node_has 9 | is "$NODE"
	net1 "$P" 50
	ve ADD c1 net1 "$P"
	ve ADD c1 net1 "$P"
	{ first_nic && further_nic net1 8 100 32765 && echo "links: eth0 net1 veth0"; } | is "$P"
	same 2 "$(records)"
}

@test "two container IDs that begin alike: the second one's pair has another name" {
	pod_plain P
	pod_plain Q
	eth0 "$P" 50
	eth0 "$Q" 51
	ve ADD 0123456789abc-1 eth0 "$P"
	ve ADD 0123456789abc-2 eth0 "$Q"
	pings "$NODE" 10.9.0.50 10.9.0.51
	ve DEL 0123456789abc-1 eth0 "$P"
	pings "$NODE" 10.9.0.51
	ve DEL 0123456789abc-2 eth0 "$Q"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
}

@test "the pod has by the pair what the node speaks to it from, be it an address of lo or of a bridge" {
	pod_plain P
	eth0 "$P" 50
	ip -n "$NODE" addr add 10.20.0.1/32 dev lo
	ve ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50 fd00:9::50
	ve CHECK c1 eth0 "$P"
}

# ---- several NICs ----

@test "migrate_route: replies of a further NIC leave by it, through a router that drops others" {
	sysctls "$UNDERLAY" ipv4/conf/all/rp_filter=1
	pod_plain P
	eth0 "$P" 50
	ve ADD c1 eth0 "$P"
	net1 "$P" 50
	pings "$P" $GW4 # of two default routes the kernel takes the one whose gateway it knows
	not_pings "$CLIENT" 10.8.0.50
	ve ADD c1 net1 "$P" "$HIJACK"
	pings "$CLIENT" 10.8.0.50 10.9.0.50 fd00:8::50
	pings "$NODE" 10.8.0.50 fd00:8::50
	ve DEL c1 net1 "$P"
	ve ADD c1 net1 "$P" "$HIJACK"',"migrate_route":0'
	same "" "$(rules_of "$P")"
	not_pings "$CLIENT" 10.8.0.50
	pings "$NODE" 10.8.0.50
}

@test "migrate_route: by the names of the NICs, in the order of their numbers" {
	pod_plain P
	nic "$P" eth0 eth0 10.9.0.50 -
	ve ADD c1 eth0 "$P"
	net2 "$P" 50 # has the default route
	# name of a further NIC, migrate_route, does its default route move
	while read -r name migrate want; do
		[ "$migrate" = - ] && migrate= || migrate=,\"migrate_route\":$migrate
		nic "$P" $name eth1 10.8.0.50 fd00:8::50 10.8.0.1 fd00:8::1
		VE4=10.8.0.50 VE6=fd00:8::50 ve ADD c1 $name "$P" "$HIJACK$migrate"
		moved=yes
		ip -n "$P" route show default | grep -q "dev $name" && moved=no
		same "$name $migrate $want" "$name $migrate $moved"
		[ $want = no ] || same 2 "$(rules_of "$P" | grep -c 'lookup 1')"
		ve CHECK c1 $name "$P"
		ve DEL c1 $name "$P"
		ip -n "$P" link del $name
	done <<-'EOT'
		net10 - yes
		net3 - yes
		net1 - no
		eth5 - no
		net1 1 yes
		net10 0 no
		net10 -1 yes
		net10 7 yes
		net1 -1 no
	EOT
}

@test "migrate_route: the pod's only default route stays, unless always is said" {
	pod_plain P
	nic "$P" eth0 eth0 10.9.0.50 -
	ve ADD c1 eth0 "$P"
	net1 "$P" 50
	ve ADD c1 net1 "$P"
	same "10.8.0.1 net1" "$(default_route "$P" 4)"
	same 2 "$(rules_of "$P" | wc -l)"
	ve ADD c1 net1 "$P" "$HIJACK"',"migrate_route":1'
	same "" "$(default_route "$P" 4)"
	same "default via 10.8.0.1 dev net1" "$(ip -n "$P" route show table 100 default | sed 's/ *$//')"
}

@test "tables: 99 + N of netN, else the lowest that is free" {
	pod_plain P
	eth0 "$P" 50
	ve ADD c1 eth0 "$P"
	ip -n "$P" rule add from 10.1.1.1 lookup 101 pref 5
	n=60
	while read -r name want; do
		nic "$P" $name eth1 10.8.0.$n -
		VE4=10.8.0.$n VE6=- ve ADD c1 $name "$P"
		same "$name $want" "$name $(jq .table "$DIR/run/veth/c1/$name".*)"
		n=$((n + 1))
	done <<-EOT
		data0 100
		net1 102
		net2 103
		net5 104
		net9 108
		net155 105
		net01 106
		net0 107
		uplink 109
	EOT
	for name in data0 net1 net5 net155 uplink; do ve CHECK c1 $name "$P"; done
}

# ---- MAC ----

@test "mac_prefix: the NIC's MAC comes from its address; neighbours are told; the result has it" {
	pod_plain P
	eth0 "$P" 50
	was=$(mac "$P" eth0)
	pings "$UNDERLAY" 10.9.0.50
	same "$was" "$(neighbour_mac "$UNDERLAY" 10.9.0.50)"
	ve ADD c1 eth0 "$P" "$HIJACK"',"mac_prefix":"0a:1b"'
	same 0a:1b:0a:09:00:32 "$(mac "$P" eth0)"
	jq_is '.interfaces[0].mac' 0a:1b:0a:09:00:32
	until_true same 0a:1b:0a:09:00:32 "$(neighbour_mac "$UNDERLAY" 10.9.0.50)"
	pings "$UNDERLAY" 10.9.0.50
	pings "$NODE" 10.9.0.50
	ve CHECK c1 eth0 "$P"
	ve DEL c1 eth0 "$P"
	same "$was" "$(mac "$P" eth0)"
	ve ADD c1 eth0 "$P" "$HIJACK"',"mac_prefix":"FE-00"'
	same fe:00:0a:09:00:32 "$(mac "$P" eth0)"
}

neighbour_mac() { # NETNS ADDRESS
	ip -n "$1" -j neigh show "$2" | jq -r '.[0].lladdr'
}

@test "mac_prefix: IPv6 alone, zero bytes in the address" {
	pod_plain P
	nic "$P" eth0 eth0 - fd00:9::1:50
	VE4=- VE6=fd00:9::1:50 ve ADD c1 eth0 "$P" "$HIJACK"',"mac_prefix":"0a:1b"'
	same 0a:1b:00:01:00:50 "$(mac "$P" eth0)"
}

@test "only_op_mac: the MAC and nothing else, whatever the chain; it needs no subnets" {
	pod_plain P
	eth0 "$P" 50
	before=$(all_of "$NODE")
	bare=$(all_of "$P")
	ve ADD c1 eth0 "$P" '"only_op_mac":true,"mac_prefix":"0a:1b"'
	jq_is '.interfaces | map(.name + " " + .mac) | join(", ")' "eth0 0a:1b:0a:09:00:32"
	same 0a:1b:0a:09:00:32 "$(mac "$P" eth0)"
	same "$before" "$(all_of "$NODE")"
	same "$bare" "$(all_of "$P")"
	same 0 "$(setting "$P" ipv4/conf/eth0/rp_filter)"
	same 1 "$(records)"
	ve CHECK c1 eth0 "$P" '"only_op_mac":true,"mac_prefix":"0a:1b"'
	ip -n "$P" link set eth0 address 02:00:00:00:00:01
	ve_try CHECK c1 eth0 "$P" '"only_op_mac":true,"mac_prefix":"0a:1b"'
	refused 999 "pod: interface eth0 has MAC 02:00:00:00:00:01, want 0a:1b:0a:09:00:32"
	ve DEL c1 eth0 "$P" '"only_op_mac":true,"mac_prefix":"0a:1b"'
	same 0 "$(records)"
}

@test "skip_call: prevResult as it came, nothing is done, nothing recorded" {
	pod_plain P
	eth0 "$P" 50
	before=$(all_of "$NODE")
	bare=$(all_of "$P")
	ve ADD c1 eth0 "$P" '"skip_call":true,"mac_prefix":"what"'
	jq_is -S "$(ve_conf eth0 "$P" '"skip_call":true' | jq -S '.prevResult')"
	same "$before" "$(all_of "$NODE")"
	same "$bare" "$(all_of "$P")"
	ve CHECK c1 eth0 "$P" '"skip_call":true'
	ve STATUS "" "" "" '"skip_call":true'
	ve DEL c1 eth0 "$P" '"skip_call":true'
	[ ! -e "$DIR/run" ]
}

# ---- addresses in use ----

@test "ip_conflict: an address that another host has, IPv4 and IPv6; nothing is changed; silence is fine" {
	pod_plain P
	eth0 "$P" 50
	bare=$(all_of "$P")
	host_on_eth0 H
	local on="$HIJACK"',"ip_conflict":{"enabled":true,"interval":"100ms","retries":2}'
	ve ADD c1 eth0 "$P" "$on"
	ve DEL c1 eth0 "$P"
	ip -n "$H" addr add 10.9.0.50/24 dev eth0
	ve_try ADD c1 eth0 "$P" "$on"
	refused 11 "pod's interface eth0 with an conflicting ip 10.9.0.50, 10.9.0.50 is located at $(mac "$H" eth0)"
	ip -n "$H" addr del 10.9.0.50/24 dev eth0
	ip -n "$H" addr add fd00:9::50/64 dev eth0 nodad
	ve_try ADD c1 eth0 "$P" "$on"
	refused 11 "pod's interface eth0 with an conflicting ip fd00:9::50, fd00:9::50 is located at $(mac "$H" eth0)"
	same "$bare" "$(all_of "$P")"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
	same 0 "$(records)"
	ve ADD c1 eth0 "$P" "$HIJACK"',"ip_conflict":{"enabled":false}'
}

host_on_eth0() { # VAR: a host on the first underlay network
	netns_new "$1"
	plain_settings "${!1}"
	ip -n "$UNDERLAY" link add ph type veth peer name eth0 netns "${!1}"
	ip -n "$UNDERLAY" link set ph master br0 up
	ip -n "${!1}" link set eth0 up
}

# ---- rp_filter and IPv6 ----

@test "rp_filter: pod, and node if asked; only what differs, and the node keeps it" {
	pod_plain P
	eth0 "$P" 50
	values() { # NETNS
		ip netns exec "$1" sh -c 'cd /proc/sys/net/ipv4/conf && for i in all default eth0 '"${2:-}"'; do printf %s "$(cat $i/rp_filter)"; done'
	}
	# configuration, then pod: all default eth0 veth0, and node: all default eth0 and its end of the pair
	while read -r conf pod node; do
		[ "$conf" = - ] && conf= || conf=,$conf
		sysctls "$NODE" ipv4/conf/{all,default,eth0}/rp_filter=1
		sysctls "$P" ipv4/conf/{all,default,eth0}/rp_filter=1
		ve ADD c1 eth0 "$P" "$HIJACK$conf"
		same "$conf $pod $node" "$conf $(values "$P" veth0) $(values "$NODE" vethc1)"
		ve CHECK c1 eth0 "$P" "$HIJACK$conf"
		ve DEL c1 eth0 "$P" "$HIJACK$conf"
		same "$conf 111 ${node%?}" "$conf $(values "$P") $(values "$NODE")"
	done <<-'EOT'
		- 2222 2222
		"rp_filter":null 2222 2222
		"rp_filter":{} 0000 1111
		"rp_filter":{"value":1} 1111 1111
		"rp_filter":{"set_host":true} 2222 2222
		"rp_filter":{"set_host":true,"value":0} 0000 0000
		"rp_filter":{"set_host":true,"value":9} 2222 2222
		"rp_filter":{"set_host":false,"value":2} 2222 1111
	EOT
}

@test "IPv6 is turned on in the pod when it has an IPv6 address, and not when it has none" {
	pod_plain P
	pod_plain Q
	eth0 "$P" 50
	nic "$Q" eth0 eth0 10.9.0.51 -
	for p in "$P" "$Q"; do sysctls "$p" ipv6/conf/default/disable_ipv6=1 ipv6/conf/lo/disable_ipv6=1; done
	ve ADD c1 eth0 "$P"
	VE4=10.9.0.51 VE6=- ve ADD c2 eth0 "$Q"
	off() { setting "$1" "ipv6/conf/$2/disable_ipv6"; }
	same 0000 "$(off "$P" all)$(off "$P" default)$(off "$P" lo)$(off "$P" veth0)"
	same 011 "$(off "$Q" all)$(off "$Q" default)$(off "$Q" lo)"
	pings "$NODE" fd00:9::50
}
