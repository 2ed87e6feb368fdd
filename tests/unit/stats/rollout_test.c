/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout: what each kind of window, good or bad, is answered with.
 *
 * Situations are small changes of one world, tests/sim/truth.h.
 */
#include "stats/rollout.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/err.h"
#include "stats/hist.h"
#include "stats/policy.h"
#include "tests/sim/truth.h"
#include "tests/test.h"

enum { MEMBERS = 32 };

static const struct world usual = {
	.n_canary = 2,
	.n_baseline = 8,
	.window_ms = 2000,
	.n_windows = 120,
	.n_history = 20,
	.requests = 40,
	.median_ms = 20,
	.sigma = 0.3,
	.sd = 0.02,
};

struct story {
	struct world world;
	struct effect effect;
	void (*policy)(struct policy *p);
	/* changes batch b of the canary or not, in window w from 0 */
	void (*change)(struct batch *b, bool canary, int w);
	bool no_history;
	uint32_t step; /* 0: the world's */
};

/* Fold a story to its end or its first fail or pass; the caller frees r. */
static struct verdict tell(const struct story *s, struct rollout **ret_r)
{
	struct truth *t = truth_new(&s->world, &s->effect, 42);
	struct verdict v = { .word = VERDICT_ERROR };
	struct policy policy;
	struct rollout_window w;
	struct err err = { "" };
	int n = 0;

	policy_default(&policy);
	if (s->policy)
		s->policy(&policy);
	*ret_r = NULL;
	while (truth_next(t, &w)) {
		struct batch batches[MEMBERS];
		struct rollout_member members[MEMBERS];

		if (w.history && s->no_history)
			continue;
		for (size_t i = 0; i < w.n_members; i++) {
			batches[i] = *w.members[i].batch;
			members[i].cohort = w.members[i].cohort;
			members[i].batch = &batches[i];
			if (s->change && !w.history)
				s->change(&batches[i],
					  members[i].cohort == COHORT_CANARY,
					  n);
		}
		w.members = members;
		if (s->step && !w.history)
			w.step = s->step;
		n += !w.history;
		if (!*ret_r && rollout_new(&policy, w.from_ms, ret_r, &err) < 0)
			break;
		if (rollout_fold(*ret_r, &w, &v, &err) < 0 ||
		    v.word == VERDICT_FAIL || v.word == VERDICT_PASS)
			break;
	}
	truth_free(t);
	return v;
}

static void expect(const char *why, const struct story *s,
		   enum verdict_word word, enum verdict_code code)
{
	struct rollout *r;
	struct verdict v = tell(s, &r);

	if (v.word != word || v.code != code)
		test_fail(__FILE__, __LINE__, "%s: %s %s after %u windows: %s",
			  why, verdict_word_name(v.word),
			  verdict_code_name(v.code), v.windows, v.reason);
	rollout_free(r);
}

static void young_code_is_allowed(struct policy *p)
{
	p->settle_after_ms = 300000;
}

static void young_code_is_not_held_against_a_canary(void)
{
	struct story s = { .world = usual };

	s.world.n_windows = 50;
	s.world.cpu = 0.8;
	s.world.young_by = 1.0;
	s.world.young_s = 120.0;
	s.policy = young_code_is_allowed;
	expect("a service that is all CPU", &s, VERDICT_RUNNING,
	       CODE_WARMING_UP);
	s.policy = NULL;
	expect("a policy that allows nothing", &s, VERDICT_FAIL,
	       CODE_P99_SHIFT);
	s.policy = young_code_is_allowed;
	s.effect.tail = 0.05;
	s.effect.tail_by = 6.0;
	expect("what young code does not explain", &s, VERDICT_FAIL,
	       CODE_P99_SHIFT);
}

static void instances_that_differ_are_counted_out(void)
{
	struct story s = { .world = usual, .effect = { .scale = 0.35 } };
	struct rollout *r;
	struct verdict v;

	s.world.n_canary = 1;
	s.world.n_baseline = 4;
	s.world.sd = 0.15;
	v = tell(&s, &r);
	CHECK_EQ(v.word, VERDICT_INCONCLUSIVE);
	CHECK_EQ(v.code, CODE_INSTANCE_VARIANCE);
	/* more requests would not do, and canary pods alone neither */
	CHECK_EQ(v.need_requests, 0);
	CHECK(v.need_instances > 0);
	CHECK(v.need_baseline_instances > 0);
	CHECK(strstr(v.reason, "; add about "));
	rollout_free(r);
}

