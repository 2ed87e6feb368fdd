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
static bool is_stub(const char *name)
{
	return name[0] == '[' || strcmp(name, "Interpreter") == 0 ||
	       strncmp(name, "StubRoutines", 12) == 0;
}

/* package.Class.method, as those of a JVM are; libjvm's have "::". */
static bool is_managed(const char *name)
{
	return !is_stub(name) && strchr(name, '.') && !strstr(name, "::");
}

/*
 * In a JVM the application is what runs in it; stubs, libjvm, libc and the
 * kernel run it.  Elsewhere it is everything that has a name.
 */
bool flame_application(const struct flamediff *d, uint32_t f)
{
	const char *name = calltree_name(d->tree, f);

	return d->managed ? is_managed(name) : !is_stub(name);
}

void flame_overlap(const struct flamediff *d, uint32_t k, double *above,
		   double *below)
{
	double *x = d->work; /* by node: gain on stacks that hold k */
	double *inside = d->work + d->n_nodes + d->n_functions;

	for (uint32_t i = 0; i < d->n_nodes; i++) {
		int32_t parent = calltree_parent(d->tree, i);

		inside[i] =
			calltree_function_of(d->tree, i) == k ||
					(parent >= 0 && inside[parent] > 0.0)
				? 1.0
				: 0.0;
		x[i] = inside[i] > 0.0 ? d->gains[i] : 0.0;
	}
	for (uint32_t f = 0; f < d->n_functions; f++)
		above[f] = below[f] = 0.0;
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);
		uint32_t f = calltree_function_of(d->tree, i);

		if (parent >= 0)
			x[parent] += x[i];
		if (calltree_outermost(d->tree, i))
			*(inside[i] > 0.0 ? &below[f] : &above[f]) += x[i];
	}
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
static uint32_t descend(const struct flamediff *d, const bool *may, uint32_t f,
			double *room)
{
	double *below = room + d->n_functions;
	bool application = flame_application(d, f);
	uint32_t to = f;

	flame_overlap(d, f, room, below);
	for (uint32_t k = 0; k < d->n_functions; k++)
		if (may[k] && below[k] >= 0.8 * d->functions[f].gain &&
		    deeper(&d->functions[k], &d->functions[to]) &&
		    flame_application(d, k) == application)
			to = k;
	return to;
}

uint32_t flame_explains(const struct flamediff *d, const bool *may,
			double *room)
{
	uint32_t best = best_of(d, may, true);

	if (best == UINT32_MAX)
		best = best_of(d, may, false);
	return best == UINT32_MAX ? best : descend(d, may, best, room);
}

/* Is this rise beyond what chance and any baseline instance show? */
static bool strong(const struct flamediff *d, const struct flame_node *n)
{
	return n->rise >= d->policy.path_min_rise &&
	       n->share[COHORT_CANARY] >= d->policy.path_min_share &&
	       n->share[COHORT_CANARY] >= 1.5 * n->share[COHORT_BASELINE] &&
	       n->share[COHORT_CANARY] > n->most_baseline &&
	       n->samples[COHORT_CANARY] >= 20.0 && n->path != UINT32_MAX;
}

int flamediff_hot(struct flamediff *d, struct rollout_finding *ret_f)
{
	uint32_t best = UINT32_MAX;
	double *room;
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
	room = calloc(2 * (size_t)d->n_functions + 1, sizeof(*room));
	may = calloc((size_t)d->n_functions + 1, sizeof(*may));
	for (uint32_t f = 0; may && f < d->n_functions; f++)
		may[f] = flame_application(d, f) &&
			 strong(d, &d->functions[f]) &&
			 !flame_function_moved(d, f);
	if (room && may)
		best = flame_explains(d, may, room);
	free(room);
	free(may);
	if (best == UINT32_MAX)
		return -ENOENT;
	flame_finding(&d->functions[best], true, ret_f);
	ret_f->class =
		flame_absent(&d->functions[best]) ? PATH_NEW : PATH_GROWN;
	return 0;
}
