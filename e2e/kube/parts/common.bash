# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
# common.bash - where an instance keeps its things, and how it starts, awaits and ends programs.
#
# An instance is known by its name alone: network namespaces spk-NAME and spk-NAME.nodeI, cgroups /spk-NAME, the
# directories below. So whatever is left of it is found again by anybody who knows the name.

# The default suits one cluster worked with by hand.
KUBE_NAME=${KUBE_NAME:-default}
[[ $KUBE_NAME =~ ^[a-z0-9][a-z0-9-]{0,29}$ ]] || {
	echo "KUBE_NAME=\"$KUBE_NAME\": want 1 to 30 of a-z, 0-9 and -" >&2
	exit 2
}

instance=spk-$KUBE_NAME
# Short, since paths of sockets are; not below /run, /var/lib or /var/log, since nodes have such of their own.
run=${KUBE_RUN:-/tmp}/$instance
etcd_data=/dev/shm/$instance
netns=$instance
# Of the nodes' network: the control plane, which routes too, is .0.1, node I is .0.(10+I), from 10.111.1.0 on all is
# free for pods.
net4=10.111 net6=fd00:10:111
api=https://$net4.0.1:6443
services=10.96.0.0/16
pods=10.244 # node I has $pods.I.0/24, routed, for conflists that want it

die() { # SENTENCE
	echo "cluster.sh: $*" >&2
	exit 1
}

up_or_die() {
	[ -d "$run" ] || die "instance $KUBE_NAME is not up"
}

# ---- cgroups ----

# Every process of an instance is below this one, whoever forked it: our programs by the line below, containers since
# the kubelets' cgroupRoot is there. It is how `down` finds them.
cgroup_fs=/sys/fs/cgroup
tracker=$cgroup_fs/pids/$instance

cgroup_check() {
	[ -d $cgroup_fs/pids ] ||
		die "wants cgroup v1 (kernel argument systemd.unified_cgroup_hierarchy=0), $cgroup_fs/pids is not there"
}

# cgroup_procs CGROUP: IDs of all processes in it and below it.
cgroup_procs() {
	find "$cgroup_fs"/*/"$1" -name cgroup.procs -exec cat {} + 2>/dev/null | sort -un
}

# ---- programs ----

# in_control COMMAND...: where the control plane is.
in_control() {
	nsenter --net="/run/netns/$netns" -- "$@"
}

# service NAME COMMAND...: keeps how NAME is started, so that it can be started again, and starts it. NAME is what the
# log and the process ID are called: etcd, node1/kubelet.
service() {
	local name=$1
	shift
	mkdir -p "$(dirname "$run/services/$name")" "$(dirname "$run/log/$name")" "$tracker/$(dirname "$name")"
	{
		echo '#!/bin/bash'
		# From here on the process and all it forks can be found.
		printf 'echo $$ >%q/cgroup.procs\n' "$tracker/$(dirname "$name")"
		printf 'echo $$ >%q.pid\n' "$run/services/$name"
		printf 'exec %s\n' "${*@Q}"
	} >"$run/services/$name"
	service_start "$name"
}

service_start() {
	[ -e "$run/services/$1" ] || die "there is no service \"$1\""
	service_alive "$1" && return 0
	rm -f "$run/services/$1.pid"
	# Descriptors of the caller are not the service's: bats waits until its own are closed.
	setsid bash "$run/services/$1" >>"$run/log/$1.log" 2>&1 </dev/null 3>&- 4>&- 9>&- &
	disown
	await 20 "$1 to start" "" test -s "$run/services/$1.pid"
}

# service_alive NAME: a process ID may be somebody else's by now; it is ours when its cgroup is.
service_alive() {
	local pid
	pid=$(cat "$run/services/$1.pid" 2>/dev/null) && grep -qsE ":/$instance(/|$)" "/proc/$pid/cgroup" &&
		! grep -qs '^State:[[:space:]]*Z' "/proc/$pid/status"
}

service_dead() {
	! service_alive "$1"
}

# service_stop NAME [SIGNAL]
service_stop() {
	service_alive "$1" || return 0
	kill "-${2:-KILL}" "$(cat "$run/services/$1.pid")"
	await 20 "$1 to end" "" service_dead "$1"
}

# await SECONDS WHAT SERVICE COMMAND...: until the command succeeds. When it does not in time, or SERVICE (may be empty)
# ends meanwhile, shows the end of its log and fails.
await() {
	local seconds=$1 what=$2 service=$3 end
	shift 3
	end=$((SECONDS + seconds))
	until "$@" >/dev/null 2>&1; do
		if [ -n "$service" ] && service_dead "$service"; then
			echo "cluster.sh: $service ended while waiting for $what" >&2
		elif [ $SECONDS -ge $end ]; then
			echo "cluster.sh: no $what within $seconds s" >&2
		else
			sleep 0.1
			continue
		fi
		[ -z "$service" ] || tail -n 20 "$run/log/$service.log" >&2
		return 1
	done
}
