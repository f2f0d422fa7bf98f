#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The IPAM plugin with the agent as its datastore, which a stand-in plays here: what is asked, what becomes of the
# answer, what happens when there is none.

load lib
load world

setup() {
	lib_setup
	need_root
	PYTHON=/usr/bin/python3
	need jq ip $PYTHON
	SOCK=$DIR/agent.sock
	mkdir "$DIR/answers"
	background "$PYTHON" "$ROOT/e2e/tools/ipam_agent.py" "$SOCK" "$DIR/answers" "$DIR/requests"
	until_true test -S "$SOCK"
	netns_new NETNS
	P=/run/netns/$NETNS
	conf=$(agent_conf)
	pod=$(pod blue web)
}

teardown() {
	lib_teardown
}

# agent_conf [JSON OF MORE KEYS OF ipam] [JSON OF MORE KEYS]: datastore is absent, agent is the default
agent_conf() {
	local more=${1:-{\}} top=${2:-{\}}
	printf '{"cniVersion":"1.1.0","name":"net","type":"none"%s,"ipam":{"type":"spiderpool","log_level":"panic",' \
		"${top:1:-1}"
	printf '"state_dir":"%s","ipam_unix_socket_path":"%s"%s}}\n' "$STATE" "$SOCK" "${more:1:-1}"
}

# says METHOD-LAST STATUS BODY
says() {
	printf '%s\n%s' "$2" "$3" >"$DIR/answers/$1"
}

ip_of() { # NIC ADDRESS [MORE JSON KEYS]
	printf '{"version":%s,"nic":"%s","address":"%s"%s}' "$([[ $2 == *:* ]] && echo 6 || echo 4)" "$1" "$2" "${3:+,$3}"
}

# gives METHOD-LAST IPS [MORE JSON KEYS]
gives() {
	says "$1" 200 "{\"ips\":[$2]${3:+,$3}}"
}

# asked [METHOD PATH]: the bodies
asked() {
	[ -f "$DIR/requests" ] || return 0
	sed -n "s|^$1 $2 ||p" "$DIR/requests"
}

# paths: what was asked, in order
paths() {
	[ -f "$DIR/requests" ] || return 0
	awk '{ sub("/v1/ipam/", "", $2); print $1 "-" $2 }' "$DIR/requests" | paste -sd " "
}

# a_call VERB [CONF] [NIC]
a_call() {
	call ipam "$1" c1 "${3:-eth0}" "$P" "$pod" "${2:-$conf}"
}

