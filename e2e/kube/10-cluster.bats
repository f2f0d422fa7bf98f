#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The cluster that the other tests use is a real one, and nothing of it stays.
# shellcheck disable=SC2030,SC2031,SC2154

load lib

setup_file() {
	kube_up all 3
}

teardown() {
	kube_explain
}

teardown_file() {
	kube_down
	KUBE_NAME=$KUBE_NAME-b cluster down # of the test that makes a second one
}

# on_node NAME NODE COMMAND: a pod's manifest.
on_node() {
	cat <<-YAML
		apiVersion: v1
		kind: Pod
		metadata: {name: $1, labels: {test: $1}}
		spec:
		  nodeName: $2
		  terminationGracePeriodSeconds: 0
		  containers:
		  - name: c
		    image: kube.test/busybox:1
		    imagePullPolicy: Never
		    command: [sh, -c, "$3"]
	YAML
}

pod_ip() {
	kubectl get pod "$1" -o 'jsonpath={.status.podIP}'
}

delete_pods() {
	kubectl delete pod --wait=false "$@"
	for pod in "$@"; do eventually 30 pods_gone "test=$pod"; done
}

nothing_taken() {
	local taken
	taken=$(find "$KUBE_DIR"/node[12]/lib/cni/networks/net -name '10.*')
	echo "$taken"
	[ -z "$taken" ]
}

# The names of an instance are in everything that belongs to it. The brackets hide us from ourselves; who is dead and
# waits for its parent to look is nobody's remainder.
left_of() {
	local pattern="[s]pk-$1" f
	ip netns list | grep -E "^$pattern" || true
	find /sys/fs/cgroup /tmp /dev/shm -maxdepth 2 -name "spk-$1*" 2>/dev/null || true
	grep -lsE "$pattern" /proc/[0-9]*/{cmdline,cgroup,mountinfo} | while read -r f; do
		grep -qs '^State:.*Z' "${f%/*}/status" || echo "$f"
	done
}

@test "three nodes are ready, each with its address on the underlay" {
	run -0 kubectl get nodes -o 'jsonpath={range .items[*]}{.metadata.name} {.status.addresses[0].address} {.status.nodeInfo.kubeletVersion}{"\n"}{end}'
	same "node1 10.111.0.11 v1.20.2
node2 10.111.0.12 v1.20.2
node3 10.111.0.13 v1.20.2" "$output"
	run -0 kubectl get nodes --no-headers
	same 3 "$(grep -cw Ready <<<"$output")"
}

@test "pods on different nodes reach each other and a service" {
	on_node server node1 'echo hello >/www/index.html; exec httpd -f -h /www' | kubectl apply -f -
	on_node client node2 'exec sleep 1000' | kubectl apply -f -
	kubectl expose pod server --port=80
	eventually 60 pods_ready test=server 1
	eventually 60 pods_ready test=client 1
	[[ $(pod_ip server) == 10.244.1.* ]]
	[[ $(pod_ip client) == 10.244.2.* ]]
	ask="printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2"
	run -0 kubectl exec client -- sh -c "$ask $(pod_ip server) 80"
	has hello
	service=$(kubectl get service server -o 'jsonpath={.spec.clusterIP}')
	eventually 20 kubectl exec client -- sh -c "$ask $service 80 | grep hello"
	# The API server as pods know it.
	eventually 20 kubectl exec client -- nc -w 2 10.96.0.1 443 -e true
	kubectl delete service server
	delete_pods server client
	eventually 30 nothing_taken
}

@test "macvlan on a node's eth0: the underlay reaches the pod, the address is of the underlay" {
	conf=$KUBE_DIR/node3/cni/net.d/10-net.conflist
	cp "$conf" "$BATS_TEST_TMPDIR/"
	cat >"$conf" <<-'JSON'
		{"cniVersion": "0.4.0", "name": "under", "plugins": [{"type": "macvlan", "master": "eth0", "mode": "bridge",
		  "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.111.0.0/16", "rangeStart": "10.111.3.1",
		  "rangeEnd": "10.111.3.9", "gateway": "10.111.0.1"}]], "routes": [{"dst": "0.0.0.0/0"}]}}]}
	JSON
	# containerd takes it up in its own time: until a pod gets such an address.
	macvlan_pod() {
		on_node under node3 'exec sleep 1000' | kubectl apply -f -
		eventually 30 pods_ready test=under 1
		[[ $(pod_ip under) == 10.111.3.* ]] || { delete_pods under; false; }
	}
	eventually 60 macvlan_pod
	cluster enter 1 ping -c 1 -W 2 "$(pod_ip under)"
	cluster control ping -c 1 -W 2 "$(pod_ip under)"
	kubectl exec under -- ping -c 1 -W 2 10.111.0.12
	cp "$BATS_TEST_TMPDIR/10-net.conflist" "$conf"
	delete_pods under
}

@test "custom resources: made, read, refused by their schema" {
	kubectl apply -f - <<-'YAML'
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: things.kube.test}
		spec:
		  group: kube.test
		  names: {kind: Thing, plural: things, singular: thing}
		  scope: Cluster
		  versions:
		  - name: v1
		    served: true
		    storage: true
		    schema:
		      openAPIV3Schema:
		        type: object
		        properties: {spec: {type: object, properties: {count: {type: integer, maximum: 9}}}}
	YAML
	kubectl wait --for=condition=Established --timeout=20s crd/things.kube.test
	thing() { printf '{"apiVersion":"kube.test/v1","kind":"Thing","metadata":{"name":"t"},"spec":{"count":%s}}' "$1"; }
	eventually 20 kubectl apply -f - <<<"$(thing 7)"
	run -0 kubectl get thing t -o 'jsonpath={.spec.count}'
	same 7 "$output"
	fails 1 kubectl apply -f - <<<"$(thing 10)"
	has "should be less than or equal to 9"
}

@test "programs stop and start again by their name: etcd with its data, a kubelet with its pods" {
	on_node stays node1 'exec sleep 1000' | kubectl apply -f -
	eventually 30 pods_ready test=stays 1
	for name in etcd node1/containerd node1/kubelet; do
		cluster stop "$name"
		run -0 cluster services
		has "$name ended"
		cluster start "$name"
	done
	eventually 60 kubectl exec stays -- true
	run -0 kubectl get pod stays -o 'jsonpath={.status.containerStatuses[0].restartCount}'
	same 0 "$output"
	delete_pods stays
}

@test "a lost node leaves nothing; a second cluster beside this one is another one, and goes after a crash of its parts" {
	cluster node-down 3
	run -0 left_of "${KUBE_NAME}[./]node3"
	same "" "$output"
	kubectl get node node3

	export KUBE_NAME=$KUBE_NAME-b
	cluster up api >&3 2>&1
	run -0 kubectl get nodes
	has "No resources found"
	fails 1 cluster up api
	has "is up"
	KUBE_NO_KUBELET=1 cluster nodes 1
	cluster stop node1/holder
	cluster stop node1/containerd
	cluster stop kube-apiserver
	cluster down
	run -0 left_of "$KUBE_NAME"
	same "" "$output"
}

@test "nothing is left: no process, namespace, mount, cgroup or file" {
	on_node last node1 'exec sleep 1000' | kubectl apply -f -
	eventually 30 pods_ready test=last 1
	run -0 left_of "$KUBE_NAME"
	has cgroup
	has mountinfo
	kube_down
	run -0 left_of "$KUBE_NAME"
	same "" "$output"
}
