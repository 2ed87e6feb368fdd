/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn: a conversation is made up, so what it holds is known, and is then cut
 * into reads and writes anywhere, with bytes of bodies left out.
 *
 * The oracle never parses: it knows at which byte of each stream a message
 * begins and ends, and looks up in which call that byte went.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "collector/conn.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "stats/rng.h"
#include "tests/test.h"

enum {
	ROUNDS = 3000,
	EXCHANGES_MAX = 12,
	PIPELINED_MAX = 3,
	STREAM_BYTES = 65536,
	CALL_BYTES_MAX = 600,
};

/* One exchange: where in its stream each part of it lies. */
struct exchange {
	char path[32];
	const char *method;
	enum status_class status;
	size_t request_from;
	size_t answer_from; /* of the final one, after any 1xx */
	size_t answer_to;
	uint64_t read_ns; /* what the oracle expects */
	uint64_t first_ns;
	uint64_t last_ns;
};

/* Bytes one way, and which of them are a body's and need not be shown. */
struct stream {
	char bytes[STREAM_BYTES];
	bool body[STREAM_BYTES];
	size_t len;
	size_t sent;
};

struct conversation {
	struct rng rng;
	struct stream requests;
	struct stream answers;
	struct exchange list[EXCHANGES_MAX];
	size_t n;
	size_t n_reported;
	uint64_t now_ns;
	const char *wrong; /* the first thing that was */
};

static uint64_t below(struct conversation *c, uint64_t n)
{
	return rng_next(&c->rng) % n;
}

static void add(struct stream *s, const char *text)
{
	size_t n = strlen(text);

	memcpy(s->bytes + s->len, text, n);
	memset(s->body + s->len, 0, n);
	s->len += n;
}

static void add_body(struct conversation *c, struct stream *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* what could be taken for framing, were it read */
		s->bytes[s->len] = "\r\n0GETHP/1. "[below(c, 12)];
		s->body[s->len++] = true;
	}
}

static void add_framed(struct conversation *c, struct stream *s)
{
	char line[64];
	size_t n = below(c, 900);

	if (below(c, 2)) {
		snprintf(line, sizeof(line), "Content-Length: %zu\r\n\r\n", n);
		add(s, line);
		add_body(c, s, n);
		return;
	}
	add(s, "transfer-encoding: chunked\r\n\r\n");
	for (uint64_t i = below(c, 4); i > 0; i--) {
		n = 1 + below(c, 300);
		snprintf(line, sizeof(line), "%zx%s\r\n", n,
			 below(c, 4) ? "" : ";x=y");
		add(s, line);
		add_body(c, s, n);
		add(s, "\r\n");
	}
	add(s, below(c, 4) ? "0\r\n\r\n" : "0\r\nTrailer: 1\r\n\r\n");
}

static void make_request(struct conversation *c, struct exchange *x)
{
	static const char *const methods[] = { "GET", "POST", "HEAD", "PUT" };
	struct stream *s = &c->requests;
	char line[128];

	x->method = methods[below(c, 4)];
	snprintf(x->path, sizeof(x->path), "/p/%u",
		 (unsigned int)below(c, 100000));
	x->request_from = s->len;
	snprintf(line, sizeof(line), "%s %s%s%s HTTP/1.1\r\nHost: h\r\n",
		 x->method, below(c, 4) ? "" : "http://host:80", x->path,
		 below(c, 2) ? "" : "?q=/x");
	add(s, line);
	if (x->method[0] == 'P')
		add_framed(c, s);
	else
		add(s, "\r\n");
}

static void make_answer(struct conversation *c, struct exchange *x)
{
	static const unsigned int codes[] = { 200, 204, 304, 404, 500 };
	unsigned int code = codes[below(c, 5)];
	struct stream *s = &c->answers;
	char line[64];

	if (below(c, 6) == 0)
		add(s, "HTTP/1.1 100 Continue\r\n\r\n");
	x->answer_from = s->len;
	x->status = (enum status_class)(STATUS_1XX + code / 100 - 1);
	snprintf(line, sizeof(line), "HTTP/1.1 %u Any reason\r\n", code);
	add(s, line);
	if (strcmp(x->method, "HEAD") == 0)
		add(s, "Content-Length: 77\r\n\r\n");
	else if (code == 204 || code == 304)
		add(s, "\r\n");
	else
		add_framed(c, s);
	x->answer_to = s->len;
}

/* The longest run of body bytes in a call, and what is left of it. */
static void find_hidden(const struct stream *s, size_t from, size_t to,
			size_t *ret_from, size_t *ret_to)
{
	*ret_from = to;
	*ret_to = to;
	for (size_t i = from; i < to; i++) {
		size_t end = i;

		while (end < to && s->body[end])
			end++;
		if (end - i > *ret_to - *ret_from) {
			*ret_from = i;
			*ret_to = end;
		}
		if (end > i)
			i = end;
	}
}

