/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "stats/flamediff_state.h"

/* The first look: fewer samples tell nothing at 1 % of CPU. */
static const double FIRST_LOOK = 500.0;

int flamediff_new(const struct policy *policy, struct flamediff **ret_d)
{
	struct flamediff *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->policy = *policy;
	d->next_look = FIRST_LOOK;
	if (calltree_new(&d->tree) < 0) {
		free(d);
		return -ENOMEM;
	}
	*ret_d = d;
	return 0;
}

void flamediff_clear(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_instances; i++) {
		struct flame_instance *in = &d->instances[i];

		if (in->self_ns)
			memset(in->self_ns, 0,
			       in->room * sizeof(in->self_ns[0]));
		in->total_ns = in->n_samples = in->n_requests = 0.0;
		in->used = false;
	}
	d->next_look = FIRST_LOOK;
	d->looks = 0;
	d->n_findings = 0;
	d->n_classes = 0;
}

void flamediff_free(struct flamediff *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->n_instances; i++)
		free(d->instances[i].self_ns);
	calltree_free(d->tree);
	free(d->instances);
	free(d->nodes);
	free(d->function_rise);
	free(d->function_base);
	free(d->classes);
	free(d->findings);
	free(d->paths);
	free(d);
}

static int instance_reserve(struct flamediff *d, uint32_t slot)
{
	struct flame_instance *p;
	uint32_t n = slot + 16;

	if (slot < d->n_instances)
		return 0;
	p = realloc(d->instances, n * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + d->n_instances, 0, (n - d->n_instances) * sizeof(*p));
	d->instances = p;
	d->n_instances = n;
	return 0;
}

static int self_reserve(struct flame_instance *in, uint32_t node)
{
	uint64_t *p;
	uint32_t room;

	if (node < in->room)
		return 0;
	room = in->room ? 2 * in->room : 256;
	room = room > node ? room : node + 1;
	p = realloc(in->self_ns, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + in->room, 0, (room - in->room) * sizeof(*p));
	in->self_ns = p;
	in->room = room;
	return 0;
}

/* The function of a string of b, looked up once for each string. */
static int function_get(struct flamediff *d, const struct batch *b,
			uint32_t string, uint32_t *known, uint32_t *ret_f)
{
	int rc = 0;

	if (known[string] == 0) {
		rc = calltree_function(d->tree, b->strings[string], ret_f);
		if (rc == 0)
			known[string] = *ret_f + 1;
	}
	*ret_f = known[string] - 1;
	return rc;
}

/*
 * One profile; nodes has room for p->n numbers of the tree, known for a
 * function + 1 of each string, 0 where it was not looked up yet.
 */
static int profile_add(struct flamediff *d, struct flame_instance *in,
		       const struct batch *b, const struct batch_profile *p,
		       int32_t *nodes, uint32_t *known)
{
	for (uint32_t i = 0; i < p->n; i++) {
		int32_t parent = p->parent[i] == BATCH_NO_PARENT
					 ? CALLTREE_ROOT
					 : nodes[p->parent[i]];
		uint32_t node = 0;
		uint32_t f;
		int rc = function_get(d, b, p->function[i], known, &f);

		if (rc == 0)
			rc = calltree_child(d->tree, parent, f, &node);
		if (rc == -ENOMEM)
			return rc;
		/* the tree is full: what is called counts for its caller */
		nodes[i] = rc < 0 ? parent : (int32_t)node;
		if (p->self_ns[i] == 0)
			continue;
		in->total_ns += (double)p->self_ns[i];
		if (nodes[i] == CALLTREE_ROOT)
			continue;
		if (self_reserve(in, (uint32_t)nodes[i]) < 0)
			return -ENOMEM;
		in->self_ns[nodes[i]] += p->self_ns[i];
	}
	in->n_samples += (double)p->n_samples;
	return 0;
}

