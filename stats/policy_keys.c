/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/policy_keys.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "stats/policy.h"

#define FIELD(field) .name = #field, .offset = offsetof(struct policy, field)

const struct policy_key policy_keys[] = {
	{ FIELD(alpha_fail), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 1e-6, .hi = 0.2, .looser = POLICY_LESS_IS_LOOSER,
	  .built_in = 0.01,
	  .means = "chance of ever failing a canary that is no worse",
	  .why = "one healthy canary in a hundred, however often it is "
		 "polled: a team that ships daily sees a false alarm in half "
		 "a year" },
	{ FIELD(alpha_pass), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 1e-6, .hi = 0.2, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.05,
	  .means = "chance of passing a canary that is worse than permitted",
	  .why = "a bad canary that passes meets the next step's judgement; "
		 "one that waits meets nobody, so this may be looser than "
		 "alpha_fail" },
	{ FIELD(margin), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.01, .hi = 10.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.15, .means = "rise of a route's P99 that is permitted",
	  .why = "10 % is rarely decidable in half an hour on hosts that "
		 "differ by 3 %: of healthy canaries with one instance "
		 "against four, 3 in 10 then pass, at 15 % 6 in 10, at 20 % "
		 "9 in 10; 20 % would let +9 ms at 50 ms through. 15 % "
		 "against ten baseline instances decides both ways within "
		 "minutes" },
	{ FIELD(margin_ms), .kind = POLICY_REAL, .unit = POLICY_LATENCY,
	  .lo = 0.0, .hi = 600000.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 2.0, .means = "or a rise by so much, where that is more",
	  .why = "below 13 ms, 15 % is less than what a garbage collection "
		 "or a scheduler tick moves" },
	{ FIELD(error_ratio), .kind = POLICY_REAL, .unit = POLICY_RATIO,
	  .lo = 1.0, .hi = 100.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 1.25,
	  .means = "error rate that is permitted, over the baseline's",
	  .why = "a quarter more errors: below that, one client's retry "
		 "storm decides" },
	{ FIELD(error_margin), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.0, .hi = 0.5, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.002,
	  .means = "or a rise of the error rate by so much, where that is "
		   "more",
	  .why = "two requests in a thousand: where hardly any fail, a "
		 "quarter more of them is one client's retry storm" },
	{ FIELD(unanswered_margin), .kind = POLICY_REAL,
	  .unit = POLICY_FRACTION, .lo = 0.0, .hi = 0.5,
	  .looser = POLICY_MORE_IS_LOOSER, .built_in = 0.002,
	  .means = "the same for the share of requests without an answer",
	  .why = "as error_margin: a request without an answer is an error "
		 "that nobody was told of" },
	{ FIELD(soak_windows), .kind = POLICY_U32, .unit = POLICY_WINDOWS,
	  .lo = 1, .hi = 100000, .looser = POLICY_LESS_IS_LOOSER,
	  .built_in = 30,
	  .means = "windows compared in a step before it can pass",
	  .why = "five minutes of windows of 10 s: faults that need a full "
		 "cache, pool or heap to show have had some time" },
	{ FIELD(min_baseline), .kind = POLICY_U32, .unit = POLICY_INSTANCES,
	  .lo = 1, .hi = 1000, .looser = POLICY_LESS_IS_LOOSER, .built_in = 2,
	  .means = "baseline instances that must be there",
	  .why = "the spread between instances needs two to exist" },
	{ FIELD(min_canary), .kind = POLICY_U32, .unit = POLICY_INSTANCES,
	  .lo = 1, .hi = 1000, .looser = POLICY_LESS_IS_LOOSER, .built_in = 1,
	  .means = "canary instances that must be there",
	  .why = "most canaries are one pod; the floor that METHOD.md gives "
		 "the spread between instances makes it honest" },
	{ FIELD(warm_requests), .kind = POLICY_U64, .unit = POLICY_REQUESTS,
	  .lo = 0, .hi = 1e9, .looser = POLICY_MORE_IS_LOOSER, .built_in = 1000,
	  .means = "first requests of each instance that are not judged",
	  .why = "a JVM's tail settles after about this many: 50 s of 20 a "
		 "second; what is still compiled later is in both cohorts" },
	{ FIELD(settle_after_ms), .kind = POLICY_I64, .unit = POLICY_TIME,
	  .lo = 0, .hi = 3600000, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0,
	  .means = "age of a canary instance up to which CPU that compiling "
		   "its code costs a request is not held against it; 0 allows "
		   "nothing",
	  .why = "a service that waits more than it computes does not need it "
		 "and finds a slower canary far sooner without: one by 12 ms "
		 "after 48 s, not 246. One whose latencies are CPU time does: "
		 "300000, after which a JVM at 35 requests a second has "
		 "compiled its code" },
	{ FIELD(load_lo), .kind = POLICY_REAL, .unit = POLICY_RATIO, .lo = 0.0,
	  .hi = 1.0, .looser = POLICY_LESS_IS_LOOSER, .built_in = 0.5,
	  .means = "requests of a canary instance over those of a baseline "
		   "instance, at least",
	  .why = "below, queueing and warmth differ, not the builds" },
	{ FIELD(load_hi), .kind = POLICY_REAL, .unit = POLICY_RATIO, .lo = 1.0,
	  .hi = 1000.0, .looser = POLICY_MORE_IS_LOOSER, .built_in = 2.0,
	  .means = "the same, at most",
	  .why = "above, queueing and warmth differ, not the builds" },
	{ FIELD(load_unequal_ok), .kind = POLICY_TRUTH, .unit = POLICY_YES_NO,
	  .lo = 0, .hi = 1, .looser = POLICY_MORE_IS_LOOSER, .built_in = 0,
	  .means = "judge also where load is outside of these two",
	  .why = "a canary under light load is cold and hides queueing: "
		 "what is compared then is the load" },
	{ FIELD(throughput_lo), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.0, .hi = 0.99, .looser = POLICY_LESS_IS_LOOSER,
	  .built_in = 0.0,
	  .means = "part of the requests of a route that the canary must "
		   "answer, of as many as its traffic would have; 0 asks "
		   "nothing",
	  .why = "which requests reach the canary is the splitter's doing: "
		 "by user or header they may differ, and nothing is wrong. "
		 "Where every request is split alike, 0.8 sees clients that "
		 "stop calling, or a route that is gone" },
	{ FIELD(split_lo), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.0, .hi = 1.0, .looser = POLICY_LESS_IS_LOOSER,
	  .built_in = 0.0,
	  .means = "part of a step's weight that must reach the canary, where "
		   "steps are weights in percent; 0 asks nothing",
	  .why = "a step may be any number; half is a good value where it is "
		 "the weight: less is traffic that went elsewhere" },
	{ FIELD(loss_max), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.0, .hi = 1.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.01, .means = "share of events that collectors may lose",
	  .why = "the slowest requests are the likeliest to be lost: with "
		 "1 % lost, the P99 of what is left may be the P98" },
	{ FIELD(restarts_max), .kind = POLICY_U32, .unit = POLICY_RESTARTS,
	  .lo = 0, .hi = 1000000, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 1,
	  .means = "restarts of canary instances, in all, that do not fail it",
	  .why = "one may be the platform's doing; two are a crash loop" },
	{ FIELD(no_data_after_ms), .kind = POLICY_I64, .unit = POLICY_TIME,
	  .lo = 1000, .hi = 86400000, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 300000,
	  .means = "how long to wait for first requests; then inconclusive",
	  .why = "pods pull images and start in minutes" },
	{ FIELD(give_up_after_ms), .kind = POLICY_I64, .unit = POLICY_TIME,
	  .lo = 10000, .hi = 604800000, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 3600000,
	  .means = "how long a rollout may take; then inconclusive",
	  .why = "what an hour did not decide, another will not" },
	{ FIELD(profile_gates), .kind = POLICY_TRUTH, .unit = POLICY_YES_NO,
	  .lo = 0, .hi = 1, .looser = POLICY_LESS_IS_LOOSER, .built_in = 0,
	  .means = "a hot path that is new or grew fails by itself",
	  .why = "of what a profiler finds, three in ten are no regression "
		 "(FBDetect, SOSP 2024): it explains, it does not judge" },
	{ FIELD(profile_alpha), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 1e-6, .hi = 0.5, .looser = POLICY_LESS_IS_LOOSER,
	  .built_in = 0.05,
	  .means = "share of false finds among the hot paths reported",
	  .why = "one report in twenty may be chance: few beside the three in "
		 "ten that are true and no regression" },
	{ FIELD(path_min_share), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 0.0, .hi = 1.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.005,
	  .means = "share of CPU that a hot path has at least",
	  .why = "half a percent of CPU: less costs less than reading of it" },
	{ FIELD(path_min_rise), .kind = POLICY_REAL, .unit = POLICY_FRACTION,
	  .lo = 1e-6, .hi = 1.0, .looser = POLICY_MORE_IS_LOOSER,
	  .built_in = 0.005,
	  .means = "rise of that share that a hot path has at least",
	  .why = "as path_min_share: a rise by less costs less than reading "
		 "of it" },
};

