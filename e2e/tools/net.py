#!/usr/bin/python3 -IS
# SPDX-License-Identifier: Apache-2.0
"""net.py WHAT...: what ip -j says on stdin (link, -4 rule, -6 rule, -4 and -6 routes of all tables, permanent
neighbours) as sorted lines: links, rules, routes, neighbours. What the kernel makes by itself is left out. (jq takes
twice as long to start.)"""
import json
import sys


def documents(text):
    decoder, at = json.JSONDecoder(), 0
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document
        while at < len(text) and text[at].isspace():
            at += 1


def rules(version, l):
    for r in l:
        if 0 < r["priority"] < 32766:
            source = r["src"] + (f"/{r['srclen']}" if "srclen" in r else "")
            mark = f" mark {r['fwmark']}/{r.get('fwmask')}" if "fwmark" in r else ""
            yield f"{version} {r['priority']} from {source}{mark} lookup {r['table']}"


def routes(version, l):
    for r in l:
        table = r.get("table", "main")
        if r.get("type", "unicast") != "unicast" or table == "local" or r["dst"] == "fe80::/64":
            continue
        if r.get("protocol") == "kernel" and table == "main":
            continue
        for hop in r.get("nexthops", [r]):
            line = f"{version} {table} {r['dst']}"
            line += f" via {hop['gateway']}" if "gateway" in hop else ""
            line += f" dev {hop['dev']}"
            line += f" src {r['prefsrc']}" if "prefsrc" in r else ""
            yield line + (" scope link" if r.get("scope") == "link" else "")


def neighbours(l):
    for n in l:
        if not n["dst"].startswith(("ff", "224", "fe80")):
            yield f"{n['dst']} {n['dev']} {n.get('lladdr')}"


link, rule4, rule6, route4, route6, neighbour = documents(sys.stdin.read())
kinds = {
    "links": lambda: [" ".join(sorted(l["ifname"] for l in link if l["ifname"] != "lo"))],
    "rules": lambda: [*rules(4, rule4), *rules(6, rule6)],
    "routes": lambda: [*routes(4, route4), *routes(6, route6)],
    "neighbours": lambda: neighbours(neighbour),
}
lines = []
for what in sys.argv[1:]:
    prefix = "links: " if what == "links" and len(sys.argv) > 2 else ""
    lines += [prefix + line for line in kinds[what]()]
if lines:
    print("\n".join(sorted(lines)))
