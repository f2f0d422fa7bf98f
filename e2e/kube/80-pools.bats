#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pools and subnets as the controller keeps them: published status against blocks, conditions, Events, finalizers, owners.
# A real API server, agents of two pretended nodes. The ids are those of upstream's lists of end-to-end cases (test/doc).
# There are no webhooks here: what the controller does, it does for objects that slipped past them too.
# shellcheck disable=SC2154

load lib
load agent
load controller

setup_file() {
	export FAST="SPIDERPOOL_LEADER_DURATION=4 SPIDERPOOL_LEADER_RENEW_DEADLINE=3 SPIDERPOOL_LEADER_RETRY_PERIOD=1"
	export QUIET="SPIDERPOOL_GC_IP_ENABLED=false SPIDERPOOL_IPPOOL_MAX_ALLOCATED_IPS=40"
	kube_up api
	agent_install
	controller_install
	for n in a b; do
		agent_pretend $n
		agent_pod $n
		node_ready $n True
		agent_start $n
	done
	ip netns add "spk-pools-$$"
	export NETNS=/run/netns/spk-pools-$$
	start
}

teardown() {
	controller_explain 1
	agent_explain a b
	kube_explain
}

teardown_file() {
	[ -z "${NETNS:-}" ] || ip netns del "${NETNS##*/}"
	kube_down
}

start() {
	# shellcheck disable=SC2086
	controller_spawn 1 $FAST $QUIET
	eventually 30 leads
}

leads() {
	controller_metrics 1 | grep -qx 'spiderpool_controller_leading 1'
}

# ---- objects ----

# agent_pod NODE: what a DaemonSet would have made of its agent.
agent_pod() {
	kubectl apply -f - >&2 <<-YAML
		apiVersion: v1
		kind: Pod
		metadata:
		  name: spiderpool-agent-$1
		  namespace: kube-system
		  labels: {app.kubernetes.io/component: spiderpool-agent, ipam.spidernet.io/blocks: "true"}
		spec: {nodeName: $1, containers: [{name: c, image: kube.test/pause:1}]}
	YAML
}

# patched PATH JSON: a merge patch.
patched() {
	cluster control curl -sSf -o /dev/null --cacert "$KUBE_DIR/pki/ca.crt" -H 'Authorization: Bearer admin-token' \
		-X PATCH -H 'Content-Type: application/merge-patch+json' -d "$2" "https://10.111.0.1:6443/$1"
}

node_ready() { # NODE True|False
	patched "api/v1/nodes/$1/status" '{"status": {"conditions": [{"type": "Ready", "status": "'"$2"'", "reason": "T",
		"message": "", "lastHeartbeatTime": null, "lastTransitionTime": "2026-01-01T00:00:00Z"}]}}'
}

# subnet NAME CIDR RANGE [LINE OF spec]...
subnet() {
	{
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderSubnet\nmetadata: {name: %s}\n' "$1"
		printf 'spec:\n  subnet: %s\n  ips: ["%s"]\n' "$2" "$3"
		[ $# = 3 ] || printf '  %s\n' "${@:4}"
	} | kubectl apply -f - >&2
}

edit() { # KIND/NAME JSON
	kubectl patch "$1" --type merge -p "$2" >&2
}

of() { # KIND/NAME JSONPATH
	kubectl get "$1" -o "jsonpath={$2}"
}

is() { # KIND/NAME JSONPATH WANT
	local got
	got=$(of "$1" "$2") && same "$3" "$got"
}

# condition KIND/NAME TYPE: "STATUS REASON".
condition() {
	of "$1" ".status.conditions[?(@.type==\"$2\")]" | jq -r '"\(.status) \(.reason)"'
}

condition_is() { # KIND/NAME TYPE "STATUS REASON"
	same "$3" "$(condition "$1" "$2")"
}

gone() { # KIND/NAME
	[ -z "$(kubectl get "$1" --ignore-not-found -o name)" ]
}

# told KIND/NAME REASON: there is such an Event; how often is printed.
told() {
	kubectl get events -o json | jq -re --arg n "${1#*/}" --arg r "$2" \
		'[.items[] | select(.involvedObject.name == $n and .reason == $r) | .count] | add // empty'
}

# ---- addresses ----

# pods PREFIX FROM TO: pods on nodes a and b in turn, one request.
pods() {
	local i
	for i in $(seq "$2" "$3"); do
		printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s%d}\n' "$1" "$i"
		printf 'spec: {nodeName: %s, containers: [{name: c, image: kube.test/pause:1}]}\n---\n' "$(node_of "$i")"
	done | kubectl apply -f - >&2
}

