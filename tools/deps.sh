#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, from the distribution's own packages. Debian 12, root.
#   tools/deps.sh [build|demo|check|bench|kube]      default: check
set -euo pipefail

# shellcheck disable=SC2034 # by name, below
build=(gcc libc6-dev make libjson-c-dev liblmdb-dev libnl-3-dev libyaml-dev libxxhash-dev libcurl4-gnutls-dev libmicrohttpd-dev libgnutls28-dev)
# shellcheck disable=SC2034
demo=("${build[@]}" iproute2 iputils-ping nftables perl-base containernetworking-plugins jq)
# shellcheck disable=SC2034
bench=("${demo[@]}")
# shellcheck disable=SC2034 # e2e/kube: its build, and what its nodes find on the host
kube=("${demo[@]}" bats dpkg-dev ca-certificates openssl iptables conntrack procps util-linux curl python3)
# shellcheck disable=SC2034
check=("${demo[@]}" bats perl python3 python3-yaml libcmocka-dev valgrind
	clang libclang-rt-14-dev clang-format clang-tidy cppcheck shellcheck mandoc universal-ctags
	tcpdump nftables strace iputils-arping procps util-linux bsdextrautils kmod
	ethtool libbpf1 libcap-ng0 libnuma1 libunbound8 libxdp1 # for Open vSwitch, see e2e/bats/ovs.bash
	gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user-static
	libc6:arm64 libjson-c-dev:arm64 liblmdb-dev:arm64 libnl-3-dev:arm64 libyaml-dev:arm64 libxxhash-dev:arm64 libcmocka-dev:arm64
	libcurl4-gnutls-dev:arm64 libmicrohttpd-dev:arm64 libgnutls28-dev:arm64)

what=${1:-check}
case $what in
build | demo | check | bench | kube) declare -n wanted=$what ;;
*)
	echo "$0: want build, demo, check, bench or kube, got \"$what\"" >&2
	exit 2
	;;
esac

missing=()
for p in "${wanted[@]}"; do
	status=$(dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>/dev/null | sort -u || true)
	[ "$status" = installed ] || missing+=("$p")
done
[ ${#missing[@]} -eq 0 ] && exit 0

if [ "$(id -u)" != 0 ]; then
	echo "$0: missing: ${missing[*]}; run this as root to install them" >&2
	exit 1
fi
export DEBIAN_FRONTEND=noninteractive
case " ${missing[*]} " in *:arm64*) dpkg --add-architecture arm64 ;; esac
apt-get update -q
apt-get install -y -q --no-install-recommends "${missing[@]}"
