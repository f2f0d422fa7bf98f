#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# spiderpoolctl: single addresses, why, plan, top, gc, fsck, import, backup and restore.

load lib

setup() {
	lib_setup
	need_root
	need jq
	netns_new ns
	NETNS=/run/netns/$ns
}

teardown() {
	lib_teardown
}

# edit_backup SED-SCRIPT: $DIR/b2 is $DIR/b after that, with sums that fit.
edit_backup() {
	local n
	sed -e "$1" -e '/"xxh64"/d' "$DIR/b" >"$DIR/b1"
	n=$(($(wc -l <"$DIR/b1") - 1))
	sed "1s/\"count\":[0-9]*/\"count\":$n/" "$DIR/b1" | "$TOOLS/sign-backup" >"$DIR/b2"
}

two_pools() {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.12 "default: true" "excludeIPs: [10.1.0.11]"
		pool six fd00::/64 fd00::10-fd00::1f "default: true"
	} | spiderpoolctl apply -f -
}

@test "ip list: filters, states" {
	two_pools
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)"
	ipam ADD c2 net1 "$NETNS" "$(pod other web-1)" "$(ipam_conf '{"keep_ip_by_pod_name": true}')"
	ipam DEL c2 net1 "$NETNS" "" "$(ipam_conf '{"keep_ip_by_pod_name": true}')"
	ipam ADD c3 eth0 "$NETNS" "$(pod shop web-2)" "$(ipam_conf '{"default_ipv6_ippool": ["six"]}')"
	ipam DEL c3 eth0 "$NETNS" "" "$(ipam_conf '{"default_ipv6_ippool": ["six"]}')"
	run -0 spiderpoolctl ip quarantine fd00::1f --for 10m
	run -0 spiderpoolctl ip list -o json
	jq_is '[.items[] | .address + " " + .state] | join(", ")' \
		"10.1.0.10 in-use, 10.1.0.12 kept, fd00::10 in-use, fd00::11 kept, fd00::12 cooling, fd00::1f quarantine"
	for filter in "--pool blue:2" "--pool six:4" "--namespace shop:2" "--state kept:2" "--state cooling:1" \
		"--state quarantine:1" "--pool six --state in-use:1" "--node nowhere:0"; do
		# shellcheck disable=SC2086
		run -0 spiderpoolctl ip list ${filter%:*} -o json
		jq_is '.items | length' "${filter##*:}"
	done
	run -0 spiderpoolctl ip list --state kept
	has "10.1.0.12  kept   blue  other/web-1  net1"
	fails 3 spiderpoolctl ip list --pool nope
	fails 2 spiderpoolctl ip list --state free
}

@test "ip show: holder, why an address is not handed out" {
	two_pools
	printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: mine}\nspec: {ips: ["10.1.0.12"]}\n' |
		spiderpoolctl apply -f -
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)"
	run -0 spiderpoolctl ip show 10.1.0.10 -o json
	jq_is '[.state, .pod, .container, .netns, .netnsState, .pools[0].address] | join(" ")' \
		"in-use shop/web-0 c1 $NETNS there eligible"
	run -0 spiderpoolctl ip show 10.1.0.11 -o json
	jq_is '.pools[0].address' "excluded by spec.excludeIPs"
	run -0 spiderpoolctl ip show 10.1.0.12 -o json
	jq_is '.pools[0].address + " " + .reservedBy[0]' "reserved by a SpiderReservedIP mine"
	run -0 spiderpoolctl ip show 10.1.0.13 -o json
	jq_is '.pools[0].address' "not in spec.ips"
	run -0 spiderpoolctl ip show 192.0.2.1
	has "State:    free"
	has "Pools:    none"
}

