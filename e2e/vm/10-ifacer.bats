#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ifacer against a kernel that has VLANs and bonds: what it makes, what it refuses.

load ../bats/lib
load ../bats/world
load ifacer

setup() {
	lib_setup
	need_root
	need jq ip
	host
}

teardown() {
	lib_teardown
}

# ---- VLAN ----

@test "a VLAN is made on its parent, marked, up, recorded; again changes nothing; DEL forgets, the VLAN stays" {
	c=$(conf '"vlanID":100')
	ok ADD "$c"
	shows eth0.100 UP "eth0.100@eth0:" "vlan protocol 802.1Q id 100" "mtu 1500" "alias spiderpool ifacer $RUN"
	same '{"container":"c1","ifname":"net1","network":"net"}' "$(jq -c '{container, ifname, network}' "$RUN"/ifacer/c1/net1.*.json)"
	before=$(links)
	ok CHECK "$c"
	ok STATUS "$c"
	ok ADD "$c"
	CONTAINER=c2
	ok ADD "$c"
	same "$before" "$(links)"
	same 2 "$(records)"
	ok DEL "$c"
	ok DEL "$c"
	same 1 "$(records)"
	CONTAINER=c1
	ok DEL "$c"
	same 0 "$(records)"
	same "$before" "$(links)"
}

@test "a parent that is down is set up, so is a VLAN; one that was there is kept" {
	ip -n "$A" link set eth0 down
	ok ADD "$(conf '"vlanID":1')"
	are_up eth0 eth0.1
	ip -n "$A" link add link eth0 name eth0.4094 index 4444 type vlan id 4094
	ip -n "$A" link set eth0.4094 alias mine
	ip -n "$A" link set eth0 down
	ok ADD "$(conf '"vlanID":4094')"
	are_up eth0 eth0.4094
	shows eth0.4094 4444: "alias mine"
	# lost, as after a reboot
	ip -n "$A" link del eth0.1
	ok ADD "$(conf '"vlanID":1')"
	are_up eth0.1
}

@test "a VLAN on a VLAN" {
	ok ADD "$(conf '"vlanID":5')"
	ok ADD "$(conf '"interfaces":["eth0.5"],"vlanID":6')"
	shows eth0.5.6 UP eth0.5.6@eth0.5: "vlan protocol 802.1Q id 6"
}

@test "what is there under the VLAN's name and is something else is told, not changed" {
	c=$(conf '"vlanID":7')
	ip -n "$A" link add eth0.7 type dummy
	no 999 "nothing was changed: interface eth0.7 is dummy, want a vlan" ADD "$c"
	ip -n "$A" link del eth0.7
	ip -n "$A" link add link eth1 name eth0.7 type vlan id 8 protocol 802.1ad
	for verb in ADD CHECK; do
		no 999 "interface eth0.7 has the vlan id 8, want 7; interface eth0.7 has the protocol 0x88a8, want 802.1Q (0x8100); interface eth0.7 has the parent eth1, want eth0" $verb "$c"
	done
	no 50 "interface eth0.7 has the parent eth1, want eth0" STATUS "$c"
	ip -n "$A" link del eth0.7
	netns_new OTHER
	ip -n "$OTHER" link add far type dummy
	ip -n "$OTHER" link add link far name eth0.7 type vlan id 7
	ip -n "$OTHER" link set eth0.7 netns "$A"
	no 999 "interface eth0.7 has its parent in another network namespace, want eth0" ADD "$c"
	same 0 "$(records)"
}

