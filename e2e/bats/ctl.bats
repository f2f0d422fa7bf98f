#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# spiderpoolctl: manifests, objects, output formats, the command line.

load lib

setup() {
	lib_setup
	need_root
	need jq
}

teardown() {
	lib_teardown
}

@test "apply makes the state directory, get shows what is there" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "gateway: 10.1.0.1"
		pool six fd00::/64 fd00::1-fd00::ffff
	} >"$DIR/p.yaml"
	run -0 spiderpoolctl apply -f "$DIR/p.yaml"
	same "spiderippool.spiderpool.spidernet.io/blue created
spiderippool.spiderpool.spidernet.io/six created" "$output"
	same 700 "$(stat -c %a "$STATE")"
	run -0 spiderpoolctl get sp
	same "NAME  VERSION  SUBNET       ALLOCATED-IP-COUNT  TOTAL-IP-COUNT  DEFAULT
blue  4        10.1.0.0/16  0                   11              false
six   6        fd00::/64    0                   65535           false" "$output"
	run -0 spiderpoolctl get ippools -o name
	same "spiderippool.spiderpool.spidernet.io/blue
spiderippool.spiderpool.spidernet.io/six" "$output"
	run -0 spiderpoolctl get sp blue -o json
	jq_is .spec.gateway 10.1.0.1
	jq_is .kind SpiderIPPool
	run -0 spiderpoolctl get sp -o json
	jq_is '.kind + " " + .items[1].metadata.name' "List six"
	run -0 spiderpoolctl get spiderippool.spiderpool.spidernet.io/blue -o yaml
	has 'subnet: 10.1.0.0/16'
}

@test "what get prints can be applied again, in YAML and in JSON, and changes nothing" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "nodeAffinity: {matchLabels: {zone: a}}" "default: true"
		pool six fd00::/64 fd00::1-fd00::ffff
	} | spiderpoolctl apply -f -
	for format in yaml json; do
		spiderpoolctl get sp -o $format >"$DIR/again"
		run -0 spiderpoolctl apply -f "$DIR/again"
		same "spiderippool.spiderpool.spidernet.io/blue unchanged
spiderippool.spiderpool.spidernet.io/six unchanged" "$output"
	done
	same "$(spiderpoolctl get sp -o json | jq -S .)" "$(spiderpoolctl get sp -o yaml | spiderpoolctl apply -f - >/dev/null; spiderpoolctl get sp -o json | jq -S .)"
}

@test "apply: every document is tried, errors name file and line, unknown fields are told" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "vlan: 3"
		pool wrong 10.1.0.0/16 10.2.0.1-10.2.0.3
		printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n---\n'
		pool green 10.3.0.0/16 10.3.0.10-10.3.0.20
	} >"$DIR/p.yaml"
	fails 1 spiderpoolctl apply -f "$DIR/p.yaml"
	has "spiderippool.spiderpool.spidernet.io/blue created"
	has "spiderippool.spiderpool.spidernet.io/green created"
	has "warning: $DIR/p.yaml:1: SpiderIPPool blue: spec.vlan: unknown field, left out"
	has "$DIR/p.yaml:10: SpiderIPPool wrong: "
	has "$DIR/p.yaml:18: apiVersion: v1 found"
	run -0 spiderpoolctl get sp -o name
	same 2 "${#lines[@]}"
	printf 'kind: [\n' >"$DIR/bad.yaml"
	fails 1 spiderpoolctl apply -f "$DIR/bad.yaml"
	has "spiderpoolctl: $DIR/bad.yaml:2:"
}

