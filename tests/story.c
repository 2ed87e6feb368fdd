/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/story.h"

#include <stdio.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch.h"
#include "stats/hist.h"
#include "stats/rng.h"

enum { N_ROUTES = 3, N_PATHS = 9, BUCKETS_MAX = 4300 };

static const char *const strings[] = {
	"GET /orders/{}",
	"POST /orders",
	"GET /\"><script>alert(1)</script>/{}",
	"io.netty.channel.epoll.EpollEventLoop.run",
	"shop.orders.OrderRoutes.get",
	"kotlinx.serialization.json.Json.encodeToString",
	"shop.orders.Money<T>::format(const char *) & co",
	"shop.orders.Database.load",
	"shop.orders.LegacyCache.lookup",
	"</title><script>alert('x')</script>",
	"java.lang.String.concat",
	"http://evil.example/x.js",
};

/* A tree: parents, functions (into strings), and what each cohort spends. */
static const struct {
	int32_t parent;
	uint32_t function;
	uint32_t weight[2]; /* baseline, canary */
} paths[N_PATHS] = {
	{ BATCH_NO_PARENT, 3, { 40, 40 } },
	{ 0, 4, { 60, 60 } },
	{ 1, 5, { 200, 210 } },
	{ 2, 6, { 0, 300 } },
	{ 1, 7, { 150, 150 } },
	{ 1, 8, { 120, 0 } },
	{ 2, 9, { 80, 85 } },
	{ 6, 10, { 90, 90 } },
	{ 0, 11, { 30, 30 } },
};

/* Median 12 ms with a long tail; one in thirty of the canary's is slower. */
static uint64_t draw_ns(const struct story *s, struct rng *rng, bool slow)
{
	uint64_t ns = 8000000 + rng_next(rng) % 8000000;

	if (rng_next(rng) % 20 == 0)
		ns += rng_next(rng) % 30000000;
	if (slow && rng_next(rng) % 30 == 0)
		ns += s->slow_ns;
	return ns;
}

static bool fill_series(const struct story *s, struct batch_series *to,
			uint32_t route, bool slow, struct rng *rng,
			struct arena *arena)
{
	uint64_t *all = arena_alloc(arena, BUCKETS_MAX * sizeof(*all));
	uint32_t *bucket;
	uint64_t *count;

	if (!all)
		return false;
	for (uint32_t i = 0; i < s->n_requests; i++)
		all[hist_bucket(draw_ns(s, rng, slow))]++;
	for (uint32_t i = 0; i < BUCKETS_MAX; i++)
		to->n += all[i] > 0;
	bucket = arena_alloc(arena, to->n * sizeof(*bucket));
	count = arena_alloc(arena, to->n * sizeof(*count));
	if (!bucket || !count)
		return false;
	to->route = route;
	to->kind = LATENCY_TOTAL;
	to->status = STATUS_2XX;
	to->bucket = bucket;
	to->count = count;
	for (uint32_t i = 0; i < BUCKETS_MAX; i++) {
		if (all[i] == 0)
			continue;
		*bucket++ = i;
		*count++ = all[i];
	}
	return true;
}

static bool fill_profile(struct batch_profile *to, bool canary, struct rng *rng,
			 struct arena *arena)
{
	int32_t *parent = arena_alloc(arena, N_PATHS * sizeof(*parent));
	uint32_t *function = arena_alloc(arena, N_PATHS * sizeof(*function));
	uint64_t *self_ns = arena_alloc(arena, N_PATHS * sizeof(*self_ns));

	if (!parent || !function || !self_ns)
		return false;
	to->kind = PROFILE_CPU;
	to->group = PROFILE_APP;
	to->period_ns = 10000000;
	to->n = N_PATHS;
	to->parent = parent;
	to->function = function;
	to->self_ns = self_ns;
	for (int i = 0; i < N_PATHS; i++) {
		uint64_t weight = paths[i].weight[canary];
		uint64_t n = (weight + rng_next(rng) % 20) / 10;

		if (weight == 0)
			n = 0;
		parent[i] = paths[i].parent;
		function[i] = paths[i].function;
		self_ns[i] = n * to->period_ns;
		to->n_samples += n;
	}
	return true;
}

static void name_batch(const struct story *s, struct batch *b, bool canary,
		       uint32_t instance, uint32_t window, char *name)
{
	snprintf(name, 32, "%s-%u", canary ? "canary" : "baseline", instance);
	b->service = "orders";
	b->revision = canary ? "v2" : "v1";
	b->instance = name;
	b->stream_id = 1 + instance + (canary ? 1000 : 0);
	b->seq = window;
	b->from_ms = s->begin_ms + (int64_t)window * STORY_WINDOW_MS;
	b->to_ms = b->from_ms + STORY_WINDOW_MS;
	b->started_ms = s->begin_ms - 600000;
	b->n_requests_before = 100000;
	b->hooks = "tp_btf";
	b->collector = "story 1";
	b->name_rules = 1;
	b->route_rules = 1;
	b->basis = LATENCY_TOTAL;
	b->refused_code = "";
	b->n_events = 4 * N_ROUTES * s->n_requests;
	b->n_frames = 1000;
	b->n_unsymbolised = 20;
}

struct batch *story_batch(const struct story *s, bool canary, uint32_t instance,
			  uint32_t window, struct arena *arena)
{
	struct rng rng = { .state = instance * 7919 + window * 104729 +
				    (canary ? 1 : 0) };
	struct batch *b = arena_alloc(arena, sizeof(*b));
	char *name = arena_alloc(arena, 32);
	struct batch_series *series =
		arena_alloc(arena, N_ROUTES * sizeof(*series));
	struct batch_profile *profile = arena_alloc(arena, sizeof(*profile));

	if (!b || !name || !series || !profile)
		return NULL;
	name_batch(s, b, canary, instance, window, name);
	for (uint32_t i = 0; i < N_ROUTES; i++)
		if (!fill_series(s, &series[i], i, canary && i == 0, &rng,
				 arena))
			return NULL;
	if (!fill_profile(profile, canary, &rng, arena))
		return NULL;
	b->n_strings = sizeof(strings) / sizeof(strings[0]);
	b->strings = strings;
	b->n_series = N_ROUTES;
	b->series = series;
	b->n_profiles = 1;
	b->profiles = profile;
	return b;
}
