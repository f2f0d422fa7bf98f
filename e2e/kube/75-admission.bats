#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Admission by two replicas on a real API server: every rule by what it lets through and by what it refuses, concurrent
# requests, the certificate. The API server asks port 5799, which is one replica or the other by chance.
# shellcheck disable=SC2154,SC2016,SC2015,SC2030,SC2031

load lib
load agent
load controller

setup_file() {
	export SPIDER=https://10.111.0.1:6443/apis/spiderpool.spidernet.io/v2beta1
	export KUBE_API=https://10.111.0.1:6443
	kube_up api
	agent_install
	controller_install
	hooks mutating validating
	for i in 1 2; do replica $i; done
	asks 1 2
	eventually 30 trusted
	# Until the API server has heard of all of it.
	eventually 30 is_asked
}

teardown() {
	[ -z "${BATS_TEST_COMPLETED:-}" ] || return 0
	controller_explain 1 2
	asks 1 2
	kubectl delete sib --all
	clean spiderippools spidersubnets spiderreservedips spidermultusconfigs
}

teardown_file() {
	kube_down
}

# replica N [VARIABLE=VALUE]...: addresses of pods that never were are not to be freed meanwhile.
replica() {
	controller_start "$1" SPIDERPOOL_GC_IP_ENABLED=false "${@:2}"
}

# ---- what the API server asks ----

# hooks FILE...: of deploy/webhooks, by URL instead of by a Service that nobody routes here.
hooks() {
	local f
	for f in "$@"; do
		sed 's|service: {.*path: \(/[^}]*\)}|url: "https://127.0.0.1:5799\1"|' \
			"$BATS_TEST_DIRNAME/../../deploy/webhooks/$f.yaml" | kubectl apply -f - >&2
	done
}

# asks N...: who answers on port 5799.
asks() {
	cluster control iptables -w -t nat -F OUTPUT
	local left=$# n
	for n in "$@"; do
		cluster control iptables -w -t nat -A OUTPUT -d 127.0.0.1 -p tcp --dport 5799 -m statistic --mode random \
			--probability "$(awk "BEGIN { print 1 / $left }")" -j REDIRECT --to-ports "$(controller_port "$n" 2)"
		left=$((left - 1))
	done
}

bundles() {
	kubectl get mutatingwebhookconfigurations,validatingwebhookconfigurations \
		-o 'jsonpath={range .items[*].webhooks[*]}{.clientConfig.caBundle}{"\n"}{end}' | sort -u
}

secret() { # KEY
	kubectl get secret -n kube-system spiderpool-controller-webhook-certs -o "jsonpath={.data.${1/./\\.}}"
}

# All webhooks have the Secret's authority.
trusted() {
	[ "$(bundles)" = "$(secret ca.crt)" ]
}

is_asked() {
	post spiderippools probe '{"subnet": "192.0.2.0/24"}' && [[ $output == *'"finalizers"'* ]] && drop spiderippools probe &&
		! post spiderippools probe '{"subnet": "192.0.2.1/24"}'
}

# ---- requests; $output is the answer, $code its status ----

# ask METHOD URL [BODY [TYPE]]: AS is a token.
ask() {
	local got
	got=$(cluster control curl -sS -m 60 --cacert "$KUBE_DIR/pki/ca.crt" -H "Authorization: Bearer ${AS:-admin-token}" -X "$1" "$2" \
		-H "Content-Type: ${4:-application/json}" ${3:+-d "$3"} -w '\n%{http_code}')
	code=${got##*$'\n'} output=${got%$'\n'*}
	[[ $code == 2* ]]
}

kind_of() {
	case $1 in
	spiderippools) echo SpiderIPPool ;;
	spidersubnets) echo SpiderSubnet ;;
	spiderreservedips) echo SpiderReservedIP ;;
	spidercoordinators) echo SpiderCoordinator ;;
	spidermultusconfigs) echo SpiderMultusConfig ;;
	esac
}

where() { # PLURAL [NAME]
	[ "$1" = spidermultusconfigs ] && echo "$SPIDER/namespaces/default/$1${2:+/$2}" || echo "$SPIDER/$1${2:+/$2}"
}

# post PLURAL NAME SPEC [MEMBERS OF metadata]
post() {
	ask POST "$(where "$1")${DRY:+?dryRun=All}" "{\"apiVersion\": \"spiderpool.spidernet.io/v2beta1\", \"kind\": \"$(kind_of "$1")\",
		\"metadata\": {\"name\": \"$2\"${4:+, $4}}, \"spec\": $3}"
}

# edit PLURAL NAME MERGE-PATCH
edit() {
	ask PATCH "$(where "$1" "$2")${DRY:+?dryRun=All}" "$3" application/merge-patch+json
}

drop() { # PLURAL NAME
	ask DELETE "$(where "$1" "$2")" && edit "$1" "$2" '{"metadata": {"finalizers": null}}' || [ "$code" = 404 ]
}

clean() { # PLURAL...
	local p n
	for p in "$@"; do
		ask GET "$(where "$p")"
		for n in $(jq -r '.items[].metadata.name' <<<"$output"); do drop "$p" "$n"; done
	done
}

# ok WHAT COMMAND...: the request is let through.
ok() {
	"${@:2}" || {
		echo "$1: $code $output"
		return 1
	}
}

# no CODE TEXT COMMAND...: it is refused by us with a sentence that has the text.
no() {
	if "${@:3}"; then
		echo "$2: not refused"
		return 1
	fi
	[[ $code == "$1" && $output == *"admission webhook"* && $output == *"$2"* ]] || {
		printf 'want: %s %s\ngot:  %s %s\n' "$1" "$2" "$code" "$output"
		return 1
	}
}

pool_ok() { # NAME SPEC: and it is gone again
	ok "$2" post spiderippools "$1" "$2" && drop spiderippools "$1"
}

pool_no() { # TEXT SPEC
	no 422 "$1" post spiderippools refused "$2"
}

