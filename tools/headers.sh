#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Every header compiles alone.
set -euo pipefail
cd "$(dirname "$0")/.."
for h in $(git ls-files -co --exclude-standard 'pkg/*.h' 'plugins/*.h' 'cmd/*.h'); do
	printf '#include "%s"\n' "$PWD/$h" | gcc -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -Ipkg -isystem /usr/include/libnl3 -x c -fsyntax-only -
done
echo "headers: ok"
