#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is asked and told on the wire: addresses in use, gateways, announcements. Through Debian's macvlan.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq ip ping tcpdump $CNI_DIR/macvlan
	{
		pool v4 $NET4 10.9.0.10-10.9.0.99 "gateway: $GW4" "default: true"
		pool v6 $NET6 fd00:9::10-fd00:9::99 "gateway: $GW6" "default: true"
		pool lost4 $NET4 10.9.0.110-10.9.0.119 "gateway: 10.9.0.254"
		pool lost6 $NET6 fd00:9::110-fd00:9::119 "gateway: fd00:9::fe"
	} | spiderpoolctl apply -f - >/dev/null
	underlay
	host_new A
	host_new OTHER
	pod_new P
	off=$(chain macvlan '{"master":"eth0"}')
	on=$(chain macvlan '{"master":"eth0"}' '{"enable_ip_conflict_detection":true}')
}

teardown() {
	lib_teardown
}

# quarantined: "ADDRESS MAC" lines
quarantined() {
	spiderpoolctl ip list --state quarantine -o json | jq -r '.items[] | .address + " " + .mac'
}

# gets POD CONF ADDRESSES
gets() {
	call plugin "$A" ADD "c-$1" eth0 "$1" "$2" "$(pod blue "$1")"
	succeeded
	same "$3" "$(addresses "$1" eth0)"
}

@test "an address that another machine has is not given out; it is in quarantine with that machine's MAC" {
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	gets "$P" "$on" '["10.9.0.11/24","fd00:9::10/64"]'
	same "10.9.0.10 $(mac "$OTHER" eth0)" "$(quarantined)"
	grep -q "level=warn msg=\"ip conflict: 10.9.0.10 is in use by $(mac "$OTHER" eth0)" "$STATE/x.log"
	run ! grep -q 'was not checked' "$STATE/x.log"
	# IPv6
	ip -n "$OTHER" addr add fd00:9::11/64 dev eth0 nodad
	pod_new Q
	gets "$Q" "$on" '["10.9.0.12/24","fd00:9::12/64"]'
	same "10.9.0.10 $(mac "$OTHER" eth0)
fd00:9::11 $(mac "$OTHER" eth0)" "$(quarantined)"
	pings "$P" 10.9.0.12 fd00:9::12
	run -0 spiderpoolctl fsck
	# the operator ends it once the other machine has another address
	ip -n "$OTHER" addr flush dev eth0
	plugin "$A" DEL "c-$P" eth0 "$P" "$on"
	spiderpoolctl ip release 10.9.0.10 fd00:9::11 >/dev/null
	pod_new R
	call plugin "$A" ADD cr eth0 "$R" "${on/'"ipam":{'/'"runtimeConfig":{"ips":["10.9.0.10","fd00:9::11"]},"ipam":{'}"
	succeeded
	same '["10.9.0.10/24","fd00:9::11/64"]' "$(addresses "$R" eth0)"
}

@test "control: without detection the same address is given out" {
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	gets "$P" "$off" '["10.9.0.10/24","fd00:9::10/64"]'
	same "" "$(quarantined)"
}

@test "a requested address that another machine has is refused" {
	ip -n "$OTHER" addr add 10.9.0.50/24 dev eth0
	ask='"runtimeConfig":{"ips":["10.9.0.50/24"]},"ipam":{'
	call plugin "$A" ADD c1 eth0 "$P" "${on/'"ipam":{'/$ask}"
	same 1 "$status"
	jq_is .code 11
	has "requested address 10.9.0.50 is in use by $(mac "$OTHER" eth0)"
	same quarantine "$(state_of 10.9.0.50)"
	same 0 "$(in_use)"
	# control
	plugin "$A" DEL c1 eth0 "$P" "$on"
	call plugin "$A" ADD c1 eth0 "$P" "${on/'"ipam":{'/${ask/50/51}}"
	succeeded
	same '["10.9.0.51/24","fd00:9::11/64"]' "$(addresses "$P" eth0)"
}

@test "one machine that answers for everything: refused with its MAC, and its quarantines are undone" {
	ip -n "$OTHER" addr add 10.9.0.250/24 dev eth0
	ip -n "$OTHER" route add local 10.9.0.0/24 dev lo
	call plugin "$A" ADD c1 eth0 "$P" "$on"
	same 1 "$status"
	jq_is .code 11
	has "$(mac "$OTHER" eth0) answers for 10.9.0.10, 10.9.0.11 and 10.9.0.12 alike"
	same "" "$(quarantined)"
	same 0 "$(in_use)"
	# mended
	ip -n "$OTHER" route del local 10.9.0.0/24 dev lo
	plugin "$A" DEL c1 eth0 "$P" "$on"
	call plugin "$A" ADD c1 eth0 "$P" "$on"
	succeeded
}

