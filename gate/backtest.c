/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/backtest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "gate/judge_fold.h"
#include "gate/judge_span.h"
#include "gate/policies.h"
#include "stats/rng.h"

/* Why a folding ended early that has not failed. */
enum { ENOUGH = 1 };

struct run {
	struct store *store;
	struct policies *policies;
	const struct backtest_wish *wish;
	struct rng rng;
	int (*tick)(void *ctx, const struct backtest *b);
	void *ctx;
	struct backtest *b;
	struct err *err;
};

static struct backtest_verdict shown(const struct verdict *v)
{
	struct backtest_verdict s = { .word = v->word,
				      .code = v->code,
				      .windows = v->windows };

	memcpy(s.route, v->route, sizeof(s.route));
	return s;
}

/* After each window: is this enough? */
static int see_window(void *ctx, const struct fold *f,
		      const struct fold_window *w, struct err *err)
{
	struct run *r = ctx;

	(void)f;
	(void)w;
	(void)err;
	if (++r->b->n_windows >= LIMIT_BACKTEST_WINDOWS)
		r->b->capped = true;
	return r->b->capped ? ENOUGH : r->tick(r->ctx, r->b);
}

/* A rollout or a split is done with. */
static int step_on(struct run *r)
{
	r->b->done++;
	return r->tick(r->ctx, r->b);
}

/* What the policy says of meta until then.  split may be NULL. */
static int judge(struct run *r, const struct store_rollout *meta,
		 const struct fold_split *split, int64_t until_ms,
		 struct backtest_verdict *ret_v)
{
	struct fold *f = NULL;
	int rc = fold_new_by(r->store, &r->wish->policy, meta, &f, r->err);

	if (rc < 0)
		return rc;
	f->split = split;
	/* a split was never judged: it is looked at with all there is */
	rc = split ? span_judge(f, until_ms, see_window, r, r->err)
		   : span_judge_again(f, until_ms, see_window, r, r->err);
	if (rc == 0)
		*ret_v = shown(&f->verdict);
	fold_free(f);
	return rc;
}

/* --- stored rollouts --- */

/* Copied out, so that no reader is held while they are folded. */
static int see_rollout(void *ctx, const struct store_rollout *meta)
{
	struct run *r = ctx;

	/* one over past time is another's time again; newest come first */
	if (meta->until_ms == 0 && meta->begun_ms < r->wish->until_ms &&
	    meta->begun_ms >= r->wish->from_ms &&
	    r->b->n_rollouts < LIMIT_BACKTEST_ROLLOUTS)
		r->b->rollouts[r->b->n_rollouts++].meta = *meta;
	return 0;
}

static int64_t earlier(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Until when a rollout that began then can be judged by the policy. */
static int64_t end_of(const struct run *r, int64_t begun_ms)
{
	int64_t most_ms =
		earlier(r->wish->policy.give_up_after_ms, LIMIT_PAST_MS);

	return earlier(begun_ms + most_ms, r->wish->until_ms);
}

static int run_rollout(struct run *r, struct backtest_rollout *to)
{
	int64_t until_ms = end_of(r, to->meta.begun_ms);
	struct verdict then;
	int rc = fold_stored_verdict(r->store, r->policies, &to->meta,
				     r->wish->until_ms, &then, r->err);

	if (rc < 0)
		return rc;
	fold_overlay(&to->meta, &then);
	to->then = shown(&then);
	if (to->meta.stopped)
		until_ms = earlier(until_ms, to->meta.stopped_ms);
	return judge(r, &to->meta, NULL, until_ms, &to->now);
}

static int run_rollouts(struct run *r, int64_t kept_ms)
{
	struct backtest *b = r->b;
	uint32_t n = b->n_rollouts;
	int rc = 0;

	b->n_rollouts = 0;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		struct backtest_rollout one = b->rollouts[i];

		if (one.meta.begun_ms < kept_ms) {
			b->n_gone++;
		} else {
			rc = run_rollout(r, &one);
			if (rc == 0)
				b->rollouts[b->n_rollouts++] = one;
		}
		if (rc == 0)
			rc = step_on(r);
	}
	return rc;
}

