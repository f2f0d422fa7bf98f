#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# veth: CHECK, DEL, GC, STATUS, failures, versions of the protocol, configurations that make no sense.

load lib
load world
load podnet
load veth

setup() {
	lib_setup
	need_root
	need jq ip ping
	node_world
	pod_plain P
}

teardown() {
	lib_teardown
}

@test "CHECK finds each kind of drift and names it; ADD puts it right" {
	eth0 "$P" 50
	ve ADD c1 eth0 "$P" "$HIJACK"',"mac_prefix":"0a:1b"'
	net1 "$P" 50
	ve ADD c1 net1 "$P"
	ve CHECK c1 eth0 "$P" "$HIJACK"',"mac_prefix":"0a:1b"'
	ve CHECK c1 net1 "$P"
	# attachment|where|command|sentence
	while IFS='|' read -r nic where command want; do
		[ "$where" = pod ] && ns=$P || ns=$NODE
		more=
		[ $nic = net1 ] || more=',"mac_prefix":"0a:1b"'
		ip netns exec "$ns" sh -ec "$command"
		ve_try CHECK c1 $nic "$P" "$HIJACK$more"
		refused 999 "$want" || { echo "after: $command" && return 1; }
		ve ADD c1 $nic "$P" "$HIJACK$more"
		[ $nic = net1 ] || ve ADD c1 net1 "$P" # its routes went with the pair
		ve CHECK c1 $nic "$P" "$HIJACK$more" || { echo "after ADD again: $command" && return 1; }
	done <<-'EOT'
		eth0|node|ip link del vethc1|node: interface vethc1 is missing
		eth0|pod|ip link del veth0|pod: interface veth0 is missing
		eth0|node|ip link set vethc1 down|node: interface vethc1 is down
		eth0|pod|ip link set veth0 down|pod: interface veth0 is down
		eth0|pod|ip link set veth0 address 02:00:00:00:00:01|pod: interface veth0 has MAC 02:00:00:00:00:01, want
		eth0|node|ip link set vethc1 address 02:00:00:00:00:01|node: interface vethc1 has MAC 02:00:00:00:00:01, want
		eth0|pod|ip link set eth0 address 02:00:00:00:00:01|pod: interface eth0 has MAC 02:00:00:00:00:01, want 0a:1b:0a:09:00:32
		eth0|pod|ip route del 10.9.0.2 dev veth0|pod: route 10.9.0.2 dev veth0 src 10.9.0.50 is missing
		eth0|pod|ip route del 10.244.0.0/16|pod: route 10.244.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50 is missing
		eth0|pod|ip -6 route del fd00:96::/112|pod: route fd00:96::/112 via fd00:9::2 dev veth0 is missing
		eth0|pod|ip route replace 10.244.0.0/16 via 10.9.0.1|pod: route 10.244.0.0/16 via 10.9.0.2 dev veth0 src 10.9.0.50 is missing
		eth0|node|ip route del 10.9.0.50 dev vethc1|node: route 10.9.0.50 dev vethc1 is missing
		eth0|node|ip -6 route del fd00:9::50 dev vethc1|node: route fd00:9::50 dev vethc1 is missing
		eth0|node|ip neigh del 10.9.0.50 dev vethc1|node: permanent neighbour 10.9.0.50 dev vethc1 is missing
		eth0|node|ip neigh replace 10.9.0.50 dev vethc1 lladdr 02:00:00:00:00:77 nud permanent|node: neighbour 10.9.0.50 dev vethc1 has MAC 02:00:00:00:00:77, want
		eth0|pod|ip neigh del fd00:9::2 dev veth0|pod: permanent neighbour fd00:9::2 dev veth0 is missing
		eth0|pod|echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter|pod: setting net/ipv4/conf/eth0/rp_filter is 1, want 2
		eth0|node|echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter|node: setting net/ipv4/conf/all/rp_filter is 1, want 2
		eth0|node|echo 1 >/proc/sys/net/ipv6/conf/vethc1/accept_ra|node: setting net/ipv6/conf/vethc1/accept_ra is 1, want 0
		net1|pod|ip rule del from 10.8.0.50|pod: rule from 10.8.0.50 lookup 100 pref 32765 is missing
		net1|pod|ip -6 rule del from fd00:8::50|pod: rule from fd00:8::50 lookup 100 pref 32765 is missing
		net1|pod|ip route del default table 100|pod: route default via 10.8.0.1 dev net1 table 100 is missing
		net1|pod|ip route append default via 10.8.0.1 dev net1|pod: route default via 10.8.0.1 dev net1 is back
		net1|pod|ip route flush table 100|pod: route 10.8.0.0/24 dev net1 src 10.8.0.50 table 100 is missing
		net1|node|ip neigh del 10.8.0.50 dev vethc1|node: permanent neighbour 10.8.0.50 dev vethc1 is missing
	EOT
	# all of it is told at once
	ip -n "$NODE" link set vethc1 down
	ip -n "$P" neigh del 10.9.0.2 dev veth0
	ve_try CHECK c1 eth0 "$P"
	has "node: interface vethc1 is down"
	has "pod: permanent neighbour 10.9.0.2 dev veth0 is missing"
}