/* --- changes --- */

static void no_canary(struct batch *b, bool canary, int w)
{
	(void)w;
	if (canary)
		b->n_series = 0;
}

static void cold(struct batch *b, bool canary, int w)
{
	if (canary)
		b->n_requests_before = (uint64_t)w * 2;
}

static void restarts(struct batch *b, bool canary, int w)
{
	if (canary && strcmp(b->instance, "pod-8") == 0)
		b->started_ms += w / 10 * 20000;
}

static void loses(struct batch *b, bool canary, int w)
{
	(void)w;
	if (canary)
		b->lost[LOSS_RING_FULL] = b->n_events / 20;
}

static void loses_alike(struct batch *b, bool canary, int w)
{
	(void)canary;
	(void)w;
	b->lost[LOSS_RING_FULL] = b->n_events / 200;
}

static void no_arrivals(struct batch *b, bool canary, int w)
{
	(void)w;
	if (canary)
		b->basis = LATENCY_SERVICE; /* and the series are all TOTAL */
}

/* All of the canary's requests fail at once. */
static void broken(struct batch *b, bool canary, int w)
{
	static struct batch_series s;

	(void)w;
	if (!canary || b->n_series == 0)
		return;
	s = b->series[0];
	s.status = STATUS_5XX;
	b->series = &s;
	b->n_series = 1;
}

static void one_baseline(struct batch *b, bool canary, int w)
{
	(void)w;
	if (!canary && strcmp(b->instance, "pod-0") != 0)
		b->n_series = 0;
}

static void other_rules(struct batch *b, bool canary, int w)
{
	(void)w;
	b->route_rules = canary ? 2 : 1;
}

static void soon_over(struct policy *p)
{
	p->give_up_after_ms = 60000;
	p->no_data_after_ms = 30000;
}

static void profile_gates(struct policy *p)
{
	p->profile_gates = true;
}

static void profile_gates_soon_over(struct policy *p)
{
	p->profile_gates = true;
	p->give_up_after_ms = 60000;
}

static void steps_are_weights(struct policy *p)
{
	p->split_lo = 0.5;
}

static void a_fifth_may_be_gone(struct policy *p)
{
	p->throughput_lo = 0.8;
}

static void over_before_silent(struct policy *p)
{
	p->give_up_after_ms = 60000;
	p->no_data_after_ms = 600000;
}

static void ignore_all(struct policy *p)
{
	p->n_ignore = 1;
	memcpy(p->ignore_routes[0], "*", sizeof("*"));
}

