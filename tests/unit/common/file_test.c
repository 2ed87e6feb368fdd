/* SPDX-License-Identifier: Apache-2.0 */
/* file: read whole or refused with its path. */
#include "common/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

static void a_file_is_read_whole_or_refused(void)
{
	char path[] = "/tmp/file_test.XXXXXX";
	int fd = mkstemp(path);
	struct err err = { .text = "" };
	char *text = NULL;
	size_t len = 0;

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "a\0bc", 4), 4);
	CHECK_EQ(close(fd), 0);
	CHECK_EQ(file_read(path, 4, &text, &len, &err), 0);
	CHECK_EQ(len, 4);
	CHECK(memcmp(text, "a\0bc", 5) == 0);
	free(text);
	text = NULL;
	CHECK_EQ(file_read(path, 3, &text, &len, &err), -EMSGSIZE);
	CHECK(strstr(err.text, path) && strstr(err.text, "3 bytes"));
	CHECK_EQ(unlink(path), 0);
	err.text[0] = '\0';
	CHECK_EQ(file_read(path, 4, &text, &len, &err), -ENOENT);
	CHECK(strstr(err.text, path) && strstr(err.text, "No such file"));
	err.text[0] = '\0';
	CHECK_EQ(file_read("/tmp", 4, &text, &len, &err), -EIO);
	CHECK(strstr(err.text, "directory"));
	CHECK(!text);
	CHECK_EQ(len, 4);
}

const struct test_case test_cases[] = {
	{ "file: a file is read whole or refused",
	  a_file_is_read_whole_or_refused },
	{ NULL, NULL },
};
