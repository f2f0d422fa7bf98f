#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Garbage collection: a real API server, nodes, pods and StatefulSets that are only objects, records written by hand, the
# controller killed meanwhile. No node has an agent, so all that comes back the controller has given back. The ids are those
# of upstream's lists of end-to-end cases (test/doc). Needs two minutes: what is gone is its node's agent's for one.
# shellcheck disable=SC2154

load lib
load agent
load controller

OLD=1700000000000

setup_file() {
	export FAST="SPIDERPOOL_LEADER_DURATION=4 SPIDERPOOL_LEADER_RENEW_DEADLINE=3 SPIDERPOOL_LEADER_RETRY_PERIOD=1"
	kube_up api
	agent_install
	controller_install
	mkdir "$KUBE_DIR/gc"
	world
	# shellcheck disable=SC2086
	leader_start 1 $FAST
}

leads() { # N
	[ "$(controller_leader)" = "$1" ]
}

# leader_start N [VARIABLE=VALUE]...: nothing here asks for admission.
leader_start() {
	controller_spawn "$@"
	eventually 20 leads "$1"
}

teardown() {
	controller_explain 1 2
	kube_explain
}

teardown_file() {
	kube_down
}

# ---- objects ----

# patch_status PATH JSON: of a built-in object.
patch_status() {
	cluster control curl -sSf -o /dev/null --cacert "$KUBE_DIR/pki/ca.crt" -H 'Authorization: Bearer admin-token' \
		-X PATCH -H 'Content-Type: application/strategic-merge-patch+json' -d "{\"status\": $2}" \
		"https://10.111.0.1:6443/api/v1/$1/status"
}

# node NAME True|False|Unknown BOOT [SINCE]
node() {
	kubectl get node "$1" >/dev/null 2>&1 ||
		printf 'apiVersion: v1\nkind: Node\nmetadata: {name: %s}\n' "$1" | kubectl create -f - >&2
	patch_status "nodes/$1" '{"conditions": [{"type": "Ready", "status": "'"$2"'", "reason": "Test", "message": "",
		"lastHeartbeatTime": null, "lastTransitionTime": "'"${4:-2026-01-01T00:00:00Z}"'"}], "nodeInfo": {"bootID": "'"$3"'",
		"machineID": "", "systemUUID": "", "kernelVersion": "", "osImage": "", "containerRuntimeVersion": "",
		"kubeletVersion": "", "kubeProxyVersion": "", "operatingSystem": "", "architecture": ""}}'
}

# a_pod NODE NS NAME [LINE OF metadata]...: its UID is printed.
a_pod() {
	{
		printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: %s\n' "$3" "$2"
		[ $# = 3 ] || printf '  %s\n' "${@:4}"
		printf 'spec: {nodeName: %s, restartPolicy: Never, containers: [{name: c, image: kube.test/pause:1}]}\n' "$1"
	} | kubectl create -f - -o 'jsonpath={.metadata.uid}'
}

delete_pod() { # NS NAME: its object stays, as no kubelet says that it has ended
	kubectl delete pod -n "$1" "$2" --grace-period=1 --wait=false >&2
}

force_delete() { # NS NAME
	kubectl delete pod -n "$1" "$2" --grace-period=0 --force --wait=false >&2
}

ended() { # NS NAME PHASE [REASON]
	patch_status "namespaces/$1/pods/$2" "{\"phase\": \"$3\", \"reason\": \"${4:-}\"}"
}

set_of() { # NAME REPLICAS
	kubectl create -f - >&2 <<-YAML
		apiVersion: apps/v1
		kind: StatefulSet
		metadata: {name: $1}
		spec:
		  replicas: $2
		  serviceName: x
		  selector: {matchLabels: {app: x}}
		  template: {metadata: {labels: {app: x}}, spec: {containers: [{name: c, image: "kube.test/pause:1"}]}}
	YAML
}

# ---- records of block 10.85.0.0/26 ----

# record OFFSET HOLD NS POD UID NODE BOOT [REF]: the container is c and the offset; without a UID it has none.
record() {
	printf '%d\t%s\t%s\tv4\tnet\t%s\t%s\t%s\teth0\t%s\t%s\t%s\t\t\t%s\t0\t\t\n' "$1" "$2" "$OLD" "$3" "$4" "$5" "$6" \
		"${5:+c$1}" "$7" "${8:-}" >>"$KUBE_DIR/gc/records"
}

block() { # NAME CIDR: stdin is its records
	jq -n --arg name "$1" --arg cidr "$2" --rawfile r /dev/stdin '{apiVersion: "spiderpool.spidernet.io/v2beta1",
		kind: "SpiderIPBlock", metadata: {name: $name}, spec: {ipVersion: 4, cidr: $cidr, records: $r}}' |
		kubectl apply -f - >&2
}

