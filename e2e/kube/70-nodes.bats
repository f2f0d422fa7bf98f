#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three real nodes, macvlan on their NIC, an agent on each: workloads of all kinds, scaling, agents that are killed, a node
# that is lost; at the end the history of all addresses. SCALE=100 ROUNDS=5 is what was shown once; less is enough each time.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	export SCALE=${SCALE:-24} ROUNDS=${ROUNDS:-2}
	export KUBE_CONFLIST=$BATS_FILE_TMPDIR/net.conflist
	underlay_conflist '"default_ipv4_ippool": ["v4"]' >"$KUBE_CONFLIST"
	# A node that is lost must be lost soon.
	export KUBE_MANAGER_OPTIONS="--node-monitor-grace-period=8s --pod-eviction-timeout=2s"
	kube_up all 3
	agent_install
	kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.250 "ipVersion: 4" "gateway: 10.111.0.1"
	for i in 1 2 3; do
		node_plugins $i
		agent_start $i
	done
}

teardown() {
	agent_explain 1 2 3
	kube_explain
}

teardown_file() {
	kube_down
}

# workload KIND NAME [LINE OF spec]...: pods of busybox that serve a page, each ready when its node's kubelet has read it.
workload() {
	cat <<-YAML | kubectl apply -f - >&2
		apiVersion: apps/v1
		kind: $1
		metadata: {name: $2}
		spec:
		$(printf '  %s\n' "${@:3}")
		  selector: {matchLabels: {app: $2}}
		  template:
		    metadata: {labels: {app: $2}}
		    spec:
		      terminationGracePeriodSeconds: 0
		      tolerations: [{operator: Exists, tolerationSeconds: 2, effect: NoExecute}]
		      containers:
		      - name: c
		        image: kube.test/busybox:1
		        imagePullPolicy: Never
		        command: [sh, -c, 'echo hello >/www/index.html; exec httpd -f -h /www']
		        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
	YAML
}

address() { # POD
	kubectl get pod "$1" -o 'jsonpath={.status.podIP}'
}

node_of() { # POD
	kubectl get pod "$1" -o 'jsonpath={.spec.nodeName}'
}

ready() { # POD
	[ "$(kubectl get pod "$1" -o 'jsonpath={.status.containerStatuses[0].ready}')" = true ]
}

# held [LABEL]: records of blocks that are not free, a line each.
held() {
	kubectl get sib -o json | jq -r '.items[].spec.records' |
		awk -F '\t' 'NF > 1 && $2 != "free" { print $2, $6 "/" $7, $9, $11 }'
}

nothing_held() {
	[ -z "$(held)" ]
}

no_endpoints() {
	[ -z "$(kubectl get se -A --no-headers 2>/dev/null)" ]
}

gone() { # KIND NAME
	kubectl delete "$1" "$2" --wait=false
	eventually 120 pods_gone "app=$2"
}

@test "StatefulSet: a pod that is deleted comes back with its address, on another node too" {
	workload StatefulSet db "serviceName: db" "replicas: 2"
	eventually 90 pods_ready app=db 2
	before=$(address db-0)
	kubectl delete pod db-0
	eventually 60 ready db-0
	same "$before" "$(address db-0)"
	from=$(node_of db-0)
	kubectl cordon "$from"
	kubectl delete pod db-0
	eventually 60 ready db-0
	kubectl uncordon "$from"
	[ "$(node_of db-0)" != "$from" ]
	same "$before" "$(address db-0)"
	same "$before/16" "$(kubectl get se db-0 -o 'jsonpath={.status.current.ips[0].ipv4}')"
	same StatefulSet "$(kubectl get se db-0 -o 'jsonpath={.status.ownerControllerType}')"
}

@test "StatefulSet: an ordinal that is no more gives its address back" {
	kubectl scale statefulset db --replicas=1
	gone_1() { ! held | grep -q default/db-1; }
	eventually 60 gone_1
	[ "$(held | grep -c default/db-0)" = 1 ]
	kubectl delete statefulset db --wait=false
	eventually 60 pods_gone app=db
	eventually 30 nothing_held
}

@test "DaemonSet and Job: one address a node; a finished pod gives its back" {
	workload DaemonSet each
	eventually 90 pods_ready app=each 3
	kubectl create job once --image=kube.test/busybox:1 --dry-run=client -o json -- true |
		jq '.spec.template.spec.containers[0].imagePullPolicy = "Never"' | kubectl apply -f -
	kubectl wait --for=condition=complete --timeout=60s job/once
	three() { [ "$(held | wc -l)" = 3 ]; }
	eventually 30 three
	kubectl delete job once
	gone daemonset each
	eventually 30 nothing_held
}

