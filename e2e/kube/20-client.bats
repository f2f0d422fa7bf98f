#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# pkg/kube against a real API server and etcd, which the tests stop, kill and set back (test/kube). HTTP/2 is what the
# server offers; what depends on connections is tried with HTTP/1.1 too.
# shellcheck disable=SC2154

load lib

setup_file() {
	export CLUSTER=$BATS_TEST_DIRNAME/cluster.sh CMOCKA_MESSAGE_OUTPUT=TAP
	kube_up api
}

teardown() {
	kube_explain
}

teardown_file() {
	kube_down
}

# A program of test/kube, beside the control plane.
program() {
	cluster control "$BATS_TEST_DIRNAME/../../${BUILD:-build}/test/kube/test_kube_$1"
}

@test "objects: conflicts, preconditions, patches, 2 000 in pages, pages that expire" {
	program object
}

@test "credentials: tokens, a token file that changes, client certificates, whom we trust" {
	program auth
}

@test "an API server that hangs, dies and comes back: nobody waits, what is said of a write is true" {
	program trouble
}

@test "watches: restarts, compaction, silence, etcd set back" {
	program watch
}

@test "watches without HTTP/2" {
	KUBE_TEST_HTTP1=1 program watch
}

@test "leases: one leader, whether it dies, goes, is stopped or cannot renew" {
	program lease
}
