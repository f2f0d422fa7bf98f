#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Compiles Kubernetes from $work/go into $work/out/bin. Called by build.sh behind packages.sh.
set -euo pipefail
work=${work:?comes from build.sh}

export GOROOT=$work/root/usr/lib/go-1.19 GOPATH=$work/go GO111MODULE=off GOENV=off CGO_ENABLED=0 GOFLAGS=
PATH=$GOROOT/bin:$PATH
tree=$GOPATH/src/k8s.io/kubernetes
mkdir -p "$work/out/bin"
cd "$tree"

# reflect2 before 1.0.2 knows the memory layout of maps of older Go only: the API server dies at its first custom object.
reflect2=vendor/github.com/modern-go/reflect2
rm "$reflect2"/*.go "$reflect2"/*.s
cp "$work"/root/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} $reflect2/
rm -f $reflect2/*_test.go

# The kubelet looks five times for a docker that is not there, with a second between.
sed -i 's/^const rootDirRetryPeriod .*/const rootDirRetryPeriod time.Duration = time.Millisecond/' \
	vendor/github.com/google/cadvisor/container/docker/factory.go

# The one generated file that is not in the source package. Its report of API rules equals the one Kubernetes keeps: so
# it was made from the same packages.
go build -p 2 -o "$work/openapi-gen" ./vendor/k8s.io/kube-openapi/cmd/openapi-gen
inputs=$(grep -rl --include='*.go' '+k8s:openapi-gen=' staging/src/k8s.io pkg cmd plugin |
	grep -vE '/code-generator/|/sample-apiserver/|_test\.go$|/testdata/|zz_generated' | xargs -n 1 dirname |
	LC_ALL=C sort -u | sed 's#^staging/src/#vendor/#; s#^#k8s.io/kubernetes/#' | paste -sd ,)
"$work/openapi-gen" --logtostderr --input-dirs "$inputs" --output-package k8s.io/kubernetes/pkg/generated/openapi \
	--output-file-base zz_generated.openapi --report-filename "$work/report" \
	--go-header-file vendor/k8s.io/code-generator/hack/boilerplate.go.txt
cmp "$work/report" api/api-rules/violation_exceptions.list

# Without modules the linker knows vendored packages by their whole path.
flags="-s -w"
for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
	for setting in "gitVersion=v$KUBE_VERSION" gitMajor=1 gitMinor=20 gitTreeState=clean; do
		flags+=" -X k8s.io/kubernetes/vendor/$package.$setting"
	done
done
programs=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy)
go build -p 2 -trimpath -ldflags "$flags" -o "$work/out/bin/" "${programs[@]/#/./cmd/}"
gcc -Os -static -DVERSION=1 -o "$work/pause" build/pause/linux/pause.c
