/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rollout: what must hold of the fold whatever the rollout is.  Worlds are
 * drawn from tests/sim/truth.h with seeds of the run's own.
 */
#include "stats/rollout.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "common/err.h"
#include "stats/hist.h"
#include "stats/policy.h"
#include "stats/rng.h"
#include "tests/sim/truth.h"
#include "tests/test.h"

enum { WINDOWS = 40, MEMBERS = 16, ROUNDS = 6 };

static const struct world world = {
	.n_canary = 2,
	.n_baseline = 5,
	.window_ms = 2000,
	.n_windows = WINDOWS,
	.n_history = 10,
	.requests = 40,
	.median_ms = 20,
	.sigma = 0.4,
	.sd = 0.03,
	.error_rate = 0.01,
	.n_routes = 3,
};

/* How a window is changed on its way into the fold; ctx is the caller's. */
typedef void (*change_fn)(struct rollout_window *w,
			  struct rollout_member *members, void *ctx);

/* Fold a whole rollout; repeat gives every window twice. */
static int fold(uint64_t seed, const struct effect *e, change_fn change,
		void *ctx, int repeat, struct rollout **ret_r,
		struct verdict *ret_v)
{
	struct truth *t = truth_new(&world, e, seed);
	struct policy policy;
	struct rollout_window w;
	struct err err = { "" };
	int rc = 0;

	policy_default(&policy);
	*ret_r = NULL;
	while (rc == 0 && truth_next(t, &w)) {
		struct rollout_member members[MEMBERS];

		memcpy(members, w.members, w.n_members * sizeof(members[0]));
		w.members = members;
		if (change)
			change(&w, members, ctx);
		if (!*ret_r)
			rc = rollout_new(&policy, w.from_ms, ret_r, &err);
		for (int i = 0; rc == 0 && i <= repeat; i++)
			rc = rollout_fold(*ret_r, &w, ret_v, &err);
	}
	truth_free(t);
	return rc;
}

/* Are two verdicts the same to the bit, and all that a report shows too? */
static bool alike(const struct rollout *a, const struct verdict *va,
		  const struct rollout *b, const struct verdict *vb)
{
	struct rollout_route_view ra;
	struct rollout_route_view rb;

	if (va->word != vb->word || va->code != vb->code ||
	    strcmp(va->reason, vb->reason) != 0 ||
	    va->p99_ratio != vb->p99_ratio ||
	    va->need_requests != vb->need_requests ||
	    rollout_n_routes(a) != rollout_n_routes(b))
		return false;
	for (size_t i = 0; i < rollout_n_routes(a); i++) {
		rollout_route(a, i, &ra);
		rollout_route(b, i, &rb);
		if (strcmp(ra.route, rb.route) != 0 ||
		    ra.log_e_fail != rb.log_e_fail ||
		    ra.log_e_pass != rb.log_e_pass ||
		    ra.p99_ratio_hi != rb.p99_ratio_hi)
			return false;
	}
	return true;
}

static void shuffle(struct rollout_window *w, struct rollout_member *members,
		    void *ctx)
{
	struct rng *rng = ctx;

	for (size_t i = w->n_members; i > 1; i--) {
		size_t j = (size_t)(rng_next(rng) % i);
		struct rollout_member m = members[i - 1];

		members[i - 1] = members[j];
		members[j] = m;
	}
}

static void members_in_any_order_give_the_same_verdict(void)
{
	uint64_t seed = test_seed();
	struct rng rng = { .state = seed };

	for (int i = 0; i < ROUNDS; i++) {
		struct effect e = { .scale = i % 2 ? 0.4 : 0.0 };
		struct rollout *a;
		struct rollout *b;
		struct verdict va;
		struct verdict vb;

		CHECK_EQ(fold(seed + (uint64_t)i, &e, NULL, NULL, 0, &a, &va),
			 0);
		CHECK_EQ(
			fold(seed + (uint64_t)i, &e, shuffle, &rng, 0, &b, &vb),
			0);
		CHECK(alike(a, &va, b, &vb));
		rollout_free(a);
		rollout_free(b);
	}
}

