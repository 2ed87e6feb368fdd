/* SPDX-License-Identifier: Apache-2.0 */
/* time_text: what is a moment, which one, and what is none. */
#include "common/time_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"

static void a_moment_is_read(void)
{
	static const struct {
		const char *text;
		int64_t want_ms;
	} cases[] = {
		{ "0", 0 },
		{ "1769851811250", INT64_C(1769851811250) },
		{ "253402300799999", LIMIT_TIME_MS },
		{ "1970-01-01T00:00:00Z", 0 },
		{ "2023-11-14T22:13:20Z", INT64_C(1700000000000) },
		{ "2023-11-14 22:13:20 UTC", INT64_C(1700000000000) },
		{ "2023-11-14t22:13:20z", INT64_C(1700000000000) },
		{ "2023-11-14T23:13:20+01:00", INT64_C(1700000000000) },
		{ "2023-11-14T16:43:20-05:30", INT64_C(1700000000000) },
		{ "2023-11-14T22:13:20.25Z", INT64_C(1700000000250) },
		{ "2023-11-14T22:13:20.123999999Z", INT64_C(1700000000123) },
		{ "2024-02-29T00:00:00Z", INT64_C(1709164800000) },
		{ "2000-02-29T00:00:00Z", INT64_C(951782400000) },
		{ "9999-12-31T23:59:59.999Z", LIMIT_TIME_MS },
		{ "1970-01-01T01:00:00+01:00", 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int64_t ms = -1;

		if (time_text_read("from", cases[i].text, &ms, NULL) < 0 ||
		    ms != cases[i].want_ms)
			test_fail(__FILE__, __LINE__, "%s: %" PRId64,
				  cases[i].text, ms);
	}
}

static void what_is_none_is_refused_and_named(void)
{
	static const char *const texts[] = {
		NULL,
		"",
		" ",
		"-1",
		"1.5",
		"+1769851811250",
		"253402300800000",
		"99999999999999999999",
		"now",
		"yesterday",
		"2023-11-14",
		"2023-11-14T22:13Z",
		"2023-11-14T22:13:20", /* no zone: whose clock? */
		"2023-11-14T22:13:20 Z",
		"2023-11-14T22:13:20Z ",
		" 2023-11-14T22:13:20Z",
		"2023-11-14T22:13:20.Z",
		"2023-11-14T22:13:20+1:00",
		"2023-11-14T22:13:20+01",
		"2023-11-14T22:13:20+24:00",
		"2023-11-14T24:00:00Z",
		"2023-11-14T22:60:20Z",
		"2016-12-31T23:59:60Z", /* a leap second */
		"2023-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2023-13-01T00:00:00Z",
		"2023-00-01T00:00:00Z",
		"2023-04-31T00:00:00Z",
		"2023-04-00T00:00:00Z",
		"1969-12-31T23:59:59Z",
		"1970-01-01T00:00:00+00:01",
		"9999-12-31T23:59:59-00:01",
		"20231114T221320Z",
		"2023/11/14 22:13:20Z",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct err err = { "" };
		int64_t ms = 7;

		if (time_text_read("until", texts[i], &ms, &err) != -EINVAL ||
		    ms != 7 || strncmp(err.text, "until: ", 7) != 0)
			test_fail(__FILE__, __LINE__, "%s: %" PRId64 " %s",
				  texts[i] ? texts[i] : "NULL", ms, err.text);
	}
}

static void what_is_written_reads_back(void)
{
	static const int64_t moments[] = { 0, INT64_C(951782400000),
					   INT64_C(1700000000999),
					   LIMIT_TIME_MS };
	char text[TIME_TEXT_BYTES];

	for (size_t i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
		int64_t ms = -1;

		time_text_write(moments[i], text);
		CHECK_EQ(time_text_read("t", text, &ms, NULL), 0);
		CHECK_EQ(ms, moments[i] / 1000 * 1000);
	}
	time_text_write(-1, text);
	CHECK(strcmp(text, "(no time)") == 0);
	time_text_write(LIMIT_TIME_MS + 1, text);
	CHECK(strcmp(text, "(no time)") == 0);
}

const struct test_case test_cases[] = {
	{ "time_text: a moment is read", a_moment_is_read },
	{ "time_text: what is none is refused and named",
	  what_is_none_is_refused_and_named },
	{ "time_text: what is written reads back", what_is_written_reads_back },
	{ NULL, NULL },
};
