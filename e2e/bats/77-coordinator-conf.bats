#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator: its options one by one, every version and verb, configurations that are refused.

load lib
load world
load podnet

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

link() { # NETNS NIC FILTER
	ip -n "$1" -j addr show dev "$2" | jq -r ".[0] | $3"
}

@test "txQueueLen: of the pod's NIC, not of the node's of that name; DEL puts it back" {
	eth0 "$P" 50
	was=$(link "$P" eth0 .txqlen) node=$(link "$NODE" eth0 .txqlen)
	co ADD c1 eth0 "$P" '"txQueueLen":0'
	same "$was" "$(link "$P" eth0 .txqlen)"
	co ADD c1 eth0 "$P" '"txQueueLen":1234'
	same "1234 $node" "$(link "$P" eth0 .txqlen) $(link "$NODE" eth0 .txqlen)"
	co DEL c1 eth0 "$P"
	same "$was" "$(link "$P" eth0 .txqlen)"
}

@test "podMACPrefix: from the address, told to the neighbours and in the result; DEL puts it back" {
	need tcpdump
	eth0 "$P" 50
	was=$(mac "$P" eth0)
	pings "$UNDERLAY" 10.9.0.50 fd00:9::50
	background ip netns exec "$UNDERLAY" tcpdump -i br0 -nel --immediate-mode 'arp or (icmp6 and ip6[40] == 136)' \
		>"$DIR/wire" 2>"$DIR/tcpdump"
	until_true grep -q 'listening on' "$DIR/tcpdump"
	co ADD c1 eth0 "$P" '"podMACPrefix":"0A-1b"'
	mac=0a:1b:0a:09:00:32
	same "$mac" "$(mac "$P" eth0)"
	jq_is '.interfaces[] | select(.name == "eth0").mac' $mac
	until_true grep -q "$mac.*10.9.0.50.*10.9.0.50\|$mac.*10.9.0.50 is-at" "$DIR/wire"
	until_true grep -q "$mac.*fd00:9::50" "$DIR/wire"
	pings "$UNDERLAY" 10.9.0.50 fd00:9::50
	pings "$NODE" 10.9.0.50
	co DEL c1 eth0 "$P"
	same "$was" "$(mac "$P" eth0)"
	# IPv6 alone: the last four bytes, zeros among them
	pod_plain Q
	nic "$Q" eth0 eth0 - 2001:db8:9::1:0:203
	co ADD c2 eth0 "$Q" '"podMACPrefix":"02:00"'
	same 02:00:00:00:02:03 "$(mac "$Q" eth0)"
}

@test "vethMTU, vethLinkAddress, hostRuleTable, podRPFilter, podDefaultCniNic" {
	eth0 "$P" 50
	co ADD c1 eth0 "$P" '"vethMTU":1400,"vethLinkAddress":"169.254.200.1","hostRuleTable":70000,"podRPFilter":-1'
	same "1400 1400" "$(link "$P" veth0 .mtu) $(link "$NODE" vethc1 .mtu)"
	same "169.254.200.1/32" "$(link "$P" veth0 '.addr_info[] | select(.family == "inet") | "\(.local)/\(.prefixlen)"')"
	same "4 1000 from all lookup 70000,6 1000 from all lookup 70000" "$(rules_of "$NODE" | paste -sd,)"
	same "4 70000 10.9.0.50 dev vethc1 scope link" "$(routes_of "$NODE" | grep '^4 70000')"
	pings "$NODE" 10.9.0.50 fd00:9::50
	co DEL c1 eth0 "$P"
	same "" "$(rules_of "$NODE")"
	# left alone when negative: somebody else's value
	sysctls "$P" ipv4/conf/all/rp_filter=2
	co ADD c1 eth0 "$P" '"podRPFilter":-1'
	same 2 "$(setting "$P" ipv4/conf/all/rp_filter)"
	co ADD c1 eth0 "$P"
	same 0 "$(setting "$P" ipv4/conf/all/rp_filter)"
	co DEL c1 eth0 "$P"
	# too little for IPv6
	co_try ADD c1 eth0 "$P" '"vethMTU":1279'
	refused 7 "vethMTU 1279: eth0 has an IPv6 address; want 1280 or more"
	# the first NIC has another name
	nic "$P" ens1 eth1 10.8.0.50 -
	co_try ADD c1 ens1 "$P" '"mode":"underlay"'
	refused 7 "auxiliary interface veth0 was not created by the previous interface"
	co ADD c1 ens1 "$P" '"podDefaultCniNic":"ens1"'
	same 10.8.0.50 "$(routes_of "$P" | awk '/^4 main 10.9.0.2 / { print $7 }')"
	pings "$NODE" 10.8.0.50
}

