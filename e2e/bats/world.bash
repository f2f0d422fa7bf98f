# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034,SC2015,SC2016
# world.bash - a network to test on: an underlay with its router, hosts, pods. Load it behind lib:
#
#	load lib
#	load world
#	setup() { lib_setup; need_root; underlay; host_new HOST; pod_new POD; }
#
# Everything is in network namespaces of its own; lib_teardown removes it.

CNI_DIR=/usr/lib/cni # Debian's containernetworking-plugins

GW4=10.9.0.1 GW6=fd00:9::1                 # the router on the underlay
FAR4=192.0.2.1 FAR6=2001:db8::1            # what is behind it
NET4=10.9.0.0/24 NET6=fd00:9::/64

# underlay: namespace $UNDERLAY has bridge br0, which is the router too.
underlay() {
	netns_new UNDERLAY
	ip -n "$UNDERLAY" link add br0 type bridge forward_delay 0 mcast_snooping 0
	no_dad "$UNDERLAY"
	ip -n "$UNDERLAY" addr add $GW4/24 dev br0
	ip -n "$UNDERLAY" addr add $GW6/64 dev br0 nodad
	ip -n "$UNDERLAY" addr add $FAR4/32 dev lo
	ip -n "$UNDERLAY" addr add $FAR6/128 dev lo
	ip -n "$UNDERLAY" link set br0 up
	PORTS=0
}

# The kernel asks for IPv6 addresses for a second or two before it uses them; tests do not wait for that.
no_dad() {
	ip netns exec "$1" sh -c 'for f in /proc/sys/net/ipv6/conf/*/accept_dad; do echo 0 >"$f"; done'
}

# host_new VAR: a namespace whose eth0 is on the underlay, without addresses.
host_new() {
	netns_new "$1"
	PORTS=$((PORTS + 1))
	no_dad "${!1}"
	ip -n "$UNDERLAY" link add "p$PORTS" type veth peer name eth0 netns "${!1}"
	ip -n "$UNDERLAY" link set "p$PORTS" master br0 up
	ip -n "${!1}" link set eth0 up
}

# pod_new VAR
pod_new() {
	netns_new "$1"
	no_dad "${!1}"
}

# chain TYPE [JSON OF MORE KEYS] [JSON OF MORE KEYS OF ipam]: a configuration of one of Debian's plugins with
# spiderpool.
chain() {
	local conf more=${2:-{\}}
	conf=$(ipam_conf "${3:-}")
	conf=${conf/'"type":"none"'/'"type":"'$1'"'}
	[[ $more == "{}" ]] || conf=${conf%\}},${more#\{}
	echo "$conf"
}

# with_version VERSION CONF: "-" is none.
with_version() {
	local key='"cniVersion":"'$1'",'
	[ "$1" != - ] || key=
	echo "${2/'"cniVersion":"1.0.0",'/$key}"
}

# with_prev CONF RESULT: CONF with prevResult.
with_prev() {
	echo "${1%\}},\"prevResult\":$2}"
}

