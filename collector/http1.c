/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/http1.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/limits.h"

enum state {
	AT_START, /* between messages */
	IN_FIRST_LINE,
	IN_HEADERS,
	IN_BODY, /* h->left bytes to go */
	IN_CHUNK_SIZE,
	IN_CHUNK_DATA, /* h->left bytes to go, its CRLF included */
	IN_TRAILERS,
	AT_END, /* HTTP1_END is due */
	OPEN_ENDED,
	LOST,
};

static const uint64_t LENGTH_MAX = UINT64_C(1) << 62;

void http1_init(struct http1 *h, enum http1_kind kind)
{
	memset(h, 0, sizeof(*h));
	h->kind = kind;
	h->state = AT_START;
}

static void line_release(struct http1 *h)
{
	free(h->line);
	h->line = NULL;
	h->line_len = 0;
	h->line_room = 0;
	h->line_cut = false;
}

void http1_release(struct http1 *h)
{
	line_release(h);
	free(h->path);
	h->path = NULL;
}

void http1_reset(struct http1 *h)
{
	http1_release(h);
	h->state = AT_START;
}

void http1_lose(struct http1 *h)
{
	http1_release(h);
	h->framing = HTTP1_UNKNOWN;
	h->state = LOST;
}

char *http1_take_path(struct http1 *h)
{
	char *path = h->path;

	h->path = NULL;
	return path;
}

bool http1_at_boundary(const struct http1 *h)
{
	return h->state == AT_START;
}

bool http1_is_open_ended(const struct http1 *h)
{
	return h->state == OPEN_ENDED || h->state == LOST;
}

bool http1_is_lost(const struct http1 *h)
{
	return h->state == LOST;
}

static void take(struct http1_span *s, uint64_t n)
{
	if (s->at)
		s->at += n;
	s->len -= n;
}

/* Add bytes to the line; what is beyond max is dropped and remembered so. */
static void line_add(struct http1 *h, const uint8_t *at, size_t n, size_t max)
{
	if (n > max - h->line_len) {
		n = max - h->line_len;
		h->line_cut = true;
	}
	if (h->line_len + n > h->line_room) {
		size_t room = h->line_room ? h->line_room : 128;
		char *line;

		while (room < h->line_len + n)
			room *= 2;
		line = realloc(h->line, room);
		if (!line) {
			h->line_cut = true;
			return;
		}
		h->line = line;
		h->line_room = room;
	}
	if (n > 0)
		memcpy(h->line + h->line_len, at, n);
	h->line_len += n;
}

/*
 * Take a line off the front of s, up to and with its line feed.  True once
 * it is whole; h->line then holds it without its end.
 */
static bool line_take(struct http1 *h, struct http1_span *s, size_t max)
{
	const uint8_t *end = memchr(s->at, '\n', s->len);
	size_t n = end ? (size_t)(end - s->at) : s->len;

	line_add(h, s->at, n, max);
	take(s, end ? n + 1 : n);
	if (!end)
		return false;
	if (h->line_len > 0 && h->line[h->line_len - 1] == '\r')
		h->line_len--;
	return true;
}

static void line_clear(struct http1 *h)
{
	h->line_len = 0;
	h->line_cut = false;
}

