# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2046,SC2154
# steps.bash - what the measurements of bench/kube.sh are made of.
#
# A series is a file of lines "COUNT FAILED SECONDS MEDIAN_MS FASTEST_MS SLOWEST_MS", one a measurement; values of it stand in files
# beside it. The pods of a measurement are lines "SOCKET STATE_DIR POOL POD UID NUMBER" in a file of the pool's name.

group=apis/spiderpool.spidernet.io/v2beta1
next_pod=1 next_floor=1 next_block=0

steps_begin() {
	[ "$(id -u)" = 0 ] || { echo "$0: run this as root: it makes a cluster in network namespaces" >&2; exit 1; }
	bin=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}" && pwd)
	work=$(mktemp -d /tmp/bench-kube-XXXXXX)
	trap steps_end EXIT
	mkdir "$work"/{series,values,pods}
	kube_up api
	agent_install
	netns=$KUBE_NAME-pod
	ip netns add "$netns"
	kubectl create namespace floor >&2
}

steps_end() {
	trap - EXIT
	[ -z "${watching:-}" ] || kill "$watching" 2>/dev/null || true
	[ -z "${netns:-}" ] || ip netns del "$netns" || true
	[ -z "${KUBE_NAME:-}" ] || kube_down || true
	rm -rf "$work"
}

steps_head() {
	printf 'Linux %s, %d CPUs (%s), kube-apiserver %s, load %s, %d rounds.\n' "$(uname -r)" "$(nproc)" \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(basename "$KUBE_BUILD" | cut -d- -f1)" \
		"$(cut -d' ' -f1-3 /proc/loadavg)" "$rounds"
}

# ---- numbers ----

calc() { # EXPRESSION
	awk "BEGIN { printf \"%.2f\", $1 }"
}

middle() {
	sort -g | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

# worst SERIES COLUMN
worst() {
	awk -v c="$2" '{ print $c }' "$work/series/$1" | sort -g | tail -1
}

# best SERIES COLUMN: of the round in which it was least.
best() {
	awk -v c="$2" '{ print $c }' "$work/series/$1" | sort -g | head -1
}

# rate SERIES: of the round in the middle.
rate() {
	awk '{ printf "%.0f\n", $1 / $3 }' "$work/series/$1" | middle
}

failures() { # SERIES
	awk '{ f += $2; n += $1 } END { print f + 0 " of " n }' "$work/series/$1"
}

say_value() { # SERIES NAME VALUE
	echo "$3" >>"$work/values/$1.$2"
}

value() { # SERIES NAME
	tail -n 1 "$work/values/$1.$2"
}

# ---- the API server ----

# api CONNECTIONS <REQUESTS: prints the summary; answers in $work/answers.
api() {
	cluster control "$bin/bench/kube/api" https://10.111.0.1:6443 "$KUBE_DIR/pki/ca.crt" admin-token "$1" "$work/answers"
}

# all_well COUNT FAILED ...: what only prepares must not fail.
all_well() {
	[ "$2" = 0 ] || { echo "bench: $2 of $1 requests failed: $(grep -m 1 ^HTTP "$work/answers")" >&2; exit 1; }
}

# floor CONNECTIONS COUNT SERIES: custom objects of 1 KB are created. They stay: no agent looks at them.
floor() {
	awk -v n="$2" -v g="$group" -v f="$next_floor" 'BEGIN {
		pad = sprintf("%620s", ""); gsub(" ", "x", pad)
		for (i = 0; i < n; i++) {
			name = sprintf("floor-%08d", f + i)
			printf "POST /%s/namespaces/floor/spiderendpoints {\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\"," \
			"\"kind\":\"SpiderEndpoint\",\"metadata\":{\"name\":\"%s\",\"annotations\":{\"pad\":\"%s\"}},\"status\":{" \
			"\"current\":{\"uid\":\"%s\",\"node\":\"floor\",\"ips\":[{\"interface\":\"eth0\",\"ipv4\":\"10.1.2.3/16\"," \
			"\"ipv4Pool\":\"floor\",\"vlan\":0}]},\"ownerControllerType\":\"Pod\",\"ownerControllerName\":\"%s\"}}\n",
			g, name, pad, name, name
		}
	}' | api "$1" >>"$work/series/$3"
	next_floor=$((next_floor + $2))
}