# held ADDRESS POOL: by a pod.
held() {
	local a b c d block
	IFS=. read -r a b c d <<<"$1"
	block=$(printf 'v4-%02x%02x%02x%02x' "$a" "$b" "$c" $((d / 64 * 64)))
	jq -n --arg name "$block" --arg cidr "$a.$b.$c.$((d / 64 * 64))/26" \
		--arg records "$((d % 64))	pod	1	$2	net	default	p	uid	eth0	node	c	boot	req	ns		0		
" '{apiVersion: "spiderpool.spidernet.io/v2beta1", kind: "SpiderIPBlock", metadata: {name: $name},
		spec: {ipVersion: 4, cidr: $cidr, records: $records}}' | kubectl apply -f -
}

# ---- the certificate ----

@test "certificate: one Secret for all replicas, for every name the Service has; caBundle of all webhooks" {
	run -0 kubectl get secret -n kube-system spiderpool-controller-webhook-certs -o 'jsonpath={.type}'
	same kubernetes.io/tls "$output"
	run -0 openssl x509 -noout -ext subjectAltName,extendedKeyUsage < <(secret tls.crt | base64 -d)
	for name in DNS:spiderpool-controller.kube-system DNS:spiderpool-controller.kube-system.svc \
		DNS:spiderpool-controller.kube-system.svc.cluster.local DNS:spidernet.io DNS:localhost "IP Address:127.0.0.1" \
		"IP Address:0:0:0:0:0:0:0:1" "TLS Web Server Authentication"; do has "$name"; done
	secret ca.crt | base64 -d >"$BATS_TEST_TMPDIR/ca"
	for i in 1 2; do
		cluster control curl -sSf --cacert "$BATS_TEST_TMPDIR/ca" --resolve \
			"spiderpool-controller.kube-system.svc:$(controller_port $i 2):127.0.0.1" \
			"https://spiderpool-controller.kube-system.svc:$(controller_port $i 2)/webhook-health-check"
	done
	same 1 "$(bundles | wc -l)"
}

@test "defaults: finalizer, version, label, merged ranges, and nothing else; what others wrote stays" {
	ok create post spiderippools d1 '{"subnet": "10.1.0.0/24", "ips": ["10.1.0.9", "10.1.0.1-10.1.0.3", "10.1.0.4"]}' \
		'"annotations": {"a.example/b": "c"}, "labels": {"x": "y"}, "finalizers": ["a.example/f"]'
	same '{"a.example/b":"c"}' "$(jq -c .metadata.annotations <<<"$output")"
	same '{"ipam.spidernet.io/ippool-cidr":"10-1-0-0-24","x":"y"}' "$(jq -cS .metadata.labels <<<"$output")"
	same '["a.example/f","spiderpool.spidernet.io"]' "$(jq -c .metadata.finalizers <<<"$output")"
	same '{"default":false,"disable":false,"ipVersion":4,"ips":["10.1.0.1-10.1.0.4","10.1.0.9"],"subnet":"10.1.0.0/24"}' \
		"$(jq -cS .spec <<<"$output")"
	# What marks a pool as taken over stays, whoever writes the pool anew.
	ok marked edit spiderippools d1 '{"metadata": {"annotations": {"ipam.spidernet.io/taken-over": "then"}}}'
	ok unmarked edit spiderippools d1 '{"metadata": {"annotations": null}}'
	same '{"ipam.spidernet.io/taken-over":"then"}' "$(jq -c .metadata.annotations <<<"$output")"
	ok v6 post spiderippools d2 '{"subnet": "fd01::/64", "ips": ["fd01::1-fd01::ffff:ffff"], "excludeIPs": ["fd01::9", "fd01::8"]}'
	same '{"default":false,"disable":false,"excludeIPs":["fd01::8-fd01::9"],"ipVersion":6,"ips":["fd01::1-fd01::ffff:ffff"],"subnet":"fd01::/64"}' \
		"$(jq -cS .spec <<<"$output")"
	ok subnet post spidersubnets s1 '{"subnet": "10.2.0.0/24", "ips": ["10.2.0.2", "10.2.0.1"], "gateway": "10.2.0.254", "routes": [{"dst": "10.9.0.0/16", "gw": "10.2.0.253"}]}'
	same '["spiderpool.spidernet.io"] {"ipam.spidernet.io/subnet-cidr":"10-2-0-0-24"} 4 ["10.2.0.1-10.2.0.2"]' \
		"$(jq -r '[.metadata.finalizers, .metadata.labels, .spec.ipVersion, .spec.ips] | map(tojson) | join(" ")' <<<"$output")"
	# D00008: inherits what it has not, and [] wants nothing.
	ok inherit post spiderippools d3 '{"subnet": "10.2.0.0/24", "ips": ["10.2.0.1"]}'
	same '10.2.0.254 [{"dst":"10.9.0.0/16","gw":"10.2.0.253"}] s1 SpiderSubnet true' \
		"$(jq -r '[.spec.gateway, (.spec.routes | tojson), .metadata.labels["ipam.spidernet.io/owner-spider-subnet"],
			.metadata.ownerReferences[0].kind, (.metadata.ownerReferences[0].controller | tojson)] | join(" ")' <<<"$output")"
	ok own post spiderippools d4 '{"subnet": "10.2.0.0/24", "ips": ["10.2.0.2"], "gateway": "10.2.0.250", "routes": []}'
	same '10.2.0.250 []' "$(jq -r '[.spec.gateway, (.spec.routes | tojson)] | join(" ")' <<<"$output")"
	ok reserved post spiderreservedips r1 '{"ips": ["10.3.0.9", "10.3.0.8"]}'
	same '{"ipVersion":4,"ips":["10.3.0.8-10.3.0.9"]}' "$(jq -cS .spec <<<"$output")"
	same null "$(jq -c .metadata.finalizers <<<"$output")"
	clean spiderippools spidersubnets spiderreservedips
}

# ---- 6.1 ----