@test "a clusterIP answers a macvlan pod, on all nodes" {
	workload Deployment web "replicas: 3"
	kubectl expose deployment web --port=80
	eventually 90 pods_ready app=web 3
	ip=$(kubectl get service web -o 'jsonpath={.spec.clusterIP}')
	for pod in $(kubectl get pods -l app=web -o name); do
		answers() { kubectl exec "$pod" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 $ip 80" | grep -q hello; }
		eventually 20 answers
	done
	kubectl delete service web
	gone deployment web
	eventually 30 nothing_held
}

@test "readiness probes fail without coordinator" {
	sed 's/,$//; s/ {"type": "coordinator"}]}/]}/' "$KUBE_CONFLIST" | sed '$!N; s/,\n *]}/]}/' | tr -d '\n' |
		sed 's/},[[:space:]]*]/}]/' >"$BATS_TEST_TMPDIR/alone"
	jq -e '.plugins | length == 1' "$BATS_TEST_TMPDIR/alone"
	for i in 1 2 3; do cni_conflist $i <"$BATS_TEST_TMPDIR/alone"; done
	sleep 3
	workload Deployment blind "replicas: 1"
	running() { [ "$(kubectl get pods -l app=blind -o 'jsonpath={.items[0].status.phase}')" = Running ]; }
	eventually 60 running
	sleep 4
	[ "$(kubectl get pods -l app=blind -o 'jsonpath={.items[0].status.containerStatuses[0].ready}')" = false ]
	gone deployment blind
	for i in 1 2 3; do cni_conflist $i <"$KUBE_CONFLIST"; done
	sleep 3
	eventually 30 nothing_held
}

@test "a pod that cannot start: spiderpoolctl why says what its event says" {
	kubectl apply -f - <<-YAML
		apiVersion: v1
		kind: Pod
		metadata: {name: lost, annotations: {ipam.spidernet.io/ippool: '{"ipv4": ["nowhere"]}'}}
		spec: {containers: [{name: c, image: 'kube.test/pause:1', imagePullPolicy: Never}]}
	YAML
	said() { kubectl get events --field-selector involvedObject.name=lost -o 'jsonpath={.items[*].message}' | grep -F "does not exist"; }
	eventually 60 said
	sentence=$(said | grep -o 'no IPPool available: NIC eth0[^"\\]*does not exist' | head -n 1)
	[ -n "$sentence" ]
	run cluster control "$BATS_TEST_DIRNAME/../../${BUILD:-build}/bin/spiderpoolctl" --kubeconfig "$KUBECONFIG" why default/lost
	echo "$output"
	has "nowhere"
	has "does not exist"
	kubectl delete pod lost --grace-period=0 --force
}

@test "scaled up and down: no address stays behind" {
	workload Deployment many "replicas: 0"
	for _ in $(seq "$ROUNDS"); do
		kubectl scale deployment many --replicas="$SCALE"
		eventually 300 pods_ready app=many "$SCALE"
		same "$SCALE" "$(kubectl get pods -l app=many -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | sort -u | wc -l)"
		kubectl scale deployment many --replicas=0
		eventually 300 pods_gone app=many
		eventually 60 nothing_held
	done
	eventually 120 no_endpoints
}

@test "agents are killed while pods come and go" {
	kubectl scale deployment many --replicas="$SCALE"
	for i in 1 2 3; do
		sleep 1
		agent_stop $i KILL
		sleep 1
		agent_start $i
	done
	eventually 300 pods_ready app=many "$SCALE"
	kubectl scale deployment many --replicas=0
	for i in 3 2 1; do
		agent_stop $i KILL
		sleep 1
		agent_start $i
	done
	eventually 300 pods_gone app=many
	eventually 90 nothing_held
	eventually 120 no_endpoints
}

@test "a node is lost: what a StatefulSet has there moves with its address" {
	workload StatefulSet far "serviceName: far" "replicas: 3" "podManagementPolicy: Parallel"
	eventually 90 pods_ready app=far 3
	on3=$(kubectl get pods -l app=far -o json | jq -r 'first(.items[] | select(.spec.nodeName == "node3")).metadata.name')
	[ -n "$on3" ] && [ "$on3" != null ]
	before=$(address "$on3")
	cluster node-down 3
	not_ready() { kubectl get node node3 --no-headers | grep -q NotReady; }
	eventually 90 not_ready
	kubectl delete pod "$on3" --grace-period=0 --force
	elsewhere() { [ "$(node_of "$on3")" != node3 ] && ready "$on3"; }
	eventually 90 elsewhere
	same "$before" "$(address "$on3")"
	kubectl delete statefulset far --wait=false
	kubectl delete pods -l app=far --grace-period=0 --force --wait=false
	eventually 90 pods_gone app=far
}

@test "history: no address was two pods' at a time" {
	run -0 "$BATS_TEST_DIRNAME/history.py" "$KUBE_DIR"/agents/node*/log
	echo "$output" >&3
}
