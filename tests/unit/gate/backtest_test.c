/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backtest: what a policy says of stored rollouts and of splits of a
 * service's own instances, how it is ended, and what is refused.
 */
#include "gate/backtest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "gate/api.h"
#include "gate/auth.h"
#include "gate/gate.h"
#include "gate/jobs.h"
#include "gate/judge.h"
#include "gate/judge_past.h"
#include "gate/policies.h"
#include "gate/request.h"
#include "tests/gate_room.h"
#include "tests/story.h"
#include "tests/test.h"

enum { N_WINDOWS = 40 };

#define NOW (ROOM_T0 + 60 * (int64_t)ROOM_MIN)

/* A rollout that failed, and a result on the heap. */
struct tried {
	struct gate_room room;
	struct store_rollout live;
	struct backtest_wish wish;
	struct backtest *b;
};

static int tried_open(struct tried *t, bool rollout)
{
	const struct store_rollout want = { .service = "orders",
					    .baseline = "v1",
					    .canary = "v2",
					    .attempt = 1,
					    .policy = "default",
					    .policy_version = 1,
					    .begun_ms = ROOM_T0,
					    .step = 1 };
	int rc = gate_room_open(&t->room);

	t->b = calloc(1, sizeof(*t->b));
	t->wish = (struct backtest_wish){ .service = "orders",
					  .from_ms = ROOM_T0 - ROOM_MIN,
					  .until_ms = NOW,
					  .seed = 1 };
	policy_default(&t->wish.policy);
	if (rc == 0 && !t->b)
		rc = -ENOMEM;
	if (rc == 0 && rollout)
		rc = store_begin_rollout(t->room.st, &want, &t->live, NULL,
					 NULL);
	return rc;
}

static void tried_close(struct tried *t)
{
	free(t->b);
	gate_room_close(&t->room);
}

static int go_on(void *ctx, const struct backtest *b)
{
	(void)ctx;
	return b->done <= b->total ? 0 : -EINVAL;
}

static int run(struct tried *t)
{
	return backtest_run(t->room.st, t->room.policies, &t->wish, go_on, NULL,
			    t->b, NULL);
}

static void a_rollout_is_judged_by_another_policy(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, true), 0);
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	judge_poke(t.room.j);
	judge_run(t.room.j, ROOM_T0 + 5 * (int64_t)ROOM_MIN);
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_rollouts == 1 && t.b->done == 1 && t.b->total == 1);
	CHECK_EQ(t.b->rollouts[0].meta.rollout_id, t.live.rollout_id);
	CHECK_EQ(t.b->rollouts[0].then.word, VERDICT_FAIL);
	CHECK_EQ(t.b->rollouts[0].now.word, VERDICT_FAIL);
	CHECK_EQ(t.b->rollouts[0].now.code, t.b->rollouts[0].then.code);
	CHECK_EQ(t.b->rollouts[0].now.windows, t.b->rollouts[0].then.windows);
	/* one that permits so much does not fail it */
	t.wish.policy.margin = 4.0;
	t.wish.policy.margin_ms = 5000.0;
	CHECK_EQ(run(&t), 0);
	CHECK_EQ(t.b->rollouts[0].then.word, VERDICT_FAIL);
	CHECK(t.b->rollouts[0].now.word != VERDICT_FAIL);
	CHECK(t.b->rollouts[0].now.windows > t.b->rollouts[0].then.windows);
	/* and what was decided is as it was */
	CHECK_EQ(store_get_rollout(t.room.st, t.live.rollout_id, &t.live, NULL),
		 0);
	CHECK(t.live.closed);
	tried_close(&t);
}

