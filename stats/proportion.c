/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/proportion.h"

#include <errno.h>

#include "stats/special.h"

/* The x at which I_x(a, b), which rises with x, is p. */
static double beta_quantile(double a, double b, double p)
{
	double lo = 0.0;
	double hi = 1.0;

	/* halving ends where no double lies in between */
	for (int i = 0; i < 100; i++) {
		double x = lo + (hi - lo) / 2.0;

		if (special_beta(a, b, x) < p)
			lo = x;
		else
			hi = x;
	}
	return hi;
}

int proportion_interval(uint64_t k, uint64_t n, double level, double *ret_lo,
			double *ret_hi)
{
	double tail = (1.0 - level) / 2.0;
	double x = (double)k;
	double m = (double)n - (double)k;

	/* NaN is outside what is accepted */
	if (n == 0 || k > n || !(level > 0.0 && level < 1.0))
		return -EINVAL;
	*ret_lo = k == 0 ? 0.0 : beta_quantile(x, m + 1.0, tail);
	*ret_hi = k == n ? 1.0 : beta_quantile(x + 1.0, m, 1.0 - tail);
	return 0;
}