@test "pools, create: every rule by accept and refuse" {
	ok other post spiderippools other '{"subnet": "10.4.0.0/16", "ips": ["10.4.1.1-10.4.1.9"], "excludeIPs": ["10.4.1.5"]}'
	# version and subnet
	pool_ok p '{"subnet": "10.5.0.0/24"}'
	pool_ok p '{"ipVersion": 6, "subnet": "fd05::/64", "ips": ["fd05::1"]}'
	pool_no "spec.subnet" '{"ipVersion": 6, "subnet": "10.5.0.0/24"}'
	pool_no "written 10.5.0.0/24" '{"subnet": "10.5.0.1/24"}'
	pool_no "spec.subnet" '{"subnet": "10.5.0.0"}'
	pool_no "spec.subnet" '{"subnet": "nothing"}'
	# names
	no 409 "already exists" post spiderippools other '{"subnet": "10.5.0.0/24"}'
	# partial overlap of networks, equal ones
	pool_ok p '{"subnet": "10.4.0.0/16", "ips": ["10.4.2.1"]}'
	pool_no "overlaps 10.4.0.0/16 of SpiderIPPool other" '{"subnet": "10.4.0.0/24"}'
	pool_no "overlaps 10.4.0.0/16 of SpiderIPPool other" '{"subnet": "10.0.0.0/8"}'
	# items
	pool_no "spec.ips[0]" '{"subnet": "10.5.0.0/24", "ips": ["10.5.1.1"]}'
	pool_no "spec.ips[0]" '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.0/25"]}'
	pool_no "spec.ips[0]" '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.9-10.5.0.1"]}'
	pool_no "spec.ips[1]" '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.1", "fd05::1"]}'
	pool_no "spec.excludeIPs[0]" '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.1"], "excludeIPs": ["10.6.0.1"]}'
	# D00001, and what is excluded is free for another pool
	pool_no "10.4.1.9: SpiderIPPool other has them too" '{"subnet": "10.4.0.0/16", "ips": ["10.4.1.9-10.4.1.20"]}'
	pool_ok p '{"subnet": "10.4.0.0/16", "ips": ["10.4.1.5"]}'
	# gateway, D00003
	pool_ok p '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.1-10.5.0.9"], "gateway": "10.5.0.254"}'
	pool_ok p '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.1-10.5.0.9"], "excludeIPs": ["10.5.0.1"], "gateway": "10.5.0.1"}'
	pool_no "spec.gateway: 10.5.0.1" '{"subnet": "10.5.0.0/24", "ips": ["10.5.0.1-10.5.0.9"], "gateway": "10.5.0.1"}'
	pool_no "spec.gateway: 10.6.0.1" '{"subnet": "10.5.0.0/24", "gateway": "10.6.0.1"}'
	pool_no "spec.gateway" '{"subnet": "10.5.0.0/24", "gateway": "x"}'
	# routes
	pool_ok p '{"subnet": "10.5.0.0/24", "routes": [{"dst": "10.9.0.0/16", "gw": "10.5.0.1"}, {"dst": "10.8.0.0/16", "gw": "10.5.0.1"}]}'
	pool_no "spec.routes[0]: dst" '{"subnet": "10.5.0.0/24", "routes": [{"dst": "10.9.0.0", "gw": "10.5.0.1"}]}'
	pool_no "spec.routes[0]: dst" '{"subnet": "10.5.0.0/24", "routes": [{"dst": "fd00::/64", "gw": "10.5.0.1"}]}'
	pool_no "default route" '{"subnet": "10.5.0.0/24", "routes": [{"dst": "0.0.0.0/0", "gw": "10.5.0.1"}]}'
	pool_no "spec.routes[0]: gw" '{"subnet": "10.5.0.0/24", "routes": [{"dst": "10.9.0.0/16", "gw": "10.6.0.1"}]}'
	pool_no "destination of item 0" '{"subnet": "10.5.0.0/24", "routes": [{"dst": "10.9.0.0/16", "gw": "10.5.0.1"}, {"dst": "10.9.0.0/16", "gw": "10.5.0.2"}]}'
	# affinity
	pool_ok p '{"subnet": "10.5.0.0/24", "podAffinity": {"matchLabels": {"a": "b"}}}'
	pool_no "spec.podAffinity" '{"subnet": "10.5.0.0/24", "podAffinity": {}}'
	pool_no "spec.podAffinity" '{"subnet": "10.5.0.0/24", "podAffinity": {"matchExpressions": [{"key": "a", "operator": "Sometimes"}]}}'
	pool_no "spec.nodeAffinity" '{"subnet": "10.5.0.0/24", "nodeAffinity": {"matchLabels": {"a": "b c"}}}'
	pool_no "spec.namespaceName" '{"subnet": "10.5.0.0/24", "namespaceName": ["A"]}'
	# what a user of kubectl sees
	fails 1 kubectl create -f - <<<'{"apiVersion": "spiderpool.spidernet.io/v2beta1", "kind": "SpiderIPPool", "metadata": {"name": "p"}, "spec": {"subnet": "10.5.0.1/24"}}'
	has "SpiderIPPool p: spec.subnet: 10.5.0.1/24: want the network itself, written 10.5.0.0/24"
	# D00017: a huge one is no work
	pool_ok p '{"subnet": "fd05::/16", "ips": ["fd05::1-fd05:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]}'
	clean spiderippools
}

@test "pools below a subnet: must lie in it" {
	ok subnet post spidersubnets s '{"subnet": "10.6.0.0/24", "ips": ["10.6.0.1-10.6.0.99"]}'
	pool_no "not in SpiderSubnet s" '{"subnet": "10.6.0.0/24", "ips": ["10.6.0.99-10.6.0.100"]}'
	ok inside post spiderippools p '{"subnet": "10.6.0.0/24", "ips": ["10.6.0.90-10.6.0.99"]}'
	no 422 "not in SpiderSubnet s" edit spiderippools p '{"spec": {"ips": ["10.6.0.90-10.6.0.101"]}}'
	clean spiderippools spidersubnets
}

