/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/shift.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/hist.h"
#include "stats/shift_state.h"
#include "stats/standard.h"
#include "stats/tally.h"

/* Half of all requests failing: nobody waits for a test. */
static const double GROSS_RISE = 0.5;

int shift_new(const struct policy *policy, struct shift **ret_s)
{
	struct shift *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->policy = *policy;
	interval_init(&s->interval);
	s->eta_fail_p99 = INFINITY;
	s->eta_pass_max = INFINITY;
	s->limit_p99 = log1p(policy->margin);
	if (hist_new(HIST_MAX_NS, &s->recent) < 0 ||
	    hist_new(HIST_MAX_NS, &s->pool) < 0 ||
	    hist_new(HIST_MAX_NS, &s->pool_before) < 0 ||
	    hist_new(HIST_MAX_NS, &s->canary) < 0 ||
	    standard_new(&s->baseline) < 0 ||
	    rounds_init(&s->rounds, ROW_N) < 0) {
		shift_free(s);
		return -ENOMEM;
	}
	*ret_s = s;
	return 0;
}

void shift_free(struct shift *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_instances; i++) {
		if (s->instances[i]) {
			hist_free(s->instances[i]->seen);
			hist_free(s->instances[i]->before);
		}
		free(s->instances[i]);
	}
	for (int i = 0; i < RECENT_N; i++)
		hist_free(s->ring[i].hist);
	hist_free(s->recent);
	hist_free(s->pool);
	hist_free(s->pool_before);
	hist_free(s->canary);
	standard_free(s->baseline);
	free(s->instances);
	rounds_release(&s->rounds);
	free(s);
}

void shift_learn(struct shift *s, const struct spread_prior prior[LEVEL_N])
{
	memcpy(s->prior, prior, LEVEL_N * sizeof(prior[0]));
}

void shift_teach(const struct shift *s, struct spread_prior ret_own[LEVEL_N])
{
	double n = s->n_spread ? s->n_spread_requests / s->n_spread : 0.0;

	for (int p = 0; p < LEVEL_N; p++) {
		bool enough = n * (1.0 - shift_level_p[p]) >= 10.0;

		ret_own[p].s2 = s->own_s2[p];
		ret_own[p].df =
			enough && s->n_spread > 1 ? s->n_spread - 1.0 : 0.0;
	}
}

void shift_step(struct shift *s)
{
	memset(&s->pass, 0, sizeof(s->pass));
}

/* --- bets --- */

static double cap_of(double n, double p)
{
	return n * (1.0 - p) + 4.0 * sqrt(n * p * (1.0 - p)) + 1.0;
}

/* Requests of an instance above a bucket, no more than its cap at level p. */
static double count_capped(const struct shift_block_sum *b, int p, size_t arm,
			   uint32_t bucket)
{
	double above = (double)tally_above(b->arms[arm].tally, bucket);
	double cap = b->cap[(size_t)p * b->n_arms + arm];

	return above < cap ? above : cap;
}

/* Requests above an edge of each cohort. */
static void count_at(const struct shift_block_sum *b, int p,
		     const struct shift_edges *e, double x[2])
{
	x[0] = x[1] = 0.0;
	for (size_t i = 0; i < b->n_arms; i++) {
		bool canary = b->arms[i].canary;

		x[canary] +=
			count_capped(b, p, i, canary ? e->canary : e->base);
	}
}

/*
 * What all of a block needs of each instance at each level that is on: the
 * cap, and the count at no shift.  The caller frees b->cap, which both are in.
 * Returns 0 or -ENOMEM.
 */
static int levels_count(struct shift_block_sum *b,
			const struct shift_plan plan[LEVEL_N])
{
	double *x;

	b->cap = calloc(2 * LEVEL_N * b->n_arms + 1, sizeof(*b->cap));
	if (!b->cap)
		return -ENOMEM;
	b->none = x = b->cap + LEVEL_N * b->n_arms;
	for (int p = 0; p < LEVEL_N; p++) {
		const struct shift_edges *e = &plan[p].against[SHIFT_NONE];
		double *cap = b->cap + (size_t)p * b->n_arms;

		for (size_t i = 0; plan[p].on && i < b->n_arms; i++) {
			const struct shift_arm *a = &b->arms[i];

			cap[i] = cap_of((double)a->tally->total,
					shift_level_p[p]);
			x[(size_t)p * b->n_arms + i] = count_capped(
				b, p, i, a->canary ? e->canary : e->base);
		}
	}
	return 0;
}

