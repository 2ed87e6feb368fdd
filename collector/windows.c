/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/windows.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "collector/naming.h"
#include "collector/sparse.h"
#include "collector/targets.h"
#include "collector/window.h"
#include "common/arena.h"
#include "common/err.h"
#include "common/hash.h"
#include "common/limits.h"

enum { OPEN = 2, MINUTE_MS = 60000 };

static const int64_t ALIVE = INT64_MAX;

struct entry {
	uint32_t id;
	char service[NAME_BYTES];
	char revision[NAME_BYTES];
	char instance[NAME_BYTES];
	int64_t started_ms;
	int64_t born_ms; /* since when it has been living */
	int64_t died_ms; /* ALIVE, or when it ended */
	uint64_t stream_id;
	uint64_t seq;
	uint64_t n_before;	   /* requests of sealed windows */
	struct window *open[OPEN]; /* NULL until something happened */
	uint64_t n_events[OPEN];
	uint64_t batches_lost[LOSS_N];
	char refused_code[LIMIT_CODE_BYTES + 1];
};

struct windows {
	struct windows_options options;
	int64_t first_ms; /* what ended before was in no window */
	int64_t from_ms;  /* of the oldest open window */
	struct sparse_pool pool;
	uint64_t host_lost[LOSS_N];
	size_t n;
	struct entry *entries[LIMIT_TARGETS]; /* ascending by id */
	struct entry *last;		      /* the one found last */
};

int windows_check_ms(const char *field, int64_t window_ms, struct err *err)
{
	if (window_ms < LIMIT_WINDOW_MIN_MS ||
	    window_ms > LIMIT_WINDOW_MAX_MS || window_ms % 1000 != 0 ||
	    MINUTE_MS % window_ms != 0)
		return err_set(err, -EINVAL,
			       "%s: %" PRId64 " ms; permitted are 1000, 2000, "
			       "3000, 4000, 5000, 6000, 10000, 12000, 15000, "
			       "20000, 30000 and 60000",
			       field, window_ms);
	return 0;
}

int windows_new(const struct windows_options *options, int64_t now_ms,
		struct windows **ret_w, struct err *err)
{
	struct windows *w = calloc(1, sizeof(*w));
	int64_t ms = options->window_ms;

	if (!w)
		return err_set(err, -ENOMEM, "windows: no memory");
	w->options = *options;
	w->from_ms = (now_ms + ms - 1) / ms * ms;
	w->first_ms = w->from_ms;
	w->pool.max = LIMIT_OCTAVES;
	*ret_w = w;
	return 0;
}

static void entry_free(struct entry *e)
{
	for (size_t i = 0; e && i < OPEN; i++)
		window_free(e->open[i]);
	free(e);
}

void windows_free(struct windows *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->n; i++)
		entry_free(w->entries[i]);
	free(w);
}

