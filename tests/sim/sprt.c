/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/sprt.h"

#include <math.h>
#include <stdlib.h>

#include "stats/policy.h"
#include "tests/sim/scenario.h"

enum { DRAWS = 200000 };

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double share_above(const double *sorted, double threshold)
{
	size_t lo = 0;
	size_t hi = DRAWS;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (sorted[mid] > threshold)
			hi = mid;
		else
			lo = mid + 1;
	}
	return (double)(DRAWS - lo) / DRAWS;
}

/* Kullback-Leibler divergence of two rates. */
static double divergence(double is, double permitted)
{
	double d = 0.0;

	if (is > 0.0)
		d += is * log(is / permitted);
	if (is < 1.0)
		d += (1.0 - is) * log((1.0 - is) / (1.0 - permitted));
	return d;
}

static double *draws(const struct scenario *s, bool canary)
{
	struct truth *t = truth_new(&s->world, &s->effect, 1);
	double *x = malloc(DRAWS * sizeof(*x));

	if (!x)
		abort();
	for (size_t i = 0; i < DRAWS; i++)
		x[i] = truth_request_ns(t, canary);
	qsort(x, DRAWS, sizeof(*x), by_value);
	truth_free(t);
	return x;
}

double sprt_windows(const struct scenario *s, const struct policy *policy)
{
	static const double levels[] = { 0.5, 0.9, 0.97, 0.99, 0.997, 0.999 };
	const struct world *w = &s->world;
	double per_window = w->requests * w->n_canary *
			    (w->canary_load > 0.0 ? w->canary_load : 1.0);
	double *base = draws(s, false);
	double *canary = draws(s, true);
	double best = 0.0;

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		double tau = base[(size_t)(levels[i] * DRAWS)];
		double limit = 1.0 + fmax(policy->margin,
					  policy->margin_ms * 1e6 / tau);
		double is = share_above(canary, tau * limit);

		if (is > 1.0 - levels[i])
			best = fmax(best, divergence(is, 1.0 - levels[i]));
	}
	free(base);
	free(canary);
	return fmax(1.0, log(1.0 / policy->alpha_fail) / best / per_window);
}
