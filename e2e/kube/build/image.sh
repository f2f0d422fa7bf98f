#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes an image of one layer, as `docker save` would write it; cluster.sh load brings it to nodes.
#   e2e/kube/build/image.sh FILE NAME:TAG DIRECTORY [ENTRYPOINT]
set -euo pipefail
file=$1 name=$2 tree=$3 entry=${4:-}

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$tree" -cf "$tmp/layer.tar" .
digest=$(sha256sum "$tmp/layer.tar" | cut -d ' ' -f 1)
cat >"$tmp/config.json" <<JSON
{"architecture": "$(dpkg --print-architecture)", "os": "linux",
 "config": {"Env": ["PATH=/bin:/sbin"]${entry:+, \"Entrypoint\": [\"$entry\"]}},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$digest"]}, "history": [{"created_by": "image.sh"}]}
JSON
echo "[{\"Config\": \"config.json\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$tmp/manifest.json"
tar -C "$tmp" -cf "$file" manifest.json config.json layer.tar
