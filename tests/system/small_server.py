#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The smallest service worth measuring, and somebody who asks it.

    small_server.py PORT            answers every GET with five bytes
    small_server.py --ask PORT RATE asks it for /orders/N, RATE times a second,
                                    on one connection that is kept
"""

import http.client
import http.server
import sys
import time


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, *args):
        pass


def ask(port, rate):
    n = 0
    due = time.monotonic()
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            while True:
                n += 1
                connection.request("GET", "/orders/%d?n=%d" % (n, n))
                connection.getresponse().read()
                due += 1 / rate
                time.sleep(max(0, due - time.monotonic()))
        except OSError:
            time.sleep(0.2)
            due = time.monotonic()


if sys.argv[1] == "--ask":
    ask(int(sys.argv[2]), float(sys.argv[3]))
else:
    http.server.ThreadingHTTPServer.allow_reuse_address = True
    http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(sys.argv[1])), Server).serve_forever()
