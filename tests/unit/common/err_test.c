/* SPDX-License-Identifier: Apache-2.0 */
/* err: the first message wins, and length is no matter. */
#include "common/err.h"

#include <errno.h>
#include <string.h>

#include "tests/test.h"

static void the_first_message_wins(void)
{
	struct err err = { "" };

	CHECK_EQ(err_set(&err, -EIO, "disk %d", 3), -EIO);
	CHECK_EQ(err_set(&err, -EINVAL, "whole file"), -EINVAL);
	CHECK(strcmp(err.text, "disk 3") == 0);
	CHECK_EQ(err_set(NULL, -EIO, "nobody listens"), -EIO);
}

static void a_long_message_is_cut(void)
{
	struct err err = { "" };

	err_set(&err, -EIO, "%0500d", 1);
	CHECK_EQ(strlen(err.text), sizeof(err.text) - 1);
}

static void an_errno_has_words(void)
{
	CHECK(strcmp(err_describe(-EPERM), err_describe(EPERM)) == 0);
	CHECK(strstr(err_describe(ENOENT), "No such file") != NULL);
	CHECK(strcmp(err_describe(99999), "unknown error") == 0);
}

const struct test_case test_cases[] = {
	{ "err: the first message wins", the_first_message_wins },
	{ "err: a long message is cut", a_long_message_is_cut },
	{ "err: an errno has words", an_errno_has_words },
	{ NULL, NULL },
};
