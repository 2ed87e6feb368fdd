/* SPDX-License-Identifier: Apache-2.0 */
/* token - what proves to the gate who is asking. */
#ifndef CI_CLI_TOKEN_H
#define CI_CLI_TOKEN_H

#include "common/limits.h"

struct err;

struct token {
	char text[LIMIT_CLI_TOKEN_BYTES + 1]; /* "" if there is none */
};

/*
 * Take the token from a file, or from a variable where no file is named.
 * White space around it is left out.
 *
 *   file      path; NULL: none
 *   variable  value of TAILGATE_TOKEN; NULL: not set
 *
 * Returns 0; -ENOENT if the file cannot be read; -EINVAL if what it holds is
 * empty or cannot be a token: it is never shown.
 */
int token_read(const char *file, const char *variable, struct token *ret_t,
	       struct err *err);

#endif /* CI_CLI_TOKEN_H */
