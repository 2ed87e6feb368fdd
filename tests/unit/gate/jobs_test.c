/* SPDX-License-Identifier: Apache-2.0 */
/* jobs: what is bounded, shared, ended and kept, with jobs that do nothing. */
#include "gate/jobs.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include "common/limits.h"
#include "tests/test.h"

struct wish {
	int name;
	int rc; /* what it comes to */
	atomic_bool *go;
	atomic_int *n_running;
	atomic_int *n_ended;
};

/* Wait until it is told to go on, or not to. */
static int run(struct store *st, struct policies *policies, const void *wish,
	       void *result, struct job *job, struct err *err)
{
	const struct wish *w = wish;
	int *to = result;
	uint64_t n = 0;
	int rc = 0;

	(void)st;
	(void)policies;
	*to = -1;
	job_publish(job, to);
	if (w->n_running)
		atomic_fetch_add(w->n_running, 1);
	while (rc == 0 && w->go && !atomic_load(w->go)) {
		rc = job_tick(job, ++n);
		sched_yield();
	}
	if (rc < 0) {
		atomic_fetch_add(w->n_ended, 1);
		return rc;
	}
	*to = 10 * w->name;
	return w->rc < 0 ? err_set(err, w->rc, "job %d broke", w->name) : 0;
}

static bool is_same(const void *a, const void *b)
{
	return ((const struct wish *)a)->name == ((const struct wish *)b)->name;
}

static const struct job_kind few = {
	.name = "thing",
	.wish_bytes = sizeof(struct wish),
	.result_bytes = sizeof(int),
	.most = 3,
	.at_most = "three things wait or run",
	.keep_ms = 3600 * 1000,
	.is_same = is_same,
	.run = run,
};

static const struct job_kind many = {
	.name = "other",
	.wish_bytes = sizeof(struct wish),
	.result_bytes = sizeof(int),
	.most = 1000,
	.at_most = "",
	.keep_ms = 3600 * 1000,
	.run = run,
};

static const struct job_kind leased = {
	.name = "leased",
	.wish_bytes = sizeof(struct wish),
	.result_bytes = sizeof(int),
	.most = 10,
	.at_most = "",
	.lease_ms = 1,
	.keep_ms = 3600 * 1000,
	.is_same = is_same,
	.run = run,
};

static void count(void *ctx)
{
	atomic_fetch_add((atomic_int *)ctx, 1);
}

/* Look until it is over. */
static int finish(struct jobs *all, uint64_t id, const struct job_kind *kind,
		  struct job_view *ret_v, int *ret_result)
{
	struct wish w;
	int rc;

	do
		rc = jobs_look(all, kind, id, ret_v, &w, ret_result, NULL);
	while (rc == 0 && job_is_open(ret_v->state));
	return rc;
}

static void what_is_asked_for_twice_is_done_once(void)
{
	atomic_int n_woken = 0;
	atomic_int n_running = 0;
	atomic_bool go = false;
	const struct wish w = { .name = 4, .go = &go, .n_running = &n_running };
	struct jobs *all = NULL;
	struct job_view v;
	int result = 0;

	CHECK_EQ(jobs_open(NULL, NULL, count, &n_woken, &all, NULL), 0);
	CHECK_EQ(jobs_ask(all, &few, &w, false, &v, &result, NULL), -ENOENT);
	CHECK_EQ(jobs_ask(all, &few, &w, true, &v, &result, NULL), 0);
	CHECK(job_is_open(v.state) && v.id == 1);
	CHECK_EQ(jobs_ask(all, &few, &w, true, &v, &result, NULL), 0);
	CHECK_EQ(v.id, 1);
	while (v.n_windows == 0 || result != -1) /* it shows how far it is */
		CHECK_EQ(jobs_ask(all, &few, &w, true, &v, &result, NULL), 0);
	CHECK_EQ(v.state, JOB_RUNNING);
	atomic_store(&go, true);
	CHECK_EQ(finish(all, 1, &few, &v, &result), 0);
	CHECK(v.state == JOB_DONE && result == 40);
	/* and once more is the same result */
	CHECK_EQ(jobs_ask(all, &few, &w, true, &v, &result, NULL), 0);
	CHECK(v.id == 1 && v.state == JOB_DONE && result == 40);
	CHECK_EQ(jobs_look(all, &many, 1, &v, &(struct wish){ 0 }, &result,
			   NULL),
		 -ENOENT);
	jobs_close(all);
	CHECK_EQ(n_running, 1);
	CHECK_EQ(n_woken, 1);
}

