#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What may be wrong with the state directory when a pod comes or goes: disk, permissions, locks, damage.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq
	netns_new POD
	NETNS=/run/netns/$POD
	TOOLS=$ROOT/${BUILD:-build}/e2e/tools
	pool v4 10.1.0.0/16 10.1.0.10-10.1.255.254 "default: true" >"$DIR/pool.yaml"
}

teardown() {
	lib_teardown
}

# mounts: a mount namespace of this test; what is mounted in it is gone with it.
mounts() {
	background unshare -m sleep 1000
	KEEPER=$!
	until_true sh -c "[ \"\$(readlink /proc/$KEEPER/ns/mnt)\" != \"\$(readlink /proc/self/ns/mnt)\" ]"
}
inside() {
	nsenter --mount="/proc/$KEEPER/ns/mnt" --wd=/ "$@"
}
# As ipam(), there.
ipam_inside() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=$3 CNI_PATH=$BIN inside "$BIN/spiderpool" <<<"${4:-$(ipam_conf)}"
}

@test "a full disk: ADD is refused and says so, DEL works, and then ADD again" {
	mkdir "$STATE"
	mounts
	inside mount -t tmpfs -o size=6m,mode=0700 tmpfs "$STATE"
	inside "$BIN/spiderpoolctl" apply -f "$DIR/pool.yaml" >/dev/null
	for n in 1 2 3; do
		call ipam_inside ADD a$n "$NETNS"
		succeeded
	done
	inside dd if=/dev/zero of="$STATE/fill" bs=4k status=none 2>/dev/null || true
	# what is allocated in advance gets used up, by large objects and then by small ones
	big=$(head -c 60000 /dev/zero | tr '\0' x)
	for n in $(seq 60); do
		pool "big$n" "172.$((n + 16)).0.0/24" "172.$((n + 16)).0.1" | sed "s/^  name: .*/&\n  annotations: {big: $big}/"
	done >"$DIR/big.yaml"
	call inside "$BIN/spiderpoolctl" apply -f "$DIR/big.yaml"
	[[ $stderr == *full* ]]
	conf=$(ipam_conf '{"log_file_path":""}')
	n=0
	while call ipam_inside ADD b$n "$NETNS" "$conf" && [ "$status" = 0 ]; do
		n=$((n + 1))
		[ $n -lt 300 ]
	done
	refused 5 "full"
	used=$(inside "$BIN/spiderpoolctl" ip list --state in-use -o json | jq '.items | length')
	same $((n + 3)) "$used"
	call ipam_inside STATUS "" "" "$(with_version 1.1.0 "$conf")"
	refused 50 "full"
	# and refused is refused: again
	call ipam_inside ADD c1 "$NETNS" "$conf"
	refused 5 "full"
	for c in a1 a2 a3; do
		call ipam_inside DEL $c "$NETNS" "$conf"
		succeeded
	done
	same $((used - 3)) "$(inside "$BIN/spiderpoolctl" ip list --state in-use -o json | jq '.items | length')"
	run -0 inside "$BIN/spiderpoolctl" fsck
	inside rm "$STATE/fill"
	call ipam_inside STATUS "" "" "$(with_version 1.1.0 "$conf")"
	succeeded
	call ipam_inside ADD c1 "$NETNS" "$conf"
	succeeded
}

@test "a full disk: every address can be given back, whatever else would write" {
	mkdir "$STATE"
	mounts
	inside mount -t tmpfs -o size=2600k,mode=0700 tmpfs "$STATE"
	inside "$BIN/spiderpoolctl" apply -f "$DIR/pool.yaml" >/dev/null
	conf=$(ipam_conf '{"log_file_path":""}')
	n=0
	while call ipam_inside ADD b$n "$NETNS" "$conf" && [ "$status" = 0 ]; do
		n=$((n + 1))
	done
	refused 5 "full"
	echo "$n addresses"
	fails 1 inside "$BIN/spiderpoolctl" backup --state-dir "$STATE"
	has full
	inside test ! -e "$STATE/backup.json.tmp"
	for ((i = 0; i < n; i++)); do
		call ipam_inside DEL b$i "$NETNS" "$conf"
		succeeded
	done
	same 0 "$(inside "$BIN/spiderpoolctl" ip list --state in-use -o json | jq '.items | length')"
}

@test "a disk that is full from the start" {
	mkdir "$STATE"
	mounts
	inside mount -t tmpfs -o size=32k,mode=0700 tmpfs "$STATE"
	call inside "$BIN/spiderpoolctl" apply -f "$DIR/pool.yaml"
	[ "$status" != 0 ]
	[[ $stderr == *full* ]]
	call ipam_inside ADD a1 "$NETNS" "$(ipam_conf '{"log_file_path":""}')"
	same 1 "$status"
	documents 1
}