static void each_situation_has_its_code(void)
{
	struct story s = { .world = usual };

	expect("a healthy canary", &s, VERDICT_PASS, CODE_WITHIN_LIMITS);
	s.effect = (struct effect){ .above_q = 1.645, .above_ms = 12 };
	expect("12 ms above P95", &s, VERDICT_FAIL, CODE_P99_SHIFT);
	s.effect = (struct effect){ .error_rate = 0.05 };
	expect("one in twenty fails", &s, VERDICT_FAIL, CODE_ERROR_RATE);
	s.effect = (struct effect){ .hang = 0.05 };
	expect("one in twenty hangs", &s, VERDICT_FAIL, CODE_UNANSWERED);
	s.policy = a_fifth_may_be_gone;
	s.world.n_routes = 3;
	s.world.requests *= 4.0;
	s.effect = (struct effect){ .gone = 0.0 };
	expect("no route is gone", &s, VERDICT_PASS, CODE_WITHIN_LIMITS);
	s.effect = (struct effect){ .gone = 1.0 };
	expect("a route is gone", &s, VERDICT_FAIL, CODE_THROUGHPUT);
	s.policy = NULL;
	expect("nobody asked", &s, VERDICT_PASS, CODE_WITHIN_LIMITS);
	s = (struct story){ .world = usual, .change = broken };
	expect("all fail", &s, VERDICT_FAIL, CODE_ERROR_RATE);
	s.world.n_canary = 1;
	expect("all fail on one pod", &s, VERDICT_FAIL, CODE_GROSS);
	s.world.n_canary = 2;
	s.change = restarts;
	expect("restarts", &s, VERDICT_FAIL, CODE_RESTARTS);
	s.change = loses;
	expect("one side loses", &s, VERDICT_INCONCLUSIVE, CODE_LOSS);
	s.change = loses_alike;
	expect("both lose a little", &s, VERDICT_PASS, CODE_WITHIN_LIMITS);
	s.change = no_arrivals;
	expect("nothing in common", &s, VERDICT_INCONCLUSIVE,
	       CODE_COLLECTORS_DIFFER);
	s.change = other_rules;
	expect("other rules for routes", &s, VERDICT_PASS, CODE_WITHIN_LIMITS);
	s = (struct story){ .world = usual };
	s.world.canary_load = 0.1;
	expect("a tenth of the load", &s, VERDICT_INCONCLUSIVE,
	       CODE_LOAD_UNEQUAL);
	/* 2 of 10 instances have a fifth of the requests; the step is 1 */
	s = (struct story){ .world = usual, .policy = steps_are_weights };
	expect("a step that is its weight", &s, VERDICT_PASS,
	       CODE_WITHIN_LIMITS);
	s.step = 50;
	expect("a step of 50 percent with a fifth of the traffic", &s,
	       VERDICT_INCONCLUSIVE, CODE_SPLIT_UNEQUAL);
	s.step = 30;
	expect("two thirds of what the step says", &s, VERDICT_PASS,
	       CODE_WITHIN_LIMITS);
}

/* The baseline's first minute was ten times as slow, and unevenly so. */
static void a_warm_up_is_forgotten(void)
{
	struct story s = { .world = usual };
	struct rollout_route_view view;
	struct rollout *r;
	struct verdict v;

	s.world.n_history = 60;
	s.world.warm_s = 60;
	v = tell(&s, &r);
	CHECK_EQ(v.word, VERDICT_PASS);
	CHECK(v.windows <= 90);
	rollout_route(r, 0, &view);
	CHECK(view.floor_ratio > 1.0 && view.floor_ratio < 1.2);
	rollout_free(r);
}

static void missing_data_never_passes(void)
{
	struct story s = { .world = usual, .change = no_canary };

	s.world.n_windows = 5;
	expect("no canary yet", &s, VERDICT_RUNNING, CODE_NO_DATA);
	s.world.n_windows = 40;
	s.policy = soon_over;
	expect("no canary at all", &s, VERDICT_INCONCLUSIVE, CODE_NO_DATA);
	/* given up before the wait for first requests is over */
	s.policy = over_before_silent;
	expect("no canary, and no time", &s, VERDICT_INCONCLUSIVE,
	       CODE_NO_DATA);
	s = (struct story){ .world = usual, .change = cold };
	s.world.n_windows = 20; /* of 40 requests each: 800 of 1,000 */
	expect("a cold canary", &s, VERDICT_RUNNING, CODE_WARMING_UP);
	s = (struct story){ .world = usual, .change = one_baseline };
	expect("one baseline instance", &s, VERDICT_INCONCLUSIVE,
	       CODE_TOO_FEW_INSTANCES);
	s = (struct story){ .world = usual, .policy = ignore_all };
	expect("every route ignored", &s, VERDICT_RUNNING, CODE_WARMING_UP);
	s = (struct story){ .world = usual, .policy = soon_over };
	s.world.requests = 1;
	s.world.n_windows = 60;
	expect("too slow a trickle", &s, VERDICT_INCONCLUSIVE,
	       CODE_NOT_ENOUGH_REQUESTS);
	/* the same canary passes where profiles only inform */
	s = (struct story){ .world = usual, .policy = profile_gates };
	expect("a profile that may fail is missing", &s, VERDICT_RUNNING,
	       CODE_PROFILE_MISSING);
	s.policy = profile_gates_soon_over;
	expect("and never comes", &s, VERDICT_INCONCLUSIVE,
	       CODE_PROFILE_MISSING);
	s = (struct story){ .world = usual, .no_history = true };
	expect("no history is no obstacle", &s, VERDICT_PASS,
	       CODE_WITHIN_LIMITS);
}

