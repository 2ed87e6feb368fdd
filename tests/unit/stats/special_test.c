/* SPDX-License-Identifier: Apache-2.0 */
/* special: known values, from tables and from numerical integration. */
#include "stats/special.h"

#include <math.h>
#include <stddef.h>

#include "tests/test.h"

#define CHECK_NEAR(got, want, within)                                         \
	do {                                                                  \
		double got_ = (got);                                          \
		double want_ = (want);                                        \
                                                                              \
		if (!(fabs(got_ - want_) <= (within))) {                      \
			test_fail(__FILE__, __LINE__, "%s is %.12g, want %g", \
				  #got, got_, want_);                         \
			return;                                               \
		}                                                             \
	} while (0)

static void beta_has_its_closed_forms(void)
{
	/* I_x(1, 1) = x, I_x(a, 1) = x^a, I_x(1, b) = 1 - (1-x)^b */
	for (int i = 1; i < 20; i++) {
		double x = i / 20.0;

		CHECK_NEAR(special_beta(1, 1, x), x, 1e-13);
		CHECK_NEAR(special_beta(3.5, 1, x), pow(x, 3.5), 1e-12);
		CHECK_NEAR(special_beta(1, 7, x), 1 - pow(1 - x, 7), 1e-12);
		CHECK_NEAR(special_beta(4, 9, x) + special_beta(9, 4, 1 - x),
			   1.0, 1e-12);
	}
	CHECK_NEAR(special_beta(2, 3, 0.0), 0.0, 0.0);
	CHECK_NEAR(special_beta(2, 3, 1.0), 1.0, 0.0);
}

static void t_is_as_in_tables(void)
{
	static const struct {
		double p, df, t;
	} table[] = {
		{ 0.975, 1, 12.70620474 },  { 0.975, 4, 2.776445105 },
		{ 0.975, 10, 2.228138852 }, { 0.99, 8, 2.896459448 },
		{ 0.995, 3, 5.840909310 },  { 0.95, 30, 1.697260887 },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		CHECK_NEAR(special_t_quantile(table[i].p, table[i].df),
			   table[i].t, 2e-8);
		CHECK_NEAR(special_t_cdf(table[i].t, table[i].df), table[i].p,
			   1e-9);
		CHECK_NEAR(special_t_cdf(-table[i].t, table[i].df),
			   1 - table[i].p, 1e-9);
	}
	/* by Simpson's rule over the density */
	CHECK_NEAR(special_t_cdf(2.0, 5), 0.9490302605850709, 1e-10);
}

static void gamma_derivatives_are_as_in_tables(void)
{
	CHECK_NEAR(special_digamma(1.0), -0.5772156649015329, 1e-10);
	CHECK_NEAR(special_digamma(0.5), -1.9635100260214235, 1e-10);
	CHECK_NEAR(special_digamma(10.0), 2.251752589066721, 1e-10);
	CHECK_NEAR(special_trigamma(1.0), 1.6449340668482264, 1e-9);
	CHECK_NEAR(special_trigamma(0.5), 4.934802200544679, 1e-9);
}

static void log_add_survives_what_exp_does_not(void)
{
	CHECK_NEAR(special_log_add(1000.0, 1000.0), 1000.0 + log(2.0), 1e-12);
	CHECK_NEAR(special_log_add(-INFINITY, 3.0), 3.0, 0.0);
	CHECK_NEAR(special_log_add(3.0, -INFINITY), 3.0, 0.0);
	CHECK(special_log_add(-INFINITY, -INFINITY) == -INFINITY);
}

const struct test_case test_cases[] = {
	{ "special: incomplete beta has its closed forms",
	  beta_has_its_closed_forms },
	{ "special: t is as in tables", t_is_as_in_tables },
	{ "special: derivatives of ln gamma are as in tables",
	  gamma_derivatives_are_as_in_tables },
	{ "special: sums of logarithms survive what exp does not",
	  log_add_survives_what_exp_does_not },
	{ NULL, NULL },
};
