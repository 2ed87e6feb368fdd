/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/window.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "collector/sparse.h"
#include "common/arena.h"
#include "common/err.h"
#include "common/limits.h"
#include "common/strtab.h"

enum {
	ROUTES = LIMIT_WINDOW_ROUTES + 1, /* {other} is the last */
	STRINGS_BYTES = 4 * 1024 * 1024,  /* 16,384 of 255 bytes */
};

static const char other[] = "{other}";

/* One route; its number among the strings is its place in the window. */
struct slot {
	struct sparse *series[LATENCY_KIND_N][STATUS_N];
	uint32_t n_slow;
	struct batch_slow slow[WINDOW_SLOW_PER_ROUTE]; /* slowest first */
};

struct window {
	struct sparse_pool *pool;
	struct strtab *strings;
	uint32_t other; /* its slot; ROUTES while there is none */
	struct slot *slots[ROUTES];
	uint64_t n_requests;
	uint64_t lost[LOSS_N];
};

int window_new(struct sparse_pool *pool, struct window **ret_w, struct err *err)
{
	struct window *w = calloc(1, sizeof(*w));
	int rc;

	if (!w)
		return err_set(err, -ENOMEM, "window: no memory");
	rc = strtab_new(LIMIT_BATCH_STRINGS, STRINGS_BYTES, &w->strings, err);
	if (rc < 0) {
		free(w);
		return rc;
	}
	w->pool = pool;
	w->other = ROUTES;
	*ret_w = w;
	return 0;
}

static void slot_free(struct slot *s, struct sparse_pool *pool)
{
	for (size_t k = 0; s && k < LATENCY_KIND_N; k++) {
		for (size_t st = 0; st < STATUS_N; st++) {
			if (s->series[k][st])
				sparse_release(s->series[k][st], pool);
			free(s->series[k][st]);
		}
	}
	free(s);
}

void window_free(struct window *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < ROUTES; i++)
		slot_free(w->slots[i], w->pool);
	strtab_free(w->strings);
	free(w);
}

/* The string's number and slot, made if new; NULL without memory. */
static struct slot *slot_make(struct window *w, const char *route, size_t len,
			      uint32_t *ret_at)
{
	struct slot *s;
	uint32_t at;

	if (strtab_add(w->strings, route, len, &at) < 0 || at >= ROUTES)
		return NULL;
	s = w->slots[at];
	if (!s)
		s = calloc(1, sizeof(*s));
	w->slots[at] = s;
	*ret_at = at;
	return s;
}

/* Where a request of this route is counted; NULL without memory. */
static struct slot *slot_of(struct window *w, const char *route,
			    uint32_t *ret_at)
{
	size_t len = strnlen(route, LIMIT_STRING_BYTES);
	uint32_t n = strtab_count(w->strings);
	struct slot *s;
	uint32_t at;

	if (w->other < ROUTES)
		n--;
	if (n < LIMIT_WINDOW_ROUTES ||
	    strtab_find(w->strings, route, len, &at) == 0)
		return slot_make(w, route, len, ret_at);
	w->lost[LOSS_ROUTES_FULL]++;
	s = slot_make(w, other, sizeof(other) - 1, ret_at);
	if (s)
		w->other = *ret_at;
	return s;
}

/* The time by which requests are ranked: the longest that is known. */
static uint64_t rank_ns(const struct batch_slow *s)
{
	return s->total_ns != 0 ? s->total_ns : s->service_ns;
}

/* A total order, so that the outcome does not depend on who came first. */
static int slower_first(const void *a, const void *b)
{
	const struct batch_slow *x = a;
	const struct batch_slow *y = b;
	const uint64_t keys[][2] = {
		{ rank_ns(y), rank_ns(x) },
		{ (uint64_t)x->at_ms, (uint64_t)y->at_ms },
		{ x->status, y->status },
		{ x->service_ns, y->service_ns },
		{ x->queue_ns, y->queue_ns },
		{ x->total_ns, y->total_ns },
		{ x->route, y->route },
	};

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (keys[i][0] != keys[i][1])
			return keys[i][0] > keys[i][1] ? 1 : -1;
	return 0;
}

static void slow_add(struct slot *s, const struct batch_slow *new)
{
	uint32_t at = s->n_slow;

	while (at > 0 && slower_first(new, &s->slow[at - 1]) < 0)
		at--;
	if (at == WINDOW_SLOW_PER_ROUTE)
		return;
	if (s->n_slow < WINDOW_SLOW_PER_ROUTE)
		s->n_slow++;
	memmove(&s->slow[at + 1], &s->slow[at],
		(s->n_slow - at - 1) * sizeof(s->slow[0]));
	s->slow[at] = *new;
}

/* Returns whether it could be counted. */
static int series_add(struct window *w, struct slot *s, enum latency_kind kind,
		      enum status_class status, uint64_t ns)
{
	struct sparse **series = &s->series[kind][status];

	if (!*series)
		*series = calloc(1, sizeof(**series));
	return *series ? sparse_add(*series, w->pool, ns) : -ENOMEM;
}

