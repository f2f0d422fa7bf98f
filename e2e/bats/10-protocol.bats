#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The CNI protocol of spiderpool itself: verbs, versions, documents, errors, the log.

load lib
load world

VERSIONS="0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0"

setup() {
	lib_setup
	need_root
	need jq
	netns_new POD
	NETNS=/run/netns/$POD
	{
		pool v4 10.1.0.0/24 10.1.0.10-10.1.0.99 "gateway: 10.1.0.1" "default: true" \
			"routes: [{dst: 10.8.0.0/16, gw: 10.1.0.2}]"
		pool v6 fd00:1::/64 fd00:1::10-fd00:1::99 "gateway: fd00:1::1" "default: true"
	} | spiderpoolctl apply -f - >/dev/null
}

teardown() {
	lib_teardown
}

# with_stdin TEXT VERB: exactly that text on stdin.
with_stdin() {
	printf %s "$1" | CNI_COMMAND=$2 CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$NETNS spiderpool
}

@test "VERSION tells all versions and reads no configuration" {
	want='{"cniVersion":"1.1.0","supportedVersions":["'${VERSIONS// /'","'}'"]}'
	for in in '{"cniVersion":"1.0.0"}' '{}' '' nonsense; do
		call with_stdin "$in" VERSION
		succeeded
		same "$want" "$output"
	done
}

@test "without CNI_COMMAND it says on stderr what it is" {
	for c in "" "env -u CNI_COMMAND"; do
		call $c spiderpool </dev/null
		same "0 " "$status $output"
		[[ $stderr == *"CNI plugin spiderpool"*"1.1.0"* ]]
	done
}

@test "ADD: the shape of the result in every version" {
	n=0
	for v in - $VERSIONS; do
		n=$((n + 1))
		call ipam ADD "c$n" eth0 "$NETNS" "" "$(with_version $v "$(ipam_conf)")"
		succeeded
		printf '%s\n' "$output" >>"$DIR/results"
	done
	jq -r 'def routes: map("\(.dst) \(.gw)") | join(", ");
		.cniVersion, "  " + (keys | join(" ")),
		if .ip4 then
			(.ip4, .ip6 | "  \(.ip) \(.gateway) (\(keys | join(" "))): \(.routes | routes)")
		else
			(.ips[] | "  \(.address) \(.gateway) (\(keys | join(" ")))\(if .version then " " + .version else "" end)"),
			"  " + (.routes | routes)
		end' "$DIR/results" >"$DIR/got"
	old() { # VERSION ADDRESS ADDRESS
		printf '%s\n  cniVersion dns ip4 ip6\n' "$1"
		echo "  10.1.0.$2/24 10.1.0.1 (gateway ip routes): 10.8.0.0/16 10.1.0.2, 0.0.0.0/0 10.1.0.1"
		echo "  fd00:1::$3/64 fd00:1::1 (gateway ip routes): ::/0 fd00:1::1"
	}
	middle() { # VERSION ADDRESS ADDRESS
		printf '%s\n  cniVersion dns ips routes\n' "$1"
		echo "  10.1.0.$2/24 10.1.0.1 (address gateway version) 4"
		echo "  fd00:1::$3/64 fd00:1::1 (address gateway version) 6"
		echo "  10.8.0.0/16 10.1.0.2, 0.0.0.0/0 10.1.0.1, ::/0 fd00:1::1"
	}
	new() {
		middle "$@" | sed 's/ dns / /; s/ version) ./)/'
	}
	same "$(
		old 0.1.0 10 10
		old 0.1.0 11 11
		old 0.2.0 12 12
		middle 0.3.0 13 13
		middle 0.3.1 14 14
		middle 0.4.0 15 15
		new 1.0.0 16 16
		new 1.1.0 17 17
	)" "$(cat "$DIR/got")"
}

