#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Size bars: functions to 100 lines (most to 60), files to 600.
set -euo pipefail
cd "$(dirname "$0")/.."
mapfile -t ours < <(git ls-files -co --exclude-standard 'pkg/*.[ch]' 'plugins/*.[ch]' 'cmd/*.[ch]')
ctags --quiet=yes -x --c-kinds=f --fields=+e --_xformat='%{end} %n %N %F' "${ours[@]}" |
	awk '{ n = $1 - $2 + 1; total++; if (n > 60) over++; if (n > 100) { print n " lines: " $3 " in " $4; bad = 1 } }
	END { printf "sizes: %d functions, %d over 60 lines\n", total, over; exit bad }'
wc -l "${ours[@]}" | awk '$2 != "total" && $1 > 600 { print $1 " lines: " $2; bad = 1 } END { exit bad }'
