/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/interval.h"

#include <math.h>
#include <string.h>

#include "stats/hist.h"
#include "stats/tally.h"

/* 2 / .05: each end errs with a chance of 2.5 % */
static const double LOG_REACHED = 3.6888794541139363;

static double grid(int k)
{
	if (k < 12)
		return -1.6 + 0.1 * k;
	if (k < 72)
		return -0.4 + 0.02 * (k - 12);
	return 0.8 + 0.1 * (k - 72);
}

void interval_init(struct interval *v)
{
	memset(v, 0, sizeof(*v));
	v->lo = grid(0);
	v->hi = grid(INTERVAL_GRID - 1);
}

void interval_plan(struct interval_counts *c, uint64_t tau_ns)
{
	memset(c, 0, sizeof(*c));
	for (int k = 0; k < INTERVAL_GRID; k++) {
		double at = ceil((double)tau_ns * exp(grid(k)));
		uint64_t ns =
			at < (double)HIST_MAX_NS ? (uint64_t)at : HIST_MAX_NS;
		uint32_t b = hist_bucket(ns);

		c->up[k] = b;
		c->down[k] = hist_edge(b) == ns || b == 0 ? b : b - 1;
	}
}

void interval_count(struct interval_counts *c, const struct tally *t,
		    double cap)
{
	uint32_t iu = 0;
	uint32_t id = 0;

	/* the grid ascends, so each entry is passed once */
	for (int k = 0; k < INTERVAL_GRID; k++) {
		double x_up;
		double x_down;

		while (iu < t->n && t->bucket[iu] <= c->up[k])
			iu++;
		while (id < t->n && t->bucket[id] <= c->down[k])
			id++;
		x_up = iu < t->n ? (double)t->above[iu] : 0.0;
		x_down = id < t->n ? (double)t->above[id] : 0.0;
		c->x_up[k] += fmin(x_up, cap);
		c->x_down[k] += fmin(x_down, cap);
	}
}

/*
 * Where the log of the evidence crosses LOG_REACHED between grid points a
 * (reached) and b (not), by a straight line.
 */
static double crossing(double at_a, double log_a, double at_b, double log_b)
{
	double part = (log_a - LOG_REACHED) / (log_a - log_b);

	return at_a + part * (at_b - at_a);
}

static void ends_tighten(struct interval *v)
{
	double before = 0.0;

	for (int k = 0; k < INTERVAL_GRID; k++) {
		double e = tilts_log_mean(&v->more[k]);

		if (e < LOG_REACHED) {
			if (k > 0)
				v->lo = fmax(v->lo,
					     crossing(grid(k - 1), before,
						      grid(k), e));
			break;
		}
		before = e;
	}
	for (int k = INTERVAL_GRID - 1; k >= 0; k--) {
		double e = tilts_log_mean(&v->fewer[k]);

		if (e < LOG_REACHED) {
			if (k < INTERVAL_GRID - 1)
				v->hi = fmin(v->hi,
					     crossing(grid(k + 1), before,
						      grid(k), e));
			break;
		}
		before = e;
	}
}

void interval_bet(struct interval *v, const struct interval_counts *c,
		  const struct odds *o, double x_b, double phi)
{
	for (int k = 0; k < INTERVAL_GRID; k++) {
		tilts_bet(&v->more[k], o, BET_AGAINST, c->x_up[k], x_b, phi);
		tilts_bet(&v->fewer[k], o, BET_FOR, c->x_down[k], x_b, phi);
	}
	ends_tighten(v);
}

void interval_read(const struct interval *v, double *ret_lo, double *ret_hi)
{
	*ret_lo = exp(v->lo);
	*ret_hi = exp(v->hi);
}
