/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/windows.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "collector/targets.h"
#include "collector/window.h"
#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"

enum { MS = 1000, BATCHES_MAX = 16 };

/* Half a window after the epoch's 1,000th second: the first begins later. */
static const int64_t START_MS = 1000500;
static const int64_t FIRST_MS = 1001000;

struct sealed {
	char instance[32];
	char code[LIMIT_CODE_BYTES + 1];
	uint64_t stream_id;
	uint64_t seq;
	int64_t from_ms;
	int64_t to_ms;
	int64_t started_ms;
	uint64_t n_before;
	uint64_t n_requests;
	uint64_t n_events;
	uint64_t n_frames;
	uint64_t lost[LOSS_N];
};

struct fixture {
	struct windows *w;
	struct sealed batches[BATCHES_MAX];
	size_t n;
	size_t n_failed;
	uint64_t n_frames; /* what fill adds */
	bool refuse;	   /* fill fails */
};

static int on_fill(void *ctx, uint32_t id, struct strtab *strings,
		   struct arena *arena, struct batch *b, struct err *err)
{
	const struct fixture *f = ctx;

	(void)id;
	(void)strings;
	(void)arena;
	b->n_frames = f->n_frames;
	return f->refuse ? err_set(err, -ENOMEM, "refused") : 0;
}

static void on_sealed(void *ctx, const struct batch *b, uint64_t n_requests,
		      const void *bytes, size_t len)
{
	struct fixture *f = ctx;
	struct sealed *s = &f->batches[f->n < BATCHES_MAX ? f->n : 0];

	(void)bytes;
	(void)len;
	snprintf(s->instance, sizeof(s->instance), "%s", b->instance);
	snprintf(s->code, sizeof(s->code), "%s", b->refused_code);
	s->stream_id = b->stream_id;
	s->seq = b->seq;
	s->from_ms = b->from_ms;
	s->to_ms = b->to_ms;
	s->started_ms = b->started_ms;
	s->n_before = b->n_requests_before;
	s->n_requests = n_requests;
	s->n_events = b->n_events;
	s->n_frames = b->n_frames;
	memcpy(s->lost, b->lost, sizeof(s->lost));
	f->n++;
}

static void on_failed(void *ctx, const char *instance, const char *why)
{
	struct fixture *f = ctx;

	(void)instance;
	(void)why;
	f->n_failed++;
}

static int begin(struct fixture *f, uint32_t id, const char *name,
		 int64_t now_ms)
{
	const struct target_instance i = {
		.id = id,
		.service = "orders",
		.revision = "v1",
		.instance = name,
		.started_ms = now_ms,
	};

	return windows_begin(f->w, &i, now_ms, NULL);
}

/* Windows of a second with instances a, b and c, whose ids are 1, 2 and 3. */
static int fixture_init(struct fixture *f, uint32_t n)
{
	static const struct windows_options options = {
		.window_ms = MS,
		.hooks = "tp_btf",
		.collector = "test/1",
		.basis = LATENCY_TOTAL,
	};
	static const char *const names[] = { "a", "b", "c" };

	*f = (struct fixture){ .w = NULL };
	if (windows_new(&options, START_MS, &f->w, NULL) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++)
		if (begin(f, i + 1, names[i], START_MS) < 0)
			return -1;
	return 0;
}

static void add(struct fixture *f, uint32_t id, int64_t at_ms)
{
	const struct window_request r = {
		.route = "GET /",
		.status = STATUS_2XX,
		.at_ms = at_ms,
		.total_ns = 1000000,
		.service_ns = 900000,
		.queue_ns = 100000,
	};

	windows_add(f->w, id, &r);
}

/* Seal the oldest window at now_ms and keep only what came of it. */
static void seal(struct fixture *f, int64_t now_ms)
{
	static const struct windows_sink sink = { on_fill, on_sealed,
						  on_failed };

	f->n = 0;
	windows_seal(f->w, now_ms, &sink, f);
}

