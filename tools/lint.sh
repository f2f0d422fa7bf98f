#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Format, static analysis, banned calls, size bars, shell and man pages. Fails on the first kind that has a finding.
set -euo pipefail
cd "$(dirname "$0")/.."

sources() { git ls-files -co --exclude-standard "$@" | while read -r f; do [ -e "$f" ] && echo "$f"; done; }
mapfile -t c < <(sources '*.c' '*.h')
mapfile -t ours < <(sources 'pkg/*.c' 'plugins/*.c' 'cmd/*.c')
mapfile -t lib < <(sources 'pkg/*.c')
mapfile -t sh < <(sources '*.sh' '*.bash' '.ci/run' 'e2e/bats/plugins/*')

echo "lint: clang-format"
clang-format --dry-run -Werror "${c[@]}"

echo "lint: banned calls"
banned='strcpy|strcat|strncpy|strncat|sprintf|vsprintf|strtok|atoi|atol|atof|system|popen|gets|alloca|tmpnam|mktemp'
if grep -nE "(^|[^a-zA-Z0-9_])($banned)\(" "${ours[@]}"; then
	echo "lint: these calls are banned under pkg/, plugins/ and cmd/"
	exit 1
fi
if grep -nE '(^|[^a-zA-Z0-9_])setns\(' "${ours[@]}" | grep -v '^pkg/nl/netns.c:'; then
	echo "lint: only pkg/nl/netns.c enters a namespace"
	exit 1
fi
if grep -nE '(^|[^a-zA-Z0-9_])(printf|puts|exit|getenv|secure_getenv)\(' "${lib[@]}"; then
	echo "lint: nothing under pkg/ prints, exits or reads the environment"
	exit 1
fi
if grep -nE 'json_object_(get_(string|int|int64|uint64|boolean|double)|object_get)' "${ours[@]}" | grep -vE '^pkg/(json|yaml)/'; then
	echo "lint: only pkg/json and pkg/yaml call json-c's getters: they coerce silently"
	exit 1
fi

echo "lint: SPDX"
for f in "${c[@]}" "${sh[@]}"; do
	head -2 "$f" | grep -q 'SPDX-License-Identifier: Apache-2.0' || { echo "$f: no SPDX line"; exit 1; }
done

echo "lint: sizes"
tools/size.sh

echo "lint: cppcheck"
cppcheck --quiet --error-exitcode=1 --std=c11 --inline-suppr -j2 -Ipkg -D_GNU_SOURCE -DSPIDERPOOL_VERSION='""' \
	--enable=warning,performance,portability --suppress=memleak --suppress=missingIncludeSystem \
	--suppress=nullPointerRedundantCheck --suppress=memleakOnRealloc --suppress=uninitvar --suppress=legacyUninitvar --suppress=uninitStructMember \
	--suppress=normalCheckLevelMaxBranches "${ours[@]}"

echo "lint: clang-tidy"
# The database holds the flags, so that the files can come last.
flags='"-std=gnu11", "-D_GNU_SOURCE", "-DSPIDERPOOL_VERSION=\"\"", "-Ipkg", "-isystem", "/usr/include/libnl3"'
tidy=$(mktemp -d)
trap 'rm -rf "$tidy"' EXIT
for f in "${ours[@]}"; do
	printf '{"directory": "%s", "file": "%s", "arguments": ["clang", %s, "-c", "%s"]},\n' "$PWD" "$f" "$flags" "$f"
done | sed '1s/^/[/; $s/,$/]/' >"$tidy/compile_commands.json"
printf '%s\0' "${ours[@]}" | xargs -0 -P2 -n8 clang-tidy -p "$tidy" --quiet --warnings-as-errors='*' \
	--checks='-*,bugprone-*,-bugprone-easily-swappable-parameters,-bugprone-assignment-in-if-condition,-bugprone-reserved-identifier,-bugprone-narrowing-conversions,-bugprone-implicit-widening-of-multiplication-result,-bugprone-branch-clone,-bugprone-macro-parentheses,-bugprone-sizeof-expression,-bugprone-not-null-terminated-result,-bugprone-misplaced-widening-cast' 2>/dev/null

echo "lint: shellcheck"
shellcheck -x -e SC1091 "${sh[@]}"

echo "lint: man pages"
mapfile -t man < <(sources 'man/*.[1-9]')
[ ${#man[@]} -eq 0 ] || mandoc -Tlint -Wwarning "${man[@]}"

echo "lint: ok"