@test "ADD again gives the same answer, in the version that is asked for now" {
	first=$(ipam ADD c1 eth0 "$NETNS")
	same "$first" "$(ipam ADD c1 eth0 "$NETNS")"
	call ipam ADD c1 eth0 "$NETNS" "" "$(with_version 0.2.0 "$(ipam_conf)")"
	succeeded
	has '"ip4":{"ip":"10.1.0.10/24"'
	same 2 "$(in_use)"
	# control: another NIC is another attachment
	call ipam ADD c1 eth1 "$NETNS"
	succeeded
	has '"10.1.0.11/24"'
}

@test "DEL prints nothing in every version, also for what never was" {
	for v in - $VERSIONS; do
		ipam ADD c1 eth0 "$NETNS" "" "$(with_version $v "$(ipam_conf)")" >/dev/null
		for _ in 1 2 3; do
			call ipam DEL c1 eth0 "$NETNS" "" "$(with_version $v "$(ipam_conf)")"
			succeeded
			same "" "$output"
		done
	done
	call ipam DEL never eth0 ""
	succeeded
	same "" "$output"
	same 0 "$(in_use)"
}

@test "CHECK, GC and STATUS: from the version that has them, with code 1 before" {
	for v in - $VERSIONS; do
		conf=$(with_version $v "$(ipam_conf)")
		prev=$(ipam ADD c1 eth0 "$NETNS" "" "$conf")
		call ipam CHECK c1 eth0 "$NETNS" "" "$(with_prev "$conf" "$prev")"
		case $v in
		0.4.0 | 1.*) succeeded && same "" "$output" ;;
		*) refused 1 CHECK ;;
		esac
		call ipam GC "" "" "" "" "${conf%\}},\"cni.dev/valid-attachments\":[{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]}"
		case $v in
		1.1.0) succeeded && same "" "$output" ;;
		*) refused 1 GC ;;
		esac
		call ipam STATUS "" "" "" "" "$conf"
		case $v in
		1.1.0) succeeded && same "" "$output" ;;
		*) refused 1 STATUS ;;
		esac
	done
	# GC and STATUS left it as it was
	same in-use "$(state_of 10.1.0.10)"
}

@test "CHECK finds what is not as recorded" {
	conf=$(ipam_conf '{"default_ipv4_ippool": ["v4"]}')
	prev=$(ipam ADD c1 eth0 "$NETNS" "" "$conf")
	call ipam CHECK c1 eth0 "$NETNS" "" "$(with_prev "$conf" "$prev")"
	succeeded
	other=${prev/10.1.0.10/10.1.0.77}
	call ipam CHECK c1 eth0 "$NETNS" "" "$(with_prev "$conf" "$other")"
	refused 999 "does not have address 10.1.0.10/24"
	call ipam CHECK c1 eth0 "$NETNS" "" "$conf"
	refused 7 prevResult
	call ipam CHECK c2 eth0 "$NETNS" "" "$(with_prev "$conf" "$prev")"
	refused 3 "no address is recorded"
	call ipam CHECK c1 eth1 "$NETNS" "" "$(with_prev "$conf" "$prev")"
	refused 3 "no address is recorded"
	spiderpoolctl ip release --force 10.1.0.10 >/dev/null
	call ipam CHECK c1 eth0 "$NETNS" "" "$(with_prev "$conf" "$prev")"
	refused 3 "no address is recorded"
}

# Each row is refused, and nothing is taken. A row is
#	code|sentence|verb|container|nic|netns|CNI_ARGS|jq filter on the configuration
errors() {
	local rows filters=() confs row code text verb id nic netns args n=0
	mapfile -t rows
	for row in "${rows[@]}"; do filters+=("(${row##*|})"); done
	mapfile -t confs < <(jq -c "$(IFS=, && echo "${filters[*]}")" <<<"$(ipam_conf)")
	same "${#rows[@]}" "${#confs[@]}" || return 1
	for row in "${rows[@]}"; do
		IFS='|' read -r code text verb id nic netns args _ <<<"$row"
		call ipam "$verb" "$id" "$nic" "${netns/NETNS/$NETNS}" "$args" "${confs[n++]}"
		refused "$code" "$text" || {
			echo "row: $row"
			return 1
		}
	done
	same 0 "$(in_use)"
}

