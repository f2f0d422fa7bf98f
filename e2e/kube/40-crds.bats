#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# deploy/crds and deploy/agent on a real API server: what users have applies, what is wrong is refused or pruned.
# shellcheck disable=SC2154

load lib

setup_file() {
	export DEPLOY=$BATS_TEST_DIRNAME/../../deploy SPIDER=/apis/spiderpool.spidernet.io/v2beta1
	kube_up api
	kubectl apply -k "$DEPLOY/crds"
	kubectl wait --for=condition=Established --timeout=20s crd --all
	# kubectl compares with what the server has published by then.
	eventually 20 kubectl explain smc.spec
	eventually 20 kubectl get spiderpool -A
}

teardown() {
	kube_explain
}

teardown_file() {
	kube_down
}

# object KIND NAME LINE...: a manifest on stdout.
object() {
	printf -- '---\napiVersion: spiderpool.spidernet.io/v2beta1\nkind: %s\nmetadata: {name: %s}\n' "$1" "$2"
	printf '%s\n' "${@:3}"
}

apply() { # KIND NAME LINE...
	object "$@" | kubectl apply -f -
}

# refused TEXT KIND LINE...: by the server, whose answer has the text; and by what it publishes for kubectl, or not.
refused() {
	fails 1 kubectl apply --validate=false -f - <<<"$(object "$2" refused "${@:3}")"
	has "$1"
}

# shows TEXT KIND NAME [OPTIONS]: as kubectl's table has it, blanks folded.
shows() {
	run -0 kubectl get "$2" "$3" "${@:4}"
	same "$1" "$(tr -s ' ' <<<"$output" | sed 's/ $//')"
}

# ask METHOD PATH [CURL'S OPTIONS]: the API itself; what it says is on stdout.
ask() {
	cluster control curl -sS --cacert "$KUBE_DIR/pki/ca.crt" -H 'Authorization: Bearer admin-token' -X "$1" \
		"https://10.111.0.1:6443$2" "${@:3}"
}

# spec_is JSON KIND NAME: keys sorted.
spec_is() {
	run -0 kubectl get "$2" "$3" -o 'jsonpath={.spec}'
	same "$1" "$(jq -cS . <<<"$output")"
}

@test "names, short names, scopes, category, status: as users know them" {
	run -0 kubectl get crd -o 'jsonpath={range .items[*]}{.spec.names.kind} {.spec.names.plural} {.spec.names.singular} {.spec.names.shortNames[*]} {.spec.names.categories[*]} {.spec.scope} {.spec.versions[*].name} {.spec.versions[0].subresources}{"\n"}{end}'
	same 'SpiderCoordinator spidercoordinators spidercoordinator scc spiderpool Cluster v2beta1 {"status":{}}
SpiderEndpoint spiderendpoints spiderendpoint se spiderpool Namespaced v2beta1 
SpiderIPBlock spideripblocks spideripblock sib spiderpool Cluster v2beta1 
SpiderIPPool spiderippools spiderippool sp spiderpool Cluster v2beta1 {"status":{}}
SpiderMultusConfig spidermultusconfigs spidermultusconfig smc spiderpool Namespaced v2beta1 
SpiderReservedIP spiderreservedips spiderreservedip sr spiderpool Cluster v2beta1 
SpiderSubnet spidersubnets spidersubnet ss spiderpool Cluster v2beta1 {"status":{}}' "$output"
	# A schema that is not structural prunes nothing.
	run -0 kubectl get crd -o 'jsonpath={.items[*].status.conditions[?(@.type=="NonStructuralSchema")].message}'
	same "" "$output"
}

