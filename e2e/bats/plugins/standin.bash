# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# standin.bash - what stand-ins for main plugins share, for tests alone: the call of the IPAM plugin, addresses and
# routes in the pod, the result. Results of version 0.3.0 and later. The script that sources it defines
#	connect      make the interface $CNI_IFNAME in the pod
#	disconnect   undo that; what is not there is fine
#	interfaces   print the list of a result, the pod's interface last
# and calls run.

request=$(cat)

in_pod() {
	nsenter --net="$CNI_NETNS" "$@"
}

# ipam VERB: the request goes on as it is.
ipam() {
	local type dirs dir
	type=$(jq -r .ipam.type <<<"$request")
	IFS=: read -ra dirs <<<"$CNI_PATH"
	for dir in "${dirs[@]}"; do
		[ -x "$dir/$type" ] || continue
		CNI_COMMAND=$1 "$dir/$type" < <(printf %s "$request")
		return
	done
	echo "no IPAM plugin $type in $CNI_PATH" >&2
	return 1
}

# configure RESULT: a route without a gateway has that of its family's first address.
configure() {
	jq -r --arg dev "$CNI_IFNAME" '
		def six: contains(":");
		.ips as $ips |
		($ips[] | "addr add \(.address) dev \($dev)"),
		"link set \($dev) up",
		(.routes[]? | (.dst | six) as $six |
			(.gw // first($ips[] | select((.address | six) == $six) | .gateway)) as $gw |
			"\(if $six then "-6 " else "" end)route append \(.dst) via \($gw) dev \($dev)")' <<<"$1" |
		while read -r line; do
			# shellcheck disable=SC2086 # words
			in_pod ip $line
		done
}

# undo, when ADD ended halfway: nothing stays, and there is an error document.
undo() {
	[ $? != 0 ] || return 0
	[ -z "$asked" ] || ipam DEL || true
	disconnect || true
	[ -n "$refusal" ] || refusal='{"cniVersion":"1.0.0","code":999,"msg":"the stand-in '${0##*/}' failed, see stderr"}'
	echo "$refusal"
}

add() {
	local result
	asked='' refusal=''
	trap undo EXIT
	connect
	asked=1
	result=$(ipam ADD) || { refusal=$result; exit 1; }
	configure "$result"
	jq -c --argjson interfaces "$(interfaces)" \
		'.interfaces = $interfaces | .ips[].interface = ($interfaces | length - 1)' <<<"$result"
}

run() {
	case $CNI_COMMAND in
	ADD) add ;;
	DEL)
		ipam DEL
		disconnect
		;;
	CHECK) ipam CHECK ;;
	VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0"]}' ;;
	*)
		echo '{"cniVersion":"1.0.0","code":4,"msg":"no such verb"}'
		return 1
		;;
	esac
}
