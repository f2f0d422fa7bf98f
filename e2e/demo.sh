#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The main job in some ten seconds: two hosts and a router on an underlay network, pods on both hosts with Debian's macvlan
# plugin and spiderpool, addresses from the pools in conf/. Everything is in network namespaces and a temporary
# directory of its own, and is gone afterwards, also after Ctrl-C. Fails when anything it shows does not work. Root.
#   e2e/demo.sh        BUILD=build-san e2e/demo.sh
set -euo pipefail
cd "$(dirname "$0")/.."

PATH=$PWD/${BUILD:-build}/bin:$PATH
export CNI_PATH=$PWD/${BUILD:-build}/bin:/usr/lib/cni LC_ALL=C.UTF-8
prefix=demo$$- # network namespaces are known to the whole machine; what is shown leaves it out
tmp=
servers=()
step=0

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' red=$'\e[31m' plain=$'\e[0m'
else
	bold='' dim='' green='' red='' plain=''
fi

# ---- cleaning up ----

cleanup() {
	local ns
	[ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2>/dev/null || true
	servers=()
	for ns in $(ip netns list | awk -v p="$prefix" 'index($1, p) == 1 { print $1 }'); do
		ip netns del "$ns" || true
	done
	[ -z "$tmp" ] || rm -rf "$tmp"
}

finish() {
	local status=$?
	trap '' INT TERM HUP
	cleanup
	[ "$status" = 0 ] || echo "${red}The demo failed (exit status $status); nothing of it is left.${plain}" >&2
}

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# ---- telling ----

say() { # TITLE, then lines
	step=$((step + 1))
	printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
	shift
	[ $# = 0 ] || printf '   %s\n' "$@"
}

# The short form of a command or its output: no prefix, no temporary directory.
short() {
	sed -e "s#$prefix##g" -e "s#$tmp/##g"
}

command_line() { # PROMPT TEXT
	printf '   %s%s$%s %s\n' "$dim" "$1" "$plain" "$(short <<<"$2")"
}

# run COMMAND...: its output, indented, is in $tmp/shown too.
run() {
	local status=0
	"$@" >"$tmp/out" 2>&1 || status=$?
	short <"$tmp/out" | sed 's/^/     /' | tee "$tmp/shown"
	return "$status"
}

# show COMMAND...: the command and its output; the demo ends when it fails.
show() {
	command_line "" "$*"
	run "$@"
}

# wants TEXT: what was shown last says so.
wants() {
	grep -q -- "$1" "$tmp/shown" || {
		echo "   ${red}missing: $1${plain}"
		return 1
	}
}

# pings POD NAME=ADDRESS...
pings() {
	local from=$1 to
	shift
	printf '   %-6s reaches' "$from"
	for to in "$@"; do
		ip netns exec "$prefix$from" ping -n -q -c1 -W2 "${to#*=}" >/dev/null || {
			printf '\n   %s%s (%s) does not answer%s\n' "$red" "${to%%=*}" "${to#*=}" "$plain"
			return 1
		}
		printf '  %s %s%s%s' "${to%%=*}" "$green" "${to#*=}" "$plain"
	done
	echo
}

# ---- the network ----

# The kernel asks for each IPv6 address for a second or two before it uses it; the demo does not wait for that.
netns() {
	ip netns add "$prefix$1"
	ip -n "$prefix$1" link set lo up
	ip netns exec "$prefix$1" sh -c "for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >\$f; done"
}

plug() { # MACHINE PORT: a cable from its eth0 to the underlay
	ip -n "${prefix}underlay" link add "$2" type veth peer name eth0 netns "$prefix$1"
	ip -n "${prefix}underlay" link set "$2" master br0 up
	ip -n "$prefix$1" link set eth0 up
}

build_network() {
	netns underlay
	ip -n "${prefix}underlay" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "${prefix}underlay" link set br0 up
	for m in router host-a host-b printer; do
		netns "$m"
		plug "$m" "p-$m"
	done
	ip -n "${prefix}router" addr add 10.9.0.1/24 dev eth0
	ip -n "${prefix}router" addr add fd00:9::1/64 dev eth0
	ip -n "${prefix}router" addr add 192.0.2.1/32 dev lo
	ip -n "${prefix}router" addr add 2001:db8::1/128 dev lo
	ip -n "${prefix}printer" addr add 10.9.0.12/24 dev eth0
	for h in host-a=2 host-b=3; do
		ip -n "$prefix${h%=*}" addr add "10.9.0.${h#*=}/24" dev eth0
		ip -n "$prefix${h%=*}" addr add "fd00:9::${h#*=}/64" dev eth0
		ip netns exec "$prefix${h%=*}" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
	done
}

# The sample with this host's name and the temporary state directory.
network() { # HOST SAMPLE
	jq --arg node "$1" --arg dir "$tmp/state" --arg run "$tmp/run" '.plugins[0].ipam += {node_name: $node, state_dir: $dir,
		log_file_path: ($dir + "/spiderpool.log")} | (.plugins[] | select(.type == "coordinator")) += {stateDir: $run}' \
		"conf/net.d/$2.conflist" >"$tmp/$1-$2.conflist"
}

# The runtime of a host, for pod NAMESPACE/POD.
attach() { # HOST NETWORK NAMESPACE POD [OPTION]...
	ip netns exec "$prefix$1" spiderpoolctl cni add "$tmp/$1-$2.conflist" "$prefix$4" --cache-dir "$tmp/cache" \
		--args "IgnoreUnknown=1;K8S_POD_NAMESPACE=$3;K8S_POD_NAME=$4;K8S_POD_UID=$(cat /proc/sys/kernel/random/uuid)" \
		"${@:5}"
}
pod_add() { # HOST NETWORK NAMESPACE POD
	netns "$4"
	command_line "$1" "spiderpoolctl cni add $2.conflist $4   $dim# pod $3/$4$plain"
	attach "$@" >"$tmp/$4.json"
	jq -r '"     " + ([.ips[].address] | join("  ")) + "   routes " +
		([.routes[] | "\(.dst) via \(.gw)"] | join(", "))' "$tmp/$4.json"
}
attach_del() { # HOST NETWORK POD [OPTION]...
	ip netns exec "$prefix$1" spiderpoolctl cni del "$tmp/$1-$2.conflist" "$prefix$3" --cache-dir "$tmp/cache" "${@:4}"
}
pod_del() { # HOST NETWORK POD
	command_line "$1" "spiderpoolctl cni del $2.conflist $3"
	attach_del "$@"
	ip netns del "$prefix$3"
}
# A server in a pod that tells everybody TEXT; it ends with the demo.
serve() { # POD PORT TEXT
	# shellcheck disable=SC2016 # these are perl's
	ip netns exec "$prefix$1" perl -MIO::Socket::INET -e '
		my $s = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 5, ReuseAddr => 1) or die "listen: $!";
		while (my $c = $s->accept) { <$c>; print $c "$ARGV[1]\n"; close $c }' "$2" "$3" &
	servers+=($!)
	for _ in $(seq 100); do
		ip netns exec "$prefix$1" ss -Hltn "sport = :$2" | grep -q . && return
		sleep 0.05
	done
	return 1
}
get() { # POD ADDRESS PORT
	ip netns exec "$prefix$1" timeout 5 bash -c "exec 3<>/dev/tcp/$2/$3; echo get >&3; cat <&3"
}
address() { # POD 4|6
	jq -r --arg sep "$([ "$2" = 4 ] && echo . || echo :)" '.ips[].address | select(contains($sep)) | split("/")[0]' "$tmp/$1.json"
}

# ---- the story ----

[ "$(id -u)" = 0 ] || { echo "$0: needs root, for network namespaces" >&2; exit 1; }
for p in spiderpool coordinator spiderpoolctl; do
	command -v "$p" >/dev/null || { echo "$0: no $p; run make first" >&2; exit 1; }
done
tmp=$(mktemp -d)
export SPIDERPOOL_STATE_DIR=$tmp/state
start=$SECONDS

say "A network: host-a (10.9.0.2), host-b (10.9.0.3), a printer (10.9.0.12) and a router (10.9.0.1, fd00:9::1)" \
	"Each is a network namespace; behind the router are 192.0.2.1 and 2001:db8::1."
build_network

say "Pools: which addresses pods may have. No daemon, no server: a state directory" \
	"Some addresses are never given out: those of the reserved list."
show spiderpoolctl apply -f conf/pools/underlay.yaml -f conf/pools/reserved.yaml
show spiderpoolctl get ippools

say "The network configuration: macvlan on the host's NIC, addresses from spiderpool" \
	"A sample from conf/net.d; here with a temporary state directory and the host's name."
for h in host-a host-b; do
	network "$h" macvlan-detection
	network "$h" macvlan-fixed
done
jq -c '.plugins[0]' "$tmp/host-a-macvlan-detection.conflist" | short | sed 's/[,:]/& /g' | fold -s -w 100 | sed 's/^/     /'

say "Pods on both hosts, IPv4 and IPv6" \
	"10.9.0.11 is reserved; 10.9.0.12 is the printer's, which spiderpool finds by asking the network first."
pod_add host-a macvlan-detection blue web-0
pod_add host-b macvlan-detection blue web-1
[ "$(address web-0 4) $(address web-1 4)" = "10.9.0.10 10.9.0.13" ]
show grep -o "msg=.*quarantined" "$tmp/state/spiderpool.log"

say "They reach each other across the hosts, the router and what is behind it"
pings web-0 "web-1=$(address web-1 4)" "web-1=$(address web-1 6)" router=10.9.0.1 router=fd00:9::1
pings web-1 "web-0=$(address web-0 4)" "web-0=$(address web-0 6)" beyond=192.0.2.1 beyond=2001:db8::1

say "A host cannot talk to its own macvlan pods: no health check, no service. coordinator puts that right" \
	"The next pod has it in its chain: a second way, by a pair of interfaces, beside the underlay."
command_line host-a "ping $(address web-0 4)"
ip netns exec "${prefix}host-a" ping -n -q -c1 -W1 "$(address web-0 4)" >/dev/null && exit 1
echo "     no answer"
for h in host-a host-b; do network "$h" macvlan-coordinator; done
pod_add host-a macvlan-coordinator blue api-0
pings host-a "api-0=$(address api-0 4)" "api-0=$(address api-0 6)"
pings api-0 host-a=10.9.0.2 host-a=fd00:9::2 "web-1=$(address web-1 4)" beyond=192.0.2.1

say "A service: 10.96.0.10 port 80 is web-1 on host-b, as kube-proxy on host-a would have it"
serve web-1 8080 "hello from web-1"
ip netns exec "${prefix}host-a" nft -f - <<-EOF
	table ip services {
		chain prerouting {
			type nat hook prerouting priority dstnat
			ip daddr 10.96.0.10 tcp dport 80 dnat to $(address web-1 4):8080
		}
		chain postrouting {
			type nat hook postrouting priority srcnat
			ct status dnat masquerade
		}
	}
EOF
command_line api-0 "get http://10.96.0.10/"
run get api-0 10.96.0.10 80
wants "hello from web-1"

say "A pod with two NICs: each address is answered through the NIC that it is on" \
	"net1 has a routing table of its own; reverse path filtering (rp_filter) is strict."
pod_add host-b macvlan-coordinator blue gw-0
first=$(address gw-0 4)
attach host-b macvlan-coordinator blue gw-0 --ifname net1 >"$tmp/gw-0.json"
second=$(address gw-0 4)
ip netns exec "${prefix}gw-0" sh -c "for i in all eth0 net1; do echo 1 >/proc/sys/net/ipv4/conf/\$i/rp_filter; done"
command_line gw-0 "ip rule"
run ip -n "${prefix}gw-0" rule show
wants "from $second lookup 101"
command_line gw-0 "ip route show table 101"
run ip -n "${prefix}gw-0" route show table 101
wants "default via 10.9.0.1 dev net1"
pings router eth0="$first" net1="$second"
pings host-b eth0="$first" net1="$second"
attach_del host-b macvlan-coordinator gw-0 --ifname net1
pod_del host-b macvlan-coordinator gw-0
pod_del host-a macvlan-coordinator api-0

say "A pod with a fixed address: deleted on host-a, made again on host-b" \
	"keep_ip_by_pod_name keeps it for the pod's name, whatever comes in between."
pod_add host-a macvlan-fixed blue db-0
fixed=$(address db-0 4)
pod_del host-a macvlan-fixed db-0
pod_add host-a macvlan-fixed blue other
pod_add host-b macvlan-fixed blue db-0
[ "$(address db-0 4)" = "$fixed" ]
pings db-0 "web-0=$(address web-0 4)" router=10.9.0.1

say "Who has what"
show spiderpoolctl ip list
show spiderpoolctl top

say "Why does a pod have its address, and why does another one get none?"
show spiderpoolctl why blue/db-0 --conflist "$tmp/host-b-macvlan-fixed.conflist" --cni-cache-dir "$tmp/cache"
echo "   A pool that only namespace green may use, and a pod of namespace blue that asks for it:"
show spiderpoolctl apply -f conf/pools/namespace.yaml
netns stray
network host-a macvlan-annotations
asks='{"ipv4":["namespace-green"]}'
caps=$(jq -cn --arg a "$asks" '{"io.kubernetes.cri.pod-annotations": {"ipam.spidernet.io/ippool": $a}}')
command_line host-a "spiderpoolctl cni add macvlan-annotations.conflist stray --capability-args '$caps'"
run attach host-a macvlan-annotations blue stray --capability-args "$caps" && exit 1
wants 'not in spec.namespaceName'
show spiderpoolctl why blue/stray --annotation "ippool=$asks"
wants 'not in spec.namespaceName'

say "The pods go, their addresses rest for a minute; the one that is kept stays"
pod_del host-a macvlan-detection web-0
pod_del host-b macvlan-detection web-1
pod_del host-b macvlan-fixed db-0
show spiderpoolctl ip list
wants "$fixed .*kept"
show spiderpoolctl fsck

trap '' INT TERM HUP
cleanup
tmp=
[ -z "$(ip netns list | grep "^$prefix" || true)" ]
printf '\n%sAll of it worked, in %d s. Nothing is left behind.%s\n' "$green" $((SECONDS - start)) "$plain"
