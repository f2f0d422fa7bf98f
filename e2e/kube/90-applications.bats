#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pools of applications, case by case: real workload controllers, one pretended node, the plugin called by hand. The ids
# are those of upstream's lists of end-to-end cases (test/doc).
# shellcheck disable=SC2154,SC2016

load lib
load agent
load controller

setup_file() {
	kube_up all
	agent_install
	controller_install
	agent_pretend n1
	agent_start n1
	for f in mutating validating rbac; do
		sed 's|service: {.*path: \(/[^}]*\)}|url: "https://127.0.0.1:5722\1"|' \
			"$BATS_TEST_DIRNAME/../../deploy/webhooks/$f.yaml" | kubectl apply -f - >&2
	done
	# A replica that is killed is followed soon.
	export CONTROLLER_LOG_LEVEL=info FAST="SPIDERPOOL_LEADER_DURATION=4 SPIDERPOOL_LEADER_RENEW_DEADLINE=3 SPIDERPOOL_LEADER_RETRY_PERIOD=1"
	# shellcheck disable=SC2086
	controller_start 1 $FAST
	eventually 40 is_asked
	ip netns add "$KUBE_NAME-pod"
}

setup() {
	lib_setup
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || kubectl get sp -o 'custom-columns=N:.metadata.name,IPS:.spec.ips,D:.metadata.deletionTimestamp'
	controller_explain 1
	agent_explain n1
	kube_explain
}

teardown_file() {
	ip netns del "$KUBE_NAME-pod"
	kube_down
}

# The API server asks for admission, and trusts who answers.
is_asked() {
	subnet asked 9 5 | kubectl apply -f - && kubectl get ss asked -o 'jsonpath={.metadata.finalizers}' | grep -q spiderpool &&
		kubectl delete ss asked --timeout=10s
}

# killed: the controller, and there it is again.
killed() {
	controller_stop 1 KILL
	# shellcheck disable=SC2086
	controller_spawn 1 $FAST
}

# ---- objects; each function prints a manifest ----

# subnet NAME N COUNT [LINE OF spec]...: 10.N.0.1 and so on, in 10.N.0.0/16; of IPv6 fd00:N::/112.
subnet() {
	local last=$((0x0a000000 + ($2 << 16) + $3))
	printf -- '---\napiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderSubnet\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  ipVersion: 4\n  subnet: 10.%s.0.0/16\n  ips: [10.%s.0.1-%d.%d.%d.%d]\n' "$2" "$2" \
		$((last >> 24)) $((last >> 16 & 255)) $((last >> 8 & 255)) $((last & 255))
	[ $# = 3 ] || printf '  %s\n' "${@:4}"
}
subnet6() { # NAME N LAST
	printf -- '---\napiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderSubnet\nmetadata: {name: %s}\nspec:\n' "$1"
	printf '  ipVersion: 6\n  subnet: "fd00:%s::/112"\n  ips: ["fd00:%s::1-fd00:%s::%x"]\n' "$2" "$2" "$2" "$3"
}

# template [KEY VALUE]...: annotations of ipam.spidernet.io/; a pod ends at once, as no kubelet ends it.
template() {
	local policy=Always
	[ -z "${JOB:-}" ] || policy=Never
	printf '{metadata: {labels: {app: %s}, annotations: {' "$APP"
	while [ $# -gt 0 ]; do
		printf "ipam.spidernet.io/%s: '%s', " "$1" "$2"
		shift 2
	done
	printf '}}, spec: {nodeName: n1, terminationGracePeriodSeconds: 0, restartPolicy: %s, ' $policy
	printf 'containers: [{name: c, image: "kube.test/pause:1"}]}}'
}

# app KIND NAME REPLICAS [KEY VALUE]...: of namespace default.
app() {
	local version=apps/v1 APP=$2 JOB=
	case $1 in
	Job) version=batch/v1 JOB=1 ;;
	CronJob) version=batch/v1beta1 JOB=1 ;;
	ReplicationController) version=v1 ;;
	esac
	printf -- '---\napiVersion: %s\nkind: %s\nmetadata: {name: %s}\nspec:\n' $version "$1" "$2"
	case $1 in
	Deployment | ReplicaSet) printf '  replicas: %s\n  selector: {matchLabels: {app: %s}}\n' "$3" "$2" ;;
	StatefulSet) printf '  replicas: %s\n  serviceName: x\n  podManagementPolicy: Parallel\n  selector: {matchLabels: {app: %s}}\n' "$3" "$2" ;;
	DaemonSet) printf '  selector: {matchLabels: {app: %s}}\n' "$2" ;;
	Job) printf '  parallelism: %s\n' "$3" ;;
	CronJob)
		printf '  schedule: "0 0 1 1 *"\n  jobTemplate: {spec: {parallelism: %s, template: %s}}\n' "$3" "$(template "${@:4}")"
		return
		;;
	ReplicationController) printf '  replicas: %s\n' "$3" ;;
	esac
	printf '  template: %s\n' "$(template "${@:4}")"
}

