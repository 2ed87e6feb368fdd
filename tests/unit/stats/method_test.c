/* SPDX-License-Identifier: Apache-2.0 */
/*
 * method: METHOD_VERSION is kept honest.  Three small rollouts are folded, and
 * what is said after every window of theirs is pinned.  A change of stats/ that
 * shows here is another method, and must have another number: with the old one
 * a replay would take it for a defect.
 */
#include "stats/method.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/batch.h"
#include "common/err.h"
#include "common/limits.h"
#include "stats/policy.h"
#include "stats/rollout.h"
#include "tests/story.h"
#include "tests/test.h"

enum { N_BASELINE = 6, N_CANARY = 3, N_HISTORY = 10, N_WINDOWS = 60 };

#define BEGIN_MS INT64_C(1700000000000)

/* What is told; the canary's third route fails in it, or does not. */
struct telling {
	const char *why;
	uint64_t slow_ns;
	bool errors;
};

/* What was found of it. */
struct found {
	uint64_t story;	 /* all that was told */
	uint64_t digest; /* all that was said, to the bit */
	struct verdict last;
};

static void mix(uint64_t *h, const void *bytes, size_t len)
{
	const unsigned char *at = bytes;

	for (size_t i = 0; i < len; i++) {
		*h ^= at[i];
		*h *= UINT64_C(1099511628211);
	}
}

static void mix_batch(uint64_t *h, const struct batch *b)
{
	for (uint32_t i = 0; i < b->n_series; i++) {
		const struct batch_series *s = &b->series[i];

		mix(h, &s->status, sizeof(s->status));
		mix(h, s->bucket, s->n * sizeof(*s->bucket));
		mix(h, s->count, s->n * sizeof(*s->count));
	}
	for (uint32_t i = 0; i < b->n_profiles; i++)
		mix(h, b->profiles[i].self_ns,
		    b->profiles[i].n * sizeof(*b->profiles[i].self_ns));
}

static void mix_verdict(uint64_t *h, const struct verdict *v)
{
	const double figures[] = {
		v->p99_ratio,	       v->p99_ratio_lo,	    v->p99_ratio_hi,
		v->p99_baseline_ms,    v->p99_canary_ms,    v->shift_ms,
		v->shift_lo_ms,	       v->shift_hi_ms,	    v->limit_ms,
		v->hot_share_baseline, v->hot_share_canary, v->detectable_ratio,
	};
	const uint64_t counts[] = {
		v->word,
		v->code,
		v->final,
		v->step,
		v->canary_requests,
		v->baseline_requests,
		v->canary_instances,
		v->baseline_instances,
		v->windows,
		v->need_requests,
		v->need_instances,
		v->need_baseline_instances,
	};

	mix(h, figures, sizeof(figures));
	mix(h, counts, sizeof(counts));
	mix(h, v->route, strlen(v->route));
	mix(h, v->reason, strlen(v->reason));
	mix(h, v->hot_function, strlen(v->hot_function));
}

/* A batch of the telling; NULL if there is no memory. */
static const struct batch *tell(const struct telling *t, bool canary,
				uint32_t instance, uint32_t window,
				struct arena *arena)
{
	const struct story story = { .n_requests = 60,
				     .slow_ns = t->slow_ns,
				     .begin_ms = BEGIN_MS };
	struct batch *b = story_batch(&story, canary, instance, window, arena);
	struct batch_series *series;

	if (!b || !t->errors || !canary || window % 3 != 0)
		return b;
	series = arena_alloc(arena, b->n_series * sizeof(*series));
	if (!series)
		return NULL;
	memcpy(series, b->series, b->n_series * sizeof(*series));
	series[2].status = STATUS_5XX;
	b->series = series;
	return b;
}

static int fold_window(const struct telling *t, struct rollout *r,
		       uint32_t window, struct found *f)
{
	struct rollout_member members[N_BASELINE + N_CANARY];
	struct rollout_window w = { .step = 1, .members = members };
	struct arena *arena = NULL;
	int rc = arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL);

	w.from_ms = BEGIN_MS + (int64_t)window * STORY_WINDOW_MS;
	w.to_ms = w.from_ms + STORY_WINDOW_MS;
	w.history = window < N_HISTORY;
	w.n_members = w.history ? N_BASELINE : N_BASELINE + N_CANARY;
	for (uint32_t i = 0; i < w.n_members && rc == 0; i++) {
		bool canary = i >= N_BASELINE;

		members[i].cohort = canary ? COHORT_CANARY : COHORT_BASELINE;
		members[i].batch = tell(t, canary, canary ? i - N_BASELINE : i,
					window, arena);
		if (!members[i].batch)
			rc = -ENOMEM;
		else
			mix_batch(&f->story, members[i].batch);
	}
	if (rc == 0)
		rc = rollout_fold(r, &w, &f->last, NULL);
	if (rc == 0)
		mix_verdict(&f->digest, &f->last);
	arena_free(arena);
	return rc;
}

static int fold(const struct telling *t, struct found *f)
{
	struct rollout *r = NULL;
	struct policy policy;
	int rc;

	*f = (struct found){ .story = UINT64_C(14695981039346656037),
			     .digest = UINT64_C(14695981039346656037) };
	policy_default(&policy);
	policy.soak_windows = 20;
	rc = rollout_new(&policy, BEGIN_MS + N_HISTORY * STORY_WINDOW_MS, &r,
			 NULL);
	for (uint32_t w = 0; w < N_HISTORY + N_WINDOWS && rc == 0; w++)
		rc = fold_window(t, r, w, f);
	rollout_free(r);
	return rc;
}