static void the_first_window_begins_after_the_start(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	CHECK_EQ(windows_from_ms(f.w), FIRST_MS);
	CHECK_EQ(windows_to_ms(f.w), FIRST_MS + MS);
	add(&f, 1, FIRST_MS - 1); /* in no window, but it warmed it up */
	windows_event(f.w, 1, FIRST_MS - 1);
	add(&f, 1, FIRST_MS);
	windows_event(f.w, 1, FIRST_MS);
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.batches[0].from_ms, FIRST_MS);
	CHECK_EQ(f.batches[0].to_ms, FIRST_MS + MS);
	CHECK_EQ(f.batches[0].n_requests, 1);
	CHECK_EQ(f.batches[0].n_before, 1);
	CHECK_EQ(f.batches[0].n_events, 1);
	windows_free(f.w);
}

static void a_request_belongs_to_the_window_it_ended_in(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	add(&f, 1, FIRST_MS + MS - 1);
	add(&f, 1, FIRST_MS + MS);
	add(&f, 1, FIRST_MS + 5 * MS); /* beyond both: the newer */
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.batches[0].n_requests, 1);
	add(&f, 1, FIRST_MS + 1); /* its window is sealed: the oldest */
	seal(&f, FIRST_MS + 2 * MS + 150);
	CHECK_EQ(f.batches[0].n_requests, 3);
	CHECK_EQ(f.batches[0].n_before, 1);
	CHECK_EQ(f.batches[0].seq, 1);
	windows_free(f.w);
}

static void silence_has_a_batch(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 2), 0);
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 2);
	CHECK_EQ(f.batches[1].n_requests, 0);
	windows_free(f.w);
}

static void a_clock_set_back_begins_the_windows_again(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	add(&f, 1, FIRST_MS);
	add(&f, 1, FIRST_MS + MS);
	/* by up to a window: the same windows, a little longer */
	CHECK_EQ(windows_turn_back(f.w, FIRST_MS - MS), 0);
	CHECK_EQ(windows_from_ms(f.w), FIRST_MS);
	CHECK_EQ(windows_turn_back(f.w, FIRST_MS - MS - 1), 2);
	CHECK_EQ(windows_from_ms(f.w), FIRST_MS - MS);
	add(&f, 1, FIRST_MS - MS - 1); /* again in no window */
	add(&f, 1, FIRST_MS - MS);
	seal(&f, FIRST_MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.batches[0].from_ms, FIRST_MS - MS);
	CHECK_EQ(f.batches[0].n_requests, 1);
	windows_free(f.w);
}

static void a_clock_set_ahead_leaves_a_gap(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	add(&f, 1, FIRST_MS);
	/* three windows and a half later */
	seal(&f, FIRST_MS + 4 * MS + 500);
	CHECK_EQ(f.batches[0].from_ms, FIRST_MS);
	CHECK_EQ(f.batches[0].n_requests, 1);
	CHECK_EQ(windows_from_ms(f.w), FIRST_MS + 3 * MS);
	seal(&f, FIRST_MS + 4 * MS + 500);
	CHECK_EQ(f.batches[0].from_ms, FIRST_MS + 3 * MS);
	CHECK_EQ(f.batches[0].seq, 1); /* no batch was lost */
	windows_free(f.w);
}