@test "ip release and quarantine" {
	two_pools
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)"
	fails 1 spiderpoolctl ip release 10.1.0.10
	has "in use by pod shop/web-0 (container c1, NIC eth0)"
	fails 3 spiderpoolctl ip release 10.1.0.12
	has "10.1.0.12 is not held"
	fails 1 spiderpoolctl ip quarantine 10.1.0.10
	has "only an address that nobody holds"
	fails 3 spiderpoolctl ip release 10.1.0.10 --force 10.1.0.12 fd00::10 -o json
	has '"result": "released"'
	run -0 spiderpoolctl ip list -o json
	jq_is '[.items[] | select(.state != "cooling")] | length' 0
	run -0 spiderpoolctl fsck
	run -0 spiderpoolctl ip quarantine 10.1.0.10 10.1.0.12 --for 1h -o json
	jq_is '.items | map(.result) | unique | join(",")' quarantine
	run ipam ADD c2 eth0 "$NETNS" "$(pod shop web-1)"
	has "all IP addresses used out"
	run -0 spiderpoolctl ip release 10.1.0.12
	ipam ADD c2 eth0 "$NETNS" "$(pod shop web-1)"
	fails 2 spiderpoolctl ip release 10.1.0.10 nonsense
	run -0 spiderpoolctl ip show 10.1.0.10 -o json
	jq_is .state quarantine
}

@test "why: rule, candidates, refusals, next address" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.12
		pool far 10.2.0.0/16 10.2.0.10-10.2.0.12 "nodeName: [elsewhere]"
		pool shop 10.3.0.0/16 10.3.0.10 "namespaceName: [shop]"
		pool zone 10.4.0.0/16 10.4.0.10 "podAffinity: {matchLabels: {app: x}}"
	} | spiderpoolctl apply -f -
	why() {
		run -0 --separate-stderr spiderpoolctl why "$@" -o json
	}
	why shop/web-0 --annotation 'ippool={"ipv4":["blue","far","shop","zone","none"]}'
	jq_is .rule "annotation ipam.spidernet.io/ippool"
	jq_is '[.candidates[0].pools[] | .pool + ":" + (.why // .next)] | join("\n")' 'shop:10.3.0.10
blue:10.1.0.10
far:node "'"$(hostname | tr A-Z a-z)"'" is not in spec.nodeName (elsewhere)
zone:spec.podAffinity needs the labels of the pod, which are not known here (the runtime does not pass them)
none:does not exist'
	jq_is '.next[0].address' 10.3.0.10
	why web-0 --annotation 'ippool={"ipv4":["far","zone","shop"]}' --node elsewhere --pod-label app=x
	jq_is '[.candidates[0].pools[] | .pool + ":" + (.why // .next)] | join("\n")' 'zone:10.4.0.10
far:10.2.0.10
shop:namespace "default" is not in spec.namespaceName (shop)'
	why --args "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=a;IgnoreUnknown=1" --default-ipv4-ippool shop
	jq_is '.pod + " " + .next[0].address' "shop/a 10.3.0.10"
	ipam_conf '{"default_ipv4_ippool": ["b*"]}' >"$DIR/net.conf"
	why web-0 --conflist "$DIR/net.conf"
	jq_is '.network + " " + .next[0].pool' "net blue"
	fails 3 spiderpoolctl why web-0
	has "no pool has spec.default: true"
	fails 1 spiderpoolctl why web-0 --annotation 'ippools=[]'
	fails 2 spiderpoolctl why web-0 --annotation ippools
	fails 2 spiderpoolctl why a/b/c
}

@test "why: a running pod, as the runtime attached it; a kept address comes again" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.12 "default: true"
		pool green 10.2.0.0/16 10.2.0.10-10.2.0.12
	} | spiderpoolctl apply -f -
	jq -n --arg dir "$STATE" '{cniVersion: "1.0.0", name: "net", plugins: [{type: "loopback"},
		{type: "spiderpool", capabilities: {"io.kubernetes.cri.pod-annotations": true},
		ipam: {type: "spiderpool", datastore: "local", state_dir: $dir, keep_ip_by_pod_name: true,
		log_file_path: ($dir + "/x.log")}}]}' >"$DIR/n.conflist"
	spiderpoolctl cni add "$DIR/n.conflist" "$ns" --cni-path "$BIN:/usr/lib/cni" --cache-dir "$DIR/cni" \
		--args "$(pod shop web-0)" --capability-args \
		'{"io.kubernetes.cri.pod-annotations": {"ipam.spidernet.io/ippool": "{\"ipv4\":[\"green\"]}"}}'
	run -0 --separate-stderr spiderpoolctl why shop/web-0 --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.rule, .has[0].address, .next[0].address, .next[0].kept] | join(" ")' \
		"annotation ipam.spidernet.io/ippool 10.2.0.10 10.2.0.10 true"
	run -0 --separate-stderr spiderpoolctl why shop/web-1 --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.rule, .next[0].address] | join(" ")' "pools with spec.default: true 10.1.0.10"
}