node_of() { # NUMBER
	[ $(($1 % 2)) = 0 ] && echo a || echo b
}

# adds POOL PREFIX FROM TO: all at once; one that fails is said.
adds() {
	local i
	for i in $(seq "$3" "$4"); do
		agent_ipam "$(node_of "$i")" ADD "c-$2$i" eth0 "$NETNS" "$2$i" "\"default_ipv4_ippool\": [\"$1\"]" \
			>/dev/null 2>&1 3>&- || echo "no address: $2$i" &
	done
	wait
}

# dels PREFIX FROM TO: with their pods.
dels() {
	local i names
	mapfile -t names < <(seq -f "$1%g" "$2" "$3")
	kubectl delete pod "${names[@]}" --force --grace-period=0 --wait=false >/dev/null 2>&1
	for i in $(seq "$2" "$3"); do
		agent_ipam "$(node_of "$i")" DEL "c-$1$i" eth0 "$NETNS" "$1$i" >/dev/null 3>&- || echo "not deleted: $1$i" &
	done
	wait
}

# recorded POOL: what blocks say is held of it, "address ns/pod uid" a line.
recorded() {
	kubectl get sib -o json | jq -r '.items[] | select(.spec.ipVersion == 4) |
		(.spec.cidr | split("/")[0] | split(".") | map(tonumber)) as $a | .spec.records // "" | split("\n")[] |
		split("\t") | select(length > 1 and (.[1] | IN("pod", "sts", "vm", "pin")) and .[3] == "'"$1"'") |
		"\($a[0]).\($a[1]).\($a[2]).\($a[3] + (.[0] | tonumber)) \(.[5])/\(.[6]) \(.[7])"' | sort
}

published() { # POOL
	of "sp/$1" .status.allocatedIPs | jq -r 'to_entries[] | "\(.key) \(.value.pod) \(.value.podUid)"' | sort
}

# exact POOL: its status is what blocks say.
exact() {
	local blocks
	blocks=$(recorded "$1")
	same "$blocks" "$(published "$1")" && is "sp/$1" .status.allocatedIPCount "$(grep -c . <<<"$blocks")"
}

held() { # POOL COUNT
	same "$2" "$(recorded "$1" | wc -l)"
}

# ----

@test "a new pool: marked, finalizer, label, total, settled; nothing allocated is nothing published" {
	kube_pool first 10.111.0.0/16 10.111.4.1-10.111.4.30 'excludeIPs: ["10.111.4.5"]'
	eventually 10 condition_is sp/first Settled "True Settled"
	is sp/first .status.totalIPCount 29
	is sp/first .status.allocatedIPCount 0
	is sp/first .status.allocatedIPs ""
	is sp/first .spec.ipVersion 4
	is sp/first '.metadata.labels.ipam\.spidernet\.io/ippool-cidr' 10-111-0-0-16
	is sp/first .metadata.finalizers '["spiderpool.spidernet.io"]'
	is sp/first .status.observedGeneration "$(of sp/first .metadata.generation)"
	[ -n "$(of sp/first '.metadata.annotations.ipam\.spidernet\.io/taken-over')" ]
	condition_is sp/first Exhausted "False SomeFree"
}

@test "nothing is written when nothing changes, also by a controller that starts anew" {
	local before
	before=$(of sp/first .metadata.resourceVersion)
	controller_stop 1
	start
	sleep 3
	is sp/first .metadata.resourceVersion "$before"
}

@test "after storms of ADD and DEL the status is what blocks say" {
	kube_pool storm 10.111.0.0/16 10.111.5.1-10.111.5.30
	pods s 1 20
	run adds storm s 1 20
	same "" "$output"
	eventually 10 exact storm
	is sp/storm .status.allocatedIPCount 20
	run dels s 1 10
	same "" "$output"
	pods t 1 9
	run adds storm t 1 9
	same "" "$output"
	eventually 10 exact storm
	is sp/storm .status.allocatedIPCount 19
	run dels s 11 20
	run dels t 1 9
	eventually 10 is sp/storm .status.allocatedIPs ""
	is sp/storm .status.allocatedIPCount 0
}

