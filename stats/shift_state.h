/* SPDX-License-Identifier: Apache-2.0 */
/* shift_state - what shift.c gathers and shift_read.c reads; private to both.
 */
#ifndef STATS_SHIFT_STATE_H
#define STATS_SHIFT_STATE_H

#include "stats/interval.h"
#include "stats/policy.h"
#include "stats/shift.h"

enum {
	RECENT_N = 30, /* blocks whose baseline sets tau */
	ROW_N = LEVEL_N + 2 * RATE_N,
	ROWS_MAX = 1440, /* rounds kept: four hours of blocks of 10 s */
	GROSS_N = 1 + RATE_N,
};

/* All rounds up to one: what each tilt had gathered at the limit. */
struct shift_row {
	struct tilts t[ROW_N]; /* levels, rate ratios, rate rises */
};

/* One instance on this route. */
struct shift_instance {
	struct hist *all; /* every block, the rollout's past included */
	uint64_t n_events[RATE_N];
	struct dispersion_trace trace[METRIC_N]; /* baseline */
	struct tilts but[METRIC_N]; /* canary: evidence without it */
};

/* One block's baseline, kept until it leaves tau's trailing blocks. */
struct shift_recent {
	struct hist *hist;
	uint64_t n_events[RATE_N];
};

struct shift {
	struct policy policy;
	struct spread_prior prior[METRIC_N];

	struct hist *recent; /* sum of ring */
	uint64_t n_recent_events[RATE_N];
	struct shift_recent ring[RECENT_N];
	uint32_t ring_at;

	struct shift_instance **instances; /* by slot; NULL: never here */
	size_t n_instances;

	struct dispersion dispersion[METRIC_N];
	double sd[METRIC_N]; /* moderated, of instances; with its df */
	double df[METRIC_N];
	uint32_t n_spread;	  /* baseline instances behind sd */
	double n_spread_requests; /* and their requests */
	struct spread_t t;

	struct tilts null[SHIFT_NULL_N][METRIC_N]; /* rates: by ratio */
	struct tilts rise[SHIFT_NULL_N][RATE_N];   /* rates: by rise */
	struct tilts gross[GROSS_N];
	uint32_t n_gross[GROSS_N]; /* blocks that said disaster */
	struct pass pass;
	struct interval interval;

	struct shift_row *rows; /* after each round from row_base on */
	size_t n_rows;
	size_t rows_room;
	uint32_t row_base;
	struct shift_row row_before; /* rows[-1] */

	bool compared;
	double limit_p99; /* of the last block */
	double eta_fail_p99;
	double eta_pass_max;
};

extern const double shift_level_p[LEVEL_N];

#endif /* STATS_SHIFT_STATE_H */
