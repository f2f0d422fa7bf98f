# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# lib.bash - a cluster for the tests of one file. In a test file:
#
#	load lib
#	setup_file() { kube_up all 3; }
#	teardown() { kube_explain; }
#	teardown_file() { kube_down; }
#
# Functions of e2e/bats/lib.bash (has, same, ...) are there too. What a test starts on a node or beside the control plane
# with `cluster enter` and `cluster control` ends with the cluster.

load ../bats/lib

cluster() {
	"$BATS_TEST_DIRNAME/cluster.sh" "$@"
}

kubectl() {
	"$BATS_TEST_DIRNAME/kubectl" "$@"
}

# kube_up [api|all] [NODES]: of a name that no other run has; KUBE_DIR, KUBECONFIG and so on are set for the tests.
kube_up() {
	local name
	[ "$(id -u)" = 0 ] || skip "needs root"
	name=$(basename "$BATS_TEST_FILENAME" .bats)
	name=${name//[^a-z0-9]/-}
	export KUBE_NAME=${name:0:20}-$$
	cluster up "$@" >&2
	eval "$(cluster env)"
}

# kube_nodes N: node1..nodeN are there and Ready.
kube_nodes() {
	cluster nodes "$1"
}

kube_down() {
	[ -z "${KUBE_NAME:-}" ] || cluster down
}

# kube_explain: when the test failed, what the cluster says about it.
kube_explain() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	cluster services || return 0
	kubectl get nodes,pods -A -o wide
	kubectl get events -A --sort-by=.lastTimestamp | tail -n 20
}

# eventually SECONDS COMMAND...: until it succeeds; what it said last is shown when it does not.
eventually() {
	local end=$((SECONDS + $1)) said
	shift
	until said=$("$@" 2>&1); do
		[ $SECONDS -lt $end ] || {
			printf 'never so: %s\n%s\n' "$*" "$said"
			return 1
		}
		sleep 0.1
	done
}

# pods_ready SELECTOR COUNT: exactly so many pods, all of them ready.
pods_ready() {
	kubectl get pods -l "$1" --no-headers -o \
		'custom-columns=R:.status.containerStatuses[*].ready' | awk -v n="$2" '
		{ print; seen++ } $1 !~ /^true(,true)*$/ { bad = 1 } END { exit bad || seen != n }'
}

pods_gone() {
	[ -z "$(kubectl get pods -l "$1" -o name)" ]
}
