/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/draw.h"
#include "tests/sim/flame.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/err.h"
#include "stats/lesson.h"
#include "stats/policy.h"
#include "stats/rollout.h"

struct leaf_tree {
	uint32_t n;
	int32_t *parent;
	int32_t *parents;   /* the same as each instance has it, n a piece */
	bool *left_out;	    /* by node, of the instance at hand */
	uint32_t *function; /* also its string */
	double *weight;	    /* of self time, sums to 1 */
	char (*text)[16];
	const char **strings;
	uint64_t *self_ns;
	double *mine; /* each instance's own weights, n a piece */
};

static void *must(void *p)
{
	if (!p)
		abort();
	return p;
}

static uint32_t n_new(const struct flame_world *w)
{
	return w->n_new ? w->n_new : 1;
}

/* A random tree, its last nodes those that an effect may bring to life. */
static void tree_make(struct leaf_tree *t, const struct flame_world *w,
		      struct rng *rng)
{
	uint32_t n_i = w->n_canary + w->n_baseline;
	double sum = 0.0;

	t->n = w->n_paths + w->n_sporadic + n_new(w);
	t->parent = must(calloc(t->n, sizeof(*t->parent)));
	t->function = must(calloc(t->n, sizeof(*t->function)));
	t->weight = must(calloc(t->n, sizeof(*t->weight)));
	t->text = must(calloc(t->n, sizeof(*t->text)));
	t->strings = must(calloc(t->n, sizeof(*t->strings)));
	t->self_ns = must(calloc((size_t)t->n * n_i, sizeof(*t->self_ns)));
	t->mine = must(calloc((size_t)t->n * n_i, sizeof(*t->mine)));
	t->parents = must(calloc((size_t)t->n * n_i, sizeof(*t->parents)));
	t->left_out = must(calloc(t->n, sizeof(*t->left_out)));
	for (uint32_t i = 0; i < t->n; i++) {
		uint32_t back = 1 + (uint32_t)(draw_uniform(rng) * 40.0);

		t->parent[i] = i == 0	  ? BATCH_NO_PARENT
			       : i < back ? 0
					  : (int32_t)(i - back);
		t->function[i] = i;
		if (w->n_functions && i >= w->n_functions && i < w->n_paths)
			t->function[i] =
				(uint32_t)(draw_uniform(rng) * w->n_functions);
		(void)snprintf(t->text[i], sizeof(t->text[i]), "a.C.f%u", i);
		t->strings[i] = t->text[i];
		if (w->inlined > 0.0 && i == 0)
			t->strings[i] = "Interpreter";
		if (i < w->n_paths)
			t->weight[i] =
				pow(1.0 + draw_uniform(rng) * w->n_paths, -1.1);
		sum += t->weight[i];
	}
	for (uint32_t i = 0; i < t->n; i++)
		t->weight[i] /= sum;
	/* the new function is called from all over */
	for (uint32_t i = t->n - n_new(w); i < t->n; i++) {
		t->function[i] = t->n - 1;
		if (w->n_new)
			t->parent[i] =
				(int32_t)(draw_uniform(rng) * w->n_paths);
	}
	for (uint32_t i = 0; i < w->n_sporadic; i++)
		t->weight[w->n_paths + i] = 0.01;
}

/* Two siblings with self time that cost can move between. */
static void siblings(const struct leaf_tree *t, uint32_t *ret_a,
		     uint32_t *ret_b)
{
	double best = 0.0;

	*ret_a = *ret_b = 0;
	for (uint32_t a = 1; a < t->n; a++)
		for (uint32_t b = a + 1; b < t->n && b < a + 80; b++) {
			double least = fmin(t->weight[a], t->weight[b]);

			if (t->parent[a] == t->parent[b] && least > best) {
				best = least;
				*ret_a = a;
				*ret_b = b;
			}
		}
}

/*
 * Leave the frames out that instance i inlines: their time is their caller's,
 * and so are their callees.
 */
