/* SPDX-License-Identifier: Apache-2.0 */
/* The promises of batch.h, one function for each part of a batch. */
#include "common/batch.h"
#include "common/batch_wire.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/identity.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "common/text.h"

static int no_memory(const struct arena *scratch, struct err *err)
{
	return err_set(err, arena_error(scratch), "batch: no memory to check");
}

/* Is n a count of things that a batch may have so many of? */
static int check_n(const char *field, uint32_t n, uint32_t max, struct err *err)
{
	if (n > max)
		return err_set(err, -EMSGSIZE,
			       "batch: %s: %" PRIu32 " of them, limit %" PRIu32,
			       field, n, max);
	return 0;
}

static int check_text(const char *field, const char *text, size_t max,
		      struct err *err)
{
	if (!text)
		return err_set(err, -EINVAL, "batch: %s is missing", field);
	if (strnlen(text, max + 1) > max)
		return err_set(err, -EMSGSIZE,
			       "batch: %s \"%.40s...\" is longer than %zu "
			       "bytes",
			       field, text_is_clean(text) ? text : "", max);
	if (!text_is_clean(text))
		return err_set(err, -EINVAL,
			       "batch: %s is not UTF-8 without control "
			       "characters",
			       field);
	return 0;
}

static int check_number(const char *field, uint64_t value, struct err *err)
{
	if (value > LIMIT_NUMBER)
		return err_set(err, -EINVAL,
			       "batch: %s is %" PRIu64 ", limit %" PRIu64,
			       field, value, LIMIT_NUMBER);
	return 0;
}

static int check_time(const char *field, int64_t ms, struct err *err)
{
	if (ms < 0 || ms > LIMIT_TIME_MS)
		return err_set(err, -EINVAL,
			       "batch: %s is %" PRId64 ", not 0 to %" PRId64,
			       field, ms, LIMIT_TIME_MS);
	return 0;
}

static int check_code(const char *code, struct err *err)
{
	size_t len = code ? strnlen(code, LIMIT_CODE_BYTES + 1) : 0;

	if (!code)
		return err_set(err, -EINVAL, "batch: refused_code is missing");
	if (len > LIMIT_CODE_BYTES)
		return err_set(err, -EMSGSIZE,
			       "batch: refused_code is longer than %d bytes",
			       LIMIT_CODE_BYTES);
	if (strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != len)
		return err_set(err, -EINVAL,
			       "batch: refused_code is not of A-Z, 0-9, _");
	return 0;
}

static int check_identities(const struct batch *b, struct err *err)
{
	int rc = identity_check("service", b->service, err);

	if (rc == 0)
		rc = identity_check("revision", b->revision, err);
	if (rc == 0)
		rc = identity_check("instance", b->instance, err);
	if (rc == 0)
		rc = check_text("hooks", b->hooks, LIMIT_HOOKS_BYTES, err);
	if (rc == 0)
		rc = check_text("collector", b->collector,
				LIMIT_COLLECTOR_BYTES, err);
	if (rc == 0 && b->hooks[0] == '\0')
		rc = err_set(err, -EINVAL, "batch: hooks is empty");
	if (rc == 0 && b->collector[0] == '\0')
		rc = err_set(err, -EINVAL, "batch: collector is empty");
	if (rc == 0)
		rc = check_code(b->refused_code, err);
	return rc;
}

