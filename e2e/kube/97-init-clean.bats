#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# What spiderpool-init makes with its own account's rights, and `clean`, on an API server.
# shellcheck disable=SC2154

load lib

setup_file() {
	kube_up api
	local deploy=$BATS_TEST_DIRNAME/../../deploy
	BIN=$(cd "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin" && pwd)
	export BIN
	kubectl apply -k "$deploy/crds" >&2
	kubectl wait --for=condition=Established --timeout=20s crd --all >&2
	kubectl apply -k "$deploy/init" >&2
	kubectl delete job -n kube-system spiderpool-init >&2
	token spiderpool-init
	eventually 20 kubectl get sp,ss,sr,sib,scc,se,smc -A
}

teardown() { kube_explain; }
teardown_file() { kube_down; }

# token ACCOUNT: $KUBE_DIR/ACCOUNT.kubeconfig is that account's.
token() {
	echo '{"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}' |
		kubectl create --raw "/api/v1/namespaces/kube-system/serviceaccounts/$1/token" -f - |
		jq -j .status.token >"$KUBE_DIR/$1.token"
	sed "s|{token: admin-token}|{tokenFile: $KUBE_DIR/$1.token}|" "$KUBECONFIG" >"$KUBE_DIR/$1.kubeconfig"
}

init() { # [VARIABLE=VALUE]...
	cluster control env -i SPIDERPOOL_NAMESPACE=kube-system SPIDERPOOL_CONTROLLER_NAME=spiderpool-controller \
		SPIDERPOOL_AGENT_NAME=spiderpool-agent SPIDERPOOL_INIT_ENABLE_MULTUS_CONFIG=false \
		KUBECONFIG="$KUBE_DIR/spiderpool-init.kubeconfig" SPIDERPOOL_INIT_TIMEOUT_SECONDS=60 "$@" \
		"$BIN/spiderpool-controller" init 2>&1
}

controller_endpoint() {
	kubectl apply -f - <<-YAML
		apiVersion: v1
		kind: Endpoints
		metadata: {name: spiderpool-controller, namespace: kube-system}
		subsets: [{addresses: [{ip: 10.111.0.1}], ports: [{port: 5722}]}]
	YAML
}

names() { # KIND
	kubectl get "$1" -A --no-headers -o custom-columns=N:.metadata.name 2>/dev/null | sort | tr '\n' ' '
}

ctl() {
	cluster control "$BIN/spiderpoolctl" --kubeconfig "$KUBECONFIG" "$@"
}

FAMILIES=(SPIDERPOOL_INIT_DEFAULT_IPV4_SUBNET_NAME=default-v4-subnet SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_NAME=default-v4-ippool
	SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_SUBNET=10.111.0.0/16 "SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_IPRANGES=[10.111.4.1-10.111.4.9]"
	SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_GATEWAY=10.111.0.1
	SPIDERPOOL_INIT_DEFAULT_IPV6_SUBNET_NAME=default-v6-subnet SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_NAME=default-v6-ippool
	SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_SUBNET=fd00::/64 SPIDERPOOL_INIT_DEFAULT_IPV6_IPPOOL_IPRANGES=fd00::2-fd00::9)

@test "called spiderpool-init it is that, as in the image" {
	ln -s "$BIN/spiderpool-controller" "$BATS_TEST_TMPDIR/spiderpool-init"
	run -2 "$BATS_TEST_TMPDIR/spiderpool-init"
	has "spiderpool-init: environment: SPIDERPOOL_NAMESPACE is missing or empty"
	run -2 "$BATS_TEST_TMPDIR/spiderpool-init" now
	has "no arguments are wanted"
}

@test "init waits for a controller, and gives up with a sentence" {
	run -1 init SPIDERPOOL_INIT_TIMEOUT_SECONDS=4
	has "endpoints"
	kubectl apply -f - <<-YAML
		apiVersion: v1
		kind: Endpoints
		metadata: {name: spiderpool-controller, namespace: kube-system}
	YAML
	run -1 init SPIDERPOOL_INIT_TIMEOUT_SECONDS=3
	has "no controller is ready: Service kube-system/spiderpool-controller has no endpoint"
}

@test "init makes all that it is told, with its own account, and a second time nothing" {
	local cni=$BATS_TEST_TMPDIR/cni
	mkdir "$cni"
	echo '{"name": "k8s-pod-network", "plugins": []}' >"$cni/10-calico.conflist"
	all=("${FAMILIES[@]}" SPIDERPOOL_INIT_DEFAULT_COORDINATOR_NAME=default SPIDERPOOL_INIT_DEFAULT_COORDINATOR_HIJACK_CIDR=169.254.0.0/16
		SPIDERPOOL_INIT_ENABLE_MULTUS_CONFIG=true SPIDERPOOL_INIT_DEFAULT_CNI_DIR="$cni" SPIDERPOOL_INIT_DEFAULT_CNI_NAMESPACE=kube-system)
	(sleep 3 && controller_endpoint >&2) 3>&- &
	run -0 init "${all[@]}"
	has "trying again: no controller is ready"
	has "SpiderIPPool default-v6-ippool: made"
	same "default " "$(names scc)"
	same "default-v4-subnet default-v6-subnet " "$(names ss)"
	same "default-v4-ippool default-v6-ippool " "$(names sp)"
	same "calico " "$(names smc)"
	same "true 10.111.0.1 10.111.4.1-10.111.4.9" \
		"$(kubectl get sp default-v4-ippool -o 'jsonpath={.spec.default} {.spec.gateway} {.spec.ips[0]}')"
	same '["169.254.0.0/16"] 1500' "$(kubectl get scc default -o 'jsonpath={.spec.hijackCIDR} {.spec.vethMTU}')"
	same k8s-pod-network "$(kubectl get smc -n kube-system calico -o 'jsonpath={.metadata.annotations.multus\.spidernet\.io/cr-name}')"
	version=$(kubectl get sp default-v4-ippool -o 'jsonpath={.metadata.resourceVersion}')
	run -0 init "${all[@]}" SPIDERPOOL_INIT_DEFAULT_IPV4_IPPOOL_GATEWAY=10.111.0.2
	has "SpiderIPPool default-v4-ippool: is there already, left as it is"
	same "$version" "$(kubectl get sp default-v4-ippool -o 'jsonpath={.metadata.resourceVersion}')"
}

