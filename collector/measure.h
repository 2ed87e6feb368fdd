/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure - the half of the event loop that measures.
 *
 * Joins the parts: targets say whom the probes watch, socket events become
 * requests (conn), requests become routes (template) and counts (windows),
 * samples become profiles (profiling), and what is over is sealed.  Every
 * loss that any of them counts ends in a batch.
 *
 * As part of the loop it logs.  One thread.
 */
#ifndef COLLECTOR_MEASURE_H
#define COLLECTOR_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"

struct err;
struct log;
struct measure;
struct options;

enum {
	MEASURE_SCAN_MS = 1000, /* how often processes are looked for */
	/* from a window's end to its sealing: the ring was drained twice and
	   an answer without a length has been silent for long enough */
	MEASURE_SEAL_MS = 150,
};

/* Takes a sealed batch; borrowed for the call. */
typedef void measure_sealed_fn(void *ctx, const struct batch *b,
			       const void *bytes, size_t len);

/* What was seen since the start, and in the window sealed last. */
struct measure_counts {
	uint64_t n_windows;
	uint64_t n_batches;
	uint64_t n_requests;
	uint64_t window_batches;
	uint64_t window_requests;
	uint64_t window_events;
};

/*
 * Load the programs and make everything else.  options and log outlive it.
 *
 * Returns 0, and the caller owns *ret_m: measure_free(); or a negative errno
 * with the hook that was refused, or what else was wrong, in err.
 */
int measure_new(const struct options *options, const struct log *log,
		measure_sealed_fn *sealed, void *ctx, struct measure **ret_m,
		struct err *err);
void measure_free(struct measure *m);

/* Look for processes now. */
void measure_scan(struct measure *m);

/* Write the line that says what is measured, once. */
void measure_announce(const struct measure *m);

/*
 * Drain the rings, look for processes when it is time, seal a window that is
 * over.  Returns whether one was sealed.
 */
bool measure_tick(struct measure *m);

/* Seal what is there, the window that is not over included. */
void measure_stop(struct measure *m);

/* A batch that the gate will never have; see windows_batches_lost(). */
void measure_batches_lost(struct measure *m, const char *instance,
			  enum batch_loss cause, uint64_t n, const char *code);

struct measure_counts measure_counts(const struct measure *m);

/* How many processes are measured now. */
size_t measure_targets(const struct measure *m);

/* Why the last window had no request, in one sentence. */
void measure_why_nothing(const struct measure *m, char *text, size_t size);

#endif /* COLLECTOR_MEASURE_H */