@test "CHECK: other pods come and go; nothing on record; another program's pod" {
	sysctls "$NODE" ipv4/conf/all/rp_filter=1 ipv4/conf/default/rp_filter=1
	pod_plain Q
	eth0 "$P" 50
	eth0 "$Q" 51
	VE4=10.9.0.51 VE6=fd00:9::51 ve ADD c2 eth0 "$Q" "$HIJACK"',"rp_filter":{}'
	ve ADD c1 eth0 "$P"
	ve DEL c2 eth0 "$Q"
	ve CHECK c1 eth0 "$P"
	ve_try CHECK c2 eth0 "$Q"
	refused 999 "nothing is recorded"
}

# ---- DEL ----

@test "DEL: without namespace, after it vanished, without prevResult, with a broken configuration, repeated" {
	n=50
	while read -r how; do
		pod_plain Q
		nic "$Q" eth0 eth0 10.9.0.$n fd00:9::$n $GW4 $GW6
		before=$(all_of "$NODE")
		VE4=10.9.0.$n VE6=fd00:9::$n ve ADD c$n eth0 "$Q"
		pings "$NODE" 10.9.0.$n
		conf=$(ve_conf eth0 "$Q")
		case $how in
		vanished)
			ip netns del "$Q"
			until_true bash -c "! ip -n $NODE link show vethc$n" # a namespace goes in the background
			;;
		kept) # whose file is gone, but a process lives in it
			background ip netns exec "$Q" sleep 60
			ip netns del "$Q"
			;;
		another) # at the same path
			background ip netns exec "$Q" sleep 60
			ip netns del "$Q"
			ip netns add "$Q"
			ip -n "$Q" link add eth0 type veth peer name eth1
			sysctls "$Q" ipv4/conf/all/rp_filter=1
			;;
		empty) Q= ;;
		old) conf=$(jq -c 'del(.prevResult) | .cniVersion = "0.3.1"' <<<"$conf") ;;
		broken) conf=$(jq -c '.service_hijack_subnet = ["what"] | .mac_prefix = 7 | del(.prevResult)' <<<"$conf") ;;
		esac
		for i in 1 2 3; do
			call ve_call DEL c$n eth0 "$Q" "$conf"
			succeeded || { echo "$how" && return 1; }
		done
		same "$how: $before" "$how: $(all_of "$NODE")"
		same 0 "$(records)"
		[ $how != another ] || same 1 "$(setting "$Q" ipv4/conf/all/rp_filter)"
		n=$((n + 1))
	done <<-'EOT'
		plain
		vanished
		kept
		another
		empty
		old
		broken
	EOT
}

@test "DEL of a pod that the Go plugin made: its pair goes, and only it" {
	go_pair() { # POD NAME ADDRESS
		ip -n "$1" link add veth0 type veth peer name "$2" netns "$NODE"
		ip -n "$1" link set veth0 up
		ip -n "$NODE" link set "$2" up
		ip -n "$NODE" route add "$3" dev "$2"
	}
	go_pair "$P" veth0123456789a 10.9.0.50
	ve DEL 0123456789abcdef eth0 "$P"
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
	# without a namespace
	go_pair "$P" veth0123456789a 10.9.0.50
	ve DEL 0123456789abcdef eth0 ""
	same "eth0 eth1 eth2" "$(links_of "$NODE")"
	# the other end is another pod's: this container has been made again since
	pod_plain Q
	go_pair "$Q" veth0123456789a 10.9.0.50
	ve DEL 0123456789abcdef eth0 "$P"
	same "eth0 eth1 eth2 veth0123456789a" "$(links_of "$NODE")"
	# no pair at all, or one of ours under that name
	ip -n "$NODE" link set veth0123456789a alias 0123456789afff
	ve DEL 0123456789abcdef eth0 ""
	ve DEL 0123456789abcdef eth0 "$Q"
	ve DEL ffffffffffff eth0 "$P"
	same "eth0 eth1 eth2 veth0123456789a" "$(links_of "$NODE")"
}

