#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Debian's macvlan, bridge, ptp and host-device with spiderpool behind them: what the kernel has afterwards.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq ip ping $CNI_DIR/macvlan $CNI_DIR/bridge $CNI_DIR/ptp $CNI_DIR/host-device
	{
		pool v4 $NET4 10.9.0.10-10.9.0.99 "gateway: $GW4" "default: true"
		pool v6 $NET6 fd00:9::10-fd00:9::99 "gateway: $GW6" "default: true"
		pool routed $NET4 10.9.0.110-10.9.0.119 "gateway: $GW4" "routes: [{dst: 198.51.100.0/24, gw: 10.9.0.7}]"
		pool local4 10.20.0.0/24 10.20.0.10-10.20.0.99 "gateway: 10.20.0.1"
		pool local6 fd00:20::/64 fd00:20::10-fd00:20::99 "gateway: fd00:20::1"
	} | spiderpoolctl apply -f - >/dev/null
	macvlan=$(chain macvlan '{"master":"eth0"}')
}

teardown() {
	lib_teardown
}

# as_told RESULT POD NIC: the kernel has the addresses of the result
as_told() {
	same "$(addresses_in "$1")" "$(addresses "$2" "$3")"
}

@test "macvlan, dual stack: pods on two hosts reach each other, the router and beyond" {
	underlay
	host_new A
	host_new B
	pod_new PA
	pod_new PB
	a=$(plugin "$A" ADD ca eth0 "$PA" "$macvlan")
	b=$(plugin "$B" ADD cb eth0 "$PB" "$macvlan")
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses_in "$a")"
	same '["10.9.0.11/24","fd00:9::11/64"]' "$(addresses_in "$b")"
	as_told "$a" "$PA" eth0
	as_told "$b" "$PB" eth0
	same "$GW4 eth0" "$(default_route "$PA" 4)"
	same "$GW6 eth0" "$(default_route "$PA" 6)"
	same "$(mac "$PA" eth0) /run/netns/$PA" "$(jq -r '.interfaces[0] | .mac + " " + .sandbox' <<<"$a")"
	pings "$PA" 10.9.0.11 fd00:9::11 $GW4 $GW6 $FAR4 $FAR6
	pings "$PB" 10.9.0.10
	# control: an address that nobody has
	pings_not "$PA" 10.9.0.12
	plugin "$A" DEL ca eth0 "$PA" "$macvlan"
	plugin "$B" DEL cb eth0 "$PB" "$macvlan"
	same "[] []" "$(addresses "$PA" lo) $(addresses "$PB" lo)"
	run ! ip -n "$PA" link show eth0
	pings_not "$PA" 10.9.0.11
	same 0 "$(in_use)"
}

@test "macvlan: IPv4 alone, IPv6 alone" {
	underlay
	host_new A
	pod_new P4
	pod_new P6
	four=$(chain macvlan '{"master":"eth0"}' '{"default_ipv4_ippool":["v4"]}')
	six=$(chain macvlan '{"master":"eth0"}' '{"default_ipv6_ippool":["v6"]}')
	r=$(plugin "$A" ADD c4 eth0 "$P4" "$four")
	same '["10.9.0.10/24"]' "$(addresses_in "$r")"
	as_told "$r" "$P4" eth0
	pings "$P4" $FAR4
	same "" "$(default_route "$P4" 6)"
	r=$(plugin "$A" ADD c6 eth0 "$P6" "$six")
	same '["fd00:9::10/64"]' "$(addresses_in "$r")"
	as_told "$r" "$P6" eth0
	pings "$P6" $FAR6
	same "" "$(default_route "$P6" 4)"
}

@test "macvlan in every version that it speaks: ADD, ADD again after DEL, CHECK, DEL" {
	underlay
	host_new A
	pod_new P
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
		conf=$(with_version $v "$macvlan")
		r=$(plugin "$A" ADD c eth0 "$P" "$conf")
		# address of each family and gateway, as this version writes them
		told=$(jq -c 'if .ip4 then [.ip4.ip, .ip6.ip] else [.ips[].address] end | sort' <<<"$r")
		same "$v $told" "$v $(addresses "$P" eth0)"
		pings "$P" $FAR4
		case $v in
		0.4.0 | 1.0.0) plugin "$A" CHECK c eth0 "$P" "$(with_prev "$conf" "$r")" ;;
		esac
		plugin "$A" DEL c eth0 "$P" "$conf"
		plugin "$A" DEL c eth0 "$P" "$conf"
	done
	same 0 "$(in_use)"
}

