/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rate - how often to look, so that every target is seen about equally often.
 *
 * The clock ticks on every CPU at one rate for all targets, RATE_HZ_MIN to
 * RATE_HZ_MAX.  A target that uses u CPUs meets u times that many ticks a
 * second; of them every stride-th becomes a sample.
 *
 *   the rate is what the quietest target needs for RATE_WANT_HZ samples a
 *   second; a target's stride is what is left over for a busier one
 *
 * so a canary that uses 1 % of a CPU is looked at 999 times a second, and a
 * neighbour that uses two CPUs still costs about RATE_WANT_HZ samples.
 *
 * Pure.
 */
#ifndef COLLECTOR_RATE_H
#define COLLECTOR_RATE_H

#include <stddef.h>
#include <stdint.h>

enum {
	RATE_HZ_MIN = 49,   /* no divisor of a usual timer frequency */
	RATE_HZ_MAX = 999,  /* a tick costs about 1 us of each CPU */
	RATE_WANT_HZ = 100, /* samples a second wanted of each target */
};

/*
 * The rate for the next window.
 *
 *   ticks       of each of the n targets in the window that ended
 *   elapsed_ns  its length
 *   hz          the clock's rate during it
 *   max_hz      ceiling set by the collector's own budget; clamped to
 *               RATE_HZ_MIN..RATE_HZ_MAX
 *
 * Moves by at most a factor of 4, because a short window says little.
 * Without targets or time the rate stays.
 */
uint32_t rate_next(const uint64_t *ticks, size_t n, uint64_t elapsed_ns,
		   uint32_t hz, uint32_t max_hz);

/*
 * The stride of a target that met ticks at hz, once the clock runs at
 * next_hz: at least 1, and never so large that the target is looked at less
 * than RATE_HZ_MIN times per second of its CPU time.
 */
uint32_t rate_stride(uint64_t ticks, uint64_t elapsed_ns, uint32_t hz,
		     uint32_t next_hz);

/*
 * The ceiling of the next window, for a collector that took used_ns of CPU
 * time in the last and may take budget_ns.
 *
 *   max_hz  the ceiling during it, RATE_HZ_MIN to RATE_HZ_MAX
 *   hz      the clock's rate during it
 *
 * Beyond the budget it falls below hz by as much as that was overdrawn, to
 * half at most, because the first window reads symbol tables and is no
 * measure of the others.  Below three quarters of the budget it rises by a
 * quarter; between the two it stays, so that it does not swing.
 */
uint32_t rate_ceiling(uint32_t max_hz, uint32_t hz, uint64_t used_ns,
		      uint64_t budget_ns);

#endif /* COLLECTOR_RATE_H */
