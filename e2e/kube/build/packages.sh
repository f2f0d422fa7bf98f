#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Downloads and unpacks: $work/root (binary packages), $work/source (Kubernetes). Called by build.sh.
# apt works on lists of its own, since few machines have source packages among theirs.
set -euo pipefail
work=${work:?comes from build.sh}

apt_dir=$work/apt
mkdir -p "$apt_dir"/{sources,lists/partial,cache/archives/partial} "$work"/{debs,root}

apt() {
	local tool=$1
	shift
	"$tool" -q -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$apt_dir/sources" \
		-o Dir::State::lists="$apt_dir/lists" -o Dir::Cache="$apt_dir/cache" \
		-o APT::Sandbox::User=root -o Acquire::Retries=3 -o Acquire::Languages=none \
		-o APT::Architectures::="$(dpkg --print-architecture)" "$@"
}

# The machine's own sources of Debian 12, with every option they have, and their source packages too. Others are left
# out: they have nothing for us, and may not answer.
suites='^bookworm(-updates|-security)?(\/updates)?$'
for f in /etc/apt/sources.list.d/*.sources; do
	[ -e "$f" ] || continue
	awk -v RS= -v suites="$suites" '{
		wanted = 0
		n = split($0, lines, "\n")
		for (i = 1; i <= n; i++) {
			if (lines[i] ~ /^Types:.*deb/)
				lines[i] = "Types: deb deb-src"
			if (lines[i] !~ /^Suites:/)
				continue
			m = split(lines[i], words, /[ \t]+/)
			for (j = 2; j <= m; j++)
				wanted = wanted || words[j] ~ suites
		}
		for (i = 1; wanted && i <= n; i++)
			print lines[i]
		if (wanted)
			print ""
	}' "$f" >"$apt_dir/sources/$(basename "$f")"
done
for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
	[ -e "$f" ] || continue
	awk -v suites="$suites" '$1 == "deb" {
		line = $0
		sub(/^deb[ \t]+(\[[^]]*\][ \t]*)?/, "")
		if ($2 !~ suites)
			next
		print line
		sub(/^deb/, "deb-src", line)
		print line
	}' "$f" >"$apt_dir/sources/$(basename "$f" .list).list"
done

apt apt-get update
cd "$work/debs"
apt apt-get download golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev etcd-server \
	kubernetes-client containerd runc containernetworking-plugins busybox-static
for deb in ./*.deb; do
	dpkg-deb -x "$deb" "$work/root"
done

version=$(apt apt-cache showsrc kubernetes | awk '$1 == "Version:" { print $2 }' | grep -F "$KUBE_VERSION" | head -n 1)
[ -n "$version" ] || { echo "no source package of Kubernetes $KUBE_VERSION among this machine's sources"; exit 1; }
apt apt-get source --download-only "kubernetes=$version"
# openapi-gen wants the layout of a GOPATH.
mkdir -p "$work/go/src/k8s.io"
dpkg-source --no-check -x ./kubernetes_*.dsc "$work/go/src/k8s.io/kubernetes"