@test "three machines on three addresses: refused, all three stay in quarantine; a fourth within the hour too" {
	host_new B
	host_new C
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	ip -n "$B" addr add 10.9.0.11/24 dev eth0
	ip -n "$C" addr add 10.9.0.12/24 dev eth0
	small=$(chain macvlan '{"master":"eth0"}' '{"enable_ip_conflict_detection":true,"default_ipv4_ippool":["small"]}')
	spiderpoolctl delete sp v4 >/dev/null # pools of one subnet may not overlap
	pool small $NET4 10.9.0.10-10.9.0.19 | spiderpoolctl apply -f - >/dev/null
	call plugin "$A" ADD c1 eth0 "$P" "$small"
	same 1 "$status"
	jq_is .code 11
	has "all are in quarantine"
	same "10.9.0.10 $(mac "$OTHER" eth0)
10.9.0.11 $(mac "$B" eth0)
10.9.0.12 $(mac "$C" eth0)" "$(quarantined)"
	plugin "$A" DEL c1 eth0 "$P" "$small"
	call plugin "$A" ADD c1 eth0 "$P" "$small"
	succeeded
	same '["10.9.0.14/24"]' "$(addresses "$P" eth0)" # 10.9.0.13, given back by the first ADD, rests
	ip -n "$C" addr add 10.9.0.15/24 dev eth0
	pod_new Q
	call plugin "$A" ADD c2 eth0 "$Q" "$small"
	same 1 "$status"
	has "10.9.0.15 is in use by $(mac "$C" eth0)"
	has "within an hour"
}

@test "the last address of a pool is another machine's: the error says that, not that pods have them all" {
	ip -n "$OTHER" addr add 10.9.0.120/24 dev eth0
	pool last $NET4 10.9.0.120 | spiderpoolctl apply -f - >/dev/null
	call plugin "$A" ADD c1 eth0 "$P" "$(chain macvlan '{"master":"eth0"}' '{"enable_ip_conflict_detection":true,"default_ipv4_ippool":["last"]}')"
	same 1 "$status"
	has "10.9.0.120 is in use by $(mac "$OTHER" eth0)"
	same 0 "$(in_use)"
}

@test "the culprit is a pod of ours: the log names it" {
	gets "$P" "$off" '["10.9.0.10/24","fd00:9::10/64"]'
	ip -n "$P" addr add 10.9.0.11/24 dev eth0
	ip -n "$P" link set eth0 address "$(mac "$P" eth0)"
	pod_new Q
	gets "$Q" "$on" '["10.9.0.12/24","fd00:9::11/64"]'
	grep -q "10.9.0.11 is in use by $(mac "$P" eth0) (pod blue/$P, container c-$P, NIC eth0 of this node, which was given 10.9.0.10" "$STATE/x.log"
}

@test "gateway: asked for, it must answer" {
	gw='"enable_gateway_detection":true'
	call plugin "$A" ADD c1 eth0 "$P" "$(chain macvlan '{"master":"eth0"}' "{$gw}")"
	succeeded
	pod_new Q
	for family in 4 6; do
		conf=$(chain macvlan '{"master":"eth0"}' "{$gw,\"default_ipv${family}_ippool\":[\"lost$family\"]}")
		call plugin "$A" ADD c2 eth0 "$Q" "$conf"
		same 1 "$status"
		jq_is .code 11
		case $family in
		4) has "gateway 10.9.0.254 is unreachable from pod's interface eth0" ;;
		6) has "gateway fd00:9::fe is unreachable from pod's interface eth0" ;;
		esac
		plugin "$A" DEL c2 eth0 "$Q" "$conf"
		same 2 "$(in_use)"
	done
	# control: not asked for
	call plugin "$A" ADD c2 eth0 "$Q" "$(chain macvlan '{"master":"eth0"}' '{"default_ipv4_ippool":["lost4"]}')"
	succeeded
	# a gateway that comes up is found
	ip -n "$UNDERLAY" addr add 10.9.0.254/24 dev br0
	pod_new R
	call plugin "$A" ADD c3 eth0 "$R" "$(chain macvlan '{"master":"eth0"}' "{$gw,\"default_ipv4_ippool\":[\"lost4\"]}")"
	succeeded
}

@test "gateway: a bridge that sets it itself is not asked" {
	gw='"enable_gateway_detection":true,"default_ipv4_ippool":["lost4"],"default_ipv6_ippool":["lost6"]'
	conf=$(chain bridge '{"bridge":"spx0","isGateway":true}' "{$gw}")
	call plugin "$A" ADD c1 eth0 "$P" "$conf"
	succeeded
	grep -q 'the gateway is not checked: bridge sets its address itself' "$STATE/x.log"
	plugin "$A" DEL c1 eth0 "$P" "$conf"
	# control
	call plugin "$A" ADD c1 eth0 "$P" "$(chain bridge '{"bridge":"spx1"}' "{$gw}")"
	same 1 "$status"
	has unreachable
}

