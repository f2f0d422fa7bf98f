#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
"""agent.py SOCKET ANSWER LOG: an agent for tests. ANSWER is a file: a status on the first line, the body on the
others; it is read for each request. LOG gets a line a request: method, path, body."""
import socket
import sys

path, answer, log = sys.argv[1:]
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(16)
while True:
    connection, _ = server.accept()
    request = b""
    try:
        while b"\r\n\r\n" not in request:
            request += connection.recv(4096) or b"\r\n\r\n"
        head, _, body = request.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
        while len(body) < int(headers.get("content-length", "0")):
            body += connection.recv(4096)
        with open(log, "a", encoding="utf-8") as f:
            f.write(f"{lines[0].rsplit(' ', 1)[0]} {body.decode()}\n")
        with open(answer, encoding="utf-8") as f:
            status, _, text = f.read().partition("\n")
        connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: {len(text.encode())}\r\n\r\n{text}".encode())
    except OSError:
        pass
    connection.close()
