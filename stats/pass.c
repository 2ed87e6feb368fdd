/* SPDX-License-Identifier: Apache-2.0 */
/* pass - what the evidence for a canary adds up to: METHOD.md, section 7. */
#include <math.h>

#include "stats/shift.h"
#include "stats/shift_state.h"
#include "stats/special.h"

/* Weights of the starts. */
static const double start_weight[PASS_START_N] = { 0.55, 0.15, 0.15, 0.15 };

/* Weak evidence that must be there beyond the floor as well. */
static const double LOG_WEAK = 1.0986122886681098; /* ln 3 */

/*
 * Evidence beyond a floor grows with this power of the requests, because the
 * floor comes down meanwhile.  Of simulated rollouts, half way.
 */
static const double GROWTH_FLOOR = 1.6;

/* The level of each pair of latency items, shift_pass_of_level[] turned. */
static const int pass_level[PASS_LEVEL_N] = { 0, 1, LEVEL_P99 };

/* The evidence of an item, or of two of which one suffices. */
struct won {
	double log_e;
	double lead; /* ln of the largest bet in it, before its weight */
};

static struct won starts_won(const struct tilts start[PASS_START_N],
			     const double *weight)
{
	struct won w = { .log_e = -INFINITY };
	double most = -INFINITY;

	for (int k = 0; k < PASS_START_N; k++) {
		double term =
			log(start_weight[k]) + tilts_log_mix(&start[k], weight);

		if (term > most) {
			most = term;
			w.lead = tilts_lead(&start[k], weight);
		}
		w.log_e = special_log_add(w.log_e, term);
	}
	return w;
}

static struct won item_won(const struct pass *sum, int item)
{
	return starts_won(sum->t[item],
			  item < 2 * PASS_LEVEL_N
				  ? shift_tilt_weight[pass_level[item / 2]]
				  : shift_rate_tilt_weight);
}

/* A rate is within its limit by ratio or by rise: the mean of both. */
static struct won rate_won(const struct pass *sum, int rate, bool floor)
{
	int item = 2 * PASS_LEVEL_N + 4 * rate + (floor ? 2 : 0);
	struct won ratio = item_won(sum, item);
	struct won rise = item_won(sum, item + 1);
	struct won more = ratio.log_e > rise.log_e ? ratio : rise;

	more.log_e = special_log_add(ratio.log_e, rise.log_e) - log(2.0);
	return more;
}

double pass_log(const struct pass *sum)
{
	double least = INFINITY;

	for (int i = 0; i < PASS_LEVEL_N; i++)
		least = fmin(least, item_won(sum, 2 * i).log_e);
	for (int k = 0; k < RATE_N; k++)
		least = fmin(least, rate_won(sum, k, false).log_e);
	return least;
}

double pass_log_floor(const struct pass *sum)
{
	double least = INFINITY;

	for (int i = 0; i < PASS_LEVEL_N; i++)
		least = fmin(least, item_won(sum, 2 * i + 1).log_e);
	for (int k = 0; k < RATE_N; k++)
		least = fmin(least, rate_won(sum, k, true).log_e);
	return least;
}

static void reach_join(struct pass_reach *r, struct won w, double wanted,
		       double growth)
{
	double times = tilts_times(w.log_e, w.lead, wanted);

	r->left = fmin(r->left, w.log_e - wanted);
	r->times = fmax(r->times, pow(times, 1.0 / growth));
}

void pass_reach(const struct pass *sum, double alpha, struct pass_reach *r)
{
	for (int i = 0; i < PASS_LEVEL_N; i++) {
		reach_join(r, item_won(sum, 2 * i), -log(alpha), 1.0);
		reach_join(r, item_won(sum, 2 * i + 1), LOG_WEAK, GROWTH_FLOOR);
	}
	for (int k = 0; k < RATE_N; k++) {
		reach_join(r, rate_won(sum, k, false), -log(alpha), 1.0);
		reach_join(r, rate_won(sum, k, true), LOG_WEAK, 1.0);
	}
}

void pass_reach_latency(const struct pass *sum, bool tail, struct pass_reach *r)
{
	for (int i = 0; i < PASS_LEVEL_N - !tail; i++)
		reach_join(r, item_won(sum, 2 * i), LOG_WEAK, 1.0);
}

void pass_reach_starts(const struct tilts limit[PASS_START_N],
		       const struct tilts floor[PASS_START_N], double alpha,
		       struct pass_reach *r)
{
	reach_join(r, starts_won(limit, shift_rate_tilt_weight), -log(alpha),
		   1.0);
	reach_join(r, starts_won(floor, shift_rate_tilt_weight), LOG_WEAK,
		   GROWTH_FLOOR);
}
