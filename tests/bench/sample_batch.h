/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sample_batch - batches of any size, filled with plausible numbers, for
 * benchmarks of what handles them.
 */
#ifndef TESTS_BENCH_SAMPLE_BATCH_H
#define TESTS_BENCH_SAMPLE_BATCH_H

#include <stdint.h>

struct batch;
struct sample_batch;
struct strtab;

struct sample_size {
	uint32_t n_routes;
	uint32_t n_requests; /* of each route */
	uint32_t n_paths;
	uint32_t n_samples; /* spread over the paths */
};

/* Make room for a batch of this size.  Ends the program without memory. */
struct sample_batch *sample_batch_new(const struct sample_size *size);
void sample_batch_free(struct sample_batch *s);

/*
 * Fill it anew for one instance and window and lend it until the next fill.
 *
 *   canary    on which side the instance is
 *   instance  its number on that side
 *   window    its number; windows are 10 s, the first begins at 1,000,000 s
 */
const struct batch *sample_batch_fill(struct sample_batch *s, int canary,
				      uint32_t instance, uint32_t window);

/* Number its strings as batch_decode_named() would, until the next fill. */
void sample_batch_number(struct sample_batch *s, struct strtab *names);

#endif /* TESTS_BENCH_SAMPLE_BATCH_H */