@test "pools, update: what may change and what not; addresses in use stay (S00003)" {
	ok p post spiderippools p '{"subnet": "10.7.0.0/16", "ips": ["10.7.0.1-10.7.0.99"]}'
	ok q post spiderippools q '{"subnet": "10.7.0.0/16", "ips": ["10.7.1.1-10.7.1.99"]}'
	no 422 "spec.subnet" edit spiderippools p '{"spec": {"subnet": "10.8.0.0/16"}}'
	no 422 "spec.ipVersion" edit spiderippools p '{"spec": {"ipVersion": 6}}'
	no 422 "spec.ips[0]" edit spiderippools p '{"spec": {"ips": ["10.8.0.1"]}}'
	no 422 "SpiderIPPool q has them too" edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.1.1"]}}'
	no 422 "spec.gateway" edit spiderippools p '{"spec": {"gateway": "10.7.0.1"}}'
	no 422 "spec.routes[0]" edit spiderippools p '{"spec": {"routes": [{"dst": "0.0.0.0/0", "gw": "10.7.9.9"}]}}'
	no 422 "spec.podAffinity" edit spiderippools p '{"spec": {"podAffinity": {}}}'
	ok grow edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.0.200"]}}'
	held 10.7.0.70 p
	held 10.7.0.150 another
	no 403 "10.7.0.70: in use" edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.0.69"]}}'
	no 403 "10.7.0.70: in use" edit spiderippools p '{"spec": {"excludeIPs": ["10.7.0.70"]}}'
	# held by a pool of another name: not this one's
	ok shrink edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.0.100"]}}'
	ok labels edit spiderippools p '{"metadata": {"labels": {"a": "b"}}}'
	ok disable edit spiderippools p '{"spec": {"disable": true}}'
	# without the rest of its blocks being read: one that spans more than are read one by one
	ok big edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.0.100", "10.7.16.0-10.7.255.250"]}}'
	held 10.7.200.7 p
	no 403 "10.7.200.7: in use" edit spiderippools p '{"spec": {"ips": ["10.7.0.1-10.7.0.100"]}}'
	kubectl delete sib --all
	ok free edit spiderippools p '{"spec": {"ips": ["10.7.0.1"]}}'
	clean spiderippools
}

@test "pools, terminating: its spec changes no more, its finalizers may go" {
	ok p post spiderippools p '{"subnet": "10.7.0.0/16", "ips": ["10.7.0.1-10.7.0.99"]}'
	ok hold edit spiderippools p '{"metadata": {"finalizers": ["spiderpool.spidernet.io", "test.example/hold"]}}'
	ok delete ask DELETE "$SPIDER/spiderippools/p"
	no 422 "being deleted" edit spiderippools p '{"spec": {"ips": ["10.7.0.1"]}}'
	ok label edit spiderippools p '{"metadata": {"labels": {"a": "b"}}}'
	ok finalizers edit spiderippools p '{"metadata": {"finalizers": null}}'
	ask GET "$SPIDER/spiderippools/p" || same 404 "$code"
}

@test "I00018: pools made for an application are sized by the controller alone" {
	local app='"labels": {"ipam.spidernet.io/owner-application-name": "web"}'
	ok s post spidersubnets s '{"subnet": "10.7.0.0/16", "ips": ["10.7.0.1-10.7.0.99"]}'
	local spec='{"subnet": "10.7.0.0/16", "ips": ["10.7.0.1-10.7.0.2"],
		"podAffinity": {"matchLabels": {"ipam.spidernet.io/app-name": "web"}}}'
	no 422 "only the controller makes pools for applications" post spiderippools auto "$spec" "$app"
	ok manual post spiderippools manual '{"subnet": "10.7.0.0/16", "ips": ["10.7.0.20"]}'
	no 422 "only the controller makes pools for applications" edit spiderippools manual "{\"metadata\": {$app}}"
	AS=$(cat "$KUBE_DIR/controllers/token") ok p post spiderippools auto "$spec" "$app"
	no 422 "made for application web" edit spiderippools auto '{"spec": {"ips": ["10.7.0.1-10.7.0.3"]}}'
	AS=$(cat "$KUBE_DIR/controllers/token") ok controller edit spiderippools auto '{"spec": {"ips": ["10.7.0.1-10.7.0.3"]}}'
	# whose it is
	no 422 "owner-application-name]: cannot change from web" edit spiderippools auto \
		'{"metadata": {"labels": {"ipam.spidernet.io/owner-application-name": null}}}'
	no 422 "owner-application-uid]: cannot change from none" edit spiderippools auto \
		'{"metadata": {"labels": {"ipam.spidernet.io/owner-application-uid": "x"}}}'
	no 422 "spec.podAffinity" edit spiderippools auto '{"spec": {"podAffinity": null}}'
	no 422 "spec.podAffinity" edit spiderippools auto '{"spec": {"podAffinity": {"matchLabels": {"ipam.spidernet.io/app-name": "x"}}}}'
	ok others edit spiderippools auto '{"metadata": {"labels": {"a": "b", "ipam.spidernet.io/ippool-reclaim": "false"}}, "spec": {"disable": true}}'
	ok subnet edit spiderippools auto '{"metadata": {"labels": {"ipam.spidernet.io/owner-spider-subnet": null}}}'
	same s "$(jq -r '.metadata.labels["ipam.spidernet.io/owner-spider-subnet"]' <<<"$output")"
	AS=$(cat "$KUBE_DIR/controllers/token") ok controller edit spiderippools auto \
		'{"metadata": {"labels": {"ipam.spidernet.io/owner-application-uid": "x"}}}'
	AS=$(cat "$KUBE_DIR/controllers/token") no 422 "spec.podAffinity" post spiderippools auto2 '{"subnet": "10.7.0.0/16", "ips": ["10.7.0.9"],
		"podAffinity": {"matchLabels": {"app": "web"}}}' "$app"
	clean spiderippools spidersubnets
}

# ---- 6.2, 6.3 ----

