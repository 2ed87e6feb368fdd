/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sim - how often the fold is wrong, both ways, and how soon it is right.
 *
 *	sim [--quick] [--only TEXT] [--runs N] [--seed N] [--jobs N]
 *	    [--margin X]
 *
 * Each run is a whole rollout of truth.h through stats/rollout, looked at
 * after every window.  A bound is broken where the binomial interval (99 %,
 * Clopper and Pearson 1934) lies wholly beyond it.  Exit: 0, 1 if a bound is
 * broken, 2 for a wrong argument.
 */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "stats/lesson.h"
#include "stats/policy.h"
#include "stats/proportion.h"
#include "stats/rollout.h"
#include "stats/verdict.h"
#include "tests/draw.h"
#include "tests/sim/flame.h"
#include "tests/sim/scenario.h"
#include "tests/sim/sprt.h"

/* what became of one run */
struct outcome {
	enum verdict_word word;
	enum verdict_code code;
	uint32_t windows;
	uint64_t canary_requests;
	bool passed_before; /* a pass that a later fail overtook */
	/*
	 * Half way to the decision: requests that were said to be missing over
	 * those that were; 0 where nothing was said or decided.
	 */
	double forecast;
	uint32_t need[2]; /* instances, baseline and canary, at the end */
	bool decided;	  /* once these were added */
};

/* What a run said on its way. */
struct way {
	uint64_t requests; /* of the canary */
	uint64_t need;
};

enum { WAY_MAX = 512 };

struct job {
	const struct scenario *s;
	uint64_t seed;
	double margin; /* instead of the scenario's; 0: that */
	uint32_t runs;
	atomic_uint next;
	struct outcome *outcomes;
};

/* The seeds of the table.  Methods were tuned on others (1 to 999999). */
static const uint64_t TABLE_SEED = 20270000;

/*
 * What earlier rollouts would have taught: the true variance between
 * instances as 20 observations of it scatter.
 */
static void teach(struct rollout *r, const struct world *w, uint64_t seed)
{
	struct rng rng = { .state = seed * 2654435761U + 7 };
	struct spread_prior level[LEVEL_N];
	struct lessons *lessons = NULL;
	double sum = 0.0;

	for (int i = 0; i < 20; i++) {
		double z = draw_normal(&rng);

		sum += z * z;
	}
	for (int p = 0; p < LEVEL_N; p++) {
		level[p].s2 = w->sd * w->sd * sum / 20.0;
		level[p].df = 20.0;
	}
	if (lessons_new(&lessons) < 0 ||
	    lessons_add(lessons, TRUTH_ROUTE, level, 1.0) < 0)
		abort();
	rollout_learn(r, lessons);
}

static double forecast_of(const struct outcome *o, const struct way *way)
{
	const struct way *half = &way[o->windows / 2];
	double was;

	if (o->windows < 4 || o->windows > WAY_MAX || half->need == 0)
		return 0.0;
	was = (double)o->canary_requests - (double)half->requests;
	return was > 0.0 ? (double)half->need / was : 0.0;
}

static void policy_of(const struct scenario *s, double margin,
		      struct policy *ret_p)
{
	policy_default(ret_p);
	if (s->margin > 0.0)
		ret_p->margin = s->margin;
	if (margin > 0.0)
		ret_p->margin = margin;
	ret_p->load_unequal_ok = s->load_unequal_ok;
	ret_p->soak_windows = s->soak ? s->soak : 60000 / s->world.window_ms;
	ret_p->throughput_lo = s->throughput_lo;
	/* what services of that kind are told to set */
	if (s->world.young_by > 0.0)
		ret_p->settle_after_ms = 300000;
	if (s->error_margin > 0.0)
		ret_p->error_margin = s->error_margin;
	ret_p->give_up_after_ms = 86400000;
}

