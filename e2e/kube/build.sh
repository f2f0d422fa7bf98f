#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a real Kubernetes from Debian 12's packages and prints the directory it is in: bin/ (kube-*, kubelet, etcd,
# containerd, runc, kubectl, ctr), cni/ (Debian's CNI plugins), images/ (docker archives). Nothing is installed and /etc
# is only read; what the host must have is in `tools/deps.sh kube`. Some minutes the first time, nothing afterwards.
#   e2e/kube/build.sh     KUBE_CACHE=directory (default ~/.cache/spiderpool-kube)
set -euo pipefail
cd "$(dirname "$0")"

export KUBE_VERSION=1.20.2
cache=${KUBE_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/spiderpool-kube}
# What decides the result is the version and these files. Not the mirror's state: a security update of runc is no
# reason to build for five minutes.
key=$KUBE_VERSION-$(cat build.sh build/*.sh | sha256sum | cut -c1-12)
out=$cache/$key

there() {
	[ -d "$out" ] || return 1
	touch "$out"
	echo "$out"
}

there && exit 0
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9
there && exit 0 # somebody else made it while we waited

# Under the lock everything in here belongs to us: what an interrupted build left goes, and so do results unused for long.
export work=$cache/work
export GOCACHE=$cache/go-build
rm -rf "$work"
mkdir -p "$work/out"
trap 'rm -rf "$work"' EXIT
find "$cache" -mindepth 1 -maxdepth 1 -name '[0-9]*' -mtime +14 -exec rm -rf {} +

# Behind everything else on a shared machine. The steps hold the lock too: when we are killed, they go on for a while.
for step in packages compile images; do
	start=$SECONDS
	if ! nice "build/$step.sh" >"$cache/$step.log" 2>&1; then
		echo "build.sh: $step failed; the end of $cache/$step.log:" >&2
		tail -n 30 "$cache/$step.log" >&2
		exit 1
	fi
	echo "build.sh: $step $((SECONDS - start)) s" >&2
done
mv -T "$work/out" "$out"
there
