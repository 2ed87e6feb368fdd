/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The judge goes round the open rollouts.  For each it looks which window
 * comes next, waits until that is due, folds it, writes the verdict down and
 * only then says it: what was said is always what a restart finds.
 *
 * An error drops the rollout's state.  It is folded again from the store a
 * little later, so that a state never stands on a window that was not
 * written down.
 */
#include "gate/judge.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/err.h"
#include "common/limits.h"
#include "gate/document.h"
#include "gate/judge_fold.h"
#include "gate/judge_grid.h"
#include "gate/policies.h"
#include "gate/store.h"
#include "stats/method.h"
#include "stats/rollout.h"

struct entry {
	struct store_rollout meta;
	struct fold *fold; /* NULL: to be folded from the store */
	int64_t due_ms;	   /* nothing to do before */
	bool listed;	   /* still open, says the newest list */
	bool has_verdict;
	struct verdict verdict; /* what is said; under the lock */
};

struct judge {
	struct store *store;
	struct policies *policies;
	int64_t up_since_ms;
	int64_t listed_ms; /* when the open rollouts were last listed */

	pthread_t thread;
	bool runs;
	atomic_uint_least64_t version;
	_Atomic int64_t now_ms; /* of the last round */

	pthread_mutex_t lock; /* what follows */
	pthread_cond_t wake;
	bool poked;
	bool stopping;
	void (*on_change)(void *ctx);
	void *on_change_ctx;
	size_t n_entries; /* changed by the judge's thread alone */
	struct entry *entries[LIMIT_OPEN_ROLLOUTS];
};

/* --- what is said --- */

static void changed(struct judge *j)
{
	void (*wake)(void *ctx);
	void *ctx;

	pthread_mutex_lock(&j->lock);
	wake = j->on_change;
	ctx = j->on_change_ctx;
	pthread_mutex_unlock(&j->lock);
	atomic_fetch_add(&j->version, 1);
	if (wake)
		wake(ctx);
}

static void say(struct judge *j, struct entry *e, const struct verdict *v)
{
	bool same;

	pthread_mutex_lock(&j->lock);
	same = e->has_verdict && e->verdict.word == v->word &&
	       e->verdict.code == v->code && e->verdict.final == v->final &&
	       e->verdict.step == v->step && e->verdict.windows == v->windows;
	e->verdict = *v;
	e->has_verdict = true;
	pthread_mutex_unlock(&j->lock);
	if (!same)
		changed(j);
}

static void say_error(struct judge *j, struct entry *e, const struct err *why)
{
	struct verdict v = { .word = VERDICT_ERROR,
			     .code = CODE_INTERNAL,
			     .step = e->meta.step,
			     .method = METHOD_VERSION,
			     .p99_ratio = 1.0,
			     .p99_ratio_lo = 1.0,
			     .p99_ratio_hi = 1.0 };

	(void)!snprintf(v.reason, sizeof(v.reason),
			"The gate could not judge this rollout and tries "
			"again: %s",
			why->text);
	say(j, e, &v);
}

/* Write down a window, or what the clock decided. */
static int put(const struct entry *e, const struct fold_window *w,
	       const struct verdict *v, bool closes, struct err *err)
{
	struct buf document = { .max = 0 };
	struct store_judged judged;
	int rc = fold_judged(e->fold, w, &e->meta, v, closes, &document,
			     &judged, err);

	if (rc == 0)
		rc = store_put_judged(e->fold->store, e->meta.rollout_id,
				      &judged, err);
	buf_release(&document);
	return rc;
}

/*
 * What a rollout teaches is written after it was closed.  Where that fails a
 * lesson is lost, and no verdict.
 */
static void teach(const struct fold *f)
{
	(void)fold_teach(f, NULL);
}

/* --- windows --- */

static int judge_window(struct judge *j, struct entry *e, struct fold_window *w,
			struct err *err)
{
	struct fold *f = e->fold;
	int rc;

	/* before reading: whatever comes meanwhile is not looked at */
	rc = store_last_seq(j->store, f->meta.service, &w->max_seq, err);
	if (rc == 0)
		rc = fold_window(f, w, err);
	if (rc == 0)
		rc = put(e, w, &f->verdict,
			 !w->history && fold_ends(&f->verdict), err);
	if (rc < 0 || w->history)
		return rc;
	f->closed = fold_ends(&f->verdict);
	say(j, e, &f->verdict);
	if (f->closed)
		teach(f);
	return 0;
}

/* What the baseline did before.  Returns 1 when done, 0 if it must wait. */
static int judge_history(struct judge *j, struct entry *e, int64_t now_ms,
			 struct err *err)
{
	struct grid_span span;
	int rc = grid_history(e->fold, now_ms, &span, &e->due_ms, err);

