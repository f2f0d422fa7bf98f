# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034,SC2016,SC2086,SC2153
# podnet.bash - a node on three underlay networks, pods on it, and coordinator called for them. Load it behind lib
# and world:
#
#	setup() { lib_setup; need_root; node_world; }
#
# eth0, eth1 and eth2 of $NODE are in 10.9.0.0/24, 10.8.0.0/24, 10.7.0.0/24 and fd00:9::/64 and so on; $UNDERLAY is
# the router (.1) of all three, and $CLIENT lies beyond it.

NODE4=10.9.0.2 NODE6=fd00:9::2
PYTHON=/usr/bin/python3 # not some shim that is slow to start
CLIENT4=192.0.2.10 CLIENT6=2001:db8::10
FIRST='"serviceCIDR":["10.96.0.0/16","fd00:96::/112"],"hijackCIDR":["169.254.0.0/16"]' # keys of coordinator

# sysctls NETNS NAME=VALUE...: below /proc/sys/net
sysctls() {
	local ns=$1 script='' s
	shift
	for s in "$@"; do script+="echo ${s#*=} >/proc/sys/net/${s%%=*};"; done
	ip netns exec "$ns" sh -ec "$script"
}

# What a namespace inherits of the machine's settings is not left to chance; and no waiting for DAD.
plain_settings() {
	ip netns exec "$1" sh -ec 'cd /proc/sys/net
		for f in ipv6/conf/*/accept_dad ipv4/conf/*/rp_filter; do echo 0 >$f; done'
}

# node_world: $UNDERLAY, $NODE, $CLIENT.
node_world() {
	need "$PYTHON"
	local i ns
	for ns in UNDERLAY NODE CLIENT; do
		netns_new $ns
		plain_settings "${!ns}"
	done
	sysctls "$UNDERLAY" ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
	sysctls "$NODE" ipv4/ip_forward=1 ipv6/conf/all/forwarding=1
	{
		for i in 0 1 2; do
			echo "link add br$i type bridge forward_delay 0 mcast_snooping 0"
			echo "link add p$i type veth peer name eth$i netns $NODE"
			echo "link set p$i master br$i up"
			echo "addr add 10.$((9 - i)).0.1/24 dev br$i"
			echo "addr add fd00:$((9 - i))::1/64 dev br$i nodad"
			echo "link set br$i up"
		done
		echo "link add far type veth peer name eth0 netns $CLIENT"
		echo "addr add $FAR4/24 dev far"
		echo "addr add $FAR6/64 dev far nodad"
		echo "link set far up"
	} | ip -n "$UNDERLAY" -batch -
	ip -n "$NODE" -batch - <<-EOT
		addr add $NODE4/24 dev eth0
		addr add $NODE6/64 dev eth0 nodad
		link set eth0 up
		link set eth1 up
		link set eth2 up
		route add default via $GW4
		route add default via $GW6
	EOT
	ip -n "$CLIENT" -batch - <<-EOT
		addr add $CLIENT4/24 dev eth0
		addr add $CLIENT6/64 dev eth0 nodad
		link set eth0 up
		route add default via $FAR4
		route add default via $FAR6
	EOT
}

# pod_plain VAR
pod_plain() {
	netns_new "$1"
	plain_settings "${!1}"
}

# nic POD NAME MASTER V4 V6 [GW4 GW6]: as macvlan with IPAM would make it; "-" is none of that family.
nic() {
	local pod=$1 name=$2 tmp=m$RANDOM
	ip -n "$NODE" link add link "$3" name "$tmp" netns "$pod" type macvlan mode bridge
	{
		echo "link set $tmp name $name"
		echo "link set $name up"
		[ "$4" = - ] || echo "addr add $4/24 dev $name"
		[ "$5" = - ] || echo "addr add $5/64 dev $name nodad"
		[ "$4" = - ] || [ "${6:--}" = - ] || echo "route append default via $6 dev $name"
		[ "$5" = - ] || [ "${7:--}" = - ] || echo "route append default via $7 dev $name"
	} | ip -n "$pod" -batch -
}

