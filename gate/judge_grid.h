/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_grid - which window of a rollout is judged next, and when.
 *
 * A window is as long as the longest window that its collectors used within a
 * minute before and after, and is aligned to its own length since the epoch. It
 * is due once the watermark has gone by since its end.
 */
#ifndef GATE_JUDGE_GRID_H
#define GATE_JUDGE_GRID_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct fold;
struct fold_window;

/*
 * How long after its end a window of that length is judged: three windows and
 * the time by which collectors delay what they send, at least 5 s and at most
 * 15 s.  So 5 s for windows of 1 s, 7 s for 2 s, 15 s from 5 s on.
 */
int64_t grid_watermark_ms(int64_t window_ms);

/* Windows that follow one another. */
struct grid_span {
	int64_t from_ms;
	int64_t length_ms;
	size_t n;
};

/*
 * The windows of the baseline before the rollout began, as far back as
 * LIMIT_JUDGE_HISTORY and LIMIT_JUDGE_HISTORY_MS permit.
 *
 *   ret_due_ms  when they are due
 *
 * Returns 1 if they are due, 0 if not (ret_span is empty then), or an error
 * of the store.
 */
int grid_history(const struct fold *f, int64_t now_ms,
		 struct grid_span *ret_span, int64_t *ret_due_ms,
		 struct err *err);

/*
 * The next window that holds a batch, and the step that ran when it began.
 * Time in which neither revision sent anything is passed over.
 *
 *   ret_w       from_ms, to_ms, step and history are set
 *   ret_due_ms  when it is due; now_ms while nothing is there
 *
 * Returns 1 if there is one and it is due, 0 if not, or an error of the store.
 */
int grid_next(struct fold *f, int64_t now_ms, struct fold_window *ret_w,
	      int64_t *ret_due_ms, struct err *err);

#endif /* GATE_JUDGE_GRID_H */
