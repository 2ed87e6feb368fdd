/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout_judge - from the evidence to a word, a code and a sentence.
 *
 * In this order: what ends a rollout at once, what forbids a judgement, what
 * fails it, what passes it, and otherwise what is still missing.
 */
#include "stats/rollout.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "stats/flamediff.h"
#include "stats/method.h"
#include "stats/rollout_state.h"
#include "stats/special.h"
#include "stats/throughput.h"

/* A disaster is believed later than a shift: nothing checks it further. */
static const double LOG_GROSS = 6.907755278982137; /* ln 1000 */

/* --- figures --- */

static const struct rollout_route *lead_route(const struct rollout *r)
{
	struct rollout_evidence e = rollout_ask(r, ASK_NULL, SHIFT_LIMIT, 0);

	if (r->n_routes == 0 || r->routes[e.route].weight <= 0.0)
		return NULL;
	return &r->routes[e.route];
}

/* The judged route with most of the canary: what a PASS speaks of. */
static const struct rollout_route *busiest_route(const struct rollout *r)
{
	const struct rollout_route *busiest = NULL;

	for (uint32_t i = 0; i < r->n_routes; i++)
		if (r->routes[i].weight > 0.0 &&
		    (!busiest ||
		     r->routes[i].n_requests[1] > busiest->n_requests[1]))
			busiest = &r->routes[i];
	assert(busiest); /* no route compared: nothing passes */
	return busiest;
}

static void figures_route(const struct rollout_route *route, struct verdict *v)
{
	struct shift_view s;
	double base_ms;

	shift_show(route->shift, &s);
	base_ms = s.p99_ns[COHORT_BASELINE] / 1e6;
	(void)snprintf(v->route, sizeof(v->route), "%s", route->name);
	v->p99_ratio = s.ratio;
	v->p99_ratio_lo = s.ratio_lo;
	v->p99_ratio_hi = s.ratio_hi;
	v->p99_baseline_ms = base_ms;
	v->p99_canary_ms = s.p99_ns[COHORT_CANARY] / 1e6;
	v->shift_ms = v->p99_canary_ms - base_ms;
	v->shift_lo_ms = fmin(base_ms * (s.ratio_lo - 1.0), v->shift_ms);
	v->shift_hi_ms = fmax(base_ms * (s.ratio_hi - 1.0), v->shift_ms);
	v->limit_ms = base_ms * expm1(s.limit);
	if (isfinite(s.floor_fail))
		v->detectable_ratio = exp(
			fmin(fmax(s.limit, s.floor_fail) +
				     0.5 * (log(s.ratio_hi) - log(s.ratio_lo)),
			     3.0));
}

static void figures(const struct rollout *r, const struct rollout_route *lead,
		    struct verdict *v)
{
	memset(v, 0, sizeof(*v));
	v->method = METHOD_VERSION;
	v->step = r->step;
	v->windows = r->windows;
	v->p99_ratio = v->p99_ratio_lo = v->p99_ratio_hi = 1.0;
	for (uint32_t i = 0; i < r->n_routes; i++) {
		if (!r->routes[i].shift)
			continue;
		v->canary_requests += r->routes[i].n_requests[COHORT_CANARY];
		v->baseline_requests +=
			r->routes[i].n_requests[COHORT_BASELINE];
	}
	for (uint32_t i = 0; i < r->n_instances; i++) {
		const struct rollout_instance *in = &r->instances[i];

		if (in->n_requests == 0)
			continue;
		if (in->cohort == COHORT_CANARY)
			v->canary_instances++;
		else
			v->baseline_instances++;
	}
	if (lead)
		figures_route(lead, v);
}

/* --- what forbids a judgement --- */

static double lost_share(const struct rollout *r, enum cohort c)
{
	const struct rollout_quality *q = &r->quality;
	double lost = (double)q->lost[c][LOSS_OTHER];

	for (int i = LOSS_RING_FULL; i <= LOSS_UNPARSED; i++)
		lost += (double)q->lost[c][i];
	if (lost <= 0.0)
		return 0.0;
	return lost / (lost + (double)q->n_events[c]);
}

static bool loss_forbids(const struct rollout *r, struct verdict *v,
			 struct verdict_facts *f)
{
	double b = lost_share(r, COHORT_BASELINE);
	double c = lost_share(r, COHORT_CANARY);
	double max = r->policy.loss_max;

	v->code = CODE_LOSS;
	f->subject = c > b ? "canary" : "baseline";
	f->seen = fmax(b, c);
	f->permitted = max;
	f->also = "";
	if (f->seen > max)
		return true;
	/* what is lost is not lost at random: half the bound between them */
	f->permitted = max / 2.0;
	f->also = " more than the other cohort's";
	f->seen = fabs(b - c);
	return f->seen > max / 2.0;
}

