/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge: which windows are judged, when, with what in them, and that a
 * restart says the same.
 *
 * The statistics are replaced by fake_rollout.h, so that a verdict says exactly
 * which windows, steps and batches it rests on.
 */
#include "gate/judge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "gate/policies.h"
#include "gate/store.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "tests/gate_room.h"
#include "tests/test.h"
#include "tests/unit/gate/fake_rollout.h"

/* --- a gate with a clock of its own --- */

enum { T0 = 1000000000, MIN = 60000 }; /* ms; T0 lies on every grid */

static int begin(struct gate_room *g, int64_t now_ms)
{
	struct store_rollout want = { .service = "orders",
				      .baseline = "v1",
				      .canary = "v2",
				      .attempt = 1,
				      .policy = "default",
				      .policy_version = 1,
				      .begun_ms = now_ms,
				      .step = 1 };

	judge_poke(g->j);
	return store_begin_rollout(g->st, &want, &g->rollout, NULL, NULL);
}

/* A batch of an instance, which is its revision's only one. */
static int put(struct gate_room *g, const char *revision, int64_t from_ms,
	       int64_t length_ms, uint64_t ask)
{
	struct batch b = { .service = "orders",
			   .revision = revision,
			   .instance = revision,
			   .stream_id = 7,
			   .seq = g->seq++,
			   .from_ms = from_ms,
			   .to_ms = from_ms + length_ms,
			   .started_ms = T0,
			   .hooks = "tp_btf",
			   .collector = "test",
			   .refused_code = "",
			   .n_events = ask };
	void *bytes = NULL;
	size_t len = 0;
	int rc = batch_encode(&b, &bytes, &len, NULL);

	if (rc == 0)
		rc = store_put_batch(g->st, &b, bytes, len, b.to_ms, NULL,
				     NULL);
	free(bytes);
	return rc;
}

static struct verdict verdict(struct gate_room *g)
{
	struct verdict v = { .word = VERDICT_WORD_N };

	if (store_get_rollout(g->st, g->rollout.rollout_id, &g->rollout,
			      NULL) == 0)
		(void)judge_verdict(g->j, &g->rollout, &v, NULL);
	return v;
}

static void window_is_judged_when_it_is_due(void)
{
	struct gate_room g;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0);
	CHECK_EQ(verdict(&g).word, VERDICT_RUNNING);
	CHECK_EQ(verdict(&g).code, CODE_NO_DATA);
	CHECK_EQ(put(&g, "v1", T0, 2000, ASK_NOTHING), 0);
	CHECK_EQ(put(&g, "v2", T0, 2000, ASK_NOTHING), 0);
	CHECK_EQ(put(&g, "v1", T0 + 2000, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + 2000 + 6999);
	CHECK_EQ(verdict(&g).windows, 0);
	judge_run(g.j, T0 + 2000 + 7000);
	CHECK_EQ(verdict(&g).windows, 1);
	/* a window with one cohort alone is judged too; late ones never */
	judge_run(g.j, T0 + 4000 + 7000);
	CHECK_EQ(verdict(&g).windows, 2);
	CHECK_EQ(put(&g, "v2", T0 + 2000, 2000, ASK_FAIL), 0);
	judge_run(g.j, T0 + MIN);
	CHECK_EQ(verdict(&g).windows, 2);
	CHECK_EQ(verdict(&g).word, VERDICT_RUNNING);
	gate_room_close(&g);
}

