# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# agent.bash - spiderpool-agent on the nodes of a cluster, networks of the nodes, pools. In a test file, behind `load lib`:
#
#	load agent
#	setup_file() {
#		export KUBE_CONFLIST=$BATS_FILE_TMPDIR/net.conflist
#		underlay_conflist '"default_ipv4_ippool": ["v4"]' >"$KUBE_CONFLIST"
#		kube_up all 2
#		agent_install
#		kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.99
#		for i in 1 2; do node_plugins $i; agent_start $i; done
#	}
#
# An agent is called NODE: the number of a node of the cluster, or the name of one that is pretended (agent_pretend).
# Below $KUBE_DIR/agents/NAME: conf.yml, log, pid, port; socket and state_dir say where these are for those outside of the node.
# What runs ends with the cluster.

# agent_install: resources, rights, configuration; an identity for agents; what a controller would have said to
# coordinators.
agent_install() {
	local deploy=$BATS_TEST_DIRNAME/../../deploy
	kubectl apply -k "$deploy/crds" >&2
	kubectl wait --for=condition=Established --timeout=20s crd --all >&2
	kubectl apply -k "$deploy/agent" >&2
	mkdir -p "$KUBE_DIR"/{agents,networks}
	kubectl get configmap -n kube-system spiderpool-conf -o 'jsonpath={.data.conf\.yml}' >"$KUBE_DIR/agents/conf.yml"
	# Not the one that a controller makes: clusters of an API server alone have none.
	echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}' |
		kubectl create --raw /api/v1/namespaces/kube-system/serviceaccounts/spiderpool-agent/token -f - |
		jq -j .status.token >"$KUBE_DIR/agents/token"
	sed "s|{token: admin-token}|{tokenFile: $KUBE_DIR/agents/token}|" "$KUBECONFIG" >"$KUBE_DIR/agents/kubeconfig"
	# Until the server has heard of the new kinds, and of the role.
	eventually 20 kubectl --kubeconfig "$KUBE_DIR/agents/kubeconfig" get sp,ss,sr,sib,scc,se -A
	# shellcheck disable=SC2119
	coordinator_settings
}

