#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The container image: our programs, and the libraries that they need, out of this machine's Debian packages. Nothing else
# is in it: no shell, no package manager. Neither network nor docker nor root is needed; the same inputs give the same bytes.
#   deploy/image/build.sh BUILD FILE NAME:TAG     FILE is what `docker save` writes: `docker load`, `ctr images import` take it
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 file=$2 name=$3
programs=(spiderpool-agent spiderpool-controller spiderpoolctl)
plugins=(spiderpool coordinator veth ifacer)
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0} LC_ALL=C
umask 022 # the caller's would show in the image

die() {
	echo "deploy/image/build.sh: $*" >&2
	exit 1
}

[[ $name == *:* ]] || die "want NAME:TAG, got \"$name\""
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
root=$tmp/root
lib=$root/usr/lib

put() { # MODE FILE DESTINATION
	[ -e "$2" ] || die "there is no $2; make it first"
	install -D -m "$1" "$2" "$3"
}

stripped() { # MODE FILE DESTINATION
	put "$@"
	strip "$3"
}

# libraries PROGRAM...: the paths of all that they load, their libraries' too; the loader among them.
libraries() {
	local loaded
	loaded=$(ldd "$@")
	! grep -F 'not found' <<<"$loaded" >&2 || die "a library is missing"
	sed -nE 's/^[[:space:]]*(.* => )?(\/[^ ]+) \(0x[0-9a-f]+\)$/\2/p' <<<"$loaded" | sort -u
}

# package_of FILE: the Debian package that it is from. /lib is a link to /usr/lib, and packages call it by either name.
package_of() {
	local real found
	real=$(realpath "$1")
	found=$(dpkg -S "$real" 2>/dev/null || dpkg -S "${real#/usr}" 2>/dev/null) || die "$1 is of no Debian package"
	echo "${found%%: *}"
}

for p in "${programs[@]}"; do stripped 0755 "$build/bin/$p" "$root/usr/bin/$p"; done
ln -s spiderpool-controller "$root/usr/bin/spiderpool-init"
for p in "${plugins[@]}"; do put 0755 "$build/bin/$p" "$lib/spiderpool/cni/$p"; done
put 0644 LICENSE "$root/usr/share/doc/spiderpool/LICENSE"

# The same layout as Debian's: /lib and /lib64 are links, so that each path that a program may ask for is there.
mkdir -p "$lib" "$root/usr/lib64" "$root"/{tmp,proc,sys,dev,etc,var}
ln -s usr/lib "$root/lib"
ln -s usr/lib64 "$root/lib64"
ln -s /run "$root/var/run"
mkdir "$root/run"
echo 'root:x:0:0:root:/:/nonexistent' >"$root/etc/passwd"
while read -r l; do
	put 0755 "$l" "$root/$(readlink -f "$(dirname "$l")")/$(basename "$l")"
	package_of "$l" >>"$tmp/packages"
done < <(libraries "${programs[@]/#/$build/bin/}")
sort -u -o "$tmp/packages" "$tmp/packages"

# What it is made of, and under which terms that may be passed on.
while read -r p; do
	put 0644 "/usr/share/doc/${p%%:*}/copyright" "$root/usr/share/doc/${p%%:*}/copyright"
	dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' "$p"
done <"$tmp/packages" >"$root/usr/share/doc/spiderpool/packages"

pack() { # DIRECTORY FILE NAME...
	tar --format=gnu --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -C "$1" -cf "$2" "${@:3}"
}
pack "$root" "$tmp/layer.tar" .
layer=$(sha256sum "$tmp/layer.tar" | cut -d ' ' -f 1)
created=$(date -u -d "@$SOURCE_DATE_EPOCH" +%Y-%m-%dT%H:%M:%SZ)
cat >"$tmp/config" <<JSON
{"architecture": "$(dpkg --print-architecture)", "os": "linux", "created": "$created",
 "config": {"Env": ["PATH=/usr/bin"], "WorkingDir": "/",
  "Labels": {"org.opencontainers.image.title": "spiderpool", "org.opencontainers.image.version": "$(cat VERSION)",
   "org.opencontainers.image.licenses": "Apache-2.0"}},
 "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
 "history": [{"created": "$created", "created_by": "deploy/image/build.sh"}]}
JSON
config=$(sha256sum "$tmp/config" | cut -d ' ' -f 1).json
mv "$tmp/config" "$tmp/$config"
echo "[{\"Config\": \"$config\", \"RepoTags\": [\"$name\"], \"Layers\": [\"layer.tar\"]}]" >"$tmp/manifest.json"
mkdir -p "$(dirname "$file")"
pack "$tmp" "$file" manifest.json "$config" layer.tar
echo "$file: $name, $(($(stat -c %s "$file") / 1000000)) MB ($(gzip -1 <"$file" | wc -c | awk '{ printf "%d", $1 / 1000000 }') MB compressed)," \
	"$(wc -l <"$tmp/packages") Debian packages, sha256 $(sha256sum "$file" | cut -c 1-12)"
