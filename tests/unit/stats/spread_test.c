/* SPDX-License-Identifier: Apache-2.0 */
/* spread, moderate: what is known of how much instances differ. */
#include "stats/spread.h"

#include <math.h>
#include <string.h>

#include "stats/moderate.h"
#include "tests/draw.h"
#include "tests/test.h"

static void phi_begins_cautious(void)
{
	struct dispersion d = { 0 };

	/* f = 26/20, phi = 1.3 (1 + sqrt(.1)) */
	CHECK(fabs(dispersion_phi(&d) - 1.3 * (1.0 + sqrt(0.1))) < 1e-12);
}

/*
 * n blocks of 8 instances with 1,000 requests each, 100 events expected, and
 * extra noise as given.
 */
static struct dispersion noted(double instance_sd, double shared, uint32_t n)
{
	struct rng rng = { .state = 7 };
	struct dispersion d = { 0 };
	struct dispersion_trace t[8];
	double kept[8] = { 0 };

	memset(t, 0, sizeof(t));
	for (uint32_t w = 0; w < n; w++) {
		for (int i = 0; i < 8; i++) {
			double e = 100.0;

			kept[i] =
				shared * kept[i] +
				sqrt(1.0 - shared * shared) * draw_normal(&rng);
			dispersion_note(&d, &t[i], w,
					e + sqrt(e * 0.9) * draw_normal(&rng) +
						e * instance_sd * kept[i],
					e, 0.1);
		}
		dispersion_block(&d, 8);
	}
	return d;
}

static double phi_of(double instance_sd, double shared, uint32_t n)
{
	struct dispersion d = noted(instance_sd, shared, n);

	return dispersion_phi(&d);
}

/* What a rate's variance adds to counts grows with the counts. */
static void phi_goes_with_the_requests_of_a_block(void)
{
	struct dispersion d = noted(0.2, 0.0, 2000);
	struct dispersion plain = { .n = d.n };
	double base = dispersion_phi_at(&d, 0.0);

	/* without requests nothing is left but the binomial */
	plain.sum_z2 = d.n;
	CHECK(fabs(base - dispersion_phi(&plain)) < 1e-9);
	CHECK(fabs(dispersion_phi_at(&d, 1000.0) - dispersion_phi(&d)) < 1e-9);
	/* a fifth of the requests: a fifth of the excess, and twice it */
	CHECK(fabs((dispersion_phi_at(&d, 200.0) - base) /
			   (dispersion_phi(&d) - base) -
		   0.2) < 1e-9);
	CHECK(fabs((dispersion_phi_at(&d, 2000.0) - base) /
			   (dispersion_phi(&d) - base) -
		   2.0) < 1e-9);
	/* of 20 events: binomial 18, and (.2 x 20)^2 of the rate */
	CHECK(fabs(dispersion_phi_at(&d, 200.0) - (18.0 + 16.0) / 18.0) < 0.2);
}

static void phi_finds_what_the_counts_have(void)
{
	double plain = phi_of(0.0, 0.0, 200);
	double noisy = phi_of(0.2, 0.0, 200);
	double lasting = phi_of(0.2, 0.8, 200);

	CHECK(plain >= 1.0 && plain < 1.35);
	/* variance 90 + 400 over 90 */
	CHECK(noisy > 4.5 && noisy < 8.0);
	/* noise that lasts counts several times */
	CHECK(lasting > 1.5 * noisy);
}

static void a_missing_block_is_no_lag(void)
{
	struct dispersion d = { 0 };
	struct dispersion_trace t = { 0 };

	dispersion_note(&d, &t, 0, 10, 10, 0.1);
	dispersion_note(&d, &t, 1, 20, 10, 0.1);
	CHECK(d.sum_lag[0] == 0.0); /* the first one only taught */
	dispersion_note(&d, &t, 3, 20, 10, 0.1);
	CHECK(d.sum_lag[0] == 0.0);
	CHECK(d.sum_lag[1] > 0.0);
	dispersion_note(&d, &t, 300, 20, 10, 0.1);
	CHECK(d.sum_lag[5] == 0.0);
}

