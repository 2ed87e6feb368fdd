/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/draw.h"
#include "tests/sim/truth.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/batch.h"
#include "stats/hist.h"
#include "stats/rollout.h"

enum {
	ROUTES = 8,
	SERIES = ROUTES * 3, /* by status: 2xx, 5xx, unanswered */
	BUCKETS = 2048,
	T0_MS = 1000000000,
};

struct instance {
	struct batch batch;
	char name[16];
	double mu;  /* its own part of ln latency */
	double mix; /* and of ln odds of going on to the next route */
	struct batch_series series[SERIES];
	uint32_t bucket[SERIES][BUCKETS];
	uint64_t count[SERIES][BUCKETS];
	uint32_t behind; /* windows that come too late */
	struct batch_thread threads[2];
};

struct truth {
	struct world w;
	struct effect e;
	struct rng rng;
	uint32_t at; /* the next window */
	double load;
	uint32_t n;
	struct instance *instances;
	struct rollout_member *members;
	const char *strings[ROUTES];
	struct hist *hist[SERIES]; /* scratch */
	uint32_t incident_pod;
	double incident_from_s;
	double hit_share; /* of the instance-window's requests .. */
	double hit_by;	  /* .. that take so many times longer */
	double part;	  /* of the judged windows that are over */
	double young;	  /* of a cohort's code: what is left of young_by */
};

/*
 * A normal draw for each request is most of the work: quantiles at 2^16
 * steps, and a straight line between them.  Beyond the outer ones lie 3 in
 * 100,000 draws, which are those quantiles.
 */
enum { STEPS = 1 << 16 };

static double quantiles[STEPS + 1];
static pthread_once_t quantiles_once = PTHREAD_ONCE_INIT;

static void quantiles_fill(void)
{
	double z = -4.2;

	for (int i = 1; i < STEPS; i++) {
		double p = (double)i / STEPS;

		/* Newton, from the quantile before */
		for (int k = 0; k < 6; k++)
			z -= (0.5 * erfc(-z * M_SQRT1_2) - p) *
			     sqrt(2.0 * M_PI) * exp(0.5 * z * z);
		quantiles[i] = z;
	}
	quantiles[0] = quantiles[1];
	quantiles[STEPS] = quantiles[STEPS - 1];
}

static double normal_fast(struct rng *rng)
{
	uint64_t u = rng_next(rng);
	uint32_t i = (uint32_t)(u >> 48);
	double part = (double)((u >> 16) & UINT32_MAX) * 0x1p-32;

	return quantiles[i] + part * (quantiles[i + 1] - quantiles[i]);
}

/* How pods differ: those that were added leave the others as they were. */
static void pods_draw(struct truth *t)
{
	const struct world *w = &t->w;

	for (int added = 0; added < 2; added++)
		for (uint32_t i = 0; i < t->n; i++) {
			bool canary = i >= w->n_baseline;
			uint32_t end = canary ? t->n : w->n_baseline;

			if ((i >= end - w->n_added[canary]) == (added == 1))
				t->instances[i].mu =
					log(w->median_ms * 1e6) +
					w->sd * draw_normal(&t->rng);
		}
}