static bool is_method_byte(char c)
{
	return (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
}

/*
 * Could this be the front of a request line?  Once it could not, no more
 * bytes make it one, so when it is asked changes nothing.
 */
static bool request_may_begin(const struct http1 *h)
{
	for (size_t i = 0; i < h->line_len; i++) {
		if (h->line[i] == ' ')
			return i > 0;
		if (i == HTTP1_METHOD_BYTES - 1 || !is_method_byte(h->line[i]))
			return false;
	}
	return true;
}

/* Likewise a status line: "HTTP/1.1 200". */
static bool response_may_begin(const struct http1 *h)
{
	static const char shape[] = "HTTP/1.d ddd";

	for (size_t i = 0; i < h->line_len && shape[i]; i++) {
		bool ok = shape[i] == 'd'
				  ? isdigit((unsigned char)h->line[i]) != 0
				  : h->line[i] == shape[i];

		if (!ok)
			return false;
	}
	return true;
}

/* The path of a request target, as bytes of it; NULL where it has none. */
static const char *find_path(const char *target, size_t len, size_t *ret_len)
{
	const char *end = target + len;
	const char *at = target;

	if (len > 0 && *target != '/') {
		at = memmem(target, len, "://", 3);
		if (!at)
			return NULL;
		at += 3;
		while (at < end && *at != '/' && *at != '?' && *at != '#')
			at++;
		if (at == end || *at != '/') {
			*ret_len = 1;
			return "/";
		}
	}
	*ret_len = 0;
	while (at + *ret_len < end && !strchr("?#", at[*ret_len]))
		(*ret_len)++; /* a NUL ends it too */
	return at;
}

static void set_path(struct http1 *h, const char *target, size_t len)
{
	const char *path = "*";
	size_t path_len = 1;

	if (strcmp(h->method, "CONNECT") != 0 && !(len == 1 && *target == '*'))
		path = find_path(target, len, &path_len);
	h->path = path ? strndup(path, path_len) : NULL;
}

/* "GET /path HTTP/1.1".  False if it is something else. */
static bool read_request_line(struct http1 *h)
{
	const char *line = h->line;
	const char *end = line + h->line_len;
	const char *target = line ? memchr(line, ' ', h->line_len) : NULL;
	const char *version;

	if (!target)
		return h->line_cut && h->line_len == 0; /* no memory */
	memcpy(h->method, line, (size_t)(target - line));
	h->method[target - line] = '\0';
	target++;
	if (h->line_cut)
		return true; /* too long to be known */
	version = memrchr(target, ' ', (size_t)(end - target));
	if (!version || version == target)
		return false;
	if (end - version != 9 || memcmp(version, " HTTP/1.", 8) != 0 ||
	    !isdigit((unsigned char)version[8]))
		return false;
	set_path(h, target, (size_t)(version - target));
	return true;
}

static bool read_status_line(struct http1 *h)
{
	const char *digits;

	if (h->line_len < 12)
		return h->line_cut && h->line_len == 0; /* no memory */
	digits = h->line + 9;
	h->status = (unsigned int)(digits[0] - '0') * 100 +
		    (unsigned int)(digits[1] - '0') * 10 +
		    (unsigned int)(digits[2] - '0');
	return h->status >= 100;
}

/* A Content-Length; two that differ are no length at all (RFC 9112 6.3). */
static void read_length(struct http1 *h, const char *v, size_t len)
{
	uint64_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)v[i]) || n > LENGTH_MAX / 10) {
			h->bad_length = true;
			return;
		}
		n = n * 10 + (uint64_t)(v[i] - '0');
	}
	h->bad_length |= len == 0 || (h->has_length && n != h->left);
	h->has_length = true;
	h->left = n;
}

static void read_encoding(struct http1 *h, const char *v, size_t len)
{
	static const char last[] = "chunked";
	const size_t n = sizeof(last) - 1;

	h->has_encoding = true;
	h->is_chunked = len >= n && strncasecmp(v + len - n, last, n) == 0;
}

static bool is_name(const char *name, const char *line, size_t len)
{
	return strlen(name) == len && strncasecmp(name, line, len) == 0;
}

static void read_header(struct http1 *h)
{
	const char *colon = memchr(h->line, ':', h->line_len);
	const char *end = h->line + h->line_len;
	const char *v;
	size_t name_len;

	if (!colon || h->line_cut)
		return;
	name_len = (size_t)(colon - h->line);
	for (v = colon + 1; v < end && (*v == ' ' || *v == '\t'); v++)
		;
	while (end > v && (end[-1] == ' ' || end[-1] == '\t'))
		end--;
	if (is_name("content-length", h->line, name_len))
		read_length(h, v, (size_t)(end - v));
	else if (is_name("transfer-encoding", h->line, name_len))
		read_encoding(h, v, (size_t)(end - v));
}

/* RFC 9112 section 6.3, in its order. */
static enum http1_framing framing_of(const struct http1 *h)
{
	bool response = h->kind == HTTP1_RESPONSES;

	if (response) {
		if (h->status == 101)
			return HTTP1_TUNNEL;
		if (h->to_head || h->status < 200 || h->status == 204 ||
		    h->status == 304)
			return HTTP1_NO_BODY;
		if (h->to_connect && h->status < 300)
			return HTTP1_TUNNEL;
	}
	if (h->has_encoding && h->is_chunked)
		return HTTP1_CHUNKED;
	if (h->has_encoding)
		return response ? HTTP1_UNTIL_CLOSE : HTTP1_UNKNOWN;
	if (h->bad_length)
		return HTTP1_UNKNOWN;
	if (h->has_length)
		return h->left > 0 ? HTTP1_LENGTH : HTTP1_NO_BODY;
	return response ? HTTP1_UNTIL_CLOSE : HTTP1_NO_BODY;
}

static enum http1_step end_head(struct http1 *h, enum http1_framing framing)
{
	static const unsigned char next[] = {
		[HTTP1_NO_BODY] = AT_END,
		[HTTP1_LENGTH] = IN_BODY,
		[HTTP1_CHUNKED] = IN_CHUNK_SIZE,
		[HTTP1_UNTIL_CLOSE] = OPEN_ENDED,
		[HTTP1_TUNNEL] = OPEN_ENDED,
		[HTTP1_UNKNOWN] = LOST,
	};

	line_release(h);
	h->framing = framing;
	h->state = next[framing];
	return HTTP1_HEAD;
}

static enum http1_step begin(struct http1 *h)
{
	http1_release(h);
	h->method[0] = '\0';
	h->status = 0;
	h->framing = HTTP1_UNKNOWN;
	h->to_head = false;
	h->to_connect = false;
	h->has_length = false;
	h->bad_length = false;
	h->has_encoding = false;
	h->is_chunked = false;
	h->left = 0;
	h->state = IN_FIRST_LINE;
	return HTTP1_BEGIN;
}

