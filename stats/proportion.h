/* SPDX-License-Identifier: Apache-2.0 */
/* proportion - how sure a share is that was counted in so many trials. */
#ifndef STATS_PROPORTION_H
#define STATS_PROPORTION_H

#include <stdint.h>

/*
 * The interval of Clopper and Pearson (1934) around k of n: whatever the true
 * share is, it lies within in at least `level` of such counts, where the
 * trials are independent.
 *
 *   k, n    n > 0, k <= n
 *   level   0 < level < 1: 0.95
 *   ret_lo  0 for k = 0
 *   ret_hi  1 for k = n
 *
 * Returns 0; -EINVAL for anything else, and the results are left alone.
 */
int proportion_interval(uint64_t k, uint64_t n, double level, double *ret_lo,
			double *ret_hi);

#endif /* STATS_PROPORTION_H */
