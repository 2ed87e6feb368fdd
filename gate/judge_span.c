/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_span.h"

#include <stdbool.h>

#include "common/limits.h"
#include "gate/judge_fold.h"
#include "gate/judge_grid.h"
#include "gate/store.h"
#include "stats/rollout.h"

/* One span as it is folded. */
struct span {
	struct fold *fold;
	int64_t until_ms;
	int64_t now_ms;	  /* each window in time is due by then */
	int64_t kept_ms;  /* what lies before may be gone */
	uint64_t max_seq; /* of all windows: what is there now */
	bool ended;	  /* a verdict ended it */
	int (*said)(void *ctx, const struct fold *f,
		    const struct fold_window *w, struct err *err);
	void *ctx;
};

static int span_window(struct span *s, struct fold_window *w, struct err *err)
{
	int rc;

	w->max_seq = s->max_seq;
	rc = fold_window(s->fold, w, err);
	return rc < 0 ? rc : s->said(s->ctx, s->fold, w, err);
}

static int span_history(struct span *s, struct err *err)
{
	struct grid_span span;
	int64_t due_ms;
	int rc = grid_history(s->fold, s->now_ms, &span, &due_ms, err);

	if (rc < 0)
		return rc;
	rc = 0;
	for (size_t i = 0; i < span.n && rc == 0; i++) {
		struct fold_window w = { .history = true };

		w.from_ms = span.from_ms + (int64_t)i * span.length_ms;
		w.to_ms = w.from_ms + span.length_ms;
		if (w.from_ms >= s->kept_ms)
			rc = span_window(s, &w, err);
	}
	return rc;
}

/* All windows that end in time, then the clock unless one of them decided. */
static int span_windows(struct span *s, struct err *err)
{
	struct fold *f = s->fold;
	struct fold_window w;
	int64_t due_ms;
	int rc;

	while ((rc = grid_next(f, s->now_ms, &w, &due_ms, err)) == 1 &&
	       w.to_ms <= s->until_ms) {
		rc = span_window(s, &w, err);
		if (rc != 0 || fold_ends(&f->verdict))
			return rc;
	}
	if (rc < 0)
		return rc;
	w = (struct fold_window){ .from_ms = s->until_ms,
				  .to_ms = s->until_ms,
				  .step = f->step,
				  .max_seq = s->max_seq };
	rollout_verdict(f->state, s->until_ms, &f->verdict);
	return s->said(s->ctx, f, &w, err);
}

/* What the store has, read before any window: what comes later is not seen. */
static int span_begin(struct span *s, struct err *err)
{
	const struct fold *f = s->fold;
	int rc = store_trimmed_ms(f->store, f->meta.service, &s->kept_ms, err);

	s->now_ms = s->until_ms + LIMIT_JUDGE_WATERMARK_MS;
	if (rc == 0)
		rc = store_last_seq(f->store, f->meta.service, &s->max_seq,
				    err);
	return rc;
}

int span_judge(struct fold *f, int64_t until_ms,
	       int (*said)(void *ctx, const struct fold *f,
			   const struct fold_window *w, struct err *err),
	       void *ctx, struct err *err)
{
	struct span s = {
		.fold = f, .until_ms = until_ms, .said = said, .ctx = ctx
	};
	int rc = span_begin(&s, err);

	if (rc == 0)
		rc = span_history(&s, err);
	return rc == 0 ? span_windows(&s, err) : rc;
}

/*
 * The windows of p that end in time; what the clock decided then was by
 * another clock.
 */
static int span_judged(struct span *s, const struct fold_past *p,
		       struct err *err)
{
	struct fold *f = s->fold;

	for (size_t i = 0; i < p->n && !s->ended; i++) {
		const struct fold_window *w = &p->windows[i];
		int rc;

		if (w->to_ms > s->until_ms)
			break;
		if (w->from_ms == w->to_ms ||
		    (w->history && w->from_ms < s->kept_ms))
			continue;
		rc = fold_window(f, w, err);
		if (rc == 0)
			rc = s->said(s->ctx, f, w, err);
		if (rc != 0)
			return rc;
		s->ended = !w->history && fold_ends(&f->verdict);
	}
	return 0;
}

int span_judge_again(struct fold *f, int64_t until_ms,
		     int (*said)(void *ctx, const struct fold *f,
				 const struct fold_window *w, struct err *err),
		     void *ctx, struct err *err)
{
	struct span s = {
		.fold = f, .until_ms = until_ms, .said = said, .ctx = ctx
	};
	struct fold_past past = { .n = 0 };
	int rc = span_begin(&s, err);

	if (rc == 0)
		rc = fold_past_read(f, &past, err);
	if (rc == 0)
		rc = past.n > 0 ? span_judged(&s, &past, err)
				: span_history(&s, err);
	fold_past_release(&past);
	return rc == 0 && !s.ended ? span_windows(&s, err) : rc;
}
