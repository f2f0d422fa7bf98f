#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What an agent sees of a real API server, which the test stops too, with the rights of deploy/agent.
# shellcheck disable=SC2154

load lib

setup_file() {
	export CLUSTER=$BATS_TEST_DIRNAME/cluster.sh CMOCKA_MESSAGE_OUTPUT=TAP
	kube_up api
	kubectl apply -f "$BATS_TEST_DIRNAME/../../deploy/agent/rbac.yaml"
	AGENT_TOKEN=$(kubectl create -f - --raw /api/v1/namespaces/kube-system/serviceaccounts/spiderpool-agent/token \
		<<<'{"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{"expirationSeconds":3600}}' |
		jq -r .status.token)
	export AGENT_TOKEN
}

teardown() {
	kube_explain
}

teardown_file() {
	kube_down
}

@test "an agent's view: its own pods, owners, what keeps addresses, an API server that restarts, rights that are missing" {
	cluster control "$BATS_TEST_DIRNAME/../../${BUILD:-build}/test/kube/test_kube_agent_view"
}