@test "an annotation that is no text stops nobody: agent and controller start, addresses are given and published" {
	local o
	kube_pool odd 10.111.0.0/16 10.111.33.1-10.111.33.9
	pods o 1 2
	for o in pod/o1 namespace/default sp/odd; do
		edit "$o" '{"metadata": {"annotations": {"x": "a\u0000b"}}}'
	done
	kubectl get pod o1 -o json | jq -e '.metadata.annotations.x | contains("\u0000")'
	agent_stop a
	controller_stop 1
	agent_start a
	start
	run adds odd o 1 2
	same "" "$output"
	eventually 10 exact odd
	is sp/odd .status.allocatedIPCount 2
	run dels o 1 2
	eventually 10 is sp/odd .status.allocatedIPCount 0
	edit namespace/default '{"metadata": {"annotations": {"x": null}}}'
	kubectl delete sp odd --wait=false
	eventually 10 gone sp/odd
}

@test "S00004, E00008: a full pool says so, once; nearly full before; what is excluded is not given" {
	kube_pool full 10.111.0.0/16 10.111.6.1-10.111.6.11 'excludeIPs: ["10.111.6.3"]'
	pods f 1 11
	run adds full f 1 8
	same "" "$output"
	eventually 10 condition_is sp/full NearlyExhausted "True FewFree"
	eventually 10 told sp/full NearlyExhausted
	run adds full f 9 10
	same "" "$output"
	eventually 10 condition_is sp/full Exhausted "True NoneFree"
	condition_is sp/full NearlyExhausted "False NotSo"
	eventually 10 told sp/full Exhausted
	run adds full f 11 11
	same "no address: f11" "$output"
	run recorded full
	hasnt "10.111.6.3 "
	run dels f 1 11
	eventually 10 condition_is sp/full Exhausted "False SomeFree"
	exact full
}

@test "records beyond the maximum are counted, and not shown" {
	kube_pool long 10.111.0.0/16 10.111.7.1-10.111.7.60
	pods l 1 45
	run adds long l 1 45
	same "" "$output"
	eventually 15 is sp/long .status.allocatedIPCount 45
	condition_is sp/long AllocatedIPsTruncated "True TooMany"
	same 40 "$(published long | wc -l)"
	same "$(recorded long | sort -V | head -n 40)" "$(published long | sort -V)"
	run dels l 1 45
	eventually 15 condition_is sp/long AllocatedIPsTruncated "False Complete"
}

@test "an address in quarantine: which, and who answers for it; until it is over" {
	local until
	kube_pool odd 10.111.0.0/16 10.111.8.1-10.111.8.9
	until=$((($(date +%s) + 8) * 1000))
	kubectl apply -f - >&2 <<-YAML
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderIPBlock
		metadata: {name: v4-0a6f0800}
		spec:
		  ipVersion: 4
		  cidr: 10.111.8.0/26
		  records: "7\tquarantine\t1000\todd\t\t\t\t\t\t\t\t\t\t\t\t$until\t02:00:00:00:00:07\t\n"
	YAML
	eventually 6 condition_is sp/odd ConflictSeen "True Quarantined"
	run of sp/odd '.status.conditions[?(@.type=="ConflictSeen")].message'
	has "10.111.8.7 (02:00:00:00:00:07)"
	is sp/odd .status.allocatedIPCount 0
	eventually 5 told sp/odd Quarantined
	eventually 20 condition_is sp/odd ConflictSeen "False NoQuarantine"
}

@test "an agent that does not listen: an edit is not settled until it does, or its node is lost" {
	kube_pool edited 10.111.0.0/16 10.111.9.1-10.111.9.20
	eventually 10 condition_is sp/edited Settled "True Settled"
	kill -STOP "$(cat "$(agent_dir b)/pid")"
	edit sp/edited '{"spec": {"ips": ["10.111.9.1-10.111.9.10"]}}'
	eventually 10 condition_is sp/edited Settled "False AgentsBehind"
	run of sp/edited '.status.conditions[?(@.type=="Settled")].message'
	has "not seen yet by the agents of b"
	is sp/edited .status.totalIPCount 10
	sleep 2
	condition_is sp/edited Settled "False AgentsBehind"
	# Another controller does not forget which version is waited for.
	controller_stop 1 KILL
	start
	sleep 3
	condition_is sp/edited Settled "False AgentsBehind"
	node_ready b False
	eventually 10 condition_is sp/edited Settled "True Settled"
	node_ready b True
	edit sp/edited '{"spec": {"ips": ["10.111.9.1-10.111.9.30"]}}'
	eventually 10 condition_is sp/edited Settled "False AgentsBehind"
	kill -CONT "$(cat "$(agent_dir b)/pid")"
	kubectl wait --for=condition=Settled --timeout=15s sp/edited
	is sp/edited '.status.conditions[?(@.type=="Settled")].observedGeneration' "$(of sp/edited .metadata.generation)"
}

