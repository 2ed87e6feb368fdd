/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_sum - shares and costs of call paths and functions over
 * instances, and whether a rise is one or cost that only moved.
 *
 * Which frames a stack has is up to compilers: of two identical instances
 * one inlines a caller and the other does not, and the caller's share
 * differs where no CPU does.  Time itself is spent in leaves.  So the gain of
 * a function is told apart from its rise: the CPU that functions gained
 * themselves, each over all its call paths, as far as it happened on stacks
 * of this one.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"

static int room_make(void *array, size_t n, size_t bytes)
{
	void **to = array;
	void *p = realloc(*to, (n + 1) * bytes);

	if (!p)
		return -ENOMEM;
	*to = p;
	return 0;
}

static int sum_reserve(struct flamediff *d)
{
	uint32_t n = calltree_count(d->tree);
	uint32_t n_f = calltree_n_functions(d->tree);
	size_t all = (size_t)n + n_f;

	if (room_make(&d->nodes, all, sizeof(d->nodes[0])) < 0 ||
	    room_make(&d->gains, n, sizeof(d->gains[0])) < 0 ||
	    room_make(&d->first, n, sizeof(d->first[0])) < 0 ||
	    room_make(&d->next, n, sizeof(d->next[0])) < 0 ||
	    room_make(&d->work, 2 * all, sizeof(d->work[0])) < 0)
		return -ENOMEM;
	memset(d->nodes, 0, (all + 1) * sizeof(d->nodes[0]));
	d->functions = d->nodes + n;
	d->n_nodes = n;
	d->n_functions = n_f;
	return 0;
}

static void children_link(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_nodes; i++)
		d->first[i] = d->next[i] = UINT32_MAX;
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);

		if (parent < 0)
			continue;
		d->next[i] = d->first[parent];
		d->first[parent] = i;
	}
}

void flame_inclusive(const struct flamediff *d, const struct flame_instance *in,
		     double *weight)
{
	double *of_function = weight + d->n_nodes;

	for (uint32_t i = 0; i < d->n_nodes; i++)
		weight[i] = i < in->room ? (double)in->self_ns[i] : 0.0;
	for (uint32_t f = 0; f < d->n_functions; f++)
		of_function[f] = f < in->functions_room ? in->cut_ns[f] : 0.0;
	/* children come after their parent */
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);

		if (weight[i] <= 0.0)
			continue;
		if (parent >= 0)
			weight[parent] += weight[i];
		/* of recursive calls the outermost has all of the stack */
		if (calltree_outermost(d->tree, i))
			of_function[calltree_function_of(d->tree, i)] +=
				weight[i];
	}
}

/* Self weights; own has room for n_functions. */
static void self_sum(struct flamediff *d, const struct flame_instance *in,
		     double *own)
{
	enum cohort c = in->cohort;

	for (uint32_t f = 0; f < d->n_functions; f++)
		own[f] = f < in->functions_room ? in->cut_self_ns[f] : 0.0;
	for (uint32_t i = 0; i < d->n_nodes && i < in->room; i++) {
		double ns = (double)in->self_ns[i];

		d->nodes[i].self_share[c] += ns;
		own[calltree_function_of(d->tree, i)] += ns;
	}
	for (uint32_t f = 0; f < d->n_functions; f++) {
		double share = own[f] / in->total_ns;

		d->functions[f].self_share[c] += own[f];
		if (c == COHORT_BASELINE) {
			d->functions[f].self_1 += share;
			d->functions[f].self_2 += share * share;
		}
	}
}

static void instance_sum(struct flamediff *d, const struct flame_instance *in,
			 double *weight)
{
	enum cohort c = in->cohort;
	double period = in->total_ns / fmax(in->n_samples, 1.0);

	flame_inclusive(d, in, weight);
	for (uint32_t i = 0; i < d->n_nodes + d->n_functions; i++) {
		struct flame_node *n = &d->nodes[i];

		if (weight[i] <= 0.0)
			continue;
		n->share[c] += weight[i]; /* of the cohort's, at the end */
		n->samples[c] += weight[i] / period;
		n->n_instances[c]++;
		if (c == COHORT_BASELINE && in->n_samples >= 100.0)
			n->most_baseline = fmax(n->most_baseline,
						weight[i] / in->total_ns);
	}
	self_sum(d, in, weight);
}