@test "CHECK through macvlan: an address that the pod lost, one that the store lost" {
	underlay
	host_new A
	pod_new P
	conf=$(chain macvlan '{"master":"eth0"}' '{"default_ipv4_ippool":["v4"]}')
	r=$(plugin "$A" ADD c eth0 "$P" "$conf")
	call plugin "$A" CHECK c eth0 "$P" "$(with_prev "$conf" "$r")"
	succeeded
	ip -n "$P" addr del 10.9.0.10/24 dev eth0
	call plugin "$A" CHECK c eth0 "$P" "$(with_prev "$conf" "$r")"
	same 1 "$status"
	ip -n "$P" addr add 10.9.0.10/24 dev eth0
	ip -n "$P" route add default via $GW4
	call plugin "$A" CHECK c eth0 "$P" "$(with_prev "$conf" "$r")"
	succeeded
	spiderpoolctl ip release --force 10.9.0.10 >/dev/null
	call plugin "$A" CHECK c eth0 "$P" "$(with_prev "$conf" "$r")"
	same 1 "$status"
	has "no address is recorded"
}

@test "routes in the pod: of the pool, of the annotation, and without a gateway" {
	underlay
	host_new A
	pod_new P
	pod_new Q
	more='{"master":"eth0","args":{"cni":{"ipam.spidernet.io/routes":[{"dst":"203.0.113.0/24","gw":"10.9.0.8"}]}}}'
	call plugin "$A" ADD c eth0 "$P" "$(chain macvlan "$more" '{"default_ipv4_ippool":["routed"]}')"
	succeeded
	routes() {
		ip -n "$1" -j -4 route | jq -r '[.[] | select(.gateway) | "\(.dst) \(.gateway) \(.dev)"] | sort | join(", ")'
	}
	same "198.51.100.0/24 10.9.0.7 eth0, 203.0.113.0/24 10.9.0.8 eth0, default 10.9.0.1 eth0" "$(routes "$P")"
	call plugin "$A" ADD d eth0 "$Q" "$(chain macvlan "$more" '{"default_ipv4_ippool":["routed"],"clean_gateway":true}')"
	succeeded
	same "198.51.100.0/24 10.9.0.7 eth0, 203.0.113.0/24 10.9.0.8 eth0" "$(routes "$Q")"
	pings "$P" $FAR4
	pings_not "$Q" $FAR4
}

@test "bridge: the pool's gateway is on the bridge" {
	netns_new H
	no_dad "$H"
	pod_new P
	pod_new Q
	conf=$(chain bridge '{"bridge":"cni0","isGateway":true}' '{"default_ipv4_ippool":["local4"],"default_ipv6_ippool":["local6"]}')
	r=$(plugin "$H" ADD c1 eth0 "$P" "$conf")
	as_told "$r" "$P" eth0
	same '["10.20.0.1/24","fd00:20::1/64"]' "$(addresses "$H" cni0)"
	plugin "$H" ADD c2 eth0 "$Q" "$conf" >/dev/null
	pings "$P" 10.20.0.1 fd00:20::1 10.20.0.11 fd00:20::11
	pings "$H" 10.20.0.10
	call plugin "$H" CHECK c1 eth0 "$P" "$(with_prev "$conf" "$r")"
	succeeded
	plugin "$H" DEL c1 eth0 "$P" "$conf"
	plugin "$H" DEL c2 eth0 "$Q" "$conf"
	same 0 "$(in_use)"
	pings_not "$H" 10.20.0.10
}

@test "ptp: the interface is made after spiderpool was asked; detection is skipped, and the log says so" {
	netns_new H
	no_dad "$H"
	pod_new P
	conf=$(chain ptp '{}' '{"default_ipv4_ippool":["local4"],"default_ipv6_ippool":["local6"],
		"enable_ip_conflict_detection":true,"enable_gateway_detection":true}')
	r=$(plugin "$H" ADD c1 eth0 "$P" "$conf")
	as_told "$r" "$P" eth0
	pings "$P" 10.20.0.1 fd00:20::1
	pings "$H" 10.20.0.10 fd00:20::10
	grep -q '10.20.0.10 was not checked' "$STATE/x.log"
	call plugin "$H" CHECK c1 eth0 "$P" "$(with_prev "$conf" "$r")"
	succeeded
	plugin "$H" DEL c1 eth0 "$P" "$conf"
	same 0 "$(in_use)"
	pings_not "$H" 10.20.0.10
}

@test "host-device: a device of the host goes into the pod and comes back" {
	underlay
	host_new A
	pod_new P
	conf=$(chain host-device '{"device":"eth0"}')
	r=$(plugin "$A" ADD c1 net1 "$P" "$conf")
	as_told "$r" "$P" net1
	same "$GW4 net1" "$(default_route "$P" 4)"
	pings "$P" $FAR4 $FAR6
	run ! ip -n "$A" link show eth0
	plugin "$A" DEL c1 net1 "$P" "$conf"
	ip -n "$A" link show eth0
	same 0 "$(in_use)"
}

