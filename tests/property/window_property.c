/* SPDX-License-Identifier: Apache-2.0 */
/*
 * window: a batch has every request of its window under route, kind and
 * status, as counted by the slowest way there is, and the slowest of them.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "collector/window.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/sparse.h"
#include "common/arena.h"
#include "common/limits.h"
#include "stats/hist.h"
#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 60, N_MAX = 3000 };

struct sample {
	struct window_request r;
	char route[16];
};

static struct sample samples[N_MAX];

/* The time of a kind, or 0 where it is not counted. */
static uint64_t ns_of(const struct window_request *r, size_t kind)
{
	bool unanswered = r->status == STATUS_UNANSWERED;

	if (kind == LATENCY_SERVICE)
		return r->service_ns;
	if (r->total_ns == 0)
		return 0;
	return kind == LATENCY_TOTAL ? r->total_ns
	       : unanswered	     ? 0
				     : r->queue_ns;
}

static void draw(struct rng *rng, struct sample *s, unsigned int n_routes)
{
	unsigned int shift = (unsigned int)(rng_next(rng) % 30);

	snprintf(s->route, sizeof(s->route), "GET /%u",
		 (unsigned int)(rng_next(rng) % n_routes));
	s->r.route = s->route;
	s->r.status = (enum status_class)(rng_next(rng) % STATUS_N);
	s->r.at_ms = (int64_t)(rng_next(rng) % 10000);
	s->r.queue_ns = 1 + (rng_next(rng) % HIST_MAX_NS >> shift);
	s->r.service_ns = 1 + (rng_next(rng) % HIST_MAX_NS >> shift);
	s->r.total_ns =
		rng_next(rng) % 8 == 0 ? 0 : s->r.queue_ns + s->r.service_ns;
}

/* How many of n belong into this bucket, asked of each. */
static uint64_t expected(size_t n, const char *route, size_t kind,
			 enum status_class status, uint32_t bucket)
{
	uint64_t count = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t ns = ns_of(&samples[i].r, kind);

		if (ns > HIST_MAX_NS)
			ns = HIST_MAX_NS;
		count += ns != 0 && samples[i].r.status == status &&
			 strcmp(samples[i].route, route) == 0 &&
			 hist_bucket(ns) == bucket;
	}
	return count;
}

static uint64_t slowest(size_t n)
{
	uint64_t most = 0;

	for (size_t i = 0; i < n; i++) {
		const struct window_request *r = &samples[i].r;
		uint64_t ns = r->total_ns ? r->total_ns : r->service_ns;

		most = ns > most ? ns : most;
	}
	return most;
}

static bool matches(const struct batch *b, size_t n)
{
	uint64_t counted[LATENCY_KIND_N] = { 0 };
	uint64_t want[LATENCY_KIND_N] = { 0 };

	for (size_t i = 0; i < b->n_series; i++) {
		const struct batch_series *s = &b->series[i];

		for (uint32_t j = 0; j < s->n; j++) {
			counted[s->kind] += s->count[j];
			if (s->count[j] != expected(n, b->strings[s->route],
						    s->kind, s->status,
						    s->bucket[j]))
				return false;
		}
	}
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < LATENCY_KIND_N; k++)
			want[k] += ns_of(&samples[i].r, k) != 0;
	for (size_t i = 1; i < b->n_slow; i++) {
		const struct batch_slow *x = &b->slow[i - 1];
		const struct batch_slow *y = &b->slow[i];

		if ((x->total_ns ? x->total_ns : x->service_ns) <
		    (y->total_ns ? y->total_ns : y->service_ns))
			return false;
	}
	return memcmp(counted, want, sizeof(want)) == 0;
}

static void a_batch_has_what_was_added(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		struct sparse_pool pool = { .max = LIMIT_OCTAVES };
		size_t n = 1 + rng_next(&rng) % (round < 50 ? 200 : N_MAX);
		struct arena *arena = NULL;
		struct window *w = NULL;
		struct batch b = { .service = NULL };

		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
		CHECK_EQ(window_new(&pool, &w, NULL), 0);
		for (size_t i = 0; i < n; i++) {
			draw(&rng, &samples[i], 1 + (unsigned int)round);
			window_add(w, &samples[i].r);
		}
		CHECK_EQ(window_fill(w, arena, &b, NULL), 0);
		CHECK(matches(&b, n));
		CHECK_EQ(b.slow[0].total_ns ? b.slow[0].total_ns
					    : b.slow[0].service_ns,
			 slowest(n));
		CHECK_EQ(b.lost[LOSS_ROUTES_FULL], 0);
		CHECK_EQ(b.lost[LOSS_NO_MEMORY], 0);
		window_free(w);
		arena_free(arena);
		CHECK_EQ(pool.used, 0);
	}
}

static void what_is_too_much_is_counted(void)
{
	struct rng rng = { .state = test_seed() };
	struct sparse_pool pool = { .max = 500 };
	struct arena *arena = NULL;
	struct window *w = NULL;
	struct batch b = { .service = NULL };
	uint64_t n_other = 0;
	size_t n_missing = 0;

	CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
	CHECK_EQ(window_new(&pool, &w, NULL), 0);
	for (size_t i = 0; i < N_MAX; i++) {
		draw(&rng, &samples[i], 1000);
		window_add(w, &samples[i].r);
	}
	CHECK_EQ(window_fill(w, arena, &b, NULL), 0);
	CHECK_EQ(b.n_strings, LIMIT_WINDOW_ROUTES + 1);
	CHECK(b.lost[LOSS_ROUTES_FULL] > 0);
	n_missing = N_MAX;
	for (size_t i = 0; i < b.n_series; i++) {
		const struct batch_series *s = &b.series[i];

		if (s->kind != LATENCY_SERVICE)
			continue;
		for (uint32_t j = 0; j < s->n; j++) {
			n_missing -= s->count[j];
			if (strcmp(b.strings[s->route], "{other}") == 0)
				n_other += s->count[j];
		}
	}
	CHECK(n_other <= b.lost[LOSS_ROUTES_FULL]);
	CHECK(n_missing <= b.lost[LOSS_NO_MEMORY]);
	CHECK(pool.used <= pool.max);
	window_free(w);
	arena_free(arena);
	CHECK_EQ(pool.used, 0);
}

const struct test_case test_cases[] = {
	{ "window: a batch has what was added", a_batch_has_what_was_added },
	{ "window: what is too much is counted", what_is_too_much_is_counted },
	{ NULL, NULL },
};
