/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff_look - inference over instances, at one look.
 *
 * For each call path, each instance gives y = ln((c + .5) / (N + 1)), c of
 * its N samples having the path, with a precision that knows Poisson noise
 * at the path's common share and the spread between instances (voom: Law and
 * others, Genome Biology 15, 2014).  The difference of the cohorts' weighted
 * means over its standard error, from residuals within cohorts moderated
 * over all paths (moderate.h), is a t statistic, and that an e-value.  e-BH
 * then looks at all paths together; paths that are the same in every
 * instance (a caller with one callee and no time of its own) are one.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"
#include "stats/moderate.h"
#include "stats/multiple.h"

enum { MIN_INSTANCES = 2 }; /* of the baseline, to have residuals */

/* The variance of ln share between instances that is taken for granted. */
static const double SPREAD = 0.02;
/* A prior effect of this much, in ln share: a factor of 2.7. */
static const double EFFECT2 = 1.0;

/* One instance in a look. */
struct column {
	enum cohort cohort;
	double n;      /* samples */
	double *count; /* by node, inclusive */
};

struct look {
	struct flamediff *d;
	uint32_t n_columns;
	uint32_t n_cohort[COHORT_N];
	struct column *columns;
	double *s2; /* by node */
	double *diff;
	double *unit; /* 1/Omega_c + 1/Omega_b */
	double df;
};

static void look_release(struct look *l)
{
	for (uint32_t i = 0; i < l->n_columns; i++)
		free(l->columns[i].count);
	free(l->columns);
	free(l->s2);
	free(l->diff);
	free(l->unit);
}

static int column_fill(const struct flamediff *d,
		       const struct flame_instance *in, struct column *col)
{
	double per_ns = in->n_samples / in->total_ns;

	col->cohort = in->cohort;
	col->n = in->n_samples;
	col->count = calloc(d->n_nodes + 1, sizeof(*col->count));
	if (!col->count)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_nodes && i < in->room; i++)
		col->count[i] = (double)in->self_ns[i] * per_ns;
	for (uint32_t i = d->n_nodes; i-- > 0;) {
		int32_t parent = calltree_parent(d->tree, i);

		if (parent >= 0)
			col->count[parent] += col->count[i];
	}
	return 0;
}

static int look_fill(struct look *l)
{
	struct flamediff *d = l->d;
	uint32_t n = d->n_nodes + 1;

	l->columns = calloc(d->n_instances + 1, sizeof(*l->columns));
	l->s2 = calloc(n, sizeof(*l->s2));
	l->diff = calloc(n, sizeof(*l->diff));
	l->unit = calloc(n, sizeof(*l->unit));
	if (!l->columns || !l->s2 || !l->diff || !l->unit)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_instances; i++) {
		const struct flame_instance *in = &d->instances[i];

		/* an instance of a few samples has nothing to say */
		if (!in->used || in->n_samples < 20.0 || in->total_ns <= 0.0)
			continue;
		if (column_fill(d, in, &l->columns[l->n_columns]) < 0)
			return -ENOMEM;
		l->n_columns++;
		l->n_cohort[in->cohort]++;
	}
	l->df = (double)l->n_columns - 2.0;
	return 0;
}

/* The weighted difference of a node's cohorts, and its residual variance. */
static void node_fit(struct look *l, uint32_t node)
{
	double omega[COHORT_N] = { 0.0, 0.0 };
	double mean[COHORT_N] = { 0.0, 0.0 };
	double count = 0.0;
	double n = 0.0;
	double ss = 0.0;

	for (uint32_t i = 0; i < l->n_columns; i++) {
		count += l->columns[i].count[node];
		n += l->columns[i].n;
	}
	for (int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < l->n_columns; i++) {
			const struct column *c = &l->columns[i];
			double mu = c->n * count / n;
			double w = 1.0 / (1.0 / (mu + 0.5) + SPREAD);
			double y = log((c->count[node] + 0.5) / (c->n + 1.0));

			if (pass == 0) {
				omega[c->cohort] += w;
				mean[c->cohort] += w * y;
			} else {
				ss += w * (y - mean[c->cohort]) *
				      (y - mean[c->cohort]);
			}
		}
		for (int c = 0; pass == 0 && c < COHORT_N; c++)
			mean[c] /= omega[c];
	}
	l->s2[node] = ss / l->df;
	l->diff[node] = mean[COHORT_CANARY] - mean[COHORT_BASELINE];
	l->unit[node] = 1.0 / omega[COHORT_CANARY] + 1.0 / omega[0];
}

