/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/random_batch.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/limits.h"
#include "stats/rng.h"

/* A number below n, which is at least 1. */
static uint32_t below(struct rng *rng, uint32_t n)
{
	return (uint32_t)(rng_next(rng) % n);
}

/* A number of up to max in which every size is as likely as any other. */
static uint64_t any_size(struct rng *rng, uint64_t max)
{
	return (rng_next(rng) >> (rng_next(rng) % 64)) % (max + 1);
}

static const char *text_new(struct arena *arena, const char *text)
{
	char *copy = arena_alloc(arena, strlen(text) + 1);

	if (copy)
		memcpy(copy, text, strlen(text) + 1);
	return copy;
}

static int strings_fill(struct batch *b, struct rng *rng, uint32_t size,
			struct arena *arena)
{
	const char **strings;

	b->n_strings = 1 + below(rng, size);
	strings = arena_alloc(arena, b->n_strings * sizeof(strings[0]));
	if (!strings)
		return -1;
	for (uint32_t i = 0; i < b->n_strings; i++) {
		char room[LIMIT_STRING_BYTES + 1];
		uint32_t len = below(rng, 200);

		/* the index makes it distinct, the rest gives it length */
		snprintf(room, sizeof(room), "GET /\xc3\xbc/%" PRIu32 "/%.*s",
			 i, (int)len,
			 "ordersordersordersordersordersordersordersorders"
			 "ordersordersordersordersordersordersordersorders"
			 "ordersordersordersordersordersordersordersorders"
			 "ordersordersordersordersordersordersordersorders");
		strings[i] = text_new(arena, room);
		if (!strings[i])
			return -1;
	}
	b->strings = strings;
	return 0;
}

static int buckets_fill(struct batch_series *s, struct rng *rng,
			struct arena *arena)
{
	uint32_t n_most = 1 + below(rng, 40);
	uint32_t *bucket = arena_alloc(arena, n_most * sizeof(bucket[0]));
	uint64_t *count = arena_alloc(arena, n_most * sizeof(count[0]));
	uint32_t at = below(rng, 200);

	if (!bucket || !count)
		return -1;
	s->bucket = bucket;
	s->count = count;
	for (; s->n < n_most && at < LIMIT_GRID_BUCKETS; s->n++) {
		bucket[s->n] = at;
		count[s->n] = 1 + any_size(rng, 1 << 20);
		at += 1 + below(rng, 200);
	}
	return 0;
}

static int series_fill(struct batch *b, struct rng *rng, uint32_t size,
		       struct arena *arena)
{
	uint32_t most = b->n_strings * LATENCY_KIND_N * STATUS_N;
	uint32_t step = 1 + below(rng, 40);
	struct batch_series *series =
		arena_alloc(arena, size * sizeof(series[0]));

	if (!series)
		return -1;
	b->series = series;
	/* each (route, kind, status) is one number, and they ascend */
	for (uint32_t at = below(rng, step); at < most && b->n_series < size;
	     at += step) {
		struct batch_series *s = &series[b->n_series];

		s->route = at / (LATENCY_KIND_N * STATUS_N);
		s->kind = (enum latency_kind)(at / STATUS_N % LATENCY_KIND_N);
		s->status = (enum status_class)(at % STATUS_N);
		if (buckets_fill(s, rng, arena) < 0)
			return -1;
		b->n_series++;
	}
	return 0;
}

static int slow_fill(struct batch *b, struct rng *rng, uint32_t size,
		     struct arena *arena)
{
	struct batch_slow *slow = arena_alloc(arena, size * sizeof(slow[0]));

	if (!slow)
		return -1;
	b->slow = slow;
	b->n_slow = below(rng, size);
	for (uint32_t i = 0; i < b->n_slow; i++) {
		slow[i].route = below(rng, b->n_strings);
		slow[i].status = (enum status_class)below(rng, STATUS_N);
		slow[i].at_ms = (int64_t)any_size(rng, LIMIT_TIME_MS);
		slow[i].total_ns = any_size(rng, LIMIT_NUMBER);
		slow[i].service_ns = any_size(rng, LIMIT_NUMBER);
		slow[i].queue_ns = any_size(rng, LIMIT_NUMBER);
	}
	return 0;
}

