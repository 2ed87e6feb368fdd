/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift_plan - what earlier blocks say of the next one: where to count, how
 * much to trust a count, how much luck to allow.  shift.c bets on it.
 */
#include "stats/shift.h"

#include <math.h>
#include <string.h>

#include "stats/hist.h"
#include "stats/shift_state.h"

const double shift_level_p[LEVEL_N] = { 0.50, 0.90, 0.97, 0.99, 0.997, 0.999 };

/* Which pass item a level has, or -1: 0, 1 and 2 times two. */
const int shift_pass_of_level[LEVEL_N] = { 0, 1, -1, 2, -1, -1 };

/*
 * Weights of the tilts at each level.  Near the median shifts move the share
 * above by little and there are many requests; at the far tail there are few,
 * and only a rate that doubles can be seen at all.
 */
const double shift_tilt_weight[LEVEL_N][TILT_N] = {
	{ 0.14, 0.20, 0.22, 0.20, 0.14, 0.07, 0.03 },
	{ 0.14, 0.20, 0.22, 0.20, 0.14, 0.07, 0.03 },
	{ 0.05, 0.10, 0.16, 0.22, 0.22, 0.15, 0.10 },
	{ 0.05, 0.10, 0.16, 0.22, 0.22, 0.15, 0.10 },
	{ 0.02, 0.04, 0.09, 0.15, 0.20, 0.25, 0.25 },
	{ 0.02, 0.04, 0.09, 0.15, 0.20, 0.25, 0.25 },
};
/* An event may be a hundred times as rare as another: all alike. */
const double shift_rate_tilt_weight[TILT_N] = { 1.0 / TILT_N, 1.0 / TILT_N,
						1.0 / TILT_N, 1.0 / TILT_N,
						1.0 / TILT_N, 1.0 / TILT_N,
						1.0 / TILT_N };
const uint32_t shift_pass_start[PASS_START_N] = { 0, 6, 18, 48 };

/* Ten times the median: nobody waits for a test. */
static const double GROSS_LOG_RATIO = 2.302585092994046;

/* A floor above this ratio (4.5) is not worth a bet: nothing would pass it. */
static const double FLOOR_LOG_MAX = 1.5;

/* ln of the ratio that the policy permits at a latency. */
double shift_limit_at(const struct policy *p, uint64_t tau_ns)
{
	double by_ms = p->margin_ms * 1e6 / fmax((double)tau_ns, 1.0);

	return log1p(fmax(p->margin, by_ms));
}

/* The floor of a metric for this block's instances, by a t quantile. */
double shift_floor_of(const struct shift *s, int metric,
		      const struct shift_block_sum *b, double t)
{
	return spread_floor(t, s->sd[metric], s->df[metric], b->n_instances);
}

/*
 * The spread between baseline instances, of what they did lately.  One with
 * less than a quarter of the requests of the busiest says more about its own
 * noise than about the service, and stays out.
 */
void shift_spread_update(struct shift *s, const struct shift_block_sum *b)
{
	double ln[METRIC_N][64];
	double events[RATE_N] = { 0 };
	double requests = 0.0;
	uint64_t most = 0;
	uint32_t n = 0;

	for (size_t i = 0; i < b->n_arms; i++)
		if (!b->arms[i].canary &&
		    hist_count(s->instances[b->arms[i].slot]->seen) > most)
			most = hist_count(s->instances[b->arms[i].slot]->seen);
	for (size_t i = 0; i < b->n_arms && n < 64; i++) {
		struct shift_instance *in = s->instances[b->arms[i].slot];

		if (b->arms[i].canary || hist_count(in->seen) == 0 ||
		    hist_count(in->seen) * 4 < most)
			continue;
		for (int p = 0; p < LEVEL_N; p++) {
			uint64_t q_ns = 0;

			(void)hist_quantile_near(in->seen, shift_level_p[p],
						 &in->quantile[p], &q_ns);
			ln[p][n] = log(fmax((double)q_ns, 1.0));
		}
		for (int k = 0; k < RATE_N; k++) {
			double e = (double)in->n_events[k];

			ln[LEVEL_N + k][n] =
				log((e + 0.5) /
				    ((double)hist_count(in->seen) + 1.0));
			events[k] += e;
		}
		requests += (double)hist_count(in->seen);
		n++;
	}
	for (int m = 0; m < METRIC_N; m++) {
		double s2 = spread_variance(ln[m], n);

		/* what Poisson alone makes of so few events */
		if (m >= LEVEL_N && n > 0)
			s2 = fmax(s2, 1.0 / (events[m - LEVEL_N] / n + 1.0));
		s->own_s2[m] = s2;
		s->sd[m] = spread_moderate(s2, n, &s->prior[m], &s->df[m]);
	}
	s->n_spread = n;
	s->n_spread_requests = requests;
}