# coordinator_settings [LINE OF spec]...: the cluster's SpiderCoordinator, as a controller leaves it.
# shellcheck disable=SC2120
coordinator_settings() {
	{
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderCoordinator\nmetadata: {name: default}\n'
		printf 'spec:\n  podCIDRType: none\n'
		[ $# = 0 ] || printf '  %s\n' "$@"
	} | kubectl apply -f - >&2
	status_patch spidercoordinators/default '{"phase": "Synced", "overlayPodCIDR": [], "serviceCIDR": ["10.96.0.0/16"]}'
}

# status_patch PLURAL/NAME JSON: the status of a cluster-wide object is as the JSON says.
status_patch() {
	cluster control curl -sSf -o /dev/null --cacert "$KUBE_DIR/pki/ca.crt" -H 'Authorization: Bearer admin-token' \
		-X PATCH -H 'Content-Type: application/merge-patch+json' -d "{\"status\": $2}" \
		"https://10.111.0.1:6443/apis/spiderpool.spidernet.io/v2beta1/$1/status"
}

# kube_pool NAME SUBNET RANGE [LINE OF spec]...: as `pool` of e2e/bats/lib.bash, in the cluster.
kube_pool() {
	pool "$@" | kubectl apply -f - >&2
}

# ---- networks of nodes ----

# underlay_conflist [MEMBERS OF ipam] [MEMBERS OF coordinator]: macvlan on eth0, addresses from the agent, coordinator.
underlay_conflist() {
	cat <<-JSON
		{"cniVersion": "1.0.0", "name": "underlay", "plugins": [
		  {"type": "macvlan", "master": "eth0", "mode": "bridge", "ipam": {"type": "spiderpool"${1:+, $1}}},
		  {"type": "coordinator"${2:+, $2}}]}
	JSON
}

# node_plugins I: the node has our plugins beside Debian's.
node_plugins() {
	local bin p
	bin=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin" && pwd)
	for p in spiderpool coordinator ifacer; do ln -sf "$bin/$p" "$KUBE_DIR/node$1/cni/bin/"; done
	ln -sf "$BATS_TEST_DIRNAME/mux" "$KUBE_DIR/node$1/cni/bin/"
}

# cni_conflist I: stdin becomes the network of the node's pods. containerd sees it in its own time.
cni_conflist() {
	local dir=$KUBE_DIR/node$1/cni/net.d
	# Renamed from a file beside it: one that comes from elsewhere containerd does not notice.
	cat >"$dir/new"
	mv "$dir/new" "$dir/10-net.conflist"
}

# mux_conflist FILE: pods have the network of the file first, then those that they are annotated with (attachment).
mux_conflist() {
	cat <<-JSON
		{"cniVersion": "1.0.0", "name": "mux", "plugins": [{"type": "mux", "clusterNetwork": "$1",
		  "networks": "$KUBE_DIR/networks", "capabilities": {"io.kubernetes.cri.pod-annotations": true}}]}
	JSON
}

# attachment NAMESPACE NAME: stdin is what a NetworkAttachmentDefinition would have in spec.config.
attachment() {
	mkdir -p "$KUBE_DIR/networks/$1"
	cat >"$KUBE_DIR/networks/$1/$2.conf"
}

# ---- agents ----

agent_name() { # NODE
	[[ $1 =~ ^[0-9]+$ ]] && echo "node$1" || echo "$1"
}

agent_dir() { # NODE
	echo "$KUBE_DIR/agents/$(agent_name "$1")"
}

# agent_on NODE COMMAND...: where the agent is; the shell becomes it.
agent_on() {
	[[ $1 =~ ^[0-9]+$ ]] && exec "$BATS_TEST_DIRNAME/cluster.sh" enter "$@"
	shift
	exec "$BATS_TEST_DIRNAME/cluster.sh" control "$@"
}

# agent_conf NODE [KEY: VALUE]...: its configuration is the cluster's but for these; for the agent's next start.
agent_conf() {
	local dir line
	dir=$(agent_dir "$1")
	mkdir -p "$dir"
	cp "$KUBE_DIR/agents/conf.yml" "$dir/"
	for line in "${@:2}"; do
		sed -i "/^${line%%:*}:/d" "$dir/conf.yml"
		echo "$line" >>"$dir/conf.yml"
	done
}

# agent_pretend NAME: a node that has no kubelet; its agent will run beside the control plane.
agent_pretend() {
	local dir port
	dir=$(agent_dir "$1")
	mkdir -p "$dir/state"
	# One address for all: two ports for each.
	port=$((21000 + 2 * $(find "$KUBE_DIR/agents" -name pretended | wc -l)))
	touch "$dir/pretended"
	echo "$port" >"$dir/port"
	echo "$dir/sock" >"$dir/socket"
	echo "$dir/state" >"$dir/state_dir"
	printf 'apiVersion: v1\nkind: Node\nmetadata: {name: %s, labels: {kubernetes.io/hostname: %s}}\n' "$1" "$1" |
		kubectl apply -f - >&2
	agent_conf "$1" "ipamUnixSocketPath: $dir/sock" "tuneSysctlConfig: false"
}

# agent_spawn NODE [VARIABLE=VALUE]...: starts it, and does not wait for it.
agent_spawn() {
	local dir name bin state=/var/lib/spiderpool
	dir=$(agent_dir "$1") name=$(agent_name "$1")
	bin=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin" && pwd)
	if [ -e "$dir/pretended" ]; then
		state=$dir/state
	else
		[ -e "$dir/conf.yml" ] || agent_conf "$1"
		echo 5710 >"$dir/port"
		echo "$KUBE_DIR/$name/run/spidernet/spiderpool.sock" >"$dir/socket"
		echo "$KUBE_DIR/$name/lib/spiderpool" >"$dir/state_dir"
	fi
	agent_on "$1" env SPIDERPOOL_NODE_NAME="$name" SPIDERPOOL_POD_NAMESPACE=kube-system \
		SPIDERPOOL_POD_NAME="spiderpool-agent-$name" SPIDERPOOL_HEALTH_PORT="$(cat "$dir/port")" \
		SPIDERPOOL_METRIC_HTTP_PORT="$(($(cat "$dir/port") + 1))" SPIDERPOOL_ENABLED_METRIC=true \
		SPIDERPOOL_LOG_LEVEL="${AGENT_LOG_LEVEL:-debug}" SPIDERPOOL_STATE_DIR="$state" \
		KUBECONFIG="$KUBE_DIR/agents/kubeconfig" "${@:2}" \
		"$bin/spiderpool-agent" daemon --config-path "$dir/conf.yml" >>"$dir/log" 2>&1 </dev/null 3>&- 4>&- &
	echo $! >"$dir/pid"
	disown # whoever kills it knows
}

# agent_start NODE [VARIABLE=VALUE]...: until it is ready.
agent_start() {
	agent_spawn "$@"
	eventually 30 agent_ready "$1" || {
		agent_log "$1"
		return 1
	}
}

# agent_probe NODE startup|readiness|liveness
agent_probe() {
	(agent_on "$1" curl -sSf -m 5 "http://127.0.0.1:$(cat "$(agent_dir "$1")/port")/v1/runtime/$2")
}

agent_ready() { # NODE
	agent_probe "$1" readiness
}

# agent_alive NODE: it runs. A process ID may be somebody else's by now; it is ours when its cgroup is.
agent_alive() {
	local pid
	pid=$(cat "$(agent_dir "$1")/pid" 2>/dev/null) && grep -qsE ":/spk-$KUBE_NAME(/|$)" "/proc/$pid/cgroup" &&
		! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"
}

agent_dead() { # NODE
	! agent_alive "$1"
}

# agent_stop NODE [SIGNAL]: until it is gone; asked to end it does so, and does not crash.
agent_stop() {
	agent_alive "$1" || return 0
	kill "-${2:-TERM}" "$(cat "$(agent_dir "$1")/pid")"
	eventually 30 agent_dead "$1"
	[ "${2:-TERM}" != TERM ] || tail -n 3 "$(agent_dir "$1")/log" | grep -qE 'msg="(ended|left without)' || {
		echo "agent $1 crashed at its end"
		agent_log "$1" | tail -n 5
		return 1
	}
}

agent_log() { # NODE
	cat "$(agent_dir "$1")/log"
}

agent_metrics() { # NODE
	(agent_on "$1" curl -sSf -m 5 "http://127.0.0.1:$(($(cat "$(agent_dir "$1")/port") + 1))/metrics")
}

# agent_explain NODE...: when the test failed, the end of their logs.
agent_explain() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	local node
	for node in "$@"; do
		echo "---- agent $node"
		agent_log "$node" | tail -n 20 | cut -c -300
	done
}