@test "errors of the environment" {
	errors <<'EOT'
4|CNI_CONTAINERID is missing|ADD||eth0|NETNS||.
4|CNI_CONTAINERID is missing|DEL||eth0|NETNS||.
4|CNI_CONTAINERID|ADD|-x|eth0|NETNS||.
4|CNI_CONTAINERID|ADD|a/b|eth0|NETNS||.
4|CNI_IFNAME is missing|ADD|c1||NETNS||.
4|CNI_IFNAME|ADD|c1|a234567890123456|NETNS||.
4|CNI_IFNAME|ADD|c1|a/b|NETNS||.
4|CNI_IFNAME|ADD|c1|..|NETNS||.
4|CNI_IFNAME|ADD|c1|a b|NETNS||.
4|CNI_NETNS is missing|ADD|c1|eth0|||.
4|CNI_NETNS is missing|CHECK|c1|eth0|||.
4|unknown CNI_COMMAND "add"|add|c1|eth0|NETNS||.
4|unknown CNI_COMMAND "NONSENSE"|NONSENSE|c1|eth0|NETNS||.
4|CNI_ARGS|ADD|c1|eth0|NETNS|A|.
4|CNI_ARGS|ADD|c1|eth0|NETNS|A=1|.
4|CNI_ARGS|ADD|c1|eth0|NETNS|IgnoreUnknown=maybe|.
4|MAC|ADD|c1|eth0|NETNS|MAC=12|.
8|own network namespace|ADD|c1|eth0|/proc/self/ns/net||.
EOT
	# control: the same with nothing wrong
	call ipam ADD c1 eth0 "$NETNS" "IgnoreUnknown=true;A=1"
	succeeded
}

@test "errors of a network namespace" {
	touch "$DIR/file"
	call ipam ADD c1 eth0 "$DIR/none"
	refused 8 "$DIR/none"
	call ipam ADD c1 eth0 "$DIR/file"
	refused 8 "$DIR/file"
	call ipam ADD c1 eth0 /proc/self/ns/mnt
	refused 8 /proc/self/ns/mnt
	same 0 "$(in_use)"
}

@test "errors of the text on stdin" {
	for text in '' ' ' nonsense '{"cniVersion": "1.0.0",' "$(ipam_conf) {}" '[]' 1 '{"name":"n\u0000"}' \
		$'{"cniVersion":"1.0.0","name":"n\xff"}'; do
		for verb in ADD DEL; do
			call with_stdin "$text" $verb
			refused 6 || {
				echo "$verb: $text"
				return 1
			}
		done
	done
	call with_stdin "$(head -c 5000000 /dev/zero | tr '\0' ' ')" ADD
	refused 6 limit
	call bash -c 'CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$0 spiderpool <&-' "$NETNS"
	refused 6
	errors <<'EOT'
6|cniVersion|ADD|c1|eth0|NETNS||.cniVersion = 1
6|name|ADD|c1|eth0|NETNS||.name = 1
1|9.9.9|ADD|c1|eth0|NETNS||.cniVersion = "9.9.9"
1|1.0|ADD|c1|eth0|NETNS||.cniVersion = "1.0"
7|name is missing|ADD|c1|eth0|NETNS||del(.name)
7|name is missing|ADD|c1|eth0|NETNS||.name = ""
7|name "a b"|ADD|c1|eth0|NETNS||.name = "a b"
7|runtimeConfig|ADD|c1|eth0|NETNS||.runtimeConfig = []
EOT
	# control
	call with_stdin "$(ipam_conf)" ADD
	succeeded
}