static void window_is_as_long_as_the_longest_of_its_collectors(void)
{
	struct gate_room g;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	CHECK_EQ(put(&g, "v1", T0, 10000, ASK_NOTHING), 0);
	for (int64_t at = 0; at < 20000; at += 2000)
		CHECK_EQ(put(&g, "v2", T0 + at, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + 10000 + 14999);
	CHECK_EQ(verdict(&g).windows, 0);
	judge_run(g.j, T0 + 10000 + 15000);
	CHECK_EQ(verdict(&g).windows, 1);
	/* the baseline's next one is on its way, so 2 s are not enough yet */
	judge_run(g.j, T0 + 20000 + 14999);
	CHECK_EQ(verdict(&g).windows, 1);
	/* silence of both is passed over; from then on they are */
	CHECK_EQ(put(&g, "v2", T0 + 10 * MIN, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + 11 * MIN);
	CHECK_EQ(verdict(&g).windows, 1 + 1 + 1);
	gate_room_close(&g);
}

static void history_is_the_baseline_before_the_rollout(void)
{
	struct gate_room g;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	/* 70 windows of 2 s, of which 60 count; the canary's do not */
	for (int64_t i = 1; i <= 70; i++)
		CHECK_EQ(put(&g, "v1", T0 - i * 2000, 2000, ASK_NOTHING), 0);
	CHECK_EQ(put(&g, "v2", T0 - 2000, 2000, ASK_FAIL), 0);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0 + 6999);
	CHECK_EQ(verdict(&g).need_requests, 0);
	judge_run(g.j, T0 + 7000);
	CHECK_EQ(verdict(&g).need_requests, 60);
	CHECK_EQ(verdict(&g).word, VERDICT_RUNNING);
	CHECK_EQ(verdict(&g).windows, 0);
	gate_room_close(&g);
}

/* Five minutes of both revisions in 2 s windows, judged as they come. */
static int run_for_a_while(struct gate_room *g, int64_t from_ms)
{
	int rc = 0;

	for (int64_t at = 0; at < 5 * MIN && rc == 0; at += 2000) {
		rc = put(g, "v1", from_ms + at, 2000, ASK_NOTHING);
		if (rc == 0 && at % 6000 == 0)
			rc = put(g, "v2", from_ms + at, 2000, ASK_NOTHING);
		judge_run(g->j, from_ms + at);
	}
	return rc;
}

static void restart_finds_what_was_said(void)
{
	struct gate_room g;
	struct verdict before, after;
	struct rollout *r = NULL;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(run_for_a_while(&g, T0 - 5 * MIN), 0);
	CHECK_EQ(begin(&g, T0), 0);
	CHECK_EQ(run_for_a_while(&g, T0), 0);
	CHECK_EQ(store_begin_step(g.st, g.rollout.rollout_id, 2, T0 + 5 * MIN,
				  NULL),
		 0);
	judge_poke(g.j);
	CHECK_EQ(run_for_a_while(&g, T0 + 5 * MIN), 0);
	before = verdict(&g);
	CHECK_EQ(before.step, 2);
	CHECK_EQ(before.need_requests, 60);
	CHECK(before.windows > 290);
	/* comes too late, and must not be seen after the restart either */
	CHECK_EQ(put(&g, "v2", T0 + 2000, 2000, ASK_FAIL), 0);
	CHECK_EQ(judge_fold_again(g.st, g.policies, &g.rollout, &r, &after,
				  NULL),
		 0);
	rollout_free(r);
	CHECK(strcmp(before.reason, after.reason) == 0);
	CHECK_EQ(before.windows, after.windows);
	CHECK_EQ(before.word, after.word);

	gate_room_down(&g);
	CHECK_EQ(gate_room_up(&g, T0 + 10 * MIN), 0);
	after = verdict(&g); /* before the judge has looked */
	CHECK(strcmp(before.reason, after.reason) == 0);
	/* what came while it was away may still be in a spool */
	judge_run(g.j, T0 + 10 * MIN + LIMIT_JUDGE_SETTLE_MS - 1);
	CHECK_EQ(verdict(&g).windows, before.windows);
	CHECK_EQ(put(&g, "v1", T0 + 10 * MIN, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + 10 * MIN + LIMIT_JUDGE_SETTLE_MS);
	after = verdict(&g);
	CHECK(after.windows > before.windows);
	/* the same as if it had never been away */
	CHECK_EQ(judge_fold_again(g.st, g.policies, &g.rollout, &r, &before,
				  NULL),
		 0);
	rollout_free(r);
	CHECK(strcmp(before.reason, after.reason) == 0);
	gate_room_close(&g);
}

static void pass_is_for_its_step_and_fail_for_the_rollout(void)
{
	struct gate_room g;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	CHECK_EQ(put(&g, "v2", T0, 2000, ASK_PASS), 0);
	judge_run(g.j, T0 + MIN);
	CHECK_EQ(verdict(&g).word, VERDICT_PASS);
	CHECK(!g.rollout.closed);
	/* the pass does not count for the next step, at once */
	CHECK_EQ(
		store_begin_step(g.st, g.rollout.rollout_id, 2, T0 + MIN, NULL),
		0);
	CHECK_EQ(verdict(&g).word, VERDICT_RUNNING);
	CHECK_EQ(verdict(&g).step, 2);
	CHECK(!verdict(&g).final);
	judge_poke(g.j);
	CHECK_EQ(put(&g, "v2", T0 + MIN, 2000, ASK_FAIL), 0);
	judge_run(g.j, T0 + 2 * MIN);
	CHECK_EQ(verdict(&g).word, VERDICT_FAIL);
	CHECK(verdict(&g).final && g.rollout.closed);
	/* nothing changes it any more: not time, not data, not a stop */
	CHECK_EQ(put(&g, "v2", T0 + 2 * MIN, 2000, ASK_PASS), 0);
	CHECK_EQ(store_begin_step(g.st, g.rollout.rollout_id, 3, T0 + 2 * MIN,
				  NULL),
		 0);
	judge_poke(g.j);
	judge_run(g.j, T0 + 100 * MIN);
	CHECK_EQ(verdict(&g).word, VERDICT_FAIL);
	CHECK_EQ(store_stop_rollout(g.st, g.rollout.rollout_id, T0,
				    "rolled "
				    "back",
				    NULL),
		 0);
	CHECK_EQ(verdict(&g).word, VERDICT_FAIL);
	gate_room_close(&g);
}

/* Begin and close a rollout of one window; its verdict's text is its sum. */
static int sum_of(struct gate_room *g, const char *baseline, int64_t from_ms,
		  char *ret_sum, size_t room)
{
	struct store_rollout want = { .service = "orders",
				      .canary = "v2",
				      .attempt = 1,
				      .policy = "default",
				      .policy_version = 1,
				      .begun_ms = from_ms,
				      .step = 1 };
	int rc;

	(void)snprintf(want.baseline, sizeof(want.baseline), "%s", baseline);
	judge_poke(g->j);
	rc = store_begin_rollout(g->st, &want, &g->rollout, NULL, NULL);
	if (rc == 0)
		rc = put(g, "v2", from_ms, 2000, ASK_FAIL);
	judge_run(g->j, from_ms + MIN);
	(void)snprintf(ret_sum, room, "%s", verdict(g).reason);
	return rc;
}

static void closed_rollout_teaches_the_next(void)
{
	char first[VERDICT_REASON_BYTES], second[VERDICT_REASON_BYTES];
	struct gate_room g;
	struct verdict v;
	struct rollout *r = NULL;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(sum_of(&g, "v0", T0, first, sizeof(first)), 0);
	CHECK_EQ(sum_of(&g, "v1", T0 + 2 * MIN, second, sizeof(second)), 0);
	CHECK(g.rollout.closed);
	/* the same again, restart or not, although it has taught by now */
	gate_room_down(&g);
	CHECK_EQ(gate_room_up(&g, T0 + 10 * MIN), 0);
	CHECK_EQ(judge_fold_again(g.st, g.policies, &g.rollout, &r, &v, NULL),
		 0);
	rollout_free(r);
	CHECK(strcmp(v.reason, second) == 0);
	gate_room_close(&g);
	/* and not what a service without lessons would have said */
	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(put(&g, "v2", T0, 2000, ASK_NOTHING), 0);
	CHECK_EQ(sum_of(&g, "v1", T0 + 2 * MIN, first, sizeof(first)), 0);
	CHECK(strcmp(first, second) != 0);
	gate_room_close(&g);
}

static void stop_ends_judging(void)
{
	struct gate_room g;
	struct verdict v;
	uint64_t version;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0);
	CHECK_EQ(store_stop_rollout(g.st, g.rollout.rollout_id, T0 + 1,
				    "rolled back", NULL),
		 0);
	version = judge_version(g.j);
	judge_poke(g.j);
	CHECK(judge_version(g.j) > version);
	CHECK_EQ(put(&g, "v2", T0, 2000, ASK_FAIL), 0);
	judge_run(g.j, T0 + MIN);
	v = verdict(&g);
	CHECK_EQ(v.word, VERDICT_INCONCLUSIVE);
	CHECK_EQ(v.code, CODE_STOPPED);
	CHECK(v.final && strstr(v.reason, "rolled back"));
	gate_room_close(&g);
}

static void clock_ends_a_rollout_without_a_batch(void)
{
	struct gate_room g;
	struct policy p;
	struct verdict v;

	policy_default(&p);
	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0 + p.give_up_after_ms - 1);
	CHECK_EQ(verdict(&g).word, VERDICT_RUNNING);
	judge_run(g.j, T0 + p.give_up_after_ms);
	v = verdict(&g);
	CHECK_EQ(v.word, VERDICT_INCONCLUSIVE);
	CHECK_EQ(v.code, CODE_TIME_UP);
	CHECK(g.rollout.closed);
	gate_room_down(&g);
	CHECK_EQ(gate_room_up(&g, T0 + p.give_up_after_ms + MIN), 0);
	CHECK_EQ(verdict(&g).code, CODE_TIME_UP);
	gate_room_close(&g);
}