static void run_once(const struct scenario *s, const struct world *world,
		     uint64_t seed, double margin, struct outcome *o)
{
	struct truth *t = truth_new(world, &s->effect, seed);
	struct policy policy;
	struct rollout *r = NULL;
	struct rollout_window w;
	struct verdict v = { .word = VERDICT_RUNNING };
	struct way way[WAY_MAX];
	struct err err = { "" };
	uint32_t windows = 0;

	memset(o, 0, sizeof(*o));
	policy_of(s, margin, &policy);
	while (truth_next(t, &w)) {
		if (!r) {
			if (rollout_new(&policy, w.from_ms, &r, &err) < 0)
				abort();
			if (s->learned)
				teach(r, world, seed);
		}
		if (rollout_fold(r, &w, &v, &err) < 0) {
			(void)fprintf(stderr, "%s\n", err.text);
			abort();
		}
		if (!w.history && windows < WAY_MAX)
			way[windows] = (struct way){ v.canary_requests,
						     v.need_requests };
		windows += !w.history;
		if (v.word == VERDICT_PASS && o->word != VERDICT_PASS) {
			o->word = VERDICT_PASS;
			o->windows = windows;
			o->canary_requests = v.canary_requests;
			o->passed_before = true;
		}
		if (v.word == VERDICT_FAIL) {
			o->word = VERDICT_FAIL;
			o->windows = windows;
			o->canary_requests = v.canary_requests;
			break;
		}
	}
	if (o->word == VERDICT_RUNNING) {
		o->windows = windows;
		o->canary_requests = v.canary_requests;
	} else
		o->forecast = forecast_of(o, way);
	o->code = v.code;
	o->need[0] = v.need_baseline_instances;
	o->need[1] = v.need_instances;
	if (getenv("SIM_SAY"))
		(void)printf("  %" PRIu64 " %s %s w=%u: %s\n", seed,
			     verdict_word_name(v.word),
			     verdict_code_name(v.code), o->windows, v.reason);
	rollout_free(r);
	truth_free(t);
}

/* Is the run one that says that instances differ too much, and what to do? */
static bool says_variance(const struct outcome *o)
{
	return o->word == VERDICT_RUNNING &&
	       o->code == CODE_INSTANCE_VARIANCE && o->need[0] + o->need[1] > 0;
}

/* The same rollout with the instances that the verdict asked for. */
static void run_added(const struct scenario *s, uint64_t seed, double margin,
		      struct outcome *o)
{
	struct world w = s->world;
	struct outcome added;

	w.n_added[0] = o->need[0];
	w.n_added[1] = o->need[1];
	w.n_baseline += o->need[0];
	w.n_canary += o->need[1];
	run_once(s, &w, seed, margin, &added);
	o->decided = added.word != VERDICT_RUNNING;
}

/* A rollout, tried again with other pods until it passes. */
static void run(const struct scenario *s, uint64_t seed, double margin,
		struct outcome *o)
{
	uint32_t n = s->attempts ? s->attempts : 1;

	for (uint32_t i = 0; i < n; i++) {
		run_once(s, &s->world, seed + UINT64_C(1000000) * i, margin, o);
		if (o->word == VERDICT_PASS)
			return;
	}
	if (s->added_min > 0.0 && says_variance(o))
		run_added(s, seed, margin, o);
}

static void *work(void *ctx)
{
	struct job *j = ctx;
	unsigned int i;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->runs)
		run(j->s, j->seed + i, j->margin, &j->outcomes[i]);
	return NULL;
}