# floor_blocks COUNT SERIES: the writes of an agent that serves one ADD after the other: a block with one record more each time.
# The blocks are no pool's.
floor_blocks() {
	all_well $("$bin/bench/kube/blocks" seq "10.115.$((next_block / 4)).$((next_block % 4 * 64))" $((($1 + 63) / 64)) elsewhere grow |
		head -n "$1" | api 1 | tee -a "$work/series/$2")
	next_block=$((next_block + ($1 + 63) / 64))
}

# Writes of our kinds that the server has answered so far: "KIND COUNT" lines.
writes_now() {
	kubectl get --raw /metrics | awk -F '[{}]' '/^apiserver_request_total.*spiderpool.spidernet.io/ &&
		/verb="(POST|PUT|PATCH|DELETE)"/ { match($2, /resource="[a-z]*"/)
		n[substr($2, RSTART + 10, RLENGTH - 11)] += $3 } END { for (k in n) print k, n[k] }'
}

writes_begin() {
	writes_now >"$work/writes"
}

writes_end() { # SERIES COUNT
	writes_now >"$work/writes2"
	say_value "$1" writes "$(awk -v n="$2" 'NR == FNR { t -= $2; next } { t += $2 } END { printf "%.2f", t / n }' \
		"$work/writes" "$work/writes2")"
	say_value "$1" kinds "$(awk -v n="$2" 'NR == FNR { t[$1] -= $2; next } { t[$1] += $2 }
		END { printf "%.2f, %.2f", t["spideripblocks"] / n, t["spiderendpoints"] / n }' "$work/writes" "$work/writes2")"
}

# ---- pools and pods ----

# pool_of NAME SUBNET [TAKEN [RANGE]]: a /16, the first TAKEN addresses of which are taken already.
pool_of() {
	local net=${2%.0.0/16}
	kube_pool "$1" "$2" "${4:-$net.0.1-$net.255.254}" "ipVersion: 4"
	# The last block that becomes full may have some more.
	all_well $("$bin/bench/kube/blocks" "$1" "$net.0.0" $(((${3:-0} + 63) / 64)) elsewhere | api 16)
}

pod_requests() { # PREFIX FIRST COUNT NODE...
	awk -v p="$1" -v f="$2" -v n="$3" 'BEGIN {
		nodes = ARGC - 1
		for (i = 0; i < n; i++)
			printf "POST /api/v1/namespaces/default/pods {\"metadata\":{\"name\":\"%s-%d\"},\"spec\":{\"nodeName\":\"%s\"," \
			"\"containers\":[{\"name\":\"c\",\"image\":\"kube.test/pause:1\"}]}}\n", p, f + i, ARGV[1 + i % nodes]
	}' "${@:4}"
}

# pods_make POOL COUNT NODE...: in turns on the nodes.
pods_make() {
	local dirs=() node
	for node in "${@:3}"; do dirs+=("$(cat "$(agent_dir "$node")/socket") $(cat "$(agent_dir "$node")/state_dir")"); done
	all_well $(pod_requests "$1" "$next_pod" "$2" "${@:3}" | api 8)
	awk -v pool="$1" -v f="$next_pod" 'BEGIN { n = ARGC - 2; for (i = 0; i < n; i++) d[i] = ARGV[2 + i]; ARGC = 2 }
		{ print d[(NR - 1) % n], pool, $1, $2, f + NR - 1 }' "$work/answers" "${dirs[@]}" >"$work/pods/$1"
	next_pod=$((next_pod + $2))
	sleep 1
}

pods_remove() { # POOL
	awk '{ print "DELETE /api/v1/namespaces/default/pods/" $4 "?gracePeriodSeconds=0" }' "$work/pods/$1" | api 8 >/dev/null
}

