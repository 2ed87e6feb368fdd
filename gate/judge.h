/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge - feeds windows to stats/rollout and stores what it says.
 *
 * One thread.  A window of a rollout is judged once it has been closed for
 * the watermark and the gate has been up for as long as LIMIT_JUDGE_SETTLE_MS;
 * what comes later is evidence and is never judged.  State is never stored:
 * after a restart it is folded again from the batches up to each window's
 * ingest_seq, which gives the same verdicts.
 */
#ifndef GATE_JUDGE_H
#define GATE_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/verdict.h"

struct err;
struct judge;
struct policies;
struct rollout;
struct store;
struct store_rollout;

/*
 * Begin judging in a thread.  Both stay the caller's and outlive j.
 * Returns 0 and the caller owns *ret_j: judge_stop().
 */
int judge_start(struct store *st, struct policies *policies,
		struct judge **ret_j, struct err *err);

/* End the thread, if there is one, and release j.  NULL does nothing. */
void judge_stop(struct judge *j);

/*
 * The same without a thread, for whoever has a clock of their own: judge at
 * now_ms all that is due then.  up_since_ms is when the gate came up.
 */
int judge_new(struct store *st, struct policies *policies, int64_t up_since_ms,
	      struct judge **ret_j, struct err *err);
void judge_run(struct judge *j, int64_t now_ms);

/*
 * Has the gate been up for long enough that spools are empty, so that what
 * came before it began can be judged?
 */
bool judge_settled(const struct judge *j, int64_t now_ms);

/* Counts up whenever a verdict anywhere changed; any thread. */
uint64_t judge_version(const struct judge *j);

/*
 * The verdict on a rollout now, closed and stopped ones included.  Where r's
 * step is newer than the last judged window, a pass does not count for it and
 * the word is running.  Any thread.  Returns 0 or an error of the store.
 */
int judge_verdict(struct judge *j, const struct store_rollout *r,
		  struct verdict *ret_v, struct err *err);

/* A rollout was begun, moved to a step or stopped: look at it soon. */
void judge_poke(struct judge *j);

/*
 * Count up without a verdict that changed: something else has that a request
 * may wait for.  Any thread.
 */
void judge_wake(struct judge *j);

/* Called by wake() with every new version, from the judge's thread. */
void judge_on_change(struct judge *j, void (*wake)(void *ctx), void *ctx);

/*
 * Fold a rollout again from the store, up to what was judged of it: what a
 * report, evidence and replay look at.  Any thread; does not touch the
 * judge's own state.
 *
 *   ret_r  receives the state, the caller owns it: rollout_free()
 *   ret_v  receives the last verdict; may be NULL
 *
 * Returns 0; -ENODATA if batches that it rests on were deleted since:
 * judge_verdict() still has the verdict that was written down, and
 * store_trimmed_ms() says since when; or an error of the store.
 */
int judge_fold_again(struct store *st, struct policies *policies,
		     const struct store_rollout *r, struct rollout **ret_r,
		     struct verdict *ret_v, struct err *err);

#endif /* GATE_JUDGE_H */
