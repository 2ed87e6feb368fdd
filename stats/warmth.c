/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/warmth.h"

#include <math.h>

#include "common/batch.h"
#include "stats/hist.h"

/* Older windows count less: by e in this time. */
static const double MEMORY_MS = 30000.0;

/*
 * CPU of compiler threads over that of the application's.  A JVM with a
 * hundred classes of Ktor and Netty begins at .9 and stays between .2 and
 * 1 for five minutes at 35 requests/s; from then on it is .02 to .08.
 */
static const double SETTLED = 0.10;
static const double YOUNG = 0.25;

/* Cohorts that were started together differ by less. */
static const double YOUNGER = 2.0;

void warmth_note(struct warmth *w, enum cohort c, const struct batch *b,
		 uint64_t n_requests)
{
	for (uint32_t i = 0; i < b->n_threads; i++) {
		double ns = (double)b->threads[i].cpu_ns;

		if (b->threads[i].group == PROFILE_JIT)
			w->jit_ns[c] += ns;
		else if (b->threads[i].group == PROFILE_APP)
			w->app_ns[c] += ns;
	}
	w->requests[c] += (double)n_requests;
	if (c == COHORT_CANARY && b->started_ms > w->newest_ms)
		w->newest_ms = b->started_ms;
}

void warmth_window(struct warmth *w, int64_t window_ms)
{
	double keep = exp(-(double)window_ms / MEMORY_MS);

	for (int c = 0; c < COHORT_N; c++) {
		double limit = w->young[c] ? SETTLED : YOUNG;

		w->young[c] = w->jit_ns[c] > limit * w->app_ns[c];
		w->jit_ns[c] *= keep;
		w->app_ns[c] *= keep;
		w->requests[c] *= keep;
	}
}

bool warmth_young(const struct warmth *w)
{
	return w->young[COHORT_BASELINE] || w->young[COHORT_CANARY];
}

double warmth_compiling(const struct warmth *w, enum cohort c)
{
	return w->app_ns[c] > 0.0 ? w->jit_ns[c] / w->app_ns[c] : 0.0;
}

double warmth_cost_ns(const struct warmth *w, enum cohort c)
{
	if (w->requests[c] <= 0.0)
		return 0.0;
	return w->app_ns[c] / w->requests[c];
}

static double mean_ns(const struct hist *h)
{
	double sum = 0.0;
	uint64_t count;
	uint32_t bucket;
	uint32_t at = 0;

	while (hist_next(h, &at, &bucket, &count))
		sum += (double)count * (double)hist_edge(bucket);
	return hist_count(h) > 0 ? sum / (double)hist_count(h) : 0.0;
}

double warmth_extra(const struct warmth *w, const struct hist *latencies,
		    int64_t now_ms, int64_t settle_after_ms)
{
	double canary = warmth_cost_ns(w, COHORT_CANARY);
	double baseline = warmth_cost_ns(w, COHORT_BASELINE);
	double mean;

	if (!w->young[COHORT_CANARY] || canary <= 0.0 || baseline <= 0.0 ||
	    warmth_compiling(w, COHORT_CANARY) <
		    YOUNGER * warmth_compiling(w, COHORT_BASELINE) ||
	    now_ms - w->newest_ms >= settle_after_ms)
		return 0.0;
	mean = mean_ns(latencies);
	return mean > 0.0 ? fmax(canary - baseline, 0.0) / mean : 0.0;
}