struct truth *truth_new(const struct world *w, const struct effect *e,
			uint64_t seed)
{
	static const char *const names[ROUTES] = {
		TRUTH_ROUTE, "POST /orders", "GET /items/{}", "GET /a",
		"GET /b",    "GET /c",	     "GET /d",	      "GET /e",
	};
	struct truth *t = calloc(1, sizeof(*t));

	if (!t || pthread_once(&quantiles_once, quantiles_fill) != 0)
		abort();
	t->w = *w;
	t->e = *e;
	/* a state that counts up with seeds would give shifted copies */
	t->rng.state = seed;
	t->rng.state = rng_next(&t->rng);
	t->n = w->n_baseline + w->n_canary;
	if (t->w.n_routes == 0)
		t->w.n_routes = 1;
	t->instances = calloc(t->n, sizeof(*t->instances));
	t->members = calloc(t->n, sizeof(*t->members));
	if (!t->instances || !t->members)
		abort();
	memcpy(t->strings, names, sizeof(names));
	for (int i = 0; i < SERIES; i++)
		if (hist_new(HIST_MAX_NS, &t->hist[i]) < 0)
			abort();
	for (uint32_t i = 0; i < t->n; i++) {
		struct instance *in = &t->instances[i];

		(void)snprintf(in->name, sizeof(in->name), "pod-%u", i);
		in->batch.service = "orders";
		in->batch.revision = i < w->n_baseline ? "a" : "b";
		in->batch.instance = in->name;
		in->batch.started_ms = T0_MS - 3600000;
		in->batch.n_requests_before = 1000000; /* long warm */
		in->batch.hooks = "tp_btf";
		in->batch.collector = "sim";
		in->batch.strings = t->strings;
		in->batch.n_strings = ROUTES;
		in->batch.series = in->series;
		in->threads[0].group = PROFILE_APP;
		in->threads[1].group = PROFILE_JIT;
		in->batch.threads = in->threads;
		in->batch.n_threads = w->cpu > 0.0 ? 2 : 0;
		in->batch.refused_code = "";
	}
	pods_draw(t);
	for (uint32_t i = 0; w->mix_sd > 0.0 && i < t->n; i++)
		t->instances[i].mix = w->mix_sd * draw_normal(&t->rng);
	t->incident_pod =
		w->n_baseline + (uint32_t)(draw_uniform(&t->rng) * w->n_canary);
	t->incident_from_s = draw_uniform(&t->rng) * 0.5 * w->n_windows *
			     w->window_ms / 1000.0;
	return t;
}

void truth_free(struct truth *t)
{
	for (int i = 0; i < SERIES; i++)
		hist_free(t->hist[i]);
	free(t->instances);
	free(t->members);
	free(t);
}

/* One request of an instance: its latency in ns. */
static double request_ns(struct truth *t, double mu, bool canary, double slow)
{
	const struct world *w = &t->w;
	const struct effect *e = &t->e;
	double z = normal_fast(&t->rng);
	double ns = exp(mu + w->sigma * z);
	bool miss = w->bimodal > 0.0 && draw_uniform(&t->rng) < w->bimodal;

	if (canary && e->miss > 0.0 && draw_uniform(&t->rng) < e->miss)
		miss = true;
	if (miss)
		ns *= 4.0;
	if (w->pareto > 0.0 && draw_uniform(&t->rng) < w->pareto)
		ns *= 2.0 / sqrt(draw_uniform(&t->rng));
	if (canary) {
		ns *= 1.0 + e->scale;
		if (e->tail > 0.0 && draw_uniform(&t->rng) < e->tail)
			ns *= e->tail_by;
		if (e->below_by > 0.0 && z < e->below_q)
			ns *= e->below_by;
		if (e->above_ms > 0.0 && z > e->above_q)
			ns += e->above_ms * 1e6;
	}
	if (w->slow_share > 0.0 && draw_uniform(&t->rng) < w->slow_share) {
		ns += 1e6 * (w->slow_lo_ms + (w->slow_hi_ms - w->slow_lo_ms) *
						     draw_uniform(&t->rng));
		ns += canary ? 1e6 * e->slow_ms : 0.0;
	}
	ns *= slow;
	if (t->hit_share > 0.0 && draw_uniform(&t->rng) < t->hit_share)
		ns *= t->hit_by;
	if (w->quantum_ms > 0.0)
		ns = ceil(ns / (w->quantum_ms * 1e6)) * w->quantum_ms * 1e6;
	return ns;
}

double truth_request_ns(struct truth *t, bool canary)
{
	return request_ns(t, log(t->w.median_ms * 1e6), canary, 1.0);
}

static uint32_t route_draw(struct truth *t, double mix)
{
	double on = t->w.mix ? 0.2 + 0.6 * t->part : 0.5;
	uint32_t route = 0;

	if (mix != 0.0)
		on = 1.0 / (1.0 + (1.0 / on - 1.0) * exp(-mix));

	while (route + 1 < t->w.n_routes && draw_uniform(&t->rng) < on)
		route++;
	return route;
}

/*
 * CPU of the window's requests, of latencies sum, and of the compilers: .6 of
 * it at first, as of the demonstration's JVM, and .05 in the end.
 */
