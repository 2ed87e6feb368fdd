/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/conn.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "bpf/events.h"
#include "collector/http1.h"
#include "common/limits.h"

enum {
	N_BUCKETS = 4096, /* power of two; cookies count up */
	NS_PER_MS = 1000000,
};

/* A request on its way. */
struct pending {
	struct pending *next; /* younger */
	struct pending *prev;
	char *path;
	char method[HTTP1_METHOD_BYTES];
	uint32_t target;
	uint32_t flags;
	uint64_t arrive_ns;
	uint64_t read_ns;
	uint64_t first_ns; /* 0: no answer yet */
	uint64_t last_ns;
	enum status_class status;
	bool is_request; /* its head was seen, so it is not half a one */
	bool body_read;
	bool reported; /* as unanswered; its answer may still come */
};

struct conn {
	TAILQ_ENTRY(conn) by_use;
	TAILQ_ENTRY(conn) by_silence; /* while is_silent */
	struct conn *next_in_bucket;
	struct pending *oldest;
	struct pending *newest;
	struct http1 requests;
	struct http1 responses;
	uint64_t cookie;
	uint32_t n_waiting;
	bool is_silent;	 /* in t->silent: only silence ends its answer */
	bool is_mute;	 /* upgraded: nothing on it concerns us */
	bool is_interim; /* the response under way is 1xx */
	bool has_turned; /* written since the last read */
};

TAILQ_HEAD(conn_queue, conn);

struct conn_table {
	request_fn *on_request;
	void *ctx;
	struct conn *buckets[N_BUCKETS];
	struct conn_queue by_use; /* longest unheard first */
	struct conn_queue silent;
	struct conn_counts counts;
};

int conn_table_new(request_fn *on_request, void *ctx, struct conn_table **ret_t)
{
	struct conn_table *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->on_request = on_request;
	t->ctx = ctx;
	TAILQ_INIT(&t->by_use);
	TAILQ_INIT(&t->silent);
	*ret_t = t;
	return 0;
}

struct conn_counts conn_table_counts(const struct conn_table *t)
{
	return t->counts;
}

static void pending_free(struct pending *p)
{
	free(p->path);
	free(p);
}

/* Forget the oldest request. */
static void drop_oldest(struct conn *c)
{
	struct pending *p = c->oldest;

	c->oldest = p->next;
	if (c->oldest)
		c->oldest->prev = NULL;
	else
		c->newest = NULL;
	c->n_waiting--;
	pending_free(p);
}

static void drop_newest(struct conn *c)
{
	struct pending *p = c->newest;

	c->newest = p->prev;
	if (c->newest)
		c->newest->next = NULL;
	else
		c->oldest = NULL;
	c->n_waiting--;
	pending_free(p);
}

static void drop_all(struct conn *c)
{
	while (c->oldest)
		drop_oldest(c);
}

static void pending_append(struct conn *c, struct pending *p)
{
	p->prev = c->newest;
	if (c->newest)
		c->newest->next = p;
	else
		c->oldest = p;
	c->newest = p;
	c->n_waiting++;
}

static void leave_silent(struct conn_table *t, struct conn *c)
{
	if (c->is_silent)
		TAILQ_REMOVE(&t->silent, c, by_silence);
	c->is_silent = false;
}

/* Free c, which is in no list any more. */
static void conn_free(struct conn *c)
{
	drop_all(c);
	http1_release(&c->requests);
	http1_release(&c->responses);
	free(c);
}

void conn_table_free(struct conn_table *t)
{
	struct conn *next;

	if (!t)
		return;
	for (struct conn *c = TAILQ_FIRST(&t->by_use); c; c = next) {
		next = TAILQ_NEXT(c, by_use);
		conn_free(c);
	}
	free(t);
}

/* The pointer to the connection in its bucket, or to the bucket's end. */
static struct conn **place_of(struct conn_table *t, uint64_t cookie)
{
	struct conn **at = &t->buckets[cookie % N_BUCKETS];

	while (*at && (*at)->cookie != cookie)
		at = &(*at)->next_in_bucket;
	return at;
}

