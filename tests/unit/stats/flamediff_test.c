/* SPDX-License-Identifier: Apache-2.0 */
/* flamediff: which function is named, and what a full tree still knows. */
#include "stats/flamediff.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "stats/flamediff_state.h"
#include "stats/lesson.h"
#include "stats/policy.h"
#include "tests/test.h"

enum { INSTANCES = 8, CANARY = 6 };

static const char *const names[] = {
	"Interpreter",	      "io.web.Server.run",  "shop.Order.write",
	"shop.Items.sum",     "StubRoutines (1)",   "shop.Data.load",
	"shop.Order.inlined", "pthread_mutex_lock",
};

/* Each node's function is its own number; samples of a cohort. */
struct node {
	int32_t parent;
	uint64_t samples[COHORT_N];
};

static int add(struct flamediff *d, const struct node *nodes, uint32_t n)
{
	int32_t parent[8];
	uint32_t function[8];
	uint64_t self_ns[8];

	for (uint32_t k = 0; k < INSTANCES; k++) {
		int c = k >= CANARY;
		struct batch_profile p = { .kind = PROFILE_CPU,
					   .group = PROFILE_APP,
					   .n = n,
					   .parent = parent,
					   .function = function,
					   .self_ns = self_ns };
		struct batch b = { .strings = names,
				   .n_strings = 8,
				   .profiles = &p,
				   .n_profiles = 1 };

		for (uint32_t i = 0; i < n; i++) {
			uint64_t samples = nodes[i].samples[c];

			/* instances differ by some samples */
			samples += samples ? (k + i) % 3 : 0;
			parent[i] = nodes[i].parent;
			function[i] = i;
			self_ns[i] = samples * 1000;
			p.n_samples += samples;
		}
		if (flamediff_add(d, k, (enum cohort)c, &b, 100) < 0)
			return -1;
	}
	return 0;
}

static struct flamediff *feed(const struct node *nodes, uint32_t n)
{
	struct policy policy;
	struct flamediff *d = NULL;

	policy_default(&policy);
	if (flamediff_new(&policy, &d) < 0 || add(d, nodes, n) < 0)
		return NULL;
	return d;
}

static void the_application_is_named_not_what_runs_it(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } }, { 0, { 300, 300 } }, { 1, { 50, 50 } },
		{ 2, { 0, 30 } },     { 3, { 0, 60 } },	   { 1, { 200, 200 } },
	};
	struct flamediff *d = feed(nodes, 6);
	struct rollout_finding hot;

	CHECK(d != NULL);
	/* before any look: a description; after it: a finding */
	for (int looked = 0; looked < 2; looked++) {
		CHECK_EQ(flamediff_hot(d, &hot), 0);
		CHECK_EQ(strcmp(flamediff_function(d, hot.path),
				"shop.Items.sum"),
			 0);
		CHECK_EQ(hot.class, PATH_NEW);
		CHECK(hot.function);
		CHECK_EQ(flamediff_look(d), 0);
	}
	CHECK(flamediff_gates(d));
	flamediff_free(d);
}

static void what_only_runs_it_is_not_named(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } }, { 0, { 300, 300 } }, { 1, { 500, 500 } },
		{ 2, { 0, 0 } },      { 2, { 0, 60 } },	   { 1, { 200, 200 } },
	};
	struct flamediff *d = feed(nodes, 6);
	struct rollout_finding hot;

	CHECK(d != NULL);
	CHECK_EQ(flamediff_hot(d, &hot), -ENOENT);
	flamediff_free(d);
}

/* A frame that one build's compiler keeps is no time that anybody spends. */
static void a_frame_without_time_of_its_own_is_no_rise(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } }, { 0, { 300, 300 } }, { 1, { 200, 0 } },
		{ 1, { 100, 100 } },  { 1, { 50, 50 } },   { 1, { 200, 200 } },
		{ 1, { 0, 0 } },
	};
	struct flamediff *d;
	struct node moved[7];
	struct rollout_finding hot;

	/* shop.Order.write under shop.Order.inlined, in the canary alone */
	memcpy(moved, nodes, sizeof(moved));
	moved[6].samples[1] = 0;
	moved[2].samples[1] = 200;
	d = feed(moved, 7);
	CHECK(d != NULL);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK_EQ(flamediff_hot(d, &hot), -ENOENT);
	CHECK(!flamediff_gates(d));
	flamediff_free(d);
}

