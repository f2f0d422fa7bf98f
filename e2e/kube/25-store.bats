#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Four nodes' stores with the engine on top (test/kube/test_kube_store.c), on one real API server that the test stops too.
# shellcheck disable=SC2154

load lib

setup_file() {
	export CLUSTER=$BATS_TEST_DIRNAME/cluster.sh CMOCKA_MESSAGE_OUTPUT=TAP
	kube_up api
	kubectl apply -k "$BATS_TEST_DIRNAME/../../deploy/crds"
	kubectl wait --for=condition=Established --timeout=20s crd --all
	eventually 20 kubectl get sp,sib,se,sr
}

teardown() {
	kube_explain
}

teardown_file() {
	kube_down
}

@test "many on one exactly fitting pool, on overlapping pools, over a bad network, with a server that dies: none twice, none lost" {
	cluster control "$BATS_TEST_DIRNAME/../../${BUILD:-build}/test/kube/test_kube_store"
}