static void a_window_given_twice_counts_once(void)
{
	uint64_t seed = test_seed();
	const struct effect e = { .scale = 0.2 };
	struct rollout *a;
	struct rollout *b;
	struct verdict va;
	struct verdict vb;

	CHECK_EQ(fold(seed, &e, NULL, NULL, 0, &a, &va), 0);
	CHECK_EQ(fold(seed, &e, NULL, NULL, 1, &b, &vb), 0);
	CHECK(alike(a, &va, b, &vb));
	CHECK_EQ(va.windows, vb.windows);
	rollout_free(a);
	rollout_free(b);
}

/* An instance that is there and says nothing. */
static void add_silent(struct rollout_window *w, struct rollout_member *members,
		       void *ctx)
{
	struct batch *b = ctx;

	if (w->history)
		return;
	*b = *members[0].batch;
	b->instance = "silent";
	b->n_series = 0;
	b->n_events = 0;
	members[w->n_members].cohort = COHORT_CANARY;
	members[w->n_members].batch = b;
	w->n_members++;
}

static void a_silent_instance_changes_nothing(void)
{
	uint64_t seed = test_seed();

	for (int i = 0; i < ROUNDS; i++) {
		struct effect e = { .scale = i % 2 ? 0.4 : 0.0 };
		struct batch silent;
		struct rollout *a;
		struct rollout *b;
		struct verdict va;
		struct verdict vb;

		CHECK_EQ(fold(seed + (uint64_t)i, &e, NULL, NULL, 0, &a, &va),
			 0);
		CHECK_EQ(fold(seed + (uint64_t)i, &e, add_silent, &silent, 0,
			      &b, &vb),
			 0);
		CHECK(alike(a, &va, b, &vb));
		rollout_free(a);
		rollout_free(b);
	}
}

/* Cut every batch's requests in two batches of the same instance. */
struct halves {
	struct batch half[2 * MEMBERS];
	struct batch_series series[2 * MEMBERS][32];
};

static void split(struct rollout_window *w, struct rollout_member *members,
		  void *ctx)
{
	struct halves *h = ctx;
	size_t n = w->n_members;

	for (size_t i = 0; i < n; i++) {
		const struct batch *b = members[i].batch;
		uint32_t cut = b->n_series / 2;

		for (size_t k = 0; k < 2; k++) {
			struct batch *out = &h->half[2 * i + k];

			*out = *b;
			out->seq = 2 * b->seq + k;
			out->n_series = k ? b->n_series - cut : cut;
			if (out->n_series > 0)
				memcpy(h->series[2 * i + k],
				       b->series + (k ? cut : 0),
				       out->n_series * sizeof(b->series[0]));
			out->series = h->series[2 * i + k];
			out->n_events = b->n_events / 2;
		}
		members[i].batch = &h->half[2 * i];
		members[n + i].cohort = members[i].cohort;
		members[n + i].batch = &h->half[2 * i + 1];
	}
	w->n_members = 2 * n;
}

static void several_batches_of_an_instance_are_added_up(void)
{
	static struct halves halves;
	uint64_t seed = test_seed();
	const struct effect e = { .scale = 0.15 };
	struct rollout *a;
	struct rollout *b;
	struct verdict va;
	struct verdict vb;

	CHECK_EQ(fold(seed, &e, NULL, NULL, 0, &a, &va), 0);
	CHECK_EQ(fold(seed, &e, split, &halves, 0, &b, &vb), 0);
	CHECK(alike(a, &va, b, &vb));
	rollout_free(a);
	rollout_free(b);
}

/* Double every latency: 128 buckets up, one octave. */
struct doubled {
	struct batch batch[MEMBERS];
	struct batch_series series[MEMBERS][32];
	uint32_t bucket[MEMBERS][32][2048];
};

static void scale_up(struct rollout_window *w, struct rollout_member *members,
		     void *ctx)
{
	struct doubled *d = ctx;

	for (size_t i = 0; i < w->n_members; i++) {
		d->batch[i] = *members[i].batch;
		for (uint32_t s = 0; s < d->batch[i].n_series; s++) {
			d->series[i][s] = members[i].batch->series[s];
			for (uint32_t k = 0; k < d->series[i][s].n; k++)
				d->bucket[i][s][k] =
					d->series[i][s].bucket[k] + 128;
			d->series[i][s].bucket = d->bucket[i][s];
		}
		d->batch[i].series = d->series[i];
		members[i].batch = &d->batch[i];
	}
}

