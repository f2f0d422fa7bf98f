#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A program must not define what the library defines: the linker would give the library's callers the program's.
#   tools/symbols.sh BUILD
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 bad=0
defined() { nm --defined-only --extern-only "$@" 2>/dev/null | awk 'NF == 3 && $2 != "W" && $2 != "V" { print $3 }' | sort -u; }
for folder in cmd/* plugins/*; do
	objects=()
	for f in "$folder"/*.c; do objects+=("$build/${f%.c}.o"); done
	twice=$(comm -12 <(defined "$build/libspiderpool.a") <(defined "${objects[@]}"))
	[ -z "$twice" ] || {
		echo "$folder defines what libspiderpool.a defines, too: ${twice//$'\n'/ }"
		bad=1
	}
done
exit $bad
