/* SPDX-License-Identifier: Apache-2.0 */
/* rollout_view - what the fold knows, as a report shows it; see rollout.h. */
#include "stats/rollout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff.h"
#include "stats/rollout_state.h"
#include "stats/throughput.h"

static double quantile_ms(const struct hist *h, double q)
{
	uint64_t ns;

	return hist_quantile(h, q, &ns) < 0 ? 0.0 : (double)ns / 1e6;
}

/* Most requests of the canary first; insertion, because little changes. */
void rollout_order(struct rollout *r)
{
	size_t *order = realloc(r->order, (r->n_routes + 1) * sizeof(*order));

	if (!order) /* the views then show what the last order had */
		return;
	r->order = order;
	for (size_t i = 0; i < r->n_routes; i++) {
		uint64_t n = r->routes[i].n_requests[COHORT_CANARY];
		size_t at = i;

		while (at > 0 &&
		       r->routes[order[at - 1]].n_requests[COHORT_CANARY] < n) {
			order[at] = order[at - 1];
			at--;
		}
		order[at] = i;
	}
}

size_t rollout_n_routes(const struct rollout *r)
{
	return r->order ? r->n_routes : 0;
}

static enum verdict_word route_word(const struct rollout *r,
				    const struct rollout_route *route,
				    double log_fail, const struct pass *pass)
{
	struct pass_reach reach = { INFINITY, 0.0 };

	if (route->ignored)
		return VERDICT_PASS;
	if (log_fail + log(r->policy.alpha_fail) >= 0.0)
		return VERDICT_FAIL;
	pass_reach(pass, r->policy.alpha_pass, &reach);
	if (reach.left >= 0.0)
		return VERDICT_PASS;
	return VERDICT_RUNNING;
}

/*
 * What both cohorts did in the same blocks, as the verdict sees them; where
 * there was no such block, what was seen.
 */
static double route_quantile_ms(const struct rollout_route *route, int cohort,
				double q)
{
	bool canary = cohort == COHORT_CANARY;
	uint64_t ns;

	if (route->shift && shift_quantile(route->shift, canary, q, &ns) == 0)
		return (double)ns / 1e6;
	return quantile_ms(route->hist[cohort], q);
}

/* A route's answered requests over all others; negative: there are none. */
static double route_odds(const struct rollout *r,
			 const struct rollout_route *route, int c)
{
	double answered = (double)(route->n_requests[c] -
				   route->n_events[RATE_UNANSWERED][c]);
	double all = 0.0;

	for (uint32_t k = 0; k < r->n_routes; k++)
		if (!r->routes[k].ignored)
			all += (double)r->routes[k].n_requests[c];
	return all > answered ? answered / (all - answered) : -1.0;
}

static double throughput_of(const struct rollout *r,
			    const struct rollout_route *route)
{
	double share[2];
	double base = route_odds(r, route, COHORT_BASELINE);
	double canary = route_odds(r, route, COHORT_CANARY);

	if (route->throughput)
		return throughput_ratio(route->throughput, share);
	return base > 0.0 && canary >= 0.0 ? canary / base : 1.0;
}

void rollout_route(const struct rollout *r, size_t i,
		   struct rollout_route_view *ret_view)
{
	const struct rollout_route *route = &r->routes[r->order[i]];
	struct rollout_route_view *v = ret_view;
	struct against against;
	struct shift_view s;
	struct pass pass = { 0 };

	memset(v, 0, sizeof(*v));
	v->route = route->name;
	v->ignored = route->ignored;
	for (int c = 0; c < COHORT_N; c++) {
		v->n_requests[c] = route->n_requests[c];
		v->n_errors[c] = route->n_events[RATE_ERRORS][c];
		v->n_unanswered[c] = route->n_events[RATE_UNANSWERED][c];
		v->hist[c] = route->hist[c];
		v->p50_ms[c] = route_quantile_ms(route, c, 0.50);
		v->p90_ms[c] = route_quantile_ms(route, c, 0.90);
		v->p99_ms[c] = route_quantile_ms(route, c, 0.99);
		v->p999_ms[c] = route_quantile_ms(route, c, 0.999);
	}
	v->p99_ratio = 1.0;
	v->floor_ratio = 1.0;
	v->throughput_ratio = route->ignored ? 1.0 : throughput_of(r, route);
	v->word = VERDICT_RUNNING;
	if (!route->shift) {
		v->word = VERDICT_PASS;
		return;
	}
	shift_show(route->shift, &s);
	v->p99_ratio = s.ratio;
	v->p99_ratio_lo = s.ratio_lo;
	v->p99_ratio_hi = s.ratio_hi;
	if (s.p99_ns[COHORT_BASELINE] > 0.0)
		v->shift_ms =
			v->p99_ms[COHORT_CANARY] - v->p99_ms[COHORT_BASELINE];
	v->shift_lo_ms = fmin(v->p99_ms[0] * (s.ratio_lo - 1.0), v->shift_ms);
	v->shift_hi_ms = fmax(v->p99_ms[0] * (s.ratio_hi - 1.0), v->shift_ms);
	v->limit_ms = v->p99_ms[0] * expm1(s.limit);
	v->floor_ratio = isfinite(s.floor_fail) && s.floor_fail < 20.0
				 ? exp(s.floor_fail)
				 : 0.0;
	shift_against(route->shift, SHIFT_LIMIT, &against);
	shift_pass_add(route->shift, &pass);
	v->log_e_fail = against.all;
	v->log_e_pass = pass_log(&pass);
	v->word = route_word(r, route, against.all, &pass);
}

size_t rollout_n_instances(const struct rollout *r)
{
	return r->n_instances;
}

void rollout_instance(const struct rollout *r, size_t i,
		      struct rollout_instance_view *ret_view)
{
	const struct rollout_instance *in = &r->instances[i];

	ret_view->name = in->name;
	ret_view->cohort = in->cohort;
	ret_view->n_requests = in->n_requests;
	ret_view->n_lost = in->n_lost;
	ret_view->n_restarts = in->n_restarts;
	ret_view->warm = in->warm;
	ret_view->p99_ms = quantile_ms(in->hist, 0.99);
}

size_t rollout_points(const struct rollout *r,
		      const struct rollout_point **ret_points)
{
	*ret_points = r->points;
	return r->n_points;
}

void rollout_quality(const struct rollout *r, struct rollout_quality *ret_q)
{
	*ret_q = r->quality;
}

const char *path_class_name(enum path_class c)
{
	static const char *const names[PATH_CLASS_N] = {
		[PATH_UNCHANGED] = "unchanged",
		[PATH_NEW] = "new",
		[PATH_VANISHED] = "vanished",
		[PATH_GROWN] = "grown",
		[PATH_SHRUNK] = "shrunk",
		[PATH_SHIFTED] = "shifted",
		[PATH_UNSETTLED] = "unsettled",
		[PATH_INSUFFICIENT] = "insufficient",
	};

	return (unsigned int)c < PATH_CLASS_N ? names[c] : "insufficient";
}

size_t rollout_findings(const struct rollout *r,
			const struct rollout_finding **ret_findings)
{
	*ret_findings = r->findings;
	return r->n_findings;
}

size_t rollout_paths(const struct rollout *r,
		     const struct rollout_path **ret_paths)
{
	size_t n;

	*ret_paths = NULL;
	/* only whoever looks pays for it; no memory shows nothing */
	return flamediff_paths(r->flame, ret_paths, &n) < 0 ? 0 : n;
}
