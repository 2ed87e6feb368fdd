/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy - what a rollout is allowed, as plain data.  policy_keys has each
 * number's meaning and range, policy_text reads it from JSON.
 */
#ifndef STATS_POLICY_H
#define STATS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;

enum {
	POLICY_NAME_BYTES = 64,
	POLICY_IGNORE_MAX = 32,
	POLICY_PATTERN_BYTES = 128,
};

struct policy {
	char name[POLICY_NAME_BYTES];
	uint32_t version; /* counts up with each change of that name */
	bool kept; /* permitted once: some number is out of its range now */

	double alpha_fail;   /* chance of failing a healthy canary, ever */
	double alpha_pass;   /* chance of passing a shift beyond the margin */
	double margin;	     /* permitted ratio - 1 of P99 */
	double margin_ms;    /* permitted shift; the larger of both holds */
	double error_ratio;  /* permitted ratio of error rates */
	double error_margin; /* permitted rise of the error rate, 0..1 */
	double unanswered_margin; /* permitted rise of its share, 0..1 */

	uint32_t soak_windows;	 /* compared windows before a PASS */
	uint32_t min_baseline;	 /* instances */
	uint32_t min_canary;	 /* instances */
	uint64_t warm_requests;	 /* an instance's first ones are not judged */
	int64_t settle_after_ms; /* of age: no allowance for young code */
	double load_lo; /* requests per instance, canary over baseline */
	double load_hi;
	bool load_unequal_ok;
	double throughput_lo;  /* of a route, over the baseline's; 0: any */
	double split_lo;       /* of a step's weight in percent that arrives */
	double loss_max;       /* share of events lost, 0..1 */
	uint32_t restarts_max; /* of canary instances, in all */
	int64_t no_data_after_ms; /* of silence: inconclusive */
	int64_t give_up_after_ms; /* of rollout: inconclusive */

	bool profile_gates;    /* a new hot path fails by itself */
	double profile_alpha;  /* false discovery rate of findings */
	double path_min_share; /* 0..1 of CPU a hot path has at least */
	double path_min_rise;  /* 0..1 of CPU it rose by at least */

	uint32_t n_ignore;
	char ignore_routes[POLICY_IGNORE_MAX][POLICY_PATTERN_BYTES];
};

/* The built-in policy "default".  policy_keys has each number's reason. */
void policy_default(struct policy *ret_p);

/*
 * Are all numbers in their ranges?  err names the first that is not, with
 * its value and range.  Those of one that is kept need only be sane: rollouts
 * that began with it go on.  Returns 0 or -EINVAL.
 */
int policy_check(const struct policy *p, struct err *err);

/*
 * May a caller replace bound by wish?  Only where no number of wish is more
 * permissive.  err names the one that is.  Returns 0 or -EINVAL.
 */
int policy_tightens(const struct policy *bound, const struct policy *wish,
		    struct err *err);

/* The first pattern by which wish ignores more than bound, or NULL. */
const char *policy_pattern_beyond(const struct policy *bound,
				  const struct policy *wish);

/* Does the policy leave route out?  "*" in a pattern stands for anything. */
bool policy_ignores(const struct policy *p, const char *route);

#endif /* STATS_POLICY_H */
