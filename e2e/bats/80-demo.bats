#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# e2e/demo.sh: two at once do not disturb each other; nothing is left, also when it is interrupted or fails.

load lib

setup() {
	lib_setup
	need_root
	need jq ip ping timeout /usr/lib/cni/macvlan
	export TMPDIR=$DIR/tmp
	mkdir "$TMPDIR"
}

teardown() {
	lib_teardown
}

# demo NAME [COMMAND...]: runs the demo, under COMMAND; its process ID is in NAME.pid, what it said in NAME.
demo() {
	local name=$DIR/$1
	shift
	# shellcheck disable=SC2016
	"$@" bash -c 'echo $$ >"$0.pid"; exec "$1"' "$name" "$ROOT/e2e/demo.sh" >"$name" 2>&1 3>&- 4>&-
}

nothing_left() {
	for f in "$DIR"/*.pid; do
		same "" "$(ip netns list | grep "^demo$(cat "$f")-" || true)"
	done
	same "" "$(ls "$TMPDIR")"
}

@test "two demos at once: both work and leave nothing" {
	demo one &
	first=$!
	demo two
	wait $first
	for d in one two; do
		grep -q '^All of it worked' "$DIR/$d"
		run ! grep -q $'\e' "$DIR/$d" # no colours: this is no terminal
	done
	nothing_left
}

@test "interrupted in the middle it leaves nothing" {
	for signal in INT TERM; do
		run demo $signal timeout --preserve-status -s $signal 2
		cat "$DIR/$signal"
		[ "$status" != 0 ] # 130, 143; but bash 5.2 may stumble over a trap while it reads a $( and exits with 2
		grep -q 'The demo failed' "$DIR/$signal"
		nothing_left
	done
}

@test "what does not work fails it" {
	mkdir "$DIR/cni"
	printf '#!/bin/sh\necho "{\\"code\\": 7, \\"msg\\": \\"broken\\"}"\nexit 1\n' >"$DIR/cni/macvlan"
	chmod +x "$DIR/cni/macvlan"
	sed "s#:/usr/lib/cni#:$DIR/cni#; s#^cd .*#cd '$ROOT'#" "$ROOT/e2e/demo.sh" >"$DIR/broken.sh"
	run -1 bash "$DIR/broken.sh"
	has broken
	has "The demo failed"
	same "" "$(ls "$TMPDIR")"
}
