#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator killed (SIGKILL) before each system call that changes something, one after the other: what comes next
# leaves nothing behind and everything works.
#
# Several netlink messages that go out in one call are worked off by the kernel before the call returns, whoever
# is killed meanwhile; so what lies between two calls is all that a kill can leave.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need ip nft ping strace
	node_world
	pod_plain P
	export ASAN_OPTIONS=detect_leaks=0 # does not work under strace
}

teardown() {
	lib_teardown
}

CALLS=sendto,write,mkdirat,renameat,unlinkat

# traced OUT NIC VERB [MORE OPTIONS OF strace]...
traced() {
	CNI_COMMAND=$3 CNI_CONTAINERID=c1 CNI_IFNAME=$2 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN \
		ip netns exec "$NODE" strace -qq -o "$1" -e trace=$CALLS -e signal=none "${@:4}" "$BIN/coordinator" \
		<<<"${conf[$2]}" >"$DIR/out" 2>&1
}

# points NIC VERB: "CALL:NUMBER" of each that changes something: no questions to the kernel
points() {
	traced "$DIR/trace" "$1" "$2" || { cat "$DIR/out" >&2 && return 1; }
	awk -F'(' '{ n[$1]++ } $1 != "sendto" || /NLM_F_ACK/ || /\[\[\{nlmsg_len=20,/ { print $1 ":" n[$1] }' "$DIR/trace"
}

# what_hangs: everything of pod and node, cheaply
what_hangs() {
	local ns
	for ns in "$P" "$NODE"; do
		printf 'link\nrule\nroute show table all\nneigh show nud permanent\n' | ip -n "$ns" -4 -batch -
		printf 'rule\nroute show table all\nneigh show nud permanent\n' | ip -n "$ns" -6 -batch -
	done
	ip netns exec "$P" sh -c 'nft list tables; grep . /proc/sys/net/ipv4/conf/*/rp_filter'
}

# as_before WHEN
as_before() {
	diff <(echo "$bare") <(what_hangs) || { echo "$1" && return 1; }
}

on_record() {
	(cd "$DIR/run" && find . -not -name co.log) | sort
}

do_it() { # VERB NIC
	call co_call "$1" c1 "$2" "$P" "${conf[$2]}"
	succeeded || { echo "$1 $2" && return 1; }
}

# killed NIC VERB THEN: for each point of the verb, made from where it is now: killed, then what THEN does. Before and
# after that, everything is as now.
killed() {
	local p i status points had
	bare=$(what_hangs)
	had=$(on_record)
	[ "$2" = ADD ] || do_it ADD "$1"
	points "$1" "$2" >"$DIR/points"
	[ "$2" = DEL ] || do_it DEL "$1"
	mapfile -t points <"$DIR/points"
	[ ${#points[@]} -ge "${4:-6}" ]
	for i in "${!points[@]}"; do
		p=${points[i]}
		[ "$2" = ADD ] || do_it ADD "$1"
		status=0
		{ traced /dev/null "$1" "$2" -e inject="${p%:*}:signal=KILL:when=${p#*:}"; } 2>/dev/null || status=$?
		same "137 $p" "$status $p"
		"$3" "$1" "$i" || { echo "after $p" && return 1; }
		as_before "after $p"
		same "$p $had" "$p $(on_record)"
	done
	echo "# $2 $1: killed at ${points[*]}" >&3
}

# After a killed ADD: DEL at once, GC, ADD again without either.
then_undone() {
	case $(($2 % 3)) in
	0) do_it DEL "$1" ;;
	1)
		call co_call GC "" "" "" "${conf[$1]%\}},\"cni.dev/valid-attachments\":[]}"
		succeeded
		;;
	esac
	case $(($2 % 6)) in
	0 | 1) as_before "at once" ;;
	3) return ;;
	4) # GC cannot know that nobody is writing the file of a record that is not there yet
		as_before "at once"
		do_it DEL "$1"
		return
		;;
	esac
	do_it ADD "$1"
	do_it CHECK "$1"
	pings "$NODE" "${address[$1]}"
	do_it DEL "$1"
}

# After a killed DEL: DEL again, twice.
then_again() {
	do_it DEL "$1"
	do_it DEL "$1"
}

# confs [MORE KEYS]
confs() {
	local more="${1:+$1,}$FIRST"',"logOptions":{"logLevel":"error"},"podMACPrefix":"0a:1b","policyRoutes":[{"dst":"198.51.100.0/24","gw":"GW"}]'
	declare -gA conf=([eth0]=$(co_conf eth0 "$P" "${more/GW/$GW4}") [net1]=$(co_conf net1 "$P" "${more/GW/10.8.0.1}"))
	declare -gA address=([eth0]=10.9.0.50 [net1]=10.8.0.50)
	mkdir -p "$DIR/run/coordinator"
	chmod 0700 "$DIR/run"
}

@test "ADD of the first underlay NIC" {
	eth0 "$P" 50
	confs '"podRPFilter":1'
	killed eth0 ADD then_undone 12
}

@test "DEL of the first underlay NIC" {
	eth0 "$P" 50
	confs '"podRPFilter":1'
	killed eth0 DEL then_again
}

@test "ADD and DEL of a further underlay NIC, from which the default route is taken" {
	eth0 "$P" 50
	net1 "$P" 50
	confs
	do_it ADD eth0
	killed net1 ADD then_undone 8
	killed net1 DEL then_again
	do_it CHECK eth0
}

@test "ADD and DEL of an overlay NIC" {
	cali "$P" 50
	net1 "$P" 50
	confs
	killed net1 ADD then_undone 8
	killed net1 DEL then_again
}