static void frames_draw(struct leaf_tree *t, uint32_t i, const double *odds,
			struct rng *rng)
{
	int32_t *parent = t->parents + (size_t)i * t->n;
	double *mine = t->mine + (size_t)i * t->n;

	/* one decision for all of a function's paths: its first node's */
	for (uint32_t k = 0; k < t->n; k++)
		t->left_out[k] = odds[k] > 0.0 && draw_uniform(rng) < odds[k];
	for (uint32_t k = 0; k < t->n; k++) {
		int32_t p = t->parent[k];

		while (p > 0 && t->left_out[t->function[p]])
			p = t->parent[p];
		parent[k] = p;
	}
	for (uint32_t k = t->n; k-- > 1;)
		if (t->left_out[t->function[k]]) {
			mine[parent[k]] += mine[k];
			mine[k] = 0.0;
		}
}

/* Each cohort's odds of leaving out a function: n doubles a cohort. */
static double *odds_draw(const struct leaf_tree *t, const struct flame_world *w,
			 struct rng *rng)
{
	double *odds = must(calloc(2 * (size_t)t->n, sizeof(*odds)));

	for (uint32_t k = 1; k < w->n_paths && w->inlined > 0.0; k++)
		if (draw_uniform(rng) < w->inlined)
			for (int c = 0; c < 2; c++)
				odds[(size_t)c * t->n + k] = draw_uniform(rng);
	return odds;
}

static void weights_draw(struct leaf_tree *t, const struct flame_world *w,
			 struct rng *rng)
{
	double share = (w->new_share > 0.0 ? w->new_share : 0.01) / n_new(w);
	double *odds = odds_draw(t, w, rng);
	uint32_t a;
	uint32_t b;

	siblings(t, &a, &b);
	for (uint32_t i = 0; i < w->n_canary + w->n_baseline; i++) {
		double *mine = t->mine + (size_t)i * t->n;
		bool canary = i >= w->n_baseline;

		for (uint32_t k = 0; k < t->n; k++) {
			mine[k] = t->weight[k] * exp(w->sd * draw_normal(rng));
			if (k >= w->n_paths && draw_uniform(rng) > 0.1)
				mine[k] = 0.0;
		}
		for (uint32_t k = t->n - n_new(w); k < t->n; k++)
			mine[k] =
				canary && w->effect == FLAME_NEW
					? share * exp(w->sd * draw_normal(rng))
					: 0.0;
		if (canary && w->effect == FLAME_REFACTOR) {
			mine[a] += 0.9 * mine[b];
			mine[b] *= 0.1;
		}
		frames_draw(t, i, odds + (canary ? t->n : 0), rng);
	}
	free(odds);
}

/* What instances of earlier baselines had of the sporadic functions. */
static void teach(struct rollout *r, const struct leaf_tree *t,
		  const struct flame_world *w, struct rng *rng)
{
	double n = w->samples / w->n_baseline;
	struct lessons *lessons = NULL;

	if (lessons_new(&lessons) < 0)
		abort();
	for (uint32_t i = 0; i < w->learned * w->n_baseline; i++)
		for (uint32_t k = w->n_paths; k < w->n_paths + w->n_sporadic;
		     k++) {
			double share =
				t->weight[k] * exp(w->sd * draw_normal(rng));

			if (draw_uniform(rng) > 0.1)
				continue;
			share = draw_poisson(rng, n * share) / n;
			if (lessons_add_function(lessons, t->text[k], share) <
			    0)
				abort();
		}
	rollout_learn(r, lessons);
}

static void batch_make(struct batch *b, struct batch_profile *p, char *name,
		       size_t room, uint32_t i, const struct leaf_tree *t)
{
	(void)snprintf(name, room, "pod-%u", i);
	memset(b, 0, sizeof(*b));
	memset(p, 0, sizeof(*p));
	b->service = "orders";
	b->revision = "a";
	b->instance = name;
	b->n_requests_before = 1000000;
	b->hooks = b->collector = "sim";
	b->refused_code = "";
	b->strings = t->strings;
	b->n_strings = t->n;
	b->profiles = p;
	b->n_profiles = 1;
	p->kind = PROFILE_CPU;
	p->group = PROFILE_APP;
	p->period_ns = 10000000;
	p->n = t->n;
	p->parent = t->parents + (size_t)i * t->n;
	p->function = t->function;
	p->self_ns = t->self_ns + (size_t)i * t->n;
}

