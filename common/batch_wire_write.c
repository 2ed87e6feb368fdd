/* SPDX-License-Identifier: Apache-2.0 */
#include "common/batch_wire.h"

#include <errno.h>
#include <stdlib.h>
#include "schema/tailgate.pb-c.h"

#include "common/arena.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"

typedef Tailgate__V1__Batch pb_batch;
typedef Tailgate__V1__Series pb_series;
typedef Tailgate__V1__Slow pb_slow;
typedef Tailgate__V1__Profile pb_profile;
typedef Tailgate__V1__Thread pb_thread;

/* protobuf-c wants arrays of pointers to messages. */
static void *pointers_new(struct arena *arena, uint32_t n)
{
	return arena_alloc(arena, n * sizeof(void *));
}

static void series_write(const struct batch_series *from, struct arena *arena,
			 pb_series *to)
{
	to->route = from->route;
	to->kind = (Tailgate__V1__LatencyKind)from->kind;
	to->status = (Tailgate__V1__StatusClass)from->status;
	to->gap = arena_alloc(arena, from->n * sizeof(to->gap[0]));
	if (!to->gap)
		return; /* the arena remembers */
	to->n_gap = from->n;
	to->n_count = from->n;
	to->count = (uint64_t *)from->count; /* packing only reads */
	for (uint32_t i = 0; i < from->n; i++)
		to->gap[i] = from->bucket[i] - (i ? from->bucket[i - 1] : 0);
}

static void slow_write(const struct batch_slow *from, pb_slow *to)
{
	to->route = from->route;
	to->status = (Tailgate__V1__StatusClass)from->status;
	to->at_ms = from->at_ms;
	to->total_ns = from->total_ns;
	to->service_ns = from->service_ns;
	to->queue_ns = from->queue_ns;
}

static void profile_write(const struct batch_profile *from, struct arena *arena,
			  pb_profile *to)
{
	to->kind = (Tailgate__V1__ProfileKind)from->kind;
	to->group = (Tailgate__V1__ProfileGroup)from->group;
	to->n_samples = from->n_samples;
	to->period_ns = from->period_ns;
	to->back = arena_alloc(arena, from->n * sizeof(to->back[0]));
	if (!to->back)
		return; /* the arena remembers */
	to->n_back = from->n;
	to->n_function = from->n;
	to->n_self_ns = from->n;
	to->function = (uint32_t *)from->function; /* packing only reads */
	to->self_ns = (uint64_t *)from->self_ns;
	for (uint32_t i = 0; i < from->n; i++)
		to->back[i] = from->parent[i] == BATCH_NO_PARENT
				      ? 0
				      : i - (uint32_t)from->parent[i];
}

static void thread_write(const struct batch_thread *from, pb_thread *to)
{
	to->name = from->name;
	to->group = (Tailgate__V1__ProfileGroup)from->group;
	to->cpu_ns = from->cpu_ns;
}

static int series_all_write(const struct batch *b, struct arena *arena,
			    pb_batch *to)
{
	pb_series *all = arena_alloc(arena, b->n_series * sizeof(*all));

	to->series = pointers_new(arena, b->n_series);
	if (!all || !to->series)
		return arena_error(arena);
	for (uint32_t i = 0; i < b->n_series; i++) {
		tailgate__v1__series__init(&all[i]);
		series_write(&b->series[i], arena, &all[i]);
		to->series[i] = &all[i];
	}
	to->n_series = b->n_series;
	return arena_error(arena);
}

static int slow_all_write(const struct batch *b, struct arena *arena,
			  pb_batch *to)
{
	pb_slow *all = arena_alloc(arena, b->n_slow * sizeof(*all));

	to->slow = pointers_new(arena, b->n_slow);
	if (!all || !to->slow)
		return arena_error(arena);
	for (uint32_t i = 0; i < b->n_slow; i++) {
		tailgate__v1__slow__init(&all[i]);
		slow_write(&b->slow[i], &all[i]);
		to->slow[i] = &all[i];
	}
	to->n_slow = b->n_slow;
	return 0;
}