static int check_window(const struct batch *b, struct err *err)
{
	int64_t ms;
	int rc = check_time("from_ms", b->from_ms, err);

	if (rc == 0)
		rc = check_time("to_ms", b->to_ms, err);
	if (rc == 0)
		rc = check_time("started_ms", b->started_ms, err);
	if (rc < 0)
		return rc;
	ms = b->to_ms - b->from_ms;
	if (ms < LIMIT_WINDOW_MIN_MS || ms > LIMIT_WINDOW_MAX_MS ||
	    ms % 1000 != 0)
		return err_set(err, -EINVAL,
			       "batch: the window from_ms %" PRId64
			       " to_ms %" PRId64 " has %" PRId64
			       " ms, not whole seconds of %d to %d ms",
			       b->from_ms, b->to_ms, ms, LIMIT_WINDOW_MIN_MS,
			       LIMIT_WINDOW_MAX_MS);
	if (b->from_ms % ms != 0)
		return err_set(err, -EINVAL,
			       "batch: from_ms %" PRId64 " is no multiple of "
			       "the window's %" PRId64 " ms",
			       b->from_ms, ms);
	return 0;
}

static int check_numbers(const struct batch *b, struct err *err)
{
	int rc = check_number("seq", b->seq, err);

	if (rc == 0)
		rc = check_number("n_requests_before", b->n_requests_before,
				  err);
	if (rc == 0)
		rc = check_number("n_events", b->n_events, err);
	if (rc == 0)
		rc = check_number("n_unsymbolised", b->n_unsymbolised, err);
	if (rc == 0)
		rc = check_number("n_frames", b->n_frames, err);
	for (int i = 0; i < LOSS_N && rc == 0; i++)
		rc = check_number("lost", b->lost[i], err);
	if (rc < 0)
		return rc;
	if (b->basis != LATENCY_TOTAL && b->basis != LATENCY_SERVICE)
		return err_set(err, -EINVAL,
			       "batch: basis is %d, not TOTAL or SERVICE",
			       (int)b->basis);
	return 0;
}

static int twice(const struct batch *b, uint32_t i, uint32_t j, struct err *err)
{
	return err_set(err, -EINVAL,
		       "batch: strings[%" PRIu32 "] and [%" PRIu32
		       "] are both \"%.80s\"",
		       i, j, b->strings[j]);
}

/*
 * Is no string there twice?  A table of indices, at most half full, under a
 * key that the sender cannot know.
 */
static int check_distinct(const struct batch *b, struct arena *scratch,
			  struct err *err)
{
	struct hash_key key = hash_key_draw();
	uint32_t n_slots = 1;
	uint32_t *slots;

	while (n_slots < b->n_strings * 2)
		n_slots *= 2;
	slots = arena_alloc(scratch, n_slots * sizeof(slots[0]));
	if (!slots)
		return no_memory(scratch, err);
	for (uint32_t i = 0; i < b->n_strings; i++) {
		const char *text = b->strings[i];
		uint32_t at = (uint32_t)hash_bytes(key, text, strlen(text)) &
			      (n_slots - 1);

		for (; slots[at] != 0; at = (at + 1) & (n_slots - 1)) {
			if (strcmp(b->strings[slots[at] - 1], text) == 0)
				return twice(b, slots[at] - 1, i, err);
		}
		slots[at] = i + 1;
	}
	return 0;
}

/* Where the number at i, which is there before, comes first. */
static uint32_t first_of(const uint32_t *number, uint32_t i)
{
	uint32_t j = 0;

	while (number[j] != number[i])
		j++;
	return j;
}

/*
 * The same by the strings' numbers, which b gets.  Returns as
 * check_distinct(), and -ENOSPC where names has no room for one of them.
 */
static int number_strings(struct batch *b, struct strtab *names,
			  struct arena *scratch, struct err *err)
{
	uint32_t room = strtab_count(names) + b->n_strings;
	uint8_t *seen = arena_alloc(scratch, room / 8 + 1); /* bits */
	uint32_t *number =
		arena_alloc(scratch, (b->n_strings + 1U) * sizeof(*number));

