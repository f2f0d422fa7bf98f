#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC1090,SC1091,SC2034,SC2154
# Agents of pretended nodes on a real etcd and kube-apiserver, beside what the same server does for bare requests; prints the
# tables of docs/performance.md. Root.
#   ROUNDS   measurements of each kind (default 3)       PODS  ADDs of one measurement with 32 in parallel (default 800)
#   TAKEN    numbers of taken addresses (default 0 4000 60000)
#   CROWDS   numbers of pods in the cluster, for the agent's memory (default 0 1000 10000)
#   CROWD    number of pods in the cluster, for the controller (default 10000)
#   PARTS    what to measure (default: sequential parallel agents memory controller)     BUILD  the build directory (default build)
set -euo pipefail
BATS_TEST_DIRNAME=$(cd "$(dirname "$0")/../e2e/kube" && pwd)
BATS_TEST_FILENAME=bench.bats
# The tests' own helpers of clusters and agents.
bats_require_minimum_version() { :; }
load() { . "$BATS_TEST_DIRNAME/$1.bash"; }
load lib
load agent
load controller
. "$(dirname "$0")/kube/steps.bash"

rounds=${ROUNDS:-3} pods=${PODS:-800}
export AGENT_LOG_LEVEL=info

# ---- one after the other ----

sequential() {
	local i n=128
	start_agents one
	pool_of seq 10.119.0.0/16
	for ((i = 0; i < 2 * rounds; i++)); do
		floor 1 "$n" floor1
		floor_blocks "$n" blocks1
		pods_make seq "$n" one
		writes_begin
		call ADD seq 1 add1
		endpoints_written one
		writes_end add1 "$n"
		pods_remove seq
		writes_begin
		call DEL seq 1 del1
		endpoints_written one
		writes_end del1 "$n"
		call_version 1 "$n" version1
		sequential_apart
	done
}

# A call every now and then, as a node starts pods: the endpoint of the one before is written, and nothing else is under way.
sequential_apart() {
	local -x PAUSE_MS=100
	floor_blocks 64 blocks-apart
	pods_make seq 64 one
	call ADD seq 1 add-apart
	call_version 1 64 version-apart
	pods_remove seq
	PAUSE_MS=0 call DEL seq 1 del-apart
	endpoints_written one
}

sequential_table() {
	printf '\n### One after the other\n\n| | median | fastest | of the bare create | writes of the API each |\n|---|---:|---:|---:|---:|\n'
	row_sequential 'bare create of a 1 KB custom object' floor1 ''
	row_sequential 'bare update of a block, with a record more each time' blocks1 ''
	row_sequential 'ADD: plugin and agent' add1 "$(value add1 writes)"
	row_sequential 'DEL, the pod was removed before' del1 "$(value del1 writes)"
	row_sequential 'the plugin alone (VERSION)' version1 0
	row_sequential 'bare update of a block, 100 ms after the one before' blocks-apart ''
	row_sequential 'ADD, 100 ms after the one before' add-apart ''
	row_sequential 'the plugin alone, 100 ms after the one before' version-apart 0
	sequential_more 'without a pause' blocks1 add1
	sequential_more 'with a pause' blocks-apart add-apart
}

sequential_more() { # HOW BLOCKS ADD
	printf '\nADD takes %s ms more than a bare update of a block by the medians of the best rounds, %s ms by the fastest, %s.\n' \
		"$(calc "$(best "$3" 4) - $(best "$2" 4)")" "$(calc "$(best "$3" 5) - $(best "$2" 5)")" "$1"
}

row_sequential() { # TITLE SERIES WRITES
	printf '| %s | %s ms | %s ms | %s | %s |\n' "$1" "$(best "$2" 4)" "$(best "$2" 5)" \
		"$(calc "$(best "$2" 4) / $(best floor1 4)")" "$3"
}

# ---- 32 in parallel, one agent ----

parallel() {
	local i taken net=120
	start_agents one
	for taken in ${TAKEN:-0 4000 60000}; do
		pool_of "p$taken" "10.$((net++)).0.0/16" "$taken"
	done
	for ((i = 0; i < rounds; i++)); do
		for taken in ${TAKEN:-0 4000 60000}; do
			floor 32 600 floor32
			pods_make "p$taken" "$pods" one
			writes_begin
			call ADD "p$taken" 32 "add32-$taken"
			endpoints_written one "behind-$taken"
			writes_end "add32-$taken" "$pods"
			pods_remove "p$taken"
			writes_begin
			call DEL "p$taken" 32 "del32-$taken"
			endpoints_written one
			writes_end "del32-$taken" "$pods"
		done
	done
	call_version 32 1000 version32
}

parallel_table() {
	local taken
	printf '\n### 32 in parallel\n\nBare writes: %s/s; the plugin alone (VERSION): %s/s.\n\n' "$(rate floor32)" "$(rate version32)"
	printf '| taken | ADD | of bare writes | failed | median | slowest | writes of the API each | blocks, endpoints | endpoints behind |'
	printf ' DEL | writes of the API each |\n|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n'
	for taken in ${TAKEN:-0 4000 60000}; do
		printf '| %s | **%s/s** | %s | %s | %s ms | %s ms | %s | %s | %s s | %s/s | %s |\n' "$taken" "$(rate "add32-$taken")" \
			"$(calc "$(rate "add32-$taken") / $(rate floor32)")" "$(failures "add32-$taken")" "$(best "add32-$taken" 4)" "$(worst "add32-$taken" 6)" \
			"$(value "add32-$taken" writes)" "$(value "add32-$taken" kinds)" "$(worst "behind-$taken" 3)" \
			"$(rate "del32-$taken")" "$(value "del32-$taken" writes)"
	done
}

