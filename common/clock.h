/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock - what time it is.  Only programs ask; modules are told.
 *
 * The kernel stamps its records with the monotonic clock, batches carry Unix
 * time: clock_offset_ns() leads from the one to the other.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include <stdint.h>

/* CLOCK_MONOTONIC in ns: never set, stands still while suspended. */
uint64_t clock_monotonic_ns(void);

/* The same in ms, rounded down. */
int64_t clock_monotonic_ms(void);

/* Sleep for ms; not at all if that is not above 0.  A signal ends it. */
void clock_sleep_ms(int64_t ms);

/* Unix time in ms: may be set back and forth. */
int64_t clock_realtime_ms(void);

/*
 * Unix time in ns of the moment at which the monotonic clock was 0, by now's
 * reckoning, to within 1 us.  Ask again every window: it moves when somebody
 * sets the clock, and drifts while ntpd slews it.
 */
int64_t clock_offset_ns(void);

/* Unix time in ms of a monotonic stamp, rounded down. */
int64_t clock_unix_ms(uint64_t monotonic_ns, int64_t offset_ns);

#endif /* COMMON_CLOCK_H */