static int profiles_all_write(const struct batch *b, struct arena *arena,
			      pb_batch *to)
{
	pb_profile *all = arena_alloc(arena, b->n_profiles * sizeof(*all));

	to->profiles = pointers_new(arena, b->n_profiles);
	if (!all || !to->profiles)
		return arena_error(arena);
	for (uint32_t i = 0; i < b->n_profiles; i++) {
		tailgate__v1__profile__init(&all[i]);
		profile_write(&b->profiles[i], arena, &all[i]);
		to->profiles[i] = &all[i];
	}
	to->n_profiles = b->n_profiles;
	return arena_error(arena);
}

static int threads_all_write(const struct batch *b, struct arena *arena,
			     pb_batch *to)
{
	pb_thread *all = arena_alloc(arena, b->n_threads * sizeof(*all));

	to->threads = pointers_new(arena, b->n_threads);
	if (!all || !to->threads)
		return arena_error(arena);
	for (uint32_t i = 0; i < b->n_threads; i++) {
		tailgate__v1__thread__init(&all[i]);
		thread_write(&b->threads[i], &all[i]);
		to->threads[i] = &all[i];
	}
	to->n_threads = b->n_threads;
	return 0;
}

/* Trailing zeroes are left out, as for any field of protobuf. */
static void lost_write(const struct batch *b, pb_batch *to)
{
	to->lost = (uint64_t *)b->lost; /* packing only reads */
	to->n_lost = LOSS_N;
	while (to->n_lost > 0 && b->lost[to->n_lost - 1] == 0)
		to->n_lost--;
}

static void fields_write(const struct batch *b, pb_batch *to)
{
	to->version = BATCH_VERSION;
	to->service = (char *)b->service; /* packing only reads */
	to->revision = (char *)b->revision;
	to->instance = (char *)b->instance;
	to->stream_id = b->stream_id;
	to->seq = b->seq;
	to->from_ms = b->from_ms;
	to->to_ms = b->to_ms;
	to->started_ms = b->started_ms;
	to->n_requests_before = b->n_requests_before;
	to->hooks = (char *)b->hooks;
	to->collector = (char *)b->collector;
	to->name_rules = b->name_rules;
	to->route_rules = b->route_rules;
	to->basis = (Tailgate__V1__LatencyKind)b->basis;
	to->n_strings = b->n_strings;
	to->strings = (char **)b->strings;
	to->n_events = b->n_events;
	to->n_unsymbolised = b->n_unsymbolised;
	to->n_frames = b->n_frames;
	to->refused_code = (char *)b->refused_code;
}

int batch_wire_write(const struct batch *b, struct arena *scratch,
		     void **ret_bytes, size_t *ret_len, struct err *err)
{
	pb_batch pb = TAILGATE__V1__BATCH__INIT;
	void *bytes;
	size_t len;
	int rc;

	fields_write(b, &pb);
	lost_write(b, &pb);
	rc = series_all_write(b, scratch, &pb);
	if (rc == 0)
		rc = slow_all_write(b, scratch, &pb);
	if (rc == 0)
		rc = profiles_all_write(b, scratch, &pb);
	if (rc == 0)
		rc = threads_all_write(b, scratch, &pb);
	if (rc < 0)
		return err_set(err, rc,
			       "batch: encoding it takes too much "
			       "memory");
	len = tailgate__v1__batch__get_packed_size(&pb);
	if (len > LIMIT_BATCH_BYTES)
		return err_set(err, -EMSGSIZE, "batch: %zu bytes, limit %d",
			       len, LIMIT_BATCH_BYTES);
	bytes = malloc(len);
	if (!bytes)
		return err_set(err, -ENOMEM, "batch: no memory");
	*ret_len = tailgate__v1__batch__pack(&pb, bytes);
	*ret_bytes = bytes;
	return 0;
}