apply() {
	kubectl apply -f - >&2
}

# ---- what pools there are ----

JQ='def num: split(".") | map(tonumber) | reduce .[] as $b (0; . * 256 + $b);
def hex: ascii_downcase | explode | reduce .[] as $c (0; . * 16 + (if $c > 96 then $c - 87 else $c - 48 end));
def at: if contains(":") then (sub(".*:"; "") | if . == "" then 0 else hex end) else num end;
def ranges: (.spec.ips // [])[] | split("-") | [(.[0] | at), (.[-1] | at)];
def size: [ranges | .[1] - .[0] + 1] | add // 0;
def lab($k): .metadata.labels["ipam.spidernet.io/" + $k];'

# pools JQ: over the array of pools that are there; what JQ says, line by line.
pools() {
	kubectl get sp -o json | jq -r "$JQ"'.items | '"$1"
}

# pools_of APP: "interface version subnet size number reclaim" of each, sorted; those that are being deleted do not count.
pools_of() {
	pools '[.[] | select(.metadata.deletionTimestamp == null and lab("owner-application-name") == "'"$1"'") |
		[lab("interface"), lab("ip-version"), lab("owner-spider-subnet"), size,
		.metadata.annotations["ipam.spidernet.io/ippool-ip-number"], lab("ippool-reclaim")] | join(" ")] | sort | .[]'
}

# has_pools APP [LINE]...: exactly these.
has_pools() {
	local want
	want=$(printf '%s\n' "${@:2}")
	[ "$(pools_of "$1")" = "$want" ] || {
		pools_of "$1"
		return 1
	}
}

soon() { # APP [LINE]...
	eventually 60 has_pools "$@"
}

# apart N: no address of 10.N.0.0/16 is in two pools; how many are in one is on stdout.
apart() {
	pools '[.[] | select(.spec.subnet == "10.'"$1"'.0.0/16") | ranges] | sort |
		if [range(1; length) as $i | select(.[$i - 1][1] >= .[$i][0])] | length > 0 then error("overlap") else . end |
		[.[] | .[1] - .[0] + 1] | add // 0'
}

accounted() { # N COUNT
	[ "$(apart "$1")" = "$2" ] || {
		apart "$1"
		return 1
	}
}

none_left() { # N
	accounted "$1" 0 && [ -z "$(pools '.[] | select(.spec.subnet == "10.'"$1"'.0.0/16") | .metadata.name')" ]
}

event() { # KIND NAME REASON TEXT
	kubectl get events --field-selector "involvedObject.kind=$1,involvedObject.name=$2,reason=$3" -o 'jsonpath={.items[*].message}' |
		grep -F -- "$4"
}

# ---- pods ----

pod_names() { # APP
	kubectl get pods -l "app=$1" -o 'jsonpath={range .items[*]}{.metadata.name} {.metadata.uid}{"\n"}{end}'
}

pod_count() { # APP N
	[ "$(pod_names "$1" | wc -l)" = "$2" ]
}

# call VERB POD UID [NIC]
call() {
	local dir
	dir=$(agent_dir n1)
	printf '{"cniVersion": "1.0.0", "name": "for-%s", "type": "none", "ipam": {"type": "spiderpool", "state_dir": "%s",
		"ipam_unix_socket_path": "%s", "log_level": "panic"}}' "${4:-eth0}" "$dir/state" "$dir/sock" |
		CNI_COMMAND=$1 CNI_CONTAINERID=$3 CNI_IFNAME=${4:-eth0} CNI_NETNS=/run/netns/$KUBE_NAME-pod CNI_PATH=$BIN \
			CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=$2;K8S_POD_UID=$3" "$BIN/spiderpool"
}

# claim_all APP [NIC]: each pod of it has its addresses; these are remembered for `ended`.
claim_all() {
	local pod uid
	while read -r pod uid; do
		eventually 20 call ADD "$pod" "$uid" "${@:2}" >/dev/null
		echo "$1 $pod $uid ${2:-eth0}" >>"$KUBE_DIR/claims"
	done < <(pod_names "$1")
}

# ended APP: DEL of those whose pods are gone, as their kubelet would.
ended() {
	local app pod uid nic here
	here=$(pod_names "$1")
	while read -r app pod uid nic; do
		if [ "$app" = "$1" ] && ! grep -q "$uid" <<<"$here"; then call DEL "$pod" "$uid" "$nic"; fi
	done <"$KUBE_DIR/claims"
}

