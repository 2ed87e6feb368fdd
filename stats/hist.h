/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hist - latency histogram with a bounded relative error.
 *
 * Each octave of nanoseconds is cut into 128 equal buckets.  For latencies up
 * to max_ns, a quantile read back is never below the true one and at most
 * 1/128 (0.8 %) above it.  Memory is bounded by max_ns, whatever the traffic;
 * an octave takes its 1 KiB when something first falls into it.
 *
 * Invariants
 *   - hist_count() is the sum of all buckets, clipped observations included.
 *   - Merging commutes and associates: the order in which collectors report
 *     cannot change a verdict.
 *
 * Pure: no I/O, no clock, no logging, no globals.  One owner at a time.
 */
#ifndef STATS_HIST_H
#define STATS_HIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hist;

/* The longest latency told apart by collectors and gate: ten minutes. */
#define HIST_MAX_NS (UINT64_C(600) * 1000000000)

/* The bucket of the common grid that holds ns, and the longest ns in it. */
uint32_t hist_bucket(uint64_t ns);
uint64_t hist_edge(uint32_t bucket);

/*
 * Make an empty histogram for latencies of 0..max_ns nanoseconds.
 *
 *   max_ns  largest latency told apart; longer ones count as max_ns
 *   ret_h   receives the histogram; the caller owns it: hist_free()
 *
 * Returns 0, -EINVAL if max_ns is 0, or -ENOMEM.
 */
int hist_new(uint64_t max_ns, struct hist **ret_h);

/* Release h.  hist_free(NULL) does nothing. */
void hist_free(struct hist *h);

/*
 * Count one observation; a longer one is clipped to max_ns.
 * Returns 0, or -ENOMEM if it opens an octave for which there is no memory.
 */
int hist_add(struct hist *h, uint64_t latency_ns);

/*
 * Count n observations in a bucket of the common grid, as a batch has them.
 * Returns 0, -EINVAL if the bucket lies beyond max_ns, or -ENOMEM.
 */
int hist_add_bucket(struct hist *h, uint32_t bucket, uint64_t n);

/*
 * The same for many buckets at once, as a batch has them: count[i] in
 * bucket[i], i below n.  Returns as hist_add_bucket(); what lies before the
 * one that failed was counted.
 */
int hist_add_buckets(struct hist *h, const uint32_t *bucket,
		     const uint64_t *count, uint32_t n);

/*
 * n buckets are soon added to or asked for: call for the memory they take,
 * which for a histogram of which there are many is far away.
 */
void hist_expect(const struct hist *h, const uint32_t *bucket, uint32_t n);

/*
 * Take n observations away again.  Returns 0, or -EINVAL if the bucket holds
 * fewer, and then nothing was taken.
 */
int hist_remove_bucket(struct hist *h, uint32_t bucket, uint64_t n);

/* How many observations lie in buckets above this one. */
uint64_t hist_above(const struct hist *h, uint32_t bucket);

/*
 * Walk the buckets that are not empty, by ascending number: start with
 * *at = 0; each call that returns true has filled bucket and n and moved *at.
 */
bool hist_next(const struct hist *h, uint32_t *at, uint32_t *ret_bucket,
	       uint64_t *ret_n);

/* Forget every observation. */
void hist_clear(struct hist *h);

/*
 * Add every observation of src to dst; src is unchanged.
 * Returns 0, -EINVAL if the two were made with different max_ns, or -ENOMEM
 * with dst unchanged.
 */
int hist_merge(struct hist *dst, const struct hist *src);

/* Number of observations, 0 for an empty histogram. */
uint64_t hist_count(const struct hist *h);

/*
 * Read the nearest-rank quantile: the smallest latency L such that at least
 * ceil(q * n) of the n observations are <= L, with q * n taken in doubles.
 *
 *   q       a fraction, 0 < q <= 1; P99 is 0.99, never 99
 *   ret_ns  receives nanoseconds, rounded up to the bucket's upper edge
 *
 * Returns 0, -EINVAL if q is out of range or NaN, -ENODATA if h is empty.
 */
int hist_quantile(const struct hist *h, double q, uint64_t *ret_ns);

/*
 * Read n_q quantiles, q ascending, in one pass: ret_ns[i] belongs to q[i].
 * Returns as hist_quantile(); on -EINVAL and -ENODATA ret_ns is unchanged.
 */
int hist_quantiles(const struct hist *h, const double *q, size_t n_q,
		   uint64_t *ret_ns);

/*
 * Where a quantile was last found.  Begins as { 0 }.  Whoever counts something
 * in a bucket below cursor.bucket adds it to cursor.below; whoever takes
 * something away begins anew.
 */
struct hist_cursor {
	uint32_t bucket;
	uint64_t below; /* observations in buckets below it */
};

/*
 * The same as hist_quantile(), in as many steps as the quantile has moved by:
 * a histogram that grows a little is not read all over again.
 * Returns as it does; the cursor moves with 0 alone.
 */
int hist_quantile_near(const struct hist *h, double q, struct hist_cursor *c,
		       uint64_t *ret_ns);

#endif /* STATS_HIST_H */
