# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# controller.bash - replicas of spiderpool-controller beside the control plane of a cluster. In a test file, behind `load lib`:
#
#	load agent
#	load controller
#	setup_file() { kube_up api; agent_install; controller_install; controller_start 1; }
#
# A replica is called by its number. Below $KUBE_DIR/controllers/N: conf.yml, log, pid. Ports are 5720 + 10 * (N - 1) and the
# two after it: probes and HTTP API, metrics, webhooks. What runs ends with the cluster.

# controller_install: rights and an identity; agent_install came before.
controller_install() {
	local deploy=$BATS_TEST_DIRNAME/../../deploy
	mkdir -p "$KUBE_DIR/controllers"
	kubectl apply -f "$deploy/controller/rbac.yaml" -f "$deploy/webhooks/rbac.yaml" >&2
	echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}' |
		kubectl create --raw /api/v1/namespaces/kube-system/serviceaccounts/spiderpool-controller/token -f - |
		jq -j .status.token >"$KUBE_DIR/controllers/token"
	sed "s|{token: admin-token}|{tokenFile: $KUBE_DIR/controllers/token}|" "$KUBECONFIG" >"$KUBE_DIR/controllers/kubeconfig"
	eventually 20 kubectl --kubeconfig "$KUBE_DIR/controllers/kubeconfig" get sp,ss,sr,sib,se,pods,nodes -A
}

controller_dir() { # N
	echo "$KUBE_DIR/controllers/$1"
}

# controller_conf N [KEY: VALUE]...: its configuration is the cluster's but for these; for its next start.
controller_conf() {
	local dir line
	dir=$(controller_dir "$1")
	mkdir -p "$dir"
	cp "$KUBE_DIR/agents/conf.yml" "$dir/"
	for line in "${@:2}"; do
		sed -i "/^${line%%:*}:/d" "$dir/conf.yml"
		echo "$line" >>"$dir/conf.yml"
	done
}

controller_port() { # N [0: probes, 1: metrics, 2: webhooks]
	echo $((5720 + 10 * ($1 - 1) + ${2:-0}))
}

# controller_spawn N [VARIABLE=VALUE]...: starts it, and does not wait for it.
controller_spawn() {
	local dir bin
	dir=$(controller_dir "$1")
	bin=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin" && pwd)
	[ -e "$dir/conf.yml" ] || controller_conf "$1"
	(exec "$BATS_TEST_DIRNAME/cluster.sh" control env SPIDERPOOL_POD_NAMESPACE=kube-system \
		SPIDERPOOL_POD_NAME="spiderpool-controller-$1" SPIDERPOOL_HEALTH_PORT="$(controller_port "$1")" \
		SPIDERPOOL_METRIC_HTTP_PORT="$(controller_port "$1" 1)" SPIDERPOOL_WEBHOOK_PORT="$(controller_port "$1" 2)" \
		SPIDERPOOL_ENABLED_METRIC=true SPIDERPOOL_LOG_LEVEL="${CONTROLLER_LOG_LEVEL:-debug}" \
		KUBECONFIG="$KUBE_DIR/controllers/kubeconfig" "${@:2}" \
		"$bin/spiderpool-controller" daemon --config-path "$dir/conf.yml") >>"$dir/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/pid"
	disown # whoever kills it knows
}

# controller_start N [VARIABLE=VALUE]...: until it is ready.
controller_start() {
	controller_spawn "$@"
	eventually 40 controller_ready "$1" || {
		controller_log "$1"
		return 1
	}
}

controller_ready() { # N
	cluster control curl -sSf -m 5 "http://127.0.0.1:$(controller_port "$1")/v1/runtime/readiness"
}

# controller_alive N: it runs. A process ID may be somebody else's by now; it is ours when its cgroup is.
controller_alive() {
	local pid
	pid=$(cat "$(controller_dir "$1")/pid" 2>/dev/null) && grep -qsE ":/spk-$KUBE_NAME(/|$)" "/proc/$pid/cgroup" &&
		! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"
}

controller_dead() { # N
	! controller_alive "$1"
}

# controller_stop N [SIGNAL]: until it is gone; asked to end it does so, and does not crash.
controller_stop() {
	controller_alive "$1" || return 0
	kill "-${2:-TERM}" "$(cat "$(controller_dir "$1")/pid")"
	eventually 30 controller_dead "$1"
	[ "${2:-TERM}" != TERM ] || tail -n 3 "$(controller_dir "$1")/log" | grep -qE 'msg="(ended|left without)' || {
		echo "controller $1 crashed at its end"
		controller_log "$1" | tail -n 5
		return 1
	}
}

controller_log() { # N
	cat "$(controller_dir "$1")/log"
}

controller_metrics() { # N
	cluster control curl -sSf -m 5 "http://127.0.0.1:$(controller_port "$1" 1)/metrics"
}

# controller_leader: the number of the replica that leads.
controller_leader() {
	kubectl get lease -n kube-system spiderpool-controller-leases -o 'jsonpath={.spec.holderIdentity}' |
		sed 's/^spiderpool-controller-//'
}

# controller_explain N...: when the test failed, the end of their logs.
controller_explain() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	local n
	for n in "$@"; do
		echo "---- controller $n"
		controller_log "$n" | tail -n 20 | cut -c -300
	done
}