/* Send the next n bytes of a stream as one call. */
static void call(struct conversation *c, struct conn_table *t, struct stream *s,
		 enum sock_op op, size_t n)
{
	static _Alignas(
		8) char room[sizeof(struct sock_event) + CALL_BYTES_MAX];
	struct sock_event *e = (struct sock_event *)room;
	size_t from = s->sent;
	size_t to = from + n;
	size_t gap_from = to;
	size_t gap_to = to;

	if (below(c, 2))
		find_hidden(s, from, to, &gap_from, &gap_to);
	/* only a write shows its end, and of that 8 bytes */
	if (op == SOCK_READ ? gap_to != to : to - gap_to > SOCK_TAIL_BYTES)
		gap_from = gap_to = to;
	c->now_ns += 1000;
	memset(e, 0, sizeof(*e));
	e->op = (uint8_t)op;
	e->conn = 1;
	e->at_ns = c->now_ns;
	e->arrive_ns = c->now_ns - 500;
	e->n_bytes = (uint32_t)n;
	e->n_head = (uint16_t)(gap_from - from);
	e->n_tail = (uint8_t)(to - gap_to);
	memcpy(room + sizeof(*e), s->bytes + from, e->n_head);
	memcpy(room + sizeof(*e) + e->n_head, s->bytes + gap_to, e->n_tail);
	s->sent = to;
	for (size_t i = 0; i < c->n; i++) {
		struct exchange *x = &c->list[i];

		if (op == SOCK_READ) {
			if (x->request_from >= from && x->request_from < to)
				x->read_ns = c->now_ns;
			continue;
		}
		if (x->answer_from >= from && x->answer_from < to)
			x->first_ns = c->now_ns;
		if (x->answer_to > from && x->answer_to <= to)
			x->last_ns = c->now_ns;
	}
	conn_table_feed(t, e);
}

static void send_all(struct conversation *c, struct conn_table *t,
		     struct stream *s, enum sock_op op)
{
	while (s->sent < s->len) {
		size_t left = s->len - s->sent;
		size_t most = left < CALL_BYTES_MAX ? left : CALL_BYTES_MAX;

		call(c, t, s, op, 1 + below(c, below(c, 3) ? most : 1));
	}
}

static void compare(void *ctx, const struct request_record *r)
{
	struct conversation *c = ctx;
	const struct exchange *x = &c->list[c->n_reported];

	if (c->wrong)
		return;
	if (c->n_reported++ >= c->n)
		c->wrong = "more requests than there were";
	else if (strcmp(r->method, x->method) != 0)
		c->wrong = "method";
	else if (!r->path || strcmp(r->path, x->path) != 0)
		c->wrong = "path";
	else if (r->status != x->status)
		c->wrong = "status";
	else if (r->read_ns != x->read_ns || r->arrive_ns != r->read_ns - 500)
		c->wrong = "when it was read";
	else if (r->first_ns != x->first_ns)
		c->wrong = "the answer's first byte";
	else if (r->last_ns != x->last_ns)
		c->wrong = "the answer's last byte";
	else if (r->flags & ~(uint32_t)RECORD_STREAM)
		c->wrong = "flags";
}

static void cuts_and_gaps_change_nothing(void)
{
	static struct conversation c;

	c.rng.state = test_seed();
	for (int round = 0; round < ROUNDS; round++) {
		struct conn_table *t = NULL;
		size_t n = 1 + below(&c, EXCHANGES_MAX);

		c.requests.len = c.requests.sent = 0;
		c.answers.len = c.answers.sent = 0;
		c.n = c.n_reported = 0;
		c.now_ns = 1000000;
		c.wrong = NULL;
		memset(c.list, 0, sizeof(c.list));
		CHECK_EQ(conn_table_new(compare, &c, &t), 0);
		while (c.n < n) {
			for (uint64_t i = 1 + below(&c, PIPELINED_MAX);
			     i > 0 && c.n < n; i--) {
				make_request(&c, &c.list[c.n]);
				make_answer(&c, &c.list[c.n]);
				c.n++;
			}
			send_all(&c, t, &c.requests, SOCK_READ);
			send_all(&c, t, &c.answers, SOCK_WRITE);
		}
		conn_table_free(t);
		if (!c.wrong && c.n_reported < c.n)
			c.wrong = "a request is missing";
		if (c.wrong)
			test_fail(__FILE__, __LINE__,
				  "round %d, request %zu of %zu: %s", round,
				  c.n_reported, c.n, c.wrong);
		CHECK(!c.wrong);
	}
}

const struct test_case test_cases[] = {
	{ "conn: how a conversation is cut, and which bytes of bodies are "
	  "shown, changes no request",
	  cuts_and_gaps_change_nothing },
	{ NULL, NULL },
};
