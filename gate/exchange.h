/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exchange - one request and its reply, without the HTTP library.
 *
 * http.c feeds it what came: the target, the head, pieces of the body.  Here
 * is decided whether that is answered, by whom and with what, in this order:
 * framing, target, endpoint, host and site, token, body.  The first refusal
 * stands.
 *
 * A reply is whole before its first byte is sent, and a 2xx is never empty:
 * clients take an empty success for a verdict.
 *
 * One thread at a time.
 */
#ifndef GATE_EXCHANGE_H
#define GATE_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gate/framing.h"
#include "gate/request.h"

struct endpoint;
struct gate;

/* The fields of a head that are looked at; NULL where there is none. */
struct exchange_head {
	const char *method;
	const char *version; /* "HTTP/1.1" */
	const struct framing_field *fields;
	size_t n_fields;
};

struct exchange {
	struct gate *gate;
	struct request rq;
	struct reply rp;
	const struct endpoint *endpoint; /* NULL until found */

	bool head_done;	 /* exchange_head() was called */
	bool refused;	 /* rp holds a refusal: no handler is asked */
	bool must_close; /* what follows on the connection is in doubt */

	unsigned int status; /* of the reply, once it is answered */

	/* what rq borrows */
	char *target;
	char *body;
	size_t body_room; /* as counted in gate->body_bytes */
	char param_bytes[64];
	char base_url[300];
	struct buf allow;
};

/*
 * Begin with the target of the request line.
 * Returns 0 and the caller owns *ret_ex: exchange_free(); or -ENOMEM.
 */
int exchange_new(struct gate *g, const char *target, struct exchange **ret_ex);

/* Release ex.  exchange_free(NULL) does nothing. */
void exchange_free(struct exchange *ex);

/* The head is there.  The caller's texts are only borrowed for the call. */
void exchange_take_head(struct exchange *ex, const struct exchange_head *head,
			int64_t now_ms);

/* A piece of the body.  One that must not be is dropped, and ex refused. */
void exchange_take_body(struct exchange *ex, const void *bytes, size_t len);

/*
 * Ask the handler and make the reply.  May be called again where rp.wait
 * says so.  Afterwards status and rp.body are what is to be sent.
 */
void exchange_answer(struct exchange *ex, int64_t now_ms);

/* Tell add() each header field of the reply, Content-Length excepted. */
void exchange_each_header(const struct exchange *ex,
			  void (*add)(void *ctx, const char *name,
				      const char *value),
			  void *ctx);

#endif /* GATE_EXCHANGE_H */