	if (!seen || !number)
		return no_memory(scratch, err);
	for (uint32_t i = 0; i < b->n_strings; i++) {
		const char *text = b->strings[i];
		int rc = strtab_add(names, text, strlen(text), &number[i]);
		uint8_t bit;

		if (rc == -EMSGSIZE)
			return -ENOSPC;
		if (rc < 0)
			return err_set(err, rc, "batch: no memory to check");
		bit = (uint8_t)(1 << number[i] % 8);
		if (seen[number[i] / 8] & bit)
			return twice(b, first_of(number, i), i, err);
		seen[number[i] / 8] |= bit;
	}
	b->names = number;
	return 0;
}

static int check_strings(const struct batch *b, struct err *err)
{
	int rc = check_n("strings", b->n_strings, LIMIT_BATCH_STRINGS, err);

	for (uint32_t i = 0; i < b->n_strings && rc == 0; i++) {
		if (b->strings[i][0] == '\0')
			rc = err_set(err, -EINVAL,
				     "batch: strings[%" PRIu32 "] is empty", i);
		else
			rc = check_text("strings[]", b->strings[i],
					LIMIT_STRING_BYTES, err);
	}
	return rc;
}

/* Is an index into strings, or an enum, in range? */
static int check_index(const char *array, uint32_t at, const char *field,
		       uint32_t value, uint32_t n, struct err *err)
{
	if (value >= n)
		return err_set(err, -EINVAL,
			       "batch: %s[%" PRIu32 "].%s is %" PRIu32
			       ", not below %" PRIu32,
			       array, at, field, value, n);
	return 0;
}

static int check_buckets(const struct batch_series *s, uint32_t at,
			 uint64_t *total, struct err *err)
{
	if (s->n == 0)
		return err_set(err, -EINVAL,
			       "batch: series[%" PRIu32 "] has no buckets", at);
	for (uint32_t i = 0; i < s->n; i++) {
		if (s->bucket[i] >= LIMIT_GRID_BUCKETS)
			return err_set(err, -EINVAL,
				       "batch: series[%" PRIu32
				       "].bucket[%" PRIu32 "] is %" PRIu32
				       ", not below %d",
				       at, i, s->bucket[i], LIMIT_GRID_BUCKETS);
		if (i > 0 && s->bucket[i] <= s->bucket[i - 1])
			return err_set(err, -EINVAL,
				       "batch: series[%" PRIu32
				       "].bucket[%" PRIu32 "] is %" PRIu32
				       " after %" PRIu32,
				       at, i, s->bucket[i], s->bucket[i - 1]);
		if (s->count[i] == 0)
			return err_set(err, -EINVAL,
				       "batch: series[%" PRIu32
				       "].count[%" PRIu32 "] is 0",
				       at, i);
		/* *total is within its limit, so this cannot wrap */
		if (s->count[i] > LIMIT_BATCH_REQUESTS - *total)
			return err_set(err, -EINVAL,
				       "batch: series[%" PRIu32
				       "].count[%" PRIu32 "] is %" PRIu64
				       ": more than %" PRIu64 " requests",
				       at, i, s->count[i],
				       LIMIT_BATCH_REQUESTS);
		*total += s->count[i];
	}
	return 0;
}

/* Mark (route, kind, status) in a map of bits; was it marked before? */
static bool mark_series(uint8_t *seen, const struct batch_series *s)
{
	size_t bit = ((size_t)s->route * LATENCY_KIND_N + s->kind) * STATUS_N +
		     s->status;
	uint8_t mask = (uint8_t)(1U << (bit % 8));
	bool marked = seen[bit / 8] & mask;

	seen[bit / 8] |= mask;
	return marked;
}

static int check_series(const struct batch *b, struct arena *scratch,
			struct err *err)
{
	size_t n_bits = (size_t)b->n_strings * LATENCY_KIND_N * STATUS_N;
	uint64_t total[LATENCY_KIND_N] = { 0 };
	uint32_t n_buckets = 0;
	uint8_t *seen;
	int rc = check_n("series", b->n_series, LIMIT_BATCH_SERIES, err);