# is OFFSET "HOLD CONTAINER FLAGS": what the record says now, "-" for what is empty.
is() {
	local now
	now=$(kubectl get sib "${3:-v4-0a550000}" -o 'jsonpath={.spec.records}' |
		awk -F '\t' -v o="$1" '$1 == o { print $2, ($11 == "" ? "-" : $11), ($18 == "" ? "-" : $18) }')
	same "$2" "$now"
}

event_of() { # NODE REASON
	kubectl get events -A --field-selector "reason=$2" -o 'jsonpath={.items[*].involvedObject.name}' | grep -qw "$1"
}

# becomes SECONDS OFFSET STATE
becomes() {
	eventually "$1" is "$2" "$3" "${4:-v4-0a550000}"
}

# ---- the world: everything is there before the controller starts ----

world() {
	local uid
	node east True b1
	node west Unknown b1
	node back True b2 # restarted, since the records are of boot b1
	kubectl create namespace other >&2
	kubectl create namespace doomed >&2
	record 1 pod default alive "$(a_pod east default alive)" east b1
	record 2 pod default forced "$(a_pod east default forced)" east b1
	record 3 pod default nobody 11111111-0000-0000-0000-000000000003 east b1
	a_pod east default other-uid >/dev/null
	record 4 pod default other-uid 11111111-0000-0000-0000-000000000004 east b1
	record 5 pod default cut-off "$(a_pod west default cut-off)" west b1
	set_of keeper 2
	record 6 sts default keeper-0 "$(a_pod west default keeper-0)" west b1 default/keeper/0
	record 7 pod default job "$(a_pod back default job)" back b1
	record 8 pod default lost "$(a_pod away default lost)" away b1
	record 9 sts default keeper-1 '' east '' default/keeper/1
	record 10 sts default keeper-5 '' east '' default/keeper/5
	record 11 sts default removed-0 '' east '' default/removed/0
	record 12 pod other alive "$(a_pod east other alive)" east b1
	record 13 pod default evicted "$(a_pod east default evicted)" east b1
	record 14 pod doomed a "$(a_pod east doomed a)" east b1
	record 15 pod doomed b "$(a_pod west doomed b)" west b1
	a_pod east default static-east 'annotations: {kubernetes.io/config.hash: h}' >/dev/null
	record 16 pod default static-east 11111111-0000-0000-0000-000000000016 east b1
	record 17 sts default keeper-0 11111111-0000-0000-0000-000000000017 back b1 default/keeper/0
	record 18 pod default evicted-west "$(a_pod west default evicted-west)" west b1
	record 19 vm default virt-launcher-vm1 '' east '' default/vm1
	record 20 sts default stays-0 "$(a_pod away default stays-0)" away b1 default/keeper/0
	block v4-0a550000 10.85.0.0/26 <"$KUBE_DIR/gc/records"
}

@test "what is alive stays; what was kept for nobody, and what a restart or a lost node proves, comes back at once" {
	becomes 20 10 "free - -"  # G00010: the StatefulSet has no such ordinal any more
	becomes 10 11 "free - -"  # nor is there one of that name
	becomes 10 19 "free - -"  # no KubeVirt, no machine
	becomes 10 17 "sts - -" # of a former pod of that name; its node was restarted: it waits for its pod again
	is 1 "pod c1 -"
	is 6 "sts c6 -"
	is 9 "sts - -"
	delete_pod default cut-off # G00009
	becomes 10 5 "free - u"
	ended default evicted-west Failed Terminated # with its node, say
	becomes 10 18 "free - u"
	ended default job Succeeded # G00006
	becomes 10 7 "free - -"
	delete_pod default lost
	becomes 10 8 "free - u"
	# Finished on a node that is ready, it is its agent's.
	ended default evicted Failed Evicted
	# A pod that keeps its address, of a node that cannot be asked.
	delete_pod default keeper-0
	delete_pod default stays-0
	eventually 10 event_of away AddressKeptWithoutNode
	is 20 "sts c20 -"
	sleep 3 # it is looked at again meanwhile
	same 1 "$(controller_log 1 | grep -c AddressKeptWithoutNode)"
}

