/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The P99s that a verdict shows: those of the same blocks, load trends and
 * ramps taken off, whatever tau was.
 */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "common/batch.h"
#include "common/err.h"
#include "stats/hist.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "stats/standard.h"
#include "tests/test.h"

enum { INSTANCES = 6, BASELINE = 4, REQUESTS_MAX = 1000, BLOCK_MS = 10000 };

/* What every instance of a cohort does in a block. */
struct side {
	uint32_t n; /* requests */
	double ms;  /* the fastest; the slowest takes five times as long */
};

struct feed {
	struct rollout *r;
	int block;
	struct verdict v;
	uint32_t bucket[COHORT_N][REQUESTS_MAX];
	uint64_t count[COHORT_N][REQUESTS_MAX];
};

static uint32_t fill(struct feed *f, int c, const struct side *side)
{
	uint32_t n = 0;

	for (uint32_t j = 0; j < side->n; j++) {
		double u = (j + 0.5) / side->n;
		double ms = side->ms * (1.0 + 4.0 * pow(u, 8.0));
		uint32_t b = hist_bucket((uint64_t)(ms * 1e6));

		if (n > 0 && f->bucket[c][n - 1] == b) {
			f->count[c][n - 1]++;
			continue;
		}
		f->bucket[c][n] = b;
		f->count[c][n++] = 1;
	}
	return n;
}

/* Fold a block in which the instances of each cohort do the same. */
static void feed(struct feed *f, const struct side side[COHORT_N], bool history)
{
	static const char *const strings[] = { "GET /a" };
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	struct rollout_member members[INSTANCES];
	struct batch_series series[COHORT_N];
	struct batch batch[INSTANCES];
	struct rollout_window w = { .n_members = INSTANCES,
				    .members = members,
				    .history = history };
	struct err err = { "" };

	for (int c = 0; c < COHORT_N; c++)
		series[c] = (struct batch_series){ .kind = LATENCY_TOTAL,
						   .status = STATUS_2XX,
						   .n = fill(f, c, &side[c]),
						   .bucket = f->bucket[c],
						   .count = f->count[c] };
	for (int i = 0; i < INSTANCES; i++) {
		int c = i < BASELINE ? COHORT_BASELINE : COHORT_CANARY;

		batch[i] = (struct batch){ .service = "x",
					   .revision = "x",
					   .instance = names[i],
					   .hooks = "t",
					   .collector = "t",
					   .refused_code = "",
					   .n_strings = 1,
					   .strings = strings,
					   .n_series = side[c].n > 0,
					   .series = &series[c] };
		members[i].cohort = (enum cohort)c;
		members[i].batch = &batch[i];
	}
	w.from_ms = (int64_t)f->block * BLOCK_MS;
	w.to_ms = w.from_ms + BLOCK_MS;
	f->block++;
	CHECK_EQ(rollout_fold(f->r, &w, &f->v, &err), 0);
}

static void feed_begin(struct feed *f)
{
	struct policy p;
	struct err err = { "" };

	memset(f, 0, sizeof(*f));
	policy_default(&p);
	p.warm_requests = 0;
	p.load_unequal_ok = true;
	CHECK_EQ(rollout_new(&p, 0, &f->r, &err), 0);
}

static double raw_p99_ms(const struct rollout_route_view *view, int cohort)
{
	uint64_t ns = 0;

	if (hist_quantile(view->hist[cohort], 0.99, &ns) < 0)
		return NAN; /* fails every comparison */
	return (double)ns / 1e6;
}

/* Verdict and view say the same, and what they say adds up. */
static void check_agrees(const struct feed *f,
			 const struct rollout_route_view *view)
{
	const struct verdict *v = &f->v;

	CHECK(v->p99_baseline_ms == view->p99_ms[COHORT_BASELINE]);
	CHECK(v->p99_canary_ms == view->p99_ms[COHORT_CANARY]);
	CHECK(v->shift_ms == v->p99_canary_ms - v->p99_baseline_ms);
	CHECK(v->shift_ms == view->shift_ms);
	CHECK(fabs(v->p99_ratio * v->p99_baseline_ms - v->p99_canary_ms) <
	      1e-6);
	CHECK(v->p99_ratio_lo <= v->p99_ratio &&
	      v->p99_ratio <= v->p99_ratio_hi);
	CHECK(v->shift_lo_ms <= v->shift_ms && v->shift_ms <= v->shift_hi_ms);
	CHECK(view->shift_lo_ms <= view->shift_ms &&
	      view->shift_ms <= view->shift_hi_ms);
}