@test "one VLAN ID: allowed on two parents, refused under another name or in a pod" {
	ok ADD "$(conf '"vlanID":100')"
	ok ADD "$(conf '"interfaces":["eth1"],"vlanID":100')"
	shows eth0.100 eth0.100@eth0:
	shows eth1.100 eth1.100@eth1:
	ip -n "$A" link add link eth2 name blue type vlan id 100
	ip -n "$A" link set eth2 down
	no 999 "cannot have multiple different vlan interfaces with the same vlanId 100 on node at the same time: that of eth2 is named blue already, want eth2.100" \
		ADD "$(conf '"interfaces":["eth2"],"vlanID":100')"
	pod_new P
	ip -n "$A" link set blue netns "$P"
	no 999 "that of eth2 is in another network namespace" ADD "$(conf '"interfaces":["eth2"],"vlanID":100')"
	same 1 "$(records)"
	absent eth2.100
}

@test "a parent that does not exist, names that cannot be" {
	no 999 "interface eth9 does not exist" ADD "$(conf '"interfaces":["eth9"],"vlanID":5')"
	no 50 "interface eth9 does not exist" STATUS "$(conf '"interfaces":["eth9"],"vlanID":5')"
	no 999 "interface eth9 does not exist" ADD "$(conf '"interfaces":["eth0","eth9"]' '"mode":1')"
	absent sp_bond0
	same 0 "$(records)"
	ip -n "$A" link add longlonglong1 type dummy
	no 7 "would be named longlonglong1.1000; want a name of at most 15 characters" ADD "$(conf '"interfaces":["longlonglong1"],"vlanID":1000')"
	# the kernel's own refusal
	no 5 'VLANs not supported on device (Operation not supported)' ADD "$(conf '"interfaces":["lo"],"vlanID":5')"
	same 0 "$(records)"
}

# ---- bond ----

@test "a bond of each mode: slaves, up, recorded; again changes nothing" {
	for mode in 0:balance-rr 1:active-backup 2:balance-xor 3:broadcast 4:802.3ad 5:balance-tlb 6:balance-alb; do
		c=$(conf '' '"name":"b0","mode":'${mode%:*}',"options":"miimon=100"')
		ok ADD "$c"
		shows b0 UP "bond mode ${mode#*:}" "miimon 100" "alias spiderpool ifacer $RUN"
		same "eth0 eth1" "$(slaves b0)"
		are_up eth0 eth1
		ok CHECK "$c"
		ip -n "$A" link del b0
	done
	# a mode that is not written is 0, a name sp_bond0
	c=$(conf '' '"options":""')
	ok ADD "$c"
	shows sp_bond0 "bond mode balance-rr"
	before=$(links)
	ok ADD "$c"
	ok STATUS "$c"
	same "$before" "$(links)"
}

