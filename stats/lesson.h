/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lesson - what rollouts teach later ones of their service: how much the
 * latencies of one build's instances differ, by route and quantile, and which
 * functions come and go among them.
 *
 * Lessons add up: variances s^2 weighted by their degrees of freedom, older
 * ones less.  What comes out is a prior (Smyth 2004) worth at most
 * LESSON_DF_MAX observations, so that a service that has changed is believed
 * within one rollout.
 *
 * One owner.
 */
#ifndef STATS_LESSON_H
#define STATS_LESSON_H

#include <stdbool.h>
#include <stddef.h>

#include "stats/shift.h"
#include "stats/spread.h"

struct lessons;

enum {
	/* lessons that are asked for, the newest of each baseline */
	LESSONS_MAX = 20,
	/* functions that one rollout teaches, those with the largest shares */
	LESSON_FUNCTIONS_MAX = 4096,
};

/* Below this share of an instance's CPU a function teaches nothing. */
#define LESSON_SHARE_MIN 0.001

#define LESSON_DF_MAX 20.0
/* Each lesson counts this much of the next newer one. */
#define LESSON_KEEP 0.8

/* Returns 0 and the caller owns *ret_l: lessons_free(); or -ENOMEM. */
int lessons_new(struct lessons **ret_l);
void lessons_free(struct lessons *l);

/*
 * Add what one rollout taught of a route.
 *
 *   level   LEVEL_N variances of ln latency at shift's quantiles, each with
 *           its degrees of freedom, 0 where it taught nothing
 *   weight  0..1 of those degrees of freedom to count
 *
 * Returns 0, -EMSGSIZE beyond 256 routes, or -ENOMEM.
 */
int lessons_add(struct lessons *l, const char *route,
		const struct spread_prior level[LEVEL_N], double weight);

size_t lessons_count(const struct lessons *l);

/* The route of lesson i, borrowed, and what is known of it. */
const char *lessons_get(const struct lessons *l, size_t i,
			struct spread_prior ret_level[LEVEL_N]);

/* What is known of a route; false if nothing is. */
bool lessons_find(const struct lessons *l, const char *route,
		  struct spread_prior ret_level[LEVEL_N]);

/*
 * Note that some instance of an earlier baseline had a function on its stacks
 * for this share of its CPU, 0..1; of several the largest counts.
 * Returns 0, -EMSGSIZE if there are too many functions, or -ENOMEM.
 */
int lessons_add_function(struct lessons *l, const char *function, double share);

size_t lessons_n_functions(const struct lessons *l);

/* Function i, borrowed, and the largest share it was seen with. */
const char *lessons_get_function(const struct lessons *l, size_t i,
				 double *ret_share);

/* The same by name: 0 where no earlier baseline is known to have had it. */
double lessons_share(const struct lessons *l, const char *function);

#endif /* STATS_LESSON_H */
