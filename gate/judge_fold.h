/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge_fold - one rollout's state, and the batches of the store that feed
 * it, a window at a time.  For judge*.c alone.
 *
 * The same windows with the same ingest_seq give the same state, whether they
 * are judged for the first time or folded again.
 */
#ifndef GATE_JUDGE_FOLD_H
#define GATE_JUDGE_FOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/store.h"
#include "stats/policy.h"
#include "stats/verdict.h"

struct buf;
struct err;
struct policies;
struct rollout;
struct strtab;

/* Instances of the baseline that are taken for a canary: an A/A comparison. */
struct fold_split {
	size_t n;
	const char *const *canaries; /* names, in order of strcmp() */
};

struct fold {
	struct store *store;		/* borrowed */
	const struct fold_split *split; /* borrowed; NULL: by revision */
	struct store_rollout meta;
	struct policy policy;
	struct rollout *state;
	struct strtab *names;	/* of all its batches */
	struct verdict verdict; /* after the newest window */
	uint32_t step;		/* that the state is in */
	int64_t next_ms;	/* no window begins before */
	int64_t history_ms;	/* no history window begins before */
	bool history_done;
	bool closed;
	uint32_t n_windows;  /* folded, history included */
	uint32_t arithmetic; /* of this machine: stats/method.h */
};

/*
 * The state of a rollout that has seen nothing.  One over past time has until
 * meta->until_ms to be decided, neither less nor more.
 */
int fold_new(struct store *st, struct policies *policies,
	     const struct store_rollout *meta, struct fold **ret_f,
	     struct err *err);

/* The same by a policy that is not meta's. */
int fold_new_by(struct store *st, const struct policy *policy,
		const struct store_rollout *meta, struct fold **ret_f,
		struct err *err);

/* Release f.  fold_free(NULL) does nothing. */
void fold_free(struct fold *f);

/*
 * Give the state what earlier rollouts of its service taught; before the
 * first window.
 */
int fold_learn(struct fold *f, struct err *err);

/*
 * What the rollout teaches later ones of its service is written down; once,
 * when it closes.
 */
int fold_teach(const struct fold *f, struct err *err);

/* One window, from the batches with ingest_seq <= max_seq. */
struct fold_window {
	int64_t from_ms;
	int64_t to_ms;
	uint32_t step;
	bool history;
	uint64_t max_seq;
	uint32_t method; /* it was judged by, where it was; 0: unknown */
	uint32_t arithmetic;
};

int fold_window(struct fold *f, const struct fold_window *w, struct err *err);

/* The windows that were judged of a rollout, in order of time. */
struct fold_past {
	size_t n;
	size_t room;
	struct fold_window *windows;
	bool closed; /* the last of them ended it */
};

/* Read them, so that no reader is held while they are folded. */
int fold_past_read(const struct fold *f, struct fold_past *ret_p,
		   struct err *err);
void fold_past_release(struct fold_past *p);

/*
 * Fold what was judged of it, in that order.
 *
 *   seen  asked after each window that has a verdict, with f->verdict as it
 *         was found again; w->from_ms == w->to_ms where the clock decided.
 *         What it returns other than 0 ends the folding.  May be NULL.
 */
int fold_replay(struct fold *f,
		int (*seen)(void *ctx, const struct fold *f,
			    const struct fold_window *w),
		void *ctx, struct err *err);

/*
 * Are the batches that a rollout rests on still there?  Returns 0, -ENODATA
 * if retention deleted some, or an error of the store.
 */
int fold_check_kept(struct store *st, const struct store_rollout *r,
		    struct err *err);

/* Is nothing judged any more after this one?  A pass is for its step. */
bool fold_ends(const struct verdict *v);

/*
 * A window and the verdict after it as they are written down, by the method
 * and arithmetic of f.
 *
 *   document  empty; receives the text that ret_j borrows
 *
 * Returns 0 or what verdict_record() does.
 */
int fold_judged(const struct fold *f, const struct fold_window *w,
		const struct store_rollout *meta, const struct verdict *v,
		bool closes, struct buf *document, struct store_judged *ret_j,
		struct err *err);

/*
 * What a rollout's present state makes of the verdict on its newest window:
 * stopped, or in a newer step than the one that passed.
 */
void fold_overlay(const struct store_rollout *r, struct verdict *v);

/*
 * The verdict that was written down last, or that of a rollout of which
 * nothing has been judged, at now_ms.
 */
int fold_stored_verdict(struct store *st, struct policies *policies,
			const struct store_rollout *r, int64_t now_ms,
			struct verdict *ret_v, struct err *err);

#endif /* GATE_JUDGE_FOLD_H */
