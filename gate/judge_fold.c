/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_fold.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "gate/document.h"
#include "gate/judge.h"
#include "gate/policies.h"
#include "stats/method.h"
#include "stats/rollout.h"

/* The policy's clock, for a rollout that ends when its caller says. */
static void end_in_time(struct policy *policy, const struct store_rollout *meta)
{
	int64_t length_ms = meta->until_ms - meta->begun_ms;

	policy->give_up_after_ms = length_ms;
	if (policy->no_data_after_ms > length_ms)
		policy->no_data_after_ms = length_ms;
}

int fold_new_by(struct store *st, const struct policy *policy,
		const struct store_rollout *meta, struct fold **ret_f,
		struct err *err)
{
	struct fold *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return err_set(err, -ENOMEM, "judge: no memory");
	f->store = st;
	f->meta = *meta;
	f->next_ms = meta->begun_ms;
	f->arithmetic = method_arithmetic();
	f->policy = *policy;
	if (meta->until_ms > 0)
		end_in_time(&f->policy, meta);
	rc = strtab_new(LIMIT_JUDGE_NAMES, LIMIT_JUDGE_NAME_BYTES, &f->names,
			err);
	if (rc == 0)
		rc = rollout_new(&f->policy, meta->begun_ms, &f->state, err);
	if (rc == 0)
		rc = fold_learn(f, err);
	if (rc < 0) {
		fold_free(f);
		return rc;
	}
	rollout_verdict(f->state, meta->begun_ms, &f->verdict);
	*ret_f = f;
	return 0;
}

int fold_new(struct store *st, struct policies *policies,
	     const struct store_rollout *meta, struct fold **ret_f,
	     struct err *err)
{
	struct policy policy;
	int rc = policies_get(policies, meta->policy, meta->policy_version,
			      &policy, err);

	return rc < 0 ? rc : fold_new_by(st, &policy, meta, ret_f, err);
}

void fold_free(struct fold *f)
{
	if (!f)
		return;
	rollout_free(f->state);
	strtab_free(f->names);
	free(f);
}