/* --- A/A splits --- */

/* When a build was there, cut into as many slots as rollouts fit. */
struct period {
	char revision[STORE_IDENTITY_BYTES];
	int64_t from_ms;
	int64_t until_ms;
	uint64_t n_slots;
};

struct periods {
	const struct run *run;
	size_t n;
	uint64_t n_slots; /* of all */
	struct period all[LIMIT_BACKTEST_REVISIONS];
};

static int see_revision(void *ctx, const char *revision, int64_t first_ms,
			int64_t last_ms)
{
	struct periods *p = ctx;
	struct period *to = &p->all[p->n];
	int64_t slot_ms = end_of(p->run, first_ms) - first_ms;

	if (p->n == LIMIT_BACKTEST_REVISIONS || slot_ms < LIMIT_PAST_MIN_MS)
		return 0;
	(void)!snprintf(to->revision, sizeof(to->revision), "%s", revision);
	to->from_ms = first_ms;
	to->until_ms = earlier(last_ms, p->run->wish->until_ms);
	to->n_slots = (uint64_t)((to->until_ms - first_ms) / slot_ms) + 1;
	p->n_slots += to->n_slots;
	p->n++;
	return 0;
}

/* The instances of one slot, in order of strcmp(). */
struct instances {
	size_t n;
	char *names[LIMIT_BACKTEST_INSTANCES];
};

static int see_instance(void *ctx, const char *name)
{
	struct instances *to = ctx;

	if (to->n == LIMIT_BACKTEST_INSTANCES)
		return 0;
	to->names[to->n] = strdup(name);
	if (!to->names[to->n])
		return -ENOMEM;
	to->n++;
	return 0;
}

/* Draw k different ones to the front, and put those in order. */
static void draw(struct rng *rng, char **names, size_t n, size_t k)
{
	for (size_t i = 0; i < k; i++) {
		size_t j = i + (size_t)(rng_next(rng) % (n - i));
		char *name = names[i];

		names[i] = names[j];
		names[j] = name;
	}
	for (size_t i = 1; i < k; i++)
		for (size_t j = i; j > 0 && strcmp(names[j - 1], names[j]) > 0;
		     j--) {
			char *name = names[j];

			names[j] = names[j - 1];
			names[j - 1] = name;
		}
}

static void count_split(struct backtest *b, const struct backtest_split *s)
{
	b->n_splits++;
	b->n_pass += s->now.word == VERDICT_PASS;
	b->n_fail += s->now.word == VERDICT_FAIL;
	b->n_undecided +=
		s->now.word != VERDICT_PASS && s->now.word != VERDICT_FAIL;
	if (s->now.word == VERDICT_FAIL && b->n_named < LIMIT_BACKTEST_NAMED)
		b->named[b->n_named++] = *s;
}

/* Judge the slot of s, with some of these instances taken for a canary. */
static int split_judge(struct run *r, struct backtest_split *s,
		       struct instances *in)
{
	struct store_rollout meta = { .begun_ms = s->from_ms,
				      .until_ms = s->until_ms,
				      .attempt = 1,
				      .step = 1 };
	struct fold_split split = { .canaries =
					    (const char *const *)in->names };
	uint32_t least = r->wish->policy.min_baseline;
	size_t most = in->n / 2;
	int rc;

	/* as many as the policy wants must be left, and two to differ */
	if (in->n < 3 || in->n <= least)
		return ENOUGH;
	most = most < in->n - least ? most : in->n - least;
	s->n_instances = (uint32_t)in->n;
	s->n_canary = 1 + (uint32_t)(rng_next(&r->rng) % most);
	draw(&r->rng, in->names, in->n, s->n_canary);
	split.n = s->n_canary;
	memcpy(meta.service, r->wish->service, sizeof(meta.service));
	memcpy(meta.baseline, s->revision, sizeof(meta.baseline));
	memcpy(meta.canary, s->revision, sizeof(meta.canary));
	rc = store_known_lesson(r->store, meta.service, meta.begun_ms,
				&meta.lesson_seq, r->err);
	return rc < 0 ? rc : judge(r, &meta, &split, meta.until_ms, &s->now);
}

