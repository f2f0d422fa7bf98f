#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Agents of twenty pretended nodes on one exactly fitting pool; pods made again, late DELs, agents killed, an API server
# and an etcd that go away.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	kube_up api
	agent_install
	kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.40 "ipVersion: 4"
	for i in $(seq 20); do
		agent_pretend "n$i"
		AGENT_LOG_LEVEL=info agent_spawn "n$i"
	done
	for i in $(seq 20); do eventually 60 agent_ready "n$i"; done
	ip netns add "spk-agents-$$"
	export NETNS=/var/run/netns/spk-agents-$$
}

teardown() {
	agent_explain n1
	kube_explain
}

teardown_file() {
	[ -z "${NETNS:-}" ] || ip netns del "${NETNS##*/}"
	kube_down
}

# call NODE VERB CONTAINER POD
call() {
	agent_ipam "$1" "$2" "$3" eth0 "$NETNS" "$4" '"default_ipv4_ippool": ["v4"]'
}

# pods COUNT: p1..pCOUNT on nodes n1..n20 in turn, one request.
pods() {
	for i in $(seq "$1"); do
		printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: p%d}\n' "$i"
		printf 'spec: {nodeName: n%d, containers: [{name: c, image: kube.test/pause:1}]}\n---\n' $(((i - 1) % 20 + 1))
	done | kubectl apply -f - >&2
}

pod_gone() {
	kubectl delete pod "$@" --force --grace-period=0 --wait=false >&2
}

# taken: what blocks say is held, a line each: pod, container.
taken() {
	kubectl get sib -o json | jq -r '.items[].spec.records // empty' | awk -F '\t' '$2 != "free" && NF { print $7, $11 }'
}

nothing_left() {
	[ -z "$(taken)$(kubectl get se -A -o name)" ]
}

@test "twenty agents, forty pods at once, forty addresses: everyone gets one, none twice, all come back" {
	pods 40
	for i in $(seq 40); do
		call n$(((i - 1) % 20 + 1)) ADD "c$i" "p$i" >"$BATS_TEST_TMPDIR/$i" 3>&- &
	done
	wait
	same 40 "$(cat "$BATS_TEST_TMPDIR"/* | jq -r '.ips[0].address' | sort -u | grep -c '^10\.111\.4\.')"
	same 40 "$(taken | wc -l)"
	mapfile -t all < <(seq -f p%g 40)
	pod_gone "${all[@]}"
	for i in $(seq 40); do call n$(((i - 1) % 20 + 1)) DEL "c$i" "p$i" >&2 3>&- & done
	wait
	eventually 30 nothing_left
}

@test "two sandboxes of one pod have the same address, and a late DEL of the first frees nothing" {
	bare_pod n1 p1
	run -0 call n1 ADD old p1
	address=$(jq -r '.ips[0].address' <<<"$output")
	run -0 call n1 ADD new p1
	jq_is '.ips[0].address' "$address"
	run -0 call n1 DEL old p1
	same "p1 new" "$(taken)"
	fails 1 call n1 ADD old p1
	same "p1 new" "$(taken)"
	pod_gone p1
	run -0 call n1 DEL new p1
	eventually 30 nothing_left
}

@test "two pods of one name: the second, on another node, has an address of its own, whatever becomes of the first's" {
	bare_pod n1 p1
	run -0 call n1 ADD first p1
	address=$(jq -r '.ips[0].address' <<<"$output")
	pod_gone p1
	bare_pod n2 p1
	run -0 call n2 ADD second p1
	[ "$(jq -r '.ips[0].address' <<<"$output")" != "$address" ]
	run -0 call n1 DEL first p1
	same "p1 second" "$(taken)"
	eventually 10 kubectl get se p1
	pod_gone p1
	run -0 call n2 DEL second p1
	eventually 30 nothing_left
}

@test "an agent killed at any instant of ADDs and DELs: nothing twice, nothing left" {
	pods 1
	storm() {
		local i
		for i in $(seq 5); do
			call n1 ADD "k$1-$i" p1 >/dev/null 2>&1 || true
			call n1 DEL "k$1-$i" p1 >/dev/null 2>&1 || true
		done
	}
	for i in 1 2 3 4; do storm "$i" 3>&- & done
	for i in 1 2 3 4; do
		sleep "0.$((RANDOM % 9 + 1))"
		agent_stop n1 KILL
		agent_start n1
	done
	wait
	pod_gone p1
	eventually 60 nothing_left
}

