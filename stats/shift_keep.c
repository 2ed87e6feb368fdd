/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shift_keep - what later blocks and the report need of a block: the rounds,
 * tau's trailing blocks, what each instance did, and the cohorts' latencies
 * set side by side.  shift.c bets; nothing here does.
 */
#include "stats/shift.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hist.h"
#include "stats/shift_state.h"
#include "stats/standard.h"
#include "stats/tally.h"

/* Room for one more round, the oldest half leaving if there are too many. */
static int rows_reserve(struct shift *s)
{
	struct shift_row *rows;
	size_t room;

	if (s->n_rows < s->rows_room)
		return 0;
	if (s->n_rows >= ROWS_MAX) {
		size_t drop = s->n_rows / 2;

		s->row_before = s->rows[drop - 1];
		s->n_rows -= drop;
		s->row_base += (uint32_t)drop;
		memmove(s->rows, s->rows + drop,
			s->n_rows * sizeof(s->rows[0]));
		return 0;
	}
	room = s->rows_room ? 2 * s->rows_room : 32;
	rows = realloc(s->rows, room * sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	s->rows = rows;
	s->rows_room = room;
	return 0;
}

/* Note what had been gathered after a round; rounds it missed are alike. */
int shift_keep_row(struct shift *s, uint32_t round)
{
	struct shift_row row;

	memcpy(row.t, s->null[SHIFT_LIMIT], sizeof(s->null[SHIFT_LIMIT]));
	memcpy(row.t + METRIC_N, s->rise[SHIFT_LIMIT],
	       sizeof(s->rise[SHIFT_LIMIT]));
	if (s->n_rows == 0)
		s->row_base = round;
	while (s->row_base + s->n_rows <= round) {
		if (rows_reserve(s) < 0)
			return -ENOMEM;
		s->rows[s->n_rows] = s->row_base + s->n_rows == round ? row
				     : s->n_rows > 0 ? s->rows[s->n_rows - 1]
						     : s->row_before;
		s->n_rows++;
	}
	return 0;
}

/* A block with both cohorts joins what is shown of them. */
static int sides_push(struct shift *s, const struct shift_block_sum *b,
		      const struct hist *baseline)
{
	for (size_t i = 0; i < b->n_arms; i++) {
		const struct tally *t = b->arms[i].tally;

		for (uint32_t j = 0; b->arms[i].canary && j < t->n; j++)
			if (hist_add_bucket(s->canary, t->bucket[j],
					    tally_count(t, j)) < 0)
				return -ENOMEM;
	}
	return standard_add(s->baseline, baseline, b->n[1] / b->n[0]);
}

/* The baseline of the block joins tau's trailing ones, the oldest leaves. */
int shift_keep_recent(struct shift *s, const struct shift_block_sum *b)
{
	struct shift_recent *slot = &s->ring[s->ring_at];
	uint32_t at = 0;
	uint32_t bucket;
	uint64_t n;

	if (!slot->hist && hist_new(HIST_MAX_NS, &slot->hist) < 0)
		return -ENOMEM;
	while (hist_next(slot->hist, &at, &bucket, &n))
		(void)hist_remove_bucket(s->recent, bucket, n); /* was added */
	for (int k = 0; k < RATE_N; k++)
		s->n_recent_events[k] -= slot->n_events[k];
	hist_clear(slot->hist);
	memset(slot->n_events, 0, sizeof(slot->n_events));

	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];

		if (a->canary)
			continue;
		for (uint32_t j = 0; j < a->tally->n; j++)
			if (hist_add_bucket(slot->hist, a->tally->bucket[j],
					    tally_count(a->tally, j)) < 0)
				return -ENOMEM;
		for (int k = 0; k < RATE_N; k++)
			slot->n_events[k] += a->n_events[k];
	}
	if (hist_merge(s->recent, slot->hist) < 0)
		return -ENOMEM;
	for (int k = 0; k < RATE_N; k++)
		s->n_recent_events[k] += slot->n_events[k];
	s->ring_at = (s->ring_at + 1) % RECENT_N;
	return b->n[1] > 0.0 ? sides_push(s, b, slot->hist) : 0;
}

/*
 * Make room for slot.  A canary instance that comes late was left out of the
 * evidence until now, so its own copy without it begins as the evidence is.
 */
int shift_keep_slot(struct shift *s, const struct shift_arm *a)
{
	struct shift_instance *in;

	if (a->slot >= s->n_instances) {
		size_t n = a->slot + 16U;
		struct shift_instance **p =
			realloc(s->instances, n * sizeof(void *));

		if (!p)
			return -ENOMEM;
		memset(p + s->n_instances, 0,
		       (n - s->n_instances) * sizeof(void *));
		s->instances = p;
		s->n_instances = n;
	}
	if (s->instances[a->slot])
		return 0;
	in = calloc(1, sizeof(*in));
	if (!in)
		return -ENOMEM;
	if (hist_new(HIST_MAX_NS, &in->all) < 0) {
		free(in);
		return -ENOMEM;
	}
	memcpy(in->but, s->null[SHIFT_NONE], sizeof(in->but));
	s->instances[a->slot] = in;
	return 0;
}

int shift_keep_instances(struct shift *s, const struct shift_block_sum *b)
{
	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];
		struct shift_instance *in = s->instances[a->slot];

		for (uint32_t j = 0; j < a->tally->n; j++)
			if (hist_add_bucket(in->all, a->tally->bucket[j],
					    tally_count(a->tally, j)) < 0)
				return -ENOMEM;
		for (int k = 0; k < RATE_N; k++)
			in->n_events[k] += a->n_events[k];
	}
	return 0;
}
