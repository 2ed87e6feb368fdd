/* SPDX-License-Identifier: Apache-2.0 */
/* strtab: indices, bounds, and each refusal. */
#include "common/strtab.h"

#include <errno.h>
#include <string.h>

#include "common/err.h"
#include "tests/test.h"

static void each_string_is_kept_once(void)
{
	struct strtab *t = NULL;
	uint32_t i = 99;

	CHECK_EQ(strtab_new(10, 1000, &t, NULL), 0);
	CHECK_EQ(strtab_count(t), 0);
	CHECK_EQ(strtab_find(t, "a", 1, &i), -ENOENT);
	CHECK_EQ(strtab_add(t, "abc", 1, &i), 0); /* only "a" of it */
	CHECK_EQ(i, 0);
	CHECK_EQ(strtab_add(t, "ab", 2, &i), 0);
	CHECK_EQ(i, 1);
	CHECK_EQ(strtab_add(t, "", 0, &i), 0);
	CHECK_EQ(i, 2);
	CHECK_EQ(strtab_add(t, "a", 1, &i), 0);
	CHECK_EQ(i, 0);
	CHECK_EQ(strtab_count(t), 3);
	CHECK(strcmp(strtab_get(t, 1), "ab") == 0);
	CHECK(strcmp(strtab_all(t)[0], "a") == 0);
	strtab_clear(t);
	CHECK_EQ(strtab_count(t), 0);
	CHECK_EQ(strtab_find(t, "a", 1, &i), -ENOENT);
	CHECK_EQ(strtab_add(t, "ab", 2, &i), 0);
	CHECK_EQ(i, 0);
	strtab_free(t);
}

static void a_full_table_still_finds(void)
{
	struct strtab *t = NULL;
	uint32_t i = 99;

	CHECK_EQ(strtab_new(1, 1000, &t, NULL), 0);
	CHECK_EQ(strtab_add(t, "a", 1, &i), 0);
	i = 99;
	CHECK_EQ(strtab_add(t, "b", 1, &i), -EMSGSIZE);
	CHECK_EQ(i, 99);
	CHECK_EQ(strtab_add(t, "a", 1, &i), 0);
	CHECK_EQ(i, 0);
	strtab_free(t);
}

static void bytes_are_bounded(void)
{
	struct strtab *t = NULL;
	uint32_t i = 99;

	CHECK_EQ(strtab_new(100, 64, &t, NULL), 0);
	CHECK_EQ(strtab_add(t, "0123456789012345678901234567890", 31, &i), 0);
	CHECK_EQ(strtab_add(t, "012345678901234567890123456789012345", 36, &i),
		 -EMSGSIZE);
	CHECK_EQ(strtab_count(t), 1);
	strtab_free(t);
}

static void a_table_of_none_or_too_many_is_refused(void)
{
	struct strtab *t = NULL;
	struct err err = { "" };

	CHECK_EQ(strtab_new(0, 64, &t, &err), -EINVAL);
	CHECK(err.text[0] != '\0' && !t);
	CHECK_EQ(strtab_new((1 << 24) + 1, 64, &t, NULL), -EINVAL);
	strtab_free(NULL);
}

const struct test_case test_cases[] = {
	{ "strtab: each string is kept once", each_string_is_kept_once },
	{ "strtab: a full table still finds", a_full_table_still_finds },
	{ "strtab: bytes are bounded", bytes_are_bounded },
	{ "strtab: a table of none or too many is refused",
	  a_table_of_none_or_too_many_is_refused },
	{ NULL, NULL },
};
