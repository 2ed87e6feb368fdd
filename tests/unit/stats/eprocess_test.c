/* SPDX-License-Identifier: Apache-2.0 */
/*
 * eprocess: the mean of a bet under its null, summed exactly over every
 * outcome, is at most 1; and equals it at the null's edge.
 */
#include "stats/eprocess.h"

#include <math.h>
#include <string.h>

#include "stats/multiple.h"
#include "tests/test.h"

static double log_choose(int n, int k)
{
	return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* The mean over a binomial x_c of n events, each the canary's with chance p. */
static double mean_over_binomial(enum bet bet, int n, double rho, double p,
				 double phi)
{
	struct odds o;
	double mean = 0.0;

	odds_init(&o, rho);
	for (int x = 0; x <= n; x++) {
		struct tilts t;

		memset(&t, 0, sizeof(t));
		tilts_bet(&t, &o, bet, x, n - x, phi);
		mean += exp(log_choose(n, x) + x * log(p) +
			    (n - x) * log1p(-p) + tilts_log_mean(&t));
	}
	return mean;
}

static void a_bet_has_mean_one_at_the_edge_of_its_null(void)
{
	CHECK(fabs(mean_over_binomial(BET_AGAINST, 40, 0.2, 0.2, 1.0) - 1.0) <
	      1e-12);
	CHECK(fabs(mean_over_binomial(BET_FOR, 40, 0.2, 0.2, 1.0) - 1.0) <
	      1e-12);
	CHECK(mean_over_binomial(BET_AGAINST, 40, 0.2, 0.15, 1.0) < 1.0);
	CHECK(mean_over_binomial(BET_FOR, 40, 0.2, 0.3, 1.0) < 1.0);
	/* a tempered bet is a root of the full one, so its mean is lower */
	CHECK(mean_over_binomial(BET_AGAINST, 40, 0.2, 0.2, 1.7) < 1.0);
}

static void a_bet_wins_where_its_null_is_wrong(void)
{
	CHECK(mean_over_binomial(BET_AGAINST, 40, 0.2, 0.4, 1.0) > 2.0);
	CHECK(mean_over_binomial(BET_FOR, 40, 0.2, 0.05, 1.0) > 2.0);
}

/* Poisson counts with the canary's rate at the baseline's plus the rise. */
static double mean_over_poisson(enum bet bet, double rate_c, double rate_b,
				double n_c, double n_b, double rise)
{
	struct odds o;
	double mean = 0.0;

	odds_init(&o, n_c / (n_c + n_b));
	for (int c = 0; c < 80; c++) {
		for (int b = 0; b < 120; b++) {
			struct tilts t;
			double mc = rate_c * n_c;
			double mb = rate_b * n_b;

			memset(&t, 0, sizeof(t));
			tilts_bet_rise(&t, &o, bet, c, b, n_c, rise, 1.0);
			mean += exp(c * log(mc) - mc - lgamma(c + 1.0) +
				    b * log(mb) - mb - lgamma(b + 1.0) +
				    tilts_log_mean(&t));
		}
	}
	return mean;
}

static void a_bet_on_a_rise_has_mean_one_at_its_edge(void)
{
	double edge =
		mean_over_poisson(BET_AGAINST, 0.03, 0.02, 300, 900, 0.01);

	CHECK(fabs(edge - 1.0) < 1e-6);
	edge = mean_over_poisson(BET_FOR, 0.03, 0.02, 300, 900, 0.01);
	CHECK(fabs(edge - 1.0) < 1e-6);
	CHECK(mean_over_poisson(BET_AGAINST, 0.02, 0.02, 300, 900, 0.01) < 1.0);
	CHECK(mean_over_poisson(BET_FOR, 0.04, 0.02, 300, 900, 0.01) < 1.0);
	CHECK(mean_over_poisson(BET_FOR, 0.001, 0.001, 300, 900, 0.01) > 1.0);
}

static void a_permitted_ratio_moves_the_odds(void)
{
	struct odds o;

	odds_init_ratio(&o, 0.25, 2.0); /* one of three, twice as many */
	CHECK(fabs(o.rho - 0.4) < 1e-15);
	odds_init_ratio(&o, 0.25, 1.0);
	CHECK(fabs(o.rho - 0.25) < 1e-15);
}

static void sums_of_evidence_can_be_taken_apart(void)
{
	struct tilts a = { { 1, 2, 3, 4, 5, 6, 7 } };
	struct tilts b = { { 7, 6, 5, 4, 3, 2, 1 } };

	tilts_add(&a, &b);
	tilts_sub(&a, &b);
	for (int i = 0; i < TILT_N; i++)
		CHECK(a.log_e[i] == i + 1.0);
	memset(&a, 0, sizeof(a));
	CHECK(tilts_log_mean(&a) == 0.0);
	a.log_e[3] = 1e6; /* no overflow on the way */
	CHECK(fabs(tilts_log_mean(&a) - (1e6 - log(TILT_N))) < 1e-6);
}

static void e_bh_takes_the_most_it_may(void)
{
	static const struct {
		const char *why;
		double e[4];
		double alpha;
		double want; /* the smallest e-value that is a discovery */
	} cases[] = {
		{ "one of four needs 4 / alpha", { 81, 1, 1, 1 }, .05, 81 },
		{ "and not a little less", { 79, 1, 1, 1 }, .05, 0 },
		{ "two need half of it", { 41, 1, 1, 42 }, .05, 41 },
		{ "all need 1 / alpha", { 21, 22, 20, 23 }, .05, 20 },
		{ "a gap in the middle does not end it",
		  { 27, 27, 27, 1 },
		  .05,
		  27 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double log_e[4];
		double got;

		for (int k = 0; k < 4; k++)
			log_e[k] = log(cases[i].e[k]);
		got = exp(multiple_threshold(log_e, 4, cases[i].alpha));
		if (cases[i].want > 0.0 ? fabs(got - cases[i].want) > 1e-9
					: isfinite(got))
			test_fail(__FILE__, __LINE__, "%s: got %g",
				  cases[i].why, got);
	}
	{
		double none = 0.0;

		CHECK(!isfinite(multiple_threshold(&none, 0, 0.05)));
	}
}

const struct test_case test_cases[] = {
	{ "eprocess: a bet has mean one at the edge of its null",
	  a_bet_has_mean_one_at_the_edge_of_its_null },
	{ "eprocess: a bet wins where its null is wrong",
	  a_bet_wins_where_its_null_is_wrong },
	{ "eprocess: a bet on a rise has mean one at its edge",
	  a_bet_on_a_rise_has_mean_one_at_its_edge },
	{ "eprocess: a permitted ratio moves the odds",
	  a_permitted_ratio_moves_the_odds },
	{ "eprocess: sums of evidence can be taken apart",
	  sums_of_evidence_can_be_taken_apart },
	{ "multiple: e-BH takes the most it may", e_bh_takes_the_most_it_may },
	{ NULL, NULL },
};