@test "mode: auto, underlay, overlay, disable and disabled" {
	eth0 "$P" 50
	net1 "$P" 50
	bare=$(all_of "$P")
	prev='{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[],"extra":{"kept":[1,null]}}'
	for mode in disable disabled; do
		conf=$(co_conf eth0 "$P" '"mode":"'$mode'","vethMTU":1')
		call co_call ADD c1 eth0 "$P" "${conf%\"prevResult\"*}\"prevResult\":$prev}"
		refused 7 vethMTU
		conf=$(co_conf eth0 "$P" '"mode":"'$mode'","podMACPrefix":"xx:yy"')
		call co_call ADD c1 eth0 "$P" "${conf%\"prevResult\"*}\"prevResult\":$prev}"
		succeeded
		same "$(jq -S . <<<"$prev")" "$(jq -S . <<<"$output")"
		co CHECK c1 eth0 "$P" '"mode":"'$mode'"'
		co DEL c1 eth0 "$P" '"mode":"'$mode'"'
	done
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
	co_try ADD c1 eth0 "$P" '"mode":"overlay"'
	refused 7 "overlay is for additional NICs"
	co ADD c1 eth0 "$P" '"mode":"underlay"'
	co_try ADD c1 net1 "$P" '"mode":"overlay"'
	refused 7 "mode: overlay, but the pod has veth0"
	co ADD c1 net1 "$P" '"mode":"underlay"'
	co DEL c1 net1 "$P"
	co DEL c1 eth0 "$P"
	co_try ADD c1 net1 "$P" '"mode":"underlay"'
	refused 7 "auxiliary interface veth0"
	# auto without veth0 is overlay, and this eth0 leads nowhere
	co_try ADD c1 net1 "$P" '"mode":"auto"'
	refused 999 "pod: interface eth0 of kind macvlan has no other end on the node"
	same "$bare" "$(all_of "$P")"
	pod_plain Q
	ip -n "$Q" link add link lo name eth0 type bridge 2>/dev/null || ip -n "$Q" link add eth0 type bridge
	co_try ADD c2 eth0 "$Q"
	refused 999 'no usable IP addresses on "eth0"'
	co_try ADD c2 eth7 "$Q"
	refused 999 'interface eth7 does not exist'
}

# as VERSION RESULT [KEY OF THE REQUEST]: a request in that version
as() {
	printf '{"cniVersion":"%s","name":"net-eth0","type":"coordinator","stateDir":"%s","agentSocket":"%s"%s%s}' "$1" "$DIR/run" \
		"$DIR/agent.sock" "${2:+,\"prevResult\":$2}" "${3:+,$3}"
}

