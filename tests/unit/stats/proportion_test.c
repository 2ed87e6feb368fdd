/* SPDX-License-Identifier: Apache-2.0 */
/* proportion: Clopper and Pearson's interval, against known figures. */
#include "stats/proportion.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>

#include "tests/test.h"

static void intervals_are_clopper_and_pearsons(void)
{
	static const struct {
		uint64_t k;
		uint64_t n;
		double level;
		double lo;
		double hi;
	} cases[] = {
		/* 1 - 0.025^(1/n) where nothing was counted */
		{ 0, 10, 0.95, 0.0, 0.3084971078187608 },
		{ 10, 10, 0.95, 0.6915028921812392, 1.0 },
		{ 0, 100, 0.95, 0.0, 0.03621669264517642 },
		{ 1, 1, 0.95, 0.025, 1.0 },
		/* by adding up the binomial */
		{ 1, 10, 0.95, 0.002528578544461, 0.445016117026935 },
		{ 5, 10, 0.95, 0.187086028447396, 0.812913971552604 },
		{ 2, 200, 0.95, 0.001213349013736, 0.035654668397240 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		double lo = -1.0;
		double hi = -1.0;

		CHECK_EQ(proportion_interval(cases[i].k, cases[i].n,
					     cases[i].level, &lo, &hi),
			 0);
		if (fabs(lo - cases[i].lo) > 1e-8 ||
		    fabs(hi - cases[i].hi) > 1e-8)
			test_fail(__FILE__, __LINE__,
				  "%" PRIu64 " of %" PRIu64 ": %.15f %.15f",
				  cases[i].k, cases[i].n, lo, hi);
	}
}

static void refusal_leaves_the_results_alone(void)
{
	double lo = 7.0;
	double hi = 7.0;

	CHECK_EQ(proportion_interval(0, 0, 0.95, &lo, &hi), -EINVAL);
	CHECK_EQ(proportion_interval(2, 1, 0.95, &lo, &hi), -EINVAL);
	CHECK_EQ(proportion_interval(1, 2, 95.0, &lo, &hi), -EINVAL);
	CHECK_EQ(proportion_interval(1, 2, 0.0, &lo, &hi), -EINVAL);
	CHECK_EQ(proportion_interval(1, 2, (double)NAN, &lo, &hi), -EINVAL);
	CHECK(lo == 7.0 && hi == 7.0);
}

const struct test_case test_cases[] = {
	{ "proportion: intervals are Clopper and Pearson's",
	  intervals_are_clopper_and_pearsons },
	{ "proportion: refusal leaves the results alone",
	  refusal_leaves_the_results_alone },
	{ NULL, NULL },
};
