/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_span - fold all windows of a rollout that lie in the past, at once:
 * its history, each window that ends in time, and the clock at the end.
 */
#ifndef GATE_JUDGE_SPAN_H
#define GATE_JUDGE_SPAN_H

#include <stdint.h>

struct err;
struct fold;
struct fold_window;

/*
 * Fold f, which has seen nothing, until until_ms, from all batches that are
 * in the store now.  History that retention cut into is left out.  A verdict
 * that ends the rollout ends the folding; else the clock at until_ms has the
 * last word, in a window without a length.
 *
 *   said  asked after each of them, with f->verdict; what it returns other
 *         than 0 ends the folding and is returned
 *
 * Returns 0, what said did, or an error of the fold or the store.
 */
int span_judge(struct fold *f, int64_t until_ms,
	       int (*said)(void *ctx, const struct fold *f,
			   const struct fold_window *w, struct err *err),
	       void *ctx, struct err *err);

/*
 * The same for a rollout that was judged while its time went by: each window
 * that was judged then from what the judge knew then, and what follows the
 * last of them from all batches that are in the store now.
 */
int span_judge_again(struct fold *f, int64_t until_ms,
		     int (*said)(void *ctx, const struct fold *f,
				 const struct fold_window *w, struct err *err),
		     void *ctx, struct err *err);

#endif /* GATE_JUDGE_SPAN_H */