# held APP: how many addresses are held through its pools, and all of these lie in them.
held() {
	kubectl get sib -o json | jq -r '.items[].spec | (.cidr | sub("/.*"; "")) as $at | .records | split("\n")[] | select(. != "") |
		split("\t") | select(.[1] != "free") | [.[3], $at, .[0]] | join(" ")' | while read -r pool at offset; do
		[[ $pool == auto4-$1-* ]] || continue
		echo "$pool ${at%.*}.$((${at##*.} + offset))"
	done
}
inside() { # APP COUNT
	local pool address n=0
	while read -r pool address; do
		pools '.[] | select(.metadata.name == "'"$pool"'") | [ranges | select(.[0] <= ("'"$address"'" | at) and .[1] >= ("'"$address"'" | at))] |
			length' | grep -qx 1 || {
			echo "$address is outside of $pool"
			return 1
		}
		n=$((n + 1))
	done < <(held "$1")
	[ "$n" = "$2" ] || {
		held "$1"
		return 1
	}
}

gone() { # KIND NAME...
	kubectl delete --wait=true --timeout=30s "$@" >&2
}

@test "I00003, I00013: pools made, scaled and deleted for applications of all kinds" {
	{
		subnet all 10 200
		app Deployment dep 2 subnet '{"ipv4": ["all"]}'
		app ReplicaSet rs 2 subnet '{"ipv4": ["all"]}' ippool-ip-number +1
		app StatefulSet sts 2 subnet '{"ipv4": ["all"]}' ippool-ip-number 5
		app DaemonSet ds 0 subnet '{"ipv4": ["all"]}'
		app Job job 3 subnet '{"ipv4": ["all"]}'
		app CronJob cron 2 subnet '{"ipv4": ["all"]}' ippool-ip-number +2
	} | apply
	soon dep 'eth0 IPv4 all 2 +0 true'
	soon rs 'eth0 IPv4 all 3 +1 true'
	soon sts 'eth0 IPv4 all 5 5 true'
	soon ds 'eth0 IPv4 all 1 +0 true'
	soon job 'eth0 IPv4 all 3 +0 true'
	soon cron 'eth0 IPv4 all 4 +2 true'
	accounted 10 18
	kubectl scale --replicas=6 deployment/dep rs/rs sts/sts >&2
	kubectl patch cronjob cron --type=merge -p '{"spec": {"jobTemplate": {"spec": {"parallelism": 4}}}}' >&2
	soon dep 'eth0 IPv4 all 6 +0 true'
	soon rs 'eth0 IPv4 all 7 +1 true'
	soon sts 'eth0 IPv4 all 5 5 true'
	soon cron 'eth0 IPv4 all 6 +2 true'
	accounted 10 28
	eventually 60 pod_count dep 6
	claim_all dep
	inside dep 6
	gone deployment/dep rs/rs sts/sts ds/ds job/job cronjob/cron
	eventually 60 pod_count dep 0
	for a in rs sts ds job cron; do soon $a; done
	ended dep
	eventually 60 none_left 10
}

@test "I00006, I00008: many cycles of applications, and of scaling, leave the subnet as it was" {
	local i
	subnet cycles 11 40 | apply
	for i in 1 2 3; do
		for a in a b c d; do app Deployment "cycle-$a" 0 subnet '{"ipv4": ["cycles"]}' ippool-ip-number $((i * 3)); done | apply
		for a in a b c d; do soon "cycle-$a" "eth0 IPv4 cycles $((i * 3)) $((i * 3)) true"; done
		accounted 11 $((i * 12))
		gone deployment cycle-{a,b,c,d}
		eventually 60 none_left 11
	done
	app Deployment cycle 0 subnet '{"ipv4": ["cycles"]}' ippool-ip-number +1 | apply
	soon cycle 'eth0 IPv4 cycles 1 +1 true'
	for i in 5 30 2 17 39 3 0 20 1; do
		# Nobody gives these pods a start: they need not be there.
		kubectl patch deployment cycle --type=merge -p '{"spec": {"template": {"metadata": {"annotations": {"ipam.spidernet.io/ippool-ip-number": "'$i'"}}}}}' >&2
	done
	soon cycle 'eth0 IPv4 cycles 1 1 true'
	accounted 11 1
	gone deployment cycle
	eventually 60 none_left 11
}

