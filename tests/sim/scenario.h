/* SPDX-License-Identifier: Apache-2.0 */
/* scenario - the rollouts that the simulator runs, and what bounds each. */
#ifndef TESTS_SIM_SCENARIO_H
#define TESTS_SIM_SCENARIO_H

#include <stddef.h>

#include "tests/sim/truth.h"

/* A share bound of 0 is none; NEVER is one of 0. */
#define NEVER (-1.0)

struct scenario {
	const char *name;
	struct world world;
	struct effect effect;
	double margin;	      /* of the policy; 0 means its default */
	double error_margin;  /* the same */
	double throughput_lo; /* the same */
	bool load_unequal_ok;
	uint32_t soak;	/* of the policy; 0: windows of one minute */
	bool learned;	/* earlier rollouts taught sd with 20 degrees of freedom
			 */
	uint32_t runs;	/* full and quick */
	uint32_t quick; /* 0: not in the quick form */
	double fail_max; /* share of runs */
	double pass_max;
	double fail_min; /* by the last window */
	double pass_min;
	bool forecast;	   /* median within 1.5 times, 80 % within 3 */
	double sprt_max;   /* median over what the SPRT takes: sprt.h */
	uint32_t attempts; /* at most, until one passes; 0 means 1 */
	double median_max; /* windows to what fail_min or pass_min asks */
	double p95_max;	   /* the same */
	/*
	 * Beyond reach: so large a share of the undecided runs must end with
	 * INSTANCE_VARIANCE and a number of instances; and of them so many be
	 * decided, with the same instances, those added and no others.
	 */
	double variance_min;
	double added_min;
};

extern const struct scenario null_scenarios[]; /* the true shift is 0 */
extern const size_t n_null_scenarios;
extern const struct scenario scenarios[];
extern const size_t n_scenarios;

#endif /* TESTS_SIM_SCENARIO_H */