@test "a read-only file system: ADD is refused and says so, readers work" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	ipam ADD a1 eth0 "$NETNS" >/dev/null
	mounts
	inside mount --bind "$STATE" "$STATE"
	inside mount -o remount,ro,bind "$STATE"
	call ipam_inside ADD a2 "$NETNS"
	refused 5 "read-only"
	call ipam_inside DEL a1 "$NETNS"
	refused 5 "read-only"
	run -0 inside "$BIN/spiderpoolctl" get sp
	has v4
	# control
	inside mount -o remount,rw,bind "$STATE"
	call ipam_inside ADD a2 "$NETNS"
	succeeded
}

@test "a state directory that others could write, or that is not root's, is refused" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	ipam ADD a1 eth0 "$NETNS" >/dev/null
	for mode in 0755 0770 0701; do
		chmod $mode "$STATE"
		for verb in ADD DEL; do
			call ipam $verb a1 eth0 "$NETNS"
			refused 5 "chmod 0700 $STATE"
		done
	done
	chmod 0700 "$STATE"
	chown 12345 "$STATE"
	call ipam ADD a1 eth0 "$NETNS"
	refused 5 "belongs to user 12345"
	chown 0 "$STATE"
	mv "$STATE" "$DIR/real"
	ln -s "$DIR/real" "$STATE"
	call ipam ADD a1 eth0 "$NETNS"
	refused 5 "symbolic link"
	rm "$STATE"
	echo x >"$STATE"
	call ipam ADD a1 eth0 "$NETNS"
	refused 5 "not a directory"
	rm "$STATE"
	mv "$DIR/real" "$STATE"
	call ipam ADD a1 eth0 "$NETNS"
	succeeded
}

# holder: a process with the writer's lock, in $HOLDER
holder() {
	mkfifo "$DIR/hold"
	exec 7<>"$DIR/hold" # opens without waiting for the other end
	# shellcheck disable=SC2016
	background sh -c 'exec "$0" "$1" <"$2" >"$3" 7>&-' "$TOOLS/hold-lock" "$STATE" "$DIR/hold" "$DIR/held"
	HOLDER=$!
	until_true grep -q held "$DIR/held"
}

@test "somebody stopped in the middle of a write: ADD and DEL end in time, with code 11 and one document" {
	need "$TOOLS/hold-lock"
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	ipam ADD a1 eth0 "$NETNS" >/dev/null
	holder
	kill -STOP $HOLDER
	until_true grep -q '^State:.T' /proc/$HOLDER/status
	conf=$(ipam_conf '{"timeout_seconds":1}')
	# shellcheck disable=SC2016
	waiting() { # VERB CONTAINER, at most 20 s
		call env CNI_COMMAND="$1" CNI_CONTAINERID="$2" CNI_IFNAME=eth0 CNI_NETNS="$NETNS" \
			timeout 20 sh -c 'echo "$0" | spiderpool' "$conf"
	}
	waiting ADD a2
	refused 11 "fuser -v $STATE/lock.mdb"
	waiting DEL a1
	refused 11 "nothing was changed"
	same in-use "$(state_of 10.1.0.10)" # readers go on
	# killed, it lets go
	kill -KILL $HOLDER
	call ipam ADD a2 eth0 "$NETNS" "" "$conf"
	succeeded
	run -0 spiderpoolctl fsck
}

@test "control: a writer that goes on holds nobody up" {
	need "$TOOLS/hold-lock"
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	holder
	ipam ADD a1 eth0 "$NETNS" >"$DIR/out" 3>&- 7>&- &
	waiter=$!
	exec 7>&-
	wait $waiter # it was asked while the lock was held, or just after
	grep -q 10.1.0.10 "$DIR/out"
}

@test "a damaged store: the error names restore, which brings back what there was" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	for n in 1 2 3; do ipam ADD a$n eth0 "$NETNS" "$(pod blue p$n)" >/dev/null; done
	spiderpoolctl backup >/dev/null
	cp "$STATE/data.mdb" "$DIR/good"
	conf=$(ipam_conf '{"log_file_path":""}')
	for to in 0 1000 4096 8192 12288 20480; do
		echo "cut to $to"
		cp "$DIR/good" "$STATE/data.mdb"
		truncate -s "$to" "$STATE/data.mdb"
		for verb in ADD DEL; do
			call ipam $verb a9 eth0 "$NETNS" "" "$conf"
			refused 5 "spiderpoolctl restore"
		done
		call ipam STATUS "" "" "" "" "$(with_version 1.1.0 "$conf")"
		refused 50 "spiderpoolctl restore"
	done
	# what is allocated beyond the last page in use is no part of it
	cp "$DIR/good" "$STATE/data.mdb"
	truncate -s -4096 "$STATE/data.mdb"
	call ipam CHECK a1 eth0 "$NETNS" "" "$(with_prev "$conf" '{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.10/16"}]}')"
	succeeded
	echo "overwritten"
	cp "$DIR/good" "$STATE/data.mdb"
	dd if=/dev/urandom of="$STATE/data.mdb" bs=4096 count=2 conv=notrunc status=none
	call ipam ADD a9 eth0 "$NETNS" "" "$conf"
	refused 5 "spiderpoolctl restore"
	run -0 spiderpoolctl restore --yes
	same 3 "$(in_use)"
	call ipam ADD a2 eth0 "$NETNS" "$(pod blue p2)" "$conf"
	succeeded
	has 10.1.0.11/16
	run -0 spiderpoolctl fsck
}

