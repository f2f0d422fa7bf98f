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
