#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A gate that keeps what it is sent and answers as it is told.

    batch_gate.py PORT_FILE DIR

Listens on a port of its own choice, or the one that PORT_FILE already
holds, and writes it there.  Each POST becomes a line in DIR/log

    NUMBER STATUS SHA256 LENGTH SENT_AT AUTHORIZATION

and its body DIR/NUMBER.batch.  DIR/answer, read anew for every request, holds
how to answer: one line, "STATUS [COUNT] [BODY]"; COUNT requests are answered
so and the rest with 200, 0 or none means all.  DIR/date_ahead shifts the Date
header by so many seconds.
"""

import email.utils
import hashlib
import http.server
import os
import sys
import time


def read(path, default=""):
    try:
        with open(path) as f:
            return f.read().strip()
    except FileNotFoundError:
        return default


class Gate(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    number = 0
    told = None  # how to answer, as it was last read
    answered = 0  # so many times since

    def date_time_string(self, timestamp=None):
        ahead = float(read(os.path.join(self.server.dir, "date_ahead"), "0"))
        return email.utils.formatdate(time.time() + ahead, usegmt=True)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = read(os.path.join(self.server.dir, "answer"), "200")
        if told != Gate.told:
            Gate.told, Gate.answered = told, 0
        words = told.split(" ", 2)
        status = int(words[0])
        count = int(words[1]) if len(words) > 1 else 0
        if status != 200:
            Gate.answered += 1
            if count and Gate.answered > count:
                status = 200
        reply = words[2] if len(words) > 2 and status != 200 else "{}"
        Gate.number += 1
        name = os.path.join(self.server.dir, "%06d.batch" % Gate.number)
        with open(name, "wb") as f:
            f.write(body)
        with open(os.path.join(self.server.dir, "log"), "a") as f:
            f.write("%d %d %s %d %s %s\n" % (
                Gate.number, status, hashlib.sha256(body).hexdigest(),
                len(body), self.headers.get("Sent-At", "-"),
                self.headers.get("Authorization", "-").replace(" ", "_")))
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply.encode())

    def log_message(self, *args):
        pass


def main():
    port_file, directory = sys.argv[1:]
    os.makedirs(directory, exist_ok=True)
    port = int(read(port_file, "0") or "0")
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Gate)
    server.dir = directory
    log = os.path.join(directory, "log")
    if os.path.exists(log):  # a gate that was restarted numbers on
        with open(log) as f:
            Gate.number = len(f.readlines())
    with open(port_file + ".new", "w") as f:
        f.write(str(server.server_address[1]))
    os.rename(port_file + ".new", port_file)
    server.serve_forever()


main()
