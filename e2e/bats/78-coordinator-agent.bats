#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# coordinator and an agent: whose word holds, what happens without it, what DEL does without it.

load lib
load world
load podnet

setup() {
	lib_setup
	need_root
	need jq ip $PYTHON
	node_world
	pod_plain P
	eth0 "$P" 50
	background "$PYTHON" "$ROOT/e2e/tools/agent.py" "$DIR/agent.sock" "$DIR/answer" "$DIR/requests"
	until_true test -S "$DIR/agent.sock"
	answer='"mode":"auto","serviceCIDR":["10.96.0.0/16"],"overlayPodCIDR":["10.244.0.0/16"],"hijackCIDR":["169.254.20.10/32"],
		"tunePodRoutes":true,"podRPFilter":2,"hostRuleTable":600,"vethMTU":1400,"txQueueLen":55,"podMACPrefix":"0a:1b",
		"vethLinkAddress":"169.254.200.7","policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.9.0.9"}],"podDefaultRouteNIC":""'
	says 200 "{$answer}"
}

teardown() {
	lib_teardown
}

says() { # STATUS BODY
	printf '%s\n%s' "$1" "$2" >"$DIR/answer"
}

# agent_call VERB NIC CONF: with a /var/lib of its own, where the last answer is kept.
agent_call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_IFNAME=$2 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN CNI_ARGS=$(pod blue web) \
		private "$NODE" "$BIN/coordinator" <<<"$3"
}

# agent_co VERB NIC [MORE KEYS]
agent_co() {
	call agent_call "$1" "$2" "$(co_conf "$2" "$P" "${3:-}")"
}

# seen: what holds, in one line
seen() {
	echo "$(rules_of "$NODE" | awk 'NR == 1 { print $NF }')" "$(setting "$P" ipv4/conf/all/rp_filter)" \
		"$(ip -n "$P" -j addr | jq -r '[(.[] | select(.ifname == "veth0") | .mtu, (.addr_info[] | select(.family == "inet").local)),
			(.[] | select(.ifname == "eth0") | .txqlen, .address)] | join(" ")')" \
		"$(routes_of "$P" | awk '/^4 main.*(via 10.9.0.2|via 10.9.0.9)/ { printf "%s ", $3 }')"
}

@test "network configuration before agent before default" {
	agent_co ADD eth0
	succeeded
	same 'GET /v1/coordinator/config {"podName":"web","podNamespace":"blue"}' "$(cat "$DIR/requests")"
	same "600 2 1400 169.254.200.7 55 0a:1b:0a:09:00:32 10.244.0.0/16 10.96.0.0/16 169.254.20.10 198.51.100.0/24 " "$(seen)"
	agent_co ADD eth0 '"serviceCIDR":["10.97.0.0/16"],"hijackCIDR":["192.0.2.7"],"podRPFilter":1,"hostRuleTable":700,"vethMTU":1300,
		"txQueueLen":66,"podMACPrefix":"02:02","vethLinkAddress":"169.254.200.8","policyRoutes":[{"dst":"203.0.113.0/24","gw":"10.9.0.9"}]'
	succeeded
	same "700 1 1300 169.254.200.8 66 02:02:0a:09:00:32 10.244.0.0/16 10.97.0.0/16 192.0.2.7 203.0.113.0/24 " "$(seen)"
	# an empty text or list says nothing; an agent's zero means that it says nothing
	says 200 '{"mode":"auto","tunePodRoutes":true,"overlayPodCIDR":[],"serviceCIDR":["10.98.0.0/16"],"hostRuleTable":0,"vethMTU":0,"txQueueLen":0,"podMACPrefix":""}'
	agent_co ADD eth0 '"serviceCIDR":[],"podMACPrefix":""'
	succeeded
	same "500 0 1500" "$(seen | cut -d' ' -f1-3)"
	same "10.98.0.0/16" "$(routes_of "$P" | awk '/^4 main.*via 10.9.0.2/ { print $3 }')"
	agent_co CHECK eth0
	succeeded
	agent_co DEL eth0
	succeeded
	same 3 "$(wc -l <"$DIR/requests")" # ADDs alone
}