# listen: what OTHER hears of ARP and ND, in $DIR/heard
listen() {
	background ip netns exec "$OTHER" tcpdump -l -n -e -i eth0 'arp or icmp6' >"$DIR/heard" 2>"$DIR/tcpdump"
	until_true grep -q 'listening on' "$DIR/tcpdump"
}

# heard TEXT
heard() {
	grep -q -- "$1" "$DIR/heard"
}

# eth0 of the pod is there and up when spiderpool is asked
plug_pod() {
	ip -n "$UNDERLAY" link add pp type veth peer name eth0 netns "$P"
	ip -n "$UNDERLAY" link set pp master br0 up
	ip -n "$P" link set eth0 "$1"
}

@test "a NIC that is up is announced to the neighbours, in both families" {
	plug_pod up
	listen
	until_true sh -c "ip -n $P link show eth0 | grep -q LOWER_UP"
	call ipam ADD c1 eth0 "/run/netns/$P"
	succeeded
	m=$(mac "$P" eth0)
	until_true heard "$m > ff:ff:ff:ff:ff:ff.*who-has 10.9.0.10.* tell 10.9.0.10"
	until_true heard "$m > 33:33:00:00:00:01.*neighbor advertisement, tgt is fd00:9::10"
	# nobody was asked: detection is off
	run ! heard 'tell 0.0.0.0'
	run ! heard 'who has fd00:9::10'
	# control: something that was not announced is not heard
	run ! heard 10.9.0.11
}

@test "a NIC that is down is not announced by spiderpool" {
	plug_pod down
	listen
	call ipam ADD c1 eth0 "/run/netns/$P"
	succeeded
	# something that comes later has been heard
	ip netns exec "$UNDERLAY" ping -n -q -c1 -W1 10.9.0.77 >/dev/null || true
	until_true heard 'who-has 10.9.0.77'
	run ! heard 10.9.0.10
}

@test "detection asks before it announces" {
	listen
	gets "$P" "$on" '["10.9.0.10/24","fd00:9::10/64"]'
	m=$(mac "$P" eth0)
	until_true heard "who-has 10.9.0.10.* tell 10.9.0.10"
	until_true heard "neighbor advertisement, tgt is fd00:9::10"
	same 3 "$(grep -c "$m > .*who-has 10.9.0.10.* tell 0.0.0.0" "$DIR/heard")"
	same 3 "$(grep -c "$m > .* :: > .*who has fd00:9::10" "$DIR/heard")"
	first=$(grep -n "tell 0.0.0.0" "$DIR/heard" | head -1 | cut -d: -f1)
	told=$(grep -n "tell 10.9.0.10" "$DIR/heard" | head -1 | cut -d: -f1)
	[ "$first" -lt "$told" ]
}

@test "a pod's former sandbox that still answers is no stranger: the new one gets the same address" {
	args="IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=p;K8S_POD_UID=u1"
	call plugin "$A" ADD c1 eth0 "$P" "$on" "$args"
	succeeded
	pod_new Q
	call plugin "$A" ADD c2 eth0 "$Q" "$on" "$args"
	succeeded
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses "$Q" eth0)"
	same "" "$(quarantined)"
	# control: a pod that is another one sees a stranger
	pod_new R
	spiderpoolctl ip release --force 10.9.0.10 fd00:9::10 >/dev/null
	ask='"runtimeConfig":{"ips":["10.9.0.10"]},"ipam":{'
	call plugin "$A" ADD c3 eth0 "$R" "${on/'"ipam":{'/$ask}"
	jq_is .code 11
	has "requested address 10.9.0.10 is in use by"
}

@test "a kept address in use by a stranger stays the pod's" {
	keep=$(chain macvlan '{"master":"eth0"}' '{"enable_ip_conflict_detection":true,"keep_ip_by_pod_name":true}')
	args="IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=web-0;K8S_POD_UID=u1"
	call plugin "$A" ADD c1 eth0 "$P" "$keep" "$args"
	succeeded
	plugin "$A" DEL c1 eth0 "$P" "$keep" "$args"
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	pod_new Q
	call plugin "$A" ADD c2 eth0 "$Q" "$keep" "${args/u1/u2}"
	jq_is .code 11
	has "which is kept for this pod, is in use by $(mac "$OTHER" eth0)"
	same kept "$(state_of 10.9.0.10)"
	ip -n "$OTHER" addr flush dev eth0
	plugin "$A" DEL c2 eth0 "$Q" "$keep" "${args/u1/u2}"
	call plugin "$A" ADD c3 eth0 "$Q" "$keep" "${args/u1/u3}"
	succeeded
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses "$Q" eth0)"
}
