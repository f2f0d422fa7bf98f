# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# down.bash - removes what is left of an instance, whatever state it is in: by its name, not by what was recorded.

down() {
	processes_end "$instance"
	cgroups_remove "$instance"
	namespaces_remove "^$netns([.]node[0-9]+)?\$"
	rm -rf --one-file-system "$run" "$etcd_data"
}

# node_down I: as if somebody pulled its plug. The cluster is not told.
node_down() {
	processes_end "$instance/node$1"
	cgroups_remove "$instance/node$1"
	namespaces_remove "^${netns}[.]node$1\$"
	rm -rf --one-file-system "$run/node$1" "$run/services/node$1"
}

# processes_end CGROUP: until none is left, since a process may fork while we look.
processes_end() {
	local pids end=$((SECONDS + 30)) state
	while mapfile -t pids < <(cgroup_procs "$1") && [ ${#pids[@]} -gt 0 ]; do
		[ $SECONDS -lt $end ] || die "processes do not end: ${pids[*]}"
		# Who is frozen does not die.
		while read -r state; do
			echo THAWED >"$state" || true
		done < <(find "$cgroup_fs"/freezer/"$1" -name freezer.state 2>/dev/null)
		kill -KILL "${pids[@]}" 2>/dev/null || true
		sleep 0.05
	done
}

# Zombies keep a cgroup busy until their parent looks: a few tries.
cgroups_remove() {
	local end=$((SECONDS + 20))
	while [ -n "$(find "$cgroup_fs"/*/"$1" -maxdepth 0 2>/dev/null)" ]; do
		find "$cgroup_fs"/*/"$1" -depth -type d -exec rmdir {} + 2>/dev/null || true
		[ $SECONDS -lt $end ] || die "cgroups $1 cannot be removed"
	done
}

namespaces_remove() {
	local ns
	for ns in $(ip netns list | awk -v p="$1" '$1 ~ p { print $1 }'); do
		ip netns del "$ns"
	done
}
