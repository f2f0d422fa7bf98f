#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Which addresses pods are given, case by case: a real API server, two pretended nodes, the plugin called by hand. The ids
# are those of upstream's lists of end-to-end cases (test/doc). Objects of workloads are there, but nobody manages them.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	kube_up api
	agent_install
	for zone in east west; do
		agent_pretend $zone
		kubectl label node $zone zone=$zone
		agent_start $zone
	done
	ip netns add "$KUBE_NAME-pod"
}

setup() {
	lib_setup
}

teardown() {
	agent_explain east west
	kube_explain
}

teardown_file() {
	ip netns del "$KUBE_NAME-pod"
	kube_down
}

# ---- objects; each function prints manifests, `made` makes them ----

# made [VERB]: what stdin says is there; whose UID is remembered. create asks for half as much as apply does.
made() {
	kubectl "${1:-create}" --validate=false -f - -o json >"$BATS_TEST_TMPDIR/made"
	jq -rs 'map(.items // [.]) | flatten | .[] | [.kind + "/" + (.metadata.namespace // "") + "/" + .metadata.name, .metadata.uid,
		.apiVersion, (.spec.nodeName? | strings) // "-"] | join(" ")' "$BATS_TEST_TMPDIR/made" >>"$KUBE_DIR/made"
}

# known KIND/NAMESPACE/NAME: "uid apiVersion node"
known() {
	awk -v key="$1" '$1 == key { last = $2 " " $3 " " $4 } END { print last; exit !last }' "$KUBE_DIR/made"
}

# net NAME N LAST [LINE OF spec]...: a pool with addresses 10.N.0.1 to 10.N.0.LAST.
net() {
	pool "$1" "10.$2.0.0/24" "10.$2.0.1-10.$2.0.$3" "${@:4}"
}

