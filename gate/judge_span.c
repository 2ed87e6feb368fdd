/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_span.h"

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

int span_judge(struct fold *f, int64_t until_ms,
	       int (*said)(void *ctx, const struct fold *f,
			   const struct fold_window *w, struct err *err),
	       void *ctx, struct err *err)
{
	struct span s = { .fold = f,
			  .until_ms = until_ms,
			  .now_ms = until_ms + LIMIT_JUDGE_WATERMARK_MS,
			  .said = said,
			  .ctx = ctx };
	int rc = store_trimmed_ms(f->store, f->meta.service, &s.kept_ms, err);

	/* before reading: whatever comes meanwhile is not looked at */
	if (rc == 0)
		rc = store_last_seq(f->store, f->meta.service, &s.max_seq, err);
	if (rc == 0)
		rc = span_history(&s, err);
	return rc == 0 ? span_windows(&s, err) : rc;
}
