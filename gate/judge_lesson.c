/* SPDX-License-Identifier: Apache-2.0 */
/* judge_lesson - what rollouts teach, between the fold and the store. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "common/err.h"
#include "gate/judge_fold.h"
#include "stats/lesson.h"
#include "stats/rollout.h"

/* Whole numbers, so that what is kept is what is read back, to the bit. */
static const double VARIANCE_UNIT = 1e12;
static const double VARIANCE_MOST = 1e6;
static const double SHARE_UNIT = 1e6;

struct learn {
	struct lessons *lessons;
	int64_t seq; /* of the lessons being read; 0: none yet */
	double weight;
};

/* Rows of one rollout come together, the newest rollout first. */
static int learn_row(void *ctx, const struct store_lesson *row)
{
	struct spread_prior level[LEVEL_N] = { { .df = 0.0 } };
	struct learn *l = ctx;
	int rc = 0;

	if (l->seq != 0 && row->seq != l->seq)
		l->weight *= LESSON_KEEP;
	l->seq = row->seq;
	if (row->kind == STORE_LESSON_FUNCTION) {
		rc = lessons_add_function(l->lessons, row->subject,
					  (double)row->value / SHARE_UNIT);
	} else if (row->kind == STORE_LESSON_SPREAD && row->level < LEVEL_N) {
		level[row->level].s2 = (double)row->value / VARIANCE_UNIT;
		level[row->level].df = row->df;
		rc = lessons_add(l->lessons, row->subject, level, l->weight);
	}
	/* what is beyond all bounds is left out */
	return rc == -EMSGSIZE ? 0 : rc;
}

int fold_learn(struct fold *f, struct err *err)
{
	struct learn l = { .weight = 1.0 };
	int rc = lessons_new(&l.lessons);

	if (rc < 0)
		return err_set(err, rc, "judge: no memory");
	rc = store_each_lesson(f->store, f->meta.service, f->meta.lesson_seq,
			       LESSONS_MAX, learn_row, &l, err);
	if (rc < 0) {
		lessons_free(l.lessons);
		return rc;
	}
	rollout_learn(f->state, l.lessons);
	return 0;
}

static size_t spread_rows(const struct lessons *lessons,
			  struct store_lesson *rows)
{
	size_t n = 0;

	for (size_t i = 0; i < lessons_count(lessons); i++) {
		struct spread_prior level[LEVEL_N];
		const char *route = lessons_get(lessons, i, level);

		for (uint32_t p = 0; p < LEVEL_N; p++) {
			double s2 = fmin(level[p].s2, VARIANCE_MOST);

			if (level[p].df < 1.0)
				continue;
			rows[n++] = (struct store_lesson){
				.kind = STORE_LESSON_SPREAD,
				.subject = route,
				.level = p,
				.value = llround(s2 * VARIANCE_UNIT),
				.df = (uint32_t)level[p].df,
			};
		}
	}
	return n;
}

/* The largest first. */
static int by_value(const void *a, const void *b)
{
	const struct store_lesson *x = a;
	const struct store_lesson *y = b;

	return (x->value < y->value) - (x->value > y->value);
}

static size_t function_rows(const struct lessons *lessons,
			    struct store_lesson *rows)
{
	size_t n = lessons_n_functions(lessons);

	for (size_t i = 0; i < n; i++) {
		double share;

		rows[i] = (struct store_lesson){
			.kind = STORE_LESSON_FUNCTION,
			.subject = lessons_get_function(lessons, i, &share),
		};
		rows[i].value = llround(share * SHARE_UNIT);
	}
	qsort(rows, n, sizeof(*rows), by_value);
	return n < LESSON_FUNCTIONS_MAX ? n : LESSON_FUNCTIONS_MAX;
}

int fold_teach(const struct fold *f, struct err *err)
{
	struct lessons *lessons = NULL;
	struct store_lesson *rows = NULL;
	size_t n;
	int rc = lessons_new(&lessons);

	if (rc == 0)
		rc = rollout_teach(f->state, lessons);
	if (rc < 0)
		goto out;
	rows = calloc(LEVEL_N * lessons_count(lessons) +
			      lessons_n_functions(lessons) + 1,
		      sizeof(*rows));
	if (!rows) {
		rc = -ENOMEM;
		goto out;
	}
	n = spread_rows(lessons, rows);
	n += function_rows(lessons, rows + n);
	rc = store_put_lessons(f->store, f->meta.rollout_id, rows, n, err);
out:
	free(rows);
	lessons_free(lessons);
	return rc;
}