@test "API server away: DEL succeeds and is done later, an ADD that waits is served; etcd started again" {
	bare_pod n1 p1
	bare_pod n1 p2
	run -0 call n1 ADD a1 p1
	uid=$(pod_uid p2)
	pod_gone p1
	cluster stop kube-apiserver
	# shellcheck disable=SC2317
	pod_uid() { echo "$uid"; }
	call n1 ADD a2 p2 >"$BATS_TEST_TMPDIR/add" 2>&1 3>&- &
	add=$!
	run -0 call n1 DEL a1 p1
	cluster stop etcd
	cluster start etcd
	cluster start kube-apiserver
	wait "$add"
	unset -f pod_uid
	alone() { same "p2 a2" "$(taken)"; }
	eventually 20 alone # the DEL was noted
	pod_gone p2
	run -0 call n1 DEL a2 p2
	eventually 30 nothing_left
}

@test "blocks deleted by hand: what pods have is claimed again before anything is given out" {
	bare_pod n1 p1
	bare_pod n1 p2
	run -0 call n1 ADD live p1
	address=$(jq -r '.ips[0].address' <<<"$output")
	kubectl delete sib --all >&2
	second() { call n1 ADD second p2 >"$BATS_TEST_TMPDIR/second"; }
	eventually 30 second
	[ "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/second")" != "$address" ]
	same "$(printf 'p1 live\np2 second')" "$(taken | sort)"
	has_lost() { agent_log n1 | grep -F 'has vanished;'; }
	has_lost
	pod_gone p1 p2
	run -0 call n1 DEL live p1
	run -0 call n1 DEL second p2
	eventually 30 nothing_left
}

# metric NODE NAME[{LABELS}]
metric() {
	agent_metrics "$1" | awk -v n="spiderpool_$2" '$1 == n { print $2 }'
}

# counted NODE NAME WAS BY: the metric has grown by so many.
counted() {
	same "$2 $(($3 + $4))" "$2 $(metric "$1" "$2")"
}

@test "metrics: what went well and what did not is counted by its class, and what the API server took is there" {
	local name names="ipam_allocation_counts ipam_allocation_failure_counts ipam_allocation_err_ip_used_out_counts
		ipam_allocation_err_no_available_pool_counts ipam_release_counts ipam_release_failure_counts
		agent_commit_seconds_count agent_block_writes"
	local -A was
	kube_pool tiny 10.111.0.0/16 10.111.6.1 "ipVersion: 4"
	for i in 1 2 3; do bare_pod n3 "m$i"; done
	for name in $names; do was[$name]=$(metric n3 "$name"); done
	puts=$(metric n3 'agent_api_seconds_count{verb="PUT"}')
	tiny() { agent_ipam n3 "$1" "$2" eth0 "$NETNS" "$3" '"default_ipv4_ippool": ["tiny"]'; }
	first() { tiny ADD t1 m1; } # once the agent has heard of the pool
	eventually 10 first
	again=$(($(metric n3 ipam_allocation_failure_counts) - ${was[ipam_allocation_failure_counts]}))
	fails 1 tiny ADD t2 m2
	fails 1 agent_ipam n3 ADD t3 eth0 "$NETNS" m3 '"default_ipv4_ippool": ["nobody"]'
	counted n3 ipam_allocation_counts "${was[ipam_allocation_counts]}" $((again + 3))
	counted n3 ipam_allocation_failure_counts "${was[ipam_allocation_failure_counts]}" $((again + 2))
	counted n3 ipam_allocation_err_ip_used_out_counts "${was[ipam_allocation_err_ip_used_out_counts]}" 1
	counted n3 ipam_allocation_err_no_available_pool_counts "${was[ipam_allocation_err_no_available_pool_counts]}" $((again + 1))
	run -0 tiny DEL t1 m1
	counted n3 ipam_release_counts "${was[ipam_release_counts]}" 1
	counted n3 ipam_release_failure_counts "${was[ipam_release_failure_counts]}" 0
	# The pod lives: nothing is freed, so that only the claim was written.
	counted n3 agent_block_writes "${was[agent_block_writes]}" 1
	counted n3 agent_commit_seconds_count "${was[agent_commit_seconds_count]}" 1
	run -0 tiny ADD t4 m1
	counted n3 agent_commit_seconds_count "${was[agent_commit_seconds_count]}" 2
	uid=$(pod_uid m1)
	[ "$(metric n3 'agent_api_seconds_count{verb="PUT"}')" -gt "$puts" ]
	pod_gone m1
	cluster stop kube-apiserver
	# shellcheck disable=SC2317
	pod_uid() { echo "$uid"; }
	run -0 tiny DEL t4 m1
	unset -f pod_uid
	counted n3 ipam_release_counts "${was[ipam_release_counts]}" 2
	counted n3 ipam_release_failure_counts "${was[ipam_release_failure_counts]}" 1
	cluster start kube-apiserver
	eventually 20 kubectl get sp
	pod_gone m2 m3
	eventually 60 nothing_left
}