@test "each option reaches the kernel, is found again, and another value is told" {
	# mode | options | how ip shows them | others | what is told of them
	cat >"$DIR/rows" <<'EOT'
1|miimon=150;primary=eth1;primary_reselect=better;num_peer_notif=3;resend_igmp=7|miimon 150,primary eth1,primary_reselect better,num_grat_arp 3,resend_igmp 7|miimon=0;primary=eth0;primary_reselect=0;num_peer_notif=1;resend_igmp=1|miimon is 150, want 0; primary is eth1, want eth0; primary_reselect is 1, want 0; resend_igmp is 7, want 1; num_peer_notif is 3, want 1
1|miimon=100;up_delay=250;downdelay=300;peer_notif_delay=500;use_carrier=0;all_slaves_active=1|miimon 100,updelay 200,downdelay 300,peer_notify_delay 500,use_carrier 0,all_slaves_active 1|up_delay=400;downdelay=0;peer_notif_delay=100;use_carrier=on;all_slaves_active=off|up_delay is 200, want 400; downdelay is 300, want 0; peer_notif_delay is 500, want 100; use_carrier is 0, want 1; all_slaves_active is 1, want 0
1|arp_interval=100;arp_ip_target=10.0.0.1,10.0.0.2;arp_validate=all;arp_all_targets=all;missed_max=5;fail_over_mac=active|arp_interval 100,arp_ip_target 10.0.0.1 10.0.0.2,arp_validate all,arp_all_targets all,arp_missed_max 5,fail_over_mac active|arp_interval=0;arp_ip_target=["10.0.0.1"];arp_validate=none;arp_all_targets=0;missed_max=2;fail_over_mac=none|arp_interval is 100, want 0; arp_ip_target is 10.0.0.1,10.0.0.2, want 10.0.0.1; arp_validate is 3, want 0; arp_all_targets is 1, want 0; missed_max is 5, want 2; fail_over_mac is 1, want 0
1|miimon=0;arp_interval=50;ns_ip6_target=["fd00::1"]|arp_interval 50,ns_ip6_target fd00::1|ns_ip6_target=fd00::2|ns_ip6_target is fd00::1, want fd00::2
0|packets_per_slave=0|packets_per_slave 0|packets_per_slave=1|packets_per_slave is 0, want 1
2|xmit_hash_policy=layer3+4|xmit_hash_policy layer3+4|xmit_hash_policy=0|xmit_hash_policy is 1, want 0
4|min_links=2;lacp_rate=fast;lacp_active=off;ad_select=count;ad_actor_sys_prio=1000;ad_user_port_key=513;ad_actor_system=02:00:5e:00:53:01|min_links 2,lacp_rate fast,lacp_active off,ad_select count,ad_actor_sys_prio 1000,ad_user_port_key 513,ad_actor_system 02:00:5e:00:53:01|min_links=0;lacp_rate=slow;lacp_active=on;ad_select=0;ad_actor_sys_prio=65535;ad_user_port_key=0;ad_actor_system=02:00:5e:00:53:02|min_links is 2, want 0; lacp_rate is 1, want 0; lacp_active is 0, want 1; ad_select is 2, want 0; ad_actor_sys_prio is 1000, want 65535; ad_user_port_key is 513, want 0; ad_actor_system is 02:00:5e:00:53:01, want 02:00:5e:00:53:02
5|tlb_dynamic_lb=0;lp_interval=9|tlb_dynamic_lb 0,lp_interval 9|tlb_dynamic_lb=1;lp_interval=1|lp_interval is 9, want 1; tlb_dynamic_lb is 0, want 1
EOT
	while IFS='|' read -r mode options texts others told; do
		echo "mode $mode: $options"
		c=$(conf '' "\"mode\":$mode,\"options\":\"${options//\"/\\\"}\"")
		ok ADD "$c"
		ok ADD "$c"
		while read -r -d , text; do
			# addresses are listed with commas, which shows() blanks
			shows sp_bond0 "$text"
		done <<<"$texts,"
		call ifacer_run ADD "$(conf '' "\"mode\":$mode,\"options\":\"${others//\"/\\\"}\"")"
		refused 999 "interface sp_bond0 (bond): $told"
		ip -n "$A" link del sp_bond0
	done <"$DIR/rows"
	# every option that is known has a row
	call ifacer_run ADD "$(conf '' '"options":"x=1"')"
	known=$(jq -r .msg <<<"$output" | sed 's/.*known: //; s/, /\n/g' | grep -vx active_slave | sort)
	same "$known" "$(cut -d'|' -f2 "$DIR/rows" | tr ';' '\n' | cut -d= -f1 | sort -u)"
}

@test "active_slave is asked for when the bond is made; a failover later is no difference" {
	c=$(conf '' '"mode":1,"options":"active_slave=eth1;miimon=100"')
	ok ADD "$c"
	shows sp_bond0 "active_slave eth1"
	ip -n "$SWITCH" link set s1 down
	until_true shows sp_bond0 "active_slave eth0"
	ok ADD "$c"
	ok CHECK "$c"
}