static void what_went_wrong_is_said(void)
{
	const struct wish w = { .name = 2, .rc = -ENODATA };
	struct jobs *all = NULL;
	struct job_view v;
	uint64_t id = 0;
	int result = 0;

	CHECK_EQ(jobs_open(NULL, NULL, NULL, NULL, &all, NULL), 0);
	CHECK_EQ(jobs_begin(all, &few, &w, &id, NULL), 0);
	CHECK_EQ(finish(all, id, &few, &v, &result), 0);
	CHECK(v.state == JOB_FAILED && v.rc == -ENODATA);
	CHECK(strcmp(v.error.text, "job 2 broke") == 0);
	jobs_close(all);
}

static void there_are_no_more_than_may_be(void)
{
	atomic_bool go = false;
	atomic_int n_ended = 0;
	struct wish w = { .go = &go, .n_ended = &n_ended };
	struct jobs *all = NULL;
	struct err err = { "" };
	struct job_view v;
	uint64_t id = 0;
	int result = 0;

	CHECK_EQ(jobs_open(NULL, NULL, NULL, NULL, &all, NULL), 0);
	for (w.name = 0; w.name < 3; w.name++)
		CHECK_EQ(jobs_begin(all, &few, &w, &id, NULL), 0);
	CHECK_EQ(jobs_begin(all, &few, &w, &id, &err), -EBUSY);
	CHECK(strcmp(err.text, "three things wait or run") == 0);
	w.name = 1; /* one that is there already is no other */
	CHECK_EQ(jobs_ask(all, &few, &w, true, &v, &result, NULL), 0);
	for (int i = 3; i < LIMIT_JOBS; i++)
		CHECK_EQ(jobs_begin(all, &many, &w, &id, NULL), 0);
	err.text[0] = '\0';
	CHECK_EQ(jobs_begin(all, &many, &w, &id, &err), -EBUSY);
	CHECK(strstr(err.text, "no more may") != NULL);
	/* what is over makes room, and what is kept of it goes first */
	atomic_store(&go, true);
	CHECK_EQ(finish(all, id, &many, &v, &result), 0);
	for (int i = 0; i < 2 * LIMIT_JOBS; i++) {
		CHECK_EQ(jobs_begin(all, &many, &w, &id, NULL), 0);
		CHECK_EQ(finish(all, id, &many, &v, &result), 0);
	}
	CHECK_EQ(jobs_look(all, &few, 1, &v, &w, &result, NULL), -ENOENT);
	jobs_close(all);
}

static void one_that_nobody_asks_for_is_ended(void)
{
	atomic_bool go = false;
	atomic_int n_ended = 0;
	atomic_int n_woken = 0;
	const struct wish w = { .name = 1, .go = &go, .n_ended = &n_ended };
	struct jobs *all = NULL;
	struct job_view v;
	uint64_t id = 0;
	int result = 0;

	CHECK_EQ(jobs_open(NULL, NULL, count, &n_woken, &all, NULL), 0);
	CHECK_EQ(jobs_begin(all, &leased, &w, &id, NULL), 0);
	while (atomic_load(&n_woken) == 0)
		sched_yield();
	CHECK_EQ(finish(all, id, &leased, &v, &result), 0);
	CHECK_EQ(v.state, JOB_ENDED);
	/* whoever asks for the same later has another one */
	atomic_store(&go, true);
	CHECK_EQ(jobs_ask(all, &leased, &w, true, &v, &result, NULL), 0);
	CHECK_EQ(v.id, id + 1);
	jobs_close(all);
}

static void the_end_of_the_gate_ends_what_runs(void)
{
	atomic_bool go = false;
	atomic_int n_running = 0;
	atomic_int n_ended = 0;
	struct wish w = { .go = &go,
			  .n_running = &n_running,
			  .n_ended = &n_ended };
	struct jobs *all = NULL;
	uint64_t id = 0;

	CHECK_EQ(jobs_open(NULL, NULL, NULL, NULL, &all, NULL), 0);
	for (w.name = 0; w.name < 10; w.name++)
		CHECK_EQ(jobs_begin(all, &many, &w, &id, NULL), 0);
	while (atomic_load(&n_running) < LIMIT_JOB_THREADS)
		sched_yield();
	jobs_close(all);
	CHECK_EQ(n_running, LIMIT_JOB_THREADS);
	CHECK_EQ(n_ended, LIMIT_JOB_THREADS);
	jobs_close(NULL);
}

const struct test_case test_cases[] = {
	{ "jobs: what is asked for twice is done once",
	  what_is_asked_for_twice_is_done_once },
	{ "jobs: what went wrong is said", what_went_wrong_is_said },
	{ "jobs: there are no more than may be",
	  there_are_no_more_than_may_be },
	{ "jobs: one that nobody asks for is ended",
	  one_that_nobody_asks_for_is_ended },
	{ "jobs: the end of the gate ends what runs",
	  the_end_of_the_gate_ends_what_runs },
	{ NULL, NULL },
};
