/* SPDX-License-Identifier: Apache-2.0 */
/*
 * request - what a handler sees of HTTP: a parsed request and a reply.
 *
 * Nothing of the HTTP library is here; http.c fills the one and sends the
 * other.
 */
#ifndef GATE_REQUEST_H
#define GATE_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/err.h"
#include "gate/auth.h"
#include "gate/fault.h"

enum {
	REQUEST_QUERY_MAX = 16, /* parameters */
	REQUEST_PARAM_MAX = 2,	/* segments that stood for "{x}" */
};

struct request_field {
	const char *name;
	const char *value; /* decoded; "" for a name without "=" */
};

struct request {
	const char *method;
	const char *path;		      /* without the query */
	const char *param[REQUEST_PARAM_MAX]; /* in order of the path */
	size_t n_query;
	struct request_field query[REQUEST_QUERY_MAX];
	const void *body;
	size_t body_len;
	int64_t sent_at_ms;   /* Sent-At header: the sender's clock; 0: none */
	int64_t came_ms;      /* when the request came, Unix time */
	int64_t now_ms;	      /* when the handler is asked, Unix time */
	const char *base_url; /* "http://host:port" as the caller sees us */
	const struct auth *auth;
	struct auth_caller caller;
};

/*
 * A query parameter.  Returns its value, or NULL if it is not there.  One
 * that is given twice was refused before a handler saw the request.
 */
const char *request_query(const struct request *rq, const char *name);

/*
 * Are there no query parameters but these?  A misspelt one must not be one left
 * out.  The list ends with NULL; err names the first other one and the list.
 * Returns 0 or -EINVAL.
 */
int request_want_only(const struct request *rq, const char *const *names,
		      struct err *err);

/*
 * May the caller do what scope asks with this service?  For handlers, which
 * know the service; that the caller may do it with some service at all was
 * checked before.
 */
bool request_may(const struct request *rq, enum scope scope,
		 const char *service);

struct reply {
	unsigned int status;	  /* of a success; 0: 200 */
	const char *content_type; /* a literal; NULL: application/json */
	enum fault fault;	  /* of a failure; FAULT_NONE: fault_of(rc) */
	const char *filename;	  /* a literal: offered for download; or NULL */
	int retry_after_s;	  /* 0: no such header */
	struct buf body;	  /* of a success */
	struct err err;		  /* of a failure */

	/*
	 * Set by a handler that would rather be asked again, beside a body
	 * that will do: the request waits until judge_version() is no longer
	 * wait_version or wait_until_ms is there, then the handler runs once
	 * more.  Where there is no room to wait the body is sent at once.
	 */
	bool wait;
	uint64_t wait_version;
	int64_t wait_until_ms;
};

#endif /* GATE_REQUEST_H */