int flamediff_add(struct flamediff *d, uint32_t slot, enum cohort cohort,
		  const struct batch *b, uint64_t n_requests)
{
	struct flame_instance *in;

	if (instance_reserve(d, slot) < 0)
		return -ENOMEM;
	in = &d->instances[slot];
	in->cohort = cohort;
	in->used = true;
	in->n_requests += (double)n_requests;
	for (uint32_t i = 0; i < b->n_profiles; i++) {
		const struct batch_profile *p = &b->profiles[i];
		int32_t *nodes;
		uint32_t *known;
		int rc = -ENOMEM;

		if (p->kind != PROFILE_CPU || p->group != PROFILE_APP ||
		    p->n == 0)
			continue;
		nodes = calloc(p->n, sizeof(*nodes));
		known = calloc(b->n_strings + 1U, sizeof(*known));
		if (nodes && known)
			rc = profile_add(d, in, b, p, nodes, known);
		free(nodes);
		free(known);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* --- shares and costs --- */

static int sum_reserve(struct flamediff *d)
{
	uint32_t n = calltree_count(d->tree);
	uint32_t n_f = calltree_n_functions(d->tree);
	struct flame_node *nodes = realloc(d->nodes, (n + 1) * sizeof(*nodes));
	double *rise;
	double *base;

	if (!nodes)
		return -ENOMEM;
	d->nodes = nodes;
	rise = realloc(d->function_rise, (n_f + 1) * sizeof(*rise));
	if (!rise)
		return -ENOMEM;
	d->function_rise = rise;
	base = realloc(d->function_base, (n_f + 1) * sizeof(*base));
	if (!base)
		return -ENOMEM;
	d->function_base = base;
	memset(nodes, 0, (n + 1) * sizeof(*nodes));
	memset(rise, 0, (n_f + 1) * sizeof(*rise));
	memset(base, 0, (n_f + 1) * sizeof(*base));
	d->n_nodes = n;
	d->n_functions = n_f;
	return 0;
}

/* An instance's inclusive weights: children come after their parent. */
static void inclusive(const struct flamediff *d,
		      const struct flame_instance *in, double *weight)
{
	for (uint32_t i = 0; i < d->n_nodes; i++)
		weight[i] = i < in->room ? (double)in->self_ns[i] : 0.0;
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);

		if (parent >= 0)
			weight[parent] += weight[i];
	}
}

/*
 * A function's share counts a stack once, however often the function is on
 * it: only the outermost of recursive calls adds.
 */
static bool outermost(const struct flamediff *d, uint32_t node)
{
	uint32_t f = calltree_function_of(d->tree, node);
	int32_t p = calltree_parent(d->tree, node);

	for (; p >= 0; p = calltree_parent(d->tree, (uint32_t)p))
		if (calltree_function_of(d->tree, (uint32_t)p) == f)
			return false;
	return true;
}

static void instance_sum(struct flamediff *d, const struct flame_instance *in,
			 double *weight)
{
	enum cohort c = in->cohort;
	double period = in->total_ns / fmax(in->n_samples, 1.0);

	inclusive(d, in, weight);
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		struct flame_node *n = &d->nodes[i];

		if (weight[i] <= 0.0)
			continue;
		n->share[c] += weight[i]; /* of the cohort's, at the end */
		n->samples[c] += weight[i] / period;
		n->n_instances[c]++;
		if (i < in->room)
			n->self_share[c] += (double)in->self_ns[i];
		if (c == COHORT_BASELINE && in->n_samples >= 100.0)
			n->most_baseline = fmax(n->most_baseline,
						weight[i] / in->total_ns);
	}
}

static void functions_sum(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		const struct flame_node *n = &d->nodes[i];
		uint32_t f = calltree_function_of(d->tree, i);

		if (!outermost(d, i))
			continue;
		d->function_rise[f] += n->rise;
		d->function_base[f] += n->share[COHORT_BASELINE];
	}
}

int flame_sum(struct flamediff *d)
{
	double total[COHORT_N] = { 0.0, 0.0 };
	double requests[COHORT_N] = { 0.0, 0.0 };
	double *weight;

	if (sum_reserve(d) < 0)
		return -ENOMEM;
	weight = malloc((d->n_nodes + 1) * sizeof(*weight));
	if (!weight)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_instances; i++) {
		const struct flame_instance *in = &d->instances[i];

		if (!in->used || in->total_ns <= 0.0)
			continue;
		total[in->cohort] += in->total_ns;
		requests[in->cohort] += in->n_requests;
		instance_sum(d, in, weight);
	}
	free(weight);
	d->cost_all = requests[0] > 0.0 && requests[1] > 0.0
			      ? total[0] / requests[0]
			      : 0.0;
	for (uint32_t i = 0; i < d->n_nodes; i++) {
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
	functions_sum(d);
	return 0;
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
	const double log_20 = 2.995732273553991;
	const struct flame_node *n = &d->nodes[node];
	uint32_t f = calltree_function_of(d->tree, node);
	int32_t parent = calltree_parent(d->tree, node);
	double fell = 0.0;

	if (d->cost_all > 0.0 &&
	    n->cost_ns[COHORT_CANARY] - n->cost_ns[COHORT_BASELINE] <
		    0.5 * n->rise * d->cost_all)
		return true;
	if (d->function_base[f] > 0.0 && d->function_base[f] < 10.0 * n->rise &&
	    fabs(d->function_rise[f]) < 0.2 * n->rise)
		return true;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (calltree_parent(d->tree, i) == parent && i != node &&
		    d->nodes[i].rise < 0.0 && d->nodes[i].log_e >= log_20)
			fell -= d->nodes[i].rise;
	if (parent >= 0) {
		const struct flame_node *p = &d->nodes[parent];

		if (p->self_share[COHORT_CANARY] <
		    0.5 * p->self_share[COHORT_BASELINE])
			fell += p->self_share[COHORT_BASELINE] -
				p->self_share[COHORT_CANARY];
	}
	/* of the whole, every rise is somebody's fall: no sign of a move */
	return parent >= 0 && fell >= 0.8 * n->rise &&
	       d->nodes[parent].share[COHORT_BASELINE] < 0.5;
}