@test "every version and verb" {
	eth0 "$P" 50
	new='{"interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/x"}],"ips":[{"address":"10.9.0.50/24","gateway":"10.9.0.1","interface":0},{"address":"fd00:9::50/64","interface":0}],"routes":[{"dst":"0.0.0.0/0","table":0}],"unknown":{"a":0}}'
	old='{"ip4":{"ip":"10.9.0.50/24","gateway":"10.9.0.1","routes":[{"dst":"0.0.0.0/0"}]},"ip6":{"ip":"fd00:9::50/64"},"dns":{}}'
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		prev=$new
		case $v in 0.1.0 | 0.2.0) prev=$old ;; esac
		call co_call ADD c1 eth0 "$P" "$(as $v "$prev")"
		succeeded
		case $v in
		0.1.0 | 0.2.0) jq_is '[.cniVersion, .ip4.ip, .ip6.ip, .interfaces] | @csv' \
			'"'$v'","10.9.0.50/24","fd00:9::50/64",' ;;
		*) jq_is '[.cniVersion, .ips[].address, .ips[].interface, .routes[0].table, .unknown.a,
				(.interfaces[] | .name, .mac, .sandbox)] | join(" ")' \
			"$v 10.9.0.50/24 fd00:9::50/64 0 0 0 0 eth0 02:00:00:00:00:01 /x vethc1 $(mac "$NODE" vethc1)  veth0 $(
				mac "$P" veth0) /run/netns/$P" ;;
		esac
		result=$output
		call co_call CHECK c1 eth0 "$P" "$(as $v "$result")"
		case $v in 0.[123]*) refused 1 "" ;; *) succeeded ;; esac
		for verb in GC STATUS; do
			call co_call $verb "" "" "" "$(as $v "" '"cni.dev/valid-attachments":[{"containerID":"c1","ifname":"eth0"}]')"
			case $v in 1.1.0) succeeded && same "" "$output" ;; *) refused 1 "" ;; esac
		done
		pings "$NODE" 10.9.0.50
		call co_call DEL c1 eth0 "$P" "$(as $v)"
		succeeded
		same "" "$output"
	done
	call co_call VERSION "" "" "" '{"cniVersion":"1.0.0"}'
	jq_is '.supportedVersions | join(" ")' "0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"
	for v in 1.2.0 0.5.0; do
		call co_call ADD c1 eth0 "$P" "$(as $v "$new")"
		refused 1 "incompatible CNI versions"
	done
	call co_call ADD c1 eth0 "$P" "$(as 1.0.0)"
	refused 7 "must be called as chained plugin: there is no prevResult"
	call co_call UPDATE c1 eth0 "$P" "$(as 1.0.0)"
	refused 4 ""
	call co_call ADD "" eth0 "$P" "$(as 1.0.0 "$new")"
	refused 4 "CNI_CONTAINERID"
	call co_call ADD c1 a/b "$P" "$(as 1.0.0 "$new")"
	refused 4 "CNI_IFNAME"
	call co_call ADD c1 eth0 gone "$(as 1.0.0 "$new")"
	refused 8 "/run/netns/gone"
	same 0 "$(records)"
}

@test "STATUS says what would keep an ADD from working" {
	co STATUS "" eth0 ""
	co_try STATUS "" eth0 "" '"mode":"nonsense"'
	refused 50 'mode "nonsense"'
	chmod 0755 "$DIR/run"
	co_try STATUS "" eth0 ""
	refused 50 "$DIR/run belongs to user 0 with mode 0755"
	eth0 "$P" 50
	co_try ADD c1 eth0 "$P"
	refused 7 "$DIR/run belongs to user 0 with mode 0755"
	co STATUS "" eth0 "" '"mode":"disabled"'
}

