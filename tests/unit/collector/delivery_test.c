/* SPDX-License-Identifier: Apache-2.0 */
/* delivery: what a gate's answer leads to, and when it is tried again. */
#include "collector/delivery.h"

#include <string.h>

#include "tests/test.h"

static void answers_mean_what_the_format_says(void)
{
	static const struct {
		long status;
		const char *code;
		enum delivery want;
	} cases[] = {
		{ 200, "", DELIVERY_DONE },
		{ 204, "", DELIVERY_MISDIRECTED }, /* not a gate */
		{ 302, "", DELIVERY_MISDIRECTED },
		{ 400, "BAD_BATCH", DELIVERY_REFUSED },
		{ 400, "", DELIVERY_REFUSED },
		{ 400, "UNSUPPORTED_VERSION", DELIVERY_VERSION },
		{ 401, "NO_TOKEN", DELIVERY_MISDIRECTED },
		{ 403, "FORBIDDEN", DELIVERY_MISDIRECTED },
		{ 404, "", DELIVERY_MISDIRECTED },
		{ 408, "TOO_SLOW", DELIVERY_LATER },
		{ 409, "DUPLICATE_COLLECTOR", DELIVERY_REFUSED },
		{ 413, "TOO_LARGE", DELIVERY_REFUSED },
		{ 429, "", DELIVERY_LATER },
		{ 500, "INTERNAL", DELIVERY_LATER },
		{ 503, "UNSUPPORTED_VERSION", DELIVERY_LATER },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (delivery_of(cases[i].status, cases[i].code) !=
		    cases[i].want)
			test_fail(__FILE__, __LINE__, "%ld %s", cases[i].status,
				  cases[i].code);
}

static void the_code_is_the_one_of_the_document(void)
{
	static const struct {
		const char *why;
		const char *body;
		const char *want;
	} cases[] = {
		{ "as the gate writes it", "{\"error\":\"x\",\"code\":\"A_1\"}",
		  "A_1" },
		{ "with blanks", "{ \"code\" :\n \"A\" }", "A" },
		{ "not one inside a message",
		  "{\"error\":\"\\\"code\\\":\\\"NO\\\"\",\"code\":\"A\"}",
		  "A" },
		{ "not one deeper", "{\"x\":{\"code\":\"NO\"},\"code\":\"A\"}",
		  "A" },
		{ "not a value", "{\"x\":\"code\",\"code\":\"A\"}", "A" },
		{ "not a number", "{\"code\":7}", "" },
		{ "not small letters", "{\"code\":\"no\"}", "" },
		{ "not cut", "{\"code\":\"A", "" },
		{ "empty", "{\"code\":\"\"}", "" },
		{ "no JSON", "<html>", "" },
		{ "nothing", "", "" },
	};
	char code[DELIVERY_CODE_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		delivery_code(cases[i].body, strlen(cases[i].body), code);
		if (strcmp(code, cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: \"%s\"",
				  cases[i].why, code);
	}
}

static void waits_double_up_to_a_bound(void)
{
	static const struct {
		unsigned int n_failures;
		uint64_t retry_after_s;
		uint64_t min_ms;
		uint64_t max_ms;
	} cases[] = {
		{ 1, 0, 250, 500 },
		{ 2, 0, 500, 1000 },
		{ 7, 0, 15000, 30000 },
		{ 4000000000U, 0, 15000, 30000 },
		{ 1, 10, 10000, 11000 },
		{ 1, 1000000, 600000, 660000 }, /* a slip of the gate's */
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (uint64_t random = 0; random < 5000; random++) {
			uint64_t ms = delivery_backoff_ms(
				cases[i].n_failures, cases[i].retry_after_s,
				random * UINT64_C(0x9e3779b97f4a7c15));

			CHECK(ms >= cases[i].min_ms);
			CHECK(ms <= cases[i].max_ms);
		}
	}
}

static void the_own_delay_is_at_most_half_a_window(void)
{
	for (uint64_t random = 0; random < 20000; random++) {
		CHECK(delivery_delay_ms(1000, random) <= 500);
		CHECK(delivery_delay_ms(10000, random) <= 5000);
		CHECK(delivery_delay_ms(60000, random) <= 5000);
	}
}

static void only_a_difference_that_is_sure_is_skew(void)
{
	CHECK_EQ(delivery_skew_ms(100, 100900, 101000), 0);
	CHECK_EQ(delivery_skew_ms(100, 99000, 99500), 500);
	CHECK_EQ(delivery_skew_ms(100, 103000, 103100), -2001);
	/* slow on the way: the answer could have been written in between */
	CHECK_EQ(delivery_skew_ms(105, 100000, 110000), 0);
}

const struct test_case test_cases[] = {
	{ "delivery: answers mean what the format says",
	  answers_mean_what_the_format_says },
	{ "delivery: the code is the one of the document",
	  the_code_is_the_one_of_the_document },
	{ "delivery: waits double up to a bound", waits_double_up_to_a_bound },
	{ "delivery: the own delay is at most half a window",
	  the_own_delay_is_at_most_half_a_window },
	{ "delivery: only a difference that is sure is skew",
	  only_a_difference_that_is_sure_is_skew },
	{ NULL, NULL },
};
