/* SPDX-License-Identifier: Apache-2.0 */
/*
 * special - the few special functions that the estimators need.
 *
 * Absolute error <= 1e-10 for the distributions, relative error <= 1e-9 for
 * their quantiles, over the ranges stated.  Pure.
 */
#ifndef STATS_SPECIAL_H
#define STATS_SPECIAL_H

/* Regularised incomplete beta I_x(a, b); a, b > 0, 0 <= x <= 1. */
double special_beta(double a, double b, double x);

/* P(T <= t) of Student's t with df > 0 degrees of freedom. */
double special_t_cdf(double t, double df);

/* t with P(T <= t) = p; 0.5 <= p < 1, df >= 1. */
double special_t_quantile(double p, double df);

/* The derivative of ln gamma, and that one's derivative; x > 0. */
double special_digamma(double x);
double special_trigamma(double x);

/* ln(exp(a) + exp(b)) without overflow; -INFINITY is ln 0. */
double special_log_add(double a, double b);

#endif /* STATS_SPECIAL_H */