/* One end of the 99 % interval. */
static double binomial_end(uint32_t k, uint32_t n, bool upper)
{
	double lo = 0.0;
	double hi = 1.0;

	(void)proportion_interval(k, n, 0.99, &lo, &hi);
	return upper ? hi : lo;
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

struct sum {
	uint32_t n, fails, passes, passed;
	double median, p95, requests; /* of those that were decided right */
	double forecast;	      /* median; 0: none */
	double forecast_3;	      /* share within 3 times */
	double sprt;		      /* median over the SPRT's; 0: none */
	uint32_t variance, decided;   /* of the undecided; of those */
};

static int by_number(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

static void forecasts(const struct job *j, struct sum *sum)
{
	double *f = calloc(j->runs + 1, sizeof(*f));
	uint32_t within = 0;
	uint32_t n = 0;

	if (!f)
		abort();
	for (uint32_t i = 0; i < j->runs; i++)
		if (j->outcomes[i].forecast > 0.0)
			f[n++] = j->outcomes[i].forecast;
	qsort(f, n, sizeof(*f), by_number);
	for (uint32_t i = 0; i < n; i++)
		within += f[i] >= 1.0 / 3.0 && f[i] <= 3.0;
	sum->forecast = n > 0 ? f[n / 2] : 0.0;
	sum->forecast_3 = n > 0 ? (double)within / n : 0.0;
	free(f);
}

static struct sum summarise(const struct job *j)
{
	bool want_fail = j->s->pass_min <= 0.0;
	struct sum sum = { .n = j->runs };
	uint64_t *w = calloc(j->runs + 1, sizeof(*w));
	uint64_t *q = calloc(j->runs + 1, sizeof(*q));
	uint32_t n = 0;

	if (!w || !q)
		abort();
	for (uint32_t i = 0; i < j->runs; i++) {
		const struct outcome *o = &j->outcomes[i];

		sum.fails += o->word == VERDICT_FAIL;
		sum.passes += o->word == VERDICT_PASS;
		sum.passed += o->passed_before;
		sum.variance += says_variance(o);
		sum.decided += o->decided;
		if (o->word == (want_fail ? VERDICT_FAIL : VERDICT_PASS)) {
			w[n] = o->windows;
			q[n++] = o->canary_requests;
		}
	}
	qsort(w, n, sizeof(*w), by_value);
	qsort(q, n, sizeof(*q), by_value);
	if (n > 0) {
		uint32_t half = n / 2;

		sum.median = (double)w[half];
		sum.p95 =
			(double)w[(n * 95) / 100 < n ? (n * 95) / 100 : n - 1];
		sum.requests = (double)q[half];
	}
	forecasts(j, &sum);
	if (j->s->sprt_max > 0.0) {
		struct policy policy;

		policy_of(j->s, j->margin, &policy);
		sum.sprt = sum.median / sprt_windows(j->s, &policy);
	}
	free(w);
	free(q);
	return sum;
}

static bool above(uint32_t k, uint32_t n, double bound)
{
	return bound != 0.0 &&
	       binomial_end(k, n, false) > (bound == NEVER ? 0.0 : bound);
}

static bool below(uint32_t k, uint32_t n, double bound)
{
	return bound > 0.0 && binomial_end(k, n, true) < bound;
}

/* What the undecided runs said, and whether it was right. */
static void report_variance(const struct job *j, const struct sum *sum)
{
	uint64_t *need = calloc(j->runs, sizeof(*need));
	uint32_t n = 0;

	if (!need)
		abort();
	for (uint32_t i = 0; i < j->runs; i++) {
		const struct outcome *o = &j->outcomes[i];

		if (says_variance(o))
			need[n++] = o->need[0] + o->need[1];
	}
	qsort(need, n, sizeof(*need), by_value);
	(void)printf("%32s of %" PRIu32 " undecided %" PRIu32
		     " INSTANCE_VARIANCE, median %" PRIu64
		     " instances to add, then decided %.4f [%.4f,%.4f]\n",
		     "", sum->n - sum->fails - sum->passes, sum->variance,
		     n > 0 ? need[n / 2] : 0,
		     n > 0 ? (double)sum->decided / n : 0.0,
		     binomial_end(sum->decided, n, false),
		     binomial_end(sum->decided, n, true));
	free(need);
}

/* Print a row; true if a bound is broken. */
static bool report(const struct job *j)
{
	const struct scenario *s = j->s;
	struct sum sum = summarise(j);
	bool broken =
		above(sum.fails, sum.n, s->fail_max) ||
		above(sum.passed, sum.n, s->pass_max) ||
		below(sum.fails, sum.n, s->fail_min) ||
		below(sum.passes, sum.n, s->pass_min) ||
		(s->median_max > 0.0 && sum.median > s->median_max) ||
		(s->p95_max > 0.0 && sum.n >= 100 && sum.p95 > s->p95_max) ||
		(s->sprt_max > 0.0 && sum.n >= 100 && sum.sprt > s->sprt_max) ||
		below(sum.variance, sum.n - sum.fails - sum.passes,
		      s->variance_min) ||
		below(sum.decided, sum.variance, s->added_min) ||
		(s->forecast && sum.n >= 100 &&
		 (fabs(log(sum.forecast)) > log(1.5) || sum.forecast_3 < 0.8));

	(void)printf(
		"%-32s %5" PRIu32 "  %.4f [%.4f,%.4f]  "
		"%.4f [%.4f,%.4f]  %6.0f %6.0f %8.0f %5.2f %4.2f %5.2f  %s\n",
		s->name, sum.n, (double)sum.fails / sum.n,
		binomial_end(sum.fails, sum.n, false),
		binomial_end(sum.fails, sum.n, true),
		(double)sum.passed / sum.n,
		binomial_end(sum.passed, sum.n, false),
		binomial_end(sum.passed, sum.n, true), sum.median, sum.p95,
		sum.requests, sum.forecast, sum.forecast_3, sum.sprt,
		broken ? "BROKEN" : "ok");
	if (s->variance_min > 0.0)
		report_variance(j, &sum);
	(void)fflush(stdout);
	return broken;
}

struct options {
	bool quick;
	const char *only;
	uint32_t runs;
	uint64_t seed;
	uint32_t jobs;
	double margin;
};

static bool scenario_run(const struct scenario *s, const struct options *opt)
{
	struct job j = { .s = s, .seed = opt->seed, .margin = opt->margin };
	pthread_t threads[16];
	bool broken;

	j.runs = opt->runs ? opt->runs : opt->quick ? s->quick : s->runs;
	if (j.runs == 0)
		return false;
	j.outcomes = calloc(j.runs, sizeof(*j.outcomes));
	if (!j.outcomes)
		abort();
	for (uint32_t i = 1; i < opt->jobs; i++)
		if (pthread_create(&threads[i], NULL, work, &j) != 0)
			abort();
	(void)work(&j);
	for (uint32_t i = 1; i < opt->jobs; i++)
		(void)pthread_join(threads[i], NULL);
	broken = report(&j);
	free(j.outcomes);
	return broken;
}

struct flame_job {
	const struct flame_world *w;
	uint64_t seed;
	uint32_t runs;
	atomic_uint next;
	atomic_uint found, wrong, informs;
};

static void *flame_work(void *ctx)
{
	struct flame_job *j = ctx;
	unsigned int i;

	while ((i = atomic_fetch_add(&j->next, 1)) < j->runs) {
		struct flame_outcome o;

		flame_run(j->w, j->seed + i, &o);
		atomic_fetch_add(&j->found, (unsigned int)o.found);
		atomic_fetch_add(&j->wrong, (unsigned int)o.wrong);
		atomic_fetch_add(&j->informs, (unsigned int)o.informs);
	}
	return NULL;
}

/* Run and print a row of profiles; true if a bound is broken. */
static bool flame_report(const struct flame_world *w, const struct options *opt)
{
	struct flame_job j = { .w = w, .seed = opt->seed };
	pthread_t threads[16];
	uint32_t wrong;
	bool broken;

	j.runs = opt->runs ? opt->runs : opt->quick ? w->quick : w->runs;
	if (j.runs == 0)
		return false;
	for (uint32_t i = 1; i < opt->jobs; i++)
		if (pthread_create(&threads[i], NULL, flame_work, &j) != 0)
			abort();
	(void)flame_work(&j);
	for (uint32_t i = 1; i < opt->jobs; i++)
		(void)pthread_join(threads[i], NULL);
	/* with one canary instance, what informs is all there is */
	wrong = w->n_canary > 1 ? j.wrong : j.informs;
	broken = above(wrong, j.runs, w->false_max) ||
		 below(j.found, j.runs, w->found_min);
	(void)printf("%-32s %5" PRIu32 "  %.4f [%.4f,%.4f]  "
		     "%.4f [%.4f,%.4f]  %6s %6s %8s %5s %4s %5s  %s\n",
		     w->name, j.runs, (double)wrong / j.runs,
		     binomial_end(wrong, j.runs, false),
		     binomial_end(wrong, j.runs, true),
		     (double)j.found / j.runs,
		     binomial_end(j.found, j.runs, false),
		     binomial_end(j.found, j.runs, true), "", "", "", "", "",
		     "", broken ? "BROKEN" : "ok");
	(void)fflush(stdout);
	return broken;
}

int main(int argc, char **argv)
{
	struct options opt = { .seed = TABLE_SEED, .jobs = 2 };
	unsigned int broken = 0;

	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--quick") == 0) {
			opt.quick = true;
			opt.jobs = 1;
		} else if (strcmp(argv[i], "--only") == 0 && more) {
			opt.only = argv[++i];
		} else if (strcmp(argv[i], "--runs") == 0 && more) {
			opt.runs = (uint32_t)strtoul(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--seed") == 0 && more) {
			opt.seed = strtoull(argv[++i], NULL, 10);
		} else if (strcmp(argv[i], "--margin") == 0 && more) {
			opt.margin = strtod(argv[++i], NULL);
		} else if (strcmp(argv[i], "--jobs") == 0 && more) {
			opt.jobs = (uint32_t)strtoul(argv[++i], NULL, 10) % 16;
		} else {
			(void)fprintf(stderr,
				      "usage: sim [--quick] [--only TEXT] "
				      "[--runs N] [--seed N] [--jobs N] "
				      "[--margin X]\n");
			return 2;
		}
	}
	(void)printf("%-32s %5s  %-22s  %-22s  %6s %6s %8s %5s %4s %5s\n",
		     "scenario", "n", "failed", "passed", "median", "p95",
		     "requests", "fcast", "in 3", "sprt");
	for (size_t i = 0; i < n_null_scenarios; i++)
		if (!opt.only || strstr(null_scenarios[i].name, opt.only))
			broken += scenario_run(&null_scenarios[i], &opt);
	for (size_t i = 0; i < n_scenarios; i++)
		if (!opt.only || strstr(scenarios[i].name, opt.only))
			broken += scenario_run(&scenarios[i], &opt);
	(void)printf("%-32s %5s  %-22s  %-22s\n", "profile", "n",
		     "false hot path", "found");
	for (uint32_t i = 0; i < n_flame_worlds; i++)
		if (!opt.only || strstr(flame_worlds[i].name, opt.only))
			broken += flame_report(&flame_worlds[i], &opt);
	(void)printf("%u bounds broken\n", broken);
	return broken ? 1 : 0;
}