@test "init while admission does not answer yet: it is tried again" {
	kubectl delete scc default
	webhook_nobody spider-nobody
	(sleep 4 && kubectl delete validatingwebhookconfiguration spider-nobody >&2) 3>&- &
	run -0 init SPIDERPOOL_INIT_DEFAULT_COORDINATOR_NAME=default
	has "trying again:"
	has "SpiderCoordinator default: made"
}

# Admission by a server that is not there: nothing of ours can be changed.
webhook_nobody() { # NAME
	kubectl apply -f - <<-YAML
		apiVersion: admissionregistration.k8s.io/v1
		kind: ValidatingWebhookConfiguration
		metadata: {name: $1}
		webhooks:
		- name: nobody.spidernet.io
		  clientConfig: {url: "https://127.0.0.1:1/x"}
		  rules: [{apiGroups: [spiderpool.spidernet.io], apiVersions: ['*'], operations: ['*'], resources: ['*/*']}]
		  failurePolicy: Fail
		  sideEffects: None
		  admissionReviewVersions: [v1]
		  timeoutSeconds: 2
	YAML
	refused() { ! kubectl annotate sp default-v4-ippool "x=$RANDOM"; }
	eventually 20 refused
}

@test "clean asks first, and --dry-run changes nothing" {
	run -2 ctl clean
	has "say --yes"
	run -2 "$BIN/spiderpoolctl" --state-dir "$BATS_TEST_TMPDIR" clean --yes
	has "want --kubeconfig"
	run -0 ctl clean --dry-run
	has "2 objects and the definition spiderippools.spiderpool.spidernet.io would be removed"
	same "default-v4-ippool default-v6-ippool " "$(names sp)"
	run -1 script -qec "$BATS_TEST_DIRNAME/cluster.sh control $BIN/spiderpoolctl --kubeconfig $KUBECONFIG clean" /dev/null <<<"no"
	has "nothing was removed"
	same "default-v4-ippool default-v6-ippool " "$(names sp)"
}

# finalize KIND [NAMESPACE/]NAME
finalize() {
	local ns=()
	[[ $2 != */* ]] || ns=(-n "${2%%/*}")
	kubectl patch "${ns[@]}" "$1" "${2##*/}" --type=merge -p '{"metadata": {"finalizers": ["spiderpool.spidernet.io"]}}'
}

@test "clean: finalizers, objects that are going, admission that nobody serves, everything goes; what is not ours stays" {
	finalize sp default-v4-ippool
	finalize scc default
	kubectl apply -f - <<-YAML
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderEndpoint
		metadata: {name: p, namespace: default, finalizers: [spiderpool.spidernet.io]}
		status: {current: {uid: u, node: n1, ips: []}, ownerControllerType: Pod, ownerControllerName: p}
	YAML
	kubectl delete sp default-v4-ippool --wait=false
	kubectl apply -f - <<-YAML
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: things.example.test}
		spec:
		  group: example.test
		  names: {kind: Thing, plural: things}
		  scope: Cluster
		  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
	YAML
	webhook_nobody spiderpool-controller
	run -0 ctl clean --yes
	has "ValidatingWebhookConfiguration spiderpool-controller removed"
	has "2 objects and the definition spiderippools.spiderpool.spidernet.io removed"
	same "things.example.test " "$(names crd)"
	run -0 ctl clean --yes
	has "0 objects of 0 kinds"
}

@test "spiderpool-controller clean, as the hook of users' charts calls it; objects keep being made meanwhile" {
	kubectl apply -k "$BATS_TEST_DIRNAME/../../deploy/crds"
	kubectl wait --for=condition=Established --timeout=20s crd --all
	pool() {
		printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderIPPool\nmetadata: {name: p%s, finalizers: [x.test/y]}\n' "$1"
		printf 'spec: {subnet: 10.%s.0.0/16, ips: [10.%s.0.1]}\n' "$1" "$1"
	}
	for i in 1 2 3; do pool $i | kubectl apply -f -; done
	(for i in 4 5 6 7 8 9; do pool $i | kubectl apply -f - >/dev/null 2>&1; done) 3>&- &
	run -0 cluster control env -i KUBECONFIG="$KUBECONFIG" "$BIN/spiderpool-controller" clean \
		--validate spiderpool-controller --mutating=none
	has "definition spiderippools.spiderpool.spidernet.io removed"
	wait
	same "things.example.test " "$(names crd)"
	run -2 cluster control "$BIN/spiderpool-controller" clean --validat x
	has "usage: spiderpool-controller clean"
}
