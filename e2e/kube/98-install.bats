#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Three real nodes on which nothing was put by hand: the image, `kubectl apply -k deploy`, and what users do then.
# UPGRADE_PODS=24 is how many pods come while another version rolls out.
# shellcheck disable=SC2154

load lib
load agent

setup_file() {
	export DEPLOY IMAGE
	DEPLOY=$(cd "$BATS_TEST_DIRNAME/../../deploy" && pwd)
	IMAGE=$BATS_FILE_TMPDIR/image.tar
	local version
	version=$(cat "$DEPLOY/../VERSION")
	(cd "$DEPLOY/.." && deploy/image/build.sh "${BUILD:-build}" "$IMAGE" "localhost/spiderpool:$version") >&2
	export KUBE_CONFLIST=$BATS_FILE_TMPDIR/net.conflist
	underlay_conflist '"default_ipv4_ippool": ["v4"]' >"$KUBE_CONFLIST"
	# The API server reaches webhooks by the addresses of their pods; no kube-proxy is beside it.
	export KUBE_API_OPTIONS="--enable-aggregator-routing=true ${KUBE_API_OPTIONS:-}"
	export KUBE_MANAGER_OPTIONS="--node-monitor-grace-period=8s --pod-eviction-timeout=2s"
	kube_up all 3
	for i in 1 2 3; do node_paths $i; done
	cluster load "$IMAGE" >&2
	# As kubeadm leaves it: where services are.
	kubectl create configmap -n kube-system kubeadm-config --from-literal=ClusterConfiguration="$(
		printf 'networking:\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/16\n'
	)" >&2
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || for p in $(kubectl get pods -n kube-system -o name); do
		echo "---- $p"
		kubectl logs -n kube-system "$p" --all-containers --tail=15 2>&1 | cut -c -300
	done
	kube_explain
}

teardown_file() {
	kube_down
}

# node_paths I: where programs expect them, in the node's own view of the machine: /opt/cni/bin, /etc/cni/net.d.
node_paths() {
	local dir=$KUBE_DIR/node$1
	mkdir -p "$dir"/etc/{upper,work}
	# shellcheck disable=SC2016
	cluster enter "$1" sh -ec '
		mount -t tmpfs tmpfs /opt
		mkdir -p /opt/cni/bin
		mount --bind "$1/cni/bin" /opt/cni/bin
		mount -t overlay overlay -o "lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work" /etc
		mkdir -p /etc/cni/net.d
		mount --bind "$1/cni/net.d" /etc/cni/net.d' sh "$dir"
}

# rolled KIND NAME: all its pods are of the newest template, and ready.
rolled() {
	kubectl rollout status -n kube-system "$1" "$2" --timeout=1s
}

finished() { # JOB
	[ "$(kubectl get job -n kube-system "$1" -o 'jsonpath={.status.succeeded}')" = 1 ]
}

