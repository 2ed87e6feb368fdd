/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sparse - counts on the common grid (stats/hist.h) that cost what they use.
 *
 * The grid's 4,236 buckets are 33 octaves, of which the latencies of a route
 * touch three or four: an octave's counts are allocated when the first one
 * falls into it.  How many octaves all histograms of a collector may have
 * together is bounded by a pool.
 *
 * One owner at a time.
 */
#ifndef COLLECTOR_SPARSE_H
#define COLLECTOR_SPARSE_H

#include <stddef.h>
#include <stdint.h>

#include "common/limits.h"

enum {
	SPARSE_OCTAVE = 128, /* buckets of one octave of the grid */
	SPARSE_OCTAVES =
		(LIMIT_GRID_BUCKETS + SPARSE_OCTAVE - 1) / SPARSE_OCTAVE,
	SPARSE_OCTAVE_BYTES = 512, /* of memory that one costs */
};

/* What all histograms share; octaves that may be had and that are in use. */
struct sparse_pool {
	size_t max;
	size_t used;
};

struct sparse {
	uint32_t *octave[SPARSE_OCTAVES];
};

/*
 * Count one latency; one beyond the grid is clipped to HIST_MAX_NS.
 * Returns 0, or -ENOMEM, and it is not counted, when the pool is empty or the
 * machine has no memory.
 */
int sparse_add(struct sparse *s, struct sparse_pool *pool, uint64_t ns);

/* How many buckets are not empty. */
uint32_t sparse_used(const struct sparse *s);

/* Write those buckets and their counts, ascending; there is room for all. */
void sparse_list(const struct sparse *s, uint32_t *bucket, uint64_t *count);

/* Give every octave back; s is empty. */
void sparse_release(struct sparse *s, struct sparse_pool *pool);

#endif /* COLLECTOR_SPARSE_H */
