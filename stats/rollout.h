/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout - the fold that decides: (state, policy, window) -> (state, verdict).
 *
 * One state belongs to one rollout.  It is fed windows in order of time, the
 * ones from before the rollout first (history: baseline only), and after each
 * it says the verdict.  The gate's judge, replay, backtest and the simulator
 * all call this and nothing else, so what the simulator shows holds for the
 * gate.  METHOD.md specifies the statistics.
 *
 * Pure: no I/O, no clock, no logging, no globals.  The same windows in the
 * same order give the same verdicts, to the bit in the same build; the order
 * of members within a window does not matter.  One owner at a time.
 *
 * FAIL latches for the rollout, PASS for its step; FAIL dominates.  Missing
 * data never passes.
 */
#ifndef STATS_ROLLOUT_H
#define STATS_ROLLOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/batch.h"
#include "stats/verdict.h"

struct err;
struct hist;
struct lessons;
struct policy;
struct rollout;

enum cohort { COHORT_BASELINE, COHORT_CANARY, COHORT_N };

/*
 * One batch and the side it is on.  Several of one instance are added up.  All
 * batches of a rollout that are numbered (batch.names) share one table.
 */
struct rollout_member {
	enum cohort cohort;
	const struct batch *batch; /* borrowed for the call */
};

struct rollout_window {
	int64_t from_ms; /* Unix time, aligned to its own length */
	int64_t to_ms;
	uint32_t step; /* of the rollout, while the window ran */
	bool history;  /* from before the rollout: teaches, never judges */
	size_t n_members;
	const struct rollout_member *members;
};

/*
 * Make the state of a new rollout.
 *
 *   policy    copied (stats/policy.h)
 *   begun_ms  Unix time at which the rollout began
 *
 * Returns 0 and the caller owns *ret_r: rollout_free(); -EINVAL if the policy
 * is out of its documented ranges; or -ENOMEM.
 */
int rollout_new(const struct policy *policy, int64_t begun_ms,
		struct rollout **ret_r, struct err *err);

/* Release r.  rollout_free(NULL) does nothing. */
void rollout_free(struct rollout *r);

/*
 * Give what earlier rollouts of the service taught; before the first window.
 * r owns lessons from now on.
 */
void rollout_learn(struct rollout *r, struct lessons *lessons);

/*
 * Add what this rollout taught so far, with weight 1.
 * Returns 0 or what lessons_add() does.
 */
int rollout_teach(const struct rollout *r, struct lessons *lessons);

/*
 * Take the next window and say the verdict.  A window that was given before
 * (the same from_ms) or lies before the newest one is ignored and the verdict
 * is the last one again.
 *
 *   ret_v  receives the verdict; may be NULL
 *
 * Returns 0; -EINVAL for a window that breaks a promise above; -ENOMEM, and
 * then the state is unusable: free it and fold again.
 */
int rollout_fold(struct rollout *r, const struct rollout_window *w,
		 struct verdict *ret_v, struct err *err);

/*
 * The verdict at a time when no window was ready: what the clock alone
 * changes (NO_DATA becoming inconclusive, the policy's time being over).
 */
void rollout_verdict(const struct rollout *r, int64_t now_ms,
		     struct verdict *ret_v);

/* Begin a step: a PASS needs windows of its own step.  Steps never go down. */
int rollout_step(struct rollout *r, uint32_t step, struct err *err);

/* --- what a report shows; views borrow from r until its next fold --- */

struct rollout_route_view {
	const char *route;
	bool ignored; /* by the policy: shown, never judged */
	uint64_t n_requests[COHORT_N];
	uint64_t n_errors[COHORT_N]; /* 5xx */
	uint64_t n_unanswered[COHORT_N];
	/* answered requests per other one, canary's over baseline's; 1: as many
	   as its traffic would have, or not known */
	double throughput_ratio;
	const struct hist *hist[COHORT_N]; /* all judged windows, basis time */
	/* of blocks with both, the baseline's weighted to the canary's times */
	double p50_ms[COHORT_N], p90_ms[COHORT_N], p99_ms[COHORT_N],
		p999_ms[COHORT_N];
	double p99_ratio, p99_ratio_lo, p99_ratio_hi;
	double shift_ms, shift_lo_ms, shift_hi_ms, limit_ms;
	double floor_ratio; /* instance floor eta as a ratio */
	double log_e_fail;  /* ln of the evidence against the canary */
	double log_e_pass;  /* ln of the evidence for it */
	enum verdict_word word;
};

