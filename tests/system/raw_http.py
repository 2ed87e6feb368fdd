# SPDX-License-Identifier: Apache-2.0
"""raw_http - requests that no client library would send.

	python3 raw_http.py HOST PORT

Each case is sent on a connection of its own; what comes back is held against
what must.  The last line is "N passed, N failed".
"""
import socket
import sys
import time

HOST, PORT = sys.argv[1], int(sys.argv[2])
LONGEST_S = 20


def talk(request, pause_s=0.0, deadline_s=5.0):
	"""Send request, in pieces where it is a list; everything that came."""
	pieces = request if isinstance(request, list) else [request]
	got = b""
	with socket.create_connection((HOST, PORT), timeout=deadline_s) as s:
		try:
			for piece in pieces:
				s.sendall(piece)
				if pause_s:
					time.sleep(pause_s)
			while True:
				part = s.recv(65536)
				if not part:
					return got, True
				got += part
		except (ConnectionResetError, BrokenPipeError):
			return got, True
		except socket.timeout:
			return got, False


def get(*fields, target=b"/healthz", method=b"GET", body=b""):
	return (method + b" " + target + b" HTTP/1.1\r\n" +
		b"".join(f + b"\r\n" for f in fields) + b"\r\n" + body)


HOST_FIELD = b"Host: localhost"
NEXT = get(HOST_FIELD, target=b"/readyz")

# The library refuses these itself, with a page of its own and, in the packaged
# version, a status line too many.
LIBRARY = 0

# why, bytes, status
FRAMING = [
	("no Host", get(), 400),
	("two Hosts", get(HOST_FIELD, HOST_FIELD), 400),
	("two lengths", get(HOST_FIELD, b"Content-Length: 5",
		b"Content-Length: 6", method=b"POST", target=b"/v1/batches",
		body=b"hello"), 400),
	("two equal lengths", get(HOST_FIELD, b"Content-Length: 5",
		b"Content-Length: 5", method=b"POST", target=b"/v1/batches",
		body=b"hello"), 400),
	("length beside pieces", get(HOST_FIELD, b"Content-Length: 4",
		b"Transfer-Encoding: chunked", method=b"POST",
		target=b"/v1/batches", body=b"0\r\n\r\n" + NEXT), 400),
	("pieces beside length", get(HOST_FIELD,
		b"Transfer-Encoding: chunked", b"Content-Length: 4",
		method=b"POST", target=b"/v1/batches",
		body=b"0\r\n\r\n" + NEXT), 400),
	("another coding", get(HOST_FIELD, b"Transfer-Encoding: gzip, chunked",
		method=b"POST", target=b"/v1/batches",
		body=b"0\r\n\r\n" + NEXT), 400),
	("identity", get(HOST_FIELD, b"Transfer-Encoding: identity",
		method=b"POST", target=b"/v1/batches", body=NEXT), 400),
	("a signed length", get(HOST_FIELD, b"Content-Length: +5",
		method=b"POST", target=b"/v1/batches",
		body=b"hello" + NEXT), LIBRARY),
	("a length of letters", get(HOST_FIELD, b"Content-Length: five",
		method=b"POST", target=b"/v1/batches",
		body=b"hello" + NEXT), LIBRARY),
	("a blank before the colon", get(HOST_FIELD, b"Content-Length : 5",
		method=b"POST", target=b"/v1/batches",
		body=b"hello" + NEXT), 400),
	("pieces in 1.0", b"POST /v1/batches HTTP/1.0\r\nHost: localhost\r\n"
		b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + NEXT, 400),
	("a body for GET", get(HOST_FIELD, b"Content-Length: 5",
		body=b"hello" + NEXT), 400),
	("too large by its length", get(HOST_FIELD,
		b"Content-Length: 4194305", method=b"POST",
		target=b"/v1/batches", body=b"x"), 413),
	("a huge length", get(HOST_FIELD,
		b"Content-Length: 99999999999999999999", method=b"POST",
		target=b"/v1/batches", body=b"x" + NEXT), LIBRARY),
	("another host", get(b"Host: evil.example"), 403),
]

passed = failed = 0


def check(why, ok, got=b""):
	global passed, failed
	if ok:
		passed += 1
	else:
		failed += 1
		print("FAIL raw: %s: %r" % (why, got[:300]))


for why, request, want in FRAMING:
	got, closed = talk(request)
	# nothing that follows a doubtful request may be answered
	if want == LIBRARY:
		check(why, got.startswith(b"HTTP/1.1 4") and closed and
			b"200 OK" not in got, got)
	else:
		check(why, got[9:12] == str(want).encode() and
			got.count(b"HTTP/1.1 ") == 1 and closed and
			b'"code":"' in got, got)

# what is well formed still works on one connection
got, closed = talk(get(HOST_FIELD) + get(HOST_FIELD, b"Connection: close"))
check("two requests on one connection", got.count(b"200 OK") == 2 and closed,
	got)
got, _ = talk(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n"
	b"Connection: close\r\n\r\n")
check("HEAD has no body", got.startswith(b"HTTP/1.1 200") and
	got.endswith(b"\r\n\r\n"), got)
got, _ = talk(get(HOST_FIELD, b"Transfer-Encoding: chunked",
	b"Connection: close", method=b"POST", target=b"/v1/batches",
	body=b"5\r\nhello\r\n0\r\n\r\n"))
check("a batch in pieces is read to its end", got.startswith(
	b"HTTP/1.1 400") and b"BAD_BATCH" in got, got)
piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
got, _ = talk(get(HOST_FIELD, b"Transfer-Encoding: chunked",
	b"Connection: close", method=b"POST", target=b"/v1/batches",
	body=piece * 70 + b"0\r\n\r\n"))
check("too large in pieces", got.startswith(b"HTTP/1.1 413"), got)
got, _ = talk(get(HOST_FIELD, *[b"X-%d: y" % i for i in range(100)],
	b"Connection: close"))
check("too many fields", got.startswith(b"HTTP/1.1 400"), got)
got, _ = talk(get(HOST_FIELD, b"X: " + b"y" * 100000, b"Connection: close"))
check("fields too long", got.startswith(b"HTTP/1.1 4") or got == b"", got)
got, closed = talk(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
check("not HTTP", b"200 OK" not in got, got)

# what trickles is ended: a head within 10 s, a body by its rate
begin = time.monotonic()
slow = get(HOST_FIELD)
got, closed = talk([slow[i:i + 1] for i in range(30)], 0.5, LONGEST_S)
check("a head that trickles", closed and b"200 OK" not in got and
	time.monotonic() - begin < LONGEST_S, got)
begin = time.monotonic()
head = get(HOST_FIELD, b"Content-Length: 100000", method=b"POST",
	target=b"/v1/batches")
got, closed = talk([head] + [b"x" * 100] * 30, 0.5, LONGEST_S)
check("a body that trickles", closed and b"200 OK" not in got and
	time.monotonic() - begin < LONGEST_S, got)
got, _ = talk(get(HOST_FIELD, b"Connection: close"))
check("the gate still answers", b"200 OK" in got, got)
print("%d passed, %d failed" % (passed, failed))
