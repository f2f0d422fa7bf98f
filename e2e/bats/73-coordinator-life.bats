#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator: attachments that end badly, come twice, fail halfway, are many, look alike or are another program's.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip ping nft
	node_world
	pod_plain P
	before=$(all_of "$NODE")
}

teardown() {
	lib_teardown
}

# nothing_left: the node is as it was, and nothing is on record.
nothing_left() {
	same "$before" "$(all_of "$NODE")"
	same "" "$(ls "$DIR/run/coordinator" 2>/dev/null)"
}

# as_request CONF: without prevResult, and with version 0.3.1 as old runtimes call DEL.
old_del() {
	sed 's/,"prevResult":.*/}/; s/"cniVersion":"1.1.0"/"cniVersion":"0.3.1"/' <<<"$1"
}

@test "DEL without prevResult in version 0.3.1, twice, and with a configuration that was broken since" {
	eth0 "$P" 50
	net1 "$P" 50
	bare=$(all_of "$P")
	for change in 's/x/x/' 's/"type"/"mode":"nonsense","podMACPrefix":17,"vethMTU":-3,"hostRuleTable":"x","type"/' \
		's/"logFile":"[^"]*"/"logFile":"relative"/' 's/"serviceCIDR":\[[^]]*\]/"serviceCIDR":{"a":1}/'; do
		co ADD c1 eth0 "$P"
		co ADD c1 net1 "$P"
		for nic in net1 eth0 net1 eth0; do
			call co_call DEL c1 $nic "$P" "$(old_del "$(co_conf $nic "$P" "$FIRST")" | sed "$change")"
			succeeded
			same "" "$output"
		done
		same "$bare" "$(all_of "$P")"
		nothing_left
	done
	# never made
	co DEL never eth0 "$P"
}

@test "DEL after the namespace vanished: by its path, without one, with another namespace in its place" {
	cali "$P" 50
	ip -n "$NODE" link add cni0 type bridge
	ip -n "$NODE" link set cali1 master cni0
	ip -n "$NODE" link set cni0 up
	pod_plain Q
	eth0 "$Q" 60
	co ADD c1 net1 "$P" 2>/dev/null && return 1 # there is none yet
	net1 "$P" 50
	before=$(all_of "$NODE")
	co ADD c1 net1 "$P"
	co ADD c2 eth0 "$Q"
	same "5" "$(routes_of "$NODE" | grep -c ' 500 ')" || true
	# Q is deleted, its links live on: some process is still inside
	background ip netns exec "$Q" sleep 60
	ip netns del "$Q"
	ip netns del "$P"
	ip netns add "$Q"
	eth0 "$Q" 60
	ip -n "$Q" rule add fwmark 0x1/0x1 lookup 100 pref 1000 # as the one that is gone had it
	stranger=$(all_of "$Q")
	call co_call DEL c1 net1 "" "$(co_conf net1 "$P")"
	succeeded
	co DEL c2 eth0 "$Q"
	same "$stranger" "$(all_of "$Q")"
	same "" "$(rules_of "$NODE")$(routes_of "$NODE" | grep ' 500 ')$(neighbours_of "$NODE")"
	same "" "$(links_of "$NODE" | grep veth)"
	same "" "$(ls "$DIR/run/coordinator")"
}

@test "DEL of a pod whose processes have changed everything" {
	eth0 "$P" 50
	net1 "$P" 50
	for damage in "addr flush dev net1" "link set net1 down" "link set net1 down;link set eth0 down;link set veth0 down" \
		"link del veth0" "link del net1" "route flush table 101;route flush table main" "rule flush" \
		"link set veth0 name other" "link set net1 down;link set net1 name other"; do
		co ADD c1 eth0 "$P"
		co ADD c1 net1 "$P"
		tr ';' '\n' <<<"$damage" | ip -n "$P" -batch -
		call co_call DEL c1 net1 "$P" "$(co_conf net1 "$P")"
		succeeded || { echo "net1 after $damage" && return 1; }
		call co_call DEL c1 eth0 "$P" "$(co_conf eth0 "$P")"
		succeeded || { echo "eth0 after $damage" && return 1; }
		nothing_left || { echo "after $damage" && return 1; }
		pod_plain P
		eth0 "$P" 50
		net1 "$P" 50
	done
}

@test "DEL when what was written down is gone, or makes no sense" {
	eth0 "$P" 50
	bare=$(all_of "$P")
	for damage in 'rm -rf "$DIR/run"' 'echo "{" >"$(echo "$DIR"/run/coordinator/c1/*)"' ': >"$(echo "$DIR"/run/coordinator/c1/*)"'; do
		co ADD c1 eth0 "$P"
		eval "$damage"
		co DEL c1 eth0 "$P"
		# the pair is gone, and what hangs on it
		same "eth0" "$(links_of "$P")"
		same "$(links_of "$NODE")" "eth0 eth1 eth2"
		same "" "$(find "$DIR/run" -name '*.json' 2>/dev/null)"
		ip -n "$P" rule flush pref 1000 2>/dev/null || true
		pod_plain P
		eth0 "$P" 50
	done
}