static enum http1_step next_start(struct http1 *h, struct http1_span *s)
{
	/* RFC 9112 section 2.2: line ends before a request mean nothing */
	while (h->kind == HTTP1_REQUESTS && s->at && s->len > 0 &&
	       (*s->at == '\r' || *s->at == '\n'))
		take(s, 1);
	return s->len > 0 ? begin(h) : HTTP1_MORE;
}

static enum http1_step next_first_line(struct http1 *h, struct http1_span *s)
{
	bool requests = h->kind == HTTP1_REQUESTS;
	bool whole = line_take(h, s, LIMIT_REQUEST_LINE_BYTES);

	if (!(requests ? request_may_begin(h) : response_may_begin(h)))
		goto bad;
	if (!whole)
		return HTTP1_MORE;
	if (!(requests ? read_request_line(h) : read_status_line(h)))
		goto bad;
	line_clear(h);
	h->state = IN_HEADERS;
	return HTTP1_MORE;
bad:
	http1_lose(h);
	return HTTP1_BAD;
}

/* Body and chunk data, which may be gaps.  True once they are over. */
static bool body_take(struct http1 *h, struct http1_span *s)
{
	uint64_t n = s->len < h->left ? s->len : h->left;

	take(s, n);
	h->left -= n;
	return h->left == 0;
}

/* Returns false if the line does not begin with a size. */
static bool read_chunk_size(struct http1 *h)
{
	uint64_t size = 0;
	size_t n = 0;

	for (; n < h->line_len && isxdigit((unsigned char)h->line[n]); n++) {
		int c = tolower((unsigned char)h->line[n]);
		int digit = c <= '9' ? c - '0' : c - 'a' + 10;

		if (n == 15)
			return false;
		size = size * 16 + (uint64_t)digit;
	}
	if (n == 0)
		return false;
	h->left = size + 2; /* its line end: always two bytes */
	h->state = size > 0 ? IN_CHUNK_DATA : IN_TRAILERS;
	return true;
}

/* One line of what is made of lines; HTTP1_MORE where nothing came of it. */
static enum http1_step next_line(struct http1 *h, struct http1_span *s)
{
	bool empty;

	if (!line_take(h, s, LIMIT_HEADER_LINE_BYTES))
		return HTTP1_MORE;
	empty = h->line_len == 0 && !h->line_cut;
	if (h->state == IN_HEADERS) {
		if (empty)
			return end_head(h, framing_of(h));
		read_header(h);
	} else if (h->state == IN_TRAILERS) {
		if (empty)
			h->state = AT_END;
	} else if (!read_chunk_size(h)) {
		h->state = LOST; /* framing stays: its end may be seen */
		return HTTP1_LOST;
	}
	line_clear(h);
	return HTTP1_MORE;
}

/* A gap where each byte matters. */
static enum http1_step lose_in_gap(struct http1 *h)
{
	if (h->state == IN_FIRST_LINE || h->state == IN_HEADERS)
		return end_head(h, HTTP1_UNKNOWN);
	line_release(h);
	h->state = LOST;
	return HTTP1_LOST;
}

static enum http1_step step(struct http1 *h, struct http1_span *s)
{
	switch ((enum state)h->state) {
	case AT_START:
		return next_start(h, s);
	case IN_BODY:
		if (body_take(h, s))
			h->state = AT_END;
		return HTTP1_MORE;
	case IN_CHUNK_DATA:
		if (body_take(h, s))
			h->state = IN_CHUNK_SIZE;
		return HTTP1_MORE;
	case IN_FIRST_LINE:
		return s->at ? next_first_line(h, s) : lose_in_gap(h);
	case IN_HEADERS:
	case IN_CHUNK_SIZE:
	case IN_TRAILERS:
		return s->at ? next_line(h, s) : lose_in_gap(h);
	case AT_END:
	case OPEN_ENDED:
	case LOST:
		break;
	}
	take(s, s->len);
	return HTTP1_MORE;
}

enum http1_step http1_next(struct http1 *h, struct http1_span *s)
{
	for (;;) {
		enum http1_step what;

		if (h->state == AT_END) {
			line_release(h);
			h->state = AT_START;
			return HTTP1_END;
		}
		if (s->len == 0)
			return HTTP1_MORE;
		what = step(h, s);
		if (what != HTTP1_MORE)
			return what;
	}
}

bool http1_ends_chunked(struct http1 *h, const uint8_t *tail, size_t len)
{
	static const char last[] = "\r\n0\r\n\r\n";
	const size_t n = sizeof(last) - 1;

	if (h->state != LOST ||
	    (h->framing != HTTP1_CHUNKED && h->framing != HTTP1_UNKNOWN))
		return false;
	if (!(len >= n && memcmp(tail + len - n, last, n) == 0) &&
	    !(len == n - 2 && memcmp(tail, last + 2, len) == 0))
		return false;
	http1_reset(h);
	return true;
}