static void bet_pass(struct shift *s, const struct shift_block_sum *b, int item,
		     const struct odds *o, const double x[2], double phi)
{
	for (int k = 0; k < PASS_START_N; k++)
		if (b->begun >= shift_pass_start[k])
			tilts_bet(&s->pass.t[item][k], o, BET_FOR, x[1], x[0],
				  phi);
}

/* Evidence at no shift, without each canary instance in turn. */
static void bet_but_one(struct shift *s, const struct shift_block_sum *b,
			int metric, double phi, const double *x, double x_b,
			double x_c)
{
	const struct shift_odds *but = b->but;

	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];

		if (!a->canary || b->n[1] <= (double)a->tally->total)
			continue;
		tilts_bet(&s->instances[a->slot]->but[metric],
			  metric < LEVEL_N ? &but->odds : &but->rate_odds,
			  BET_AGAINST, x_c - x[i], x_b, phi);
		but++;
	}
	/* an instance that is not here is left out already */
	for (size_t i = 0, at = 0; i < s->n_instances; i++) {
		while (at < b->n_arms && b->arms[at].slot < i)
			at++;
		if (!s->instances[i] ||
		    (at < b->n_arms && b->arms[at].slot == i))
			continue;
		tilts_bet(&s->instances[i]->but[metric],
			  metric < LEVEL_N ? &b->odds : &b->rate_odds,
			  BET_AGAINST, x_c, x_b, phi);
	}
}

/*
 * Note how the baseline's counts vary; x are those at no shift.  What is kept
 * of all instances is more than a cache holds, so it is called for AHEAD.
 */
static void note_dispersion(struct shift *s, const struct shift_block_sum *b,
			    int metric, const double *x)
{
	enum { AHEAD = 4 };
	double x_b = 0.0;
	uint32_t n = 0;
	double pi;

	for (size_t i = 0; i < b->n_arms; i++)
		x_b += b->arms[i].canary ? 0.0 : x[i];
	pi = x_b / b->n[0];
	if (x_b == 0.0 && metric < LEVEL_N)
		return;
	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];

		if (i + AHEAD < b->n_arms)
			__builtin_prefetch(
				&s->instances[b->arms[i + AHEAD].slot]
					 ->trace[metric],
				1);
		if (a->canary)
			continue;
		n += dispersion_note(&s->dispersion[metric],
				     &s->instances[a->slot]->trace[metric],
				     b->number, x[i],
				     (double)a->tally->total * pi, pi);
	}
	dispersion_block(&s->dispersion[metric], n);
}

static void bet_interval(struct shift *s, const struct shift_block_sum *b,
			 const struct shift_plan *plan)
{
	struct interval_counts c;
	const double *cap = b->cap + LEVEL_P99 * b->n_arms;
	uint32_t base = hist_bucket(plan->tau_ns);
	double x_b = 0.0;

	interval_plan(&c, hist_edge(base));
	for (size_t i = 0; i < b->n_arms; i++) {
		if (b->arms[i].canary)
			interval_count(&c, b->arms[i].tally, cap[i]);
		else
			x_b += count_capped(b, LEVEL_P99, i, base);
	}
	interval_bet(&s->interval, &c, &b->odds, x_b, plan->phi);
}

static void bet_gross(struct shift *s, const struct shift_block_sum *b,
		      const struct shift_plan *plan)
{
	struct tilts now = { { 0 } };
	double x[2];

	count_at(b, 0, &plan->gross, x);
	tilts_bet(&now, &b->odds, BET_AGAINST, x[1], x[0], plan->phi);
	tilts_add(&s->gross[0], &now);
	s->n_gross[0] += tilts_log_mean(&now) > 0.7;
}

static void bet_level(struct shift *s, const struct shift_block_sum *b, int p,
		      const struct shift_plan *plan)
{
	const double *none = b->none + (size_t)p * b->n_arms;
	double none_sum[2] = { 0.0, 0.0 };
	double x[2];

	for (size_t i = 0; i < b->n_arms; i++)
		none_sum[b->arms[i].canary] += none[i];
	tilts_bet(&s->null[SHIFT_NONE][p], &b->odds, BET_AGAINST, none_sum[1],
		  none_sum[0], plan->phi);
	for (int k = 0; k < SHIFT_NONE; k++) {
		if (!plan->against[k].on)
			continue;
		count_at(b, p, &plan->against[k], x);
		tilts_bet(&s->null[k][p], &b->odds, BET_AGAINST, x[1], x[0],
			  plan->phi);
	}
	for (int k = 0; k < 2; k++) {
		if (!plan->pass[k].on)
			continue;
		count_at(b, p, &plan->pass[k], x);
		bet_pass(s, b, 2 * shift_pass_of_level[p] + k, &b->odds, x,
			 plan->phi);
	}
	if (plan->gross.on)
		bet_gross(s, b, plan);
	bet_but_one(s, b, p, plan->phi, none, none_sum[0], none_sum[1]);
}