/* The members of a window as they are decoded. */
struct gather {
	struct arena *arena; /* of all of them: freed with the window */
	struct strtab *names;
	enum cohort cohort; /* of those that come, but for a split */
	const struct fold_split *split; /* NULL: all are of that cohort */
	bool history;
	size_t n;
	size_t room;
	struct rollout_member *members;
	struct err *err;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Is the instance taken for a canary, though it is of the baseline? */
static bool split_off(const struct fold_split *split, const char *instance)
{
	return split && bsearch(&instance, split->canaries, split->n,
				sizeof(*split->canaries), by_name);
}

static int gather_batch(void *ctx, const struct store_batch *b)
{
	struct gather *g = ctx;
	struct batch *batch = NULL;
	enum cohort cohort = g->cohort;
	int rc;

	if (split_off(g->split, b->instance)) {
		if (g->history)
			return 0; /* a canary has none */
		cohort = COHORT_CANARY;
	}
	if (g->n == g->room) {
		size_t room = g->room ? 2 * g->room : 64;
		struct rollout_member *members =
			realloc(g->members, room * sizeof(*members));

		if (!members)
			return err_set(g->err, -ENOMEM, "judge: no memory");
		g->members = members;
		g->room = room;
	}
	rc = batch_decode_named(b->bytes, b->len, g->arena, g->names, &batch,
				g->err);
	if (rc < 0)
		return rc;
	g->members[g->n++] =
		(struct rollout_member){ .cohort = cohort, .batch = batch };
	return 0;
}

static int gather_cohort(const struct fold *f, const struct fold_window *w,
			 enum cohort cohort, struct gather *g)
{
	g->cohort = cohort;
	return store_each_batch(
		f->store, f->meta.service,
		cohort == COHORT_BASELINE ? f->meta.baseline : f->meta.canary,
		w->from_ms, w->to_ms, w->max_seq, gather_batch, g, g->err);
}

int fold_window(struct fold *f, const struct fold_window *w, struct err *err)
{
	struct gather g = { .names = f->names,
			    .split = f->split,
			    .history = w->history,
			    .err = err };
	struct rollout_window window = { .from_ms = w->from_ms,
					 .to_ms = w->to_ms,
					 .step = w->step,
					 .history = w->history };
	int rc;

	rc = arena_new(LIMIT_JUDGE_WINDOW_BYTES, &g.arena, err);
	/* a store without batches has no seq, and no window */
	if (rc == 0 && w->max_seq > 0)
		rc = gather_cohort(f, w, COHORT_BASELINE, &g);
	if (rc == 0 && w->max_seq > 0 && !w->history && !f->split)
		rc = gather_cohort(f, w, COHORT_CANARY, &g);
	if (rc == 0 && w->step > f->step) {
		rc = rollout_step(f->state, w->step, err);
		f->step = w->step;
	}
	if (rc == 0) {
		window.n_members = g.n;
		window.members = g.members;
		rc = rollout_fold(f->state, &window, &f->verdict, err);
	}
	if (rc == 0) {
		if (w->history)
			f->history_ms = w->to_ms;
		else
			f->next_ms = w->to_ms;
		f->n_windows++;
	}
	free(g.members);
	arena_free(g.arena);
	return rc;
}

static int past_add(void *ctx, const struct store_judged *j)
{
	struct fold_past *p = ctx;

	p->closed |= j->closes;
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct fold_window *windows =
			realloc(p->windows, room * sizeof(*windows));

		if (!windows)
			return -ENOMEM;
		p->windows = windows;
		p->room = room;
	}
	p->windows[p->n++] =
		(struct fold_window){ .from_ms = j->from_ms,
				      .to_ms = j->to_ms,
				      .step = j->step,
				      .history = j->history,
				      .max_seq = j->ingest_seq,
				      .method = j->method,
				      .arithmetic = j->arithmetic };
	return 0;
}

int fold_past_read(const struct fold *f, struct fold_past *ret_p,
		   struct err *err)
{
	struct fold_past p = { .n = 0 };
	int rc = store_each_judged(f->store, f->meta.rollout_id, past_add, &p,
				   err);

	if (rc < 0)
		fold_past_release(&p);
	*ret_p = p;
	return rc;
}

void fold_past_release(struct fold_past *p)
{
	free(p->windows);
	*p = (struct fold_past){ .n = 0 };
}

int fold_replay(struct fold *f,
		int (*seen)(void *ctx, const struct fold *f,
			    const struct fold_window *w),
		void *ctx, struct err *err)
{
	struct fold_past past;
	int rc;

	assert(f);
	rc = fold_past_read(f, &past, err);

	for (size_t i = 0; i < past.n && rc == 0; i++) {
		const struct fold_window *w = &past.windows[i];

		if (w->from_ms == w->to_ms)
			rollout_verdict(f->state, w->from_ms, &f->verdict);
		else
			rc = fold_window(f, w, err);
		if (rc == 0 && seen && !w->history)
			rc = seen(ctx, f, w);
	}
	/* a window of the rollout means that its history was done before */
	if (past.n > 0 && !past.windows[past.n - 1].history)
		f->history_done = true;
	f->closed = past.closed;
	fold_past_release(&past);
	return rc;
}

bool fold_ends(const struct verdict *v)
{
	return v->final && v->word != VERDICT_PASS;
}

int fold_judged(const struct fold *f, const struct fold_window *w,
		const struct store_rollout *meta, const struct verdict *v,
		bool closes, struct buf *document, struct store_judged *ret_j,
		struct err *err)
{
	int rc;