# crowd_make FROM TO: pods of other nodes.
crowd_make() {
	[ "$1" = "$2" ] || all_well $(pod_requests crowd "$1" $(($2 - $1)) far{1..20} | api 16)
}

# ---- agents ----

start_agents() { # NAME...
	local name
	for name in "$@"; do
		[ -e "$(agent_dir "$name")" ] || agent_pretend "$name"
		agent_alive "$name" || agent_start "$name" >/dev/null
	done
}

metric() { # NODE NAME
	agent_metrics "$1" | awk -v n="spiderpool_$2" '$1 == n || index($1, n "{") == 1 { print $2 }'
}

conflicts_of() { # NODE...
	local node
	for node in "$@"; do metric "$node" ipam_allocation_update_ippool_conflict_counts; done | awk '{ n += $1 } END { print n }'
}

# endpoints_written NODE [SERIES]: waits until none is behind, and how long that was from now.
endpoints_written() {
	local start=${EPOCHREALTIME/[.,]/} took
	until [ "$(metric "$1" agent_endpoints_behind)" = 0 ]; do sleep 0.05; done
	took=$((${EPOCHREALTIME/[.,]/} - start))
	[ $# = 1 ] || echo "1 0 $(calc "$took / 1000000")" >>"$work/series/$2"
}

# call VERB POOL THREADS SERIES
call() {
	"$bin/bench/kube/calls" "$bin/bin/spiderpool" "$1" "/run/netns/$netns" "$3" "$work/results" <"$work/pods/$2" \
		>>"$work/series/$4"
	grep -m 3 ' FAILED ' "$work/results" >&2 || true
}

call_version() { # THREADS COUNT SERIES
	awk -v n="$2" 'BEGIN { for (i = 0; i < n; i++) print "- /tmp - - -", i }' >"$work/pods/none"
	call VERSION none "$1" "$3"
}

# each_once POOL: nobody has what another has.
each_once() {
	local twice
	twice=$(awk '$2 != "FAILED" { print $2 }' "$work/results" | sort | uniq -d | head -3)
	[ -z "$twice" ] || { echo "bench: pool $1: given out twice: $twice" >&2; exit 1; }
}

# ---- the controller ----

# pools_make COUNT: of 16 addresses each, for nobody.
pools_make() {
	all_well $(awk -v n="$1" -v g="$group" 'BEGIN {
		for (i = 0; i < n; i++) {
			net = sprintf("10.%d.%d", 120 + int(i / 250), i % 250)
			printf "POST /%s/spiderippools {\"apiVersion\":\"spiderpool.spidernet.io/v2beta1\"," \
			"\"kind\":\"SpiderIPPool\",\"metadata\":{\"name\":\"idle-%04d\"},\"spec\":{\"ipVersion\":4," \
			"\"subnet\":\"%s.0/24\",\"ips\":[\"%s.1-%s.16\"]}}\n", g, i, net, net, net
		}
	}' | api 8)
}

# published POOL COUNT: the status says that so many are taken.
published() {
	[ "$(kubectl get sp "$1" -o 'jsonpath={.status.allocatedIPCount}')" = "$2" ]
}

# ---- memory ----

memory_watch() { # PID
	: >"$work/memory"
	while cat "/proc/$1/smaps_rollup" >>"$work/memory"; do sleep 0.1; done 2>/dev/null &
	watching=$!
}

memory_end() { # SERIES PID
	kill "$watching"
	watching=
	say_value "$1" private "$(awk '/^Rss:/ { p = 0 } /^Private_(Clean|Dirty):/ { p += $2; if (p > m) m = p }
		END { printf "%.1f", m / 1024 }' "$work/memory")"
	say_value "$1" anonymous "$(awk '/^Anonymous:/ && $2 > m { m = $2 } END { printf "%.1f", m / 1024 }' "$work/memory")"
	say_value "$1" hwm "$(awk '/^VmHWM:/ { printf "%.1f", $2 / 1024 }' "/proc/$2/status")"
}