/* The policy's rise of a rate. */
static double rise_of(const struct policy *p, int rate)
{
	return rate == RATE_ERRORS ? p->error_margin : p->unanswered_margin;
}

/* The baseline's rate in recent blocks, never quite 0. */
static double rate_recent(const struct shift *s, int rate)
{
	return ((double)s->n_recent_events[rate] + 0.5) /
	       ((double)hist_count(s->recent) + 1.0);
}

static void bet_rate_pass(struct shift *s, const struct shift_block_sum *b,
			  int rate, double floor, double phi)
{
	const double *x = b->n_events[rate];
	int item = 2 * PASS_LEVEL_N + 4 * rate;
	double luck = rate_recent(s, rate) * expm1(fmin(floor, 50.0));
	double rise = rise_of(&s->policy, rate);
	double ratio = s->policy.error_ratio;
	struct odds o;

	odds_init_ratio(&o, b->odds.rho, ratio);
	bet_pass(s, b, item, &o, x, phi);
	if (ratio * exp(-floor) > 1.0) {
		odds_init_ratio(&o, b->odds.rho, ratio * exp(-floor));
		bet_pass(s, b, item + 2, &o, x, phi);
	}
	for (int k = 0; k < PASS_START_N; k++) {
		if (b->begun < shift_pass_start[k])
			continue;
		tilts_bet_rise(&s->pass.t[item + 1][k], &b->rate_odds, BET_FOR,
			       x[1], x[0], b->n[1], rise, phi);
		if (rise - luck > 0.0)
			tilts_bet_rise(&s->pass.t[item + 3][k], &b->rate_odds,
				       BET_FOR, x[1], x[0], b->n[1],
				       rise - luck, phi);
	}
}

static void bet_rate(struct shift *s, const struct shift_block_sum *b, int rate,
		     double *each)
{
	const double *x = b->n_events[rate];
	int metric = LEVEL_N + rate;
	double phi = dispersion_phi_at(&s->dispersion[metric], b->exposure);
	double eta = shift_floor_of(s, metric, b, s->t.fail);
	double eta_pass = shift_floor_of(s, metric, b, s->t.pass);
	double ratio = s->policy.error_ratio;
	double rise = rise_of(&s->policy, rate);
	double luck = rate_recent(s, rate) * expm1(fmin(eta, 50.0));
	struct odds o;

	odds_init_ratio(&o, b->odds.rho, ratio);
	tilts_bet(&s->null[SHIFT_LIMIT][metric], &o, BET_AGAINST, x[1], x[0],
		  phi);
	tilts_bet_rise(&s->rise[SHIFT_LIMIT][rate], &b->rate_odds, BET_AGAINST,
		       x[1], x[0], b->n[1], rise, phi);
	tilts_bet(&s->null[SHIFT_NONE][metric], &b->rate_odds, BET_AGAINST,
		  x[1], x[0], phi);
	if (isfinite(eta)) {
		odds_init_ratio(&o, b->odds.rho, fmax(ratio, exp(eta)));
		tilts_bet(&s->null[SHIFT_FLOOR][metric], &o, BET_AGAINST, x[1],
			  x[0], phi);
		tilts_bet_rise(&s->rise[SHIFT_FLOOR][rate], &b->rate_odds,
			       BET_AGAINST, x[1], x[0], b->n[1],
			       fmax(rise, luck), phi);
	}
	if (isfinite(eta_pass))
		bet_rate_pass(s, b, rate, eta_pass, phi);

	{
		struct tilts now = { { 0 } };

		tilts_bet_rise(&now, &b->rate_odds, BET_AGAINST, x[1], x[0],
			       b->n[1], GROSS_RISE, phi);
		tilts_add(&s->gross[1 + rate], &now);
		s->n_gross[1 + rate] += tilts_log_mean(&now) > 0.7;
	}
	for (size_t i = 0; i < b->n_arms; i++)
		each[i] = (double)b->arms[i].n_events[rate];
	bet_but_one(s, b, metric, phi, each, x[0], x[1]);
}

/* --- a block --- */

/*
 * The odds without each canary instance that is not alone, in b->but; the
 * caller frees it.  Returns 0 or -ENOMEM.
 */
