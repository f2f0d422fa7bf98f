#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs test programs (TAP) under prove. EMULATOR runs those of another architecture.
set -euo pipefail
cd "$(dirname "$0")/.."
export CMOCKA_MESSAGE_OUTPUT=TAP
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=1:abort_on_error=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
# Under an emulator, tests that say "emulator: no" in their first lines are left out: they test what it does not emulate.
if [ -n "${EMULATOR:-}" ]; then
	for t; do
		shift
		head -8 "test/${t#*/test/}.c" | grep -q 'emulator: no' || set -- "$@" "$t"
	done
fi
exec prove -j2 --exec "${EMULATOR:-}" "$@"
