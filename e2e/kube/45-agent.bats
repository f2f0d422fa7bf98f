#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# An agent on each node, macvlan on the nodes' NIC, and pods: the main job, and that the helpers of agent.bash do theirs.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	export KUBE_CONFLIST=$BATS_FILE_TMPDIR/net.conflist
	underlay_conflist '"default_ipv4_ippool": ["v4"]' >"$KUBE_CONFLIST"
	kube_up all 2
	agent_install
	kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.40 "ipVersion: 4" "gateway: 10.111.0.1"
	kube_pool data 10.111.0.0/16 10.111.5.1-10.111.5.40 "ipVersion: 4"
	for i in 1 2; do
		node_plugins $i
		agent_start $i
	done
}

teardown() {
	agent_explain 1 2
	kube_explain
}

teardown_file() {
	kube_down
}

# deployment NAME COUNT [LINE OF the template's metadata]...
deployment() {
	cat <<-YAML | kubectl apply -f -
		apiVersion: apps/v1
		kind: Deployment
		metadata: {name: $1}
		spec:
		  replicas: $2
		  selector: {matchLabels: {app: $1}}
		  template:
		    metadata:
		      labels: {app: $1}
		$(printf '      %s\n' "${@:3}")
		    spec:
		      terminationGracePeriodSeconds: 0
		      containers:
		      - name: c
		        image: kube.test/busybox:1
		        imagePullPolicy: Never
		        command: [sh, -c, 'echo hello >/www/index.html; exec httpd -f -h /www']
		        readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}
	YAML
}

addresses() { # LABEL
	kubectl get pods -l "$1" -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | sort
}

# taken: what blocks say is held by a pod, a line each.
taken() {
	kubectl get sib -o json | jq -r '.items[].spec.records' | awk -F '\t' 'NF > 1 && $2 != "free" { print $6 "/" $7, $9 }'
}

endpoints() { # COUNT
	[ "$(kubectl get se --no-headers | wc -l)" = "$1" ]
}

nothing_taken() {
	[ -z "$(taken)" ]
}

@test "a Deployment: addresses of the pool, none twice, kubelets' probes reach them, and they come back" {
	deployment web 6
	eventually 60 pods_ready app=web 6
	run -0 addresses app=web
	same 6 "$(uniq <<<"$output" | grep -c '^10\.111\.4\.')"
	same 6 "$(taken | wc -l)"
	eventually 10 endpoints 6
	kubectl delete deployment web --wait=false
	eventually 60 pods_gone app=web
	eventually 30 nothing_taken
	eventually 10 endpoints 0
}

@test "a second network by annotation, through the stand-in for Multus" {
	underlay_conflist '"default_ipv4_ippool": ["v4"]' >"$KUBE_DIR/networks/cluster.conflist"
	underlay_conflist '"default_ipv4_ippool": ["data"]' | attachment default data
	cp "$KUBE_CONFLIST" "$BATS_TEST_TMPDIR/"
	for i in 1 2; do mux_conflist "$KUBE_DIR/networks/cluster.conflist" | cni_conflist $i; done
	two() {
		deployment two 2 'annotations: {k8s.v1.cni.cncf.io/networks: data}'
		eventually 60 pods_ready app=two 2
		kubectl exec deployment/two -- ip -4 addr show net1 | grep -F 10.111.5. && return 0
		kubectl delete deployment two --wait=false
		eventually 60 pods_gone app=two
		false
	}
	eventually 90 two
	same 4 "$(taken | wc -l)"
	kubectl delete deployment two --wait=false
	eventually 60 pods_gone app=two
	eventually 30 nothing_taken
}

@test "a pretended node: an agent without a kubelet, killed and started again" {
	lib_setup
	netns_new POD
	agent_pretend far
	agent_start far
	bare_pod far p1
	run -0 agent_ipam far ADD c1 eth0 "/run/netns/$POD" p1 '"default_ipv4_ippool": ["v4"]'
	address=$(jq -r '.ips[0].address' <<<"$output")
	[[ $address == 10.111.4.* ]]
	agent_stop far KILL
	agent_dead far
	fails 1 agent_ipam far ADD c2 eth0 "/run/netns/$POD" p1 '"default_ipv4_ippool": ["v4"]'
	jq_is .code 11
	agent_start far
	run -0 agent_ipam far ADD c1 eth0 "/run/netns/$POD" p1 '"default_ipv4_ippool": ["v4"]'
	jq_is '.ips[0].address' "$address"
	run -0 agent_ipam far DEL c1 eth0 "/run/netns/$POD" p1
	kubectl delete pod p1 --force --grace-period=0
	eventually 30 nothing_taken
	run -0 agent_metrics far
	has '# TYPE'
	agent_stop far
	lib_teardown
}

@test "a client of the Go agent is told of all NICs of the pod, ours of its own" {
	lib_setup
	agent_pretend old
	agent_start old
	bare_pod old p2 'annotations: {ipam.spidernet.io/ippools: "[{\"interface\": \"eth0\", \"ipv4\": [\"v4\"]}, {\"interface\": \"net1\", \"ipv4\": [\"data\"]}]"}'
	ask() { # MEMBERS
		jq -n --arg uid "$(pod_uid p2)" "{containerID: \"o1\", ifName: \"eth0\", netNamespace: \"/n\", podNamespace: \"default\",
			podName: \"p2\", podUID: \$uid, defaultIPv4IPPool: [], defaultIPv6IPPool: [], cleanGateway: false $1}" |
			curl -sSf --unix-socket "$(cat "$(agent_dir old)/socket")" -H 'Content-Type: application/json' -d @- http://a/v1/ipam/ip
	}
	eventually 10 ask ''
	run -0 ask ''
	same "eth0 net1" "$(jq -r '[.ips[].nic] | sort | join(" ")' <<<"$output")"
	run -0 ask ', networkName: "-"'
	same eth0 "$(jq -r '[.ips[].nic] | join(" ")' <<<"$output")"
	kubectl delete pod p2 --force --grace-period=0
	agent_stop old
	lib_teardown
}
