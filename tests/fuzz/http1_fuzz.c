/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http1: however a stream is cut in two, the same messages are found in it,
 * at the same places.
 *
 * The first byte of the input chooses requests or responses and whether the
 * second half is a gap in the end; the rest is the stream.
 */
#include "collector/http1.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STREAM_BYTES_MAX = 400, NOTES_BYTES = 16384 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* What was found, in words, so that two runs are compared by memcmp(). */
struct notes {
	char text[NOTES_BYTES];
	size_t len;
};

static void note(struct notes *n, struct http1 *h, enum http1_step step,
		 size_t at)
{
	char *path;
	int len = 0;

	switch (step) {
	case HTTP1_BEGIN:
	case HTTP1_END:
		len = snprintf(n->text + n->len, NOTES_BYTES - n->len,
			       "%d@%zu ", (int)step, at);
		break;
	case HTTP1_HEAD:
		path = http1_take_path(h);
		if (strlen(h->method) >= HTTP1_METHOD_BYTES)
			abort();
		len = snprintf(n->text + n->len, NOTES_BYTES - n->len,
			       "%s %.20s %u %d@%zu ", h->method,
			       path ? path : "-", h->status, (int)h->framing,
			       at);
		free(path);
		break;
	case HTTP1_LOST:
	case HTTP1_BAD: /* where it is noticed may differ */
		len = snprintf(n->text + n->len, NOTES_BYTES - n->len, "%d ",
			       (int)step);
		break;
	case HTTP1_MORE:
		break;
	}
	n->len += (size_t)len;
	if (n->len >= NOTES_BYTES)
		abort(); /* more messages than bytes */
}

static void feed(struct notes *n, struct http1 *h, const uint8_t *bytes,
		 size_t from, size_t to)
{
	struct http1_span s = { bytes + from, to - from };

	for (;;) {
		enum http1_step step = http1_next(h, &s);

		if (step == HTTP1_MORE)
			break;
		note(n, h, step, to - (size_t)s.len);
	}
	if (s.len != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct notes whole;
	static struct notes parts;
	struct http1 h;
	enum http1_kind kind;

	if (len < 2 || len > STREAM_BYTES_MAX)
		return 0;
	kind = bytes[0] & 1 ? HTTP1_RESPONSES : HTTP1_REQUESTS;
	bytes++;
	len--;
	whole.len = 0;
	http1_init(&h, kind);
	feed(&whole, &h, bytes, 0, len);
	http1_release(&h);
	for (size_t cut = 1; cut < len; cut++) {
		struct http1_span gap = { NULL, cut };

		parts.len = 0;
		http1_init(&h, kind);
		feed(&parts, &h, bytes, 0, cut);
		feed(&parts, &h, bytes, cut, len);
		if (parts.len != whole.len ||
		    memcmp(parts.text, whole.text, whole.len) != 0)
			abort();
		/* a gap ends somewhere, and leaves nothing behind */
		while (http1_next(&h, &gap) != HTTP1_MORE)
			;
		http1_release(&h);
	}
	return 0;
}
