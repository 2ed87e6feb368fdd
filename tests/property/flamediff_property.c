/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flamediff: what must hold for any profiles.  The oracle walks every node's
 * ancestors for every sample, as the definition reads.
 */
#include "stats/flamediff.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "stats/flamediff_state.h"
#include "stats/policy.h"
#include "stats/rng.h"
#include "tests/test.h"

enum { NODES = 60, INSTANCES = 9, ROUNDS = 20 };

/* One draw: a tree, and each instance's self weights. */
struct draw {
	int32_t parent[NODES];
	uint32_t function[NODES];
	char text[NODES][8];
	const char *strings[NODES];
	uint64_t self_ns[INSTANCES][NODES];
	uint64_t n_samples[INSTANCES];
};

static void draw_make(struct draw *d, struct rng *rng, bool hot)
{
	memset(d, 0, sizeof(*d));
	for (uint32_t i = 0; i < NODES; i++) {
		d->parent[i] =
			i == 0 ? BATCH_NO_PARENT : (int32_t)(rng_next(rng) % i);
		/* a third repeats its caller: recursion */
		d->function[i] = i > 0 && rng_next(rng) % 3 == 0
					 ? d->function[d->parent[i]]
					 : i;
		(void)snprintf(d->text[i], sizeof(d->text[i]), "f%u", i);
		d->strings[i] = d->text[i];
	}
	for (uint32_t k = 0; k < INSTANCES; k++) {
		for (uint32_t i = 0; i < NODES; i++) {
			uint64_t n = 20 + rng_next(rng) % 3;

			if (i == NODES - 1)
				n = hot && k >= 6 ? 200 : 0;
			d->self_ns[k][i] = n * 1000;
			d->n_samples[k] += n;
		}
	}
}

/* Feed a draw, the strings of every other instance numbered; instances from 6
 * on are the canary's, or all but those. */
static struct flamediff *feed(const struct draw *d, bool swap, uint64_t times)
{
	struct policy policy;
	struct flamediff *f = NULL;
	uint32_t number[NODES];

	for (uint32_t i = 0; i < NODES; i++)
		number[i] = i * 7 % NODES; /* not the order of the strings */
	policy_default(&policy);
	if (flamediff_new(&policy, &f) < 0)
		return NULL;
	for (uint32_t k = 0; k < INSTANCES; k++) {
		uint64_t self_ns[NODES];
		struct batch_profile p = { .kind = PROFILE_CPU,
					   .group = PROFILE_APP,
					   .n = NODES,
					   .parent = d->parent,
					   .function = d->function,
					   .self_ns = self_ns,
					   .n_samples = d->n_samples[k] };
		struct batch b = { .strings = d->strings,
				   .names = k % 2 ? number : NULL,
				   .n_strings = NODES,
				   .profiles = &p,
				   .n_profiles = 1 };
		bool canary = (k >= 6) != swap;

		for (uint32_t i = 0; i < NODES; i++)
			self_ns[i] = d->self_ns[k][i] * (canary ? times : 1);
		if (flamediff_add(f, k,
				  canary ? COHORT_CANARY : COHORT_BASELINE, &b,
				  100) < 0)
			return NULL;
	}
	if (flamediff_look(f) < 0)
		return NULL;
	return f;
}

/* Does node i lie below or at node a? */
static bool below(const struct rollout_path *p, uint32_t i, uint32_t a)
{
	int32_t at = (int32_t)i;

	while (at >= 0 && (uint32_t)at != a)
		at = p[at].parent;
	return at >= 0;
}

