#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator: twice, halfway, many at once, look-alikes, GC.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip ping
	node_world
	pod_plain P
	before=$(all_of "$NODE")
}

teardown() {
	lib_teardown
}

nothing_left() {
	same "$before" "$(all_of "$NODE")"
	same "" "$(ls "$DIR/run/coordinator" 2>/dev/null)"
}

# plain NETNS: all of it, without MACs, which are made anew.
plain() {
	all_of "$1" | sed -E 's/(..:){5}../MAC/'
}

@test "ADD twice leaves one of each, also with another configuration" {
	eth0 "$P" 50
	net1 "$P" 50
	bare=$(all_of "$P")
	co ADD c1 eth0 "$P"
	once=$(plain "$P") once_node=$(plain "$NODE")
	co ADD c1 eth0 "$P"
	same "$once" "$(plain "$P")"
	same "$once_node" "$(plain "$NODE")"
	co CHECK c1 eth0 "$P"
	# everything that can be, otherwise
	other='"serviceCIDR":["10.97.0.0/16"],"hostRuleTable":600,"vethMTU":1400,"podRPFilter":2,"txQueueLen":77,"podMACPrefix":"0a:1b",
		"vethLinkAddress":"169.254.200.1","policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.9.0.9"}]'
	mac0=$(mac "$P" eth0)
	co ADD c1 eth0 "$P" "$other"
	co ADD c1 eth0 "$P" "$other"
	same 600 "$(rules_of "$NODE" | awk '{ print $NF }' | sort -u)"
	same "" "$(routes_of "$NODE" | grep ' 500 ')$(routes_of "$P" | grep '10.96\|fd00:96')"
	same "1 1 1400 77 0a:1b:0a:09:00:32" "$(routes_of "$P" | grep -c 10.97) $(routes_of "$P" | grep -c 198.51) $(ip -n "$P" -j link |
		jq -r '(.[] | select(.ifname == "veth0").mtu | tostring) + " " + (.[] | select(.ifname == "eth0") | "\(.txqlen) \(.address)")')"
	co CHECK c1 eth0 "$P"
	# and back
	co ADD c1 eth0 "$P"
	same "$once" "$(plain "$P")"
	same "$once_node" "$(plain "$NODE")"
	same "$mac0" "$(mac "$P" eth0)"
	co ADD c1 net1 "$P"
	twice=$(plain "$P")
	co ADD c1 net1 "$P" "${other/10.9.0.9/10.8.0.9}"
	co ADD c1 net1 "$P"
	same "$twice" "$(plain "$P")"
	same 2 "$(records)"
	co DEL c1 net1 "$P"
	co DEL c1 eth0 "$P"
	same "$bare" "$(all_of "$P")"
	nothing_left
}

@test "a sandbox that was made again under its ID, without a DEL in between" {
	eth0 "$P" 50
	co ADD c1 eth0 "$P"
	background ip netns exec "$P" sleep 60 # the old one lives on
	pod_plain Q
	eth0 "$Q" 51
	co ADD c1 eth0 "$Q"
	pings "$NODE" 10.9.0.51
	same "4 500 10.9.0.51 dev vethc1 scope link" "$(routes_of "$NODE" | grep '4 500')"
	co DEL c1 eth0 "$Q"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
	nothing_left
}

@test "an ADD that fails halfway leaves nothing, neither of the first NIC nor of the second" {
	eth0 "$P" 50
	net1 "$P" 50
	bare=$(all_of "$P")
	unreachable='"podMACPrefix":"0a:1b","txQueueLen":9,"policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.77.0.1"}]'
	co_try ADD c1 eth0 "$P" "$FIRST,$unreachable"
	refused 5 "add route 198.51.100.0/24 via 10.77.0.1 dev eth0"
	has "unreachable"
	same "$bare" "$(all_of "$P")"
	same "" "$(ip netns exec "$P" nft list ruleset 2>/dev/null)"
	nothing_left
	co ADD c1 eth0 "$P"
	one=$(all_of "$P") one_node=$(all_of "$NODE")
	co_try ADD c1 net1 "$P" "$FIRST,$unreachable"
	refused 5 "add route 198.51.100.0/24 via 10.77.0.1 dev net1 table 101"
	same "$one" "$(all_of "$P")"
	same "$one_node" "$(all_of "$NODE")"
	same 1 "$(records)"
	co CHECK c1 eth0 "$P"
	# the node's end cannot be made
	co DEL c1 eth0 "$P"
	ip -n "$NODE" link add vethc1 type bridge
	ip -n "$NODE" link set vethc1 alias other
	co ADD c1 eth0 "$P" # by another name
	pings "$NODE" 10.9.0.50
	co DEL c1 eth0 "$P"
	same "$bare" "$(all_of "$P")"
	same "eth0 eth1 eth2 vethc1" "$(links_of "$NODE")"
}

