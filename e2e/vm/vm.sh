#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs a command in a small virtual machine: User Mode Linux as Debian ships it, whose kernel has VLANs, bonds, ipvlan
# and whatever else the machine's own may lack. The guest sees this machine's files; what it writes is gone with it.
#   e2e/vm/vm.sh COMMAND...     as root in this directory; its output and exit status are those of COMMAND
#   VM_TIMEOUT=1800 (seconds)  VM_MEMORY=1G  VM_VERBOSE=1 (boot times)
# The kernel is downloaded once from the machine's own Debian mirror into ~/.cache/spiderpool-vm/VERSION; nothing is
# installed. Exit status 125: the machine itself did not work; 124: timeout.
set -euo pipefail

cache=${XDG_CACHE_HOME:-$HOME/.cache}/spiderpool-vm
here=$(cd "$(dirname "$0")" && pwd)
package=user-mode-linux
modules="macvlan ipvlan 8021q bonding veth bridge dummy ipv6 nf_tables"

die() {
	echo "$0: $*" >&2
	exit 125
}

# ---- the kernel ----

wanted_version() {
	apt-cache policy $package 2>/dev/null | awk '$1 == "Candidate:" && $2 != "(none)" { print $2 }'
}

# download VERSION: renamed into place, so that it is there as a whole or not at all.
download() {
	local dir
	mkdir -p "$cache"
	dir=$(mktemp -d "$cache/new.XXXXXX")
	(
		cd "$dir"
		apt-get download -q "$package=$1" >log 2>&1 || { cat log >&2; exit 1; }
		dpkg-deb -x ./*.deb tree
		rm -f ./*.deb log
	) || { rm -rf "$dir"; return 1; }
	mv -T "$dir/tree" "$cache/$1" 2>/dev/null || [ -x "$cache/$1/usr/bin/linux.uml" ]
	rm -rf "$dir"
}

find_kernel() {
	local version
	version=$(wanted_version)
	if [ -z "$version" ]; then
		apt-get update -q >/dev/null 2>&1 || true
		version=$(wanted_version)
	fi
	# Without a mirror, what was downloaded before will do.
	[ -n "$version" ] || version=$(find "$cache" -mindepth 1 -maxdepth 1 ! -name 'new.*' -printf '%T@ %f\n' 2>/dev/null | sort -rn | awk 'NR == 1 { print $2 }')
	[ -n "$version" ] || die "no package $package: it is Debian's, for amd64"
	tree=$cache/$version
	[ -x "$tree/usr/bin/linux.uml" ] || download "$version" || die "cannot download $package $version"
}

# ---- one run ----

run=
pid=

# The guest is a process group of its own with helpers that outlive their parent.
cleanup() {
	[ -z "$pid" ] || kill -9 -- "-$pid" 2>/dev/null || true
	[ -z "$run" ] || rm -rf "$run"
}

# What the guest is told, as files: it runs init.sh in there, and leaves the exit status behind.
prepare() { # COMMAND...
	run=$(mktemp -d "${TMPDIR:-/tmp}/vm.XXXXXX")
	install -m 0755 "$here/init.sh" "$run/init"
	printf '%s\n' "$tree/usr/lib/uml/modules" >"$run/modules-dir"
	printf '%s\n' "$modules" >"$run/modules"
	printf '%s\n' "$PWD" >"$run/cwd"
	{
		export -p | grep -vE '^declare -x (OLDPWD|PWD|SHLVL|TMPDIR|BATS_[A-Z_]*)(=|$)' || true
		printf 'export IN_VM=1\ncd %q || exit 125\nexec' "$PWD"
		printf ' %q' "$@"
		echo
	} >"$run/command"
	mkfifo "$run/out" "$run/log"
}

# The guest's memory is a file: in memory, where that is large enough and allows what UML does with it.
memory_dir() {
	local dir=/dev/shm
	if findmnt -no OPTIONS -T $dir | grep -qw noexec || [ "$(df --output=avail -k $dir | tail -1)" -lt 1048576 ]; then
		dir=$run
	fi
	echo "$dir"
}

# The guest's consoles: 0 is the kernel's and init's, kept for when it fails; 1 is the command's. They go through
# pipes of their own, because UML makes the descriptors it is given non-blocking.
boot() {
	local copies
	cat "$run/out" &
	copies=$!
	cat "$run/log" >"$run/kernel-log" &
	copies+=" $!"
	TMPDIR=$(memory_dir) setsid "$tree/usr/bin/linux.uml" mem="${VM_MEMORY:-1G}" uml_dir="$run/" umid=vm \
		rootfstype=hostfs rootflags=/ ro init="$run/init" quiet panic=1 \
		bonding.max_bonds=0 dummy.numdummies=0 fb_tunnels=none \
		con=null con0=null,fd:5 con1=null,fd:6 \
		</dev/null >"$run/stdout" 2>&1 5>"$run/log" 6>"$run/out" &
	pid=$!
	(
		sleep "${VM_TIMEOUT:-1800}" &
		trap 'kill $!' TERM
		wait
		touch "$run/late"
		kill -9 -- "-$pid"
	) >/dev/null 2>&1 &
	local watch=$!
	wait $pid 2>/dev/null || true
	kill $watch 2>/dev/null || true
	kill -9 -- "-$pid" 2>/dev/null || true
	pid=
	# shellcheck disable=SC2086 # two words
	wait $copies || true
}

report() {
	local status
	if [ -e "$run/late" ]; then
		echo "$0: not done after ${VM_TIMEOUT:-1800} s" >&2
		exit 124
	fi
	status=$(cat "$run/status" 2>/dev/null) || status=
	if [ -z "$status" ]; then
		cat "$run/stdout" "$run/kernel-log" >&2
		die "the guest ended before the command did"
	fi
	[ -z "${VM_VERBOSE:-}" ] || cat "$run/times" >&2
	return "$status"
}

[ $# -gt 0 ] || die "which command?"
[ "$(id -u)" = 0 ] || die "needs root: the guest reads this machine's files with our rights"
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
find_kernel
prepare "$@"
boot
report