@test "G00001 G00002 G00003 G00004 G00005 G00007 G00008: gone without a word, the controller killed meanwhile" {
	local i
	force_delete default forced
	force_delete other alive # its namesake's address stays
	force_delete doomed a
	force_delete doomed b
	controller_stop 1 KILL
	# shellcheck disable=SC2086
	leader_start 2 $FAST
	for i in 2 3 4 12 14 15; do becomes 100 "$i" "free - u"; done
	is 1 "pod c1 -"
	is 6 "sts c6 -"
	is 9 "sts - -"
	is 13 "pod c13 -"
	is 16 "pod c16 -"
	run -0 controller_metrics 2
	[ "$(awk '$1 == "spiderpool_ip_gc_counts" { print $2 }' <<<"$output")" -ge 6 ]
	eventually 10 event_of east AddressesFreedUnconfirmed
	# What was evicted is free when its object is gone, as no agent said a word.
	force_delete default evicted
	becomes 100 13 "free - u"
}

@test "G00011 G00012: StatefulSets and others go up and down in one pool; what waits is exactly what has a pod to wait for" {
	local i n
	for n in one two; do
		set_of $n 8
		for i in 0 1 2 3 4 5 6 7; do
			[ $n = one ] && off=$i || off=$((i + 10))
			printf '%d\tsts\t%s\tv4\tnet\tdefault\t%s-%d\t\teth0\teast\t\t\t\t\tdefault/%s/%d\t0\t\t\n' "$off" $OLD $n "$i" $n "$i"
		done
	done | block v4-0a550040 10.85.0.64/26
	kubectl scale sts one --replicas=3 >&2
	controller_stop 2 KILL
	# Nobody sees that it was smaller for a moment: what counts is how it is.
	kubectl scale sts two --replicas=5 >&2
	kubectl scale sts two --replicas=6 >&2
	# shellcheck disable=SC2086
	leader_start 1 $FAST
	for i in 3 4 5 6 7 16 17; do becomes 20 "$i" "free - -" v4-0a550040; done
	for i in 0 1 2 10 11 12 13 14 15; do is "$i" "sts - -" v4-0a550040; done
	kubectl delete sts one >&2
	for i in 0 1 2; do becomes 10 "$i" "free - -" v4-0a550040; done
	for i in 10 15; do is "$i" "sts - -" v4-0a550040; done
}

