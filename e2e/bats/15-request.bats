#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What is asked for: addresses, pools, routes, several NICs - by CNI_ARGS, runtimeConfig, args.cni, annotations.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq
	netns_new POD
	NETNS=/run/netns/$POD
	{
		pool v4 10.1.0.0/24 10.1.0.10-10.1.0.99 "gateway: 10.1.0.1" "default: true"
		pool v6 fd00:1::/64 fd00:1::10-fd00:1::99 "gateway: fd00:1::1" "default: true"
		pool blue-1 10.2.0.0/24 10.2.0.10-10.2.0.11 "gateway: 10.2.0.1" "routes: [{dst: 10.80.0.0/16, gw: 10.2.0.2}]"
		pool blue-2 10.3.0.0/24 10.3.0.10-10.3.0.11 "gateway: 10.3.0.1"
		pool red6 fd00:2::/64 fd00:2::10-fd00:2::11 "gateway: fd00:2::1"
	} | spiderpoolctl apply -f - >/dev/null
}

teardown() {
	lib_teardown
}

# add CONTAINER NIC [CNI_ARGS] [CONF]: through call; $got has addresses, "|", routes.
add() {
	call ipam ADD "$1" "$2" "$NETNS" "${3:-}" "${4:-$(ipam_conf)}"
	got=
	[ "$status" != 0 ] || got=$(jq -r '([.ips[].address] | join(" ")) + "|" +
		([.routes[]? | "\(.dst) \(.gw)"] | join(", "))' <<<"$output")
}

# wants ADDRESSES [ROUTES]: of the last add
wants() {
	succeeded && same "$1" "${got%%|*}" && { [ $# = 1 ] || same "$2" "${got#*|}"; }
}

# with JSON: the configuration with these members
with() {
	local conf
	conf=$(ipam_conf "${2:-}")
	echo "${conf%\}},${1#\{}"
}

# annotated KEY=JSON...: as containerd hands them over
annotated() {
	local text=
	for a in "$@"; do
		value=${a#*=}
		text+=${text:+,}'"'${a%%=*}'":"'${value//\"/\\\"}'"'
	done
	with '{"capabilities":{"io.kubernetes.cri.pod-annotations":true},"runtimeConfig":{"io.kubernetes.cri.pod-annotations":{'"$text"'}}}'
}

@test "CNI_ARGS as the kubelet and Multus write them" {
	args="IgnoreUnknown=true;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=u-1"
	add c1 eth0 "$args"
	wants "10.1.0.10/24 fd00:1::10/64"
	run -0 spiderpoolctl ip list -o json
	jq_is '.items[0] | .pod + " " + .podUID + " " + .container' "blue/web-0 u-1 c1"
	run -0 spiderpoolctl get spiderendpoints -n blue -o json
	jq_is '.items[0] | .metadata.name + " " + .status.current.uid + " " + .status.current.ips[0].ipv4' \
		"web-0 u-1 10.1.0.10/24"
	# IP= and MAC= as Multus adds them, with and without prefix length
	add c2 eth0 "$args-2;MAC=02:00:00:00:00:07;IP=10.1.0.50/24,fd00:1::50"
	wants "10.1.0.50/24 fd00:1::50/64"
	# control: without IP the next ones come
	add c3 eth0 "${args/u-1/u-3}-3"
	wants "10.1.0.11/24 fd00:1::11/64"
}

@test "requested addresses: runtimeConfig before args.cni before CNI_ARGS" {
	rc='{"runtimeConfig":{"ips":["10.1.0.61/24"]}}'
	cni='{"args":{"cni":{"ips":["10.1.0.62"]}}}'
	both='{"runtimeConfig":{"ips":["10.1.0.63/24"]},"args":{"cni":{"ips":["10.1.0.64"]}}}'
	add c1 eth0 "IP=10.1.0.60" "$(with "$rc")"
	wants "10.1.0.61/24 fd00:1::10/64"
	add c2 eth0 "IP=10.1.0.60" "$(with "$cni")"
	wants "10.1.0.62/24 fd00:1::11/64"
	add c3 eth0 "IP=10.1.0.60" "$(with "$both")"
	wants "10.1.0.63/24 fd00:1::12/64"
	add c4 eth0 "IP=10.1.0.60"
	wants "10.1.0.60/24 fd00:1::13/64"
}

@test "requested addresses that cannot be given" {
	add c1 eth0 "IP=10.1.0.50"
	# rows of CNI_ARGS|code|text
	while IFS='|' read -r args code text; do
		add c2 eth0 "$args"
		refused "$code" "$text" || {
			echo "row: $args"
			return 1
		}
	done <<'EOT'
IP=10.1.0.50|11|10.1.0.50 is held by
IP=10.1.0.5|7|10.1.0.5 is handed out by none of the pools
IP=10.9.9.9|7|10.9.9.9 is handed out by none of the pools
IP=10.1.0.51,10.1.0.52|7|2 IPv4
IP=nonsense|4|nonsense
IP=10.1.0.300|4|10.1.0.300
EOT
	same 2 "$(in_use)"
	add c2 eth0 "IP=fd00:2::10" "$(ipam_conf '{"default_ipv4_ippool":["v4"]}')"
	refused 7 "gets no IPv6"
	# a reserved address is not even given on request
	printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: r}\nspec: {ips: [10.1.0.55]}\n' |
		spiderpoolctl apply -f - >/dev/null
	add c2 eth0 "IP=10.1.0.55"
	refused 7 reserved
	add c2 eth0 "IP=10.1.0.56"
	wants "10.1.0.56/24 fd00:1::11/64"
}

@test "pools named by the network configuration, in their order, with wildcards" {
	conf=$(ipam_conf '{"default_ipv4_ippool":["blue-2","blue-1"],"default_ipv6_ippool":["red*"]}')
	add c1 eth0 "" "$conf"
	wants "10.3.0.10/24 fd00:2::10/64" "0.0.0.0/0 10.3.0.1, ::/0 fd00:2::1"
	add c2 eth0 "" "$conf"
	wants "10.3.0.11/24 fd00:2::11/64"
	# the first pool is used up: the second one; IPv6 is used up: nothing is taken
	add c3 eth0 "" "$conf"
	refused 11 "used out"
	same 4 "$(in_use)"
	conf=$(ipam_conf '{"default_ipv4_ippool":["blue-2","blue-1"]}')
	add c3 eth0 "" "$conf"
	wants "10.2.0.10/24" "10.80.0.0/16 10.2.0.2, 0.0.0.0/0 10.2.0.1"
	# a wildcard takes pools in the order of their names
	conf=$(ipam_conf '{"default_ipv4_ippool":["blue-[12]"]}')
	add c4 eth0 "" "$conf"
	wants "10.2.0.11/24"
	add c5 eth0 "" "$conf"
	refused 11 "pool blue-1: all 2 addresses are taken; pool blue-2: all 2 addresses are taken"
	conf=$(ipam_conf '{"default_ipv4_ippool":["blue-["]}')
	add c5 eth0 "" "$conf"
	refused 7 "blue-["
}

@test "clean_gateway leaves the default route out, not the others" {
	add c1 eth0 "" "$(ipam_conf '{"default_ipv4_ippool":["blue-1"],"clean_gateway":true}')"
	wants "10.2.0.10/24" "10.80.0.0/16 10.2.0.2"
	# control
	add c2 eth0 "" "$(ipam_conf '{"default_ipv4_ippool":["blue-1"],"clean_gateway":false}')"
	wants "10.2.0.11/24" "10.80.0.0/16 10.2.0.2, 0.0.0.0/0 10.2.0.1"
}

@test "annotation ippool, by containerd's capability and by args.cni" {
	pools='{"ipv4":["blue-1","blue-2"],"ipv6":["red6"]}'
	add c1 eth0 "" "$(annotated ipam.spidernet.io/ippool="$pools")"
	wants "10.2.0.10/24 fd00:2::10/64"
	# as text and as JSON in args.cni
	add c2 eth0 "" "$(with '{"args":{"cni":{"ipam.spidernet.io/ippool":"{\"ipv4\":[\"blue-2\"]}"}}}')"
	wants "10.3.0.10/24"
	add c3 eth0 "" "$(with '{"args":{"cni":{"ipam.spidernet.io/ippool":{"ipv4":["blue-2"]}}}}')"
	wants "10.3.0.11/24"
	# it comes before the configuration's pools; without it they count
	conf=$(annotated ipam.spidernet.io/ippool='{"ipv4":["blue-1"]}')
	conf=${conf/'"datastore"'/'"default_ipv4_ippool":["v4"],"datastore"'}
	add c4 eth0 "" "$conf"
	wants "10.2.0.11/24"
	add c5 eth0 "" "$(ipam_conf '{"default_ipv4_ippool":["v4"]}')"
	wants "10.1.0.10/24"
	# control: an annotation that does not come as an annotation is none
	add c6 eth0 "" "$(with '{"args":{"ipam.spidernet.io/ippool":{"ipv4":["blue-2"]}}}')"
	wants "10.1.0.11/24 fd00:1::10/64"
}

@test "annotations that cannot be served" {
	while IFS='|' read -r annotation text; do
		add c1 net1 "" "$(annotated "$annotation")"
		refused 7 "$text" || {
			echo "row: $annotation"
			return 1
		}
	done <<'EOT'
ipam.spidernet.io/ippool=nonsense|ipam.spidernet.io/ippool
ipam.spidernet.io/ippool=[]|ipam.spidernet.io/ippool
ipam.spidernet.io/ippool={}|names no pool
ipam.spidernet.io/ippool={"ipv4":["none"]}|pool none: does not exist
ipam.spidernet.io/ippool={"ipv4":["red6"]}|red6: is an IPv6 pool
ipam.spidernet.io/ippool={"ipv4":["v4","v4"]}|named twice
ipam.spidernet.io/ippools=nonsense|ipam.spidernet.io/ippools
ipam.spidernet.io/ippools=[]|ipam.spidernet.io/ippools
ipam.spidernet.io/ippools=[{"interface":"eth0","ipv4":["v4"]}]|interface net1 of this network is not among
ipam.spidernet.io/ippools=[{"interface":"net1","ipv4":["v4"]},{"interface":"net1","ipv4":["v4"]}]|named twice
ipam.spidernet.io/ippools=[{"interface":"net1","ipv4":["v4"]},{"ipv4":["v4"]}]|want all of them or none
ipam.spidernet.io/routes=nonsense|ipam.spidernet.io/routes
ipam.spidernet.io/routes=[{"dst":"10.0.0.0/8","gw":"fd00::1"}]|different families
ipam.spidernet.io/routes=[{"dst":"10.0.0.0/8"}]|ipam.spidernet.io/routes
ipam.spidernet.io/subnet={"ipv4":["x"]}|spiderpool-controller
EOT
	same 0 "$(in_use)"
}

@test "annotation routes: to the NIC that reaches the gateway" {
	conf=$(annotated ipam.spidernet.io/routes='[{"dst":"172.16.0.0/12","gw":"10.1.0.7"},{"dst":"2001:db8:7::/48","gw":"fd00:1::7"},{"dst":"172.20.0.0/16","gw":"10.99.0.1"}]')
	add c1 eth0 "" "$conf"
	wants "10.1.0.10/24 fd00:1::10/64" \
		"0.0.0.0/0 10.1.0.1, ::/0 fd00:1::1, 172.16.0.0/12 10.1.0.7, 2001:db8:7::/48 fd00:1::7"
	# the one that nothing reaches is left out, and the log says so
	grep -q 'is in no subnet of the NICs that are attached now' "$STATE/x.log"
}

@test "annotation ippools by name: the first ADD claims for all NICs, all or none" {
	three='[{"interface":"eth0","ipv4":["blue-1"]},{"interface":"net1","ipv4":["blue-1"],"ipv6":["red6"],"cleangateway":true},{"interface":"net2","ipv4":["blue-1"]}]'
	two='[{"interface":"eth0","ipv4":["blue-1"]},{"interface":"net1","ipv4":["blue-1"],"ipv6":["red6"],"cleangateway":true}]'
	# three addresses of a pool that has two: nothing is taken, not even for the first
	add c1 eth0 "$(pod blue web)" "$(annotated ipam.spidernet.io/ippools="$three")"
	refused 11 "used out"
	same 0 "$(in_use)"
	add c1 eth0 "$(pod blue web)" "$(annotated ipam.spidernet.io/ippools="$two")"
	wants "10.2.0.10/24" "10.80.0.0/16 10.2.0.2, 0.0.0.0/0 10.2.0.1"
	same 3 "$(in_use)"
	# somebody else finds the pool used up already
	add c2 eth0 "$(pod blue other)" "$(ipam_conf '{"default_ipv4_ippool":["blue-1"]}')"
	refused 11
	# the second NIC has its own configuration, and gets what was claimed for it
	net1=$(annotated ipam.spidernet.io/ippools="$two")
	net1=${net1/'"name":"net"'/'"name":"second"'}
	add c1 net1 "$(pod blue web)" "$net1"
	wants "10.2.0.11/24 fd00:2::10/64" "10.80.0.0/16 10.2.0.2"
	call ipam DEL c1 net1 "$NETNS" "" "$net1"
	succeeded
	call ipam DEL c1 eth0 "$NETNS"
	succeeded
	same 0 "$(in_use)"
	run -0 spiderpoolctl fsck
}

@test "annotation ippools by order: eth0, then the pod's networks" {
	items='[{"ipv4":["v4"]},{"ipv4":["blue-1"]},{"ipv4":["blue-2"]}]'
	conf=$(annotated ipam.spidernet.io/ippools="$items" "k8s.v1.cni.cncf.io/networks=ns/a@data0, ns/b")
	add c1 eth0 "$(pod blue web)" "$conf"
	wants "10.1.0.10/24"
	add c1 data0 "$(pod blue web)" "$conf"
	wants "10.2.0.10/24"
	add c1 net2 "$(pod blue web)" "$conf"
	wants "10.3.0.10/24"
	add c1 net1 "$(pod blue web)" "$conf"
	refused 7 net1
}

@test "pools for nodes, namespaces and networks" {
	{
		pool n1 10.4.0.0/24 10.4.0.10 "nodeName: [node-1]"
		pool n2 10.5.0.0/24 10.5.0.10 "nodeAffinity: {matchLabels: {zone: a}}"
		pool s1 10.6.0.0/24 10.6.0.10 "namespaceName: [green]"
		pool m1 10.7.0.0/24 10.7.0.10 "multusName: [kube-system/second]"
		pool p1 10.8.0.0/24 10.8.0.10 "podAffinity: {matchLabels: {app: web}}"
	} | spiderpoolctl apply -f - >/dev/null
	# rows of pool|ipam members|CNI_ARGS|other members|address, or the reason
	while IFS='|' read -r p more args other want; do
		conf=$(ipam_conf "{\"default_ipv4_ippool\":[\"$p\"]$more}")
		add c1 eth0 "$args" "${conf%\}}$other}"
		case $want in
		10.*) wants "$want" ;;
		*) refused 7 "pool $p: $want" ;;
		esac || {
			echo "row: $p|$more|$args|$other"
			return 1
		}
		call ipam DEL c1 eth0 "" "" "${conf%\}}$other}"
		spiderpoolctl ip release "10.${want#10.}" >/dev/null 2>&1 || true
	done <<'EOT'
n1|,"node_name":"node-1"|||10.4.0.10/24
n1|,"node_name":"node-2"|||node "node-2" is not in spec.nodeName (node-1)
n2|,"node_labels":{"zone":"a","x":"y"}|||10.5.0.10/24
n2|,"node_labels":{"zone":"b"}|||spec.nodeAffinity does not match
n2||||spec.nodeAffinity needs the labels of the node
s1||K8S_POD_NAMESPACE=green;K8S_POD_NAME=x||10.6.0.10/24
s1||K8S_POD_NAMESPACE=blue;K8S_POD_NAME=x||namespace "blue" is not in spec.namespaceName (green)
m1|||,"name":"net"|network "net" is not in spec.multusName (kube-system/second)
p1|||,"runtimeConfig":{"io.kubernetes.cri.pod-labels":{"app":"web"}}|10.8.0.10/24
p1|||,"runtimeConfig":{"io.kubernetes.cri.pod-labels":{"app":"db"}}|spec.podAffinity does not match
p1||||spec.podAffinity needs the labels of the pod
EOT
	conf=$(ipam_conf '{"default_ipv4_ippool":["m1"]}')
	add c1 eth0 "" "${conf/'"name":"net"'/'"name":"second"'}"
	wants 10.7.0.10/24
	# the more a pool is meant for this pod, the earlier its turn; a pool that refuses is passed over
	add c2 eth0 "" "$(ipam_conf '{"default_ipv4_ippool":["v4","s1","n2","n1"],"node_name":"node-1"}')"
	wants 10.4.0.10/24
	add c3 eth0 "" "$(ipam_conf '{"default_ipv4_ippool":["s1","v4"]}')"
	wants 10.1.0.10/24
}
