/* SPDX-License-Identifier: Apache-2.0 */
/*
 * throughput: the mean of the evidence where a route's odds are those
 * permitted, summed exactly over Fisher's noncentral hypergeometric
 * distribution, is at most 1; what is gone is found; what only moves with the
 * split is not.
 */
#include "stats/throughput.h"

#include <math.h>
#include <string.h>

#include "tests/test.h"

enum { ARMS = 8, CANARIES = 2 };

static double log_choose(int n, int k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* The evidence of one block of one instance a side. */
static double evidence(enum shift_null null, double margin, int n_c, int n_b,
		       int x_c, int x_b)
{
	struct throughput_arm arms[2] = {
		{ .slot = 0, .n = (uint64_t)n_b, .answered = (uint64_t)x_b },
		{ .slot = 1,
		  .canary = true,
		  .n = (uint64_t)n_c,
		  .answered = (uint64_t)x_c },
	};
	struct throughput *t = NULL;
	double log_e = NAN;

	if (throughput_new(margin, &t) == 0 &&
	    throughput_block(t, 1, 0, 0, arms, 2) == 0)
		log_e = throughput_against(t, null).log_e;
	throughput_free(t);
	return log_e;
}

/* Its mean over all tables with these margins, at these odds. */
static double mean_of(enum shift_null null, double margin, int n_c, int n_b,
		      int x, double odds)
{
	double sum = 0.0;
	double mean = 0.0;

	for (int x_c = x > n_b ? x - n_b : 0; x_c <= x && x_c <= n_c; x_c++) {
		double p = exp(log_choose(n_c, x_c) + log_choose(n_b, x - x_c) +
			       x_c * log(odds));

		sum += p;
		mean += p * exp(evidence(null, margin, n_c, n_b, x_c, x - x_c));
	}
	return mean / sum;
}

static void a_bet_is_fair_at_what_is_permitted(void)
{
	static const struct {
		int n_c, n_b, x;
	} tables[] = { { 20, 60, 20 },
		       { 20, 60, 70 },
		       { 200, 300, 50 },
		       { 30, 300, 300 } };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		int n_c = tables[i].n_c;
		int n_b = tables[i].n_b;
		int x = tables[i].x;

		CHECK(mean_of(SHIFT_NONE, 0.2, n_c, n_b, x, 1.0) <= 1.0);
		CHECK(mean_of(SHIFT_LIMIT, 0.2, n_c, n_b, x, 0.8) <= 1.0);
		CHECK(mean_of(SHIFT_LIMIT, 0.2, n_c, n_b, x, 1.0) <= 1.0);
		CHECK(mean_of(SHIFT_LIMIT, 0.5, n_c, n_b, x, 0.5) <= 1.0);
	}
	/* and wins where less is there */
	CHECK(mean_of(SHIFT_LIMIT, 0.2, 200, 300, 50, 0.2) > 2.0);
}

/* Blocks of eight instances, the last two the canary's. */
static struct throughput *blocks(int n, double canary_n, double canary_share,
				 bool trend)
{
	struct throughput *t = NULL;

	if (throughput_new(0.2, &t) < 0)
		return NULL;
	for (int w = 0; w < n; w++) {
		struct throughput_arm arms[ARMS];

		for (uint32_t i = 0; i < ARMS; i++) {
			bool canary = i >= ARMS - CANARIES;
			double all = (canary ? canary_n : 400.0) *
				     (trend ? 1.0 + w % 7 : 1.0);
			double share = canary ? canary_share : 0.3;

			/* instances and blocks differ a little */
			share *= 1.0 +
				 0.02 * ((int)(i + 3U * (uint32_t)w) % 5 - 2);
			arms[i] = (struct throughput_arm){
				.slot = i,
				.canary = canary,
				.n = (uint64_t)all,
				.answered = (uint64_t)(all * share),
			};
		}
		if (throughput_block(t, (uint64_t)w, (uint32_t)w, (uint32_t)w,
				     arms, ARMS) < 0)
			break;
	}
	return t;
}

static void what_is_gone_is_found(void)
{
	struct throughput *t = blocks(12, 400.0, 0.0, false);
	double share[2];

	CHECK(t);
	CHECK(throughput_compared(t) && throughput_judged(t));
	CHECK(throughput_against(t, SHIFT_LIMIT).log_e > log(100.0));
	CHECK(throughput_against(t, SHIFT_FLOOR).log_e > log(3.0));
	for (uint32_t i = ARMS - CANARIES; i < ARMS; i++)
		CHECK(throughput_against_but(t, i).log_e > log(3.0));
	/* all of it, less a part, is the rest */
	CHECK(throughput_against_without(t, 3, 6).log_e <
	      throughput_against(t, SHIFT_LIMIT).log_e);
	CHECK(throughput_against_within(t, 6, 12).log_e > 0.0);
	CHECK(throughput_ratio(t, share) == 0.0);
	CHECK(share[1] == 0.0);
	CHECK(fabs(share[0] - 0.3) < 0.01);
	throughput_free(t);
}

static void a_canary_with_less_traffic_answers_as_much(void)
{
	struct pass_reach reach = { INFINITY, 0.0 };
	struct throughput *t = blocks(60, 60.0, 0.3, true);
	double share[2];

	CHECK(t);
	CHECK(throughput_against(t, SHIFT_NONE).log_e < log(3.0));
	CHECK(fabs(throughput_ratio(t, share) - 1.0) < 0.05);
	throughput_reach(t, 0.05, &reach);
	CHECK(reach.left >= 0.0);
	throughput_step(t);
	reach = (struct pass_reach){ INFINITY, 0.0 };
	throughput_reach(t, 0.05, &reach);
	CHECK(reach.left < 0.0);
	throughput_free(t);
}

static void a_route_alone_says_nothing(void)
{
	struct pass_reach reach = { INFINITY, 0.0 };
	struct throughput *t = NULL;

	/* every request is of it: nothing to set it against */
	CHECK(evidence(SHIFT_NONE, 0.2, 40, 400, 40, 400) == 0.0);
	CHECK_EQ(throughput_new(0.2, &t), 0);
	CHECK(!throughput_judged(t));
	throughput_reach(t, 0.05, &reach);
	CHECK(isinf(reach.left));
	throughput_free(t);
}

const struct test_case test_cases[] = {
	{ "throughput: a bet is fair at what is permitted",
	  a_bet_is_fair_at_what_is_permitted },
	{ "throughput: what is gone is found", what_is_gone_is_found },
	{ "throughput: a canary with less traffic answers as much",
	  a_canary_with_less_traffic_answers_as_much },
	{ "throughput: a route alone says nothing",
	  a_route_alone_says_nothing },
	{ NULL, NULL },
};
