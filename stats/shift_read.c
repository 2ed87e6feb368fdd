/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift_read - what the evidence about a route adds up to.  shift.c gathers
 * it; nothing here changes it.
 */
#include "stats/shift.h"

#include <math.h>

#include "stats/hist.h"
#include "stats/shift_state.h"
#include "stats/special.h"
#include "stats/standard.h"

/* Weights of the levels in the latency part: the tail leads. */
static const double level_weight[LEVEL_N] = {
	0.14, 0.14, 0.18, 0.34, 0.12, 0.08
};
static const double LATENCY_WEIGHT = 0.8;
static const double rate_weight[RATE_N] = { 0.12, 0.08 };

/* A term of a mixture joins it, and is returned. */
static double join(struct against *a, double log_weight, const struct tilts *t,
		   const double *weight, double *most)
{
	double term = log_weight + tilts_log_mix(t, weight);

	if (term > *most) {
		*most = term;
		a->lead = tilts_lead(t, weight);
	}
	a->all = special_log_add(a->all, term);
	return term;
}

/* Mix levels and rates; a rate is over its limit by ratio and by rise. */
static void mix(const struct tilts level_and_ratio[METRIC_N],
		const struct tilts *rise, struct against *ret_a)
{
	double most = -INFINITY;

	ret_a->all = -INFINITY;
	for (int p = 0; p < LEVEL_N; p++)
		(void)join(ret_a, log(LATENCY_WEIGHT * level_weight[p]),
			   &level_and_ratio[p], shift_tilt_weight[p], &most);
	ret_a->latency = ret_a->all;
	ret_a->throughput = -INFINITY;
	for (int k = 0; k < RATE_N; k++) {
		const struct tilts *t = &level_and_ratio[LEVEL_N + k];

		if (rise && tilts_log_mean(&rise[k]) < tilts_log_mean(t))
			t = &rise[k];
		ret_a->rate[k] = join(ret_a, log(rate_weight[k]), t,
				      shift_rate_tilt_weight, &most);
	}
}

bool shift_compared(const struct shift *s)
{
	return s->compared;
}

void shift_against(const struct shift *s, enum shift_null null,
		   struct against *ret_a)
{
	mix(s->null[null], null == SHIFT_NONE ? NULL : s->rise[null], ret_a);
}

void shift_against_but(const struct shift *s, uint32_t slot,
		       struct against *ret_a)
{
	if (slot < s->n_instances && s->instances[slot])
		mix(s->instances[slot]->but, NULL, ret_a);
	else
		mix(s->null[SHIFT_NONE], NULL, ret_a);
}

void shift_against_within(const struct shift *s, uint32_t from, uint32_t to,
			  struct against *ret_a)
{
	struct tilts t[ROW_N];

	rounds_within(&s->rounds, from, to, t);
	mix(t, t + METRIC_N, ret_a);
}

void shift_against_without(const struct shift *s, uint32_t from, uint32_t to,
			   struct against *ret_a)
{
	struct tilts t[ROW_N];

	rounds_without(&s->rounds, from, to, t);
	mix(t, t + METRIC_N, ret_a);
}

double shift_log_far_tail(const struct shift *s)
{
	double most = -INFINITY;

	for (int p = LEVEL_P99 + 1; p < LEVEL_N; p++)
		most = fmax(most, tilts_log_mix(&s->null[SHIFT_NONE][p],
						shift_tilt_weight[p]));
	return most;
}

double shift_log_gross(const struct shift *s)
{
	double most = 0.0;

	for (int i = 0; i < GROSS_N; i++)
		if (s->n_gross[i] >= 2)
			most = fmax(most, tilts_log_mean(&s->gross[i]));
	return most;
}

void shift_pass_add(const struct shift *s, struct pass *sum)
{
	for (int i = 0; i < PASS_ITEM_N; i++)
		for (int k = 0; k < PASS_START_N; k++)
			tilts_add(&sum->t[i][k], &s->pass.t[i][k]);
}

/*
 * The sampling variance of ln P99 of one baseline instance: p / ((1 - p) n
 * h^2), h the slope of ln(1 - F) over ln latency between P97 and P99.7, times
 * phi, because requests come in bursts.
 */
static double noise_of(const struct shift *s)
{
	static const double q[2] = { 0.97, 0.997 };
	uint64_t ns[2];
	double n = 0.0;
	double h;

	if (s->n_spread == 0 || hist_quantiles(s->recent, q, 2, ns) < 0 ||
	    ns[1] <= ns[0])
		return 0.0;
	h = log((1.0 - q[0]) / (1.0 - q[1])) /
	    log((double)ns[1] / (double)ns[0]);
	n = s->n_spread_requests / s->n_spread;
	return n > 0.0 ? 0.99 / (0.01 * n * h * h) *
				 dispersion_phi(&s->dispersion[LEVEL_P99])
		       : 0.0;
}

int shift_quantile(const struct shift *s, bool canary, double q,
		   uint64_t *ret_ns)
{
	return canary ? hist_quantile(s->canary, q, ret_ns)
		      : standard_quantile(s->baseline, q, ret_ns);
}

/*
 * The P99s as anybody would compute them, and what follows from those two.
 * The interval speaks of the shift above tau, a quantile of recent blocks; a
 * point that it leaves out widens it.
 */
static void show_p99(const struct shift *s, struct shift_view *v)
{
	uint64_t ns[2];

	v->p99_ns[0] = v->p99_ns[1] = 0.0;
	v->ratio = 1.0;
	v->limit = s->limit_p99;
	interval_read(&s->interval, &v->ratio_lo, &v->ratio_hi);
	if (shift_quantile(s, false, 0.99, &ns[0]) < 0 ||
	    shift_quantile(s, true, 0.99, &ns[1]) < 0)
		return;
	for (int c = 0; c < 2; c++)
		v->p99_ns[c] = (double)ns[c];
	v->ratio = fmax(v->p99_ns[1], 1.0) / fmax(v->p99_ns[0], 1.0);
	v->limit = shift_limit_at(&s->policy, ns[0]);
	v->ratio_lo = fmin(v->ratio_lo, v->ratio);
	v->ratio_hi = fmax(v->ratio_hi, v->ratio);
}

void shift_show(const struct shift *s, struct shift_view *ret_view)
{
	struct shift_view *v = ret_view;

	show_p99(s, v);
	v->floor_fail = s->eta_fail_p99;
	v->floor_pass = s->eta_pass_max;
	v->spread = s->sd[LEVEL_P99];
	v->df = s->df[LEVEL_P99];
	v->noise = noise_of(s);
	v->t_fail = s->t.fail;
	v->t_pass = s->t.pass;
	v->phi = dispersion_phi(&s->dispersion[LEVEL_P99]);
	for (int k = 0; k < RATE_N; k++)
		v->base_rate[k] = ((double)s->n_recent_events[k] + 0.5) /
				  ((double)hist_count(s->recent) + 1.0);
}
