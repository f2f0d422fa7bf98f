#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures the plugin side by side with host-local and prints the tables of docs/performance.md.
#   BENCH_DIR   a directory on the disk to be measured (default: a temporary one in the checkout)
#   TMPFS_DIR   one on a tmpfs (default: in /dev/shm)     TURNS   ADDs of each kind (default 200)
#   HOST_LOCAL  the other plugin (default: Debian's)      BUILD   the build directory (default build)
set -euo pipefail
cd "$(dirname "$0")/.."
build=$PWD/${BUILD:-build}
host_local=${HOST_LOCAL:-/usr/lib/cni/host-local}
[ "$(id -u)" = 0 ] || { echo "$0: run this as root: it makes network namespaces" >&2; exit 1; }
disk=$(mktemp -d "${BENCH_DIR:-$PWD}/bench-XXXXXX")
tmpfs=$(mktemp -d "${TMPFS_DIR:-/dev/shm}/bench-XXXXXX")
trap 'rm -rf "$disk" "$tmpfs"' EXIT

ctl() { "$build/bin/spiderpoolctl" --state-dir "$@" >/dev/null 2>&1; }
pool() { # name subnet range
	printf '{apiVersion: spiderpool.spidernet.io/v2beta1, kind: SpiderIPPool, metadata: {name: %s}, ' "$1"
	printf 'spec: {subnet: "%s", ips: ["%s"]}}\n---\n' "$2" "$3"
}

# Addresses of host-local, as it writes them: a file with container and NIC, named after the address.
fill_host_local() { # dir n
	local net=$1/bench i
	mkdir -p "$net"
	for ((i = 2; i < $2 + 2; i++)); do
		printf '%064x\r\neth0' "$i" >"$net/10.0.$((i / 256)).$((i % 256))"
	done
	[ "$2" = 0 ] || printf '10.0.%d.%d' $((($2 + 1) / 256)) $((($2 + 1) % 256)) >"$net/last_reserved_ip.0"
}

echo "filling ..." >&2
filled=0
pool bench 10.0.0.0/16 10.0.0.2-10.0.255.254 | ctl "$tmpfs/all" apply -f -
for n in 0 1000 10000 60000; do
	"$build/bench/fill" "$tmpfs/all" bench "$filled" "$n"
	filled=$n
	ctl "$tmpfs/all" backup # so that no DEL finds one due
	for place in "$disk" "$tmpfs"; do
		cp -a "$tmpfs/all" "$place/spiderpool-$n"
		fill_host_local "$place/host-local-$n" "$n"
	done
done
rm -r "$tmpfs/all"
for place in "$disk" "$tmpfs"; do
	mkdir "$place/put"
	{
		pool p24 10.1.0.0/24 10.1.0.1-10.1.0.254
		pool p16 10.2.0.0/16 10.2.0.1-10.2.255.254
		pool p10 10.64.0.0/10 10.64.0.1-10.127.255.254
		pool p64 fd00::/64 fd00::1-fd00::ffff:ffff:ffff:ffff
	} | ctl "$place/spiderpool-pools" apply -f -
	ctl "$place/spiderpool-pools" backup
done
sync -f "$disk"

echo "measuring ..." >&2
printf 'Linux %s, %d CPUs (%s), disk: %s, load %s; host-local of Debian %s.\n' "$(uname -r)" "$(nproc)" \
	"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -1)" "$(stat -f -c %T "$disk")" \
	"$(cut -d' ' -f1 /proc/loadavg)" "$(dpkg-query -W -f '${Version}' containernetworking-plugins 2>/dev/null || echo '?')"
"$build/bench/bench" "$disk" "$tmpfs" "$build/bin/spiderpool" "$host_local" "$build/bench" "${TURNS:-200}"
