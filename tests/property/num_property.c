/* SPDX-License-Identifier: Apache-2.0 */
/*
 * num: any text is taken or refused as the C library and a look at its
 * characters say.
 *
 * A failure prints the seed; pass it as the first argument to repeat it.
 */
#include "common/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "stats/rng.h"
#include "tests/test.h"

enum { ROUNDS = 200000, LEN = 22 };

static void text_draw(struct rng *rng, char *text)
{
	static const char chars[] = "000112345678999999-+. mshd";
	/* mostly digits, so that most texts are numbers of some size */
	size_t digits = (size_t)(rng_next(rng) % LEN);
	size_t len = digits + (size_t)(rng_next(rng) % (LEN - digits));

	for (size_t i = 0; i < len; i++)
		text[i] =
			chars[rng_next(rng) % (i < digits && rng_next(rng) % 30
						       ? 18
						       : sizeof(chars) - 1)];
	text[len] = '\0';
}

/* What the C library makes of digits; false if they are not only that. */
static bool oracle(const char *text, const char *rest, uint64_t *ret_value)
{
	char *end;

	if (strspn(text, "0123456789") != strlen(text) - strlen(rest) ||
	    text == rest)
		return false;
	errno = 0;
	*ret_value = strtoull(text, &end, 10);
	return errno == 0 && end == rest;
}

static void whole_numbers_are_those_of_the_library(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		char text[LEN + 1];
		uint64_t max = rng_next(&rng) >> rng_next(&rng) % 64;
		uint64_t want = 0;
		uint64_t got = 0;
		bool ok;
		int rc;

		text_draw(&rng, text);
		ok = oracle(text, text + strlen(text), &want) && want <= max;
		rc = num_u64("x", text, 0, max, &got, NULL);
		if ((rc == 0) != ok || (ok && got != want))
			test_fail(__FILE__, __LINE__, "\"%s\": %d", text, rc);
	}
}

static void signed_numbers_are_those_of_the_library(void)
{
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		char text[LEN + 2] = "-";
		bool minus = rng_next(&rng) % 2;
		const char *whole = minus ? text : text + 1;
		uint64_t size = 0;
		int64_t got = 0;
		bool ok;
		int rc;

		text_draw(&rng, text + 1);
		ok = oracle(text + 1, text + strlen(text), &size) &&
		     size <= (uint64_t)INT64_MAX + minus;
		if (!minus && text[1] == '-')
			continue; /* the other half has these */
		rc = num_i64("x", whole, INT64_MIN, INT64_MAX, &got, NULL);
		if ((rc == 0) != ok ||
		    (ok && (uint64_t)got != (minus ? 0 - size : size)))
			test_fail(__FILE__, __LINE__, "\"%s\": %d", whole, rc);
	}
}

static void durations_are_digits_and_a_unit(void)
{
	static const char *const units[] = { "", "ms", "s", "m", "h", "d" };
	static const uint64_t ms[] = { 1, 1, 1000, 60000, 3600000, 86400000 };
	struct rng rng = { .state = test_seed() };

	for (int round = 0; round < ROUNDS; round++) {
		char text[LEN + 1];
		const char *unit;
		uint64_t n = 0;
		int64_t got = 0;
		bool ok = false;
		int rc;

		text_draw(&rng, text);
		unit = text + strspn(text, "0123456789");
		for (size_t i = 0; i < 6 && oracle(text, unit, &n); i++)
			if (strcmp(unit, units[i]) == 0 && (i > 0 || n == 0) &&
			    n <= (uint64_t)INT64_MAX / ms[i]) {
				ok = true;
				n *= ms[i];
				break;
			}
		rc = num_duration_ms("x", text, 0, INT64_MAX, &got, NULL);
		if ((rc == 0) != ok || (ok && (uint64_t)got != n))
			test_fail(__FILE__, __LINE__, "\"%s\": %d", text, rc);
	}
}

const struct test_case test_cases[] = {
	{ "num: whole numbers are those of the library",
	  whole_numbers_are_those_of_the_library },
	{ "num: signed numbers are those of the library",
	  signed_numbers_are_those_of_the_library },
	{ "num: durations are digits and a unit",
	  durations_are_digits_and_a_unit },
	{ NULL, NULL },
};
