/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/clock.h"
#include "common/limits.h"

enum { NICE = 10 }; /* verdicts first */

struct job {
	struct jobs *jobs;
	const struct job_kind *kind;
	_Atomic uint64_t asked_ns; /* when somebody last did; monotonic */
	_Atomic uint64_t n_windows;
	struct job_view view; /* under the lock, as what follows */
	uint64_t ended_ns;    /* of one that is over */
	void *wish;
	void *shown;   /* the result as others see it */
	void *working; /* the thread's alone while it runs */
};

struct jobs {
	struct store *store;
	struct policies *policies;
	void (*wake)(void *ctx);
	void *wake_ctx;
	atomic_bool stopping;
	size_t n_threads;
	pthread_t threads[LIMIT_JOB_THREADS];

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t work;
	uint64_t last_id;
	size_t n;
	struct job *all[LIMIT_JOBS]; /* in order of their numbers */
};

const char *job_state_name(enum job_state state)
{
	static const char *const names[] = {
		[JOB_QUEUED] = "queued", [JOB_RUNNING] = "running",
		[JOB_DONE] = "done",	 [JOB_ENDED] = "ended",
		[JOB_FAILED] = "failed",
	};

	return names[state];
}

bool job_is_open(enum job_state state)
{
	return state == JOB_QUEUED || state == JOB_RUNNING;
}

/* --- one job --- */

static void job_free(struct job *job)
{
	if (!job)
		return;
	free(job->wish);
	free(job->shown);
	free(job->working);
	free(job);
}

static struct job *job_new(struct jobs *jobs, const struct job_kind *kind,
			   const void *wish)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->jobs = jobs;
	job->kind = kind;
	job->wish = malloc(kind->wish_bytes);
	job->shown = calloc(1, kind->result_bytes);
	job->working = calloc(1, kind->result_bytes);
	if (!job->wish || !job->shown || !job->working) {
		job_free(job);
		return NULL;
	}
	memcpy(job->wish, wish, kind->wish_bytes);
	job->view.state = JOB_QUEUED;
	atomic_store(&job->asked_ns, clock_monotonic_ns());
	return job;
}

/* Has nobody asked for it for longer than it may go on then? */
static bool is_forgotten(const struct job *job)
{
	/* before the clock, so that it never lies after it */
	uint64_t asked_ns = atomic_load(&job->asked_ns);
	uint64_t lease_ns = (uint64_t)job->kind->lease_ms * 1000000;

	return lease_ns > 0 && clock_monotonic_ns() - asked_ns > lease_ns;
}

int job_tick(struct job *job, uint64_t n_windows)
{
	atomic_store(&job->n_windows, n_windows);
	return atomic_load(&job->jobs->stopping) || is_forgotten(job)
		       ? -ECANCELED
		       : 0;
}

void job_publish(struct job *job, const void *result)
{
	pthread_mutex_lock(&job->jobs->lock);
	memcpy(job->shown, result, job->kind->result_bytes);
	pthread_mutex_unlock(&job->jobs->lock);
}

/* --- the threads --- */

/* What is to be done next, locked; NULL if nothing is. */
static struct job *next_queued(const struct jobs *jobs)
{
	for (size_t i = 0; i < jobs->n; i++)
		if (jobs->all[i]->view.state == JOB_QUEUED)
			return jobs->all[i];
	return NULL;
}

/* Run a job; unlocked, and nobody else touches what it works on. */
static void job_run(struct jobs *jobs, struct job *job)
{
	struct err err = { "" };
	int rc = job_tick(job, 0); /* it may have waited for long */

	if (rc == 0)
		rc = job->kind->run(jobs->store, jobs->policies, job->wish,
				    job->working, job, &err);
	pthread_mutex_lock(&jobs->lock);
	memcpy(job->shown, job->working, job->kind->result_bytes);
	job->view.state = rc == 0	     ? JOB_DONE
			  : rc == -ECANCELED ? JOB_ENDED
					     : JOB_FAILED;
	job->view.rc = rc;
	job->view.error = err;
	job->ended_ns = clock_monotonic_ns();
	pthread_mutex_unlock(&jobs->lock);
	if (jobs->wake)
		jobs->wake(jobs->wake_ctx);
}

static void *work(void *ctx)
{
	struct jobs *jobs = ctx;

	/* of this thread alone; where it may not, it competes */
	(void)setpriority(PRIO_PROCESS, 0, NICE);
	pthread_mutex_lock(&jobs->lock);
	while (!atomic_load(&jobs->stopping)) {
		struct job *job = next_queued(jobs);

		if (!job) {
			pthread_cond_wait(&jobs->work, &jobs->lock);
			continue;
		}
		job->view.state = JOB_RUNNING;
		pthread_mutex_unlock(&jobs->lock);
		job_run(jobs, job);
		pthread_mutex_lock(&jobs->lock);
	}
	pthread_mutex_unlock(&jobs->lock);
	return NULL;
}

int jobs_open(struct store *st, struct policies *policies,
	      void (*wake)(void *ctx), void *wake_ctx, struct jobs **ret_jobs,
	      struct err *err)
{
	struct jobs *jobs = calloc(1, sizeof(*jobs));
	int code = 0;

	if (!jobs)
		return err_set(err, -ENOMEM, "jobs: no memory");
	jobs->store = st;
	jobs->policies = policies;
	jobs->wake = wake;
	jobs->wake_ctx = wake_ctx;
	pthread_mutex_init(&jobs->lock, NULL);
	pthread_cond_init(&jobs->work, NULL);
	while (jobs->n_threads < LIMIT_JOB_THREADS && code == 0) {
		code = pthread_create(&jobs->threads[jobs->n_threads], NULL,
				      work, jobs);
		jobs->n_threads += code == 0;
	}
	if (code != 0) {
		jobs_close(jobs);
		return err_set(err, -ENOMEM, "jobs: no thread: %s",
			       err_describe(code));
	}
	*ret_jobs = jobs;
	return 0;
}