/* What came too late for the judge is not what a policy could have seen. */
static void a_rollout_is_judged_by_what_was_known_then(void)
{
	const struct store_rollout all = {
		.service = "orders",
		.baseline = "v1",
		.canary = "v2",
		.policy = "default",
		.policy_version = 1,
		.begun_ms = ROOM_T0,
		.until_ms = ROOM_T0 + N_WINDOWS * STORY_WINDOW_MS,
		.step = 1,
	};
	struct store_rollout past;
	struct verdict v;
	struct tried t;

	CHECK_EQ(tried_open(&t, true), 0);
	t.room.slow_ns = 0;
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	judge_poke(t.room.j);
	judge_run(t.room.j, ROOM_T0 + 5 * (int64_t)ROOM_MIN);
	t.room.slow_ns = 900000000;
	for (uint32_t w = 0; w < N_WINDOWS; w++)
		for (uint32_t i = 7; i < 11; i++)
			CHECK_EQ(gate_room_put(&t.room, true, i, w), 0);
	t.wish.policy.version = 1;
	t.wish.until_ms = ROOM_T0 + 5 * (int64_t)ROOM_MIN;
	CHECK_EQ(run(&t), 0);
	CHECK_EQ(t.b->n_rollouts, 1);
	CHECK(t.b->rollouts[0].then.word != VERDICT_FAIL);
	CHECK_EQ(t.b->rollouts[0].now.word, t.b->rollouts[0].then.word);
	CHECK_EQ(t.b->rollouts[0].now.code, t.b->rollouts[0].then.code);
	CHECK_EQ(t.b->rollouts[0].now.windows, t.b->rollouts[0].then.windows);
	/* with all of it that time fails */
	CHECK_EQ(judge_past(t.room.st, t.room.policies, &all, NULL, NULL, &past,
			    NULL),
		 0);
	CHECK_EQ(judge_verdict(t.room.j, &past, &v, NULL), 0);
	CHECK_EQ(v.word, VERDICT_FAIL);
	tried_close(&t);
}

/* A policy that is quicker to give up does not see what came after. */
static void a_shorter_time_sees_no_more_of_it(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, true), 0);
	t.room.slow_ns = 0;
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	judge_poke(t.room.j);
	judge_run(t.room.j, ROOM_T0 + 5 * (int64_t)ROOM_MIN);
	t.wish.until_ms = ROOM_T0 + 10 * STORY_WINDOW_MS;
	CHECK_EQ(run(&t), 0);
	CHECK_EQ(t.b->rollouts[0].now.windows, 10);
	CHECK_EQ(t.b->n_windows, 11); /* and the clock's */
	tried_close(&t);
}

static void rollouts_without_their_batches_are_counted(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, true), 0);
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	CHECK_EQ(store_stop_rollout(t.room.st, t.live.rollout_id, NOW, "x",
				    NULL),
		 0);
	CHECK_EQ(store_trim(t.room.st, ROOM_T0 + 10000, NULL, NULL), 0);
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_rollouts == 0 && t.b->n_gone == 1 && t.b->done == 1);
	CHECK(t.b->trimmed && t.b->n_hours == 1);
	CHECK_EQ(t.b->reach_ms, ROOM_T0 + 10000);
	/* one from before the time that is looked at is none */
	t.wish.from_ms = ROOM_T0 + 1;
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_gone == 0 && t.b->total == 0);
	tried_close(&t);
}

/* Instances that are alike fail no split; there are three, so one is taken. */
static void splits_of_a_healthy_build_do_not_fail(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, false), 0);
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	t.wish.n_splits = 8;
	CHECK_EQ(run(&t), 0);
	CHECK_EQ(t.b->n_splits, 8);
	CHECK_EQ(t.b->n_fail, 0);
	CHECK_EQ(t.b->n_pass + t.b->n_undecided, 8);
	CHECK(t.b->done == 8 && t.b->total == 8 && t.b->n_windows > 8 * 30);
	tried_close(&t);
}