/* Mark nodes that are their only child, in every instance. */
static void mark_same(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		int32_t parent = calltree_parent(d->tree, i);

		if (parent < 0)
			continue;
		/* equal sums of what only adds up are equal everywhere */
		if (d->nodes[parent].samples[0] == d->nodes[i].samples[0] &&
		    d->nodes[parent].samples[1] == d->nodes[i].samples[1])
			d->nodes[parent].same = true;
	}
}

/* e-values of all nodes; those that are the same take their child's. */
static int look_test(struct look *l)
{
	struct flamediff *d = l->d;
	struct moderation m;
	double *known = malloc((d->n_nodes + 1) * sizeof(*known));
	size_t n = 0;

	if (!known)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		const struct flame_node *node = &d->nodes[i];

		node_fit(l, i);
		/* rarer ones scatter by whole samples, not as a variance */
		if (!node->same && l->s2[i] > 1e-9 &&
		    node->samples[0] + node->samples[1] >= 2.0 * l->n_columns)
			known[n++] = l->s2[i];
	}
	m = moderate_fit(known, n, l->df);
	free(known);
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		double s2 = moderate(&m, l->s2[i], l->df);
		double t = l->diff[i] / sqrt(fmax(s2, 1e-12) * l->unit[i]);
		double lambda = EFFECT2 / (fmax(m.s2_0, 1e-12) * l->unit[i]);

		d->nodes[i].log_e = moderate_log_e(t, l->df + m.d0, lambda);
	}
	return 0;
}

/* What became of a node, given the e-value that a discovery has. */
static enum path_class classify(const struct flamediff *d, uint32_t i,
				double threshold)
{
	const struct flame_node *n = &d->nodes[i];
	double min_rise = d->policy.path_min_rise;
	double min_share = d->policy.path_min_share;

	if (n->log_e < threshold) {
		/* could a rise worth reporting have been seen at all? */
		return n->samples[0] + n->samples[1] < 20.0 ? PATH_INSUFFICIENT
							    : PATH_UNCHANGED;
	}
	if (n->rise >= min_rise && n->share[COHORT_CANARY] >= min_share) {
		if (flame_moved(d, i))
			return PATH_SHIFTED;
		/* fewer than one in ten of its instances is no habit */
		return n->n_instances[COHORT_BASELINE] == 0 ? PATH_NEW
							    : PATH_GROWN;
	}
	if (-n->rise >= min_rise && n->share[COHORT_BASELINE] >= min_share)
		return n->n_instances[COHORT_CANARY] == 0 ? PATH_VANISHED
							  : PATH_SHRUNK;
	return PATH_UNCHANGED;
}

static int by_rise(const void *a, const void *b)
{
	const struct rollout_finding *x = a;
	const struct rollout_finding *y = b;
	double rx = x->share[COHORT_CANARY] - x->share[COHORT_BASELINE];
	double ry = y->share[COHORT_CANARY] - y->share[COHORT_BASELINE];

	if (rx != ry)
		return (rx < ry) - (rx > ry);
	return (x->path > y->path) - (x->path < y->path);
}

static bool calls(const struct flamediff *d, uint32_t caller, uint32_t node)
{
	int32_t p = calltree_parent(d->tree, node);

	while (p >= 0 && (uint32_t)p != caller)
		p = calltree_parent(d->tree, (uint32_t)p);
	return p >= 0;
}

/* Drop rises of which a path further down that is reported has half. */
static void findings_prune(struct flamediff *d)
{
	struct rollout_finding *p = d->findings;
	size_t n = 0;

	for (size_t i = 0; i < d->n_findings; i++) {
		double rise = d->nodes[p[i].path].rise;
		bool explained = false;

		for (size_t k = 0; k < d->n_findings && rise > 0.0; k++)
			explained = explained ||
				    (d->nodes[p[k].path].rise >= 0.5 * rise &&
				     (p[k].class == PATH_NEW ||
				      p[k].class == PATH_GROWN) &&
				     calls(d, p[i].path, p[k].path));
		d->nodes[p[i].path].explained = explained;
	}
	for (size_t i = 0; i < d->n_findings; i++)
		if (!d->nodes[p[i].path].explained ||
		    d->nodes[p[i].path].rise <= 0)
			p[n++] = p[i];
	d->n_findings = n;
}