@test "errors of the ipam section name the key" {
	errors <<'EOT'
7|"ipam" section|ADD|c1|eth0|NETNS||del(.ipam)
7|ipam|ADD|c1|eth0|NETNS||.ipam = []
7|ipam: datastore|ADD|c1|eth0|NETNS||.ipam.datastore = "etcd"
7|ipam: log_level|ADD|c1|eth0|NETNS||.ipam.log_level = 3
7|log level "loud"|ADD|c1|eth0|NETNS||.ipam.log_level = "loud"
7|log file "/tmp/x.log"|ADD|c1|eth0|NETNS||.ipam.log_file_path = "/tmp/x.log"
7|log file "/var/log/../../tmp/x.log"|ADD|c1|eth0|NETNS||.ipam.log_file_path = "/var/log/../../tmp/x.log"
7|ipam.log_level: |ADD|c1|eth0|NETNS||.ipam.log_level = "loud"
7|ipam.log_file_path: |ADD|c1|eth0|NETNS||.ipam.log_file_path = "/tmp/x.log"
7|log_file_max_size: want a whole number, 0 or more, got "big"|ADD|c1|eth0|NETNS||.ipam.log_file_max_size = "big"
7|ipam.log_file_max_size: want a whole number, 0 or more, got {|ADD|c1|eth0|NETNS||.ipam.log_file_max_size = {}
7|ipam.log_file_max_age: want a whole number, 0 or more, got 1.5|ADD|c1|eth0|NETNS||.ipam.log_file_max_age = 1.5
7|ipam.log_file_max_count: want a whole number, 0 or more, got -1|ADD|c1|eth0|NETNS||.ipam.log_file_max_count = -1
7|ipam.log_file_max_count: want a whole number, 0 or more, got "-1"|ADD|c1|eth0|NETNS||.ipam.log_file_max_count = "-1"
7|ipam.state_dir: "state": want an absolute path|ADD|c1|eth0|NETNS||.ipam.state_dir = "state"
7|want an absolute path of at most 4032 bytes|ADD|c1|eth0|NETNS||.ipam.state_dir = "/" + "a" * 5000
7|longer than the 253 bytes of a name|ADD|c1|eth0|NETNS||.ipam.default_ipv4_ippool = ["p" * 300]
5|holds no store; name a directory of its own|ADD|c1|eth0|NETNS||.ipam += {state_dir: "/tmp", log_file_path: "/var/log/spiderpool-none.log"}
4|CNI_IFNAME is "é0"; want printable ASCII|ADD|c1|é0|NETNS||.
4|CNI_ARGS: K8S_POD_NAME is "pöd"; want printable ASCII|ADD|c1|eth0|NETNS|K8S_POD_NAMESPACE=d;K8S_POD_NAME=pöd|.
7|ippool: value: want an object, got a list|ADD|c1|eth0|NETNS||.args.cni["ipam.spidernet.io/ippool"] = "[1]"
7|["io.kubernetes.cri.pod-labels"].a: want a string|ADD|c1|eth0|NETNS||.runtimeConfig = {"io.kubernetes.cri.pod-labels": {a: 3}}
7|"a/b" is no name of an interface|ADD|c1|eth0|NETNS||.args.cni["ipam.spidernet.io/ippools"] = "[{\"interface\":\"eth0\",\"ipv4\":[\"v4\"]},{\"interface\":\"a/b\",\"ipv4\":[\"v4\"]}]"
7|ipam: default_ipv4_ippool|ADD|c1|eth0|NETNS||.ipam.default_ipv4_ippool = "v4"
7|ipam: clean_gateway|ADD|c1|eth0|NETNS||.ipam.clean_gateway = "true"
7|ipam: durability|ADD|c1|eth0|NETNS||.ipam.durability = "none"
7|ipam: timeout_seconds|ADD|c1|eth0|NETNS||.ipam.timeout_seconds = 0
7|ipam: timeout_seconds|ADD|c1|eth0|NETNS||.ipam.timeout_seconds = 101
7|ipam: cooldown_seconds|ADD|c1|eth0|NETNS||.ipam.cooldown_seconds = -1
7|ipam: detect_probes|ADD|c1|eth0|NETNS||.ipam.detect_probes = 11
7|ipam: node_labels|ADD|c1|eth0|NETNS||.ipam.node_labels = {"a": 1}
7|pool nowhere: does not exist|ADD|c1|eth0|NETNS||.ipam.default_ipv4_ippool = ["nowhere"]
7|no IPv4 pool matches "x*"|ADD|c1|eth0|NETNS||.ipam.default_ipv4_ippool = ["x*"]
7|named twice|ADD|c1|eth0|NETNS||.ipam.default_ipv4_ippool = ["v4", "v4"]
5|does not exist|ADD|c1|eth0|NETNS||.ipam += {state_dir: "/nonexistent/spiderpool", log_file_path: "/var/log/spiderpool-none.log"}
EOT
	[ ! -e /nonexistent ]
	[ ! -e /tmp/x.log ]
}

@test "an unknown key of ipam is a warning in the log, and the ADD works" {
	call ipam ADD c1 eth0 "$NETNS" "" "$(ipam_conf '{"subnet": "10.0.0.0/8", "ranges": [{"a": 1}]}')"
	succeeded
	has '"10.1.0.10/24"'
	grep -q 'level=warn msg="ipam.subnet: unknown key, ignored" cmd=ADD network=net containerID=c1 ifname=eth0' "$STATE/x.log"
	grep -q 'ipam.ranges: unknown key' "$STATE/x.log"
	# control: no such line about a known key
	run ! grep -q 'ipam.state_dir' "$STATE/x.log"
}

@test "the log: what was given to whom, and the sentence of an error" {
	ipam ADD c1 eth0 "$NETNS" "$(pod blue web-0)" >/dev/null
	grep -q 'level=info msg="gave 10.1.0.10/24 of pool v4" cmd=ADD network=net containerID=c1 ifname=eth0 namespace=blue pod=web-0' "$STATE/x.log"
	call ipam ADD c2 eth0 "$NETNS" "" "$(ipam_conf '{"default_ipv4_ippool": ["nowhere"]}')"
	refused 7
	grep -q 'level=error .*nowhere.* containerID=c2' "$STATE/x.log"
	same 600 "$(stat -c %a "$STATE/x.log")"
	# level error: no line about what went well
	ipam ADD c3 eth0 "$NETNS" "" "$(ipam_conf '{"log_level": "ERROR"}')" >/dev/null
	run ! grep -q containerID=c3 "$STATE/x.log"
}

@test "a log that cannot be written stops nothing" {
	ln -s /etc/passwd "$STATE/link.log"
	mkdir "$STATE/dir.log"
	mkfifo "$STATE/fifo.log"
	n=0
	before=$(sha256sum /etc/passwd)
	for log in link dir fifo; do
		n=$((n + 1))
		call ipam ADD c$n eth0 "$NETNS" "" "$(ipam_conf "{\"log_file_path\": \"$STATE/$log.log\"}")"
		same "0 $log" "$status $log"
		documents 1
	done
	same "$before" "$(sha256sum /etc/passwd)"
}

@test "an answer that nobody can take is a failure" {
	conf=$(ipam_conf)
	run -1 bash -c 'CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$0 spiderpool <<<"$1" >/dev/full' "$NETNS" "$conf"
	has "stdout"
	run -1 bash -c 'CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$0 spiderpool <<<"$1" >&-' "$NETNS" "$conf"
	# the runtime calls DEL then
	run -0 ipam DEL c1 eth0 "$NETNS"
	run -0 spiderpoolctl fsck
}

@test "the checks of these files can fail" {
	output='{"code":1}{"code":1}'
	run ! documents 1
	output='noise {"code":1}'
	run ! documents 1
	# refused 7 x: STATUS|OUTPUT
	while IFS='|' read -r status output; do
		run ! refused 7 x
	done <<'EOT'
0|{"cniVersion":"1.0.0","code":7,"msg":"x"}
1|{"cniVersion":"1.0.0","code":6,"msg":"x"}
1|{"cniVersion":"1.0.0","code":7,"msg":"y"}
1|{"cniVersion":"1.0.0","code":7,"msg":"x","extra":1}
1|{"code":7,"msg":"x"}
1|{"cniVersion":"1.0.0","code":7,"msg":"x"} noise
1|{"cniVersion":"1.0.0","code":7,"msg":"x"} {}
1|
EOT
	status=1 output='{"cniVersion":"1.0.0","code":7,"msg":"x"}'
	run -0 refused 7 x
}
