/* SPDX-License-Identifier: Apache-2.0 */
/*
 * story - the batches of a rollout that ends as told: three routes, two of
 * them alike in both cohorts, and one whose tail is slower in the canary,
 * with a call path that is new there and one that is gone.
 *
 * Names are chosen to hurt whoever forgets to escape them.
 */
#ifndef TESTS_STORY_H
#define TESTS_STORY_H

#include <stdbool.h>
#include <stdint.h>

struct arena;
struct batch;

enum { STORY_WINDOW_MS = 2000 };

struct story {
	uint32_t n_requests; /* of one instance, window and route */
	uint64_t slow_ns;    /* what the canary's slow requests take longer */
	int64_t begin_ms;    /* of window 0; a multiple of the window */
};

/* One instance's batch of one window; arena owns it; NULL if too small. */
struct batch *story_batch(const struct story *s, bool canary, uint32_t instance,
			  uint32_t window, struct arena *arena);

#endif /* TESTS_STORY_H */
