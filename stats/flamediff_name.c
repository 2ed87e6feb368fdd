/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_name - which function explains a rise.
 *
 * Of the functions that rose, the one with the largest gain * (gain / share)^2
 * is best: much was gained on its stacks, and its stacks are little else.
 * From there down to the deepest callee in which 80 % of that gain happens.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"

/* Functions without a name of the application's: what a runtime generates. */
bool flame_stub(const char *name)
{
	return name[0] == '[' || strcmp(name, "Interpreter") == 0 ||
	       strcmp(name, "vtable chunks") == 0 ||
	       strcmp(name, "I2C/C2I adapters") == 0 ||
	       strncmp(name, "StubRoutines", 12) == 0;
}

/* package.Class.method, as those of a JVM are; libjvm's have "::". */
static bool is_managed(const char *name)
{
	return !flame_stub(name) && strchr(name, '.') && !strstr(name, "::");
}

/*
 * In a JVM the application is what runs in it; stubs, libjvm, libc and the
 * kernel run it.  Elsewhere it is everything that has a name.
 */
bool flame_application(const struct flamediff *d, uint32_t f)
{
	const char *name = calltree_name(d->tree, f);

	return d->managed ? is_managed(name) : !flame_stub(name);
}

static double score(const struct flame_node *n)
{
	double pure = n->gain / fmax(n->share[COHORT_CANARY], 1e-12);

	return n->gain * pure * pure;
}

/* Further down, seen from the stacks; a strict order, so descents end. */
static bool deeper(const struct flame_node *a, const struct flame_node *b)
{
	if (a->share[COHORT_CANARY] != b->share[COHORT_CANARY])
		return a->share[COHORT_CANARY] < b->share[COHORT_CANARY];
	return a->path > b->path;
}

static uint32_t best_of(const struct flamediff *d, const bool *may,
			bool application)
{
	uint32_t best = UINT32_MAX;

	for (uint32_t f = 0; f < d->n_functions; f++)
		if (may[f] &&
		    (best == UINT32_MAX ||
		     score(&d->functions[f]) > score(&d->functions[best])) &&
		    flame_application(d, f) == application)
			best = f;
	return best;
}

/* The deepest callee of f in which 80 % of its gain happens, or f. */
static uint32_t descend(struct flamediff *d, const bool *may, uint32_t f)
{
	bool application = flame_application(d, f);
	uint32_t to = f;

	for (uint32_t k = 0; k < d->n_functions; k++)
		if (may[k] && deeper(&d->functions[k], &d->functions[to]) &&
		    flame_application(d, k) == application &&
		    flame_below_gain(d, f, k) >= 0.8 * d->functions[f].gain)
			to = k;
	return to;
}

uint32_t flame_explains(struct flamediff *d, const bool *may)
{
	uint32_t best = best_of(d, may, true);

	if (best == UINT32_MAX)
		best = best_of(d, may, false);
	return best == UINT32_MAX ? best : descend(d, may, best);
}

/* Is this rise beyond what chance and any baseline instance show? */
static bool strong(const struct flamediff *d, const struct flame_node *n)
{
	return n->rise >= d->policy.path_min_rise &&
	       n->share[COHORT_CANARY] >= d->policy.path_min_share &&
	       n->share[COHORT_CANARY] >= 1.5 * n->share[COHORT_BASELINE] &&
	       n->share[COHORT_CANARY] > n->most_baseline &&
	       !flame_sporadic(d, n) && n->samples[COHORT_CANARY] >= 20.0 &&
	       n->path != UINT32_MAX;
}

/*
 * Of all that regions gained, how much a function must have to be named
 * without inference.  While code is being compiled everything gains: in ten
 * rollouts of one build nothing had more than .18 of it, a function that was
 * the cause .60 to .74.
 */
static const double HOT_PART = 1.0 / 3.0;

static bool stands_out(const struct flamediff *d, uint32_t f)
{
	double all = 0.0;

	for (uint32_t r = 0; r <= d->n_functions; r++)
		all += d->regions[r].gain[COHORT_CANARY];
	return d->functions[f].gain >= HOT_PART * all;
}

int flamediff_hot(struct flamediff *d, struct rollout_finding *ret_f)
{
	uint32_t best = UINT32_MAX;
	bool *may;

	for (size_t i = 0; i < d->n_findings; i++) {
		uint32_t f = calltree_function_of(d->tree, d->findings[i].path);

		if ((d->findings[i].class == PATH_NEW ||
		     d->findings[i].class == PATH_GROWN) &&
		    flame_application(d, f)) {
			*ret_f = d->findings[i];
			return 0;
		}
	}
	if (flame_sum(d) < 0)
		return -ENOENT;
	flame_restore(d);
	may = calloc((size_t)d->n_functions + 1, sizeof(*may));
	for (uint32_t f = 0; may && f < d->n_functions; f++)
		may[f] = flame_application(d, f) &&
			 strong(d, &d->functions[f]) &&
			 !flame_moved(d, &d->functions[f]);
	if (may)
		best = flame_explains(d, may);
	free(may);
	if (best == UINT32_MAX || !stands_out(d, best))
		return -ENOENT;
	flame_finding(&d->functions[best], true, ret_f);
	ret_f->class =
		flame_absent(d, &d->functions[best]) ? PATH_NEW : PATH_GROWN;
	/* its call paths are shown as what it was named for */
	for (uint32_t i = 0; i < d->n_classes && i < d->n_nodes; i++)
		if (calltree_function_of(d->tree, i) == best)
			d->classes[i] = (uint8_t)ret_f->class;
	return 0;
}
