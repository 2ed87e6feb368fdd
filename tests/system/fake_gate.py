#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""fake_gate - a gate that answers by script, for tests of its clients.

    fake_gate.py PORT_FILE LOG

Listens on a free port of 127.0.0.1 and writes it to PORT_FILE.  What it
answers to GET /v1/verdict is the name of the service asked for; each request
is a line of LOG: its path and query, and the Authorization field.
"""
import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

counts = {}


def document(word, final=True, code="CODE", **more):
    d = {"verdict": word, "pass": word == "pass", "fail": word == "fail",
         "final": final, "code": code, "reason": "because " + word,
         "p99_ratio": 1.246, "report": "http://gate/rollouts/42"}
    d.update(more)
    return 200, json.dumps(d), {}


def error(status, code, **fields):
    return status, json.dumps({"error": "said so", "code": code}), fields


def answer(service, n):
    """The n-th answer, from 1, to a question about service."""
    running = document("running", False, "COLLECTING", windows=n,
                       canary_requests=100 * n, need_requests=300,
                       need_instances=1)
    scripts = {
        "inconclusive-open": lambda: document("inconclusive", False),
        "never": lambda: running,
        "never-changes": lambda: running,
        "away": lambda: (running if n < 2 else
                         error(503, "BUSY", **{"Retry-After": "60"})),
        "late": lambda: running if n < 3 else document("pass"),
        "late-too": lambda: running if n < 2 else document("pass"),
        "changes": lambda: [running, document("running", False, "COLLECTING",
                                              reason="more of it"),
                            document("running", False, "WARMING_UP"),
                            document("pass")][min(n, 4) - 1],
        "busy": lambda: (error(503, "BUSY", **{"Retry-After": "1"}) if n < 2
                         else document("pass")),
        "many": lambda: (error(429, "TOO_MANY", **{"Retry-After": "1"})
                         if n < 2 else document("pass")),
        "broken": lambda: error(500, "INTERNAL"),
        "restart": lambda: running if n < 2 else error(502, "BAD_GATEWAY"),
        "html": lambda: (200, "<html>log in</html>", {}),
        "null": lambda: (200, "null", {}),
        "empty": lambda: (200, "", {}),
        "nothing": lambda: (204, "", {}),
        "lies": lambda: document("running", **{"pass": True}),
        "login": lambda: (302, "", {"Location": "/v1/verdict?service=pass"}),
        "bad": lambda: error(400, "BAD_IDENTITY"),
        "unknown": lambda: error(401, "NO_TOKEN"),
        "denied": lambda: error(403, "FORBIDDEN"),
        "long": lambda: (200, "x" * (2 << 20), {}),
        "error-open": lambda: document("error", False, "INTERNAL"),
    }
    scripts["slow"] = lambda: document("pass")
    return scripts.get(service, lambda: document(service))()


def replay(rollout):
    """What a replay of this rollout came to."""
    d = {"rollout": int(rollout), "outcome": "identical", "windows": 13,
         "identical": 13, "close": 0, "different": 0, "same_decision": True,
         "method": 4, "judged_by_method": 4, "other_method": 0,
         "unexplained": 0,
         "largest_difference": 0, "first_from_ms": 0, "first_to_ms": 0,
         "first_field": "", "first_stored": "", "first_recomputed": ""}
    first = {"first_from_ms": 1700000000000, "first_to_ms": 1700000010000,
             "first_field": "p99_ratio", "first_stored": "1.25",
             "first_recomputed": "1.5"}
    if rollout == "43":
        d.update(first, outcome="close", identical=11, close=2,
                 largest_difference=3.125e-12)
    elif rollout == "44":
        d.update(first, outcome="different", identical=12, different=1,
                 unexplained=1, largest_difference=0.2)
    elif rollout == "45":
        d.update(outcome="nothing", windows=0, identical=0)
    elif rollout == "46":
        d.update(outcome="identical", identical=12)
    elif rollout == "47":
        return error(410, "NO_DATA")
    elif rollout == "48":
        d.update(first, outcome="other_method", identical=11, different=2,
                 other_method=13, judged_by_method=3, largest_difference=0.2)
    elif rollout == "49":
        d.update(other_method=13, judged_by_method=0)
    return 200, json.dumps(d), {}


def backtest(number, n):
    """The n-th answer, from 1, about this backtest."""
    said = {"verdict": "fail", "code": "P99_SHIFT", "route": "GET /",
            "windows": 9}
    d = {"id": int(number), "state": "running" if n < 2 else "done",
         "error": "", "done": n, "total": 102, "windows": 10 * n,
         "capped": False, "rollouts_gone": 3, "splits_asked": 100,
         "from_ms": 1700000000000, "until_ms": 1702592000000,
         "reaches_back_to_ms": 1702418000000, "hours_with_batches": 47,
         "trimmed": True,
         "splits": 100, "pass": 61,
         "fail": 2, "undecided": 37, "fail_share": 0.02,
         "fail_share_lo": 0.002431, "fail_share_hi": 0.070383,
         "rollouts": [
             {"id": 42, "baseline": "a", "canary": "b", "then": said,
              "now": dict(said, verdict="pass", code="WITHIN_LIMITS")},
             {"id": 41, "baseline": "a", "canary": "c", "then": said,
              "now": said},
             {"id": 40, "baseline": "a", "canary": "d",
              "then": dict(said, verdict="inconclusive", code="STOPPED"),
              "now": dict(said, verdict="running", code="COLLECTING")}],
         "failed": [{"revision": "a", "from_ms": 1700000000000,
                     "canary_instances": 2, "instances": 6, "now": said}]}
    if number == "2":
        d.update(state="ended")
    elif number == "3":
        d.update(state="done", rollouts=[{"id": 1}])
    elif number == "4":
        d.update(state="failed", error="the store \x1b broke")
    return 200, json.dumps(d), {}


class Gate(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, body, fields):
        data = body.encode()
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def note(self, body=""):
        with open(sys.argv[2], "a", encoding="utf-8") as log:
            log.write("%s %s %s %s\n" % (
                self.command, self.path,
                self.headers.get("Authorization", "-"), body))

    def do_GET(self):
        self.note()
        url = urlsplit(self.path)
        if url.path == "/v1/rollouts":
            self.reply(200, json.dumps({"rollouts": [
                {"id": 42, "service": "orders", "baseline": "a",
                 "canary": "b", "verdict": json.loads(
                     document("fail", code="P99_SHIFT")[1])}]}), {})
            return
        if url.path.endswith("/replay"):
            counts[url.path] = counts.get(url.path, 0) + 1
            if "/50/" in url.path and counts[url.path] < 3:
                self.reply(202, json.dumps(
                    {"state": "running", "windows": 7}), {})
            elif "/51/" in url.path:
                self.reply(202, "", {})
            else:
                self.reply(*replay(url.path.split("/")[3]))
            return
        if url.path.startswith("/v1/backtests/"):
            number = url.path.split("/")[3]
            counts[url.path] = counts.get(url.path, 0) + 1
            self.reply(*backtest(number, counts[url.path]))
            return
        service = parse_qs(url.query).get("service", [""])[0]
        counts[service] = counts.get(service, 0) + 1
        if service == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            self.wfile.write(b'{"verdict":"pass"')
            self.close_connection = True
        else:
            self.reply(*answer(service, counts[service]))

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note(body.decode())
        if self.path == "/v1/rollouts/42/stop":
            self.reply(200, "{}", {})
        elif self.path.startswith("/v1/backtests?"):
            number = parse_qs(urlsplit(self.path).query)["service"][0]
            if number == "busy":
                self.reply(*error(503, "BUSY"))
            else:
                self.reply(201, json.dumps({"id": int(number)}), {})
        elif urlsplit(self.path).path == "/v1/rollouts":
            wish = json.loads(body)
            counts[wish["service"]] = counts.get(wish["service"], 0) + 1
            if wish["service"] == "slow" and counts["slow"] < 3:
                self.reply(202, json.dumps(
                    {"state": "queued", "windows": 20}), {})
                return
            status, text, fields = answer(wish["service"], 1)
            if status == 200:
                status = 201
                text = json.dumps({"id": 42, "verdict": json.loads(text)})
            self.reply(status, text, fields)
        else:
            self.reply(*error(404, "NOT_FOUND"))

    def log_message(self, *args):
        pass


class Server(ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A client that hangs up is part of the tests."""


def main():
    server = Server(("127.0.0.1", 0), Gate)
    with open(sys.argv[1] + ".new", "w", encoding="ascii") as f:
        f.write(str(server.server_address[1]))
    os.rename(sys.argv[1] + ".new", sys.argv[1])
    server.serve_forever()


main()
