/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backtest - what a policy would have decided, had it been the one.
 *
 * Of stored rollouts: against what was decided.  Of A/A splits: instances of
 * one build, some of which are taken for a canary.  Nothing is wrong with
 * that canary, so how often it fails is how often the policy is wrong on this
 * service.  Nothing of it is stored.
 */
#ifndef GATE_BACKTEST_H
#define GATE_BACKTEST_H

#include <stdbool.h>
#include <stdint.h>

#include "common/limits.h"
#include "gate/store.h"
#include "stats/policy.h"
#include "stats/verdict.h"

struct err;
struct policies;

struct backtest_wish {
	char service[STORE_IDENTITY_BYTES];
	struct policy policy;
	int64_t from_ms; /* rollouts that began, batches that are, within */
	int64_t until_ms;
	uint32_t n_splits;
	uint64_t seed; /* the same seed draws the same splits */
};

/* A verdict, as far as a table has it. */
struct backtest_verdict {
	enum verdict_word word;
	enum verdict_code code;
	uint32_t windows;
	char route[VERDICT_ROUTE_BYTES];
};

/* A stored rollout: what was said then, and what this policy says. */
struct backtest_rollout {
	struct store_rollout meta;
	struct backtest_verdict then;
	struct backtest_verdict now;
};

/* A split that failed. */
struct backtest_split {
	char revision[STORE_IDENTITY_BYTES];
	int64_t from_ms;
	int64_t until_ms;
	uint32_t n_canary;    /* instances taken for a canary ... */
	uint32_t n_instances; /* ... of so many */
	struct backtest_verdict now;
};

struct backtest {
	uint32_t done; /* rollouts and splits ... */
	uint32_t total;
	uint64_t n_windows; /* folded */
	bool capped;	    /* by LIMIT_BACKTEST_WINDOWS: there was more */

	/* what there is of the time that was asked for */
	int64_t reach_ms; /* when its first batch begins; 0: there is none */
	uint32_t n_hours; /* of it that hold batches */
	bool trimmed;	  /* retention deleted some of it */

	uint32_t n_rollouts;
	uint32_t n_gone; /* rollouts whose batches retention deleted */
	struct backtest_rollout rollouts[LIMIT_BACKTEST_ROLLOUTS];

	uint32_t n_splits;
	uint32_t n_pass;
	uint32_t n_fail;
	uint32_t n_undecided;
	uint32_t n_named; /* of those that failed, the first */
	struct backtest_split named[LIMIT_BACKTEST_NAMED];
};

/*
 * Run it.  It takes as long as folding all those windows does.
 *
 *   tick  asked after each window, with done unchanged, and after each rollout
 *         or split; what it returns other than 0 ends all and is returned
 *   b     receives the result; half of one where it was ended
 *
 * Returns 0, what tick did, or an error of the fold or the store.
 */
int backtest_run(struct store *st, struct policies *policies,
		 const struct backtest_wish *wish,
		 int (*tick)(void *ctx, const struct backtest *b), void *ctx,
		 struct backtest *b, struct err *err);

#endif /* GATE_BACKTEST_H */
