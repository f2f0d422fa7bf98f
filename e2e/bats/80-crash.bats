#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Processes killed at random instants: what was acknowledged stays true (e2e/tools/crash.c says what is checked).
#   SEED= repeats the choices of a run, KILLS= and ROUNDS= say how much.

load lib

setup() {
	lib_setup
	need_root
	CRASH=$ROOT/${BUILD:-build}/e2e/tools/crash
	need "$CRASH"
	# A disk and a tmpfs: with and without flushes that take time.
	DISK=$(mktemp -d /var/tmp/spiderpool-crash-XXXXXX)
	SHM=$(mktemp -d /dev/shm/spiderpool-crash-XXXXXX)
}

teardown() {
	rm -rf "$DISK" "$SHM"
	lib_teardown
}

@test "a hundred calls at a time, thousands killed: nothing is given twice, nothing is lost, nobody waits" {
	local kills=4000
	# Sanitized programs take ten times as long.
	case ${BUILD:-build} in *-san) kills=400 ;; esac
	KILLS=${KILLS:-$kills} run "$CRASH" "$BIN/spiderpool" "$BIN/spiderpoolctl" "$DISK/state" "$SHM/state"
	printf '# %s\n' "${lines[@]}" >&3
	[ "$status" = 0 ]
}