const size_t n_policy_keys = sizeof(policy_keys) / sizeof(policy_keys[0]);

const struct policy_key *policy_key_find(const char *name)
{
	for (size_t i = 0; i < n_policy_keys; i++)
		if (strcmp(policy_keys[i].name, name) == 0)
			return &policy_keys[i];
	return NULL;
}

double policy_key_get(const struct policy_key *k, const struct policy *p)
{
	const void *field = (const char *)p + k->offset;

	switch (k->kind) {
	case POLICY_REAL:
		return *(const double *)field;
	case POLICY_U32:
		return (double)*(const uint32_t *)field;
	case POLICY_U64:
		return (double)*(const uint64_t *)field;
	case POLICY_I64:
		return (double)*(const int64_t *)field;
	case POLICY_TRUTH:
		break;
	}
	return *(const bool *)field ? 1.0 : 0.0;
}

void policy_key_set(const struct policy_key *k, struct policy *p, double value)
{
	void *field = (char *)p + k->offset;

	switch (k->kind) {
	case POLICY_REAL:
		*(double *)field = value;
		break;
	case POLICY_U32:
		*(uint32_t *)field = (uint32_t)value;
		break;
	case POLICY_U64:
		*(uint64_t *)field = (uint64_t)value;
		break;
	case POLICY_I64:
		*(int64_t *)field = (int64_t)value;
		break;
	case POLICY_TRUTH:
		*(bool *)field = value != 0.0;
		break;
	}
}

