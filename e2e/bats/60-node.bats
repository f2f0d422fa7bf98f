#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# A node that belongs to a cluster: addresses outside the cluster's truth only if its administrator allows it.

load lib
load world

setup() {
	lib_setup
	need_root
	need jq
	netns_new HOST
	netns_new P
	pool v4 10.1.0.0/24 10.1.0.10-10.1.0.19 "default: true" | spiderpoolctl apply -f - >/dev/null
	mkdir -p "$DIR/var-lib/spiderpool"
	conf=$(ipam_conf)
}

teardown() {
	lib_teardown
}

# on_node VERB CONTAINER [CONF]: through call, where /var/lib and /etc/spiderpool are this test's
on_node() {
	call ipam_on_node "$@"
}
ipam_on_node() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_NETNS=/run/netns/$P CNI_PATH=$BIN \
		private "$HOST" spiderpool <<<"${3:-$conf}"
}

@test "with an agent installed, datastore local gives nothing out, and takes back what it gave before" {
	on_node ADD c1
	succeeded
	touch "$DIR/var-lib/spiderpool/agent.installed"
	on_node ADD c2
	refused 7 "/var/lib/spiderpool/agent.installed exists"
	has "/etc/spiderpool/allow-local-datastore"
	on_node ADD c1
	refused 7 agent.installed
	on_node STATUS "" "$(with_version 1.1.0 "$conf")"
	refused 50 agent.installed
	same 1 "$(in_use)"
	prev='{"cniVersion":"1.0.0","ips":[{"address":"10.1.0.10/24"}]}'
	on_node CHECK c1 "$(with_prev "$conf" "$prev")"
	succeeded
	on_node DEL c1
	succeeded
	same 0 "$(in_use)"
}

@test "the administrator may allow it" {
	touch "$DIR/var-lib/spiderpool/agent.installed"
	mkdir -p "$DIR/etc-spiderpool"
	touch "$DIR/etc-spiderpool/allow-local-datastore"
	on_node ADD c1
	succeeded
	has 10.1.0.10
	on_node STATUS "" "$(with_version 1.1.0 "$conf")"
	succeeded
	# control: something else in that directory allows nothing
	mv "$DIR/etc-spiderpool/allow-local-datastore" "$DIR/etc-spiderpool/allow-something"
	on_node ADD c2
	refused 7 agent.installed
}

@test "another state directory does not get around the marker" {
	touch "$DIR/var-lib/spiderpool/agent.installed"
	mkdir -m 700 "$DIR/other"
	on_node ADD c1 "${conf//"$STATE"/$DIR/other}"
	refused 7 agent.installed
	# control: the marker counts only in its own place
	mv "$DIR/var-lib/spiderpool/agent.installed" "$STATE/agent.installed"
	on_node ADD c1
	succeeded
}
