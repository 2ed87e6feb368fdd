/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers that grow along an array travel as distances (bucket numbers,
 * parents): they are small, so one byte each does, and zstd finds more to
 * repeat.  They are turned into what struct batch holds in place.
 */
#include "common/batch_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include "schema/tailgate.pb-c.h"

#include "common/arena.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/reader.h"

typedef Tailgate__V1__Batch pb_batch;
typedef Tailgate__V1__Series pb_series;
typedef Tailgate__V1__Slow pb_slow;
typedef Tailgate__V1__Profile pb_profile;
typedef Tailgate__V1__Thread pb_thread;

/* The enums are the same on both sides, so that values need no table. */
_Static_assert((int)STATUS_UNANSWERED ==
		       (int)TAILGATE__V1__STATUS_CLASS__STATUS_UNANSWERED,
	       "status classes");
_Static_assert((int)LATENCY_QUEUE ==
		       (int)TAILGATE__V1__LATENCY_KIND__LATENCY_QUEUE,
	       "latency kinds");
_Static_assert((int)PROFILE_VM == (int)TAILGATE__V1__PROFILE_GROUP__PROFILE_VM,
	       "profile groups");
_Static_assert((int)PROFILE_OFFCPU ==
		       (int)TAILGATE__V1__PROFILE_KIND__PROFILE_OFFCPU,
	       "profile kinds");

static void *wire_alloc(void *arena, size_t n_bytes)
{
	return arena_alloc(arena, n_bytes);
}

static void wire_free(void *arena, void *piece)
{
	(void)arena; /* all pieces go at once */
	(void)piece;
}

static int no_memory(const struct arena *arena, struct err *err)
{
	return err_set(err, arena_error(arena),
		       arena_error(arena) == -EMSGSIZE
			       ? "batch: decoding it takes more memory than a "
				 "batch may"
			       : "batch: no memory");
}

/*
 * The version, before anything else is decoded: what a later version made of
 * the other fields might not be readable at all, and its sender must be told
 * to keep it rather than that it is broken.
 */
static int version_check(const void *bytes, size_t len, struct err *err)
{
	enum { VERSION_TAG = 1 << 3 }; /* field 1, varint */
	struct reader r;
	const uint8_t *byte;
	uint64_t version = 0;

	reader_init(&r, bytes, len);
	byte = reader_bytes(&r, 1);
	if (!byte || *byte != VERSION_TAG)
		return err_set(err, -EBADMSG,
			       "batch: version is not the first field");
	for (unsigned int shift = 0;; shift += 7) {
		byte = shift < 63 ? reader_bytes(&r, 1) : NULL;
		if (!byte)
			return err_set(err, -EBADMSG,
				       "batch: version is no number");
		version |= (uint64_t)(*byte & 0x7f) << shift;
		if (!(*byte & 0x80))
			break;
	}
	if (version > BATCH_VERSION)
		return err_set(err, -EPROTO,
			       "batch: version %" PRIu64 " is newer than %d, "
			       "the newest known here",
			       version, BATCH_VERSION);
	if (version == 0)
		return err_set(err, -EBADMSG, "batch: version is 0");
	return 0;
}

/* Distances to bucket numbers, in place. */
static int series_read(uint32_t at, pb_series *from, struct batch_series *to,
		       struct err *err)
{
	uint64_t bucket = 0;

	if (from->n_gap != from->n_count)
		return err_set(err, -EBADMSG,
			       "batch: series[%" PRIu32 "] has %zu gaps and "
			       "%zu counts",
			       at, from->n_gap, from->n_count);
	for (size_t i = 0; i < from->n_gap; i++) {
		if (i > 0 && from->gap[i] == 0)
			return err_set(err, -EBADMSG,
				       "batch: series[%" PRIu32 "].gap[%zu] "
				       "is 0",
				       at, i);
		bucket += from->gap[i];
		if (bucket >= LIMIT_GRID_BUCKETS)
			return err_set(err, -EBADMSG,
				       "batch: series[%" PRIu32 "].gap[%zu]: "
				       "bucket %" PRIu64 " is not below %d",
				       at, i, bucket, LIMIT_GRID_BUCKETS);
		from->gap[i] = (uint32_t)bucket;
	}
	to->route = from->route;
	to->kind = (enum latency_kind)from->kind;
	to->status = (enum status_class)from->status;
	to->n = (uint32_t)from->n_gap;
	to->bucket = from->gap;
	to->count = from->count;
	return 0;
}

static void slow_read(const pb_slow *from, struct batch_slow *to)
{
	to->route = from->route;
	to->status = (enum status_class)from->status;
	to->at_ms = from->at_ms;
	to->total_ns = from->total_ns;
	to->service_ns = from->service_ns;
	to->queue_ns = from->queue_ns;
}

/* Distances to parents, in place: the two integers differ in sign only. */
static int profile_read(uint32_t at, pb_profile *from, struct batch_profile *to,
			struct err *err)
{
	int32_t *parent = (int32_t *)from->back;