static void a_fail_latches_and_a_pass_lasts_for_its_step(void)
{
	struct story s = { .world = usual };
	struct rollout *r;
	struct verdict v = tell(&s, &r);
	struct rollout_window empty = { .from_ms = INT64_C(2000000000),
					.to_ms = INT64_C(2000002000),
					.step = 1 };
	struct err err = { "" };

	CHECK_EQ(v.word, VERDICT_PASS);
	CHECK(v.final);
	CHECK_EQ(rollout_fold(r, &empty, &v, &err), 0);
	CHECK_EQ(v.word, VERDICT_PASS);
	CHECK_EQ(rollout_step(r, 2, &err), 0);
	rollout_verdict(r, INT64_C(2000002000), &v);
	CHECK(v.word != VERDICT_PASS);
	CHECK_EQ(rollout_step(r, 1, &err), -EINVAL);
	CHECK(err.text[0] != '\0');
	rollout_free(r);

	s.effect = (struct effect){ .scale = 0.6 };
	v = tell(&s, &r);
	CHECK_EQ(v.word, VERDICT_FAIL);
	CHECK_EQ(rollout_step(r, 2, &err), 0);
	CHECK_EQ(rollout_fold(r, &empty, &v, &err), 0);
	CHECK_EQ(v.word, VERDICT_FAIL);
	rollout_free(r);
}

static void promises_are_checked(void)
{
	struct rollout_member member = { .cohort = COHORT_CANARY };
	struct rollout_window w = { .from_ms = 10, .to_ms = 10 };
	struct policy policy;
	struct rollout *r = NULL;
	struct verdict v = { .windows = 7 };
	struct err err = { "" };

	policy_default(&policy);
	policy.margin = NAN;
	CHECK_EQ(rollout_new(&policy, 0, &r, &err), -EINVAL);
	CHECK(!r && strstr(err.text, "margin"));
	policy_default(&policy);
	CHECK_EQ(rollout_new(&policy, 0, &r, NULL), 0);
	CHECK_EQ(rollout_fold(r, &w, &v, NULL), -EINVAL);
	w.to_ms = 2010;
	w.members = &member;
	w.n_members = 1;
	CHECK_EQ(rollout_fold(r, &w, &v, NULL), -EINVAL);
	CHECK_EQ(v.windows, 7);
	rollout_free(r);
	rollout_free(NULL);
}

/* One route of every instance, all requests in one bucket, n of them. */
static void strange(uint64_t n, uint32_t bucket, struct verdict *ret_v)
{
	static const char *const strings[] = { "GET /a" };
	struct batch_series s = { .kind = LATENCY_TOTAL,
				  .status = STATUS_2XX,
				  .n = 1,
				  .bucket = &bucket,
				  .count = &n };
	struct rollout_member members[6];
	struct batch b[6];
	struct policy policy;
	struct rollout *r = NULL;
	struct err err = { "" };
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };

	*ret_v = (struct verdict){ .word = VERDICT_ERROR };
	policy_default(&policy);
	policy.warm_requests = 0;
	if (rollout_new(&policy, 0, &r, &err) < 0)
		return;
	memset(b, 0, sizeof(b));
	for (int i = 0; i < 6; i++) {
		b[i].service = b[i].revision = "x";
		b[i].instance = names[i];
		b[i].hooks = b[i].collector = "t";
		b[i].refused_code = "";
		b[i].strings = strings;
		b[i].n_strings = 1;
		b[i].series = &s;
		b[i].n_series = n > 0;
		members[i].batch = &b[i];
		members[i].cohort = i < 4 ? COHORT_BASELINE : COHORT_CANARY;
	}
	for (int w = 0; w < 40; w++) {
		struct rollout_window win = { .from_ms = w * 10000,
					      .to_ms = (w + 1) * 10000,
					      .n_members = 6,
					      .members = members };

		if (rollout_fold(r, &win, ret_v, &err) < 0)
			ret_v->word = VERDICT_ERROR;
	}
	rollout_free(r);
}

