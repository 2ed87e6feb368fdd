/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/uplink_events.h"

#include <stdio.h>
#include <string.h>

#include "tests/test.h"

static void put(struct uplink_events *q, enum uplink_what what, uint64_t n,
		const char *instance)
{
	struct uplink_event e = { .what = what, .n = n };

	snprintf(e.instance, sizeof(e.instance), "%s", instance);
	uplink_events_put(q, &e);
}

static void events_come_out_as_they_went_in(void)
{
	struct uplink_events q = { .n = 0 };
	struct uplink_event e;

	CHECK(!uplink_events_take(&q, &e));
	put(&q, UPLINK_KEPT, 0, "a");
	put(&q, UPLINK_DELIVERED, 1, "b");
	CHECK(uplink_events_take(&q, &e));
	CHECK_EQ(e.what, UPLINK_KEPT);
	CHECK(strcmp(e.instance, "a") == 0);
	CHECK(uplink_events_take(&q, &e));
	CHECK_EQ(e.what, UPLINK_DELIVERED);
	CHECK(!uplink_events_take(&q, &e));
}

static void what_is_counted_is_not_lost_when_nobody_listens(void)
{
	struct uplink_events q = { .n = 0 };
	uint64_t n[UPLINK_EVENTS_KINDS] = { 0 };
	uint64_t n_taken = 0;
	struct uplink_event e;

	for (uint64_t i = 0; i < UPLINK_EVENTS_MAX; i++)
		put(&q, UPLINK_REFUSED, 1, "a");
	/* kinds that are not there yet, when all places are taken */
	for (uint64_t i = 0; i < 1000; i++)
		for (int what = 0; what < UPLINK_EVENTS_KINDS; what++)
			put(&q, (enum uplink_what)what, 2, "b");
	while (uplink_events_take(&q, &e)) {
		n[e.what] += e.n;
		n_taken++;
	}
	for (int what = 0; what < UPLINK_EVENTS_KINDS; what++)
		CHECK_EQ(n[what], what == UPLINK_REFUSED
					  ? 2000 + UPLINK_EVENTS_MAX
					  : 2000);
	CHECK_EQ(n_taken, UPLINK_EVENTS_MAX + UPLINK_EVENTS_KINDS - 1);
}

const struct test_case test_cases[] = {
	{ "uplink: events come out as they went in",
	  events_come_out_as_they_went_in },
	{ "uplink: what is counted is not lost when nobody listens",
	  what_is_counted_is_not_lost_when_nobody_listens },
	{ NULL, NULL },
};