/* Each function's number of call paths and the heaviest of them. */
static void functions_point(struct flamediff *d)
{
	d->managed = false;
	for (uint32_t f = 0; f < d->n_functions; f++) {
		const char *name = calltree_name(d->tree, f);

		d->functions[f].path = UINT32_MAX;
		d->managed = d->managed || strcmp(name, "Interpreter") == 0 ||
			     strcmp(name, "[jit]") == 0;
	}
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		struct flame_node *n = &d->nodes[i];
		struct flame_node *f =
			&d->functions[calltree_function_of(d->tree, i)];
		const struct flame_node *most =
			f->path == UINT32_MAX ? NULL : &d->nodes[f->path];

		n->path = i;
		n->n_paths = 1;
		f->n_paths += n->samples[0] + n->samples[1] > 0.0;
		if (!most || n->share[1] > most->share[1] ||
		    (n->share[1] == most->share[1] &&
		     n->share[0] > most->share[0]))
			f->path = i;
	}
}

/*
 * What a function gained itself, less two standard errors: the scatter of
 * many functions would add up to something else.
 */
static double own_gain(const struct flamediff *d, const struct flame_node *f)
{
	double n = d->n_used[COHORT_BASELINE];
	double gain = f->self_share[1] - f->self_share[0];
	double var = 0.0;

	if (n >= 2.0)
		var = fmax(f->self_2 - f->self_1 * f->self_1 / n, 0.0) /
		      (n - 1.0) * (1.0 / n + 1.0 / d->n_used[COHORT_CANARY]);
	return fmax(gain - 2.0 * sqrt(var), 0.0);
}

/* Gains, on the canary's stacks. */
static void gains_sum(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		const struct flame_node *f =
			&d->functions[calltree_function_of(d->tree, i)];
		double gain = own_gain(d, f);

		/* a node also holds time of callees that were cut */
		d->gains[i] =
			gain > 0.0
				? gain * fmin(1.0, d->nodes[i].self_share[1] /
							   f->self_share[1])
				: 0.0;
		d->nodes[i].gain = d->gains[i];
	}
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);

		if (parent >= 0)
			d->nodes[parent].gain += d->nodes[i].gain;
		if (calltree_outermost(d->tree, i))
			d->functions[calltree_function_of(d->tree, i)].gain +=
				d->nodes[i].gain;
	}
}

static void shares_make(struct flamediff *d, const double *total,
			const double *requests)
{
	for (uint32_t i = 0; i < d->n_nodes + d->n_functions; i++) {
		struct flame_node *n = &d->nodes[i];

		for (int c = 0; c < COHORT_N; c++) {
			double w = n->share[c];

			n->cost_ns[c] =
				requests[c] > 0.0 ? w / requests[c] : 0.0;
			n->share[c] = total[c] > 0.0 ? w / total[c] : 0.0;
			n->self_share[c] = total[c] > 0.0
						   ? n->self_share[c] / total[c]
						   : 0.0;
		}
		n->rise = n->share[COHORT_CANARY] - n->share[COHORT_BASELINE];
	}
}

int flame_sum(struct flamediff *d)
{
	double total[COHORT_N] = { 0.0, 0.0 };
	double requests[COHORT_N] = { 0.0, 0.0 };

	if (d->summed)
		return 0;
	if (sum_reserve(d) < 0)
		return -ENOMEM;
	memset(d->n_used, 0, sizeof(d->n_used));
	for (uint32_t i = 0; i < d->n_instances; i++) {
		const struct flame_instance *in = &d->instances[i];

		if (!in->used || in->total_ns <= 0.0)
			continue;
		total[in->cohort] += in->total_ns;
		requests[in->cohort] += in->n_requests;
		d->n_used[in->cohort]++;
		instance_sum(d, in, d->work);
	}
	d->cost_all = requests[0] > 0.0 && requests[1] > 0.0
			      ? total[0] / requests[0]
			      : 0.0;
	shares_make(d, total, requests);
	children_link(d);
	functions_point(d);
	gains_sum(d);
	d->summed = true;
	return 0;
}

/* --- cost that moved is no new cost --- */

