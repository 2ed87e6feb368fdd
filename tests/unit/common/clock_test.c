/* SPDX-License-Identifier: Apache-2.0 */
/* clock: the three agree with each other. */
#include "common/clock.h"

#include <stddef.h>

#include "tests/test.h"

static void the_offset_leads_from_one_clock_to_the_other(void)
{
	int64_t before_ms = clock_realtime_ms();
	int64_t ms = clock_unix_ms(clock_monotonic_ns(), clock_offset_ns());
	int64_t after_ms = clock_realtime_ms();

	CHECK(ms >= before_ms - 1 && ms <= after_ms + 1);
}

static void the_monotonic_clock_does_not_go_back(void)
{
	uint64_t at = clock_monotonic_ns();

	for (int i = 0; i < 1000; i++) {
		uint64_t next = clock_monotonic_ns();

		CHECK(next >= at);
		at = next;
	}
}

static void unix_time_is_rounded_down(void)
{
	CHECK_EQ(clock_unix_ms(1999999, 0), 1);
	CHECK_EQ(clock_unix_ms(1, -2), -1);
	CHECK_EQ(clock_unix_ms(0, -1000000), -1);
	CHECK_EQ(clock_unix_ms(5, INT64_C(1700000000000000000)),
		 INT64_C(1700000000000));
}

const struct test_case test_cases[] = {
	{ "clock: the offset leads from one clock to the other",
	  the_offset_leads_from_one_clock_to_the_other },
	{ "clock: the monotonic clock does not go back",
	  the_monotonic_clock_does_not_go_back },
	{ "clock: Unix time is rounded down", unix_time_is_rounded_down },
	{ NULL, NULL },
};