/* Where id is, or belongs. */
static size_t place_of(const struct windows *w, uint32_t id)
{
	size_t lo = 0;
	size_t hi = w->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (w->entries[mid]->id < id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct entry *entry_find(struct windows *w, uint32_t id)
{
	size_t at;

	if (w->last && w->last->id == id)
		return w->last;
	at = place_of(w, id);
	if (at == w->n || w->entries[at]->id != id)
		return NULL;
	w->last = w->entries[at];
	return w->last;
}

static void name_copy(char to[NAME_BYTES], const char *from)
{
	snprintf(to, NAME_BYTES, "%.*s", NAME_BYTES - 1, from);
}

int windows_begin(struct windows *w, const struct target_instance *i,
		  int64_t now_ms, struct err *err)
{
	struct entry *e = entry_find(w, i->id);
	size_t at = place_of(w, i->id);

	if (!e) {
		if (w->n == LIMIT_TARGETS)
			return err_set(err, -E2BIG,
				       "windows: more than %d instances",
				       LIMIT_TARGETS);
		e = calloc(1, sizeof(*e));
		if (!e)
			return err_set(err, -ENOMEM, "windows: no memory");
		for (size_t k = w->n++; k > at; k--)
			w->entries[k] = w->entries[k - 1];
		w->entries[at] = e;
		e->id = i->id;
		e->born_ms = now_ms;
		e->died_ms = ALIVE;
		name_copy(e->service, i->service);
		name_copy(e->revision, i->revision);
		name_copy(e->instance, i->instance);
		/* exact in a double, so that JSON can carry it */
		e->stream_id = hash_key_draw().k0 >> 11;
	}
	if (e->died_ms != ALIVE)
		e->n_before = 0; /* another process: it starts cold */
	e->died_ms = ALIVE;
	e->started_ms = i->started_ms;
	return 0;
}

void windows_end(struct windows *w, uint32_t id, int64_t now_ms)
{
	struct entry *e = entry_find(w, id);

	if (e)
		e->died_ms = now_ms;
}

/* Which of the two open windows holds at_ms; see the heading of windows.h. */
static size_t which(const struct windows *w, int64_t at_ms)
{
	return at_ms >= w->from_ms + w->options.window_ms;
}

void windows_event(struct windows *w, uint32_t id, int64_t at_ms)
{
	struct entry *e = entry_find(w, id);

	if (e && at_ms >= w->first_ms)
		e->n_events[which(w, at_ms)]++;
}

static struct window *window_of(struct windows *w, struct entry *e, size_t k)
{
	if (!e->open[k] && window_new(&w->pool, &e->open[k], NULL) < 0)
		return NULL;
	return e->open[k];
}

void windows_add(struct windows *w, uint32_t id, const struct window_request *r)
{
	struct entry *e = entry_find(w, id);
	struct window *to;

	if (!e)
		return;
	if (r->at_ms < w->first_ms) {
		e->n_before++;
		return;
	}
	to = window_of(w, e, which(w, r->at_ms));
	if (to)
		window_add(to, r);
	else
		w->host_lost[LOSS_NO_MEMORY]++;
}

void windows_lost(struct windows *w, uint32_t id, enum batch_loss cause,
		  uint64_t n)
{
	struct entry *e = n > 0 ? entry_find(w, id) : NULL;
	struct window *to = e ? window_of(w, e, 0) : NULL;

	if (to)
		window_lost(to, cause, n);
	else
		w->host_lost[cause] += n;
}

void windows_host_lost(struct windows *w, enum batch_loss cause, uint64_t n)
{
	w->host_lost[cause] += n;
}

void windows_batches_lost(struct windows *w, const char *instance,
			  enum batch_loss cause, uint64_t n, const char *code)
{
	struct entry *e = w->n > 0 ? w->entries[0] : NULL;

	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->entries[i]->instance, instance) == 0)
			e = w->entries[i];
	if (!e) {
		w->host_lost[cause] += n;
		return;
	}
	e->batches_lost[cause] += n;
	if (code)
		snprintf(e->refused_code, sizeof(e->refused_code), "%.*s",
			 LIMIT_CODE_BYTES, code);
}

int64_t windows_from_ms(const struct windows *w)
{
	return w->from_ms;
}

int64_t windows_to_ms(const struct windows *w)
{
	return w->from_ms + w->options.window_ms;
}

/* Did e live in the oldest window, if only for a moment? */
static bool lived(const struct windows *w, const struct entry *e)
{
	return e->open[0] || e->n_events[0] > 0 ||
	       (e->born_ms < windows_to_ms(w) && e->died_ms >= w->from_ms);
}

/*
 * Share what the host lost among those who lived.  Each takes its part of
 * what is left over of its part of the events that are left over: nothing is
 * rounded away, and the last takes the rest.
 */
static void share_losses(struct windows *w)
{
	uint64_t events = 0;
	uint64_t lost[LOSS_N];
	size_t n = 0;

	for (size_t i = 0; i < w->n; i++) {
		events += w->entries[i]->n_events[0];
		n += lived(w, w->entries[i]);
	}
	memcpy(lost, w->host_lost, sizeof(lost));
	for (size_t i = 0; i < w->n; i++) {
		struct entry *e = w->entries[i];

		if (!lived(w, e))
			continue;
		n--;
		for (size_t c = 0; c < LOSS_N; c++) {
			uint64_t part = lost[c];

			if (n > 0)
				part = events == 0
					       ? part / (n + 1)
					       : (uint64_t)((double)part *
							    (double)e->n_events
								    [0] /
							    (double)events);
			e->batches_lost[c] += part;
			lost[c] -= part;
		}
		events -= e->n_events[0];
	}
	memcpy(w->host_lost, lost, sizeof(lost));
}

static void describe(const struct windows *w, const struct entry *e,
		     struct batch *b)
{
	const struct windows_options *o = &w->options;

