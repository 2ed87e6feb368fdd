/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http - the gate's HTTP/1.1 server.
 *
 * The only module that knows the HTTP library: it moves bytes between
 * connections and exchanges, and keeps time.  The library's own time-out
 * starts again with every byte, so each connection has a deadline of ours for
 * what it is doing (sending a head, sending a body at a minimum rate, taking
 * a reply, nothing), and one thread that ends those that are over it.
 *
 * A request that waits for a verdict is suspended and costs no thread.
 */
#ifndef GATE_HTTP_H
#define GATE_HTTP_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct gate;
struct http;

struct http_options {
	const char *listen; /* "127.0.0.1:8437", "[::1]:0"; port 0: any */
};

/*
 * Listen and answer.
 *
 *   g  kept; outlives h
 *
 * Returns 0 and the caller owns *ret_h: http_stop(); -EINVAL for an address
 * that is none; -EPERM if the gate has no tokens and the address is not
 * loopback; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES as bind() says; -ENOMEM.
 */
int http_start(const struct http_options *o, struct gate *g,
	       struct http **ret_h, struct err *err);

/*
 * Answer those that wait, end the others, release h.  NULL does nothing.
 * judge_on_change() must not call http_wake() any more.
 */
void http_stop(struct http *h);

/* Where it listens: "127.0.0.1:8437"; valid as long as h. */
const char *http_address(const struct http *h);

/* A verdict changed: ask those that wait again.  ctx is the http. */
void http_wake(void *ctx);

struct http_stats {
	uint64_t n_connections; /* now */
	uint64_t n_waiting;	/* now, for a verdict */
	uint64_t n_timed_out;	/* connections that were over a deadline */
	uint64_t n_accepted;
};

void http_stats(struct http *h, struct http_stats *ret_stats);

/* Requests of one endpoint (n_endpoints: of none) by class of status. */
uint64_t http_n_requests(const struct http *h, size_t endpoint,
			 unsigned int status_class);

/* Time that its handlers took, in ns, waiting for verdicts left out. */
uint64_t http_busy_ns(const struct http *h, size_t endpoint);

#endif /* GATE_HTTP_H */
