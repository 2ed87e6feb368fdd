/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_past.h"

#include <errno.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/err.h"
#include "gate/judge_fold.h"
#include "gate/judge_span.h"
#include "gate/store.h"

/* One window, and what was said after it. */
struct said {
	struct fold_window window;
	struct verdict verdict;
};

struct past {
	struct fold *fold;
	size_t n;
	size_t room;
	struct said *said;
	struct buf document; /* of the window that is written now */
	int (*tick)(void *ctx, uint32_t n_windows);
	void *ctx;
};

/* Keep w and the verdict after it. */
static int past_say(void *ctx, const struct fold *f,
		    const struct fold_window *w, struct err *err)
{
	struct past *p = ctx;

	if (p->n == p->room) {
		size_t room = p->room ? 2 * p->room : 256;
		struct said *said = realloc(p->said, room * sizeof(*said));

		if (!said)
			return err_set(err, -ENOMEM, "judge: no memory");
		p->said = said;
		p->room = room;
	}
	p->said[p->n++] = (struct said){ .window = *w, .verdict = f->verdict };
	return p->tick ? p->tick(p->ctx, (uint32_t)p->n) : 0;
}

static int past_judged(void *ctx, const struct store_rollout *r, size_t i,
		       struct store_judged *ret_j, struct err *err)
{
	struct past *p = ctx;
	const struct fold_window *w = &p->said[i].window;
	const struct verdict *v = &p->said[i].verdict;

	p->document.len = 0;
	return fold_judged(p->fold, w, r, v, i + 1 == p->n, &p->document, ret_j,
			   err);
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
	int rc = span_judge(p->fold, p->fold->meta.until_ms, past_say, p, err);

	return rc != 0 ? rc : past_check_kept(p, err);
}

int judge_past(struct store *st, struct policies *policies,
	       const struct store_rollout *want,
	       int (*tick)(void *ctx, uint32_t n_windows), void *ctx,
	       struct store_rollout *ret_r, struct err *err)
{
	struct past p = { .tick = tick, .ctx = ctx };
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
