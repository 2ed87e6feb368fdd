/* SPDX-License-Identifier: Apache-2.0 */
/* buf: growing, the cap, and that failure sticks until it is asked for. */
#include "common/buf.h"

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"

static void appends_follow_each_other(void)
{
	struct buf b = { 0 };
	size_t len = 0;
	char *text;

	buf_puts(&b, "a");
	buf_add(&b, NULL, 0);
	buf_printf(&b, "%d-%s", 7, "x");
	CHECK(strcmp(b.bytes, "a7-x") == 0);
	text = buf_take(&b, &len);
	CHECK(text && strcmp(text, "a7-x") == 0);
	CHECK_EQ(len, 4);
	CHECK(b.bytes == NULL && b.len == 0 && !b.bad);
	free(text);
}

static void an_empty_document_is_a_string(void)
{
	struct buf b = { 0 };
	char *text = buf_take(&b, NULL);

	CHECK(text && text[0] == '\0');
	free(text);
}

static void what_is_long_is_kept_whole(void)
{
	struct buf b = { 0 };
	size_t len = 0;
	char *text;

	for (int i = 0; i < 10000; i++)
		buf_printf(&b, "%04d", i);
	text = buf_take(&b, &len);
	CHECK_EQ(len, 40000);
	CHECK(text && memcmp(text + 39996, "9999", 5) == 0);
	free(text);
}

static void the_cap_holds_and_sticks(void)
{
	struct buf b = { .max = 4 };

	buf_puts(&b, "1234");
	CHECK(!b.bad);
	buf_puts(&b, "5");
	CHECK(b.bad);
	buf_add(&b, "", 0);
	CHECK_EQ(b.len, 4);
	CHECK(buf_take(&b, NULL) == NULL);
	CHECK(!b.bad && b.len == 0 && b.max == 4);
	buf_printf(&b, "%s", "12345");
	CHECK(b.bad);
	buf_release(&b);
	CHECK(!b.bad);
}

const struct test_case test_cases[] = {
	{ "buf: appends follow each other", appends_follow_each_other },
	{ "buf: an empty document is a string", an_empty_document_is_a_string },
	{ "buf: what is long is kept whole", what_is_long_is_kept_whole },
	{ "buf: the cap holds and sticks", the_cap_holds_and_sticks },
	{ NULL, NULL },
};
