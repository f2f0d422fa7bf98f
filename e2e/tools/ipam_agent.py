#!/usr/bin/python3 -I
# SPDX-License-Identifier: Apache-2.0
"""ipam_agent.py SOCKET ANSWERS LOG: an agent's IPAM for tests. ANSWERS is a directory: METHOD-LAST, LAST being the
last part of the path, is the answer, METHOD-LAST.N that to the Nth of these requests. The first line of such a file
is the status, "hang" (no answer) or "half STATUS" (cut off); the body is in the others. No file: status 404. LOG gets
a line a request: method, path, body."""
import collections
import os
import socket
import sys
import threading

path, answers, log = sys.argv[1:]
seen = collections.Counter()
lock = threading.Lock()


def read_request(connection):
    request = b""
    while b"\r\n\r\n" not in request:
        request += connection.recv(65536) or b"\r\n\r\n"
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:] if ": " in line)
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    return lines[0].split()[:2] + [body.decode()]


def find_answer(method, target):
    name = f"{answers}/{method}-{target.split('?')[0].rsplit('/', 1)[1]}"
    seen[name] += 1
    for file in (f"{name}.{seen[name]}", name):
        if os.path.exists(file):
            with open(file, encoding="utf-8") as f:
                return f.read().partition("\n")[::2]
    return "404", '{"code":404,"message":"path not found"}'


def serve(connection):
    with connection:
        try:
            method, target, body = read_request(connection)
            with lock:
                with open(log, "a", encoding="utf-8") as f:
                    f.write(f"{method} {target} {body}\n")
                status, text = find_answer(method, target)
            if status == "hang":
                connection.recv(1)  # until the client gives up
                return
            data = text.encode()
            length = len(data)
            if status.startswith("half "):
                status, data = status[5:], data[: length // 2]
            connection.sendall(f"HTTP/1.1 {status} x\r\nContent-Length: {length}\r\n\r\n".encode() + data)
        except OSError:
            pass


server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(16)
while True:
    threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()