static void strange_numbers_get_a_code(void)
{
	struct verdict v;

	strange(0, 0, &v);
	CHECK_EQ(v.code, CODE_NO_DATA);
	/* all in the bucket of 0 ns: nothing above anything */
	strange(100, 0, &v);
	CHECK(v.word != VERDICT_FAIL && v.word != VERDICT_ERROR);
	CHECK(isfinite(v.p99_ratio) && isfinite(v.shift_hi_ms));
	/* all equal */
	strange(100, hist_bucket(20000000), &v);
	CHECK(v.word != VERDICT_FAIL && v.word != VERDICT_ERROR);
	/* the longest there is */
	strange(100, hist_bucket(HIST_MAX_NS), &v);
	CHECK(v.word != VERDICT_FAIL && v.word != VERDICT_ERROR);
	/* counts that a batch is not allowed, and no overflow all the same */
	strange(UINT64_C(1) << 40, hist_bucket(20000000), &v);
	CHECK(v.word != VERDICT_FAIL && v.word != VERDICT_ERROR);
	strange(UINT64_C(1) << 63, hist_bucket(20000000), &v);
	CHECK(v.word != VERDICT_FAIL);
	CHECK(isfinite(v.p99_ratio) && isfinite(v.detectable_ratio));
}

static void policies_may_only_tighten(void)
{
	struct policy bound;
	struct policy wish;
	struct err err = { "" };

	policy_default(&bound);
	CHECK_EQ(policy_check(&bound, &err), 0);
	wish = bound;
	CHECK_EQ(policy_tightens(&bound, &wish, &err), 0);
	wish.margin = 0.1;
	wish.alpha_pass = 0.01;
	wish.soak_windows = 100;
	wish.n_ignore = 0;
	CHECK_EQ(policy_tightens(&bound, &wish, &err), 0);
	wish.alpha_fail = 0.001; /* fails later: permits more */
	CHECK_EQ(policy_tightens(&bound, &wish, &err), -EINVAL);
	CHECK(strstr(err.text, "alpha_fail"));
	wish = bound;
	memcpy(wish.ignore_routes[0], "GET /orders*", sizeof("GET /orders*"));
	CHECK_EQ(policy_tightens(&bound, &wish, NULL), -EINVAL);
	wish = bound;
	wish.load_lo = NAN;
	CHECK_EQ(policy_check(&wish, NULL), -EINVAL);
	CHECK_EQ(policy_tightens(&bound, &wish, NULL), -EINVAL);
}

static void health_checks_are_left_out(void)
{
	struct policy p;

	policy_default(&p);
	CHECK(policy_ignores(&p, "GET /health"));
	CHECK(policy_ignores(&p, "GET /healthz/ready"));
	CHECK(policy_ignores(&p, "HEAD /metrics"));
	CHECK(policy_ignores(&p, "GET /actuator/prometheus"));
	CHECK(!policy_ignores(&p, "GET /orders/{}"));
	CHECK(!policy_ignores(&p, "GET /api/health"));
	CHECK(!policy_ignores(&p, "GET /ready/{}"));
	CHECK(!policy_ignores(&p, ""));
	memcpy(p.ignore_routes[0], "a*b*c", sizeof("a*b*c"));
	CHECK(policy_ignores(&p, "abbbc") && policy_ignores(&p, "abcbc"));
	CHECK(!policy_ignores(&p, "abcb"));
}

const struct test_case test_cases[] = {
	{ "rollout: young code is not held against a canary",
	  young_code_is_not_held_against_a_canary },
	{ "rollout: instances that differ are counted out",
	  instances_that_differ_are_counted_out },
	{ "rollout: each situation has its code", each_situation_has_its_code },
	{ "rollout: a warm-up is forgotten", a_warm_up_is_forgotten },
	{ "rollout: missing data never passes", missing_data_never_passes },
	{ "rollout: a fail latches, a pass lasts for its step",
	  a_fail_latches_and_a_pass_lasts_for_its_step },
	{ "rollout: promises are checked", promises_are_checked },
	{ "rollout: strange numbers get a code", strange_numbers_get_a_code },
	{ "policy: a caller may only tighten", policies_may_only_tighten },
	{ "policy: health checks are left out", health_checks_are_left_out },
	{ NULL, NULL },
};