@test "columns" {
	apply SpiderIPPool c 'spec: {ipVersion: 4, subnet: 172.16.0.0/16, ips: [172.16.0.1], nodeName: [a, b], multusName: [n/m],' \
		'  podAffinity: {matchLabels: {ipam.spidernet.io/app-namespace: web, ipam.spidernet.io/app-name: x}}}'
	apply SpiderSubnet c 'spec: {ipVersion: 6, subnet: "fd00::/64"}'
	for kind in spiderippools spidersubnets; do
		ask PATCH "$SPIDER/$kind/c/status" -H 'Content-Type: application/merge-patch+json' \
			-d '{"status":{"totalIPCount":7,"allocatedIPCount":3}}'
	done
	shows "NAME VERSION SUBNET ALLOCATED-IP-COUNT TOTAL-IP-COUNT DEFAULT
c 4 172.16.0.0/16 3 7 false" sp c
	shows 'NAME VERSION SUBNET ALLOCATED-IP-COUNT TOTAL-IP-COUNT DEFAULT DISABLE NODENAME MULTUSNAME APP-NAMESPACE
c 4 172.16.0.0/16 3 7 false false ["a","b"] ["n/m"] web' sp c -o wide
	shows "NAME VERSION SUBNET ALLOCATED-IP-COUNT TOTAL-IP-COUNT
c 6 fd00::/64 3 7" ss c
	apply SpiderReservedIP c 'spec: {ipVersion: 6, ips: ["fd00::1"]}'
	shows "NAME VERSION
c 6" sr c
	apply SpiderEndpoint c 'status: {ownerControllerType: Pod, ownerControllerName: c, current: {uid: u, node: n1, ips: [' \
		'  {interface: eth0, ipv4: 172.16.0.1/16, ipv4Pool: a, ipv6: "fd00::1/64", ipv6Pool: b}, {interface: net1}]}}'
	shows "NAME INTERFACE IPV4POOL IPV4 IPV6POOL IPV6 NODE
c eth0 a 172.16.0.1/16 b fd00::1/64 n1" se c
	apply SpiderIPBlock c 'spec: {ipVersion: 4, cidr: 172.16.0.0/26}'
	run -0 kubectl get sib c
	[[ $output =~ ^NAME\ +VERSION\ +CIDR\ +AGE ]]
	[[ ${lines[1]} =~ ^c\ +4\ +172.16.0.0/26\ +[0-9]+s$ ]]
	apply SpiderCoordinator c 'spec: {podCIDRType: cluster, podRPFilter: 0}'
	apply SpiderMultusConfig c 'spec: {cniType: macvlan, macvlan: {master: [eth0]}}'
	for kind in scc smc; do
		run -0 kubectl get $kind c
		[[ $output =~ ^NAME\ +AGE ]]
	done
	for kind in spiderippools spidersubnets spiderreservedips spiderendpoints spideripblocks spidercoordinators \
		spidermultusconfigs; do
		kubectl delete ${kind%s} c
	done
}