# ---- the plugin, called by hand: no kubelet is needed, so pretended nodes can have pods ----

# bare_pod NODE NAME [LINE OF metadata]...: its object, of namespace default.
bare_pod() {
	{
		printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n' "$2"
		[ $# = 2 ] || printf '  %s\n' "${@:3}"
		printf 'spec: {nodeName: %s, containers: [{name: c, image: kube.test/pause:1}]}\n' "$(agent_name "$1")"
	} | kubectl apply -f - >&2
}

# agent_ipam NODE VERB CONTAINER NIC NETNS POD [MEMBERS OF ipam]: for a pod of namespace default. The result is on stdout.
agent_ipam() {
	local dir bin
	dir=$(agent_dir "$1")
	bin=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin" && pwd)
	jq -n --arg socket "$(cat "$dir/socket")" --arg state "$(cat "$dir/state_dir")" --argjson more "{${7:-}}" \
		'{cniVersion: "1.0.0", name: "underlay", type: "none", ipam: ({type: "spiderpool", state_dir: $state,
		  ipam_unix_socket_path: $socket, log_level: "panic"} + $more)}' |
		CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_IFNAME=$4 CNI_NETNS=$5 CNI_PATH=$bin \
			CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=$6;K8S_POD_UID=$(pod_uid "$6")" "$bin/spiderpool"
}

pod_uid() { # NAME
	kubectl get pod "$1" -o 'jsonpath={.metadata.uid}' --ignore-not-found
}