static void totals_are_what_the_definition_says(void)
{
	struct rng rng = { .state = test_seed() };
	static struct draw d;

	for (int round = 0; round < ROUNDS; round++) {
		const struct rollout_path *p;
		struct flamediff *f;
		size_t n;

		draw_make(&d, &rng, round % 2);
		f = feed(&d, false, 1);
		CHECK(f != NULL);
		CHECK_EQ(flamediff_paths(f, &p, &n), 0);
		for (uint32_t a = 0; a < n; a++) {
			uint64_t want[COHORT_N] = { 0, 0 };

			CHECK(p[a].parent < (int32_t)a);
			for (uint32_t i = 0; i < n; i++)
				for (int c = 0; c < COHORT_N; c++)
					want[c] += below(p, i, a)
							   ? p[i].self_ns[c]
							   : 0;
			CHECK_EQ(p[a].total_ns[0], want[0]);
			CHECK_EQ(p[a].total_ns[1], want[1]);
		}
		flamediff_free(f);
	}
}

/* Is function f at node i or among its callers? */
static bool on_stack(const struct draw *d, uint32_t i, uint32_t f)
{
	int32_t at = (int32_t)i;

	while (at >= 0 && d->function[at] != f)
		at = d->parent[at];
	return at >= 0;
}

/* A function's share by its definition: stacks that hold it, once each. */
static double share_of(const struct draw *d, uint32_t f, int cohort)
{
	double all = 0.0;
	double sum = 0.0;

	for (uint32_t k = 0; k < INSTANCES; k++)
		for (uint32_t i = 0; (k >= 6) == cohort && i < NODES; i++) {
			all += (double)d->self_ns[k][i];
			if (on_stack(d, i, f))
				sum += (double)d->self_ns[k][i];
		}
	return sum / all;
}

static void functions_count_a_stack_once(void)
{
	struct rng rng = { .state = test_seed() };
	static struct draw d;

	for (int round = 0; round < ROUNDS; round++) {
		struct flamediff *f;

		draw_make(&d, &rng, round % 2);
		f = feed(&d, false, 1);
		CHECK(f != NULL);
		CHECK_EQ(flame_sum(f), 0);
		for (uint32_t k = 0; k < f->n_functions; k++) {
			const char *name = calltree_name(f->tree, k);
			uint32_t id = (uint32_t)strtoul(name + 1, NULL, 10);

			for (int c = 0; c < COHORT_N; c++)
				CHECK(fabs(f->functions[k].share[c] -
					   share_of(&d, id, c)) < 1e-12);
		}
		flamediff_free(f);
	}
}

/* Twenty call paths, of which each has little. */
static void a_function_is_found_over_all_its_paths(void)
{
	struct rng rng = { .state = test_seed() };
	const struct rollout_finding *found;
	static struct draw d;
	struct flamediff *f;

	draw_make(&d, &rng, false);
	for (uint32_t i = 0; i < 20; i++)
		d.function[i] = i;
	for (uint32_t i = 20; i < NODES; i++) {
		d.parent[i] = (int32_t)i % 20;
		d.function[i] = 59;
		for (uint32_t k = 0; k < INSTANCES; k++) {
			d.n_samples[k] -= d.self_ns[k][i] / 1000;
			d.self_ns[k][i] = k >= 6 ? 1000 : 0;
			d.n_samples[k] += k >= 6;
		}
	}
	for (uint32_t k = 0; k < INSTANCES; k++) {
		d.self_ns[k][0] += 900000;
		d.n_samples[k] += 900;
	}
	f = feed(&d, false, 1);
	CHECK(f != NULL);
	CHECK_EQ(flamediff_findings(f, &found), 1);
	CHECK_EQ(strcmp(flamediff_function(f, found[0].path), "f59"), 0);
	CHECK(found[0].function && found[0].gates);
	CHECK_EQ(found[0].n_paths, 20);
	CHECK_EQ(found[0].class, PATH_NEW);
	flamediff_free(f);
}

