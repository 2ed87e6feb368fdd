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
 *
 * The same for each function, over all call paths that hold it: compilers
 * and coroutines split one function over many, none of which is evidence by
 * itself.  Paths and functions have half of alpha each.
 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/flamediff_state.h"
#include "stats/moderate.h"
#include "stats/multiple.h"

enum {
	MIN_INSTANCES = 2, /* of the baseline, to have residuals */
};

/* Too few samples, over all instances, for evidence of anything. */
static const double FEW = 8.0;

/* The variance of ln share between instances that is taken for granted. */
static const double SPREAD = 0.02;
/* A prior effect of this much, in ln share: a factor of 2.7. */
static const double EFFECT2 = 1.0;

/* One instance in a look. */
struct column {
	enum cohort cohort;
	double n;     /* samples */
	double ln_n;  /* ln(n + 1) */
	float *count; /* by node, then by function; inclusive */
};

struct look {
	struct flamediff *d;
	uint32_t n_columns;
	uint32_t n_cohort[COHORT_N];
	struct column *columns;
	double *y; /* of a node, by column */
	double *w;
	double *s2; /* by node, then by function */
	double *diff;
	double *unit; /* 1/Omega_c + 1/Omega_b */
	double df;
};

static void look_release(struct look *l)
{
	for (uint32_t i = 0; i < l->n_columns; i++)
		free(l->columns[i].count);
	free(l->columns);
	free(l->y);
	free(l->w);
	free(l->s2);
	free(l->diff);
	free(l->unit);
}

static int column_fill(const struct flamediff *d,
		       const struct flame_instance *in, struct column *col)
{
	double per_ns = in->n_samples / in->total_ns;
	uint32_t n = d->n_nodes + d->n_functions;

	col->cohort = in->cohort;
	col->n = in->n_samples;
	col->ln_n = log(col->n + 1.0);
	col->count = calloc((size_t)n + 1, sizeof(*col->count));
	if (!col->count)
		return -ENOMEM;
	flame_inclusive(d, in, d->work);
	for (uint32_t i = 0; i < n; i++)
		col->count[i] = (float)(d->work[i] * per_ns);
	return 0;
}