static void losses_of_the_host_are_shared_by_events(void)
{
	static const struct {
		const char *why;
		uint64_t events[3];
		uint64_t lost;
		uint64_t want[3];
	} cases[] = {
		{ "in proportion", { 1, 2, 1 }, 100, { 25, 50, 25 } },
		{ "one did it all", { 0, 7, 0 }, 9, { 0, 9, 0 } },
		{ "nobody did: alike", { 0, 0, 0 }, 9, { 3, 3, 3 } },
		{ "the last takes the rest", { 1, 1, 1 }, 10, { 3, 3, 4 } },
		{ "less than there are", { 1, 1, 1 }, 1, { 0, 0, 1 } },
		{ "none", { 1, 1, 1 }, 0, { 0, 0, 0 } },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct fixture f;

		CHECK_EQ(fixture_init(&f, 3), 0);
		for (uint32_t k = 0; k < 3; k++)
			for (uint64_t n = 0; n < cases[i].events[k]; n++)
				windows_event(f.w, k + 1, FIRST_MS);
		windows_host_lost(f.w, LOSS_RING_FULL, cases[i].lost);
		seal(&f, FIRST_MS + MS + 150);
		CHECK_EQ(f.n, 3);
		for (size_t k = 0; k < 3; k++)
			if (f.batches[k].lost[LOSS_RING_FULL] !=
			    cases[i].want[k])
				test_fail(__FILE__, __LINE__, "%s: %zu has %ju",
					  cases[i].why, k,
					  (uintmax_t)f.batches[k]
						  .lost[LOSS_RING_FULL]);
		seal(&f, FIRST_MS + 2 * MS + 150);
		CHECK_EQ(f.batches[0].lost[LOSS_RING_FULL], 0);
		windows_free(f.w);
	}
}

static void losses_wait_until_somebody_lives(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 0), 0);
	windows_host_lost(f.w, LOSS_RING_FULL, 5);
	windows_lost(f.w, 9, LOSS_UNREADABLE, 2); /* an id nobody has */
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(begin(&f, 1, "a", FIRST_MS + MS), 0);
	windows_lost(f.w, 1, LOSS_UNREADABLE, 1);
	seal(&f, FIRST_MS + 2 * MS + 150);
	CHECK_EQ(f.batches[0].lost[LOSS_RING_FULL], 5);
	CHECK_EQ(f.batches[0].lost[LOSS_UNREADABLE], 3);
	windows_free(f.w);
}

static void an_instance_that_ended_has_its_last_batch(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 2), 0);
	add(&f, 1, FIRST_MS + 10);
	windows_end(f.w, 1, FIRST_MS + 20);
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 2);
	CHECK_EQ(f.batches[0].n_requests, 1);
	/* what is to be said of it is said by another */
	windows_batches_lost(f.w, "a", LOSS_REFUSED, 1, "BAD_BATCH");
	seal(&f, FIRST_MS + 2 * MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK(strcmp(f.batches[0].instance, "b") == 0);
	CHECK_EQ(f.batches[0].lost[LOSS_REFUSED], 1);
	CHECK(strcmp(f.batches[0].code, "BAD_BATCH") == 0);
	seal(&f, FIRST_MS + 3 * MS + 150);
	CHECK_EQ(f.batches[0].lost[LOSS_REFUSED], 0);
	CHECK(f.batches[0].code[0] == '\0');
	windows_free(f.w);
}

static void an_instance_reborn_is_cold_and_counts_on(void)
{
	struct fixture f;
	uint64_t stream_id;

	CHECK_EQ(fixture_init(&f, 1), 0);
	add(&f, 1, FIRST_MS + 10);
	seal(&f, FIRST_MS + MS + 150);
	stream_id = f.batches[0].stream_id;
	windows_end(f.w, 1, FIRST_MS + MS + 200);
	CHECK_EQ(begin(&f, 1, "a", FIRST_MS + MS + 300), 0);
	add(&f, 1, FIRST_MS + MS + 400);
	seal(&f, FIRST_MS + 2 * MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.batches[0].stream_id, stream_id);
	CHECK_EQ(f.batches[0].seq, 1);
	CHECK_EQ(f.batches[0].n_before, 0);
	CHECK_EQ(f.batches[0].n_requests, 1);
	CHECK_EQ(f.batches[0].started_ms, FIRST_MS + MS + 300);
	/* and once it was forgotten it is another stream */
	windows_end(f.w, 1, FIRST_MS + 2 * MS + 200);
	seal(&f, FIRST_MS + 3 * MS + 150);
	CHECK_EQ(f.n, 1);
	seal(&f, FIRST_MS + 4 * MS + 150);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(begin(&f, 1, "a", FIRST_MS + 4 * MS + 200), 0);
	seal(&f, FIRST_MS + 5 * MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.batches[0].seq, 0);
	CHECK(f.batches[0].stream_id != stream_id);
	windows_free(f.w);
}

