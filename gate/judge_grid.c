/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_grid.h"

#include <stdbool.h>
#include <stddef.h>

#include "common/limits.h"
#include "gate/judge_fold.h"
#include "gate/store.h"

int64_t grid_watermark_ms(int64_t window_ms)
{
	int64_t delay_ms = window_ms / 2 < LIMIT_SEND_DELAY_MS
				   ? window_ms / 2
				   : LIMIT_SEND_DELAY_MS;
	int64_t wait_ms = LIMIT_JUDGE_WATERMARK_WINDOWS * window_ms + delay_ms;

	if (wait_ms < LIMIT_JUDGE_WATERMARK_MIN_MS)
		return LIMIT_JUDGE_WATERMARK_MIN_MS;
	if (wait_ms > LIMIT_JUDGE_WATERMARK_MS)
		return LIMIT_JUDGE_WATERMARK_MS;
	return wait_ms;
}

/* Times are after 1970 and windows short: nothing overflows. */
static int64_t align_down(int64_t ms, int64_t length_ms)
{
	return ms - ms % length_ms;
}

static int64_t align_up(int64_t ms, int64_t length_ms)
{
	return align_down(ms + length_ms - 1, length_ms);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

int grid_history(const struct fold *f, int64_t now_ms,
		 struct grid_span *ret_span, int64_t *ret_due_ms,
		 struct err *err)
{
	int64_t begun_ms = f->meta.begun_ms;
	int64_t oldest_ms = later(0, begun_ms - LIMIT_JUDGE_HISTORY_MS);
	int64_t length_ms = 0;
	int64_t first_ms = 0;
	int64_t from_ms;
	int rc;

	*ret_span = (struct grid_span){ .n = 0 };
	rc = store_find_window(f->store, f->meta.service, f->meta.baseline,
			       NULL, oldest_ms, begun_ms, &length_ms, &first_ms,
			       err);
	if (rc < 0)
		return rc;
	if (length_ms == 0)
		return 1;
	*ret_due_ms = begun_ms + grid_watermark_ms(length_ms);
	if (now_ms < *ret_due_ms)
		return 0;
	from_ms = later(oldest_ms, begun_ms - LIMIT_JUDGE_HISTORY * length_ms);
	from_ms = later(from_ms, align_down(first_ms, length_ms));
	/* a restart goes on where it was interrupted */
	from_ms = align_up(later(from_ms, f->history_ms), length_ms);
	ret_span->from_ms = from_ms;
	ret_span->length_ms = length_ms;
	if (from_ms + length_ms <= begun_ms)
		ret_span->n = (size_t)((begun_ms - from_ms) / length_ms);
	return 1;
}

/* The step that ran when a window began; the first one before any did. */
struct step_at {
	int64_t from_ms;
	uint32_t step;
	bool found;
};

static int see_step(void *ctx, uint32_t step, int64_t begun_ms)
{
	struct step_at *at = ctx;

	if (!at->found || begun_ms <= at->from_ms)
		at->step = step;
	at->found = true;
	return 0;
}

/* The longest window and the first batch within a minute. */
static int find(const struct fold *f, int64_t from_ms, int64_t *ret_length_ms,
		int64_t *ret_first_ms, struct err *err)
{
	return store_find_window(f->store, f->meta.service, f->meta.baseline,
				 f->meta.canary, from_ms,
				 from_ms + LIMIT_WINDOW_MAX_MS, ret_length_ms,
				 ret_first_ms, err);
}

/*
 * Look at what comes next, passing over time in which nothing came.  The
 * minute before has a say in the length: a collector with long windows has
 * not yet sent the one that has begun.
 */
static int look_ahead(struct fold *f, int64_t now_ms, int64_t *ret_length_ms,
		      int64_t *ret_first_ms, struct err *err)
{
	int64_t before_ms = 0;
	int64_t none_ms = 0;
	int rc;

	for (;;) {
		rc = find(f, f->next_ms, ret_length_ms, ret_first_ms, err);
		if (rc < 0 || *ret_length_ms > 0 ||
		    now_ms < f->next_ms + LIMIT_WINDOW_MAX_MS +
				     LIMIT_JUDGE_WATERMARK_MS)
			break;
		f->next_ms += LIMIT_WINDOW_MAX_MS;
	}
	if (rc < 0 || *ret_length_ms == 0)
		return rc;
	rc = find(f, f->next_ms - LIMIT_WINDOW_MAX_MS, &before_ms, &none_ms,
		  err);
	*ret_length_ms = later(*ret_length_ms, before_ms);
	return rc;
}

int grid_next(struct fold *f, int64_t now_ms, struct fold_window *ret_w,
	      int64_t *ret_due_ms, struct err *err)
{
	/* one that is not stored has no step but this */
	struct step_at at = { .step = f->meta.step };
	int64_t length_ms = 0;
	int64_t first_ms = 0;
	int64_t from_ms;
	int rc = look_ahead(f, now_ms, &length_ms, &first_ms, err);

	if (rc < 0)
		return rc;
	*ret_due_ms = now_ms;
	if (length_ms == 0)
		return 0;
	/* after the last one, and not before there is anything */
	from_ms = later(align_up(f->next_ms, length_ms),
			align_down(first_ms, length_ms));
	*ret_due_ms = from_ms + length_ms + grid_watermark_ms(length_ms);
	if (now_ms < *ret_due_ms)
		return 0;
	at.from_ms = from_ms;
	rc = store_each_step(f->store, f->meta.rollout_id, see_step, &at, err);
	if (rc < 0)
		return rc;
	*ret_w = (struct fold_window){ .from_ms = from_ms,
				       .to_ms = from_ms + length_ms,
				       .step = at.step };
	return 1;
}