/* --- what METHOD_VERSION gives --- */

enum { PINNED_METHOD = 5 };

static const uint32_t pinned_arithmetic = 0x59bb15c9;

static const struct pinned {
	struct telling telling;
	uint64_t story;
	uint64_t digest;
	const char *reason;
	double p99_ratio;
	double p99_ratio_lo;
	double p99_ratio_hi;
} pinned[] = {
	{ { "a tail that is slower", 40000000, false },
	  UINT64_C(0xf4f279cee2f2dbc7),
	  UINT64_C(0xd217d3849952e0f3),
	  "GET /orders/{}: P99 53.5 ms against 35.9 ms, +17.6 ms (95 % "
	  "interval +13.9..+33.0, limit +5.4); hot in the canary and new: "
	  "shop.orders.Money<T>::format(const char *) & co (30.3 % of CPU)",
	  1.4890511085078972,
	  1.3880129086413049,
	  1.9198157062173005 },
	{ { "nothing is wrong", 0, false },
	  UINT64_C(0x2c5c32a17e592045),
	  UINT64_C(0x71dbd2ed622535ef),
	  "GET /orders/{}: P99 36.2 ms against 35.9 ms, +0.3 ms (95 % "
	  "interval -3.3..+3.1, limit +5.4); errors and unanswered requests "
	  "are within their limits; 18,900 canary requests on 3 canary "
	  "instances",
	  1.0072992702762373,
	  0.90801682121837346,
	  1.0857735861024918 },
	{ { "a third of the windows fails", 0, true },
	  UINT64_C(0x677beea6eca0200d),
	  UINT64_C(0x835b1f75682981f4),
	  "GET /\"><script>alert(1)</script>/{}: 20.0 % of the canary's "
	  "requests failed against 0.00 % of the baseline's (limit 0.20 %); "
	  "hot in the canary and new: shop.orders.Money<T>::format(const char "
	  "*) & co (30.3 % of CPU)",
	  0.95652173792857675,
	  0.42809211472122849,
	  6.0496474644129465 },
};

/* On another mathematics library: the same but for the last digits. */
static bool is_close(double a, double b)
{
	return fabs(a - b) <= 1e-9 * fmax(fabs(a), fabs(b));
}

static bool says_the_same(const struct pinned *p, const struct found *f)
{
	if (method_arithmetic() == pinned_arithmetic)
		return f->digest == p->digest;
	return strcmp(f->last.reason, p->reason) == 0 &&
	       is_close(f->last.p99_ratio, p->p99_ratio) &&
	       is_close(f->last.p99_ratio_lo, p->p99_ratio_lo) &&
	       is_close(f->last.p99_ratio_hi, p->p99_ratio_hi);
}

static void a_change_of_results_is_another_method(void)
{
	CHECK_EQ(PINNED_METHOD, METHOD_VERSION);
	for (size_t i = 0; i < sizeof(pinned) / sizeof(pinned[0]); i++) {
		const struct pinned *p = &pinned[i];
		struct found f;

		CHECK_EQ(fold(&p->telling, &f), 0);
		if (f.story != p->story)
			test_fail(__FILE__, __LINE__,
				  "%s: tests/story.c tells something else "
				  "now; pin what follows, the method stays",
				  p->telling.why);
		else if (!says_the_same(p, &f))
			test_fail(__FILE__, __LINE__,
				  "%s: the same windows give other results: "
				  "raise METHOD_VERSION (stats/method.h), add "
				  "to METHOD.md's Versions, and pin what "
				  "follows",
				  p->telling.why);
		else
			continue;
		printf("arithmetic 0x%08" PRIx32 "\n  UINT64_C(0x%016" PRIx64
		       "),\n  UINT64_C(0x%016" PRIx64
		       "),\n  \"%s\",\n  %.17g, %.17g, %.17g\n",
		       method_arithmetic(), f.story, f.digest, f.last.reason,
		       f.last.p99_ratio, f.last.p99_ratio_lo,
		       f.last.p99_ratio_hi);
	}
}

static void every_verdict_names_the_method(void)
{
	static const struct telling t = { "", 40000000, false };
	struct rollout *r = NULL;
	struct policy policy;
	struct verdict v;
	struct found f;

	CHECK_EQ(fold(&t, &f), 0);
	CHECK_EQ(f.last.method, METHOD_VERSION);
	policy_default(&policy);
	CHECK_EQ(rollout_new(&policy, BEGIN_MS, &r, NULL), 0);
	rollout_verdict(r, BEGIN_MS, &v);
	CHECK_EQ(v.method, METHOD_VERSION);
	rollout_verdict(r, BEGIN_MS + policy.give_up_after_ms, &v);
	CHECK_EQ(v.method, METHOD_VERSION);
	rollout_free(r);
}

static void arithmetic_is_one_number(void)
{
	CHECK(method_arithmetic() != 0);
	CHECK_EQ(method_arithmetic(), method_arithmetic());
}

const struct test_case test_cases[] = {
	{ "method: a change of results is another method",
	  a_change_of_results_is_another_method },
	{ "method: every verdict names the method",
	  every_verdict_names_the_method },
	{ "method: arithmetic is one number", arithmetic_is_one_number },
	{ NULL, NULL },
};
