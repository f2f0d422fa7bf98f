#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A folder includes only itself and folders before it.
set -euo pipefail
cd "$(dirname "$0")/.."
order="base json yaml ip cni nl http metrics probe podnet api kube store ipam daemon"
declare -A level
n=0
for d in $order; do level[$d]=$((n += 1)); done
bad=0
for f in pkg/*/*.[ch]; do
	own=$(basename "$(dirname "$f")")
	if [ -z "${level[$own]:-}" ]; then
		echo "$f: folder pkg/$own has no place in the order: add it to $0"
		bad=1
		continue
	fi
	while read -r dep; do
		[ "$dep" = "$own" ] && continue
		if [ -z "${level[$dep]:-}" ] || [ "${level[$dep]}" -ge "${level[$own]}" ]; then
			echo "$f: pkg/$own may not include \"$dep/\""
			bad=1
		fi
	done < <(sed -n 's|^#include "\([a-z]*\)/.*|\1|p' "$f" | sort -u)
done
[ $bad = 0 ] && echo "layers: ok"
exit $bad