# workload KIND NAME [LINE OF spec]...: pods of busybox that serve a page; the annotations of the pods are in ANNOTATIONS.
workload() {
	cat <<-YAML | kubectl apply -f - >&2
		apiVersion: apps/v1
		kind: $1
		metadata: {name: $2}
		spec:
		$(printf '  %s\n' "${@:3}")
		  selector: {matchLabels: {app: $2}}
		  template:
		    metadata: {labels: {app: $2}, annotations: {${ANNOTATIONS:-}}}
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

addresses() { # LABEL
	kubectl get pods -l "$1" -o 'jsonpath={range .items[*]}{.status.podIP}{"\n"}{end}' | sort
}

held() {
	kubectl get sib -o json | jq -r '.items[].spec.records' |
		awk -F '\t' 'NF > 1 && $2 != "free" { print $2, $6 "/" $7, $9, $11 }'
}

nothing_held() {
	[ -z "$(held)" ]
}

gone() { # KIND NAME
	kubectl delete "$1" "$2" --wait=false
	eventually 120 pods_gone "app=$2"
}

@test "kubectl apply -k deploy: agents and controllers are ready, spiderpool-init has done its work" {
	kubectl apply -k "$DEPLOY"
	eventually 120 rolled daemonset spiderpool-agent
	eventually 120 rolled deployment spiderpool-controller
	eventually 120 finished spiderpool-init
	same 3 "$(kubectl get daemonset -n kube-system spiderpool-agent -o 'jsonpath={.status.numberReady}')"
	same 2 "$(kubectl get pods -n kube-system -l app.kubernetes.io/component=spiderpool-controller \
		-o 'jsonpath={range .items[*]}{.spec.nodeName}{"\n"}{end}' | sort -u | wc -l)"
	auto() { [ "$(kubectl get scc default -o 'jsonpath={.spec.mode}')" = auto ]; }
	eventually 20 auto
}

@test "a disruption budget, as this server knows it" {
	kubectl apply -k "$DEPLOY/pdb/v1beta1"
	allowed() { [ "$(kubectl get pdb -n kube-system spiderpool-controller -o 'jsonpath={.status.disruptionsAllowed}')" = 1 ]; }
	eventually 30 allowed
	kubectl delete -k "$DEPLOY/pdb/v1beta1"
}

@test "the plugins are on every node, those of the image" {
	local p
	mkdir "$BATS_TEST_TMPDIR/root"
	tar -xOf "$IMAGE" layer.tar | tar -x -C "$BATS_TEST_TMPDIR/root"
	for i in 1 2 3; do
		for p in spiderpool coordinator veth ifacer; do
			cmp "$BATS_TEST_TMPDIR/root/usr/lib/spiderpool/cni/$p" "$KUBE_DIR/node$i/cni/bin/$p"
			same 755 "$(stat -c %a "$KUBE_DIR/node$i/cni/bin/$p")"
		done
		[ -z "$(find "$KUBE_DIR/node$i/cni/bin" -name '*.tmp')" ]
	done
}

@test "pods get addresses of a pool, and answer" {
	coordinator_synced() { [ "$(kubectl get scc default -o 'jsonpath={.status.phase}')" = Synced ]; }
	eventually 30 coordinator_synced
	made() { kube_pool v4 10.111.0.0/16 10.111.4.1-10.111.4.250 "ipVersion: 4" "gateway: 10.111.0.1"; }
	eventually 30 made
	workload Deployment web "replicas: 6"
	eventually 120 pods_ready app=web 6
	same 6 "$(addresses app=web | sort -u | grep -c '^10\.111\.4\.')"
	same 6 "$(held | wc -l)"
	gone deployment web
	eventually 60 nothing_held
}

@test "admission is served: wrong manifests are refused with a sentence, by whichever replica" {
	for _ in 1 2 3 4; do
		run -1 kube_pool wrong 10.111.0.0/16 10.112.0.1-10.112.0.9
		has "10.112.0.1-10.112.0.9: not inside spec.subnet 10.111.0.0/16"
	done
	run -1 kube_pool twice 10.111.0.0/16 10.111.4.9-10.111.4.10
	has "v4"
}

@test "StatefulSet: a pod that is deleted comes back with its address, on another node too" {
	workload StatefulSet db "serviceName: db" "replicas: 2"
	eventually 90 pods_ready app=db 2
	before=$(kubectl get pod db-0 -o 'jsonpath={.status.podIP}')
	from=$(kubectl get pod db-0 -o 'jsonpath={.spec.nodeName}')
	kubectl cordon "$from"
	kubectl delete pod db-0
	eventually 60 pods_ready app=db 2
	kubectl uncordon "$from"
	[ "$(kubectl get pod db-0 -o 'jsonpath={.spec.nodeName}')" != "$from" ]
	same "$before" "$(kubectl get pod db-0 -o 'jsonpath={.status.podIP}')"
	kubectl scale statefulset db --replicas=1
	one() { [ "$(held | wc -l)" = 1 ]; }
	eventually 60 one
	gone statefulset db
	eventually 60 nothing_held
}

@test "a clusterIP answers a macvlan pod, on all nodes" {
	workload DaemonSet web
	kubectl expose pod "$(kubectl get pods -l app=web -o 'jsonpath={.items[0].metadata.name}')" --name=web --port=80 --selector=app=web
	eventually 90 pods_ready app=web 3
	ip=$(kubectl get service web -o 'jsonpath={.spec.clusterIP}')
	for pod in $(kubectl get pods -l app=web -o name); do
		answers() { kubectl exec "$pod" -- sh -c "printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 2 $ip 80" | grep -q hello; }
		eventually 20 answers
	done
	kubectl delete service web
	gone daemonset web
	eventually 60 nothing_held
}

@test "an application with a subnet gets a pool of its own, which follows its scale and goes with it" {
	cat <<-YAML | kubectl apply -f -
		apiVersion: spiderpool.spidernet.io/v2beta1
		kind: SpiderSubnet
		metadata: {name: sub}
		spec:
		  subnet: 10.111.0.0/16
		  ips: [10.111.4.1-10.111.4.250, 10.111.6.1-10.111.6.100] # those of pool v4 must be in it
		  gateway: 10.111.0.1
	YAML
	ANNOTATIONS='ipam.spidernet.io/subnet: "{\"ipv4\": [\"sub\"]}", ipam.spidernet.io/ippool-ip-number: "+1"' \
		workload Deployment auto "replicas: 3"
	eventually 120 pods_ready app=auto 3
	same 3 "$(addresses app=auto | sort -u | wc -l)"
	pool_of() { kubectl get sp -l ipam.spidernet.io/owner-application-name=auto -o "jsonpath={.items[0].$1}"; }
	total() { [ "$(pool_of status.totalIPCount)" = "$1" ]; }
	eventually 30 total 4
	kubectl scale deployment auto --replicas=5
	eventually 120 pods_ready app=auto 5
	eventually 30 total 6
	gone deployment auto
	no_pool() { [ -z "$(kubectl get sp -l ipam.spidernet.io/owner-application-name=auto -o name)" ]; }
	eventually 60 no_pool
	eventually 60 nothing_held
}

@test "every metric of the dashboard and the alerts is printed by an agent or by the controller that leads" {
	local name
	for i in 1 2 3; do
		cluster enter $i curl -sSf http://127.0.0.1:5711/metrics
		cluster enter $i curl -sSf -m 5 http://127.0.0.1:5721/metrics || true
	done >"$BATS_TEST_TMPDIR/metrics" 2>/dev/null
	[ "$(cat "$DEPLOY"/monitoring/* | grep -o 'spiderpool_[a-z_]*' | sort -u | wc -l)" -gt 20 ]
	while read -r name; do
		grep -q "^$name[ {]" "$BATS_TEST_TMPDIR/metrics" || {
			echo "$name is printed by nobody"
			return 1
		}
	done < <(cat "$DEPLOY"/monitoring/* | grep -o 'spiderpool_[a-z_]*' | sort -u)
}

@test "the controller's HTTP API asks the API server who calls, with the rights it has" {
	on=$(kubectl get pods -n kube-system -l app.kubernetes.io/component=spiderpool-controller -o 'jsonpath={.items[0].spec.nodeName}')
	call() { cluster enter "${on#node}" curl -sS -m 10 -o /dev/null -w '%{http_code}' "$@" http://127.0.0.1:5720/v1/ipam/status; }
	same 401 "$(call)"
	same 200 "$(call -H 'Authorization: Bearer admin-token')"
}

@test "controllers are killed in turn while pods come and go" {
	workload Deployment many "replicas: 12"
	for pod in $(kubectl get pods -n kube-system -l app.kubernetes.io/component=spiderpool-controller -o name); do
		kubectl delete -n kube-system "$pod" --grace-period=0 --force
		sleep 2
	done
	eventually 120 pods_ready app=many 12
	kubectl scale deployment many --replicas=0
	eventually 120 pods_gone app=many
	eventually 60 nothing_held
	eventually 120 rolled deployment spiderpool-controller
}

# overlay TAG: what a user writes for another image: docs/install.md.
overlay() {
	mkdir -p "$BATS_TEST_TMPDIR/overlay"
	cat >"$BATS_TEST_TMPDIR/overlay/kustomization.yaml" <<-YAML
		apiVersion: kustomize.config.k8s.io/v1beta1
		kind: Kustomization
		bases: [$(realpath --relative-to="$BATS_TEST_TMPDIR/overlay" "$DEPLOY")]
		images: [{name: localhost/spiderpool, newTag: $1}]
	YAML
}

@test "another version rolls out while pods start: each gets its address, and the node's plugins are the new ones" {
	local bin=$BATS_TEST_TMPDIR/next/bin n=${UPGRADE_PODS:-24}
	mkdir -p "$bin"
	cp "$DEPLOY/../${BUILD:-build}"/bin/* "$bin"
	printf next >>"$bin/spiderpool"
	cp "$KUBE_DIR/node1/cni/bin/spiderpool" "$BATS_TEST_TMPDIR/before"
	(cd "$DEPLOY/.." && deploy/image/build.sh "$BATS_TEST_TMPDIR/next" "$BATS_TEST_TMPDIR/next.tar" localhost/spiderpool:next)
	cluster load "$BATS_TEST_TMPDIR/next.tar"
	overlay next
	kubectl delete job -n kube-system spiderpool-init --ignore-not-found
	kubectl apply -k "$BATS_TEST_TMPDIR/overlay"
	for ((i = 4; i <= n; i += 4)); do
		kubectl scale deployment many --replicas=$i
		sleep 2
	done
	eventually 180 rolled daemonset spiderpool-agent
	eventually 180 rolled deployment spiderpool-controller
	eventually 180 pods_ready app=many "$n"
	same "$n" "$(addresses app=many | sort -u | wc -l)"
	for i in 1 2 3; do
		cmp "$bin/spiderpool" "$KUBE_DIR/node$i/cni/bin/spiderpool"
		cmp "$BATS_TEST_TMPDIR/before" "$KUBE_DIR/node$i/cni/bin/spiderpool.old"
		same 755 "$(stat -c %a "$KUBE_DIR/node$i/cni/bin/spiderpool")"
	done
	# An ADD that met no agent is told so at once (CNI code 11), and kubelet repeats it; nothing else went wrong.
	kubectl get events -o json | jq -r '.items[] | select(.reason == "FailedCreatePodSandBox") |
		select(.involvedObject.name | startswith("many-")).message' >"$BATS_TEST_TMPDIR/failed"
	echo "# ADDs that met no agent, and were repeated: $(wc -l <"$BATS_TEST_TMPDIR/failed")" >&3
	run grep -v 'spiderpool-agent is not reachable' "$BATS_TEST_TMPDIR/failed"
	same "" "$output"
	eventually 60 finished spiderpool-init
	kubectl scale deployment many --replicas=0
	eventually 120 pods_gone app=many
	eventually 60 nothing_held
}

@test "a node is lost: what is stateless there comes back, what a StatefulSet has stays" {
	kubectl scale deployment many --replicas=0
	eventually 120 nothing_held
	workload Deployment any "replicas: 6"
	workload StatefulSet far "serviceName: far" "replicas: 3" "podManagementPolicy: Parallel"
	eventually 90 pods_ready app=any 6
	eventually 90 pods_ready app=far 3
	addresses app=far >"$BATS_TEST_TMPDIR/far"
	on3=$(kubectl get pods -l app=any -o json | jq -r '[.items[] | select(.spec.nodeName == "node3")] | length')
	[ "$on3" -gt 0 ]
	cluster node-down 3
	not_ready() { kubectl get node node3 --no-headers | grep -q NotReady; }
	eventually 90 not_ready
	kubectl delete node node3
	running() { [ "$(kubectl get pods -l "$1" -o json | jq '[.items[] | select(.metadata.deletionTimestamp == null) |
		select(any(.status.containerStatuses[]?; .ready))] | length')" = "$2" ]; }
	eventually 120 running app=any 6
	eventually 120 running app=far 3
	nine() { [ "$(held | wc -l)" = 9 ]; }
	eventually 120 nine
	same "$(cat "$BATS_TEST_TMPDIR/far")" "$(addresses app=far)"
}

@test "nothing was asked for that the accounts may not" {
	for pod in $(kubectl get pods -n kube-system -o json | jq -r '.items[] | select(.spec.nodeName != "node3").metadata.name'); do
		kubectl logs -n kube-system "$pod" --all-containers
	done >"$BATS_TEST_TMPDIR/logs"
	run grep -iE 'forbidden|cannot (get|list|watch|create|update|patch|delete) resource' "$BATS_TEST_TMPDIR/logs"
	same "" "$output"
}

@test "removed: the workloads, spiderpoolctl clean, kubectl delete -k" {
	kubectl delete deployment any many --wait=false
	kubectl delete statefulset far --wait=false
	kubectl delete pods --all --grace-period=0 --force --wait=false
	kubectl delete -n kube-system deployment/spiderpool-controller daemonset/spiderpool-agent --wait=false
	run -0 cluster control "$DEPLOY/../${BUILD:-build}/bin/spiderpoolctl" --kubeconfig "$KUBECONFIG" clean --yes
	echo "$output"
	same "" "$(kubectl get crd -o name)"
	kubectl delete -k "$DEPLOY" --ignore-not-found --wait=false
	# Pods of the node that is lost are nobody's to end.
	kubectl delete pods -n kube-system --field-selector spec.nodeName=node3 --grace-period=0 --force --wait=false
	left() {
		kubectl get all,configmaps,secrets,serviceaccounts,roles,rolebindings,leases -n kube-system -o name
		kubectl get clusterroles,clusterrolebindings,validatingwebhookconfigurations,mutatingwebhookconfigurations -o name
	}
	none() { ! left | grep spider; }
	eventually 60 none
}
