/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "stats/flamediff_state.h"
#include "stats/lesson.h"

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

void flamediff_learn(struct flamediff *d, const struct lessons *lessons)
{
	d->lessons = lessons;
	d->summed = false;
}

int flamediff_teach(struct flamediff *d, struct lessons *lessons)
{
	int rc = d->young ? 0 : flame_sum(d);

	for (uint32_t f = 0; rc == 0 && !d->young && f < d->n_functions; f++)
		if (d->functions[f].most_baseline >= LESSON_SHARE_MIN &&
		    flame_comes_and_goes(d, &d->functions[f]))
			rc = lessons_add_function(
				lessons, calltree_name(d->tree, f),
				d->functions[f].most_baseline);
	/* what is beyond all bounds is left out */
	return rc == -EMSGSIZE ? 0 : rc;
}

void flamediff_clear(struct flamediff *d)
{
	for (uint32_t i = 0; i < d->n_instances; i++) {
		struct flame_instance *in = &d->instances[i];

		if (in->self_ns)
			memset(in->self_ns, 0,
			       in->room * sizeof(in->self_ns[0]));
		for (uint32_t f = 0; f < in->functions_room; f++)
			in->cut_ns[f] = in->cut_self_ns[f] = 0.0;
		in->total_ns = in->n_samples = in->n_requests = 0.0;
		in->used = false;
	}
	d->next_look = FIRST_LOOK;
	d->summed = false;
	d->compared = false;
	d->n_findings = 0;
	d->n_classes = 0;
}

void flamediff_free(struct flamediff *d)
{
	if (!d)
		return;
	for (uint32_t i = 0; i < d->n_instances; i++) {
		free(d->instances[i].self_ns);
		free(d->instances[i].cut_ns);
		free(d->instances[i].cut_self_ns);
	}
	calltree_free(d->tree);
	free(d->instances);
	free(d->known);
	free(d->named);
	free(d->at);
	free(d->cut);
	free(d->nodes);
	free(d->regions);
	free(d->region_of);
	free(d->inside);
	free(d->first);
	free(d->next);
	free(d->work);
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

/* Room for n nodes, but no less than twice what there was. */
static int self_reserve(struct flame_instance *in, uint32_t n)
{
	uint64_t *p;
	uint32_t room;

	if (n <= in->room)
		return 0;
	room = in->room ? 2 * in->room : 256;
	room = room > n ? room : n;
	p = realloc(in->self_ns, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + in->room, 0, (room - in->room) * sizeof(*p));
	in->self_ns = p;
	in->room = room;
	return 0;
}

static int cut_reserve(struct flame_instance *in, uint32_t f)
{
	uint32_t room = f + 256;
	double *p;

	if (f < in->functions_room)
		return 0;
	p = realloc(in->cut_ns, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	in->cut_ns = p;
	p = realloc(in->cut_self_ns, room * sizeof(*p));
	if (!p)
		return -ENOMEM;
	in->cut_self_ns = p;
	for (uint32_t i = in->functions_room; i < room; i++)
		in->cut_ns[i] = in->cut_self_ns[i] = 0.0;
	in->functions_room = room;
	return 0;
}

/* Where the function + 1 of a string of b is kept; 0: not looked up yet. */
static uint32_t *known_at(const struct flamediff *d, const struct batch *b,
			  uint32_t string)
{
	return b->names ? &d->named[b->names[string]] : &d->known[string];
}

static int function_get(struct flamediff *d, const struct batch *b,
			uint32_t string, uint32_t *ret_f)
{
	uint32_t *known = known_at(d, b, string);
	int rc = 0;

	if (*known == 0) {
		uint32_t f;

		rc = calltree_function(d->tree, b->strings[string], &f);
		if (rc < 0)
			return rc;
		*known = f + 1;
	}
	*ret_f = *known - 1;
	return 0;
}

/*
 * Time of a function whose call path was cut counts for it all the same, on
 * every stack once.
 */
static int cut_add(struct flamediff *d, struct flame_instance *in,
		   const struct batch *b, const struct batch_profile *p,
		   uint32_t i)
{
	double ns = (double)p->self_ns[i];
	uint32_t leaf = *known_at(d, b, p->function[i]);

	if (ns <= 0.0)
		return 0;
	for (int32_t k = (int32_t)i; k != BATCH_NO_PARENT; k = p->parent[k]) {
		int32_t parent = p->parent[k];
		uint32_t f = *known_at(d, b, p->function[k]);
		bool outer = true;

		if (!d->cut[k])
			break;
		for (; outer && parent != BATCH_NO_PARENT;
		     parent = p->parent[parent])
			outer = *known_at(d, b, p->function[parent]) != f;
		if (!outer || f == 0)
			continue;
		if (cut_reserve(in, f - 1) < 0)
			return -ENOMEM;
		in->cut_ns[f - 1] += ns;
	}
	if (leaf > 0) {
		if (cut_reserve(in, leaf - 1) < 0)
			return -ENOMEM;
		in->cut_self_ns[leaf - 1] += ns;
	}
	if (d->at[i] != CALLTREE_ROOT) {
		uint32_t f = calltree_function_of(d->tree, (uint32_t)d->at[i]);

		if (cut_reserve(in, f) < 0)
			return -ENOMEM;
		in->cut_self_ns[f] -= ns;
	}
	return 0;
}

/* The tree's node for node i of a profile, whose parent's is known. */
static int node_get(struct flamediff *d, const struct batch *b,
		    const struct batch_profile *p, uint32_t i)
{
	int32_t parent = p->parent[i] == BATCH_NO_PARENT ? CALLTREE_ROOT
							 : d->at[p->parent[i]];
	/* where the tree is full: what is called counts for its caller */
	bool cut = p->parent[i] != BATCH_NO_PARENT && d->cut[p->parent[i]];
	uint32_t node;
	uint32_t f;
	int rc = function_get(d, b, p->function[i], &f);

	if (rc == 0 && cut)
		rc = -EMSGSIZE;
	if (rc == 0)
		rc = calltree_child(d->tree, parent, f, &node);
	if (rc == -ENOMEM)
		return rc;
	d->cut[i] = rc < 0;
	d->at[i] = rc < 0 ? parent : (int32_t)node;
	return 0;
}

static int profile_add(struct flamediff *d, struct flame_instance *in,
		       const struct batch *b, const struct batch_profile *p)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < p->n; i++) {
		if (node_get(d, b, p, i) < 0)
			return -ENOMEM;
		/* all instances' are more than a cache holds */
		if (d->at[i] != CALLTREE_ROOT && (uint32_t)d->at[i] < in->room)
			__builtin_prefetch(&in->self_ns[d->at[i]], 1);
	}
	if (self_reserve(in, calltree_count(d->tree)) < 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->n; i++) {
		/* also where it is 0: which those are cannot be foreseen */
		sum += p->self_ns[i];
		if (d->at[i] != CALLTREE_ROOT)
			in->self_ns[d->at[i]] += p->self_ns[i];
		if (d->cut[i] && cut_add(d, in, b, p, i) < 0)
			return -ENOMEM;
	}
	in->total_ns += (double)sum;
	in->n_samples += (double)p->n_samples;
	return 0;
}

