# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2120,SC2119
# ifacer.bash - what tests of ifacer share: a host with three NICs that end at a switch. Load it behind lib and world.

# host: namespace $A with eth0, eth1 and eth2; $SWITCH has the other ends, s0, s1 and s2. All are up.
host() {
	netns_new A
	netns_new SWITCH
	no_dad "$A"
	no_dad "$SWITCH"
	local i
	for i in 0 1 2; do
		echo "link add eth$i up type veth peer name s$i netns $SWITCH"
	done | ip -n "$A" -batch -
	printf 'link set s%d up\n' 0 1 2 | ip -n "$SWITCH" -batch -
	RUN=$DIR/run
	CONTAINER=c1
}

# conf KEYS [BOND KEYS]: '"vlanID":5', '"mode":1'. interfaces is eth0, of a bond eth0 and eth1, unless KEYS say other.
conf() {
	local interfaces='"interfaces":["eth0"],' bond=
	[ -z "${2:-}" ] || interfaces='"interfaces":["eth0","eth1"],' bond=',"bond":{'$2'}'
	[[ $1 != *'"interfaces"'* ]] || interfaces=
	printf '{"cniVersion":"1.1.0","name":"net","type":"ifacer","stateDir":"%s",%s%s%s}' "$RUN" "$interfaces" "${1:-\"x\":0}" "$bond"
}

# ifacer_run VERB CONF: in $A, for $CONTAINER.
ifacer_run() {
	CNI_COMMAND=$1 CNI_CONTAINERID=$CONTAINER CNI_IFNAME=net1 CNI_NETNS=/run/netns/none CNI_PATH=$BIN \
		ip netns exec "$A" "$BIN/ifacer" <<<"$2"
}

# call COMMAND...: as in world.bash, without a process of its own: those are dear in the guest.
call() {
	status=0
	"$@" >"$DIR/stdout" 2>"$DIR/stderr" || status=$?
	IFS= read -r -d '' output <"$DIR/stdout" || true
	IFS= read -r -d '' stderr <"$DIR/stderr" || true
	output=${output%$'\n'} stderr=${stderr%$'\n'}
}

# ok VERB CONF: it succeeds and prints nothing but the result of ADD.
ok() {
	call ifacer_run "$@"
	succeeded
	if [ "$1" = ADD ]; then
		same '{"cniVersion":"1.1.0"}' "$output"
	else
		same "" "$output"
	fi
}

# no CODE TEXT VERB CONF: it fails with that code and text and changes no link.
no() {
	local code=$1 text=$2 before
	shift 2
	before=$(links)
	call ifacer_run "$@"
	refused "$code" "$text"
	same "$before" "$(links)"
}

# links: all of $A that does not change by itself. (Without jq: programs start slowly in the guest.)
links() {
	ip -n "$A" -o -d link show | sed -E 's/NO-CARRIER,//; s/,(LOWER_UP|M-DOWN)//g; s/ (qdisc|state|active_slave|promiscuity) [^ ]+//g; s/ ad_(aggregator|num_ports|actor_key|partner_key|partner_mac) [^ ]+//g; s/ bond_slave .*//; s/link.ether.*(minmtu)/\1/'
}

exists() {
	ip -n "$A" link show dev "$1" >/dev/null 2>&1
}

# absent NAME...
absent() {
	local name
	for name in "$@"; do
		if exists "$name"; then
			echo "$name is there"
			return 1
		fi
	done
}

# shows NAME TEXT...: `ip -d link` of it has each text, a word or several.
shows() {
	local name=$1 all text
	shift
	all=$(ip -n "$A" -o -d link show dev "$name")
	all=" ${all//[\\<>,]/ } "
	for text in "$@"; do
		[[ $all == *" $text "* ]] || {
			printf 'want: %s\nin:   %s\n' "$text" "$all"
			return 1
		}
	done
}

# are_up NAME...
are_up() {
	local name
	for name in "$@"; do
		shows "$name" UP
	done
}

# slaves BOND: their names.
slaves() {
	local line names=
	while read -r _ line; do
		line=${line%%:*}
		names+=" ${line%@*}"
	done < <(ip -n "$A" -o link show master "$1")
	echo "${names# }"
}

# vlans: the names of all, sorted.
vlans() {
	ip -n "$A" -o link show type vlan | sed -E 's/^[0-9]+: ([^@:]+).*/\1/' | sort | tr '\n' ' ' | sed 's/ $//'
}

# records: how many there are.
records() {
	find "$RUN" -name '*.json' 2>/dev/null | wc -l
}

# gc CONF [VALID]: VALID is a list of {"containerID", "ifname"}.
gc() {
	ok GC "${1%\}},\"cni.dev/valid-attachments\":[${2:-}]}"
}

# killed_at SYSTEM_CALL N VERB CONF: the exit status of a call that is killed when it begins its Nth such call; 0 when
# it made fewer.
killed_at() {
	local status=0
	CNI_COMMAND=$3 CNI_CONTAINERID=$CONTAINER CNI_IFNAME=net1 CNI_NETNS=/run/netns/none CNI_PATH=$BIN ip netns exec "$A" \
		strace -qq -o /dev/null -e trace="$1" -e inject="$1:signal=KILL:when=$2" "$BIN/ifacer" <<<"$4" >"$DIR/killed" 2>&1 || status=$?
	echo $status
}