# The first NIC of a pod, a second and a third one: POD NUMBER
eth0() { nic "$1" eth0 eth0 "10.9.0.$2" "fd00:9::$2" $GW4 $GW6; }
net1() { nic "$1" net1 eth1 "10.8.0.$2" "fd00:8::$2" 10.8.0.1 fd00:8::1; }
net2() { nic "$1" net2 eth2 "10.7.0.$2" "fd00:7::$2" 10.7.0.1 fd00:7::1; }

# co_conf NIC POD [JSON OF MORE KEYS]: a request to coordinator.
co_conf() {
	printf '{"cniVersion":"1.1.0","name":"net-%s","type":"coordinator","stateDir":"%s","agentSocket":"%s",' \
		"$1" "$DIR/run" "$DIR/agent.sock"
	printf '"logOptions":{"logLevel":"debug","logFile":"%s"},%s' "$DIR/run/co.log" "${3:+$3,}"
	printf '"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"%s","sandbox":"/run/netns/%s"}],' "$1" "$2"
	printf '"ips":[{"address":"10.9.0.50/24","interface":0}]}}\n'
}

# co_call VERB CONTAINER NIC POD CONF [CNI_ARGS]
co_call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=$3 CNI_NETNS=${4:+/run/netns/$4} CNI_PATH=$BIN CNI_ARGS=${6:-} \
		ip netns exec "$NODE" "$BIN/coordinator" <<<"$5"
}

# co VERB CONTAINER NIC POD [JSON OF MORE KEYS] [CNI_ARGS]: as call; must succeed.
co() {
	co_try "$@"
	succeeded
}

# co_try: the same, and $status tells.
co_try() {
	call co_call "$1" "$2" "$3" "$4" "$(co_conf "$3" "$4" "${5-$FIRST}")" "${6:-}"
}

# ---- what there is, as data ----

# what_is NETNS WHAT...: links, rules, routes, neighbours (net.py), as sorted lines: "FAMILY PRIORITY from X [mark Y] lookup
# TABLE", "FAMILY TABLE DST [via GW] dev NIC [src IP] [scope link]", "IP NIC MAC".
what_is() {
	{
		ip -n "$1" -j link
		ip -n "$1" -j -4 rule
		ip -n "$1" -j -6 rule
		ip -n "$1" -j -4 route show table all
		ip -n "$1" -j -6 route show table all
		ip -n "$1" -j neigh show nud permanent
	} | "$PYTHON" -IS "$ROOT/e2e/tools/net.py" "${@:2}"
}

links_of() { what_is "$1" links; }
rules_of() { what_is "$1" rules; }
routes_of() { what_is "$1" routes; }
neighbours_of() { what_is "$1" neighbours; }
all_of() { what_is "$1" links rules routes neighbours; }

# setting NETNS PATH
setting() {
	ip netns exec "$1" cat "/proc/sys/net/$2"
}

# records: how many attachments are on record.
records() {
	find "$DIR/run/coordinator" -type f 2>/dev/null | wc -l
}

# ---- whole chains ----

# pools: default ones of the first network, and a pair for each of the others and for what is local to the node.
pools() {
	{
		pool v4 $NET4 10.9.0.10-10.9.0.99 "gateway: $GW4" "default: true"
		pool v6 $NET6 fd00:9::10-fd00:9::99 "gateway: $GW6" "default: true"
		pool second4 10.8.0.0/24 10.8.0.10-10.8.0.99 "gateway: 10.8.0.1"
		pool second6 fd00:8::/64 fd00:8::10-fd00:8::99 "gateway: fd00:8::1"
		pool third4 10.7.0.0/24 10.7.0.10-10.7.0.99 "gateway: 10.7.0.1"
		pool third6 fd00:7::/64 fd00:7::10-fd00:7::99 "gateway: fd00:7::1"
		pool local4 10.20.0.0/24 10.20.0.10-10.20.0.99 "gateway: 10.20.0.1"
		pool local6 fd00:20::/64 fd00:20::10-fd00:20::99 "gateway: fd00:20::1"
	} | spiderpoolctl apply -f - >/dev/null
}

