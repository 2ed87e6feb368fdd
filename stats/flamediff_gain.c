/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_gain - what of a rise is CPU that was gained, and not cost or
 * frames that moved.
 *
 * Which frames a stack has is up to compilers.  Of two instances of one build
 * a JVM inlines a function here and keeps it there, and again differently
 * after some minutes: frames come and go, also at the leaves, where no CPU
 * does.  So time is not compared by frame.  Frames that are not in most
 * instances of both cohorts are taken out of every stack, and what remains is
 * summed by its last frame: a region.  Inlining moves frames within a region;
 * new work makes the region larger.
 *
 * The gain of a function is the sum over regions of the smaller of what the
 * region gained and by how much the function's stacks within it rose.
 */
#include "stats/flamediff.h"

#include <math.h>
#include <string.h>

#include "stats/flamediff_state.h"

/* Is the frame there in three of four instances, on both sides? */
static bool stays(const struct flamediff *d, uint32_t f)
{
	const struct flame_node *n = &d->functions[f];

	/* what is compiled once for all instances stays everywhere */
	if (!d->managed)
		return true;
	for (int c = 0; c < COHORT_N; c++)
		if (4 * n->n_instances[c] < 3 * d->n_used[c])
			return false;
	return !flame_stub(calltree_name(d->tree, f));
}

/*
 * What a cohort has more, less two standard errors from the scatter of
 * baseline instances: the scatter of many regions would add up.
 */
static void region_gain(const struct flamediff *d, struct flame_region *r)
{
	double n = d->n_used[COHORT_BASELINE];
	double mean = r->share[COHORT_BASELINE] / n;
	double rise = r->share[COHORT_CANARY] / d->n_used[COHORT_CANARY] - mean;
	double var = 0.0;
	double beyond;

	if (n >= 2.0)
		var = fmax(r->square - n * mean * mean, 0.0) / (n - 1.0) *
		      (1.0 / n + 1.0 / d->n_used[COHORT_CANARY]);
	beyond = fmax(fabs(rise) - 2.0 * sqrt(var), 0.0);
	r->gain[COHORT_CANARY] = rise > 0.0 ? beyond : 0.0;
	r->gain[COHORT_BASELINE] = rise < 0.0 ? beyond : 0.0;
}

void flame_regions(struct flamediff *d)
{
	uint32_t n_regions = d->n_functions + 1;

	for (uint32_t i = 0; i < d->n_nodes; i++) {
		uint32_t f = calltree_function_of(d->tree, i);
		int32_t parent = calltree_parent(d->tree, i);

		d->region_of[i] = stays(d, f)  ? f
				  : parent < 0 ? d->n_functions
					       : d->region_of[parent];
	}
	for (uint32_t k = 0; k < d->n_instances; k++) {
		const struct flame_instance *in = &d->instances[k];

		if (!in->used || in->total_ns <= 0.0)
			continue;
		for (uint32_t i = 0; i < d->n_nodes && i < in->room; i++)
			d->regions[d->region_of[i]].rise +=
				(double)in->self_ns[i] / in->total_ns;
		for (uint32_t r = 0; r < n_regions; r++) {
			double share = d->regions[r].rise;

			d->regions[r].rise = 0.0;
			d->regions[r].share[in->cohort] += share;
			if (in->cohort == COHORT_BASELINE)
				d->regions[r].square += share * share;
		}
	}
	for (uint32_t r = 0; r < n_regions; r++)
		if (d->n_used[COHORT_BASELINE] && d->n_used[COHORT_CANARY])
			region_gain(d, &d->regions[r]);
	flame_restore(d);
}

void flame_restore(struct flamediff *d)
{
	for (uint32_t r = 0; r <= d->n_functions; r++)
		memcpy(d->regions[r].left, d->regions[r].gain,
		       sizeof(d->regions[r].left));
}

/* The gain of the stacks that end inside; take: it is gone then. */
static double gain_inside(struct flamediff *d, enum cohort more, bool take)
{
	enum cohort less =
		more == COHORT_CANARY ? COHORT_BASELINE : COHORT_CANARY;
	double sum = 0.0;

	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (d->inside[i])
			d->regions[d->region_of[i]].rise +=
				d->nodes[i].self_share[more] -
				d->nodes[i].self_share[less];
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		struct flame_region *r = &d->regions[d->region_of[i]];
		double gain;

		if (!d->inside[i])
			continue;
		gain = fmin(fmax(r->rise, 0.0), r->left[more]);
		r->rise = 0.0;
		sum += gain;
		if (take)
			r->left[more] -= gain;
	}
	return sum;
}

/* Stacks with f on them. */
static void mark_function(struct flamediff *d, uint32_t f)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		int32_t parent = calltree_parent(d->tree, i);

		d->inside[i] = calltree_function_of(d->tree, i) == f ||
			       (parent >= 0 && d->inside[parent]);
	}
}

/*
 * Where stacks were cut their regions are not known: a function's rise on
 * them may be whatever gain is left.
 */
static double gain_cut(const struct flamediff *d, uint32_t f, enum cohort more,
		       double taken)
{
	const double *cut = d->functions[f].cut;
	double rise = more == COHORT_CANARY ? cut[1] - cut[0] : cut[0] - cut[1];
	double left = -taken;

	if (rise <= 0.0)
		return 0.0;
	for (uint32_t r = 0; r <= d->n_functions; r++)
		left += d->regions[r].left[more];
	return fmax(fmin(rise, left), 0.0);
}

