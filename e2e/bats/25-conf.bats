#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Every sample under conf/, as it is: each network attached, each pool handed out from. A sample without a test fails.

load lib
load world
load ovs

setup() {
	lib_setup
	need_root
	need jq ip $CNI_DIR/macvlan $CNI_DIR/bridge $CNI_DIR/ptp $CNI_DIR/host-device
	CONF=$ROOT/conf
	underlay
	host_new A
	export CNI_PATH=$BIN:$CNI_DIR:$BATS_TEST_DIRNAME/plugins
}

teardown() {
	lib_teardown
}

# attach SAMPLE POD [OPTION]...: through call
attach() {
	local sample=$1 pod=$2
	shift 2
	call private "$A" spiderpoolctl cni add "$CONF/net.d/$sample.conflist" "$pod" "$@"
}

check_and_detach() { # SAMPLE POD [OPTION]...
	local sample=$1 pod=$2
	shift 2
	private "$A" spiderpoolctl cni check "$CONF/net.d/$sample.conflist" "$pod" "$@"
	private "$A" spiderpoolctl cni del "$CONF/net.d/$sample.conflist" "$pod" "$@"
	run ! ip -n "$pod" link show eth0
}

# second_nic NAME: of the host, on the same underlay.
second_nic() {
	ip -n "$UNDERLAY" link add "p-$1" type veth peer name "$1" netns "$A"
	ip -n "$UNDERLAY" link set "p-$1" master br0 up
	ip -n "$A" link set "$1" up
}

