/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_rollout - a fold that remembers what it was given as one number, which
 * is its verdict's reason, and does what a batch's n_events asks for.
 *
 * For the one program that includes it: the linker takes it instead of
 * stats/rollout.
 */
#ifndef TESTS_UNIT_GATE_FAKE_ROLLOUT_H
#define TESTS_UNIT_GATE_FAKE_ROLLOUT_H

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/batch.h"
#include "common/err.h"
#include "stats/lesson.h"
#include "stats/policy.h"
#include "stats/rollout.h"

/* What a batch's n_events asks of the fake. */
enum { ASK_NOTHING, ASK_PASS, ASK_FAIL, ASK_ERROR };

struct rollout {
	int64_t begun_ms;
	int64_t give_up_ms;
	uint64_t sum; /* of everything it was given, in order */
	uint32_t n_windows;
	uint32_t n_history;
	uint32_t step;
	enum verdict_word word;
};

static void mix(struct rollout *r, uint64_t x)
{
	r->sum = (r->sum ^ x) * UINT64_C(0x9e3779b97f4a7c15);
	r->sum ^= r->sum >> 29;
}

int rollout_new(const struct policy *policy, int64_t begun_ms,
		struct rollout **ret_r, struct err *err)
{
	struct rollout *r = calloc(1, sizeof(*r));

	if (!r)
		return err_set(err, -ENOMEM, "fake: no memory");
	r->begun_ms = begun_ms;
	r->give_up_ms = begun_ms + policy->give_up_after_ms;
	*ret_r = r;
	return 0;
}

void rollout_free(struct rollout *r)
{
	free(r);
}

/* What was taught counts into the sum; windows that were folded teach. */
void rollout_learn(struct rollout *r, struct lessons *lessons)
{
	struct spread_prior level[LEVEL_N];

	for (size_t i = 0; i < lessons_count(lessons); i++) {
		(void)lessons_get(lessons, i, level);
		mix(r, (uint64_t)(level[0].s2 * 1e6));
		mix(r, (uint64_t)(level[0].df * 1e6));
	}
	for (size_t i = 0; i < lessons_n_functions(lessons); i++) {
		double share;

		(void)lessons_get_function(lessons, i, &share);
		mix(r, (uint64_t)(share * 1e6));
	}
	lessons_free(lessons);
}

int rollout_teach(const struct rollout *r, struct lessons *lessons)
{
	struct spread_prior level[LEVEL_N] = { { .s2 = 0.0 } };

	level[0].s2 = r->n_windows;
	level[0].df = 3.0;
	(void)lessons_add_function(lessons, "main", 0.25);
	return lessons_add(lessons, "GET /", level, 1.0);
}

static void say(const struct rollout *r, struct verdict *v)
{
	*v = (struct verdict){ .word = r->word,
			       .code = CODE_COLLECTING,
			       .final = r->word != VERDICT_RUNNING,
			       .step = r->step,
			       .windows = r->n_windows,
			       .need_requests = r->n_history };
	if (r->n_windows == 0)
		v->code = CODE_NO_DATA;
	(void)snprintf(v->reason, sizeof(v->reason), "%016" PRIx64, r->sum);
}

int rollout_fold(struct rollout *r, const struct rollout_window *w,
		 struct verdict *ret_v, struct err *err)
{
	mix(r, (uint64_t)w->from_ms);
	mix(r, (uint64_t)w->to_ms);
	mix(r, w->step);
	mix(r, w->history);
	for (size_t i = 0; i < w->n_members; i++) {
		const struct batch *b = w->members[i].batch;

		mix(r, w->members[i].cohort);
		mix(r, b->stream_id);
		mix(r, b->seq);
		if (b->n_events == ASK_ERROR)
			return err_set(err, -ENOMEM, "fake: asked to fail");
		if (b->n_events == ASK_FAIL)
			r->word = VERDICT_FAIL;
		if (b->n_events == ASK_PASS && r->word == VERDICT_RUNNING)
			r->word = VERDICT_PASS;
	}
	if (w->history)
		r->n_history++;
	else
		r->n_windows++;
	if (ret_v)
		say(r, ret_v);
	return 0;
}

void rollout_verdict(const struct rollout *r, int64_t now_ms,
		     struct verdict *ret_v)
{
	say(r, ret_v);
	if (r->word == VERDICT_RUNNING && now_ms >= r->give_up_ms) {
		ret_v->word = VERDICT_INCONCLUSIVE;
		ret_v->code = CODE_TIME_UP;
		ret_v->final = true;
	}
}

int rollout_step(struct rollout *r, uint32_t step, struct err *err)
{
	(void)err; /* nothing can go wrong */
	mix(r, step);
	r->step = step;
	if (r->word == VERDICT_PASS)
		r->word = VERDICT_RUNNING;
	return 0;
}

#endif /* TESTS_UNIT_GATE_FAKE_ROLLOUT_H */