@test "a pool that shrinks below what is held: not settled until it is given back" {
	kube_pool shrunk 10.111.0.0/16 10.111.10.1-10.111.10.4
	pods h 1 4
	run adds shrunk h 1 4
	same "" "$output"
	edit sp/shrunk '{"spec": {"ips": ["10.111.10.1-10.111.10.2"]}}'
	eventually 10 condition_is sp/shrunk Settled "False AddressesOutside"
	eventually 10 told sp/shrunk AddressesOutside
	eventually 10 exact shrunk
	is sp/shrunk .status.allocatedIPCount 4
	is sp/shrunk .status.totalIPCount 2
	run dels h 1 4
	eventually 10 condition_is sp/shrunk Settled "True Settled"
}

@test "D00004: a pool that is deleted waits for its addresses" {
	kube_pool going 10.111.0.0/16 10.111.11.1-10.111.11.4
	pods g 1 2
	run adds going g 1 2
	same "" "$output"
	kubectl delete sp going --wait=false
	sleep 3
	eventually 5 exact going
	run dels g 1 1
	eventually 5 is sp/going .status.allocatedIPCount 1
	run dels g 2 2
	eventually 10 gone sp/going
}

@test "D00006: fifty pools made and deleted" {
	for i in $(seq 50); do pool "m$i" 10.111.0.0/16 "10.111.12.$i"; done | kubectl apply -f - >&2
	all_settled() {
		same 50 "$(kubectl get sp -o json | jq '[.items[] | select(.metadata.name | test("^m[0-9]")) |
			select(.status.conditions // [] | any(.type == "Settled" and .status == "True"))] | length')"
	}
	eventually 30 all_settled
	run controller_metrics 1
	has 'spiderpool_debug_ippool_total_ip_counts{SpiderIPPool="m50"} 1'
	mapfile -t all < <(seq -f m%g 50)
	kubectl delete sp "${all[@]}" --wait=false >&2
	none() { ! kubectl get sp -o name | grep '/m[0-9]'; }
	eventually 30 none
}

@test "a pool with addresses of an older Spiderpool is left alone until they are taken over" {
	local before
	controller_stop 1
	kube_pool old 10.111.0.0/16 10.111.13.1-10.111.13.4
	status_patch spiderippools/old '{"allocatedIPs": "{\"10.111.13.2\":{\"pod\":\"default/x\",\"podUid\":\"u\"}}"}'
	before=$(of sp/old .metadata.resourceVersion)
	start
	eventually 10 told sp/old TakeoverPending
	is sp/old .metadata.resourceVersion "$before"
	# As an agent does that has taken them over.
	edit sp/old '{"metadata": {"annotations": {"ipam.spidernet.io/taken-over": "now"}}}'
	eventually 10 is sp/old .status.allocatedIPCount 0
	is sp/old .status.allocatedIPs ""
}

@test "a pool that loses the mark serves on, and is marked again" {
	kube_pool lost 10.111.0.0/16 10.111.16.1-10.111.16.4
	pods m 1 2
	run adds lost m 1 1
	same "" "$output"
	eventually 10 is sp/lost .status.allocatedIPCount 1
	controller_stop 1
	kubectl annotate sp lost ipam.spidernet.io/taken-over- >&2
	sleep 1 # agents have heard of it
	run adds lost m 2 2
	same "" "$output"
	start
	marked() { [ -n "$(of sp/lost '.metadata.annotations.ipam\.spidernet\.io/taken-over')" ]; }
	eventually 30 marked
	eventually 10 exact lost
	run told sp/lost TakeoverPending
	same "" "$output"
	run dels m 1 2
	kubectl delete sp lost >&2
}

@test "while pods of an older Spiderpool are there no pool is taken possession of" {
	kubectl apply -f - >&2 <<-YAML
		apiVersion: v1
		kind: Pod
		metadata: {name: older, namespace: kube-system, labels: {app.kubernetes.io/component: spiderpool-agent}}
		spec: {nodeName: c, containers: [{name: c, image: x}]}
	YAML
	sleep 11 # that there was none is believed for ten seconds
	kube_pool fenced 10.111.0.0/16 10.111.14.1-10.111.14.4
	sleep 3
	is sp/fenced .status ""
	is sp/fenced '.metadata.annotations.ipam\.spidernet\.io/taken-over' ""
	kubectl delete pod -n kube-system older --force --grace-period=0 --wait=false >&2
	eventually 40 condition_is sp/fenced Settled "True Settled"
}

# ---- subnets ----

@test "I00001, I00002: a subnet adopts pools that were there before; what is published follows edits" {
	kube_pool orphan 10.120.0.0/24 10.120.0.10-10.120.0.19
	kube_pool own 10.120.0.0/24 10.120.0.20-10.120.0.29 "gateway: 10.120.0.2" "routes: []"
	eventually 10 condition_is sp/own Exhausted "False SomeFree"
	is sp/orphan .spec.gateway ""
	subnet net 10.120.0.0/24 10.120.0.10-10.120.0.99 "gateway: 10.120.0.1" \
		'routes: [{dst: 10.9.0.0/16, gw: 10.120.0.1}]' 'excludeIPs: ["10.120.0.15"]'
	eventually 10 is sp/orphan .metadata.ownerReferences[0].uid "$(of ss/net .metadata.uid)"
	is sp/orphan '.metadata.labels.ipam\.spidernet\.io/owner-spider-subnet' net
	is sp/orphan .spec.gateway 10.120.0.1
	is sp/orphan .spec.routes[0].dst 10.9.0.0/16
	eventually 10 is sp/own '.metadata.labels.ipam\.spidernet\.io/owner-spider-subnet' net
	is sp/own .spec.gateway 10.120.0.2
	is sp/own .spec.routes '[]'
	eventually 10 is ss/net .status.controlledIPPools \
		'{"orphan":{"ips":["10.120.0.10-10.120.0.14","10.120.0.16-10.120.0.19"]},"own":{"ips":["10.120.0.20-10.120.0.29"]}}'
	is ss/net .status.totalIPCount 89
	is ss/net .status.allocatedIPCount 19
	is ss/net '.metadata.labels.ipam\.spidernet\.io/subnet-cidr' 10-120-0-0-24
	is ss/net .metadata.finalizers '["spiderpool.spidernet.io"]'
	edit sp/own '{"spec": {"ips": ["10.120.0.20-10.120.0.24"]}}'
	eventually 10 is ss/net .status.allocatedIPCount 14
	edit ss/net '{"spec": {"ips": ["10.120.0.10-10.120.0.24"]}}'
	eventually 10 is ss/net .status.totalIPCount 14
	eventually 10 condition_is ss/net Exhausted "True AllInPools"
}

@test "I00005: pools that have the subnet's gateway and routes follow when these change, others keep theirs" {
	edit ss/net '{"spec": {"gateway": "10.120.0.3", "routes": [{"dst": "10.8.0.0/16", "gw": "10.120.0.3"}]}}'
	eventually 10 is sp/orphan .spec.gateway 10.120.0.3
	eventually 10 is sp/orphan .spec.routes '[{"dst":"10.8.0.0/16","gw":"10.120.0.3"}]'
	is sp/own .spec.gateway 10.120.0.2
	is sp/own .spec.routes '[]'
	# Edits one after another, the controller killed in between.
	for i in 4 5 6 7; do
		edit ss/net "{\"spec\": {\"gateway\": \"10.120.0.$i\"}}"
		[ $i != 5 ] || controller_stop 1 KILL
	done
	start
	eventually 15 is sp/orphan .spec.gateway 10.120.0.7
	# A gateway that is one of the pool's addresses would be handed out.
	edit ss/net '{"spec": {"gateway": "10.120.0.12"}}'
	eventually 10 told ss/net GatewayNotFollowed
	is sp/orphan .spec.gateway 10.120.0.7
	edit ss/net '{"spec": {"gateway": "10.120.0.1"}}'
	eventually 10 is sp/orphan .spec.gateway 10.120.0.1
}

@test "I00022: what is published of pools that are no more goes; applications' pools are named with their key" {
	status_patch spidersubnets/net '{"controlledIPPools": "{\"ghost\":{\"ips\":[\"10.120.0.99\"]}}", "allocatedIPCount": 77}'
	eventually 10 is ss/net .status.allocatedIPCount 14
	run of ss/net .status.controlledIPPools
	hasnt ghost
	kubectl label sp own ipam.spidernet.io/owner-application-{gv=apps_v1,kind=Deployment,namespace=default,name=web} >&2
	edit ss/net '{"spec": {"ips": ["10.120.0.10-10.120.0.30"]}}'
	application() { same apps_v1_Deployment_default_web "$(of ss/net .status.controlledIPPools | jq -r .own.application)"; }
	eventually 10 application
	kubectl label sp own ipam.spidernet.io/owner-application-{gv,kind,namespace,name}- >&2
}

@test "I00001: a subnet that is deleted takes its pools with it, each when its addresses are given back" {
	pods n 1 2
	run adds own n 1 2
	same "" "$output"
	kubectl delete ss net --wait=false
	eventually 10 gone sp/orphan
	sleep 2
	is ss/net .status.controlledIPPools '{"own":{"ips":["10.120.0.20-10.120.0.24"]}}'
	run dels n 1 2
	eventually 10 gone sp/own
	eventually 10 gone ss/net
}

@test "a subnet that is deleted with its pools to be orphaned goes alone" {
	subnet alone 10.122.0.0/24 10.122.0.1-10.122.0.50
	kube_pool stays 10.122.0.0/24 10.122.0.1-10.122.0.5
	eventually 10 is sp/stays '.metadata.labels.ipam\.spidernet\.io/owner-spider-subnet' alone
	kubectl delete ss alone --cascade=orphan --wait=false
	# The other finalizer is Kubernetes' garbage collector's, of which there is none here.
	eventually 10 is ss/alone .metadata.finalizers '["orphan"]'
	sleep 2
	is sp/stays .metadata.deletionTimestamp ""
	edit ss/alone '{"metadata": {"finalizers": []}}'
}

@test "I00007: cycles of manual pools return the subnet to its start" {
	subnet cycle 10.121.0.0/24 10.121.0.1-10.121.0.50
	eventually 10 is ss/cycle .status.totalIPCount 50
	for _ in 1 2 3; do
		for i in $(seq 5); do pool "y$i" 10.121.0.0/24 "10.121.0.$((i * 10 - 9))-10.121.0.$((i * 10))"; done | kubectl apply -f - >&2
		eventually 15 is ss/cycle .status.allocatedIPCount 50
		kubectl delete sp y1 y2 y3 y4 y5 --wait=false >&2
		eventually 15 is ss/cycle .status.allocatedIPCount 0
		is ss/cycle .status.controlledIPPools ""
	done
	kubectl delete ss cycle --wait=false
	eventually 10 gone ss/cycle
}

# ---- blocks, crashes ----

@test "an empty block goes, one that was used lately or is to be probed stays, that for a week" {
	local day=86400
	block() { # NAME CIDR RECORDS
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPBlock\nmetadata: {name: %s}\n' "$1"
		printf 'spec: {ipVersion: 4, cidr: %s, records: "%s"}\n---\n' "$2" "$3"
	}
	{
		block v4-0a780000 10.120.0.0/26 '1\tfree\t1000\t\t\t\t\t\t\t\t\t\t\t\t\t0\t\t\n'
		block v4-0a790000 10.121.0.0/26 "1\\tfree\\t$(date +%s)000\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t0\\t\\t\\n"
		block v4-0a7a0000 10.122.0.0/26 "1\\tfree\\t$(($(date +%s) - 6 * day))000\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t0\\t\\tu\\n"
		block v4-0a7b0000 10.123.0.0/26 "1\\tfree\\t$(($(date +%s) - 8 * day))000\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t\\t0\\t\\tu\\n"
	} | kubectl apply -f - >&2
	eventually 60 gone sib/v4-0a780000
	eventually 60 gone sib/v4-0a7b0000
	kubectl get sib v4-0a790000 v4-0a7a0000
}

@test "a controller killed at random while addresses come and go: the status is exact afterwards" {
	kube_pool churn 10.111.0.0/16 10.111.15.1-10.111.15.60
	pods k 1 20
	churn() {
		for _ in 1 2 3 4; do
			adds churn k 1 20 >/dev/null
			local i
			for i in $(seq $((RANDOM % 10 + 1)) 2 20); do
				agent_ipam "$(node_of "$i")" DEL "c-k$i" eth0 "$NETNS" "k$i" >/dev/null 2>&1 3>&- &
			done
			wait
		done
	}
	churn 3>&- &
	for _ in 1 2 3 4 5; do
		sleep "0.$((RANDOM % 9 + 1))"
		controller_stop 1 KILL
		start
	done
	wait $!
	eventually 15 exact churn
	run dels k 1 20
	eventually 15 is sp/churn .status.allocatedIPs ""
}

@test "the controller ends when it is told to, and no build has anything to complain of" {
	controller_stop 1
	run cat "$(controller_dir 1)/log"
	hasnt Sanitizer
	hasnt "runtime error"
}
