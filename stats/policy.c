/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/policy.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/err.h"

/*
 * Health checks and metrics: asked by machines at their own rate, and never
 * what a release is about.
 */
static const char *const ignored[] = {
	"* /health*",  "* /livez*", "* /readyz*",   "* /live", "* /ready",
	"* /metrics*", "* /ping",   "* /actuator*", "* /-/*",  "* /favicon.ico",
};

void policy_default(struct policy *ret_p)
{
	static const struct policy built_in = {
		.name = "default",
		.version = 1,

		/* one healthy canary in a hundred, however often it is polled:
		   a team that ships daily sees a false alarm in half a year */
		.alpha_fail = 0.01,
		/* a bad canary that passes meets the next step's judgement;
		   one that waits meets nobody, so this may be looser */
		.alpha_pass = 0.05,
		/* 10 % is rarely decidable in half an hour on hosts that
		   differ by 3 %: of healthy canaries with one instance against
		   four, 3 in 10 then pass, at 15 % 6 in 10, at 20 % 9 in 10;
		   20 % would let +9 ms at 50 ms through.  15 % against ten
		   baseline instances decides both ways within minutes */
		.margin = 0.15,
		/* below 13 ms, 15 % is less than what a garbage collection
		   or a scheduler tick moves */
		.margin_ms = 2.0,
		/* a quarter more errors, or two in a thousand: below that,
		   one client's retry storm decides */
		.error_ratio = 1.25,
		.error_margin = 0.002,
		.unanswered_margin = 0.002,

		/* five minutes of windows of 10 s: faults that need a full
		   cache, pool or heap to show have had some time */
		.soak_windows = 30,
		/* the spread between instances needs two to exist */
		.min_baseline = 2,
		/* most canaries are one pod; the floor makes it honest */
		.min_canary = 1,
		/* a JVM's tail settles after about this many: 50 s of 20 a
		   second; what is still compiled later is in both cohorts */
		.warm_requests = 1000,
		/* outside, queueing and warmth differ, not the builds */
		.load_lo = 0.5,
		.load_hi = 2.0,
		.load_unequal_ok = false,
		/* the slowest requests are the likeliest to be lost: with
		   1 % lost, the P99 of what is left may be the P98 */
		.loss_max = 0.01,
		/* one may be the platform's doing; two are a crash loop */
		.restarts_max = 1,
		/* pods pull images and start in minutes */
		.no_data_after_ms = INT64_C(300000),
		/* what an hour did not decide, another will not */
		.give_up_after_ms = INT64_C(3600000),

		/* of what a profiler finds, three in ten are no regression
		   (FBDetect, SOSP 2024): it explains, it does not judge */
		.profile_gates = false,
		.profile_alpha = 0.05,
		/* half a percent of CPU: less costs less than reading of it */
		.path_min_share = 0.005,
		.path_min_rise = 0.005,
	};

	*ret_p = built_in;
	ret_p->n_ignore = sizeof(ignored) / sizeof(ignored[0]);
	for (uint32_t i = 0; i < ret_p->n_ignore; i++)
		memcpy(ret_p->ignore_routes[i], ignored[i],
		       strlen(ignored[i]) + 1);
}

/* Which change of a number permits more. */
enum loosens { MORE, LESS };

struct range {
	const char *name;
	double (*get)(const struct policy *p);
	double lo; /* permitted, both ends included */
	double hi;
	enum loosens loosens;
};

#define GET(field)                                        \
	static double get_##field(const struct policy *p) \
	{                                                 \
		return (double)p->field;                  \
	}

GET(alpha_fail)
GET(alpha_pass)
GET(margin)
GET(margin_ms)
GET(error_ratio)
GET(error_margin)
GET(unanswered_margin)
GET(soak_windows)
GET(min_baseline)
GET(min_canary)
GET(warm_requests)
GET(load_lo)
GET(load_hi)
GET(load_unequal_ok)
GET(loss_max)
GET(restarts_max)
GET(no_data_after_ms)
GET(give_up_after_ms)
GET(profile_gates)
GET(profile_alpha)
GET(path_min_share)
GET(path_min_rise)