# ---- GC, STATUS ----

@test "GC: what is valid stays, so does another network; what is not goes" {
	pod_plain Q
	eth0 "$P" 50
	eth0 "$Q" 51
	other() { sed 's/"name":"net-eth0"/"name":"other"/' <<<"$1"; }
	ve ADD c1 eth0 "$P"
	VE4=10.9.0.51 VE6=fd00:9::51 ve ADD c2 eth0 "$Q"
	pod_plain R
	eth0 "$R" 52
	call ve_call ADD c3 eth0 "$R" "$(other "$(VE4=10.9.0.52 VE6=fd00:9::52 ve_conf eth0 "$R")")"
	succeeded
	gc() { # JSON LIST
		call ve_call GC "" "" "" "$(ve_conf eth0 "" "$HIJACK"',"cni.dev/valid-attachments":'"$1" | jq -c 'del(.prevResult)')"
		succeeded
	}
	gc '[{"containerID":"c1","ifname":"eth0"},{"containerID":"c2","ifname":"eth0"}]'
	same "eth0 eth1 eth2 vethc1 vethc2 vethc3" "$(links_of "$NODE")"
	# c2's namespace is gone as well
	ip netns del "$Q"
	gc '[{"containerID":"c1","ifname":"eth0"},{"containerID":"c2","ifname":"net1"}]'
	until_true same "eth0 eth1 eth2 vethc1 vethc3" "$(links_of "$NODE")"
	same 2 "$(records)"
	pings "$NODE" 10.9.0.50 10.9.0.52
	gc '[]'
	same "eth0 eth1 eth2 vethc3" "$(links_of "$NODE")"
	gc '[]'
	call ve_call DEL c3 eth0 "$R" "$(other "$(ve_conf eth0 "$R")")"
	succeeded
	same 0 "$(records)"
}

@test "STATUS: ready; a state directory that is not ours alone; a configuration that makes no sense" {
	ve STATUS "" "" ""
	chmod 0755 "$DIR/run"
	ve_try STATUS "" "" ""
	refused 50 "closed to others"
	chmod 0700 "$DIR/run"
	ve_try STATUS "" "" "" '"service_hijack_subnet":[]'
	refused 50 "service_hijack_subnet must be given"
}

# ---- failures ----

@test "an ADD that fails halfway undoes what it did" {
	eth0 "$P" 50
	for ns in "$NODE" "$P"; do sysctls "$ns" ipv4/conf/{all,default,eth0,lo}/rp_filter=2; done
	before=$(all_of "$NODE")
	bare=$(all_of "$P")
	# settings cannot be written: found out when the pair is there already
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN call ip netns exec "$NODE" \
		sh -c 'mount -o remount,bind,ro /proc && exec "$0"' "$BIN/veth" <<<"$(ve_conf eth0 "$P")"
	refused 5 "ipv6/conf/vethc1/accept_ra: Read-only file system"
	same "$before" "$(all_of "$NODE")"
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
	ve ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50
}

# add_injected WHAT: an ADD in which strace does that to one message to the kernel; its output is in $DIR/out.
add_injected() {
	strace -qq -o "$DIR/trace" -e trace=sendto -e inject=sendto:"$1" \
		env ASAN_OPTIONS=detect_leaks=0 CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN \
		ip netns exec "$NODE" "$BIN/veth" <<<"$(ve_conf eth0 "$P")" >"$DIR/out" 2>&1
}

messages() { # how many an ADD sends, in $n
	add_injected error=ENOMEM:when=1000
	n=$(wc -l <"$DIR/trace")
	[ "$n" -gt 10 ]
	ve DEL c1 eth0 "$P"
}

as_before() {
	same "$1: $before" "$1: $(all_of "$NODE")"
	same "$1: $bare" "$1: $(all_of "$P")"
	same 0 "$(records)"
}