double flame_function_gain(struct flamediff *d, uint32_t f, enum cohort more)
{
	double gain;

	mark_function(d, f);
	gain = gain_inside(d, more, false);
	return gain + gain_cut(d, f, more, gain);
}

double flame_path_gain(struct flamediff *d, uint32_t node, enum cohort more)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		int32_t parent = calltree_parent(d->tree, i);

		d->inside[i] = i == node || (parent >= 0 && d->inside[parent]);
	}
	return gain_inside(d, more, false);
}

double flame_below_gain(struct flamediff *d, uint32_t f, uint32_t k)
{
	enum { OUT, HAS_F, HAS_BOTH };

	for (uint32_t i = 0; i < d->n_nodes; i++) {
		int32_t parent = calltree_parent(d->tree, i);
		uint32_t is = calltree_function_of(d->tree, i);
		uint8_t above = parent < 0 ? OUT : d->inside[parent];

		d->inside[i] = above == HAS_F && is == k ? HAS_BOTH
			       : above == OUT && is == f ? HAS_F
							 : above;
	}
	for (uint32_t i = 0; i < d->n_nodes; i++)
		d->inside[i] = d->inside[i] == HAS_BOTH;
	return gain_inside(d, COHORT_CANARY, false);
}

void flame_take(struct flamediff *d, uint32_t f)
{
	mark_function(d, f);
	(void)gain_inside(d, COHORT_CANARY, true);
}

/* --- cost that moved is no new cost --- */

static const double LOG_20 = 2.995732273553991;

/* A share changes where others do, and a request costs what it did. */
static bool costs_the_same(const struct flamediff *d,
			   const struct flame_node *n)
{
	double rise = n->cost_ns[COHORT_CANARY] - n->cost_ns[COHORT_BASELINE];
	double sign = n->rise < 0.0 ? -1.0 : 1.0;

	return d->cost_all > 0.0 &&
	       sign * rise < sign * 0.5 * n->rise * d->cost_all;
}

/* What a caller's own time fell by, where it halved. */
static double own_fall(const struct flame_node *caller)
{
	double was = caller->self_share[COHORT_BASELINE];
	double is = caller->self_share[COHORT_CANARY];

	return is < 0.5 * was ? was - is : 0.0;
}

/* What others under the same caller fell by, with evidence. */
static double fall_of(const struct flame_node *other)
{
	return other->rise < 0.0 && other->log_e >= LOG_20 ? -other->rise : 0.0;
}

static bool offset(const struct flame_node *n, const struct flame_node *caller,
		   double fell)
{
	/* of the whole, every rise is somebody's fall: no sign of a move */
	return fell >= 0.8 * n->rise && caller->share[COHORT_BASELINE] < 0.5;
}

static bool path_moved(const struct flamediff *d, uint32_t node)
{
	const struct flame_node *n = &d->nodes[node];
	const struct flame_node *f =
		&d->functions[calltree_function_of(d->tree, node)];
	int32_t parent = calltree_parent(d->tree, node);
	double base = f->share[COHORT_BASELINE];
	double fell;

	/* as long as before, under another caller */
	if (base > 0.0 && base < 10.0 * n->rise &&
	    fabs(f->rise) < 0.2 * n->rise)
		return true;
	if (parent < 0)
		return false;
	fell = own_fall(&d->nodes[parent]);
	for (uint32_t i = d->first[parent]; i != UINT32_MAX; i = d->next[i])
		if (i != node)
			fell += fall_of(&d->nodes[i]);
	return offset(n, &d->nodes[parent], fell);
}

/* The function that calls f on the heaviest of its call paths. */
static uint32_t caller_of(const struct flamediff *d, uint32_t f)
{
	int32_t parent =
		d->functions[f].path == UINT32_MAX
			? CALLTREE_ROOT
			: calltree_parent(d->tree, d->functions[f].path);

	return parent < 0 ? UINT32_MAX
			  : calltree_function_of(d->tree, (uint32_t)parent);
}

static bool function_moved(const struct flamediff *d, uint32_t f)
{
	uint32_t caller = caller_of(d, f);
	double fell;

	if (caller == UINT32_MAX || caller == f)
		return false;
	fell = own_fall(&d->functions[caller]);
	for (uint32_t k = 0; k < d->n_functions; k++)
		if (k != f && caller_of(d, k) == caller)
			fell += fall_of(&d->functions[k]);
	return offset(&d->functions[f], &d->functions[caller], fell);
}

/*
 * Four ways to move: a share changes because others did, and a request costs
 * what it did; frames came or went, and no region gained half of it; a
 * function runs as long as before, under another caller; or what is beside
 * it, and the caller's own time, fell by as much.  A fall counts where it is
 * more than the scatter of instances: evidence of 20, or half of the
 * caller's own time.
 */
bool flame_moved(struct flamediff *d, struct flame_node *n)
{
	bool function = n >= d->functions;
	uint32_t i = (uint32_t)(n - (function ? d->functions : d->nodes));
	enum cohort more = n->rise < 0.0 ? COHORT_BASELINE : COHORT_CANARY;

	n->gain = function ? flame_function_gain(d, i, more)
			   : flame_path_gain(d, i, more);
	if (costs_the_same(d, n) || n->gain < 0.5 * fabs(n->rise))
		return true;
	if (n->rise < 0.0)
		return false;
	return function ? function_moved(d, i) : path_moved(d, i);
}
