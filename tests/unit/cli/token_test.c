/* SPDX-License-Identifier: Apache-2.0 */
/* token: where it comes from, and what cannot be one. */
#include "ci/cli/token.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/test.h"

/* What token_read() makes of a file of these bytes. */
static int read_back(const char *bytes, size_t len, struct token *t,
		     struct err *err)
{
	char path[] = "/tmp/tailgate-token-XXXXXX";
	int fd = mkstemp(path);
	int rc = -EIO;

	err->text[0] = '\0';
	if (fd < 0)
		return rc;
	if (write(fd, bytes, len) == (ssize_t)len)
		rc = token_read(path, "ignored-variable", t, err);
	close(fd);
	unlink(path);
	return rc;
}

static void a_file_comes_before_the_variable(void)
{
	struct token t;
	struct err err = { "" };

	CHECK_EQ(read_back(" secret-token\r\n", 15, &t, &err), 0);
	CHECK(strcmp(t.text, "secret-token") == 0);
	CHECK_EQ(token_read(NULL, "from-env\n", &t, &err), 0);
	CHECK(strcmp(t.text, "from-env") == 0);
	CHECK_EQ(token_read(NULL, NULL, &t, &err), 0);
	CHECK(t.text[0] == '\0');
	CHECK_EQ(token_read(NULL, "", &t, &err), 0);
	CHECK(t.text[0] == '\0');
}

static void what_cannot_be_a_token_is_refused_and_not_shown(void)
{
	char text[LIMIT_CLI_TOKEN_BYTES + 1];
	struct token t;
	struct err err = { "" };

	CHECK_EQ(token_read("/nonexistent/token", NULL, &t, &err), -ENOENT);
	CHECK_EQ(read_back("", 0, &t, &err), -EINVAL);
	CHECK_EQ(read_back(" \n", 2, &t, &err), -EINVAL);
	CHECK_EQ(read_back("secret a", 8, &t, &err), -EINVAL);
	CHECK(!strstr(err.text, "secret"));
	CHECK_EQ(read_back("secret\na", 8, &t, &err), -EINVAL);
	CHECK_EQ(read_back("secret\0a", 8, &t, &err), -EINVAL);
	CHECK_EQ(read_back("secret\xc3\xbc", 8, &t, &err), -EINVAL);
	memset(text, 'a', sizeof(text));
	CHECK_EQ(read_back(text, sizeof(text), &t, &err), -EINVAL);
	CHECK_EQ(read_back(text, sizeof(text) - 1, &t, &err), 0);
	CHECK(t.text[0] == 'a');
}

const struct test_case test_cases[] = {
	{ "token: a file comes before the variable",
	  a_file_comes_before_the_variable },
	{ "token: what cannot be a token is refused and not shown",
	  what_cannot_be_a_token_is_refused_and_not_shown },
	{ NULL, NULL },
};
