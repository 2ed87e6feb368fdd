/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/sample_batch.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/strtab.h"
#include "stats/hist.h"
#include "stats/rng.h"

enum {
	WINDOW_MS = 10000,
	FIRST_MS = 1000000000,
	NAME_BYTES = 48,
	BUCKETS_MAX = 8192,
	/* the demonstration's service: 2,027 call paths of 454 functions,
	   whose names have 38 bytes on average */
	PATHS_PER_FUNCTION = 4,
};

struct sample_batch {
	struct sample_size size;
	struct rng rng;
	struct batch batch;
	char (*functions)[NAME_BYTES];
	char (*names)[NAME_BYTES]; /* as a decoder lays them out: in order */
	const char **strings;
	uint32_t *numbers; /* of strings */
	struct batch_series *series;
	uint32_t *buckets; /* n_requests of them for each route */
	uint64_t *counts;
	uint32_t histogram[BUCKETS_MAX];
	struct batch_profile profile;
	int32_t *parent; /* of a batch's nodes */
	uint32_t *function;
	uint64_t *self_ns;
	int32_t *node_of_path;	      /* in this batch; -1: not in it */
	uint32_t *string_of_function; /* 0: not in it */
	uint32_t n_nodes;
	uint32_t n_strings;
	char instance[NAME_BYTES];
};

static void *must_calloc(size_t n, size_t bytes)
{
	void *p = calloc(n ? n : 1, bytes);

	if (!p) {
		fprintf(stderr, "sample_batch: no memory\n");
		exit(1);
	}
	return p;
}

static uint32_t n_functions(const struct sample_size *size)
{
	return (size->n_paths + PATHS_PER_FUNCTION - 1) / PATHS_PER_FUNCTION;
}

struct sample_batch *sample_batch_new(const struct sample_size *size)
{
	struct sample_batch *s = must_calloc(1, sizeof(*s));
	size_t n_strings = (size_t)size->n_routes + n_functions(size);
	size_t n_pairs = (size_t)size->n_routes * size->n_requests;

	s->size = *size;
	s->rng.state = 7;
	s->functions = must_calloc(n_functions(size), sizeof(s->names[0]));
	s->names = must_calloc(n_strings, sizeof(s->names[0]));
	s->strings = must_calloc(n_strings, sizeof(s->strings[0]));
	s->numbers = must_calloc(n_strings, sizeof(s->numbers[0]));
	s->series = must_calloc(size->n_routes, sizeof(s->series[0]));
	s->buckets = must_calloc(n_pairs, sizeof(s->buckets[0]));
	s->counts = must_calloc(n_pairs, sizeof(s->counts[0]));
	s->parent = must_calloc(size->n_paths, sizeof(s->parent[0]));
	s->function = must_calloc(size->n_paths, sizeof(s->function[0]));
	s->self_ns = must_calloc(size->n_paths, sizeof(s->self_ns[0]));
	s->node_of_path = must_calloc(size->n_paths, sizeof(int32_t));
	s->string_of_function =
		must_calloc(n_functions(size), sizeof(uint32_t));
	for (uint32_t i = 0; i < n_strings; i++)
		s->strings[i] = s->names[i];
	for (uint32_t i = 0; i < size->n_routes; i++)
		snprintf(s->names[i], NAME_BYTES, "GET /r%u/{}", i);
	for (uint32_t f = 0; f < n_functions(size); f++)
		snprintf(s->functions[f], NAME_BYTES,
			 "com.example.shop.OrderService%u.handle", f);
	return s;
}

void sample_batch_free(struct sample_batch *s)
{
	if (!s)
		return;
	free(s->functions);
	free(s->names);
	free(s->strings);
	free(s->numbers);
	free(s->series);
	free(s->buckets);
	free(s->counts);
	free(s->parent);
	free(s->function);
	free(s->self_ns);
	free(s->node_of_path);
	free(s->string_of_function);
	free(s);
}

/* Lognormal by the sum of twelve: good enough to spread over buckets. */
static uint64_t latency_draw(struct rng *rng)
{
	double z = -6.0;

	for (int i = 0; i < 12; i++)
		z += (double)(rng_next(rng) >> 11) * 0x1.0p-53;
	return (uint64_t)(20e6 * exp(0.4 * z));
}