static void a_batch_goes_without_what_could_not_be_added(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	f.n_frames = 7;
	f.refuse = true;
	add(&f, 1, FIRST_MS);
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.n_failed, 1);
	CHECK_EQ(f.batches[0].n_requests, 1);
	CHECK_EQ(f.batches[0].n_frames, 0);
	windows_free(f.w);
}

static void a_batch_that_cannot_be_made_is_counted_in_the_next(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 1), 0);
	f.n_frames = LIMIT_NUMBER + 1; /* no batch may say that */
	add(&f, 1, FIRST_MS);
	add(&f, 1, FIRST_MS);
	seal(&f, FIRST_MS + MS + 150);
	CHECK_EQ(f.n, 0);
	CHECK_EQ(f.n_failed, 1);
	f.n_frames = 0;
	seal(&f, FIRST_MS + 2 * MS + 150);
	CHECK_EQ(f.n, 1);
	CHECK_EQ(f.batches[0].seq, 0);
	CHECK_EQ(f.batches[0].lost[LOSS_NO_MEMORY], 2);
	CHECK_EQ(f.batches[0].n_before, 2);
	windows_free(f.w);
}

static void there_are_so_many_instances_and_no_more(void)
{
	struct fixture f;

	CHECK_EQ(fixture_init(&f, 0), 0);
	/* in descending order: they are kept in ascending */
	for (uint32_t id = LIMIT_TARGETS; id > 0; id--)
		CHECK_EQ(begin(&f, id, "x", START_MS), 0);
	CHECK_EQ(begin(&f, LIMIT_TARGETS + 1, "x", START_MS), -E2BIG);
	CHECK_EQ(begin(&f, 1, "x", START_MS), 0);
	add(&f, LIMIT_TARGETS / 2, FIRST_MS);
	windows_free(f.w);
}

static void a_window_divides_a_minute(void)
{
	static const struct {
		int64_t ms;
		int want;
	} cases[] = {
		{ 1000, 0 },	   { 10000, 0 },       { 60000, 0 },
		{ 7000, -EINVAL }, { 1500, -EINVAL },  { 0, -EINVAL },
		{ 999, -EINVAL },  { 61000, -EINVAL }, { -1000, -EINVAL },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		CHECK_EQ(windows_check_ms("--window", cases[i].ms, NULL),
			 cases[i].want);
}

const struct test_case test_cases[] = {
	{ "windows: the first begins after the start",
	  the_first_window_begins_after_the_start },
	{ "windows: a request belongs to the window it ended in",
	  a_request_belongs_to_the_window_it_ended_in },
	{ "windows: silence has a batch", silence_has_a_batch },
	{ "windows: a clock set back begins them again",
	  a_clock_set_back_begins_the_windows_again },
	{ "windows: a clock set ahead leaves a gap",
	  a_clock_set_ahead_leaves_a_gap },
	{ "windows: losses of the host are shared by events",
	  losses_of_the_host_are_shared_by_events },
	{ "windows: losses wait until somebody lives",
	  losses_wait_until_somebody_lives },
	{ "windows: an instance that ended has its last batch",
	  an_instance_that_ended_has_its_last_batch },
	{ "windows: an instance reborn is cold and counts on",
	  an_instance_reborn_is_cold_and_counts_on },
	{ "windows: a batch goes without what could not be added",
	  a_batch_goes_without_what_could_not_be_added },
	{ "windows: a batch that cannot be made is counted in the next",
	  a_batch_that_cannot_be_made_is_counted_in_the_next },
	{ "windows: there are so many instances and no more",
	  there_are_so_many_instances_and_no_more },
	{ "windows: a window divides a minute", a_window_divides_a_minute },
	{ NULL, NULL },
};