# plugin HOST VERB CONTAINER NIC POD CONF [CNI_ARGS]: runs the plugin that CONF names.
plugin() {
	local type=${6#*'"type":"'}
	type=${type%%'"'*}
	CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_IFNAME=$4 CNI_NETNS=/run/netns/$5 CNI_ARGS=${7:-} \
		CNI_PATH=$BIN:$CNI_DIR ip netns exec "$1" "$CNI_DIR/$type" <<<"$6"
}

# until_true COMMAND...: waits up to 10 s.
until_true() {
	local n
	for n in $(seq 200); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	echo "did not come true: $*"
	return 1
}

# pings NETNS ADDRESS...: each of them answers.
pings() {
	local ns=$1 a
	shift
	for a in "$@"; do
		ip netns exec "$ns" ping -n -q -c1 -W2 "$a" >/dev/null || {
			echo "$ns: $a does not answer"
			ip -n "$ns" addr
			ip -n "$ns" route
			ip -n "$ns" -6 route
			return 1
		}
	done
}

# pings_not NETNS ADDRESS
pings_not() {
	! ip netns exec "$1" ping -n -q -c1 -W1 "$2" >/dev/null 2>&1 || {
		echo "$1: $2 answers"
		return 1
	}
}

# addresses POD NIC: what the kernel has, as a result has it, sorted; without link-local ones.
addresses() {
	ip -n "$1" -j addr show dev "$2" |
		jq -c '[.[].addr_info[]? | select(.scope == "global") | "\(.local)/\(.prefixlen)"] | sort'
}

# default_route POD FAMILY: "GATEWAY NIC", empty when there is none.
default_route() {
	ip -n "$1" -j "-$2" route show default | jq -r '.[] | "\(.gateway) \(.dev)"'
}

# mac NETNS NIC
mac() {
	ip -n "$1" -j link show dev "$2" | jq -r '.[0].address'
}

# addresses_in RESULT: of a result of version 0.3.0 and later, sorted.
addresses_in() {
	jq -c '[.ips[].address] | sort' <<<"$1"
}

# state_of ADDRESS: in-use, kept, quarantine, cooling or free.
state_of() {
	spiderpoolctl ip show "$1" | awk '$1 == "State:" { print $2 }'
}

# in_use: how many addresses are.
in_use() {
	local list
	list=$(spiderpoolctl ip list --state in-use 2>"$DIR/stderr") || {
		cat "$DIR/stderr"
		return
	}
	awk '$2 == "in-use" { n++ } END { print n + 0 }' <<<"$list"
}

# documents WANT: $output is so many JSON documents, and nothing else.
documents() {
	same "$1" "$(jq -s length <<<"$output")"
}

# refused CODE [TEXT]: the plugin that ran before failed, with exactly one error document on stdout, with that
# code and that text in its sentence. (Without jq, which takes a while to start.)
refused() {
	local string='"([^"\\]|\\.)*"' sentence=
	local document="^\\{\"cniVersion\":\"[0-9.]+\",\"code\":$1,\"msg\":($string)(,\"details\":$string)?\\}\$"

	[[ $output =~ $document ]] && sentence=${BASH_REMATCH[1]//\\\"/\"}
	[ "$status" = 1 ] && [ ${#sentence} -gt 2 ] && [[ $sentence == *"${2:-}"* ]] || {
		printf 'want: exit 1, code %s: %s\ngot:  exit %s, %s\n' "$1" "${2:-}" "$status" "$output"
		return 1
	}
}

# call COMMAND...: runs it; stdout is in $output, stderr in $stderr, the exit status in $status.
call() {
	status=0
	output=$("$@" 2>"$DIR/stderr") || status=$?
	stderr=$(<"$DIR/stderr")
}

# succeeded: the plugin that ran before did, and wrote nothing on stderr.
succeeded() {
	[ "$status$stderr" = 0 ] || {
		echo "exit $status: $output$stderr"
		return 1
	}
}

# private NETNS COMMAND...: runs it in that namespace, with /var/lib, /var/log, /etc/spiderpool and /run/spiderpool
# that are this test's alone: $DIR/var-lib, $DIR/var-log, $DIR/etc-spiderpool, $DIR/run-spiderpool.
private() {
	local ns=$1
	shift
	mkdir -p "$DIR/var-lib" "$DIR/var-log" "$DIR/etc-spiderpool" "$DIR/run-spiderpool"
	chmod 0700 "$DIR/run-spiderpool"
	ip netns exec "$ns" sh -ec '
		mount --bind "$0/var-lib" /var/lib
		mount --bind "$0/var-log" /var/log
		mount -t tmpfs tmpfs /mnt
		mkdir /mnt/up /mnt/work
		mount -t overlay overlay -o lowerdir=/etc,upperdir=/mnt/up,workdir=/mnt/work /etc
		mkdir -p /etc/spiderpool
		mount --bind "$0/etc-spiderpool" /etc/spiderpool
		umount -l /mnt
		mkdir -p /run/spiderpool # on the machine itself; lib_teardown removes it
		mount --bind "$0/run-spiderpool" /run/spiderpool
		unset SPIDERPOOL_STATE_DIR
		exec "$@"' "$DIR" "$@"
}
