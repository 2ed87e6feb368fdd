/* SPDX-License-Identifier: Apache-2.0 */
/* rounds: evidence without some of its rounds, against adding it up anew. */
#include "stats/rounds.h"

#include <string.h>

#include "stats/eprocess.h"
#include "tests/test.h"

enum { N_TILTS = 2, N_ROUNDS = 3000 };

/* What the first tilt gains in a round; every seventh is left out. */
static double gain_of(uint32_t round)
{
	return round % 7 == 3 ? 0.0 : 1.0 + round;
}

static double gains(uint32_t from, uint32_t to)
{
	double sum = 0.0;

	for (uint32_t i = from; i < to; i++)
		sum += gain_of(i);
	return sum;
}

/* Rounds begin .. end - 1 of the gains above; NULL if there is no memory. */
static struct rounds *kept(struct rounds *r, uint32_t begin, uint32_t end)
{
	struct tilts now[N_TILTS];

	memset(now, 0, sizeof(now));
	if (rounds_init(r, N_TILTS) < 0)
		return NULL;
	for (uint32_t i = begin; i < end; i++) {
		now[0].log_e[0] += gain_of(i);
		now[1].log_e[6] -= gain_of(i);
		if (i % 7 != 3 && rounds_keep(r, i, now) < 0)
			return NULL;
	}
	return r;
}

static void rounds_are_taken_out_or_taken_alone(void)
{
	static const struct {
		const char *why;
		uint32_t from;
		uint32_t to;
	} cases[] = {
		{ "none", 20, 20 },
		{ "one", 20, 21 },
		{ "one left out", 3, 4 },
		{ "two minutes", 20, 32 },
		{ "from before the first", 0, 10 },
		{ "beyond the last", 35, 900 },
		{ "all", 0, UINT32_MAX },
	};
	struct tilts t[N_TILTS];
	struct rounds r;

	CHECK(kept(&r, 5, 40));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint32_t from = cases[i].from > 5 ? cases[i].from : 5;
		uint32_t to = cases[i].to < 40 ? cases[i].to : 40;
		double in = from < to ? gains(from, to) : 0.0;
		double all = gains(5, 40);

		rounds_within(&r, cases[i].from, cases[i].to, t);
		if (t[0].log_e[0] != in || t[1].log_e[6] != -in)
			test_fail(__FILE__, __LINE__, "%s: %g within, want %g",
				  cases[i].why, t[0].log_e[0], in);
		rounds_without(&r, cases[i].from, cases[i].to, t);
		if (t[0].log_e[0] != all - in || t[1].log_e[6] != in - all)
			test_fail(__FILE__, __LINE__, "%s: %g without, want %g",
				  cases[i].why, t[0].log_e[0], all - in);
	}
	rounds_release(&r);
}

static void old_rounds_become_one_sum(void)
{
	struct tilts t[N_TILTS];
	struct rounds r;

	CHECK(kept(&r, 0, N_ROUNDS));
	rounds_within(&r, N_ROUNDS - 360, N_ROUNDS, t);
	CHECK(t[0].log_e[0] == gains(N_ROUNDS - 360, N_ROUNDS));
	rounds_without(&r, N_ROUNDS - 12, N_ROUNDS, t);
	CHECK(t[0].log_e[0] == gains(0, N_ROUNDS - 12));
	/* what is too old cannot be taken out: it counts as not there */
	rounds_without(&r, 0, 12, t);
	CHECK(t[0].log_e[0] == gains(0, N_ROUNDS));
	rounds_release(&r);
}

static void a_round_kept_twice_is_as_it_was_last(void)
{
	struct tilts now[N_TILTS];
	struct tilts t[N_TILTS];
	struct rounds r;

	memset(now, 0, sizeof(now));
	CHECK_EQ(rounds_init(&r, N_TILTS), 0);
	now[0].log_e[0] = 1.0;
	CHECK_EQ(rounds_keep(&r, 3, now), 0);
	now[0].log_e[0] = 5.0;
	CHECK_EQ(rounds_keep(&r, 3, now), 0);
	rounds_within(&r, 3, 4, t);
	CHECK(t[0].log_e[0] == 5.0);
	rounds_release(&r);
}

static void before_the_first_there_is_nothing(void)
{
	struct rounds r;

	CHECK_EQ(rounds_init(&r, N_TILTS), 0);
	CHECK(rounds_before(&r, 7)[1].log_e[3] == 0.0);
	rounds_release(&r);
	r = (struct rounds){ .n = 0 };
	rounds_release(&r);
}

const struct test_case test_cases[] = {
	{ "rounds: rounds are taken out or taken alone",
	  rounds_are_taken_out_or_taken_alone },
	{ "rounds: old rounds become one sum", old_rounds_become_one_sum },
	{ "rounds: a round kept twice is as it was last",
	  a_round_kept_twice_is_as_it_was_last },
	{ "rounds: before the first there is nothing",
	  before_the_first_there_is_nothing },
	{ NULL, NULL },
};
