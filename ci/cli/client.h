/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client - HTTP requests to a gate, one after another on one connection.
 *
 * Redirects are not followed: a gate never sends one, and a login page must
 * not be taken for a verdict.
 */
#ifndef CI_CLI_CLIENT_H
#define CI_CLI_CLIENT_H

#include <stdint.h>

#include "common/buf.h"

struct client;
struct err;

struct client_reply {
	unsigned int status;   /* HTTP */
	int64_t retry_after_s; /* 0: no such header */
	struct buf body;
};

/*
 * Make a client.
 *
 *   gate     URL, kept by the caller as long as the client
 *   token    sent as Bearer; NULL or "": none
 *   ca_file  certificates to trust; NULL: the system's
 *
 * Returns 0, and client_free() releases *ret_c; or -ENOMEM.
 */
int client_new(const char *gate, const char *token, const char *ca_file,
	       struct client **ret_c, struct err *err);

void client_free(struct client *c);

/*
 * Send a request and read its reply.
 *
 *   target      path and query, percent-encoded: "/v1/rollouts"
 *   json        body of a POST; NULL: a GET
 *   timeout_ms  for all of it
 *   ret_r       body is emptied first; buf_release() when done
 *
 * Returns 0 with whatever status came; -EIO if no whole reply did, with what
 * curl says in err; -EMSGSIZE if the reply is longer than LIMIT_REPLY_BYTES;
 * -EINVAL if the URL or the CA file is useless; or -ENOMEM.
 */
int client_call(struct client *c, const char *target, const char *json,
		int64_t timeout_ms, struct client_reply *ret_r,
		struct err *err);

/*
 * Append "name=value" to a query, value percent-encoded, after "?" or "&" as
 * needed.
 */
void client_query_add(struct buf *target, const char *name, const char *value);

#endif /* CI_CLI_CLIENT_H */
