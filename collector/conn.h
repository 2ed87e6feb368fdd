/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conn - from socket events to requests, connection by connection.
 *
 * Each connection has two HTTP/1.1 parsers (http1.h) and a queue of requests
 * that wait for their answers.  A request begins with its first byte and is
 * reported once: when its answer is whole, when it can no longer be answered,
 * or when it is older than 10 s at the end of a window.
 *
 * The end of an answer is where its length or its last chunk says.  Where
 * neither does, it is the next request, the close, or 100 ms without a write;
 * last_ns is then the last write, never the moment somebody noticed.
 *
 * A connection that was open before the collector came, or one whose bytes
 * were lost, is followed again from the next time it turns from writing to
 * reading.  Nothing is guessed from bytes that were not seen: such a request
 * keeps its timing and has no path.
 *
 * Memory is bounded by LIMIT_CONNECTIONS and LIMIT_PIPELINED; the connection
 * not heard of for longest goes first, and that is counted.
 *
 * Pure apart from the heap: time comes with the events and with the ticks.
 * One thread.
 */
#ifndef COLLECTOR_CONN_H
#define COLLECTOR_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct conn_table;
struct sock_event;

enum {
	CONN_IDLE_MS = 100,	    /* an answer without a length has ended */
	CONN_UNANSWERED_MS = 10000, /* counted when its window ends */
};

/* flags of a request_record */
enum {
	RECORD_GUESSED = 1,  /* the answer's end was not marked by a length */
	RECORD_CUT = 2,	     /* closed before the answer was whole */
	RECORD_EARLY = 4,    /* answered before its body was read */
	RECORD_UPGRADED = 8, /* the connection became something else */
	RECORD_STREAM = 16,  /* the answer was written in several calls */
};

/*
 * One request.  Times are CLOCK_MONOTONIC in ns:
 * queue = read - arrive, service = first - read, total = last - arrive.
 *
 * Of an unanswered request (STATUS_UNANSWERED) first_ns is 0 and last_ns is
 * when it was counted, so that total is its age.
 */
struct request_record {
	uint64_t conn;
	uint32_t target; /* of the process that read it */
	uint32_t flags;
	const char *method; /* "" where it was not seen */
	const char *path;   /* without its query; NULL where not seen */
	enum status_class status;
	uint64_t arrive_ns; /* 0 where arrival was not seen */
	uint64_t read_ns;   /* the call that took its first byte was done */
	uint64_t first_ns;  /* the call that wrote its first byte was done */
	uint64_t last_ns;   /* likewise the last byte */
};

/* Strings of r are borrowed for the call. */
typedef void request_fn(void *ctx, const struct request_record *r);

/* What the table has seen and what it could not follow, since it was made. */
struct conn_counts {
	uint64_t n_connections; /* followed at this moment */
	uint64_t n_requests;	/* reported */
	uint64_t n_unparsed;	/* not HTTP/1.1, or their answers not found */
	uint64_t n_evicted;	/* requests that went with their connection */
	uint64_t n_no_memory;	/* connections with nowhere to keep state */
	uint64_t n_upgraded;	/* connections that became something else */
};

/*
 * Make an empty table that calls on_request(ctx, r) for every request.
 * Returns 0, and the caller owns *ret_t: conn_table_free(); or -ENOMEM.
 */
int conn_table_new(request_fn *on_request, void *ctx,
		   struct conn_table **ret_t);

/* Release t.  What is outstanding is not reported. */
void conn_table_free(struct conn_table *t);

/*
 * Take the next event, in the order in which the ring had them.  Its bytes
 * follow it: e->n_head + e->n_tail of them, as probe_drain() has checked.
 */
void conn_table_feed(struct conn_table *t, const struct sock_event *e);

/* End answers that have been silent for CONN_IDLE_MS.  Call every 20 ms. */
void conn_table_tick(struct conn_table *t, uint64_t now_ns);

/*
 * A window ends: report as unanswered, once, each request without a first
 * byte that is older than CONN_UNANSWERED_MS.  Drain the ring before.
 */
void conn_table_window_end(struct conn_table *t, uint64_t now_ns);

struct conn_counts conn_table_counts(const struct conn_table *t);

#endif /* COLLECTOR_CONN_H */
