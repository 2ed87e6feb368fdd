/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollouts - find, begin and write rollouts, for the handlers of the API.
 *
 * Whoever asks for a verdict on a rollout that nobody began begins it by
 * asking, because some deployers have no call for a beginning.  That takes a
 * token that may decide; reading takes less.
 */
#ifndef GATE_ROLLOUTS_H
#define GATE_ROLLOUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"
#include "gate/dispatch.h"
#include "gate/store.h"

struct buf;
struct err;
struct gate;
struct job_view;
struct reply;
struct request;

/* What a caller asks for; texts may be NULL where they were not given. */
struct rollout_wish {
	const char *service;
	const char *baseline;
	const char *canary;
	const char *policy; /* NULL: the one that is bound to the service */
	uint32_t attempt;   /* 0: the first */
	bool has_step;
	uint32_t step;	  /* with has_step */
	const char *from; /* with until: judge this past time */
	const char *until;
};

/*
 * Get the rollout of these identities, beginning it or its step as needed.
 *
 *   ret_created  true if it is new; may be NULL
 *
 * Returns 0; -EINVAL with rp->fault for identities or a policy that cannot
 * be; -EPERM where the caller may not; or an error of the store.
 */
int rollouts_begin(struct gate *g, const struct request *rq,
		   const struct rollout_wish *wish, struct store_rollout *ret_r,
		   bool *ret_created, struct reply *rp);

/*
 * Have the past time of a wish judged, which has from and until and no
 * attempt, or get what was said of it before.
 *
 *   ret_created  true if it was judged now
 *   ret_job      how far it is.  While that is open there is no rollout yet,
 *                and ret_r means nothing
 *
 * Returns 0; -EINVAL with rp->fault as above, or FAULT_BAD_RANGE; -EPERM;
 * -EBUSY while the gate has just come up or enough else is folded; or an error
 * of the fold or the store.
 */
int rollouts_judge_past(struct gate *g, const struct request *rq,
			const struct rollout_wish *wish,
			struct store_rollout *ret_r, bool *ret_created,
			struct job_view *ret_job, struct reply *rp);

/*
 * How long the request wants to wait: its "wait", in seconds, or with a unit.
 *
 *   ret_ms  left alone where there is none
 *
 * Returns 0 or -EINVAL.
 */
int rollouts_read_wait(const struct request *rq, int64_t *ret_ms,
		       struct reply *rp);

/*
 * Answer 202 with how far a job is that still waits or runs, and let the
 * request wait for its end.
 *
 *   version  judge_version() before the job was looked at
 *   wait_ms  how long, from when the request came
 */
void rollouts_write_open(const struct request *rq, const struct job_view *job,
			 uint64_t version, int64_t wait_ms, struct reply *rp);

/*
 * The rollout whose id stands in the path.  Returns 0, -ENOENT also where
 * the caller may not know of it, or an error of the store.
 */
int rollouts_find(struct gate *g, const struct request *rq, enum scope scope,
		  struct store_rollout *ret_r, struct reply *rp);

/*
 * Take one of the LIMIT_REPORTS places for folding a rollout again; whoever
 * got one gives it back.  Returns 0, or -EBUSY if none is free.
 */
int rollouts_fold_take(struct gate *g, struct err *err);
void rollouts_fold_give(struct gate *g);

/* Rollouts as the store has them, newest first. */
struct rollouts_list {
	size_t n;
	struct store_rollout rows[LIMIT_LIST];
};

/*
 * The newest rollouts that the caller may read.  They are copied out of the
 * store, so that no reader of it is held while verdicts are asked for, which
 * may take a reader of its own.
 *
 *   service    NULL for every service
 *   open_only  leave out those that are closed or stopped
 *
 * Returns 0 and the caller free()s *ret_list; -ENOMEM; or an error of the
 * store.
 */
int rollouts_list(struct gate *g, const struct request *rq, const char *service,
		  bool open_only, struct rollouts_list **ret_list,
		  struct err *err);

/*
 * Append a rollout with its verdict as a JSON object.
 * Returns 0, or an error of judge or store.
 */
int rollouts_write(struct gate *g, const struct request *rq,
		   const struct store_rollout *r, struct buf *out,
		   struct reply *rp);

#endif /* GATE_ROLLOUTS_H */