uint32_t flame_deepest(const struct flamediff *d, uint32_t node)
{
	double rise = d->nodes[node].rise;

	/* children come later, so one pass goes all the way down */
	for (uint32_t i = node + 1; i < d->n_nodes; i++)
		if (calltree_parent(d->tree, i) == (int32_t)node &&
		    d->nodes[i].rise >= 0.8 * rise)
			node = i;
	return node;
}

void flame_finding(const struct flamediff *d, uint32_t node,
		   struct rollout_finding *ret_f)
{
	const struct flame_node *n = &d->nodes[node];

	memset(ret_f, 0, sizeof(*ret_f));
	ret_f->path = node;
	for (int c = 0; c < COHORT_N; c++) {
		ret_f->share[c] = n->share[c];
		ret_f->cost_ns[c] = n->cost_ns[c];
		ret_f->self_share[c] = n->self_share[c];
		ret_f->n_instances[c] = n->n_instances[c];
	}
	ret_f->e_value = exp(fmin(n->log_e, 600.0));
}

/* --- what is shown --- */

bool flamediff_gates(const struct flamediff *d)
{
	for (size_t i = 0; i < d->n_findings; i++)
		if (d->findings[i].gates)
			return true;
	return false;
}

size_t flamediff_findings(const struct flamediff *d,
			  const struct rollout_finding **ret_findings)
{
	*ret_findings = d->findings;
	return d->n_findings;
}

const char *flamediff_function(const struct flamediff *d, uint32_t node)
{
	return calltree_name(d->tree, calltree_function_of(d->tree, node));
}

/* Is this rise beyond what chance and any baseline instance show? */
static bool strong(const struct flamediff *d, const struct flame_node *n)
{
	return n->rise >= d->policy.path_min_rise &&
	       n->share[COHORT_CANARY] >= d->policy.path_min_share &&
	       n->share[COHORT_CANARY] >= 1.5 * n->share[COHORT_BASELINE] &&
	       n->share[COHORT_CANARY] > n->most_baseline &&
	       n->samples[COHORT_CANARY] >= 20.0;
}

int flamediff_hot(struct flamediff *d, struct rollout_finding *ret_f)
{
	uint32_t best = UINT32_MAX;

	for (size_t i = 0; i < d->n_findings; i++) {
		if (d->findings[i].class != PATH_NEW &&
		    d->findings[i].class != PATH_GROWN)
			continue;
		*ret_f = d->findings[i];
		return 0;
	}
	if (flame_sum(d) < 0)
		return -ENOENT;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (strong(d, &d->nodes[i]) &&
		    (best == UINT32_MAX ||
		     d->nodes[i].rise > d->nodes[best].rise) &&
		    !flame_moved(d, i))
			best = i;
	if (best == UINT32_MAX)
		return -ENOENT;
	best = flame_deepest(d, best);
	flame_finding(d, best, ret_f);
	ret_f->class = d->nodes[best].share[COHORT_BASELINE] > 0.0 ? PATH_GROWN
								   : PATH_NEW;
	return 0;
}

int flamediff_paths(struct flamediff *d, const struct rollout_path **ret_paths,
		    size_t *ret_n)
{
	uint32_t n = calltree_count(d->tree);

	if (n > d->paths_room) {
		struct rollout_path *p =
			realloc(d->paths, (n + 256U) * sizeof(*p));

		if (!p)
			return -ENOMEM;
		d->paths = p;
		d->paths_room = n + 256U;
	}
	for (uint32_t i = 0; i < n; i++) {
		struct rollout_path *p = &d->paths[i];

		memset(p, 0, sizeof(*p));
		p->parent = calltree_parent(d->tree, i);
		p->function = flamediff_function(d, i);
		p->class = i < d->n_classes ? (enum path_class)d->classes[i]
					    : PATH_INSUFFICIENT;
	}
	for (uint32_t k = 0; k < d->n_instances; k++) {
		const struct flame_instance *in = &d->instances[k];

		for (uint32_t i = 0; in->used && i < n && i < in->room; i++)
			d->paths[i].self_ns[in->cohort] += in->self_ns[i];
	}
	for (uint32_t i = n; i-- > 0;) {
		struct rollout_path *p = &d->paths[i];

		for (int c = 0; c < COHORT_N; c++) {
			p->total_ns[c] += p->self_ns[c];
			if (p->parent >= 0)
				d->paths[p->parent].total_ns[c] +=
					p->total_ns[c];
		}
	}
	*ret_paths = d->paths;
	*ret_n = n;
	return 0;
}
