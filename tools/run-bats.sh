#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs end-to-end tests (TAP): the files named, else all. STRICT=1: a skipped test is a failure. JOBS=N: so many files at a
# time, each shown as a whole when it has ended; with AGAIN=1 those that failed then run once more, alone: what fails alone, too,
# is a failure, what does not is said.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
[ $# -gt 0 ] || set -- e2e/bats/*.bats
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
status=0

run_one() { # NUMBER FILE
	local start=$SECONDS r
	bats --tap "$2" >"$logs/$1" 2>&1
	r=$?
	[ $r = 0 ] || echo "$2" >>"$logs/failed"
	# shellcheck disable=SC2016
	flock "$logs" bash -c 'echo "# ---- $1, $2 s"; cat "$3"' - "$2" $((SECONDS - start)) "$logs/$1"
	return $r
}

if [ "${JOBS:-1}" = 1 ]; then
	bats --tap "$@" | tee "$logs/0"
	status=${PIPESTATUS[0]}
else
	n=0
	for file in "$@"; do
		while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
			wait -n || status=1
		done
		n=$((n + 1))
		run_one "$n" "$file" &
	done
	while [ "$(jobs -p | wc -l)" -gt 0 ]; do
		wait -n || status=1
		jobs >/dev/null
	done
	if [ "$status" != 0 ] && [ "${AGAIN:-}" = 1 ] && [ -s "$logs/failed" ]; then
		mapfile -t failed <"$logs/failed"
		echo "# failed beside another file: ${failed[*]}: once more, alone"
		grep -h '^not ok' "$logs"/[0-9]* | sed 's/^/# /'
		rm "$logs"/[0-9]*
		bats --tap "${failed[@]}" | tee "$logs/0"
		status=${PIPESTATUS[0]}
	fi
fi
skipped=$(cat "$logs"/[0-9]* | grep -c '^ok .* # skip')
if [ "$skipped" != 0 ] && [ "${STRICT:-}" = 1 ]; then
	echo "# $skipped skipped, which STRICT=1 makes a failure"
	[ "$status" != 0 ] || status=1
fi
if [ "$status" != 0 ]; then
	echo "# failed:"
	cat "$logs"/[0-9]* | grep '^not ok' | sort -u | sed 's/^/# /'
fi
exit "$status"
