#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# All of it: lint, every build, unit, property and fault tests on each, fuzz targets, end-to-end tests, the demo.
#   ONLY="unit bats" tools/check.sh     some stages
set -euo pipefail
cd "$(dirname "$0")/.."
export STRICT=${STRICT:-1}
jobs=$(nproc)
# What bats would run was run by san, and by gcc what an image of sanitized programs is no use for; it is there for ONLY=bats.
image=e2e/bats/88-image.bats
stages="lint gcc clang san arm64 fuzz vm kube demo"
summary=()

stage() {
	case " ${ONLY:-$stages} " in *" $1 "*) ;; *) return 0 ;; esac
	local start=$SECONDS
	echo "==== $1"
	"stage_$1"
	summary+=("$(printf '%-6s %4d s' "$1" $((SECONDS - start)))")
}

stage_lint() { make --no-print-directory lint; }
build_and_unit() { # make variables...
	make --no-print-directory -j"$jobs" WERROR=1 "$@" all test-tools unit-programs kube-tests
	make --no-print-directory WERROR=1 "$@" unit
}
stage_gcc() {
	build_and_unit
	tools/symbols.sh build
	make --no-print-directory WERROR=1 bats BATS="$image"
}
stage_clang() { build_and_unit CC=clang; }
stage_san() {
	build_and_unit SAN=1
	JOBS=2 AGAIN=1 make --no-print-directory SAN=1 WERROR=1 bats BATS="$(printf '%s ' e2e/bats/*.bats | sed "s|$image ||")"
}
stage_arm64() { EMULATOR="qemu-aarch64-static -L /" build_and_unit ARCH=arm64; }
stage_fuzz() { make --no-print-directory -j"$jobs" fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-8}"; }
stage_bats() { make --no-print-directory WERROR=1 bats; }
stage_vm() { make --no-print-directory WERROR=1 vm; }
stage_demo() { e2e/demo.sh; }
stage_kube() { make --no-print-directory WERROR=1 kube; }

for s in $stages; do stage "$s"; done
echo "==== all stages passed"
printf '%s\n' "${summary[@]}"