static void window_draw(struct leaf_tree *t, const struct flame_world *w,
			struct batch_profile *profiles, struct rng *rng)
{
	for (uint32_t i = 0; i < w->n_canary + w->n_baseline; i++) {
		double cohort =
			i >= w->n_baseline ? w->n_canary : w->n_baseline;
		double n = w->samples / cohort / w->n_windows;

		profiles[i].n_samples = 0;
		for (uint32_t k = 0; k < t->n; k++) {
			uint32_t c = draw_poisson(
				rng, n * t->mine[(size_t)i * t->n + k]);

			t->self_ns[(size_t)i * t->n + k] =
				c * profiles[i].period_ns;
			profiles[i].n_samples += c;
		}
	}
}

static void outcome_read(const struct rollout *r, const struct leaf_tree *t,
			 const struct flame_world *w, struct flame_outcome *o)
{
	const struct rollout_finding *f;
	const struct rollout_path *paths;
	size_t n = rollout_findings(r, &f);

	(void)rollout_paths(r, &paths);
	for (size_t i = 0; i < n; i++) {
		bool right = w->effect == FLAME_NEW &&
			     strcmp(paths[f[i].path].function,
				    t->text[t->n - 1]) == 0;

		if (f[i].class != PATH_NEW && f[i].class != PATH_GROWN)
			continue;
		o->found |= right;
		o->wrong |= !right && f[i].gates;
		o->informs |= !right && !f[i].gates;
	}
}

void flame_run(const struct flame_world *w, uint64_t seed,
	       struct flame_outcome *ret_o)
{
	uint32_t n = w->n_canary + w->n_baseline;
	struct batch *batches = must(calloc(n, sizeof(*batches)));
	struct batch_profile *profiles = must(calloc(n, sizeof(*profiles)));
	struct rollout_member *members = must(calloc(n, sizeof(*members)));
	char(*names)[16] = must(calloc(n, sizeof(*names)));
	struct rng rng = { .state = seed * 2654435761U + 1 };
	struct leaf_tree t;
	struct policy policy;
	struct rollout *r;
	struct err err = { "" };

	memset(ret_o, 0, sizeof(*ret_o));
	tree_make(&t, w, &rng);
	weights_draw(&t, w, &rng);
	policy_default(&policy);
	if (rollout_new(&policy, 0, &r, &err) < 0)
		abort();
	if (w->learned > 0)
		teach(r, &t, w, &rng);
	for (uint32_t i = 0; i < n; i++) {
		batch_make(&batches[i], &profiles[i], names[i],
			   sizeof(names[i]), i, &t);
		members[i].batch = &batches[i];
		members[i].cohort =
			i >= w->n_baseline ? COHORT_CANARY : COHORT_BASELINE;
	}
	for (uint32_t k = 0; k < w->n_windows; k++) {
		struct rollout_window window = { .from_ms = k * 10000,
						 .to_ms = (k + 1) * 10000,
						 .n_members = n,
						 .members = members };

		window_draw(&t, w, profiles, &rng);
		if (rollout_fold(r, &window, NULL, &err) < 0)
			abort();
		/* looked at while it runs: a wrong one at any time counts */
		outcome_read(r, &t, w, ret_o);
	}
	rollout_free(r);
	free(t.parent);
	free(t.function);
	free(t.weight);
	free(t.text);
	free(t.strings);
	free(t.self_ns);
	free(t.mine);
	free(t.parents);
	free(t.left_out);
	free(batches);
	free(profiles);
	free(members);
	free(names);
}