	for (size_t i = 0; i < span.n && rc == 1; i++) {
		struct fold_window w = { .history = true };

		w.from_ms = span.from_ms + (int64_t)i * span.length_ms;
		w.to_ms = w.from_ms + span.length_ms;
		rc = judge_window(j, e, &w, err);
		rc = rc < 0 ? rc : 1;
	}
	return rc;
}

/* What the clock alone decides. */
static int judge_clock(struct judge *j, struct entry *e, int64_t now_ms,
		       struct err *err)
{
	struct fold *f = e->fold;
	struct fold_window w = { .from_ms = now_ms, .to_ms = now_ms };
	struct verdict v;
	bool over = now_ms >= f->meta.begun_ms + f->policy.give_up_after_ms;
	int rc;

	rollout_verdict(f->state, now_ms, &v);
	if (!fold_ends(&v) && !(over && v.final)) {
		say(j, e, &v);
		return 0;
	}
	w.step = f->step;
	rc = store_last_seq(j->store, f->meta.service, &w.max_seq, err);
	if (rc == 0)
		rc = put(e, &w, &v, true, err);
	if (rc < 0)
		return rc;
	f->closed = true;
	say(j, e, &v);
	teach(f);
	return 0;
}

/* All that is due of one rollout. */
static int entry_judge(struct judge *j, struct entry *e, int64_t now_ms,
		       struct err *err)
{
	struct fold_window w;
	int rc = 1;

	if (!e->fold) {
		rc = fold_new(j->store, j->policies, &e->meta, &e->fold, err);
		if (rc == 0)
			rc = fold_replay(e->fold, NULL, NULL, err);
		if (rc < 0)
			return rc;
	}
	assert(e->fold); /* fold_new() gave one */
	e->fold->meta = e->meta;
	if (!e->fold->history_done) {
		rc = judge_history(j, e, now_ms, err);
		e->fold->history_done = rc == 1;
	} else {
		rc = 1;
	}
	while (rc == 1 && !e->fold->closed) {
		rc = grid_next(e->fold, now_ms, &w, &e->due_ms, err);
		if (rc == 1) {
			rc = judge_window(j, e, &w, err);
			rc = rc < 0 ? rc : 1;
		}
	}
	if (rc >= 0 && !e->fold->closed)
		rc = judge_clock(j, e, now_ms, err);
	return rc < 0 ? rc : 0;
}

/* --- rounds --- */

static struct entry *entry_find(const struct judge *j, int64_t rollout_id)
{
	for (size_t i = 0; i < j->n_entries; i++)
		if (j->entries[i]->meta.rollout_id == rollout_id)
			return j->entries[i];
	return NULL;
}

static void entry_free(struct entry *e)
{
	if (!e)
		return;
	fold_free(e->fold);
	free(e);
}

static int list_rollout(void *ctx, const struct store_rollout *r)
{
	struct judge *j = ctx;
	struct entry *e = entry_find(j, r->rollout_id);

	if (!e) {
		if (j->n_entries == LIMIT_OPEN_ROLLOUTS)
			return 0; /* its turn comes when another is closed */
		e = calloc(1, sizeof(*e));
		if (!e)
			return -ENOMEM;
		pthread_mutex_lock(&j->lock);
		j->entries[j->n_entries++] = e;
		pthread_mutex_unlock(&j->lock);
	}
	pthread_mutex_lock(&j->lock);
	e->meta = *r;
	pthread_mutex_unlock(&j->lock);
	e->listed = true;
	return 0;
}

/* Forget what is open no more; the store has its verdict. */
static void forget_closed(struct judge *j)
{
	for (size_t i = 0; i < j->n_entries;) {
		struct entry *e = j->entries[i];

		if (e->listed) {
			i++;
			continue;
		}
		pthread_mutex_lock(&j->lock);
		j->entries[i] = j->entries[--j->n_entries];
		pthread_mutex_unlock(&j->lock);
		entry_free(e);
		changed(j);
	}
}

static void list_open(struct judge *j, int64_t now_ms)
{
	for (size_t i = 0; i < j->n_entries; i++)
		j->entries[i]->listed = false;
	/* a store that cannot be read now can be in the next round */
	if (store_each_rollout(j->store, NULL, true, SIZE_MAX, list_rollout, j,
			       NULL) != 0)
		return;
	j->listed_ms = now_ms;
	forget_closed(j);
}

