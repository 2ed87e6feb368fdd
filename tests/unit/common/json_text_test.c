/* SPDX-License-Identifier: Apache-2.0 */
/* json_text: what is appended is JSON, and no more than that. */
#include "common/json_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "stats/rng.h"
#include "tests/test.h"

static const struct {
	const char *text;
	const char *json;
} strings[] = {
	{ "", "\"\"" },
	{ "GET /orders/{}", "\"GET /orders/{}\"" },
	{ "a\"b\\c", "\"a\\\"b\\\\c\"" },
	{ "\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\"" },
	{ "\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\"" },
	{ "</script>&", "\"\\u003c/script\\u003e\\u0026\"" },
	{ "\xc3\xbc\xf0\x9f\x9a\x97", "\"\xc3\xbc\xf0\x9f\x9a\x97\"" },
	{ "\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\"" },
	{ "a\xff\xc3", "\"a\\ufffd\\ufffd\"" },
};

static void strings_are_escaped(void)
{
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		struct buf b = { 0 };

		json_text_string(&b, strings[i].text);
		if (b.bad || strcmp(b.bytes, strings[i].json) != 0)
			test_fail(__FILE__, __LINE__, "want %s, got %s",
				  strings[i].json, b.bytes);
		buf_release(&b);
	}
}

static void numbers_are_short_where_they_can_be(void)
{
	static const struct {
		double value;
		const char *json;
	} cases[] = {
		{ 0, "0" },	      { 0.1, "0.1" },
		{ 12, "12" },	      { -1.5, "-1.5" },
		{ 1.246, "1.246" },   { 1e300, "1e+300" },
		{ 123456, "123456" }, { 1.0 / 3, "0.3333333333333333" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		json_text_number(&b, cases[i].value);
		if (b.bad || strcmp(b.bytes, cases[i].json) != 0)
			test_fail(__FILE__, __LINE__, "want %s, got %s",
				  cases[i].json, b.bytes);
		buf_release(&b);
	}
}

static void every_double_reads_back(void)
{
	struct rng rng = { .state = test_seed() };

	for (int i = 0; i < 20000; i++) {
		uint64_t bits = rng_next(&rng);
		struct buf b = { 0 };
		double value;

		memcpy(&value, &bits, sizeof(value));
		if (!isfinite(value))
			continue;
		json_text_number(&b, value);
		CHECK(!b.bad && strtod(b.bytes, NULL) == value);
		buf_release(&b);
	}
}

static void what_is_not_finite_is_refused(void)
{
	static const double bad[] = { NAN, INFINITY, -INFINITY };

	for (int i = 0; i < 3; i++) {
		struct buf b = { 0 };

		json_text_number(&b, bad[i]);
		CHECK(b.bad && b.len == 0);
		buf_release(&b);
	}
}

const struct test_case test_cases[] = {
	{ "json_text: strings are escaped", strings_are_escaped },
	{ "json_text: numbers are short where they can be",
	  numbers_are_short_where_they_can_be },
	{ "json_text: every double reads back", every_double_reads_back },
	{ "json_text: what is not finite is refused",
	  what_is_not_finite_is_refused },
	{ NULL, NULL },
};
