#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who held which address when, by the logs of all agents: no address is two pods' at a time.

    history.py [--empty] LOG...       --empty: and nobody holds any at the end

An address is held from the line that says it was given (ADD) until one that says it will be given up (FREE, UNDO). A
container that is taken down for good while its pod lives (DETACH), or whose address is kept for its successor (KEEP), keeps
the address for the pod of that name."""
import re
import sys

LINE = re.compile(r'^time=(\S+) level=\w+ msg="(ADD|FREE|KEEP|DETACH|UNDO) pod=(\S+) container=(\S+) nic=([^\s:"]+)'
                  r'(?: address=([^\s"]+))?(.*)"$')


def events(paths):
    for path in paths:
        with open(path, encoding="utf-8") as log:
            for number, line in enumerate(log, 1):
                found = LINE.match(line.rstrip("\n"))
                # An ADD that failed names no address.
                if found and not (found[2] == "ADD" and not found[6]):
                    yield found[1], f"{path}:{number}", found[2], found[3], found[4], found[5], found[6]


def main(args):
    empty = args[:1] == ["--empty"]
    holder, adds, bad = {}, 0, 0
    for time, where, what, pod, container, nic, address in sorted(events(args[1:] if empty else args)):
        if what == "ADD":
            adds += 1
            held = holder.get(address)
            if held and (held[0], held[2]) != (pod, nic):
                print(f"{where}: {time}: {address} is given to {pod} {nic}, and is {held[0]} {held[2]}'s since {held[3]}")
                bad += 1
            holder[address] = (pod, container, nic, time)
        elif what == "UNDO":
            for a in [a for a, h in holder.items() if (h[1], h[2]) == (container, nic)]:
                del holder[a]
        elif what == "FREE" and holder.get(address, (None, None))[1] == container:
            del holder[address]
    if empty:
        for address, held in sorted(holder.items()):
            print(f"{address} is still {held[0]}'s, container {held[1]}, since {held[3]}")
            bad += 1
    print(f"{adds} addresses given, {bad} wrong")
    return 1 if bad or not adds else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