static void error_is_said_and_tried_again(void)
{
	struct gate_room g;
	struct verdict v;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	CHECK_EQ(put(&g, "v1", T0, 2000, ASK_NOTHING), 0);
	CHECK_EQ(put(&g, "v2", T0 + 2000, 2000, ASK_ERROR), 0);
	judge_run(g.j, T0 + MIN);
	v = verdict(&g);
	CHECK_EQ(v.word, VERDICT_ERROR);
	CHECK_EQ(v.code, CODE_INTERNAL);
	CHECK(!v.final && strstr(v.reason, "asked to fail"));
	/* retention takes the batch away: the rest can be judged */
	CHECK_EQ(put(&g, "v1", T0 + 4000, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + MIN + LIMIT_JUDGE_RETRY_MS - 1);
	CHECK_EQ(verdict(&g).word, VERDICT_ERROR);
	judge_run(g.j, T0 + MIN + LIMIT_JUDGE_RETRY_MS);
	CHECK_EQ(verdict(&g).word, VERDICT_ERROR); /* still the same batch */
	CHECK_EQ(verdict(&g).windows, 0);
	gate_room_close(&g);
}

static int count(void *ctx, const struct store_judged *w)
{
	(void)w;
	++*(int *)ctx;
	return 0;
}

static void window_that_another_gate_judged_is_taken_from_it(void)
{
	struct store_judged theirs = {
		.from_ms = T0, .to_ms = T0 + 2000, .step = 1, .document = "{}"
	};
	struct gate_room g;
	int n = 0;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0);
	CHECK_EQ(put(&g, "v1", T0, 2000, ASK_NOTHING), 0);
	CHECK_EQ(put(&g, "v1", T0 + 2000, 2000, ASK_NOTHING), 0);
	/* it knew none of the batches */
	CHECK_EQ(store_put_judged(g.st, g.rollout.rollout_id, &theirs, NULL),
		 0);
	judge_run(g.j, T0 + MIN);
	CHECK(verdict(&g).word != VERDICT_ERROR);
	judge_run(g.j, T0 + MIN + 250);
	CHECK_EQ(verdict(&g).windows, 2);
	CHECK_EQ(store_each_judged(g.st, g.rollout.rollout_id, count, &n, NULL),
		 0);
	CHECK_EQ(n, 2);
	gate_room_close(&g);
}