@test "mode and default route from the agent; the pod's own annotation comes before the network's" {
	says 200 '{"mode":"disabled"}'
	agent_co ADD eth0
	succeeded
	same "eth0" "$(links_of "$P")"
	says 200 "{$answer}"
	net1 "$P" 50
	agent_co ADD eth0
	succeeded
	says 200 "{${answer/'"podDefaultRouteNIC":""'/'"podDefaultRouteNIC":"net1"'},\"policyRoutes\":[]}"
	agent_co ADD net1 '"policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.8.0.9"}]'
	succeeded
	same "10.8.0.1 net1" "$(default_route "$P" 4)"
	says 200 "{${answer/'"podDefaultRouteNIC":""'/'"podDefaultRouteNIC":"eth0","podDefaultRouteNICAnnotation":"net1"'}}"
	agent_co ADD net1 '"podDefaultRouteNic":"eth0","policyRoutes":[{"dst":"198.51.100.0/24","gw":"10.8.0.9"}]'
	succeeded
	same "10.8.0.1 net1" "$(default_route "$P" 4)"
	# the network's own word is not asked about when it is switched off there
	: >"$DIR/requests"
	agent_co ADD net1 '"mode":"disabled"'
	succeeded
	same "" "$(cat "$DIR/requests")"
}

@test "an agent that fails is an error to come back later for, and changes nothing" {
	bare=$(all_of "$P")
	while IFS='|' read -r status body code says; do
		says "$status" "$body"
		agent_co ADD eth0
		refused "$code" "$says" || { echo "$status $body" && return 1; }
	done <<-'EOT'
		500|"spidercoordinator: default no ready"|11|GET /v1/coordinator/config: status 500: spidercoordinator: default no ready
		500|{"message":"x"}|11|status 500: x
		404|nothing here|11|status 404: nothing here
		200|{"mode":|6|spiderpool-agent: socket
		200|[]|7|answer: want an object, got a list
		200|{"mode":"nonsense"}|7|agent: mode "nonsense": want auto
		200|{"mode":"auto","serviceCIDR":["x"]}|7|agent: serviceCIDR[0]
		200|{"mode":"auto","podRPFilter":9}|7|agent: podRPFilter 9
		200|{"mode":"auto","podMACPrefix":"01:00"}|7|agent: podMACPrefix "01:00"
	EOT
	same "$bare" "$(all_of "$P")"
	same 0 "$(records)"
	# nobody listens at the socket
	kill "$(sed -n '$p' "$DIR/pids")"
	until_true bash -c '! kill -0 '"$(sed -n '$p' "$DIR/pids")"
	agent_co ADD eth0
	refused 11 "agent.sock"
	agent_co STATUS eth0
	refused 50 "agent.sock"
	# no socket, but an agent is installed
	rm "$DIR/agent.sock"
	mkdir -p "$DIR/var-lib/spiderpool"
	: >"$DIR/var-lib/spiderpool/agent.installed"
	agent_co ADD eth0
	refused 11 "/var/lib/spiderpool/agent.installed exists"
	agent_co STATUS eth0
	refused 50 "agent.installed exists"
	# control: without that it works by itself
	rm "$DIR/var-lib/spiderpool/agent.installed"
	agent_co STATUS eth0
	succeeded
	agent_co ADD eth0
	succeeded
}

@test "DEL needs no agent; of a pod of the Go plugin it knows the table from the last good answer" {
	agent_co ADD eth0
	succeeded
	same 600 "$(jq .hostRuleTable "$DIR/var-lib/spiderpool/coordinator/agent-config.json")"
	same "700 600" "$(stat -c %a "$DIR/var-lib/spiderpool/coordinator" "$DIR/var-lib/spiderpool/coordinator/agent-config.json" | paste -sd' ')"
	before=$(stat -c %i "$DIR/var-lib/spiderpool/coordinator/agent-config.json")
	agent_co ADD eth0
	same "$before" "$(stat -c %i "$DIR/var-lib/spiderpool/coordinator/agent-config.json")" # the same is not written again
	# bad answers are not kept
	says 200 '{"mode":"nonsense","hostRuleTable":800}'
	agent_co ADD eth0
	refused 7 nonsense
	says 500 '"down"'
	agent_co ADD eth0
	refused 11 down
	: >"$DIR/requests"
	agent_co DEL eth0
	succeeded
	same "eth0" "$(links_of "$P")"
	same "" "$(rules_of "$NODE")"
	ip -n "$NODE" rule add to 10.9.0.50 lookup 600 pref 2000
	ip -n "$NODE" rule add to 10.9.0.50 lookup 500 pref 2001
	agent_co DEL eth0
	succeeded
	same "4 2001 from all lookup 500" "$(rules_of "$NODE")"
	agent_co DEL eth0 '"hostRuleTable":500'
	same "" "$(rules_of "$NODE")"
	same "" "$(cat "$DIR/requests")"
}
