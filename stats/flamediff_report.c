/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_report - which discoveries of a look are reported: each rise
 * once, by the function that explains it, or else by its deepest call path.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"

enum { FUNCTIONS_MAX = 32, PATHS_MAX = 256 };

static bool is_rise(enum path_class c)
{
	return c == PATH_NEW || c == PATH_GROWN;
}

static void finding_add(struct flamediff *d, const struct flame_node *n,
			enum path_class class, bool gates)
{
	struct rollout_finding *f = &d->findings[d->n_findings++];

	flame_finding(n, n >= d->functions, f);
	f->class = class;
	f->gates = gates && is_rise(class);
}

/*
 * Functions that rose.  What one gained is no other's: its callers, its
 * callees and whatever only looks like it are not reported for that.
 */
static void functions_report(struct flamediff *d, bool gates, bool *may)
{
	const uint8_t *classes = d->classes + d->n_nodes;

	for (uint32_t f = 0; f < d->n_functions; f++)
		may[f] = is_rise((enum path_class)classes[f]) &&
			 d->functions[f].path != UINT32_MAX;
	while (d->n_findings < FUNCTIONS_MAX) {
		uint32_t k;

		for (uint32_t f = 0; f < d->n_functions; f++) {
			struct flame_node *n = &d->functions[f];

			if (!may[f])
				continue;
			n->gain = flame_function_gain(d, f, COHORT_CANARY);
			may[f] = n->gain >= 0.5 * n->rise;
		}
		k = flame_explains(d, may);
		if (k == UINT32_MAX)
			break;
		finding_add(d, &d->functions[k], (enum path_class)classes[k],
			    gates);
		flame_take(d, k);
		may[k] = false;
	}
}

/*
 * Functions that fell, or that only changed places, by their own time: of
 * those the change is, not of all their callers.
 */
static void functions_report_rest(struct flamediff *d)
{
	const uint8_t *classes = d->classes + d->n_nodes;

	for (uint32_t f = 0; f < d->n_functions; f++) {
		const struct flame_node *n = &d->functions[f];
		enum path_class class = (enum path_class)classes[f];
		double own = n->self_share[1] - n->self_share[0];

		if ((class == PATH_VANISHED || class == PATH_SHRUNK ||
		     class == PATH_SHIFTED) &&
		    n->path != UINT32_MAX && own / n->rise >= 0.5)
			finding_add(d, n, class, false);
	}
}

/* Is most of a path's rise what a function was reported for? */
static bool explained(struct flamediff *d, const struct flame_node *n)
{
	return flame_path_gain(d, n->path, COHORT_CANARY) < 0.5 * n->rise;
}

/* Call paths: a rise by its deepest, a fall by its topmost. */
static void paths_report(struct flamediff *d, bool gates)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		enum path_class class = (enum path_class)d->classes[i];
		int32_t parent = calltree_parent(d->tree, i);
		struct flame_node *n = &d->nodes[i];

		if (class == PATH_UNCHANGED || class == PATH_INSUFFICIENT)
			continue;
		if (is_rise(class)) {
			n = &d->nodes[flame_deepest(d, i)];
			n->log_e = fmax(n->log_e, d->nodes[i].log_e);
			class = flame_absent(d, n) ? PATH_NEW : class;
		} else if (parent >= 0 && d->classes[parent] == class) {
			continue;
		}
		if (n->reported || (is_rise(class) && explained(d, n)))
			continue;
		n->reported = true;
		finding_add(d, n, class, gates);
	}
}

static int by_rise(const void *a, const void *b)
{
	const struct rollout_finding *x = a;
	const struct rollout_finding *y = b;
	double rx = x->share[COHORT_CANARY] - x->share[COHORT_BASELINE];
	double ry = y->share[COHORT_CANARY] - y->share[COHORT_BASELINE];

	if (rx != ry)
		return (rx < ry) - (rx > ry);
	if (x->function != y->function)
		return x->function ? -1 : 1;
	return (x->path > y->path) - (x->path < y->path);
}

static bool calls(const struct flamediff *d, uint32_t caller, uint32_t node)
{
	int32_t p = calltree_parent(d->tree, node);

	while (p >= 0 && (uint32_t)p != caller)
		p = calltree_parent(d->tree, (uint32_t)p);
	return p >= 0;
}

/* Drop rises of paths of which a path further down has half. */
static void paths_prune(struct flamediff *d, size_t from)
{
	struct rollout_finding *p = d->findings;
	size_t n = from;

	for (size_t i = from; i < d->n_findings; i++) {
		double rise = d->nodes[p[i].path].rise;
		bool drop = false;

		for (size_t k = from; k < d->n_findings && rise > 0.0; k++)
			drop = drop ||
			       (d->nodes[p[k].path].rise >= 0.5 * rise &&
				is_rise(p[k].class) &&
				calls(d, p[i].path, p[k].path));
		d->nodes[p[i].path].reported = !drop;
	}
	for (size_t i = from; i < d->n_findings; i++)
		if (p[i].function || d->nodes[p[i].path].reported)
			p[n++] = p[i];
	d->n_findings = n;
}

/* While code is being compiled a difference is no finding. */
static void unsettle(struct flamediff *d)
{
	for (size_t i = 0; i < d->n_findings; i++) {
		struct rollout_finding *f = &d->findings[i];

		f->gates = false;
		if (f->class != PATH_SHIFTED)
			f->class = PATH_UNSETTLED;
	}
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (d->classes[i] != PATH_UNCHANGED &&
		    d->classes[i] != PATH_INSUFFICIENT &&
		    d->classes[i] != PATH_SHIFTED)
			d->classes[i] = PATH_UNSETTLED;
}

int flame_report(struct flamediff *d, bool gates)
{
	size_t all = (size_t)d->n_nodes + d->n_functions;
	struct rollout_finding *p =
		realloc(d->findings, (all + 1) * sizeof(*p));
	bool *may = calloc((size_t)d->n_functions + 1, sizeof(*may));
	size_t n;

	if (p)
		d->findings = p;
	d->n_findings = 0;
	flame_restore(d);
	if (p && may)
		functions_report(d, gates, may);
	free(may);
	if (!p || !may)
		return -ENOMEM;
	n = d->n_findings;
	functions_report_rest(d);
	paths_report(d, gates);
	qsort(p + n, d->n_findings - n, sizeof(*p), by_rise);
	if (d->n_findings > n + PATHS_MAX)
		d->n_findings = n + PATHS_MAX;
	paths_prune(d, n);
	if (d->young)
		unsettle(d);
	return 0;
}
