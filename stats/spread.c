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

void spread_t_at(struct spread_t *t, double df)
{
	if (t->df == df)
		return;
	t->df = df;
	t->fail = special_t_quantile(SPREAD_FAIL_P, df);
	t->pass = special_t_quantile(SPREAD_PASS_P, df);
}