static void series_fill(struct sample_batch *s, uint32_t route)
{
	struct batch_series *e = &s->series[route];
	uint32_t *bucket = s->buckets + (size_t)route * s->size.n_requests;
	uint64_t *count = s->counts + (size_t)route * s->size.n_requests;
	uint32_t n = 0;

	memset(s->histogram, 0, sizeof(s->histogram));
	for (uint32_t i = 0; i < s->size.n_requests; i++)
		s->histogram[hist_bucket(latency_draw(&s->rng)) %
			     BUCKETS_MAX]++;
	for (uint32_t b = 0; b < BUCKETS_MAX; b++) {
		if (s->histogram[b] == 0)
			continue;
		bucket[n] = b;
		count[n++] = s->histogram[b];
	}
	*e = (struct batch_series){ .route = route,
				    .kind = LATENCY_TOTAL,
				    .status = STATUS_2XX,
				    .n = n,
				    .bucket = bucket,
				    .count = count };
}

/* The node of a call path, whose caller's is its number's half. */
static int32_t path_add(struct sample_batch *s, uint32_t path)
{
	uint32_t f = path % n_functions(&s->size);
	int32_t parent = BATCH_NO_PARENT;

	if (s->node_of_path[path] >= 0)
		return s->node_of_path[path];
	if (path > 0)
		parent = path_add(s, path / 2);
	if (s->string_of_function[f] == 0) {
		memcpy(s->names[s->n_strings], s->functions[f], NAME_BYTES);
		s->string_of_function[f] = s->n_strings++;
	}
	s->parent[s->n_nodes] = parent;
	s->function[s->n_nodes] = s->string_of_function[f];
	s->self_ns[s->n_nodes] = 0;
	s->node_of_path[path] = (int32_t)s->n_nodes++;
	return s->node_of_path[path];
}

/* Nodes and strings come as they are first seen: otherwise in each window. */
static void profile_fill(struct sample_batch *s)
{
	const uint64_t period_ns = 10000000;

	s->n_nodes = 0;
	s->n_strings = s->size.n_routes;
	for (uint32_t i = 0; i < s->size.n_paths; i++)
		s->node_of_path[i] = -1;
	memset(s->string_of_function, 0,
	       n_functions(&s->size) * sizeof(uint32_t));
	for (uint32_t i = 0; s->size.n_paths > 0 && i < s->size.n_samples;
	     i++) {
		uint32_t path = (uint32_t)(rng_next(&s->rng) % s->size.n_paths);

		s->self_ns[path_add(s, path)] += period_ns;
	}
	s->profile = (struct batch_profile){ .kind = PROFILE_CPU,
					     .group = PROFILE_APP,
					     .n_samples = s->size.n_samples,
					     .period_ns = period_ns,
					     .n = s->n_nodes,
					     .parent = s->parent,
					     .function = s->function,
					     .self_ns = s->self_ns };
}

const struct batch *sample_batch_fill(struct sample_batch *s, int canary,
				      uint32_t instance, uint32_t window)
{
	int64_t from_ms = FIRST_MS + (int64_t)window * WINDOW_MS;
	struct batch *b = &s->batch;

	for (uint32_t r = 0; r < s->size.n_routes; r++)
		series_fill(s, r);
	profile_fill(s);
	snprintf(s->instance, sizeof(s->instance), "%s-%u",
		 canary ? "canary" : "baseline", instance);
	*b = (struct batch){
		.service = "orders",
		.revision = canary ? "v2" : "v1",
		.instance = s->instance,
		.stream_id = instance + 1000U * (uint64_t)(canary + 1),
		.seq = window,
		.from_ms = from_ms,
		.to_ms = from_ms + WINDOW_MS,
		.started_ms = 1000000,
		.n_requests_before = 1000000 + (uint64_t)window * 100,
		.hooks = "tp_btf",
		.collector = "bench",
		.name_rules = 1,
		.route_rules = 1,
		.basis = LATENCY_TOTAL,
		.n_strings = s->n_strings,
		.strings = s->strings,
		.n_series = s->size.n_routes,
		.series = s->series,
		.n_profiles = s->size.n_paths > 0,
		.profiles = &s->profile,
		.n_events = (uint64_t)s->size.n_routes * s->size.n_requests * 4,
		.refused_code = "",
	};
	return b;
}

void sample_batch_number(struct sample_batch *s, struct strtab *names)
{
	for (uint32_t i = 0; i < s->n_strings; i++)
		if (strtab_add(names, s->strings[i], strlen(s->strings[i]),
			       &s->numbers[i]) < 0)
			exit(1);
	s->batch.names = s->numbers;
}