@test "apply, delete: an object without a name is refused, the documents behind it are tried" {
	for kind in SpiderIPPool SpiderSubnet SpiderReservedIP; do
		for meta in "" "metadata:" "metadata: {}" "metadata: {name: null}" "metadata: {name: ''}" \
			"metadata: {generateName: blue-}" "metadata: {labels: {a: b}}" "metadata: {namespace: null}"; do
			{
				printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: %s\n%s\n' "$kind" "$meta"
				printf 'spec: {subnet: 10.1.0.0/16, ips: [10.1.0.10]}\n---\n'
				pool green 10.3.0.0/16 10.3.0.10-10.3.0.20
			} >"$DIR/p.yaml"
			fails 1 spiderpoolctl apply -f "$DIR/p.yaml"
			has "$DIR/p.yaml:1: $kind: metadata.name: missing: want a name"
			has "spiderippool.spiderpool.spidernet.io/green"
			fails 1 spiderpoolctl apply --dry-run -f "$DIR/p.yaml"
			has "metadata.name: missing"
			fails 1 spiderpoolctl delete --dry-run -f "$DIR/p.yaml"
			has "green deleted"
		done
	done
	printf '{"kind": "List", "items": [null, 3, [], {}, "x"]}' >"$DIR/l.json"
	fails 1 spiderpoolctl apply -f "$DIR/l.json"
	has "$DIR/l.json:1: items[4]: "
}

@test "apply: several files, directories, standard input, lists, dry run" {
	mkdir "$DIR/d"
	pool b 10.2.0.0/16 10.2.0.10-10.2.0.20 >"$DIR/d/2.yml"
	pool a 10.1.0.0/16 10.1.0.10-10.1.0.20 >"$DIR/d/1.yaml"
	echo "not a manifest" >"$DIR/d/readme.txt"
	run -0 spiderpoolctl apply --dry-run -f "$DIR/d" -o json
	jq_is '[.items[] | .name + " " + .result + " " + (.dryRun|tostring)] | join(", ")' "a created true, b created true"
	fails 0 spiderpoolctl get sp
	has "no SpiderIPPool found"
	run -0 spiderpoolctl apply --dry-run -f "$DIR/d/1.yaml"
	same "spiderippool.spiderpool.spidernet.io/a created (dry run)" "$output"
	run -0 spiderpoolctl apply -f "$DIR/d" -f - -o yaml < <(pool c 10.4.0.0/16 10.4.0.10-10.4.0.20)
	has "name: c"
	has "source: standard input:1"
	spiderpoolctl get sp -o json | jq '.items |= map(.spec.excludeIPs = [.spec.ips[0][0:9]])' >"$DIR/list.json"
	run -0 spiderpoolctl apply -f "$DIR/list.json"
	same 3 "$(grep -c configured <<<"$output")"
	fails 3 spiderpoolctl apply -f "$DIR/nothing.yaml"
	mkdir "$DIR/empty"
	fails 3 spiderpoolctl apply -f "$DIR/empty"
	has "no *.yaml"
	fails 2 spiderpoolctl apply
}

@test "delete: names, manifests, refused while in use, not found" {
	netns_new ns
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "default: true"
		pool green 10.2.0.0/16 10.2.0.10-10.2.0.20
		pool red 10.3.0.0/16 10.3.0.10-10.3.0.20
	} | spiderpoolctl apply -f -
	ipam ADD c1 eth0 "/run/netns/$ns" "$(pod shop web-0)"
	fails 1 spiderpoolctl delete sp blue
	has "SpiderIPPool blue: 1 of its addresses in use, 10.1.0.10 for one"
	fails 3 spiderpoolctl delete sp nope
	has "SpiderIPPool nope: there is none"
	run -0 spiderpoolctl delete sp nope --ignore-not-found
	run -0 spiderpoolctl delete sp/green --dry-run
	same "spiderippool.spiderpool.spidernet.io/green deleted (dry run)" "$output"
	fails 1 spiderpoolctl delete sp green blue red
	has "green deleted"
	has "red deleted"
	pool red 10.3.0.0/16 10.3.0.10-10.3.0.20 | spiderpoolctl apply -f -
	run -0 spiderpoolctl delete -o json -f - < <(pool red 10.3.0.0/16 10.3.0.10-10.3.0.20)
	jq_is '.items[0].name + " " + .items[0].result' "red deleted"
	fails 1 spiderpoolctl delete se web-0
	has "written by spiderpool itself"
	ipam DEL c1 eth0 "/run/netns/$ns"
	run -0 spiderpoolctl delete sp blue -o name
	same "spiderippool.spiderpool.spidernet.io/blue" "$output"
	fails 2 spiderpoolctl delete sp
	fails 2 spiderpoolctl delete
}