/* How many routes there are, most requests of the canary first. */
size_t rollout_n_routes(const struct rollout *r);
void rollout_route(const struct rollout *r, size_t i,
		   struct rollout_route_view *ret_view);

struct rollout_instance_view {
	const char *name;
	enum cohort cohort;
	uint64_t n_requests; /* in judged windows */
	uint64_t n_lost;
	uint32_t n_restarts;
	bool warm;
	double p99_ms; /* over all judged routes; 0 without requests */
};

size_t rollout_n_instances(const struct rollout *r);
void rollout_instance(const struct rollout *r, size_t i,
		      struct rollout_instance_view *ret_view);

/* What became of a call path.  METHOD.md, "Hot paths". */
enum path_class {
	PATH_UNCHANGED,
	PATH_NEW,
	PATH_VANISHED,
	PATH_GROWN,
	PATH_SHRUNK,
	PATH_SHIFTED,	/* cost moved between siblings, the total did not */
	PATH_UNSETTLED, /* seen while code was still being compiled */
	PATH_INSUFFICIENT,
	PATH_CLASS_N,
};

const char *path_class_name(enum path_class c);

/*
 * One call path that is told apart from its baseline, or one function over
 * all its call paths; figures count a stack once, recursion or not.
 */
struct rollout_finding {
	uint32_t path;	  /* node of the tree below; a function's heaviest */
	bool function;	  /* all call paths of the function of path */
	uint32_t n_paths; /* that it stands for: 1 for a call path */
	enum path_class class;
	bool gates; /* strong enough to fail a rollout, policy permitting */
	double share[COHORT_N];	  /* inclusive, 0..1 of application CPU */
	double cost_ns[COHORT_N]; /* CPU-ns per request, inclusive */
	double self_share[COHORT_N];
	double e_value;
	uint32_t n_instances[COHORT_N]; /* that showed it */
};

/* Findings, most important first.  The array belongs to r. */
size_t rollout_findings(const struct rollout *r,
			const struct rollout_finding **ret_findings);

/* One node of the merged call tree of both cohorts. */
struct rollout_path {
	int32_t parent; /* BATCH_NO_PARENT, or an earlier node */
	const char *function;
	uint64_t self_ns[COHORT_N];
	uint64_t total_ns[COHORT_N]; /* inclusive */
	enum path_class class;
};

/* The tree, parents before children; application threads only. */
size_t rollout_paths(const struct rollout *r,
		     const struct rollout_path **ret_paths);

/* P99 of both cohorts in one judged window, over all judged routes. */
struct rollout_point {
	int64_t from_ms;
	double p99_ms[COHORT_N]; /* 0 without requests */
	uint64_t n_requests[COHORT_N];
};

size_t rollout_points(const struct rollout *r,
		      const struct rollout_point **ret_points);

/* What was lost and what could not be compared, over all judged windows. */
struct rollout_quality {
	uint64_t lost[COHORT_N][LOSS_N];
	uint64_t n_events[COHORT_N];
	uint64_t n_samples[COHORT_N];
	uint64_t n_frames[COHORT_N];
	uint64_t n_unsymbolised[COHORT_N];
	uint64_t group_ns[COHORT_N][PROFILE_GROUP_N];
	uint32_t n_windows_skipped; /* one cohort or the other was missing */
	enum latency_kind basis;
	const char *hooks[COHORT_N]; /* "mixed" where members differ */
};

void rollout_quality(const struct rollout *r, struct rollout_quality *ret_q);

#endif /* STATS_ROLLOUT_H */
