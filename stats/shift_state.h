/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift_state - what shift.c and shift_keep.c gather and shift_read.c reads;
 * private to them and to shift_plan.c.
 */
#ifndef STATS_SHIFT_STATE_H
#define STATS_SHIFT_STATE_H

#include "stats/hist.h"
#include "stats/interval.h"
#include "stats/policy.h"
#include "stats/rounds.h"
#include "stats/shift.h"

struct standard;

enum {
	/* tau is of the newest blocks with so many baseline requests, ten
	   beyond P99.9; at least a minute's, at most five minutes' */
	RECENT_REQUESTS = 10000,
	RECENT_LEAST = 6,
	RECENT_N = 30,
	/* a generation of the spread: a minute, ten requests beyond P99 */
	GENERATION_BLOCKS = 6,
	GENERATION_REQUESTS = 1000,
	ROW_N = LEVEL_N + 2 * RATE_N,
	GROSS_N = 1 + RATE_N,
};

/* One instance on this route. */
struct shift_instance {
	/* baseline: all that is not forgotten; before this generation */
	struct hist *seen;
	struct hist *before;
	struct hist_cursor quantile[LEVEL_N]; /* of seen */
	uint64_t n_events[RATE_N];
	uint64_t n_events_before[RATE_N];
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
	double extra; /* share of latencies not held against the canary */
	struct spread_prior prior[METRIC_N];

	struct hist *recent; /* sum of ring */
	uint64_t n_recent_events[RATE_N];
	struct shift_recent ring[RECENT_N];
	uint32_t ring_first; /* the oldest */
	uint32_t n_ring;
	uint32_t generation_blocks;
	bool generation_full; /* half of the instances have enough */
	struct hist *pool;    /* this generation's baseline, and before it */
	struct hist *pool_before;

	struct shift_instance **instances; /* by slot; NULL: never here */
	size_t n_instances;

	struct dispersion dispersion[METRIC_N];
	double sd[METRIC_N]; /* moderated, of instances; with its df */
	double df[METRIC_N];
	double own_s2[METRIC_N];  /* of this rollout alone */
	uint32_t n_spread;	  /* baseline instances behind sd */
	double n_spread_requests; /* and their requests */
	struct spread_t t;

	struct tilts null[SHIFT_NULL_N][METRIC_N]; /* rates: by ratio */
	struct tilts rise[SHIFT_NULL_N][RATE_N];   /* rates: by rise */
	struct tilts gross[GROSS_N];
	uint32_t n_gross[GROSS_N]; /* blocks that said disaster */
	struct pass pass;
	struct interval interval;
	/* all blocks that had both cohorts, to be shown side by side */
	struct hist *canary;
	struct standard *baseline;

	/* at the limit: levels, rate ratios, rate rises */
	struct rounds rounds;

	bool compared;
	double limit_p99; /* of the last block */
	double eta_fail_p99;
	double eta_pass_max;
};

/* Edges that one bet counts at; both are buckets, above which is counted. */
struct shift_edges {
	bool on;
	uint32_t base;
	uint32_t canary;
};

/* What a block bets on at one level. */
struct shift_plan {
	bool on;
	double phi;
	uint64_t tau_ns;
	struct shift_edges against[SHIFT_NULL_N];
	struct shift_edges pass[2]; /* limit, floor */
	struct shift_edges gross;
};

/* What a tilt of each kind costs. */
struct shift_odds {
	struct odds odds;
	struct odds rate_odds;
};

/* The exposure of a block. */
struct shift_block_sum {
	const struct shift_arm *arms;
	size_t n_arms;
	const struct hist *hist[2]; /* latencies of all arms */
	double n[2];		    /* requests, baseline and canary */
	double n2[2];		    /* sums of their squares over instances */
	double exposure;	    /* of an instance, for phi: spread.h */
	uint32_t n_instances[2];
	double n_events[RATE_N][2];
	struct odds odds;
	struct odds rate_odds;
	/* without each canary instance that is not alone, in arms' order */
	struct shift_odds *but;
	double *cap;	    /* by level and arm: most that counts of it */
	const double *none; /* the same: requests above tau, at most cap */
	uint64_t number;
	uint32_t round;
	uint32_t begun;
};

extern const double shift_level_p[LEVEL_N];
extern const int shift_pass_of_level[LEVEL_N];
/* The weights of tilts in a mean, of latencies. */
extern const double shift_tilt_weight[LEVEL_N][TILT_N];

/* ln of the ratio that the policy permits at a latency. */
double shift_limit_at(const struct policy *p, uint64_t tau_ns);

/* The floor of a metric for this block's instances, by a t quantile. */
double shift_floor_of(const struct shift *s, int metric,
		      const struct shift_block_sum *b, double t);

/* Learn the spread between baseline instances; after they were counted. */
void shift_spread_update(struct shift *s, const struct shift_block_sum *b);

/* Keep what had been gathered by the end of a round. */
int shift_keep_round(struct shift *s, uint32_t round);

/* Make room for an instance. */
int shift_keep_slot(struct shift *s, const struct shift_arm *a);

/* Keep what each instance did; its slot was kept.  All return 0 or -ENOMEM. */
int shift_keep_instances(struct shift *s, const struct shift_block_sum *b);

/* Keep a block that has a baseline, for tau and to be shown. */
int shift_keep_recent(struct shift *s, const struct shift_block_sum *b);

/* After both: end the generation if it is long enough. */
int shift_keep_generation(struct shift *s);

/* Plan all levels of a block. */
void shift_plan_block(struct shift *s, const struct shift_block_sum *b,
		      struct shift_plan plan[LEVEL_N]);

#endif /* STATS_SHIFT_STATE_H */