@test "get: endpoints by namespace, blocks, wide, what is missing" {
	netns_new ns
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "default: true" "nodeName: [$(hostname | tr A-Z a-z)]" |
		spiderpoolctl apply -f -
	ipam ADD c1 eth0 "/run/netns/$ns" "$(pod shop web-0)"
	ipam ADD c2 eth0 "/run/netns/$ns" "$(pod other web-1)"
	run -0 spiderpoolctl get se -n shop
	same 2 "${#lines[@]}"
	has "shop       web-0  eth0       blue      10.1.0.10/16"
	run -0 spiderpoolctl get endpoints -A -o json
	jq_is '[.items[].metadata | .namespace + "/" + .name] | join(" ")' "other/web-1 shop/web-0"
	run -0 spiderpoolctl get se web-0 -n shop -o yaml
	has 'ipv4: 10.1.0.10/16'
	fails 3 spiderpoolctl get se web-0
	has "SpiderEndpoint default/web-0: there is none"
	run -0 spiderpoolctl get sib
	has "v4-0a010000  4        10.1.0.0/26  2"
	run -0 spiderpoolctl get sp -o wide
	has "NODENAME"
	run -0 spiderpoolctl get sp
	hasnt "NODENAME"
	has "blue  4        10.1.0.0/16  2 "
	run -0 spiderpoolctl get sp blue -o json
	jq_is '.status.allocatedIPs | fromjson | ."10.1.0.11".pod' "other/web-1"
	fails 3 spiderpoolctl get sp blue nope
	has "blue"
	has "nope: there is none"
	fails 2 spiderpoolctl get pods
	has "spiderippools (sp)"
	fails 3 spiderpoolctl --state-dir "$DIR/none" get sp
	has "spiderpoolctl apply --state-dir $DIR/none"
}

@test "describe: usage, holders, problems" {
	netns_new ns
	{
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderSubnet\nmetadata: {name: s}\n'
		printf 'spec: {subnet: 10.1.0.0/16, ips: ["10.1.0.10-10.1.0.50"]}\n---\n'
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: r}\n'
		printf 'spec: {ips: ["10.1.0.12"]}\n---\n'
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.12 "default: true"
		pool dark 10.2.0.0/16 10.2.0.10 "disable: true" "gateway: 10.2.0.1"
	} | spiderpoolctl apply -f -
	ipam ADD c1 eth0 "/run/netns/$ns" "$(pod shop web-0)"
	run -0 spiderpoolctl describe sp blue -o json
	jq_is '.usage | [.total, .inUse, .reserved, .free] | join(" ")' "3 1 1 1"
	jq_is '.addresses[0].pod' shop/web-0
	jq_is '.problems | length' 0
	ipam ADD c2 eth0 "/run/netns/$ns" "$(pod shop web-1)"
	run -0 spiderpoolctl describe sp/blue
	has "full: none of its 3 addresses is free"
	has "10.1.0.10  in-use  blue  shop/web-0  uid-web-0  eth0"
	run -0 spiderpoolctl describe sp dark
	has "disabled: it gives out nothing"
	run -0 spiderpoolctl describe ss s
	has "Without pool:  10.1.0.13-10.1.0.50"
	run -0 spiderpoolctl describe sr r -o json
	jq_is '.keptFromPools[0].pool' blue
	run -0 spiderpoolctl describe se web-0 -n shop -o json
	jq_is '.sandboxes[0] | .container + " " + .netnsState' "c1 there"
	ip netns del "$ns"
	run -0 spiderpoolctl describe se web-0 -n shop
	has "network namespace /run/netns/$ns is gone"
	run -0 spiderpoolctl describe sib v4-0a010000
	has "10.1.0.11  in-use"
	fails 3 spiderpoolctl describe sp nope
}

