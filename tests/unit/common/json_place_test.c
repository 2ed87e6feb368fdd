/* SPDX-License-Identifier: Apache-2.0 */
/* json_place: lines and columns as an editor shows them. */
#include "common/json_place.h"

#include <string.h>

#include "tests/test.h"

static void each_part_is_found_where_it_begins(void)
{
	static const struct {
		const char *why;
		const char *text;
		size_t member;
		size_t part;
		unsigned int line;
		unsigned int column;
	} cases[] = {
		{ "a key", "{\"a\":1}", 0, JSON_PLACE_KEY, 1, 2 },
		{ "its value", "{\"a\":1}", 0, JSON_PLACE_VALUE, 1, 6 },
		{ "the second", "{\"a\":1,\n  \"b\" : true}", 1,
		  JSON_PLACE_VALUE, 2, 9 },
		{ "a key of the second", "{\"a\":{\"x\":2},\n\t\"b\":3}", 1,
		  JSON_PLACE_KEY, 2, 2 },
		{ "columns are characters",
		  "{\"\xc3\xa4\":\"\xe2\x82\xac\","
		  "\"b\":3}",
		  1, JSON_PLACE_VALUE, 1, 14 },
		{ "a text like a key is none", "{\"a\":\"b\",\"b\":\"a\"}", 1,
		  JSON_PLACE_VALUE, 1, 14 },
		{ "brackets in a text are none", "{\"a\":\"]}\\\"{\",\"b\":3}",
		  1, JSON_PLACE_VALUE, 1, 18 },
		{ "an element", "{\"a\":[1,\n[2,3],\n\"x\"]}", 0, 2, 3, 1 },
		{ "and not one deeper", "{\"a\":[[1,2],3]}", 0, 1, 1, 13 },
		{ "nor another member's", "{\"a\":[1,2],\"b\":[3]}", 1, 0, 1,
		  17 },
		{ "no such element", "{\"a\":[1]}", 0, 1, 0, 0 },
		{ "no such member", "{\"a\":[1]}", 1, JSON_PLACE_KEY, 0, 0 },
		{ "nothing at all", "", 0, JSON_PLACE_VALUE, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct json_place p =
			json_place_of(cases[i].text, strlen(cases[i].text),
				      cases[i].member, cases[i].part);

		if (p.line != cases[i].line || p.column != cases[i].column)
			test_fail(__FILE__, __LINE__, "%s: line %u column %u",
				  cases[i].why, p.line, p.column);
	}
}

static void a_byte_past_the_end_is_after_the_last(void)
{
	struct json_place p = json_place_at("a\nbc", 4, 99);

	CHECK_EQ(p.line, 2);
	CHECK_EQ(p.column, 3);
}

const struct test_case test_cases[] = {
	{ "json_place: each part is found where it begins",
	  each_part_is_found_where_it_begins },
	{ "json_place: a byte past the end is after the last",
	  a_byte_past_the_end_is_after_the_last },
	{ NULL, NULL },
};