@test "what the kernel refuses is told with the option, and nothing stays: no bond, slaves up as before" {
	ip -n "$A" addr add 192.0.2.7/24 dev eth0
	no 5 'bond sp_bond0 of mode 1 (active-backup) cannot be had that way: node: set option lacp_rate=1 of bond sp_bond0: option not supported in mode (Permission denied)' \
		ADD "$(conf '' '"mode":1,"options":"miimon=100;lacp_rate=1"')"
	no 5 "node: set option up_delay=200 of bond sp_bond0 (which needs miimon)" ADD "$(conf '' '"mode":1,"options":"up_delay=200"')"
	no 5 "node: set option xmit_hash_policy=9 of bond sp_bond0: invalid option value (Invalid argument)" ADD "$(conf '' '"mode":2,"options":"xmit_hash_policy=9"')"
	ip -n "$A" -4 addr show dev eth0 | grep -q 192.0.2.7
	# a slave that cannot be one: the bond has been made by then
	ip -n "$A" link add m0 link eth2 type macvlan mode passthru
	no 5 "node: set link lo master" ADD "$(conf '"interfaces":["eth1","lo"]' '"mode":1')"
	no 5 "" ADD "$(conf '"interfaces":["eth0","eth1","lo"],"vlanID":5' '"mode":1')"
	same 0 "$(records)"
}

@test "a bond that is there: each difference is told, nothing is changed" {
	c=$(conf '' '"name":"bond0","mode":1,"options":"miimon=100"')
	ip -n "$A" link add bond0 type dummy
	no 999 "a non-bond type interface named bond0 already exists: it is dummy, want a bond" ADD "$c"
	ip -n "$A" link del bond0
	ip -n "$A" link add bond0 type bond mode balance-xor miimon 50
	for eth in eth0 eth2; do
		ip -n "$A" link set $eth down
		ip -n "$A" link set $eth master bond0
	done
	no 999 "nothing was changed: interface eth1 is no slave of bond0; interface bond0 (bond): mode is 2 (balance-xor), want 1 (active-backup); miimon is 50, want 100; interface bond0 has the slave eth2, which is not wanted" ADD "$c"
	ip -n "$A" link del bond0
	ip -n "$A" link add br0 type bridge
	ip -n "$A" link set eth1 master br0
	no 999 "interface eth1 belongs to br0, want to bond0" ADD "$c"
	absent bond0
	# somebody else's that is as wanted is used, and stays somebody else's
	ip -n "$A" link set eth1 nomaster
	ip -n "$A" link add bond0 type bond mode active-backup miimon 100
	for eth in eth0 eth1; do
		ip -n "$A" link set $eth down
		ip -n "$A" link set $eth master bond0
	done
	ok ADD "$c"
	run ! shows bond0 alias
	are_up bond0
}

@test "a bond of ours that lacks slaves gets them; one that another network has otherwise does not" {
	c=$(conf '' '"mode":1,"options":"miimon=100"')
	ok ADD "$c"
	ip -n "$A" link set eth1 nomaster
	ip -n "$A" link set eth1 up
	no 999 "interface eth1 is no slave of sp_bond0" CHECK "$c"
	ok STATUS "$c"
	CONTAINER=c2
	ok ADD "$c"
	same "eth0 eth1" "$(slaves sp_bond0)"
	ok CHECK "$c"
	# more slaves, while c1 and c2 have it with two
	more=$(conf '"interfaces":["eth0","eth1","eth2"]' '"mode":1')
	CONTAINER=c3
	no 999 "bond sp_bond0 is in use with other interfaces by network net (container c" ADD "$more"
	same 2 "$(records)"
	for CONTAINER in c1 c2; do ok DEL "$c"; done
	ok ADD "$more"
	same "eth0 eth1 eth2" "$(slaves sp_bond0)"
	no 999 "interface sp_bond0 has the slave eth2, which is not wanted" ADD "$c"
	# it was half made by a process that was killed
	ip -n "$A" link del sp_bond0
	ip -n "$A" link add sp_bond0 type bond mode active-backup
	ip -n "$A" link set sp_bond0 alias "spiderpool ifacer $RUN"
	ok ADD "$more"
	same "eth0 eth1 eth2" "$(slaves sp_bond0)"
	# one that cannot be had: those that were added are given back
	ip -n "$A" link set eth1 nomaster
	ip -n "$A" link set eth1 up
	ip -n "$A" link set eth2 nomaster
	ip -n "$A" link set eth2 up
	rm -rf "$RUN"
	no 5 "node: set link lo master" ADD "$(conf '"interfaces":["eth0","eth1","lo"]' '"mode":1')"
}