@test "networks: what each sample gives a pod" {
	private "$A" spiderpoolctl apply -f "$CONF/pools" >/dev/null
	pod_new P
	for sample in "$CONF"/net.d/*; do
		sample=$(basename "$sample" .conflist)
		echo "sample: $sample"
		[[ $sample != vlan-* && $sample != bond-* ]] || continue # these need another kernel: e2e/vm/20-conf.bats
		# with a reserved address the second one is 10.9.0.12
		case $sample in
		macvlan-coordinator)
			ip -n "$A" addr add 10.9.0.2/24 dev eth0
			ip -n "$A" addr add fd00:9::2/64 dev eth0
			attach $sample "$P"
			succeeded
			pings "$P" $FAR4 $FAR6 10.9.0.2 fd00:9::2
			pings "$A" $(addresses "$P" eth0 | jq -r '.[]' | cut -d/ -f1)
			check_and_detach $sample "$P"
			same "" "$(ip -n "$A" route show table 500 2>/dev/null)"
			;;
		macvlan-veth)
			attach $sample "$P"
			succeeded
			pings "$P" $FAR4 $FAR6 10.9.0.2 fd00:9::2
			pings "$A" $(addresses "$P" eth0 | jq -r '.[]' | cut -d/ -f1)
			check_and_detach $sample "$P"
			same "" "$(ip -n "$A" -j link | jq -r '.[].ifname | select(startswith("veth"))')"
			;;
		ovs-coordinator | sriov-coordinator) # with stand-ins for the main plugins: plugins/
			if [ $sample = ovs-coordinator ]; then
				ovs_find
				second_nic eth1
				ovs_new "$A" br1 eth1
			else
				export STANDIN_VF=vf0
				second_nic $STANDIN_VF
			fi
			attach $sample "$P"
			succeeded
			pings "$P" $FAR4 $FAR6 10.9.0.2 fd00:9::2
			pings "$A" $(addresses "$P" eth0 | jq -r '.[]' | cut -d/ -f1)
			same "eth0 lo veth0" "$(ip -n "$P" -j link | jq -r 'map(.ifname) | sort | join(" ")')"
			check_and_detach $sample "$P"
			same lo "$(ip -n "$P" -j link | jq -r '.[].ifname')"
			;;
		ipvlan-coordinator) # needs another kernel
			grep -q "^@test \"$sample:" "$ROOT"/e2e/vm/*.bats
			;;
		macvlan | macvlan-detection)
			attach $sample "$P"
			succeeded
			pings "$P" $FAR4 $FAR6
			check_and_detach $sample "$P"
			;;
		macvlan-fixed)
			who="IgnoreUnknown=1;K8S_POD_NAMESPACE=blue;K8S_POD_NAME=db-0;K8S_POD_UID=u"
			attach $sample "$P" --args "$who-1"
			succeeded
			was=$(addresses "$P" eth0)
			check_and_detach $sample "$P" --args "$who-1"
			attach $sample "$P" --args "$who-2"
			same "$was" "$(addresses "$P" eth0)"
			check_and_detach $sample "$P" --args "$who-2"
			;;
		macvlan-annotations)
			caps='{"ips":["10.9.0.77/24"],"mac":"02:00:0a:09:00:4d","io.kubernetes.cri.pod-annotations":
				{"ipam.spidernet.io/routes":"[{\"dst\":\"203.0.113.0/24\",\"gw\":\"10.9.0.8\"}]"}}'
			attach $sample "$P" --capability-args "$caps"
			succeeded
			same '02:00:0a:09:00:4d ["10.9.0.77/24"]' "$(mac "$P" eth0) $(addresses "$P" eth0)"
			same "203.0.113.0/24 via 10.9.0.8 dev eth0" "$(ip -n "$P" route show 203.0.113.0/24 | sed 's/ *$//')"
			check_and_detach $sample "$P" --capability-args "$caps"
			caps='{"io.kubernetes.cri.pod-annotations":{"ipam.spidernet.io/ippool":"{\"ipv4\":[\"node-zone-east\"]}"}}'
			attach $sample "$P" --capability-args "$caps"
			same '["10.32.0.10/24"]' "$(addresses "$P" eth0)"
			check_and_detach $sample "$P" --capability-args "$caps"
			;;
		bridge | ptp)
			attach $sample "$P"
			succeeded
			pings "$P" 10.20.0.1 fd00:20::1
			check_and_detach $sample "$P"
			;;
		host-device)
			attach $sample "$P"
			succeeded
			pings "$P" $FAR4 $FAR6
			check_and_detach $sample "$P"
			ip -n "$A" link set eth0 up
			;;
		macvlan-agent)
			attach $sample "$P"
			same 4 "$status" # try again
			[[ $stderr == *"spiderpool-agent is not reachable at /var/run/spidernet/spiderpool.sock"* ]]
			private "$A" spiderpoolctl cni del "$CONF/net.d/$sample.conflist" "$P"
			;;
		*)
			echo "no test for it"
			return 1
			;;
		esac
	done
	run -0 private "$A" spiderpoolctl ip list --state in-use -o json
	jq_is '.items | length' 0
	[ -s "$DIR/var-log/spidernet/spiderpool.log" ]
}

@test "ptp for eth0 and macvlan-coordinator for net1, one pod: the node reaches both; not without coordinator" {
	private "$A" spiderpoolctl apply -f "$CONF/pools" >/dev/null
	ip -n "$A" addr add 10.9.0.2/24 dev eth0
	ip -n "$A" addr add fd00:9::2/64 dev eth0
	pod_new P
	pod_new Q
	for pod in "$P" "$Q"; do
		attach ptp "$pod"
		succeeded
	done
	attach macvlan-coordinator "$P" -i net1
	succeeded
	attach macvlan "$Q" -i net1
	succeeded
	same '["10.9.0.10/24","fd00:9::10/64"]' "$(addresses "$P" net1)"
	same '["10.9.0.12/24","fd00:9::12/64"]' "$(addresses "$Q" net1)"
	pings "$A" 10.9.0.10 fd00:9::10 10.20.0.10 fd00:20::10
	pings "$P" 10.9.0.2 fd00:9::2 $GW4 $GW6 10.20.0.1
	same "eth0 lo net1" "$(ip -n "$P" -j link | jq -r 'map(.ifname) | sort | join(" ")')"
	pings_not "$A" 10.9.0.12
	pings_not "$A" fd00:9::12
	private "$A" spiderpoolctl cni check "$CONF/net.d/macvlan-coordinator.conflist" "$P" -i net1
	private "$A" spiderpoolctl cni del "$CONF/net.d/macvlan-coordinator.conflist" "$P" -i net1
	run ! ip -n "$P" link show net1
	pings "$P" 10.20.0.1
	check_and_detach ptp "$P"
	same "" "$(ip -n "$A" route show table 500 2>/dev/null)"
}

# in_private VERB CONTAINER [CNI_ARGS]: spiderpool with the configuration in $DIR/conf.
in_private() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$P CNI_ARGS=${3:-} \
		private "$A" sh -c 'spiderpool <"$0"' "$DIR/conf"
}

@test "pools: each of them hands out addresses, and only to whom it may" {
	private "$A" spiderpoolctl apply -f "$CONF/pools" >/dev/null
	# what a pod gets from the pool: pool|more of ipam|CNI_ARGS|its addresses and routes
	cat >"$DIR/rows" <<'EOT'
underlay-v4|||10.9.0.10/24|0.0.0.0/0 10.9.0.1
underlay-v4||IP=10.9.0.100|refused|
underlay-v4||IP=10.9.0.11|refused|
underlay-v6|||fd00:9::10/64|::/0 fd00:9::1
host-v4|||10.20.0.10/24|0.0.0.0/0 10.20.0.1
host-v6|||fd00:20::10/64|::/0 fd00:20::1
node-host-a|,"node_name":"host-a"||10.31.0.10/24|
node-host-a|,"node_name":"host-b"||refused|
node-zone-east|,"node_labels":{"topology.kubernetes.io/zone":"north-east"}||10.32.0.10/24|
node-zone-east|,"node_labels":{"topology.kubernetes.io/zone":"west"}||refused|
namespace-green||K8S_POD_NAMESPACE=green;K8S_POD_NAME=a|10.33.0.10/24|
namespace-green||K8S_POD_NAMESPACE=blue;K8S_POD_NAME=a|refused|
network-storage|||refused|
storage-v4|||10.35.0.10/24|10.36.0.0/16 10.35.0.1, 192.168.7.0/24 10.35.0.2
campus-labs|||10.37.1.0/16|10.38.0.0/16 10.37.0.2, 0.0.0.0/0 10.37.0.1
fallback-v4|||10.40.0.10/16|0.0.0.0/0 10.40.0.1
EOT
	pod_new P
	n=0
	while IFS='|' read -r p more args want routes; do
		n=$((n + 1))
		key=default_ipv4_ippool
		[[ $p != *-v6 ]] || key=default_ipv6_ippool
		printf '%s' '{"cniVersion":"1.0.0","name":"net","ipam":{"type":"spiderpool","datastore":"local","'$key'":["'"$p"'"]'"$more"'}}' >"$DIR/conf"
		call in_private ADD c$n "$args"
		echo "pool $p: $output$stderr"
		case $want in
		refused) refused 7 ;;
		*)
			succeeded
			jq_is '([.ips[].address] | join(" ")) + "|" + ([.routes[]? | "\(.dst) \(.gw)"] | join(", "))' "$want|$routes"
			;;
		esac
	done <"$DIR/rows"
	# no pool without a row
	same "$(private "$A" spiderpoolctl get sp -o name | sed 's#.*/##' | sort)" "$(cut -d'|' -f1 "$DIR/rows" | sort -u)"
	# network-storage serves the network that it names; the pool with default: true serves who names none
	printf '%s' '{"cniVersion":"1.0.0","name":"storage","ipam":{"type":"spiderpool","datastore":"local","default_ipv4_ippool":["network-storage"]}}' >"$DIR/conf"
	call in_private ADD d1
	has 10.34.0.10/24
	printf '%s' '{"cniVersion":"1.0.0","name":"net","ipam":{"type":"spiderpool","datastore":"local"}}' >"$DIR/conf"
	call in_private ADD d2
	has 10.40.0.11/16
	run -0 private "$A" spiderpoolctl fsck
}

@test "the networks of the samples have names of their own" {
	same "" "$(jq -r .name "$CONF"/net.d/*.conflist | sort | uniq -d)"
	same "$(find "$CONF"/net.d -name '*.conflist' | wc -l)" "$(jq -r .name "$CONF"/net.d/*.conflist | wc -l)"
}

@test "the manual page has every key of the ipam section, and no other" {
	grep -rhs --include='*.c' 'JF(struct ipam_section, ' "$ROOT/pkg" "$ROOT/plugins" | cut -d'"' -f2 | sort -u >"$DIR/keys"
	[ "$(wc -l <"$DIR/keys")" -gt 20 ]
	sed -n '/^\.Ss Both/,/^\.Ss What/s/^\.It Cm \(.*\) No (.*/\1/p' "$ROOT/man/spiderpool.5" | sed 's/ , /\n/' | sort | diff "$DIR/keys" -
}