@test "every command prints JSON and YAML that say the same" {
	python3 -c 'import yaml' 2>/dev/null || skip "needs python3-yaml"
	netns_new ns
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 "default: true" | spiderpoolctl apply -f -
	ipam ADD c1 eth0 "/run/netns/$ns" "$(pod shop web-0)"
	mkdir "$DIR/hl"
	while read -r command; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr spiderpoolctl $command -o json
		jq -e . <<<"$output" >/dev/null
		json=$output
		# shellcheck disable=SC2086
		run -0 --separate-stderr spiderpoolctl $command -o yaml
		same "$(jq -S . <<<"$json")" "$(python3 -c 'import json,sys,yaml;print(json.dumps(yaml.safe_load(sys.stdin)))' <<<"$output" | jq -S .)"
	done <<-END
		get sp
		get sp blue
		get se -A
		get sib
		get ss
		describe sp blue
		describe se web-0 -n shop
		ip list
		ip show 10.1.0.10
		ip list --state kept
		why shop/web-0
		plan --replicas 3
		top
		gc --dry-run
		fsck
		import host-local $DIR/hl
	END
}

@test "the command line: help at every level, suggestions, exit status 2" {
	run -0 spiderpoolctl --version
	has "spiderpoolctl $(cat "$ROOT/VERSION")"
	run -0 spiderpoolctl --help
	for c in apply get describe delete ip gc fsck import why plan top backup restore status cni; do
		has "  $c "
		run -0 spiderpoolctl $c --help
		has "Usage: spiderpoolctl $c"
		run -0 spiderpoolctl --help
	done
	run -0 spiderpoolctl help ip release
	has "--force"
	fails 2 spiderpoolctl
	fails 2 spiderpoolctl aply
	same 'spiderpoolctl: unknown command "aply"; do you mean "spiderpoolctl apply"?' "$output"
	fails 2 spiderpoolctl get sp --ouput json
	has "do you mean --output?"
	fails 2 spiderpoolctl get sp -o xml
	fails 2 spiderpoolctl top -o name
	fails 2 spiderpoolctl ip show nonsense
	fails 2 spiderpoolctl ip quarantine 10.0.0.1 --for soon
	fails 2 spiderpoolctl plan
	fails 2 spiderpoolctl why
}

@test "completion offers commands, options, kinds and names" {
	{
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20
		pool black 10.2.0.0/16 10.2.0.10-10.2.0.20
	} | spiderpoolctl apply -f -
	complete_line() {
		bash -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); compopt() { :; }
			_spiderpoolctl; echo "${COMPREPLY[*]}"' "$ROOT/cmd/ctl/completion.bash" spiderpoolctl "$@"
	}
	same "get gc" "$(complete_line g)"
	same "black blue" "$(complete_line get sp bl)"
	same "blue" "$(complete_line --state-dir "$STATE" top blu)"
	same "json" "$(complete_line get sp -o j)"
	same "--force" "$(complete_line ip release --fo)"
	same "" "$(complete_line get sp blue --nonsense x y)"
	same "spiderpoolctl" "$(bash -c '. "$0"; complete -p spiderpoolctl' "$ROOT/cmd/ctl/completion.bash" | awk '{print $NF}')"
}

@test "a held lock ends in exit status 4, readers go on" {
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 | spiderpoolctl apply -f -
	coproc "$TOOLS/hold-lock" "$STATE"
	local pid=$COPROC_PID
	read -r -u "${COPROC[0]}" line
	same held "$line"
	fails 4 spiderpoolctl --timeout 1s ip quarantine 10.1.0.10
	has "another process has held the lock for more than 1 s; nothing was changed"
	run -0 spiderpoolctl --timeout 1s ip list
	exec {COPROC[1]}>&-
	wait "$pid"
	run -0 spiderpoolctl --timeout 1s ip quarantine 10.1.0.10
}

@test "output that cannot be written is a failure" {
	pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20 | spiderpoolctl apply -f -
	run bash -c 'spiderpoolctl get sp >/dev/full'
	same 1 "$status"
	has "standard output"
}