	if (rc < 0)
		return rc;
	seen = arena_alloc(scratch, n_bits / 8 + 1);
	if (!seen)
		return no_memory(scratch, err);
	for (uint32_t i = 0; i < b->n_series && rc == 0; i++) {
		const struct batch_series *s = &b->series[i];

		rc = check_index("series", i, "route", s->route, b->n_strings,
				 err);
		if (rc == 0)
			rc = check_index("series", i, "kind", (uint32_t)s->kind,
					 LATENCY_KIND_N, err);
		if (rc == 0)
			rc = check_index("series", i, "status",
					 (uint32_t)s->status, STATUS_N, err);
		if (rc < 0)
			return rc;
		if (mark_series(seen, s))
			return err_set(err, -EINVAL,
				       "batch: series[%" PRIu32 "] has route "
				       "\"%.80s\", kind %d and status %d of "
				       "an earlier one",
				       i, b->strings[s->route], (int)s->kind,
				       (int)s->status);
		rc = check_buckets(s, i, &total[s->kind], err);
		n_buckets += s->n; /* each has at most LIMIT_GRID_BUCKETS */
	}
	if (rc == 0)
		rc = check_n("series[].bucket", n_buckets, LIMIT_BATCH_BUCKETS,
			     err);
	return rc;
}

static int check_slow(const struct batch *b, struct err *err)
{
	int rc = check_n("slow", b->n_slow, LIMIT_BATCH_SLOW, err);

	for (uint32_t i = 0; i < b->n_slow && rc == 0; i++) {
		const struct batch_slow *s = &b->slow[i];

		rc = check_index("slow", i, "route", s->route, b->n_strings,
				 err);
		if (rc == 0)
			rc = check_index("slow", i, "status",
					 (uint32_t)s->status, STATUS_N, err);
		if (rc == 0)
			rc = check_time("slow[].at_ms", s->at_ms, err);
		if (rc == 0)
			rc = check_number("slow[].total_ns", s->total_ns, err);
		if (rc == 0)
			rc = check_number("slow[].service_ns", s->service_ns,
					  err);
		if (rc == 0)
			rc = check_number("slow[].queue_ns", s->queue_ns, err);
	}
	return rc;
}

/* Add CPU time to a total that stays within its limit. */
static int add_cpu(const char *field, uint64_t ns, uint64_t *total,
		   struct err *err)
{
	if (ns > LIMIT_BATCH_CPU_NS - *total)
		return err_set(err, -EINVAL,
			       "batch: %s: %" PRIu64 " ns on top of %" PRIu64
			       " are more than %" PRIu64,
			       field, ns, *total, LIMIT_BATCH_CPU_NS);
	*total += ns;
	return 0;
}

static int check_paths(const struct batch_profile *p, uint32_t at,
		       uint32_t n_strings, uint64_t *total, struct err *err)
{
	int rc = 0;

	for (uint32_t i = 0; i < p->n && rc == 0; i++) {
		int64_t parent = p->parent[i];

		if (parent != BATCH_NO_PARENT && (parent < 0 || parent >= i))
			return err_set(err, -EINVAL,
				       "batch: profiles[%" PRIu32
				       "].parent[%" PRIu32 "] is %" PRId64
				       ", not an earlier node",
				       at, i, parent);
		if (p->function[i] >= n_strings)
			return err_set(err, -EINVAL,
				       "batch: profiles[%" PRIu32
				       "].function[%" PRIu32 "] is %" PRIu32
				       ", not below %" PRIu32,
				       at, i, p->function[i], n_strings);
		rc = add_cpu("profiles[].self_ns", p->self_ns[i], total, err);
	}
	return rc;
}

static int check_profile(const struct batch *b, uint32_t at, uint64_t *total,
			 struct err *err)
{
	const struct batch_profile *p = &b->profiles[at];
	uint64_t sampled_ns;
	int rc = check_index("profiles", at, "kind", (uint32_t)p->kind,
			     PROFILE_KIND_N, err);

