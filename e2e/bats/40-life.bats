#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# How long an address is whose: sandboxes, late and repeated calls, kept addresses, reboots, GC, STATUS.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq
	netns_new POD
	NETNS=/run/netns/$POD
	pool v4 10.1.0.0/24 10.1.0.10-10.1.0.19 "default: true" | spiderpoolctl apply -f - >/dev/null
	keep=$(ipam_conf '{"keep_ip_by_pod_name":true}')
	agile=$(ipam_conf '{"cooldown_seconds":0}')
}

teardown() {
	lib_teardown
}

# add CONTAINER CNI_ARGS CONF ADDRESS [NETNS]: must give that address
add() {
	call ipam ADD "$1" eth0 "${5:-$NETNS}" "$2" "$3"
	succeeded
	has "\"$4/24\""
}

del() { # CONTAINER [NETNS] [CONF]
	call ipam DEL "$1" eth0 "${2-$NETNS}" "" "${3:-$(ipam_conf)}"
	succeeded
	same "" "$output"
}

uid() { # NAME UID
	echo "IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=$1;K8S_POD_UID=$2"
}

@test "a new sandbox of the same pod gets the same address; the late DEL of the old one takes nothing away" {
	conf=$(ipam_conf)
	add c1 "$(uid web u1)" "$conf" 10.1.0.10
	add c2 "$(uid web u1)" "$conf" 10.1.0.10
	del c1
	del c1
	same in-use "$(state_of 10.1.0.10)"
	add c2 "$(uid web u1)" "$conf" 10.1.0.10
	# the old one again, late: then it is that one's, and the DEL of the newer one takes nothing away
	add c1 "$(uid web u1)" "$conf" 10.1.0.10
	del c2
	same in-use "$(state_of 10.1.0.10)"
	del c1
	same cooling "$(state_of 10.1.0.10)"
	# control: another pod, and another UID of this pod, get other addresses
	add c3 "$(uid web u1)" "$conf" 10.1.0.11
	add c4 "$(uid other u2)" "$conf" 10.1.0.12
	add c5 "$(uid web u3)" "$conf" 10.1.0.13
	run -0 spiderpoolctl fsck
}

@test "an ADD that fails on the wire takes nothing from a running container" {
	ip -n "$POD" link add eth0 type veth peer name eth1
	ip -n "$POD" link set eth0 up
	ip -n "$POD" link set eth1 up
	pool gw 10.4.0.0/24 10.4.0.10-10.4.0.19 "gateway: 10.4.0.1" | spiderpoolctl apply -f - >/dev/null
	conf=$(ipam_conf '{"default_ipv4_ippool":["gw"]}')
	asks=$(ipam_conf '{"default_ipv4_ippool":["gw"],"enable_gateway_detection":true,"detect_probes":1,"detect_interval_ms":20}')
	add c1 "$(uid web u-web)" "$conf" 10.4.0.10
	# the same container once more, a new sandbox of the same pod, and as a control another pod
	for c in c1 c2 c3; do
		[ $c = c3 ] && who=other || who=web
		call ipam ADD $c eth0 "$NETNS" "$(uid $who u-$who)" "$asks"
		refused 11 "gateway 10.4.0.1 is unreachable"
		same in-use "$(state_of 10.4.0.10)"
		same 1 "$(in_use)"
		run -0 spiderpoolctl fsck
	done
	# and it is its own: its DEL gives it back
	del c2
	same in-use "$(state_of 10.4.0.10)"
	del c1
	same cooling "$(state_of 10.4.0.10)"
}

@test "without names: a container is all there is" {
	conf=$(ipam_conf)
	add c1 "" "$conf" 10.1.0.10
	add c2 "" "$conf" 10.1.0.11
	add c1 "" "$conf" 10.1.0.10
	del c1
	del c2
	same 0 "$(in_use)"
}

@test "DEL without a network namespace, with one that is gone, without a state directory" {
	conf=$(ipam_conf)
	add c1 "" "$conf" 10.1.0.10
	add c2 "" "$conf" 10.1.0.11
	del c1 ""
	del c2 "$DIR/gone"
	same 0 "$(in_use)"
	del never ""
	rm -rf "$STATE"
	del c1 ""
	[ ! -e "$STATE" ]
	# control: ADD does not do without
	call ipam ADD c1 eth0 "$NETNS" "" "$conf"
	refused 5 "does not exist"
	call ipam ADD c1 eth0 "$DIR/gone" "" "$conf"
	same 1 "$status"
}