/* Two slow instances in a build of five: it fails where they are the canary. */
static void a_build_whose_instances_differ_fails_splits(void)
{
	struct tried t;
	struct backtest *first;

	CHECK_EQ(tried_open(&t, false), 0);
	t.room.canary = "v1";
	CHECK_EQ(gate_room_tell(&t.room, 0, 25), 0);
	t.wish.n_splits = 6;
	t.wish.seed = 28; /* draws those two, and others */
	CHECK_EQ(run(&t), 0);
	CHECK_EQ(t.b->n_splits, 6);
	CHECK(t.b->n_fail > 0 && t.b->n_fail < 6);
	CHECK_EQ(t.b->n_named, t.b->n_fail);
	CHECK(strcmp(t.b->named[0].revision, "v1") == 0);
	CHECK(t.b->named[0].n_instances == 5 && t.b->named[0].n_canary == 2);
	CHECK_EQ(t.b->named[0].now.code, CODE_P99_SHIFT);
	/* the same seed draws the same */
	first = t.b;
	t.b = calloc(1, sizeof(*t.b));
	CHECK(t.b != NULL);
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_fail == first->n_fail &&
	      t.b->n_windows == first->n_windows);
	free(first);
	tried_close(&t);
}

static void a_build_of_two_instances_has_no_split(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, false), 0);
	for (uint32_t w = 0; w < N_WINDOWS; w++)
		for (uint32_t i = 0; i < 2; i++)
			CHECK_EQ(gate_room_put(&t.room, true, i, w), 0);
	t.wish.n_splits = 5;
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_splits == 0 && t.b->total == 0);
	/* nor has a service that nobody knows */
	memcpy(t.wish.service, "nobody", sizeof("nobody"));
	CHECK_EQ(run(&t), 0);
	CHECK(t.b->n_splits == 0 && t.b->n_rollouts == 0);
	tried_close(&t);
}

static int enough_at_five(void *ctx, const struct backtest *b)
{
	(void)ctx;
	return b->n_windows >= 5 ? -ECANCELED : 0;
}

static void it_ends_when_it_is_told_to(void)
{
	struct tried t;

	CHECK_EQ(tried_open(&t, true), 0);
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	CHECK_EQ(backtest_run(t.room.st, t.room.policies, &t.wish,
			      enough_at_five, NULL, t.b, NULL),
		 -ECANCELED);
	CHECK(t.b->n_windows == 5 && t.b->done == 0);
	tried_close(&t);
}

/* --- over the API --- */

static int ask(struct gate *g,
	       int (*handle)(struct gate *, const struct request *,
			     struct reply *),
	       struct request *rq, struct reply *rp)
{
	memset(rp, 0, sizeof(*rp));
	rq->now_ms = NOW;
	rq->base_url = "http://gate";
	rq->auth = g->auth;
	return handle(g, rq, rp);
}

static void what_cannot_be_tried_is_refused(void)
{
	static const struct {
		struct request rq;
		enum fault fault;
		const char *says;
	} cases[] = {
		{ { .n_query = 0 }, FAULT_BAD_IDENTITY, "service" },
		{ { .n_query = 2,
		    .query = { { "service", "orders" }, { "lats", "1d" } } },
		  FAULT_NONE,
		  "unknown parameter \"lats\"" },
		{ { .n_query = 2,
		    .query = { { "service", "orders" }, { "last", "91d" } } },
		  FAULT_NONE,
		  "last: \"91d\"" },
		{ { .n_query = 2,
		    .query = { { "service", "orders" }, { "splits", "501" } } },
		  FAULT_NONE,
		  "splits: \"501\"" },
		{ { .n_query = 1,
		    .query = { { "service", "orders" } },
		    .body = "{\n  \"margin\": 15\n}",
		    .body_len = 18 },
		  FAULT_BAD_POLICY,
		  "line 2 column 13: margin is 15" },
		{ { .n_query = 1,
		    .query = { { "service", "orders" } },
		    .body = "{\"margin\":",
		    .body_len = 10 },
		  FAULT_BAD_POLICY,
		  "line 1 column 10" },
	};
	struct gate g = { .store = NULL };
	struct gate_room r;

	CHECK_EQ(gate_room_open(&r), 0);
	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	CHECK_EQ(jobs_open(r.st, r.policies, NULL, NULL, &g.jobs, NULL), 0);
	g.policies = r.policies;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct request rq = cases[i].rq;
		struct reply rp;
		int rc = ask(&g, api_backtest_begin, &rq, &rp);

		if (rc >= 0 || rp.fault != cases[i].fault ||
		    !strstr(rp.err.text, cases[i].says))
			test_fail(__FILE__, __LINE__, "%zu: %d, %s", i, rc,
				  rp.err.text);
		buf_release(&rp.body);
	}
	jobs_close(g.jobs);
	auth_close(g.auth);
	gate_room_close(&r);
}

