#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The first process of a node (node.bash), in its network and mount namespace: gives it directories of its own where
# programs have fixed paths, and holds the namespaces.
#   parts/node-inside.sh DIRECTORY
set -euo pipefail
dir=$1

mount --make-rprivate /
# sysfs shows the network namespace of who mounted it; the cgroups on the former one are taken over.
mkdir -p "$dir/cgroup"
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$dir/cgroup" /sys/fs/cgroup
umount -l "$dir/cgroup"

mount --bind "$dir/run" /run
mount --bind "$dir/lib" /var/lib
mount --bind "$dir/log" /var/log

# The kubelet sees the values it wants, and leaves the machine's alone.
pretend() {
	echo "$2" >"$dir/fake/${1##*/}"
	mount --bind "$dir/fake/${1##*/}" "/proc/sys/$1"
}
pretend vm/overcommit_memory 1
pretend kernel/panic 10
pretend kernel/panic_on_oops 1

# Volumes that the kubelet mounts are to be seen by containers.
mount --make-rshared /
touch /run/made
exec sleep infinity
