#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# install-plugins: a node has a whole plugin at every instant.
# shellcheck disable=SC2154

load lib

setup() {
	lib_setup
	mkdir "$DIR"/{image,node}
	for p in spiderpool coordinator; do
		head -c 40000 /dev/urandom >"$DIR/image/$p"
		head -c 30000 /dev/urandom >"$DIR/before-$p"
	done
}
teardown() { lib_teardown; }

install_plugins() {
	spiderpoolctl install-plugins --from "$DIR/image" --to "$DIR/node" "$@"
}

installed() { # NAME
	cmp "$DIR/image/$1" "$DIR/node/$1" && [ "$(stat -c %a "$DIR/node/$1")" = 755 ]
}

@test "into a directory that is not there yet" {
	rmdir "$DIR/node"
	run -0 install_plugins
	has "spiderpool: installed"
	installed spiderpool
	installed coordinator
	same "coordinator spiderpool" "$(cd "$DIR/node" && echo *)"
}

@test "a second time nothing is touched" {
	install_plugins
	inode=$(stat -c %i-%Z "$DIR/node/spiderpool")
	run -0 install_plugins
	has "spiderpool: is there already"
	same "$inode" "$(stat -c %i-%Z "$DIR/node/spiderpool")"
	same "coordinator spiderpool" "$(cd "$DIR/node" && echo *)"
}

@test "the one before stays as .old; other files are left alone" {
	cp "$DIR/before-spiderpool" "$DIR/node/spiderpool"
	echo theirs >"$DIR/node/bridge"
	install_plugins
	installed spiderpool
	cmp "$DIR/before-spiderpool" "$DIR/node/spiderpool.old"
	install_plugins
	cmp "$DIR/before-spiderpool" "$DIR/node/spiderpool.old"
	same "bridge coordinator spiderpool spiderpool.old" "$(cd "$DIR/node" && echo *)"
	same theirs "$(cat "$DIR/node/bridge")"
}

@test "one that nobody may run is put right; a link becomes a file" {
	install_plugins
	chmod 644 "$DIR/node/spiderpool"
	ln -sf /nowhere "$DIR/node/coordinator"
	install_plugins
	installed spiderpool
	installed coordinator
	[ ! -L "$DIR/node/coordinator" ]
	[ ! -e "$DIR/node/spiderpool.old" ]
}

@test "sentences: no plugins, a directory in the way" {
	run -3 spiderpoolctl install-plugins --from "$DIR/nowhere" --to "$DIR/node"
	has "open directory $DIR/nowhere"
	mkdir "$DIR/empty" "$DIR/node/spiderpool"
	run -3 spiderpoolctl install-plugins --from "$DIR/empty" --to "$DIR/node"
	has "there is no plugin"
	run -1 install_plugins
	has "spiderpool is not a file"
}

# Which calls are counted one by one, so each of them is met, and each of its repetitions.
@test "killed before any of its system calls: the plugin is the old or the new one, and the next run ends it" {
	need strace
	export ASAN_OPTIONS=detect_leaks=0 # does not work under strace
	local call n r whole=0 kills=0
	for call in openat newfstatat read write fchmod fsync renameat unlinkat close flock mkdir getdents64; do
		for ((n = 1; n < 1000; n++)); do
			rm -rf "$DIR/node"
			mkdir "$DIR/node"
			for p in spiderpool coordinator; do install -m 755 "$DIR/before-$p" "$DIR/node/$p"; done
			r=0
			strace -o /dev/null -e inject="$call:signal=KILL:when=$n" "$BIN/spiderpoolctl" install-plugins \
				--from "$DIR/image" --to "$DIR/node" 2>/dev/null || r=$?
			if [ "$r" = 0 ]; then
				whole=$((whole + 1))
				break
			fi
			[ "$r" = 137 ]
			kills=$((kills + 1))
			for p in spiderpool coordinator; do
				[ "$(stat -c %a "$DIR/node/$p")" = 755 ]
				cmp -s "$DIR/node/$p" "$DIR/before-$p" || cmp -s "$DIR/node/$p" "$DIR/image/$p" || {
					echo "$p is neither after $call $n"
					return 1
				}
			done
			install_plugins 2>/dev/null
			installed spiderpool
			installed coordinator
			cmp "$DIR/before-spiderpool" "$DIR/node/spiderpool.old"
			same "coordinator coordinator.old spiderpool spiderpool.old" "$(cd "$DIR/node" && echo *)"
		done
	done
	[ "$whole" = 12 ]
	[ "$kills" -gt 50 ]
	echo "# killed $kills times" >&3
}

@test "two at a time with the same process ID: one after the other" {
	need_root
	local one
	for _ in 1 2 3 4 5; do
		rm -rf "$DIR/node"
		unshare --pid --fork --kill-child "$BIN/spiderpoolctl" install-plugins --from "$DIR/image" --to "$DIR/node" &
		one=$!
		unshare --pid --fork --kill-child "$BIN/spiderpoolctl" install-plugins --from "$DIR/image" --to "$DIR/node"
		wait "$one"
		installed spiderpool
		installed coordinator
		same "coordinator spiderpool" "$(cd "$DIR/node" && echo *)"
	done
}