@test "a relative state directory is that of the caller, a byte order mark is no text, no wait is none" {
	cd "$DIR"
	{
		printf '\xef\xbb\xbf'
		pool blue 10.1.0.0/16 10.1.0.10-10.1.0.20
	} >p.yaml
	run -0 spiderpoolctl apply --state-dir here -f p.yaml
	run -0 spiderpoolctl get sp --state-dir "$DIR/here" -o name
	same spiderippool.spiderpool.spidernet.io/blue "$output"
	run -0 spiderpoolctl backup --state-dir here -o json
	jq_is .backup "$DIR/here/backup.json"
	fails 2 spiderpoolctl status --timeout 0
	has "--timeout: want more than 0"
	fails 2 spiderpoolctl get
	same "spiderpoolctl: get: too few operands; want KIND [NAME]... | KIND/NAME" "$output"
	fails 2 spiderpoolctl ip
	has "spiderpoolctl: want a command; "
}

@test "apply: a dry run checks each document against those before it" {
	{
		pool a 10.1.0.0/16 10.1.0.10-10.1.0.20
		pool b 10.1.0.0/16 10.1.0.20-10.1.0.30
		pool a 10.1.0.0/16 10.1.0.10-10.1.0.19
		pool b 10.1.0.0/16 10.1.0.20-10.1.0.30
		pool b 10.1.0.0/16 10.1.0.20-10.1.0.30
	} >"$DIR/p.yaml"
	fails 1 spiderpoolctl apply --dry-run -f "$DIR/p.yaml"
	dry=${output//" (dry run)"/}
	has "SpiderIPPool b: spec.ips: 10.1.0.20: SpiderIPPool a has them too"
	run -0 spiderpoolctl get sp -o name
	same "" "$output"
	fails 1 spiderpoolctl apply -f "$DIR/p.yaml"
	same "$output" "$dry"
	has "/b unchanged"
}

@test "apply, delete: warnings and what to do" {
	run -0 spiderpoolctl apply -f - < <(pool edges 10.1.0.0/24 10.1.0.0-10.1.0.255 && pool p2p 10.2.0.0/31 10.2.0.0-10.2.0.1)
	has "warning: standard input:1: SpiderIPPool edges hands out the network's own address"
	has "SpiderIPPool edges hands out the broadcast address"
	hasnt p2p\ hands
	run -0 spiderpoolctl apply -f - < <(pool edges 10.1.0.0/24 10.1.0.0-10.1.0.255)
	hasnt warning
	fails 1 spiderpoolctl apply -f - < <(printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: x}\nspec: {disable: true}\n')
	has "spec.subnet: missing: want a network"
	fails 1 spiderpoolctl apply -f - < <(pool x 10.3.0.0/24 10.3.0.1 'ipVersion: "4"')
	has 'spec.ipVersion: want a whole number, got "4"'
	run -0 spiderpoolctl ip quarantine 203.0.113.9
	has "warning: no pool hands out 203.0.113.9"
	run -0 spiderpoolctl ip quarantine 10.1.0.9
	hasnt warning
	netns_new ns
	keep=$(ipam_conf '{"keep_ip_by_pod_name": true, "default_ipv4_ippool": ["edges"]}')
	ipam ADD c1 eth0 "/run/netns/$ns" "$(pod shop web-0)" "$keep"
	run -0 spiderpoolctl why shop/web-0 --default-ipv4-ippool edges -o json
	jq_is '.next[0] | .address + " " + .heldBy' "10.1.0.0 c1"
	ipam DEL c1 eth0 "/run/netns/$ns" "" "$keep"
	fails 1 spiderpoolctl delete sp edges
	has 'what is only kept for a Pod goes with "spiderpoolctl ip release"'
	fails 1 spiderpoolctl apply -f - < <(pool edges 10.1.0.0/24 10.1.0.1)
	has 'goes with "spiderpoolctl ip release"'
	run -0 spiderpoolctl ip release 10.1.0.0
	run -0 spiderpoolctl ip show 10.1.0.0 -o json
	jq_is '.state + " " + (.until | type)' "cooling string"
	run -0 --separate-stderr spiderpoolctl why x --default-ipv4-ippool none -o json
	jq_is '.next[0] | has("address") and .address == null' true
	run -0 spiderpoolctl why x --default-ipv4-ippool none
}