static void threads_set(struct truth *t, struct instance *in, double sum)
{
	const struct world *w = &t->w;
	double cost = 1.0 + t->young;
	/* latencies are longer by what their CPU part is */
	double app = w->cpu * sum * cost / (1.0 + w->cpu * t->young);

	in->threads[0].cpu_ns = (uint64_t)app;
	in->threads[1].cpu_ns =
		(uint64_t)(app * (0.05 + (w->young_by > 0.0
						  ? 0.6 * t->young / w->young_by
						  : 0.0)));
}

static void requests_add(struct truth *t, struct instance *in, bool canary,
			 double mu, double slow, uint32_t n)
{
	double errors = canary && t->e.error_rate > 0.0 ? t->e.error_rate
							: t->w.error_rate;
	double hang = t->w.hang + (canary ? t->e.hang : 0.0);
	double mix = 0.0;
	uint64_t n_lost = 0;
	double sum = 0.0;

	if (t->w.mix_sd > 0.0)
		mix = in->mix + t->w.mix_sd * draw_normal(&t->rng);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t route = route_draw(t, mix);
		uint32_t s = 3 * route;
		double ns = request_ns(t, t->w.mix ? mu + 0.5 * route : mu,
				       canary, slow);

		if (canary && route == 1 && t->e.gone > 0.0 &&
		    draw_uniform(&t->rng) < t->e.gone)
			continue; /* nobody calls it */
		sum += ns;
		if (t->w.lost[canary] > 0.0 &&
		    draw_uniform(&t->rng) < t->w.lost[canary]) {
			n_lost++;
			continue;
		}
		if (hang > 0.0 && draw_uniform(&t->rng) < hang) {
			s += 2;
			ns = 1e10;
		} else if (errors > 0.0 && draw_uniform(&t->rng) < errors) {
			s += 1;
			ns = canary && t->e.fast_error ? 1e6 : ns;
		}
		if (hist_add(t->hist[s], (uint64_t)ns) < 0)
			abort();
	}
	threads_set(t, in, sum);
	in->batch.n_series = 0;
	for (uint32_t s = 0; s < 3 * t->w.n_routes; s++) {
		static const enum status_class is[3] = { STATUS_2XX, STATUS_5XX,
							 STATUS_UNANSWERED };
		struct batch_series *out = &in->series[in->batch.n_series];
		uint32_t at = 0;
		uint32_t k = in->batch.n_series;

		out->n = 0;
		while (out->n < BUCKETS &&
		       hist_next(t->hist[s], &at, &in->bucket[k][out->n],
				 &in->count[k][out->n]))
			out->n++;
		hist_clear(t->hist[s]);
		if (out->n == 0)
			continue;
		out->route = s / 3;
		out->kind = LATENCY_TOTAL;
		out->status = is[s % 3];
		out->bucket = in->bucket[k];
		out->count = in->count[k];
		in->batch.n_series++;
	}
	in->batch.n_events = 4 * (uint64_t)n;
	in->batch.lost[LOSS_RING_FULL] = 4 * n_lost;
}

/* The last canary pod: a new process, or another pod, cold both. */
static void restart(struct truth *t, int64_t at_ms)
{
	struct instance *in = &t->instances[t->n - 1];

	in->batch.started_ms = at_ms;
	in->batch.n_requests_before = 0;
	if (t->w.replaced)
		(void)snprintf(in->name, sizeof(in->name), "pod-new");
}

/* Who is young was started a minute before, and has had its first requests. */
static void young_start(struct truth *t, int64_t at_ms)
{
	for (uint32_t i = t->w.young_all ? 0 : t->w.n_baseline; i < t->n; i++) {
		t->instances[i].batch.started_ms = at_ms - 60000;
		t->instances[i].batch.n_requests_before = 1000;
	}
}

/*
 * A warm-up or a pause of the runtime hits a share of an instance-window: the
 * first while code is compiled, the second now and then for ever.
 */
static void hit_draw(struct truth *t, double since_s)
{
	const struct world *w = &t->w;

	t->hit_share = 0.0;
	if (since_s < w->warm_s && draw_uniform(&t->rng) < 0.3) {
		t->hit_share = 0.05 + 0.15 * draw_uniform(&t->rng);
		t->hit_by = 2.0 + 18.0 * draw_uniform(&t->rng);
	} else if (w->pause > 0.0 && draw_uniform(&t->rng) < w->pause) {
		t->hit_share = 0.1 + 0.2 * draw_uniform(&t->rng);
		t->hit_by = 1.5 + 1.5 * draw_uniform(&t->rng);
	}
}

