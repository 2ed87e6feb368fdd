/* SPDX-License-Identifier: Apache-2.0 */
/* text: which bytes are characters, and which of them are refused. */
#include "common/text.h"

#include <string.h>

#include "tests/test.h"

static const struct {
	const char *text;
	size_t n;
	const char *why;
} chars[] = {
	{ "a", 1, "ASCII" },
	{ "\xc3\xbc", 2, "two bytes" },
	{ "\xe2\x82\xac", 3, "three bytes" },
	{ "\xf0\x9f\x9a\x97", 4, "four bytes" },
	{ "\xf4\x8f\xbf\xbf", 4, "U+10FFFF, the last" },
	{ "\x80", 0, "a byte that continues nothing" },
	{ "\xc0\xaf", 0, "overlong slash" },
	{ "\xe0\x80\xaf", 0, "overlong in three" },
	{ "\xf0\x80\x80\xaf", 0, "overlong in four" },
	{ "\xed\xa0\x80", 0, "a surrogate" },
	{ "\xf4\x90\x80\x80", 0, "beyond U+10FFFF" },
	{ "\xe2\x82", 0, "cut short" },
	{ "\xc3z", 0, "not continued" },
	{ "\xff", 0, "never a first byte" },
};

static void characters_are_told_from_other_bytes(void)
{
	for (size_t i = 0; i < sizeof(chars) / sizeof(chars[0]); i++) {
		size_t n = text_char(chars[i].text, strlen(chars[i].text));

		if (n != chars[i].n)
			test_fail(__FILE__, __LINE__, "%s: %zu bytes",
				  chars[i].why, n);
	}
}

static void control_characters_are_not_clean(void)
{
	CHECK(text_is_clean(""));
	CHECK(text_is_clean("GET /orders/{} \xc3\xbc \xe2\x82\xac"));
	CHECK(text_is_clean("\xc2\xa0")); /* the first after C1 */
	CHECK(!text_is_clean("a\nb"));
	CHECK(!text_is_clean("a\x7f"));
	CHECK(!text_is_clean("a\xc2\x9b")); /* CSI: moves a terminal */
	CHECK(!text_is_clean("a\xff"));
}

static void what_is_shown_is_clean_and_cut_between_characters(void)
{
	static const struct {
		const char *text;
		const char *want; /* in 8 bytes */
	} cases[] = {
		{ "", "" },
		{ "orders", "orders" },
		{ "a\x1b[31mb", "a?[31mb" },
		{ "a\xc2\x9b\xff", "a??" },
		{ "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac",
		  "\xe2\x82\xac\xe2\x82\xac" },
		{ "12345678", "1234567" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char shown[8];

		text_clean(shown, sizeof(shown), cases[i].text);
		if (strcmp(shown, cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s", shown);
	}
}

const struct test_case test_cases[] = {
	{ "text: characters are told from other bytes",
	  characters_are_told_from_other_bytes },
	{ "text: control characters are not clean",
	  control_characters_are_not_clean },
	{ "text: what is shown is clean and cut between characters",
	  what_is_shown_is_clean_and_cut_between_characters },
	{ NULL, NULL },
};