@test "manifests of every style in use apply: minimal, affinity, routes, namespaces, several NICs, defaults filled in" {
	{
		object SpiderIPPool minimal 'spec: {subnet: 10.9.0.0/16, ips: [10.9.1.10-10.9.1.20]}'
		object SpiderIPPool minimal6 'spec: {subnet: "fd00:9::/112", ips: ["fd00:9::10-fd00:9::20", "fd00:9::30"]}'
		object SpiderIPPool empty 'spec: {subnet: 10.8.0.0/24}'
		object SpiderIPPool all 'spec:' '  ipVersion: 4' '  subnet: 10.9.0.0/16' '  ips: [10.9.2.1-10.9.2.9]' \
			'  excludeIPs: [10.9.2.4, 10.9.2.6-10.9.2.7]' '  gateway: 10.9.0.1' '  default: true' '  disable: true' \
			'  routes: [{dst: 10.20.0.0/16, gw: 10.9.0.2}]' \
			'  podAffinity: {matchLabels: {app: static}, matchExpressions: [{key: tier, operator: In, values: [a, b]}]}' \
			'  namespaceAffinity: {matchLabels: {name: ns1}}' '  namespaceName: [ns1]' \
			'  nodeAffinity: {matchExpressions: [{key: node-role.kubernetes.io/master, operator: DoesNotExist}]}' \
			'  nodeName: [node1]' '  multusName: [kube-system/macvlan-eth0, macvlan-eth1]'
		object SpiderSubnet net 'spec: {ipVersion: 4, subnet: 10.9.0.0/16, ips: [10.9.1.1-10.9.3.254], gateway: 10.9.0.1,' \
			'  excludeIPs: [10.9.1.1], routes: [{dst: 10.20.0.0/16, gw: 10.9.0.2}]}'
		object SpiderReservedIP held 'spec: {ips: [10.9.1.12-10.9.1.14, 10.9.1.19]}'
		object SpiderMultusConfig custom 'spec: {customCNI: "{}"}'
		object SpiderMultusConfig bond 'spec: {cniType: macvlan, macvlan: {master: [eth0, eth1], vlanID: 100, mtu: 1400,' \
			'  bond: {name: bond0, mode: 1, options: "miimon=100"}, ippools: {ipv4: [minimal], ipv6: [minimal6]}},' \
			'  coordinator: {mode: underlay, hijackCIDR: [10.8.0.0/16], policyRoutes: [{dst: 10.7.0.0/16, gw: 10.9.0.3}]},' \
			'  chainCNIJsonData: ["{\"type\": \"tuning\"}"]}'
		object SpiderMultusConfig sriov 'spec: {cniType: sriov, sriov: {resourceName: a.io/b, rdmaIsolation: true}}'
		object SpiderMultusConfig ib 'spec: {cniType: ib-sriov, ibsriov: {resourceName: a.io/b, linkState: auto}}'
		object SpiderMultusConfig ovs 'spec: {cniType: ovs, ovs: {bridge: br1, trunk: [{minID: 5, maxID: 9}, {id: 20}]}}'
		object SpiderMultusConfig ipoib 'spec: {cniType: ipoib, ipoib: {master: ib0}}'
		object SpiderMultusConfig vlan 'spec: {cniType: vlan, vlan: {master: [eth0], vlanMode: auto}}'
		object SpiderMultusConfig ipvlan 'spec: {cniType: ipvlan, enableCoordinator: false, ipvlan: {master: [eth0]}}'
		object SpiderCoordinator default 'spec: {mode: auto, podCIDRType: auto, tunePodRoutes: false, vethMTU: 1500,' \
			'  hijackCIDR: [169.254.0.0/16], podMACPrefix: "0a:1b", hostRuleTable: 501, podRPFilter: -1, txQueueLen: 0}'
	} >"$BATS_TEST_TMPDIR/all.yaml"
	kubectl apply -f "$BATS_TEST_TMPDIR/all.yaml"
	# Nothing of them is lost.
	run -0 kubectl apply -f "$BATS_TEST_TMPDIR/all.yaml"
	hasnt configured
	run -0 kubectl diff -f "$BATS_TEST_TMPDIR/all.yaml"
	same "" "$output"
	spec_is '{"default":false,"disable":false,"ips":["10.9.1.10-10.9.1.20"],"subnet":"10.9.0.0/16"}' sp minimal
	run -0 kubectl get scc default -o 'jsonpath={.spec.podRPFilter} {.spec.hostRuleTable} {.spec.tunePodRoutes}'
	same "-1 501 false" "$output"
	apply SpiderCoordinator second 'spec: {podCIDRType: none}'
	spec_is '{"hostRuleTable":500,"mode":"auto","podCIDRType":"none","podRPFilter":0,"tunePodRoutes":true,"txQueueLen":0}' scc second
	spec_is '{"chainCNIJsonData":[],"cniType":"custom","customCNI":"{}","disableIPAM":false,"enableCoordinator":true}' smc custom
}

@test "unknown fields are pruned: vlan of old pools and subnets, and whatever else" {
	for kind in SpiderIPPool SpiderSubnet; do
		object $kind old 'spec: {subnet: 10.6.0.0/16, vlan: 0, more: {a: [1]}}' | kubectl apply --validate=false -f -
	done
	spec_is '{"default":false,"disable":false,"subnet":"10.6.0.0/16"}' sp old
	spec_is '{"subnet":"10.6.0.0/16"}' ss old
	object SpiderCoordinator old 'spec: {podCIDRType: none, detectGateway: true}' | kubectl apply --validate=false -f -
	spec_is '{"hostRuleTable":500,"mode":"auto","podCIDRType":"none","podRPFilter":0,"tunePodRoutes":true,"txQueueLen":0}' \
		scc old
}

