/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/judge_replay.h"

#include <math.h>
#include <stdlib.h>

#include "common/buf.h"
#include "gate/document.h"
#include "gate/judge_fold.h"
#include "gate/store.h"
#include "stats/method.h"

struct replaying {
	struct replay sums;
	int worst; /* of the window that is named */
	int (*tick)(void *ctx, uint32_t n_windows);
	void *ctx;
	struct err *err;
};

/* How much a window's difference asks to be named. */
static int badness(const struct record_difference *d, bool unexplained)
{
	return d->match == RECORD_IDENTICAL ? 0
					    : (int)d->match + 2 * unexplained;
}

static void add(struct replaying *r, const struct fold *f,
		const struct fold_window *w, const struct record_difference *d)
{
	struct replay *sums = &r->sums;
	bool same_method = w->method == METHOD_VERSION;
	bool unexplained = same_method && d->match != RECORD_IDENTICAL &&
			   (d->match == RECORD_DIFFERENT ||
			    w->arithmetic == f->arithmetic);
	int bad = badness(d, unexplained);

	sums->n_windows++;
	sums->n_other_method += !same_method;
	sums->n_unexplained += unexplained;
	sums->n_identical += d->match == RECORD_IDENTICAL;
	sums->n_close += d->match == RECORD_CLOSE;
	sums->n_different += d->match == RECORD_DIFFERENT;
	sums->distance = fmax(sums->distance, d->distance);
	if (d->decision)
		sums->same_decision = false;
	if (bad > r->worst) {
		r->worst = bad;
		sums->first = *d;
		sums->from_ms = w->from_ms;
		sums->to_ms = w->to_ms;
		sums->method = w->method;
	} else if (r->worst == 0) {
		sums->method = w->method;
	}
}

static int compare(void *ctx, const struct fold *f, const struct fold_window *w)
{
	struct replaying *r = ctx;
	struct record_difference d;
	struct buf found = { .max = 0 };
	char *stored = NULL;
	int rc = store_get_document(f->store, f->meta.rollout_id, w->from_ms,
				    w->to_ms, &stored, r->err);

	if (rc == 0)
		rc = verdict_record(&found, &f->meta, &f->verdict, r->err);
	if (rc == 0)
		rc = record_compare(stored, found.bytes, &d, r->err);
	if (rc == 0)
		add(r, f, w, &d);
	if (rc == 0 && r->tick)
		rc = r->tick(r->ctx, r->sums.n_windows);
	buf_release(&found);
	free(stored);
	return rc;
}

int judge_replay(struct store *st, struct policies *policies,
		 const struct store_rollout *r,
		 int (*tick)(void *ctx, uint32_t n_windows), void *ctx,
		 struct replay *ret_replay, struct err *err)
{
	struct replaying replaying = { .sums = { .same_decision = true },
				       .tick = tick,
				       .ctx = ctx,
				       .err = err };
	struct fold *f = NULL;
	int rc = fold_check_kept(st, r, err);

	if (rc == 0)
		rc = fold_new(st, policies, r, &f, err);
	if (rc == 0)
		rc = fold_replay(f, compare, &replaying, err);
	/* what went while it was folded was perhaps not seen */
	if (rc == 0)
		rc = fold_check_kept(st, r, err);
	fold_free(f);
	if (rc == 0)
		*ret_replay = replaying.sums;
	return rc;
}