static void conn_forget(struct conn_table *t, struct conn *c)
{
	*place_of(t, c->cookie) = c->next_in_bucket;
	leave_silent(t, c);
	TAILQ_REMOVE(&t->by_use, c, by_use);
	t->counts.n_connections--;
	conn_free(c);
}

static struct conn *conn_new(struct conn_table *t, uint64_t cookie)
{
	struct conn *c;

	if (t->counts.n_connections == LIMIT_CONNECTIONS) {
		c = TAILQ_FIRST(&t->by_use);
		t->counts.n_evicted += c->n_waiting;
		conn_forget(t, c);
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		t->counts.n_no_memory++;
		return NULL;
	}
	c->cookie = cookie;
	c->has_turned = true; /* its first read may begin a request */
	http1_init(&c->requests, HTTP1_REQUESTS);
	http1_init(&c->responses, HTTP1_RESPONSES);
	*place_of(t, cookie) = c;
	TAILQ_INSERT_TAIL(&t->by_use, c, by_use);
	t->counts.n_connections++;
	return c;
}

static void report(struct conn_table *t, const struct conn *c,
		   const struct pending *p, enum status_class status,
		   uint64_t last_ns)
{
	const struct request_record r = {
		.conn = c->cookie,
		.target = p->target,
		.flags = p->flags,
		.method = p->method,
		.path = p->path,
		.status = status,
		.arrive_ns = p->arrive_ns,
		.read_ns = p->read_ns,
		.first_ns = status == STATUS_UNANSWERED ? 0 : p->first_ns,
		.last_ns = last_ns,
	};

	t->counts.n_requests++;
	t->on_request(t->ctx, &r);
}

/* The oldest request has its whole answer. */
static void finish_front(struct conn_table *t, struct conn *c, uint32_t flags)
{
	struct pending *p = c->oldest;

	p->flags |= flags | (p->body_read ? 0 : RECORD_EARLY);
	if (!p->reported)
		report(t, c, p, p->status, p->last_ns);
	leave_silent(t, c);
	drop_oldest(c);
}

/* The oldest request whose answer is under way, or NULL. */
static struct pending *answering(const struct conn *c)
{
	struct pending *p = c->oldest;

	return p && p->first_ns != 0 ? p : NULL;
}

static bool is_unanswered(const struct pending *p)
{
	return p->is_request && !p->reported && p->first_ns == 0;
}

/* Answers cannot be told apart: keep the newest n_kept of the requests. */
static void drop_unparsed(struct conn_table *t, struct conn *c, uint32_t n_kept)
{
	while (c->n_waiting > n_kept) {
		t->counts.n_unparsed++;
		drop_oldest(c);
	}
}

/*
 * An answer without a length is over.  Where its bytes were lost, so were
 * the answers to the requests pipelined behind.
 */
static void end_open_answer(struct conn_table *t, struct conn *c)
{
	if (answering(c))
		finish_front(t, c, RECORD_GUESSED);
	if (http1_is_lost(&c->responses))
		drop_unparsed(t, c, 0);
}

/* The client begins a request, so it has the answers that had no length. */
static void settle_answers(struct conn_table *t, struct conn *c)
{
	if (!c->has_turned || !http1_is_open_ended(&c->responses))
		return;
	end_open_answer(t, c);
	drop_unparsed(t, c, 0);
	http1_reset(&c->responses);
}

static void request_begin(struct conn_table *t, struct conn *c,
			  const struct sock_event *e)
{
	struct pending *p;

	settle_answers(t, c);
	p = c->n_waiting < LIMIT_PIPELINED ? calloc(1, sizeof(*p)) : NULL;
	if (!p) {
		/* which answer is whose can no longer be told */
		t->counts.n_evicted += c->n_waiting + 1;
		drop_all(c);
		http1_lose(&c->requests);
		http1_lose(&c->responses);
		return;
	}
	p->target = e->target;
	p->arrive_ns = e->arrive_ns;
	p->read_ns = e->at_ns;
	pending_append(c, p);
}

static void request_head(struct conn *c)
{
	struct pending *p = c->newest;

	if (!p || p->is_request)
		return;
	p->is_request = true;
	memcpy(p->method, c->requests.method, sizeof(p->method));
	p->path = http1_take_path(&c->requests);
	/* where the head was cut off, the answer's start is all we learn */
	p->body_read = c->requests.framing == HTTP1_UNKNOWN;
}

