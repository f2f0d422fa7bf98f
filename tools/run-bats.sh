#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs end-to-end tests (TAP): the files named, else all. STRICT=1: a skipped test is a failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
[ $# -gt 0 ] || set -- e2e/bats/*.bats
log=$(mktemp)
trap 'rm -f "$log"' EXIT
bats --tap "$@" | tee "$log"
status=${PIPESTATUS[0]}
skipped=$(grep -c '^ok .* # skip' "$log")
if [ "$skipped" != 0 ] && [ "${STRICT:-}" = 1 ]; then
	echo "# $skipped skipped, which STRICT=1 makes a failure"
	[ "$status" != 0 ] || status=1
fi
exit "$status"