static int paths_fill(struct batch_profile *p, struct rng *rng, uint32_t size,
		      uint32_t n_strings, struct arena *arena)
{
	int32_t *parent = arena_alloc(arena, size * sizeof(parent[0]));
	uint32_t *function = arena_alloc(arena, size * sizeof(function[0]));
	uint64_t *self_ns = arena_alloc(arena, size * sizeof(self_ns[0]));

	if (!parent || !function || !self_ns)
		return -1;
	p->n = below(rng, size);
	for (uint32_t i = 0; i < p->n; i++) {
		parent[i] = (int32_t)below(rng, i + 1) - 1;
		function[i] = below(rng, n_strings);
		self_ns[i] = any_size(rng, UINT64_C(1) << 30);
	}
	p->parent = parent;
	p->function = function;
	p->self_ns = self_ns;
	return 0;
}

static int profiles_fill(struct batch *b, struct rng *rng, uint32_t size,
			 struct arena *arena)
{
	struct batch_profile *p =
		arena_alloc(arena, PROFILE_GROUP_N * sizeof(p[0]));

	if (!p)
		return -1;
	b->profiles = p;
	b->n_profiles = below(rng, PROFILE_GROUP_N + 1);
	for (uint32_t i = 0; i < b->n_profiles; i++) {
		p[i].kind = (enum profile_kind)below(rng, PROFILE_KIND_N);
		p[i].group = (enum profile_group)i;
		p[i].n_samples = any_size(rng, 1 << 20);
		p[i].period_ns = any_size(rng, 20408163);
		if (paths_fill(&p[i], rng, size, b->n_strings, arena) < 0)
			return -1;
	}
	return 0;
}

static int threads_fill(struct batch *b, struct rng *rng, uint32_t size,
			struct arena *arena)
{
	struct batch_thread *t = arena_alloc(arena, size * sizeof(t[0]));

	if (!t)
		return -1;
	b->threads = t;
	b->n_threads = below(rng, size);
	for (uint32_t i = 0; i < b->n_threads; i++) {
		t[i].name = below(rng, b->n_strings);
		t[i].group = (enum profile_group)below(rng, PROFILE_GROUP_N);
		t[i].cpu_ns = any_size(rng, UINT64_C(1) << 38);
	}
	return 0;
}

static void fields_fill(struct batch *b, struct rng *rng)
{
	int64_t window_ms = 1000 * (1 + (int64_t)below(rng, 60));

	b->service = "team/orders";
	b->revision = below(rng, 2) ? "1.4.2+build.7" : "5c9f8d7b6f";
	b->instance = "orders-5c9f8d7b6f-x2x7z";
	b->stream_id = rng_next(rng);
	b->seq = any_size(rng, LIMIT_NUMBER);
	b->from_ms = (int64_t)below(rng, 1 << 30) * window_ms;
	b->to_ms = b->from_ms + window_ms;
	b->started_ms = (int64_t)any_size(rng, LIMIT_TIME_MS);
	b->n_requests_before = any_size(rng, LIMIT_NUMBER);
	b->hooks = below(rng, 2) ? "tp_btf" : "fexit";
	b->collector = "tailgate-collector 0.1.0";
	b->name_rules = (uint32_t)any_size(rng, UINT32_MAX);
	b->route_rules = (uint32_t)any_size(rng, UINT32_MAX);
	b->basis = below(rng, 2) ? LATENCY_TOTAL : LATENCY_SERVICE;
	for (int i = 0; i < LOSS_N; i++)
		b->lost[i] = below(rng, 2) ? any_size(rng, LIMIT_NUMBER) : 0;
	b->n_events = any_size(rng, LIMIT_NUMBER);
	b->n_unsymbolised = any_size(rng, LIMIT_NUMBER);
	b->n_frames = any_size(rng, LIMIT_NUMBER);
	b->refused_code = below(rng, 2) ? "" : "DUPLICATE_COLLECTOR";
}

struct batch *random_batch(struct rng *rng, uint32_t size, struct arena *arena)
{
	struct batch *b = arena_alloc(arena, sizeof(*b));

	if (!b)
		return NULL;
	fields_fill(b, rng);
	if (strings_fill(b, rng, size, arena) < 0 ||
	    series_fill(b, rng, size, arena) < 0 ||
	    slow_fill(b, rng, size, arena) < 0 ||
	    profiles_fill(b, rng, size, arena) < 0 ||
	    threads_fill(b, rng, size, arena) < 0)
		return NULL;
	return b;
}