static void a_new_path_is_found_and_nothing_else(void)
{
	struct rng rng = { .state = test_seed() };
	static struct draw d;

	for (int round = 0; round < ROUNDS; round++) {
		const struct rollout_finding *found;
		struct flamediff *f;
		size_t n;

		draw_make(&d, &rng, round % 2);
		/* its own name, not a repetition of its caller's */
		d.function[NODES - 1] = NODES - 1;
		f = feed(&d, false, 1);
		CHECK(f != NULL);
		n = flamediff_findings(f, &found);
		for (size_t i = 0; i < n; i++) {
			if (found[i].class != PATH_NEW &&
			    found[i].class != PATH_GROWN)
				continue;
			CHECK(round % 2);
			CHECK_EQ(strcmp(flamediff_function(f, found[i].path),
					d.text[NODES - 1]),
				 0);
			CHECK_EQ(found[i].class, PATH_NEW);
			CHECK(found[i].gates); /* three canary instances */
		}
		CHECK_EQ(flamediff_gates(f), round % 2);
		flamediff_free(f);
	}
}

static void swapping_turns_a_rise_into_a_fall(void)
{
	struct rng rng = { .state = test_seed() };
	const struct rollout_finding *found;
	static struct draw d;
	struct flamediff *f;
	bool vanished = false;
	size_t n;

	draw_make(&d, &rng, true);
	d.function[NODES - 1] = NODES - 1;
	f = feed(&d, true, 1);
	CHECK(f != NULL);
	n = flamediff_findings(f, &found);
	for (size_t i = 0; i < n; i++) {
		CHECK(found[i].class == PATH_VANISHED ||
		      found[i].class == PATH_SHRUNK ||
		      found[i].class == PATH_SHIFTED);
		vanished = vanished || found[i].class == PATH_VANISHED ||
			   found[i].class == PATH_SHRUNK;
	}
	CHECK(vanished);
	CHECK(!flamediff_gates(f));
	flamediff_free(f);
}

static void weights_are_relative(void)
{
	struct rng rng = { .state = test_seed() };
	const struct rollout_finding *a;
	const struct rollout_finding *b;
	static struct draw d;
	struct flamediff *fa;
	struct flamediff *fb;
	size_t n;

	draw_make(&d, &rng, true);
	fa = feed(&d, false, 1);
	fb = feed(&d, false, 1000);
	CHECK(fa && fb);
	n = flamediff_findings(fa, &a);
	CHECK_EQ(flamediff_findings(fb, &b), n);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(a[i].path, b[i].path);
		CHECK_EQ(a[i].class, b[i].class);
		CHECK(fabs(log(a[i].e_value / b[i].e_value)) < 1e-6);
	}
	flamediff_free(fa);
	flamediff_free(fb);
}

static void a_tree_against_itself_reports_nothing(void)
{
	struct rng rng = { .state = test_seed() };
	const struct rollout_finding *found;
	static struct draw d;
	struct flamediff *f;

	draw_make(&d, &rng, false);
	for (uint32_t k = 1; k < INSTANCES; k++) {
		memcpy(d.self_ns[k], d.self_ns[0], sizeof(d.self_ns[0]));
		d.n_samples[k] = d.n_samples[0];
	}
	f = feed(&d, false, 1);
	CHECK(f != NULL);
	CHECK_EQ(flamediff_findings(f, &found), 0);
	flamediff_free(f);
}

const struct test_case test_cases[] = {
	{ "flamediff: totals are what the definition says",
	  totals_are_what_the_definition_says },
	{ "flamediff: functions count a stack once, recursion or not",
	  functions_count_a_stack_once },
	{ "flamediff: a function is found over all its paths",
	  a_function_is_found_over_all_its_paths },
	{ "flamediff: a new path is found, and nothing else",
	  a_new_path_is_found_and_nothing_else },
	{ "flamediff: swapping turns a rise into a fall",
	  swapping_turns_a_rise_into_a_fall },
	{ "flamediff: weights are relative", weights_are_relative },
	{ "flamediff: a tree against itself reports nothing",
	  a_tree_against_itself_reports_nothing },
	{ NULL, NULL },
};
