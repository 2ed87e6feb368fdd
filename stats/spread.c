/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/spread.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "stats/special.h"

/* events of its own after which an instance's rate counts half */
static const double RATE_PRIOR = 10.0;

/* Move the trace on to block: blocks between had no z. */
static void trace_move(struct dispersion_trace *t, uint64_t block)
{
	const uint64_t room = SPREAD_LAGS + 1;
	uint64_t by = t->block == 0 ? room : block + 1 - t->block;

	if (by >= room) {
		memset(t->z, 0, sizeof(t->z));
	} else {
		memmove(t->z + by, t->z, (room - by) * sizeof(t->z[0]));
		memset(t->z, 0, by * sizeof(t->z[0]));
	}
	t->block = block + 1;
}

/*
 * The rate of an instance is known from earlier blocks only, so its error is
 * in z; the divisor allows for it.  The first block only teaches the rate.
 */
bool dispersion_note(struct dispersion *d, struct dispersion_trace *t,
		     uint64_t block, double x, double n_pi, double pi)
{
	bool first = t->block == 0;
	double r = (t->sum_x + RATE_PRIOR) / (t->sum_e + RATE_PRIOR);
	double e = n_pi * r;
	double z = 0.0;

	trace_move(t, block);
	if (!first && e > 0.0 && pi < 1.0)
		z = (x - e) /
		    sqrt(e * (1.0 - pi) * (1.0 + e / (t->sum_e + RATE_PRIOR)));
	t->sum_x += x;
	t->sum_e += n_pi;

	if (!first && pi > 0.0) {
		d->sum_n += n_pi / pi;
		d->n_n += 1.0;
	}
	d->sum_z2 += z * z;
	for (int l = 1; l <= SPREAD_LAGS; l++)
		d->sum_lag[l - 1] += z * t->z[l];
	t->z[0] = z;
	return !first;
}

void dispersion_block(struct dispersion *d, uint32_t n_baseline)
{
	if (n_baseline > 1)
		d->n += n_baseline - 1;
}

double dispersion_phi(const struct dispersion *d)
{
	return dispersion_phi_at(d, d->n_n > 0.0 ? d->sum_n / d->n_n : 1.0);
}

double dispersion_phi_at(const struct dispersion *d, double exposure)
{
	double most = 0.0;
	double f;

	if (d->n > 0.0) {
		double g0 = d->sum_z2 / d->n;
		double g_nw = g0;

		for (int l = 1; l <= SPREAD_LAGS; l++)
			g_nw += 2.0 * (1.0 - l / (SPREAD_LAGS + 1.0)) *
				d->sum_lag[l - 1] / d->n;
		most = fmax(g0, g_nw);
		if (most > 1.0 && d->sum_n > 0.0)
			most = 1.0 +
			       (most - 1.0) * exposure * d->n_n / d->sum_n;
	}
	f = (d->n * most + 26.0) / (d->n + 20.0);
	return fmax(1.0, f * (1.0 + sqrt(2.0 / (d->n + 20.0))));
}

double dispersion_exposure(const double n[2], const double n2[2])
{
	double r = n[1] / n[0];

	return (n2[1] / n[1] + r * n2[0] / n[0]) / (1.0 + r);
}

double spread_variance(const double *v, uint32_t n)
{
	double mean = 0.0;
	double sum = 0.0;

	if (n < 2)
		return 0.0;
	for (uint32_t i = 0; i < n; i++)
		mean += v[i];
	mean /= n;
	for (uint32_t i = 0; i < n; i++)
		sum += (v[i] - mean) * (v[i] - mean);
	return sum / (n - 1);
}

double spread_moderate(double s2, uint32_t n_baseline,
		       const struct spread_prior *prior, double *ret_df)
{
	double own = n_baseline > 1 ? n_baseline - 1.0 : 0.0;
	double df = own + prior->df;

	*ret_df = df;
	if (df <= 0.0)
		return 0.0;
	return sqrt((prior->df * prior->s2 + own * s2) / df);
}

