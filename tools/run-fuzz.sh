#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each fuzz target: its corpus once, then FUZZ_SECONDS of new inputs. A crash input is left in the corpus folder.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${FUZZ_SECONDS:-10}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
for target in build-fuzz/test/fuzz/fuzz_*; do
	if [ ! -x "$target" ] || [ -d "$target" ]; then continue; fi
	case $target in *.[od]) continue ;; esac
	name=${target##*/fuzz_}
	corpus=test/fuzz/corpus/$name
	mkdir -p "$work/$name" "$corpus"
	if ! "$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$corpus/crash-" \
		"$work/$name" "$corpus" >"$work/log" 2>&1; then
		tail -60 "$work/log"
		echo "fuzz: $name failed"
		exit 1
	fi
	echo "fuzz: $name: $(grep -o 'Done [0-9]* runs' "$work/log" | tail -1)"
	passed=$((passed + 1))
done
echo "fuzz: $passed passed, 0 failed"