@test "I00007: pools made by hand and for applications share a subnet, and never an address" {
	local i
	subnet mixed 12 60 | apply
	app Deployment mixed 0 subnet '{"ipv4": ["mixed"]}' ippool-ip-number 10 | apply
	soon mixed 'eth0 IPv4 mixed 10 10 true'
	for i in 1 2 3; do
		kube_pool "hand-$i" 10.12.0.0/16 "10.12.0.$((i * 11 + 1))-10.12.0.$((i * 11 + 5))"
	done
	app Deployment mixed 0 subnet '{"ipv4": ["mixed"]}' ippool-ip-number 45 | apply
	soon mixed 'eth0 IPv4 mixed 45 45 true'
	accounted 12 60
	# One more than there are.
	app Deployment mixed 0 subnet '{"ipv4": ["mixed"]}' ippool-ip-number 46 | apply
	eventually 60 event Deployment mixed SubnetExhausted 'SpiderSubnet mixed has no free addresses left'
	accounted 12 60
	# What is given back by hand is taken.
	kubectl delete sp hand-2 --timeout=20s >&2
	soon mixed 'eth0 IPv4 mixed 46 46 true'
	accounted 12 56
	gone deployment mixed
	kubectl delete sp hand-1 hand-3 --timeout=20s >&2
	eventually 60 none_left 12
}

@test "I00004, I00011: neither excluded nor reserved addresses are in a pool; what is reserved later leaves it" {
	subnet fenced 13 30 'excludeIPs: [10.13.0.3, 10.13.0.5-10.13.0.9]' | apply
	printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: fence}\nspec: {ipVersion: 4, ips: [10.13.0.1, 10.13.0.11]}\n' | apply
	app Deployment fenced 0 subnet '{"ipv4": ["fenced"]}' ippool-ip-number 5 | apply
	soon fenced 'eth0 IPv4 fenced 5 5 true'
	run pools '.[] | select(lab("owner-application-name") == "fenced") | .spec.ips | join(" ")'
	same '10.13.0.2 10.13.0.4 10.13.0.10 10.13.0.12-10.13.0.13' "$output"
	printf 'apiVersion: spiderpool.spidernet.io/v2beta1\nkind: SpiderReservedIP\nmetadata: {name: fence2}\nspec: {ipVersion: 4, ips: [10.13.0.12]}\n' | apply
	eventually 20 fenced_is '10.13.0.2 10.13.0.4 10.13.0.10 10.13.0.13-10.13.0.14'
	gone deployment fenced
	gone sr fence fence2
	eventually 60 none_left 13
}

fenced_is() {
	[ "$(pools '.[] | select(lab("owner-application-name") == "fenced") | .spec.ips | join(" ")')" = "$1" ]
}

NICS='[{"interface": "eth0", "ipv4": ["nic-a"], "ipv6": ["nic-six"]}, {"interface": "net1", "ipv4": ["nic-b"]}]'

@test "I00012, I00021: several NICs, both families; an application of the same name has its kept pools again" {
	{
		subnet nic-a 14 30
		subnet nic-b 15 30
		subnet6 nic-six 16 30
		app Deployment nics 2 subnets "$NICS" ippool-reclaim false
	} | apply
	soon nics 'eth0 IPv4 nic-a 2 +0 false' 'eth0 IPv6 nic-six 2 +0 false' 'net1 IPv4 nic-b 2 +0 false'
	names=$(pools '[.[] | select(lab("owner-application-name") == "nics") | .metadata.name] | sort | join(" ")')
	eventually 60 pod_count nics 2
	claim_all nics eth0
	claim_all nics net1
	run -0 kubectl get se -o json
	same 2 "$(jq '[.items[] | select(.metadata.name | startswith("nics-")) | select(.status.current.ips | length == 2)] | length' <<<"$output")"
	gone deployment nics
	eventually 60 pod_count nics 0
	ended nics
	has_pools nics 'eth0 IPv4 nic-a 2 +0 false' 'eth0 IPv6 nic-six 2 +0 false' 'net1 IPv4 nic-b 2 +0 false'
	app Deployment nics 3 subnets "$NICS" | apply
	soon nics 'eth0 IPv4 nic-a 3 +0 true' 'eth0 IPv6 nic-six 3 +0 true' 'net1 IPv4 nic-b 3 +0 true'
	same "$names" "$(pools '[.[] | select(lab("owner-application-name") == "nics") | .metadata.name] | sort | join(" ")')"
	eventually 60 pod_count nics 3
	claim_all nics eth0
	gone deployment nics
	eventually 60 pod_count nics 0
	ended nics
	eventually 60 none_left 14
	eventually 60 none_left 15
}