@test "configurations that make no sense: each with its sentence, nothing is changed" {
	eth0 "$P" 50
	bare=$(all_of "$P")
	while IFS='|' read -r keys says; do
		conf=$(co_conf eth0 "$P" "${keys%% }")
		# a key that co_conf writes too: ours alone
		key=${keys%%:*}
		[ "$(grep -o "$key:" <<<"$conf" | wc -l)" = 1 ] || conf=$(jq -c ". + {${keys%% }}" <<<"$(co_conf eth0 "$P")")
		call co_call ADD c1 eth0 "$P" "$conf"
		refused 7 "${says# }" || { echo "$keys" && return 1; }
	done <<-'EOT'
		"mode":"x" | config: mode "x": want auto, underlay, overlay or disabled
		"mode":7 | config: mode: want a string, got 7
		"podMACPrefix":"01:10" | podMACPrefix "01:10": want an even first byte
		"podMACPrefix":"0b:10" | podMACPrefix "0b:10": want an even first byte
		"podMACPrefix":"0,:10" | podMACPrefix "0,:10": want two bytes in hexadecimal
		"podMACPrefix":"0a:1b:" | podMACPrefix "0a:1b:": want two bytes in hexadecimal
		"vethMTU":0 | vethMTU: want a whole number from 68 to 65535, got 0
		"hostRuleTable":0 | hostRuleTable: want a whole number from 1 to 4294967295, got 0
		"hostRuleTable":254 | hostRuleTable 254: want another table
		"podRPFilter":3 | podRPFilter: want a whole number
		"txQueueLen":-1 | txQueueLen: want a whole number
		"vethLinkAddress":"fe80::1" | vethLinkAddress "fe80::1": want one IPv4 address
		"vethLinkAddress":"169.254.1.1/16" | vethLinkAddress "169.254.1.1/16": want one IPv4 address
		"serviceCIDR":["10.96.0.0"] | config: serviceCIDR[0]
		"serviceCIDR":["10.96.0.0/16","x"] | config: serviceCIDR[1]
		"overlayPodCIDR":"10.0.0.0/8" | config: overlayPodCIDR: want a list of strings
		"hijackCIDR":["10.0.0.0/33"] | config: hijackCIDR[0]
		"policyRoutes":[{"dst":"1.2.3.0/24"}] | config: policyRoutes[0].gw: missing
		"policyRoutes":[{"dst":"1.2.3.0/24","gw":"fd00::1"}] | config: policyRoutes[0]: dst "1.2.3.0/24" and gw "fd00::1": want one family
		"policyRoutes":[{"dst":"x","gw":"fd00::1"}] | config: policyRoutes[0]: dst
		"policyRoutes":[{"dst":"1.2.3.0/24","gw":"10.9.0.3"},{"dst":"1.2.3.4/24","gw":"10.9.0.4"}] | config: policyRoutes[1]: dst 1.2.3.0/24 has two gateways
		"tunePodRoutes":"yes" | config: tunePodRoutes: want true or false
		"podDefaultRouteNic":"a/b" | podDefaultRouteNic "a/b": want the name of a NIC
		"podDefaultCniNic":"this-name-is-too-long" | podDefaultCniNic "this-name-is-too-long": want the name of a NIC
		"stateDir":"relative" | config: stateDir "relative": want an absolute path
		"stateDir":"/tmp/../x" | config: stateDir "/tmp/../x": want an absolute path
		"agentSocket":"x" | config: agentSocket "x": want an absolute path
		"logOptions":{"logLevel":"loud"} | config: logOptions.logLevel
		"logOptions":{"logFile":"/etc/x.log"} | /etc/x.log
		"logOptions":{"logMaxSize":"x"} | config: logOptions.logMaxSize: want a whole number
		"runtimeConfig":{"io.kubernetes.cri.pod-annotations":{"ipam.spidernet.io/default-route-nic":"a b"}} | annotation ipam.spidernet.io/default-route-nic
		"runtimeConfig":{"io.kubernetes.cri.pod-annotations":[]} | io.kubernetes.cri.pod-annotations
	EOT
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
	# what has no effect, and what nobody knows, is said in the log
	co ADD c1 eth0 "$P"
	co ADD c1 eth0 "$P" '"multusNicPrefix":"net","hostRPFilter":0,"detectIPConflict":true,"detectOptions":{"retries":3},"typo":1'
	for key in multusNicPrefix hostRPFilter detectIPConflict detectOptions typo; do
		grep -q "level=warn.*$key" "$DIR/run/co.log" || { echo "$key" && return 1; }
	done
}

@test "IPv6 is switched on in a pod that has an IPv6 address, as runtimes switch it off; not in one that has none" {
	sysctls "$P" ipv6/conf/all/disable_ipv6=1 ipv6/conf/default/disable_ipv6=1
	nic "$P" eth0 eth0 10.9.0.50 -
	co ADD c1 eth0 "$P"
	same 1 "$(setting "$P" ipv6/conf/veth0/disable_ipv6)"
	co DEL c1 eth0 "$P"
	sysctls "$P" ipv6/conf/eth0/disable_ipv6=0 # as main plugins do for their own interface
	ip -n "$P" addr add fd00:9::50/64 dev eth0 nodad
	co ADD c1 eth0 "$P"
	same 0 "$(setting "$P" ipv6/conf/veth0/disable_ipv6)"
	pings "$NODE" fd00:9::50
	pings "$P" $NODE6
	co CHECK c1 eth0 "$P"
}
