# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# control.bash - the control plane, in a network namespace that is the nodes' switch and router too.

fabric_make() {
	ip netns add "$netns"
	ip -n "$netns" link set lo up
	# Without snooping and its queries, and at once: pods of macvlan are to be reached when they start.
	ip -n "$netns" link add br0 type bridge forward_delay 0 mcast_snooping 0
	in_control sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	ip -n "$netns" addr add "$net4.0.1/16" dev br0
	ip -n "$netns" addr add "$net6::1/64" dev br0 nodad
	ip -n "$netns" link set br0 up
}

# control_up api|all
control_up() {
	local extra=()
	certs_make
	etcd_up
	# Without a controller manager there is no service account, and every pod would be refused.
	[ "$1" = all ] || extra+=(--disable-admission-plugins=ServiceAccount)
	apiserver_up "${extra[@]}"
	[ "$1" = all ] || return 0
	managers_up
}

etcd_up() {
	mkdir -m 700 "$etcd_data"
	service etcd nsenter --net="/run/netns/$netns" "$kube/bin/etcd" --data-dir "$etcd_data" --unsafe-no-fsync \
		--listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
		--listen-peer-urls http://127.0.0.1:2380
}

apiserver_up() { # OPTIONS
	local more=()
	read -ra more <<<"${KUBE_API_OPTIONS:-}"
	# The name of a node is known to nobody's DNS, so kubelets are asked by their address.
	service kube-apiserver nsenter --net="/run/netns/$netns" "$kube/bin/kube-apiserver" \
		--etcd-servers=http://127.0.0.1:2379 --secure-port=6443 --insecure-port=0 \
		--bind-address=0.0.0.0 --advertise-address="$net4.0.1" --service-cluster-ip-range="$services" \
		--tls-cert-file="$run/pki/apiserver.crt" --tls-private-key-file="$run/pki/apiserver.key" \
		--client-ca-file="$run/pki/ca.crt" --token-auth-file="$run/pki/tokens.csv" \
		--authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
		--service-account-issuer=https://kubernetes.default.svc \
		--service-account-key-file="$run/pki/accounts.pub" \
		--service-account-signing-key-file="$run/pki/accounts.key" \
		--kubelet-preferred-address-types=InternalIP \
		--kubelet-client-certificate="$run/pki/kubelet-client.crt" \
		--kubelet-client-key="$run/pki/kubelet-client.key" "$@" "${more[@]}"
	# kubectl takes processor time from those it waits for, so not before somebody listens.
	await 60 "listening API server" kube-apiserver in_control bash -c ": </dev/tcp/$net4.0.1/6443"
	await 60 "ready API server" kube-apiserver "$here/kubectl" get --raw /readyz
}

managers_up() {
	local more=() speed=(--kube-api-qps=100 --kube-api-burst=200)
	read -ra more <<<"${KUBE_MANAGER_OPTIONS:-}"
	service kube-controller-manager nsenter --net="/run/netns/$netns" "$kube/bin/kube-controller-manager" \
		--kubeconfig="$run/kubeconfig" --leader-elect=false --bind-address=127.0.0.1 --port=0 \
		--service-account-private-key-file="$run/pki/accounts.key" --root-ca-file="$run/pki/ca.crt" \
		--cluster-signing-cert-file="$run/pki/ca.crt" --cluster-signing-key-file="$run/pki/ca.key" \
		--cert-dir="$run/manager" --service-cluster-ip-range="$services" "${speed[@]}" "${more[@]}"
	service kube-scheduler nsenter --net="/run/netns/$netns" "$kube/bin/kube-scheduler" \
		--kubeconfig="$run/kubeconfig" --leader-elect=false --bind-address=127.0.0.1 --port=0 \
		--cert-dir="$run/scheduler" "${speed[@]}"
	await 60 "default service account" kube-controller-manager "$here/kubectl" get serviceaccount default
}