static const double LOG_20 = 2.995732273553991;

/* A share rises where others fall, and a request costs what it did. */
static bool costs_no_more(const struct flamediff *d, const struct flame_node *n)
{
	return d->cost_all > 0.0 &&
	       n->cost_ns[COHORT_CANARY] - n->cost_ns[COHORT_BASELINE] <
		       0.5 * n->rise * d->cost_all;
}

/* What a caller's own time fell by, where it halved. */
static double own_fall(const struct flame_node *caller)
{
	double was = caller->self_share[COHORT_BASELINE];
	double is = caller->self_share[COHORT_CANARY];

	return is < 0.5 * was ? was - is : 0.0;
}

/*
 * Cost that moved is no new cost.  Three ways to move: a share rises because
 * others fell, and a request costs what it did; the function runs as
 * long as before, under another caller; or what is beside it, and the
 * caller's own time, fell by as much.  A fall counts where it is more than
 * the scatter of instances: evidence of 20, or half of the caller's own time.
 */
bool flame_moved(const struct flamediff *d, uint32_t node)
{
	const struct flame_node *n = &d->nodes[node];
	const struct flame_node *f =
		&d->functions[calltree_function_of(d->tree, node)];
	int32_t parent = calltree_parent(d->tree, node);
	double base = f->share[COHORT_BASELINE];
	double fell;

	if (costs_no_more(d, n) || n->gain < 0.5 * n->rise)
		return true;
	if (base > 0.0 && base < 10.0 * n->rise &&
	    fabs(f->rise) < 0.2 * n->rise)
		return true;
	if (parent < 0)
		return false;
	fell = own_fall(&d->nodes[parent]);
	for (uint32_t i = d->first[parent]; i != UINT32_MAX; i = d->next[i])
		if (i != node && d->nodes[i].rise < 0.0 &&
		    d->nodes[i].log_e >= LOG_20)
			fell -= d->nodes[i].rise;
	/* of the whole, every rise is somebody's fall: no sign of a move */
	return fell >= 0.8 * n->rise &&
	       d->nodes[parent].share[COHORT_BASELINE] < 0.5;
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

bool flame_function_moved(const struct flamediff *d, uint32_t f)
{
	const struct flame_node *n = &d->functions[f];
	uint32_t caller = caller_of(d, f);
	double fell;

	if (costs_no_more(d, n) || n->gain < 0.5 * n->rise)
		return true;
	if (caller == UINT32_MAX || caller == f)
		return false;
	fell = own_fall(&d->functions[caller]);
	for (uint32_t k = 0; k < d->n_functions; k++)
		if (k != f && d->functions[k].rise < 0.0 &&
		    d->functions[k].log_e >= LOG_20 &&
		    caller_of(d, k) == caller)
			fell -= d->functions[k].rise;
	return fell >= 0.8 * n->rise &&
	       d->functions[caller].share[COHORT_BASELINE] < 0.5;
}

bool flame_absent(const struct flame_node *n)
{
	return n->n_instances[COHORT_BASELINE] == 0 ||
	       (n->share[COHORT_BASELINE] < 0.0005 &&
		n->most_baseline < 0.0025);
}

uint32_t flame_deepest(const struct flamediff *d, uint32_t node)
{
	double rise = d->nodes[node].rise;
	uint32_t child = d->first[node];

	while (child != UINT32_MAX) {
		if (d->nodes[child].rise >= 0.8 * rise) {
			node = child;
			child = d->first[node];
		} else {
			child = d->next[child];
		}
	}
	return node;
}

void flame_finding(const struct flame_node *n, bool function,
		   struct rollout_finding *ret_f)
{
	memset(ret_f, 0, sizeof(*ret_f));
	ret_f->path = n->path;
	ret_f->function = function;
	ret_f->n_paths = n->n_paths;
	for (int c = 0; c < COHORT_N; c++) {
		ret_f->share[c] = n->share[c];
		ret_f->cost_ns[c] = n->cost_ns[c];
		ret_f->self_share[c] = fmax(n->self_share[c], 0.0);
		ret_f->n_instances[c] = n->n_instances[c];
	}
	ret_f->e_value = exp(fmin(n->log_e, 600.0));
}