@test "two NICs of a pod, two networks" {
	underlay
	host_new A
	pod_new P
	second=${macvlan/'"name":"net"'/'"name":"second"'}
	plugin "$A" ADD c1 eth0 "$P" "$macvlan" "$(pod blue web)" >/dev/null
	plugin "$A" ADD c1 net1 "$P" "$(echo "$second" | sed 's/"state_dir"/"clean_gateway":true,&/')" "$(pod blue web)" >/dev/null
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses "$P" eth0)"
	same '["10.9.0.11/24","fd00:9::11/64"]' "$(addresses "$P" net1)"
	same "$GW4 eth0" "$(default_route "$P" 4)"
	run -0 spiderpoolctl get spiderendpoints -n blue -o json
	jq_is '.items[0].status.current.ips | map(.interface + " " + .ipv4) | sort | join(", ")' \
		"eth0 10.9.0.10/24, net1 10.9.0.11/24"
	# DEL of one leaves the other
	plugin "$A" DEL c1 eth0 "$P" "$macvlan" "$(pod blue web)"
	same 2 "$(in_use)"
	same in-use "$(state_of 10.9.0.11)"
}

@test "a chain that fails: code and sentence reach the runtime, nothing is left" {
	underlay
	host_new A
	pod_new P
	call plugin "$A" ADD c1 eth0 "$P" "$(chain macvlan '{"master":"none0"}')"
	same 1 "$status"
	same 0 "$(in_use)"
	pool one $NET4 10.9.0.200 | spiderpoolctl apply -f - >/dev/null
	one=$(chain macvlan '{"master":"eth0"}' '{"default_ipv4_ippool":["one"]}')
	pod_new Q
	plugin "$A" ADD c2 eth0 "$Q" "$one" >/dev/null
	call plugin "$A" ADD c1 eth0 "$P" "$one"
	same 1 "$status"
	has '"code": 11'
	has "all IP addresses used out"
	plugin "$A" DEL c1 eth0 "$P" "$one" # as a runtime does then: this macvlan leaves the link
	run ! ip -n "$P" link show eth0
	same 1 "$(in_use)"
}

@test "a list of plugins, run by spiderpoolctl: macvlan with spiderpool, then tuning" {
	need $CNI_DIR/tuning
	underlay
	host_new A
	pod_new P
	m=${macvlan#\{} # its members, without those of the list
	m=${m#*'"name":"net",'}
	cat >"$DIR/list.conflist" <<-EOT
		{"cniVersion":"1.0.0","name":"net","plugins":[
		  {"capabilities":{"ips":true},${m%\}}},
		  {"type":"tuning","mtu":1400,"sysctl":{"net.ipv4.conf.eth0.arp_filter":"1"}}]}
	EOT
	runner() { # VERB [OPTION]...
		local verb=$1
		shift
		call ip netns exec "$A" spiderpoolctl cni "$verb" "$DIR/list.conflist" "$P" --cache-dir "$DIR/cache" \
			--cni-path "$BIN:$CNI_DIR" "$@"
	}
	runner add --capability-args '{"ips":["10.9.0.42/24"],"portMappings":[]}'
	succeeded
	jq_is '[.ips[].address] | sort | join(" ")' "10.9.0.42/24 fd00:9::10/64"
	as_told "$output" "$P" eth0
	same "1400 1" "$(ip -n "$P" -j link show eth0 | jq '.[0].mtu') $(ip netns exec "$P" cat /proc/sys/net/ipv4/conf/eth0/arp_filter)"
	pings "$P" $FAR4 $FAR6
	runner check
	succeeded
	ip -n "$P" addr del 10.9.0.42/24 dev eth0
	runner check
	[ "$status" != 0 ]
	runner del
	succeeded
	runner del
	succeeded
	run ! ip -n "$P" link show eth0
	same 0 "$(in_use)"
}

@test "thirty pods at once" {
	underlay
	host_new A
	n=30
	for i in $(seq $n); do
		pod_new P
		echo "$P" >>"$DIR/pods"
	done
	all() { # VERB
		local i=0 p pids=()
		while read -r p; do
			i=$((i + 1))
			plugin "$A" "$1" "c$i" eth0 "$p" "$macvlan" "$(pod blue "web-$i")" >"$DIR/out.$i" 3>&- &
			pids+=($!)
		done <"$DIR/pods"
		for p in "${pids[@]}"; do wait "$p" || return 1; done
	}
	all ADD
	same $((2 * n)) "$(jq -r '.ips[].address' "$DIR"/out.* | sort -u | wc -l)"
	same $((2 * n)) "$(in_use)"
	while read -r p; do ip -n "$p" -o addr show dev eth0 scope global; done <"$DIR/pods" | awk '{ print $4 }' | sort >"$DIR/kernel"
	jq -r '.ips[].address' "$DIR"/out.* | sort | diff - "$DIR/kernel"
	run -0 spiderpoolctl fsck
	all DEL
	same 0 "$(in_use)"
	run -0 spiderpoolctl fsck
}