@test "subnets: every rule by accept and refuse" {
	ok s post spidersubnets s '{"subnet": "10.8.0.0/24", "ips": ["10.8.0.1-10.8.0.99"]}'
	no 409 "already exists" post spidersubnets s '{"subnet": "10.9.0.0/24"}'
	no 422 "overlaps 10.8.0.0/24 of SpiderSubnet s" post spidersubnets t '{"subnet": "10.8.0.0/24"}'
	no 422 "overlaps 10.8.0.0/24 of SpiderSubnet s" post spidersubnets t '{"subnet": "10.8.0.0/16"}'
	no 422 "written 10.9.0.0/24" post spidersubnets t '{"subnet": "10.9.0.7/24"}'
	no 422 "spec.subnet" post spidersubnets t '{"ipVersion": 6, "subnet": "10.9.0.0/24"}'
	no 422 "spec.ips[0]" post spidersubnets t '{"subnet": "10.9.0.0/24", "ips": ["10.8.0.1"]}'
	no 422 "spec.excludeIPs[0]" post spidersubnets t '{"subnet": "10.9.0.0/24", "excludeIPs": ["10.8.0.1"]}'
	no 422 "spec.gateway" post spidersubnets t '{"subnet": "10.9.0.0/24", "gateway": "10.8.0.1"}'
	no 422 "spec.routes[0]: gw" post spidersubnets t '{"subnet": "10.9.0.0/24", "routes": [{"dst": "10.1.0.0/16", "gw": "10.8.0.1"}]}'
	# pools that were there first
	ok p post spiderippools p '{"subnet": "10.10.0.0/24", "ips": ["10.10.0.1-10.10.0.9"]}'
	no 422 "overlaps 10.10.0.0/24 of SpiderIPPool p" post spidersubnets t '{"subnet": "10.10.0.0/16"}'
	no 422 "SpiderIPPool p has them" post spidersubnets t '{"subnet": "10.10.0.0/24", "ips": ["10.10.0.2-10.10.0.99"]}'
	ok over post spidersubnets t '{"subnet": "10.10.0.0/24", "ips": ["10.10.0.1-10.10.0.99"]}'
	# update
	no 422 "spec.subnet" edit spidersubnets t '{"spec": {"subnet": "10.11.0.0/24"}}'
	no 403 "SpiderIPPool p has them" edit spidersubnets t '{"spec": {"ips": ["10.10.0.2-10.10.0.99"]}}'
	no 422 "spec.gateway" edit spidersubnets t '{"spec": {"gateway": "10.10.0.50"}}'
	ok shrink edit spidersubnets t '{"spec": {"ips": ["10.10.0.1-10.10.0.9"]}}'
	ok grow edit spidersubnets t '{"spec": {"ips": ["10.10.0.1-10.10.0.199"]}}'
	ok gateway edit spidersubnets t '{"spec": {"gateway": "10.10.0.254"}}'
	# addresses in use, whatever pool has them
	held 10.10.0.150 anything
	no 403 "10.10.0.150: in use" edit spidersubnets t '{"spec": {"ips": ["10.10.0.1-10.10.0.99"]}}'
	kubectl delete sib --all
	ok hold edit spidersubnets t '{"metadata": {"finalizers": ["spiderpool.spidernet.io", "test.example/hold"]}}'
	ok delete ask DELETE "$SPIDER/spidersubnets/t"
	no 422 "being deleted" edit spidersubnets t '{"spec": {"ips": ["10.10.0.1-10.10.0.99"]}}'
	clean spiderippools spidersubnets
}

@test "reserved addresses: every rule by accept and refuse" {
	ok r post spiderreservedips r '{"ips": ["10.8.0.1-10.8.0.9", "10.8.0.20"]}'
	ok v6 post spiderreservedips r6 '{"ipVersion": 6, "ips": ["fd00::1"]}'
	no 422 "spec.ipVersion: missing" post spiderreservedips x '{"ips": []}'
	no 422 "spec.ips" post spiderreservedips x '{"ips": ["10.8.0.0/24"]}'
	no 422 "spec.ips[1]" post spiderreservedips x '{"ips": ["10.8.0.1", "fd00::1"]}'
	no 422 "spec.ips[0]" post spiderreservedips x '{"ipVersion": 6, "ips": ["10.8.0.1"]}'
	no 422 "spec.ipVersion" edit spiderreservedips r '{"spec": {"ipVersion": 6, "ips": ["fd00::1"]}}'
	no 422 "spec.ips[0]" edit spiderreservedips r '{"spec": {"ips": ["x"]}}'
	ok more edit spiderreservedips r '{"spec": {"ips": ["10.8.0.1"]}}'
	ok hold edit spiderreservedips r '{"metadata": {"finalizers": ["test.example/hold"]}}'
	ok delete ask DELETE "$SPIDER/spiderreservedips/r"
	no 422 "being deleted" edit spiderreservedips r '{"spec": {"ips": ["10.8.0.2"]}}'
	clean spiderreservedips
}

@test "coordinators and networks: defaults and rules come from the webhooks" {
	ok c post spidercoordinators c '{"podCIDRType": "none", "hijackCIDR": ["10.9.0.1"]}'
	same '["10.9.0.1/32"] ["spiderpool.spidernet.io"]' "$(jq -r '[.spec.hijackCIDR, .metadata.finalizers] | map(tojson) | join(" ")' <<<"$output")"
	no 422 "spec.podMACPrefix" post spidercoordinators x '{"podCIDRType": "none", "podMACPrefix": "01:00"}'
	no 422 "spec.hijackCIDR" edit spidercoordinators c '{"spec": {"hijackCIDR": ["x"]}}'
	drop spidercoordinators c
	ok m post spidermultusconfigs m '{"cniType": "macvlan", "macvlan": {"master": ["eth0"]}}' \
		'"annotations": {"cni.spidernet.io/network-resource-inject": "fast"}'
	same 'fast' "$(jq -r '.metadata.labels["cni.spidernet.io/network-resource-inject"]' <<<"$output")"
	ok gone edit spidermultusconfigs m '{"metadata": {"annotations": null}}'
	same null "$(jq -c '.metadata.labels["cni.spidernet.io/network-resource-inject"]' <<<"$output")"
	no 422 "spec.macvlan" post spidermultusconfigs x '{"cniType": "macvlan"}'
	no 422 "cr-name" edit spidermultusconfigs m '{"metadata": {"annotations": {"multus.spidernet.io/cr-name": "late"}}}'
	no 422 "spec.macvlan.bond" edit spidermultusconfigs m '{"spec": {"macvlan": {"master": ["eth0", "eth1"]}}}'
	clean spidermultusconfigs
}

# ---- concurrency ----