@test "a freed address rests; cooldown_seconds 0: it comes at once" {
	conf=$(ipam_conf)
	add c1 "" "$conf" 10.1.0.10
	del c1
	same cooling "$(state_of 10.1.0.10)"
	add c2 "" "$conf" 10.1.0.11
	del c2
	# 10.1.0.12 to .19 are fresh, then those that rest come, the longest first
	for n in 12 13 14 15 16 17 18 19 10 11; do
		add d$n "" "$conf" 10.1.0.$n
	done
	call ipam ADD e eth0 "$NETNS" "" "$conf"
	refused 11 "used out"
	for n in 12 10; do
		del d$n
		call ipam ADD f$n eth0 "$NETNS" "" "$agile"
		succeeded
		has "10.1.0.$n/24"
	done
}

@test "while a freed address rests, the next block of the pool serves" {
	pool two 10.2.0.0/24 10.2.0.62-10.2.0.65 | spiderpoolctl apply -f - >/dev/null
	two='{"default_ipv4_ippool":["two"]}'
	for n in 62 63; do add c$n "" "$(ipam_conf "$two")" 10.2.0.$n; done
	del c62
	add d "" "$(ipam_conf "$two")" 10.2.0.64
	# control: it need not rest
	add e "" "$(ipam_conf '{"cooldown_seconds":0,"default_ipv4_ippool":["two"]}')" 10.2.0.62
}

@test "a fixed address: kept for the pod's name when the pod is gone, until an operator lets it go" {
	add c1 "$(uid db u1)" "$keep" 10.1.0.10
	del c1
	same kept "$(state_of 10.1.0.10)"
	add c2 "$(uid other u2)" "$keep" 10.1.0.11
	add c3 "$(uid db u3)" "$keep" 10.1.0.10
	del c3
	# another namespace is another name
	add c4 "IgnoreUnknown=1;K8S_POD_NAMESPACE=green;K8S_POD_NAME=db;K8S_POD_UID=u4" "$keep" 10.1.0.12
	spiderpoolctl ip release 10.1.0.10 >/dev/null
	add c5 "$(uid db u5)" "$keep" 10.1.0.13
	# control: without keep_ip_by_pod_name it is not kept
	add c6 "$(uid once u6)" "$(ipam_conf)" 10.1.0.14
	del c6
	same cooling "$(state_of 10.1.0.14)"
}

@test "a fixed address follows only when its former sandbox is gone" {
	netns_new OLD
	add c1 "$(uid db u1)" "$keep" 10.1.0.10 "/run/netns/$OLD"
	# the same name, another pod, and the old network namespace is still there: it may be alive
	call ipam ADD c2 eth0 "$NETNS" "$(uid db u2)" "$keep"
	refused 11 "still held by its former sandbox c1"
	ip netns del "$OLD"
	add c2 "$(uid db u2)" "$keep" 10.1.0.10
	del c1
	same in-use "$(state_of 10.1.0.10)"
	# another namespace under the old path does not count as the old one
	netns_new NEXT
	add c3 "$(uid db2 u3)" "$keep" 10.1.0.11 "/run/netns/$NEXT"
	ip netns del "$NEXT"
	ip netns add "$NEXT"
	add c4 "$(uid db2 u4)" "$keep" 10.1.0.11
}

# rebooted COMMAND...: the kernel's boot ID is another one
rebooted() {
	echo 00000000-0000-4000-8000-000000000001 >"$DIR/boot_id"
	# shellcheck disable=SC2016
	unshare -m bash -ec 'mount --bind "$0" /proc/sys/kernel/random/boot_id; exec "$@"' "$DIR/boot_id" "$@"
}

@test "after a reboot nobody holds what he held, and what is kept is kept" {
	export -f ipam ipam_conf
	export BIN STATE
	conf=$(ipam_conf)
	add c1 "$(uid web u1)" "$conf" 10.1.0.10
	add c2 "$(uid db u2)" "$keep" 10.1.0.11
	add c3 "" "$conf" 10.1.0.12
	# the first ADD after the reboot finds out
	call rebooted bash -c 'ipam ADD c4 eth0 "$0" "" "$1"' "$NETNS" "$conf"
	succeeded
	has 10.1.0.13/24
	same "cooling kept cooling in-use" "$(state_of 10.1.0.10) $(state_of 10.1.0.11) $(state_of 10.1.0.12) $(state_of 10.1.0.13)"
	call rebooted bash -c 'ipam ADD c5 eth0 "$0" "$1" "$2"' "$NETNS" "$(uid db u5)" "$keep"
	succeeded
	has 10.1.0.11/24
	# the second one frees nothing any more
	same in-use "$(state_of 10.1.0.13)"
	call rebooted bash -c 'ipam DEL c1 eth0 "" "" "$0"' "$conf"
	succeeded
	run -0 spiderpoolctl fsck
}