@test "plan: pools in their order, shared pools once, what is missing" {
	{
		pool a 10.1.0.0/16 10.1.0.10-10.1.0.19
		pool b 10.2.0.0/16 10.2.0.10-10.2.0.14
	} | spiderpoolctl apply -f -
	run -0 spiderpoolctl plan --replicas 12 --annotation 'ippool={"ipv4":["a","b"]}' -o json
	jq_is '[.fits, (.pools[] | .pool, .takes, .left)] | join(" ")' "true a 10 0 b 2 3"
	fails 5 spiderpoolctl plan --replicas 16 --annotation 'ippool={"ipv4":["a","b"]}'
	has "Room:      15"
	has "NIC eth0, IPv4: 1 more addresses"
	fails 5 spiderpoolctl plan --replicas 6 -o json \
		--annotation 'ippools=[{"interface":"eth0","ipv4":["a"]},{"interface":"net1","ipv4":["a"]}]'
	jq_is '[.room, .pools[0].takes, .pools[1].takes, .pools[1].left] | join(" ")' "5 5 5 0"
	ipam ADD c1 eth0 "$NETNS" "" "$(ipam_conf '{"default_ipv4_ippool": ["a"]}')"
	run -0 spiderpoolctl plan --replicas 9 --default-ipv4-ippool a
	fails 5 spiderpoolctl plan --replicas 10 --default-ipv4-ippool a
	fails 2 spiderpoolctl plan --replicas 0
}

@test "top: usage, the fullest first, huge pools" {
	{
		pool small 10.1.0.0/16 10.1.0.10-10.1.0.11 "default: true"
		pool huge fd00::/64 fd00::-fd00::ffff:ffff:ffff:ffff
		pool idle 10.3.0.0/16 10.3.0.10-10.3.0.11
	} | spiderpoolctl apply -f -
	ipam ADD c1 eth0 "$NETNS" ""
	run -0 spiderpoolctl top
	has "small  IPv4    1     2      50%  ██████████"
	has "2^64"
	[[ ${lines[1]} == small* ]]
	LC_ALL=C run -0 spiderpoolctl top small
	has "##########.........."
	same 2 "${#lines[@]}"
	run -0 spiderpoolctl top small -o json
	jq_is '.items[0] | [.used, .inUse, .total, .free] | join(" ")' "1 1 2 1"
	fails 3 spiderpoolctl top nope
	# Again and again, until nobody reads it any more.
	run -0 bash -c 'spiderpoolctl top -w 1 small -o json | jq --unbuffered -c ".items[0].used" | head -2'
	same "1
1" "$output"
}

@test "gc frees what is proved gone, and only that" {
	two_pools
	netns_new dead
	ipam ADD alive eth0 "$NETNS" "$(pod shop web-0)"
	ipam ADD known eth0 "/run/netns/$dead" "" "$(ipam_conf '{"default_ipv6_ippool": ["six"]}')"
	ipam ADD gone eth0 "/run/netns/$dead" "" "$(ipam_conf '{"default_ipv6_ippool": ["six"]}')"
	run -0 spiderpoolctl gc --cni-cache-dir "$DIR/cni"
	has "0 attachments freed"
	ip netns del "$dead"
	mkdir -p "$DIR/cni/results"
	jq -n '{kind: "cniCacheV1", containerId: "known", ifName: "eth0", networkName: "net"}' >"$DIR/cni/results/net-known-eth0"
	run -0 spiderpoolctl gc --dry-run --cni-cache-dir "$DIR/cni"
	has "fd00::12/64"
	has "its network namespace is gone, and the runtime does not know it"
	has "1 attachments would be freed"
	run -0 --separate-stderr spiderpoolctl gc --cni-cache-dir "$DIR/cni" -o json
	jq_is '.items | length' 1
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '[.items[].container] | unique | join(" ")' "alive known"
	# Another namespace under the same name is not the same.
	ip netns del "$ns" && ip netns add "$ns"
	run -0 spiderpoolctl gc --cni-cache-dir "$DIR/cni"
	has "10.1.0.10/16"
	has "1 attachments freed"
	run -0 spiderpoolctl fsck
}

