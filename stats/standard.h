/* SPDX-License-Identifier: Apache-2.0 */
/*
 * standard - the latencies that the baseline would have had, had its requests
 * come when the canary's came.
 *
 * Direct standardisation: each block's histogram counts with a weight, the
 * canary's requests in that block over the baseline's.  What a ramp or a
 * trend of load does to one cohort it then does to both.  Weights are not
 * whole numbers, hence doubles; the grid is hist.h's.
 *
 * Pure.  One owner.
 */
#ifndef STATS_STANDARD_H
#define STATS_STANDARD_H

#include <stdint.h>

struct hist;
struct standard;

/* Make an empty one.  Returns 0 and the caller owns *ret_s, or -ENOMEM. */
int standard_new(struct standard **ret_s);

/* Release s.  standard_free(NULL) does nothing. */
void standard_free(struct standard *s);

/*
 * Count every observation of h weight times, weight > 0 and finite; h was
 * made for HIST_MAX_NS.  Returns 0, or -ENOMEM with some of h counted.
 */
int standard_add(struct standard *s, const struct hist *h, double weight);

/*
 * The smallest latency, at a bucket's upper edge, below or at which lies the
 * share q of the weight; a share that only rounding keeps from q counts as q.
 * Returns 0, -EINVAL unless 0 < q <= 1, or -ENODATA if s is empty.
 */
int standard_quantile(const struct standard *s, double q, uint64_t *ret_ns);

#endif /* STATS_STANDARD_H */
