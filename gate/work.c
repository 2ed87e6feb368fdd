/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/work.h"

#include <string.h>

#include "common/limits.h"
#include "gate/backtest.h"
#include "gate/judge_past.h"
#include "gate/judge_replay.h"
#include "gate/store.h"

static int tick(void *ctx, uint32_t n_windows)
{
	return job_tick(ctx, n_windows);
}

/* --- a policy, tried --- */

/* What a backtest shows while it runs. */
struct showing {
	struct job *job;
	uint32_t done; /* shown last */
	bool any;
};

static int show(void *ctx, const struct backtest *now)
{
	struct showing *s = ctx;

	/* it is large, and most of it changes with each rollout or split */
	if (!s->any || now->done != s->done)
		job_publish(s->job, now);
	s->any = true;
	s->done = now->done;
	return job_tick(s->job, now->n_windows);
}

static int run_backtest(struct store *st, struct policies *policies,
			const void *wish, void *result, struct job *job,
			struct err *err)
{
	struct showing s = { .job = job };

	return backtest_run(st, policies, wish, show, &s, result, err);
}

const struct job_kind work_backtest = {
	.name = "backtest",
	.wish_bytes = sizeof(struct backtest_wish),
	.result_bytes = sizeof(struct backtest),
	/* one may take a night; the other thread is for what is short */
	.most = 1,
	.at_most = "a backtest runs, and there is one at a time; it ends by "
		   "itself 15 s after its client is gone",
	.lease_ms = LIMIT_BACKTEST_LEASE_MS,
	.keep_ms = LIMIT_BACKTEST_KEEP_MS,
	.run = run_backtest,
};

_Static_assert(LIMIT_BACKTEST_LEASE_MS == 15000,
	       "the sentence above says how long");

/* --- past time --- */

static bool is_same_past(const void *a, const void *b)
{
	const struct store_rollout *x = a;
	const struct store_rollout *y = b;

	return strcmp(x->service, y->service) == 0 &&
	       strcmp(x->baseline, y->baseline) == 0 &&
	       strcmp(x->canary, y->canary) == 0 &&
	       strcmp(x->policy, y->policy) == 0 &&
	       x->policy_version == y->policy_version &&
	       x->begun_ms == y->begun_ms && x->until_ms == y->until_ms;
}

static int run_past(struct store *st, struct policies *policies,
		    const void *wish, void *result, struct job *job,
		    struct err *err)
{
	return judge_past(st, policies, wish, tick, job, result, err);
}

const struct job_kind work_past = {
	.name = "past time",
	.wish_bytes = sizeof(struct store_rollout),
	.result_bytes = sizeof(struct store_rollout),
	.most = LIMIT_JOBS_OF_KIND,
	.at_most = "as many past times are being judged as may be; try again",
	.lease_ms = 0, /* what comes of it is stored */
	.keep_ms = LIMIT_JOB_KEEP_MS,
	.is_same = is_same_past,
	.run = run_past,
};

/* --- judged again --- */

static bool is_same_rollout(const void *a, const void *b)
{
	const struct store_rollout *x = a;
	const struct store_rollout *y = b;

	return x->rollout_id == y->rollout_id;
}

static int run_replay(struct store *st, struct policies *policies,
		      const void *wish, void *result, struct job *job,
		      struct err *err)
{
	return judge_replay(st, policies, wish, tick, job, result, err);
}

const struct job_kind work_replay = {
	.name = "replay",
	.wish_bytes = sizeof(struct store_rollout),
	.result_bytes = sizeof(struct replay),
	.most = LIMIT_JOBS_OF_KIND,
	.at_most = "as many rollouts are being replayed as may be; try again",
	.lease_ms = LIMIT_REPLAY_LEASE_MS,
	.keep_ms = LIMIT_JOB_KEEP_MS,
	.is_same = is_same_rollout,
	.run = run_replay,
};
