/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each case is one connection: what was read and written, and the requests
 * that must come of it, one line each, in the order they are reported:
 *
 *	METHOD PATH STATUS arrive read first last FLAGS
 *
 * with times in ms and FLAGS from g(uessed) c(ut) e(arly) u(pgraded)
 * s(tream), or - for none.  A path that was not seen is *.
 */
#include "collector/conn.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/events.h"
#include "common/buf.h"
#include "common/limits.h"
#include "tests/test.h"

/* a step names what matters in it */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum {
	STEPS_MAX = 10,
	MS = 1000000,
	TICK = 100,   /* a step that is a tick */
	WINDOW = 101, /* a step that ends a window */
	R = SOCK_READ,
	W = SOCK_WRITE,
	C = SOCK_CLOSE,
};

struct step {
	int op;
	unsigned int at_ms;
	const char *head;
	unsigned int n_gap; /* bytes not shown after the head */
	const char *tail;
	unsigned int flags;
	unsigned int arrive_ms;
};

struct conn_case {
	const char *why;
	struct step steps[STEPS_MAX];
	const char *want;
};

static const char *const status_names[STATUS_N] = {
	"?", "1xx", "2xx", "3xx", "4xx", "5xx", "none",
};

static void note(void *ctx, const struct request_record *r)
{
	static const char letters[] = "gceus";
	struct buf *got = ctx;

	buf_printf(got, "%s %s %s %u %u %u %u ", r->method,
		   r->path ? r->path : "*", status_names[r->status],
		   (unsigned int)(r->arrive_ns / MS),
		   (unsigned int)(r->read_ns / MS),
		   (unsigned int)(r->first_ns / MS),
		   (unsigned int)(r->last_ns / MS));
	for (unsigned int i = 0; letters[i]; i++) {
		if (r->flags & 1U << i)
			buf_printf(got, "%c", letters[i]);
	}
	buf_puts(got, r->flags ? "\n" : "-\n");
}

static void feed(struct conn_table *t, const struct step *s, uint64_t conn)
{
	static _Alignas(8) char room[sizeof(struct sock_event) + 8192];
	struct sock_event *e = (struct sock_event *)room;
	size_t n_head = s->head ? strlen(s->head) : 0;
	size_t n_tail = s->tail ? strlen(s->tail) : 0;

	memset(e, 0, sizeof(*e));
	e->at_ns = (uint64_t)s->at_ms * MS;
	e->arrive_ns = (uint64_t)s->arrive_ms * MS;
	e->conn = conn;
	e->target = 7;
	e->op = (uint8_t)s->op;
	e->flags = s->flags;
	e->n_head = (uint16_t)n_head;
	e->n_tail = (uint8_t)n_tail;
	e->n_bytes = (uint32_t)(n_head + s->n_gap + n_tail);
	if (n_head)
		memcpy(room + sizeof(*e), s->head, n_head);
	if (n_tail)
		memcpy(room + sizeof(*e) + n_head, s->tail, n_tail);
	conn_table_feed(t, e);
}

static void run_case(const struct conn_case *c)
{
	struct buf got = { .len = 0 };
	struct conn_table *t = NULL;

	CHECK_EQ(conn_table_new(note, &got, &t), 0);
	buf_puts(&got, "");
	for (size_t i = 0; i < STEPS_MAX && c->steps[i].at_ms; i++) {
		const struct step *s = &c->steps[i];

		if (s->op == TICK)
			conn_table_tick(t, (uint64_t)s->at_ms * MS);
		else if (s->op == WINDOW)
			conn_table_window_end(t, (uint64_t)s->at_ms * MS);
		else
			feed(t, s, 1);
	}
	if (strcmp(got.bytes ? got.bytes : "", c->want) != 0)
		test_fail(__FILE__, __LINE__, "%s: got\n%swant\n%s", c->why,
			  got.bytes ? got.bytes : "", c->want);
	conn_table_free(t);
	buf_release(&got);
}

#define RUN_CASES(cases)                                                      \
	do {                                                                  \
		for (size_t i = 0; i < sizeof(cases) / sizeof(*(cases)); i++) \
			run_case(&(cases)[i]);                                \
	} while (0)

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK(n)	  "HTTP/1.1 200 OK\r\nContent-Length: " #n "\r\n\r\n"
#define CHUNKED	  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