@test "I00015, I00016, I00019: a kept pool serves the next of its name and kind, no other kind; reclaim may be switched on" {
	subnet kept 17 30 | apply
	app Deployment keep 0 subnet '{"ipv4": ["kept"]}' ippool-ip-number 4 ippool-reclaim false | apply
	soon keep 'eth0 IPv4 kept 4 4 false'
	gone deployment keep
	# Of another kind.
	app StatefulSet keep 0 subnet '{"ipv4": ["kept"]}' ippool-ip-number 3 | apply
	soon keep 'eth0 IPv4 kept 3 3 true' 'eth0 IPv4 kept 4 4 false'
	gone statefulset keep
	soon keep 'eth0 IPv4 kept 4 4 false'
	# Of the same.
	app Deployment keep 0 subnet '{"ipv4": ["kept"]}' ippool-ip-number 6 ippool-reclaim false | apply
	soon keep 'eth0 IPv4 kept 6 6 false'
	accounted 17 6
	uid=$(kubectl get deployment keep -o 'jsonpath={.metadata.uid}')
	same "$uid" "$(pools '.[] | select(lab("owner-application-name") == "keep") | lab("owner-application-uid")')"
	app Deployment keep 0 subnet '{"ipv4": ["kept"]}' ippool-ip-number 6 ippool-reclaim true | apply
	soon keep 'eth0 IPv4 kept 6 6 true'
	gone deployment keep
	eventually 60 none_left 17
}

@test "I00017: very long names; two of them that begin alike; names that meet in their pools" {
	local long
	long=$(printf 'a%.0s' {1..240})
	{
		subnet long 18 60
		APP=x
		for n in 1 2; do
			printf -- '---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s}\nspec: {replicas: 0, selector: {matchLabels: {app: x}}, template: %s}\n' \
				"$long$n" "$(template subnet '{"ipv4": ["long"]}' ippool-ip-number 3)"
		done
	} | apply
	eventually 30 accounted 18 6
	run pools '.[] | select(.spec.subnet == "10.18.0.0/16") | .spec.podAffinity.matchLabels["ipam.spidernet.io/app-name"]'
	same "${long}1 ${long}2" "$(sort <<<"$output" | xargs)"
	gone deployment "${long}1" "${long}2"
	eventually 60 none_left 18
}

@test "I00018: nobody edits the addresses of such a pool; annotations of others stay, its own is put right" {
	subnet edited 19 60 | apply
	app Deployment edited 0 subnet '{"ipv4": ["edited"]}' ippool-ip-number 5 | apply
	soon edited 'eth0 IPv4 edited 5 5 true'
	name=$(pools '.[] | select(lab("owner-application-name") == "edited") | .metadata.name')
	fails 1 kubectl patch sp "$name" --type=merge -p '{"spec": {"ips": ["10.19.0.1-10.19.0.20"]}}'
	has 'made for application edited and sized by the controller'
	kubectl annotate --overwrite sp "$name" mine=x ipam.spidernet.io/ippool-ip-number=77 >&2
	soon edited 'eth0 IPv4 edited 5 5 true'
	same x "$(kubectl get sp "$name" -o 'jsonpath={.metadata.annotations.mine}')"
	app Deployment edited 0 subnet '{"ipv4": ["edited"]}' ippool-ip-number 6 | apply
	soon edited 'eth0 IPv4 edited 6 6 true'
	same x "$(kubectl get sp "$name" -o 'jsonpath={.metadata.annotations.mine}')"
	gone deployment edited
	eventually 60 none_left 19
}

@test "I00020: another application's pods have none of its spare addresses" {
	subnet spare 20 5 | apply
	{
		app Deployment owner 1 subnet '{"ipv4": ["spare"]}' ippool-ip-number 5
		app Deployment other 1 subnet '{"ipv4": ["spare"]}'
	} | apply
	soon owner 'eth0 IPv4 spare 5 5 true'
	eventually 60 event Deployment other SubnetExhausted 'are wanted, there are 0'
	eventually 60 pod_count owner 1
	eventually 60 pod_count other 1
	claim_all owner
	# shellcheck disable=SC2046
	run ! call ADD $(pod_names other)
	has 'has not yet made'
	gone deployment other owner
	ended owner
	eventually 60 none_left 20
}

@test "shrinking leaves what is held where it is, and goes on when that ends" {
	subnet held 21 60 | apply
	app Deployment held 8 subnet '{"ipv4": ["held"]}' | apply
	soon held 'eth0 IPv4 held 8 +0 true'
	eventually 60 pod_count held 8
	claim_all held
	inside held 8
	# All eight pods are there still, as far as the agent has heard.
	app Deployment held 8 subnet '{"ipv4": ["held"]}' ippool-ip-number 3 | sed 's/replicas: 8/&\n  paused: true/' | apply
	soon held 'eth0 IPv4 held 8 3 true'
	inside held 8
	kubectl scale --replicas=2 deployment/held >&2
	eventually 60 pod_count held 2
	ended held
	soon held 'eth0 IPv4 held 3 3 true'
	inside held 2
	gone deployment held
	eventually 60 pod_count held 0
	ended held
	eventually 60 none_left 21
}