@test "gc: who sees other directories than the plugin did frees nothing" {
	two_pools
	ipam ADD alive eth0 "$NETNS" "$(pod shop web-0)"
	netns_new dead
	ipam ADD gone eth0 "/run/netns/$dead" "" "$(ipam_conf '{"default_ipv6_ippool": ["six"]}')"
	ip netns del "$dead"
	elsewhere() { # HOW: as a container sees /run/netns
		unshare -m sh -c "mount --make-rprivate /; $1; exec \"\$@\"" sh spiderpoolctl gc --cni-cache-dir "$DIR/cni"
	}
	for how in "mount -t tmpfs none /run" "mount -t tmpfs none /run; mkdir /run/netns; touch /run/netns/$ns" \
		"mount -t tmpfs none /run/netns; touch /run/netns/other" "umount -l /run/netns/$ns /run/netns/$dead" \
		"umount -l -R /run/netns"; do
		run -0 elsewhere "$how"
		hasnt web-0
		run -0 spiderpoolctl ip list --state in-use -o json
		[[ $output == *'"alive"'* ]]
	done
	run -0 elsewhere "mount -t tmpfs none /run"
	has "attachments are not judged"
	run -0 spiderpoolctl gc --cni-cache-dir "$DIR/cni"
	hasnt judged
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '[.items[].container] | unique | join(" ")' alive
}

@test "gc: what was made before the last boot is gone, whatever is there now" {
	two_pools
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)"
	ipam ADD c2 eth0 "$NETNS" "$(pod shop web-1)"
	spiderpoolctl backup "$DIR/b"
	edit_backup '/"name":"eth0\/net"/{/"namespace":"c1"/s/\\"boot\\":\\"[0-9a-f-]*/\\"boot\\":\\"another/}'
	cmp -s "$DIR/b" "$DIR/b2" && false
	run -0 --separate-stderr spiderpoolctl restore --yes "$DIR/b2" --cni-cache-dir "$DIR/cni" -o json
	jq_is .goneContainersFreed 1
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '[.items[].container] | unique | join(" ")' c2
}

@test "fsck: finds what does not agree, and mends it" {
	two_pools
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)"
	run -0 spiderpoolctl fsck
	has "everything agrees"
	spiderpoolctl backup "$DIR/b"
	edit_backup '/"kind":"Attachment"/d'
	run -0 spiderpoolctl restore --yes "$DIR/b2" --cni-cache-dir "$DIR/cni"
	fails 5 spiderpoolctl fsck
	has "address 10.1.0.10 is held by container c1, NIC eth0, but no attachment names it"
	has "2 findings, 0 of them repaired"
	run -0 --separate-stderr spiderpoolctl fsck --repair -o json
	jq_is '[.items[].repaired] | unique | join(" ")' true
	run -0 spiderpoolctl fsck
	ipam DEL c1 eth0 "$NETNS"
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '.items | length' 0
}

@test "fsck: a remark is no finding" {
	two_pools
	ipam ADD c1 eth0 "$NETNS" "$(pod shop web-0)" "$(ipam_conf '{"keep_ip_by_pod_name": true}')"
	spiderpoolctl backup "$DIR/b"
	edit_backup '/"name":"blue"/d'
	run -0 spiderpoolctl restore --yes "$DIR/b2" --cni-cache-dir "$DIR/cni"
	run -0 spiderpoolctl fsck
	has "address 10.1.0.10 was given out by pool blue, which no longer exists"
	has "everything agrees (a remark is no finding)"
}

# host_local VERB CONTAINER NETNS
host_local() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=$3 CNI_PATH=/usr/lib/cni /usr/lib/cni/host-local <<<"$(
		jq -cn --arg dir "$DIR/networks" '{cniVersion: "1.0.0", name: "old", ipam: {type: "host-local",
			dataDir: $dir, ranges: [[{subnet: "10.1.0.0/16", rangeStart: "10.1.0.10"}],
				[{subnet: "fd00::/64", rangeStart: "fd00::10"}]]}}'
	)"
}