@test "each message to the kernel fails once: the ADD is undone" {
	need strace
	eth0 "$P" 50
	before=$(all_of "$NODE")
	bare=$(all_of "$P")
	messages
	failed=0
	for i in $(seq "$n"); do
		if add_injected error=ENOMEM:when=$i; then # a question whose answer is not needed
			ve DEL c1 eth0 "$P"
			continue
		fi
		grep -q '"code":' "$DIR/out" || { cat "$DIR/out" && return 1; }
		failed=$((failed + 1))
		as_before $i
	done
	echo "$failed of $n messages"
	[ $failed -ge $((n - 4)) ]
	ve ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50
}

@test "killed after each message to the kernel: DEL leaves nothing, ADD after that works" {
	need strace
	eth0 "$P" 50
	before=$(all_of "$NODE")
	bare=$(all_of "$P")
	messages
	for i in $(seq "$n"); do
		run -137 add_injected signal=KILL:when=$i
		[ $((i % 2)) = 0 ] || ve ADD c1 eth0 "$P" # and without DEL
		ve DEL c1 eth0 "$P"
		as_before $i
	done
	ve ADD c1 eth0 "$P"
	pings "$NODE" 10.9.0.50
}

@test "thirty pods at once" {
	local i p pids=()
	for i in $(seq 30); do
		pod_plain Q
		nic "$Q" eth0 eth0 10.9.0.$((100 + i)) fd00:9::$((100 + i))
		echo "$Q" >>"$DIR/pods"
	done
	before=$(all_of "$NODE")
	all() { # VERB
		pids=() i=0
		while read -r p; do
			i=$((i + 1))
			VE4=10.9.0.$((100 + i)) VE6=fd00:9::$((100 + i)) ve_conf eth0 "$p" >"$DIR/conf.$i"
			ve_call "$1" c$i eth0 "$p" "$(<"$DIR/conf.$i")" >"$DIR/out.$i" 3>&- &
			pids+=($!)
		done <"$DIR/pods"
		for p in "${pids[@]}"; do wait "$p" || { cat "$DIR"/out.*; return 1; }; done
	}
	all ADD
	for i in $(seq 30); do pings "$NODE" 10.9.0.$((100 + i)); done
	all CHECK
	all DEL
	same "$before" "$(all_of "$NODE")"
	same 0 "$(records)"
}

# ---- the protocol ----

@test "results in every version that names interfaces; the older ones are refused with a sentence" {
	eth0 "$P" 50
	for v in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		call ve_call ADD c1 eth0 "$P" "$(ve_conf eth0 "$P" | sed "s/\"cniVersion\":\"1.1.0\"/\"cniVersion\":\"$v\"/")"
		succeeded
		documents 1
		jq_is .cniVersion $v
		jq_is '[.interfaces[].name] | join(" ")' "eth0 vethc1 veth0"
		jq_is '.interfaces[1] | [.mac, .sandbox] | join(" ")' "$(mac "$NODE" vethc1) "
		jq_is '.interfaces[2] | [.mac, .sandbox] | join(" ")' "$(mac "$P" veth0) /run/netns/$P"
		jq_is '[.ips[].address] | join(" ")' "10.9.0.50/24 fd00:9::50/64"
		case $v in 0.*) jq_is '[.ips[].version] | join(" ")' "4 6" ;; esac
	done
	for v in 0.1.0 0.2.0; do
		call ve_call ADD c1 eth0 "$P" '{"cniVersion":"'$v'","name":"net-eth0","type":"veth",'"$(keys "$HIJACK")"',
			"prevResult":{"cniVersion":"'$v'","ip4":{"ip":"10.9.0.50/24"}}}'
		refused 7 "failed to find interface from prevResult"
	done
	call ve_call CHECK c1 eth0 "$P" "$(VERSION=0.3.1 ve_conf eth0 "$P")"
	refused 1
	call ve_call GC "" "" "" "$(VERSION=1.0.0 ve_conf eth0 "")"
	refused 1
	run -0 env CNI_COMMAND=VERSION "$BIN/veth" <<<'{"cniVersion":"1.0.0"}'
	jq_is '.supportedVersions | join(" ")' "0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"
}