static int odds_but_one(struct shift_block_sum *b)
{
	size_t n = 0;

	b->but = calloc(b->n_instances[1] + 1U, sizeof(*b->but));
	if (!b->but)
		return -ENOMEM;
	for (size_t i = 0; i < b->n_arms; i++) {
		double n_c = b->n[1] - (double)b->arms[i].tally->total;
		double rho = n_c / (n_c + b->n[0]);

		if (!b->arms[i].canary || n_c <= 0.0)
			continue;
		odds_init(&b->but[n].odds, rho);
		odds_init_rate(&b->but[n].rate_odds, rho);
		n++;
	}
	return 0;
}

static void block_sum(struct shift_block_sum *b)
{
	for (size_t i = 0; i < b->n_arms; i++) {
		const struct shift_arm *a = &b->arms[i];

		double n = (double)a->tally->total;

		b->n[a->canary] += n;
		b->n2[a->canary] += n * n;
		b->n_instances[a->canary]++;
		for (int k = 0; k < RATE_N; k++)
			b->n_events[k][a->canary] += (double)a->n_events[k];
	}
	if (b->n[0] > 0.0 && b->n[1] > 0.0) {
		b->exposure = dispersion_exposure(b->n, b->n2);
		odds_init(&b->odds, b->n[1] / (b->n[0] + b->n[1]));
		odds_init_rate(&b->rate_odds, b->odds.rho);
	}
}

/* Bet on a block with both cohorts; each has room for n_arms. */
static void block_compare(struct shift *s, const struct shift_block_sum *b,
			  const struct shift_plan *plan, double *each)
{
	for (int p = 0; p < LEVEL_N; p++) {
		if (!plan[p].on)
			continue;
		bet_level(s, b, p, &plan[p]);
	}
	if (plan[LEVEL_P99].on) {
		bet_interval(s, b, &plan[LEVEL_P99]);
		s->limit_p99 =
			shift_limit_at(&s->policy, plan[LEVEL_P99].tau_ns);
		s->eta_fail_p99 = shift_floor_of(s, LEVEL_P99, b, s->t.fail);
		s->eta_pass_max = 0.0;
		for (int p = 0; p < LEVEL_N; p++)
			if (shift_pass_of_level[p] >= 0)
				s->eta_pass_max = fmax(
					s->eta_pass_max,
					shift_floor_of(s, p, b, s->t.pass));
	}
	for (int k = 0; k < RATE_N; k++)
		bet_rate(s, b, k, each);
	s->compared = true;
}

/* What the block teaches: phi, the spread, tau. */
static int block_learn(struct shift *s, const struct shift_block_sum *b,
		       const struct shift_plan *plan, double *each)
{
	if (b->n[0] > 0.0) {
		for (int p = 0; p < LEVEL_N; p++) {
			if (!plan[p].on)
				continue;
			note_dispersion(s, b, p,
					b->none + (size_t)p * b->n_arms);
		}
		for (int k = 0; k < RATE_N; k++) {
			for (size_t i = 0; i < b->n_arms; i++)
				each[i] = (double)b->arms[i].n_events[k];
			note_dispersion(s, b, LEVEL_N + k, each);
		}
	}
	if (shift_keep_instances(s, b) < 0)
		return -ENOMEM;
	if (b->n[0] > 0.0) {
		if (shift_keep_recent(s, b) < 0 || shift_keep_generation(s) < 0)
			return -ENOMEM;
		shift_spread_update(s, b);
	}
	return 0;
}

void shift_allow(struct shift *s, double extra)
{
	s->extra = extra;
}

int shift_block(struct shift *s, uint64_t block, uint32_t round, uint32_t begun,
		const struct shift_arm *arms, size_t n_arms,
		struct hist *const sum[2])
{
	struct shift_block_sum b = { .arms = arms,
				     .n_arms = n_arms,
				     .hist = { sum[0], sum[1] },
				     .number = block,
				     .round = round,
				     .begun = begun };
	struct shift_plan plan[LEVEL_N];
	double *each = NULL;
	int rc = -ENOMEM;

	for (size_t i = 0; i < n_arms; i++)
		if (shift_keep_slot(s, &arms[i]) < 0)
			goto out;
	each = calloc(n_arms ? n_arms : 1, sizeof(*each));
	if (!each)
		goto out;
	block_sum(&b);
	if (s->df[LEVEL_P99] > 0.0)
		spread_t_at(&s->t, s->df[LEVEL_P99]);
	shift_plan_block(s, &b, plan);
	if (levels_count(&b, plan) < 0)
		goto out;
	if (b.n[0] > 0.0 && b.n[1] > 0.0 && plan[0].on) {
		if (odds_but_one(&b) < 0)
			goto out;
		block_compare(s, &b, plan, each);
		if (shift_keep_round(s, round) < 0)
			goto out;
	}
	rc = block_learn(s, &b, plan, each);
out:
	free(b.but);
	free(b.cap);
	free(each);
	return rc;
}
