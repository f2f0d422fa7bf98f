#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pods on a real Open vSwitch (its userspace datapath) with coordinator behind it. The main plugin is a stand-in for
# ovs-cni's, plugins/ovs; so is plugins/sriov, which only shows that the pieces fit: there is no such card here.

load lib
load world
load podnet
load ovs

setup() {
	lib_setup
	need_root
	need jq ip ping nft timeout nsenter $PYTHON
	ovs_find
	CNI_DIR=$BATS_TEST_DIRNAME/plugins:$CNI_DIR
	node_world
	# The pods' network is one of its own: nobody routes between it and the node's.
	sysctls "$UNDERLAY" ipv4/ip_forward=0 ipv6/conf/all/forwarding=0
	pools
	second='"default_ipv4_ippool":["second4"],"default_ipv6_ippool":["second6"]'
}

teardown() {
	lib_teardown
}

# peer: namespace $PEER is a host on the network behind eth1.
peer() {
	netns_new PEER
	plain_settings "$PEER"
	ip -n "$UNDERLAY" link add peer type veth peer name eth0 netns "$PEER"
	ip -n "$UNDERLAY" link set peer master br1 up
	ip -n "$PEER" link set eth0 up
	ip -n "$PEER" addr add 10.8.0.200/24 dev eth0
	ip -n "$PEER" addr add fd00:8::200/64 dev eth0 nodad
	# what arrives at a node has its checksums
	ip netns exec "$PEER" ethtool -K eth0 tx off >/dev/null
}

# switch: bridge ovs0 of the node, with eth1 in it.
switch() {
	ovs_new "$NODE" ovs0 eth1
	conflist net '"type":"ovs","bridge":"ovs0"' "$second" "$FIRST"
	conflist without '"type":"ovs","bridge":"ovs0"' "$second" -
}

# cluster_ips: the node itself and the peer serve one each.
cluster_ips() {
	serve "$NODE"
	serve "$PEER"
	nat ip "ip daddr 10.96.0.1 tcp dport 443 dnat to $NODE4:8080"
	nat ip6 "ip6 daddr fd00:96::1 tcp dport 443 dnat to [$NODE6]:8080"
}

@test "Open vSwitch: the pods' network, node and pod, clusterIPs; not without coordinator; DEL leaves nothing" {
	peer
	switch
	pod_plain P
	pod_plain Q
	before=$(all_of "$NODE")
	cni add net "$P"
	jq_is '[.ips[] | "\(.address) \(.interface)"] | sort | join(", ")' "10.8.0.10/24 1, fd00:8::10/64 1"
	same '["10.8.0.10/24","fd00:8::10/64"]' "$(addresses "$P" eth0)"
	cni add without "$Q"
	cni check net "$P"
	cluster_ips

	# through the switch
	pings "$P" 10.8.0.1 fd00:8::1 10.8.0.200 fd00:8::200 10.8.0.11 fd00:8::11
	pings "$Q" 10.8.0.200 fd00:8::200
	same 10.8.0.10 "$(who "$P" 10.8.0.200 8080)"
	same fd00:8::10 "$(who "$P" fd00:8::200 8080)"
	ovs-appctl fdb/show ovs0 | grep "$(mac "$P" eth0)"

	# past it
	pings "$NODE" 10.8.0.10 fd00:8::10
	pings "$P" $NODE4 $NODE6
	same 10.8.0.10 "$(who "$P" 10.96.0.1 443)"
	same fd00:8::10 "$(who "$P" fd00:96::1 443)"
	# controls
	not_pings "$NODE" 10.8.0.11 fd00:8::11
	not_pings "$Q" $NODE4 $NODE6
	same " " "$(who "$Q" 10.96.0.1 443 0.3) $(who "$Q" fd00:96::1 443 0.3)"
	ovs-ofctl add-flow ovs0 priority=9,actions=drop
	not_pings "$P" 10.8.0.200 fd00:8::200 10.8.0.11 fd00:8::11
	pings "$NODE" 10.8.0.10 fd00:8::10
	pings "$P" $NODE4 $NODE6

	cni del net "$P"
	cni del net "$P"
	ip netns del "$Q"
	cni del without "$Q"
	same eth1 "$(ovs-vsctl list-ports ovs0)"
	ip netns exec "$NODE" nft delete table ip services
	ip netns exec "$NODE" nft delete table ip6 services
	same "$before" "$(all_of "$NODE")"
	same "" "$(ip netns exec "$NODE" nft list ruleset)"
	same "lo" "$(ip -n "$P" -j link | jq -r '.[].ifname')"
	same "0 0" "$(in_use) $(records)"
}

@test "Open vSwitch: a second NIC behind macvlan; the node reaches both, each answers by itself" {
	need /usr/lib/cni/macvlan
	peer
	switch
	conflist first '"type":"macvlan","master":"eth0"' "" "$FIRST"
	pod_plain P
	cni add first "$P"
	cni add net "$P" net1
	same "10.9.0.1 eth0" "$(default_route "$P" 4)"
	pings "$NODE" 10.9.0.10 10.8.0.10 fd00:9::10 fd00:8::10
	pings "$PEER" 10.8.0.10 fd00:8::10
	pings "$P" 10.8.0.200 $FAR4 $NODE4
	cni check net "$P" net1
	cni del net "$P" net1
	cni del first "$P"
	same eth1 "$(ovs-vsctl list-ports ovs0)"
	same "0 0" "$(in_use) $(records)"
}

@test "Open vSwitch: an ADD that fails leaves no port" {
	switch
	conflist broken '"type":"ovs","bridge":"ovs0"' "$second" '"hostRuleTable":254'
	pod_plain P
	before=$(all_of "$NODE")
	call ip netns exec "$NODE" spiderpoolctl cni add "$DIR/broken.conflist" "$P" --cache-dir "$DIR/cache" \
		--cni-path "$BIN:$CNI_DIR"
	[ "$status" != 0 ]
	[[ $stderr == *"hostRuleTable 254"* ]]
	cni del broken "$P" # as a runtime does then
	same eth1 "$(ovs-vsctl list-ports ovs0)"
	same "$before" "$(all_of "$NODE")"
	same "0 0" "$(in_use) $(records)"
}

@test "SR-IOV, with a veth in place of the VF: clusterIPs, node and pod; not without coordinator; the VF comes back" {
	peer
	ip -n "$UNDERLAY" link add vfport type veth peer name vf0 netns "$NODE"
	ip -n "$UNDERLAY" link set vfport master br1 up
	export STANDIN_VF=vf0
	conflist net '"type":"sriov","vlan":0' "$second" "$FIRST"
	conflist without '"type":"sriov","vlan":0' "$second" -
	pod_plain P
	cluster_ips
	before=$(all_of "$NODE")
	cni add without "$P"
	pings "$P" 10.8.0.200 fd00:8::200
	not_pings "$P" $NODE4 $NODE6
	not_pings "$NODE" 10.8.0.10 fd00:8::10
	same "" "$(who "$P" 10.96.0.1 443 0.3)"
	cni del without "$P"
	cni add net "$P"
	same "eth0 veth0" "$(links_of "$P")"
	pings "$P" 10.8.0.200 fd00:8::200 $NODE4 $NODE6
	pings "$NODE" 10.8.0.11 fd00:8::11
	same 10.8.0.11 "$(who "$P" 10.96.0.1 443)"
	same fd00:8::11 "$(who "$P" fd00:96::1 443)"
	cni check net "$P"
	cni del net "$P"
	same "$before" "$(all_of "$NODE")"
	same "0 0" "$(in_use) $(records)"
}