notes() {
	cat "$STATE"/notes/*.json 2>/dev/null | jq -cS 'del(.at, .boot)'
}

@test "ADD: the addresses, routes and name servers of this NIC, of all that the agent tells" {
	gives POST-ip "$(ip_of eth0 10.1.0.7/24 '"gateway":"10.1.0.1","ipPool":"v4","vlan":5'),$(ip_of net1 10.2.0.7/24),$(ip_of eth0 fd00:1::7/64)" \
		'"routes":[{"ifName":"net1","dst":"0.0.0.0/0","gw":"10.2.0.1"},{"ifName":"eth0","dst":"0.0.0.0/0","gw":"10.1.0.1"}],
		"dns":{"nameservers":["10.0.0.10"],"search":["svc"],"options":["ndots:5"],"domain":"cluster.local"}'
	a_call ADD
	succeeded
	same '{"cniVersion":"1.1.0","dns":{"domain":"cluster.local","nameservers":["10.0.0.10"],"options":["ndots:5"],"search":["svc"]},"ips":[{"address":"10.1.0.7/24","gateway":"10.1.0.1"},{"address":"fd00:1::7/64"}],"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]}' \
		"$(jq -cS . <<<"$output")"
	a_call ADD "$conf" net1
	succeeded
	same '{"cniVersion":"1.1.0","ips":[{"address":"10.2.0.7/24"}],"routes":[{"dst":"0.0.0.0/0","gw":"10.2.0.1"}]}' "$(jq -cS 'del(.dns)' <<<"$output")"
	same "POST-ip POST-ip" "$(paths)"
	[ ! -e "$STATE" ] # no store was opened
}

@test "ADD: what the agent is told" {
	gives POST-ip "$(ip_of eth0 10.1.0.7/24)"
	id=$(stat -Lc %d:%i "$P")
	a_call ADD
	succeeded
	same '{"containerID":"c1","ifName":"eth0","netNamespace":"'"$P"'","netnsID":"'"$id"'","networkName":"net","podName":"web","podNamespace":"blue","podUID":"uid-web"}' \
		"$(asked POST /v1/ipam/ip | jq -cS 'del(.deadlineMs)')"
	same true "$(asked POST /v1/ipam/ip | jq '.deadlineMs > 50000 and .deadlineMs < 100000')"
	rm "$DIR/requests"
	ip -n "$NETNS" link add eth0 address 02:00:00:00:00:05 type bridge
	a_call ADD "$(agent_conf '{,"default_ipv4_ippool":["a","b"],"default_ipv6_ippool":["c"],"clean_gateway":true,"match_master_subnet":true,"timeout_seconds":8}' \
		'{,"runtimeConfig":{"ips":["10.1.0.7/24"]}}')"
	succeeded
	same '{"cleanGateway":true,"defaultIPv4IPPool":["a","b"],"defaultIPv6IPPool":["c"],"ips":["10.1.0.7"],"mac":"02:00:00:00:00:05","matchMasterSubnet":true}' \
		"$(asked POST /v1/ipam/ip | jq -cS '{cleanGateway,defaultIPv4IPPool,defaultIPv6IPPool,ips,mac,matchMasterSubnet}')"
	same true "$(asked POST /v1/ipam/ip | jq '(.deadlineMs <= 7000) and (.master.unknown | length > 5)')"
	# outside Kubernetes nobody knows the pod
	rm "$DIR/requests"
	pod="" a_call ADD
	same '["","",""]' "$(asked POST /v1/ipam/ip | jq -c '[.podName,.podNamespace,.podUID]')"
}

@test "the agent is away: ADD, CHECK and GC may be tried again, STATUS says 50, DEL leaves a note" {
	refusing=$DIR/refusing.sock
	"$PYTHON" -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$refusing"
	for SOCK in "$DIR/none.sock" "$refusing"; do
		conf=$(agent_conf "{}" '{,"cni.dev/valid-attachments":[],"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.7/24"}]}}')
		for verb in ADD CHECK GC; do
			a_call $verb
			refused 11 "spiderpool-agent is not reachable at $SOCK"
		done
		a_call STATUS
		refused 50 "spiderpool-agent is not reachable at $SOCK"
		[ ! -e "$STATE" ]
		for _ in 1 2; do # twice is once
			a_call DEL
			succeeded
			same '{"container":"c1","namespace":"blue","network":"net","nic":"eth0","pod":"web","uid":"uid-web"}' "$(notes)"
		done
		same "$(cat /proc/sys/kernel/random/boot_id)" "$(cat "$STATE"/notes/*.json | jq -r .boot)"
		same true "$(jq ".at > $(date +%s)000 - 60000 and .at <= $(date +%s)999" "$STATE"/notes/*.json)"
		same "700 700" "$(stat -c %a "$STATE" "$STATE/notes" | paste -sd ' ')"
		same '["notes"]' "$(find "$STATE" -mindepth 1 -maxdepth 1 -printf '%f\n' | jq -Rsc 'split("\n")[:-1]')"
		rm -r "$STATE"
	done
}

@test "DEL: needs no namespace, no pod, no whole configuration; each failure of the agent leaves a note" {
	says DELETE-ip 200 ""
	a_call DEL
	succeeded
	same '{"bootID":"'"$(cat /proc/sys/kernel/random/boot_id)"'","containerID":"c1","ifName":"eth0","netNamespace":"'"$P"'","networkName":"net","podName":"web","podNamespace":"blue","podUID":"uid-web"}' \
		"$(asked DELETE /v1/ipam/ip | jq -cS .)"
	[ ! -e "$STATE" ]
	rm "$DIR/requests"
	call ipam DEL c1 eth0 "" "" "$(agent_conf '{,"default_ipv4_ippool":3,"timeout_seconds":"x"}')"
	succeeded
	same '["c1","eth0","net",""]' "$(asked DELETE /v1/ipam/ip | jq -c '[.containerID,.ifName,.networkName,.podName]')"
	[ ! -e "$STATE" ]
	for answer in '500|"API is away"' '500|{"code":11,"message":"m"}' '404|' '403|no' '200x|' 'half 500|"abcdef"' 'hang|'; do
		says DELETE-ip "${answer%%|*}" "${answer#*|}"
		a_call DEL "$(agent_conf '{,"timeout_seconds":1}')"
		succeeded
		[ -n "$(notes)" ] || { echo "no note after $answer"; false; }
		rm -r "$STATE"
	done
	# not even that can be written
	says DELETE-ip 500 '"no"'
	echo >"$STATE"
	a_call DEL "$(agent_conf '{,"log_level":"info"}')"
	succeeded
}

@test "what went wrong with DEL is in the log" {
	conf=$(agent_conf '{,"log_level":"info"}')
	says DELETE-ip 500 '"the API is away"'
	call private "$NETNS" env CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 "$BIN/spiderpool" <<<"$conf"
	succeeded
	grep -q 'level=warn msg="not released now, the agent will when it is back: the API is away"' "$DIR/var-log/spidernet/spiderpool.log"
	rm -r "$STATE"
	echo >"$STATE"
	call private "$NETNS" env CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 "$BIN/spiderpool" <<<"$conf"
	succeeded
	grep -q "level=error msg=\"no release note could be left: .*$STATE" "$DIR/var-log/spidernet/spiderpool.log"
	# a configuration that says no proper place: the usual one
	conf=${conf/"$STATE"/state}
	call private "$NETNS" env CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 "$BIN/spiderpool" <<<"$conf"
	succeeded
	same c1 "$(jq -r .container "$DIR"/var-lib/spiderpool/notes/*.json)"
}

@test "the agent refuses: its code and its sentence, or its text" {
	says POST-ip 500 '{"code":7,"message":"pool \"x\" does not exist"}'
	a_call ADD
	refused 7 'spiderpool IP allocation error: pool "x" does not exist'
	says POST-ip 500 '"no IPPool available"'
	a_call ADD
	refused 11 'spiderpool IP allocation error: no IPPool available'
	for code in 0 1000 null '"7"'; do # these are none
		says POST-ip 500 '{"code":'$code',"message":"m"}'
		a_call ADD
		refused 11 'spiderpool IP allocation error: m'
	done
	rm "$DIR/requests"
	says POST-ip 422 '{"code":602,"message":"podName in body is required"}'
	a_call ADD
	refused 11 'POST /v1/ipam/ip: status 422: podName in body is required'
	says POST-ip 404 'what?'
	a_call ADD
	refused 11 'status 404: what?'
	same "POST-ip POST-ip" "$(paths)" # nothing to undo
}

@test "the agent is slow: the deadline" {
	says POST-ip hang ""
	a_call ADD "$(agent_conf '{,"timeout_seconds":1}')"
	refused 11 "POST /v1/ipam/ip"
	same true "$(asked POST /v1/ipam/ip | jq '.deadlineMs < 1000')"
	says POST-status hang ""
	a_call STATUS "$(agent_conf '{,"timeout_seconds":1}')"
	refused 50 "POST /v1/ipam/status"
}

@test "half an answer is none" {
	for answer in "half 200|{\"ips\":[$(ip_of eth0 10.1.0.7/24)]}" '200|{"ips":[' '200|' '200|[]' '200|{}' '200|{"ips":null}' \
		'200|{"ips":[{"version":4,"nic":"eth0"}]}' '200|{"ips":[{"version":"4","nic":"eth0","address":"10.1.0.7/24"}]}' \
		'200|{"ips":[],"routes":[{"ifName":"eth0"}]}'; do
		says POST-ip "${answer%%|*}" "${answer#*|}"
		a_call ADD
		refused 11 "spiderpool IP allocation error: " || { echo "$answer"; false; }
	done
	[[ $(paths) != *undo* ]]
}

@test "an answer that cannot be used is undone, unless the container had it before" {
	says POST-undo 200 ""
	for ips in "$(ip_of net1 10.1.0.7/24)" "$(ip_of eth0 10.1.0.7)" "$(ip_of eth0 10.1.0.777/24)" "$(ip_of eth0 10.1.0.7/24 '"gateway":"fd00::1"')" ""; do
		rm -f "$DIR/requests"
		gives POST-ip "$ips"
		a_call ADD
		refused 11 "answer of spiderpool-agent"
		same "POST-ip POST-undo" "$(paths)"
	done
	has "no Interface eth0 IP allocation found"
	same '["c1","eth0","net","blue"]' "$(asked POST /v1/ipam/undo | jq -c '[.containerID,.ifName,.networkName,.podNamespace]')"
	rm "$DIR/requests"
	gives POST-ip "$(ip_of net1 10.1.0.7/24)" '"again":true'
	a_call ADD
	refused 11 "no Interface eth0"
	same "POST-ip" "$(paths)"
}

@test "CHECK, GC and STATUS ask the agent" {
	conf=$(agent_conf '{,"default_ipv4_ippool":["a"]}' '{,"cni.dev/valid-attachments":[{"containerID":"c2","ifname":"eth1"}],"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.7/24"},{"address":"fd00::7/64"}]}}')
	says POST-check 200 ""
	says POST-gc 200 '{"freed":3}'
	says POST-status 200 ""
	for verb in CHECK GC STATUS; do
		a_call $verb
		succeeded
		documents 0
	done
	same '{"containerID":"c1","ifName":"eth0","ips":["10.1.0.7/24","fd00::7/64"],"networkName":"net","podName":"web","podNamespace":"blue"}' \
		"$(asked POST /v1/ipam/check | jq -cS .)"
	same '{"attachments":[{"containerID":"c2","ifName":"eth1"}],"networkName":"net"}' "$(asked POST /v1/ipam/gc | jq -cS 'del(.startedMs)')"
	same true "$(asked POST /v1/ipam/gc | jq ".startedMs > $(date +%s)000 - 60000 and .startedMs <= $(date +%s)999")"
	same '{"defaultIPv4IPPool":["a"],"networkName":"net"}' "$(asked POST /v1/ipam/status | jq -cS .)"
	says POST-check 500 '{"code":3,"message":"container c1, NIC eth0: nothing is recorded"}'
	a_call CHECK
	refused 3 "nothing is recorded"
	says POST-gc 500 '{"code":11,"message":"the API is away"}'
	a_call GC
	refused 11 "the API is away"
	says POST-status 500 '{"code":11,"message":"the API is away"}'
	a_call STATUS
	refused 50 "the API is away"
	# an agent of an earlier version
	rm "$DIR"/answers/*
	for verb in CHECK GC STATUS; do
		a_call $verb
		succeeded
	done
}

# ---- on the wire ----

# wire: the underlay's host A with a pod Q; OTHER is another machine
wire() {
	need ping $CNI_DIR/macvlan
	underlay
	host_new A
	host_new OTHER
	pod_new Q
	mv="$(agent_conf "{}" '{,"master":"eth0"}')"
	mv=${mv/'"type":"none"'/'"type":"macvlan"'}
	mv=${mv/1.1.0/1.0.0} # of Debian's
	ask='"gateway":"'$GW4'","enableIPConflictDetection":true'
	says POST-undo 200 ""
	says DELETE-ip 200 ""
}

# q_refused TEXT: with code 11; macvlan hands on the sentence
q_refused() {
	same 1 "$status"
	jq_is .code 11
	has "$1"
}

# del_q: the NIC goes; what was asked is forgotten
del_q() {
	plugin "$A" DEL c1 eth0 "$Q" "$mv"
	rm -f "$DIR/requests"
}

add_q() {
	call plugin "$A" ADD c1 eth0 "$Q" "${1:-$mv}" "$pod"
}

@test "wire: an address that another machine has is told to the agent, which gives another one" {
	wire
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask")"
	gives POST-conflict "$(ip_of eth0 10.9.0.11/24 "$ask")" '"routes":[{"ifName":"eth0","dst":"0.0.0.0/0","gw":"'$GW4'"}]'
	add_q
	succeeded
	same '["10.9.0.11/24"]' "$(addresses "$Q" eth0)"
	pings "$Q" $FAR4
	same "POST-ip POST-conflict" "$(paths)"
	same '["10.9.0.10","'"$(mac "$OTHER" eth0)"'",null,"c1","eth0","net","web"]' \
		"$(asked POST /v1/ipam/conflict | jq -c '[.address,.by,.undo,.containerID,.ifName,.networkName,.podName]')"
	# not asked for: not probed; but "probe" is enough
	del_q
	gives POST-ip "$(ip_of eth0 10.9.0.10/24)"
	add_q
	succeeded
	same '["10.9.0.10/24"]' "$(addresses "$Q" eth0)"
	del_q
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 '"probe":true')"
	add_q
	succeeded
	same '["10.9.0.11/24"]' "$(addresses "$Q" eth0)"
}

@test "wire: one machine that answers for everything" {
	wire
	ip -n "$OTHER" addr add 10.9.0.250/24 dev eth0
	ip -n "$OTHER" route add local 10.9.0.0/24 dev lo
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask")"
	gives POST-conflict.1 "$(ip_of eth0 10.9.0.11/24 "$ask")"
	gives POST-conflict.2 "$(ip_of eth0 10.9.0.12/24 "$ask")"
	gives POST-conflict "$(ip_of eth0 10.9.0.13/24 "$ask")"
	add_q
	q_refused "$(mac "$OTHER" eth0) answers for 10.9.0.10, 10.9.0.11 and 10.9.0.12 alike"
	same '["10.9.0.10",null] ["10.9.0.11",null] ["10.9.0.12",null] ["10.9.0.10",true] ["10.9.0.11",true] ["10.9.0.12",true]' \
		"$(asked POST /v1/ipam/conflict | jq -c '[.address,.undo]' | paste -sd ' ')"
	has_undo
}

# has_undo: the claim was given up
has_undo() {
	[[ $(paths) == *" POST-undo"* ]] || { paths; return 1; }
}

@test "wire: who must not get another address does not; the former sandbox of the pod is no conflict" {
	wire
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask,\"kept\":true")"
	add_q
	q_refused "10.9.0.10, which is kept for this pod, is in use by $(mac "$OTHER" eth0)"
	has_undo
	same "" "$(asked POST /v1/ipam/conflict)"
	del_q
	gives POST-conflict "$(ip_of eth0 10.9.0.11/24 "$ask")"
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask")"
	add_q "${mv%\}},\"runtimeConfig\":{\"ips\":[\"10.9.0.10/24\"]}}"
	q_refused "the requested address 10.9.0.10 is in use by"
	has_undo
	del_q
	says POST-conflict 500 '{"code":11,"message":"3 addresses of pool v4 went into quarantine within an hour"}'
	add_q
	q_refused "10.9.0.10 is in use by $(mac "$OTHER" eth0): 3 addresses of pool v4 went into quarantine"
	has_undo
	del_q
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask,\"formerMac\":\"$(mac "$OTHER" eth0)\"")"
	add_q
	succeeded
	same "POST-ip" "$(paths)"
}

@test "wire: an earlier version of the agent is told to release, and the pod is tried again" {
	wire
	ip -n "$OTHER" addr add 10.9.0.10/24 dev eth0
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "$ask")"
	rm "$DIR/answers/POST-undo"
	says DELETE-ips 200 ""
	add_q
	q_refused "10.9.0.10 is in use by $(mac "$OTHER" eth0): spiderpool-agent, an earlier version, released it"
	[[ $(paths) == "POST-ip POST-conflict DELETE-ips"* ]]
	same '{"containerID":"c1","netNamespace":"/run/netns/'"$Q"'","podName":"web","podNamespace":"blue","podUID":"uid-web"}' \
		"$(asked DELETE /v1/ipam/ips | jq -cS .)"
	del_q
	says DELETE-ips 522 '"forbidden"'
	add_q
	q_refused "did not release it"
}

@test "wire: a gateway that must answer" {
	wire
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 '"gateway":"10.9.0.254","enableGatewayDetection":true')"
	add_q
	q_refused "gateway 10.9.0.254 is unreachable from pod's interface eth0"
	has_undo
	del_q
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 '"gateway":"10.9.0.254","enableGatewayDetection":true')" '"again":true'
	add_q
	q_refused "is unreachable"
	[[ $(paths) != *undo* ]]
	del_q
	gives POST-ip "$(ip_of eth0 10.9.0.10/24 "\"gateway\":\"$GW4\",\"enableGatewayDetection\":true")"
	add_q
	succeeded
}