/*
 * shop.Order.inlined is a frame in the canary and in no baseline instance; of
 * what runs below it nothing is new, but leaves have other names too.
 */
static void inlined_frames_are_no_rise(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } }, { 0, { 300, 300 } }, { 1, { 400, 100 } },
		{ 2, { 50, 0 } },     { 2, { 0, 50 } },	   { 1, { 200, 200 } },
		{ 2, { 0, 300 } },
	};
	struct flamediff *d = feed(nodes, 7);
	const struct rollout_finding *found;
	struct rollout_finding hot;
	size_t n;

	CHECK(d != NULL);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK(!flamediff_gates(d));
	CHECK_EQ(flamediff_hot(d, &hot), -ENOENT);
	n = flamediff_findings(d, &found);
	CHECK(n > 0);
	for (size_t i = 0; i < n; i++)
		CHECK_EQ(found[i].class, PATH_SHIFTED);
	flamediff_free(d);
}

static void nothing_is_found_while_code_is_compiled(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } }, { 0, { 300, 300 } }, { 1, { 50, 50 } },
		{ 2, { 0, 30 } },     { 3, { 0, 60 } },	   { 1, { 200, 200 } },
	};
	const struct rollout_finding *found;
	struct rollout_finding hot;
	struct policy policy;
	struct flamediff *d;
	const char *why;

	policy_default(&policy);
	CHECK_EQ(flamediff_new(&policy, &d), 0);
	CHECK_EQ(add(d, nodes, 6), 0);
	flamediff_settle(d, true);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK(!flamediff_compared(d, &why));
	CHECK_EQ(strcmp(why, "code is still being compiled"), 0);
	CHECK(flamediff_findings(d, &found) > 0);
	CHECK_EQ(found[0].class, PATH_UNSETTLED);
	CHECK(!flamediff_gates(d));
	/* a failure that something else proved is explained all the same */
	CHECK_EQ(flamediff_hot(d, &hot), 0);
	CHECK_EQ(hot.class, PATH_NEW);
	flamediff_settle(d, false);
	/* what was sampled before is forgotten */
	CHECK(flamediff_findings(d, &found) == 0);
	for (int i = 0; i < 100; i++)
		CHECK_EQ(add(d, nodes, 6), 0);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK(flamediff_compared(d, &why));
	CHECK(flamediff_gates(d));
	flamediff_free(d);
}

/* What most instances have does not come and go, and excuses nothing. */
static void what_comes_and_goes_is_taught(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } },
		{ 0, { 300, 300 } },
		{ 1, { 50, 50 } },
	};
	static const char *const odd[] = { "io.web.Server.run",
					   "shop.Cache.fill" };
	const int32_t parent[] = { BATCH_NO_PARENT, 0 };
	const uint32_t function[] = { 0, 1 };
	const uint64_t self_ns[] = { 100000, 50000 };
	const struct batch_profile p = { .kind = PROFILE_CPU,
					 .group = PROFILE_APP,
					 .n_samples = 150,
					 .n = 2,
					 .parent = parent,
					 .function = function,
					 .self_ns = self_ns };
	const struct batch b = {
		.strings = odd, .n_strings = 2, .profiles = &p, .n_profiles = 1
	};
	struct flamediff *d = feed(nodes, 3);
	struct lessons *l = NULL;

	CHECK(d != NULL);
	/* one instance of the baseline fills its cache */
	CHECK_EQ(flamediff_add(d, 0, COHORT_BASELINE, &b, 100), 0);
	CHECK_EQ(lessons_new(&l), 0);
	CHECK_EQ(flamediff_teach(d, l), 0);
	CHECK_EQ(lessons_n_functions(l), 1);
	/* 50 of 600 samples, and some */
	CHECK(fabs(lessons_share(l, "shop.Cache.fill") - 0.083) < 0.002);
	lessons_free(l);
	flamediff_free(d);
}