void jobs_close(struct jobs *jobs)
{
	if (!jobs)
		return;
	atomic_store(&jobs->stopping, true);
	pthread_mutex_lock(&jobs->lock);
	pthread_cond_broadcast(&jobs->work);
	pthread_mutex_unlock(&jobs->lock);
	for (size_t i = 0; i < jobs->n_threads; i++)
		pthread_join(jobs->threads[i], NULL);
	for (size_t i = 0; i < jobs->n; i++)
		job_free(jobs->all[i]);
	pthread_cond_destroy(&jobs->work);
	pthread_mutex_destroy(&jobs->lock);
	free(jobs);
}

/* --- asking, locked --- */

static void forget(struct jobs *jobs, size_t i)
{
	job_free(jobs->all[i]);
	jobs->n--;
	for (; i < jobs->n; i++) /* they stay in order */
		jobs->all[i] = jobs->all[i + 1];
}

/* Is its result of no use any more? */
static bool is_stale(const struct job *job)
{
	if (job_is_open(job->view.state))
		return false;
	return job->view.state == JOB_ENDED ||
	       clock_monotonic_ns() - job->ended_ns >
		       (uint64_t)job->kind->keep_ms * 1000000;
}

/* Forget results that are stale; where no room is left, the oldest too. */
static int make_room(struct jobs *jobs, const struct job_kind *kind,
		     struct err *err)
{
	unsigned int n_open = 0;

	for (size_t i = jobs->n; i-- > 0;) {
		if (is_stale(jobs->all[i]))
			forget(jobs, i);
		else if (jobs->all[i]->kind == kind &&
			 job_is_open(jobs->all[i]->view.state))
			n_open++;
	}
	if (n_open >= kind->most)
		return err_set(err, -EBUSY, "%s", kind->at_most);
	for (size_t i = 0; i < jobs->n && jobs->n == LIMIT_JOBS; i++)
		if (!job_is_open(jobs->all[i]->view.state))
			forget(jobs, i);
	if (jobs->n == LIMIT_JOBS)
		return err_set(err, -EBUSY,
			       "%d jobs wait or run, and no more may; try "
			       "again",
			       LIMIT_JOBS);
	return 0;
}

static int begin(struct jobs *jobs, const struct job_kind *kind,
		 const void *wish, struct job **ret_job, struct err *err)
{
	struct job *job;
	int rc;

	if (atomic_load(&jobs->stopping))
		return err_set(err, -EBUSY, "the gate is about to end");
	rc = make_room(jobs, kind, err);
	if (rc < 0)
		return rc;
	job = job_new(jobs, kind, wish);
	if (!job)
		return err_set(err, -ENOMEM, "%s: no memory", kind->name);
	job->view.id = ++jobs->last_id;
	jobs->all[jobs->n++] = job;
	pthread_cond_signal(&jobs->work);
	*ret_job = job;
	return 0;
}

static void view(struct job *job, struct job_view *ret_v, void *ret_result)
{
	atomic_store(&job->asked_ns, clock_monotonic_ns());
	*ret_v = job->view;
	ret_v->n_windows = atomic_load(&job->n_windows);
	memcpy(ret_result, job->shown, job->kind->result_bytes);
}

int jobs_begin(struct jobs *jobs, const struct job_kind *kind, const void *wish,
	       uint64_t *ret_id, struct err *err)
{
	struct job *job = NULL;
	int rc;

	pthread_mutex_lock(&jobs->lock);
	rc = begin(jobs, kind, wish, &job, err);
	if (job)
		*ret_id = job->view.id;
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}

/* The newest that would do; NULL if none. */
static struct job *find_same(const struct jobs *jobs,
			     const struct job_kind *kind, const void *wish)
{
	for (size_t i = jobs->n; i-- > 0;) {
		struct job *job = jobs->all[i];

		if (job->kind == kind && !is_stale(job) && kind->is_same &&
		    kind->is_same(job->wish, wish))
			return job;
	}
	return NULL;
}

int jobs_ask(struct jobs *jobs, const struct job_kind *kind, const void *wish,
	     bool may_begin, struct job_view *ret_v, void *ret_result,
	     struct err *err)
{
	struct job *job;
	int rc = 0;

	pthread_mutex_lock(&jobs->lock);
	job = find_same(jobs, kind, wish);
	if (!job)
		rc = may_begin ? begin(jobs, kind, wish, &job, err) : -ENOENT;
	if (job)
		view(job, ret_v, ret_result);
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}

int jobs_look(struct jobs *jobs, const struct job_kind *kind, uint64_t id,
	      struct job_view *ret_v, void *ret_wish, void *ret_result,
	      struct err *err)
{
	struct job *job = NULL;
	int rc = 0;

	pthread_mutex_lock(&jobs->lock);
	for (size_t i = 0; i < jobs->n; i++)
		if (jobs->all[i]->view.id == id && jobs->all[i]->kind == kind)
			job = jobs->all[i];
	if (job) {
		memcpy(ret_wish, job->wish, kind->wish_bytes);
		view(job, ret_v, ret_result);
	} else {
		rc = err_set(err, -ENOENT, "there is no %s %" PRIu64,
			     kind->name, id);
	}
	pthread_mutex_unlock(&jobs->lock);
	return rc;
}