@test "import host-local: containers keep their addresses, a refusal changes nothing" {
	need /usr/lib/cni/host-local
	host_local ADD c1 "$NETNS"
	host_local ADD c2 "$NETNS"
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 | spiderpoolctl apply -f -
	fails 1 spiderpoolctl import host-local "$DIR/networks/old" --cni-cache-dir "$DIR/cni"
	has "address fd00::10 is not handed out by any pool"
	has "2 refused, so nothing was changed"
	run -0 spiderpoolctl ip list -o json
	jq_is '.items | length' 0
	pool six fd00::/64 fd00::10-fd00::1f | spiderpoolctl apply -f -
	fails 1 spiderpoolctl import host-local "$DIR/networks/old" --pool blue --cni-cache-dir "$DIR/cni"
	has "not handed out by pool blue"
	run -0 spiderpoolctl import host-local "$DIR/networks/old" --network net --dry-run --cni-cache-dir "$DIR/cni"
	has "can be claimed"
	run -0 --separate-stderr spiderpoolctl import host-local "$DIR/networks/old" --network net --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.items[] | .container + " " + .result + " " + (.addresses | join(","))] | join("; ")' \
		"c1 claimed 10.1.0.10,fd00::10; c2 claimed 10.1.0.11,fd00::11"
	run -0 spiderpoolctl import host-local "$DIR/networks/old" --network net --cni-cache-dir "$DIR/cni"
	has "known"
	run -0 spiderpoolctl fsck
	# Without a namespace that could be gone nothing proves anything.
	run -0 spiderpoolctl gc --cni-cache-dir "$DIR/cni"
	has "0 attachments freed"
	# What the containers have is answered again, nobody else gets it, and DEL frees it.
	conf=$(ipam_conf '{"default_ipv4_ippool": ["blue"], "default_ipv6_ippool": ["six"]}')
	run -0 ipam ADD c1 eth0 "$NETNS" "" "$conf"
	jq_is '[.ips[].address] | join(" ")' "10.1.0.10/16 fd00::10/64"
	run -0 ipam ADD c3 eth0 "$NETNS" "" "$conf"
	jq_is '[.ips[].address] | join(" ")' "10.1.0.12/16 fd00::12/64"
	ipam DEL c2 eth0 "$NETNS" "" "$conf"
	run -0 spiderpoolctl ip list --state in-use -o json
	jq_is '[.items[].container] | unique | join(" ")' "c1 c3"
	# Somebody else has one of them by now.
	host_local ADD c9 "$NETNS"
	fails 1 spiderpoolctl import host-local "$DIR/networks/old" --network net --cni-cache-dir "$DIR/cni"
	has "address 10.1.0.12 is held by pod - (container c3, NIC eth0, network net)"
	run -0 spiderpoolctl import host-local "$DIR/networks/old" --network net --cni-cache-dir "$DIR/cni" --skip-refused
	has "1 refused"
}

@test "import host-local: files that are wrong, old or of dead containers" {
	two_pools
	mkdir -p "$DIR/networks/net" "$DIR/cni/results"
	printf 'c1\r\neth0' >"$DIR/networks/net/10.1.0.10"
	printf '10.1.0.10' >"$DIR/networks/net/last_reserved_ip.0"
	: >"$DIR/networks/net/lock"
	printf 'c2' >"$DIR/networks/net/10.1.0.12"
	touch -d 2001-01-01 "$DIR/networks/net/10.1.0.12"
	run -0 spiderpoolctl import host-local "$DIR/networks/net" --dry-run --cni-cache-dir "$DIR/cni"
	has "from before the last boot, and the runtime does not know it"
	has "can be claimed"
	jq -n '{kind: "cniCacheV1", containerId: "c1", ifName: "eth0", networkName: "net", netns: "/run/netns/no-such"}' \
		>"$DIR/cni/results/net-c1-eth0"
	run -0 spiderpoolctl import host-local "$DIR/networks/net" --dry-run --cni-cache-dir "$DIR/cni"
	has "its network namespace is gone"
	hasnt "can be claimed"
	printf '../../etc\r\neth0' >"$DIR/networks/net/10.1.0.10"
	fails 1 spiderpoolctl import host-local "$DIR/networks/net" --cni-cache-dir "$DIR/cni"
	has 'is no container ID'
	fails 3 spiderpoolctl import host-local "$DIR/networks/none"
}