static void request_end(struct conn *c)
{
	struct pending *p = c->newest;

	/* an early answer may have taken it away already */
	if (p && p->is_request)
		p->body_read = true;
}

/* What had begun like a request is none. */
static void request_bad(struct conn_table *t, struct conn *c)
{
	struct pending *p = c->newest;

	t->counts.n_unparsed++;
	if (!p || p->is_request)
		return;
	drop_newest(c);
}

static void feed_requests(struct conn_table *t, struct conn *c,
			  const struct sock_event *e, struct http1_span s)
{
	for (;;) {
		switch (http1_next(&c->requests, &s)) {
		case HTTP1_MORE:
			return;
		case HTTP1_BEGIN:
			request_begin(t, c, e);
			break;
		case HTTP1_HEAD:
			request_head(c);
			break;
		case HTTP1_END:
			request_end(c);
			break;
		case HTTP1_BAD:
			request_bad(t, c);
			break;
		case HTTP1_LOST:
			break;
		}
	}
}

static void response_begin(struct conn *c, uint64_t at_ns)
{
	struct pending *p = c->oldest;

	c->is_interim = false;
	if (!p)
		return; /* to a request that was not seen */
	if (p->first_ns == 0)
		p->first_ns = at_ns;
	p->last_ns = at_ns;
	c->responses.to_head = strcmp(p->method, "HEAD") == 0;
	c->responses.to_connect = strcmp(p->method, "CONNECT") == 0;
}

static enum status_class class_of(unsigned int status)
{
	if (status < 100 || status > 599)
		return STATUS_UNKNOWN;
	return (enum status_class)(STATUS_1XX + (status / 100 - 1));
}

/* The connection is something else from here on. */
static void upgrade(struct conn_table *t, struct conn *c)
{
	if (answering(c))
		finish_front(t, c, RECORD_UPGRADED);
	drop_all(c);
	http1_lose(&c->requests);
	http1_lose(&c->responses);
	c->is_mute = true;
	t->counts.n_upgraded++;
}

static void response_head(struct conn_table *t, struct conn *c)
{
	struct pending *p = answering(c);
	unsigned int status = c->responses.status;

	if (p)
		p->status = class_of(status);
	if (c->responses.framing == HTTP1_TUNNEL) {
		upgrade(t, c);
	} else if (status >= 100 && status < 200) {
		c->is_interim = true; /* the answer is still to come */
		if (p)
			p->first_ns = 0;
	}
}

static void feed_responses(struct conn_table *t, struct conn *c,
			   const struct sock_event *e, struct http1_span s)
{
	for (;;) {
		switch (http1_next(&c->responses, &s)) {
		case HTTP1_MORE:
			return;
		case HTTP1_BEGIN:
			response_begin(c, e->at_ns);
			break;
		case HTTP1_HEAD:
			response_head(t, c);
			break;
		case HTTP1_END:
			if (answering(c) && !c->is_interim)
				finish_front(t, c, 0);
			break;
		case HTTP1_BAD:
		case HTTP1_LOST:
			break;
		}
	}
}

static const uint8_t *bytes_of(const struct sock_event *e)
{
	return (const uint8_t *)(e + 1);
}

static struct http1_span gap_of(const struct sock_event *e)
{
	return (struct http1_span){
		.at = NULL,
		.len = (uint64_t)e->n_bytes - e->n_head - e->n_tail,
	};
}

static void on_read(struct conn_table *t, struct conn *c,
		    const struct sock_event *e)
{
	const struct http1_span head = { bytes_of(e), e->n_head };

	if (c->has_turned && http1_is_lost(&c->requests))
		http1_reset(&c->requests);
	if (e->flags & SOCK_GAP && http1_at_boundary(&c->requests)) {
		c->has_turned = true; /* requests passed unseen */
		return;
	}
	feed_requests(t, c, e, head);
	feed_requests(t, c, e, gap_of(e));
	c->has_turned = false;
}