static bool load_forbids(const struct rollout *r, struct verdict *v,
			 struct verdict_facts *f)
{
	double ratio;

	if (r->policy.load_unequal_ok || r->load_rounds < 3 ||
	    r->load_n[0] <= 0.0 || r->load_i[1] <= 0.0)
		return false;
	ratio = r->load_n[1] / r->load_i[1] / (r->load_n[0] / r->load_i[0]);
	v->code = CODE_LOAD_UNEQUAL;
	f->seen = ratio;
	f->permitted_lo = r->policy.load_lo;
	f->permitted = r->policy.load_hi;
	return ratio < r->policy.load_lo || ratio > r->policy.load_hi;
}

/*
 * Does far less of the traffic reach the canary than its step's weight says?
 * Counts are Poisson, at best: four standard errors are left to chance.
 */
static bool split_forbids(const struct rollout *r, struct verdict *v,
			  struct verdict_facts *f)
{
	double n = r->load_n[COHORT_CANARY];
	double all = n + r->load_n[COHORT_BASELINE];
	double weight = r->step / 100.0;

	if (weight > 1.0 || r->load_rounds < 3 || all <= 0.0 ||
	    n + 4.0 * sqrt(n + 1.0) >= r->policy.split_lo * weight * all)
		return false;
	v->code = CODE_SPLIT_UNEQUAL;
	f->seen = n / all;
	f->other = weight;
	return true;
}

/* The cohort of which too long nothing was heard, or COHORT_N. */
static enum cohort silent(const struct rollout *r)
{
	if (!r->heard[COHORT_CANARY])
		return COHORT_CANARY;
	if (!r->heard[COHORT_BASELINE])
		return COHORT_BASELINE;
	return COHORT_N;
}

static bool instances_forbid(const struct rollout *r, struct verdict *v,
			     struct verdict_facts *f)
{
	bool canary = v->canary_instances < r->policy.min_canary;

	v->code = CODE_TOO_FEW_INSTANCES;
	f->seen = canary ? v->canary_instances : v->baseline_instances;
	f->permitted = canary ? r->policy.min_canary : r->policy.min_baseline;
	f->subject =
		canary ? f->seen == 1.0 ? "canary instance" : "canary instances"
		: f->seen == 1.0 ? "baseline instance"
				 : "baseline instances";
	if (f->seen >= f->permitted)
		return false;
	*(canary ? &v->need_instances : &v->need_baseline_instances) =
		(uint32_t)(f->permitted - f->seen);
	return true;
}

/* --- the hot path --- */

void rollout_name_hot(const struct rollout *r, bool failed, struct verdict *v,
		      struct rollout_finding *ret_f)
{
	const struct rollout_finding *found;
	size_t n = flamediff_findings(r->flame, &found);

	memset(ret_f, 0, sizeof(*ret_f));
	if (failed) {
		if (flamediff_hot(r->flame, ret_f) < 0)
			return;
	} else if (n > 0 && (found[0].class == PATH_NEW ||
			     found[0].class == PATH_GROWN)) {
		*ret_f = found[0];
	} else {
		return;
	}
	(void)snprintf(v->hot_function, sizeof(v->hot_function), "%s",
		       flamediff_function(r->flame, ret_f->path));
	v->hot_share_baseline = ret_f->share[COHORT_BASELINE];
	v->hot_share_canary = ret_f->share[COHORT_CANARY];
	/* one baseline instance has it: small over all is not new */
	if (ret_f->class != PATH_NEW)
		v->hot_share_baseline = fmax(v->hot_share_baseline, 0.0005);
}

/* --- the verdict --- */

static void say(const struct rollout *r, struct verdict *v,
		enum verdict_word word, bool final,
		const struct verdict_facts *f)
{
	struct rollout_finding hot;

	v->word = word;
	v->final = final;
	rollout_name_hot(r, word == VERDICT_FAIL, v, &hot);
	verdict_say(v, f);
}

/* Which part of a failing route's evidence is the one to name. */
static void fail_facts(const struct rollout *r,
		       const struct rollout_evidence *e, struct verdict *v,
		       struct verdict_facts *f)
{
	const struct rollout_route *route = &r->routes[e->route];
	double latency = e->parts.latency;
	int k = e->parts.rate[1] > e->parts.rate[0];
	double n_b = fmax((double)route->n_requests[0], 1.0);
	double n_c = fmax((double)route->n_requests[1], 1.0);
	double share[2];
	double rise;

