# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
# ovs.bash - a real Open vSwitch with its userspace datapath, run by a test and ended with it. Load it behind lib:
#
#	setup() { lib_setup; need_root; ovs_find; }
#
# Debian's packages are downloaded once and unpacked, not installed: installed, they start daemons for the whole machine.

# ovs_download DIRECTORY: renamed into place, so that it is there as a whole or not at all.
ovs_download() {
	local dir packages='openvswitch-switch openvswitch-common'
	mkdir -p "${1%/*}"
	dir=$(mktemp -d "${1%/*}/new.XXXXXX")
	# shellcheck disable=SC2086 # words; in a && list, because set -e does not hold where a result is asked for
	(
		cd "$dir" &&
			{ apt-get download -q $packages || { apt-get update -q && apt-get download -q $packages; }; } &&
			for deb in *.deb; do dpkg-deb -x "$deb" tree || exit; done &&
			{ mv -T tree "$1" || [ -d "$1" ]; } # somebody else was faster
	) >&2 3>&- || true
	rm -rf "$dir"
	[ -d "$1" ]
}

# ovs_find: its programs are in PATH then.
ovs_find() {
	need ethtool apt-get dpkg-deb
	[ -e /dev/net/tun ] || skip "needs /dev/net/tun: a bridge of the userspace datapath has a tap"
	OVS_TREE=${XDG_CACHE_HOME:-$HOME/.cache}/spiderpool-ovs/tree
	[ -d "$OVS_TREE" ] || ovs_download "$OVS_TREE"
	PATH=$OVS_TREE/usr/bin:$OVS_TREE/usr/sbin:$OVS_TREE/usr/lib/openvswitch-switch:$PATH
}

# ovs_new NETNS BRIDGE UPLINK: the switch runs in that namespace; its database, sockets and logs are in $OVS_RUNDIR.
ovs_new() {
	export OVS_RUNDIR=$DIR/ovs
	mkdir "$OVS_RUNDIR"
	ovsdb-tool create "$OVS_RUNDIR/conf.db" "$OVS_TREE/usr/share/openvswitch/vswitch.ovsschema"
	background ip netns exec "$1" ovsdb-server -vconsole:off --log-file="$OVS_RUNDIR/db.log" \
		--remote="punix:$OVS_RUNDIR/db.sock" "$OVS_RUNDIR/conf.db"
	until_true test -S "$OVS_RUNDIR/db.sock"
	ovs-vsctl --no-wait init
	background ip netns exec "$1" ovs-vswitchd -vconsole:off --log-file="$OVS_RUNDIR/switch.log" --disable-system --pidfile \
		"unix:$OVS_RUNDIR/db.sock"
	ovs-vsctl --timeout=10 add-br "$2" -- set bridge "$2" datapath_type=netdev -- add-port "$2" "$3"
	same "" "$(ovs-vsctl --columns=error --bare find interface 'error!=[]')"
}
