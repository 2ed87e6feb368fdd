/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/throughput.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/eprocess.h"
#include "stats/rounds.h"
#include "stats/spread.h"

/* Shares of the baseline's requests between which a pass speaks of a route. */
static const double SHARE_LEAST = 0.10;
static const double SHARE_MOST = 0.95;

/* One instance. */
struct thr_instance {
	struct dispersion_trace trace; /* baseline */
	double x;		       /* answered, and */
	double n;		       /* of so many */
	struct tilts but;	       /* canary: evidence without it */
};

struct throughput {
	double limit; /* -ln of the permitted odds ratio */

	struct thr_instance **instances; /* by slot; NULL: never here */
	size_t n_instances;
	struct dispersion dispersion;
	double sd; /* of ln odds between instances; df 0: not known */
	double df;
	struct spread_t t;

	struct tilts null[SHIFT_NULL_N];
	struct tilts pass[2][PASS_START_N]; /* limit, floor */
	struct rounds rounds;		    /* at the limit */

	bool compared;
	double x[2]; /* answered in compared blocks: baseline's, canary's */
	double n[2]; /* of so many */
};

/* Sums of a block. */
struct block {
	double x[2];
	double n[2];
	double n2[2];
	uint32_t n_instances[2];
};

int throughput_new(double margin, struct throughput **ret_t)
{
	struct throughput *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	if (rounds_init(&t->rounds, 1) < 0) {
		free(t);
		return -ENOMEM;
	}
	t->limit = -log1p(-margin);
	*ret_t = t;
	return 0;
}

void throughput_free(struct throughput *t)
{
	if (!t)
		return;
	for (size_t i = 0; i < t->n_instances; i++)
		free(t->instances[i]);
	free(t->instances);
	rounds_release(&t->rounds);
	free(t);
}

void throughput_step(struct throughput *t)
{
	memset(t->pass, 0, sizeof(t->pass));
}

/* --- bets --- */

/*
 * Of x requests of a route, how many are the canary's on average where its odds
 * are e^-s times the baseline's: the mean of Fisher's noncentral hypergeometric
 * distribution in Cornfield's approximation (1956), over x.
 */
static double canary_part(const double n[2], double x, double s)
{
	double odds = exp(-s);
	double b = odds * (n[1] + x) + n[0] - x;
	double c = odds * n[1] * x;

	return 2.0 * c / (b + sqrt(b * b - 4.0 * (odds - 1.0) * c)) / x;
}

/* Fewer than permitted is against the canary, more is for it. */
static void bet(struct tilts *to, enum bet side, const double n[2],
		const double x[2], double s, double phi)
{
	double all = x[0] + x[1];
	double part;
	struct odds o;

	/* nothing to set it against, or nothing of it */
	if (all <= 0.0 || all >= n[0] + n[1] || n[0] <= 0.0 || n[1] <= 0.0)
		return;
	part = canary_part(n, all, s);
	if (!(part > 0.0 && part < 1.0))
		return;
	odds_init_rate(&o, part);
	tilts_bet(to, &o, side == BET_AGAINST ? BET_FOR : BET_AGAINST, x[1],
		  x[0], phi);
}

static double floor_of(const struct throughput *t, const struct block *b,
		       double quantile)
{
	return spread_floor(quantile, t->sd, t->df, b->n_instances);
}

static void bet_pass(struct throughput *t, const struct block *b,
		     uint32_t begun, double phi)
{
	double eta = floor_of(t, b, t->t.pass);

	for (int k = 0; k < PASS_START_N; k++) {
		if (begun < shift_pass_start[k])
			continue;
		bet(&t->pass[0][k], BET_FOR, b->n, b->x, t->limit, phi);
		if (eta <= t->limit + SPREAD_PASS_BEYOND)
			bet(&t->pass[1][k], BET_FOR, b->n, b->x, t->limit - eta,
			    phi);
	}
}

/* Evidence at no shift, without each canary instance in turn. */
static void bet_but_one(struct throughput *t, const struct block *b,
			const struct throughput_arm *arms, size_t n_arms,
			double phi)
{
	for (size_t i = 0, at = 0; i < t->n_instances; i++) {
		double n[2] = { b->n[0], b->n[1] };
		double x[2] = { b->x[0], b->x[1] };

		while (at < n_arms && arms[at].slot < i)
			at++;
		if (!t->instances[i])
			continue;
		/* one that is not here is left out already */
		if (at < n_arms && arms[at].slot == i && arms[at].canary) {
			n[1] -= (double)arms[at].n;
			x[1] -= (double)arms[at].answered;
		}
		bet(&t->instances[i]->but, BET_AGAINST, n, x, 0.0, phi);
	}
}

static void block_bet(struct throughput *t, const struct block *b,
		      const struct throughput_arm *arms, size_t n_arms,
		      uint32_t begun)
{
	double phi = dispersion_phi_at(&t->dispersion,
				       dispersion_exposure(b->n, b->n2));
	double eta;

	if (t->df > 0.0)
		spread_t_at(&t->t, t->df);
	eta = floor_of(t, b, t->t.fail);
	bet(&t->null[SHIFT_NONE], BET_AGAINST, b->n, b->x, 0.0, phi);
	bet(&t->null[SHIFT_LIMIT], BET_AGAINST, b->n, b->x, t->limit, phi);
	if (isfinite(eta))
		bet(&t->null[SHIFT_FLOOR], BET_AGAINST, b->n, b->x,
		    fmax(t->limit, eta), phi);
	bet_but_one(t, b, arms, n_arms, phi);
	bet_pass(t, b, begun, phi);
	for (int c = 0; c < 2; c++) {
		t->x[c] += b->x[c];
		t->n[c] += b->n[c];
	}
	t->compared = true;
}

