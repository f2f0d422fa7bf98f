# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# certs.bash - keys, certificates and kubeconfigs of an instance, in $run/pki and $run.

# certs_make: the authority, the API server's own, and the key of service account tokens.
certs_make() {
	mkdir -p "$run/pki"
	ec_key ca
	openssl req -x509 -new -key "$run/pki/ca.key" -subj /CN=ca -days 30 -out "$run/pki/ca.crt"
	sign apiserver /CN=kube-apiserver "extendedKeyUsage=serverAuth
subjectAltName=IP:$net4.0.1,IP:127.0.0.1,IP:10.96.0.1,IP:$net6::1,DNS:localhost,DNS:kubernetes.default.svc"
	sign kubelet-client /O=system:masters/CN=kube-apiserver extendedKeyUsage=clientAuth
	ec_key accounts
	openssl ec -in "$run/pki/accounts.key" -pubout -out "$run/pki/accounts.pub" 2>/dev/null
	echo 'admin-token,admin,admin,"system:masters"' >"$run/pki/tokens.csv"
	kubeconfig "$run/kubeconfig" '{token: admin-token}'
}

# certs_node NAME
certs_node() {
	sign "$1" "/O=system:nodes/CN=system:node:$1" extendedKeyUsage=clientAuth
	kubeconfig "$run/$1/kubeconfig" "{client-certificate: $run/pki/$1.crt, client-key: $run/pki/$1.key}"
}

ec_key() {
	openssl ecparam -name prime256v1 -genkey -noout -out "$run/pki/$1.key"
}

# sign NAME SUBJECT EXTENSIONS
sign() {
	local at=$run/pki/$1
	ec_key "$1"
	openssl req -new -key "$at.key" -subj "$2" -out "$at.csr"
	# The serial number is ours: nodes are made at the same time, and would share a file of the next one.
	openssl x509 -req -in "$at.csr" -CA "$run/pki/ca.crt" -CAkey "$run/pki/ca.key" -days 30 \
		-set_serial "0x$(openssl rand -hex 8)" -extfile <(echo "$3") -out "$at.crt" 2>/dev/null
	rm "$at.csr"
}

# kubeconfig FILE USER
kubeconfig() {
	cat >"$1" <<-YAML
		apiVersion: v1
		kind: Config
		clusters:
		- {name: kube, cluster: {server: "$api", certificate-authority: $run/pki/ca.crt}}
		users:
		- {name: user, user: $2}
		contexts:
		- {name: kube, context: {cluster: kube, user: user}}
		current-context: kube
	YAML
}
