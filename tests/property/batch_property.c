/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch: what must hold for any batch, and for any bytes that were one.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "common/batch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/limits.h"
#include "stats/hist.h"
#include "stats/rng.h"
#include "tests/random_batch.h"
#include "tests/test.h"

enum { ROUNDS = 200, CUTS = 60 };

static bool same_array(const void *a, const void *b, size_t n, size_t size)
{
	return n == 0 || memcmp(a, b, n * size) == 0;
}

static bool same_series(const struct batch_series *a,
			const struct batch_series *b)
{
	return a->route == b->route && a->kind == b->kind &&
	       a->status == b->status && a->n == b->n &&
	       same_array(a->bucket, b->bucket, a->n, sizeof(a->bucket[0])) &&
	       same_array(a->count, b->count, a->n, sizeof(a->count[0]));
}

static bool same_slow(const struct batch_slow *a, const struct batch_slow *b)
{
	return a->route == b->route && a->status == b->status &&
	       a->at_ms == b->at_ms && a->total_ns == b->total_ns &&
	       a->service_ns == b->service_ns && a->queue_ns == b->queue_ns;
}

static bool same_profile(const struct batch_profile *a,
			 const struct batch_profile *b)
{
	return a->kind == b->kind && a->group == b->group &&
	       a->n_samples == b->n_samples && a->period_ns == b->period_ns &&
	       a->n == b->n &&
	       same_array(a->parent, b->parent, a->n, sizeof(a->parent[0])) &&
	       same_array(a->function, b->function, a->n,
			  sizeof(a->function[0])) &&
	       same_array(a->self_ns, b->self_ns, a->n, sizeof(a->self_ns[0]));
}

static bool same_fields(const struct batch *a, const struct batch *b)
{
	return strcmp(a->service, b->service) == 0 &&
	       strcmp(a->revision, b->revision) == 0 &&
	       strcmp(a->instance, b->instance) == 0 &&
	       a->stream_id == b->stream_id && a->seq == b->seq &&
	       a->from_ms == b->from_ms && a->to_ms == b->to_ms &&
	       a->started_ms == b->started_ms &&
	       a->n_requests_before == b->n_requests_before &&
	       strcmp(a->hooks, b->hooks) == 0 &&
	       strcmp(a->collector, b->collector) == 0 &&
	       a->name_rules == b->name_rules &&
	       a->route_rules == b->route_rules && a->basis == b->basis &&
	       memcmp(a->lost, b->lost, sizeof(a->lost)) == 0 &&
	       a->n_events == b->n_events &&
	       a->n_unsymbolised == b->n_unsymbolised &&
	       a->n_frames == b->n_frames &&
	       strcmp(a->refused_code, b->refused_code) == 0;
}

/* Field by field: the oracle knows nothing of protobuf. */
static bool same(const struct batch *a, const struct batch *b)
{
	if (!same_fields(a, b) || a->n_strings != b->n_strings ||
	    a->n_series != b->n_series || a->n_slow != b->n_slow ||
	    a->n_profiles != b->n_profiles || a->n_threads != b->n_threads)
		return false;
	for (uint32_t i = 0; i < a->n_strings; i++)
		if (strcmp(a->strings[i], b->strings[i]) != 0)
			return false;
	for (uint32_t i = 0; i < a->n_series; i++)
		if (!same_series(&a->series[i], &b->series[i]))
			return false;
	for (uint32_t i = 0; i < a->n_slow; i++)
		if (!same_slow(&a->slow[i], &b->slow[i]))
			return false;
	for (uint32_t i = 0; i < a->n_profiles; i++)
		if (!same_profile(&a->profiles[i], &b->profiles[i]))
			return false;
	for (uint32_t i = 0; i < a->n_threads; i++)
		if (a->threads[i].name != b->threads[i].name ||
		    a->threads[i].group != b->threads[i].group ||
		    a->threads[i].cpu_ns != b->threads[i].cpu_ns)
			return false;
	return true;
}

static void a_batch_survives_its_way_out_and_back(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		uint32_t size = 1 + (uint32_t)(rng_next(&rng) % 300);
		struct arena *mine = NULL;
		struct arena *theirs = NULL;
		struct batch *b;
		struct batch *back = NULL;
		struct err err = { "" };
		void *bytes = NULL;
		void *again = NULL;
		size_t len;
		size_t again_len;

		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &mine, NULL), 0);
		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &theirs, NULL), 0);
		b = random_batch(&rng, size, mine);
		CHECK(b != NULL);
		CHECK_EQ(batch_encode(b, &bytes, &len, &err), 0);
		CHECK_EQ(batch_decode(bytes, len, theirs, &back, &err), 0);
		CHECK(same(b, back));
		CHECK_EQ(batch_encode(back, &again, &again_len, &err), 0);
		CHECK(len == again_len && memcmp(bytes, again, len) == 0);
		free(again);
		free(bytes);
		arena_free(theirs);
		arena_free(mine);
	}
}

/* Cut short or with one bit changed: refused, with a reason, whole. */
static void damaged_bytes_are_refused(void)
{
	struct rng rng = { .state = test_seed() };
	struct arena *mine = NULL;
	struct batch *b;
	uint8_t *bytes = NULL;
	size_t len;

	CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &mine, NULL), 0);
	b = random_batch(&rng, 50, mine);
	CHECK_EQ(batch_encode(b, (void **)&bytes, &len, NULL), 0);
	for (int i = 0; i < CUTS; i++) {
		struct arena *arena = NULL;
		struct batch *back = NULL;
		struct err err = { "" };
		size_t cut = (size_t)(rng_next(&rng) % len);
		int rc;

		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
		CHECK_EQ(batch_decode(bytes, cut, arena, &back, &err),
			 -EBADMSG);
		CHECK(!back && err.text[0] != '\0');
		err.text[0] = '\0';
		bytes[cut] ^= 1;
		rc = batch_decode(bytes, len, arena, &back, &err);
		bytes[cut] ^= 1;
		/* the header has two bits that change nothing */
		CHECK(rc == 0 || (!back && err.text[0] != '\0'));
		CHECK(rc == 0 || rc == -EBADMSG || rc == -EMSGSIZE);
		arena_free(arena);
	}
	free(bytes);
	arena_free(mine);
}

static void the_grid_of_batches_is_the_grid_of_histograms(void)
{
	CHECK_EQ(hist_bucket(HIST_MAX_NS) + 1, LIMIT_GRID_BUCKETS);
}

const struct test_case test_cases[] = {
	{ "batch: a batch survives its way out and back",
	  a_batch_survives_its_way_out_and_back },
	{ "batch: damaged bytes are refused", damaged_bytes_are_refused },
	{ "batch: the grid of batches is the grid of histograms",
	  the_grid_of_batches_is_the_grid_of_histograms },
	{ NULL, NULL },
};