void window_add(struct window *w, const struct window_request *r)
{
	bool unanswered = r->status == STATUS_UNANSWERED;
	struct batch_slow slow = {
		.status = r->status,
		.at_ms = r->at_ms,
		.total_ns = r->total_ns,
		.service_ns = r->service_ns,
		.queue_ns = r->queue_ns,
	};
	struct slot *s;
	int rc = 0;

	w->n_requests++;
	s = slot_of(w, r->route, &slow.route);
	if (!s) {
		w->lost[LOSS_NO_MEMORY]++;
		return;
	}
	if (r->total_ns != 0)
		rc = series_add(w, s, LATENCY_TOTAL, r->status, r->total_ns);
	if (rc == 0)
		rc = series_add(w, s, LATENCY_SERVICE, r->status,
				r->service_ns);
	if (rc == 0 && r->total_ns != 0 && !unanswered)
		rc = series_add(w, s, LATENCY_QUEUE, r->status, r->queue_ns);
	if (rc < 0)
		w->lost[LOSS_NO_MEMORY]++;
	slow_add(s, &slow);
}

void window_lost(struct window *w, enum batch_loss cause, uint64_t n)
{
	w->lost[cause] += n;
}

uint64_t window_requests(const struct window *w)
{
	return w->n_requests;
}

struct strtab *window_strings(struct window *w)
{
	return w->strings;
}

/* How many series and buckets there are of the kinds up to n_kinds. */
static void count(const struct window *w, size_t n_kinds, uint32_t *ret_series,
		  uint32_t *ret_buckets)
{
	*ret_series = 0;
	*ret_buckets = 0;
	for (size_t i = 0; i < ROUTES; i++) {
		for (size_t k = 0; w->slots[i] && k < n_kinds; k++) {
			for (size_t st = 0; st < STATUS_N; st++) {
				struct sparse *s = w->slots[i]->series[k][st];
				uint32_t n = s ? sparse_used(s) : 0;

				*ret_series += n > 0;
				*ret_buckets += n;
			}
		}
	}
}

static int fill_one(const struct sparse *from, struct arena *arena,
		    struct batch_series *to)
{
	uint32_t n = sparse_used(from);
	uint32_t *bucket = arena_alloc(arena, n * sizeof(*bucket));
	uint64_t *counts = arena_alloc(arena, n * sizeof(*counts));

	if (!bucket || !counts)
		return arena_error(arena);
	sparse_list(from, bucket, counts);
	to->n = n;
	to->bucket = bucket;
	to->count = counts;
	return 0;
}

/*
 * A batch may have so many buckets.  Beyond, which takes thousands of
 * scattered latencies on hundreds of routes, it loses the queue times and
 * then the service times rather than requests.
 */
static int fill_series(const struct window *w, struct arena *arena,
		       struct batch *b)
{
	size_t n_kinds = LATENCY_KIND_N + 1;
	struct batch_series *series;
	uint32_t n_buckets;
	uint32_t n;
	int rc;

	do {
		count(w, --n_kinds, &n, &n_buckets);
	} while (n_buckets > LIMIT_BATCH_BUCKETS && n_kinds > 1);
	series = arena_alloc(arena, n * sizeof(*series));
	if (!series)
		return arena_error(arena);
	b->series = series;
	b->n_series = n;
	for (uint32_t i = 0; i < ROUTES; i++) {
		for (size_t at = 0; w->slots[i] && at < n_kinds * STATUS_N;
		     at++) {
			enum latency_kind k =
				(enum latency_kind)(at / STATUS_N);
			enum status_class st =
				(enum status_class)(at % STATUS_N);
			const struct sparse *s = w->slots[i]->series[k][st];

			if (!s || sparse_used(s) == 0)
				continue;
			series->route = i;
			series->kind = k;
			series->status = st;
			rc = fill_one(s, arena, series++);
			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static int fill_slow(const struct window *w, struct arena *arena,
		     struct batch *b)
{
	size_t max = (size_t)ROUTES * WINDOW_SLOW_PER_ROUTE;
	struct batch_slow *slow = arena_alloc(arena, max * sizeof(*slow));
	uint32_t n = 0;

	if (!slow)
		return arena_error(arena);
	for (size_t i = 0; i < ROUTES; i++)
		for (size_t j = 0; w->slots[i] && j < w->slots[i]->n_slow; j++)
			slow[n++] = w->slots[i]->slow[j];
	qsort(slow, n, sizeof(*slow), slower_first);
	b->slow = slow;
	b->n_slow = n < WINDOW_SLOW ? n : WINDOW_SLOW;
	return 0;
}

int window_fill(struct window *w, struct arena *arena, struct batch *b,
		struct err *err)
{
	int rc;

	rc = fill_series(w, arena, b);
	if (rc == 0)
		rc = fill_slow(w, arena, b);
	if (rc < 0)
		return err_set(err, rc, "window: %s", err_describe(-rc));
	for (size_t c = 0; c < LOSS_N; c++)
		b->lost[c] += w->lost[c];
	b->n_strings = strtab_count(w->strings);
	b->strings = b->n_strings ? strtab_all(w->strings) : NULL;
	return 0;
}
