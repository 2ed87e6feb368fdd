/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interval - the shift of a quantile with an interval valid at every look.
 *
 * For each s of a grid, two e-processes ask whether the canary's requests
 * above tau e^s are more, or fewer, than the baseline's above tau.  Shifts
 * whose process "more" reached 40 are too small, those whose process "fewer"
 * did are too large: what is left covers the shift with a chance of 95 % at
 * all looks together (Howard and others, Annals of Statistics 49, 2021).
 * It speaks of the instances that ran, not of ones that did not.
 */
#ifndef STATS_INTERVAL_H
#define STATS_INTERVAL_H

#include <stdint.h>

#include "stats/eprocess.h"

struct tally;

/* ln ratios from -1.6 to 1.8: every .02 between -.4 and .8, else every .1. */
enum { INTERVAL_GRID = 83 };

struct interval {
	struct tilts more[INTERVAL_GRID];
	struct tilts fewer[INTERVAL_GRID];
	double lo; /* ln ratio, never loosened */
	double hi;
};

void interval_init(struct interval *v);

/* A block's canary counts at the grid, before they are bet on. */
struct interval_counts {
	uint32_t up[INTERVAL_GRID];   /* buckets: tau e^s, rounded up */
	uint32_t down[INTERVAL_GRID]; /* rounded down */
	double x_up[INTERVAL_GRID];   /* capped */
	double x_down[INTERVAL_GRID];
};

/* Set the buckets for a block whose baseline edge is tau_ns; no counts yet. */
void interval_plan(struct interval_counts *c, uint64_t tau_ns);

/* Count one canary instance's latencies, none more than cap. */
void interval_count(struct interval_counts *c, const struct tally *t,
		    double cap);

/* Bet on a block; x_b baseline requests above tau, capped. */
void interval_bet(struct interval *v, const struct interval_counts *c,
		  const struct odds *o, double x_b, double phi);

/*
 * The interval of the ratio, canary over baseline; an end that is not known
 * yet is the end of the grid.  0.2 and 6 before any block.
 */
void interval_read(const struct interval *v, double *ret_lo, double *ret_hi);

#endif /* STATS_INTERVAL_H */
