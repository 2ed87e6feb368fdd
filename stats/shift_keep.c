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

/* A generation that much slower than the next one was not yet warm. */
static const double GENERATION_SLOWER = 1.25;

int shift_keep_round(struct shift *s, uint32_t round)
{
	struct tilts now[ROW_N];

	memcpy(now, s->null[SHIFT_LIMIT], sizeof(s->null[SHIFT_LIMIT]));
	memcpy(now + METRIC_N, s->rise[SHIFT_LIMIT],
	       sizeof(s->rise[SHIFT_LIMIT]));
	return rounds_keep(&s->rounds, round, now);
}

/* The oldest of tau's trailing blocks leaves. */
static void recent_drop(struct shift *s)
{
	struct shift_recent *old = &s->ring[s->ring_first];
	uint32_t at = 0;
	uint32_t bucket;
	uint64_t n;

	while (hist_next(old->hist, &at, &bucket, &n))
		(void)hist_remove_bucket(s->recent, bucket, n); /* was added */
	for (int k = 0; k < RATE_N; k++)
		s->n_recent_events[k] -= old->n_events[k];
	hist_clear(old->hist);
	memset(old->n_events, 0, sizeof(old->n_events));
	s->ring_first = (s->ring_first + 1) % RECENT_N;
	s->n_ring--;
}

/*
 * Whatever is older than the newest RECENT_REQUESTS says nothing more of tau
 * and may be of a service that was another one: not yet warm, say.
 */
static void recent_trim(struct shift *s)
{
	while (s->n_ring > RECENT_LEAST &&
	       hist_count(s->recent) -
			       hist_count(s->ring[s->ring_first].hist) >=
		       RECENT_REQUESTS)
		recent_drop(s);
}

int shift_keep_recent(struct shift *s, const struct shift_block_sum *b)
{
	struct shift_recent *slot;

	if (s->n_ring == RECENT_N)
		recent_drop(s);
	slot = &s->ring[(s->ring_first + s->n_ring) % RECENT_N];
	if (!slot->hist && hist_new(HIST_MAX_NS, &slot->hist) < 0)
		return -ENOMEM;
	s->n_ring++;
	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];

		if (a->canary)
			continue;
		for (int k = 0; k < RATE_N; k++)
			slot->n_events[k] += a->n_events[k];
	}
	if (hist_merge(slot->hist, b->hist[0]) < 0 ||
	    hist_merge(s->recent, b->hist[0]) < 0 ||
	    hist_merge(s->pool, b->hist[0]) < 0)
		return -ENOMEM;
	for (int k = 0; k < RATE_N; k++)
		s->n_recent_events[k] += slot->n_events[k];
	recent_trim(s);
	if (b->n[1] == 0.0)
		return 0;
	/* a block with both cohorts joins what is shown of them */
	if (hist_merge(s->canary, b->hist[1]) < 0)
		return -ENOMEM;
	return standard_add(s->baseline, b->hist[0], b->n[1] / b->n[0]);
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
	s->instances[a->slot] = in;
	memcpy(in->but, s->null[SHIFT_NONE], sizeof(in->but));
	if (!a->canary && (hist_new(HIST_MAX_NS, &in->seen) < 0 ||
			   hist_new(HIST_MAX_NS, &in->before) < 0))
		return -ENOMEM;
	return 0;
}

/* An instance's generation is over; forget says whether what was before goes.
 */
static int instance_end(struct shift_instance *in, bool forget)
{
	uint32_t at = 0;
	uint32_t bucket;
	uint64_t n;

	while (forget && hist_next(in->before, &at, &bucket, &n))
		(void)hist_remove_bucket(in->seen, bucket, n); /* was added */
	hist_clear(in->before);
	if (hist_merge(in->before, in->seen) < 0)
		return -ENOMEM;
	if (forget) {
		memset(in->trace, 0, LEVEL_N * sizeof(in->trace[0]));
		memset(in->quantile, 0, sizeof(in->quantile));
	}
	for (int k = 0; k < RATE_N; k++) {
		in->n_events[k] -= forget ? in->n_events_before[k] : 0;
		in->n_events_before[k] = in->n_events[k];
	}
	return 0;
}

/*
 * A generation is over.  Where the service was much slower before it, what
 * was seen of how instances and counts vary was of a service that was not
 * warm, and is forgotten.  The pooled quantile decides, which hardly depends
 * on the spread: nothing is forgotten for being large.
 */
static int generation_end(struct shift *s)
{
	uint64_t before = 0;
	uint64_t now = 0;
	bool forget = hist_quantile(s->pool_before, 0.99, &before) == 0 &&
		      hist_quantile(s->pool, 0.99, &now) == 0 &&
		      (double)before > GENERATION_SLOWER * (double)now;

	for (size_t i = 0; i < s->n_instances; i++)
		if (s->instances[i] && s->instances[i]->seen &&
		    instance_end(s->instances[i], forget) < 0)
			return -ENOMEM;
	if (forget) {
		hist_clear(s->pool_before);
		memset(s->dispersion, 0, LEVEL_N * sizeof(s->dispersion[0]));
	}
	if (hist_merge(s->pool_before, s->pool) < 0)
		return -ENOMEM;
	hist_clear(s->pool);
	s->generation_blocks = 0;
	return 0;
}

/* Call for the memory that seen_add() of it and its quantiles take. */
static void seen_expect(const struct shift_instance *in, const struct tally *t)
{
	uint32_t at[LEVEL_N];

	for (int p = 0; p < LEVEL_N; p++)
		at[p] = in->quantile[p].bucket;
	hist_expect(in->seen, t->bucket, t->n);
	hist_expect(in->seen, at, LEVEL_N);
}

/* A block of the instance joins what was seen of it. */
static int seen_add(struct shift_instance *in, const struct tally *t)
{
	for (int p = 0; p < LEVEL_N; p++) {
		struct hist_cursor *c = &in->quantile[p];

		if (c->bucket > 0)
			c->below += t->total - tally_above(t, c->bucket - 1);
	}
	return tally_pour(t, in->seen);
}

int shift_keep_instances(struct shift *s, const struct shift_block_sum *b)
{
	uint32_t n_full = 0;

	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];
		struct shift_instance *in = s->instances[a->slot];

		if (i + 1 < b->n_arms && !b->arms[i + 1].canary)
			seen_expect(s->instances[b->arms[i + 1].slot],
				    b->arms[i + 1].tally);
		if (a->canary)
			continue;
		if (seen_add(in, a->tally) < 0)
			return -ENOMEM;
		for (int k = 0; k < RATE_N; k++)
			in->n_events[k] += a->n_events[k];
		n_full += hist_count(in->seen) - hist_count(in->before) >=
			  GENERATION_REQUESTS;
	}
	s->generation_full = 2 * n_full >= b->n_instances[0];
	return 0;
}

int shift_keep_generation(struct shift *s)
{
	s->generation_blocks++;
	if (s->generation_blocks < GENERATION_BLOCKS || !s->generation_full)
		return 0;
	return generation_end(s);
}
