#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gathers in $work/out what was downloaded, and makes the two images. Called by build.sh behind compile.sh.
set -euo pipefail
work=${work:?comes from build.sh}

root=$work/root
out=$work/out
mkdir -p "$out/images" "$work"/image/{pause,busybox/{bin,etc,tmp,proc,sys,dev,root,www}}
cp "$root"/usr/bin/{etcd,kubectl,containerd,containerd-shim-runc-v2,ctr} "$root/usr/sbin/runc" "$out/bin/"
cp -r "$root/usr/lib/cni" "$out/cni"

cp "$work/pause" "$work/image/pause/"
build/image.sh "$out/images/pause.tar" kube.test/pause:1 "$work/image/pause" /pause

busybox=$work/image/busybox
cp "$root/bin/busybox" "$busybox/bin/"
for applet in $("$busybox/bin/busybox" --list); do
	[ "$applet" = busybox ] || ln -s busybox "$busybox/bin/$applet"
done
echo root:x:0:0::/root:/bin/sh >"$busybox/etc/passwd"
build/image.sh "$out/images/busybox.tar" kube.test/busybox:1 "$busybox"
