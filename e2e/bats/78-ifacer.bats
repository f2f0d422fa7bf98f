#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# ifacer, what needs no VLAN and no bond: the protocol, the configuration, the state directory. e2e/vm has the rest.

load lib
load world
load ../vm/ifacer

setup() {
	lib_setup
	need_root
	need ip
	host
}

teardown() {
	lib_teardown
}

# with KEYS: a configuration of version 1.1.0 that asks for nothing, and those keys.
with() {
	printf '{"cniVersion":"1.1.0","name":"net","type":"ifacer","interfaces":["eth0"],%s}' "$1"
}

@test "nothing is asked for: nothing is done, nothing recorded" {
	before=$(links)
	for c in "$(conf)" "$(conf '"vlanID":0' '"mode":9')" "$(conf '"interfaces":["nosuch","neither"],"vlanID":5')"; do
		# one interface, no VLAN: whatever the bond; several without a bond
		c=${c/'"eth0","eth1"'/'"eth0"'}
		for verb in ADD CHECK STATUS DEL; do ok $verb "$c"; done
		gc "$c"
	done
	same "$before" "$(links)"
	[ ! -e "$RUN" ]
}

@test "the result in each version: empty, or that of the plugin before; without an address where none can be said" {
	for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		call ifacer_run ADD '{"cniVersion":"'$v'","name":"net","interfaces":["eth0"]}'
		echo "$v: $output"
		succeeded
		case $v in
		0.[34].*) same '{"cniVersion":"'$v'","dns":{}}' "$output" ;;
		*) same '{"cniVersion":"'$v'"}' "$output" ;;
		esac
	done
	call ifacer_run ADD '{"name":"net","interfaces":["eth0"]}'
	same '{"cniVersion":"0.1.0"}' "$output"
	prev='{"interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.0.0.5/24","interface":0}],"x":1}'
	call ifacer_run ADD "$(with '"prevResult":'"$prev")"
	same '{"cniVersion":"1.1.0","x":1,"interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"interface":0,"address":"10.0.0.5/24"}]}' "$output"
	call ifacer_run ADD '{"cniVersion":"0.2.0","name":"net","interfaces":["eth0"],"prevResult":{"ip4":{"ip":"10.0.0.5/24"}}}'
	has '"ip4":{"ip":"10.0.0.5/24"'
	call ifacer_run ADD "$(with '"prevResult":{"ips":5}')"
	refused 6 prevResult
}

@test "verbs and versions" {
	call env CNI_COMMAND=VERSION "$BIN/ifacer" <<<'{"cniVersion":"1.1.0"}'
	has '"supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]'
	for row in CHECK:0.3.1 GC:1.0.0 STATUS:1.0.0; do
		call ifacer_run ${row%:*} '{"cniVersion":"'${row#*:}'","name":"net","interfaces":["eth0"],"cni.dev/valid-attachments":[]}'
		refused 1 ${row%:*}
	done
}

@test "a wrong configuration: told by ADD, CHECK, GC and STATUS, no matter for DEL" {
	while IFS='|' read -r keys bond text; do
		c=$(conf "$keys" "$bond")
		echo "$c"
		for verb in ADD CHECK; do no 7 "$text" $verb "$c"; done
		no 50 "$text" STATUS "$c"
		no 7 "$text" GC "${c%\}},\"cni.dev/valid-attachments\":[]}"
		ok DEL "$c"
	done <<'EOT'
"interfaces":[]||interfaces have at least one interface
"vlanID":4095||vlanID: want a whole number from 0 to 4094, got 4095
"vlanID":5|"mode":7|unknown bond mode: 7, available mode: [0,6]
"vlanID":5|"options":"miimon"|bond options: "miimon": want key=value
"vlanID":5|"options":"mimon=5"|"mimon" is no option of a bond; known: miimon, up_delay,
EOT
	[ ! -e "$RUN" ]
}

@test "the state directory is made, closed to others, and must be" {
	ip -n "$A" link set eth0 down
	# what fails later leaves no record; the directory is there by then
	call ifacer_run ADD "$(conf '"interfaces":["nosuch"],"vlanID":5')"
	refused 999 "nothing was changed: interface nosuch does not exist"
	same "700 700" "$(stat -c %a "$RUN" "$RUN/ifacer" | tr '\n' ' ' | sed 's/ $//')"
	same 0 "$(records)"
	chmod 0755 "$RUN"
	for verb in ADD CHECK DEL; do no 7 "state directory $RUN belongs to user 0 with mode 0755" $verb "$(conf '"vlanID":5')"; done
	no 50 "state directory $RUN belongs to user 0 with mode 0755" STATUS "$(conf '"vlanID":5')"
	chmod 0700 "$RUN"
	chown 12 "$RUN"
	no 7 "belongs to user 12" ADD "$(conf '"vlanID":5')"
	chown 0 "$RUN"
	RUN=relative
	no 7 'state directory "relative": want an absolute path' ADD "$(conf '"vlanID":5')"
}

@test "STATUS and ADD are honest about a kernel that has no such interfaces, and leave nothing behind" {
	while IFS='|' read -r kind module id keys bond; do
		c=$(conf "$keys" "$bond")
		if ip -n "$A" link add link eth0 name probe type $kind $id 2>/dev/null; then
			ip -n "$A" link del probe
			ok STATUS "$c"
			continue
		fi
		no 50 "this kernel cannot make a $kind (module $module): node: look for interfaces of type $kind" STATUS "$c"
		no 5 "Operation not supported" ADD "$c"
		same 0 "$(records)"
	done <<'EOT'
vlan|8021q|id 9|"vlanID":5|
bond|bonding|||"mode":1
EOT
}

@test "the manual page and the documentation have every option of a bond" {
	call ifacer_run ADD "$(conf '"interfaces":["eth0","eth1"]' '"options":"x=1"')"
	page=$(<"$ROOT/man/spiderpool-ifacer.8")
	guide=$(<"$ROOT/docs/ifacer.md")
	known=${output#*known: }
	n=0
	for o in $(tr -d ',"}' <<<"$known"); do
		n=$((n + 1))
		[[ $page == *" $o ,"* || $page == *" $o ."* ]] && [[ $guide == *"\`$o\`"* ]] || {
			echo "$o is missing"
			return 1
		}
	done
	[ "$n" -gt 25 ]
}
