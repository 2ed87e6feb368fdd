/* SPDX-License-Identifier: Apache-2.0 */
#include "common/clock.h"

#include <assert.h>
#include <time.h>

enum { NS_PER_MS = 1000000 };

static int64_t now_ns(clockid_t id)
{
	struct timespec ts;
	int rc = clock_gettime(id, &ts);

	assert(rc == 0); /* both clocks always exist */
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

uint64_t clock_monotonic_ns(void)
{
	return (uint64_t)now_ns(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / NS_PER_MS;
}

void clock_sleep_ms(int64_t ms)
{
	struct timespec ts = { .tv_sec = ms / 1000,
			       .tv_nsec = ms % 1000 * NS_PER_MS };

	if (ms > 0)
		nanosleep(&ts, NULL);
}

int64_t clock_realtime_ms(void)
{
	return now_ns(CLOCK_REALTIME) / NS_PER_MS;
}

/*
 * Two clocks cannot be read at once.  Of three tries the one whose two
 * monotonic readings lie closest together was interrupted least.
 */
int64_t clock_offset_ns(void)
{
	int64_t best_gap = INT64_MAX;
	int64_t offset = 0;

	for (int i = 0; i < 3; i++) {
		int64_t before = now_ns(CLOCK_MONOTONIC);
		int64_t real = now_ns(CLOCK_REALTIME);
		int64_t gap = now_ns(CLOCK_MONOTONIC) - before;

		if (gap < best_gap) {
			best_gap = gap;
			offset = real - before - gap / 2;
		}
	}
	return offset;
}

int64_t clock_unix_ms(uint64_t monotonic_ns, int64_t offset_ns)
{
	int64_t ns = (int64_t)monotonic_ns + offset_ns;

	return ns / NS_PER_MS - (ns % NS_PER_MS < 0);
}