	if (from->n_back != from->n_function || from->n_back != from->n_self_ns)
		return err_set(err, -EBADMSG,
			       "batch: profiles[%" PRIu32 "] has %zu back, "
			       "%zu function and %zu self_ns",
			       at, from->n_back, from->n_function,
			       from->n_self_ns);
	if (from->n_back > LIMIT_BATCH_PATHS)
		return err_set(err, -EMSGSIZE,
			       "batch: profiles[%" PRIu32 "] has %zu call "
			       "paths, limit %d",
			       at, from->n_back, LIMIT_BATCH_PATHS);
	for (size_t i = 0; i < from->n_back; i++) {
		uint32_t back = from->back[i];

		if (back > i)
			return err_set(err, -EBADMSG,
				       "batch: profiles[%" PRIu32 "].back[%zu]"
				       ": %" PRIu32 " reaches before the first",
				       at, i, back);
		parent[i] = back ? (int32_t)(i - back) : BATCH_NO_PARENT;
	}
	to->kind = (enum profile_kind)from->kind;
	to->group = (enum profile_group)from->group;
	to->n_samples = from->n_samples;
	to->period_ns = from->period_ns;
	to->n = (uint32_t)from->n_back;
	to->parent = parent;
	to->function = from->function;
	to->self_ns = from->self_ns;
	return 0;
}

/* Causes that a later version added are kept together, never dropped. */
static int lost_read(const pb_batch *from, struct batch *to, struct err *err)
{
	if (from->n_lost > LIMIT_BATCH_CAUSES)
		return err_set(err, -EMSGSIZE,
			       "batch: lost has %zu causes, limit %d",
			       from->n_lost, LIMIT_BATCH_CAUSES);
	for (size_t i = 0; i < from->n_lost; i++) {
		size_t cause = i < LOSS_N ? i : LOSS_OTHER;

		if (from->lost[i] > LIMIT_NUMBER)
			return err_set(err, -EBADMSG,
				       "batch: lost[%zu] is %" PRIu64
				       ", limit %" PRIu64,
				       i, from->lost[i], LIMIT_NUMBER);
		to->lost[cause] += from->lost[i];
	}
	return 0;
}

/* The arrays of messages, which are pointers there and structs here. */
static int arrays_read(const pb_batch *from, struct arena *arena,
		       struct batch *b, struct err *err)
{
	struct batch_series *series;
	struct batch_slow *slow;
	struct batch_profile *profiles;
	struct batch_thread *threads;
	int rc = 0;

	series = arena_alloc(arena, from->n_series * sizeof(*series));
	slow = arena_alloc(arena, from->n_slow * sizeof(*slow));
	profiles = arena_alloc(arena, from->n_profiles * sizeof(*profiles));
	threads = arena_alloc(arena, from->n_threads * sizeof(*threads));
	if (!series || !slow || !profiles || !threads)
		return no_memory(arena, err);
	b->series = series;
	b->slow = slow;
	b->profiles = profiles;
	b->threads = threads;

	for (uint32_t i = 0; i < from->n_series && rc == 0; i++)
		rc = series_read(i, from->series[i], &series[i], err);
	for (uint32_t i = 0; i < from->n_slow; i++)
		slow_read(from->slow[i], &slow[i]);
	for (uint32_t i = 0; i < from->n_profiles && rc == 0; i++)
		rc = profile_read(i, from->profiles[i], &profiles[i], err);
	for (uint32_t i = 0; i < from->n_threads; i++) {
		threads[i].name = from->threads[i]->name;
		threads[i].group = (enum profile_group)from->threads[i]->group;
		threads[i].cpu_ns = from->threads[i]->cpu_ns;
	}
	return rc;
}

static void fields_read(const pb_batch *from, struct batch *b)
{
	b->service = from->service;
	b->revision = from->revision;
	b->instance = from->instance;
	b->stream_id = from->stream_id;
	b->seq = from->seq;
	b->from_ms = from->from_ms;
	b->to_ms = from->to_ms;
	b->started_ms = from->started_ms;
	b->n_requests_before = from->n_requests_before;
	b->hooks = from->hooks;
	b->collector = from->collector;
	b->name_rules = from->name_rules;
	b->route_rules = from->route_rules;
	b->basis = (enum latency_kind)from->basis;
	b->n_strings = (uint32_t)from->n_strings;
	b->strings = (const char *const *)from->strings;
	b->n_series = (uint32_t)from->n_series;
	b->n_slow = (uint32_t)from->n_slow;
	b->n_profiles = (uint32_t)from->n_profiles;
	b->n_threads = (uint32_t)from->n_threads;
	b->n_events = from->n_events;
	b->n_unsymbolised = from->n_unsymbolised;
	b->n_frames = from->n_frames;
	b->refused_code = from->refused_code;
}

/*
 * protobuf-c allocates a message, a slot and up to three notes of its own for
 * each sub-message of two bytes: 4 MiB of empty ones would take 319 MiB.  So
 * everything it takes comes from the arena, and when that is used up the
 * batch is refused.
 */
int batch_wire_read(const void *bytes, size_t len, struct arena *arena,
		    struct batch **ret_b, struct err *err)
{
	ProtobufCAllocator alloc = { wire_alloc, wire_free, arena };
	pb_batch *pb;
	struct batch *b;
	int rc;

	rc = version_check(bytes, len, err);
	if (rc < 0)
		return rc;
	pb = tailgate__v1__batch__unpack(&alloc, len, bytes);
	if (!pb && arena_error(arena) < 0)
		return no_memory(arena, err);
	if (!pb)
		return err_set(err, -EBADMSG,
			       "batch: the %zu bytes are no protobuf Batch, "
			       "or are cut short",
			       len);
	if (pb->version != BATCH_VERSION)
		return err_set(err, -EBADMSG,
			       "batch: version is given twice, the second "
			       "time as %" PRIu32,
			       pb->version);
	b = arena_alloc(arena, sizeof(*b));
	if (!b)
		return no_memory(arena, err);
	fields_read(pb, b);
	rc = lost_read(pb, b, err);
	if (rc == 0)
		rc = arrays_read(pb, arena, b, err);
	if (rc == 0)
		*ret_b = b;
	return rc;
}
