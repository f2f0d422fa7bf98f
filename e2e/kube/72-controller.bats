#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Replicas of the controller: one leads, another takes over; probes; metrics; what is wrong with its settings.
# shellcheck disable=SC2154

load lib
load agent
load controller

setup_file() {
	kube_up api
	agent_install
	controller_install
}

teardown() {
	controller_explain 1 2
	kube_explain
}

teardown_file() {
	kube_down
}

leads() { # N
	[ "$(controller_leader)" = "$1" ]
}

@test "R00007: one replica leads; when it is stopped the other takes over at once, when it is killed within the lease" {
	local fast="SPIDERPOOL_LEADER_DURATION=4 SPIDERPOOL_LEADER_RENEW_DEADLINE=3 SPIDERPOOL_LEADER_RETRY_PERIOD=1"
	# shellcheck disable=SC2086
	controller_start 1 $fast
	eventually 20 leads 1
	# shellcheck disable=SC2086
	controller_start 2 $fast
	leads 1
	run controller_metrics 1
	has "spiderpool_controller_leading 1"
	run controller_metrics 2
	has "spiderpool_controller_leading 0"
	controller_stop 1
	eventually 10 leads 2
	# shellcheck disable=SC2086
	controller_start 1 $fast
	leads 2
	controller_stop 2 KILL
	eventually 15 leads 1
	eventually 5 controller_ready 1
}

@test "a replica that is stopped ends within five seconds, also while the API server hangs" {
	local pid
	pid=$(cat "$KUBE_DIR/services/kube-apiserver.pid")
	kill -STOP "$pid"
	controller_stop 1
	kill -CONT "$pid"
	eventually 20 kubectl get ns
}

@test "settings that are wrong are named, all of them" {
	run cluster control env KUBECONFIG=/x SPIDERPOOL_HEALTH_PORT=0 SPIDERPOOL_GC_IP_ENABLED=maybe \
		"$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpool-controller" daemon --config-path "$KUBE_DIR/agents/conf.yml"
	same "$status" 2
	has 'SPIDERPOOL_POD_NAMESPACE is missing or empty'
	has 'SPIDERPOOL_HEALTH_PORT: want a whole number, 1 to 65535, got "0"'
	has 'SPIDERPOOL_GC_IP_ENABLED: want true or false, got "maybe"'
	run cluster control "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpool-controller" daemon --tls-server-cert x
	same "$status" 2
	has 'usage: spiderpool-controller daemon'
}
