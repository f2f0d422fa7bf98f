#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
# A real Kubernetes in network namespaces of its own, built by build.sh. Root, cgroup v1. Any number side by side:
# each has a name (KUBE_NAME, default "default") and everything of it is known by that.
#   up [api|all] [N]      etcd and kube-apiserver, or (default) controller manager and scheduler too; N nodes (default 0)
#   nodes N               node1..nodeN: containerd, kubelet, kube-proxy; those which are not there yet
#   node-down I           the node is gone, and nobody told the cluster
#   load FILE [I]...      brings an image (docker archive) to all nodes, or some
#   enter I COMMAND...    runs a command on a node;  control COMMAND...: beside the control plane
#   stop NAME [SIGNAL]    ends a program (etcd, kube-apiserver, node1/kubelet, ...);  start NAME: starts it again
#   services              the programs there are;  env: variables for a shell;  down: removes everything
# Other variables: KUBE_RUN (directory of its state, default /tmp), KUBE_CACHE (see build.sh), KUBE_CONFLIST (file, @NODE@
# becomes the node's number), KUBE_NO_KUBELET=1 (nodes of containerd alone), KUBE_API_OPTIONS, KUBE_MANAGER_OPTIONS,
# KUBE_KUBELET_OPTIONS (more options), KUBE_KEEP=1 (an `up` that fails leaves its things for a look).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/parts/common.bash"
. "$here/parts/certs.bash"
. "$here/parts/control.bash"
. "$here/parts/node.bash"
. "$here/parts/down.bash"

up() {
	local what=${1:-all} nodes=${2:-0}
	case $what in api | all) ;; *) die "up: want api or all, got \"$what\"" ;; esac
	[ "$(id -u)" = 0 ] || die "needs root"
	cgroup_check
	kube=$("$here/build.sh")
	mkdir -m 700 "$run" 2>/dev/null || die "instance $KUBE_NAME is up, or something is left of it: cluster.sh down"
	trap up_failed EXIT
	echo "$kube" >"$run/build"
	fabric_make
	control_up "$what"
	nodes_up "$nodes"
	trap - EXIT
}

up_failed() {
	trap - EXIT
	echo "cluster.sh: up of instance $KUBE_NAME failed" >&2
	[ -n "${KUBE_KEEP:-}" ] || down
	exit 1
}

env_show() {
	printf 'export %s=%q\n' KUBE_NAME "$KUBE_NAME" KUBE_DIR "$run" KUBE_BUILD "$kube" KUBE_NETNS "$netns" \
		KUBECONFIG "$run/kubeconfig"
}

services() {
	local f name
	while read -r f; do
		name=${f#"$run/services/"}
		service_alive "$name" && echo "$name $(cat "$f.pid")" || echo "$name ended"
	done < <(find "$run/services" -type f ! -name '*.pid' | sort)
}

# What a command of a node leaves behind is ended with the node.
enter() {
	local i=$1 inside
	shift
	[ -d "$run/node$i" ] || die "there is no node$i"
	node_inside "$i"
	echo $BASHPID >"$tracker/node$i/cgroup.procs"
	exec "${inside[@]}" "$@"
}

control() {
	echo $BASHPID >"$tracker/cgroup.procs"
	exec nsenter --net="/run/netns/$netns" "$@"
}

load() {
	local file=$1 i nodes
	shift
	nodes=("$@")
	[ $# -gt 0 ] || mapfile -t nodes < <(node_numbers)
	for i in "${nodes[@]}"; do node_load "$i" "$file"; done
}

command=${1:-}
[ $# = 0 ] || shift
case $command in
nodes | node-down | load | enter | control | stop | start | services | env)
	up_or_die
	kube=$(cat "$run/build")
	;;
esac
case $command in
up) up "$@" ;;
down) down ;;
nodes) nodes_up "$1" ;;
node-down) node_down "$1" ;;
load) load "$@" ;;
enter) enter "$@" ;;
control) control "$@" ;;
stop) service_stop "$@" ;;
start) service_start "$1" ;;
services) services ;;
env) env_show ;;
*)
	sed -n 's/^#   //p' "$0" >&2
	exit 2
	;;
esac
