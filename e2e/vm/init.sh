#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The guest's first process (vm.sh copies it beside what it has to know): the host's files below a layer in memory, file
# systems of its own where state lives, modules, then the command.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
share=${0%/init}
root=/mnt/root

power_off() {
	sync
	echo o >/proc/sysrq-trigger
	sleep 10
}

mount -t proc proc /proc || exec sleep 1
trap power_off EXIT
set -e
modules=$(cat "$share/modules-dir")/$(uname -r)
cwd=$(cat "$share/cwd")

mount -t tmpfs -o mode=755 tmpfs /mnt
mkdir /mnt/upper /mnt/work $root
grep -qw overlay /proc/filesystems || insmod "$modules/kernel/fs/overlayfs/overlay.ko"
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work overlay $root

mount -t proc proc $root/proc
mount -t sysfs sysfs $root/sys
mount -t tmpfs -o mode=755 tmpfs $root/run
mount -t tmpfs -o mode=1777 tmpfs $root/tmp
mount -t devtmpfs devtmpfs $root/dev
mkdir -p $root/dev/shm $root/dev/net $root/run/lock $root/run/vm
mount -t tmpfs -o mode=1777 tmpfs $root/dev/shm
ln -s /proc/self/fd $root/dev/fd
for l in stdin:0 stdout:1 stderr:2; do ln -s /proc/self/fd/${l#*:} $root/dev/${l%:*}; done
mount -t hostfs -o "$share" none $root/run/vm
# The directory of the command may lie below one of those.
mkdir -p "$root$cwd"
mount -o ro -t hostfs -o "$cwd" none "$root$cwd"
rm -rf $root/lib/modules
mkdir -p $root/lib/modules "$root$modules"
mount -o ro -t hostfs -o "$modules" none "$root$modules"
ln -s "$modules" "$root/lib/modules/$(uname -r)"

cd $root
mkdir -p .old
pivot_root . .old
cd /
umount -l /.old
mount --make-rshared /
hostname vm
ip link set lo up
xargs modprobe -a -q </run/vm/modules || true
set +e

stty -F /dev/tty1 raw -echo -onlcr
read -r booted _ </proc/uptime
setsid bash /run/vm/command </dev/null >/dev/tty1 2>&1
status=$?
read -r ended _ </proc/uptime
echo "vm: booted in $booted s, command done at $ended s" >/run/vm/times
echo $status >/run/vm/status
stty -F /dev/tty1 -a >/dev/null # waits until it was written