/* How much longer everything takes on an instance in this window. */
static double slowness(struct truth *t, uint32_t i, bool canary, double at_s,
		       bool all_hit)
{
	const struct world *w = &t->w;
	double by = 1.0;

	if (all_hit || (w->burst > 0.0 && draw_uniform(&t->rng) < w->burst))
		by *= 1.5 + 1.5 * draw_uniform(&t->rng);
	t->young = 0.0;
	if (w->young_by > 0.0 && at_s >= 0.0 && (canary || w->young_all))
		t->young = w->young_by * exp(-at_s / w->young_s);
	by *= 1.0 + w->cpu * t->young;
	if (at_s < 0.0 || !canary)
		return by;
	if (w->incident_s > 0.0 && i == t->incident_pod &&
	    at_s >= t->incident_from_s &&
	    at_s < t->incident_from_s + w->incident_s)
		by *= w->incident_by;
	if (at_s < w->cold_s)
		by *= w->cold_by;
	return by;
}

/* Does the batch miss its window: not sent, or sent too late? */
static bool missed(struct truth *t, struct instance *in, bool canary, bool hit)
{
	const struct world *w = &t->w;

	if (in->behind > 0)
		in->behind--;
	else if ((w->late[canary] > 0.0 &&
		  draw_uniform(&t->rng) < w->late[canary]) ||
		 (w->late_slow && canary && hit))
		in->behind = 1 + (uint32_t)(3.0 * draw_uniform(&t->rng));
	return in->behind > 0 ||
	       (w->missing > 0.0 && draw_uniform(&t->rng) < w->missing);
}

bool truth_next(struct truth *t, struct rollout_window *ret_w)
{
	const struct world *w = &t->w;
	bool history = t->at < w->n_history;
	double at_s = ((double)t->at - w->n_history) * w->window_ms / 1000.0;
	double part =
		history ? 0.0 : (double)(t->at - w->n_history) / w->n_windows;
	double length_s = w->window_ms / 1000.0;
	bool all_hit =
		w->burst_all > 0.0 && draw_uniform(&t->rng) < w->burst_all;
	size_t n = 0;

	if (t->at >= w->n_history + w->n_windows)
		return false;
	t->part = part;
	if (w->restart_s > 0.0 && at_s <= w->restart_s &&
	    at_s + length_s > w->restart_s)
		restart(t, T0_MS + (int64_t)t->at * w->window_ms);
	if (w->young_by > 0.0 && at_s == 0.0)
		young_start(t, T0_MS + (int64_t)t->at * w->window_ms);
	t->load = w->load_rho * t->load +
		  sqrt(1.0 - w->load_rho * w->load_rho) * draw_normal(&t->rng);
	for (uint32_t i = 0; i < t->n; i++) {
		struct instance *in = &t->instances[i];
		bool canary = i >= w->n_baseline;
		double mean = w->requests * exp(0.5 * w->load_sd * t->load);
		double mu = in->mu + w->load_sd * t->load +
			    w->sd_window * draw_normal(&t->rng);
		double slow = slowness(t, i, canary, at_s, all_hit);

		if (w->ramp) {
			mu += 0.3 * part;
			mean *= canary ? 0.2 + 1.8 * part : 1.0;
		}
		if (canary && w->canary_load > 0.0)
			mean *= w->canary_load;
		if (canary && history)
			continue;
		hit_draw(t, (double)t->at * w->window_ms / 1000.0);
		requests_add(t, in, canary, mu, slow,
			     draw_poisson(&t->rng, mean));
		in->batch.seq = t->at;
		in->batch.from_ms = T0_MS + (int64_t)t->at * w->window_ms;
		in->batch.to_ms = in->batch.from_ms + w->window_ms;
		if (missed(t, in, canary, slow > 1.0))
			continue;
		t->members[n].cohort = canary ? COHORT_CANARY : COHORT_BASELINE;
		t->members[n].batch = &in->batch;
		n++;
	}
	ret_w->from_ms = T0_MS + (int64_t)t->at * w->window_ms;
	ret_w->to_ms = ret_w->from_ms + w->window_ms;
	ret_w->step = 1;
	ret_w->history = history;
	ret_w->n_members = n;
	ret_w->members = t->members;
	t->at++;
	return true;
}