# race PLURAL COUNT BODY: posts COUNT times at once, @ is the number; the statuses, counted.
race() {
	local i
	for ((i = 0; i < $2; i++)); do
		printf 'next\nurl = "%s"\nrequest = POST\nheader = "Content-Type: application/json"\nheader = "Authorization: Bearer admin-token"\n' \
			"$SPIDER/$1"
		printf 'cacert = "%s"\noutput = "%s"\nwrite-out = "%%{http_code}\\n"\ndata = "%s"\n' "$KUBE_DIR/pki/ca.crt" \
			"$BATS_TEST_TMPDIR/answer.$i" "$(sed "s/@/$i/g; s/\"/\\\\\"/g" <<<"$3")"
	done >"$BATS_TEST_TMPDIR/race"
	sed -i '1d' "$BATS_TEST_TMPDIR/race"
	cluster control curl -sS --parallel --parallel-immediate --parallel-max 100 -K "$BATS_TEST_TMPDIR/race" 2>/dev/null | sort | uniq -c
}

object() { # KIND NAME SPEC
	echo "{\"apiVersion\": \"spiderpool.spidernet.io/v2beta1\", \"kind\": \"$1\", \"metadata\": {\"name\": \"$2\"}, \"spec\": $3}"
}

wins() { # COUNT
	run awk '!/^ *[0-9]+ [0-9]+$/ { next } $2 == 201 { n += $1 } $2 >= 500 { bad = 1 } { print } END { exit bad || n != '"$1"' }' <<<"$output"
	[ "$status" = 0 ] || {
		echo "$output"
		jq -r .message "$BATS_TEST_TMPDIR"/answer.* | cut -c 1-300 | sort | uniq -c | sort -n | tail
		return 1
	}
}

count() { # PLURAL
	ask GET "$SPIDER/$1"
	jq '.items | length' <<<"$output"
}

@test "I00010: 100 concurrent pools of the same name: one wins; of other names and the same addresses: one wins" {
	run race spiderippools 100 "$(object SpiderIPPool p '{"subnet": "10.20.0.0/24", "ips": ["10.20.0.1-10.20.0.9"]}')"
	wins 1
	same 1 "$(count spiderippools)"
	clean spiderippools
	run race spiderippools 100 "$(object SpiderIPPool 'p@' '{"subnet": "10.20.0.0/24", "ips": ["10.20.0.1-10.20.0.9"]}')"
	wins 1
	same 1 "$(count spiderippools)"
	# Told why, and to try again or not.
	run grep -ohE 'has them too|try again' "$BATS_TEST_TMPDIR"/answer.*
	has "has them too"
	clean spiderippools
}

@test "I00009: 100 concurrent subnets of the same name: one wins; of other names and one network: one wins" {
	run race spidersubnets 100 "$(object SpiderSubnet s '{"subnet": "10.21.0.0/24", "ips": ["10.21.0.1-10.21.0.9"]}')"
	wins 1
	same 1 "$(count spidersubnets)"
	clean spidersubnets
	run race spidersubnets 100 "$(object SpiderSubnet 's@' '{"subnet": "10.21.0.0/24", "ips": ["10.21.0.1-10.21.0.9"]}')"
	wins 1
	same 1 "$(count spidersubnets)"
	clean spidersubnets
}

@test "concurrent pools that do not overlap: all of them; networks that overlap in part: one of them" {
	run race spiderippools 60 "$(object SpiderIPPool 'p@' '{"subnet": "10.22.0.0/16", "ips": ["10.22.@.1-10.22.@.9"]}')"
	wins 60
	same 60 "$(count spiderippools)"
	clean spiderippools
	run race spiderippools 10 "$(object SpiderIPPool 'p@' '{"subnet": "10.0.0.0/1@"}')"
	same 1 "$(awk '$2 == 201 { print $1 }' <<<"$output")"
	clean spiderippools
}

@test "a dry run is checked and notes nothing" {
	# No intent of others is left over.
	local before after
	before=$(kubectl get configmap -n kube-system spiderpool-admission -o 'jsonpath={.metadata.resourceVersion}')
	DRY=1 ok dry post spiderippools dry '{"subnet": "10.23.0.0/24", "ips": ["10.23.0.1"]}'
	DRY=1 no 422 "spec.ips[0]" post spiderippools dry '{"subnet": "10.23.0.0/24", "ips": ["10.24.0.1"]}'
	after=$(kubectl get configmap -n kube-system spiderpool-admission -o 'jsonpath={.metadata.resourceVersion}')
	same "$before" "$after"
	ask GET "$SPIDER/spiderippools/dry" || same 404 "$code"
}

@test "what is just being created counts: told so, and how long; an intent that is over does not" {
	local soon
	intent() { # UNTIL IN MS
		printf '{"intents": [{"id": "i", "kind": "SpiderIPPool", "name": "ghost", "uid": "u", "base": "", "subnet": "10.25.0.0/24", "ipVersion": 4, "ips": ["10.25.0.5"], "until": %d}]}' "$1"
	}
	soon=$((($(date +%s) + 60) * 1000))
	kubectl patch configmap -n kube-system spiderpool-admission --type merge -p "$(jq -n --arg t "$(intent $soon)" '{data: {intents: $t}}')"
	no 409 "SpiderIPPool ghost is just being created: try again" post spiderippools p '{"subnet": "10.25.0.0/24", "ips": ["10.25.0.1-10.25.0.9"]}'
	no 409 "SpiderIPPool ghost is just being created: try again" post spiderippools p '{"subnet": "10.25.0.0/16"}'
	ok beside post spiderippools p '{"subnet": "10.25.0.0/24", "ips": ["10.25.0.1-10.25.0.4"]}'
	# the refused left nothing behind
	run -0 kubectl get configmap -n kube-system spiderpool-admission -o 'jsonpath={.data.intents}'
	same '["ghost","p"]' "$(jq -c '[.intents[].name]' <<<"$output")"
	kubectl patch configmap -n kube-system spiderpool-admission --type merge -p "$(jq -n --arg t "$(intent 1000)" '{data: {intents: $t}}')"
	ok over post spiderippools q '{"subnet": "10.25.0.0/24", "ips": ["10.25.0.5-10.25.0.9"]}'
	# what somebody wrote there by hand, and no ConfigMap at all
	kubectl patch configmap -n kube-system spiderpool-admission --type merge -p '{"data": {"intents": "{"}}'
	ok damaged post spiderippools r '{"subnet": "10.25.0.0/24", "ips": ["10.25.0.20"]}'
	kubectl delete configmap -n kube-system spiderpool-admission
	ok gone post spiderippools t '{"subnet": "10.25.0.0/24", "ips": ["10.25.0.21"]}'
	clean spiderippools
}

