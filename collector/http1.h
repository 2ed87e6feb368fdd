/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1 - one direction of an HTTP/1.x connection, as a stream of messages.
 *
 * Finds where messages begin and end and reads of each what a route and a
 * latency need: request line or status, and how long the body is (RFC 9112
 * section 6).  Bodies are skipped, headers but two are dropped unread.
 *
 * The bytes come in spans as the service read or wrote them; a span may also
 * be a gap, of which only the length is known.  A gap inside a body is walked
 * over exactly.  A gap that may hide a boundary makes the rest of the stream
 * lost: it is skipped until somebody who knows a boundary calls
 * http1_reset().
 *
 * Invariant: how a stream is cut into spans changes nothing in the messages
 * found.
 *
 * Pure apart from the heap, and what it may hold of that is bounded by
 * LIMIT_REQUEST_LINE_BYTES.  Where the heap has nothing the path of a
 * message is unknown; nothing else changes.
 */
#ifndef COLLECTOR_HTTP1_H
#define COLLECTOR_HTTP1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http1_kind { HTTP1_REQUESTS, HTTP1_RESPONSES };

/* What http1_next() came upon. */
enum http1_step {
	HTTP1_MORE,  /* nothing: the span is used up */
	HTTP1_BEGIN, /* the first byte of a message; it is still in the span */
	HTTP1_HEAD,  /* the end of its head, or as much as was seen of it */
	HTTP1_END,   /* the end of the message */
	HTTP1_LOST,  /* inside a body, the end of which was missed */
	HTTP1_BAD,   /* since HTTP1_BEGIN nothing that HTTP/1.x permits */
};

/* How the end of a body is found. */
enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH,
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE,
	HTTP1_TUNNEL,  /* 101, or CONNECT: what follows is something else */
	HTTP1_UNKNOWN, /* part of the head was missed */
};

enum { HTTP1_METHOD_BYTES = 24 }; /* longest method known and its NUL: 18 */

/* Bytes, or a gap of len where at is NULL. */
struct http1_span {
	const uint8_t *at;
	uint64_t len;
};

/*
 * One direction.  The first group is to be read at HTTP1_HEAD; the second is
 * to be set by the caller at HTTP1_BEGIN of a response; the rest is http1's.
 */
struct http1 {
	char method[HTTP1_METHOD_BYTES]; /* "" where it was not seen */
	char *path;			 /* http1_take_path() */
	unsigned int status;		 /* 0 where it was not seen */
	enum http1_framing framing;

	bool to_head; /* answers a HEAD request */
	bool to_connect;

	enum http1_kind kind;
	unsigned char state;
	bool line_cut;
	bool has_length;
	bool bad_length;
	bool has_encoding;
	bool is_chunked;
	uint64_t left; /* of the body or of the chunk */
	char *line;
	size_t line_len;
	size_t line_room;
};

/* Start at a boundary between messages. */
void http1_init(struct http1 *h, enum http1_kind kind);

/* Free what h holds. */
void http1_release(struct http1 *h);

/* A boundary is here, whatever h believed; half a message is forgotten. */
void http1_reset(struct http1 *h);

/* No boundary is known from here on. */
void http1_lose(struct http1 *h);

/*
 * Go on to the next step in s, taking what it passes off the front of s.
 * Call again until HTTP1_MORE.
 */
enum http1_step http1_next(struct http1 *h, struct http1_span *s);

/*
 * The path of the request, without query, scheme and host; "*" of the
 * asterisk form and of CONNECT; NULL if it was not seen or is too long.  The
 * caller free()s it.  NULL the second time.
 */
char *http1_take_path(struct http1 *h);

/* True between messages. */
bool http1_at_boundary(const struct http1 *h);

/* True where no boundary will be found by reading on. */
bool http1_is_open_ended(const struct http1 *h);

/* True once http1_lose(), HTTP1_LOST or HTTP1_BAD was the last word. */
bool http1_is_lost(const struct http1 *h);

/*
 * The last bytes of one write were these.  If h lost a chunked body and they
 * end one, h is at a boundary again and true is returned.
 */
bool http1_ends_chunked(struct http1 *h, const uint8_t *tail, size_t len);

#endif /* COLLECTOR_HTTP1_H */
