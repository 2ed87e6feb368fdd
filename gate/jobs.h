/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jobs - what takes longer than a request may: folding rollouts again, judging
 * past time, trying a policy.
 *
 * A few threads that give way to all others work off a bounded queue, first
 * come, first served.  A job has a wish and a result, both plain data.  Who
 * asks for the same again while it waits or runs, or within a moment of its
 * end, gets that job.  Nothing of it is stored here: a job that the end of the
 * gate cuts off is asked for again.
 *
 * Any thread may call these functions.
 */
#ifndef GATE_JOBS_H
#define GATE_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

struct job;
struct jobs;
struct policies;
struct store;

struct job_kind {
	const char *name; /* "replay" */
	size_t wish_bytes;
	size_t result_bytes;
	unsigned int most;   /* that wait or run at a time */
	const char *at_most; /* the sentence for one more */
	int64_t lease_ms;    /* nobody asked for so long: it is ended; 0: no */
	int64_t keep_ms;     /* so long its result is kept, room permitting */

	/* Would one do for the other?  NULL: never. */
	bool (*is_same)(const void *a, const void *b);

	/*
	 * Do it.  result is zeroed; asks job_tick() after each window.
	 * Returns 0, what job_tick() did, or another negative errno.
	 */
	int (*run)(struct store *st, struct policies *policies,
		   const void *wish, void *result, struct job *job,
		   struct err *err);
};

/*
 * How far it is, and whether to go on.
 *
 *   n_windows  folded so far
 *
 * Returns 0, or -ECANCELED: nobody asks any more, or the gate ends.
 */
int job_tick(struct job *job, uint64_t n_windows);

/* Show the result as far as it is; what run leaves is shown anyway. */
void job_publish(struct job *job, const void *result);

/*
 * Nothing runs yet.  Store and policies stay the caller's and outlive it.
 *
 *   wake  called at each job's end, from its thread; may be NULL
 *
 * Returns 0 and the caller owns *ret_jobs: jobs_close(); or -ENOMEM.
 */
int jobs_open(struct store *st, struct policies *policies,
	      void (*wake)(void *ctx), void *wake_ctx, struct jobs **ret_jobs,
	      struct err *err);

/* End what runs, forget what waits, release all.  NULL does nothing. */
void jobs_close(struct jobs *jobs);

enum job_state {
	JOB_QUEUED,
	JOB_RUNNING,
	JOB_DONE,
	JOB_ENDED, /* nobody asked for it any more */
	JOB_FAILED,
};

/* One job as it is now. */
struct job_view {
	uint64_t id;
	enum job_state state;
	uint64_t n_windows;
	int rc; /* of JOB_FAILED, with error */
	struct err error;
};

/* "queued", "running", "done", "ended" or "failed". */
const char *job_state_name(enum job_state state);

/* Does it still wait or run? */
bool job_is_open(enum job_state state);

/*
 * Begin a job.
 *
 *   wish    copied
 *   ret_id  receives its number, from 1
 *
 * Returns 0; -EBUSY if there are as many as may be; or -ENOMEM.
 */
int jobs_begin(struct jobs *jobs, const struct job_kind *kind, const void *wish,
	       uint64_t *ret_id, struct err *err);

/*
 * Look at the job for this wish, which by that goes on.
 *
 *   may_begin   where there is none, begin it
 *   ret_result  receives the result as far as it is
 *
 * Returns 0; -ENOENT, without a message, if there is none and none is to
 * begin; or what jobs_begin() does.
 */
int jobs_ask(struct jobs *jobs, const struct job_kind *kind, const void *wish,
	     bool may_begin, struct job_view *ret_v, void *ret_result,
	     struct err *err);

/* The same by its number.  Returns 0 or -ENOENT. */
int jobs_look(struct jobs *jobs, const struct job_kind *kind, uint64_t id,
	      struct job_view *ret_v, void *ret_wish, void *ret_result,
	      struct err *err);

#endif /* GATE_JOBS_H */