static void the_floor_is_moderated(void)
{
	struct spread_prior none = { 0 };
	struct spread_prior taught = { .s2 = 0.01, .df = 20 };
	double df;

	CHECK(spread_moderate(0.04, 1, &none, &df) == 0.0 && df == 0.0);
	CHECK(fabs(spread_moderate(0.04, 5, &none, &df) - 0.2) < 1e-15);
	CHECK(df == 4.0);
	CHECK(fabs(spread_moderate(0.04, 5, &taught, &df) -
		   sqrt((20 * 0.01 + 4 * 0.04) / 24)) < 1e-15);
	CHECK(df == 24.0);
}

static void variance_is_that_of_the_sample(void)
{
	static const double v[] = { 2, 4, 4, 4, 5, 5, 7, 9 };

	CHECK(fabs(spread_variance(v, 8) - 32.0 / 7.0) < 1e-12);
	CHECK(spread_variance(v, 1) == 0.0);
	CHECK(spread_variance(v, 0) == 0.0);
}

static void moderation_recovers_what_it_was_drawn_from(void)
{
	static double s2[4000];
	struct rng rng = { .state = 3 };
	struct moderation m;

	/* s0^2 = 2 with d0 = 8: sigma^2 = d0 s0^2 / chi^2_8; d = 6 each */
	for (int i = 0; i < 4000; i++) {
		double chi0 = 0.0;
		double chi = 0.0;

		for (int k = 0; k < 8; k++) {
			double z = draw_normal(&rng);

			chi0 += z * z;
		}
		for (int k = 0; k < 6; k++) {
			double z = draw_normal(&rng);

			chi += z * z;
		}
		s2[i] = 16.0 / chi0 * chi / 6.0;
	}
	m = moderate_fit(s2, 4000, 6.0);
	CHECK(m.d0 > 6.5 && m.d0 < 9.8);
	CHECK(m.s2_0 > 1.85 && m.s2_0 < 2.15);
	CHECK(fabs(moderate(&(struct moderation){ 4, 1 }, 3.0, 2.0) -
		   10.0 / 6.0) < 1e-15);
}

static void a_t_statistic_has_an_e_value_of_mean_one(void)
{
	struct rng rng = { .state = 11 };
	double mean = 0.0;

	/* of 6 residual degrees of freedom, no effect, by simulation */
	for (int i = 0; i < 200000; i++) {
		double chi = 0.0;

		for (int k = 0; k < 6; k++) {
			double z = draw_normal(&rng);

			chi += z * z;
		}
		mean += exp(moderate_log_e(draw_normal(&rng) / sqrt(chi / 6), 6,
					   2.0));
	}
	mean /= 200000;
	CHECK(mean > 0.97 && mean < 1.03);
	CHECK(moderate_log_e(0.0, 6, 2.0) < 0.0);
	CHECK(moderate_log_e(20.0, 10, 30.0) > 10.0);
	CHECK(moderate_log_e(5.0, 10, 3.0) == moderate_log_e(-5.0, 10, 3.0));
}

static struct spread_luck luck_of(double sd, double df, double n_canary,
				  double n_baseline, double shift)
{
	struct spread_luck l = { .sd = sd,
				 .df = df,
				 .n_canary = n_canary,
				 .n_baseline = n_baseline,
				 .shift = shift,
				 .limit = 0.0953 };

	spread_t_at(&l.t, df);
	return l;
}

/* How often m more decide, by drawing who they are; exact t quantiles. */
static double decided(const struct spread_luck *l, uint32_t canary,
		      uint32_t baseline)
{
	struct rng rng = { .state = 5 };
	double nc = l->n_canary + canary;
	double nb = l->n_baseline + baseline;
	double floor = l->sd * sqrt(1.0 / nc + 1.0 / nb);
	double luck = l->sd * sqrt(1.0 / l->n_canary + 1.0 / l->n_baseline -
				   1.0 / nc - 1.0 / nb);
	struct spread_t t = { 0 };
	int n = 0;

	spread_t_at(&t, l->df + baseline);
	for (int i = 0; i < 20000; i++) {
		double shift = l->shift + luck * draw_normal(&rng);

		n += shift >= fmax(l->limit, t.fail * floor) ||
		     shift <= l->limit - t.pass * floor;
	}
	return n / 20000.0;
}

