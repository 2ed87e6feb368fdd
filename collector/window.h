/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window - what one instance did in one slice of wall time.
 *
 * Counts each request under (route, kind, status) and remembers the slowest.
 * A window keeps at most LIMIT_WINDOW_ROUTES routes, first come; what comes
 * later is counted under {other} and as LOSS_ROUTES_FULL, so that the gate
 * knows.  The gate applies its own cap over both cohorts.
 *
 * Which time of a request is known where its arrival was not seen is not
 * guessed: it has a service time and no total.  One that was never answered
 * has its age for both.
 *
 * What leads from windows to batches is in windows.h.
 *
 * One owner at a time.
 */
#ifndef COLLECTOR_WINDOW_H
#define COLLECTOR_WINDOW_H

#include <stdint.h>

#include "common/batch.h"

struct arena;
struct err;
struct sparse_pool;
struct strtab;
struct window;

enum {
	WINDOW_SLOW_PER_ROUTE = 4, /* a slow route must not hide the others */
	WINDOW_SLOW = 64,	   /* slowest requests of a window */
};

/* One request.  Where a time is not known it is 0. */
struct window_request {
	const char *route;
	enum status_class status;
	int64_t at_ms; /* Unix time of its last byte */
	uint64_t total_ns;
	uint64_t service_ns;
	uint64_t queue_ns;
};

/*
 * Make an empty window.
 *
 *   pool  bounds the histograms; outlives the window
 *
 * Returns 0, and the caller owns *ret_w: window_free(); or -ENOMEM.
 */
int window_new(struct sparse_pool *pool, struct window **ret_w,
	       struct err *err);
void window_free(struct window *w);

/* Count one request.  What there is no memory for is LOSS_NO_MEMORY. */
void window_add(struct window *w, const struct window_request *r);

/* Count what is missing from the window. */
void window_lost(struct window *w, enum batch_loss cause, uint64_t n);

/* How many requests were added. */
uint64_t window_requests(const struct window *w);

/*
 * The strings of the batch that comes of w: routes, and whatever else is
 * added until window_fill().  Nothing may be window_add()ed after that.
 */
struct strtab *window_strings(struct window *w);

/*
 * Write series, slowest and strings into b and add the losses to b's.  The same
 * requests give the same content, in whatever order they came and but for the
 * strings' numbers, as long as the routes fit.
 *
 *   arena  owns what b points at; strings are borrowed from w
 *
 * Returns 0, -ENOMEM, or -EMSGSIZE if the arena is full.
 */
int window_fill(struct window *w, struct arena *arena, struct batch *b,
		struct err *err);

#endif /* COLLECTOR_WINDOW_H */