static void fold_without_its_batches_is_refused(void)
{
	struct gate_room g;
	struct rollout *r = NULL;
	struct verdict v;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	CHECK_EQ(begin(&g, T0), 0);
	CHECK_EQ(put(&g, "v2", T0, 2000, ASK_FAIL), 0);
	judge_run(g.j, T0 + MIN);
	CHECK_EQ(store_trim(g.st, T0 + MIN, NULL, NULL), 0);
	CHECK_EQ(judge_fold_again(g.st, g.policies, &g.rollout, &r, &v, NULL),
		 -ENODATA);
	CHECK_EQ(verdict(&g).word, VERDICT_FAIL); /* decided stays decided */
	gate_room_close(&g);
}

static void wake(void *ctx)
{
	++*(int *)ctx;
}

static void change_is_told(void)
{
	struct gate_room g;
	int n = 0;

	CHECK_EQ(gate_room_open_at(&g, T0), 0);
	judge_on_change(g.j, wake, &n);
	CHECK_EQ(begin(&g, T0), 0);
	judge_run(g.j, T0);
	n = 0;
	judge_run(g.j, T0 + 250);
	CHECK_EQ(n, 0);
	CHECK_EQ(put(&g, "v1", T0, 2000, ASK_NOTHING), 0);
	judge_run(g.j, T0 + MIN);
	CHECK_EQ(n, 1);
	gate_room_close(&g);
}

const struct test_case test_cases[] = {
	{ "judge: a window is judged when it is due",
	  window_is_judged_when_it_is_due },
	{ "judge: a window is as long as the longest of its collectors'",
	  window_is_as_long_as_the_longest_of_its_collectors },
	{ "judge: history is the baseline before the rollout",
	  history_is_the_baseline_before_the_rollout },
	{ "judge: a restart finds what was said", restart_finds_what_was_said },
	{ "judge: a pass is for its step and a fail for the rollout",
	  pass_is_for_its_step_and_fail_for_the_rollout },
	{ "judge: a closed rollout teaches the next",
	  closed_rollout_teaches_the_next },
	{ "judge: a stop ends judging", stop_ends_judging },
	{ "judge: the clock ends a rollout without a batch",
	  clock_ends_a_rollout_without_a_batch },
	{ "judge: an error is said and tried again",
	  error_is_said_and_tried_again },
	{ "judge: a window that another gate judged is taken from it",
	  window_that_another_gate_judged_is_taken_from_it },
	{ "judge: a fold without its batches is refused",
	  fold_without_its_batches_is_refused },
	{ "judge: a change is told", change_is_told },
	{ NULL, NULL },
};