static void doubling_every_latency_doubles_the_shift(void)
{
	static struct doubled doubled;
	uint64_t seed = test_seed();
	const struct effect e = { .scale = 0.25 };
	struct rollout *a;
	struct rollout *b;
	struct verdict va;
	struct verdict vb;

	CHECK_EQ(fold(seed, &e, NULL, NULL, 0, &a, &va), 0);
	CHECK_EQ(fold(seed, &e, scale_up, &doubled, 0, &b, &vb), 0);
	CHECK(fabs(vb.p99_baseline_ms / va.p99_baseline_ms - 2.0) < 1e-5);
	/* the grid is the same an octave up; only rounding to ns differs */
	CHECK(fabs(vb.p99_ratio / va.p99_ratio - 1.0) < 1e-3);
	CHECK(fabs(vb.shift_ms / va.shift_ms - 2.0) < 0.02);
	rollout_free(a);
	rollout_free(b);
}

static void swap(struct rollout_window *w, struct rollout_member *members,
		 void *ctx)
{
	(void)ctx;
	for (size_t i = 0; i < w->n_members; i++)
		members[i].cohort = members[i].cohort == COHORT_CANARY
					    ? COHORT_BASELINE
					    : COHORT_CANARY;
}

static void swapping_cohorts_mirrors_the_shift(void)
{
	uint64_t seed = test_seed();
	const struct effect e = { .scale = 0.25 };
	struct rollout *a;
	struct rollout *b;
	struct verdict va;
	struct verdict vb;
	struct rollout_route_view ra;
	struct rollout_route_view rb;

	CHECK_EQ(fold(seed, &e, NULL, NULL, 0, &a, &va), 0);
	CHECK_EQ(fold(seed, &e, swap, NULL, 0, &b, &vb), 0);
	/* the routes' figures: a verdict's are those of the window in which
	   it was reached, and only one of these two is */
	rollout_route(a, 0, &ra);
	rollout_route(b, 0, &rb);
	/* blocks weigh by the other cohort's requests then: not to the bit */
	CHECK(fabs(log(ra.p99_ratio) + log(rb.p99_ratio)) < 0.05);
	CHECK(ra.p99_ratio > 1.0 && rb.p99_ratio < 1.0);
	CHECK(vb.word != VERDICT_FAIL);
	rollout_free(a);
	rollout_free(b);
}

static void figures_are_always_finite(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < 20; round++) {
		const struct effect e = { .scale = 0.1 * (round % 4),
					  .hang = round % 5 ? 0.0 : 0.5 };
		struct rollout *r = NULL;
		struct verdict v = { 0 };
		struct rollout_route_view view;

		CHECK_EQ(fold(rng_next(&rng), &e, shuffle, &rng, 0, &r, &v), 0);
		CHECK(isfinite(v.p99_ratio) && isfinite(v.p99_ratio_lo) &&
		      isfinite(v.p99_ratio_hi) && isfinite(v.shift_lo_ms) &&
		      isfinite(v.shift_hi_ms) && isfinite(v.limit_ms) &&
		      isfinite(v.detectable_ratio));
		CHECK(v.p99_ratio_lo <= v.p99_ratio &&
		      v.p99_ratio <= v.p99_ratio_hi);
		for (size_t i = 0; i < rollout_n_routes(r); i++) {
			rollout_route(r, i, &view);
			CHECK(isfinite(view.log_e_fail) &&
			      isfinite(view.log_e_pass) &&
			      isfinite(view.floor_ratio) &&
			      isfinite(view.shift_hi_ms));
		}
		rollout_free(r);
	}
}

const struct test_case test_cases[] = {
	{ "rollout: members in any order give the same verdict",
	  members_in_any_order_give_the_same_verdict },
	{ "rollout: a window given twice counts once",
	  a_window_given_twice_counts_once },
	{ "rollout: a silent instance changes nothing",
	  a_silent_instance_changes_nothing },
	{ "rollout: several batches of an instance are added up",
	  several_batches_of_an_instance_are_added_up },
	{ "rollout: doubling every latency doubles the shift",
	  doubling_every_latency_doubles_the_shift },
	{ "rollout: swapping cohorts mirrors the shift",
	  swapping_cohorts_mirrors_the_shift },
	{ "rollout: figures are always finite", figures_are_always_finite },
	{ NULL, NULL },
};