static void a_verdict_shows_the_p99s_of_its_histograms(void)
{
	/* a baseline that had been ten times as slow until now: tau is far
	   from what anybody sees, and must not be seen in the figures */
	static const struct side before[2] = { { 200, 200.0 }, { 0, 1.0 } };
	static const struct side now[2] = { { 200, 20.0 }, { 200, 24.0 } };
	struct rollout_route_view view;
	struct feed f;

	feed_begin(&f);
	for (int i = 0; i < 30; i++)
		feed(&f, before, true);
	for (int i = 0; i < 20 && !f.v.final; i++) {
		feed(&f, now, false);
		rollout_route(f.r, 0, &view);
		check_agrees(&f, &view);
		for (int c = 0; c < COHORT_N; c++)
			CHECK(view.p99_ms[c] == raw_p99_ms(&view, c));
		CHECK(fabs(f.v.p99_ratio - 1.2) < 0.02);
		CHECK(fabs(f.v.limit_ms / f.v.p99_baseline_ms - 0.15) < 0.01);
	}
	rollout_free(f.r);
}

static void a_ramp_and_a_trend_of_load_do_not_show(void)
{
	static const struct side before[2] = { { 400, 20.0 }, { 0, 1.0 } };
	struct rollout_route_view view;
	struct feed f;

	feed_begin(&f);
	for (int i = 0; i < 10; i++)
		feed(&f, before, true);
	for (int i = 0; i < 40; i++) {
		/* the canary, a tenth faster, gets most when all are slow */
		double late = pow(i / 39.0, 6.0);
		double ms = 20.0 + 20.0 * late;
		struct side side[2] = { { 400, ms },
					{ 10U + (uint32_t)(900.0 * late),
					  0.9 * ms } };

		feed(&f, side, false);
		rollout_route(f.r, 0, &view);
		if (!f.v.final)
			check_agrees(&f, &view);
	}
	CHECK(raw_p99_ms(&view, 1) > raw_p99_ms(&view, 0));
	CHECK(fabs(view.p99_ratio - 0.9) < 0.02);
	CHECK(view.shift_ms < 0.0);
	CHECK(view.p99_ms[COHORT_CANARY] == raw_p99_ms(&view, 1));
	rollout_free(f.r);
}

static void a_block_without_the_other_cohort_does_not_show(void)
{
	static const struct side both[2] = { { 200, 20.0 }, { 200, 20.0 } };
	static const struct side alone[2] = { { 200, 80.0 }, { 0, 1.0 } };
	struct rollout_route_view view;
	struct feed f;

	feed_begin(&f);
	for (int i = 0; i < 12; i++)
		feed(&f, i % 2 ? alone : both, false);
	rollout_route(f.r, 0, &view);
	CHECK(raw_p99_ms(&view, 0) > 2.0 * raw_p99_ms(&view, 1));
	CHECK(view.p99_ratio == 1.0);
	CHECK(view.shift_ms == 0.0);
	rollout_free(f.r);
}

static void weighted_quantiles_are_exact(void)
{
	struct standard *s;
	struct hist *h;
	uint64_t ns;

	CHECK_EQ(standard_new(&s), 0);
	CHECK_EQ(standard_quantile(s, 0.5, &ns), -ENODATA);
	CHECK_EQ(hist_new(HIST_MAX_NS, &h), 0);
	for (uint64_t i = 1; i <= 100; i++)
		CHECK_EQ(hist_add(h, i), 0);
	/* a weight that is no binary fraction, so that sums are rounded */
	for (int i = 0; i < 10; i++)
		CHECK_EQ(standard_add(s, h, 0.1), 0);
	for (uint64_t i = 1; i <= 100; i++) {
		CHECK_EQ(standard_quantile(s, (double)i / 100.0, &ns), 0);
		CHECK_EQ(ns, i);
	}
	/* ten slow ones that count for 1000: most of the weight */
	hist_clear(h);
	for (int i = 0; i < 10; i++)
		CHECK_EQ(hist_add(h, HIST_MAX_NS), 0);
	CHECK_EQ(standard_add(s, h, 100.0), 0);
	CHECK_EQ(standard_quantile(s, 0.5, &ns), 0);
	CHECK_EQ(ns, hist_edge(hist_bucket(HIST_MAX_NS)));
	CHECK_EQ(standard_quantile(s, 0.05, &ns), 0);
	CHECK_EQ(ns, 55);
	CHECK_EQ(standard_quantile(s, 0.0, &ns), -EINVAL);
	CHECK_EQ(standard_quantile(s, NAN, &ns), -EINVAL);
	hist_free(h);
	standard_free(s);
	standard_free(NULL);
}

const struct test_case test_cases[] = {
	{ "figures: a verdict shows the P99s of its histograms",
	  a_verdict_shows_the_p99s_of_its_histograms },
	{ "figures: a ramp and a trend of load do not show",
	  a_ramp_and_a_trend_of_load_do_not_show },
	{ "figures: a block without the other cohort does not show",
	  a_block_without_the_other_cohort_does_not_show },
	{ "standard: weighted quantiles are exact",
	  weighted_quantiles_are_exact },
	{ NULL, NULL },
};
