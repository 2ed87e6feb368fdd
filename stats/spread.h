/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spread - how much baseline instances differ, in time and among themselves.
 *
 * dispersion: phi, by how much the variance of an instance's counts exceeds
 * the binomial one, dependence over up to SPREAD_LAGS blocks included.  With
 * z_iw = (x_iw - e_iw) / sqrt(e_iw (1 - pi_w)), e_iw = n_iw pi_w r_i, pi_w
 * the baseline's share in block w and r_i the rate of instance i over the
 * pooled one in earlier blocks:
 *
 *	g0    = sum z^2 / N,  N = sum over blocks (baseline instances with a z,
 *less 1) g_NW  = g0 + 2 sum_l (1 - l/7) sum z_iw z_i,w-l / N   (Newey and West,
 *		Econometrica 55, 1987)
 *	f     = (N max(g0, g_NW) + 26) / (N + 20)
 *	phi   = max(1, f (1 + sqrt(2 / (N + 20))))
 *
 * so that it begins at 1.7 and comes down to what was seen.
 *
 * Whatever makes an instance's rate vary (a pause, a burst, a slow minute) adds
 * a variance of the rate; in counts its part grows with how many requests the
 * instance has.  So phi of a block whose instances have other numbers of them
 * has g - 1 times
 *
 *	(N_c + r N_b) / ((1 + r) N),  r = n_c / n_b
 *
 * with N_c = sum n^2 / sum n over the canary's instances, N_b the same of the
 * baseline, N the mean of the instance-blocks that g was learned from.
 *
 * floor: eta, what the luck of which instances are the canary's can do to
 * ln of a quantile: t quantile times s sqrt(1/nc + 1/nb), s^2 the sample
 * variance over baseline instances, moderated by what earlier rollouts of
 * the service taught (Smyth 2004).  Sampling noise is not taken off, so a
 * young rollout has a high floor.
 */
#ifndef STATS_SPREAD_H
#define STATS_SPREAD_H

#include <stdbool.h>
#include <stdint.h>

enum { SPREAD_LAGS = 6 };

struct dispersion {
	double n;     /* N above */
	double sum_n; /* requests of the instance-blocks with a z */
	double n_n;   /* and how many these were */
	double sum_z2;
	double sum_lag[SPREAD_LAGS];
};

/* What dispersion keeps of one instance. */
struct dispersion_trace {
	double sum_x;		   /* events in earlier blocks */
	double sum_e;		   /* as many as the pooled rate expects */
	double z[SPREAD_LAGS + 1]; /* of the last blocks, newest first */
	uint64_t block;		   /* of the newest z, plus one; 0: none */
};

/*
 * Note one baseline instance's block: x events where the pooled share makes
 * n_pi likely, a fraction pi of its requests.  False if it was its first: then
 * there is no z yet and it does not count in N.
 */
bool dispersion_note(struct dispersion *d, struct dispersion_trace *t,
		     uint64_t block, double x, double n_pi, double pi);

/* Count a block in which n_baseline instances had a z; after their notes. */
void dispersion_block(struct dispersion *d, uint32_t n_baseline);

/* phi of what was noted so far, at least 1. */
double dispersion_phi(const struct dispersion *d);

/* The same of a block of exposure (N_c + r N_b) / (1 + r), see above. */
double dispersion_phi_at(const struct dispersion *d, double exposure);

/*
 * That exposure, of the requests n of a block's baseline and canary and the
 * sums n2 of their squares over instances; both cohorts have some.
 */
double dispersion_exposure(const double n[2], const double n2[2]);

/* What earlier rollouts taught of ln q: s0^2 with df degrees of freedom. */
struct spread_prior {
	double s2;
	double df; /* 0: nothing */
};

/* Sample variance of n values; 0 for fewer than 2. */
double spread_variance(const double *v, uint32_t n);

/*
 * The moderated standard deviation of n_baseline instances with sample
 * variance s2.  ret_df receives its degrees of freedom; 0 if there are none,
 * and then nothing is known.
 */
double spread_moderate(double s2, uint32_t n_baseline,
		       const struct spread_prior *prior, double *ret_df);

/* The t quantiles of both floors at df: remembered, as they are dear. */
struct spread_t {
	double df; /* they belong to; 0: none yet */
	double fail;
	double pass;
};

/* Chances that the luck of instances exceeds the floor, one side. */
#define SPREAD_FAIL_P 0.9925
#define SPREAD_PASS_P 0.96

/* No canary passes where the floor is so much (of ln q) above the limit. */
#define SPREAD_PASS_BEYOND 0.1

void spread_t_at(struct spread_t *t, double df);

/*
 * The floor eta, by a t quantile, of a spread sd with df degrees of freedom
 * between n_instances of the baseline and the canary; INFINITY where nothing
 * is known of it.
 */
double spread_floor(double quantile, double sd, double df,
		    const uint32_t n_instances[2]);

/* A shift that was measured, and the luck of instances in it. */
struct spread_luck {
	double sd; /* between instances, without sampling noise */
	double df; /* of it, and its t quantiles */
	struct spread_t t;
	double n_canary; /* instances, 1 at least; so are baseline ones */
	double n_baseline;
	double shift; /* ln of the ratio that was measured */
	double limit; /* ln of the one that is permitted */
};

struct spread_more {
	uint32_t canary;
	uint32_t baseline;
};

/*
 * How many instances to add, at most SPREAD_MORE_MAX of a cohort and in all as
 * few as will do, so that the rollout is decided with a chance of SPREAD_SURE:
 * if what the canary's build does is anything, given the shift that was
 * measured, the shift over all instances then lies beyond the limit and the
 * floor, or as far below the limit as the floor for a pass is high.
 *
 * Returns false, and ret_m is as many as there may be, where that does not
 * suffice.
 */
enum { SPREAD_MORE_MAX = 100 };
#define SPREAD_SURE 0.85

bool spread_more(const struct spread_luck *l, struct spread_more *ret_m);

#endif /* STATS_SPREAD_H */
