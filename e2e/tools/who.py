#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
"""who.py PORT: tells whoever connects from which address that came; IPv4 and IPv6."""
import socket
import sys

server = socket.create_server(("::", int(sys.argv[1])), family=socket.AF_INET6, dualstack_ipv6=True)
while True:
    connection, (address, *_) = server.accept()
    try:
        connection.sendall(address.removeprefix("::ffff:").encode() + b"\n")
    except OSError:
        pass
    connection.close()