	if (e->parts.throughput > latency &&
	    e->parts.throughput > e->parts.rate[k]) {
		double odds;

		(void)throughput_ratio(route->throughput, share);
		odds = share[0] / fmax(1.0 - share[0], 1e-12) *
		       r->policy.throughput_lo;
		v->code = CODE_THROUGHPUT;
		f->seen = share[1];
		f->other = share[0];
		f->permitted = odds / (1.0 + odds);
		return;
	}
	/* a rate that would do by itself is the nearer cause: requests without
	   an answer are slow as well */
	if (latency >= e->parts.rate[k] &&
	    e->parts.rate[k] + log(r->policy.alpha_fail) < 0.0) {
		v->code = CODE_P99_SHIFT;
		return;
	}
	v->code = k == RATE_ERRORS ? CODE_ERROR_RATE : CODE_UNANSWERED;
	rise = k == RATE_ERRORS ? r->policy.error_margin
				: r->policy.unanswered_margin;
	f->seen = (double)route->n_events[k][1] / n_c;
	f->other = (double)route->n_events[k][0] / n_b;
	f->permitted = fmax(f->other * r->policy.error_ratio, f->other + rise);
}

/* Where a shift shows best, if that is not the P99 the sentence tells. */
static const char *clearest(const struct rollout_route *route,
			    const struct verdict *v, char *text, size_t room)
{
	uint64_t b;
	uint64_t c;

	if (v->shift_lo_ms > 0.0 && v->shift_ms > v->limit_ms)
		return "";
	for (int k = 0; k < 3; k++) {
		static const struct {
			double q;
			const char *name;
		} at[3] = { { .5, "P50" }, { .9, "P90" }, { .999, "P99.9" } };

		if (shift_quantile(route->shift, false, at[k].q, &b) < 0 ||
		    shift_quantile(route->shift, true, at[k].q, &c) < 0 ||
		    (double)c < (double)b * 1.05)
			continue;
		(void)snprintf(text, room,
			       "; clearest at %s, %.1f ms against %.1f ms",
			       at[k].name, (double)c / 1e6, (double)b / 1e6);
		return text;
	}
	return "";
}

/* What ends a rollout at once.  True if it did. */
static bool decide_at_once(const struct rollout *r, struct verdict *v)
{
	struct verdict_facts f = { 0 };
	char text[160];

	if (r->n_restarts > r->policy.restarts_max) {
		v->code = CODE_RESTARTS;
		f.subject = r->instances[r->restarted].name;
		f.seen = r->n_restarts;
		f.permitted = r->policy.restarts_max;
		say(r, v, VERDICT_FAIL, true, &f);
		return true;
	}
	for (uint32_t i = 0; i < r->n_routes; i++) {
		const struct rollout_route *route = &r->routes[i];

		if (route->weight <= 0.0 ||
		    log(route->weight) + shift_log_gross(route->shift) <
			    LOG_GROSS)
			continue;
		figures_route(route, v);
		v->code = CODE_GROSS;
		(void)snprintf(text, sizeof(text),
			       "%" PRIu64 " of its %" PRIu64
			       " requests failed, %" PRIu64
			       " got no answer, P99 %.0f ms against %.0f ms",
			       route->n_events[RATE_ERRORS][1],
			       route->n_requests[1],
			       route->n_events[RATE_UNANSWERED][1],
			       v->p99_canary_ms, v->p99_baseline_ms);
		f.also = text;
		say(r, v, VERDICT_FAIL, true, &f);
		return true;
	}
	return false;
}

/* What forbids any judgement by now.  True if something does. */
static bool decide_forbidden(const struct rollout *r, int64_t now_ms, bool over,
			     struct verdict *v)
{
	struct verdict_facts f = { .warm_requests = r->policy.warm_requests };
	enum cohort none = silent(r);
	bool soaked = r->windows_step >= r->policy.soak_windows;

	if (r->blind_windows >= 3) {
		v->code = CODE_COLLECTORS_DIFFER;
		f.also = r->basis == LATENCY_SERVICE
				 ? ": one side sees no arrivals, the other has "
				   "no service times"
				 : "";
		say(r, v, VERDICT_INCONCLUSIVE, over, &f);
		return true;
	}
	if (none != COHORT_N) {
		bool waited = over || now_ms - r->begun_ms >=
					      r->policy.no_data_after_ms;

		v->code = CODE_NO_DATA;
		f.subject = none == COHORT_CANARY ? "canary" : "baseline";
		f.wait_ms = (double)(now_ms - r->begun_ms);
		say(r, v, waited ? VERDICT_INCONCLUSIVE : VERDICT_RUNNING, over,
		    &f);
		return true;
	}
	if (v->canary_requests == 0 || v->baseline_requests == 0) {
		v->code = CODE_WARMING_UP;
		f.subject = v->canary_requests == 0 ? "canary" : "baseline";
		say(r, v, over ? VERDICT_INCONCLUSIVE : VERDICT_RUNNING, over,
		    &f);
		return true;
	}
	if (loss_forbids(r, v, &f) || load_forbids(r, v, &f) ||
	    split_forbids(r, v, &f)) {
		say(r, v, VERDICT_INCONCLUSIVE, over, &f);
		return true;
	}
	if (instances_forbid(r, v, &f)) {
		say(r, v,
		    soaked || over ? VERDICT_INCONCLUSIVE : VERDICT_RUNNING,
		    over, &f);
		return true;
	}
	return false;
}