# ---- deletion ----

@test "D00004: with the switch, a pool or a subnet in use cannot be deleted; without it, it can" {
	ok p post spiderippools p '{"subnet": "10.26.0.0/24", "ips": ["10.26.0.1-10.26.0.9"]}'
	held 10.26.0.5 p
	# connections that are open stay where they are
	controller_stop 1
	controller_stop 2
	controller_conf 1 "enableValidatingResourcesDeletedWebhook: true"
	replica 1
	asks 1
	no 403 "in use" ask DELETE "$SPIDER/spiderippools/p"
	ok s post spidersubnets s '{"subnet": "10.26.0.0/24", "ips": ["10.26.0.1-10.26.0.9"]}'
	no 403 "in use" ask DELETE "$SPIDER/spidersubnets/s"
	kubectl delete sib --all
	no 403 "SpiderIPPool p has addresses of it" ask DELETE "$SPIDER/spidersubnets/s"
	ok free ask DELETE "$SPIDER/spiderippools/p"
	controller_stop 1
	controller_conf 1
	replica 1
	replica 2
	asks 1 2
	clean spiderippools
	ok p post spiderippools p '{"subnet": "10.26.0.0/24", "ips": ["10.26.0.1-10.26.0.9"]}'
	held 10.26.0.5 p
	ok unasked ask DELETE "$SPIDER/spiderippools/p"
	kubectl delete sib --all
	clean spiderippools spidersubnets
}

# ---- nothing that starts pods asks us ----

@test "no replica is there: statuses, blocks, endpoints and pods are written all the same; pools cannot be edited" {
	ok p post spiderippools p '{"subnet": "10.27.0.0/24", "ips": ["10.27.0.1-10.27.0.9"]}'
	controller_stop 1
	controller_stop 2
	if post spiderippools q '{"subnet": "10.28.0.0/24"}'; then false; fi
	[[ $output == *"failed calling webhook"* ]]
	ok status ask PATCH "$SPIDER/spiderippools/p/status" '{"status": {"allocatedIPCount": 1}}' application/merge-patch+json
	held 10.27.0.5 p
	kubectl apply -f - <<-YAML
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderEndpoint
		metadata: {name: e, namespace: default}
		status: {current: {uid: u, node: node1, ips: []}, ownerControllerType: Pod, ownerControllerName: e}
	YAML
	bare_pod x lonely
	replica 1
	replica 2
	kubectl delete pod lonely --grace-period=0 --force
	kubectl delete se e
	kubectl delete sib --all
	clean spiderippools
}

# ---- certificate, again ----

@test "certificate: a Secret that is deleted is there again, the same; caBundle is repaired; a damaged Secret is renewed" {
	local was
	was=$(secret tls.crt)
	kubectl delete secret -n kube-system spiderpool-controller-webhook-certs
	eventually 30 secret tls.crt
	same "$was" "$(secret tls.crt)"
	kubectl patch validatingwebhookconfiguration spiderpool-controller --type json -p '[{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": "'"$(base64 -w0 <"$KUBE_DIR/pki/ca.crt")"'"}]'
	eventually 30 trusted
	kubectl patch secret -n kube-system spiderpool-controller-webhook-certs --type merge -p '{"data": {"tls.key": ""}}'
	renewed() { [ -n "$(secret tls.key)" ] && [ "$(secret tls.crt)" != "$was" ]; }
	eventually 30 renewed
	# the authority of before is trusted on
	same 2 "$(secret ca.crt | base64 -d | grep -c BEGIN)"
	eventually 30 trusted
	secret ca.crt | base64 -d | awk '/BEGIN/ { n++ } n == 1' >"$BATS_TEST_TMPDIR/newest"
	for i in 1 2; do
		eventually 40 cluster control curl -sSf --cacert "$BATS_TEST_TMPDIR/newest" "https://127.0.0.1:$(controller_port $i 2)/webhook-health-check"
	done
	eventually 20 post spiderippools p '{"subnet": "10.27.0.0/24"}'
	clean spiderippools
}

@test "certificate: files that are given are used, and again when they change; caBundle is the ca.crt beside them" {
	local dir=$BATS_TEST_TMPDIR/given
	mkdir "$dir"
	given() { # SUBJECT
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=$1" \
			-addext "subjectAltName = DNS:$1, IP:127.0.0.1" -keyout "$dir/key.new" -out "$dir/crt.new" 2>/dev/null
		cat "$dir/crt.new" "$dir"/old.crt 2>/dev/null >"$dir/ca.crt" || true
		mv "$dir/key.new" "$dir/tls.key"
		mv "$dir/crt.new" "$dir/tls.crt"
		cp "$dir/tls.crt" "$dir/old.crt"
	}
	given one
	controller_stop 1
	controller_stop 2
	replica 2 bash -c 'exec "$@" '"--tls-server-cert $dir/tls.crt --tls-server-key $dir/tls.key" sh
	asks 2
	beside() { [ "$(bundles)" = "$(base64 -w0 "$dir/ca.crt")" ]; }
	eventually 30 beside
	eventually 20 post spiderippools p '{"subnet": "10.27.0.0/24"}'
	given two
	eventually 30 beside
	sees() { cluster control curl -sSf --cacert "$dir/tls.crt" "https://127.0.0.1:$(controller_port 2 2)/webhook-health-check"; }
	eventually 30 sees
	eventually 20 post spiderippools q '{"subnet": "10.28.0.0/24"}'
	controller_stop 2
	replica 2
	replica 1
	asks 1 2
	eventually 30 trusted
	clean spiderippools
}

# ---- manifests of users ----