@test "another subnet is named: a pool of that one is made, the other goes when nothing in it is held" {
	{
		subnet before 22 30
		subnet after 23 30
		app Deployment moves 2 subnet '{"ipv4": ["before"]}'
	} | apply
	soon moves 'eth0 IPv4 before 2 +0 true'
	eventually 60 pod_count moves 2
	claim_all moves
	kubectl patch deployment moves --type=merge -p '{"spec": {"paused": true, "template": {"metadata": {"annotations": {"ipam.spidernet.io/subnet": "{\"ipv4\": [\"after\"]}"}}}}}' >&2
	soon moves 'eth0 IPv4 after 2 +0 true' 'eth0 IPv4 before 2 +0 true'
	# Taken out, put in again, in a hurry: nothing falls over.
	for s in '"{}"' null '"{\"ipv4\": [\"before\"]}"' null '"nonsense"' '"{\"ipv4\": [\"after\"]}"'; do
		kubectl patch deployment moves --type=merge -p '{"spec": {"template": {"metadata": {"annotations": {"ipam.spidernet.io/subnet": '"$s"'}}}}}' >&2
	done
	soon moves 'eth0 IPv4 after 2 +0 true' 'eth0 IPv4 before 2 +0 true'
	kubectl scale --replicas=0 deployment/moves >&2
	eventually 60 pod_count moves 0
	ended moves
	soon moves 'eth0 IPv4 after 0 +0 true'
	gone deployment moves
	eventually 60 none_left 22
	eventually 60 none_left 23
}

# pool_kept APP: it has one, and that is not being deleted.
pool_kept() {
	[ "$(pools '.[] | select(lab("owner-application-name") == "'"$1"'") | "\(.metadata.name) \(.metadata.deletionTimestamp)"')" = "$name null" ]
}

@test "a subnet that is deleted without its pools: they serve on, and an Event says why they do not follow" {
	subnet going 25 30 | apply
	app Deployment going 0 subnet '{"ipv4": ["going"]}' ippool-ip-number 3 | apply
	soon going 'eth0 IPv4 going 3 3 true'
	name=$(pools '.[] | select(lab("owner-application-name") == "going") | .metadata.name')
	kubectl delete ss going --cascade=orphan --timeout=30s >&2
	app Deployment going 0 subnet '{"ipv4": ["going"]}' ippool-ip-number 5 | apply
	eventually 60 event Deployment going SubnetUnusable 'SpiderSubnet going, named for interface eth0 (IPv4), does not exist'
	sleep 2
	pool_kept going
	has_pools going 'eth0 IPv4 going 3 3 true'
	# It comes back.
	subnet going 25 30 | apply
	soon going 'eth0 IPv4 going 5 5 true'
	pool_kept going
	gone deployment going
	eventually 60 none_left 25
}

@test "a subnet that is missing or of the other family, annotations that say nothing: an Event says so" {
	{
		app Deployment early 0 subnet '{"ipv4": ["late"]}' ippool-ip-number 2
		app Deployment wrong 0 subnet '{"ipv4": ["late"]}' ippool-ip-number two
	} | apply
	eventually 60 event Deployment early SubnetUnusable 'SpiderSubnet late, named for interface eth0 (IPv4), does not exist'
	eventually 60 event Deployment wrong AnnotationInvalid 'ippool-ip-number'
	subnet late 24 30 | apply
	soon early 'eth0 IPv4 late 2 2 true'
	soon wrong
	gone deployment early wrong
	eventually 60 none_left 24
}

# ---- many ----

# as_annotated N COUNT: so many pools of the subnet, each of the size that its application was annotated with.
as_annotated() {
	pools '[.[] | select(.spec.subnet == "10.'"$1"'.0.0/16") | select((size | tostring) ==
		.metadata.annotations["ipam.spidernet.io/ippool-ip-number"])] | length' | grep -qx "$2"
}

crowd() { # SUBNET COUNT SIZE
	local i
	for i in $(seq "$2"); do
		app Deployment "$1-$i" 0 subnet '{"ipv4": ["'"$1"'"]}' ippool-ip-number "$3"
	done
}

@test "a hundred applications at once, while the controller is killed again and again" {
	subnet crowd 30 1000 | apply
	crowd crowd 100 7 >"$BATS_TEST_TMPDIR/crowd"
	kubectl apply -f "$BATS_TEST_TMPDIR/crowd" >&2 &
	for i in 1 2 3; do
		sleep 2
		killed
	done
	wait $!
	eventually 240 as_annotated 30 100
	accounted 30 700
	kubectl delete -f "$BATS_TEST_TMPDIR/crowd" --wait=false >&2 &
	sleep 1
	killed
	wait $!
	eventually 240 none_left 30
}