@test "control: without a reboot the same ADD frees nothing" {
	conf=$(ipam_conf)
	add c1 "$(uid web u1)" "$conf" 10.1.0.10
	add c2 "" "$conf" 10.1.0.11
	add c4 "" "$conf" 10.1.0.12
	same "in-use in-use" "$(state_of 10.1.0.10) $(state_of 10.1.0.11)"
}

# gc CONF JSON-LIST [KEY]
gc() {
	local conf=$1
	call ipam GC "" "" "" "" "$(with_version 1.1.0 "${conf%\}},\"${3:-cni.dev/valid-attachments}\":$2}")"
}

@test "GC frees what this network has beside its valid attachments, and nothing of another network" {
	conf=$(ipam_conf)
	second=${conf/'"name":"net"'/'"name":"second"'}
	add c1 "" "$conf" 10.1.0.10
	add c2 "" "$conf" 10.1.0.11
	add c3 "" "$second" 10.1.0.12
	call ipam ADD c1 eth1 "$NETNS" "" "$conf"
	succeeded
	gc "$conf" '[{"containerID":"c1","ifname":"eth0"}]'
	succeeded
	same "" "$output"
	states() {
		echo "$(state_of 10.1.0.10) $(state_of 10.1.0.11) $(state_of 10.1.0.12) $(state_of 10.1.0.13)"
	}
	same "in-use cooling in-use cooling" "$(states)"
	gc "$conf" '[{"containerID":"c1","ifname":"eth0"}]' cni.dev/attachments
	succeeded
	same "in-use cooling in-use cooling" "$(states)"
	# the same again with nothing valid; Go writes an empty list as null
	gc "$conf" null
	succeeded
	same "cooling cooling in-use cooling" "$(states)"
	gc "$second" '[]'
	succeeded
	same "cooling cooling cooling cooling" "$(states)"
	run -0 spiderpoolctl fsck
}

@test "GC without a list frees nothing" {
	conf=$(ipam_conf)
	add c1 "" "$conf" 10.1.0.10
	call ipam GC "" "" "" "" "$(with_version 1.1.0 "$conf")"
	refused 7 valid-attachments
	gc "$conf" '"all"'
	same 1 "$status"
	gc "$conf" '[{"containerID":"c1"}]'
	same 1 "$status"
	same in-use "$(state_of 10.1.0.10)"
	# kept addresses stay kept
	add c2 "$(uid db u1)" "$keep" 10.1.0.11
	gc "$conf" '[]'
	succeeded
	same "cooling kept" "$(state_of 10.1.0.10) $(state_of 10.1.0.11)"
}

@test "STATUS: 50 when nothing could be given out at all, not when a pool is full" {
	status_of() { # JSON of ipam
		call ipam STATUS "" "" "" "" "$(with_version 1.1.0 "$(ipam_conf "$1")")"
	}
	status_of '{}'
	succeeded
	status_of '{"default_ipv4_ippool":["v4"]}'
	succeeded
	status_of '{"default_ipv4_ippool":["none","v*"]}'
	succeeded
	status_of '{"default_ipv4_ippool":["none"]}'
	refused 50 "none of the pools"
	status_of '{"default_ipv4_ippool":["x*"],"default_ipv6_ippool":["y"]}'
	refused 50 "none of the pools"
	status_of '{"log_level":"loud"}'
	refused 7
	for n in $(seq 10); do ipam ADD c$n eth0 "$NETNS" >/dev/null; done
	status_of '{}'
	succeeded
	for n in $(seq 10); do ipam DEL c$n eth0 "$NETNS"; done
	spiderpoolctl delete sp v4 >/dev/null
	status_of '{}'
	refused 50 "there is no SpiderIPPool"
	rm -rf "$STATE"
	status_of '{"log_file_path":""}'
	refused 50 "does not exist"
}

@test "datastore agent without an agent: ADD may be tried again, STATUS says 50, DEL does not hold up a pod" {
	for agent in '"datastore":"agent",' ''; do
		conf='{"cniVersion":"1.1.0","name":"net","ipam":{"type":"spiderpool",'$agent'"ipam_unix_socket_path":"'$DIR'/none.sock","state_dir":"'$STATE'","log_file_path":""}}'
		call ipam ADD c1 eth0 "$NETNS" "" "$conf"
		refused 11 "spiderpool-agent is not reachable at $DIR/none.sock"
		call ipam STATUS "" "" "" "" "$conf"
		refused 50 "spiderpool-agent is not reachable at $DIR/none.sock"
		call ipam DEL c1 eth0 "$NETNS" "" "$conf"
		succeeded
	done
	same 0 "$(in_use)"
}