@test "a bond and a VLAN on it; together they are one" {
	c=$(conf '"vlanID":30' '"name":"bond0","mode":1,"options":"miimon=100"')
	ok ADD "$c"
	shows bond0.30 UP bond0.30@bond0: "vlan protocol 802.1Q id 30"
	before=$(links)
	ok ADD "$c"
	ok CHECK "$c"
	same "$before" "$(links)"
	ip -n "$A" link del bond0.30
	ok ADD "$c"
	are_up bond0.30
	# the VLAN fails: the bond of the same call goes too
	ip -n "$A" link del bond0
	ip -n "$A" link add bond0.30 type dummy
	no 999 "interface bond0.30 is dummy, want a vlan" ADD "$c"
	absent bond0
}

# ---- verbs ----

@test "CHECK names each drift" {
	c=$(conf '"vlanID":30' '"name":"bond0","mode":1,"options":"miimon=100"')
	ok ADD "$c"
	ok CHECK "$c"
	ip -n "$A" link set eth1 down
	no 999 "interface eth1 is down, want up" CHECK "$c"
	ip -n "$A" link set eth1 up
	ip -n "$A" link set bond0.30 down
	no 999 "interface bond0.30 is down, want up" CHECK "$c"
	ip -n "$A" link set bond0 down
	no 999 "interface bond0 is down, want up" CHECK "$c"
	ok ADD "$c"
	ok CHECK "$c"
	ip -n "$A" link set bond0 type bond miimon 200
	no 999 "interface bond0 (bond): miimon is 200, want 100" CHECK "$c"
	ip -n "$A" link set bond0 type bond miimon 100
	ip -n "$A" link del bond0.30
	no 999 "interface bond0.30 does not exist" CHECK "$c"
	ip -n "$A" link del bond0
	no 999 "interface bond0 does not exist; interface bond0.30 does not exist" CHECK "$c"
	ok ADD "$c"
	rm -r "$RUN"
	ok CHECK "$c"
	no 999 "this attachment has no record in $RUN/ifacer, so that GC may remove its interfaces" CHECK "${c%\}},\"removeUnused\":true}"
}

@test "GC forgets what is not valid in its network, and removes what nobody needs only when told to" {
	c=$(conf '"vlanID":5,"removeUnused":true')
	b=$(conf '"vlanID":6,"removeUnused":true' '"name":"bond0","mode":1')
	keep=$(conf '"interfaces":["eth2"],"vlanID":5')
	other=${keep/'"name":"net"'/'"name":"other"'}
	valid='{"containerID":"c3","ifname":"net1"}'
	CONTAINER=c1
	ok ADD "$b"
	ok DEL "$b"
	ip -n "$A" link set bond0 alias ""
	ip -n "$A" link del bond0
	ok ADD "$c"
	CONTAINER=c2
	ok ADD "$keep"
	CONTAINER=c3
	ok ADD "$keep"
	CONTAINER=c4
	ok ADD "$other"
	gc "$keep" "$valid,{\"containerID\":\"c1\",\"ifname\":\"net1\"}"
	same 3 "$(records)"
	gc "$keep" "$valid"
	same 2 "$(records)" # c1 and c2 are forgotten
	exists eth0.5 && exists eth2.5
	gc "$c" "$valid"
	absent eth0.5
	exists eth2.5
	CONTAINER=c3
	ok DEL "$keep"
	gc "$c"
	exists eth2.5 # the other network has it
	CONTAINER=c4
	ok DEL "$other"
	gc "$keep"
	exists eth2.5 # not asked to
	gc "$c"
	absent eth2.5
}

