/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_past.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/limits.h"
#include "gate/document.h"
#include "gate/judge_fold.h"
#include "gate/judge_grid.h"
#include "gate/store.h"
#include "stats/rollout.h"

/* One window, and what was said after it. */
struct said {
	struct fold_window window;
	struct verdict verdict;
};

struct past {
	struct fold *fold;
	uint64_t max_seq; /* of all windows: what is there now */
	size_t n;
	size_t room;
	struct said *said;
	struct buf document; /* of the window that is written now */
};

/* Keep w and the verdict after it. */
static int past_say(struct past *p, const struct fold_window *w,
		    struct err *err)
{
	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct said *said = realloc(p->said, room * sizeof(*said));

		if (!said)
			return err_set(err, -ENOMEM, "judge: no memory");
		p->said = said;
		p->room = room;
	}
	p->said[p->n++] =
		(struct said){ .window = *w, .verdict = p->fold->verdict };
	return 0;
}

static int past_window(struct past *p, struct fold_window *w, struct err *err)
{
	int rc;

	w->max_seq = p->max_seq;
	w->step = p->fold->meta.step;
	rc = fold_window(p->fold, w, err);
	return rc < 0 ? rc : past_say(p, w, err);
}

static int past_history(struct past *p, int64_t kept_ms, int64_t now_ms,
			struct err *err)
{
	struct grid_span span;
	int64_t due_ms;
	int rc = grid_history(p->fold, now_ms, &span, &due_ms, err);

	for (size_t i = 0; i < span.n && rc == 1; i++) {
		struct fold_window w = { .history = true };

		w.from_ms = span.from_ms + (int64_t)i * span.length_ms;
		w.to_ms = w.from_ms + span.length_ms;
		if (w.from_ms < kept_ms)
			continue; /* some of it is gone */
		rc = past_window(p, &w, err);
		rc = rc < 0 ? rc : 1;
	}
	return rc < 0 ? rc : 0;
}

/* All windows that end in time, then the clock unless one of them decided. */
static int past_windows(struct past *p, int64_t now_ms, struct err *err)
{
	int64_t until_ms = p->fold->meta.until_ms;
	struct fold_window w = { .from_ms = until_ms, .to_ms = until_ms };
	int64_t due_ms;
	int rc;

	while ((rc = grid_next(p->fold, now_ms, &w, &due_ms, err)) == 1 &&
	       w.to_ms <= until_ms) {
		rc = past_window(p, &w, err);
		if (rc < 0 || fold_ends(&p->fold->verdict))
			return rc;
	}
	if (rc < 0)
		return rc;
	w = (struct fold_window){ .from_ms = until_ms,
				  .to_ms = until_ms,
				  .step = p->fold->step,
				  .max_seq = p->max_seq };
	rollout_verdict(p->fold->state, until_ms, &p->fold->verdict);
	return past_say(p, &w, err);
}

static int past_judged(void *ctx, const struct store_rollout *r, size_t i,
		       struct store_judged *ret_j, struct err *err)
{
	struct past *p = ctx;
	const struct fold_window *w = &p->said[i].window;
	const struct verdict *v = &p->said[i].verdict;
	int rc = 0;

	*ret_j = (struct store_judged){ .from_ms = w->from_ms,
					.to_ms = w->to_ms,
					.step = w->step,
					.history = w->history,
					.ingest_seq = w->max_seq,
					.document = "",
					.final = !w->history && v->final,
					.closes = i + 1 == p->n };
	p->document.len = 0;
	if (!w->history)
		rc = verdict_record(&p->document, r, v, err);
	if (rc == 0 && !w->history)
		ret_j->document = p->document.bytes;
	return rc;
}

/* Nothing that was folded may have gone while it was. */
static int past_check_kept(const struct past *p, struct err *err)
{
	int64_t trimmed_ms = 0;
	int rc = store_trimmed_ms(p->fold->store, p->fold->meta.service,
				  &trimmed_ms, err);

	if (rc == 0 && p->n > 0 && p->said[0].window.from_ms < trimmed_ms)
		rc = err_set(err, -ENODATA,
			     "batches of that time were deleted while it was "
			     "judged: their retention was over");
	return rc;
}

static int past_judge(struct past *p, struct err *err)
{
	/* by then each window in time is due, and none long after it */
	int64_t now_ms = p->fold->meta.until_ms + LIMIT_JUDGE_WATERMARK_MS;
	struct store *st = p->fold->store;
	const char *service = p->fold->meta.service;
	int64_t kept_ms = 0;
	int rc = store_trimmed_ms(st, service, &kept_ms, err);

	/* before reading: whatever comes meanwhile is not looked at */
	if (rc == 0)
		rc = store_last_seq(st, service, &p->max_seq, err);
	if (rc == 0)
		rc = past_history(p, kept_ms, now_ms, err);
	if (rc == 0)
		rc = past_windows(p, now_ms, err);
	if (rc == 0)
		rc = past_check_kept(p, err);
	return rc;
}

int judge_past(struct store *st, struct policies *policies,
	       const struct store_rollout *want, struct store_rollout *ret_r,
	       struct err *err)
{
	struct past p = { .n = 0 };
	struct store_past put = { .want = *want,
				  .judged = past_judged,
				  .ctx = &p };
	int rc;

	/* no more than was known then: it has seen that time itself */
	rc = store_known_lesson(st, want->service, want->begun_ms,
				&put.want.lesson_seq, err);
	if (rc == 0)
		rc = fold_new(st, policies, &put.want, &p.fold, err);
	if (rc == 0)
		rc = past_judge(&p, err);
	put.n = p.n;
	if (rc == 0)
		rc = store_put_past(st, &put, ret_r, err);
	buf_release(&p.document);
	free(p.said);
	fold_free(p.fold);
	return rc;
}