static void instances_to_add_are_the_fewest_that_do(void)
{
	static const struct {
		const char *why;
		double sd, df, n_canary, n_baseline, shift;
	} cases[] = {
		{ "one pod of five, far beyond", 0.1, 3, 1, 4, 0.3 },
		{ "the same, half as far", 0.1, 3, 1, 4, 0.16 },
		{ "a healthy one", 0.05, 3, 1, 4, 0.01 },
		{ "more pods", 0.1, 8, 3, 9, 0.2 },
		{ "learned", 0.1, 23, 1, 4, 0.3 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct spread_luck l =
			luck_of(cases[i].sd, cases[i].df, cases[i].n_canary,
				cases[i].n_baseline, cases[i].shift);
		struct spread_more m = { 0, 0 };

		CHECK(spread_more(&l, &m));
		CHECK(m.canary + m.baseline > 0);
		if (decided(&l, m.canary, m.baseline) < SPREAD_SURE - 0.02)
			test_fail(__FILE__, __LINE__, "%s: too few",
				  cases[i].why);
		/* one less, of whichever cohort */
		if ((m.canary > 0 && decided(&l, m.canary - 1, m.baseline) >
					     SPREAD_SURE + 0.02) ||
		    (m.baseline > 0 && decided(&l, m.canary, m.baseline - 1) >
					       SPREAD_SURE + 0.02))
			test_fail(__FILE__, __LINE__, "%s: too many",
				  cases[i].why);
	}
}

static void history_spares_instances(void)
{
	struct spread_luck l = luck_of(0.1, 3, 1, 4, 0.3);
	struct spread_more without;
	struct spread_more with;

	CHECK(spread_more(&l, &without));
	/* with three degrees of freedom the baseline needs some as well */
	CHECK(without.canary > 0 && without.baseline > 0);
	l = luck_of(0.1, 23, 1, 4, 0.3);
	CHECK(spread_more(&l, &with));
	CHECK(with.canary + with.baseline < without.canary + without.baseline);
}

static void no_number_tells_a_shift_at_the_limit(void)
{
	struct spread_luck l = luck_of(0.3, 11, 3, 9, 0.0953);
	struct spread_more m;

	CHECK(!spread_more(&l, &m));
	CHECK_EQ(m.canary, SPREAD_MORE_MAX);
	CHECK_EQ(m.baseline, SPREAD_MORE_MAX);
}

static void nothing_to_add_where_it_is_decided(void)
{
	struct spread_luck l = luck_of(0.01, 11, 3, 9, 0.3);
	struct spread_more m;

	CHECK(spread_more(&l, &m));
	CHECK_EQ(m.canary + m.baseline, 0);
}

const struct test_case test_cases[] = {
	{ "spread: phi begins cautious", phi_begins_cautious },
	{ "spread: phi finds what the counts have",
	  phi_finds_what_the_counts_have },
	{ "spread: phi goes with the requests of a block",
	  phi_goes_with_the_requests_of_a_block },
	{ "spread: a missing block is no lag", a_missing_block_is_no_lag },
	{ "spread: the floor is moderated", the_floor_is_moderated },
	{ "spread: variance is that of the sample",
	  variance_is_that_of_the_sample },
	{ "spread: instances to add are the fewest that do",
	  instances_to_add_are_the_fewest_that_do },
	{ "spread: history spares instances", history_spares_instances },
	{ "spread: no number tells a shift at the limit",
	  no_number_tells_a_shift_at_the_limit },
	{ "spread: nothing to add where it is decided",
	  nothing_to_add_where_it_is_decided },
	{ "moderate: the fit recovers what it was drawn from",
	  moderation_recovers_what_it_was_drawn_from },
	{ "moderate: a t statistic has an e-value of mean one",
	  a_t_statistic_has_an_e_value_of_mean_one },
	{ NULL, NULL },
};