/* The last bytes of a write, as far as they were seen. */
static size_t tail_of(const struct sock_event *e, const uint8_t **ret_tail)
{
	const uint8_t *end = bytes_of(e) + e->n_head + e->n_tail;
	size_t len = e->n_tail;

	if ((uint64_t)e->n_head + e->n_tail == e->n_bytes)
		len = e->n_bytes < SOCK_TAIL_BYTES ? e->n_bytes
						   : SOCK_TAIL_BYTES;
	*ret_tail = end - len;
	return len;
}

/* What a write has left behind: times, and whether silence must end it. */
static void after_write(struct conn_table *t, struct conn *c,
			const struct sock_event *e)
{
	struct pending *p = answering(c);
	const uint8_t *tail;
	size_t len = tail_of(e, &tail);

	if (!p)
		return;
	p->last_ns = e->at_ns;
	if (http1_ends_chunked(&c->responses, tail, len)) {
		finish_front(t, c, 0);
		return;
	}
	leave_silent(t, c);
	if (http1_is_open_ended(&c->responses)) {
		TAILQ_INSERT_TAIL(&t->silent, c, by_silence);
		c->is_silent = true;
	}
}

static void on_write(struct conn_table *t, struct conn *c,
		     const struct sock_event *e)
{
	const struct http1_span head = { bytes_of(e), e->n_head };
	const struct http1_span tail = { bytes_of(e) + e->n_head, e->n_tail };
	struct pending *p = answering(c);

	c->has_turned = true;
	if (e->flags & SOCK_GAP && http1_at_boundary(&c->responses)) {
		/* whole answers, but not to what was read after them */
		drop_unparsed(t, c, 1);
		return;
	}
	if (p) { /* its end may come within this very write */
		p->last_ns = e->at_ns;
		p->flags |= RECORD_STREAM;
	}
	feed_responses(t, c, e, head);
	feed_responses(t, c, e, gap_of(e));
	feed_responses(t, c, e, tail);
	after_write(t, c, e);
}

static void on_close(struct conn_table *t, struct conn *c, uint64_t at_ns)
{
	if (answering(c))
		finish_front(t, c,
			     http1_is_lost(&c->responses) ? RECORD_GUESSED
			     : http1_is_open_ended(&c->responses) ? 0
								  : RECORD_CUT);
	for (const struct pending *p = c->oldest; p; p = p->next) {
		if (is_unanswered(p))
			report(t, c, p, STATUS_UNANSWERED, at_ns);
	}
	conn_forget(t, c);
}

void conn_table_feed(struct conn_table *t, const struct sock_event *e)
{
	struct conn *c = *place_of(t, e->conn);

	if (e->op == SOCK_CLOSE) {
		if (c)
			on_close(t, c, e->at_ns);
		return;
	}
	if (!c)
		c = conn_new(t, e->conn);
	if (!c || c->is_mute)
		return;
	TAILQ_REMOVE(&t->by_use, c, by_use);
	TAILQ_INSERT_TAIL(&t->by_use, c, by_use);
	if (e->op == SOCK_READ)
		on_read(t, c, e);
	else if (e->op == SOCK_WRITE)
		on_write(t, c, e);
}

void conn_table_tick(struct conn_table *t, uint64_t now_ns)
{
	const uint64_t idle_ns = (uint64_t)CONN_IDLE_MS * NS_PER_MS;
	struct conn *c;

	/* in the order of their last writes */
	while ((c = TAILQ_FIRST(&t->silent)) != NULL) {
		const struct pending *p = answering(c);

		if (p && p->last_ns + idle_ns > now_ns)
			return;
		end_open_answer(t, c);
		leave_silent(t, c);
	}
}

void conn_table_window_end(struct conn_table *t, uint64_t now_ns)
{
	const uint64_t old_ns = (uint64_t)CONN_UNANSWERED_MS * NS_PER_MS;
	struct conn *c;

	for (c = TAILQ_FIRST(&t->by_use); c; c = TAILQ_NEXT(c, by_use)) {
		for (struct pending *p = c->oldest; p; p = p->next) {
			uint64_t from_ns =
				p->arrive_ns ? p->arrive_ns : p->read_ns;

			if (!is_unanswered(p) || from_ns + old_ns > now_ns)
				continue;
			report(t, c, p, STATUS_UNANSWERED, now_ns);
			p->reported = true;
		}
	}
}