@test "manifests as users of the Go Spiderpool have them: let through, but for the one it refuses as well" {
	# the first pools and subnets one tries, reserved and excluded addresses
	ok v4 post spiderippools custom-ipv4 '{"subnet": "172.18.41.0/24", "ips": ["172.18.41.40-172.18.41.50"]}'
	ok v6 post spiderippools custom-ipv6 '{"subnet": "abcd:1234::/120", "ips": ["abcd:1234::10-abcd:1234::20"]}'
	clean spiderippools
	ok v4 post spidersubnets custom-ipv4 '{"subnet": "172.18.41.0/24", "ips": ["172.18.41.40-172.18.41.50"]}'
	ok v6 post spidersubnets custom-ipv6 '{"subnet": "abcd:1234::/120", "ips": ["abcd:1234::10-abcd:1234::20"]}'
	clean spidersubnets
	ok reserve post spiderippools test '{"ipVersion": 4, "subnet": "172.18.42.0/24", "ips": ["172.18.42.1-172.18.42.10"]}'
	ok reserve post spiderreservedips test '{"ips": ["172.18.42.1", "172.18.42.3-172.18.42.10"]}'
	ok hole post spiderippools use-exclude '{"subnet": "172.18.43.0/24", "ips": ["172.18.43.10-172.18.43.20"], "excludeIPs": ["172.18.43.15"]}'
	ok owner post spiderippools other-owner '{"subnet": "172.18.43.0/24", "ips": ["172.18.43.15"]}'
	ok hole post spiderippools no-exclude '{"subnet": "172.18.44.0/24", "ips": ["172.18.44.10-172.18.44.14", "172.18.44.16-172.18.44.20"]}'
	clean spiderippools spiderreservedips
	# affinities
	ok node post spiderippools master '{"subnet": "172.16.0.0/16", "ips": ["172.16.41.40"], "gateway": "172.16.0.1",
		"nodeAffinity": {"matchExpressions": [{"key": "node-role.kubernetes.io/master", "operator": "Exists"}]}}'
	ok node post spiderippools worker '{"subnet": "172.17.0.0/16", "ips": ["172.17.41.40"], "gateway": "172.17.0.1",
		"nodeAffinity": {"matchExpressions": [{"key": "node-role.kubernetes.io/master", "operator": "DoesNotExist"}]}}'
	ok pods post spidersubnets static '{"subnet": "172.18.45.0/24", "ips": ["172.18.45.40-172.18.45.49"]}'
	ok pods post spiderippools occupied '{"subnet": "172.18.45.0/24", "ips": ["172.18.45.40-172.18.45.44"], "podAffinity": {"matchLabels": {"app": "static"}}}'
	ok pods post spiderippools shared '{"subnet": "172.18.45.0/24", "ips": ["172.18.45.45-172.18.45.48"]}'
	ok namespace post spiderippools test-ns '{"subnet": "172.18.46.0/24", "ips": ["172.18.46.40-172.18.46.44"],
		"namespaceAffinity": {"matchLabels": {"kubernetes.io/metadata.name": "test-ns1"}}}'
	clean spiderippools spidersubnets
	# several interfaces: the pools have a network with host bits set, the subnets a field that is no more
	no 422 "written 10.6.0.0/16" post spiderippools eth0 '{"subnet": "10.6.0.1/16", "ips": ["10.6.168.101-10.6.168.110"]}'
	ok subnets post spidersubnets eth0 '{"subnet": "10.6.0.0/16", "vlan": 0, "ips": ["10.6.168.101-10.6.168.110"], "gateway": "10.6.0.1"}'
	same null "$(jq -c .spec.vlan <<<"$output")"
	ok subnets post spidersubnets net1 '{"subnet": "10.7.0.0/16", "vlan": 0, "ips": ["10.7.168.101-10.7.168.110"], "gateway": "10.7.0.1"}'
	clean spidersubnets
	# routes, of a pool and of a subnet
	ok routes post spiderippools route '{"subnet": "172.18.47.0/24", "ips": ["172.18.47.40-172.18.47.41"],
		"routes": [{"dst": "172.18.48.0/24", "gw": "172.18.47.200"}]}'
	ok routes post spidersubnets route '{"subnet": "172.18.49.0/24", "ips": ["172.18.49.40-172.18.49.41"],
		"routes": [{"dst": "172.18.48.0/24", "gw": "172.18.49.200"}]}'
	ok demo post spidersubnets demo-v4 '{"ipVersion": 4, "subnet": "172.16.0.0/16", "ips": ["172.16.41.1-172.16.41.200"]}'
	ok demo post spidersubnets demo-v6 '{"ipVersion": 6, "subnet": "fc00:f853:ccd:e790::/64", "ips": ["fc00:f853:ccd:e790::2-fc00:f853:ccd:e790::80"]}'
	clean spiderippools spidersubnets
}

# ---- Pods ----

@test "Pods: networks and resources by one annotation, when that is switched on" {
	local inject='"annotations": {"cni.spidernet.io/rdma-resource-inject": "rdma"}'
	ok smc post spidermultusconfigs fast '{"cniType": "sriov", "sriov": {"resourceName": "x.example/r", "ippools": {"ipv4": ["p"]}}}' "$inject"
	for i in 1 2; do
		controller_stop $i
		controller_conf $i
		sed -i '/podResourceInject:/,/enabled:/s/enabled: false/enabled: true/' "$(controller_dir $i)/conf.yml"
		replica $i
	done
	hooks pods
	eventually 30 trusted
	sleep 2 # until the API server has heard of it
	bare_pod x with "annotations: {cni.spidernet.io/rdma-resource-inject: rdma, other: stays}"
	run -0 kubectl get pod with -o json
	same 'default/fast stays {"x.example/r":"1"}' "$(jq -r '[.metadata.annotations["k8s.v1.cni.cncf.io/networks"],
		.metadata.annotations.other, (.spec.containers[0].resources.limits | tojson)] | join(" ")' <<<"$output")"
	run bare_pod x bad "annotations: {cni.spidernet.io/rdma-resource-inject: nothing}"
	[ "$status" != 0 ]
	has "no SpiderMultusConfig has that annotation"
	bare_pod x without
	run -0 kubectl get pod without -o json
	same null "$(jq '.metadata.annotations["k8s.v1.cni.cncf.io/networks"]' <<<"$output")"
	kubectl delete pod with without --grace-period=0 --force
	kubectl delete mutatingwebhookconfiguration spiderpool-controller-pods
	clean spidermultusconfigs
}
