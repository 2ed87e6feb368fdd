/* SPDX-License-Identifier: Apache-2.0 */
/* work - the kinds of job there are: their wishes, results and bounds. */
#ifndef GATE_WORK_H
#define GATE_WORK_H

#include "gate/jobs.h"

/* wish: struct backtest_wish; result: struct backtest */
extern const struct job_kind work_backtest;

/* wish: struct store_rollout, as judge_past() reads it; result: the same as
   it was stored.  Two over the same time by the same policy are one. */
extern const struct job_kind work_past;

/* wish: struct store_rollout; result: struct replay */
extern const struct job_kind work_replay;

#endif /* GATE_WORK_H */