# ---- four agents on one pool, eight callers each ----

agents() {
	local i
	start_agents a1 a2 a3 a4
	pool_of shared 10.117.0.0/16
	for ((i = 0; i < rounds; i++)); do
		floor 32 600 floor32
		agents_round shared "$pods" add4
		pool_of "fits$i" 10.118.0.0/16 0 "10.118.$i.0-10.118.$i.255"
		agents_round "fits$i" 256 fits4
	done
}

agents_round() { # POOL PODS SERIES
	local conflicts node
	pods_make "$1" "$2" a1 a2 a3 a4
	writes_begin
	conflicts=$(conflicts_of a1 a2 a3 a4)
	call ADD "$1" 32 "$3"
	each_once "$1"
	for node in a1 a2 a3 a4; do endpoints_written "$node"; done
	writes_end "$3" "$2"
	say_value "$3" conflicts $(($(conflicts_of a1 a2 a3 a4) - conflicts))
	pods_remove "$1"
	call DEL "$1" 32 "del-$3"
}

agents_table() {
	printf '\n### Four agents on one pool, eight callers each\n\n| pool | ADD | of bare writes | failed | conflicts | writes of the API each |\n'
	printf '|---|---:|---:|---:|---:|---:|\n'
	row_agents "65 534 addresses, $pods pods" add4
	row_agents '256 addresses, 256 pods' fits4
}

row_agents() { # TITLE SERIES
	printf '| %s | **%s/s** | %s | %s | %s | %s |\n' "$1" "$(rate "$2")" "$(calc "$(rate "$2") / $(rate floor32)")" \
		"$(failures "$2")" "$(value "$2" conflicts)" "$(value "$2" writes)"
}

# ---- memory ----

memory() {
	local crowd there=0 name
	pool_of mem 10.116.0.0/16
	for crowd in ${CROWDS:-0 1000 10000}; do
		crowd_make "$there" "$crowd"
		there=$crowd
		name=m$crowd
		start_agents "$name"
		memory_watch "$(cat "$(agent_dir "$name")/pid")"
		pods_make mem "$pods" "$name"
		call ADD mem 32 "mem-add"
		endpoints_written "$name"
		pods_remove mem
		call DEL mem 32 "mem-del"
		endpoints_written "$name"
		memory_end "$name" "$(cat "$(agent_dir "$name")/pid")"
		agent_stop "$name"
	done
}

memory_table() {
	local crowd
	printf '\n### Memory of the agent, at its most, with %s pods of its own\n\n' "$pods"
	printf '| other pods in the cluster | private | of it anonymous | VmHWM (with shared libraries) |\n|---:|---:|---:|---:|\n'
	for crowd in ${CROWDS:-0 1000 10000}; do
		printf '| %s | %s MiB | %s MiB | %s MiB |\n' "$crowd" "$(value "m$crowd" private)" "$(value "m$crowd" anonymous)" \
			"$(value "m$crowd" hwm)"
	done
}

# ---- the controller ----

controller() {
	local n=${CROWD:-10000} gone=1000 pid
	controller_install
	pool_of apps 10.117.0.0/16
	pools_make 1000
	start_agents one two
	pods_make apps "$n" one two
	call ADD apps 32 apps-add
	endpoints_written one
	endpoints_written two
	writes_begin
	controller_spawn 1 SPIDERPOOL_LOG_LEVEL=info
	pid=$(cat "$(controller_dir 1)/pid")
	memory_watch "$pid"
	eventually 600 published apps "$n"
	eventually 600 published idle-0999 0
	writes_end controller-start 1001
	# Pods that end without a word of their node.
	for node in one two; do agent_stop "$node"; done
	head -n "$gone" "$work/pods/apps" >"$work/pods/gone"
	writes_begin
	pods_remove gone
	eventually 600 published apps $((n - gone))
	writes_end controller-gone "$gone"
	memory_end controller "$pid"
	controller_stop 1
}

controller_table() {
	printf '\n### The controller, with %s pods and 1001 pools\n\n| private memory at its most | of it anonymous | VmHWM |\n|---:|---:|---:|\n' \
		"${CROWD:-10000}"
	printf '| %s MiB | %s MiB | %s MiB |\n\n' "$(value controller private)" "$(value controller anonymous)" "$(value controller hwm)"
	printf 'Writes of the API for each of 1001 pools at its start: %s; for each of 1000 pods that are deleted while their node says nothing: %s.\n' \
		"$(value controller-start writes)" "$(value controller-gone writes)"
}

steps_begin
parts=${PARTS:-sequential parallel agents memory controller}
for part in $parts; do
	echo "measuring: $part ..." >&2
	"$part"
done
steps_head
for part in $parts; do "${part}_table"; done