@test "pages with nonsense in them: an error or the right answer, never a crash or another pod's address" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	for n in $(seq 8); do ipam ADD a$n eth0 "$NETNS" "$(pod blue p$n)" >/dev/null; done
	cp "$STATE/data.mdb" "$DIR/good"
	conf=$(ipam_conf '{"log_file_path":""}')
	pages=$(($(stat -c %s "$DIR/good") / 4096))
	[ $pages -lt 24 ] || pages=24
	for ((page = 2; page < pages; page++)); do
		cp "$DIR/good" "$STATE/data.mdb"
		dd if=/dev/zero of="$STATE/data.mdb" bs=4096 seek=$page count=1 conv=notrunc status=none
		call ipam ADD a9 eth0 "$NETNS" "$(pod blue p9)" "$conf"
		echo "page $page: exit $status, $output"
		case $status in
		0) [[ $output == *'"10.1.0.18/16"'* ]] ;;
		*) refused 5 ;;
		esac
	done
}

@test "a list of free pages that is nonsense: nothing is written, nothing crashes" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	for n in $(seq 4); do ipam ADD a$n eth0 "$NETNS" "$(pod blue p$n)" >/dev/null; done
	cp "$STATE/data.mdb" "$DIR/good"
	conf=$(ipam_conf '{"log_file_path":""}')
	pages=$(($(spiderpoolctl status -o json | jq .store.usedBytes) / 4096))
	found=0
	for byte in 002 012 022 302; do
		head -c 4096 /dev/zero | tr '\0' "\\$byte" >"$DIR/page"
		for ((page = 2; page < pages; page++)); do
			cp "$DIR/good" "$STATE/data.mdb"
			dd if="$DIR/page" of="$STATE/data.mdb" bs=4096 seek=$page count=1 conv=notrunc status=none
			call ipam DEL a2 eth0 "$NETNS" "" "$conf"
			echo "page $page, $byte: exit $status, $output $stderr"
			[ "$status$output" = 0 ] || refused 5
			[[ $output != *"list of free pages"* ]] || found=$((found + 1))
		done
	done
	[ $found -gt 0 ]
}

@test "without a backup restore changes nothing, and says so" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	truncate -s 4096 "$STATE/data.mdb"
	before=$(sha256sum "$STATE/data.mdb")
	call spiderpoolctl restore --yes
	[ "$status" != 0 ]
	[[ $stderr == *backup.json* ]]
	same "$before" "$(sha256sum "$STATE/data.mdb")"
}

@test "DEL and GC leave a backup behind" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	ipam ADD a1 eth0 "$NETNS" >/dev/null
	ipam ADD a2 eth0 "$NETNS" >/dev/null
	[ ! -e "$STATE/backup.json" ] # an ADD does not make one
	ipam DEL a1 eth0 "$NETNS"
	until_true [ -s "$STATE/backup.json" ]
	same 600 "$(stat -c %a "$STATE/backup.json")"
	# it is young enough, unless it is from the future: the clock was ahead
	touch -d 2099-01-01 "$STATE/backup.json"
	ipam DEL a1 eth0 "$NETNS"
	young() { [ "$(stat -c %Y "$STATE/backup.json")" -lt 4000000000 ]; }
	until_true young
	truncate -s 4096 "$STATE/data.mdb"
	run -0 spiderpoolctl restore --yes
	same in-use "$(state_of 10.1.0.11)"
}

@test "DEL does not say that it is done when it could not look" {
	spiderpoolctl apply -f "$DIR/pool.yaml" >/dev/null
	ipam ADD a1 eth0 "$NETNS" >/dev/null
	mounts
	inside mount -t tmpfs tmpfs /proc
	call ipam_inside DEL a1 "$NETNS"
	same 1 "$status"
	documents 1
	same in-use "$(state_of 10.1.0.10)"
	call ipam DEL a1 eth0 "$NETNS"
	succeeded
	same cooling "$(state_of 10.1.0.10)"
	# control: where there never was a store there is nothing to do
	[[ ${BUILD:-} != *san* ]] || return 0 # LeakSanitizer needs /proc, to be switched off too
	call ipam_inside DEL a1 "$NETNS" "$(ipam_conf '{"state_dir":"'"$DIR"'/none"}')"
	succeeded
}
