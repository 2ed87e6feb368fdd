/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moderate - variances of many small samples, drawn towards each other.
 *
 * Smyth (Statistical Applications in Genetics and Molecular Biology 3, 2004):
 * sample variances s^2 with d degrees of freedom are taken to scatter about a
 * common s0^2 as if it came from d0 further observations.  Both are fitted
 * from the mean and variance of ln s^2.
 */
#ifndef STATS_MODERATE_H
#define STATS_MODERATE_H

#include <stddef.h>

struct moderation {
	double d0; /* at most 60: never blind to a variance of its own */
	double s2_0;
};

/*
 * Fit n sample variances, all positive, of d >= 1 degrees of freedom each.
 * Fewer than 10 give d0 = 4 about their mean: some, but not much.
 */
struct moderation moderate_fit(const double *s2, size_t n, double d);

/* (d0 s0^2 + d s^2) / (d0 + d) */
double moderate(const struct moderation *m, double s2, double d);

/*
 * ln of the e-value of a t statistic with df degrees of freedom: the ratio of
 * its likelihood with an effect drawn from a normal of lambda times the
 * variance of its estimate, over that without effect (Rouder and others 2009;
 * Lai, Annals of Statistics 4, 1976).
 */
double moderate_log_e(double t, double df, double lambda);

#endif /* STATS_MODERATE_H */
