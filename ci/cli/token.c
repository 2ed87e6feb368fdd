/* SPDX-License-Identifier: Apache-2.0 */
#include "ci/cli/token.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

static const char space[] = " \t\r\n";

/* A header field ends where a line does: no control characters, no space. */
static int token_take(const char *from, const char *text, struct token *ret_t,
		      struct err *err)
{
	size_t len;

	text += strspn(text, space);
	len = strlen(text);
	while (len > 0 && strchr(space, text[len - 1]))
		len--;
	if (len == 0 || len > LIMIT_CLI_TOKEN_BYTES)
		return err_set(err, -EINVAL,
			       "%.120s holds %zu bytes, not a token of 1 to "
			       "%d",
			       from, len, LIMIT_CLI_TOKEN_BYTES);
	for (size_t i = 0; i < len; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			return err_set(err, -EINVAL,
				       "%.120s: byte %zu of the token is no "
				       "printable ASCII",
				       from, i);
	}
	memcpy(ret_t->text, text, len);
	ret_t->text[len] = '\0';
	return 0;
}

int token_read(const char *file, const char *variable, struct token *ret_t,
	       struct err *err)
{
	char text[LIMIT_CLI_TOKEN_BYTES + 64] = "";
	FILE *f;
	size_t n;
	int rc;

	ret_t->text[0] = '\0';
	if (!file)
		return variable && variable[0] != '\0'
			       ? token_take("TAILGATE_TOKEN", variable, ret_t,
					    err)
			       : 0;
	f = fopen(file, "re");
	if (!f)
		return err_set(err, -ENOENT, "--token-file %.120s: %s", file,
			       err_describe(errno));
	n = fread(text, 1, sizeof(text) - 1, f);
	if (ferror(f))
		rc = err_set(err, -ENOENT, "--token-file %.120s: %s", file,
			     err_describe(errno));
	else if (strlen(text) != n)
		rc = err_set(err, -EINVAL, "--token-file %.120s is binary",
			     file);
	else
		rc = token_take(file, text, ret_t, err);
	fclose(f);
	return rc;
}
