/* SPDX-License-Identifier: Apache-2.0 */
#include "gate/html.h"

#include <string.h>

#include "common/buf.h"
#include "tests/test.h"

static void markup_from_outside_is_text(void)
{
	static const struct {
		const char *why;
		const char *text;
		size_t max;
		const char *want;
	} cases[] = {
		{ "nothing", "", 9, "" },
		{ "an element", "<b>", 9, "&lt;b&gt;" },
		{ "out of an attribute", "\"'", 9, "&quot;&#39;" },
		{ "an entity", "&lt;", 9, "&amp;lt;" },
		{ "other letters", "\xc3\xa4", 9, "\xc3\xa4" },
		{ "broken UTF-8", "a\xc3", 9, "a\xef\xbf\xbd" },
		{ "a control character", "a\x01", 9, "a\xef\xbf\xbd" },
		{ "it fits", "abc", 3, "abc" },
		{ "it does not", "abcd", 3, "ab\xe2\x80\xa6" },
		{ "characters are cut, not bytes",
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", 3,
		  "\xc3\xa4\xc3\xa4\xe2\x80\xa6" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buf b = { 0 };

		html_text_cut(&b, cases[i].text, cases[i].max);
		if (strcmp(b.bytes ? b.bytes : "", cases[i].want) != 0)
			test_fail(__FILE__, __LINE__, "%s: %s", cases[i].why,
				  b.bytes ? b.bytes : "");
		buf_release(&b);
	}
}

static void counts_and_times_are_readable(void)
{
	struct buf b = { 0 };

	html_count(&b, 1234567);
	CHECK(strcmp(b.bytes, "1,234,567") == 0);
	buf_release(&b);
	html_count(&b, 999);
	CHECK(strcmp(b.bytes, "999") == 0);
	buf_release(&b);
	html_time(&b, 0);
	CHECK(strstr(b.bytes, "1970-01-01T00:00:00Z") != NULL);
	buf_release(&b);
}

const struct test_case test_cases[] = {
	{ "html: markup from outside is text", markup_from_outside_is_text },
	{ "html: counts and times are readable",
	  counts_and_times_are_readable },
	{ NULL, NULL },
};