@test "fifty applications fight over a subnet: exactly accounted, and all of them have theirs when it grows" {
	subnet fight 31 300 | apply
	crowd fight 50 10 >"$BATS_TEST_TMPDIR/fight"
	kubectl apply -f "$BATS_TEST_TMPDIR/fight" >&2 &
	sleep 2
	killed
	wait $!
	eventually 240 accounted 31 300
	eventually 120 as_annotated 31 30
	eventually 30 controller_ready 1
	subnet fight 31 500 | apply
	eventually 240 as_annotated 31 50
	accounted 31 500
	sed 's/ip-number: .10./ip-number: "4"/' "$BATS_TEST_TMPDIR/fight" | kubectl apply -f - >&2 &
	sleep 1
	killed
	wait $!
	eventually 240 accounted 31 200
	as_annotated 31 50
	kubectl delete -f "$BATS_TEST_TMPDIR/fight" --wait=false >&2
	eventually 120 none_left 31
}

@test "a thousand replicas, up and down" {
	local n
	# Their pods need not be there.
	kubectl create namespace many >&2
	printf 'apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: none, namespace: many}\nspec: {hard: {pods: 0}}\n' | apply
	subnet many 32 2000 | apply
	app Deployment many 1 subnet '{"ipv4": ["many"]}' | kubectl apply -n many -f - >&2
	for n in 1000 1 1000 400 1000 0; do
		kubectl scale -n many --replicas=$n deployment/many >&2
		[ $n != 400 ] || killed
		eventually 120 has_pools many "eth0 IPv4 many $n +0 true"
		accounted 32 $n
	done
	gone -n many deployment/many
	eventually 60 none_left 32
}

# ---- kinds that Kubernetes does not have ----

# definition KIND PLURAL
definition() {
	cat <<-YAML
		---
		apiVersion: apiextensions.k8s.io/v1
		kind: CustomResourceDefinition
		metadata: {name: $2.apps.kruise.io}
		spec:
		  group: apps.kruise.io
		  names: {kind: $1, plural: $2}
		  scope: Namespaced
		  versions:
		  - name: v1beta1
		    served: true
		    storage: true
		    subresources: {scale: {specReplicasPath: .spec.replicas, statusReplicasPath: .status.replicas}}
		    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
	YAML
}

kruise() { # KIND NAME REPLICAS
	printf -- '---\napiVersion: apps.kruise.io/v1beta1\nkind: %s\nmetadata: {name: %s}\nspec: {replicas: %s}\n' "$@"
}