# go_pod: P as the plugin of Go leaves it behind.
go_pod() {
	eth0 "$P" 50
	ip -n "$P" link add veth0 type veth peer name vethabcdefghijk netns "$NODE"
	ip -n "$NODE" link set vethabcdefghijk up
	ip -n "$P" -batch - <<-EOT
		link set veth0 up
		neigh add 10.9.0.2 dev veth0 lladdr $(mac "$NODE" vethabcdefghijk)
		route add 10.9.0.2 dev veth0 src 10.9.0.50
		route add 10.9.0.2 dev veth0 table 101
		route add 10.96.0.0/16 via 10.9.0.2 dev veth0
		rule add fwmark 0x1 lookup 100 pref 1000
		route add default via 10.9.0.2 dev veth0 table 100
	EOT
	ip -n "$NODE" -batch - <<-EOT
		neigh add 10.9.0.50 dev vethabcdefghijk lladdr $(mac "$P" veth0)
		rule add from all lookup 500 pref 1000
		route add 10.9.0.50 dev vethabcdefghijk table 500
		rule add to 10.9.0.50 lookup 500 pref 2000
		rule add to 10.9.0.51 lookup 500 pref 2000
		rule add to 10.9.0.50 lookup 501 pref 2001
	EOT
	ip -n "$NODE" -6 rule add to fd00:9::50 lookup 500 pref 2000
}

@test "DEL of a pod that the Go plugin has made takes away what that one's would, and no more" {
	go_pod
	pings "$NODE" 10.9.0.50
	co DEL abcdefghijklmnop eth0 "$P"
	same "eth0" "$(links_of "$P")"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
	same "4 1000 from all lookup 500,4 2000 from all lookup 500,4 2001 from all lookup 501" "$(rules_of "$NODE" | paste -sd,)"
	same "" "$(routes_of "$NODE" | grep 500)$(neighbours_of "$NODE")"
	co DEL abcdefghijklmnop eth0 "$P"
}

@test "DEL of a pod of the Go plugin: its net1, another hostRuleTable, mode disabled, no namespace" {
	go_pod
	all=$(all_of "$NODE")
	co DEL abcdefghijklmnop eth0 "$P" '"mode":"disabled"'
	same "$all" "$(all_of "$NODE")"
	call co_call DEL abcdefghijklmnop eth0 gone "$(co_conf eth0 gone)"
	succeeded
	same "$all" "$(all_of "$NODE")"
	co DEL abcdefghijklmnop net1 "$P" # no such NIC any more: its veth goes all the same
	same "eth0" "$(links_of "$P")"
	co DEL abcdefghijklmnop eth0 "$P" '"hostRuleTable":501'
	same "" "$(rules_of "$NODE" | grep 501)"
	same 3 "$(rules_of "$NODE" | grep -c '4 .*500')"
}

@test "another veth0 of the pod is not ours, wherever its other end is" {
	eth0 "$P" 50
	pod_plain Q
	for other in "$Q" "$NODE"; do
		ip -n "$P" link add veth0 type veth peer name mine netns "$other"
		ip -n "$other" link set mine alias other
		before=$(all_of "$NODE")
		co_try ADD c1 eth0 "$P"
		refused 5 "veth0"
		same "eth0 veth0" "$(links_of "$P")"
		nothing_left
		co DEL c1 eth0 "$P"
		same "eth0 veth0" "$(links_of "$P")"
		ip -n "$P" link del veth0
	done
}

@test "stale neighbours and routes of the same address, on the node and in the pod, make no difference" {
	eth0 "$P" 50
	ip -n "$NODE" -batch - <<-EOT
		link add stale0 type bridge
		link set stale0 up
		neigh add 10.9.0.50 dev stale0 lladdr 02:00:00:00:00:01
		neigh add fd00:9::50 dev stale0 lladdr 02:00:00:00:00:01
		neigh add 10.9.0.50 dev eth0 lladdr 02:00:00:00:00:02 nud reachable
		neigh add 10.9.0.51 dev stale0 lladdr 02:00:00:00:00:03
		route add 10.9.0.50 dev stale0 table 500
		route add fd00:9::50 dev stale0 table 500 metric 5
		route add 10.9.0.51 dev stale0 table 500
	EOT
	co ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50 fd00:9::50
	same "4 500 10.9.0.50 dev vethc1 scope link,4 500 10.9.0.51 dev stale0 scope link,6 500 fd00:9::50 dev vethc1" \
		"$(routes_of "$NODE" | grep ' 500 ' | paste -sd,)"
	same "10.9.0.50 vethc1,10.9.0.51 stale0,fd00:9::50 vethc1" "$(neighbours_of "$NODE" | cut -d' ' -f1,2 | paste -sd,)"
	same "" "$(ip -n "$NODE" -j neigh show 10.9.0.50 dev eth0 | jq -r '.[].lladdr')"
	# of an overlay pod: what it believed of the node
	pod_plain Q
	cali "$Q" 60
	net1 "$Q" 60
	ip -n "$Q" neigh add 10.9.0.2 dev eth0 lladdr 02:00:00:00:00:04
	co ADD c2 net1 "$Q"
	same "$(mac "$NODE" cali1)" "$(neighbours_of "$Q" | awk '$1 == "10.9.0.2" { print $3 }')"
	pings "$Q" $NODE4
}
