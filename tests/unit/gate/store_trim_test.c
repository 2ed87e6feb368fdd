/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Retention by size, and how far what is left reaches back.  Retention by age
 * is with the store's other tests.
 */
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "gate/store.h"
#include "tests/test.h"
#include "tests/unit/gate/store_room.h"

#define T0   INT64_C(1699999200000) /* an hour begins */
#define HOUR INT64_C(3600000)

enum { BODY_BYTES = 20000 };

/* One batch of BODY_BYTES; the store does not look into it. */
static int put(struct room *r, const char *service, int64_t from_ms)
{
	static char body[BODY_BYTES];
	struct batch b = { .service = service,
			   .revision = "v1",
			   .instance = "a",
			   .stream_id = 1,
			   .seq = (uint64_t)from_ms,
			   .from_ms = from_ms,
			   .to_ms = from_ms + 10000 };

	return store_put_batch(r->st, &b, body, sizeof(body), from_ms, NULL,
			       NULL);
}

static int count(void *ctx, const struct store_batch *b)
{
	(void)b;
	++*(int *)ctx;
	return 0;
}

static int n_batches(struct room *r, const char *service)
{
	int n = 0;

	if (store_each_batch(r->st, service, NULL, 0, INT64_MAX, 0, count, &n,
			     NULL) != 0)
		return -1;
	return n;
}

static void a_store_that_is_too_large_loses_its_oldest(void)
{
	uint64_t before = 0;
	uint64_t after = 0;
	uint64_t n = 7;
	int64_t trimmed_ms = 0;
	int64_t first_ms = 0;
	uint32_t n_hours = 0;
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	for (int i = 0; i < 100; i++) {
		CHECK_EQ(put(&r, "orders", T0 + i * HOUR), 0);
		CHECK_EQ(put(&r, "cart", T0 + i * HOUR + 10000), 0);
	}
	CHECK_EQ(store_size(r.st, &before, NULL), 0);
	CHECK(before > 200 * BODY_BYTES && before < 300 * BODY_BYTES);
	/* large enough */
	CHECK_EQ(store_shrink(r.st, before, &n, NULL), 0);
	CHECK_EQ(n, 0);
	CHECK_EQ(store_shrink(r.st, before / 2, &n, NULL), 0);
	CHECK(n > 90 && n < 110);
	CHECK_EQ(store_size(r.st, &after, NULL), 0);
	CHECK(after <= before / 2);
	/* of both alike, and it is known since when */
	CHECK(abs(n_batches(&r, "orders") - n_batches(&r, "cart")) <= 1);
	CHECK_EQ(store_trimmed_ms(r.st, "orders", &trimmed_ms, NULL), 0);
	CHECK_EQ(store_reach(r.st, "orders", T0, T0 + 200 * HOUR, &first_ms,
			     &n_hours, NULL),
		 0);
	CHECK(first_ms >= trimmed_ms && trimmed_ms > T0 + 40 * HOUR);
	CHECK_EQ(n_hours, n_batches(&r, "orders"));
	CHECK_EQ(first_ms + (int64_t)n_hours * HOUR, T0 + 100 * HOUR);
	/* none of it at all is not less than nothing */
	CHECK_EQ(store_shrink(r.st, 1, &n, NULL), 0);
	CHECK(n_batches(&r, "orders") <= 1);
	room_close(&r);
}

/* The first that has nothing more to delete does not stand for all. */
static void every_service_loses_what_is_old(void)
{
	static const char *const services[] = { "cart", "orders", "billing" };
	uint64_t n = 0;
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	for (size_t i = 0; i < 3; i++)
		for (int k = 0; k < 10; k++)
			CHECK_EQ(put(&r, services[i], T0 + k * HOUR), 0);
	CHECK_EQ(store_trim(r.st, T0 + 5 * HOUR, &n, NULL), 0);
	CHECK_EQ(n, 15);
	for (size_t i = 0; i < 3; i++)
		CHECK_EQ(n_batches(&r, services[i]), 5);
	room_close(&r);
}

static void what_an_open_rollout_rests_on_stays(void)
{
	const struct store_rollout want = { .service = "orders",
					    .baseline = "v1",
					    .canary = "v2",
					    .attempt = 1,
					    .policy = "default",
					    .policy_version = 1,
					    .begun_ms = T0 + 3 * HOUR,
					    .step = 1 };
	struct store_rollout got;
	uint32_t version = 0;
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	for (int i = 0; i < 20; i++)
		CHECK_EQ(put(&r, "orders", T0 + i * HOUR), 0);
	CHECK_EQ(store_put_policy(r.st, "default", "{}", T0, &version, NULL),
		 0);
	CHECK_EQ(store_begin_rollout(r.st, &want, &got, NULL, NULL), 0);
	CHECK_EQ(store_shrink(r.st, 1, NULL, NULL), 0);
	CHECK_EQ(n_batches(&r, "orders"), 17);
	room_close(&r);
}

static void reach_counts_hours_and_knows_gaps(void)
{
	static const struct {
		const char *service;
		int64_t from_ms;
		int64_t to_ms;
		int64_t first_ms;
		uint32_t n_hours;
	} cases[] = {
		{ "orders", T0, T0 + 100 * HOUR, T0 + 10000, 4 },
		{ "orders", T0 + HOUR, T0 + 100 * HOUR, T0 + HOUR, 3 },
		{ "orders", T0 + HOUR + 1, T0 + 50 * HOUR, T0 + 49 * HOUR, 1 },
		{ "orders", T0, T0 + 10000, 0, 0 },
		{ "orders", T0 + 90 * HOUR, T0 + 95 * HOUR, 0, 0 },
		{ "nobody", T0, T0 + 100 * HOUR, 0, 0 },
	};
	static const int64_t at[] = { T0 + 10000, T0 + 20000, T0 + HOUR,
				      T0 + 49 * HOUR, T0 + 50 * HOUR };
	struct room r;

	CHECK_EQ(room_open(&r), 0);
	CHECK_EQ(put(&r, "cart", T0 + 90 * HOUR), 0);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++)
		CHECK_EQ(put(&r, "orders", at[i]), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t first_ms = -1;
		uint32_t n_hours = 99;

		CHECK_EQ(store_reach(r.st, cases[i].service, cases[i].from_ms,
				     cases[i].to_ms, &first_ms, &n_hours, NULL),
			 0);
		if (first_ms != cases[i].first_ms ||
		    n_hours != cases[i].n_hours)
			test_fail(__FILE__, __LINE__, "%zu: %" PRId64 ", %u", i,
				  first_ms, n_hours);
	}
	room_close(&r);
}

const struct test_case test_cases[] = {
	{ "store: one that is too large loses its oldest",
	  a_store_that_is_too_large_loses_its_oldest },
	{ "store: every service loses what is old",
	  every_service_loses_what_is_old },
	{ "store: what an open rollout rests on stays",
	  what_an_open_rollout_rests_on_stays },
	{ "store: reach counts hours and knows gaps",
	  reach_counts_hours_and_knows_gaps },
	{ NULL, NULL },
};