/* Is the shift beyond the limit, and no more than young code may cost? */
static bool young_explains(const struct rollout *r, const struct verdict *v)
{
	return v->shift_ms > v->limit_ms &&
	       v->shift_ms <= v->limit_ms + r->extra * v->p99_baseline_ms;
}

/* Nothing decides: say what is missing. */
static void decide_missing(const struct rollout *r,
			   const struct rollout_route *lead,
			   const struct pass_reach *reach, bool over,
			   int64_t now_ms, struct verdict *v)
{
	struct verdict_facts f = { .wait_ms = (double)(now_ms - r->begun_ms) };
	bool again = v->code == CODE_TRANSIENT;

	if (young_explains(r, v) && !over) {
		v->code = CODE_WARMING_UP;
		f.subject = "canary";
		f.seen = warmth_compiling(&r->warmth, COHORT_CANARY);
		f.wait_ms = (double)(r->warmth.newest_ms +
				     r->policy.settle_after_ms - now_ms);
		say(r, v, VERDICT_RUNNING, false, &f);
		return;
	}
	rollout_forecast(r, reach, v);
	if (rollout_variance(r, lead, v)) {
		v->need_requests = v->need_seconds = 0;
		say(r, v, VERDICT_INCONCLUSIVE, over, &f);
		return;
	}
	if (again) {
		v->code = CODE_TRANSIENT;
		say(r, v, VERDICT_INCONCLUSIVE, over, &f);
		return;
	}
	if (v->canary_requests < TAIL_REQUESTS || !lead)
		v->code = CODE_NOT_ENOUGH_REQUESTS;
	else
		v->code = over ? CODE_TIME_UP : CODE_COLLECTING;
	say(r, v, over ? VERDICT_INCONCLUSIVE : VERDICT_RUNNING, over, &f);
}

static void decide(const struct rollout *r, int64_t now_ms, struct verdict *v)
{
	const struct rollout_route *lead = lead_route(r);
	bool over = now_ms - r->begun_ms >= r->policy.give_up_after_ms;
	struct verdict_facts f = { 0 };
	struct rollout_evidence e;
	enum rollout_shift slower;
	const char *why;
	struct pass_reach reach;
	char text[128];

	figures(r, lead, v);
	if (decide_at_once(r, v) || decide_forbidden(r, now_ms, over, v))
		return;
	slower = rollout_shift_holds(r, &e);
	if (slower == SHIFT_HOLDS) {
		figures_route(&r->routes[e.route], v);
		fail_facts(r, &e, v, &f);
		f.also = clearest(&r->routes[e.route], v, text, sizeof(text));
		say(r, v, VERDICT_FAIL, true, &f);
		return;
	}
	if (r->policy.profile_gates && flamediff_gates(r->flame)) {
		v->code = CODE_HOT_PATH;
		say(r, v, VERDICT_FAIL, true, &f);
		return;
	}
	rollout_pass_reach(r, &reach);
	if (slower == SHIFT_HOLDS_NOT && reach.left >= 0.0 &&
	    r->windows_step >= r->policy.soak_windows) {
		figures_route(busiest_route(r), v);
		if (r->policy.profile_gates &&
		    !flamediff_compared(r->flame, &why)) {
			v->code = CODE_PROFILE_MISSING;
			(void)snprintf(text, sizeof(text), ": %s", why);
			f.also = text;
			say(r, v, over ? VERDICT_INCONCLUSIVE : VERDICT_RUNNING,
			    over, &f);
			return;
		}
		v->code = CODE_WITHIN_LIMITS;
		say(r, v, VERDICT_PASS, true, &f);
		return;
	}
	v->code = slower == SHIFT_WENT_AWAY ? CODE_TRANSIENT : CODE_COLLECTING;
	decide_missing(r, lead, &reach, over, now_ms, v);
}

void rollout_judge(struct rollout *r, int64_t now_ms, struct verdict *ret_v)
{
	struct verdict v;

	if (r->failed) {
		*ret_v = r->verdict;
		return;
	}
	decide(r, now_ms, &v);
	if (v.word == VERDICT_FAIL) {
		r->failed = true;
	} else if (r->passed) { /* for its step; only a FAIL undoes it */
		*ret_v = r->verdict;
		return;
	} else if (v.word == VERDICT_PASS) {
		r->passed = true;
	}
	*ret_v = v;
}

void rollout_verdict(const struct rollout *r, int64_t now_ms,
		     struct verdict *ret_v)
{
	if (r->failed || r->passed || r->verdict.final)
		*ret_v = r->verdict;
	else
		decide(r, now_ms, ret_v);
}