/* Compiling again and again does not buy new looks. */
static void what_looks_spent_stays_spent(void)
{
	static const struct node nodes[] = {
		{ -1, { 100, 100 } },
		{ 0, { 300, 300 } },
		{ 1, { 50, 50 } },
	};
	struct flamediff *d = feed(nodes, 3);
	const char *why;
	uint32_t looks;

	CHECK(d != NULL);
	flamediff_settle(d, false);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK(flamediff_compared(d, &why));
	looks = d->looks;
	CHECK(looks > 0);
	CHECK_EQ(add(d, nodes, 3), 0);
	flamediff_settle(d, true);
	CHECK_EQ(add(d, nodes, 3), 0);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK_EQ(d->looks, looks);
	flamediff_settle(d, false);
	CHECK(!flamediff_compared(d, &why));
	CHECK_EQ(add(d, nodes, 3), 0);
	CHECK_EQ(flamediff_look(d), 0);
	CHECK(flamediff_compared(d, &why));
	CHECK_EQ(d->looks, looks + 1);
	flamediff_free(d);
}

static void a_full_tree_still_counts_functions(void)
{
	static int32_t parent[CALLTREE_NODES + 2];
	static uint32_t function[CALLTREE_NODES + 2];
	static uint64_t self_ns[CALLTREE_NODES + 2];
	static char text[CALLTREE_NODES + 2][12];
	static const char *strings[CALLTREE_NODES + 2];
	struct batch_profile p = { .kind = PROFILE_CPU,
				   .group = PROFILE_APP,
				   .n = CALLTREE_NODES + 2,
				   .parent = parent,
				   .function = function,
				   .self_ns = self_ns,
				   .n_samples = 100 };
	struct batch b = { .strings = strings,
			   .n_strings = CALLTREE_NODES + 2,
			   .profiles = &p,
			   .n_profiles = 1 };
	struct policy policy;
	struct flamediff *d = NULL;

	for (uint32_t i = 0; i < p.n; i++) {
		parent[i] = i == 0 ? BATCH_NO_PARENT : 0;
		function[i] = i;
		(void)snprintf(text[i], sizeof(text[i]), "f%u", i);
		strings[i] = text[i];
	}
	/* the last two are beyond the tree: one calls the other */
	parent[p.n - 1] = (int32_t)p.n - 2;
	self_ns[1] = 60;
	self_ns[p.n - 2] = 10;
	self_ns[p.n - 1] = 30;
	policy_default(&policy);
	CHECK_EQ(flamediff_new(&policy, &d), 0);
	CHECK_EQ(flamediff_add(d, 0, COHORT_CANARY, &b, 1), 0);
	CHECK_EQ(flame_sum(d), 0);
	CHECK_EQ(d->n_nodes, CALLTREE_NODES);
	CHECK(fabs(d->functions[0].share[1] - 1.0) < 1e-12);
	CHECK(fabs(d->functions[0].self_share[1]) < 1e-12);
	CHECK(fabs(d->functions[1].share[1] - 0.6) < 1e-12);
	CHECK(fabs(d->functions[p.n - 2].share[1] - 0.4) < 1e-12);
	CHECK(fabs(d->functions[p.n - 2].self_share[1] - 0.1) < 1e-12);
	CHECK(fabs(d->functions[p.n - 1].share[1] - 0.3) < 1e-12);
	flamediff_free(d);
}

const struct test_case test_cases[] = {
	{ "flamediff: the application is named, not what runs it",
	  the_application_is_named_not_what_runs_it },
	{ "flamediff: what only runs the application is not named",
	  what_only_runs_it_is_not_named },
	{ "flamediff: a frame without time of its own is no rise",
	  a_frame_without_time_of_its_own_is_no_rise },
	{ "flamediff: inlined frames are no rise", inlined_frames_are_no_rise },
	{ "flamediff: nothing is found while code is being compiled",
	  nothing_is_found_while_code_is_compiled },
	{ "flamediff: what comes and goes is taught, and nothing else",
	  what_comes_and_goes_is_taught },
	{ "flamediff: what looks spent stays spent",
	  what_looks_spent_stays_spent },
	{ "flamediff: a full tree still counts functions",
	  a_full_tree_still_counts_functions },
	{ NULL, NULL },
};