static void a_request_has_four_times(void)
{
	static const struct conn_case cases[] = {
		{ "one write",
		  { { R, 20, GET("/a?q=1"), .arrive_ms = 10 },
		    { W, 30, OK(2) "hi" } },
		  "GET /a 2xx 10 20 30 30 -\n" },
		{ "head and body in two writes",
		  { { R, 20, GET("/a"), .arrive_ms = 10 },
		    { W, 30, OK(2) },
		    { W, 40, "hi" } },
		  "GET /a 2xx 10 20 30 40 s\n" },
		{ "keep-alive",
		  { { R, 20, GET("/a"), .arrive_ms = 10 },
		    { W, 30, OK(0) },
		    { R, 50, GET("/b"), .arrive_ms = 40 },
		    { W, 60, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n" } },
		  "GET /a 2xx 10 20 30 30 -\nGET /b 4xx 40 50 60 60 -\n" },
		{ "head split across reads",
		  { { R, 20, "GE", .arrive_ms = 10 },
		    { R, 25, "T /a HT", .arrive_ms = 24 },
		    { R, 29, "TP/1.1\r\n\r\n", .arrive_ms = 28 },
		    { W, 30, OK(0) } },
		  "GET /a 2xx 10 20 30 30 -\n" },
		{ "arrival not seen",
		  { { R, 20, GET("/a") }, { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "large body, most of it not shown",
		  { { R, 20, GET("/a"), .arrive_ms = 10 },
		    { W, 30, OK(1000), .n_gap = 492, .tail = "01234567" },
		    { W, 40, "x", .n_gap = 491, .tail = "01234567" } },
		  "GET /a 2xx 10 20 30 40 s\n" },
		{ "POST whose body comes later",
		  { { R, 20, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
		      .arrive_ms = 10 },
		    { R, 25, "body", .arrive_ms = 24 },
		    { W, 30, OK(0) } },
		  "POST /a 2xx 10 20 30 30 -\n" },
		{ "100-continue",
		  { { R, 20, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n",
		      .arrive_ms = 10 },
		    { W, 22, "HTTP/1.1 100 Continue\r\n\r\n" },
		    { R, 25, "body", .arrive_ms = 24 },
		    { W, 30, OK(0) } },
		  "POST /a 2xx 10 20 30 30 -\n" },
	};

	RUN_CASES(cases);
}

static void the_end_of_an_answer_is_found(void)
{
	static const struct conn_case cases[] = {
		{ "HEAD has a length and no body",
		  { { R, 20, "HEAD /a HTTP/1.1\r\n\r\n" },
		    { W, 30, OK(9) },
		    { R, 40, GET("/b") },
		    { W, 50, OK(0) } },
		  "HEAD /a 2xx 0 20 30 30 -\nGET /b 2xx 0 40 50 50 -\n" },
		{ "304 likewise",
		  { { R, 20, GET("/a") },
		    { W, 30,
		      "HTTP/1.1 304 Not Modified\r\nContent-Length: "
		      "9\r\n\r\n" },
		    { R, 40, GET("/b") },
		    { W, 50, OK(0) } },
		  "GET /a 3xx 0 20 30 30 -\nGET /b 2xx 0 40 50 50 -\n" },
		{ "chunks, the last a write of its own",
		  { { R, 20, GET("/a") },
		    { W, 30, CHUNKED "5\r\nhello\r\n" },
		    { W, 35, "5;x=y\r\nhello\r\n" },
		    { W, 40, "0\r\n\r\n" } },
		  "GET /a 2xx 0 20 30 40 s\n" },
		{ "a chunk over a gap is walked exactly",
		  { { R, 20, GET("/a") },
		    { W, 30, CHUNKED "3e8\r\n", .n_gap = 995,
		      .tail = "xxxxx\r\n0" },
		    { W, 40, "\r\n\r\n" } },
		  "GET /a 2xx 0 20 30 40 s\n" },
		{ "chunks in a gap, the end of them in the tail",
		  { { R, 20, GET("/a") },
		    { W, 30, CHUNKED "5\r\nhe", .n_gap = 500,
		      .tail = "\r\n0\r\n\r\n" } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "until close",
		  { { R, 20, GET("/a") },
		    { W, 30, "HTTP/1.0 200 OK\r\n\r\nhello" },
		    { W, 40, "hello" },
		    { C, 60 } },
		  "GET /a 2xx 0 20 30 40 s\n" },
		{ "100 ms of silence end what has no length",
		  { { R, 20, GET("/a") },
		    { W, 30, "HTTP/1.1 200 OK\r\n\r\nhello" },
		    { TICK, 129 },
		    { TICK, 130 },
		    { C, 900 } },
		  "GET /a 2xx 0 20 30 30 g\n" },
		{ "silence does not end a stream of chunks",
		  { { R, 20, GET("/a") },
		    { W, 30, CHUNKED "5\r\nhello\r\n" },
		    { TICK, 500 },
		    { W, 600, "0\r\n\r\n" } },
		  "GET /a 2xx 0 20 30 600 s\n" },
		{ "the next request ends what has no length",
		  { { R, 20, GET("/a") },
		    { W, 30, NULL, .n_gap = 500, .flags = SOCK_OPAQUE },
		    { R, 50, GET("/b") },
		    { W, 60, OK(0) } },
		  "GET /a ? 0 20 30 30 g\nGET /b 2xx 0 50 60 60 -\n" },
		{ "closed before it was whole",
		  { { R, 20, GET("/a") }, { W, 30, OK(9) "x" }, { C, 40 } },
		  "GET /a 2xx 0 20 30 30 c\n" },
		{ "answered before its body was read",
		  { { R, 20, "POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\n" },
		    { W, 22, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n" },
		    { R, 25, "body" },
		    { R, 30, GET("/b") },
		    { W, 35, OK(0) } },
		  "POST /a 4xx 0 20 22 22 e\nGET /b 2xx 0 30 35 35 -\n" },
		{ "upgrade",
		  { { R, 20, GET("/ws") },
		    { W, 30, "HTTP/1.1 101 Switching\r\n\r\n\x81\x05hello" },
		    { R, 40, GET("/not") },
		    { W, 50, OK(0) } },
		  "GET /ws 1xx 0 20 30 30 u\n" },
		{ "CONNECT",
		  { { R, 20, "CONNECT a.b:443 HTTP/1.1\r\n\r\n" },
		    { W, 30, "HTTP/1.1 200 OK\r\n\r\n" },
		    { R, 40, "\x16\x03\x01" } },
		  "CONNECT * 2xx 0 20 30 30 u\n" },
	};

	RUN_CASES(cases);
}

static void pipelined_requests_are_answered_in_order(void)
{
	static const struct conn_case cases[] = {
		{ "two in one read, two in one write",
		  { { R, 20, GET("/a") GET("/b"), .arrive_ms = 10 },
		    { W, 30, OK(2) "hi" OK(0) } },
		  "GET /a 2xx 10 20 30 30 -\nGET /b 2xx 10 20 30 30 -\n" },
		{ "two reads before the first answer",
		  { { R, 20, GET("/a") },
		    { R, 21, GET("/b") },
		    { W, 30, OK(0) },
		    { W, 40, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\nGET /b 2xx 0 21 40 40 -\n" },
		{ "the second ends in the next read",
		  { { R, 20, GET("/a") "GET /b HT" },
		    { R, 21, "TP/1.1\r\n\r\n" },
		    { W, 30, OK(2) "h" },
		    { W, 40, "i" OK(0) } },
		  "GET /a 2xx 0 20 30 40 s\nGET /b 2xx 0 20 40 40 -\n" },
		{ "answers behind a lost one are not guessed",
		  { { R, 20, GET("/a") GET("/b") },
		    { W, 30, NULL, .n_gap = 900, .flags = SOCK_OPAQUE },
		    { R, 50, GET("/c") },
		    { W, 60, OK(0) } },
		  "GET /a ? 0 20 30 30 g\nGET /c 2xx 0 50 60 60 -\n" },
	};

	RUN_CASES(cases);
}

static void unanswered_requests_are_counted_once(void)
{
	static const struct conn_case cases[] = {
		{ "closed without an answer",
		  { { R, 20, GET("/a"), .arrive_ms = 10 }, { C, 500 } },
		  "GET /a none 10 20 0 500 -\n" },
		{ "idle close is nothing",
		  { { R, 20, GET("/a") }, { W, 30, OK(0) }, { C, 500 } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "half a request is nothing",
		  { { R, 20, "GET /a HT" }, { C, 500 } },
		  "" },
		{ "older than 10 s, when its window ends",
		  { { R, 20, GET("/a"), .arrive_ms = 10 },
		    { WINDOW, 10009 },
		    { WINDOW, 10010 },
		    { WINDOW, 20010 },
		    { C, 30000 } },
		  "GET /a none 10 20 0 10010 -\n" },
		{ "its late answer is not a second one",
		  { { R, 20, GET("/a"), .arrive_ms = 10 },
		    { WINDOW, 11000 },
		    { W, 12000, OK(0) },
		    { R, 12010, GET("/b") },
		    { W, 12020, OK(0) } },
		  "GET /a none 10 20 0 11000 -\n"
		  "GET /b 2xx 0 12010 12020 12020 -\n" },
		{ "a long answer is not unanswered",
		  { { R, 20, GET("/a") },
		    { W, 30, OK(9) },
		    { WINDOW, 20000 },
		    { W, 21000, "123456789" } },
		  "GET /a 2xx 0 20 30 21000 s\n" },
	};

	RUN_CASES(cases);
}

static void what_was_not_seen_is_not_guessed(void)
{
	static const struct conn_case cases[] = {
		{ "joined in the middle of an answer",
		  { { W, 10, "rest of a body" },
		    { R, 20, GET("/a") },
		    { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "joined between request and answer",
		  { { W, 10, OK(0) }, { R, 20, GET("/a") }, { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "joined in the middle of a body",
		  { { R, 10, "half a body" },
		    { W, 15, OK(0) },
		    { R, 20, GET("/a") },
		    { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "bytes that could not be read",
		  { { R, 20, NULL, .n_gap = 99, .flags = SOCK_UNREADABLE },
		    { W, 30, OK(0) },
		    { R, 40, GET("/b") },
		    { W, 50, OK(0) } },
		  " * 2xx 0 20 30 30 -\nGET /b 2xx 0 40 50 50 -\n" },
		{ "headers cut off: the path is known",
		  { { R, 20, "GET /a HTTP/1.1\r\nCookie: ", .n_gap = 9000 },
		    { W, 30, OK(0) },
		    { R, 40, GET("/b") },
		    { W, 50, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\nGET /b 2xx 0 40 50 50 -\n" },
		{ "a read that was not reported",
		  { { R, 20, GET("/a") },
		    { W, 30, OK(0) },
		    { R, 40, NULL, .n_gap = 30, .flags = SOCK_GAP },
		    { R, 40, GET("/c") },
		    { W, 50, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\nGET /c 2xx 0 40 50 50 -\n" },
		{ "a write that was not reported",
		  { { R, 20, GET("/a") },
		    { R, 40, GET("/b") },
		    { W, 50, NULL, .n_gap = 30, .flags = SOCK_GAP },
		    { W, 50, OK(0) } },
		  "GET /b 2xx 0 40 50 50 -\n" },
		{ "another protocol",
		  { { R, 20, "\x16\x03\x01\x02" }, { W, 30, "\x16\x03\x03" } },
		  "" },
		{ "HTTP/2",
		  { { R, 20, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" } },
		  "" },
		{ "HTTP/0.9", { { R, 20, "GET /a\r\n" }, { C, 50 } }, "" },
	};

	RUN_CASES(cases);
}

static void request_lines_of_every_form(void)
{
	static const struct conn_case cases[] = {
		{ "absolute",
		  { { R, 20, GET("http://h:80/a?b") }, { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
		{ "absolute without a path",
		  { { R, 20, GET("http://h?b=/c") }, { W, 30, OK(0) } },
		  "GET / 2xx 0 20 30 30 -\n" },
		{ "asterisk",
		  { { R, 20, "OPTIONS * HTTP/1.1\r\n\r\n" }, { W, 30, OK(0) } },
		  "OPTIONS * 2xx 0 20 30 30 -\n" },
		{ "line ends before it",
		  { { R, 20, "\r\n" }, { R, 25, GET("/a") }, { W, 30, OK(0) } },
		  "GET /a 2xx 0 25 30 30 -\n" },
		{ "bare line feeds",
		  { { R, 20, "GET /a HTTP/1.0\n\n" }, { W, 30, OK(0) } },
		  "GET /a 2xx 0 20 30 30 -\n" },
	};

	RUN_CASES(cases);
}

static void ignore(void *ctx, const struct request_record *r)
{
	(void)r;
	++*(uint64_t *)ctx;
}

static void connections_are_bounded(void)
{
	const struct step s = { R, 20, GET("/a") };
	uint64_t n = 0;
	struct conn_table *t = NULL;
	struct conn_counts counts;

	CHECK_EQ(conn_table_new(ignore, &n, &t), 0);
	for (uint64_t i = 0; i < LIMIT_CONNECTIONS + 5; i++)
		feed(t, &s, i);
	counts = conn_table_counts(t);
	conn_table_free(t);
	CHECK_EQ(counts.n_connections, LIMIT_CONNECTIONS);
	CHECK_EQ(counts.n_evicted, 5);
	CHECK_EQ(n, 0);
}

static void pipelining_is_bounded(void)
{
	const struct step s = { R, 20, GET("/a") };
	uint64_t n = 0;
	struct conn_table *t = NULL;
	struct conn_counts counts;

	CHECK_EQ(conn_table_new(ignore, &n, &t), 0);
	for (uint64_t i = 0; i <= LIMIT_PIPELINED; i++)
		feed(t, &s, 1);
	counts = conn_table_counts(t);
	conn_table_free(t);
	CHECK_EQ(counts.n_evicted, LIMIT_PIPELINED + 1);
}

const struct test_case test_cases[] = {
	{ "conn: a request has four times", a_request_has_four_times },
	{ "conn: the end of an answer is found",
	  the_end_of_an_answer_is_found },
	{ "conn: pipelined requests are answered in order",
	  pipelined_requests_are_answered_in_order },
	{ "conn: unanswered requests are counted once",
	  unanswered_requests_are_counted_once },
	{ "conn: what was not seen is not guessed",
	  what_was_not_seen_is_not_guessed },
	{ "conn: request lines of every form are read",
	  request_lines_of_every_form },
	{ "conn: the number of connections is bounded",
	  connections_are_bounded },
	{ "conn: the number of pipelined requests is bounded",
	  pipelining_is_bounded },
	{ NULL, NULL },
};
