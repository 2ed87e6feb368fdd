/* SPDX-License-Identifier: Apache-2.0 */
/* lesson: what earlier rollouts taught, and what a later one makes of it. */
#include "stats/lesson.h"

#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "tests/sim/truth.h"
#include "tests/test.h"

static void set(struct spread_prior level[LEVEL_N], double s2, double df)
{
	for (int p = 0; p < LEVEL_N; p++)
		level[p] = (struct spread_prior){ .s2 = s2, .df = df };
}

static void variances_are_pooled_by_their_degrees_of_freedom(void)
{
	struct spread_prior level[LEVEL_N];
	struct lessons *l = NULL;

	CHECK_EQ(lessons_new(&l), 0);
	CHECK(!lessons_find(l, "GET /a", level));
	set(level, 4.0, 3.0);
	CHECK_EQ(lessons_add(l, "GET /a", level, 1.0), 0);
	set(level, 1.0, 10.0);
	CHECK_EQ(lessons_add(l, "GET /a", level, 0.5), 0);
	set(level, 9.0, 0.0); /* teaches nothing */
	CHECK_EQ(lessons_add(l, "GET /a", level, 1.0), 0);
	CHECK(lessons_find(l, "GET /a", level));
	/* (3 * 4 + 5 * 1) / 8 */
	CHECK(fabs(level[LEVEL_P99].s2 - 17.0 / 8.0) < 1e-12);
	CHECK(fabs(level[LEVEL_P99].df - 8.0) < 1e-12);
	/* many lessons are worth no more than the cap */
	set(level, 1.0, 50.0);
	CHECK_EQ(lessons_add(l, "GET /a", level, 1.0), 0);
	CHECK(lessons_find(l, "GET /a", level));
	CHECK(fabs(level[0].df - LESSON_DF_MAX) < 1e-12);
	CHECK_EQ(lessons_count(l), 1);
	lessons_free(l);
}

static void strange_numbers_teach_nothing(void)
{
	const double bad[] = { NAN, INFINITY, -1.0 };
	struct spread_prior level[LEVEL_N];
	struct lessons *l = NULL;

	CHECK_EQ(lessons_new(&l), 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		set(level, bad[i], 5.0);
		CHECK_EQ(lessons_add(l, "*", level, 1.0), 0);
		set(level, 1.0, bad[i] > 0.0 ? 0.0 : bad[i]);
		CHECK_EQ(lessons_add(l, "*", level, 1.0), 0);
	}
	CHECK(lessons_find(l, "*", level));
	for (int p = 0; p < LEVEL_N; p++)
		CHECK(level[p].df <= 0.0 && level[p].s2 <= 0.0);
	lessons_free(l);
}

/* Run a world; lessons are the rollout's.  The caller frees *ret_r. */
static struct verdict tell(const struct world *w, uint64_t seed,
			   struct lessons *lessons, struct rollout **ret_r)
{
	struct effect none = { .scale = 0.0 };
	struct truth *t = truth_new(w, &none, seed);
	struct verdict v = { .word = VERDICT_ERROR };
	struct policy policy;
	struct rollout_window window;

	*ret_r = NULL;
	policy_default(&policy);
	while (truth_next(t, &window)) {
		if (!*ret_r) {
			if (rollout_new(&policy, window.from_ms, ret_r, NULL) <
			    0)
				break;
			rollout_learn(*ret_r, lessons);
		}
		if (rollout_fold(*ret_r, &window, &v, NULL) < 0)
			break;
	}
	truth_free(t);
	return v;
}

static const struct world service = {
	.n_canary = 1,
	.n_baseline = 6,
	.window_ms = 10000,
	.n_windows = 20,
	.requests = 400,
	.median_ms = 15,
	.sigma = 0.3,
	.sd = 0.08,
};

static void a_rollout_teaches_how_its_baseline_differs(void)
{
	struct spread_prior level[LEVEL_N];
	struct lessons *l = NULL;
	struct rollout *r;
	double sum = 0.0;

	for (uint64_t seed = 1; seed <= 8; seed++) {
		CHECK_EQ(lessons_new(&l), 0);
		(void)tell(&service, seed, NULL, &r);
		CHECK(r != NULL);
		CHECK_EQ(rollout_teach(r, l), 0);
		CHECK(lessons_find(l, TRUTH_ROUTE, level));
		CHECK(fabs(level[0].df - 5.0) < 1e-12);
		CHECK(fabs(level[LEVEL_P99].df - 5.0) < 1e-12);
		/* 8,000 requests: not ten beyond P99.9 */
		CHECK(level[LEVEL_N - 1].df <= 0.0);
		sum += level[0].s2 / 8.0;
		lessons_free(l);
		rollout_free(r);
	}
	/* 40 degrees of freedom: within a factor of two of sd^2 */
	CHECK(sum > 0.5 * 0.0064 && sum < 2.0 * 0.0064);
}

/* Instances that differ by 8 %: alone, two baseline pods cannot say so. */
static void what_was_taught_lowers_the_floor(void)
{
	struct rollout_route_view view;
	struct spread_prior level[LEVEL_N];
	struct lessons *l = NULL;
	struct world w = service;
	struct rollout *r;
	double alone;

	w.n_baseline = 2;
	(void)tell(&w, 3, NULL, &r);
	CHECK(r != NULL);
	rollout_route(r, 0, &view);
	alone = view.floor_ratio;
	rollout_free(r);
	CHECK_EQ(lessons_new(&l), 0);
	set(level, 0.0064, 20.0);
	CHECK_EQ(lessons_add(l, TRUTH_ROUTE, level, 1.0), 0);
	(void)tell(&w, 3, l, &r);
	CHECK(r != NULL);
	rollout_route(r, 0, &view);
	/* t of 21 degrees of freedom instead of 1: 2.6 against 42 */
	CHECK(view.floor_ratio > 1.05 && view.floor_ratio < 1.6);
	CHECK(alone > view.floor_ratio * 1.2);
	rollout_free(r);
}

const struct test_case test_cases[] = {
	{ "lesson: variances are pooled by their degrees of freedom",
	  variances_are_pooled_by_their_degrees_of_freedom },
	{ "lesson: strange numbers teach nothing",
	  strange_numbers_teach_nothing },
	{ "lesson: a rollout teaches how its baseline differs",
	  a_rollout_teaches_how_its_baseline_differs },
	{ "lesson: what was taught lowers the floor",
	  what_was_taught_lowers_the_floor },
	{ NULL, NULL },
};
