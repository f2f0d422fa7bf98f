#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs programs, man pages and completion: tools/install.sh BUILD DESTDIR PREFIX CNI_BIN_DIR
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1 dest=$2 prefix=$3 cni=$4
# Beside the old one and renamed, so that a plugin that is being run is never written to.
put() {
	install -D -m "$1" "$2" "$3.new"
	mv -f "$3.new" "$3"
}
for p in spiderpool coordinator veth ifacer; do
	[ ! -e "$build/bin/$p" ] || put 0755 "$build/bin/$p" "$dest$cni/$p"
done
for p in spiderpoolctl spiderpool-agent; do
	put 0755 "$build/bin/$p" "$dest$prefix/bin/$p"
done
for m in man/*.[1-9]; do
	put 0644 "$m" "$dest$prefix/share/man/man${m##*.}/${m##*/}"
done
put 0644 cmd/ctl/completion.bash "$dest$prefix/share/bash-completion/completions/spiderpoolctl"
