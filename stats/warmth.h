/* SPDX-License-Identifier: Apache-2.0 */
/*
 * warmth - is a cohort's code still being compiled, and what does it cost?
 *
 * While a runtime compiles its code, requests cost more CPU than they will,
 * and where CPU goes changes by itself: functions are interpreted and then
 * compiled, frames inlined.  A canary is younger than its baseline, so such
 * differences are everywhere and real, and say nothing about the build.
 *
 * A cohort is young from the time on that its compiler threads take more than
 * a quarter of the application's CPU until they take less than a tenth, recent
 * windows counting most.  METHOD.md, "Young code".
 */
#ifndef STATS_WARMTH_H
#define STATS_WARMTH_H

#include <stdbool.h>
#include <stdint.h>

#include "stats/rollout.h"

/* Zero before the first window.  Sums of CPU time and requests, fading. */
struct warmth {
	double jit_ns[COHORT_N];
	double app_ns[COHORT_N];
	double requests[COHORT_N];
	bool young[COHORT_N];
	int64_t newest_ms; /* when the canary's newest instance started */
};

/* Take an instance's window: its threads' CPU and n requests answered. */
void warmth_note(struct warmth *w, enum cohort c, const struct batch *b,
		 uint64_t n_requests);

/* A window of window_ms is over; after its notes. */
void warmth_window(struct warmth *w, int64_t window_ms);

/* Is either cohort young? */
bool warmth_young(const struct warmth *w);

/* CPU-ns of a cohort's compilers over those of its application; 0: unknown. */
double warmth_compiling(const struct warmth *w, enum cohort c);

/* The application's CPU-ns for a request; 0 if not known. */
double warmth_cost_ns(const struct warmth *w, enum cohort c);

/*
 * By how much the canary's latencies may be longer because its code is young,
 * as a share of them: what a request costs more CPU than the baseline's, over
 * the mean of the baseline's latencies.  0 unless the canary is young and the
 * baseline is not, or half as young at most; and once the canary's newest
 * instance is settle_after_ms old.
 *
 *   latencies  of the baseline, of the newest window
 */
double warmth_extra(const struct warmth *w, const struct hist *latencies,
		    int64_t now_ms, int64_t settle_after_ms);

#endif /* STATS_WARMTH_H */