@test "what the schema refuses" {
	refused 'spec.subnet: Required value' SpiderIPPool 'spec: {ips: [10.0.0.1]}'
	refused 'spec.subnet: Required value' SpiderSubnet 'spec: {ips: [10.0.0.1]}'
	refused 'Unsupported value: 5: supported values: "4", "6"' SpiderIPPool 'spec: {subnet: 10.0.0.0/8, ipVersion: 5}'
	refused 'Unsupported value: 5' SpiderSubnet 'spec: {subnet: 10.0.0.0/8, ipVersion: 5}'
	refused 'Unsupported value: 5' SpiderReservedIP 'spec: {ipVersion: 5}'
	refused 'spec.ips in body must be of type array' SpiderIPPool 'spec: {subnet: 10.0.0.0/8, ips: 10.0.0.1}'
	refused 'spec.routes.gw: Required value' SpiderIPPool 'spec: {subnet: 10.0.0.0/8, routes: [{dst: 10.1.0.0/16}]}'
	refused 'spec.routes.dst: Required value' SpiderSubnet 'spec: {subnet: 10.0.0.0/8, routes: [{gw: 10.0.0.1}]}'
	refused 'operator: Required value' SpiderIPPool 'spec: {subnet: 10.0.0.0/8, podAffinity: {matchExpressions: [{key: a}]}}'
	local owner='ownerControllerType: Pod, ownerControllerName: p'
	refused 'status.ownerControllerName: Required value' SpiderEndpoint \
		'status: {ownerControllerType: Pod, current: {uid: u, node: n, ips: []}}'
	refused 'status.current.uid: Required value' SpiderEndpoint "status: {$owner, current: {node: n, ips: []}}"
	refused 'status.current.ips: Required value' SpiderEndpoint "status: {$owner, current: {uid: u, node: n}}"
	refused 'ips.interface: Required value' SpiderEndpoint "status: {$owner, current: {uid: u, node: n, ips: [{vlan: 1}]}}"
	refused 'less than or equal to 4094' SpiderEndpoint \
		"status: {$owner, current: {uid: u, node: n, ips: [{interface: a, vlan: 4095}]}}"
	refused 'Unsupported value: "disable"' SpiderCoordinator 'spec: {mode: disable}'
	refused 'Unsupported value: "flannel"' SpiderCoordinator 'spec: {podCIDRType: flannel}'
	refused 'greater than or equal to 1' SpiderCoordinator 'spec: {vethMTU: 0}'
	refused 'Unsupported value: "host-device"' SpiderMultusConfig 'spec: {cniType: host-device}'
	refused 'less than or equal to 4094' SpiderMultusConfig 'spec: {cniType: macvlan, macvlan: {master: [a], vlanID: 4095}}'
	refused 'greater than or equal to 0' SpiderMultusConfig 'spec: {cniType: ipvlan, ipvlan: {master: [a], mtu: -1}}'
	refused 'spec.macvlan.master: Required value' SpiderMultusConfig 'spec: {cniType: macvlan, macvlan: {mtu: 1500}}'
	refused 'Unsupported value: "bridge"' SpiderMultusConfig 'spec: {coordinator: {mode: bridge}}'
	refused 'spec.cidr: Required value' SpiderIPBlock 'spec: {ipVersion: 4}'
}

@test "status: of pools, subnets and coordinators written apart, of endpoints with the object" {
	for kind in SpiderIPPool SpiderSubnet; do
		apply $kind st 'spec: {subnet: 10.6.0.0/16}' 'status: {totalIPCount: 9}'
		run -0 kubectl get "$kind" st -o 'jsonpath={.status}'
		same "" "$output"
		path=$SPIDER/${kind,,}s/st/status
		patch=(PATCH "$path" -H 'Content-Type: application/merge-patch+json' -d)
		ask "${patch[@]}" '{"spec":{"subnet":"10.7.0.0/16"},"status":{"totalIPCount":5,"allocatedIPCount":1,"conditions":
			[{"type":"Settled","status":"True","observedGeneration":1}]}}'
		run -0 kubectl get "$kind" st -o 'jsonpath={.spec.subnet} {.status.totalIPCount} {.metadata.generation}'
		same "10.6.0.0/16 5 1" "$output"
		run -0 ask "${patch[@]}" '{"status":{"totalIPCount":-1}}'
		has 'greater than or equal to 0'
	done
	kubectl patch --type merge sp st -p '{"status":{"totalIPCount":8}}'
	run -0 kubectl get sp st -o 'jsonpath={.status.totalIPCount}'
	same 5 "$output"
	apply SpiderEndpoint st 'status: {ownerControllerType: Pod, ownerControllerName: st, current: {uid: u, node: n1, ips: []}}'
	kubectl patch --type merge se st -p '{"status":{"current":{"node":"n2"}}}'
	run -0 kubectl get se st -o 'jsonpath={.status.current.node}'
	same n2 "$output"
	run -0 ask GET "$SPIDER/namespaces/default/spiderendpoints/st/status" -o "$BATS_TEST_TMPDIR/answer" -w '%{http_code}'
	same 404 "$output"
}

