/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/rate.h"

static const uint64_t SECOND_NS = UINT64_C(1000000000);

static uint32_t clamp_hz(double hz, double lo, double hi)
{
	if (!(hz > lo)) /* also catches NaN */
		return (uint32_t)lo;
	return (uint32_t)(hz < hi ? hz : hi);
}

/* How many CPUs a target used. */
static double cpus(uint64_t ticks, uint64_t elapsed_ns, uint32_t hz)
{
	double seconds = (double)elapsed_ns / (double)SECOND_NS;

	return (double)ticks / (seconds * (double)hz);
}

uint32_t rate_next(const uint64_t *ticks, size_t n, uint64_t elapsed_ns,
		   uint32_t hz, uint32_t max_hz)
{
	uint64_t quietest = UINT64_MAX;
	double want;
	double lo;
	double hi;

	max_hz = clamp_hz(max_hz, RATE_HZ_MIN, RATE_HZ_MAX);
	if (n == 0 || elapsed_ns == 0 || hz == 0)
		return hz > max_hz ? max_hz : hz;

	for (size_t i = 0; i < n; i++)
		if (ticks[i] < quietest)
			quietest = ticks[i];
	/* a target that was not seen at all wants all there is */
	want = quietest == 0 ? max_hz
			     : RATE_WANT_HZ / cpus(quietest, elapsed_ns, hz);
	lo = (double)hz / 4;
	hi = (double)hz * 4;
	want = want < lo ? lo : want > hi ? hi : want;
	return clamp_hz(want, RATE_HZ_MIN, max_hz);
}

uint32_t rate_stride(uint64_t ticks, uint64_t elapsed_ns, uint32_t hz,
		     uint32_t next_hz)
{
	uint32_t most = next_hz / RATE_HZ_MIN;
	double stride;

	if (elapsed_ns == 0 || hz == 0 || most < 1)
		return 1;
	stride = cpus(ticks, elapsed_ns, hz) * next_hz / RATE_WANT_HZ;
	return clamp_hz(stride, 1, most);
}

uint32_t rate_ceiling(uint32_t max_hz, uint32_t hz, uint64_t used_ns,
		      uint64_t budget_ns)
{
	double used = (double)used_ns;
	double budget = (double)budget_ns;
	double next = max_hz;

	if (used > budget) {
		next = hz < max_hz ? hz : max_hz;
		next *= used < 2 * budget ? budget / used : 0.5;
	} else if (used < 0.75 * budget) {
		next *= 1.25;
	}
	return clamp_hz(next, RATE_HZ_MIN, RATE_HZ_MAX);
}
