/* SPDX-License-Identifier: Apache-2.0 */
#include "collector/perfmap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/limits.h"
#include "tests/test.h"

/* Parse text; the map is the caller's. */
static int parse(const char *text, struct perfmap *ret_pm)
{
	return perfmap_parse(strdup(text), strlen(text), ret_pm, NULL);
}

static void lines_are_read_in_both_forms(void)
{
	struct perfmap pm;

	CHECK_EQ(parse("7f00 10 plain name\n0x8000 0x20 int A.b(int)\n9000 1 x",
		       &pm),
		 0);
	CHECK_EQ(pm.n, 3);
	CHECK_EQ(pm.n_bad_lines, 0);
	CHECK(strcmp(perfmap_find(&pm, 0x7f00), "plain name") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x7f0f), "plain name") == 0);
	CHECK(!perfmap_find(&pm, 0x7f10));
	CHECK(!perfmap_find(&pm, 0x7eff));
	CHECK(strcmp(perfmap_find(&pm, 0x8001), "int A.b(int)") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x9000), "x") == 0);
	perfmap_release(&pm);
}

static void bad_lines_are_counted_and_skipped(void)
{
	static const char text[] = "\n"
				   "hello\n"
				   "10 20\n"
				   "10 0 empty\n"
				   "fffffffffffffff0 20 wraps\n"
				   "11112222333344445 1 too long\n"
				   "10 10 good\n";
	struct perfmap pm;

	CHECK_EQ(parse(text, &pm), 0);
	CHECK_EQ(pm.n, 1);
	CHECK_EQ(pm.n_bad_lines, 6);
	CHECK(strcmp(perfmap_find(&pm, 0x18), "good") == 0);
	perfmap_release(&pm);
}

static void the_later_line_has_the_address(void)
{
	struct perfmap pm;

	CHECK_EQ(parse("100 100 old\n140 20 new\n0 1000 newest\n140 10 last\n",
		       &pm),
		 0);
	CHECK(strcmp(perfmap_find(&pm, 0x100), "newest") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x145), "last") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x150), "newest") == 0);
	perfmap_release(&pm);
	CHECK_EQ(parse("100 100 old\n140 20 new\n", &pm), 0);
	CHECK_EQ(pm.n, 3);
	CHECK(strcmp(perfmap_find(&pm, 0x13f), "old") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x140), "new") == 0);
	CHECK(strcmp(perfmap_find(&pm, 0x160), "old") == 0);
	perfmap_release(&pm);
}

static void an_empty_map_is_a_map(void)
{
	struct perfmap pm;

	CHECK_EQ(parse("", &pm), 0);
	CHECK_EQ(pm.n, 0);
	CHECK(!perfmap_find(&pm, 0));
	perfmap_release(&pm);
}

static void too_many_lines_are_refused(void)
{
	size_t len = 2 * (LIMIT_PERFMAP_LINES + 1);
	char *text = malloc(len + 1);
	struct perfmap pm = { .n = 7 };
	struct err err = { .text = "" };

	CHECK(text);
	for (size_t i = 0; i < len; i++)
		text[i] = i % 2 ? '\n' : 'x';
	CHECK_EQ(perfmap_parse(text, len, &pm, &err), -EMSGSIZE);
	CHECK(err.text[0] != '\0');
	CHECK_EQ(pm.n, 7);
}

const struct test_case test_cases[] = {
	{ "perfmap: lines are read in both forms",
	  lines_are_read_in_both_forms },
	{ "perfmap: bad lines are counted and skipped",
	  bad_lines_are_counted_and_skipped },
	{ "perfmap: the later line has the address",
	  the_later_line_has_the_address },
	{ "perfmap: an empty map is a map", an_empty_map_is_a_map },
	{ "perfmap: too many lines are refused", too_many_lines_are_refused },
	{ NULL, NULL },
};