@test "GC removes the VLAN before its bond, and only what is ours and unused" {
	b=$(conf '"vlanID":6,"removeUnused":true' '"name":"bond0","mode":1')
	ok ADD "$b"
	ok ADD "$(conf '"interfaces":["bond0.6"],"vlanID":7')" # on top of it; the record of c1 is this one now
	gc "$b" '{"containerID":"c1","ifname":"net1"}'
	exists bond0.6.7 # recorded
	exists bond0.6   # it stands on it
	ok DEL "$b"
	# not ours: without mark, of another state directory, not made by us
	ok ADD "$(conf '"interfaces":["eth2"],"vlanID":1')"
	ok DEL "$b"
	ip -n "$A" link set eth2.1 alias ""
	ip -n "$A" link add link eth2 name eth2.2 type vlan id 2
	ip -n "$A" link set eth2.2 alias "spiderpool ifacer /run/elsewhere"
	ip -n "$A" link add link eth2 name eth2.3 type vlan id 3
	# ours, but with somebody's address or interface on it
	for id in 4 5; do
		ok ADD "$(conf '"interfaces":["eth2"],"vlanID":'$id)"
		ok DEL "$b"
	done
	ip -n "$A" addr add 192.0.2.1/24 dev eth2.4
	ip -n "$A" link add link eth2.5 name mine type macvlan
	gc "$b"
	same "eth2.1 eth2.2 eth2.3 eth2.4 eth2.5" "$(vlans)"
	absent bond0
	ip -n "$A" link del mine
	ip -n "$A" addr flush dev eth2.4
	gc "$b"
	same "eth2.1 eth2.2 eth2.3" "$(vlans)"
	no 7 'GC needs the list cni.dev/valid-attachments' GC "$b"
}

@test "GC removes no interface while a record cannot be read" {
	c=$(conf '"vlanID":5,"removeUnused":true')
	ok ADD "$c"
	f=$(find "$RUN" -name '*.json')
	echo '{' >"$f"
	no 999 "1 attachment records in $RUN/ifacer cannot be read, so no interface is removed" GC "${c%\}},\"cni.dev/valid-attachments\":[]}"
	exists eth0.5
	ok DEL "$c"
	gc "$c"
	absent eth0.5
}

# ---- many at once, and killed ----

@test "20 parallel ADDs of a bond with a VLAN: one of each, 20 records" {
	c=$(conf '"vlanID":30' '"name":"bond0","mode":1,"options":"miimon=100;primary=eth1"')
	for i in $(seq 20); do
		(
			CONTAINER=p$i
			ifacer_run ADD "$c" >"$DIR/out.$i" 2>&1
			echo $? >>"$DIR/out.$i"
		) 3>&- 4>&- &
	done
	wait
	for i in $(seq 20); do
		same '{"cniVersion":"1.1.0"} 0' "$(tr '\n' ' ' <"$DIR/out.$i" | sed 's/ $//')"
	done
	same 20 "$(records)"
	same "eth0 eth1" "$(slaves bond0)"
	same bond0.30 "$(vlans)"
	CONTAINER=p20
	ok CHECK "$c"
}

# holds PID FILE: it has it open.
holds() {
	[[ "$(readlink /proc/"$1"/fd/* 2>/dev/null)" == *"$2"* ]]
}

@test "who makes interfaces waits for who is making some" {
	ok ADD "$(conf '"vlanID":4')"
	exec 7<"$RUN/ifacer/.lock"
	flock 7
	CNI_COMMAND=ADD CNI_CONTAINERID=c2 CNI_IFNAME=net1 CNI_NETNS=/run/netns/none CNI_PATH=$BIN \
		ip netns exec "$A" "$BIN/ifacer" <<<"$(conf '"vlanID":5')" >"$DIR/out" 3>&- 4>&- 7>&- &
	pid=$!
	echo $pid >>"$DIR/pids"
	until_true holds $pid "$RUN/ifacer/.lock"
	absent eth0.5
	same 1 "$(records)"
	exec 7<&-
	wait $pid
	exists eth0.5
	same 2 "$(records)"
}