/* Look until it no longer runs; the last answer, which the caller free()s. */
static char *result_of(struct gate *g)
{
	char *text = NULL;

	do {
		struct request rq = { .param = { "1" } };
		struct reply rp;

		free(text);
		text = NULL;
		if (ask(g, api_backtest_get, &rq, &rp) == 0)
			text = buf_take(&rp.body, NULL);
	} while (text && (strstr(text, "\"state\":\"running\"") ||
			  strstr(text, "\"state\":\"queued\"")));
	return text;
}

static void one_runs_at_a_time_and_is_looked_at(void)
{
	struct gate g = { .store = NULL };
	struct request rq = { .n_query = 2,
			      .query = { { "service", "orders" },
					 { "splits", "4" } } };
	struct request other = { .param = { "2" } };
	struct reply rp;
	struct tried t;
	char *text;

	CHECK_EQ(tried_open(&t, true), 0);
	CHECK_EQ(gate_room_tell(&t.room, 0, N_WINDOWS), 0);
	CHECK_EQ(auth_open(NULL, &g.auth, NULL), 0);
	CHECK_EQ(jobs_open(t.room.st, t.room.policies, NULL, NULL, &g.jobs,
			   NULL),
		 0);
	g.policies = t.room.policies;
	CHECK_EQ(ask(&g, api_backtest_get, &other, &rp), -ENOENT);
	CHECK_EQ(ask(&g, api_backtest_begin, &rq, &rp), 0);
	CHECK(rp.status == 201 && strcmp(rp.body.bytes, "{\"id\":1}\n") == 0);
	buf_release(&rp.body);
	text = result_of(&g);
	CHECK(text != NULL);
	CHECK(strstr(text, "\"state\":\"done\"") != NULL);
	CHECK(strstr(text, "\"splits\":4,") != NULL);
	CHECK(strstr(text, "\"fail_share\":0,\"fail_share_lo\":0,"
			   "\"fail_share_hi\":0.6") != NULL);
	CHECK(strstr(text, "\"then\":{\"verdict\":\"inconclusive\"") != NULL);
	CHECK(strstr(text, "\"now\":{\"verdict\":\"fail\"") != NULL);
	free(text);
	/* the next one takes its place; that it is ended is no error */
	CHECK_EQ(ask(&g, api_backtest_begin, &rq, &rp), 0);
	buf_release(&rp.body);
	jobs_close(g.jobs);
	auth_close(g.auth);
	tried_close(&t);
}

const struct test_case test_cases[] = {
	{ "backtest: a rollout is judged by another policy",
	  a_rollout_is_judged_by_another_policy },
	{ "backtest: a rollout is judged by what was known then",
	  a_rollout_is_judged_by_what_was_known_then },
	{ "backtest: a shorter time sees no more of it",
	  a_shorter_time_sees_no_more_of_it },
	{ "backtest: rollouts without their batches are counted",
	  rollouts_without_their_batches_are_counted },
	{ "backtest: splits of a healthy build do not fail",
	  splits_of_a_healthy_build_do_not_fail },
	{ "backtest: a build whose instances differ fails splits",
	  a_build_whose_instances_differ_fails_splits },
	{ "backtest: a build of two instances has no split",
	  a_build_of_two_instances_has_no_split },
	{ "backtest: it ends when it is told to", it_ends_when_it_is_told_to },
	{ "backtest: what cannot be tried is refused",
	  what_cannot_be_tried_is_refused },
	{ "backtest: one runs at a time and is looked at",
	  one_runs_at_a_time_and_is_looked_at },
	{ NULL, NULL },
};
