/* SPDX-License-Identifier: Apache-2.0 */
/* warmth: whose code is young, and what that may cost a latency. */
#include "stats/warmth.h"

#include <math.h>

#include "common/batch.h"
#include "stats/hist.h"
#include "tests/test.h"

enum { NOW_MS = 1000000, OLD_MS = 1000, SETTLE_MS = 300000 };

/* One window of both cohorts: CPU-ns of application and compilers. */
struct window {
	uint64_t app[COHORT_N];
	uint64_t jit[COHORT_N];
};

static void note(struct warmth *w, const struct window *window,
		 int64_t canary_started_ms)
{
	for (int c = 0; c < COHORT_N; c++) {
		const struct batch_thread threads[] = {
			{ .group = PROFILE_APP, .cpu_ns = window->app[c] },
			{ .group = PROFILE_JIT, .cpu_ns = window->jit[c] },
			{ .group = PROFILE_GC, .cpu_ns = 1000000000 },
		};
		const struct batch b = { .threads = threads,
					 .n_threads = 3,
					 .started_ms =
						 c == COHORT_CANARY
							 ? canary_started_ms
							 : OLD_MS };

		warmth_note(w, (enum cohort)c, &b, 100);
	}
	warmth_window(w, 1000);
}

/* The share allowed after 60 such windows, latencies being 10 ms; -1: none. */
static double extra_of(const struct window *window, int64_t canary_started_ms)
{
	struct warmth w = { .newest_ms = 0 };
	struct hist *h = NULL;
	double extra = -1.0;

	if (hist_new(HIST_MAX_NS, &h) < 0 || hist_add(h, 10000000) < 0)
		goto out;
	for (int i = 0; i < 60; i++)
		note(&w, window, canary_started_ms);
	extra = warmth_extra(&w, h, NOW_MS, SETTLE_MS);
out:
	hist_free(h);
	return extra;
}

static void what_young_code_costs_is_allowed(void)
{
	static const struct {
		const char *why;
		struct window window; /* of 100 requests */
		int64_t age_ms;
		double want;
	} cases[] = {
		{ "2 ms a request more, of 10",
		  { { 200000000, 400000000 }, { 10000000, 200000000 } },
		  60000,
		  0.2 },
		{ "both as young: like with like",
		  { { 200000000, 400000000 }, { 100000000, 200000000 } },
		  60000,
		  0.0 },
		{ "the baseline young, but half as much",
		  { { 200000000, 400000000 }, { 60000000, 300000000 } },
		  60000,
		  0.2 },
		{ "nothing is compiled: it is the build",
		  { { 200000000, 400000000 }, { 10000000, 20000000 } },
		  60000,
		  0.0 },
		{ "old enough by the policy",
		  { { 200000000, 400000000 }, { 10000000, 200000000 } },
		  SETTLE_MS,
		  0.0 },
		{ "young and no dearer",
		  { { 200000000, 150000000 }, { 10000000, 100000000 } },
		  60000,
		  0.0 },
		{ "a collector that sees no threads",
		  { { 0, 0 }, { 0, 0 } },
		  60000,
		  0.0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double got =
			extra_of(&cases[i].window, NOW_MS - cases[i].age_ms);

		/* latencies are known to a bucket */
		if (fabs(got - cases[i].want) > 0.01 * cases[i].want)
			test_fail(__FILE__, __LINE__, "%s: %g", cases[i].why,
				  got);
	}
}

/* A compiler that rests for a moment has not ended. */
static void a_cohort_is_young_until_its_compilers_rest(void)
{
	static const struct window busy = { { 100, 100 }, { 5, 50 } };
	static const struct window rests = { { 100, 100 }, { 5, 5 } };
	struct warmth w = { .newest_ms = 0 };
	int n = 0;

	CHECK(!warmth_young(&w));
	for (int i = 0; i < 30; i++)
		note(&w, &busy, OLD_MS);
	CHECK(w.young[COHORT_CANARY] && !w.young[COHORT_BASELINE]);
	CHECK(warmth_young(&w));
	note(&w, &rests, OLD_MS);
	CHECK(warmth_young(&w));
	for (; warmth_young(&w) && n < 1000; n++)
		note(&w, &rests, OLD_MS);
	CHECK(n > 10 && n < 1000);
	/* between a tenth and a quarter, it stays as it is */
	for (int i = 0; i < 200; i++)
		note(&w, &(const struct window){ { 100, 100 }, { 5, 20 } },
		     OLD_MS);
	CHECK(!warmth_young(&w));
}

const struct test_case test_cases[] = {
	{ "warmth: what young code costs is allowed",
	  what_young_code_costs_is_allowed },
	{ "warmth: a cohort is young until its compilers rest",
	  a_cohort_is_young_until_its_compilers_rest },
	{ NULL, NULL },
};
