/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_replay - fold a rollout again and compare each verdict with the one
 * that was written down.
 *
 * The windows, and the batches up to each one's ingest_seq, are those of the
 * first time, so what the judge knew then is what it knows now.
 */
#ifndef GATE_JUDGE_REPLAY_H
#define GATE_JUDGE_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "gate/record.h"

struct err;
struct policies;
struct store;
struct store_rollout;

struct replay {
	uint32_t n_windows;   /* with a verdict, the clock's included */
	uint32_t n_identical; /* by enum record_match */
	uint32_t n_close;
	uint32_t n_different;
	/* judged by another method than METHOD_VERSION, or an unknown one:
	   these may differ */
	uint32_t n_other_method;
	/* not identical, and nothing explains it: judged by this method, and
	   either with this arithmetic or further off than another's rounding.
	   That is a defect, or somebody altered the store */
	uint32_t n_unexplained;
	bool same_decision; /* verdict, code and final, everywhere */
	double distance;    /* the largest of a figure, relative */
	/* the first window that is unexplained, else different, else close;
	   both times 0 if all are identical */
	int64_t from_ms;
	int64_t to_ms;
	uint32_t method; /* that window's, or without one the newest's */
	struct record_difference first;
};

/*
 * Replay what was judged of r until now.  Any thread; changes nothing.
 *
 *   tick  asked after each window with a verdict; what it returns other than
 *         0 ends all and is returned; may be NULL
 *
 * Returns 0; -ENODATA if retention deleted batches that it rests on; what
 * tick did; or an error of the store.
 */
int judge_replay(struct store *st, struct policies *policies,
		 const struct store_rollout *r,
		 int (*tick)(void *ctx, uint32_t n_windows), void *ctx,
		 struct replay *ret_replay, struct err *err);

#endif /* GATE_JUDGE_REPLAY_H */