/* The baseline bucket nearest q whose edge times e^s is nearest an edge. */
static struct shift_edges edges_at(uint32_t q, double log_ratio, bool up)
{
	struct shift_edges best = { .on = true };
	double least = INFINITY;

	for (int step = 0; step <= 8; step++) {
		/* 0, -1, +1, -2, ..: the first of equals is the nearest */
		int by = (step + 1) / 2 * (step % 2 ? -1 : 1);
		uint32_t base = by < 0 && q < (uint32_t)-by
					? 0
					: (uint32_t)((int64_t)q + by);
		double want = (double)hist_edge(base) * exp(log_ratio);
		uint64_t ns = want < (double)HIST_MAX_NS ? (uint64_t)ceil(want)
							 : HIST_MAX_NS;
		uint32_t b = hist_bucket(ns);
		double off;

		if (!up && (double)hist_edge(b) > want && b > 0)
			b--;
		off = fabs((double)hist_edge(b) - want) / fmax(want, 1.0);
		if (off < least - 1e-12) {
			least = off;
			best.base = base;
			best.canary = b;
		}
	}
	return best;
}

static void plan_level(const struct shift *s, int p, uint64_t tau_ns,
		       const struct shift_block_sum *b, struct shift_plan *plan)
{
	uint32_t q = hist_bucket(tau_ns);
	double m = shift_limit_at(&s->policy, tau_ns);
	double m_fail = log(exp(m) + s->extra);
	double eta = shift_floor_of(s, p, b, s->t.fail);
	double eta_pass = shift_floor_of(s, p, b, s->t.pass);

	plan->on = true;
	plan->tau_ns = tau_ns;
	plan->phi = dispersion_phi_at(&s->dispersion[p], b->exposure);
	plan->against[SHIFT_NONE] = edges_at(q, log1p(s->extra), true);
	plan->against[SHIFT_LIMIT] = edges_at(q, m_fail, true);
	if (fmax(m_fail, eta) <= FLOOR_LOG_MAX)
		plan->against[SHIFT_FLOOR] =
			edges_at(q, fmax(m_fail, eta), true);
	if (shift_pass_of_level[p] >= 0) {
		plan->pass[0] = edges_at(q, m, false);
		/* to ask for a canary 10 % faster is to ask for nothing */
		if (eta_pass <= m + SPREAD_PASS_BEYOND)
			plan->pass[1] = edges_at(q, m - eta_pass, false);
	}
	if (p == 0)
		plan->gross = edges_at(q, GROSS_LOG_RATIO, true);
}

void shift_plan_block(struct shift *s, const struct shift_block_sum *b,
		      struct shift_plan plan[LEVEL_N])
{
	uint64_t tau_ns[LEVEL_N];
	double n = (double)hist_count(s->recent);

	memset(plan, 0, LEVEL_N * sizeof(plan[0]));
	if (hist_quantiles(s->recent, shift_level_p, LEVEL_N, tau_ns) < 0)
		return;
	for (int p = 0; p < LEVEL_N; p++) {
		/* fewer, and the quantile is one slow request's latency */
		if (n * (1.0 - shift_level_p[p]) >= 2.0 && n >= 50.0)
			plan_level(s, p, tau_ns[p], b, &plan[p]);
	}
}
