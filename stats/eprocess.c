/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/eprocess.h"

#include <math.h>

/*
 * From .02 up: a grid from .15 up loses half the power at the median, where
 * a shift of 5 % moves the share above it by only 7 %.
 */
static const double latency_theta[TILT_N] = { 0.02, 0.05, 0.1, 0.2,
					      0.4,  0.8,  1.5 };

/*
 * Up to 5: without any error, the evidence that the rate is below d grows by
 * d (1 - e^-theta) with each request, and 1.5 would leave a fifth of it.
 */
static const double rate_theta[TILT_N] = { 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0 };

static void odds_fill(struct odds *o, double rho, const double *theta)
{
	o->rho = rho;
	o->theta = theta;
	for (int i = 0; i < TILT_N; i++) {
		o->up[i] = log1p(rho * expm1(theta[i]));
		o->down[i] = log1p(rho * expm1(-theta[i]));
	}
}

void odds_init(struct odds *o, double rho)
{
	odds_fill(o, rho, latency_theta);
}

void odds_init_rate(struct odds *o, double rho)
{
	odds_fill(o, rho, rate_theta);
}

void odds_init_ratio(struct odds *o, double rho, double ratio)
{
	odds_fill(o, rho * ratio / (1.0 - rho + rho * ratio), rate_theta);
}

void tilts_bet(struct tilts *t, const struct odds *o, enum bet bet, double x_c,
	       double x_b, double phi)
{
	double sign = bet == BET_AGAINST ? 1.0 : -1.0;
	const double *c = bet == BET_AGAINST ? o->up : o->down;

	for (int i = 0; i < TILT_N; i++)
		t->log_e[i] +=
			(sign * o->theta[i] * x_c - (x_c + x_b) * c[i]) / phi;
}

void tilts_bet_rise(struct tilts *t, const struct odds *o, enum bet bet,
		    double x_c, double x_b, double n_c, double rise, double phi)
{
	double sign = bet == BET_AGAINST ? 1.0 : -1.0;
	const double *c = bet == BET_AGAINST ? o->up : o->down;

	tilts_bet(t, o, bet, x_c, x_b, phi);
	for (int i = 0; i < TILT_N; i++)
		t->log_e[i] -=
			n_c * rise * expm1(sign * o->theta[i] - c[i]) / phi;
}

void tilts_add(struct tilts *t, const struct tilts *add)
{
	for (int i = 0; i < TILT_N; i++)
		t->log_e[i] += add->log_e[i];
}

void tilts_sub(struct tilts *t, const struct tilts *drop)
{
	for (int i = 0; i < TILT_N; i++)
		t->log_e[i] -= drop->log_e[i];
}

static double largest(const struct tilts *t)
{
	double hi = t->log_e[0];

	for (int i = 1; i < TILT_N; i++)
		hi = t->log_e[i] > hi ? t->log_e[i] : hi;
	return hi;
}

double tilts_log_mix(const struct tilts *t, const double weight[TILT_N])
{
	double hi = largest(t);
	double sum = 0.0;

	for (int i = 0; i < TILT_N; i++)
		sum += weight[i] * exp(t->log_e[i] - hi);
	return hi + log(sum);
}

double tilts_lead(const struct tilts *t, const double weight[TILT_N])
{
	int lead = 0;

	for (int i = 1; i < TILT_N; i++)
		if (t->log_e[i] + log(weight[i]) >
		    t->log_e[lead] + log(weight[lead]))
			lead = i;
	return t->log_e[lead];
}

double tilts_log_mean(const struct tilts *t)
{
	double hi = largest(t);
	double sum = 0.0;

	for (int i = 0; i < TILT_N; i++)
		sum += exp(t->log_e[i] - hi);
	return hi + log(sum / TILT_N);
}

double tilts_times(double log_e, double lead, double wanted)
{
	const double luck = 0.5; /* a bet that won less may yet lose it */

	return lead < luck ? INFINITY : fmax(wanted + lead - log_e, 0.0) / lead;
}