	b->service = e->service;
	b->revision = e->revision;
	b->instance = e->instance;
	b->stream_id = e->stream_id;
	b->seq = e->seq;
	b->from_ms = w->from_ms;
	b->to_ms = windows_to_ms(w);
	b->started_ms = e->started_ms;
	b->n_requests_before = e->n_before;
	b->hooks = o->hooks;
	b->collector = o->collector;
	b->name_rules = o->name_rules;
	b->route_rules = o->route_rules;
	b->basis = o->basis;
	b->n_events = e->n_events[0];
	b->refused_code = e->refused_code;
}

/* Fill b from the window of e, with or without what the sink adds. */
static int fill(struct windows *w, struct entry *e, struct arena *arena,
		struct batch *b, const struct windows_sink *sink, void *ctx,
		struct err *err)
{
	struct err why = { "" };
	struct batch plain = { .service = NULL };
	struct window *from = window_of(w, e, 0);
	int rc;

	if (!from)
		return err_set(err, -ENOMEM, "windows: no memory");
	describe(w, e, &plain);
	*b = plain;
	rc = sink->fill(ctx, e->id, window_strings(from), arena, b, &why);
	if (rc < 0) {
		sink->failed(ctx, e->instance, why.text);
		*b = plain;
	}
	rc = window_fill(from, arena, b, err);
	for (size_t c = 0; c < LOSS_N; c++)
		b->lost[c] += e->batches_lost[c];
	return rc;
}

static void seal_one(struct windows *w, struct entry *e,
		     const struct windows_sink *sink, void *ctx)
{
	struct arena *arena = NULL;
	struct err err = { "" };
	struct batch b;
	void *bytes = NULL;
	uint64_t n_requests = 0;
	size_t len = 0;
	int rc;

	rc = arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, &err);
	if (rc == 0)
		rc = fill(w, e, arena, &b, sink, ctx, &err);
	if (rc == 0)
		rc = batch_encode(&b, &bytes, &len, &err);
	if (e->open[0])
		n_requests = window_requests(e->open[0]);
	if (rc == 0) {
		sink->sealed(ctx, &b, n_requests, bytes, len);
		e->seq++;
		memset(e->batches_lost, 0, sizeof(e->batches_lost));
		e->refused_code[0] = '\0';
	} else {
		sink->failed(ctx, e->instance, err.text);
		e->batches_lost[LOSS_NO_MEMORY] += n_requests;
	}
	e->n_before += n_requests;
	free(bytes);
	arena_free(arena);
}

/* The newer window becomes the oldest. */
static void advance(struct windows *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++) {
		struct entry *e = w->entries[i];

		window_free(e->open[0]);
		e->open[0] = e->open[1];
		e->open[1] = NULL;
		e->n_events[0] = e->n_events[1];
		e->n_events[1] = 0;
		if (e->died_ms != ALIVE && !e->open[0] &&
		    e->died_ms < windows_to_ms(w)) {
			for (size_t c = 0; c < LOSS_N; c++)
				w->host_lost[c] += e->batches_lost[c];
			entry_free(e);
		} else {
			w->entries[kept++] = e;
		}
	}
	w->n = kept;
	w->last = NULL;
	w->from_ms += w->options.window_ms;
}

void windows_seal(struct windows *w, int64_t now_ms,
		  const struct windows_sink *sink, void *ctx)
{
	int64_t ms = w->options.window_ms;

	share_losses(w);
	for (size_t i = 0; i < w->n; i++)
		if (lived(w, w->entries[i]))
			seal_one(w, w->entries[i], sink, ctx);
	advance(w);
	if (now_ms >= w->from_ms + 3 * ms)
		w->from_ms = now_ms / ms * ms - ms;
}

uint64_t windows_turn_back(struct windows *w, int64_t now_ms)
{
	int64_t ms = w->options.window_ms;
	uint64_t n = 0;

	if (now_ms >= w->from_ms - ms)
		return 0;
	for (size_t i = 0; i < w->n; i++) {
		struct entry *e = w->entries[i];

		for (size_t k = 0; k < OPEN; k++) {
			n += e->open[k] ? window_requests(e->open[k]) : 0;
			window_free(e->open[k]);
			e->open[k] = NULL;
			e->n_events[k] = 0;
		}
		e->born_ms = now_ms;
	}
	w->from_ms = (now_ms + ms - 1) / ms * ms;
	w->first_ms = w->from_ms;
	return n;
}