/* The mistakes that units invite, said where a number is refused. */
static const char *hint_of(enum policy_unit unit)
{
	if (unit == POLICY_FRACTION)
		return "; it is a fraction: 0.15 is 15 %";
	if (unit == POLICY_RATIO)
		return "; it is a ratio: 1.25 is a quarter more";
	if (unit == POLICY_TIME || unit == POLICY_LATENCY)
		return "; it is in milliseconds: 60000 is a minute";
	return "";
}

int policy_key_check(const struct policy_key *k, double value, struct err *err)
{
	if (value >= k->lo && value <= k->hi) /* NaN is neither */
		return 0;
	return err_set(err, -EINVAL,
		       "%s is %.10g, permitted are %.10g to %.10g%s", k->name,
		       value, k->lo, k->hi, hint_of(k->unit));
}

bool policy_key_is_sane(const struct policy_key *k, double value)
{
	static const double most[] = {
		[POLICY_REAL] = 1e6,
		[POLICY_U32] = UINT32_MAX,
		[POLICY_U64] = (double)LIMIT_NUMBER,
		[POLICY_I64] = (double)LIMIT_TIME_MS,
		[POLICY_TRUTH] = 1,
	};

	/* what is nowhere 0 may be divided by, or have its logarithm taken */
	return value >= 0 && value <= most[k->kind] &&
	       (value > 0 || k->lo <= 0);
}

int policy_key_compare(const struct policy_key *k, double bound, double value)
{
	bool more = k->looser == POLICY_MORE_IS_LOOSER;

	if (value == bound)
		return 0;
	if (more ? value < bound : value > bound)
		return -1;
	return 1;
}

const char *policy_unit_name(enum policy_unit unit)
{
	static const char *const names[POLICY_UNIT_N] = {
		[POLICY_FRACTION] = "fraction",
		[POLICY_RATIO] = "ratio",
		[POLICY_LATENCY] = "ms",
		[POLICY_TIME] = "ms",
		[POLICY_WINDOWS] = "windows",
		[POLICY_INSTANCES] = "instances",
		[POLICY_REQUESTS] = "requests",
		[POLICY_RESTARTS] = "restarts",
		[POLICY_YES_NO] = "true or false",
	};

	return names[unit];
}

/* The largest unit of time that leaves a whole number. */
static void time_show(double ms, char *text, size_t size)
{
	static const struct {
		double ms;
		const char *name;
	} units[] = {
		{ 3600000, "h" }, { 60000, "min" }, { 1000, "s" }, { 1, "ms" }
	};
	size_t i = 0;

	while (i < 3 && fmod(ms, units[i].ms) != 0.0)
		i++;
	(void)!snprintf(text, size, "%.10g %s", ms / units[i].ms,
			units[i].name);
}

void policy_key_show(const struct policy_key *k, double value, char *text,
		     size_t size)
{
	const char *unit = policy_unit_name(k->unit);

	switch (k->unit) {
	case POLICY_FRACTION:
		(void)!snprintf(text, size, "%.6g %%", value * 100.0);
		break;
	case POLICY_RATIO:
		(void)!snprintf(text, size, "%.6g times", value);
		break;
	case POLICY_LATENCY:
		(void)!snprintf(text, size, "%.10g ms", value);
		break;
	case POLICY_TIME:
		time_show(value, text, size);
		break;
	case POLICY_YES_NO:
		(void)!snprintf(text, size, "%s", value != 0.0 ? "yes" : "no");
		break;
	default: /* things that are counted: 1 window, 30 windows */
		(void)!snprintf(text, size, "%.10g %.*s", value,
				(int)(strlen(unit) - (value == 1.0)), unit);
		break;
	}
}