# between CONF COMMAND...: runs ADD, and `ip COMMAND` in $A at the instant when ADD has looked and is about to make its
# first interface (after the third message to the kernel: parent, VLAN, free index). Output as by call.
between() {
	local strace conf=$1
	shift
	rm -f "$DIR/trace"
	CNI_COMMAND=ADD CNI_CONTAINERID=$CONTAINER CNI_IFNAME=net1 CNI_NETNS=/run/netns/none CNI_PATH=$BIN ip netns exec "$A" \
		strace -qq -o "$DIR/trace" -e trace=sendto -e inject=sendto:signal=STOP:when=3 "$BIN/ifacer" \
		<<<"$conf" >"$DIR/out" 2>"$DIR/stderr" 3>&- 4>&- &
	strace=$!
	until_true grep -q "stopped by SIGSTOP" "$DIR/trace"
	ip -n "$A" "$@"
	pkill -CONT -P $strace
	status=0
	wait $strace || status=$?
	output=$(<"$DIR/out") stderr=$(<"$DIR/stderr")
}

@test "an interface that somebody else makes at the same instant is verified like any other, and stays theirs" {
	need strace
	between "$(conf '"vlanID":5')" link add link eth0 name eth0.5 type vlan id 5
	succeeded
	same '{"cniVersion":"1.1.0"}' "$output"
	run ! shows eth0.5 alias
	are_up eth0.5
	between "$(conf '"vlanID":6')" link add eth0.6 type dummy
	refused 999 "interface eth0.6 is dummy, want a vlan"
	run ! shows eth0.6 alias
	between "$(conf '"vlanID":7')" link add link eth0 name blue type vlan id 7
	refused 999 "the same vlanId 7 on node at the same time: that of eth0 is named blue already, want eth0.7"
	run ! shows blue alias
	same 1 "$(records)"
}

@test "ADD killed at each system call that changes something: the next one makes it whole" {
	need strace
	c=$(conf '"vlanID":30' '"name":"bond0","mode":1,"options":"miimon=100;primary=eth1"')
	killed=0
	for call in sendto renameat mkdirat; do
		for n in $(seq 20); do
			status=$(killed_at $call "$n" ADD "$c")
			[ "$status" != 0 ] || break
			echo "killed at $call $n"
			same 137 "$status"
			killed=$((killed + 1))
			# a bond that is there is marked as ours, so whoever comes next completes it
			if exists bond0; then
				shows bond0 "alias spiderpool ifacer $RUN" "miimon 100"
				same 1 "$(records)"
			fi
			ok ADD "$c"
			ok CHECK "$c"
			shows bond0 "primary eth1"
			same "eth0 eth1" "$(slaves bond0)"
			same 1 "$(records)"
			ok DEL "$c"
			same "" "$(find "$RUN/ifacer" -mindepth 1 ! -name .lock)"
			ip -n "$A" link del bond0
			[ $call != mkdirat ] || rm -rf "$RUN"
		done
		[ "$n" -gt 1 ]
		ip -n "$A" link del bond0
		rm -rf "$RUN"
	done
	echo "killed $killed times"
	[ $killed -ge 8 ]
}

@test "GC killed at each system call that changes something: the next one finishes" {
	need strace
	c=$(conf '"vlanID":30,"removeUnused":true' '"name":"bond0","mode":1')
	for call in sendto unlinkat; do
		for n in $(seq 20); do
			ok ADD "$c"
			killed=$(killed_at $call "$n" GC "${c%\}},\"cni.dev/valid-attachments\":[]}")
			[ "$killed" = 0 ] || same 137 "$killed"
			gc "$c"
			absent bond0 bond0.30
			same 0 "$(records)"
			[ "$killed" != 0 ] || break
		done
		echo "$call: $n"
		[ "$n" -gt 1 ]
	done
}
