/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tally - the latencies of one instance in one block, sparse: what a window
 * brings is a few hundred buckets of the common grid, looked up many times.
 *
 * Filled in any order, sealed once, then asked.  The order of filling does
 * not matter.  One owner.
 */
#ifndef STATS_TALLY_H
#define STATS_TALLY_H

#include <stdbool.h>
#include <stdint.h>

struct hist;

struct tally {
	uint32_t n; /* entries; after tally_seal() distinct and ascending */
	uint32_t room;
	uint32_t *bucket;
	uint64_t *count; /* of this bucket */
	uint64_t *above; /* sealed: of this bucket and all that follow */
	uint64_t total;
	bool ascends; /* strictly, as it was added */
};

/* Count count[i] observations of bucket[i], i below n.  Returns 0 or -ENOMEM.
 */
int tally_add(struct tally *t, const uint32_t *bucket, const uint64_t *count,
	      uint32_t n);

/* Sort and sum up.  Nothing may be added until tally_reset(). */
void tally_seal(struct tally *t);

/* Observations in buckets above this one; t is sealed.  Asked a lot: inline. */
static inline uint64_t tally_above(const struct tally *t, uint32_t bucket)
{
	uint32_t lo = 0;
	uint32_t hi = t->n;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (t->bucket[mid] > bucket)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo < t->n ? t->above[lo] : 0;
}

/*
 * Add all of t, which is sealed, to a histogram.  Returns as hist_add_bucket().
 */
int tally_pour(const struct tally *t, struct hist *h);

/* Empty t and keep its memory; release it. */
void tally_reset(struct tally *t);
void tally_release(struct tally *t);

#endif /* STATS_TALLY_H */
