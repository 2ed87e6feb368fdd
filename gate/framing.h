/* SPDX-License-Identifier: Apache-2.0 */
/*
 * framing - is it certain where a request ends?
 *
 * Two programs that disagree about the end of a request can be made to
 * disagree about who asked the next one.  The HTTP library settles doubtful
 * cases quietly, so every request is looked at here before anything else is
 * done with it, and a doubtful one is refused and its connection closed.
 *
 * Refused: more than one Content-Length, or one that is not plain digits;
 * Transfer-Encoding beside Content-Length, in HTTP/1.0, or other than
 * "chunked"; no Host, two, or one that is no host; a field whose name is no
 * token or whose value holds control characters; versions other than
 * HTTP/1.0 and 1.1.
 *
 * Pure: no I/O, no state.
 */
#ifndef GATE_FRAMING_H
#define GATE_FRAMING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

/* One header field as it came; the texts end with NUL after their length. */
struct framing_field {
	const char *name;
	size_t name_len;
	const char *value;
	size_t value_len;
};

/* How the body is delimited. */
struct framing {
	bool chunked;
	bool has_length;
	uint64_t length;  /* bytes, where has_length */
	const char *host; /* borrowed from the fields; NULL in HTTP/1.0 only */
};

/*
 * Check the fields of one request.
 *
 *   version  "HTTP/1.1"
 *   ret_f    receives how the body is delimited
 *
 * Returns 0, or -EBADMSG with the field and value in err.
 */
int framing_check(const char *version, const struct framing_field *fields,
		  size_t n, struct framing *ret_f, struct err *err);

/* Does host, with or without a port, name this machine's loopback? */
bool framing_host_is_loopback(const char *host);

#endif /* GATE_FRAMING_H */
