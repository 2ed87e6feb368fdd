/* SPDX-License-Identifier: Apache-2.0 */
/*
 * profile: what must hold for any samples.  The oracle is the list of the
 * samples, gone through once for each call path.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "collector/profile.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/arena.h"
#include "common/limits.h"
#include "common/strtab.h"
#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 60, SAMPLES_MAX = 300, DEPTH_MAX = 12 };

struct sample {
	size_t n;
	const char *names[DEPTH_MAX];
	uint64_t ns;
};

static const char *const functions[] = { "a", "b", "c", "d", "e" };

static void draw(struct rng *rng, struct sample *s)
{
	s->n = 1 + (size_t)(rng_next(rng) % DEPTH_MAX);
	for (size_t i = 0; i < s->n; i++)
		s->names[i] = functions[rng_next(rng) % 5];
	s->ns = 1 + rng_next(rng) % 1000;
}

static int number_of(void *arg, const char *text, uint32_t *ret_number)
{
	return strtab_add(arg, text, strlen(text), ret_number);
}

/* Do the names from the root to node spell s? */
static bool is_path(const struct batch_profile *bp, const struct strtab *t,
		    uint32_t node, const struct sample *s)
{
	int32_t at = (int32_t)node;

	for (size_t i = s->n; i-- > 0; at = bp->parent[at])
		if (at < 0 ||
		    strcmp(strtab_get(t, bp->function[at]), s->names[i]) != 0)
			return false;
	return at == BATCH_NO_PARENT;
}

static uint64_t oracle(const struct batch_profile *bp, const struct strtab *t,
		       uint32_t node, const struct sample *samples, size_t n)
{
	uint64_t sum_ns = 0;

	for (size_t i = 0; i < n; i++)
		if (is_path(bp, t, node, &samples[i]))
			sum_ns += samples[i].ns;
	return sum_ns;
}

/* Seal samples in the order of the list, or the other way round. */
static int seal(const struct sample *samples, size_t n, bool backwards,
		struct arena *arena, struct strtab *t,
		struct profile_result *ret_r)
{
	struct profile *p = NULL;
	int rc = profile_new(LIMIT_PROFILE_PATHS, &p, NULL);

	for (size_t i = 0; i < n && rc == 0; i++) {
		const struct sample *s = &samples[backwards ? n - 1 - i : i];

		profile_add_path(p, "main", false, s->names, s->n, s->ns);
	}
	if (rc == 0)
		rc = profile_seal(p, arena, number_of, t, ret_r, NULL);
	profile_free(p);
	return rc;
}

static bool is_same(const struct batch_profile *a,
		    const struct batch_profile *b)
{
	return a->n == b->n && a->n_samples == b->n_samples &&
	       a->period_ns == b->period_ns &&
	       memcmp(a->parent, b->parent, a->n * sizeof(*a->parent)) == 0 &&
	       memcmp(a->function, b->function, a->n * sizeof(*a->function)) ==
		       0 &&
	       memcmp(a->self_ns, b->self_ns, a->n * sizeof(*a->self_ns)) == 0;
}

static void every_sample_is_at_its_path(void)
{
	struct rng rng = { .state = test_seed() };
	static struct sample samples[SAMPLES_MAX];

	for (int round = 0; round < ROUNDS; round++) {
		size_t n = 1 + (size_t)(rng_next(&rng) % SAMPLES_MAX);
		struct profile_result r;
		struct profile_result again;
		struct arena *arena = NULL;
		struct strtab *t = NULL;
		uint64_t sum_ns = 0;

		for (size_t i = 0; i < n; i++)
			draw(&rng, &samples[i]);
		CHECK_EQ(arena_new(LIMIT_BATCH_ARENA_BYTES, &arena, NULL), 0);
		CHECK_EQ(strtab_new(64, 4096, &t, NULL), 0);
		CHECK_EQ(seal(samples, n, false, arena, t, &r), 0);
		CHECK_EQ(seal(samples, n, true, arena, t, &again), 0);
		CHECK_EQ(r.n_profiles, 1);
		CHECK_EQ(r.profiles[0].n_samples, n);
		CHECK(is_same(&r.profiles[0], &again.profiles[0]));
		for (uint32_t i = 0; i < r.profiles[0].n; i++) {
			CHECK(r.profiles[0].parent[i] < (int32_t)i);
			CHECK_EQ(r.profiles[0].self_ns[i],
				 oracle(&r.profiles[0], t, i, samples, n));
			sum_ns += r.profiles[0].self_ns[i];
		}
		for (size_t i = 0; i < n; i++)
			sum_ns -= samples[i].ns;
		CHECK_EQ(sum_ns, 0);
		arena_free(arena);
		strtab_free(t);
	}
}

const struct test_case test_cases[] = {
	{ "profile: every sample is at its path", every_sample_is_at_its_path },
	{ NULL, NULL },
};
