/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/moderate.h"

#include <math.h>

#include "stats/special.h"

static const double D0_MAX = 60.0;

/* x with trigamma(x) = y, y > 0: trigamma falls, so bisection on ln x. */
static double trigamma_inverse(double y)
{
	double lo = -15.0;
	double hi = 15.0;

	for (int i = 0; i < 100; i++) {
		double mid = 0.5 * (lo + hi);

		if (special_trigamma(exp(mid)) > y)
			lo = mid;
		else
			hi = mid;
	}
	return exp(0.5 * (lo + hi));
}

struct moderation moderate_fit(const double *s2, size_t n, double d)
{
	struct moderation m = { .d0 = 4.0, .s2_0 = 1.0 };
	double mean = 0.0;
	double var = 0.0;

	if (n == 0)
		return m;
	/* ln s^2, less what d degrees of freedom make of it on average */
	for (size_t i = 0; i < n; i++)
		mean += log(s2[i]) - special_digamma(d / 2) + log(d / 2);
	mean /= (double)n;
	if (n < 10) {
		m.s2_0 = exp(mean + special_digamma(2.0) - log(2.0));
		return m;
	}
	for (size_t i = 0; i < n; i++) {
		double e = log(s2[i]) - special_digamma(d / 2) + log(d / 2);

		var += (e - mean) * (e - mean);
	}
	var = var / (double)(n - 1) - special_trigamma(d / 2);
	m.d0 = D0_MAX;
	if (var > 0.0)
		m.d0 = fmin(D0_MAX, 2.0 * trigamma_inverse(var));
	m.s2_0 = exp(mean + special_digamma(m.d0 / 2) - log(m.d0 / 2));
	return m;
}

double moderate(const struct moderation *m, double s2, double d)
{
	return (m->d0 * m->s2_0 + d * s2) / (m->d0 + d);
}

double moderate_log_e(double t, double df, double lambda)
{
	double t2 = t * t;

	return -0.5 * log1p(lambda) +
	       0.5 * (df + 1.0) *
		       (log1p(t2 / df) - log1p(t2 / (df * (1.0 + lambda))));
}