# kruise_pod KIND/PLURAL OWNER POD [KEY VALUE]...
kruise_pod() {
	local uid
	uid=$(kubectl get "${1#*/}.apps.kruise.io" "$2" -o 'jsonpath={.metadata.uid}')
	printf -- '---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {app: %s}\n' "$3" "$2"
	printf '  ownerReferences: [{apiVersion: apps.kruise.io/v1beta1, kind: %s, name: %s, uid: %s, controller: true}]\n' "${1%/*}" "$2" "$uid"
	printf '  annotations: {'
	set -- "${@:4}"
	while [ $# -gt 0 ]; do
		printf "ipam.spidernet.io/%s: '%s', " "$1" "$2"
		shift 2
	done
	printf '}\nspec: {nodeName: n1, terminationGracePeriodSeconds: 0, containers: [{name: c, image: "kube.test/pause:1"}]}\n'
}

# may APIGROUP RESOURCE: what users add.
may() {
	cat <<-YAML | apply
		apiVersion: rbac.authorization.k8s.io/v1
		kind: ClusterRole
		metadata:
		  name: spiderpool-may-$2
		  labels: {rbac.spiderpool.spidernet.io/aggregate-to-controller: "true"}
		rules:
		- {apiGroups: ["$1"], resources: ["$2", "$2/scale"], verbs: [get, list, watch]}
	YAML
}

@test "T00001, T00002, T00003: pods of somebody else's controller; the right that is missing is named" {
	{
		definition StatefulSet statefulsets
		definition CloneSet clonesets
	} | apply
	kubectl wait --for=condition=Established --timeout=20s crd/statefulsets.apps.kruise.io crd/clonesets.apps.kruise.io >&2
	eventually 20 kubectl get clonesets.apps.kruise.io,statefulsets.apps.kruise.io
	subnet kruise 40 60 | apply
	kube_pool by-hand 10.41.0.0/16 10.41.0.1-10.41.0.9
	kruise StatefulSet clone 3 | apply
	kruise_pod StatefulSet/statefulsets clone clone-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number +1 | apply
	eventually 60 event StatefulSet clone RightMissing \
		'{apiGroups: ["apps.kruise.io"], resources: ["statefulsets", "statefulsets/scale"], verbs: [get, list, watch]}'
	soon clone
	may apps.kruise.io statefulsets
	eventually 120 has_pools clone 'eth0 IPv4 kruise 4 +1 true'
	claim_all clone
	# Nobody tells but the object itself.
	kubectl scale --replicas=6 statefulsets.apps.kruise.io/clone >&2
	soon clone 'eth0 IPv4 kruise 7 +1 true'
	kubectl scale --replicas=1 statefulsets.apps.kruise.io/clone >&2
	soon clone 'eth0 IPv4 kruise 2 +1 true'
	inside clone 1
	kruise_pod StatefulSet/statefulsets clone clone-1 ippool '{"ipv4": ["by-hand"]}' | apply
	# shellcheck disable=SC2046
	run -0 call ADD clone-1 $(pod_uid clone-1)
	has 10.41.0.
	echo "clone clone-1 $(pod_uid clone-1) eth0" >>"$KUBE_DIR/claims"
	gone statefulsets.apps.kruise.io clone
	eventually 60 pod_count clone 0
	ended clone
	eventually 60 none_left 40
	eventually 30 no_endpoint clone-0
}

no_endpoint() {
	[ -z "$(kubectl get se "$1" --ignore-not-found -o name)" ]
}

@test "T00004, T00005: a kept pool of somebody else's kind: its own kind has it again, another kind has not" {
	kruise StatefulSet keeps 1 | apply
	kruise_pod StatefulSet/statefulsets keeps keeps-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number 3 ippool-reclaim false | apply
	soon keeps 'eth0 IPv4 kruise 3 3 false'
	gone statefulsets.apps.kruise.io keeps
	eventually 60 pod_count keeps 0
	may apps.kruise.io clonesets
	kruise CloneSet keeps 1 | apply
	kruise_pod CloneSet/clonesets keeps keeps-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number 2 | apply
	eventually 120 has_pools keeps 'eth0 IPv4 kruise 2 2 true' 'eth0 IPv4 kruise 3 3 false'
	gone clonesets.apps.kruise.io keeps
	eventually 30 has_pools keeps 'eth0 IPv4 kruise 3 3 false'
	eventually 60 pod_count keeps 0
	kruise StatefulSet keeps 1 | apply
	kruise_pod StatefulSet/statefulsets keeps keeps-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number 5 | apply
	soon keeps 'eth0 IPv4 kruise 5 5 true'
	# Its pods go first, the controller starts anew: only the pool tells of it, and it is followed all the same.
	kubectl delete pod keeps-0 --timeout=20s >&2
	killed
	eventually 30 controller_ready 1
	gone statefulsets.apps.kruise.io keeps
	eventually 120 none_left 40
}

@test "a kind whose definition is removed: its applications are gone, whether the controller saw it or not" {
	kruise CloneSet seen 1 | apply
	kruise_pod CloneSet/clonesets seen seen-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number 2 | apply
	kruise StatefulSet unseen 1 | apply
	kruise_pod StatefulSet/statefulsets unseen unseen-0 subnet '{"ipv4": ["kruise"]}' ippool-ip-number 3 | apply
	soon seen 'eth0 IPv4 kruise 2 2 true'
	soon unseen 'eth0 IPv4 kruise 3 3 true'
	kubectl delete pod seen-0 unseen-0 --timeout=20s >&2
	# The group is there still.
	kubectl delete crd clonesets.apps.kruise.io --timeout=60s >&2
	soon seen
	has_pools unseen 'eth0 IPv4 kruise 3 3 true'
	# All of it goes.
	controller_stop 1 KILL
	kubectl delete crd statefulsets.apps.kruise.io --timeout=60s >&2
	# shellcheck disable=SC2086
	controller_spawn 1 $FAST
	eventually 120 none_left 40
}

@test "controllers of the core group have pools" {
	subnet core 42 30 | apply
	may "" replicationcontrollers
	app ReplicationController rc 2 subnet '{"ipv4": ["core"]}' ippool-ip-number +1 | apply
	eventually 120 has_pools rc 'eth0 IPv4 core 3 +1 true'
	gone rc rc
	eventually 60 none_left 42
}

@test "I00024: switched off, no pool is made and pods are told" {
	controller_stop 1
	controller_conf 1 'enableAutoPoolForApplication: false'
	# shellcheck disable=SC2086
	controller_start 1 $FAST
	agent_stop n1
	agent_conf n1 "ipamUnixSocketPath: $(agent_dir n1)/sock" 'tuneSysctlConfig: false' 'enableAutoPoolForApplication: false'
	agent_start n1
	{
		subnet nopool 43 30
		app Deployment nopool 1 subnet '{"ipv4": ["nopool"]}'
	} | apply
	eventually 60 pod_count nopool 1
	# shellcheck disable=SC2046
	run ! call ADD $(pod_names nopool)
	has 'switched off'
	soon nopool
}