/* --- what a block teaches --- */

static void spread_learn(struct throughput *t)
{
	double ln[64];
	double most = 0.0;
	double x = 0.0;
	double rest = 0.0;
	uint32_t n = 0;
	double s2;

	for (size_t i = 0; i < t->n_instances; i++)
		if (t->instances[i])
			most = fmax(most, t->instances[i]->n);
	for (size_t i = 0; i < t->n_instances && n < 64; i++) {
		const struct thr_instance *in = t->instances[i];

		if (!in || in->n <= 0.0 || in->n * 4.0 < most)
			continue;
		ln[n++] = log((in->x + 0.5) / (in->n - in->x + 0.5));
		x += in->x;
		rest += in->n - in->x;
	}
	if (n == 0)
		return;
	/* and no less than what counts of that size make by themselves */
	s2 = fmax(spread_variance(ln, n),
		  1.0 / (x / n + 1.0) + 1.0 / (rest / n + 1.0));
	t->df = n > 1 ? n - 1.0 : 0.0;
	t->sd = sqrt(s2);
}

static void block_learn(struct throughput *t, uint64_t block,
			const struct block *b,
			const struct throughput_arm *arms, size_t n_arms)
{
	double pi = b->x[0] / b->n[0];
	uint32_t n = 0;

	for (size_t i = 0; i < n_arms; i++) {
		struct thr_instance *in = t->instances[arms[i].slot];

		if (arms[i].canary)
			continue;
		n += dispersion_note(&t->dispersion, &in->trace, block,
				     (double)arms[i].answered,
				     (double)arms[i].n * pi, pi);
		in->x += (double)arms[i].answered;
		in->n += (double)arms[i].n;
	}
	dispersion_block(&t->dispersion, n);
	spread_learn(t);
}

/* --- a block --- */

static int slot_keep(struct throughput *t, const struct throughput_arm *a)
{
	if (a->slot >= t->n_instances) {
		size_t n = a->slot + 16U;
		struct thr_instance **p =
			realloc(t->instances, n * sizeof(void *));

		if (!p)
			return -ENOMEM;
		memset(p + t->n_instances, 0,
		       (n - t->n_instances) * sizeof(void *));
		t->instances = p;
		t->n_instances = n;
	}
	if (t->instances[a->slot])
		return 0;
	t->instances[a->slot] = calloc(1, sizeof(struct thr_instance));
	if (!t->instances[a->slot])
		return -ENOMEM;
	/* one that comes late was left out until now */
	t->instances[a->slot]->but = t->null[SHIFT_NONE];
	return 0;
}

int throughput_block(struct throughput *t, uint64_t block, uint32_t round,
		     uint32_t begun, const struct throughput_arm *arms,
		     size_t n_arms)
{
	struct block b = { .x = { 0.0, 0.0 } };

	for (size_t i = 0; i < n_arms; i++) {
		double n = (double)arms[i].n;

		if (slot_keep(t, &arms[i]) < 0)
			return -ENOMEM;
		b.x[arms[i].canary] += (double)arms[i].answered;
		b.n[arms[i].canary] += n;
		b.n2[arms[i].canary] += n * n;
		b.n_instances[arms[i].canary]++;
	}
	if (b.n[0] > 0.0 && b.n[1] > 0.0) {
		block_bet(t, &b, arms, n_arms, begun);
		if (rounds_keep(&t->rounds, round, &t->null[SHIFT_LIMIT]) < 0)
			return -ENOMEM;
	}
	if (b.n[0] > 0.0)
		block_learn(t, block, &b, arms, n_arms);
	return 0;
}

/* --- what it adds up to --- */

bool throughput_compared(const struct throughput *t)
{
	return t->compared;
}

bool throughput_judged(const struct throughput *t)
{
	double share = t->n[0] > 0.0 ? t->x[0] / t->n[0] : 0.0;

	return share >= SHARE_LEAST && share <= SHARE_MOST;
}

static struct throughput_won won(const struct tilts *t)
{
	return (struct throughput_won){ tilts_log_mean(t),
					tilts_lead(t, shift_rate_tilt_weight) };
}

struct throughput_won throughput_against(const struct throughput *t,
					 enum shift_null null)
{
	return won(&t->null[null]);
}

struct throughput_won throughput_against_but(const struct throughput *t,
					     uint32_t slot)
{
	if (slot < t->n_instances && t->instances[slot])
		return won(&t->instances[slot]->but);
	return won(&t->null[SHIFT_NONE]);
}

struct throughput_won throughput_against_within(const struct throughput *t,
						uint32_t from, uint32_t to)
{
	struct tilts x;

	rounds_within(&t->rounds, from, to, &x);
	return won(&x);
}

struct throughput_won throughput_against_without(const struct throughput *t,
						 uint32_t from, uint32_t to)
{
	struct tilts x;

	rounds_without(&t->rounds, from, to, &x);
	return won(&x);
}

void throughput_reach(const struct throughput *t, double alpha,
		      struct pass_reach *r)
{
	if (throughput_judged(t))
		pass_reach_starts(t->pass[0], t->pass[1], alpha, r);
}

double throughput_ratio(const struct throughput *t, double ret_share[2])
{
	for (int c = 0; c < 2; c++)
		ret_share[c] = t->n[c] > 0.0 ? t->x[c] / t->n[c] : 0.0;
	if (!t->compared || t->x[0] <= 0.0 || t->n[1] <= t->x[1] ||
	    t->n[0] <= t->x[0])
		return 1.0;
	return t->x[1] / (t->n[1] - t->x[1]) / (t->x[0] / (t->n[0] - t->x[0]));
}
