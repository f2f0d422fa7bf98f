# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2120,SC2119
# lib.bash - what end-to-end tests share. In a test file:
#
#	load lib
#	setup() { lib_setup; }
#	teardown() { lib_teardown; }
#
# Everything a test makes has a name of its own and is gone after lib_teardown.

bats_require_minimum_version 1.5.0

lib_setup() {
	ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
	BIN=$ROOT/${BUILD:-build}/bin
	TOOLS=$ROOT/${BUILD:-build}/e2e/tools
	PATH=$BIN:$PATH
	DIR=$BATS_TEST_TMPDIR
	STATE=$DIR/state
	export SPIDERPOOL_STATE_DIR=$STATE
	export LC_ALL=C.UTF-8
	unset CNI_COMMAND CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_ARGS CNI_PATH CNI_NETNS_OVERRIDE
}

lib_teardown() {
	local ns pid
	[ -f "$DIR/pids" ] && while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$DIR/pids"
	[ -f "$DIR/netns" ] && while read -r ns; do ip netns del "$ns" 2>/dev/null || true; done <"$DIR/netns"
	rmdir /run/spiderpool 2>/dev/null || true # a mount point of private(); not when it is in use
	true
}

# Skips unless the programs are there and we are root.
need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

need() {
	local p
	for p in "$@"; do
		command -v "$p" >/dev/null || [ -x "$p" ] || skip "needs $p"
	done
}

# netns_new VAR: a network namespace with a unique name, in the variable.
netns_new() {
	local name
	NETNS_COUNT=$((${NETNS_COUNT:-0} + 1))
	name=sp$$-$NETNS_COUNT
	ip netns add "$name"
	echo "$name" >>"$DIR/netns"
	ip -n "$name" link set lo up
	printf -v "$1" %s "$name"
}

# background COMMAND...: ended by teardown; its process ID is in $!.
background() {
	"$@" 3>&- 4>&- &
	echo $! >>"$DIR/pids"
}

# fails STATUS COMMAND...: runs it and wants that exit status; output is in $output.
fails() {
	local want=$1
	shift
	run "$@"
	[ "$status" = "$want" ] || {
		echo "exit status $status, want $want: $*"
		echo "$output"
		return 1
	}
}

# has TEXT: $output contains it.
has() {
	[[ $output == *"$1"* ]] || {
		printf 'want: %s\ngot:  %s\n' "$1" "$output"
		return 1
	}
}

hasnt() {
	[[ $output != *"$1"* ]] || {
		printf 'unwanted: %s\nin:       %s\n' "$1" "$output"
		return 1
	}
}

# same WANT GOT
same() {
	[ "$1" = "$2" ] || {
		printf 'want: %s\ngot:  %s\n' "$1" "$2"
		return 1
	}
}

# jq_is FILTER WANT: what the filter makes of $output.
jq_is() {
	same "$2" "$(jq -r "$1" <<<"$output")"
}

# pool NAME SUBNET RANGE [MORE YAML LINES OF spec]...: a manifest on stdout.
pool() {
	local name=$1 subnet=$2 range=$3
	shift 3
	printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata:\n  name: %s\n' "$name"
	printf 'spec:\n  subnet: "%s"\n  ips: ["%s"]\n' "$subnet" "$range"
	[ $# = 0 ] || printf '  %s\n' "$@"
	echo ---
}

# ipam_conf [JSON OF MORE KEYS OF ipam]: a network configuration that has spiderpool alone. (Without jq, which
# takes a while to start.)
ipam_conf() {
	local more=${1:-{\}} log=
	[[ $more == *'"log_file_path"'* ]] || log=',"log_file_path":"'$STATE'/x.log"'
	[[ $more == "{}" ]] || log+=,
	printf '{"cniVersion":"1.0.0","name":"net","type":"none","ipam":{"type":"spiderpool","datastore":"local",'
	printf '"state_dir":"%s"%s%s}\n' "$STATE" "$log" "${more#\{}"
}

# ipam VERB CONTAINER NIC NETNS [CNI_ARGS] [CONFIGURATION]: calls the plugin itself.
ipam() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=$3 CNI_NETNS=$4 CNI_ARGS=${5:-} CNI_PATH=$BIN \
		spiderpool <<<"${6:-$(ipam_conf)}"
}

# pod NAMESPACE NAME: CNI_ARGS of it.
pod() {
	echo "IgnoreUnknown=1;K8S_POD_NAMESPACE=$1;K8S_POD_NAME=$2;K8S_POD_UID=uid-$2"
}