double spread_floor(double quantile, double sd, double df,
		    const uint32_t n_instances[2])
{
	if (df <= 0.0 || n_instances[0] == 0)
		return INFINITY;
	return quantile * sd *
	       sqrt(1.0 / n_instances[1] + 1.0 / n_instances[0]);
}

void spread_t_at(struct spread_t *t, double df)
{
	if (t->df == df)
		return;
	t->df = df;
	t->fail = special_t_quantile(SPREAD_FAIL_P, df);
	t->pass = special_t_quantile(SPREAD_PASS_P, df);
}

/*
 * The t quantile at probability p whose normal one is z: the expansion of
 * Fisher and Cornish (Technometrics 2, 1960), within 1 % from 3 degrees of
 * freedom on.  special_t_quantile() is too dear for a hundred of them.
 */
static double t_near(double z, double df)
{
	double z2 = z * z;
	double g1 = z * (z2 + 1.0) / 4.0;
	double g2 = z * ((5.0 * z2 + 16.0) * z2 + 3.0) / 96.0;
	double g3 = z * (((3.0 * z2 + 19.0) * z2 + 17.0) * z2 - 15.0) / 384.0;
	double g4 = z *
		    ((((79.0 * z2 + 776.0) * z2 + 1482.0) * z2 - 1920.0) * z2 -
		     945.0) /
		    92160.0;

	return z + (g1 + (g2 + (g3 + g4 / df) / df) / df) / df;
}

static double normal_cdf(double z)
{
	return 0.5 * erfc(-z * M_SQRT1_2);
}

/*
 * The chance of a decision with canary and baseline instances more.  The
 * shift then measured differs from the one that was by the luck of those
 * that come: what the build does is in both.
 */
static double chance(const struct spread_luck *l, const struct spread_t *t,
		     uint32_t canary, uint32_t baseline)
{
	double now = 1.0 / l->n_canary + 1.0 / l->n_baseline;
	double then =
		1.0 / (l->n_canary + canary) + 1.0 / (l->n_baseline + baseline);
	double floor = l->sd * sqrt(then);
	double luck = l->sd * sqrt(fmax(now - then, 1e-12));
	double fails = fmax(l->limit, t->fail * floor);
	double passes = l->limit - t->pass * floor;

	if (passes < -SPREAD_PASS_BEYOND)
		passes = -INFINITY;
	return normal_cdf((l->shift - fails) / luck) +
	       normal_cdf((passes - l->shift) / luck);
}

/* The fewest canary instances with so many baseline ones; or the most. */
static uint32_t canaries(const struct spread_luck *l, const struct spread_t *t,
			 uint32_t baseline)
{
	uint32_t lo = 0;
	uint32_t hi = SPREAD_MORE_MAX + 1;

	while (lo < hi) {
		uint32_t mid = (lo + hi) / 2;

		if (chance(l, t, mid, baseline) >= SPREAD_SURE)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

bool spread_more(const struct spread_luck *l, struct spread_more *ret_m)
{
	static const double z_fail = 2.4323790585844467; /* of SPREAD_FAIL_P */
	static const double z_pass = 1.7506860712521692; /* of SPREAD_PASS_P */
	uint32_t least = UINT32_MAX;

	ret_m->canary = ret_m->baseline = SPREAD_MORE_MAX;
	for (uint32_t b = 0; b <= SPREAD_MORE_MAX && b < least; b++) {
		struct spread_t t = l->t;
		uint32_t c;

		if (b > 0) {
			t.fail = t_near(z_fail, l->df + b);
			t.pass = t_near(z_pass, l->df + b);
		}
		c = canaries(l, &t, b);
		if (c > SPREAD_MORE_MAX || b + c >= least)
			continue;
		least = b + c;
		ret_m->canary = c;
		ret_m->baseline = b;
	}
	return least < UINT32_MAX;
}