	if (rc == 0)
		rc = check_index("profiles", at, "group", (uint32_t)p->group,
				 PROFILE_GROUP_N, err);
	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < at; i++) {
		if (b->profiles[i].kind == p->kind &&
		    b->profiles[i].group == p->group)
			return err_set(err, -EINVAL,
				       "batch: profiles[%" PRIu32 "] has kind "
				       "%d and group %d of an earlier one",
				       at, (int)p->kind, (int)p->group);
	}
	if (__builtin_mul_overflow(p->n_samples, p->period_ns, &sampled_ns) ||
	    sampled_ns > LIMIT_BATCH_CPU_NS || p->n_samples > LIMIT_NUMBER ||
	    p->period_ns > LIMIT_NUMBER)
		return err_set(err, -EINVAL,
			       "batch: profiles[%" PRIu32 "]: %" PRIu64
			       " samples of %" PRIu64
			       " ns are more than %" PRIu64 " ns",
			       at, p->n_samples, p->period_ns,
			       LIMIT_BATCH_CPU_NS);
	return check_paths(p, at, b->n_strings, total, err);
}

static int check_profiles(const struct batch *b, struct err *err)
{
	uint64_t total = 0;
	uint64_t n_paths = 0;
	int rc = check_n("profiles", b->n_profiles, LIMIT_BATCH_PROFILES, err);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < b->n_profiles; i++)
		n_paths += b->profiles[i].n;
	if (n_paths > LIMIT_BATCH_PATHS)
		return err_set(err, -EMSGSIZE,
			       "batch: profiles: %" PRIu64 " call paths, "
			       "limit %d",
			       n_paths, LIMIT_BATCH_PATHS);
	for (uint32_t i = 0; i < b->n_profiles && rc == 0; i++)
		rc = check_profile(b, i, &total, err);
	return rc;
}

static int check_threads(const struct batch *b, struct err *err)
{
	uint64_t total = 0;
	int rc = check_n("threads", b->n_threads, LIMIT_BATCH_THREADS, err);

	for (uint32_t i = 0; i < b->n_threads && rc == 0; i++) {
		const struct batch_thread *t = &b->threads[i];

		rc = check_index("threads", i, "name", t->name, b->n_strings,
				 err);
		if (rc == 0)
			rc = check_index("threads", i, "group",
					 (uint32_t)t->group, PROFILE_GROUP_N,
					 err);
		if (rc == 0)
			rc = add_cpu("threads[].cpu_ns", t->cpu_ns, &total,
				     err);
	}
	return rc;
}

/* All that comes before the strings were found to be distinct. */
static int check_head(const struct batch *b, struct err *err)
{
	int rc = check_identities(b, err);

	if (rc == 0)
		rc = check_window(b, err);
	if (rc == 0)
		rc = check_numbers(b, err);
	if (rc == 0)
		rc = check_strings(b, err);
	return rc;
}

/* And all that comes after. */
static int check_arrays(const struct batch *b, struct arena *scratch,
			struct err *err)
{
	int rc = check_series(b, scratch, err);

	if (rc == 0)
		rc = check_slow(b, err);
	if (rc == 0)
		rc = check_profiles(b, err);
	if (rc == 0)
		rc = check_threads(b, err);
	return rc;
}

int batch_check(const struct batch *b, struct arena *scratch, struct err *err)
{
	int rc = check_head(b, err);

	if (rc == 0)
		rc = check_distinct(b, scratch, err);
	return rc == 0 ? check_arrays(b, scratch, err) : rc;
}

int batch_check_named(struct batch *b, struct strtab *names,
		      struct arena *scratch, struct err *err)
{
	int rc = check_head(b, err);

	if (rc == 0)
		rc = number_strings(b, names, scratch, err);
	if (rc == -ENOSPC)
		rc = check_distinct(b, scratch, err);
	return rc == 0 ? check_arrays(b, scratch, err) : rc;
}
