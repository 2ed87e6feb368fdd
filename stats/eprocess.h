/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eprocess - evidence that may be looked at after every block.
 *
 * A bet asks whether x_c of x_c + x_b events fell on the canary, which had
 * the share rho of the exposure.  Under the null (the canary's rate is at
 * most the baseline's) the factor
 *
 *	exp(theta x_c - (x_c + x_b) ln(1 - rho + rho e^theta)),  theta > 0
 *
 * has a mean of at most 1 given x_c + x_b (binomial, and hypergeometric by
 * Hoeffding 1963, theorem 4).  The product over blocks is a test
 * supermartingale; by Ville's inequality it ever reaches 1/alpha with a
 * chance of at most alpha.  The logarithm is divided by phi >= 1, the
 * overdispersion of counts, which makes it a quasi-likelihood: METHOD.md says
 * what then still holds.  theta < 0 tests the opposite null.
 *
 * Which theta is best depends on the shift, so a fixed grid of tilts is
 * averaged: the mean of e-processes is one.
 */
#ifndef STATS_EPROCESS_H
#define STATS_EPROCESS_H

enum { TILT_N = 7 };

/* ln of each tilt's process; all 0 is the start, E = 1. */
struct tilts {
	double log_e[TILT_N];
};

/*
 * What every bet of a block shares: ln(1 - rho + rho e^theta) for each tilt,
 * against the canary (up) and for it (down).
 */
struct odds {
	double rho; /* the canary's share of the exposure, 0 < rho < 1 */
	const double *theta; /* the tilts: of latencies, or of rates */
	double up[TILT_N];
	double down[TILT_N];
};

/* The odds of latencies at rho. */
void odds_init(struct odds *o, double rho);

/* The odds of rates: wider tilts, because there may be no event at all. */
void odds_init_rate(struct odds *o, double rho);

/*
 * The odds of rates where the canary is permitted ratio times the baseline's
 * rate: rho' = rho r / (1 - rho + rho r).
 */
void odds_init_ratio(struct odds *o, double rho, double ratio);

enum bet { BET_AGAINST, BET_FOR }; /* the canary */

/* ln of the factor of each tilt, over phi, added to t. */
void tilts_bet(struct tilts *t, const struct odds *o, enum bet bet, double x_c,
	       double x_b, double phi);

/*
 * The same where the canary's rate may be the baseline's plus rise, over n_c
 * of the canary's exposures: the null adds n_c rise Poisson events to the
 * canary, whose mean factor exp(n_c rise (e^(theta - c) - 1)) is taken off.
 */
void tilts_bet_rise(struct tilts *t, const struct odds *o, enum bet bet,
		    double x_c, double x_b, double n_c, double rise,
		    double phi);

/* t += add, t += add - drop: for evidence without some of its blocks. */
void tilts_add(struct tilts *t, const struct tilts *add);
void tilts_sub(struct tilts *t, const struct tilts *drop);

/* ln of the mean over the tilts. */
double tilts_log_mean(const struct tilts *t);

/* ln of the mean weighted by weight, whose sum is 1. */
double tilts_log_mix(const struct tilts *t, const double weight[TILT_N]);

/* ln of the tilt that has most of that mean, without its weight. */
double tilts_lead(const struct tilts *t, const double weight[TILT_N]);

/*
 * A bet that is right wins the same with each request.  What it has won so far,
 * lead, is therefore its share of what it must win: that the mixture, now
 * log_e, comes to wanted, which is that and all that the mixture lost on
 * others. So many times the time so far does that take; INFINITY where nothing
 * was won.
 */
double tilts_times(double log_e, double lead, double wanted);

#endif /* STATS_EPROCESS_H */