static int look_fill(struct look *l)
{
	struct flamediff *d = l->d;
	size_t n = (size_t)d->n_nodes + d->n_functions + 1;

	l->columns = calloc(d->n_instances + 1, sizeof(*l->columns));
	l->y = calloc(d->n_instances + 1, sizeof(*l->y));
	l->w = calloc(d->n_instances + 1, sizeof(*l->w));
	l->s2 = calloc(n, sizeof(*l->s2));
	l->diff = calloc(n, sizeof(*l->diff));
	l->unit = calloc(n, sizeof(*l->unit));
	if (!l->columns || !l->y || !l->w || !l->s2 || !l->diff || !l->unit)
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
	const double ln_half = -0.6931471805599453;
	double omega[COHORT_N] = { 0.0, 0.0 };
	double mean[COHORT_N] = { 0.0, 0.0 };
	double share = 0.0;
	double n = 0.0;
	double ss = 0.0;

	for (uint32_t i = 0; i < l->n_columns; i++) {
		share += (double)l->columns[i].count[node];
		n += l->columns[i].n;
	}
	share /= n;
	for (uint32_t i = 0; i < l->n_columns; i++) {
		const struct column *c = &l->columns[i];
		double count = (double)c->count[node];
		double mu = c->n * share + 0.5;

		/* 1 / (1 / mu + SPREAD) */
		l->w[i] = mu / (1.0 + SPREAD * mu);
		l->y[i] = (count > 0.0 ? log(count + 0.5) : ln_half) - c->ln_n;
		omega[c->cohort] += l->w[i];
		mean[c->cohort] += l->w[i] * l->y[i];
	}
	for (int c = 0; c < COHORT_N; c++)
		mean[c] /= omega[c];
	for (uint32_t i = 0; i < l->n_columns; i++) {
		double e = l->y[i] - mean[l->columns[i].cohort];

		ss += l->w[i] * e * e;
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

/* What a function has in each cohort, and which it is. */
struct total {
	double samples[COHORT_N];
	uint32_t f;
};

static int by_samples(const void *a, const void *b)
{
	const struct total *x = a;
	const struct total *y = b;

	for (int c = 0; c < COHORT_N; c++)
		if (x->samples[c] != y->samples[c])
			return x->samples[c] < y->samples[c] ? -1 : 1;
	return (x->f > y->f) - (x->f < y->f);
}

/* Functions that are always on a stack together are one hypothesis. */
static int mark_same_functions(struct flamediff *d)
{
	struct total *p = calloc((size_t)d->n_functions + 1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	for (uint32_t f = 0; f < d->n_functions; f++) {
		p[f].f = f;
		for (int c = 0; c < COHORT_N; c++)
			p[f].samples[c] = d->functions[f].samples[c];
	}
	qsort(p, d->n_functions, sizeof(*p), by_samples);
	for (uint32_t f = 0; f < d->n_functions; f++) {
		const double *is = p[f].samples;
		const double *was = f > 0 ? p[f - 1].samples : NULL;

		d->functions[p[f].f].same =
			is[0] + is[1] <= 0.0 ||
			(was && is[0] == was[0] && is[1] == was[1]);
	}
	free(p);
	return 0;
}

/* One family of hypotheses: entries [from, to) of d->nodes. */
struct family {
	uint32_t from;
	uint32_t to;
	double threshold; /* ln of the e-value of a discovery */
};

/* e-values of all in a family; those that are the same have the same. */
static int look_test(struct look *l, const struct family *of)
{
	struct flamediff *d = l->d;
	struct moderation m;
	size_t room = (size_t)(of->to - of->from) + 1;
	double *known = malloc(room * sizeof(*known));
	size_t n = 0;

	if (!known)
		return -ENOMEM;
	for (uint32_t i = of->from; i < of->to; i++) {
		const struct flame_node *node = &d->nodes[i];
		double samples = node->samples[0] + node->samples[1];

		if (samples < FEW)
			continue;
		node_fit(l, i);
		/* rarer ones scatter by whole samples, not as a variance */
		if (!node->same && l->s2[i] > 1e-9 &&
		    samples >= 2.0 * l->n_columns)
			known[n++] = l->s2[i];
	}
	m = moderate_fit(known, n, l->df);
	free(known);
	for (uint32_t i = of->from; i < of->to; i++) {
		double s2 = moderate(&m, l->s2[i], l->df);
		double t = l->diff[i] / sqrt(fmax(s2, 1e-12) * l->unit[i]);
		double lambda = EFFECT2 / (fmax(m.s2_0, 1e-12) * l->unit[i]);

		d->nodes[i].log_e =
			l->unit[i] > 0.0
				? moderate_log_e(t, l->df + m.d0, lambda)
				: 0.0;
	}
	return 0;
}

/* What became of one, given the e-value that a discovery has. */
static enum path_class classify(struct flamediff *d, struct flame_node *n,
				double threshold)
{
	double min_rise = d->policy.path_min_rise;
	double min_share = d->policy.path_min_share;
	bool rose = n->rise > 0.0;

	if (n->log_e < threshold) {
		/* could a rise worth reporting have been seen at all? */
		return n->samples[0] + n->samples[1] < 20.0 ? PATH_INSUFFICIENT
							    : PATH_UNCHANGED;
	}
	if (fabs(n->rise) < min_rise ||
	    n->share[rose ? COHORT_CANARY : COHORT_BASELINE] < min_share)
		return PATH_UNCHANGED;
	if (rose && flame_sporadic(d, n))
		return PATH_UNCHANGED;
	if (flame_moved(d, n))
		return PATH_SHIFTED;
	if (rose)
		return flame_absent(d, n) ? PATH_NEW : PATH_GROWN;
	return n->n_instances[COHORT_CANARY] == 0 ? PATH_VANISHED : PATH_SHRUNK;
}

/* The e-value of a discovery within a family at this much of alpha. */
static int family_threshold(const struct flamediff *d, double alpha,
			    struct family *of)
{
	size_t room = (size_t)(of->to - of->from) + 1;
	double *log_e = malloc(room * sizeof(*log_e));
	size_t n = 0;

	if (!log_e)
		return -ENOMEM;
	for (uint32_t i = of->from; i < of->to; i++)
		if (!d->nodes[i].same)
			log_e[n++] = d->nodes[i].log_e;
	of->threshold = multiple_threshold(log_e, n, alpha);
	free(log_e);
	return 0;
}

static int classes_fill(struct flamediff *d, const struct family *families)
{
	uint32_t n = d->n_nodes + d->n_functions;
	uint8_t *p = realloc(d->classes, n + 1U);

	if (!p)
		return -ENOMEM;
	d->classes = p;
	flame_restore(d);
	for (int k = 0; k < 2; k++)
		for (uint32_t i = families[k].from; i < families[k].to; i++)
			p[i] = (uint8_t)classify(d, &d->nodes[i],
						 families[k].threshold);
	d->n_classes = d->n_nodes;
	return 0;
}

/*
 * What the k-th look spends of alpha: a tenth for the first eight, which look
 * at up to 64,000 canary samples, and the rest over all that may follow.
 */
static double part_of_alpha(uint32_t k)
{
	const double pi2 = 9.869604401089358;

	return k <= 8 ? 0.1 : 0.2 * 6.0 / (pi2 * (k - 8) * (k - 8));
}

/* Test both families, each with half of this look's share of alpha. */
static int families_test(struct look *l)
{
	struct flamediff *d = l->d;
	struct family families[2] = {
		{ .to = d->n_nodes },
		{ .from = d->n_nodes, .to = d->n_nodes + d->n_functions },
	};
	/* what is unsettled is no finding, and spends nothing */
	double alpha = d->policy.profile_alpha *
		       part_of_alpha(d->young ? 1 : d->looks);
	int rc;

	mark_same(d);
	rc = mark_same_functions(d);
	for (int k = 0; rc == 0 && k < 2; k++) {
		rc = look_test(l, &families[k]);
		if (rc == 0)
			rc = family_threshold(d, 0.5 * alpha, &families[k]);
	}
	return rc == 0 ? classes_fill(d, families) : rc;
}

int flamediff_look(struct flamediff *d)
{
	struct look l = { .d = d };
	double samples = 0.0;
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
	if (!d->young) {
		d->looks++;
		d->compared = true;
	}
	rc = families_test(&l);
	if (rc == 0)
		rc = flame_report(d, l.n_cohort[COHORT_CANARY] >= 2);
out:
	look_release(&l);
	return rc;
}
