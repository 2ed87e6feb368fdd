/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_past - judge the stored windows of a time that is over, at once.
 *
 * The same windows and the same fold as while time goes by; the rollout's
 * time is over at until_ms, whatever the policy's give_up_after_ms says, and
 * the clock of that moment decides what no window did.
 */
#ifndef GATE_JUDGE_PAST_H
#define GATE_JUDGE_PAST_H

#include <stdint.h>

struct err;
struct policies;
struct store;
struct store_rollout;

/*
 * Judge want, whose service, baseline, canary, policy, policy_version,
 * begun_ms, until_ms and step are read, and write all of it down, closed.
 * Any thread; it takes as long as folding its windows does.
 *
 *   tick   asked after each window; what it returns other than 0 ends all
 *          and is returned; may be NULL
 *   ret_r  receives the rollout as stored
 *
 * Returns 0; -EEXIST if it was judged before: store_find_past() has it;
 * -ENODATA if retention deleted batches of that time meanwhile; what tick
 * did; or an error of the store.  Unless 0 is returned nothing was written.
 */
int judge_past(struct store *st, struct policies *policies,
	       const struct store_rollout *want,
	       int (*tick)(void *ctx, uint32_t n_windows), void *ctx,
	       struct store_rollout *ret_r, struct err *err);

#endif /* GATE_JUDGE_PAST_H */
