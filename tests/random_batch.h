/* SPDX-License-Identifier: Apache-2.0 */
/* random_batch - batches that keep every promise of common/batch.h. */
#ifndef TESTS_RANDOM_BATCH_H
#define TESTS_RANDOM_BATCH_H

#include <stdint.h>

struct arena;
struct batch;
struct rng;

/*
 * A batch of up to size strings, series, slow requests, paths and threads
 * each.  arena owns it; NULL if that is too small.
 */
struct batch *random_batch(struct rng *rng, uint32_t size, struct arena *arena);

#endif /* TESTS_RANDOM_BATCH_H */