@test "a block's records of 20 KB come back byte for byte; who writes over a version he has not seen is refused" {
	for ((i = 0; i < 64; i++)); do
		printf '%d\tpod\t1790000000%03d\tpool-%d\tnet\tnamespace-%d\tpod-%0246d\tuid\teth0\tnode1\t\t\t\t\t\t0\t\t\n' \
			$i $i $i $i $i
	done >"$BATS_TEST_TMPDIR/text"
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/text")" -gt 20000 ]
	jq -Rs '{apiVersion: "spiderpool.spidernet.io/v2beta1", kind: "SpiderIPBlock", metadata: {name: "big"},
		spec: {ipVersion: 4, cidr: "10.9.0.0/26", records: .}}' "$BATS_TEST_TMPDIR/text" >"$BATS_TEST_TMPDIR/block.json"
	kubectl create -f "$BATS_TEST_TMPDIR/block.json"
	kubectl get sib big -o json | jq -j .spec.records | cmp - "$BATS_TEST_TMPDIR/text"
	version=$(kubectl get sib big -o 'jsonpath={.metadata.resourceVersion}')
	jq ".metadata.resourceVersion = \"$version\" | .spec.records = \"other\"" "$BATS_TEST_TMPDIR/block.json" | kubectl replace -f -
	fails 1 kubectl replace -f - <<<"$(jq ".metadata.resourceVersion = \"$version\"" "$BATS_TEST_TMPDIR/block.json")"
	has 'the object has been modified'
}

@test "metadata alone, of one and of all, and in a watch" {
	apply SpiderIPPool partial 'spec: {subnet: 10.6.0.0/16}'
	run -0 ask GET "$SPIDER/spiderippools/partial" -H 'Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
	jq_is '.kind, .metadata.name, .metadata.generation, .spec' $'PartialObjectMetadata\npartial\n1\nnull'
	run -0 ask GET "$SPIDER/spiderippools" -H 'Accept: application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'
	jq_is '.kind, ([.items[] | has("spec")] | any)' $'PartialObjectMetadataList\nfalse'
	run -0 ask GET "$SPIDER/spiderippools?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dpartial" \
		-H 'Accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1'
	jq_is '.type, .object.kind, .object.metadata.name, .object.spec' $'ADDED\nPartialObjectMetadata\npartial\nnull'
}

@test "an agent may do what it has to, and no more" {
	kubectl apply -k "$DEPLOY/agent"
	may() { kubectl auth can-i --as system:serviceaccount:kube-system:spiderpool-agent "$@" 2>/dev/null; }
	while read -r verbs resource where; do
		for verb in ${verbs//,/ }; do
			same "yes $verb $resource" "$(may "$verb" "$resource" ${where:+"$where"}) $verb $resource"
		done
	done <<-END
		get,list,watch pods
		get,list,watch nodes
		get,list,watch namespaces
		get deployments.apps
		get cronjobs.batch
		get,list,patch,watch spiderippools
		get,list,watch spidercoordinators
		create,delete,get,list,patch,update,watch spiderendpoints
		create,get,list,update,watch spideripblocks
		create,patch events
		create,get,update leases.coordination.k8s.io -nkube-system
	END
	while read -r verbs resource where; do
		for verb in ${verbs//,/ }; do
			same "no $verb $resource" "$(may "$verb" "$resource" ${where:+"$where"}) $verb $resource"
		done
	done <<-END
		create,update,patch,delete pods
		list,watch replicasets.apps
		get,list secrets
		create,update,delete spiderippools
		update,patch spiderippools --subresource=status
		delete,deletecollection spideripblocks
		create,get,update leases.coordination.k8s.io
	END
	run -0 kubectl get configmap -n kube-system spiderpool-conf -o 'jsonpath={.data.conf\.yml}'
	has "enableStatefulSet: true"
}
