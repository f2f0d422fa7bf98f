# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154,SC2034,SC2153
# veth.bash - veth called for a pod of podnet.bash. Load it behind that.

HIJACK='"service_hijack_subnet":["10.96.0.0/16","fd00:96::/112"],"overlay_hijack_subnet":["10.244.0.0/16"],
	"additional_hijack_subnet":[" 10.245.0.0/16 "]'

# keys MORE: of every configuration of veth, and these.
keys() {
	printf '"state_dir":"%s","log_options":{"log_level":"debug","log_file":"%s"}%s' "$DIR/run" "$DIR/run/ve.log" "${1:+,$1}"
}

# prev NIC POD: a prevResult; its addresses are those of eth0 50 (podnet.bash), or of $VE4 and $VE6, "-" is none.
prev() {
	local ips='' ip
	local net=9
	case $1 in net1 | net10) net=8 ;; net2) net=7 ;; esac
	for ip in "${VE4:-10.$net.0.50}/24" "${VE6:-fd00:$net::50}/64"; do
		[ "${ip%/*}" = - ] || ips+="${ips:+,}{\"address\":\"$ip\",\"interface\":0}"
	done
	printf '{"cniVersion":"1.1.0","interfaces":[{"name":"%s","sandbox":"/run/netns/%s"}],"ips":[%s]}' "$1" "$2" "$ips"
}

# ve_conf NIC POD [JSON OF MORE KEYS]: a request.
ve_conf() {
	printf '{"cniVersion":"%s","name":"net-%s","type":"veth",%s,"prevResult":%s}\n' "${VERSION:-1.1.0}" "$1" \
		"$(keys "${3:-$HIJACK}")" "$(prev "$1" "$2")"
}

# ve_call VERB CONTAINER NIC POD CONF
ve_call() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=$3 CNI_NETNS=${4:+/run/netns/$4} CNI_PATH=$BIN \
		ip netns exec "$NODE" "$BIN/veth" <<<"$5"
}

# ve_try VERB CONTAINER NIC POD [JSON OF MORE KEYS]: as call.
ve_try() {
	call ve_call "$1" "$2" "$3" "$4" "$(ve_conf "${3:-eth0}" "$4" "${5-$HIJACK}")"
}

# ve: the same, and must succeed.
ve() {
	ve_try "$@"
	succeeded
}

# records: how many attachments are on record.
records() {
	find "$DIR/run/veth" -type f 2>/dev/null | wc -l
}