/* Every number, its range and the way in which it permits more. */
static const struct range ranges[] = {
	{ "alpha_fail", get_alpha_fail, 1e-6, 0.2, LESS },
	{ "alpha_pass", get_alpha_pass, 1e-6, 0.2, MORE },
	{ "margin", get_margin, 0.01, 10.0, MORE },
	{ "margin_ms", get_margin_ms, 0.0, 600000.0, MORE },
	{ "error_ratio", get_error_ratio, 1.0, 100.0, MORE },
	{ "error_margin", get_error_margin, 0.0, 0.5, MORE },
	{ "unanswered_margin", get_unanswered_margin, 0.0, 0.5, MORE },
	{ "soak_windows", get_soak_windows, 1, 100000, LESS },
	{ "min_baseline", get_min_baseline, 1, 1000, LESS },
	{ "min_canary", get_min_canary, 1, 1000, LESS },
	{ "warm_requests", get_warm_requests, 0, 1e9, MORE },
	{ "load_lo", get_load_lo, 0.0, 1.0, LESS },
	{ "load_hi", get_load_hi, 1.0, 1000.0, MORE },
	{ "load_unequal_ok", get_load_unequal_ok, 0, 1, MORE },
	{ "loss_max", get_loss_max, 0.0, 1.0, MORE },
	{ "restarts_max", get_restarts_max, 0, 1000000, MORE },
	{ "no_data_after_ms", get_no_data_after_ms, 1000, 86400000, MORE },
	{ "give_up_after_ms", get_give_up_after_ms, 10000, 604800000, MORE },
	{ "profile_gates", get_profile_gates, 0, 1, LESS },
	{ "profile_alpha", get_profile_alpha, 1e-6, 0.5, LESS },
	{ "path_min_share", get_path_min_share, 0.0, 1.0, MORE },
	{ "path_min_rise", get_path_min_rise, 1e-6, 1.0, MORE },
};

enum { N_RANGES = sizeof(ranges) / sizeof(ranges[0]) };

int policy_check(const struct policy *p, struct err *err)
{
	if (memchr(p->name, '\0', sizeof(p->name)) == NULL || !p->name[0])
		return err_set(err, -EINVAL, "policy: it has no name");
	for (int i = 0; i < N_RANGES; i++) {
		const struct range *r = &ranges[i];
		double v = r->get(p);

		if (!(v >= r->lo && v <= r->hi)) /* also catches NaN */
			return err_set(err, -EINVAL,
				       "policy %s: %s is %g, permitted are "
				       "%g to %g",
				       p->name, r->name, v, r->lo, r->hi);
	}
	if (p->n_ignore > POLICY_IGNORE_MAX)
		return err_set(err, -EINVAL,
			       "policy %s: ignore_routes has %u patterns, "
			       "permitted are %d",
			       p->name, p->n_ignore, POLICY_IGNORE_MAX);
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (!memchr(p->ignore_routes[i], '\0', POLICY_PATTERN_BYTES) ||
		    !p->ignore_routes[i][0])
			return err_set(err, -EINVAL,
				       "policy %s: ignore_routes pattern %u is "
				       "empty or too long",
				       p->name, i + 1);
	return 0;
}

/* Is pattern one of p's own? */
static bool has_pattern(const struct policy *p, const char *pattern)
{
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (strcmp(p->ignore_routes[i], pattern) == 0)
			return true;
	return false;
}

int policy_tightens(const struct policy *bound, const struct policy *wish,
		    struct err *err)
{
	for (int i = 0; i < N_RANGES; i++) {
		const struct range *r = &ranges[i];
		double b = r->get(bound);
		double w = r->get(wish);

		if (r->loosens == MORE ? !(w <= b) : !(w >= b))
			return err_set(err, -EINVAL,
				       "policy %s: %s %g permits more than %g "
				       "of policy %s, which the service is "
				       "bound to",
				       wish->name, r->name, w, b, bound->name);
	}
	for (uint32_t i = 0; i < wish->n_ignore; i++)
		if (!has_pattern(bound, wish->ignore_routes[i]))
			return err_set(err, -EINVAL,
				       "policy %s: it ignores routes like "
				       "\"%.60s\", policy %s does not",
				       wish->name, wish->ignore_routes[i],
				       bound->name);
	return 0;
}

/* Does text match pattern, in which "*" stands for anything? */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL; /* the last one met, and where it began */
	const char *mark = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			mark = text;
		} else if (*pattern == *text) {
			pattern++;
			text++;
		} else if (star) { /* let the star take one more */
			pattern = star + 1;
			text = ++mark;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}

bool policy_ignores(const struct policy *p, const char *route)
{
	for (uint32_t i = 0; i < p->n_ignore; i++)
		if (matches(p->ignore_routes[i], route))
			return true;
	return false;
}