	*ret_j = (struct store_judged){ .from_ms = w->from_ms,
					.to_ms = w->to_ms,
					.step = w->step,
					.history = w->history,
					.ingest_seq = w->max_seq,
					.document = "",
					.final = !w->history && v->final,
					.closes = closes,
					.method = METHOD_VERSION,
					.arithmetic = f->arithmetic };
	if (w->history)
		return 0;
	rc = verdict_record(document, meta, v, err);
	if (rc == 0)
		ret_j->document = document->bytes;
	return rc;
}

void fold_overlay(const struct store_rollout *r, struct verdict *v)
{
	bool passed_before = v->word == VERDICT_PASS && r->step > v->step;

	if (v->final && !passed_before)
		return;
	if (r->stopped) {
		v->word = VERDICT_INCONCLUSIVE;
		v->code = CODE_STOPPED;
		v->final = true;
		(void)!snprintf(v->reason, sizeof(v->reason),
				"The rollout was stopped%s%s.",
				r->stop_reason[0] ? ": " : "", r->stop_reason);
	} else if (passed_before && r->closed) {
		v->word = VERDICT_INCONCLUSIVE;
		v->code = CODE_TIME_UP;
		v->final = true;
		(void)!snprintf(v->reason, sizeof(v->reason),
				"Step %u passed; step %u began when the "
				"rollout's time was over.",
				v->step, r->step);
	} else if (passed_before) {
		v->word = VERDICT_RUNNING;
		v->code = CODE_COLLECTING;
		v->final = false;
		(void)!snprintf(v->reason, sizeof(v->reason),
				"Step %u passed; no window of step %u has "
				"been judged yet.",
				v->step, r->step);
	}
	if (r->step > v->step)
		v->step = r->step;
}

int fold_stored_verdict(struct store *st, struct policies *policies,
			const struct store_rollout *r, int64_t now_ms,
			struct verdict *ret_v, struct err *err)
{
	struct fold *f = NULL;
	char *document = NULL;
	uint32_t method = 0;
	int rc =
		store_last_document(st, r->rollout_id, &document, &method, err);

	if (rc == 0) {
		rc = verdict_document_read(document, strlen(document), ret_v,
					   err);
		if (rc == 0)
			ret_v->method = method;
		free(document);
		return rc;
	}
	if (rc != -ENOENT)
		return rc;
	rc = fold_new(st, policies, r, &f, err);
	if (rc == 0 && f)
		rollout_verdict(f->state, r->stopped ? r->stopped_ms : now_ms,
				ret_v);
	fold_free(f);
	return rc;
}

/* The window judged first, if its batches may be gone. */
static int see_first(void *ctx, const struct store_judged *w)
{
	*(int64_t *)ctx = w->from_ms;
	return 1;
}

int fold_check_kept(struct store *st, const struct store_rollout *r,
		    struct err *err)
{
	int64_t first_ms = INT64_MAX, trimmed_ms = 0;
	int rc;

	rc = store_trimmed_ms(st, r->service, &trimmed_ms, err);
	if (rc == 0)
		rc = store_each_judged(st, r->rollout_id, see_first, &first_ms,
				       err);
	if (rc < 0)
		return rc;
	if (first_ms < trimmed_ms)
		return err_set(err, -ENODATA,
			       "the batches that this rollout rests on are "
			       "no longer kept");
	return 0;
}

int judge_fold_again(struct store *st, struct policies *policies,
		     const struct store_rollout *r, struct rollout **ret_r,
		     struct verdict *ret_v, struct err *err)
{
	struct fold *f = NULL;
	int rc = fold_check_kept(st, r, err);

	if (rc == 0)
		rc = fold_new(st, policies, r, &f, err);
	if (rc == 0)
		rc = fold_replay(f, NULL, NULL, err);
	if (rc == 0) {
		fold_overlay(r, &f->verdict);
		if (ret_v)
			*ret_v = f->verdict;
		*ret_r = f->state;
		f->state = NULL;
	}
	fold_free(f);
	return rc;
}
