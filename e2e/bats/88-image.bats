#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The container image: the same bytes each time, whole, and nothing else in it.
# shellcheck disable=SC2154

load lib

setup() {
	lib_setup
	# Sanitized plugins are not static, and their libraries are not what an image has.
	[[ ${BUILD:-build} != *san* ]] || skip "of the plain build"
	need dpkg strip
}
teardown() { lib_teardown; }

image() { # FILE
	(cd "$ROOT" && deploy/image/build.sh "${BUILD:-build}" "$1" localhost/spiderpool:test)
}

@test "the same inputs give the same bytes, whatever the umask is" {
	run -0 image "$DIR/one.tar"
	has "localhost/spiderpool:test"
	has "Debian packages"
	(umask 077 && image "$DIR/two.tar")
	cmp "$DIR/one.tar" "$DIR/two.tar"
}

@test "what docker load and ctr import read: names, digests" {
	image "$DIR/i.tar"
	tar -C "$DIR" -xf "$DIR/i.tar"
	output=$(cat "$DIR/manifest.json")
	same localhost/spiderpool:test "$(jq -r '.[0].RepoTags[0]' "$DIR/manifest.json")"
	config=$(jq -r '.[0].Config' "$DIR/manifest.json")
	same "${config%.json}" "$(sha256sum "$DIR/$config" | cut -d ' ' -f 1)"
	same "$(jq -r '.rootfs.diff_ids[0]' "$DIR/$config")" "sha256:$(sha256sum "$DIR/layer.tar" | cut -d ' ' -f 1)"
	same "$(cat "$ROOT/VERSION")" "$(jq -r '.config.Labels["org.opencontainers.image.version"]' "$DIR/$config")"
	grep -q "newTag: $(cat "$ROOT/VERSION")\$" "$ROOT/deploy/kustomization.yaml"
}

@test "each program runs with what is in it; there is no shell; packages and their terms are named" {
	need_root
	image "$DIR/i.tar"
	mkdir "$DIR/root"
	tar -xOf "$DIR/i.tar" layer.tar | tar -C "$DIR/root" -x
	run -0 chroot "$DIR/root" /usr/bin/spiderpoolctl --version
	same "spiderpoolctl $(cat "$ROOT/VERSION")" "$output"
	run -2 chroot "$DIR/root" /usr/bin/spiderpool-agent
	has "usage: spiderpool-agent"
	run -2 chroot "$DIR/root" /usr/bin/spiderpool-controller
	has "usage: spiderpool-controller"
	run -2 chroot "$DIR/root" /usr/bin/spiderpool-init
	has "spiderpool-init: environment:"
	for p in spiderpool coordinator veth ifacer; do
		CNI_COMMAND=VERSION run -0 chroot "$DIR/root" "/usr/lib/spiderpool/cni/$p" <<<'{"cniVersion": "1.0.0"}'
		has supportedVersions
	done
	run -0 chroot "$DIR/root" /usr/bin/spiderpoolctl install-plugins --to /tmp/bin
	same "coordinator ifacer spiderpool veth" "$(cd "$DIR/root/tmp/bin" && echo *)"
	same "spiderpool-agent spiderpool-controller spiderpool-init spiderpoolctl" "$(cd "$DIR/root/usr/bin" && echo *)"
	[ -z "$(find "$DIR/root" -perm /6000)" ]
	while read -r p _; do
		[ -s "$DIR/root/usr/share/doc/$p/copyright" ]
	done <"$DIR/root/usr/share/doc/spiderpool/packages"
	grep -q '^libc6 ' "$DIR/root/usr/share/doc/spiderpool/packages"
}

@test "sentences: a program that is missing, a name without a tag" {
	mkdir -p "$DIR/build/bin"
	run -1 "$ROOT/deploy/image/build.sh" "$DIR/build" "$DIR/i.tar" localhost/spiderpool:test
	has "there is no $DIR/build/bin/spiderpool-agent; make it first"
	run -1 "$ROOT/deploy/image/build.sh" "$DIR/build" "$DIR/i.tar" localhost/spiderpool
	has "want NAME:TAG"
	[ ! -e "$DIR/i.tar" ]
}
