/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delivery - what a gate's answer means, and when to try again
 * (schema/FORMATS.md, "Replies").
 *
 *	200			the gate has it: it leaves the spool
 *	UNSUPPORTED_VERSION	a newer version than the gate speaks: it stays
 *	401, 403, 404, 405	the token or the address is wrong, not the
 *				batch: it stays
 *	408, 425, 429, 5xx	the gate is at fault: it stays
 *	any other 4xx		the batch is at fault: it is dropped, counted,
 *				and said in the next
 *	anything else		not a gate: it stays
 *
 * Pure.
 */
#ifndef COLLECTOR_DELIVERY_H
#define COLLECTOR_DELIVERY_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

enum delivery {
	DELIVERY_DONE,
	DELIVERY_REFUSED,     /* for good */
	DELIVERY_LATER,	      /* the gate's fault: keep and try again */
	DELIVERY_VERSION,     /* keep until the gate is newer */
	DELIVERY_MISDIRECTED, /* keep until somebody corrects the set-up */
};

enum {
	DELIVERY_CODE_BYTES = LIMIT_CODE_BYTES + 1,
	DELIVERY_BACKOFF_MS = 500, /* the first wait */
	DELIVERY_BACKOFF_MAX_MS = 30 * 1000,
	DELIVERY_RETRY_AFTER_MAX_MS = 10 * 60 * 1000, /* a slip beyond */
	DELIVERY_DELAY_MAX_MS = 5000, /* of a collector's own sends */
	DELIVERY_SKEW_MS = 2000,      /* between the clocks: worth saying */
};

/* What an answer with this status and code ("" if none) means. */
enum delivery delivery_of(long status, const char *code);

/*
 * The value of "code" in an untrusted JSON body, {"error":..., "code":...}.
 * Writes "" unless it is a string of 1 to LIMIT_CODE_BYTES of A-Z 0-9 _.
 */
void delivery_code(const char *body, size_t len, char ret[DELIVERY_CODE_BYTES]);

/*
 * How long to wait after failures in a row: doubling, and anywhere between
 * half of that and all of it, so that a fleet does not come back as one.
 *
 *   n_failures     in a row, from 1
 *   retry_after_s  what the gate asked for at least; 0 for nothing
 *   random         uniform
 *
 * Returns ms.
 */
uint64_t delivery_backoff_ms(unsigned int n_failures, uint64_t retry_after_s,
			     uint64_t random);

/*
 * A collector's own delay, the same for all its sends, so that a fleet does
 * not post in the same moment: uniform from 0 to 5 s, but never longer than
 * half a window.
 */
uint64_t delivery_delay_ms(int64_t window_ms, uint64_t random);

/*
 * How far the gate's clock is ahead of ours, in ms.
 *
 *   date_s       its Date header in Unix seconds, cut down to the second
 *   sent_ms      our clock when the request went out,
 *   received_ms  and when the answer had come
 *
 * Returns 0 where the difference could be the second that was cut or the
 * time on the way.
 */
int64_t delivery_skew_ms(int64_t date_s, int64_t sent_ms, int64_t received_ms);

#endif /* COLLECTOR_DELIVERY_H */