# conflist NAME MAIN [KEYS OF ipam] [KEYS OF coordinator, "-": without it]: MAIN is the main plugin without braces.
conflist() {
	local ipam='"type":"spiderpool","datastore":"local","state_dir":"'$STATE'","log_file_path":"'$STATE'/x.log"'
	local co='"type":"coordinator","stateDir":"'$DIR/run'","agentSocket":"'$DIR/agent.sock'",
		"logOptions":{"logFile":"'$DIR/run/co.log'"}'
	co=",{$co${4:+,$4}}"
	[ "${4:-}" != - ] || co=
	echo '{"cniVersion":"1.0.0","name":"'"$1"'","plugins":[
		{'"$2"',"ipam":{'"$ipam${3:+,$3}"'}}'"$co"']}' >"$DIR/$1.conflist"
}

# cni VERB NAME POD [NIC] [MORE OPTIONS]...
cni() {
	call ip netns exec "$NODE" spiderpoolctl cni "$1" "$DIR/$2.conflist" "$3" -i "${4:-eth0}" \
		--cache-dir "$DIR/cache" --cni-path "$BIN:$CNI_DIR" "${@:5}"
	succeeded
}

# ---- traffic ----

# not_pings NETNS ADDRESS...: none of them answers. (All at once, and not for long: an answer that is missed
# because of that never makes a test fail.)
not_pings() {
	local ns=$1 a pids=() wrong=''
	shift
	for a in "$@"; do
		ip netns exec "$ns" ping -n -q -c1 -W0.3 "$a" >/dev/null 2>&1 3>&- &
		pids+=($!)
	done
	for a in "${pids[@]}"; do ! wait "$a" || wrong=1; done
	[ -z "$wrong" ] || {
		echo "$ns: one of $* answers"
		return 1
	}
}

# serve NETNS: TCP port 8080 of all its addresses tells whoever connects from which address that came.
serve() {
	background ip netns exec "$1" "$PYTHON" "$ROOT/e2e/tools/who.py" 8080
	until_true ip netns exec "$1" bash -c 'exec 3<>/dev/tcp/127.0.0.1/8080'
}

# who NETNS ADDRESS PORT [SECONDS]: what is served there.
who() {
	ip netns exec "$1" timeout "${4:-5}" bash -c 'exec 3<>"/dev/tcp/$0/$1" && cat <&3' "$2" "$3" 2>/dev/null || true
}

# nat FAMILY RULE...: on the node, as kube-proxy does, for what comes in and for what the node itself sends.
nat() {
	local family=$1 script
	shift
	script="table $family services {
		chain services { $(printf '%s; ' "$@") }
		chain in { type nat hook prerouting priority -100; jump services; }
		chain out { type nat hook output priority -100; jump services; }
	}"
	ip netns exec "$NODE" nft -f - <<<"$script"
}

# cali POD NUMBER: an eth0 as Calico makes it: a host route on the node, a next hop that is nobody's address.
cali() {
	ip -n "$NODE" link add cali1 type veth peer name eth0 netns "$1"
	ip -n "$1" -batch - <<-EOT
		link set eth0 up
		addr add 10.20.0.$2/32 dev eth0
		addr add fd00:20::$2/128 dev eth0 nodad
		route add 169.254.1.1 dev eth0
		route add default via 169.254.1.1 dev eth0
		route add default via fe80::1 dev eth0
	EOT
	ip -n "$NODE" -batch - <<-EOT
		link set cali1 up
		addr add fe80::1/64 dev cali1 nodad
		route add 10.20.0.$2 dev cali1
		route add fd00:20::$2 dev cali1
	EOT
	sysctls "$NODE" ipv4/conf/cali1/proxy_arp=1
}
