/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_evidence - what all routes together say, against the canary and for
 * it: METHOD.md, sections 6 and 7.
 */
#include "stats/rollout.h"

#include <math.h>

#include "stats/rollout_state.h"
#include "stats/special.h"
#include "stats/throughput.h"

/* Evidence still there without one instance, or one short incident. */
const double rollout_log_robust = 1.0986122886681098; /* ln 3 */
/* Weak evidence beyond the instance floor suffices: METHOD.md, "Floor". */
const double rollout_log_floor = 1.0986122886681098; /* ln 3 */
/* Of a route's evidence, where throughput is judged: as of a rate. */
static const double WEIGHT_THROUGHPUT = 0.1;
/* A route that carries this much of the canary passes for itself. */
static const double SHARE_ALONE = 0.25;
/* Fewer requests than this have no P99 to speak of: 20 beyond it. */
static const double REST_TAIL = 2000.0;
/* One below this is too rare to wait for. */
static const double SHARE_JUDGED = 0.02;
/* So much of the canary must have a baseline to be compared with. */
static const double SHARE_COMPARED = 0.5;

/* --- evidence over all routes --- */

/* Throughput joins the evidence about a route, where the policy asks for it. */
static void add_throughput(const struct rollout_route *route,
			   enum rollout_asked what, uint32_t a, uint32_t b,
			   struct against *x)
{
	const struct throughput *t = route->throughput;
	double others = log1p(-WEIGHT_THROUGHPUT);
	struct throughput_won w;

	if (!t)
		return;
	if (what == ASK_NULL)
		w = throughput_against(t, (enum shift_null)a);
	else if (what == ASK_BUT)
		w = throughput_against_but(t, a);
	else if (what == ASK_WITHOUT)
		w = throughput_against_without(t, a, b);
	else
		w = throughput_against_within(t, a, b);
	x->latency += others;
	for (int k = 0; k < RATE_N; k++)
		x->rate[k] += others;
	x->throughput = log(WEIGHT_THROUGHPUT) + w.log_e;
	if (x->throughput > x->all + others)
		x->lead = w.lead;
	x->all = special_log_add(x->all + others, x->throughput);
}

void rollout_ask_route(const struct rollout_route *route,
		       enum rollout_asked what, uint32_t a, uint32_t b,
		       struct against *ret_x)
{
	if (what == ASK_NULL)
		shift_against(route->shift, (enum shift_null)a, ret_x);
	else if (what == ASK_BUT)
		shift_against_but(route->shift, a, ret_x);
	else if (what == ASK_WITHOUT)
		shift_against_without(route->shift, a, b, ret_x);
	else
		shift_against_within(route->shift, a, b, ret_x);
	add_throughput(route, what, a, b, ret_x);
}

struct rollout_evidence rollout_ask(const struct rollout *r,
				    enum rollout_asked what, uint32_t a,
				    uint32_t b)
{
	struct rollout_evidence e = { .log_e = -INFINITY };
	double most = -INFINITY;
	double left = 1.0;

	for (uint32_t i = 0; i < r->n_routes; i++) {
		const struct rollout_route *route = &r->routes[i];
		struct against x;
		double mine;

		if (route->weight <= 0.0)
			continue;
		rollout_ask_route(route, what, a, b, &x);
		mine = log(route->weight) + x.all;
		left -= route->weight;
		e.log_e = special_log_add(e.log_e, mine);
		if (mine > most) {
			most = mine;
			e.route = i;
			e.parts = x;
		}
	}
	/* what is kept back for late routes has not been bet: E = 1 */
	if (left > 0.0)
		e.log_e = special_log_add(e.log_e, log(left));
	return e;
}

uint32_t rollout_n_canary(const struct rollout *r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r->n_instances; i++)
		n += r->instances[i].cohort == COHORT_CANARY &&
		     r->instances[i].judged;
	return n;
}

/* Is there as much without the worst instance, or the worst two minutes? */
static bool robust(const struct rollout *r)
{
	if (rollout_n_canary(r) < 2) {
		for (uint32_t i = 0; i < r->round; i++)
			if (rollout_ask(r, ASK_WITHOUT, i,
					i + r->incident_rounds)
				    .log_e < rollout_log_robust)
				return false;
		return r->round > 0;
	}
	for (uint32_t i = 0; i < r->n_instances; i++)
		if (r->instances[i].cohort == COHORT_CANARY &&
		    r->instances[i].judged &&
		    rollout_ask(r, ASK_BUT, i, 0).log_e < rollout_log_robust)
			return false;
	return true;
}

enum rollout_shift rollout_shift_holds(const struct rollout *r,
				       struct rollout_evidence *ret_e)
{
	*ret_e = rollout_ask(r, ASK_NULL, SHIFT_LIMIT, 0);
	if (ret_e->log_e + log(r->policy.alpha_fail) < 0.0 ||
	    rollout_ask(r, ASK_NULL, SHIFT_FLOOR, 0).log_e <
		    rollout_log_floor ||
	    !robust(r))
		return SHIFT_HOLDS_NOT;
	/* the last third of the time must agree, or it is over */
	if (rollout_ask(r, ASK_WITHIN, r->round - (r->round + 2) / 3, r->round)
		    .log_e <= 0.0)
		return SHIFT_WENT_AWAY;
	return SHIFT_HOLDS;
}

/* --- passing --- */

void rollout_pass_reach(const struct rollout *r, struct pass_reach *ret_reach)
{
	struct pass_reach *reach = ret_reach;
	double n_canary = 0.0;
	double n_compared = 0.0;
	struct pass all = { 0 };
	struct pass rest = { 0 };
	double n_rest = 0.0;

	for (uint32_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].shift) {
			n_canary += (double)r->routes[i].n_requests[1];
			n_compared += (double)r->routes[i].n_compared[1];
		}
	*reach = (struct pass_reach){ -INFINITY, INFINITY };
	if (n_canary <= 0.0 || n_compared < SHARE_COMPARED * n_canary)
		return;
	*reach = (struct pass_reach){ INFINITY, 0.0 };
	for (uint32_t i = 0; i < r->n_routes; i++) {
		const struct rollout_route *route = &r->routes[i];
		double share = (double)route->n_compared[1] / n_compared;

		/* also where the canary has none of it */
		if (route->throughput)
			throughput_reach(route->throughput,
					 r->policy.alpha_pass, reach);
		if (!route->shift || share < SHARE_JUDGED)
			continue;
		if (shift_log_far_tail(route->shift) +
			    log(r->policy.alpha_pass) >=
		    0.0) {
			*reach = (struct pass_reach){ -INFINITY, INFINITY };
			return;
		}
		shift_pass_add(route->shift, &all);
		if (share >= SHARE_ALONE) {
			struct pass own = { 0 };

			shift_pass_add(route->shift, &own);
			pass_reach(&own, r->policy.alpha_pass, reach);
		} else {
			shift_pass_add(route->shift, &rest);
			n_rest += (double)route->n_compared[1];
		}
	}
	pass_reach(&all, r->policy.alpha_pass, reach);
	if (n_rest > 0.0)
		pass_reach_latency(&rest, n_rest >= REST_TAIL, reach);
}
