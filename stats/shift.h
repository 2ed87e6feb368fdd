/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift - the evidence about one route: is the canary slower, does it fail
 * more, than the policy permits?  METHOD.md derives what is computed here.
 *
 * Time comes in blocks of at least 10 s.  In a block, the canary's requests
 * above tau e^s are set against the baseline's above tau, for tau at six
 * quantiles of the baseline's newest blocks and for several s: the policy's
 * limit, the limit or the instance floor if that is higher, and 0.  Errors
 * and unanswered requests are counted in the same way.  Each is an
 * e-process (eprocess.h).  tau, phi and the floor are taken from earlier
 * blocks alone; within the block, cohorts meet under the same load.
 *
 * Routes are strata: nothing here knows of another route.  One owner.
 */
#ifndef STATS_SHIFT_H
#define STATS_SHIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats/eprocess.h"
#include "stats/spread.h"

struct hist;
struct policy;
struct shift;
struct tally;

enum {
	LEVEL_N = 6, /* quantiles .5 .9 .97 .99 .997 .999 */
	LEVEL_P99 = 3,
	RATE_N = 2, /* errors, unanswered */
	METRIC_N = LEVEL_N + RATE_N,
};

enum rate { RATE_ERRORS, RATE_UNANSWERED };

/* What one instance did on this route in one block. */
struct shift_arm {
	uint32_t slot; /* the instance's own number, below 2^16 */
	bool canary;
	const struct tally *tally; /* sealed; its total are the requests */
	uint64_t n_events[RATE_N];
};

/* Against what the canary is tested. */
enum shift_null {
	SHIFT_LIMIT, /* the policy's limit */
	SHIFT_FLOOR, /* that or the instance floor, the larger */
	SHIFT_NONE,  /* no shift at all */
	SHIFT_NULL_N,
};

/* ln of the evidence against the canary, the weights of the parts in it. */
struct against {
	double latency;
	double rate[RATE_N];
	double throughput; /* -INFINITY where it is not judged */
	double all;	   /* ln of their sum */
	double lead;	   /* ln of the largest bet in it, before its weight */
};

/* Evidence for the canary: items, each started anew at several blocks. */
enum {
	PASS_LEVEL_N = 3, /* .5 .9 .99 */
	PASS_ITEM_N = 2 * PASS_LEVEL_N + 4 * RATE_N,
	PASS_START_N = 4,
};

struct pass {
	struct tilts t[PASS_ITEM_N][PASS_START_N];
};

/*
 * Make the evidence about a route.  Returns 0 and the caller owns *ret_s:
 * shift_free(); or -ENOMEM.
 */
int shift_new(const struct policy *policy, struct shift **ret_s);
void shift_free(struct shift *s);

/*
 * What earlier rollouts of the service taught of the spread between
 * instances at each level; before the first block.
 */
void shift_learn(struct shift *s, const struct spread_prior prior[LEVEL_N]);

/*
 * What this rollout's baseline taught: its own variances, 0 degrees of freedom
 * at levels with fewer than ten requests of an instance beyond them.
 */
void shift_teach(const struct shift *s, struct spread_prior ret_own[LEVEL_N]);

/*
 * Take a block.  Where one cohort is missing it only teaches.
 *
 *   block  its number: any clock that counts blocks up
 *   round  compared blocks of the rollout before it; every route the same
 *   begun  compared blocks of the step before it
 *   arms   by ascending slot
 *   sum    latencies of all arms: the baseline's, the canary's
 *
 * Returns 0 or -ENOMEM.
 */
int shift_block(struct shift *s, uint64_t block, uint32_t round, uint32_t begun,
		const struct shift_arm *arms, size_t n_arms,
		struct hist *const sum[2]);

/*
 * So large a share of the baseline's latencies is not held against the canary
 * from the next block on, until it is said anew: evidence against it is about
 * what exceeds the limit and this, evidence for it about the limit as before.
 */
void shift_allow(struct shift *s, double extra);

/* A new step: the evidence for the canary starts anew. */
void shift_step(struct shift *s);

/* Was any block compared? */
bool shift_compared(const struct shift *s);

/* The evidence against the canary; null 0 is E = 1. */
void shift_against(const struct shift *s, enum shift_null null,
		   struct against *ret_a);

/* Against SHIFT_NONE without canary instance slot. */
void shift_against_but(const struct shift *s, uint32_t slot,
		       struct against *ret_a);

/* Against SHIFT_LIMIT without rounds [from, to), or with them alone. */
void shift_against_without(const struct shift *s, uint32_t from, uint32_t to,
			   struct against *ret_a);
void shift_against_within(const struct shift *s, uint32_t from, uint32_t to,
			  struct against *ret_a);

/* ln of the evidence that no quantile of the far tail is equal. */
double shift_log_far_tail(const struct shift *s);

/*
 * ln of the evidence for a disaster: ten times the median, or half of all
 * requests failing, seen in two blocks at least; else 0.
 */
double shift_log_gross(const struct shift *s);

/* Add this route's evidence for the canary to sum. */
void shift_pass_add(const struct shift *s, struct pass *sum);

/* How far evidence for the canary is from enough. */
struct pass_reach {
	double left;  /* least of ln E - ln wanted over all items; >= 0: enough
		       */
	double times; /* the blocks until enough over those so far; the most */
};

/*
 * Of all items, alpha being the policy's, or of latencies alone, ln 3 being
 * enough and without tail not of P99 either: r becomes the worse of both.
 */
void pass_reach(const struct pass *sum, double alpha, struct pass_reach *r);
void pass_reach_latency(const struct pass *sum, bool tail,
			struct pass_reach *r);

/* ln of the weakest item at the limit. */
double pass_log(const struct pass *sum);

/* The same of the weakest item beyond the floor. */
double pass_log_floor(const struct pass *sum);

/*
 * The same of one item by its starts, at the limit and beyond the floor, whose
 * tilts are those of rates.
 */
void pass_reach_starts(const struct tilts limit[PASS_START_N],
		       const struct tilts floor[PASS_START_N], double alpha,
		       struct pass_reach *r);

/* Blocks of the step at which the evidence for the canary starts anew. */
extern const uint32_t shift_pass_start[PASS_START_N];
/* The weights of rates' tilts in a mean: all alike. */
extern const double shift_rate_tilt_weight[TILT_N];

/* What there is to show. */
struct shift_view {
	double p99_ns[2]; /* baseline's at the canary's times; 0: not known */
	double ratio, ratio_lo, ratio_hi; /* canary's over baseline's */
	double limit;	   /* ln of the permitted ratio of the baseline's P99 */
	double floor_fail; /* eta of P99; INFINITY where unknown */
	double floor_pass; /* the most of the levels that a PASS needs */
	double spread;	   /* sd of ln P99 between instances */
	double df;
	double noise;  /* of its square, what sampling alone makes */
	double t_fail; /* t quantiles of the floors; 0 where unknown */
	double t_pass;
	double phi;		  /* of P99 */
	double base_rate[RATE_N]; /* of the baseline, recent */
};

void shift_show(const struct shift *s, struct shift_view *ret_view);

/*
 * A quantile of the blocks that had both cohorts, in ns: the canary's, or the
 * baseline's with each block weighted as the canary's requests were.
 * Returns 0, -EINVAL unless 0 < q <= 1, or -ENODATA before any such block.
 */
int shift_quantile(const struct shift *s, bool canary, double q,
		   uint64_t *ret_ns);

#endif /* STATS_SHIFT_H */
