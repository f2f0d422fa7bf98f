#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# etcd set back to an older state under running agents, and blocks rolled back by hand: what pods have is claimed again
# before anybody gets an address.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	kube_up api
	agent_install
	kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.12 "ipVersion: 4"
	for i in a b c; do
		agent_pretend "n$i"
		AGENT_LOG_LEVEL=info agent_start "n$i"
	done
	ip netns add "spk-back-$$"
	export NETNS=/var/run/netns/spk-back-$$
}

teardown() {
	agent_explain na nb nc
	kube_explain
}

teardown_file() {
	[ -z "${NETNS:-}" ] || ip netns del "${NETNS##*/}"
	rm -rf "/dev/shm/spk-$KUBE_NAME-saved"
	kube_down
}

# call NODE VERB CONTAINER POD
call() {
	agent_ipam "$1" "$2" "$3" eth0 "$NETNS" "$4" '"default_ipv4_ippool": ["v4"]'
}

# gets NODE CONTAINER POD: waits until ADD has an address for it; $address.
gets() {
	one() { call "$@" >"$BATS_TEST_TMPDIR/$3"; }
	eventually 40 one "$1" ADD "$2" "$3"
	address=$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/$2")
}

stop_all() {
	cluster stop kube-apiserver
	cluster stop etcd
}

start_all() {
	cluster start etcd
	cluster start kube-apiserver
	eventually 90 kubectl get sp,sib
}

# keep FROM TO: etcd's data, while it is stopped.
keep() {
	rm -rf "/dev/shm/spk-$KUBE_NAME$2"
	cp -a "/dev/shm/spk-$KUBE_NAME$1" "/dev/shm/spk-$KUBE_NAME$2"
}

# taken: what blocks say is held, a line each: pod, container.
taken() {
	kubectl get sib -o json | jq -r '.items[].spec.records // empty' | awk -F '\t' '$2 != "free" && NF { print $7, $11 }' | sort
}

holds() { # LINES
	same "$1" "$(taken)"
}

nothing_left() {
	[ -z "$(taken)" ]
}

@test "etcd set back: agents claim again what their pods have, nobody gets it, and ADD is served" {
	local all=()
	for i in a b c; do for n in 1 2 3; do bare_pod "n$i" "p$i$n"; done; done
	gets na a1 pa1
	all+=("$address")
	stop_all
	keep "" -saved
	start_all
	for i in a b; do
		gets "n$i" "${i}2" "p${i}2"
		all+=("$address")
	done
	# Many, so that the server's versions of then and now are far apart.
	for n in $(seq 30); do kubectl create configmap "later-$n" >/dev/null; done
	stop_all
	keep -saved ""
	start_all
	# At once, on those that have lost something and on one that has not.
	for i in a b c; do gets "n$i" "${i}3" "p${i}3" 3>&- & done
	wait
	for i in a b c; do all+=("$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/${i}3")"); done
	same 6 "$(printf '%s\n' "${all[@]}" | sort -u | grep -c '^10\.111\.4\.')"
	eventually 20 holds "$(printf 'pa1 a1\npa2 a2\npa3 a3\npb2 b2\npb3 b3\npc3 c3')"
	agent_log nb | grep -E 'kube-apiserver (has an older state|is another one) than before'
	for i in a b c; do
		kubectl delete pod "p${i}"{1,2,3} --force --grace-period=0 --wait=false >&2
		for n in 1 2 3; do call "n$i" DEL "$i$n" "p$i$n"; done
	done
	eventually 40 nothing_left
}

@test "a block rolled back by hand: what the node lost of it is claimed again, and a claim in flight sees it" {
	bare_pod na q1
	bare_pod na q2
	bare_pod na q3
	gets na x1 q1
	kubectl get sib -o json | jq '.items[0] | del(.metadata.resourceVersion, .metadata.uid, .metadata.managedFields)' >"$BATS_TEST_TMPDIR/block"
	gets na x2 q2
	lost=$address
	kubectl replace -f "$BATS_TEST_TMPDIR/block" >&2
	same "q1 x1" "$(taken)"
	gets na x3 q3
	[ "$address" != "$lost" ]
	same "$(printf 'q1 x1\nq2 x2\nq3 x3')" "$(taken)"
	agent_log na | grep -F 'was changed by somebody else'
	kubectl delete pod q{1,2,3} --force --grace-period=0 --wait=false >&2
	for n in 1 2 3; do call na DEL "x$n" "q$n"; done
	eventually 40 nothing_left
}