endpoint() { # NAME UID ADDRESS KIND OWNER [LINE OF metadata]...
	{
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderEndpoint\nmetadata:\n  name: %s\n' "$1"
		printf '  finalizers: [spiderpool.spidernet.io]\n'
		[ $# = 5 ] || printf '  %s\n' "${@:6}"
		printf 'status:\n  ownerControllerType: %s\n  ownerControllerName: %s\n' "$4" "$5"
		printf '  current: {uid: %s, node: east, ips: [{interface: eth0, ipv4: %s/16, ipv4Pool: v4}]}\n' "$2" "$3"
	} | kubectl create -f - >&2
}

no_endpoint() {
	[ -z "$(kubectl get se "$1" -o name --ignore-not-found)" ]
}

@test "endpoints: what holds nothing does not stay for its finalizer; what nothing keeps goes when that is switched on" {
	local uid=22222222-0000-0000-0000-000000000001 owned
	owned="ownerReferences: [{apiVersion: v1, kind: Pod, name: ended, uid: $uid}]"
	endpoint ended $uid 10.85.0.40 Pod ended "$owned"
	endpoint alive "$(kubectl get pod alive -o 'jsonpath={.metadata.uid}')" 10.85.0.1 Pod alive
	endpoint keeper-7 "$uid" 10.85.0.41 StatefulSet keeper
	endpoint keeper-1 "$uid" 10.85.0.42 StatefulSet keeper
	kubectl delete se ended alive --wait=false >&2
	eventually 10 no_endpoint ended
	controller_conf 1 'enableCleanOutdatedEndpoint: true'
	controller_stop 1
	# shellcheck disable=SC2086
	leader_start 1 $FAST SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION=10
	eventually 100 no_endpoint keeper-7
	kubectl get se alive keeper-1
}

ctl() {
	cluster control env KUBECONFIG="$KUBECONFIG" "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" "$@"
}

@test "spiderpoolctl gc: the same rules without a controller; told first, then done" {
	controller_stop 1
	record_block
	run -0 ctl gc --dry-run
	has "10.85.0.128" # node gone
	has "would be freed"
	is 0 "pod c0 -" v4-0a550080
	run -0 ctl gc
	is 0 "free - u" v4-0a550080
	is 1 "pod c1 -" v4-0a550080
	is 2 "pod c2 -" v4-0a550080
	has "left to their nodes' agents"
	run -0 ctl gc --wait
	is 1 "free - u" v4-0a550080
	is 2 "pod c2 -" v4-0a550080
}

# record_block: block 10.85.0.128/26: a pod that is gone with its node, one that is gone alone, one that lives.
record_block() {
	: >"$KUBE_DIR/gc/records"
	record 0 pod default gone-0 33333333-0000-0000-0000-000000000000 away b1
	record 1 pod default gone-1 33333333-0000-0000-0000-000000000001 east b1
	record 2 pod default alive "$(kubectl get pod alive -o 'jsonpath={.metadata.uid}')" east b1
	block v4-0a550080 10.85.0.128/26 <"$KUBE_DIR/gc/records"
}

# api METHOD PATH [TOKEN] [BODY]: the code and the answer.
api() {
	cluster control curl -sS -m 20 -X "$1" ${3:+-H "Authorization: Bearer $3"} ${4:+-d "$4"} \
		-w '\n%{http_code}' "http://127.0.0.1:$(controller_port "${N:-1}")/v1/ipam/$2"
}

@test "the HTTP API: nobody without a token, nobody without a rule; a scan, what is held, one address" {
	local token
	kubectl apply -f - >&2 <<-YAML
		apiVersion: rbac.authorization.k8s.io/v1
		kind: ClusterRole
		metadata: {name: gc-caller}
		rules: [{nonResourceURLs: [/v1/ipam/*], verbs: [get, post, put]}]
	YAML
	kubectl create serviceaccount caller >&2
	kubectl create serviceaccount other >&2
	kubectl create clusterrolebinding gc-caller --clusterrole=gc-caller --serviceaccount=default:caller >&2
	token_of() {
		echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}' |
			kubectl create --raw "/api/v1/namespaces/default/serviceaccounts/$1/token" -f - | jq -j .status.token
	}
	token=$(token_of caller)
	# Whether or not deploy/controller does so already: the controller asks who its callers are.
	kubectl create clusterrolebinding gc-reviews --clusterrole=system:auth-delegator \
		--serviceaccount=kube-system:spiderpool-controller >&2
	# shellcheck disable=SC2086
	leader_start 1 $FAST SPIDERPOOL_GC_DEFAULT_INTERVAL_DURATION=3600
	for call in "POST gc_ips" "GET status" "PUT ip"; do
		# shellcheck disable=SC2086
		run -0 api $call
		has 401
		# shellcheck disable=SC2086
		run -0 api $call nonsense
		has 401
		# shellcheck disable=SC2086
		run -0 api $call "$(token_of other)"
		has 403
		has "system:serviceaccount:default:other may not"
	done
	run -0 api GET status "$token"
	has 200
	output=${lines[0]}
	jq_is .leader spiderpool-controller-1
	jq_is .garbageCollection true
	[ "$(jq .ipv4.held <<<"$output")" -gt 0 ]
	run -0 api PUT ip "$token" '{"ip": "10.85.0.130", "state": "free"}'
	has 409 # its container has it
	run -0 api PUT ip "$token" '{"ip": "10.85.0.130", "state": "free", "force": true}'
	has 200
	is 2 "free - -" v4-0a550080
	run -0 api PUT ip "$token" '{"ip": "x", "state": "free"}'
	has 400
	run -0 api PUT ip "$token" '{"ip": "10.85.0.131", "state": "mine"}'
	has 400
	scans() { controller_log 1 | grep -c 'msg="scan:'; }
	more_scans() { [ "$(scans)" -gt "$1" ]; }
	before=$(scans)
	run -0 api POST gc_ips "$token"
	has 202
	eventually 10 more_scans "$before"
	# A replica that does not lead hands it on.
	controller_spawn 2
	eventually 20 answers 2
	sleep 6 # until the leader has looked for requests once
	before=$(scans)
	N=2
	run -0 api POST gc_ips "$token"
	has 202
	has "spiderpool-controller-1"
	eventually 15 more_scans "$before"
}

answers() { # N
	local N=$1
	api GET status nonsense | grep -q 401
}
