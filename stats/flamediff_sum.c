/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_sum - shares and costs of call paths and functions over
 * instances.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"
#include "stats/lesson.h"

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
	    room_make(&d->regions, n_f, sizeof(d->regions[0])) < 0 ||
	    room_make(&d->region_of, n, sizeof(d->region_of[0])) < 0 ||
	    room_make(&d->inside, n, sizeof(d->inside[0])) < 0 ||
	    room_make(&d->first, n, sizeof(d->first[0])) < 0 ||
	    room_make(&d->next, n, sizeof(d->next[0])) < 0 ||
	    room_make(&d->work, 2 * all, sizeof(d->work[0])) < 0)
		return -ENOMEM;
	memset(d->nodes, 0, (all + 1) * sizeof(d->nodes[0]));
	memset(d->regions, 0, ((size_t)n_f + 1) * sizeof(d->regions[0]));
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
	for (uint32_t f = 0; f < d->n_functions; f++)
		d->functions[f].self_share[c] += own[f];
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
	for (uint32_t f = 0; f < d->n_functions && f < in->functions_room; f++)
		d->functions[f].cut[c] += in->cut_ns[f];
	self_sum(d, in, weight);
}

/* Each function's number of call paths and the heaviest of them. */
static void functions_point(struct flamediff *d)
{
	d->managed = false;
	for (uint32_t f = 0; f < d->n_functions; f++) {
		const char *name = calltree_name(d->tree, f);

		d->functions[f].path = UINT32_MAX;
		if (d->lessons)
			d->functions[f].most_before =
				lessons_share(d->lessons, name);
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
			n->cut[c] = total[c] > 0.0 ? n->cut[c] / total[c] : 0.0;
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
	flame_regions(d);
	d->summed = true;
	return 0;
}

/* What earlier baselines had of a function, or of a call path's last one. */
static double before(const struct flamediff *d, const struct flame_node *n)
{
	if (n < d->functions)
		n = &d->functions[calltree_function_of(d->tree, n->path)];
	return n->most_before;
}

bool flame_absent(const struct flamediff *d, const struct flame_node *n)
{
	if (before(d, n) >= 0.0025)
		return false;
	return n->n_instances[COHORT_BASELINE] == 0 ||
	       (n->share[COHORT_BASELINE] < 0.0005 &&
		n->most_baseline < 0.0025);
}

bool flame_comes_and_goes(const struct flamediff *d, const struct flame_node *n)
{
	return 2 * n->n_instances[COHORT_BASELINE] < d->n_used[COHORT_BASELINE];
}

bool flame_sporadic(const struct flamediff *d, const struct flame_node *n)
{
	return flame_comes_and_goes(d, n) &&
	       n->share[COHORT_CANARY] <= before(d, n);
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