@test "prevResult is handed on: unknown keys, routes, DNS; the NIC is found by its name, else the first one" {
	nic "$P" eth0 eth0 10.9.0.50 -
	conf='{"cniVersion":"1.1.0","name":"net-eth0","type":"veth",'$(keys "$HIJACK")',"prevResult":{"cniVersion":"1.1.0","x":1,
		"interfaces":[{"name":"br0","y":2},{"name":"eth0","sandbox":"/run/netns/'$P'","mtu":1400}],
		"ips":[{"address":"10.9.0.50/24","interface":1,"gateway":"10.9.0.1"}],
		"routes":[{"dst":"0.0.0.0/0","table":0}],"dns":{"nameservers":["1.1.1.1"]}}}'
	call ve_call ADD c1 eth0 "$P" "$conf"
	succeeded
	jq_is '[.x, .interfaces[0].y, .interfaces[1].mtu, .ips[0].interface, .ips[0].gateway, .routes[0].table,
		.dns.nameservers[0], (.interfaces | length)] | join(" ")' "1 2 1400 1 10.9.0.1 0 1.1.1.1 4"
	ve_call DEL c1 eth0 "$P" "$conf"
	# called for a name that the result has not
	call ve_call ADD c1 net7 "$P" "$(sed 's/{"name":"br0","y":2},//; s/"interface":1/"interface":0/' <<<"$conf")"
	succeeded
	pings "$NODE" 10.9.0.50
}

@test "requests and configurations that make no sense: each with its sentence, nothing is changed" {
	eth0 "$P" 50
	bare=$(all_of "$P")
	good=$(ve_conf eth0 "$P")
	# jq filter|code|sentence
	while IFS='|' read -r filter code want; do
		call ve_call ADD c1 eth0 "$P" "$(jq -c "${filter//;/|}" <<<"$good")"
		refused "$code" "$want" || { echo "with: $filter" && return 1; }
	done <<-'EOT'
		del(.prevResult)|7|must be called as chained plugin
		del(.prevResult) ; .skip_call = true|7|must be called as chained plugin
		.prevResult.ips = []|7|prevResult has no IP address
		.prevResult.interfaces = []|7|failed to find interface from prevResult
		.prevResult.interfaces = [] ; .prevResult.ips[].interface = 5|7|failed to find interface from prevResult
		.prevResult = 5|7|prevResult: want an object
		.prevResult.interfaces[0].name = "net9"|999|pod: interface net9 does not exist
		del(.service_hijack_subnet)|7|config: service_hijack_subnet must be given
		.overlay_hijack_subnet = []|7|config: overlay_hijack_subnet must be given
		.service_hijack_subnet = ["10.96.0.0"]|7|config: service_hijack_subnet[0]: prefix "10.96.0.0"
		.overlay_hijack_subnet = ["fd00::/129"]|7|config: overlay_hijack_subnet[0]
		.additional_hijack_subnet = ["10.0.0.0/8", "what"]|7|config: additional_hijack_subnet[1]
		.service_hijack_subnet = "10.96.0.0/12"|7|config: service_hijack_subnet: want a list
		.mac_prefix = "0a"|7|config: mac_prefix "0a": want two bytes in hexadecimal
		.mac_prefix = "0a:1,"|7|config: mac_prefix
		.mac_prefix = "0b:1b"|7|want an even first byte: an odd one makes a multicast MAC
		.only_op_mac = true|7|only_op_mac is true, but there is no mac_prefix
		.migrate_route = "1"|7|config: migrate_route: want a
		.rp_filter = 2|7|config: rp_filter: want an object
		.ip_conflict = {"interval": "soon"}|7|config: ip_conflict.interval "soon": want a time
		.ip_conflict = {"interval": "-1s"}|7|config: ip_conflict.interval "-1s"
		.ip_conflict = {"retries": 100000}|7|config: ip_conflict.retries
		.state_dir = "run"|7|config: state_dir "run": want an absolute path
		.log_options.log_max_size = "much"|7|config: log_options.log_max_size: want a whole number
		.log_options.log_file = "/etc/passwd"|7|/etc/passwd
		.cniVersion = "9.0.0"|1|9.0.0
	EOT
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
	# what the original forgives is forgiven, and the log says so
	call ve_call ADD c1 eth0 "$P" "$(jq -c '.log_options.log_level = "loud" | .migrate_route = 5 | .bla = 1 |
		.rp_filter = {"set_host": true, "value": 7} | .log_options.log_max_age = "3"' <<<"$good")"
	succeeded
	for t in "log_options.log_level: there is no such level" "migrate_route: want" "rp_filter.value: want" "bla: unknown key"; do
		grep -q "level=warn msg=\"$t" "$DIR/run/ve.log" || { cat "$DIR/run/ve.log" && return 1; }
	done
}
