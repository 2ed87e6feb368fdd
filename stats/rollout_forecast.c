/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_forecast - how many canary requests are missing: METHOD.md, section
 * 9.  tilts_times() says of one mixture how long it takes; a failure and a pass
 * need several, and the nearer of the two is what is waited for.
 */
#include "stats/rollout.h"

#include <math.h>

#include "stats/rollout_state.h"

/*
 * What evidence grows by is known but roughly, so that it takes as long again
 * as it took so far has this weight, of logarithms.  Of simulated rollouts .15
 * brings more forecasts within three times of the truth a quarter, half and
 * three quarters of the way; more of it makes the late ones too long.
 */
static const double AS_LONG_AGAIN = 0.15;

static double times_until(const struct rollout_evidence *e, double wanted)
{
	return tilts_times(e->log_e, e->parts.lead, wanted);
}

/* The same of one route's evidence: that of all costs too much to ask often. */
static double times_of(const struct rollout_route *route,
		       const struct against *x, double wanted)
{
	return tilts_times(log(route->weight) + x->all, x->lead, wanted);
}

/*
 * How many times the blocks so far does it take until the evidence of one
 * canary instance suffices, which must be there without two minutes, whichever
 * these are.
 */
static double times_without_incident(const struct rollout *r,
				     const struct rollout_evidence *limit)
{
	const struct rollout_route *route = &r->routes[limit->route];
	double out = (double)r->incident_rounds / r->round;
	double even = times_until(limit, rollout_log_robust) + out;
	struct against least = { .all = INFINITY };
	uint32_t by = (r->incident_rounds + 3) / 4;
	double times;

	if (out >= 1.0 || route->weight <= 0.0)
		return even;
	for (uint32_t i = 0; i < r->round; i += by) {
		struct against x;

		rollout_ask_route(route, ASK_WITHOUT, i, i + r->incident_rounds,
				  &x);
		if (x.all < least.all)
			least = x;
	}
	times = times_of(route, &least, rollout_log_robust) * (1.0 - out) + out;
	return isfinite(times) ? fmax(times, even) : even;
}

/* The same without each of several. */
static double times_but_one(const struct rollout *r,
			    const struct rollout_route *route)
{
	double times = 0.0;

	for (uint32_t i = 0; i < r->n_instances; i++) {
		struct against x;

		if (r->instances[i].cohort != COHORT_CANARY ||
		    !r->instances[i].judged || route->weight <= 0.0)
			continue;
		rollout_ask_route(route, ASK_BUT, i, 0, &x);
		times = fmax(times, times_of(route, &x, rollout_log_robust));
	}
	return times;
}

/* The same of all that a failure needs: METHOD.md, section 6. */
static double times_until_fail(const struct rollout *r)
{
	struct rollout_evidence limit =
		rollout_ask(r, ASK_NULL, SHIFT_LIMIT, 0);
	struct rollout_evidence floor =
		rollout_ask(r, ASK_NULL, SHIFT_FLOOR, 0);
	double times = fmax(times_until(&limit, -log(r->policy.alpha_fail)),
			    times_until(&floor, rollout_log_floor));

	/* nothing wins: no need to ask further */
	if (!isfinite(times))
		return times;
	return fmax(times, rollout_n_canary(r) < 2
				   ? times_without_incident(r, &limit)
				   : times_but_one(r, &r->routes[limit.route]));
}

/* Requests that are missing, n being there and so many times n wanted. */
static double missing(double n, double times)
{
	return n * pow(fmax(times - 1.0, 0.0), 1.0 - AS_LONG_AGAIN);
}

static double two_figures(double x)
{
	double unit = pow(10.0, floor(log10(x)) - 1.0);

	return ceil(x / unit) * unit;
}

void rollout_forecast(const struct rollout *r, const struct pass_reach *reach,
		      struct verdict *v)
{
	double n = (double)v->canary_requests;
	double n_step = n;
	double need = INFINITY;
	double rate = rollout_rate(r, COHORT_CANARY);

	if (r->round > 0) {
		/* evidence for a pass is that of the step alone */
		n_step *= (double)(r->round - r->round_step) / r->round;
		need = missing(n_step, reach->times);
		/* a pass also takes the windows that the policy asks for */
		if (r->windows_step > 0 &&
		    r->windows_step < r->policy.soak_windows)
			need = fmax(need, n_step *
						  (r->policy.soak_windows -
						   r->windows_step) /
						  r->windows_step);
		need = fmin(need, missing(n, times_until_fail(r)));
		/* nothing is decided before the next block is over */
		need = fmax(need, n / r->round);
	}
	/* nothing wins yet: as much again, and a P99 to speak of */
	if (!isfinite(need))
		need = fmax(TAIL_REQUESTS - n, n);
	need = fmin(fmax(need, 100.0), 1e8);
	v->need_requests = (uint64_t)two_figures(need);
	if (rate > 0.0)
		v->need_seconds = (uint32_t)two_figures(
			fmin(fmax(need / rate, 1.0), 1e9));
}