/* Grow an array of numbers to n, its new entries 0. */
static int numbers_reserve(uint32_t **numbers, uint32_t *room, uint32_t n)
{
	uint32_t *p;

	if (n <= *room)
		return 0;
	n += n / 2;
	p = realloc(*numbers, n * sizeof(*p));
	if (!p)
		return -ENOMEM;
	memset(p + *room, 0, (n - *room) * sizeof(*p));
	*numbers = p;
	*room = n;
	return 0;
}

/* Room for what is known of a batch's strings. */
static int known_reserve(struct flamediff *d, const struct batch *b)
{
	uint32_t most = 0;

	if (b->names) {
		for (uint32_t i = 0; i < b->n_strings; i++)
			if (b->names[i] > most)
				most = b->names[i];
		return numbers_reserve(&d->named, &d->n_named, most + 1);
	}
	if (numbers_reserve(&d->known, &d->n_known, b->n_strings) < 0)
		return -ENOMEM;
	memset(d->known, 0, d->n_known * sizeof(d->known[0]));
	return 0;
}

/* Room for a profile's nodes. */
static int nodes_reserve(struct flamediff *d, uint32_t n)
{
	void *p;

	if (n <= d->n_at)
		return 0;
	p = realloc(d->at, n * sizeof(*d->at));
	if (!p)
		return -ENOMEM;
	d->at = p;
	p = realloc(d->cut, n * sizeof(*d->cut));
	if (!p)
		return -ENOMEM;
	d->cut = p;
	d->n_at = n;
	return 0;
}

int flamediff_add(struct flamediff *d, uint32_t slot, enum cohort cohort,
		  const struct batch *b, uint64_t n_requests)
{
	struct flame_instance *in;

	if (instance_reserve(d, slot) < 0 || known_reserve(d, b) < 0)
		return -ENOMEM;
	in = &d->instances[slot];
	in->cohort = cohort;
	in->used = true;
	in->n_requests += (double)n_requests;
	d->summed = false;
	for (uint32_t i = 0; i < b->n_profiles; i++) {
		const struct batch_profile *p = &b->profiles[i];

		if (p->kind != PROFILE_CPU || p->group != PROFILE_APP ||
		    p->n == 0)
			continue;
		if (nodes_reserve(d, p->n) < 0 || profile_add(d, in, b, p) < 0)
			return -ENOMEM;
	}
	return 0;
}

void flamediff_settle(struct flamediff *d, bool young)
{
	if (d->young && !young)
		flamediff_clear(d);
	d->young = young;
}

/* --- what is shown --- */

bool flamediff_compared(const struct flamediff *d, const char **ret_why)
{
	*ret_why = d->young ? "code is still being compiled"
			    : "there are too few CPU samples";
	return d->compared && !d->young;
}

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