static void entry_round(struct judge *j, struct entry *e, int64_t now_ms,
			bool poked)
{
	struct err err = { .text = "" };
	bool due = now_ms >= e->due_ms;
	int rc;

	if (!e->fold && !due)
		return; /* it failed a moment ago */
	if (due || poked)
		rc = entry_judge(j, e, now_ms, &err);
	else
		rc = judge_clock(j, e, now_ms, &err);
	if (rc == 0)
		return;
	fold_free(e->fold);
	e->fold = NULL;
	if (rc == -EEXIST) { /* another gate was first: go by what it said */
		e->due_ms = now_ms;
		return;
	}
	e->due_ms = now_ms + LIMIT_JUDGE_RETRY_MS;
	say_error(j, e, &err);
}

bool judge_settled(const struct judge *j, int64_t now_ms)
{
	return store_began_empty(j->store) ||
	       now_ms >= j->up_since_ms + LIMIT_JUDGE_SETTLE_MS;
}

void judge_run(struct judge *j, int64_t now_ms)
{
	bool poked;

	atomic_store(&j->now_ms, now_ms);
	pthread_mutex_lock(&j->lock);
	poked = j->poked;
	j->poked = false;
	pthread_mutex_unlock(&j->lock);
	if (poked || now_ms - j->listed_ms >= LIMIT_JUDGE_LIST_MS ||
	    now_ms < j->listed_ms)
		list_open(j, now_ms);
	if (!judge_settled(j, now_ms))
		return;
	for (size_t i = 0; i < j->n_entries; i++)
		entry_round(j, j->entries[i], now_ms, poked);
}

/* --- the thread --- */

static void wait_a_while(struct judge *j)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LIMIT_JUDGE_PERIOD_MS * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000L;
	}
	if (!j->poked && !j->stopping)
		pthread_cond_timedwait(&j->wake, &j->lock, &until);
}

static void *judge_main(void *ctx)
{
	struct judge *j = ctx;

	pthread_mutex_lock(&j->lock);
	while (!j->stopping) {
		pthread_mutex_unlock(&j->lock);
		judge_run(j, clock_realtime_ms());
		pthread_mutex_lock(&j->lock);
		wait_a_while(j);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

int judge_new(struct store *st, struct policies *policies, int64_t up_since_ms,
	      struct judge **ret_j, struct err *err)
{
	struct judge *j = calloc(1, sizeof(*j));

	if (!j)
		return err_set(err, -ENOMEM, "judge: no memory");
	j->store = st;
	j->policies = policies;
	j->up_since_ms = up_since_ms;
	j->now_ms = up_since_ms;
	j->poked = true; /* the first round lists what is open */
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->wake, NULL);
	*ret_j = j;
	return 0;
}

int judge_start(struct store *st, struct policies *policies,
		struct judge **ret_j, struct err *err)
{
	struct judge *j = NULL;
	int rc = judge_new(st, policies, clock_realtime_ms(), &j, err);
	int code;

	if (rc < 0)
		return rc;
	assert(j); /* judge_new() gave one */
	code = pthread_create(&j->thread, NULL, judge_main, j);
	if (code != 0) {
		judge_stop(j);
		return err_set(err, -ENOMEM, "judge: no thread: %s",
			       err_describe(code));
	}
	j->runs = true;
	*ret_j = j;
	return 0;
}

void judge_stop(struct judge *j)
{
	if (!j)
		return;
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	if (j->runs)
		pthread_join(j->thread, NULL);
	for (size_t i = 0; i < j->n_entries; i++)
		entry_free(j->entries[i]);
	pthread_cond_destroy(&j->wake);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

uint64_t judge_version(const struct judge *j)
{
	return atomic_load(&j->version);
}

void judge_poke(struct judge *j)
{
	pthread_mutex_lock(&j->lock);
	j->poked = true;
	pthread_cond_signal(&j->wake);
	pthread_mutex_unlock(&j->lock);
	changed(j);
}

void judge_wake(struct judge *j)
{
	changed(j);
}

void judge_on_change(struct judge *j, void (*wake)(void *ctx), void *ctx)
{
	pthread_mutex_lock(&j->lock);
	j->on_change = wake;
	j->on_change_ctx = ctx;
	pthread_mutex_unlock(&j->lock);
}

/* --- asking --- */

int judge_verdict(struct judge *j, const struct store_rollout *r,
		  struct verdict *ret_v, struct err *err)
{
	struct verdict v;
	struct entry *e;
	bool found;
	int rc = 0;

	pthread_mutex_lock(&j->lock);
	e = entry_find(j, r->rollout_id);
	found = e && e->has_verdict;
	if (found)
		v = e->verdict;
	pthread_mutex_unlock(&j->lock);
	if (!found)
		rc = fold_stored_verdict(j->store, j->policies, r,
					 atomic_load(&j->now_ms), &v, err);
	if (rc < 0)
		return rc;
	fold_overlay(r, &v);
	*ret_v = v;
	return 0;
}
