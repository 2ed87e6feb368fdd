/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_settle - while a runtime compiles its code, where CPU goes changes
 * by itself: functions are interpreted and then compiled, frames inlined.  A
 * canary is younger than its baseline, so a difference of that kind is
 * everywhere and real, and says nothing about the build.
 *
 * A cohort is young while its compiler threads take much CPU beside its own
 * threads; what is found then is shown as unsettled.  When neither cohort is
 * young any more, profiles begin anew.
 */
#include "stats/flamediff.h"

#include <math.h>

#include "common/batch.h"
#include "stats/flamediff_state.h"

/* Older windows count less: by e in this time. */
static const double MEMORY_MS = 30000.0;

/*
 * CPU of compiler threads over that of the application's.  A JVM with a
 * hundred classes of Ktor and Netty begins at .9 and stays between .2 and
 * 1 for five minutes at 35 requests/s; from then on it is .02 to .08.
 */
static const double SETTLED = 0.10;
static const double YOUNG = 0.25;

void flame_compiling(struct flame_instance *in, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n_threads; i++) {
		double ns = (double)b->threads[i].cpu_ns;

		if (b->threads[i].group == PROFILE_JIT)
			in->jit_ns += ns;
		else if (b->threads[i].group == PROFILE_APP)
			in->app_ns += ns;
	}
}

void flamediff_settle(struct flamediff *d, int64_t window_ms)
{
	double keep = exp(-(double)window_ms / MEMORY_MS);
	double jit[COHORT_N] = { 0.0, 0.0 };
	double app[COHORT_N] = { 0.0, 0.0 };
	double limit = d->young ? SETTLED : YOUNG;
	bool young = false;

	for (uint32_t i = 0; i < d->n_instances; i++) {
		struct flame_instance *in = &d->instances[i];

		jit[in->cohort] += in->jit_ns;
		app[in->cohort] += in->app_ns;
		in->jit_ns *= keep;
		in->app_ns *= keep;
	}
	for (int c = 0; c < COHORT_N; c++)
		young = young || jit[c] > limit * app[c];
	if (d->young && !young)
		flamediff_clear(d);
	d->young = young;
}
