/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/rate.h"

#include "tests/test.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);

static void the_quietest_target_sets_the_rate(void)
{
	static const struct {
		const char *why;
		uint64_t ticks[2];
		size_t n;
		uint32_t hz;
		uint32_t max_hz;
		uint32_t want;
	} cases[] = {
		{ "one CPU at 100 Hz is right", { 100 }, 1, 100, 999, 100 },
		{ "half a CPU", { 50 }, 1, 100, 999, 200 },
		{ "1 % of a CPU: as far as a window goes",
		  { 2 },
		  1,
		  199,
		  999,
		  796 },
		{ "not seen: as far as a window goes",
		  { 0 },
		  1,
		  100,
		  999,
		  400 },
		{ "at the ceiling", { 9 }, 1, 900, 999, 999 },
		{ "two CPUs: the floor", { 200 }, 1, 100, 999, 50 },
		{ "sixteen CPUs: the floor", { 1600 }, 1, 100, 999, 49 },
		{ "the quieter of two", { 200, 50 }, 2, 100, 999, 200 },
		{ "a budget", { 10 }, 1, 100, 150, 150 },
		{ "a budget below the floor", { 10 }, 1, 100, 1, 49 },
		{ "no target", { 0 }, 0, 199, 999, 199 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t got = rate_next(cases[i].ticks, cases[i].n, SECOND_NS,
					 cases[i].hz, cases[i].max_hz);

		if (got != cases[i].want)
			test_fail(__FILE__, __LINE__, "%s: got %u",
				  cases[i].why, got);
	}
}

static void a_busy_target_is_thinned(void)
{
	/* two CPUs at 999 Hz: one tick in 19 is 105 samples a second */
	CHECK_EQ(rate_stride(200, SECOND_NS, 100, 999), 19);
	CHECK_EQ(rate_stride(100, SECOND_NS, 100, 100), 1);
	CHECK_EQ(rate_stride(0, SECOND_NS, 100, 999), 1);
	/* never below 49 Hz of its own CPU time */
	CHECK_EQ(rate_stride(10000, SECOND_NS, 100, 999), 20);
	CHECK_EQ(rate_stride(100, 0, 100, 999), 1);
}

static void an_overdrawn_budget_lowers_the_ceiling(void)
{
	static const struct {
		const char *why;
		uint32_t max_hz;
		uint32_t hz;
		uint64_t used;
		uint64_t budget;
		uint32_t want;
	} cases[] = {
		{ "a quarter too much", 999, 500, 125, 100, 400 },
		{ "far too much: half", 999, 400, 900, 100, 200 },
		{ "the ceiling was lower than the rate", 100, 400, 200, 100,
		  50 },
		{ "never below the floor", 60, 60, 900, 100, 49 },
		{ "just within: stays", 200, 200, 100, 100, 200 },
		{ "near it: stays", 200, 200, 80, 100, 200 },
		{ "far from it: rises", 200, 200, 50, 100, 250 },
		{ "never above the top", 900, 200, 50, 100, 999 },
		{ "nothing may be used", 400, 400, 1, 0, 200 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t got = rate_ceiling(cases[i].max_hz, cases[i].hz,
					    cases[i].used, cases[i].budget);

		if (got != cases[i].want)
			test_fail(__FILE__, __LINE__, "%s: got %u",
				  cases[i].why, got);
	}
}

const struct test_case test_cases[] = {
	{ "rate: the quietest target sets the rate",
	  the_quietest_target_sets_the_rate },
	{ "rate: a busy target is thinned", a_busy_target_is_thinned },
	{ "rate: an overdrawn budget lowers the ceiling",
	  an_overdrawn_budget_lowers_the_ceiling },
	{ NULL, NULL },
};
