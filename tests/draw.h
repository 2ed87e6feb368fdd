/* SPDX-License-Identifier: Apache-2.0 */
/* draw - random numbers of known laws, for simulations and properties. */
#ifndef TESTS_DRAW_H
#define TESTS_DRAW_H

#include <math.h>
#include <stdint.h>

#include "stats/rng.h"

/* Uniform on (0, 1): never 0, so that its logarithm is finite. */
static inline double draw_uniform(struct rng *r)
{
	return ((double)(rng_next(r) >> 11) + 0.5) * 0x1p-53;
}

/* Standard normal, by Box and Muller. */
static inline double draw_normal(struct rng *r)
{
	return sqrt(-2.0 * log(draw_uniform(r))) *
	       cos(6.283185307179586 * draw_uniform(r));
}

/* Poisson: by multiplication for small means, else by the normal. */
static inline uint32_t draw_poisson(struct rng *r, double mean)
{
	double p = exp(-mean);
	uint32_t n = 0;
	double u;

	if (mean > 30.0) {
		double x = floor(mean + sqrt(mean) * draw_normal(r) + 0.5);

		return x > 0.0 ? (uint32_t)x : 0;
	}
	u = draw_uniform(r);
	while (u > p) {
		u *= draw_uniform(r);
		n++;
	}
	return n;
}

#endif /* TESTS_DRAW_H */