/* A slot at random.  Returns false if it is too short. */
static bool draw_slot(struct run *r, const struct periods *p,
		      struct backtest_split *ret_s)
{
	uint64_t slot = rng_next(&r->rng) % p->n_slots;
	const struct period *at = p->all;
	int64_t slot_ms;

	for (; slot >= at->n_slots; at++)
		slot -= at->n_slots;
	slot_ms = end_of(r, at->from_ms) - at->from_ms;
	memcpy(ret_s->revision, at->revision, sizeof(ret_s->revision));
	ret_s->from_ms = at->from_ms + (int64_t)slot * slot_ms;
	ret_s->until_ms = earlier(ret_s->from_ms + slot_ms, at->until_ms);
	return ret_s->until_ms - ret_s->from_ms >= LIMIT_PAST_MIN_MS;
}

/* Returns 0, ENOUGH if the slot has no split, or an error. */
static int run_split(struct run *r, const struct periods *p)
{
	struct backtest_split s = { .n_canary = 0 };
	struct instances *in;
	int rc;

	if (!draw_slot(r, p, &s))
		return ENOUGH;
	in = calloc(1, sizeof(*in));
	if (!in)
		return err_set(r->err, -ENOMEM, "backtest: no memory");
	rc = store_each_instance(r->store, r->wish->service, s.revision,
				 s.from_ms, s.until_ms, see_instance, in,
				 r->err);
	if (rc == 0)
		rc = split_judge(r, &s, in);
	if (rc == 0)
		count_split(r->b, &s);
	for (size_t i = 0; i < in->n; i++)
		free(in->names[i]);
	free(in);
	return rc;
}

static int run_splits(struct run *r)
{
	struct periods *p = calloc(1, sizeof(*p));
	/* slots may hold too few instances; so often another is drawn */
	uint32_t tries = 4 * r->wish->n_splits;
	int rc;

	if (!p)
		return err_set(r->err, -ENOMEM, "backtest: no memory");
	p->run = r;
	rc = store_each_revision(r->store, r->wish->service, r->wish->from_ms,
				 r->wish->until_ms, see_revision, p, r->err);
	while (rc >= 0 && p->n_slots > 0 && tries-- > 0 && !r->b->capped &&
	       r->b->n_splits < r->wish->n_splits) {
		rc = run_split(r, p);
		if (rc == 0)
			rc = step_on(r);
	}
	free(p);
	return rc < 0 ? rc : 0;
}

/* How much there is of the time that was asked for. */
static int look_back(struct run *r, int64_t kept_ms)
{
	const struct backtest_wish *w = r->wish;

	r->b->trimmed = kept_ms > w->from_ms;
	return store_reach(r->store, w->service, w->from_ms, w->until_ms,
			   &r->b->reach_ms, &r->b->n_hours, r->err);
}

int backtest_run(struct store *st, struct policies *policies,
		 const struct backtest_wish *wish,
		 int (*tick)(void *ctx, const struct backtest *b), void *ctx,
		 struct backtest *b, struct err *err)
{
	struct run r = { .store = st,
			 .policies = policies,
			 .wish = wish,
			 .rng = { .state = wish->seed },
			 .tick = tick,
			 .ctx = ctx,
			 .b = b,
			 .err = err };
	int64_t kept_ms = 0;
	int rc = store_trimmed_ms(st, wish->service, &kept_ms, err);

	memset(b, 0, sizeof(*b));
	if (rc == 0)
		rc = look_back(&r, kept_ms);
	if (rc == 0)
		rc = store_each_rollout(st, wish->service, false,
					LIMIT_SERVICE_ROLLOUTS, see_rollout, &r,
					err);
	b->total = b->n_rollouts + wish->n_splits;
	if (rc == 0)
		rc = run_rollouts(&r, kept_ms);
	if (rc == 0)
		rc = run_splits(&r);
	if (rc == ENOUGH)
		rc = 0;
	if (rc == 0)
		b->total = b->done;
	return rc;
}
