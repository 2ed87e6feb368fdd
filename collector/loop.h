/* SPDX-License-Identifier: Apache-2.0 */
/*
 * loop - the collector's event loop: one timer, two signals.
 *
 * Every PROBE_DRAIN_MS it drains and seals (measure), hands what was sealed
 * to the uplink's thread, and says what the uplink has to say.  SIGTERM and
 * SIGINT end it in order: the window that is open is sealed, delivery is
 * tried for LOOP_FINISH_MS, and what is left stays in the spool.
 *
 * With --once it ends after the first whole window.
 *
 * It logs.  One thread, beside the uplink's.
 */
#ifndef COLLECTOR_LOOP_H
#define COLLECTOR_LOOP_H

#include "common/batch.h"

struct err;
struct log;
struct loop;
struct measure;
struct options;
struct uplink;

enum {
	LOOP_FINISH_MS = 5000,	   /* a pod is given 30 s to end */
	LOOP_ONCE_MS = 15000,	   /* --once: for the delivery of its window */
	LOOP_NOTHING_WINDOWS = 30, /* how often silence is said again */
};

/*
 * Make the loop and block SIGTERM and SIGINT, which come to it from then on.
 * options and log outlive it.
 *
 * Returns 0, and the caller owns *ret_l: loop_free(); or a negative errno.
 */
int loop_new(const struct options *options, const struct log *log,
	     struct loop **ret_l, struct err *err);
void loop_free(struct loop *l);

/* A measure_sealed_fn: takes batches to the uplink. */
void loop_sealed(void *l, const struct batch *b, const void *bytes, size_t len);

/*
 * Run until a signal, or until the first window was delivered with --once.
 *
 *   measure, uplink  stay their owner's
 *
 * Returns the program's exit status.
 */
int loop_run(struct loop *l, struct measure *measure, struct uplink *uplink);

#endif /* COLLECTOR_LOOP_H */
