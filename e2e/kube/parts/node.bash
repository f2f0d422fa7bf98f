# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# node.bash - nodes: containerd, kubelet and kube-proxy in a network and a mount namespace, eth0 on the fabric.
#
# Of node I below $run/nodeI: cni/net.d (conflists; containerd sees changes), cni/bin (plugins: links to Debian's, put
# others beside them), run, lib, log (its /run, /var/lib, /var/log), containerd.sock.

# nodes_up N: node1..nodeN, those which are not there yet, all at once. Until they are Ready.
nodes_up() {
	local i pids=() failed=0
	for ((i = 1; i <= $1; i++)); do
		[ ! -d "$run/node$i" ] || continue
		# Should we be killed, `down` finds them.
		{ echo $BASHPID >"$tracker/cgroup.procs" && node_up "$i"; } &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || failed=1
	done
	[ $failed = 0 ] || return 1
	for ((i = 1; i <= $1; i++)); do
		[ -n "${KUBE_NO_KUBELET:-}" ] || await 90 "ready node$i" "node$i/kubelet" node_ready "$i"
	done
}

node_ready() {
	"$here/kubectl" get node "node$1" --no-headers | grep -qw Ready
}

node_up() {
	local i=$1 name=node$1 dir=$run/node$1
	mkdir -p "$dir"/{cni/net.d,cni/bin,run,lib,log,fake,kubelet}
	node_network "$i"
	node_cgroups "$name"
	node_files "$i"
	service "$name/holder" nsenter --net="/run/netns/$netns.$name" unshare --mount \
		bash "$here/parts/node-inside.sh" "$dir"
	await 10 "namespaces of $name" "$name/holder" test -e "$dir/run/made"
	containerd_up "$i"
	[ -n "${KUBE_NO_KUBELET:-}" ] && return
	kubelet_up "$i"
}

node_network() {
	local i=$1 ns=$netns.node$1
	ip netns add "$ns"
	ip link add "node$i" netns "$netns" type veth peer name eth0 netns "$ns"
	ip -n "$netns" link set "node$i" master br0 up
	ip -n "$ns" link set lo up
	ip -n "$ns" addr add "$net4.0.$((10 + i))/16" dev eth0
	ip -n "$ns" addr add "$net6::$((10 + i))/64" dev eth0 nodad
	ip -n "$ns" link set eth0 up
	# Not a default route: the kubelet would look for a cloud behind it and wait.
	ip -n "$ns" route add 10.0.0.0/8 via "$net4.0.1"
	ip -n "$netns" route add "$pods.$i.0/24" via "$net4.0.$((10 + i))"
	nsenter --net="/run/netns/$ns" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The kubelet wants its root in every hierarchy, and a cpuset is empty until it is filled in.
node_cgroups() {
	local h f
	for h in "$cgroup_fs"/*/; do
		mkdir -p "$h$instance/$1"
		[ -e "$h$instance/cpuset.cpus" ] || continue
		for f in cpuset.cpus cpuset.mems; do
			cat "$h$f" >"$h$instance/$f"
			cat "$h$f" >"$h$instance/$1/$f"
		done
	done
}

node_files() {
	local i=$1 name=node$1 dir=$run/node$1
	certs_node "$name"
	: >"$dir/resolv.conf"
	ln -s "$kube"/cni/* "$dir/cni/bin/"
	sed "s/@NODE@/$i/g" "${KUBE_CONFLIST:-$here/bridge.conflist}" >"$dir/cni/net.d/10-net.conflist"
	# Without CAP_SYS_RESOURCE nobody may lower an OOM score: restrict_oom_score_adj, oomScoreAdj.
	cat >"$dir/containerd.toml" <<-TOML
		version = 2
		root = "$dir/containerd"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs",
		  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt"]
		[grpc]
		  address = "$dir/containerd.sock"
		[plugins."io.containerd.grpc.v1.cri"]
		  sandbox_image = "kube.test/pause:1"
		  netns_mounts_under_state_dir = true
		  restrict_oom_score_adj = true
		  [plugins."io.containerd.grpc.v1.cri".cni]
		    bin_dir = "$dir/cni/bin"
		    conf_dir = "$dir/cni/net.d"
		  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
		    runtime_type = "io.containerd.runc.v2"
	TOML
	cat >"$dir/kubelet.yaml" <<-YAML
		apiVersion: kubelet.config.k8s.io/v1beta1
		kind: KubeletConfiguration
		authentication: {anonymous: {enabled: false}, webhook: {enabled: true}, x509: {clientCAFile: $run/pki/ca.crt}}
		authorization: {mode: Webhook}
		cgroupDriver: cgroupfs
		cgroupRoot: /$instance/$name
		enforceNodeAllocatable: [pods]
		failSwapOn: false
		oomScoreAdj: 0
		imageGCHighThresholdPercent: 100
		evictionHard: {memory.available: "10Mi", nodefs.available: "0%", imagefs.available: "0%", nodefs.inodesFree: "0%"}
		volumePluginDir: $dir/plugins
		resolvConf: $dir/resolv.conf
		clusterDNS: [10.96.0.10]
		clusterDomain: cluster.local
		kubeAPIQPS: 50
		kubeAPIBurst: 100
		eventRecordQPS: 0
		nodeStatusUpdateFrequency: 2s
		syncFrequency: 5s
		maxPods: 120
	YAML
}

# node_inside I: in $inside what a command of the node begins with.
node_inside() {
	inside=(nsenter -t "$(cat "$run/services/node$1/holder.pid")" -m -n
		env "PATH=$kube/bin:$PATH" AWS_EC2_METADATA_DISABLED=true)
}

containerd_up() {
	local name=node$1 dir=$run/node$1 image inside
	node_inside "$1"
	service "$name/containerd" "${inside[@]}" "$kube/bin/containerd" -c "$dir/containerd.toml"
	await 30 "containerd of $name" "$name/containerd" "$kube/bin/ctr" -a "$dir/containerd.sock" version
	for image in "$kube"/images/*.tar; do
		node_load "$1" "$image"
	done
}

kubelet_up() {
	local name=node$1 dir=$run/node$1 more=() inside
	node_inside "$1"
	read -ra more <<<"${KUBE_KUBELET_OPTIONS:-}"
	service "$name/kubelet" "${inside[@]}" "$kube/bin/kubelet" --config="$dir/kubelet.yaml" \
		--kubeconfig="$dir/kubeconfig" --hostname-override="$name" --node-ip="$net4.0.$((10 + $1))" \
		--container-runtime=remote --container-runtime-endpoint="unix://$dir/containerd.sock" \
		--pod-infra-container-image=kube.test/pause:1 --root-dir="$dir/kubelet" --cert-dir="$dir/kubelet/pki" "${more[@]}"
	# nf_conntrack_max is read-only outside of the first network namespace.
	service "$name/kube-proxy" "${inside[@]}" "$kube/bin/kube-proxy" --kubeconfig="$run/kubeconfig" \
		--hostname-override="$name" --proxy-mode=iptables --cluster-cidr="$pods.0.0/16" --oom-score-adj=0 \
		--conntrack-max-per-core=0 --conntrack-min=0 --metrics-bind-address=127.0.0.1:10249
}

# node_load I FILE
node_load() {
	"$kube/bin/ctr" -a "$run/node$1/containerd.sock" -n k8s.io images import "$2" >/dev/null
}

node_numbers() {
	find "$run" -mindepth 1 -maxdepth 1 -name 'node*' -printf '%f\n' | sed 's/^node//' | sort -n
}
