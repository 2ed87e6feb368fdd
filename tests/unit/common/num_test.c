/* SPDX-License-Identifier: Apache-2.0 */
/* num: whole strings only, ranges, and that a refusal changes nothing. */
#include "common/num.h"

#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

static const char *const not_numbers[] = {
	NULL,
	"",
	" 1",
	"1 ",
	"+1",
	"0x1",
	"1_000",
	"1,5",
	"one",
	"--1",
	"1\n",
	"18446744073709551616",
	"99999999999999999999999",
};

static void what_is_no_number_is_refused(void)
{
	for (size_t i = 0; i < sizeof(not_numbers) / sizeof(not_numbers[0]);
	     i++) {
		const char *text = not_numbers[i];
		uint64_t u = 7;
		int64_t n = 7;
		double d = 7;
		struct err err = { "" };

		CHECK_EQ(num_u64("--x", text, 0, UINT64_MAX, &u, &err),
			 -EINVAL);
		CHECK(strncmp(err.text, "--x: ", 5) == 0);
		CHECK_EQ(num_i64("--x", text, INT64_MIN, INT64_MAX, &n, NULL),
			 -EINVAL);
		if (i < 11) /* the last two are numbers, if long ones */
			CHECK_EQ(num_double("--x", text, -1e9, 1e9, &d, NULL),
				 -EINVAL);
		CHECK_EQ(num_duration_ms("--x", text, 0, INT64_MAX, &n, NULL),
			 -EINVAL);
		CHECK(u == 7 && n == 7 && d == 7);
	}
}

static void whole_numbers_reach_their_ends(void)
{
	uint64_t u = 0;
	int64_t n = 0;

	CHECK_EQ(num_u64("x", "18446744073709551615", 0, UINT64_MAX, &u, NULL),
		 0);
	CHECK(u == UINT64_MAX);
	CHECK_EQ(num_u64("x", "-1", 0, UINT64_MAX, &u, NULL), -EINVAL);
	CHECK_EQ(num_u64("x", "007", 7, 7, &u, NULL), 0);
	CHECK_EQ(u, 7);
	CHECK_EQ(num_u64("x", "8", 0, 7, &u, NULL), -EINVAL);
	CHECK_EQ(num_i64("x", "-9223372036854775808", INT64_MIN, 0, &n, NULL),
		 0);
	CHECK(n == INT64_MIN);
	CHECK_EQ(num_i64("x", "9223372036854775807", 0, INT64_MAX, &n, NULL),
		 0);
	CHECK_EQ(num_i64("x", "9223372036854775808", 0, INT64_MAX, &n, NULL),
		 -EINVAL);
	CHECK_EQ(num_i64("x", "-1", 0, 5, &n, NULL), -EINVAL);
}

static void doubles_are_decimal_and_finite(void)
{
	static const char *const bad[] = { "nan", "inf", "1e999", ".5",	  "1.",
					   "1e",  "1e+", "0x1p3", "1.5x", "-" };
	double d = 7;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_EQ(num_double("x", bad[i], -INFINITY, 1e300, &d, NULL),
			 -EINVAL);
	CHECK(d == 7);
	CHECK_EQ(num_double("x", "-0.05e-1", -1, 1, &d, NULL), 0);
	CHECK(d == -0.005);
	CHECK_EQ(num_double("x", "2", 0, 1, &d, NULL), -EINVAL);
}

static void durations_have_a_unit(void)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} cases[] = {
		{ "500ms", 500 },   { "2s", 2000 },
		{ "30m", 1800000 }, { "1h", 3600000 },
		{ "0", 0 },	    { "0s", 0 },
		{ "5", -1 },	    { "4d", 345600000 },
		{ "5d", -1 },	    { "s", -1 },
		{ "-5s", -1 },	    { "1.5s", -1 },
		{ "5 s", -1 },	    { "2sx", -1 },
		{ "1h30m", -1 },    { "5S", -1 },
		{ "101h", -1 },	    { "18446744073709551615h", -1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = -1;
		int rc = num_duration_ms("x", cases[i].text, 0, 360000000, &ms,
					 NULL);

		if (ms != cases[i].ms || (rc == 0) != (ms >= 0))
			test_fail(__FILE__, __LINE__, "%s: %" PRId64,
				  cases[i].text, ms);
	}
}

static void sizes_have_a_unit(void)
{
	static const struct {
		const char *text;
		int64_t bytes; /* -1: refused */
	} cases[] = {
		{ "1K", 1024 },
		{ "500M", INT64_C(524288000) },
		{ "20G", INT64_C(21474836480) },
		{ "1T", INT64_C(1099511627776) },
		{ "0", 0 },
		{ "1025G", -1 },
		{ "5", -1 },
		{ "5g", -1 },
		{ "5GB", -1 },
		{ "G", -1 },
		{ "-5G", -1 },
		{ "1.5G", -1 },
		{ "5 G", -1 },
		{ "", -1 },
		{ "18446744073709551615K", -1 },
	};
	struct err err = { "" };
	uint64_t bytes = 7;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t got = UINT64_MAX;
		int rc = num_size("x", cases[i].text, 0, UINT64_C(1) << 40,
				  &got, NULL);

		if ((int64_t)got != cases[i].bytes ||
		    (rc == 0) != (cases[i].bytes >= 0))
			test_fail(__FILE__, __LINE__, "%s: %" PRIu64,
				  cases[i].text, got);
	}
	CHECK_EQ(
		num_size("--x", "1K", 1 << 24, UINT64_C(3) << 40, &bytes, &err),
		-EINVAL);
	CHECK(strcmp(err.text, "--x: \"1K\" is not a size of 16M to 3T; write "
			       "500M, 20G or 1T") == 0);
	CHECK_EQ(num_size("--x", NULL, 0, 9, &bytes, NULL), -EINVAL);
	CHECK_EQ(bytes, 7);
}

const struct test_case test_cases[] = {
	{ "num: what is no number is refused", what_is_no_number_is_refused },
	{ "num: whole numbers reach their ends",
	  whole_numbers_reach_their_ends },
	{ "num: doubles are decimal and finite",
	  doubles_are_decimal_and_finite },
	{ "num: durations have a unit", durations_have_a_unit },
	{ "num: sizes have a unit", sizes_have_a_unit },
	{ NULL, NULL },
};