/* Report each rise once, by its deepest path, and falls by their topmost. */
static int findings_collect(struct flamediff *d, const struct look *l)
{
	struct rollout_finding *p =
		realloc(d->findings, (d->n_nodes + 1) * sizeof(*p));

	if (!p)
		return -ENOMEM;
	d->findings = p;
	d->n_findings = 0;
	for (uint32_t i = 0; i < d->n_nodes; i++) {
		enum path_class class = (enum path_class)d->classes[i];
		int32_t parent = calltree_parent(d->tree, i);
		struct rollout_finding *f = &p[d->n_findings];
		uint32_t node = i;
		bool known = false;

		if (class == PATH_UNCHANGED || class == PATH_INSUFFICIENT)
			continue;
		if (class == PATH_NEW || class == PATH_GROWN)
			node = flame_deepest(d, i);
		else if (parent >= 0 && d->classes[parent] == class)
			continue;
		for (size_t k = 0; k < d->n_findings; k++)
			known = known || p[k].path == node;
		if (known)
			continue;
		flame_finding(d, node, f);
		f->class = class == PATH_GROWN &&
					   d->nodes[node].n_instances[0] == 0
				   ? PATH_NEW
				   : class;
		f->e_value =
			fmax(f->e_value, exp(fmin(d->nodes[i].log_e, 600.0)));
		f->gates = (f->class == PATH_NEW || f->class == PATH_GROWN) &&
			   l->n_cohort[COHORT_CANARY] >= 2;
		d->n_findings++;
	}
	findings_prune(d);
	qsort(d->findings, d->n_findings, sizeof(*p), by_rise);
	return 0;
}

static int classes_fill(struct flamediff *d, double threshold)
{
	uint8_t *p = realloc(d->classes, d->n_nodes + 1U);

	if (!p)
		return -ENOMEM;
	d->classes = p;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		p[i] = (uint8_t)classify(d, i, threshold);
	d->n_classes = d->n_nodes;
	return 0;
}

/* The e-value of a discovery among all nodes at this look's share of alpha. */
static int look_threshold(struct flamediff *d, double alpha, double *ret_log)
{
	double *log_e = malloc((d->n_nodes + 1) * sizeof(*log_e));
	size_t n = 0;

	if (!log_e)
		return -ENOMEM;
	for (uint32_t i = 0; i < d->n_nodes; i++)
		if (!d->nodes[i].same)
			log_e[n++] = d->nodes[i].log_e;
	*ret_log = multiple_threshold(log_e, n, alpha);
	free(log_e);
	return 0;
}

int flamediff_look(struct flamediff *d)
{
	struct look l = { .d = d };
	double samples = 0.0;
	double alpha;
	double threshold;
	int rc;

	for (uint32_t i = 0; i < d->n_instances; i++)
		if (d->instances[i].used &&
		    d->instances[i].cohort == COHORT_CANARY)
			samples += d->instances[i].n_samples;
	if (samples < d->next_look)
		return 0;
	while (d->next_look <= samples)
		d->next_look *= 2.0;
	rc = flame_sum(d);
	if (rc == 0)
		rc = look_fill(&l);
	if (rc < 0 || l.n_cohort[COHORT_BASELINE] < MIN_INSTANCES ||
	    l.n_cohort[COHORT_CANARY] == 0 || l.df < 1.0)
		goto out;
	d->looks++;
	alpha = d->policy.profile_alpha * 6.0 /
		(9.869604401089358 * d->looks * d->looks);
	mark_same(d);
	rc = look_test(&l);
	if (rc == 0)
		rc = look_threshold(d, alpha, &threshold);
	if (rc == 0)
		rc = classes_fill(d, threshold);
	if (rc == 0)
		rc = findings_collect(d, &l);
out:
	look_release(&l);
	return rc;
}
