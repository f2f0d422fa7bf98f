#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# coordinator and veth against one "ip -batch" of the same kernel objects; prints the second table of
# docs/performance.md. The batch has both ends of the pair in one namespace, as one process of ip cannot be in two; it
# writes no settings, no nf_tables rules and no record: what it takes is less than a floor.
#   TURNS   of each (default 200)     BUILD   the build directory (default build)
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${BUILD:-build}
[ "$(id -u)" = 0 ] || { echo "$0: run this as root: it makes network namespaces" >&2; exit 1; }
tmp=$(mktemp -d)
node=bench-node-$$ pod=bench-pod-$$
cleanup() {
	for ns in $node $pod; do ip netns del "$ns" 2>/dev/null || true; done
	rm -rf "$tmp"
}
trap cleanup EXIT

for ns in $node $pod; do
	ip netns add "$ns"
	ip -n "$ns" link set lo up
	ip netns exec "$ns" sh -c "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >\$f; done"
done
ip -n "$node" link add uplink0 type veth peer name uplink1
ip -n "$node" addr add 10.9.0.1/24 dev uplink0
ip -n "$node" addr add fd00:9::1/64 dev uplink0 nodad
ip -n "$node" link set uplink0 up
ip -n "$node" link set uplink1 up
ip -n "$node" link add mv0 link uplink0 type macvlan mode bridge
ip -n "$node" link set mv0 netns "$pod" name eth0
ip -n "$pod" addr add 10.9.0.50/24 dev eth0
ip -n "$pod" addr add fd00:9::50/64 dev eth0 nodad
ip -n "$pod" link set eth0 up

cat >"$tmp/add" <<-END
	link add vetha address 02:00:00:00:00:01 mtu 1500 type veth peer name vethb address 02:00:00:00:00:02
	link set vetha up
	link set vethb up alias bench0123456789
	neigh replace 10.9.0.201 dev vetha lladdr 02:00:00:00:00:02 nud permanent
	neigh replace fd00:9::201 dev vetha lladdr 02:00:00:00:00:02 nud permanent
	neigh replace 10.9.0.50 dev vethb lladdr 02:00:00:00:00:01 nud permanent
	neigh replace fd00:9::50 dev vethb lladdr 02:00:00:00:00:01 nud permanent
	route append 10.9.0.201 dev vetha table 101
	route append 10.9.0.201 dev vetha
	route append 10.96.0.0/12 via 10.9.0.201 dev vetha
	route append 169.254.0.0/16 via 10.9.0.201 dev vetha
	route append default via 10.9.0.201 dev vetha table 100
	route append fd00:9::201 dev vetha table 101
	route append fd00:9::201 dev vetha
	route append fd00:96::/112 via fd00:9::201 dev vetha
	route append default via fd00:9::201 dev vetha table 100
	route append 10.9.0.50 dev vethb table 500
	route append fd00:9::50 dev vethb table 500
	rule add fwmark 1/1 lookup 100 pref 1001
	rule add lookup 500 pref 1000
END
cat >"$tmp/del" <<-END
	rule del pref 1000
	rule del pref 1001
	link del vetha
END

mkdir -m 0700 "$tmp/state"
echo "measuring ..." >&2
printf 'Linux %s, %d CPUs (%s), load %s.\n\n' "$(uname -r)" "$(nproc)" \
	"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(cut -d' ' -f1 /proc/loadavg)"
ip netns exec "$node" "$build/bench/podnet" "$build/bin" "/run/netns/$pod" "$tmp/state" "$tmp/add" "$tmp/del" \
	"${TURNS:-200}"