# namespace NAME [LINE OF metadata]...
namespace() {
	printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n' "$1"
	[ $# = 1 ] || printf '  %s\n' "${@:2}"
	echo ---
}

# on NODE NAMESPACE/POD [LINE OF metadata]...
on() {
	printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: %s\n' "${2#*/}" "${2%/*}"
	[ $# = 2 ] || printf '  %s\n' "${@:3}"
	printf 'spec: {nodeName: %s, containers: [{name: c, image: kube.test/pause:1}]}\n---\n' "$1"
}

# workload APIVERSION KIND NAME [LINE OF metadata]...
workload() {
	local more='selector: {matchLabels: {app: x}}, '
	[ "$2" != Job ] || more=
	[ "$2" != StatefulSet ] || more+='serviceName: x, '
	printf 'apiVersion: %s\nkind: %s\nmetadata:\n  name: %s\n' "$1" "$2" "$3"
	[ $# = 3 ] || printf '  %s\n' "${@:4}"
	printf 'spec: {%stemplate: {metadata: {labels: {app: x}}, spec: {restartPolicy: %s, containers: [%s]}}}\n---\n' \
		"$more" "$([ "$2" = Job ] && echo Never || echo Always)" '{name: c, image: "kube.test/pause:1"}'
}

# ---- lines of metadata ----

# of KIND NAME: belongs to it.
of() {
	local uid version
	read -r uid version _ <<<"$(known "$1/default/$2")"
	echo "ownerReferences: [{apiVersion: $version, kind: $1, name: $2, uid: $uid, controller: true}]"
}

asks() { # KEY JSON [KEY JSON]
	printf "annotations: {%s: '%s'" "$1" "$2"
	[ $# = 2 ] || printf ", %s: '%s'" "$3" "$4"
	echo "}"
}

ippool() { # JSON
	asks ipam.spidernet.io/ippool "$1"
}

ippools() { # JSON
	asks ipam.spidernet.io/ippools "$1"
}

# two POOL POOL: pools of eth0 and of net1, by name.
two() {
	ippools "[{\"interface\": \"eth0\", \"ipv4\": [\"$1\"]}, {\"interface\": \"net1\", \"ipv4\": [\"$2\"]}]"
}

# ---- the plugin ----

# call VERB NAMESPACE/POD [NIC] [MEMBERS OF ipam]: the container is called as the pod's UID.
call() {
	local uid node dir
	read -r uid _ node <<<"$(known "Pod/$2")"
	dir=$(agent_dir "$node")
	printf '{"cniVersion": "1.0.0", "name": "for-%s", "type": "none", "ipam": {"type": "spiderpool",
		"state_dir": "%s", "ipam_unix_socket_path": "%s", "log_level": "panic"%s}}' \
		"${3:-eth0}" "$dir/state" "$dir/sock" "${4:+, $4}" |
		CNI_COMMAND=$1 CNI_CONTAINERID=$uid CNI_IFNAME=${3:-eth0} CNI_NETNS=/run/netns/$KUBE_NAME-pod CNI_PATH=$BIN \
			CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=${2%/*};K8S_POD_NAME=${2#*/};K8S_POD_UID=$uid" \
			"$BIN/spiderpool"
}

# gets POD PATTERN [NIC] [MEMBERS OF ipam]: what ADD answers; addresses without their prefix lengths.
gets() {
	run -0 call ADD "$1" "${@:3}"
	addresses=$(jq -r '[.ips[].address | sub("/.*"; "")] | join(" ")' <<<"$output")
	# shellcheck disable=SC2053
	[[ $addresses == $2 ]] || {
		echo "$1 got $addresses, want $2"
		return 1
	}
}

# refused POD TEXT [NIC] [MEMBERS OF ipam]
refused() {
	fails 1 call ADD "$1" "${@:3}"
	output=$(jq -r '.msg + " " + .details' <<<"$output")
	has "$2"
}

# ends NAMESPACE/POD...: DEL of eth0 and net1, and their objects are gone.
ends() {
	local pod
	for pod; do
		call DEL "$pod" net1
		call DEL "$pod"
		kubectl delete pod -n "${pod%/*}" "${pod#*/}" --force --grace-period=0
	done
}

# held PATTERN: lines "namespace/pod nic pool" of records that match it.
held() {
	kubectl get sib -o json | jq -r '.items[].spec.records' |
		awk -F '\t' -v want="$1" '{ line = $6 "/" $7 " " $9 " " $4 } NF > 1 && $2 != "free" && line ~ want { print line }'
}

# holds PATTERN COUNT
holds() {
	same "$2" "$(held "$1" | wc -l)"
}

# endpoint NAMESPACE/POD FILTER WANT
endpoint() {
	same "$3" "$(kubectl get se -n "${1%/*}" "${1#*/}" -o json | jq -r "$2")"
}

# ---- selectors and names of pools ----

@test "L00001-L00006, L00009: selectors of node, namespace and pod; pools of namespaces" {
	{
		net l-node 11 9 'nodeAffinity: {matchLabels: {zone: east}}'
		net l-ns 12 9 'namespaceAffinity: {matchLabels: {team: red}}'
		net l-pod 13 9 'podAffinity: {matchLabels: {app: web}}'
		net l-shared 14 9 'namespaceName: [red, blue]'
		net l-blue 15 9 'namespaceName: [blue]'
		namespace red 'labels: {team: red}'
		namespace blue
	} | made
	{
		on east default/l1 "$(ippool '{"ipv4": ["l-node"]}')"
		on west default/l2 "$(ippool '{"ipv4": ["l-node"]}')"
		on east red/l3 "$(ippool '{"ipv4": ["l-ns"]}')"
		on east blue/l4 "$(ippool '{"ipv4": ["l-ns"]}')"
		on east default/l5 "$(ippool '{"ipv4": ["l-pod"]}')" 'labels: {app: web}'
		on east default/l6 "$(ippool '{"ipv4": ["l-pod"]}')" 'labels: {app: db}'
		on east red/l9 "$(ippool '{"ipv4": ["l-blue", "l-shared"]}')"
		on east red/l9-not "$(ippool '{"ipv4": ["l-blue"]}')"
		on west blue/l9 "$(ippool '{"ipv4": ["l-shared"]}')"
		on east blue/l9-more "$(ippool '{"ipv4": ["l-blue", "l-shared"]}')"
	} | made
	gets default/l1 '10.11.0.*'
	refused default/l2 'pool l-node: spec.nodeAffinity does not match the labels of node west'
	gets red/l3 '10.12.0.*'
	refused blue/l4 'pool l-ns: spec.namespaceAffinity does not match the labels of namespace blue'
	gets default/l5 '10.13.0.*'
	refused default/l6 'pool l-pod: spec.podAffinity does not match the labels of pod l6'
	gets red/l9 '10.14.0.*'
	gets blue/l9 '10.14.0.*'
	gets blue/l9-more '10.15.0.*'
	refused red/l9-not 'pool l-blue: namespace "red" is not in spec.namespaceName (blue)'
	holds ' l-' 6
}

@test "L00007: a DaemonSet over two zones has each zone's pool" {
	{
		net l-east 16 9 'nodeAffinity: {matchLabels: {zone: east}}'
		net l-west 17 9 'nodeAffinity: {matchLabels: {zone: west}}'
		workload apps/v1 DaemonSet zones
	} | made
	for zone in east west; do
		on $zone default/zones-$zone "$(of DaemonSet zones)" "$(ippool '{"ipv4": ["l-east", "l-west"]}')"
	done | made
	gets default/zones-east '10.16.0.*'
	gets default/zones-west '10.17.0.*'
}

@test "L00008: a StatefulSet's pod comes again, elsewhere, with its address of a pool with podAffinity" {
	{
		net l-db 18 9 'podAffinity: {matchLabels: {app: db8}}'
		workload apps/v1 StatefulSet db8
	} | made
	again() { # NODE
		on "$1" default/db8-0 "$(of StatefulSet db8)" "$(ippool '{"ipv4": ["l-db"]}')" 'labels: {app: db8}' | made
	}
	again east
	gets default/db8-0 '10.18.0.*'
	before=$addresses
	ends default/db8-0
	on east default/l8 "$(ippool '{"ipv4": ["l-db"]}')" 'labels: {app: db8}' | made
	gets default/l8 '10.18.0.*'
	[ "$addresses" != "$before" ]
	again west
	gets default/db8-0 "$before"
	# The endpoint is written behind the answer.
	eventually 10 endpoint default/db8-0 '.status.current.node, .status.ownerControllerType' $'west\nStatefulSet'
}

@test "D00009-D00016: networks, nodes and namespaces by name, which beats the selector" {
	{
		net d-net 21 9 'multusName: [kube-system/blue, red]'
		net d-node 22 9 'nodeName: [east]' 'nodeAffinity: {matchLabels: {zone: west}}'
		net d-ns 23 9 'namespaceName: [d-one]' 'namespaceAffinity: {matchLabels: {team: two}}'
		namespace d-one
		namespace d-two 'labels: {team: two}'
	} | made
	{
		for net in kube-system/blue red default/blue; do
			on east "default/d9-${net//\//-}" \
				"$(asks ipam.spidernet.io/ippool '{"ipv4": ["d-net"]}' v1.multus-cni.io/default-network $net)"
		done
		on east default/d10 "$(asks ipam.spidernet.io/ippool '{"ipv4": ["d-net"]}' \
			k8s.v1.cni.cncf.io/networks 'other, kube-system/blue@x0')"
		for zone in east west; do on $zone default/d11-$zone "$(ippool '{"ipv4": ["d-node"]}')"; done
		for ns in d-one d-two; do on east $ns/d14 "$(ippool '{"ipv4": ["d-ns"]}')"; done
	} | made
	gets default/d9-kube-system-blue '10.21.0.*'
	gets default/d9-red '10.21.0.*'
	refused default/d9-default-blue 'pool d-net: network "default/blue" is not in spec.multusName (kube-system/blue, red)'
	gets default/d10 '10.21.0.*' x0
	refused default/d10 'network "default/other" is not in spec.multusName' net1
	gets default/d11-east '10.22.0.*'
	refused default/d11-west 'pool d-node: node "west" is not in spec.nodeName (east)'
	gets d-one/d14 '10.23.0.*'
	refused d-two/d14 'pool d-ns: namespace "d-two" is not in spec.namespaceName (d-one)'
	holds ' d-' 5
}

# ---- annotations ----

@test "A00003, A00013, A00014: annotations that are wrong" {
	declare -A wrong=(
		[a]='ipam.spidernet.io/ippool=[]=annotation ipam.spidernet.io/ippool'
		[b]='ipam.spidernet.io/ippool={"ipv4": ["x", "x"]}=pool x is named twice'
		[c]='ipam.spidernet.io/ippool={"ipv4": ["nowhere"]}=pool nowhere: does not exist'
		[d]='ipam.spidernet.io/ippools=x=annotation ipam.spidernet.io/ippools'
		[e]='ipam.spidernet.io/ippools=[{"interface": "eth0", "ipv4": ["x"]}, {"ipv4": ["x"]}]=name an interface; want all'
		[f]='ipam.spidernet.io/routes=[{"dst": "1.2.3.4/33", "gw": "10.0.0.9"}]=annotation ipam.spidernet.io/routes'
		[g]='ipam.spidernet.io/routes=[{"dst": "fd00::/8", "gw": "10.0.0.9"}]=of different families'
		[h]='ipam.spidernet.io/ippools=[{"interface": "net1", "ipv4": ["x"]}]=interface eth0 of this network is not among'
		[i]='ipam.spidernet.io/ippools=[{"interface": "eth0", "ipv4": ["x"]}, {"interface": "eth0", "ipv4": ["y"]}]=named twice'
	)
	{
		net a-wrong 30 9
		namespace a-wrong 'annotations: {ipam.spidernet.io/default-ipv4-ippool: a-wrong}'
		on east a-wrong/j
		for row in "${!wrong[@]}"; do
			IFS='=' read -r key value _ <<<"${wrong[$row]}"
			on east "default/a3-$row" "$(asks "$key" "$value")"
		done
	} | made
	for row in "${!wrong[@]}"; do
		refused "default/a3-$row" "${wrong[$row]##*=}" eth0 '"default_ipv4_ippool": ["a-wrong"]'
	done
	refused a-wrong/j 'namespace a-wrong: annotation ipam.spidernet.io/default-ipv4-ippool' eth0 \
		'"default_ipv4_ippool": ["a-wrong"]'
	holds ' a-wrong' 0
}

@test "A00004-A00007, A00015: pod, namespace, network, cluster: the first that names pools decides; wildcards" {
	{
		net a-pod 31 9
		net a-nics 32 9
		net a-ns 33 9
		net a-conf 34 9
		net a-all 35 9 'default: true'
		net a-wild-1 36 1
		net a-wild-2 37 9
		namespace a-ns "annotations: {ipam.spidernet.io/default-ipv4-ippool: '[\"a-ns\"]'}"
		namespace a-wild "annotations: {ipam.spidernet.io/default-ipv4-ippool: '[\"a-wild-*\"]'}"
		namespace a-none "annotations: {ipam.spidernet.io/default-ipv4-ippool: '[\"a-nothing-?\"]'}"
		on east a-ns/a5 "$(asks ipam.spidernet.io/ippools '[{"interface": "eth0", "ipv4": ["a-nics"]}]' \
			ipam.spidernet.io/ippool '{"ipv4": ["a-pod"]}')"
		on east a-ns/a4 "$(ippool '{"ipv4": ["a-pod"]}')"
		on east a-ns/plain
		on west a-ns/a6
		on east default/plain
		on west default/last
		on east a-wild/a7-1
		on west a-wild/a7-2
		on east a-none/a7
		on east default/a15 "$(ippools '[{"interface": "eth0", "ipv4": ["x*", "a-wild-[2-9]"]}]')"
	} | made
	conf='"default_ipv4_ippool": ["a-conf"]'
	gets a-ns/a5 '10.32.0.*' eth0 "$conf"
	gets a-ns/a4 '10.31.0.*' eth0 "$conf"
	gets a-ns/plain '10.33.0.*' eth0 "$conf"
	gets default/plain '10.34.0.*' eth0 "$conf"
	gets a-ns/a6 '10.33.0.*'
	gets default/last '10.35.0.*'
	gets a-wild/a7-1 '10.36.0.1'
	gets a-wild/a7-2 '10.37.0.*'
	refused a-none/a7 'no IPv4 pool matches "a-nothing-?"'
	gets default/a15 '10.37.0.*'
	kubectl delete sp a-all
}

@test "A00008, E00007: a pod of many containers, and one whose manifest is as long as it may be, have one address" {
	net a-one 38 9 | made
	on east default/long "$(ippool '{"ipv4": ["a-one"]}')" |
		kubectl create --dry-run=client -f - -o json |
		jq '("0123456789abcdef" * 4096) as $text | .metadata.annotations.long = $text + $text + $text |
			.spec.containers = [range(8) | {name: "c\(.)", image: "kube.test/pause:1",
				env: [{name: "LONG", value: $text}]}] | .spec.initContainers = [.spec.containers[0] | .name = "i"]' \
			>"$BATS_TEST_TMPDIR/long"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/long")" -gt 700000 ]
	kubectl create -f "$BATS_TEST_TMPDIR/long"
	echo "Pod/default/long $(pod_uid long) v1 east" >>"$KUBE_DIR/made"
	gets default/long '10.38.0.*'
	gets default/long "$addresses"
	eventually 10 endpoint default/long '.status.current.ips | length' 1
	holds 'default/long ' 1
	ends default/long
	eventually 20 holds 'default/long ' 0
}

@test "A00009, A00010: another pool in the annotation: new pods of a Deployment and of a StatefulSet have it" {
	{
		net a-v1 41 9
		net a-v2 42 9
		net a-w1 43 9
		net a-w2 44 9
		workload apps/v1 Deployment web
		workload apps/v1 StatefulSet web
	} | made
	for v in 1 2; do workload apps/v1 ReplicaSet web-$v "$(of Deployment web)"; done | made
	{
		for v in 1 2; do
			on east default/web-$v-x "$(of ReplicaSet web-$v)" "$(ippool "{\"ipv4\": [\"a-v$v\"]}")"
			on west default/web-$v-nics "$(of ReplicaSet web-$v)" "$(two a-v$v a-w$v)"
		done
		on east default/web-0 "$(of StatefulSet web)" "$(ippool '{"ipv4": ["a-v1"]}')"
	} | made
	for v in 1 2; do
		gets default/web-$v-x "10.4$v.0.*"
		gets default/web-$v-nics "10.4$v.0.*"
		gets default/web-$v-nics "10.4$((v + 2)).0.*" net1
	done
	eventually 10 endpoint default/web-2-nics '.status.ownerControllerType, .status.ownerControllerName' $'Deployment\nweb'
	gets default/web-0 '10.41.0.*'
	ends default/web-0
	holds 'default/web-0 eth0 a-v1' 1
	on east default/web-0 "$(of StatefulSet web)" "$(ippool '{"ipv4": ["a-v2"]}')" | made
	gets default/web-0 '10.42.0.*'
	holds 'default/web-0 eth0 a-v1' 0
	holds 'default/web-0 eth0 a-v2' 1
}

@test "A00016: retries for a NIC whose pool is used up take nothing of the other NIC's" {
	{
		net a-full 45 1
		net a-wide 46 3
		on east default/first "$(ippool '{"ipv4": ["a-full"]}')"
		on east default/a16 "$(two a-wide a-full)"
	} | made
	gets default/first 10.45.0.1
	for _ in 1 2 3 4 5; do
		refused default/a16 'NIC net1, IPv4; pool a-full: all 1 addresses are taken'
	done
	holds ' a-wide' 0
	ends default/first
	eventually 20 gets default/a16 '10.46.0.*'
	gets default/a16 10.45.0.1 net1
}

@test "A00017, A00018: a StatefulSet's pod with two NICs comes again, then one of the pools is another" {
	{
		net a-e 47 9
		net a-n1 48 9
		net a-n2 49 9
		workload apps/v1 StatefulSet named
		workload apps/v1 StatefulSet unnamed
	} | made
	again() { # NODE POOL OF net1
		on "$1" default/named-0 "$(of StatefulSet named)" "$(asks k8s.v1.cni.cncf.io/networks other ipam.spidernet.io/ippools \
			"[{\"interface\": \"eth0\", \"ipv4\": [\"a-e\"]}, {\"interface\": \"net1\", \"ipv4\": [\"$2\"]}]")"
		on "$1" default/unnamed-0 "$(of StatefulSet unnamed)" "$(asks k8s.v1.cni.cncf.io/networks other \
			ipam.spidernet.io/ippools "[{\"ipv4\": [\"a-e\"]}, {\"ipv4\": [\"$2\"]}]")"
	}
	again east a-n1 | made
	for set in named unnamed; do
		gets default/$set-0 '10.47.0.*'
		echo "$addresses" >"$BATS_TEST_TMPDIR/$set"
		gets default/$set-0 '10.48.0.*' net1
		echo "$addresses" >>"$BATS_TEST_TMPDIR/$set"
	done
	ends default/{named,unnamed}-0
	again west a-n1 | made
	for set in named unnamed; do
		gets default/$set-0 "$(sed -n 1p "$BATS_TEST_TMPDIR/$set")"
		gets default/$set-0 "$(sed -n 2p "$BATS_TEST_TMPDIR/$set")" net1
	done
	ends default/{named,unnamed}-0
	again east a-n2 | made
	for set in named unnamed; do
		gets default/$set-0 "$(sed -n 1p "$BATS_TEST_TMPDIR/$set")"
		gets default/$set-0 '10.49.0.*' net1
	done
	holds ' a-e' 2
	holds ' a-n1' 0
	holds ' a-n2' 2
}

# ---- kinds and families ----

@test "E00001-E00006, T00001: IPv4, IPv6 and both, for pods of all kinds of workloads and of a stranger's" {
	{
		net e4 51 30
		pool e6 fd00:51::/64 fd00:51::1-fd00:51::30
		workload apps/v1 Deployment e-dep
		workload apps/v1 StatefulSet e-sts
		workload apps/v1 DaemonSet e-ds
		workload apps/v1 ReplicaSet e-rs
		workload batch/v1 Job e-job
	} | made
	workload apps/v1 ReplicaSet e-dep-1 "$(of Deployment e-dep)" | made
	stranger='ownerReferences: [{apiVersion: example.com/v1, kind: Thing, name: e-3rd, uid: of-a-thing, controller: true}]'
	kinds=("bare" "e-dep-1 $(of ReplicaSet e-dep-1)" "e-sts $(of StatefulSet e-sts)" "e-ds $(of DaemonSet e-ds)"
		"e-rs $(of ReplicaSet e-rs)" "e-job $(of Job e-job)" "e-3rd $stranger")
	for kind in "${kinds[@]}"; do
		owner=${kind#"${kind%% *}"}
		on east "default/${kind%% *}-0" ${owner:+"${owner# }"} "$(ippool '{"ipv4": ["e4"]}')"
		on west "default/${kind%% *}-1" ${owner:+"${owner# }"} "$(ippool '{"ipv6": ["e6"]}')"
		on east "default/${kind%% *}-2" ${owner:+"${owner# }"} "$(ippool '{"ipv4": ["e4"], "ipv6": ["e6"]}')"
	done | made
	for kind in "${kinds[@]}"; do
		gets "default/${kind%% *}-0" '10.51.0.*'
		gets "default/${kind%% *}-1" 'fd00:51::*'
		gets "default/${kind%% *}-2" '10.51.0.* fd00:51::*'
	done
	owners() {
		kubectl get se -o json | jq -r '.items[] | select(.metadata.name | test("^(bare|e-.*)-2$")) |
			.metadata.name + " " + .status.ownerControllerType + "/" + .status.ownerControllerName'
	}
	known_owners() {
		same 'bare-2 Pod/bare-2
e-3rd-2 Thing/e-3rd
e-dep-1-2 Deployment/e-dep
e-ds-2 DaemonSet/e-ds
e-job-2 Job/e-job
e-rs-2 ReplicaSet/e-rs
e-sts-2 StatefulSet/e-sts' "$(owners | sort)"
	}
	eventually 10 known_owners
	holds ' e[46]$' $((7 * 4))
}

@test "E00008-E00010: a pool that is used up; one family of two, by pools and by a subnet's" {
	{
		net e-few 52 1
		net e-sub4 53 9
		pool e-sub6 fd00:53::/64 fd00:53::1-fd00:53::9
		workload apps/v1 Deployment e-sub
	} | made
	read -r uid _ <<<"$(known Deployment/default/e-sub)"
	kubectl label sp e-sub4 ipam.spidernet.io/{owner-spider-subnet=s,owner-application-gv=apps_v1,interface=eth0} \
		ipam.spidernet.io/owner-application-{kind=Deployment,namespace=default,name=e-sub,uid="$uid"} \
		ipam.spidernet.io/ip-version=IPv4
	workload apps/v1 ReplicaSet e-sub-1 "$(of Deployment e-sub)" | made
	{
		on east default/e8-1 "$(ippool '{"ipv4": ["e-few"]}')"
		on east default/e8-2 "$(ippool '{"ipv4": ["e-few"]}')"
		on east default/e9-both
		on east default/e9-6 "$(ippool '{"ipv6": ["e-sub6"]}')"
		on east default/e10 "$(of ReplicaSet e-sub-1)" "$(asks ipam.spidernet.io/subnet '{"ipv4": ["s"]}')"
	} | made
	gets default/e8-1 10.52.0.1
	refused default/e8-2 'all IP addresses used out: NIC eth0, IPv4; pool e-few: all 1 addresses are taken'
	both='"default_ipv4_ippool": ["e-sub4"], "default_ipv6_ippool": ["e-sub6"]'
	gets default/e9-both '10.53.0.* fd00:53::*' eth0 "$both"
	gets default/e9-6 'fd00:53::*' eth0 "$both"
	gets default/e10 '10.53.0.*' eth0 "$both"
}

# ---- pools that change, addresses that nobody gets ----

@test "D00002, D00005: gateway, routes and disabling of a pool are for pods that come after" {
	{
		net d-gw 61 30 'gateway: 10.61.0.254' 'routes: [{dst: 10.99.0.0/16, gw: 10.61.0.253}]'
		for i in d2-first d2-{1,2,3,4} d5-{1,2,3,4}; do on east "default/$i" "$(ippool '{"ipv4": ["d-gw"]}')"; done
	} | made
	# The agent hears of it soon; each pod asks once.
	until_one() { # PODS TEXT
		local i
		for i in 1 2 3 4; do
			run call ADD default/"$1-$i"
			[[ $output != *"$2"* ]] || return 0
			sleep 1
		done
		has "$2"
	}
	gets default/d2-first '10.61.0.*'
	first=$addresses
	jq_is '.ips[0].gateway' 10.61.0.254
	routes=$(jq -c '.routes | sort' <<<"$output")
	same '[{"dst":"0.0.0.0/0","gw":"10.61.0.254"},{"dst":"10.99.0.0/16","gw":"10.61.0.253"}]' "$routes"
	net d-gw 61 30 'gateway: 10.61.0.252' 'routes: [{dst: 10.98.0.0/16, gw: 10.61.0.251}]' | made apply
	until_one d2 10.61.0.252
	jq_is '.routes | sort | tojson' '[{"dst":"0.0.0.0/0","gw":"10.61.0.252"},{"dst":"10.98.0.0/16","gw":"10.61.0.251"}]'
	gets default/d2-first "$first"
	jq_is '.routes | sort | tojson' "$routes"
	net d-gw 61 30 'disable: true' | made apply
	until_one d5 'pool d-gw: is disabled (spec.disable: true)'
	gets default/d2-first "$first"
	ends default/d2-first
	eventually 20 holds 'default/d2-first ' 0
}

@test "S00001, S00002, S00004: reserved and excluded addresses are nobody's" {
	{
		net s-pool 62 5 'excludeIPs: ["10.62.0.2-10.62.0.3"]'
		cat <<-YAML
			apiVersion: spiderpool.spidernet.io/v2beta1
			kind: SpiderReservedIP
			metadata: {name: gone}
			spec: {ips: [10.62.0.1]}
			---
		YAML
		for i in 1 2 3; do on east default/s-$i "$(ippool '{"ipv4": ["s-pool"]}')"; done
	} | made
	reserved() { grep -q gone <<<"$(kubectl get sr)"; }
	eventually 10 reserved
	gets default/s-1 '10.62.0.[45]'
	gets default/s-2 '10.62.0.[45]'
	refused default/s-3 'all IP addresses used out'
}

@test "G00002: the end of a pod of the same name in another namespace frees nothing of ours" {
	{
		net g-pool 63 9
		namespace g-other
	} | made
	for ns in default g-other; do on east $ns/twin "$(ippool '{"ipv4": ["g-pool"]}')"; done | made
	gets default/twin '10.63.0.*'
	ours=$addresses
	gets g-other/twin '10.63.0.*'
	[ "$addresses" != "$ours" ]
	ends g-other/twin
	eventually 20 holds '/twin ' 1
	holds 'default/twin ' 1
	gets default/twin "$ours"
}

@test "workloads and pods end: nothing is held" {
	kubectl delete statefulset --all
	held . | cut -d ' ' -f 1,2 | sort -u >"$BATS_TEST_TMPDIR/held"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/held")" -ge "${ROWS_HELD:-50}" ] # ROWS_HELD: for a run of some tests alone
	while read -r pod nic; do call DEL "$pod" "$nic"; done <"$BATS_TEST_TMPDIR/held"
	cut -d / -f 1 "$BATS_TEST_TMPDIR/held" | sort -u >"$BATS_TEST_TMPDIR/namespaces"
	while read -r ns; do
		kubectl delete --raw "/api/v1/namespaces/$ns/pods?gracePeriodSeconds=0" >/dev/null
	done <"$BATS_TEST_TMPDIR/namespaces"
	free() { same "" "$(held .)"; }
	eventually 20 free
}
