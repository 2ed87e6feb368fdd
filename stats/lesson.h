/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lesson - what rollouts teach later ones of their service: how much the
 * latencies of one build's instances differ, by route and quantile.
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

/* Lessons that are asked for, the newest of each baseline. */
enum { LESSONS_MAX = 20 };

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

#endif /* STATS_LESSON_H */