@test "backup and restore: what is newer and lives is claimed again" {
	need /usr/lib/cni/loopback
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "default: true" | spiderpoolctl apply -f -
	jq -n --arg dir "$STATE" '{cniVersion: "1.0.0", name: "net", plugins: [
		{type: "spiderpool", ipam: {type: "spiderpool", datastore: "local", state_dir: $dir, keep_ip_by_pod_name: true,
		log_file_path: ($dir + "/x.log")}}]}' >"$DIR/n.conflist"
	netns_new second
	netns_new third
	add() {
		spiderpoolctl cni add "$DIR/n.conflist" "$1" --cni-path "$BIN" --cache-dir "$DIR/cni" --args "$(pod shop "$2")"
	}
	add "$ns" web-0
	run -0 spiderpoolctl backup -o json
	jq_is .backup "$STATE/backup.json"
	run -0 spiderpoolctl backup - -o json
	same 1 "$(grep -c '"xxh64"' <<<"$output")"
	add "$second" web-1
	add "$third" web-2
	ip netns del "$third"
	fails 2 spiderpoolctl restore </dev/null
	has "want --yes"
	run -0 --separate-stderr spiderpoolctl restore --yes --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.claimedAgain, .refused, .attachments[0].pod] | join(" ")' "1 0 shop/web-1"
	[[ $stderr == *"every address is probed before use"* ]]
	run -0 spiderpoolctl ip list -o json
	jq_is '[.items[] | .address + " " + .pod + " " + .keptFor] | join("; ")' \
		"10.1.0.10 shop/web-0 shop/web-0; 10.1.0.11 shop/web-1 shop/web-1"
	run -0 spiderpoolctl get se -A -o name
	same 2 "${#lines[@]}"
	run -0 spiderpoolctl fsck
	run -0 spiderpoolctl status -o json
	jq_is .probingAfterRestore true
	run -0 spiderpoolctl restore --confirm
	run -0 spiderpoolctl status -o json
	jq_is .probingAfterRestore false
	fails 2 spiderpoolctl restore --confirm --yes
	# A record that lost its attachment, and a kept address whose pod is in a new sandbox, are their owners'.
	spiderpoolctl backup "$DIR/b"
	edit_backup '/"kind":"Attachment"/d'
	run -0 --separate-stderr spiderpoolctl restore --yes "$DIR/b2" --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.claimedAgain, .refused] | join(" ")' "2 0"
	spiderpoolctl backup "$DIR/b"
	spiderpoolctl cni del "$DIR/n.conflist" "$ns" --cni-path "$BIN" --cache-dir "$DIR/cni"
	netns_new fourth
	add "$fourth" web-0
	ip netns del "$ns"
	run -0 --separate-stderr spiderpoolctl restore --yes "$DIR/b" --cni-cache-dir "$DIR/cni" -o json
	jq_is '[.goneContainersFreed, .claimedAgain, .refused, .attachments[0].addresses[0]] | join(" ")' "1 1 0 10.1.0.10"
	run -0 spiderpoolctl fsck
	# A damaged store is told, with the way out.
	head -c 5000 /dev/urandom | dd of="$STATE/data.mdb" bs=1 seek=0 conv=notrunc 2>/dev/null
	fails 1 spiderpoolctl ip list
	has "spiderpoolctl restore"
	run -0 spiderpoolctl restore --yes --cni-cache-dir "$DIR/cni"
	run -0 spiderpoolctl fsck
	echo '{"nonsense":' >"$DIR/b"
	fails 1 spiderpoolctl restore --yes "$DIR/b"
	run -0 spiderpoolctl get sp blue
}

@test "backup: into new or regular files only; waits for one that is just being written" {
	two_pools
	mkfifo "$DIR/fifo"
	ln -s "$DIR/b" "$DIR/link"
	for file in "$DIR/fifo" "$DIR/link" /dev/null /dev/stdout; do
		before=$(stat -c '%F %t %T' "$file")
		fails 1 spiderpoolctl backup "$file"
		has '"-" is standard output'
		same "$before" "$(stat -c '%F %t %T' "$file")"
	done
	exec 8>"$STATE/backup.json.tmp"
	flock 8
	fails 4 spiderpoolctl backup --timeout 1s
	has "another process is just writing it"
	background sh -c "sleep 1; flock -u 8" 8>&8
	run -0 spiderpoolctl backup --timeout 20s
	exec 8>&-
	run -0 tail -n 1 "$STATE/backup.json"
	has xxh64
}
