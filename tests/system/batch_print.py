#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Print batches, one line each: key=value, in the order of their files.

    batch_print.py FILE...

A second reader of the bytes, written from schema/tailgate.proto alone.  A file
of a spool (its heading is 24 bytes and the instance's name) is read as well.
"""

import ctypes
import hashlib
import struct
import sys

FIELDS = {2: "service", 3: "revision", 4: "instance", 11: "hooks",
          16: "string", 17: "series", 18: "slow", 19: "profile",
          21: "lost", 25: "refused"}
NUMBERS = {5: "stream", 6: "seq", 7: "from_ms", 8: "to_ms", 10: "before",
           22: "events"}
CAUSES = ["other", "ring", "memory", "unreadable", "opaque", "unparsed",
          "routes", "sample_ring", "sample_stack", "paths", "spool",
          "refused"]


def unpack(frame):
    z = ctypes.CDLL("libzstd.so.1")
    z.ZSTD_getFrameContentSize.restype = ctypes.c_ulonglong
    z.ZSTD_decompress.restype = ctypes.c_size_t
    size = z.ZSTD_getFrameContentSize(frame, ctypes.c_size_t(len(frame)))
    if size > 1 << 24:
        raise ValueError("no zstd frame")
    out = ctypes.create_string_buffer(size)
    n = z.ZSTD_decompress(out, ctypes.c_size_t(size), frame,
                          ctypes.c_size_t(len(frame)))
    if n != size:
        raise ValueError("bad zstd frame")
    return out.raw[:n]


def varint(b, at):
    n = shift = 0
    while True:
        n |= (b[at] & 0x7f) << shift
        at += 1
        shift += 7
        if b[at - 1] < 0x80:
            return n, at


def fields(b):
    at = 0
    while at < len(b):
        key, at = varint(b, at)
        if key & 7 == 0:
            value, at = varint(b, at)
        elif key & 7 == 1:
            value, at = struct.unpack_from("<Q", b, at)[0], at + 8
        else:
            n, at = varint(b, at)
            value, at = b[at:at + n], at + n
        yield key >> 3, value


def packed(b):
    at = 0
    while at < len(b):
        value, at = varint(b, at)
        yield value


def describe(b):
    out = {"lost": [], "string": [], "series": [], "slow": 0, "profile": 0,
           "seq": 0, "before": 0, "events": 0, "refused": ""}
    for key, value in fields(b):
        name = FIELDS.get(key) or NUMBERS.get(key)
        if key in NUMBERS:
            out[name] = value
        elif name in ("slow", "profile"):
            out[name] += 1
        elif name == "lost":
            out["lost"] = list(packed(value))
        elif name == "series":
            s = dict(fields(value))
            out["series"].append((s.get(1, 0), s.get(2, 0), s.get(3, 0),
                                  sum(packed(s[5]))))
        elif name == "string":
            out["string"].append(value.decode())
        elif name:
            out[name] = value.decode()
    return out


def main():
    for path in sys.argv[1:]:
        with open(path, "rb") as f:
            body = f.read()
        if body[:4] == b"GTS1":
            name_len, body_len = struct.unpack_from("<IQ", body, 4)
            body = body[24 + name_len:24 + name_len + body_len]
        b = describe(unpack(body))
        served = sum(n for _, kind, _, n in b["series"] if kind == 1)
        lost = ",".join("%s:%d" % (cause, n)
                        for cause, n in zip(CAUSES, b["lost"]) if n)
        routes = ",".join(
            "%s:%d:%d" % (b["string"][r].replace(" ", "_"), status, n)
            for r, kind, status, n in sorted(b["series"]) if kind == 1)
        print("sha=%s service=%s revision=%s instance=%s stream=%d seq=%d "
              "from_ms=%d to_ms=%d before=%d events=%d requests=%d slow=%d "
              "profiles=%d lost=%s refused=%s routes=%s" % (
                  hashlib.sha256(body).hexdigest(), b["service"],
                  b["revision"], b["instance"], b["stream"], b["seq"],
                  b["from_ms"], b["to_ms"], b["before"], b["events"], served,
                  b["slow"], b["profile"], lost, b["refused"], routes))


main()
