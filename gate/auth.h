/* SPDX-License-Identifier: Apache-2.0 */
/*
 * auth - who may ask for what: tokens, their scopes and services.
 *
 * A token file has one grant a line, "#" begins a comment:
 *
 *	ingest:orders   sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b...
 *	decide:orders   sha256:60303ae22b998861bce3b28f33eec1be758a213c86c9...
 *	read:*          a-token-in-clear-text
 *	admin           sha256:fd61a03af4f77d870fc21e05e7e80678095c92d8...
 *
 * SCOPE:SERVICE, blanks, and the token or "sha256:" and the hex SHA-256 of
 * it ("printf %s TOKEN | sha256sum").  "*" stands for every service; admin
 * has none.  A token on several lines has all their grants.  decide allows
 * read of the same service, admin allows everything.
 *
 * Only hashes are kept in memory.  A token comes as "Authorization: Bearer
 * TOKEN" or as the password of Basic, whatever the user name, and is compared
 * with every hash there is in the same time whether or not one matches.
 *
 * Without a token file the gate is open: every caller may do everything.
 *
 * Any thread may call; nothing changes after auth_open().
 */
#ifndef GATE_AUTH_H
#define GATE_AUTH_H

#include <stdbool.h>
#include <stddef.h>

#include "gate/dispatch.h"

struct auth;
struct err;

/* Who asks: a token.  Plain data, valid as long as the auth it came from. */
struct auth_caller {
	size_t token;
};

/*
 * Read a token file.
 *
 *   path   NULL: open
 *   ret_a  receives the tokens; the caller owns them: auth_close()
 *
 * Returns 0; -ENOENT or -EIO if the file cannot be read; -EINVAL with line
 * number and remedy for a line that is wrong or a file without a grant;
 * -EMSGSIZE beyond a limit; -ENOMEM.
 */
int auth_open(const char *path, struct auth **ret_a, struct err *err);

/* The same from text, which is not changed.  Returns as auth_open() does. */
int auth_parse(const char *text, size_t len, struct auth **ret_a,
	       struct err *err);

/* Release a.  auth_close(NULL) does nothing. */
void auth_close(struct auth *a);

/* Is there no token at all, so that everybody may do everything? */
bool auth_is_open(const struct auth *a);

/*
 * Whose token is in an Authorization header?
 *
 *   header  its value; NULL if there is none
 *
 * Returns 0, or -EACCES if there is none, it is malformed or not known.
 */
int auth_identify(const struct auth *a, const char *header,
		  struct auth_caller *ret_caller, struct err *err);

/*
 * May this caller do what scope asks?
 *
 *   service  NULL: for at least one service
 */
bool auth_may(const struct auth *a, struct auth_caller caller, enum scope scope,
	      const char *service);

#endif /* GATE_AUTH_H */
