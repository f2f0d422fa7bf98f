#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Pools of applications, case by case: real workload controllers, one pretended node, the plugin called by hand. The ids
# are those of upstream's lists of end-to-end cases (test/doc).
# shellcheck disable=SC2154

load lib
load agent
load controller

setup_file() {
	kube_up all
	agent_install
	controller_install
	agent_pretend n1
	agent_start n1
	# A replica that is killed is followed soon.
	export FAST="SPIDERPOOL_LEADER_DURATION=4 SPIDERPOOL_LEADER_RENEW_DEADLINE=3 SPIDERPOOL_LEADER_RETRY_PERIOD=1"
	# shellcheck disable=SC2086
	CONTROLLER_LOG_LEVEL=info controller_start 1 $FAST
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
	local version=apps/v1 spec APP=$2 JOB=
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
	eventually 30 has_pools "$@"
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

claimed() { # POD UID [NIC]: the addresses are in $addresses
	run call ADD "$@"
	[ "$status" = 0 ] && addresses=$(jq -r '[.ips[].address | sub("/.*"; "")] | join(" ")' <<<"$output") || {
		echo "$output"
		return 1
	}
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
		[ "$app" = "$1" ] && ! grep -q "$uid" <<<"$here" || continue
		call DEL "$pod" "$uid" "$nic"
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
	eventually 20 pod_count dep 6
	claim_all dep
	inside dep 6
	gone deployment/dep rs/rs sts/sts ds/ds job/job cronjob/cron
	eventually 20 pod_count dep 0
	for a in rs sts ds job cron; do soon $a; done
	ended dep
	eventually 30 none_left 10
}

@test "I00006, I00008: many cycles of applications, and of scaling, leave the subnet as it was" {
	local i
	subnet cycles 11 40 | apply
	for i in 1 2 3; do
		for a in a b c d; do app Deployment "cycle-$a" 0 subnet '{"ipv4": ["cycles"]}' ippool-ip-number $((i * 3)); done | apply
		for a in a b c d; do soon "cycle-$a" "eth0 IPv4 cycles $((i * 3)) $((i * 3)) true"; done
		accounted 11 $((i * 12))
		gone deployment cycle-{a,b,c,d}
		eventually 30 none_left 11
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
	eventually 30 none_left 11
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
	eventually 20 event Deployment mixed SubnetExhausted 'SpiderSubnet mixed has no free addresses left'
	accounted 12 60
	# What is given back by hand is taken.
	kubectl delete sp hand-2 --timeout=20s >&2
	soon mixed 'eth0 IPv4 mixed 46 46 true'
	accounted 12 56
	gone deployment mixed
	kubectl delete sp hand-1 hand-3 --timeout=20s >&2
	eventually 30 none_left 12
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
	eventually 30 none_left 13
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
	eventually 20 pod_count nics 2
	claim_all nics eth0
	claim_all nics net1
	run -0 kubectl get se -o json
	same 2 "$(jq '[.items[] | select(.metadata.name | startswith("nics-")) | select(.status.current.ips | length == 2)] | length' <<<"$output")"
	gone deployment nics
	eventually 20 pod_count nics 0
	ended nics
	has_pools nics 'eth0 IPv4 nic-a 2 +0 false' 'eth0 IPv6 nic-six 2 +0 false' 'net1 IPv4 nic-b 2 +0 false'
	app Deployment nics 3 subnets "$NICS" | apply
	soon nics 'eth0 IPv4 nic-a 3 +0 true' 'eth0 IPv6 nic-six 3 +0 true' 'net1 IPv4 nic-b 3 +0 true'
	same "$names" "$(pools '[.[] | select(lab("owner-application-name") == "nics") | .metadata.name] | sort | join(" ")')"
	eventually 20 pod_count nics 3
	claim_all nics eth0
	gone deployment nics
	eventually 20 pod_count nics 0
	ended nics
	eventually 30 none_left 14
	eventually 30 none_left 15
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
	eventually 30 none_left 17
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
	eventually 30 none_left 18
}

@test "I00018: who edits the addresses of such a pool by hand has them put right" {
	subnet edited 19 60 | apply
	app Deployment edited 0 subnet '{"ipv4": ["edited"]}' ippool-ip-number 5 | apply
	soon edited 'eth0 IPv4 edited 5 5 true'
	name=$(pools '.[] | select(lab("owner-application-name") == "edited") | .metadata.name')
	kubectl patch sp "$name" --type=merge -p '{"spec": {"ips": ["10.19.0.1-10.19.0.20"]}, "metadata": {"annotations": {"mine": "x", "ipam.spidernet.io/ippool-ip-number": "77"}}}' >&2
	soon edited 'eth0 IPv4 edited 5 5 true'
	same x "$(kubectl get sp "$name" -o 'jsonpath={.metadata.annotations.mine}')"
	gone deployment edited
	eventually 30 none_left 19
}

@test "I00020: another application's pods have none of its spare addresses" {
	subnet spare 20 5 | apply
	{
		app Deployment owner 1 subnet '{"ipv4": ["spare"]}' ippool-ip-number 5
		app Deployment other 1 subnet '{"ipv4": ["spare"]}'
	} | apply
	soon owner 'eth0 IPv4 spare 5 5 true'
	eventually 20 event Deployment other SubnetExhausted 'are wanted, there are 0'
	eventually 20 pod_count owner 1
	eventually 20 pod_count other 1
	claim_all owner
	# shellcheck disable=SC2046
	run ! call ADD $(pod_names other)
	has 'has not yet made'
	gone deployment other owner
	ended owner
	eventually 30 none_left 20
}

@test "shrinking leaves what is held where it is, and goes on when that ends" {
	subnet held 21 60 | apply
	app Deployment held 8 subnet '{"ipv4": ["held"]}' | apply
	soon held 'eth0 IPv4 held 8 +0 true'
	eventually 20 pod_count held 8
	claim_all held
	inside held 8
	# All eight pods are there still, as far as the agent has heard.
	app Deployment held 8 subnet '{"ipv4": ["held"]}' ippool-ip-number 3 | sed 's/replicas: 8/&\n  paused: true/' | apply
	soon held 'eth0 IPv4 held 8 3 true'
	inside held 8
	kubectl scale --replicas=2 deployment/held >&2
	eventually 20 pod_count held 2
	ended held
	soon held 'eth0 IPv4 held 3 3 true'
	inside held 2
	gone deployment held
	eventually 20 pod_count held 0
	ended held
	eventually 30 none_left 21
}

@test "another subnet is named: a pool of that one is made, the other goes when nothing in it is held" {
	{
		subnet before 22 30
		subnet after 23 30
		app Deployment moves 2 subnet '{"ipv4": ["before"]}'
	} | apply
	soon moves 'eth0 IPv4 before 2 +0 true'
	eventually 20 pod_count moves 2
	claim_all moves
	kubectl patch deployment moves --type=merge -p '{"spec": {"paused": true, "template": {"metadata": {"annotations": {"ipam.spidernet.io/subnet": "{\"ipv4\": [\"after\"]}"}}}}}' >&2
	soon moves 'eth0 IPv4 after 2 +0 true' 'eth0 IPv4 before 2 +0 true'
	# Taken out, put in again, in a hurry: nothing falls over.
	for s in '"{}"' null '"{\"ipv4\": [\"before\"]}"' null '"nonsense"' '"{\"ipv4\": [\"after\"]}"'; do
		kubectl patch deployment moves --type=merge -p '{"spec": {"template": {"metadata": {"annotations": {"ipam.spidernet.io/subnet": '"$s"'}}}}}' >&2
	done
	soon moves 'eth0 IPv4 after 2 +0 true' 'eth0 IPv4 before 2 +0 true'
	kubectl scale --replicas=0 deployment/moves >&2
	eventually 20 pod_count moves 0
	ended moves
	soon moves 'eth0 IPv4 after 0 +0 true'
	gone deployment moves
	eventually 30 none_left 22
	eventually 30 none_left 23
}

@test "a subnet that is missing or of the other family, annotations that say nothing: an Event says so" {
	{
		app Deployment early 0 subnet '{"ipv4": ["late"]}' ippool-ip-number 2
		app Deployment wrong 0 subnet '{"ipv4": ["late"]}' ippool-ip-number two
	} | apply
	eventually 20 event Deployment early SubnetUnusable 'SpiderSubnet late, named for interface eth0 (IPv4), does not exist'
	eventually 20 event Deployment wrong AnnotationInvalid 'ippool-ip-number'
	subnet late 24 30 | apply
	soon early 'eth0 IPv4 late 2 2 true'
	soon wrong
	gone deployment early wrong
	eventually 30 none_left 24
}