@test "two containers whose IDs share the first eleven characters, at once" {
	pod_plain Q
	eth0 "$P" 50
	eth0 "$Q" 51
	# the first one is held up where it has chosen the name and not made the interface yet
	need strace
	CNI_COMMAND=ADD CNI_CONTAINERID=0123456789abcdef CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN \
		ASAN_OPTIONS=detect_leaks=0 ip netns exec "$NODE" strace -o "$DIR/trace" -e trace=renameat \
		-e inject=renameat:delay_enter=500000:when=1 "$BIN/coordinator" <<<"$(co_conf eth0 "$P" "$FIRST")" >"$DIR/one" 3>&- &
	one=$!
	until_true grep -q renameat "$DIR/trace"
	co ADD 0123456789abcdee eth0 "$Q"
	wait $one || { cat "$DIR/one" && return 1; }
	same 2 "$(links_of "$NODE" | grep -o 'veth[^ ]*' | sort -u | wc -l)"
	pings "$NODE" 10.9.0.50 10.9.0.51
	co CHECK 0123456789abcdee eth0 "$Q"
	co DEL 0123456789abcdef eth0 "$P"
	pings "$NODE" 10.9.0.51
	co CHECK 0123456789abcdee eth0 "$Q"
	# while the other one has the name of both
	co ADD 0123456789abcdef eth0 "$P"
	co DEL 0123456789abcdee eth0 "$Q"
	pings "$NODE" 10.9.0.50
	co DEL 0123456789abcdef eth0 "$P"
	nothing_left
}

# at_once VERB FROM TO: for those pods; each must succeed.
at_once() {
	local i p pids=() wrong='' pods
	mapfile -t -O1 pods <"$DIR/pods"
	for i in $(seq "$2" "$3"); do
		p=${pods[i]}
		co_call "$1" "c$i" eth0 "$p" "$(co_conf eth0 "$p" "$FIRST")" >"$DIR/out.$i" 3>&- &
		pids+=($!)
	done
	for p in "${pids[@]}"; do wait "$p" || wrong=1; done
	[ -z "$wrong" ] || {
		grep -h '"code"' "$DIR"/out.*
		return 1
	}
}

@test "fifty pods at once; half of them leave while others come" {
	for i in $(seq 50); do
		netns_new Q
		nic "$Q" eth0 eth0 "10.9.0.$((100 + i))" "fd00:9::$((100 + i))" $GW4 $GW6
		echo "$Q" >>"$DIR/pods"
	done
	at_once ADD 1 25
	at_once ADD 26 50 &
	other=$!
	at_once DEL 1 25
	wait $other
	at_once ADD 1 25
	same "50 50" "$(routes_of "$NODE" | awk '/ 500 / { n[$1]++ } END { print n[4], n[6] }')"
	same 100 "$(neighbours_of "$NODE" | wc -l)"
	same "4 1000 from all lookup 500,6 1000 from all lookup 500" "$(rules_of "$NODE" | paste -sd,)"
	same 50 "$(records)"
	at_once CHECK 20 30
	for i in 1 25 26 50; do pings "$NODE" "10.9.0.$((100 + i))" "fd00:9::$((100 + i))"; done
	at_once DEL 1 30 &
	other=$!
	at_once DEL 31 50
	wait $other
	nothing_left
}

# gc NETWORK LIST
gc() {
	call co_call GC c0 eth0 "$P" "$(co_conf "$1" "$P" '"cni.dev/valid-attachments":'"$2")"
}

@test "GC undoes what is not in the list: of its network alone, and nothing of other NICs of the same pod" {
	pod_plain Q
	pod_plain R
	for p in "$P" "$Q" "$R"; do
		case $p in "$P") n=50 ;; "$Q") n=51 ;; *) n=52 ;; esac
		eth0 "$p" $n
		net1 "$p" $n
		co ADD "c$n" eth0 "$p"
		co ADD "c$n" net1 "$p"
	done
	valid='{"containerID":"c50","ifname":"eth0"},{"containerID":"c51","ifname":"eth0"}'
	ip netns del "$R"
	gc eth0 "[$valid]"
	succeeded
	same "" "$output"
	for n in 50 51; do pings "$NODE" 10.9.0.$n 10.8.0.$n; done
	co CHECK c50 eth0 "$P"
	co CHECK c51 net1 "$Q"
	same 5 "$(records)" # of c52 only net1
	# net1 of the first pod goes, its eth0 does not
	gc net1 '[{"containerID":"c51","ifname":"net1"}]'
	succeeded
	same 3 "$(records)"
	pings "$NODE" 10.9.0.50 10.9.0.51 10.8.0.51
	co CHECK c50 eth0 "$P"
	co CHECK c51 net1 "$Q"
	same "" "$(rules_of "$P" | grep 10.8)"
	same "" "$(all_of "$NODE" | grep 10.8.0.5[02])"
	gc other '[]'
	succeeded
	same 3 "$(records)"
	gc net1 '[]'
	gc eth0 '[]'
	succeeded
	nothing_left
	same "" "$(rules_of "$P")$(rules_of "$Q")"
	# without a list it does nothing
	co ADD c50 eth0 "$P"
	call co_call GC c0 eth0 "$P" "$(co_conf eth0 "$P")"
	same 1 "$(records)"
}
