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
